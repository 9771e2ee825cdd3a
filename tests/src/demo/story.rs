//! The story: chapters of steps, as the story file has them.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};

use serde::Deserialize;

use super::names;

/// A story whose every name was introduced by a step before, and which expects something.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// What it is called.
    pub(super) title: String,
    /// Its chapters, in order.
    #[serde(rename = "chapter")]
    pub(super) chapters: Vec<Chapter>,
}

/// Some steps that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chapter {
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
}

/// One thing that is done or expected. `by`, `for`, `of`, `agents` … name what earlier steps made.
// The variants without fields are structs, too: serde lets unknown fields of a unit variant pass.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Step {
    /// `keyledger init`: the first tenant, with its administrator, who is operator, too.
    Init { tenant: String, admin: String, email: String },
    /// `keyledger serve`, always at the same address.
    Serve {},
    /// SIGTERM, and the server drains.
    Stop {},
    /// An operator makes a tenant with its first administrator.
    CreateTenant { by: String, tenant: String, admin: String, email: String },
    /// An administrator makes a service account.
    CreateAccount { by: String, account: String, tenant: String, role: String },
    /// Somebody makes a key for a service account.
    CreateKey {
        by: String,
        key: String,
        #[serde(rename = "for")]
        account: String,
    },
    /// A process of its own begins to poll with a key, and with JWTs minted from it.
    StartAgent { agent: String, key: String },
    /// A key is revoked, for one of the reasons that the schema lists.
    RevokeKey { by: String, key: String, reason: String },
    /// A service account is removed, with its keys.
    RemoveAccount { by: String, account: String },
    /// Somebody's own key says who they are.
    ExpectWhoami { who: String, tenant: String, role: String },
    /// The next so many polls of each agent are all accepted, by key and by JWT.
    ExpectAccepted { agents: Vec<String>, polls: NonZeroUsize },
    /// From the acknowledged removal on, no poll of these agents is accepted, by key, by JWT or for a new JWT.
    ExpectRefused { agents: Vec<String>, within_polls: NonZeroUsize, code: String },
    /// Somebody finds nothing of a tenant in any list, where its own administrator finds everything.
    ExpectNothingSeen { by: String, of: String },
    /// Somebody attempts something that is denied.
    ExpectDenied { by: String, to: Attempt, of: String, code: String },
    /// SIGKILL, while writers make keys for a service account and revoke every third.
    KillDuringWrites {
        by: String,
        #[serde(rename = "for")]
        account: String,
        writers: NonZeroU32,
        acknowledged_min: NonZeroUsize,
    },
    /// Serves again after the kill.
    Restart {},
    /// Everything that was acknowledged before the kill is there.
    ExpectNothingLost {},
    /// `keyledger audit show`; of what the writers did, so many lines are printed.
    ShowLog { writers_lines_max: Option<usize> },
    /// `keyledger audit verify --full`.
    VerifyLog {},
}

/// What is attempted, and so what `of` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Attempt {
    /// Acting in the tenant, by header.
    ActIn,
    /// Listing the service accounts of the tenant.
    ListAccounts,
    /// Making a service account in the tenant.
    CreateAccount,
    /// Making a key for the service account.
    CreateKey,
    /// Removing the service account.
    RemoveAccount,
    /// Revoking the key.
    RevokeKey,
}

/// What is wrong with a story, and where.
#[derive(Debug)]
pub struct StoryError(String);

impl Story {
    /// Reads a story. Unknown actions, fields and names are errors, and so is a story that expects nothing.
    pub fn parse(text: &str) -> Result<Self, StoryError> {
        let story: Self = toml::from_str(text).map_err(|error| StoryError(error.to_string()))?;
        names::check(&story).map_err(StoryError)?;
        let expects = |step: &Step| step.expects();
        if !story.chapters.iter().flat_map(|chapter| &chapter.steps).any(expects) {
            return Err(StoryError(
                "it expects nothing, so it could not fail; add an expect_… step".to_owned(),
            ));
        }
        Ok(story)
    }
}

impl Step {
    const fn expects(&self) -> bool {
        match self {
            Self::ExpectWhoami { .. }
            | Self::ExpectAccepted { .. }
            | Self::ExpectRefused { .. }
            | Self::ExpectNothingSeen { .. }
            | Self::ExpectDenied { .. }
            | Self::ExpectNothingLost {} => true,
            Self::Init { .. }
            | Self::Serve {}
            | Self::Stop {}
            | Self::CreateTenant { .. }
            | Self::CreateAccount { .. }
            | Self::CreateKey { .. }
            | Self::StartAgent { .. }
            | Self::RevokeKey { .. }
            | Self::RemoveAccount { .. }
            | Self::KillDuringWrites { .. }
            | Self::Restart {}
            | Self::ShowLog { .. }
            | Self::VerifyLog {} => false,
        }
    }
}

impl fmt::Display for StoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoryError {}

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: &str = r#"{ do = "init", tenant = "acme", admin = "ada", email = "ada@example.com" }"#;
    const WHOAMI: &str = r#"{ do = "expect_whoami", who = "ada", tenant = "acme", role = "member" }"#;

    fn check(steps: &[&str], wrong: Option<&str>) {
        let steps = steps.join(", ");
        let text = format!("title = 't'\n[[chapter]]\ntitle = 'c'\nsteps = [{steps}]");
        match (Story::parse(&text), wrong) {
            (Ok(_), None) => {}
            (Err(error), Some(wrong)) => assert!(error.to_string().contains(wrong), "{error}"),
            (Ok(_), Some(_)) => panic!("accepted: {steps}"),
            (Err(error), None) => panic!("{error}"),
        }
    }

    #[test]
    fn unknown_actions_and_fields_are_errors() {
        check(&[INIT, WHOAMI], None);
        check(&[INIT, WHOAMI, r#"{ do = "dance" }"#], Some("unknown variant `dance`"));
        check(&[INIT, WHOAMI, r#"{ do = "serve", port = 1 }"#], Some("unknown field `port`"));
        check(&[INIT, WHOAMI, r#"{ do = "create_tenant", by = "ada" }"#], Some("missing field"));
        let more = WHOAMI.replace("role =", "rank = 1, role =");
        check(&[INIT, &more], Some("unknown field `rank`"));
        assert!(Story::parse("title = 't'\nmood = 'bad'\nchapter = []").is_err());
    }

    #[test]
    fn names_are_of_things_made_before_and_of_the_right_kind() {
        check(&[WHOAMI, INIT], Some("step 1: no person is called `ada` yet"));
        check(&[INIT, INIT, WHOAMI], Some("step 2: there is a tenant called `acme` already"));
        let whoami = WHOAMI.replace("\"acme\"", "\"ada\"");
        check(&[INIT, &whoami], Some("step 2: `ada` is a person, not a tenant"));
        let denied = r#"{ do = "expect_denied", by = "ada", to = "revoke_key", of = "acme", code = "X" }"#;
        check(&[INIT, denied], Some("step 2: `acme` is a tenant, not a key"));
    }

    #[test]
    fn a_story_that_cannot_fail_is_none() {
        check(&[INIT], Some("expects nothing"));
        let nobody = r#"{ do = "expect_accepted", agents = [], polls = 1 }"#;
        check(&[INIT, nobody], Some("step 2: it names no agent"));
    }
}
