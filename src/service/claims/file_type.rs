//! What an evidence file is, by its content alone: neither its name nor what a browser says of it is believed.
//!
//! The structure is walked as far as it takes to see that the file is whole and what it says it is. Pictures and pages are
//! never decoded here: that is done by the reader's browser, in a sandbox.

use crate::standard::choice;

/// The longest side of a picture, in pixels: a browser has to hold it.
const MAX_SIDE: u32 = 20_000;
/// The most pixels of a picture.
const MAX_PIXELS: u64 = 150_000_000;
/// How far from the end of a PDF its last marks may lie. (ISO 32000-2, 7.5.5; the 1,024 bytes that every reader allows)
const PDF_END: usize = 1024;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

choice! {
    /// The kinds of evidence that are taken.
    pub enum FileType {
        /// A document.
        Pdf = "pdf", "PDF 文件";
        /// A picture without loss.
        Png = "png", "PNG 图片";
        /// A photograph.
        Jpeg = "jpg", "JPEG 图片";
    }
}

/// Why a file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It begins like none of the kinds that are taken.
    #[error("is neither a PDF nor a PNG or JPEG picture")]
    Unknown,
    /// It begins like one, and does not go on or end like it.
    #[error("is damaged or was cut off")]
    Damaged,
    /// A picture that is larger than a browser should be asked to show.
    #[error("is a picture of more than {MAX_SIDE} pixels a side, or {MAX_PIXELS} in all")]
    Vast,
}

impl Unfit {
    /// The Chinese text.
    pub fn zh(self) -> String {
        match self {
            Self::Unknown => "不是 PDF、PNG 或 JPEG 文件".into(),
            Self::Damaged => "文件已损坏或不完整".into(),
            Self::Vast => format!("图片过大：边长不超过 {MAX_SIDE} 像素，总像素不超过 {MAX_PIXELS}"),
        }
    }
}

impl FileType {
    /// What these bytes are.
    pub fn of(bytes: &[u8]) -> Result<Self, Unfit> {
        if bytes.starts_with(b"%PDF-") {
            check_pdf(bytes).map(|()| Self::Pdf)
        } else if let Some(rest) = bytes.strip_prefix(PNG_SIGNATURE) {
            check_png(rest).map(|()| Self::Png)
        } else if let Some(rest) = bytes.strip_prefix(b"\xff\xd8") {
            check_jpeg(rest).map(|()| Self::Jpeg)
        } else {
            Err(Unfit::Unknown)
        }
    }

    /// The media type, for whoever is shown it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// `%PDF-1.` or `%PDF-2.` and a digit; `startxref`, `%%EOF`, and nothing but line ends after it. (ISO 32000-2, 7.5)
fn check_pdf(bytes: &[u8]) -> Result<(), Unfit> {
    let version = matches!(bytes.get(5..8), Some([b'1' | b'2', b'.', b'0'..=b'9']));
    let end = &bytes[bytes.len().saturating_sub(PDF_END)..];
    let after = |mark: &[u8]| end.windows(mark.len()).rposition(|window| window == mark).map(|at| at + mark.len());
    let whole = after(b"startxref").zip(after(b"%%EOF")).is_some_and(|(xref, eof)| {
        xref < eof && end[eof..].iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0))
    });
    if version && whole { Ok(()) } else { Err(Unfit::Damaged) }
}

