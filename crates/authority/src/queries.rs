//! Queries: what a caller may see of tenants, members, service accounts, keys and signing keys, with its texts opened.
//!
//! Visibility follows the caller's rights in the very snapshot that is read, whatever moment is asked about.

use credentials::sealing::SEALED_TEXT;
use credentials::signing_key::Kid;
use domain::decide::role_of;
use domain::ids::{KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::{KeyLife, KeyPrefix, LastFour, Owner, Reach, RevocationReason};
use domain::limits::KeyLimits;
use domain::lookup::Lookup;
use domain::rejection::{Entity, Refusal, Rejection};
use domain::role::{Permission, Role, Scopes};
use domain::row::{Key, Membership, Retirement, ServiceAccount, SigningKey, Standing, Tenant, User};
use domain::status::{Admission, Bearer, admit};
use domain::time::{Moment, Timestamp};

use crate::ancestors::Remembered;
use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::{Caller, Credential};
use crate::authority::Authority;
use crate::events::{Reader, Scope};
use crate::failure::Failure;
use crate::living_tokens::LivingTokens;
use crate::named::KeyNamed;
use crate::usage::KeyUsage;

/// A tenant, as a member sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the row, with texts opened")]
pub struct TenantView {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    pub standing: Standing,
    pub policy: domain::event::TenantPolicy,
    pub created_at: Timestamp,
}

/// A user.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the row, with texts opened")]
pub struct UserView {
    pub id: UserId,
    pub email: String,
    pub name: Option<String>,
    pub standing: Standing,
    pub operator: bool,
    pub created_at: Timestamp,
}

/// A member of a tenant.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the row, with texts opened")]
pub struct MemberView {
    pub tenant: TenantId,
    pub user: UserView,
    pub role: Role,
    pub since: Timestamp,
}

/// A service account.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the row, with texts opened")]
pub struct ServiceAccountView {
    pub id: ServiceAccountId,
    pub tenant: TenantId,
    pub name: String,
    pub role: Role,
    pub standing: Standing,
    pub created_at: Timestamp,
}

/// What is told of the use of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UseTold {
    /// What is known; none: no use of it is.
    Known(Option<KeyUsage>),
    /// Nothing, whatever is known: it may have been elsewhere.
    Withheld,
}

impl UseTold {
    /// What is known and may be told.
    pub(crate) fn known(self) -> Option<KeyUsage> {
        match self {
            Self::Known(usage) => usage,
            Self::Withheld => None,
        }
    }
}

/// A key: never its secret.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the row, with texts opened")]
pub struct KeyView {
    pub id: KeyId,
    pub owner: Owner,
    pub reach: Reach,
    pub name: String,
    pub note: Option<String>,
    pub prefix: KeyPrefix,
    pub last_four: LastFour,
    pub scopes: Scopes,
    pub limits: KeyLimits,
    pub expires_at: Option<Timestamp>,
    pub grace_ends_at: Option<Timestamp>,
    pub created: Moment,
    pub successor: Option<KeyId>,
    pub predecessor: Option<KeyId>,
    /// Why it was revoked, if it was.
    pub revoked: Option<RevocationReason>,
    /// What is known now of its use, roughly, whatever moment is asked about; none: no use is known.
    pub usage: Option<KeyUsage>,
    /// Whether nothing of its use is told to whoever asks, for its owner acts in their tenant no more: it may have been used.
    pub usage_withheld: bool,
    /// What is known of the tokens minted from it that live now, roughly; none: another moment is asked about.
    pub tokens: Option<LivingTokens>,
    /// Whether it is accepted at the moment asked about, and if not, why.
    pub status: Result<(), Refusal>,
}

/// A signing key: never its private half.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the row")]
pub struct SigningKeyView {
    pub id: SigningKeyId,
    /// Its name in tokens and in the published key set.
    pub kid: Kid,
    pub active_from: Timestamp,
    pub retired: Option<Retirement>,
    pub created_at: Timestamp,
}

/// Which of what there is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What has not ended for good.
    Living,
    /// The ended, too.
    All,
}

impl KeyView {
    /// Whether it will never be accepted again.
    pub fn has_ended(&self) -> bool {
        ended(self.reach, self.owner, self.status)
    }
}

