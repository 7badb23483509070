//! The tables of the service. No personal data is in a key; what is personal in a value is encrypted by the vault.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::access::Actor;
use super::order::{RunHead, run_of_schema_1};
use crate::ledger::entry::LearnerId;
use crate::merkle::{Hash, NodeId};
use crate::standard::{CreditCode, CreditHours, UnixMillis};
use crate::store::{Index, Table, WithTail, distinct};

/// The ledger itself: one row, written first.
pub(super) const LEDGER: Table<(), LedgerRow> = Table::new(1, "ledger").evolved(2, ledger_row_of_schema_1);
/// Organisations by credit code.
pub(super) const ORGANISATIONS: Table<String, OrganisationRow> = Table::new(2, "organisations");
/// Learners by id.
pub(super) const LEARNERS: Table<Uuid, LearnerRow> = Table::new(3, "learners");
/// Learners of a provider.
pub(super) const LEARNERS_BY_PROVIDER: Index<String, Uuid> = Index::new(4, "learners by provider");
/// Courses by provider and course code.
pub(super) const COURSES: Table<(String, String), CourseRow> = Table::new(5, "courses");
/// API tokens by their public part.
pub(super) const TOKENS: Table<String, TokenRow> = Table::new(6, "tokens");
/// Entries by id.
pub(super) const ENTRIES: Table<Uuid, EntryRow> = Table::new(7, "entries");
/// The order of acceptance, which is the order on the chain, by the first place of each run. A block holds a stretch of
/// it, so neither batches nor positions are kept anywhere else.
pub(super) const RUNS: Table<u64, WithTail<RunHead>> = Table::new(8, "order").evolved(2, run_of_schema_1);
/// The key register by element.
pub(super) const KEYS: Table<u64, KeyRow> = Table::new(10, "key register");
/// The correction of each corrected entry.
pub(super) const CORRECTED: Table<Uuid, CorrectedRow> = Table::new(11, "corrected entries");
/// Learners that were erased: their ids are never given again, and a key of theirs that turns up is erased again.
pub(super) const ERASED: Table<Uuid, ErasedRow> = Table::new(14, "erased learners");
/// Blocks by height. The last one is the tip.
pub(super) const BLOCKS: Table<u64, BlockRow> = Table::new(12, "blocks");
/// Hashes of complete subtrees of the chain, by level and index: what tiles and paths are made of.
pub(super) const NODES: Table<(u64, u64), Hash> = Table::new(13, "chain nodes");

/// Hour certificates by number.
pub(super) const CERTIFICATES: Table<String, CertificateRow> = Table::new(15, "certificates");
/// Certificates of a learner.
pub(super) const CERTIFICATES_BY_LEARNER: Index<Uuid, String> = Index::new(16, "certificates by learner");
/// The bytes of credentials by number and part, encrypted under the learner's data key: a value has a limit.
pub(super) const CREDENTIALS: Table<(String, u64), WithTail<()>> = Table::new(17, "credentials");
/// Checkpoints, as they were signed, that proofs of certificates were frozen under, by the number of blocks.
pub(super) const CHECKPOINTS: Table<u64, CheckpointRow> = Table::new(18, "frozen checkpoints");
/// How far the order was considered for certificates.
pub(super) const ISSUED: Table<(), IssuedRow> = Table::new(19, "issued up to");
/// Entries of the service's own that have no place in the order yet, by id.
pub(super) const OUTBOX: Table<Uuid, OutboxRow> =
    Table::new(20, "own entries to submit").evolved(2, outbox_row_of_schema_1);
