//! A drawn year, held against the distributions asked for.

use std::collections::HashMap;

use super::days::MONTH_SHARES;
use super::lengths::{BAND_SHARES, BANDS, FORM_SHARES, FORMS, LENGTHS, draw_slots, draw_totals};
use super::*;
use crate::ledger::entry::Study;

/// How often each length must come out, in thousandths: 0.5 (10 %), 1 (35 %), 1.5 (20 %), 2 (25 %), 4 (7 %), 6-8 (3 %).
const LENGTH_SHARES: [usize; 10] = [100, 350, 200, 250, 70, 6, 6, 6, 6, 6];

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
