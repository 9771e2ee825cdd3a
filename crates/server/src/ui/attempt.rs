//! The name of an attempt, which stands in a form: sent twice, it makes one thing.

use domain::ids::RequestId;
use domain::time::Timestamp;

use super::form::Fields;
use super::visit::Visit;
use crate::graphql::in_process::Refused;

const PREFIX: &str = "ui-";

/// The name that a form has. What was refused may be tried anew.
pub(super) fn name(visit: &Visit, fields: &Fields, error: Option<&Refused>) -> String {
    let fresh = || format!("{PREFIX}{}", visit.app.authority.request_id());
    let unknown = error.is_some_and(|error| error.code == "UNKNOWN_OUTCOME");
    fields.get("attempt").filter(|_| unknown).map_or_else(fresh, str::to_owned)
}

/// When the form of this name was made.
pub(super) fn begun(name: &str) -> Option<Timestamp> {
    RequestId::parse(name.strip_prefix(PREFIX)?).ok()?.made_at()
}

/// What was refused; if it is that the form was sent before with something else in it, in these words.
pub(super) fn in_plain_words(refused: Refused, message: &str) -> Refused {
    if refused.code == "IDEMPOTENCY_CONFLICT" { Refused::new(&refused.code, message) } else { refused }
}
