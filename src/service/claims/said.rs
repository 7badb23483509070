//! What a claim says: read from what somebody typed, and made into what an entry says.
//!
//! Exchange is claimed in days and publication one paper at a time, and become hours by the rulebook in force on their last day
//! (`ce.conversion`, 9.4.1.2 b) and c)); which edition that was is kept with them. Lessons of the platform itself are recorded
//! by the platform and never claimed.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::notices::plain;
use crate::ledger::entry::{
    Activity, CourseCode, FormError, MAX_ATTENDEES, MAX_SPAN_DAYS, MAX_TITLE, Record, Reviewer, Study,
};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::forms::forms;
use crate::merkle::Hash;
use crate::standard::{
    CreditCode, CreditHours, Day, Edition, Rulebook, RulebookVersion, StudyForm, TotalHours, choice,
};

/// Most half days or full days of one claim.
pub const MAX_COUNT: u32 = 100;
/// Digits of the digest in the course code of a claim.
const COURSE_CODE_DIGITS: usize = 10;

choice! {
    /// What is claimed.
    pub enum ClaimKind {
        /// Hours of study.
        Study = "study", "学习";
        /// An organised activity 质量专业培训活动.
        Activity = "activity", "质量专业培训活动";
    }
}

/// What a claim says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// Hours of study.
    Study(StudyClaim),
    /// An organised activity.
    Activity(ActivityClaim),
}

/// Study that somebody claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyClaim {
    /// How it was studied; never [`StudyForm::Online`].
    pub form: StudyForm,
    /// What the form was, when it is [`StudyForm::Other`].
    pub form_reason: Option<String>,
    /// The title of lecture, exchange or paper.
    pub title: String,
    /// Who held it 主办单位; of a paper, where it appeared.
    pub organiser: String,
    /// The organiser's credit code, where it is known.
    pub organiser_code: Option<CreditCode>,
    /// First day.
    pub first_day: Day,
    /// Last day.
    pub last_day: Day,
    /// What was claimed.
    pub amount: Amount,
    /// What that is in credit hours.
    pub hours: CreditHours,
    /// The rulebook that it was converted by.
    pub rulebook: RulebookVersion,
}

/// In what a claim of study is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// In credit hours, as given.
    Hours,
    /// Days of academic exchange.
    Days {
        /// Half ones.
        half: u32,
        /// Full ones.
        full: u32,
    },
    /// Publications: one. Claims of before may say more, which is what they were converted by.
    Papers(u32),
}

/// An activity that somebody claims to have organised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityClaim {
    /// What it was about.
    pub topic: String,
    /// Where it was held.
    pub place: String,
    /// The day it was held.
    pub date: Day,
    /// How many people attended.
    pub attendees: u32,
    /// SHA-256 of the list of attendees. The list names other people and is not kept: who organised keeps it, and can show it.
    pub attendees_digest: Hash,
}

/// Credit hours as people type them: `8`, `1.5` or `1.50`.
struct TypedHours(CreditHours);

impl FromStr for TypedHours {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let whole = match text.split_once('.') {
            None => format!("{text}.00"),
            Some((_, part)) if part.len() == 1 => format!("{text}0"),
            Some(_) => text.to_owned(),
        };
        whole.parse().map(Self).map_err(|_| FormError)
    }
}

forms! {
    TypedHours: "must be credit hours such as 1.5 or 8", "应为学时数，如 1.5 或 8";
}

/// A whole number as people type it.
struct TypedCount(u32);

impl FromStr for TypedCount {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| plain).map(Self).ok_or(FormError)
    }
}

forms! {
    TypedCount: "must be a whole number", "应为整数";
}

