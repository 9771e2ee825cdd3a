//! The folder of secrets: what must not be in the ledger file. Bytes only; `credentials` knows the ciphers.
//!
//! Secrets are text files of hexadecimal digits, readable by their owner only. Nothing here is ever logged.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use domain::event::PublicKey;
use domain::ids::{PepperId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::sealed::Subject;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::files::{create, create_private_folder, followed, replace, sync_folder_of};
use crate::folder::DataFolder;

/// Thirty-two secret bytes, wiped when they are dropped.
pub type SecretBytes = Zeroizing<[u8; 32]>;

/// Makes the folders of a new data folder, closed to all but their owner, and the empty file of subjects' keys.
pub fn create_folders(folder: &DataFolder) -> Result<(), StoreError> {
    create_private_folder(folder.root())?;
    create_private_folder(&folder.secrets())?;
    create_private_folder(&folder.secrets().join("signing"))?;
    if folder.subjects().exists() { Ok(()) } else { create(&folder.subjects(), b"") }
}

/// Writes a new pepper with its id; never over another.
pub fn create_pepper(path: &Path, id: PepperId, key: &SecretBytes) -> Result<(), StoreError> {
    create(path, format!("{id} {}\n", *hex(&**key)).as_bytes())
}

/// Reads the pepper and its id.
pub fn read_pepper(path: &Path) -> Result<(PepperId, SecretBytes), StoreError> {
    let text = read(path)?;
    let parsed = text
        .trim_end()
        .split_once(' ')
        .and_then(|(id, key)| Some((PepperId::parse(id).ok()?, Zeroizing::new(unhex(key)?))));
    parsed.ok_or_else(|| malformed(path, "a pepper is a UUID, a space and 64 hexadecimal digits"))
}

/// Writes a new master key; never over another.
pub fn create_master_key(path: &Path, key: &SecretBytes) -> Result<(), StoreError> {
    create(path, format!("{}\n", *hex(&**key)).as_bytes())
}

/// Reads the master key.
pub fn read_master_key(path: &Path) -> Result<SecretBytes, StoreError> {
    let key = unhex(read(path)?.trim_end()).map(Zeroizing::new);
    key.ok_or_else(|| malformed(path, "a master key is 64 hexadecimal digits"))
}

/// Keeps an encrypted private signing key; never over another.
pub fn create_signing_key(folder: &DataFolder, id: SigningKeyId, wrapped: &[u8]) -> Result<(), StoreError> {
    create(&folder.signing_key(id), format!("{}\n", *hex(wrapped)).as_bytes())
}

/// Reads an encrypted private signing key.
pub fn read_signing_key(folder: &DataFolder, id: SigningKeyId) -> Result<Vec<u8>, StoreError> {
    let path = folder.signing_key(id);
    let text = read(&path)?;
    unhex_all(text.trim_end()).ok_or_else(|| malformed(&path, "a wrapped signing key is hexadecimal digits"))
}

/// The key that signs checkpoints, as it is kept.
pub struct NoteKey {
    /// Its public half.
    pub public: PublicKey,
    /// Its private half, encrypted.
    pub wrapped: Vec<u8>,
}

/// Keeps the key that signs checkpoints; never over another.
pub fn create_note_key(folder: &DataFolder, key: &NoteKey) -> Result<(), StoreError> {
    create(&folder.note_key(), format!("{} {}\n", *hex(&key.public.0), *hex(&key.wrapped)).as_bytes())
}

/// What there is of the key that signs checkpoints.
pub enum KeptNoteKey {
    /// No file.
    Missing,
    /// A file that was damaged: it is none that we wrote.
    Damaged,
    /// The key, as the file has it.
    Whole(NoteKey),
}

impl KeptNoteKey {
    /// Its public half, if it is known.
    pub fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Missing | Self::Damaged => None,
            Self::Whole(key) => Some(key.public),
        }
    }
}

