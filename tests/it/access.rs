//! Every route as every actor. A route that the table does not name fails the test.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::{Ledger, Provider, array};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Public,
    BadToken,
    Owner,
    OtherRecorder,
    Operator,
}

const EVERYBODY: [Who; 5] = [Who::Public, Who::BadToken, Who::Owner, Who::OtherRecorder, Who::Operator];

/// Method, path as the description has it, and the status for each of [`EVERYBODY`] in their order. The requests are
/// good ones, about what belongs to `Owner`.
const TABLE: &[(&str, &str, [u16; 5])] = &[
    ("POST", "/api/v1/entries", [401, 401, 201, 422, 201]),
    ("GET", "/api/v1/entries/{id}", [404, 401, 200, 404, 200]),
    ("GET", "/api/v1/entries/{id}/proof", [404, 401, 200, 404, 200]),
    ("POST", "/api/v1/proofs", [401, 401, 200, 404, 200]),
    ("GET", "/api/v1/organisations", [401, 401, 403, 403, 200]),
    ("POST", "/api/v1/organisations", [401, 401, 403, 403, 200]),
    ("GET", "/api/v1/learners", [401, 401, 200, 403, 200]),
    ("POST", "/api/v1/learners", [401, 401, 200, 422, 200]),
    ("GET", "/api/v1/learners/{id}", [401, 401, 200, 404, 200]),
    ("PUT", "/api/v1/learners/{id}", [401, 401, 409, 422, 409]),
    ("GET", "/api/v1/courses", [401, 401, 200, 403, 200]),
    ("POST", "/api/v1/courses", [401, 401, 200, 422, 200]),
    ("POST", "/api/v1/tokens", [401, 401, 403, 403, 201]),
    ("DELETE", "/api/v1/tokens/{id}", [401, 401, 403, 403, 404]),
    ("GET", "/api/v1/accounts", [401, 401, 403, 403, 200]),
    ("POST", "/api/v1/accounts", [401, 401, 403, 403, 201]),
    ("POST", "/api/v1/accounts/{id}/code", [401, 401, 403, 403, 404]),
    ("DELETE", "/api/v1/accounts/{id}/code", [401, 401, 403, 403, 404]),
    ("DELETE", "/api/v1/accounts/{id}/data", [401, 401, 403, 403, 404]),
    ("DELETE", "/api/v1/accounts/{id}", [401, 401, 403, 403, 404]),
    ("DELETE", "/api/v1/accounts/{id}/factor", [401, 401, 403, 403, 404]),
    ("GET", "/api/v1/blocks", [200; 5]),
    ("GET", "/api/v1/blocks/{height}", [200; 5]),
    ("GET", "/api/v1/blocks/{height}/proof", [200; 5]),
    ("GET", "/checkpoint", [200; 5]),
    ("GET", "/tile/{path}", [200; 5]),
    ("GET", "/batch/{height}", [200; 5]),
    ("GET", "/keys/{height}", [200; 5]),
    ("GET", "/policy", [200; 5]),
    ("POST", "/api/v1/verify", [200; 5]),
    ("GET", "/healthz", [200; 5]),
    ("GET", "/readyz", [200; 5]),
    ("POST", "/api/v1/certificates", [401, 401, 201, 404, 201]),
    ("GET", "/api/v1/certificates", [401, 401, 200, 404, 200]),
    ("GET", "/api/v1/certificates/{number}", [404, 401, 200, 404, 200]),
    ("GET", "/api/v1/certificates/{number}/credential", [404, 401, 200, 404, 200]),
    ("GET", "/api/v1/certificates/{number}/proof", [404, 401, 200, 404, 200]),
    ("GET", "/api/v1/certificates/{number}/pdf", [401, 401, 200, 404, 200]),
    ("GET", "/api/v1/certificates/{number}/pdf/proof", [404, 401, 404, 404, 404]),
    ("POST", "/api/v1/certificates/{number}/replacement", [401, 401, 409, 404, 409]),
    ("POST", "/api/v1/certificates/{number}/revocation", [401, 401, 403, 403, 409]),
    ("GET", "/status/{list}", [200; 5]),
    ("GET", "/status/{list}/proof", [200; 5]),
    // The test's ledger has an address and no domain.
    ("GET", "/.well-known/did.json", [404; 5]),
    ("GET", "/api/v1/attestations/{what}", [200; 5]),
    // An attestation number is no PDF's digest.
    ("GET", "/api/v1/attestations/{what}/proof", [404; 5]),
    ("GET", "/api/v1/attestations/certificates/{number}", [404; 5]),
    ("POST", "/api/v1/attestations/search", [404; 5]),
    ("DELETE", "/api/v1/cases/{number}", [401, 401, 403, 403, 404]),
    ("GET", "/api/v1/erasures", [401, 401, 403, 403, 200]),
    // The last one: what belongs to `Owner` is gone after it.
    ("POST", "/api/v1/erasures", [401, 401, 403, 403, 200]),
];

