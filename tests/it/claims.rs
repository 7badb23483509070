//! Hours claimed and reviewed at the portal, as two people do it, from outside.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::portal::{Visitor, account, organisations, start};
use crate::server::{Answer, Ledger, Provider, credit_code, run, stdout, text};

/// A document that is one, and different from others by `salt`.
fn pdf(salt: &str) -> Vec<u8> {
    format!("%PDF-1.7\n% {salt}\nstartxref\n9\n%%EOF\n").into_bytes()
}

const LECTURE: [(&str, &str); 6] = [
    ("title", "卓越绩效准则"),
    ("organiser", "省质量协会"),
    ("organiser_code", ""),
    ("first_day", "2026-06-01"),
    ("last_day", "2026-06-02"),
    ("hours", "6.5"),
];

fn learner<'a>(ledger: &'a Ledger, provider: &Provider, login: &str) -> Visitor<'a> {
    let mut account = account("learner", &provider.name);
    account["learners"] = json!([provider.learner]);
    Visitor::joined(ledger, login, &account)
}

/// Where a form led.
fn led(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").to_owned()
}

/// What follows `mark` up to the next quote.
fn after(page: &str, mark: &str) -> String {
    let rest = page.split_once(mark).unwrap_or_else(|| panic!("{mark} is not in {page}")).1;
    rest.split('"').next().unwrap().to_owned()
}

fn version(page: &str) -> String {
    after(page, "name=\"version\" value=\"")
}

