//! Entries: what is recorded (proofs/FORMATS.md section 3). Each type reads from JSON and writes back the same value.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::PUBLIC_KEY_LENGTH;
use serde_json::{Map, Value, json};
use uuid::{Uuid, Version};

use super::fields::{FieldErrors, Fields, Problem};
use super::keys::{Alg, KeyId, Role};
use crate::merkle::Hash;
use crate::standard::{
    CreditCode, CreditHours, Day, MAX_ENTRY_HOURS, RulebookVersion, StudyForm, choice, serde_as_text,
};

/// Longest name of a learner, in code points.
pub const MAX_NAME: usize = 100;
/// Longest course title, topic, reason or organisation name, in code points.
pub const MAX_TITLE: usize = 200;
/// Longest course code, in characters.
pub const MAX_COURSE_CODE: usize = 64;
/// Most evidence files of one entry.
pub const MAX_EVIDENCE: usize = 20;
/// Most days from the first to the last day of one study entry.
pub const MAX_SPAN_DAYS: i64 = 366;
/// Most attendees of one activity.
pub const MAX_ATTENDEES: u32 = 100_000;
/// Longest public key or signature of any algorithm, in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// Longest origin, in characters.
pub const MAX_ORIGIN: usize = 200;

/// The name of a ledger: the key name of its checkpoints, the `ledger` of every entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// A text is not of the form its type needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the required form")]
pub struct FormError;

impl Origin {
    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let edges = bytes.first().zip(bytes.last()).is_some_and(|(a, z)| plain(*a) && plain(*z));
        let inside = bytes.iter().all(|&b| plain(b) || b".-_~/:".contains(&b));
        if edges && inside && text.len() <= MAX_ORIGIN { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares an identifier: a UUID of version 7, written in lower case with hyphens and read in no other form.
macro_rules! uuid_v7 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl TryFrom<Uuid> for $name {
            type Error = FormError;

            fn try_from(uuid: Uuid) -> Result<Self, FormError> {
                let is_v7 = uuid.get_version() == Some(Version::SortRand) && uuid.get_variant() == uuid::Variant::RFC4122;
                if is_v7 { Ok(Self(uuid)) } else { Err(FormError) }
            }
        }

        impl FromStr for $name {
            type Err = FormError;

            fn from_str(text: &str) -> Result<Self, FormError> {
                let id = Self::try_from(Uuid::try_parse(text).map_err(|_| FormError)?)?;
                if id.to_string() == text { Ok(id) } else { Err(FormError) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        serde_as_text!($name);
    };
}

uuid_v7! {
    /// The identifier of an entry.
    EntryId
}
uuid_v7! {
    /// The ledger's identifier of a learner.
    LearnerId
}

choice! {
    /// The kind of an entry. A key may be allowed kinds that this version does not record yet.
    pub enum Kind {
        /// An organised activity.
        Activity = "activity", "培训活动";
        /// The digest of something issued.
        Certificate = "certificate", "证书";
        /// A superseding or voiding of another entry.
        Correction = "correction", "更正";
        /// A key added, retired or revoked.
        Key = "key", "密钥";
        /// A change of state, or the digest of a status list.
        Status = "status", "状态";
        /// Study by a learner.
        Study = "study", "学习";
    }
}

choice! {
    /// Why an entry is corrected. A code list: no free text on the chain's side of things.
    pub enum CorrectionReason {
        /// Wrong hours.
        Hours = "hours", "学时有误";
        /// Wrong dates.
        Dates = "dates", "日期有误";
        /// Wrong course or topic.
        Course = "course", "课程有误";
        /// Wrong name.
        Name = "name", "姓名有误";
        /// The same study recorded twice.
        Duplicate = "duplicate", "重复记录";
        /// The learner was not there.
        NotAttended = "not_attended", "未参加";
        /// Fraud.
        Fraud = "fraud", "弄虚作假";
        /// Anything else.
        Other = "other", "其他";
    }
}

choice! {
    /// Why a key is retired or revoked.
    pub enum KeyReason {
        /// Replaced by a new key as planned.
        Rotation = "rotation", "例行更换";
        /// The private key is lost.
        Lost = "lost", "遗失";
        /// Someone else may hold the private key.
        Compromised = "compromised", "泄露";
        /// The owner no longer records here.
        Ended = "ended", "不再使用";
        /// Anything else.
        Other = "other", "其他";
    }
}

/// A course code: what a provider calls its course.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CourseCode(String);

impl CourseCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CourseCode {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if good && (1..=MAX_COURSE_CODE).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for CourseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(CourseCode);

/// One record: the members of every entry, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The entry's identifier.
    pub id: EntryId,
    /// The ledger it is meant for.
    pub ledger: Origin,
    /// The organisation that records: the owner of every key that signs.
    pub recorder: CreditCode,
    /// The version of the rulebook it was recorded under.
    pub rulebook: RulebookVersion,
    /// What is recorded.
    pub body: Body,
}

/// What an entry records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Study by a learner.
    Study(Learner, Study),
    /// An activity organised by a learner.
    Activity(Learner, Activity),
    /// A correction of another entry.
    Correction(Learner, Correction),
    /// A change of the key register.
    Key(KeyChange),
}

/// Whose hours these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learner {
    /// The ledger's identifier of the learner.
    pub id: LearnerId,
    /// The name, as registered.
    pub name: String,
}

/// Study by a learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Study {
    /// The course is finished with this entry.
    pub completes: bool,
    /// The provider's code of the course.
    pub course_code: CourseCode,
    /// The course's title.
    pub course_title: String,
    /// SHA-256 of each evidence file, ascending.
    pub evidence: Vec<Hash>,
    /// First day of study.
    pub first_day: Day,
    /// Last day of study.
    pub last_day: Day,
    /// How it was studied (9.4.1.2).
    pub form: StudyForm,
    /// What the form was, when it is [`StudyForm::Other`].
    pub form_reason: Option<String>,
    /// Credit hours of this entry.
    pub hours: CreditHours,
}

