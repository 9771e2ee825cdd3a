//! The log proved by tools that are not ours, and by our own ones offline: `tlog_tiles` and `signed_note` over HTTP,
//! proofs in files, evidence bundles; and nothing that contradicts an earlier checkpoint, whenever the server is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, init, keyledger, keyledger_killed};
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Hash, HashReader as _, Tile, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, record_hash, stored_hash_index,
};

/// How often the server is killed while checkpoints are read.
const KILLS: usize = 12;

fn grown(url: &str, admin: &Initialised, keys: usize) {
    let client = Client::holding(url, &admin.key);
    for number in 0..keys {
        let input = json!({"user_id": admin.user_id, "name": format!("key {number}"), "expires_at": null});
        client.mutate("create_api_key", &input, "id").unwrap();
    }
}

/// The checkpoint in a note that `signed_note` found good.
fn checked(note: &str, verifier_key: &str) -> Result<Checkpoint, String> {
    let note = Note::from_bytes(note.as_bytes()).map_err(|error| error.to_string())?;
    let verifier = StandardVerifier::new(verifier_key).map_err(|error| error.to_string())?;
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(|error| error.to_string())?;
    Checkpoint::from_bytes(note.text()).map_err(|error| error.to_string())
}

/// Reads tiles over HTTP, as C2SP tlog-tiles names them; spoils one byte of what it reads, if told to.
struct Remote<'a> {
    client: &'a Client,
    spoilt: Option<usize>,
}

impl TileReader for Remote<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let mut all: Vec<_> = tiles
            .iter()
            .map(|tile| {
                // The crate names tiles with their height, as Go's checksum database does.
                let path = tile.path();
                let (status, bytes) = self.client.bytes(&format!("/tlog/tile/{}", &path["tile/8/".len()..]));
                assert_eq!((status, bytes.len()), (200, tile.width() as usize * 32), "{path}");
                bytes
            })
            .collect();
        if let Some(byte) = self.spoilt {
            let bytes = all.iter().map(Vec::len).sum::<usize>();
            let mut place = byte % bytes;
            for tile in &mut all {
                if place < tile.len() {
                    tile[place] ^= 1;
                    break;
                }
                place -= tile.len();
            }
        }
        Ok(all)
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn entries(client: &Client, size: u64) -> Vec<Vec<u8>> {
    let mut all = vec![];
    while (all.len() as u64) < size {
        let (bundle, width) = (all.len() / 256, (size - all.len() as u64).min(256));
        let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
        let (status, bytes) = client.bytes(&format!("/tlog/tile/entries/{bundle:03}{partial}"));
        assert_eq!(status, 200);
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let (entry, after) = after.split_at(u16::from_be_bytes(*length).into());
            all.push(entry.to_owned());
            rest = after;
        }
    }
    all
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn other_peoples_crates_accept_the_log_and_refuse_its_tampered_twin() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start_with(&data, &["--tlog", "open", "--origin", "keys.example.com/tlog"]);
    let (anybody, operator) = (Client::anonymous(server.url()), Client::holding(server.url(), &admin.key));
    let verifier_key = anybody.get("/tlog/verifier-key").text;
    let verifier_key = verifier_key.trim_end();
    let old = checked(&anybody.get("/tlog/checkpoint").text, verifier_key).unwrap();
    grown(server.url(), &admin, 270);
    std::thread::sleep(Duration::from_millis(1_100));
    let note = anybody.get("/tlog/checkpoint").text;
    let new = checked(&note, verifier_key).unwrap();
    assert_eq!((new.origin(), new.extension()), ("keys.example.com/tlog", ""));
    assert!(new.size() > 256 + old.size(), "{}", new.size());

    // Every entry is at its place, and the old log is the beginning of the new one.
    let remote = Remote { client: &anybody, spoilt: None };
    let tiles = TileHashReader::new(new.size(), *new.hash(), &remote);
    let entries = entries(&operator, new.size());
    for (index, entry) in entries.iter().enumerate() {
        let index = index as u64;
        let stored = tiles.read_hashes(&[stored_hash_index(0, index)]).unwrap()[0];
        assert_eq!(stored, record_hash(entry), "{index}");
        if index.is_multiple_of(37) {
            let proof = prove_record(new.size(), index, &tiles).unwrap();
            check_record(&proof, new.size(), *new.hash(), index, record_hash(entry)).unwrap();
            let mut twin = entry.clone();
            twin[50] ^= 1;
            assert!(check_record(&proof, new.size(), *new.hash(), index, record_hash(&twin)).is_err());
        }
    }
    let proof = prove_tree(new.size(), old.size(), &tiles).unwrap();
    check_tree(&proof, new.size(), *new.hash(), old.size(), *old.hash()).unwrap();
    assert!(check_tree(&proof, new.size(), *new.hash(), old.size(), Hash([7; 32])).is_err());

    // The twin: one byte of the note or of any tile is another.
    for place in 0..note.len() {
        let mut twin = note.clone().into_bytes();
        twin[place] ^= 1;
        let twin = String::from_utf8(twin).unwrap_or_default();
        assert!(checked(&twin, verifier_key).is_err(), "byte {place} of {note}");
    }
    for byte in (0..256 * 32).step_by(613) {
        let remote = Remote { client: &anybody, spoilt: Some(byte) };
        let tiles = TileHashReader::new(new.size(), *new.hash(), &remote);
        // Found by whichever looks first: the reader of tiles, or the proof that is made of them.
        let leaf = record_hash(&entries[3]);
        let proved = prove_record(new.size(), 3, &tiles)
            .and_then(|proof| check_record(&proof, new.size(), *new.hash(), 3, leaf));
        assert!(proved.is_err(), "byte {byte}");
    }
}

