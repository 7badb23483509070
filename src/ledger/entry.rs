//! Entries: what is recorded (proofs/FORMATS.md section 3). Each type reads from JSON and writes back the same value.

use ed25519_dalek::PUBLIC_KEY_LENGTH;
use serde_json::{Map, Value, json};

use super::fields::{FieldErrors, Fields, Problem};
use super::json::Json;
use super::keys::{Alg, KeyId, Role};
use crate::merkle::Hash;
use crate::standard::{CreditCode, CreditHours, Day, MAX_ENTRY_HOURS, RulebookVersion, StudyForm};

pub use super::names::{
    CorrectionReason, CourseCode, DocumentKind, EntryId, FormError, HexBytes, KeyReason, Kind, LearnerId, Origin,
    Reviewer, RevocationReason,
};
pub use issued::{IssuedDocument, MAX_LIST, StatusChange};

mod issued;

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
    /// A document that was issued.
    Certificate(IssuedDocument),
    /// A change of the state of certificates.
    Status(StatusChange),
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
    /// In what role the certifying body accepted the claim that became this entry; none for what others recorded.
    pub reviewed_by: Option<Reviewer>,
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
    /// In what role the certifying body accepted the claim that became this entry; none for what others recorded.
    pub reviewed_by: Option<Reviewer>,
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
    pub fn from_value<'v>(value: impl Into<Json<'v>>, path: &str, errors: &mut FieldErrors) -> Option<Self> {
        let mut fields = Fields::of(value, path, errors)?;
        let id = fields.parsed("id");
        let ledger = fields.parsed("ledger");
        let recorder = fields.parsed("recorder");
        let rulebook = fields.parsed("rulebook");
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
            Some(Kind::Certificate) => IssuedDocument::read(&mut fields).map(Body::Certificate),
            Some(Kind::Status) => StatusChange::read(&mut fields).map(Body::Status),
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
            Body::Certificate(issued) => issued.write(&mut map),
            Body::Status(change) => change.write(&mut map),
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
            Body::Certificate(_) => Kind::Certificate,
            Body::Status(_) => Kind::Status,
        }
    }

    /// Whose entry it is; none for what is not about one learner's hours.
    pub fn learner(&self) -> Option<&Learner> {
        match &self.body {
            Body::Study(learner, _) | Body::Activity(learner, _) | Body::Correction(learner, _) => Some(learner),
            Body::Key(_) | Body::Certificate(_) | Body::Status(_) => None,
        }
    }

    /// What the entry says was done: its own record, or the replacement it brings; none for a void and for
    /// what is not about one learner's hours.
    pub fn record(&self) -> Option<Record> {
        match &self.body {
            Body::Study(_, study) => Some(Record::Study(study.clone())),
            Body::Activity(_, activity) => Some(Record::Activity(activity.clone())),
            Body::Correction(_, correction) => correction.replacement.clone(),
            Body::Key(_) | Body::Certificate(_) | Body::Status(_) => None,
        }
    }
}

fn read_learner(fields: &mut Fields<'_, '_>) -> Option<Learner> {
    let path = fields.path_of("learner");
    let value = fields.value("learner")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let id = fields.parsed("id");
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

    /// The members of what takes the place of another record.
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("kind".into(), self.kind().as_str().into());
        match self {
            Self::Study(study) => study.write(&mut members),
            Self::Activity(activity) => activity.write(&mut members),
        }
        members
    }

    /// SHA-256 of each evidence file.
    pub fn evidence(&self) -> &[Hash] {
        match self {
            Self::Study(study) => &study.evidence,
            Self::Activity(activity) => &activity.evidence,
        }
    }

    /// First and last day.
    pub fn days(&self) -> (Day, Day) {
        match self {
            Self::Study(study) => (study.first_day, study.last_day),
            Self::Activity(activity) => (activity.date, activity.date),
        }
    }

    /// In what role the certifying body accepted the claim that it was.
    pub fn reviewed_by(&self) -> Option<Reviewer> {
        match self {
            Self::Study(study) => study.reviewed_by,
            Self::Activity(activity) => activity.reviewed_by,
        }
    }
}

