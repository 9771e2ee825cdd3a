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
        let manages = if own {
            reaches && visit.permits(Permission::OwnKeys)
        } else {
            frame.who.administers && manages_keys_of(visit, frame, &key.user_id).await
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
            instead: (!manages).then(|| instead(frame, key, own, revoke)),
        }
    }
}

/// Whether the reader, who administers the tenant, manages the keys of somebody else: of its service accounts.
async fn manages_keys_of(visit: &Visit, frame: &mut Frame, owner: &str) -> bool {
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

fn instead(frame: &Frame, key: &Key, own: bool, revokes: bool) -> String {
    let elsewhere = key.tenant_id.as_ref().is_some_and(|tenant| *tenant != frame.who.tenant_id);
    let who = match (own, elsewhere) {
        (true, _) => "The key that you signed in with may not change this one: sign in with one that may.",
        (false, true) => "It acts in another tenant than you do now, and is changed by whoever may there.",
        (false, false) => "Only its owner changes this key.",
    };
    let stop = match (own, revokes) {
        (true, false) => return who.to_owned(),
        (_, true) => "You can revoke it.",
        (false, false) => {
            "If somebody else may have it, remove its owner from this tenant, or ask an operator to revoke it."
        }
    };
    format!("{who} {stop}")
}
