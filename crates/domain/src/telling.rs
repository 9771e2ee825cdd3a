//! An event in one line for a person: words, things and texts in order, for whoever can name and open them.

use std::borrow::Cow;

use crate::event::{Event, KeyCreated, RetirementReason, TenantPolicy, TokenTarget};
use crate::facts::retirement;
use crate::ids::TokenId;
use crate::key::{Owner, RevocationReason};
use crate::limits::RateLimit;
use crate::network::{AllowedAddresses, Network};
use crate::rejection::Entity;
use crate::role::{Role, Scopes};
use crate::sealed::Sealed;
use crate::time::Timestamp;

/// A piece of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words as they are.
    Words(Cow<'a, str>),
    /// A word of the interfaces, which people say otherwise.
    Word(Word),
    /// A thing, by its kind, its name as far as the reader may know it, and its id.
    Thing(Entity),
    /// A thing, by its kind and id alone: its name is what the line is about.
    Unnamed(Entity),
    /// A token, by its id.
    Token(TokenId),
    /// A text about the thing.
    Text(Entity, &'a Sealed),
    /// An instant.
    At(Timestamp),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A word of the interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A role.
    Role(Role),
    /// Why a key was revoked.
    Revoked(RevocationReason),
    /// Why a signing key was retired.
    Retired(RetirementReason),
}

impl Word {
    /// As the interfaces have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role(role) => role.as_str(),
            Self::Revoked(reason) => reason.as_str(),
            Self::Retired(reason) => retirement(reason),
        }
    }

    /// As people say it, within a sentence.
    pub const fn in_plain_words(self) -> &'static str {
        match self {
            Self::Role(Role::Administrator) => "administrator",
            Self::Role(Role::Member) => "member",
            Self::Role(Role::Runner) => "runner",
            Self::Role(Role::ReadOnly) => "read only",
            Self::Revoked(RevocationReason::Unspecified) => "no reason was given",
            Self::Revoked(RevocationReason::KeyCompromise) => "somebody else may have had it",
            Self::Revoked(RevocationReason::AffiliationChanged) => "its owner moved on",
            Self::Revoked(RevocationReason::Superseded) => "another key took its place",
            Self::Revoked(RevocationReason::CessationOfOperation) => "it was no longer needed",
            Self::Revoked(RevocationReason::PrivilegeWithdrawn) => {
                "its owner must no longer have what it gave"
            }
            Self::Retired(RetirementReason::Superseded) => "another signing key took its place",
            Self::Retired(RetirementReason::Compromised) => "somebody else may have had it",
        }
    }
}

