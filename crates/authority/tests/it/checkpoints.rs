//! Checkpoints: no two are ever signed that do not fit, and none leaves before it is kept.

use std::fs;
use std::path::{Path, PathBuf};

use credentials::note::{Note, NoteSigner, NoteVerifier};
use credentials::signing_key::Seed;
use domain::Command;
use domain::event::Event;
use domain::origin::LogOrigin;
use domain::time::Position;
use keyledger_authority::proof::{Bundle, Tile};
use keyledger_authority::{Authority, Failure, OpenError, Options, Rollback};
use redb::TableDefinition;
use store::StoreError;
use store::checkpoint::Checkpoint;
use store::tree::{TreeHash, check_consistency, check_inclusion};

use crate::scene::{Scene, key_input};

fn read(note: &str, key: &NoteVerifier) -> Checkpoint {
    let note = Note::parse(note).unwrap();
    note.check(key).unwrap();
    Checkpoint::parse(note.text()).unwrap()
}

fn signed(scene: &Scene) -> Checkpoint {
    read(&scene.authority.checkpoint().unwrap(), scene.authority.verifier_key().unwrap())
}

/// One that covers the last event: a younger one is not asked for twice in a second.
fn covering(scene: &Scene) -> Checkpoint {
    let receipt = scene.authority.receipt(None, scene.authority.position()).unwrap().unwrap();
    read(&receipt.proof.checkpoint, scene.authority.verifier_key().unwrap())
}

fn fits(scene: &Scene, old: &Checkpoint, new: &Checkpoint) -> bool {
    let snapshot = scene.authority.snapshot().unwrap();
    let proof = snapshot.tree().consistency(old.size.number(), new.size.number()).unwrap();
    check_consistency((old.size.number(), old.root), (new.size.number(), new.root), &proof).is_ok()
}

fn make_a_key(scene: &Scene, name: &str) {
    scene.own_key(&key_input(name));
}

fn kept(scene: &Scene) -> PathBuf {
    scene.options.folder.checkpoint()
}

/// Copies a folder, without what is in it besides files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn each_checkpoint_fits_the_ones_before_also_after_a_restart() {
    let mut scene = Scene::new();
    let key = scene.authority.verifier_key().unwrap().clone();
    assert!(key.name().starts_with("keyledger/"), "{key}");
    let mut all = vec![signed(&scene)];
    assert_eq!(all[0].size, scene.authority.position());
    for round in 0..6 {
        make_a_key(&scene, &format!("key {round}"));
        if round % 2 == 1 {
            scene = scene.reopened();
            assert_eq!(scene.authority.verifier_key(), Some(&key));
        }
        let new = covering(&scene);
        assert_eq!(new.size, scene.authority.position());
        assert_eq!(read(&fs::read_to_string(kept(&scene)).unwrap(), &key), new, "it is kept");
        for old in &all {
            assert!(fits(&scene, old, &new), "{old:?} {new:?}");
        }
        all.push(new);
    }
    // Asked again, it is the same.
    assert_eq!(signed(&scene), all[all.len() - 1]);
}

#[test]
fn a_receipt_proves_the_event_and_shows_it_to_whoever_may_read_it() {
    let scene = Scene::new();
    make_a_key(&scene, "one");
    let caller =
        scene.authority.authenticate(keyledger_authority::Shown::from_nowhere(&scene.root), None).unwrap();
    let snapshot = scene.authority.snapshot().unwrap();
    for number in 1..=snapshot.head().position.number() {
        let position = Position::new(number);
        let receipt = scene.authority.receipt(Some(&caller), position).unwrap().unwrap();
        let checkpoint = read(&receipt.proof.checkpoint, scene.authority.verifier_key().unwrap());
        let envelope = receipt.proof.extra.unwrap();
        assert_eq!(Some(&envelope), snapshot.envelope(position).unwrap().as_ref());
        let (leaf, size) = (TreeHash::of_leaf(&envelope), checkpoint.size.number());
        assert_eq!(receipt.proof.index, number - 1);
        assert_eq!(check_inclusion(leaf, number - 1, size, &receipt.proof.path, checkpoint.root), Ok(()));
        assert_eq!(scene.authority.receipt(None, position).unwrap().unwrap().proof.extra, None);
    }
    for nowhere in [Position::START, snapshot.head().position.next(), Position::new(u64::MAX)] {
        assert!(scene.authority.receipt(Some(&caller), nowhere).unwrap().is_none());
    }
}

