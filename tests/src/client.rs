//! A client of the public interfaces: HTTP, GraphQL and OAuth, with nothing shared with the server's code.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

/// Somebody who holds a credential and talks to a server.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    credential: Option<String>,
    tenant: Option<String>,
    more: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The stable code of a refusal, wherever the interface puts it.
    pub fn code(&self) -> Option<String> {
        let body = self.json();
        let extensions = &body["errors"][0]["extensions"];
        [&extensions["reason"], &extensions["code"], &body["error"]["code"], &body["code"]]
            .into_iter()
            .find_map(|code| code.as_str().map(str::to_owned))
    }
}

/// The server could not be reached, or broke off.
#[derive(Debug)]
pub struct Unreachable(pub String);

impl Client {
    /// Somebody without a credential.
    pub fn anonymous(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .max_redirects(0);
        Self {
            agent: config.build().into(),
            url: url.to_owned(),
            credential: None,
            tenant: None,
            more: vec![],
        }
    }

    /// The holder of a key or a token.
    pub fn holding(url: &str, credential: &str) -> Self {
        Self { credential: Some(credential.to_owned()), ..Self::anonymous(url) }
    }

    /// The same, in this tenant.
    #[must_use]
    pub fn in_tenant(&self, tenant: &str) -> Self {
        Self { tenant: Some(tenant.to_owned()), ..self.clone() }
    }

    /// The same, sending this header, too.
    #[must_use]
    pub fn with(&self, header: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.more.push((header, value.to_owned()));
        client
    }

    /// `GET`.
    pub fn try_get(&self, path: &str) -> Result<Answer, Unreachable> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        answer(request.call())
    }

    /// `GET`, of a server that must answer.
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).expect("the server answers")
    }

    /// `GET` of what need not be text, of a server that must answer.
    pub fn bytes(&self, path: &str) -> (u16, Vec<u8>) {
        let (status, _, bytes) = self.raw(path);
        (status, bytes)
    }

    /// The status and the headers of what need not be text.
    pub fn head_of(&self, path: &str) -> (u16, Vec<(String, String)>) {
        let (status, headers, _) = self.raw(path);
        (status, headers)
    }

    fn raw(&self, path: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let mut response = request.call().expect("the server answers");
        let headers = headers_of(&response);
        let bytes = response.body_mut().read_to_vec().expect("the answer is whole");
        (response.status().as_u16(), headers, bytes)
    }

    /// Any method, without a body.
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let request = request.body(()).expect("a method, an address and headers make a request");
        answer(self.agent.run(request)).expect("the server answers")
    }

    /// Any method, with a body.
    pub fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        request = request.header("content-type", content_type);
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let request = request.body(body.to_owned()).expect("a method, an address and headers make a request");
        answer(self.agent.run(request)).expect("the server answers")
    }

    /// `POST` of any body.
    pub fn try_post(&self, path: &str, content_type: &str, body: &str) -> Result<Answer, Unreachable> {
        let mut request = self.agent.post(format!("{}{path}", self.url)).header("content-type", content_type);
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        answer(request.send(body))
    }

    /// `POST` of any body, to a server that must answer.
    pub fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        self.try_post(path, content_type, body).expect("the server answers")
    }

    /// A GraphQL request as it comes, with variables.
    pub fn try_graphql(&self, query: &str, variables: &Value) -> Result<Answer, Unreachable> {
        let body = json!({"query": query, "variables": variables}).to_string();
        self.try_post("/graphql", "application/json", &body)
    }

    /// A GraphQL request, of a server that must answer.
    pub fn graphql(&self, query: &str, variables: &Value) -> Answer {
        self.try_graphql(query, variables).expect("the server answers")
    }

    /// A mutation `NAME(input: …)` with the given selection; its payload, or the code of the refusal.
    pub fn mutate(&self, name: &str, input: &Value, selection: &str) -> Result<Value, String> {
        let query = format!("mutation($input: {name}_input!) {{ {name}(input: $input) {{ {selection} }} }}");
        self.payload(name, &self.graphql(&self.with_input_type(&query, name), &json!({"input": input})))
    }

    /// A query's field; its value, or the code of the refusal.
    pub fn query(&self, field: &str, document: &str) -> Result<Value, String> {
        self.payload(field, &self.graphql(document, &Value::Null))
    }

    /// `GET /v1/whoami`.
    pub fn whoami(&self) -> Answer {
        self.get("/v1/whoami")
    }

    /// The token exchange of RFC 8693 for a key.
    pub fn exchange(&self, key: &str, more: &[(&str, &str)]) -> Answer {
        self.try_exchange(key, more).expect("the server answers")
    }

    /// The same, of a server that may be down.
    pub fn try_exchange(&self, key: &str, more: &[(&str, &str)]) -> Result<Answer, Unreachable> {
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", key),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        form.extend_from_slice(more);
        self.try_post("/oauth/token", "application/x-www-form-urlencoded", &encoded(&form))
    }

    /// The token of a successful exchange.
    pub fn token(&self, key: &str) -> String {
        let answer = self.exchange(key, &[]);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    fn payload(&self, field: &str, answer: &Answer) -> Result<Value, String> {
        match answer.code() {
            None if answer.status == 200 => Ok(answer.json()["data"][field].clone()),
            None => Err(format!("HTTP {}: {}", answer.status, answer.text)),
            Some(code) => Err(code),
        }
    }

    /// Some mutations share an input type, which is not named after them.
    fn with_input_type(&self, query: &str, name: &str) -> String {
        let shared = match name {
            "suspend_tenant" | "resume_tenant" | "remove_tenant" => "tenant_id_input",
            "suspend_user" | "resume_user" | "remove_user" | "grant_operator" | "withdraw_operator" => {
                "user_id_input"
            }
            "suspend_service_account" | "resume_service_account" => "service_account_id_input",
            "disable_api_key" | "enable_api_key" => "key_id_input",
            "remove_member" => "member_input",
            _ => return query.to_owned(),
        };
        query.replacen(&format!("{name}_input!"), &format!("{shared}!"), 1)
    }

    fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let credential =
            self.credential.as_ref().map(|credential| ("authorization", format!("Bearer {credential}")));
        let tenant = self.tenant.as_ref().map(|tenant| ("x-keyledger-tenant-id", tenant.clone()));
        credential.into_iter().chain(tenant).chain(self.more.iter().cloned())
    }
}

/// A form body.
pub fn encoded(form: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let escaped = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        });
        escaped.collect::<String>()
    };
    let pairs: Vec<_> =
        form.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, Unreachable> {
    let mut response = result.map_err(|error| Unreachable(error.to_string()))?;
    let headers = headers_of(&response);
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().map_err(|error| Unreachable(error.to_string()))?;
    Ok(Answer { status, headers, text })
}

fn headers_of(response: &ureq::http::Response<ureq::Body>) -> Vec<(String, String)> {
    let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    response.headers().iter().map(header).collect()
}
