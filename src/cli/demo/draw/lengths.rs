//! How much everybody studies in the year, in entries of which length and form.

use super::super::random::{Random, deck, quotas};
use super::Slot;
use crate::standard::StudyForm;

/// How CQOs are spread over [`BANDS`], in per cent.
pub(super) const BAND_SHARES: [usize; 5] = [8, 22, 55, 12, 3];
/// The least and the most half hours of a CQO's year: none; 0.5 to 9.5; 10 to 14; 15 to 24; more.
pub(super) const BANDS: [(usize, usize); 5] = [(0, 0), (1, 19), (20, 28), (30, 48), (49, 80)];
/// From this band on, a greater total is the rarer the greater it is: who has enough stops.
const FALLING_FROM_BAND: usize = 3;

/// The lengths of entries in half hours.
pub(super) const LENGTHS: [usize; 10] = [1, 2, 3, 4, 8, 12, 13, 14, 15, 16];
/// How often each must be tried for that, in ten-thousandths. A long entry does not fit into what is left of a short
/// year, so that long ones must be tried more often than they come out. (Fitted to the bands above; a test holds the
/// outcome against what is asked for.)
const LENGTH_TRIES: [f64; 10] = [890.0, 3285.0, 1946.0, 2541.0, 845.0, 87.0, 94.0, 99.0, 104.0, 109.0];

/// The forms. Their shares in thousandths are 70, 22, 6 and 2 %; two in a thousand of the online ones are shown as
/// `other` instead, since the list of 9.4.1.2 is open and the demo should show every form.
pub(super) const FORMS: [StudyForm; 5] =
    [StudyForm::Online, StudyForm::Lecture, StudyForm::Exchange, StudyForm::Publication, StudyForm::Other];
pub(super) const FORM_SHARES: [usize; 5] = [698, 220, 60, 20, 2];

/// The year's total of each person, in half hours.
pub(super) fn draw_totals(random: &mut Random, learners: usize) -> Vec<usize> {
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
pub(super) fn draw_slots(random: &mut Random, totals: &[usize]) -> Vec<Slot> {
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
pub(super) fn draw_forms(random: &mut Random, slots: &mut [Slot]) {
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
