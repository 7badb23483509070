//! Evidence files of claims, made here: a one-page PDF and a picture, as small as a reader still shows them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::super::Failure;

/// A page of A5, lying, with a frame, a title and lines of text: what a certificate of attendance looks like.
///
/// The font is one of those that every reader of Chinese documents brings (STSong-Light, ISO 32000-1, 9.7.5.2), so that
/// nothing has to be embedded.
pub(super) fn pdf(title: &str, lines: &[String]) -> Vec<u8> {
    const FIRST_LINE: usize = 262;
    const LEADING: usize = 34;
    let mut content = String::from("0.75 0.1 0.1 RG 3 w 24 24 547 372 re S 1 w 32 32 531 356 re S\n");
    content.push_str(&line(title, 30, 120, 318));
    for (i, text) in lines.iter().enumerate() {
        content.push_str(&line(text, 15, 72, FIRST_LINE.saturating_sub(i * LEADING)));
    }
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 420] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [6 0 R] >>"
            .to_owned(),
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /W [1 95 500] /FontDescriptor 7 0 R \
         /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> >>"
            .to_owned(),
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 \
         /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>"
            .to_owned(),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut places = Vec::with_capacity(objects.len());
    for (number, object) in (1..).zip(&objects) {
        places.push(file.len());
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let table = file.len();
    let size = objects.len() + 1;
    file.push_str(&format!("xref\n0 {size}\n0000000000 65535 f \n"));
    for place in places {
        file.push_str(&format!("{place:010} 00000 n \n"));
    }
    file.push_str(&format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    file.into_bytes()
}

/// One line of text at a place of the page, as UTF-16 in hexadecimal.
fn line(text: &str, size: usize, x: usize, y: usize) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    format!("BT /F {size} Tf 0.1 g {x} {y} Td <{units}> Tj ET\n")
}

/// A picture of a signed sheet: paper, lines of writing, and a round stamp; `salt` moves the writing, so that no two are
/// the same file.
pub(super) fn png(salt: u8) -> Result<Vec<u8>, Failure> {
    const WIDTH: u16 = 480;
    const HEIGHT: u16 = 640;
    /// White paper, grey frame, dark writing, red stamp.
    const PALETTE: [u8; 12] = [0xFC, 0xFB, 0xF6, 0xB8, 0xB4, 0xAA, 0x33, 0x35, 0x3A, 0xC0, 0x2F, 0x2B];
    let mut pixels = Vec::new();
    for y in 0..i32::from(HEIGHT) {
        // Each row begins with its filter: none.
        pixels.push(0);
        pixels.extend((0..i32::from(WIDTH)).map(|x| colour(x, y, i32::from(salt))));
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&pixels).map_err(Failure::new)?;
    let mut head = [u32::from(WIDTH).to_be_bytes(), u32::from(HEIGHT).to_be_bytes()].concat();
    // Eight bits a pixel, by palette; the only compression, filters and order of rows without interlacing.
    head.extend([8, 3, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [
        (b"IHDR", head.as_slice()),
        (b"PLTE", PALETTE.as_slice()),
        (b"IDAT", &packed.finish().map_err(Failure::new)?),
        (b"IEND", &[]),
    ] {
        let named = [name.as_slice(), content].concat();
        file.extend(u32::try_from(content.len()).map_err(Failure::new)?.to_be_bytes());
        file.extend(&named);
        file.extend(crc32fast::hash(&named).to_be_bytes());
    }
    Ok(file)
}

/// The place in the palette of a pixel.
fn colour(x: i32, y: i32, salt: i32) -> u8 {
    let (from_stamp_x, from_stamp_y) = (x - 350, y - 520);
    let distance = from_stamp_x * from_stamp_x + from_stamp_y * from_stamp_y;
    let in_ring = (56 * 56..62 * 62).contains(&distance) || distance < 14 * 14;
    let in_frame = (20..460).contains(&x) && (20..620).contains(&y);
    let on_frame = in_frame && !((23..457).contains(&x) && (23..617).contains(&y));
    let row = (y - 90) / 34;
    let in_writing = (90..480).contains(&y) && (y - 90) % 34 < 12 && x > 50 && x < 300 + (row * 37 + salt * 13) % 120;
    // Words, with gaps between them, of strokes.
    let on_stroke = in_writing && (x + row * 17 + salt) % 64 > 12 && (x * 3 + y * 5 + salt * row) % 7 < 3;
    match (in_ring, on_frame, on_stroke) {
        (true, ..) => 3,
        (_, true, _) => 1,
        (_, _, true) => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::claims::FileType;

    #[test]
    fn the_files_are_what_they_say() {
        let page = pdf("结业证书", &["沈𬭎 同志".into(), "质量战略管理 2 学时".into()]);
        assert_eq!(FileType::of(&page).unwrap(), FileType::Pdf);
        let text = String::from_utf8(page).unwrap();
        let table: usize = text.rsplit_once("startxref\n").unwrap().1.lines().next().unwrap().parse().unwrap();
        assert!(text[table..].starts_with("xref\n"));
        let first: usize = text[table..].lines().nth(3).unwrap()[..10].parse().unwrap();
        assert!(text[first..].starts_with("1 0 obj\n"));
        let [one, other] = [1, 2].map(|salt| png(salt).unwrap());
        assert_eq!(FileType::of(&one).unwrap(), FileType::Png);
        assert_ne!(one, other);
    }
}