#[test]
fn what_cannot_be_kept_is_not_shown() {
    let scene = Scene::new();
    let before = signed(&scene);
    make_a_key(&scene, "one");
    // In the place of the file that is written beside.
    let beside = kept(&scene).with_extension("checkpoint.new");
    fs::create_dir(&beside).unwrap();
    let position = scene.authority.position();
    assert!(scene.authority.receipt(None, position).is_err());
    let key = scene.authority.verifier_key().unwrap();
    assert_eq!(read(&fs::read_to_string(kept(&scene)).unwrap(), key), before);
    assert!(scene.authority.tile(&Tile::parse(&format!("0/000.p/{position}")).unwrap()).unwrap().is_none());
    fs::remove_dir(&beside).unwrap();
    assert_eq!(covering(&scene).size, position);
}

/// What the log's own key signed is proof, also where the guard went back with the ledger: what was revoked would work again.
#[test]
fn a_ledger_without_what_was_signed_is_refused_until_that_is_accepted_and_then_another_key_signs() {
    let scene = Scene::new();
    let options = scene.options.clone();
    let (data, aside) = (options.folder.root().to_owned(), scene.folder.path().join("aside"));
    let scene = scene.reopened_after(|| copy(&data, &aside), options.clone());
    make_a_key(&scene, "lost");
    let lost = covering(&scene);
    let first_key = scene.authority.verifier_key().unwrap().clone();
    let checkpoint = fs::read(kept(&scene)).unwrap();
    let refused = || {
        let error = Authority::open(options.clone()).err().unwrap();
        let OpenError::Store(StoreError::NotAsSigned { signed, .. }) = error else { panic!("{error}") };
        assert_eq!(signed, lost.size);
    };
    // The ledger and its guard go back together, so that only the checkpoint tells.
    let back = || {
        for file in ["ledger.redb", "guard"] {
            fs::copy(aside.join(file), data.join(file)).unwrap();
        }
        refused();
        // Where that was not seen, the ledger has grown beyond.
        fs::remove_file(data.join("guard.checkpoint")).unwrap();
    };
    let scene = scene.reopened_after(back, options.clone());
    while scene.authority.position() <= lost.size {
        make_a_key(&scene, "another");
    }
    let accepting = Options { rollback: Rollback::Accept, ..options.clone() };
    let grown = || {
        fs::write(data.join("guard.checkpoint"), &checkpoint).unwrap();
        refused();
        // Where it could not be recorded, what tells of it stays.
        let signing = data.join("secrets/signing");
        fs::rename(&signing, signing.with_extension("aside")).unwrap();
        fs::write(&signing, "").unwrap();
        assert!(Authority::open(accepting.clone()).is_err());
        fs::remove_file(&signing).unwrap();
        fs::rename(signing.with_extension("aside"), &signing).unwrap();
        refused();
    };
    let scene = scene.reopened_after(grown, accepting.clone());
    let second_key = scene.authority.verifier_key().unwrap().clone();
    assert_ne!(second_key, first_key);
    assert_eq!(signed(&scene).size, scene.authority.position());
    let retired = fs::read_to_string(kept(&scene).with_extension("checkpoint.retired")).unwrap();
    assert_eq!(read(&retired, &first_key), lost, "the evidence is kept");
    let accepted = scene.log().into_iter().filter_map(|recorded| match recorded.event {
        Event::RollbackAccepted { guard_position, .. } => Some(guard_position),
        _ => None,
    });
    assert_eq!(accepted.collect::<Vec<_>>(), [lost.size], "it is recorded, as any rollback is");
    // Where nothing was lost, the key stays.
    let scene = scene.reopened_after(|| {}, Options { rollback: Rollback::Accept, ..options });
    assert_eq!(scene.authority.verifier_key(), Some(&second_key));
}

