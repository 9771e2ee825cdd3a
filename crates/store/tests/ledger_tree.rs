//! The Merkle tree of a ledger: what RFC 6962 says it is, at every size, with proofs that read little of it.
#![allow(clippy::unwrap_used, reason = "a test may; clippy knows only functions marked as one")]

#[path = "common/disk.rs"]
mod disk;
#[path = "common/ledgers.rs"]
mod ledgers;
#[path = "common/locks.rs"]
mod locks;

use keyledger_store::tree::tile::{Bundle, Tile};
use keyledger_store::tree::{Subtree, TreeHash, check_consistency, check_inclusion};
use keyledger_store::{Ledger, OpenOptions, Snapshot, StoreError};

use disk::Disk;
use ledgers::{Dice, LEDGER, grow};

fn created() -> Ledger {
    Ledger::create_on(Disk::default(), LEDGER, &OpenOptions::default()).unwrap()
}

fn envelopes(snapshot: &Snapshot) -> Vec<Vec<u8>> {
    let mut all = vec![];
    snapshot
        .scan_envelopes(|_, envelope| {
            all.push(envelope.to_owned());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    all
}

/// The oracle: RFC 6962, section 2.1, as it stands there.
fn plain_root(leaves: &[Vec<u8>]) -> TreeHash {
    match leaves {
        [] => TreeHash::of_nothing(),
        [leaf] => TreeHash::of_leaf(leaf),
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            TreeHash::of_pair(plain_root(&leaves[..split]), plain_root(&leaves[split..]))
        }
    }
}

#[test]
fn at_every_size_the_tree_is_that_of_the_envelopes_as_stored() {
    let ledger = created();
    assert_eq!(ledger.snapshot().unwrap().tree().root(0).unwrap(), TreeHash::of_nothing());
    // Commits of many sizes: blocks are begun, filled and crossed in all ways.
    for round in 0..12 {
        grow(&ledger, 20 + round, 4);
        let snapshot = ledger.snapshot().unwrap();
        let leaves = envelopes(&snapshot);
        let size = leaves.len() as u64;
        assert_eq!(snapshot.tree().root(size).unwrap(), plain_root(&leaves), "{size}");
    }
    let snapshot = ledger.snapshot().unwrap();
    let (leaves, mut tree) = (envelopes(&snapshot), snapshot.tree());
    let mut ahead = snapshot.tree().left_to_right();
    assert!(leaves.len() > 2 * 16, "{}", leaves.len());
    let roots: Vec<_> = (0..=leaves.len()).map(|size| plain_root(&leaves[..size])).collect();
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(tree.root(size as u64).unwrap(), *root, "{size}");
        assert_eq!(ahead.root(size as u64).unwrap(), *root, "{size}");
        assert_eq!(tree.frontier(size as u64, *root).unwrap().unwrap().root(), *root);
        assert!(tree.frontier(size as u64, TreeHash([9; 32])).unwrap().is_err());
        for index in (0..size).step_by(7) {
            let path = tree.inclusion(index as u64, size as u64).unwrap();
            assert_eq!(ahead.inclusion(index as u64, size as u64).unwrap(), path);
            let leaf = TreeHash::of_leaf(&leaves[index]);
            assert_eq!(check_inclusion(leaf, index as u64, size as u64, &path, *root), Ok(()));
        }
        for old in (0..=size).step_by(11) {
            let path = tree.consistency(old as u64, size as u64).unwrap();
            let (before, after) = ((old as u64, roots[old]), (size as u64, *root));
            assert_eq!(check_consistency(before, after, &path), Ok(()), "{old} to {size}");
        }
    }
}

#[test]
fn whoever_reads_all_of_it_left_to_right_reads_many_blocks_at_once() {
    let ledger = created();
    grow(&ledger, 1, 700);
    let snapshot = ledger.snapshot().unwrap();
    let (mut tree, size) = (snapshot.tree().left_to_right(), snapshot.head().position.number());
    for (index, envelope) in envelopes(&snapshot).iter().enumerate() {
        let leaf = Subtree { height: 0, index: index as u64 };
        assert_eq!(tree.subtree(leaf).unwrap(), TreeHash::of_leaf(envelope));
    }
    assert!(size > 2_048 && tree.reads() <= 1 + size / (64 * 16), "{} reads for {size} leaves", tree.reads());
    assert!(tree.subtree(Subtree { height: 0, index: size }).is_err());
}

