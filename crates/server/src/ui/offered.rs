//! What the reader may do to a key, and whom to ask for the rest. What they may not do is not offered; what they do all
//! the same the API decides.

use domain::role::{Permission, Scope, Scopes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::frame::Frame;
use super::shown::{Key, Page};
use super::visit::Visit;

/// What is offered on the page of a key.
#[derive(Default)]
pub(super) struct Offered {
    pub(super) disable: bool,
    pub(super) enable: bool,
    pub(super) replace: bool,
    pub(super) revoke: bool,
    /// Another name, other addresses, another rate.
    pub(super) change: bool,
    /// Another end.
    pub(super) end: bool,
    /// What to do instead, in a sentence or two.
    pub(super) instead: Option<String>,
}

#[derive(Deserialize)]
struct Managed {
    service_accounts: Page<Value>,
}

impl Offered {
    /// What the reader may do to this key now.
    pub(super) async fn of(visit: &Visit, frame: &mut Frame, key: &Key) -> Self {
        if !frame.is_now() || !key.state().lives {
            return Self::default();
        }
        let own = frame.who.is_user && key.user_id == frame.who.id;
        let confined = visit.confined_to().map(|tenant| tenant.to_string());
        let reaches = confined.is_none() || confined == key.tenant_id;
        // Of somebody else's keys administrators manage those of the tenant's service accounts.
        let of_an_account = !own && frame.who.audits && is_account(visit, frame, &key.user_id).await;
        let manages = if own {
            reaches && visit.permits(Permission::OwnKeys)
        } else {
            of_an_account && frame.who.administers
        };
        let held = key.id == frame.who.key_id;
        let now = visit.app.authority.now().unix_ms();
        let over = |end: Option<i64>| end.is_some_and(|end| end <= now);
        let [expires_at, grace_ends_at] =
            [&key.expires_at, &key.grace_ends_at].map(|end| end.as_ref().and_then(|end| end.unix_ms()));
        let lasts = !over(expires_at) && !over(grace_ends_at);
        let disabled = key.status == "KEY_DISABLED";
        // A key that may do less does not let another be accepted again.
        let grants = reaches && scopes_of(key).is_some_and(|scopes| scopes.within(&visit.caller.scopes));
        let revoke = manages || held || frame.who.operates;
        Self {
            disable: manages && !disabled,
            enable: manages && grants && disabled,
            replace: manages && grants && lasts && !disabled && key.grace_ends_at.is_none(),
            revoke,
            change: manages,
            end: manages && lasts,
            instead: (!manages).then(|| match own {
                true => instead_of_own(revoke),
                false => instead(frame, key, of_an_account, revoke),
            }),
        }
    }
}

/// Whether somebody is a service account of the tenant, for a reader who sees all of it.
async fn is_account(visit: &Visit, frame: &mut Frame, owner: &str) -> bool {
    let variables = json!({"filter": {"id": owner}});
    let Ok(Managed { service_accounts }) = visit.ask(document::MANAGED, &variables).await else {
        return false;
    };
    frame.also_asked(document::MANAGED, &variables);
    !service_accounts.is_empty()
}

/// What the key is narrowed to. None: a newer server has scopes that are none to us.
fn scopes_of(key: &Key) -> Option<Scopes> {
    let Some(scopes) = &key.scopes else { return Some(Scopes::All) };
    let scopes: Option<Vec<_>> = scopes.iter().map(|scope| Scope::parse(scope).ok()).collect();
    Scopes::only(scopes?).ok()
}

/// Of the reader's own key, which the one that they signed in with may not change.
fn instead_of_own(revokes: bool) -> String {
    let who = "The key that you signed in with may not change this one: sign in with one that may.";
    if revokes { format!("{who} You can revoke it.") } else { who.to_owned() }
}

/// Of somebody else's key: who changes it, and who stops it if somebody else has it.
fn instead(frame: &Frame, key: &Key, of_an_account: bool, revokes: bool) -> String {
    let tenant = &frame.who.tenant;
    let elsewhere = key.tenant_id.as_ref().is_some_and(|tenant| *tenant != frame.who.tenant_id);
    let who = match (of_an_account, elsewhere) {
        (true, _) => format!("Administrators of {tenant} change this key."),
        (false, true) => {
            "It acts in another tenant than you do now, and is changed by whoever may there.".to_owned()
        }
        (false, false) => "Only its owner changes this key.".to_owned(),
    };
    let stop = match (revokes, of_an_account, frame.who.administers) {
        (true, ..) => "You can revoke it.".to_owned(),
        // One key is no reason to remove an account with all of its keys.
        (false, true, _) => {
            format!("If somebody else may have it, ask an administrator of {tenant} to revoke it.")
        }
        (false, false, true) => {
            "If somebody else may have it, remove its owner from this tenant, or ask an operator to revoke it."
                .to_owned()
        }
        (false, false, false) => format!(
            "If somebody else may have it, ask its owner or an operator to revoke it, or an administrator of {tenant} to remove its owner from this tenant."
        ),
    };
    format!("{who} {stop}")
}
