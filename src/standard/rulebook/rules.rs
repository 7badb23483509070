//! The typed sections of one edition: the shape of `rulebook.toml`, key by key.
//!
//! What each key means, its clause and its limits are in `keys.rs`; here a field's type says what can be written.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::RulebookVersion;
use crate::standard::choice::choice;
use crate::standard::{CreditHours, Day};

/// One edition of the rules: from [`Edition::effective_from`] until the next edition is in effect.
///
/// Only [`super::Rulebook::parse`] makes editions whose values are within their limits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// The version that decisions record.
    pub version: RulebookVersion,
    /// The first day in effect 生效日期.
    pub effective_from: Day,
    /// What people call this edition.
    pub title: String,
    /// What an hour is.
    pub hour: HourRules,
    /// Continuing education 继续教育, 9.4.1.2.
    pub ce: CeRules,
    /// When hour certificates are issued, [10.3].
    pub issue: IssueRules,
    /// Who may apply 申报要求, chapter 5.
    pub eligibility: EligibilityRules,
    /// Time limits of the procedure, 9.2.
    pub sla: SlaRules,
    /// The panel 专家组, 9.3.
    pub panel: PanelRules,
    /// How scores are made, 9.3.2.
    pub scoring: ScoringRules,
    /// Which level is awarded, Table B.2.
    pub award: AwardRules,
    /// The level certificate 认定证书, 9.4.1.1.
    pub certificate: CertificateRules,
    /// Recertification 再认定, 9.4.1.3 and [11.2].
    pub recert: RecertRules,
}

/// `hour`: what a credit hour 学时 is, and how many of a day count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HourRules {
    /// Minutes in one credit hour.
    pub minutes: u16,
    /// Platform time is rounded down to a multiple of this.
    #[serde(deserialize_with = "decimal")]
    pub rounding: CreditHours,
    /// At most so many hours of one day count.
    #[serde(deserialize_with = "decimal")]
    pub daily_cap: CreditHours,
}

/// `ce`: the annual requirement 年度要求, clause 9.4.1.2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeRules {
    /// What "each year" is.
    pub year: CeYear,
    /// The least hours of study in a year.
    #[serde(deserialize_with = "decimal")]
    pub required_hours: CreditHours,
    /// The least number of organised activities in a year.
    pub required_activities: u16,
    /// At most so many surplus hours count in the next year 结转.
    #[serde(deserialize_with = "decimal")]
    pub carry_over_max: CreditHours,
    /// Per cent of hours taught that count as studied.
    pub teach_factor_percent: u16,
    /// Whether the same course counts again in a year.
    pub repeat: Repeat,
    /// What a shortfall 未达标 leads to.
    pub shortfall_action: ShortfallAction,
    /// Years that the certificate covers in part.
    pub partial: PartialYearRules,
    /// What counts as an organised activity 质量专业培训活动.
    pub activity: ActivityRules,
    /// Exchange and publication in hours.
    pub conversion: ConversionRules,
}

/// `ce.partial`: a certificate that starts or ends inside a year.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialYearRules {
    /// The prorated hours are rounded up to a multiple of this.
    #[serde(deserialize_with = "decimal")]
    pub rounding: CreditHours,
    /// The activity is due from so many covered days on.
    pub activity_min_days: u16,
}

/// `ce.activity`: what counts as organised. Organiser, date and topic are always needed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivityRules {
    /// The least number of attendees.
    pub min_attendees: u16,
    /// Whether evidence is needed.
    pub evidence_required: bool,
    /// Whether the certifying body must have confirmed it.
    pub confirmed_by_body: bool,
}

/// `ce.conversion`: forms of study that are not measured in time, 9.4.1.2 b) and c).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversionRules {
    /// Half a day of academic exchange.
    #[serde(deserialize_with = "decimal")]
    pub half_day: CreditHours,
    /// A full day of academic exchange.
    #[serde(deserialize_with = "decimal")]
    pub full_day: CreditHours,
    /// One publication.
    #[serde(deserialize_with = "decimal")]
    pub paper: CreditHours,
    /// At most so many of the required hours come from exchange and publication together.
    #[serde(deserialize_with = "decimal")]
    pub exchange_and_publication_max: CreditHours,
}

/// `issue`: when hour certificates 首席质量官培训学时证明 are issued without being asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueRules {
    /// What a certificate waits for.
    pub trigger: IssueTrigger,
}

