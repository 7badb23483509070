//! What is known of one learner: read once, kept in memory until more of it is sealed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::Service;
use super::super::error::Error;
use super::super::issue::{Blocks, sound, unsound};
use super::super::tables::CONFIRMED;
use super::terms::NotedTerms;
use crate::ledger::entry::{self, Body, CorrectionReason, CourseCode, EntryId, LearnerId, Reviewer};
use crate::ledger::verify::{Counted, ProvenEntry, counted_and_voided};
use crate::merkle::Hash;
use crate::standard::annual::{Activity, Course, Record, Span, Study};
use crate::standard::{CreditCode, UnixMillis};

/// What an entry says in the end, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The study or activity entry.
    pub entry: EntryId,
    /// The entry that says it: the same, or a correction.
    pub last: EntryId,
    /// Whose.
    pub learner: LearnerId,
    /// Who recorded it.
    pub recorder: CreditCode,
    /// What it was about.
    pub subject: Subject,
    /// In what role somebody of the certifying body accepted it, where it was claimed.
    pub reviewed_by: Option<Reviewer>,
    /// What is counted.
    pub record: Record,
    /// Height of the block of `entry`.
    pub height: u64,
    /// Position in its batch.
    pub index: u64,
    /// When that block was sealed.
    pub sealed_at: UnixMillis,
    /// Why the certifying body declined to confirm the activity; nothing where it did not.
    pub declined: Option<String>,
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A course.
    Course(CourseCode, String),
    /// The topic of an activity.
    Topic(String),
}

/// An entry that was voided 作废: it stands on the chain, and says nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voided {
    /// What it said at first; `last` is the correction that voids it.
    pub said: Said,
    /// Why.
    pub reason: CorrectionReason,
}

/// All that the ledger says of one learner.
#[derive(Debug)]
pub(in crate::service) struct Known {
    seen: Seen,
    pub(super) said: Vec<Said>,
    pub(super) voided: Vec<Voided>,
    /// SHA-256 of each evidence file, with the entry that it shows.
    evidence: Vec<(Hash, EntryId)>,
    pub(super) terms: NotedTerms,
}

/// How much there was when it was read: entries of the learner, and elements of the key register, by which entries can
/// come to count no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    entries: usize,
    keys: usize,
}

/// Of so many learners it is kept in memory what is known: some kilobytes each. Of more, those that are asked for are
/// read again.
const MAX_KEPT: usize = 50_000;

/// What is known of learners.
#[derive(Default)]
pub(in crate::service) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    known: HashMap<LearnerId, Arc<Known>>,
    /// How often something was forgotten: what was read before the last time may be what was to be forgotten.
    forgotten: u64,
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, learner: LearnerId, seen: Seen) -> Option<Arc<Known>> {
        self.lock().known.get(&learner).filter(|known| known.seen == seen).cloned()
    }

    /// Where somebody else than this person used these files, as far as it was read.
    pub(in crate::service) fn with_evidence(&self, person: &[LearnerId], files: &[Hash]) -> Vec<(Hash, EntryId)> {
        let kept = self.lock();
        let others = kept.known.iter().filter(|(learner, _)| !person.contains(learner));
        let mut found: Vec<(Hash, EntryId)> =
            others.flat_map(|(_, known)| &known.evidence).filter(|(file, _)| files.contains(file)).copied().collect();
        found.sort_unstable();
        found
    }

    /// Keeps what was read since `forgotten` was so.
    fn put(&self, learner: LearnerId, known: &Arc<Known>, forgotten: u64) {
        let mut kept = self.lock();
        if kept.forgotten == forgotten {
            kept.keep(learner, known, MAX_KEPT);
        }
    }

    /// Forgets what is known, because it changed, or because nobody may know it any more.
    pub(in crate::service) fn forget(&self, learner: LearnerId) {
        let mut kept = self.lock();
        kept.known.remove(&learner);
        kept.forgotten += 1;
    }
}

impl Kept {
    /// Makes room by forgetting whom the map has first, which is anybody: those who look over all ask for all in the same
    /// order, and of them the ones asked for longest ago are the next.
    fn keep(&mut self, learner: LearnerId, known: &Arc<Known>, limit: usize) {
        if self.known.len() >= limit && !self.known.contains_key(&learner) {
            let anybody = self.known.keys().next().copied();
            anybody.and_then(|anybody| self.known.remove(&anybody));
        }
        self.known.insert(learner, Arc::clone(known));
    }
}

