//! The rules of the standard 首席质量官能力水平认定 as pure code that cites its clauses, and the types they speak in.
//!
//! Here: credit hours, unified social credit codes, civil dates and instants, the forms of study, the rulebook, which
//! holds every setting that the draft leaves open, and the annual requirement of clause 9.4.1.2, which reads it.
//!
//! Deliberately absent: any input or output, any clock, and every other module of this crate. Who asks for a rule
//! brings the time and the edition of the rulebook. The tables A.1, B.1 and B.2 are the standard's own and no
//! settings: they belong in code beside the scoring, not in the rulebook.

pub mod annual;
mod choice;
mod civil;
mod credit_code;
mod form;
mod hours;
pub mod rulebook;

pub use choice::UnknownWord;
pub(crate) use choice::{choice, serde_as_text};
pub use civil::{
    DAY_YEARS, Day, DayError, INSTANT_YEARS, InstantError, UnixMillis, anniversary, calendar_year_of, day_of,
    last_day_of_term,
};
pub use credit_code::{CreditCode, CreditCodeError};
pub use form::StudyForm;
pub use hours::{CreditHours, HoursParseError, MAX_ENTRY_HOURS, MIN_ENTRY_HOURS, TotalHours, TotalTooGreat};
pub use rulebook::{Edition, Rulebook, RulebookError, RulebookErrors, RulebookVersion};
