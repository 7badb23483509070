//! Takes proofs out of the filled ledger, checks them with the code of `verify`, and leaves some as samples.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::client::Client;
use super::super::{EXIT_OK, Failure, audit};
use super::certificate::{self, Certificate};
use super::draw::Year;
use super::fill::Filled;
use crate::ledger::bundle::Bundle;
use crate::ledger::entry::EntryId;
use crate::ledger::verify::{
    FileKind, FileReport, Joint, Question, State, Step, exit_status, verify_file, verify_together,
};
use crate::merkle::TrustPolicy;

/// What a bundle ends with at best: whether an entry was corrected later is told by status lists.
const OPEN: u8 = 3;
/// How many other people's years are checked besides the sample.
const RECHECKED: usize = 5;
/// A check of the checkpoint for those who trust no program of ours.
const BY_HAND: &str = include_str!("by-hand.sh");
/// What stands above the sample's trust policy.
const POLICY_REMARK: &str =
    "# Trust policy of the demo. Operator and verifier are the same person here, so it was written from the service's
# own log key. Whoever checks another's ledger takes the policy from somewhere else than from that ledger, and
# asks for witnesses: with `quorum none` the operator could show others another chain.
";

/// One learner's year, as the samples show it.
pub(super) struct Sample {
    /// The learner's name.
    pub(super) name: String,
    /// The provider that recorded it.
    pub(super) provider: usize,
    /// One of the entries.
    pub(super) entry: EntryId,
    /// The certificate of the year.
    pub(super) certificate: Certificate,
}

/// Where the trust policy of a finished demo is.
pub(super) fn policy_file(data: &Path) -> PathBuf {
    data.join("samples/policy.txt")
}

/// Where the audit of the demo keeps its mirror of the chain.
pub(super) fn mirror(data: &Path) -> PathBuf {
    data.join("mirror")
}

/// Writes `samples/`, and checks the files as a stranger would: from the disk, offline.
pub(super) fn write(data: &Path, policy: &str, filled: &Filled, year: &Year, number: i16) -> Result<Sample, Failure> {
    let person = choose(year);
    let ids = entries_of(year, person);
    let provider = year.people[person].provider;
    let client = &filled.providers[provider];
    let bundle = fetch_bundle(client, &ids)?;
    let read = Bundle::from_bytes(&bundle).map_err(Failure::new)?;
    let height = read.blocks.first().map_or(0, |block| block.block.height);
    let block = client.get(&format!("/api/v1/blocks/{height}/proof"))?.good()?;
    let checkpoint = client.get("/checkpoint")?.good()?;
    let policy = format!("{POLICY_REMARK}{policy}");
    let dir = data.join("samples");
    std::fs::create_dir_all(&dir).map_err(Failure::new)?;
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::write(&path, bytes).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        std::fs::read(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    };
    // One entry: nothing can be left out of it unseen. Of a bundle of several, whoever shows it can leave some out.
    let one = write("entry.proof.json", &fetch_bundle(client, &ids[..1])?)?;
    let bundle = write("year.proof.json", &bundle)?;
    let block = write("block.tlog-proof", &block)?;
    write("checkpoint", &checkpoint)?;
    write("by-hand.sh", BY_HAND.as_bytes())?;
    check_bundle(&bundle, policy.as_bytes(), year, person)?;
    passes(&check(FileKind::Proof, &one, policy.as_bytes())?)?;
    check_block(&block, policy.as_bytes())?;
    let trusted = TrustPolicy::parse(policy.as_bytes()).map_err(Failure::new)?;
    let certificate = certificate::write(&dir, &trusted, client, year.people[person].id, number)?;
    // The policy last: where it is, the demo is complete.
    std::fs::write(policy_file(data), &policy).map_err(Failure::new)?;
    let entry = ids.first().copied().ok_or_else(|| Failure::new("the sample has no entries"))?;
    Ok(Sample { name: year.people[person].name.clone(), provider, entry, certificate })
}

