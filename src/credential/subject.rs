//! Reading `credentialSubject` of an hour certificate: who, when, how much, and under which rule (FORMATS section 14).

use serde_json::json;

use super::hour::{
    ACTIVITIES, CREDIT_HOURS, EMPLOYER, ID_NUMBER, MAX_MINUTES, MAX_ROWS, MAX_TOTAL, START_OF_DAY, criteria,
    fixed_achievement,
};
use super::issuer::decimal;
use super::masked::MaskedIdNumber;
use super::secured::fixed;
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Learner, LearnerId, MAX_NAME, MAX_TITLE};
use crate::ledger::fields::{Fields, Problem};
use crate::standard::{CreditHours, Day, RulebookVersion};

/// What `credentialSubject` says.
pub(super) struct Subject {
    pub(super) learner: Learner,
    pub(super) employer: Option<String>,
    pub(super) id_number: Option<MaskedIdNumber>,
    pub(super) span: (Day, Day),
    pub(super) results: (u64, u64),
    pub(super) rulebook: RulebookVersion,
    pub(super) minutes: u32,
}

impl Subject {
    pub(super) fn read(fields: &mut Fields<'_, '_>, number: Option<&CertificateNumber>) -> Option<Self> {
        let path = fields.path_of("credentialSubject");
        let value = fields.value("credentialSubject")?;
        let mut fields = Fields::of(value, &path, fields.errors())?;
        let id = fields.string("id").and_then(|id| {
            let learner: Option<LearnerId> = id.strip_prefix("urn:uuid:").and_then(|id| id.parse().ok());
            if learner.is_none() {
                let problem = Problem::form("must be urn:uuid: and the learner's id", "应为 urn:uuid: 加学员编号");
                fields.note("id", problem);
            }
            learner
        });
        let name = fields.text("name", MAX_NAME);
        let identifiers = Identifiers::read(&mut fields, id);
        let first_day = read_day(&mut fields, "activityStartDate");
        let last_day = read_day(&mut fields, "activityEndDate");
        if first_day.zip(last_day).is_some_and(|(first, last)| last < first) {
            let problem = Problem::mismatch("must not be before activityStartDate", "不应早于 activityStartDate");
            fields.note("activityEndDate", problem);
        }
        let results = read_results(&mut fields);
        let criteria = read_achievement(&mut fields, number);
        fixed(&mut fields, "type", &json!(["AchievementSubject"]));
        fields.finish();
        let (Identifiers { employer, id_number }, (minutes, rulebook)) = (identifiers?, criteria?);
        Some(Self {
            learner: Learner { id: id?, name: name? },
            employer,
            id_number,
            span: (first_day?, last_day?),
            results: results?,
            rulebook,
            minutes,
        })
    }
}

/// What `identifier` says besides the learner's id.
struct Identifiers {
    employer: Option<String>,
    id_number: Option<MaskedIdNumber>,
}

impl Identifiers {
    fn read(fields: &mut Fields<'_, '_>, learner: Option<LearnerId>) -> Option<Self> {
        let path = fields.path_of("identifier");
        let items = fields.array("identifier", 1, 3)?;
        let mut identifiers = Self { employer: None, id_number: None };
        let mut good = true;
        // Each item stands for one of these, in this order, and only the first one must be there.
        let mut open: &[&str] = &["systemId", EMPLOYER, ID_NUMBER];
        for (i, item) in items.into_iter().enumerate() {
            let mut fields = Fields::of(item, &format!("{path}[{i}]"), fields.errors())?;
            fixed(&mut fields, "hashed", &false.into());
            fixed(&mut fields, "type", &"IdentityObject".into());
            let kind = fields.string("identityType");
            let expected = if i == 0 { &open[..1] } else { open };
            let place = kind.and_then(|kind| expected.iter().position(|known| *known == kind));
            let Some(place) = place else {
                fields.note("identityType", Problem::Choice(expected.join(", ")));
                return None;
            };
            good &= match expected[place] {
                EMPLOYER => {
                    identifiers.employer = fields.text("identityHash", MAX_TITLE);
                    identifiers.employer.is_some()
                }
                ID_NUMBER => {
                    identifiers.id_number = fields.parsed("identityHash");
                    identifiers.id_number.is_some()
                }
                _ => {
                    let id: Option<LearnerId> = fields.parsed("identityHash");
                    if let Some((id, learner)) = id.zip(learner).filter(|(id, learner)| id != learner) {
                        let problem = Problem::mismatch(
                            format!("names {id}, and credentialSubject.id names {learner}"),
                            format!("为 {id}，而 credentialSubject.id 为 {learner}"),
                        );
                        fields.note("identityHash", problem);
                    }
                    id.is_some()
                }
            };
            fields.finish();
            open = &open[place + 1..];
        }
        good.then_some(identifiers)
    }
}

