//! Claims of hours, as CQOs make them at the portal, and what the certifying body decides about them: one in every state,
//! and one of everything that is worth a second look.

use super::super::Failure;
use super::cast::{Cast, Part};
use super::draw::Year;
use super::evidence::{pdf, png};
use super::invite::PASSWORD;
use super::portal::{Upload, Visitor};
use super::so_far::days_before;
use crate::standard::Day;

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is being written.
    Draft,
    /// It waits for the review.
    Submitted,
    /// It was sent back, and waits for the learner.
    Returned(&'static str),
    /// It was sent back, and came again.
    Again(&'static str),
    /// It became an entry.
    Accepted,
    /// The supervisor made an entry of it.
    AcceptedAbove,
    /// It was refused for good.
    Rejected(&'static str),
    /// The learner took it back.
    Withdrawn,
}

/// What a claim is proved with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Nothing yet.
    None,
    /// A certificate of attendance.
    Paper,
    /// The same file that another claim has: of so many claims before, whosever it is.
    PaperOf(usize),
    /// A picture of the list of signatures.
    Picture,
    /// Both.
    Both,
}

/// A claim: whose, of what form, what it says, how many days ago it began and how many days it took.
struct Seed {
    part: Part,
    what: &'static str,
    title: &'static str,
    organiser: &'static str,
    /// Hours, days, papers or attendees, as the form asks for them.
    amount: &'static str,
    ago: i32,
    days: i32,
    proof: Proof,
    end: End,
}

/// Shortens the table.
#[allow(clippy::too_many_arguments, reason = "a row of a table")]
const fn seed(
    part: Part,
    what: &'static str,
    title: &'static str,
    organiser: &'static str,
    amount: &'static str,
    (ago, days): (i32, i32),
    proof: Proof,
    end: End,
) -> Seed {
    Seed { part, what, title, organiser, amount, ago, days, proof, end }
}

const SOCIETY: &str = "云岭省质量协会（示例）";
const INSTITUTE: &str = "青澜标准化研究院（示例）";
const COLLEGE: &str = "望川职业技术大学质量学院（示例）";
const JOURNAL: &str = "《质量与可靠性实践》编辑部（示例）";

#[rustfmt::skip]
const CLAIMS: [Seed; 21] = [
    seed(Part::Met, "lecture", "先期质量策划（APQP）与控制计划", SOCIETY, "2", (64, 1), Proof::Paper, End::Accepted),
    seed(Part::Met, "exchange", "云岭质量技术交流大会", SOCIETY, "1", (64, 1), Proof::Paper, End::Submitted),
    seed(Part::Short, "lecture", "企业质量文化建设", SOCIETY, "1.5", (20, 0), Proof::Paper, End::Submitted),
    seed(Part::Short, "activity", "新员工质量意识入职培训", "云岭恒远公司三楼培训教室", "18", (9, 0), Proof::Picture, End::Draft),
    seed(Part::Returned, "lecture", "GB/T 19001 内审员提升班", INSTITUTE, "8", (33, 1), Proof::Paper, End::Returned("证书照片看不清发证日期与印章，请重新上传清晰的扫描件。")),
    seed(Part::Returned, "exchange", "长三角标杆企业质量对标活动", INSTITUTE, "1", (75, 0), Proof::Picture, End::Accepted),
    seed(Part::Returned, "activity", "供应商质量改进研讨会", "云岭恒远公司多功能厅", "32", (46, 0), Proof::Picture, End::Accepted),
    seed(Part::Rare, "lecture", "首席质量官能力提升研修", COLLEGE, "4", (28, 0), Proof::Paper, End::Again("请补充主办单位全称，并注明每天的学时。")),
    seed(Part::Rare, "activity", "质量月知识竞赛与专题讲座", "青澜瑞丰公司礼堂", "120", (70, 0), Proof::Both, End::Submitted),
    seed(Part::Disputing, "lecture", "质量成本与经济性分析实务", SOCIETY, "3", (52, 0), Proof::Paper, End::Accepted),
    seed(Part::Disputing, "lecture", "质量成本与经济性分析实务", SOCIETY, "3", (18, 0), Proof::PaperOf(1), End::Submitted),
    seed(Part::Drafting, "lecture", "数字化质量管理与数据治理", COLLEGE, "4", (12, 0), Proof::None, End::Draft),
    seed(Part::Drafting, "other", "参与团体标准《过程审核指南》起草", INSTITUTE, "6", (40, 12), Proof::Paper, End::Draft),
    seed(Part::Drafting, "lecture", "测量系统分析（MSA）实训", INSTITUTE, "6", (88, 0), Proof::Paper, End::Withdrawn),
    seed(Part::Refused, "lecture", "团队拓展与户外素质训练", "望川拓展营地（示例）", "8", (95, 1), Proof::Picture, End::Rejected("内容不属于质量领域的学习（9.4.1.2），不予计入。")),
    seed(Part::Refused, "lecture", "六西格玛绿带课程", COLLEGE, "16", (60, 1), Proof::PaperOf(6), End::Submitted),
    seed(Part::Reviewing, "lecture", "认定评审员继续教育", SOCIETY, "4", (25, 0), Proof::Paper, End::Submitted),
    seed(Part::Reviewing, "publication", "培训学时存证的实践与思考", JOURNAL, "1", (120, 0), Proof::Paper, End::Accepted),
    seed(Part::Drafting, "publication", "基于过程能力的关键特性管理", JOURNAL, "1", (101, 0), Proof::Both, End::AcceptedAbove),
    seed(Part::New, "lecture", "可靠性工程基础", COLLEGE, "6", (36, 0), Proof::Paper, End::Accepted),
    seed(Part::New, "exchange", "食品行业质量安全研讨会", SOCIETY, "1", (15, 0), Proof::Picture, End::Submitted),
];

/// A claim that was made.
struct Made<'a> {
    seed: &'a Seed,
    /// Its number.
    id: String,
    /// Whose.
    learner: Visitor,
}

