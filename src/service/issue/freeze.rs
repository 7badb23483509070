//! Freezing proofs: once a certificate's entry is in a block, its proof is that of one checkpoint, for ever.
//!
//! Only the checkpoint is kept. Everything else of a bundle follows from it and from what never changes: the blocks up to its
//! size, their chain hashes, the key register of its tip, and the entries. So the bytes are the same whatever came after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::super::Service;
use super::super::access::Actor;
use super::super::error::Error;
use super::super::prove::named_row;
use super::super::sealer::Published;
use super::super::tables::{CERTIFICATES, CHECKPOINTS, CertificateRow, CheckpointRow, ENTRIES};
use super::Issuing;
use crate::ledger::CertificateNumber;
use crate::ledger::entry::EntryId;
use crate::merkle::{Checkpoint, SignedNote};
use crate::store::Commit;

/// Certificates that one commit freezes.
const PER_COMMIT: usize = 1_000;

impl Service {
    /// Freezes what is sealed.
    pub(super) async fn freeze(&self, issuing: &mut Issuing) -> Result<(), Error> {
        let published = self.published();
        let mut sealed = Vec::new();
        for (number, entry) in &issuing.unfrozen {
            // One that waits in the outbox has no place yet.
            let row = ENTRIES.get(&*self.store, entry).await?;
            if row.is_some_and(|row| row.value.head.ordinal < published.total()) {
                sealed.push(number.clone());
            }
        }
        for some in sealed.chunks(PER_COMMIT) {
            let event =
                self.event(&Actor::Operator, "freeze", format!("{} proofs at {}", some.len(), published.size()));
            let mut commit = Commit::new(event);
            // The checkpoint of this size may have been remembered before under other signatures: that one stands.
            if CHECKPOINTS.get(&*self.store, &published.size()).await?.is_none() {
                let row = CheckpointRow { note: published.checkpoint.clone() };
                commit = commit.write(CHECKPOINTS.put(&published.size(), &row)?);
            }
            for number in some {
                let row = CERTIFICATES.get(&*self.store, number.as_str()).await?;
                let mut row = row.ok_or_else(|| Error::internal("a certificate is missing"))?.value;
                row.head.frozen = Some(published.size());
                commit = commit.write(CERTIFICATES.put(number.as_str(), &row)?);
            }
            // A crash before this is durable leaves them to be frozen under a later checkpoint; nobody was given one yet.
            self.store.commit(commit).await?;
            for number in some {
                issuing.unfrozen.remove(number);
            }
        }
        Ok(())
    }

    /// Waits until the proof of a certificate is frozen, at most as long as the settings say; true when it is.
    pub async fn wait_issued(&self, number: &CertificateNumber) -> Result<bool, Error> {
        let mut published = self.published.subscribe();
        let wait = async {
            loop {
                published.mark_unchanged();
                let mut issuing = self.issuing.lock().await;
                self.freeze(&mut issuing).await?;
                if !issuing.unfrozen.contains_key(number.as_str()) {
                    return Ok(true);
                }
                drop(issuing);
                if published.changed().await.is_err() {
                    return Ok(false);
                }
            }
        };
        let limit = Duration::from_millis(self.settings.wait_max_ms);
        tokio::time::timeout(limit, wait).await.unwrap_or(Ok(false))
    }

    /// The chain as the world saw it under the checkpoint that a certificate was frozen at.
    async fn frozen_at(&self, size: u64) -> Result<Published, Error> {
        let row = CHECKPOINTS.get(&*self.store, &size).await?;
        let checkpoint = row.ok_or_else(|| Error::internal("a frozen checkpoint is missing"))?.value.note;
        let note = SignedNote::parse(checkpoint.as_bytes()).map_err(Error::internal)?;
        let said: Checkpoint = note.text().parse().map_err(Error::internal)?;
        let tip = self.block(size.checked_sub(1).ok_or_else(|| Error::internal("an empty checkpoint"))?).await?;
        Ok(Published { tip, root: *said.root(), checkpoint })
    }

    /// The frozen proof of a certificate.
    pub(super) async fn frozen_proof(&self, number: &str, row: &CertificateRow) -> Result<Vec<u8>, Error> {
        let size = row.head.frozen.ok_or_else(|| not_yet("the certificate"))?;
        let contents = self.open_contents(number, row)?;
        let published = self.frozen_at(size).await?;
        self.bundle_of(&published, contents.ids().chain([row.head.entry])).await
    }

    /// A bundle of entries that must be there.
    pub(in crate::service) async fn bundle_of(
        &self,
        published: &Published,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<Vec<u8>, Error> {
        let mut rows = BTreeMap::new();
        for id in ids {
            let row = named_row(&*self.store, id).await?;
            if row.head.ordinal >= published.total() {
                return Err(not_yet("the entry"));
            }
            rows.insert(row.head.ordinal, (EntryId::try_from(id).map_err(Error::internal)?, row));
        }
        Self::apart(self.make_bundle(published, rows.into_values().collect())).await
    }

    /// A bundle of one entry of the service's own under the newest checkpoint.
    pub(in crate::service) async fn proof_of_own(&self, entry: Uuid) -> Result<Vec<u8>, Error> {
        let published: Arc<Published> = self.published();
        if ENTRIES.get(&*self.store, &entry).await?.is_none() {
            return Err(not_yet("the entry"));
        }
        self.bundle_of(&published, std::iter::once(entry)).await
    }
}

pub(super) fn not_yet(what: &str) -> Error {
    Error::Conflict(format!("{what} is not in a block yet: ask again shortly"))
}
