//! Who meets the annual requirement, as the certifying body, an auditor and an employer see it at the portal.

use std::io::Cursor;

use calamine::{Reader as _, Xlsx};
use cqo_ledger::ledger::entry::{Activity, Body, Correction, CorrectionReason, Entry, Learner};
use cqo_ledger::merkle::Hash;
use serde_json::json;

use crate::portal::{Visitor, account, organisations, start};
use crate::server::{Ledger, Provider, array, credit_code};

/// Records what this year's learner did, and whom the learner serves.
fn record(ledger: &Ledger, provider: &Provider) -> Entry {
    let employer = json!({"name": "恒远精密机械有限公司", "code": credit_code(4), "from": "2020-01-01"});
    let path = format!("/api/v1/learners/{}", provider.learner);
    let version = ledger.get_as(&provider.token, &path).json()["version"].as_u64().unwrap();
    let body = json!({"id": provider.learner, "name": provider.name, "employers": [employer]}).to_string();
    let version = format!("\"{version}\"");
    let answer =
        ledger.request_with("PUT", &path, Some(&provider.token), Some(body.as_bytes()), &[("if-match", &version)]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let held = Activity {
        attendees: 12,
        attendees_digest: Hash::of(&[b"list"]),
        date: "2026-05-06".parse().unwrap(),
        evidence: vec![Hash::of(&[b"photo"])],
        topic: "班组长质量工具培训".into(),
        reviewed_by: None,
    };
    let learner = Learner { id: provider.learner, name: provider.name.clone() };
    let held = Entry { body: Body::Activity(learner, held), ..provider.study() };
    let entries = [provider.sign(provider.study()), provider.sign(held.clone())];
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.status, 200, "{}", answer.text());
    held
}

#[test]
fn the_body_sees_who_falls_short_confirms_activities_and_notes_terms() {
    let ledger = start();
    let provider = organisations(&ledger);
    let held = record(&ledger, &provider);
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "赵敏"));
    let list = clerk.get("/body/cqos?year=2026").text();
    for said in ["张伟", "恒远精密机械有限公司", "2 / 10", "0 / 1", "还差 8 学时"] {
        assert!(list.contains(said), "{said}: {list}");
    }
    assert!(clerk.get("/body/cqos?year=2026&state=met").text().contains("没有符合条件的人员"));
    assert!(clerk.get("/body/cqos?year=2026&employer=%E6%81%92%E8%BF%9C&page=9").text().contains("共 1 条"));

    let sheet = clerk.get("/body/cqos.xlsx?year=2026");
    assert!(sheet.header("content-disposition").starts_with("attachment"));
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(sheet.body)).unwrap();
    assert_eq!(book.worksheet_range("2026 年度").unwrap().height(), 2);

    assert!(clerk.get("/body/activities").text().contains("班组长质量工具培训"));
    let confirmed = clerk.post(&format!("/body/activities/{}/confirm", held.id), &[("year", "2026"), ("page", "1")]);
    let back = "/body/activities?year=2026&state=all&page=1";
    assert_eq!((confirmed.status, confirmed.header("location")), (303, back), "to where it was decided");
    let after = clerk.get(back).text();
    assert!(after.contains("活动已确认") && after.contains("没有待确认的活动"), "{after}");

    let unregistered = clerk.get("/body/cqos?year=2026&state=no_term").text();
    assert!(
        unregistered.contains("张伟") && unregistered.contains("1 名首席质量官尚未登记认定证书有效期"),
        "{unregistered}"
    );
    assert!(clerk.get("/todo").text().contains("href=\"/body/cqos?state=no_term\""));
    let page = format!("/body/cqos/{}", provider.learner);
    assert!(clerk.get(&page).text().contains("尚未登记认定证书有效期；登记后按年度要求考核"));
    let term = |first, last| [("version", "0"), ("first_day", first), ("last_day", last)];
    let wrong = clerk.post(&format!("{page}/term"), &term("2026-07-02", "2026-07-01"));
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("id=\"last_day-mistake\"") && wrong.text().contains("value=\"2026-07-02\""));
    assert_eq!(clerk.post(&format!("{page}/term"), &term("2026-03-01", "2029-02-28")).status, 303);
    let noted = clerk.get(&page).text();
    for said in ["2026年3月1日至2029年2月28日", "已组织质量专业培训活动 1 次", "ce.partial"] {
        assert!(noted.contains(said), "{said}: {noted}");
    }
    // From a page that was read before the term was noted.
    assert_eq!(clerk.post(&format!("{page}/term"), &term("2029-04-01", "2032-03-31")).status, 409);
}

