//! An outsider, who uses only what the service serves and the formats.

use std::collections::HashSet;
use std::num::NonZeroU8;

use super::super::{Actor, Error};
use super::{CHECKPOINT_KEY, ORIGIN, World, key};
use crate::ledger::block::Block;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::EntryId;
use crate::ledger::keys::KeyRegister;
use crate::ledger::receipt::SignedReceipt;
use crate::ledger::signed::SignedEntry;
use crate::ledger::verify::{FileKind, Question, State, Step, exit_status, verify_file, verify_together};
use crate::merkle::{
    Checkpoint, Hash, NoteSigner, SignedNote, TileKind, TilePath, TrustPolicy, decode_bundle, leaf_hash, node_hash,
};
use crate::store::{EventHead, verify_events};

/// What an outsider found.
pub(in crate::service) struct Outside {
    pub(in crate::service) blocks: Vec<Block>,
    /// All commitments, in the order of the chain.
    pub(in crate::service) commitments: Vec<Commitment>,
    register: KeyRegister,
}

impl World {
    /// Checks like an outsider that the chain is sound, that every checkpoint ever seen is a prefix of it, that every
    /// promise is kept exactly once, and that every such entry has a proof.
    pub(in crate::service) async fn verify(&self) -> Outside {
        let outside = self.verify_together().await;
        for id in self.acknowledged.keys() {
            assert_eq!(self.failed_steps(&[*id]).await, [], "{id}");
        }
        outside
    }

    /// The same, with one proof of all entries.
    pub(in crate::service) async fn verify_together(&self) -> Outside {
        let outside = self.verify_chain().await;
        for (id, receipt) in &self.acknowledged {
            self.verify_receipt(&outside, *id, receipt);
        }
        let ids: Vec<EntryId> = self.acknowledged.keys().copied().collect();
        if !ids.is_empty() {
            assert_eq!(self.failed_steps(&ids).await, []);
        }
        outside
    }

    /// The chain alone.
    pub(in crate::service) async fn verify_chain(&self) -> Outside {
        let service = self.service();
        let policy = policy();
        let note = SignedNote::parse(service.published().checkpoint.as_bytes()).unwrap();
        let checkpoint = policy.judge(&note).unwrap().checkpoint().clone();
        let size = checkpoint.size();
        let outside = self.read_chain(size).await;
        let texts: Vec<String> = outside.blocks.iter().map(ToString::to_string).collect();
        let leaves: Vec<Hash> = texts.iter().map(|text| leaf_hash(text.as_bytes())).collect();
        assert_eq!(merkle_root(&leaves), *checkpoint.root());
        for seen in &self.checkpoints {
            let note = SignedNote::parse(seen.as_bytes()).unwrap();
            let seen = policy.judge(&note).unwrap().checkpoint().clone();
            let prefix = &leaves[..usize::try_from(seen.size()).unwrap()];
            assert_eq!(merkle_root(prefix), *seen.root(), "the checkpoint of {} blocks is no prefix", seen.size());
        }
        let width = u8::try_from(size).ok().and_then(NonZeroU8::new);
        let tile = |kind| TilePath::new(kind, 0, width).unwrap();
        let entries = service.tile(&tile(TileKind::Entries)).await.unwrap();
        assert!(decode_bundle(&entries).unwrap().into_iter().eq(texts.iter().map(String::as_bytes)));
        let hashes = service.tile(&tile(TileKind::Hashes { level: 0 })).await.unwrap();
        assert!(hashes.chunks(32).eq(leaves.iter().map(|leaf| leaf.as_bytes().as_slice())));
        let events = service.store.events(1, 10_000).await.unwrap();
        verify_events(EventHead::default(), &events).unwrap();
        outside
    }

