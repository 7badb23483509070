//! What the letters of reminders and notices say, in Chinese and English.

use super::super::letters::Letter;
use super::{About, Deadline, Reminder};
use crate::standard::CreditHours;
use crate::standard::annual::{Ending, ShortYear, Shortfall};

impl Reminder {
    pub(super) fn letter(&self) -> Letter {
        let (subject, text) = match &self.about {
            About::Deadline(deadline, lacks) => deadline_letter(deadline, lacks),
            About::Short(short) => short_letter(short),
        };
        Letter { to: self.to.clone(), subject, text: text.replace("{name}", &self.name) }
    }
}

fn deadline_letter(deadline: &Deadline, lacks: &[Shortfall]) -> (String, String) {
    let (ending_zh, ending_en) = match deadline.ending {
        Ending::Year => ("年度结束", "when the year ends"),
        Ending::Certificate => ("认定证书有效期届满", "when your level certificate expires"),
    };
    let text = include_str!("../letters/reminder.txt")
        .replace("{due}", &deadline.due.to_string())
        .replace("{days}", &deadline.days_left.to_string())
        .replace("{ending_zh}", ending_zh)
        .replace("{ending_en}", ending_en);
    (
        format!("首席质量官继续教育：还有 {0} 天 / CQO training: {0} days left", deadline.days_left),
        with_lacks(&text, lacks),
    )
}

fn short_letter(short: &ShortYear) -> (String, String) {
    let (ending_zh, ending_en) = match short.period.end() {
        Some((_, Ending::Certificate)) => ("认定证书有效期届满", "your level certificate expired"),
        _ => ("年度已结束", "the year is over"),
    };
    let (follows_zh, follows_en) = if short.blocks() {
        ("再认定前须补足；此后超出当年要求的学时和活动可用于补足。", MADE_UP)
    } else {
        ("", "")
    };
    let text = include_str!("../letters/shortfall.txt")
        .replace("{due}", &short.due.to_string())
        .replace("{ending_zh}", ending_zh)
        .replace("{ending_en}", ending_en)
        .replace("{follows_zh}", follows_zh)
        .replace("{follows_en}", follows_en);
    let lacks: Vec<Shortfall> = short.missing.shortfalls().collect();
    ("首席质量官继续教育：年度未达标 / CQO training: a year fell short".into(), with_lacks(&text, &lacks))
}

/// What has to be done about it, in English.
const MADE_UP: &str =
    "It has to be made up before recertification: what you do beyond the need of a later year counts. ";

fn with_lacks(text: &str, lacks: &[Shortfall]) -> String {
    let said = |words: fn(&Shortfall) -> String| {
        lacks.iter().map(|lack| format!("    {}", words(lack))).collect::<Vec<_>>().join("\n")
    };
    text.replace("{lacks_zh}", &said(in_chinese)).replace("{lacks_en}", &said(in_english))
}

fn in_chinese(lack: &Shortfall) -> String {
    match lack {
        Shortfall::Hours(hours) => format!("还差 {} 学时", plain(*hours)),
        Shortfall::Activities(count) => format!("还差 {count} 次质量专业培训活动"),
    }
}

fn in_english(lack: &Shortfall) -> String {
    match lack {
        Shortfall::Hours(hours) => format!("{} credit hours", plain(*hours)),
        Shortfall::Activities(count) => format!("{count} training activities organised by you"),
    }
}

/// Hours without zeros that say nothing: `1.5`.
fn plain(hours: CreditHours) -> String {
    let text = hours.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
