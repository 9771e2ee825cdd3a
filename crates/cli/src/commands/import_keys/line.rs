//! One line: what it says of a key, with its owner looked up, or why it is refused.

use std::collections::HashMap;

use authority::importing::{ForeignKey, ForeignText};
use authority::{Authority, Failure, InputError};
use credentials::digest::parse_digest;
use credentials::secret::Secret;
use domain::ids::TenantId;
use domain::key::{KeyPrefix, LastFour, Owner, Reach};
use domain::names::{Email, Name, Slug};
use domain::role::Scopes;
use domain::time::Timestamp;
use serde::Deserialize;

use crate::client::when::When;

/// Shorter texts can be guessed from their digest.
const SECRET_BYTES_MIN: usize = 16;

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    tenant: String,
    user: Option<String>,
    service_account: Option<String>,
    secret: Option<String>,
    sha256: Option<String>,
    prefix: Option<String>,
    last_four: Option<String>,
    expires_at: Option<String>,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    confined: bool,
}

/// Why a line is refused.
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) why: String,
}

impl Refused {
    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self { code: "INVALID", why: why.into() }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code(), why: failure.to_string() }
    }
}

/// What owners were looked up: most files name few, often.
pub(super) struct Owners<'a> {
    authority: &'a Authority,
    tenants: HashMap<String, TenantId>,
    owners: HashMap<(TenantId, Named), Owner>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Named {
    User(String),
    ServiceAccount(String),
}

impl<'a> Owners<'a> {
    /// None are known yet.
    pub(super) fn of(authority: &'a Authority) -> Self {
        Self { authority, tenants: HashMap::new(), owners: HashMap::new() }
    }

    fn tenant(&mut self, slug: &str) -> Result<TenantId, Refused> {
        if let Some(tenant) = self.tenants.get(slug) {
            return Ok(*tenant);
        }
        let parsed = Slug::parse(slug).map_err(Failure::from)?;
        let why = || format!("there is no tenant {slug:?}; make it first: keyledger tenant create");
        let tenant = self.authority.tenant_with(&parsed)?;
        let tenant = tenant.ok_or_else(|| Refused { code: "NOT_FOUND", why: why() })?;
        self.tenants.insert(slug.to_owned(), tenant);
        Ok(tenant)
    }

    fn owner(&mut self, tenant: TenantId, named: Named) -> Result<Owner, Refused> {
        let place = (tenant, named);
        if let Some(owner) = self.owners.get(&place) {
            return Ok(*owner);
        }
        let none = |why| Refused { code: "NOT_FOUND", why };
        let owner = match &place.1 {
            Named::User(email) => {
                let user = self.authority.user_with(&Email::parse(email).map_err(Failure::from)?)?;
                let why = || format!("there is no user {email:?}; make one first: keyledger member add");
                Owner::User(user.ok_or_else(|| none(why()))?)
            }
            Named::ServiceAccount(name) => {
                let account =
                    self.authority.account_with(tenant, &Name::parse(name).map_err(Failure::from)?)?;
                let why = || {
                    format!(
                        "there is no service account {name:?} in the tenant; make it first: keyledger service-account create"
                    )
                };
                Owner::ServiceAccount(account.ok_or_else(|| none(why()))?)
            }
        };
        self.owners.insert(place, owner);
        Ok(owner)
    }
}

/// What a line says.
pub(super) fn read(line: &[u8], owners: &mut Owners<'_>) -> Result<ForeignKey, Refused> {
    // The message of the parser names a place and a field, never a value.
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let what =
            if error.is_data() { "a field is missing, unknown or of another type" } else { "not JSON" };
        Refused::malformed(format!("{what}, at column {}", error.column()))
    })?;
    let text = text_of(&line, owners.authority)?;
    let tenant = owners.tenant(&line.tenant)?;
    let named = match (line.user, line.service_account) {
        (Some(user), None) => Named::User(user),
        (None, Some(account)) => Named::ServiceAccount(account),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Refused::malformed("name one owner: user or service_account"));
        }
    };
    let owner = owners.owner(tenant, named)?;
    let reach = match owner {
        Owner::User(_) if !line.confined => Reach::AnyTenant { home: tenant },
        Owner::User(_) | Owner::ServiceAccount(_) => Reach::Tenant(tenant),
    };
    let scopes = match line.scopes {
        None => Scopes::All,
        Some(list) if list.is_empty() => Scopes::parse("").map_err(Failure::from)?,
        Some(list) => Scopes::parse(&list.join(" ")).map_err(Failure::from)?,
    };
    let expires_at = line.expires_at.as_deref().map(end).transpose()?;
    let name = Name::parse(&line.name).map_err(Failure::from)?;
    Ok(ForeignKey { owner, reach, name, text, scopes, expires_at })
}

fn end(text: &str) -> Result<Timestamp, Refused> {
    match When::parse(text) {
        Ok(When::At(instant)) => Ok(instant),
        Ok(When::FromNow { .. }) | Err(_) => {
            let rule = "give RFC 3339 with an offset, such as 2031-01-01T00:00:00Z";
            Err(Failure::from(InputError::Malformed { field: "expires_at", rule }).into())
        }
    }
}

fn text_of(line: &Line, authority: &Authority) -> Result<ForeignText, Refused> {
    let malformed = |field, rule| Refused::from(Failure::from(InputError::Malformed { field, rule }));
    let mut text = match (&line.secret, &line.sha256) {
        (Some(secret), None) => {
            let secret = Secret::parse(secret).map_err(|error| Refused::malformed(error.to_string()))?;
            if secret.expose().len() < SECRET_BYTES_MIN {
                let rule = "a key of fewer than 16 characters can be guessed from its digest; give its owner another";
                return Err(malformed("secret", rule));
            }
            if secret.expose().starts_with("eyJ") && secret.expose().contains('.') {
                let rule = "this looks like a token, and would be taken for one; give its owner a key";
                return Err(malformed("secret", rule));
            }
            authority.foreign_text(&secret)
        }
        (None, Some(digest)) => {
            let rule = "the SHA-256 of a key's whole text is 64 hexadecimal digits";
            let digest = parse_digest(digest).ok_or_else(|| malformed("sha256", rule))?;
            let last_four = LastFour::parse(*b"____").expect("underscores are admitted");
            ForeignText { digest, ours: None, prefix: ForeignText::no_prefix(), last_four }
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(malformed("secret", "give either secret, the key's text, or sha256, its digest"));
        }
    };
    if let Some(prefix) = &line.prefix {
        let rule = "2 to 12 lower-case letters and digits, a letter first, without the underscore";
        text.prefix = KeyPrefix::parse(prefix).ok_or_else(|| malformed("prefix", rule))?;
    }
    if let Some(last) = &line.last_four {
        let rule = "four letters, digits, - or _";
        let bytes = last.as_bytes().try_into().ok().and_then(LastFour::parse);
        text.last_four = bytes.ok_or_else(|| malformed("last_four", rule))?;
    }
    Ok(text)
}
