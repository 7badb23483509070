//! Blocks (proofs/FORMATS.md section 7): the only thing that needs a place in the one order.

use std::fmt;
use std::str::FromStr;

use super::entry::Origin;
use super::json::MAX_INTEGER;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// Longest block text, in bytes.
pub const MAX_BLOCK: usize = 1_024;
/// Most entries of one block.
pub const MAX_BATCH: u64 = 65_536;

const FIRST_LINE: &str = "cqo-ledger/block/v1";

/// A block: names the batch's root, the key register and the block before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The ledger.
    pub origin: Origin,
    /// Counts from 0 without a gap; the leaf index in the chain.
    pub height: u64,
    /// SHA-256 of the previous block's text; zero at height 0.
    pub previous: Hash,
    /// Merkle root of the batch.
    pub root: Hash,
    /// Entries of this block, at least 1.
    pub entries: u64,
    /// Entries of all blocks up to and including this one.
    pub total: u64,
    /// SHA-256 of the key register including this block.
    pub keys: Hash,
    /// When the block was sealed; never before the previous block's time.
    pub time: UnixMillis,
}

/// Why a text is not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Longer than [`MAX_BLOCK`] bytes.
    #[error("a block has at most {MAX_BLOCK} bytes")]
    TooLong,
    /// This line is missing or wrong.
    #[error("the line `{0}` of the block is missing or wrong")]
    Line(&'static str),
    /// There is something after the last line.
    #[error("the block does not end after its `time` line")]
    Trailing,
}

/// Why a block does not follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Other ledgers.
    #[error("the blocks name different ledgers")]
    Origin,
    /// The height is not the next one.
    #[error("the height is not that of the previous block plus one")]
    Height,
    /// `previous` is not the digest of the previous block.
    #[error("`previous` is not the digest of the block before")]
    Previous,
    /// `total` is not the previous total plus `entries`.
    #[error("`total` does not add up")]
    Total,
    /// Two texts for one height.
    #[error("there are two texts for one height")]
    Fork,
    /// Time went back.
    #[error("the time is before that of the previous block")]
    Time,
}

impl Block {
    /// The digest of the block's text: `previous` of the next one.
    pub fn digest(&self) -> Hash {
        Hash::of(&[self.to_string().as_bytes()])
    }

    /// Checks every equality between this block and the one before it, or the rules of height 0 where there is none.
    pub fn follows(&self, previous: Option<&Block>) -> Result<(), LinkError> {
        let (height, digest, total, time) = match previous {
            Some(before) if before.origin != self.origin => return Err(LinkError::Origin),
            Some(before) => (before.height + 1, before.digest(), before.total, Some(before.time)),
            None => (0, Hash::ZERO, 0, None),
        };
        match () {
            () if self.height != height => Err(LinkError::Height),
            () if self.previous != digest => Err(LinkError::Previous),
            () if Some(self.total) != total.checked_add(self.entries) => Err(LinkError::Total),
            () if time.is_some_and(|time| self.time < time) => Err(LinkError::Time),
            () => Ok(()),
        }
    }

    /// Checks what can be told of a block alone: the rules of height 0, and that every block before holds an entry.
    pub fn stands(&self) -> Result<(), LinkError> {
        match () {
            () if self.height == 0 => self.follows(None),
            () if self.total < self.entries.saturating_add(self.height) => Err(LinkError::Total),
            () => Ok(()),
        }
    }

    /// Checks this block against an earlier one, not always the one before, or against another text of itself.
    pub fn comes_after(&self, earlier: &Block) -> Result<(), LinkError> {
        // Every block in between holds an entry.
        let between = |gap: u64| earlier.total.saturating_add(gap - 1).saturating_add(self.entries);
        match self.height.checked_sub(earlier.height) {
            None => Err(LinkError::Height),
            Some(0) if self == earlier => Ok(()),
            Some(0) => Err(LinkError::Fork),
            Some(1) => self.follows(Some(earlier)),
            Some(_) if self.origin != earlier.origin => Err(LinkError::Origin),
            Some(gap) if self.total < between(gap) => Err(LinkError::Total),
            Some(_) if self.time < earlier.time => Err(LinkError::Time),
            Some(_) => Ok(()),
        }
    }

