//! One record of what happened: each commit carries one event, and each stored event the hash of the one before.
//!
//! # The bytes that are hashed
//!
//! The hash of a record is `SHA-256("cqo-ledger/event/v1\n" || record)`, with integers big-endian:
//!
//! ```text
//! sequence   8 bytes   from 1, without a gap
//! previous  32 bytes   hash of the record before; zeros for the first
//! at_ms      8 bytes   signed: milliseconds since 1970-01-01T00:00:00Z
//! digest     1 byte 0, or 1 byte 1 and 32 bytes
//! actor      2 bytes length, then UTF-8
//! action     2 bytes length, then UTF-8
//! subject    2 bytes length, then UTF-8
//! ```
//!
//! The journal stores exactly these bytes, so a record that was altered, dropped, added or moved breaks the chain.

use serde::{Deserialize, Serialize};

use super::{MAX_EVENT_TEXT_BYTES, StoreError};
use crate::merkle::Hash;

/// What precedes a record under its hash.
const DOMAIN: &[u8] = b"cqo-ledger/event/v1\n";

/// Who did what to what: the part of a record that the caller writes. No personal data, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Event {
    /// Who acted: an id.
    pub actor: String,
    /// What was done: a verb from the program's own list.
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// The digest of what was decided on or stored, where there is one.
    pub digest: Option<Hash>,
    /// When, by the caller's clock: milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
}

/// An event as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The number of the commit that carried it: from 1, without a gap.
    pub sequence: u64,
    /// The hash of the record before; zeros for the first.
    pub previous: Hash,
    /// What happened.
    pub event: Event,
}

/// A place in the chain of records: the last record's sequence number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventHead {
    /// The sequence number of the last record; 0 before the first.
    pub sequence: u64,
    /// The hash of the last record; zeros before the first.
    pub hash: Hash,
}

/// The first record at which a chain of events breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record of what happened is broken at sequence number {sequence}")]
pub struct EventChainBroken {
    /// The sequence number at which the next record was expected.
    pub sequence: u64,
}

/// Checks that `records` continue the chain after `head`, and returns the new head.
///
/// From the beginning, `head` is `EventHead::default()`; for a page, it is what the page before returned.
pub fn verify_events(head: EventHead, records: &[EventRecord]) -> Result<EventHead, EventChainBroken> {
    records.iter().try_fold(head, |head, record| {
        let sequence = head.sequence + 1;
        if record.sequence != sequence || record.previous != head.hash {
            return Err(EventChainBroken { sequence });
        }
        Ok(record.head())
    })
}

impl EventRecord {
    /// The hash of this record: what the next one names as `previous`.
    pub fn hash(&self) -> Hash {
        let mut bytes = Vec::with_capacity(256);
        encode(&mut bytes, EventHead { sequence: self.sequence - 1, hash: self.previous }, &self.event).hash
    }

    /// The place in the chain after this record.
    pub fn head(&self) -> EventHead {
        EventHead { sequence: self.sequence, hash: self.hash() }
    }
}

impl Event {
    /// Refuses texts above their limit.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        [&self.actor, &self.action, &self.subject].iter().try_for_each(|text| {
            StoreError::check_limit("text of the event in bytes", text.len(), MAX_EVENT_TEXT_BYTES)
        })
    }

    /// An upper bound of the encoded size.
    pub(super) fn size(&self) -> usize {
        96 + self.actor.len() + self.action.len() + self.subject.len()
    }
}

/// Appends the record that follows `head` to `out` and returns the new head.
pub(super) fn encode(out: &mut Vec<u8>, head: EventHead, event: &Event) -> EventHead {
    let start = out.len();
    let sequence = head.sequence + 1;
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(head.hash.as_bytes());
    out.extend_from_slice(&event.at_ms.to_be_bytes());
    match &event.digest {
        None => out.push(0),
        Some(digest) => {
            out.push(1);
            out.extend_from_slice(digest.as_bytes());
        }
    }
    for text in [&event.actor, &event.action, &event.subject] {
        let len = u16::try_from(text.len()).expect("the event's texts are checked before it is queued");
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    EventHead { sequence, hash: Hash::of(&[DOMAIN, &out[start..]]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(len: u64) -> Vec<EventRecord> {
        let mut head = EventHead::default();
        (1..=len)
            .map(|sequence| {
                let event = Event {
                    actor: format!("actor-{sequence}"),
                    action: "record".into(),
                    subject: "entry".into(),
                    digest: (sequence % 2 == 0).then(|| Hash::of(&[b"x"])),
                    at_ms: -1,
                };
                let record = EventRecord { sequence, previous: head.hash, event };
                head = record.head();
                record
            })
            .collect()
    }

    /// The bytes by hand: `printf` and `sha256sum` give the same.
    #[test]
    fn the_hash_of_the_first_record_is_over_the_documented_bytes() {
        let event = Event { actor: "a".into(), action: "b".into(), subject: "c".into(), digest: None, at_ms: 1 };
        let record = EventRecord { sequence: 1, previous: Hash::ZERO, event };
        let bytes = b"cqo-ledger/event/v1\n\
            \0\0\0\0\0\0\0\x01\
            \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
            \0\0\0\0\0\0\0\x01\
            \0\
            \0\x01a\0\x01b\0\x01c";
        assert_eq!(record.hash(), Hash::of(&[bytes]));
    }

    #[test]
    fn a_chain_verifies_whole_and_in_pages_and_every_change_breaks_it() {
        let records = chain(5);
        let head = verify_events(EventHead::default(), &records).unwrap();
        let middle = verify_events(EventHead::default(), &records[..2]).unwrap();
        assert_eq!(verify_events(middle, &records[2..]), Ok(head));

        let changes: [fn(&mut Vec<EventRecord>); 6] = [
            |r| r[1].event.actor.push('x'),
            |r| r[1].event.digest = None,
            |r| r[1].event.at_ms += 1,
            |r| r.swap(1, 2),
            |r| drop(r.remove(1)),
            |r| r[1].sequence += 1,
        ];
        for (nth, change) in changes.iter().enumerate() {
            let mut changed = records.clone();
            change(&mut changed);
            assert!(verify_events(EventHead::default(), &changed).is_err(), "change {nth}");
        }
    }
}
