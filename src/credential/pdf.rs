//! What a certificate's PDF holds (FORMATS section 17).

/// The two files that are attached to a certificate's PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachments {
    /// The exact bytes of `certificate.json`.
    pub credential: Vec<u8>,
    /// The exact bytes of `certificate.proof.json`.
    pub proof: Vec<u8>,
}

/// Why a file is no PDF of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this version reads no PDF")]
pub struct PdfError;

impl Attachments {
    /// Reads the attachments of a PDF.
    pub const fn from_pdf(_bytes: &[u8]) -> Result<Self, PdfError> {
        Err(PdfError)
    }
}
