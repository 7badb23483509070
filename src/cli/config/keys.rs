//! Every key of the configuration, once: its name, type, bounds, default and meaning. The key of the file, the flag, the
//! environment variable, the help text and the checks all come from here; the sample file is held against it by a test.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use lettre::message::Mailbox;

use crate::credential::Site;
use crate::service::accounts::SecondFactor;
use crate::service::accounts::password::ProtectionLevel;
use crate::service::remind::ReminderDays;

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number within bounds.
    Number(RangeInclusive<u64>),
    /// `true` or `false`.
    Flag,
    /// An address and a port.
    Address,
    /// An address and a port, or `off`.
    AddressOrOff,
    /// Addresses without ports, with commas between them, or `off`.
    Hosts,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A path.
    Path,
    /// A path, or `auto`.
    PathOrAuto,
    /// `https://` or `http://` and a host, or `auto`.
    SiteOrAuto,
    /// Numbers of days with commas between them, or `off`.
    Days,
    /// A name and an e-mail address, or `auto`.
    MailboxOrAuto,
}

/// One key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// As it stands in the file.
    pub(super) name: &'static str,
    /// What it must be.
    pub(super) kind: Kind,
    /// The value when nobody names one; nothing when somebody must.
    pub(super) default: Option<&'static str>,
    /// What it means, in Chinese.
    pub(super) chinese: &'static str,
    /// What it means, in English.
    pub(super) english: &'static str,
}

impl Key {
    /// The key of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Without the two hyphens: `seal-interval-ms`.
    pub(super) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// `CQO_SEAL_INTERVAL_MS`.
    pub(super) fn variable(&self) -> String {
        format!("CQO_{}", self.name.to_ascii_uppercase())
    }
}

impl Kind {
    /// Whether a text, as a flag would give it, is such a value.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Number(bounds) => text.parse().is_ok_and(|number| bounds.contains(&number)),
            Self::Flag => text.parse::<bool>().is_ok(),
            Self::Address => text.parse::<SocketAddr>().is_ok(),
            Self::AddressOrOff => text.parse::<AddressOrOff>().is_ok(),
            Self::Hosts => text.parse::<Hosts>().is_ok(),
            Self::Choice(words) => words.contains(&text),
            Self::Path | Self::PathOrAuto => !text.is_empty(),
            Self::SiteOrAuto => text.parse::<Auto<Site>>().is_ok(),
            Self::Days => text.parse::<ReminderDays>().is_ok(),
            Self::MailboxOrAuto => text.parse::<Auto<Mailbox>>().is_ok(),
        }
    }

    /// Such a value, in Chinese and English.
    pub(super) fn expected(&self) -> (String, String) {
        match self {
            Self::Number(bounds) => {
                let (low, high) = (bounds.start(), bounds.end());
                (format!("应为 {low} 到 {high} 的整数"), format!("expected a whole number from {low} to {high}"))
            }
            Self::Flag => ("应为 true 或 false".into(), "expected true or false".into()),
            Self::Address => {
                ("应为 地址:端口，如 127.0.0.1:8080".into(), "expected ADDRESS:PORT, as 127.0.0.1:8080".into())
            }
            Self::AddressOrOff => (
                "应为 地址:端口（如 127.0.0.1:9464）或 off".into(),
                "expected ADDRESS:PORT, as 127.0.0.1:9464, or off".into(),
            ),
            Self::Hosts => (
                "应为 IP 地址（多个用逗号分隔，如 127.0.0.1, ::1）或 off".into(),
                "expected IP addresses with commas between them, as 127.0.0.1, ::1, or off".into(),
            ),
            Self::Choice(words) => {
                let words = words.join(", ");
                (format!("应为其中之一：{words}"), format!("expected one of {words}"))
            }
            Self::Path => ("应为路径".into(), "expected a path".into()),
            Self::PathOrAuto => ("应为路径或 auto".into(), "expected a path or auto".into()),
            Self::SiteOrAuto => (
                "应为 https:// 加小写主机名，可带端口，不带路径，如 https://ledger.example.cn，或 auto".into(),
                "expected https:// and a host in lower case, with a port or without, no path, as https://ledger.example.cn, or auto".into(),
            ),
            Self::Days => (
                "应为 1 到 365 的天数（最多 10 个，用逗号分隔，如 90,30,7）或 off".into(),
                "expected 1 to 10 numbers of days from 1 to 365 with commas between them, as 90,30,7, or off".into(),
            ),
            Self::MailboxOrAuto => (
                "应为 名称 <邮箱地址>，或 auto".into(),
                "expected NAME <ADDRESS>, as CQO <no-reply@ledger.example.cn>, or auto".into(),
            ),
        }
    }
}

/// An address to listen on, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressOrOff(pub(crate) Option<SocketAddr>);