#[test]
fn where_the_highest_checkpoint_is_missing_or_unreadable_none_is_signed() {
    let mut scene = Scene::new();
    make_a_key(&scene, "one");
    let good = signed(&scene);
    let text = fs::read_to_string(kept(&scene)).unwrap();
    let path = kept(&scene);
    let byte = [&text.as_bytes()[..30], b"\xff", &text.as_bytes()[31..]].concat();
    let in_part = &text.as_bytes()[..text.len() / 2];
    for bad in [None, Some(&b""[..]), Some(b"no note"), Some(in_part), Some(&byte)] {
        let spoil = || match bad {
            None => fs::remove_file(&path).unwrap(),
            Some(bad) => fs::write(&path, bad).unwrap(),
        };
        let options = scene.options.clone();
        scene = scene.reopened_after(spoil, options);
        assert_eq!(scene.authority.checkpoint(), Err(Failure::NoCheckpoint), "{bad:?}");
        fs::write(&path, &text).unwrap();
    }
    scene = scene.reopened();
    assert!(fits(&scene, &good, &signed(&scene)));

    let accepting = Options { rollback: Rollback::Accept, ..scene.options.clone() };
    let key = scene.authority.verifier_key().unwrap().clone();
    let scene = scene.reopened_after(|| fs::write(&path, &byte).unwrap(), accepting);
    assert_ne!(scene.authority.verifier_key(), Some(&key));
    assert_eq!(signed(&scene).size, scene.authority.position());
}

/// Whoever can write the folder and has no key can write a ledger, a guard and a checkpoint that fit each other.
#[test]
fn a_checkpoint_that_the_key_did_not_sign_is_not_gone_on_from() {
    let mut scene = Scene::new();
    make_a_key(&scene, "one");
    let good = signed(&scene);
    let (path, secret) = (kept(&scene), scene.options.folder.note_key());
    let key = fs::read_to_string(&secret).unwrap();
    let nothing = Checkpoint::of_nothing(good.origin.clone());
    let forger = NoteSigner::of_log(&good.origin, &Seed::from_bytes([1; 32]));
    let forged = forger.sign(&nothing.to_string()).to_string();
    // The public half is not encrypted: it can be replaced by the forger's own.
    let public: String = forger.verifier().public_key().0.iter().map(|byte| format!("{byte:02x}")).collect();
    for secret_of in [key.clone(), format!("{public} {}", key.split_once(' ').unwrap().1)] {
        let spoil = || {
            fs::write(&path, &forged).unwrap();
            fs::write(&secret, &secret_of).unwrap();
        };
        let options = scene.options.clone();
        scene = scene.reopened_after(spoil, options);
        assert_eq!(scene.authority.checkpoint(), Err(Failure::NoCheckpoint));
        assert!(scene.authority.receipt(None, Position::new(1)).is_err());
    }
    let options = scene.options.clone();
    scene = scene.reopened_after(|| fs::write(&secret, &key).unwrap(), options.clone());
    let first = scene.authority.verifier_key().unwrap().clone();
    let accepting = Options { rollback: Rollback::Accept, ..options };
    let scene = scene.reopened_after(|| {}, accepting);
    assert_ne!(scene.authority.verifier_key(), Some(&first), "what it signed is not known");
    assert_eq!(signed(&scene).size, scene.authority.position());
}

#[test]
fn without_a_whole_key_none_is_signed_until_that_is_accepted() {
    let mut scene = Scene::new();
    let good = signed(&scene);
    let (path, first) = (scene.options.folder.note_key(), scene.authority.verifier_key().unwrap().clone());
    let whole = fs::read(&path).unwrap();
    let damaged = |at: usize, byte: u8| [&whole[..at], &[byte], &whole[at + 1..]].concat();
    // No text, no digit, and in the private half another digit.
    let other = if whole[100] == b'0' { b'1' } else { b'0' };
    for bad in [damaged(10, 0xFF), damaged(10, b'g'), damaged(100, other)] {
        let options = scene.options.clone();
        scene = scene.reopened_after(|| fs::write(&path, &bad).unwrap(), options.clone());
        assert_eq!(scene.authority.checkpoint(), Err(Failure::NoCheckpoint));
        make_a_key(&scene, "verification and changes go on");
        scene = scene.reopened_after(|| fs::write(&path, &whole).unwrap(), options.clone());
        assert!(fits(&scene, &good, &signed(&scene)));
        assert_eq!(scene.authority.verifier_key(), Some(&first));

        let aside = scene.folder.path().join(format!("aside {}", bad[10]));
        copy(options.folder.root(), &aside);
        fs::write(aside.join("secrets/note.key"), &bad).unwrap();
        let folder = store::DataFolder::at(&aside);
        let accepting = Options { folder, rollback: Rollback::Accept, ..options };
        let accepted = Authority::open(accepting).unwrap();
        assert_ne!(accepted.verifier_key(), Some(&first));
        read(&accepted.checkpoint().unwrap(), accepted.verifier_key().unwrap());
        assert!(fs::read(aside.join("secrets/note.key.retired")).unwrap() == bad);
    }
}

