//! What a sample is drawn from: the entries of a year's blocks that count.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::Service;
use super::super::error::Error;
use super::super::order::{Place, What, places};
use super::super::places::look_up;
use super::super::registry::all_rows;
use super::super::tables::{CORRECTED, ENTRIES};
use super::{MAX_POPULATION, SampleKind};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::fields::Problem;
use crate::ledger::sample::Members;
use crate::standard::{Day, UnixMillis};

/// Places that are read at once.
const AT_ONCE: u64 = 65_536;

/// The members, and the last block that they are taken from.
pub(super) struct Population {
    pub(super) members: Members,
    pub(super) tip: u64,
}

impl Service {
    /// The entries of a kind that blocks of a year hold, up to the published tip. An entry that was voided does not
    /// count; one that was superseded does, by its own commitment; of one whose learner was erased nothing is left to look at.
    pub(super) async fn population(&self, year: i16, kind: SampleKind) -> Result<Population, Error> {
        let published = self.published();
        let first = self.total_before_year(year, published.height()).await?;
        let end = self.total_before_year(year + 1, published.height()).await?;
        let corrected: HashMap<Uuid, Uuid> =
            all_rows(&CORRECTED, &*self.store).await?.into_iter().map(|(target, row)| (target, row.value.by)).collect();
        let (mut members, mut next) = (Vec::new(), first);
        while next < end {
            let until = end.min(next + AT_ONCE);
            for place in places(&*self.store, next..until).await? {
                if self.belongs(&place, kind, &corrected, published.total()).await? {
                    members.push(place.commitment);
                }
                if members.len() > MAX_POPULATION {
                    let problem = Problem::mismatch(
                        format!("has more entries of this kind than the {MAX_POPULATION} that can be drawn from"),
                        format!("该年度这类记录超过可抽查的 {MAX_POPULATION} 条"),
                    );
                    return Err(Error::field("kind", problem));
                }
            }
            next = until;
        }
        Ok(Population { members: members.into_iter().collect(), tip: published.height() })
    }

    async fn belongs(
        &self,
        place: &Place,
        kind: SampleKind,
        corrected: &HashMap<Uuid, Uuid>,
        total: u64,
    ) -> Result<bool, Error> {
        let (learner, what) = match place.what {
            What::Unknown => look_up(&*self.store, &self.vault, place.id).await?,
            what => (place.learner, what),
        };
        let of_kind = match what {
            What::Study | What::Completion => kind != SampleKind::Activity,
            What::Activity => kind != SampleKind::Study,
            What::Unknown | What::Other | What::Correction => false,
        };
        let erased = LearnerId::try_from(learner).is_ok_and(|learner| self.directory().erased(learner).is_some());
        Ok(of_kind && !erased && self.counts(place.id, corrected, total).await?)
    }

    /// Whether the last correction of it that is sealed leaves something; an entry without one counts.
    async fn counts(&self, id: Uuid, corrected: &HashMap<Uuid, Uuid>, total: u64) -> Result<bool, Error> {
        let mut last = id;
        while let Some(by) = corrected.get(&last) {
            let row = ENTRIES.get(&*self.store, by).await?.map(|row| row.value);
            let row = row.ok_or_else(|| Error::Internal(format!("entry {by} is missing")))?;
            if row.head.ordinal >= total {
                break;
            }
            last = *by;
        }
        if last == id {
            return Ok(true);
        }
        let row = ENTRIES.get(&*self.store, &last).await?.map(|row| row.value);
        let row = row.ok_or_else(|| Error::Internal(format!("entry {last} is missing")))?;
        let signed = self.open_entry(EntryId::try_from(last).map_err(Error::internal)?, &row)?;
        Ok(signed.entry().record().is_some())
    }

    /// How many entries the blocks hold whose time is before a year.
    async fn total_before_year(&self, year: i16, height: u64) -> Result<u64, Error> {
        let first = Day::new(year, 1, 1).map(Day::begins);
        match first {
            Ok(Ok(moment)) => self.total_before(moment, height).await,
            // Before there were moments, and after the calendar's end.
            Ok(Err(_)) => Ok(0),
            Err(_) => Ok(self.block(height).await?.total),
        }
    }

    /// How many entries the blocks hold whose time is before a moment. Times never go back, so it is found by bisection.
    async fn total_before(&self, moment: UnixMillis, height: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, height + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.block(middle).await?.time < moment {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        match low.checked_sub(1) {
            Some(last) => Ok(self.block(last).await?.total),
            None => Ok(0),
        }
    }
}
