//! One invented year of training, drawn as the distributions that the product is built for say.
//!
//! What is drawn is what stands after all corrections: a corrected entry was first recorded wrong on purpose. The 8 % of
//! offline claims that a provider rejects are not drawn: a rejected claim never reaches a ledger.

use std::collections::HashMap;

use super::super::Failure;
use super::people::{
    COURSES, CourseSeed, OTHER_REASONS, PROVIDER_SHARES, Person, TOPICS, courses_of, draw_person, draw_uuid,
};
use super::random::{Random, deck, quotas};
use crate::ledger::entry::{Activity, CorrectionReason, EntryId, Record, Study};
use crate::merkle::Hash;
use crate::standard::{CreditHours, Day, StudyForm};

/// How CQOs are spread over [`BANDS`], in per cent.
const BAND_SHARES: [usize; 5] = [8, 22, 55, 12, 3];
/// The least and the most half hours of a CQO's year: none; 0.5 to 9.5; 10 to 14; 15 to 24; more.
const BANDS: [(usize, usize); 5] = [(0, 0), (1, 19), (20, 28), (30, 48), (49, 80)];
/// From this band on, a greater total is the rarer the greater it is: who has enough stops.
const FALLING_FROM_BAND: usize = 3;

/// The lengths of entries in half hours.
const LENGTHS: [usize; 10] = [1, 2, 3, 4, 8, 12, 13, 14, 15, 16];
/// How often each length must come out, in thousandths: 0.5 (10 %), 1 (35 %), 1.5 (20 %), 2 (25 %), 4 (7 %), 6-8 (3 %).
#[cfg(test)]
const LENGTH_SHARES: [usize; 10] = [100, 350, 200, 250, 70, 6, 6, 6, 6, 6];
/// How often each must be tried for that, in ten-thousandths. A long entry does not fit into what is left of a short
/// year, so that long ones must be tried more often than they come out. (Fitted to the bands above; a test holds the
/// outcome against `LENGTH_SHARES`.)
const LENGTH_TRIES: [f64; 10] = [890.0, 3285.0, 1946.0, 2541.0, 845.0, 87.0, 94.0, 99.0, 104.0, 109.0];

/// The forms. Their shares in thousandths are 70, 22, 6 and 2 %; two in a thousand of the online ones are shown as
/// `other` instead, since the list of 9.4.1.2 is open and the demo should show every form.
const FORMS: [StudyForm; 5] =
    [StudyForm::Online, StudyForm::Lecture, StudyForm::Exchange, StudyForm::Publication, StudyForm::Other];
const FORM_SHARES: [usize; 5] = [698, 220, 60, 20, 2];

/// How entries are spread over the months, in per cent.
const MONTH_SHARES: [usize; 12] = [3, 3, 6, 7, 7, 8, 6, 6, 12, 8, 13, 21];

/// A class arrives as one import of so many people.
const CLASS_PEOPLE: (usize, usize) = (50, 120);
/// The usual size of a class.
const CLASS_USUAL: usize = 85;

/// One entry in so many is corrected: 0.5 %.
const ONE_CORRECTED_OF: usize = 200;
/// Of four corrections one voids; the others supersede.
const ONE_VOID_OF: usize = 4;

/// How many of those who study also organise an activity, in per cent: none, one, two.
const ACTIVITY_SHARES: [usize; 3] = [18, 72, 10];
/// How many in a hundred activities have fewer than the five attendees that the rulebook asks for by default.
const SMALL_ACTIVITY_PERCENT: usize = 3;

/// How many evidence files an entry has, in per cent: none, one, two.
const EVIDENCE_SHARES: [usize; 3] = [25, 60, 15];
/// The same of an organised activity, which does not count without (`ce.activity.evidence_required`).
const ACTIVITY_EVIDENCE_SHARES: [usize; 3] = [4, 66, 30];
/// The most days over which an online entry is spread.
const MAX_ONLINE_DAYS: usize = 6;

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

/// The year's total of each person, in half hours.
fn draw_totals(random: &mut Random, learners: usize) -> Vec<usize> {
    let bands = deck(random, &BAND_SHARES, learners);
    let total = |band: usize| {
        let (low, high) = BANDS[band];
        let weights: Vec<usize> =
            (low..=high).map(|total| if band >= FALLING_FROM_BAND { high + 1 - total } else { 1 }).collect();
        low + random.weighted(&weights).unwrap_or(0)
    };
    bands.into_iter().map(total).collect()
}

