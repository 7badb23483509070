//! Lectures, put together into the classes that attend them.

use std::collections::HashMap;

use super::super::people::{PROVIDER_SHARES, Person};
use super::super::random::Random;
use super::Slot;
use crate::standard::StudyForm;

/// A class arrives as one import of so many people.
const CLASS_PEOPLE: (usize, usize) = (50, 120);
/// The usual size of a class.
const CLASS_USUAL: usize = 85;

/// Puts lectures together into classes of 50 to 120 people of one provider, each of whom attends one session of it.
/// Where a provider has fewer lectures than that, they are one small class.
pub(super) fn form_classes(random: &mut Random, slots: &mut [Slot], people: &[Person]) -> Vec<Vec<usize>> {
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
