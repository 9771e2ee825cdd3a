//! Explanations: whether a key would have been accepted at a moment, with the events that decide it.

use std::net::IpAddr;

use domain::decide::role_of;
use domain::explain::{Explanation, Fact, Objection, Question, explain};
use domain::ids::{KeyId, TenantId};
use domain::life::was_there;
use domain::rejection::Refusal;
use domain::role::{Permission, Scopes};
use domain::status::Admission;
use domain::time::{Moment, Position, Timestamp};

use crate::as_of::{Answer, AsOf, View};
use crate::authenticate::{Caller, is_mistyped};
use crate::authority::Authority;
use crate::events::{EventView, Reader, Scope};
use crate::failure::Failure;
use crate::named::{KeyNamed, Sight};
use crate::queries::told_of;

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
    /// The key; none: nobody has such a secret or digest, or the digest is of one that whoever asks may not see.
    pub key: Option<KeyId>,
    /// As what it was accepted, or why not.
    pub verdict: Result<Admission, NotAccepted>,
    /// The events that decide it, in the order of the log.
    pub decided_by: Vec<Deciding>,
}

/// Why a key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAccepted {
    /// Nobody has it, and its checksum is wrong: it was mistyped or cut.
    Mistyped,
    /// For what is in the log, or is not.
    Objection(Objection),
}

impl NotAccepted {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Mistyped => "KEY_MISTYPED",
            Self::Objection(objection) => objection.code(),
        }
    }
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
            let mistyped = matches!(&asked.key, KeyNamed::Secret(shown) if is_mistyped(shown));
            let unknown = NotAccepted::Objection(Objection::Refused(Refusal::KeyUnknown));
            let verdict = Err(if mistyped { NotAccepted::Mistyped } else { unknown });
            return Ok(view.answer(Explained { key: None, verdict, decided_by: vec![] }));
        };
        let (tenant, reader) = match known.sight {
            Sight::Events(scope) => {
                let told = told_of(caller, known.key.owner, scope);
                let (tenant, events) = self.asked_about(&view, caller, asked, told)?;
                let reader = || Reader::new(self, &view.snapshot, caller, scope);
                (tenant, events.then(reader))
            }
            Sight::Verdict(tenant) => (Some(tenant), None),
        };
        let key = known.key.id;
        let question = Question { key, tenant, scopes: asked.scopes.clone(), from: asked.from };
        let at = Moment { position: view.basis.position, at: view.basis.instant };
        let Explanation { verdict, decided_by } = explain(&view.snapshot, &question, at)?;
        // Whoever left a tenant sees nothing of what came of it since.
        let removed = verdict == Err(Objection::Refused(Refusal::TenantRemoved))
            && known.sight != Sight::Events(Scope::Deployment);
        let where_removed = tenant.unwrap_or(known.key.reach.home());
        let mut deciding = vec![];
        for decisive in decided_by {
            let position = decisive.position;
            let recorded = view.snapshot.recorded(position)?;
            let closed = removed && !was_there(&view.snapshot, known.key.owner, where_removed, position)?;
            deciding.push(Deciding {
                position,
                recorded_at: recorded.recorded_at,
                event_type: recorded.event.name(),
                fact: decisive.fact,
                event: reader.as_ref().filter(|_| !closed).map(|reader| reader.view(recorded)).transpose()?,
            });
        }
        let verdict = verdict.map_err(NotAccepted::Objection);
        Ok(view.answer(Explained { key: Some(key), verdict, decided_by: deciding }))
    }

    /// In which tenant an answer may be given, and whether with its events; none: where the key acts if none is named. Of a tenant
    /// other than the one in which it is told, whoever asks must see the events there, too; or show the key, and may verify there.
    fn asked_about(
        &self,
        view: &View,
        caller: &Caller,
        asked: &Asked,
        told: Option<TenantId>,
    ) -> Result<(Option<TenantId>, bool), Failure> {
        let elsewhere = asked.tenant.filter(|tenant| told.is_some_and(|told| told != *tenant));
        let Some(tenant) = elsewhere else { return Ok((asked.tenant.or(told), true)) };
        let may = |needs| role_of(&view.now(), &caller.actor, tenant, needs, self.now());
        match (may(Permission::Audit)?, &asked.key) {
            (Ok(_), _) => Ok((Some(tenant), true)),
            (Err(_), KeyNamed::Secret(_)) => {
                may(Permission::Verify)??;
                Ok((Some(tenant), false))
            }
            (Err(rejection), KeyNamed::Id(_) | KeyNamed::Digest(_)) => Err(rejection.into()),
        }
    }
}
