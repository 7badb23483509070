//! Entries of the service's own, from the commit that brings them to their place in the order.
//!
//! A row is there from the moment that what it speaks of is durable until the entry has its place. Whoever has written some
//! calls [`Service::flush_outbox`]; what a crash left is sent by the first round after the start. Sending again is harmless.

use std::sync::Arc;

use uuid::Uuid;

use super::super::access::Actor;
use super::super::error::Error;
use super::super::tables::{CERTIFICATES, DOCUMENTS, OUTBOX, OutboxRow};
use super::super::vault::VaultError;
use super::super::{EntryOutcome, MAX_SUBMISSION, Service};
use super::make::Order;
use super::{Issuer, Issuing};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Body, DocumentKind, Entry, EntryId, LearnerId, StatusChange};
use crate::ledger::signed::SignedEntry;
use crate::store::{Commit, Write};

/// Most rows of one round: as many as one submission takes.
const ROWS: usize = MAX_SUBMISSION;

impl Issuer {
    /// Signs an entry of the service's own.
    pub(in crate::service) fn sign(&self, service: &Service, body: Body) -> Result<SignedEntry, Error> {
        let entry = Entry {
            id: EntryId::try_from(Uuid::now_v7()).map_err(Error::internal)?,
            ledger: service.origin.clone(),
            recorder: self.owner.code.clone(),
            rulebook: self.rulebook,
            body,
        };
        Ok(SignedEntry::sign(entry, &[&self.key]))
    }
}

/// The row that brings an entry on its way that is about no learner.
pub(in crate::service) fn to_send(signed: &SignedEntry) -> Result<Write, Error> {
    let text = String::from_utf8(signed.bytes().to_vec()).map_err(Error::internal)?;
    Ok(OUTBOX.put(&signed.entry().id.uuid(), &OutboxRow::Open { signed: text })?)
}

/// What an entry in the outbox is encrypted for.
fn context(entry: Uuid) -> Vec<u8> {
    format!("outbox {entry}").into_bytes()
}

impl Service {
    /// The row that brings an entry about a learner on its way: it names the learner, so nothing of it is readable.
    pub(in crate::service) fn to_send_of_learner(
        &self,
        learner: LearnerId,
        signed: &SignedEntry,
    ) -> Result<Write, Error> {
        let entry = signed.entry().id.uuid();
        let sealed = self.vault.encrypt(learner.into(), &context(entry), signed.bytes())?;
        Ok(OUTBOX.put(&entry, &OutboxRow::OfLearner { learner: learner.uuid(), sealed })?)
    }

