//! Attestations 存证: whether a digest, a commitment or a place is on the chain, since when, and whether it holds now.
//!
//! Nothing here tells a name. A study entry is an entry and no more: who has its commitment has the entry itself, or has it
//! from somebody who has. What is not under the published checkpoint is not known.

use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::Service;
use super::error::Error;
use super::issue::CertificateState;
use super::order::Run;
use super::prove::Position;
use super::tables::{CERTIFICATES, CORRECTED, CertificateRow, DOCUMENTS, DocumentRow, DocumentWhat, ENTRIES};
use super::vault::DataKeyId;
use crate::ledger::CertificateNumber;
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{Body, EntryId};
use crate::merkle::Hash;

/// How many hexadecimal digits of a credential's digest its number must come with: those in its QR code, shortened.
pub const DIGEST_DIGITS: usize = 16;

/// What is known of something on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// What it is.
    pub kind: AttestedKind,
    /// Where it stands.
    pub position: Position,
    /// Whether it holds now.
    pub state: CertificateState,
    /// The number of the certificate that it is a document of.
    pub number: Option<CertificateNumber>,
    /// SHA-256 of the credential, where it was asked for by number.
    pub sha256: Option<Hash>,
}

/// What an attested thing is, as far as strangers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestedKind {
    /// An entry of somebody's hours.
    Entry,
    /// A change of the key register.
    Key,
    /// A certificate as credential.
    Credential,
    /// A certificate on paper.
    Paper,
    /// An edition of a status list.
    StatusList,
    /// A revocation.
    Revocation,
}

impl AttestedKind {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Key => "key",
            Self::Credential => "credential",
            Self::Paper => "pdf",
            Self::StatusList => "status_list",
            Self::Revocation => "revocation",
        }
    }
}

impl Service {
    /// What is known of a digest or a commitment, as 64 hexadecimal digits, or of an attestation number 存证编号.
    pub async fn attestation(&self, text: &str) -> Result<Attestation, Error> {
        if let Ok(digest) = text.parse::<Hash>() {
            return match DOCUMENTS.get(&*self.store, &digest).await? {
                Some(row) => self.attested_document(row.value).await,
                None => self.attested_commitment(&Commitment::from_hash(digest)).await,
            };
        }
        let (height, index) =
            text.split_once('-').and_then(|(h, i)| Some((decimal(h)?, decimal(i)?))).ok_or_else(none)?;
        if height > self.published().height() {
            return Err(none());
        }
        let block = self.block(height).await?;
        match index < block.entries {
            true => self.attested_place(block.total_before() + index).await,
            false => Err(none()),
        }
    }

    /// The proof that a PDF was issued, for those who have it: its digest is what they ask by. It shows the certificate's
    /// number and the issuer, both of which stand on the page, and nobody's hours.
    pub async fn paper_by_digest(&self, text: &str) -> Result<Vec<u8>, Error> {
        let digest = text.parse::<Hash>().map_err(|_| none())?;
        let row = DOCUMENTS.get(&*self.store, &digest).await?.map(|row| row.value);
        let row = row.filter(|row| matches!(row.what, DocumentWhat::Paper(_))).ok_or_else(none)?;
        self.position_of(row.entry).await?.ok_or_else(none)?;
        self.proof_of_own(row.entry).await
    }

    /// What is known of a certificate, for those who hold it: the first digits of its digest are the proof of that. An unknown
    /// number and a wrong digest are answered alike.
    pub async fn attested_certificate(&self, number: &str, digest: &str) -> Result<Attestation, Error> {
        let row = self.any_certificate(number).await?;
        let known = row.as_ref().map_or_else(|| Hash::ZERO.to_string(), |(_, row)| row.head.sha256.to_string());
        let same: bool = known.as_bytes().get(..DIGEST_DIGITS).unwrap_or_default().ct_eq(digest.as_bytes()).into();
        match row {
            Some((number, row)) if same => self.attested_by_number(number, row).await,
            _ => Err(none()),
        }
    }

    /// The same, for those who know whose it is: the full name. Unknown numbers, other names and erased learners are
    /// answered alike, and a look-up of each kind decrypts something of the same length.
    pub async fn search_certificate(&self, number: &str, name: &str) -> Result<Attestation, Error> {
        let row = self.any_certificate(number).await?;
        let known = match &row {
            Some((number, row)) => match self.open_contents(number.as_str(), row) {
                Ok(contents) => Some(contents.name),
                Err(Error::Erased(_)) => None,
                Err(error) => return Err(error),
            },
            None => {
                drop(self.vault.decrypt(DataKeyId::LEDGER, b"nobody", &[0; 512]));
                None
            }
        };
        let [known_digest, asked] =
            [known.as_deref().unwrap_or_default(), name].map(|name| Hash::of(&[name.as_bytes()]));
        let same: bool = known_digest.as_bytes().ct_eq(asked.as_bytes()).into();
        match row {
            Some((number, row)) if same && known.is_some() => self.attested_by_number(number, row).await,
            _ => Err(none()),
        }
    }