/// A training activity organised by a learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// How many people attended.
    pub attendees: u32,
    /// SHA-256 of the list of attendees.
    pub attendees_digest: Hash,
    /// The day it was held.
    pub date: Day,
    /// SHA-256 of each evidence file, ascending.
    pub evidence: Vec<Hash>,
    /// What it was about.
    pub topic: String,
}

/// A correction of another entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The entry that is corrected.
    pub target: EntryId,
    /// The commitment of that entry.
    pub target_commitment: Hash,
    /// Why.
    pub reason: CorrectionReason,
    /// What takes its place; nothing when it is voided.
    pub replacement: Option<Record>,
}

/// What a study or activity entry says, and what can take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Study.
    Study(Study),
    /// An organised activity.
    Activity(Activity),
}

/// The owner of a key: an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its unified social credit code.
    pub code: CreditCode,
    /// Its name.
    pub name: String,
}

/// A change of the key register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// A new key.
    Add {
        /// The algorithm.
        alg: Alg,
        /// The public key.
        public: Vec<u8>,
        /// The kinds of entry it may sign, ascending.
        kinds: Vec<Kind>,
        /// Who holds it.
        owner: Owner,
        /// What it is for.
        role: Role,
    },
    /// The key is not used any more.
    Retire {
        /// Which key.
        target: KeyId,
        /// Why.
        reason: KeyReason,
    },
    /// The key is not to be trusted any more.
    Revoke {
        /// Which key.
        target: KeyId,
        /// Why.
        reason: KeyReason,
        /// Entries by this key in blocks from this height on do not count.
        compromised_from: Option<u64>,
    },
}

impl Entry {
    /// Reads an entry; all bad fields are reported together. `path` names the entry in errors.
    pub fn from_value(value: Value, path: &str, errors: &mut FieldErrors) -> Option<Self> {
        let mut fields = Fields::of(value, path, errors)?;
        let id = fields.parsed("id", "must be a UUID of version 7, in lower case", "应为小写的 UUID 第 7 版");
        let ledger = fields.parsed("ledger", "must be the origin of a ledger", "应为账本的名称（origin）");
        let recorder = fields.parsed(
            "recorder",
            "must be a unified social credit code of 18 characters with a right check character",
            "应为 18 位统一社会信用代码，且校验码正确",
        );
        let rulebook =
            fields.parsed("rulebook", "must be a rulebook version such as 2026.1", "应为规则版本，如 2026.1");
        let body = match fields.word("kind") {
            Some(Kind::Study) => {
                read_learner(&mut fields).zip(Study::read(&mut fields)).map(|(l, s)| Body::Study(l, s))
            }
            Some(Kind::Activity) => {
                read_learner(&mut fields).zip(Activity::read(&mut fields)).map(|(l, a)| Body::Activity(l, a))
            }
            Some(Kind::Correction) => {
                read_learner(&mut fields).zip(Correction::read(&mut fields)).map(|(l, c)| Body::Correction(l, c))
            }
            Some(Kind::Key) => KeyChange::read(&mut fields).map(Body::Key),
            Some(Kind::Certificate | Kind::Status) => {
                fields.note("kind", Problem::Choice("activity, correction, key, study".into()));
                return None;
            }
            // Without a kind nobody can say which other members belong here.
            None => return None,
        };
        fields.finish();
        Some(Self { id: id?, ledger: ledger?, recorder: recorder?, rulebook: rulebook?, body: body? })
    }

