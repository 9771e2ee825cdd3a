//! The web UI from outside: a browser without a program, which has a cookie, follows forms, and reads pages.

mod past;
mod of_keys;
mod of_lines;
mod many;
mod stopping;
mod lines_of_a_new_key;
mod finding;
mod ended;
mod in_plain_words;
mod told;
mod before;
mod moments;

use std::cell::RefCell;
use std::path::PathBuf;

use keyledger_tests::client::{Answer, Client, encoded};
use keyledger_tests::server::{Initialised, Server, events_of, init};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const FORM: &str = "application/x-www-form-urlencoded";
/// What hurts if it is not escaped: in a text, in an attribute, in an address.
const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x>";

pub struct World {
    pub server: Server,
    pub made: Initialised,
    pub data: PathBuf,
    _scratch: TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        let server = Server::start_with(&data, arguments);
        Self { server, made, data, _scratch: scratch }
    }

    pub fn admin(&self) -> Client {
        Client::holding(self.server.url(), &self.made.key)
    }

    pub fn browser(&self) -> Browser {
        Browser::at(self.server.url())
    }

    pub fn signed_in(&self, key: &str) -> Browser {
        let browser = self.browser();
        let answer = browser.sign_in(key);
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    pub fn key(&self, owner: &str, name: &str) -> (String, String) {
        let made = self.admin().mutate("create_api_key", &json!({"user_id": owner, "name": name}), "id key");
        let made = made.unwrap();
        (text(&made["id"]), text(&made["key"]))
    }

    pub fn account(&self, name: &str, role: &str) -> String {
        let made = self.admin().mutate("create_service_account", &json!({"name": name, "role": role}), "id");
        text(&made.unwrap()["id"])
    }

    pub fn member(&self, email: &str, role: &str) -> (String, String) {
        let input = json!({"email": email, "role": role, "first_key": true});
        let added = self.admin().mutate("add_member", &input, "user_id key").unwrap();
        (text(&added["user_id"]), text(&added["key"]))
    }

    pub fn position(&self) -> Value {
        self.admin().query("position", "{ position }").unwrap()
    }
}

/// A browser with one cookie. It does not follow redirections by itself.
pub struct Browser {
    client: Client,
    pub cookie: RefCell<Option<String>>,
}

impl Browser {
    /// A new one, for the server with this address.
    pub fn at(url: &str) -> Self {
        Self { client: Client::anonymous(url), cookie: RefCell::default() }
    }

    pub fn asking(&self) -> Client {
        let client = self.client.with("accept", "text/html,application/xhtml+xml");
        match &*self.cookie.borrow() {
            Some(cookie) => client.with("cookie", cookie),
            None => client,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.kept(self.asking().get(path))
    }

    /// Sends a form as a browser does from a page of ours.
    pub fn submit(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let client = self.asking().with("sec-fetch-site", "same-origin");
        self.kept(client.post(path, FORM, &encoded(form)))
    }

    pub fn sign_in(&self, key: &str) -> Answer {
        self.submit("/ui/sign-in", &[("key", key)])
    }

    fn kept(&self, answer: Answer) -> Answer {
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap().to_owned();
            let emptied = pair.ends_with('=');
            *self.cookie.borrow_mut() = (!emptied).then_some(pair);
        }
        answer
    }

    /// A page that must be there.
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {} {:?}", answer.text, answer.header("location"));
        answer.text
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The values of an attribute, in every element that has it.
pub fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begins = format!(" {name}=\"");
    page.split(&begins).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

pub fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text))
}

/// The pages that everybody has, and those of a key, in the state in which the world is.
fn pages(key: &str, account: &str, member: &str) -> Vec<String> {
    let fixed = [
        "/ui/sign-in",
        "/ui/keys",
        "/ui/keys?state=dead",
        "/ui/keys/new",
        "/ui/accounts",
        "/ui/accounts/new",
        "/ui/members",
        "/ui/members/add",
        "/ui/tenants",
        "/ui/events",
        "/ui/time",
        "/ui/time?as_of=2&to=4",
        "/ui/signing-keys",
        "/ui/deployment",
        "/ui/deployment/people",
        "/ui/deployment/tenants/new",
        "/ui/refusals",
    ];
    let mut pages: Vec<_> = fixed.map(str::to_owned).into();
    for what in ["", "/disable", "/revoke", "/rotate"] {
        pages.push(format!("/ui/keys/{key}{what}"));
    }
    for list in [format!("/ui/accounts/{account}"), format!("/ui/members/{member}")] {
        pages.push(format!("{list}/remove"));
        pages.push(format!("{list}/role?role=read_only"));
    }
    pages.push(format!("/ui/accounts/{account}/suspend"));
    for act in ["suspend", "remove", "erase", "withdraw-operator"] {
        pages.push(format!("/ui/deployment/people/{member}/{act}"));
    }
    pages
}

