//! The bytes of the journal. Pure: no I/O, so what is here cannot fail for other reasons than its input.
//!
//! Integers are big-endian, every digest is the SHA-256 of all bytes of its record before it.
//!
//! ```text
//! segment   header, groups, and at the very end of the last segment perhaps one acknowledgement
//!
//! header    "cqo-ledger/journal/v1\n"
//!           store id 16, first sequence 8, previous 32 (the last digest of the segment before; zeros in the first)
//!           digest 32
//!
//! group     store id 16, 'G', body length 4, first sequence 8, number of commits 4
//!           previous 32 (the digest of the record before in this segment: a group, or the header)
//!           body: commits
//!           digest 32
//!
//! commit    event record (see `store::event`), number of writes 4, writes
//! write     1 for put: key length 2, key (table number first), value length 4, value
//!           2 for delete: key length 2, key
//!
//! ack       store id 16, 'A', last sequence 8, previous 32 (the digest of the last group), digest 32
//! ```
//!
//! Each record begins with the store's random id. So a record can be found after a broken place, and no client can
//! put one into a value.

use crate::merkle::Hash;
use crate::store::event::{self, Event, EventHead, EventRecord};
use crate::store::mark::StoreId;
use crate::store::{MAX_COMMIT_BYTES, Write};

const MAGIC: &[u8] = b"cqo-ledger/journal/v1\n";
const ID_LEN: usize = 16;
pub(super) const HASH_LEN: usize = 32;
const GROUP: u8 = b'G';
const ACK: u8 = b'A';
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// The length of a segment's header.
pub(super) const HEADER_LEN: usize = MAGIC.len() + ID_LEN + 8 + HASH_LEN + HASH_LEN;
/// The length of a group before its body.
pub(super) const GROUP_HEAD_LEN: usize = ID_LEN + 1 + 4 + 8 + 4 + HASH_LEN;
/// The length of an acknowledgement: less than that of any group.
pub(super) const ACK_LEN: usize = ID_LEN + 1 + 8 + HASH_LEN + HASH_LEN;
/// No group is longer: what may be taken together before the last commit, and that commit.
pub(super) const MAX_GROUP_BYTES: usize = MAX_COMMIT_BYTES + super::GROUP_BYTES + 64 * 1024;

/// Where in a group's head its body length stands, and its number of commits.
pub(super) const BODY_LEN_AT: usize = ID_LEN + 1;
const COUNT_AT: usize = BODY_LEN_AT + 4 + 8;

/// A segment's header, checked.
pub(super) struct Header {
    pub(super) first_sequence: u64,
    pub(super) previous: Hash,
    pub(super) digest: Hash,
}

/// A group whose digest holds.
pub(crate) struct Group<'a> {
    /// The sequence number of its first commit.
    pub(crate) first_sequence: u64,
    /// The sequence number of its last commit.
    pub(crate) last_sequence: u64,
    /// The digest of the record before.
    pub(super) previous: Hash,
    /// Its own digest.
    pub(crate) digest: Hash,
    /// Its length in bytes, digest included.
    pub(crate) len: usize,
    body: &'a [u8],
}

/// What a visitor of writes hears: the sequence number of the commit, the key, and the value with its offset in the
/// group; none when the row is deleted.
pub(crate) type VisitWrite<'v, 'a> = &'v mut dyn FnMut(u64, &'a [u8], Option<(usize, &'a [u8])>);

/// Why bytes are not a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoGroup {
    /// The bytes end before the group does.
    Incomplete,
    /// They do not begin like a group of this store.
    Foreign,
    /// The digest does not match.
    Digest,
}

/// The header of a segment.
pub(super) fn header(store: StoreId, first_sequence: u64, previous: Hash) -> (Vec<u8>, Hash) {
    let mut out = Vec::with_capacity(HEADER_LEN);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&store.0);
    out.extend_from_slice(&first_sequence.to_be_bytes());
    out.extend_from_slice(previous.as_bytes());
    let digest = seal(&mut out, 0);
    (out, digest)
}

/// Reads the header of a segment of `store`.
pub(super) fn parse_header(bytes: &[u8], store: StoreId) -> Result<Header, &'static str> {
    let short = "its header is incomplete";
    let mut fields = Fields(bytes.get(..HEADER_LEN).ok_or(short)?);
    let magic = fields.take(MAGIC.len()).ok_or(short)?;
    let id = fields.take(ID_LEN).ok_or(short)?;
    let first_sequence = fields.u64().ok_or(short)?;
    let previous = fields.hash().ok_or(short)?;
    let digest = fields.hash().ok_or(short)?;
    if magic != MAGIC || digest != Hash::of(&[&bytes[..HEADER_LEN - HASH_LEN]]) {
        return Err("its header is broken");
    }
    if id != store.0 {
        return Err("it belongs to another store");
    }
    Ok(Header { first_sequence, previous, digest })
}