    /// The JSON value: the inverse of [`Entry::from_value`].
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("id".into(), self.id.to_string().into());
        map.insert("kind".into(), self.kind().as_str().into());
        map.insert("ledger".into(), self.ledger.as_str().into());
        map.insert("recorder".into(), self.recorder.to_string().into());
        map.insert("rulebook".into(), self.rulebook.to_string().into());
        match &self.body {
            Body::Study(learner, study) => {
                map.insert("learner".into(), learner.to_value());
                study.write(&mut map);
            }
            Body::Activity(learner, activity) => {
                map.insert("learner".into(), learner.to_value());
                activity.write(&mut map);
            }
            Body::Correction(learner, correction) => {
                map.insert("learner".into(), learner.to_value());
                correction.write(&mut map);
            }
            Body::Key(change) => change.write(&mut map),
        }
        Value::Object(map)
    }

    /// The kind of the entry.
    pub fn kind(&self) -> Kind {
        match &self.body {
            Body::Study(..) => Kind::Study,
            Body::Activity(..) => Kind::Activity,
            Body::Correction(..) => Kind::Correction,
            Body::Key(_) => Kind::Key,
        }
    }

    /// Whose entry it is; none for a key entry.
    pub fn learner(&self) -> Option<&Learner> {
        match &self.body {
            Body::Study(learner, _) | Body::Activity(learner, _) | Body::Correction(learner, _) => Some(learner),
            Body::Key(_) => None,
        }
    }

    /// What the entry says was done: its own record, or the replacement it brings; none for a void or a key entry.
    pub fn record(&self) -> Option<Record> {
        match &self.body {
            Body::Study(_, study) => Some(Record::Study(study.clone())),
            Body::Activity(_, activity) => Some(Record::Activity(activity.clone())),
            Body::Correction(_, correction) => correction.replacement.clone(),
            Body::Key(_) => None,
        }
    }
}

fn read_learner(fields: &mut Fields<'_>) -> Option<Learner> {
    let path = fields.path_of("learner");
    let value = fields.value("learner")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let id = fields.parsed("id", "must be a UUID of version 7, in lower case", "应为小写的 UUID 第 7 版");
    let name = fields.text("name", MAX_NAME);
    fields.finish();
    Some(Learner { id: id?, name: name? })
}

impl Learner {
    fn to_value(&self) -> Value {
        json!({"id": self.id.to_string(), "name": self.name})
    }
}

impl Record {
    /// `study` or `activity`.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Study(_) => Kind::Study,
            Self::Activity(_) => Kind::Activity,
        }
    }
}

const DAY_EN: &str = "must be a day such as 2026-11-22";
const DAY_ZH: &str = "应为日期，如 2026-11-22";
const HASH_EN: &str = "must be a SHA-256 in 64 lower-case hexadecimal digits";
const HASH_ZH: &str = "应为 SHA-256，64 位小写十六进制";

