//! A year of a CQO as pages show it: what it comes to, why, and everything that was recorded (`templates/portal/year.html`).
//!
//! The rules are in [`crate::standard::annual`]; here are only the words for their results.

use super::learner::reason_key;
use super::parts::Ring;
use super::words::{Argument, Words};
use crate::service::{CqoYear, Said, StandingState, Subject, Voided};
use crate::standard::annual::{
    Amount, Counted, Coverage, Ending, Lack, Record, ShortYear, Shortfall, Span, Standing, Why, Year,
};
use crate::standard::{CreditHours, Day, StudyForm};

#[cfg(test)]
mod tests;

/// A year, ready to be drawn.
pub(crate) struct YearView {
    /// What it is called.
    pub(crate) name: String,
    /// Its days, where they are not simply those of the calendar year.
    pub(crate) days: String,
    /// The tone of its state.
    pub(crate) tone: &'static str,
    /// Its state.
    pub(crate) state: String,
    /// Whether nothing is missing.
    pub(crate) met: bool,
    /// Hours counted of hours due.
    pub(crate) ring: Ring,
    /// Whether enough activities were organised.
    pub(crate) activity_done: bool,
    /// The same in words.
    pub(crate) activity: String,
    /// What is missing, and by when.
    pub(crate) sentence: String,
    /// Why it comes to that.
    pub(crate) clauses: Vec<Clause>,
    /// The version of the rulebook that decided.
    pub(crate) rulebook: String,
    /// Whether the reader can open the entries, and claim more: the learner.
    pub(crate) own: bool,
    /// Everything of the year, the newest first.
    pub(crate) rows: Vec<YearRow>,
}

/// A line of an explanation, with the key of the rulebook that decides it.
pub(crate) struct Clause {
    /// What it says.
    pub(crate) text: String,
    /// The key.
    pub(crate) key: &'static str,
}

/// Something of a year: an entry, or a claim on its way to become one.
pub(crate) struct YearRow {
    /// Where more of it is; empty for nowhere.
    pub(crate) href: String,
    /// The course or topic.
    pub(crate) title: String,
    /// Form, and who recorded or held it.
    pub(crate) detail: String,
    /// Its days.
    pub(crate) days: String,
    /// The hours recorded; of an activity the attendees.
    pub(crate) hours: String,
    /// What of it counts; empty when all does.
    pub(crate) counted: String,
    /// Why it does not count.
    pub(crate) notes: Vec<Clause>,
    /// Why it was voided; empty for what was not. Its title is struck out then.
    pub(crate) voided: String,
    /// The tone of its state.
    pub(crate) tone: &'static str,
    /// Its state.
    pub(crate) state: String,
    /// Where and when it was sealed.
    pub(crate) place: String,
    /// Where its proof is; empty while there is none.
    pub(crate) proof: String,
    /// For the order: its last day.
    pub(crate) last_day: Day,
}

impl YearView {
    /// A year in words. `recorder` names organisations, `entries` is the address that an entry's page is under; empty where
    /// the reader has none.
    pub(crate) fn new(words: Words, year: &CqoYear, recorder: &dyn Fn(&Said) -> String, entries: &str) -> Self {
        let standing = &year.standing;
        let (tone, state) = state_of(year.state);
        let tally = standing.hours;
        let done = tally.counted.checked_add(tally.carried).unwrap_or(tally.counted);
        let rows = year.entries.iter().zip(&standing.records);
        let mut rows: Vec<YearRow> = rows.map(|(said, counted)| row(words, said, counted, recorder, entries)).collect();
        rows.extend(year.voided.iter().map(|voided| voided_row(words, voided, recorder, entries)));
        rows.sort_by_key(|row| std::cmp::Reverse(row.last_day));
        Self {
            name: name_of(words, standing.year()),
            days: days_of(words, standing),
            tone,
            state: words.say(state),
            met: standing.is_met(),
            ring: Ring { done, required: tally.required },
            activity_done: standing.activities.missing == 0,
            activity: activity(words, standing),
            sentence: sentence(words, year),
            clauses: clauses(words, standing),
            rulebook: standing.version.to_string(),
            own: false,
            rows,
        }
    }

