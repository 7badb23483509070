//! The form of a correction: what stands in it, and what it wants corrected.

use serde_json::{Map, Value, json};

use super::entry_said as said;
use super::form::Form;
use super::parts::Choice;
use super::posted::Posted;
use super::words::Words;
use crate::ledger::entry::{CorrectionReason, Record};
use crate::ledger::fields::{FieldError, FieldErrors};
use crate::service::{CorrectionInput, History};
use crate::standard::{CreditHours, StudyForm};

/// The fields with their labels; which of them are there is the template's to say.
const LABELS: &[(&str, &str)] = &[
    ("reason", "provider-reason"),
    ("title", "provider-course"),
    ("code", "provider-course-code"),
    ("form", "provider-form"),
    ("form_reason", "provider-form-reason"),
    ("first_day", "provider-first-day"),
    ("last_day", "provider-last-day"),
    ("hours", "provider-hours"),
    ("completes", "provider-completes-yes"),
    ("topic", "provider-topic"),
    ("date", "provider-date"),
    ("attendees", "provider-attendees"),
    ("file", "provider-signed-file"),
    ("entry", "provider-entry"),
];

/// An empty form: for the file that comes back.
pub(super) fn blank(words: Words) -> Form {
    Form::new(words, LABELS)
}

/// The form with what the entry says now; an empty one where that is nothing.
pub(super) fn now(words: Words, history: &History) -> Form {
    history.says().map_or_else(|| blank(words), |record| form(words, &record))
}

fn form(words: Words, record: &Record) -> Form {
    let form = blank(words);
    match record {
        Record::Study(study) => form
            .filled([
                ("title", study.course_title.clone()),
                ("code", study.course_code.to_string()),
                ("form", study.form.to_string()),
                ("form_reason", study.form_reason.clone().unwrap_or_default()),
                ("first_day", study.first_day.to_string()),
                ("last_day", study.last_day.to_string()),
                ("hours", study.hours.to_string()),
            ])
            .filled(study.completes.then_some(("completes", "yes"))),
        Record::Activity(activity) => form.filled([
            ("topic", activity.topic.clone()),
            ("date", activity.date.to_string()),
            ("attendees", activity.attendees.to_string()),
        ]),
    }
}

/// The reasons that can be given.
pub(super) fn reasons(words: Words) -> Vec<Choice> {
    CorrectionReason::ALL.iter().map(|one| Choice::new(one.as_str(), said::reason_in_words(words, *one))).collect()
}

/// The forms of study.
pub(super) fn forms(words: Words) -> Vec<Choice> {
    StudyForm::ALL.iter().map(|one| Choice::new(one.as_str(), said::form_in_words(words, *one))).collect()
}

/// A field that cannot be read as what it is of, and the key of the words for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) field: &'static str,
    pub(super) key: &'static str,
}

const NO_HOURS: Unread = Unread { field: "hours", key: "provider-error-hours" };
const NO_COUNT: Unread = Unread { field: "attendees", key: "provider-error-attendees" };

/// What was typed, as what is wanted; `record` says which fields there are.
pub(super) fn wanted(record: &Record, posted: &Posted) -> Result<CorrectionInput, Unread> {
    let value = |name: &str| posted.text(name);
    let reason = value("reason").to_owned();
    if value("action") == "void" {
        return Ok(CorrectionInput { reason, changes: None });
    }
    let changes = match record {
        Record::Study(_) => json!({
            "completes": posted.ticked("completes"),
            "course": {"code": value("code"), "title": value("title")},
            "first_day": value("first_day"),
            "form": value("form"),
            "form_reason": Some(value("form_reason")).filter(|reason| !reason.is_empty()),
            "hours": hundredths(value("hours")).ok_or(NO_HOURS)?,
            "last_day": value("last_day"),
        }),
        Record::Activity(_) => json!({
            "attendees": value("attendees").parse::<u32>().map_err(|_| NO_COUNT)?,
            "date": value("date"),
            "topic": value("topic"),
        }),
    };
    let changes = match changes {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    Ok(CorrectionInput { reason, changes: Some(changes) })
}

/// Hours as people type them, `6`, `6.5` or `6.50`, in whole hundredths.
fn hundredths(text: &str) -> Option<u32> {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let written = match decimals {
        0 => format!("{}.00", text.trim_end_matches('.')),
        1 => format!("{text}0"),
        _ => text.to_owned(),
    };
    written.parse().ok().filter(|hours: &CreditHours| hours.fits_an_entry()).map(CreditHours::hundredths)
}

/// The mistakes that a draft or a submission found, by the fields of the form: `entry.replacement.course.code` is `code`.
pub(super) fn by_field(errors: FieldErrors) -> FieldErrors {
    let field = |path: &str| -> String {
        let inner = path.strip_prefix("entry.").unwrap_or(path);
        match inner.strip_prefix("replacement.").unwrap_or(inner) {
            "course.code" => "code".to_owned(),
            "course.title" => "title".to_owned(),
            "signatures" => "file".to_owned(),
            known if LABELS.iter().any(|(name, _)| *name == known) => known.to_owned(),
            _ => "entry".to_owned(),
        }
    };
    let by_field = |error: FieldError| FieldError { field: field(&error.field), problem: error.problem };
    FieldErrors(errors.0.into_iter().map(by_field).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fields::Problem;

    #[test]
    fn hours_are_read_as_people_type_them() {
        for (text, expected) in [
            ("6", Some(600)),
            ("6.5", Some(650)),
            ("6.50", Some(650)),
            ("0.25", Some(25)),
            ("6.", Some(600)),
            ("", None),
            (".5", None),
            ("6.505", None),
            ("six", None),
            ("-1", None),
            ("0", None),
            ("100", Some(10_000)),
            ("100.01", None),
        ] {
            assert_eq!(hundredths(text), expected, "{text:?}");
        }
    }

    #[test]
    fn mistakes_stand_beside_the_fields_they_are_of() {
        for (path, expected) in [
            ("entry.replacement.course.code", "code"),
            ("entry.replacement.hours", "hours"),
            ("entry.reason", "reason"),
            ("signatures", "file"),
            ("file", "file"),
            ("entry.learner.name", "entry"),
            ("entry.replacement", "entry"),
        ] {
            assert_eq!(by_field(FieldErrors::one(path, Problem::Missing)).0[0].field, expected, "{path}");
        }
    }
}
