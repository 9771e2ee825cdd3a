//! Metrics from outside: who may read them, what they count, and that no label holds what a caller chose.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use keyledger_tests::client::{Answer, Client};
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};
use tempfile::TempDir;

const ELSEWHERE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

struct World {
    server: Server,
    operator: Initialised,
    data: PathBuf,
    _scratch: TempDir,
}

impl World {
    fn new(more: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let operator = init(&data, "acme", "ada@example.com");
        let server = Server::start_with(&data, more);
        Self { server, operator, data, _scratch: scratch }
    }

    fn operator(&self) -> Client {
        Client::holding(self.server.url(), &self.operator.key)
    }

    /// A key of somebody, with more input.
    fn key(&self, of: &str, more: &Value) -> (String, String) {
        let mut input = json!({"user_id": of, "name": "a key"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let made = self.operator().mutate("create_api_key", &input, "id key").unwrap();
        (text(&made["id"]), text(&made["key"]))
    }

    fn told(&self, credential: &str) -> (u16, Option<String>) {
        let answer = Client::holding(self.server.url(), credential).get("/metrics");
        (answer.status, answer.code())
    }

    fn page(&self) -> Page {
        Page::of(&self.operator().get("/metrics"))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A page of metrics, read by the rules of the text format.
struct Page {
    text: String,
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let lines = answer.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
        });
        Self { samples: samples.collect(), text: answer.text.clone() }
    }

    /// A sample by name and labels, in whatever order these stand.
    fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: BTreeSet<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let found = self.samples.iter().find(|(sample, _)| {
            let (of, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
            of == name && labels.map(str::to_owned).collect::<BTreeSet<_>>() == wanted
        });
        *found.unwrap_or_else(|| panic!("no {name} {wanted:?} in\n{}", self.text)).1
    }

    fn verifications(&self, code: &str) -> f64 {
        self.get("keyledger_verifications_total", &[("credential", "key"), ("code", code)])
    }

    fn keys(&self, state: &str) -> f64 {
        self.get("keyledger_keys", &[("state", state)])
    }
}

#[test]
fn on_the_main_address_metrics_are_for_an_operators_key_that_may_read_them() {
    let world = World::new(&[]);
    let me = &world.operator.user_id;
    let added = json!({"email": "ann@example.com", "role": "administrator", "first_key": true});
    let admin = text(&world.operator().mutate("add_member", &added, "key").unwrap()["key"]);
    let (narrow_id, narrow) = world.key(me, &json!({"scopes": ["keyledger:metrics"]}));
    let (_, reading) = world.key(me, &json!({"scopes": ["keyledger:read", "keyledger:operate"]}));
    let (_, confined) = world.key(me, &json!({"tenant_id": world.operator.tenant_id}));
    let token = Client::anonymous(world.server.url()).token(&world.operator.key);

    assert_eq!(world.told(&world.operator.key), (200, None));
    assert_eq!(world.told(&narrow), (200, None));
    let forbidden = (403, Some("FORBIDDEN".to_owned()));
    for (who, credential) in [
        ("no operator", &admin),
        ("narrowed otherwise", &reading),
        ("confined to a tenant", &confined),
        ("a token, which is for a tenant", &token),
    ] {
        assert_eq!(world.told(credential), forbidden, "{who}");
    }
    let nobody = Client::anonymous(world.server.url()).get("/metrics");
    assert_eq!((nobody.status, nobody.code().as_deref()), (401, Some("CREDENTIAL_MISSING")));
    assert!(!nobody.text.contains("keyledger_"));

    // What it may read is all that the narrow key can do.
    let narrowed = Client::holding(world.server.url(), &narrow);
    assert_eq!(
        narrowed.query("tenants", "{ tenants(all: true) { edges { node { id } } } }").unwrap_err(),
        "FORBIDDEN"
    );
    let grant = narrowed.mutate("grant_operator", &json!({"user_id": me}), "success");
    assert_eq!(grant.unwrap_err(), "FORBIDDEN");
    world.operator().mutate("delete_api_key", &json!({"key_id": narrow_id}), "success").unwrap();
    assert_eq!(world.told(&narrow), (401, Some("KEY_REVOKED".to_owned())));
}

#[test]
fn on_an_address_of_their_own_metrics_are_for_everyone_and_there_is_nothing_else() {
    let world = World::new(&["--metrics-listen", "127.0.0.1:0"]);
    let log = world.server.log();
    let line =
        log.lines().find(|line| line.contains("metrics are served")).unwrap_or_else(|| panic!("{log}"));
    let line: Value = serde_json::from_str(line).unwrap();
    let url = format!("http://{}", text(&line["address"]));
    let page = Page::of(&Client::anonymous(&url).get("/metrics"));
    assert_eq!(page.get("keyledger_ready", &[]), 1.0);
    let operator = Client::holding(&url, &world.operator.key);
    for path in ["/v1/whoami", "/graphql", "/readyz", "/"] {
        assert_eq!(operator.get(path).status, 404, "{path}");
    }
    // The main address stays as it is.
    assert_eq!(Client::anonymous(world.server.url()).get("/metrics").status, 401);

    let taken = url.strip_prefix("http://").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    init(&data, "acme", "ada@example.com");
    let Err(why) = Server::try_start(&data, &["--metrics-listen", taken]) else { panic!("it is taken") };
    assert!(why.contains("--metrics-listen") && why.contains(taken), "{why}");
}

#[test]
fn verifications_commands_and_requests_are_counted() {
    let world = World::new(&[]);
    let me = &world.operator.user_id;
    let (id, key) = world.key(me, &json!({}));
    let holder = Client::holding(world.server.url(), &key);
    let before = world.page();
    for _ in 0..7 {
        assert_eq!(holder.whoami().status, 200);
    }
    let revoked = world.operator().mutate("delete_api_key", &json!({"key_id": id}), "success");
    revoked.unwrap();
    for _ in 0..3 {
        assert_eq!(holder.whoami().status, 401);
    }
    let missing = world.operator().mutate("disable_api_key", &json!({"key_id": ELSEWHERE}), "success");
    assert_eq!(missing.unwrap_err(), "NOT_FOUND");
    let again = world.operator().mutate("delete_api_key", &json!({"key_id": id}), "success");
    again.unwrap();
    let after = world.page();

    let grown = |name: &str, labels: &[(&str, &str)]| after.get(name, labels) - before.get(name, labels);
    assert_eq!(after.verifications("KEY_REVOKED") - before.verifications("KEY_REVOKED"), 3.0);
    // Seven, three mutations, and the second page itself.
    assert_eq!(after.verifications("OK") - before.verifications("OK"), 11.0);
    assert_eq!(after.verifications("KEY_EXPIRED"), 0.0, "what never happened is there as well");
    let commands = "keyledger_commands_total";
    assert_eq!(grown(commands, &[("result", "accepted"), ("code", "OK")]), 1.0);
    assert_eq!(grown(commands, &[("result", "accepted"), ("code", "UNCHANGED")]), 1.0);
    assert_eq!(after.get(commands, &[("result", "refused"), ("code", "NOT_FOUND")]), 1.0);
    let whoami = [("route", "/v1/whoami"), ("method", "GET")];
    assert_eq!(after.get("keyledger_http_request_duration_seconds_count", &whoami), 10.0);
    assert_eq!(grown("keyledger_http_responses_total", &[("class", "4xx")]), 3.0);
    assert_eq!(grown("keyledger_http_responses_total", &[("class", "2xx")]), 11.0);
    assert_eq!(after.get("keyledger_http_requests_in_flight", &[]), 1.0, "the page itself");
    assert_eq!(grown("keyledger_writer_batch_commands_sum", &[]), 3.0);
    assert_eq!(grown("keyledger_writer_commit_seconds_count", &[]), 3.0);
    assert!(grown("keyledger_writer_commit_seconds_sum", &[]) > 0.0);
    assert_eq!(after.get("keyledger_writer_queue_commands", &[]), 0.0);
    let ready = Client::anonymous(world.server.url()).get("/readyz").json();
    let position: f64 = text(&ready["position"]).parse().unwrap();
    assert_eq!(after.get("keyledger_log_position", &[]), position);
    let since = Instant::now();
    while world.page().get("keyledger_guard_lag_positions", &[]) > 0.0 {
        assert!(since.elapsed() < Duration::from_secs(30), "the guard trails by a second");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(after.get("keyledger_ledger_file_bytes", &[]) > 0.0);
    assert!(after.get("process_start_time_seconds", &[]) > 1.6e9);
}

#[test]
fn keys_are_counted_by_state() {
    let world = World::new(&[]);
    let me = &world.operator.user_id;
    let operator = world.operator();
    let account = |name: &str| {
        let made = operator.mutate("create_service_account", &json!({ "name": name }), "id").unwrap();
        let id = text(&made["id"]);
        world.key(&id, &json!({}));
        id
    };
    let in_three_days = days_ahead(3);
    world.key(me, &json!({"expires_at": in_three_days}));
    world.key(me, &json!({"expires_at": days_ahead(30)}));
    let (disabled, _) = world.key(me, &json!({}));
    operator.mutate("disable_api_key", &json!({"key_id": disabled}), "success").unwrap();
    let (revoked, _) = world.key(me, &json!({}));
    operator.mutate("delete_api_key", &json!({"key_id": revoked}), "success").unwrap();
    let (rotated, _) = world.key(me, &json!({}));
    operator.mutate("rotate_api_key", &json!({"key_id": rotated}), "key").unwrap();
    let removed = account("removed");
    operator.mutate("delete_service_account", &json!({"service_account_id": removed}), "success").unwrap();
    let suspended = account("suspended");
    operator.mutate("suspend_service_account", &json!({"service_account_id": suspended}), "success").unwrap();

    // The first page counts; later ones within a minute show what it counted.
    let page = world.page();
    let states = ["active", "expired", "disabled", "suspended", "revoked", "ended"].map(|it| page.keys(it));
    // The first key, two that end, and the successor; disabled; suspended; revoked; the rotated and the removed.
    assert_eq!(states, [4.0, 0.0, 1.0, 1.0, 1.0, 2.0], "{}", page.text);
    assert_eq!(page.get("keyledger_keys_ending_within_a_week", &[]), 1.0);
    let index = |kind| page.get("keyledger_index_entries", &[("kind", kind)]);
    assert_eq!(
        [index("keys"), index("users"), index("tenants"), index("service_accounts")],
        [9.0, 1.0, 1.0, 2.0]
    );
    assert_eq!(page.get("keyledger_signing_keys", &[("state", "active")]), 1.0);
    assert!(page.get("keyledger_signing_key_superseded_in_seconds", &[]).is_nan());
    operator.mutate("delete_api_key", &json!({"key_id": disabled}), "success").unwrap();
    operator.mutate("rotate_signing_key", &json!({"active_from": days_ahead(1)}), "id").unwrap();
    let page = world.page();
    assert_eq!(page.keys("disabled"), 1.0, "not counted again at once");
    assert_eq!(page.get("keyledger_signing_keys", &[("state", "published")]), 2.0);
    let left = page.get("keyledger_signing_key_superseded_in_seconds", &[]);
    assert!((86_000.0..=86_400.0).contains(&left), "{left}");
}

/// An instant so many days ahead.
fn days_ahead(days: i64) -> String {
    (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_string()
}

#[test]
fn labels_are_a_bounded_set_whatever_callers_send() {
    let world = World::new(&[]);
    world.page();
    let anonymous = Client::anonymous(world.server.url());
    for path in
        ["/nowhere", "/v1/whoami/zephyr", "/%0a%22zephyr%22", "/v1/whoami?zephyr=1", "/zephyr{code=\"OK\"}"]
    {
        // A path that the client itself does not send is as good.
        let _ = anonymous.try_get(path);
    }
    let address = world.server.url().strip_prefix("http://").unwrap();
    for method in ["ZEPHYR", "BREW", "zephyr"] {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} /v1/whoami HTTP/1.1\r\nhost: zephyr\r\nuser-agent: zephyr\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    }
    assert!(Client::holding(world.server.url(), "zephyr-zephyr-zephyr").whoami().status >= 400);
    let page = world.page();
    let strange = [("route", "/v1/whoami"), ("method", "other")];
    assert_eq!(page.get("keyledger_http_request_duration_seconds_count", &strange), 3.0);
    assert!(!page.text.to_lowercase().contains("zephyr"), "{}", page.text);
    for id in
        [&world.operator.user_id, &world.operator.tenant_id, &world.operator.key_id, &world.operator.key]
    {
        assert!(!page.text.contains(id.as_str()), "{}", page.text);
    }
    // One route for all that there is not.
    let routes: BTreeSet<_> =
        page.samples.keys().filter_map(|it| it.split("route=\"").nth(1)?.split('"').next()).collect();
    assert_eq!(routes, ["/metrics", "/v1/whoami", "none"].into());
    assert!(world.data.exists());
}

/// Every family has its HELP and its TYPE before its samples, and nothing else is on the page.
#[test]
fn the_page_is_well_formed() {
    let page = World::new(&[]).page();
    let (mut helped, mut typed) = (BTreeSet::new(), BTreeMap::new());
    for line in page.text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, meaning) = help.split_once(' ').unwrap();
            assert!(meaning.len() > 10, "{line}");
            helped.insert(name.to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(helped.contains(name), "{name} is not explained");
            assert_ne!(kind, "summary", "{name} has no buckets");
            typed.insert(name.to_owned(), kind.to_owned());
        } else if !line.is_empty() {
            let sample = line.split(['{', ' ']).next().unwrap();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                sample
                    .strip_suffix(end)
                    .filter(|family| typed.get(*family).is_some_and(|kind| kind == "histogram"))
            });
            assert!(typed.contains_key(family.unwrap_or(sample)), "{line}");
        }
    }
    assert!(typed.len() >= 24, "{typed:?}");
}