fn read_day(fields: &mut Fields<'_, '_>, name: &str) -> Option<Day> {
    let text = fields.string(name)?;
    let day = text.strip_suffix(START_OF_DAY).and_then(|day| day.parse().ok());
    if day.is_none() {
        let form = format!("a day and {START_OF_DAY}");
        fields.note(name, Problem::form(format!("must be {form}"), format!("应为日期加 {START_OF_DAY}")));
    }
    day
}

fn read_results(fields: &mut Fields<'_, '_>) -> Option<(u64, u64)> {
    let path = fields.path_of("result");
    let results = fields.array("result", 2, 2)?;
    let mut read = results.into_iter().zip([CREDIT_HOURS, ACTIVITIES]).enumerate().map(|(i, (result, kind))| {
        let mut fields = Fields::of(result, &format!("{path}[{i}]"), fields.errors())?;
        fixed(&mut fields, "resultDescription", &kind.into());
        fixed(&mut fields, "type", &json!(["Result"]));
        let value = fields.string("value").and_then(|text| {
            let (value, problem) = match kind {
                CREDIT_HOURS => {
                    let hours = text.parse().ok().filter(|hours: &CreditHours| *hours <= MAX_TOTAL);
                    let problem = Problem::form(
                        format!("must be hours with two decimals, from 0.00 to {MAX_TOTAL}"),
                        format!("应为 0.00 到 {MAX_TOTAL} 的学时，保留两位小数"),
                    );
                    (hours.map(|hours| u64::from(hours.hundredths())), problem)
                }
                _ => {
                    let activities =
                        decimal(&text).filter(|count| usize::try_from(*count).is_ok_and(|n| n <= MAX_ROWS));
                    let problem = Problem::form(
                        format!("must be a decimal number from 0 to {MAX_ROWS}"),
                        format!("应为 0 到 {MAX_ROWS} 的整数"),
                    );
                    (activities, problem)
                }
            };
            if value.is_none() {
                fields.note("value", problem);
            }
            value
        });
        fields.finish();
        value
    });
    let (hours, activities) = (read.next().flatten(), read.next().flatten());
    hours.zip(activities)
}

fn read_achievement(fields: &mut Fields<'_, '_>, number: Option<&CertificateNumber>) -> Option<(u32, RulebookVersion)> {
    let path = fields.path_of("achievement");
    let value = fields.value("achievement")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    for (name, value) in &fixed_achievement() {
        fixed(&mut fields, name, value);
    }
    let code = fields.string("humanCode");
    if code.zip(number).is_some_and(|(code, number)| code != number.as_str()) {
        fields.note("humanCode", Problem::mismatch("must be the number in id", "应与 id 中的证书编号相同"));
    }
    let path = fields.path_of("criteria");
    let narrative = fields.value("criteria").and_then(|value| {
        let mut fields = Fields::of(value, &path, fields.errors())?;
        let narrative = fields.string("narrative").and_then(|text| {
            let read = read_criteria(&text);
            if read.is_none() {
                let problem = Problem::form(
                    "must be the fixed text with minutes from 1 to 999 and a rulebook version",
                    "应为固定文字，分钟数 1 到 999，并写明规则版本",
                );
                fields.note("narrative", problem);
            }
            read
        });
        fields.finish();
        narrative
    });
    fields.finish();
    narrative
}

fn read_criteria(text: &str) -> Option<(u32, RulebookVersion)> {
    let (minutes, rest) = text.strip_prefix("1 学时 = ")?.split_once(" 分钟（规则 ")?;
    let minutes = decimal(minutes).and_then(|minutes| u32::try_from(minutes).ok())?;
    let rulebook = rest.split_once('）')?.0.parse().ok()?;
    ((1..=MAX_MINUTES).contains(&minutes) && criteria(minutes, rulebook) == text).then_some((minutes, rulebook))
}
