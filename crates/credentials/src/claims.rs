//! What a token says, after RFC 9068: for whom, from which key, for which tenant, until when.
//!
//! ```json
//! {"iss":"https://keys.example.com","aud":"https://api.example.com","sub":"<owner>","sub_kind":"user",
//!  "client_id":"<key>","key_id":"<key>","tenant":"<tenant>","role":"member","scope":"a b","seq":42,
//!  "jti":"<token>","iat":1700000000,"nbf":1700000000,"exp":1700000600}
//! ```
//!
//! Ids are hyphenated lower-case UUIDs; times are whole seconds since 1970 (NumericDate of RFC 7519); `seq`
//! is the position in the log at which the token was authorised. The key is the OAuth client, so
//! `client_id` is always `key_id`. Without `scope` the token is not narrowed; an empty one allows nothing.
//! Reading is strict: no other claim, none twice, none `null`. A claim that we do not know could be a limit.

use domain::ids::{Id, KeyId, TenantId, TokenId};
use domain::key::Owner;
use domain::role::{Role, Scope, Scopes};
use domain::time::{Position, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: who minted it.
    pub issuer: Issuer,
    /// `aud`: the services that it is for.
    pub audience: Audience,
    /// `sub` and `sub_kind`: whose access it gives.
    pub owner: Owner,
    /// `key_id` and `client_id`: the key that was exchanged for it.
    pub key: KeyId,
    /// `tenant`: the only tenant in which it acts.
    pub tenant: TenantId,
    /// `role`: what its owner was in that tenant when it was minted.
    pub role: Role,
    /// `scope`: what it is narrowed to.
    pub scopes: Scopes,
    /// `seq`: the position in the log at which it was authorised.
    pub seq: Position,
    /// `jti`: its own id.
    pub token: TokenId,
    /// `iat`: when it was minted. Milliseconds are dropped on the way out, as in the other two.
    pub issued_at: Timestamp,
    /// `nbf`: it is refused before.
    pub not_before: Timestamp,
    /// `exp`: it is refused from this instant on.
    pub expires_at: Timestamp,
}

/// Who mints tokens: a URL in one spelling. Compared byte for byte (RFC 8414, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(String);

/// The services for which a token is: 1 to 4 names. Compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience(Vec<String>);

/// A text that cannot name an issuer or a service, or a list of too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an issuer or audience has 1 to {NAME_BYTES_MAX} visible ASCII characters other than the double quote and the backslash, and a token has 1 to {} audiences",
    Audience::COUNT_MAX
)]
pub struct MalformedName;

/// Why claims are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not a JSON object of exactly the claims above; a version of this program that is newer may say more.
    #[error("the token's claims are not those that this issuer writes")]
    Malformed,
    /// A claim whose value has not the form that it must have.
    #[error("the token's claim {name} is malformed")]
    Claim {
        /// The claim.
        name: &'static str,
    },
    /// `exp` is not after now.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is after now.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is after now.
    #[error("the token was issued in the future: compare the clocks")]
    IssuedInFuture,
    /// `iss` is another.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud` does not name the service.
    #[error("the token is for another audience")]
    Audience,
}

const NAME_BYTES_MAX: usize = 512;
/// The audience of refresh tokens.
const RENEWAL: &str = "keyledger:renewal";

impl Claims {
    /// Whether it is within its time: `exp` after now, `nbf` and `iat` no more than the leeway after now.
    /// The end has no leeway.
    pub fn check_times(&self, now: Timestamp, leeway_seconds: u64) -> Result<(), ClaimsError> {
        let latest = now.plus_seconds(leeway_seconds);
        if self.expires_at <= now {
            return Err(ClaimsError::Expired);
        }
        if self.not_before > latest {
            return Err(ClaimsError::NotYetValid);
        }
        if self.issued_at > latest {
            return Err(ClaimsError::IssuedInFuture);
        }
        Ok(())
    }

    /// Whether this issuer minted it.
    pub fn check_issuer(&self, issuer: &Issuer) -> Result<(), ClaimsError> {
        if self.issuer == *issuer { Ok(()) } else { Err(ClaimsError::Issuer) }
    }

    /// Whether it is for this service, or for one of these.
    pub fn check_audience(&self, expected: &Audience) -> Result<(), ClaimsError> {
        let named = expected.0.iter().any(|service| self.audience.includes(service));
        if named { Ok(()) } else { Err(ClaimsError::Audience) }
    }