/// The pages for people, which the description leaves out.
const PAGES: &[&str] = &[
    "/",
    "/verify",
    "/v/XS-2026-340100-7K3M9QX2AB-0",
    "/verify/offline.html",
    "/verify.mjs",
    "/assets/view.js",
    "/assets/lookups.js",
    "/assets/report.js",
    "/assets/verify.js",
    "/assets/portal.css",
    "/assets/rare-names.css",
    "/assets/rare-names.woff2",
    "/assets/style.css",
    "/assets/seal.svg",
    "/openapi.json",
];

#[test]
fn every_route_answers_every_actor_as_the_table_says() {
    let ledger = Ledger::start();
    let (owner, other) = (ledger.provider(2), ledger.provider(3));
    let entry = owner.sign(owner.study());
    assert_eq!(ledger.post_as(&owner.token, "/api/v1/entries?wait=sealed", entry.bytes()).status, 201);
    let id = entry.entry().id.to_string();
    let number = a_revoked_certificate(&ledger, &owner);

    for (method, route, statuses) in TABLE {
        for (who, status) in EVERYBODY.into_iter().zip(statuses) {
            let token = match who {
                Who::Public => None,
                Who::BadToken => Some("cqo_0000000000000000_0000".to_owned()),
                Who::Owner => Some(owner.token.clone()),
                Who::OtherRecorder => Some(other.token.clone()),
                Who::Operator => Some(ledger.operator_token()),
            };
            let (path, body) = good_request(method, route, &owner, &id, &number);
            let body = body.map(|value| value.into_bytes());
            let headers = [("if-match", "1")];
            let answer = ledger.request_with(method, &path, token.as_deref(), body.as_deref(), &headers);
            assert_eq!(answer.status, *status, "{method} {route} as {who:?}: {}", answer.text());
        }
    }
}

#[test]
fn the_pages_are_the_same_for_everybody() {
    let ledger = Ledger::start();
    for page in PAGES {
        let first = ledger.get(page);
        assert_eq!(first.status, 200, "{page}");
        for token in ["cqo_0000000000000000_0000", &ledger.operator_token()] {
            let answer = ledger.get_as(token, page);
            assert_eq!((answer.status, answer.body), (200, first.body.clone()), "{page}");
        }
        assert_eq!(ledger.request("POST", page, None, Some(b"{}")).status, 405, "{page}");
    }
}

#[test]
fn every_documented_route_is_in_the_table() {
    let ledger = Ledger::start();
    let described = ledger.get("/openapi.json").json();
    let mut routes = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            routes.insert((method.to_uppercase(), path.replace("{*path}", "{path}")));
        }
    }
    let tabled: BTreeSet<(String, String)> =
        TABLE.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(routes, tabled);
}

