//! GraphQL over HTTP from outside: what is accepted and given, limits, introspection, and the explorer.

use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};
use tempfile::TempDir;

const NEWER: &str = "application/graphql-response+json";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

struct Stage {
    server: Server,
    made: Initialised,
    _scratch: TempDir,
}

impl Stage {
    fn new(more: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        Self { server: Server::start_with(&data, more), made, _scratch: scratch }
    }

    fn admin(&self) -> Client {
        Client::holding(self.server.url(), &self.made.key)
    }

    fn anonymous(&self) -> Client {
        Client::anonymous(self.server.url())
    }

    fn ask(&self, accept: &str, body: &Value) -> Answer {
        self.admin().with("accept", accept).post("/graphql", "application/json", &body.to_string())
    }
}

fn document(query: &str) -> Value {
    json!({"query": query})
}

fn told(answer: &Answer) -> (u16, Option<String>) {
    (answer.status, answer.code())
}

fn refused(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

#[test]
fn the_answer_is_of_the_type_accepted_best_or_406() {
    let stage = Stage::new(&[]);
    let json = "application/json; charset=utf-8";
    let newer = "application/graphql-response+json; charset=utf-8";
    for (accept, content_type) in [
        ("*/*", json),
        ("application/json", json),
        ("application/*;q=0.1", json),
        (NEWER, newer),
        ("application/graphql-response+json, application/json;q=0.9", newer),
        ("application/graphql-response+json;q=0.1, application/json", json),
        ("application/graphql-response+json; charset=utf-8", newer),
        (BROWSER, json),
    ] {
        let answer = stage.ask(accept, &document("{ hello }"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{accept}");
        assert_eq!(answer.json(), json!({"data": {"hello": "Keyledger"}}), "{accept}");
        assert_eq!(answer.header("vary"), Some("Accept"));
    }
    for accept in
        ["text/html", "text/plain, image/*", "application/json;q=0", "application/json; charset=utf-16"]
    {
        let answer = stage.ask(accept, &document("{ hello }"));
        assert_eq!(told(&answer), refused(406, "NOT_ACCEPTABLE"), "{accept}");
        assert_eq!(answer.header("content-type"), Some(json), "{accept}");
        let by_get = stage.admin().with("accept", accept).get("/graphql?query=%7Bhello%7D");
        assert_eq!(told(&by_get), refused(406, "NOT_ACCEPTABLE"), "GET, {accept}");
    }
}

/// Which status an error has, by who asks: any type (existing clients), JSON by name, the newer type.
#[test]
fn each_media_type_has_its_statuses() {
    let stage = Stage::new(&[]);
    let eleven: String = (0..11).map(|n| format!("a{n}: hello ")).collect();
    for (body, code, by_any, by_json, by_newer) in [
        (document("{"), "GRAPHQL_PARSE_FAILED", 400, 200, 400),
        (document("{ nothing }"), "GRAPHQL_VALIDATION_FAILED", 400, 200, 400),
        (
            json!({"query": "query($id: uuid!) { hello }", "variables": {"id": null}}),
            "GRAPHQL_VALIDATION_FAILED",
            400,
            200,
            400,
        ),
        (document("query a { hello } query b { hello }"), "OPERATION_RESOLUTION_FAILED", 400, 200, 400),
        (document(&format!("{{ {eleven} }}")), "TOO_MANY_ROOT_FIELDS", 400, 200, 400),
        (document("{ keys(first: 0) { edges { cursor } } }"), "INVALID", 200, 200, 200),
        (json!({"query": "{ hello }", "extensions": "x"}), "REQUEST_MALFORMED", 400, 400, 400),
        (json!({"query": "{ hello }", "extensions": [1]}), "REQUEST_MALFORMED", 400, 400, 400),
        (json!({"query": "{ hello }", "operationName": 1}), "REQUEST_MALFORMED", 400, 400, 400),
    ] {
        for (accept, status) in [("*/*", by_any), ("application/json", by_json), (NEWER, by_newer)] {
            let answer = stage.ask(accept, &body);
            assert_eq!(told(&answer), refused(status, code), "{accept} {body:.100}: {}", answer.text);
            let no_data = code != "INVALID";
            assert_eq!(answer.json().get("data").is_none(), no_data, "{accept} {body:.100}");
        }
    }
    let body = document("{ hello }").to_string();
    for (accept, status) in [("*/*", 200), ("application/json", 200), (NEWER, 401)] {
        let answer = stage.anonymous().with("accept", accept).post("/graphql", "application/json", &body);
        assert_eq!(told(&answer), refused(status, "CREDENTIAL_MISSING"), "{accept}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert!(answer.header("www-authenticate").is_some(), "{accept}");
    }
}

#[test]
fn requests_are_json_in_utf_8() {
    let stage = Stage::new(&[]);
    let body = json!({"query": "{ hello }", "extensions": {"any": 1}, "variables": null}).to_string();
    let status = |content_type: &str| stage.admin().post("/graphql", content_type, &body).status;
    for good in
        ["application/json", "Application/JSON;charset=UTF-8", "application/json; charset=\"utf-8\"; x=y"]
    {
        assert_eq!(status(good), 200, "{good}");
    }
    for bad in ["application/json; charset=utf-16", "application/json;charset=iso-8859-1", "text/json"] {
        assert_eq!(status(bad), 415, "{bad}");
    }
    for (parameters, code) in [
        ("query=%7Bhello%7D&extensions=%7B%7D", None),
        ("query=%7Bhello%7D&extensions=1", Some("REQUEST_MALFORMED")),
        ("query=%7Bhello%7D&variables=1", Some("VARIABLES_MALFORMED")),
        ("variables=%7B%7D", Some("REQUEST_MALFORMED")),
    ] {
        let answer = stage.admin().get(&format!("/graphql?{parameters}"));
        assert_eq!(answer.code().as_deref(), code, "{parameters}");
    }
}

/// GraphQL, section 7.1.2: line and column, each from 1.
#[test]
fn errors_of_a_document_tell_where() {
    let stage = Stage::new(&[]);
    for (query, code, message, line, column) in [
        ("{ hello", "GRAPHQL_PARSE_FAILED", "Unexpected end of input", 1, 8),
        ("{\n  hello(\n", "GRAPHQL_PARSE_FAILED", "Unexpected end of input", 3, 1),
        ("{\n hello ? }", "GRAPHQL_PARSE_FAILED", "Unknown character \"?\"", 2, 8),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "Unknown field \"nothing\" on type \"Query\"", 1, 3),
        (
            "{\n  keys(first: 99999999999) { edges { cursor } } }",
            "GRAPHQL_VALIDATION_FAILED",
            "99999999999 is beyond Int, which has 32 bits",
            2,
            15,
        ),
    ] {
        let answer = stage.ask(NEWER, &document(query));
        assert_eq!(told(&answer), refused(400, code), "{query}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert_eq!(error["message"], message, "{query}");
        assert_eq!(error["locations"], json!([{"line": line, "column": column}]), "{query}");
    }
}

#[test]
fn large_documents_are_refused_before_anything_runs() {
    let stage = Stage::new(&[]);
    let tokens = format!("{{ {} }}", "hello ".repeat(4_001));
    let deep = format!("{{ keys {} }}", "{ edges ".repeat(30) + &"}".repeat(30));
    // Each fragment spreads the next one twice: 2^12 fields in a document of a few hundred tokens.
    let spread: String = (0..12)
        .map(|n| format!("fragment f{n} on tenant_connection {{ ...f{} ...f{} }} ", n + 1, n + 1))
        .collect();
    let fields = format!(
        "{{ tenants {{ ...f0 }} }} {spread} fragment f12 on tenant_connection {{ page_info {{ end_cursor }} }}"
    );
    for (what, query) in [("tokens", &tokens), ("depth", &deep), ("fields", &fields)] {
        let answer = stage.ask(NEWER, &document(query));
        assert_eq!(told(&answer), refused(400, "GRAPHQL_VALIDATION_FAILED"), "{what}: {:.300}", answer.text);
        assert!(answer.text.to_lowercase().contains("limit"), "{what}: {}", answer.text);
    }
    let spreads =
        "query { ...a ...a } fragment a on Query { a: hello b: hello c: hello d: hello e: hello f: hello }";
    let by_get = stage.admin().get(&format!("/graphql?{}", encoded(&[("query", spreads)])));
    assert_eq!(told(&by_get), refused(400, "TOO_MANY_ROOT_FIELDS"), "by GET, too");
}

/// What was done is told beside what was refused (GraphQL, section 6.4.4): a secret is told once.
#[test]
fn a_refused_mutation_takes_nothing_from_those_beside_it() {
    let stage = Stage::new(&[]);
    let account = |alias: &str, name: &str| {
        format!("{alias}: create_service_account(input: {{name: \"{name}\"}}) {{ id }}")
    };
    let user = &stage.made.user_id;
    let key = format!("a: create_api_key(input: {{user_id: \"{user}\", name: \"nightly\"}}) {{ id key }}");
    let (first, taken, next) = (account("first", "etl"), account("b", "etl"), account("c", "next"));
    let answer = stage.ask(NEWER, &document(&format!("mutation {{ {first} {key} {taken} {next} }}")));
    assert_eq!(told(&answer), refused(200, "NAME_TAKEN"), "{}", answer.text);
    let told_of = answer.json();
    let secret = told_of["data"]["a"]["key"].as_str().expect("the secret is told");
    assert_eq!(Client::holding(stage.server.url(), secret).get("/v1/whoami").status, 200);
    assert_eq!(told_of["data"]["b"], Value::Null);
    assert!(told_of["data"]["c"]["id"].is_string(), "the next one is carried out: {}", answer.text);
    let errors = told_of["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{}", answer.text);
    assert_eq!(errors[0]["path"], json!(["b"]));
}

/// Where nothing came of any field, the newer media type says so by its status, also where fields are null one by one.
#[test]
fn forbidden_mutations_alone_are_403() {
    let stage = Stage::new(&[]);
    let admin = stage.admin();
    let input = json!({"user_id": stage.made.user_id, "name": "narrow", "scopes": ["keyledger:keys"]});
    let narrow = admin.mutate("create_api_key", &input, "key").unwrap();
    let narrow = Client::holding(stage.server.url(), narrow["key"].as_str().unwrap()).with("accept", NEWER);
    let account = "create_service_account(input: {name: \"etl\"}) { id }";
    for (query, status) in [
        (format!("mutation {{ a: {account} b: {account} }}"), 403),
        (format!("mutation {{ a: {account} __typename }}"), 200),
    ] {
        let answer = narrow.post("/graphql", "application/json", &document(&query).to_string());
        assert_eq!(told(&answer), refused(status, "FORBIDDEN"), "{}", answer.text);
    }
}

#[test]
fn introspection_can_be_switched_off() {
    let stage = Stage::new(&["--introspection", "off"]);
    for query in [
        "{ __schema { queryType { name } } }",
        "{ hello __type(name: \"key\") { name } }",
        "{ ...a } fragment a on Query { ... on Query { renamed: __schema { description } } }",
    ] {
        let answer = stage.ask(NEWER, &document(query));
        assert_eq!(told(&answer), refused(400, "INTROSPECTION_OFF"), "{query}: {}", answer.text);
        assert!(answer.json().get("data").is_none());
    }
    assert_eq!(stage.ask(NEWER, &document("{ __typename hello }")).status, 200);
    let schema = stage.anonymous().get("/graphql/schema.graphql");
    assert_eq!(told(&schema), refused(404, "INTROSPECTION_OFF"));

    let stage = Stage::new(&["--introspection", "on"]);
    let answer = stage.ask(NEWER, &document("{ __schema { queryType { name } } }"));
    assert_eq!(answer.json()["data"]["__schema"]["queryType"]["name"], "Query");
}

#[test]
fn the_schema_is_published_and_not_sent_again_unchanged() {
    let stage = Stage::new(&[]);
    let published =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql")).unwrap();
    let answer = stage.anonymous().get("/graphql/schema.graphql");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(answer.text, published);
    let tag = answer.header("etag").unwrap().to_owned();
    let again = stage.anonymous().with("if-none-match", &tag).get("/graphql/schema.graphql");
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", Some(tag.as_str())));
}

#[test]
fn browsers_get_an_explorer_that_asks_nobody_else() {
    let stage = Stage::new(&[]);
    let page = stage.anonymous().with("accept", BROWSER).get("/graphql");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("vary"), Some("Accept"));
    let style = stage.anonymous().get("/graphql/explorer.css");
    let program = stage.anonymous().get("/graphql/explorer.js");
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(program.header("content-type"), Some("text/javascript; charset=utf-8"));
    for (what, answer) in [("page", &page), ("style", &style), ("program", &program)] {
        assert_eq!(answer.status, 200, "{what}");
        let policy = answer.header("content-security-policy").unwrap();
        let directives: Vec<_> = policy.split(';').map(str::trim).collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&directive), "{what}: {directive} of {policy}");
        }
        for loose in ["unsafe", "*", "data:", "http"] {
            assert!(!policy.contains(loose), "{what}: {policy}");
        }
        for (header, value) in [
            ("cache-control", "no-cache"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(header), Some(value), "{what}: {header}");
        }
        for elsewhere in
            ["://", "src=\"//", "@import", "url(", "localStorage", "sessionStorage", "document.cookie"]
        {
            assert!(!answer.text.contains(elsewhere), "{what} names {elsewhere}");
        }
        let tag = answer.header("etag").unwrap().to_owned();
        let path = ["/graphql", "/graphql/explorer.css", "/graphql/explorer.js"];
        let path = path[["page", "style", "program"].iter().position(|it| it == &what).unwrap()];
        let again = stage.anonymous().with("accept", BROWSER).with("if-none-match", &tag).get(path);
        assert_eq!(again.status, 304, "{what}");
    }
    for inline in ["<style", " style=", " onclick", " onload", "<script>", "javascript:"] {
        assert!(!page.text.contains(inline), "{inline}");
    }
    for used in
        ["graphql/explorer.css", "graphql/explorer.js", "id=\"document\"", "id=\"variables\"", "id=\"key\""]
    {
        assert!(page.text.contains(used), "{used}");
    }
    // A question is answered as one, and who is no browser gets no page.
    let asked = stage.admin().with("accept", BROWSER).get("/graphql?query=%7Bhello%7D");
    assert_eq!(asked.json(), json!({"data": {"hello": "Keyledger"}}));
    assert_eq!(told(&stage.anonymous().get("/graphql")), refused(400, "REQUEST_MALFORMED"));
}
