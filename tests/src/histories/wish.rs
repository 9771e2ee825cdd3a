//! A wish to change something of a household, and what it makes true: the checker's model of the changes.

use domain::event::TokenTarget;
use domain::ids::{KeyId, SigningKeyId, TenantId, UserId};
use domain::key::Owner;

use super::credential::Register;
use super::household::{Held, Household};
use super::operation::{Change, Clock, Kind, Value, Write};
use crate::history::dice::Dice;

/// A change that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the commands")]
pub enum Wish {
    CreateKey(Owner),
    RevokeKey(Held),
    DisableKey(Held),
    EnableKey(Held),
    /// Its end, in milliseconds since 1970.
    ShortenKey(Held, i64),
    LengthenKey(Held),
    /// Without any grace.
    RotateKey(Held),
    SuspendTenant(TenantId),
    ResumeTenant(TenantId),
    RemoveTenant(TenantId),
    SuspendOwner(Owner),
    ResumeOwner(Owner),
    RemoveOwner(Owner),
    RemoveMember(TenantId, UserId),
    JoinAgain(TenantId, UserId),
    RevokeTokens(TokenTarget),
    /// As compromised.
    RetireSigningKey(SigningKeyId),
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The first user, who operates the deployment and administers every tenant.
    Operator,
    /// The user, with the key that is never changed.
    User(UserId),
}

impl Wish {
    /// Something to wish for. Most can be undone; what cannot, brings the household to its end.
    pub(super) fn draw(dice: &mut Dice, home: &Household, now_ms: i64) -> Self {
        let held = home.any_held(dice);
        let tenant = *dice.pick(&home.tenants);
        let owner = *dice.pick(&home.owners());
        let users: Vec<UserId> = home.users.keys().copied().collect();
        let user = *dice.pick(&users);
        // What is undone is undone more often than done: otherwise everything stands still.
        let undone = !dice.one_in(4);
        match dice.below(100) {
            0..24 if undone => Self::EnableKey(held),
            0..24 => Self::DisableKey(held),
            24..31 => {
                let soon = i64::try_from(dice.below(40)).expect("forty fit");
                Self::ShortenKey(held, now_ms + 1 + soon)
            }
            31..35 => Self::LengthenKey(held),
            35..45 if undone => Self::ResumeTenant(tenant),
            35..45 => Self::SuspendTenant(tenant),
            45..59 if undone => Self::ResumeOwner(owner),
            45..59 => Self::SuspendOwner(owner),
            59..68 => Self::tokens(dice, home, held, owner, tenant),
            68..74 => Self::RevokeKey(held),
            74..87 => Self::CreateKey(owner),
            87..92 => Self::RotateKey(held),
            92..94 => Self::RemoveOwner(owner),
            94..96 => Self::RemoveMember(tenant, user),
            96..98 => Self::JoinAgain(tenant, user),
            98 => Self::RemoveTenant(tenant),
            _ => match Self::any_token(dice, home) {
                Some((_, signing_key, _)) => Self::RetireSigningKey(signing_key),
                None => Self::EnableKey(held),
            },
        }
    }

    fn any_token(dice: &mut Dice, home: &Household) -> Option<(TokenTarget, SigningKeyId, KeyId)> {
        let shown = home.shown();
        let tokens = shown.iter().filter_map(|shown| Some((shown.credential.key, shown.credential.token?)));
        let tokens: Vec<_> = tokens.collect();
        if tokens.is_empty() {
            return None;
        }
        let (key, token) = *dice.pick(&tokens);
        Some((TokenTarget::Token { token: token.id, key }, token.signing_key, key))
    }

    fn tokens(dice: &mut Dice, home: &Household, held: Held, owner: Owner, tenant: TenantId) -> Self {
        let token = Self::any_token(dice, home);
        let target = match (dice.below(12), token) {
            (0, _) => TokenTarget::All,
            (1, Some((_, signing_key, _))) => TokenTarget::SigningKey(signing_key),
            (2..5, Some((token, _, _))) => token,
            (5..7, _) => TokenTarget::Owner(owner),
            (7..9, _) => TokenTarget::Tenant(tenant),
            (_, Some((_, _, key))) => TokenTarget::Key(key),
            (_, None) => TokenTarget::Key(held.key),
        };
        Self::RevokeTokens(target)
    }

