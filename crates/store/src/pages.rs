//! The pages of a closed file: whether each that its committed state rests on still has the checksum it was given.
//!
//! The database keeps a checksum of every page in the page above it, and that of the topmost in the file's header,
//! but looks at them only while it repairs a file; when it reads one, a flipped bit in a page that leads to rows can
//! hide a row or show an older one. So the trees are walked here before anything is read of them. What is read is
//! the file format of redb, version 3, as its `docs/design.md` has it; of what is not known here, nothing is said,
//! and the database's own check, which is slower and writes, has to do.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use redb::StorageBackend;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::StoreError;
use crate::tables;

const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
const FORMAT: u8 = 3;
const HEADER_BYTES: usize = 320;
const SLOTS: [usize; 2] = [64, 192];
const SLOT_BYTES: usize = 128;
const PAGE_BYTES: u64 = 4096;
const PAGE_ORDER_MAX: u32 = 20;
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
const PLAIN_TABLE: u8 = 3;

/// Bits of the byte that says how the file was left.
const SECOND_SLOT: u8 = 1;
const UNCLEAN: u8 = 2;
const UNFLUSHED: u8 = 8;

/// What a file can be asked for.
pub(crate) trait Source: Send + Sync {
    fn bytes(&self) -> io::Result<u64>;
    fn fill(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

impl Source for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn fill(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }
}

/// Any storage of the database is a source.
pub(crate) struct Backend<B>(pub(crate) B);

impl<B: StorageBackend> Source for Backend<B> {
    fn bytes(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn fill(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
}

/// What was found out about the pages.
#[derive(Debug)]
pub(crate) enum Checked {
    /// All that the committed state rests on are as they were written.
    Sound,
    /// Nothing: the file was not closed, or is none that is understood here.
    Unknown,
    /// One is not; unless somebody wrote to the file meanwhile.
    Wrong(StoreError),
    /// They lead to one another without an end, as no software writes them: the database would follow them for ever.
    Endless(StoreError),
}

/// Checks every page of a file that nobody writes. A file that was not closed is left to the repair.
///
/// An error is a file that cannot be read.
pub(crate) fn check_closed(source: &dyn Source) -> Result<Checked, StoreError> {
    match Header::read(source)? {
        Some(header) if header.closed() => {
            header.check(source, &[header.tables(), header.system()], &|_| true)
        }
        Some(_) | None => Ok(Checked::Unknown),
    }
}

/// The state that was committed when the file's beginning was read.
#[derive(PartialEq, Eq)]
pub(crate) struct Committed(Option<Header>);

impl Committed {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, StoreError> {
        Header::read(source).map(Self)
    }

    /// Checks the pages of these tables, and of what leads to them, also while another process writes; the caller holds the
    /// state, so that the pages are not written over.
    pub(crate) fn check(
        &self,
        source: &dyn Source,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Checked, StoreError> {
        match &self.0 {
            Some(header) => header.check(source, &[header.tables()], wanted),
            None => Ok(Checked::Unknown),
        }
    }

    /// Checks the pages of every table. Those of the database itself, too, if nobody has the file open: a writer keeps them in
    /// memory and writes over them as it likes.
    pub(crate) fn check_all(&self, source: &dyn Source) -> Result<Checked, StoreError> {
        match &self.0 {
            Some(header) if header.closed() => check_closed(source),
            Some(_) | None => self.check(source, &|_| true),
        }
    }
}

/// The beginning of the file.
#[derive(PartialEq, Eq)]
struct Header {
    flags: u8,
    region_bytes: u64,
    region_offset: u64,
    slots: [[u8; SLOT_BYTES]; 2],
}

impl Header {
    /// Reads it, if it is one of the format that is known here.
    fn read(source: &dyn Source) -> Result<Option<Self>, StoreError> {
        let mut bytes = [0; HEADER_BYTES];
        let length = source.bytes().map_err(StoreError::file("the ledger"))?;
        if length < PAGE_BYTES || source.fill(0, &mut bytes).is_err() || bytes[..9] != MAGIC {
            return Ok(None);
        }
        let pages = |at| u64::from(u32_at(&bytes, at).unwrap_or(0)) * PAGE_BYTES;
        let (page_bytes, header, data) = (u32_at(&bytes, 12), pages(16), pages(20));
        let slots = SLOTS.map(|at| *bytes[at..].first_chunk().expect("there are 320 bytes"));
        let header = Self { flags: bytes[9], region_bytes: header + data, region_offset: header, slots };
        let known =
            page_bytes.map(u64::from) == Some(PAGE_BYTES) && header.slots[header.served()][0] == FORMAT;
        Ok(known.then_some(header))
    }

    /// Whether the file was closed, and is not open for writing.
    fn closed(&self) -> bool {
        self.flags & (UNCLEAN | UNFLUSHED) == 0
    }

    /// Which slot has the commit that is served. In a closed file it does not matter to what is read: the last
    /// commit is that of the closing, and changes no table.
    fn served(&self) -> usize {
        usize::from(self.flags & SECOND_SLOT != 0) ^ usize::from(self.flags & UNFLUSHED != 0)
    }

    /// Whether the note of that commit is as it was written.
    fn whole(&self) -> bool {
        let (noted, checksum) = self.slots[self.served()].split_at(SLOT_BYTES - 16);
        xxh3_128(noted).to_le_bytes() == checksum
    }

    fn tables(&self) -> Root {
        self.root(1, 8)
    }

    fn system(&self) -> Root {
        self.root(2, 40)
    }

    fn root(&self, there: usize, at: usize) -> Root {
        let slot = &self.slots[self.served()];
        (slot[there] != 0).then(|| Node::at(slot, at)).flatten()
    }

    fn check(
        &self,
        source: &dyn Source,
        roots: &[Root],
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Checked, StoreError> {
        if !self.whole() {
            let what = "the note of the last commit does not match its checksum";
            return Ok(Checked::Wrong(damaged("the header", what)));
        }
        let length = source.bytes().map_err(StoreError::file("the ledger"))?;
        let mut walk = Walk { header: self, source, length, left: length, page: vec![] };
        let mut all = Checked::Sound;
        for root in roots.iter().flatten() {
            match walk.tables(*root, wanted) {
                Ok(Known::All) => {}
                Ok(Known::NotAll) => all = Checked::Unknown,
                Err(Unsound::Wrong(error)) => return Ok(Checked::Wrong(error)),
                Err(Unsound::Endless(error)) => return Ok(Checked::Endless(error)),
                Err(Unsound::Unread(error)) => return Err(error),
            }
        }
        Ok(all)
    }
}

type Root = Option<Node>;

/// A page, and the checksum that it should have.
#[derive(Clone, Copy)]
struct Node {
    page: u64,
    checksum: u128,
}

impl Node {
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let checksum = u128::from_le_bytes(*bytes.get(at + 8..)?.first_chunk()?);
        Some(Self { page: u64_at(bytes, at)?, checksum })
    }
}

/// A tree, and how wide its keys and values are, where they all are alike.
#[derive(Clone, Copy)]
struct Tree {
    root: Node,
    key: Option<usize>,
    value: Option<usize>,
}

impl Tree {
    /// The tree of a table, if it has any page; nothing, if it is of a kind that is not known here.
    fn of(definition: &[u8]) -> Option<Option<Self>> {
        if *definition.first()? != PLAIN_TABLE {
            return None;
        }
        let width = |at: usize| {
            let width = usize::try_from(u32_at(definition, at + 1)?).ok()?;
            Some((*definition.get(at)? != 0).then_some(width))
        };
        let (key, value) = (width(42)?, width(47)?);
        let root = (*definition.get(9)? != 0).then(|| Node::at(definition, 10));
        Some(root.flatten().map(|root| Self { root, key, value }))
    }
}

/// Whether every table is of a kind that is known here.
enum Known {
    All,
    NotAll,
}

/// Why a walk ends early.
enum Unsound {
    Wrong(StoreError),
    Endless(StoreError),
    Unread(StoreError),
}

/// A walk over pages, from the topmost down.
struct Walk<'a> {
    header: &'a Header,
    source: &'a dyn Source,
    length: u64,
    /// How many bytes may still be read: no page has two places in the trees.
    left: u64,
    page: Vec<u8>,
}

impl Walk<'_> {
    /// Checks each page of a tree of tables, and of each of its tables that is wanted.
    fn tables(&mut self, root: Node, wanted: &dyn Fn(&str) -> bool) -> Result<Known, Unsound> {
        let (mut tables, mut known) = (vec![], Known::All);
        self.tree("the tables", Tree { root, key: None, value: None }, |key, value| {
            tables.push((String::from_utf8_lossy(key).into_owned(), value.to_owned()));
        })?;
        for (name, definition) in tables.into_iter().filter(|(name, _)| wanted(name)) {
            match Tree::of(&definition) {
                Some(Some(tree)) => self.tree(&table(&name), tree, |_, _| {})?,
                Some(None) => {}
                None => known = Known::NotAll,
            }
        }
        Ok(known)
    }

    /// Checks each page of a tree, and hands on what its leaves hold.
    fn tree(&mut self, name: &str, tree: Tree, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Unsound> {
        let mut nodes = vec![tree.root];
        while let Some(node) = nodes.pop() {
            let place = self.read(name, node.page)?;
            let wrong = || {
                let what = format!("the page at byte {place} does not match its checksum");
                Unsound::Wrong(damaged(name, &what))
            };
            let page = Page { bytes: &self.page, key: tree.key, value: tree.value };
            let end = page.end().filter(|end| *end <= page.bytes.len()).ok_or_else(wrong)?;
            if xxh3_128(&page.bytes[..end]) != node.checksum {
                return Err(wrong());
            }
            // A page that matches is what was written, so whatever it says of itself holds.
            if page.bytes[0] == BRANCH {
                nodes.extend((0..=page.count()).rev().filter_map(|n| page.child(n)));
            } else {
                (0..page.count()).filter_map(|n| page.entry(n)).for_each(|(key, value)| each(key, value));
            }
        }
        Ok(())
    }

    /// Reads a page, and tells where it begins.
    fn read(&mut self, name: &str, page: u64) -> Result<u64, Unsound> {
        let order = (page >> 59) as u32;
        let (region, index) = ((page >> 20) & 0xF_FFFF, page & (0xF_FFFF >> order));
        let bytes = PAGE_BYTES << order.min(PAGE_ORDER_MAX);
        let Header { region_bytes, region_offset, .. } = self.header;
        let begin = PAGE_BYTES + region * region_bytes + region_offset + index * bytes;
        if order > PAGE_ORDER_MAX || begin + bytes > self.length {
            return Err(Unsound::Wrong(damaged(name, "it leads beyond the end of the file")));
        }
        let endless = || Unsound::Endless(damaged(name, "its pages lead to more pages than the file has"));
        self.left = self.left.checked_sub(bytes).ok_or_else(endless)?;
        self.page.resize(usize::try_from(bytes).expect("a page fits into memory"), 0);
        let filled = self.source.fill(begin, &mut self.page).map_err(StoreError::file("the ledger"));
        filled.map(|()| begin).map_err(Unsound::Unread)
    }
}

/// One page. Whatever it says of itself may be wrong, until its checksum is seen to hold.
struct Page<'p> {
    bytes: &'p [u8],
    key: Option<usize>,
    value: Option<usize>,
}

impl<'p> Page<'p> {
    /// How many entries a leaf has, or how many keys are between the children of a branch.
    fn count(&self) -> usize {
        usize::from(u16::from_le_bytes([self.bytes[2], self.bytes[3]]))
    }

