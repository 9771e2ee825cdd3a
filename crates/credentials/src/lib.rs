//! Empty until its step.
