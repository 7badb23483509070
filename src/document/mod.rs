//! Documents for people: the hour certificate as PDF, and lists as XLSX. What is printed comes from the certificate alone,
//! so the same certificate gives the same bytes.
//!
//! A certificate is one file that is PDF/A-3a and PDF/UA-1: it can be kept, and it can be heard. Deliberately absent:
//! any clock, the network, and any claim beyond what the chain shows.

use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::error::KrillaError;
use krilla::metadata::{DateTime, Metadata};
use krilla::{Document, SerializeSettings};

use crate::merkle::Hash;
use crate::standard::{DayError, UnixMillis};

mod border;
mod fonts;
mod hour;
mod qr;
mod table;
mod text;
mod words;
pub mod xlsx;

use crate::credential::HourCertificate;
pub use fonts::{FontError, Fonts, Missing, is_common};
use words::{Words, beijing};

/// Points in a millimetre.
const MM: f32 = 72.0 / 25.4;
/// A4.
const PAGE_WIDTH: f32 = 210.0 * MM;
const PAGE_HEIGHT: f32 = 297.0 * MM;

/// The colours, red, green and blue.
const BURGUNDY: (u8, u8, u8) = (122, 28, 38);
const ROSE: (u8, u8, u8) = (166, 84, 80);
const GOLD: (u8, u8, u8) = (176, 141, 82);
const DARK_GOLD: (u8, u8, u8) = (138, 106, 52);
const CREAM: (u8, u8, u8) = (248, 241, 226);
const INK: (u8, u8, u8) = (24, 22, 22);
const GREY: (u8, u8, u8) = (92, 88, 86);

/// The edition of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A text has a character that no font has.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A moment that no calendar day of the standard has.
    #[error("a moment of the certificate: {0}")]
    Moment(#[from] DayError),
    /// The verification address does not fit a QR code.
    #[error("the verification address does not fit a QR code")]
    Address,
    /// The writer refused the document.
    #[error("the PDF writer refused the document: {0}")]
    Writer(String),
}

impl DocumentError {
    /// The reason in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Missing(missing) => missing.zh(),
            Self::Moment(_) => "证书中的时间超出范围".to_owned(),
            Self::Address => "核验网址过长，无法生成二维码".to_owned(),
            Self::Writer(_) => "无法生成 PDF".to_owned(),
        }
    }
}

/// An hour certificate as PDF, with the credential and its proof bundle attached byte for byte.
pub fn hour_certificate(
    fonts: &Fonts,
    language: Language,
    certificate: &HourCertificate,
    credential: &[u8],
    proof: &[u8],
) -> Result<Vec<u8>, DocumentError> {
    let words = Words::of(language);
    let issued = date_time(certificate.issued)?;
    let mut document = Document::new_with(settings()?);
    hour::write(&mut document, &fonts.open(), language, certificate, Hash::of(&[credential]))?;
    document.set_metadata(
        Metadata::new()
            .title(format!("{} {}", words.title.replace('\n', " "), certificate.number))
            .authors(vec![certificate.issuer.name.clone()])
            .language(words.code.to_owned())
            .creator("cqo-ledger".to_owned())
            .creation_date(issued)
            .document_id(format!("{} {}", certificate.number, words.code)),
    );
    let attachments = [
        ("credential.json", AssociationKind::Source, words.credential, credential),
        ("proof.json", AssociationKind::Supplement, words.proof, proof),
    ];
    for (name, relationship, description, content) in attachments {
        let attached = document.embed_file(EmbeddedFile {
            path: name.to_owned(),
            mime_type: MimeType::new("application/json"),
            description: Some(description.to_owned()),
            association_kind: relationship,
            data: content.to_vec().into(),
            modification_date: Some(issued),
            compress: Some(true),
            location: None,
        });
        debug_assert!(attached.is_some(), "the two names differ");
    }
    document.finish().map_err(|error| match error {
        KrillaError::Validation(found) => DocumentError::Writer(format!("{found:?}")),
        error => DocumentError::Writer(error.to_string()),
    })
}

/// PDF/A-3a and PDF/UA-1 together, which is PDF 1.7.
fn settings() -> Result<SerializeSettings, DocumentError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish();
    let configuration = configuration.map_err(|error| DocumentError::Writer(format!("{error:?}")))?;
    Ok(SerializeSettings { configuration, ..SerializeSettings::default() })
}

/// A moment as the date of a document, in Beijing time.
fn date_time(moment: UnixMillis) -> Result<DateTime, DayError> {
    let (day, time) = beijing(moment)?;
    let part = |at: std::ops::Range<usize>| time.get(at).and_then(|part| part.parse().ok()).unwrap_or(0);
    let date = day.date();
    let unsigned = |part: i8| u8::try_from(part).unwrap_or(1);
    let year = u16::try_from(date.year()).unwrap_or(1);
    let date = DateTime::new(year).month(unsigned(date.month())).day(unsigned(date.day()));
    Ok(date.hour(part(0..2)).minute(part(3..5)).second(part(6..8)).utc_offset_hour(8))
}
