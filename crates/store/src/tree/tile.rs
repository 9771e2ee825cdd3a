//! The tiles of C2SP tlog-tiles: 256 consecutive hashes of every eighth level, or as many entries; fewer at the right edge.

use std::fmt;
use std::ops::Range;

use domain::time::Position;

/// How many hashes or entries a full tile has.
pub const TILE_WIDTH: u64 = 256;

/// The place of a tile, as its path names it: `<L>/<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    level: u8,
    place: u64,
    width: u16,
}

/// The place of a bundle of entries: `<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle(Tile);

impl Tile {
    /// The highest level that a path may name.
    const LEVEL_MAX: u8 = 63;

    /// Reads `<L>/<N>[.p/<W>]`. Every tile has one spelling.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = u8::try_from(decimal(level)?).ok().filter(|level| *level <= Self::LEVEL_MAX)?;
        let (place, width) = parse_place(rest)?;
        Some(Self { level, place, width })
    }

    /// Its level, of those that tiles are made of.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// How many hashes it has: 1 to 256.
    pub fn width(&self) -> usize {
        self.width.into()
    }

    /// Which hashes of its level it has; none, if a tree with so many leaves does not have them all.
    pub fn within(&self, size: u64) -> Option<Range<u64>> {
        let first = self.place.checked_mul(TILE_WIDTH)?;
        let end = first.checked_add(self.width.into())?;
        let hashes = size.checked_shr(8 * u32::from(self.level)).unwrap_or(0);
        (end <= hashes).then_some(first..end)
    }
}

impl Bundle {
    /// Reads `<N>[.p/<W>]`.
    pub fn parse(path: &str) -> Option<Self> {
        let (place, width) = parse_place(path)?;
        Some(Self(Tile { level: 0, place, width }))
    }

    /// The first position that it has, and how many it has; none, if a log of so many events does not have them all.
    pub fn within(&self, size: u64) -> Option<(Position, u64)> {
        let range = self.0.within(size)?;
        Some((Position::new(range.start + 1), range.end - range.start))
    }
}

/// As the path has it.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.level)?;
        let digits = format!("{:03}", self.place);
        let digits = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        let groups: Vec<&str> =
            (0..digits.len() / 3).map(|group| &digits[group * 3..group * 3 + 3]).collect();
        let (last, before) = groups.split_last().expect("there are three digits at least");
        before.iter().try_for_each(|group| write!(f, "x{group}/"))?;
        write!(f, "{last}")?;
        if u64::from(self.width) < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Reads `<N>[.p/<W>]`: groups of three digits, an x before all but the last.
fn parse_place(path: &str) -> Option<(u64, u16)> {
    let (groups, width) = match path.split_once(".p/") {
        Some((groups, width)) => {
            let width = u16::try_from(decimal(width)?).ok()?;
            (groups, Some(width).filter(|width| (1..TILE_WIDTH).contains(&(*width).into()))?)
        }
        None => (path, TILE_WIDTH as u16),
    };
    let mut place: u64 = 0;
    let mut groups = groups.split('/').peekable();
    let mut leading = true;
    while let Some(group) = groups.next() {
        let last = groups.peek().is_none();
        let digits = if last { group } else { group.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        if leading && number == 0 && !last {
            return None;
        }
        leading = false;
        place = place.checked_mul(1000)?.checked_add(number)?;
    }
    Some((place, width))
}

/// Decimal digits without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|digit| digit.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_path() {
        for (path, level, place, width) in [
            ("0/000", 0, 0, 256),
            ("0/000.p/1", 0, 0, 1),
            ("1/255.p/255", 1, 255, 255),
            ("63/x001/x234/067", 63, 1_234_067, 256),
            ("2/x001/000", 2, 1000, 256),
        ] {
            let tile = Tile::parse(path).unwrap();
            assert_eq!(tile, Tile { level, place, width }, "{path}");
            assert_eq!(tile.to_string(), path);
        }
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "0/x000/001",
            "0/x001",
            "0/001/002",
            "0/x001/x002",
            "00/000",
            "64/000",
            "-1/000",
            "+1/000",
            "0/000.p/",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/1/",
            "0/x01/000",
            "0/x001//000",
            "0/X001/000",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
            "/000",
            "0/00a",
        ] {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_that_the_specification_names() {
        let has = |path: &str, size| Tile::parse(path).unwrap().within(size).is_some();
        assert!(has("0/272", 70_000) && !has("0/273", 70_000));
        assert!(has("0/273.p/112", 70_000) && !has("0/273.p/113", 70_000));
        assert!(has("1/000", 70_000) && has("1/001.p/17", 70_000) && !has("1/001.p/18", 70_000));
        assert!(has("2/000.p/1", 70_000) && !has("2/000.p/2", 70_000) && !has("3/000.p/1", 70_000));
        assert!(has("0/000", 256) && has("1/000.p/1", 256) && !has("1/000.p/1", 255) && !has("0/000.p/1", 0));
        assert_eq!(Bundle::parse("001.p/3").unwrap().within(259), Some((Position::new(257), 3)));
        assert_eq!(Bundle::parse("001.p/3").unwrap().within(258), None);
        assert!(!has("63/000.p/1", u64::MAX) && has("7/000.p/255", u64::MAX));
    }
}