/// Reads the key that signs checkpoints. A damaged one is no error: the server does without, and says so.
pub fn read_note_key(folder: &DataFolder) -> Result<KeptNoteKey, StoreError> {
    let path = folder.note_key();
    let text = match fs::read(&path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(KeptNoteKey::Missing),
        Err(error) => return Err(StoreError::file(&path)(error)),
    };
    let halves = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().split_once(' '));
    let parsed = halves.and_then(|(public, wrapped)| {
        Some(NoteKey { public: PublicKey(unhex(public)?), wrapped: unhex_all(wrapped)? })
    });
    Ok(parsed.map_or(KeptNoteKey::Damaged, KeptNoteKey::Whole))
}

/// Puts the highest checkpoint that was signed, what witnesses signed last, and the key, aside: a rollback ended that log. All are
/// evidence, and take the place of none that was put aside before.
pub fn retire_note_key(folder: &DataFolder) -> Result<(), StoreError> {
    // The checkpoint goes first: a key without one signs nothing, and a new key must not go on from an old history.
    for path in [folder.checkpoint(), folder.cosigned_checkpoint(), folder.note_key()] {
        // Of a link what it leads to, so that the next file is made where this one was.
        let file = followed(&path).map_err(StoreError::file(&path))?;
        if file.exists() {
            let renamed = fs::rename(&file, retired(&file)).and_then(|()| sync_folder_of(&file));
            renamed.map_err(StoreError::file(&path))?;
        }
    }
    Ok(())
}

/// The first name for a file that is put aside that is free.
fn retired(path: &Path) -> PathBuf {
    let name = |number: u64| {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".retired");
        if number > 1 {
            aside.push(format!(".{number}"));
        }
        PathBuf::from(aside)
    };
    let free = (1..).map(name).find(|aside| aside.symlink_metadata().is_err());
    free.expect("there are more numbers than files")
}

/// The keys of subjects as the file has them.
#[derive(Default)]
pub struct Subjects {
    /// The key of each.
    pub keys: HashMap<Subject, SecretBytes>,
    /// Those whose key was destroyed.
    pub erased: BTreeSet<Subject>,
    /// What is wrong with the first line that could not be read, if there was one.
    pub unread: Option<StoreError>,
}

impl Subjects {
    /// Takes a line in; what is wrong with it, if something is.
    fn take(&mut self, line: &str) -> Result<(), String> {
        let (subject, rest) = parse_line(line).ok_or(LINE)?;
        let twice = || format!("{} is there twice; keep the line that was there first", name(subject));
        if self.keys.contains_key(&subject) || self.erased.contains(&subject) {
            return Err(twice());
        }
        // Where a key was overwritten, blanks follow the word.
        if rest.trim_end_matches(' ') == ERASED {
            self.erased.insert(subject);
        } else {
            let key = unhex(rest).ok_or("a key is 64 hexadecimal digits, or the word erased")?;
            self.keys.insert(subject, Zeroizing::new(key));
        }
        Ok(())
    }
}

/// What stands in the place of a key that was destroyed.
const ERASED: &str = "erased";
/// The form of a line.
const LINE: &str =
    "each line is kind:UUID, a space and 64 hexadecimal digits, or the word erased in their place";

/// The keys of subjects: a text file, one line each, appended to before the commit that needs the new one.
pub struct SubjectKeys {
    path: PathBuf,
    file: File,
    subjects: Subjects,
    unsynced: bool,
    /// Files that were replaced, and are not overwritten yet.
    replaced: Vec<File>,
}

impl SubjectKeys {
    /// Opens the file. An append that a crash cut short belongs to no commit, and goes; a whole line without its end is a
    /// line, for programs that are not ours leave the end away. Nothing else is ever taken from the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let text = read(path)?;
        let mut subjects = Subjects::default();
        let (lines, last) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        for line in lines.lines() {
            subjects.take(line).map_err(|what| malformed_line(path, &what))?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(StoreError::file(path))?;
        let mut opened = Self { path: path.to_owned(), file, subjects, unsynced: false, replaced: vec![] };
        if is_cut_short(last, lines) {
            opened.file.set_len(lines.len() as u64).map_err(StoreError::file(path))?;
        } else if !last.is_empty() {
            let line = last.trim_end_matches('\0');
            opened.subjects.take(line).map_err(|what| malformed_line(path, &what))?;
            let whole = lines.len() + line.len();
            opened.file.set_len(whole as u64).map_err(StoreError::file(path))?;
            opened.file.write_all(b"\n").map_err(StoreError::file(path))?;
            opened.unsynced = true;
        }
        Ok(opened)
    }

