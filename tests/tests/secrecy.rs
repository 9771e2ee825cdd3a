//! No plain secret anywhere, and no plain personal text outside of what opens it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use keyledger_tests::client::{Client, encoded};
use keyledger_tests::server::{Server, keyledger};
use serde_json::{Value, json};

/// Personal text, each found nowhere else.
const TEXTS: [&str; 10] = [
    "zephyrine-tenant",
    "Zephyrine Holdings Oy",
    "Quillon.Ada@Zephyrmail.example",
    "Quillon Adalovska",
    "umbrine-second",
    "vespertine.eve@zephyrmail.example",
    "bobolink.bob@zephyrmail.example",
    "Bobolink Bobberson",
    "etl-xylographer-agent",
    "laptop of Quixotina, Schlüsselwort",
];
const NOTE: &str = "left in the taxi of Mr Nebukadnezar";

const REVOKE: &str = "mutation($input: delete_api_key_input!) { delete_api_key(input: $input) { success } }";

/// What was played, and what came of it.
struct Played {
    data: PathBuf,
    /// Key strings and tokens, by what they are.
    secrets: BTreeMap<String, String>,
    /// What the server answered when it refused.
    refusals: Vec<String>,
    log: String,
}

/// A scenario with every kind of text and credential, in the manner of people who paste keys where they do not belong.
fn play(scratch: &Path, level: &str) -> Played {
    let data = scratch.join("data");
    let folder = data.to_str().unwrap();
    let [slug, tenant_name, email, own_name, second, eve, bob, bobs_name, account, key_name] = TEXTS;
    let arguments = ["init", "-o", "json", "--data", folder, "--tenant", slug, "--admin", email];
    let names = ["--tenant-name", tenant_name, "--admin-name", own_name];
    let output = keyledger(arguments.iter().chain(&names));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    let mut secrets = BTreeMap::from([("the first key".to_owned(), text(&made["key"]))]);

    let server = Server::start_logging(&data, level);
    let anonymous = Client::anonymous(server.url());
    let admin = Client::holding(server.url(), &text(&made["key"]));
    let input = json!({"slug": second, "administrator_email": eve});
    secrets.insert("eve's key".into(), text(&admin.mutate("create_tenant", &input, "key").unwrap()["key"]));
    let input = json!({"email": bob, "name": bobs_name, "first_key": true});
    let member = admin.mutate("add_member", &input, "user_id key").unwrap();
    secrets.insert("bob's key".into(), text(&member["key"]));
    let made_account = admin.mutate("create_service_account", &json!({ "name": account }), "id").unwrap();
    for (what, owner) in [("agent's key", &made_account["id"]), ("revoked key", &made["user_id"])] {
        let input = json!({"user_id": owner, "name": key_name});
        let key = admin.mutate("create_api_key", &input, "id key").unwrap();
        secrets.insert(format!("{what} token"), anonymous.token(&text(&key["key"])));
        secrets.insert(what.into(), text(&key["key"]));
        if what == "revoked key" {
            let input = json!({"key_id": key["id"], "reason": "key_compromise", "note": NOTE});
            admin.mutate("delete_api_key", &input, "success").unwrap();
        }
    }
    let input = json!({"tenant_id": made["tenant_id"], "user_id": member["user_id"]});
    admin.mutate("remove_member", &input, "success").unwrap();

    let mut refusals = vec![];
    for secret in secrets.values() {
        let holder = Client::holding(server.url(), secret);
        let (changed, half) = (format!("{secret}x"), &secret[..secret.len() / 2]);
        for answer in [
            holder.whoami(),
            holder.in_tenant(secret).whoami(),
            Client::holding(server.url(), &changed).whoami(),
            Client::holding(server.url(), half).whoami(),
            anonymous.with("authorization", secret).whoami(),
            anonymous.with("authorization", &format!("Token {secret}")).graphql("{ hello }", &Value::Null),
            anonymous.get(&format!("/{secret}")),
            anonymous.get(&format!("/v1/whoami?api_key={secret}")),
            anonymous.with("x-api-key", secret).with("cookie", secret).get("/v1/whoami"),
            anonymous.exchange(secret, &[("tenant", secret)]),
            anonymous.exchange(&changed, &[]),
            anonymous.exchange("x", &[("scope", secret), ("audience", secret), ("resource", secret)]),
            anonymous.post(
                "/oauth/token",
                "application/x-www-form-urlencoded",
                &encoded(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", secret),
                    ("client_secret", secret),
                ]),
            ),
            anonymous.post(
                "/oauth/token",
                "application/x-www-form-urlencoded",
                &encoded(&[("grant_type", secret)]),
            ),
            anonymous.post("/oauth/token", "application/json", &json!({"subject_token": secret}).to_string()),
            holder.post("/graphql", "text/plain", secret),
            admin.graphql(REVOKE, &json!({"input": {"key_id": secret}})),
            admin.graphql(
                &format!("{{ tenant(where: {{id: {{_eq: \"{secret}\"}}}}) {{ id }} }}"),
                &Value::Null,
            ),
            admin.graphql("{ hello }", &json!(secret)),
            admin.graphql(&format!("{{ a{} }}", secret.replace(['.', '-'], "_")), &Value::Null),
            admin.graphql(secret, &Value::Null),
            admin.post("/graphql", "application/json", &json!(secret).to_string()),
            admin.post(
                "/graphql",
                "application/json",
                &json!({"query": "{ hello }", secret: 1, "variables": [secret]}).to_string(),
            ),
        ] {
            refusals.extend((answer.status != 200 || answer.text.contains("errors")).then_some(answer.text));
        }
    }
    for (mutation, input) in [
        ("create_tenant", json!({"slug": slug, "name": tenant_name, "administrator_email": email})),
        ("create_service_account", json!({ "name": account })),
        ("add_member", json!({"email": email, "name": own_name, "role": "read_only"})),
        ("create_api_key", json!({"user_id": member["user_id"], "name": key_name})),
        ("delete_api_key", json!({"key_id": member["user_id"], "note": NOTE})),
    ] {
        let query =
            format!("mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ position }} }}");
        let query = if mutation == "create_api_key" { query.replace("position", "id") } else { query };
        let answer = admin.graphql(&query, &json!({ "input": input }));
        assert!(answer.text.contains("errors"), "{mutation} is refused: {}", answer.text);
        refusals.push(answer.text);
    }
    let log = server.log();
    assert_eq!(server.stop(), Some(0));
    Played { data, secrets, refusals, log }
}

