//! The configuration of `serve`: flags over environment over file over defaults, all errors together, each with its place.
//!
//! No file is read that nobody named: `--config FILE`, or `CQO_CONFIG`. Nothing secret is a key; secrets are in files of the
//! data directory. What a key is called, and what it may be, is in [`keys`] alone.

pub(super) mod check;
mod file;
mod keys;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};

use super::data_dir::DataDir;
use super::{Failure, read_input};
use crate::service::accounts::password::ProtectionLevel;
use crate::service::accounts::{AccountSettings, SecondFactor};
use crate::service::{IssueSettings, LetterSettings, Post, Settings};
use crate::standard::rulebook::Place;
use crate::store::Options;
use crate::web::{Limits, ServerSettings};
pub(super) use keys::{Config, LogFormat};
use keys::{KEYS, Key, Kind, MailWay};

/// The longest configuration file that is looked at, in bytes.
const MAX_FILE_BYTES: usize = 64 * 1024;
const MS_PER_HOUR: i64 = 3_600_000;
/// Names the configuration file, where no flag does.
const FILE_VARIABLE: &str = "CQO_CONFIG";
/// The key that `demo` has a flag of its own for.
const DATA: &str = "data";

/// The keys as flags, each by its name in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Flags(BTreeMap<&'static str, String>);

