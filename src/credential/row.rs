//! The rows of a certificate: one element of `evidence` for each counted entry (FORMATS section 14).

use serde_json::{Value, json};

use super::issuer::decimal;
use crate::ledger::block::MAX_BATCH;
use crate::ledger::entry::{CourseCode, MAX_ATTENDEES, MAX_SPAN_DAYS, MAX_TITLE, Origin, Record};
use crate::ledger::fields::{Fields, Problem, check_text};
use crate::ledger::json::MAX_INTEGER;
use crate::ledger::keys::KeyRegister;
use crate::ledger::verify::{self, Counted, Message, ProvenEntry};
use crate::merkle::Hash;
use crate::standard::{CreditHours, Day, StudyForm, UnixMillis};

/// What stands before origin and commitment in the id of a row.
const URN: &str = "urn:cqo-ledger:";

/// One counted entry on a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The commitment of the counted entry.
    pub commitment: Hash,
    /// The title of the course, or the topic of the activity.
    pub title: String,
    /// The code of the course; none for an activity.
    pub course_code: Option<CourseCode>,
    /// The name of the training provider.
    pub provider: String,
    /// How it was studied, or that it was an activity.
    pub form: RowForm,
    /// What the form was, exactly when it is [`StudyForm::Other`].
    pub form_reason: Option<String>,
    /// The first day of study, or the day of the activity.
    pub first_day: Day,
    /// The last day of study, or the day of the activity.
    pub last_day: Day,
    /// Credit hours; none for an activity.
    pub hours: Option<CreditHours>,
    /// How many attended an activity; none for study.
    pub attendees: Option<u32>,
    /// The height of the block that holds the entry.
    pub height: u64,
    /// Its position in the batch.
    pub index: u64,
    /// When it was sealed 上链时间.
    pub sealed_at: UnixMillis,
}

/// How a row came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowForm {
    /// Study, in this form.
    Study(StudyForm),
    /// An organised activity.
    Activity,
}

impl RowForm {
    const ACTIVITY: &'static str = "activity";

    /// The word in `genre`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Study(form) => form.as_str(),
            Self::Activity => Self::ACTIVITY,
        }
    }

    /// The name in Chinese text.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Study(form) => form.chinese(),
            Self::Activity => "组织培训活动",
        }
    }
}

/// The rows of the counted entries in chain order, for issuing and for verifying alike. `entries` are those of one
/// bundle without its certificate entry, `register` is the key register of its tip.
pub fn rows(entries: &[ProvenEntry], register: &KeyRegister) -> Result<Vec<Row>, Message> {
    verify::counted(entries)?.into_iter().map(|counted| Row::of(counted, register)).collect()
}

impl Row {
    fn of(counted: Counted<'_>, register: &KeyRegister) -> Result<Self, Message> {
        let first = &counted.first.signed;
        let unknown = || Message {
            zh: format!("记录 {} 的签名密钥不在登记册中", first.entry().id),
            en: format!("the key that signed entry {} is not in the register", first.entry().id),
        };
        let signature = first.signatures().first().ok_or_else(unknown)?;
        let provider = register.key(signature.key).map_err(|_| unknown())?.owner.name.clone();
        let Counted { last: entry, record, .. } = counted;
        let (height, index, sealed_at) = (entry.height, entry.index, entry.sealed_at);
        let commitment = *entry.commitment.hash();
        Ok(match record {
            Record::Study(study) => Self {
                commitment,
                title: study.course_title,
                course_code: Some(study.course_code),
                provider,
                form: RowForm::Study(study.form),
                form_reason: study.form_reason,
                first_day: study.first_day,
                last_day: study.last_day,
                hours: Some(study.hours),
                attendees: None,
                height,
                index,
                sealed_at,
            },
            Record::Activity(activity) => Self {
                commitment,
                title: activity.topic,
                course_code: None,
                provider,
                form: RowForm::Activity,
                form_reason: None,
                first_day: activity.date,
                last_day: activity.date,
                hours: None,
                attendees: Some(activity.attendees),
                height,
                index,
                sealed_at,
            },
        })
    }