/// What the hidden field of the first form of a page says.
fn version(page: &str) -> &str {
    page.split_once("name=\"version\" value=\"").unwrap().1.split('"').next().unwrap()
}

#[test]
fn a_term_follows_the_one_before_and_corrections_are_to_be_seen() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "赵敏"));
    let page = format!("/body/cqos/{}", provider.learner);
    let mut send = |path: &str, read: &str, first: &str, last: &str| {
        let version = version(&clerk.get(read).text()).to_owned();
        clerk.post(path, &[("version", &version), ("first_day", first), ("last_day", last)])
    };
    let next = format!("{page}/term");
    assert_eq!(send(&next, &page, "2023-07-03", "2026-07-02").status, 303);
    // Of one that is over before the year is, the page does not say that the year is over.
    assert_eq!(send(&next, &page, "2026-07-02", "2029-07-01").status, 422, "they share a day");
    assert_eq!(send(&next, &page, "2026-07-03", "2029-07-02").status, 303);
    let first = format!("{page}/term/1");
    assert_eq!(send(&first, &first, "2023-07-03", "2026-07-03").status, 422);
    assert_eq!(send(&first, &first, "2023-07-04", "2026-07-02").status, 303);
    assert_eq!(send(&format!("{first}/remove"), &format!("{page}/term/2"), "", "").status, 303);
    let shown = clerk.get(&page).text();
    for said in [
        "登记 2023年7月3日至2026年7月2日",
        "登记 2026年7月3日至2029年7月2日",
        "由 2023年7月3日至2026年7月2日 更正为 2023年7月4日至2026年7月2日",
        "删除 2023年7月4日至2026年7月2日",
        "href=\"/body/cqos/",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert_eq!(clerk.get(&format!("{page}/term/2")).status, 404);
    assert_eq!(clerk.get(&format!("{page}/term/x")).status, 404);
}

/// The learner's own page, before and after a certificate is registered: what fell short, and what is to be done.
#[test]
fn a_shortfall_is_told_to_the_learner_and_the_body() {
    let ledger = start();
    let provider = organisations(&ledger);
    record(&ledger, &provider);
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "赵敏"));
    let mut learner = learner(&ledger, &provider);
    let before = learner.get("/my").text();
    assert!(before.contains("登记后按年度要求考核") && !before.contains("再认定前须补足"), "{before}");
    assert!(learner.get("/todo").text().contains("没有待办事项"));
    let term = [("version", "0"), ("first_day", "2024-01-01"), ("last_day", "2026-12-31")];
    assert_eq!(clerk.post(&format!("/body/cqos/{}/term", provider.learner), &term).status, 303);
    let home = learner.get("/my").text();
    for said in ["2024 年度未达标", "2025 年度未达标", "再认定前须补足"] {
        assert!(home.contains(said), "{said}: {home}");
    }
    let todo = learner.get("/todo").text();
    assert!(todo.contains("2025 年度未达标") && todo.contains("还差 8 学时"), "{todo}");
    let list = clerk.get("/body/cqos?year=2026").text();
    assert!(list.contains("再认定前须补足：还差 20 学时；还差 2 次质量专业培训活动"), "{list}");
    assert!(list.contains("规则版本"), "{list}");
    assert!(clerk.get(&format!("/body/cqos/{}", provider.learner)).text().contains("再认定前须补足"));
}

/// An account of the provider's learner.
fn learner<'a>(ledger: &'a Ledger, provider: &Provider) -> Visitor<'a> {
    let mut learner = account("learner", "张伟");
    learner["learners"] = json!([provider.learner]);
    Visitor::joined(ledger, "zhang@example.org", &learner)
}

#[test]
fn what_was_voided_stays_on_the_learners_page_and_can_be_disputed() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut learner = learner(&ledger, &provider);
    let entry = provider.sign(provider.study());
    let send = |entry| ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&[entry]));
    assert_eq!(send(entry.clone()).status, 200);
    let id = entry.entry().id;
    let commitment = ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}")).json()["commitment"].clone();
    let correction = Correction {
        target: id,
        target_commitment: commitment.as_str().unwrap().parse().unwrap(),
        reason: CorrectionReason::NotAttended,
        replacement: None,
    };
    let name = Learner { id: provider.learner, name: provider.name.clone() };
    let void = Entry { body: Body::Correction(name, correction), ..provider.study() };
    assert_eq!(send(provider.sign(void)).status, 200);
    let home = learner.get("/my").text();
    for said in
        [&format!("<s><a href=\"/my/entries/{id}\">质量战略管理</a></s>"), "作废原因：未参加", "已作废", "<s>2</s>"]
    {
        assert!(home.contains(said), "{said}: {home}");
    }
    assert!(learner.get(&format!("/my/entries/{id}")).text().contains(&format!("/my/entries/{id}/dispute")));
}

