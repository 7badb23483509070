//! A mail server, and what it says of a letter.

use std::error::Error as _;
use std::fmt;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use lettre::Transport as _;
use lettre::message::Message;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::{Error, SmtpTransport};

/// How long the server may take for each answer. One that is slower is one that hangs.
const PATIENCE: Duration = Duration::from_secs(10);
const PEM_BEGINS: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A mail server by its address, with name and password where it asks for them: `smtps://USER:PASSWORD@HOST`, or
/// `smtp://USER:PASSWORD@HOST?tls=required` for STARTTLS.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    url: String,
    authority: Option<Vec<u8>>,
}

/// The password is nobody's to see.
impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer").finish_non_exhaustive()
    }
}

/// Why a letter was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undelivered {
    /// What happened. Not the server's words: they may repeat the address.
    pub(super) what: String,
    /// Whether it may be otherwise a little later.
    pub(super) may_pass: bool,
}

impl MailServer {
    /// The server of an address, without asking it anything. With an authority (PEM), its certificates are believed and no
    /// others.
    pub fn new(url: &str, authority: Option<Vec<u8>>) -> Result<Self, String> {
        let this = Self { url: url.to_owned(), authority };
        this.transport()?;
        let Address { tls, host, with_password } = Address::of(url).ok_or("is not the address of a mail server")?;
        if with_password && matches!(tls, Some("opportunistic") | None) && !is_loopback(host) {
            return Err("would send the password unencrypted: use smtps://, or smtp:// with ?tls=required".into());
        }
        Ok(this)
    }

    fn transport(&self) -> Result<SmtpTransport, String> {
        let said = |error: Error| error.to_string();
        let builder = SmtpTransport::from_url(&self.url).map_err(said)?.timeout(Some(PATIENCE));
        let Some(pem) = &self.authority else { return Ok(builder.build()) };
        if !pem.windows(PEM_BEGINS.len()).any(|part| part == PEM_BEGINS) {
            return Err("the authority's file holds no certificate in PEM".into());
        }
        let address = Address::of(&self.url).ok_or("is not the address of a mail server")?;
        let parameters = TlsParameters::builder(address.host.to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem).map_err(said)?)
            .build()
            .map_err(said)?;
        let tls = match address.tls {
            Some("smtps") => Tls::Wrapper(parameters),
            Some("required") => Tls::Required(parameters),
            Some(_) => Tls::Opportunistic(parameters),
            None => {
                return Err("has an authority and no encryption: use smtps://, or smtp:// with ?tls=required".into());
            }
        };
        Ok(builder.tls(tls).build())
    }

    /// Hands a letter over. Takes as long as the server takes.
    pub(super) fn deliver(&self, message: &Message) -> Result<(), Undelivered> {
        let transport = self.transport().map_err(|what| Undelivered { what, may_pass: false })?;
        transport.send(message).map(drop).map_err(|error| Undelivered::by(&error))
    }
}

/// What is to be known of a mail server's address beyond what lettre reads.
struct Address<'a> {
    /// `smtps`, or what `tls=` says; none for a connection in the clear.
    tls: Option<&'a str>,
    host: &'a str,
    with_password: bool,
}

impl<'a> Address<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = rest.split(['/', '#']).next()?;
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next()?,
            None => host.split(':').next()?,
        };
        let asked = query.split('&').find_map(|part| part.strip_prefix("tls="));
        let tls = if scheme == "smtps" { Some(scheme) } else { asked };
        Some(Self { tls, host, with_password: user.contains(':') })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Undelivered {
    fn by(error: &Error) -> Self {
        let kind = io_kind_of(error);
        let what = match error.status() {
            Some(code) => format!("the mail server answered {code}"),
            // A read that takes too long ends in either of them.
            None if matches!(kind, Some(ErrorKind::TimedOut | ErrorKind::WouldBlock)) => {
                "the mail server did not answer in time".into()
            }
            // What the TLS library finds wrong.
            None if error.is_tls() || kind == Some(ErrorKind::InvalidData) => {
                "the mail server's certificate is not believed, or it speaks no TLS".into()
            }
            None if error.is_client() => "the mail server cannot do what is asked of it".into(),
            None => "the mail server cannot be reached, or does not speak as one".into(),
        };
        Self { what, may_pass: !error.is_permanent() && !error.is_client() }
    }
}

fn io_kind_of(error: &Error) -> Option<ErrorKind> {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_a_mail_server_is_one_and_no_password_goes_in_the_clear() {
        for (url, good) in [
            ("smtps://a:b@mail.example.cn", true),
            ("smtps://wang%40example.cn:b%2Fc@mail.example.cn:465", true),
            ("smtp://a:b@mail.example.cn?tls=required", true),
            ("smtp://a:b@mail.example.cn:587/here.example.cn?tls=required", true),
            ("smtp://mail.example.cn:25", true),
            ("smtp://mail.example.cn?tls=opportunistic", true),
            ("smtp://a:b@localhost:2525", true),
            ("smtp://a:b@127.0.0.1", true),
            ("smtp://a:b@[::1]:25", true),
            ("smtp://a:b@mail.example.cn", false),
            ("smtp://a:b@mail.example.cn?tls=opportunistic", false),
            ("smtp://a:b@mail.example.cn?tls=never", false),
            ("https://a.cn", false),
            ("mail.example.cn", false),
            ("", false),
        ] {
            assert_eq!(MailServer::new(url, None).is_ok(), good, "{url}");
        }
        let server = MailServer::new("smtps://a:secret@mail.example.cn", None).unwrap();
        assert!(!format!("{server:?}").contains("secret"));
    }

    #[test]
    fn an_authority_is_a_certificate() {
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"] {
            let made = MailServer::new("smtps://mail.example.cn", Some(text.into()));
            assert!(made.is_err(), "{text}");
        }
    }
}