/// Chunk after chunk: IHDR first, at least one IDAT, IEND last, and nothing after it. (PNG, third edition, 5.2 to 5.6)
fn check_png(mut rest: &[u8]) -> Result<(), Unfit> {
    let mut pixels_seen = false;
    let mut first = true;
    while let Some((head, more)) = rest.split_first_chunk::<8>() {
        let [l0, l1, l2, l3, name @ ..] = *head;
        let len = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).map_err(|_| Unfit::Damaged)?;
        let content = more.get(..len).ok_or(Unfit::Damaged)?;
        // A checksum of four bytes follows.
        rest = more.get(len + 4..).ok_or(Unfit::Damaged)?;
        match &name {
            b"IHDR" if first => {
                let (width, more) = content.split_first_chunk::<4>().ok_or(Unfit::Damaged)?;
                let (height, _) = more.split_first_chunk::<4>().ok_or(Unfit::Damaged)?;
                check_sides(u32::from_be_bytes(*width), u32::from_be_bytes(*height))?;
            }
            _ if first => return Err(Unfit::Damaged),
            b"IDAT" => pixels_seen = true,
            b"IEND" if pixels_seen && len == 0 && rest.is_empty() => return Ok(()),
            b"IEND" => return Err(Unfit::Damaged),
            name if name.iter().all(u8::is_ascii_alphabetic) => {}
            _ => return Err(Unfit::Damaged),
        }
        first = false;
    }
    Err(Unfit::Damaged)
}

/// Segment after segment up to the scan, with a frame before it, and the end of the image after it. What cameras append after
/// that end is left alone. (ITU-T T.81, B.1 and B.2)
fn check_jpeg(mut rest: &[u8]) -> Result<(), Unfit> {
    let mut frame = false;
    loop {
        let marker = match rest {
            // Any marker may be preceded by fill bytes.
            [0xff, 0xff, ..] => {
                rest = &rest[1..];
                continue;
            }
            [0xff, marker, ..] => *marker,
            _ => return Err(Unfit::Damaged),
        };
        let (len, _) = rest[2..].split_first_chunk::<2>().ok_or(Unfit::Damaged)?;
        // The length counts its own two bytes.
        let len = Some(usize::from(u16::from_be_bytes(*len))).filter(|len| *len >= 2).ok_or(Unfit::Damaged)?;
        let segment = rest.get(2..2 + len).ok_or(Unfit::Damaged)?;
        rest = &rest[2 + segment.len()..];
        match marker {
            // A frame: SOF0 to SOF15 without DHT, JPG and DAC.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let [_, _, _, h0, h1, w0, w1, ..] = segment else { return Err(Unfit::Damaged) };
                check_sides(u16::from_be_bytes([*w0, *w1]).into(), u16::from_be_bytes([*h0, *h1]).into())?;
                frame = true;
            }
            // The scan: what follows is pixels, in which no marker but restarts stands before the end.
            0xda if frame => {
                return if rest.windows(2).any(|pair| pair == b"\xff\xd9") { Ok(()) } else { Err(Unfit::Damaged) };
            }
            0xc4 | 0xc8 | 0xcc | 0xdb..=0xef | 0xfe => {}
            _ => return Err(Unfit::Damaged),
        }
    }
}

fn check_sides(width: u32, height: u32) -> Result<(), Unfit> {
    match (width, height) {
        (0, _) | (_, 0) => Err(Unfit::Damaged),
        _ if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS => Err(Unfit::Vast),
        _ => Ok(()),
    }
}

