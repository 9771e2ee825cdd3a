//! What can be done to a tenant or a person, in words: what it is called, what it means, and what it asks for.

use super::document::{self, Document};

/// Something that can be done to a tenant or a person.
pub(super) struct Act {
    /// The last part of its address.
    pub(super) word: &'static str,
    /// The mutation.
    pub(super) document: Document,
    /// Its field.
    pub(super) field: &'static str,
    /// What is done, before the name of whom to.
    pub(super) title: &'static str,
    /// What it is called on a button.
    pub(super) name: &'static str,
    /// What it means, and whether there is a way back.
    pub(super) says: &'static str,
    /// What it means for a reader who is in that tenant, or is that person.
    pub(super) own: Option<&'static str>,
    /// After "to", if it gives rights or cannot be undone: the key is asked for once more.
    pub(super) proved: Option<&'static str>,
    /// Whether the name must be typed.
    pub(super) typed: bool,
    /// The word of the notice.
    pub(super) done: &'static str,
    /// The same on the command line, before the id.
    pub(super) cli: &'static str,
}

/// What is done to tenants.
pub(super) const TENANTS: [Act; 4] = [
    Act {
        word: "suspend",
        document: document::SUSPEND_TENANT,
        field: "suspend_tenant",
        title: "Suspend",
        name: "Suspend",
        says: "Every key that acts in it is refused there from the next request on, until you resume it.",
        own: Some("You are in this tenant now: you lose it like everybody else in it."),
        proved: None,
        typed: true,
        done: "tenant-suspended",
        cli: "keyledger tenant suspend",
    },
    Act {
        word: "resume",
        document: document::RESUME_TENANT,
        field: "resume_tenant",
        title: "Resume",
        name: "Resume",
        says: "What was accepted in it before is accepted again, but for sessions of this web UI.",
        own: None,
        proved: None,
        typed: false,
        done: "tenant-resumed",
        cli: "keyledger tenant resume",
    },
    Act {
        word: "remove",
        document: document::REMOVE_TENANT,
        field: "remove_tenant",
        title: "Remove",
        name: "Remove for good",
        says: "This is for good, and there is no way back: another tenant of the same name has nothing of it. To stop it for a while, suspend it.",
        own: Some("You are in this tenant now: you lose it like everybody else in it."),
        proved: Some("remove a tenant"),
        typed: true,
        done: "tenant-removed",
        cli: "keyledger tenant remove",
    },
    Act {
        word: "erase",
        document: document::ERASE,
        field: "erase_subject",
        title: "Erase",
        name: "Erase for good",
        says: "The key that seals its names is destroyed. From then on they read [erased] everywhere, at every moment that is asked about, and nobody can bring them back, not even from the log. What happened stays in the log, with ids.",
        own: None,
        proved: Some("erase a tenant’s names"),
        typed: true,
        done: "tenant-erased",
        cli: "keyledger erase --whole-tenant",
    },
];

/// What is done to people.
pub(super) const PEOPLE: [Act; 6] = [
    Act {
        word: "suspend",
        document: document::SUSPEND_USER,
        field: "suspend_user",
        title: "Suspend",
        name: "Suspend",
        says: "Their keys are refused in every tenant from the next request on, until you resume them.",
        own: Some("This is you: you will be signed out, and none of your keys is accepted."),
        proved: None,
        typed: true,
        done: "user-suspended",
        cli: "keyledger user suspend",
    },
    Act {
        word: "resume",
        document: document::RESUME_USER,
        field: "resume_user",
        title: "Resume",
        name: "Resume",
        says: "Their keys are accepted again; they sign in to this web UI anew.",
        own: None,
        proved: None,
        typed: false,
        done: "user-resumed",
        cli: "keyledger user resume",
    },
    Act {
        word: "remove",
        document: document::REMOVE_USER,
        field: "remove_user",
        title: "Remove",
        name: "Remove for good",
        says: "This is for good: they lose every tenant and every key of their own, and whoever comes with the same address later is somebody new. Service accounts that they made go on.",
        own: Some("This is you: you will be signed out, and none of your keys is accepted."),
        proved: Some("remove a person"),
        typed: true,
        done: "user-removed",
        cli: "keyledger user remove",
    },
    Act {
        word: "erase",
        document: document::ERASE,
        field: "erase_subject",
        title: "Erase",
        name: "Erase for good",
        says: "The key that seals every text about them is destroyed: their address, their name, the names of their keys and the remarks on them. From then on these read [erased] everywhere, at every moment that is asked about, and nobody can bring them back, not even from the log. What happened stays in the log, with ids.",
        own: None,
        proved: Some("erase a person"),
        typed: true,
        done: "user-erased",
        cli: "keyledger erase --user",
    },
    Act {
        word: "grant-operator",
        document: document::GRANT_OPERATOR,
        field: "grant_operator",
        title: "Make an operator:",
        name: "Make an operator",
        says: "An operator sees and ends everything across tenants, makes tenants, and makes other operators.",
        own: None,
        proved: Some("make somebody an operator"),
        typed: true,
        done: "operator",
        cli: "keyledger user grant-operator",
    },
    Act {
        word: "withdraw-operator",
        document: document::WITHDRAW_OPERATOR,
        field: "withdraw_operator",
        title: "Make an ordinary user again:",
        name: "Make an ordinary user again",
        says: "They keep their memberships and their keys, and operate no more.",
        own: Some("This is you: you will not see these pages any more."),
        proved: None,
        typed: false,
        done: "no-operator",
        cli: "keyledger user withdraw-operator",
    },
];
