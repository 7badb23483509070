//! What was studied: the courses of entries.

use std::collections::HashMap;

use super::super::super::Failure;
use super::super::people::{COURSES, CourseSeed, OTHER_REASONS, courses_of};
use super::super::random::Random;
use super::{Slot, draw_evidence, hours};
use crate::ledger::entry::Study;
use crate::standard::StudyForm;

/// How many evidence files an entry has, in per cent: none, one, two.
const EVIDENCE_SHARES: [usize; 3] = [25, 60, 15];
/// The most days over which an online entry is spread.
const MAX_ONLINE_DAYS: usize = 6;

/// Chooses what was studied. A longer course is finished in several entries; one is begun again only when a person has
/// studied all that there is.
pub(super) fn choose_courses(
    random: &mut Random,
    slots: &[Slot],
    classes: &[Vec<usize>],
) -> Result<Vec<Study>, Failure> {
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