    async fn any_certificate(&self, number: &str) -> Result<Option<(CertificateNumber, CertificateRow)>, Error> {
        let parsed = number.parse::<CertificateNumber>().ok();
        let row = CERTIFICATES.get(&*self.store, number).await?;
        Ok(parsed.zip(row.map(|row| row.value)))
    }

    async fn attested_by_number(&self, number: CertificateNumber, row: CertificateRow) -> Result<Attestation, Error> {
        let position = self.position_of(row.head.entry).await?.ok_or_else(none)?;
        let (state, sha256) = (row.head.state, Some(row.head.sha256));
        Ok(Attestation { kind: AttestedKind::Credential, position, state, number: Some(number), sha256 })
    }

    async fn attested_document(&self, row: DocumentRow) -> Result<Attestation, Error> {
        let position = self.position_of(row.entry).await?.ok_or_else(none)?;
        let (kind, number) = match row.what {
            DocumentWhat::Credential(number) => (AttestedKind::Credential, Some(number)),
            DocumentWhat::Paper(number) => (AttestedKind::Paper, Some(number)),
            DocumentWhat::List(_) => (AttestedKind::StatusList, None),
        };
        let state = match &number {
            Some(number) => {
                let row = CERTIFICATES.get(&*self.store, number.as_str()).await?;
                row.ok_or_else(|| Error::internal("a certificate is missing"))?.value.head.state
            }
            None => CertificateState::InForce,
        };
        let number = number.map(|number| number.parse().map_err(Error::internal)).transpose()?;
        Ok(Attestation { kind, position, state, number, sha256: None })
    }

    async fn attested_commitment(&self, commitment: &Commitment) -> Result<Attestation, Error> {
        match self.place_of_commitment(commitment).await? {
            Some((place, _)) => self.attested_place(place).await,
            None => Err(none()),
        }
    }

    /// The entry whose commitment this is.
    pub(super) async fn entry_of_commitment(&self, commitment: &Commitment) -> Result<Option<Uuid>, Error> {
        Ok(self.place_of_commitment(commitment).await?.map(|(_, id)| id))
    }

    async fn place_of_commitment(&self, commitment: &Commitment) -> Result<Option<(u64, Uuid)>, Error> {
        let candidates = self.places().of_commitment(commitment);
        for place in candidates {
            let run = Run::of(&*self.store, place).await?;
            if let Some(found) = run.place(place).filter(|found| found.commitment == *commitment) {
                return Ok(Some((place, found.id)));
            }
        }
        Ok(None)
    }

    async fn attested_place(&self, place: u64) -> Result<Attestation, Error> {
        let run = Run::of(&*self.store, place).await?;
        let id = run.place(place).ok_or_else(none)?.id;
        let position = self.position_of(id).await?.ok_or_else(none)?;
        let row = ENTRIES.get(&*self.store, &id).await?.ok_or_else(none)?.value;
        let plain = |kind, state| Attestation { kind, position, state, number: None, sha256: None };
        if row.head.learner.is_some() {
            return Ok(plain(AttestedKind::Entry, self.state_of_entry(id).await?));
        }
        let entry = self.open_entry(EntryId::try_from(id).map_err(Error::internal)?, &row)?;
        let document = match &entry.entry().body {
            Body::Certificate(issued) => DOCUMENTS.get(&*self.store, &issued.sha256).await?,
            _ => None,
        };
        match (document, &entry.entry().body) {
            (Some(document), _) => self.attested_document(document.value).await,
            (None, Body::Status(crate::ledger::entry::StatusChange::List { .. })) => {
                Ok(plain(AttestedKind::StatusList, CertificateState::InForce))
            }
            (None, Body::Status(_)) => Ok(plain(AttestedKind::Revocation, CertificateState::InForce)),
            (None, Body::Key(_)) => Ok(plain(AttestedKind::Key, CertificateState::InForce)),
            (None, Body::Certificate(_)) => Ok(plain(AttestedKind::Credential, CertificateState::InForce)),
            (None, _) => Ok(plain(AttestedKind::Entry, CertificateState::InForce)),
        }
    }

    /// An entry is corrected from the block on that holds its correction.
    async fn state_of_entry(&self, id: Uuid) -> Result<CertificateState, Error> {
        let Some(row) = CORRECTED.get(&*self.store, &id).await? else { return Ok(CertificateState::InForce) };
        Ok(match self.position_of(row.value.by).await? {
            Some(position) => CertificateState::Corrected { at: position.sealed_at },
            None => CertificateState::InForce,
        })
    }
}

fn none() -> Error {
    Error::NotFound("attestation")
}

/// A number in its one form: no sign, no leading zero.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}
