//! What goes in and what comes out, in short.

use super::super::{EntryOutcome, Error, Submitted};
use crate::ledger::json;
use crate::ledger::receipt::SignedReceipt;
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;

pub(in crate::service) fn bytes_of(entries: &[&SignedEntry]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.bytes().to_vec()).collect()
}

pub(in crate::service) fn receipt_bytes(receipt: &SignedReceipt) -> Vec<u8> {
    json::canonical(receipt)
}

/// The commitment that a submission of one entry was accepted, or known, with.
pub(in crate::service) fn commitment_of(submitted: &Submitted) -> Hash {
    match &submitted.results[0].outcome {
        EntryOutcome::Accepted(commitment) | EntryOutcome::Duplicate(commitment) => *commitment,
        EntryOutcome::Rejected(error) => panic!("rejected: {error}"),
    }
}

/// One letter for each outcome: A(ccepted), D(uplicate), R(ejected), C(onflict).
pub(in crate::service) fn outcomes(submitted: &Submitted) -> String {
    let letter = |outcome: &EntryOutcome| match outcome {
        EntryOutcome::Accepted(_) => 'A',
        EntryOutcome::Duplicate(_) => 'D',
        EntryOutcome::Rejected(Error::Conflict(_)) => 'C',
        EntryOutcome::Rejected(_) => 'R',
    };
    submitted.results.iter().map(|result| letter(&result.outcome)).collect()
}

/// The fields that an error names.
pub(in crate::service) fn fields_of(error: &Error) -> Vec<&str> {
    match error {
        Error::Invalid(errors) => errors.0.iter().map(|error| error.field.as_str()).collect(),
        other => panic!("no field error: {other}"),
    }
}

/// Lets the other tasks run until something is so; what never comes is a failure, not a hang.
pub(in crate::service) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so().await {
        assert!(started.elapsed().as_secs() < 30, "it never came to this: {what}");
        tokio::task::yield_now().await;
    }
}
