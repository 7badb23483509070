//! Entries of the service's own, from the commit that brings them to their place in the order.
//!
//! A row is there from the moment that what it speaks of is durable until the entry has its place. Whoever has written some
//! calls [`Service::flush_outbox`]; what a crash left is sent by the first round after the start. Sending again is harmless.

use std::sync::Arc;

use uuid::Uuid;

use super::super::access::Actor;
use super::super::error::Error;
use super::super::tables::{CERTIFICATES, DOCUMENTS, OUTBOX, OutboxRow};
use super::super::{EntryOutcome, MAX_SUBMISSION, Service};
use super::make::Order;
use super::{Issuer, Issuing};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Body, DocumentKind, Entry, EntryId, StatusChange};
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

/// The row that brings an entry on its way.
pub(in crate::service) fn to_send(signed: &SignedEntry) -> Result<Write, Error> {
    let text = String::from_utf8(signed.bytes().to_vec()).map_err(Error::internal)?;
    Ok(OUTBOX.put(&signed.entry().id.uuid(), &OutboxRow { signed: text })?)
}

impl Service {
    /// Submits what waits. When it returns, all of it has its place, but for what was refused for good.
    pub(in crate::service) async fn flush_outbox(self: &Arc<Self>, issuing: &mut Issuing) -> Result<(), Error> {
        let mut range = OUTBOX.all();
        loop {
            let rows = OUTBOX.scan(&*self.store, range, ROWS).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            range = OUTBOX.after(last);
            let (ids, texts): (Vec<Uuid>, Vec<String>) =
                rows.into_iter().map(|(id, row)| (id, row.value.signed)).unzip();
            let entries = texts.iter().map(|text| text.clone().into_bytes()).collect();
            let submitted = self.submit(&Actor::Operator, entries).await?;
            let (mut placed, mut refused) = (Vec::new(), Vec::new());
            for ((id, text), result) in ids.into_iter().zip(texts).zip(submitted.results) {
                match result.outcome {
                    EntryOutcome::Accepted(_) | EntryOutcome::Duplicate(_) => placed.push(OUTBOX.delete(&id)),
                    EntryOutcome::Rejected(error) => refused.push((text, error)),
                }
            }
            // A crash before this is durable leaves rows that are sent once more, and known.
            self.take_out(placed).await?;
            for (text, error) in refused {
                let signed = SignedEntry::from_bytes(text.as_bytes()).map_err(Error::internal)?;
                tracing::warn!(entry = %signed.entry().id, %error, "an entry of the service's own was refused");
                Box::pin(self.make_again(issuing, &signed)).await?;
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
