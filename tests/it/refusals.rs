//! What is refused beside the portal's routes or before one is reached: a page for browsers, a problem document for
//! programs, the same status and the same time to wait for both.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::portal::{Visitor, account, start};
use crate::server::{Answer, Ledger};

const CHROMIUM: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const CURL: &str = "*/*";
const PATIENCE: Duration = Duration::from_secs(20);

fn is_page(answer: &Answer) -> bool {
    match answer.header("content-type") {
        "text/html; charset=utf-8" => true,
        "application/problem+json" => false,
        other => panic!("neither a page nor a problem document: {other:?}"),
    }
}

#[test]
fn who_reads_pages_gets_a_page_and_a_program_a_problem_document() {
    let ledger = start();
    for (method, path, accept, status, page) in [
        ("GET", "/nowhere", CHROMIUM, 404, true),
        ("GET", "/nowhere", FIREFOX, 404, true),
        ("GET", "/my/nowhere?year=2026", CHROMIUM, 404, true),
        ("GET", "/assets/nothing.css", CHROMIUM, 404, true),
        ("GET", "/favicon.ico", "image/avif,image/webp,*/*;q=0.8", 404, false),
        ("GET", "/nowhere", CURL, 404, false),
        ("GET", "/nowhere", "application/json", 404, false),
        ("GET", "/nowhere", "text/html;q=0.1, application/json", 404, false),
        ("GET", "/nowhere", "text/html;q=0", 404, false),
        ("GET", "/nowhere", ";q=1,,/", 404, false),
        ("GET", "/nowhere", "Text/HTML; q=0.9 , */* ; q=0.1", 404, true),
        ("POST", "/nowhere", CHROMIUM, 404, true),
        ("POST", "/verify", CHROMIUM, 405, true),
        ("POST", "/verify", CURL, 405, false),
        ("GET", "/sign-out", FIREFOX, 405, true),
        ("PUT", "/sign-in", FIREFOX, 405, true),
        ("GET", "/api/v1/nowhere", CHROMIUM, 404, false),
        ("GET", "/api/v1/entries", FIREFOX, 405, false),
        ("POST", "/checkpoint", CHROMIUM, 405, false),
        ("GET", "/tile/nowhere", CHROMIUM, 404, false),
        ("GET", "/batch/999", CHROMIUM, 404, false),
        ("GET", "/status/999", CHROMIUM, 404, false),
        ("POST", "/healthz", CHROMIUM, 405, false),
    ] {
        let body = (method != "GET").then_some(&b"a=b"[..]);
        let answer = ledger.request_with(method, path, None, body, &[("accept", accept)]);
        assert_eq!((answer.status, is_page(&answer)), (status, page), "{method} {path} {accept}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        match page {
            true => assert!(answer.text().contains("href=\"/\"") && answer.text().contains("回到首页"), "{path}"),
            false => assert_eq!(answer.json()["status"], status, "{path}"),
        }
        assert_eq!(answer.header("allow").is_empty(), status != 405, "{method} {path}: {}", answer.header("allow"));
    }
}

#[test]
fn a_page_of_refusal_is_a_page_like_any_other() {
    let ledger = start();
    let answer = ledger.request_with("GET", "/nowhere", None, None, &[("accept", CHROMIUM)]);
    let page = ledger.request_with("GET", "/sign-in", None, None, &[("accept", CHROMIUM)]);
    for header in ["content-security-policy", "referrer-policy", "x-content-type-options", "x-frame-options"] {
        assert_eq!(answer.header(header), page.header(header), "{header}");
    }
    assert_eq!(answer.header("vary"), "accept, accept-language, cookie");
    assert!(!answer.header("x-request-id").is_empty());
}

#[test]
fn a_head_has_the_head_of_what_a_get_would_have() {
    let ledger = start();
    for (path, accept) in [("/nowhere", CHROMIUM), ("/nowhere", CURL), ("/sign-out", FIREFOX)] {
        let ask = |method| ledger.request_with(method, path, None, None, &[("accept", accept)]);
        let (head, get) = (ask("HEAD"), ask("GET"));
        assert_eq!((head.status, is_page(&head), head.body.len()), (get.status, is_page(&get), 0), "{path} {accept}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path} {accept}");
    }
}

#[test]
fn the_page_is_in_the_readers_language_and_the_choice_is_remembered() {
    let ledger = start();
    let (chinese, english) = ("没有这个页面", "No such page");
    for (path, language, cookie, words) in [
        ("/nowhere", "", "", chinese),
        ("/nowhere", "fr", "", chinese),
        ("/nowhere", "en-GB,en;q=0.9", "", english),
        ("/nowhere", "en", "lang=zh", chinese),
        ("/nowhere", "zh-CN", "lang=en", english),
        ("/nowhere?lang=en", "zh-CN", "", english),
    ] {
        let headers = [("accept", CHROMIUM), ("accept-language", language), ("cookie", cookie)];
        let answer = ledger.request_with("GET", path, None, None, &headers);
        assert!(answer.text().contains(words), "{path} {language} {cookie}: {}", answer.text());
        assert_eq!(answer.header("set-cookie").starts_with("lang=en"), path.ends_with("lang=en"), "{path}");
    }
}

