//! Reading claims: whole ones with all that is to be seen beside them, and lists of a learner's own.

use super::super::Service;
use super::super::access::{AccountId, Action, Actor};
use super::super::error::Error;
use super::super::prove::{Position, open_in};
use super::super::registry::Employment;
use super::super::tables::{CORRECTED, ENTRIES};
use super::super::vault::VaultError;
use super::ClaimId;
use super::conflict::ReviewConflict;
use super::correct::amended;
use super::index::{EditionMark, Mark};
use super::notices::{Facts, Known, Notice, Reader, Source, Standing, UsedElsewhere, notices};
use super::review::can_return;
use super::row::{ClaimEvent, ClaimState, ClaimVersion, EvidenceFile, HistoryStep, OpenClaim};
use super::said::{ClaimKind, Said};
use crate::ledger::entry::{Body, EntryId, LearnerId, Record};
use crate::ledger::fields::FieldErrors;
use crate::merkle::Hash;
use crate::standard::{CreditHours, Day, Edition, StudyForm, UnixMillis, day_of};

/// A claim, with all that is to be seen beside it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its number.
    pub id: ClaimId,
    /// Whose hours they are.
    pub learner: LearnerId,
    /// The registered name.
    pub learner_name: String,
    /// Whom the learner serves now; nobody where the claimant reads.
    pub employers: Vec<Employment>,
    /// Who claims.
    pub account: AccountId,
    /// How far it has come.
    pub state: ClaimState,
    /// What it says now.
    pub said: Said,
    /// Its evidence now.
    pub files: Vec<EvidenceFile>,
    /// When it was begun.
    pub created_at: UnixMillis,
    /// When it was changed last.
    pub changed_at: UnixMillis,
    /// When it was submitted last.
    pub submitted_at: Option<UnixMillis>,
    /// What happened, oldest first. The claimant sees roles, and no accounts but their own.
    pub history: Vec<HistoryStep>,
    /// What it said when it was submitted before, oldest first.
    pub earlier: Vec<ClaimVersion>,
    /// What is worth a second look; nothing of what is decided.
    pub notices: Vec<Notice>,
    /// What keeps it from being submitted, while it is being written.
    pub missing: FieldErrors,
    /// Whether it can be returned once more: after so many editions it is accepted or rejected.
    pub can_return: bool,
    /// Why this reader must not review it.
    pub conflict: Option<ReviewConflict>,
    /// The entry that it became.
    pub entry: Option<EntryId>,
    /// What the certifying body made of that entry since: corrected, voided, or nothing.
    pub amended: Option<ClaimEvent>,
    /// Where that entry stands; none until it is sealed.
    pub position: Option<Position>,
    /// The row's version: a change names the version it was made from.
    pub version: u64,
}

/// A claim in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimLine {
    /// Its number.
    pub id: ClaimId,
    /// Whose hours they are.
    pub learner: LearnerId,
    /// The registered name.
    pub learner_name: String,
    /// How far it has come.
    pub state: ClaimState,
    /// Study or activity.
    pub kind: ClaimKind,
    /// The form of study; none for an activity.
    pub form: Option<StudyForm>,
    /// The title, or what the activity was about.
    pub title: String,
    /// Who held it; none for an activity.
    pub organiser: Option<String>,
    /// First and last day.
    pub days: (Day, Day),
    /// The credit hours; none for an activity.
    pub hours: Option<CreditHours>,
    /// Whether the claimant was shown notices.
    pub noticed: bool,
    /// When it was changed last.
    pub changed_at: UnixMillis,
    /// When it was submitted last.
    pub submitted_at: Option<UnixMillis>,
    /// The entry that it became.
    pub entry: Option<EntryId>,
    /// What the certifying body made of that entry since: corrected, voided, or nothing.
    pub amended: Option<ClaimEvent>,
    /// Whether that entry is on the chain.
    pub on_chain: bool,
}

impl Service {
    /// The claims of a learner who is this actor, the newest first.
    pub async fn own_claims(&self, actor: &Actor, learner: LearnerId) -> Result<Vec<ClaimLine>, Error> {
        self.allow(actor, Action::ReadOwnRecord)?;
        if !actor.is_learner(learner) {
            return Err(Error::NotFound("learner"));
        }
        let mut lines: Vec<ClaimLine> = {
            let claims = self.claims();
            claims.of_learner(learner).map(|(id, mark)| self.line(id, mark, &mark.newest)).collect()
        };
        lines.sort_by_key(|line| std::cmp::Reverse((line.days.1, line.id)));
        self.note_sealed(&mut lines).await?;
        Ok(lines)
    }

