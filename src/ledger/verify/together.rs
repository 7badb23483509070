//! What only all files together show: one chain, corrections, hours (FORMATS section 10).

use std::collections::{BTreeMap, HashMap};

use super::{FileKind, FileReport, Message, ProvenEntry, State, Step, StepReport, broken};
use crate::ledger::block::Block;
use crate::ledger::entry::{Body, Correction, EntryId, Learner, LearnerId, Origin, Record};

/// What all files say together.
#[derive(Debug, Clone)]
pub struct Joint {
    /// The steps judged over all files: `one_chain` when at least two take part, `corrections` when one is a bundle.
    pub steps: Vec<StepReport>,
    /// The total of each learner, by ledger and learner id.
    pub learners: Vec<LearnerTotal>,
}

/// A learner's proven study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerTotal {
    /// The ledger's identifier of the learner.
    pub id: LearnerId,
    /// The name in the newest of the entries.
    pub name: String,
    /// Credit hours, in hundredths.
    pub hours_hundredths: u64,
    /// Study records counted.
    pub entries: u64,
    /// Organised activities counted.
    pub activities: u64,
}

/// The exit status of a check: 1 when a step failed, else 2 when a file was unreadable, else 3 when a step could not be
/// checked, else 0.
pub fn exit_status(files: &[FileReport], joint: &Joint, any_unreadable: bool) -> u8 {
    exit_of(files.iter().flat_map(|file| &file.steps).chain(&joint.steps), any_unreadable)
}

/// As [`exit_status`], of all these steps.
pub fn exit_of<'a>(steps: impl Iterator<Item = &'a StepReport> + Clone, any_unreadable: bool) -> u8 {
    let mut states = steps.map(|step| step.state);
    match () {
        () if states.clone().any(|state| state == State::Failed) => 1,
        () if any_unreadable => 2,
        () if states.any(|state| state == State::Open) => 3,
        () => 0,
    }
}

type Position = (u64, u64);

/// Judges what only all files together show: that there is one chain, which corrections count, and the hours. An entry
/// that stands in several files counts once.
pub fn verify_together<'a>(files: impl IntoIterator<Item = &'a FileReport>) -> Joint {
    verify_together_with(files, 0)
}

/// As [`verify_together`], beside files of other kinds, so many of which have no failed step.
pub fn verify_together_with<'a>(files: impl IntoIterator<Item = &'a FileReport>, others: usize) -> Joint {
    let files: Vec<&FileReport> = files.into_iter().collect();
    let mut joint = Joint { steps: Vec::new(), learners: Vec::new() };
    let mut note = |step, state, detail| joint.steps.push(StepReport { step, state, detail });
    let taking_part: Vec<&FileReport> = files.iter().copied().filter(|file| file.takes_part()).collect();
    let one_chain = check_one_chain(&taking_part);
    let is_one = one_chain.is_ok();
    if taking_part.len() + others > 1 {
        let (state, detail) = match one_chain {
            Ok(detail) => (State::Passed, detail),
            Err(detail) => (State::Failed, detail),
        };
        note(Step::OneChain, state, detail);
    }
    if !files.iter().any(|file| file.kind == FileKind::Proof) {
        return joint;
    }
    if !is_one {
        let detail = Message::new("前面的步骤未通过，未继续核验", "an earlier step failed");
        note(Step::Corrections, State::Open, detail);
        return joint;
    }
    let proven = files.iter().flat_map(|file| &file.entries);
    match collect(proven).and_then(|entries| judge_corrections(&entries).map(|judged| (judged.state(), judged.total())))
    {
        Err(detail) => note(Step::Corrections, State::Failed, detail),
        Ok(((state, detail), learners)) => {
            note(Step::Corrections, state, detail);
            joint.learners = learners;
        }
    }
    joint
}

/// Two texts for one height of one ledger: the operator showed two chains.
fn check_one_chain(files: &[&FileReport]) -> Result<Message, Message> {
    let mut shown: HashMap<(&Origin, u64), &Block> = HashMap::new();
    for block in files.iter().flat_map(|file| &file.blocks) {
        let first = shown.entry((&block.origin, block.height)).or_insert(block);
        if *first != block {
            let (origin, height) = (&block.origin, block.height);
            return Err(broken(
                format!("{origin} 的区块 {height} 有两种文本：运营者出示了两条不同的链"),
                format!(
                    "block {height} of {origin} has two texts: both shown chains cannot be one, the operator showed two"
                ),
            ));
        }
    }
    let count = shown.len();
    Ok(Message::new(format!("所见 {count} 个区块互不矛盾"), format!("{count} blocks, and no height with two texts")))
}

