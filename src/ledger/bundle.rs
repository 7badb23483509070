//! Proof bundles (proofs/FORMATS.md section 10): all that an offline check needs, in one file. What is read here has the
//! right form; nothing in it is believed before [`super::verify`] has checked it.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::block::Block;
use super::commitment::{Commitment, Salt};
use super::entry::{Kind, Origin};
use super::fields::{FieldError, FieldErrors, Fields, Problem};
use super::json::{self, Json};
use super::keys::MAX_REGISTER;
use super::signed::{SignedEntry, SignedEntryError};
use crate::merkle::{Checkpoint, Hash, SignedNote};

/// Largest bundle, in bytes.
pub const MAX_BUNDLE: usize = 16 * 1024 * 1024;
/// Most entries of one bundle.
pub const MAX_BUNDLE_ENTRIES: usize = 10_000;
/// Longest inclusion path.
pub(super) const MAX_PATH: usize = 63;
/// The `format` member.
pub const FORMAT: &str = "cqo-ledger/proof/v1";

/// A proof bundle as it was read: of right form, and not yet checked.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The proven entries, by position.
    pub entries: Vec<BundleEntry>,
    /// The blocks that hold them, by height.
    pub blocks: Vec<BundleBlock>,
    /// The last block under the checkpoint.
    pub tip: BundleTip,
    /// The checkpoint as served: a signed note.
    pub note: SignedNote,
    /// What the note says.
    pub checkpoint: Checkpoint,
    /// The key register of the tip.
    pub keys: Vec<SignedEntry>,
}

/// One proven entry.
#[derive(Debug, Clone)]
pub struct BundleEntry {
    /// Height of its block.
    pub block: u64,
    /// Position in the batch.
    pub index: u64,
    /// Inclusion path in the batch.
    pub path: Vec<Hash>,
    /// The salt of its commitment.
    pub salt: Salt,
    /// The signed entry.
    pub signed: SignedEntry,
}

impl BundleEntry {
    /// The commitment that entry and salt make.
    pub fn commitment(&self) -> Commitment {
        Commitment::to(&self.signed, &self.salt)
    }
}

/// A block that holds proven entries.
#[derive(Debug, Clone)]
pub struct BundleBlock {
    /// The block.
    pub block: Block,
    /// Its inclusion path in the chain.
    pub path: Vec<Hash>,
    /// The block before; none at height 0.
    pub previous: Option<Block>,
}

/// The last block under the checkpoint.
#[derive(Debug, Clone)]
pub struct BundleTip {
    /// The block.
    pub block: Block,
    /// Its inclusion path in the chain.
    pub path: Vec<Hash>,
}

/// Why bytes are not a proof bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleError {
    /// More than [`MAX_BUNDLE`] bytes.
    TooLarge,
    /// Not canonical JSON of version 1.
    Json(json::JsonError),
    /// Bad fields, all of them.
    Fields(FieldErrors),
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "larger than {MAX_BUNDLE} bytes"),
            Self::Json(error) => error.fmt(f),
            Self::Fields(errors) => errors.fmt(f),
        }
    }
}

impl std::error::Error for BundleError {}

impl Bundle {
    /// Reads a bundle from bytes that must be canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge);
        }
        let value = json::parse_canonical(bytes).map_err(BundleError::Json)?;
        let mut errors = FieldErrors::default();
        match read(value, &mut errors) {
            Some(bundle) if errors.0.is_empty() => Ok(bundle),
            _ => Err(BundleError::Fields(errors)),
        }
    }

    /// Every block text at hand: of each block the one before and its own, then the tip. Heights never descend here,
    /// unless the bundle lies.
    pub fn sequence(&self) -> impl Iterator<Item = &Block> {
        let pairs = self.blocks.iter().flat_map(|block| block.previous.iter().chain([&block.block]));
        pairs.chain([&self.tip.block])
    }

    /// The canonical bytes: the inverse of [`Bundle::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let entries: Value = self
            .entries
            .iter()
            .map(|entry| {
                json!({
                    "block": entry.block,
                    "index": entry.index,
                    "path": path_value(&entry.path),
                    "salt": entry.salt.reveal(),
                    "signed": entry.signed.to_value(),
                })
            })
            .collect();
        let blocks: Value = self.blocks.iter().map(BundleBlock::to_value).collect();
        let keys: Value = self.keys.iter().map(SignedEntry::to_value).collect();
        json::canonical(&json!({
            "blocks": blocks,
            "checkpoint": self.note.to_string(),
            "entries": entries,
            "format": FORMAT,
            "keys": keys,
            "tip": {"path": path_value(&self.tip.path), "text": self.tip.block.to_string()},
        }))
    }
}

impl BundleBlock {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("path".into(), path_value(&self.path));
        map.insert("text".into(), self.block.to_string().into());
        if let Some(previous) = &self.previous {
            map.insert("previous".into(), previous.to_string().into());
        }
        Value::Object(map)
    }
}

