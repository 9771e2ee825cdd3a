//! What a role permits, and the scopes by which a key can be given less than its owner's role.

/// What a user or a service account may do in one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything in the tenant, its members, service accounts and their keys included.
    Administrator,
    /// Works in the tenant and manages own keys.
    Member,
    /// An agent: authenticates and fetches work.
    Runner,
    /// Looks, and changes nothing of the tenant.
    ReadOnly,
}

/// What Keyledger itself lets somebody do; each has a reserved scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See the tenant and its members. Scope `keyledger:read`.
    Read,
    /// Manage one's own keys, as a user. Scope `keyledger:keys`.
    OwnKeys,
    /// Check credentials that others show. Scope `keyledger:verify`.
    Verify,
    /// Administer the tenant. Scope `keyledger:admin`.
    Administer,
    /// Operate the deployment, as an operator. Scope `keyledger:operate`.
    Operate,
    /// See how the deployment is, as an operator: its metrics. Scope `keyledger:metrics`.
    Observe,
    /// See all of the tenant, its events and what was refused there; as an operator, all of the deployment. Change nothing.
    /// Scope `keyledger:audit`.
    Audit,
}

impl Role {
    /// Every role, the most powerful first.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Member, Self::Runner, Self::ReadOnly];

    /// The word for the role on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::Runner => "runner",
            Self::ReadOnly => "read_only",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether the role includes the permission. Operating the deployment comes with no role.
    pub const fn permits(self, permission: Permission) -> bool {
        match (self, permission) {
            (_, Permission::Operate | Permission::Observe) => false,
            (Self::Administrator, _) => true,
            (Self::Member, Permission::Verify) => true,
            (_, Permission::Read | Permission::OwnKeys) => true,
            (_, Permission::Verify | Permission::Administer | Permission::Audit) => false,
        }
    }
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::OwnKeys,
        Self::Verify,
        Self::Administer,
        Self::Operate,
        Self::Observe,
        Self::Audit,
    ];

    /// The reserved scope that stands for the permission.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Read => "keyledger:read",
            Self::OwnKeys => "keyledger:keys",
            Self::Verify => "keyledger:verify",
            Self::Administer => "keyledger:admin",
            Self::Operate => "keyledger:operate",
            Self::Observe => "keyledger:metrics",
            Self::Audit => "keyledger:audit",
        }
    }
}

/// One scope: a scope-token of RFC 6749, section 3.3. Those that begin with `keyledger:` are
/// Keyledger's own [`Permission`]s; all others mean what the services that read them say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

/// Why a text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not a scope-token.
    #[error(
        "a scope has 1 to 64 visible ASCII characters other than the double quote and the backslash (RFC 6749, section 3.3)"
    )]
    Malformed,
    /// Of Keyledger's own, but none that exists.
    #[error(
        "{scope} is none of keyledger:read, keyledger:keys, keyledger:verify, keyledger:admin, keyledger:operate, keyledger:metrics, keyledger:audit"
    )]
    Unknown {
        /// What was asked for.
        scope: String,
    },
    /// More scopes than one key can have.
    #[error("a key may have at most {} scopes", Scopes::COUNT_MAX)]
    TooMany,
}

impl Scope {
    /// The most characters of one scope.
    pub const BYTES_MAX: usize = 64;