/// Cuts every total into entries, such that their lengths have the shares asked for and add up to the total exactly.
fn draw_slots(random: &mut Random, totals: &[usize]) -> Vec<Slot> {
    let reach = reachable(totals.iter().copied().max().unwrap_or(0));
    let mut slots = Vec::new();
    for (person, &total) in totals.iter().enumerate() {
        let mut left = total;
        while left > 0 {
            // The chance of each length, given that what is left afterwards must be reached exactly.
            let chance: Vec<f64> = LENGTHS
                .iter()
                .zip(LENGTH_TRIES)
                .map(|(&length, tries)| left.checked_sub(length).map_or(0.0, |rest| tries * reach[rest]))
                .collect();
            let half_hours = LENGTHS[draw_chance(random, &chance)].min(left);
            slots.push(Slot { person, half_hours, form: StudyForm::Online, class: None, day: None });
            left -= half_hours;
        }
    }
    slots
}

/// The chance that a sum of lengths meets each total on its way.
fn reachable(max: usize) -> Vec<f64> {
    let sum: f64 = LENGTH_TRIES.iter().sum();
    let mut reach = vec![1.0];
    for total in 1..=max {
        let ways = LENGTHS.iter().zip(LENGTH_TRIES);
        reach.push(
            ways.filter_map(|(&length, tries)| Some(tries / sum * reach[total.checked_sub(length)?])).sum::<f64>(),
        );
    }
    reach
}

fn draw_chance(random: &mut Random, chances: &[f64]) -> usize {
    const STEPS: usize = 1 << 30;
    /// As exact as needed, and the same on every machine: `STEPS` is a power of two.
    const STEPS_AS_FLOAT: f64 = 1_073_741_824.0;
    let steps = u32::try_from(random.below(STEPS)).unwrap_or(0);
    let mut left = f64::from(steps) / STEPS_AS_FLOAT * chances.iter().sum::<f64>();
    for (i, chance) in chances.iter().enumerate() {
        if left < *chance {
            return i;
        }
        left -= chance;
    }
    0
}

/// Gives every entry a form. Conferences and papers take longer than a lesson, so long entries are likelier to be one.
fn draw_forms(random: &mut Random, slots: &mut [Slot]) {
    const CHANCES: usize = 1_000;
    let shares = quotas(&FORM_SHARES, slots.len());
    let mut order: Vec<(usize, usize)> =
        slots.iter().enumerate().map(|(i, slot)| (slot.half_hours * random.below(CHANCES), i)).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let long: usize = shares[2..].iter().sum();
    let (outside, rest) = order.split_at(long.min(order.len()));
    let mut cards: Vec<StudyForm> =
        (2..FORMS.len()).flat_map(|form| std::iter::repeat_n(FORMS[form], shares[form])).collect();
    random.shuffle(&mut cards);
    for ((_, slot), form) in outside.iter().zip(cards) {
        slots[*slot].form = form;
    }
    let mut rest: Vec<usize> = rest.iter().map(|(_, slot)| *slot).collect();
    random.shuffle(&mut rest);
    for &slot in rest.iter().take(shares[1]) {
        slots[slot].form = StudyForm::Lecture;
    }
}

/// Puts lectures together into classes of 50 to 120 people of one provider, each of whom attends one session of it.
/// Where a provider has fewer lectures than that, they are one small class.
fn form_classes(random: &mut Random, slots: &mut [Slot], people: &[Person]) -> Vec<Vec<usize>> {
    let mut classes = Vec::new();
    for provider in 0..PROVIDER_SHARES.len() {
        let count =
            slots.iter().filter(|s| s.form == StudyForm::Lecture && people[s.person].provider == provider).count();
        if count == 0 {
            continue;
        }
        let number = count.div_ceil(CLASS_PEOPLE.1).max((count + CLASS_USUAL / 2) / CLASS_USUAL);
        spread_lectures(random, slots, people, provider, number);
        let mut by_person: HashMap<usize, Vec<usize>> = HashMap::new();
        for (i, slot) in slots.iter().enumerate() {
            if slot.form == StudyForm::Lecture && people[slot.person].provider == provider {
                by_person.entry(slot.person).or_default().push(i);
            }
        }
        let mut places = class_sizes(random, count, number);
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); number];
        let mut lists: Vec<Vec<usize>> = by_person.into_values().collect();
        // In an order that does not depend on the hash map; those with many lectures first, or they find no place.
        lists.sort_by_key(|list| (std::cmp::Reverse(list.len()), list.first().copied()));
        for list in lists {
            let mut order: Vec<usize> = (0..number).collect();
            order.sort_by_key(|&class| std::cmp::Reverse(places[class]));
            for (slot, class) in list.into_iter().zip(order) {
                places[class] -= 1;
                members[class].push(slot);
                slots[slot].class = Some(classes.len() + class);
            }
        }
        classes.extend(members);
    }
    classes
}

