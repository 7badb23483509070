//! `serve --check-config`: tries everything that a start needs, starts nothing, and says what would be in effect.
//!
//! What it prints is a configuration file again: values as keys, everything else as comments.

use std::net::{SocketAddr, TcpListener};

use super::super::data_dir::DataDir;
use super::super::{EXIT_FAILED, EXIT_OK, Outcome, say};
use super::keys::{KEYS, MailWay};
use super::{Effective, FILE_VARIABLE, Kind};

/// Prints the effective configuration and what was tried. 0 when all is well, 1 when a start would fail.
pub(in super::super) fn run(effective: &Effective) -> Outcome {
    if let Some(file) = &effective.file {
        say(format!("# 配置文件 configuration file: {}", file.display()));
    }
    for (key, value) in &effective.values {
        let text = match key.kind {
            Kind::Number(_) | Kind::Flag => value.text.clone(),
            // Debug writes what TOML reads: quotation marks and backslashes are escaped in the same way.
            _ => format!("{:?}", value.text),
        };
        say(format!("{} = {text}  # {}", key.name, value.origin));
    }
    if let Ok(filter) = std::env::var("RUST_LOG") {
        say(format!("# RUST_LOG={filter:?} 取代 log_level replaces log_level"));
    }
    for name in unread_variables() {
        say(format!("# 注意 note: {name} 不是 serve 的设置 is no setting of serve"));
    }
    for note in effective.notes() {
        say(format!("# 注意 note: {note}"));
    }
    let config = &effective.config;
    let dir = DataDir::new(&config.data);
    let mut checks = dir.examine();
    checks.extend((config.mail == MailWay::Server).then(|| {
        let server = dir.mail_server(config.mail_authority.0.as_deref());
        Check::of(
            "邮件服务器的地址与证书机构可用 the mail server's address and authority can be used",
            server.map_err(|f| f.message),
        )
    }));
    // Two ledgers cannot run on one directory: whoever serves it now is asked for its address in vain.
    let runs = dir.is_in_use();
    // Both at once, as `serve` does: two listeners cannot have one address.
    let (listen, _held) = address("listen", config.listen, runs);
    checks.push(listen);
    checks.extend(config.metrics_listen.0.map(|metrics| address("metrics_listen", metrics, runs).0));
    let mut failed = false;
    for check in checks {
        match &check.outcome {
            Ok(note) => say(format!("# 通过 passed: {}{note}", check.subject)),
            Err(reason) => say(format!("# 未通过 failed: {}: {reason}", check.subject)),
        }
        failed |= check.outcome.is_err();
    }
    Ok(if failed { EXIT_FAILED } else { EXIT_OK })
}

/// One thing that was tried.
pub(in super::super) struct Check {
    /// What, in Chinese and English.
    pub(in super::super) subject: String,
    /// A note, or why a start would fail.
    pub(in super::super) outcome: Result<String, String>,
}

impl Check {
    pub(in super::super) fn of<T>(subject: impl Into<String>, outcome: Result<T, impl std::fmt::Display>) -> Self {
        let outcome = outcome.map(|_| String::new()).map_err(|error| error.to_string().replace('\n', "; "));
        Self { subject: subject.into(), outcome }
    }
}

/// Tries an address; the listener holds it as long as it lives.
fn address(key: &str, address: SocketAddr, service_runs: bool) -> (Check, Option<TcpListener>) {
    let subject = format!("{key} {address} 可以监听 can be listened on");
    match TcpListener::bind(address) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && service_runs => {
            let outcome = Ok("（服务正在此数据目录上运行 the service is running on this data directory）".into());
            (Check { subject, outcome }, None)
        }
        Ok(listener) => (Check { subject, outcome: Ok(String::new()) }, Some(listener)),
        Err(error) => (Check::of::<()>(subject, Err(error)), None),
    }
}

/// Variables that look like settings and are none: most often a typing error.
fn unread_variables() -> Vec<String> {
    /// What other commands read.
    const OTHERS: [&str; 3] = [FILE_VARIABLE, "CQO_URL", "CQO_TOKEN_FILE"];
    let known = |name: &str| OTHERS.contains(&name) || KEYS.iter().any(|key| key.variable() == name);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut unread: Vec<String> = names.filter(|name| name.starts_with("CQO_") && !known(name)).collect();
    unread.sort();
    unread
}