    /// How many entries all blocks before this one hold.
    pub fn total_before(&self) -> u64 {
        self.total.saturating_sub(self.entries)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, height, previous, root, entries, total, keys, time } = self;
        write!(
            f,
            "{FIRST_LINE}\n{origin}\nheight {height}\nprevious {previous}\nroot {root}\nentries {entries}\ntotal {total}\n\
             keys {keys}\ntime {time}\n"
        )
    }
}

impl FromStr for Block {
    type Err = BlockError;

    fn from_str(text: &str) -> Result<Self, BlockError> {
        if text.len() > MAX_BLOCK {
            return Err(BlockError::TooLong);
        }
        let mut rest = text;
        if take_line(&mut rest, "format", "")? != FIRST_LINE {
            return Err(BlockError::Line("format"));
        }
        let origin = parse(take_line(&mut rest, "origin", "")?, "origin")?;
        let height = decimal(take_line(&mut rest, "height", "height ")?, "height")?;
        let previous = parse(take_line(&mut rest, "previous", "previous ")?, "previous")?;
        let root = parse(take_line(&mut rest, "root", "root ")?, "root")?;
        let entries = decimal(take_line(&mut rest, "entries", "entries ")?, "entries")?;
        let total = decimal(take_line(&mut rest, "total", "total ")?, "total")?;
        let keys = parse(take_line(&mut rest, "keys", "keys ")?, "keys")?;
        let time = parse(take_line(&mut rest, "time", "time ")?, "time")?;
        if !rest.is_empty() {
            return Err(BlockError::Trailing);
        }
        if !(1..=MAX_BATCH).contains(&entries) {
            return Err(BlockError::Line("entries"));
        }
        Ok(Self { origin, height, previous, root, entries, total, keys, time })
    }
}

/// Takes the next line, without its line feed and `prefix`.
fn take_line<'a>(rest: &mut &'a str, name: &'static str, prefix: &str) -> Result<&'a str, BlockError> {
    let (line, after) = rest.split_once('\n').ok_or(BlockError::Line(name))?;
    *rest = after;
    line.strip_prefix(prefix).ok_or(BlockError::Line(name))
}

fn parse<T: FromStr>(text: &str, name: &'static str) -> Result<T, BlockError> {
    text.parse().map_err(|_| BlockError::Line(name))
}

