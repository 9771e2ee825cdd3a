//! Who acts: the value that authentication returns and every operation takes.

use core::net::IpAddr;

use crate::ids::{KeyId, RequestId, SigningKeyId, TenantId, TokenId};
use crate::key::Owner;
use crate::role::Scopes;
use crate::time::Position;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person at the machine itself, with the data folder in hand. No network reaches this.
    Console,
    /// The server, on its own schedule.
    Server,
    /// Somebody who showed a key, or a token minted from one.
    Holder(Holder),
}

/// Somebody who showed a credential. What it is worth is looked up when something is decided, not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The owner of the key.
    pub identity: Owner,
    /// The key shown, or the one from which the token shown was minted.
    pub key: KeyId,
    /// The only tenant in which this credential acts, if it is only one. Tokens always have one.
    pub confined_to: Option<TenantId>,
    /// What the credential is narrowed to.
    pub scopes: Scopes,
    /// The token shown, if it was one.
    pub token: Option<Token>,
    /// From which address, if that is known. Keys with a list of addresses are accepted from these only.
    pub from: Option<IpAddr>,
}

/// The parts of a minted token that decide, after its signature, whether it is still accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// Its `jti`.
    pub id: TokenId,
    /// The position of the log at which it was authorised.
    pub seq: Position,
    /// The key that signed it.
    pub signing_key: SigningKeyId,
}

/// Who acted, as an event records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorId {
    /// A person at the machine itself.
    Console,
    /// The server.
    Server,
    /// The holder of a credential.
    Holder {
        /// The owner of the key.
        identity: Owner,
        /// The key.
        key: KeyId,
        /// The token minted from it, if one was shown.
        token: Option<TokenId>,
    },
}

impl Actor {
    /// Who this is, for the record.
    pub fn id(&self) -> ActorId {
        match self {
            Self::Console => ActorId::Console,
            Self::Server => ActorId::Server,
            Self::Holder(holder) => ActorId::Holder {
                identity: holder.identity,
                key: holder.key,
                token: holder.token.map(|token| token.id),
            },
        }
    }
}

impl ActorId {
    /// Whether this id is of the one who acted, of the key used, or of the token shown.
    pub fn is(&self, id: [u8; 16]) -> bool {
        match self {
            Self::Console | Self::Server => false,
            Self::Holder { identity, key, token } => {
                let identity = match identity {
                    Owner::User(user) => user.bytes(),
                    Owner::ServiceAccount(account) => account.bytes(),
                };
                id == identity || id == key.bytes() || token.is_some_and(|token| id == token.bytes())
            }
        }
    }
}

/// By which interface a command came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// `keyledger init`, or another command on the data folder itself.
    Bootstrap,
    /// The GraphQL API.
    GraphQl,
    /// The REST API.
    Rest,
    /// The OAuth endpoints.
    OAuth,
    /// The command line, as a client of the server.
    Cli,
    /// The web UI.
    Ui,
    /// The server's own schedule.
    Schedule,
    /// An import of existing keys.
    Import,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 8] = [
        Self::Bootstrap,
        Self::GraphQl,
        Self::Rest,
        Self::OAuth,
        Self::Cli,
        Self::Ui,
        Self::Schedule,
        Self::Import,
    ];

    /// The word for the way in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::GraphQl => "graphql",
            Self::Rest => "rest",
            Self::OAuth => "oauth",
            Self::Cli => "cli",
            Self::Ui => "ui",
            Self::Schedule => "schedule",
            Self::Import => "import",
        }
    }
}

/// A client's own name for one attempt to do something, so that trying again does not do it twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The most characters of an idempotency key.
    pub const BYTES_MAX: usize = 128;

    /// Accepts 1 to 128 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        (visible && (1..=Self::BYTES_MAX).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An idempotency key with a digest of the command that it was first used for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Idempotency {
    /// The client's name for the attempt.
    pub key: IdempotencyKey,
    /// A keyed digest of what was asked for; keyed, because what was asked for may hold names.
    pub command: [u8; 16],
}

/// What an event says about how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Who acted.
    pub actor: ActorId,
    /// By which interface.
    pub way: Way,
    /// The server's id of the request.
    pub request: RequestId,
    /// The client's idempotency key, if it sent one.
    pub idempotency: Option<Idempotency>,
    /// The event that this one follows from, when one command made several.
    pub cause: Option<Position>,
}
