//! Erasure from outside: afterwards no file of the data folder has a text of the subject or the key that sealed it, every
//! moment shows it as erased, and chain, tree, proofs and checkpoints from before hold on.

use std::fs;
use std::path::{Path, PathBuf};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, keyledger};
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, listed, text};

const EMAIL: &str = "wilhelmina.zwingli@example.net";
const NAME: &str = "Wilhelmina Zwingli";
const KEY_NAME: &str = "notebook in the attic";
const NOTE: &str = "left on the night train";
const ACCOUNT: &str = "harvester-of-beets";

/// A user with a key that was revoked with a note, and a service account with a key; both removed.
struct Gone {
    world: TwoTenants,
    user: String,
    account: String,
    /// The user's key.
    key: String,
    /// The position at which everything of them lived.
    then: u64,
    /// A checkpoint from before, and the key to check it with.
    checkpoint: String,
    verifier: String,
}

impl Gone {
    fn new() -> Self {
        let world = TwoTenants::new();
        let ada = world.ada();
        let input = json!({"email": EMAIL, "name": NAME, "role": "member", "first_key": true});
        let added = ada.mutate("add_member", &input, "user_id key").unwrap();
        let (user, secret) = (text(&added["user_id"]), text(&added["key"]));
        let own = world.holding(&secret);
        let made = own.mutate("create_api_key", &json!({"user_id": user, "name": KEY_NAME}), "id").unwrap();
        let made_account = ada.mutate("create_service_account", &json!({"name": ACCOUNT}), "id").unwrap();
        let account = text(&made_account["id"]);
        ada.mutate("create_api_key", &json!({"user_id": account, "name": KEY_NAME}), "id").unwrap();
        let then = world.position();
        let revoke = json!({"key_id": made["id"], "reason": "key_compromise", "note": NOTE});
        own.mutate("delete_api_key", &revoke, "success").unwrap();
        ada.mutate("remove_user", &json!({ "user_id": user }), "success").unwrap();
        ada.mutate("delete_service_account", &json!({ "service_account_id": account }), "success").unwrap();
        let checkpoint = ada.get("/tlog/checkpoint").text;
        let verifier = ada.get("/tlog/verifier-key").text.trim_end().to_owned();
        Self { world, user, account, key: text(&made["id"]), then, checkpoint, verifier }
    }

    fn erase(&self) -> Vec<(Value, Result<Value, String>)> {
        let subjects = [json!({ "user_id": self.user }), json!({ "service_account_id": self.account })];
        let ada = self.world.ada();
        subjects.map(|input| (input.clone(), ada.mutate("erase_subject", &input, "success position"))).into()
    }

