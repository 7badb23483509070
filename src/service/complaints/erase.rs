//! Erasing the words of a complaint, here and in a copy of the ledger that was made before.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::erasure::Grave;
use super::super::error::Error;
use super::super::tables::{CASES, CaseRow, ERASED_CASES, ErasedCaseRow};
use super::{CaseNumber, CaseSummary, damaged, none};
use crate::standard::UnixMillis;
use crate::store::Store;

impl CaseRow {
    /// What is left of it: nothing that anybody wrote.
    fn bury(&mut self, at: UnixMillis) {
        self.head.erased_at = Some(at);
        self.tail.clear();
    }
}

impl Service {
    /// Erases the words of a complaint for good, whoever asked for it; its number and its steps stay. The words of a dispute
    /// are the learner's: they go when the learner is erased.
    pub async fn erase_case(&self, actor: &Actor, number: &str) -> Result<CaseSummary, Error> {
        self.allow(actor, Action::Erase)?;
        let number = &number.parse::<CaseNumber>().map_err(|_| none())?;
        let (mut row, mut version) = self.case_row(number).await?;
        if row.head.learner.is_some() {
            return Err(Error::Conflict("a dispute is erased with its learner".into()));
        }
        // The row says so first: a crash leaves a key that the start erases.
        if row.head.erased_at.is_none() {
            row.bury(self.clock.now());
            version = self.keep_case(actor, "erase_case", number.to_string(), number, version, &row).await?;
        }
        let key = row.head.data_key()?;
        self.on_disk(|vault| vault.erase([key])).map_err(|error| {
            Error::Unavailable(format!("the erasure is recorded; asking again, or a restart, finishes it: {error}"))
        })?;
        row.head.summary(number, version)
    }

    /// Which complaints were erased, here or elsewhere, and when: by number, at most `limit` after the number `after`.
    pub(in crate::service) async fn erased_cases(
        &self,
        after: Option<&CaseNumber>,
        limit: usize,
    ) -> Result<BTreeMap<CaseNumber, UnixMillis>, Error> {
        let range = after.map_or_else(|| ERASED_CASES.all(), |number| ERASED_CASES.after(number.as_str()));
        let elsewhere = ERASED_CASES.scan(&*self.store, range, limit).await?;
        let read = |number: String| number.parse::<CaseNumber>().map_err(damaged);
        let elsewhere = elsewhere.into_iter().map(|(number, row)| Ok((read(number)?, row.value.at)));
        let mut erased = elsewhere.collect::<Result<BTreeMap<_, _>, Error>>()?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let cases = self.cases();
        let here = cases.0.range::<CaseNumber, _>((from, Bound::Unbounded));
        let here = here.filter_map(|(number, known)| Some((number.clone(), known.head.erased_at?)));
        erased.extend(here.take(limit));
        Ok(erased.into_iter().take(limit).collect())
    }
}

/// What the tombstone of a complaint writes to a store that no service is open on; nothing where the store has it.
pub(in crate::service) async fn grave_of(
    store: &dyn Store,
    number: &CaseNumber,
    at: UnixMillis,
) -> Result<Option<Grave>, Error> {
    let name = number.as_str();
    let grave = match CASES.get(store, name).await? {
        Some(case) if case.value.head.erased_at.is_some() => return Ok(None),
        Some(mut case) => {
            case.value.bury(at);
            Grave { when: CASES.at_version(name, case.version), writes: vec![CASES.put(name, &case.value)?] }
        }
        None if ERASED_CASES.get(store, name).await?.is_some() => return Ok(None),
        None => {
            let row = ErasedCaseRow { at };
            Grave { when: ERASED_CASES.absent(name), writes: vec![ERASED_CASES.put(name, &row)?] }
        }
    };
    Ok(Some(grave))
}