    /// The signed entry of a row; none when its learner was erased, and nothing of it is left.
    fn open_to_send(&self, entry: Uuid, row: OutboxRow) -> Result<Option<Vec<u8>>, Error> {
        let (learner, sealed) = match row {
            OutboxRow::Open { signed } => return Ok(Some(signed.into_bytes())),
            OutboxRow::OfLearner { learner, sealed } => {
                (LearnerId::try_from(learner).map_err(Error::internal)?, sealed)
            }
        };
        if self.directory().erased(learner).is_some() {
            return Ok(None);
        }
        match self.vault.decrypt(learner.into(), &context(entry), &sealed) {
            Err(VaultError::NoKey) => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// Submits what waits. When it returns, all of it has its place, but for what was refused for good.
    pub(in crate::service) async fn flush_outbox(self: &Arc<Self>, issuing: &mut Issuing) -> Result<(), Error> {
        let mut range = OUTBOX.all();
        loop {
            let rows = OUTBOX.scan(&*self.store, range, ROWS).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            range = OUTBOX.after(last);
            let (mut placed, mut waiting) = (Vec::new(), Vec::new());
            for (id, row) in rows {
                match self.open_to_send(id, row.value)? {
                    Some(bytes) => waiting.push((id, bytes)),
                    None => placed.push(OUTBOX.delete(&id)),
                }
            }
            let mut refused = Vec::new();
            if !waiting.is_empty() {
                let entries = waiting.iter().map(|(_, bytes)| bytes.clone()).collect();
                let submitted = self.submit(&Actor::Operator, entries).await?;
                for ((id, bytes), result) in waiting.into_iter().zip(submitted.results) {
                    match result.outcome {
                        EntryOutcome::Accepted(_) | EntryOutcome::Duplicate(_) => placed.push(OUTBOX.delete(&id)),
                        EntryOutcome::Rejected(error) => refused.push((bytes, error)),
                    }
                }
            }
            // A crash before this is durable leaves rows that are sent once more, and known.
            self.take_out(placed).await?;
            for (bytes, error) in refused {
                let signed = SignedEntry::from_bytes(&bytes).map_err(Error::internal)?;
                tracing::warn!(entry = %signed.entry().id, %error, "an entry of the service's own was refused");
                match signed.entry().body {
                    Body::Study(..) | Body::Activity(..) | Body::Correction(..) => {
                        self.record_again(&signed, &error).await?
                    }
                    _ => Box::pin(self.make_again(issuing, &signed)).await?,
                }
            }
        }
    }

    async fn take_out(&self, rows: Vec<Write>) -> Result<(), Error> {
        if !rows.is_empty() {
            let event = self.event(&Actor::Operator, "sent", format!("{} own entries", rows.len()));
            self.store.commit(Commit::new(event).write_all(rows)).await?;
        }
        Ok(())
    }

    /// The key that signed has ended before the entry had its place, so nobody has seen what it speaks of: it is made
    /// again under the key that works now.
    async fn make_again(self: &Arc<Self>, issuing: &mut Issuing, signed: &SignedEntry) -> Result<(), Error> {
        let issuer = self.issuer()?;
        let gone = OUTBOX.delete(&signed.entry().id.uuid());
        match &signed.entry().body {
            Body::Certificate(issued) if issued.document == DocumentKind::Credential => {
                self.issue_in_place_of(issuing, &issuer, &issued.number).await
            }
            Body::Certificate(issued) => {
                // Its next download records it.
                let number = issued.number.as_str();
                let mut writes = vec![gone, DOCUMENTS.delete(&issued.sha256)];
                if let Some(mut row) = CERTIFICATES.get(&*self.store, number).await? {
                    row.value.head.papers.retain(|paper| paper.sha256 != issued.sha256);
                    writes.push(CERTIFICATES.put(number, &row.value)?);
                }
                self.take_out(writes).await
            }
            Body::Status(StatusChange::List { .. }) => {
                // An edition by a key that has ended is followed by another one at once.
                self.take_out(vec![gone]).await
            }
            Body::Status(StatusChange::Revoke { .. }) => {
                let again = issuer.sign(self, signed.entry().body.clone())?;
                self.take_out(vec![gone, to_send(&again)?]).await
            }
            _ => self.take_out(vec![gone]).await,
        }
    }

    /// Issues a certificate anew that never had a place on the chain, under another number.
    async fn issue_in_place_of(
        self: &Arc<Self>,
        issuing: &mut Issuing,
        issuer: &Issuer,
        number: &CertificateNumber,
    ) -> Result<(), Error> {
        let Some(row) = CERTIFICATES.get(&*self.store, number.as_str()).await? else { return Ok(()) };
        let erased = |error: &Error| matches!(error, Error::Erased(_));
        let contents = match self.open_contents(number.as_str(), &row.value) {
            Ok(contents) => contents,
            Err(error) if erased(&error) => return self.take_out(vec![OUTBOX.delete(&row.value.head.entry)]).await,
            Err(error) => return Err(error),
        };
        let learner = row.value.head.learner.try_into().map_err(Error::internal)?;
        let order = Order { learner, scope: contents.scope, replaces: None, in_place_of: Some(number.clone()) };
        let total = self.published().total();
        for outcome in self.issue_all(issuing, issuer, total, vec![order], &Actor::Operator).await? {
            outcome?;
        }
        Ok(())
    }
}
