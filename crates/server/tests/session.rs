//! Sessions of the web UI over time: a new secret needs the key once more, and who stays away is signed out.

#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use authority::compose::{TenantInput, UserInput};
use authority::{Authority, Clock, Options};
use credentials::claims::Issuer;
use domain::event::TenantPolicy;
use domain::names::{Email, Name, Slug};
use domain::time::Timestamp;
use keyledger_server::ServeOptions;
use keyledger_server::router::router;
use keyledger_server::state::App;
use store::DataFolder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const BEGIN_MS: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;

fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_unix_ms(BEGIN_MS + minutes * MINUTE_MS).unwrap()
}

/// A server in this process, with a clock that is set by hand, and a browser with one cookie.
struct Stage {
    authority: Arc<Authority>,
    clock: Clock,
    key: String,
    user: String,
    tenant: String,
    address: SocketAddr,
    cookie: String,
    _runtime: Runtime,
    _scratch: TempDir,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    page: String,
}

impl Stage {
    /// Somebody is signed in at minute 0.
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let clock = Clock::manual(minute(0));
        let issuer = Issuer::parse("https://keys.example.com").unwrap();
        let options = Options::new(DataFolder::at(scratch.path().join("data")), issuer);
        let options = Options { clock: clock.clone(), ..options };
        let (slug, name) = (Slug::parse("acme").unwrap(), Name::parse("acme").unwrap());
        let tenant = TenantInput { slug, name, policy: TenantPolicy::default() };
        let user = UserInput { email: Email::parse("ada@example.com").unwrap(), name: None };
        let made = Authority::initialise(options.clone(), &tenant, &user).unwrap();
        let authority = Arc::new(Authority::open(options).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::new(Arc::clone(&authority), &ServeOptions::new(address));
        runtime.spawn(async move { axum::serve(listener, router(app)).await });
        let (key, user) = (made.key_string.expose().to_owned(), made.user.to_string());
        let tenant = made.tenant.to_string();
        let cookie = String::new();
        let mut stage = Self {
            authority,
            clock,
            key,
            user,
            tenant,
            address,
            cookie,
            _runtime: runtime,
            _scratch: scratch,
        };
        let answer = stage.send("POST", "/ui/sign-in", &format!("key={}", stage.key));
        assert_eq!(answer.status, 303, "{}", answer.page);
        let set = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        stage.cookie = set.split(';').next().unwrap().to_owned();
        assert!(stage.cookie.starts_with("__Host-keyledger="), "{set}");
        stage
    }

    fn send(&self, method: &str, path: &str, form: &str) -> Answer {
        let length = form.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: keys.example.com\r\nConnection: close\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}",
            self.cookie
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), page: page.to_owned() }
    }

    fn new_key(&self, proof: &str) -> Answer {
        let proof = if proof.is_empty() { String::new() } else { format!("&proof={proof}") };
        self.send("POST", "/ui/keys/new", &format!("owner={}&name=laptop&end=none{proof}", self.user))
    }

    fn asks_for_proof(&self) -> bool {
        self.send("GET", "/ui/keys/new", "").page.contains(r#"name="proof""#)
    }
}