impl Study {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let completes = fields.boolean("completes");
        let course = read_course(fields);
        let evidence = fields.ascending("evidence", 0, MAX_EVIDENCE);
        let first_day: Option<Day> = fields.parsed("first_day");
        let last_day: Option<Day> = fields.parsed("last_day");
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
        let reviewed_by = read_reviewer(fields);
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
            reviewed_by: reviewed_by?,
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
        write_reviewer(self.reviewed_by, map);
    }
}

fn read_course(fields: &mut Fields<'_, '_>) -> Option<(CourseCode, String)> {
    let path = fields.path_of("course");
    let value = fields.value("course")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let code = fields.parsed("code");
    let title = fields.text("title", MAX_TITLE);
    fields.finish();
    code.zip(title)
}

/// The optional member `reviewed_by`; nothing when it is there and wrong.
fn read_reviewer(fields: &mut Fields<'_, '_>) -> Option<Option<Reviewer>> {
    if fields.has("reviewed_by") { fields.word("reviewed_by").map(Some) } else { Some(None) }
}

fn write_reviewer(reviewer: Option<Reviewer>, map: &mut Map<String, Value>) {
    if let Some(reviewer) = reviewer {
        map.insert("reviewed_by".into(), reviewer.as_str().into());
    }
}

fn hashes(list: &[Hash]) -> Value {
    list.iter().map(|hash| Value::from(hash.to_string())).collect()
}

impl Activity {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let attendees =
            fields.integer("attendees", 1, u64::from(MAX_ATTENDEES)).and_then(|count| u32::try_from(count).ok());
        let attendees_digest = fields.parsed("attendees_digest");
        let date = fields.parsed("date");
        let evidence = fields.ascending("evidence", 0, MAX_EVIDENCE);
        let reviewed_by = read_reviewer(fields);
        let topic = fields.text("topic", MAX_TITLE);
        Some(Self {
            attendees: attendees?,
            attendees_digest: attendees_digest?,
            date: date?,
            evidence: evidence?,
            reviewed_by: reviewed_by?,
            topic: topic?,
        })
    }

    fn write(&self, map: &mut Map<String, Value>) {
        map.insert("attendees".into(), self.attendees.into());
        map.insert("attendees_digest".into(), self.attendees_digest.to_string().into());
        map.insert("date".into(), self.date.to_string().into());
        map.insert("evidence".into(), hashes(&self.evidence));
        write_reviewer(self.reviewed_by, map);
        map.insert("topic".into(), self.topic.as_str().into());
    }
}

impl Correction {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
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
            map.insert("replacement".into(), Value::Object(record.to_members()));
        }
    }
}

fn read_target(fields: &mut Fields<'_, '_>) -> Option<(EntryId, Hash)> {
    let path = fields.path_of("target");
    let value = fields.value("target")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let commitment = fields.parsed("commitment");
    let id = fields.parsed("id");
    fields.finish();
    id.zip(commitment)
}

fn read_replacement(fields: &mut Fields<'_, '_>) -> Option<Record> {
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

impl KeyChange {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        match fields.string("action").as_deref() {
            Some("add") => Self::read_add(fields),
            Some(action @ ("retire" | "revoke")) => {
                let target = fields.parsed("target");
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

    fn read_add(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let key = read_public_key(fields);
        let owner = read_owner(fields);
        let role: Option<Role> = fields.word("role");
        let kinds: Option<Vec<Kind>> = fields.ascending("kinds", 0, 8);
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

fn read_public_key(fields: &mut Fields<'_, '_>) -> Option<(Alg, Vec<u8>)> {
    let path = fields.path_of("key");
    let value = fields.value("key")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let alg = fields.parsed("alg");
    let public = fields.parsed::<HexBytes>("public");
    check_length(&mut fields, "public", alg.as_ref(), public.as_ref(), PUBLIC_KEY_LENGTH);
    fields.finish();
    Some((alg?, public?.0))
}

fn read_owner(fields: &mut Fields<'_, '_>) -> Option<Owner> {
    let path = fields.path_of("owner");
    let value = fields.value("owner")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let code = fields.parsed("code");
    let name = fields.text("name", MAX_TITLE);
    fields.finish();
    Some(Owner { code: code?, name: name? })
}

/// Notes a public key or signature that has not the `length` of Ed25519, where that is the algorithm.
pub(super) fn check_length(
    fields: &mut Fields<'_, '_>,
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

#[cfg(test)]
mod tests;
