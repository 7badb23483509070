//! Other ways to use a page: by the keyboard alone, and in a browser that runs no scripts.

use serde_json::json;
use thirtyfour::prelude::*;

use super::guest::Guest;
use super::pdf;
use crate::portal::{PASSWORD, account, invite, organisations, start};
use crate::server::text;

const CQO: &str = "cqo@example.org";

impl Guest<'_> {
    async fn types(&self, keys: impl Into<String>) {
        self.browser.driver.action_chain().send_keys(keys.into()).perform().await.unwrap();
    }

    /// Walks on by Tab to what has these words, or is called so; what has the focus is seen to have it, all the way.
    async fn tabs_to(&self, what: &str) {
        for _ in 0..60 {
            self.types(Key::Tab.value().to_string()).await;
            let here = self.browser.run(FOCUSED).await;
            assert_eq!(here["seen"], true, "the focus is not seen: {here}");
            if here["name"] == what || here["words"].as_str().unwrap().contains(what) {
                return;
            }
        }
        panic!("{what} is not on the way by Tab at {}", self.path().await);
    }

    /// Walks to a field and types into it.
    async fn tabs_and_types(&self, name: &str, keys: &str) {
        self.tabs_to(name).await;
        self.types(keys).await;
    }

    async fn tabs_and_hits(&self, words: &str, key: Key) {
        self.tabs_to(words).await;
        let before = self.path().await;
        self.types(key.value().to_string()).await;
        // A page that comes after it comes soon; a menu opens in place.
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            if self.path().await != before {
                break;
            }
        }
        self.browser.until("document.readyState === 'complete'").await;
    }
}

/// What has the focus, what it says, and whether that is seen.
const FOCUSED: &str = "
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    return {name: e.name ?? '', words: e.innerText ?? '', html: e.outerHTML.slice(0, 200), \
        seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && \
        box.bottom > 0 && box.top < innerHeight && box.right > 0}";

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_made_by_the_keyboard_alone() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut learner = account("learner", &provider.name);
    learner["learners"] = json!([provider.learner]);
    let code = invite(&ledger, CQO, &learner);
    let cqo = Guest::at(&ledger, "keyboard", super::guest::PHONE).await;
    cqo.join(&code).await;
    cqo.open("/sign-in").await;
    cqo.tabs_and_types("login", CQO).await;
    cqo.tabs_and_types("password", PASSWORD).await;
    cqo.tabs_and_hits("登录", Key::Enter).await;
    assert_eq!(cqo.path().await, "/my");
    cqo.tabs_and_hits("菜单", Key::Space).await;
    cqo.look("menu").await;
    cqo.tabs_and_hits("学时申报", Key::Enter).await;
    cqo.tabs_and_hits("新的申报", Key::Enter).await;
    cqo.tabs_and_hits("培训讲座", Key::Enter).await;
    cqo.tabs_and_types("title", "标准化与质量改进").await;
    cqo.tabs_and_types("organiser", "安徽省质量协会").await;
    // A date is typed part by part, in the order of the browser's language; this one speaks English.
    for name in ["first_day", "last_day"] {
        cqo.tabs_and_types(name, "07012026").await;
    }
    cqo.tabs_and_types("hours", "很多").await;
    cqo.tabs_and_hits("保存", Key::Enter).await;
    cqo.browser.until("document.querySelector('.mistakes')").await;
    let focused = "return document.activeElement.closest('.mistakes') !== null";
    assert_eq!(cqo.browser.run(focused).await, true, "the focus lands on what is wrong");
    cqo.tabs_and_hits("学时", Key::Enter).await;
    assert_eq!(cqo.browser.run("return document.activeElement.name").await, "hours", "and leads to the field");
    let gone = Key::Backspace.value();
    cqo.types(format!("{}{gone}{gone}4", Key::End.value())).await;
    cqo.tabs_and_hits("保存", Key::Space).await;
    cqo.browser.until("!location.pathname.endsWith('/new')").await;
    // The one thing a person does not do by keys here is the system's own window for files.
    cqo.tabs_to("file").await;
    let evidence = pdf(&ledger, "证书.pdf", "Certificate");
    cqo.browser.driver.find(By::Name("file")).await.unwrap().send_keys(text(&evidence)).await.unwrap();
    cqo.tabs_and_hits("上传", Key::Enter).await;
    cqo.browser.until("document.body.innerText.includes('文件已上传')").await;
    cqo.tabs_and_hits("检查并提交", Key::Enter).await;
    cqo.tabs_and_hits("确认提交", Key::Space).await;
    cqo.browser.until("document.body.innerText.includes('已提交，等待审核')").await;
    cqo.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_works_where_no_script_runs() {
    let ledger = start();
    let provider = organisations(&ledger);
    let mut learner = account("learner", &provider.name);
    learner["learners"] = json!([provider.learner]);
    let code = invite(&ledger, CQO, &learner);
    let cqo = Guest::without_scripts(&ledger, "no-scripts").await;
    cqo.open("/verify").await;
    assert_ne!(
        cqo.browser.run("return document.documentElement.dataset.ready ?? ''").await,
        "yes",
        "no script has run"
    );
    cqo.join(&code).await;
    cqo.sign_in(CQO).await;
    cqo.press("申报学时").await;
    cqo.press("培训讲座").await;
    cqo.fill(&[("title", "质量工具应用"), ("organiser", "合肥市质量协会"), ("first_day", "2026-04-08")]).await;
    cqo.fill(&[("last_day", "2026-04-08"), ("hours", "3.5")]).await;
    cqo.press("保存").await;
    cqo.fill(&[("file", text(&pdf(&ledger, "证书.pdf", "Certificate")))]).await;
    cqo.press("上传").await;
    cqo.press("检查并提交").await;
    cqo.press("确认提交").await;
    cqo.sees(&["已提交，等待审核", "质量工具应用", "3.5"]).await;
    cqo.press("撤回申报").await;
    cqo.press("确认撤回").await;
    cqo.sees(&["已撤回"]).await;
    cqo.leave().await;
}