impl Authority {
    /// As what the caller's credential was accepted, in the tenant in which it acts now; as nothing, if it was not.
    pub fn acted(&self, caller: &Caller, as_of: AsOf) -> Result<Answer<Admission>, Failure> {
        let view = self.view(as_of)?;
        let nothing = Admission { tenant: None, role: None };
        let admission = match (as_of, view.then().key(caller.key)?) {
            (AsOf::Now, _) => Admission { tenant: caller.tenant, role: caller.role },
            (AsOf::Position(_) | AsOf::Instant(_), None) => nothing,
            (AsOf::Position(_) | AsOf::Instant(_), Some(key)) => {
                let bearer = Bearer::key(key.owner, key.reach, key.created.position);
                let bearer = match (&caller.credential, caller.tenant) {
                    (Credential::Token(_) | Credential::Refresh(_), Some(tenant)) => bearer.token(tenant),
                    (Credential::Token(_) | Credential::Refresh(_) | Credential::Key, _) => bearer,
                };
                admit(&view.then(), &bearer, &key.life, caller.tenant, view.basis.instant)?.unwrap_or(nothing)
            }
        };
        Ok(view.answer(admission))
    }

    /// The user whose credential was shown; none for a service account.
    pub fn own_user(&self, caller: &Caller, as_of: AsOf) -> Result<Answer<Option<UserView>>, Failure> {
        let view = self.view(as_of)?;
        let Owner::User(user) = caller.owner else { return Ok(view.answer(None)) };
        include(caller, Permission::Read)?;
        let row = view.then().user(user)?;
        Ok(view.answer(row.map(|row| self.user_view(row))))
    }

    /// The living tenants in which the caller's credential acts now, the oldest membership first.
    pub fn own_tenants(&self, caller: &Caller, as_of: AsOf) -> Result<Answer<Vec<TenantView>>, Failure> {
        let view = self.view(as_of)?;
        let rows = view.now();
        let ids = match caller.owner {
            Owner::ServiceAccount(_) => caller.tenant.into_iter().collect(),
            Owner::User(user) => {
                let mut memberships = rows.memberships_of(user)?;
                memberships.sort_by_key(|membership| membership.since);
                memberships.into_iter().map(|membership| membership.tenant).collect::<Vec<_>>()
            }
        };
        let mut tenants = vec![];
        for id in ids {
            if self.looks_at(&rows, caller, id)? {
                tenants.extend(view.then().tenant(id)?.map(|row| self.tenant_view(row)));
            }
        }
        Ok(view.answer(tenants))
    }

    /// One of the tenants in which the caller's credential acts now; none: it may not look at it.
    pub fn tenant_of_own(
        &self,
        caller: &Caller,
        tenant: TenantId,
        as_of: AsOf,
    ) -> Result<Answer<Option<TenantView>>, Failure> {
        let view = self.view(as_of)?;
        let row =
            if self.looks_at(&view.now(), caller, tenant)? { view.then().tenant(tenant)? } else { None };
        Ok(view.answer(row.map(|row| self.tenant_view(row))))
    }

