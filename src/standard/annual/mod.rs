//! The annual requirement 年度要求 of clause 9.4.1.2: within the validity of the level certificate, each year at least
//! so many credit hours of study and so many training activities organised by the CQO.
//!
//! [`count`] takes records and an edition of the rulebook and explains its result record by record: what counts, and
//! by which key of the rulebook (`ce.*`, `hour.daily_cap`) anything does not. Integers only.
//!
//! Deliberately absent: the words for people (the web's), today's date (a year is counted the same whenever it is
//! asked for), notices of a shortfall, which are use cases (what it blocks is here, [`short_years`]), and
//! `ce.teach_factor_percent`: no entry says that hours were taught, so there is nothing that the factor could apply to.
//! `ce.conversion.half_day` is for whoever enters an exchange of half a day; an entry says hours, and those are only
//! ever limited here.

mod activity;
mod days;
mod period;
mod recertification;
mod result;
mod span;
mod study;
mod terms;
#[cfg(test)]
mod tests;
mod years;

pub use period::{Coverage, Ending, Period, Year};
pub use recertification::{Amount, Judged, ShortYear, short_years};
pub use result::{ActivityTally, Counted, HourTally, Lack, Loss, Shortfall, Standing, Why};
pub use span::{Span, SpanError};
pub use terms::Terms;
pub use years::years;

use super::{CreditCode, CreditHours, Day, Edition, StudyForm};

/// What a year is counted from: one entry, by what it says in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Study.
    Study(Study),
    /// A training activity organised by the CQO 质量专业培训活动.
    Activity(Activity),
}

/// Hours of study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Study {
    /// Which course.
    pub course: Course,
    /// How it was studied.
    pub form: StudyForm,
    /// From the first day to the last. The entry belongs to the year of its last day.
    pub days: Span,
    /// As recorded.
    pub hours: CreditHours,
    /// The course is finished with this entry.
    pub completes: bool,
}

/// A course: whoever records names it, so the same code of another recorder is another course.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Course {
    /// Who recorded the hours.
    pub recorder: CreditCode,
    /// The recorder's code of the course.
    pub code: String,
}

/// An organised activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// The day it was held.
    pub date: Day,
    /// How many attended.
    pub attendees: u32,
    /// How many evidence files there are.
    pub evidence: usize,
    /// The certifying body confirmed it.
    pub confirmed: bool,
}

/// Counts a year, clause 9.4.1.2.
///
/// Without a registered term of a level certificate the whole year is counted, and the result says that there is none.
/// `surplus_before` are the surplus hours of the year before (结转), of which the rulebook lets some count. The order of
/// the records changes no total.
///
/// A year is counted from its own entries alone. An entry that began in the year before may put hours on its days
/// there, whatever else was recorded of them: how a year ends never changes with what comes after it.
pub fn count(edition: &Edition, period: Period, records: &[Record], surplus_before: CreditHours) -> Standing {
    let counted = count_each(edition, &period, records);
    Standing {
        version: edition.version,
        hours: HourTally::of(period.required_hours(&edition.ce), &counted, surplus_before, &edition.ce),
        activities: ActivityTally::of(period.required_activities(&edition.ce), &counted),
        period,
        records: counted,
    }
}

/// What each record counts, in the order given.
fn count_each(edition: &Edition, period: &Period, records: &[Record]) -> Vec<Counted> {
    let mut study = study::count(edition, period, records.iter().filter_map(Record::study).collect()).into_iter();
    let each = |record: &Record| match record {
        Record::Study(_) => study.next().expect("there is one result for each entry of study"),
        Record::Activity(activity) => Counted::Activity { lacks: activity::lacks(edition, period, activity) },
    };
    records.iter().map(each).collect()
}

impl Record {
    /// The last day of what was recorded, by which it belongs to a year.
    pub const fn last_day(&self) -> Day {
        match self {
            Self::Study(study) => study.days.last(),
            Self::Activity(activity) => activity.date,
        }
    }

    const fn study(&self) -> Option<&Study> {
        match self {
            Self::Study(study) => Some(study),
            Self::Activity(_) => None,
        }
    }
}
