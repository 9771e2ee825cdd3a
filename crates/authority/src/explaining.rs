//! Explanations: whether a key would have been accepted at a moment, with the events that decide it.

use std::net::IpAddr;

use domain::explain::{Explanation, Fact, Objection, Question, explain};
use domain::ids::{KeyId, TenantId};
use domain::rejection::Refusal;
use domain::role::Scopes;
use domain::status::Admission;
use domain::time::{Moment, Position, Timestamp};

use crate::as_of::{Answer, AsOf};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::events::{EventView, Reader};
use crate::failure::Failure;
use crate::named::{KeyNamed, Sight};

/// Would this key have been accepted?
#[derive(Clone)]
pub struct Asked {
    /// Which key.
    pub key: KeyNamed,
    /// In which tenant; none: where the key acts if none is named.
    pub tenant: Option<TenantId>,
    /// Which scopes it must include, beyond being accepted.
    pub scopes: Scopes,
    /// From which address; none: the key's list of addresses is not asked.
    pub from: Option<IpAddr>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The key; none: nobody has such a secret.
    pub key: Option<KeyId>,
    /// As what it was accepted, or why not.
    pub verdict: Result<Admission, Objection>,
    /// The events that decide it, in the order of the log.
    pub decided_by: Vec<Deciding>,
}

/// An event that decides.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// Where it is.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its type.
    pub event_type: &'static str,
    /// What it decides.
    pub fact: Fact,
    /// The event itself, for whoever may read it.
    pub event: Option<EventView>,
}

impl Authority {
    /// Whether a key would have been accepted as of a moment, and why.
    pub fn explain(&self, caller: &Caller, asked: &Asked, as_of: AsOf) -> Result<Answer<Explained>, Failure> {
        let view = self.view(as_of)?;
        let Some(known) = self.known(&view, caller, &asked.key, asked.tenant)? else {
            let verdict = Err(Objection::Refused(Refusal::KeyUnknown));
            return Ok(view.answer(Explained { key: None, verdict, decided_by: vec![] }));
        };
        let (tenant, reader) = match known.sight {
            Sight::Events(scope) => (asked.tenant, Some(Reader::new(self, &view.snapshot, caller, scope))),
            Sight::Verdict(tenant) => (Some(tenant), None),
        };
        let key = known.key.id;
        let question = Question { key, tenant, scopes: asked.scopes.clone(), from: asked.from };
        let at = Moment { position: view.basis.position, at: view.basis.instant };
        let Explanation { verdict, decided_by } = explain(&view.snapshot, &question, at)?;
        let mut deciding = vec![];
        for decisive in decided_by {
            let position = decisive.position;
            let recorded = view.snapshot.recorded(position)?;
            deciding.push(Deciding {
                position,
                recorded_at: recorded.recorded_at,
                event_type: recorded.event.name(),
                fact: decisive.fact,
                event: reader.as_ref().map(|reader| reader.view(recorded)).transpose()?,
            });
        }
        Ok(view.answer(Explained { key: Some(key), verdict, decided_by: deciding }))
    }
}
