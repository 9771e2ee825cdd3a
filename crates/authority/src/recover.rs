//! Recovery: a user who has lost every key is given one at the machine itself, and the log says so.

use credentials::key_string::KeyString;
use domain::Lookup;
use domain::actor::{Actor, Way};
use domain::ids::UserId;
use domain::key::{Owner, Reach};
use domain::limits::KeyLimits;
use domain::names::{Email, Name};
use domain::role::Scopes;
use domain::row::Standing;

use crate::authority::{Authority, Request};
use crate::compose::KeyInput;
use crate::failure::Failure;

/// What `recover` made.
pub struct Recovered {
    /// Whose key it is.
    pub user: UserId,
    /// The key string: shown once.
    pub key_string: KeyString,
}

impl Authority {
    /// Makes a key for the living user with this address, in the name of the person at the machine. None: there
    /// is no such user.
    pub fn recover(&self, email: &Email) -> Result<Option<Recovered>, Failure> {
        let Some(user) = self.user_with(email)? else { return Ok(None) };
        let snapshot = self.snapshot()?;
        let rows = snapshot.rows();
        let mut memberships = rows.memberships_of(user)?;
        memberships.sort_by_key(|membership| membership.since);
        let mut home = None;
        for membership in memberships {
            let tenant = rows.tenant(membership.tenant)?;
            let living = membership.standing == Standing::Living
                && tenant.is_some_and(|tenant| tenant.standing != Standing::Removed);
            // Without a living one any will do: an operator acts outside of tenants, others are refused.
            if living || home.is_none() {
                home = Some(membership.tenant);
            }
            if living {
                break;
            }
        }
        let Some(home) = home else { return Ok(None) };
        let name = Name::parse("recovery key").expect("two words are a name");
        let (scopes, limits) = (Scopes::All, KeyLimits::default());
        let input = KeyInput { name, expires_at: None, scopes, limits, note: None };
        let mut composed = self.create_key(Owner::User(user), Reach::AnyTenant { home }, &input)?;
        let key_string = composed.key.take().expect("create_key makes a key");
        let request = Request { way: Way::Bootstrap, id: self.request_id(), idempotency_key: None };
        self.execute(&Actor::Console, &request, composed)?;
        Ok(Some(Recovered { user, key_string }))
    }
}
