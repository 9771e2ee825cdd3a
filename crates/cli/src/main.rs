//! Empty until its step.
fn main() {}
