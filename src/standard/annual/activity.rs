//! Which training activities count as organised, `ce.activity`.

use super::{Activity, Lack, Period};
use crate::standard::Edition;

/// Everything that keeps an activity from counting; nothing when it counts.
pub(super) fn lacks(edition: &Edition, period: &Period, activity: &Activity) -> Vec<Lack> {
    let rules = &edition.ce.activity;
    let outside = !period.counts(activity.date);
    let too_few = activity.attendees < u32::from(rules.min_attendees);
    let no_evidence = rules.evidence_required && activity.evidence == 0;
    let unconfirmed = rules.confirmed_by_body && !activity.confirmed;
    let (found, needed) = (activity.attendees, rules.min_attendees);
    [
        outside.then_some(Lack::OutsidePeriod),
        too_few.then_some(Lack::TooFewAttendees { found, needed }),
        no_evidence.then_some(Lack::NoEvidence),
        unconfirmed.then_some(Lack::NotConfirmed),
    ]
    .into_iter()
    .flatten()
    .collect()
}
