//! What the one who issues keeps in memory: which places of the status lists are taken, and which bits are set.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::super::error::Error;
use super::super::random_bytes;
use super::super::tables::{CERTIFICATES, CertificateHead, EditionHead, ISSUED, STATUS_EDITIONS};
use super::CertificateState;
use crate::credential::{BITS, SignedStatusList};
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::{MAX_SCAN_ROWS, Store};

/// How many places of a list are taken before the next list is begun: half of it, so that a random place is free soon.
const MOST_OF_LIST: u32 = BITS / 2;

/// Held by whoever issues, revokes, freezes or signs a list.
#[derive(Default)]
pub(in crate::service) struct Issuing {
    /// List 1 first.
    pub(in crate::service) lists: Vec<List>,
    /// Certificates whose proof is not frozen yet, with their entries.
    pub(super) unfrozen: BTreeMap<String, Uuid>,
    /// How far the order was considered; none in a ledger that began before there were certificates.
    pub(super) considered: Option<u64>,
    /// The latest moment that a certificate without a block names: no block's time may be before it.
    pub(in crate::service) latest_issue: Option<UnixMillis>,
}

/// One status list.
#[derive(Default)]
pub(in crate::service) struct List {
    taken: Bits,
    /// How many places are taken.
    count: u32,
    pub(in crate::service) revoked: Bits,
    /// Whether a bit was set since the newest edition was signed.
    pub(in crate::service) is_behind: bool,
    /// From when the newest edition holds, until when, and whose it is.
    pub(in crate::service) newest: Option<(UnixMillis, UnixMillis, Hash)>,
}

/// As many bits as a list has.
#[derive(Default, Clone)]
pub(in crate::service) struct Bits(Vec<u64>);

impl Bits {
    pub(in crate::service) fn has(&self, index: u32) -> bool {
        let (word, bit) = Self::place(index);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn set(&mut self, index: u32, on: bool) {
        let (word, bit) = Self::place(index);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if on { self.0[word] |= bit } else { self.0[word] &= !bit }
    }

    fn place(index: u32) -> (usize, u64) {
        (usize::try_from(index / 64).unwrap_or(usize::MAX), 1 << (index % 64))
    }

    /// Every index that is set.
    pub(in crate::service) fn all(&self) -> impl Iterator<Item = u32> {
        (0..BITS).filter(|index| self.has(*index))
    }
}

impl Issuing {
    /// Reads every certificate's head, and the newest edition of every list.
    pub(in crate::service) async fn load(store: &dyn Store) -> Result<Self, Error> {
        let considered = ISSUED.get(store, &()).await?.map(|row| row.value.before);
        let mut issuing = Self { considered, ..Self::default() };
        let mut range = CERTIFICATES.all();
        loop {
            let rows = CERTIFICATES.scan(store, range, MAX_SCAN_ROWS).await?;
            let Some((last, _)) = rows.last() else { break };
            range = CERTIFICATES.after(last);
            for (number, row) in rows {
                issuing.add(number, &row.value.head);
            }
        }
        for number in 1..=issuing.lists.len() {
            issuing.read_newest(store, number).await?;
        }
        Ok(issuing)
    }

    async fn read_newest(&mut self, store: &dyn Store, number: usize) -> Result<(), Error> {
        let key = u64::try_from(number).map_err(Error::internal)?;
        let newest = STATUS_EDITIONS.scan_back(store, STATUS_EDITIONS.prefix(&key), 1).await?.pop();
        let list = &mut self.lists[number - 1];
        let Some(((_, from), row)) = newest else { return Ok(()) };
        let EditionHead { valid_until, key, .. } = row.value.head;
        let from = i64::try_from(from).ok().and_then(|from| UnixMillis::new(from).ok());
        list.newest = from.map(|from| (from, valid_until, key));
        // A crash between a revocation and the edition that shows it is made up for.
        let edition = SignedStatusList::from_bytes(&row.value.tail).map_err(Error::internal)?;
        list.is_behind = list.revoked.all().any(|index| !edition.list().is_set(index));
        Ok(())
    }

    /// Takes a certificate in.
    pub(super) fn add(&mut self, number: String, head: &CertificateHead) {
        let list = self.list(head.list);
        if !list.taken.has(head.index) {
            list.taken.set(head.index, true);
            list.count += 1;
        }
        if head.state != CertificateState::InForce {
            list.revoked.set(head.index, true);
        }
        if head.frozen.is_none() {
            self.unfrozen.insert(number, head.entry);
            self.latest_issue = self.latest_issue.max(Some(head.issued_at));
        }
    }

    /// Sets the bit of a certificate that no longer holds.
    pub(super) fn revoke(&mut self, head: &CertificateHead) {
        let list = self.list(head.list);
        list.revoked.set(head.index, true);
        list.is_behind = true;
    }

    fn list(&mut self, number: u32) -> &mut List {
        let at = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        while self.lists.len() <= at {
            self.lists.push(List::default());
        }
        &mut self.lists[at]
    }

    /// Takes a random free place of the last list, or of the next one when that has had its share.
    pub(super) fn draw_place(&mut self) -> Result<(u32, u32), Error> {
        if self.lists.last().is_none_or(|list| list.count >= MOST_OF_LIST) {
            self.lists.push(List::default());
        }
        let number = u32::try_from(self.lists.len()).map_err(Error::internal)?;
        let list = self.list(number);
        loop {
            let index = u32::from_be_bytes(random_bytes()?) % BITS;
            if !list.taken.has(index) {
                list.taken.set(index, true);
                list.count += 1;
                return Ok((number, index));
            }
        }
    }

    /// Gives back a place that no certificate came to have.
    pub(super) fn give_back(&mut self, (number, index): (u32, u32)) {
        let list = self.list(number);
        list.taken.set(index, false);
        list.count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_drawn_once_and_at_most_half_of_a_list() {
        let mut issuing = Issuing::default();
        let first = issuing.draw_place().unwrap();
        issuing.give_back(first);
        let mut drawn: Vec<(u32, u32)> = (0..MOST_OF_LIST + 3).map(|_| issuing.draw_place().unwrap()).collect();
        assert_eq!(drawn.iter().filter(|(list, _)| *list == 2).count(), 3);
        // Random: not one after the other.
        assert!(!drawn[..50].is_sorted());
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), MOST_OF_LIST as usize + 3);
        assert!(drawn.iter().all(|(_, index)| *index < BITS));
    }
}
