//! Every key of an edition: its clause, its meaning in Chinese and English, its limits, and how it is shown.
//!
//! The limits keep typing errors out. They are wider than any reading of the standard; which value conforms is for
//! the competent authority to say.

use std::fmt;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use super::rules::Edition;
use crate::standard::CreditHours;

const HOUR_MINUTES: RangeInclusive<u16> = 30..=120;
const YEARLY_ACTIVITIES: RangeInclusive<u16> = 0..=12;
const FACTOR_PERCENT: RangeInclusive<u16> = 0..=200;
const DAYS_OF_A_YEAR: RangeInclusive<u16> = 1..=366;
const ATTENDEES: RangeInclusive<u16> = 1..=1_000;
const WORKING_DAYS: RangeInclusive<u16> = 1..=60;
const SUPPLEMENT_DAYS: RangeInclusive<u16> = 1..=180;
/// At least three, or nothing is left when the highest and the lowest score are dropped.
const PANEL_MEMBERS: RangeInclusive<u16> = 3..=15;
const VALIDITY_YEARS: RangeInclusive<u16> = 1..=10;
const WINDOW_MONTHS: RangeInclusive<u16> = 1..=24;
const WAITING_YEARS: RangeInclusive<u16> = 0..=10;
const ROUNDING_HOURS: RangeInclusive<CreditHours> = hours(1, 100);
const DAILY_HOURS: RangeInclusive<CreditHours> = hours(50, 2_400);
const YEARLY_HOURS: RangeInclusive<CreditHours> = hours(50, 20_000);
const CARRIED_HOURS: RangeInclusive<CreditHours> = hours(0, 10_000);
const CONVERTED_HOURS: RangeInclusive<CreditHours> = hours(0, 10_000);

const fn hours(low_hundredths: u32, high_hundredths: u32) -> RangeInclusive<CreditHours> {
    CreditHours::from_hundredths(low_hundredths)..=CreditHours::from_hundredths(high_hundredths)
}

/// One key of an edition.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key below `edition`, as `hour.minutes`.
    pub path: &'static str,
    /// The clause that leaves it open.
    pub clause: &'static str,
    /// What it means, in Chinese.
    pub chinese: &'static str,
    /// What it means, in English.
    pub english: &'static str,
    setting: fn(&Edition) -> Setting,
}

/// The value of a key, with its limits where it has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Count(u16, RangeInclusive<u16>),
    Hours(CreditHours, RangeInclusive<CreditHours>),
    Flag(bool),
    Choice { word: &'static str, chinese: &'static str },
}

/// Names the word and the Chinese of a value made by `choice!`.
macro_rules! chosen {
    ($choice:expr) => {
        Choice { word: $choice.as_str(), chinese: $choice.chinese() }
    };
}

use Setting::{Choice, Count, Flag, Hours};

