//! The attachments of our own PDFs (proofs/FORMATS.md section 17): read as other people's programs read them, and read
//! from nothing else.
//!
//! A program that is missing is a failure, not a test left out: `./dev test` installs what is needed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use cqo_ledger::credential::pdf::{Attachments, PdfError};
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::tagging::{ContentTag, SpanTag, Tag, TagGroup, TagTree};
use krilla::{Document, SerializeSettings};

use super::fuzz::changed;
use super::pdf_breaks::{again, breaks, with_body};
use super::server::{campaign, stderr, stdout, text};

/// A small PDF by the writer of the product, with the two attachments of a certificate.
pub(crate) fn written(credential: &[u8], proof: &[u8]) -> Vec<u8> {
    edition("hours (12.50", "zh-CN", credential, proof)
}

/// The same with another text on its page, in another language.
pub(crate) fn edition(text: &str, language: &str, credential: &[u8], proof: &[u8]) -> Vec<u8> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish();
    let settings = SerializeSettings { configuration: configuration.unwrap(), ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let mut page = document.start_page_with(PageSettings::from_wh(200.0, 300.0).unwrap());
    let mut surface = page.surface();
    let id = surface.start_tagged(ContentTag::Span(SpanTag::empty().with_actual_text(Some(text))));
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(10.0, 10.0, 80.0, 80.0).unwrap());
    surface.draw_path(&path.finish().unwrap());
    surface.end_tagged();
    surface.finish();
    page.finish();
    let mut tree = TagTree::new();
    tree.push(TagGroup::with_children(Tag::P, vec![id.into()]));
    document.set_tag_tree(tree);
    let mut outline = Outline::new();
    outline.push_child(OutlineNode::new("1".to_owned(), XyzDestination::new(0, Point::from_xy(0.0, 0.0))));
    document.set_outline(outline);
    let date = DateTime::new(2026).month(11).day(22);
    document.set_metadata(
        Metadata::new().title("首席质量官培训学时证明".to_owned()).language(language.to_owned()).creation_date(date),
    );
    for (name, kind, description, content) in [
        ("credential.json", AssociationKind::Source, "凭证 Credential", credential),
        ("proof.json", AssociationKind::Supplement, "Proof (bundle)", proof),
    ] {
        let file = EmbeddedFile {
            path: name.to_owned(),
            mime_type: MimeType::new("application/json"),
            description: Some(description.to_owned()),
            association_kind: kind,
            data: content.to_vec().into(),
            modification_date: Some(date),
            compress: Some(true),
            location: None,
        };
        document.embed_file(file).unwrap();
    }
    document.finish().unwrap()
}

/// Attachments of every shape: empty, of one byte, of text, of what cannot be compressed, as large as they may be.
fn good() -> Vec<(Vec<u8>, Vec<u8>)> {
    let noise = |size: usize| {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..size).map(|_| next()).collect::<Vec<u8>>()
    };
    let json = "{\"姓名\":\"张三\"}".repeat(500).into_bytes();
    vec![
        (b"{}".to_vec(), b"[]".to_vec()),
        (json.clone(), json),
        (Vec::new(), Vec::new()),
        (b"\nendstream\nendobj\n%%EOF".to_vec(), b"x".to_vec()),
        (noise(70_000), noise(300_000)),
        (vec![b' '; 1 << 20], vec![b' '; 16 << 20]),
    ]
}

#[test]
fn good_attachments_are_read_byte_for_byte() {
    for (credential, proof) in good() {
        let pdf = written(&credential, &proof);
        let read = Attachments::from_pdf(&pdf).unwrap();
        assert!(read.credential == credential && read.proof == proof, "{} and {}", credential.len(), proof.len());
        assert!(again(&pdf) == pdf, "taken apart and put together, it is another file");
    }
}

#[test]
fn attachments_are_bounded_while_inflating() {
    for (sizes, refused) in [
        (((1 << 20) + 1, 1), "credential.json has more than 1048576 bytes"),
        ((1, (16 << 20) + 1), "proof.json has more than 16777216 bytes"),
    ] {
        let pdf = written(&vec![b' '; sizes.0], &vec![b' '; sizes.1]);
        assert_eq!(Attachments::from_pdf(&pdf).unwrap_err().to_string(), refused);
    }
}

/// The program's name for what is wrong with a file, without numbers.
fn kind(error: &PdfError) -> String {
    let shown = format!("{error:?}");
    shown.split([' ', '(']).next().unwrap_or_default().to_owned()
}

