//! Two small files beside the journal.
//!
//! `FORMAT` names the format number and the store's random id. It is the last file made when a store is created, so where it
//! stands, everything else must stand too.
//!
//! `mark` remembers how far the journal was durable, and the checkpoint that was about to be signed. It is written when a
//! store is opened and closed, with every checkpoint, and when it has been behind for a second. It is replaced
//! atomically and fsynced: a journal that ends before it is damage and not a torn tail. Its bytes are one line of JSON
//! and a second line with the SHA-256 of the first (line feed included).

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::{read_if_there, write_atomic};
use super::{Anchor, StoreError};
use crate::merkle::Hash;

/// The only format number this program reads and writes.
pub(super) const STORE_FORMAT: u64 = 1;

const FORMAT_FIRST_LINE: &str = "cqo-ledger store";
const MARK_FORMAT: &str = "cqo-ledger/mark/v1";

/// The random id that ties a store's files together, so that those of another store are noticed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreId(pub(super) [u8; 16]);

/// What the mark file remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    format: String,
    store: String,
    /// The last sequence number known to be durable.
    pub(super) sequence: u64,
    /// The journal's chained digest at that sequence number; zeros at 0.
    pub(super) digest: Hash,
    /// The last checkpoint that was about to be signed.
    pub(super) anchor: Option<Anchor>,
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StoreId {
    /// Reads `FORMAT`; `None` when it is not there.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = read_if_there(path)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.split('\n').collect();
        let [FORMAT_FIRST_LINE, format, store, ""] = lines[..] else { return Err(unreadable_format(path)) };
        let number = format.strip_prefix("format ").and_then(|number| number.parse::<u64>().ok());
        match number {
            Some(STORE_FORMAT) => {}
            Some(found) => {
                return Err(StoreError::Format { what: path.display().to_string(), found, expected: STORE_FORMAT });
            }
            None => return Err(unreadable_format(path)),
        }
        let mut id = [0; 16];
        let digits = store.strip_prefix("store ").ok_or_else(|| unreadable_format(path))?;
        hex::decode_to_slice(digits, &mut id).map_err(|_| unreadable_format(path))?;
        // One text for one store: no capitals, no leading zeros.
        if Self(id).format_text() != text { Err(unreadable_format(path)) } else { Ok(Some(Self(id))) }
    }

    fn format_text(self) -> String {
        format!("{FORMAT_FIRST_LINE}\nformat {STORE_FORMAT}\nstore {self}\n")
    }

    /// Writes `FORMAT`.
    pub(super) fn write(self, path: &Path) -> Result<(), StoreError> {
        write_atomic(path, self.format_text().as_bytes()).map_err(StoreError::io("write", path))
    }
}

fn unreadable_format(path: &Path) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        detail: "it does not name a format and a store".into(),
        advice: "请从备份恢复（docs/RUNBOOK.md，Restore） restore from a backup, as docs/RUNBOOK.md says",
    }
}

impl Mark {
    /// A mark of `store`.
    pub(super) fn new(store: StoreId, sequence: u64, digest: Hash, anchor: Option<Anchor>) -> Self {
        Self { format: MARK_FORMAT.into(), store: store.to_string(), sequence, digest, anchor }
    }

    /// Reads the mark of `store`, which must be there.
    pub(super) fn read(path: &Path, store: StoreId) -> Result<Self, StoreError> {
        let damaged = |detail: &str| StoreError::Damaged {
            path: path.to_owned(),
            detail: detail.into(),
            advice: "请从备份恢复（docs/RUNBOOK.md，Restore） restore from a backup, as docs/RUNBOOK.md says",
        };
        let bytes = read_if_there(path)?.ok_or_else(|| damaged("the file is missing"))?;
        let mark = Self::decode(&bytes).ok_or_else(|| damaged("its checksum does not match"))?;
        if mark.store != store.to_string() {
            return Err(damaged("it belongs to another store than the file FORMAT beside it"));
        }
        Ok(mark)
    }

    /// Replaces the mark, durably.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        write_atomic(path, &self.encode())
    }

    /// The file's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("strings and numbers are always JSON");
        bytes.push(b'\n');
        let digest = Hash::of(&[&bytes]);
        bytes.extend_from_slice(format!("{digest}\n").as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        let (line, digest) = bytes.split_at(end);
        if digest != format!("{}\n", Hash::of(&[line])).as_bytes() {
            return None;
        }
        serde_json::from_slice::<Self>(line).ok().filter(|mark| mark.format == MARK_FORMAT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_no_mark_or_written_back() {
        let good = Mark::new(StoreId([7; 16]), 9, Hash::ZERO, None).encode();
        assert!(Mark::decode(&good).is_some());
        let iterations = crate::store::fuzz_iterations();
        bolero::check!().with_iterations(iterations).with_type::<(Vec<u8>, Vec<(u16, u8)>, bool)>().for_each(
            |(noise, patches, is_resealed)| {
                let mut changed = good.clone();
                for (at, byte) in patches {
                    let at = usize::from(*at) % changed.len();
                    changed[at] = *byte;
                }
                if *is_resealed && let Some(end) = changed.iter().position(|byte| *byte == b'\n') {
                    changed.truncate(end + 1);
                    let digest = Hash::of(&[&changed]);
                    changed.extend_from_slice(format!("{digest}\n").as_bytes());
                }
                assert_eq!(Mark::decode(noise), None);
                if let Some(mark) = Mark::decode(&changed) {
                    assert_eq!(Mark::decode(&mark.encode()), Some(mark));
                }
            },
        );
    }
}
