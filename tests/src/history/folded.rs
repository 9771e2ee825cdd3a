//! A history as a plain fold sees it: the rows after every event, and where each version of a row began.

use std::convert::Infallible;

use domain::event::Recorded;
use domain::past::{Past, Versioned};
use domain::time::Position;
use domain::{Change, Model, evolve};

/// Every state that a log went through.
pub struct Folded {
    /// After no event, after the first, and so on.
    models: Vec<Model>,
    versions: Vec<(Position, Versioned)>,
}

impl Folded {
    /// The states of this log.
    pub fn of(log: &[Recorded]) -> Self {
        let mut models = vec![Model::default()];
        let mut versions = vec![];
        for recorded in log {
            let mut model = models.last().expect("there is the first").clone();
            let Ok(changes): Result<_, Infallible> = evolve(&model, recorded);
            versions.extend(changes.iter().filter_map(versioned).map(|of| (recorded.position, of)));
            model.record(recorded);
            models.push(model);
        }
        Self { models, versions }
    }

    /// The state after the event at this position.
    pub fn at(&self, position: Position) -> &Model {
        let last = self.models.len() - 1;
        &self.models[usize::try_from(position.number()).map_or(last, |number| number.min(last))]
    }
}

fn versioned(change: &Change) -> Option<Versioned> {
    match change {
        Change::Tenant(row) => Some(Versioned::Tenant(row.id)),
        Change::User(row) => Some(Versioned::User(row.id)),
        Change::Membership(row) => Some(Versioned::Membership(row.tenant, row.user)),
        Change::ServiceAccount(row) => Some(Versioned::ServiceAccount(row.id)),
        Change::Key(row) => Some(Versioned::Key(row.id)),
        Change::Watermark(target, _) => Some(Versioned::Watermark(*target)),
        Change::Deployment(_) | Change::SigningKey(_) | Change::UniqueName(..) => None,
    }
}

impl Past for Folded {
    type Error = Infallible;
    type Rows<'a> = Model;

    fn rows_at(&self, position: Position) -> Model {
        self.at(position).clone()
    }

    fn version(&self, of: Versioned, at: Position) -> Result<Option<Position>, Infallible> {
        let mut until = self.versions.iter().rev().filter(|(position, _)| *position <= at);
        Ok(until.find(|(_, versioned)| *versioned == of).map(|(position, _)| *position))
    }
}