/// Nobody attends more lectures than there are classes: what is too much becomes online study, in exchange for
/// somebody else's.
fn spread_lectures(random: &mut Random, slots: &mut [Slot], people: &[Person], provider: usize, classes: usize) {
    let mut attended: HashMap<usize, usize> = HashMap::new();
    let mut too_much = Vec::new();
    for (i, slot) in slots.iter().enumerate() {
        if slot.form == StudyForm::Lecture && people[slot.person].provider == provider {
            let lectures = attended.entry(slot.person).or_default();
            *lectures += 1;
            if *lectures > classes {
                too_much.push(i);
            }
        }
    }
    let mut others: Vec<usize> = (0..slots.len())
        .filter(|&i| slots[i].form == StudyForm::Online && people[slots[i].person].provider == provider)
        .collect();
    random.shuffle(&mut others);
    for slot in too_much {
        while let Some(other) = others.pop() {
            let lectures = attended.entry(slots[other].person).or_default();
            if *lectures < classes {
                *lectures += 1;
                slots[other].form = StudyForm::Lecture;
                slots[slot].form = StudyForm::Online;
                break;
            }
        }
    }
}

/// Sizes of classes that add up to `count` and lie in [`CLASS_PEOPLE`] where there are enough people.
fn class_sizes(random: &mut Random, count: usize, number: usize) -> Vec<i64> {
    let mut sizes: Vec<usize> = (0..number).map(|i| count / number + usize::from(i < count % number)).collect();
    for i in 0..number.saturating_sub(1) {
        let room = (sizes[i].saturating_sub(CLASS_PEOPLE.0)).min(CLASS_PEOPLE.1.saturating_sub(sizes[i + 1]));
        let moved = random.between(0, room / 2);
        sizes[i] -= moved;
        sizes[i + 1] += moved;
    }
    sizes.into_iter().map(|size| i64::try_from(size).unwrap_or(0)).collect()
}

/// Gives every entry its last day: classes first, each a whole month's share at once; the others fill the months up.
fn draw_days(random: &mut Random, slots: &mut [Slot], classes: &[Vec<usize>], year: i16) -> Result<(), Failure> {
    let mut months = quotas(&MONTH_SHARES, slots.len());
    for members in classes {
        let month = random.weighted(&months).unwrap_or(0);
        months[month] = months[month].saturating_sub(members.len());
        let day = draw_weekday(random, year, month + 1)?;
        for &slot in members {
            slots[slot].day = Some(day);
        }
    }
    let alone: Vec<usize> = (0..slots.len()).filter(|&i| slots[i].class.is_none()).collect();
    for (slot, month) in alone.iter().zip(deck(random, &months, alone.len())) {
        let online = slots[*slot].form == StudyForm::Online;
        let day = if online { draw_date(random, year, month + 1) } else { draw_weekday(random, year, month + 1) };
        slots[*slot].day = Some(day?);
    }
    Ok(())
}

fn draw_date(random: &mut Random, year: i16, month: usize) -> Result<Day, Failure> {
    let month = i8::try_from(month).map_err(Failure::new)?;
    let first = Day::new(year, month, 1).map_err(Failure::new)?;
    let days = usize::try_from(first.date().days_in_month()).map_err(Failure::new)?;
    let date = i8::try_from(random.between(1, days)).map_err(Failure::new)?;
    Day::new(year, month, date).map_err(Failure::new)
}

/// A day from Monday to Friday.
fn draw_weekday(random: &mut Random, year: i16, month: usize) -> Result<Day, Failure> {
    const FRIDAY: i8 = 5;
    loop {
        let day = draw_date(random, year, month)?;
        if day.date().weekday().to_monday_one_offset() <= FRIDAY {
            return Ok(day);
        }
    }
}