#[test]
fn a_key_opens_a_session_and_is_not_kept() {
    let world = World::new();
    let browser = world.browser();
    let home = browser.get("/");
    assert_eq!((home.status, location(&home)), (303, "./ui/keys"));
    let turned_away = browser.get("/ui/keys?state=dead");
    assert_eq!(turned_away.status, 303);
    assert_eq!(location(&turned_away), "../ui/sign-in?then=ui%2Fkeys%3Fstate%3Ddead");
    let door = browser.page("/ui/sign-in?then=ui%2Fkeys%3Fstate%3Ddead");
    assert!(door.contains(r#"name="then" value="ui/keys?state=dead""#), "{door}");

    let answer =
        browser.submit("/ui/sign-in", &[("key", &format!(" {} ", world.made.key)), ("then", "ui/members")]);
    assert_eq!((answer.status, location(&answer)), (303, "../ui/welcome?then=ui%2Fmembers"));
    let cookie = answer.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax", "loopback, in clear text");
    let secret = pair.strip_prefix("keyledger=").unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
    let welcome = browser.get("/ui/welcome?then=ui%2Fmembers");
    assert_eq!(location(&welcome), "../ui/members");
    assert!(browser.page("/ui/members").contains("ada@example.com"));
    for path in pages(&world.made.key_id, "", "") {
        assert!(!browser.get(&path).text.contains(&world.made.key), "{path} shows the key");
    }
    assert!(!world.server.log().contains(secret), "the log has the session's secret");
    for name in ["ledger.redb", "usage.redb"] {
        let bytes = std::fs::read(world.data.join(name)).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{name} has the session's secret");
    }
}

#[test]
fn elsewhere_than_on_loopback_the_cookie_is_for_tls_only() {
    let world = World::new();
    let browser = world.browser();
    for (header, value) in [("host", "keys.example.com"), ("x-forwarded-proto", "https")] {
        let client = browser.asking().with(header, value);
        let answer = client.post("/ui/sign-in", FORM, &encoded(&[("key", &world.made.key)]));
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-keyledger="), "{header}: {cookie}");
        assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{header}: {cookie}");
    }
    // A browser that did not keep it is told why.
    let lost = world.browser().get("/ui/welcome?then=ui%2Fkeys");
    assert_eq!(lost.status, 400);
    assert!(lost.text.contains("did not keep the cookie"), "{}", lost.text);
}

#[test]
fn what_is_no_key_is_refused_and_whoever_guesses_is_slowed_down() {
    let world = World::with(&["--guesses-per-minute", "3"]);
    let browser = world.browser();
    let nothing = browser.submit("/ui/sign-in", &[("key", "")]);
    assert_eq!(nothing.status, 401);
    assert!(nothing.text.contains("paste an API key"), "{}", nothing.text);
    let token = world.admin().token(&world.made.key);
    let answer = browser.sign_in(&token);
    assert_eq!(answer.status, 401);
    assert!(answer.text.contains("short-lived token"), "{}", answer.text);
    for _ in 0..3 {
        let answer = browser.sign_in(HOSTILE.trim_matches('<'));
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.header("set-cookie").is_none());
    }
    let slowed = browser.sign_in("klu_somebody_elses");
    assert_eq!(slowed.status, 429, "{}", slowed.text);
    assert!(
        slowed.header("retry-after").is_some() && slowed.text.contains("try again in"),
        "{}",
        slowed.text
    );
    assert_eq!(browser.sign_in(&world.made.key).status, 303, "a good key is never locked out");
}

#[test]
fn a_session_ends_with_its_key_its_user_and_its_sign_out() {
    let world = World::new();
    let (key, string) = world.key(&world.made.user_id, "laptop");
    let browser = world.signed_in(&string);
    browser.page("/ui/keys");
    world.admin().mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap();
    let answer = browser.get("/ui/keys");
    assert_eq!(location(&answer), "../ui/sign-in?then=ui%2Fkeys&why=KEY_REVOKED");
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    let door = browser.page("/ui/sign-in?why=KEY_REVOKED");
    assert!(door.contains("was revoked"), "{door}");

    let (grace, first) = world.member("grace@example.com", "member");
    let browser = world.signed_in(&first);
    browser.page("/ui/keys");
    world.admin().mutate("remove_member", &json!({"user_id": grace}), "success").unwrap();
    assert_eq!(browser.get("/ui/keys").status, 303);

    let browser = world.signed_in(&world.made.key);
    let before = browser.cookie.borrow().clone();
    let again = browser.sign_in(&world.made.key);
    assert_eq!(again.status, 303);
    let after = browser.cookie.borrow().clone();
    assert_ne!(before, after, "a new id at sign-in");
    *browser.cookie.borrow_mut() = before;
    assert_eq!(browser.get("/ui/keys").status, 303, "the one before is over");
    *browser.cookie.borrow_mut() = after.clone();
    browser.page("/ui/keys");
    assert_eq!(location(&browser.submit("/ui/sign-out", &[])), "../ui/sign-in?why=SIGNED_OUT");
    *browser.cookie.borrow_mut() = after;
    assert_eq!(browser.get("/ui/keys").status, 303, "signed out is over for whoever copied the cookie, too");
}

#[test]
fn every_page_has_its_headers_no_script_of_its_own_and_relative_addresses_only() {
    let world = World::new();
    let account = world.account("etl", "runner");
    world.member("grace@example.com", "member");
    let browser = world.signed_in(&world.made.key);
    let (key, _) = world.key(&account, "nightly");
    let mut paths = pages(&key, &account, &world.made.user_id);
    paths.push("/ui/nothing".to_owned());
    for path in paths {
        let answer = browser.get(&path);
        let policy =
            answer.header("content-security-policy").unwrap_or_else(|| panic!("{path} has no policy"));
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let page = &answer.text;
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{path}");
        assert!(
            !page.contains("<script>") && !page.contains("<style") && !page.contains(" style="),
            "{path}"
        );
        assert!(!page.contains(" onclick=") && !page.contains("javascript:"), "{path}");
        for attribute in ["href", "src", "action"] {
            for address in attributes(page, attribute) {
                let relative =
                    address.starts_with("../") || address.starts_with("./") || address.starts_with('#');
                assert!(relative, "{path}: {attribute} {address}");
            }
        }
    }
    for file in
        ["keyledger.css", "keyledger.js", "times.js", "copying.js", "waiting.js", "slider.js", "mark.svg"]
    {
        let answer = browser.get(&format!("/ui/static/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let tag = answer.header("etag").unwrap();
        let again = browser.asking().with("if-none-match", tag).get(&format!("/ui/static/{file}"));
        assert_eq!(again.status, 304, "{file}");
    }
    assert_eq!(browser.get("/ui/static/..%2Fui.rs").status, 404);
}

#[test]
fn a_form_from_another_site_is_not_looked_at_and_following_a_link_changes_nothing() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let browser = world.signed_in(&world.made.key);
    let before = world.position();
    let form = encoded(&[("reason", "key_compromise")]);
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer =
            browser.asking().with(header, value).post(&format!("/ui/keys/{key}/revoke"), FORM, &form);
        assert_eq!(answer.status, 403, "{header}: {value}");
        assert!(answer.text.contains("CROSS_SITE"), "{}", answer.text);
        assert!(answer.header("content-security-policy").is_some());
    }
    for path in pages(&key, &account, &world.made.user_id) {
        browser.get(&path);
        browser.get(&format!("{path}{}as_of=3", if path.contains('?') { "&" } else { "?" }));
    }
    for post_only in ["enable", "rename"] {
        assert_eq!(browser.get(&format!("/ui/keys/{key}/{post_only}")).status, 405, "{post_only}");
    }
    assert_eq!(browser.get("/ui/sign-out").status, 405);
    assert_eq!(world.position(), before, "nothing was changed");
    assert!(browser.page(&format!("/ui/keys/{key}")).contains("active"));
}

/// Its end counts from when the form was made, as it said: sent once more a minute later, it is the same command.
#[test]
fn a_form_that_was_open_for_a_while_asks_for_the_end_that_it_showed() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let begun = jiff::Timestamp::now().as_millisecond() - 150_000;
    let attempt = format!("ui-{:08x}-{:04x}-7000-8000-000000000001", begun >> 16, begun & 0xffff);
    let fields = [
        ("attempt", attempt.as_str()),
        ("owner", &world.made.user_id),
        ("name", "nightly"),
        ("end", "30"),
        ("narrowed", "no"),
    ];
    let shown = browser.submit("/ui/keys/new", &fields);
    assert_eq!(shown.status, 200, "{}", shown.text);
    let secret =
        attributes(&shown.text, "value").into_iter().find(|value| value.starts_with("klu_")).unwrap();
    let whoami = Client::holding(world.server.url(), secret).whoami().json();
    let end: jiff::Timestamp = text(&whoami["expires_at"]).parse().unwrap();
    assert_eq!(end.as_millisecond(), (begun + 30 * 86_400_000) / 60_000 * 60_000);
}

