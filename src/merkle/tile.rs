//! Tiles and entry bundles: how a chain is served as files that never change (C2SP tlog-tiles).
//!
//! Names, widths and contents only. Which bytes stand behind a [`NodeId`] or an entry's index is the caller's to know.

use std::fmt;
use std::num::NonZeroU8;
use std::ops::Range;
use std::str::FromStr;

use super::chain::NodeId;

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// The highest level a tile's name can have.
pub const MAX_TILE_LEVEL: u8 = 63;
/// The highest index of a tile: the last one of a tree of 2^63 leaves.
pub const MAX_TILE_INDEX: u64 = (1 << 55) - 1;
/// The longest entry that a bundle can carry.
pub const MAX_BUNDLE_ENTRY_LEN: usize = u16::MAX as usize;

/// Each tile spans this many levels of the tree.
const TILE_HEIGHT: u8 = 8;
/// `tile/entries/` or `tile/63/`, six groups of a 55-bit index, `.p/255`, with some room.
const MAX_PATH_TEXT_LEN: usize = 64;
/// A group of digits of a tile's index.
const GROUP: u64 = 1000;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes of the tree level `8 * level`.
    Hashes {
        /// The level of the tile, 0 to 63.
        level: u8,
    },
    /// The entries themselves.
    Entries,
}

/// The name of a tile: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]` (C2SP tlog-tiles, "Merkle Tree", "Log entries").
///
/// Only the one canonical form is parsed, and [`fmt::Display`] prints it; there is no leading slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    partial: Option<NonZeroU8>,
}

/// The text is no canonical tile path, or the numbers lie outside their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tile path")]
pub struct TilePathError;

impl TilePath {
    /// The path of a tile; `partial` is the width of a partial tile, and `None` stands for a full one.
    pub fn new(kind: TileKind, index: u64, partial: Option<NonZeroU8>) -> Result<Self, TilePathError> {
        let level_fits = !matches!(kind, TileKind::Hashes { level } if level > MAX_TILE_LEVEL);
        if level_fits && index <= MAX_TILE_INDEX { Ok(Self { kind, index, partial }) } else { Err(TilePathError) }
    }

    /// Hashes or entries.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// The positions within the tile's level that it holds; for entries and level 0 these are indices of leaves.
    pub fn positions(&self) -> Range<u64> {
        let start = self.index * TILE_WIDTH;
        start..start + self.partial.map_or(TILE_WIDTH, |width| u64::from(width.get()))
    }

    /// Whether a log with a published tree of `size` leaves serves this tile.
    ///
    /// All that it holds must be complete. A partial tile narrower than the tree allows belongs to a smaller tree of the
    /// same log, and is served; an empty one cannot be named.
    pub fn exists_at(&self, size: u64) -> bool {
        let complete = match self.kind {
            TileKind::Entries => size,
            TileKind::Hashes { level } => size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0),
        };
        self.positions().end <= complete
    }

    /// The stored hashes that make up a hash tile, in order; none for entries, and none for levels that no tree reaches.
    pub fn nodes(&self) -> Vec<NodeId> {
        match self.kind {
            TileKind::Hashes { level } if level < TILE_HEIGHT => {
                self.positions().map(|index| NodeId { level: level * TILE_HEIGHT, index }).collect()
            }
            TileKind::Hashes { .. } | TileKind::Entries => Vec::new(),
        }
    }
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tile = parse_loosely(text).ok_or(TilePathError)?;
        // There is one way to write a tile: what prints differently was written in another.
        if tile.to_string() == text { Ok(tile) } else { Err(TilePathError) }
    }
}

/// Reads every canonical path, and some that are not.
fn parse_loosely(text: &str) -> Option<TilePath> {
    if text.len() > MAX_PATH_TEXT_LEN {
        return None;
    }
    let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes { level: level.parse().ok()? },
    };
    let (index, partial) = match rest.split_once(".p/") {
        Some((index, width)) => (index, Some(width.parse().ok()?)),
        None => (rest, None),
    };
    TilePath::new(kind, index.replace(['x', '/'], "").parse().ok()?, partial).ok()
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = format!("{:03}", self.index % GROUP);
        let mut rest = self.index / GROUP;
        while rest > 0 {
            groups = format!("x{:03}/{groups}", rest % GROUP);
            rest /= GROUP;
        }
        f.write_str(&groups)?;
        match self.partial {
            Some(width) => write!(f, ".p/{width}"),
            None => Ok(()),
        }
    }
}

/// Why a bundle cannot be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A bundle has 1 to 256 entries.
    #[error("a bundle has 1 to {TILE_WIDTH} entries")]
    WrongCount,
    /// An entry's length does not fit in its 16 bits.
    #[error("an entry of a bundle has at most {MAX_BUNDLE_ENTRY_LEN} bytes")]
    EntryTooLong,
    /// The bytes end within an entry or its length.
    #[error("the bundle ends within an entry")]
    Truncated,
}

