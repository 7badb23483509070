//! The certifying body's own work: its profile, the validity of level certificates, organised activities that it confirms,
//! complaints and disputes, and audit samples.

use super::super::Failure;
use super::cast::{Account, Cast, Part};
use super::claims::sign_in;
use super::draw::{Recorded, Year};
use super::invite::at_once;
use super::people::{AUTHORITY_NAME, authority_code, draw_day};
use super::portal::Visitor;
use super::random::Random;
use super::so_far::days_before;
use crate::ledger::entry::EntryId;
use crate::standard::{Day, last_day_of_term};

/// How many forms are sent at once.
const AT_ONCE: usize = 4;
/// What seeds the validities, beside the demo's own seed.
const SEED_OF_TERMS: u64 = 0x9412;
/// Years of a level certificate's validity (9.4.1.1).
const VALIDITY_YEARS: u16 = 3;
/// When certificates were issued, in per cent: to everybody at once on the first day of the last year, when the standard was
/// taken up; later in that year; in this one; three years ago, so that they ended in this year; and never, or nobody has
/// noted it.
const ISSUED: [usize; 5] = [58, 17, 14, 2, 9];

/// Writes the profile of chapter 7, whose authority document expires in sixty days.
pub(super) fn write_profile(administrator: &mut Visitor, today: Day) -> Result<(), Failure> {
    const DAYS_LEFT: i32 = 60;
    let until = today.date().checked_add(jiff::Span::new().days(DAYS_LEFT)).map_err(Failure::new)?;
    let until = Day::new(until.year(), until.month(), until.day()).map_err(Failure::new)?;
    let from = Day::new(until.year() - 2, until.date().month(), 1).map_err(Failure::new)?;
    let (code, number) = (authority_code()?, format!("云市监质〔{}〕17 号（示例）", from.year()));
    let (from, until) = (from.to_string(), until.to_string());
    administrator
        .post(
            "/body/profile/edit",
            &[
                ("base", "0"),
                ("authority_number", &number),
                ("authority_issuer", AUTHORITY_NAME),
                ("authority_from", &from),
                ("authority_until", &until),
                ("supervisor_name", AUTHORITY_NAME),
                ("supervisor_code", code.as_str()),
                ("venue", "云岭市质量路 18 号，办公与评审场地 620 平方米，笔试机房 1 间，面试室 3 间。"),
                ("equipment", "考试用计算机 60 台，录音录像设备 4 套，档案密集柜 12 组，文件加密存储服务器 2 台。"),
                ("resources", "专职人员 11 名，在库专家 46 名；年度预算 320 万元。"),
                ("region", "云岭市"),
                ("icp", "云ICP备00000000号-1（示例）"),
                ("blockchain", "云网信备00000000000000000000号（示例）"),
                ("phone", "0990-5550 1234"),
                ("email", "tousu@body.example"),
            ],
        )
        .map(drop)
}

/// Notes the validity of most CQOs' level certificates; of some it begins or ends within the year.
pub(super) fn note_terms(
    clerk: &Visitor,
    year: &Year,
    cast: &Cast,
    (seed, today): (u64, Day),
) -> Result<usize, Failure> {
    let mut random = Random::new(seed ^ SEED_OF_TERMS);
    let mut terms = Vec::new();
    for (number, person) in year.people.iter().enumerate() {
        let drawn = draw_first_day(&mut random, today)?;
        let first = match cast.part(number) {
            None => drawn,
            Some(Part::New) => Some(days_before(today, 130)?),
            Some(_) => Some(first_batch(today)?),
        };
        let Some(first) = first else { continue };
        let last = last_day_of_term(first, VALIDITY_YEARS).map_err(Failure::new)?;
        terms.push((format!("/body/cqos/{}/term", person.id), first.to_string(), last.to_string()));
    }
    at_once(AT_ONCE, &terms, |(path, first, last)| {
        let fields = [("version", "0"), ("first_day", first), ("last_day", last)];
        clerk.clone().post(path, &fields).map(drop)
    })?;
    Ok(terms.len())
}

/// The day of issue of somebody's certificate; none for those whose certificate nobody has noted.
fn draw_first_day(random: &mut Random, today: Day) -> Result<Option<Day>, Failure> {
    let year = today.year();
    let issued = random.weighted(&ISSUED).unwrap_or(0);
    let drawn = |random: &mut Random, year| draw_day(random, year, 1, 12).map(|day| Some(day.min(today)));
    match issued {
        0 => first_batch(today).map(Some),
        1 => drawn(random, year - 1),
        2 => drawn(random, year),
        3 => drawn(random, year - 3),
        _ => Ok(None),
    }
}

/// The day on which most certificates were issued.
fn first_batch(today: Day) -> Result<Day, Failure> {
    Day::new(today.year() - 1, 1, 1).map_err(Failure::new)
}