#[test]
fn who_may_read_what_and_how_long_it_may_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let (anybody, operator) = (Client::anonymous(server.url()), Client::holding(server.url(), &admin.key));
    let input = json!({"tenant_id": admin.tenant_id, "name": "agent", "role": "runner"});
    let account = operator.mutate("create_service_account", &input, "id").unwrap();
    let input = json!({"user_id": account["id"], "name": "agent", "expires_at": null});
    let made = operator.mutate("create_api_key", &input, "key position").unwrap();
    let agent = Client::holding(server.url(), made["key"].as_str().unwrap());
    let position = made["position"].as_str().unwrap().to_owned();
    let size = operator.get("/tlog/checkpoint").text.lines().nth(1).unwrap().to_owned();

    let (tile, bundle) = (format!("/tlog/tile/0/000.p/{size}"), format!("/tlog/tile/entries/000.p/{size}"));
    let proof = format!("/tlog/proof/{position}");
    for path in ["/tlog/checkpoint", "/tlog/verifier-key", &tile, &bundle, &proof] {
        let refused = anybody.get(path);
        assert_eq!((refused.status, refused.code().as_deref()), (401, Some("CREDENTIAL_MISSING")), "{path}");
        assert!(refused.header("www-authenticate").is_some());
    }
    for (client, path, media, life) in [
        (&agent, "/tlog/checkpoint", "text/plain; charset=utf-8", "private, no-cache"),
        (&agent, &tile, "application/octet-stream", "private, max-age=31536000, immutable"),
        (&operator, &bundle, "application/octet-stream", "private, max-age=31536000, immutable"),
        (&agent, &proof, "text/plain; charset=utf-8", "private, no-cache"),
    ] {
        let (status, headers) = client.head_of(path);
        let header = |name: &str| headers.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(status, 200, "{path}");
        assert_eq!(
            (header("content-type"), header("cache-control")),
            (media.to_owned(), life.to_owned()),
            "{path}"
        );
        assert_eq!(header("vary"), "Authorization");
    }
    let refused = agent.get(&bundle);
    assert_eq!((refused.status, refused.code().as_deref()), (403, Some("FORBIDDEN")));
    // Whoever may not read an event gets its proof without it.
    assert!(!agent.get(&proof).text.contains("\nextra ") && operator.get(&proof).text.contains("\nextra "));

    let beyond: u64 = size.parse::<u64>().unwrap() + 1;
    for (path, code) in [
        (format!("/tlog/tile/0/000.p/{beyond}"), "NO_SUCH_TILE"),
        ("/tlog/tile/0/000".to_owned(), "NO_SUCH_TILE"),
        ("/tlog/tile/0/0".to_owned(), "NO_SUCH_TILE"),
        ("/tlog/tile/entries/001".to_owned(), "NO_SUCH_TILE"),
        ("/tlog/tile/entries/000.p/0".to_owned(), "NO_SUCH_TILE"),
        (format!("/tlog/proof/{beyond}"), "NO_SUCH_EVENT"),
        ("/tlog/proof/0".to_owned(), "NO_SUCH_EVENT"),
        ("/tlog/proof/x".to_owned(), "NO_SUCH_EVENT"),
        ("/tlog/proof/18446744073709551615".to_owned(), "NO_SUCH_EVENT"),
        ("/tlog/other".to_owned(), "NO_SUCH_ROUTE"),
    ] {
        let refused = operator.get(&path);
        assert_eq!((refused.status, refused.code().as_deref()), (404, Some(code)), "{path}");
    }
    // What no checkpoint covers is there, but nobody could check it.
    let input = json!({"tenant_id": admin.tenant_id, "name": "later", "role": "runner"});
    operator.mutate("create_service_account", &input, "id").unwrap();
    for path in ["0/000", "entries/000"].map(|tile| format!("/tlog/tile/{tile}.p/{beyond}")) {
        let refused = operator.get(&path);
        assert_eq!((refused.status, refused.code().as_deref()), (404, Some("NO_SUCH_TILE")), "{path}");
    }
    drop(server);
    let open = Server::start_with(&data, &["--tlog", "open"]);
    let anybody = Client::anonymous(open.url());
    assert_eq!(anybody.get("/tlog/checkpoint").header("cache-control"), Some("public, max-age=1"));
    let (status, headers) = anybody.head_of(&tile);
    assert_eq!(status, 200);
    assert!(
        headers.contains(&("cache-control".to_owned(), "public, max-age=31536000, immutable".to_owned()))
    );
    assert_eq!(anybody.get(&bundle).status, 401, "entries are never open");
    assert!(!anybody.get(&proof).text.contains("\nextra "));
    let stranger = Client::holding(open.url(), "klu_wrong");
    assert_eq!(stranger.get("/tlog/checkpoint").status, 401, "what is shown must be good all the same");
}

