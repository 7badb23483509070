//! Mistakes, and what puts them right.

use super::super::super::Failure;
use super::super::random::Random;
use super::{Fix, Recorded, Slot, draw_id, hours};
use crate::ledger::entry::{CorrectionReason, Record};
use crate::standard::Day;

/// One entry in so many is corrected: 0.5 %.
const ONE_CORRECTED_OF: usize = 200;
/// Of four corrections one voids; the others supersede.
const ONE_VOID_OF: usize = 4;

/// Makes mistakes, and what puts them right: entries recorded wrong and superseded, entries recorded twice and voided.
pub(super) fn draw_fixes(
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
