//! A ledger of the test's own: the real binary on a directory and a port of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cqo_ledger::ledger::entry::{Body, Entry, EntryId, Learner, LearnerId, Study};
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::service::keyfile;
use cqo_ledger::standard::{CreditCode, CreditHours, StudyForm};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cqo-ledger");
/// The name of every ledger in these tests.
pub(crate) const ORIGIN: &str = "ledger.example.org/cqo";

/// How often a campaign tries: `./dev test --all` has the long ones.
pub(crate) fn campaign(usual: usize, long: usize) -> usize {
    if std::env::var_os("CQO_TEST_ALL").is_some() { long } else { usual }
}

/// A running ledger.
pub(crate) struct Ledger {
    dir: TempDir,
    server: Option<Child>,
    url: String,
    options: Vec<String>,
    /// `RUST_LOG` of the server; its usual level when there is none.
    log_filter: Option<&'static str>,
}

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// An invented credit code whose check character is right; `n` makes it another one.
pub(crate) fn credit_code(n: u32) -> CreditCode {
    CreditCode::with_check(&format!("91340100MA2{n:06}")).unwrap()
}

/// Runs the program and waits for it.
pub(crate) fn run(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Ledger {
    /// Founds a ledger and serves it.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--seal-interval-ms", "20", "--rate-per-second", "0"])
    }

    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_logging(options, None)
    }

    /// Founds a ledger and serves it with a log as `filter` has it.
    pub(crate) fn start_logging(options: &[&str], filter: Option<&'static str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let code = credit_code(1).to_string();
        let founded = run(&[
            "init",
            "--data",
            data.to_str().unwrap(),
            "--origin",
            ORIGIN,
            "--owner-code",
            &code,
            "--owner-name",
            "合肥质量认定中心",
        ]);
        assert!(founded.status.success(), "{}", stderr(&founded));
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut ledger = Self { dir, server: None, url: String::new(), options, log_filter: filter };
        ledger.serve();
        ledger
    }

    /// Starts the server again on the same directory.
    pub(crate) fn serve(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        if let Some(filter) = self.log_filter {
            command.env("RUST_LOG", filter);
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data()).args(&self.options);
        self.until_ready(command.stderr(log));
    }

    /// Starts the server, and hears where it is ready.
    fn until_ready(&mut self, command: &mut Command) {
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let ready = lines.find_map(|line| line.unwrap().strip_prefix("ready ").map(str::to_owned));
        self.url = ready.expect("the server says where it is ready");
        self.server = Some(server);
    }

    /// Starts the server again with its log in a file, as `config` says and with these variables.
    pub(crate) fn serve_logged(&mut self, arguments: &[&str], variables: &[(&str, &str)]) -> PathBuf {
        self.kill();
        let log = self.path("log");
        let mut command = Command::new(PROGRAM);
        command.arg("serve").args(arguments).envs(variables.iter().copied());
        self.until_ready(command.stderr(std::fs::File::create(&log).unwrap()));
        log
    }

    /// Asks the server to stop, and waits for it.
    pub(crate) fn terminate(&mut self) {
        if let Some(mut server) = self.server.take() {
            let asked = Command::new("kill").arg(server.id().to_string()).status().unwrap();
            assert!(asked.success() && server.wait().unwrap().success(), "the server stops in order");
        }
    }

    /// Kills the server, as a power cut would as far as the process goes.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").id()
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The token of the operator, from the file in the data directory.
    pub(crate) fn operator_token(&self) -> String {
        std::fs::read_to_string(self.data().join("keys/operator.token")).unwrap().trim_end().to_owned()
    }

    pub(crate) fn request(&self, method: &str, path: &str, token: Option<&str>, body: Option<&[u8]>) -> Answer {
        self.request_with(method, path, token, body, &[])
    }

    pub(crate) fn request_with(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        send(&agent, request, body, headers)
    }

    /// A request of a browser's: forms are forms, and a redirection is an answer.
    pub(crate) fn ask_as_browser(
        &self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent: ureq::Agent = config.max_redirects_will_error(false).build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        send(&agent, request, body, headers)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None, None)
    }

    pub(crate) fn get_as(&self, token: &str, path: &str) -> Answer {
        self.request("GET", path, Some(token), None)
    }

    pub(crate) fn post_as(&self, token: &str, path: &str, body: &[u8]) -> Answer {
        self.request("POST", path, Some(token), Some(body))
    }

    /// Registers a provider with key, token, one course and one learner.
    pub(crate) fn provider(&self, n: u32) -> Provider {
        let operator = self.operator_token();
        let code = credit_code(n);
        let body = json!({"code": code, "name": format!("培训机构{n}"), "roles": ["provider"]});
        let answer = self.post_as(&operator, "/api/v1/organisations", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let key = keyfile::generate().unwrap();
        let public = hex::encode(key.verifying_key().as_bytes());
        let data = self.data();
        let added = run(&[
            "key",
            "--data",
            data.to_str().unwrap(),
            "add",
            "--public",
            &public,
            "--role",
            "recorder",
            "--kinds",
            "study,activity,correction",
            "--owner-code",
            code.as_str(),
            "--owner-name",
            &format!("培训机构{n}"),
        ]);
        assert!(added.status.success(), "{}{}", stdout(&added), stderr(&added));
        let body = json!({"organisation": code}).to_string();
        let token =
            self.post_as(&operator, "/api/v1/tokens", body.as_bytes()).json()["token"].as_str().unwrap().to_owned();
        let learner = LearnerId::try_from(Uuid::now_v7()).unwrap();
        let provider = Provider { code, key, token, learner, name: "张伟".into() };
        let body = json!({"id": provider.learner, "name": provider.name}).to_string();
        assert_eq!(self.post_as(&provider.token, "/api/v1/learners", body.as_bytes()).status, 200);
        let body = json!({"code": "QM-01", "title": "质量战略管理", "hours": 200}).to_string();
        assert_eq!(self.post_as(&provider.token, "/api/v1/courses", body.as_bytes()).status, 200);
        provider
    }

    /// The policy that the operator suggests, in a file.
    pub(crate) fn policy(&self) -> PathBuf {
        self.write("policy.txt", self.get("/policy").body)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a request that has everything but these headers and its body.
fn send(
    agent: &ureq::Agent,
    mut request: ureq::http::request::Builder,
    body: Option<&[u8]>,
    headers: &[(&str, &str)],
) -> Answer {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = match body {
        Some(body) => agent.run(request.body(body).unwrap()),
        None => agent.run(request.body(()).unwrap()),
    };
    let mut answer = answer.unwrap();
    let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
    Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
}

/// A provider with everything it needs to record.
pub(crate) struct Provider {
    pub(crate) code: CreditCode,
    pub(crate) key: SigningKey,
    pub(crate) token: String,
    pub(crate) learner: LearnerId,
    pub(crate) name: String,
}

impl Provider {
    /// An entry of two credit hours of online study.
    pub(crate) fn study(&self) -> Entry {
        Entry {
            id: EntryId::try_from(Uuid::now_v7()).unwrap(),
            ledger: ORIGIN.parse().unwrap(),
            recorder: self.code.clone(),
            rulebook: cqo_ledger::standard::Rulebook::embedded().latest().version,
            body: Body::Study(
                Learner { id: self.learner, name: self.name.clone() },
                Study {
                    completes: false,
                    course_code: "QM-01".parse().unwrap(),
                    course_title: "质量战略管理".into(),
                    evidence: Vec::new(),
                    first_day: "2026-03-01".parse().unwrap(),
                    last_day: "2026-03-02".parse().unwrap(),
                    form: StudyForm::Online,
                    form_reason: None,
                    hours: CreditHours::from_hundredths(200),
                    reviewed_by: None,
                },
            ),
        }
    }

    pub(crate) fn sign(&self, entry: Entry) -> SignedEntry {
        SignedEntry::sign(entry, &[&self.key])
    }

    /// Signs `count` new entries.
    pub(crate) fn signed(&self, count: usize) -> Vec<SignedEntry> {
        (0..count).map(|_| self.sign(self.study())).collect()
    }
}

/// A JSON array of signed entries.
pub(crate) fn array(entries: &[SignedEntry]) -> Vec<u8> {
    let texts: Vec<&str> = entries.iter().map(|entry| std::str::from_utf8(entry.bytes()).unwrap()).collect();
    format!("[{}]", texts.join(",")).into_bytes()
}

/// A path as the program takes it.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A `serve` that is watched: it serves, or it refused, and either way it said why.
pub(crate) struct Watched {
    child: Child,
    log: PathBuf,
    /// Where it serves; none when it refused.
    pub(crate) url: Option<String>,
}

impl Watched {
    /// Starts `command`, whose log goes to a new file, and waits until it serves or ends.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let file = std::fs::File::create(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().strip_prefix("ready ").map(str::to_owned));
        if url.is_none() {
            child.wait().unwrap();
        }
        Self { child, log: log.to_owned(), url }
    }

    /// `serve` on a directory, with a port of its own.
    pub(crate) fn serve(data: &Path, log: &Path) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--seal-interval-ms",
            "20",
            "--rate-per-second",
            "0",
            "--data",
        ]);
        Self::start(command.arg(data), log)
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The exit status; none while it runs.
    pub(crate) fn status(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.pid()).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A request to a service at this address; `token` and `body` as needed.
pub(crate) fn ask(url: &str, token: Option<&str>, body: Option<&[u8]>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(if body.is_some() { "POST" } else { "GET" }).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request = request.header("content-type", "application/json");
    let mut answer = match body {
        Some(body) => agent.run(request.body(body).unwrap()),
        None => agent.run(request.body(()).unwrap()),
    }
    .unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
}
