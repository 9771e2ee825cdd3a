//! A page of the keys that a caller sees, however many there are.
//!
//! Which keys fit, and how they stand, is read of every one of them; names are opened and use is looked up only of those
//! that are shown, or if it is asked by name or use. What many keys rest on, such as their tenant, is read once.

use std::collections::HashMap;

use domain::Lookup as _;
use domain::decide::{audits, role_of};
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::Owner;
use domain::rejection::Refusal;
use domain::role::Permission;
use domain::row::Key;
use domain::time::Timestamp;

use crate::ancestors::Remembered;
use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::Scope;
use crate::failure::Failure;
use crate::queries::{KeyView, UseTold, Which, confinement, ended, include};

/// Whether a key is wanted, by its row and its name.
pub type Fits<'a> = dyn Fn(&Key, &str) -> bool + 'a;

/// Which keys are wanted: those that everything said here applies to.
pub struct KeysWanted<'a> {
    /// The dead, too, or only what lives.
    pub which: Which,
    /// Of the user or service account with this id.
    pub owner: Option<[u8; 16]>,
    /// That end by themselves within so many seconds from the moment asked about.
    pub ending_within_seconds: Option<u64>,
    /// Not used since this instant, as far as is known.
    pub unused_since: Option<Timestamp>,
    /// That are wanted by what is written on them; their name is opened for it.
    pub fits: Option<&'a Fits<'a>>,
    /// That stand so. Those that do not are counted all the same.
    pub standing: &'a dyn Fn(Result<(), Refusal>) -> bool,
}

/// Where a page begins, and how long it is at most.
#[derive(Clone, Copy, Debug)]
pub struct PageOfKeys {
    /// After this key; none: at the beginning.
    pub after: Option<KeyId>,
    /// At most so many.
    pub first: usize,
}

/// A page of keys: own ones by id, then those of service accounts by owner and id.
#[derive(Clone, Debug)]
pub struct KeysPage {
    /// The keys of the page. None: the key after which it was to begin is not in the list.
    pub keys: Option<Vec<KeyView>>,
    /// Whether more follow.
    pub more: bool,
    /// How many keys stand how, of those that everything but `standing` applies to.
    pub counts: Vec<(Result<(), Refusal>, u64)>,
}

/// What of a key puts it into its place.
struct Place {
    id: KeyId,
    owner: Owner,
}

impl Authority {
    /// The page of the keys that [`Authority::keys`] gives.
    pub fn keys_page(
        &self,
        caller: &Caller,
        wanted: &KeysWanted<'_>,
        page: PageOfKeys,
        as_of: AsOf,
    ) -> Result<Answer<KeysPage>, Failure> {
        let view = self.view(as_of)?;
        let mut chosen = Chosen { wanted, ancestors: Remembered::of(&view), places: vec![], counts: vec![] };
        if let Owner::User(user) = caller.owner {
            include(caller, Permission::Read)?;
            let ids = match wanted.which {
                _ if wanted.owner.is_some_and(|owner| owner != user.bytes()) => vec![],
                Which::All => view.snapshot.keys_of(caller.owner)?,
                Which::Living => view.snapshot.keys_living_of(user, view.basis.position)?,
            };
            self.choose(&view, &mut chosen, &ids, Whose::Own { confined: confinement(caller) })?;
        }
        let another = self.another(&view, caller, wanted)?;
        if let Some((user, scope)) = another {
            let ids = match wanted.which {
                Which::All => view.snapshot.keys_of(Owner::User(user))?,
                Which::Living => view.snapshot.keys_living_of(user, view.basis.position)?,
            };
            self.choose(&view, &mut chosen, &ids, Whose::Another(scope))?;
        }
        let own = chosen.places.len();
        if let Some(tenant) = caller.tenant
            && self.see_service_accounts(&view, caller, tenant).is_ok()
        {
            let ids = of_service_accounts(&view, tenant, wanted)?;
            self.choose(&view, &mut chosen, &ids, Whose::ServiceAccounts)?;
            chosen.places[own..].sort_unstable_by_key(|place| (place.owner, place.id));
        }
        let Chosen { places, counts, ancestors, .. } = chosen;
        let begins = match page.after {
            None => Some(0),
            Some(after) => places.iter().position(|place| place.id == after).map(|found| found + 1),
        };
        let Some(begins) = begins else {
            return Ok(view.answer(KeysPage { keys: None, more: false, counts }));
        };
        let shown = &places[begins..places.len().min(begins.saturating_add(page.first))];
        let ids: Vec<_> = shown.iter().map(|place| place.id).collect();
        let mut usage = self.usage_of(&ids);
        let mut keys = Vec::with_capacity(shown.len());
        for row in ancestors.rows.keys(&ids) {
            let Some(row) = row? else { continue };
            if let Some((_, scope)) = another.filter(|(user, _)| row.owner == Owner::User(*user)) {
                keys.push(self.told_key(&view, caller, scope, row, as_of)?);
                continue;
            }
            let mut key = self.view_key(&view, row)?;
            key.usage = usage.remove(&key.id);
            key.tokens = self.tokens_of(&key, None, as_of);
            keys.push(key);
        }
        let more = begins + shown.len() < places.len();
        Ok(view.answer(KeysPage { keys: Some(keys), more, counts }))
    }