#[test]
fn a_claim_of_a_year_without_entries_is_told_in_that_year() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut learner = learner(&ledger, &provider);
    let claim = [
        ("title", "卓越绩效准则"),
        ("organiser", "省质量协会"),
        ("organiser_code", ""),
        ("first_day", "2024-06-01"),
        ("last_day", "2024-06-02"),
        ("hours", "6.5"),
    ];
    assert_eq!(learner.post("/my/claims/new?what=lecture", &claim).status, 303);
    let home = learner.get("/my").text();
    let year = home.split_once("<span class=\"earlier-year\">2024 年度").unwrap_or_else(|| panic!("{home}")).1;
    assert!(year.contains("卓越绩效准则"), "{home}");
    assert!(!home.contains("2025 年度"), "nothing was due in it, and nothing recorded: {home}");
}

/// Of a certificate that ends within the year its end is what the days are counted to.
#[test]
fn the_learners_page_counts_the_days_to_what_ends_first() {
    let ledger =
        Ledger::start_with(&["--second-factor", "off", "--reminder-days", "365,1", "--lookups-per-minute", "0"]);
    let provider = organisations(&ledger);
    let mut learner = learner(&ledger, &provider);
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "赵敏"));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).date();
    let date = |days: i32| today.checked_add(jiff::Span::new().days(days)).unwrap();
    let term = [("version", "0"), ("first_day", &*date(-700).to_string()), ("last_day", &*date(10).to_string())];
    assert_eq!(clerk.post(&format!("/body/cqos/{}/term", provider.learner), &term).status, 303);
    let (home, todo) = (learner.get("/my").text(), learner.get("/todo").text());
    if date(10).year() == today.year() {
        assert!(home.contains("距认定证书有效期届满（") && home.contains("还有 10 天"), "{home}");
        assert!(todo.contains("届满，请在该日（含当日）之前完成（还有 10 天）"), "{todo}");
        assert!(!home.contains("年度结束还有"), "{home}");
    } else {
        assert!(home.contains(&format!("距 {} 年度结束还有", today.year())), "{home}");
    }
}

#[test]
fn an_auditor_changes_nothing_and_an_employer_sees_its_own() {
    let ledger = start();
    let provider = organisations(&ledger);
    let held = record(&ledger, &provider);
    let mut auditor = Visitor::joined(&ledger, "auditor@example.org", &account("auditor", "钱静"));
    let page = auditor.get(&format!("/body/cqos/{}", provider.learner)).text();
    assert!(page.contains("张伟") && !page.contains("/term"), "{page}");
    let waiting = auditor.get("/body/activities").text();
    assert!(waiting.contains("班组长质量工具培训") && !waiting.contains("/confirm"), "{waiting}");
    assert_eq!(auditor.post(&format!("/body/activities/{}/confirm", held.id), &[]).status, 403);
    assert_eq!(auditor.post(&format!("/body/cqos/{}/term", provider.learner), &[]).status, 403);

    let mut employer = Visitor::joined(&ledger, "hr@example.org", &account("employer", "孙丽"));
    assert!(employer.get("/employer").text().contains("张伟"));
    let page = employer.get(&format!("/employer/{}", provider.learner)).text();
    assert!(page.contains("还差 8 学时") && page.contains("质量战略管理"), "{page}");
    assert_eq!(employer.get("/body/cqos").status, 403);
    // Another organisation's people are nobody here.
    let mut other = account("employer", "周强");
    other["grants"][0]["organisation"] = json!(credit_code(2));
    let registered =
        json!({"code": credit_code(2), "name": "培训机构2", "roles": ["provider", "employer"]}).to_string();
    ledger.post_as(&ledger.operator_token(), "/api/v1/organisations", registered.as_bytes());
    let mut other = Visitor::joined(&ledger, "other@example.org", &other);
    assert!(other.get("/employer").text().contains("没有登记在本组织任职的首席质量官"));
    assert_eq!(other.get(&format!("/employer/{}", provider.learner)).status, 404);
}
