//! A training provider's pages, as its staff use them: what was recorded is found, a correction goes out to be signed, comes back,
//! and everybody who reads the entry sees it.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Request, Response};
use cqo_ledger::ledger::entry::{Body as Says, Entry, EntryId, KeyChange, Learner, LearnerId, Owner, Study};
use cqo_ledger::ledger::fields::FieldErrors;
use cqo_ledger::ledger::json;
use cqo_ledger::ledger::keys::{Alg, Role};
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::merkle::Hash;
use cqo_ledger::service::accounts::{AccountSettings, Again, Caller, SecondFactor};
use cqo_ledger::service::clock::{Clock as _, SystemClock};
use cqo_ledger::service::keyfile;
use cqo_ledger::service::vault::Vault;
use cqo_ledger::service::{Actor, Founding, FoundingKeys, LedgerKeys, RECORDER_KINDS, Service, Settings};
use cqo_ledger::standard::{CreditCode, CreditHours, Rulebook, StudyForm};
use cqo_ledger::store::{MemoryDisk, Store};
use cqo_ledger::web::{Limits, Watched, routers};
use ed25519_dalek::SigningKey;
use serde_json::json as value;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::chromium::Browser;
use crate::server::{ORIGIN, credit_code, text};

const PASSWORD: &str = "Correct-Horse-9-Battery";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A portal over a ledger in memory, with one provider that has a learner, a course and a key.
struct Portal {
    service: Arc<Service>,
    router: Router,
    provider: CreditCode,
    learner: LearnerId,
    _keys: TempDir,
}

/// What came back.
struct Page {
    status: u16,
    location: String,
    kind: String,
    disposition: String,
    text: String,
}

/// Somebody who is signed in.
struct Staff<'a> {
    portal: &'a Portal,
    cookie: String,
}

impl Portal {
    async fn new() -> Self {
        let (disk, dir) = (MemoryDisk::new(), tempfile::tempdir().unwrap());
        let vault = Vault::create_in(dir.path()).unwrap();
        let [authority, receipt, checkpoint] = [1, 2, 3].map(key);
        let owner = Owner { code: credit_code(1), name: "云岭认定中心".into() };
        let founding = Founding { origin: ORIGIN.parse().unwrap(), owner };
        let (checkpoint_key, rulebook) = (checkpoint.clone(), Rulebook::embedded());
        let keys = FoundingKeys {
            authority: &authority,
            receipt: &receipt,
            checkpoint: &checkpoint_key,
            issuer: None,
            recorder: None,
        };
        Service::found(&disk.open(), &vault, &rulebook, SystemClock.now(), &founding, &keys).await.unwrap();
        let keys = LedgerKeys {
            checkpoint: vec![checkpoint],
            receipt: vec![receipt],
            issuer: Vec::new(),
            recorder: Vec::new(),
            operator_token: Hash::of(&[b"token"]),
        };
        let accounts = AccountSettings { second_factor: SecondFactor::Off, ..AccountSettings::default() };
        let settings =
            Settings { seal_interval_ms: 5, wait_max_ms: 20_000, check_threads: 1, accounts, ..Settings::default() };
        let store: Arc<dyn Store> = Arc::new(disk.open());
        let service = Service::open(store, vault, keys, rulebook, Arc::new(SystemClock), settings).await.unwrap();
        let limits = Limits { rate_per_second: 0, lookups_per_minute: 0, ..Limits::default() };
        let watched = Watched { data: "/nowhere".into(), store: "/nowhere".into() };
        let router = routers(Arc::clone(&service), &limits, watched).public;
        let learner = LearnerId::try_from(Uuid::now_v7()).unwrap();
        let portal = Self { service, router, provider: credit_code(2), learner, _keys: dir };
        portal.register().await;
        portal
    }

    async fn register(&self) {
        for (n, name) in [(2, "恒远质量学院"), (3, "另一家学院")] {
            let organisation = value!({"code": credit_code(n), "name": name, "roles": ["provider"]});
            self.service.put_organisation(&Actor::Operator, organisation).await.unwrap();
        }
        let actor = Actor::Recorder(self.provider.clone());
        let learners = value!([
            {"id": self.learner.to_string(), "name": "张伟"},
            {"id": Uuid::now_v7().to_string(), "name": "王芳<b>"},
        ]);
        self.service.register_learners(&actor, learners).await.unwrap();
        let course = value!({"code": "QM-101", "title": "质量管理基础", "hours": 800});
        self.service.put_courses(&actor, course).await.unwrap();
        let owner = Owner { code: self.provider.clone(), name: "恒远质量学院".into() };
        let public = key(10).verifying_key().as_bytes().to_vec();
        let add =
            KeyChange::Add { alg: Alg::Ed25519, public, kinds: RECORDER_KINDS.to_vec(), owner, role: Role::Recorder };
        self.submit(&Actor::Operator, self.entry(credit_code(1), Says::Key(add)), 1).await;
    }

