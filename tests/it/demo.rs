//! `demo` as a newcomer meets it: one command, samples that check, and a ledger that a restart finds again.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cqo_ledger::service::AccountRole;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cqo-ledger");

/// A running service, killed when the test ends, however it ends.
struct Running {
    child: Child,
    url: String,
    said: String,
}

impl Running {
    /// Starts a command and reads what it says until it is ready.
    fn start(arguments: &[&str]) -> Self {
        let mut child =
            Command::new(PROGRAM).args(arguments).stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let mut running = Self { child, url: String::new(), said: String::new() };
        for line in lines {
            let line = line.expect("its output is text");
            if let Some(url) = line.strip_prefix("ready ") {
                running.url = url.to_owned();
                return running;
            }
            running.said.push_str(&line);
            running.said.push('\n');
        }
        panic!("it ended before it was ready: {}", running.said);
    }

    /// What the tip of its chain says: blocks, and entries in them.
    fn chain(&self) -> (u64, u64) {
        let mut answer = ureq::get(format!("{}/api/v1/blocks?limit=1", self.url)).call().expect("it answers");
        let page: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("the answer is JSON");
        let text = page["blocks"][0]["text"].as_str().expect("a block has a text");
        let total = text.lines().find_map(|line| line.strip_prefix("total ")).expect("a block has a total");
        (page["size"].as_u64().expect("a size"), total.parse().expect("a number"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGKILL: what was acknowledged must survive the rudest end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Signs in as everybody who is named, and reads the page that each begins with.
fn everybody_signs_in(demo: &Running, said: &str) {
    let password = said.split_once("the password of each: ").expect("a password").1.lines().next().expect("a line");
    let logins: Vec<&str> =
        said.split_whitespace().filter(|word| word.contains('@') && word.contains(".example")).collect();
    for role in AccountRole::ALL {
        assert!(said.contains(&format!("{} {role}", role.chinese())), "{role} is not among {said}");
    }
    assert!(logins.len() >= 20, "{logins:?}");
    for login in logins {
        let page = first_page(&demo.url, login, password);
        let main = page.split_once("<main").unwrap_or_else(|| panic!("{login}: {page}")).1;
        let plain: usize =
            main.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text.trim().len()).sum();
        assert!(plain > 60, "{login} begins with an empty page: {page}");
    }
    assert!(first_page(&demo.url, "short@cqo.example", password).contains("还差"));
    assert!(first_page(&demo.url, "clerk@body.example", password).contains("href=\"/body/review\""));
    assert!(first_page(&demo.url, "employer@works.example", password).contains("href=\"/employer/"));
    assert!(first_page(&demo.url, "provider@school.example", password).contains("href=\"/provider/learners/"));
}

/// The page that somebody begins with after signing in.
fn first_page(url: &str, login: &str, password: &str) -> String {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let form = [("login", login), ("password", password)];
    let answer = agent.post(format!("{url}/sign-in")).header("origin", url).send_form(form).expect("it answers");
    let head = |answer: &ureq::http::Response<ureq::Body>, name| {
        answer.headers().get(name).map_or(String::new(), |value| value.to_str().expect("text").to_owned())
    };
    assert_eq!((answer.status().as_u16(), head(&answer, "location").as_str()), (303, "/home"), "{login}");
    let cookie = head(&answer, "set-cookie").split(';').next().unwrap_or_default().to_owned();
    let home = agent.get(format!("{url}/home")).header("cookie", &cookie).call().expect("it answers");
    let first = format!("{url}{}", head(&home, "location"));
    let mut page = agent.get(&first).header("cookie", &cookie).call().expect("it answers");
    assert_eq!(page.status(), 200, "{login} at {first}");
    page.body_mut().read_to_string().expect("text")
}

fn verify(data: &Path, file: &str) -> (Option<i32>, Value) {
    let samples = data.join("samples");
    let output: Output = Command::new(PROGRAM)
        .args(["verify", "--json", "--policy"])
        .arg(samples.join("policy.txt"))
        .arg(samples.join(file))
        .output()
        .expect("verify runs");
    let report = serde_json::from_slice(&output.stdout).expect("verify --json prints JSON");
    (output.status.code(), report)
}

/// The status of `verify` for sample files together, with the status list or without.
fn together(data: &Path, files: &[&str], with_status: bool) -> Option<i32> {
    let samples = data.join("samples");
    let mut command = Command::new(PROGRAM);
    command.arg("verify").arg("--policy").arg(samples.join("policy.txt"));
    if with_status {
        command.arg("--status").arg(samples.join("status.json"));
    }
    command.args(files.iter().map(|file| samples.join(file))).output().expect("verify runs").status.code()
}

#[test]
fn a_demo_leaves_samples_that_check_and_a_ledger_that_goes_on() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("demo data");
    let dir = data.to_str().expect("a path in UTF-8");

    let demo = Running::start(&["demo", "--data", dir, "--listen", "127.0.0.1:0", "--learners", "40"]);
    assert!(demo.said.contains("samples/entry.proof.json"), "{}", demo.said);
    let said = demo.said.clone();
    let (blocks, total) = demo.chain();
    assert!(blocks >= 3);
    everybody_signs_in(&demo, &said);
    drop(demo);

    let (status, report) = verify(&data, "entry.proof.json");
    assert_eq!(status, Some(3), "{report}");
    let steps = report["files"][0]["steps"].as_array().expect("steps").iter();
    let joint = report["joint"]["steps"].as_array().expect("joint steps").iter();
    let not_passed: Vec<&str> =
        steps.chain(joint).filter(|s| s["state"] != "passed").filter_map(|s| s["step"].as_str()).collect();
    assert_eq!(not_passed, ["in_force"]);
    let (status, year) = verify(&data, "year.proof.json");
    assert_eq!(status, Some(3), "{year}");
    assert!(year["joint"]["learners"][0]["entries"].as_u64() > Some(1), "a whole year: {year}");
    assert_eq!(verify(&data, "block.tlog-proof").0, Some(0));

    for document in ["certificate.json", "certificate.pdf", "certificate.en.pdf"] {
        let proof = format!("{}.proof.json", document.trim_end_matches(".json"));
        assert_eq!(together(&data, &[document, &proof], true), Some(0), "{document}");
        assert_eq!(together(&data, &[document, &proof], false), Some(3), "{document}: revoked or not is not known");
        assert!(said.contains(&format!("samples/{proof}")), "{proof} is not named in what it says: {said}");
    }
    assert_eq!(together(&data, &["status.json", "status.proof.json"], false), Some(0));
    let certificate = std::fs::read_to_string(data.join("samples/certificate.json")).expect("the certificate");
    let changed = certificate.replacen("学时", "课时", 1);
    assert_ne!(changed, certificate);
    std::fs::write(data.join("samples/changed.json"), changed).expect("a file");
    assert_eq!(together(&data, &["changed.json", "certificate.proof.json"], true), Some(1));
    assert!(said.contains("/verify\n") && said.contains("/v/"), "{said}");

    for command in ["serve", "demo"] {
        let again = Running::start(&[command, "--data", dir, "--listen", "127.0.0.1:0"]);
        // The certificates of finished courses may still be under way.
        let (blocks_now, total_now) = again.chain();
        assert!(blocks_now >= blocks && total_now >= total, "{command} goes on with the same chain");
        assert_eq!(again.said.contains("already holds a ledger"), command == "demo");
    }
}

#[test]
fn without_fonts_a_demo_says_so_and_leaves_all_but_pdfs() {
    let home = tempfile::tempdir().expect("a directory");
    let (data, none) = (home.path().join("demo"), home.path().join("no-fonts"));
    std::fs::create_dir(&none).expect("a directory");
    let (dir, font) = (data.to_str().expect("UTF-8"), none.to_str().expect("UTF-8"));
    let options = ["demo", "--data", dir, "--listen", "127.0.0.1:0", "--learners", "5", "--font", font];
    let demo = Running::start(&options);
    assert!(demo.said.contains("没有 PDF 样例") && !demo.said.contains("certificate.pdf"), "{}", demo.said);
    assert!(!data.join("samples/certificate.pdf").exists());
    assert_eq!(together(&data, &["certificate.json", "certificate.proof.json"], true), Some(0));
}

#[test]
fn an_address_that_is_taken_is_named_and_leaves_nothing_behind() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("demo");
    let output = Command::new(PROGRAM)
        .args(["demo", "--listen", &address, "--data"])
        .arg(&data)
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&address) && error.contains("--listen 127.0.0.1:0"), "{error}");
    assert!(!data.exists());
}
