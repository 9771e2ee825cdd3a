//! Empty until written.