    /// Notes whose entries are on the chain.
    pub(super) async fn note_sealed(&self, lines: &mut [ClaimLine]) -> Result<(), Error> {
        let total = self.published().total();
        for line in lines {
            if let Some(entry) = line.entry {
                let row = ENTRIES.get(&*self.store, &entry.uuid()).await?;
                line.on_chain = row.is_some_and(|row| row.value.head.ordinal < total);
            }
        }
        Ok(())
    }

    /// A line of what an edition of a claim says.
    pub(super) fn line(&self, id: ClaimId, mark: &Mark, edition: &EditionMark) -> ClaimLine {
        ClaimLine {
            id,
            learner: mark.learner,
            learner_name: self.name_of(mark.learner),
            state: mark.state,
            kind: edition.kind,
            form: edition.form,
            title: edition.title.clone(),
            organiser: edition.organiser.clone(),
            days: edition.days,
            hours: edition.hours,
            noticed: edition.noticed,
            changed_at: mark.changed_at,
            submitted_at: mark.submitted_at,
            entry: mark.entry,
            amended: mark.amended,
            on_chain: false,
        }
    }

    fn name_of(&self, learner: LearnerId) -> String {
        self.directory().learner(learner).map(|(_, name)| name.clone()).unwrap_or_default()
    }

    /// One claim, for the claimant and for those who may read claims.
    pub async fn claim(&self, actor: &Actor, id: ClaimId) -> Result<Claim, Error> {
        let claim = self.readable_claim(actor, id).await?;
        self.view_of(actor, claim).await
    }

    pub(super) async fn view_of(&self, actor: &Actor, claim: OpenClaim) -> Result<Claim, Error> {
        let own = actor.is_learner(claim.learner);
        let reader = if own { Reader::Claimant } else { Reader::Reviewer };
        let undecided = claim.head.state.is_open() || claim.head.state == ClaimState::Submitted;
        let notices = if undecided { self.notices_of(&claim, reader).await? } else { Vec::new() };
        let conflict = match actor.person().filter(|_| actor.may(Action::ReviewClaims)) {
            Some(person) => self.conflict_of(person, &claim)?,
            None => None,
        };
        let employers = if own { Vec::new() } else { self.employers_now(claim.learner)? };
        let entry = claim.entry()?;
        let position = match entry {
            Some(entry) => self.position_of(entry.uuid()).await?,
            None => None,
        };
        let (newest, can_return) = (shown_to(own, &claim)?.clone(), can_return(&claim));
        let OpenClaim { id, learner, head, payload, version } = claim;
        let mut history = payload.history;
        let me = actor.person().map(|person| person.account);
        for step in history.iter_mut().filter(|step| own && step.account != me) {
            step.account = None;
        }
        let missing = if head.state.is_open() { self.missing_in(&newest) } else { FieldErrors::default() };
        let is_earlier = |version: &ClaimVersion| version.submitted_at.is_some() && *version != newest;
        Ok(Claim {
            id,
            learner,
            learner_name: self.name_of(learner),
            employers,
            account: AccountId::try_from(head.account).map_err(Error::internal)?,
            state: head.state,
            earlier: payload.versions.into_iter().filter(is_earlier).collect(),
            said: newest.said,
            files: newest.files,
            created_at: head.created_at,
            changed_at: head.changed_at,
            submitted_at: head.submitted_at,
            amended: amended(&history),
            history,
            notices,
            missing,
            can_return,
            conflict,
            entry,
            position,
            version: version.unwrap_or_default(),
        })
    }

    /// The rules that judge what is claimed: those in force on its last day; a day before the first edition is judged by the first.
    pub(super) fn edition_of(&self, said: &Said) -> &Edition {
        let editions = self.rulebook.editions();
        self.rulebook.in_effect(said.days().1).or(editions.first()).unwrap_or_else(|| self.rulebook.latest())
    }

    /// What is worth a second look in a claim.
    pub(super) async fn notices_of(&self, claim: &OpenClaim, reader: Reader) -> Result<Vec<Notice>, Error> {
        let newest = shown_to(reader == Reader::Claimant, claim)?;
        let files: Vec<Hash> = newest.files.iter().map(|file| file.sha256).collect();
        let person = self.same_person(claim.learner);
        let known = self.beside(claim, &person).await?;
        let elsewhere = self.used_elsewhere(&person, &files, reader).await?;
        let today = day_of(self.clock.now()).map_err(Error::internal)?;
        let registered = newest.said.organiser_code().and_then(|code| self.organisation_name(code));
        let facts = Facts {
            today,
            edition: self.edition_of(&newest.said),
            year: self.days_of_year(&person, newest.said.days().1).await?,
            registered: registered.as_deref(),
            known: &known,
            elsewhere: &elsewhere,
        };
        Ok(notices(&newest.said, &files, &facts, reader))
    }