#[test]
fn a_lecture_is_claimed_returned_and_accepted_and_stands_on_the_chain() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut cqo = learner(&ledger, &provider, "cqo@example.org");
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "王芳芳"));
    assert!(cqo.get("/my/claims").text().contains("还没有申报"));
    assert!(clerk.get("/body/review").text().contains("没有待审核的申报"));
    assert_eq!(cqo.get("/my/claims/new").text().matches("/my/claims/new?what=").count(), 5);

    // What was typed is kept beside what is wrong with it.
    let mut wrong = LECTURE;
    (wrong[5], wrong[0]) = (("hours", "many"), ("title", "<准则>"));
    let refused = cqo.post("/my/claims/new?what=lecture", &wrong);
    assert_eq!(refused.status, 422);
    let page = refused.text();
    assert!(page.contains("value=\"&#60;准则&#62;\"") && page.contains("value=\"many\""), "{page}");
    assert!(page.contains("id=\"hours-mistake\"") && page.contains("href=\"#hours\""), "{page}");

    let claim = led(&cqo.post("/my/claims/new?what=lecture", &LECTURE));
    let check = cqo.get(&format!("{claim}/check")).text();
    assert!(check.contains("还不能提交"), "{check}");
    for (bytes, says) in [(&b"<html>"[..], "不是 PDF"), (&pdf("1")[..20], "不完整")] {
        let refused = cqo.upload(&format!("{claim}/evidence"), &[], ("file", "a.pdf", bytes));
        assert_eq!((refused.status, refused.text().contains(says)), (422, true), "{}", refused.text());
    }
    assert_eq!(cqo.post(&format!("{claim}/evidence"), &[]).status, 422);
    led(&cqo.upload(&format!("{claim}/evidence"), &[], ("file", "C:\\\\结业证书.PDF", &pdf("1"))));
    let page = cqo.get(&claim).text();
    assert!(page.contains("结业证书.pdf") && page.contains("文件已上传"), "{page}");
    let file = after(&page, &format!("href=\"{claim}/files/"));
    let check = cqo.get(&format!("{claim}/check")).text();
    assert!(check.contains("没有发现需要留意的情况"), "{check}");
    led(&cqo.post(&format!("{claim}/submit"), &[("version", &version(&check))]));

    let number = claim.rsplit('/').next().unwrap();
    let review = format!("/body/review/{number}");
    let queue = clerk.get("/body/review?what=lecture&year=2026").text();
    assert!(queue.contains(&review) && queue.contains("张伟"), "{queue}");
    assert!(clerk.get("/body/review?what=activity").text().contains("没有符合条件的申报"));
    let page = clerk.get(&review);
    assert!(page.header("content-security-policy").contains("frame-src 'self'"));
    let page = page.text();
    assert!(page.contains(&format!("<iframe src=\"{review}/files/{file}#")), "{page}");
    for (visitor, path) in [(&mut clerk, &review), (&mut cqo, &claim)] {
        let shown = visitor.get(&format!("{path}/files/{file}"));
        assert_eq!((shown.status, shown.body.as_slice()), (200, pdf("1").as_slice()));
        for (header, value) in [
            ("content-type", "application/pdf"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("cache-control", "no-store"),
            ("content-disposition", "inline; filename*=UTF-8''%E7%BB%93%E4%B8%9A%E8%AF%81%E4%B9%A6.pdf"),
        ] {
            assert_eq!(shown.header(header), value, "{header}");
        }
        let policy = shown.header("content-security-policy");
        assert!(policy.contains("default-src 'none'; sandbox;"), "{policy}");
    }

    let seen = version(&page);
    let refused = clerk.post(&format!("{review}/return"), &[("version", &seen), ("decision", "return")]);
    assert_eq!((refused.status, refused.text().contains("id=\"reason-mistake\"")), (422, true));
    let reason = [("version", seen.as_str()), ("reason", "证书上没有日期"), ("decision", "return")];
    assert_eq!(led(&clerk.post(&format!("{review}/return"), &reason)), "/body/review");
    // A page from before decides nothing.
    let late = clerk.post(&format!("{review}/accept"), &[("version", &seen)]);
    assert_eq!((late.status, late.text().contains("下面是最新情况")), (409, true));

    let page = cqo.get(&claim).text();
    assert!(page.contains("已退回") && page.contains("证书上没有日期") && !page.contains("王芳芳"), "{page}");
    let edit = cqo.get(&format!("{claim}/edit")).text();
    assert!(edit.contains("value=\"卓越绩效准则\"") && edit.contains("value=\"6.50\""), "{edit}");
    let mut changed = LECTURE.to_vec();
    let seen = version(&edit);
    changed.extend([("version", seen.as_str())]);
    changed[5] = ("hours", "6");
    led(&cqo.post(&format!("{claim}/edit"), &changed));
    let check = cqo.get(&format!("{claim}/check")).text();
    led(&cqo.post(&format!("{claim}/submit"), &[("version", &version(&check))]));

    let page = clerk.get(&review).text();
    assert!(page.contains("提交的内容") && page.contains("王芳芳"), "{page}");
    led(&clerk.post(&format!("{review}/accept"), &[("version", &version(&page))]));
    let started = Instant::now();
    while !cqo.get(&claim).text().contains("已记入区块") {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", cqo.get(&claim).text());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(cqo.get("/my/claims").text().contains("已上链"));
    assert!(clerk.get("/body/review?state=accepted").text().contains("已上链"));
    assert_eq!(clerk.post(&format!("{review}/reject"), &[("reason", "x")]).status, 409);
}

#[test]
fn an_activity_keeps_the_digest_of_its_list_alone() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut cqo = learner(&ledger, &provider, "cqo@example.org");
    let fields = [("topic", "质量月"), ("place", "合肥"), ("date", "2026-09-01"), ("attendees", "4")];
    let list = "张三\n李四\n".as_bytes();
    let new = "/my/claims/new?what=activity";
    let refused = cqo.post(new, &fields);
    assert_eq!((refused.status, refused.text().contains("id=\"attendees_digest-mistake\"")), (422, true));
    // Nothing is lost with a mistake elsewhere: not even the list, which is known by its digest.
    let mut wrong = fields;
    wrong[3] = ("attendees", "0");
    let refused = cqo.upload(new, &wrong, ("attendees_digest", "名单.xlsx", list)).text();
    let digest = after(&refused, "name=\"attendees_digest\" value=\"");
    let mut again = fields.to_vec();
    again.push(("attendees_digest", &digest));
    let claim = led(&cqo.post(new, &again));
    let page = cqo.get(&claim).text();
    assert!(page.contains(&digest) && page.contains("参加人数少于 5 人"), "{page}");
    assert!(cqo.get(&format!("{claim}?lang=en")).text().contains("Fewer than 5 people attended"));
}

