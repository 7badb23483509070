//! Fills the portal: everybody signs in at its own pages and does there what such people do.

use std::path::{Path, PathBuf};

use super::super::client::Client;
use super::super::{Failure, say};
use super::body;
use super::cast::{ADMINISTRATOR, Account, CLERK, Cast, SUPERVISOR, accounts};
use super::claims;
use super::draw::Year;
use super::invite::{PASSWORD, invite, register_organisations};
use super::portal::Visitor;
use crate::standard::Day;

/// The sample that is drawn: how many of the entries.
const DRAWN: &str = "20";
/// The sample that waits for its block: how many, and how many blocks.
const WAITING: (&str, &str) = ("10", "500");

/// What the portal is filled from.
pub(super) struct Stage<'a> {
    /// Where.
    pub(super) url: &'a str,
    /// The last year and this one.
    pub(super) years: [&'a Year; 2],
    /// Who has which part.
    pub(super) cast: &'a Cast,
    /// The demo's seed.
    pub(super) seed: u64,
    /// Today.
    pub(super) today: Day,
}

impl Stage<'_> {
    /// Invites people, lets them join, and does everybody's work. Answers who can sign in.
    pub(super) fn fill(&self, operator: &Client) -> Result<Vec<Account>, Failure> {
        let Self { url, years, cast, seed, today } = *self;
        let [_, this] = years;
        register_organisations(operator)?;
        let people = accounts(this, cast)?;
        invite(operator, url, &people, this)?;
        let [mut administrator, mut supervisor, mut clerk] =
            [ADMINISTRATOR, SUPERVISOR, CLERK].map(|_| Visitor::new(url));
        for (visitor, login) in
            [(&mut administrator, ADMINISTRATOR), (&mut supervisor, SUPERVISOR), (&mut clerk, CLERK)]
        {
            visitor.sign_in(login, PASSWORD)?;
        }
        body::write_profile(&mut administrator, today)?;
        let terms = body::note_terms(&clerk, this, cast, (seed, today))?;
        let confirmed = body::confirm_activities(&clerk, years, today)?;
        // The blocks of what follows decide it.
        body::announce_sample(&mut supervisor, (today.year(), "all"), DRAWN, "2")?;
        let claims = claims::make(&people, this, cast, (url, today), &mut clerk, &mut supervisor)?;
        let cases = body::file_cases(&people, this, cast, url, &mut clerk)?;
        body::announce_sample(&mut supervisor, (today.year(), "activity"), WAITING.0, WAITING.1)?;
        say(format!(
            "  门户 portal: {} 个账号 accounts，{terms} 份证书有效期 terms，{confirmed} 次活动确认 activities confirmed，\
             {claims} 项申报 claims，{cases} 件投诉与异议 cases",
            people.len()
        ));
        Ok(people)
    }
}

/// Where the sign-ins of a finished demo are written down.
pub(super) fn sign_ins_file(data: &Path) -> PathBuf {
    data.join("samples/sign-ins.txt")
}

/// The block that tells where and as whom to sign in.
pub(super) fn sign_ins(accounts: &[Account]) -> String {
    let mut lines = vec![
        "账号 accounts（角色 role · 登录名 sign-in · 可以看到什么 what is to be seen）".to_owned(),
        format!("  密码均为 the password of each: {PASSWORD}"),
        "  演示中不强制动态验证码 no second factor is asked for in the demo".to_owned(),
        "  以上是虚构账本的数据，不是产品的默认密码；产品没有默认密码".to_owned(),
        "  these are data of an invented ledger, no default password: the product has none".to_owned(),
    ];
    for account in accounts.iter().filter(|account| account.joins) {
        let roles: Vec<String> = account.grants.iter().map(|(role, _)| format!("{} {role}", role.chinese())).collect();
        let (chinese, english) = account.about;
        lines.push(format!("  {}  {}  {} · {chinese} {english}", roles.join(" + "), account.login, account.name));
    }
    lines.join("\n")
}