fn path_value(path: &[Hash]) -> Value {
    path.iter().map(|hash| Value::from(hash.to_string())).collect()
}

fn read(value: Json<'_>, errors: &mut FieldErrors) -> Option<Bundle> {
    let mut fields = Fields::of(value, "", errors)?;
    if fields.string("format").is_some_and(|format| format != FORMAT) {
        fields.note("format", Problem::Choice(FORMAT.into()));
    }
    let entries = read_all(&mut fields, "entries", MAX_BUNDLE_ENTRIES, read_entry);
    let blocks = read_all(&mut fields, "blocks", MAX_BUNDLE_ENTRIES, read_block);
    let keys = read_all(&mut fields, "keys", MAX_REGISTER, read_key_entry);
    let tip = fields.value("tip").and_then(|value| read_tip(value, fields.errors()));
    let note = fields.lines("checkpoint").and_then(|text| read_checkpoint(&text, &mut fields));
    if let Some((entries, blocks)) = entries.as_ref().zip(blocks.as_ref()) {
        check_order(&mut fields, entries, blocks);
    }
    fields.finish();
    let (note, checkpoint) = note?;
    Some(Bundle { entries: entries?, blocks: blocks?, tip: tip?, note, checkpoint, keys: keys? })
}

/// Entries strictly ascending by position, and exactly the blocks that hold them, ascending by height.
fn check_order(fields: &mut Fields<'_, '_>, entries: &[BundleEntry], blocks: &[BundleBlock]) {
    if !entries.is_sorted_by(|a, b| (a.block, a.index) < (b.block, b.index)) {
        fields.note("entries", Problem::NotAscending);
    }
    let mut named: Vec<u64> = entries.iter().map(|entry| entry.block).collect();
    named.dedup();
    if !blocks.iter().map(|block| block.block.height).eq(named) {
        fields.note(
            "blocks",
            Problem::mismatch("must be exactly the blocks that the entries name", "应恰好是各条记录所在的区块"),
        );
    }
}