/// Builds one group in a buffer that is used again and again.
pub(crate) struct GroupBuilder {
    out: Vec<u8>,
    store: StoreId,
    previous: Hash,
    head: EventHead,
    count: u32,
}

impl GroupBuilder {
    /// A builder for groups of `store`.
    pub(crate) fn new(store: StoreId) -> Self {
        Self { out: Vec::new(), store, previous: Hash::ZERO, head: EventHead::default(), count: 0 }
    }

    /// Begins a group after the record with digest `previous` and the event at `head`.
    pub(crate) fn begin(&mut self, head: EventHead, previous: Hash) {
        self.out.clear();
        self.previous = previous;
        self.head = head;
        self.count = 0;
        self.out.extend_from_slice(&self.store.0);
        self.out.push(GROUP);
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&(head.sequence + 1).to_be_bytes());
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(previous.as_bytes());
    }

    /// Adds a commit and returns its sequence number.
    pub(crate) fn push(&mut self, event: &Event, writes: &[Write]) -> u64 {
        self.head = event::encode(&mut self.out, self.head, event);
        self.count += 1;
        self.out.extend_from_slice(&u32_of(writes.len()).to_be_bytes());
        for write in writes {
            let (key, value) = write.parts();
            self.out.push(if value.is_some() { PUT } else { DELETE });
            let key_len = u16::try_from(key.0.len()).expect("keys are checked before the commit is queued");
            self.out.extend_from_slice(&key_len.to_be_bytes());
            self.out.extend_from_slice(&key.0);
            if let Some(value) = value {
                self.out.extend_from_slice(&u32_of(value.len()).to_be_bytes());
                self.out.extend_from_slice(value);
            }
        }
        self.head.sequence
    }

    /// Whether no commit was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the group: its bytes, what stands in them, and the event it ends at.
    pub(crate) fn finish(&mut self) -> (&[u8], Group<'_>, EventHead) {
        let body_len = u32_of(self.out.len() - GROUP_HEAD_LEN);
        self.out[BODY_LEN_AT..BODY_LEN_AT + 4].copy_from_slice(&body_len.to_be_bytes());
        self.out[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_be_bytes());
        let digest = seal(&mut self.out, 0);
        let len = self.out.len();
        let group = Group {
            first_sequence: self.head.sequence + 1 - u64::from(self.count),
            last_sequence: self.head.sequence,
            previous: self.previous,
            digest,
            len,
            body: &self.out[GROUP_HEAD_LEN..len - HASH_LEN],
        };
        (&self.out, group, self.head)
    }
}

/// How long the group is whose head these bytes are; `None` when they are no head of this store.
pub(super) fn group_len(head: &[u8], store: StoreId) -> Option<usize> {
    let mut fields = Fields(head);
    (fields.take(ID_LEN)? == store.0 && fields.take(1)? == [GROUP]).then_some(())?;
    let body_len = usize::try_from(fields.u32()?).ok()?;
    Some(GROUP_HEAD_LEN + body_len + HASH_LEN).filter(|len| *len <= MAX_GROUP_BYTES)
}

/// Reads the group at the beginning of `bytes`.
pub(super) fn parse_group(bytes: &[u8], store: StoreId) -> Result<Group<'_>, NoGroup> {
    let head = bytes.get(..GROUP_HEAD_LEN).ok_or(NoGroup::Incomplete)?;
    let len = group_len(head, store).ok_or(NoGroup::Foreign)?;
    let bytes = bytes.get(..len).ok_or(NoGroup::Incomplete)?;
    let (sealed, digest) = bytes.split_at(len - HASH_LEN);
    let digest = Hash::try_from(digest).map_err(|_| NoGroup::Incomplete)?;
    if digest != Hash::of(&[sealed]) {
        return Err(NoGroup::Digest);
    }
    let mut fields = Fields(&head[BODY_LEN_AT + 4..]);
    let (Some(first_sequence), Some(count), Some(previous)) = (fields.u64(), fields.u32(), fields.hash()) else {
        return Err(NoGroup::Incomplete);
    };
    let last_sequence = first_sequence.wrapping_add(u64::from(count)).wrapping_sub(1);
    Ok(Group { first_sequence, last_sequence, previous, digest, len, body: &sealed[GROUP_HEAD_LEN..] })
}