impl Service {
    /// What is known of a learner, read again when more of it was sealed.
    pub(in crate::service) async fn known_of(
        &self,
        learner: LearnerId,
        blocks: &mut Blocks,
    ) -> Result<Arc<Known>, Error> {
        let total = self.published().total();
        let seen =
            Seen { entries: self.places().count_of_learner(learner.uuid(), total), keys: self.keys().within(total) };
        if let Some(known) = self.standings.get(learner, seen) {
            return Ok(known);
        }
        let forgotten = self.standings.lock().forgotten;
        let entries = self.sealed_entries_of(learner, total, blocks).await?;
        let register = self.keys().register;
        let (counted, all_voided) = counted_and_voided(sound(&entries, &register)).map_err(unsound)?;
        let (mut said, mut evidence) = (Vec::with_capacity(counted.len()), Vec::new());
        for one in counted {
            let entry = one.first.signed.entry().id;
            evidence.extend(one.record.evidence().iter().map(|file| (*file, entry)));
            said.push(self.said(learner, one).await?);
        }
        let mut voided = Vec::with_capacity(all_voided.len());
        for one in all_voided {
            let Body::Correction(_, correction) = &one.last.signed.entry().body else { continue };
            let Some(record) = one.first.signed.entry().record() else { continue };
            let said = self.said(learner, Counted { first: one.first, last: one.last, record }).await?;
            voided.push(Voided { said, reason: correction.reason });
        }
        let known = Arc::new(Known { seen, said, voided, evidence, terms: self.read_terms(learner).await? });
        self.standings.put(learner, &known, forgotten);
        Ok(known)
    }

    /// Reads what there is of every learner, as far as it is not known yet and is kept.
    pub(in crate::service) async fn read_all_standings(&self) -> Result<(), Error> {
        let all: Vec<LearnerId> = self.directory().learner_ids().take(MAX_KEPT).collect();
        let mut blocks = Blocks::default();
        for learner in all {
            match self.known_of(learner, &mut blocks).await {
                // One whose rows are damaged is told of where it is asked for.
                Ok(_) | Err(Error::Erased(_) | Error::NotFound(_) | Error::Internal(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn said(&self, learner: LearnerId, one: Counted<'_>) -> Result<Said, Error> {
        let (first, last) = (one.first.signed.entry(), one.last.signed.entry());
        let recorder = first.recorder.clone();
        let reviewed_by = one.record.reviewed_by();
        let mut declined = None;
        let (subject, record) = match one.record {
            entry::Record::Study(study) => {
                let code = study.course_code.to_string();
                let days = Span::new(study.first_day, study.last_day).map_err(Error::internal)?;
                let record = Study {
                    course: Course { recorder: recorder.clone(), code },
                    form: study.form,
                    days,
                    hours: study.hours,
                    completes: study.completes,
                };
                (Subject::Course(study.course_code, study.course_title), Record::Study(record))
            }
            entry::Record::Activity(activity) => {
                let by_body = reviewed_by.is_some() && self.directory().is_certifying_body(&recorder);
                // What was confirmed is what the entry said: once it is corrected, it has to be confirmed again.
                let confirmed = by_body || CONFIRMED.get(&*self.store, &last.id.uuid()).await?.is_some();
                declined = self.read_declined(learner, last.id).await?;
                let (date, attendees, evidence) = (activity.date, activity.attendees, activity.evidence.len());
                (Subject::Topic(activity.topic), Record::Activity(Activity { date, attendees, evidence, confirmed }))
            }
        };
        let ProvenEntry { height, index, sealed_at, .. } = *one.first;
        let (entry, last) = (first.id, last.id);
        Ok(Said { entry, last, learner, recorder, subject, reviewed_by, record, height, index, sealed_at, declined })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let learner = |nth: u128| {
            LearnerId::try_from(uuid::Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + nth)).unwrap()
        };
        let mut kept = Kept::default();
        let mut keep = |nth| {
            let seen = Seen { entries: 0, keys: 0 };
            let terms = NotedTerms::none(learner(nth));
            kept.keep(learner(nth), &Arc::new(Known { seen, said: Vec::new(), voided: Vec::new(), terms }), 2);
            (kept.known.len(), kept.known.contains_key(&learner(nth)))
        };
        assert_eq!([1, 2, 2, 3, 4].map(&mut keep), [(1, true), (2, true), (2, true), (2, true), (2, true)]);
    }
}