    /// Where others used these files: in claims, and in what is recorded of them. Entries are known as far as they were read; for
    /// whoever reviews, all are, up to as many learners as are kept in memory.
    async fn used_elsewhere(
        &self,
        person: &[LearnerId],
        files: &[Hash],
        reader: Reader,
    ) -> Result<Vec<UsedElsewhere>, Error> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        if reader == Reader::Reviewer {
            Self::apart(self.read_all_standings()).await?;
        }
        let claims = self.claims();
        let mut found = claims.elsewhere(person, files);
        // What was claimed is told as a claim.
        let recorded = self.standings.with_evidence(person, files).into_iter();
        let recorded = recorded.filter(|(_, entry)| claims.of_entry(*entry).is_none());
        found.extend(recorded.map(|(file, entry)| UsedElsewhere { file, with: Source::Entry(entry) }));
        Ok(found)
    }

    /// What else there is of a claim's learner, under whatever ids the person is registered: entries as they stand now, claims that
    /// may still become some, and what was rejected or voided.
    async fn beside(&self, claim: &OpenClaim, person: &[LearnerId]) -> Result<Vec<Known>, Error> {
        let mut known = Vec::new();
        for learner in person {
            known.extend(self.entries_beside(*learner).await?);
            let others: Vec<(ClaimId, Mark)> = {
                let claims = self.claims();
                let of_learner = claims.of_learner(*learner).filter(|(id, _)| *id != claim.id);
                of_learner.map(|(id, mark)| (id, mark.clone())).collect()
            };
            for (id, mark) in others {
                if mark.state == ClaimState::Rejected || self.may_still_count(&mark).await? {
                    known.extend(mark.known(id));
                }
            }
        }
        Ok(known)
    }

    /// Whether another claim is one that a claim is held against.
    async fn may_still_count(&self, mark: &Mark) -> Result<bool, Error> {
        Ok(match (mark.state, mark.entry) {
            (ClaimState::Submitted | ClaimState::Returned, _) => true,
            // Its entry stands for it, unless it has no place yet.
            (ClaimState::Accepted, Some(entry)) => ENTRIES.get(&*self.store, &entry.uuid()).await?.is_none(),
            _ => false,
        })
    }

    /// The entries of a learner as they stand now: what was corrected is left to its correction, and what was voided is told as that.
    /// Nothing of who was erased.
    async fn entries_beside(&self, learner: LearnerId) -> Result<Vec<Known>, Error> {
        let key = match self.vault.key(learner.into()) {
            Err(VaultError::NoKey) => return Ok(Vec::new()),
            key => key?,
        };
        let marks = self.places().of_learner(learner.uuid(), u64::MAX);
        let mut known = Vec::with_capacity(marks.len());
        for mark in marks {
            if CORRECTED.get(&*self.store, &mark.id).await?.is_some() {
                continue;
            }
            let row = ENTRIES.get(&*self.store, &mark.id).await?;
            let row = row.ok_or_else(|| Error::Internal(format!("entry {} is missing", mark.id)))?.value;
            let id = EntryId::try_from(mark.id).map_err(Error::internal)?;
            let (signed, _) = open_in(&key, id, &row)?;
            match &signed.entry().body {
                Body::Correction(_, correction) if correction.replacement.is_none() => {
                    known.extend(self.voided(correction.target).await?);
                }
                _ => known.extend(signed.entry().record().map(|record| known_entry(id, record, Standing::Stands))),
            }
        }
        Ok(known)
    }

    /// What an entry said before it was voided.
    async fn voided(&self, target: EntryId) -> Result<Option<Known>, Error> {
        let Some(row) = ENTRIES.get(&*self.store, &target.uuid()).await? else { return Ok(None) };
        let said = self.open_entry(target, &row.value)?.entry().record();
        let first = self.recorded_first(target).await?.map_or(target, |first| first.entry().id);
        Ok(said.map(|record| known_entry(first, record, Standing::Voided)))
    }
}

fn known_entry(id: EntryId, record: Record, standing: Standing) -> Known {
    match record {
        Record::Study(study) => Known {
            source: Source::Entry(id),
            kind: ClaimKind::Study,
            form: Some(study.form),
            title: study.course_title,
            organiser: None,
            days: (study.first_day, study.last_day),
            evidence: study.evidence,
            course: Some(study.course_code),
            standing,
        },
        Record::Activity(activity) => Known {
            source: Source::Entry(id),
            kind: ClaimKind::Activity,
            form: None,
            title: activity.topic,
            organiser: None,
            days: (activity.date, activity.date),
            evidence: activity.evidence,
            course: None,
            standing,
        },
    }
}

/// Whoever reviews sees what was submitted, and not what the claimant is changing.
pub(super) fn shown_to(claimant: bool, claim: &OpenClaim) -> Result<&ClaimVersion, Error> {
    match claim.submitted().filter(|_| !claimant) {
        Some(submitted) => Ok(submitted),
        None => claim.newest(),
    }
}
