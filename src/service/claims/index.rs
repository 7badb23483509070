//! All claims, in memory: what lists, filters and notices ask for. It follows from the rows alone, is read at the start and
//! grows with each commit. What was erased is not in it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use super::super::Service;
use super::super::error::Error;
use super::super::registry::Directory;
use super::super::tables::{CLAIMS, Written};
use super::super::vault::Vault;
use super::ClaimId;
use super::correct::amended;
use super::notices::{Known, Source, Standing, UsedElsewhere};
use super::row::{self, ClaimEvent, ClaimState, ClaimVersion, OpenClaim};
use super::said::ClaimKind;
use crate::ledger::entry::{CourseCode, EntryId, LearnerId};
use crate::merkle::Hash;
use crate::standard::{CreditHours, Day, StudyForm, UnixMillis};
use crate::store::{MAX_SCAN_ROWS, Store};

/// What is kept of one claim.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// The row's version: an older one never takes the place of a newer.
    pub(super) version: u64,
    pub(super) learner: LearnerId,
    pub(super) state: ClaimState,
    /// The newest edition, which may be the claimant's alone.
    pub(super) newest: EditionMark,
    /// The edition that was submitted last: all that anybody else may know.
    pub(super) submitted: Option<EditionMark>,
    /// How many bytes of evidence were written.
    pub(super) written: Written,
    pub(super) changed_at: UnixMillis,
    pub(super) submitted_at: Option<UnixMillis>,
    pub(super) entry: Option<EntryId>,
    /// What was made of that entry since.
    pub(super) amended: Option<ClaimEvent>,
}

/// What is kept of one edition of a claim.
#[derive(Debug, Clone)]
pub(super) struct EditionMark {
    pub(super) kind: ClaimKind,
    pub(super) form: Option<StudyForm>,
    pub(super) title: String,
    pub(super) organiser: Option<String>,
    pub(super) days: (Day, Day),
    pub(super) hours: Option<CreditHours>,
    pub(super) evidence: Vec<Hash>,
    pub(super) course: Option<CourseCode>,
    pub(super) noticed: bool,
}

impl EditionMark {
    fn of(edition: &ClaimVersion) -> Self {
        let said = &edition.said;
        Self {
            kind: said.kind(),
            form: said.form(),
            title: said.title().to_owned(),
            organiser: said.organiser().map(ToOwned::to_owned),
            days: said.days(),
            hours: said.hours(),
            evidence: edition.files.iter().map(|file| file.sha256).collect(),
            course: said.course(),
            noticed: edition.noticed > 0,
        }
    }
}

impl Mark {
    pub(super) fn of(claim: &OpenClaim) -> Result<Self, Error> {
        Ok(Self {
            version: claim.version.unwrap_or_default(),
            learner: claim.learner,
            state: claim.head.state,
            newest: EditionMark::of(claim.newest()?),
            submitted: claim.submitted().map(EditionMark::of),
            written: claim.head.written,
            changed_at: claim.head.changed_at,
            submitted_at: claim.head.submitted_at,
            entry: claim.entry()?,
            amended: amended(&claim.payload.history),
        })
    }

    /// What another claim is held against, which reviewers read: what was submitted.
    pub(super) fn known(&self, id: ClaimId) -> Option<Known> {
        let EditionMark { kind, form, title, organiser, days, evidence, course, .. } = self.submitted.clone()?;
        let standing = if self.state == ClaimState::Rejected { Standing::Rejected } else { Standing::Stands };
        Some(Known { source: Source::Claim(id), kind, form, title, organiser, days, evidence, course, standing })
    }

    /// The files that somebody was shown.
    fn evidence(&self) -> &[Hash] {
        self.submitted.as_ref().map_or(&[], |submitted| &submitted.evidence)
    }

    /// Whether its evidence was used: what nobody was shown was not.
    fn used_its_evidence(&self) -> bool {
        !matches!(self.state, ClaimState::Draft | ClaimState::Withdrawn)
    }
}

/// The index.
#[derive(Debug, Default)]
pub(in crate::service) struct Claims {
    marks: HashMap<ClaimId, Mark>,
    by_learner: HashMap<LearnerId, BTreeSet<ClaimId>>,
    by_evidence: HashMap<Hash, BTreeSet<ClaimId>>,
    by_entry: HashMap<EntryId, ClaimId>,
    /// Bytes of evidence that are on their way to the disk, by learner and year.
    arriving: HashMap<(LearnerId, i16), u64>,
}