    /// The JSON text, in one spelling.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&Shape::from(self)).expect("texts and numbers always become JSON")
    }

    /// Reads the JSON text strictly.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ClaimsError> {
        // serde reads a struct from an array, too.
        if !json.starts_with(b"{") {
            return Err(ClaimsError::Malformed);
        }
        let shape: Shape = serde_json::from_slice(json).map_err(|_| ClaimsError::Malformed)?;
        shape.try_into()
    }
}

impl Issuer {
    /// Accepts 1 to 512 visible ASCII characters other than `"` and `\`.
    pub fn parse(text: &str) -> Result<Self, MalformedName> {
        name(text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Audience {
    /// The most services that one token can be for.
    pub const COUNT_MAX: usize = 4;

    /// One service: 1 to 512 visible ASCII characters other than `"` and `\`.
    pub fn parse(text: &str) -> Result<Self, MalformedName> {
        Self::of([text])
    }

    /// 1 to 4 services.
    pub fn of<'a>(services: impl IntoIterator<Item = &'a str>) -> Result<Self, MalformedName> {
        let names: Vec<_> = services.into_iter().map(name).collect::<Result<_, _>>()?;
        if (1..=Self::COUNT_MAX).contains(&names.len()) { Ok(Self(names)) } else { Err(MalformedName) }
    }

    /// That of refresh tokens: no service, so that no service takes one for an access token.
    pub fn renewal() -> Self {
        Self(vec![RENEWAL.to_owned()])
    }

    /// Whether it is that of refresh tokens, alone or among others.
    pub fn renews(&self) -> bool {
        self.includes(RENEWAL)
    }

    /// Whether the service is among them.
    pub fn includes(&self, service: &str) -> bool {
        self.0.iter().any(|named| named == service)
    }

    /// The services.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn name(text: &str) -> Result<String, MalformedName> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
    if plain && fits { Ok(text.to_owned()) } else { Err(MalformedName) }
}

/// The claims as JSON holds them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    iss: String,
    aud: Aud,
    sub: String,
    sub_kind: String,
    client_id: String,
    key_id: String,
    tenant: String,
    role: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    seq: u64,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// One service is written as a string, several as an array (RFC 7519, section 4.1.3).
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Aud {
    One(String),
    Several(Vec<String>),
}

/// A claim that is there has a value: `null` must not be read as "not narrowed".
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

const USER: &str = "user";
const SERVICE_ACCOUNT: &str = "service_account";

impl From<&Claims> for Shape {
    fn from(claims: &Claims) -> Self {
        let (sub, sub_kind) = match claims.owner {
            Owner::User(id) => (id.to_string(), USER),
            Owner::ServiceAccount(id) => (id.to_string(), SERVICE_ACCOUNT),
        };
        let aud = match claims.audience.as_slice() {
            [one] => Aud::One(one.clone()),
            several => Aud::Several(several.to_vec()),
        };
        let scope = match &claims.scopes {
            Scopes::All => None,
            Scopes::Only(list) => {
                Some(list.as_slice().iter().map(Scope::as_str).collect::<Vec<_>>().join(" "))
            }
        };
        Self {
            iss: claims.issuer.0.clone(),
            aud,
            sub,
            sub_kind: sub_kind.to_owned(),
            client_id: claims.key.to_string(),
            key_id: claims.key.to_string(),
            tenant: claims.tenant.to_string(),
            role: claims.role.as_str().to_owned(),
            scope,
            seq: claims.seq.number(),
            jti: claims.token.to_string(),
            iat: claims.issued_at.unix_seconds(),
            nbf: claims.not_before.unix_seconds(),
            exp: claims.expires_at.unix_seconds(),
        }
    }
}

impl TryFrom<Shape> for Claims {
    type Error = ClaimsError;

    fn try_from(shape: Shape) -> Result<Self, ClaimsError> {
        let malformed = |name| ClaimsError::Claim { name };
        let owner = match shape.sub_kind.as_str() {
            USER => Owner::User(id("sub", &shape.sub)?),
            SERVICE_ACCOUNT => Owner::ServiceAccount(id("sub", &shape.sub)?),
            _ => return Err(malformed("sub_kind")),
        };
        let audience = match &shape.aud {
            Aud::One(one) => Audience::parse(one),
            Aud::Several(several) => Audience::of(several.iter().map(String::as_str)),
        };
        let scopes = match &shape.scope {
            None => Scopes::All,
            Some(list) => Scopes::parse(list).map_err(|_| malformed("scope"))?,
        };
        if shape.client_id != shape.key_id {
            return Err(malformed("client_id"));
        }
        Ok(Self {
            issuer: Issuer::parse(&shape.iss).map_err(|_| malformed("iss"))?,
            audience: audience.map_err(|_| malformed("aud"))?,
            owner,
            key: id("key_id", &shape.key_id)?,
            tenant: id("tenant", &shape.tenant)?,
            role: Role::parse(&shape.role).ok_or(malformed("role"))?,
            scopes,
            seq: Position::new(shape.seq),
            token: id("jti", &shape.jti)?,
            issued_at: instant("iat", shape.iat)?,
            not_before: instant("nbf", shape.nbf)?,
            expires_at: instant("exp", shape.exp)?,
        })
    }
}

/// An id in its one spelling.
fn id<K>(name: &'static str, text: &str) -> Result<Id<K>, ClaimsError> {
    let id = Id::parse(text).map_err(|_| ClaimsError::Claim { name })?;
    if id.to_string() == text { Ok(id) } else { Err(ClaimsError::Claim { name }) }
}

fn instant(name: &'static str, seconds: i64) -> Result<Timestamp, ClaimsError> {
    let instant = seconds.checked_mul(1000).and_then(Timestamp::from_unix_ms);
    instant.ok_or(ClaimsError::Claim { name })
}

#[cfg(test)]
mod tests {
    use domain::ids::{ServiceAccountId, UserId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            issuer: Issuer::parse("https://keys.example.com").unwrap(),
            audience: Audience::parse("https://api.example.com").unwrap(),
            owner: Owner::User(UserId::from_bytes([1; 16])),
            key: KeyId::from_bytes([2; 16]),
            tenant: TenantId::from_bytes([3; 16]),
            role: Role::Member,
            scopes: Scopes::parse("b a").unwrap(),
            seq: Position::new(42),
            token: TokenId::from_bytes([4; 16]),
            issued_at: at(1_700_000_000),
            not_before: at(1_700_000_000),
            expires_at: at(1_700_000_600),
        }
    }

    fn json(claims: &Claims) -> String {
        String::from_utf8(claims.to_json()).unwrap()
    }

    fn read(json: &str) -> Result<Claims, ClaimsError> {
        Claims::parse(json.as_bytes())
    }

    #[test]
    fn claims_are_written_in_one_spelling_and_read_back() {
        let expected = concat!(
            r#"{"iss":"https://keys.example.com","aud":"https://api.example.com","#,
            r#""sub":"01010101-0101-0101-0101-010101010101","sub_kind":"user","#,
            r#""client_id":"02020202-0202-0202-0202-020202020202","key_id":"02020202-0202-0202-0202-020202020202","#,
            r#""tenant":"03030303-0303-0303-0303-030303030303","role":"member","scope":"a b","seq":42,"#,
            r#""jti":"04040404-0404-0404-0404-040404040404","iat":1700000000,"nbf":1700000000,"exp":1700000600}"#,
        );
        assert_eq!(json(&claims()), expected);
        assert_eq!(read(expected), Ok(claims()));
    }

    #[test]
    fn every_kind_of_value_reads_back() {
        let account = Owner::ServiceAccount(ServiceAccountId::from_bytes([9; 16]));
        let several = Audience::of(["a", "b", "c", "d"]).unwrap();
        for role in Role::ALL {
            for scopes in [Scopes::All, Scopes::only([]).unwrap(), Scopes::parse("keyledger:read x").unwrap()]
            {
                let audience = several.clone();
                let claims = Claims {
                    owner: account,
                    audience,
                    role,
                    scopes,
                    seq: Position::new(u64::MAX),
                    ..claims()
                };
                assert_eq!(read(&json(&claims)), Ok(claims));
            }
        }
    }

    #[test]
    fn milliseconds_are_dropped_towards_an_earlier_end() {
        let claims = Claims { expires_at: Timestamp::from_unix_ms(1_700_000_600_999).unwrap(), ..claims() };
        assert_eq!(read(&json(&claims)).unwrap().expires_at, at(1_700_000_600));
    }

    #[test]
    fn objects_of_other_members_are_refused() {
        let good = json(&claims());
        let bad = [
            "".to_owned(),
            "null".to_owned(),
            "[]".to_owned(),
            format!(" {good}"),
            format!("{good}{good}"),
            good.replacen('{', r#"{"cnf":{"jkt":"x"},"#, 1),
            good.replacen('{', r#"{"iss":"https://keys.example.com","#, 1),
            good.replacen('{', r#"{"\u0069ss":"https://evil.example.com","#, 1),
            good.replacen(r#""scope":"a b""#, r#""scope":"a","scope":"a b""#, 1),
            good.replacen(r#""scope":"a b""#, r#""scope":null"#, 1),
            good.replacen(r#""scope":"a b""#, r#""scope":["a"]"#, 1),
            good.replacen(r#""aud":"https://api.example.com""#, r#""aud":{"a":1}"#, 1),
            good.replacen(r#""seq":42,"#, "", 1),
            good.replacen(r#""seq":42"#, r#""seq":"42""#, 1),
            good.replacen(r#""seq":42"#, r#""seq":-1"#, 1),
            good.replacen(r#""seq":42"#, r#""seq":18446744073709551616"#, 1),
            good.replacen("1700000600", "1700000600.5", 1),
            good.replacen("1700000600", "17e8", 1),
            good.replacen("1700000600", "null", 1),
        ];
        for json in bad {
            assert_eq!(read(&json), Err(ClaimsError::Malformed), "{json}");
        }
        // serde would read a struct from an array of its members' values.
        let values: Vec<_> = serde_json::from_str::<serde_json::Value>(&good)
            .unwrap()
            .as_object()
            .unwrap()
            .clone()
            .into_values()
            .collect();
        assert_eq!(read(&serde_json::to_string(&values).unwrap()), Err(ClaimsError::Malformed));
    }

    #[test]
    fn values_of_another_form_are_refused_by_name() {
        let good = json(&claims());
        let bad = [
            ("iss", good.replacen("https://keys.example.com", "", 1)),
            ("aud", good.replacen(r#""https://api.example.com""#, "[]", 1)),
            ("aud", good.replacen(r#""https://api.example.com""#, r#"["a","b","c","d","e"]"#, 1)),
            ("aud", good.replacen("https://api.example.com", "a b", 1)),
            ("sub", good.replacen("01010101-0101-0101-0101-010101010101", "ada", 1)),
            ("sub", good.replacen("01010101-0101-0101-0101-010101010101", &"01".repeat(16), 1)),
            ("sub_kind", good.replacen(r#""user""#, r#""User""#, 1)),
            ("client_id", good.replacen("02020202", "02020203", 1)),
            (
                "key_id",
                good.replace(
                    "02020202-0202-0202-0202-020202020202",
                    "{02020202-0202-0202-0202-020202020202}",
                ),
            ),
            ("tenant", good.replacen("03030303", "0303030", 1)),
            ("role", good.replacen("member", "root", 1)),
            ("scope", good.replacen("a b", "keyledger:root", 1)),
            ("jti", good.replacen("04040404", "urn:uuid:04040404", 1)),
            ("exp", good.replacen("1700000600", "-1", 1)),
            ("exp", good.replacen("1700000600", "253402300800", 1)),
            ("exp", good.replacen("1700000600", "9223372036854775807", 1)),
        ];
        for (name, json) in bad {
            assert_eq!(read(&json), Err(ClaimsError::Claim { name }), "{json}");
        }
    }

    #[test]
    fn times_are_checked_to_the_edge() {
        let claims = claims();
        let checked = |now: i64, leeway| claims.check_times(at(now), leeway);
        assert_eq!(checked(1_700_000_000, 0), Ok(()));
        assert_eq!(checked(1_700_000_599, 0), Ok(()));
        assert_eq!(checked(1_700_000_600, 0), Err(ClaimsError::Expired));
        assert_eq!(checked(1_700_000_600, 3600), Err(ClaimsError::Expired), "the end has no leeway");
        assert_eq!(checked(1_699_999_999, 0), Err(ClaimsError::NotYetValid));
        assert_eq!(checked(1_699_999_990, 10), Ok(()));
        assert_eq!(checked(1_699_999_989, 10), Err(ClaimsError::NotYetValid));
        let early = Claims { not_before: at(0), ..claims.clone() };
        assert_eq!(early.check_times(at(1_699_999_989), 10), Err(ClaimsError::IssuedInFuture));
        assert_eq!(claims.check_times(Timestamp::MAX, u64::MAX), Err(ClaimsError::Expired));
    }

    #[test]
    fn issuer_and_audience_are_compared_byte_for_byte() {
        let claims = claims();
        let issuer = |text| claims.check_issuer(&Issuer::parse(text).unwrap());
        assert_eq!(issuer("https://keys.example.com"), Ok(()));
        assert_eq!(issuer("https://keys.example.com/"), Err(ClaimsError::Issuer));
        let audience = |names: &[&str]| claims.check_audience(&Audience::of(names.iter().copied()).unwrap());
        assert_eq!(audience(&["https://api.example.com"]), Ok(()));
        assert_eq!(audience(&["x", "https://api.example.com"]), Ok(()));
        assert_eq!(audience(&["https://API.example.com"]), Err(ClaimsError::Audience));
    }
}