#[test]
fn a_mutations_receipt_is_checked_offline() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let operator = Client::holding(server.url(), &admin.key);
    let verifier_key = operator.get("/tlog/verifier-key").text.trim_end().to_owned();
    let input = json!({"user_id": admin.user_id, "name": "one", "expires_at": null});
    let made = operator.mutate("create_api_key", &input, "id position").unwrap();
    let position = made["position"].as_str().unwrap();
    let document = format!("{{ inclusion_proof(position: \"{position}\") {{ position tree_size proof }} }}");
    let receipt = operator.query("inclusion_proof", &document).unwrap();
    assert_eq!(receipt["position"], position);
    let nowhere = "{ inclusion_proof(position: \"999999\") { proof } }";
    assert_eq!(operator.query("inclusion_proof", nowhere).unwrap(), Value::Null);

    let file = folder.path().join("receipt.tlog-proof");
    fs::write(&file, receipt["proof"].as_str().unwrap()).unwrap();
    let check = |file: &Path, key: &str| {
        keyledger(["audit", "check-proof", &text(file), "--verifier-key", key, "-o", "json"])
    };
    let proved = json_of(&check(&file, &verifier_key));
    assert_eq!((&proved["ok"], &proved["event"]["event"]), (&json!(true), &json!("KeyCreated")));
    assert_eq!(
        (&proved["event"]["position"], &proved["event"]["payload"]["key"]),
        (&json!(position), &made["id"])
    );

    // As a program prints it that ends each text with a line end, it is the same; but no more than that.
    let printed = folder.path().join("printed.tlog-proof");
    fs::write(&printed, format!("{}\n", receipt["proof"].as_str().unwrap())).unwrap();
    assert_eq!(json_of(&check(&printed, &verifier_key)), proved);
    for more in ["\n\n", " \n", " "] {
        fs::write(&printed, format!("{}{more}", receipt["proof"].as_str().unwrap())).unwrap();
        assert_eq!(check(&printed, &verifier_key).status.code(), Some(1), "{more:?}");
    }

    // Offline it is the same, beside the server; and nothing else passes for it.
    let offline = folder.path().join("offline.tlog-proof");
    let prove = [
        "audit",
        "prove",
        "--data",
        &text(&data),
        "--position",
        position,
        "--to",
        &text(&offline),
        "-o",
        "json",
    ];
    let told = json_of(&keyledger(prove));
    assert_eq!(told["verifier_key"], verifier_key.as_str());
    assert_eq!(json_of(&check(&offline, &verifier_key))["event"], proved["event"]);
    assert_eq!(keyledger(prove).status.code(), Some(6), "never over another file");
    assert_eq!(fs::metadata(&offline).unwrap().permissions().mode() & 0o777, 0o600);
    let good = fs::read_to_string(&file).unwrap();
    // It may come from another program, as the event may that is given beside it; what has no end is not read to it.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (to, proof) = (pipe.clone(), good.clone());
    let other = std::thread::spawn(move || fs::write(to, proof).unwrap());
    assert_eq!(json_of(&check(&pipe, &verifier_key))["event"], proved["event"]);
    other.join().unwrap();
    for endless in [&["/dev/zero"][..], &[&text(&file), "--entry", "/dev/zero"]] {
        let key = ["--verifier-key", &verifier_key];
        let refused = keyledger([&["audit", "check-proof"], endless, &key].concat());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is larger than any"), "{refused:?}");
    }
    let twin = folder.path().join("twin.tlog-proof");
    for place in (0..good.len()).step_by(good.len() / 60) {
        let mut changed = good.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        fs::write(&twin, changed).unwrap();
        let refused = check(&twin, &verifier_key);
        assert_eq!(refused.status.code(), Some(1), "byte {place}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("PROOF_INVALID"), "byte {place}");
    }
    let another = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(check(&file, another).status.code(), Some(1));
    let later = ["audit", "prove", "--data", &text(&data), "--position", "999999"];
    assert_eq!(keyledger(later).status.code(), Some(5));
}

