//! A learner's certificates: the list, a new one of a year, and their files.

use std::sync::Arc;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::extract::Path;
use super::super::parts::Choice;
use super::super::posted::Posted;
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::words::Words;
use super::super::year::name_of;
use crate::ledger::CertificateNumber;
use crate::ledger::entry::LearnerId;
use crate::service::{Certificate, CertificateState, Error, PaperLanguage, Scope, Service};
use crate::standard::annual::Year;

/// A certificate in the list.
pub(super) struct CertificateRow {
    pub(super) number: String,
    /// What it is about.
    pub(super) about: String,
    pub(super) issued: String,
    pub(super) tone: &'static str,
    pub(super) state: String,
    pub(super) note: String,
    /// Addresses and names of its files; none before it is on the chain.
    pub(super) files: Vec<Choice>,
}

const ZH_PDF: &str = "certificate.pdf";
const EN_PDF: &str = "certificate.en.pdf";
const CREDENTIAL: &str = "certificate.json";
const PROOF: &str = "certificate.proof.json";

/// The list, the newest first. `titles` are the titles of courses by learner and code.
pub(super) fn rows(
    words: Words,
    mut certificates: Vec<Certificate>,
    titles: &[(LearnerId, String, String)],
) -> Vec<CertificateRow> {
    certificates.sort_by_key(|certificate| std::cmp::Reverse(certificate.issued_at));
    certificates.into_iter().map(|certificate| row(words, certificate, titles)).collect()
}

fn row(words: Words, certificate: Certificate, titles: &[(LearnerId, String, String)]) -> CertificateRow {
    let (tone, state, note) = match certificate.state {
        CertificateState::InForce => ("good", "learner-certificate-valid", String::new()),
        CertificateState::Corrected { .. } => {
            ("warn", "learner-certificate-corrected", words.say("learner-certificate-corrected-note"))
        }
        CertificateState::Revoked { at, .. } => ("bad", "learner-certificate-revoked", words.instant(at)),
    };
    let number = certificate.number.to_string();
    let file = |file: &str, key: &str| Choice::new(format!("/my/certificates/{number}/{file}"), words.say(key));
    let files = certificate.position.map(|_| {
        vec![
            file(ZH_PDF, "learner-file-pdf"),
            file(EN_PDF, "learner-file-pdf-en"),
            file(CREDENTIAL, "learner-file-json"),
            file(PROOF, "learner-file-proof"),
        ]
    });
    CertificateRow {
        about: about(words, &certificate, titles),
        issued: words.instant(certificate.issued_at),
        files: files.unwrap_or_default(),
        tone,
        state: words.say(state),
        note,
        number,
    }
}

fn about(words: Words, certificate: &Certificate, titles: &[(LearnerId, String, String)]) -> String {
    match &certificate.scope {
        Scope::Year { year } => name_of(words, Year::Calendar(*year)),
        Scope::Span { first_day, last_day } => words.days(first_day, last_day),
        Scope::Entry { .. } => words.say("learner-certificate-of-entry"),
        Scope::Course { .. } => {
            let code = certificate.course.as_ref().map(ToString::to_string).unwrap_or_default();
            let known = titles.iter().find(|(learner, known, _)| *learner == certificate.learner && *known == code);
            words.with1("learner-certificate-of-course", "course", known.map_or(&code, |(_, _, title)| title))
        }
    }
}

/// Makes the certificate of a year: of each of the person's learners that has something on the chain in it.
pub(super) async fn make(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let year: i16 = posted.text("year").parse().unwrap_or_default();
    let learners = visit.actor.person().map(|person| person.learners.clone()).unwrap_or_default();
    let mut made = false;
    for learner in learners {
        // Pressing twice makes no second one that says the same.
        if visit.app.service.is_year_certified(&visit.actor, learner, year).await? {
            made = true;
            continue;
        }
        match visit.app.service.issue(&visit.actor, json!({"learner": learner, "year": year})).await {
            Ok(_) => made = true,
            // Of this one nothing counts in the year.
            Err(Error::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(visit.lead_with("/my", if made { "learner-certificate-made" } else { "learner-certificate-nothing" }))
}

/// A file of a certificate.
pub(super) async fn download(visit: Visit, Path((number, file)): Path<(String, String)>) -> Result<Response, Trouble> {
    let number: CertificateNumber = number.parse().map_err(|_| Error::NotFound("certificate"))?;
    let (service, actor) = (&visit.app.service, &visit.actor);
    let (content_type, bytes) = match file.as_str() {
        ZH_PDF => ("application/pdf", paper(&visit, &number, PaperLanguage::Zh).await?),
        EN_PDF => ("application/pdf", paper(&visit, &number, PaperLanguage::En).await?),
        CREDENTIAL => ("application/vc+ld+json", service.credential(actor, &number).await?),
        PROOF => ("application/json", service.certificate_proof(actor, &number).await?),
        _ => return Err(Error::NotFound("certificate").into()),
    };
    let name = file.replacen("certificate", number.as_str(), 1);
    Ok(attachment(content_type, &name, bytes))
}

async fn paper(visit: &Visit, number: &CertificateNumber, language: PaperLanguage) -> Result<Vec<u8>, Error> {
    let (actor, number) = (visit.actor.clone(), number.clone());
    visit
        .app
        .to_the_end(move |service: Arc<Service>| async move { service.paper(&actor, &number, language).await })
        .await
}

/// Bytes that are saved under a name.
pub(in super::super) fn attachment(content_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
