//! Reading an hour certificate back, strictly: every member, fixed text and grammar (FORMATS sections 14 and 15).

use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};

use super::hour::{
    ACTIVITIES, CREDIT_HOURS, EMPLOYER, HourCertificate, ID_NUMBER, IDENTIFIER_TYPE, MAX_INDEX, MAX_MINUTES, MAX_ROWS,
    START_OF_DAY, TITLE, contexts, criteria, fixed_achievement, types,
};
use super::issuer::decimal;
use super::masked::MaskedIdNumber;
use super::proof::ProofError;
use super::row::Row;
use super::secured::{MAX_CREDENTIAL, Secured, fixed, read_proofs};
use super::{CredentialError, Did, Site};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Learner, LearnerId, MAX_NAME, MAX_TITLE, Origin, Owner};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::json::{self, Json};
use crate::ledger::keys::KeyId;
use crate::merkle::Hash;
use crate::standard::{CreditHours, Day, RulebookVersion, UnixMillis};

/// What tells an hour certificate from any other file.
pub const CREDENTIAL_MARK: &str = r#""OpenBadgeCredential""#;

/// An hour certificate as read back. Its form is right; whether its proofs are is told by [`HourCredential::verify_jcs`]
/// and [`HourCredential::verify_rdfc`], and whether the chain bears it out is not told here.
#[derive(Debug, Clone)]
pub struct HourCredential {
    certificate: HourCertificate,
    hours_hundredths: u64,
    activities: u64,
    secured: Secured,
}

impl HourCredential {
    /// Reads the exact bytes of `certificate.json`; all bad fields are reported together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CredentialError> {
        if bytes.len() > MAX_CREDENTIAL {
            return Err(CredentialError::TooLarge(MAX_CREDENTIAL));
        }
        let value = json::parse_canonical(bytes)?;
        let mut errors = FieldErrors::default();
        let read = Claims::read(value, &mut errors).and_then(|claims| {
            let secured = Secured::new(bytes, claims.key)?;
            Some(Self {
                certificate: claims.certificate,
                hours_hundredths: claims.hours_hundredths,
                activities: claims.activities,
                secured,
            })
        });
        match read {
            Some(credential) if errors.0.is_empty() => Ok(credential),
            _ => Err(CredentialError::Fields(errors)),
        }
    }

    /// Everything it says. The hours and activities that it claims are those of [`HourCredential::hours_hundredths`] and
    /// [`HourCredential::activities`], which the rows need not add up to.
    pub const fn certificate(&self) -> &HourCertificate {
        &self.certificate
    }

    /// The credit hours that it claims in all, in hundredths.
    pub const fn hours_hundredths(&self) -> u64 {
        self.hours_hundredths
    }

    /// The number of organised activities that it claims.
    pub const fn activities(&self) -> u64 {
        self.activities
    }

    /// Whether the results that it claims are those of its rows.
    pub fn adds_up(&self) -> bool {
        let activities = u64::try_from(self.certificate.activities());
        self.hours_hundredths == self.certificate.total() && activities == Ok(self.activities)
    }

    /// The public key of its proofs.
    pub const fn key(&self) -> &VerifyingKey {
        self.secured.key()
    }

    /// The id of that key in the key register.
    pub fn key_id(&self) -> KeyId {
        self.secured.key_id()
    }

    /// SHA-256 of its exact bytes.
    pub const fn digest(&self) -> &Hash {
        self.secured.digest()
    }

    /// The address of its status list.
    pub fn list_url(&self) -> String {
        self.certificate.site.list_url(self.certificate.list)
    }

    /// Checks the `eddsa-jcs-2022` proof.
    pub fn verify_jcs(&self) -> Result<(), ProofError> {
        self.secured.verify_jcs()
    }

    /// Checks the `eddsa-rdfc-2022` proof.
    pub fn verify_rdfc(&self) -> Result<(), ProofError> {
        self.secured.verify_rdfc()
    }
}

/// What the members say.
struct Claims {
    certificate: HourCertificate,
    hours_hundredths: u64,
    activities: u64,
    key: VerifyingKey,
}

impl Claims {
    fn read(value: Json<'_>, errors: &mut FieldErrors) -> Option<Self> {
        let mut fields = Fields::of(value, "", errors)?;
        fixed(&mut fields, "@context", &contexts());
        let address = read_address(&mut fields);
        fixed(&mut fields, "type", &types());
        fixed(&mut fields, "name", &TITLE.into());
        let issued: Option<UnixMillis> = fields.parsed("validFrom");
        let issuer = read_issuer(&mut fields);
        let subject = Subject::read(&mut fields, address.as_ref().map(|(_, number)| number));
        let rows = read_rows(&mut fields);
        let status = read_status(&mut fields, address.as_ref().map(|(site, _)| site));
        let did = issuer.as_ref().map(|(did, _)| did.as_str());
        let key = read_proofs(&mut fields, &contexts(), issued, did);
        if let Some(((site, _), (key, did))) = address.as_ref().zip(key.zip(did))
            && Did::of(site, &key).as_str() != did
        {
            let problem = Problem::mismatch(
                "must be the DID of the site in id, or of the key of the proofs",
                "应为 id 中网址或证明密钥所对应的 DID",
            );
            fields.note("issuer.id", problem);
        }
        fields.finish();
        let ((site, number), subject, (origin, rows), (list, index)) = (address?, subject?, rows?, status?);
        let certificate = HourCertificate {
            number,
            site,
            origin,
            issuer: issuer?.1,
            issued: issued?,
            learner: subject.learner,
            employer: subject.employer,
            id_number: subject.id_number,
            span: subject.span,
            rulebook: subject.rulebook,
            minutes: subject.minutes,
            rows,
            list,
            index,
        };
        let (hours_hundredths, activities) = subject.results;
        Some(Self { certificate, hours_hundredths, activities, key: key? })
    }
}

