//! Reading an hour certificate back, strictly: every member, fixed text and grammar (FORMATS sections 14 and 15).

use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};

use super::hour::{HourCertificate, IDENTIFIER_TYPE, MAX_INDEX, MAX_ROWS, TITLE, contexts, types};
use super::issuer::decimal;
use super::proof::ProofError;
use super::row::Row;
use super::secured::{Secured, fixed, read_proofs};
use super::subject::Subject;
use super::{CredentialError, Did, Site};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{MAX_TITLE, Origin, Owner};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::json::Json;
use crate::ledger::keys::KeyId;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// What tells an hour certificate from any other file.
pub const CREDENTIAL_MARK: &str = r#""OpenBadgeCredential""#;

/// What UTC+8 is ahead of UTC, in milliseconds.
const UTC8_MILLIS: i64 = 8 * 3_600_000;

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
        let (Claims { certificate, hours_hundredths, activities }, secured) = Secured::read(bytes, Claims::read)?;
        Ok(Self { certificate, hours_hundredths, activities, secured })
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
}

impl Claims {
    fn read(value: Json<'_>, errors: &mut FieldErrors) -> Option<(Self, VerifyingKey)> {
        let mut fields = Fields::of(value, "", errors)?;
        fixed(&mut fields, "@context", &contexts());
        let address = read_address(&mut fields);
        fixed(&mut fields, "type", &types());
        fixed(&mut fields, "name", &TITLE.into());
        let issued: Option<UnixMillis> = fields.parsed("validFrom");
        let issuer = read_issuer(&mut fields);
        let number = address.as_ref().map(|(_, number)| number);
        check_number(&mut fields, number, issued, issuer.as_ref().map(|(_, owner)| owner));
        let subject = Subject::read(&mut fields, number);
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
        Some((Self { certificate, hours_hundredths, activities }, key?))
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

/// The year and the region of the number are those of the day of issue and of the issuer (FORMATS section 13).
fn check_number(
    fields: &mut Fields<'_, '_>,
    number: Option<&CertificateNumber>,
    issued: Option<UnixMillis>,
    issuer: Option<&Owner>,
) {
    let Some(number) = number else { return };
    // A year of five digits is that of no number.
    if issued.is_some_and(|issued| !in_china(issued).is_some_and(|moment| moment.starts_with(number.year()))) {
        let problem = Problem::mismatch(
            "must have a number of the year of validFrom in UTC+8",
            "证书编号的年份应为 validFrom 的东八区年份",
        );
        fields.note("id", problem);
    }
    if issuer.is_some_and(|issuer| issuer.code.as_str().get(2..8) != Some(number.region())) {
        let problem = Problem::mismatch(
            "must have a number of the region of the issuer's credit code",
            "证书编号的行政区划应与签发机构的统一社会信用代码相同",
        );
        fields.note("id", problem);
    }
}

/// A moment as clocks in UTC+8 show it; none after the year 9999.
fn in_china(moment: UnixMillis) -> Option<String> {
    let millis = moment.millis().checked_add(UTC8_MILLIS)?;
    UnixMillis::new(millis).ok().map(|moment| moment.to_string())
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