impl Said {
    /// Reads what was typed: an object of strings, as a form sends them. All bad fields are reported together.
    pub fn read(input: Value, rulebook: &Rulebook) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let read = Fields::of(input, "", &mut errors).and_then(|mut fields| {
            let said = match fields.word("kind") {
                Some(ClaimKind::Study) => StudyClaim::read(&mut fields, rulebook).map(Self::Study),
                Some(ClaimKind::Activity) => ActivityClaim::read(&mut fields).map(Self::Activity),
                // Without a kind nobody can say which other members belong here.
                None => return None,
            };
            fields.finish();
            said
        });
        read.filter(|_| errors.0.is_empty()).ok_or(errors)
    }

    /// Study or activity.
    pub fn kind(&self) -> ClaimKind {
        match self {
            Self::Study(_) => ClaimKind::Study,
            Self::Activity(_) => ClaimKind::Activity,
        }
    }

    /// The form of study; none for an activity.
    pub fn form(&self) -> Option<StudyForm> {
        match self {
            Self::Study(study) => Some(study.form),
            Self::Activity(_) => None,
        }
    }

    /// The title, or what the activity was about.
    pub fn title(&self) -> &str {
        match self {
            Self::Study(study) => &study.title,
            Self::Activity(activity) => &activity.topic,
        }
    }

    /// Who held it; none for an activity, which the learner organised.
    pub fn organiser(&self) -> Option<&str> {
        match self {
            Self::Study(study) => Some(&study.organiser),
            Self::Activity(_) => None,
        }
    }

    /// First and last day.
    pub fn days(&self) -> (Day, Day) {
        match self {
            Self::Study(study) => (study.first_day, study.last_day),
            Self::Activity(activity) => (activity.date, activity.date),
        }
    }

    /// The credit hours; none for an activity.
    pub fn hours(&self) -> Option<CreditHours> {
        match self {
            Self::Study(study) => Some(study.hours),
            Self::Activity(_) => None,
        }
    }

    /// What its course is told apart by when a year is counted; none of an activity.
    pub(super) fn course(&self) -> Option<CourseCode> {
        match self {
            Self::Study(study) => study.course_code().ok(),
            Self::Activity(_) => None,
        }
    }

    /// The credit code of who held it, where it was given.
    pub(super) fn organiser_code(&self) -> Option<&CreditCode> {
        match self {
            Self::Study(study) => study.organiser_code.as_ref(),
            Self::Activity(_) => None,
        }
    }

    /// What the entry says that this becomes.
    pub(super) fn record(&self, mut evidence: Vec<Hash>, reviewer: Reviewer) -> Result<Record, FormError> {
        evidence.sort_unstable();
        evidence.dedup();
        let reviewed_by = Some(reviewer);
        Ok(match self {
            Self::Study(study) => Record::Study(Study {
                // A lecture, an exchange or a paper is over when it is claimed: nothing of it is to follow.
                completes: true,
                course_code: study.course_code()?,
                course_title: study.title.clone(),
                evidence,
                first_day: study.first_day,
                last_day: study.last_day,
                form: study.form,
                form_reason: study.form_reason.clone(),
                hours: study.hours,
                reviewed_by,
            }),
            Self::Activity(activity) => Record::Activity(Activity {
                attendees: activity.attendees,
                attendees_digest: activity.attendees_digest,
                date: activity.date,
                evidence,
                reviewed_by,
                topic: activity.topic.clone(),
            }),
        })
    }
}

impl StudyClaim {
    fn read(fields: &mut Fields<'_, '_>, rulebook: &Rulebook) -> Option<Self> {
        let form = fields.word("form");
        if form == Some(StudyForm::Online) {
            fields.note(
                "form",
                Problem::mismatch("is recorded by the platform itself", "线上课程由平台自动记录，无需申报"),
            );
        }
        let form_reason = match form {
            Some(StudyForm::Other) => fields.text("form_reason", MAX_TITLE).map(Some),
            _ => Some(None),
        };
        let title = fields.text("title", MAX_TITLE);
        let organiser = fields.text("organiser", MAX_TITLE);
        let organiser_code =
            if fields.has("organiser_code") { fields.parsed("organiser_code").map(Some) } else { Some(None) };
        let first_day: Option<Day> = fields.parsed("first_day");
        let last_day: Option<Day> = fields.parsed("last_day");
        if let Some((first, last)) = first_day.zip(last_day)
            && !(0..=MAX_SPAN_DAYS).contains(&first.days_until(last))
        {
            let en = format!("must be 0 to {MAX_SPAN_DAYS} days after the first day");
            fields.note("last_day", Problem::mismatch(en, format!("应在首日之后 0 到 {MAX_SPAN_DAYS} 天之内")));
        }
        // A day before the first edition is judged by the first one.
        let edition = last_day.and_then(|day| rulebook.in_effect(day)).or_else(|| rulebook.editions().first())?;
        let amount = form.and_then(|form| read_amount(fields, form, edition));
        let (amount, hours) = amount?;
        Some(Self {
            form: form?,
            form_reason: form_reason?,
            title: title?,
            organiser: organiser?,
            organiser_code: organiser_code?,
            first_day: first_day?,
            last_day: last_day?,
            amount,
            hours,
            rulebook: edition.version,
        })
    }

