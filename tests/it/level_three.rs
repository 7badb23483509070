//! Level 3 of classified protection (GB/T 22239), as a whole and from outside: the real program under `protection_level = 3`,
//! with a wall clock that the test moves. What is promised stands in docs/RUNBOOK.md, "Rules by level".

use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use cqo_ledger::service::AccountRole;
use cqo_ledger::web::permissions::{self, Side};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::portal::{PASSWORD, Visitor, account, invite, organisations};
use crate::server::{Answer, Ledger, credit_code, stderr, text};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
/// The step of one-time codes: none is taken twice.
const STEP: u64 = 30;

/// A ledger under level 3 whose wall clock is moved.
struct Protected {
    ledger: Ledger,
    clock: PathBuf,
}

impl Protected {
    fn start() -> Self {
        let this = Self::founded();
        this.under("3")
    }

    fn founded() -> Self {
        let ledger = Ledger::start();
        let clock = ledger.write("clock", "0");
        Self { ledger, clock }
    }

    /// The same ledger, started again under a level; a restart signs everybody out.
    fn under(mut self, level: &str) -> Self {
        let library = self.ledger.path("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/clock.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o", text(&library), source]).output().unwrap();
        assert!(built.status.success(), "{}", stderr(&built));
        let data = self.ledger.data();
        let options = ["--listen", "127.0.0.1:0", "--rate-per-second", "0", "--lookups-per-minute", "0"];
        let level = ["--data", text(&data), "--protection-level", level];
        let variables = [("LD_PRELOAD", text(&library)), ("MOVED_CLOCK", text(&self.clock))];
        self.ledger.serve_logged(&[&level[..], &options].concat(), &variables);
        self
    }

    fn ahead(&self) -> u64 {
        std::fs::read_to_string(&self.clock).unwrap().parse().unwrap()
    }

    /// Time passes for the program.
    fn pass(&self, seconds: u64) {
        let next = self.ledger.write("clock.next", (self.ahead() + seconds).to_string());
        std::fs::rename(next, &self.clock).unwrap();
    }

    /// What an authenticator shows when the program reads its clock.
    fn code(&self, secret: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
        let totp = Builder::new().with_secret(secret).with_account_name("somebody").build().unwrap();
        totp.generate(now + self.ahead()).to_string()
    }

    /// Makes an account and joins.
    fn joined(&self, login: &str, account: &Value) -> Visitor<'_> {
        let code = invite(&self.ledger, login, account);
        let mut visitor = Visitor::new(&self.ledger);
        assert_eq!(join(&mut visitor, &code, PASSWORD).status, 200);
        visitor
    }

    /// Somebody who has joined, set up a second factor, and is in; with its secret.
    fn enrolled(&self, login: &str, account: &Value) -> (Visitor<'_>, String) {
        let mut visitor = self.joined(login, account);
        assert_eq!(leads(&sign_in(&mut visitor, login, PASSWORD)), "/sign-in/factor");
        let secret = self.enrol(&mut visitor);
        (visitor, secret)
    }

    fn enrol(&self, visitor: &mut Visitor<'_>) -> String {
        let page = visitor.get("/sign-in/factor").text();
        let secret = between(&page, "<code>", "</code>").to_owned();
        let confirmed = visitor.post("/sign-in/factor", &[("code", &self.code(&secret))]);
        assert!(confirmed.status == 200 && confirmed.text().contains("恢复码"), "{}", confirmed.text());
        secret
    }

    /// Signs in with both factors; answers where that leads.
    fn with_both(&self, visitor: &mut Visitor<'_>, login: &str, password: &str, secret: &str) -> String {
        self.pass(STEP);
        assert_eq!(leads(&sign_in(visitor, login, password)), "/sign-in/code");
        leads(&visitor.post("/sign-in/code", &[("code", &self.code(secret))])).to_owned()
    }
}

fn join(visitor: &mut Visitor<'_>, code: &str, password: &str) -> Answer {
    visitor.post("/join", &[("code", code), ("password", password), ("again", password)])
}

fn sign_in(visitor: &mut Visitor<'_>, login: &str, password: &str) -> Answer {
    visitor.post("/sign-in", &[("login", login), ("password", password)])
}

/// Where an answer leads; nowhere where it is a page.
fn leads(answer: &Answer) -> &str {
    answer.header("location")
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split_once(to).unwrap().0
}

fn is_in(visitor: &mut Visitor<'_>) -> bool {
    visitor.get("/account").status == 200
}

fn clerk() -> Value {
    account("clerk", "孙立新")
}