#[test]
fn an_account_a_key_and_its_end_need_nothing_but_forms() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    assert!(browser.page("/ui/accounts").contains("There is no service account yet"));
    let unnamed = browser.submit("/ui/accounts/new", &[("role", "runner")]);
    assert!(unnamed.status == 422 && unnamed.text.contains("give it a name"), "{}", unnamed.text);
    let made = browser.submit("/ui/accounts/new", &[("name", "etl-agent"), ("role", "runner")]);
    let to = location(&made).to_owned();
    let account = to.split("owner=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert!(browser.page("/ui/accounts").contains("etl-agent"));
    let twice = browser.submit("/ui/accounts/new", &[("name", "etl-agent"), ("role", "runner")]);
    assert!(twice.status == 422 && twice.text.contains("NAME_TAKEN"), "{}", twice.text);

    let form = browser.page(&format!("/ui/keys/new?owner={account}"));
    assert!(form.contains(&format!(r#"<option value="{account}" selected>etl-agent"#)), "{form}");
    let attempt =
        form.split(r#"name="attempt" value=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fields = [
        ("attempt", attempt.as_str()),
        ("owner", &account),
        ("name", "nightly"),
        ("end", "30"),
        ("narrowed", "no"),
    ];
    let shown = browser.submit("/ui/keys/new", &fields);
    assert_eq!(shown.status, 200, "{}", shown.text);
    let secret =
        attributes(&shown.text, "value").into_iter().find(|value| value.starts_with("kls_")).unwrap();
    let whoami = Client::holding(world.server.url(), secret).whoami();
    assert_eq!((whoami.status, whoami.json()["role"].as_str()), (200, Some("runner")));
    let key = text(&whoami.json()["key_id"]);
    assert!(text(&whoami.json()["expires_at"]) > text(&json!("2026")), "it ends in 30 days");
    let again = browser.submit("/ui/keys/new", &fields);
    assert!(again.text.contains("This form was sent before"), "one key, and its secret once: {}", again.text);

    let used = browser.get(&format!("/ui/keys/{key}/used"));
    assert_eq!(used.json()["used"], true, "{}", used.text);
    let list = browser.page("/ui/keys");
    assert!(list.contains("nightly") && list.contains("etl-agent") && !list.contains(secret), "{list}");
    let page = browser.page(&format!("/ui/keys/{key}"));
    for part in ["<svg", "Its life", "Why it is active", "If somebody else had it", "event "] {
        assert!(page.contains(part), "{part}: {page}");
    }

    let renamed = browser.submit(&format!("/ui/keys/{key}/rename"), &[("name", "hourly")]);
    assert_eq!(location(&renamed), format!("../../../ui/keys/{key}?done=renamed"));
    browser.submit(&format!("/ui/keys/{key}/disable"), &[]);
    let holder = Client::holding(world.server.url(), secret);
    assert_eq!(holder.whoami().code().as_deref(), Some("KEY_DISABLED"));
    browser.submit(&format!("/ui/keys/{key}/enable"), &[]);
    assert_eq!(holder.whoami().status, 200);

    let asked = browser.page(&format!("/ui/keys/{key}/revoke"));
    assert!(asked.contains("Gentler ways") && asked.contains("used within the last day"), "{asked}");
    let unsure =
        browser.submit(&format!("/ui/keys/{key}/revoke"), &[("name", "nightly"), ("reason", "superseded")]);
    assert!(unsure.status == 422 && unsure.text.contains("NAME_DIFFERS"), "{}", unsure.text);
    assert_eq!(holder.whoami().status, 200);
    let form = [("name", "hourly"), ("reason", "key_compromise"), ("note", "seen in a build log")];
    let revoked = browser.submit(&format!("/ui/keys/{key}/revoke"), &form);
    assert_eq!(location(&revoked), format!("../../../ui/keys/{key}?done=revoked"));
    assert_eq!(holder.whoami().code().as_deref(), Some("KEY_REVOKED"));
    assert!(!browser.page("/ui/keys").contains("hourly"), "the dead are hidden");
    assert!(browser.page("/ui/keys?state=dead").contains("hourly"), "and listed when asked for");

    let asked = browser.page(&format!("/ui/accounts/{account}/remove"));
    assert!(asked.contains("What would happen"), "{asked}");
    let removed = browser.submit(&format!("/ui/accounts/{account}/remove"), &[("name", "etl-agent")]);
    assert_eq!(location(&removed), "../../../ui/accounts?done=account-removed");
    drop(browser);
    let events = events_of(&world.data);
    let by_ui = events.iter().filter(|event| event.metadata.way == domain::actor::Way::Ui).count();
    assert_eq!(by_ui, 7, "every change says that it came by the UI");
}

#[test]
fn a_key_is_replaced_with_an_overlap() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (old, string) = world.key(&account, "nightly");
    let browser = world.signed_in(&world.made.key);
    browser.page(&format!("/ui/keys/{old}/rotate"));
    let form = [("overlap", "3600"), ("end", "none"), ("attempt", "once")];
    let shown = browser.submit(&format!("/ui/keys/{old}/rotate"), &form);
    let secret =
        attributes(&shown.text, "value").into_iter().find(|value| value.starts_with("kls_")).unwrap();
    assert!(shown.text.contains("is refused from"), "{}", shown.text);
    for key in [secret, &string] {
        assert_eq!(Client::holding(world.server.url(), key).whoami().status, 200, "both are accepted");
    }
    assert!(browser.page(&format!("/ui/keys/{old}")).contains("Its lineage"));
}

#[test]
fn a_pasted_key_is_found_and_never_in_an_address() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let found = browser.submit("/ui/keys/find", &[("q", &world.made.key)]);
    assert_eq!(location(&found), format!("../../ui/keys/{}", world.made.key_id));
    for around in
        [format!("Authorization: Bearer {}", world.made.key), format!("\"{}\u{200b}\"", world.made.key)]
    {
        let found = browser.submit("/ui/keys/find", &[("q", &around)]);
        assert_eq!(location(&found), format!("../../ui/keys/{}", world.made.key_id));
    }
    let half = &world.made.key[..30];
    for part in [half.to_owned(), format!("{} {}", world.made.key, world.made.key)] {
        let refused = browser.submit("/ui/keys/find", &[("q", &part)]);
        assert!([404, 422].contains(&refused.status), "{}", refused.status);
        assert!(refused.header("location").is_none() && !refused.text.contains(half));
    }
    let name = browser.submit("/ui/keys/find", &[("q", "a & b")]);
    assert_eq!(location(&name), "../../ui/keys?q=a+%26+b");
    let foreign = world.made.key.replace("klu_", "kls_");
    let unknown = browser.submit("/ui/keys/find", &[("q", &foreign)]);
    assert_eq!(unknown.status, 404);
    assert!(!unknown.text.contains(&foreign), "it is not repeated");
}

#[test]
fn names_are_only_names() {
    let world = World::new();
    let account = world.account(HOSTILE, "runner");
    let (key, _) = world.key(&account, HOSTILE);
    world
        .admin()
        .mutate("add_member", &json!({"email": "grace@example.com", "name": HOSTILE}), "user_id")
        .unwrap();
    world.admin().mutate("rename_tenant", &json!({"name": HOSTILE}), "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    for path in pages(&key, &account, &world.made.user_id) {
        let page = browser.page(&path);
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(!page.contains("<img src=x>"), "{path}");
        assert!(!page.contains(r#"</script>"'"#), "{path}");
    }
    assert!(browser.page(&format!("/ui/keys/{key}")).contains("&#60;script&#62;alert(1)"));
    for path in [
        "/ui/keys?q=%3Cscript%3Ealert(1)",
        "/ui/keys?as_of=%3Cscript%3Ealert(1)",
        "/ui/time?to=%3Cscript%3Ealert(1)",
    ] {
        assert!(!browser.get(path).text.contains("<script>alert"), "{path}");
    }
}

#[test]
fn what_one_may_not_do_is_not_offered_and_is_refused() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let administrators = ["/ui/accounts", "/ui/events", "/ui/time"];
    let operators = ["/ui/signing-keys", "/ui/deployment"];
    let (_, member) = world.member("grace@example.com", "member");
    let (_, reader) = world.member("edsger@example.com", "read_only");
    let (_, second) = world.member("barbara@example.com", "administrator");
    let (_, machine) = world.key(&account, "hourly");
    let chief = world.account("chief", "administrator");
    let (_, chief) = world.key(&chief, "chief");
    for (who, string, administers, operates) in [
        ("the operator", &world.made.key, true, true),
        ("an administrator", &second, true, false),
        ("an administrating machine", &chief, true, false),
        ("a member", &member, false, false),
        ("a reader", &reader, false, false),
        ("a machine", &machine, false, false),
    ] {
        let browser = world.signed_in(string);
        let home = browser.page("/ui/keys");
        for (paths, may) in [(&administrators[..], administers), (&operators[..], operates)] {
            for path in paths {
                let status = browser.get(path).status;
                assert_eq!(status, if may { 200 } else { 403 }, "{who}: {path}");
                assert_eq!(home.contains(&format!("href=\"..{path}\"")), may, "{who} is offered {path}");
            }
        }
        for path in ["/ui/members", "/ui/tenants"] {
            let page = browser.page(path);
            let forms = page.contains("/role\"") || page.contains("ui/tenants/policy");
            assert_eq!(forms, administers, "{who}: {path}");
        }
        let of_key = browser.get(&format!("/ui/keys/{key}"));
        assert_eq!(of_key.status, if administers { 200 } else { 404 }, "{who} and the machine's key");
        if !administers {
            let before = world.position();
            for (path, form) in [
                (format!("/ui/keys/{key}/disable"), vec![]),
                (format!("/ui/keys/{key}/revoke"), vec![("reason", "unspecified")]),
                ("/ui/accounts/new".to_owned(), vec![("name", "x"), ("role", "runner")]),
                (format!("/ui/accounts/{account}/role"), vec![("role", "administrator")]),
                (format!("/ui/accounts/{account}/remove"), vec![("name", "etl")]),
                ("/ui/members/add".to_owned(), vec![("email", "eve@example.com"), ("role", "administrator")]),
                (format!("/ui/members/{}/remove", world.made.user_id), vec![]),
                ("/ui/tenants/policy".to_owned(), vec![]),
                ("/ui/signing-keys".to_owned(), vec![]),
            ] {
                let answer = browser.submit(&path, &form);
                assert!([403, 404, 422].contains(&answer.status), "{who}: {path}: {}", answer.status);
            }
            assert_eq!(world.position(), before, "{who} changed something");
        }
    }
}

#[test]
fn the_past_is_shown_as_it_was_and_offers_nothing_to_do() {
    let world = World::new();
    let account = world.account("etl", "runner");
    let (key, _) = world.key(&account, "nightly");
    let made = text(&world.position());
    world.admin().mutate("rename_api_key", &json!({"key_id": key, "name": "hourly"}), "success").unwrap();
    world.admin().mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    for path in ["/ui/keys".to_owned(), format!("/ui/keys/{key}")] {
        let page = browser.page(&format!("{path}?as_of={made}"));
        assert!(page.contains("nightly") && !page.contains("hourly"), "{path}: {page}");
        assert!(page.contains("You look at the past") && page.contains("Return to now"), "{path}");
        let forms: Vec<_> = attributes(&page, "action")
            .into_iter()
            .filter(|action| !action.ends_with("sign-out") && !action.contains("/find?as_of="))
            .collect();
        assert!(forms.is_empty(), "{path}: nothing to do in the past: {forms:?}");
    }
    let past = browser.page(&format!("/ui/keys?as_of={made}"));
    for address in attributes(&past, "href") {
        let within = address.contains("ui/keys/") || address.ends_with("ui/members");
        assert!(!within || address.contains(&format!("as_of={made}")), "the moment is kept: {address}");
    }
    let time = browser.page(&format!("/ui/time?as_of={made}"));
    assert!(time.contains("nightly") && time.contains("hourly"), "what is otherwise: {time}");
    let first = browser.page("/ui/keys?as_of=1");
    assert!(first.contains("There is no key here yet"), "{first}");
    // Nor is anything done by an address of the past, whoever made it.
    let before = world.position();
    let name = [("name", "x"), ("role", "runner"), ("owner", world.made.user_id.as_str())];
    for path in ["/ui/accounts/new", "/ui/keys/new", &format!("/ui/keys/{}/rename", world.made.key_id)] {
        let refused = browser.submit(&format!("{path}?as_of={made}"), &name);
        assert!(refused.status == 409 && refused.text.contains("IN_THE_PAST"), "{path}: {}", refused.status);
    }
    for path in ["/ui/accounts/new", "/ui/keys/new", "/ui/members/add", &format!("/ui/keys/{key}/revoke")] {
        assert_eq!(browser.get(&format!("{path}?as_of={made}")).status, 409, "{path}");
    }
    assert_eq!(world.position(), before);
    for never in ["yesterday", "2000-01-01T00:00", "999999"] {
        let refused = browser.get(&format!("/ui/keys?as_of={never}"));
        assert!([400, 422].contains(&refused.status), "{never}: {}: {}", refused.status, refused.text);
    }
}

#[test]
fn a_form_does_nothing_in_another_tenant_than_the_one_that_it_was_made_for() {
    let world = World::new();
    let input = json!({"slug": "globex", "administrator_email": "ada@example.com"});
    let other = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let browser = world.signed_in(&world.made.key);
    browser.submit("/ui/tenants/enter", &[("tenant", &other)]);
    // A second tab, or the tenant closed meanwhile: the session acts in the other one by then.
    let forms = ["/ui/accounts/new", "/ui/tenants"].map(|path| {
        let page = browser.page(path);
        let action = attributes(&page, "action").into_iter().find(|action| action.contains("in=")).unwrap();
        format!("/{}", action.trim_start_matches("../"))
    });
    let fields = [("name", "stray"), ("role", "administrator"), ("max", "1"), ("max_unit", "days")];
    world.admin().mutate("suspend_tenant", &json!({"tenant_id": other}), "success").unwrap();
    let before = world.position();
    for form in &forms {
        let refused = browser.submit(form, &fields);
        assert!(refused.status == 409 && refused.text.contains("TENANT_CHANGED"), "{form}: {}", refused.text);
    }
    assert_eq!(world.position(), before);
    world.admin().mutate("resume_tenant", &json!({"tenant_id": other}), "success").unwrap();
    browser.submit("/ui/tenants/enter", &[("tenant", &other)]);
    assert_eq!(browser.submit(&forms[0], &fields).status, 303, "where it was made for, it does");
}

#[test]
fn what_contradicts_itself_makes_no_key_and_no_token_proves_a_key() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let token = world.admin().token(&world.made.key);
    let (_, another) = world.key(&world.made.user_id, "another");
    let before = world.position();
    let owner = ("owner", world.made.user_id.as_str());
    let name = ("name", "x");
    for more in [
        vec![("end", "30"), ("narrowed", "no"), ("scope", "keyledger:verify")],
        vec![("end", "30"), ("scope", "keyledger:verify")],
        vec![("end", "999")],
        vec![("end", "30"), ("custom_end", "2031-01-01T00:00")],
        vec![("end", "30"), ("proof", token.as_str())],
        vec![("end", "30"), ("proof", another.as_str())],
    ] {
        let refused = browser.submit("/ui/keys/new", &[vec![owner, name], more.clone()].concat());
        assert_eq!(refused.status, 422, "{more:?}");
    }
    let rotate = format!("/ui/keys/{}/rotate", world.made.key_id);
    assert_eq!(browser.submit(&rotate, &[("overlap", "-1")]).status, 422);
    assert_eq!(world.position(), before);
}

#[test]
fn another_tenant_is_entered_only_by_its_members() {
    let world = World::new();
    let input = json!({"slug": "globex", "administrator_email": "ada@example.com"});
    let other = text(&world.admin().mutate("create_tenant", &input, "id").unwrap()["id"]);
    let browser = world.signed_in(&world.made.key);
    let entered = browser.submit("/ui/tenants/enter", &[("tenant", &other)]);
    assert_eq!(location(&entered), "../../ui/keys?done=tenant");
    assert!(browser.page("/ui/tenants").contains("You are in <strong>globex</strong>"));
    let policy = [("max", "30"), ("max_unit", "days"), ("default", "7"), ("default_unit", "days")];
    assert_eq!(location(&browser.submit("/ui/tenants/policy", &policy)), "../../ui/tenants?done=policy");
    let form = browser.page("/ui/keys/new");
    assert!(form.contains("at most 30 days") && !form.contains("365 days"), "{form}");
    let wrong = browser.submit("/ui/tenants/policy", &[("max", "a week"), ("max_unit", "days")]);
    assert!(wrong.status == 422 && wrong.text.contains("FORM_INVALID"), "{}", wrong.text);
    assert!(wrong.text.contains(r#"value="a week""#), "what was typed stays: {}", wrong.text);
    world.admin().mutate("remove_tenant", &json!({"tenant_id": other}), "success").unwrap();
    assert!(browser.page("/ui/tenants").contains("You are in <strong>acme</strong>"), "back in its own");

    let (_, member) = world.member("grace@example.com", "member");
    let grace = world.signed_in(&member);
    let refused = grace.submit("/ui/tenants/enter", &[("tenant", &other)]);
    assert_eq!(refused.status, 422, "{}", refused.text);
}

#[test]
fn a_tenants_rules_are_shown_whole_and_stay_if_they_are_not_changed() {
    let world = World::new();
    let policy = json!({"key_life_seconds_max": 36 * 3600, "key_life_seconds_default": 12 * 3600});
    world.admin().mutate("change_tenant_policy", &policy, "success").unwrap();
    let browser = world.signed_in(&world.made.key);
    let page = browser.page("/ui/tenants");
    for (name, number) in [("max", "36"), ("default", "12")] {
        let field = page.split(&format!("name=\"{name}\"")).nth(1).unwrap().split("</div>").next().unwrap();
        assert_eq!(attributes(field, "value")[0], number, "{field}");
        assert!(field.contains(r#"<option value="hours" selected>"#), "{field}");
    }
    let rules = || {
        let asked = "{ tenants { edges { node { key_life_seconds_max key_life_seconds_default } } } }";
        world.admin().query("tenants", asked).unwrap()["edges"][0]["node"].clone()
    };
    let unchanged = [("max", "36"), ("max_unit", "hours"), ("default", "12"), ("default_unit", "hours")];
    assert_eq!(browser.submit("/ui/tenants/policy", &unchanged).status, 303);
    assert_eq!(rules(), policy);
    let contradicts = [("max", "36"), ("max_unit", "hours"), ("default", "2"), ("default_unit", "days")];
    let refused = browser.submit("/ui/tenants/policy", &contradicts);
    assert!(refused.status == 422 && refused.text.contains("POLICY_CONTRADICTS"), "{}", refused.text);
    assert!(
        refused.text.contains(r#"<option value="days" selected>"#),
        "what was typed stays: {}",
        refused.text
    );
    assert_eq!(rules(), policy);
}

#[test]
fn a_member_is_added_given_another_role_and_removed() {
    let world = World::new();
    let browser = world.signed_in(&world.made.key);
    let form = [("email", "grace@example.com"), ("role", "member"), ("first_key", "yes")];
    let added = browser.submit("/ui/members/add", &form);
    let secret =
        attributes(&added.text, "value").into_iter().find(|value| value.starts_with("klu_")).unwrap();
    let whoami = Client::holding(world.server.url(), secret).whoami();
    assert_eq!(whoami.json()["role"], "member");
    let grace = text(&whoami.json()["id"]);
    let changed = browser.submit(&format!("/ui/members/{grace}/role"), &[("role", "read_only")]);
    assert_eq!(location(&changed), "../../../ui/members?done=role");
    assert_eq!(Client::holding(world.server.url(), secret).whoami().json()["role"], "read_only");
    assert!(browser.page(&format!("/ui/members/{grace}/remove")).contains("What would happen"));
    browser.submit(&format!("/ui/members/{grace}/remove"), &[]);
    assert_eq!(Client::holding(world.server.url(), secret).whoami().status, 401);
    let last = browser.submit(&format!("/ui/members/{}/remove", world.made.user_id), &[]);
    assert_eq!(last.status, 422, "the last administrator stays: {}", last.text);
}

#[test]
fn clients_of_the_api_find_the_front_door_as_it_was() {
    let world = World::new();
    let answer = world.admin().with("accept", "*/*").get("/");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{}", answer.text);
    assert_eq!(answer.code().as_deref(), Some("METHOD_NOT_ALLOWED"));
    let query = json!({"query": "{ hello }"}).to_string();
    let asked = world.admin().with("accept", "*/*").post("/", "application/json", &query);
    assert_eq!(asked.json()["data"]["hello"], "Keyledger");
}