    /// Reads and checks block after block.
    async fn read_chain(&self, size: u64) -> Outside {
        let service = self.service();
        let texts = service.block_texts(0, 256).await.unwrap();
        assert_eq!(texts.len() as u64, size, "as many blocks as the checkpoint says");
        let mut blocks: Vec<Block> = Vec::new();
        let mut commitments = Vec::new();
        for (height, text) in (0..).zip(texts) {
            let block: Block = text.parse().unwrap();
            assert_eq!(block.to_string(), text);
            assert_eq!(block.follows(blocks.last()), Ok(()), "block {height}");
            assert!(height > 0 || block.entries == 1, "block 0 holds the founding entry alone");
            let batch = service.batch(height).await.unwrap();
            let batch: Vec<Commitment> =
                batch.chunks(32).map(|bytes| Commitment::from_hash(bytes.try_into().unwrap())).collect();
            assert_eq!(batch.len() as u64, block.entries);
            assert_eq!(merkle_root(&batch.iter().map(Commitment::leaf).collect::<Vec<_>>()), block.root);
            let keys = service.key_register(height).await.unwrap();
            assert_eq!(Hash::of(&[&keys]), block.keys, "the key register of block {height}");
            commitments.extend(batch);
            blocks.push(block);
        }
        let distinct: HashSet<Commitment> = commitments.iter().copied().collect();
        assert_eq!(distinct.len(), commitments.len(), "an entry stands twice on the chain");
        for height in [size, size + 1] {
            assert!(matches!(service.batch(height).await, Err(Error::NotFound(_))));
            assert!(matches!(service.key_register(height).await, Err(Error::NotFound(_))));
        }
        let keys: Vec<serde_json::Value> =
            serde_json::from_slice(&service.key_register(size - 1).await.unwrap()).unwrap();
        let mut register = KeyRegister::default();
        for element in keys {
            register.push(&SignedEntry::from_value(element).unwrap()).unwrap();
        }
        Outside { blocks, commitments, register }
    }

    fn verify_receipt(&self, outside: &Outside, id: EntryId, bytes: &[u8]) {
        let receipt = SignedReceipt::from_bytes(bytes).unwrap();
        receipt.verify(&outside.register).unwrap();
        let entry = receipt.receipt.entries.iter().find(|entry| entry.id == id).unwrap();
        let count = outside.commitments.iter().filter(|commitment| **commitment == entry.commitment).count();
        assert_eq!(count, 1, "entry {id} was acknowledged");
        let place = outside.commitments.iter().position(|commitment| *commitment == entry.commitment).unwrap() as u64;
        let block = outside.blocks.iter().find(|block| place < block.total).unwrap();
        assert!(block.time <= receipt.receipt.seal_by, "entry {id} was sealed in time");
    }

    /// The steps that failed for a bundle of these entries. Anything but `in_force` must be checked.
    pub(in crate::service) async fn failed_steps(&self, ids: &[EntryId]) -> Vec<Step> {
        let bytes = self.service().proof(&Actor::Operator, ids).await.unwrap();
        let policy = policy();
        let kind = FileKind::recognise(&bytes).unwrap();
        let files = [verify_file(kind, &bytes, Question { policy: Some(&policy), ..Question::default() })];
        let joint = verify_together(&files);
        let steps = || files[0].steps.iter().chain(&joint.steps);
        let failed: Vec<Step> = steps().filter(|step| step.state == State::Failed).map(|report| report.step).collect();
        if failed.is_empty() {
            assert_eq!(exit_status(&files, &joint, false), 3);
            // A bundle of a correction alone cannot tell whether it counts.
            let open = |step: &Step| *step == Step::InForce || (*step == Step::Corrections && ids.len() == 1);
            assert!(steps().all(|report| report.state == State::Passed || open(&report.step)), "{:?}", files[0].steps);
        }
        failed
    }
}

/// The trust policy, as somebody would know it from elsewhere.
pub(in crate::service) fn policy() -> TrustPolicy {
    let signer = NoteSigner::from_seed(ORIGIN, key(CHECKPOINT_KEY).as_bytes()).unwrap();
    TrustPolicy::parse(format!("log {}\nquorum none\n", signer.verifier_key()).as_bytes()).unwrap()
}

/// MTH of RFC 6962 section 2.1, straight from the text.
fn merkle_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&merkle_root(left), &merkle_root(right))
        }
    }
}

/// The size that a checkpoint names.
pub(in crate::service) fn size_of(checkpoint: &str) -> u64 {
    let note = SignedNote::parse(checkpoint.as_bytes()).unwrap();
    note.text().parse::<Checkpoint>().unwrap().size()
}
