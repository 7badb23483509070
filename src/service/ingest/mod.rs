//! From signed bytes to a place in the order.
//!
//! A submission is checked on the pool ([`super::check`]), queued, and given its place by one task, which takes whatever
//! waits as one group (`round`): one commit a request, one fdatasync a group. Only then is anybody answered.

mod draft;
mod in_order;
mod receipts;
mod round;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::Service;
use super::access::{Action, Actor};
use super::check::Checked;
use super::error::Error;
use crate::ledger::entry::EntryId;
use crate::ledger::fields::Problem;
use crate::ledger::receipt::{MAX_RECEIPT_ENTRIES, SignedReceipt};
use crate::merkle::Hash;

pub use receipts::MAX_EARLIER_RECEIPTS;

/// Most entries of one submission.
pub const MAX_SUBMISSION: usize = MAX_RECEIPT_ENTRIES;
/// Most bytes of all entries of one submission: encrypted and with their rows, they fit one commit.
pub const MAX_SUBMISSION_BYTES: usize = 8 * 1024 * 1024;

/// What became of a submission.
#[derive(Debug)]
pub struct Submitted {
    /// One result for each entry, in their order.
    pub results: Vec<EntryResult>,
    /// The receipt for what this request brought, and the earlier ones for what was known already, at most
    /// [`MAX_EARLIER_RECEIPTS`].
    pub receipts: Vec<SignedReceipt>,
    /// How many entries the chain must hold before all of these are sealed; none when none was accepted.
    pub sealed_at_total: Option<u64>,
}

/// What became of one entry.
#[derive(Debug)]
pub struct EntryResult {
    /// The entry's id, as far as it could be read.
    pub id: Option<EntryId>,
    /// What became of it.
    pub outcome: EntryOutcome,
}

/// What became of one entry.
#[derive(Debug)]
pub enum EntryOutcome {
    /// Durable now, with this commitment.
    Accepted(Hash),
    /// The same entry with the same signatures was accepted before.
    Duplicate(Hash),
    /// Not taken, and why.
    Rejected(Error),
}

/// A submission on its way to its place in the order.
pub(super) struct Request {
    actor: Actor,
    entries: Vec<Checked>,
    answer: oneshot::Sender<Result<Placed, Error>>,
}

/// A submission in its place: durable.
struct Placed {
    results: Vec<EntryResult>,
    receipt: Option<SignedReceipt>,
    /// The earlier receipts of what was known already, by their first place.
    earlier: BTreeSet<u64>,
    sealed_at_total: Option<u64>,
}

pub(super) fn queue(max: usize) -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(max.max(1))
}

impl Service {
    /// Takes signed entries, each in its canonical bytes. The answer comes when all accepted ones are durable.
    pub async fn submit(self: &Arc<Self>, actor: &Actor, entries: Vec<Vec<u8>>) -> Result<Submitted, Error> {
        self.allow(actor, Action::SubmitEntries)?;
        check_size(&entries)?;
        if let Some(not_ready) = self.not_ready() {
            return Err(not_ready);
        }
        let stopping = || Error::Unavailable("the service is stopping".into());
        let entries = self.check_all(actor, entries).await?;
        let (answer, answered) = oneshot::channel();
        let request = Request { actor: actor.clone(), entries, answer };
        self.queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Closed(_) => stopping(),
        })?;
        let Placed { results, receipt, earlier, sealed_at_total } = answered.await.map_err(|_| stopping())??;
        let mut receipts = Vec::from_iter(receipt);
        if !earlier.is_empty() {
            // Read back here, not by the task that makes the order: it must not wait for one request's old receipts.
            receipts.extend(Self::apart(self.receipts(actor, earlier)).await?);
        }
        Ok(Submitted { results, receipts, sealed_at_total })
    }
}

fn check_size(entries: &[Vec<u8>]) -> Result<(), Error> {
    match entries.len() {
        0 => return Err(Error::field("entries", Problem::Length(1, MAX_SUBMISSION as u64))),
        1..=MAX_SUBMISSION => {}
        _ => return Err(Error::TooLarge { what: "the number of entries in one request", limit: MAX_SUBMISSION }),
    }
    if entries.iter().map(Vec::len).sum::<usize>() > MAX_SUBMISSION_BYTES {
        return Err(Error::TooLarge { what: "the size of one request in bytes", limit: MAX_SUBMISSION_BYTES });
    }
    Ok(())
}
