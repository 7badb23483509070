//! Somebody at the portal in a real browser: reads pages, fills forms by what their labels' fields are called, presses what
//! has words on it. Every page that is looked at is held against what holds for all of them.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::chromium::Browser;
use crate::portal::{PASSWORD, encoded};
use crate::server::{Answer, Ledger, campaign};

/// A telephone and a desk.
pub(super) const PHONE: u32 = 390;
pub(super) const DESK: u32 = 1440;

/// Somebody, as what, in a window of which width.
pub(super) struct Guest<'a> {
    pub(super) browser: Browser,
    ledger: &'a Ledger,
    role: &'static str,
    width: u32,
    /// The widths in which pages are looked at: what another story looks at is not looked at twice.
    looked_at: &'static [u32],
}

/// What must be true of every page at a width: nothing is wider than the window, no word is missing, and on a telephone
/// a thumb hits what leads on. Answers what is not.
const EVERY_PAGE: &str = r"
    const width = arguments[0], wrong = [];
    if (document.documentElement.scrollWidth > width) {
        const wide = [...document.querySelectorAll('body *')]
            .filter((e) => e.getBoundingClientRect().right > width + 1).slice(0, 3);
        wrong.push(['wider than the window', document.documentElement.scrollWidth,
            wide.map((e) => e.outerHTML.slice(0, 200))]);
    }
    const named = ['aria-label', 'title', 'alt', 'placeholder'];
    const said = [document.title, document.body.innerText, ...named.flatMap((name) =>
        [...document.querySelectorAll(`[${name}]`)].map((e) => e.getAttribute(name)))];
    for (const text of said) {
        const missing = text.match(/\[[a-z]+(-[a-z0-9]+)+\]/);
        if (missing) wrong.push(['a word is missing', missing[0]]);
    }
    if (!document.querySelector('h1')?.innerText.trim()) wrong.push(['no heading']);
    if (width < 500) {
        for (const e of document.querySelectorAll('header a, nav a, button, summary, a.button, input, select')) {
            if (!e.checkVisibility() || e.closest('.unseen, .skip, [type=hidden]')) continue;
            const target = e.matches('[type=radio], [type=checkbox]') ? e.closest('label') : e;
            const box = target.getBoundingClientRect();
            if (box.height < 43.5 || box.width < 40) {
                wrong.push(['too small for a thumb', box.width, box.height, e.outerHTML.slice(0, 200)]);
            }
        }
    }
    return wrong;";

/// What is to be pressed: in the content before the rest of the page, the whole words before a part of them.
const PRESSED: &str = "
    const words = arguments[0], all = [...document.querySelectorAll('main button, main a, main summary'), \
        ...document.querySelectorAll('button, a, summary')].filter((e) => e.checkVisibility() && !e.matches('.skip'));
    const said = (e) => e.innerText.trim();
    return all.find((e) => said(e) === words) ?? all.find((e) => said(e).includes(words)) ?? null;";

/// Whether another page comes after it; the page that is left is marked, so that the other one is known by having no mark.
const LEAVES: &str = "
    const e = arguments[0], leaves = e.matches('button') || (e.matches('a:not([download])') && !e.hash); \
    if (leaves) document.documentElement.dataset.left = 'yes'; \
    return leaves;";

impl<'a> Guest<'a> {
    /// Somebody at a desk, whose pages are looked at on a telephone as well.
    pub(super) async fn new(ledger: &'a Ledger, role: &'static str) -> Self {
        Self::with(Browser::open().await, ledger, role, DESK, &[PHONE, DESK]).await
    }

    /// Somebody at a desk whose pages are another story's.
    pub(super) async fn beside(ledger: &'a Ledger, role: &'static str) -> Self {
        Self::with(Browser::open().await, ledger, role, DESK, &[]).await
    }

    /// Somebody with a window of this width, whose pages are looked at so.
    pub(super) async fn at(ledger: &'a Ledger, role: &'static str, width: u32) -> Self {
        let looked_at: &[u32] = if width == PHONE { &[PHONE] } else { &[DESK] };
        Self::with(Browser::open().await, ledger, role, width, looked_at).await
    }

    /// Somebody whose browser runs no scripts.
    pub(super) async fn without_scripts(ledger: &'a Ledger, role: &'static str) -> Self {
        Self::with(Browser::without_scripts().await, ledger, role, DESK, &[DESK]).await
    }

    async fn with(
        browser: Browser,
        ledger: &'a Ledger,
        role: &'static str,
        width: u32,
        looked_at: &'static [u32],
    ) -> Self {
        browser.size(width, false).await;
        Self { browser, ledger, role, width, looked_at }
    }

    /// Opens an address, and looks at the page.
    pub(super) async fn visit(&self, path: &str, page: &str) {
        self.open(path).await;
        self.look(page).await;
    }

    pub(super) async fn open(&self, path: &str) {
        self.browser.driver.goto(format!("{}{path}", self.ledger.url())).await.unwrap();
    }

    /// The path of the page that is open.
    pub(super) async fn path(&self) -> String {
        let url = self.browser.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(self.ledger.url()).unwrap().to_owned()
    }

    /// What is read on the page, in one line.
    pub(super) async fn reads(&self) -> String {
        self.browser.text("body").await.replace('\n', " ")
    }

