//! What CQOs organise.

use super::super::super::Failure;
use super::super::people::TOPICS;
use super::super::random::{Random, deck};
use super::days::{MONTH_SHARES, draw_weekday};
use super::{Recorded, draw_evidence, draw_id};
use crate::ledger::entry::{Activity, Record};
use crate::merkle::Hash;

/// How many of those who study also organise an activity, in per cent: none, one, two.
const ACTIVITY_SHARES: [usize; 3] = [18, 72, 10];
/// How many in a hundred activities have fewer than the five attendees that the rulebook asks for by default.
const SMALL_ACTIVITY_PERCENT: usize = 3;
/// How many evidence files an activity has, in per cent: none, one, two. It does not count without
/// (`ce.activity.evidence_required`).
const ACTIVITY_EVIDENCE_SHARES: [usize; 3] = [4, 66, 30];

/// Activities that CQOs organise; those who log no study log none.
pub(super) fn draw_activities(random: &mut Random, half_hours: &[usize], year: i16) -> Result<Vec<Recorded>, Failure> {
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