#[test]
fn a_new_secret_is_shown_only_to_whoever_showed_the_key_lately() {
    let stage = Stage::new();
    assert!(!stage.asks_for_proof());
    let shown = stage.new_key("");
    assert!(shown.status == 200 && shown.page.contains("This is the only time"), "{}", shown.page);

    stage.clock.set(minute(11));
    assert!(stage.asks_for_proof());
    let before = stage.authority.position();
    for (proof, code) in [("", "PROOF_MISSING"), ("klu_somebody_elses", "KEY_UNKNOWN")] {
        let refused = stage.new_key(proof);
        assert_eq!(refused.status, 422, "{proof}: {}", refused.page);
        assert!(refused.page.contains(code), "{proof}: {}", refused.page);
        assert!(refused.page.contains(r#"value="laptop""#), "what was filled in stays: {}", refused.page);
        assert!(proof.is_empty() || !refused.page.contains(proof), "what was pasted is not repeated");
    }
    assert_eq!(stage.authority.position(), before, "nothing was made");
    let shown = stage.new_key(&stage.key);
    assert!(shown.status == 200 && shown.page.contains("This is the only time"), "{}", shown.page);
    assert!(!stage.asks_for_proof(), "for ten more minutes");
}

#[test]
fn who_stays_away_is_signed_out() {
    let stage = Stage::new();
    stage.clock.set(minute(30));
    assert_eq!(stage.send("GET", "/ui/keys", "").status, 200);
    stage.clock.set(minute(61));
    let answer = stage.send("GET", "/ui/keys", "");
    assert_eq!(answer.status, 303);
    let location = answer.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert_eq!(location, "../ui/sign-in?then=ui%2Fkeys&why=SESSION_OVER");
}

#[test]
fn more_rights_are_given_only_by_whoever_showed_the_key_lately() {
    let stage = Stage::new();
    let account = stage.send("POST", "/ui/accounts/new", "name=etl&role=runner");
    assert_eq!(account.status, 303, "{}", account.page);
    let account = account.head.split("owner=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let role = format!("/ui/accounts/{account}/role");
    let remove_tenant = format!("/ui/deployment/tenants/{}/remove", stage.tenant);
    let remove_user = format!("/ui/deployment/people/{}/remove", stage.user);
    let signing_keys = stage.send("GET", "/ui/signing-keys", "").page;
    let retire = signing_keys.split("../ui/signing-keys/").nth(1).unwrap().split('"').next().unwrap();
    let retire = format!("/ui/signing-keys/{retire}");
    stage.clock.set(minute(11));
    let before = stage.authority.position();
    let forms = [
        ("/ui/members/add", "email=grace%40example.com&role=administrator"),
        ("/ui/members/add", "email=grace%40example.com&role=member"),
        ("/ui/members/add", "email=grace%40example.com"),
        ("/ui/members/add", "email=grace%40example.com&role=read_only&first_key=yes"),
        ("/ui/accounts/new", "name=chief&role=administrator"),
        ("/ui/accounts/new", "name=chief&role=runner"),
        (role.as_str(), "role=administrator"),
        ("/ui/tenants/policy", "max=30&max_unit=days&default=7&default_unit=days"),
        ("/ui/signing-keys", ""),
        ("/ui/deployment/tenants/new", "slug=globex&email=grace%40example.com"),
        (remove_tenant.as_str(), "name=acme"),
        (remove_user.as_str(), "name=ada%40example.com"),
        (retire.as_str(), "reason=compromised"),
    ];
    for (path, form) in forms {
        for (proof, code) in [("", "name=\"proof\""), ("&proof=klu_somebody_elses", "KEY_UNKNOWN")] {
            let asked = stage.send("POST", path, &format!("{form}{proof}"));
            assert_eq!(asked.status, 422, "{path}: {}", asked.page);
            assert!(asked.page.contains(code), "{path}: {}", asked.page);
            assert!(!asked.page.contains("somebody_elses"), "{path}: what was pasted is not repeated");
        }
        assert_eq!(stage.authority.position(), before, "{path}: nothing was done");
    }
    // What takes rights away, or gives none but to read, is not held up.
    for (path, form) in [
        (role.as_str(), "role=read_only"),
        ("/ui/members/add", "email=edsger%40example.com&role=read_only"),
        ("/ui/accounts/new", "name=mirror&role=read_only"),
    ] {
        let done = stage.send("POST", path, form);
        assert_eq!(done.status, 303, "{path}: {}", done.page);
    }
    // What was filled in is sent again with the key.
    let asked = stage.send("POST", "/ui/members/add", "email=grace%40example.com&role=member&first_key=yes");
    for field in [r#"name="role" value="member""#, r#"name="first_key" value="yes""#] {
        assert!(asked.page.contains(field), "{field}: {}", asked.page);
    }
    let asked = stage.send("POST", "/ui/tenants/policy", "max=30&max_unit=days&default=7&default_unit=days");
    for field in [r#"name="max" value="30""#, r#"name="default" value="7""#] {
        assert!(asked.page.contains(field), "{field}: {}", asked.page);
    }
    let proved = format!("max=30&max_unit=days&default=7&default_unit=days&proof={}", stage.key);
    assert_eq!(stage.send("POST", "/ui/tenants/policy", &proved).status, 303);
    let now = stage.send("POST", "/ui/signing-keys", "");
    assert_eq!(now.status, 303, "for ten more minutes: {}", now.page);
}

#[test]
fn a_page_that_asks_by_itself_keeps_nobody_signed_in() {
    let stage = Stage::new();
    let key = stage.send("GET", "/ui/keys", "").page;
    let key = key.split("../ui/keys/").find(|rest| rest.starts_with("0")).unwrap()[..36].to_owned();
    for minutes in 1..=30 {
        stage.clock.set(minute(minutes));
        let polled = stage.send("GET", &format!("/ui/keys/{key}/used"), "");
        assert_eq!(polled.status, 200, "{minutes}: {}", polled.page);
    }
    stage.clock.set(minute(31));
    assert_eq!(stage.send("GET", "/ui/keys", "").status, 303);
}

#[test]
fn a_program_gets_a_key_by_a_session_only_from_whoever_showed_the_key_lately() {
    let stage = Stage::new();
    let ask = || stage.send("GET", "/auth/client?callback=http://localhost:4321", "");
    let agree = |more: &str| {
        let form = format!("callback=http://localhost:4321&decision=agree{more}");
        stage.send("POST", "/auth/client", &form)
    };
    let asked = ask();
    assert!(asked.page.contains("You are signed in as <b>ada@example.com</b>"), "{}", asked.page);
    assert!(!asked.page.contains("type=\"password\""), "nothing need be pasted: {}", asked.page);
    let handed = agree("");
    assert!(handed.status == 200 && handed.page.contains("data-answer"), "{}", handed.page);

    stage.clock.set(minute(11));
    let asked = ask();
    assert!(asked.page.contains("signed in with once more") && asked.page.contains("type=\"password\""));
    let before = stage.authority.position();
    let refused = agree("");
    assert!(refused.status == 401 && refused.page.contains("PROOF_MISSING"), "{}", refused.page);
    assert_eq!(stage.authority.position(), before, "nothing was made");
    assert_eq!(agree(&format!("&key={}", stage.key)).status, 200);
}