#[test]
fn an_evidence_bundle_is_checked_without_a_server_and_its_tampered_twin_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let operator = Client::holding(server.url(), &admin.key);
    let input = json!({"user_id": admin.user_id, "name": "leaked", "expires_at": null});
    let key = operator.mutate("create_api_key", &input, "id").unwrap()["id"].as_str().unwrap().to_owned();
    operator.mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap();
    let verifier_key = operator.get("/tlog/verifier-key").text.trim_end().to_owned();
    operator.get("/tlog/checkpoint");
    server.stop();
    let to = folder.path().join("evidence");
    let bundle = ["audit", "bundle", "--data", &text(&data), "--to", &text(&to), "--key", &key, "-o", "json"];
    // What a killed one left is not in its way.
    let left = folder.path().join("evidence.unfinished");
    fs::create_dir_all(left.join("proofs")).unwrap();
    fs::write(left.join("proofs/1.tlog-proof"), "half a pr").unwrap();
    assert_eq!(json_of(&keyledger(bundle))["events"], 2);
    assert!(!left.exists());
    assert_eq!(keyledger(bundle).status.code(), Some(6));
    // From here on there is neither a server nor its data.
    fs::remove_dir_all(&data).unwrap();
    let check =
        || keyledger(["audit", "check-bundle", &text(&to), "--verifier-key", &verifier_key, "-o", "json"]);
    assert_eq!(json_of(&check())["events"], 2);
    let history = fs::read_to_string(to.join("history.txt")).unwrap();
    assert!(history.contains("KeyRevoked") && history.contains("\"leaked\""), "{history}");
    assert!(
        !fs::read_to_string(to.join("events.jsonl")).unwrap().contains("leaked"),
        "texts are sealed in it"
    );
    assert!(fs::read_to_string(to.join("README.md")).unwrap().contains(&verifier_key));
    let proof = fs::read_dir(to.join("proofs")).unwrap().next().unwrap().unwrap().path();
    for file in [to.join("checkpoint"), to.join("events.jsonl"), proof] {
        let good = fs::read(&file).unwrap();
        for place in (0..good.len()).step_by(good.len() / 20) {
            let mut changed = good.clone();
            changed[place] = if changed[place] == b'4' { b'5' } else { b'4' };
            fs::write(&file, changed).unwrap();
            assert_eq!(check().status.code(), Some(1), "byte {place} of {}", file.display());
        }
        fs::write(&file, &good).unwrap();
    }
    // Nor are the memory and the patience of who checks it at the mercy of who made it.
    for file in [to.join("checkpoint"), to.join("events.jsonl"), to.join("scope.json")] {
        let good = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        assert_eq!(check().status.code(), Some(1), "{}", file.display());
        fs::remove_file(&file).unwrap();
        fs::write(&file, &good).unwrap();
    }
    for (other, why) in
        [("", "it has no checkpoint"), ("nowhere", "no such folder"), ("evidence/checkpoint", "no folder")]
    {
        let ended = keyledger([
            "audit",
            "check-bundle",
            &text(&folder.path().join(other)),
            "--verifier-key",
            &verifier_key,
        ]);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains("no bundle: ") && said.contains(why), "{said}");
    }
    let events = fs::read_to_string(to.join("events.jsonl")).unwrap();
    fs::write(to.join("events.jsonl"), events.lines().next().unwrap().to_owned() + "\n").unwrap();
    assert_eq!(check().status.code(), Some(1), "a proof too many");
}

