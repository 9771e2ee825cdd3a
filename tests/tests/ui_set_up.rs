//! The set-up link from outside: a server that nobody has a key for, and who may make the first one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Event;
use domain::actor::{ActorId, Way};
use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, events_of, keyledger, try_init};
use serde_json::Value;
use tempfile::TempDir;

use crate::ui::{Browser, attributes, location};

/// A server that was begun and not set up.
struct Fresh {
    server: Server,
    data: PathBuf,
    /// The path and the code of the link that it printed.
    link: String,
    _scratch: TempDir,
}

const ADA: [(&str, &str); 4] =
    [("tenant", "acme"), ("tenant_name", "Acme Ltd"), ("email", "ada@example.com"), ("name", "Ada")];

impl Fresh {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let (server, link) = Server::start_set_up(&data, &[&["--set-up"], more].concat());
        let link = link.strip_prefix(server.url()).unwrap_or_else(|| panic!("{link}")).to_owned();
        Self { server, data, link, _scratch: scratch }
    }

    fn browser(&self) -> Browser {
        Browser::at(self.server.url())
    }

    /// What `set-up-link` prints now.
    fn another(&self, more: &[&str]) -> Value {
        let output = keyledger([&["set-up-link", "-o", "json", "--data", path(&self.data)], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn position(&self) -> usize {
        events_of(&self.data).len()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn code(link: &str) -> &str {
    link.split("code=").nth(1).unwrap()
}

/// The form with this code.
fn with<'a>(code: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("code", code)], more].concat()
}

fn secret(page: &str) -> &str {
    let shown = attributes(page, "value").into_iter().find(|value| value.starts_with("klu_"));
    shown.unwrap_or_else(|| panic!("no key is shown: {page}"))
}

/// Every file of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn is_nowhere(text: &str, fresh: &Fresh) {
    assert!(!fresh.server.log().contains(text), "the log has it");
    for file in files(&fresh.data) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{}", file.display());
    }
}

#[test]
fn a_link_makes_the_first_tenant_its_administrator_and_a_key_and_signs_in() {
    let fresh = Fresh::new();
    let browser = fresh.browser();
    assert_eq!(fresh.position(), 0, "the log begins with the first tenant");
    let door = browser.page("/ui/sign-in");
    assert!(door.contains("keyledger set-up-link"), "{door}");
    let form = browser.page(&fresh.link);
    let code = code(&fresh.link);
    assert_eq!((code.len(), attributes(&form, "value")[0]), (64, code));
    for address in attributes(&form, "href").into_iter().chain(attributes(&form, "action")) {
        assert!(address.starts_with("../"), "under any path: {address}");
    }

    let made = browser.submit("/ui/set-up", &with(code, &ADA));
    assert_eq!(made.status, 200, "{}", made.text);
    let key = secret(&made.text);
    assert!(made.text.contains("data-guard") && made.text.contains("only time"), "{}", made.text);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let client = Client::holding(fresh.server.url(), key);
    assert_eq!(client.whoami().json()["role"], "administrator");
    let operates = client.query("users", "{ users { edges { node { email name operator } } } }").unwrap();
    let ada = &operates["edges"][0]["node"];
    assert_eq!((ada["email"].as_str(), ada["name"].as_str()), (Some("ada@example.com"), Some("Ada")));
    assert_eq!(ada["operator"], true);
    assert!(
        browser.page("/ui/tenants").contains("You are in <strong>Acme Ltd</strong>"),
        "signed in at once"
    );
    assert_eq!(client.exchange(key, &[]).status, 200, "a signing key was made with it");

    let events = events_of(&fresh.data);
    let names: Vec<_> = events.iter().map(|recorded| recorded.event.name()).collect();
    let begins =
        ["TenantCreated", "UserCreated", "OperatorGranted", "MemberAdded", "KeyCreated", "SigningKeyAdded"];
    let (said, begun) = events.split_last().unwrap();
    assert_eq!(names[..begun.len()], begins, "as init begins");
    assert_eq!((said.event.name(), said.metadata.actor), ("TokenLifeChanged", ActorId::Server));
    for recorded in begun {
        assert_eq!((recorded.metadata.actor, recorded.metadata.way), (ActorId::Console, Way::Ui));
    }
    assert!(matches!(events[0].event, Event::TenantCreated { .. }));
    is_nowhere(code, &fresh);
    is_nowhere(key, &fresh);
    assert!(!fresh.data.join("secrets/set-up").exists(), "what was used is not kept");
    let Fresh { server, data, .. } = fresh;
    assert_eq!(server.stop(), Some(0));
    let verified = keyledger(["audit", "verify", "--full", "--data", path(&data)]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn once_there_is_a_tenant_no_link_does_anything() {
    let fresh = Fresh::new();
    let (browser, code) = (fresh.browser(), code(&fresh.link).to_owned());
    browser.submit("/ui/set-up", &with(&code, &ADA));
    let before = fresh.position();
    for code in [code.as_str(), &"0".repeat(64), ""] {
        for answer in [
            browser.get(&format!("/ui/set-up?code={code}")),
            browser.submit("/ui/set-up", &with(code, &[("tenant", "globex"), ("email", "eve@example.com")])),
        ] {
            assert_eq!(answer.status, 409, "{}", answer.text);
            assert!(answer.text.contains("ALREADY_INITIALISED"), "{}", answer.text);
        }
    }
    let output = keyledger(["set-up-link", "-o", "json", "--data", path(&fresh.data)]);
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ALREADY_INITIALISED"));
    assert_eq!(fresh.position(), before);
    // A start with the flag that was forgotten, and one of a server that printed a link, begin nothing either.
    let Fresh { server, data, _scratch, .. } = fresh;
    assert_eq!(server.stop(), Some(0));
    let again = Server::start_with(&data, &["--set-up"]);
    assert!(again.log().contains("--set-up was not needed"), "{}", again.log());
    assert_eq!(Browser::at(again.url()).get(&format!("/ui/set-up?code={code}")).status, 409);
    assert!(!data.join("secrets/set-up").exists());
}

#[test]
fn a_wrong_code_shows_no_form_and_is_counted_as_a_guess() {
    let fresh = Fresh::with(&["--guesses-per-minute", "4"]);
    let browser = fresh.browser();
    let good = code(&fresh.link);
    let wrong = format!("{}{}", &good[..63], if good.ends_with('0') { '1' } else { '0' });
    for shown in ["", &wrong] {
        let answer = browser.get(&format!("/ui/set-up?code={shown}"));
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert!(
            answer.text.contains("SET_UP_LINK_INVALID") && answer.text.contains("set-up-link"),
            "{}",
            answer.text
        );
        assert!(!answer.text.contains("<form"), "never an open form");
        let answer = browser.submit("/ui/set-up", &with(shown, &ADA));
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    let slowed = browser.get(&format!("/ui/set-up?code={wrong}"));
    assert_eq!(slowed.status, 429, "{}", slowed.text);
    assert!(slowed.header("retry-after").is_some());
    assert_eq!(fresh.position(), 0);
    assert_eq!(browser.get(&fresh.link).status, 200, "a good code is never locked out");
    let foreign = browser.asking().with("sec-fetch-site", "cross-site");
    let answer =
        foreign.post("/ui/set-up", crate::ui::FORM, &keyledger_tests::client::encoded(&with(good, &ADA)));
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("CROSS_SITE"), "{}", answer.text);
    assert_eq!(fresh.position(), 0);
}

#[test]
fn a_newer_link_makes_the_older_one_useless_and_each_has_an_end() {
    let fresh = Fresh::new();
    let browser = fresh.browser();
    let newer = fresh.another(&["--address", fresh.server.url()]);
    let newer = newer["url"].as_str().unwrap().strip_prefix(fresh.server.url()).unwrap();
    assert_eq!(browser.get(&fresh.link).status, 403, "its place was taken");
    assert_eq!(browser.get(newer).status, 200);
    let short = fresh.another(&["--set-up-life", "1s"]);
    let short = short["url"].as_str().unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let late = browser.submit("/ui/set-up", &with(code(short), &ADA));
    assert!(late.status == 403 && late.text.contains("SET_UP_LINK_INVALID"), "{}", late.text);
    assert_eq!(fresh.position(), 0);
    // A restart needs no flag any more, and prints another.
    let Fresh { server, data, _scratch, .. } = fresh;
    assert_eq!(server.stop(), Some(0));
    let (server, link) = Server::start_set_up(&data, &["--issuer", "https://keys.example.com/at"]);
    assert!(link.starts_with("https://keys.example.com/at/ui/set-up?code="), "{link}");
    let made = Browser::at(server.url()).submit("/ui/set-up", &with(code(&link), &ADA));
    assert_eq!(made.status, 200, "{}", made.text);
}

#[test]
fn names_follow_the_same_rules_as_everywhere_and_a_mistake_uses_nothing_up() {
    let fresh = Fresh::new();
    let (browser, code) = (fresh.browser(), code(&fresh.link));
    for (tenant, email, name, wrong) in [
        ("", "ada@example.com", "", "FORM_INVALID"),
        ("acme", "", "", "FORM_INVALID"),
        ("Acme Corp", "ada@example.com", "", "NAME_INVALID"),
        ("acme", "ada", "", "NAME_INVALID"),
        ("acme", "ada@example.com", "Ada\u{202E}", "NAME_INVALID"),
        ("acme", "ada@example.com", &"x".repeat(300), "NAME_TOO_LONG"),
    ] {
        let form = [("tenant", tenant), ("email", email), ("name", name)];
        let refused = browser.submit("/ui/set-up", &with(code, &form));
        assert_eq!(refused.status, 422, "{tenant} {email} {name}: {}", refused.text);
        assert!(refused.text.contains(wrong), "{tenant} {email} {name}: {}", refused.text);
        assert!(attributes(&refused.text, "value").contains(&code), "it can be mended");
    }
    assert_eq!(fresh.position(), 0);
    assert_eq!(browser.submit("/ui/set-up", &with(code, &ADA)).status, 200);
}

#[test]
fn of_two_at_once_one_sets_up() {
    let fresh = Fresh::new();
    let code = code(&fresh.link);
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..8)
            .map(|number| {
                let browser = fresh.browser();
                scope.spawn(move || {
                    let email = format!("ada{number}@example.com");
                    browser.submit("/ui/set-up", &with(code, &[("tenant", "acme"), ("email", &email)])).status
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 403, 409].contains(status)), "{statuses:?}");
    assert_eq!(fresh.position(), 7, "one beginning, and how long tokens live");
}

#[test]
fn nothing_begins_unless_it_is_asked_for() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("mistyped");
    let why = Server::try_start(&data, &[]).err().unwrap();
    assert!(why.contains("there is no ledger") && why.contains("--set-up"), "{why}");
    assert!(!data.exists());
    let output = keyledger(["set-up-link", "--data", path(&data)]);
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!data.exists());
    // And what was begun is a ledger like any other.
    let (server, _) = Server::start_set_up(&data, &["--set-up"]);
    let ready = Client::anonymous(server.url()).get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text);
    assert_eq!(
        Client::anonymous(server.url()).get("/.well-known/jwks.json").json()["keys"],
        Value::Array(vec![])
    );
    assert!(try_init(&data, "acme", "ada@example.com").unwrap_err().contains("LEDGER_EXISTS"));
    assert_eq!(server.stop(), Some(0));
    for look in ["verify", "show", "stats"] {
        let looked = keyledger(["audit", look, "--data", path(&data)]);
        assert!(looked.status.success(), "{look}: {}", String::from_utf8_lossy(&looked.stderr));
    }
    let doctor = keyledger(["doctor", "--data", path(&data)]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

#[test]
fn a_browser_is_led_from_the_front_door_to_where_the_link_is_named() {
    let fresh = Fresh::new();
    let browser = fresh.browser();
    let turned_away = browser.get("/ui/keys");
    assert_eq!(turned_away.status, 303);
    let door = browser.page(&format!("/ui/{}", location(&turned_away).trim_start_matches("../ui/")));
    assert!(door.contains("Open the set-up link"), "{door}");
    let refused = browser.sign_in("klu_nobody_has_one");
    assert!(refused.status == 401 && refused.text.contains("Open the set-up link"), "{}", refused.text);
}