/// Makes all claims whose CQO is there, and decides about them.
pub(super) fn make(
    accounts: &[super::cast::Account],
    year: &Year,
    cast: &Cast,
    (url, today): (&str, Day),
    clerk: &mut Visitor,
    supervisor: &mut Visitor,
) -> Result<usize, Failure> {
    let mut made: Vec<Made<'_>> = Vec::new();
    for (number, seed) in CLAIMS.iter().enumerate() {
        let Some(person) = cast.person(seed.part) else { continue };
        let known = made.iter().find(|other| other.seed.part == seed.part);
        let learner = match known {
            Some(other) => other.learner.clone(),
            None => sign_in(accounts, person, url)?,
        };
        made.push(begin(seed, learner, &files(number, year, cast, today)?, today)?);
    }
    for claim in &mut made {
        decide(claim, clerk, supervisor)?;
    }
    Ok(made.len())
}

/// A CQO in that role.
pub(super) fn sign_in(accounts: &[super::cast::Account], person: usize, url: &str) -> Result<Visitor, Failure> {
    let account = accounts.iter().find(|account| account.learner == Some(person));
    let account = account.ok_or_else(|| Failure::new("a CQO of the cast has no account"))?;
    let mut learner = Visitor::new(url);
    learner.sign_in(account.login, PASSWORD)?;
    if let Some(role) = account.grants.iter().position(|(role, _)| *role == crate::service::AccountRole::Learner)
        && role > 0
    {
        learner.act_as(role)?;
    }
    Ok(learner)
}