/// Evidence that is half written has no name under which somebody may take it for whole, and is in nobody's way.
#[test]
fn a_bundle_that_is_killed_leaves_a_whole_one_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let operator = Client::holding(server.url(), &admin.key);
    for number in 0..20 {
        let account = json!({"tenant_id": admin.tenant_id, "name": format!("agent-{number}")});
        operator.mutate("create_service_account", &account, "id").unwrap();
    }
    let verifier_key = operator.get("/tlog/verifier-key").text.trim_end().to_owned();
    operator.get("/tlog/checkpoint");
    server.stop();
    let to = text(&folder.path().join("evidence"));
    for round in 0..24 {
        keyledger_killed(
            ["audit", "bundle", "--data", &text(&data), "--to", &to],
            Duration::from_micros(700 * round),
        );
        if !Path::new(&to).exists() {
            let bundle = ["audit", "bundle", "--data", &text(&data), "--to", &to, "-o", "json"];
            assert!(json_of(&keyledger(bundle))["events"].as_u64().unwrap() > 20);
        }
        let check = keyledger(["audit", "check-bundle", &to, "--verifier-key", &verifier_key, "-o", "json"]);
        assert_eq!(json_of(&check)["ok"], true);
        assert!(!folder.path().join("evidence.unfinished").exists());
        fs::remove_dir_all(&to).unwrap();
    }
}

