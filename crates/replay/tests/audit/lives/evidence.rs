//! The life of a key in a bundle: the same as its timeline, and accepted by our own check.

use std::fs;
use std::path::Path;

use credentials::note::{NoteSigner, NoteVerifier};
use credentials::signing_key::Seed;
use domain::origin::LogOrigin;
use domain::time::Position;
use keyledger_replay::{About, Bundled, Later, ProofError, Prover, check_bundle, write_bundle};
use store::secrets::{NoteKey, create_note_key};

use super::*;

fn verifier() -> NoteVerifier {
    let origin = LogOrigin::parse("keys.example.com/tlog").unwrap();
    NoteSigner::of_log(&origin, &Seed::from_bytes([6; 32])).verifier().clone()
}

/// Has the whole log covered, and closes it.
fn covered(scene: &mut Scene) -> Prover {
    let note_key = NoteKey { public: verifier().public_key(), wrapped: vec![0; 40] };
    create_note_key(&scene.folder, &note_key).unwrap();
    scene.write_guard();
    scene.close();
    Prover::new(&scene.audit()).unwrap()
}

fn written(prover: &Prover, about: About, to: &Path) -> Bundled {
    write_bundle(prover, &Names::sealed(), about, Later::Refused, to).unwrap()
}

/// The bundle of a key, written with the whole log covered, and checked.
fn bundled(scene: &mut Scene, key: KeyId) -> Result<Bundled, ProofError> {
    let to = scene.folder.root().join("bundle");
    written(&covered(scene), About { key: Some(key), ..About::default() }, &to);
    check_bundle(&to, &verifier())
}

