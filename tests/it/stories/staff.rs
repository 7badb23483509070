//! People of the certifying body: a reviewer who must stand aside, an auditor who changes nothing, a second factor.

use std::collections::{BTreeSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use cqo_ledger::service::AccountRole;
use cqo_ledger::web::permissions::{self, Side};
use serde_json::json;
use totp_rs::{Builder, Secret};
use uuid::Uuid;

use super::guest::Guest;
use super::pdf;
use crate::portal::{account, invite, organisations, start};
use crate::server::{Ledger, Provider, array, credit_code, text};

const LOGIN: &str = "staff@example.org";

/// Somebody who has the role and is signed in.
async fn staff<'a>(ledger: &'a Ledger, role: &'static str) -> Guest<'a> {
    let code = invite(ledger, LOGIN, &account(role, "孙立新"));
    let guest = Guest::new(ledger, role).await;
    guest.join(&code).await;
    guest.sign_in(LOGIN).await;
    guest
}

/// Writes a claim and submits it; answers its address.
async fn submits(ledger: &Ledger, guest: &Guest<'_>, title: &str) -> String {
    guest.open("/my/claims/new?what=lecture").await;
    let days = [("first_day", "2026-05-06"), ("last_day", "2026-05-06"), ("hours", "4")];
    guest.fill(&[("title", title), ("organiser", "合肥市质量协会")]).await;
    guest.fill(&days).await;
    guest.press("保存").await;
    let claim = guest.path().await;
    guest.fill(&[("file", text(&pdf(ledger, "培训证明.pdf", title)))]).await;
    guest.press("上传").await;
    guest.press("检查并提交").await;
    guest.press("确认提交").await;
    claim
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_with_a_conflict_is_told_so_and_decides_nothing() {
    let ledger = start();
    let provider = organisations(&ledger);
    // One person, who is a CQO as well.
    let grants = ["learner", "clerk"].map(|role| json!({"role": role, "organisation": credit_code(1)}));
    let both = json!({"name": provider.name, "grants": grants, "learners": [provider.learner]});
    let code = invite(&ledger, LOGIN, &both);
    let reviewer = Guest::new(&ledger, "reviewer").await;
    reviewer.join(&code).await;
    reviewer.sign_in(LOGIN).await;
    if !reviewer.reads().await.contains("我的学时") {
        reviewer.press("张伟").await;
        reviewer.press("首席质量官").await;
    }
    let claim = submits(&ledger, &reviewer, "Six Sigma").await;
    reviewer.press("张伟").await;
    reviewer.look("menu-of-roles").await;
    reviewer.press("认定主体经办人").await;
    reviewer.open("/body/review").await;
    reviewer.press("张伟").await;
    reviewer.sees(&["须回避", "这是您本人的事项", "请由其他审核人处理"]).await;
    reviewer.look("conflict").await;
    let posts = "return document.querySelectorAll('main form[method=post], main button').length";
    assert_eq!(reviewer.browser.run(posts).await, 0, "no decision is offered");

    let review = reviewer.path().await;
    let before = reviewer.reads().await;
    for (decision, reason) in [("accept", ""), ("return", "请补充"), ("reject", "不予通过")] {
        let forged = reviewer.forge(&format!("{review}/{decision}"), &[("version", "3"), ("reason", reason)]).await;
        assert!([409, 422].contains(&forged.status), "{decision}: {}", forged.status);
    }
    reviewer.open(&review).await;
    assert_eq!(reviewer.reads().await, before, "nothing has changed");
    assert!(review.ends_with(claim.rsplit('/').next().unwrap()));
    reviewer.leave().await;
}

/// A ledger in which something has happened to look at.
async fn busy() -> (Ledger, Provider) {
    let ledger = start();
    let provider = organisations(&ledger);
    let entries = provider.signed(2);
    let recorded = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(recorded.json()["sealed"], true, "{}", recorded.text());
    let mut learner = account("learner", &provider.name);
    learner["learners"] = json!([provider.learner]);
    let code = invite(&ledger, "cqo@example.org", &learner);
    let cqo = Guest::new(&ledger, "cqo").await;
    cqo.join(&code).await;
    cqo.sign_in("cqo@example.org").await;
    submits(&ledger, &cqo, "Quality tools").await;
    cqo.leave().await;
    (ledger, provider)
}

/// A path with what differs from row to row left out.
fn kind_of(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap();
    let part = |part: &str| match part {
        _ if part.parse::<Uuid>().is_ok() || part.bytes().any(|byte| byte.is_ascii_digit()) => "one".to_owned(),
        _ => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_all_and_changes_nothing() {
    let (ledger, _) = busy().await;
    let auditor = staff(&ledger, "auditor").await;
    let (mut seen, mut ways) = (BTreeSet::new(), VecDeque::from([auditor.path().await]));
    while let Some(path) = ways.pop_front() {
        let kind = kind_of(&path);
        if !seen.insert(kind.clone()) {
            continue;
        }
        auditor.open(&path).await;
        let name = kind.trim_matches('/').replace('/', "-");
        auditor.look(if name.is_empty() { "front" } else { &name }).await;
        let forms = "return [...document.querySelectorAll('form')].filter((form) => form.method === 'post')\
            .map((form) => new URL(form.action).pathname)";
        let forms: Vec<String> = serde_json::from_value(auditor.browser.run(forms).await).unwrap();
        let own =
            |action: &String| ["/sign-out", "/role"].contains(&action.as_str()) || action.starts_with("/account/");
        let others: Vec<&String> = forms.iter().filter(|action| !own(action)).collect();
        assert!(others.is_empty(), "{path} offers an auditor {others:?}");
        let links = "return [...document.querySelectorAll('a[href]:not([download], [target], [hreflang])')]\
            .filter((a) => a.origin === location.origin).map((a) => a.pathname + a.search)";
        let links: Vec<String> = serde_json::from_value(auditor.browser.run(links).await).unwrap();
        // Files are no pages; the pages for everybody, where anybody may complain, are no auditor's.
        let pages = ["/home", "/account", "/body", "/admin", "/employer"];
        ways.extend(links.into_iter().filter(|path| {
            pages.iter().any(|page| path.starts_with(page)) && !path.contains("/files/") && !path.contains("xlsx")
        }));
    }
    for kind in
        ["/body/review", "/body/review/one", "/body/cqos", "/admin/accounts", "/admin/accounts/one", "/admin/events"]
    {
        assert!(seen.contains(kind), "the auditor does not come to {kind}: {seen:?}");
    }
    let place = AccountRole::ALL.iter().position(|role| *role == AccountRole::Auditor).unwrap();
    let rows = permissions::table().into_iter().filter(|row| row.side == Side::Portal && row.method == "POST");
    auditor.open("/account").await;
    for row in rows.filter(|row| !row.roles[place]) {
        let path = row.path.replace("{id}", "01970000-0000-7000-8000-00000000000a");
        assert_eq!(auditor.forge(&path, &[]).await.status, 403, "{path}");
    }
    auditor.leave().await;
}

/// Those who watch from outside, or serve one organisation, at the pages that their menus lead to.
#[tokio::test(flavor = "multi_thread")]
async fn everybody_else_finds_their_pages() {
    let (ledger, _) = busy().await;
    for role in ["supervisor", "competent_authority", "provider_staff", "employer", "expert"] {
        let code = invite(&ledger, &format!("{role}@example.org"), &account(role, "何婉清"));
        let guest = Guest::new(&ledger, role).await;
        guest.join(&code).await;
        guest.sign_in(&format!("{role}@example.org")).await;
        guest.look("home").await;
        let ways = "return [...document.querySelectorAll('.ways a')].map((a) => a.pathname)";
        let ways: Vec<String> = serde_json::from_value(guest.browser.run(ways).await).unwrap();
        for way in ways {
            guest.visit(&way, way.trim_matches('/').replace('/', "-").as_str()).await;
        }
        if role == "provider_staff" {
            guest.open("/provider").await;
            guest.press("张伟").await;
            guest.look("learner").await;
            guest.press("质量战略管理").await;
            guest.look("entry").await;
        }
        guest.leave().await;
    }
}

/// The code of an authenticator, `later` steps from now.
fn code_of(secret: &str, later: u64) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let totp = Builder::new().with_secret(secret).with_account_name("staff").build().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    totp.generate(now + 30 * later).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_set_up_a_second_factor_and_sign_in_with_it() {
    let options = ["--seal-interval-ms", "20", "--rate-per-second", "0", "--lookups-per-minute", "0"];
    let ledger = Ledger::start_with(&[&options[..], &["--second-factor", "by_level"]].concat());
    let clerk = staff(&ledger, "clerk").await;
    assert_eq!(clerk.path().await, "/sign-in/factor", "staff go no further without one");
    clerk.look("factor").await;
    clerk.open("/body/review").await;
    assert_eq!(clerk.path().await, "/sign-in/factor");
    let secret = clerk.browser.text("main code").await;
    clerk.fill(&[("code", "000000")]).await;
    clerk.press("确认并启用").await;
    clerk.look("factor-wrong").await;
    clerk.fill(&[("code", &code_of(&secret, 0))]).await;
    clerk.press("确认并启用").await;
    clerk.sees(&["恢复码只显示这一次"]).await;
    clerk.look("recovery-codes").await;
    let codes = clerk.browser.run("return [...document.querySelectorAll('.codes code')].map((e) => e.innerText)").await;
    let codes: Vec<String> = serde_json::from_value(codes).unwrap();
    assert!(codes.len() >= 8, "{codes:?}");
    clerk.press("我已保存，继续").await;
    clerk.visit("/account", "account-with-factor").await;

    // With the code of the next half minute, since one is taken once; then with a recovery code, which is used up.
    for code in [code_of(&secret, 1), codes[0].clone()] {
        clerk.browser.driver.delete_all_cookies().await.unwrap();
        clerk.sign_in(LOGIN).await;
        assert_eq!(clerk.path().await, "/sign-in/code");
        clerk.look("code").await;
        clerk.fill(&[("code", &code)]).await;
        clerk.press("继续").await;
        assert!(!clerk.path().await.starts_with("/sign-in"), "{}", clerk.reads().await);
    }
    clerk.open("/account").await;
    clerk.sees(&[&format!("还剩 {} 个恢复码", codes.len() - 1)]).await;
    clerk.browser.driver.delete_all_cookies().await.unwrap();
    clerk.sign_in(LOGIN).await;
    clerk.fill(&[("code", &codes[0])]).await;
    clerk.press("继续").await;
    clerk.sees(&["处需要修改"]).await;
    clerk.look("code-wrong").await;
    clerk.leave().await;
}