/// Every key, in the order of the file; `version`, `effective_from` and `title` are the edition's head.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("hour.minutes", "9.4.1.2", "每学时分钟数", "minutes in one credit hour", |e| Count(e.hour.minutes, HOUR_MINUTES)),
    key("hour.rounding", "[10.2]", "平台学时舍入单位（向下）", "platform time is rounded down to a multiple of this", |e| Hours(e.hour.rounding, ROUNDING_HOURS)),
    key("hour.daily_cap", "9.4.1.2", "每日计入上限", "at most this many hours of one day count", |e| Hours(e.hour.daily_cap, DAILY_HOURS)),
    key("ce.year", "9.4.1.2", "年度口径", "what each year is", |e| chosen!(e.ce.year)),
    key("ce.required_hours", "9.4.1.2", "年度学时要求（不少于）", "the least hours of study in a year", |e| Hours(e.ce.required_hours, YEARLY_HOURS)),
    key("ce.required_activities", "9.4.1.2", "年度培训活动要求（不少于）", "the least organised activities in a year", |e| Count(e.ce.required_activities, YEARLY_ACTIVITIES)),
    key("ce.carry_over_max", "9.4.1.2", "结转上限", "at most this many surplus hours count in the next year", |e| Hours(e.ce.carry_over_max, CARRIED_HOURS)),
    key("ce.teach_factor_percent", "9.4.1.2", "授课折算比例（%）", "per cent of hours taught that count as studied", |e| Count(e.ce.teach_factor_percent, FACTOR_PERCENT)),
    key("ce.repeat", "9.4.1.2", "同一课程重复学习", "the same course twice in a year", |e| chosen!(e.ce.repeat)),
    key("ce.shortfall_action", "9.4.1.2", "未达标处理", "what a shortfall leads to", |e| chosen!(e.ce.shortfall_action)),
    key("ce.partial.rounding", "9.4.1.2", "非整年学时取整单位（向上）", "prorated hours are rounded up to a multiple of this", |e| Hours(e.ce.partial.rounding, ROUNDING_HOURS)),
    key("ce.partial.activity_min_days", "9.4.1.2", "非整年活动要求天数", "the activity is due from this many covered days on", |e| Count(e.ce.partial.activity_min_days, DAYS_OF_A_YEAR)),
    key("ce.activity.min_attendees", "9.4.1.2", "活动最少参加人数", "the least attendees of an organised activity", |e| Count(e.ce.activity.min_attendees, ATTENDEES)),
    key("ce.activity.evidence_required", "9.4.1.2", "活动须附证明材料", "an organised activity needs evidence", |e| Flag(e.ce.activity.evidence_required)),
    key("ce.activity.confirmed_by_body", "9.4.1.2", "活动须经认定主体确认", "the certifying body confirms an organised activity", |e| Flag(e.ce.activity.confirmed_by_body)),
    key("ce.conversion.half_day", "9.4.1.2 b)", "学术交流半天折算", "half a day of academic exchange in hours", |e| Hours(e.ce.conversion.half_day, CONVERTED_HOURS)),
    key("ce.conversion.full_day", "9.4.1.2 b)", "学术交流全天折算", "a full day of academic exchange in hours", |e| Hours(e.ce.conversion.full_day, CONVERTED_HOURS)),
    key("ce.conversion.paper", "9.4.1.2 c)", "发表专业成果折算", "one publication in hours", |e| Hours(e.ce.conversion.paper, CONVERTED_HOURS)),
    key("ce.conversion.exchange_and_publication_max", "9.4.1.2 b), c)", "学术交流与成果合计上限", "at most this many required hours from these two forms", |e| Hours(e.ce.conversion.exchange_and_publication_max, CONVERTED_HOURS)),
    key("issue.trigger", "[10.3]", "学时证明自动签发时机", "what an automatic hour certificate waits for", |e| chosen!(e.issue.trigger)),
    key("eligibility.basic", "5.1.1", "学历、职称、工作经历条件", "how education, title and experience are combined", |e| chosen!(e.eligibility.basic)),
    key("eligibility.aaaaa.prior_level", "5.2.3", "申报 5A 的前置等级", "the level to hold before applying for 5A", |e| chosen!(e.eligibility.aaaaa.prior_level)),
    key("sla.review_working_days", "9.2.1", "形式审查时限（工作日）", "working days of a completeness review", |e| Count(e.sla.review_working_days, WORKING_DAYS)),
    key("sla.supplement_days", "9.2.2", "补充完善时限（日）", "days to supplement an application", |e| Count(e.sla.supplement_days, SUPPLEMENT_DAYS)),
    key("panel.min_members", "9.3.3", "专家组最少人数", "the least members of a panel, its leader included", |e| Count(e.panel.min_members, PANEL_MEMBERS)),
    key("panel.odd", "9.3.3", "专家组人数须为单数", "a panel has an odd number of members", |e| Flag(e.panel.odd)),
    key("scoring.aggregate", "9.3.2", "评分汇总方式", "how the members' scores of a cell become one", |e| chosen!(e.scoring.aggregate)),
    key("award.cap", "B.2", "认定等级上限", "what bounds the level awarded", |e| chosen!(e.award.cap)),
    key("award.lower_needs_consent", "B.2", "低于申报等级须本人同意", "a level below the one applied for needs consent", |e| Flag(e.award.lower_needs_consent)),
    key("certificate.validity_years", "9.4.1.1 e)", "认定证书有效期（年）", "years of a level certificate's validity", |e| Count(e.certificate.validity_years, VALIDITY_YEARS)),
    key("recert.window_months", "9.4.1.3", "再认定受理窗口（到期前月数）", "months before expiry to apply for recertification", |e| Count(e.recert.window_months, WINDOW_MONTHS)),
    key("recert.after.suspended_years", "[11.2]", "暂停后须再认定（满年数）", "full years after which suspended needs recertification", |e| Count(e.recert.after.suspended_years, WAITING_YEARS)),
    key("recert.after.discontinued_years", "[11.2]", "中止后须再认定（满年数）", "full years after which discontinued needs recertification", |e| Count(e.recert.after.discontinued_years, WAITING_YEARS)),
    key("recert.after.withdrawn_years", "[11.2]", "收回后可再认定（满年数）", "full years after which withdrawn may be recertified", |e| Count(e.recert.after.withdrawn_years, WAITING_YEARS)),
    key("recert.after.voided_years", "[11.2]", "作废后可再认定（满年数）", "full years after which voided may be recertified", |e| Count(e.recert.after.voided_years, WAITING_YEARS)),
    key("recert.after.expired_years", "[11.2]", "到期后可再认定（满年数）", "full years after which expired may be recertified", |e| Count(e.recert.after.expired_years, WAITING_YEARS)),
    key("recert.after.reinstatement", "[11.2]", "期满前可恢复", "suspended or discontinued can be reinstated before", |e| Flag(e.recert.after.reinstatement)),
];

