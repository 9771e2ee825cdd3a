//! The web UI: pages for people. What a page shows or does is one documented GraphQL operation, carried out in process
//! through the same schema and the same rights.

mod routes;
mod home;
mod root;
mod headers;
mod files;
mod sign_in;
mod set_up;
mod cookie;
mod signed_in;
mod visit;
mod document;
mod frame;
mod refusal;
mod form;
mod notices;
mod prove;
mod search;
mod shown;
mod when;
mod state_of_key;
mod consequences;
mod as_of;
mod keys;
mod key;
mod new_key;
mod ending_key;
mod accounts;
mod members;
mod tenants;
mod events;
mod refused;
mod time_machine;
mod signing_keys;
mod retiring;
mod deployment;
mod people;
mod new_tenant;
mod operating;
mod timeline;

pub(crate) use home::home;
pub(crate) use notices::Notices;
pub(crate) use refusal::Refusal;
pub(crate) use root::Root;
pub(crate) use routes::routes;
pub(crate) use signed_in::SignedIn;
