//! What is personal or secret stays where it belongs: a day's work with everything logged, and not one name, token,
//! salt or key in the log, in the metrics, or in a refusal.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Answer, Ledger, array, run, stderr, stdout, text};

const NAMES: [&str; 4] = ["司马相如甲", "欧阳修乙", "诸葛亮丙", "Ada Lovelace Fourth"];
const EMPLOYER: &str = "保密雇主有限公司";
/// Somebody who is in no register, only in requests that fail.
const STRANGER: &str = "上官婉儿丁";

/// What must not be told, and what was said.
struct Watch {
    secrets: BTreeSet<String>,
    said: Vec<(String, String)>,
}

impl Watch {
    fn hide(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.chars().count() >= 4, "{secret} would be found by chance");
        self.secrets.insert(secret);
    }

    /// A refusal may be logged, copied into a ticket, read over a shoulder.
    fn refused(&mut self, what: &str, answer: &Answer) {
        assert!((400..500).contains(&answer.status), "{what}: {}", answer.text());
        self.said.push((what.to_owned(), answer.text()));
    }

    fn check(&self) {
        for (what, text) in &self.said {
            for secret in &self.secrets {
                for form in forms(secret) {
                    assert!(!text.contains(&form), "{what} tells {form}: {}", around(text, &form));
                }
            }
        }
    }
}

/// A text as it is, as JSON escapes it, as an address has it, and as its bytes may be printed.
fn forms(secret: &str) -> BTreeSet<String> {
    let escaped: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let bytes = format!("{:?}", secret.as_bytes());
    let mut forms = BTreeSet::from([secret.to_owned(), percent.clone(), percent.to_lowercase()]);
    forms.insert(bytes.trim_matches(['[', ']']).to_owned());
    forms.insert(hex::encode(secret));
    let escaped_bytes = secret.as_bytes().escape_ascii().to_string();
    forms.insert(escaped_bytes.replace('\\', "\\\\"));
    forms.insert(escaped_bytes);
    if !secret.is_ascii() {
        forms.insert(escaped);
    }
    forms
}

fn around(text: &str, found: &str) -> String {
    let at = text.find(found).unwrap_or(0);
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[line..].lines().next().unwrap_or_default().chars().take(400).collect()
}

#[test]
fn nothing_personal_or_secret_is_told() {
    let mut ledger = Ledger::start_logging(
        &["--seal-interval-ms", "20", "--metrics-public", "--body-max-bytes", "65536"],
        Some("trace"),
    );
    let mut watch = Watch { secrets: BTreeSet::new(), said: Vec::new() };
    let provider = ledger.provider(2);
    let operator = ledger.operator_token();
    watch.hide(&operator);
    watch.hide(&provider.token);
    watch.hide(provider.token.rsplit('_').next().unwrap());
    watch.hide(hex::encode(provider.key.to_bytes()));
    watch.hide(EMPLOYER);
    watch.hide(STRANGER);
    for name in NAMES {
        watch.hide(name);
    }
    hide_key_files(&ledger, &mut watch);
    work(&ledger, &provider, &mut watch);
    fail(&ledger, &provider, &mut watch);

    let metrics = ledger.get("/metrics");
    assert_eq!(metrics.status, 200);
    watch.said.push(("metrics".to_owned(), metrics.text()));
    // What a restart says, too.
    ledger.kill();
    ledger.serve();
    assert_eq!(ledger.get_as(&provider.token, "/api/v1/learners").status, 200);
    ledger.kill();
    let log = ledger.log();
    assert!(log.lines().any(|line| line.contains("TRACE")), "nothing was logged at the lowest level: {log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not a structured line: {line}");
    }
    watch.said.push(("the log".to_owned(), log));
    watch.check();
}

/// The private parts of the ledger's own keys.
fn hide_key_files(ledger: &Ledger, watch: &mut Watch) {
    let mut files = 0;
    for file in std::fs::read_dir(ledger.data().join("keys")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        match String::from_utf8(bytes) {
            Ok(text) => text.lines().filter(|line| line.len() >= 32 && !line.starts_with('-')).for_each(|line| {
                files += 1;
                watch.hide(line);
            }),
            Err(binary) => watch.hide(hex::encode(&binary.as_bytes()[..32])),
        }
    }
    assert!(files >= 3, "no keys were found to look for");
}

/// A day's good work.
fn work(ledger: &Ledger, provider: &crate::server::Provider, watch: &mut Watch) {
    let learners: Vec<Value> = NAMES
        .iter()
        .map(
            |name| json!({"id": Uuid::now_v7(), "name": name, "employers": [{"name": EMPLOYER, "from": "2020-01-01"}]}),
        )
        .collect();
    let body = json!(learners).to_string();
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/learners", body.as_bytes()).status, 200);
    let entries: Vec<_> = learners
        .iter()
        .zip(NAMES)
        .map(|(learner, name)| {
            let mut entry = provider.study();
            if let cqo_ledger::ledger::entry::Body::Study(who, _) = &mut entry.body {
                who.id = learner["id"].as_str().unwrap().parse().unwrap();
                who.name = name.to_owned();
            }
            provider.sign(entry)
        })
        .collect();
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.json()["sealed"], true, "{}", answer.text());
    let ids: Vec<String> = entries.iter().map(|entry| entry.entry().id.to_string()).collect();
    for (entry, id) in entries.iter().zip(&ids) {
        let read = ledger.get_as(&provider.token, &format!("/api/v1/entries/{id}")).json();
        watch.hide(read["salt"].as_str().unwrap());
        watch.hide(read["signed"]["signatures"][0]["sig"].as_str().unwrap());
        watch.hide(String::from_utf8(entry.bytes().to_vec()).unwrap());
    }
    let body = json!({"entries": ids}).to_string();
    let bundle = ledger.post_as(&provider.token, "/api/v1/proofs", body.as_bytes());
    assert_eq!(bundle.status, 200);
    let bundle = ledger.write("entries.proof.json", bundle.body);
    let policy = ledger.policy();
    let verified = run(&["verify", "--policy", text(&policy), text(&bundle)]);
    assert_eq!(verified.status.code(), Some(3), "{}{}", stdout(&verified), stderr(&verified));
    certify(ledger, provider, learners[0]["id"].as_str().unwrap());
    let body = json!({"organisation": provider.code}).to_string();
    let made = ledger.post_as(&ledger.operator_token(), "/api/v1/tokens", body.as_bytes()).json();
    watch.hide(made["token"].as_str().unwrap());
    let ended = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(ledger.request("DELETE", &ended, Some(&ledger.operator_token()), None).status, 204);
    watch.refused("an ended token", &ledger.get_as(made["token"].as_str().unwrap(), "/api/v1/learners"));
}

