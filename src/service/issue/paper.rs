//! Certificates on paper: rendered when they are asked for, from the credential and its frozen proof, to the same bytes each time.
//!
//! An edition is recorded before it is handed out: its digest in a `certificate` entry of its own, which has its place when
//! the answer goes out. So a printed page that anybody holds can be proven to be ours.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{CERTIFICATES, DOCUMENTS, DocumentRow, DocumentWhat, PaperRow};
use super::PaperLanguage;
use super::freeze::not_yet;
use super::outbox::to_send;
use crate::credential::{HourCertificate, HourCredential};
use crate::document::{DocumentError, Fonts, Language, hour_certificate, is_common};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Body, DocumentKind, IssuedDocument};
use crate::ledger::fields::Problem;
use crate::merkle::Hash;
use crate::store::Commit;

/// The fonts of a service: a hundred megabytes, so they are read when the first page is printed, or the first name comes
/// that needs them.
#[derive(Default)]
pub(in crate::service) struct FontCase {
    /// Where to look first, once the service was told to print.
    configured: OnceLock<Option<PathBuf>>,
    loaded: OnceLock<Result<Arc<Fonts>, String>>,
}

impl From<PaperLanguage> for Language {
    fn from(language: PaperLanguage) -> Self {
        match language {
            PaperLanguage::Zh => Self::Chinese,
            PaperLanguage::En => Self::English,
        }
    }
}

impl Service {
    /// Lets this service print, and says now whether it can. Without fonts everything works but PDFs.
    pub fn use_fonts(&self, configured: Option<&Path>) {
        if let Err(error) = Fonts::find(configured) {
            tracing::warn!(error = format!("{} {error}", error.zh()), "no certificate can be printed");
        }
        // Told twice, it stays with the first.
        let _ = self.fonts.configured.set(configured.map(Path::to_path_buf));
    }

    /// A certificate as PDF.
    pub async fn paper(
        self: &Arc<Self>,
        actor: &Actor,
        number: &CertificateNumber,
        language: PaperLanguage,
    ) -> Result<Vec<u8>, Error> {
        self.allow(actor, Action::ReadCertificates)?;
        let row = self.certificate_row(actor, number).await?;
        row.head.frozen.ok_or_else(|| not_yet("the certificate"))?;
        let fonts = self.fonts()?;
        let credential = self.read_credential(number.as_str(), &row).await?;
        let proof = self.frozen_proof(number.as_str(), &row).await?;
        let render = move || render(&fonts, language, &credential, &proof);
        let pdf = self.checks.run_patiently(vec![render]).await?.pop();
        let pdf = pdf.ok_or_else(|| Error::internal("nothing was rendered"))??;
        self.record_paper(number, language, Hash::of(&[&pdf])).await?;
        Ok(pdf)
    }

    /// Sees to it that an edition is recorded before it is handed out.
    async fn record_paper(
        self: &Arc<Self>,
        number: &CertificateNumber,
        language: PaperLanguage,
        sha256: Hash,
    ) -> Result<(), Error> {
        let mut issuing = self.issuing.lock().await;
        let row = CERTIFICATES.get(&*self.store, number.as_str()).await?;
        let mut row = row.ok_or(Error::NotFound("certificate"))?.value;
        if row.head.papers.iter().any(|paper| paper.sha256 == sha256) {
            return Ok(());
        }
        let issuer = self.issuer()?;
        let said = IssuedDocument { document: DocumentKind::Pdf, number: number.clone(), sha256 };
        let said = issuer.sign(self, Body::Certificate(said))?;
        let entry = said.entry().id.uuid();
        row.head.papers.push(PaperRow { language, sha256, entry });
        let document = DocumentRow { entry, what: DocumentWhat::Paper(number.to_string()) };
        let event = self.event(&Actor::Operator, "print", format!("{number} {language}"));
        // A crash after this leaves an edition that is recorded and was handed to nobody, which harms nobody.
        let commit = Commit::new(event)
            .write(CERTIFICATES.put(number.as_str(), &row)?)
            .write(DOCUMENTS.put(&sha256, &document)?)
            .write(to_send(&said)?);
        self.store.commit(commit).await?;
        self.flush_outbox(&mut issuing).await
    }

    /// The proof that the newest edition in a language was issued, under the newest checkpoint.
    pub async fn paper_proof(
        &self,
        actor: &Actor,
        number: &CertificateNumber,
        language: PaperLanguage,
    ) -> Result<Vec<u8>, Error> {
        let row = self.certificate_row(actor, number).await?;
        let newest = row.head.papers.iter().rev().find(|paper| paper.language == language);
        self.proof_of_own(newest.ok_or(Error::NotFound("PDF"))?.entry).await
    }

    fn fonts(&self) -> Result<Arc<Fonts>, Error> {
        let none = || Error::CannotIssue("本服务没有加载字体 this service has loaded no fonts".into());
        let configured = self.fonts.configured.get().ok_or_else(none)?;
        let loaded = self.fonts.loaded.get_or_init(|| {
            let fonts = Fonts::load(configured.as_deref());
            let fonts = fonts.map(Arc::new).map_err(|error| format!("{} {error}", error.zh()));
            match &fonts {
                Ok(fonts) => tracing::info!(digest = %fonts.digest(), "fonts for certificates"),
                Err(error) => tracing::warn!(error, "no certificate can be printed"),
            }
            fonts
        });
        loaded.clone().map_err(Error::CannotIssue)
    }

    /// Refuses a name that could not be printed, where fonts are at hand to tell.
    pub(in crate::service) fn check_name(&self, name: &str) -> Result<(), Problem> {
        if is_common(name) {
            return Ok(());
        }
        let Ok(fonts) = self.fonts() else { return Ok(()) };
        fonts.covers(name).map_err(|missing| Problem::mismatch(missing.to_string(), missing.zh()))
    }

    /// The same for all that stands on a certificate and somebody wrote.
    pub(super) fn check_printable(&self, certificate: &HourCertificate) -> Result<(), Error> {
        let check = |field: &str, text: &str| self.check_name(text).map_err(|problem| Error::field(field, problem));
        check("learner.name", &certificate.learner.name)?;
        check("issuer.name", &certificate.issuer.name)?;
        check("employer", certificate.employer.as_deref().unwrap_or_default())?;
        for row in &certificate.rows {
            check("course.title", &row.title)?;
            check("provider", &row.provider)?;
            check("form_reason", row.form_reason.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

fn render(fonts: &Fonts, language: PaperLanguage, credential: &[u8], proof: &[u8]) -> Result<Vec<u8>, Error> {
    let read = HourCredential::from_bytes(credential).map_err(Error::internal)?;
    hour_certificate(fonts, language.into(), read.certificate(), credential, proof).map_err(|error| match error {
        DocumentError::Missing(missing) => Error::CannotIssue(format!("{} {missing}", missing.zh())),
        other => Error::internal(other),
    })
}
