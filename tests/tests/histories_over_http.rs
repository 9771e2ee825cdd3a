//! "Revoked means refused", held to recorded histories: a real server, clients over HTTP, SIGKILL and SIGTERM.
//!
//! `KEYLEDGER_HISTORY_REQUESTS` says for how many requests.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use domain::event::TokenTarget;
use domain::ids::{KeyId, SigningKeyId, TenantId, TokenId};
use domain::key::Owner;
use domain::time::Position;
use keyledger_tests::client::{Answer, Client, Unreachable, encoded};
use keyledger_tests::histories::{
    Asker, Book, Clock, Credential, Door, Held, History, Household, Kind, Operation, Outcome, Reason,
    Recorder, Shown, Street, Tally, Thread, TokenMinted, Verdict, What, Wish, check,
};
use keyledger_tests::server::{Initialised, Server, init};
use serde_json::{Value, json};

use crate::bad_input::unbase64url;

/// How many requests by default; the variable says another number.
const REQUESTS: usize = 24_000;
const REQUESTS_VARIABLE: &str = "KEYLEDGER_HISTORY_REQUESTS";
/// One in so many is a wish, at least.
const REQUESTS_PER_WISH: usize = 15;
const CHANGING: u16 = 4;
const LOOKING: u16 = 4;
const HOUSEHOLDS: usize = 3;

