//! Audits of a small ledger with a known history: what is shown, and what a verification finds.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod files;
mod golden;
mod lives;
mod moments;
mod opening;
mod scene;
mod showing;
mod verifying;
