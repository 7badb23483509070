//! The configuration, what the service manager hears, and the logs, through the real binary.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::server::{Ledger, PROGRAM, array, run, stderr, stdout, text};

/// Founds nothing: runs `serve --check-config` with these arguments and variables.
fn check(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--check-config"]).args(arguments).envs(variables.iter().copied()).output().unwrap()
}

/// A ledger that is not served, and a configuration file for it.
fn founded(settings: &str) -> (Ledger, String) {
    let mut ledger = Ledger::start();
    ledger.kill();
    let file = ledger.path("config.toml");
    let settings = format!("data = {:?}\nlisten = \"127.0.0.1:0\"\n{settings}", ledger.data());
    std::fs::write(&file, settings).unwrap();
    (ledger, text(&file).to_owned())
}

#[test]
fn flags_go_before_the_environment_the_environment_before_the_file() {
    let (_ledger, file) = founded("seal_interval_ms = 101\nqueue_max = 102\nbatch_max = 103\n");
    let variables = [("CQO_QUEUE_MAX", "202"), ("CQO_BATCH_MAX", "203"), ("CQO_LOG_LEVEL", "")];
    let output = check(&["--config", &file, "--batch-max", "303", "--metrics-public"], &variables);
    let effective = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{effective}{}", stderr(&output));
    for line in [
        &format!("seal_interval_ms = 101  # {file} 第 3 行第 20 列 line 3, column 20"),
        "queue_max = 202  # 环境变量 environment CQO_QUEUE_MAX",
        "batch_max = 303  # 参数 flag --batch-max",
        "metrics_public = true  # 参数 flag --metrics-public",
        "log_level = \"info\"  # 默认 default",
    ] {
        assert!(effective.lines().any(|found| found == line), "{line} is not in\n{effective}");
    }
    assert_eq!(effective.matches("通过 passed").count(), 5, "{effective}");
    assert!(!effective.contains("cqo_operator_"), "no secret is printed");
    // The file may be named by the environment, too; and what was printed is a configuration file again.
    assert_eq!(check(&[], &[("CQO_CONFIG", &file)]).status.code(), Some(0));
    std::fs::write(&file, &effective).unwrap();
    assert!(stdout(&check(&["--config", &file], &[])).contains("batch_max = 303"));
}

#[test]
fn what_would_stop_a_start_fails_the_check() {
    let (ledger, file) = founded("");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let same = check(&["--config", &file, "--listen", &free, "--metrics-listen", &free], &[]);
    assert_eq!(same.status.code(), Some(1), "{}", stdout(&same));
    assert!(stdout(&same).contains("未通过 failed: metrics_listen"), "{}", stdout(&same));
    for name in ["checkpoint.key", "receipt.key"] {
        let (path, away) = (ledger.data().join("keys").join(name), ledger.path("away"));
        std::fs::rename(&path, &away).unwrap();
        let missing = check(&["--config", &file], &[]);
        assert_eq!(missing.status.code(), Some(1), "{}", stdout(&missing));
        let started = run(&["serve", "--config", &file]);
        assert_eq!(started.status.code(), Some(1));
        for told in [stdout(&missing), stderr(&started)] {
            assert!(told.contains(name) && told.contains("文件缺失"), "{told}");
        }
        std::fs::rename(&away, &path).unwrap();
    }
}