/// The smallest good file of each kind, for tests: each different from the others by `salt`.
#[cfg(test)]
pub(in crate::service) fn sample(kind: FileType, salt: &str) -> Vec<u8> {
    let chunk = |name: &[u8], content: &[u8]| {
        let len = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&len, name, content, &[0; 4]].concat()
    };
    match kind {
        FileType::Pdf => format!("%PDF-1.7\n% {salt}\nstartxref\n9\n%%EOF\n").into_bytes(),
        FileType::Png => {
            let head = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
            [
                PNG_SIGNATURE,
                &chunk(b"IHDR", &head),
                &chunk(b"tEXt", salt.as_bytes()),
                &chunk(b"IDAT", &[1]),
                &chunk(b"IEND", &[]),
            ]
            .concat()
        }
        FileType::Jpeg => {
            let comment = u16::try_from(salt.len() + 2).unwrap().to_be_bytes();
            let frame = [0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0];
            let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 42, 0xff, 0xd9];
            [b"\xff\xd8\xff\xfe".as_slice(), &comment, salt.as_bytes(), &frame, &scan].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITERATIONS: usize = 2_000;

    #[test]
    fn each_kind_is_known_by_its_content_and_refused_when_it_is_cut_off() {
        for kind in FileType::ALL {
            let whole = sample(*kind, "ab");
            assert_eq!(FileType::of(&whole), Ok(*kind));
            // A PDF may end without a line end.
            let least = if *kind == FileType::Pdf { whole.len() - 1 } else { whole.len() };
            for end in 0..least {
                assert!(FileType::of(&whole[..end]).is_err(), "{kind} of {end} bytes");
            }
        }
    }

    #[test]
    fn what_is_something_else_is_refused() {
        let png = |width: [u8; 4], height: [u8; 4]| {
            let mut file = sample(FileType::Png, "");
            file[16..20].copy_from_slice(&width);
            file[20..24].copy_from_slice(&height);
            file
        };
        for (name, bytes, why) in [
            ("nothing", b"".to_vec(), Unfit::Unknown),
            ("a page", b"<html><script>alert(1)</script>".to_vec(), Unfit::Unknown),
            ("a vector picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), Unfit::Unknown),
            ("an archive", b"PK\x03\x04".to_vec(), Unfit::Unknown),
            ("a PDF behind a page", [b"<html>".as_slice(), &sample(FileType::Pdf, "")].concat(), Unfit::Unknown),
            ("a page behind a PDF", [sample(FileType::Pdf, ""), b"<html>".to_vec()].concat(), Unfit::Damaged),
            ("a PDF of no version", b"%PDF-x.7\nstartxref\n9\n%%EOF".to_vec(), Unfit::Damaged),
            ("a page behind a PNG", [sample(FileType::Png, ""), b"<html>".to_vec()].concat(), Unfit::Damaged),
            ("a PNG of no width", png([0; 4], [0, 0, 0, 1]), Unfit::Damaged),
            ("a PNG of great width", png([0, 1, 0, 0], [0, 0, 0, 1]), Unfit::Vast),
            ("a PNG of many pixels", png([0, 0, 0x4e, 0], [0, 0, 0x4e, 0]), Unfit::Vast),
            ("a JPEG without a frame", b"\xff\xd8\xff\xda\x00\x02\xff\xd9".to_vec(), Unfit::Damaged),
        ] {
            assert_eq!(FileType::of(&bytes), Err(why), "{name}");
        }
    }

    /// Cameras append previews and videos.
    #[test]
    fn a_photograph_may_have_more_behind_its_end() {
        assert_eq!(FileType::of(&[sample(FileType::Jpeg, ""), b"SEFT".to_vec()].concat()), Ok(FileType::Jpeg));
    }

    #[test]
    fn no_bytes_make_it_fail_and_what_is_taken_begins_and_ends_as_it_should() {
        let check = |bytes: &[u8]| match FileType::of(bytes) {
            Ok(FileType::Pdf) => assert!(bytes.starts_with(b"%PDF-") && bytes.windows(5).any(|w| w == b"%%EOF")),
            Ok(FileType::Png) => assert_eq!(&bytes[bytes.len() - 8..bytes.len() - 4], b"IEND"),
            Ok(FileType::Jpeg) => assert!(bytes.starts_with(b"\xff\xd8") && bytes.windows(2).any(|w| w == b"\xff\xd9")),
            Err(why) => assert!(!why.zh().is_empty()),
        };
        bolero::check!().with_type::<(Vec<u8>, u8, u16, Vec<u8>)>().with_iterations(ITERATIONS).for_each(
            |(noise, kind, at, change)| {
                check(noise);
                let mut bytes = sample(FileType::ALL[usize::from(*kind) % 3], "seed");
                check(&[bytes.as_slice(), noise].concat());
                let at = usize::from(*at) % bytes.len();
                let end = (at + change.len()).min(bytes.len());
                bytes.splice(at..end, change.iter().copied());
                check(&bytes);
            },
        );
    }
}
