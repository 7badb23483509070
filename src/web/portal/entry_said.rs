//! What entries say, in words: the facts of one, the state of it, and what a correction of it changed.

use super::page::Page;
use super::words::Words;
use crate::ledger::entry::{Activity, CorrectionReason, EntryId, LearnerId, Record, Reviewer, Study};
use crate::service::{Error, History, Position, Version};
use crate::standard::StudyForm;

/// One fact of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// The key of its name.
    pub(super) name: &'static str,
    /// What it is, in words.
    pub(super) text: String,
}

/// One fact before and after a correction, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    /// The key of its name.
    pub(super) name: &'static str,
    /// What it was.
    pub(super) before: String,
    /// What it is.
    pub(super) after: String,
}

/// A correction in words: who, when, why, and both versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Corrected {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The organisation that made it, and whether in the name of an authority.
    pub(super) who: String,
    /// Where and when it came onto the chain.
    pub(super) place: Place,
    /// Why.
    pub(super) why: String,
    /// It took the entry back.
    pub(super) is_void: bool,
    /// Every fact of both versions.
    pub(super) facts: Vec<Compared>,
}

/// Where an entry stands, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The tone of its badge.
    pub(super) tone: &'static str,
    /// The badge.
    pub(super) state: String,
    /// Block and time; empty while it is pending.
    pub(super) detail: String,
}

/// An entry as its page shows it, to whomever: what was recorded, and every correction of it.
pub(super) struct EntrySaid {
    pub(super) id: EntryId,
    pub(super) learner_id: LearnerId,
    pub(super) learner_name: String,
    pub(super) recorder: String,
    pub(super) facts: Vec<Fact>,
    pub(super) place: Place,
    pub(super) outcome: Option<(&'static str, String)>,
    pub(super) corrections: Vec<Corrected>,
    /// Where the page is.
    pub(super) address: String,
    /// Where the proof is; empty until there is one.
    pub(super) proof_address: String,
    title: String,
    days: String,
}

impl EntrySaid {
    /// `pages` is where the pages of entries are.
    pub(super) fn of(words: Words, history: &History, pages: &str) -> Result<Self, Error> {
        let first = history.first();
        let signed = first.view.signed.entry();
        let record = signed.record().ok_or(Error::NotFound("entry"))?;
        let learner = signed.learner().ok_or(Error::NotFound("entry"))?;
        let address = format!("{pages}/{}", signed.id);
        Ok(Self {
            id: signed.id,
            learner_id: learner.id,
            learner_name: learner.name.clone(),
            recorder: first.recorder.clone(),
            facts: facts(words, &record),
            place: place(words, first.view.position),
            outcome: outcome(words, history),
            corrections: corrections(words, history),
            proof_address: first.view.position.map(|_| format!("{address}/proof")).unwrap_or_default(),
            address,
            title: title(&record).to_owned(),
            days: days(words, &record),
        })
    }

