//! Status lists: which certificates no longer hold, in editions that are signed, dated and recorded on the chain.
//!
//! A list has a new edition as soon as a bit of it is set, when half of the time is over for which the last one holds, and when
//! another key signs. Old editions stay: they say what held at a moment in the past.

use std::sync::Arc;

use super::Service;
use super::access::Actor;
use super::error::Error;
use super::issue::{Issuer, Issuing, to_send};
use super::tables::{DOCUMENTS, DocumentRow, DocumentWhat, EditionHead, EditionRow, STATUS_EDITIONS};
use crate::credential::StatusList;
use crate::ledger::entry::{Body, StatusChange};
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::Commit;

impl Service {
    /// Signs a new edition of every list that needs one.
    pub(super) async fn renew_lists(&self, issuing: &mut Issuing, issuer: &Issuer) -> Result<(), Error> {
        for (number, list) in (1..).zip(&mut issuing.lists) {
            let now = self.clock.now();
            let is_due = list.newest.is_none_or(|(from, until, key)| {
                let half_over = now.millis() >= from.millis() + (until.millis() - from.millis()) / 2;
                list.is_behind || half_over || key != *issuer.id.hash()
            });
            if !is_due {
                continue;
            }
            // A clock that was set back does not bring an edition before the last one.
            let from = match list.newest {
                Some((last, ..)) if now <= last => later(last, 1)?,
                _ => now,
            };
            let until = later(from, issuer.settings.status_valid_ms)?;
            let mut edition = StatusList::new(issuer.settings.site.clone(), number, from, until);
            list.revoked.all().for_each(|index| edition.set(index));
            let bytes = edition.sign(&issuer.key).map_err(Error::internal)?;
            let sha256 = Hash::of(&[&bytes]);
            let entry = issuer.sign(self, Body::Status(StatusChange::List { list: number, sha256 }))?;
            let id = entry.entry().id.uuid();
            let head = EditionHead { sha256, valid_until: until, entry: id, key: *issuer.id.hash() };
            let mut event = self.event(&Actor::Operator, "status_list", format!("{number} from {from}"));
            event.digest = Some(sha256);
            // A crash before this is durable leaves the last edition in force, and the bit to be shown by the start.
            let key = (u64::from(number), u64::try_from(from.millis()).map_err(Error::internal)?);
            let commit = Commit::new(event)
                .when(STATUS_EDITIONS.absent(&key))
                .write(STATUS_EDITIONS.put(&key, &EditionRow { head, tail: bytes })?)
                .write(DOCUMENTS.put(&sha256, &DocumentRow { entry: id, what: DocumentWhat::List(number) })?)
                .write(to_send(&entry)?);
            self.store.commit(commit).await?;
            list.newest = Some((from, until, *issuer.id.hash()));
            list.is_behind = false;
        }
        Ok(())
    }

    /// The edition of a list that holds now, or held at a moment of the past.
    pub async fn status_list(&self, number: u32, at: Option<UnixMillis>) -> Result<Vec<u8>, Error> {
        Ok(self.edition(number, at).await?.tail)
    }

    /// The proof that the edition was recorded, under the newest checkpoint.
    pub async fn status_list_proof(self: &Arc<Self>, number: u32, at: Option<UnixMillis>) -> Result<Vec<u8>, Error> {
        let edition = self.edition(number, at).await?;
        self.proof_of_own(edition.head.entry).await
    }

    /// Without a moment the newest one, be it over: the service may have stood still, and its reader sees the date.
    async fn edition(&self, number: u32, at: Option<UnixMillis>) -> Result<EditionRow, Error> {
        let none = Error::NotFound("status list");
        let list = u64::from(number);
        let end = match at {
            Some(at) => u64::try_from(at.millis()).map_err(Error::internal)?.saturating_add(1),
            None => u64::MAX,
        };
        let found = STATUS_EDITIONS.scan_back(&*self.store, STATUS_EDITIONS.before(&(list, end)), 1).await?.pop();
        let Some(((_, _), row)) = found.filter(|((of, _), _)| *of == list) else { return Err(none) };
        match at {
            Some(at) if at >= row.value.head.valid_until => Err(none),
            _ => Ok(row.value),
        }
    }
}

fn later(moment: UnixMillis, ms: i64) -> Result<UnixMillis, Error> {
    UnixMillis::new(moment.millis().saturating_add(ms)).map_err(Error::internal)
}