/// Evidence of a key must not lack its revocation without a word, and a bundle without events is no evidence.
#[test]
fn a_bundle_leaves_nothing_out_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let operator = Client::holding(server.url(), &admin.key);
    let made = |name: &str| {
        let input = json!({"user_id": admin.user_id, "name": name, "expires_at": null});
        operator.mutate("create_api_key", &input, "id").unwrap()["id"].as_str().unwrap().to_owned()
    };
    let revoked = |key: &str| {
        let done = operator.mutate("delete_api_key", &json!({"key_id": key}), "position").unwrap();
        done["position"].as_str().unwrap().to_owned()
    };
    let signed = || operator.get("/tlog/checkpoint").text.lines().nth(1).unwrap().to_owned();
    // Whoever asks right after a change was acknowledged gets a checkpoint that covers it, however often.
    for _ in 0..3 {
        let key = made("short-lived");
        let position = revoked(&key);
        assert_eq!(signed(), position);
    }
    let key = made("leaked");
    let (verifier_key, covered) = (operator.get("/tlog/verifier-key").text.trim_end().to_owned(), signed());
    let head = revoked(&key);
    server.stop();

    let to = folder.path().join("evidence");
    let bundle = |arguments: &[&str]| {
        let (data, to) = (text(&data), text(&to));
        keyledger([&["audit", "bundle", "--data", &data, "--to", &to, "-o", "json"], arguments].concat())
    };
    let refused = |arguments: &[&str]| {
        let ended = bundle(arguments);
        assert!(!to.exists(), "{arguments:?}");
        let error: Value = serde_json::from_slice(&ended.stderr).unwrap();
        (ended.status.code().unwrap(), error["error"]["code"].as_str().unwrap().to_owned())
    };
    let because = |exit: i32, code: &str| (exit, code.to_owned());
    let of_tenant = ["--tenant", &admin.tenant_id];
    for arguments in [&["--key", key.as_str()][..], &of_tenant, &[], &["--from", &head]] {
        assert_eq!(refused(arguments), because(1, "NOT_COVERED"), "{arguments:?}");
    }
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(refused(&["--key", nobody, "--up-to-checkpoint"]), because(5, "NO_SUCH_KEY"));
    assert_eq!(refused(&["--tenant", nobody, "--up-to-checkpoint"]), because(5, "NO_SUCH_TENANT"));
    assert_eq!(refused(&["--from", "8", "--until", "7"]), because(2, "AS_OF_BACKWARDS"));
    assert_eq!(refused(&["--until", "9999"]), because(2, "AS_OF_BEYOND_HEAD"));
    let empty = ["--from", head.as_str(), "--up-to-checkpoint"];
    assert_eq!(refused(&empty), because(5, "NOTHING_TO_PROVE"));
    let of_another = ["--key", key.as_str(), "--until", "2"];
    assert_eq!(refused(&of_another), because(5, "NOTHING_TO_PROVE"));

    let told = json_of(&bundle(&["--key", &key, "--up-to-checkpoint"]));
    let scope = json!({
        "key": key, "tenant": null, "from": "1", "until": null, "events": 1,
        "covered": covered, "head": head, "later_events": 1,
    });
    assert_eq!((&told["events"], &told["scope"]), (&json!(1), &scope));
    let check =
        || keyledger(["audit", "check-bundle", &text(&to), "--verifier-key", &verifier_key, "-o", "json"]);
    assert_eq!(json_of(&check())["scope"], scope);
    let unproved = json!([json_of(&check())["scope_proved"], json_of(&check())["none_missing_between"]]);
    assert_eq!(unproved, json!([false, false]));
    let checked = keyledger(["audit", "check-bundle", &text(&to), "--verifier-key", &verifier_key]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains("Its maker says, and no proof shows: The life of key "), "{checked}");
    assert!(checked.contains("Events of that kind may be missing"), "{checked}");
    for file in ["history.txt", "README.md"] {
        let said = fs::read_to_string(to.join(file)).unwrap();
        let left_out = format!(
            "up to position {covered}. The log went on to position {head}: 1 such event after position {covered} NOT IN HERE."
        );
        assert!(said.contains(&left_out), "{file}: {said}");
    }
    let scoped = to.join("scope.json");
    let good = fs::read_to_string(&scoped).unwrap();
    for changed in
        [good.replace("\"events\":1", "\"events\":2"), good.replace(&covered, &head), "{}".to_owned()]
    {
        fs::write(&scoped, &changed).unwrap();
        assert_eq!(check().status.code(), Some(1), "{changed}");
    }
    fs::write(&scoped, &good).unwrap();
    fs::write(to.join("events.jsonl"), "").unwrap();
    fs::remove_dir_all(to.join("proofs")).unwrap();
    fs::create_dir(to.join("proofs")).unwrap();
    for _ in 0..2 {
        let ended = check();
        assert_eq!(ended.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&ended.stderr).contains("PROOF_INVALID"));
        // Nor with the form of before.
        let _ = fs::remove_file(&scoped);
    }
}

