//! Audit samples 抽查: which recorded hours are looked at is decided by a block that is not there yet.
//!
//! Announced: a year, how many, and the block whose hash will decide. The population is fixed with it: the commitments of
//! all study and activity entries that blocks of that year hold and that count. When the block is there, the sample is
//! what [`crate::ledger::sample`] draws by it, and anybody who has the population can draw it again.
//!
//! # What this shows, and what not
//!
//! Whoever announces cannot draw again until a sample pleases: announcements are kept and public, and no block that could decide
//! exists while one is made. Whoever seals blocks could try batches until one pleases; they would have to collude with
//! whoever announced, and to do it within one seal interval. That the population is complete, strangers cannot check, since the chain
//! tells no kinds and no corrections; the competent authority and the auditor can.

mod population;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Service;
use super::access::{Action, Actor};
use super::error::Error;
use super::prove::Position;
use super::registry::damaged;
use super::tables::{ENTRIES, SAMPLES, SampleRow};
use crate::ledger::commitment::Commitment;
use crate::ledger::entry::{EntryId, LearnerId};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::names::uuid_v7;
use crate::ledger::sample::{Members, Seed};
use crate::merkle::Hash;
use crate::standard::{DAY_YEARS, UnixMillis, choice};
use crate::store::{Commit, Store, WithTail};

/// The largest sample.
pub const MAX_SAMPLE: usize = 500;
/// The largest population: a year of 25,000 CQOs with 130 entries each is 3.2 million. It is held in memory while it is
/// announced and drawn from, some 100 bytes a member.
pub const MAX_POPULATION: usize = 4_000_000;
/// How many blocks after the tip the deciding one lies, at least: the next one may be under way.
pub const MIN_BLOCKS_AHEAD: u64 = 2;
/// How many at most: an announcement that nothing decides is of no use.
pub const MAX_BLOCKS_AHEAD: u64 = 10_000;
/// Members in one part of a population: 96 KiB.
const PART_MEMBERS: usize = 3_072;
/// Parts in one commit.
const PARTS_PER_COMMIT: usize = 100;
/// The key of the announcement's row; those of the population follow.
const HEAD: u64 = 0;
/// How long is waited for the next block at most.
const PAUSE: Duration = Duration::from_secs(60);

uuid_v7! {
    /// The identifier of an audit sample.
    SampleId
}

choice! {
    /// What is drawn from.
    pub enum SampleKind {
        /// Study and activities.
        All = "all", "学习与活动";
        /// Study alone.
        Study = "study", "学习";
        /// Organised activities alone.
        Activity = "activity", "培训活动";
    }
}

/// An announcement, and what was drawn by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleHead {
    /// When it was announced.
    pub announced_at: UnixMillis,
    /// By whom, as the record of what happened names it.
    pub by: String,
    /// The year of the blocks.
    pub year: i16,
    /// What is drawn from.
    pub kind: SampleKind,
    /// How many are drawn.
    pub size: u64,
    /// The last block whose entries belong to the population.
    pub tip: u64,
    /// How many members the population has.
    pub count: u64,
    /// SHA-256 of the members, 32 bytes each, ascending (FORMATS section 18).
    pub digest: Hash,
    /// The height of the block that decides.
    pub height: u64,
    /// What was drawn, once that block is there.
    pub result: Option<SampleResult>,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleResult {
    /// When it was written down.
    pub at: UnixMillis,
    /// SHA-256 of the deciding block's text.
    pub seed: Hash,
    /// The members, in the order of their ranks.
    pub members: Vec<Hash>,
}

/// An audit sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Which.
    pub id: SampleId,
    /// What was announced and drawn.
    pub head: SampleHead,
}

/// An entry that was drawn, for those who look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnEntry {
    /// What everybody sees.
    pub member: Commitment,
    /// Which entry it is.
    pub entry: EntryId,
    /// Where it stands: its attestation number 存证编号.
    pub position: Position,
    /// Whose it is.
    pub learner: LearnerId,
    /// The registered name; none when the learner was erased since.
    pub name: Option<String>,
}

