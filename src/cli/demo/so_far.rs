//! The year that is not over: drawn like any other, and cut off at today.

use std::collections::{HashMap, HashSet};

use super::super::Failure;
use super::cast::{Cast, Part};
use super::draw::{Import, Recorded, Year, draw_evidence, draw_id, draw_year_of, hours, last_day, monthly};
use super::people::{COURSES, Person, TOPICS};
use super::random::Random;
use crate::ledger::entry::{Activity, EntryId, Record, Study};
use crate::merkle::Hash;
use crate::standard::{Day, StudyForm};

/// What seeds the year that is not over, beside the demo's own seed.
const SEED_OF_THIS_YEAR: u64 = 0x7E51;
/// What the one who has met the year studied: places in [`COURSES`], 10.5 hours in all.
const ENOUGH: [usize; 5] = [0, 2, 6, 11, 13];
/// What the one who is 1.5 hours short of 10 studied.
const SHORT: [usize; 5] = [0, 3, 4, 9, 1];
/// When both did: tenths of the year so far, one for each of their courses.
const TENTHS: [i32; 5] = [1, 3, 5, 7, 9];

/// Draws the year of `today` up to the day before, so that nothing in it is of a day to come.
pub(super) fn draw_so_far(seed: u64, people: Vec<Person>, cast: &Cast, today: Day) -> Result<Year, Failure> {
    let mut random = Random::new(seed ^ SEED_OF_THIS_YEAR);
    let idle: Vec<usize> =
        [Part::Met, Part::Short, Part::Nothing].into_iter().filter_map(|part| cast.person(part)).collect();
    let year = draw_year_of(&mut random, people, &idle, today.year())?;
    let own = draw_own(&mut random, cast, today)?;
    let imports = monthly(&year.people, own.into_iter())?;
    year.until(today)?.with(imports)
}

/// The entries of those whose year has to come out in a certain way.
fn draw_own(random: &mut Random, cast: &Cast, today: Day) -> Result<Vec<Recorded>, Failure> {
    let mut own = Vec::new();
    for (part, courses) in [(Part::Met, ENOUGH), (Part::Short, SHORT)] {
        let Some(person) = cast.person(part) else { continue };
        for (course, tenths) in courses.into_iter().zip(TENTHS) {
            let day = share_of_year(today, tenths)?;
            own.push(Recorded { id: draw_id(random, day)?, person, record: study(random, course, day)? });
        }
    }
    if let Some(person) = cast.person(Part::Met) {
        let day = share_of_year(today, 6)?;
        let activity = Activity {
            attendees: 26,
            attendees_digest: Hash::of(&[&random.bytes::<16>()]),
            date: day,
            evidence: draw_evidence(random, &[0, 1]),
            reviewed_by: None,
            topic: TOPICS[2].to_owned(),
        };
        own.push(Recorded { id: draw_id(random, day)?, person, record: Record::Activity(activity) });
    }
    Ok(own)
}

fn study(random: &mut Random, course: usize, day: Day) -> Result<Record, Failure> {
    let course = COURSES[course];
    Ok(Record::Study(Study {
        completes: true,
        course_code: course.code.parse().map_err(Failure::new)?,
        course_title: course.title.to_owned(),
        evidence: draw_evidence(random, &[0, 1]),
        first_day: day,
        last_day: day,
        form: StudyForm::Lecture,
        form_reason: None,
        hours: hours(course.half_hours)?,
        reviewed_by: None,
    }))
}

/// The day at which so many tenths of the year so far are over.
fn share_of_year(today: Day, tenths: i32) -> Result<Day, Failure> {
    let days = i32::from(today.date().day_of_year()) - 1;
    days_before(today, days - days * tenths / 10)
}

/// So many days before `today`, and never in the year before.
pub(super) fn days_before(today: Day, days: i32) -> Result<Day, Failure> {
    let first = Day::new(today.year(), 1, 1).map_err(Failure::new)?;
    let date = today.date().checked_sub(jiff::Span::new().days(days)).map_err(Failure::new)?;
    Ok(Day::new(date.year(), date.month(), date.day()).map_err(Failure::new)?.max(first))
}

impl Year {
    /// What of it was over the day before `today`. Corrections of what is left out are left out with it.
    fn until(mut self, today: Day) -> Result<Self, Failure> {
        let to_come = |record: &Record| last_day(record) >= today;
        let mut gone: HashSet<EntryId> = self
            .fixes
            .iter()
            .filter(|fix| fix.replacement.as_ref().is_some_and(to_come))
            .map(|fix| fix.target)
            .collect();
        for import in &mut self.imports {
            import.entries.retain(|entry| {
                let stays = !to_come(&entry.record) && !gone.contains(&entry.id);
                if !stays {
                    gone.insert(entry.id);
                }
                stays
            });
        }
        self.imports.retain(|import| !import.entries.is_empty());
        self.fixes.retain(|fix| !gone.contains(&fix.target));
        self.half_hours = self.counted();
        Ok(self)
    }

    /// The same with more imports.
    fn with(mut self, imports: Vec<Import>) -> Result<Self, Failure> {
        self.imports.extend(imports);
        self.imports.sort_by_key(|import| (import.day, import.provider, import.class));
        self.half_hours = self.counted();
        Ok(self)
    }

    /// Half hours of each person, by what stands after the corrections.
    fn counted(&self) -> Vec<usize> {
        const HUNDREDTHS_OF_HALF: u32 = 50;
        let fixes: HashMap<EntryId, Option<&Record>> =
            self.fixes.iter().map(|fix| (fix.target, fix.replacement.as_ref())).collect();
        let mut half_hours = vec![0; self.people.len()];
        for entry in self.imports.iter().flat_map(|import| &import.entries) {
            let stands = fixes.get(&entry.id).map_or(Some(&entry.record), |replacement| *replacement);
            if let Some(Record::Study(study)) = stands {
                half_hours[entry.person] += (study.hours.hundredths() / HUNDREDTHS_OF_HALF) as usize;
            }
        }
        half_hours
    }

    /// The organised activities in it.
    pub(super) fn activities(&self) -> impl Iterator<Item = &Recorded> {
        let entries = self.imports.iter().flat_map(|import| &import.entries);
        entries.filter(|entry| matches!(entry.record, Record::Activity(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast;
    use super::super::draw::draw_year;
    use super::*;

    #[test]
    fn a_year_so_far_holds_nothing_of_today_or_later_and_adds_up() {
        for (learners, today) in [(500, "2026-11-27"), (40, "2026-06-01"), (5, "2026-01-01"), (1, "2026-02-28")] {
            let today: Day = today.parse().unwrap();
            let mut last = draw_year(1, learners, today.year() - 1).unwrap();
            let cast = cast::assign(&mut last, today).unwrap();
            let year = draw_so_far(1, last.people.clone(), &cast, today).unwrap();
            assert_eq!(
                year,
                draw_so_far(1, last.people.clone(), &cast, today).unwrap(),
                "the same seed, the same year"
            );
            let first = Day::new(today.year(), 1, 1).unwrap();
            for entry in year.imports.iter().flat_map(|import| &import.entries) {
                assert!((first..=today).contains(&entry.day()), "{}", entry.day());
            }
            let hours = |part| cast.person(part).map(|person| year.half_hours[person]);
            assert_eq!(hours(Part::Met).unwrap_or(21), 21);
            assert_eq!(hours(Part::Short).unwrap_or(17), 17);
            assert_eq!(hours(Part::Nothing).unwrap_or(0), 0);
        }
    }
}