    fn entry(&self, recorder: CreditCode, body: Says) -> Entry {
        let id = EntryId::try_from(Uuid::now_v7()).unwrap();
        let rulebook = Rulebook::embedded().latest().version;
        Entry { id, ledger: ORIGIN.parse().unwrap(), recorder, rulebook, body }
    }

    /// Submits an entry under the key of a seed, and waits until it is on the chain.
    async fn submit(&self, actor: &Actor, entry: Entry, seed: u8) -> EntryId {
        let (id, signed) = (entry.id, SignedEntry::sign(entry, &[&key(seed)]));
        let submitted = self.service.submit(actor, vec![signed.bytes().to_vec()]).await.unwrap();
        assert!(self.service.wait_sealed(submitted.sealed_at_total.expect("accepted")).await);
        id
    }

    async fn record(&self) -> EntryId {
        let learner = Learner { id: self.learner, name: "张伟".into() };
        let study = Study {
            completes: true,
            course_code: "QM-101".parse().unwrap(),
            course_title: "质量管理基础".into(),
            evidence: vec![Hash::of(&[b"list"])],
            first_day: "2026-03-02".parse().unwrap(),
            last_day: "2026-03-04".parse().unwrap(),
            form: StudyForm::Lecture,
            form_reason: None,
            hours: CreditHours::from_hundredths(800),
            reviewed_by: None,
        };
        let entry = self.entry(self.provider.clone(), Says::Study(learner, study));
        self.submit(&Actor::Recorder(self.provider.clone()), entry, 10).await
    }

    /// Somebody of an organisation's staff, signed in.
    async fn staff(&self, organisation: u32) -> Staff<'_> {
        let login = format!("staff{organisation}@example.org");
        let grants = value!([{"role": "provider_staff", "organisation": credit_code(organisation)}]);
        let invitation = value!({"login": login, "name": "赵敏", "grants": grants, "send": false});
        let invited = self.service.invite(&Actor::Operator, Again::default(), invitation).await.unwrap();
        self.service.join(&invited.code.unwrap().to_string(), PASSWORD).await.unwrap();
        let session =
            self.service.sign_in(&login, PASSWORD, Caller { client: "198.51.100.1", agent: "test" }).await.unwrap();
        Staff { portal: self, cookie: format!("cqo={}; lang=zh", session.token.as_str()) }
    }
}

impl Staff<'_> {
    async fn send(&self, request: Request<Body>) -> Page {
        let answer: Response<Body> = self.portal.router.clone().oneshot(request).await.unwrap();
        let head = |name| answer.headers().get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
        let (status, location, kind, disposition) =
            (answer.status().as_u16(), head(LOCATION), head(CONTENT_TYPE), head(CONTENT_DISPOSITION));
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        Page { status, location, kind, disposition, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Page {
        self.send(Request::get(path).header(COOKIE, &self.cookie).body(Body::empty()).unwrap()).await
    }

    /// Sends a form with the token of the page that it is on.
    async fn post(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token(page).await;
        let mut form = form_urlencoded(&[("csrf", &token)]);
        form.push_str(&form_urlencoded(fields));
        self.post_body(path, "application/x-www-form-urlencoded", form.into_bytes()).await
    }

    async fn upload(&self, page: &str, path: &str, file: &[u8]) -> Page {
        let token = self.token(page).await;
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--b\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"correction.signed.json\"\r\n\r\n"
        );
        let body = [head.as_bytes(), file, b"\r\n--b--\r\n"].concat();
        self.post_body(path, "multipart/form-data; boundary=b", body).await
    }

    async fn post_body(&self, path: &str, kind: &str, body: Vec<u8>) -> Page {
        let request = Request::post(path).header(COOKIE, &self.cookie).header("sec-fetch-site", "same-origin");
        self.send(request.header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap()).await
    }

    async fn token(&self, page: &str) -> String {
        between(&self.get(page).await.text, "name=\"csrf\" value=\"", "\"").to_owned()
    }
}

fn form_urlencoded(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{}={}&", escaped(name), escaped(value))).collect()
}

#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0
}

/// What `cqo-ledger sign` does to the file.
fn sign(draft: &str, seed: u8) -> Vec<u8> {
    let mut errors = FieldErrors::default();
    let entry = Entry::from_value(json::parse_canonical(draft.as_bytes()).unwrap(), "", &mut errors).unwrap();
    [SignedEntry::sign(entry, &[&key(seed)]).bytes(), b"\n"].concat()
}