    /// Makes it the reader's own, with claims that are no entries yet.
    pub(crate) fn with(mut self, claims: impl IntoIterator<Item = YearRow>) -> Self {
        self.own = true;
        self.rows.extend(claims);
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.last_day));
        self
    }
}

/// What a year is called.
pub(crate) fn name_of(words: Words, year: Year) -> String {
    match year {
        Year::Calendar(year) => words.with1("annual-year", "year", year),
        Year::Certificate { first, nth } => words.with2("annual-certificate-year", "nth", nth, "day", first),
    }
}

/// The tone and the words of a state.
pub(crate) const fn state_of(state: StandingState) -> (&'static str, &'static str) {
    match state {
        StandingState::Met => ("good", "annual-met"),
        StandingState::Open => ("warn", "annual-open"),
        StandingState::NoTerm => ("unknown", "annual-unregistered"),
        StandingState::Short => ("bad", "annual-short"),
        StandingState::NotDue => ("idle", "annual-not-due"),
    }
}

/// The words of a form.
pub(crate) const fn form_key(form: StudyForm) -> &'static str {
    match form {
        StudyForm::Lecture => "annual-form-lecture",
        StudyForm::Exchange => "annual-form-exchange",
        StudyForm::Publication => "annual-form-publication",
        StudyForm::Online => "annual-form-online",
        StudyForm::Other => "annual-form-other",
    }
}

/// What is missing, and by when: `还差 1.5 学时；尚未组织质量专业培训活动；请在 2026年12月31日前完成。`
pub(crate) fn sentence(words: Words, year: &CqoYear) -> String {
    let missing = missing(words, year.standing.shortfalls(), year.standing.activities.required);
    match (year.state, missing, year.standing.period.end()) {
        (StandingState::NotDue, _, _) => words.say("annual-nothing-due"),
        (StandingState::NoTerm, Some(missing), _) => words.with1("annual-unregistered-missing", "missing", missing),
        (StandingState::NoTerm, None, _) => words.say("annual-unregistered-done"),
        (StandingState::Open, Some(missing), Some((day, Ending::Year))) => {
            words.with2("annual-due", "missing", missing, "day", day)
        }
        (StandingState::Open, Some(missing), Some((day, Ending::Certificate))) => {
            words.with2("annual-due-certificate", "missing", missing, "day", day)
        }
        (_, Some(missing), Some((day, Ending::Certificate))) => {
            words.with2("annual-over-certificate", "missing", missing, "day", day)
        }
        (_, Some(missing), _) => words.with1("annual-over", "missing", missing),
        (_, None, _) => words.say("annual-all-done"),
    }
}

/// A year that ended short, and what of it has to be made up before recertification.
pub(crate) fn short_in_words(words: Words, short: &ShortYear) -> String {
    let year = name_of(words, short.period.year);
    let said = |amount: Amount| missing(words, amount.shortfalls(), 0).unwrap_or_default();
    let missing = said(short.missing);
    match (short.must_be_made_up, short.blocks()) {
        (true, true) => {
            words.with("annual-short-blocks", &[("year", &year), ("missing", &missing), ("left", &said(short.left))])
        }
        (true, false) => words.with2("annual-short-made-up", "year", year, "missing", missing),
        (false, _) => words.with2("annual-short-told", "year", year, "missing", missing),
    }
}

/// What has to be made up before recertification, over all years; nothing where nothing has.
pub(crate) fn to_make_up(words: Words, short: &[ShortYear]) -> Option<String> {
    let left: Amount = short.iter().map(|short| short.left).collect();
    missing(words, left.shortfalls(), 0).map(|left| words.with1("annual-make-up", "left", left))
}

