//! The verification page in a real Chromium: what people see, what leaves the browser, and what never does.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cqo_ledger::ledger::entry::LearnerId;
use cqo_ledger::merkle::Hash;
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use uuid::Uuid;

use crate::certificates::Certified;
use crate::chromium::Browser;
use crate::server::{Ledger, Provider, array, text};

/// A well-formed certificate number that nobody has.
const NUMBER: &str = "XS-2026-340100-7K3M9QX2AB-4";

impl Browser {
    /// Opens a page and waits until its script is ready.
    async fn goto(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
        self.until("document.documentElement.dataset.ready === 'yes'").await;
    }

    /// Chooses files and waits for the verdict on them.
    async fn check(&self, files: &[&Path]) -> Verdict {
        self.run("document.getElementById('verdict').hidden = true").await;
        let paths: Vec<&str> = files.iter().map(|file| text(file)).collect();
        self.driver.find(By::Id("files")).await.unwrap().send_keys(paths.join("\n")).await.unwrap();
        self.verdict().await
    }

    /// Drags a file onto the page and lets it go there.
    async fn drop_file(&self, file: &Path) -> Verdict {
        self.run("document.getElementById('verdict').hidden = true").await;
        let bytes = STANDARD.encode(std::fs::read(file).unwrap());
        let script = format!(
            "const bytes = Uint8Array.from(atob('{bytes}'), (character) => character.charCodeAt(0)); \
            const dataTransfer = new DataTransfer(); dataTransfer.items.add(new File([bytes], 'dropped.pdf')); \
            for (const type of ['dragenter', 'dragover', 'drop']) document.getElementById('drop').dispatchEvent(\
            new DragEvent(type, {{bubbles: true, cancelable: true, dataTransfer}}))"
        );
        self.run(&script).await;
        self.verdict().await
    }

    /// Presses a button after which there is another verdict.
    async fn press(&self, css: &str) -> Verdict {
        self.run("document.getElementById('verdict').hidden = true").await;
        self.click(css).await;
        self.verdict().await
    }

    async fn verdict(&self) -> Verdict {
        self.until("!document.getElementById('verdict').hidden && !document.getElementById('progress').innerText")
            .await;
        assert_eq!(self.run("return document.activeElement.id").await, "verdict-title", "the verdict is read aloud");
        let steps = self
            .run("return [...document.querySelectorAll('#steps li')].map(li => [li.dataset.step, li.dataset.state])")
            .await;
        Verdict {
            state: self
                .run("return document.getElementById('verdict').dataset.state")
                .await
                .as_str()
                .unwrap()
                .to_owned(),
            text: self.text("#verdict").await,
            steps: serde_json::from_value(steps).unwrap(),
        }
    }
}

/// What the page says of files.
#[derive(Debug)]
struct Verdict {
    state: String,
    text: String,
    steps: Vec<(String, String)>,
}

impl Verdict {
    /// The steps that ended so.
    fn steps(&self, state: &str) -> Vec<&str> {
        self.steps.iter().filter(|(_, its)| its == state).map(|(step, _)| step.as_str()).collect()
    }
}

fn vector(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proofs/vectors").join(path)
}