/// What an event is called, as people say it: its name taken apart.
pub fn in_plain_words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// What happened, as pieces of one line. Who did it is told by the event's metadata.
pub fn told(event: &Event) -> Vec<Piece<'_>> {
    match event {
        Event::TenantCreated { tenant, name, policy, .. } => {
            let of = Entity::Tenant(*tenant);
            vec![Piece::Thing(of), say(", named "), Piece::Text(of, &name.text), rules(policy)]
        }
        Event::TenantRenamed { tenant, name } => {
            let of = Entity::Tenant(*tenant);
            vec![Piece::Thing(of), say(": now named "), Piece::Text(of, &name.text)]
        }
        Event::TenantPolicyChanged { tenant, policy } => {
            vec![Piece::Thing(Entity::Tenant(*tenant)), rules(policy)]
        }
        Event::TenantSuspended { tenant }
        | Event::TenantResumed { tenant }
        | Event::TenantRemoved { tenant } => vec![Piece::Thing(Entity::Tenant(*tenant))],

        Event::UserCreated { user, name, .. } => {
            let of = Entity::User(*user);
            let mut pieces = vec![Piece::Thing(of)];
            pieces.extend(name.iter().flat_map(|name| [say(", named "), Piece::Text(of, name)]));
            pieces
        }
        Event::UserSuspended { user }
        | Event::UserResumed { user }
        | Event::UserRemoved { user }
        | Event::OperatorGranted { user }
        | Event::OperatorWithdrawn { user } => vec![Piece::Thing(Entity::User(*user))],

        Event::MemberAdded { tenant, user, role } => {
            member(*user, " in ", *tenant, [say(" as "), Piece::Word(Word::Role(*role))])
        }
        Event::MemberRoleChanged { tenant, user, role } => {
            member(*user, " in ", *tenant, [say(": now "), Piece::Word(Word::Role(*role))])
        }
        Event::MemberRemoved { tenant, user } => member(*user, " from ", *tenant, []),

        Event::ServiceAccountCreated { service_account, tenant, role, .. } => vec![
            Piece::Thing(Entity::ServiceAccount(*service_account)),
            say(" in "),
            Piece::Thing(Entity::Tenant(*tenant)),
            say(" as "),
            Piece::Word(Word::Role(*role)),
        ],
        Event::ServiceAccountRenamed { service_account, name } => {
            let of = Entity::ServiceAccount(*service_account);
            vec![Piece::Unnamed(of), say(": now named "), Piece::Text(of, &name.text)]
        }
        Event::ServiceAccountRoleChanged { service_account, role } => {
            vec![
                Piece::Thing(Entity::ServiceAccount(*service_account)),
                say(": now "),
                Piece::Word(Word::Role(*role)),
            ]
        }
        Event::ServiceAccountSuspended { service_account }
        | Event::ServiceAccountResumed { service_account }
        | Event::ServiceAccountRemoved { service_account } => {
            vec![Piece::Thing(Entity::ServiceAccount(*service_account))]
        }

        Event::KeyCreated(created) => key_created(created),
        Event::KeyRenamed { key, name } => {
            let of = Entity::Key(*key);
            vec![Piece::Unnamed(of), say(": now named "), Piece::Text(of, &name.text)]
        }
        Event::KeyExpiryChanged { key, expires_at } => {
            let mut pieces = vec![Piece::Thing(Entity::Key(*key)), say(": ")];
            pieces.extend(end(*expires_at));
            pieces
        }
        Event::KeyDisabled { key } | Event::KeyEnabled { key } => vec![Piece::Thing(Entity::Key(*key))],
        Event::KeyRevoked { key, reason, note } => {
            let mut pieces =
                vec![Piece::Thing(Entity::Key(*key)), say(": "), Piece::Word(Word::Revoked(*reason))];
            pieces.extend(note.iter().flat_map(|note| [say(", "), Piece::Text(note.subject.into(), note)]));
            pieces
        }
        Event::KeyRotated { key, successor, grace_ends_at } => vec![
            Piece::Thing(Entity::Key(*key)),
            say(": successor "),
            say(short(&successor.to_string()).to_owned()),
            say(", grace until "),
            Piece::At(*grace_ends_at),
        ],

        Event::KeyAddressesChanged { key, addresses } => {
            vec![Piece::Thing(Entity::Key(*key)), say(": accepted from "), say(origin(addresses))]
        }
        Event::KeyRateChanged { key, rate } => {
            vec![Piece::Thing(Entity::Key(*key)), say(": "), say(frequency(*rate))]
        }
        Event::KeyNoteChanged { key, note } => {
            let thing = Piece::Thing(Entity::Key(*key));
            match note {
                Some(note) => vec![thing, say(": noted "), Piece::Text(note.subject.into(), note)],
                None => vec![thing, say(": no note")],
            }
        }

        Event::SigningKeyAdded { signing_key, active_from, .. } => vec![
            Piece::Unnamed(Entity::SigningKey(*signing_key)),
            say(", active from "),
            Piece::At(*active_from),
        ],
        Event::SigningKeyRetired { signing_key, reason } => {
            vec![
                Piece::Unnamed(Entity::SigningKey(*signing_key)),
                say(": "),
                Piece::Word(Word::Retired(*reason)),
            ]
        }
        Event::TokensRevoked { target } => tokens(target),
        Event::TokenLifeChanged { life } => {
            vec![say(format!("tokens minted from now on live {} s at most", life.seconds()))]
        }
        Event::SubjectErased { subject } => vec![Piece::Unnamed((*subject).into())],
        Event::RollbackAccepted { guard_position, guard_hash } => vec![
            say(format!("the guard had seen position {guard_position} with hash ")),
            Piece::Bytes(guard_hash),
        ],
    }
}

/// The last twelve digits of an id's text: 48 bits, random in ids of version 7, whose first digits are a time.
pub fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

