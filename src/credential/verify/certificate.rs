//! Checking an hour certificate against the bundle that serves it and the status lists (FORMATS section 16).

use std::fmt;

use serde_json::Value;

use super::bundles::{Bundles, Issued};
use super::list::CheckedList;
use super::{check_proofs, read_form};
use crate::credential::{CredentialError, HourCertificate, HourCredential, Row, SignedStatusList, StatusList, rows};
use crate::ledger::entry::{Body, DocumentKind, Record};
use crate::ledger::verify::{Counted, Message, ProvenEntry, State, Step, StepReport, Steps, counted};
use crate::merkle::Hash;
use crate::standard::{Day, TotalHours, UnixMillis};

const STEPS: &[Step] =
    &[Step::Form, Step::Proof, Step::ProofRdfc, Step::Issued, Step::Issuer, Step::Evidence, Step::InForce];

/// Every step of a certificate; of `lists` only those count all of whose steps passed.
pub(super) fn check(
    read: &Result<HourCredential, CredentialError>,
    bundles: &Bundles<'_>,
    lists: &[CheckedList<'_>],
    moment: UnixMillis,
) -> Vec<StepReport> {
    let mut steps = Steps::new(STEPS);
    run(&mut steps, read, bundles, lists, moment);
    steps.close()
}

/// Goes from step to step; ends early after a failed one.
fn run(
    steps: &mut Steps,
    read: &Result<HourCredential, CredentialError>,
    bundles: &Bundles<'_>,
    lists: &[CheckedList<'_>],
    moment: UnixMillis,
) -> Option<()> {
    let credential = steps.step(Step::Form, read_form(read, form_message))?;
    if !check_proofs(steps, || credential.verify_jcs(), || credential.verify_rdfc()) {
        return None;
    }
    let Some(served) = bundles.first_serving(credential) else {
        if let Some(other) = other_digest(credential, bundles) {
            return steps.step(Step::Issued, Err(other));
        }
        steps.open(
            Step::Issued,
            Message::new(
                "没有证明包证明此证书已签发：请一并提供 certificate.proof.json",
                "no bundle proves that this certificate was issued: give its certificate.proof.json too",
            ),
        );
        let unserved = || Message::new("没有此证书的证明包", "there is no bundle that serves this certificate");
        steps.open(Step::Issuer, unserved());
        steps.open(Step::Evidence, unserved());
        let (state, detail) = judge_force(credential, None, bundles, lists, moment);
        steps.note(Step::InForce, state, detail);
        return Some(());
    };
    steps.step(Step::Issued, check_issued(credential, &served).map(|said| (said, ())))?;
    let issuer = check_issuer(credential, &served, bundles);
    if issuer.is_ok() && !served.bundle.is_trusted() {
        steps.open(
            Step::Issuer,
            Message::new(
                "未给出信任策略，不知道该信任谁的密钥登记册",
                "no trust policy: nobody's key register is trusted",
            ),
        );
    } else {
        steps.step(Step::Issuer, issuer.map(|said| (said, ())))?;
    }
    let hours: Vec<ProvenEntry> = without(&served.bundle.report.entries, served.entry);
    let counted = steps.step(Step::Evidence, check_evidence(credential, &served, &hours))?;
    let (state, detail) = judge_force(credential, Some(&counted), bundles, lists, moment);
    steps.note(Step::InForce, state, detail);
    Some(())
}

fn form_message(credential: &HourCredential) -> Message {
    let certificate = credential.certificate();
    let (number, name, count) = (&certificate.number, &certificate.learner.name, certificate.rows.len());
    let total = TotalHours::from_hundredths(credential.hours_hundredths());
    Message::new(
        format!("证书 {number}，{name}，{count} 行，合计 {total} 学时"),
        format!("certificate {number} of {name}, {count} rows, {total} credit hours in all"),
    )
}

/// A certificate entry for the same number and another digest.
fn other_digest(credential: &HourCredential, bundles: &Bundles<'_>) -> Option<Message> {
    let certificate = credential.certificate();
    let other = bundles.issued(&certificate.origin, &certificate.number, DocumentKind::Credential).next()?;
    let (digest, issued) = (credential.digest(), other.issued.sha256);
    Some(Message::new(
        format!("以此编号上链的是另一份证书：摘要应为 {issued}，实为 {digest}"),
        format!("another document was issued under this number: expected the digest {issued}, found {digest}"),
    ))
}

fn check_issued(credential: &HourCredential, served: &Issued<'_>) -> Result<Message, Message> {
    let (issued, sealed_at) = (credential.certificate().issued, served.entry.sealed_at);
    if issued > sealed_at {
        return Err(Message::new(
            format!("validFrom：签发时刻 {issued} 晚于上链时间 {sealed_at}"),
            format!("validFrom: issued at {issued}, after it was sealed at {sealed_at}"),
        ));
    }
    let number = served.entry.attestation_number();
    Ok(Message::new(
        format!("此证书的摘要已上链（存证编号 {number}，{sealed_at}）"),
        format!("the digest of this very certificate is on the chain ({number}, sealed at {sealed_at})"),
    ))
}

fn check_issuer(credential: &HourCredential, served: &Issued<'_>, bundles: &Bundles<'_>) -> Result<Message, Message> {
    let (id, issuer) = (credential.key_id(), &credential.certificate().issuer);
    let signatures = served.entry.signed.signatures();
    let [signature] = signatures else {
        let count = signatures.len();
        return Err(Message::new(
            format!("签发记录有 {count} 个签名，应恰有 1 个"),
            format!("the certificate entry has {count} signatures, expected exactly 1"),
        ));
    };
    if signature.key != id {
        return Err(differs("proof.verificationMethod", signature.key, id));
    }
    let key = served.bundle.register.key(id).map_err(|error| Message::new(error.to_string(), error.to_string()))?;
    if key.owner.code != issuer.code {
        return Err(differs("issuer.otherIdentifier[0].identifier", &key.owner.code, &issuer.code));
    }
    if key.owner.name != issuer.name {
        return Err(differs("issuer.name", &key.owner.name, &issuer.name));
    }
    let (origin, height) = (&credential.certificate().origin, served.entry.height);
    let of_ledger = bundles.iter().filter(|bundle| bundle.origin() == Some(origin));
    let compromised = of_ledger.filter_map(|bundle| bundle.register.key(id).ok()?.compromised_from);
    if let Some(from) = compromised.min().filter(|from| *from <= height) {
        return Err(Message::new(
            format!("签发密钥已撤销，自区块 {from} 起不再可信；签发记录在区块 {height}"),
            format!(
                "the issuer's key was revoked, compromised from block {from}; the certificate entry is in block {height}"
            ),
        ));
    }
    let name = &issuer.name;
    Ok(Message::new(
        format!("由 {name}（{}）的签发密钥签署", issuer.code),
        format!("signed by an issuer key of {name} ({})", issuer.code),
    ))
}

/// The entries but one.
fn without(entries: &[ProvenEntry], left_out: &ProvenEntry) -> Vec<ProvenEntry> {
    entries.iter().filter(|entry| entry.commitment != left_out.commitment).cloned().collect()
}

/// Holds rows and totals against the entries; passes on the commitments of the entries that count.
fn check_evidence(
    credential: &HourCredential,
    served: &Issued<'_>,
    hours: &[ProvenEntry],
) -> Result<(Message, Vec<Hash>), Message> {
    let certificate = credential.certificate();
    let counted = counted(hours)?;
    for entry in &counted {
        check_learner(certificate, entry.last)?;
        check_span(certificate, entry)?;
    }
    let expected = rows(hours, served.bundle.register)?;
    check_rows(certificate, &expected)?;
    check_results(credential, &expected)?;
    let rulebook = served.entry.signed.entry().rulebook;
    if rulebook != certificate.rulebook {
        return Err(differs("credentialSubject.achievement.criteria.narrative", rulebook, certificate.rulebook));
    }
    let total = TotalHours::from_hundredths(credential.hours_hundredths());
    let (count, activities) = (expected.len(), credential.activities());
    let detail = Message::new(
        format!("{count} 行与链上记录逐项一致，重新相加得 {total} 学时、{activities} 次活动"),
        format!(
            "{count} rows are those of the entries; added up again, {total} credit hours and {activities} activities"
        ),
    );
    Ok((detail, counted.iter().map(|entry| *entry.last.commitment.hash()).collect()))
}

fn check_learner(certificate: &HourCertificate, entry: &ProvenEntry) -> Result<(), Message> {
    let number = entry.attestation_number();
    let Some(learner) = entry.signed.entry().learner() else { return Ok(()) };
    let shown = &certificate.learner;
    let (field, expected, found) = match () {
        () if learner.id != shown.id => {
            ("credentialSubject.id", format!("urn:uuid:{}", learner.id), format!("urn:uuid:{}", shown.id))
        }
        () if learner.name != shown.name => ("credentialSubject.name", learner.name.clone(), shown.name.clone()),
        () => return Ok(()),
    };
    let Message { zh, en } = differs(field, expected, found);
    Err(Message::new(
        format!("存证编号 {number} 属于另一学员：{zh}"),
        format!("entry {number} is another learner's: {en}"),
    ))
}

fn check_span(certificate: &HourCertificate, entry: &Counted<'_>) -> Result<(), Message> {
    let day: Day = match &entry.record {
        Record::Study(study) => study.last_day,
        Record::Activity(activity) => activity.date,
    };
    let (first, last) = certificate.span;
    let field = match () {
        () if day < first => "credentialSubject.activityStartDate",
        () if day > last => "credentialSubject.activityEndDate",
        () => return Ok(()),
    };
    let number = entry.last.attestation_number();
    Err(Message::new(
        format!("{field}：存证编号 {number} 的日期 {day} 不在 {first} 至 {last} 之内"),
        format!("{field}: entry {number} is of {day}, outside {first} to {last}"),
    ))
}

/// Element by element; an entry that is missing or does not count is named as such.
fn check_rows(certificate: &HourCertificate, expected: &[Row]) -> Result<(), Message> {
    let found = &certificate.rows;
    let lacks = |rows: &[Row], row: &Row| rows.iter().all(|other| other.commitment != row.commitment);
    if let Some(at) = found.iter().position(|row| lacks(expected, row)) {
        let number = found[at].attestation_number();
        return Err(Message::new(
            format!("evidence[{at}]：存证编号 {number} 不在证明包的有效记录之中（未出示、已被更正或作废）"),
            format!(
                "evidence[{at}]: entry {number} is none of those that count in the bundle: not shown, superseded or voided"
            ),
        ));
    }
    if let Some(missing) = expected.iter().find(|row| lacks(found, row)) {
        let number = missing.attestation_number();
        return Err(Message::new(
            format!("evidence：缺少证明包中的有效记录，存证编号 {number}"),
            format!("evidence: entry {number} of the bundle counts and is not there"),
        ));
    }
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (found, expected) = (found.to_value(&certificate.origin), expected.to_value(&certificate.origin));
        check_row(at, &expected, &found)?;
    }
    Ok(())
}

fn check_row(at: usize, expected: &Value, found: &Value) -> Result<(), Message> {
    const MEMBERS: [&str; 5] = ["id", "name", "genre", "description", "narrative"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match MEMBERS.iter().find(|name| expected[**name] != found[**name]) {
        Some(name) => Err(differs(format!("evidence[{at}].{name}"), text(&expected[*name]), text(&found[*name]))),
        None => Ok(()),
    }
}

/// The hours and activities are added up again.
fn check_results(credential: &HourCredential, rows: &[Row]) -> Result<(), Message> {
    let hours: TotalHours = rows.iter().filter_map(|row| row.hours).sum();
    let claimed = TotalHours::from_hundredths(credential.hours_hundredths());
    if hours != claimed {
        return Err(differs("credentialSubject.result[0].value", hours, claimed));
    }
    let activities = rows.iter().filter(|row| row.hours.is_none()).count();
    if u64::try_from(activities) != Ok(credential.activities()) {
        return Err(differs("credentialSubject.result[1].value", activities, credential.activities()));
    }
    Ok(())
}

/// Whether something that is known of at the moment takes the certificate's force away. `counted` are the commitments of
/// the entries that it holds, when these could be checked.
fn judge_force(
    credential: &HourCredential,
    counted: Option<&[Hash]>,
    bundles: &Bundles<'_>,
    lists: &[CheckedList<'_>],
    moment: UnixMillis,
) -> (State, Message) {
    let certificate = credential.certificate();
    let corrects = |entry: &&ProvenEntry| match &entry.signed.entry().body {
        Body::Correction(_, correction) => {
            entry.signed.entry().ledger == certificate.origin
                && counted.is_some_and(|counted| counted.contains(&correction.target_commitment))
        }
        _ => false,
    };
    if let Some(correction) = bundles.entries().find(corrects) {
        let number = correction.attestation_number();
        let detail = Message::new(
            format!("证书中的一条记录后来被更正（存证编号 {number}）"),
            format!("an entry of the certificate was corrected later by entry {number}"),
        );
        return (State::Failed, detail);
    }
    let url = credential.list_url();
    let usable: Vec<&StatusList> = lists
        .iter()
        .filter(|list| list.is_by(&certificate.origin, &certificate.issuer.code))
        .filter_map(|list| list.good.map(SignedStatusList::list))
        .filter(|list| list.url() == url)
        .collect();
    let covering = || usable.iter().filter(|list| list.valid_from <= moment && moment < list.valid_until);
    let Some(newest) = covering().map(|list| list.valid_from).max() else {
        return (State::Open, no_list(&url, moment, usable.len()));
    };
    let index = certificate.index;
    if covering().any(|list| list.valid_from == newest && list.is_set(index)) {
        let detail = Message::new(
            format!("已撤销或已更正：{newest} 的状态清单第 {index} 位已置位"),
            format!("revoked, or an entry of it was corrected: bit {index} of the status list of {newest} is set"),
        );
        return (State::Failed, detail);
    }
    if counted.is_none() {
        let detail = Message::new("学时明细无法核验", "its evidence could not be checked");
        return (State::Open, detail);
    }
    let detail = Message::new(
        format!("{moment} 未撤销：据 {newest} 的状态清单"),
        format!("not revoked at {moment}, by the status list of {newest}"),
    );
    (State::Passed, detail)
}

fn no_list(url: &str, moment: UnixMillis, others: usize) -> Message {
    if others > 0 {
        return Message::new(
            format!("所给状态清单的有效期不含 {moment}；请从 {url} 取得当时的版本"),
            format!("no status list given is valid at {moment}; get the edition of that time from {url}"),
        );
    }
    Message::new(
        format!("没有可用的状态清单（--status）：是否已撤销，请从 {url} 取得"),
        format!("no usable status list (--status): whether it was revoked is told by {url}"),
    )
}

/// The field that differs, what it should be, and what it is.
fn differs(field: impl fmt::Display, expected: impl fmt::Display, found: impl fmt::Display) -> Message {
    Message::new(
        format!("{field}：应为 {expected}，实为 {found}"),
        format!("{field}: expected {expected}, found {found}"),
    )
}
