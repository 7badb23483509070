//! The router in one process, on requests that nobody would send: no failure of the service, and every refusal a
//! well-formed problem document.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method, Request, Uri};
use cqo_ledger::ledger::entry::Owner;
use cqo_ledger::merkle::Hash;
use cqo_ledger::service::accounts::{AccountSettings, SecondFactor};
use cqo_ledger::service::clock::{Clock as _, SystemClock};
use cqo_ledger::service::vault::Vault;
use cqo_ledger::service::{Actor, Founding, FoundingKeys, LedgerKeys, Service, Settings};
use cqo_ledger::standard::Rulebook;
use cqo_ledger::store::{MemoryDisk, Store};
use cqo_ledger::web::{Limits, PROBLEM_BASE, PROBLEM_TYPES, Watched, routers};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fuzz::changed;
use crate::server::{ORIGIN, campaign, credit_code};

const OPERATOR: &str = "the operator's token";
/// A place where any text can stand.
const ANY: &str = "\u{0}";
/// The usual ones more often.
const METHODS: [&str; 12] =
    ["GET", "POST", "GET", "POST", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"];
const PATHS: [&str; 53] = [
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/join",
    "/forgot",
    "/account",
    "/admin/accounts",
    "/admin/accounts/\u{0}",
    "/my",
    "/my/\u{0}",
    "/body/\u{0}",
    "/api/v1/accounts",
    "/",
    "/verify",
    "/verify/offline.html",
    "/verify.mjs",
    "/v/\u{0}",
    "/assets/\u{0}",
    "/api/v1/verify",
    "/openapi.json",
    "/healthz",
    "/readyz",
    "/policy",
    "/checkpoint",
    "/tile/\u{0}",
    "/tile/0/\u{0}",
    "/tile/entries/\u{0}",
    "/batch/\u{0}",
    "/keys/\u{0}",
    "/api/v1/entries",
    "/api/v1/entries/\u{0}",
    "/api/v1/entries/\u{0}/proof",
    "/api/v1/proofs",
    "/api/v1/organisations",
    "/api/v1/learners",
    "/api/v1/learners/\u{0}",
    "/api/v1/courses",
    "/api/v1/tokens",
    "/api/v1/tokens/\u{0}",
    "/api/v1/certificates",
    "/api/v1/certificates/\u{0}",
    "/api/v1/certificates/\u{0}/credential",
    "/api/v1/certificates/\u{0}/proof",
    "/api/v1/certificates/\u{0}/pdf",
    "/api/v1/certificates/\u{0}/revocation",
    "/api/v1/certificates/\u{0}/replacement",
    "/api/v1/attestations/\u{0}",
    "/api/v1/attestations/\u{0}/proof",
    "/api/v1/attestations/certificates/\u{0}",
    "/api/v1/attestations/search",
    "/status/\u{0}",
    "/status/\u{0}/proof",
    "/\u{0}",
];
/// What people ask for, and is answered in pages.
const PORTAL: [&str; 9] =
    ["/sign-in", "/sign-out", "/join", "/forgot", "/home", "/account", "/admin/", "/my", "/body/"];
const QUERIES: [&str; 9] = ["", "from=", "limit=", "after=", "provider=", "wait=", "wait=sealed&", "height=", "&&=&"];
const HEADERS: [&str; 9] = [
    "if-match",
    "content-type",
    "content-encoding",
    "accept",
    "range",
    "if-none-match",
    "expect",
    "x-forwarded-for",
    "content-length",
];

/// What one request is made of: method, path, place, query, token, headers, body and its changes.
type Drawn = (u8, u8, String, (u8, String), u8, Vec<(u8, Vec<u8>)>, u8, Vec<(u16, u8, Vec<u8>)>);

#[test]
fn any_request_has_an_answer_and_any_refusal_is_a_problem_document() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let Served { router, token, bodies, .. } = runtime.block_on(serve(dir.path()));
    let world = AssertUnwindSafe((runtime, router));
    let seen = AssertUnwindSafe(Mutex::new(BTreeSet::new()));
    bolero::check!().with_iterations(campaign(6_000, 200_000)).with_type::<Drawn>().for_each(|drawn| {
        let (runtime, router) = &*world;
        let request = request(drawn, &token, &bodies);
        let asked = request.uri().path().to_owned();
        let what = format!("{} {}", request.method(), request.uri());
        let is_head = request.method() == Method::HEAD;
        let answer = runtime.block_on(router.clone().oneshot(request)).unwrap();
        let status = answer.status().as_u16();
        assert!(status < 500, "{what}: {status}");
        seen.lock().unwrap().insert(status);
        let content_type = answer.headers().get(CONTENT_TYPE).cloned();
        let body = runtime.block_on(to_bytes(answer.into_body(), 64 << 20)).unwrap();
        // The portal answers people, in pages; where it has no such route or method, it is as everywhere.
        let is_page = content_type.as_ref().is_some_and(|value| value.as_bytes() == b"text/html; charset=utf-8");
        let is_portal = PORTAL.iter().any(|path| asked.starts_with(path));
        if status >= 400 && !(is_portal && is_page) {
            assert_eq!(
                content_type.as_ref().map(HeaderValue::as_bytes),
                Some(&b"application/problem+json"[..]),
                "{what}"
            );
            assert!(is_head || is_problem(&body, status), "{what}: {status} {}", String::from_utf8_lossy(&body));
        }
    });
    // The requests get further than the first check.
    let seen = seen.0.into_inner().unwrap();
    assert!([200, 400, 401, 403, 404, 405, 415, 422].iter().all(|status| seen.contains(status)), "only {seen:?}");
    // It is still the same service.
    let (runtime, router) = world.0;
    let get = Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(runtime.block_on(router.oneshot(get)).unwrap().status(), 200);
}