    /// The attestation number 存证编号 of the entry.
    pub fn attestation_number(&self) -> String {
        format!("{}-{}", self.height, self.index)
    }

    /// The element of `evidence`.
    pub fn to_value(&self, origin: &Origin) -> Value {
        json!({
            "description": self.description(), "genre": self.form.as_str(), "id": evidence_id(origin, &self.commitment),
            "name": self.title, "narrative": self.narrative(), "type": ["Evidence"],
        })
    }

    fn description(&self) -> String {
        let (provider, first_day, last_day) = (&self.provider, self.first_day, self.last_day);
        if self.form == RowForm::Activity {
            return format!("培训机构 {provider}；{first_day}；参加人数 {}", self.attendees.unwrap_or_default());
        }
        let code = self.course_code.as_ref().map_or("", CourseCode::as_str);
        let reason = self.form_reason.as_ref().map_or(String::new(), |reason| format!("；形式说明 {reason}"));
        format!("课程 {code}；培训机构 {provider}；{first_day} 至 {last_day}{reason}")
    }

    fn narrative(&self) -> String {
        let said = match self.hours {
            Some(hours) => format!("{hours} 学时"),
            None => "组织培训活动 1 次".to_owned(),
        };
        format!("{said}；上链时间 {}；存证编号 {}", self.sealed_at, self.attestation_number())
    }

    /// Reads an element of `evidence`, with the origin that it names.
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<(Origin, Self)> {
        let id = fields.string("id").and_then(|id| {
            let read = read_evidence_id(&id);
            if read.is_none() {
                fields.note(
                    "id",
                    Problem::form(
                        "must be urn:cqo-ledger:, the origin with / as %2F and : as %3A, a colon and a commitment",
                        "应为 urn:cqo-ledger: 加账本名称（/ 写作 %2F，: 写作 %3A）、冒号与承诺值",
                    ),
                );
            }
            read
        });
        let title = fields.text("name", MAX_TITLE);
        let form = fields.string("genre").and_then(|word| {
            let form = match word.as_str() {
                RowForm::ACTIVITY => Some(RowForm::Activity),
                word => word.parse().ok().map(RowForm::Study),
            };
            if form.is_none() {
                let words: Vec<&str> = StudyForm::ALL.iter().map(|form| form.as_str()).collect();
                fields.note("genre", Problem::Choice(format!("{}, {}", words.join(", "), RowForm::ACTIVITY)));
            }
            form
        });
        let description = fields.string("description");
        let narrative = fields.string("narrative");
        let form = form?;
        let description = description.and_then(|text| {
            let read = Description::read(form, &text);
            if read.is_none() {
                fields.note(
                    "description",
                    Problem::form(
                        format!(
                            "must name provider, days (the last one 0 to {MAX_SPAN_DAYS} days after the first) and \
                             what else belongs to the form"
                        ),
                        format!("应按形式写明培训机构、日期（末日在首日之后 0 到 {MAX_SPAN_DAYS} 天之内）等"),
                    ),
                );
            }
            read
        });
        let narrative = narrative.and_then(|text| {
            let read = Narrative::read(form, &text);
            if read.is_none() {
                fields.note(
                    "narrative",
                    Problem::form(
                        format!(
                            "must name hours (0.01 to 100.00) or the activity, the time of sealing and the \
                             attestation number (an index below {MAX_BATCH})"
                        ),
                        format!("应写明学时（0.01 到 100.00）或活动、上链时间与存证编号（序号小于 {MAX_BATCH}）"),
                    ),
                );
            }
            read
        });
        let ((origin, commitment), description, narrative) = (id?, description?, narrative?);
        let row = Self {
            commitment,
            title: title?,
            course_code: description.course_code,
            provider: description.provider,
            form,
            form_reason: description.form_reason,
            first_day: description.first_day,
            last_day: description.last_day,
            hours: narrative.hours,
            attendees: description.attendees,
            height: narrative.height,
            index: narrative.index,
            sealed_at: narrative.sealed_at,
        };
        Some((origin, row))
    }
}