/// A key that its account or its tenant stopped must not look alive to a third party.
#[test]
fn a_bundle_of_a_key_has_what_stopped_it_through_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let operator = Client::holding(server.url(), &admin.key);
    let input = json!({"tenant_id": admin.tenant_id, "name": "agent", "role": "runner"});
    let account = operator.mutate("create_service_account", &input, "id").unwrap();
    let input = json!({"user_id": account["id"], "name": "agent", "expires_at": null});
    let key = operator.mutate("create_api_key", &input, "id").unwrap()["id"].as_str().unwrap().to_owned();
    let of_account = json!({"service_account_id": account["id"]});
    for mutation in ["suspend_service_account", "resume_service_account"] {
        operator.mutate(mutation, &of_account, "success").unwrap();
    }
    // What befalls others is no part of it.
    let input = json!({"user_id": admin.user_id, "name": "another", "expires_at": null});
    operator.mutate("create_api_key", &input, "id").unwrap();
    let of_tenant = json!({"tenant_id": admin.tenant_id});
    for mutation in ["suspend_tenant", "resume_tenant"] {
        operator.mutate(mutation, &of_tenant, "success").unwrap();
    }
    operator.mutate("delete_service_account", &of_account, "success").unwrap();
    let verifier_key = operator.get("/tlog/verifier-key").text.trim_end().to_owned();
    operator.get("/tlog/checkpoint");
    server.stop();

    let to = folder.path().join("evidence");
    let timeline = ["audit", "timeline", &key, "--data", &text(&data), "-o", "json"];
    let positions = |events: &Value| {
        events.as_array().unwrap().iter().map(|event| event["position"].clone()).collect::<Vec<_>>()
    };
    let life = json_of(&keyledger(timeline));
    let names: Vec<_> = life.as_array().unwrap().iter().map(|event| &event["event"]).collect();
    assert_eq!(
        names,
        [
            "KeyCreated",
            "ServiceAccountSuspended",
            "ServiceAccountResumed",
            "TenantSuspended",
            "TenantResumed",
            "ServiceAccountRemoved"
        ]
    );
    let bundle = ["audit", "bundle", "--data", &text(&data), "--to", &text(&to), "--key", &key, "-o", "json"];
    assert_eq!(json_of(&keyledger(bundle))["events"], 6);
    let lines = fs::read_to_string(to.join("events.jsonl")).unwrap();
    let events: Value = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    assert_eq!(positions(&events), positions(&life));
    let history = fs::read_to_string(to.join("history.txt")).unwrap();
    assert!(history.lines().last().unwrap().ends_with("OWNER_REMOVED"), "{history}");

    let check =
        || keyledger(["audit", "check-bundle", &text(&to), "--verifier-key", &verifier_key, "-o", "json"]);
    assert_eq!(json_of(&check())["scope"]["key"], key.as_str());
    // What is proved must be of the key that the bundle says to be about.
    let scope = fs::read_to_string(to.join("scope.json")).unwrap();
    fs::write(to.join("scope.json"), scope.replace(&key, &admin.key_id)).unwrap();
    assert_eq!(check().status.code(), Some(1));
}

