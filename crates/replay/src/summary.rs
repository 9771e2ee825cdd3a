//! What happened and who did it, in one line for a person.

use domain::actor::ActorId;
use domain::event::{Event, KeyCreated, RetirementReason, TenantPolicy, TokenTarget};
use domain::ids::{Id, KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::limits::RateLimit;
use domain::network::{AllowedAddresses, Network};
use domain::role::Scopes;
use domain::sealed::Sealed;
use domain::time::Timestamp;
use domain::{Lookup, Recorded};

use crate::names::Names;
use crate::print::{hex, instant, quoted, short};

/// What a text shows that cannot be opened.
const SEALED: &str = "[sealed]";

/// Speaks of events, with the names that things had just after each.
pub(crate) struct Summary<'a, L> {
    pub(crate) names: &'a Names,
    /// The rows after the event. They only decorate: where one is missing or damaged, the id stands alone.
    pub(crate) rows: L,
}

impl<L: Lookup> Summary<'_, L> {
    /// Who acted.
    pub(crate) fn actor(&self, actor: &ActorId) -> String {
        match actor {
            ActorId::Console => "console".to_owned(),
            ActorId::Server => "server".to_owned(),
            ActorId::Holder { identity, key, token } => {
                let with = format!("{}, key {}", self.owner(*identity), short(*key));
                token.map_or(with.clone(), |token| format!("{with}, token {}", short(token)))
            }
        }
    }

    /// What happened.
    pub(crate) fn what(&self, recorded: &Recorded) -> String {
        match &recorded.event {
            Event::TenantCreated { tenant, name, policy, .. } => {
                format!("{}, named {}{}", self.tenant(*tenant), self.text(&name.text), rules(policy))
            }
            Event::TenantRenamed { tenant, name } => {
                format!("{}: now named {}", self.tenant(*tenant), self.text(&name.text))
            }
            Event::TenantPolicyChanged { tenant, policy } => {
                format!("{}{}", self.tenant(*tenant), rules(policy))
            }
            Event::TenantSuspended { tenant }
            | Event::TenantResumed { tenant }
            | Event::TenantRemoved { tenant } => self.tenant(*tenant),

            Event::UserCreated { user, name, .. } => {
                let named = name.as_ref().map(|name| format!(", named {}", self.text(name)));
                format!("{}{}", self.user(*user), named.unwrap_or_default())
            }
            Event::UserSuspended { user }
            | Event::UserResumed { user }
            | Event::UserRemoved { user }
            | Event::OperatorGranted { user }
            | Event::OperatorWithdrawn { user } => self.user(*user),

            Event::MemberAdded { tenant, user, role } => {
                format!("{} in {} as {}", self.user(*user), self.tenant(*tenant), role.as_str())
            }
            Event::MemberRoleChanged { tenant, user, role } => {
                format!("{} in {}: now {}", self.user(*user), self.tenant(*tenant), role.as_str())
            }
            Event::MemberRemoved { tenant, user } => {
                format!("{} from {}", self.user(*user), self.tenant(*tenant))
            }

            Event::ServiceAccountCreated { service_account, tenant, role, .. } => {
                let account = self.service_account(*service_account);
                format!("{account} in {} as {}", self.tenant(*tenant), role.as_str())
            }
            Event::ServiceAccountRenamed { service_account, name } => {
                format!("service account {}: now named {}", short(*service_account), self.text(&name.text))
            }
            Event::ServiceAccountRoleChanged { service_account, role } => {
                format!("{}: now {}", self.service_account(*service_account), role.as_str())
            }
            Event::ServiceAccountSuspended { service_account }
            | Event::ServiceAccountResumed { service_account }
            | Event::ServiceAccountRemoved { service_account } => self.service_account(*service_account),

            Event::KeyCreated(created) => self.key_created(created),
            Event::KeyRenamed { key, name } => {
                format!("key {}: now named {}", short(*key), self.text(&name.text))
            }
            Event::KeyExpiryChanged { key, expires_at } => {
                format!("{}: {}", self.key(*key), end(*expires_at))
            }
            Event::KeyDisabled { key } | Event::KeyEnabled { key } => self.key(*key),
            Event::KeyRevoked { key, reason, note } => {
                let note = note.as_ref().map(|note| format!(", {}", self.text(note)));
                format!("{}: {}{}", self.key(*key), reason.as_str(), note.unwrap_or_default())
            }
            Event::KeyRotated { key, successor, grace_ends_at } => {
                let grace = instant(*grace_ends_at);
                format!("{}: successor {}, grace until {grace}", self.key(*key), short(*successor))
            }

            Event::KeyAddressesChanged { key, addresses } => {
                format!("{}: accepted from {}", self.key(*key), origin(addresses))
            }
            Event::KeyRateChanged { key, rate } => format!("{}: {}", self.key(*key), frequency(*rate)),

            Event::SigningKeyAdded { signing_key, active_from, .. } => {
                format!("signing key {}, active from {}", short(*signing_key), instant(*active_from))
            }
            Event::SigningKeyRetired { signing_key, reason } => {
                format!("signing key {}: {}", short(*signing_key), retirement(*reason))
            }
            Event::TokensRevoked { target } => self.tokens(target),
            Event::RollbackAccepted { guard_position, guard_hash } => {
                format!("the guard had seen position {guard_position} with hash {}", hex(guard_hash))
            }
        }
    }

    fn key_created(&self, created: &KeyCreated) -> String {
        let KeyCreated { key, owner, reach, prefix, last_four, scopes, expires_at, .. } = created;
        let reach = match reach.confined_to() {
            Some(tenant) => format!("in {}", self.tenant(tenant)),
            None => format!("in any tenant, at home in {}", self.tenant(reach.home())),
        };
        let scopes = match scopes {
            Scopes::All => "all scopes".to_owned(),
            Scopes::Only(list) => {
                let list: Vec<_> = list.as_slice().iter().map(|scope| scope.as_str()).collect();
                format!("scopes [{}]", list.join(" "))
            }
        };
        let string = format!("{}_…{}", prefix.as_str(), last_four.as_str());
        let (key, owner, end) = (self.key(*key), self.owner(*owner), end(*expires_at));
        format!("{key} {string} of {owner} {reach}, {scopes}, {end}")
    }

    fn tokens(&self, target: &TokenTarget) -> String {
        match target {
            TokenTarget::Token { token, key } => format!("token {} of {}", short(*token), self.key(*key)),
            TokenTarget::Key(key) => format!("every token of {}", self.key(*key)),
            TokenTarget::Owner(owner) => format!("every token of {}", self.owner(*owner)),
            TokenTarget::Tenant(tenant) => format!("every token of {}", self.tenant(*tenant)),
            TokenTarget::SigningKey(id) => format!("every token signed by signing key {}", short(*id)),
            TokenTarget::All => "every token".to_owned(),
        }
    }

    fn owner(&self, owner: Owner) -> String {
        match owner {
            Owner::User(user) => self.user(user),
            Owner::ServiceAccount(account) => self.service_account(account),
        }
    }

    fn tenant(&self, id: TenantId) -> String {
        let slug = self.rows.tenant(id).ok().flatten().map(|row| row.slug.text);
        self.called("tenant", slug.as_ref(), id)
    }

    fn user(&self, id: UserId) -> String {
        let email = self.rows.user(id).ok().flatten().map(|row| row.email.text);
        self.called("user", email.as_ref(), id)
    }

    fn service_account(&self, id: ServiceAccountId) -> String {
        let name = self.rows.service_account(id).ok().flatten().map(|row| row.name.text);
        self.called("service account", name.as_ref(), id)
    }

    fn key(&self, id: KeyId) -> String {
        let name = self.rows.key(id).ok().flatten().map(|row| row.name.text);
        self.called("key", name.as_ref(), id)
    }

    fn called<K>(&self, kind: &str, name: Option<&Sealed>, id: Id<K>) -> String {
        match name {
            Some(name) => format!("{kind} {} {}", self.text(name), short(id)),
            None => format!("{kind} {}", short(id)),
        }
    }

    fn text(&self, sealed: &Sealed) -> String {
        self.names.open(sealed).map_or(SEALED.to_owned(), |text| quoted(&text))
    }
}

/// The word for the reason.
pub(crate) const fn retirement(reason: RetirementReason) -> &'static str {
    match reason {
        RetirementReason::Superseded => "superseded",
        RetirementReason::Compromised => "compromised",
    }
}

fn rules(policy: &TenantPolicy) -> String {
    let TenantPolicy { key_life_seconds_max, key_life_seconds_default } = policy;
    let seconds = |seconds: &Option<u64>| seconds.map_or("unlimited".to_owned(), |s| format!("{s} s"));
    if policy == &TenantPolicy::default() {
        return ", keys of any life".to_owned();
    }
    let (most, usual) = (seconds(key_life_seconds_max), seconds(key_life_seconds_default));
    format!(", life of keys at most {most}, unasked {usual}")
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

fn end(expires_at: Option<Timestamp>) -> String {
    expires_at.map_or("without end".to_owned(), |at| format!("until {}", instant(at)))
}
