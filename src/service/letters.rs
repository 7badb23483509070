//! Letters by e-mail: a mailbox of files by default, a mail server where one is set.
//!
//! A letter goes out after what it speaks of is durable, and beside the request ([`office`]): one that cannot be delivered
//! is logged without its address, and never makes a use case fail or wait. Whoever got none asks for another
//! when the code in it has run out, or for a code on paper.

mod mailbox;
mod office;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{FileTransport, Transport as _};

pub(super) use office::{Delivery, PostOffice};
pub use server::MailServer;
use server::Undelivered;

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
    /// Through this mail server.
    Server(MailServer),
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
        let from = mailbox(settings.from.as_deref().unwrap_or(FROM))?;
        // Under the sender's domain: the machine's own name is nobody's business.
        let id = format!("<{}@{}>", uuid::Uuid::now_v7(), from.email.domain());
        Message::builder()
            .message_id(Some(id))
            .from(from)
            .to(mailbox(&self.to)?)
            .subject(&self.subject)
            .header(Automatic)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.replace("{site}", site))
            .map_err(|error| error.to_string())
    }
}

/// Nobody wrote it, and nobody's absence is to be told to it. (RFC 3834, 5)
#[derive(Clone)]
struct Automatic;

impl Header for Automatic {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Post {
    fn deliver(&self, message: &Message) -> Result<(), Undelivered> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Files(dir) => {
                sweep(dir);
                let written = FileTransport::new(dir).send(message);
                written.map(drop).map_err(|error| Undelivered { what: error.to_string(), may_pass: true })
            }
            Self::Server(server) => server.deliver(message),
        }
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

impl Service {
    /// Tries a letter once, and says what became of it: for those who try again themselves.
    pub(super) async fn deliver_letter(&self, letter: Letter) -> Delivery {
        self.letters.deliver(letter).await
    }

    /// Sends a letter beside whatever goes on.
    pub(super) fn send_letter(&self, letter: Letter) {
        self.letters.take(letter);
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
        for line in ["To: wang@example.org", "Subject: =?utf-8?", "Auto-Submitted: auto-generated", "@localhost>"] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        let old = dir.path().join("old.eml");
        std::fs::write(&old, "old").unwrap();
        let long_ago = std::time::SystemTime::now() - KEPT - Duration::from_secs(1);
        std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
        settings.post.deliver(&letter.message(&settings).unwrap()).unwrap();
        assert!(!old.exists() && std::fs::read_dir(dir.path()).unwrap().count() == 2, "old letters go, others stay");
        assert!(letter.message(&LetterSettings { from: Some("nobody".into()), ..settings }).is_err());
    }
}
