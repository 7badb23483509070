//! The main job from outside: submit, durable, sealed, proven, verified with the server off; and every refusal.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::server::{Ledger, ORIGIN, array, credit_code, run, stdout, text};

#[test]
fn an_hour_goes_in_over_http_and_its_proof_verifies_with_the_server_off() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let entries = provider.signed(3);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["sealed"], true);
    assert_eq!(answer["receipts"][0]["receipt"]["entries"].as_array().unwrap().len(), 3);
    assert!(answer["results"].as_array().unwrap().iter().all(|result| result["status"] == "accepted"));

    let ids: Vec<String> = entries.iter().map(|entry| entry.entry().id.to_string()).collect();
    let read = ledger.get_as(&provider.token, &format!("/api/v1/entries/{}", ids[0])).json();
    assert_eq!(read["state"], "sealed");
    assert_eq!(read["commitment"], answer["results"][0]["commitment"]);
    assert_eq!(read["attestation_number"], format!("{}-{}", read["block"], read["index"]));
    let bundle = ledger.post_as(&provider.token, "/api/v1/proofs", json!({"entries": ids}).to_string().as_bytes());
    assert_eq!(bundle.status, 200, "{}", bundle.text());
    let bundle = ledger.write("entries.proof.json", bundle.body);
    let height = read["block"].as_u64().unwrap();
    let proof = ledger.get(&format!("/api/v1/blocks/{height}/proof"));
    let proof = ledger.write("block.tlog-proof", proof.body);
    let policy = ledger.policy();

    ledger.kill();
    let verified = run(&["verify", "--policy", text(&policy), "--json", text(&bundle)]);
    assert_eq!(verified.status.code(), Some(3), "{}", stdout(&verified));
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let open: Vec<&Value> =
        report["files"][0]["steps"].as_array().unwrap().iter().filter(|step| step["state"] != "passed").collect();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0]["step"], "in_force");
    assert_eq!(report["joint"]["learners"][0]["hours"], 600);
    assert_eq!(run(&["verify", "--policy", text(&policy), text(&proof)]).status.code(), Some(0));
    // Without a policy nobody's signature is trusted.
    assert_eq!(run(&["verify", text(&proof)]).status.code(), Some(3));
}

#[test]
fn the_same_entry_again_gives_the_same_receipt_and_another_one_under_its_id_a_conflict() {
    let ledger = Ledger::start();
    let provider = ledger.provider(2);
    let entry = provider.sign(provider.study());
    let first = ledger.post_as(&provider.token, "/api/v1/entries", entry.bytes());
    assert_eq!(first.status, 201, "{}", first.text());
    let again = ledger.post_as(&provider.token, "/api/v1/entries", entry.bytes());
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["results"][0]["status"], "duplicate");
    assert_eq!(again.json()["receipts"], first.json()["receipts"]);

    let mut other = provider.study();
    other.id = entry.entry().id;
    if let cqo_ledger::ledger::entry::Body::Study(_, study) = &mut other.body {
        study.completes = true;
    }
    let conflict = ledger.post_as(&provider.token, "/api/v1/entries", provider.sign(other).bytes());
    assert_eq!(conflict.status, 409);
    assert_eq!(conflict.json()["type"], "urn:cqo-ledger:problem:conflict");
}

