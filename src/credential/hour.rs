//! The hour certificate 首席质量官培训学时证明 as its issuer writes it (FORMATS section 14).

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde_json::{Map, Value, json};

use super::context::{CREDENTIALS_V2, OPEN_BADGES_V3};
use super::masked::MaskedIdNumber;
use super::read::HourCredential;
use super::row::{Row, RowForm};
use super::{CredentialError, Did, Site, secured};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Learner, Origin, Owner};
use crate::standard::{CreditHours, Day, RulebookVersion, TotalHours, UnixMillis};

/// Most rows of a certificate.
pub const MAX_ROWS: usize = 1_000;
/// Most credit hours of all rows together: each of them at its most.
pub const MAX_TOTAL: CreditHours = CreditHours::from_hundredths(10_000_000);
/// Most minutes of a credit hour.
pub const MAX_MINUTES: u32 = 999;
/// The greatest index in a status list.
pub const MAX_INDEX: u32 = 131_071;

pub(super) const TITLE: &str = "首席质量官培训学时证明";
const DESCRIPTION: &str =
    "首席质量官在起止日期内已上链的培训学时 Training hours of a chief quality officer, sealed on the chain";
pub(super) const CREDIT_HOURS: &str = "urn:cqo-ledger:result:credit-hours";
pub(super) const ACTIVITIES: &str = "urn:cqo-ledger:result:activities";
pub(super) const IDENTIFIER_TYPE: &str = "ext:unifiedSocialCreditCode";
pub(super) const EMPLOYER: &str = "ext:employer";
pub(super) const ID_NUMBER: &str = "nationalIdentityNumber";

/// An hour certificate. What stands in it is checked when it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourCertificate {
    /// Its number 证书编号.
    pub number: CertificateNumber,
    /// Where it is verified.
    pub site: Site,
    /// The ledger that holds its entries.
    pub origin: Origin,
    /// Who issues it.
    pub issuer: Owner,
    /// When it is issued.
    pub issued: UnixMillis,
    /// Whose hours these are.
    pub learner: Learner,
    /// The organisation the learner serves, if known.
    pub employer: Option<String>,
    /// The learner's masked ID number, if given.
    pub id_number: Option<MaskedIdNumber>,
    /// First and last day of the period it is about.
    pub span: (Day, Day),
    /// The version of the rulebook it is issued under.
    pub rulebook: RulebookVersion,
    /// How many minutes a credit hour has.
    pub minutes: u32,
    /// One row for each counted entry, in chain order.
    pub rows: Vec<Row>,
    /// The number of its status list.
    pub list: u32,
    /// Its index in that list.
    pub index: u32,
}

impl HourCertificate {
    /// All credit hours together, in hundredths.
    pub fn total(&self) -> u64 {
        self.total_hours().hundredths()
    }

    fn total_hours(&self) -> TotalHours {
        self.rows.iter().filter_map(|row| row.hours).sum()
    }

    /// How many activities were organised.
    pub fn activities(&self) -> usize {
        self.rows.iter().filter(|row| row.form == RowForm::Activity).count()
    }