/// Chooses what was studied. A longer course is finished in several entries; one is begun again only when a person has
/// studied all that there is.
fn choose_courses(random: &mut Random, slots: &[Slot], classes: &[Vec<usize>]) -> Result<Vec<Study>, Failure> {
    let sessions: Vec<HashMap<usize, CourseSeed>> =
        classes.iter().map(|members| sessions_of(random, members.iter().map(|&slot| slots[slot].half_hours))).collect();
    // What each person has not studied yet, of each course; lectures first, because their course is given.
    let mut left: HashMap<usize, [usize; COURSES.len()]> = HashMap::new();
    let whole = COURSES.map(|course| course.half_hours);
    let session = |slot: &Slot| slot.class.and_then(|class| sessions[class].get(&slot.half_hours)).copied();
    for slot in slots {
        if let Some(place) = session(slot).and_then(|course| COURSES.iter().position(|c| c.code == course.code)) {
            left.entry(slot.person).or_insert(whole)[place] = 0;
        }
    }
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_by_key(|&i| (slots[i].day, i));
    let mut studies: Vec<(usize, Study)> = Vec::with_capacity(slots.len());
    for i in order {
        let slot = &slots[i];
        let (course, completes) = match (session(slot), slot.form) {
            (Some(course), _) => (course, true),
            (None, StudyForm::Online | StudyForm::Lecture) => {
                next_course(random, left.entry(slot.person).or_insert(whole), slot.half_hours)
            }
            (None, form) => (random.pick(courses_of(form)).copied().unwrap_or(COURSES[0]), true),
        };
        studies.push((i, draw_study(random, slot, course, completes)?));
    }
    studies.sort_by_key(|(i, _)| *i);
    Ok(studies.into_iter().map(|(_, study)| study).collect())
}

/// The sessions of one class: for each length that somebody attends, a course of that length.
fn sessions_of(random: &mut Random, lengths: impl Iterator<Item = usize>) -> HashMap<usize, CourseSeed> {
    let mut sessions = HashMap::new();
    for length in lengths {
        sessions.entry(length).or_insert_with(|| {
            let fitting: Vec<CourseSeed> = COURSES.iter().filter(|c| c.half_hours == length).copied().collect();
            // A class of 6, 6.5, 7, 7.5 or 8 hours is the day of several topics.
            random.pick(&fitting).copied().unwrap_or(COURSES[COURSES.len() - 1])
        });
    }
    sessions
}

/// A course with room for so many half hours, and whether it is finished by them.
fn next_course(random: &mut Random, left: &mut [usize; COURSES.len()], half_hours: usize) -> (CourseSeed, bool) {
    /// A course that is under way is taken up again more often than a new one is begun.
    const UNDER_WAY: usize = 6;
    /// The day of several topics is for entries of so many half hours or more.
    const LONG_ENTRY: usize = 8;
    /// The longest course besides it.
    const USUAL_COURSE: usize = 8;
    let weight = |place: usize| {
        let (room, whole) = (left[place], COURSES[place].half_hours);
        match room {
            _ if room < half_hours => 0,
            _ if whole > USUAL_COURSE && half_hours < LONG_ENTRY => 0,
            _ if room < whole => UNDER_WAY,
            _ => 1,
        }
    };
    let weights: Vec<usize> = (0..COURSES.len()).map(weight).collect();
    let place = random.weighted(&weights).unwrap_or_else(|| {
        let long: Vec<usize> = (0..COURSES.len()).filter(|&i| COURSES[i].half_hours >= half_hours).collect();
        let again = random.pick(&long).copied().unwrap_or(COURSES.len() - 1);
        left[again] = COURSES[again].half_hours;
        again
    });
    left[place] = left[place].saturating_sub(half_hours);
    (COURSES[place], left[place] == 0)
}

