//! The people of the demo who have accounts: who they are, what role they have, and what can be seen of it at their sign-in.

use super::super::Failure;
use super::draw::Year;
use super::people::{authority_code, body_code, large_employers, provider_codes};
use crate::ledger::entry::Record;
use crate::service::AccountRole;
use crate::standard::{CreditCode, Day};

/// A CQO whose year is told with a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Has met the year.
    Met,
    /// Is 1.5 hours short, and has organised nothing.
    Short,
    /// Has nothing at all.
    Nothing,
    /// Has a claim that was returned.
    Returned,
    /// Has a rare character in the name.
    Rare,
    /// Disputes an entry.
    Disputing,
    /// Has drafts, and a claim taken back.
    Drafting,
    /// Was refused a claim.
    Refused,
    /// Has been a CQO of a level for some months only.
    New,
    /// Works for the certifying body, too.
    Reviewing,
}

/// What is to be known of a part.
struct Role {
    part: Part,
    login: &'static str,
    about: (&'static str, &'static str),
}

const fn role(part: Part, login: &'static str, chinese: &'static str, english: &'static str) -> Role {
    Role { part, login, about: (chinese, english) }
}

/// The parts, in the order in which they are given away: the first ones also where there are few people.
const PARTS: [Role; 10] = [
    role(Part::Met, "met@cqo.example", "本年度已达标", "has met this year"),
    role(Part::Short, "short@cqo.example", "还差 1.5 学时，尚未组织培训活动", "1.5 hours and an activity are missing"),
    role(Part::Nothing, "nothing@cqo.example", "本年度没有任何记录", "nothing is recorded this year"),
    role(Part::Returned, "returned@cqo.example", "有一项申报被退回", "a claim was returned"),
    role(
        Part::Reviewing,
        "clerk-learner@body.example",
        "兼任首席质量官与经办人，不得审核本人的申报",
        "two roles; a claim of their own waits, which they may not review",
    ),
    role(Part::Rare, "rare@cqo.example", "姓名含生僻字", "a rare character in the name"),
    role(Part::Disputing, "disputing@cqo.example", "对记录提出了异议", "disputes an entry"),
    role(Part::Drafting, "drafting@cqo.example", "有草稿和已撤回的申报", "drafts, and a claim withdrawn"),
    role(Part::Refused, "refused@cqo.example", "有一项申报未通过", "a claim was rejected"),
    role(
        Part::New,
        "new@cqo.example",
        "年中取得证书，按天折算",
        "certified during the year: the requirement is prorated",
    ),
];

/// The name of the one with a rare character, which lies beyond the basic plane.
const RARE_NAME: &str = "沈𬭎";

/// Which person has which part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cast(Vec<(Part, usize)>);

impl Cast {
    /// Who has a part; nobody where there are fewer people than parts.
    pub(super) fn person(&self, part: Part) -> Option<usize> {
        self.0.iter().find(|(known, _)| *known == part).map(|(_, person)| *person)
    }

    /// Which part somebody has.
    pub(super) fn part(&self, person: usize) -> Option<Part> {
        self.0.iter().find(|(_, known)| *known == person).map(|(part, _)| *part)
    }
}

/// Gives the parts away by what the last year shows of people, and fits their names and employers to it.
pub(super) fn assign(last: &mut Year, today: Day) -> Result<Cast, Failure> {
    const ENOUGH: usize = 20;
    let mut cast = Cast::default();
    let large = large_employers()?;
    for Role { part, .. } in &PARTS {
        let free: Vec<usize> = (0..last.people.len()).filter(|person| cast.part(*person).is_none()).collect();
        let fits = |person: &&usize| match (part, last.half_hours[**person]) {
            (Part::Nothing, half_hours) => half_hours == 0,
            (Part::Short, half_hours) => (1..ENOUGH).contains(&half_hours),
            (Part::Met, half_hours) => half_hours >= ENOUGH && is_active(last, **person),
            (_, half_hours) => half_hours >= ENOUGH,
        };
        let Some(person) = free.iter().find(fits).or(free.first()).copied() else { continue };
        cast.0.push((*part, person));
        // Two large employers have an account: those people serve them.
        let employer = match part {
            Part::Met | Part::Short | Part::Returned | Part::Refused => &large[0],
            Part::Nothing | Part::Rare | Part::New => &large[1],
            Part::Disputing | Part::Drafting | Part::Reviewing => &large[2],
        };
        let one = &mut last.people[person];
        if let Some(now) = one.employers.last_mut() {
            (now.name, now.code) = (employer.0.clone(), Some(employer.1.clone()));
            now.from = now.from.min(today);
        }
        if *part == Part::Rare {
            RARE_NAME.clone_into(&mut one.name);
        }
    }
    Ok(cast)
}