#[test]
fn everybody_sets_up_a_second_factor_before_anything_else_and_keeps_it() {
    let protected = Protected::start();
    let provider = organisations(&protected.ledger);
    for role in AccountRole::ALL {
        let mut account = account(role.as_str(), "王芳芳");
        if *role == AccountRole::Learner {
            account["name"] = provider.name.as_str().into();
            account["learners"] = json!([provider.learner]);
        }
        let login = format!("{role}@example.org");
        let mut visitor = protected.joined(&login, &account);
        assert_eq!(leads(&sign_in(&mut visitor, &login, PASSWORD)), "/sign-in/factor", "{role}");
        for path in ["/home", "/account", "/my", "/todo", "/body/review", "/admin/accounts", "/admin/events"] {
            assert_eq!(leads(&visitor.get(path)), "/sign-in/factor", "{role} {path}");
        }
        assert!(!visitor.get("/sign-in/factor").text().contains("/sign-in/factor/leave"), "{role}: no way past it");
        assert_eq!(leads(&visitor.post("/sign-in/factor/leave", &[])), "/sign-in/factor", "{role}");
        assert_eq!(
            leads(&visitor.post("/account/factor/drop", &[("password", PASSWORD)])),
            "/sign-in/factor",
            "{role}"
        );
        assert_eq!(visitor.post("/sign-in/factor", &[("code", "000000")]).status, 422, "{role}");
        let secret = protected.enrol(&mut visitor);
        assert!(is_in(&mut visitor), "{role}");
        let dropped = visitor.post("/account/factor/drop", &[("password", PASSWORD)]);
        assert_eq!(dropped.status, 422, "{role} cannot give it up: {}", dropped.text());

        let mut again = Visitor::new(&protected.ledger);
        protected.pass(STEP);
        assert_eq!(leads(&sign_in(&mut again, &login, PASSWORD)), "/sign-in/code", "{role}");
        assert_eq!(leads(&again.get("/account")), "/sign-in/code", "{role}: the password alone opens nothing");
        let code = protected.code(&secret);
        assert_eq!(leads(&again.post("/sign-in/code", &[("code", &code)])), "/home", "{role}");
        let mut thief = Visitor::new(&protected.ledger);
        sign_in(&mut thief, &login, PASSWORD);
        assert_eq!(thief.post("/sign-in/code", &[("code", &code)]).status, 422, "{role}: no code twice");
    }
}