/// Every form in which a text could lie about: plain, its parts, hexadecimal, base64 at each of its three offsets.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![
        ("plain", text.as_bytes().to_vec()),
        ("in lower case", text.to_lowercase().into_bytes()),
        ("hexadecimal", hex.clone().into_bytes()),
        ("in upper case hexadecimal", hex.to_uppercase().into_bytes()),
        ("in UTF-16", wide),
        ("backwards", text.bytes().rev().collect()),
    ];
    for offset in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, offset).chain(text.bytes()).collect();
        let encoded = base64(&shifted);
        // What depends on the bytes before and behind is left away.
        let inner = &encoded[(offset * 8).div_ceil(6)..shifted.len() * 8 / 6];
        forms.push(("base64", inner.as_bytes().to_vec()));
        forms.push(("base64url", inner.replace('+', "-").replace('/', "_").into_bytes()));
    }
    forms
}

/// The parts of a credential that must not be seen: of a key all but its public id, of a token its signature and all.
fn parts(secret: &str) -> Vec<String> {
    // A token's parts are base64url, in which there are underscores, too.
    let between = if secret.starts_with("kl") { '_' } else { '.' };
    let last = secret.rsplit(between).next().expect("there is a last part");
    let secret_alone = if secret.starts_with("kl") { &last[..43] } else { last };
    vec![secret.to_owned(), secret_alone.to_owned()]
}

fn assert_absent(place: &str, bytes: &[u8], what: &str, text: &str) {
    for (form, wanted) in forms(text) {
        let found = contains(bytes, &wanted);
        assert!(!found, "{place} holds {what}, {form}: {text:?}");
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return false };
    let starts = bytes.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.into_iter().any(|(start, _)| bytes[start..].starts_with(wanted))
}

/// Every file under a folder, with its path.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

/// What is looked for is found where it is: a search that cannot find shows nothing.
#[test]
fn the_search_finds_what_is_there() {
    let text = "Quillon Adalovska";
    for (form, wanted) in forms(text) {
        assert!(!wanted.is_empty(), "{form}");
        let haystack = [b"some bytes ".to_vec(), wanted.clone(), b" more".to_vec()].concat();
        assert!(contains(&haystack, &wanted), "{form}");
    }
    let mut found = 0;
    for around in ["", "x", "xy", "xyz"] {
        let hidden = base64(format!("{around}{text}{around}").as_bytes());
        found += usize::from(forms(text).iter().any(|(_, wanted)| contains(hidden.as_bytes(), wanted)));
    }
    assert_eq!(found, 4, "base64 is seen through at each offset");
}

