//! The rulebook: every setting the draft standard leaves open, typed, versioned and checked as a whole.
//!
//! `rulebook.toml` beside this file is the default and is part of the program. A rulebook holds editions; which one
//! decides follows from the day of the matter, and the decision records its version.
//!
//! Deliberately absent: reading files, and the tables A.1, B.1 and B.2, which are the standard's own.

mod keys;
mod place;
mod rules;
mod version;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use toml::de::DeTable;

pub use keys::{KEYS, Key};
use place::KeyMap;
pub use place::Place;
pub use rules::{
    AaaaaRules, ActivityRules, AfterRules, Aggregate, AwardCap, AwardRules, BasicCondition, CeRules, CeYear,
    CertificateRules, ConversionRules, Edition, EligibilityRules, HourRules, IssueRules, IssueTrigger, PanelRules,
    PartialYearRules, PriorLevel, RecertRules, Repeat, ScoringRules, ShortfallAction, SlaRules,
};
pub use version::{RulebookVersion, VersionError};

use super::Day;

/// The longest rulebook that is looked at, in bytes: some two hundred editions.
pub const RULEBOOK_MAX_BYTES: usize = 1 << 20;

/// The longest title of an edition, in characters.
pub const TITLE_MAX_CHARS: usize = 100;

/// The rulebook that is part of the program.
const EMBEDDED: &str = include_str!("rulebook.toml");

/// The editions of the rules, at least one, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    editions: Vec<Edition>,
}

/// All that is wrong with a rulebook, at least one error, edition by edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulebookErrors(Vec<RulebookError>);

/// One thing that is wrong with a rulebook. Keys are written from the top, as `edition.hour.minutes`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulebookError {
    /// Longer than [`RULEBOOK_MAX_BYTES`].
    #[error("the rulebook has {found} bytes, more than {RULEBOOK_MAX_BYTES}")]
    TooLong {
        /// The bytes it has.
        found: usize,
    },
    /// No TOML.
    #[error("{at}: {reason}")]
    Syntax {
        /// Where it stops being TOML.
        at: Place,
        /// What was expected.
        reason: String,
    },
    /// A key that is missing, unknown, or of the wrong type. Only the first one is found.
    #[error("{at}: {key}: {reason}")]
    Shape {
        /// Where the key, its value, or the section that lacks it begins.
        at: Place,
        /// The key, or the section that lacks it.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// A value outside of its limits.
    #[error("{at}: {key}: {found} is not from {low} to {high}")]
    OutOfLimits {
        /// Where the value begins.
        at: Place,
        /// The key.
        key: String,
        /// The value.
        found: String,
        /// The least value allowed.
        low: String,
        /// The greatest value allowed.
        high: String,
    },
    /// A title that is empty, too long, or not one line.
    #[error("{at}: {key}: expected one line of 1 to {TITLE_MAX_CHARS} characters")]
    Title {
        /// Where the title begins.
        at: Place,
        /// The key.
        key: String,
    },
    /// An edition with the version of an earlier one.
    #[error("{at}: {key}: {version} is the version of an earlier edition too")]
    SameVersion {
        /// Where the second version begins.
        at: Place,
        /// The key.
        key: String,
        /// The version.
        version: RulebookVersion,
    },
    /// An edition that is not in effect later than the one before it.
    #[error("{at}: {key}: {found} is not after {before}, the date of the edition before")]
    NotLater {
        /// Where the date begins.
        at: Place,
        /// The key.
        key: String,
        /// The date of this edition.
        found: Day,
        /// The date of the edition before.
        before: Day,
    },
    /// A rulebook without rules.
    #[error("the rulebook has no [[edition]]")]
    NoEdition,
}

/// The file as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    edition: Vec<Edition>,
}

impl Rulebook {
    /// Reads and checks a rulebook.
    ///
    /// TOML that is broken, or of another shape, is reported at the first such place; after that every value is
    /// looked at and all errors are reported together.
    pub fn parse(text: &str) -> Result<Self, RulebookErrors> {
        if text.len() > RULEBOOK_MAX_BYTES {
            return Err(RulebookError::TooLong { found: text.len() }.into());
        }
        let keys = DeTable::parse(text).map(|document| KeyMap::of(document.get_ref())).map_err(|error| {
            RulebookError::Syntax { at: start_of(&error, text).1, reason: one_line(error.message()) }
        })?;
        let Document { edition: editions } = toml::from_str(text).map_err(|error| {
            let (offset, at) = start_of(&error, text);
            let key = keys.key_at(offset).unwrap_or("the top of the file").to_owned();
            RulebookError::Shape { at, key, reason: one_line(error.message()) }
        })?;
        let errors = Checker { text, keys: &keys }.check(&editions);
        if errors.is_empty() { Ok(Self { editions }) } else { Err(RulebookErrors(errors)) }
    }

