//! The authority as its interfaces use it: real folders, a clock set by hand, nothing reached around.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

mod scene;
mod disk;
mod initialising;
mod truth;
mod expiry;
mod tokens;
mod remembered_tokens;
mod schedule;
mod token_life;
mod idempotency;
mod usage;
mod living_tokens;
mod long_lives;
mod sessions;
mod refusals;
mod rehearsal;
mod concurrency;
mod checkpoints;
mod durability;
mod erasure;
mod reopening;
