//! Which entries a certificate holds: those of one learner that count in the end, and are of its scope.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::super::error::Error;
use crate::ledger::entry::{Body, CourseCode, EntryId, Learner, Record};
use crate::ledger::fields::Problem;
use crate::ledger::keys::KeyRegister;
use crate::ledger::verify::{Counted, Message, ProvenEntry, counted};
use crate::standard::Day;

/// The field that is named where nothing counts.
pub(super) const NOTHING_COUNTS: &str = "scope";

/// What a certificate is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Scope {
    /// A finished course: the entries of it since it was finished before.
    Course {
        /// The entry that finishes it.
        completed_by: EntryId,
    },
    /// One entry.
    Entry {
        /// Which.
        entry: EntryId,
    },
    /// All that ended in a calendar year.
    Year {
        /// The year.
        year: i16,
    },
    /// All that ended in a span of days.
    Span {
        /// The first day.
        first_day: Day,
        /// The last day.
        last_day: Day,
    },
}

impl Scope {
    /// The days of a year or span.
    fn days(&self) -> Result<Option<(Day, Day)>, Error> {
        match self {
            Self::Course { .. } | Self::Entry { .. } => Ok(None),
            Self::Year { year } => {
                let day = |month, date| Day::new(*year, month, date);
                let days = day(1, 1).and_then(|first| Ok((first, day(12, 31)?)));
                let problem = || Problem::mismatch("is not a year that a day can be in", "年份超出范围");
                days.map(Some).map_err(|_| Error::field("year", problem()))
            }
            Self::Span { first_day, last_day } if last_day < first_day => {
                Err(Error::field("last_day", Problem::mismatch("is before first_day", "早于 first_day")))
            }
            Self::Span { first_day, last_day } => Ok(Some((*first_day, *last_day))),
        }
    }
}

/// What a certificate holds.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The counted entries, and those that they correct, in chain order.
    pub(super) entries: Vec<ProvenEntry>,
    /// The learner, under the one name that all counted entries have.
    pub(super) learner: Learner,
    /// First and last day.
    pub(super) span: (Day, Day),
    /// The course, where it is about one.
    pub(super) course: Option<CourseCode>,
}

/// Chooses among all sealed entries of one learner.
pub(super) fn choose(entries: &[ProvenEntry], register: &KeyRegister, scope: &Scope) -> Result<Chosen, Error> {
    let sound = sound(entries, register);
    let said = counted(sound.iter().copied()).map_err(unsound)?;
    let days = scope.days()?;
    let chosen = match scope {
        Scope::Course { completed_by } => course(&said, *completed_by),
        Scope::Entry { entry } => said.iter().filter(|one| id_of(one.first) == *entry).collect(),
        Scope::Year { .. } | Scope::Span { .. } => {
            let ended_within =
                |one: &&Counted<'_>| days.is_some_and(|(from, to)| (from..=to).contains(&days_of(one).1));
            said.iter().filter(ended_within).collect::<Vec<_>>()
        }
    };
    let first = chosen.first().ok_or_else(nothing_counts)?;
    let learner = one_name(&chosen)?;
    let span = days.unwrap_or_else(|| {
        chosen.iter().map(|one| days_of(one)).fold(days_of(first), |(from, to), (f, t)| (from.min(f), to.max(t)))
    });
    let course = match (scope, &first.record) {
        (Scope::Course { .. }, Record::Study(study)) => Some(study.course_code.clone()),
        _ => None,
    };
    let entries = with_corrections(&sound, &chosen);
    Ok(Chosen { entries, learner, span, course })
}

/// The entry that finishes the course which a study entry belongs to, where it is finished.
pub(super) fn completion_of(entries: &[ProvenEntry], register: &KeyRegister, entry: EntryId) -> Option<EntryId> {
    let said = counted(sound(entries, register)).ok()?;
    let one = said.iter().find(|one| id_of(one.first) == entry || id_of(one.last) == entry)?;
    let same = |other: &&Counted<'_>| course_of(other).is_some() && course_of(other) == course_of(one);
    let from_here = said.iter().filter(|other| place_of(other.first) >= place_of(one.first));
    from_here
        .filter(same)
        .filter(|other| completes(other))
        .min_by_key(|other| place_of(other.first))
        .map(|last| id_of(last.first))
}