    /// Reads the keys that are there, changing nothing. A line that cannot be read is passed over, and told of, unless a crash or a
    /// server at work may have cut it short.
    pub fn read(path: &Path) -> Result<Subjects, StoreError> {
        let text = read(path)?;
        let mut subjects = Subjects::default();
        let (lines, last) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        let last = Some(last).filter(|last| !last.is_empty() && !is_cut_short(last, lines));
        for line in lines.lines().chain(last.map(|last| last.trim_end_matches('\0'))) {
            if let Err(what) = subjects.take(line)
                && subjects.unread.is_none()
            {
                subjects.unread = Some(malformed_line(path, &what));
            }
        }
        Ok(subjects)
    }

    /// A subject's key.
    pub fn key(&self, subject: Subject) -> Option<&SecretBytes> {
        self.subjects.keys.get(&subject)
    }

    /// Everything that the file has.
    pub fn all(&self) -> &Subjects {
        &self.subjects
    }

    /// Adds a new subject's key. It lasts after [`SubjectKeys::sync`].
    pub fn add(&mut self, subject: Subject, key: SecretBytes) -> Result<(), StoreError> {
        let line = Zeroizing::new(format!("{} {}\n", name(subject), *hex(&*key)));
        self.file.write_all(line.as_bytes()).map_err(StoreError::file(&self.path))?;
        self.unsynced = true;
        self.subjects.keys.insert(subject, key);
        Ok(())
    }

    /// Writes the whole file anew from memory, and goes on with that one: after a failure, nobody knows which lines
    /// of the old one are whole, and which of them last. Then the keys that were to be destroyed are overwritten in the old one,
    /// for the storage that writes in place.
    pub fn write_anew(&mut self) -> Result<(), StoreError> {
        // What could not be overwritten the last time must not be forgotten over this one.
        self.overwrite_replaced()?;
        let keys = self.subjects.keys.iter();
        let keys =
            keys.map(|(subject, key)| Zeroizing::new(format!("{} {}\n", name(*subject), *hex(&**key))));
        let erased = self.subjects.erased.iter();
        let erased = erased.map(|subject| Zeroizing::new(format!("{} {ERASED}\n", name(*subject))));
        let mut lines: Vec<_> = keys.chain(erased).collect();
        // In an order that says nothing of memory.
        lines.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        let text = Zeroizing::new(lines.iter().map(|line| line.as_str()).collect::<String>());
        match OpenOptions::new().read(true).write(true).open(&self.path) {
            // Before it is replaced: that may fail when the name leads elsewhere already.
            Ok(old) => self.replaced.push(old),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::file(&self.path)(error)),
        }
        replace(&self.path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = file.map_err(StoreError::file(&self.path))?;
        self.unsynced = false;
        self.overwrite_replaced()
    }

    fn overwrite_replaced(&mut self) -> Result<(), StoreError> {
        while let Some(old) = self.replaced.last() {
            // One that has the name still was not replaced, and is next.
            overwrite_erased(old, &self.path, &self.subjects.erased).map_err(StoreError::file(&self.path))?;
            self.replaced.pop();
        }
        Ok(())
    }

    /// Destroys the keys of these subjects: in memory at once, and in the file, which is written anew without them.
    pub fn erase(&mut self, subjects: impl IntoIterator<Item = Subject>) -> Result<(), StoreError> {
        let mut gone = 0;
        for subject in subjects {
            gone += usize::from(self.subjects.keys.remove(&subject).is_some());
            gone += usize::from(self.subjects.erased.insert(subject));
        }
        if gone == 0 { Ok(()) } else { self.write_anew() }
    }

    /// Makes the keys added last; does nothing if there are none.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            self.file.sync_data().map_err(StoreError::file(&self.path))?;
            self.unsynced = false;
        }
        Ok(())
    }
}