fn draw_study(random: &mut Random, slot: &Slot, course: CourseSeed, completes: bool) -> Result<Study, Failure> {
    let last_day = slot.day()?;
    let mut first_day = last_day;
    if slot.form == StudyForm::Online && slot.half_hours > 1 {
        for _ in 0..random.between(0, MAX_ONLINE_DAYS) {
            // Never back into the year before: whose hours would they be?
            first_day = first_day.previous().ok().filter(|day| day.year() == last_day.year()).unwrap_or(first_day);
        }
    }
    let form_reason = match slot.form {
        StudyForm::Other => random.pick(&OTHER_REASONS).map(|reason| (*reason).to_owned()),
        _ => None,
    };
    Ok(Study {
        completes,
        course_code: course.code.parse().map_err(Failure::new)?,
        course_title: course.title.to_owned(),
        evidence: draw_evidence(random, &EVIDENCE_SHARES),
        first_day,
        last_day,
        form: slot.form,
        form_reason,
        hours: hours(slot.half_hours)?,
        reviewed_by: None,
    })
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

/// Makes mistakes, and what puts them right: entries recorded wrong and superseded, entries recorded twice and voided.
fn draw_fixes(
    random: &mut Random,
    slots: &[Slot],
    entries: &mut [Recorded],
) -> Result<(Vec<Recorded>, Vec<Fix>), Failure> {
    let mut alone: Vec<usize> = (0..slots.len()).filter(|&i| slots[i].class.is_none()).collect();
    random.shuffle(&mut alone);
    // At least one of each.
    let count = ((entries.len() + ONE_CORRECTED_OF / 2) / ONE_CORRECTED_OF).max(2);
    let (mut doubles, mut fixes) = (Vec::new(), Vec::new());
    for (number, &i) in alone.iter().take(count).enumerate() {
        let (person, day) = (entries[i].person, slots[i].day()?);
        let id = draw_id(random, day)?;
        if number % ONE_VOID_OF == 1 {
            let double = Recorded { id: draw_id(random, day)?, ..entries[i].clone() };
            fixes.push(Fix { id, person, target: double.id, reason: CorrectionReason::Duplicate, replacement: None });
            doubles.push(double);
            continue;
        }
        let right = entries[i].record.clone();
        let Record::Study(wrong) = &mut entries[i].record else { continue };
        let reason = if number % 2 == 0 {
            // Twice the hours: the usual slip between minutes, lessons and credit hours.
            wrong.hours = hours(slots[i].half_hours * 2)?;
            CorrectionReason::Hours
        } else {
            wrong.first_day = Day::new(day.year(), 1, 1).map_err(Failure::new)?;
            wrong.last_day = wrong.first_day;
            CorrectionReason::Dates
        };
        fixes.push(Fix { id, person, target: entries[i].id, reason, replacement: Some(right) });
    }
    Ok((doubles, fixes))
}

/// Activities that CQOs organise; those who log no study log none.
fn draw_activities(random: &mut Random, half_hours: &[usize], year: i16) -> Result<Vec<Recorded>, Failure> {
    const SMALL: (usize, usize) = (3, 4);
    const USUAL: (usize, usize) = (5, 60);
    let studying: Vec<usize> = (0..half_hours.len()).filter(|&person| half_hours[person] > 0).collect();
    let counts = deck(random, &ACTIVITY_SHARES, studying.len());
    let mut activities = Vec::new();
    for (person, count) in studying.into_iter().zip(counts) {
        for _ in 0..count {
            let month = random.weighted(&MONTH_SHARES).unwrap_or(0) + 1;
            let date = draw_weekday(random, year, month)?;
            let (low, high) = if random.percent(SMALL_ACTIVITY_PERCENT) { SMALL } else { USUAL };
            let activity = Activity {
                attendees: u32::try_from(random.between(low, high)).map_err(Failure::new)?,
                attendees_digest: Hash::of(&[&random.bytes::<16>()]),
                date,
                evidence: draw_evidence(random, &ACTIVITY_EVIDENCE_SHARES),
                reviewed_by: None,
                topic: random.pick(&TOPICS).copied().unwrap_or_default().to_owned(),
            };
            activities.push(Recorded { id: draw_id(random, date)?, person, record: Record::Activity(activity) });
        }
    }
    Ok(activities)
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

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 20_260_101;

    /// Checks shares in thousandths, to `tolerance` thousandths.
    fn close(what: &str, counts: &[usize], shares: &[usize], tolerance: usize) {
        let (all, of) = (counts.iter().sum::<usize>(), shares.iter().sum::<usize>());
        for (i, (count, share)) in counts.iter().zip(shares).enumerate() {
            let (got, wanted) = (count * 1_000 / all, share * 1_000 / of);
            assert!(got.abs_diff(wanted) <= tolerance, "{what} {i}: {got} of 1000, not {wanted}");
        }
    }

    fn studies(year: &Year) -> Vec<(&Import, &Recorded, &Study)> {
        let entries = year.imports.iter().flat_map(|import| import.entries.iter().map(move |entry| (import, entry)));
        entries
            .filter_map(|(import, entry)| match &entry.record {
                Record::Study(study) => Some((import, entry, study)),
                Record::Activity(_) => None,
            })
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_year_and_another_seed_another() {
        let year = draw_year(SEED, 60, 2025).unwrap();
        assert_eq!(year, draw_year(SEED, 60, 2025).unwrap());
        assert_ne!(year, draw_year(SEED + 1, 60, 2025).unwrap());
    }

    #[test]
    fn a_large_sample_has_the_distributions_asked_for() {
        let learners = 20_000;
        let year = draw_year(SEED, learners, 2025).unwrap();
        let mut bands = [0; 5];
        for total in &year.half_hours {
            bands[BANDS.iter().position(|(low, high)| (low..=high).contains(&total)).unwrap()] += 1;
        }
        close("bands", &bands, &BAND_SHARES, 0);
        let mean = year.half_hours.iter().sum::<usize>() * 100 / 2 / learners;
        assert!((1_050..=1_090).contains(&mean), "mean hours in hundredths: {mean}");

        // As drawn, that is after corrections.
        let mut random = Random::new(SEED);
        let totals = draw_totals(&mut random, learners);
        let slots = draw_slots(&mut random, &totals);
        for (person, total) in totals.iter().enumerate().take(500) {
            assert_eq!(slots.iter().filter(|s| s.person == person).map(|s| s.half_hours).sum::<usize>(), *total);
        }
        let mut lengths = [0; LENGTHS.len()];
        for slot in &slots {
            lengths[LENGTHS.iter().position(|length| *length == slot.half_hours).unwrap()] += 1;
        }
        close("lengths", &lengths, &LENGTH_SHARES, 4);
        let per_cqo = slots.len() * 100 / learners;
        assert!((600..=750).contains(&per_cqo), "entries of a CQO in hundredths: {per_cqo}");

        let studies = studies(&year);
        let mut forms = [0; FORMS.len()];
        let mut months = [0; 12];
        for (_, _, study) in &studies {
            forms[FORMS.iter().position(|form| *form == study.form).unwrap()] += 1;
            months[usize::try_from(study.last_day.date().month()).unwrap() - 1] += 1;
        }
        close("forms", &forms, &FORM_SHARES, 2);
        close("months", &months, &MONTH_SHARES, 4);
        let corrected = year.fixes.len() * 10_000 / studies.len();
        assert!((45..=55).contains(&corrected), "corrected of 10000: {corrected}");
        assert!(year.fixes.iter().any(|fix| fix.replacement.is_none()));
        let active: std::collections::HashSet<usize> = year
            .imports
            .iter()
            .flat_map(|import| &import.entries)
            .filter(|entry| matches!(entry.record, Record::Activity(_)))
            .map(|entry| entry.person)
            .collect();
        assert!(active.len() * 100 / learners >= 70);
    }

    #[test]
    fn a_class_is_an_import_of_50_to_120_people_on_one_weekday() {
        for learners in [500, 5_000] {
            let year = draw_year(SEED, learners, 2025).unwrap();
            let classes: Vec<&Import> = year.imports.iter().filter(|import| import.class).collect();
            assert!(classes.len() >= 6);
            for class in classes {
                assert!((50..=120).contains(&class.entries.len()), "{}", class.entries.len());
                let people: std::collections::HashSet<usize> = class.entries.iter().map(|e| e.person).collect();
                assert_eq!(people.len(), class.entries.len(), "one session each");
                assert!(class.entries.iter().all(|entry| matches!(&entry.record,
                    Record::Study(study) if study.form == StudyForm::Lecture && study.last_day == class.day)));
            }
        }
    }

    #[test]
    fn corrections_lead_back_to_the_drawn_totals() {
        let year = draw_year(SEED, 500, 2025).unwrap();
        let mut recorded: HashMap<EntryId, (usize, u32)> = studies(&year)
            .into_iter()
            .map(|(_, entry, study)| (entry.id, (entry.person, study.hours.hundredths())))
            .collect();
        for fix in &year.fixes {
            let entry = recorded.get_mut(&fix.target).unwrap();
            assert_eq!(entry.0, fix.person);
            entry.1 = match &fix.replacement {
                Some(Record::Study(study)) => study.hours.hundredths(),
                _ => 0,
            };
        }
        let mut totals = vec![0; year.people.len()];
        for (person, hundredths) in recorded.values() {
            totals[*person] += hundredths;
        }
        let drawn: Vec<u32> = year.half_hours.iter().map(|half| u32::try_from(half * 50).unwrap()).collect();
        assert_eq!(totals, drawn);
    }

    #[test]
    fn few_learners_are_no_reason_to_stumble() {
        for learners in 1..=12 {
            for seed in 0..8 {
                let year = draw_year(seed, learners, 2024).unwrap();
                assert_eq!(year.people.len(), learners);
            }
        }
    }
}