    /// The same course twice has the same code, however its names were typed.
    fn course_code(&self) -> Result<CourseCode, FormError> {
        let named = format!("{}\n{}\n{}", self.form, plain(&self.organiser), plain(&self.title));
        let digest = Hash::of(&[named.as_bytes()]).to_string().to_uppercase();
        format!("C-{}", digest.get(..COURSE_CODE_DIGITS).unwrap_or_default()).parse()
    }
}

/// What was claimed, and what that is in hours.
fn read_amount(fields: &mut Fields<'_, '_>, form: StudyForm, edition: &Edition) -> Option<(Amount, CreditHours)> {
    let rules = &edition.ce.conversion;
    let (field, amount, hours) = match form {
        StudyForm::Exchange => {
            let mut days = |name: &str| if fields.has(name) { read_count(fields, name, 0, MAX_COUNT) } else { Some(0) };
            let (half, full) = (days("half_days"), days("full_days"));
            let (half, full) = half.zip(full)?;
            if half == 0 && full == 0 {
                fields.note("full_days", Problem::Missing);
                return None;
            }
            let hours = [(half, rules.half_day), (full, rules.full_day)];
            ("full_days", Amount::Days { half, full }, hours.into_iter().map(|(count, each)| times(count, each)).sum())
        }
        StudyForm::Publication => {
            // One paper a claim, because a year counts one paper an entry (9.4.1.2 c)).
            ("title", Amount::Papers(1), times(1, rules.paper))
        }
        StudyForm::Lecture | StudyForm::Online | StudyForm::Other => {
            let TypedHours(hours) = fields.parsed("hours")?;
            ("hours", Amount::Hours, u64::from(hours.hundredths()))
        }
    };
    let fitting = CreditHours::try_from(TotalHours::from_hundredths(hours)).ok().filter(|hours| hours.fits_an_entry());
    if fitting.is_none() {
        fields.note(field, Problem::mismatch("must be from 0.01 to 100.00 credit hours", "应为 0.01 到 100.00 学时"));
    }
    Some((amount, fitting?))
}

/// In hundredths; neither factor is large enough to overflow.
fn times(count: u32, each: CreditHours) -> u64 {
    u64::from(count) * u64::from(each.hundredths())
}

fn read_count(fields: &mut Fields<'_, '_>, name: &str, min: u32, max: u32) -> Option<u32> {
    let TypedCount(count) = fields.parsed(name)?;
    if !(min..=max).contains(&count) {
        fields.note(name, Problem::Range(min.into(), max.into()));
        return None;
    }
    Some(count)
}

impl ActivityClaim {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let topic = fields.text("topic", MAX_TITLE);
        let place = fields.text("place", MAX_TITLE);
        let date = fields.parsed("date");
        let attendees = read_count(fields, "attendees", 1, MAX_ATTENDEES);
        let attendees_digest = fields.parsed("attendees_digest");
        Some(Self {
            topic: topic?,
            place: place?,
            date: date?,
            attendees: attendees?,
            attendees_digest: attendees_digest?,
        })
    }
}