/// A certificate in all its forms, and a look-up by the name on it.
fn certify(ledger: &Ledger, provider: &crate::server::Provider, learner: &str) {
    let year = json!({"learner": learner, "year": 2026}).to_string();
    let issued = ledger.post_as(&provider.token, "/api/v1/certificates?wait=sealed", year.as_bytes());
    assert_eq!((issued.status, &issued.json()["sealed"]), (201, &json!(true)), "{}", issued.text());
    let number = issued.json()["number"].as_str().unwrap().to_owned();
    for document in ["credential", "proof", "pdf", "pdf?lang=en"] {
        let answer = ledger.get_as(&provider.token, &format!("/api/v1/certificates/{number}/{document}"));
        assert_eq!(answer.status, 200, "{document}: {}", answer.text());
    }
    let body = json!({"number": number, "name": NAMES[0]}).to_string();
    let found = ledger.request("POST", "/api/v1/attestations/search", None, Some(body.as_bytes()));
    assert_eq!(found.status, 200, "{}", found.text());
    assert!(!found.text().contains(NAMES[0]), "{}", found.text());
}

/// Requests that fail, with names and tokens wherever they can stand.
fn fail(ledger: &Ledger, provider: &crate::server::Provider, watch: &mut Watch) {
    let address: String = STRANGER.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in
        ["/api/v1/learners?provider=", "/api/v1/learners?after=", "/api/v1/learners?limit=", "/api/v1/learners/"]
    {
        let answer = ledger.get_as(&provider.token, &format!("{path}{address}"));
        watch.refused(path, &answer);
    }
    for path in ["/api/v1/entries/", "/api/v1/blocks/", "/tile/", "/batch/", "/keys/", "/"] {
        watch.refused(path, &ledger.get(&format!("{path}{address}")));
    }
    watch.refused("?wait", &ledger.post_as(&provider.token, &format!("/api/v1/entries?wait={address}"), b"[]"));
    watch.refused("method", &ledger.request("PUT", &format!("/checkpoint?{address}"), None, None));
    let search = json!({"number": "XS-2026-340100-7K3M9QX2AB-4", "name": STRANGER}).to_string();
    for body in [search.clone(), search.replace('4', "?"), search.replace("\"name\"", "\"nome\"")] {
        let answer = ledger.request("POST", "/api/v1/attestations/search", None, Some(body.as_bytes()));
        watch.refused("a look-up", &answer);
    }
    // A token that is nobody's, one that is cut off, one in the address.
    let (most, last) = provider.token.split_at(provider.token.len() - 1);
    let wrong = format!("{most}{}", if last == "0" { "1" } else { "0" });
    watch.hide(&wrong);
    watch.refused("a wrong token", &ledger.get_as(&wrong, "/api/v1/learners"));
    watch.refused("a cut token", &ledger.get_as(&provider.token[..40], "/api/v1/learners"));
    watch.refused("a token in the address", &ledger.get(&format!("/api/v1/learners?token={}", provider.token)));
    let name = json!(STRANGER);
    for body in [
        json!({"id": Uuid::now_v7(), "name": format!("{STRANGER}\u{200b}")}),
        json!({"id": STRANGER, "name": STRANGER}),
        json!({"id": Uuid::now_v7(), "name": STRANGER, "employers": STRANGER}),
        json!({"id": Uuid::now_v7(), "name": STRANGER, "employers": [{"name": EMPLOYER, "code": STRANGER, "from": name}]}),
        json!({"name": {"family": STRANGER}}),
        json!([{"name": STRANGER}, STRANGER, [STRANGER]]),
    ] {
        let answer = ledger.post_as(&provider.token, "/api/v1/learners", body.to_string().as_bytes());
        watch.refused(&body.to_string().replace(STRANGER, "?").replace(EMPLOYER, "?"), &answer);
    }
    let cut = format!("{{\"name\": \"{STRANGER}");
    for path in ["/api/v1/learners", "/api/v1/entries", "/api/v1/courses", "/api/v1/proofs"] {
        watch.refused(path, &ledger.post_as(&provider.token, path, cut.as_bytes()));
    }
    // An entry whose signature is wrong, and one whose name is not the registered one.
    let mut value = provider.sign(provider.study()).to_value();
    value["entry"]["learner"]["name"] = name;
    let bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
    watch.refused("an entry", &ledger.post_as(&provider.token, "/api/v1/entries", &bytes));
    let large = format!("[\"{}\"]", STRANGER.repeat(5_000));
    watch.refused("a large body", &ledger.post_as(&provider.token, "/api/v1/learners", large.as_bytes()));
}
