//! What the doctor sees of the data folder from outside: who may read it, and what storage it is on.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use authority::SecretSources;
use rustix::fs::Access;
use rustix::io::Errno;
use store::DataFolder;
use store::files::followed;

use crate::commands::doctor::finding::Finding;
use crate::output::shell_word;

/// Below so much free room a warning is given, and below so much the next commits may fail.
const FREE_BYTES_WARN: u64 = 1 << 30;
const FREE_BYTES_FAIL: u64 = 64 << 20;

/// Storage by its magic number (statfs(2)) that a ledger should not be on, and why.
const DOUBTFUL: [(u64, &str); 8] = [
    (0x6969, "NFS: locks and fsync depend on the server and its mount options"),
    (0x517B, "SMB: byte-range locks and fsync are not what the ledger expects"),
    (0xFF53_4D42, "CIFS: byte-range locks and fsync are not what the ledger expects"),
    (0xFE53_4D42, "SMB: byte-range locks and fsync are not what the ledger expects"),
    (0x0102_1997, "9p: locks and fsync depend on the host"),
    (0x6573_5546, "FUSE: locks and fsync depend on the program behind it"),
    (0x0102_1994, "tmpfs: everything on it is gone after a restart of the machine"),
    (0x794C_7630, "overlayfs, a container's own layer: everything on it is gone with the container"),
];

/// There is a folder at all, and whoever asks can look at it.
pub fn absent(folder: &DataFolder) -> Option<Finding> {
    let root = folder.root();
    let (what, next) = match fs::metadata(root) {
        Ok(file) if file.is_dir() => return None,
        Ok(_) => ("is a file, and no data folder".to_owned(), "give the right --data"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            ("is not there".to_owned(), "give the right --data, or mount it; init makes a new one")
        }
        Err(error) => (format!("cannot be looked at: {error}"), "run this as the folder's owner"),
    };
    Some(Finding::fail("data folder", format!("{} {what}", root.display()), next))
}

/// Whoever asks could write what a server writes.
pub fn writable(folder: &DataFolder) -> Vec<Finding> {
    let guard = guard_file(folder);
    let beside_guard = guard.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = [
        folder.root().to_owned(),
        folder.ledger(),
        folder.secrets(),
        folder.subjects(),
        folder.secrets().join("signing"),
        beside_guard.unwrap_or(Path::new(".")).to_owned(),
    ];
    let refused: BTreeMap<_, _> = written
        .into_iter()
        .filter_map(|path| Some((rustix::fs::access(&path, Access::WRITE_OK).err()?, path)))
        // What is missing is told of elsewhere.
        .filter(|(error, _)| *error != Errno::NOENT)
        .map(|(error, path)| (path, error))
        .collect();
    // The first stands for what lies below it.
    let Some((path, error)) = refused.first_key_value() else { return vec![] };
    let word = shell_word(&path.to_string_lossy());
    let next = match *error {
        Errno::ROFS => format!(
            "have its file system writable; see findmnt -T {word}, and the system's log for why it is not"
        ),
        _ => "run this and the server as the folder's owner, and let that one write".to_owned(),
    };
    let detail = format!("{} cannot be written: {error}", path.display());
    vec![Finding::fail("writable", detail, next)]
}

/// The folder and its secrets are their owner's alone, and that is who asks.
pub fn permissions(folder: &DataFolder, sources: &SecretSources) -> Vec<Finding> {
    let Ok(root) = fs::metadata(folder.root()) else { return vec![] };
    let mut findings = vec![];
    let ours = rustix::process::geteuid().as_raw();
    if root.uid() != ours && ours != 0 {
        let detail =
            format!("{} belongs to user {}, and this is user {ours}", folder.root().display(), root.uid());
        let word = shell_word(&folder.root().to_string_lossy());
        let next = format!(
            "run this and the server as user {}; or if it is to be {ours}'s: chown -R {ours} {word}",
            root.uid()
        );
        findings.push(Finding::fail("permissions", detail, next));
    }
    let mut private = vec![(folder.root().to_owned(), root.clone())];
    for path in [folder.ledger(), folder.usage(), folder.guard(), folder.checkpoint(), folder.secrets()] {
        private.extend(fs::metadata(&path).ok().map(|file| (path, file)));
    }
    private.extend(below(&folder.secrets()));
    for (path, file) in private {
        findings.extend(openness(&path, &file, root.uid()));
    }
    // Kept elsewhere, by an option or behind a link, a secret may well be somebody else's, but not everybody's.
    let kept = [(&sources.pepper, folder.pepper()), (&sources.master_key, folder.master_key())];
    for (given, usual) in kept {
        let path = given.clone().unwrap_or(usual);
        if given.is_some() || path.is_symlink() {
            findings.extend(fs::metadata(&path).ok().and_then(|file| openness(&path, &file, file.uid())));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "permissions",
            "the folder, what is in it and the guard are their owner's alone",
        ));
    }
    findings
}