/// What is missing, where anything is: `还差 1.5 学时；尚未组织质量专业培训活动`. `activities` are due.
pub(crate) fn missing(words: Words, short: impl Iterator<Item = Shortfall>, activities: u16) -> Option<String> {
    let missing = short.map(|shortfall| match shortfall {
        Shortfall::Hours(hours) => words.with1("annual-missing-hours", "hours", hours),
        Shortfall::Activities(_) if activities == 1 => words.say("annual-missing-activity"),
        Shortfall::Activities(count) => words.with1("annual-missing-activities", "count", count),
    });
    missing.reduce(|first, second| words.with2("annual-both", "first", first, "second", second))
}

/// The days that count, where the calendar does not say them already.
fn days_of(words: Words, standing: &Standing) -> String {
    match (standing.year(), &standing.period.coverage) {
        (Year::Calendar(_), Coverage::NoTerm | Coverage::Whole | Coverage::Outside) => String::new(),
        _ => spans(words, standing.period.counting()),
    }
}

fn spans(words: Words, spans: &[Span]) -> String {
    let each = spans.iter().map(|days| words.days(days.first(), days.last()));
    each.reduce(|first, second| words.with2("annual-both", "first", first, "second", second)).unwrap_or_default()
}

fn activity(words: Words, standing: &Standing) -> String {
    let tally = standing.activities;
    if tally.required == 0 && tally.counted == 0 {
        words.say("annual-activity-not-due")
    } else if tally.missing == 0 {
        words.with1("annual-activity-done", "count", tally.counted)
    } else {
        words.with2("annual-activity-open", "count", tally.counted, "required", tally.required)
    }
}

fn clauses(words: Words, standing: &Standing) -> Vec<Clause> {
    let (hours, activities) = (standing.hours, standing.activities);
    let tally = |key, required: &dyn Argument, counted: &dyn Argument| {
        words.with(key, &[("required", required), ("counted", counted)])
    };
    let mut clauses = Vec::new();
    let mut say = |text: String, key: &'static str| clauses.push(Clause { text, key });
    match &standing.period.coverage {
        Coverage::NoTerm => say(words.say("annual-no-term"), "ce.year"),
        Coverage::Part(days) => say(words.with1("annual-part", "days", spans(words, days)), "ce.partial"),
        Coverage::Whole | Coverage::Outside => {}
    }
    say(tally("annual-clause-hours", &hours.required, &hours.counted), "ce.required_hours");
    for why in
        [Why::OutsidePeriod, Why::RepeatedCourse, Why::ExchangeDays, Why::Publication, Why::DailyCap, Why::JointMaximum]
    {
        let lost = standing.records.iter().flat_map(losses).filter(|loss| loss.why == why);
        let lost = lost.fold(0_u32, |sum, loss| sum.saturating_add(loss.hours.hundredths()));
        if lost > 0 {
            say(loss(words, why, CreditHours::from_hundredths(lost)), why.key());
        }
    }
    if hours.carried > CreditHours::ZERO {
        say(words.with1("annual-carried", "hours", hours.carried), "ce.carry_over_max");
    }
    if hours.surplus > CreditHours::ZERO {
        say(words.with1("annual-surplus", "hours", hours.surplus), "ce.carry_over_max");
    }
    say(tally("annual-clause-activities", &activities.required, &activities.counted), "ce.required_activities");
    clauses
}

fn losses(counted: &Counted) -> &[crate::standard::annual::Loss] {
    match counted {
        Counted::Study { lost, .. } => lost,
        Counted::Activity { .. } => &[],
    }
}