#[test]
fn bad_input_is_refused_with_a_problem_that_names_the_field() {
    let ledger = Ledger::start();
    let (provider, other) = (ledger.provider(2), ledger.provider(3));
    let good = provider.sign(provider.study()).to_value();
    let send = |value: &Value| {
        let bytes = serde_json_canonicalizer::to_vec(value).unwrap();
        ledger.post_as(&provider.token, "/api/v1/entries", &bytes)
    };
    let cases: [(&str, Value, u16, &str); 8] = [
        ("/entry/hours", json!(0), 422, "entry.hours"),
        ("/entry/hours", json!(1.5), 400, ""),
        ("/entry/learner/name", json!("张\u{200b}伟"), 422, "entry.learner.name"),
        ("/entry/learner/name", json!("李四"), 422, "entry.learner.name"),
        ("/entry/course/title", json!("别的课程"), 422, "entry.course.title"),
        ("/entry/ledger", json!("other.example.org/cqo"), 422, "entry.ledger"),
        ("/entry/recorder", json!(other.code), 422, "entry.recorder"),
        ("/entry/completes", json!(true), 422, "signatures"),
    ];
    for (pointer, bad, status, field) in cases {
        let mut value = good.clone();
        *value.pointer_mut(pointer).unwrap() = bad;
        let answer = send(&value);
        assert_eq!(answer.status, status, "{pointer}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        if status == 422 {
            assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.text());
            assert!(!answer.json()["errors"][0]["message"].as_str().unwrap().is_ascii());
        }
    }
    // All bad fields together.
    let mut value = good.clone();
    value["entry"]["hours"] = json!(99_999);
    value["entry"]["form"] = json!("telepathy");
    value["entry"]["extra"] = json!(1);
    let fields: Vec<String> = send(&value).json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["entry.form", "entry.hours", "entry.extra"]);
    // Bytes that are not canonical.
    let spaced = format!(" {good}");
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/entries", spaced.as_bytes()).status, 400);
    // In an array, each entry has its own result.
    let mut bad = good.clone();
    bad["entry"]["hours"] = json!(0);
    let fine = provider.sign(provider.study());
    let bad = String::from_utf8(cqo_ledger::ledger::json::canonical(&bad)).unwrap();
    let body = format!("[{},{bad}]", std::str::from_utf8(fine.bytes()).unwrap());
    let mixed = ledger.post_as(&provider.token, "/api/v1/entries", body.as_bytes()).json();
    assert_eq!(mixed["results"][0]["status"], "accepted");
    assert_eq!(mixed["results"][1]["status"], "rejected");
    assert_eq!(mixed["results"][1]["problem"]["errors"][0]["field"], "entry.hours", "{mixed}");
}

#[test]
fn limits_are_told_before_anything_is_read() {
    let ledger = Ledger::start_with(&["--body-max-bytes", "2048", "--rate-per-second", "5"]);
    let huge = vec![b'['; 4096];
    let answer = ledger.post_as(&ledger.operator_token(), "/api/v1/entries", &huge);
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["type"], "urn:cqo-ledger:problem:too-large");
    let limited = (0..2_000).map(|_| ledger.get("/policy")).find(|answer| answer.status != 200);
    let limited = limited.expect("the rate limit shows");
    assert_eq!((limited.status, limited.header("retry-after")), (429, "1"));
    assert_eq!(limited.json()["type"], "urn:cqo-ledger:problem:rate-limited");
}

#[test]
fn too_much_under_way_is_refused_at_once() {
    let slow = Ledger::start_with(&["--in-flight-max", "1", "--seal-interval-ms", "60000", "--rate-per-second", "0"]);
    let token = slow.operator_token();
    // One request whose body never ends holds the only place, unless another one had it just then: so it tries again.
    let (stuck, refused) = eventually(|| {
        let mut stuck = std::net::TcpStream::connect(slow.url().trim_start_matches("http://")).unwrap();
        let head = "POST /api/v1/entries HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n";
        write!(stuck, "{head}authorization: Bearer {token}\r\n\r\n[").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let answer = slow.get("/policy");
        (answer.status != 200).then_some((stuck, answer))
    });
    assert_eq!(slow.get("/healthz").status, 200, "whether it lives is told when it is busy, too");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.text());
    assert_eq!(refused.json()["type"], "urn:cqo-ledger:problem:overloaded");
    drop(stuck);
    eventually(|| Some(slow.get("/policy")).filter(|answer| answer.status == 200));
}