/// What was issued, by SHA-256 of its bytes.
pub(super) const DOCUMENTS: Table<Hash, DocumentRow> = Table::new(21, "documents");
/// Editions of status lists by number and the moment from which they hold.
pub(super) const STATUS_EDITIONS: Table<(u64, u64), EditionRow> = Table::new(22, "status lists");
/// Accounts by id.
pub(super) const ACCOUNTS: Table<Uuid, AccountRow> = Table::new(23, "accounts");
/// Accounts that were erased: a key of theirs that turns up is erased again.
pub(super) const ERASED_ACCOUNTS: Table<Uuid, ErasedAccountRow> = Table::new(34, "erased accounts");
/// Hour claims by id.
pub(super) const CLAIMS: Table<Uuid, ClaimRow> = Table::new(25, "claims");
/// The bytes of evidence files by file and part, encrypted under the learner's data key.
pub(super) const EVIDENCE: Table<(Uuid, u64), WithTail<()>> = Table::new(26, "evidence");
/// The validity of level certificates by learner, encrypted under the learner's data key.
pub(super) const TERMS: Table<Uuid, TermsRow> = Table::new(27, "terms").evolved(2, super::standing::terms_of_schema_1);
/// Organised activities that the certifying body confirmed, by the entry that says them.
pub(super) const CONFIRMED: Table<Uuid, ConfirmedRow> = Table::new(28, "confirmed activities");
/// Organised activities that the certifying body declined to confirm, by the entry that says them; why is encrypted under the
/// learner's data key.
pub(super) const DECLINED: Table<Uuid, WithTail<ConfirmedRow>> = Table::new(35, "declined activities");
/// Editions of the certifying body's profile, which hold nothing personal.
pub(super) const BODY: Table<u64, BodyRow> = Table::new(29, "certifying body");
/// Complaints and disputes by number.
pub(super) const CASES: Table<String, CaseRow> = Table::new(30, "complaints and disputes");
/// Audit samples by id and part: the first part is the announcement, the others hold the population.
pub(super) const SAMPLES: Table<(Uuid, u64), SampleRow> = Table::new(31, "audit samples");
/// Hour claims of a learner.
pub(super) const CLAIMS_BY_LEARNER: Index<Uuid, Uuid> = Index::new(33, "claims by learner");
/// The last reminder of an account by the last day on which what it was about can be made up: one for each year.
pub(super) const REMINDED: Table<(Uuid, String), RemindedRow> = Table::new(32, "reminders");
/// Complaints that were erased elsewhere and were never filed in this copy of the ledger. Those that were say so themselves.
pub(super) const ERASED_CASES: Table<String, ErasedCaseRow> = Table::new(35, "complaints erased elsewhere");

const _: () = assert!(distinct(&[
    LEDGER.id(),
    ORGANISATIONS.id(),
    LEARNERS.id(),
    LEARNERS_BY_PROVIDER.id(),
    COURSES.id(),
    TOKENS.id(),
    ENTRIES.id(),
    RUNS.id(),
    KEYS.id(),
    CORRECTED.id(),
    BLOCKS.id(),
    NODES.id(),
    ERASED.id(),
    CERTIFICATES.id(),
    CERTIFICATES_BY_LEARNER.id(),
    CREDENTIALS.id(),
    CHECKPOINTS.id(),
    ISSUED.id(),
    OUTBOX.id(),
    DOCUMENTS.id(),
    STATUS_EDITIONS.id(),
    ACCOUNTS.id(),
    ERASED_ACCOUNTS.id(),
    TERMS.id(),
    CONFIRMED.id(),
    DECLINED.id(),
    BODY.id(),
    CASES.id(),
    SAMPLES.id(),
    CLAIMS.id(),
    EVIDENCE.id(),
    CLAIMS_BY_LEARNER.id(),
    REMINDED.id(),
    ERASED_CASES.id(),
]));

