//! How much one request may be answered with.
//!
//! The limits of a document do not bound its answer: a list is as long as there are entries, and of each entry every
//! field is told as often as the document names it. So lists that may be long, or whose entries hold lists, are
//! counted before they are told, as if every field of the document were asked of each entry.

use std::sync::atomic::{AtomicUsize, Ordering};

use authority::InputError;
use juniper::FieldError;

use super::asked::Asked;
use super::errors::refused;

/// The most values of one answer.
const VALUES_MAX: usize = 500_000;

/// What is left to one request.
pub(super) struct Budget {
    asked: Asked,
    left: AtomicUsize,
}

impl Budget {
    /// That of a request that asks for so much.
    pub(super) const fn of(asked: Asked) -> Self {
        Self { asked, left: AtomicUsize::new(VALUES_MAX) }
    }

    /// Takes what it costs to tell so many entries, whose lists have so many entries of their own.
    pub(super) fn take(&self, entries: usize, within: usize) -> Result<(), FieldError> {
        let of_lists = within.saturating_mul(self.asked.of_lists);
        let values = entries.saturating_mul(self.asked.fields).saturating_add(of_lists);
        let taken = |left: usize| left.checked_sub(values);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
            Ok(_) => Ok(()),
            Err(_) => Err(refused(InputError::AnswerTooLarge { values_max: VALUES_MAX }.into())),
        }
    }
}