    /// Whether the caller's credential acts in the tenant, and may read there.
    pub(crate) fn looks_at<L: Lookup>(
        &self,
        rows: &L,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<bool, L::Error> {
        Ok(role_of(rows, &caller.actor, tenant, Permission::Read, self.now())?.is_ok())
    }

    /// Every tenant of the deployment: for operators and auditors of it.
    pub fn all_tenants(
        &self,
        caller: &Caller,
        which: Which,
        as_of: AsOf,
    ) -> Result<Answer<Vec<TenantView>>, Failure> {
        let view = self.view(as_of)?;
        domain::decide::audits(&view.now(), &caller.actor, self.now())??;
        let shown = |row: &Tenant| which == Which::All || row.standing != Standing::Removed;
        let tenants = view.then().tenants()?.into_iter().filter(shown);
        Ok(view.answer(tenants.map(|row| self.tenant_view(row)).collect()))
    }

    /// Every user of the deployment: for operators and auditors of it.
    pub fn all_users(
        &self,
        caller: &Caller,
        which: Which,
        as_of: AsOf,
    ) -> Result<Answer<Vec<UserView>>, Failure> {
        let view = self.view(as_of)?;
        domain::decide::audits(&view.now(), &caller.actor, self.now())??;
        let shown = |row: &User| which == Which::All || row.standing != Standing::Removed;
        let users = view.then().users()?.into_iter().filter(shown);
        Ok(view.answer(users.map(|row| self.user_view(row)).collect()))
    }

    /// The living members of a tenant.
    pub fn members(
        &self,
        caller: &Caller,
        tenant: TenantId,
        as_of: AsOf,
    ) -> Result<Answer<Vec<MemberView>>, Failure> {
        let view = self.view(as_of)?;
        role_of(&view.now(), &caller.actor, tenant, Permission::Read, self.now())??;
        let rows = view.then();
        let mut members = vec![];
        for user in view.snapshot.members_of(tenant)? {
            let (Some(user), Some(row)) = (rows.user(user)?, rows.membership(tenant, user)?) else {
                continue;
            };
            if row.standing == Standing::Living && user.standing != Standing::Removed {
                let Membership { role, since, .. } = row;
                members.push(MemberView { tenant, user: self.user_view(user), role, since: since.at });
            }
        }
        Ok(view.answer(members))
    }

    /// The service accounts of a tenant: for its administrators.
    pub fn service_accounts(
        &self,
        caller: &Caller,
        tenant: TenantId,
        which: Which,
        as_of: AsOf,
    ) -> Result<Answer<Vec<ServiceAccountView>>, Failure> {
        let Answer { value: rows, basis } = self.service_account_rows(caller, tenant, which, as_of)?;
        Ok(Answer { value: rows.into_iter().map(|row| self.service_account_view(row)).collect(), basis })
    }

    /// The same with their names still sealed, by id: to open a name costs more than to read a row, and of a long list a page
    /// is shown.
    pub fn service_account_rows(
        &self,
        caller: &Caller,
        tenant: TenantId,
        which: Which,
        as_of: AsOf,
    ) -> Result<Answer<Vec<ServiceAccount>>, Failure> {
        let view = self.view(as_of)?;
        self.see_service_accounts(&view, caller, tenant)?;
        let rows = view.then();
        let shown = |row: &ServiceAccount| which == Which::All || row.standing != Standing::Removed;
        let mut accounts = vec![];
        let ids = match which {
            Which::All => view.snapshot.service_accounts_of(tenant)?,
            Which::Living => view.snapshot.service_accounts_living_in(tenant, view.basis.position)?,
        };
        for row in rows.service_accounts(&ids) {
            accounts.extend(row?.filter(shown));
        }
        Ok(view.answer(accounts))
    }

    /// The keys that a caller sees from a tenant: its own, and for administrators those of the tenant's
    /// service accounts. A credential confined to a tenant sees only keys confined to it, too.
    pub fn keys(&self, caller: &Caller, which: Which, as_of: AsOf) -> Result<Answer<Vec<KeyView>>, Failure> {
        let view = self.view(as_of)?;
        let mut keys = vec![];
        let (snapshot, position) = (&view.snapshot, view.basis.position);
        if let Owner::User(user) = caller.owner {
            include(caller, Permission::Read)?;
            let own = match which {
                Which::All => snapshot.keys_of(caller.owner)?,
                Which::Living => snapshot.keys_living_of(user, position)?,
            };
            self.view_keys(&view, own, which, &mut keys)?;
            let confined = confinement(caller);
            keys.retain(|key| confined.is_none() || key.reach.confined_to() == confined);
        }
        if let Some(tenant) = caller.tenant
            && self.see_service_accounts(&view, caller, tenant).is_ok()
        {
            let mut ids = vec![];
            match which {
                Which::All => {
                    for account in snapshot.service_accounts_of(tenant)? {
                        ids.extend(snapshot.keys_of(Owner::ServiceAccount(account))?);
                    }
                }
                Which::Living => ids = snapshot.keys_living_in(tenant, position)?,
            }
            let own = keys.len();
            self.view_keys(&view, ids, which, &mut keys)?;
            keys[own..].sort_by_key(|key| (key.owner, key.id));
        }
        let mut usage = self.usage_of(&keys.iter().map(|key| key.id).collect::<Vec<_>>());
        for key in &mut keys {
            key.usage = usage.remove(&key.id);
            key.tokens = self.tokens_of(key, None, as_of);
        }
        Ok(view.answer(keys))
    }

    /// One key, ended or not, if it was made by then: for its owner, the administrators of its home, and operators.
    pub fn key_named(
        &self,
        caller: &Caller,
        named: &KeyNamed,
        as_of: AsOf,
    ) -> Result<Answer<Option<KeyView>>, Failure> {
        let view = self.view(as_of)?;
        let (id, scope) = self.known_with_past(&view, caller, named)?;
        let Some(row) = view.then().key(id)? else { return Ok(view.answer(None)) };
        let key = self.told_key(&view, caller, scope, row, as_of)?;
        Ok(view.answer(Some(key)))
    }

    /// A key, as far as it is told to somebody who may see its events so.
    pub(crate) fn told_key(
        &self,
        view: &View,
        caller: &Caller,
        scope: Scope,
        row: Key,
        as_of: AsOf,
    ) -> Result<KeyView, Failure> {
        let told = told_of(caller, row.owner, scope);
        let use_told = self.use_told(view, &row, told)?;
        let status = Remembered::of(view).status_in(&row, told, view.basis.instant)?;
        // What somebody calls their own key, and notes of it, is theirs.
        let opens = Reader::new(self, &view.snapshot, caller, scope).may_open(Entity::Key(row.id))?;
        let mut key = self.key_that_stands(row, status);
        if !opens {
            key.name = SEALED_TEXT.to_owned();
            key.note = key.note.map(|_| SEALED_TEXT.to_owned());
        }
        key.usage_withheld = use_told == UseTold::Withheld;
        key.usage = use_told.known();
        key.tokens = self.tokens_of(&key, told, as_of);
        Ok(key)
    }

    /// What the owners of keys are called now: a service account by its name, a user by e-mail address. Whoever asks was
    /// shown their keys.
    pub fn owner_names(&self, owners: impl IntoIterator<Item = Owner>) -> Result<Vec<String>, Failure> {
        let view = self.view(AsOf::Now)?;
        let rows = view.now();
        let mut names = vec![];
        for owner in owners {
            let name = match owner {
                Owner::User(user) => rows.user(user)?.map(|row| self.open_text(&row.email.text)),
                Owner::ServiceAccount(account) => {
                    rows.service_account(account)?.map(|row| self.open_text(&row.name.text))
                }
            };
            names.push(name.unwrap_or_default());
        }
        Ok(names)
    }

    /// Every signing key, retired or not, the oldest first: for operators and auditors of the deployment.
    pub fn signing_keys(&self, caller: &Caller, as_of: AsOf) -> Result<Answer<Vec<SigningKeyView>>, Failure> {
        let view = self.view(as_of)?;
        domain::decide::audits(&view.now(), &caller.actor, self.now())??;
        let mut signing_keys = view.then().signing_keys()?;
        signing_keys.sort_by_key(|row| row.created);
        Ok(view.answer(signing_keys.into_iter().map(signing_key_view).collect()))
    }

    pub(crate) fn view_keys(
        &self,
        view: &View,
        ids: Vec<KeyId>,
        which: Which,
        keys: &mut Vec<KeyView>,
    ) -> Result<(), Failure> {
        let ancestors = Remembered::of(view);
        for row in ancestors.rows.keys(&ids) {
            let Some(row) = row? else { continue };
            let status = ancestors.status(&row, view.basis.instant)?;
            let key = self.key_that_stands(row, status);
            if which == Which::All || !key.has_ended() {
                keys.push(key);
            }
        }
        Ok(())
    }

    pub(crate) fn see_service_accounts(
        &self,
        view: &View,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<(), Failure> {
        let role = role_of(&view.now(), &caller.actor, tenant, Permission::Read, self.now())??;
        match role {
            Role::Administrator => Ok(()),
            Role::Member | Role::Runner | Role::ReadOnly => {
                Err(Rejection::Forbidden { needs: Permission::Administer }.into())
            }
        }
    }

    /// What is told of the use of a key. It is not counted by tenant: of one that acts elsewhere, too, a tenant is told of it as
    /// long as its owner acts there, and of agents, which have names, not at all.
    pub(crate) fn use_told(
        &self,
        view: &View,
        key: &Key,
        told: Option<TenantId>,
    ) -> Result<UseTold, Failure> {
        let usage = self.usage_of(&[key.id]).remove(&key.id);
        if told.is_none() || key.reach.confined_to().is_some() {
            return Ok(UseTold::Known(usage));
        }
        let rows = view.now();
        let Some(now) = rows.key(key.id)? else { return Ok(UseTold::Withheld) };
        let bearer = Bearer::key(now.owner, now.reach, now.created.position);
        // Leaving aside whether the key itself has ended: that says nothing of where it was used.
        Ok(match admit(&rows, &bearer, &KeyLife::default(), told, self.now())? {
            Err(Refusal::NotAMember | Refusal::MembershipRemoved | Refusal::TenantRemoved) => {
                UseTold::Withheld
            }
            Ok(_) | Err(_) => UseTold::Known(usage.map(|usage| KeyUsage { agents: vec![], ..usage })),
        })
    }

    pub(crate) fn view_key(&self, view: &View, row: Key) -> Result<KeyView, Failure> {
        let status = Remembered::of(view).status(&row, view.basis.instant)?;
        Ok(self.key_that_stands(row, status))
    }

    /// What is known of the tokens of a key, for a tenant or all, if it is asked about now: what lived at another moment is
    /// not kept.
    pub(crate) fn tokens_of(
        &self,
        key: &KeyView,
        tenant: Option<TenantId>,
        as_of: AsOf,
    ) -> Option<LivingTokens> {
        let now = (as_of == AsOf::Now).then(|| self.now())?;
        Some(self.tokens.of(key.id, key.created.position, tenant, now))
    }

    fn key_that_stands(&self, row: Key, status: Result<(), Refusal>) -> KeyView {
        KeyView {
            id: row.id,
            owner: row.owner,
            reach: row.reach,
            name: self.open_text(&row.name.text),
            note: row.note.as_ref().map(|note| self.open_text(note)),
            prefix: row.prefix,
            last_four: row.last_four,
            scopes: row.scopes,
            limits: row.limits,
            expires_at: row.life.expires_at,
            grace_ends_at: row.life.grace_ends_at,
            created: row.created,
            successor: row.successor,
            predecessor: row.predecessor,
            revoked: row.life.revoked,
            usage: None,
            usage_withheld: false,
            tokens: None,
            status,
        }
    }

    fn tenant_view(&self, row: Tenant) -> TenantView {
        TenantView {
            id: row.id,
            slug: self.open_text(&row.slug.text),
            name: self.open_text(&row.name.text),
            standing: row.standing,
            policy: row.policy,
            created_at: row.created.at,
        }
    }

    fn user_view(&self, row: User) -> UserView {
        UserView {
            id: row.id,
            email: self.open_text(&row.email.text),
            name: row.name.as_ref().map(|name| self.open_text(name)),
            standing: row.standing,
            operator: row.operator,
            created_at: row.created.at,
        }
    }

    /// A service account with its name opened, for whoever was given its row.
    pub fn service_account_view(&self, row: ServiceAccount) -> ServiceAccountView {
        ServiceAccountView {
            id: row.id,
            tenant: row.tenant,
            name: self.open_text(&row.name.text),
            role: row.role,
            standing: row.standing,
            created_at: row.created.at,
        }
    }
}

fn signing_key_view(row: SigningKey) -> SigningKeyView {
    let SigningKey { id, public_key, active_from, retired, created } = row;
    SigningKeyView { id, kid: Kid::of(&public_key), active_from, retired, created_at: created.at }
}

/// About oneself no role is needed, but a narrowed key must be narrow enough to look.
pub(crate) fn include(caller: &Caller, needs: Permission) -> Result<(), Failure> {
    if caller.scopes.permit(needs) { Ok(()) } else { Err(Rejection::Forbidden { needs }.into()) }
}

/// In which tenant it is told what a key is worth and does; none: in all, and where it acts if none is named. What somebody
/// else's key does elsewhere is the business of others.
pub(crate) fn told_of(caller: &Caller, owner: Owner, scope: Scope) -> Option<TenantId> {
    let own = owner == caller.owner && confinement(caller).is_none();
    match scope {
        Scope::Tenant(viewed) if !own => Some(viewed),
        Scope::Tenant(_) | Scope::Deployment | Scope::Oneself => None,
    }
}

pub(crate) fn confinement(caller: &Caller) -> Option<TenantId> {
    match &caller.actor {
        domain::actor::Actor::Holder(holder) => holder.confined_to,
        domain::actor::Actor::Console | domain::actor::Actor::Server => None,
    }
}

/// Whether a key that is refused so will never be accepted again.
pub(crate) fn ended(reach: Reach, owner: Owner, status: Result<(), Refusal>) -> bool {
    let Err(refusal) = status else { return false };
    match refusal {
        Refusal::KeyRevoked | Refusal::OwnerRemoved | Refusal::KeyRotated => true,
        // A user can join another tenant, and a key that is not confined acts there, too.
        Refusal::TenantRemoved | Refusal::MembershipRemoved => match owner {
            Owner::User(_) => reach.confined_to().is_some(),
            Owner::ServiceAccount(_) => true,
        },
        Refusal::KeyExpired
        | Refusal::KeyDisabled
        | Refusal::OwnerSuspended
        | Refusal::TenantSuspended
        | Refusal::KeyUnknown
        | Refusal::NotAMember
        | Refusal::OtherTenant
        | Refusal::AddressNotAllowed
        | Refusal::TokenRevoked
        | Refusal::SigningKeyRefused => false,
    }
}
