//! The life of a key in a bundle: the same as its timeline, and accepted by our own check.

use std::fs;

use credentials::note::NoteSigner;
use credentials::signing_key::Seed;
use domain::origin::LogOrigin;
use keyledger_replay::{About, Bundled, Later, ProofError, Prover, check_bundle, write_bundle};
use store::secrets::{NoteKey, create_note_key};

use super::*;

/// The bundle of a key, written with the whole log covered, and checked.
fn bundled(scene: &mut Scene, key: KeyId) -> Result<Bundled, ProofError> {
    let origin = LogOrigin::parse("keys.example.com/tlog").unwrap();
    let verifier = NoteSigner::of_log(&origin, &Seed::from_bytes([6; 32])).verifier().clone();
    let note_key = NoteKey { public: verifier.public_key(), wrapped: vec![0; 40] };
    create_note_key(&scene.folder, &note_key).unwrap();
    scene.write_guard();
    scene.close();
    let prover = Prover::new(&scene.audit()).unwrap();
    let to = scene.folder.root().join("bundle");
    let about = About { key: Some(key), ..About::default() };
    write_bundle(&prover, &Names::sealed(), about, Later::Refused, &to)?;
    check_bundle(&to, &verifier)
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
    let bundle = scene.folder.root().join("bundle");
    let prover = Prover::new(&scene.audit()).unwrap();
    let origin = LogOrigin::parse("keys.example.com/tlog").unwrap();
    let verifier = NoteSigner::of_log(&origin, &Seed::from_bytes([6; 32])).verifier().clone();
    let whole = scene.folder.root().join("whole");
    write_bundle(&prover, &Names::sealed(), About::default(), Later::Refused, &whole).unwrap();
    let all = fs::read_to_string(whole.join("events.jsonl")).unwrap();
    let (scope, kept) = (bundle.join("scope.json"), fs::read_to_string(bundle.join("events.jsonl")).unwrap());
    let four = fs::read_to_string(&scope).unwrap().replace("\"events\":3", "\"events\":4");
    fs::write(scope, four).unwrap();
    for position in 22..=26 {
        let line = all.lines().nth(position - 1).unwrap();
        fs::write(bundle.join("events.jsonl"), format!("{kept}{line}\n")).unwrap();
        let proof = format!("proofs/{position}.tlog-proof");
        fs::copy(whole.join(&proof), bundle.join(&proof)).unwrap();
        let refusal = check_bundle(&bundle, &verifier).map(drop).unwrap_err().to_string();
        assert!(refusal.contains("nothing of it bears on the key"), "position {position}: {refusal}");
        fs::remove_file(bundle.join(&proof)).unwrap();
    }
}
