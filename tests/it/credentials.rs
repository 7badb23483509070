//! Other people's libraries check our credentials, and refuse changed ones: `interop/credentials.mjs` and `credentials.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use cqo_ledger::credential::{HourCertificate, Row, RowForm, StatusList, did_document};
use cqo_ledger::ledger::entry::{Learner, Owner};
use cqo_ledger::merkle::Hash;
use cqo_ledger::standard::{CreditHours, StudyForm};
use ed25519_dalek::SigningKey;

/// Where `./dev test` installs the packages of tests/interop-js.
const NODE_MODULES: &str = "target/node/node_modules";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn certificate(site: &str) -> HourCertificate {
    let row = |i: u32, form| Row {
        commitment: Hash::of(&[&i.to_be_bytes()]),
        title: format!("质量管理 {i}"),
        course_code: (form != RowForm::Activity).then(|| "QM-101".parse().unwrap()),
        provider: "某某培训机构".into(),
        form,
        form_reason: (form == RowForm::Study(StudyForm::Other)).then(|| "现场观摩".into()),
        first_day: "2026-03-02".parse().unwrap(),
        last_day: "2026-03-02".parse().unwrap(),
        hours: (form != RowForm::Activity).then_some(CreditHours::from_hundredths(125)),
        attendees: (form == RowForm::Activity).then_some(30),
        height: 7,
        index: i.into(),
        sealed_at: "2026-03-07T01:02:03.004Z".parse().unwrap(),
    };
    HourCertificate {
        number: "XS-2026-340100-7K3M9QX2AB-4".parse().unwrap(),
        site: site.parse().unwrap(),
        origin: "ledger.example.cn/cqo".parse().unwrap(),
        issuer: Owner { code: "91340100600037341K".parse().unwrap(), name: "某某质量协会".into() },
        issued: "2026-03-08T08:00:00.123Z".parse().unwrap(),
        learner: Learner { id: "019a0b1c-2d3e-7f40-8a5b-00000000000a".parse().unwrap(), name: "李雷".into() },
        employer: Some("合肥某某公司".into()),
        id_number: Some("3*************123X".parse().unwrap()),
        span: ("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap()),
        rulebook: "2026.1".parse().unwrap(),
        minutes: 45,
        rows: vec![
            row(0, RowForm::Study(StudyForm::Lecture)),
            row(1, RowForm::Study(StudyForm::Other)),
            row(2, RowForm::Activity),
        ],
        list: 3,
        index: 94_567,
    }
}

/// A directory with what an issuer under `did:key`, and one under `did:web`, hand out.
fn samples() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("certificate-key.json", &certificate("http://127.0.0.1:8080").sign(&key()).unwrap());
    let web = certificate("https://ledger.example.cn");
    write("certificate-web.json", &web.sign(&key()).unwrap());
    let did = did_document(&web.site, &[key().verifying_key()]).unwrap();
    write("did.json", did.to_string().as_bytes());
    let (from, until) = ("2026-03-08T08:00:00.000Z".parse().unwrap(), "2026-03-09T08:00:00.000Z".parse().unwrap());
    let mut list = StatusList::new(web.site, 3, from, until);
    list.set(94_567);
    write("status.json", &list.sign(&key()).unwrap());
    dir
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Whether the test runs: where the packages are installed, or all tests are asked for.
fn asked(installed: bool, what: &str) -> bool {
    let all = std::env::var_os("CQO_TEST_ALL").is_some();
    assert!(installed || !all, "{what} is not installed: run ./dev test --all");
    installed
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}{err}");
    assert!(output.status.success(), "{out}{err}");
    assert!(out.lines().filter(|line| line.starts_with("ok ")).count() >= 4, "{out}{err}");
}

#[test]
fn javascript_libraries_accept_our_credentials_and_refuse_changed_ones() {
    let modules = std::env::var_os("CQO_NODE_MODULES").map_or_else(|| root().join(NODE_MODULES), PathBuf::from);
    if !asked(modules.join("@digitalbazaar/vc").is_dir(), "@digitalbazaar/vc") {
        return;
    }
    let dir = samples();
    run(Command::new("node").arg(root().join("tests/it/interop/credentials.mjs")).args([
        dir.path(),
        &modules,
        &root().join("src/credential/contexts"),
    ]));
}

#[test]
fn openbadgeslib_accepts_our_certificates_and_refuses_changed_ones() {
    let python = std::env::var_os("CQO_PYTHON").unwrap_or_else(|| "python3".into());
    let probe = Command::new(&python).args(["-c", "import openbadgeslib.ob3, pyld"]).output();
    if !asked(probe.is_ok_and(|probe| probe.status.success()), "openbadgeslib[ldp]") {
        return;
    }
    let dir = samples();
    run(Command::new(python).arg(root().join("tests/it/interop/credentials.py")).arg(dir.path()));
}

/// How long one certificate of 7 rows takes: `cargo test --release --test it credentials::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let mut certificate = certificate("https://ledger.example.cn");
    let rows = certificate.rows.clone();
    let numbered = (0..7_u32).zip(rows.iter().cycle());
    certificate.rows =
        numbered.map(|(i, row)| Row { commitment: Hash::of(&[&i.to_be_bytes()]), ..row.clone() }).collect();
    let key = key();
    let start = std::time::Instant::now();
    for _ in 0..500 {
        certificate.sign(&key).unwrap();
    }
    println!("{:?} for each", start.elapsed() / 500);
}
