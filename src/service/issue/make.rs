//! Making certificates, many at once: what they need is read, the pool signs, and hundreds go into one commit.

use std::sync::Arc;

use super::super::access::Actor;
use super::super::error::Error;
use super::super::registry::{Employment, LearnerPayload, serving};
use super::super::tables::{
    CERTIFICATES, CERTIFICATES_BY_LEARNER, CREDENTIALS, CertificateHead, CertificateRow, DOCUMENTS, DocumentRow,
    DocumentWhat, ERASED, LEARNERS, OUTBOX,
};
use super::super::vault::DataKeyId;
use super::super::{Service, random_bytes};
use super::outbox::to_send;
use super::scope::{Chosen, Scope, choose, unsound};
use super::sealed::{Blocks, SealedRow};
use super::{CertificateState, Contents, Issuer, Issuing};
use crate::credential::{HourCertificate, MAX_ROWS, rows};
use crate::ledger::CertificateNumber;
use crate::ledger::entry::{Body, DocumentKind, IssuedDocument, LearnerId, RevocationReason, StatusChange};
use crate::ledger::keys::KeyRegister;
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::standard::{UnixMillis, calendar_year_of, day_of};
use crate::store::{Commit, MAX_SCAN_ROWS, WithTail, Write};

/// Certificates whose parts are in memory at once.
const AT_ONCE: usize = 256;
/// Certificates that one job of the pool makes.
const PER_JOB: usize = 8;
/// Bytes of credentials in one commit: with their rows and framing they fit.
const COMMIT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one part of a credential.
const PART_BYTES: usize = 96 * 1024;

/// A certificate that is wanted.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) learner: LearnerId,
    pub(super) scope: Scope,
    /// The certificate that it is to take the place of.
    pub(super) replaces: Option<CertificateNumber>,
    /// A certificate that never had a place on the chain, and is forgotten with this commit.
    pub(super) in_place_of: Option<CertificateNumber>,
}

/// What one certificate is made of.
struct Material {
    order: Order,
    number: CertificateNumber,
    place: (u32, u32),
    issued: UnixMillis,
    payload: LearnerPayload,
    entries: Vec<SealedRow>,
}

/// A certificate that was made and is in no commit yet.
struct Made {
    order: Order,
    number: CertificateNumber,
    head: CertificateHead,
    contents: Vec<u8>,
    /// Encrypted.
    credential: Vec<u8>,
    entry: SignedEntry,
}

/// What was made, or why not, with the place that nothing came to have.
type Outcome = Result<Made, (Option<(u32, u32)>, Error)>;

impl Service {
    /// Issues for each order, out of what the first `total` entries of the order say; each has its own outcome. An error of
    /// the whole is the store's, and nothing that is answered was kept then but what earlier commits hold.
    pub(super) async fn issue_all(
        self: &Arc<Self>,
        issuing: &mut Issuing,
        issuer: &Issuer,
        total: u64,
        orders: Vec<Order>,
        actor: &Actor,
    ) -> Result<Vec<Result<CertificateNumber, Error>>, Error> {
        let (mut outcomes, mut blocks) = (Vec::with_capacity(orders.len()), Blocks::default());
        let register = self.keys().register;
        let mut orders = orders.into_iter().peekable();
        while orders.peek().is_some() {
            let mut materials = Vec::new();
            for order in orders.by_ref().take(AT_ONCE) {
                materials.push(self.gather(issuing, issuer, total, order, &mut blocks).await?);
            }
            let made = self.make_all(issuer, &register, materials).await?;
            outcomes.extend(self.keep(issuing, issuer, made, actor).await?);
        }
        Ok(outcomes)
    }

    /// Reads what a certificate is made of, and draws its number and its place in a status list.
    async fn gather(
        &self,
        issuing: &mut Issuing,
        issuer: &Issuer,
        total: u64,
        order: Order,
        blocks: &mut Blocks,
    ) -> Result<Result<Material, Error>, Error> {
        let learner = order.learner;
        // Erased since it was ordered: there is nothing to say about nobody.
        let payload = match LEARNERS.get(&*self.store, &learner.uuid()).await? {
            Some(row) => match self.open_learner(learner, &row.value) {
                Ok(payload) => payload,
                Err(error @ Error::Erased(_)) => return Ok(Err(error)),
                Err(error) => return Err(error),
            },
            None => return Ok(Err(Error::NotFound("learner"))),
        };
        let entries = self.sealed_rows_of(learner, total, blocks).await?;
        let issued = self.clock.now();
        let year = calendar_year_of(issued).map_err(Error::internal)?;
        let region = issuer.owner.code.as_str().get(2..8).unwrap_or_default();
        let year = u16::try_from(year).map_err(Error::internal)?;
        let number = CertificateNumber::new(year, region, random_bytes()?).map_err(Error::internal)?;
        let place = issuing.draw_place()?;
        Ok(Ok(Material { order, number, place, issued, payload, entries }))
    }