/// Keys, and sections of them, that nothing in this program reads yet: what they govern is not built.
const NOT_READ: [&str; 9] = [
    "hour.rounding",
    "ce.teach_factor_percent",
    "eligibility.",
    "sla.",
    "panel.",
    "scoring.",
    "award.",
    "certificate.",
    "recert.",
];

/// A row of [`KEYS`], in the order path, clause, Chinese, English, setting.
const fn key(
    path: &'static str,
    clause: &'static str,
    chinese: &'static str,
    english: &'static str,
    setting: fn(&Edition) -> Setting,
) -> Key {
    Key { path, clause, chinese, english, setting }
}

impl Key {
    /// The value in this edition, as the rulebook writes it, without quotation marks.
    pub fn value(&self, edition: &Edition) -> String {
        (self.setting)(edition).to_string()
    }

    /// Whether anything in this program goes by it.
    pub(super) fn is_read(&self) -> bool {
        !NOT_READ.iter().any(|not_read| match not_read.strip_suffix('.') {
            Some(_) => self.path.starts_with(not_read),
            None => self.path == *not_read,
        })
    }

    /// The least and the greatest value allowed, where this edition's value is outside.
    pub(super) fn exceeded_limits(&self, edition: &Edition) -> Option<(String, String)> {
        match (self.setting)(edition) {
            Count(value, limits) => exceeded(&value, &limits),
            Hours(value, limits) => exceeded(&value, &limits),
            Flag(_) | Choice { .. } => None,
        }
    }
}

fn exceeded<T: PartialOrd + fmt::Display>(value: &T, limits: &RangeInclusive<T>) -> Option<(String, String)> {
    (!limits.contains(value)).then(|| (limits.start().to_string(), limits.end().to_string()))
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count(value, _) => value.fmt(f),
            Hours(value, _) => value.fmt(f),
            Flag(value) => value.fmt(f),
            Choice { word, .. } => f.write_str(word),
        }
    }
}

impl Edition {
    /// The whole edition for people: every key with its value, its clause and its meaning in Chinese and English.
    pub fn show(&self) -> String {
        let mut text = format!(
            "规则版本 rulebook {}\n名称 title: {}\n生效日期 in effect from: {}\n",
            self.version, self.title, self.effective_from
        );
        for key in KEYS {
            let setting = (key.setting)(self);
            let chinese = match &setting {
                Choice { chinese, .. } => format!("：{chinese}"),
                _ => String::new(),
            };
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{} = {setting}  条款 clause {}\n", key.path, key.clause);
            let _ = write!(text, "    {}{chinese}\n    {}\n", key.chinese, key.english);
        }
        text
    }
}
