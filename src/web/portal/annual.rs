//! The annual requirement in words: what a year comes to, and what each record counts and why. For every page that shows
//! a year (`templates/portal/annual/years.html` draws it).

use super::parts::Ring;
use super::words::Words;
use crate::service::{CqoYear, Said, StandingState, Subject};
use crate::standard::StudyForm;
use crate::standard::annual::{Counted, Coverage, Lack, Loss, Record, Shortfall, Standing, Why, Year};

/// A year as a page shows it.
pub(crate) struct YearView {
    /// Which year.
    pub(crate) name: String,
    /// How it stands, in a word, and its tone.
    pub(crate) state: String,
    pub(crate) tone: &'static str,
    /// What is missing, or that nothing is.
    pub(crate) missing: String,
    /// By when; empty where nothing is missing.
    pub(crate) due: String,
    /// Hours.
    pub(crate) ring: Ring,
    /// Whether the activities due are there.
    pub(crate) has_activities: bool,
    pub(crate) activities: String,
    /// What else is to be known: part years, carry-over, the rules.
    pub(crate) notes: Vec<String>,
    /// What was counted.
    pub(crate) lines: Vec<RecordView>,
}

/// A record as a page shows it.
pub(crate) struct RecordView {
    pub(crate) what: String,
    pub(crate) form: String,
    pub(crate) when: String,
    /// As recorded.
    pub(crate) recorded: String,
    /// What counts.
    pub(crate) counted: String,
    /// Every reason why less counts.
    pub(crate) reasons: Vec<String>,
    /// Attestation number and time on chain.
    pub(crate) sealed: String,
}

impl YearView {
    /// A year in words.
    pub(crate) fn of(words: Words, year: &CqoYear) -> Self {
        let standing = &year.standing;
        let is_missing = standing.shortfalls().next().is_some();
        let due = standing.due().filter(|_| is_missing).map(|day| words.with1("years-due", "day", day));
        let lines = year.entries.iter().zip(&standing.records);
        Self {
            name: year_name(words, standing.year()),
            state: state_name(words, year.state),
            tone: tone_of(year.state),
            missing: missing(words, standing),
            due: due.unwrap_or_default(),
            ring: Ring { done: with_carried(standing), required: standing.hours.required },
            has_activities: standing.activities.missing == 0,
            activities: activities(words, standing),
            notes: notes(words, standing),
            lines: lines.map(|(said, counted)| RecordView::of(words, said, counted)).collect(),
        }
    }
}

impl RecordView {
    fn of(words: Words, said: &Said, counted: &Counted) -> Self {
        let what = match &said.subject {
            Subject::Course(_, title) => title.clone(),
            Subject::Topic(topic) => topic.clone(),
        };
        let (form, when, recorded) = match &said.record {
            Record::Study(study) => {
                let days = words.days(study.days.first(), study.days.last());
                (form_name(words, study.form), days, words.hours(study.hours))
            }
            Record::Activity(activity) => {
                let people = words.with1("years-people", "count", activity.attendees);
                (words.say("years-form-activity"), words.day(activity.date), people)
            }
        };
        let (counted, reasons) = match counted {
            Counted::Study { hours, lost } => {
                (words.hours(hours), lost.iter().map(|loss| lost_hours(words, *loss)).collect())
            }
            Counted::Activity { lacks } if lacks.is_empty() => (words.say("years-activity-counts"), Vec::new()),
            Counted::Activity { lacks } => {
                (words.say("years-activity-not"), lacks.iter().map(|lack| lack_of(words, *lack)).collect())
            }
        };
        let number = format!("{}-{}", said.height, said.index);
        let sealed = words.with2("years-sealed-at", "number", number, "at", said.sealed_at);
        Self { what, form, when, recorded, counted, reasons, sealed }
    }
}

/// The name of a year.
pub(crate) fn year_name(words: Words, year: Year) -> String {
    match year {
        Year::Calendar(year) => words.with1("years-year-calendar", "year", year),
        Year::Certificate(nth) => words.with1("years-year-certificate", "nth", nth),
    }
}

