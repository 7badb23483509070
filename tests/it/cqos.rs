//! Who meets the annual requirement, as the certifying body, an auditor and an employer see it at the portal.

use std::io::Cursor;

use calamine::{Reader as _, Xlsx};
use cqo_ledger::ledger::entry::{Activity, Body, Entry, Learner};
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
    let confirmed = clerk.post(&format!("/body/activities/{}/confirm", held.id), &[]);
    assert_eq!((confirmed.status, confirmed.header("location")), (303, "/body/activities"));
    let after = clerk.get("/body/activities").text();
    assert!(after.contains("活动已确认") && after.contains("没有待确认的活动"), "{after}");

    let page = format!("/body/cqos/{}", provider.learner);
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
    assert_eq!(clerk.post(&format!("{page}/term"), &term("2026-04-01", "2029-03-31")).status, 409);
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