/// A server that comes and goes, and what is known of it.
struct Outside {
    url: String,
    admin: Initialised,
    up: AtomicBool,
    requests: AtomicUsize,
    wishes: AtomicUsize,
    settled: AtomicU64,
    attempts: AtomicU64,
    signing_keys: Mutex<HashMap<String, SigningKeyId>>,
    /// The connections of each thread are its own.
    clients: [Client; (CHANGING + LOOKING + 1) as usize],
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn position(value: &Value) -> Option<Position> {
    Some(Position::new(value.as_str()?.parse().ok()?))
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

fn owner_id(owner: Owner) -> String {
    match owner {
        Owner::User(id) => id.to_string(),
        Owner::ServiceAccount(id) => id.to_string(),
    }
}

/// A wish as it is asked for: the mutation, its input's type, its input, what is wanted of the answer.
fn mutation(home: &Household, wish: Wish) -> (&'static str, &'static str, Value, &'static str) {
    const DONE: &str = "success position";
    let key = |held: Held| json!({"key_id": held.key.to_string()});
    let tenant = |id: TenantId| json!({"tenant_id": id.to_string()});
    let owner = |owner| match owner {
        Owner::User(id) => json!({"user_id": id.to_string()}),
        Owner::ServiceAccount(id) => json!({"service_account_id": id.to_string()}),
    };
    match wish {
        Wish::CreateKey(owner) => {
            let input = json!({"user_id": owner_id(owner), "name": "of a history", "expires_at": null});
            ("create_api_key", "create_api_key_input", input, "id key position")
        }
        Wish::RevokeKey(held) => ("delete_api_key", "delete_api_key_input", key(held), DONE),
        Wish::DisableKey(held) => ("disable_api_key", "key_id_input", key(held), DONE),
        Wish::EnableKey(held) => ("enable_api_key", "key_id_input", key(held), DONE),
        Wish::ShortenKey(held, at) => {
            let input = json!({"key_id": held.key.to_string(), "expires_at": rfc3339(at)});
            ("change_api_key_expiry", "change_api_key_expiry_input", input, DONE)
        }
        Wish::LengthenKey(held) => {
            let input = json!({"key_id": held.key.to_string(), "expires_at": null});
            ("change_api_key_expiry", "change_api_key_expiry_input", input, DONE)
        }
        Wish::RotateKey(held) => {
            let input = json!({"key_id": held.key.to_string(), "overlap_seconds": 0});
            ("rotate_api_key", "rotate_api_key_input", input, "id key position")
        }
        Wish::SuspendTenant(id) => ("suspend_tenant", "tenant_id_input", tenant(id), DONE),
        Wish::ResumeTenant(id) => ("resume_tenant", "tenant_id_input", tenant(id), DONE),
        Wish::RemoveTenant(id) => ("remove_tenant", "tenant_id_input", tenant(id), DONE),
        Wish::SuspendOwner(who @ Owner::User(_)) => ("suspend_user", "user_id_input", owner(who), DONE),
        Wish::ResumeOwner(who @ Owner::User(_)) => ("resume_user", "user_id_input", owner(who), DONE),
        Wish::RemoveOwner(who @ Owner::User(_)) => ("remove_user", "user_id_input", owner(who), DONE),
        Wish::SuspendOwner(who) => ("suspend_service_account", "service_account_id_input", owner(who), DONE),
        Wish::ResumeOwner(who) => ("resume_service_account", "service_account_id_input", owner(who), DONE),
        Wish::RemoveOwner(who) => {
            ("delete_service_account", "delete_service_account_input", owner(who), DONE)
        }
        Wish::RemoveMember(tenant, user) => {
            let input = json!({"tenant_id": tenant.to_string(), "user_id": user.to_string()});
            ("remove_member", "member_input", input, DONE)
        }
        Wish::JoinAgain(tenant, user) => {
            let input =
                json!({"tenant_id": tenant.to_string(), "email": home.addresses[&user], "role": "member"});
            ("add_member", "add_member_input", input, "user_id position")
        }
        Wish::RevokeTokens(target) => {
            let input = match target {
                TokenTarget::All => json!({"all": true}),
                TokenTarget::Token { token, key } => {
                    json!({"token_id": token.to_string(), "key_id": key.to_string()})
                }
                TokenTarget::Key(key) => json!({"key_id": key.to_string()}),
                TokenTarget::Owner(who) => owner(who),
                TokenTarget::Tenant(id) => tenant(id),
                TokenTarget::SigningKey(id) => json!({"signing_key_id": id.to_string()}),
            };
            ("revoke_tokens", "revoke_tokens_input", input, DONE)
        }
        Wish::RetireSigningKey(id) => {
            let input = json!({"signing_key_id": id.to_string(), "reason": "compromised"});
            ("retire_signing_key", "retire_signing_key_input", input, DONE)
        }
    }
}

/// What an answer says of a credential that was shown.
fn verdict(answer: Result<Answer, Unreachable>) -> Verdict {
    let Ok(answer) = answer else { return Verdict::Unknown };
    let body = answer.json();
    match (answer.status, &body["valid"]) {
        (200, Value::Bool(false)) => {
            let code = body["code"].as_str().expect("a refusal has a code");
            let reason = Reason::parse(code).unwrap_or_else(|| panic!("{}", answer.text));
            Verdict::Refused(reason, position(&body["position"]))
        }
        (200, _) => {
            Verdict::Accepted(position(&body["position"]).expect("whoever is let in is told as of when"))
        }
        (401, _) => {
            let code = answer.code().expect("a refusal has a code");
            Verdict::Refused(Reason::parse(&code).unwrap_or_else(|| panic!("{}", answer.text)), None)
        }
        // The server is going down.
        (503, _) => Verdict::Unknown,
        (status, _) => panic!("HTTP {status}: {}", answer.text),
    }
}

impl Outside {
    /// Waits until there is a server to ask.
    fn wait(&self) {
        while !self.up.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whoever gets no answer does not ask again at once.
    fn pause() {
        std::thread::sleep(Duration::from_millis(20));
    }

    fn client(&self, recorder: &Recorder) -> &Client {
        &self.clients[usize::from(recorder.thread().0)]
    }

    fn holding(&self, recorder: &Recorder, text: &str) -> Client {
        self.client(recorder).with("authorization", &format!("Bearer {text}"))
    }

    fn ask_for(
        &self,
        recorder: &Recorder,
        asker: (&str, Asker),
        (name, input_type, input, selection): (&str, &str, Value, &str),
    ) -> (Outcome, Value) {
        let query = format!("mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} }} }}");
        let Ok(answer) = self.holding(recorder, asker.0).try_graphql(&query, &json!({"input": input})) else {
            return (Outcome::Unknown, Value::Null);
        };
        let payload = answer.json()["data"][name].clone();
        match (answer.status, answer.code().as_deref()) {
            (200, None) => match position(&payload["position"]) {
                Some(position) => (Outcome::Acknowledged(position), payload),
                None => panic!("{name} names no position: {}", answer.text),
            },
            (_, Some("UNKNOWN_OUTCOME")) => (Outcome::Unknown, Value::Null),
            (200, Some(_)) => (Outcome::Rejected, Value::Null),
            (503, _) => (Outcome::Unknown, Value::Null),
            (status, code) => panic!("{name}: HTTP {status} {code:?}: {}", answer.text),
        }
    }

    fn attempt(&self) -> String {
        format!("attempt-{}", self.attempts.fetch_add(1, Ordering::Relaxed))
    }

    /// Something that must be done before anything is recorded; none if the server went away.
    fn set_up(
        &self,
        recorder: &Recorder,
        key: &str,
        name: &str,
        input: &Value,
        selection: &str,
    ) -> Option<Value> {
        let mut input = input.clone();
        input["idempotency_key"] = json!(self.attempt());
        let input_type = format!("{name}_input");
        self.wait();
        let asked = (name, input_type.as_str(), input, selection);
        match self.ask_for(recorder, (key, Asker::Operator), asked) {
            (Outcome::Acknowledged(_), payload) => Some(payload),
            (Outcome::Unknown, _) => None,
            (Outcome::Rejected, _) => panic!("{name} was rejected"),
        }
    }

    fn let_show(book: &Book, home: &Household, held: Held, text: &str) {
        for tenant in home.tenants_of(held.owner) {
            let Held { key, owner } = held;
            let credential = Credential { key, owner, tenant: *tenant, token: None, made_within: false };
            home.show(Shown { number: book.credential(credential), credential, text: text.to_owned() });
        }
    }

    fn signing_key(&self, recorder: &Recorder, kid: &str) -> Option<SigningKeyId> {
        if let Some(known) = self.signing_keys.lock().unwrap().get(kid) {
            return Some(*known);
        }
        let client = self.holding(recorder, &self.admin.key);
        let mut after = Value::Null;
        loop {
            let query = "query($after: String) { signing_keys(first: 100, after: $after) \
                         { edges { node { id kid } } page_info { has_next_page end_cursor } } }";
            let answer = client.try_graphql(query, &json!({"after": after})).ok()?.json();
            let page = &answer["data"]["signing_keys"];
            let mut known = self.signing_keys.lock().unwrap();
            for edge in page["edges"].as_array()? {
                let id = SigningKeyId::parse(edge["node"]["id"].as_str()?).ok()?;
                known.insert(edge["node"]["kid"].as_str()?.to_owned(), id);
            }
            if page["page_info"]["has_next_page"] != true {
                return known.get(kid).copied();
            }
            after = page["page_info"]["end_cursor"].clone();
        }
    }
}

impl Door for Outside {
    fn settle(&self, recorder: &mut Recorder) -> Option<Household> {
        let number = self.settled.fetch_add(1, Ordering::Relaxed);
        let admin = self.admin.key.clone();
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        let mut tenants = vec![];
        for letter in ["a", "b"] {
            let input =
                json!({"slug": format!("house-{number}-{letter}"), "administrator_email": "ada@example.com"});
            let made = self.set_up(recorder, &admin, "create_tenant", &input, "id position")?;
            tenants.push(TenantId::parse(&id(&made["id"])).unwrap());
        }
        let tenants = [tenants[0], tenants[1]];
        let (mut users, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for letter in ["x", "y"] {
            let email = format!("{letter}{number}@example.com");
            let mut input = json!({"tenant_id": tenants[0].to_string(), "email": email, "role": "member", "first_key": true});
            let made = self.set_up(recorder, &admin, "add_member", &input, "user_id key position")?;
            input["tenant_id"] = json!(tenants[1].to_string());
            input["first_key"] = json!(false);
            self.set_up(recorder, &admin, "add_member", &input, "position")?;
            let user = domain::ids::UserId::parse(&id(&made["user_id"])).unwrap();
            users.insert(user, id(&made["key"]));
            addresses.insert(user, email);
        }
        let mut accounts = vec![];
        for tenant in tenants {
            let input = json!({"tenant_id": tenant.to_string(), "name": "agent", "role": "member"});
            let made = self.set_up(recorder, &admin, "create_service_account", &input, "id position")?;
            accounts.push(domain::ids::ServiceAccountId::parse(&id(&made["id"])).unwrap());
        }
        let home = Household::new(tenants, users, addresses, [accounts[0], accounts[1]]);
        for owner in home.owners() {
            let by = match owner {
                Owner::User(user) => home.users[&user].clone(),
                Owner::ServiceAccount(_) => admin.clone(),
            };
            let input = json!({"user_id": owner_id(owner), "name": "of a history", "expires_at": null});
            let made = self.set_up(recorder, &by, "create_api_key", &input, "id key position")?;
            let held = Held { key: KeyId::parse(&id(&made["id"])).unwrap(), owner };
            Self::let_show(&recorder.book, &home, held, &id(&made["key"]));
            home.hold(held);
        }
        Some(home)
    }

    fn show(&self, recorder: &mut Recorder, shown: &Shown) {
        self.wait();
        let tenant = shown.credential.tenant.to_string();
        let itself = !recorder.len().is_multiple_of(4);
        let client = if itself {
            self.holding(recorder, &shown.text).with("x-keyledger-tenant-id", &tenant)
        } else {
            self.holding(recorder, &self.admin.key)
        };
        let began = recorder.begin();
        let verdict = if itself {
            verdict(client.try_get("/v1/whoami"))
        } else {
            let body = json!({"credential": shown.text, "tenant_id": tenant}).to_string();
            match client.try_post("/v1/verify", "application/json", &body) {
                // It is whoever asks who is refused: the tenant is no place to ask in.
                Ok(answer) if answer.status == 401 || answer.status == 403 => Verdict::Unknown,
                answer => verdict(answer),
            }
        };
        recorder.end(began, What::Verified(shown.number, verdict));
        if verdict == Verdict::Unknown {
            Self::pause();
        }
    }

    fn mint(&self, recorder: &mut Recorder, home: &Household, held: Held, tenant: TenantId) {
        let shown = home.shown();
        let is_it = |shown: &&Shown| {
            let credential = &shown.credential;
            credential.key == held.key && credential.tenant == tenant && credential.token.is_none()
        };
        let Some(key) = shown.iter().find(is_it) else { return };
        self.wait();
        let form = encoded(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", &key.text),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("tenant", &tenant.to_string()),
        ]);
        let answer =
            self.client(recorder).try_post("/oauth/token", "application/x-www-form-urlencoded", &form);
        let Ok(answer) = answer else { return };
        let body = answer.json();
        let Some(text) = body["access_token"].as_str() else { return };
        let part = |place: usize| -> Value {
            serde_json::from_slice(&unbase64url(text.split('.').nth(place).unwrap())).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        let Some(signing_key) = self.signing_key(recorder, header["kid"].as_str().unwrap()) else { return };
        let seq = match &claims["seq"] {
            Value::String(text) => text.parse().unwrap(),
            number => number.as_u64().unwrap(),
        };
        let token = TokenMinted {
            id: TokenId::parse(claims["jti"].as_str().unwrap()).unwrap(),
            seq: Position::new(seq),
            signing_key,
            ends_at_ms: claims["exp"].as_i64().unwrap() * 1000,
        };
        let credential = Credential { token: Some(token), ..key.credential };
        let number = recorder.book.credential(credential);
        home.show(Shown { number, credential, text: text.to_owned() });
    }

    fn ask(&self, recorder: &mut Recorder, home: &Household, wish: Wish) {
        let by = match wish.asker() {
            Asker::Operator => &self.admin.key,
            Asker::User(user) => &home.users[&user],
        };
        let (name, input_type, mut input, selection) = mutation(home, wish);
        self.wishes.fetch_add(1, Ordering::Relaxed);
        // Whoever got no answer asks again, once: as something new. As the same attempt it would be told that it
        // was done, perhaps long ago, and not that it is so now.
        for _ in 0..2 {
            input["idempotency_key"] = json!(self.attempt());
            self.wait();
            let began = recorder.begin();
            let asked = (name, input_type, input.clone(), selection);
            let (outcome, payload) = self.ask_for(recorder, (by, wish.asker()), asked);
            let (ended, after_ms) = (recorder.book.ticket(), recorder.book.now_ms());
            let clock = Clock { before_ms: began.clock_ms, after_ms };
            let change = What::Changed(Box::new(wish.change(None, clock)), outcome);
            recorder.take(Operation {
                thread: recorder.thread(),
                began: began.stamp,
                ended,
                clock,
                what: change,
            });
            let owner = match wish {
                Wish::CreateKey(owner) => Some(owner),
                Wish::RotateKey(held) => Some(held.owner),
                _ => None,
            };
            if let (Some(owner), Some(id), Some(text)) =
                (owner, payload["id"].as_str(), payload["key"].as_str())
            {
                let held = Held { key: KeyId::parse(id).unwrap(), owner };
                Self::let_show(&recorder.book, home, held, text);
                home.hold(held);
            }
            if outcome != Outcome::Unknown {
                break;
            }
            Self::pause();
        }
    }
}

/// How a server is ended.
#[derive(Clone, Copy)]
enum End {
    Kill,
    Stop,
}

/// Ends the server under load, and starts another in its place.
fn restart(server: Server, end: End, data: &Path, door: &Outside, recorder: &mut Recorder) -> Server {
    let address = door.url.strip_prefix("http://").unwrap();
    let began = recorder.begin();
    match end {
        End::Kill => server.kill(),
        End::Stop => assert_eq!(server.stop(), Some(0)),
    }
    door.up.store(false, Ordering::Release);
    // Whoever still waits for an answer has none by then.
    std::thread::sleep(Duration::from_millis(100));
    recorder.end(began, What::Died);
    let server = Server::try_start_at(data, address, &ISSUER).unwrap();
    door.up.store(true, Ordering::Release);
    server
}

const ISSUER: [&str; 2] = ["--issuer", "https://keys.example.com"];

/// Records so many requests, with restarts among them.
fn record(requests: usize) -> History {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    // Clients must find the next server where the last one was.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = Server::try_start_at(&data, &address, &ISSUER).unwrap();
    let url = server.url().to_owned();
    let door = Outside {
        clients: std::array::from_fn(|_| Client::anonymous(&url)),
        url,
        admin,
        up: AtomicBool::new(true),
        requests: AtomicUsize::new(0),
        wishes: AtomicUsize::new(0),
        settled: AtomicU64::new(0),
        attempts: AtomicU64::new(0),
        signing_keys: Mutex::default(),
    };
    let book = Arc::new(Book::new(now_ms));
    let mut recorder = Recorder::new(&book, Thread(CHANGING + LOOKING));
    let street = Street::new(&door, &mut recorder, HOUSEHOLDS);
    let over = AtomicBool::new(false);
    let server = std::thread::scope(|threads| {
        let mut server = server;
        for number in 0..CHANGING + LOOKING {
            let (door, book, street, over) = (&door, &book, &street, &over);
            threads.spawn(move || {
                let mut recorder = Recorder::new(book, Thread(number));
                let seed = 7000 + u64::from(number);
                let enough = || over.load(Ordering::Relaxed);
                if number < CHANGING {
                    street.change(door, &mut recorder, seed, enough);
                } else {
                    street.look(door, &mut recorder, seed, enough);
                }
            });
        }
        let ends = [End::Kill, End::Stop, End::Kill];
        for (place, end) in ends.into_iter().enumerate() {
            let wanted = requests * (place + 1) / (ends.len() + 1);
            while door.requests.load(Ordering::Relaxed) < wanted {
                std::thread::sleep(Duration::from_millis(5));
            }
            server = restart(server, end, &data, &door, &mut recorder);
        }
        let enough = || {
            door.requests.load(Ordering::Relaxed) >= requests
                && door.wishes.load(Ordering::Relaxed) >= requests / REQUESTS_PER_WISH
        };
        while !enough() {
            std::thread::sleep(Duration::from_millis(5));
        }
        over.store(true, Ordering::Relaxed);
        server
    });
    drop(recorder);
    assert_eq!(server.stop(), Some(0));
    book.close()
}

/// A run that meets nothing proves nothing.
fn check_that_it_met_everything(tally: &Tally) {
    for kind in Kind::ALL {
        assert!(tally.acknowledged(kind) >= 1, "{kind:?} is missing: {tally:#?}");
    }
    let never = [Reason::parse("KEY_UNKNOWN").unwrap(), Reason::TOKEN_EXPIRED];
    for reason in Reason::ALL.into_iter().filter(|reason| !never.contains(reason)) {
        assert!(tally.refused(reason) >= 5, "{reason} is too seldom: {tally:#?}");
    }
    assert!(tally.accepted * 20 >= tally.operations, "hardly anything was accepted: {tally:#?}");
    assert!(tally.overlapping >= 500 && tally.close_behind >= 500, "too few races: {tally:#?}");
    assert_eq!(tally.deaths, 3);
}

#[test]
fn clients_of_a_server_that_is_killed_and_stopped_see_every_promise_kept() {
    let wanted = std::env::var(REQUESTS_VARIABLE)
        .map_or(REQUESTS, |wanted| wanted.parse().expect("a number of requests"));
    let history = record(wanted);
    let tally = check(&history).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{tally:#?}");
    check_that_it_met_everything(&tally);
}
