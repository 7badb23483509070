//! The days of the year on which entries fall.

use super::super::super::Failure;
use super::super::random::{Random, deck, quotas};
use super::Slot;
use crate::standard::{Day, StudyForm};

/// How entries are spread over the months, in per cent.
pub(super) const MONTH_SHARES: [usize; 12] = [3, 3, 6, 7, 7, 8, 6, 6, 12, 8, 13, 21];

/// Gives every entry its last day: classes first, each a whole month's share at once; the others fill the months up.
pub(super) fn draw_days(
    random: &mut Random,
    slots: &mut [Slot],
    classes: &[Vec<usize>],
    year: i16,
) -> Result<(), Failure> {
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
pub(super) fn draw_weekday(random: &mut Random, year: i16, month: usize) -> Result<Day, Failure> {
    const FRIDAY: i8 = 5;
    loop {
        let day = draw_date(random, year, month)?;
        if day.date().weekday().to_monday_one_offset() <= FRIDAY {
            return Ok(day);
        }
    }
}