#[test]
fn who_is_signed_in_stays_so_and_finds_the_way_back() {
    let ledger = start();
    let mut visitor = Visitor::joined(&ledger, "admin@example.org", &account("administrator", "王芳芳"));
    let answer = visitor.ask("GET", "/nowhere", None, &[("accept", CHROMIUM)]);
    let text = answer.text();
    assert!(answer.status == 404 && text.contains("王芳芳") && text.contains("href=\"/admin/accounts\""), "{text}");
    assert_eq!(visitor.get("/account").status, 200);
}

/// A path that a browser would take for another site's address, as no client sends it but by hand.
#[test]
fn no_link_of_the_page_leads_to_another_site() {
    let ledger = start();
    for path in ["//evil.example/x", "/\\evil.example/x", "*"] {
        let answer = raw(&ledger, &format!("GET {path} HTTP/1.1\r\nhost: a\r\naccept: {FIREFOX}\r\n\r\n"));
        assert!(answer.contains("</html>") || answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(!answer.contains("evil.example"), "{path}: {answer}");
    }
}

#[test]
fn too_often_says_how_long_to_wait() {
    // Two at once, and one more each half minute.
    let ledger = Ledger::start_with(&["--lookups-per-minute", "2", "--second-factor", "off"]);
    let forgot = |accept: &str| {
        let headers = [("accept", accept), ("origin", ledger.url())];
        ledger.ask_as_browser("POST", "/forgot", Some(b"login=nobody"), &headers)
    };
    assert_eq!([forgot(CURL).status, forgot(CURL).status], [200, 200]);
    let (page, problem) = (forgot(CHROMIUM), forgot(CURL));
    assert_eq!((page.status, is_page(&page)), (429, true), "{}", page.text());
    assert_eq!((problem.status, is_page(&problem)), (429, false));
    assert_eq!(problem.json()["type"], "urn:cqo-ledger:problem:rate-limited");
    let wait: u64 = page.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert!(page.text().contains(&format!("请等 {wait} 秒")), "{}", page.text());
}

#[test]
fn a_form_that_is_too_large_or_too_slow_is_told_so_on_a_page() {
    let ledger = Ledger::start_with(&["--body-grace-ms", "200", "--body-max-bytes", "2000", "--rate-per-second", "0"]);
    let large = vec![b'x'; 3_000];
    let answer = ledger.ask_as_browser("POST", "/sign-in", Some(&large), &[("origin", ledger.url())]);
    assert!(answer.status == 413 && answer.text().contains("内容过大"), "{}", answer.text());
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nhost: a\r\norigin: http://a\r\naccept: {CHROMIUM}\r\ncontent-length: 100\r\n\r\nlogin="
    );
    let answer = raw(&ledger, &head);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("超时了"), "{answer}");
}

#[test]
fn a_busy_service_says_when_to_come_back() {
    let options = ["--in-flight-per-client-max", "1", "--body-grace-ms", "20000", "--rate-per-second", "0"];
    let ledger = Ledger::start_with(&options);
    let head = "POST /sign-in HTTP/1.1\r\nhost: a\r\norigin: http://a\r\ncontent-length: 100\r\n\r\nlogin=";
    let ask = |accept| ledger.request_with("GET", "/sign-in", None, None, &[("accept", accept)]);
    let (started, mut held) = (Instant::now(), Vec::new());
    // One takes the only place of this address, and waits for the rest of its form. One that comes while the place is asked
    // for is refused itself: then another follows.
    loop {
        let mut stream = connect(&ledger);
        stream.write_all(head.as_bytes()).unwrap();
        held.push(stream);
        if ask(CURL).status == 503 {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the place is taken");
    }
    let (page, problem) = (ask(FIREFOX), ask(CURL));
    assert_eq!((page.status, is_page(&page), page.header("retry-after")), (503, true, "1"), "{}", page.text());
    assert!(page.text().contains("系统繁忙") && page.text().contains("请等 1 秒"), "{}", page.text());
    assert_eq!((problem.status, is_page(&problem), problem.header("retry-after")), (503, false, "1"));
    drop(held);
}

fn connect(ledger: &Ledger) -> TcpStream {
    let stream = TcpStream::connect(ledger.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes and reads one answer.
fn raw(ledger: &Ledger, request: &str) -> String {
    let mut stream = connect(ledger);
    let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