type Entries<'a> = BTreeMap<(&'a Origin, Position), &'a ProvenEntry>;

/// All proven entries by position on their chain, each once.
fn collect<'a>(proven: impl IntoIterator<Item = &'a ProvenEntry>) -> Result<Entries<'a>, Message> {
    let mut by_id: HashMap<(&Origin, EntryId), &ProvenEntry> = HashMap::new();
    let mut entries = BTreeMap::new();
    for entry in proven {
        let (origin, id) = (&entry.signed.entry().ledger, entry.signed.entry().id);
        let position = (entry.height, entry.index);
        let known = by_id.insert((origin, id), entry);
        if known.is_some_and(|k| (k.height, k.index) != position || k.commitment != entry.commitment) {
            return Err(broken(
                format!("编号 {id} 下有两条不同的记录"),
                format!("two different entries stand under the id {id}"),
            ));
        }
        entries.insert((origin, position), entry);
    }
    Ok(entries)
}

/// A study or activity entry that counts, and what it says in the end.
#[derive(Debug, Clone)]
pub struct Counted<'a> {
    /// The study or activity entry.
    pub first: &'a ProvenEntry,
    /// The entry that says what holds in the end: the same, or a superseding correction.
    pub last: &'a ProvenEntry,
    /// What that one says.
    pub record: Record,
}

/// A study or activity entry that was voided.
#[derive(Debug, Clone, Copy)]
pub struct Voided<'a> {
    /// The study or activity entry.
    pub first: &'a ProvenEntry,
    /// The correction that voids it, or what superseded it.
    pub last: &'a ProvenEntry,
}

/// What these study, activity and correction entries say in the end, in chain order of the entries that say it. The
/// target of every correction must be among them, and every correction must hold.
pub fn counted<'a>(entries: impl IntoIterator<Item = &'a ProvenEntry>) -> Result<Vec<Counted<'a>>, Message> {
    counted_and_voided(entries).map(|(counted, _)| counted)
}

/// The same, and those of them that say nothing in the end.
pub fn counted_and_voided<'a>(
    entries: impl IntoIterator<Item = &'a ProvenEntry>,
) -> Result<(Vec<Counted<'a>>, Vec<Voided<'a>>), Message> {
    let entries = collect(entries)?;
    let judged = judge_corrections(&entries)?;
    if let Some(id) = judged.open {
        return Err(target_missing(id));
    }
    let (mut counted, mut voided) = (Vec::with_capacity(entries.len()), Vec::new());
    for ((origin, _), first) in &entries {
        let entry = first.signed.entry();
        match &entry.body {
            Body::Study(..) | Body::Activity(..) => {}
            Body::Correction(..) => continue,
            Body::Key(_) | Body::Certificate(_) | Body::Status(_) => {
                let id = entry.id;
                return Err(broken(
                    format!("记录 {id} 不是学习、活动或更正记录"),
                    format!("entry {id} is no study, activity or correction entry"),
                ));
            }
        }
        let last = judged.last_of(origin, first);
        match last.signed.entry().record() {
            Some(record) => counted.push(Counted { first, last, record }),
            None => voided.push(Voided { first, last }),
        }
    }
    counted.sort_by_key(|counted| (counted.last.height, counted.last.index));
    Ok((counted, voided))
}

fn target_missing(id: EntryId) -> Message {
    broken(
        format!("更正记录 {id} 所更正的记录不在这些文件中"),
        format!("the target of correction {id} is not in these files"),
    )
}