/// The new key says at once what the lost one said: at the next start, what it did not sign counts for nothing.
#[test]
fn where_the_key_is_lost_a_new_one_goes_on_from_the_same_checkpoint() {
    let scene = Scene::new();
    let before = signed(&scene);
    let (options, secret) = (scene.options.clone(), scene.options.folder.note_key());
    let scene = scene.reopened_after(|| fs::remove_file(&secret).unwrap(), options).reopened();
    make_a_key(&scene, "one");
    assert!(fits(&scene, &before, &covering(&scene)));
}

/// What a start that was killed had put aside, the next one does not go on from; and nothing is put in the place of evidence.
#[test]
fn each_key_that_is_given_up_is_kept_with_its_checkpoint() {
    let scene = Scene::new();
    let (options, path) = (scene.options.clone(), kept(&scene));
    let secret = options.folder.note_key();
    let retired = path.with_extension("checkpoint.retired");
    let accepting = Options { rollback: Rollback::Accept, ..options };
    let notes = [fs::read(&path).unwrap(), b"not one of ours".to_vec()];
    let first = fs::read(&secret).unwrap();
    // Killed between the two.
    let scene = scene.reopened_after(|| fs::rename(&path, &retired).unwrap(), accepting.clone());
    assert!(fs::read(secret.with_extension("key.retired")).unwrap() == first);
    let second = fs::read(&secret).unwrap();
    let scene = scene.reopened_after(|| fs::write(&path, &notes[1]).unwrap(), accepting);
    assert_eq!(fs::read(&retired).unwrap(), notes[0]);
    assert_eq!(fs::read(path.with_extension("checkpoint.retired.2")).unwrap(), notes[1]);
    assert!(fs::read(secret.with_extension("key.retired.2")).unwrap() == second);
    assert_eq!(signed(&scene).size, scene.authority.position());
}

#[test]
fn a_ledger_from_before_gets_its_key_at_the_first_start() {
    let scene = Scene::new();
    let (options, path) = (scene.options.clone(), kept(&scene));
    let secret = options.folder.note_key();
    let forget = || {
        fs::remove_file(&path).unwrap();
        fs::remove_file(&secret).unwrap();
    };
    let scene = scene.reopened_after(forget, options);
    assert_eq!(signed(&scene).size, scene.authority.position());
    let key = fs::read_to_string(secret).unwrap();
    assert_eq!(key.split_once(' ').unwrap().1.trim_end().len(), 2 * 72, "the private half is encrypted");
}

#[test]
fn the_origin_is_a_setting_and_another_one_is_signed_anew() {
    let scene = Scene::new();
    let before = signed(&scene);
    let origin = LogOrigin::parse("keys.example.com/tlog").unwrap();
    let options = Options { origin: Some(origin.clone()), ..scene.options.clone() };
    let scene = scene.reopened_after(|| {}, options);
    let after = signed(&scene);
    assert_eq!((&after.origin, after.size, after.root), (&origin, before.size, before.root));
}

/// Changes a byte of a block of the tree, as an intruder may who can write to the file, checks and all.
fn forge(ledger: &Path, block: impl Fn(&[Vec<u8>]) -> Vec<u8>, byte: usize) {
    let database = redb::Database::open(ledger).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut tree = txn.open_table(TableDefinition::<&[u8], &[u8]>::new("tree")).unwrap();
        let rows = redb::ReadableTable::iter(&tree).unwrap();
        let keys: Vec<_> = rows.map(|row| row.unwrap().0.value().to_vec()).collect();
        let key = block(&keys);
        let mut value = redb::ReadableTable::get(&tree, key.as_slice()).unwrap().unwrap().value().to_vec();
        let end = value.len() - 8;
        value[byte.min(end - 1)] ^= 1;
        let check = blake3::Hasher::new().update(&key).update(&value[..end]).finalize();
        value[end..].copy_from_slice(&check.as_bytes()[..8]);
        tree.insert(key.as_slice(), value.as_slice()).unwrap();
    }
    txn.commit().unwrap();
}

/// The first block of leaves: they come last in the table.
fn first_leaves(keys: &[Vec<u8>]) -> Vec<u8> {
    keys.iter().find(|key| key[0] == 255).unwrap().clone()
}

fn rebuilt(scene: Scene) -> Scene {
    let options = scene.options.clone();
    let rebuild =
        || store::Ledger::open(&options.folder.ledger(), &options.ledger).unwrap().rebuild().unwrap();
    scene.reopened_after(rebuild, options.clone())
}