/// A router over a ledger in memory, its service, the token of a provider, and good bodies.
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) service: Arc<Service>,
    token: String,
    bodies: Vec<String>,
}

/// Nothing is refused for its rate, and nobody needs a second factor.
pub(crate) async fn serve(dir: &std::path::Path) -> Served {
    let disk = MemoryDisk::new();
    let vault = Vault::create_in(dir).unwrap();
    let [authority, receipt, checkpoint, issuer, recorder] =
        [1, 2, 3, 4, 5].map(|seed| SigningKey::from_bytes(&[seed; 32]));
    let founding = Founding {
        origin: ORIGIN.parse().unwrap(),
        owner: Owner { code: credit_code(1), name: "认定主体".into() },
    };
    let keys = FoundingKeys {
        authority: &authority,
        receipt: &receipt,
        checkpoint: &checkpoint,
        issuer: Some(&issuer),
        recorder: Some(&recorder),
    };
    let rulebook = Rulebook::embedded();
    Service::found(&disk.open(), &vault, &rulebook, SystemClock.now(), &founding, &keys).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(disk.open());
    let keys = LedgerKeys {
        checkpoint: vec![checkpoint],
        receipt: vec![receipt],
        issuer: vec![issuer],
        recorder: vec![recorder],
        operator_token: Hash::of(&[OPERATOR.as_bytes()]),
    };
    let accounts = AccountSettings { second_factor: SecondFactor::Off, ..AccountSettings::default() };
    let settings = Settings { wait_max_ms: 5, seal_interval_ms: 5, check_threads: 1, accounts, ..Settings::default() };
    let service = Service::open(store, vault, keys, rulebook, Arc::new(SystemClock), settings).await.unwrap();
    let provider = credit_code(2);
    let organisation = json!({"code": provider, "name": "培训机构", "roles": ["provider"]});
    service.put_organisation(&Actor::Operator, organisation.clone()).await.unwrap();
    let token = service.create_token(&Actor::Operator, &provider).await.unwrap().token;
    let id = "01a204a4-da59-7159-a871-c02a5b7385fc";
    let employers = json!([{"name": "雇主", "code": provider, "from": "2020-01-01", "to": "2021-01-01"}]);
    let bodies = [
        organisation,
        json!({"id": id, "name": "张伟", "employers": employers, "provider": provider}),
        json!([{"code": "QM-01", "title": "质量战略管理", "hours": 200, "provider": provider}]),
        json!({"organisation": provider}),
        json!({"entries": [id, id]}),
        json!([{"entry": {"id": id}, "signatures": []}]),
    ];
    let mut bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
    bodies.push(String::new());
    let unlimited = Limits { rate_per_second: 0, lookups_per_minute: 0, complaints_per_hour: 0, ..Limits::default() };
    let limits = Limits { body_max: 64 * 1024, ..unlimited };
    let watched = Watched { data: "/nowhere".into(), store: "/nowhere".into() };
    let router = routers(Arc::clone(&service), &limits, watched).public;
    Served { router, service, token, bodies }
}

/// The request that was drawn, without what HTTP itself has no place for.
fn request(drawn: &Drawn, token: &str, bodies: &[String]) -> Request<Body> {
    let (method, path, place, (query, value), who, headers, body, changes) = drawn;
    let pick = |list: &[&'static str], at: u8| list[usize::from(at) % list.len()];
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let address = |place: &str, value: &str| {
        let path = pick(&PATHS, *path).replace(ANY, place);
        match pick(&QUERIES, *query) {
            "" => path.parse(),
            name => format!("{path}?{name}{value}").parse(),
        }
    };
    let uri: Uri = address(place, value).or_else(|_| address(&escaped(place), &escaped(value))).unwrap();
    let good = &bodies[usize::from(*body) % bodies.len()];
    let bytes = if body % 2 == 0 { good.clone().into_bytes() } else { changed(good.as_bytes(), changes) };
    let mut request = Request::new(Body::from(bytes));
    *request.method_mut() = Method::from_bytes(pick(&METHODS, *method).as_bytes()).unwrap();
    *request.uri_mut() = uri;
    let authorization = match who % 6 {
        0 => None,
        1 => HeaderValue::from_bytes(value.as_bytes()).ok(),
        2 | 3 => HeaderValue::from_str(&format!("Bearer {token}")).ok(),
        _ => HeaderValue::from_str(&format!("Bearer {OPERATOR}")).ok(),
    };
    request.headers_mut().extend(authorization.map(|value| (AUTHORIZATION, value)));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request.headers_mut().append(HeaderName::from_static(pick(&HEADERS, *name)), value);
        }
    }
    request
}

fn is_problem(body: &[u8], status: u16) -> bool {
    let Ok(problem) = serde_json::from_slice::<Value>(body) else { return false };
    let name = problem["type"].as_str().and_then(|name| name.strip_prefix(PROBLEM_BASE));
    let known = PROBLEM_TYPES.iter().any(|(known, of, ..)| Some(*known) == name && *of == status);
    let titles = ["title", "title_en"].iter().all(|title| problem[title].as_str().is_some_and(|text| !text.is_empty()));
    known && titles && problem["status"] == status
}