impl Study {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let completes = fields.boolean("completes");
        let course = read_course(fields);
        let evidence = fields.ascending("evidence", 0, MAX_EVIDENCE, HASH_EN, HASH_ZH);
        let first_day: Option<Day> = fields.parsed("first_day", DAY_EN, DAY_ZH);
        let last_day: Option<Day> = fields.parsed("last_day", DAY_EN, DAY_ZH);
        let form: Option<StudyForm> = fields.word("form");
        let form_reason = match form {
            Some(StudyForm::Other) => fields.text("form_reason", MAX_TITLE).map(Some),
            Some(_) if fields.has("form_reason") => {
                fields.note("form_reason", Problem::NotAllowedHere);
                fields.string("form_reason");
                None
            }
            _ => Some(None),
        };
        let hours = fields
            .integer("hours", 1, u64::from(MAX_ENTRY_HOURS.hundredths()))
            .and_then(|hours| u32::try_from(hours).ok())
            .map(CreditHours::from_hundredths);
        if let Some((first, last)) = first_day.zip(last_day) {
            let days = first.days_until(last);
            if !(0..=MAX_SPAN_DAYS).contains(&days) {
                fields.note(
                    "last_day",
                    Problem::mismatch(
                        format!("must be 0 to {MAX_SPAN_DAYS} days after first_day"),
                        format!("应在 first_day 之后 0 到 {MAX_SPAN_DAYS} 天之内"),
                    ),
                );
            }
        }
        let (course_code, course_title) = course?;
        Some(Self {
            completes: completes?,
            course_code,
            course_title,
            evidence: evidence?,
            first_day: first_day?,
            last_day: last_day?,
            form: form?,
            form_reason: form_reason?,
            hours: hours?,
        })
    }

    fn write(&self, map: &mut Map<String, Value>) {
        map.insert("completes".into(), self.completes.into());
        map.insert("course".into(), json!({"code": self.course_code.as_str(), "title": self.course_title}));
        map.insert("evidence".into(), hashes(&self.evidence));
        map.insert("first_day".into(), self.first_day.to_string().into());
        map.insert("form".into(), self.form.to_string().into());
        if let Some(reason) = &self.form_reason {
            map.insert("form_reason".into(), reason.as_str().into());
        }
        map.insert("hours".into(), self.hours.hundredths().into());
        map.insert("last_day".into(), self.last_day.to_string().into());
    }
}

fn read_course(fields: &mut Fields<'_>) -> Option<(CourseCode, String)> {
    let path = fields.path_of("course");
    let value = fields.value("course")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let code = fields.parsed(
        "code",
        "must be 1 to 64 characters of A-Z a-z 0-9 . _ -",
        "应为 1 到 64 个字符，限 A-Z a-z 0-9 . _ -",
    );
    let title = fields.text("title", MAX_TITLE);
    fields.finish();
    code.zip(title)
}

fn hashes(list: &[Hash]) -> Value {
    list.iter().map(|hash| Value::from(hash.to_string())).collect()
}

impl Activity {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let attendees =
            fields.integer("attendees", 1, u64::from(MAX_ATTENDEES)).and_then(|count| u32::try_from(count).ok());
        let attendees_digest = fields.parsed("attendees_digest", HASH_EN, HASH_ZH);
        let date = fields.parsed("date", DAY_EN, DAY_ZH);
        let evidence = fields.ascending("evidence", 0, MAX_EVIDENCE, HASH_EN, HASH_ZH);
        let topic = fields.text("topic", MAX_TITLE);
        Some(Self {
            attendees: attendees?,
            attendees_digest: attendees_digest?,
            date: date?,
            evidence: evidence?,
            topic: topic?,
        })
    }

    fn write(&self, map: &mut Map<String, Value>) {
        map.insert("attendees".into(), self.attendees.into());
        map.insert("attendees_digest".into(), self.attendees_digest.to_string().into());
        map.insert("date".into(), self.date.to_string().into());
        map.insert("evidence".into(), hashes(&self.evidence));
        map.insert("topic".into(), self.topic.as_str().into());
    }
}

impl Correction {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let reason = fields.word("reason");
        let target = read_target(fields);
        let replacement = match fields.string("action").as_deref() {
            Some("supersede") => read_replacement(fields).map(Some),
            Some("void") if fields.has("replacement") => {
                fields.note("replacement", Problem::NotAllowedHere);
                fields.value("replacement");
                None
            }
            Some("void") => Some(None),
            Some(_) => {
                fields.note("action", Problem::Choice("supersede, void".into()));
                None
            }
            None => None,
        };
        let (target, target_commitment) = target?;
        Some(Self { target, target_commitment, reason: reason?, replacement: replacement? })
    }

    fn write(&self, map: &mut Map<String, Value>) {
        let action = if self.replacement.is_some() { "supersede" } else { "void" };
        map.insert("action".into(), action.into());
        map.insert("reason".into(), self.reason.as_str().into());
        map.insert(
            "target".into(),
            json!({"commitment": self.target_commitment.to_string(), "id": self.target.to_string()}),
        );
        if let Some(record) = &self.replacement {
            let mut replacement = Map::new();
            replacement.insert("kind".into(), record.kind().as_str().into());
            match record {
                Record::Study(study) => study.write(&mut replacement),
                Record::Activity(activity) => activity.write(&mut replacement),
            }
            map.insert("replacement".into(), Value::Object(replacement));
        }
    }
}