#[test]
fn whoever_has_a_conflict_is_told_why_and_sees_no_forms() {
    let ledger = start();
    let mut provider = organisations(&ledger);
    let code = credit_code(4);
    provider.learner = uuid::Uuid::now_v7().try_into().unwrap();
    let employers = json!([{"name": "恒远精密机械有限公司", "code": code, "from": "2020-01-01"}]);
    let body = json!({"id": provider.learner, "name": provider.name, "employers": employers}).to_string();
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/learners", body.as_bytes()).status, 200);
    let mut cqo = learner(&ledger, &provider, "cqo@example.org");
    let claim = led(&cqo.post("/my/claims/new?what=lecture", &LECTURE));
    led(&cqo.upload(&format!("{claim}/evidence"), &[], ("file", "a.pdf", &pdf("1"))));
    let check = cqo.get(&format!("{claim}/check")).text();
    led(&cqo.post(&format!("{claim}/submit"), &[("version", &version(&check))]));
    let review = claim.replace("/my/claims", "/body/review");

    let mut both = account("clerk", "李敏敏");
    both["grants"].as_array_mut().unwrap().push(json!({"role": "employer", "organisation": code}));
    let mut colleague = Visitor::joined(&ledger, "colleague@example.org", &both);
    let page = colleague.get(&review).text();
    assert!(page.contains("须回避") && page.contains("当事人所在组织（含当时的）与您有关联"), "{page}");
    assert!(!page.contains(&format!("action=\"{review}")), "no forms");
    let version = after(&cqo.get(&claim).text(), "name=\"version\" value=\"");
    for act in ["accept", "return", "reject"] {
        let refused =
            colleague.post(&format!("{review}/{act}"), &[("version", &version), ("reason", "x"), ("decision", act)]);
        assert_eq!((refused.status, refused.text().contains("须回避")), (409, true), "{act}");
    }
    let mut auditor = Visitor::joined(&ledger, "auditor@example.org", &account("auditor", "赵静静"));
    let page = auditor.get(&review).text();
    assert!(
        page.contains("卓越绩效准则") && !page.contains(&format!("action=\"{review}")),
        "reads, and changes nothing"
    );
    let found = auditor.get(&format!("/body/review?employer={code}")).text();
    assert!(found.contains(&review));
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "王芳芳"));
    assert!(clerk.get(&review).text().contains(&format!("action=\"{review}/accept\"")));
}

/// Asks until there is an answer.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{what} never comes");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A lecture that is claimed and submitted; its address.
fn submits(cqo: &mut Visitor, salt: &str) -> String {
    let claim = led(&cqo.post("/my/claims/new?what=lecture", &LECTURE));
    led(&cqo.upload(&format!("{claim}/evidence"), &[], ("file", "a.pdf", &pdf(salt))));
    let check = cqo.get(&format!("{claim}/check")).text();
    led(&cqo.post(&format!("{claim}/submit"), &[("version", &version(&check))]));
    claim
}

