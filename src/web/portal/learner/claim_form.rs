//! The form of a claim: which fields each kind has, what was typed, and a claim as its form has it.

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::super::form::Form;
use super::super::posted::Posted;
use super::super::visit::Visit;
use crate::service::claims::{Amount, Said, digest_of_list};
use crate::standard::StudyForm;

/// What a page of the form asks for: each kind of claim has its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Lecture,
    Exchange,
    Publication,
    Other,
    Activity,
}

impl What {
    pub(super) const ALL: [Self; 5] = [Self::Lecture, Self::Exchange, Self::Publication, Self::Other, Self::Activity];

    pub(super) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.word() == word)
    }

    pub(super) fn of(said: &Said) -> Self {
        match said.form() {
            None => Self::Activity,
            Some(StudyForm::Exchange) => Self::Exchange,
            Some(StudyForm::Publication) => Self::Publication,
            Some(StudyForm::Lecture) => Self::Lecture,
            Some(StudyForm::Other | StudyForm::Online) => Self::Other,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Lecture => "lecture",
            Self::Exchange => "exchange",
            Self::Publication => "publication",
            Self::Other => "other",
            Self::Activity => "activity",
        }
    }

    pub(super) const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Lecture => ("claims-kind-lecture", "claims-kind-lecture-text"),
            Self::Exchange => ("claims-kind-exchange", "claims-kind-exchange-text"),
            Self::Publication => ("claims-kind-publication", "claims-kind-publication-text"),
            Self::Other => ("claims-kind-other", "claims-kind-other-text"),
            Self::Activity => ("claims-kind-activity", "claims-kind-activity-text"),
        }
    }

    pub(super) const fn labels(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Publication => &PAPER_LABELS,
            _ => &LABELS,
        }
    }

    /// The fields that it has.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Lecture => &["title", "organiser", "organiser_code", "first_day", "last_day", "hours"],
            Self::Exchange => {
                &["title", "organiser", "organiser_code", "first_day", "last_day", "half_days", "full_days"]
            }
            Self::Publication => &["title", "organiser", "organiser_code", "last_day"],
            Self::Other => &["title", "organiser", "organiser_code", "first_day", "last_day", "hours", "form_reason"],
            Self::Activity => &["topic", "place", "date", "attendees", "attendees_digest"],
        }
    }
}

const LABELS: [(&str, &str); 14] = [
    ("title", "claims-title"),
    ("organiser", "claims-organiser"),
    ("organiser_code", "claims-organiser-code"),
    ("first_day", "claims-first-day"),
    ("last_day", "claims-last-day"),
    ("hours", "claims-hours"),
    ("half_days", "claims-half-days"),
    ("full_days", "claims-full-days"),
    ("form_reason", "claims-form-reason"),
    ("topic", "claims-topic"),
    ("place", "claims-place"),
    ("date", "claims-date"),
    ("attendees", "claims-attendees"),
    ("attendees_digest", "claims-list"),
];

const PAPER_LABELS: [(&str, &str); 4] = [
    ("title", "claims-paper-title"),
    ("organiser", "claims-paper-organiser"),
    ("organiser_code", "claims-organiser-code"),
    ("last_day", "claims-paper-day"),
];

/// What was typed, as a use case reads it; with the digest of a list that came along.
pub(super) fn typed(what: What, posted: &Posted) -> Map<String, Value> {
    let mut input = posted.object(what.fields());
    for value in input.values_mut() {
        if let Value::String(text) = value {
            *text = text.nfc().collect();
        }
    }
    let (kind, form) = match what {
        What::Activity => ("activity", None),
        study => ("study", Some(study.word())),
    };
    input.insert("kind".into(), kind.into());
    input.extend(form.map(|form| ("form".to_owned(), form.into())));
    // A paper appears on one day.
    if let Some(day) = input.get("last_day").cloned().filter(|_| what == What::Publication) {
        input.insert("first_day".into(), day);
    }
    if let Some(list) = posted.files("attendees_digest").next() {
        input.insert("attendees_digest".into(), digest_of_list(&list.bytes).to_string().into());
    }
    input
}

/// The form with what was typed.
pub(super) fn typed_form(visit: &Visit, what: What, input: &Map<String, Value>) -> Form {
    let texts = input.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Form::new(visit.words, what.labels()).filled(texts)
}

/// A claim as the form has it.
pub(super) fn filled(said: &Said) -> Vec<(&'static str, String)> {
    match said {
        Said::Study(study) => {
            let mut values = vec![
                ("title", study.title.clone()),
                ("organiser", study.organiser.clone()),
                ("first_day", study.first_day.to_string()),
                ("last_day", study.last_day.to_string()),
            ];
            values.extend(study.organiser_code.as_ref().map(|code| ("organiser_code", code.to_string())));
            values.extend(study.form_reason.clone().map(|reason| ("form_reason", reason)));
            match study.amount {
                Amount::Hours => values.push(("hours", study.hours.to_string())),
                Amount::Days { half, full } => {
                    values.extend([("half_days", half.to_string()), ("full_days", full.to_string())]);
                }
                Amount::Papers(_) => {}
            }
            values
        }
        Said::Activity(activity) => vec![
            ("topic", activity.topic.clone()),
            ("place", activity.place.clone()),
            ("date", activity.date.to_string()),
            ("attendees", activity.attendees.to_string()),
            ("attendees_digest", activity.attendees_digest.to_string()),
        ],
    }
}