    /// The page with this entry's head.
    pub(super) fn head(&self, page: Page) -> Page {
        let lead = format!("{} · {}", self.learner_name, self.days);
        Page { title: self.title.clone(), lead, address: self.address.clone(), ..page }
    }
}

impl Compared {
    /// Whether the correction changed it.
    pub(super) fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// What an entry is about: the course, or the topic of the activity.
pub(super) fn title(record: &Record) -> &str {
    match record {
        Record::Study(study) => &study.course_title,
        Record::Activity(activity) => &activity.topic,
    }
}

/// When it was.
pub(super) fn days(words: Words, record: &Record) -> String {
    match record {
        Record::Study(study) => words.days(study.first_day, study.last_day),
        Record::Activity(activity) => words.day(activity.date),
    }
}

/// What it gives: hours, or that it is an organised activity.
pub(super) fn worth(words: Words, record: &Record) -> String {
    match record {
        Record::Study(study) => words.hours_and_unit(study.hours),
        Record::Activity(_) => words.say("provider-kind-activity"),
    }
}

/// Every fact of a record, in the order of reading.
pub(super) fn facts(words: Words, record: &Record) -> Vec<Fact> {
    match record {
        Record::Study(study) => study_facts(words, study),
        Record::Activity(activity) => activity_facts(words, activity),
    }
}

fn study_facts(words: Words, study: &Study) -> Vec<Fact> {
    let completes = if study.completes { "provider-completes-yes" } else { "provider-completes-no" };
    let mut facts = vec![
        fact("provider-course", study.course_title.clone()),
        fact("provider-course-code", study.course_code.to_string()),
        fact("provider-form", form_in_words(words, study.form)),
        fact("provider-form-reason", study.form_reason.clone().unwrap_or_default()),
        fact("provider-days", words.days(study.first_day, study.last_day)),
        fact("provider-hours", words.hours_and_unit(study.hours)),
        fact("provider-completes", words.say(completes)),
    ];
    facts.extend(common(words, study.evidence.len(), study.reviewed_by));
    facts
}

fn activity_facts(words: Words, activity: &Activity) -> Vec<Fact> {
    let mut facts = vec![
        fact("provider-topic", activity.topic.clone()),
        fact("provider-date", words.day(activity.date)),
        fact("provider-attendees", words.number(activity.attendees)),
    ];
    facts.extend(common(words, activity.evidence.len(), activity.reviewed_by));
    facts
}

fn common(words: Words, evidence: usize, reviewer: Option<Reviewer>) -> [Fact; 2] {
    let reviewer = reviewer.map(|reviewer| reviewer_in_words(words, reviewer)).unwrap_or_default();
    [
        fact("provider-evidence", words.with1("provider-evidence-files", "count", evidence)),
        fact("provider-reviewed-by", reviewer),
    ]
}

fn fact(name: &'static str, text: String) -> Fact {
    Fact { name, text }
}

/// Every correction of an entry, in the order in which they were made.
pub(super) fn corrections(words: Words, history: &History) -> Vec<Corrected> {
    let versions: Vec<&Version> = history.versions().collect();
    versions.windows(2).enumerate().map(|(nth, pair)| corrected(words, nth + 1, pair[0], pair[1])).collect()
}

fn corrected(words: Words, number: usize, before: &Version, after: &Version) -> Corrected {
    let [was, is] = [before, after].map(|version| said(words, version));
    let who = match after.is_by_authority {
        true => words.with1("provider-by-authority", "name", after.recorder.as_str()),
        false => after.recorder.clone(),
    };
    Corrected {
        number,
        who,
        place: place(words, after.view.position),
        why: after.reason().map(|reason| reason_in_words(words, reason)).unwrap_or_default(),
        is_void: is.is_empty(),
        facts: compared(&was, &is),
    }
}

/// What a version says, the name of the learner first; nothing for one that took the entry back.
fn said(words: Words, version: &Version) -> Vec<Fact> {
    let entry = version.view.signed.entry();
    let Some(record) = entry.record() else { return Vec::new() };
    let name = entry.learner().map(|learner| learner.name.clone()).unwrap_or_default();
    std::iter::once(fact("provider-learner", name)).chain(facts(words, &record)).collect()
}

/// Both sides by name, without what neither has.
fn compared(was: &[Fact], is: &[Fact]) -> Vec<Compared> {
    let after = |name| is.iter().find(|fact| fact.name == name).map(|fact| fact.text.clone()).unwrap_or_default();
    let both = was.iter().map(|fact| Compared { name: fact.name, before: fact.text.clone(), after: after(fact.name) });
    both.filter(|pair| !pair.before.is_empty() || !pair.after.is_empty()).collect()
}

/// Where an entry stands on the chain.
pub(super) fn place(words: Words, position: Option<Position>) -> Place {
    match position {
        Some(Position { height, index, sealed_at }) => Place {
            tone: "chain",
            state: words.say("provider-state-sealed"),
            detail: words.with2("provider-sealed", "number", format!("{height}-{index}"), "time", sealed_at),
        },
        None => Place { tone: "idle", state: words.say("provider-state-pending"), detail: String::new() },
    }
}

/// What became of an entry: nothing besides its place, or that it was corrected or taken back.
pub(super) fn outcome(words: Words, history: &History) -> Option<(&'static str, String)> {
    match (history.says(), history.versions().count()) {
        (None, _) => Some(("bad", words.say("provider-state-voided"))),
        (Some(_), 1) => None,
        (Some(_), _) => Some(("warn", words.say("provider-state-corrected"))),
    }
}

/// A form of study, in words.
pub(super) fn form_in_words(words: Words, form: StudyForm) -> String {
    words.say(match form {
        StudyForm::Lecture => "provider-form-lecture",
        StudyForm::Exchange => "provider-form-exchange",
        StudyForm::Publication => "provider-form-publication",
        StudyForm::Online => "provider-form-online",
        StudyForm::Other => "provider-form-other",
    })
}

/// A reason for a correction, in words.
pub(super) fn reason_in_words(words: Words, reason: CorrectionReason) -> String {
    words.say(match reason {
        CorrectionReason::Hours => "provider-reason-hours",
        CorrectionReason::Dates => "provider-reason-dates",
        CorrectionReason::Course => "provider-reason-course",
        CorrectionReason::Name => "provider-reason-name",
        CorrectionReason::Duplicate => "provider-reason-duplicate",
        CorrectionReason::NotAttended => "provider-reason-not-attended",
        CorrectionReason::Fraud => "provider-reason-fraud",
        CorrectionReason::Other => "provider-reason-other",
    })
}

fn reviewer_in_words(words: Words, reviewer: Reviewer) -> String {
    words.say(match reviewer {
        Reviewer::Clerk => "provider-reviewer-clerk",
        Reviewer::Supervisor => "provider-reviewer-supervisor",
    })
}