fn read_address(fields: &mut Fields<'_, '_>) -> Option<(Site, CertificateNumber)> {
    let id = fields.string("id")?;
    let address = Site::of_certificate_url(&id).ok();
    if address.is_none() {
        let problem =
            Problem::form("must be the site, /v/ and the certificate number", "应为网址、/v/ 与证书编号，且校验码正确");
        fields.note("id", problem);
    }
    address
}

fn read_issuer(fields: &mut Fields<'_, '_>) -> Option<(String, Owner)> {
    let path = fields.path_of("issuer");
    let value = fields.value("issuer")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let did = fields.string("id");
    let name = fields.text("name", MAX_TITLE);
    let code = only(&mut fields, "otherIdentifier").and_then(|(value, path)| {
        let mut fields = Fields::of(value, &path, fields.errors())?;
        let code = fields.parsed("identifier");
        fixed(&mut fields, "identifierType", &IDENTIFIER_TYPE.into());
        fixed(&mut fields, "type", &"IdentifierEntry".into());
        fields.finish();
        code
    });
    fixed(&mut fields, "type", &json!(["Profile"]));
    fields.finish();
    Some((did?, Owner { code: code?, name: name? }))
}

/// The only item of an array, with its path.
fn only<'v>(fields: &mut Fields<'_, 'v>, name: &str) -> Option<(Json<'v>, String)> {
    let path = fields.path_of(name);
    let item = fields.array(name, 1, 1)?.into_iter().next()?;
    Some((item, format!("{path}[0]")))
}

/// What `credentialSubject` says.
struct Subject {
    learner: Learner,
    employer: Option<String>,
    id_number: Option<MaskedIdNumber>,
    span: (Day, Day),
    results: (u64, u64),
    rulebook: RulebookVersion,
    minutes: u32,
}

impl Subject {
    fn read(fields: &mut Fields<'_, '_>, number: Option<&CertificateNumber>) -> Option<Self> {
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
            let value = match kind {
                CREDIT_HOURS => text.parse::<CreditHours>().ok().map(|hours| u64::from(hours.hundredths())),
                _ => decimal(&text),
            };
            if value.is_none() {
                fields.note(
                    "value",
                    Problem::form("must be a number, hours with two decimals", "应为数字，学时保留两位小数"),
                );
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

fn read_rows(fields: &mut Fields<'_, '_>) -> Option<(Origin, Vec<Row>)> {
    let items = fields.array("evidence", 1, MAX_ROWS)?;
    let length = items.len();
    let mut rows = Vec::with_capacity(length);
    let mut first_origin = None;
    let mut seen = std::collections::HashSet::with_capacity(length);
    for (i, item) in items.into_iter().enumerate() {
        let Some(mut fields) = Fields::of(item, &format!("evidence[{i}]"), fields.errors()) else { continue };
        fixed(&mut fields, "type", &json!(["Evidence"]));
        if let Some((origin, row)) = Row::read(&mut fields) {
            if *first_origin.get_or_insert_with(|| origin.clone()) != origin {
                let problem = Problem::mismatch("names another ledger than the first row", "与第一行所属账本不同");
                fields.note("id", problem);
            }
            if !seen.insert(row.commitment) {
                fields.note("id", Problem::mismatch("stands twice", "重复出现"));
            }
            rows.push(row);
        }
        fields.finish();
    }
    if rows.len() == length { first_origin.zip(Some(rows)) } else { None }
}

fn read_status(fields: &mut Fields<'_, '_>, site: Option<&Site>) -> Option<(u32, u32)> {
    let path = fields.path_of("credentialStatus");
    let value = fields.value("credentialStatus")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let list = fields.string("statusListCredential").and_then(|url| {
        let list = Site::of_list_url(&url).ok().filter(|(listed, _)| site.is_none_or(|site| site == listed));
        if list.is_none() {
            let problem = Problem::form(
                "must be the site in id, /status/ and the number of a list",
                "应为 id 中的网址、/status/ 与状态列表编号",
            );
            fields.note("statusListCredential", problem);
        }
        list.map(|(_, list)| (list, url))
    });
    let index = fields.string("statusListIndex").and_then(|text| {
        let index = decimal(&text).and_then(|index| u32::try_from(index).ok()).filter(|index| *index <= MAX_INDEX);
        if index.is_none() {
            fields.note("statusListIndex", Problem::Range(0, MAX_INDEX.into()));
        }
        index
    });
    match list.as_ref().zip(index) {
        Some(((_, url), index)) => fixed(&mut fields, "id", &Value::from(format!("{url}#{index}"))),
        None => drop(fields.string("id")),
    }
    fixed(&mut fields, "statusPurpose", &"revocation".into());
    fixed(&mut fields, "type", &"BitstringStatusListEntry".into());
    fields.finish();
    list.map(|(list, _)| list).zip(index)
}
