//! Whether somebody has the scopes that are asked of their credential.

use authority::Caller;
use domain::role::Scopes;

/// Whether a credential includes the scopes; those of Keyledger's own its owner's role must include, too.
pub(crate) fn holds(caller: &Caller, wanted: &Scopes) -> bool {
    let Scopes::Only(_) = wanted else { return true };
    wanted.within(&caller.scopes) && wanted.permitted_to(caller.role)
}