#[test]
fn a_bad_configuration_is_refused_with_every_place() {
    let (_ledger, file) = founded("seal_intervall_ms = 5\nbatch_max = 0\n");
    let output = check(&["--config", &file, "--listen", "8080"], &[("CQO_QUEUE_MAX", "many"), ("CQO_QUEUE", "1")]);
    let told = stderr(&output);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{told}");
    for part in [
        &format!("{file} 第 3 行第 1 列 line 3, column 1: seal_intervall_ms: 没有这个键，最接近的是 seal_interval_ms"),
        "line 4, column 13: batch_max: 应为 1 到 10000 的整数，而不是 \"0\" | expected a whole number from 1 to 10000",
        "参数 flag --listen: listen: 应为 地址:端口",
        "环境变量 environment CQO_QUEUE_MAX: queue_max: ",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    // A start refuses it in the same words.
    let started = run(&["serve", "--config", &file]);
    assert_eq!(started.status.code(), Some(2));
    assert!(stderr(&started).contains("seal_intervall_ms"));
    for arguments in [&["--config", "/nowhere/config.toml"][..], &["--data"], &[]] {
        assert_eq!(check(arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
    // What looks like a setting and is none is pointed out.
    let good = check(&["--data", "/nowhere"], &[("CQO_QUEUE", "1")]);
    assert!(stdout(&good).contains("CQO_QUEUE 不是"), "{}", stdout(&good));
}

#[test]
fn what_a_start_would_fail_on_is_found_without_starting() {
    let (mut ledger, file) = founded("");
    let failed = |what: &str| {
        let output = check(&["--config", &file], &[]);
        let told = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{told}{}", stderr(&output));
        assert!(
            told.lines().any(|line| line.starts_with("# 未通过 failed: ") && line.contains(what)),
            "{what}: {told}"
        );
    };
    let keys = ledger.data().join("keys");
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    for secret in ["checkpoint.key", "data-keys"] {
        mode(&keys.join(secret), 0o644);
        failed(secret);
        mode(&keys.join(secret), 0o600);
    }
    let rulebook = ledger.data().join("rulebook.toml");
    let good = std::fs::read(&rulebook).unwrap();
    std::fs::write(&rulebook, "x = 1\n").unwrap();
    failed("rulebook.toml");
    std::fs::write(&rulebook, good).unwrap();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = check(&["--config", &file, "--metrics-listen", &address], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains(&format!("metrics_listen {address}")));

    assert_eq!(check(&["--config", &file], &[]).status.code(), Some(0));
    let nothing = check(&["--data", text(&ledger.path("nothing"))], &[]);
    assert!(nothing.status.code() == Some(1) && stdout(&nothing).contains("cqo-ledger init"), "{}", stdout(&nothing));
    assert!(!ledger.path("nothing").exists(), "checking makes nothing");
    // Beside the running service the address is taken, and that is as it should be.
    ledger.serve();
    let listen = ledger.url().strip_prefix("http://").unwrap().to_owned();
    let output = check(&["--config", &file, "--listen", &listen], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("服务正在此数据目录上运行"));
}

#[test]
fn the_service_manager_is_told_when_the_service_is_ready_and_when_it_stops() {
    let (mut ledger, file) = founded("");
    let socket = ledger.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let hears = |manager: &UnixDatagram| {
        let mut bytes = [0; 64];
        let len = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    };
    ledger.serve_logged(&["--config", &file], &[("NOTIFY_SOCKET", text(&socket))]);
    assert_eq!(hears(&manager), "READY=1");
    ledger.terminate();
    assert_eq!(hears(&manager), "STOPPING=1");

    use std::os::linux::net::SocketAddrExt as _;
    let name = format!("cqo-ledger-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let manager = UnixDatagram::bind_addr(&address).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    ledger.serve_logged(&["--config", &file], &[("NOTIFY_SOCKET", &format!("@{name}"))]);
    assert_eq!(hears(&manager), "READY=1");
}

#[test]
fn every_log_line_is_json_and_a_request_line_names_nobody() {
    let (mut ledger, file) = founded("rate_per_second = 0\nseal_interval_ms = 20\nlog_level = \"debug\"\n");
    let log = ledger.serve_logged(&["--config", &file], &[]);
    let provider = ledger.provider(2);
    ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&provider.signed(3)));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let path = format!("/api/v1/learners/{}?name=ZhangWei", provider.learner);
    let headers = [("x-request-id", "clerk-0042"), ("traceparent", trace)];
    let answer = ledger.request_with("GET", &path, Some(&provider.token), None, &headers);
    assert_eq!((answer.header("x-request-id"), answer.header("traceparent")), ("clerk-0042", trace));
    let hostile = [("x-request-id", "\"},{"), ("traceparent", "00-1-2-3")];
    let answer = ledger.request_with("GET", "/healthz", None, None, &hostile);
    assert_eq!((answer.header("x-request-id").len(), answer.header("traceparent")), (32, ""));
    ledger.terminate();

    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        for field in ["time", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
        assert_eq!(line["time"].as_str().unwrap().len(), "2026-11-22T08:00:00.123Z".len(), "{line}");
    }
    let request = lines.iter().find(|line| line["request_id"] == "clerk-0042").expect("a line for the request");
    for (field, expected) in [
        ("message", "request".into()),
        ("level", "INFO".into()),
        ("method", "GET".into()),
        ("route", "/api/v1/learners/{id}".into()),
        ("status", Value::from(200)),
    ] {
        assert_eq!(request[field], expected, "{field}: {request}");
    }
    assert!(request["duration_ms"].is_number() && request["bytes"].as_u64() > Some(0), "{request}");
    for private in ["ZhangWei", "张伟", &provider.learner.to_string(), &provider.token, "?wait", "4bf92f3577b3"] {
        assert!(!log.contains(private), "{private} is in the log:\n{log}");
    }
    for message in ["serving", "request", "stopping"] {
        assert!(lines.iter().any(|line| line["message"] == message), "{message}: {log}");
    }
    // For people, on demand: still without what is private.
    let log = ledger.serve_logged(&["--config", &file, "--log-format", "text", "--log-level", "info"], &[]);
    ledger.get(&path);
    ledger.terminate();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("INFO") && !log.contains("{\"time\"") && !log.contains("ZhangWei"), "{log}");
}

/// Whose name it answers under; the client is on the same machine.
#[test]
fn a_configured_site_is_the_one_host_that_is_answered() {
    let ledger = Ledger::start_with(&["--site", "https://cqo.example.cn"]);
    for (host, path, status) in [
        ("cqo.example.cn", "/checkpoint", 200),
        ("CQO.example.cn:443", "/verify", 200),
        ("evil.example", "/checkpoint", 421),
        ("evil.example", "/verify", 421),
        ("cqo.example.cn.evil.example", "/api/v1/blocks", 421),
        ("192.0.2.1", "/checkpoint", 421),
        ("evil.example", "/healthz", 200),
        ("evil.example", "/readyz", 200),
        ("localhost:8080", "/checkpoint", 200),
        ("[::1]", "/checkpoint", 200),
    ] {
        let answer = ledger.request_with("GET", path, None, None, &[("host", host)]);
        assert_eq!(answer.status, status, "{host} {path}: {}", answer.text());
        if status == 421 {
            assert_eq!(answer.json()["type"], "urn:cqo-ledger:problem:misdirected");
        }
    }
    let data = ledger.data();
    let listed = run(&["org", "--data", text(&data), "list"]);
    assert!(listed.status.success(), "the operator's commands go on: {}", stderr(&listed));

    let anywhere = Ledger::start();
    let answer = anywhere.request_with("GET", "/checkpoint", None, None, &[("host", "any.example")]);
    assert_eq!(answer.status, 200, "nobody was told a name, so none is wrong");
}

/// Listening everywhere, it is reached from here by the loopback.
#[test]
fn the_operators_commands_reach_a_service_that_listens_on_every_address() {
    let mut ledger = Ledger::start();
    let data = ledger.data();
    let site = "https://cqo.example.cn";
    ledger.serve_logged(&["--data", text(&data), "--listen", "0.0.0.0:0", "--site", site], &[]);
    assert!(ledger.url().starts_with("http://127.0.0.1:"), "{}", ledger.url());
    let listed = run(&["org", "--data", text(&data), "list"]);
    assert!(listed.status.success(), "{}", stderr(&listed));
}
