//! Letters through a mail server written by others: what arrives, and what a server that refuses, is down or hangs does to
//! those who wait for nothing but their own page.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cqo_ledger::service::clock::{Clock as _, SystemClock};
use cqo_ledger::standard::day_of;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::portal::{PASSWORD, Visitor, account};
use crate::server::{Ledger, credit_code, stderr, text};

const PATIENCE: Duration = Duration::from_secs(60);
/// A name that is several encoded words long.
const SENDER_NAME: &str = "合肥市首席质量官培训学时区块链存证服务平台（认定主体工作专用）";
const SENDER: &str = "no-reply@ledger.example.cn";
/// What stands in an address, and must be encoded there.
const USER: [&str; 2] = ["ledger@example.cn", "p/ss w:rd@学"];
const USER_ENCODED: &str = "ledger%40example.cn:p%2Fss%20w%3Ard%40%E5%AD%A6";

/// tests/interop/mailserver.py, and the folder that its letters come to.
struct MailServer {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl MailServer {
    fn start(way: &str, credentials: &[&str]) -> Self {
        let python = std::env::var("CQO_PYTHON").unwrap_or_else(|_| "python3".into());
        let has = Command::new(&python).args(["-c", "import aiosmtpd, cryptography"]).output();
        let has = has.unwrap_or_else(|error| panic!("{python}: {error}: run `./dev test`, which installs python3"));
        let missing = "has no aiosmtpd: run `./dev test`, which installs it and sets CQO_PYTHON";
        assert!(has.status.success(), "{python} {missing}\n{}", stderr(&has));
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(python)
            .args(["-W", "ignore", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/mailserver.py")])
            .args([text(folder.path()), way])
            .args(credentials)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("ready ").expect("the mail server is ready").parse().unwrap();
        Self { child, folder, port }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The letter of this number, as its reader saw it.
    fn letter(&self, number: usize) -> Value {
        let path = self.folder.path().join(format!("{number}.json"));
        eventually("a letter comes", || path.exists());
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn count(&self) -> usize {
        let is_letter = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
        std::fs::read_dir(self.folder.path()).unwrap().filter(|file| is_letter(&file.as_ref().unwrap().path())).count()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A ledger whose letters leave by the server of this address.
fn ledger_with(url: &str, options: &[&str]) -> Ledger {
    let mut ledger = Ledger::start();
    let file = ledger.data().join("keys/mail-server");
    std::fs::write(&file, url).unwrap();
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, owner_only).unwrap();
    serve(&mut ledger, options);
    ledger
}

fn serve(ledger: &mut Ledger, options: &[&str]) {
    let data = ledger.data();
    let sender = format!("{SENDER_NAME} <{SENDER}>");
    let usual = ["--data", text(&data), "--listen", "127.0.0.1:0", "--mail", "server", "--mail-from", &sender];
    let open =
        ["--second-factor", "off", "--rate-per-second", "0", "--lookups-per-minute", "0", "--log-level", "debug"];
    ledger.serve_logged(&[&usual[..], &open, options].concat(), &[]);
}

/// Invites somebody by letter.
fn invite_by_letter(ledger: &Ledger, login: &str, name: &str) {
    let mut account = account("clerk", name);
    account["login"] = login.into();
    account["send"] = true.into();
    let answer = ledger.post_as(&ledger.operator_token(), "/api/v1/accounts", account.to_string().as_bytes());
    assert_eq!((answer.status, answer.json()["code"].as_str()), (201, None), "{}", answer.text());
}

/// The one-time code that a letter's text brings.
fn code_in(letter: &Value) -> String {
    let text = letter["text"].as_str().unwrap();
    let line = text.lines().find(|line| line.starts_with("    ")).unwrap_or_else(|| panic!("no code in {text}"));
    line.trim().to_owned()
}

fn join(ledger: &Ledger, code: &str, password: &str) {
    let joined = Visitor::new(ledger).post("/join", &[("code", code), ("password", password), ("again", password)]);
    assert_eq!(joined.status, 200, "{}", joined.text());
}

/// No address, no name and no code is in the log, whatever becomes of a letter.
fn assert_discreet(ledger: &Ledger) {
    let log = ledger.log();
    for word in ["@example", "example.cn", "王芳芳", "李静", "p/ss", "p%2Fss"] {
        assert!(!log.contains(word), "{word} is in the log:\n{log}");
    }
}

#[test]
fn letters_arrive_over_every_kind_of_connection_and_can_be_read_there() {
    let name = "王芳芳";
    for (way, scheme, user, query) in [
        ("plain", "smtp", "", ""),
        ("plain", "smtp", USER_ENCODED, ""),
        ("starttls", "smtp", USER_ENCODED, "?tls=required"),
        ("tls", "smtps", USER_ENCODED, ""),
    ] {
        let server = MailServer::start(way, if user.is_empty() { &[] } else { &USER });
        let at = if user.is_empty() { "" } else { "@" };
        let url = format!("{scheme}://{user}{at}127.0.0.1:{}{query}", server.port);
        let authority = server.authority();
        let options = if way == "plain" { vec![] } else { vec!["--mail-authority", text(&authority)] };
        let ledger = ledger_with(&url, &options);
        invite_by_letter(&ledger, "wang@example.org", name);
        let letter = server.letter(1);
        assert_eq!(letter["from"], json!([SENDER_NAME, SENDER]), "{url}");
        assert_eq!((&letter["mail_from"], &letter["to"]), (&json!(SENDER), &json!("wang@example.org")), "{url}");
        assert_eq!(letter["subject"], "首席质量官培训学时存证：设置密码 / CQO training hours: choose your password");
        let body = letter["text"].as_str().unwrap();
        assert!(body.starts_with("王芳芳，您好：") && body.contains(&format!("{}/join", ledger.url())), "{body}");
        assert_eq!((&letter["type"], &letter["defects"]), (&json!("text/plain"), &json!([])), "{url}");
        assert_eq!((&letter["ascii"], &letter["auto_submitted"]), (&json!(true), &json!("auto-generated")), "{url}");
        assert!(letter["message_id"].as_str().unwrap().ends_with("@ledger.example.cn>"), "{letter}");
        // RFC 5322, 2.1.1.
        assert!(letter["longest_line"].as_u64().unwrap() <= 78, "{letter}");
        let expected = if user.is_empty() { Value::Null } else { json!(USER[0]) };
        assert_eq!((&letter["encrypted"], &letter["user"]), (&json!(way != "plain"), &expected), "{url}");

        join(&ledger, &code_in(&letter), PASSWORD);
        let mut visitor = Visitor::new(&ledger);
        assert_eq!(visitor.post("/forgot", &[("login", "WANG@example.org")]).status, 200);
        let reset = server.letter(2);
        join(&ledger, &code_in(&reset), "Another-2026");
        let again = visitor.post("/sign-in", &[("login", "wang@example.org"), ("password", "Another-2026")]);
        assert_eq!(again.status, 303, "{}", again.text());
        assert_ne!(letter["message_id"], reset["message_id"]);
        assert_discreet(&ledger);
    }
}

#[test]
fn who_lacks_something_is_reminded_by_letter() {
    let server = MailServer::start("plain", &[]);
    let mut ledger = ledger_with(&format!("smtp://127.0.0.1:{}", server.port), &[]);
    let mut learner = account("learner", "李静");
    learner["grants"][0]["organisation"] = json!(credit_code(1));
    learner["login"] = "li@example.org".into();
    let answer = ledger.post_as(&ledger.operator_token(), "/api/v1/accounts", learner.to_string().as_bytes());
    join(&ledger, answer.json()["code"].as_str().unwrap(), PASSWORD);
    // Whose level certificate is registered has a year to be reminded of.
    let year: u16 = day_of(SystemClock.now()).unwrap().to_string()[..4].parse().unwrap();
    let term = [("first_day", format!("{year}-01-01")), ("last_day", format!("{}-12-31", year + 2))];
    let fields = [("version", "0"), (term[0].0, &term[0].1), (term[1].0, &term[1].1)];
    let path = format!("/body/cqos/{}/term", answer.json()["account"]["learners"][0].as_str().unwrap());
    let noted = Visitor::joined(&ledger, "clerk", &account("clerk", "孙立新")).post(&path, &fields);
    assert_eq!(noted.status, 303, "{}", noted.text());
    // It looks when it starts; a distance of a year is always reached.
    serve(&mut ledger, &["--reminder-days", "365"]);
    let letter = server.letter(1);
    let subject = letter["subject"].as_str().unwrap();
    assert!(subject.starts_with("首席质量官继续教育：还有 ") && subject.ends_with(" days left"), "{subject}");
    assert_eq!((&letter["to"], &letter["defects"]), (&json!("li@example.org"), &json!([])));
    let body = letter["text"].as_str().unwrap();
    assert!(body.contains("    还差 10 学时") && body.contains("training activities organised by you"), "{body}");
    assert!(letter["longest_line"].as_u64().unwrap() <= 78, "{letter}");
    assert_discreet(&ledger);
}

#[test]
fn a_server_whose_certificate_is_not_believed_gets_no_letter_and_no_password() {
    for (way, scheme, query) in [("starttls", "smtp", "?tls=required"), ("tls", "smtps", "")] {
        let (server, other) = (MailServer::start(way, &USER), MailServer::start("tls", &[]));
        let authority = other.authority();
        // The usual authorities, then one that is another's.
        for options in [vec![], vec!["--mail-authority", text(&authority)]] {
            let ledger = ledger_with(&format!("{scheme}://{USER_ENCODED}@127.0.0.1:{}{query}", server.port), &options);
            invite_by_letter(&ledger, "wang@example.org", "王芳芳");
            eventually("it is told", || ledger.log().contains("certificate is not believed"));
            assert_eq!(server.count(), 0, "{way}");
            assert_discreet(&ledger);
        }
    }
    // Whoever stands in between takes STARTTLS out of what the server offers.
    let stripped = MailServer::start("plain", &USER);
    let ledger = ledger_with(&format!("smtp://{USER_ENCODED}@127.0.0.1:{}?tls=required", stripped.port), &[]);
    invite_by_letter(&ledger, "wang@example.org", "王芳芳");
    eventually("it is told", || ledger.log().contains("a letter could not be delivered"));
    assert_eq!(stripped.count(), 0);
}

#[test]
fn a_refused_recipient_hurts_nobody_else() {
    let server = MailServer::start("plain", &[]);
    let ledger = ledger_with(&format!("smtp://127.0.0.1:{}", server.port), &[]);
    for (login, told) in [
        ("refused@example.org", "the mail server answered 550"),
        ("later@example.org", "a letter is tried again later"),
    ] {
        invite_by_letter(&ledger, login, "王芳芳");
        eventually(told, || ledger.log().contains(told));
    }
    invite_by_letter(&ledger, "wang@example.org", "李静");
    assert_eq!(server.letter(1)["to"], "wang@example.org");
    assert_discreet(&ledger);
}

#[test]
fn a_server_that_is_down_fails_nobodys_request() {
    // A port that nobody listens on any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ledger = ledger_with(&format!("smtp://127.0.0.1:{port}"), &[]);
    invite_by_letter(&ledger, "wang@example.org", "王芳芳");
    eventually("it is told", || ledger.log().contains("the mail server cannot be reached"));
    let forgot = Visitor::new(&ledger).post("/forgot", &[("login", "wang@example.org")]);
    assert_eq!(forgot.status, 200, "{}", forgot.text());
    assert_discreet(&ledger);
}

#[test]
fn a_server_that_hangs_holds_up_nobody_and_is_asked_by_a_few_letters_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opened, peak) = (Arc::clone(&open), Arc::clone(&most));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            peak.fetch_max(opened.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let open = Arc::clone(&opened);
            // It says nothing, until the other side has had enough.
            std::thread::spawn(move || {
                drop(stream.unwrap().read_to_end(&mut Vec::new()));
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let ledger = ledger_with(&url, &[]);
    for n in 0..20 {
        invite_by_letter(&ledger, &format!("wang{n}@example.org"), "王芳芳");
    }
    eventually("it is asked", || open.load(Ordering::SeqCst) >= 2);
    // Passwords are hashed on the same kind of thread as letters are sent on.
    let clerk = Visitor::joined(&ledger, "li@example.org", &account("clerk", "李静"));
    assert!(!clerk.cookies().is_empty());
    let most = most.load(Ordering::SeqCst);
    assert!(most <= 2, "{most} letters ask at once");
    eventually("it is told", || ledger.log().contains("the mail server did not answer in time"));
    assert_discreet(&ledger);
}