    /// Makes them on the pool. A place that is not needed comes back with the refusal.
    async fn make_all(
        self: &Arc<Self>,
        issuer: &Issuer,
        register: &Arc<KeyRegister>,
        materials: Vec<Result<Material, Error>>,
    ) -> Result<Vec<Outcome>, Error> {
        let mut jobs = Vec::new();
        let mut materials = materials.into_iter().peekable();
        while materials.peek().is_some() {
            let some: Vec<Result<Material, Error>> = materials.by_ref().take(PER_JOB).collect();
            let (service, issuer, register) = (Arc::clone(self), issuer.clone(), Arc::clone(register));
            jobs.push(move || {
                let make = |material: Result<Material, Error>| {
                    let material = material.map_err(|error| (None, error))?;
                    let place = material.place;
                    service.make(&issuer, &register, material).map_err(|error| (Some(place), error))
                };
                some.into_iter().map(make).collect::<Vec<_>>()
            });
        }
        Ok(self.checks.run_patiently(jobs).await?.into_iter().flatten().collect())
    }

    /// Makes one: which entries, which rows, both signatures, and everything encrypted that must be.
    fn make(&self, issuer: &Issuer, register: &KeyRegister, material: Material) -> Result<Made, Error> {
        let Material { order, number, place: (list, index), issued, payload, entries } = material;
        let key = self.vault.key(order.learner.into())?;
        let proven = entries.into_iter().map(|entry| entry.open(&key, register)).collect::<Result<Vec<_>, Error>>()?;
        let Chosen { entries, learner, span, course } = choose(&proven, register, &order.scope)?;
        let rows = rows(&entries, register).map_err(unsound)?;
        if rows.len() > MAX_ROWS {
            return Err(Error::TooLarge { what: "the number of entries of one certificate", limit: MAX_ROWS });
        }
        let today = day_of(issued).map_err(Error::internal)?;
        let name = learner.name.clone();
        let certificate = HourCertificate {
            number: number.clone(),
            site: issuer.settings.site.clone(),
            origin: self.origin.clone(),
            issuer: issuer.owner.clone(),
            issued,
            learner,
            employer: employer_on(&payload.employers, today),
            id_number: payload.id_number,
            span,
            rulebook: issuer.rulebook,
            minutes: issuer.minutes,
            rows,
            list,
            index,
        };
        self.check_printable(&certificate)?;
        let credential = certificate.sign(&issuer.key).map_err(Error::internal)?;
        let sha256 = Hash::of(&[&credential]);
        let document = DocumentKind::Credential;
        let entry = Body::Certificate(IssuedDocument { document, number: number.clone(), sha256 });
        let entry = issuer.sign(self, entry)?;
        let ids = entries.iter().flat_map(|entry| *entry.signed.entry().id.uuid().as_bytes()).collect();
        let contents = Contents { scope: order.scope.clone(), course, name, entries: ids };
        let contents = serde_json::to_vec(&contents).map_err(Error::internal)?;
        let owner = DataKeyId::from(order.learner);
        let head = CertificateHead {
            learner: order.learner.uuid(),
            sha256,
            list,
            index,
            issued_at: issued,
            entry: entry.entry().id.uuid(),
            frozen: None,
            state: CertificateState::InForce,
            papers: Vec::new(),
            replaces: order.replaces.as_ref().map(ToString::to_string),
            replaced_by: None,
        };
        Ok(Made {
            contents: self.vault.encrypt(owner, &contents_context(number.as_str()), &contents)?,
            credential: self.vault.encrypt(owner, &credential_context(number.as_str()), &credential)?,
            order,
            number,
            head,
            entry,
        })
    }

    /// Writes what was made, in as few commits as take it. From then on a crash loses none of it.
    async fn keep(
        &self,
        issuing: &mut Issuing,
        issuer: &Issuer,
        made: Vec<Outcome>,
        actor: &Actor,
    ) -> Result<Vec<Result<CertificateNumber, Error>>, Error> {
        let (mut outcomes, mut batch, mut bytes) = (Vec::with_capacity(made.len()), Vec::new(), 0);
        for made in made {
            match made {
                Err((place, error)) => {
                    if let Some(place) = place {
                        issuing.give_back(place);
                    }
                    outcomes.push(Err(error));
                }
                Ok(made) => {
                    outcomes.push(Ok(made.number.clone()));
                    bytes += made.credential.len() + made.contents.len();
                    batch.push(made);
                    if bytes >= COMMIT_BYTES {
                        self.keep_batch(issuing, issuer, std::mem::take(&mut batch), actor).await?;
                        bytes = 0;
                    }
                }
            }
        }
        self.keep_batch(issuing, issuer, batch, actor).await?;
        Ok(outcomes)
    }

