//! HTTP as a client: one request at a time, tried again when the connection fails, never sent elsewhere.

use std::time::Duration;

use domain::ids::TenantId;
use serde_json::{Value, json};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::codes::{ServerRefusal, is_of_credential};
use super::credential::Credential;
use super::error::ClientError;
use super::server_url::ServerUrl;

/// How often a request is sent at most, and how long is waited before it is sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(600)];
const CONNECT_MAX: Duration = Duration::from_secs(10);
const ANSWER_MAX: Duration = Duration::from_secs(60);
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A server, and the credential that is shown to it.
pub struct Http {
    agent: Agent,
    url: ServerUrl,
    credential: Credential,
    tenant: Option<TenantId>,
}

/// What a lost connection leaves in doubt.
#[derive(Clone, Copy, Debug)]
pub enum Doubt<'a> {
    /// Nothing: the request changes nothing.
    None,
    /// Whether a change was made; the attempt has this name.
    Change(&'a str),
}

/// A body, and how it is written.
enum Body<'a> {
    None,
    Json(&'a Value),
    Form(&'a str),
}

/// What asks a server, as every command does: who is trusted with TLS is what this machine says.
pub fn agent(url: &ServerUrl) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        // A key goes where it was meant to go.
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_MAX))
        .timeout_global(Some(ANSWER_MAX))
        .user_agent(concat!("keyledger/", env!("CARGO_PKG_VERSION")));
    if url.is_loopback() {
        config = config.proxy(None);
    }
    config.build().into()
}

/// Why a request had no answer.
struct Lost {
    why: String,
    /// Whether the server may have got it.
    sent: bool,
    /// Whether another try may do better.
    passing: bool,
}

impl Http {
    /// Shows this credential to this server.
    pub fn new(url: ServerUrl, credential: Credential) -> Self {
        Self { agent: agent(&url), url, credential, tenant: None }
    }

    /// The same, acting in this tenant.
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// `GET` of JSON.
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(path, &Body::None, Doubt::None)
    }

    /// `POST` of JSON.
    pub fn post(&self, path: &str, body: &Value, doubt: Doubt<'_>) -> Result<Value, ClientError> {
        self.send(path, &Body::Json(body), doubt)
    }

    /// `POST` of a form to an endpoint of OAuth, with the credential as the subject of an exchange.
    pub fn exchange(&self, more: &[(&str, String)]) -> Result<Value, ClientError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("subject_token_type", "urn:keyledger:params:oauth:token-type:api-key")
            .append_pair("subject_token", self.credential.expose());
        for (name, value) in more {
            form.append_pair(name, value);
        }
        self.send("/oauth/token", &Body::Form(&zeroize::Zeroizing::new(form.finish())), Doubt::None)
    }

    fn send(&self, path: &str, body: &Body<'_>, doubt: Doubt<'_>) -> Result<Value, ClientError> {
        let mut sent = false;
        let mut pauses = PAUSES.iter();
        loop {
            let lost = match self.send_once(path, body) {
                Ok((status, text)) => return self.answer(status, &text),
                Err(lost) => lost,
            };
            sent |= lost.sent;
            match pauses.next() {
                // Safe also for a change: its name keeps it from being made twice.
                Some(pause) if lost.passing => std::thread::sleep(*pause),
                Some(_) | None => {
                    let (url, why) = (self.url.clone(), lost.why);
                    return Err(match doubt {
                        Doubt::Change(name) if sent => {
                            ClientError::OutcomeUnknown { url, why, idempotency_key: name.to_owned() }
                        }
                        Doubt::Change(_) | Doubt::None => ClientError::Unreachable { url, why },
                    });
                }
            }
        }
    }

    fn send_once(&self, path: &str, body: &Body<'_>) -> Result<(u16, String), Lost> {
        let url = format!("{}{path}", self.url);
        let answer = match body {
            Body::None => self.headed(self.agent.get(url)).call(),
            Body::Json(json) => self
                .headed(self.agent.post(url))
                .header("content-type", "application/json")
                .send(json.to_string()),
            // The credential is in the form.
            Body::Form(form) => {
                self.agent.post(url).header("content-type", "application/x-www-form-urlencoded").send(*form)
            }
        };
        let mut answer = answer.map_err(Lost::of)?;
        let text =
            answer.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_string().map_err(Lost::of)?;
        Ok((answer.status().as_u16(), text))
    }

    fn headed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        let request = request
            .header("authorization", format!("Bearer {}", self.credential.expose()))
            .header("accept", "application/json");
        match self.tenant {
            None => request,
            Some(tenant) => request.header("x-keyledger-tenant-id", tenant.to_string()),
        }
    }

    /// The body as JSON; a refusal of any of the interfaces is an error.
    fn answer(&self, status: u16, text: &str) -> Result<Value, ClientError> {
        let not_ours = || ClientError::NotKeyledger { url: self.url.clone(), status };
        let body: Value = serde_json::from_str(text).map_err(|_| not_ours())?;
        if let Some(refusal) = refusal_in(&body, status) {
            return Err(ClientError::Refused(refusal));
        }
        if status == 200 { Ok(body) } else { Err(not_ours()) }
    }
}