fn member<'a, const N: usize>(
    user: crate::ids::UserId,
    how: &'static str,
    tenant: crate::ids::TenantId,
    more: [Piece<'a>; N],
) -> Vec<Piece<'a>> {
    let pieces = [Piece::Thing(Entity::User(user)), say(how), Piece::Thing(Entity::Tenant(tenant))];
    pieces.into_iter().chain(more).collect()
}

fn key_created(created: &KeyCreated) -> Vec<Piece<'_>> {
    let KeyCreated { key, owner, reach, prefix, last_four, scopes, expires_at, .. } = created;
    let place = if reach.confined_to().is_some() { " in " } else { " in any tenant, at home in " };
    let scopes = match scopes {
        Scopes::All => "all scopes".to_owned(),
        Scopes::Only(list) => {
            let list: Vec<_> = list.as_slice().iter().map(|scope| scope.as_str()).collect();
            format!("scopes [{}]", list.join(" "))
        }
    };
    let mut pieces = vec![
        Piece::Thing(Entity::Key(*key)),
        say(format!(" {}_…{} of ", prefix.as_str(), last_four.as_str())),
        Piece::Thing((*owner).into()),
        say(place),
        Piece::Thing(Entity::Tenant(reach.home())),
        say(format!(", {scopes}, ")),
    ];
    pieces.extend(end(*expires_at));
    pieces
}

pub(crate) fn tokens<'a>(target: &TokenTarget) -> Vec<Piece<'a>> {
    let every = |of: Entity| vec![say("every token of "), Piece::Thing(of)];
    match target {
        TokenTarget::Token { token, key } => {
            vec![Piece::Token(*token), say(" of "), Piece::Thing(Entity::Key(*key))]
        }
        TokenTarget::Key(key) => every(Entity::Key(*key)),
        TokenTarget::Owner(Owner::User(user)) => every(Entity::User(*user)),
        TokenTarget::Owner(Owner::ServiceAccount(account)) => every(Entity::ServiceAccount(*account)),
        TokenTarget::Tenant(tenant) => every(Entity::Tenant(*tenant)),
        TokenTarget::SigningKey(id) => {
            vec![say("every token signed by "), Piece::Unnamed(Entity::SigningKey(*id))]
        }
        TokenTarget::All => vec![say("every token")],
    }
}

fn origin(addresses: &AllowedAddresses) -> String {
    match addresses {
        AllowedAddresses::Any => "everywhere".to_owned(),
        AllowedAddresses::Only(list) => {
            list.as_slice().iter().map(Network::to_string).collect::<Vec<_>>().join(", ")
        }
    }
}

fn frequency(rate: Option<RateLimit>) -> String {
    match rate {
        None => "at any rate".to_owned(),
        Some(rate) => format!("at most {} requests in {} s", rate.requests(), rate.period_seconds()),
    }
}

fn rules(policy: &TenantPolicy) -> Piece<'_> {
    let TenantPolicy { key_life_seconds_max, key_life_seconds_default } = policy;
    let seconds = |seconds: &Option<u64>| seconds.map_or("unlimited".to_owned(), |s| format!("{s} s"));
    if policy == &TenantPolicy::default() {
        return say(", keys of any life");
    }
    // Where no usual life is set, the longest is.
    let usual = seconds(&key_life_seconds_default.or(*key_life_seconds_max));
    let most = seconds(key_life_seconds_max);
    say(format!(", life of keys at most {most}, unasked {usual}"))
}

fn end(expires_at: Option<Timestamp>) -> Vec<Piece<'static>> {
    match expires_at {
        Some(at) => vec![say("until "), Piece::At(at)],
        None => vec![say("without end")],
    }
}

pub(crate) fn say<'a>(words: impl Into<Cow<'a, str>>) -> Piece<'a> {
    Piece::Words(words.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_no_word_with_underscores_and_no_name_in_one_piece() {
        let words = (Role::ALL.into_iter().map(Word::Role))
            .chain(RevocationReason::ALL.into_iter().map(Word::Revoked))
            .chain([RetirementReason::Superseded, RetirementReason::Compromised].map(Word::Retired));
        for word in words {
            assert!(!word.in_plain_words().contains('_'), "{word:?}");
        }
        assert_eq!(in_plain_words("ServiceAccountRoleChanged"), "Service account role changed");
    }

    #[test]
    fn short_ids_keep_the_random_end() {
        assert_eq!(short("01890a5d-ac96-774b-bcce-b302099a8057"), "b302099a8057");
    }
}
