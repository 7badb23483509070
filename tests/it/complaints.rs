//! Complaining from outside: how often one client may, what a day takes, and that codes are not guessed.

use crate::portal::{Visitor, account, encoded, organisations};
use crate::server::{Answer, Ledger};

const TEXT: &str = "九月的课程没有按计划进行。";
const COMPLAINT: [(&str, &str); 4] =
    [("subject", "provider"), ("text", TEXT), ("name", "李明"), ("contact", "13800000000")];

/// A ledger behind a proxy, so that a test can be more than one client.
fn start(complaints_per_hour: &str) -> Ledger {
    Ledger::start_with(&[
        "--rate-per-second",
        "0",
        "--second-factor",
        "off",
        "--trusted-proxies",
        "127.0.0.1",
        "--site",
        "http://ledger.example.cn",
        "--complaints-per-hour",
        complaints_per_hour,
    ])
}

/// Sends a form from this address.
fn send(ledger: &Ledger, from: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = encoded(fields);
    let headers = [("origin", ledger.url()), ("x-forwarded-for", from)];
    ledger.ask_as_browser("POST", path, Some(body.as_bytes()), &headers)
}

/// What follows `mark` up to the next tag.
fn after<'a>(page: &'a str, mark: &str) -> &'a str {
    let rest = page.split_once(mark).unwrap_or_else(|| panic!("{mark} is not in {page}")).1;
    rest.split('<').next().unwrap()
}

/// Number and code of a complaint that was filed.
fn filed(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.text();
    let (_, rest) = page.split_once("<dd><code>").unwrap();
    (after(&page, "<dd><code>").to_owned(), after(rest, "<dd><code>").to_owned())
}

#[test]
fn one_client_files_so_many_complaints_an_hour_and_keeps_what_was_typed() {
    let ledger = start("2");
    organisations(&ledger);
    let mut administrator = Visitor::joined(&ledger, "admin@example.org", &account("administrator", "周宁"));
    let profile = [("base", "0"), ("phone", "0551-12345678"), ("venue", "合肥市长江路 1 号")];
    let saved = administrator.post("/body/profile/edit", &profile);
    assert_eq!(saved.status, 303, "{}", saved.text());

    let (one, other) = ("203.0.113.7", "203.0.113.8");
    for _ in 0..3 {
        let refused = send(&ledger, one, "/complaints", &[("subject", "weather"), ("text", TEXT)]);
        assert_eq!(refused.status, 422, "what is refused counts as nothing");
    }
    for _ in 0..2 {
        filed(&send(&ledger, one, "/complaints", &COMPLAINT));
    }
    let refused = send(&ledger, one, "/complaints", &COMPLAINT);
    let page = refused.text();
    assert_eq!((refused.status, refused.header("content-type")), (429, "text/html; charset=utf-8"), "{page}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    for part in [TEXT, "value=\"李明\"", "value=\"13800000000\"", "value=\"provider\" selected"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    for part in ["每小时最多可从同一网络提交 2 件投诉", "之后再试", "致电或致函", "0551-12345678", "长江路 1 号"]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let english = send(&ledger, one, "/complaints?lang=en", &COMPLAINT);
    assert!(english.status == 429 && english.text().contains("try again after"), "{}", english.text());
    filed(&send(&ledger, other, "/complaints", &COMPLAINT));
}

#[test]
fn a_day_takes_so_many_complaints_over_all_and_tells_where_else_to_go() {
    let ledger = start("0");
    let mut taken = 0;
    let refused = loop {
        let answer = send(&ledger, &format!("198.51.100.{}", taken % 200), "/complaints", &COMPLAINT);
        match answer.status {
            200 => taken += 1,
            _ => break answer,
        }
        assert!(taken <= 1_000, "there is no end");
    };
    assert!(taken >= 500, "{taken}");
    let page = refused.text();
    assert_eq!((refused.status, refused.header("content-type")), (503, "text/html; charset=utf-8"), "{page}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    for part in ["今天可受理的投诉件数已满", "00:00", "致电或致函", TEXT, "value=\"李明\""] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn a_code_is_not_guessed_and_whoever_has_it_reads_as_often_as_they_like() {
    let ledger = start("5");
    let (one, other) = ("203.0.113.7", "203.0.113.8");
    let (number, code) = filed(&send(&ledger, one, "/complaints", &COMPLAINT));
    let read = |from: &str, number: &str, code: &str| {
        send(&ledger, from, "/complaints/state", &[("number", number), ("code", code)])
    };
    let (unknown, wrong) = ("TS-2026-7K3M9QX2AB-S", "AAAAA-AAAAA-AAAAA-AAAAA");
    for n in 0..10 {
        let found = read(one, &number, &code);
        assert!(found.status == 200 && found.text().contains(TEXT), "{n}: {}", found.text());
        // Unknown numbers and wrong codes are answered alike, word for word.
        let [a, b] = [(&*number, wrong), (unknown, &*code)].map(|(number, code)| {
            let answer = read(one, number, code);
            (answer.status, answer.text().replace(number, ""))
        });
        assert_eq!((a.0, &a), (422, &b));
    }
    for (number, code) in [(&*number, wrong), (&*number, &*code)] {
        let refused = read(one, number, code);
        let (page, wait) = (refused.text(), refused.header("retry-after").parse::<u64>().unwrap());
        assert_eq!((refused.status, refused.header("content-type")), (429, "text/html; charset=utf-8"), "{page}");
        assert!(page.contains("编号或查询码多次不正确") && page.contains(number), "{page}");
        assert!(!page.contains(TEXT) && (3_500..=3_600).contains(&wait), "{wait}");
    }
    assert_eq!(read(other, &number, &code).status, 200, "others are not held up");
    assert_eq!(ledger.ask_as_browser("GET", "/complaints/state", None, &[("x-forwarded-for", one)]).status, 200);
}