fn evidence_id(origin: &Origin, commitment: &Hash) -> String {
    let origin = origin.as_str().replace('/', "%2F").replace(':', "%3A");
    format!("{URN}{origin}:{commitment}")
}

fn read_evidence_id(id: &str) -> Option<(Origin, Hash)> {
    let (origin, commitment) = id.strip_prefix(URN)?.split_once(':')?;
    let origin: Origin = origin.replace("%2F", "/").replace("%3A", ":").parse().ok()?;
    let commitment = commitment.parse().ok()?;
    // A slash that stood there as such is another spelling.
    (evidence_id(&origin, &commitment) == id).then_some((origin, commitment))
}

/// A text of an entry: 1 to 200 code points, no space at its ends.
fn text(text: &str) -> Option<String> {
    check_text(text, MAX_TITLE).ok().map(|()| text.to_owned())
}

/// What `description` tells.
struct Description {
    course_code: Option<CourseCode>,
    provider: String,
    first_day: Day,
    last_day: Day,
    attendees: Option<u32>,
    form_reason: Option<String>,
}

impl Description {
    fn read(form: RowForm, description: &str) -> Option<Self> {
        let RowForm::Study(form) = form else { return Self::read_activity(description) };
        if form != StudyForm::Other {
            return Self::read_study(description, None);
        }
        // A provider or a reason may hold the words between them: any way to read it will do.
        description.match_indices(REASON).find_map(|(at, between)| {
            let reason = text(&description[at + between.len()..])?;
            Self::read_study(&description[..at], Some(reason))
        })
    }

    fn read_study(description: &str, form_reason: Option<String>) -> Option<Self> {
        let (code, rest) = description.strip_prefix("课程 ")?.split_once("；培训机构 ")?;
        let (provider, days) = rest.rsplit_once('；')?;
        let (first_day, last_day) = days.split_once(" 至 ")?;
        let (first_day, last_day): (Day, Day) = (first_day.parse().ok()?, last_day.parse().ok()?);
        (0..=MAX_SPAN_DAYS).contains(&first_day.days_until(last_day)).then_some(())?;
        Some(Self {
            course_code: Some(code.parse().ok()?),
            provider: text(provider)?,
            first_day,
            last_day,
            attendees: None,
            form_reason,
        })
    }

    fn read_activity(description: &str) -> Option<Self> {
        let (rest, attendees) = description.strip_prefix("培训机构 ")?.rsplit_once("；参加人数 ")?;
        let (provider, date) = rest.rsplit_once('；')?;
        let date = date.parse().ok()?;
        let attendees = decimal(attendees).and_then(|count| u32::try_from(count).ok())?;
        Some(Self {
            course_code: None,
            provider: text(provider)?,
            first_day: date,
            last_day: date,
            attendees: (1..=MAX_ATTENDEES).contains(&attendees).then_some(Some(attendees))?,
            form_reason: None,
        })
    }
}

const REASON: &str = "；形式说明 ";

/// What `narrative` tells.
struct Narrative {
    hours: Option<CreditHours>,
    height: u64,
    index: u64,
    sealed_at: UnixMillis,
}

impl Narrative {
    fn read(form: RowForm, narrative: &str) -> Option<Self> {
        let (said, rest) = narrative.split_once("；上链时间 ")?;
        let (sealed_at, number) = rest.split_once("；存证编号 ")?;
        let (height, index) = number.split_once('-')?;
        let hours = match form {
            RowForm::Activity => (said == "组织培训活动 1 次").then_some(None)?,
            RowForm::Study(_) => {
                let hours: CreditHours = said.strip_suffix(" 学时")?.parse().ok()?;
                hours.fits_an_entry().then_some(Some(hours))?
            }
        };
        let height = decimal(height).filter(|height| *height <= MAX_INTEGER)?;
        let index = decimal(index).filter(|index| *index < MAX_BATCH)?;
        Some(Self { hours, height, index, sealed_at: sealed_at.parse().ok()? })
    }
}
