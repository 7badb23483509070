//! The use cases: who asks ([`Actor`]) and with what goes in, a result or an [`Error`] comes out.
//!
//! One [`Service`] owns one ledger. Entries come in through [`Service::submit`] and are checked by themselves (`check`),
//! one task gives them their place in the order (`ingest`), one task seals them into blocks (`sealer`), and proofs are
//! read off the store (`prove`).
//! Handlers of the web and of the command line parse, call one use case, and render.

pub mod access;
pub mod accounts;
mod attest;
pub mod body;
mod check;
mod checkpoint_keys;
pub mod claims;
pub mod clock;
pub mod complaints;
pub mod erasure;
mod error;
mod figures;
mod happened;
mod ingest;
mod issue;
pub mod keyfile;
mod ledger_row;
mod letters;
mod order;
mod own_keys;
mod places;
mod pool;
mod prove;
mod recorded;
mod recover;
pub mod registry;
pub mod remind;
pub mod samples;

mod sealer;
mod standing;
mod start;
mod status;
mod tables;
mod take_over;
pub mod todo;
pub mod vault;

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ed25519_dalek::SigningKey;
use tokio::sync::{Mutex, Notify, mpsc, watch};

pub use access::{AccountId, AccountRole, Action, Actor, Person};
pub use attest::{Attestation, AttestedKind, DIGEST_DIGITS};
pub use checkpoint_keys::{
    CheckpointRotation, begin_checkpoint_rotation, checkpoint_rotation, finish_checkpoint_rotation,
    note_new_operator_token,
};
pub use error::Error;
pub use figures::{Figures, NotReady, Pending};
pub use happened::{Happened, MAX_EVENTS_PAGE};
pub use ingest::{EntryOutcome, EntryResult, MAX_EARLIER_RECEIPTS, MAX_SUBMISSION, MAX_SUBMISSION_BYTES, Submitted};
pub use issue::{Certificate, CertificateState, IssueSettings, PaperDigest, PaperLanguage, Scope};
pub use letters::{LetterSettings, MailServer, Post};
pub use own_keys::{ISSUER_KINDS, RECORDER_KINDS};
pub use prove::{EntryView, MAX_BLOCKS_PAGE, Position};
pub use recorded::{CorrectionInput, EntriesPage, History, LearnerLine, LearnersPage, Version};
pub use recover::{ResumeError, Resumed, accept_restored, check_keys, resume};
pub use sealer::{Published, SealError};
pub use standing::{
    ActivitiesPage, ActivityFilter, Cqo, CqoRecord, CqoRow, CqoYear, Filter, OrganisationCount, Overview, Said,
    StandingState, StateCounts, Subject, Term, TermChange, TermEdition, Voided, WaitingActivity,
};
pub use start::{Founding, FoundingKeys, LedgerKeys};
pub use take_over::{owner_of, take_over};

use crate::ledger::entry::{Origin, Owner};
use crate::ledger::keys::KeyRegister;
use crate::merkle::Hash;
use crate::standard::{Rulebook, UnixMillis};
use crate::store::{Event, Store};
use accounts::AccountSettings;
use checkpoint_keys::Signers;
use clock::Clock;
use registry::Directory;
use sealer::SealState;
use vault::{Vault, VaultError};

