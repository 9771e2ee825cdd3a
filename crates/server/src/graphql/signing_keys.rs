//! Signing keys in GraphQL, for operators: what is asked of them, and how they are shown.

use authority::queries::SigningKeyView;
use domain::event::RetirementReason;
use juniper::{GraphQLEnum, GraphQLInputObject, GraphQLObject};

use super::as_of::AsOfShown;
use super::connection::PageInfo;
use super::dry_run::DryRun;
use super::scalars::{Instant, LogPosition, Uuid};

/// A signing key to be.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "rotate_signing_key_input", rename_all = "none")]
pub struct RotateSigningKeyInput {
    /// From when on it signs; null, or an instant that is over: at once. It is published at once, so a later
    /// instant gives everyone time to fetch it.
    pub active_from: Option<Instant>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// A signing key to be retired.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "retire_signing_key_input", rename_all = "none")]
pub struct RetireSigningKeyInput {
    /// The signing key.
    pub signing_key_id: Uuid,
    /// Why.
    pub reason: Retirement,
    /// If true, nothing is done, and the answer tells what would be.
    pub dry_run: Option<bool>,
    /// Your own name for this attempt.
    pub idempotency_key: Option<String>,
}

/// Why a signing key is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, GraphQLEnum)]
#[graphql(name = "retirement_reason", rename_all = "none")]
#[expect(non_camel_case_types, reason = "spelt as in the API")]
pub enum Retirement {
    /// Another took its place; what it signed is accepted until it expires.
    superseded,
    /// Somebody else may have it; nothing that it signed is accepted any more.
    compromised,
}

impl From<Retirement> for RetirementReason {
    fn from(reason: Retirement) -> Self {
        match reason {
            Retirement::superseded => Self::Superseded,
            Retirement::compromised => Self::Compromised,
        }
    }
}

impl From<RetirementReason> for Retirement {
    fn from(reason: RetirementReason) -> Self {
        match reason {
            RetirementReason::Superseded => Self::superseded,
            RetirementReason::Compromised => Self::compromised,
        }
    }
}

/// A key that signs tokens; never its private half.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "signing_key", rename_all = "none")]
pub struct SigningKey {
    /// Its id, by which it is retired.
    pub id: Uuid,
    /// Its name in tokens and in the published key set: its RFC 7638 thumbprint.
    pub kid: String,
    /// From when on it signs. Of those that may, the one with the latest such instant does.
    pub active_from: Instant,
    /// When it was retired; null: it was not.
    pub retired_at: Option<Instant>,
    /// Why it was retired; null: it was not.
    pub reason: Option<Retirement>,
    /// When it was published.
    pub created_at: Instant,
}

impl From<SigningKeyView> for SigningKey {
    fn from(view: SigningKeyView) -> Self {
        let SigningKeyView { id, kid, active_from, retired, created_at } = view;
        Self {
            id: id.into(),
            kid: kid.to_string(),
            active_from: Instant(active_from),
            retired_at: retired.map(|retired| Instant(retired.moment.at)),
            reason: retired.map(|retired| retired.reason.into()),
            created_at: Instant(created_at),
        }
    }
}

/// A page of signing keys.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "signing_key_connection", rename_all = "none")]
pub struct SigningKeyConnection {
    /// The entries with their cursors.
    pub edges: Vec<SigningKeyEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// A signing key with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "signing_key_edge", rename_all = "none")]
pub struct SigningKeyEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: SigningKey,
}

/// A new signing key.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "rotate_signing_key_payload", rename_all = "none")]
pub struct RotateSigningKeyPayload {
    /// Its id, by which it is retired.
    pub id: Uuid,
    /// Its name in tokens and in the published key set.
    pub kid: String,
    /// From when on it signs.
    pub active_from: Instant,
    /// The position of the log that says so.
    pub position: LogPosition,
}

/// A retired signing key. Refusals are errors, never `success: false`.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "retire_signing_key_payload", rename_all = "none")]
pub struct RetireSigningKeyPayload {
    /// True: it is retired now, whether or not it was before. False: it was a dry run.
    pub success: bool,
    /// The signing key made in its place, if it was compromised and had not been retired before.
    pub replacement_id: Option<Uuid>,
    /// The position of the log as of which it is so.
    pub position: LogPosition,
    /// What would be done, if a dry run was asked for: nothing was done.
    pub dry_run: Option<DryRun>,
}