fn read_target(fields: &mut Fields<'_>) -> Option<(EntryId, Hash)> {
    let path = fields.path_of("target");
    let value = fields.value("target")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let commitment = fields.parsed("commitment", HASH_EN, HASH_ZH);
    let id = fields.parsed("id", "must be a UUID of version 7, in lower case", "应为小写的 UUID 第 7 版");
    fields.finish();
    id.zip(commitment)
}

fn read_replacement(fields: &mut Fields<'_>) -> Option<Record> {
    let path = fields.path_of("replacement");
    let value = fields.value("replacement")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let record = match fields.string("kind").as_deref() {
        Some("study") => Study::read(&mut fields).map(Record::Study),
        Some("activity") => Activity::read(&mut fields).map(Record::Activity),
        Some(_) => {
            fields.note("kind", Problem::Choice("study, activity".into()));
            return None;
        }
        None => return None,
    };
    fields.finish();
    record
}

const KEY_ID_EN: &str = "must be a key id: 64 lower-case hexadecimal digits";
const KEY_ID_ZH: &str = "应为密钥编号：64 位小写十六进制";

impl KeyChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        match fields.string("action").as_deref() {
            Some("add") => Self::read_add(fields),
            Some(action @ ("retire" | "revoke")) => {
                let target = fields.parsed("target", KEY_ID_EN, KEY_ID_ZH);
                let reason = fields.word("reason");
                if action == "retire" {
                    return Some(Self::Retire { target: target?, reason: reason? });
                }
                let compromised_from = match fields.has("compromised_from") {
                    true => Some(fields.integer("compromised_from", 0, super::json::MAX_INTEGER)?),
                    false => None,
                };
                Some(Self::Revoke { target: target?, reason: reason?, compromised_from })
            }
            Some(_) => {
                fields.note("action", Problem::Choice("add, retire, revoke".into()));
                None
            }
            None => None,
        }
    }

    fn read_add(fields: &mut Fields<'_>) -> Option<Self> {
        let key = read_public_key(fields);
        let owner = read_owner(fields);
        let role: Option<Role> = fields.word("role");
        let kinds: Option<Vec<Kind>> = fields.ascending("kinds", 0, 8, "must be a kind of entry", "应为记录种类");
        if let Some((role, kinds)) = role.zip(kinds.as_ref())
            && !role.may_have(kinds)
        {
            fields.note(
                "kinds",
                Problem::mismatch(
                    format!("a key of role {role} may have: {}", role.kinds_in_words()),
                    format!("角色为 {role} 的密钥可用于：{}", role.kinds_in_words()),
                ),
            );
        }
        let (alg, public) = key?;
        Some(Self::Add { alg, public, kinds: kinds?, owner: owner?, role: role? })
    }

    fn write(&self, map: &mut Map<String, Value>) {
        match self {
            Self::Add { alg, public, kinds, owner, role } => {
                map.insert("action".into(), "add".into());
                map.insert("key".into(), json!({"alg": alg.as_str(), "public": hex::encode(public)}));
                map.insert("kinds".into(), kinds.iter().map(|kind| Value::from(kind.as_str())).collect());
                map.insert("owner".into(), json!({"code": owner.code.to_string(), "name": owner.name}));
                map.insert("role".into(), role.as_str().into());
            }
            Self::Retire { target, reason } => {
                map.insert("action".into(), "retire".into());
                map.insert("reason".into(), reason.as_str().into());
                map.insert("target".into(), target.to_string().into());
            }
            Self::Revoke { target, reason, compromised_from } => {
                map.insert("action".into(), "revoke".into());
                map.insert("reason".into(), reason.as_str().into());
                map.insert("target".into(), target.to_string().into());
                if let Some(height) = compromised_from {
                    map.insert("compromised_from".into(), (*height).into());
                }
            }
        }
    }
}

fn read_public_key(fields: &mut Fields<'_>) -> Option<(Alg, Vec<u8>)> {
    let path = fields.path_of("key");
    let value = fields.value("key")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let alg = fields.parsed("alg", Alg::FORM_EN, Alg::FORM_ZH);
    let public = fields.parsed::<HexBytes>("public", HexBytes::FORM_EN, HexBytes::FORM_ZH);
    check_length(&mut fields, "public", alg.as_ref(), public.as_ref(), PUBLIC_KEY_LENGTH);
    fields.finish();
    Some((alg?, public?.0))
}