/// The key of a chain node's row.
pub(super) fn node_key(node: NodeId) -> (u64, u64) {
    (u64::from(node.level), node.index)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LedgerRow {
    pub(super) origin: String,
    /// Every checkpoint key there has been: another one must not sign this chain.
    pub(super) checkpoint_keys: Vec<CheckpointKeyRow>,
    /// Since when the ledger only reads, and from which backup; none in normal service.
    pub(super) read_only: Option<ReadOnlyRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CheckpointKeyRow {
    /// In hexadecimal.
    pub(super) public: String,
    pub(super) state: CheckpointKeyState,
}

/// What a checkpoint key does. One is `Current`; while it is replaced, another is `Next`, and both sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckpointKeyState {
    /// Signs, and signs first.
    Current,
    /// Signs too, and will be the current one.
    Next,
    /// Signs no more; what it signed stands.
    Retired,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReadOnlyRow {
    pub(super) since: UnixMillis,
    /// The last commit of the backup.
    pub(super) sequence: u64,
}

/// A ledger of the time when it had one checkpoint key for ever.
fn ledger_row_of_schema_1(_schema: u8, json: &[u8]) -> Result<LedgerRow, serde_json::Error> {
    #[derive(Deserialize)]
    struct Row {
        origin: String,
        checkpoint_key: String,
    }
    let Row { origin, checkpoint_key } = serde_json::from_slice(json)?;
    let key = CheckpointKeyRow { public: checkpoint_key, state: CheckpointKeyState::Current };
    Ok(LedgerRow { origin, checkpoint_keys: vec![key], read_only: None })
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OrganisationRow {
    pub(super) name: String,
    pub(super) roles: Vec<super::registry::OrganisationRole>,
    pub(super) registered_at: UnixMillis,
}

/// `sealed` holds the learner's [`super::registry::LearnerPayload`], encrypted under the learner's data key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LearnerRow {
    pub(super) provider: CreditCode,
    pub(super) registered_at: UnixMillis,
    #[serde(with = "base64_bytes")]
    pub(super) sealed: Vec<u8>,
}

/// What remains of a learner: since when nothing else does, and whose the learner was, where that is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ErasedRow {
    pub(super) at: UnixMillis,
    pub(super) provider: Option<CreditCode>,
}

/// What remains of a complaint that is not here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ErasedCaseRow {
    pub(super) at: UnixMillis,
}

/// All versions of a course, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CourseRow {
    pub(super) versions: Vec<CourseVersionRow>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CourseVersionRow {
    pub(super) title: String,
    pub(super) hours: CreditHours,
    pub(super) since: UnixMillis,
}

/// Only the digest of the secret is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TokenRow {
    pub(super) organisation: CreditCode,
    pub(super) secret_sha256: Hash,
    pub(super) created_at: UnixMillis,
    pub(super) ended_at: Option<UnixMillis>,
}

/// The tail is the canonical signed entry, encrypted under the learner's data key or the ledger's own.
pub(super) type EntryRow = WithTail<EntryHead>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EntryHead {
    /// Its place in the order.
    pub(super) ordinal: u64,
    pub(super) recorder: CreditCode,
    pub(super) learner: Option<Uuid>,
}

impl EntryHead {
    /// Whether it is this actor's to read: the recorder's, and the learner's own.
    pub(super) fn is_for(&self, actor: &Actor) -> bool {
        let learner = self.learner.and_then(|learner| LearnerId::try_from(learner).ok());
        actor.owns(&self.recorder) || learner.is_some_and(|learner| actor.is_learner(learner))
    }
}

/// Key entries hold nothing personal and are public.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyRow {
    pub(super) ordinal: u64,
    pub(super) signed: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CorrectedRow {
    pub(super) by: Uuid,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BlockRow {
    pub(super) text: String,
}

/// The tail is what may be known of the learner: [`super::issue::Contents`], encrypted under the learner's data key.
pub(super) type CertificateRow = WithTail<CertificateHead>;

/// What stays of a certificate when its learner is erased.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CertificateHead {
    pub(super) learner: Uuid,
    /// SHA-256 of the credential.
    pub(super) sha256: Hash,
    /// Its place in a status list.
    pub(super) list: u32,
    pub(super) index: u32,
    pub(super) issued_at: UnixMillis,
    /// The entry that says that the credential was issued.
    pub(super) entry: Uuid,
    /// How many blocks the checkpoint of its proof has; none until the entry is sealed, when nobody has seen it yet.
    pub(super) frozen: Option<u64>,
    pub(super) state: super::issue::CertificateState,
    /// Every edition on paper that was handed out.
    pub(super) papers: Vec<PaperRow>,
    pub(super) replaces: Option<String>,
    pub(super) replaced_by: Option<String>,
}