/// SHA-256 of a list of attendees, which is not kept.
pub fn digest_of_list(list: &[u8]) -> Hash {
    Hash::of(&[list])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn study(form: &str) -> Value {
        json!({
            "kind": "study", "form": form, "title": "六西格玛应用研讨", "organiser": "省质量协会",
            "first_day": "2026-06-01", "last_day": "2026-06-02",
        })
    }

    fn with(mut value: Value, changes: Value) -> Value {
        for (name, change) in changes.as_object().unwrap() {
            value[name] = change.clone();
        }
        value
    }

    #[test]
    fn hours_are_typed_or_converted_by_the_rulebook() {
        let rulebook = Rulebook::embedded();
        for (form, amount, hours) in [
            ("lecture", json!({"hours": "8"}), "8.00"),
            ("lecture", json!({"hours": "1.5"}), "1.50"),
            ("lecture", json!({"hours": "0.25"}), "0.25"),
            ("other", json!({"hours": "100.00", "form_reason": "导师带教"}), "100.00"),
            ("exchange", json!({"half_days": "1"}), "3.00"),
            ("exchange", json!({"half_days": "1", "full_days": "2"}), "15.00"),
            ("publication", json!({}), "5.00"),
        ] {
            let Said::Study(said) = Said::read(with(study(form), amount.clone()), &rulebook).unwrap() else {
                panic!("{form} is study");
            };
            assert_eq!(said.hours.to_string(), hours, "{form} {amount}");
            assert_eq!(said.rulebook, rulebook.editions()[0].version);
        }
    }

    #[test]
    fn every_bad_field_is_named() {
        let rulebook = Rulebook::embedded();
        let lecture = || with(study("lecture"), json!({"hours": "2"}));
        let activity = || {
            json!({
                "kind": "activity", "topic": "质量月", "place": "合肥", "date": "2026-09-01", "attendees": "12",
                "attendees_digest": "a".repeat(64),
            })
        };
        assert!(Said::read(lecture(), &rulebook).is_ok() && Said::read(activity(), &rulebook).is_ok());
        for (input, fields) in [
            (json!([]), vec!["document"]),
            (json!({}), vec!["kind"]),
            (with(lecture(), json!({"kind": "exam"})), vec!["kind"]),
            (with(lecture(), json!({"hours": "1.505", "title": " ", "form": "tv"})), vec!["form", "title", "hours"]),
            (with(lecture(), json!({"hours": "0"})), vec!["hours"]),
            (with(lecture(), json!({"hours": "100.01"})), vec!["hours"]),
            (with(lecture(), json!({"hours": "-1"})), vec!["hours"]),
            (with(lecture(), json!({"last_day": "2026-05-31"})), vec!["last_day"]),
            (with(lecture(), json!({"organiser_code": "123"})), vec!["organiser_code"]),
            (with(lecture(), json!({"form": "other"})), vec!["form_reason"]),
            (with(lecture(), json!({"form": "online"})), vec!["form"]),
            (with(lecture(), json!({"papers": "1"})), vec!["papers"]),
            (study("exchange"), vec!["full_days"]),
            (with(study("exchange"), json!({"half_days": "101"})), vec!["half_days"]),
            (with(study("exchange"), json!({"full_days": "17"})), vec!["full_days"]),
            (with(study("publication"), json!({"papers": "2"})), vec!["papers"]),
            (with(activity(), json!({"attendees": "0", "place": ""})), vec!["place", "attendees"]),
            (with(activity(), json!({"attendees_digest": "x"})), vec!["attendees_digest"]),
        ] {
            let errors = Said::read(input.clone(), &rulebook).unwrap_err();
            let named: Vec<&str> = errors.0.iter().map(|error| error.field.as_str()).collect();
            let missing: Vec<&&str> = fields.iter().filter(|field| !named.contains(field)).collect();
            assert!(missing.is_empty() && !named.is_empty(), "{input}: {named:?}");
        }
    }

    #[test]
    fn the_same_course_has_the_same_code_and_evidence_ascends() {
        let rulebook = Rulebook::embedded();
        let read =
            |changes| Said::read(with(with(study("lecture"), json!({"hours": "2"})), changes), &rulebook).unwrap();
        let hashes = vec![Hash::of(&[b"b"]), Hash::of(&[b"a"]), Hash::of(&[b"b"])];
        let code = |said: &Said| match said.record(hashes.clone(), Reviewer::Clerk).unwrap() {
            Record::Study(study) => {
                assert!(study.evidence.len() == 2 && study.evidence.is_sorted() && study.completes);
                study.course_code.to_string()
            }
            Record::Activity(_) => panic!("study"),
        };
        let first = code(&read(json!({})));
        assert!(first.len() == 12 && first.starts_with("C-"), "{first}");
        assert_eq!(code(&read(json!({"first_day": "2026-05-30", "hours": "7"}))), first);
        assert_ne!(code(&read(json!({"organiser": "市质量协会"}))), first);
        let typed = |organiser: &str, title: &str| code(&read(json!({"organiser": organiser, "title": title})));
        let other = typed("省质量协会(学会)", "QFD 方法");
        assert_eq!(typed("省质量协会（学会）", "ＱＦＤ  方法"), other);
        assert_eq!(typed("省质量 协会(学会)", "qfd方法"), other);
    }
}