    /// Accepts a scope-token, and of the reserved ones only those that exist.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let token = |b: u8| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if text.is_empty() || text.len() > Self::BYTES_MAX || !text.bytes().all(token) {
            return Err(ScopeError::Malformed);
        }
        let reserved = text.starts_with("keyledger:");
        if reserved && !Permission::ALL.iter().any(|p| p.scope() == text) {
            return Err(ScopeError::Unknown { scope: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scopes {
    /// Not narrowed: whatever its owner's role permits.
    All,
    /// These scopes and no others; sorted, without repetition.
    Only(ScopeList),
}

/// A sorted list of scopes without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeList(Vec<Scope>);

impl ScopeList {
    /// The scopes in order.
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }
}

impl Scopes {
    /// The most scopes that one key can be narrowed to.
    pub const COUNT_MAX: usize = 32;

    /// Narrowed to these scopes, in whatever order and however often they are given.
    pub fn only(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, ScopeError> {
        let mut scopes: Vec<_> = scopes.into_iter().collect();
        scopes.sort();
        scopes.dedup();
        if scopes.len() > Self::COUNT_MAX {
            return Err(ScopeError::TooMany);
        }
        Ok(Self::Only(ScopeList(scopes)))
    }

    /// Reads the space-separated list of RFC 6749, section 3.3.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let scopes: Result<Vec<_>, _> = text.split_ascii_whitespace().map(Scope::parse).collect();
        Self::only(scopes?)
    }

    /// Whether the scope is among them.
    pub fn include(&self, scope: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.0.binary_search_by(|s| s.as_str().cmp(scope)).is_ok(),
        }
    }

    /// Whether a role permits each of them that is Keyledger's own; without a role there is none of these.
    pub fn permitted_to(&self, role: Option<Role>) -> bool {
        let Self::Only(list) = self else { return true };
        let permits = |permission: &Permission| role.is_some_and(|role| role.permits(*permission));
        list.0.iter().all(|scope| {
            let own = Permission::ALL.into_iter().find(|permission| permission.scope() == scope.as_str());
            own.as_ref().is_none_or(permits)
        })
    }

    /// Whether what the permission lets somebody do is among what the scopes do. Who administers sees all of the tenant,
    /// and who sees all of it sees what everybody there does.
    pub fn permit(&self, permission: Permission) -> bool {
        let include = |permission: Permission| self.include(permission.scope());
        match permission {
            Permission::Read => self.permit(Permission::Audit) || include(permission),
            Permission::Audit => include(permission) || include(Permission::Administer),
            Permission::OwnKeys
            | Permission::Verify
            | Permission::Administer
            | Permission::Operate
            | Permission::Observe => include(permission),
        }
    }

    /// Whether a key with these scopes has nothing that `wider` does not have.
    pub fn within(&self, wider: &Self) -> bool {
        match (self, wider) {
            (_, Self::All) => true,
            (Self::All, Self::Only(_)) => false,
            (Self::Only(list), Self::Only(_)) => list.0.iter().all(|s| wider.include(s.as_str())),
        }
    }

    /// What both allow.
    pub fn intersect(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, narrow) | (narrow, Self::All) => narrow.clone(),
            (Self::Only(list), Self::Only(_)) => {
                Self::Only(ScopeList(list.0.iter().filter(|s| other.include(s.as_str())).cloned().collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrator_has_all_but_operating_and_nobody_else_administers() {
        for role in Role::ALL {
            assert!(!role.permits(Permission::Operate) && !role.permits(Permission::Observe));
            assert!(role.permits(Permission::Read) && role.permits(Permission::OwnKeys));
            assert_eq!(role.permits(Permission::Administer), role == Role::Administrator);
        }
        assert!(Role::Member.permits(Permission::Verify) && !Role::Runner.permits(Permission::Verify));
    }

    #[test]
    fn scopes_only_narrow() {
        let ab = Scopes::parse("b a a").unwrap();
        let a = Scopes::parse("a").unwrap();
        assert!(a.within(&ab) && ab.within(&Scopes::All) && a.within(&a));
        assert!(!ab.within(&a) && !Scopes::All.within(&ab));
        assert_eq!(ab.intersect(&a), a);
        assert_eq!(Scopes::All.intersect(&a), a);
        assert!(ab.include("b") && !a.include("b"));
    }

    #[test]
    fn who_audits_sees_and_changes_nothing() {
        let only = |permission: Permission| Scopes::parse(permission.scope()).unwrap();
        for permission in Permission::ALL {
            let seen = matches!(permission, Permission::Audit | Permission::Read);
            assert_eq!(only(Permission::Audit).permit(permission), seen, "{permission:?}");
            assert!(only(permission).permit(permission) && Scopes::All.permit(permission));
        }
        assert!(only(Permission::Administer).permit(Permission::Audit));
        assert!(only(Permission::Administer).permit(Permission::Read));
        assert!(!only(Permission::Read).permit(Permission::Audit));
        assert!(!only(Permission::Operate).permit(Permission::Audit));
    }

    #[test]
    fn outside_of_any_tenant_no_scope_of_keyledgers_own_is_permitted() {
        let only = |text| Scopes::parse(text).unwrap();
        assert!(!only("keyledger:read").permitted_to(None) && !only("a keyledger:keys").permitted_to(None));
        assert!(only("a").permitted_to(None) && Scopes::All.permitted_to(None));
        assert!(only("a keyledger:read").permitted_to(Some(Role::Runner)));
        assert!(!only("a keyledger:admin").permitted_to(Some(Role::Member)));
    }

    #[test]
    fn scopes_are_scope_tokens() {
        assert_eq!(Scopes::parse("a\"b"), Err(ScopeError::Malformed));
        assert_eq!(Scopes::parse(&"x".repeat(65)), Err(ScopeError::Malformed));
        assert!(matches!(Scopes::parse("keyledger:root"), Err(ScopeError::Unknown { .. })));
        let many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
        assert_eq!(Scopes::parse(&many.join(" ")), Err(ScopeError::TooMany));
    }
}
