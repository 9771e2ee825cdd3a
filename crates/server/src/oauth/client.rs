//! Client authentication of RFC 6749, section 2.3.1: the key's id and the key, in the header or in the body.

use authority::Credential;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::{KeyId, TenantId};
use zeroize::Zeroizing;

use super::error::{OAuthError, client_mismatch, invalid_client, invalid_request};
use super::form::Form;
use crate::let_in::LetIn;
use crate::state::App;
use crate::visitor::Visitor;

/// The client as it presents itself.
pub(super) struct Client {
    /// Its id: that of its key.
    pub(super) id: KeyId,
    /// Its secret: the key.
    pub(super) secret: Zeroizing<String>,
}

/// Why no client could be made out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientError {
    /// Nothing was presented.
    Missing,
    /// What was presented is malformed.
    Malformed,
    /// Presented in two ways at once (section 2.3).
    Twice,
}

impl Client {
    /// Whoever presents itself; in the header, as RFC 6749 prefers, or in the body.
    pub(super) fn of(headers: &HeaderMap, form: &Form) -> Result<Self, OAuthError> {
        Self::presented(headers, form).map_err(|error| match error {
            ClientError::Missing => invalid_client("CREDENTIAL_MISSING", "show the key's id and the key"),
            ClientError::Malformed => {
                invalid_client("CREDENTIAL_MALFORMED", "the client credentials are malformed")
            }
            ClientError::Twice => invalid_request("the client is presented in more than one way"),
        })
    }

    /// Lets whoever presents itself in.
    pub(super) fn let_in(
        app: &App,
        visitor: Visitor,
        headers: &HeaderMap,
        form: &Form,
        wanted: Option<TenantId>,
    ) -> Result<LetIn, OAuthError> {
        Self::of(headers, form)?.enter(app, visitor, wanted)
    }

    /// Lets it in, to the tenant wanted or else to its own.
    pub(super) fn enter(
        &self,
        app: &App,
        visitor: Visitor,
        wanted: Option<TenantId>,
    ) -> Result<LetIn, OAuthError> {
        let let_in = app.let_in(&self.secret, visitor, wanted);
        self.own(let_in.map_err(|refused| OAuthError::at(refused, wanted))?)
    }

    /// Lets whoever presents itself in to end what is its own.
    pub(super) fn let_in_to_end(
        app: &App,
        visitor: Visitor,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<LetIn, OAuthError> {
        let client = Self::of(headers, form)?;
        client.own(app.let_in_to_end(&client.secret, visitor)?)
    }

    /// A token is no client's secret, and a key is only its own client's.
    fn own(&self, let_in: LetIn) -> Result<LetIn, OAuthError> {
        let own = let_in.caller.key == self.id && let_in.caller.credential == Credential::Key;
        if own { Ok(let_in) } else { Err(client_mismatch()) }
    }

    fn presented(headers: &HeaderMap, form: &Form) -> Result<Self, ClientError> {
        let in_body = form.get("client_secret");
        if headers.get_all(AUTHORIZATION).iter().count() > 1 {
            return Err(ClientError::Twice);
        }
        let Some(header) = headers.get(AUTHORIZATION) else {
            let (id, secret) = form.get("client_id").zip(in_body).ok_or(ClientError::Missing)?;
            return Self::new(id, secret);
        };
        if in_body.is_some() {
            return Err(ClientError::Twice);
        }
        let text = header.to_str().map_err(|_| ClientError::Malformed)?;
        let (scheme, encoded) = text.split_once(' ').ok_or(ClientError::Malformed)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(ClientError::Malformed);
        }
        let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| ClientError::Malformed)?);
        let decoded = std::str::from_utf8(&decoded).map_err(|_| ClientError::Malformed)?;
        let (id, secret) = decoded.split_once(':').ok_or(ClientError::Malformed)?;
        let client = Self::new(&form_decoded(id)?, &form_decoded(secret)?)?;
        match form.get("client_id") {
            Some(other) if KeyId::parse(other) != Ok(client.id) => Err(ClientError::Twice),
            Some(_) | None => Ok(client),
        }
    }

    fn new(id: &str, secret: &str) -> Result<Self, ClientError> {
        let id = KeyId::parse(id).map_err(|_| ClientError::Malformed)?;
        Ok(Self { id, secret: Zeroizing::new(secret.to_owned()) })
    }
}

/// Both halves of the header are form-encoded before they are joined (section 2.3.1).
fn form_decoded(text: &str) -> Result<Zeroizing<String>, ClientError> {
    if text.contains(['=', '&']) {
        return Err(ClientError::Malformed);
    }
    let decoded = form_urlencoded::parse(text.as_bytes()).next();
    Ok(Zeroizing::new(decoded.map(|(name, _)| name.into_owned()).unwrap_or_default()))
}
