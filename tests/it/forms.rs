//! Every page and form of the portal, in one process and as every role, on queries, places and forms that no page would send:
//! each is answered with a page, a file or a way on, and none is a failure of the service.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::{HeaderValue, Request};
use cqo_ledger::service::accounts::{Again, Caller};
use cqo_ledger::service::{AccountRole, Actor, Service};
use cqo_ledger::web::permissions::{Permission, Side, table};
use serde_json::json;
use tower::ServiceExt as _;

use crate::fuzz::changed;
use crate::portal::{PASSWORD, account, encoded};
use crate::routes::{Served, serve};
use crate::server::{campaign, credit_code};

/// Forms that end the session they come from, or take the time of a password each.
const LEFT_OUT: [&str; 10] = [
    "/sign-in",
    "/sign-in/code",
    "/sign-in/factor",
    "/sign-in/factor/leave",
    "/sign-in/password",
    "/sign-out",
    "/account/password",
    "/account/factor",
    "/account/factor/drop",
    "/account/sessions/end",
];
/// Where 503 is an answer: a day takes so many complaints, and this ledger issues no certificates.
const BUSY: [&str; 2] = ["/complaints", "/my/certificates"];
const FIELDS: [&str; 50] = [
    "subject",
    "text",
    "name",
    "contact",
    "number",
    "code",
    "title",
    "organiser",
    "organiser_code",
    "first_day",
    "last_day",
    "hours",
    "half_days",
    "count",
    "form_reason",
    "topic",
    "place",
    "date",
    "attendees",
    "attendees_digest",
    "version",
    "base",
    "reason",
    "decision",
    "answer",
    "from",
    "until",
    "level",
    "login",
    "grants",
    "role",
    "organisation",
    "learners",
    "roles",
    "authority_from",
    "supervisor_code",
    "email",
    "year",
    "what",
    "kind",
    "state",
    "employer",
    "notices",
    "page",
    "before",
    "search",
    "size",
    "block",
    "file",
    "next",
];
const VALUES: [&str; 14] = [
    "",
    "1",
    "2026",
    "study",
    "lecture",
    "activity",
    "6.5",
    "2026-06-01",
    "2026-06-02",
    "卓越绩效准则",
    "clerk",
    "hours",
    "yes",
    "18446744073709551615",
];

/// What one request is made of: who, route, place, the query, the fields, their shape, a file, and changes of the body.
type Drawn = (u8, u16, (u8, String), Vec<Pair>, Vec<Pair>, bool, Vec<u8>, Vec<(u16, u8, Vec<u8>)>);
/// A field with a value that a form here knows, or with any.
type Pair = (u8, u8, String);

/// Somebody signed in.
struct Seat {
    role: AccountRole,
    cookie: String,
    csrf: String,
}

/// A ledger with somebody of each role, and what there is to see on it.
struct House {
    router: axum::Router,
    seats: Vec<Seat>,
    routes: Vec<Permission>,
    /// What can stand in a path.
    places: Vec<String>,
}

#[test]
fn any_form_and_any_address_of_the_portal_is_answered_as_every_role() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let house = runtime.block_on(House::open(dir.path()));
    let world = AssertUnwindSafe((runtime, house));
    let seen = AssertUnwindSafe(Mutex::new(BTreeSet::new()));
    bolero::check!().with_iterations(campaign(4_000, 200_000)).with_type::<Drawn>().for_each(|drawn| {
        let (runtime, house) = &*world;
        let (seat, route, request) = house.request(drawn);
        let what = format!("{} {} {}", seat.role, request.method(), request.uri());
        let answer = runtime.block_on(house.router.clone().oneshot(request)).unwrap();
        let status = answer.status().as_u16();
        assert!(status < 500 || (status == 503 && BUSY.contains(&route.path)), "{what}: {status}");
        let is_page = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/html; charset=utf-8");
        let page = runtime.block_on(to_bytes(answer.into_body(), 64 << 20)).unwrap();
        assert!(status < 400 || is_page, "{what}: {status} {}", String::from_utf8_lossy(&page));
        assert!(!is_page || String::from_utf8_lossy(&page).contains("</html>"), "{what}: {status}");
        seen.lock().unwrap().insert((route.method.clone(), status));
    });
    // The requests get further than the first check, and everybody is still signed in.
    let seen = seen.0.into_inner().unwrap();
    for (method, status) in [("GET", 200), ("GET", 404), ("POST", 303), ("POST", 403), ("POST", 404), ("POST", 422)] {
        assert!(seen.contains(&(method.to_owned(), status)), "no {method} was answered {status}: {seen:?}");
    }
    let (runtime, house) = world.0;
    for seat in &house.seats {
        let request = Request::get("/account").header(COOKIE, &seat.cookie).body(Body::empty()).unwrap();
        assert_eq!(runtime.block_on(house.router.clone().oneshot(request)).unwrap().status(), 200, "{}", seat.role);
    }
}