/// An edition on paper: the entry says that these bytes were issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaperRow {
    pub(super) language: super::issue::PaperLanguage,
    pub(super) sha256: Hash,
    pub(super) entry: Uuid,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CheckpointRow {
    pub(super) note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct IssuedRow {
    pub(super) before: u64,
}

/// A signed entry of the service's own: as it is where it holds nothing personal, otherwise encrypted under the learner's data key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum OutboxRow {
    Open {
        signed: String,
    },
    OfLearner {
        learner: Uuid,
        #[serde(with = "base64_bytes")]
        sealed: Vec<u8>,
    },
}

/// A row of the time when no entry of the service's own was about a learner.
fn outbox_row_of_schema_1(_schema: u8, json: &[u8]) -> Result<OutboxRow, serde_json::Error> {
    serde_json::from_slice(json)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DocumentRow {
    pub(super) entry: Uuid,
    pub(super) what: DocumentWhat,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DocumentWhat {
    /// The credential of this certificate.
    Credential(String),
    /// An edition on paper of this certificate.
    Paper(String),
    /// An edition of this status list.
    List(u32),
}

/// The tail is the edition's bytes, which are public.
pub(super) type EditionRow = WithTail<EditionHead>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EditionHead {
    pub(super) sha256: Hash,
    pub(super) valid_until: UnixMillis,
    /// The entry that holds its digest.
    pub(super) entry: Uuid,
    /// The id of the key that signed.
    pub(super) key: Hash,
}

/// `sealed` is the account, encrypted under a data key of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AccountRow {
    #[serde(with = "base64_bytes")]
    pub(super) sealed: Vec<u8>,
}

/// The tail is the validity of each level certificate, and how it came to be noted, encrypted under the learner's data key.
pub(super) type TermsRow = WithTail<super::standing::TermsHead>;

/// What remains of an account: since when nothing else does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ErasedAccountRow {
    pub(super) at: UnixMillis,
}

/// Who confirmed an activity for the certifying body, or declined to: the account, and no name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ConfirmedRow {
    pub(super) by: Uuid,
    pub(super) at: UnixMillis,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BodyRow {
    pub(super) at: UnixMillis,
    /// Who wrote it, as the record of what happened names it.
    pub(super) by: String,
    pub(super) profile: super::body::Profile,
}

/// The tail is what people wrote: [`super::complaints::Words`], encrypted under the learner's data key or the case's own; empty when
/// it was erased.
pub(super) type CaseRow = WithTail<super::complaints::CaseHead>;

/// The tail of the first part is empty; that of the others holds commitments of 32 bytes each.
pub(super) type SampleRow = WithTail<Option<super::samples::SampleHead>>;

/// The tail is what the claim says, its evidence's names and digests, and its history, encrypted under the learner's data key.
pub(super) type ClaimRow = WithTail<ClaimHead>;

/// What stays of a claim when its learner is erased.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ClaimHead {
    pub(super) learner: Uuid,
    /// Who claims.
    pub(super) account: Uuid,
    pub(super) state: super::claims::ClaimState,
    pub(super) created_at: UnixMillis,
    pub(super) changed_at: UnixMillis,
    pub(super) submitted_at: Option<UnixMillis>,
    /// The entry that it became.
    pub(super) entry: Option<Uuid>,
    /// How much evidence was written for it, with what was taken out again.
    #[serde(default)]
    pub(super) written: Written,
}

/// Bytes of evidence that were written in a calendar year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) year: i16,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RemindedRow {
    /// The smallest distance from that day at which a reminder went out, in days; 0 for the notice that the year ended
    /// short.
    pub(super) distance: u16,
    pub(super) at: UnixMillis,
    /// How often it was tried in vain.
    #[serde(default)]
    pub(super) failed: u16,
    /// Whether the last try is known to have failed. One that was cut short may have been delivered, and is not repeated.
    #[serde(default)]
    pub(super) undelivered: bool,
}

/// Bytes as base64 in a JSON value.
pub(super) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::service) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(in crate::service) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