/// Whether somebody organised what counts.
fn is_active(year: &Year, person: usize) -> bool {
    const ATTENDEES: u32 = 5;
    year.activities().filter(|entry| entry.person == person).any(|entry| {
        matches!(&entry.record, Record::Activity(held) if held.attendees >= ATTENDEES && !held.evidence.is_empty())
    })
}

/// An account of the demo.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// The sign-in name.
    pub(super) login: &'static str,
    /// The person's name.
    pub(super) name: String,
    /// The roles, each within an organisation; the first is that of a new session.
    pub(super) grants: Vec<(AccountRole, CreditCode)>,
    /// Whose hours it sees: a place in the list of people.
    pub(super) learner: Option<usize>,
    /// What can be seen there, in Chinese and English.
    pub(super) about: (&'static str, &'static str),
    /// Whether the invitation is taken up.
    pub(super) joins: bool,
}

/// The clerk who does most of the work.
pub(super) const CLERK: &str = "clerk@body.example";
/// The clerk's superior.
pub(super) const SUPERVISOR: &str = "supervisor@body.example";
/// Who makes accounts and writes the profile.
pub(super) const ADMINISTRATOR: &str = "admin@body.example";

/// Every account: first the people of organisations, then the CQOs.
pub(super) fn accounts(year: &Year, cast: &Cast) -> Result<Vec<Account>, Failure> {
    use AccountRole as R;
    let (body, authority, providers, large) = (body_code()?, authority_code()?, provider_codes()?, large_employers()?);
    let one = |role: R, organisation: &CreditCode, login, name: &str, chinese, english| Account {
        login,
        name: name.to_owned(),
        grants: vec![(role, organisation.clone())],
        learner: None,
        about: (chinese, english),
        joins: true,
    };
    let mut all = vec![
        one(
            R::Administrator,
            &body,
            ADMINISTRATOR,
            "孙立群",
            "账号、机构与认定主体信息",
            "accounts, organisations, the body's profile",
        ),
        one(R::Supervisor, &body, SUPERVISOR, "郑国栋", "审核、投诉异议、抽查", "reviews, cases, audit samples"),
        one(R::Clerk, &body, CLERK, "周敏", "学时审核与年度总览", "review of claims, the annual overview"),
        one(
            R::Clerk,
            &body,
            "clerk-conflict@body.example",
            "吴海燕",
            "与一家企业有关联，不得审核其员工的申报",
            "tied to an employer, whose people's claims they may not review",
        ),
        one(R::Expert, &body, "expert@body.example", "曾玉兰", "评审功能尚未建成", "panels are not built yet"),
        one(R::PanelLeader, &body, "leader@body.example", "高明", "评审功能尚未建成", "panels are not built yet"),
        one(R::Auditor, &body, "auditor@body.example", "许清", "可查看全部，不能改动", "reads all, changes nothing"),
        one(
            R::CompetentAuthority,
            &authority,
            "authority@gov.example",
            "何建平",
            "监督，只读",
            "supervises, read-only",
        ),
        one(
            R::ProviderStaff,
            &providers[0],
            "provider@school.example",
            "徐萍",
            "本机构的学员与记录",
            "the provider's learners and entries",
        ),
        one(
            R::ProviderStaff,
            &providers[1],
            "provider2@school.example",
            "宋志强",
            "本机构的学员与记录",
            "the provider's learners and entries",
        ),
        one(
            R::Employer,
            &large[0].1,
            "employer@works.example",
            "萧红",
            "本单位的首席质量官",
            "the organisation's own CQOs",
        ),
        one(
            R::Employer,
            &large[1].1,
            "employer2@works.example",
            "丁才发",
            "本单位的首席质量官",
            "the organisation's own CQOs",
        ),
    ];
    if let Some(conflicted) = all.iter_mut().find(|account| account.login.starts_with("clerk-conflict")) {
        conflicted.grants.push((R::Employer, large[0].1.clone()));
    }
    for Role { part, login, about } in &PARTS {
        let Some(person) = cast.person(*part) else { continue };
        let name = &year.people[person].name;
        let mut account = one(R::Learner, &body, login, name, about.0, about.1);
        account.learner = Some(person);
        if *part == Part::Reviewing {
            account.grants.insert(0, (R::Clerk, body.clone()));
        }
        all.push(account);
    }
    let invited = [("expert2@body.example", "冯志远", R::Expert), ("clerk3@body.example", "程静", R::Clerk)];
    all.extend(
        invited
            .into_iter()
            .map(|(login, name, role)| Account { joins: false, ..one(role, &body, login, name, "", "") }),
    );
    Ok(all)
}