/// The envelopes are hashed anew before each signature.
#[test]
fn a_tree_that_is_not_that_of_the_envelopes_is_not_signed() {
    let scene = Scene::new();
    drop(signed(&scene));
    let options = scene.options.clone();
    let ledger = options.folder.ledger();
    make_a_key(&scene, "one");
    let last = |keys: &[Vec<u8>]| keys.last().unwrap().clone();
    let scene = scene.reopened_after(|| forge(&ledger, last, usize::MAX), options);
    assert_eq!(scene.authority.checkpoint(), Err(Failure::NoCheckpoint));
    assert!(rebuilt(scene).authority.checkpoint().is_ok());
}

/// The log is whole, and no rollback: but no proof would lead to what was signed.
#[test]
fn where_the_tree_lacks_what_was_signed_nothing_is_shown_until_it_is_rebuilt() {
    let scene = Scene::new();
    let good = signed(&scene);
    let key = scene.authority.verifier_key().unwrap().clone();
    let options = scene.options.clone();
    let ledger = options.folder.ledger();
    let mut scene = scene.reopened_after(|| forge(&ledger, first_leaves, 0), options.clone());
    for rollback in [Rollback::Refuse, Rollback::Accept] {
        let authority = &scene.authority;
        assert_eq!(authority.checkpoint(), Err(Failure::NoCheckpoint));
        assert_eq!(authority.checkpoint_of_now(), Err(Failure::NoCheckpoint));
        assert_eq!(authority.cosigned_checkpoint(), Err(Failure::NoCheckpoint));
        assert_eq!(authority.receipt(None, Position::new(1)).unwrap_err(), Failure::NoCheckpoint);
        let tile = Tile::parse(&format!("0/000.p/{}", good.size)).unwrap();
        assert_eq!(authority.tile(&tile), Err(Failure::NoCheckpoint));
        let caller =
            authority.authenticate(keyledger_authority::Shown::from_nowhere(&scene.root), None).unwrap();
        let bundle = Bundle::parse(&format!("000.p/{}", good.size)).unwrap();
        assert_eq!(authority.entries(&caller, &bundle), Err(Failure::NoCheckpoint));
        assert_eq!(authority.to_be_witnessed().unwrap_err(), Failure::NoCheckpoint);
        // No history is given up: the key that auditors know stays.
        scene = scene.reopened_after(|| {}, Options { rollback, ..options.clone() });
    }
    let scene = rebuilt(scene);
    assert_eq!(scene.authority.verifier_key(), Some(&key));
    assert!(fits(&scene, &good, &signed(&scene)));
}

/// A hash that decides no root is not met by what is looked at before a signature.
#[test]
fn a_proof_that_does_not_lead_to_what_was_signed_does_not_leave() {
    let scene = Scene::new();
    // More than a block of leaves: what is above it is stored by itself.
    (0..20).for_each(|number| make_a_key(&scene, &format!("key {number}")));
    drop(covering(&scene));
    let options = scene.options.clone();
    let ledger = options.folder.ledger();
    let scene = scene.reopened_after(|| forge(&ledger, first_leaves, 0), options);
    let receipt = |position| scene.authority.receipt(None, Position::new(position)).map(drop);
    for position in 2..=16 {
        assert_eq!(receipt(position), Err(Failure::NoCheckpoint), "position {position}");
    }
    // Neither leads over the changed hash: the first one is that of the event itself.
    assert_eq!((receipt(1), receipt(20)), (Ok(()), Ok(())));
}

#[test]
fn readers_and_writers_at_once_get_checkpoints_that_fit() {
    let scene = Scene::new();
    let key = scene.authority.verifier_key().unwrap();
    let all: Vec<Checkpoint> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let last = |_| {
                        let position = scene.authority.position();
                        let receipt = scene.authority.receipt(None, position).unwrap().unwrap();
                        read(&receipt.proof.checkpoint, key)
                    };
                    (0..60).map(last).collect::<Vec<_>>()
                })
            })
            .collect();
        for number in 0..40 {
            scene.must(if number % 2 == 0 {
                Command::DisableKey { key: scene.own_key(&key_input("busy")).0 }
            } else {
                Command::DisableKey { key: scene.own_key(&key_input("idle")).0 }
            });
        }
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
    });
    let last = covering(&scene);
    for checkpoint in &all {
        assert!(fits(&scene, checkpoint, &last), "{checkpoint:?}");
    }
    assert!(all.iter().any(|checkpoint| checkpoint.size != last.size));
}