fn read_owner(fields: &mut Fields<'_>) -> Option<Owner> {
    let path = fields.path_of("owner");
    let value = fields.value("owner")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let code = fields.parsed(
        "code",
        "must be a unified social credit code of 18 characters with a right check character",
        "应为 18 位统一社会信用代码，且校验码正确",
    );
    let name = fields.text("name", MAX_TITLE);
    fields.finish();
    Some(Owner { code: code?, name: name? })
}

/// Notes a public key or signature that has not the `length` of Ed25519, where that is the algorithm.
pub(super) fn check_length(
    fields: &mut Fields<'_>,
    name: &str,
    alg: Option<&Alg>,
    bytes: Option<&HexBytes>,
    length: usize,
) {
    if alg == Some(&Alg::Ed25519) && bytes.is_some_and(|bytes| bytes.0.len() != length) {
        let en = format!("must be the {length} bytes of Ed25519 in lower-case hexadecimal");
        fields.note(name, Problem::form(en, format!("应为 Ed25519 的 {length} 字节，小写十六进制")));
    }
}

/// 1 to [`MAX_KEY_BYTES`] bytes in lower-case hexadecimal.
pub(super) struct HexBytes(pub(super) Vec<u8>);

impl HexBytes {
    pub(super) const FORM_EN: &'static str = "must be 1 to 256 bytes in lower-case hexadecimal";
    pub(super) const FORM_ZH: &'static str = "应为 1 到 256 字节的小写十六进制";
}

impl FromStr for HexBytes {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
        let bytes = hex::decode(text).map_err(|_| FormError)?;
        if lower && (1..=MAX_KEY_BYTES).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(FormError) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{activity, add_key, all_kinds, read_entry, revoke_key, study, supersede, void, with};
    use super::*;

    type Change = fn(&mut Value);

    /// Each change of a good entry, with the bad fields that it must leave; none where the entry stays good.
    fn check(good: &Value, cases: &[(Change, &str)]) {
        for (change, expected) in cases {
            let value = with(good.clone(), change);
            let found = read_entry(value.clone()).map(|entry| assert_eq!(entry.to_value(), value)).err();
            assert_eq!(found.unwrap_or_default(), *expected, "{value}");
        }
    }

    #[test]
    fn members_of_every_entry() {
        check(
            &study(),
            &[
                (|_| (), ""),
                (|e| e["id"] = "019a0b1c-2d3e-4f40-8a5b-000000000001".into(), "id form"),
                (|e| e["id"] = "019a0b1c-2d3e-7f40-ca5b-000000000001".into(), "id form"),
                (|e| e["id"] = "019A0B1C-2D3E-7F40-8A5B-000000000001".into(), "id form"),
                (|e| e["id"] = "019a0b1c2d3e7f408a5b000000000001".into(), "id form"),
                (|e| e["id"] = 1.into(), "id type"),
                (|e| e["ledger"] = "a".into(), ""),
                (|e| e["ledger"] = "a".repeat(200).into(), ""),
                (|e| e["ledger"] = "a".repeat(201).into(), "ledger form"),
                (|e| e["ledger"] = "example.org/".into(), "ledger form"),
                (|e| e["ledger"] = "Example.org".into(), "ledger form"),
                (|e| e["ledger"] = "".into(), "ledger form"),
                (|e| e["recorder"] = "91110000MA0000000J".into(), "recorder form"),
                (|e| e["recorder"] = "91A10000MA0000000H".into(), "recorder form"),
                (|e| e["rulebook"] = "2026.999".into(), ""),
                (|e| e["rulebook"] = "2026.1000".into(), "rulebook form"),
                (|e| e["rulebook"] = "2026.01".into(), "rulebook form"),
                (|e| e["kind"] = "status".into(), "kind choice"),
                (|e| e["kind"] = "certificate".into(), "kind choice"),
                (|e| e["kind"] = "exam".into(), "kind choice"),
                (|e| e["extra"] = 1.into(), "extra unknown"),
                (|e| drop(e.as_object_mut().unwrap().remove("recorder")), "recorder missing"),
                (|e| *e = json!([]), "document type"),
            ],
        );
    }

