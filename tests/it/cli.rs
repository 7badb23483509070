//! The command line as a person at a terminal uses it.

use std::process::{Command, Stdio};

use cqo_ledger::ledger::entry::Body;
use serde_json::json;

use crate::server::{Ledger, ORIGIN, PROGRAM, credit_code, run, stderr, stdout, text};

#[test]
fn every_command_has_help_in_two_languages_with_an_example() {
    let help = stdout(&run(&["--help"]));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() >= 13, "{commands:?}");
    for command in commands {
        let output = run(&[command, "--help"]);
        let help = stdout(&output);
        assert!(output.status.success() && help.contains("例 Example:"), "{command}: {help}");
        assert!(!help.lines().next().unwrap().is_ascii(), "{command} has no Chinese");
    }
    assert_eq!(run(&["verify"]).status.code(), Some(2));
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn a_provider_makes_a_key_signs_and_submits_from_the_command_line() {
    let ledger = Ledger::start();
    let data = ledger.data();
    let code = credit_code(5).to_string();
    let organisation =
        ["org", "--data", text(&data), "put", "--code", &code, "--name", "培训中心", "--role", "provider"];
    assert!(run(&organisation).status.success());
    let key = ledger.path("provider.key");
    let made = stdout(&run(&["keygen", "--out", text(&key)]));
    let public = made.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    let add = run(&[
        "key",
        "--data",
        text(&data),
        "add",
        "--public",
        &public,
        "--role",
        "recorder",
        "--kinds",
        "study",
        "--owner-code",
        &code,
        "--owner-name",
        "培训中心",
    ]);
    assert!(add.status.success() && stdout(&add).contains("已上链"), "{}{}", stdout(&add), stderr(&add));
    let token_file = ledger.path("token");
    let token = run(&["token", "--data", text(&data), "create", "--organisation", &code, "--out", text(&token_file)]);
    assert!(token.status.success(), "{}", stderr(&token));
    let readable = Command::new("openssl").args(["pkey", "-noout", "-in", text(&key)]).output().unwrap();
    assert!(readable.status.success(), "openssl reads our keys: {}", stderr(&readable));
    let learner = uuid::Uuid::now_v7().to_string();
    let learners = ledger.write("learners.json", json!([{"id": learner, "name": "阿依古丽·买买提"}]).to_string());
    let courses =
        ledger.write("courses.json", json!({"code": "QM-01", "title": "质量战略管理", "hours": 200}).to_string());
    for (command, file) in [("learner", &learners), ("course", &courses)] {
        let put = run(&[command, "--url", ledger.url(), "--token-file", text(&token_file), "put", text(file)]);
        assert!(put.status.success(), "{}", stderr(&put));
    }
    let entry = json!({
        "kind": "study", "ledger": ORIGIN, "recorder": code, "rulebook": "2026.1", "completes": true,
        "course": {"code": "QM-01", "title": "质量战略管理"}, "evidence": [], "form": "lecture", "hours": 200,
        "first_day": "2026-05-01", "last_day": "2026-05-01", "learner": {"id": learner, "name": "阿依古丽·买买提"},
    });
    let entry = ledger.write("entry.json", serde_json::to_string_pretty(&entry).unwrap());
    let signed = run(&["sign", "--key", text(&key), text(&entry)]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    let signed = ledger.write("signed.json", signed.stdout);
    let receipt = ledger.path("receipt.json");
    let submitted = run(&[
        "submit",
        "--url",
        ledger.url(),
        "--token-file",
        text(&token_file),
        "--wait",
        "--receipt",
        text(&receipt),
        text(&signed),
    ]);
    assert!(submitted.status.success() && stdout(&submitted).contains("已上链"), "{}", stderr(&submitted));
    let receipt = cqo_ledger::ledger::receipt::SignedReceipt::from_bytes(&std::fs::read(receipt).unwrap()).unwrap();
    assert_eq!(receipt.receipt.entries.len(), 1);

    let bad = ledger.write("bad.json", json!({"kind": "study", "hours": 0}).to_string());
    let refused = run(&["sign", "--key", text(&key), text(&bad)]);
    assert_eq!(refused.status.code(), Some(2));
    for field in ["hours", "learner", "course", "ledger"] {
        assert!(stderr(&refused).contains(field), "{field}: {}", stderr(&refused));
    }
}

#[test]
fn certificates_are_issued_fetched_revoked_and_replaced_from_the_command_line() {
    let ledger = Ledger::start();
    let provider = ledger.provider(2);
    let mut entry = provider.study();
    let Body::Study(_, study) = &mut entry.body else { panic!("a study entry") };
    // Nothing is finished by it, so nothing is issued by itself.
    study.completes = false;
    let year = study.last_day.to_string()[..4].to_owned();
    let entry = provider.sign(entry);
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", entry.bytes()).status, 201);
    let (data, learner) = (ledger.data(), provider.learner.to_string());
    let token = ledger.write("token", &provider.token);
    let as_provider = |arguments: &[&str]| {
        let service = ["certificate", "--url", ledger.url(), "--token-file", text(&token)];
        let output = run(&[&service[..], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    let number_in = |said: &str| said.split(' ').next().unwrap().to_owned();

    let issued = as_provider(&["issue", "--learner", &learner, "--year", &year, "--wait"]);
    assert!(issued.contains("有效 in force") && issued.contains("存证编号 attestation"), "{issued}");
    let number = number_in(&issued);
    let span = ["--first-day", &format!("{year}-01-01"), "--last-day", &format!("{year}-12-31")];
    let other = as_provider(&[&["issue", "--learner", &learner][..], &span[..], &["--wait"]].concat());
    assert!(other.contains(&format!("{year}-01-01 – {year}-12-31")), "{other}");
    let listed = as_provider(&["list", "--learner", &learner]);
    assert!(listed.contains(&number) && listed.contains("共 2 份"), "{listed}");

    let out = ledger.path("fetched");
    let policy = ledger.policy();
    let verify = |number: &str, document: &str| {
        let file = |suffix: &str| out.join(format!("{number}{suffix}"));
        let proof = if document == ".json" { ".proof.json".to_owned() } else { format!("{document}.proof.json") };
        let (status, document, proof) = (file(".status.json"), file(document), file(&proof));
        let files = [text(&document), text(&proof)];
        run(&[&["verify", "--policy", text(&policy), "--status", text(&status)], &files[..]].concat()).status.code()
    };
    as_provider(&["fetch", &number, "--out", text(&out)]);
    for document in [".json", ".pdf", ".en.pdf"] {
        assert_eq!(verify(&number, document), Some(0), "{document}");
    }

    let again = as_provider(&["replace", &number, "--wait"]);
    let replaced = as_provider(&["list", "--learner", &learner]);
    assert!(replaced.contains("已撤销 revoked") && replaced.contains("已换发 replaced by"), "{replaced}");
    as_provider(&["fetch", &number, "--out", text(&out)]);
    assert_eq!(verify(&number, ".json"), Some(1), "the new status list says it");

    let number = number_in(&again);
    let revoke = |reason| run(&["certificate", "--data", text(&data), "revoke", &number, "--reason", reason]);
    let refused = revoke("corrected");
    assert!(!refused.status.success() && stderr(&refused).contains("reason"), "{}", stderr(&refused));
    let revoked = revoke("error");
    assert!(stdout(&revoked).contains("签发有误 error"), "{}{}", stdout(&revoked), stderr(&revoked));
    let stranger = run(&["certificate", "--url", ledger.url(), "fetch", &number]);
    assert!(!stranger.status.success() && stderr(&stranger).contains("404"), "{}", stderr(&stranger));
    assert_eq!(run(&["certificate", "--data", text(&data), "fetch", "../x"]).status.code(), Some(2));
}

#[test]
fn a_second_process_on_the_same_directory_is_refused_clearly() {
    let ledger = Ledger::start();
    let data = ledger.data();
    let second = run(&["serve", "--data", text(&data), "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("in use by another process"), "{}", stderr(&second));
    let twice = run(&[
        "init",
        "--data",
        text(&data),
        "--origin",
        ORIGIN,
        "--owner-code",
        credit_code(1).as_str(),
        "--owner-name",
        "甲",
    ]);
    assert_eq!(twice.status.code(), Some(2));
}

#[test]
fn the_index_is_rebuilt_from_the_journal() {
    let mut ledger = Ledger::start();
    let provider = ledger.provider(2);
    let entry = provider.sign(provider.study());
    assert_eq!(ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", entry.bytes()).status, 201);
    let checkpoint = ledger.get("/checkpoint").text();
    ledger.kill();
    std::fs::remove_dir_all(ledger.data().join("store/index")).unwrap();
    let data = ledger.data();
    let rebuilt = run(&["reindex", "--data", text(&data)]);
    assert!(rebuilt.status.success(), "{}", stderr(&rebuilt));
    ledger.serve();
    assert_eq!(ledger.get("/checkpoint").text(), checkpoint);
    let path = format!("/api/v1/entries/{}", entry.entry().id);
    assert_eq!(ledger.get_as(&provider.token, &path).json()["state"], "sealed");
}

#[test]
fn the_rulebook_is_shown_and_a_wrong_one_is_refused_with_the_line() {
    let shown = stdout(&run(&["rulebook", "show"]));
    assert!(shown.contains("9.4.1.2") && shown.contains("10.00"), "{shown}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rulebook.toml");
    let good = include_str!("../../src/standard/rulebook.toml");
    std::fs::write(&file, good).unwrap();
    let sound = run(&["rulebook", "check", text(&file)]);
    assert!(sound.status.success() && !stdout(&sound).contains("目前不起作用"));
    std::fs::write(&file, good.replace("teach_factor_percent = 0", "teach_factor_percent = 50")).unwrap();
    let idle = run(&["rulebook", "check", text(&file)]);
    assert!(idle.status.success(), "{}", stdout(&idle));
    assert!(stdout(&idle).contains("2026.1 ce.teach_factor_percent: 目前不起作用"), "{}", stdout(&idle));
    std::fs::write(&file, good.replace("[edition.hour]", "[edition.hour]\nsurprise = 1")).unwrap();
    let refused = run(&["rulebook", "check", text(&file)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stdout(&refused).contains("surprise") && stdout(&refused).contains("line"), "{}", stdout(&refused));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child =
        Command::new(PROGRAM).args(["rulebook", "show"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn wrong_keys_and_secrets_that_others_can_read_are_refused_at_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut ledger = Ledger::start();
    ledger.kill();
    let data = ledger.data();
    let keys = data.join("keys");
    let refused = |expected: &str| {
        let served = run(&["serve", "--data", text(&data), "--listen", "127.0.0.1:0"]);
        assert!(!served.status.success() && stderr(&served).contains(expected), "{expected}: {}", stderr(&served));
    };
    for (file, words) in [("checkpoint.key", "no file holds the checkpoint key"), ("receipt.key", "no working key")] {
        let right = std::fs::read(keys.join(file)).unwrap();
        std::fs::copy(keys.join("authority.key"), keys.join(file)).unwrap();
        refused(words);
        std::fs::write(keys.join(file), right).unwrap();
    }
    for file in ["master", "operator.token", "checkpoint.key"] {
        let open = |mode| std::fs::set_permissions(keys.join(file), std::fs::Permissions::from_mode(mode)).unwrap();
        open(0o644);
        refused("chmod 600");
        open(0o600);
    }
    ledger.serve();
    assert_eq!(ledger.get("/readyz").status, 200);
}