/// Every announcement, in memory, with the version of its row.
#[derive(Debug, Default)]
pub(in crate::service) struct Samples {
    announced: BTreeMap<SampleId, (SampleHead, u64)>,
    /// Whose population was there at the start, and no announcement: a crash cut it short. Nobody sees them, and the
    /// first round of drawing takes them away.
    orphans: Vec<Uuid>,
}

impl Samples {
    /// Reads the announcements alone, and notes parts that are of none.
    pub(in crate::service) async fn load(store: &dyn Store) -> Result<Self, Error> {
        let (mut samples, mut range) = (Self::default(), SAMPLES.all());
        while let Some(((id, _), row)) = SAMPLES.scan(store, range, 1).await?.pop() {
            match row.value.head {
                Some(head) => {
                    samples.announced.insert(SampleId::try_from(id).map_err(damaged)?, (head, row.version));
                }
                None => samples.orphans.push(id),
            }
            range = SAMPLES.after(&(id, u64::MAX));
        }
        Ok(samples)
    }
}

impl Service {
    /// Announces a sample, as `{"year", "size"}` with `kind` and `blocks_ahead` for others than the usual. The deciding block
    /// comes that many after the tip of the moment in which the announcement is durable.
    pub async fn announce_sample(&self, actor: &Actor, input: Value) -> Result<Sample, Error> {
        self.allow(actor, Action::DrawSamples)?;
        let asked = read_announcement(input)?;
        let population = Self::apart(self.population(asked.year, asked.kind)).await?;
        if population.members.is_empty() {
            let problem = Problem::mismatch("has no sealed entry that counts", "该年度没有已上链且有效的记录");
            return Err(Error::field("year", problem));
        }
        let id = SampleId::try_from(Uuid::now_v7()).map_err(Error::internal)?;
        self.keep_population(actor, id, &population.members).await?;
        // No block is built while the announcement becomes durable, so the deciding one comes after it. A crash before
        // leaves parts of a population that nothing names.
        let sealing = self.sealing.lock().await;
        let height = sealing.height().ok_or_else(|| Error::internal("there is no block"))?;
        let head = SampleHead {
            announced_at: self.clock.now(),
            by: actor.to_string(),
            year: asked.year,
            kind: asked.kind,
            size: asked.size,
            tip: population.tip,
            count: population.members.len() as u64,
            digest: population.members.digest(),
            height: height + asked.blocks_ahead,
            result: None,
        };
        let mut event = self.event(actor, "announce_sample", format!("{id} by block {}", head.height));
        event.digest = Some(head.digest);
        let commit = Commit::new(event)
            .when(SAMPLES.absent(&(id.uuid(), HEAD)))
            .write(SAMPLES.put(&(id.uuid(), HEAD), &row_of(&head))?);
        let version = self.store.commit(commit).await?.sequence;
        drop(sealing);
        self.samples_mut().announced.insert(id, (head.clone(), version));
        Ok(Sample { id, head })
    }

    /// All samples, newest first. Public: who is audited is nobody's choice, and everybody may see that.
    pub fn list_samples(&self) -> Vec<Sample> {
        let samples = self.samples.read().unwrap_or_else(PoisonError::into_inner);
        samples.announced.iter().rev().map(|(id, (head, _))| Sample { id: *id, head: head.clone() }).collect()
    }

    /// One sample.
    pub fn sample(&self, id: SampleId) -> Result<Sample, Error> {
        let samples = self.samples.read().unwrap_or_else(PoisonError::into_inner);
        let (head, _) = samples.announced.get(&id).ok_or_else(none)?;
        Ok(Sample { id, head: head.clone() })
    }

    /// The next members of a sample's population, ascending, a part at a time from 0 on; none after the last.
    pub async fn sample_population(&self, id: SampleId, part: u64) -> Result<Option<Vec<Commitment>>, Error> {
        self.sample(id)?;
        let row = SAMPLES.get(&*self.store, &(id.uuid(), HEAD + 1 + part)).await?;
        row.map(|row| read_part(&row.value)).transpose()
    }

