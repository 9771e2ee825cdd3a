//! Whether somebody has the scopes that are asked of their credential.

use authority::Caller;
use domain::role::{Permission, Scopes};

/// Whether a credential includes the scopes; those of Keyledger's own its owner's role must include, too.
pub(crate) fn holds(caller: &Caller, wanted: &Scopes) -> bool {
    let Scopes::Only(list) = wanted else { return true };
    let within = |permission: &Permission| caller.role.is_some_and(|role| role.permits(*permission));
    list.as_slice().iter().all(|scope| {
        let own = Permission::ALL.into_iter().find(|permission| permission.scope() == scope.as_str());
        caller.scopes.include(scope.as_str()) && own.as_ref().is_none_or(within)
    })
}
