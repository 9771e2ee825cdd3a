//! Witnesses from outside: what they sign is served for as long as it covers what is asked, one that errs is asked again, and
//! one that is silent is in nobody's way.

mod witness;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, init, keyledger};
use serde_json::{Value, json};
use tempfile::TempDir;

use witness::{Manner, Witness};

/// Three rounds of witnesses, and what a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    folder: TempDir,
    admin: Initialised,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let admin = init(&folder.path().join("data"), "acme", "ada@example.com");
        Self { folder, admin }
    }

    fn data(&self) -> String {
        text(&self.folder.path().join("data"))
    }

    fn serve(&self, witnesses: &[&Witness]) -> (Server, Client, Client) {
        let named: Vec<_> =
            witnesses.iter().flat_map(|witness| ["--witness".to_owned(), witness.argument()]).collect();
        let more: Vec<_> = ["--tlog", "open"].into_iter().chain(named.iter().map(String::as_str)).collect();
        let server = Server::start_with(Path::new(&self.data()), &more);
        let (anybody, operator) =
            (Client::anonymous(server.url()), Client::holding(server.url(), &self.admin.key));
        (server, anybody, operator)
    }

    /// Makes a key; its id, and the position of the event.
    fn grow(&self, operator: &Client, name: &str) -> (String, u64) {
        let input = json!({"user_id": self.admin.user_id, "name": name, "expires_at": null});
        let made = operator.mutate("create_api_key", &input, "id position").unwrap();
        (made["id"].as_str().unwrap().to_owned(), made["position"].as_str().unwrap().parse().unwrap())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// Whether a checkpoint, or the one in a proof, has a line of this witness.
fn is_signed_by(note: &str, witness: &Witness) -> bool {
    note.contains(&format!("\n\u{2014} {} ", witness.key.split('+').next().unwrap()))
}

fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(since.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn cosigned(client: &Client, size: u64) -> String {
    until(|| {
        let answer = client.get("/tlog/checkpoint/cosigned");
        (answer.status == 200 && size_of(&answer.text) >= size).then_some(answer.text)
    })
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_witnesses_signed_is_served_while_newer_ones_are_signed() {
    let scene = Scene::new();
    let witness = Witness::start("wit.example/w", Manner::Signs);
    let (server, anybody, operator) = scene.serve(&[&witness]);
    let first = cosigned(&anybody, 1);
    assert!(is_signed_by(&first, &witness));
    witness.now(Manner::Silent);
    let position = size_of(&first);
    // Every change is covered by a newer one at once, as whoever shows a key is promised.
    for number in 0..5 {
        let (_, position) = scene.grow(&operator, &format!("key {number}"));
        let newest = operator.get("/tlog/checkpoint").text;
        assert!(size_of(&newest) == position && !is_signed_by(&newest, &witness), "{newest}");
        assert_eq!(operator.get("/tlog/checkpoint/cosigned").text, first);
    }
    // To whoever shows none, the latest is the one that the witness signed a moment ago.
    assert_eq!(anybody.get("/tlog/checkpoint").text, first);
    // A proof leads to it where it covers the event, and else to a newer one.
    let proof = |position: u64| operator.get(&format!("/tlog/proof/{position}")).text;
    assert!(is_signed_by(&proof(position), &witness) && !is_signed_by(&proof(position + 1), &witness));
    // And after a restart, with the witness gone.
    server.stop();
    let (_server, anybody, _) = scene.serve(&[]);
    assert_eq!(anybody.get("/tlog/checkpoint/cosigned").text, first);
    let newest = anybody.get("/tlog/checkpoint").text;
    assert!(size_of(&newest) > position, "after so long it is not the latest: {newest}");
}

#[test]
fn without_a_witness_no_checkpoint_is_cosigned() {
    let scene = Scene::new();
    let (_server, anybody, _) = scene.serve(&[]);
    let refused = anybody.get("/tlog/checkpoint/cosigned");
    assert_eq!((refused.status, refused.code().as_deref()), (404, Some("NOT_COSIGNED")));
}

#[test]
fn a_silent_witness_holds_nobody_back_and_all_sign_the_same() {
    let scene = Scene::new();
    let silent = Witness::start("wit.example/silent", Manner::Silent);
    let others = ["a", "b"].map(|name| Witness::start(&format!("wit.example/{name}"), Manner::Signs));
    let (server, _, operator) = scene.serve(&[&silent, &others[0], &others[1]]);
    // On a log that changes all the time.
    let both = until(|| {
        scene.grow(&operator, "busy");
        let answer = operator.get("/tlog/checkpoint/cosigned");
        (answer.status == 200).then_some(answer.text)
    });
    assert!(others.iter().all(|witness| is_signed_by(&both, witness)), "{both}");
    let of = |witness: &Witness| witness.asked()[0].1;
    assert!(of(&silent) == of(&others[0]) && of(&others[0]) == of(&others[1]));
    until(|| server.log().contains("WITNESS_FAILED").then_some(()));
    // They go on: the next one has both, too.
    let next = cosigned(&operator, size_of(&both) + 1);
    assert!(others.iter().all(|witness| is_signed_by(&next, witness)), "{next}");
}

/// A witness that errs once must not be lost until somebody starts the server anew.
#[test]
fn a_witness_that_said_that_it_knows_more_is_asked_again() {
    let scene = Scene::new();
    let witness = Witness::start("wit.example/w", Manner::Knows(9_999));
    let (server, anybody, operator) = scene.serve(&[&witness]);
    until(|| server.log().contains("WITNESS_CONTRADICTS").then_some(()));
    witness.now(Manner::Signs);
    let first = cosigned(&anybody, 1);
    assert!(is_signed_by(&first, &witness));
    assert!(witness.asked().iter().all(|(old, _)| *old == 0), "{:?}", witness.asked());
    // With what it signed last, too, and not with what it says.
    witness.now(Manner::Knows(9_999));
    let (_, position) = scene.grow(&operator, "one");
    let asked = |old: u64| until(|| witness.asked().contains(&(old, position)).then_some(()));
    asked(size_of(&first));
    witness.now(Manner::Signs);
    cosigned(&anybody, position);
    let told = |log: &str, what: &str| log.matches(what).count();
    until(|| (told(&server.log(), "the witness signs our checkpoints") == 2).then_some(()));
    assert_eq!(told(&server.log(), "WITNESS_CONTRADICTS"), 2, "each change is told, and no more");
}

#[test]
fn cosignatures_are_checked_offline_and_a_forged_one_is_refused() {
    let scene = Scene::new();
    let [witness, stranger] =
        ["w", "stranger"].map(|name| Witness::start(&format!("wit.example/{name}"), Manner::Signs));
    let (server, anybody, operator) = scene.serve(&[&witness]);
    let (key, position) = scene.grow(&operator, "one");
    let note = cosigned(&anybody, position);
    let log_key = anybody.get("/tlog/verifier-key").text.trim_end().to_owned();
    // A newer one that no witness signed is of no use to whoever asks for less.
    witness.now(Manner::Silent);
    scene.grow(&operator, "two");
    operator.get("/tlog/checkpoint");
    server.stop();

    let at = |name: &str| text(&scene.folder.path().join(name));
    let (data, proof, bundle, kept) = (scene.data(), at("proof"), at("bundle"), at("kept"));
    let position = position.to_string();
    let made = ["audit", "prove", "--data", &data, "--position", &position, "--to", &proof];
    assert!(keyledger(made).status.success());
    let made = ["audit", "bundle", "--data", &data, "--key", &key, "--to", &bundle];
    assert!(keyledger(made).status.success());
    fs::write(&kept, &note).unwrap();
    let checks: [Vec<&str>; 3] = [
        vec!["audit", "check-proof", &proof, "--verifier-key", &log_key],
        vec!["audit", "check-bundle", &bundle, "--verifier-key", &log_key],
        vec!["audit", "verify", "--data", &data, "--against", &kept, "--verifier-key", &log_key],
    ];
    let seen = json!([{"witness": "wit.example/w", "at": "2026-01-01T00:00:00.000Z"}]);
    for check in checks {
        let with = |more: &[&str]| keyledger([&check, more].concat());
        let cosignatures = |output: &Output| {
            let told = json_of(output);
            if check[1] == "verify" {
                told["against"][0]["cosignatures"].clone()
            } else {
                told["cosignatures"].clone()
            }
        };
        let checked = with(&["--witness-key", &witness.key, "-o", "json"]);
        assert_eq!(cosignatures(&checked), json!({"by": seen, "not_checked": 0}), "{check:?}");
        let said = String::from_utf8(with(&["--witness-key", &witness.key]).stdout).unwrap();
        assert!(
            said.contains("The witness wit.example/w signed its checkpoint at 2026-01-01T00:00:00"),
            "{said}"
        );
        // Nobody looked at it: that must not look as if it was found good.
        assert_eq!(cosignatures(&with(&["-o", "json"])), json!({"by": [], "not_checked": 1}), "{check:?}");
        let said = String::from_utf8(with(&[]).stdout).unwrap();
        assert!(said.contains("1 cosignature NOT CHECKED"), "{said}");
        let refused = with(&["--witness-key", &witness.key, "--witness-key", &stranger.key]);
        assert_eq!(refused.status.code(), Some(1), "{check:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("no signature of wit.example/stranger"));
        // Neither of them passes for the other.
        let swapped = with(&["--witness-key", &log_key]);
        assert_eq!(swapped.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&swapped.stderr).contains("this is the key of a log"), "{swapped:?}");
    }
    let check = ["audit", "check-proof", &proof, "--verifier-key", &witness.key];
    let refused = keyledger(check);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("this is the key of a witness"), "{refused:?}");
    // As if the witness had signed it, and it did not.
    let good = fs::read_to_string(&proof).unwrap();
    let line = good.lines().last().unwrap();
    let end = &line[line.len() - 8..];
    fs::write(&proof, good.replace(end, "AAAAAAA=")).unwrap();
    let check = ["audit", "check-proof", &proof, "--verifier-key", &log_key, "--witness-key", &witness.key];
    let refused = keyledger(check);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[test]
fn a_server_takes_fifteen_witnesses_and_none_that_signs_as_a_log() {
    let scene = Scene::new();
    let witness = Witness::start("wit.example/w", Manner::Signs);
    let data = scene.data();
    let serve = |witnesses: &[String]| {
        let named = witnesses.iter().flat_map(|witness| ["--witness", witness]);
        keyledger(["serve", "--data", &data, "--listen", "127.0.0.1:0"].into_iter().chain(named))
    };
    let many: Vec<_> = (0..16).map(|_| witness.argument()).collect();
    let of_log = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW http://127.0.0.1:1";
    for (witnesses, why) in
        [(many.as_slice(), "has room for 15"), (&[of_log.to_owned()], "this is the key of a log (type 1)")]
    {
        let refused = serve(witnesses);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && said.contains(why), "{said}");
    }
}