/// Whether what follows the last whole line is an append that broke off: the beginning of a line, or room that was taken and
/// not written. A file of nothing but zero bytes is none: what was in it, nobody knows.
fn is_cut_short(last: &str, lines: &str) -> bool {
    let written = last.trim_end_matches('\0');
    if written.len() < last.len() && lines.is_empty() && written.is_empty() {
        return false;
    }
    let whole = |kind: &str| format!("{kind}{} {}", TenantId::from_bytes([0; 16]), *hex(&[0; 32]));
    let begins = |whole: String| {
        let rest = whole.get(written.len()..).filter(|rest| !rest.is_empty());
        rest.is_some_and(|rest| {
            let completed = Zeroizing::new(format!("{written}{rest}"));
            parse_line(&completed).is_some_and(|(_, key)| unhex(key).is_some())
        })
    };
    !last.is_empty() && ["tenant:", "user:", "service_account:"].into_iter().map(whole).any(begins)
}

/// The subject of a line, and what stands in the place of its key.
fn parse_line(line: &str) -> Option<(Subject, &str)> {
    let (name, rest) = line.split_once(' ')?;
    Some((parse_name(name)?, rest))
}

fn name(subject: Subject) -> String {
    match subject {
        Subject::Tenant(id) => format!("tenant:{id}"),
        Subject::User(id) => format!("user:{id}"),
        Subject::ServiceAccount(id) => format!("service_account:{id}"),
    }
}

fn parse_name(name: &str) -> Option<Subject> {
    let (kind, id) = name.split_once(':')?;
    match kind {
        "tenant" => Some(Subject::Tenant(TenantId::parse(id).ok()?)),
        "user" => Some(Subject::User(UserId::parse(id).ok()?)),
        "service_account" => Some(Subject::ServiceAccount(ServiceAccountId::parse(id).ok()?)),
        _ => None,
    }
}

/// What a file of keys is overwritten with that has no name any more.
const OVERWRITTEN: u8 = b'#';

/// Overwrites a file of keys whose name leads elsewhere by now: all of it, if it has no other name; else, as in a snapshot made of
/// hard links, the keys of these subjects alone.
fn overwrite_erased(file: &File, path: &Path, erased: &BTreeSet<Subject>) -> io::Result<()> {
    let inode = |file: io::Result<fs::Metadata>| file.map(|file| (file.dev(), file.ino())).ok();
    if inode(fs::metadata(path)) == inode(file.metadata()) {
        return Ok(());
    }
    let mut text = Zeroizing::new(vec![]);
    let mut reader = file;
    reader.rewind()?;
    reader.read_to_end(&mut text)?;
    if file.metadata()?.nlink() == 0 {
        // Nobody finds it any more, and later erasures not either. No line has this byte: who copies the file meanwhile gets one that
        // is refused, and none that looks cut short.
        file.write_all_at(&vec![OVERWRITTEN; text.len()], 0)?;
        return file.sync_all();
    }
    let mut begin = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = begin + line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        // One that cannot be read, because an append failed, is of no commit.
        if let Some((subject, key)) = std::str::from_utf8(line).ok().and_then(parse_line)
            && erased.contains(&subject)
        {
            let blank = format!("{ERASED:width$}", width = key.len());
            file.write_all_at(&blank.as_bytes()[..key.len()], (begin + line.len() - key.len()) as u64)?;
        }
        begin = end;
    }
    file.sync_all()
}

fn read(path: &Path) -> Result<Zeroizing<String>, StoreError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(StoreError::file(path))
}

fn malformed(path: &Path, rule: &str) -> StoreError {
    unreadable(path, format!("{rule}; mend it, or put its copy back"))
}

/// A copy of subjects' keys is older than what was made since, and must not take the file's place.
fn malformed_line(path: &Path, what: &str) -> StoreError {
    let next = "stop the server and mend that line, from a copy if need be; an older copy in the place of the whole file would lose the keys of everybody made since";
    unreadable(path, format!("{what}; {next}"))
}

fn unreadable(path: &Path, why: String) -> StoreError {
    // Of the file and not of the ledger, which a backup would be restored for.
    StoreError::file(path)(io::Error::new(ErrorKind::InvalidData, why))
}

pub(crate) fn hex(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    unhex_all(text)?.try_into().ok()
}

fn unhex_all(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
