//! What the server's stable codes mean for a script: the exit code of each, and what to do next.

use authority::Denied;
use credentials::claims::ClaimsError;
use credentials::jws::JwsError;
use domain::Refusal;
use replay::print::one_line;

use crate::exit::Exit;

/// What the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRefusal {
    /// The stable code; for a failed authentication, the reason.
    pub code: String,
    /// What it says.
    pub message: String,
    /// How the process ends.
    pub exit: Exit,
}

impl ServerRefusal {
    /// The credential that was shown is not accepted.
    pub fn of_credential(code: String, message: String) -> Self {
        Self::new(code, message, Exit::NotAuthenticated)
    }

    /// Anything else: by its code, and if that is not known here, by the HTTP status.
    pub fn of_request(code: String, message: String, status: u16) -> Self {
        let exit = exit_of(&code).unwrap_or(match status {
            401 => Exit::NotAuthenticated,
            403 => Exit::NotAllowed,
            404 => Exit::NotFound,
            409 => Exit::Conflict,
            // What passes: the server or a proxy is busy, or not ready.
            429 | 502..=504 => Exit::Unreachable,
            _ => Exit::Failed,
        });
        Self::new(code, message, exit)
    }

    /// Whatever answers there may say anything: nothing that it says steers the terminal.
    fn new(code: String, message: String, exit: Exit) -> Self {
        Self { code: one_line(&code), message: one_line(&message), exit }
    }

    /// The command that comes next, where the message does not say it.
    pub fn hint(&self) -> Option<&'static str> {
        if self.exit != Exit::NotAuthenticated {
            return match self.code.as_str() {
                "FORBIDDEN" | "SCOPES_NOT_HELD" | "REACH_NOT_HELD" => {
                    Some("see what the key may do and where: keyledger whoami")
                }
                "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" => {
                    Some("the server is of another version than this command: keyledger --version")
                }
                "RECOVERING" => Some("try it again; if it lasts, tell whoever runs the server"),
                "STOPPED" | "UNREADABLE" | "NO_SIGNING_KEY" | "SIGNING_KEY_NOT_KEPT" | "NO_CHECKPOINT" => {
                    Some("tell whoever runs the server")
                }
                _ => None,
            };
        }
        Some(match self.code.as_str() {
            "NOT_A_MEMBER" | "OTHER_TENANT" => {
                "see where the key acts: keyledger auth list-tenants; then choose: keyledger auth switch-tenant SLUG"
            }
            "KEY_DISABLED" | "OWNER_SUSPENDED" | "TENANT_SUSPENDED" => {
                "ask an administrator; keyledger auth status tells which key is used"
            }
            "KEY_UNKNOWN" | "KEY_MISTYPED" | "CREDENTIAL_MALFORMED" | "TOKEN_MALFORMED" => {
                "copy the key again and log in: keyledger auth login; keyledger auth status tells which is used"
            }
            "ADDRESS_NOT_ALLOWED" => {
                "use the key from one of its networks, or have them changed: keyledger key addresses"
            }
            "TOO_MANY_GUESSES" => "wait, and copy the key again: keyledger auth login",
            "TOKEN_EXPIRED" | "TOKEN_REVOKED" | "SIGNING_KEY_REFUSED" => {
                "exchange the key for a new token: keyledger token"
            }
            _ => "ask an administrator for a new key, then: keyledger auth login",
        })
    }
}

/// Whether the code says that a credential is not accepted. Some are the codes of a conflict, too, such as
/// `KEY_REVOKED`: what was asked decides which of them is meant.
pub fn is_of_credential(code: &str) -> bool {
    let denials = [
        Denied::Missing,
        Denied::Malformed,
        Denied::Mistyped,
        Denied::Token(JwsError::Signature),
        Denied::Token(JwsError::Segments),
        Denied::Claims(ClaimsError::Expired),
        Denied::Claims(ClaimsError::Issuer),
        Denied::Claims(ClaimsError::Audience),
        Denied::Claims(ClaimsError::NotYetValid),
    ];
    Refusal::ALL.iter().any(|refusal| refusal.code() == code)
        || denials.iter().any(|denied| denied.code() == code)
}