impl FromStr for AddressOrOff {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self(None)) } else { text.parse().map(|address| Self(Some(address))) }
    }
}

/// Something that is found out where `auto` stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Auto<T>(pub(crate) Option<T>);

impl<T: FromStr> FromStr for Auto<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "auto" { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

/// Addresses of hosts; none for `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hosts(pub(crate) Vec<IpAddr>);

impl FromStr for Hosts {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(Vec::new()));
        }
        text.split(',')
            .map(|host| host.trim().parse().map(|host: IpAddr| host.to_canonical()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// How letters leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailWay {
    /// Into files.
    Files,
    /// Through a mail server.
    Server,
    /// Not at all.
    Off,
}

impl FromStr for MailWay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "files" => Ok(Self::Files),
            "server" => Ok(Self::Server),
            "off" => Ok(Self::Off),
            other => Err(other.to_owned()),
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// For people.
    Text,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(other.to_owned()),
        }
    }
}

/// Makes the struct and the table from one list of rows: key, type, default, what it must be, Chinese, English.
macro_rules! keys {
    ($($name:ident: $type:ty = $default:expr, $kind:expr, $chinese:literal, $english:literal;)*) => {
        /// What `serve` runs by.
        #[derive(Debug, Clone)]
        pub(crate) struct Config {
            $(#[doc = $english] pub(crate) $name: $type,)*
        }

        /// Every key, in the order of the sample file.
        pub(super) const KEYS: &[Key] = &[
            $(Key { name: stringify!($name), kind: $kind, default: $default, chinese: $chinese, english: $english },)*
        ];

        impl Config {
            /// Makes the struct of the texts of all keys; none if one is missing or is not of its type.
            pub(super) fn from_texts(text: impl Fn(&str) -> Option<String>) -> Option<Self> {
                Some(Self { $($name: text(stringify!($name))?.parse().ok()?,)* })
            }
        }
    };
}

const MIB: u64 = 1024 * 1024;

#[rustfmt::skip]
keys! {
    data: PathBuf = None, Kind::Path, "数据目录", "The data directory";
    listen: SocketAddr = Some("127.0.0.1:8080"), Kind::Address, "监听地址", "Address and port to listen on; port 0 takes any free one";
    metrics_listen: AddressOrOff = Some("off"), Kind::AddressOrOff, "指标的监听地址", "Address and port of /metrics, apart from the public listener";
    metrics_public: bool = Some("false"), Kind::Flag, "在公开地址上也提供指标", "Serve /metrics on the public listener too";
    site: Auto<Site> = Some("auto"), Kind::SiteOrAuto, "证书核验网址，印在证书上，永久有效；auto 为 http://监听地址", "Where certificates are verified; it stands on each of them for ever; auto is http:// and the address listened on";
    seal_interval_ms: u64 = Some("1000"), Kind::Number(1..=60_000), "封块间隔（毫秒）", "Seal a block this often when something is pending";
    batch_max: usize = Some("2048"), Kind::Number(1..=10_000), "每个区块的记录上限（条）", "Most entries of a block";
    seal_by_ms: i64 = Some("600000"), Kind::Number(1_000..=86_400_000), "回执承诺的上链时限（毫秒）", "A receipt promises a block within this time";
    wait_max_ms: u64 = Some("10000"), Kind::Number(0..=60_000), "?wait=sealed 最长等待（毫秒）", "The longest that ?wait=sealed waits";
    check_threads: usize = Some("0"), Kind::Number(0..=256), "验签线程数，0 为每核一个", "Threads that check signatures; 0 for one a core";
    queue_max: usize = Some("256"), Kind::Number(1..=10_000), "等待排序的请求上限（个）", "Requests that may wait for their place in the order";
    cache_bytes: u64 = Some("67108864"), Kind::Number(16 * MIB..=65_536 * MIB), "索引缓存（字节）", "Memory for the pages of the index";
    font: Auto<PathBuf> = Some("auto"), Kind::PathOrAuto, "证书字体所在目录，auto 为系统字体目录", "Directory of the fonts for certificates; auto looks where the system keeps them";
    status_valid_hours: u32 = Some("24"), Kind::Number(1..=720), "证书状态列表的有效期（小时），过半即更新", "An edition of a status list holds this long; after half of it there is a new one";
    body_max_bytes: usize = Some("4194304"), Kind::Number(1_024..=8 * MIB), "请求体上限（字节）", "Largest request body";
    request_max_ms: u64 = Some("30000"), Kind::Number(1_000..=300_000), "单个请求的时限（毫秒）", "Longest time of one request";
    in_flight_max: usize = Some("128"), Kind::Number(1..=65_535), "同时处理的请求上限（个）", "Most requests under way at once";
    in_flight_per_client_max: usize = Some("64"), Kind::Number(1..=65_535), "其中同一客户端的上限（个）", "Of these, most requests of one client";
    bodies_max_bytes: usize = Some("67108864"), Kind::Number(MIB..=4_096 * MIB), "同时处理的请求体总字节上限", "Most bytes of all request bodies at once";
    body_grace_ms: u64 = Some("5000"), Kind::Number(100..=60_000), "请求体的宽限时间（毫秒）", "Time that a request body may take however slow it is";
    connections_max: usize = Some("8192"), Kind::Number(1..=1_000_000), "同时打开的连接上限（个）", "Most connections at once";
    connections_per_client_max: usize = Some("1024"), Kind::Number(1..=1_000_000), "每个客户端地址的连接上限；在反向代理之后须高于代理的连接数", "Most connections of one client address; behind a reverse proxy, above what it opens";
    header_read_ms: u64 = Some("10000"), Kind::Number(100..=60_000), "请求头的接收时限（毫秒）", "Time for a request's head to arrive";
    idle_ms: u64 = Some("75000"), Kind::Number(100..=3_600_000), "空闲连接的保持时间（毫秒）", "Time that a connection may rest between requests";
    rate_per_second: u32 = Some("100"), Kind::Number(0..=1_000_000), "每个客户端每秒的请求数，0 为不限", "Requests a second of one client; 0 for no limit";
    rate_burst_requests: u32 = Some("1000"), Kind::Number(1..=1_000_000), "每个客户端一次可突发的请求数", "Requests that one client may make at once before the rate counts";
    lookups_per_minute: u32 = Some("60"), Kind::Number(0..=1_000_000), "每个客户端每分钟的存证查询数，以及登录失败次数，0 为不限", "Look-ups of attestations a minute of one client, and as many sign-ins that fail; 0 for no limit";
    complaints_per_hour: u32 = Some("5"), Kind::Number(0..=10_000), "每个客户端每小时可提交的投诉数，0 为不限", "Complaints that one client may file within an hour; 0 for no limit";
    protection_level: ProtectionLevel = Some("2"), Kind::Choice(&["2", "3"]), "账号规则所依据的网络安全等级保护级别", "The level of classified protection (GB/T 22239) that passwords, lockout and sessions follow";
    second_factor: SecondFactor = Some("by_level"), Kind::Choice(&["by_level", "off"]), "动态验证码：by_level 为工作人员必须使用（三级为所有人），off 为不强制", "Second factor: by_level asks it of staff, at level 3 of everybody; off of nobody";
    mail: MailWay = Some("files"), Kind::Choice(&["files", "server", "off"]), "邮件：files 存入数据目录的 mailbox，server 经 keys/mail-server 文件中的邮件服务器发送", "Letters: files puts them into the data directory's mailbox, server sends through the mail server whose address is in keys/mail-server";
    mail_authority: Auto<PathBuf> = Some("auto"), Kind::PathOrAuto, "签发邮件服务器证书的机构（PEM 文件），auto 为通行的公共机构", "PEM file of the authority that signed the mail server's certificate; auto believes the usual public ones";
    mail_from: Auto<Mailbox> = Some("auto"), Kind::MailboxOrAuto, "邮件的发件人", "Whom letters are from";
    reminder_days: ReminderDays = Some("90,30,7"), Kind::Days, "年度要求未完成时，在截止日前多少天发邮件提醒，首页同时提示；off 为不提醒", "Days before the end of their year at which CQOs are reminded, by e-mail and on their home page, of what is missing in it; off for never";
    trusted_proxies: Hosts = Some("off"), Kind::Hosts, "可信反向代理的地址，其 X-Forwarded-For 用于限速", "Reverse proxies whose X-Forwarded-For is believed when requests are counted";
    log_format: LogFormat = Some("json"), Kind::Choice(&["json", "text"]), "日志格式", "How log lines are written";
    log_level: String = Some("info"), Kind::Choice(&["error", "warn", "info", "debug", "trace"]), "日志级别", "The least level that is logged; RUST_LOG, when set, says it more finely";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_key() {
        for key in KEYS {
            assert!(key.default.is_none_or(|text| key.kind.accepts(text)), "{}", key.name);
        }
        let config = Config::from_texts(|name| Key::named(name)?.default.or(Some("x")).map(str::to_owned));
        assert!(config.is_some(), "what is accepted has the type of its field");
    }

    #[test]
    fn bounds_fit_the_types_of_their_fields() {
        for key in KEYS {
            let Kind::Number(bounds) = &key.kind else { continue };
            for bound in [bounds.start(), bounds.end()] {
                let text = |name: &str| match name == key.name {
                    true => Some(bound.to_string()),
                    false => Key::named(name)?.default.or(Some("x")).map(str::to_owned),
                };
                assert!(Config::from_texts(text).is_some(), "{} = {bound}", key.name);
            }
        }
    }
}
