//! What stands around every page: where one is, who looks, the way to the others, the past's banner, and what the page
//! asked of the API.

use domain::role::{Permission, Role};
use serde_json::Value;

use super::as_of::AsOf;
use super::document::Document;
use super::root::Root;
use super::shown::{Basis, Who, role_name};
use super::visit::MADE_FOR;
use super::visit::Visit;

/// The frame of a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) root: Root,
    pub(super) who: Shown,
    pub(super) sections: Vec<Section>,
    /// In the past: the moment, as it stands in the address.
    pub(super) past: Option<Past>,
    /// What was asked of the API.
    pub(super) operations: Vec<Operation>,
    /// The same on the command line.
    pub(super) cli: Option<String>,
    /// What was just done, if something was.
    pub(super) notice: Option<&'static str>,
    /// Why the reader is in another tenant than before, if they did not choose so.
    pub(super) moved: Option<String>,
    as_of: Option<AsOf>,
}

/// Who looks.
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) key_id: String,
    pub(super) role: String,
    pub(super) tenant_id: String,
    pub(super) tenant: String,
    pub(super) is_user: bool,
    /// Whether they administer the tenant with this key.
    pub(super) administers: bool,
    /// Whether they see all of the tenant with this key, its events included.
    pub(super) audits: bool,
    /// Whether they see all of the deployment with this key.
    pub(super) audits_deployment: bool,
    /// Whether they operate the deployment with this key.
    pub(super) operates: bool,
    /// Whether they may leave the tenant.
    pub(super) leaves: bool,
    /// Whether they make keys with this key: their own, or those of service accounts.
    pub(super) makes_keys: bool,
}

/// A section of the pages.
pub(super) struct Section {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) current: bool,
}

/// The moment at which a page looks.
pub(super) struct Past {
    pub(super) position: Option<String>,
    pub(super) instant: Option<super::when::When>,
}

/// An operation of the API.
pub(super) struct Operation {
    pub(super) document: &'static str,
    pub(super) variables: String,
}

/// The sections, for whom, and where each begins.
const SECTIONS: [(&str, &str, For); 8] = [
    ("ui/keys", "API keys", For::Everyone),
    ("ui/accounts", "Service accounts", For::Auditors),
    ("ui/members", "Members", For::WhoeverIsInATenant),
    ("ui/tenants", "Tenants", For::Everyone),
    ("ui/events", "Events", For::AuditorsOfAny),
    ("ui/time", "Time machine", For::Auditors),
    ("ui/signing-keys", "Signing keys", For::AuditorsOfTheDeployment),
    ("ui/deployment", "Deployment", For::AuditorsOfTheDeployment),
];

const ALL_EVENTS: &str = "ui/events?all=yes";

#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Everyone,
    /// Not an operator outside of every tenant.
    WhoeverIsInATenant,
    Auditors,
    AuditorsOfTheDeployment,
    /// Of the tenant, or of the deployment.
    AuditorsOfAny,
}

impl Frame {
    /// The frame of a page of a section.
    pub(super) fn new(visit: &Visit, section: &str, title: impl Into<String>, who: &Who) -> Self {
        let shown = Shown::of(visit, who);
        let moved = visit.left.as_ref().map(|why| format!("{why} You are in {} now.", shown.tenant));
        visit.is_shown(who.tenant());
        let wanted = |of: For| match of {
            For::Everyone => true,
            For::WhoeverIsInATenant => !shown.tenant_id.is_empty(),
            For::Auditors => shown.audits,
            For::AuditorsOfTheDeployment => shown.audits_deployment,
            For::AuditorsOfAny => shown.audits || shown.audits_deployment,
        };
        let sections = SECTIONS.iter().filter(|(_, _, of)| wanted(*of));
        let sections = sections.map(|&(path, name, of)| {
            // Whoever sees the events of the deployment need not see those of the tenant alone.
            let path_there = if of == For::AuditorsOfAny && !shown.audits { ALL_EVENTS } else { path };
            Section { path: path_there, name, current: path == section }
        });
        let sections = sections.collect();
        let past = visit.as_of.as_ref().map(|as_of| Past {
            position: as_of.position().map(|position| position.to_string()),
            instant: None,
        });
        Self {
            title: title.into(),
            root: visit.root,
            who: shown,
            sections,
            past,
            operations: vec![],
            cli: None,
            notice: visit.done().and_then(notice),
            moved,
            as_of: visit.as_of.clone(),
        }
    }