    /// Which entries were drawn, for those who see them all.
    pub async fn drawn_entries(&self, actor: &Actor, id: SampleId) -> Result<Vec<DrawnEntry>, Error> {
        self.allow(actor, Action::ReadClaims)?;
        let Some(result) = self.sample(id)?.head.result else { return Ok(Vec::new()) };
        let mut entries = Vec::with_capacity(result.members.len());
        for member in result.members {
            entries.push(self.drawn_entry(Commitment::from_hash(member)).await?);
        }
        Ok(entries)
    }

    async fn drawn_entry(&self, member: Commitment) -> Result<DrawnEntry, Error> {
        let missing = || Error::Internal(format!("the drawn entry {} is missing", member.hash()));
        let id = self.entry_of_commitment(&member).await?.ok_or_else(missing)?;
        let row = ENTRIES.get(&*self.store, &id).await?.ok_or_else(missing)?.value;
        let learner = LearnerId::try_from(row.head.learner.ok_or_else(missing)?).map_err(damaged)?;
        let position = self.position_of(id).await?.ok_or_else(missing)?;
        let entry = EntryId::try_from(id).map_err(damaged)?;
        let name = self.directory().learner(learner).map(|(_, name)| name.clone());
        Ok(DrawnEntry { member, entry, position, learner, name })
    }

    /// Draws whenever the block of an announcement is there, until the service is dropped.
    pub(in crate::service) async fn run_draws(service: Weak<Self>) {
        loop {
            let Some(now) = service.upgrade() else { return };
            let mut published = now.published.subscribe();
            if let Err(error) = now.draw_due_samples().await {
                tracing::warn!(%error, "no sample was drawn; it is tried again");
            }
            drop(now);
            // The sender goes with the service.
            if let Ok(Err(_)) = tokio::time::timeout(PAUSE, published.changed()).await {
                return;
            }
        }
    }

    /// Draws every sample whose block is there. Doing it again would draw the same. One that cannot be drawn keeps no
    /// other from being drawn; the first error is returned once all were tried.
    pub async fn draw_due_samples(&self) -> Result<(), Error> {
        if self.read_only {
            return Ok(());
        }
        let mut outcome = self.clear_orphans().await;
        let height = self.published().height();
        let due: Vec<(SampleId, SampleHead, u64)> = {
            let samples = self.samples.read().unwrap_or_else(PoisonError::into_inner);
            let is_due = |head: &SampleHead| head.result.is_none() && head.height <= height;
            let due = samples.announced.iter().filter(|(_, (head, _))| is_due(head));
            due.map(|(id, (head, version))| (*id, head.clone(), *version)).collect()
        };
        for (id, head, version) in due {
            let drawn = Self::apart(self.draw_sample(id, head, version)).await;
            if let Err(error) = &drawn {
                tracing::warn!(sample = %id, %error, "a sample was not drawn");
            }
            outcome = outcome.and(drawn);
        }
        outcome
    }