    /// Signs the certificate: the exact bytes of `certificate.json`. What could not be read back is refused, with the
    /// names of all its bad fields.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, CredentialError> {
        let public = key.verifying_key();
        let did = Did::of(&self.site, &public);
        let bytes = secured::sign(self.to_value(&public), &did, self.issued, key)?;
        HourCredential::from_bytes(&bytes)?;
        Ok(bytes)
    }

    /// The credential without its proofs, as this key issues it.
    pub fn to_value(&self, key: &VerifyingKey) -> Value {
        let list = self.site.list_url(self.list);
        json!({
            "@context": contexts(),
            "credentialStatus": {
                "id": format!("{list}#{}", self.index), "statusListCredential": list,
                "statusListIndex": self.index.to_string(), "statusPurpose": "revocation",
                "type": "BitstringStatusListEntry",
            },
            "credentialSubject": self.subject(),
            "evidence": self.rows.iter().map(|row| row.to_value(&self.origin)).collect::<Vec<_>>(),
            "id": self.site.certificate_url(&self.number),
            "issuer": {
                "id": Did::of(&self.site, key).as_str(), "name": self.issuer.name,
                "otherIdentifier": [{
                    "identifier": self.issuer.code.as_str(), "identifierType": IDENTIFIER_TYPE, "type": "IdentifierEntry",
                }],
                "type": ["Profile"],
            },
            "name": TITLE,
            "type": types(),
            "validFrom": self.issued.to_string(),
        })
    }

    fn subject(&self) -> Value {
        let learner = self.learner.id.to_string();
        let mut identifiers = vec![identity("systemId", &learner)];
        identifiers.extend(self.employer.as_ref().map(|name| identity(EMPLOYER, name)));
        identifiers.extend(self.id_number.as_ref().map(|number| identity(ID_NUMBER, number.as_str())));
        json!({
            "achievement": self.achievement(),
            "activityEndDate": day_in_china(self.span.1), "activityStartDate": day_in_china(self.span.0),
            "id": format!("urn:uuid:{learner}"), "identifier": identifiers, "name": self.learner.name,
            "result": [
                result(CREDIT_HOURS, &self.total_hours().to_string()), result(ACTIVITIES, &self.activities().to_string()),
            ],
            "type": ["AchievementSubject"],
        })
    }

    fn achievement(&self) -> Value {
        let mut achievement = fixed_achievement();
        achievement.insert("criteria".into(), json!({"narrative": criteria(self.minutes, self.rulebook)}));
        achievement.insert("humanCode".into(), self.number.to_string().into());
        Value::Object(achievement)
    }
}

/// The members of `achievement` that are the same in every certificate.
pub(super) fn fixed_achievement() -> Map<String, Value> {
    let description = |id: &str, name: &str, kind: &str| json!({"id": id, "name": name, "resultType": kind, "type": ["ResultDescription"]});
    Map::from_iter([
        ("achievementType".to_owned(), json!("CertificateOfCompletion")),
        ("description".to_owned(), json!(DESCRIPTION)),
        ("id".to_owned(), json!("urn:cqo-ledger:achievement:hours")),
        ("inLanguage".to_owned(), json!("zh")),
        ("name".to_owned(), json!(TITLE)),
        (
            "resultDescription".to_owned(),
            json!([
                description(CREDIT_HOURS, "学时 credit hours", "ext:CreditHours"),
                description(ACTIVITIES, "组织培训活动 activities organised", "ext:Activities"),
            ]),
        ),
        ("type".to_owned(), json!(["Achievement"])),
    ])
}

/// The value of `@context`.
pub(super) fn contexts() -> Value {
    json!([CREDENTIALS_V2, OPEN_BADGES_V3])
}

/// The value of `type`.
pub(super) fn types() -> Value {
    json!(["VerifiableCredential", "OpenBadgeCredential"])
}

/// What a credit hour is, and what the chain shows.
pub(super) fn criteria(minutes: u32, rulebook: RulebookVersion) -> String {
    format!("1 学时 = {minutes} 分钟（规则 {rulebook}）。所列学时自上链时间起未被篡改；不证明其内容属实。")
}

/// The first moment of a day in UTC+8, as `activityStartDate` has it.
pub(super) fn day_in_china(day: Day) -> String {
    format!("{day}{START_OF_DAY}")
}

/// What follows the day in `activityStartDate` and `activityEndDate`.
pub(super) const START_OF_DAY: &str = "T00:00:00+08:00";

fn identity(kind: &str, value: &str) -> Value {
    json!({"hashed": false, "identityHash": value, "identityType": kind, "type": "IdentityObject"})
}

fn result(description: &str, value: &str) -> Value {
    json!({"resultDescription": description, "type": ["Result"], "value": value})
}