/// The study or activity entry that a correction corrects in the end.
pub(super) fn root_of(entries: &[ProvenEntry], correction: EntryId) -> Option<EntryId> {
    let by_id: HashMap<EntryId, &ProvenEntry> = entries.iter().map(|entry| (id_of(entry), entry)).collect();
    let mut at = *by_id.get(&correction)?;
    while let Body::Correction(_, correction) = &at.signed.entry().body {
        at = by_id.get(&correction.target)?;
    }
    Some(id_of(at))
}

/// Without entries by keys that were compromised then: no verifier takes them. What corrects such an entry goes with it.
pub(in crate::service) fn sound<'a>(entries: &'a [ProvenEntry], register: &KeyRegister) -> Vec<&'a ProvenEntry> {
    let mut kept = HashMap::new();
    let mut sound = Vec::with_capacity(entries.len());
    for entry in entries {
        let trusted = entry.signed.signatures().iter().all(|signature| {
            register.key(signature.key).is_ok_and(|key| key.compromised_from.is_none_or(|from| entry.height < from))
        });
        let target = match &entry.signed.entry().body {
            Body::Correction(_, correction) => kept.contains_key(&correction.target),
            _ => true,
        };
        if trusted && target {
            kept.insert(id_of(entry), ());
            sound.push(entry);
        }
    }
    sound
}

/// The entries of the course that `completed_by` finishes, since it was finished before.
fn course<'a, 'e>(said: &'a [Counted<'e>], completed_by: EntryId) -> Vec<&'a Counted<'e>> {
    let Some(last) = said.iter().find(|one| id_of(one.first) == completed_by && completes(one)) else {
        return Vec::new();
    };
    let same = |one: &&Counted<'_>| course_of(one).is_some() && course_of(one) == course_of(last);
    let earlier = said.iter().filter(same).filter(|one| place_of(one.first) < place_of(last.first));
    let before = earlier.filter(|one| completes(one)).map(|one| place_of(one.first)).max();
    let in_it = |one: &&Counted<'_>| before < Some(place_of(one.first)) && place_of(one.first) <= place_of(last.first);
    said.iter().filter(same).filter(in_it).collect()
}

/// Recorder and code.
fn course_of<'a>(one: &'a Counted<'_>) -> Option<(&'a str, &'a CourseCode)> {
    match &one.record {
        Record::Study(study) => Some((one.first.signed.entry().recorder.as_str(), &study.course_code)),
        Record::Activity(_) => None,
    }
}

fn completes(one: &Counted<'_>) -> bool {
    matches!(&one.record, Record::Study(study) if study.completes)
}

fn days_of(one: &Counted<'_>) -> (Day, Day) {
    match &one.record {
        Record::Study(study) => (study.first_day, study.last_day),
        Record::Activity(activity) => (activity.date, activity.date),
    }
}

fn place_of(entry: &ProvenEntry) -> (u64, u64) {
    (entry.height, entry.index)
}

fn id_of(entry: &ProvenEntry) -> EntryId {
    entry.signed.entry().id
}

/// One person has one name on a certificate: entries that differ are named, so that they can be corrected.
fn one_name(chosen: &[&Counted<'_>]) -> Result<Learner, Error> {
    let mut learners = chosen.iter().filter_map(|one| Some((id_of(one.last), one.last.signed.entry().learner()?)));
    let (id, learner) = learners.next().ok_or_else(nothing_counts)?;
    match learners.find(|(_, other)| *other != learner) {
        None => Ok(learner.clone()),
        Some((other, _)) => Err(Error::field(
            "learner.name",
            Problem::mismatch(
                format!("entries {id} and {other} have different names: correct one of them"),
                format!("记录 {id} 与 {other} 的姓名不一致，请先更正"),
            ),
        )),
    }
}

/// The chosen entries with what leads from each first one to its last.
fn with_corrections(sound: &[&ProvenEntry], chosen: &[&Counted<'_>]) -> Vec<ProvenEntry> {
    let by_id: HashMap<EntryId, &ProvenEntry> = sound.iter().map(|entry| (id_of(entry), *entry)).collect();
    let mut entries = Vec::with_capacity(chosen.len());
    for one in chosen {
        let mut at = Some(one.last);
        while let Some(entry) = at {
            entries.push(entry.clone());
            at = match &entry.signed.entry().body {
                Body::Correction(_, correction) => by_id.get(&correction.target).copied(),
                _ => None,
            };
        }
    }
    entries.sort_by_key(place_of);
    entries
}

fn nothing_counts() -> Error {
    Error::field(NOTHING_COUNTS, Problem::mismatch("holds no sealed entry that counts", "范围内没有已上链的有效记录"))
}

pub(in crate::service) fn unsound(message: Message) -> Error {
    Error::Internal(message.en)
}
