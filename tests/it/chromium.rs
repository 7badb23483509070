//! A real Chromium, steered through its driver: what tests in a browser share.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;

use crate::server::text;

/// How long the page may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Where in its profile a browser puts what it downloads.
const DOWNLOADS: &str = "downloads";

/// A Chromium of the test's own, and the driver that steers it.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    process: Child,
    port: u16,
    profile: TempDir,
}

impl Browser {
    pub(crate) async fn open() -> Self {
        Self::open_with(1).await
    }

    /// One in which no page runs a script of its own.
    pub(crate) async fn without_scripts() -> Self {
        Self::open_with(2).await
    }

    /// `scripts` as Chromium has it: 1 lets pages run them, 2 does not.
    async fn open_with(scripts: u8) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there: `./dev test` installs chromium-driver");
        let profile = tempfile::tempdir().unwrap();
        let mut options = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--accept-lang=zh-CN",
            &format!("--user-data-dir={}", text(profile.path())),
        ] {
            options.add_arg(argument).unwrap();
        }
        let preferences = json!({
            "download.default_directory": text(&profile.path().join(DOWNLOADS)),
            "profile.managed_default_content_settings.javascript": scripts,
        });
        options.add_experimental_option("prefs", preferences).unwrap();
        options.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        options.set_logging_prefs("performance", LoggingPrefsLogLevel::All).unwrap();
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "chromedriver does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), options).await.expect("Chromium starts");
        let browser = Self { driver, process, port, profile };
        // What the browser itself opens first is nobody's page.
        browser.driver.goto("about:blank").await.unwrap();
        browser.requests().await;
        browser
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, vec![]).await.unwrap().json().clone()
    }

    pub(crate) async fn until(&self, condition: &str) {
        let started = Instant::now();
        while self.run(&format!("return Boolean({condition})")).await != true {
            assert!(started.elapsed() < PATIENCE, "never: {condition}; console: {:?}", self.console().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What somebody reads in an element.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.driver.find(By::Css(css)).await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn click(&self, css: &str) {
        self.driver.find(By::Css(css)).await.unwrap().click().await.unwrap();
    }

    /// A window of this size, in light or in dark.
    pub(crate) async fn size(&self, width: u32, is_dark: bool) {
        let metrics = json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media);
    }

    /// Runs a script before every page's own.
    pub(crate) fn before_every_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    /// A command of the DevTools protocol, and its answer.
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        let url = format!("http://127.0.0.1:{}/session/{}/goog/cdp/execute", self.port, self.driver.session_id());
        let body = json!({"cmd": command, "params": parameters}).to_string();
        let mut answer = ureq::post(url).header("content-type", "application/json").send(body).unwrap();
        let answer = answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()["value"].take()
    }

    /// What it has downloaded whole, by names that end so.
    pub(crate) async fn downloaded(&self, ending: &str) -> PathBuf {
        let started = Instant::now();
        loop {
            let files = std::fs::read_dir(self.profile.path().join(DOWNLOADS)).into_iter().flatten();
            let mut paths = files.map(|file| file.unwrap().path());
            if let Some(path) = paths.find(|path| text(path).ends_with(ending)) {
                return path;
            }
            assert!(started.elapsed() < PATIENCE, "no download ends in {ending}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the console says since it was last asked: errors of scripts, and what the pages' policy refused.
    pub(crate) async fn console(&self) -> Vec<String> {
        self.driver.browser_log().await.unwrap().into_iter().map(|entry| entry.message).collect()
    }

    /// Method, address and body of every request since this was last asked.
    pub(crate) async fn requests(&self) -> Vec<(String, String)> {
        let log = self.driver.get_log("performance").await.unwrap();
        let events = log.iter().map(|entry| serde_json::from_str::<Value>(&entry.message).unwrap());
        let sent = events.filter(|event| event["message"]["method"] == "Network.requestWillBeSent");
        sent.map(|event| {
            let request = &event["message"]["params"]["request"];
            (request["method"].as_str().unwrap().to_owned(), request["url"].as_str().unwrap().to_owned())
        })
        .collect()
    }

    /// Requests since this was last asked go to `origin` alone; these are their paths.
    pub(crate) async fn paths(&self, origin: &str) -> Vec<String> {
        let requests = self.requests().await;
        let path = |(method, url): &(String, String)| {
            let path = url.strip_prefix(origin).unwrap_or_else(|| panic!("a request to {url}"));
            format!("{method} {path}")
        };
        requests.iter().map(path).collect()
    }

    /// What axe-core finds; loudly nothing where it is not installed.
    pub(crate) async fn accessibility(&self, what: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/node/node_modules/axe-core/axe.min.js");
        let Ok(axe) = std::fs::read_to_string(&file) else {
            println!("NOT CHECKED: {} is missing, `./dev test` installs it", file.display());
            return;
        };
        self.run(&axe).await;
        let script = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations'], iframes: false}).then(\
            ({violations}) => done(violations.map(({id, nodes}) => [id, nodes.map((node) => node.html + node.failureSummary)])), \
            (error) => done([String(error)]))";
        let violations = self.driver.execute_async(script, vec![]).await.unwrap();
        assert_eq!(violations.json(), &json!([]), "{what}");
    }

    pub(crate) async fn close(self) {
        assert_eq!(self.console().await, Vec::<String>::new(), "nothing fails, nothing is refused");
        self.driver.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
