//! What the system's tests and the demo share: real servers, clients that know nothing of their inside, and
//! random histories; recorded ones and their checker.

pub mod history;
pub mod histories;
pub mod server;
pub mod client;
pub mod wire;
pub mod fuzz;
pub mod demo;
