//! The name of an attempt, which stands in a form: sent twice, it makes one thing.

use super::form::Fields;
use super::visit::Visit;
use crate::graphql::in_process::Refused;

/// The name that a form has. What was refused may be tried anew.
pub(super) fn name(visit: &Visit, fields: &Fields, error: Option<&Refused>) -> String {
    let fresh = || format!("ui-{}", visit.app.authority.request_id());
    let unknown = error.is_some_and(|error| error.code == "UNKNOWN_OUTCOME");
    fields.get("attempt").filter(|_| unknown).map_or_else(fresh, str::to_owned)
}

/// What was refused; if it is that the form was sent before with something else in it, in these words.
pub(super) fn in_plain_words(refused: Refused, message: &str) -> Refused {
    if refused.code == "IDEMPOTENCY_CONFLICT" { Refused::new(&refused.code, message) } else { refused }
}