fn openness(path: &Path, file: &Metadata, owner: u32) -> Option<Finding> {
    let word = shell_word(&path.to_string_lossy());
    if file.uid() != owner {
        let detail = format!("{} belongs to user {}, and the folder to {owner}", path.display(), file.uid());
        return Some(Finding::fail("permissions", detail, format!("chown {owner} {word}")));
    }
    let mode = file.mode() & 0o777;
    if mode & 0o077 == 0 {
        return None;
    }
    let wanted = if file.is_dir() { "700" } else { "600" };
    let detail = format!("{} has mode {mode:o}: others than its owner may get at it", path.display());
    Some(Finding::fail("permissions", detail, format!("chmod {wanted} {word}")))
}

fn below(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = vec![];
    for entry in entries {
        let path = entry.path();
        let Ok(file) = fs::symlink_metadata(&path) else { continue };
        if file.is_dir() {
            found.extend(below(&path));
        }
        if !file.is_symlink() {
            found.push((path, file));
        }
    }
    found
}

/// There is room, and what is written stays.
pub fn storage(folder: &DataFolder) -> Vec<Finding> {
    let next =
        "make room: without it changes are refused (verification goes on); see docs/runbooks/disk-full.md";
    let mut findings = vec![];
    findings.extend(room("disk", folder.root(), next));
    let device = |path: &Path| fs::metadata(path).map(|file| file.dev()).ok();
    if let Some(beside) = guard_file(folder).parent().filter(|beside| device(beside) != device(folder.root()))
    {
        let next = "make room: without it no server starts, and a running one leaves the guard behind, so that a rollback goes unnoticed";
        findings.extend(room("guard's disk", beside, next));
    }
    if let Ok(storage) = rustix::fs::statfs(folder.root()) {
        // The field's width is the machine's; the numbers have 32 bits.
        let magic = storage.f_type as u64 & 0xFFFF_FFFF;
        findings.push(match DOUBTFUL.iter().find(|(known, _)| *known == magic) {
            Some((_, why)) => {
                Finding::warn("file system", *why, "move the data folder to a local disk or a volume")
            }
            None => Finding::ok("file system", "of a kind that is not known to lose locks or writes"),
        });
    }
    findings
}

/// How much of the storage at the path is free.
fn room(name: &'static str, path: &Path, next: &str) -> Option<Finding> {
    let room = rustix::fs::statvfs(path).ok()?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let detail = format!("{} MiB are free", free >> 20);
    Some(match free {
        ..FREE_BYTES_FAIL => Finding::fail(name, detail, next),
        FREE_BYTES_FAIL..FREE_BYTES_WARN => Finding::warn(name, detail, next),
        _ => Finding::ok(name, detail),
    })
}

/// Where the guard is written: its path, or where that leads.
fn guard_file(folder: &DataFolder) -> PathBuf {
    let path = folder.guard();
    followed(&path).unwrap_or(path)
}

/// The guard is best where a restore of the ledger's storage does not bring it back, too.
pub fn guard(folder: &DataFolder) -> Finding {
    let path = folder.guard();
    let device = |path: &Path| fs::metadata(path).map(|file| file.dev());
    match (device(&path), device(folder.root()).ok()) {
        (Err(error), _) if error.kind() != ErrorKind::NotFound => {
            let detail = format!("{} cannot be looked at: {error}", path.display());
            Finding::fail("guard's place", detail, "run this as its owner; it may well be there")
        }
        (Err(_), _) => {
            let detail = format!("{} is not there: a start is refused without it", path.display());
            Finding::fail(
                "guard's place",
                detail,
                "if it is kept elsewhere, give --guard or --config; where it is lost for good, see docs/runbooks/restore.md",
            )
        }
        (Ok(guard), root) => {
            let leads = if path.is_symlink() {
                format!("{} leads to {}, ", path.display(), guard_file(folder).display())
            } else {
                String::new()
            };
            let place = if Some(guard) == root {
                "on the same file system as the ledger: a restore of all of that goes unnoticed; --guard puts it elsewhere".to_owned()
            } else if device(&folder.checkpoint()).ok() == root {
                format!(
                    "on other storage than the ledger; but {} is not: --guard puts both elsewhere",
                    folder.checkpoint().display()
                )
            } else {
                "on other storage than the ledger".to_owned()
            };
            Finding::ok("guard's place", leads + &place)
        }
    }
}
