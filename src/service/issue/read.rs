//! Reading certificates: what is told of them, their credential, their proof.

use serde::Serialize;
use uuid::Uuid;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::prove::Position;
use super::super::tables::{CERTIFICATES, CREDENTIALS, CertificateRow, ENTRIES, PaperRow};
use super::freeze::not_yet;
use super::make::{contents_context, credential_context};
use super::{CertificateState, Contents, Scope};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{CourseCode, LearnerId};
use crate::merkle::Hash;
use crate::standard::UnixMillis;
use crate::store::MAX_SCAN_ROWS;

/// What is told of a certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Its number.
    pub number: CertificateNumber,
    /// Whose it is.
    pub learner: LearnerId,
    /// What it is about.
    pub scope: Scope,
    /// The course, where it is about one.
    pub course: Option<CourseCode>,
    /// When it was issued.
    pub issued_at: UnixMillis,
    /// SHA-256 of the credential.
    pub sha256: Hash,
    /// The status list and the index in it.
    pub status: (u32, u32),
    /// Whether it holds.
    pub state: CertificateState,
    /// Where its entry stands; none until it is sealed and the certificate can be had.
    pub position: Option<Position>,
    /// The editions on paper that were handed out.
    pub papers: Vec<PaperDigest>,
    /// The one it took the place of.
    pub replaces: Option<String>,
    /// The one in its place.
    pub replaced_by: Option<String>,
}

/// An edition on paper that was handed out.
#[derive(Debug, Clone, Serialize)]
pub struct PaperDigest {
    /// Its language.
    pub language: super::PaperLanguage,
    /// SHA-256 of the PDF.
    pub sha256: Hash,
}

impl Certificate {
    /// Whether a new one is offered in its place: an entry of it was corrected, and nobody has asked yet.
    pub fn offers_replacement(&self) -> bool {
        matches!(self.state, CertificateState::Corrected { .. }) && self.replaced_by.is_none()
    }
}

impl Service {
    /// What is told of one certificate.
    pub async fn certificate(&self, actor: &Actor, number: &CertificateNumber) -> Result<Certificate, Error> {
        let row = self.certificate_row(actor, number).await?;
        self.told(number.clone(), row).await
    }

    /// All certificates of a learner, by the time of issue.
    pub async fn certificates(&self, actor: &Actor, learner: LearnerId) -> Result<Vec<Certificate>, Error> {
        self.allow(actor, Action::ReadCertificates)?;
        self.check_is_learner_of(actor, learner)?;
        let mut all = Vec::new();
        for (number, row) in self.certificates_of(learner.uuid()).await? {
            all.push(self.told(number.parse().map_err(Error::internal)?, row).await?);
        }
        all.sort_by_key(|certificate| certificate.issued_at);
        Ok(all)
    }

    /// The exact bytes of `certificate.json`.
    pub async fn credential(&self, actor: &Actor, number: &CertificateNumber) -> Result<Vec<u8>, Error> {
        let row = self.certificate_row(actor, number).await?;
        // Before its entry is on the chain, nobody could check it, and it might never get there.
        row.head.frozen.ok_or_else(|| not_yet("the certificate"))?;
        self.read_credential(number.as_str(), &row).await
    }

    /// The frozen proof bundle of a certificate: the same bytes for ever.
    pub async fn certificate_proof(&self, actor: &Actor, number: &CertificateNumber) -> Result<Vec<u8>, Error> {
        let row = self.certificate_row(actor, number).await?;
        self.frozen_proof(number.as_str(), &row).await
    }

    async fn told(&self, number: CertificateNumber, row: CertificateRow) -> Result<Certificate, Error> {
        let Contents { scope, course, .. } = self.open_contents(number.as_str(), &row)?;
        let head = row.head;
        let position = match head.frozen {
            Some(_) => self.position_of(head.entry).await?,
            None => None,
        };
        let paper = |PaperRow { language, sha256, .. }: PaperRow| PaperDigest { language, sha256 };
        Ok(Certificate {
            number,
            learner: LearnerId::try_from(head.learner).map_err(Error::internal)?,
            scope,
            course,
            issued_at: head.issued_at,
            sha256: head.sha256,
            status: (head.list, head.index),
            state: head.state,
            position,
            papers: head.papers.into_iter().map(paper).collect(),
            replaces: head.replaces,
            replaced_by: head.replaced_by,
        })
    }

    /// Where an entry stands on the chain; none while it does not.
    pub(in crate::service) async fn position_of(&self, entry: Uuid) -> Result<Option<Position>, Error> {
        let published = self.published();
        let row = ENTRIES.get(&*self.store, &entry).await?;
        let Some(ordinal) = row.map(|row| row.value.head.ordinal).filter(|ordinal| *ordinal < published.total()) else {
            return Ok(None);
        };
        let block = self.block_of(&published, ordinal).await?;
        let index = ordinal - block.total_before();
        Ok(Some(Position { height: block.height, index, sealed_at: block.time }))
    }

    /// A certificate's row, for who owns its learner and for the operator; to others there is none.
    pub(super) async fn certificate_row(
        &self,
        actor: &Actor,
        number: &CertificateNumber,
    ) -> Result<CertificateRow, Error> {
        let row = CERTIFICATES.get(&*self.store, number.as_str()).await?.map(|row| row.value);
        let row = row.filter(|_| actor.may(Action::ReadCertificates)).ok_or(Error::NotFound("certificate"))?;
        let learner = LearnerId::try_from(row.head.learner).map_err(Error::internal)?;
        self.check_is_learner_of(actor, learner).map_err(|error| match error {
            Error::NotFound(_) => Error::NotFound("certificate"),
            Error::Erased(_) => Error::Erased("certificate"),
            other => other,
        })?;
        Ok(row)
    }

    /// Whether a learner is this actor's to speak of.
    pub(super) fn check_is_learner_of(&self, actor: &Actor, learner: LearnerId) -> Result<(), Error> {
        let directory = self.directory();
        match (directory.learner(learner), directory.erased(learner)) {
            (_, Some(erased)) if erased.is_for(actor) => Err(Error::Erased("learner")),
            (Some((provider, _)), None) if actor.owns(provider) || actor.is_learner(learner) => Ok(()),
            _ => Err(Error::NotFound("learner")),
        }
    }

    pub(in crate::service) fn open_contents(&self, number: &str, row: &CertificateRow) -> Result<Contents, Error> {
        let learner = LearnerId::try_from(row.head.learner).map_err(Error::internal)?;
        if self.directory().erased(learner).is_some() {
            return Err(Error::Erased("certificate"));
        }
        let plain = self.vault.decrypt(learner.into(), &contents_context(number), &row.tail)?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }

    pub(super) async fn read_credential(&self, number: &str, row: &CertificateRow) -> Result<Vec<u8>, Error> {
        let learner = LearnerId::try_from(row.head.learner).map_err(Error::internal)?;
        let parts = CREDENTIALS.scan(&*self.store, CREDENTIALS.prefix(&number.to_owned()), MAX_SCAN_ROWS).await?;
        let sealed: Vec<u8> = parts.into_iter().flat_map(|(_, part)| part.value.tail).collect();
        Ok(self.vault.decrypt(learner.into(), &credential_context(number), &sealed)?)
    }
}