    fn keys(&self) -> Vec<[u8; 32]> {
        let lines = fs::read_to_string(self.world.data.join("secrets/subjects")).unwrap();
        let of_them = lines.lines().filter(|line| line.contains(&self.user) || line.contains(&self.account));
        of_them.filter_map(|line| unhex(line.split_once(' ')?.1)).collect()
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    digits?.try_into().ok()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Which of the needles is in which file.
fn found(folder: &Path, needles: &[Vec<u8>]) -> Vec<(PathBuf, usize)> {
    let mut found = vec![];
    for path in files(folder) {
        let bytes = fs::read(&path).unwrap();
        for (number, needle) in needles.iter().enumerate() {
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push((path.clone(), number));
            }
        }
    }
    found
}

/// Texts in UTF-8, in either letter case; keys as bytes and as digits.
fn needles(keys: &[[u8; 32]]) -> Vec<Vec<u8>> {
    let mut needles = vec![];
    for text in [EMAIL, NAME, KEY_NAME, NOTE, ACCOUNT] {
        needles.push(text.as_bytes().to_vec());
        needles.push(text.to_uppercase().into_bytes());
    }
    for key in keys {
        needles.push(key.to_vec());
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        needles.push(digits.clone().into_bytes());
        needles.push(digits.to_uppercase().into_bytes());
    }
    needles
}

fn audit(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let all = ["audit"].iter().chain(arguments).copied().chain(["--data", data.to_str().unwrap()]);
    let output = keyledger(all);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// What the API tells about both, now and as of the moment at which they lived.
fn told(client: &Client, gone: &Gone) -> String {
    let as_of = format!("as_of: {{ position: \"{}\" }}", gone.then);
    let removed = "filter: { state: [removed] }";
    let told = [
        listed(client, "users", &as_of, "id email name"),
        listed(client, "service_accounts", &as_of, "id name"),
        listed(client, "keys", &format!("all: true, {as_of}"), "id name"),
        listed(client, "keys", "all: true", "id name"),
        listed(client, "events", "all: true, first: 100", "position type summary"),
        listed(client, "events", &format!("all: true, first: 100, {as_of}"), "position type summary"),
        listed(client, "users", removed, "id email name"),
    ];
    told.into_iter().map(|nodes| Value::from(nodes.unwrap()).to_string()).collect()
}

/// `erase_subject`
#[test]
fn what_was_erased_is_in_no_file_and_shown_at_no_moment() {
    let gone = Gone::new();
    let (data, ada) = (gone.world.data.clone(), gone.world.ada());
    let keys = gone.keys();
    assert_eq!(keys.len(), 2);
    let needles = needles(&keys);
    assert!(!found(&data, &needles).is_empty(), "before, the keys are in a file");
    let before = told(&ada, &gone);
    for text in [EMAIL, NAME, KEY_NAME, NOTE, ACCOUNT] {
        assert!(before.contains(text), "{text}: {before}");
    }
    let views = audit(&data, &["rebuild", "--check"]);
    assert_eq!(views.0, Some(0), "{}", views.1);

    for (input, done) in gone.erase() {
        let done = done.unwrap_or_else(|code| panic!("{input}: {code}"));
        assert_eq!(done["success"], true);
    }

    assert_eq!(found(&data, &needles), [], "while the server runs");
    let after = told(&ada, &gone);
    for text in [EMAIL, NAME, KEY_NAME, NOTE, ACCOUNT] {
        assert!(!after.contains(text), "{text}: {after}");
    }
    assert!(after.contains("[erased]") && after.contains("SubjectErased"), "{after}");
    assert!(!after.contains("[unreadable]"), "{after}");

    // The other texts are as they were.
    assert!(after.contains("ada@example.com"));

    for arguments in [
        ["replay", "--as-of", &gone.then.to_string()].as_slice(),
        &["show"],
        &["show", "-o", "json"],
        &["timeline", &gone.key],
    ] {
        let (code, said) = audit(&data, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert!(said.contains("[erased]"), "{arguments:?}: {said}");
        for text in [EMAIL, NAME, KEY_NAME, NOTE, ACCOUNT] {
            assert!(!said.contains(text), "{arguments:?}: {said}");
        }
    }

    let known = data.with_extension("checkpoint");
    fs::write(&known, &gone.checkpoint).unwrap();
    let against = ["verify", "--against", known.to_str().unwrap(), "--verifier-key", &gone.verifier];
    let (code, said) = audit(&data, &against);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = audit(&data, &["rebuild", "--check"]);
    assert_eq!(code, Some(0), "{said}");

    // Nothing of it comes back with the next process, nor with the views made anew.
    let world = gone.world;
    assert_eq!(world.server.stop(), Some(0));
    assert_eq!(audit(&data, &["rebuild"]).0, Some(0));
    assert_eq!(found(&data, &needles), [], "at rest");
    let server = Server::start(&data);
    let email = Client::holding(server.url(), &world.ada.key)
        .query("events", "{ events(all: true, newest_first: true, first: 2) { edges { node { type } } } }");
    assert!(email.unwrap().to_string().contains("SubjectErased"));
    assert_eq!(found(&data, &needles), []);
}

/// `erase_subject`
#[test]
fn it_happens_once_and_only_to_what_is_removed_by_those_who_may() {
    let gone = Gone::new();
    let world = &gone.world;
    let (ada, agent, eve, bob) = (world.ada(), world.agent(), world.eve(), world.bob());
    let attempt = |client: &Client, input: Value| client.mutate("erase_subject", &input, "success position");
    let refused = |client: &Client, input: Value| attempt(client, input).unwrap_err();
    let account = json!({ "service_account_id": gone.account });
    let user = json!({ "user_id": gone.user });

    assert_eq!(refused(&ada, json!({})), "INVALID");
    assert_eq!(refused(&ada, json!({"user_id": gone.user, "tenant_id": world.globex_id})), "INVALID");
    assert_eq!(refused(&ada, json!({"user_id": world.bob_id})), "NOT_REMOVED");
    assert_eq!(refused(&ada, json!({"tenant_id": world.globex_id})), "NOT_REMOVED");
    assert_eq!(refused(&ada, json!({"service_account_id": world.account_id})), "NOT_REMOVED");
    assert_eq!(refused(&ada, json!({"user_id": gone.account})), "NOT_FOUND");
    assert_eq!(refused(&agent, user.clone()), "FORBIDDEN");
    assert_eq!(refused(&eve, user.clone()), "FORBIDDEN");
    assert_eq!(refused(&eve, account.clone()), "NOT_FOUND");
    assert_eq!(refused(&bob, account.clone()), "FORBIDDEN");
    assert_eq!(gone.keys().len(), 2, "nothing was destroyed");

    // The tenant's own administrator, here a service account, erases what its tenant had.
    let before = world.position();
    let named = json!({"service_account_id": gone.account, "idempotency_key": "erase-beets"});
    let done = attempt(&agent, named.clone()).unwrap();
    assert_eq!(done["position"], (before + 1).to_string());
    assert_eq!(attempt(&agent, named).unwrap()["success"], true);
    assert_eq!(attempt(&ada, account).unwrap()["success"], true);
    assert_eq!(world.position(), before + 1, "once is enough");
    assert_eq!(gone.keys().len(), 1);
    attempt(&ada, user).unwrap();
    assert_eq!(gone.keys().len(), 0);
    // A remark on a key of theirs would be erased from the beginning: it is refused, and lost on nobody.
    let about = format!("all: true, filter: {{ types: [\"KeyCreated\"], user_id: \"{}\" }}", gone.user);
    let key = listed(&ada, "events", &about, "key_id").unwrap()[0]["key_id"].clone();
    let end = |note| ada.mutate("delete_api_key", &json!({"key_id": key, "note": note}), "success");
    assert_eq!(end(Some("seen abroad")), Err("REMOVED".to_owned()));
    end(None).unwrap();
    let last = listed(&ada, "events", "all: true, newest_first: true, first: 1", "type summary").unwrap();
    assert_eq!(last[0]["type"], "KeyRevoked");
}