#[test]
fn a_proof_reads_a_few_blocks_however_long_the_log_is() {
    let ledger = created();
    grow(&ledger, 1, 1_300);
    let snapshot = ledger.snapshot().unwrap();
    let size = snapshot.head().position.number();
    assert!(size > 4_096, "{size}");
    let levels = u64::from(size.ilog2() / 4 + 1);
    let mut dice = Dice(3);
    for _ in 0..300 {
        let index = dice.below(size);
        for old in [None, Some(dice.below(size))] {
            let mut tree = snapshot.tree();
            match old {
                None => drop(tree.inclusion(index, size).unwrap()),
                Some(old) => drop(tree.consistency(old, size).unwrap()),
            }
            // On each level the block of the path, the one beside it, and the one at the right edge.
            assert!(tree.reads() <= 3 * levels, "{} blocks for {index} of {size}", tree.reads());
        }
    }
}

#[test]
fn tiles_and_bundles_are_cut_from_the_tree_and_the_log() {
    let ledger = created();
    grow(&ledger, 1, 300);
    let snapshot = ledger.snapshot().unwrap();
    let leaves = envelopes(&snapshot);
    let size = leaves.len() as u64;
    assert!(size > 2 * 256, "{size}");
    let hashes = |of: &[Vec<u8>]| of.iter().flat_map(|leaf| TreeHash::of_leaf(leaf).0).collect::<Vec<u8>>();
    let mut tree = snapshot.tree();
    let mut tile = |path: &str, size| tree.tile(&Tile::parse(path).unwrap(), size).unwrap();
    assert_eq!(tile("0/000", size).unwrap(), hashes(&leaves[..256]));
    assert_eq!(tile("0/001.p/77", size).unwrap(), hashes(&leaves[256..333]));
    assert_eq!(tile("0/001.p/77", 332), None, "beyond what was signed");
    let two: Vec<u8> =
        [plain_root(&leaves[..256]), plain_root(&leaves[256..512])].iter().flat_map(|hash| hash.0).collect();
    assert_eq!(tile("1/000.p/2", size).unwrap(), two);
    assert_eq!(tile("1/000.p/1", size).unwrap(), two[..32]);
    assert_eq!((tile("1/000.p/100", size), tile("2/000.p/1", size)), (None, None));
    assert_eq!(Bundle::parse("001.p/3").unwrap().within(size).unwrap().1, 3);
}

/// Whoever can write the file can put rows where the next commit looks for what it goes on from.
#[test]
fn what_is_stored_beyond_the_size_is_seen() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("ledger.redb");
    for size in [1, 15, 16, 17, 255, 256, 257, 300] {
        drop(std::fs::remove_file(&path));
        let ledger = Ledger::create(&path, LEDGER, &OpenOptions::default()).unwrap();
        let mut commits = 0;
        while ledger.snapshot().unwrap().head().position.number() < size {
            commits += 1;
            grow(&ledger, commits, 1);
        }
        let size = ledger.snapshot().unwrap().head().position.number();
        assert!(ledger.snapshot().unwrap().tree().has_no_more().unwrap(), "{size}");
        ledger.close().unwrap();
        let levels = (0..).take_while(|level| size >> (4 * level) > 0);
        let last = |level: u64| (level, ((size >> (4 * level)) - 1) / 16);
        for (level, place) in levels.clone().map(last).chain([(0, size / 16 + 1), (levels.count() as u64, 0)])
        {
            let good = std::fs::read(&path).unwrap();
            plant(&path, level, place);
            let ledger = Ledger::open(&path, &OpenOptions::default()).unwrap();
            let seen = ledger.snapshot().unwrap().tree().has_no_more();
            assert!(!seen.is_ok_and(|it| it), "{size}, level {level}, block {place}");
            drop(ledger);
            std::fs::write(&path, good).unwrap();
        }
    }
}

/// Puts a hash behind those of a block, or makes one of it. Whole blocks are too long then.
fn plant(path: &std::path::Path, level: u64, place: u64) {
    let database = redb::Database::open(path).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut tree = txn.open_table(redb::TableDefinition::<&[u8], &[u8]>::new("tree")).unwrap();
        let key = [&[u8::MAX - level as u8][..], &place.to_be_bytes()].concat();
        let found = redb::ReadableTable::get(&tree, key.as_slice()).unwrap().map(|row| row.value().to_vec());
        let mut row = found.map_or_else(Vec::new, |row| row[..row.len() - 8].to_vec());
        row.extend([7; 32]);
        let check = blake3::Hasher::new().update(&key).update(&row).finalize();
        row.extend_from_slice(&check.as_bytes()[..8]);
        tree.insert(key.as_slice(), row.as_slice()).unwrap();
    }
    txn.commit().unwrap();
}