fn loss(words: Words, why: Why, hours: CreditHours) -> String {
    let key = match why {
        Why::OutsidePeriod => "annual-lost-outside",
        Why::RepeatedCourse => "annual-lost-repeat",
        Why::ExchangeDays => "annual-lost-exchange",
        Why::Publication => "annual-lost-publication",
        Why::DailyCap => "annual-lost-daily",
        Why::JointMaximum => "annual-lost-joint",
    };
    words.with1(key, "hours", hours)
}

fn lack(words: Words, lack: Lack) -> String {
    match lack {
        Lack::OutsidePeriod => words.say("annual-lacks-outside"),
        Lack::TooFewAttendees { found, needed } => {
            words.with2("annual-lacks-attendees", "found", found, "needed", needed)
        }
        Lack::NoEvidence => words.say("annual-lacks-evidence"),
        Lack::NotConfirmed => words.say("annual-lacks-confirmation"),
    }
}

/// Why a record does not count, or not whole.
pub(crate) fn notes(words: Words, counted: &Counted) -> Vec<Clause> {
    match counted {
        Counted::Study { lost, .. } => {
            lost.iter().map(|lost| Clause { text: loss(words, lost.why, lost.hours), key: lost.why.key() }).collect()
        }
        Counted::Activity { lacks } => {
            lacks.iter().map(|lacks| Clause { text: lack(words, *lacks), key: lacks.key() }).collect()
        }
    }
}

/// The title or topic of what an entry says.
pub(crate) fn title_of(said: &Said) -> &str {
    match &said.subject {
        Subject::Course(_, title) => title,
        Subject::Topic(topic) => topic,
    }
}

/// An entry that was voided: what it said, struck out, why, and that nothing of it counts.
fn voided_row(words: Words, voided: &Voided, recorder: &dyn Fn(&Said) -> String, entries: &str) -> YearRow {
    let nothing = Counted::Study { hours: CreditHours::ZERO, lost: Vec::new() };
    let row = row(words, &voided.said, &nothing, recorder, entries);
    let reason = words.say(reason_key(voided.reason));
    YearRow {
        counted: words.say("annual-not-counted"),
        voided: words.with1("annual-voided-why", "reason", reason),
        tone: "bad",
        state: words.say("annual-voided"),
        ..row
    }
}

fn row(words: Words, said: &Said, counted: &Counted, recorder: &dyn Fn(&Said) -> String, entries: &str) -> YearRow {
    let (form, days, hours) = match &said.record {
        Record::Study(study) => (form_key(study.form), study.days, words.hours(study.hours)),
        Record::Activity(activity) => (
            "annual-form-activity",
            Span::day(activity.date),
            words.with1("annual-attendees", "count", activity.attendees),
        ),
    };
    let in_part = match counted {
        _ if counted.is_whole() => String::new(),
        Counted::Study { hours, .. } => words.with1("annual-counted", "hours", *hours),
        Counted::Activity { .. } => words.say("annual-not-counted"),
    };
    let number = format!("{}-{}", said.height, said.index);
    let corrected = said.entry != said.last;
    let (tone, state) = if corrected { ("warn", "annual-corrected") } else { ("chain", "annual-on-chain") };
    let href = if entries.is_empty() { String::new() } else { format!("{entries}/{}", said.entry) };
    let recorder = recorder(said);
    let declined = said.declined.as_ref().map(|reason| Clause {
        text: words.with1("annual-declined", "reason", reason.as_str()),
        key: Lack::NotConfirmed.key(),
    });
    YearRow {
        proof: if href.is_empty() { String::new() } else { format!("{href}/proof") },
        href,
        title: title_of(said).to_owned(),
        detail: if recorder.is_empty() { words.say(form) } else { format!("{} · {recorder}", words.say(form)) },
        days: words.days(days.first(), days.last()),
        hours,
        counted: in_part,
        notes: notes(words, counted).into_iter().chain(declined).collect(),
        voided: String::new(),
        tone,
        state: words.say(state),
        place: words.with2("annual-at", "number", number, "time", said.sealed_at),
        last_day: days.last(),
    }
}