impl<'a> Group<'a> {
    /// The events of the commits; `None` when the body is not exactly them, which a matching digest rules out unless the
    /// writer erred.
    pub(crate) fn events(&self) -> Option<Vec<EventRecord>> {
        let mut fields = Fields(self.body);
        let mut events = Vec::new();
        for sequence in self.first_sequence..=self.last_sequence {
            events.push(fields.record().filter(|record| record.sequence == sequence)?);
            (0..fields.u32()?).try_for_each(|_| fields.write().map(drop))?;
        }
        fields.0.is_empty().then_some(events)
    }

    /// Visits all writes in order; `None` as for [`Group::events`], after some of them.
    pub(crate) fn visit_writes(&self, visit: VisitWrite<'_, 'a>) -> Option<()> {
        let mut fields = Fields(self.body);
        for sequence in self.first_sequence..=self.last_sequence {
            (fields.skip_record()? == sequence).then_some(())?;
            for _ in 0..fields.u32()? {
                let (key, value) = fields.write()?;
                // What was just taken ends where the rest begins.
                let end = GROUP_HEAD_LEN + self.body.len() - fields.0.len();
                visit(sequence, key, value.map(|value| (end - value.len(), value)));
            }
        }
        fields.0.is_empty().then_some(())
    }
}

/// The acknowledgement that everything up to `sequence` is durable.
pub(super) fn ack(store: StoreId, sequence: u64, previous: Hash) -> Vec<u8> {
    let mut out = Vec::with_capacity(ACK_LEN);
    out.extend_from_slice(&store.0);
    out.push(ACK);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(previous.as_bytes());
    seal(&mut out, 0);
    out
}

/// Whether `bytes` begin with an acknowledgement of `store`, whatever it acknowledges.
pub(super) fn is_ack(bytes: &[u8], store: StoreId) -> bool {
    let Some(bytes) = bytes.get(..ACK_LEN) else { return false };
    let (sealed, digest) = bytes.split_at(ACK_LEN - HASH_LEN);
    sealed.starts_with(&store.0) && sealed[ID_LEN] == ACK && digest == Hash::of(&[sealed]).as_bytes()
}

/// The offset of the first whole record of `store` in `bytes`, from `from` on.
pub(super) fn find_record(bytes: &[u8], from: usize, store: StoreId) -> Option<usize> {
    (from..bytes.len().saturating_sub(ID_LEN))
        .filter(|at| bytes[*at..].starts_with(&store.0))
        .find(|at| is_ack(&bytes[*at..], store) || parse_group(&bytes[*at..], store).is_ok())
}

/// Appends the digest of everything from `start` on.
fn seal(out: &mut Vec<u8>, start: usize) -> Hash {
    let digest = Hash::of(&[&out[start..]]);
    out.extend_from_slice(digest.as_bytes());
    digest
}

fn u32_of(len: usize) -> u32 {
    u32::try_from(len).expect("commits and groups are limited to some MiB")
}

/// Takes fields from the front of bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn hash(&mut self) -> Option<Hash> {
        self.array::<HASH_LEN>().map(Hash::from)
    }

    /// Bytes behind their length of two bytes.
    fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.array().map(u16::from_be_bytes)?;
        self.take(usize::from(len))
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.short()?.to_vec()).ok()
    }

    fn record(&mut self) -> Option<EventRecord> {
        let sequence = self.u64()?;
        let previous = self.hash()?;
        let at_ms = self.array().map(i64::from_be_bytes)?;
        let digest = match self.u8()? {
            0 => None,
            1 => Some(self.hash()?),
            _ => return None,
        };
        let (actor, action, subject) = (self.text()?, self.text()?, self.text()?);
        Some(EventRecord { sequence, previous, event: Event { actor, action, subject, digest, at_ms } })
    }

    fn write(&mut self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        match self.u8()? {
            DELETE => Some((self.short()?, None)),
            PUT => {
                let key = self.short()?;
                let len = usize::try_from(self.u32()?).ok()?;
                Some((key, Some(self.take(len)?)))
            }
            _ => None,
        }
    }

    /// Takes a record without reading it, but for its sequence number.
    fn skip_record(&mut self) -> Option<u64> {
        let sequence = self.u64()?;
        self.take(HASH_LEN + 8)?;
        match self.u8()? {
            0 => {}
            1 => drop(self.take(HASH_LEN)?),
            _ => return None,
        }
        (0..3).try_for_each(|_| self.short().map(drop))?;
        Some(sequence)
    }
}