/// Every key with its value and where the value comes from.
pub(super) struct Effective {
    /// The values, typed.
    pub(super) config: Config,
    /// The values as texts, in the order of [`KEYS`].
    values: Vec<(&'static Key, Value)>,
    /// The file, when there is one.
    file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Value {
    text: String,
    origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Flag(String),
    Environment(String),
    File(PathBuf, Place),
    Default,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone)]
struct Complaint {
    at: Option<Origin>,
    key: String,
    chinese: String,
    english: String,
}

/// Reads the configuration: flags, then the environment, then the file that `config` or the environment names.
pub(super) fn read(flags: &Flags, config: Option<&Path>) -> Result<Effective, Failure> {
    let file = config.map(Path::to_owned).or_else(|| variable(FILE_VARIABLE).map(PathBuf::from));
    let mut complaints = Vec::new();
    let from_file = match &file {
        None => BTreeMap::new(),
        Some(path) => {
            let text = String::from_utf8(read_input(path, MAX_FILE_BYTES)?)
                .map_err(|error| Failure::misuse(format!("{}: {error}", path.display())))?;
            file::read(path, &text, &mut complaints)
        }
    };
    resolve(flags, from_file, file, complaints)
}

/// What `demo` runs by: no file, a directory of its own, and for some keys another default than a ledger in earnest has.
pub(super) fn read_without_file(
    flags: &Flags,
    data: &Path,
    defaults: &[(&'static str, &str)],
) -> Result<Config, Failure> {
    let mut flags = flags.clone();
    flags.0.insert(DATA, data.display().to_string());
    let value = |text: &str| Value { text: text.to_owned(), origin: Origin::Default };
    let defaults = defaults.iter().map(|(name, text)| (*name, value(text))).collect();
    resolve(&flags, defaults, None, Vec::new()).map(|effective| effective.config)
}

/// A variable of the environment; an empty one counts as not set, as service managers and containers leave them.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn resolve(
    flags: &Flags,
    mut from_file: BTreeMap<&'static str, Value>,
    file: Option<PathBuf>,
    mut complaints: Vec<Complaint>,
) -> Result<Effective, Failure> {
    let mut values = Vec::new();
    for key in KEYS {
        let flag = flags.0.get(key.name).map(|text| (text.clone(), Origin::Flag(format!("--{}", key.flag()))));
        let value = flag
            .or_else(|| variable(&key.variable()).map(|text| (text, Origin::Environment(key.variable()))))
            .map(|(text, origin)| Value { text, origin })
            .or_else(|| from_file.remove(key.name))
            .or_else(|| key.default.map(|text| Value { text: text.to_owned(), origin: Origin::Default }));
        match value {
            Some(value) if key.kind.accepts(&value.text) => values.push((key, value)),
            Some(value) => complaints.push(Complaint::not_a_value(key, &value)),
            None if complaints.iter().any(|complaint| complaint.key == key.name) => {}
            None => complaints.push(Complaint::missing(key)),
        }
    }
    let config =
        Config::from_texts(|name| values.iter().find(|(key, _)| key.name == name).map(|(_, value)| value.text.clone()));
    match config {
        Some(config) if complaints.is_empty() => {
            let effective = Effective { config, values, file };
            effective.check_together()?;
            Ok(effective)
        }
        _ => Err(Complaint::all(&complaints)),
    }
}

impl Effective {
    /// What no single key can say.
    fn check_together(&self) -> Result<(), Failure> {
        let Config { seal_interval_ms, seal_by_ms, wait_max_ms, request_max_ms, .. } = self.config;
        let mut complaints = Vec::new();
        if i64::try_from(seal_interval_ms).is_ok_and(|interval| interval >= seal_by_ms) {
            complaints.push(self.complaint(
                "seal_by_ms",
                "应大于 seal_interval_ms，否则回执的承诺无法兑现",
                "must be above seal_interval_ms, or receipts promise what cannot be kept",
            ));
        }
        if wait_max_ms >= request_max_ms {
            complaints.push(self.complaint(
                "wait_max_ms",
                "应小于 request_max_ms，否则等待总以超时结束",
                "must be below request_max_ms, or waiting ends in a timeout",
            ));
        }
        if !self.config.trusted_proxies.0.is_empty() && self.config.site.0.is_none() {
            complaints.push(self.complaint(
                "site",
                "设有 trusted_proxies 时须写明用户访问的网址，否则会话 Cookie 不带 Secure，邮件里的链接指向本机",
                "must name the address that people use where trusted_proxies are set, or cookies go without Secure and letters lead to this machine",
            ));
        }
        complaints.extend(self.contradictions());
        if complaints.is_empty() { Ok(()) } else { Err(Complaint::all(&complaints)) }
    }

    /// What a start says of settings that work and are seldom meant.
    pub(super) fn notes(&self) -> Vec<&'static str> {
        let no_site = self.config.site.0.is_none();
        Vec::from_iter(no_site.then_some(
            "site 为 auto：会话 Cookie 不带 Secure，邮件和证书上的链接指向监听地址；有 TLS 代理时请写明网址 site is auto: cookies go \
             without Secure, links in letters and on certificates lead to the address listened on; behind a TLS proxy name the site",
        ))
    }

    /// Values that undo one another.
    fn contradictions(&self) -> Vec<Complaint> {
        let Config { protection_level, second_factor, mail, mail_from, .. } = &self.config;
        let without_factor = *protection_level == ProtectionLevel::Three && *second_factor == SecondFactor::Off;
        let nobodys_letters = *mail == MailWay::Server && mail_from.0.is_none();
        let level = without_factor.then(|| {
            self.complaint(
                "second_factor",
                "三级等级保护要求所有人使用动态验证码，不能为 off",
                "level 3 asks a second factor of everybody: off is not possible with it",
            )
        });
        let sender = nobodys_letters.then(|| {
            self.complaint(
                "mail_from",
                "经邮件服务器发信时须设置发件人",
                "must name a sender when letters leave through a mail server",
            )
        });
        level.into_iter().chain(sender).collect()
    }

    fn complaint(&self, name: &str, chinese: &str, english: &str) -> Complaint {
        let at = self.values.iter().find(|(key, _)| key.name == name).map(|(_, value)| value.origin.clone());
        Complaint { at, key: name.to_owned(), chinese: chinese.to_owned(), english: english.to_owned() }
    }
}

impl Config {
    /// The settings of a service that listens on `address`.
    pub(super) fn settings(&self, address: SocketAddr) -> Result<Settings, Failure> {
        let usual = Settings::default();
        let site = match &self.site.0 {
            Some(site) => site.clone(),
            None => format!("http://{address}").parse().map_err(Failure::new)?,
        };
        let status_valid_ms = i64::from(self.status_valid_hours) * MS_PER_HOUR;
        Ok(Settings {
            seal_interval_ms: self.seal_interval_ms,
            batch_max: self.batch_max,
            seal_by_ms: self.seal_by_ms,
            wait_max_ms: self.wait_max_ms,
            check_threads: if self.check_threads == 0 { usual.check_threads } else { self.check_threads },
            queue_max: self.queue_max,
            letters: LetterSettings {
                post: self.post()?,
                from: self.mail_from.0.as_ref().map(ToString::to_string),
                site: Some(site.to_string()),
            },
            issue: Some(IssueSettings { site, status_valid_ms }),
            accounts: AccountSettings { level: self.protection_level, second_factor: self.second_factor },
            reminder_days: self.reminder_days.clone(),
        })
    }

