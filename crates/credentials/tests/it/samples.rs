//! Values that several of these tests use.

use domain::ids::{KeyId, ServiceAccountId, TenantId, TokenId, UserId};
use domain::key::Owner;
use domain::role::{Role, Scopes};
use domain::time::{Position, Timestamp};
use keyledger_credentials::claims::{Audience, Claims, Issuer};
use keyledger_credentials::jws::{Algorithm, Signer};
use keyledger_credentials::signing_key::{Seed, SigningKeyPair};

pub const SEED: [u8; 32] = [7; 32];
pub const NOW_SECONDS: i64 = 4_000_000_000;

pub fn signer(algorithm: Algorithm) -> Signer {
    Signer::new(SigningKeyPair::from_seed(&Seed::from_bytes(SEED)), algorithm)
}

pub fn user_claims() -> Claims {
    Claims {
        issuer: Issuer::parse("https://keys.example.com").expect("an issuer"),
        audience: Audience::parse("https://api.example.com").expect("an audience"),
        owner: Owner::User(UserId::from_bytes([1; 16])),
        key: KeyId::from_bytes([2; 16]),
        tenant: TenantId::from_bytes([3; 16]),
        role: Role::Administrator,
        scopes: Scopes::All,
        seq: Position::new(42),
        token: TokenId::from_bytes([4; 16]),
        issued_at: at(NOW_SECONDS),
        not_before: at(NOW_SECONDS),
        expires_at: at(NOW_SECONDS + 600),
    }
}

pub fn service_account_claims() -> Claims {
    Claims {
        audience: Audience::of(["https://a.example.com", "https://b.example.com"]).expect("an audience"),
        owner: Owner::ServiceAccount(ServiceAccountId::from_bytes([5; 16])),
        role: Role::Runner,
        scopes: Scopes::parse("flows:run keyledger:read").expect("scopes"),
        ..user_claims()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(seconds * 1000).expect("an instant")
}