/// How a request that was refused with the code ends; none if the code is not known here.
fn exit_of(code: &str) -> Option<Exit> {
    Some(match code {
        "FORBIDDEN" | "CONSOLE_ONLY" | "SERVER_ONLY" | "SCOPES_NOT_HELD" | "REACH_NOT_HELD"
        | "ADDRESSES_NOT_HELD" => Exit::NotAllowed,
        "NOT_FOUND" => Exit::NotFound,
        "REMOVED"
        | "NOT_REMOVED"
        | "SUSPENDED"
        | "KEY_REVOKED"
        | "KEY_DISABLED"
        | "KEY_EXPIRED"
        | "KEY_ROTATED"
        | "ID_TAKEN"
        | "SLUG_TAKEN"
        | "EMAIL_TAKEN"
        | "NAME_TAKEN"
        | "ALREADY_MEMBER"
        | "LAST_ADMINISTRATOR"
        | "LAST_OPERATOR"
        | "LAST_SIGNING_KEY"
        | "WOULD_LOCK_OUT"
        | "ALREADY_INITIALISED"
        | "IDEMPOTENCY_CONFLICT" => Exit::Conflict,
        "EXPIRY_IN_PAST"
        | "KEY_LIFE_TOO_LONG"
        | "POLICY_CONTRADICTS"
        | "GRACE_TOO_LONG"
        | "NAME_TOO_LONG"
        | "NAME_INVALID"
        | "SCOPE_INVALID"
        | "NETWORK_INVALID"
        | "TOO_LARGE"
        | "INVALID"
        | "REQUEST_MALFORMED"
        | "INVALID_REQUEST"
        | "INVALID_TARGET"
        | "NOT_A_KEY"
        | "NOT_A_REFRESH_TOKEN"
        | "PAYLOAD_TOO_LARGE"
        | "AS_OF_BEFORE_FIRST_EVENT"
        | "AS_OF_IN_FUTURE"
        | "AS_OF_BEYOND_HEAD"
        | "AS_OF_BACKWARDS" => Exit::Usage,
        "CLIENT_MISMATCH" => Exit::NotAuthenticated,
        "RECOVERING" | "DRAINING" | "RATE_LIMITED" | "POSITION_NOT_REACHED" => Exit::Unreachable,
        "SUBJECT_KEY_MISSING"
        | "NO_SIGNING_KEY"
        | "SIGNING_KEY_NOT_KEPT"
        | "UNKNOWN_OUTCOME"
        | "STOPPED"
        | "NO_CHECKPOINT"
        | "UNREADABLE" => Exit::Failed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use authority::{Failure, InputError};
    use domain::ids::{KeyId, TenantId, UserId};
    use domain::names::NameError;
    use domain::rejection::{Entity, Rejection};
    use domain::role::{Permission, ScopeError};

    use super::*;
    use crate::error::class_exit;

    /// One rejection of every kind. Another kind does not compile here, and belongs in the table above.
    fn rejections() -> Vec<Rejection> {
        let (key, tenant) = (KeyId::from_bytes([1; 16]), TenantId::from_bytes([2; 16]));
        let entity = Entity::Tenant(tenant);
        let every = vec![
            Rejection::NotAuthenticated(Refusal::KeyRevoked),
            Rejection::Forbidden { needs: Permission::Administer },
            Rejection::ConsoleOnly,
            Rejection::ServerOnly,
            Rejection::NotFound(entity),
            Rejection::Removed(entity),
            Rejection::NotRemoved(entity),
            Rejection::Suspended(entity),
            Rejection::KeyRevoked(key),
            Rejection::KeyDisabled(key),
            Rejection::KeyExpired(key),
            Rejection::KeyRotated { key, successor: key },
            Rejection::IdTaken(entity),
            Rejection::SlugTaken,
            Rejection::EmailTaken,
            Rejection::NameTaken,
            Rejection::AlreadyMember { tenant, user: UserId::from_bytes([3; 16]), first_key: true },
            Rejection::LastAdministrator { tenants: vec![tenant] },
            Rejection::LastOperator,
            Rejection::LastSigningKey,
            Rejection::ExpiryInPast,
            Rejection::KeyLifeTooLong { tenant, seconds_max: 1 },
            Rejection::PolicyContradicts,
            Rejection::GraceTooLong { seconds_max: 1 },
            Rejection::ScopesNotHeld,
            Rejection::ReachNotHeld,
            Rejection::JoinedAgain { tenants: vec![tenant] },
            Rejection::AddressesNotHeld,
            Rejection::WouldLockOut,
            Rejection::AlreadyInitialised,
        ];
        let numbers: std::collections::BTreeSet<_> = every.iter().map(number).collect();
        assert_eq!(numbers, (0..KINDS).collect(), "one of every kind");
        every
    }

    const KINDS: usize = 30;

    fn number(rejection: &Rejection) -> usize {
        match rejection {
            Rejection::NotAuthenticated(_) => 0,
            Rejection::Forbidden { .. } => 1,
            Rejection::ConsoleOnly => 2,
            Rejection::NotFound(_) => 3,
            Rejection::Removed(_) => 4,
            Rejection::Suspended(_) => 5,
            Rejection::KeyRevoked(_) => 6,
            Rejection::KeyDisabled(_) => 7,
            Rejection::KeyExpired(_) => 8,
            Rejection::KeyRotated { .. } => 9,
            Rejection::IdTaken(_) => 10,
            Rejection::SlugTaken => 11,
            Rejection::EmailTaken => 12,
            Rejection::NameTaken => 13,
            Rejection::AlreadyMember { .. } => 14,
            Rejection::LastAdministrator { .. } => 15,
            Rejection::LastOperator => 16,
            Rejection::LastSigningKey => 17,
            Rejection::ExpiryInPast => 18,
            Rejection::KeyLifeTooLong { .. } => 19,
            Rejection::PolicyContradicts => 20,
            Rejection::GraceTooLong { .. } => 21,
            Rejection::ScopesNotHeld => 22,
            Rejection::ReachNotHeld => 23,
            Rejection::AddressesNotHeld => 24,
            Rejection::WouldLockOut => 25,
            Rejection::NotRemoved(_) => 26,
            Rejection::ServerOnly => 27,
            Rejection::JoinedAgain { .. } => 28,
            Rejection::AlreadyInitialised => KINDS - 1,
        }
    }

    #[test]
    fn every_rejection_ends_as_its_class_says() {
        for rejection in rejections() {
            let expected = class_exit(rejection.class());
            let refusal = match rejection {
                // In GraphQL these are UNAUTHENTICATED, with the code as the reason.
                Rejection::NotAuthenticated(_) => {
                    ServerRefusal::of_credential(rejection.code().into(), rejection.to_string())
                }
                _ => {
                    let exit = exit_of(rejection.code());
                    assert_eq!(exit, Some(expected), "{rejection:?}");
                    ServerRefusal::of_request(rejection.code().into(), rejection.to_string(), 200)
                }
            };
            assert_eq!(refusal.exit, expected, "{rejection:?}");
        }
    }

    #[test]
    fn every_other_failure_of_the_server_ends_as_its_class_says() {
        let too_long = NameError::TooLong { what: "a name", bytes: 2, bytes_max: 1 };
        let failures = [
            Failure::Input(InputError::Name(too_long)),
            Failure::Input(InputError::Name(NameError::Empty { what: "a name" })),
            Failure::Input(InputError::Scope(ScopeError::Malformed)),
            Failure::Input(InputError::TooLarge(String::new())),
            Failure::Input(InputError::Malformed { field: "x", rule: "y" }),
            Failure::IdempotencyConflict,
            Failure::SubjectKeyMissing,
            Failure::NoSigningKey,
            Failure::SigningKeyNotKept,
            Failure::UnknownOutcome,
            Failure::Recovering,
            Failure::Stopped,
            Failure::NoCheckpoint,
            Failure::Unreadable,
        ];
        for failure in failures {
            match failure {
                Failure::Rejected(_)
                | Failure::Input(_)
                | Failure::IdempotencyConflict
                | Failure::SubjectKeyMissing
                | Failure::NoSigningKey
                | Failure::SigningKeyNotKept
                | Failure::UnknownOutcome
                | Failure::Recovering
                | Failure::Stopped
                | Failure::NoCheckpoint
                | Failure::Unreadable => {}
            }
            let expected = match failure {
                // It passes, and a script may try again.
                Failure::Recovering => Exit::Unreachable,
                ref other => other.class().map_or(Exit::Failed, class_exit),
            };
            assert_eq!(exit_of(failure.code()), Some(expected), "{failure:?}");
        }
    }

    #[test]
    fn every_refusal_of_a_credential_is_known_and_says_what_to_do_next() {
        for refusal in Refusal::ALL {
            assert!(is_of_credential(refusal.code()), "{refusal:?}");
            let refusal = ServerRefusal::of_credential(refusal.code().into(), String::new());
            assert!(refusal.hint().is_some_and(|hint| hint.contains("keyledger ")), "{refusal:?}");
        }
        for jws in [JwsError::Algorithm, JwsError::Base64, JwsError::Header, JwsError::Kid, JwsError::Type] {
            assert!(is_of_credential(Denied::Token(jws).code()));
        }
        for code in ["CREDENTIAL_MISSING", "KEY_MISTYPED", "TOKEN_EXPIRED", "TOKEN_ISSUER", "TOKEN_AUDIENCE"]
        {
            assert!(is_of_credential(code), "{code}");
        }
        assert!(!is_of_credential("FORBIDDEN") && !is_of_credential("INVALID_TARGET"));
    }

    #[test]
    fn a_code_from_a_later_server_goes_by_its_status() {
        let exit = |status| ServerRefusal::of_request("NEWER".into(), String::new(), status).exit;
        assert_eq!(
            (exit(403), exit(404), exit(409), exit(500), exit(503), exit(429)),
            (
                Exit::NotAllowed,
                Exit::NotFound,
                Exit::Conflict,
                Exit::Failed,
                Exit::Unreachable,
                Exit::Unreachable
            )
        );
    }
}
