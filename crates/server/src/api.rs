//! The REST API under `/api`, as clients of Prefect 2 and 3 and its Terraform provider speak it: one file a resource.
//!
//! A tenant is account and workspace in one, and both ids are the tenant's. What is asked and ordered goes through the
//! queries and commands of the authority, as everywhere; what the caller may not see is answered as what is not there.

pub(crate) mod me;
pub(crate) mod keys;
pub(crate) mod bots;
pub(crate) mod roles;
pub(crate) mod elsewhere;
mod asker;
mod given;
