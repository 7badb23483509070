//! Checking certificates, status lists and PDFs together with the proofs that serve them (FORMATS section 16).
//!
//! Pure: the bytes of all files, a trust policy and the moment go in, a verdict comes out. What concerns blocks, keys and
//! entries is checked by [`crate::ledger::verify`]; what is here starts from its reports. [`certificate`], [`list`] and
//! [`printed`] check one file each against the bundles of the run, [`bundles`] is what these offer.

mod bundles;
mod certificate;
mod json;
mod list;
mod printed;

use std::collections::HashSet;

use super::pdf::{Attachments, PdfError};
use super::proof::ProofError;
use super::{CREDENTIAL_MARK, CredentialError, HourCredential, STATUS_LIST_MARK, SignedStatusList};
use crate::ledger::bundle::MAX_BUNDLE;
use crate::ledger::fields::FieldErrors;
use crate::ledger::verify::{
    FileKind as LedgerFile, FileReport, Joint, Message, Question as LedgerQuestion, State, Step, StepReport, Steps,
    exit_of, verify_file, verify_together_with,
};
use crate::merkle::{Hash, TrustPolicy};
use crate::standard::UnixMillis;
use bundles::Bundles;
use list::CheckedList;

/// Most bad fields that a step names.
const MAX_NAMED: usize = 5;
/// What a PDF begins with.
const PDF_MARK: &[u8] = b"%PDF-";

/// A file to check.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// What reports call it.
    pub name: &'a str,
    /// Its bytes, or why it could not be read.
    pub bytes: Result<&'a [u8], &'a str>,
}

/// What the caller wants checked besides the files themselves.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whose signatures are accepted; never taken from the checked files.
    pub policy: Option<&'a TrustPolicy>,
    /// The moment asked for: entries sealed later fail, and what was in force then counts.
    pub at: Option<UnixMillis>,
    /// The leaf of a `.tlog-proof`.
    pub leaf: Option<&'a [u8]>,
    /// Files that must be status lists.
    pub status: &'a [File<'a>],
    /// The moment that counts where none is asked for.
    pub now: UnixMillis,
}

/// What kind of file was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A proof bundle, or a block proof.
    Ledger(LedgerFile),
    /// An hour certificate.
    Credential,
    /// A PDF that holds a certificate.
    Pdf,
    /// A status list.
    Status,
}

impl FileKind {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ledger(kind) => kind.name(),
            Self::Credential => "credential",
            Self::Pdf => "pdf",
            Self::Status => "status",
        }
    }

    /// Recognises a file by its bytes; what is not recognised is not read at all. Whatever is wrong with a file that is
    /// recognised fails its step `form`. The first of these that fits: block proof, PDF, bundle, certificate, list.
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        if let Some(kind) = LedgerFile::recognise(bytes) {
            return Some(Self::Ledger(kind));
        }
        if bytes.starts_with(PDF_MARK) {
            return Some(Self::Pdf);
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_BUNDLE)?;
        match () {
            () if text.contains(CREDENTIAL_MARK) => Some(Self::Credential),
            () if text.contains(STATUS_LIST_MARK) => Some(Self::Status),
            () => None,
        }
    }
}

/// The report on one file.
#[derive(Debug)]
pub struct Report {
    /// What the caller calls it; of an attachment, the PDF's name and its own after `#`.
    pub name: String,
    /// What it is, or why nothing can be said of it.
    pub kind: Result<FileKind, Message>,
    /// Every step, in order.
    pub steps: Vec<StepReport>,
    /// What a certificate says, as far as its form is right.
    pub credential: Option<HourCredential>,
}

/// What there is to say of all files.
#[derive(Debug)]
pub struct Verdict {
    /// Each file in the order given, a PDF before its two attachments, then the status lists that were given as such.
    pub files: Vec<Report>,
    /// What only all files together show.
    pub joint: Joint,
    /// The exit status: 1 when a step failed, else 2 when a file was unreadable, else 3 when a step could not be checked, else 0.
    pub exit: u8,
}

/// A file as it was read: what is checked of it alone is done.
struct Item {
    name: String,
    content: Content,
}

