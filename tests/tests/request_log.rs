//! The request log from outside: one line a request that matters, and no text of a stranger in it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};
use tempfile::TempDir;

struct World {
    server: Server,
    operator: Initialised,
    _scratch: TempDir,
}

impl World {
    fn new() -> Self {
        Self::logging("info")
    }

    fn logging(level: &str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let operator = init(&data, "acme", "ada@example.com");
        Self { server: Server::start_logging(&data, level), operator, _scratch: scratch }
    }

    fn client(&self) -> Client {
        Client::holding(self.server.url(), &self.operator.key)
    }

    /// The lines about requests. Every line of the log is one JSON object, whatever was sent.
    fn lines(&self) -> Vec<Value> {
        let log = self.server.log();
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
        lines.filter(|line: &Value| line["target"] == "request").collect()
    }
}

#[test]
fn a_line_has_the_request_the_actor_the_key_and_the_code_and_accepted_verifications_have_none() {
    let world = World::new();
    let ids = &world.operator;
    assert_eq!(world.client().whoami().status, 200);
    assert_eq!(
        world
            .client()
            .post("/v1/verify", "application/json", &json!({"credential": ids.key}).to_string())
            .status,
        200
    );
    assert!(world.lines().is_empty(), "{:?}", world.lines());

    let refused = Client::holding(world.server.url(), "klu_nothing").whoami();
    assert_eq!(refused.status, 401);
    let made = world.client().graphql("{ user { id } }", &Value::Null);
    let missing = world.client().mutate("disable_api_key", &json!({"key_id": ids.tenant_id}), "success");
    assert_eq!(missing.unwrap_err(), "NOT_FOUND");
    let lines = world.lines();
    let [first, second, third] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(first["request_id"].as_str(), refused.header("x-request-id"));
    assert_eq!((&first["status"], first["code"].as_str()), (&json!(401), refused.code().as_deref()));
    assert_eq!((first.get("actor"), first.get("key_id")), (None, None));
    assert_eq!(second["request_id"].as_str(), made.header("x-request-id"));
    assert_eq!(second["actor"], format!("user:{}", ids.user_id));
    assert_eq!((&second["key_id"], second.get("code")), (&json!(ids.key_id), None));
    assert_eq!(
        (&third["code"], &third["route"], &third["method"]),
        (&json!("NOT_FOUND"), &json!("/graphql"), &json!("POST"))
    );
}

/// What is left out for everybody else is there for whoever asks for it.
#[test]
fn at_the_level_debug_accepted_verifications_have_their_lines_too() {
    let world = World::logging("info,request=debug");
    let ids = &world.operator;
    let shown = json!({"credential": ids.key}).to_string();
    assert_eq!(world.client().whoami().status, 200);
    assert_eq!(world.client().get("/forward-auth").status, 204);
    assert_eq!(world.client().post("/v1/verify", "application/json", &shown).status, 200);
    let lines = world.lines();
    let lines: Vec<_> = lines.iter().filter(|line| line["route"] != "/readyz").collect();
    let routes: Vec<_> = lines.iter().map(|line| line["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["/v1/whoami", "/forward-auth", "/v1/verify"]);
    for line in lines {
        assert_eq!(line["level"], "DEBUG", "{line}");
        assert_eq!(line["actor"], format!("user:{}", ids.user_id), "{line}");
        assert_eq!((&line["key_id"], line.get("code")), (&json!(ids.key_id), None), "{line}");
    }
}

#[test]
fn a_callers_own_id_is_repeated_beside_ours_if_it_is_harmless() {
    let world = World::new();
    let theirs = "01890a5d-ac96-774b-bcce-b302099a8057";
    let answer = world.client().with("x-request-id", theirs).graphql("{ user { id } }", &Value::Null);
    assert_ne!(answer.header("x-request-id"), Some(theirs), "an id of ours, not theirs");
    let key = world.operator.key.clone();
    for hostile in ["a\" level=\"ERROR", "{\"level\":\"ERROR\"}", &key, &"9".repeat(65)] {
        world.client().with("x-request-id", hostile).graphql("{ user { id } }", &Value::Null);
    }
    let lines = world.lines();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["client_request_id"], theirs);
    assert_eq!(lines[0]["request_id"].as_str(), answer.header("x-request-id"));
    for line in &lines[1..] {
        assert_eq!(line.get("client_request_id"), None, "{line}");
    }
    assert!(!world.server.log().contains(&key));
}

#[test]
fn no_name_header_path_or_method_gets_into_the_log() {
    let world = World::new();
    let forged = "zephyr\n{\"level\":\"ERROR\",\"target\":\"request\",\"code\":\"FORGED\"}";
    for name in [forged, "zephyr\r\nzephyr", "\u{1b}[31mzephyr", "zephyr\u{2028}zephyr", "zephyr"] {
        // Some are refused, the last is a good name; none is logged.
        let _ = world.client().mutate("create_service_account", &json!({ "name": name }), "id");
        let _ =
            world.client().mutate("create_tenant", &json!({"slug": name, "administrator_email": name}), "id");
        let _ = world.client().mutate(
            "rename_tenant",
            &json!({"name": name, "idempotency_key": name}),
            "success",
        );
        let _ = world.client().graphql(name, &Value::Null);
        let _ = world.client().query("x", &format!("query {{ {name} }}"));
    }
    let address = world.server.url().strip_prefix("http://").unwrap();
    for request in [
        "GET /zephyr%0a%7b%22level%22 HTTP/1.1\r\n",
        "ZEPHYR /v1/whoami HTTP/1.1\r\n",
        "GET /v1/whoami?zephyr=%0a HTTP/1.1\r\nauthorization: Bearer zephyr\r\nuser-agent: zephyr\r\n",
        "GET /v1/whoami HTTP/1.1\r\nx-keyledger-tenant-id: zephyr\r\nauthorization: zephyr zephyr\r\n",
        "GET /v1/whoami HTTP/1.1\r\nx-request-id: zephyr\u{7f}\r\nx-forwarded-for: zephyr\r\ntraceparent: zephyr\r\n",
        "POST /oauth/token HTTP/1.1\r\ncontent-type: zephyr\r\nauthorization: Basic enplcGh5cjp6ZXBoeXI=\r\n",
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{request}host: zephyr\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
    }
    let lines = world.lines();
    assert!(lines.len() > 20, "{lines:?}");
    assert!(lines.iter().all(|line| line["code"] != "FORGED" && line["level"] == "INFO"), "{lines:?}");
    let log = world.server.log();
    assert!(!log.to_lowercase().contains("zephyr") && !log.contains('\u{1b}'), "{log}");
}
