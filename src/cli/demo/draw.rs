//! One invented year of training, drawn as the distributions that the product is built for say.
//!
//! What is drawn is what stands after all corrections: a corrected entry was first recorded wrong on purpose. The 8 % of
//! offline claims that a provider rejects are not drawn: a rejected claim never reaches a ledger.

mod activities;
mod classes;
mod courses;
mod days;
mod fixes;
mod lengths;
#[cfg(test)]
mod tests;

use super::super::Failure;
use super::people::{PROVIDER_SHARES, Person, draw_person, draw_uuid};
use super::random::{Random, deck};
use crate::ledger::entry::{CorrectionReason, EntryId, Record};
use crate::merkle::Hash;
use crate::standard::{CreditHours, Day, StudyForm};
use activities::draw_activities;
use classes::form_classes;
use courses::choose_courses;
use days::draw_days;
use fixes::draw_fixes;
use lengths::{draw_forms, draw_slots, draw_totals};

/// All that happened in the year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Year {
    /// The CQOs.
    pub(super) people: Vec<Person>,
    /// What is submitted with one another, in the order of days.
    pub(super) imports: Vec<Import>,
    /// What is corrected afterwards.
    pub(super) fixes: Vec<Fix>,
    /// Half hours of each person after all corrections.
    pub(super) half_hours: Vec<usize>,
}

/// Entries that arrive together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// Which provider records.
    pub(super) provider: usize,
    /// The last day that it speaks of.
    pub(super) day: Day,
    /// True for the list of one class.
    pub(super) class: bool,
    /// The entries.
    pub(super) entries: Vec<Recorded>,
}

/// One entry before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Its id.
    pub(super) id: EntryId,
    /// Whose it is: the place in [`Year::people`].
    pub(super) person: usize,
    /// What it says.
    pub(super) record: Record,
}

/// One correction before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fix {
    /// Its id.
    pub(super) id: EntryId,
    /// Whose entry is corrected.
    pub(super) person: usize,
    /// The entry that is corrected.
    pub(super) target: EntryId,
    /// Why.
    pub(super) reason: CorrectionReason,
    /// What takes its place; nothing when it is voided.
    pub(super) replacement: Option<Record>,
}

/// Draws a year of `learners` CQOs. The same seed gives the same year.
pub(super) fn draw_year(seed: u64, learners: usize, year: i16) -> Result<Year, Failure> {
    let mut random = Random::new(seed);
    let providers = deck(&mut random, &PROVIDER_SHARES, learners);
    let people: Vec<Person> = providers
        .into_iter()
        .map(|provider| draw_person(&mut random, provider, year))
        .collect::<Result<_, Failure>>()?;
    draw_year_of(&mut random, people, &[], year)
}

/// Draws another year of the same people, of whom some are `idle`: nothing is recorded of them.
pub(super) fn draw_year_of(
    random: &mut Random,
    people: Vec<Person>,
    idle: &[usize],
    year: i16,
) -> Result<Year, Failure> {
    let mut half_hours = draw_totals(random, people.len());
    for person in idle {
        half_hours[*person] = 0;
    }
    let mut slots = draw_slots(random, &half_hours);
    draw_forms(random, &mut slots);
    let classes = form_classes(random, &mut slots, &people);
    draw_days(random, &mut slots, &classes, year)?;
    let studies = choose_courses(random, &slots, &classes)?;
    let mut entries = Vec::with_capacity(slots.len());
    for (slot, study) in slots.iter().zip(studies) {
        let record = Record::Study(study);
        entries.push(Recorded { id: draw_id(random, slot.day()?)?, person: slot.person, record });
    }
    let (doubles, fixes) = draw_fixes(random, &slots, &mut entries)?;
    let activities = draw_activities(random, &half_hours, year)?;
    let singles: Vec<Recorded> =
        entries.iter().zip(&slots).filter(|(_, slot)| slot.class.is_none()).map(|(entry, _)| entry.clone()).collect();
    let mut imports = Vec::new();
    for (number, members) in classes.iter().enumerate() {
        let Some(&first) = members.first() else { continue };
        let mut list: Vec<Recorded> =
            (0..slots.len()).filter(|&i| slots[i].class == Some(number)).map(|i| entries[i].clone()).collect();
        random.shuffle(&mut list);
        let provider = people[slots[first].person].provider;
        imports.push(Import { provider, day: slots[first].day()?, class: true, entries: list });
    }
    imports.extend(monthly(&people, singles.into_iter().chain(doubles).chain(activities))?);
    imports.sort_by_key(|import| (import.day, import.provider, import.class));
    Ok(Year { people, imports, fixes, half_hours })
}

/// An entry in the making.
#[derive(Debug, Clone)]
struct Slot {
    person: usize,
    half_hours: usize,
    form: StudyForm,
    class: Option<usize>,
    day: Option<Day>,
}

impl Recorded {
    /// The last day that it speaks of.
    pub(super) fn day(&self) -> Day {
        last_day(&self.record)
    }
}

/// The last day of what an entry says.
pub(super) fn last_day(record: &Record) -> Day {
    match record {
        Record::Study(study) => study.last_day,
        Record::Activity(activity) => activity.date,
    }
}

impl Slot {
    fn day(&self) -> Result<Day, Failure> {
        self.day.ok_or_else(|| Failure::new("an entry was drawn without a day"))
    }
}

/// Half hours as the ledger has them.
pub(super) fn hours(half_hours: usize) -> Result<CreditHours, Failure> {
    const HUNDREDTHS_OF_HALF: usize = 50;
    u32::try_from(half_hours * HUNDREDTHS_OF_HALF).map(CreditHours::from_hundredths).map_err(Failure::new)
}

/// SHA-256 of files that nobody has.
pub(super) fn draw_evidence(random: &mut Random, shares: &[usize]) -> Vec<Hash> {
    let count = random.weighted(shares).unwrap_or(0);
    let mut hashes: Vec<Hash> = (0..count).map(|_| Hash::of(&[&random.bytes::<16>()])).collect();
    hashes.sort_unstable();
    hashes
}

/// The id of an entry that was made on `day`.
pub(super) fn draw_id(random: &mut Random, day: Day) -> Result<EntryId, Failure> {
    EntryId::try_from(draw_uuid(random, day)?).map_err(Failure::new)
}

/// Entries that belong to no class arrive once a month from each provider.
pub(super) fn monthly(people: &[Person], entries: impl Iterator<Item = Recorded>) -> Result<Vec<Import>, Failure> {
    let mut lists: std::collections::BTreeMap<(i8, usize), Vec<(Day, Recorded)>> = Default::default();
    for entry in entries {
        let day = entry.day();
        lists.entry((day.date().month(), people[entry.person].provider)).or_default().push((day, entry));
    }
    let mut imports = Vec::with_capacity(lists.len());
    for ((_, provider), mut list) in lists {
        list.sort_by_key(|(day, entry)| (*day, entry.id));
        let Some((day, _)) = list.last() else { continue };
        let day = *day;
        let entries = list.into_iter().map(|(_, entry)| entry).collect();
        imports.push(Import { provider, day, class: false, entries });
    }
    Ok(imports)
}
