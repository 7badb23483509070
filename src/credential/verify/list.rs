//! Checking a status list (FORMATS section 16).

use super::bundles::Bundles;
use super::{check_proofs, read_form};
use crate::credential::{CredentialError, SignedStatusList};
use crate::ledger::entry::{Body, Kind, Origin, Owner, StatusChange};
use crate::ledger::keys::{KeyId, Role};
use crate::ledger::verify::{Message, ProvenEntry, State, Step, StepReport, Steps};
use crate::standard::CreditCode;

const STEPS: &[Step] = &[Step::Form, Step::Proof, Step::ProofRdfc, Step::Issuer];

/// A status list after its check.
pub(super) struct CheckedList<'a> {
    pub(super) steps: Vec<StepReport>,
    /// The list, when all its steps passed.
    pub(super) good: Option<&'a SignedStatusList>,
    /// For each ledger by which it passed, whose key it has.
    owners: Vec<(&'a Origin, &'a Owner)>,
}

impl<'a> CheckedList<'a> {
    pub(super) fn of(read: &'a Result<SignedStatusList, CredentialError>, bundles: &Bundles<'a>) -> Self {
        let mut steps = Steps::new(STEPS);
        let mut owners = Vec::new();
        let good = check(&mut steps, read, bundles, &mut owners);
        Self { steps: steps.close(), good, owners }
    }

    /// Whether its key is, by this ledger, one of the organisation with this code.
    pub(super) fn is_by(&self, origin: &Origin, code: &CreditCode) -> bool {
        self.owners.iter().any(|(ledger, owner)| *ledger == origin && owner.code == *code)
    }
}

fn check<'a>(
    steps: &mut Steps,
    read: &'a Result<SignedStatusList, CredentialError>,
    bundles: &Bundles<'a>,
    owners: &mut Vec<(&'a Origin, &'a Owner)>,
) -> Option<&'a SignedStatusList> {
    let list = steps.step(Step::Form, read_form(read, form_message))?;
    if !check_proofs(steps, || list.verify_jcs(), || list.verify_rdfc()) {
        return None;
    }
    let (state, detail) = judge_issuer(list, bundles, owners);
    steps.note(Step::Issuer, state, detail);
    (state == State::Passed).then_some(list)
}

fn form_message(list: &SignedStatusList) -> Message {
    let (number, from, until) = (list.list().number, list.list().valid_from, list.list().valid_until);
    Message::new(
        format!("状态清单 {number}，有效期 {from} 至 {until}"),
        format!("status list {number}, valid from {from} until {until}"),
    )
}

/// Whether, by the longest register of some ledger, the key of the list may sign lists, or did when this edition went on
/// the chain.
fn judge_issuer<'a>(
    list: &SignedStatusList,
    bundles: &Bundles<'a>,
    owners: &mut Vec<(&'a Origin, &'a Owner)>,
) -> (State, Message) {
    let id = list.key_id();
    let (mut is_known, mut is_revoked) = (false, false);
    for bundle in bundles.longest_registers() {
        let (Some(origin), Ok(key)) = (bundle.origin(), bundle.register.key(id)) else { continue };
        let works = key.role == Role::Issuer && key.kinds.contains(&Kind::Status) && key.ended.is_none();
        if works || is_recorded(list, id, key.compromised_from, origin, bundles) {
            owners.push((origin, &key.owner));
        }
        is_known = true;
        is_revoked |= key.revoked;
    }
    match owners.first() {
        Some((_, owner)) => {
            let name = &owner.name;
            (State::Passed, Message::new(format!("由 {name} 的签发密钥签署"), format!("by an issuer key of {name}")))
        }
        None if is_revoked => {
            let detail = Message::new(
                format!("密钥 {id} 已撤销，且没有此版清单的上链记录"),
                format!("key {id} was revoked, and no entry shows this edition of the list"),
            );
            (State::Failed, detail)
        }
        None if is_known => {
            let detail = Message::new(
                format!("密钥 {id} 已停用或不能签署状态清单，且没有此版清单的上链记录"),
                format!("key {id} was retired or may not sign lists, and no entry shows this edition of the list"),
            );
            (State::Open, detail)
        }
        None => {
            let detail = Message::new(
                format!("通过信任策略的密钥登记册中没有密钥 {id}"),
                format!("key {id} is in no key register whose checkpoint passed"),
            );
            (State::Open, detail)
        }
    }
}

/// Whether a trusted bundle of the ledger proves the entry of this very edition, signed by that key before it was
/// compromised.
fn is_recorded(
    list: &SignedStatusList,
    id: KeyId,
    compromised_from: Option<u64>,
    origin: &Origin,
    bundles: &Bundles<'_>,
) -> bool {
    let shows = |entry: &ProvenEntry| {
        let is_edition = match &entry.signed.entry().body {
            Body::Status(StatusChange::List { list: number, sha256 }) => {
                *number == list.list().number && sha256 == list.digest()
            }
            _ => false,
        };
        is_edition
            && compromised_from.is_none_or(|from| entry.height < from)
            && entry.signed.signatures().iter().any(|signature| signature.key == id)
    };
    let mut of_ledger = bundles.iter().filter(|bundle| bundle.is_trusted() && bundle.origin() == Some(origin));
    of_ledger.any(|bundle| bundle.report.entries.iter().any(shows))
}