/// Asks again until there is an answer; a minute without one is a failure.
fn eventually<T>(ask: impl Fn() -> Option<T>) -> T {
    let found = (0..6_000).find_map(|_| {
        let answer = ask();
        if answer.is_none() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        answer
    });
    found.expect("it happens in time")
}

#[test]
fn the_public_chain_has_right_types_and_cache_headers() {
    const FOR_EVER: &str = "public, max-age=31536000, immutable";
    let ledger = Ledger::start();
    for (path, kind, cache) in [
        ("/checkpoint", "text/plain; charset=utf-8", "public, max-age=1"),
        ("/tile/0/000.p/2", "application/octet-stream", FOR_EVER),
        ("/tile/entries/000.p/2", "application/octet-stream", FOR_EVER),
        ("/batch/0", "application/octet-stream", FOR_EVER),
        ("/keys/1", "application/json", FOR_EVER),
        ("/policy", "text/plain; charset=utf-8", "public, max-age=1"),
        ("/api/v1/blocks/1", "text/plain; charset=utf-8", FOR_EVER),
        ("/openapi.json", "application/json", "public, max-age=1"),
        ("/healthz", "text/plain; charset=utf-8", "no-store"),
        ("/readyz", "text/plain; charset=utf-8", "no-store"),
    ] {
        let answer = ledger.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, cache), "{path}");
        assert!(path.ends_with('z') || answer.header("x-content-type-options") == "nosniff", "{path}");
    }
    for path in [
        "/tile/0/000",
        "/tile/0/000.p/9",
        "/tile/0/0",
        "/tile/1/000.p/1",
        "/batch/9",
        "/batch/01",
        "/keys/2",
        "/nothing",
        "/metrics",
    ] {
        let answer = ledger.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
    assert_eq!(ledger.request("PUT", "/checkpoint", None, None).status, 405);
    let chain = ledger.get("/api/v1/blocks").json();
    assert!(chain["blocks"][0]["text"].as_str().unwrap().contains(ORIGIN));
}

#[test]
fn metrics_are_served_where_they_are_told_to_be() {
    let ledger = Ledger::start_with(&["--metrics-public", "--seal-interval-ms", "20"]);
    let provider = ledger.provider(2);
    ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&provider.signed(5)));
    let metrics = ledger.get("/metrics").text();
    for line in [
        "cqo_ledger_entries_total{outcome=\"accepted\"} 6",
        "cqo_ledger_ready 1",
        "cqo_ledger_requests_total{method=\"POST\",route=\"/api/v1/entries\",status=\"200\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn a_learner_changes_only_from_the_version_that_was_read() {
    let ledger = Ledger::start();
    let provider = ledger.provider(2);
    let path = format!("/api/v1/learners/{}", provider.learner);
    let old = ledger.get_as(&provider.token, &path).json();
    let change = |name: &str, version: &str| {
        let body =
            json!({"id": provider.learner, "name": name, "employers": [{"name": "合肥某公司", "from": "2020-01-01"}]});
        let headers = [("if-match", version)];
        let answer =
            ledger.request_with("PUT", &path, Some(&provider.token), Some(body.to_string().as_bytes()), &headers);
        (answer.status, answer.json())
    };
    let version = old["version"].to_string();
    let (status, new) = change("张𠮷伟", &version);
    assert_eq!((status, new["name"].as_str()), (200, Some("张𠮷伟")));
    assert_eq!(change("王五", &version).0, 409);
    assert_eq!(change("王五", "").0, 428);
    assert_eq!(ledger.get_as(&provider.token, &path).json()["employers"][0]["name"], "合肥某公司");
    // The registry's name is the one that entries must carry now.
    let answer = ledger.post_as(&provider.token, "/api/v1/entries", provider.sign(provider.study()).bytes());
    assert_eq!(answer.json()["errors"][0]["field"], "entry.learner.name");
    assert_ne!(provider.code, credit_code(9));
}