    async fn keep_batch(
        &self,
        issuing: &mut Issuing,
        issuer: &Issuer,
        batch: Vec<Made>,
        actor: &Actor,
    ) -> Result<(), Error> {
        let Some(first) = batch.first() else { return Ok(()) };
        let subject = format!("{} certificates from {}", batch.len(), first.number);
        let mut commit = Commit::new(self.event(actor, "issue", subject));
        let (mut heads, mut revoked, mut forgotten) = (Vec::new(), Vec::new(), Vec::new());
        for made in batch {
            let Made { order, number, head, contents, credential, entry } = made;
            let number = number.to_string();
            let parts = (0..).zip(credential.chunks(PART_BYTES)).map(|(part, bytes)| {
                CREDENTIALS.put(&(number.clone(), part), &WithTail { head: (), tail: bytes.to_vec() })
            });
            let parts: Vec<Write> = parts.collect::<Result<_, _>>()?;
            let document = DocumentRow { entry: head.entry, what: DocumentWhat::Credential(number.clone()) };
            commit = commit
                .when(CERTIFICATES.absent(number.as_str()))
                .when(ERASED.absent(&head.learner))
                .write(CERTIFICATES.put(number.as_str(), &CertificateRow { head: head.clone(), tail: contents })?)
                .write(CERTIFICATES_BY_LEARNER.put(&head.learner, &number))
                .write_all(parts)
                .write(DOCUMENTS.put(&head.sha256, &document)?)
                .write(to_send(&entry)?);
            if let Some(old) = &order.replaces {
                let (writes, head) = self.replaced(issuer, old, &number).await?;
                commit = commit.write_all(writes);
                revoked.extend(head);
            }
            if let Some(old) = &order.in_place_of {
                commit = commit.write_all(self.forget(old).await?);
                forgotten.push(old.to_string());
            }
            heads.push((number, head));
        }
        self.store.commit(commit).await?;
        for (number, head) in heads {
            issuing.add(number, &head);
        }
        for head in revoked {
            issuing.revoke(&head);
        }
        for number in forgotten {
            issuing.unfrozen.remove(&number);
        }
        // No block's time is before a certificate that it seals.
        self.blocks_not_before(issuing.latest_issue);
        Ok(())
    }

    /// The old certificate points to the one in its place, and is revoked for that if it was in force.
    async fn replaced(
        &self,
        issuer: &Issuer,
        old: &CertificateNumber,
        by: &str,
    ) -> Result<(Vec<Write>, Option<CertificateHead>), Error> {
        let row = CERTIFICATES.get(&*self.store, old.as_str()).await?.ok_or(Error::NotFound("certificate"))?;
        let mut row = row.value;
        row.head.replaced_by = Some(by.to_owned());
        let (mut writes, mut revoked) = (Vec::new(), None);
        if row.head.state == CertificateState::InForce {
            let reason = RevocationReason::Replaced;
            row.head.state = CertificateState::Revoked { reason, at: self.clock.now() };
            let said = Body::Status(StatusChange::Revoke { number: old.clone(), reason });
            writes.push(to_send(&issuer.sign(self, said)?)?);
            revoked = Some(row.head.clone());
        }
        writes.push(CERTIFICATES.put(old.as_str(), &row)?);
        Ok((writes, revoked))
    }

    /// Takes away everything of a certificate that never had a place on the chain.
    async fn forget(&self, number: &CertificateNumber) -> Result<Vec<Write>, Error> {
        let Some(row) = CERTIFICATES.get(&*self.store, number.as_str()).await? else { return Ok(Vec::new()) };
        let (number, head) = (number.to_string(), row.value.head);
        let mut writes = vec![
            CERTIFICATES.delete(number.as_str()),
            CERTIFICATES_BY_LEARNER.delete(&head.learner, &number),
            DOCUMENTS.delete(&head.sha256),
            OUTBOX.delete(&head.entry),
        ];
        for (key, _) in CREDENTIALS.scan(&*self.store, CREDENTIALS.prefix(&number), MAX_SCAN_ROWS).await? {
            writes.push(CREDENTIALS.delete(&key));
        }
        Ok(writes)
    }
}

/// What `contents` of a certificate are encrypted for.
pub(super) fn contents_context(number: &str) -> Vec<u8> {
    format!("certificate {number}").into_bytes()
}

/// What a credential is encrypted for.
pub(super) fn credential_context(number: &str) -> Vec<u8> {
    format!("credential {number}").into_bytes()
}

/// Whom the learner serves on a day: of several, the one since last.
fn employer_on(employers: &[Employment], day: crate::standard::Day) -> Option<String> {
    serving(employers, day).max_by_key(|one| one.from).map(|one| one.name.clone())
}