    #[test]
    fn study_entries() {
        check(
            &study(),
            &[
                (|e| e["hours"] = 1.into(), ""),
                (|e| e["hours"] = 10_000.into(), ""),
                (|e| e["hours"] = 0.into(), "hours range"),
                (|e| e["hours"] = 10_001.into(), "hours range"),
                (|e| e["hours"] = (-1).into(), "hours range"),
                (|e| e["hours"] = "1".into(), "hours type"),
                (|e| e["completes"] = false.into(), ""),
                (|e| e["completes"] = 1.into(), "completes type"),
                (|e| e["course"]["code"] = "A".repeat(64).into(), ""),
                (|e| e["course"]["code"] = "A".repeat(65).into(), "course.code form"),
                (|e| e["course"]["code"] = "a b".into(), "course.code form"),
                (|e| e["course"]["title"] = "质".repeat(200).into(), ""),
                (|e| e["course"]["title"] = "质".repeat(201).into(), "course.title length"),
                (|e| e["course"]["title"] = "".into(), "course.title length"),
                (|e| e["course"]["x"] = 1.into(), "course.x unknown"),
                (|e| e["evidence"] = json!([]), ""),
                (|e| e["evidence"] = (0..20).map(|i| format!("{i:064x}")).collect(), ""),
                (|e| e["evidence"] = (0..21).map(|i| format!("{i:064x}")).collect(), "evidence length"),
                (|e| e["evidence"] = json!(["2".repeat(64), "1".repeat(64)]), "evidence not_ascending"),
                (|e| e["evidence"] = json!(["1".repeat(64), "1".repeat(64)]), "evidence not_ascending"),
                (|e| e["evidence"][1] = "F".repeat(64).into(), "evidence[1] form"),
                (|e| e["form"] = "tv".into(), "form choice"),
                (|e| e["form_reason"] = "现场".into(), "form_reason not_allowed_here"),
                (|e| e["form"] = "other".into(), "form_reason missing"),
            ],
        );
        let other = with(study(), |e| {
            e["form"] = "other".into();
            e["form_reason"] = "现场".into();
        });
        check(&other, &[(|_| (), ""), (|e| e["form_reason"] = " x".into(), "form_reason space_at_edge")]);
    }

    #[test]
    fn days_of_study() {
        for (first, last, expected) in [
            ("2026-03-02", "2026-03-02", ""),
            ("2026-03-02", "2027-03-03", ""),
            ("2026-03-02", "2027-03-04", "last_day mismatch"),
            ("2026-03-02", "2026-03-01", "last_day mismatch"),
            ("2024-02-29", "2025-03-01", ""),
            ("1900-01-01", "1900-01-01", ""),
            ("2199-12-31", "2199-12-31", ""),
            ("1899-12-31", "1900-01-01", "first_day form"),
            ("2199-12-31", "2200-01-01", "last_day form"),
            ("2025-02-29", "2025-03-01", "first_day form"),
        ] {
            let value = with(study(), |e| {
                e["first_day"] = first.into();
                e["last_day"] = last.into();
            });
            assert_eq!(read_entry(value).err().unwrap_or_default(), expected, "{first} {last}");
        }
    }

    #[test]
    fn names() {
        let refused = [
            ("", "length"),
            (" 李雷", "space_at_edge"),
            ("李雷\u{3000}", "space_at_edge"),
            ("李\u{200b}雷", "text"),
            ("李\u{200d}雷", "text"),
            ("李\u{202e}雷", "text"),
            ("李\u{feff}雷", "text"),
            ("李\u{ad}雷", "text"),
            ("李\n雷", "text"),
            ("\u{e0041}", "text"),
            ("\u{fdd0}", "text"),
            ("\u{10ffff}", "text"),
            ("e\u{301}", "text"),
        ];
        for name in ["李雷", "𠮷田𬭎", "阿依古丽·买买提", "O'Neil", "é"] {
            let value = with(study(), |e| e["learner"]["name"] = name.into());
            assert_eq!(read_entry(value).unwrap().learner().unwrap().name, name);
        }
        for (name, code) in refused {
            let value = with(study(), |e| e["learner"]["name"] = name.into());
            assert_eq!(read_entry(value), Err(format!("learner.name {code}")), "{name:?}");
        }
        for (length, good) in [(100, true), (101, false)] {
            let value = with(study(), |e| e["learner"]["name"] = "𠮷".repeat(length).into());
            assert_eq!(read_entry(value).is_ok(), good, "{length} characters");
        }
    }

    #[test]
    fn activity_entries() {
        check(
            &activity(),
            &[
                (|_| (), ""),
                (|e| e["attendees"] = 100_000.into(), ""),
                (|e| e["attendees"] = 100_001.into(), "attendees range"),
                (|e| e["attendees"] = 0.into(), "attendees range"),
                (|e| e["attendees_digest"] = "a".repeat(63).into(), "attendees_digest form"),
                (|e| e["date"] = "2026-9-15".into(), "date form"),
                (|e| e["topic"] = "".into(), "topic length"),
                (|e| e["hours"] = 1.into(), "hours unknown"),
            ],
        );
    }

