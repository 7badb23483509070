//! A verdict for programs: what `cqo-ledger verify --json` prints.

use serde_json::{Value, json};

use super::{Report, Verdict};
use crate::credential::{Did, HourCredential, Row};
use crate::ledger::verify::{LearnerTotal, StepReport};

impl Verdict {
    /// The verdict as JSON.
    pub fn to_value(&self) -> Value {
        let files: Vec<Value> = self.files.iter().map(Report::to_value).collect();
        let learners: Vec<Value> = self.joint.learners.iter().map(learner).collect();
        json!({"exit": self.exit, "files": files, "joint": {"steps": steps(&self.joint.steps), "learners": learners}})
    }
}

impl Report {
    fn to_value(&self) -> Value {
        let kind = self.kind.as_ref().ok().map(|kind| kind.name());
        let mut value = json!({"file": self.name, "kind": kind, "steps": steps(&self.steps)});
        if let Err(error) = &self.kind {
            value["error"] = error.en.as_str().into();
            value["error_zh"] = error.zh.as_str().into();
        }
        if let Some(credential) = &self.credential {
            value["certificate"] = certificate(credential);
        }
        value
    }
}

fn steps(reports: &[StepReport]) -> Vec<Value> {
    reports
        .iter()
        .map(|report| {
            json!({"step": report.step.name(), "state": report.state.name(), "detail": report.detail.en, "detail_zh": report.detail.zh})
        })
        .collect()
}

fn learner(total: &LearnerTotal) -> Value {
    json!({
        "id": total.id.to_string(),
        "name": total.name,
        "hours": total.hours_hundredths,
        "entries": total.entries,
        "activities": total.activities,
    })
}

/// What a certificate says, to compare with the paper (FORMATS section 16, "For programs"). Hours are in hundredths.
fn certificate(credential: &HourCredential) -> Value {
    let certificate = credential.certificate();
    let (issuer, did) = (&certificate.issuer, Did::of(&certificate.site, credential.key()));
    json!({
        "number": certificate.number.as_str(),
        "name": certificate.learner.name,
        "learner": certificate.learner.id.to_string(),
        "employer": certificate.employer,
        "id_number": certificate.id_number.as_ref().map(|number| number.as_str()),
        "first_day": certificate.span.0.to_string(),
        "last_day": certificate.span.1.to_string(),
        "rows": certificate.rows.iter().map(row).collect::<Vec<Value>>(),
        "total": credential.hours_hundredths(),
        "activities": credential.activities(),
        "minutes": certificate.minutes,
        "rulebook": certificate.rulebook.to_string(),
        "issuer": {"code": issuer.code.as_str(), "name": issuer.name, "did": did.as_str()},
        "issued": certificate.issued.to_string(),
        "origin": certificate.origin.as_str(),
        "address": certificate.site.certificate_url(&certificate.number),
        "status": {"list": credential.list_url(), "index": certificate.index},
        "sha256": credential.digest().to_string(),
    })
}

fn row(row: &Row) -> Value {
    json!({
        "title": row.title,
        "course_code": row.course_code.as_ref().map(|code| code.as_str()),
        "provider": row.provider,
        "form": row.form.as_str(),
        "form_reason": row.form_reason,
        "first_day": row.first_day.to_string(),
        "last_day": row.last_day.to_string(),
        "hours": row.hours.map(|hours| hours.hundredths()),
        "attendees": row.attendees,
        "sealed_at": row.sealed_at.to_string(),
        "attestation_number": row.attestation_number(),
        "commitment": row.commitment.to_string(),
    })
}
