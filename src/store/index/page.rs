//! The bytes of one page: rows that sort next to each other. Pure: no I/O.
//!
//! Integers are big-endian.
//!
//! ```text
//! page   check 16     the first 16 bytes of SHA-256(low key length 4 || low key || all that follows the check)
//!        count 4
//!        ends         4 for each row: where it ends, counted from the first one
//!        rows
//!
//! row    key length 2, key, version 8, sum 4, then one of
//!        0, value               a short value itself
//!        1, offset 8, length 4  where a longer one lies in its segment of the journal
//! ```
//!
//! The sum is the CRC-32 of key, version and value. It is against rot, not against people: whoever can write here can
//! write the journal too, whose digests are SHA-256.

use crate::merkle::Hash;

/// A page does not grow beyond this.
pub(super) const PAGE_BYTES: usize = 8 * 1024;
/// A value up to this length stands in the page itself.
const HERE_BYTES: usize = 128;

const CHECK_LEN: usize = 16;
const COUNT_LEN: usize = 4;
const END_LEN: usize = 4;
const HERE: u8 = 0;
const JOURNAL: u8 = 1;

/// A row but for its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// The sequence number of the commit that wrote it.
    pub(super) version: u64,
    sum: u32,
    /// Where the value is.
    pub(super) at: At,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// Here.
    Here(Vec<u8>),
    /// In the journal: in the segment that holds the commit.
    Journal {
        /// How many bytes of the segment lie before it.
        offset: u64,
        /// How long it is.
        len: u32,
    },
}

impl Slot {
    /// The slot of a row whose value lies at `offset` in the journal.
    pub(super) fn new(key: &[u8], version: u64, value: &[u8], offset: u64) -> Self {
        let at = match u32::try_from(value.len()) {
            Ok(len) if value.len() > HERE_BYTES => At::Journal { offset, len },
            _ => At::Here(value.to_vec()),
        };
        Self { version, sum: sum(key, version, value), at }
    }

    /// Whether `value` is the one that was written under `key`.
    pub(super) fn holds(&self, key: &[u8], value: &[u8]) -> bool {
        self.sum == sum(key, self.version, value)
    }
}

fn sum(key: &[u8], version: u64, value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(&version.to_be_bytes());
    hasher.update(value);
    hasher.finalize()
}

/// A page as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    check: u128,
    ends: &'a [[u8; END_LEN]],
    rows: &'a [u8],
}

impl<'a> Page<'a> {
    /// The parts of a page; `None` when the bytes are none.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (check, rest) = bytes.split_first_chunk::<CHECK_LEN>()?;
        let (count, rest) = rest.split_first_chunk::<COUNT_LEN>()?;
        let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
        let (ends, rows) = rest.split_at_checked(count.checked_mul(END_LEN)?)?;
        Some(Self { check: u128::from_be_bytes(*check), ends: ends.as_chunks().0, rows })
    }

    /// The check, if it holds for these bytes and this low key.
    pub(super) fn checked(low: &[u8], bytes: &'a [u8]) -> Option<(u128, Self)> {
        let page = Self::parse(bytes)?;
        (page.check == check_of(low, &bytes[CHECK_LEN..])).then_some((page.check, page))
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The row with this number; `None` when it cannot be read.
    pub(super) fn row(&self, nth: usize) -> Option<(&'a [u8], Slot)> {
        let (key, rest) = self.key(nth)?;
        let (version, rest) = rest.split_first_chunk()?;
        let (sum, rest) = rest.split_first_chunk()?;
        let at = match rest.split_first()? {
            (&HERE, value) => At::Here(value.to_vec()),
            (&JOURNAL, place) => {
                let (offset, len) = place.split_first_chunk()?;
                At::Journal { offset: u64::from_be_bytes(*offset), len: u32::from_be_bytes(len.try_into().ok()?) }
            }
            _ => return None,
        };
        Some((key, Slot { version: u64::from_be_bytes(*version), sum: u32::from_be_bytes(*sum), at }))
    }

    /// How many rows sort before `key`; `None` when one of them cannot be read.
    pub(super) fn before(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle)?.0 < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// A row's key, and what follows it.
    fn key(&self, nth: usize) -> Option<(&'a [u8], &'a [u8])> {
        let start = nth.checked_sub(1).map_or(Some(0), |before| self.end(before))?;
        let row = self.rows.get(start..self.end(nth)?)?;
        let (len, rest) = row.split_first_chunk()?;
        rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
    }

    fn end(&self, nth: usize) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(*self.ends.get(nth)?)).ok()
    }
}

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct PageBuilder {
    ends: Vec<u8>,
    rows: Vec<u8>,
}