    /// The rulebook that is part of the program.
    pub fn embedded() -> Self {
        Self::parse(EMBEDDED).expect("a test parses the embedded rulebook")
    }

    /// Every edition, the oldest first.
    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// The edition of this version.
    pub fn edition(&self, version: &RulebookVersion) -> Option<&Edition> {
        self.editions.iter().find(|edition| edition.version == *version)
    }

    /// The edition in effect on a day; none before the first edition.
    pub fn in_effect(&self, day: Day) -> Option<&Edition> {
        self.editions.iter().rev().find(|edition| edition.effective_from <= day)
    }

    /// The edition that a matter of this day is judged by: the one in effect, and before there was any, the first.
    pub fn of(&self, day: Day) -> &Edition {
        self.in_effect(day).or(self.editions.first()).expect("parse refuses a rulebook without editions")
    }

    /// Keys that somebody set otherwise than the rulebook that is part of the program, and that have no effect, because
    /// nothing reads them yet; each with the version of its edition. Whoever sets one should hear of it.
    pub fn without_effect(&self) -> Vec<(RulebookVersion, &'static str)> {
        let embedded = Self::embedded();
        let default = embedded.latest();
        let mut found = Vec::new();
        for edition in &self.editions {
            let idle = KEYS.iter().filter(|key| !key.is_read() && key.value(edition) != key.value(default));
            found.extend(idle.map(|key| (edition.version, key.path)));
        }
        found
    }

    /// The edition with the latest date of effect, be it still to come.
    pub fn latest(&self) -> &Edition {
        self.editions.last().expect("parse refuses a rulebook without editions")
    }
}

impl RulebookErrors {
    /// The errors, at least one.
    pub fn as_slice(&self) -> &[RulebookError] {
        &self.0
    }
}

impl From<RulebookError> for RulebookErrors {
    fn from(error: RulebookError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for RulebookErrors {
    /// One error a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(RulebookError::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for RulebookErrors {}

/// The offset and the place at which an error of the TOML reader begins.
fn start_of(error: &toml::de::Error, text: &str) -> (usize, Place) {
    let offset = error.span().map_or(0, |span| span.start);
    (offset, Place::of(text, offset))
}

/// Some reasons quote the text; an error stays one line.
fn one_line(reason: &str) -> String {
    reason.trim().replace(char::is_control, " ")
}

/// Checks what types cannot say.
struct Checker<'a> {
    text: &'a str,
    keys: &'a KeyMap,
}

impl Checker<'_> {
    fn check(&self, editions: &[Edition]) -> Vec<RulebookError> {
        let mut errors = Vec::new();
        if editions.is_empty() {
            errors.push(RulebookError::NoEdition);
        }
        let mut versions = BTreeMap::new();
        for (index, edition) in editions.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| editions.get(before));
            let first_index = *versions.entry(edition.version).or_insert(index);
            errors.extend((first_index != index).then(|| self.same_version(index, edition)));
            errors.extend(before.and_then(|before| self.not_later(index, edition, before)));
            errors.extend(self.title(index, edition));
            errors.extend(KEYS.iter().filter_map(|key| self.out_of_limits(index, edition, key)));
        }
        errors
    }

    fn same_version(&self, index: usize, edition: &Edition) -> RulebookError {
        let (at, key) = self.locate(index, "version");
        RulebookError::SameVersion { at, key, version: edition.version }
    }

    fn not_later(&self, index: usize, edition: &Edition, before: &Edition) -> Option<RulebookError> {
        let (found, before) = (edition.effective_from, before.effective_from);
        let (at, key) = self.locate(index, "effective_from");
        (found <= before).then_some(RulebookError::NotLater { at, key, found, before })
    }

    fn title(&self, index: usize, edition: &Edition) -> Option<RulebookError> {
        let chars = edition.title.chars().count();
        let good = (1..=TITLE_MAX_CHARS).contains(&chars) && !edition.title.contains(char::is_control);
        let (at, key) = self.locate(index, "title");
        (!good).then_some(RulebookError::Title { at, key })
    }

    fn out_of_limits(&self, index: usize, edition: &Edition, key: &Key) -> Option<RulebookError> {
        let (low, high) = key.exceeded_limits(edition)?;
        let found = key.value(edition);
        let (at, key) = self.locate(index, key.path);
        Some(RulebookError::OutOfLimits { at, key, found, low, high })
    }

    /// The place of the value, and the key from the top.
    fn locate(&self, edition: usize, path: &str) -> (Place, String) {
        let key = format!("edition.{path}");
        (Place::of(self.text, self.keys.value_of(edition, &key).unwrap_or(0)), key)
    }
}

#[cfg(test)]
mod tests;