/// Whatever was shown to anybody fits what is signed later, wherever the server was when it was killed.
#[test]
fn a_killed_server_never_contradicts_a_checkpoint_that_it_showed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let admin = init(&data, "acme", "ada@example.com");
    let shown = Mutex::new(Vec::<String>::new());
    let mut verifier_key = String::new();
    for kill in 0..KILLS {
        let server = Server::start_with(&data, &["--tlog", "open"]);
        let url = server.url().to_owned();
        verifier_key = Client::anonymous(&url).get("/tlog/verifier-key").text.trim_end().to_owned();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let write = || {
                let client = Client::holding(&url, &admin.key);
                while !over.load(Ordering::Relaxed) {
                    let input = json!({"user_id": admin.user_id, "name": "x", "expires_at": null});
                    let query =
                        "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id } }";
                    let _ = client.try_graphql(query, &json!({"input": input}));
                }
            };
            let read = || {
                let client = Client::holding(&url, &admin.key);
                while !over.load(Ordering::Relaxed) {
                    // A receipt of the last event signs at once, where a checkpoint may be a second old.
                    let Ok(position) = client.try_graphql("{ position }", &json!({})) else { continue };
                    let position = position.json()["data"]["position"].as_str().unwrap_or("1").to_owned();
                    let Ok(proof) = client.try_get(&format!("/tlog/proof/{position}")) else { continue };
                    if let (200, Some((_, note))) = (proof.status, proof.text.split_once("\n\n")) {
                        shown.lock().unwrap().push(note.to_owned());
                    }
                }
            };
            scope.spawn(write);
            scope.spawn(write);
            scope.spawn(read);
            scope.spawn(read);
            std::thread::sleep(Duration::from_millis(150 + 37 * kill as u64 % 200));
            server.kill();
            over.store(true, Ordering::Relaxed);
        });
    }
    let server = Server::start_with(&data, &["--tlog", "open"]);
    let anybody = Client::anonymous(server.url());
    let last = checked(&anybody.get("/tlog/checkpoint").text, &verifier_key).unwrap();
    let remote = Remote { client: &anybody, spoilt: None };
    let tiles = TileHashReader::new(last.size(), *last.hash(), &remote);
    let mut shown = shown.into_inner().unwrap();
    shown.dedup();
    assert!(shown.len() > 3 * KILLS, "only {} were shown", shown.len());
    for note in &shown {
        let old = checked(note, &verifier_key).unwrap_or_else(|error| panic!("{error}: {note}"));
        let proof = prove_tree(last.size(), old.size(), &tiles).unwrap();
        check_tree(&proof, last.size(), *last.hash(), old.size(), *old.hash()).unwrap();
    }
    server.stop();
    // The auditor's own copy of an old one is enough to see it.
    let kept = folder.path().join("kept");
    fs::write(&kept, &shown[shown.len() / 2]).unwrap();
    let verify = |file: &Path| {
        let [data, file] = [text(&data), text(file)];
        keyledger([
            "audit",
            "verify",
            "--data",
            &data,
            "--against",
            &file,
            "--verifier-key",
            &verifier_key,
            "-o",
            "json",
        ])
    };
    let report = json_of(&verify(&kept));
    let check = |name: &str| {
        report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&check("tree")["ok"], &check("checkpoints")["ok"]),
        (&json!(true), &json!(true)),
        "{report:#}"
    );
    // One of another log of the same name and key does not pass.
    let other = folder.path().join("other");
    let root = shown[0].lines().nth(2).unwrap();
    let first = if root.starts_with('A') { "B" } else { "A" };
    let twin = shown[0].replacen(root, &format!("{first}{}", &root[1..]), 1);
    fs::write(&other, twin).unwrap();
    assert_eq!(verify(&other).status.code(), Some(1));
}