impl PageBuilder {
    /// Adds the next row.
    pub(super) fn push(&mut self, key: &[u8], slot: &Slot) {
        let key_len = u16::try_from(key.len()).expect("keys are checked before the commit is queued");
        self.rows.extend_from_slice(&key_len.to_be_bytes());
        self.rows.extend_from_slice(key);
        self.rows.extend_from_slice(&slot.version.to_be_bytes());
        self.rows.extend_from_slice(&slot.sum.to_be_bytes());
        match &slot.at {
            At::Here(value) => {
                self.rows.push(HERE);
                self.rows.extend_from_slice(value);
            }
            At::Journal { offset, len } => {
                self.rows.push(JOURNAL);
                self.rows.extend_from_slice(&offset.to_be_bytes());
                self.rows.extend_from_slice(&len.to_be_bytes());
            }
        }
        let end = u32::try_from(self.rows.len()).expect("a page holds some KiB");
        self.ends.extend_from_slice(&end.to_be_bytes());
    }

    /// How many bytes it has so far.
    pub(super) fn len(&self) -> usize {
        CHECK_LEN + COUNT_LEN + self.ends.len() + self.rows.len()
    }

    /// The page's check and bytes.
    pub(super) fn finish(self, low: &[u8]) -> (u128, Vec<u8>) {
        let count = u32::try_from(self.ends.len() / END_LEN).expect("a page holds some KiB");
        let mut out = Vec::with_capacity(self.len());
        out.extend_from_slice(&[0; CHECK_LEN]);
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&self.ends);
        out.extend_from_slice(&self.rows);
        let check = check_of(low, &out[CHECK_LEN..]);
        out[..CHECK_LEN].copy_from_slice(&check.to_be_bytes());
        (check, out)
    }
}

fn check_of(low: &[u8], rest: &[u8]) -> u128 {
    let len = u32::try_from(low.len()).unwrap_or(u32::MAX).to_be_bytes();
    let digest = Hash::of(&[&len, low, rest]);
    let (check, _) = digest.as_bytes().split_first_chunk().expect("32 bytes begin with 16");
    u128::from_be_bytes(*check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(low: &[u8], rows: &[(&[u8], Slot)]) -> Vec<u8> {
        let mut builder = PageBuilder::default();
        rows.iter().for_each(|(key, slot)| builder.push(key, slot));
        let len = builder.len();
        let (_, bytes) = builder.finish(low);
        assert_eq!(bytes.len(), len);
        bytes
    }

    fn rows() -> Vec<(&'static [u8], Slot)> {
        let slot = |key: &[u8], version, len| Slot::new(key, version, &vec![7; len], 1_000);
        vec![
            (b"\x01", slot(b"\x01", 1, 0)),
            (b"\x01a", slot(b"\x01a", u64::MAX, HERE_BYTES)),
            (b"\x02", slot(b"\x02", 3, HERE_BYTES + 1)),
        ]
    }

    #[test]
    fn what_is_written_is_read_and_found() {
        let (rows, bytes) = (rows(), page(b"low", &rows()));
        let (_, read) = Page::checked(b"low", &bytes).unwrap();
        assert_eq!((0..read.len()).map(|nth| read.row(nth).unwrap()).collect::<Vec<_>>(), rows);
        assert!(matches!(rows[2].1.at, At::Journal { offset: 1_000, len: 129 }));
        let before: [(&[u8], usize); 5] = [(b"", 0), (b"\x01", 0), (b"\x01\x00", 1), (b"\x01b", 2), (b"\x03", 3)];
        for (key, expected) in before {
            assert_eq!(read.before(key), Some(expected), "{key:?}");
        }
        assert!(rows[0].1.holds(b"\x01", b"") && !rows[0].1.holds(b"\x02", b"") && !rows[0].1.holds(b"\x01", b"x"));
    }

    #[test]
    fn any_change_breaks_the_check_and_nothing_panics() {
        let bytes = page(b"low", &rows());
        assert!(Page::checked(b"other", &bytes).is_none());
        let look = |bytes: &[u8]| {
            let Some(page) = Page::parse(bytes) else { return };
            let _ = page.before(b"\x01a");
            (0..page.len()).for_each(|nth| drop(page.row(nth)));
        };
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(Page::checked(b"low", &damaged).is_none(), "{at}.{bit}");
                look(&damaged);
            }
            assert!(Page::checked(b"low", &bytes[..at]).is_none());
            look(&bytes[..at]);
        }
    }
}