impl Claims {
    /// Reads all claims but those of the erased.
    pub(in crate::service) async fn load(
        store: &dyn Store,
        vault: &Vault,
        directory: &Directory,
    ) -> Result<Self, Error> {
        let (mut claims, mut range) = (Self::default(), CLAIMS.all());
        loop {
            let rows = CLAIMS.scan(store, range, MAX_SCAN_ROWS).await?;
            let Some((last, _)) = rows.last() else { return Ok(claims) };
            range = CLAIMS.after(last);
            for (id, row) in rows {
                let id = ClaimId::try_from(id).map_err(Error::internal)?;
                let learner = LearnerId::try_from(row.value.head.learner).map_err(Error::internal)?;
                if directory.learner(learner).is_some() {
                    let claim = row::open(vault, id, learner, row.value, row.version)?;
                    claims.put(id, Mark::of(&claim)?);
                }
            }
        }
    }

    /// Takes in a claim as it is now.
    pub(super) fn put(&mut self, id: ClaimId, mark: Mark) {
        if self.marks.get(&id).is_some_and(|known| known.version > mark.version) {
            return;
        }
        self.remove(id);
        self.by_learner.entry(mark.learner).or_default().insert(id);
        for file in mark.evidence() {
            self.by_evidence.entry(*file).or_default().insert(id);
        }
        self.by_entry.extend(mark.entry.map(|entry| (entry, id)));
        self.marks.insert(id, mark);
    }

    fn remove(&mut self, id: ClaimId) {
        let Some(mark) = self.marks.remove(&id) else { return };
        if let Some(ids) = self.by_learner.get_mut(&mark.learner) {
            ids.remove(&id);
        }
        for file in mark.evidence() {
            if let Some(ids) = self.by_evidence.get_mut(file) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_evidence.remove(file);
                }
            }
        }
        if let Some(entry) = mark.entry {
            self.by_entry.remove(&entry);
        }
    }

    /// Forgets a learner who was erased.
    pub(in crate::service) fn forget(&mut self, learner: LearnerId) {
        for id in self.by_learner.remove(&learner).unwrap_or_default() {
            self.remove(id);
        }
    }

    pub(super) fn of_learner(&self, learner: LearnerId) -> impl Iterator<Item = (ClaimId, &Mark)> {
        let ids = self.by_learner.get(&learner).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.marks.get(id)?)))
    }

    /// How many bytes of evidence were written for a learner in a year.
    pub(super) fn written(&self, learner: LearnerId, year: i16) -> u64 {
        let of_year = self.of_learner(learner).map(|(_, mark)| mark.written).filter(|written| written.year == year);
        of_year.fold(0, |all, written| all.saturating_add(written.bytes))
    }

    /// Makes room for bytes of evidence, where a learner has no more than `most` written in a year, with all that arrives
    /// at the same time. Whoever got it gives it back once the bytes are counted from their claim, or are not coming.
    pub(super) fn make_room(&mut self, learner: LearnerId, year: i16, bytes: u64, most: u64) -> bool {
        let arriving = self.arriving.get(&(learner, year)).copied().unwrap_or_default().saturating_add(bytes);
        let fits = self.written(learner, year).saturating_add(arriving) <= most;
        if fits {
            self.arriving.insert((learner, year), arriving);
        }
        fits
    }

    pub(super) fn give_room_back(&mut self, learner: LearnerId, year: i16, bytes: u64) {
        let arriving = self.arriving.remove(&(learner, year)).unwrap_or_default();
        if let Some(left) = arriving.checked_sub(bytes).filter(|left| *left > 0) {
            self.arriving.insert((learner, year), left);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (ClaimId, &Mark)> {
        self.marks.iter().map(|(id, mark)| (*id, mark))
    }

    /// The claim that became this entry.
    pub(super) fn of_entry(&self, entry: EntryId) -> Option<ClaimId> {
        self.by_entry.get(&entry).copied()
    }

    /// Where others used these files.
    pub(super) fn elsewhere(&self, person: &[LearnerId], files: &[Hash]) -> Vec<UsedElsewhere> {
        let mut found = Vec::new();
        for file in files {
            let others = self.by_evidence.get(file).into_iter().flatten().filter(|id| {
                self.marks.get(id).is_some_and(|mark| !person.contains(&mark.learner) && mark.used_its_evidence())
            });
            found.extend(others.map(|claim| UsedElsewhere { file: *file, with: Source::Claim(*claim) }));
        }
        found
    }
}

impl Service {
    pub(super) fn claims(&self) -> RwLockReadGuard<'_, Claims> {
        self.claims.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::service) fn claims_mut(&self) -> RwLockWriteGuard<'_, Claims> {
        self.claims.write().unwrap_or_else(PoisonError::into_inner)
    }
}