/// How a year stands, in a word.
pub(crate) fn state_name(words: Words, state: StandingState) -> String {
    words.say(match state {
        StandingState::Met => "years-state-met",
        StandingState::Open => "years-state-open",
        StandingState::Short => "years-state-short",
        StandingState::NotDue => "years-state-not-due",
    })
}

/// The tone of a state.
pub(crate) const fn tone_of(state: StandingState) -> &'static str {
    match state {
        StandingState::Met => "good",
        StandingState::Open => "warn",
        StandingState::Short => "bad",
        StandingState::NotDue => "idle",
    }
}

/// What is missing in a year, or that nothing is: `还差 1.5 学时；尚未组织培训活动`.
pub(crate) fn missing(words: Words, standing: &Standing) -> String {
    if standing.period.coverage == Coverage::Outside {
        return words.say("years-not-due");
    }
    shortfalls(words, standing.shortfalls(), standing.activities.counted).unwrap_or_else(|| words.say("years-met"))
}

/// The same of the shortfalls alone; none where nothing is missing.
pub(crate) fn shortfalls(words: Words, found: impl Iterator<Item = Shortfall>, organised: u32) -> Option<String> {
    let said = found.map(|shortfall| match shortfall {
        Shortfall::Hours(hours) => words.with1("years-hours-missing", "hours", hours),
        Shortfall::Activities(_) if organised == 0 => words.say("years-activity-none"),
        Shortfall::Activities(count) => words.with1("years-activities-missing", "count", count),
    });
    said.reduce(|first, second| words.with2("years-and", "first", first, "second", second))
}

fn activities(words: Words, standing: &Standing) -> String {
    let tally = standing.activities;
    match tally.required {
        0 => words.with1("years-activities-free", "counted", tally.counted),
        required => words.with2("years-activities-of", "counted", tally.counted, "required", required),
    }
}

fn notes(words: Words, standing: &Standing) -> Vec<String> {
    let hours = standing.hours;
    let coverage = match standing.period.coverage {
        Coverage::NoTerm => Some(words.say("years-no-term")),
        Coverage::Part(span) => {
            let days = words.days(span.first(), span.last());
            Some(words.with2("years-part", "days", days, "count", span.count()))
        }
        Coverage::Whole | Coverage::Outside => None,
    };
    let some = |key: &str, amount: crate::standard::CreditHours| {
        (amount.hundredths() > 0).then(|| words.with1(key, "hours", amount))
    };
    let rules = words.with1("years-rules", "version", standing.version.to_string());
    let notes = [coverage, some("years-carried", hours.carried), some("years-surplus", hours.surplus), Some(rules)];
    notes.into_iter().flatten().collect()
}

/// What is done of the hours due, carry-over included.
pub(crate) fn with_carried(standing: &Standing) -> crate::standard::CreditHours {
    standing.hours.counted.checked_add(standing.hours.carried).unwrap_or(standing.hours.counted)
}

/// The form of study, in words.
pub(crate) fn form_name(words: Words, form: StudyForm) -> String {
    words.say(match form {
        StudyForm::Lecture => "years-form-lecture",
        StudyForm::Exchange => "years-form-exchange",
        StudyForm::Publication => "years-form-publication",
        StudyForm::Online => "years-form-online",
        StudyForm::Other => "years-form-other",
    })
}

fn lost_hours(words: Words, loss: Loss) -> String {
    let why = words.say(match loss.why {
        Why::OutsidePeriod => "years-why-outside",
        Why::RepeatedCourse => "years-why-repeated",
        Why::ExchangeDays => "years-why-exchange",
        Why::Publication => "years-why-publication",
        Why::DailyCap => "years-why-daily-cap",
        Why::JointMaximum => "years-why-joint",
    });
    words.with2("years-lost", "hours", loss.hours, "why", why)
}

fn lack_of(words: Words, lack: Lack) -> String {
    match lack {
        Lack::OutsidePeriod => words.say("years-lack-outside"),
        Lack::TooFewAttendees { found, needed } => {
            words.with2("years-lack-attendees", "found", found, "needed", needed)
        }
        Lack::NoEvidence => words.say("years-lack-evidence"),
        Lack::NotConfirmed => words.say("years-lack-confirmed"),
    }
}
