//! What the bundles of a run offer to certificates, lists and PDFs: only those without a failed step.

use super::Item;
use crate::credential::HourCredential;
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Body, DocumentKind, IssuedDocument, Origin};
use crate::ledger::keys::KeyRegister;
use crate::ledger::verify::{FileReport, ProvenEntry, State, Step};
use crate::merkle::Hash;

/// A bundle without a failed step.
pub(super) struct SoundBundle<'a> {
    place: usize,
    pub(super) report: &'a FileReport,
    pub(super) register: &'a KeyRegister,
}

impl<'a> SoundBundle<'a> {
    /// The ledger that it is of: all its entries are.
    pub(super) fn origin(&self) -> Option<&'a Origin> {
        self.report.entries.first().map(|entry| &entry.signed.entry().ledger)
    }

    /// Whether its checkpoint is signed as the trust policy asks.
    pub(super) fn is_trusted(&self) -> bool {
        self.report.state(Step::Checkpoint) == Some(State::Passed)
    }
}

/// The bundles of a run, in the order of the files.
pub(super) struct Bundles<'a>(Vec<SoundBundle<'a>>);

/// A certificate entry: where it is proven, and what it says.
pub(super) struct Issued<'a> {
    pub(super) bundle: &'a SoundBundle<'a>,
    pub(super) entry: &'a ProvenEntry,
    pub(super) issued: &'a IssuedDocument,
}

impl<'a> Bundles<'a> {
    pub(super) fn of(items: &'a [Item]) -> Self {
        let sound = items.iter().enumerate().filter_map(|(place, item)| {
            let report = item.ledger().filter(|report| report.takes_part())?;
            Some(SoundBundle { place, report, register: report.register.as_ref()? })
        });
        Self(sound.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SoundBundle<'a>> {
        self.0.iter()
    }

    /// Every proven entry.
    pub(super) fn entries(&self) -> impl Iterator<Item = &'a ProvenEntry> {
        self.0.iter().flat_map(|bundle| &bundle.report.entries)
    }

    /// Every proven certificate entry of a ledger for a number and a kind of document.
    pub(super) fn issued<'s>(
        &'s self,
        origin: &'s Origin,
        number: &'s CertificateNumber,
        document: DocumentKind,
    ) -> impl Iterator<Item = Issued<'s>> {
        self.0.iter().flat_map(move |bundle| {
            bundle.report.entries.iter().filter_map(move |entry| match &entry.signed.entry().body {
                Body::Certificate(issued)
                    if issued.document == document
                        && issued.number == *number
                        && entry.signed.entry().ledger == *origin =>
                {
                    Some(Issued { bundle, entry, issued })
                }
                _ => None,
            })
        })
    }

    /// The certificate entries of a credential, by its exact bytes.
    fn serving<'s>(&'s self, credential: &'s HourCredential) -> impl Iterator<Item = Issued<'s>> {
        let certificate = credential.certificate();
        let digest: &Hash = credential.digest();
        self.issued(&certificate.origin, &certificate.number, DocumentKind::Credential)
            .filter(move |issued| issued.issued.sha256 == *digest)
    }

    /// The certificate entry of a credential: that of the first bundle that serves it.
    pub(super) fn first_serving<'s>(&'s self, credential: &'s HourCredential) -> Option<Issued<'s>> {
        self.serving(credential).next()
    }

    /// The places of all bundles that could serve a credential.
    pub(super) fn all_serving(&self, credential: &HourCredential) -> Vec<usize> {
        self.serving(credential).map(|issued| issued.bundle.place).collect()
    }

    /// Of each ledger, the bundle with the longest register among those whose checkpoint passed: the first of them.
    pub(super) fn longest_registers(&self) -> Vec<&SoundBundle<'a>> {
        let mut longest: Vec<&SoundBundle<'a>> = Vec::new();
        for bundle in self.0.iter().filter(|bundle| bundle.is_trusted()) {
            match longest.iter_mut().find(|known| known.origin() == bundle.origin()) {
                Some(known) if known.register.len() < bundle.register.len() => *known = bundle,
                Some(_) => {}
                None => longest.push(bundle),
            }
        }
        longest
    }
}
