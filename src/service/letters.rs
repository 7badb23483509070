//! Letters by e-mail: a mailbox of files by default, a mail server where one is set.
//!
//! A letter goes out after what it speaks of is durable, and beside the request: one that cannot be delivered is logged
//! without its address, and never makes a use case fail. Whoever got none asks for another, or for a code on paper.

mod mailbox;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::{FileTransport, SmtpTransport, Transport as _};

use super::Service;
use super::accounts::Code;
use crate::standard::{UnixMillis, day_of};

/// How letters leave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Post {
    /// Not at all.
    #[default]
    Nowhere,
    /// As `.eml` files in this directory, which must be there.
    Files(PathBuf),
    /// Through the mail server of this address, as lettre reads it: `smtps://user:password@mail.example.cn`.
    Server(String),
}

/// By what letters are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterSettings {
    /// How they leave.
    pub post: Post,
    /// Whom they are from; a name of the service's own where it is not set.
    pub from: Option<String>,
    /// Where people find the service, as `https://ledger.example.cn`; none where that is not known.
    pub site: Option<String>,
}

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// The address.
    pub(super) to: String,
    /// The subject, in Chinese and English.
    pub(super) subject: String,
    /// The text, in Chinese and English. `{site}` stands for the address of the service.
    pub(super) text: String,
}

/// Whom letters are from when nothing is set.
const FROM: &str = "CQO Ledger <no-reply@localhost>";
/// How long letters stay in a mailbox of files: a day longer than any code in them holds.
const KEPT: Duration = Duration::from_secs(8 * 24 * 3_600);
/// What stands for the service's address where that is not known.
const NO_SITE: &str = "";

impl Letter {
    /// The letter that brings a one-time code.
    pub(super) fn code(to: &str, name: &str, code: &Code, expires_at: UnixMillis) -> Self {
        let day = day_of(expires_at).map(|day| day.to_string()).unwrap_or_default();
        let minute = expires_at.to_string();
        let text = include_str!("letters/code.txt")
            .replace("{name}", name)
            .replace("{code}", &code.to_string())
            .replace("{day}", &day)
            .replace("{minute}", &minute);
        let subject = "首席质量官培训学时存证：设置密码 / CQO training hours: choose your password".into();
        Self { to: to.to_owned(), subject, text }
    }

    /// The letter that tells somebody that an administrator has changed how their account is signed in to.
    pub(super) fn changed(to: &str, name: &str, at: UnixMillis) -> Self {
        let text = include_str!("letters/changed.txt").replace("{name}", name).replace("{moment}", &at.to_string());
        let subject = "首席质量官培训学时存证：账号安全提醒 / CQO training hours: your account was changed".into();
        Self { to: to.to_owned(), subject, text }
    }

    fn message(&self, settings: &LetterSettings) -> Result<Message, String> {
        let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| error.to_string());
        let site = settings.site.as_deref().unwrap_or(NO_SITE);
        Message::builder()
            .from(mailbox(settings.from.as_deref().unwrap_or(FROM))?)
            .to(mailbox(&self.to)?)
            .subject(&self.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.replace("{site}", site))
            .map_err(|error| error.to_string())
    }
}

impl Post {
    /// Whether letters can leave this way at all, without sending one.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Server(url) => server(url).map(drop),
            Self::Nowhere | Self::Files(_) => Ok(()),
        }
    }

    fn deliver(&self, message: &Message) -> Result<(), String> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Files(dir) => {
                sweep(dir);
                FileTransport::new(dir).send(message).map(drop).map_err(|error| error.to_string())
            }
            Self::Server(url) => server(url)?.send(message).map(drop).map_err(|error| kind_of(&error)),
        }
    }
}

/// What kind of failure it was. Not the server's words: they may repeat the address.
fn kind_of(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".into(),
        None if error.is_tls() => "no encrypted connection to the mail server".into(),
        None => "the mail server cannot be reached, or does not speak as one".into(),
    }
}

/// Removes letters of a mailbox of files that are older than anything in them holds: they have names and codes in them.
fn sweep(dir: &Path) {
    let old = |file: &std::fs::DirEntry| {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT))
    };
    for file in std::fs::read_dir(dir).into_iter().flatten().flatten().filter(old) {
        let is_letter = file.path().extension().is_some_and(|extension| extension == "eml");
        if is_letter && let Err(error) = std::fs::remove_file(file.path()) {
            tracing::warn!(%error, "an old letter cannot be removed");
        }
    }
}

fn server(url: &str) -> Result<SmtpTransport, String> {
    Ok(SmtpTransport::from_url(url).map_err(|error| error.to_string())?.build())
}

impl Service {
    /// Sends a letter, and says whether it was delivered: for those who try again themselves.
    pub(super) async fn deliver_letter(&self, letter: Letter) -> bool {
        let settings = Arc::clone(&self.letters);
        let deliver = move || letter.message(&settings).and_then(|message| settings.post.deliver(&message));
        let sent = tokio::task::spawn_blocking(deliver).await.map_err(|error| error.to_string());
        let sent = sent.and_then(|sent| sent);
        if let Err(error) = &sent {
            tracing::warn!(error, "a letter could not be delivered");
        }
        sent.is_ok()
    }

    /// Sends a letter beside whatever goes on.
    pub(super) fn send_letter(&self, letter: Letter) {
        let settings = Arc::clone(&self.letters);
        let deliver = move || {
            let sent = letter.message(&settings).and_then(|message| settings.post.deliver(&message));
            if let Err(error) = sent {
                // Not the address, and not the text: either may be personal.
                tracing::warn!(error, "a letter could not be delivered");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(deliver)),
            Err(_) => deliver(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_to_a_mailbox_of_files_can_be_read_there() {
        let dir = tempfile::tempdir().unwrap();
        let post = Post::Files(dir.path().to_owned());
        let settings = LetterSettings { post, from: None, site: Some("https://cqo.example.cn".into()) };
        let letter =
            Letter { to: "wang@example.org".into(), subject: "学时".into(), text: "到 {site}/join 去".into() };
        settings.post.deliver(&letter.message(&settings).unwrap()).unwrap();
        let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("To: wang@example.org") && text.contains("Subject: =?utf-8?"), "{text}");
        let old = dir.path().join("old.eml");
        std::fs::write(&old, "old").unwrap();
        let long_ago = std::time::SystemTime::now() - KEPT - Duration::from_secs(1);
        std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
        settings.post.deliver(&letter.message(&settings).unwrap()).unwrap();
        assert!(!old.exists() && std::fs::read_dir(dir.path()).unwrap().count() == 2, "old letters go, others stay");
        assert!(letter.message(&LetterSettings { from: Some("nobody".into()), ..settings }).is_err());
    }

    #[test]
    fn only_the_address_of_a_mail_server_is_one() {
        for (url, good) in [
            ("smtps://a:b@mail.example.cn", true),
            ("smtp://mail.example.cn:25", true),
            ("https://a.cn", false),
            ("", false),
        ] {
            assert_eq!(Post::Server(url.into()).check().is_ok(), good, "{url}");
        }
    }
}
