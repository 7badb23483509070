//! The frame of a PDF of our writer: header, objects in the order of their numbers, cross-reference table, trailer
//! (proofs/FORMATS.md section 17, "Frame"). Objects fill the file: no byte belongs to none, and none to two.

use super::PdfError;
use super::value::{self, NameCounts, Value};

/// Most bytes of a PDF: 16 MiB.
pub const MAX_PDF: usize = 16 << 20;
/// Most objects.
const OBJECTS_MAX: usize = 200_000;
const HEADER: &[u8] = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n";
const END: &[u8] = b"\n%%EOF";
const START: &[u8] = b"\nstartxref\n";
/// Entry 0 of the table; every entry has as many bytes.
const FREE: &[u8] = b"0000000000 65535 f\r\n";
/// What follows the offset in every other entry.
const USED: &[u8] = b" 00000 n\r\n";
const OFFSET_DIGITS: usize = 10;
/// Most bytes that `startxref`, an offset and `%%EOF` take.
const TAIL_MAX: usize = 32;
/// Bytes of each of the two identifiers in the trailer, in base64.
const ID_LENGTH: usize = 24;

/// An object: its value, and its data if it is a stream.
pub(super) struct Object<'a> {
    pub(super) value: Value<'a>,
    pub(super) data: Option<&'a [u8]>,
}

/// A PDF whose frame is good and all of whose objects are of the grammar.
pub(super) struct Frame<'a> {
    bodies: Vec<&'a [u8]>,
    /// The number of the catalog.
    pub(super) root: usize,
}

impl<'a> Frame<'a> {
    /// Reads the frame and goes through every object.
    pub(super) fn read(pdf: &'a [u8]) -> Result<Self, PdfError> {
        if pdf.len() > MAX_PDF {
            return Err(PdfError::TooLarge);
        }
        if !pdf.starts_with(HEADER) {
            return Err(PdfError::Header);
        }
        let table = table_offset(pdf).ok_or(PdfError::End)?;
        let Table { offsets, root } =
            pdf.get(table..).and_then(|tail| read_table(tail, table)).ok_or(PdfError::Table)?;
        let frame = Self { bodies: bodies(pdf, &offsets)?, root };
        let mut names = NameCounts::default();
        for number in 1..=frame.bodies.len() {
            frame.read_object(number, &mut names)?;
        }
        names.check()?;
        Ok(frame)
    }

    /// An object by its number.
    pub(super) fn object(&self, number: usize) -> Result<Object<'a>, PdfError> {
        self.read_object(number, &mut NameCounts::default())
    }

    fn read_object(&self, number: usize, names: &mut NameCounts) -> Result<Object<'a>, PdfError> {
        let body = number.checked_sub(1).and_then(|index| self.bodies.get(index)).copied().unwrap_or_default();
        let (value, rest) = value::read(body, number, self.bodies.len(), names)?;
        if rest.is_empty() {
            return Ok(Object { value, data: None });
        }
        let data = rest.strip_prefix(b"\nstream\n").and_then(|rest| rest.strip_suffix(b"\nendstream"));
        let Some(data) = data else { return Err(PdfError::Syntax { object: number, left: rest.len() }) };
        if value.get("Length").and_then(Value::integer) != Some(data.len()) {
            return Err(PdfError::Length { object: number });
        }
        Ok(Object { value, data: Some(data) })
    }
}

/// Where the table begins, as the end of the file says.
fn table_offset(pdf: &[u8]) -> Option<usize> {
    let front = pdf.strip_suffix(END)?;
    let tail = front.get(front.len().saturating_sub(TAIL_MAX)..)?;
    let at = tail.windows(START.len()).rposition(|window| window == START)?;
    value::integer(tail.get(at + START.len()..)?)
}

struct Table {
    /// Where each object begins, and at last where the table does.
    offsets: Vec<usize>,
    root: usize,
}

/// The table and the trailer, from the first byte to the end of the file.
fn read_table(tail: &[u8], table: usize) -> Option<Table> {
    let (count, entries) = number_before(tail.strip_prefix(b"xref\n0 ")?, b"\n")?;
    let objects = count.checked_sub(1).filter(|objects| (1..=OBJECTS_MAX).contains(objects))?;
    let (used, trailer) = entries.strip_prefix(FREE)?.split_at_checked(objects * FREE.len())?;
    let mut offsets = Vec::with_capacity(count);
    for entry in used.chunks(FREE.len()) {
        let digits = entry.strip_suffix(USED).filter(|digits| digits.len() == OFFSET_DIGITS)?;
        // Offsets have leading zeros here, two of them at least.
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        offsets.push(value::integer(digits.get(zeros..)?).filter(|_| zeros > 1)?);
    }
    offsets.push(table);
    let (size, trailer) = number_before(trailer.strip_prefix(b"trailer\n<</Size ")?, b"/Root ")?;
    let (root, trailer) = number_before(trailer, b" 0 R/Info ")?;
    let (info, trailer) = number_before(trailer, b" 0 R/ID[")?;
    let trailer = identifier(identifier(trailer)?)?.strip_prefix(b"]>>")?.strip_prefix(START)?;
    let (_, end) = number_before(trailer, END)?;
    let good = end.is_empty() && size == count && [root, info].iter().all(|number| (1..=objects).contains(number));
    good.then_some(Table { offsets, root })
}

/// A number and what follows it, behind the bytes that must follow.
fn number_before<'a>(bytes: &'a [u8], then: &[u8]) -> Option<(usize, &'a [u8])> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at_checked(digits)?;
    Some((value::integer(digits)?, rest.strip_prefix(then)?))
}

/// What follows `(<base64>)`.
fn identifier(bytes: &[u8]) -> Option<&[u8]> {
    let (id, rest) = bytes.strip_prefix(b"(")?.split_at_checked(ID_LENGTH)?;
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    if id.iter().all(base64) { rest.strip_prefix(b")") } else { None }
}

/// The bodies of the objects, each from where the table says to where the next one begins.
fn bodies<'a>(pdf: &'a [u8], offsets: &[usize]) -> Result<Vec<&'a [u8]>, PdfError> {
    if offsets.first() != Some(&HEADER.len()) {
        return Err(PdfError::Object { object: 1 });
    }
    let mut bodies = Vec::with_capacity(offsets.len());
    for (number, pair) in (1..).zip(offsets.windows(2)) {
        let [start, end] = *pair else { continue };
        let head = format!("{number} 0 obj\n");
        let whole = pdf.get(start..end).and_then(|object| object.strip_prefix(head.as_bytes()));
        let body = whole.and_then(|object| object.strip_suffix(b"\nendobj\n"));
        bodies.push(body.ok_or(PdfError::Object { object: number })?);
    }
    Ok(bodies)
}