/// A ledger with one sealed entry of a learner of this name, and the entry's bundle in a file.
fn ledger_with_entry(name: &str) -> (Ledger, PathBuf) {
    let ledger = Ledger::start();
    let learner = LearnerId::try_from(Uuid::now_v7()).unwrap();
    let provider = Provider { name: name.to_owned(), learner, ..ledger.provider(2) };
    let registered = json!({"id": learner, "name": name}).to_string();
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/learners", registered.as_bytes()).status, 200);
    let entries = provider.signed(1);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&entries));
    assert_eq!(answer.json()["sealed"], true, "{}", answer.text());
    let proof = ledger.get_as(&provider.token, &format!("/api/v1/entries/{}/proof", entries[0].entry().id));
    let file = ledger.write("entry.proof.json", proof.body);
    (ledger, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_checked_in_the_browser_and_nothing_leaves_it() {
    // A name that would be markup, were it not text.
    let (ledger, proof) = ledger_with_entry("<img src=x onerror=document.title=1>");
    let browser = Browser::open().await;
    browser.goto(&format!("{}/verify", ledger.url())).await;
    let policy = ledger.get("/policy");
    let digest = Hash::of(&[&policy.body]).to_string();
    assert!(browser.text(".policy").await.contains(&digest), "the policy's digest is shown");
    assert!(browser.text("#policy-source").await.contains("运营方自己的建议"), "and whose it is");
    browser.paths(ledger.url()).await;

    let good = browser.check(&[&proof]).await;
    assert_eq!(
        (good.state.as_str(), good.steps("failed"), good.steps("open")),
        ("open", vec![], vec!["in_force"]),
        "{good:?}"
    );
    assert!(good.text.contains("未被篡改") && good.text.contains(&digest), "{good:?}");
    assert!(browser.text("#fields").await.contains("<img src=x"), "text is shown as text");
    assert_eq!(browser.run("return document.querySelectorAll('main img').length").await, 0);
    assert!(browser.run("return performance.getEntriesByName('verify')[0].duration").await.as_f64() > Some(0.0));

    let changed = std::fs::read_to_string(&proof).unwrap().replacen("\"hours\":200", "\"hours\":900", 1);
    let tampered = browser.check(&[&ledger.write("tampered.proof.json", changed)]).await;
    assert_eq!((tampered.state.as_str(), tampered.steps("failed")), ("failed", vec!["batch"]), "{tampered:?}");
    assert!(tampered.text.contains("未通过") && tampered.text.contains("记录在批次中"), "{tampered:?}");

    let unknown = browser.check(&[&ledger.write("letter.txt", "您好")]).await;
    assert_eq!((unknown.state.as_str(), unknown.steps.len()), ("open", 0), "{unknown:?}");
    assert!(unknown.text.contains("不是本系统的证书"), "{unknown:?}");
    assert_eq!(browser.paths(ledger.url()).await, Vec::<String>::new(), "no file leaves the browser");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_signatures_count_is_told_by_the_policy_that_was_chosen() {
    let ledger = Ledger::start();
    let browser = Browser::open().await;
    browser.goto(&format!("{}/verify?lang=en", ledger.url())).await;
    let good = vector("good/single-entry.proof.json");
    // Another ledger's bundle, by this site's own suggestion.
    let by_site = browser.check(&[&good]).await;
    assert_ne!(by_site.steps("passed"), ["form", "checkpoint"], "{by_site:?}");
    assert!(["failed", "open"].contains(&by_site.state.as_str()) && !by_site.text.contains("unaltered"), "{by_site:?}");
    let choose = |path: &'static str| {
        let browser = &browser;
        async move {
            browser.run("document.getElementById('verdict').hidden = true").await;
            let input = browser.driver.find(By::Id("policy-file")).await.unwrap();
            input.send_keys(text(&vector(path))).await.unwrap();
            browser.verdict().await
        }
    };
    let chosen = choose("policy.txt").await;
    assert_eq!((chosen.state.as_str(), chosen.steps("open")), ("open", vec!["in_force"]), "{chosen:?}");
    assert!(chosen.text.contains("unaltered since"), "{chosen:?}");
    assert!(browser.text("#policy-source").await.contains("A file that you chose: policy.txt"));
    let other = choose("policy-other-key.txt").await;
    assert_eq!((other.state.as_str(), other.steps("failed")), ("failed", vec!["checkpoint"]), "{other:?}");

    // The language changes without another look at anything.
    browser.click("[data-to='zh-CN']").await;
    assert!(browser.text("#verdict").await.contains("未通过"));
    assert_eq!(browser.driver.title().await.unwrap(), "核验学时证明 · cqo-ledger");
    browser.click("[data-to='en']").await;
    assert!(browser.text("#verdict").await.contains("Failed"));
    assert!(browser.text("h1").await.contains("Check an hour certificate"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_saved_page_checks_from_disk_and_speaks_to_nobody() {
    let (ledger, proof) = ledger_with_entry("张伟");
    let saved = ledger.get("/verify/offline.html");
    let policy = ledger.get("/policy");
    let page = ledger.write("cqo-verify.html", &saved.body);
    let browser = Browser::open().await;
    browser.before_every_page(CLOCK);
    browser.goto(&format!("file://{}", text(&page))).await;
    browser.requests().await;
    assert!(browser.text("#policy-source").await.contains("固定在本文件中"));
    let digest = Hash::of(&[&policy.body]).to_string();
    assert_eq!(browser.text("#policy-digest").await, digest);
    let good = browser.check(&[&proof]).await;
    assert_eq!((good.state.as_str(), good.steps("open")), ("open", vec!["in_force"]), "{good:?}");
    let broken = browser.check(&[&vector("broken/batch-hours-changed.proof.json")]).await;
    assert_eq!(broken.state, "failed", "{broken:?}");
    choose_policy(&browser, &vector("policy.txt")).await;
    let files =
        ["certificate.json", "certificate.proof.json", "status.json"].map(|name| vector(&format!("good/{name}")));
    let certificate = browser.check(&files.each_ref().map(PathBuf::as_path)).await;
    assert_eq!(certificate.state, "passed", "{certificate:?}");
    browser.click("[data-to='en']").await;
    assert!(browser.text("#verdict").await.contains("is in force"));
    assert_eq!(browser.requests().await, [], "nothing is asked of anybody");
    // What the page's own policy forbids, it cannot do.
    let refused = browser.run("return fetch('https://example.org/').then(() => 'sent', () => 'refused')").await;
    assert_eq!(refused, "refused");
    assert!(browser.console().await.iter().all(|line| line.contains("Content Security Policy")));

    // A policy that somebody changed in the file is not used.
    let changed = String::from_utf8(saved.body).unwrap().replacen("quorum none", "quorum nome", 1);
    let page = ledger.write("changed.html", changed);
    browser.goto(&format!("file://{}", text(&page))).await;
    assert!(browser.text("#policy-source").await.contains("已损坏"));
    let without = browser.check(&[&proof]).await;
    assert!(without.steps("open").contains(&"checkpoint") && without.text.contains("没有信任策略"), "{without:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_the_page_on_a_phone_by_keyboard_and_by_ear() {
    let (ledger, proof) = ledger_with_entry("张伟");
    let browser = Browser::open().await;
    for page in ["/", "/verify"] {
        for (width, is_dark) in [(390, false), (1440, true)] {
            browser.size(width, is_dark).await;
            browser.driver.goto(format!("{}{page}", ledger.url())).await.unwrap();
            if page == "/verify" {
                browser.goto(&format!("{}{page}?lang=en", ledger.url())).await;
                browser.check(&[&proof]).await;
            }
            let fits = browser.run("return document.documentElement.scrollWidth <= innerWidth").await;
            assert_eq!(fits, true, "{page} at {width}");
            browser.accessibility(&format!("{page} at {width}, dark: {is_dark}")).await;
        }
    }
    // By keyboard alone: the way to the files, and to the question.
    browser.goto(&format!("{}/verify?lang=zh", ledger.url())).await;
    let mut way = Vec::new();
    for _ in 0..12 {
        browser.driver.action_chain().send_keys(Key::Tab).perform().await.unwrap();
        let focused = browser
            .run("const e = document.activeElement; return e.id || e.className || e.dataset.to || e.tagName")
            .await;
        way.push(focused.as_str().unwrap().to_owned());
    }
    let place = |name: &str| {
        way.iter().position(|id| id == name).unwrap_or_else(|| panic!("{name} is not on the way: {way:?}"))
    };
    assert!(
        place("skip") < place("zh-CN") && place("zh-CN") < place("files") && place("files") < place("asked"),
        "{way:?}"
    );
    let asked = browser.driver.find(By::Id("asked")).await.unwrap();
    asked.send_keys("nonsense" + Key::Enter).await.unwrap();
    assert!(browser.text("#asked-error").await.contains("请核对"));
    assert_eq!(browser.run("return document.activeElement.id").await, "asked");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ed25519_the_page_says_so_and_uploads_only_when_told() {
    let (ledger, proof) = ledger_with_entry("张伟");
    let browser = Browser::open().await;
    browser.before_every_page(
        "crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))",
    );
    browser.goto(&format!("{}/verify", ledger.url())).await;
    assert!(browser.text("#unsupported").await.contains("不能验证 Ed25519"));
    browser.paths(ledger.url()).await;
    let verdict = browser.check(&[&proof]).await;
    assert_eq!((verdict.state.as_str(), verdict.steps.len()), ("open", 0), "{verdict:?}");
    assert_eq!(browser.paths(ledger.url()).await, Vec::<String>::new(), "nothing is uploaded unasked");

    browser.run("document.getElementById('verdict').hidden = true").await;
    browser.click("#ask-server").await;
    let answer = browser.verdict().await;
    assert_eq!(browser.paths(ledger.url()).await, ["POST /api/v1/verify"]);
    assert_eq!(
        (answer.state.as_str(), answer.steps("open")),
        ("open", vec!["in_force"]),
        "no tick for the server's word"
    );
    assert!(answer.text.contains("服务器答复") && answer.text.contains("运营方"), "{answer:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_leads_to_what_is_on_record_and_its_digest_stays_out_of_the_address() {
    let ledger = Ledger::start();
    let browser = Browser::open().await;
    let digest = "ab".repeat(32);
    browser.goto(&format!("{}/v/{NUMBER}#{digest}", ledger.url())).await;
    let found = browser.text("#looked-up").await;
    assert!(found.contains("没有这项存证") && found.contains("本网站的说法"), "{found}");
    let paths = browser.paths(ledger.url()).await;
    let with_digest: Vec<&String> = paths.iter().filter(|path| path.contains(&digest)).collect();
    assert_eq!(with_digest, [&format!("GET /api/v1/attestations/{digest}")], "{paths:?}");
    browser.goto(&format!("{}/v/XS-2026-340100-7K3M9QX2AB-0#{digest}", ledger.url())).await;
    let mistyped = browser.text("#looked-up").await;
    assert!(mistyped.contains("不是证书编号"), "a typing error is found: {mistyped}");
    // Chromium notes every answer of 404 in the console.
    assert!(browser.console().await.iter().all(|line| line.contains("/api/v1/attestations/")));
    browser.close().await;
}

/// The moment for which the vectors' certificates are judged.
const CLOCK: &str = "const Real = Date; Date = class extends Real { \
    constructor(...given) { given.length === 0 ? super('2026-11-22T12:00:00.000Z') : super(...given); } };";

async fn choose_policy(browser: &Browser, path: &Path) {
    browser.driver.find(By::Id("policy-file")).await.unwrap().send_keys(text(path)).await.unwrap();
    browser.until("document.getElementById('policy-source').innerText.includes('policy.txt')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_passes_when_policy_issuer_and_list_do_and_never_before() {
    let ledger = Ledger::start();
    let browser = Browser::open().await;
    browser.before_every_page(CLOCK);
    browser.goto(&format!("{}/verify", ledger.url())).await;
    let file = |name: &str| vector(&format!("good/{name}"));
    let (certificate, proof, list) = (file("certificate.json"), file("certificate.proof.json"), file("status.json"));
    let whole = [&*certificate, &*proof, &*list];

    // This site's suggestion knows another log: no tick by it.
    let unknown = browser.check(&whole).await;
    assert_eq!(unknown.state, "failed", "{unknown:?}");
    choose_policy(&browser, &vector("policy.txt")).await;
    browser.paths(ledger.url()).await;
    let good = browser.check(&whole).await;
    assert_eq!((good.state.as_str(), good.steps("open"), good.steps("failed")), ("passed", vec![], vec![]), "{good:?}");
    assert!(good.text.contains("通过") && good.text.contains("现行有效"), "{good:?}");
    let said: Value = serde_json::from_slice(&std::fs::read(&certificate).unwrap()).unwrap();
    let subject = &said["credentialSubject"];
    let fields = browser.text("#fields").await;
    for field in [
        &subject["name"],
        &subject["achievement"]["humanCode"],
        &subject["result"][0]["value"],
        &said["issuer"]["name"],
        &said["evidence"][0]["name"],
    ] {
        assert!(fields.contains(field.as_str().unwrap()), "{field} is shown to compare with the paper: {fields}");
    }
    browser.accessibility("a certificate").await;

    // Without a list nobody knows whether it was revoked; without a bundle, whether it was issued.
    let no_list = browser.check(&[&certificate, &proof]).await;
    assert_eq!((no_list.state.as_str(), no_list.steps("failed")), ("open", vec![]), "{no_list:?}");
    assert!(no_list.text.contains("是否已被撤销或更正：尚未核验"), "{no_list:?}");
    let alone = browser.check(&[&certificate]).await;
    assert!(alone.state == "open" && alone.text.contains("缺少这份证书的证明包"), "{alone:?}");
    assert!(browser.text("#fields").await.contains("尚未证实"), "what nobody vouches for is said to be so");

    let revoked = browser
        .check(&[&vector("broken/in_force-revoked.json"), &vector("broken/in_force-revoked.proof.json"), &list])
        .await;
    assert_eq!((revoked.state.as_str(), revoked.steps("failed")), ("failed", vec!["in_force"]), "{revoked:?}");
    assert!(revoked.text.contains("已失效"), "{revoked:?}");

    let name = subject["name"].as_str().unwrap();
    let forged = std::fs::read_to_string(&certificate).unwrap().replace(name, "冒名者");
    let forged = ledger.write("forged.json", forged);
    let forged = browser.check(&[&forged, &proof, &list]).await;
    assert_eq!((forged.state.as_str(), forged.steps("failed")), ("failed", vec!["proof"]), "{forged:?}");
    assert!(!browser.text("#report").await.contains("冒名者"), "a forgery is not shown in good clothes");
    assert_eq!(browser.paths(ledger.url()).await, Vec::<String>::new(), "nothing leaves the browser");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_held_against_the_qr_code_that_led_here() {
    let ledger = Ledger::start();
    let browser = Browser::open().await;
    browser.before_every_page(CLOCK);
    let files =
        ["certificate.json", "certificate.proof.json", "status.json"].map(|name| vector(&format!("good/{name}")));
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let digest = Hash::of(&[&std::fs::read(files[0]).unwrap()]).to_string();
    for (fragment, state, words) in [(digest, "passed", "同一份证书"), ("ab".repeat(32), "failed", "与二维码不符")]
    {
        browser.driver.goto("about:blank").await.unwrap();
        browser.goto(&format!("{}/v/{NUMBER}#{fragment}", ledger.url())).await;
        choose_policy(&browser, &vector("policy.txt")).await;
        let verdict = browser.check(&files).await;
        assert_eq!(verdict.state, state, "{verdict:?}");
        assert!(verdict.text.contains(words), "{verdict:?}");
    }
    browser.console().await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_of_this_site_passes_when_its_list_and_its_own_proof_are_fetched() {
    let certified = Certified::start();
    let files = certified.files(&certified.number);
    let origin = certified.ledger.url();
    let browser = Browser::open().await;
    browser.goto(&format!("{origin}/verify")).await;
    browser.paths(origin).await;
    let alone = browser.drop_file(&files.pdf).await;
    assert_eq!(
        (alone.state.as_str(), alone.steps("failed"), alone.steps("open")),
        ("open", vec![], vec!["in_force", "printed_page"]),
        "{alone:?}"
    );
    assert!(alone.text.contains("数据属实，尚未核完") && alone.text.contains("PDF 的版面：尚未核验"), "{alone:?}");
    assert_eq!(browser.paths(origin).await, Vec::<String>::new(), "nothing is asked before somebody says so");

    let listed = browser.press("#fetch-list").await;
    assert_eq!(browser.paths(origin).await, ["GET /status/1", "GET /status/1/proof"]);
    assert_eq!((listed.state.as_str(), listed.steps("open")), ("open", vec!["printed_page"]), "{listed:?}");
    let whole = browser.press("#fetch-page").await;
    let digest = Hash::of(&[&std::fs::read(&files.pdf).unwrap()]);
    assert_eq!(browser.paths(origin).await, [format!("GET /api/v1/attestations/{digest}/proof")]);
    assert_eq!((whole.state.as_str(), whole.steps("open"), whole.steps("failed")), ("passed", vec![], vec![]));
    assert!(whole.text.contains("现行有效"), "{whole:?}");
    assert_eq!(
        browser.run("return document.querySelectorAll('#next button').length").await,
        0,
        "nothing is left to ask"
    );
    let fields = browser.text("#fields").await;
    assert!(fields.contains(&certified.provider.name) && fields.contains(&certified.number), "{fields}");
    for (width, is_dark) in [(390, true), (1440, false)] {
        browser.size(width, is_dark).await;
        let fits = browser.run("return document.documentElement.scrollWidth <= innerWidth").await;
        assert_eq!(fits, true, "at {width}");
        browser.accessibility(&format!("a certificate that passed, at {width}")).await;
    }

    // With the page's own proof in hand, there is only the list to ask for.
    let both = browser.check(&[&files.pdf, &files.pdf_proof]).await;
    assert_eq!((both.state.as_str(), both.steps("open")), ("open", vec!["in_force"]), "{both:?}");
    assert_eq!(browser.press("#fetch-list").await.state, "passed");

    // Another page around the same attachments, and something behind the end.
    let mut pdf = std::fs::read(&files.pdf).unwrap();
    let of_a_font = |at: &usize| {
        let is_font = pdf[at.saturating_sub(150)..*at].windows(13).any(|word| word == b"CIDFontType0C");
        pdf[*at..].starts_with(b"\nstream\n") && is_font
    };
    let stream = (0..pdf.len()).find(of_a_font).unwrap();
    pdf[stream + 30] ^= 1;
    let repainted = browser.check(&[&certified.ledger.write("repainted.pdf", &pdf)]).await;
    assert!(repainted.state == "open" && repainted.steps("open").contains(&"printed_page"), "{repainted:?}");
    browser.click("#fetch-page").await;
    browser.until("document.getElementById('looked-up').innerText.includes('没有这项存证')").await;
    assert_eq!(browser.run("return document.getElementById('verdict').dataset.state").await, "open");
    pdf[stream + 30] ^= 1;
    pdf.extend(b"%%EOF\n");
    let longer = browser.check(&[&certified.ledger.write("longer.pdf", &pdf)]).await;
    assert_eq!((longer.state.as_str(), longer.steps("failed")), ("failed", vec!["form"]), "{longer:?}");
    // Chromium notes every answer of 404 in the console.
    assert!(browser.console().await.iter().all(|line| line.contains("/api/v1/attestations/")));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_of_this_site_tells_what_is_on_record_and_when_it_ended() {
    let certified = Certified::start();
    let files = certified.files(&certified.number);
    let origin = certified.ledger.url();
    let digest = Hash::of(&[&std::fs::read(&files.credential).unwrap()]).to_string();
    let arrival = format!("{origin}/v/{}#{digest}", certified.number);
    let browser = Browser::open().await;
    browser.goto(&arrival).await;
    let found = browser.text("#looked-up").await;
    for said in ["有这项存证", "学时证明（数据）", &certified.number, "本网站的说法"] {
        assert!(found.contains(said), "{said}: {found}");
    }
    assert!(!found.contains("没有") && !found.contains(&certified.provider.name), "{found}");
    let same = browser.check(&[&files.pdf, &files.pdf_proof]).await;
    assert!(same.state == "open" && same.text.contains("同一份证书"), "{same:?}");
    let passed = browser.press("#fetch-list").await;
    assert!(passed.state == "passed" && passed.text.contains("同一份证书"), "{passed:?}");

    assert_eq!(certified.revoke("fraud").status, 200);
    browser.driver.goto("about:blank").await.unwrap();
    browser.goto(&arrival).await;
    let found = browser.text("#looked-up").await;
    assert!(found.contains("有这项存证，但已撤销") && found.contains("弄虚作假"), "{found}");
    browser.check(&[&files.pdf, &files.pdf_proof]).await;
    let revoked = browser.press("#fetch-list").await;
    assert_eq!((revoked.state.as_str(), revoked.steps("failed")), ("failed", vec!["in_force"]), "{revoked:?}");
    assert!(revoked.text.contains("已失效") && revoked.text.contains("请勿采信"), "{revoked:?}");

    // A second code, scanned into the same page, of nothing; and an address that is none.
    browser.run(&format!("location.hash = '{}'", "0".repeat(64))).await;
    browser.until("document.getElementById('looked-up').innerText.includes('没有这项存证')").await;
    browser.goto(&format!("{origin}/v/%FF")).await;
    assert!(browser.text("#looked-up").await.contains("不是证书编号"), "a bad escape does not stop the page");
    // By number and name, which goes in no address.
    browser.paths(origin).await;
    browser.driver.find(By::Id("asked")).await.unwrap().send_keys(&certified.number).await.unwrap();
    let name = certified.provider.name.clone() + Key::Enter;
    browser.driver.find(By::Id("holding")).await.unwrap().send_keys(name).await.unwrap();
    browser.until("document.getElementById('looked-up').innerText.includes('SHA-256')").await;
    assert!(browser.text("#looked-up").await.contains(&digest));
    assert_eq!(browser.paths(origin).await, ["POST /api/v1/attestations/search"]);
    assert!(browser.console().await.iter().all(|line| line.contains("/api/v1/attestations/")));
    browser.close().await;
}
