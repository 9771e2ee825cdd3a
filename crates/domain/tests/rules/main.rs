//! The rules, one by one: what is given, who wishes what, and the events or the rejection that follow.

mod scene;

mod cascade;
mod deployment;
mod difference;
mod erasure;
mod idempotence;
mod keys;
mod limits;
mod members;
mod service_accounts;
mod signing_keys;
mod tenants;
mod token_life;
mod tokens;
mod users;