    /// Says what the page's answer rests on.
    pub(super) fn based(mut self, basis: Option<&Basis>) -> Self {
        if let (Some(past), Some(basis)) = (&mut self.past, basis) {
            past.position = Some(basis.position.clone());
            past.instant = Some(basis.instant.clone());
        }
        self
    }

    /// Shows what was asked.
    pub(super) fn asked(mut self, document: Document, variables: &Value) -> Self {
        self.also_asked(document, variables);
        self
    }

    /// Shows what else was asked.
    pub(super) fn also_asked(&mut self, document: Document, variables: &Value) {
        let variables = serde_json::to_string_pretty(variables).unwrap_or_default();
        self.operations.push(Operation { document: document.text().trim_end(), variables });
    }

    /// Shows the same on the command line.
    pub(super) fn on_the_command_line(mut self, line: impl Into<String>) -> Self {
        self.cli = Some(match &self.as_of {
            Some(as_of) => format!("{} --as-of {}", line.into(), as_of.on_the_command_line()),
            None => line.into(),
        });
        self
    }

    /// The address of a page, at the moment that this page is asked about.
    pub(super) fn to(&self, path: &str) -> String {
        match &self.as_of {
            Some(as_of) => format!("{}{}", self.root, as_of.kept_in(path)),
            None => format!("{}{path}", self.root),
        }
    }

    /// The moment that this page is asked about, as it stands in its address.
    pub(super) fn moment(&self) -> Option<&str> {
        self.as_of.as_ref().map(AsOf::text)
    }

    /// The address of a thing's page.
    pub(super) fn to_one(&self, path: &str, id: &str) -> String {
        self.to(&format!("{path}/{id}"))
    }

    /// The address of the events that decide how a key stands.
    pub(super) fn to_why(&self, key: &str) -> String {
        format!("{}#why", self.to_one("ui/keys", key))
    }

    /// The address of what can be done to a thing. There is nothing to do in the past.
    pub(super) fn to_do(&self, path: &str, id: &str, what: &str) -> String {
        format!("{}{path}/{id}/{what}", self.root)
    }

    /// Where the form is sent that does something to a thing.
    pub(super) fn send(&self, path: &str, id: &str, what: &str) -> String {
        self.send_to(&format!("{path}/{id}/{what}"))
    }

    /// Where a form is sent. It says for which tenant it was made: the session may act in another by then.
    pub(super) fn send_to(&self, path: &str) -> String {
        format!("{}{path}?{MADE_FOR}={}", self.root, self.who.tenant_id)
    }

    /// The address of the keys of one owner.
    pub(super) fn to_keys_of(&self, owner: &str) -> String {
        self.to(&format!("ui/keys?owner={owner}"))
    }

    /// The address of the events that made a service account what it is.
    pub(super) fn to_why_of_account(&self, account: &str) -> String {
        self.to(&format!("ui/events?kind=accounts&account={account}"))
    }

    /// The address of the events that made a person what they are here.
    pub(super) fn to_why_of_user(&self, user: &str) -> String {
        self.to(&format!("ui/events?kind=people&user={user}"))
    }

    /// The address of what was refused with a key, or about it.
    pub(super) fn to_refusals_of(&self, key: &str) -> String {
        self.to(&format!("ui/refusals?key={key}"))
    }

    /// The address of the next page of a list, with what else it was asked.
    pub(super) fn to_next(&self, path: &str, kept: &[(&str, Option<&str>)], after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in kept {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.append_pair("after", after);
        self.to(&format!("{path}?{}", query.finish()))
    }

    /// The same page now.
    pub(super) fn now(&self) -> String {
        let section = self.sections.iter().find(|section| section.current);
        format!("{}{}", self.root, section.map_or("ui/keys", |section| section.path))
    }

    /// How well use is known: it is counted beside the log, and nothing of the past is kept of it.
    pub(super) fn roughly(&self) -> &'static str {
        if self.is_now() { "approximate" } else { "approximate, as known now" }
    }

