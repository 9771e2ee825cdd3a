//! The shell around the rules: one writer with group commit, the verification index, queries, exchange.
//!
//! It knows no HTTP. Time and randomness enter here and become values; what may be done is decided in
//! `domain`, on the open transaction of `store`.

pub mod authority;
mod writer;
mod reopening;
mod handle;
pub mod health;
mod index;
mod keyring;
mod fitting;
mod checkpoints;
pub mod proof;
mod signatures;
pub mod authenticate;
mod opaque;
pub mod sessions;
pub mod exchange;
pub mod renewal;
mod token_life;
pub mod living_tokens;
pub mod schedule;
pub mod compose;
pub mod api_tokens;
pub mod rehearsal;
pub mod set_up;
pub mod recover;
pub mod importing;
pub mod as_of;
pub mod queries;
mod ancestors;
pub mod key_list;
pub mod makers;
mod by_id;
pub mod vitals;
pub mod census;
mod tally;
mod meters;
pub mod events;
pub mod density;
pub mod named;
pub mod explaining;
pub mod life;
pub mod blast;
pub mod state_diff;
pub mod refusals;
pub mod usage;
pub mod agents;
pub mod failure;
pub mod clock;
mod entropy;

pub use as_of::{Answer, AsOf, AsOfError, Basis};
pub use authenticate::{Caller, Credential, Denial, Shown};
pub use authority::{Authority, Initialised, OpenError, Options, Request, Rollback};
pub use clock::Clock;
pub use entropy::id as fresh_id;
pub use exchange::{ExchangeError, Minted, Wanted};
pub use failure::{Denied, Failure, InputError};
pub use fitting::pepper_fits;
pub use health::{Health, Trouble};
pub use keyring::SecretSources;
pub use opaque::OpaqueSecret;
pub use schedule::Policy as SigningKeyPolicy;
pub use tally::{CredentialKind, Verifications};
pub use writer::{Done, When};