/// Every entry, and of each corrected one the correction that counts.
struct Judged<'e, 'a> {
    entries: &'e Entries<'a>,
    /// The first correction of each target.
    first: HashMap<(&'a Origin, EntryId), &'a ProvenEntry>,
    /// A correction whose target is not there.
    open: Option<EntryId>,
}

/// Every correction whose target is there must hold by itself; the first one of a target counts.
fn judge_corrections<'e, 'a>(entries: &'e Entries<'a>) -> Result<Judged<'e, 'a>, Message> {
    let by_id: HashMap<(&Origin, EntryId), &ProvenEntry> =
        entries.iter().map(|((origin, _), entry)| ((*origin, entry.signed.entry().id), *entry)).collect();
    let mut judged = Judged { entries, first: HashMap::new(), open: None };
    for ((origin, _), entry) in entries {
        let Body::Correction(learner, correction) = &entry.signed.entry().body else { continue };
        let id = entry.signed.entry().id;
        let Some(target) = by_id.get(&(*origin, correction.target)) else {
            judged.open = Some(id);
            continue;
        };
        check_correction(entry, learner, correction, target).map_err(|reason| {
            broken(
                format!("更正记录 {id} 不成立：{}", reason.zh),
                format!("correction {id} does not hold: {}", reason.en),
            )
        })?;
        // Entries come in chain order, so the first correction of a target is seen first.
        judged.first.entry((*origin, correction.target)).or_insert(*entry);
    }
    Ok(judged)
}

/// The rules of FORMATS section 3 for a correction and its target.
fn check_correction(
    entry: &ProvenEntry,
    learner: &Learner,
    correction: &Correction,
    target: &ProvenEntry,
) -> Result<(), Message> {
    let said = target.signed.entry().record();
    let same_learner = target.signed.entry().learner().is_some_and(|l| l.id == learner.id);
    let same_recorder = target.signed.entry().recorder == entry.signed.entry().recorder;
    match () {
        () if correction.target_commitment != *target.commitment.hash() => {
            Err(broken("目标承诺值不符", "the target has another commitment"))
        }
        () if (target.height, target.index) >= (entry.height, entry.index) => {
            Err(broken("更正早于目标", "it stands before its target"))
        }
        () if !same_learner => Err(broken("学员不同", "another learner")),
        () if !same_recorder && !entry.by_authority => {
            Err(broken("既非原记录方也非管理方", "neither the target's recorder nor an authority"))
        }
        () => match (&said, &correction.replacement) {
            (None, _) => Err(broken("目标不可更正", "the target says nothing that could be corrected")),
            (Some(old), Some(new)) if old.kind() != new.kind() => Err(broken("记录种类不同", "another kind")),
            _ => Ok(()),
        },
    }
}

impl<'a> Judged<'_, 'a> {
    fn state(&self) -> (State, Message) {
        match self.open {
            _ if self.entries.is_empty() => (State::Open, Message::new("没有通过核验的记录", "no entry passed")),
            Some(id) => (State::Open, target_missing(id)),
            None => {
                let count = self.first.len();
                (State::Passed, Message::new(format!("{count} 条更正生效"), format!("{count} corrections count")))
            }
        }
    }

    /// The entry that says in the end what an entry says: from it to the correction that counts, and so on.
    fn last_of(&self, origin: &'a Origin, entry: &'a ProvenEntry) -> &'a ProvenEntry {
        let mut last = entry;
        // A correction stands after its target, so this ends.
        while let Some(correction) = self.first.get(&(origin, last.signed.entry().id)) {
            last = correction;
        }
        last
    }

    fn total(&self) -> Vec<LearnerTotal> {
        let mut totals: BTreeMap<(&Origin, LearnerId), LearnerTotal> = BTreeMap::new();
        for ((origin, _), entry) in self.entries {
            let Some(learner) = entry.signed.entry().learner() else { continue };
            let total = totals.entry((origin, learner.id)).or_insert_with(|| LearnerTotal {
                id: learner.id,
                name: String::new(),
                hours_hundredths: 0,
                entries: 0,
                activities: 0,
            });
            total.name.clone_from(&learner.name);
            if matches!(entry.signed.entry().body, Body::Correction(..)) {
                continue;
            }
            match self.last_of(origin, entry).signed.entry().record() {
                Some(Record::Study(study)) => {
                    total.hours_hundredths += u64::from(study.hours.hundredths());
                    total.entries += 1;
                }
                Some(Record::Activity(_)) => total.activities += 1,
                None => {}
            }
        }
        totals.into_values().collect()
    }
}
