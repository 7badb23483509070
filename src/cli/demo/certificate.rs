//! A year certificate of the sample learner: issued and fetched over HTTP, and checked from the disk as a stranger would.

use std::path::Path;

use serde_json::json;

use super::super::Failure;
use super::super::certificate::fetch;
use super::super::client::Client;
use crate::credential::HourCredential;
use crate::credential::verify::{File, Question, verify_files};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::LearnerId;
use crate::ledger::verify::State;
use crate::merkle::TrustPolicy;
use crate::service::clock::{Clock as _, SystemClock};

/// What the files are called.
const STEM: &str = "certificate";
const STATUS: &str = "status";

/// What people are told of the sample certificate.
pub(super) struct Certificate {
    /// Where its QR code leads, the digest after `#`.
    pub(super) address: String,
    /// Its list, at the service.
    pub(super) list: String,
    /// How many rows it has.
    pub(super) rows: usize,
    /// Why there are no PDFs, where there are none.
    pub(super) no_papers: Option<String>,
}

/// Has the certificate of a year issued, and leaves everything there is of it in `dir`.
pub(super) fn write(
    dir: &Path,
    policy: &TrustPolicy,
    client: &Client,
    learner: LearnerId,
    year: i16,
) -> Result<Certificate, Failure> {
    let wanted = json!({"learner": learner.to_string(), "year": year}).to_string();
    let issued = client.post("/api/v1/certificates?wait=sealed", wanted.as_bytes())?.json()?;
    let number: CertificateNumber = issued["number"].as_str().unwrap_or_default().parse().map_err(Failure::new)?;
    let documents = fetch(client, &number)?;
    for (name, bytes) in documents.named(STEM, STATUS) {
        let path = dir.join(name);
        std::fs::write(&path, bytes).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    passes(dir, policy, &["certificate.json", "certificate.proof.json"])?;
    passes(dir, policy, &["status.json", "status.proof.json"])?;
    for (edition, ..) in &documents.papers {
        let pdf = format!("{STEM}{edition}.pdf");
        passes(dir, policy, &[&pdf, &format!("{pdf}.proof.json")])?;
    }
    let read = HourCredential::from_bytes(&documents.credential).map_err(Failure::new)?;
    let certificate = read.certificate();
    Ok(Certificate {
        address: format!("{}#{}", certificate.site.certificate_url(&certificate.number), read.digest()),
        list: certificate.site.list_url(certificate.list),
        rows: certificate.rows.len(),
        no_papers: documents.no_papers,
    })
}

/// All steps of these files, with the status list, must pass or not be needed.
fn passes(dir: &Path, policy: &TrustPolicy, names: &[&str]) -> Result<(), Failure> {
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    };
    let list = read("status.json")?;
    let bytes = names.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<File<'_>> =
        names.iter().zip(&bytes).map(|(name, bytes)| File { name, bytes: Ok(bytes.as_slice()) }).collect();
    let status = [File { name: "status.json", bytes: Ok(&list) }];
    let question = Question { policy: Some(policy), at: None, leaf: None, status: &status, now: SystemClock.now() };
    let verdict = verify_files(&files, question);
    if verdict.exit == 0 {
        return Ok(());
    }
    let steps = verdict.files.iter().flat_map(|file| &file.steps).chain(&verdict.joint.steps);
    let open = steps.filter(|step| matches!(step.state, State::Failed | State::Open));
    let lines: Vec<String> = open.map(|step| format!("{}: {}", step.step.name(), step.detail)).collect();
    Err(Failure::new(format!("{} did not pass ({})\n{}", names.join(", "), verdict.exit, lines.join("\n"))))
}