    /// How letters leave.
    fn post(&self) -> Result<Post, Failure> {
        let dir = DataDir::new(&self.data);
        match self.mail {
            MailWay::Off => Ok(Post::Nowhere),
            MailWay::Files => Ok(Post::Files(dir.mailbox())),
            MailWay::Server => dir.mail_server(self.mail_authority.0.as_deref()).map(Post::Server),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            body_max: self.body_max_bytes,
            bodies_max: self.bodies_max_bytes,
            body_grace_ms: self.body_grace_ms,
            request_max_ms: self.request_max_ms,
            in_flight_max: self.in_flight_max,
            in_flight_per_client_max: self.in_flight_per_client_max,
            rate_per_second: self.rate_per_second,
            rate_burst: self.rate_burst_requests,
            lookups_per_minute: self.lookups_per_minute,
            complaints_per_hour: self.complaints_per_hour,
            trusted_proxies: self.trusted_proxies.0.clone(),
            // An address found out by itself is none that people were told: they may come by any name.
            site: self.site.0.clone(),
            ..Limits::default()
        }
    }

    pub(super) fn server(&self) -> ServerSettings {
        ServerSettings {
            connections_max: self.connections_max,
            connections_per_client_max: self.connections_per_client_max,
            header_read_ms: self.header_read_ms,
            idle_ms: self.idle_ms,
            ..ServerSettings::default()
        }
    }

    pub(super) fn store_options(&self) -> Options {
        let mut options = Options::default();
        options.cache_bytes = self.cache_bytes;
        options
    }
}

impl Complaint {
    fn not_a_value(key: &Key, value: &Value) -> Self {
        let (chinese, english) = key.kind.expected();
        let Value { text, origin } = value;
        Self {
            at: Some(origin.clone()),
            key: key.name.to_owned(),
            chinese: format!("{chinese}，而不是 {text:?}"),
            english: format!("{english}, not {text:?}"),
        }
    }

    fn missing(key: &Key) -> Self {
        let (flag, variable) = (key.flag(), key.variable());
        Self {
            at: None,
            key: key.name.to_owned(),
            chinese: format!("没有设置：用 --{flag}、环境变量 {variable} 或配置文件"),
            english: format!("is not set: use --{flag}, the variable {variable}, or the configuration file"),
        }
    }

    fn all(complaints: &[Self]) -> Failure {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        Failure::misuse(format!("配置有误 the configuration is not valid:\n{}", lines.join("\n")))
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, key, chinese, english } = self;
        match at {
            Some(at) => write!(f, "{at}: {key}: {chinese} | {english}"),
            None => write!(f, "{key}: {chinese} | {english}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "参数 flag {flag}"),
            Self::Environment(name) => write!(f, "环境变量 environment {name}"),
            Self::File(path, Place { line, column }) => {
                write!(f, "{} 第 {line} 行第 {column} 列 line {line}, column {column}", path.display())
            }
            Self::Default => f.write_str("默认 default"),
        }
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for key in KEYS {
            // `demo` has a `data` of another type.
            if let Ok(Some(text)) = matches.try_get_one::<String>(key.name) {
                self.0.insert(key.name, text.clone());
            }
        }
        Ok(())
    }
}

impl clap::Args for Flags {
    fn augment_args(command: clap::Command) -> clap::Command {
        let has_data = command.get_arguments().any(|arg| arg.get_id() == DATA);
        command.args(KEYS.iter().filter(|key| !(has_data && key.name == DATA)).map(Key::as_flag))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl Key {
    fn as_flag(&self) -> Arg {
        let default = self.default.map_or(String::new(), |text| format!(" [默认 default: {text}]"));
        let help = format!("{} | {}{default} [{}]", self.chinese, self.english, self.variable());
        let flag = Arg::new(self.name).long(self.flag()).help(help).action(ArgAction::Set);
        match &self.kind {
            Kind::Flag => flag.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL"),
            Kind::Number(_) => flag.value_name("NUMBER"),
            Kind::Address | Kind::AddressOrOff => flag.value_name("ADDRESS:PORT"),
            Kind::Choice(_) => flag.value_name("WORD"),
            Kind::Hosts => flag.value_name("ADDRESSES"),
            Kind::Path | Kind::PathOrAuto => flag.value_name("PATH"),
            Kind::SiteOrAuto => flag.value_name("URL"),
            Kind::MailboxOrAuto => flag.value_name("MAILBOX"),
            Kind::Days => flag.value_name("DAYS"),
        }
    }
}

#[cfg(test)]
mod tests;