    /// Who may ask for it: a user's keys are the user's own business, beyond stopping them.
    pub fn asker(&self) -> Asker {
        match self {
            Self::CreateKey(Owner::User(user))
            | Self::DisableKey(Held { owner: Owner::User(user), .. })
            | Self::EnableKey(Held { owner: Owner::User(user), .. })
            | Self::ShortenKey(Held { owner: Owner::User(user), .. }, _)
            | Self::LengthenKey(Held { owner: Owner::User(user), .. })
            | Self::RotateKey(Held { owner: Owner::User(user), .. }) => Asker::User(*user),
            _ => Asker::Operator,
        }
    }

    /// What it is called.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::CreateKey(_) => Kind::CreateKey,
            Self::RevokeKey(_) => Kind::RevokeKey,
            Self::DisableKey(_) => Kind::DisableKey,
            Self::EnableKey(_) => Kind::EnableKey,
            Self::ShortenKey(_, _) => Kind::ShortenKey,
            Self::LengthenKey(_) => Kind::LengthenKey,
            Self::RotateKey(_) => Kind::RotateKey,
            Self::SuspendTenant(_) => Kind::SuspendTenant,
            Self::ResumeTenant(_) => Kind::ResumeTenant,
            Self::RemoveTenant(_) => Kind::RemoveTenant,
            Self::SuspendOwner(Owner::User(_)) => Kind::SuspendUser,
            Self::SuspendOwner(Owner::ServiceAccount(_)) => Kind::SuspendServiceAccount,
            Self::ResumeOwner(Owner::User(_)) => Kind::ResumeUser,
            Self::ResumeOwner(Owner::ServiceAccount(_)) => Kind::ResumeServiceAccount,
            Self::RemoveOwner(Owner::User(_)) => Kind::RemoveUser,
            Self::RemoveOwner(Owner::ServiceAccount(_)) => Kind::RemoveServiceAccount,
            Self::RemoveMember(_, _) => Kind::RemoveMember,
            Self::JoinAgain(_, _) => Kind::JoinAgain,
            Self::RevokeTokens(_) => Kind::RevokeTokens,
            Self::RetireSigningKey(_) => Kind::RetireSigningKey,
        }
    }

    /// What it changes, once it is done.
    pub fn registers(&self) -> Vec<Register> {
        let now = Clock { before_ms: 0, after_ms: 0 };
        self.change(None, now).writes.into_iter().map(|write| write.register).collect()
    }

    /// What it makes true, if it is done between these instants; with the key that it makes, if it makes one.
    pub fn change(&self, made: Option<KeyId>, clock: Clock) -> Change {
        let mut writes: Vec<Write> = made
            .map(|key| Write { register: Register::Known(key), value: Value::Fine })
            .into_iter()
            .collect();
        let mut write = |register, value| writes.push(Write { register, value });
        match *self {
            Self::CreateKey(_) => {}
            Self::RevokeKey(held) => write(Register::KeyRevoked(held.key), Value::Refuses),
            Self::DisableKey(held) => write(Register::KeyDisabled(held.key), Value::Refuses),
            Self::EnableKey(held) => write(Register::KeyDisabled(held.key), Value::Fine),
            Self::ShortenKey(held, at_ms) => {
                let ends = Value::Ends { earliest_ms: at_ms, latest_ms: at_ms };
                write(Register::KeyExpires(held.key), ends);
            }
            Self::LengthenKey(held) => write(Register::KeyExpires(held.key), Value::Fine),
            Self::RotateKey(held) => {
                // The grace ends when it is decided, which is in between.
                let Clock { before_ms: earliest_ms, after_ms: latest_ms } = clock;
                write(Register::KeyRotated(held.key), Value::Ends { earliest_ms, latest_ms });
            }
            Self::SuspendTenant(tenant) => write(Register::TenantSuspended(tenant), Value::Refuses),
            Self::ResumeTenant(tenant) => write(Register::TenantSuspended(tenant), Value::Fine),
            Self::RemoveTenant(tenant) => write(Register::TenantRemoved(tenant), Value::Refuses),
            Self::SuspendOwner(owner) => write(Register::OwnerSuspended(owner), Value::Refuses),
            Self::ResumeOwner(owner) => write(Register::OwnerSuspended(owner), Value::Fine),
            Self::RemoveOwner(owner) => write(Register::OwnerRemoved(owner), Value::Refuses),
            Self::RemoveMember(tenant, user) => {
                write(Register::MembershipEnded(tenant, user), Value::Refuses);
            }
            // It revives nothing.
            Self::JoinAgain(_, _) => {}
            Self::RevokeTokens(target) => write(Register::TokensRevoked(target), Value::RefusesOlder),
            Self::RetireSigningKey(id) => write(Register::SigningKeyRetired(id), Value::Refuses),
        }
        Change { kind: self.kind(), writes }
    }
}