/// Holds the whole against the trust policy once more, from outside: the chain by an audit, and some people's years.
pub(super) fn recheck(data: &Path, url: &str, filled: &Filled, year: &Year, policy: &str) -> Result<(), Failure> {
    let trusted = TrustPolicy::parse(policy.as_bytes()).map_err(Failure::new)?;
    match audit::status(url, &mirror(data), trusted)? {
        EXIT_OK => {}
        status => return Err(Failure::new(format!("the audit of the chain ended with {status}"))),
    }
    let with_entries = (0..year.people.len()).rev().filter(|&person| !entries_of(year, person).is_empty());
    for person in with_entries.take(RECHECKED) {
        let client = &filled.providers[year.people[person].provider];
        let bundle = fetch_bundle(client, &entries_of(year, person))?;
        check_bundle(&bundle, policy.as_bytes(), year, person)?;
    }
    Ok(())
}

/// A person whose year shows much and is short: a correction, an activity, and the requirement just met.
fn choose(year: &Year) -> usize {
    let weight = |person: usize| {
        let corrected = year.fixes.iter().any(|fix| fix.person == person && fix.replacement.is_some());
        let active =
            year.imports.iter().flat_map(|import| &import.entries).any(|entry| {
                entry.person == person && matches!(entry.record, crate::ledger::entry::Record::Activity(_))
            });
        let met = year.half_hours[person] >= super::REQUIRED_HALF_HOURS;
        (corrected, active && met, met, std::cmp::Reverse(year.half_hours[person]))
    };
    (0..year.people.len()).max_by_key(|&person| weight(person)).unwrap_or(0)
}

/// All entries of a person, corrections too.
fn entries_of(year: &Year, person: usize) -> Vec<EntryId> {
    let recorded = year.imports.iter().flat_map(|import| &import.entries);
    let recorded = recorded.filter(|entry| entry.person == person).map(|entry| entry.id);
    recorded.chain(year.fixes.iter().filter(|fix| fix.person == person).map(|fix| fix.id)).collect()
}

fn fetch_bundle(client: &Client, ids: &[EntryId]) -> Result<Vec<u8>, Failure> {
    let ids: Vec<String> = ids.iter().map(EntryId::to_string).collect();
    client.post("/api/v1/proofs", json!({"entries": ids}).to_string().as_bytes())?.good()
}

/// The bundle must pass, and the hours must be those that were drawn.
fn check_bundle(bytes: &[u8], policy: &[u8], year: &Year, person: usize) -> Result<(), Failure> {
    const HUNDREDTHS_OF_HALF: usize = 50;
    let joint = passes(&check(FileKind::Proof, bytes, policy)?)?;
    let hours: u64 = joint.learners.iter().map(|learner| learner.hours_hundredths).sum();
    if hours != (year.half_hours[person] * HUNDREDTHS_OF_HALF) as u64 {
        return Err(Failure::new(format!("the proven hours of {} are not the drawn ones", year.people[person].id)));
    }
    Ok(())
}

/// All steps of a bundle but the one that is always open must have passed.
fn passes(report: &FileReport) -> Result<Joint, Failure> {
    let joint = verify_together(std::slice::from_ref(report));
    let steps = report.steps.iter().chain(&joint.steps);
    let passed = |step: Step, state: State| state == State::Passed || (step, state) == (Step::InForce, State::Open);
    let status = exit_status(std::slice::from_ref(report), &joint, false);
    if status != OPEN || !steps.clone().all(|s| passed(s.step, s.state)) {
        let lines: Vec<String> = steps.map(|step| format!("{}: {}", step.step.name(), step.detail)).collect();
        return Err(Failure::new(format!("a proof bundle did not pass\n{}", lines.join("\n"))));
    }
    Ok(joint)
}

fn check_block(bytes: &[u8], policy: &[u8]) -> Result<(), Failure> {
    let report = check(FileKind::TlogProof, bytes, policy)?;
    let joint = verify_together(std::slice::from_ref(&report));
    match exit_status(&[report], &joint, false) {
        0 => Ok(()),
        status => Err(Failure::new(format!("the block's proof ended with {status}"))),
    }
}

fn check(kind: FileKind, bytes: &[u8], policy: &[u8]) -> Result<FileReport, Failure> {
    let policy = TrustPolicy::parse(policy).map_err(Failure::new)?;
    Ok(verify_file(kind, bytes, Question { policy: Some(&policy), at: None, leaf: None }))
}