    /// Whether something can be changed here: not in the past.
    pub(super) fn is_now(&self) -> bool {
        self.past.is_none()
    }
}

impl Shown {
    fn of(visit: &Visit, who: &Who) -> Self {
        let caller = &visit.caller;
        let me = who.user.first();
        let administrator = caller.role == Some(Role::Administrator);
        let administers = administrator && visit.permits(Permission::Administer);
        let operator = me.is_some_and(|me| me.operator);
        let operates = operator && visit.permits(Permission::Operate) && visit.confined_to().is_none();
        let looks =
            visit.permits(Permission::Operate) || visit.caller.scopes.include(Permission::Audit.scope());
        let audits_deployment = operator && looks && visit.confined_to().is_none();
        let name = me.map(|me| me.name.clone().unwrap_or_else(|| me.email.clone()));
        Self {
            name: name.unwrap_or_else(|| "a service account".to_owned()),
            id: who.auth_info.user_id.clone().unwrap_or_default(),
            key_id: who.auth_info.key_id.clone().unwrap_or_default(),
            role: who.auth_info.role.as_deref().map_or("no role", role_name).to_owned(),
            tenant_id: who.auth_info.tenant_id.clone().unwrap_or_default(),
            tenant: who.tenant().map_or("no tenant", |tenant| tenant.name.as_str()).to_owned(),
            is_user: me.is_some(),
            administers,
            audits: administrator && visit.permits(Permission::Audit),
            audits_deployment,
            operates,
            leaves: me.is_some() && caller.role.is_some() && visit.permits(Permission::OwnKeys),
            // A key has a home, and a service account's are made by administrators.
            makes_keys: administers
                || (me.is_some() && visit.permits(Permission::OwnKeys) && caller.tenant.is_some()),
        }
    }
}

/// What was done, in words of ours: the word stands in the address.
fn notice(done: &str) -> Option<&'static str> {
    let sentence = match done {
        "revoked" => "The key is revoked. It and every token made from it are refused from now on.",
        "revoked-before" => "It was revoked already; the reason and note of then stay.",
        "unchanged" => "It was so already: nothing was changed.",
        "disabled" => "The key is disabled. It is refused until you enable it.",
        "enabled" => "The key is enabled. It is accepted again.",
        "renamed" => "The key has its new name.",
        "note" => "The note about the key is changed.",
        "end" => "The key has its new end.",
        "addresses" => "From where the key is accepted is changed. It counts from the next request on.",
        "rate" => "How often the key is accepted is changed. It counts from the next request on.",
        "account" => "The service account is there. Make a key for it next.",
        "account-removed" => "The service account is removed, with all of its keys.",
        "account-removed-before" => "The service account was removed already: nothing was changed.",
        "account-suspended" => "The service account is suspended. Its keys are refused until you resume it.",
        "account-resumed" => "The service account is resumed. Its keys are accepted again.",
        "role" => "The role is changed. It counts from the next request on.",
        "member" => "The member is added.",
        "member-before" => "They are a member with this role already: nothing was changed.",
        "left" => "You left the tenant.",
        "member-removed" => "The member is removed from this tenant.",
        "member-removed-before" => "They were removed from this tenant already: nothing was changed.",
        "policy" => "The rules for new keys are changed.",
        "tenant" => "You are in another tenant now.",
        "signing-key" => "A new signing key is published.",
        "signing-key-retired" => "The signing key is retired.",
        "tenant-created" => {
            "The tenant is made. Its administrator was known here and uses the keys that they have."
        }
        "tenant-suspended" => "The tenant is suspended. Its keys are refused until you resume it.",
        "tenant-resumed" => "The tenant is resumed. Its keys are accepted again.",
        "tenant-removed" => "The tenant is removed, with all that rested on it.",
        "tenant-erased" => "The tenant’s names are erased.",
        "user-suspended" => "They are suspended in every tenant until you resume them.",
        "user-resumed" => "They are resumed. Their keys are accepted again.",
        "user-removed" => "They are removed, with all of their keys.",
        "user-erased" => "Every text about them is erased.",
        "operator" => "They are an operator now.",
        "no-operator" => "They are an ordinary user again.",
        _ => return None,
    };
    Some(sentence)
}