/// Settings of a running service. Durations are in milliseconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often a block is sealed when something is pending.
    pub seal_interval_ms: u64,
    /// How many pending entries are sealed at once without waiting for the interval, and the most of one block.
    pub batch_max: usize,
    /// The promise of a receipt: sealed this long after acceptance.
    pub seal_by_ms: i64,
    /// The longest that `?wait=sealed` waits.
    pub wait_max_ms: u64,
    /// Threads that check signatures.
    pub check_threads: usize,
    /// Submissions that may wait for their place in the order.
    pub queue_max: usize,
    /// By what certificates are issued; none are without it.
    pub issue: Option<IssueSettings>,
    /// By what accounts are kept.
    pub accounts: AccountSettings,
    /// By what letters are written.
    pub letters: LetterSettings,
    /// Days before the end of a year at which CQOs are reminded of what is missing in it.
    pub reminder_days: remind::ReminderDays,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seal_interval_ms: 1_000,
            batch_max: 2_048,
            seal_by_ms: 10 * 60 * 1_000,
            wait_max_ms: 10_000,
            check_threads: std::thread::available_parallelism().map_or(2, usize::from),
            queue_max: 256,
            issue: None,
            accounts: AccountSettings::default(),
            letters: LetterSettings::default(),
            reminder_days: remind::ReminderDays::default(),
        }
    }
}

/// One ledger, in service.
pub struct Service {
    store: Arc<dyn Store>,
    vault: Vault,
    clock: Arc<dyn Clock>,
    origin: Origin,
    rulebook: Rulebook,
    settings: Settings,
    checkpoint_signers: Signers,
    /// Restored from a backup, and not yet let go on: answers, and takes nothing in.
    read_only: bool,
    receipt_key: SigningKey,
    /// Those at hand; the register says which of them works.
    issuer_keys: Vec<SigningKey>,
    /// The same, for what the certifying body records itself.
    recorder_keys: Vec<SigningKey>,
    operator_token: Hash,
    /// Who runs the ledger: the certifying body.
    owner: Owner,
    directory: RwLock<Directory>,
    accounts: RwLock<accounts::Accounts>,
    /// Sessions, and tries to begin one.
    doors: std::sync::Mutex<accounts::Doors>,
    /// Places for hashing passwords at once.
    hashings: accounts::Hashings,
    letters: Arc<letters::PostOffice>,
    body: RwLock<body::Body>,
    complaints: RwLock<complaints::Cases>,
    /// Complaints and disputes are counted and filed one at a time.
    filing: Mutex<()>,
    samples: RwLock<samples::Samples>,
    places: RwLock<places::Places>,
    claims: RwLock<claims::Claims>,
    /// Whose evidence was opened lately.
    opened: std::sync::Mutex<claims::Opened>,
    keys: RwLock<AcceptedKeys>,
    standings: standing::Cache,
    /// Registrations read, decide and write one at a time.
    registry: Mutex<()>,
    checks: pool::Pool,
    queue: mpsc::Sender<ingest::Request>,
    sealing: Mutex<SealState>,
    issuing: Mutex<issue::Issuing>,
    fonts: issue::FontCase,
    /// In milliseconds: no block's time is before this moment.
    blocks_not_before: AtomicI64,
    seal_now: Notify,
    /// Why nothing is sealed, while that is so.
    trouble: std::sync::Mutex<Option<(NotReady, String)>>,
    figures: Figures,
    published: watch::Sender<Arc<Published>>,
}

/// The key register with everything that was accepted, sealed or not yet.
#[derive(Debug, Clone, Default)]
struct AcceptedKeys {
    register: Arc<KeyRegister>,
    /// The place of each element in the order.
    ordinals: Arc<Vec<u64>>,
    /// Where the order ends. Everything before is durable and accounted for here; the sealer goes no further, so that the
    /// entries of a block and the key register it names always belong together.
    end: order::Tail,
}

impl AcceptedKeys {
    /// How many elements the first `total` entries of the order hold.
    fn within(&self, total: u64) -> usize {
        self.ordinals.partition_point(|&ordinal| ordinal < total)
    }
}

impl Service {
    /// The ledger's name.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who runs the ledger: the certifying body 认定主体, under the name it had at the start.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The trust policy that this service suggests: its own log key, and no witness. While one key replaces another it
    /// names both: either's signature is the log's. (C2SP tlog-policy)
    pub fn suggested_policy(&self) -> String {
        let (first, others) = &self.checkpoint_signers;
        let keys = std::iter::once(first).chain(others);
        let logs: String = keys.map(|key| format!("log {}\n", key.verifier_key())).collect();
        format!("{logs}quorum none\n")
    }