/// The fields of the form, as a browser sends them when `changes` were typed.
fn typed<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let form = [
        ("reason", "hours"),
        ("title", "质量管理基础"),
        ("code", "QM-101"),
        ("form", "lecture"),
        ("form_reason", ""),
        ("first_day", "2026-03-02"),
        ("last_day", "2026-03-04"),
        ("hours", "8.00"),
        ("completes", "yes"),
        ("action", "supersede"),
    ];
    let of = |name: &str, value: &'a str| changes.iter().find(|(known, _)| *known == name).map_or(value, |(_, to)| to);
    form.into_iter().map(|(name, value)| (name, of(name, value))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_find_what_was_recorded() {
    let portal = Portal::new().await;
    let entry = portal.record().await;
    let browser = portal.staff(2).await;
    let all = browser.get("/provider").await;
    assert_eq!(all.status, 200);
    assert!(all.text.contains("张伟") && all.text.contains("王芳&#60;b&#62;"), "{}", all.text);
    let found = browser.get("/provider?name=%E5%BC%A0&page=7").await.text;
    assert!(found.contains("张伟") && !found.contains("王芳"), "{found}");
    assert!(browser.get("/provider?name=nobody").await.text.contains("没有找到"));
    let learner = browser.get(&format!("/provider/learners/{}", portal.learner)).await.text;
    assert!(learner.contains(&format!("/provider/entries/{entry}")) && learner.contains("已上链"), "{learner}");
    let page = browser.get(&format!("/provider/entries/{entry}")).await.text;
    for said in ["质量管理基础", "QM-101", "培训讲座", "8 学时", "恒远质量学院", "value=\"8.00\"", "存证编号"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains(" style=") && page.matches("<script").count() == 1, "{page}");
    assert!(page.contains("<script type=\"module\" src=\"/assets/sign-entry.js\"></script>"), "{page}");
    let proof = browser.get(&format!("/provider/entries/{entry}/proof")).await;
    assert!(proof.status == 200 && proof.text.starts_with("{\"blocks\""), "{}", proof.text);
    assert_eq!(proof.disposition, format!("attachment; filename=\"{entry}.proof.json\""));
    for (path, status) in [
        ("/provider/learners/x", 404),
        ("/provider/entries/x", 404),
        ("/provider/entries/01970000-0000-7000-8000-0000000000cc", 404),
        ("/provider/learners/01970000-0000-7000-8000-0000000000cc", 404),
    ] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
    let other = portal.staff(3).await;
    for path in [format!("/provider/learners/{}", portal.learner), format!("/provider/entries/{entry}")] {
        assert_eq!(other.get(&path).await.status, 404, "{path}");
    }
    assert!(!other.get("/provider").await.text.contains("张伟"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_goes_out_comes_back_signed_and_is_seen() {
    let portal = Portal::new().await;
    let entry = portal.record().await;
    let browser = portal.staff(2).await;
    let page = format!("/provider/entries/{entry}");
    let [draft, corrections] = ["draft", "corrections"].map(|what| format!("{page}/{what}"));

    // What cannot be: said beside the field, and what was typed is kept.
    for (changes, field) in [
        (&[("hours", "8,5"), ("title", "质量管理进阶")][..], "hours"),
        (&[("hours", "101")], "hours"),
        (&[("last_day", "2026-03-01")], "last_day"),
        (&[("code", "QM 1")], "code"),
        (&[("form", "other")], "form_reason"),
        (&[("reason", "")], "reason"),
        (&[][..], "entry"),
    ] {
        let refused = browser.post(&page, &draft, &typed(changes)).await;
        assert_eq!(refused.status, 422, "{field}: {}", refused.text);
        assert!(refused.text.contains(&format!("href=\"#{field}\"")), "{field}: {}", refused.text);
        assert!(refused.text.contains(&format!("id=\"{field}\"")), "{field} is on the page");
        for (_, value) in changes.iter().filter(|(name, _)| !["form", "reason"].contains(name)) {
            assert!(refused.text.contains(&format!("value=\"{value}\"")), "{value}");
        }
    }
    let unsent = browser.post_body(&draft, "application/x-www-form-urlencoded", b"csrf=x&reason=hours".to_vec()).await;
    assert_eq!(unsent.status, 403);

    let drafted = browser.post(&page, &draft, &typed(&[("hours", "6.5"), ("completes", "no")])).await;
    assert_eq!((drafted.status, drafted.kind.as_str()), (200, "application/json"), "{}", drafted.text);
    assert_eq!(drafted.disposition, "attachment; filename=\"correction.json\"");
    assert!(!browser.get(&page).await.text.contains("correction-1"), "a draft changes nothing");
    for bad in [sign(&drafted.text, 11), drafted.text.clone().into_bytes(), Vec::new(), b"{}".to_vec()] {
        let refused = browser.upload(&page, &corrections, &bad).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("href=\"#file\""), "{}", refused.text);
    }
    let signed = sign(&drafted.text, 10);
    for _ in 0..2 {
        let sent = browser.upload(&page, &corrections, &signed).await;
        assert_eq!((sent.status, sent.location.as_str()), (303, page.as_str()), "{}", sent.text);
    }
    let seen = browser.get(&page).await.text;
    for said in ["<del>8 学时</del>", "<ins>6.5 学时</ins>", "学时有误", "已更正", "更正已受理"] {
        assert!(seen.contains(said), "{said}: {seen}");
    }
    assert!(seen.contains("value=\"6.50\""), "the next correction begins with what is said now: {seen}");

    // And taken back altogether.
    let void = [("reason", "not_attended"), ("action", "void"), ("hours", "nonsense")];
    let drafted = browser.post(&page, &draft, &void).await;
    assert_eq!(drafted.status, 200, "{}", drafted.text);
    assert_eq!(browser.upload(&page, &corrections, &sign(&drafted.text, 10)).await.status, 303);
    let seen = browser.get(&page).await.text;
    assert!(seen.contains("已作废") && seen.contains("学员未参加") && !seen.contains("name=\"hours\""), "{seen}");
    let again = browser.post(&page, &draft, &typed(&[("hours", "1")])).await;
    assert_eq!(again.status, 422, "{}", again.text);
    let other = portal.staff(3).await;
    assert_eq!(other.upload("/provider", &corrections, &signed).await.status, 404);
}

/// In a real Chromium: the key is read from its file, and the site gets the signed entry alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_is_signed_in_the_browser() {
    let portal = Portal::new().await;
    let entry = portal.record().await;
    let staff = portal.staff(2).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, portal.router.clone()).into_future());
    let dir = tempfile::tempdir().unwrap();
    let [good, stranger, nonsense] = ["provider.key", "stranger.key", "nonsense.key"].map(|name| dir.path().join(name));
    keyfile::write(&good, &key(10)).unwrap();
    keyfile::write(&stranger, &key(77)).unwrap();
    std::fs::write(&nonsense, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();

    let browser = Browser::open().await;
    browser.driver.goto(format!("{site}/assets/seal.svg")).await.unwrap();
    let session = between(&staff.cookie, "cqo=", ";").to_owned();
    browser.driver.add_cookie(Cookie::new("cqo", session)).await.unwrap();
    let page = format!("{site}/provider/entries/{entry}");
    let sign = async |key: &Path, action: &str| {
        browser.until("!document.getElementById('sign-here')?.hidden").await;
        browser.driver.find(By::Id("sign-key")).await.unwrap().send_keys(text(key)).await.unwrap();
        browser.click(&format!("#sign-here [data-action={action}]")).await;
    };
    browser.driver.goto(&page).await.unwrap();
    browser.until("!document.getElementById('sign-here').hidden").await;
    let key_field =
        "const field = document.getElementById('sign-key'); return field.form === null && field.name === ''";
    assert_eq!(browser.run(key_field).await, true, "no form has the key");
    browser.click("#sign-here [data-action=supersede]").await;
    browser.until("document.getElementById('sign-trouble').textContent.length > 0").await;
    sign(&nonsense, "supersede").await;
    browser.until("document.getElementById('sign-trouble').textContent.includes('Ed25519')").await;
    // What the form lacks is said by the site; what another's key signed is refused by it.
    sign(&good, "void").await;
    browser.until("document.querySelector('.mistakes a[href=\"#reason\"]')").await;
    browser
        .run("document.getElementById('reason').value = 'hours'; document.getElementById('hours').value = '5'")
        .await;
    sign(&stranger, "supersede").await;
    browser.until("document.querySelector('.mistakes a[href=\"#file\"]')").await;
    browser
        .run("document.getElementById('reason').value = 'hours'; document.getElementById('hours').value = '5.25'")
        .await;
    sign(&good, "supersede").await;
    browser.until("document.querySelector('ins')?.textContent.includes('5.25')").await;
    browser.run("document.getElementById('reason').value = 'duplicate'").await;
    sign(&good, "void").await;
    browser
        .until("!document.getElementById('sign-here') && document.querySelectorAll('[id^=correction-]').length === 2")
        .await;
    let history = portal.service.history(&Actor::Operator, entry).await.unwrap();
    assert!(history.says().is_none() && history.versions().count() == 3);
    browser.driver.clone().quit().await.unwrap();
}