    #[test]
    fn correction_entries() {
        check(
            &void(),
            &[
                (|_| (), ""),
                (|e| e["replacement"] = json!({}), "replacement not_allowed_here"),
                (|e| e["action"] = "supersede".into(), "replacement missing"),
                (|e| e["action"] = "undo".into(), "action choice"),
                (|e| e["reason"] = "mood".into(), "reason choice"),
                (|e| e["target"]["commitment"] = "c".into(), "target.commitment form"),
                (|e| e["target"]["x"] = 1.into(), "target.x unknown"),
            ],
        );
        check(
            &supersede(),
            &[
                (|_| (), ""),
                (|e| e["replacement"]["kind"] = "key".into(), "replacement.kind choice"),
                (|e| e["replacement"]["hours"] = 0.into(), "replacement.hours range"),
                (|e| e["replacement"]["learner"] = 0.into(), "replacement.learner unknown"),
                (|e| e["replacement"]["course"]["code"] = "".into(), "replacement.course.code form"),
            ],
        );
    }

    #[test]
    fn key_entries() {
        check(
            &add_key(),
            &[
                (|_| (), ""),
                (|e| e["key"]["public"] = "ab".repeat(31).into(), "key.public form"),
                (|e| e["key"]["public"] = "ab".repeat(33).into(), "key.public form"),
                (|e| e["key"]["public"] = "AB".repeat(32).into(), "key.public form"),
                (|e| e["key"] = json!({"alg": "ML-DSA-44", "public": "ab".repeat(256)}), ""),
                (|e| e["key"] = json!({"alg": "ML-DSA-44", "public": "ab".repeat(257)}), "key.public form"),
                (|e| e["key"]["alg"] = "a b".into(), "key.alg form"),
                (|e| e["kinds"] = json!([]), "kinds mismatch"),
                (|e| e["kinds"] = json!(["key"]), "kinds mismatch"),
                (|e| e["kinds"] = json!(["study", "activity"]), "kinds not_ascending"),
                (|e| e["kinds"] = json!(["activity", "correction", "study"]), ""),
                (|e| e["role"] = "receipt".into(), "kinds mismatch"),
                (|e| e["role"] = "boss".into(), "role choice"),
                (|e| e["owner"]["name"] = "".into(), "owner.name length"),
                (|e| e["reason"] = "lost".into(), "reason unknown"),
            ],
        );
        check(
            &revoke_key(),
            &[
                (|_| (), ""),
                (|e| e["compromised_from"] = 9_007_199_254_740_991_u64.into(), ""),
                (|e| e["compromised_from"] = 9_007_199_254_740_992_u64.into(), "compromised_from range"),
                (|e| e["action"] = "retire".into(), "compromised_from unknown"),
                (|e| e["reason"] = "mood".into(), "reason choice"),
                (|e| e["target"] = "d".into(), "target form"),
            ],
        );
    }

    #[test]
    fn all_bad_fields_are_reported_together() {
        let value = with(study(), |e| {
            e["id"] = 1.into();
            e["hours"] = 0.into();
            e["learner"]["name"] = "".into();
            e["course"] = json!({"code": "a b"});
            e["extra"] = 1.into();
        });
        let expected =
            "course.code form, course.title missing, extra unknown, hours range, id type, learner.name length";
        assert_eq!(read_entry(value), Err(expected.into()));
    }

    #[test]
    fn reading_and_writing_are_inverse() {
        for value in all_kinds() {
            assert_eq!(read_entry(value.clone()).unwrap().to_value(), value);
        }
        bolero::check!().with_iterations(1_000).with_type::<(u8, String, u32, bool)>().for_each(
            |(kind, text, number, flag)| {
                let kinds = all_kinds();
                let value = with(kinds[usize::from(*kind) % kinds.len()].clone(), |e| {
                    for (name, new) in [("topic", json!(text)), ("hours", json!(number)), ("completes", json!(flag))] {
                        if e.get(name).is_some() {
                            e[name] = new;
                        }
                    }
                });
                if let Ok(entry) = read_entry(value.clone()) {
                    assert_eq!(entry.to_value(), value);
                }
            },
        );
    }
}
