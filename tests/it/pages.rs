//! The pages as HTTP has them, and the server's own check. What they do in a browser is in `browser.rs`.

use cqo_ledger::merkle::Hash;

use crate::server::{Answer, Ledger, run, stdout, text};

#[test]
fn a_page_loads_nothing_from_elsewhere_and_stands_in_no_frame() {
    let ledger = Ledger::start();
    for page in ["/", "/verify", "/v/XS-2026-340100-7K3M9QX2AB-4", "/verify/offline.html"] {
        let answer = ledger.get(page);
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.split(';').any(|part| part.trim() == rule), "{page}: {rule} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{page}: {policy}");
        for (header, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(header), value, "{page}: {header}");
        }
        // The start page is the portal's: it says who is signed in.
        let (referrer, cache) = if page == "/" { ("same-origin", "no-store") } else { ("no-referrer", "no-cache") };
        assert_eq!((answer.header("referrer-policy"), answer.header("cache-control")), (referrer, cache), "{page}");
        let html = answer.text();
        assert!(!html.contains("{{"), "{page} has a place that nobody filled");
        assert_eq!(html.contains("<style>"), page.contains("offline"), "{page}: inline style");
        assert!(!html.contains(" style=") && !html.contains(" onclick="), "{page}: inline style or script");
    }
}

#[test]
fn a_page_is_in_the_language_that_is_asked_for() {
    let ledger = Ledger::start();
    let lang = |path: &str, accept: &str| {
        let answer = ledger.request_with("GET", path, None, None, &[("accept-language", accept)]);
        assert_eq!(answer.header("vary"), "accept-language, cookie");
        let html = answer.text();
        html.split_once("<html lang=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    for page in ["/", "/verify", "/v/X", "/verify/offline.html"] {
        assert_eq!(lang(page, "fr"), "zh-CN", "{page}");
        assert_eq!(lang(page, "en-GB,en;q=0.9"), "en", "{page}");
        assert_eq!(lang(&format!("{page}?lang=en"), "zh"), "en", "{page}");
    }
}

#[test]
fn the_verifier_is_served_as_it_is_published_and_not_twice() {
    let ledger = Ledger::start();
    let first = ledger.get("/verify.mjs");
    assert_eq!(first.body, std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/proofs/verify.mjs")).unwrap());
    assert_eq!(first.header("content-type"), "text/javascript; charset=utf-8");
    let tag = first.header("etag").to_owned();
    let again = ledger.request_with("GET", "/verify.mjs", None, None, &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn the_servers_check_says_what_the_command_says() {
    let ledger = Ledger::start();
    let provider = ledger.provider(2);
    let entries = provider.signed(2);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &crate::server::array(&entries));
    assert_eq!(answer.json()["sealed"], true);
    let proofs: Vec<Vec<u8>> = entries
        .iter()
        .map(|entry| ledger.get_as(&provider.token, &format!("/api/v1/entries/{}/proof", entry.entry().id)).body)
        .collect();
    let policy = ledger.policy();
    let files = [ledger.write("a.proof.json", &proofs[0]), ledger.write("b.proof.json", &proofs[1])];
    let command = run(&["verify", "--json", "--policy", text(&policy), text(&files[0]), text(&files[1])]);
    let expected: serde_json::Value = serde_json::from_str(&stdout(&command)).unwrap();

    let body = form(&[("a.proof.json", &proofs[0]), ("b.proof.json", &proofs[1])]);
    let answer = check(&ledger, "multipart/form-data; boundary=XX", &body).json();
    assert_eq!((&answer["exit"], &answer["joint"]), (&expected["exit"], &expected["joint"]));
    assert_eq!(answer["joint"]["learners"][0]["hours"], 400);
    for (i, name) in ["a.proof.json", "b.proof.json"].into_iter().enumerate() {
        assert_eq!(answer["files"][i]["steps"], expected["files"][i]["steps"]);
        assert_eq!(answer["files"][i]["file"], name);
    }
    assert_eq!(
        (&answer["by"], answer["policy"]["sha256"].as_str()),
        (&"operator".into(), Some(&*policy_digest(&ledger)))
    );

    let one = check(&ledger, "application/octet-stream", &proofs[0]).json();
    assert_eq!((one["exit"].as_u64(), &one["files"][0]["kind"]), (Some(3), &"proof".into()));
    let tampered = String::from_utf8(proofs[0].clone()).unwrap().replacen("\"hours\":200", "\"hours\":900", 1);
    assert_eq!(check(&ledger, "application/octet-stream", tampered.as_bytes()).json()["exit"], 1);
    assert_eq!(check(&ledger, "text/plain", b"hello").json()["exit"], 2);
}

#[test]
fn a_body_that_is_no_form_or_too_much_is_refused() {
    let ledger = Ledger::start_with(&["--rate-per-second", "0", "--body-max-bytes", "65536"]);
    let many: Vec<(&str, &[u8])> = vec![("x", b"x"); 41];
    assert_eq!(check(&ledger, "multipart/form-data; boundary=XX", &form(&many)).status, 413);
    assert_eq!(check(&ledger, "multipart/form-data; boundary=XX", b"--YY\r\n").status, 400);
    assert_eq!(check(&ledger, "multipart/form-data", b"").status, 400);
    assert_eq!(check(&ledger, "application/pdf", &vec![b'x'; 65_537]).status, 413);
}

#[test]
fn what_is_checked_is_neither_kept_nor_logged() {
    let ledger = Ledger::start_logging(&["--rate-per-second", "0"], Some("trace"));
    let secret = "欧阳修乙的证书";
    check(&ledger, "multipart/form-data; boundary=XX", &form(&[(secret, secret.as_bytes())]));
    ledger.get(&format!("/v/XS-2026-340100-7K3M9QX2AB-4?name={}", "ab".repeat(32)));
    let log = ledger.log();
    assert!(log.contains("/api/v1/verify") && log.contains("/v/{number}"), "the templates are logged: {log}");
    for told in [secret, "7K3M9QX2AB", &"ab".repeat(32)] {
        assert!(!log.contains(told), "the log tells {told}");
    }
}

fn policy_digest(ledger: &Ledger) -> String {
    Hash::of(&[&ledger.get("/policy").body]).to_string()
}

fn check(ledger: &Ledger, content_type: &str, body: &[u8]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("{}/api/v1/verify", ledger.url())).header("content-type", content_type);
    let mut answer = request.send(body).unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
}

/// A form with these files, as browsers write it.
fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}