    /// Where what the checksum covers ends.
    fn end(&self) -> Option<usize> {
        let last = self.count().checked_sub(1)?;
        match self.bytes[0] {
            LEAF => self.value_end(last),
            BRANCH => {
                let ends = 8 + 24 * (self.count() + 1);
                self.key.map_or_else(|| self.offset(ends + 4 * last), |width| Some(ends + width * (last + 1)))
            }
            _ => None,
        }
    }

    fn child(&self, n: usize) -> Option<Node> {
        let checksum = u128::from_le_bytes(*self.bytes.get(8 + 16 * n..)?.first_chunk()?);
        Some(Node { page: u64_at(self.bytes, 8 + 16 * (self.count() + 1) + 8 * n)?, checksum })
    }

    fn entry(&self, n: usize) -> Option<(&'p [u8], &'p [u8])> {
        let keys = self.keys();
        let key = n.checked_sub(1).map_or(Some(keys), |before| self.key_end(before))?..self.key_end(n)?;
        let values = self.key_end(self.count() - 1)?;
        let value =
            n.checked_sub(1).map_or(Some(values), |before| self.value_end(before))?..self.value_end(n)?;
        Some((self.bytes.get(key)?, self.bytes.get(value)?))
    }

    /// Where the keys of a leaf begin: behind the ends of those keys and values that differ in width.
    fn keys(&self) -> usize {
        4 + 4 * self.count() * (usize::from(self.key.is_none()) + usize::from(self.value.is_none()))
    }