/// The number of a certificate that was issued on request and revoked, and the proof of whose status list is there.
fn a_revoked_certificate(ledger: &Ledger, owner: &Provider) -> String {
    let request = json!({"learner": owner.learner.to_string(), "first_day": "1990-01-01", "last_day": "2199-12-31"});
    let body = request.to_string();
    let issued = ledger.post_as(&owner.token, "/api/v1/certificates?wait=sealed", body.as_bytes());
    assert_eq!((issued.status, issued.json()["sealed"].as_bool()), (201, Some(true)), "{}", issued.text());
    let number = issued.json()["number"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/certificates/{number}/revocation");
    let revoked = ledger.post_as(&ledger.operator_token(), &path, br#"{"reason":"error"}"#);
    assert_eq!((revoked.status, revoked.json()["state"].as_str()), (200, Some("revoked")), "{}", revoked.text());
    let started = std::time::Instant::now();
    while ledger.get("/status/1/proof").status != 200 {
        assert!(started.elapsed().as_secs() < 20, "the list's entry is sealed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    number
}

/// A request that is good in itself, about what belongs to `owner`.
fn good_request(method: &str, route: &str, owner: &Provider, id: &str, number: &str) -> (String, Option<String>) {
    let learner = owner.learner.to_string();
    let provider = owner.code.as_str();
    let path = match route {
        "/api/v1/learners" | "/api/v1/courses" if method == "GET" => format!("{route}?provider={provider}"),
        "/api/v1/learners/{id}" => route.replace("{id}", &learner),
        "/api/v1/tokens/{id}" => route.replace("{id}", "0000000000000000"),
        "/api/v1/certificates" if method == "GET" => format!("{route}?learner={learner}"),
        // No edition in a language that there is none in.
        "/api/v1/certificates/{number}/pdf/proof" => format!("{}?lang=en", route.replace("{number}", number)),
        "/api/v1/attestations/certificates/{number}" => {
            format!("{}?digest=0000000000000000", route.replace("{number}", number))
        }
        "/api/v1/attestations/{what}" | "/api/v1/attestations/{what}/proof" => route.replace("{what}", "1-0"),
        "/tile/{path}" => "/tile/0/000.p/2".to_owned(),
        _ => route.replace("{id}", id).replace("{height}", "1").replace("{number}", number).replace("{list}", "1"),
    };
    let body: Option<Value> = match (method, route) {
        ("POST", "/api/v1/entries") => {
            let text = String::from_utf8(array(&owner.signed(1))).unwrap();
            // An array is answered with 200 whatever becomes of its entries; a single one shows the refusal.
            let one = text.trim_start_matches('[').trim_end_matches(']').to_owned();
            return (path, Some(one));
        }
        ("POST", "/api/v1/proofs") => Some(json!({"entries": [id]})),
        ("POST", "/api/v1/organisations") => {
            Some(json!({"code": provider, "name": "培训机构2", "roles": ["provider"]}))
        }
        ("POST" | "PUT", "/api/v1/learners" | "/api/v1/learners/{id}") => {
            Some(json!({"id": learner, "name": owner.name, "provider": provider}))
        }
        ("POST", "/api/v1/courses") => {
            Some(json!({"code": "QM-01", "title": "质量战略管理", "hours": 200, "provider": provider}))
        }
        ("POST", "/api/v1/certificates") => {
            Some(json!({"learner": learner, "first_day": "1990-01-01", "last_day": "2199-12-31"}))
        }
        ("POST", "/api/v1/certificates/{number}/revocation") => Some(json!({"reason": "error"})),
        ("POST", "/api/v1/attestations/search") => Some(json!({"number": number, "name": "无此人"})),
        ("POST", "/api/v1/erasures") => Some(json!({"learners": [learner]})),
        ("POST", "/api/v1/verify") => Some(json!({})),
        ("POST", "/api/v1/accounts") => {
            let grants = json!([{"role": "administrator", "organisation": crate::server::credit_code(1)}]);
            Some(json!({"login": "admin@example.org", "name": "王芳芳", "grants": grants}))
        }
        ("POST", "/api/v1/tokens") => Some(json!({"organisation": provider})),
        _ => None,
    };
    (path, body.map(|value| value.to_string()))
}