/// From the acceptance to the dispute, the voiding, and what a stranger is told of the certificate that held it.
#[test]
fn what_was_accepted_and_found_false_is_disputed_and_voided_and_its_certificate_says_so() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut cqo = learner(&ledger, &provider, "cqo@example.org");
    let mut clerk = Visitor::joined(&ledger, "clerk@example.org", &account("clerk", "王芳芳"));
    let mut other = Visitor::joined(&ledger, "other@example.org", &account("supervisor", "李敏敏"));
    let claim = submits(&mut cqo, "1");
    let review = claim.replace("/my/claims", "/body/review");
    let page = clerk.get(&review).text();
    led(&clerk.post(&format!("{review}/accept"), &[("version", &version(&page))]));
    let id = eventually("the entry", || {
        let page = clerk.get(&review).text();
        page.contains("/body/entries/").then(|| after(&page, "href=\"/body/entries/"))
    });
    assert!(!cqo.get("/my").text().contains("已作废"));

    // The certificate came by itself, and holds.
    let asked = format!("/api/v1/certificates?learner={}", provider.learner);
    let number = eventually("the certificate", || {
        let all = ledger.get_as(&provider.token, &asked).json();
        (all[0]["sealed"] == true).then(|| all[0]["number"].as_str().unwrap().to_owned())
    });
    let file = |name: &str, path: &str| {
        let bytes = eventually(path, || {
            let answer = ledger.get_as(&provider.token, path);
            (answer.status == 200).then_some(answer.body)
        });
        ledger.write(name, bytes)
    };
    let certificate = format!("/api/v1/certificates/{number}");
    let credential = file("c.json", &format!("{certificate}/credential"));
    let proof = file("c.proof.json", &format!("{certificate}/proof"));
    let policy = ledger.policy();
    let verified = |list: &std::path::Path| {
        let (policy, list) = (text(&policy), text(list));
        run(&["verify", "--policy", policy, "--status", list, text(&credential), text(&proof)])
    };
    let before = verified(&file("before.json", "/status/1"));
    assert_eq!(before.status.code(), Some(0), "{}", stdout(&before));

    // A dispute of it: whoever accepted it sees why not, and loses nothing of what they wrote.
    let dispute = [("text", "我没有参加这次讲座。")];
    led(&cqo.post(&format!("/my/entries/{id}/dispute"), &dispute));
    let case = format!("/body/cases/{}", after(&clerk.get("/body/cases").text(), "href=\"/body/cases/"));
    let page = clerk.get(&case).text();
    assert!(
        page.contains("有争议的决定由您本人作出") && !page.contains(&format!("action=\"{case}/answer\"")),
        "{page}"
    );
    let page = other.get(&case).text();
    assert!(page.contains(&format!("href=\"/body/entries/{id}\"")), "{page}");
    let answer = [("version", version(&page)), ("answer", "已核实，记录将作废。".to_owned())];
    let answer: Vec<(&str, &str)> = answer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = clerk.post(&format!("{case}/answer"), &answer);
    assert_eq!((refused.status, refused.text().contains("已核实，记录将作废。</textarea>")), (409, true));

    let entry = format!("/body/entries/{id}");
    assert_eq!(cqo.get(&entry).status, 403);
    let page = other.get(&entry).text();
    let seen = after(&page, "name=\"seen\" value=\"");
    let wrong = [("seen", seen.as_str()), ("action", "void"), ("reason", "")];
    assert_eq!(other.post(&format!("{entry}/correct"), &wrong).status, 422);
    let void = [("seen", seen.as_str()), ("action", "void"), ("reason", "not_attended")];
    led(&other.post(&format!("{entry}/correct"), &void));
    let late = clerk.post(&format!("{entry}/correct"), &void);
    assert_eq!((late.status, late.text().contains("刚刚被更正")), (409, true));
    led(&other.post(&format!("{case}/answer"), &answer));

    eventually("the end of the certificate", || {
        let told = ledger.get_as(&provider.token, &certificate).json();
        (told["state"] == "corrected").then_some(())
    });
    eventually("the list that says so", || {
        let after = verified(&file("after.json", "/status/1"));
        (after.status.code() == Some(1) && stdout(&after).contains("已撤销或已更正")).then_some(())
    });
    assert!(cqo.get(&claim).text().contains("已作废"));
    let page = cqo.get(&format!("/my/entries/{id}")).text();
    assert!(page.contains("未参加"), "the learner is told why: {page}");
    assert!(cqo.get("/my").text().contains("已作废"), "the year counts it no more, and says so");
}
