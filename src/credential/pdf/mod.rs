//! The two attachments of a certificate's PDF (proofs/FORMATS.md section 17).
//!
//! Here is a reader of what our own writer writes, and of nothing else: a file that another program could read in
//! another way is refused, not repaired. Deliberately absent: any judgement of the visible page. Good attachments say
//! nothing about what is printed; only the digest of the whole file on the chain does.

mod error;
mod frame;
mod value;

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

pub use error::PdfError;
pub use frame::MAX_PDF;
use frame::{Frame, Object};
use value::Value;

/// The keys of the catalog.
const CATALOG: [&str; 11] = [
    "AF",
    "Lang",
    "MarkInfo",
    "Metadata",
    "Names",
    "OutputIntents",
    "Outlines",
    "Pages",
    "StructTreeRoot",
    "Type",
    "ViewerPreferences",
];
/// How a zlib stream of our writer begins: deflate, a window of 32 KiB, the usual level, no preset dictionary.
const ZLIB: &[u8] = &[0x78, 0x9C];

/// One of the two attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// `credential.json`: the signed credential.
    Credential,
    /// `proof.json`: the proof bundle.
    Proof,
}

impl Attachment {
    /// Most bytes of it: 1 MiB, and 16 MiB.
    pub const fn max(self) -> usize {
        match self {
            Self::Credential => 1 << 20,
            Self::Proof => 16 << 20,
        }
    }

    /// Its name as it stands in the file.
    fn name(self) -> &'static [u8] {
        match self {
            Self::Credential => b"(credential.json)",
            Self::Proof => b"(proof.json)",
        }
    }

    fn relationship(self) -> &'static [u8] {
        match self {
            Self::Credential => b"Source",
            Self::Proof => b"Supplement",
        }
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "credential.json",
            Self::Proof => "proof.json",
        })
    }
}

/// The attachments of a PDF, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachments {
    /// `credential.json`.
    pub credential: Vec<u8>,
    /// `proof.json`.
    pub proof: Vec<u8>,
}

impl Attachments {
    /// Reads them out of a PDF of our writer (section 17); any other file is refused.
    pub fn from_pdf(pdf: &[u8]) -> Result<Self, PdfError> {
        let frame = Frame::read(pdf)?;
        let [credential, proof] = listed(&frame.object(frame.root)?)?;
        let credential = stream_of(&frame, Attachment::Credential, credential)?;
        let proof = stream_of(&frame, Attachment::Proof, proof)?;
        if credential == proof {
            return Err(PdfError::SameStream);
        }
        Ok(Self {
            credential: content(&frame.object(credential)?, Attachment::Credential)?,
            proof: content(&frame.object(proof)?, Attachment::Proof)?,
        })
    }
}

/// The two file specifications, which `/AF` and the name tree of the catalog name alike.
fn listed(catalog: &Object<'_>) -> Result<[usize; 2], PdfError> {
    let Object { value, data: None } = catalog else { return Err(PdfError::Catalog) };
    if !value.has_keys(&CATALOG) || value.get("Type") != Some(&Value::Name(b"Catalog")) {
        return Err(PdfError::Catalog);
    }
    let tree = value.get("Names").filter(|names| names.has_keys(&["EmbeddedFiles"]));
    let tree = tree.and_then(|names| names.get("EmbeddedFiles")).filter(|tree| tree.has_keys(&["Names"]));
    let (Some(Value::Array(names)), Some(Value::Array(associated))) =
        (tree.and_then(|tree| tree.get("Names")), value.get("AF"))
    else {
        return Err(PdfError::Catalog);
    };
    let [Value::Text(first), Value::Ref(credential), Value::Text(second), Value::Ref(proof)] = names.as_slice() else {
        return Err(PdfError::Lists);
    };
    let good = *first == Attachment::Credential.name()
        && *second == Attachment::Proof.name()
        && *associated == [Value::Ref(*credential), Value::Ref(*proof)];
    if good { Ok([*credential, *proof]) } else { Err(PdfError::Lists) }
}

/// The number of the stream that a file specification names.
fn stream_of(frame: &Frame<'_>, attachment: Attachment, number: usize) -> Result<usize, PdfError> {
    let Object { value, data } = frame.object(number)?;
    let name = Value::Text(attachment.name());
    let good = data.is_none()
        && value.has_keys(&["AFRelationship", "Desc", "EF", "F", "Type", "UF"])
        && value.get("Type") == Some(&Value::Name(b"Filespec"))
        && value.get("F") == Some(&name)
        && value.get("UF") == Some(&name)
        && value.get("AFRelationship") == Some(&Value::Name(attachment.relationship()))
        && matches!(value.get("Desc"), Some(Value::Text(_)));
    let files = value.get("EF").filter(|files| good && files.has_keys(&["F", "UF"]));
    match files.and_then(|files| files.get("F").zip(files.get("UF"))) {
        Some((Value::Ref(stream), same)) if *same == Value::Ref(*stream) => Ok(*stream),
        _ => Err(PdfError::Specification(attachment)),
    }
}

/// The bytes of an attachment.
fn content(object: &Object<'_>, attachment: Attachment) -> Result<Vec<u8>, PdfError> {
    let Object { value, data: Some(data) } = object else { return Err(PdfError::Stream(attachment)) };
    let good = value.has_keys(&["Filter", "Length", "Params", "Subtype", "Type"])
        && value.get("Type") == Some(&Value::Name(b"EmbeddedFile"))
        && value.get("Filter") == Some(&Value::Name(b"FlateDecode"))
        && value.get("Subtype") == Some(&Value::Name(b"application#2Fjson"));
    let params = value.get("Params").filter(|params| good && params.has_keys(&["ModDate", "Size"]));
    let dated = params.filter(|params| matches!(params.get("ModDate"), Some(Value::Text(_))));
    let size = dated.and_then(|params| params.get("Size")).and_then(Value::integer);
    let size = size.ok_or(PdfError::Stream(attachment))?;
    if size > attachment.max() {
        return Err(PdfError::Bomb(attachment));
    }
    inflate(data, attachment, size)
}

/// Inflates a whole zlib stream to exactly so many bytes, with room for one more, which tells a longer one.
fn inflate(data: &[u8], attachment: Attachment, size: usize) -> Result<Vec<u8>, PdfError> {
    let damaged = PdfError::Deflate(attachment);
    if !data.starts_with(ZLIB) {
        return Err(damaged);
    }
    let mut content = Vec::with_capacity(size + 1);
    let mut inflater = Decompress::new(true);
    let status = inflater.decompress_vec(data, &mut content, FlushDecompress::Finish);
    let whole = status.is_ok_and(|status| status == Status::StreamEnd) && inflater.total_in() == data.len() as u64;
    match content.len() {
        len if len > size || (whole && len < size) => Err(PdfError::Size(attachment)),
        _ if whole => Ok(content),
        _ => Err(damaged),
    }
}