/// Which rule refuses which breakage.
const REFUSED: &[(&str, &[&str])] = &[
    ("Header", &["not a pdf", "empty", "bytes before the header", "another version"]),
    ("End", &["startxref with a leading zero", "two ends at once", "header alone", "cut off", "bytes after the end"]),
    ("TooLarge", &["over the size"]),
    (
        "Table",
        &[
            "two ends",
            "incremental update",
            "incremental update without prev",
            "prev in the trailer",
            "encrypt in the trailer",
            "xrefstm in the trailer",
            "root twice in the trailer",
            "cross-reference stream",
            "startxref off by one",
            "table of one entry less",
            "size unlike the table",
            "two sections in the table",
            "entry of a free object",
            "entry of another generation",
            "offset of ten digits",
        ],
    ),
    (
        "Object",
        &[
            "offset off by one",
            "offset beyond the file",
            "two entries of one object",
            "objects out of order",
            "comment between objects",
            "object of another generation",
        ],
    ),
    (
        "Syntax",
        &[
            "object that is not in the table",
            "two objects of one number",
            "escaped name",
            "wholly escaped name",
            "comment in an object",
            "line feed in an object",
            "two spaces",
            "null byte as a space",
            "string over two lines",
            "string without end",
            "string with another escape",
            "string of half a byte",
            "dictionary without end",
            "two values",
            "no value",
            "huge number",
            "number with an exponent",
            "number with two points",
            "reference of another generation",
            "long name",
            "long value",
            "carriage return before the data",
        ],
    ),
    ("KeyTwice", &["key twice", "key twice, apart"]),
    ("Reference", &["reference to no object", "reference to a huge number"]),
    ("Depth", &["nested too deep", "nested without end"]),
    (
        "Forbidden",
        &[
            "javascript when opened",
            "open action",
            "javascript by name",
            "js alone",
            "form",
            "xfa form",
            "actions of a page",
            "annotations",
            "launch",
            "go to another file",
            "go to an embedded file",
            "submit a form",
            "rich media",
            "optional content",
            "encrypt in an object",
            "linearized",
            "portfolio",
            "object stream",
            "file of an annotation",
        ],
    ),
    (
        "Count",
        &[
            "associated files of a page",
            "third attachment",
            "third attachment, not listed",
            "only in the associated files",
            "only in the name tree",
            "data in another file",
        ],
    ),
    (
        "Catalog",
        &[
            "another key in the catalog",
            "catalog without a language",
            "associated files by reference",
            "name tree with a node below",
            "name tree by reference",
        ],
    ),
    (
        "Lists",
        &[
            "associated files unlike the tree",
            "associated files in another order",
            "one associated file",
            "name twice in the tree",
        ],
    ),
    (
        "Specification",
        &[
            "swapped attachments",
            "one attachment under both names",
            "name in hexadecimal",
            "name with an escape",
            "another name",
            "two names",
            "two streams",
            "platform of a file",
            "file system of a file",
            "another relationship",
        ],
    ),
    ("SameStream", &["both the same stream"]),
    ("Length", &["length too short", "length too long", "length with a sign", "no length", "length by reference"]),
    (
        "Stream",
        &[
            "no stream",
            "no filter",
            "two filters",
            "another filter",
            "predictor",
            "another media type",
            "checksum of its own",
            "attachment that is no stream",
        ],
    ),
    ("Bomb", &["inflates beyond the limit"]),
    ("Size", &["inflates beyond its size", "size too large", "size too small"]),
    (
        "Deflate",
        &[
            "data cut off",
            "data without its checksum",
            "bytes after the data",
            "another stream after the data",
            "wrong checksum",
            "another window",
            "no data",
        ],
    ),
];

#[test]
fn each_breakage_is_refused_by_its_rule() {
    let pdf = written(&"{\"hours\":\"12.50\"}".repeat(40).into_bytes(), b"{\"proof\":1}");
    assert!(Attachments::from_pdf(&pdf).is_ok());
    let expected: BTreeMap<&str, &str> =
        REFUSED.iter().flat_map(|(rule, names)| names.iter().map(move |name| (*name, *rule))).collect();
    let broken = breaks(&pdf);
    let found: BTreeMap<&str, String> = broken
        .iter()
        .map(|(name, bytes)| {
            let error = Attachments::from_pdf(bytes).expect_err(name);
            assert!(!error.zh().is_ascii(), "{name}: no Chinese words: {}", error.zh());
            (*name, kind(&error))
        })
        .collect();
    assert_eq!(found.len(), broken.len(), "two breakages of one name");
    let wrong: Vec<_> = found.iter().filter(|(name, rule)| expected.get(*name) != Some(&rule.as_str())).collect();
    assert!(wrong.is_empty() && found.len() == expected.len(), "refused by other rules: {wrong:#?}");
}