fn decimal(text: &str, name: &'static str) -> Result<u64, BlockError> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    let number: u64 = parse(text, name)?;
    if plain && number <= MAX_INTEGER { Ok(number) } else { Err(BlockError::Line(name)) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::never_panics;
    use super::*;

    const PARTS: [&str; 9] = [
        "cqo-ledger/block/v1",
        "a.example",
        "height 7",
        "previous P",
        "root R",
        "entries 3",
        "total 20",
        "keys K",
        "time T",
    ];

    fn line(part: &str) -> String {
        let hash = |digit: &str| digit.repeat(64);
        let part = part.replace('P', &hash("a")).replace('R', &hash("b")).replace('K', &hash("c"));
        part.replace('T', "2026-11-22T08:00:00.123Z") + "\n"
    }

    fn text() -> String {
        PARTS.iter().map(|part| line(part)).collect()
    }

    fn block() -> Block {
        text().parse().unwrap()
    }

    #[test]
    fn a_block_has_one_form() {
        assert_eq!(block().to_string(), text());
        for i in 0..PARTS.len() {
            let lines = |change: fn(usize, usize, String) -> String| -> String {
                PARTS.iter().enumerate().map(|(at, part)| change(at, i, line(part))).collect()
            };
            for bad in [
                lines(|at, i, line| if at == i { String::new() } else { line }),
                lines(|at, i, line| if at == i { line.repeat(2) } else { line }),
                lines(|at, i, line| if at == i { line.replace('\n', "\r\n") } else { line }),
                lines(|at, i, line| if at == i { line.replace('\n', " \n") } else { line }),
                lines(|at, i, line| if at == i { format!(" {line}") } else { line }),
                lines(|at, i, line| {
                    if at == i {
                        line.replacen(' ', "  ", 1).replacen("block", "blocks", 1).replacen("a.e", "A.e", 1)
                    } else {
                        line
                    }
                }),
            ] {
                assert!(bad.parse::<Block>().is_err(), "{bad}");
            }
        }
        for (from, to) in [
            ("height 7", "height 07"),
            ("height 7", "height +7"),
            ("height 7", "height -7"),
            ("height 7", "height 9007199254740992"),
            ("height 7", "height "),
            ("entries 3", "entries 0"),
            ("entries 3", "entries 65537"),
            ("total 20", "total 9007199254740992"),
            ("root b", "root B"),
            ("root b", "root "),
            (".123Z", ".12Z"),
            ("08:00:00", "08:00:60"),
            ("2026-11-22", "2026-02-29"),
            ("a.example", ""),
            ("123Z\n", "123Z"),
            ("123Z\n", "123Z\n\n"),
            ("123Z\n", "123Z\nextra\n"),
        ] {
            let bad = text().replacen(from, to, 1);
            assert!(bad != text() && bad.parse::<Block>().is_err(), "{bad}");
        }
        for (from, to) in
            [("height 7", "height 0"), ("height 7", "height 9007199254740991"), ("entries 3", "entries 65536")]
        {
            assert!(text().replacen(from, to, 1).parse::<Block>().is_ok(), "{to}");
        }
        let long = "x".repeat(MAX_BLOCK + 1);
        assert_eq!(long.parse::<Block>(), Err(BlockError::TooLong));
        assert_eq!(text().replace("123Z\n", "123Z\nmore\n").parse::<Block>(), Err(BlockError::Trailing));
        assert_eq!(text().replace("height 7", "height 07").parse::<Block>(), Err(BlockError::Line("height")));
    }

    /// The block after `block()`, with one entry.
    fn next() -> Block {
        Block { height: 8, previous: block().digest(), entries: 1, total: 21, ..block() }
    }

    type Change = fn(&mut Block);

    #[test]
    fn what_follows_what() {
        let cases: &[(Change, Result<(), LinkError>)] = &[
            (|_| (), Ok(())),
            (|b| b.origin = "b.example".parse().unwrap(), Err(LinkError::Origin)),
            (|b| b.height = 9, Err(LinkError::Height)),
            (|b| b.height = 7, Err(LinkError::Height)),
            (|b| b.previous = Hash::ZERO, Err(LinkError::Previous)),
            (|b| b.total = 20, Err(LinkError::Total)),
            (|b| b.total = 22, Err(LinkError::Total)),
            (|b| b.time = UnixMillis::new(b.time.millis() - 1).unwrap(), Err(LinkError::Time)),
            (|b| b.time = UnixMillis::new(b.time.millis() + 1).unwrap(), Ok(())),
        ];
        for (change, expected) in cases {
            let mut after = next();
            change(&mut after);
            assert_eq!(after.follows(Some(&block())), *expected, "{after}");
        }
        let first = Block { height: 0, previous: Hash::ZERO, entries: 1, total: 1, ..block() };
        assert_eq!((first.follows(None), first.stands()), (Ok(()), Ok(())));
        assert_eq!(Block { total: 2, ..first.clone() }.stands(), Err(LinkError::Total));
        assert_eq!(Block { previous: block().root, ..first }.stands(), Err(LinkError::Previous));
        assert_eq!(block().follows(None), Err(LinkError::Height));
    }

    #[test]
    fn what_comes_after_what() {
        let cases: &[(Change, Result<(), LinkError>)] = &[
            (|_| (), Ok(())),
            (|b| *b = block(), Ok(())),
            (|b| *b = Block { entries: 4, ..block() }, Err(LinkError::Fork)),
            (|b| b.height = 6, Err(LinkError::Height)),
            (|b| b.previous = Hash::ZERO, Err(LinkError::Previous)),
            // Over a gap of three: two blocks in between, and this one's entry.
            (|b| (b.height, b.total) = (10, 23), Ok(())),
            (|b| (b.height, b.total) = (10, 22), Err(LinkError::Total)),
            (|b| (b.height, b.total, b.time) = (10, 23, UnixMillis::new(0).unwrap()), Err(LinkError::Time)),
            (|b| (b.height, b.origin) = (10, "b.example".parse().unwrap()), Err(LinkError::Origin)),
        ];
        for (change, expected) in cases {
            let mut after = next();
            change(&mut after);
            assert_eq!(after.comes_after(&block()), *expected, "{after}");
        }
        assert_eq!(Block { total: 10, ..block() }.stands(), Ok(()));
        assert_eq!(Block { total: 9, ..block() }.stands(), Err(LinkError::Total));
    }

    #[test]
    fn arbitrary_texts_are_read_or_refused() {
        never_panics(text().as_bytes(), |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            if let Ok(block) = text.parse::<Block>() {
                assert_eq!(block.to_string(), text);
                let _ = (block.stands(), block.follows(None), block.comes_after(&next()), next().comes_after(&block));
            }
        });
    }
}