#[test]
fn a_password_is_of_ten_characters_and_three_sorts_and_lasts_ninety_days() {
    let protected = Protected::start();
    let code = invite(&protected.ledger, "sun.lixin@example.org", &clerk());
    let mut visitor = Visitor::new(&protected.ledger);
    for weak in ["Yunling-2", "yunling2026", "Yunlinggggg-1", "Sun.Lixin-2026", "孙立新-Quality1"] {
        let refused = join(&mut visitor, &code, weak);
        assert_eq!(refused.status, 422, "{weak}: {}", refused.text());
    }
    assert_eq!(join(&mut visitor, &code, PASSWORD).status, 200);
    let login = "sun.lixin@example.org";
    assert_eq!(leads(&sign_in(&mut visitor, login, PASSWORD)), "/sign-in/factor");
    let secret = protected.enrol(&mut visitor);

    protected.pass(90 * DAY - MINUTE);
    assert_eq!(protected.with_both(&mut visitor, login, PASSWORD, &secret), "/home", "not yet");
    protected.pass(2 * MINUTE);
    assert_eq!(protected.with_both(&mut visitor, login, PASSWORD, &secret), "/sign-in/password");
    for path in ["/home", "/account", "/body/review"] {
        assert_eq!(leads(&visitor.get(path)), "/sign-in/password", "{path}");
    }
    let mut change =
        |new: &str| visitor.post("/sign-in/password", &[("old", PASSWORD), ("password", new), ("again", new)]);
    for (new, status) in [(PASSWORD, 422), ("yunling2027", 422), ("Yunling-2027", 303)] {
        assert_eq!(change(new).status, status, "{new}");
    }
    assert!(is_in(&mut visitor));
    let fields = [("old", "Yunling-2027"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(visitor.post("/account/password", &fields).status, 422, "none of the last ones comes back");
}

/// What was enough at level 2 is not when the same ledger goes on under level 3.
#[test]
fn who_comes_from_level_two_is_held_to_level_three_at_the_next_sign_in() {
    let protected = Protected::founded().under("2");
    let (login, easy) = ("li@example.org", "yunling26");
    let code = invite(&protected.ledger, login, &account("learner", "李静"));
    let mut visitor = Visitor::new(&protected.ledger);
    assert_eq!(join(&mut visitor, &code, easy).status, 200);
    assert_eq!(leads(&sign_in(&mut visitor, login, easy)), "/home", "enough at level 2");
    drop(visitor);
    let protected = protected.under("3");
    let mut visitor = Visitor::new(&protected.ledger);
    assert_eq!(leads(&sign_in(&mut visitor, login, easy)), "/sign-in/factor");
    let secret = protected.enrol(&mut visitor);
    assert_eq!(leads(&visitor.get("/my")), "/sign-in/password");
    // Also for who leaves it at that, and comes again with both factors.
    let mut visitor = Visitor::new(&protected.ledger);
    assert_eq!(protected.with_both(&mut visitor, login, easy, &secret), "/sign-in/password");
    let changed = visitor.post("/sign-in/password", &[("old", easy), ("password", PASSWORD), ("again", PASSWORD)]);
    assert_eq!(leads(&changed), "/home", "{}", changed.text());
    let mut visitor = Visitor::new(&protected.ledger);
    assert_eq!(protected.with_both(&mut visitor, login, PASSWORD, &secret), "/home");
}

#[test]
fn five_wrong_passwords_or_codes_lock_for_half_an_hour() {
    let protected = Protected::start();
    let login = "sun@example.org";
    let (mut visitor, secret) = protected.enrolled(login, &clerk());
    let told = |answer: &Answer, n: usize| {
        assert_eq!(answer.status, 422, "{n}");
        assert_eq!(answer.text().contains("请 30 分钟后再试"), n == 4, "{n}: {}", answer.text());
    };
    let is_locked = |answer: &Answer| answer.status == 422 && answer.text().contains("连续输错次数过多");
    let mut guesser = Visitor::new(&protected.ledger);
    for n in 0..5 {
        told(&sign_in(&mut guesser, login, &format!("Wrong-{n}-2026")), n);
    }
    protected.pass(29 * MINUTE);
    let right = sign_in(&mut Visitor::new(&protected.ledger), login, PASSWORD);
    assert!(is_locked(&right), "{}", right.text());
    protected.pass(2 * MINUTE);
    assert_eq!(protected.with_both(&mut visitor, login, PASSWORD, &secret), "/home", "it opens by itself");

    // Whoever has the password and guesses at the code.
    assert_eq!(leads(&sign_in(&mut guesser, login, PASSWORD)), "/sign-in/code");
    for n in 0..5 {
        told(&guesser.post("/sign-in/code", &[("code", "000000")]), n);
    }
    protected.pass(STEP);
    assert_eq!(leads(&sign_in(&mut guesser, login, PASSWORD)), "/sign-in/code");
    let right = guesser.post("/sign-in/code", &[("code", &protected.code(&secret))]);
    assert!(is_locked(&right), "also from another session: {}", right.text());
    protected.pass(31 * MINUTE);
    assert_eq!(protected.with_both(&mut visitor, login, PASSWORD, &secret), "/home", "it opens by itself");

    let (mut auditor, _) = protected.enrolled("auditor@example.org", &account("auditor", "何婉清"));
    let events = auditor.get("/admin/events").text();
    assert_eq!(events.matches("连续输错，账号暂时锁定").count(), 2, "{events}");
}

#[test]
fn a_session_ends_after_a_quarter_of_an_hour_at_rest_and_after_half_a_day_at_work() {
    let protected = Protected::start();
    let login = "sun@example.org";
    let (mut visitor, secret) = protected.enrolled(login, &clerk());
    protected.pass(14 * MINUTE);
    assert!(is_in(&mut visitor), "not yet");
    protected.pass(15 * MINUTE + 5);
    assert_eq!(leads(&visitor.get("/todo")), "/sign-in?next=%2Ftodo");
    assert_eq!(protected.with_both(&mut visitor, login, PASSWORD, &secret), "/home");
    // Half-way counts as well: who walked away from the second step has to begin again.
    let mut half_way = Visitor::new(&protected.ledger);
    protected.pass(STEP);
    sign_in(&mut half_way, login, PASSWORD);
    let since = protected.ahead();
    while protected.ahead() + 14 * MINUTE - since < 12 * 60 * MINUTE - STEP {
        protected.pass(14 * MINUTE);
        assert!(is_in(&mut visitor), "after {} minutes", (protected.ahead() - since) / MINUTE);
    }
    protected.pass(14 * MINUTE);
    assert!(!is_in(&mut visitor), "half a day is over");
    assert_eq!(leads(&half_way.get("/sign-in/code")), "/sign-in?next=%2Fsign-in%2Fcode");
}

#[test]
fn sessions_are_listed_with_their_browsers_and_ended_from_another() {
    let protected = Protected::start();
    let login = "sun@example.org";
    let (mut desk, secret) = protected.enrolled(login, &clerk());
    let mut telephone = Visitor::new(&protected.ledger);
    protected.pass(STEP);
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1";
    let body = crate::portal::encoded(&[("login", login), ("password", PASSWORD)]);
    let headers = [("origin", protected.ledger.url()), ("user-agent", agent)];
    telephone.ask("POST", "/sign-in", Some(&body), &headers);
    assert_eq!(leads(&telephone.post("/sign-in/code", &[("code", &protected.code(&secret))])), "/home");
    let page = desk.get("/account").text();
    assert!(page.contains("Safari · iPhone"), "{page}");
    let other = between(&page, "name=\"session\" value=\"", "\"").to_owned();
    assert_eq!(page.matches("name=\"session\" value=").count(), 1, "its own is not ended here");
    assert_eq!(leads(&desk.post("/account/sessions/end", &[("session", &other)])), "/account");
    assert!(!is_in(&mut telephone) && is_in(&mut desk));
}

#[test]
fn administrator_operator_and_auditor_are_three_people() {
    let protected = Protected::start();
    let ledger = &protected.ledger;
    organisations(ledger);
    // One account is never two of them, nor one of them and anything else.
    let alone = [AccountRole::Administrator, AccountRole::Auditor, AccountRole::CompetentAuthority];
    for one in alone {
        for other in AccountRole::ALL.iter().filter(|other| **other != one) {
            let grant = |role: AccountRole| account(role.as_str(), "王芳芳")["grants"][0].clone();
            let both = json!({"login": "both@example.org", "name": "王芳芳", "grants": [grant(one), grant(*other)]});
            let answer = ledger.post_as(&ledger.operator_token(), "/api/v1/accounts", both.to_string().as_bytes());
            assert_eq!(answer.status, 422, "{one} and {other}: {}", answer.text());
        }
    }
    let (mut administrator, secret) = protected.enrolled("admin@example.org", &account("administrator", "王芳芳"));
    let (mut auditor, _) = protected.enrolled("auditor@example.org", &account("auditor", "何婉清"));
    // The administrator makes accounts, and sees neither hours nor the record of what was done.
    assert_eq!(administrator.get("/admin/accounts").status, 200);
    for path in ["/body/review", "/body/cqos", "/body/cases", "/admin/events"] {
        assert_eq!(administrator.get(path).status, 403, "{path}");
    }
    // The auditor reads what the administrator did, and changes nothing that is not the auditor's own.
    let body = credit_code(1);
    let clerk = [("login", "li@example.org"), ("name", "李静"), ("role", "clerk"), ("organisation", body.as_str())];
    assert_eq!(administrator.post("/admin/accounts", &clerk).status, 422, "not without both factors, shown again");
    protected.pass(STEP);
    let code = protected.code(&secret);
    let again = [("own_password", PASSWORD), ("own_code", code.as_str())];
    let invited = administrator.post("/admin/accounts", &[&clerk[..], &again].concat());
    assert_eq!(invited.status, 200, "{}", invited.text());
    let events = auditor.get("/admin/events").text();
    let newest = events.split("<tr>").find(|row| row.contains("新建账号")).expect("an invitation is in the record");
    assert!(newest.contains("王芳芳") && newest.contains("administrator:"), "{newest}");
    assert!(events.contains("启用动态验证码"), "{events}");
    let place = AccountRole::ALL.iter().position(|role| *role == AccountRole::Auditor).unwrap();
    let posts = permissions::table().into_iter().filter(|row| row.side == Side::Portal && row.method == "POST");
    let mut refused = 0;
    for row in posts.filter(|row| !row.roles[place]) {
        let path = row.path.replace("{id}", "01970000-0000-7000-8000-00000000000a");
        assert_eq!(auditor.post(&path, &[]).status, 403, "{path}");
        refused += 1;
    }
    assert!(refused > 20, "only {refused} forms");
    // The operator's token is for the interface alone, where no claim is decided; there are no passwords to it.
    let token = ledger.operator_token();
    for path in ["/account", "/admin/accounts", "/body/review"] {
        let bearer = ledger.ask_as_browser("GET", path, None, &[("authorization", &format!("Bearer {token}"))]);
        assert!(leads(&bearer).starts_with("/sign-in?next="), "{path}: {}", bearer.status);
        let cookie = ledger.ask_as_browser("GET", path, None, &[("cookie", &format!("cqo={token}"))]);
        assert!(leads(&cookie).starts_with("/sign-in?next="), "{path}: {}", cookie.status);
    }
    let decided = permissions::table().into_iter().filter(|row| row.side == Side::Interface);
    assert_eq!(decided.filter(|row| row.path.contains("claim")).count(), 0);
}

#[test]
fn level_three_without_a_second_factor_does_not_start() {
    let ledger = Ledger::start();
    let data = ledger.data();
    let options =
        ["serve", "--check-config", "--protection-level", "3", "--second-factor", "off", "--data", text(&data)];
    let refused = crate::server::run(&options);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("second_factor: 三级等级保护要求所有人使用动态验证码"), "{}", stderr(&refused));
}