/// Cut at any place, or with any one byte of its frame changed, a file is refused or means the same.
#[test]
fn no_changed_byte_changes_what_is_read() {
    let pdf = written(b"{\"hours\":\"12.50\"}", b"{\"proof\":1}");
    let good = Attachments::from_pdf(&pdf).unwrap();
    for at in 0..pdf.len() {
        assert!(Attachments::from_pdf(&pdf[..at]).is_err(), "cut off at {at}");
        let flips = [0x01, 0x20, 0x80];
        for flip in flips.iter().cycle().skip(at % flips.len()).take(campaign(1, flips.len())) {
            let mut bytes = pdf.clone();
            bytes[at] ^= flip;
            if let Ok(read) = Attachments::from_pdf(&bytes) {
                assert!(read == good, "byte {at} changed by {flip} gives other attachments");
            }
        }
    }
}

#[test]
fn the_reader_survives_any_bytes() {
    let pdf = written(b"{\"hours\":\"12.50\"}", b"{\"proof\":1}");
    let mut seeds = vec![pdf.clone()];
    seeds.extend(breaks(&pdf).into_iter().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() < 60_000));
    type Changes = (Vec<u8>, u16, Vec<(u16, u8, Vec<u8>)>);
    bolero::check!().with_iterations(campaign(300, 40_000)).with_type::<Changes>().for_each(
        |(noise, pick, changes)| {
            let pick = usize::from(*pick);
            let deep = with_body(&pdf, pick, |body| changed(body, changes));
            for bytes in [noise.clone(), changed(&seeds[pick % seeds.len()], changes), deep] {
                match Attachments::from_pdf(&bytes) {
                    Ok(read) => assert!(read.credential.len() <= 1 << 20 && read.proof.len() <= 16 << 20),
                    Err(error) => assert!(error.to_string().len() < 512 && error.zh().len() < 512, "{error}"),
                }
            }
        },
    );
}

/// What other people's programs find in a good file is what we read.
#[test]
fn other_programs_read_the_same_attachments() {
    let dir = tempfile::tempdir().unwrap();
    for (number, (credential, proof)) in good().into_iter().enumerate() {
        let path = dir.path().join(format!("{number}.pdf"));
        std::fs::write(&path, written(&credential, &proof)).unwrap();
        assert_others_agree(&path, &dir.path().join(number.to_string()));
    }
}

/// `qpdf --check` finds nothing, and pdfdetach and pikepdf give the bytes that we read.
#[track_caller]
pub(crate) fn assert_others_agree(pdf: &Path, out: &Path) {
    let read = Attachments::from_pdf(&std::fs::read(pdf).unwrap()).unwrap();
    let checked = Command::new("qpdf").arg("--check").arg(pdf).output();
    let checked = checked.expect("qpdf is missing: run `./dev test`, which installs it");
    assert!(checked.status.success() && stderr(&checked).is_empty(), "{}{}", stdout(&checked), stderr(&checked));
    let (poppler, pike) = (out.join("pdfdetach"), out.join("pikepdf"));
    for dir in [&poppler, &pike] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let detached = Command::new("pdfdetach").args(["-saveall", "-o"]).arg(&poppler).arg(pdf).output();
    let detached = detached.expect("pdfdetach is missing: run `./dev test`, which installs poppler-utils");
    assert!(detached.status.success(), "{}", stderr(&detached));
    let python = std::env::var("CQO_PYTHON").unwrap_or_else(|_| "python3".into());
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/attachments.py");
    let saved = Command::new(&python).arg(program).args([text(pdf), text(&pike)]).output().unwrap();
    assert!(saved.status.success(), "{python}: is pikepdf missing? `./dev test` installs it\n{}", stderr(&saved));
    for dir in [&poppler, &pike] {
        let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["credential.json", "proof.json"], "{}", dir.display());
        assert!(files["credential.json"] == read.credential && files["proof.json"] == read.proof, "{}", dir.display());
    }
}