    fn key_end(&self, n: usize) -> Option<usize> {
        self.key.map_or_else(|| self.offset(4 + 4 * n), |width| Some(self.keys() + width * (n + 1)))
    }

    fn value_end(&self, n: usize) -> Option<usize> {
        let before = if self.key.is_none() { self.count() } else { 0 };
        match self.value {
            Some(width) => Some(self.key_end(self.count() - 1)? + width * (n + 1)),
            None => self.offset(4 + 4 * (before + n)),
        }
    }

    fn offset(&self, at: usize) -> Option<usize> {
        u32_at(self.bytes, at).and_then(|offset| usize::try_from(offset).ok())
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// What is told where nothing can be said by reading alone.
pub(crate) fn unknown() -> StoreError {
    damaged("the header", "it is not as this software writes it")
}

/// The log may be whole all the same: then the views can be thrown away, or a backup, which reads nothing else, can be
/// written and restored.
fn damaged(place: &str, what: &str) -> StoreError {
    let projected = tables::PROJECTED.iter().any(|name| place == table(name));
    let advice = if projected {
        "stop the server and rebuild the views from the log with: keyledger audit rebuild --data DIR"
    } else {
        "restore a backup, or if `keyledger backup` still reads the whole log, restore what it writes"
    };
    StoreError::damaged(format!("{place}: {what}; {advice}"))
}

fn table(name: &str) -> String {
    format!("table {name:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in memory, whose pages lie one behind the other.
    struct Forged(Vec<u8>);

    impl Source for Forged {
        fn bytes(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn fill(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let offset = usize::try_from(offset).unwrap();
            out.copy_from_slice(&self.0[offset..offset + out.len()]);
            Ok(())
        }
    }

    impl Forged {
        fn new(pages: usize) -> Self {
            let page = PAGE_BYTES as usize;
            let mut bytes = vec![0; (pages + 1) * page];
            bytes[..9].copy_from_slice(&MAGIC);
            bytes[12..16].copy_from_slice(&4096_u32.to_le_bytes());
            bytes[20..24].copy_from_slice(&0xF_FFFF_u32.to_le_bytes());
            Self(bytes)
        }

        fn put(&mut self, page: u64, contents: &[u8]) -> Node {
            let begin = usize::try_from((page + 1) * PAGE_BYTES).unwrap();
            self.0[begin..begin + contents.len()].copy_from_slice(contents);
            Node { page, checksum: xxh3_128(contents) }
        }

        fn root(&mut self, root: Node) {
            let mut slot = [0; SLOT_BYTES];
            (slot[0], slot[1]) = (FORMAT, 1);
            slot[8..16].copy_from_slice(&root.page.to_le_bytes());
            slot[16..32].copy_from_slice(&root.checksum.to_le_bytes());
            let checksum = xxh3_128(&slot[..SLOT_BYTES - 16]).to_le_bytes();
            slot[SLOT_BYTES - 16..].copy_from_slice(&checksum);
            self.0[SLOTS[0]..SLOTS[0] + SLOT_BYTES].copy_from_slice(&slot);
        }
    }

    /// A leaf with one entry, whose key and value have two bytes each.
    fn leaf() -> Vec<u8> {
        let ends = [14_u32, 16].map(u32::to_le_bytes);
        [&[LEAF, 0, 1, 0][..], ends.as_flattened(), b"kkvv"].concat()
    }

    /// A branch with two children, which are the same.
    fn branch(child: Node) -> Vec<u8> {
        let (page, checksum) = (child.page.to_le_bytes(), child.checksum.to_le_bytes());
        let begin = [BRANCH, 0, 1, 0, 0, 0, 0, 0];
        [&begin[..], &checksum, &checksum, &page, &page, &64_u32.to_le_bytes(), b"keys"].concat()
    }

    #[test]
    fn pages_that_lead_to_one_another_without_an_end_are_given_up() {
        for levels in [0, 1, 64] {
            let mut forged = Forged::new(levels + 1);
            let mut top = forged.put(0, &leaf());
            for level in 1..=levels {
                top = forged.put(level as u64, &branch(top));
            }
            forged.root(top);
            let checked = check_closed(&forged).unwrap();
            let right = match levels {
                // What stands in the leaf is no table that is known.
                0 | 1 => matches!(checked, Checked::Unknown),
                _ => matches!(checked, Checked::Endless(_)),
            };
            assert!(right, "{levels}: {checked:?}");
        }
    }
}