/// Puts the event at a position in, or cuts it out, so that everything else fits.
fn change(bundle: &Path, whole: &Path, position: usize) {
    let line_of = |line: &str| line.contains(&format!(r#""position":"{position}","#));
    let all = fs::read_to_string(whole.join("events.jsonl")).unwrap();
    let events = fs::read_to_string(bundle.join("events.jsonl")).unwrap();
    let there = events.lines().any(line_of);
    let wanted = |line: &&str| if line_of(line) { !there } else { events.contains(*line) };
    let lines: Vec<_> = all.lines().filter(wanted).collect();
    fs::write(bundle.join("events.jsonl"), lines.join("\n") + "\n").unwrap();
    let proof = format!("proofs/{position}.tlog-proof");
    if there {
        fs::remove_file(bundle.join(proof)).unwrap();
    } else {
        fs::copy(whole.join(&proof), bundle.join(&proof)).unwrap();
    }
    let scope = fs::read_to_string(bundle.join("scope.json")).unwrap();
    let mut scope: Value = serde_json::from_str(&scope).unwrap();
    scope["events"] = lines.len().into();
    fs::write(bundle.join("scope.json"), scope.to_string()).unwrap();
}

fn refusal(bundle: &Path) -> String {
    check_bundle(bundle, &verifier()).map(drop).unwrap_err().to_string()
}

/// Positions have no gaps, so that a gap proves that an event was left out.
#[test]
fn events_that_are_missing_between_two_positions_are_missed() {
    let mut scene = Scene::empty();
    scene.tell();
    let prover = covered(&mut scene);
    let (whole, part) = (scene.folder.root().join("whole"), scene.folder.root().join("part"));
    written(&prover, About::default(), &whole);
    written(
        &prover,
        About { from: Position::new(4), until: Some(Position::new(15)), ..About::default() },
        &part,
    );
    for (bundle, first, last) in [(&whole, 1, 21), (&part, 4, 15)] {
        for position in [first, first + 1, 9, last - 1, last] {
            assert_eq!(check_bundle(bundle, &verifier()).unwrap().events, (last - first + 1) as u64);
            let aside = scene.folder.root().join("aside");
            let copied = std::process::Command::new("cp").arg("-r").arg(&whole).arg(&aside).status().unwrap();
            assert!(copied.success());
            change(bundle, &aside, position);
            assert!(refusal(bundle).contains("are missing"), "position {position}: {}", refusal(bundle));
            change(bundle, &aside, position);
            fs::remove_dir_all(aside).unwrap();
        }
    }
}

/// Where the beginning of a life is not there, an event tells all the same that it is another key's.
#[test]
fn what_is_about_other_keys_and_tenants_is_refused_in_a_part_of_a_life() {
    let mut scene = Scene::empty();
    scene.tell();
    tell(&scene, END + 10, business_of_others());
    let prover = covered(&mut scene);
    let [whole, part, tenant] = ["whole", "part", "tenant"].map(|name| scene.folder.root().join(name));
    let all = written(&prover, About::default(), &whole).events;
    let from = Position::new(2);
    written(&prover, About { key: Some(ETLS_NEXT), from, ..About::default() }, &part);
    written(&prover, About { tenant: Some(ACME), ..About::default() }, &tenant);
    let lines = fs::read_to_string(whole.join("events.jsonl")).unwrap();
    let (mut of_keys, mut of_tenants) = (0, 0);
    for position in 2..=all as usize {
        let event: Value = serde_json::from_str(lines.lines().nth(position - 1).unwrap()).unwrap();
        let (name, said) = (event["event"].as_str().unwrap(), event["payload"].to_string());
        if name.starts_with("Key") && !said.contains(&ETLS_NEXT.to_string()) {
            change(&part, &whole, position);
            assert!(refusal(&part).contains("nothing of it bears on the key"), "{event}: {}", refusal(&part));
            change(&part, &whole, position);
            of_keys += 1;
        }
        if name.starts_with("Tenant") && !said.contains(&ACME.to_string()) {
            change(&tenant, &whole, position);
            assert!(
                refusal(&tenant).contains("does not concern the tenant"),
                "{event}: {}",
                refusal(&tenant)
            );
            change(&tenant, &whole, position);
            of_tenants += 1;
        }
    }
    assert!(of_keys > 2 && of_tenants > 0, "{of_keys} and {of_tenants}");
    assert!([part, tenant].iter().all(|bundle| check_bundle(bundle, &verifier()).is_ok()));
}

#[test]
fn a_bundle_has_the_life_of_a_key_and_is_accepted_by_our_own_check() {
    for key in [ADAS, ETLS, ETLS_NEXT, BOBS, ROAMING, CONFINED, BOTS] {
        let mut scene = Scene::empty();
        scene.tell();
        tell(&scene, 50, everything());
        tell(&scene, END + 10, business_of_others().into_iter().skip(1).chain([compromised(SIGNING)]));
        let events = bundled(&mut scene, key).unwrap().events;
        let lines = lines(&scene.source(), key, BEGIN.plus_seconds(10 * END));
        assert_eq!(events, positions(&lines).len() as u64, "of {key}");
        let last = fs::read_to_string(scene.folder.root().join("bundle/events.jsonl")).unwrap();
        let signs_for_it = ![ROAMING, CONFINED, BOTS].contains(&key);
        assert_eq!(last.lines().last().unwrap().contains("SigningKeyRetired"), signs_for_it, "of {key}");
    }
}

#[test]
fn what_befell_others_is_refused_in_a_bundle() {
    let mut scene = Scene::empty();
    scene.tell();
    tell(&scene, END + 10, business_of_others());
    assert_eq!(bundled(&mut scene, ETLS_NEXT).unwrap().events, 3);
    // As a bundle that credits the clock's work to somebody else's business.
    let (bundle, whole) = (scene.folder.root().join("bundle"), scene.folder.root().join("whole"));
    written(&Prover::new(&scene.audit()).unwrap(), About::default(), &whole);
    for position in 22..=26 {
        change(&bundle, &whole, position);
        assert!(
            refusal(&bundle).contains("nothing of it bears on the key"),
            "position {position}: {}",
            refusal(&bundle)
        );
        change(&bundle, &whole, position);
    }
}