    /// Who a bearer token belongs to; no token is the public.
    pub fn authenticate(&self, token: Option<&str>) -> Result<Actor, Error> {
        let Some(token) = token else { return Ok(Actor::Public) };
        let digest = Hash::of(&[token.as_bytes()]);
        if subtle::ConstantTimeEq::ct_eq(digest.as_bytes().as_slice(), self.operator_token.as_bytes().as_slice()).into()
        {
            return Ok(Actor::Operator);
        }
        self.directory().authenticate(token).ok_or(Error::Unauthenticated)
    }

    /// Why the service cannot take entries now; none when it can.
    pub fn not_ready(&self) -> Option<Error> {
        self.not_ready_because().map(|(_, error)| error)
    }

    /// Why the service cannot take entries now, as one of the kinds that are monitored, and as it is answered.
    pub fn not_ready_because(&self) -> Option<(NotReady, Error)> {
        let health = self.store.health();
        let poisoned = health.poisoned.map(|reason| (NotReady::StorePoisoned, Error::Unavailable(reason)));
        let no_room = || health.no_room.map(|reason| (NotReady::NoRoom, Error::NoRoom(reason)));
        let read_only = || self.read_only.then_some((NotReady::ReadOnly, Error::ReadOnly));
        let trouble = || self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let trouble = || trouble().map(|(kind, reason)| (kind, Error::Unavailable(reason)));
        let stopped = || {
            let stopped = || Error::Unavailable("entries are not taken any more".into());
            self.queue.is_closed().then(|| (NotReady::Stopped, stopped()))
        };
        poisoned.or_else(read_only).or_else(no_room).or_else(trouble).or_else(stopped)
    }

    /// The moment it is, by the service's own clock.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The last published checkpoint and its tip.
    pub fn published(&self) -> Arc<Published> {
        self.published.borrow().clone()
    }

    fn allow(&self, actor: &Actor, action: Action) -> Result<(), Error> {
        match actor {
            _ if actor.may(action) && self.read_only && action.adds() => Err(Error::ReadOnly),
            _ if actor.may(action) => Ok(()),
            Actor::Public => Err(Error::Unauthenticated),
            _ => Err(Error::Forbidden),
        }
    }

    fn event(&self, actor: &Actor, action: &str, subject: String) -> Event {
        let at_ms = self.clock.now().millis();
        Event { actor: actor.to_string(), action: action.to_owned(), subject, digest: None, at_ms }
    }

    /// A certificate is not dated after the block that seals it, even when the clock goes back in between.
    fn blocks_not_before(&self, moment: Option<UnixMillis>) {
        if let Some(moment) = moment {
            self.blocks_not_before.fetch_max(moment.millis(), Ordering::SeqCst);
        }
    }

    fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> RwLockReadGuard<'_, places::Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn directory_mut(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was accepted so far. A copy: nobody checks a signature while others wait for the lock.
    fn keys(&self) -> AcceptedKeys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs file work of the vault without holding up the other tasks of this thread.
    fn on_disk<T>(&self, work: impl FnOnce(&Vault) -> Result<T, VaultError>) -> Result<T, Error> {
        let run = || work(&self.vault);
        Ok(if has_other_threads() { tokio::task::block_in_place(run) } else { run() }?)
    }

    /// Brings long work of many small steps to its end without holding up the other tasks of this thread: reading the
    /// store is no pause when the row is at hand, so such work would keep its thread for as long as it lasts.
    async fn apart<T>(work: impl Future<Output = T>) -> T {
        match has_other_threads() {
            true => tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work)),
            false => work.await,
        }
    }
}

/// Whether this is a task of a runtime whose other threads go on when this one is busy.
fn has_other_threads() -> bool {
    tokio::runtime::Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread)
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}