/// Writes a claim and adds its evidence.
fn begin<'a>(seed: &'a Seed, mut learner: Visitor, files: &[(&str, Vec<u8>)], today: Day) -> Result<Made<'a>, Failure> {
    let first = days_before(today, seed.ago)?;
    let last = days_before(today, seed.ago - seed.days)?;
    let (first, last) = (first.to_string(), last.to_string());
    let path = format!("/my/claims/new?what={}", seed.what);
    let page = if seed.what == "activity" {
        let fields = [("topic", seed.title), ("place", seed.organiser), ("date", &first), ("attendees", seed.amount)];
        let list: String = (1..=seed.amount.parse().unwrap_or(5)).map(|n: u32| format!("{n}\t签到\n")).collect();
        let list = Upload { field: "attendees_digest", name: "签到名单.txt", bytes: list.as_bytes() };
        learner.upload(&path, &fields, &list)?
    } else {
        let mut fields = vec![("title", seed.title), ("organiser", seed.organiser), ("last_day", &last)];
        fields.extend(match seed.what {
            "exchange" => Some(("full_days", seed.amount)),
            "publication" => None,
            _ => Some(("hours", seed.amount)),
        });
        fields.extend(Some(("first_day", first.as_str())).filter(|_| seed.what != "publication"));
        let reason = "参与标准起草，由起草单位出具证明";
        fields.extend(Some(("form_reason", reason)).filter(|_| seed.what == "other"));
        learner.post(&path, &fields)?
    };
    let id = page.location.rsplit('/').next().unwrap_or_default().to_owned();
    for (name, bytes) in files {
        let file = Upload { field: "file", name, bytes };
        learner.upload(&format!("/my/claims/{id}/evidence"), &[], &file)?;
    }
    Ok(Made { seed, id, learner })
}

/// The evidence of a claim, by its place in the table.
fn files(number: usize, year: &Year, cast: &Cast, today: Day) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let name_of = |seed: &Seed| cast.person(seed.part).map_or("", |person| &year.people[person].name);
    let paper = |seed: &Seed| paper(seed, name_of(seed), today);
    let picture = || png(u8::try_from(number).unwrap_or(0)).map(|bytes| ("现场签到.png", bytes));
    let seed = &CLAIMS[number];
    Ok(match seed.proof {
        Proof::None => Vec::new(),
        Proof::Paper => vec![("结业证书.pdf", paper(seed)?)],
        Proof::Picture => vec![picture()?],
        Proof::Both => vec![("结业证书.pdf", paper(seed)?), picture()?],
        // The very file of an earlier claim, with its holder's name on it.
        Proof::PaperOf(before) => vec![("证明材料.pdf", paper(&CLAIMS[number - before])?)],
    })
}

fn paper(seed: &Seed, name: &str, today: Day) -> Result<Vec<u8>, Failure> {
    let (first, last) = (days_before(today, seed.ago)?, days_before(today, seed.ago - seed.days)?);
    let lines = [
        format!("{name} 同志："),
        format!("于 {first} 至 {last} 参加"),
        format!("{}，", seed.title),
        "考核合格，准予结业。".to_owned(),
        seed.organiser.to_owned(),
        "演示用虚构材料 invented for a demo".to_owned(),
    ];
    Ok(pdf("结 业 证 书", &lines))
}

/// Brings a claim to its end.
fn decide(claim: &mut Made<'_>, clerk: &mut Visitor, supervisor: &mut Visitor) -> Result<(), Failure> {
    let end = claim.seed.end;
    if end == End::Draft {
        return Ok(());
    }
    claim.submit()?;
    match end {
        End::Draft | End::Submitted => Ok(()),
        End::Returned(reason) => claim.review(clerk, "return", reason),
        End::Again(reason) => {
            claim.review(clerk, "return", reason)?;
            claim.submit()
        }
        End::Accepted => claim.review(clerk, "accept", ""),
        End::AcceptedAbove => claim.review(supervisor, "accept", ""),
        End::Rejected(reason) => claim.review(clerk, "reject", reason),
        End::Withdrawn => claim.own("", "withdraw"),
    }
}

impl Made<'_> {
    fn submit(&mut self) -> Result<(), Failure> {
        self.own("/check", "submit")
    }

    /// Does something with one's own claim, from the page that shows it.
    fn own(&mut self, page: &str, act: &str) -> Result<(), Failure> {
        let shown = self.learner.get(&format!("/my/claims/{}{page}", self.id))?;
        let version = shown.value("version")?;
        self.learner.post(&format!("/my/claims/{}/{act}", self.id), &[("version", version)]).map(drop)
    }

    /// Decides about it as somebody of the certifying body.
    fn review(&self, reviewer: &mut Visitor, act: &str, reason: &str) -> Result<(), Failure> {
        let page = reviewer.get(&format!("/body/review/{}", self.id))?;
        let fields = [("version", page.value("version")?), ("reason", reason), ("decision", act)];
        reviewer.post(&format!("/body/review/{}/{act}", self.id), &fields).map(drop)
    }
}