/// The refusal in a body of GraphQL, REST or OAuth.
fn refusal_in(body: &Value, status: u16) -> Option<ServerRefusal> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(error) = body["errors"].as_array().and_then(|errors| errors.first()) {
        let message = text(&error["message"]).unwrap_or_default();
        let code = text(&error["extensions"]["code"]).unwrap_or_else(|| "EXECUTION_FAILED".to_owned());
        return Some(match text(&error["extensions"]["reason"]) {
            Some(reason) if code == "UNAUTHENTICATED" => ServerRefusal::of_credential(reason, message),
            _ if code == "UNAUTHENTICATED" => ServerRefusal::of_credential(code, message),
            Some(_) | None => ServerRefusal::of_request(code, message, status),
        });
    }
    // REST has an object there, OAuth (RFC 6749, section 5.2) a text beside our code.
    let (code, message) = match &body["error"] {
        Value::Object(error) => (text(&error["code"])?, text(&error["message"]).unwrap_or_default()),
        Value::String(error) => {
            let code = text(&body["code"]).unwrap_or_else(|| error.to_uppercase());
            (code, text(&body["error_description"]).unwrap_or_default())
        }
        _ => return None,
    };
    // In REST and OAuth no refusal speaks of another key than the one shown.
    let of_credential = status == 401 || is_of_credential(&code);
    Some(if of_credential {
        ServerRefusal::of_credential(code, message)
    } else {
        ServerRefusal::of_request(code, message, status)
    })
}

impl Lost {
    fn of(error: Error) -> Self {
        use std::io::ErrorKind;
        let (sent, passing) = match &error {
            Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::AddrNotAvailable => (false, true),
                // A certificate that is not accepted comes as such.
                ErrorKind::InvalidData | ErrorKind::InvalidInput => (false, false),
                _ => (true, true),
            },
            Error::ConnectionFailed => (false, true),
            Error::HostNotFound | Error::BadUri(_) | Error::InvalidProxyUrl | Error::Tls(_) => (false, false),
            Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => (false, false),
            _ => (true, false),
        };
        Self { why: error.to_string(), sent, passing }
    }
}

/// The body of a GraphQL request.
pub fn graphql_body(document: &str, variables: Value) -> Value {
    json!({"query": document, "variables": variables})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn refusal(body: Value, status: u16) -> (String, Exit) {
        let refusal = refusal_in(&body, status).expect("a refusal");
        (refusal.code, refusal.exit)
    }

    #[test]
    fn refusals_of_all_three_interfaces_are_read() {
        let graphql = |code: &str, reason: Value| json!({"data": null, "errors": [{"message": "no", "extensions": {"code": code, "reason": reason}}]});
        assert_eq!(
            refusal(graphql("UNAUTHENTICATED", json!("KEY_REVOKED")), 200),
            ("KEY_REVOKED".into(), Exit::NotAuthenticated)
        );
        // The key that a command speaks of, not the one that was shown.
        assert_eq!(refusal(graphql("KEY_REVOKED", Value::Null), 200), ("KEY_REVOKED".into(), Exit::Conflict));
        let rest = json!({"error": {"code": "KEY_EXPIRED", "message": "no"}});
        assert_eq!(refusal(rest, 401), ("KEY_EXPIRED".into(), Exit::NotAuthenticated));
        let oauth = |code: &str| json!({"error": "invalid_request", "error_description": "no", "code": code});
        assert_eq!(refusal(oauth("KEY_REVOKED"), 400), ("KEY_REVOKED".into(), Exit::NotAuthenticated));
        assert_eq!(refusal(oauth("INVALID_TARGET"), 400), ("INVALID_TARGET".into(), Exit::Usage));
        assert!(refusal_in(&json!({"data": {"hello": "x"}}), 200).is_none());
    }
}