#[test]
fn no_secret_and_no_personal_text_is_in_the_data_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let Played { data, secrets, .. } = play(scratch.path(), "info");
    let files = files(&data);
    let names: Vec<_> = files.iter().map(|(path, _)| path.strip_prefix(&data).unwrap().to_owned()).collect();
    for expected in ["ledger.redb", "guard", "secrets/pepper", "secrets/master.key", "secrets/subjects"] {
        assert!(names.contains(&expected.into()), "{expected} is not among {names:?}");
    }
    for (path, bytes) in &files {
        let place = path.display().to_string();
        for (what, secret) in &secrets {
            parts(secret).iter().for_each(|part| assert_absent(&place, bytes, what, part));
        }
        for text in TEXTS.iter().chain([&NOTE]) {
            assert_absent(&place, bytes, "a personal text", text);
        }
    }
}

#[test]
fn no_secret_and_no_personal_text_is_in_the_log_at_any_level() {
    for level in ["info", "trace"] {
        let scratch = tempfile::tempdir().unwrap();
        let Played { log, secrets, .. } = play(scratch.path(), level);
        assert!(log.lines().count() > 100, "each request has a line: {log:.500}");
        assert!(log.contains("KEY_REVOKED") && log.contains("MEMBERSHIP_REMOVED"), "codes are told");
        for (what, secret) in &secrets {
            parts(secret).iter().for_each(|part| assert_absent("the log", log.as_bytes(), what, part));
        }
        for text in TEXTS.iter().chain([&NOTE]) {
            assert_absent("the log", log.as_bytes(), "a personal text", text);
        }
    }
}

#[test]
fn no_error_repeats_a_secret_or_tells_a_personal_text() {
    let scratch = tempfile::tempdir().unwrap();
    let Played { refusals, secrets, .. } = play(scratch.path(), "info");
    assert!(refusals.len() > 80, "only {} refusals", refusals.len());
    for refusal in &refusals {
        for (what, secret) in &secrets {
            parts(secret).iter().for_each(|part| assert_absent(refusal, refusal.as_bytes(), what, part));
        }
        for text in TEXTS.iter().chain([&NOTE]) {
            assert_absent(refusal, refusal.as_bytes(), "a personal text", text);
        }
    }
}

#[test]
fn an_audit_opens_names_for_whoever_has_the_folder_and_never_a_secret() {
    let scratch = tempfile::tempdir().unwrap();
    let Played { data, secrets, .. } = play(scratch.path(), "info");
    let folder = data.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = keyledger(arguments.iter().chain(&["--data", folder]));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        [output.stdout, output.stderr].concat()
    };
    for arguments in [
        &["audit", "show"][..],
        &["audit", "show", "-o", "json"],
        &["audit", "show", "-o", "jsonl"],
        &["audit", "verify"],
        &["audit", "verify", "--full", "-o", "json"],
    ] {
        let said = run(arguments);
        for (what, secret) in &secrets {
            parts(secret).iter().for_each(|part| assert_absent(&arguments.join(" "), &said, what, part));
        }
    }
    let said = String::from_utf8(run(&["audit", "show", "-o", "json"])).unwrap();
    for text in TEXTS.iter().chain([&NOTE]) {
        assert!(said.contains(text), "whoever holds the keys of subjects reads {text}");
    }
    // Without the keys of subjects nothing can be read any more.
    std::fs::remove_file(data.join("secrets/subjects")).unwrap();
    for arguments in [&["audit", "show"][..], &["audit", "show", "-o", "json"]] {
        let said = run(arguments);
        for text in TEXTS.iter().chain([&NOTE]) {
            assert_absent(&arguments.join(" "), &said, "a personal text", text);
        }
    }
}

#[test]
fn secrets_are_closed_to_all_but_their_owner() {
    let scratch = tempfile::tempdir().unwrap();
    let Played { data, .. } = play(scratch.path(), "info");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let secrets = data.join("secrets");
    for folder in [&data, &secrets, &secrets.join("signing")] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let files = files(&secrets);
    assert!(files.len() >= 4, "pepper, master key, subjects and a signing key");
    for (path, _) in files {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// RFC 4648, section 4, without padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