fn read_all<T>(
    fields: &mut Fields<'_, '_>,
    name: &str,
    max: usize,
    read_one: fn(Json<'_>, &str, &mut FieldErrors) -> Option<T>,
) -> Option<Vec<T>> {
    let items = fields.array(name, 1, max)?;
    let errors = fields.errors();
    let read: Vec<Option<T>> =
        items.into_iter().enumerate().map(|(i, item)| read_one(item, &format!("{name}[{i}]"), errors)).collect();
    read.into_iter().collect()
}

fn read_path(fields: &mut Fields<'_, '_>) -> Option<Vec<Hash>> {
    fields.list("path", 0, MAX_PATH)
}

fn read_block_text(fields: &mut Fields<'_, '_>, name: &str) -> Option<Block> {
    let text = fields.lines(name)?;
    match Block::from_str(&text) {
        Ok(block) => Some(block),
        Err(error) => {
            fields.note(name, Problem::form(format!("is not a block: {error}"), "不是合格的区块文本"));
            None
        }
    }
}

fn read_entry(value: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<BundleEntry> {
    let mut fields = Fields::of(value, path, errors)?;
    let block = fields.integer("block", 0, json::MAX_INTEGER);
    let index = fields.integer("index", 0, json::MAX_INTEGER);
    let inclusion = read_path(&mut fields);
    let salt = fields.parsed("salt");
    let signed_path = fields.path_of("signed");
    let signed = fields.value("signed").and_then(|value| read_signed(value, &signed_path, fields.errors()));
    fields.finish();
    Some(BundleEntry { block: block?, index: index?, path: inclusion?, salt: salt?, signed: signed? })
}

fn read_block(value: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<BundleBlock> {
    let mut fields = Fields::of(value, path, errors)?;
    let block = read_block_text(&mut fields, "text");
    let inclusion = read_path(&mut fields);
    let previous = match (fields.has("previous"), block.as_ref().map(|block| block.height)) {
        (true, Some(0)) => {
            fields.note("previous", Problem::NotAllowedHere);
            fields.lines("previous");
            None
        }
        (false, Some(0)) => Some(None),
        _ => read_block_text(&mut fields, "previous").map(Some),
    };
    fields.finish();
    Some(BundleBlock { block: block?, path: inclusion?, previous: previous? })
}

fn read_tip(value: Json<'_>, errors: &mut FieldErrors) -> Option<BundleTip> {
    let mut fields = Fields::of(value, "tip", errors)?;
    let block = read_block_text(&mut fields, "text");
    let path = read_path(&mut fields);
    fields.finish();
    Some(BundleTip { block: block?, path: path? })
}

/// Reads a checkpoint as served. Its form is stricter than C2SP's: the origin is one of ours, the size a number that
/// JSON holds exactly, and a signature in the origin's name is there.
pub(super) fn parse_checkpoint(text: &str) -> Result<(SignedNote, Checkpoint), String> {
    let note = SignedNote::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::from_str(note.text()).map_err(|error| error.to_string())?;
    if checkpoint.origin().parse::<Origin>().is_err() {
        return Err("the first line is not the origin of a ledger".into());
    }
    if checkpoint.size() > json::MAX_INTEGER {
        return Err("the size is beyond 2^53-1".into());
    }
    if !note.signatures().iter().any(|line| line.name() == checkpoint.origin()) {
        return Err("no signature bears the name of the origin".into());
    }
    Ok((note, checkpoint))
}

fn read_checkpoint(text: &str, fields: &mut Fields<'_, '_>) -> Option<(SignedNote, Checkpoint)> {
    match parse_checkpoint(text) {
        Ok(read) => Some(read),
        Err(error) => {
            fields.note("checkpoint", Problem::form(format!("is not a checkpoint: {error}"), "不是合格的检查点"));
            None
        }
    }
}

fn read_key_entry(value: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<SignedEntry> {
    let signed = read_signed(value, path, errors)?;
    if signed.entry().kind() != Kind::Key {
        errors.0.push(FieldError { field: format!("{path}.entry.kind"), problem: Problem::Choice("key".into()) });
        return None;
    }
    Some(signed)
}

/// Reads a signed entry inside a larger document; its field errors are put under `path`.
fn read_signed(value: Json<'_>, path: &str, errors: &mut FieldErrors) -> Option<SignedEntry> {
    match SignedEntry::from_value(value) {
        Ok(signed) => Some(signed),
        Err(SignedEntryError::Fields(inner)) => {
            let under =
                inner.0.into_iter().map(|error| FieldError { field: format!("{path}.{}", error.field), ..error });
            errors.0.extend(under);
            None
        }
        Err(other) => {
            errors.0.push(FieldError {
                field: path.to_owned(),
                problem: Problem::form(other.to_string(), "不是合格的签名记录"),
            });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{BUNDLE, in_words, never_panics, with};
    use super::*;

    type Change = fn(&mut Value);

    #[test]
    fn a_bundle_has_one_form() {
        let good: Value = serde_json::from_slice(BUNDLE).unwrap();
        let cases: &[(Change, &str)] = &[
            (|_| (), ""),
            (|b| b["format"] = "cqo-ledger/proof/v2".into(), "format choice"),
            (|b| b["x"] = 1.into(), "x unknown"),
            (|b| b["entries"] = json!([]), "entries length"),
            (|b| b["keys"] = json!([]), "keys length"),
            (|b| b["entries"].as_array_mut().unwrap().swap(0, 1), "blocks mismatch, entries not_ascending"),
            (|b| drop(b["blocks"].as_array_mut().unwrap().pop()), "blocks mismatch"),
            (|b| b["entries"][0]["index"] = 9_007_199_254_740_992_u64.into(), "json"),
            (|b| b["entries"][0]["index"] = (-1).into(), "entries[0].index range"),
            (|b| b["entries"][0]["salt"] = "00".into(), "entries[0].salt form"),
            (|b| b["entries"][0]["path"] = json!(vec!["0".repeat(64); 64]), "entries[0].path length"),
            (|b| b["entries"][0]["signed"]["entry"]["rulebook"] = 1.into(), "entries[0].signed.entry.rulebook type"),
            (|b| b["blocks"][0]["previous"] = b["blocks"][1]["text"].clone(), "blocks[0].previous not_allowed_here"),
            (|b| drop(b["blocks"][1].as_object_mut().unwrap().remove("previous")), "blocks[1].previous missing"),
            (|b| b["tip"]["text"] = "x".into(), "tip.text form"),
            (|b| b["checkpoint"] = "x\n".into(), "checkpoint form"),
            (|b| b["keys"][0] = b["entries"][2]["signed"].clone(), "keys[0].entry.kind choice"),
        ];
        for (change, expected) in cases {
            let bytes = json::canonical(&with(good.clone(), change));
            match Bundle::from_bytes(&bytes) {
                Ok(bundle) => assert!(expected.is_empty() && bundle.to_bytes() == bytes, "{expected}"),
                Err(BundleError::Fields(errors)) => assert_eq!(in_words(&errors), *expected),
                Err(BundleError::Json(_)) => assert_eq!(*expected, "json"),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(Bundle::from_bytes(&vec![b' '; MAX_BUNDLE + 1]).err(), Some(BundleError::TooLarge));
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused() {
        never_panics(BUNDLE, |bytes| {
            if let Ok(bundle) = Bundle::from_bytes(bytes) {
                assert_eq!(bundle.to_bytes(), bytes);
            }
        });
    }
}
