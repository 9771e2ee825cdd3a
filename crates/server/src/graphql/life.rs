//! The life of a key in GraphQL.

use authority::life::{Life, Step, What};
use juniper::GraphQLObject;

use super::as_of::AsOfShown;
use super::events::Event;
use super::scalars::{Instant, LogPosition, Uuid};

/// The life of a key until a moment.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_history", rename_all = "none")]
pub struct KeyHistory {
    /// The key.
    pub key_id: Uuid,
    /// What happened to it, the first first; empty: it was made later.
    pub steps: Vec<KeyStep>,
    /// Whether something happened before the first of these that is left out: the latest 2,000 events are told. Ask as of the
    /// event before the first of them.
    pub earlier: bool,
    /// The moment that it is true as of.
    pub as_of: AsOfShown,
}

/// Something that happened to a key.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_step", rename_all = "none")]
pub struct KeyStep {
    /// When.
    pub at: Instant,
    /// The type of the event, such as KeyRevoked or TenantSuspended; or expired, grace_over, first_used or last_used.
    pub what: String,
    /// Through what it befell the key: key, owner, membership or tenant; signing_key or all_tokens, where its tokens were refused
    /// with those of others; clock, where its time was over; or use.
    pub through: String,
    /// The place of the event in the log; null: it is no event.
    pub position: Option<LogPosition>,
    /// ACTIVE, or the code with which the key was refused from then on.
    pub status: String,
    /// Whether it is approximate: use is counted beside the log, and cannot be proved.
    pub approximate: bool,
    /// The event, with who did it, by which way, and from which event it followed; null: it is no event.
    pub event: Option<Event>,
}

impl KeyHistory {
    pub(super) fn of(life: Life, as_of: AsOfShown) -> Self {
        let Life { key, steps, earlier } = life;
        Self { key_id: key.into(), steps: steps.into_iter().map(KeyStep::from).collect(), earlier, as_of }
    }

    /// How many entries the lists of its events have.
    pub(super) fn within(&self) -> usize {
        self.steps.iter().filter_map(|step| step.event.as_ref()).map(|event| event.details.len()).sum()
    }
}

impl From<Step> for KeyStep {
    fn from(step: Step) -> Self {
        let position = step.position();
        let Step { at, what, status } = step;
        let (what, through, event) = match what {
            What::Event(through, event) => {
                (event.recorded.event.name(), through.as_str(), Some(Event::from(*event)))
            }
            What::Expired => ("expired", "clock", None),
            What::GraceOver => ("grace_over", "clock", None),
            What::FirstUsed => ("first_used", "use", None),
            What::LastUsed => ("last_used", "use", None),
        };
        Self {
            at: Instant(at),
            what: what.to_owned(),
            through: through.to_owned(),
            position: position.map(LogPosition),
            status: status.map_or_else(|refusal| refusal.code(), |()| "ACTIVE").to_owned(),
            approximate: through == "use",
            event,
        }
    }
}