enum Content {
    Unreadable(Message),
    Ledger(Box<FileReport>),
    Credential(Box<Result<HourCredential, CredentialError>>),
    /// The digest of a PDF; its attachments are the next two items, unless they could not be read.
    Pdf(Hash, Option<PdfError>),
    Status(Box<Result<SignedStatusList, CredentialError>>),
}

/// Checks all files together.
pub fn verify_files(files: &[File<'_>], question: Question<'_>) -> Verdict {
    let items = read_all(files, question);
    let moment = question.at.unwrap_or(question.now);
    let bundles = Bundles::of(&items);
    let lists: Vec<CheckedList<'_>> =
        items.iter().filter_map(Item::list).map(|list| CheckedList::of(list, &bundles)).collect();
    let mut checked_lists = lists.iter();
    let mut serving = HashSet::new();
    let mut steps = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        steps.push(match &item.content {
            Content::Unreadable(_) | Content::Ledger(_) => Vec::new(),
            Content::Credential(read) => {
                serving.extend(read.iter().flat_map(|credential| bundles.all_serving(credential)));
                certificate::check(read, &bundles, &lists, moment)
            }
            Content::Pdf(digest, error) => {
                let attached = items.get(place + 1).and_then(Item::credential);
                printed::check(digest, error.as_ref(), attached, &bundles)
            }
            Content::Status(_) => checked_lists.next().map(|list| list.steps.clone()).unwrap_or_default(),
        });
    }
    let sound = |steps: &Vec<StepReport>| !steps.is_empty() && steps.iter().all(|step| step.state != State::Failed);
    let joint = verify_together_with(items.iter().filter_map(Item::ledger), steps.iter().filter(|s| sound(s)).count());
    let any_unreadable = items.iter().any(|item| matches!(item.content, Content::Unreadable(_)));
    let files: Vec<Report> = items
        .into_iter()
        .zip(steps)
        .enumerate()
        .map(|(place, (item, steps))| item.report(steps, serving.contains(&place)))
        .collect();
    let exit = exit_of(files.iter().flat_map(|file| &file.steps).chain(&joint.steps), any_unreadable);
    Verdict { files, joint, exit }
}

/// Reads every file, and after a PDF its attachments; checks of bundles and block proofs run here.
fn read_all(files: &[File<'_>], question: Question<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for file in files {
        match file.bytes.map(|bytes| (FileKind::recognise(bytes), bytes)) {
            Err(error) => items.push(Item::unreadable(file.name, Message::new(error, error))),
            Ok((None, _)) => items.push(Item::unreadable(file.name, not_recognised())),
            Ok((Some(FileKind::Pdf), bytes)) => read_pdf(file.name, bytes, question, &mut items),
            Ok((Some(kind), bytes)) => items.push(Item::of(file.name.to_owned(), kind, bytes, question)),
        }
    }
    for file in question.status {
        items.push(match file.bytes.map(|bytes| (FileKind::recognise(bytes), bytes)) {
            Err(error) => Item::unreadable(file.name, Message::new(error, error)),
            Ok((Some(FileKind::Status), bytes)) => Item::of(file.name.to_owned(), FileKind::Status, bytes, question),
            Ok(_) => Item::unreadable(file.name, Message::new("不是状态清单", "not a status list")),
        });
    }
    items
}

/// A PDF, and what is attached to it: that is a certificate and a bundle, whatever it looks like.
fn read_pdf(name: &str, bytes: &[u8], question: Question<'_>, items: &mut Vec<Item>) {
    let (error, attached) = match Attachments::from_pdf(bytes) {
        Ok(attached) => (None, Some(attached)),
        Err(error) => (Some(error), None),
    };
    items.push(Item { name: name.to_owned(), content: Content::Pdf(Hash::of(&[bytes]), error) });
    if let Some(Attachments { credential, proof }) = attached {
        items.push(Item::of(format!("{name}#credential.json"), FileKind::Credential, &credential, question));
        let bundle = FileKind::Ledger(LedgerFile::Proof);
        items.push(Item::of(format!("{name}#proof.json"), bundle, &proof, question));
    }
}

fn not_recognised() -> Message {
    Message::new(
        "不认识这种文件；可核验的是证书（PDF、certificate.json）、证明包（*.proof.json）、状态清单与 .tlog-proof",
        "not a kind of file that is checked here: certificates (PDF, certificate.json), proof bundles (*.proof.json), status lists and .tlog-proof files",
    )
}