    /// Somebody else whose keys are wanted, and as whom the caller sees them: an operator or auditor of the deployment all of them,
    /// an administrator those whose home is the tenant.
    fn another(
        &self,
        view: &View,
        caller: &Caller,
        wanted: &KeysWanted<'_>,
    ) -> Result<Option<(UserId, Scope)>, Failure> {
        let Some(user) = wanted.owner.map(UserId::from_bytes) else { return Ok(None) };
        let rows = view.now();
        if caller.owner == Owner::User(user) || rows.user(user)?.is_none() {
            return Ok(None);
        }
        if audits(&rows, &caller.actor, self.now())?.is_ok() {
            return Ok(Some((user, Scope::Deployment)));
        }
        let Some(tenant) = caller.tenant else { return Ok(None) };
        let audits = role_of(&rows, &caller.actor, tenant, Permission::Audit, self.now())?.is_ok();
        Ok(audits.then_some((user, Scope::Tenant(tenant))))
    }

    fn choose(
        &self,
        view: &View,
        chosen: &mut Chosen<'_>,
        ids: &[KeyId],
        whose: Whose,
    ) -> Result<(), Failure> {
        let Chosen { wanted, ancestors, places, counts } = chosen;
        let usage = match wanted.unused_since {
            Some(_) => self.usage_of(ids),
            None => HashMap::new(),
        };
        for row in ancestors.rows.keys(ids) {
            let Some(row) = row? else { continue };
            if !whose.includes(&row) {
                continue;
            }
            let status = ancestors.status_in(&row, whose.told(), view.basis.instant)?;
            let used = match whose {
                Whose::Own { .. } | Whose::ServiceAccounts => {
                    usage.get(&row.id).map(|usage| usage.tally.last)
                }
                Whose::Another(_) if wanted.unused_since.is_none() => None,
                Whose::Another(_) => match self.use_told(view, &row, whose.told())? {
                    UseTold::Known(usage) => usage.map(|usage| usage.tally.last),
                    // As if it were used: whether it was is not told.
                    UseTold::Withheld => Some(Timestamp::MAX),
                },
            };
            let used_since = |since: Timestamp| used.is_some_and(|used| used >= since);
            // What somebody else calls their key is no business of whoever lists it.
            let name = || match whose {
                Whose::Own { .. } | Whose::ServiceAccounts => self.open_text(&row.name.text),
                Whose::Another(_) => String::new(),
            };
            let fits = (wanted.which == Which::All || !ended(row.reach, row.owner, status))
                && wanted.owner.is_none_or(|owner| owner == owner_id(row.owner))
                && wanted.ending_within_seconds.is_none_or(|within| ends_within(&row, view, within))
                && wanted.unused_since.is_none_or(|since| !used_since(since))
                && wanted.fits.is_none_or(|fits| fits(&row, &name()));
            if !fits {
                continue;
            }
            match counts.iter_mut().find(|(known, _)| *known == status) {
                Some((_, count)) => *count += 1,
                None => counts.push((status, 1)),
            }
            if (wanted.standing)(status) {
                places.push(Place { id: row.id, owner: row.owner });
            }
        }
        Ok(())
    }
}

/// Whose keys are looked through.
#[derive(Clone, Copy)]
enum Whose {
    /// The caller's: of a credential that is confined to a tenant, those that are, too.
    Own { confined: Option<TenantId> },
    /// Those of service accounts of the tenant.
    ServiceAccounts,
    /// Those of somebody else.
    Another(Scope),
}

impl Whose {
    fn includes(self, key: &Key) -> bool {
        match self {
            Self::Own { confined } => confined.is_none() || key.reach.confined_to() == confined,
            Self::Another(Scope::Tenant(home)) => key.reach.home() == home,
            Self::Another(Scope::Deployment | Scope::Oneself) | Self::ServiceAccounts => true,
        }
    }

    /// In which tenant it is told how they stand; none: where they act.
    fn told(self) -> Option<TenantId> {
        match self {
            Self::Another(Scope::Tenant(home)) => Some(home),
            Self::Another(Scope::Deployment | Scope::Oneself) | Self::Own { .. } | Self::ServiceAccounts => {
                None
            }
        }
    }
}

/// What was chosen of the keys that were looked through.
struct Chosen<'a> {
    wanted: &'a KeysWanted<'a>,
    ancestors: Remembered<'a>,
    places: Vec<Place>,
    counts: Vec<(Result<(), Refusal>, u64)>,
}

/// The keys of a tenant's service accounts that may be wanted.
fn of_service_accounts(
    view: &View,
    tenant: TenantId,
    wanted: &KeysWanted<'_>,
) -> Result<Vec<KeyId>, Failure> {
    let snapshot = &view.snapshot;
    if let Some(owner) = wanted.owner {
        let account = ServiceAccountId::from_bytes(owner);
        let row = view.now().service_account(account)?;
        return Ok(match row.filter(|row| row.tenant == tenant) {
            Some(_) => snapshot.keys_of(Owner::ServiceAccount(account))?,
            None => vec![],
        });
    }
    match wanted.which {
        Which::Living => Ok(snapshot.keys_living_in(tenant, view.basis.position)?),
        Which::All => {
            let mut ids = vec![];
            for account in snapshot.service_accounts_of(tenant)? {
                ids.extend(snapshot.keys_of(Owner::ServiceAccount(account))?);
            }
            Ok(ids)
        }
    }
}

fn owner_id(owner: Owner) -> [u8; 16] {
    match owner {
        Owner::User(user) => user.bytes(),
        Owner::ServiceAccount(account) => account.bytes(),
    }
}

/// Whether the key ends by itself after the moment asked about, within so many seconds.
fn ends_within(key: &Key, view: &View, seconds: u64) -> bool {
    let now = view.basis.instant;
    let end = key.life.ends_at();
    end.is_some_and(|end| end > now && end <= now.plus_seconds(seconds))
}