/// Confirms organised activities, without which they do not count: those of the last year but a few, and of this one those
/// that are not quite new. The others wait.
pub(super) fn confirm_activities(clerk: &Visitor, years: [&Year; 2], today: Day) -> Result<usize, Failure> {
    /// Of so many of the last year one was left lying.
    const ONE_LEFT_OF: usize = 60;
    /// For so many days an activity waits.
    const DAYS: i64 = 15;
    let [last, this] = years;
    let of_last = last.activities().enumerate().filter(|(i, _)| i % ONE_LEFT_OF != 0).map(|(_, entry)| entry.id);
    let is_due = |entry: &&Recorded| entry.day().days_until(today) > DAYS;
    let ids: Vec<EntryId> = of_last.chain(this.activities().filter(is_due).map(|entry| entry.id)).collect();
    at_once(AT_ONCE, &ids, |id| clerk.clone().post(&format!("/body/activities/{id}/confirm"), &[]).map(drop))?;
    Ok(ids.len())
}

/// Complaints of anybody and disputes of CQOs: received, taken up, answered.
pub(super) fn file_cases(
    accounts: &[Account],
    year: &Year,
    cast: &Cast,
    url: &str,
    clerk: &mut Visitor,
) -> Result<usize, Failure> {
    let mut cases = Vec::new();
    for complaint in COMPLAINTS {
        let Complaint { subject, text, name, contact, .. } = complaint;
        let fields = [("subject", subject), ("text", text), ("name", name), ("contact", contact)];
        let filed = Visitor::new(url).post("/complaints", &fields)?;
        cases.push((filed.after("<dd><code>")?.to_owned(), complaint.steps));
    }
    for (part, text, steps) in DISPUTES {
        let Some(person) = cast.person(part) else { continue };
        let mut entries = year.imports.iter().flat_map(|import| &import.entries);
        let Some(entry) = entries.find(|entry| entry.person == person) else { continue };
        let mut learner = sign_in(accounts, person, url)?;
        learner.post(&format!("/my/entries/{}/dispute", entry.id), &[("text", text)])?;
        let list = clerk.get("/body/cases?kind=dispute&state=received")?;
        cases.push((list.after("href=\"/body/cases/")?.to_owned(), steps));
    }
    for (number, steps) in &cases {
        for (act, answer) in *steps {
            let page = clerk.get(&format!("/body/cases/{number}"))?;
            let fields = [("version", page.value("version")?), ("answer", answer)];
            clerk.post(&format!("/body/cases/{number}/{act}"), &fields)?;
        }
    }
    Ok(cases.len())
}

/// What the clerk does with a case, and with what answer.
type Steps = &'static [(&'static str, &'static str)];

/// A complaint of somebody.
struct Complaint {
    subject: &'static str,
    text: &'static str,
    name: &'static str,
    contact: &'static str,
    steps: Steps,
}

const COMPLAINTS: [Complaint; 4] = [
    Complaint {
        subject: "provider",
        text: "我单位两名首席质量官 9 月参加了望川企业管理咨询有限公司的集中培训，至今没有看到学时记录，电话无人接听。",
        name: "罗建平",
        contact: "luo@works.example",
        steps: &[
            ("take-up", ""),
            (
                "answer",
                "经核实，该机构因系统升级延迟报送，已督促其补报。请在记录上链后核对，如仍有缺漏可对该条记录提出异议。",
            ),
        ],
    },
    Complaint {
        subject: "review",
        text: "申报退回后重新提交已超过十个工作日，仍未审核。请告知办理时限。",
        name: "马洪波",
        contact: "0990-5550 7788",
        steps: &[("take-up", "")],
    },
    Complaint {
        subject: "conduct",
        text: "某培训班签到后多数人提前离场，仍按全天计学时，建议抽查。",
        name: "",
        contact: "",
        steps: &[],
    },
    Complaint {
        subject: "site",
        text: "用手机打开证书核验页时，二维码太小，扫描多次才能识别。\n建议放大或提供下载。",
        name: "邓秀兰",
        contact: "deng@mail.example",
        steps: &[],
    },
];

/// Disputes of entries: by whom, what they say, and what is done with it.
const DISPUTES: [(Part, &str, Steps); 4] = [
    (Part::Disputing, "该课程我参加了全部两次课，只记了一次的学时，签到表可以证明。", &[]),
    (Part::Short, "当天课程为 2.5 学时，记录少了 0.5 学时。", &[("take-up", "")]),
    (
        Part::Met,
        "起止日期写错了，应为前一天。",
        &[("take-up", ""), ("answer", "经与培训机构核对签到记录，日期无误，维持原记录。")],
    ),
    (Part::Refused, "课程名称与结业证书不一致。", &[]),
];

/// Announces an audit sample, by the block that comes so many after the newest.
pub(super) fn announce_sample(
    supervisor: &mut Visitor,
    (year, kind): (i16, &str),
    size: &str,
    blocks_ahead: &str,
) -> Result<(), Failure> {
    let year = year.to_string();
    let fields = [("year", year.as_str()), ("kind", kind), ("size", size), ("blocks_ahead", blocks_ahead)];
    supervisor.post("/body/samples", &fields).map(drop)
}