    /// Takes away populations that were left without an announcement before the start; those of announcements that are
    /// being made are none of them.
    async fn clear_orphans(&self) -> Result<(), Error> {
        let orphans = std::mem::take(&mut self.samples_mut().orphans);
        for (at, id) in orphans.iter().enumerate() {
            if let Err(error) = self.clear_population(*id).await {
                self.samples_mut().orphans.extend_from_slice(&orphans[at..]);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn clear_population(&self, id: Uuid) -> Result<(), Error> {
        loop {
            let parts = SAMPLES.scan(&*self.store, SAMPLES.prefix(&id), PARTS_PER_COMMIT).await?;
            if parts.is_empty() {
                return Ok(());
            }
            let event = self.event(&Actor::Operator, "clear_population", id.to_string());
            let deletes = parts.iter().map(|(key, _)| SAMPLES.delete(key));
            self.store.commit(Commit::new(event).write_all(deletes)).await?;
        }
    }

    async fn draw_sample(&self, id: SampleId, mut head: SampleHead, version: u64) -> Result<(), Error> {
        let mut members = Vec::new();
        while let Some(part) = self.sample_population(id, (members.len() / PART_MEMBERS) as u64).await? {
            members.extend(part);
        }
        let members: Members = members.into_iter().collect();
        if members.digest() != head.digest {
            return Err(Error::Internal(format!("the population of sample {id} is not the one that was announced")));
        }
        let seed = Seed::of(&self.block(head.height).await?);
        let size = usize::try_from(head.size).map_err(Error::internal)?;
        let drawn = members.draw(seed, size).into_iter().map(|drawn| *drawn.member.hash()).collect();
        head.result = Some(SampleResult { at: self.clock.now(), seed: *seed.hash(), members: drawn });
        let mut event = self.event(&Actor::Operator, "draw_sample", id.to_string());
        event.digest = Some(*seed.hash());
        let key = (id.uuid(), HEAD);
        let commit =
            Commit::new(event).when(SAMPLES.at_version(&key, version)).write(SAMPLES.put(&key, &row_of(&head))?);
        let version = self.store.commit(commit).await?.sequence;
        self.samples_mut().announced.insert(id, (head, version));
        Ok(())
    }

    /// Writes the members in parts, in as few commits as take them.
    async fn keep_population(&self, actor: &Actor, id: SampleId, members: &Members) -> Result<(), Error> {
        let hashes: Vec<&[u8]> = members.iter().map(|member| member.hash().as_bytes().as_slice()).collect();
        let mut next = HEAD + 1;
        for some in hashes.chunks(PART_MEMBERS * PARTS_PER_COMMIT) {
            let mut commit = Commit::new(self.event(actor, "keep_population", id.to_string()));
            for part in some.chunks(PART_MEMBERS) {
                let row = WithTail { head: None, tail: part.concat() };
                commit = commit.write(SAMPLES.put(&(id.uuid(), next), &row)?);
                next += 1;
            }
            self.store.commit(commit).await?;
        }
        Ok(())
    }

    fn samples_mut(&self) -> std::sync::RwLockWriteGuard<'_, Samples> {
        self.samples.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row_of(head: &SampleHead) -> SampleRow {
    WithTail { head: Some(head.clone()), tail: Vec::new() }
}

fn read_part(row: &SampleRow) -> Result<Vec<Commitment>, Error> {
    let (hashes, rest) = row.tail.as_chunks::<32>();
    if rest.is_empty() {
        Ok(hashes.iter().map(|bytes| Commitment::from_hash(Hash::from(*bytes))).collect())
    } else {
        Err(damaged("a population has half a commitment"))
    }
}

struct Asked {
    year: i16,
    kind: SampleKind,
    size: u64,
    blocks_ahead: u64,
}

fn read_announcement(input: Value) -> Result<Asked, Error> {
    let mut errors = FieldErrors::default();
    let asked = Fields::of(input, "", &mut errors).and_then(|mut fields| {
        let years = (*DAY_YEARS.start()).unsigned_abs()..=(*DAY_YEARS.end()).unsigned_abs();
        let year = fields.integer("year", (*years.start()).into(), (*years.end()).into());
        let year = year.and_then(|year| i16::try_from(year).ok());
        let kind = if fields.has("kind") { fields.word("kind") } else { Some(SampleKind::All) };
        let size = fields.integer("size", 1, MAX_SAMPLE as u64);
        let blocks_ahead = match fields.has("blocks_ahead") {
            true => fields.integer("blocks_ahead", MIN_BLOCKS_AHEAD, MAX_BLOCKS_AHEAD),
            false => Some(MIN_BLOCKS_AHEAD),
        };
        fields.finish();
        Some(Asked { year: year?, kind: kind?, size: size?, blocks_ahead: blocks_ahead? })
    });
    asked.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

fn none() -> Error {
    Error::NotFound("sample")
}