impl House {
    async fn open(dir: &std::path::Path) -> Self {
        let Served { router, service, .. } = serve(dir).await;
        let learner = "01a204a4-da59-7159-a871-c02a5b7385fc";
        for (n, role) in [(4, "employer"), (5, "competent_authority")] {
            let organisation = json!({"code": credit_code(n), "name": "机构", "roles": [role]});
            service.put_organisation(&Actor::Operator, organisation).await.unwrap();
        }
        let registered = json!({"id": learner, "name": "张伟", "provider": credit_code(2)});
        service.register_learners(&Actor::Operator, registered).await.unwrap();
        let mut seats = Vec::new();
        for role in AccountRole::ALL {
            seats.push(Seat::take(&service, *role, learner).await);
        }
        let complaint = json!({"subject": "site", "text": "打不开。"});
        let case = service.file_complaint(&Actor::Public, complaint).await.unwrap().number.to_string();
        let mut places = vec![learner.to_owned(), case, credit_code(2).to_string(), "new".into(), "2026".into()];
        let cqo = seats.iter().find(|seat| seat.role == AccountRole::Learner).unwrap();
        let token = cqo.cookie.strip_prefix("cqo=").unwrap();
        let cqo = service.visitor(token).unwrap().actor.unwrap();
        let says = json!({
            "kind": "study", "form": "lecture", "title": "卓越绩效准则", "organiser": "省质量协会",
            "first_day": "2026-06-01", "last_day": "2026-06-02", "hours": "6.5",
        });
        for submitted in [false, true] {
            let claim = service.begin_claim(&cqo, learner.parse().unwrap(), says.clone()).await.unwrap();
            let file = format!("%PDF-1.7\n% {submitted}\nstartxref\n9\n%%EOF\n");
            let claim = service.add_evidence(&cqo, claim.id, "a.pdf", file.as_bytes()).await.unwrap();
            if submitted {
                service.submit_claim(&cqo, claim.id, claim.version).await.unwrap();
            }
            places.extend([claim.id.to_string(), claim.files[0].id.to_string()]);
        }
        let of_portal =
            |row: &Permission| row.side == Side::Portal && (row.method == "GET" || !LEFT_OUT.contains(&row.path));
        let routes = table().into_iter().filter(of_portal).collect();
        Self { router, seats, routes, places }
    }

    fn request(&self, drawn: &Drawn) -> (&Seat, &Permission, Request<Body>) {
        let (who, route, (place, any), query, fields, with_file, file, changes) = drawn;
        let seat = &self.seats[usize::from(*who) % self.seats.len()];
        let route = &self.routes[usize::from(*route) % self.routes.len()];
        let place = self.places.get(usize::from(*place) % (self.places.len() + 1)).unwrap_or(any);
        // Without anything in its place it would be another address, which is not the portal's.
        let place = if place.is_empty() { "-" } else { place };
        let uri = format!("{}?{}", filled(route.path, &escaped(place)), encoded(&pairs(query)));
        let request = Request::builder().method(route.method.as_str()).uri(uri).header(COOKIE, &seat.cookie);
        if route.method == "GET" {
            return (seat, route, request.body(Body::empty()).unwrap());
        }
        let mut form = pairs(fields);
        form.push(("csrf", &seat.csrf));
        let (kind, good) = match with_file {
            true => (HeaderValue::from_static("multipart/form-data; boundary=b-7"), multipart(&form, file)),
            false => (HeaderValue::from_static("application/x-www-form-urlencoded"), encoded(&form).into_bytes()),
        };
        // One in four is changed on its way.
        let body = if who % 4 == 0 { changed(&good, changes) } else { good };
        let request = request.header("sec-fetch-site", "same-origin").header(CONTENT_TYPE, kind);
        (seat, route, request.body(Body::from(body)).unwrap())
    }
}

impl Seat {
    /// Makes an account of this role, joins and signs in.
    async fn take(service: &Arc<Service>, role: AccountRole, learner: &str) -> Self {
        let login = format!("{role}@example.org");
        let mut invitation = account(role.as_str(), "王芳芳");
        invitation["login"] = login.as_str().into();
        if role == AccountRole::Learner {
            invitation["learners"] = json!([learner]);
        }
        let invited = service.invite(&Actor::Operator, Again::default(), invitation).await.unwrap();
        service.join(&invited.code.unwrap().to_string(), PASSWORD).await.unwrap();
        let session =
            service.sign_in(&login, PASSWORD, Caller { client: "198.51.100.1", agent: "test" }).await.unwrap();
        let token = session.token.as_str();
        let csrf = service.visitor(token).unwrap().session.csrf;
        Self { role, cookie: format!("cqo={token}"), csrf }
    }
}

/// Names and values, those that forms here know more often than any.
fn pairs(drawn: &[Pair]) -> Vec<(&str, &str)> {
    let name = |at: &u8| FIELDS[usize::from(*at) % FIELDS.len()];
    let value = |at: &u8| VALUES.get(usize::from(*at) % (VALUES.len() + 4)).copied();
    drawn.iter().map(|(at, known, any)| (name(at), value(known).unwrap_or(any))).collect()
}

/// A path with this in each of its open places.
fn filled(path: &str, place: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { place } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn multipart(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--b-7\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(b"--b-7\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--b-7--\r\n");
    body
}