impl Item {
    fn unreadable(name: &str, error: Message) -> Self {
        Self { name: name.to_owned(), content: Content::Unreadable(error) }
    }

    fn of(name: String, kind: FileKind, bytes: &[u8], question: Question<'_>) -> Self {
        let content = match kind {
            FileKind::Ledger(kind) => {
                let question = LedgerQuestion { policy: question.policy, at: question.at, leaf: question.leaf };
                Content::Ledger(Box::new(verify_file(kind, bytes, question)))
            }
            FileKind::Credential => Content::Credential(Box::new(HourCredential::from_bytes(bytes))),
            FileKind::Status => Content::Status(Box::new(SignedStatusList::from_bytes(bytes))),
            FileKind::Pdf => Content::Unreadable(not_recognised()),
        };
        Self { name, content }
    }

    fn ledger(&self) -> Option<&FileReport> {
        match &self.content {
            Content::Ledger(report) => Some(report),
            _ => None,
        }
    }

    fn credential(&self) -> Option<&HourCredential> {
        match &self.content {
            Content::Credential(read) => read.as_ref().as_ref().ok(),
            _ => None,
        }
    }

    fn list(&self) -> Option<&Result<SignedStatusList, CredentialError>> {
        match &self.content {
            Content::Status(read) => Some(read),
            _ => None,
        }
    }

    /// The report, with the steps of what is no file of the ledger.
    fn report(self, steps: Vec<StepReport>, serves: bool) -> Report {
        let report = |kind, steps, credential| Report { name: self.name.clone(), kind, steps, credential };
        match self.content {
            Content::Unreadable(error) => report(Err(error), steps, None),
            Content::Ledger(found) => report(
                Ok(FileKind::Ledger(found.kind)),
                if serves { as_serving(found.steps) } else { found.steps },
                None,
            ),
            Content::Credential(read) => report(Ok(FileKind::Credential), steps, read.ok()),
            Content::Pdf(..) => report(Ok(FileKind::Pdf), steps, None),
            Content::Status(_) => report(Ok(FileKind::Status), steps, None),
        }
    }
}

/// The steps of a bundle that serves a certificate: whether its entries still hold is told there.
fn as_serving(mut steps: Vec<StepReport>) -> Vec<StepReport> {
    for step in steps.iter_mut().filter(|step| step.step == Step::InForce) {
        step.state = State::Skipped;
        step.detail = Message::new("由其所证明的证书判定", "told by the certificate that it serves");
    }
    steps
}

/// The step `form` of a credential: its detail, or its bad fields.
fn read_form<T>(read: &Result<T, CredentialError>, says: impl FnOnce(&T) -> Message) -> Result<(Message, &T), Message> {
    match read {
        Ok(read) => Ok((says(read), read)),
        Err(CredentialError::Fields(FieldErrors(errors))) => {
            let named = || errors.iter().take(MAX_NAMED);
            let zh: Vec<String> = named().map(|error| format!("{} {}", error.field, error.problem.zh())).collect();
            let en: Vec<String> = named().map(ToString::to_string).collect();
            Err(Message::new(format!("格式不对：{}", zh.join("；")), format!("of a wrong form: {}", en.join("; "))))
        }
        Err(error) => Err(Message::new(format!("格式不对：{error}"), format!("of a wrong form: {error}"))),
    }
}

/// The steps `proof` and `proof_rdfc`; false when one failed.
fn check_proofs(
    steps: &mut Steps,
    jcs: impl FnOnce() -> Result<(), ProofError>,
    rdfc: impl FnOnce() -> Result<(), ProofError>,
) -> bool {
    let said = |suite: &str, outcome: Result<(), ProofError>| match outcome {
        Ok(()) => Ok((Message::new(format!("{suite} 签名有效"), format!("the signature by {suite} is valid")), ())),
        Err(error) => Err(Message::new(format!("{suite} 签名无效：{error}"), format!("{suite}: {error}"))),
    };
    steps.step(Step::Proof, said("eddsa-jcs-2022", jcs())).is_some()
        && steps.step(Step::ProofRdfc, said("eddsa-rdfc-2022", rdfc())).is_some()
}