    /// The page says so.
    pub(super) async fn sees(&self, words: &[&str]) {
        let page = self.reads().await;
        for word in words {
            assert!(page.contains(word), "{} does not read “{word}” at {}: {page}", self.role, self.path().await);
        }
    }

    /// Holds the page against what is true of every page, and takes its picture.
    pub(super) async fn look(&self, page: &str) {
        for &width in self.looked_at {
            // In light and in dark by turns, or in both.
            let schemes = if campaign(1, 2) == 1 { vec![width == DESK] } else { vec![false, true] };
            for is_dark in schemes {
                self.browser.size(width, is_dark).await;
                self.hold(page, width, is_dark).await;
            }
            self.picture(page, width).await;
        }
        self.browser.size(self.width, false).await;
    }

    async fn hold(&self, page: &str, width: u32, is_dark: bool) {
        let what = format!("{} at {page}, {width} px, dark: {is_dark}", self.role);
        let wrong = self.browser.driver.execute(EVERY_PAGE, vec![width.into()]).await.unwrap();
        assert_eq!(wrong.json(), &json!([]), "{what}");
        self.browser.accessibility(&what).await;
    }

    /// A picture of the whole page, where somebody asked for them.
    async fn picture(&self, page: &str, width: u32) {
        let Some(directory) = std::env::var_os("CQO_SCREENSHOTS").map(PathBuf::from) else { return };
        std::fs::create_dir_all(&directory).unwrap();
        for (is_dark, mark) in [(false, ""), (true, "-dark")] {
            self.browser.size(width, is_dark).await;
            let asked = json!({"format": "png", "captureBeyondViewport": true});
            let shot = self.browser.devtools("Page.captureScreenshot", asked);
            let bytes = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
            std::fs::write(directory.join(format!("{}-{page}-{width}{mark}.png", self.role)), bytes).unwrap();
        }
    }

    /// Fills the fields of the page by their names: a file by its path, a choice by its value.
    pub(super) async fn fill(&self, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let shown = self.browser.driver.find(By::Css(format!("main [name='{name}']:not([type=hidden])"))).await;
            let field = shown.unwrap_or_else(|error| panic!("{name}: {error}"));
            match field.prop("type").await.unwrap().unwrap_or_default().as_str() {
                "date" | "select-one" => {
                    let parameters = vec![field.to_json().unwrap(), Value::from(*value)];
                    self.browser.driver.execute("arguments[0].value = arguments[1]", parameters).await.unwrap();
                }
                "checkbox" | "radio" => {
                    let css = format!("main [name='{name}'][value='{value}']");
                    self.browser.click(&css).await;
                }
                "file" => field.send_keys(*value).await.unwrap(),
                _ => {
                    field.clear().await.unwrap();
                    field.send_keys(*value).await.unwrap();
                }
            }
        }
    }

    /// Presses the button or follows the link with these words.
    pub(super) async fn press(&self, words: &str) {
        let found = self.browser.driver.execute(PRESSED, vec![words.into()]).await.unwrap();
        let Ok(element) = found.element() else {
            panic!("{} finds no “{words}” at {}: {}", self.role, self.path().await, self.reads().await)
        };
        let parameters = vec![element.to_json().unwrap()];
        let leads_on = self.browser.driver.execute(LEAVES, parameters).await.unwrap().json() == true;
        element.click().await.unwrap();
        if leads_on {
            self.browser.until("document.readyState === 'complete' && !document.documentElement.dataset.left").await;
        }
    }

    /// Reads the page again until it says so.
    pub(super) async fn until_it_reads(&self, words: &str) {
        let started = std::time::Instant::now();
        while !self.reads().await.contains(words) {
            assert!(started.elapsed() < crate::chromium::PATIENCE, "never “{words}”: {}", self.reads().await);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            self.browser.driver.refresh().await.unwrap();
        }
    }

    /// Sets a password with a one-time code.
    pub(super) async fn join(&self, code: &str) {
        self.open("/join").await;
        self.fill(&[("code", code)]).await;
        self.press("继续").await;
        self.fill(&[("password", PASSWORD), ("again", PASSWORD)]).await;
        self.press("设置密码").await;
    }

    pub(super) async fn sign_in(&self, login: &str) {
        self.open("/sign-in").await;
        self.fill(&[("login", login), ("password", PASSWORD)]).await;
        self.press("登录").await;
    }

    /// Sends a form that no page offers, with the session and the token of this browser.
    pub(super) async fn forge(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let cookies = self.browser.driver.get_all_cookies().await.unwrap();
        let cookie: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let csrf = self.browser.run("return document.querySelector('[name=csrf]').value").await;
        let fields = [fields, &[("csrf", csrf.as_str().unwrap())]].concat();
        let headers = [("cookie", cookie.join("; ")), ("origin", self.ledger.url().to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        self.ledger.ask_as_browser("POST", path, Some(encoded(&fields).as_bytes()), &headers)
    }

    /// Leaves. The console has nothing but refusals of which the story knows, and what Chromium advises.
    pub(super) async fn leave(self) {
        let told = self.browser.console().await;
        let known = |line: &&String| line.contains("status of 4") || line.contains("[DOM]");
        let other: Vec<&String> = told.iter().filter(|line| !known(line)).collect();
        assert_eq!(other, Vec::<&String>::new(), "nothing fails, nothing is refused");
        self.browser.driver.clone().quit().await.unwrap();
    }
}