/// `eligibility`: who may apply, chapter 5.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibilityRules {
    /// How the three conditions of 5.1.1 are combined.
    pub basic: BasicCondition,
    /// What level 5A asks for.
    pub aaaaa: AaaaaRules,
}

/// `eligibility.aaaaa`: clause 5.2.3.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AaaaaRules {
    /// The level to hold before.
    pub prior_level: PriorLevel,
}

/// `sla`: time limits of clause 9.2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlaRules {
    /// Working days of a completeness review 形式审查.
    pub review_working_days: u16,
    /// Days to supplement 补充完善.
    pub supplement_days: u16,
}

/// `panel`: the panel 专家组. One member is always the leader 认定专家组长, 9.3.3.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelRules {
    /// The least number of members.
    pub min_members: u16,
    /// Whether the number must be odd.
    pub odd: bool,
}

/// `scoring`: how the members' scores become one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoringRules {
    /// The way per cell.
    pub aggregate: Aggregate,
}

/// `award`: which level is awarded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwardRules {
    /// What bounds the level.
    pub cap: AwardCap,
    /// Whether an award below the level applied for needs the candidate's consent.
    pub lower_needs_consent: bool,
}

/// `certificate`: the level certificate, 9.4.1.1.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateRules {
    /// Years of validity.
    pub validity_years: u16,
}

/// `recert`: recertification, 9.4.1.3.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecertRules {
    /// Months before expiry in which it can be applied for.
    pub window_months: u16,
    /// What holds after a change of state.
    pub after: AfterRules,
}

/// `recert.after`: full years after which a new certificate needs, and may have, recertification, [11.2].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfterRules {
    /// Suspended 暂停.
    pub suspended_years: u16,
    /// Discontinued 中止.
    pub discontinued_years: u16,
    /// Withdrawn 收回.
    pub withdrawn_years: u16,
    /// Voided 作废.
    pub voided_years: u16,
    /// Expired 到期; 0 is at any time.
    pub expired_years: u16,
    /// Whether a suspended or discontinued certificate can be reinstated 恢复 before.
    pub reinstatement: bool,
}

choice! {
    /// What "each year" of clause 9.4.1.2 is.
    pub enum CeYear {
        /// A calendar year in UTC+8.
        Calendar = "calendar", "自然年";
        /// A year counted from the certificate's day of issue.
        Certificate = "certificate", "证书年";
    }
}

choice! {
    /// Whether the same course counts again in a year.
    pub enum Repeat {
        /// It counts once.
        Once = "once", "只计一次";
        /// It counts each time.
        EachTime = "each_time", "每次计入";
    }
}

choice! {
    /// What a shortfall leads to. Never an automatic suspension.
    pub enum ShortfallAction {
        /// A notice to the CQO.
        Notice = "notice", "通知";
        /// A notice, and no recertification until made up.
        NoticeAndBlock = "notice_and_block", "通知，补足前不予再认定";
    }
}

choice! {
    /// What an automatic hour certificate waits for, [10.3].
    pub enum IssueTrigger {
        /// All entries of a finished course are sealed.
        CourseCompleted = "course_completed", "课程完成并上链";
        /// An entry is sealed.
        EntrySealed = "entry_sealed", "每条学时记录上链";
    }
}

choice! {
    /// How education, title and experience of clause 5.1.1 are combined.
    pub enum BasicCondition {
        /// One is enough.
        AnyOne = "any_one", "具备其一";
        /// All are needed.
        All = "all", "全部具备";
    }
}

choice! {
    /// The level to hold before applying for 5A, clause 5.2.3.
    pub enum PriorLevel {
        /// No level.
        None = "none", "无";
        /// Level 4A.
        Aaaa = "aaaa", "4A";
    }
}

choice! {
    /// How the members' scores of a cell become one.
    pub enum Aggregate {
        /// The mean.
        Mean = "mean", "平均分";
        /// The mean without the highest and the lowest.
        Trimmed = "trimmed", "去掉最高分和最低分后的平均分";
    }
}

choice! {
    /// What bounds the level awarded.
    pub enum AwardCap {
        /// The lowest of the levels applied for, eligible and scored.
        AppliedEligibleScored = "applied_eligible_scored", "申报、符合条件、得分三者取低";
        /// The lower of the levels eligible and scored.
        EligibleScored = "eligible_scored", "符合条件、得分两者取低";
    }
}

/// Reads credit hours as the rulebook writes them: a string with exactly two decimals, kinder to people than an
/// integer of hundredths.
fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CreditHours, D::Error> {
    Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