/// Writes entries as `uint16 big-endian length || entry`, one after the other (C2SP tlog-tiles, "Log entries").
pub fn encode_bundle<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, BundleError> {
    check_count(entries.len())?;
    let mut bundle = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let len = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong)?;
        bundle.extend_from_slice(&len.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads what [`encode_bundle`] writes; whether it has as many entries as its tile is wide is the caller's to compare.
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let (len, after) = rest.split_first_chunk().ok_or(BundleError::Truncated)?;
        let (entry, after) = after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(BundleError::Truncated)?;
        entries.push(entry);
        check_count(entries.len())?;
        rest = after;
    }
    check_count(entries.len())?;
    Ok(entries)
}

fn check_count(count: usize) -> Result<(), BundleError> {
    if (1..=TILE_WIDTH).contains(&(count as u64)) { Ok(()) } else { Err(BundleError::WrongCount) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(level: u8, index: u64, width: u8) -> TilePath {
        TilePath::new(TileKind::Hashes { level }, index, NonZeroU8::new(width)).unwrap()
    }

    fn entries(index: u64, width: u8) -> TilePath {
        TilePath::new(TileKind::Entries, index, NonZeroU8::new(width)).unwrap()
    }

    #[test]
    fn canonical_paths_are_read_and_printed() {
        for (text, tile) in [
            ("tile/0/005", hashes(0, 5, 0)),
            ("tile/0/x001/000", hashes(0, 1000, 0)),
            ("tile/0/x001/x234/067", hashes(0, 1_234_067, 0)),
            ("tile/0/x001/x234/067.p/8", hashes(0, 1_234_067, 8)),
            ("tile/63/000.p/255", hashes(63, 0, 255)),
            ("tile/0/x036/x028/x797/x018/x963/967", hashes(0, MAX_TILE_INDEX, 0)),
            ("tile/entries/000", entries(0, 0)),
            ("tile/entries/x273/112.p/1", entries(273_112, 1)),
        ] {
            assert_eq!(text.parse(), Ok(tile));
            assert_eq!(tile.to_string(), text);
        }
    }

    #[test]
    fn every_other_way_to_write_a_path_is_refused() {
        for text in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile//000",
            "tile/64/000",
            "tile/256/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile/00/000",
            "tile/01/000",
            "tile/a/000",
            "tile/Entries/000",
            "tile/data/000",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/1000",
            "tile/0/x000/000",
            "tile/0/x000/005",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/x001",
            "tile/0/x1/000",
            "tile/0/X001/000",
            "tile/0/xx001/000",
            "tile/0/x001//000",
            "tile/0/+05",
            "tile/0/-05",
            "tile/0/000/",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/+1",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/000 ",
            " tile/0/000",
            "tile/0/000\n",
            "tile/0/x036/x028/x797/x018/x963/968",
            "tile/0/x018/x446/x744/x073/x709/x551/615",
            "tile/8/0/000",
            "tile/entries/0/000",
            "tile/0/٠٠٠",
        ] {
            assert_eq!(text.parse::<TilePath>(), Err(TilePathError), "{text:?}");
        }
        assert_eq!(TilePath::new(TileKind::Entries, MAX_TILE_INDEX + 1, None), Err(TilePathError));
        assert_eq!(TilePath::new(TileKind::Hashes { level: 64 }, 0, None), Err(TilePathError));
    }

    /// The example of C2SP tlog-tiles, "Partial Tiles".
    #[test]
    fn the_tiles_of_70_000_leaves() {
        for (tile, exists) in [
            (hashes(0, 0, 0), true),
            (hashes(0, 272, 0), true),
            (hashes(0, 273, 112), true),
            (hashes(0, 273, 111), true),
            (hashes(0, 273, 1), true),
            (hashes(0, 272, 255), true),
            (hashes(0, 273, 113), false),
            (hashes(0, 273, 0), false),
            (hashes(0, 274, 1), false),
            (hashes(1, 0, 0), true),
            (hashes(1, 1, 17), true),
            (hashes(1, 1, 18), false),
            (hashes(1, 2, 1), false),
            (hashes(2, 0, 1), true),
            (hashes(2, 0, 2), false),
            (hashes(2, 0, 0), false),
            (hashes(3, 0, 1), false),
            (hashes(8, 0, 1), false),
            (hashes(63, 0, 1), false),
            (entries(272, 0), true),
            (entries(273, 112), true),
            (entries(273, 113), false),
            (entries(273, 0), false),
        ] {
            assert_eq!(tile.exists_at(70_000), exists, "{tile}");
        }
    }

    #[test]
    fn no_tile_exists_in_an_empty_tree_and_the_last_one_in_the_largest() {
        for tile in [hashes(0, 0, 1), hashes(0, 0, 0), entries(0, 1), entries(0, 0)] {
            assert!(!tile.exists_at(0));
        }
        let last = hashes(0, MAX_TILE_INDEX, 0);
        assert!(last.exists_at(1 << 63) && !last.exists_at((1 << 63) - 1));
        assert!(hashes(7, 0, 127).exists_at(i64::MAX as u64) && !hashes(7, 0, 128).exists_at(i64::MAX as u64));
        assert!(!hashes(8, 0, 1).exists_at(u64::MAX));
    }

    #[test]
    fn a_hash_tile_holds_nodes_of_every_eighth_level() {
        let nodes = hashes(2, 3, 2).nodes();
        assert_eq!(nodes, [NodeId { level: 16, index: 768 }, NodeId { level: 16, index: 769 }]);
        assert_eq!(hashes(7, 0, 1).nodes(), [NodeId { level: 56, index: 0 }]);
        let full = hashes(0, 1, 0).nodes();
        assert_eq!((full.len(), full[0].index, full[255].index), (256, 256, 511));
        assert_eq!(entries(1, 3).positions(), 256..259);
        assert!(entries(0, 3).nodes().is_empty() && hashes(8, 0, 1).nodes().is_empty());
    }

    #[test]
    fn printing_and_parsing_are_inverse() {
        bolero::check!().with_iterations(2000).with_type::<(u8, u64, u8, bool)>().for_each(
            |(level, index, width, data)| {
                let kind = if *data { TileKind::Entries } else { TileKind::Hashes { level: level % 64 } };
                for index in [index >> 9, index % 2000] {
                    let tile = TilePath::new(kind, index, NonZeroU8::new(*width)).unwrap();
                    assert_eq!(tile.to_string().parse(), Ok(tile));
                }
            },
        );
    }

    #[test]
    fn any_text_is_refused_or_printed_back() {
        bolero::check!().with_iterations(2000).with_type::<(bool, String)>().for_each(|(prefixed, text)| {
            let text = if *prefixed { format!("tile/0/{text}") } else { text.clone() };
            if let Ok(tile) = text.parse::<TilePath>() {
                assert_eq!(tile.to_string(), text);
            }
        });
    }

    /// `tlog_tiles` writes the tile's height into the path, as Go's `tlog` did; the rest is the same.
    #[test]
    fn another_implementation_agrees() {
        use tlog_tiles::tile::Tile;
        for size in [1, 255, 256, 257, 70_000, 300_000] {
            let theirs = Tile::new_tiles(8, 0, size);
            for tile in &theirs {
                let text = tile.path().replacen("tile/8/", "tile/", 1);
                let ours: TilePath = text.parse().unwrap();
                assert!(ours.exists_at(size), "{text} at {size}");
                assert_eq!(ours.nodes().len(), tile.width() as usize);
                assert_eq!(ours.positions().start, tile.level_index() * 256);
            }
            assert!(!theirs.is_empty());
        }
    }

    #[test]
    fn bundles_known() {
        assert_eq!(encode_bundle(&[&b"ab"[..], b""]), Ok(b"\0\x02ab\0\0".to_vec()));
        let full = vec![vec![7; MAX_BUNDLE_ENTRY_LEN]; 256];
        let bundle = encode_bundle(&full).unwrap();
        assert_eq!(decode_bundle(&bundle).unwrap(), full);
        assert_eq!(encode_bundle(&[vec![0; MAX_BUNDLE_ENTRY_LEN + 1]]), Err(BundleError::EntryTooLong));
        assert_eq!(encode_bundle::<Vec<u8>>(&[]), Err(BundleError::WrongCount));
        assert_eq!(encode_bundle(&[[]; 257]), Err(BundleError::WrongCount));
        for (bytes, expected) in [
            (&b""[..], BundleError::WrongCount),
            (&[0; 2 * 257], BundleError::WrongCount),
            (b"\0", BundleError::Truncated),
            (b"\0\x01", BundleError::Truncated),
            (b"\0\x01a\0", BundleError::Truncated),
            (b"\xff\xffabc", BundleError::Truncated),
        ] {
            assert_eq!(decode_bundle(bytes), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn bundles_are_inverse_both_ways() {
        bolero::check!().with_iterations(2000).with_type::<Vec<Vec<u8>>>().for_each(|entries| {
            if let Ok(bundle) = encode_bundle(entries) {
                assert_eq!(decode_bundle(&bundle).unwrap(), *entries);
            }
        });
        bolero::check!().with_iterations(2000).for_each(|bytes| {
            if let Ok(entries) = decode_bundle(bytes) {
                assert_eq!(encode_bundle(&entries).unwrap(), bytes);
            }
        });
    }
}
