//! Hashes and proofs are those of the plain definitions, at every size; anything else is refused.

use std::convert::Infallible;

use super::*;

/// RFC 6962, section 2.1, as it stands there.
fn plain_root(leaves: &[Vec<u8>]) -> TreeHash {
    match leaves {
        [] => TreeHash::of_nothing(),
        [leaf] => TreeHash::of_leaf(leaf),
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            TreeHash::of_pair(plain_root(&leaves[..split]), plain_root(&leaves[split..]))
        }
    }
}

/// The same for the path of section 2.1.1.
fn plain_path(index: usize, leaves: &[Vec<u8>]) -> Vec<TreeHash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let mut split = 1;
    while split * 2 < leaves.len() {
        split *= 2;
    }
    let (left, right) = leaves.split_at(split);
    let (mut path, sibling) = if index < split {
        (plain_path(index, left), plain_root(right))
    } else {
        (plain_path(index - split, right), plain_root(left))
    };
    path.push(sibling);
    path
}

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("leaf {n}").into_bytes()).collect()
}

/// Complete subtrees, computed anew from the leaves.
fn of(leaves: &[Vec<u8>]) -> impl FnMut(Subtree) -> Result<TreeHash, Infallible> {
    |Subtree { height, index }| {
        let (count, index) = (1_usize << height, usize::try_from(index).unwrap());
        Ok(plain_root(&leaves[index * count..(index + 1) * count]))
    }
}

#[test]
fn the_hashes_are_those_of_rfc_6962() {
    // Known from Certificate Transparency's test vectors.
    let hex = |hash: TreeHash| hash.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        hex(TreeHash::of_nothing()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hex(TreeHash::of_leaf(b"")),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    let hash = TreeHash::of_leaf(b"x");
    assert_eq!(TreeHash::parse(&hash.to_string()), Some(hash));
    for bad in ["", "AAAA", &hash.to_string()[1..], &format!("{hash}="), &hash.to_string().replace('=', "")] {
        assert_eq!(TreeHash::parse(bad), None, "{bad}");
    }
}

#[test]
fn roots_and_proofs_are_those_of_the_plain_definition() {
    let all = leaves(70);
    let mut frontier = Frontier::default();
    for size in 0..=all.len() {
        let tree = &all[..size];
        let expected = plain_root(tree);
        let Ok(found) = root(size as u64, of(tree));
        assert_eq!(found, expected, "{size}");
        assert_eq!((frontier.size(), frontier.root()), (size as u64, expected), "{size}");
        assert_eq!(Frontier::of(size as u64, of(tree)), Ok(frontier.clone()), "{size}");
        for index in 0..size {
            let Ok(path) = inclusion(index as u64, size as u64, of(tree));
            assert_eq!(path, plain_path(index, tree), "{index} of {size}");
            let leaf = TreeHash::of_leaf(&tree[index]);
            assert_eq!(check_inclusion(leaf, index as u64, size as u64, &path, expected), Ok(()));
        }
        for old in 0..=size {
            let Ok(path) = consistency(old as u64, size as u64, of(tree));
            let (before, after) = ((old as u64, plain_root(&tree[..old])), (size as u64, expected));
            assert_eq!(check_consistency(before, after, &path), Ok(()), "{old} to {size}");
        }
        if let Some(leaf) = all.get(size) {
            frontier.push(TreeHash::of_leaf(leaf), |Subtree { height, index }, hash| {
                let first = usize::try_from(index << height).unwrap();
                assert_eq!(hash, plain_root(&all[first..first + (1 << height)]));
            });
        }
    }
}

#[test]
fn any_other_proof_is_refused() {
    let all = leaves(21);
    let other = TreeHash::of_leaf(b"another");
    for size in 1..=all.len() as u64 {
        let tree = &all[..size as usize];
        let top = plain_root(tree);
        for index in 0..size {
            let leaf = TreeHash::of_leaf(&tree[index as usize]);
            let Ok(path) = inclusion(index, size, of(tree));
            let check = |leaf, index, size, path: &[TreeHash], top| {
                assert_eq!(check_inclusion(leaf, index, size, path, top), Err(Unproven), "{index} of {size}");
            };
            check(other, index, size, &path, top);
            check(leaf, index, size, &path, other);
            check(leaf, size, size, &path, top);
            check(leaf, index, size, &[path.clone(), vec![other]].concat(), top);
            for wrong in (0..size).filter(|wrong| *wrong != index) {
                check(leaf, wrong, size, &path, top);
            }
            for place in 0..path.len() {
                let mut changed = path.clone();
                changed[place] = other;
                check(leaf, index, size, &changed, top);
                changed.remove(place);
                check(leaf, index, size, &changed, top);
            }
        }
        for old in 1..=size {
            let Ok(path) = consistency(old, size, of(tree));
            let before = (old, plain_root(&tree[..old as usize]));
            let check = |before, after, path: &[TreeHash]| {
                assert_eq!(check_consistency(before, after, path), Err(Unproven), "{old} to {size}");
            };
            check((old, other), (size, top), &path);
            check(before, (size, other), &path);
            check((size + 1, top), (size, top), &path);
            check(before, (size, top), &[path.clone(), vec![other]].concat());
            for place in 0..path.len() {
                let mut changed = path.clone();
                changed[place] = other;
                check(before, (size, top), &changed);
                changed.remove(place);
                check(before, (size, top), &changed);
            }
        }
    }
}
