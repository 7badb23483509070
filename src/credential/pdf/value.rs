//! The objects of a PDF as values: the grammar of proofs/FORMATS.md section 17, "Values", and its table of names.
//!
//! Strings and numbers stay as they are written: nothing is unescaped, so that two spellings of one thing differ.

use super::PdfError;

/// How deep dictionaries and arrays nest; the outermost counts.
const DEPTH_MAX: usize = 16;
/// Most bytes of a value.
const VALUE_MAX: usize = 1 << 20;
/// Most bytes of a name, without its slash.
const NAME_MAX: usize = 100;
/// Most digits before the point of a number, and behind it.
const DIGITS_MAX: usize = 16;
/// The one name that is written with an escape.
const JSON_TYPE: &[u8] = b"application#2Fjson";

/// The names that tell of attachments, and how often each of them stands in a file.
const COUNTED: [(&[u8], usize); 10] = [
    (b"AF", 1),
    (b"AFRelationship", 2),
    (b"Catalog", 1),
    (b"EF", 2),
    (b"EmbeddedFile", 2),
    (b"EmbeddedFiles", 1),
    (b"F", 4),
    (b"Filespec", 2),
    (b"Names", 2),
    (b"UF", 4),
];

/// Names of what our writer never writes and what a reader might act on, in the order of their bytes.
const FORBIDDEN: [&[u8]; 44] = [
    b"3D",
    b"AA",
    b"AcroForm",
    b"Action",
    b"Annot",
    b"Annots",
    b"Collection",
    b"Encrypt",
    b"Extensions",
    b"FDecodeParms",
    b"FFilter",
    b"FS",
    b"FileAttachment",
    b"GoTo",
    b"GoTo3DView",
    b"GoToE",
    b"GoToR",
    b"ImportData",
    b"JS",
    b"JavaScript",
    b"Launch",
    b"Linearized",
    b"Movie",
    b"OC",
    b"OCG",
    b"OCMD",
    b"OCProperties",
    b"ObjStm",
    b"OpenAction",
    b"PS",
    b"Perms",
    b"PieceInfo",
    b"RF",
    b"Rendition",
    b"RichMedia",
    b"Screen",
    b"Sound",
    b"SubmitForm",
    b"Threads",
    b"URI",
    b"Widget",
    b"XFA",
    b"XRef",
    b"XRefStm",
];

/// A value of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A dictionary: no key stands twice in it.
    Dict(Vec<(&'a [u8], Value<'a>)>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// A reference to an object of the file.
    Ref(usize),
    /// A name, without its slash.
    Name(&'a [u8]),
    /// A number as it is written.
    Number(&'a [u8]),
    /// A string as it is written, with its parentheses or angle brackets.
    Text(&'a [u8]),
    /// `true`, `false` or `null`.
    Word,
}

impl<'a> Value<'a> {
    /// The value of a key, if this is a dictionary that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let Self::Dict(members) = self else { return None };
        members.iter().find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| value)
    }

    /// Whether this is a dictionary of exactly these keys.
    pub(super) fn has_keys(&self, keys: &[&str]) -> bool {
        let Self::Dict(members) = self else { return false };
        members.len() == keys.len() && keys.iter().all(|key| self.get(key).is_some())
    }

    /// An integer without sign or leading zeros.
    pub(super) fn integer(&self) -> Option<usize> {
        let Self::Number(digits) = self else { return None };
        integer(digits)
    }
}

/// An integer without sign or leading zeros, of at most eight digits: no size or offset of such a file has more.
pub(super) fn integer(digits: &[u8]) -> Option<usize> {
    let plain = digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits.first() != Some(&b'0'));
    if !plain || digits.len() > 8 {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// How often the names that tell of attachments were seen.
#[derive(Debug, Default)]
pub(super) struct NameCounts([usize; COUNTED.len()]);

impl NameCounts {
    fn add(&mut self, name: &[u8]) {
        let found = self.0.iter_mut().zip(COUNTED).find(|(_, (counted, _))| *counted == name);
        if let Some((count, _)) = found {
            *count += 1;
        }
    }

    /// Refuses a file where one of them is missing or stands somewhere else too.
    pub(super) fn check(&self) -> Result<(), PdfError> {
        match self.0.iter().zip(COUNTED).find(|(count, (_, expected))| *count != expected) {
            None => Ok(()),
            Some((count, (name, expected))) => Err(PdfError::Count { name: shown(name), count: *count, expected }),
        }
    }
}

/// A name in words.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Reads the value at the beginning of an object's body: the value, and what follows it.
pub(super) fn read<'a>(
    body: &'a [u8],
    object: usize,
    objects: usize,
    names: &mut NameCounts,
) -> Result<(Value<'a>, &'a [u8]), PdfError> {
    let mut reader = Reader { rest: body.get(..VALUE_MAX).unwrap_or(body), object, objects, names };
    let size = reader.rest.len();
    let value = reader.value(DEPTH_MAX)?;
    let end = size - reader.rest.len();
    Ok((value, body.get(end..).unwrap_or_default()))
}

struct Reader<'a, 'n> {
    rest: &'a [u8],
    object: usize,
    objects: usize,
    names: &'n mut NameCounts,
}

impl<'a> Reader<'a, '_> {
    fn syntax<T>(&self) -> Result<T, PdfError> {
        Err(PdfError::Syntax { object: self.object, left: self.rest.len() })
    }

    /// Takes so many bytes.
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Goes past these bytes, if they are next.
    fn past(&mut self, bytes: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(bytes);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A value, inside which so many levels may nest.
    fn value(&mut self, depth: usize) -> Result<Value<'a>, PdfError> {
        match self.rest {
            [b'<', b'<', ..] => self.dict(depth),
            [b'[', ..] => self.array(depth),
            [b'<', ..] => self.hex(),
            [b'(', ..] => self.text(),
            [b'/', ..] => self.name().map(Value::Name),
            [b'-' | b'0'..=b'9', ..] => self.number_or_reference(),
            _ => self.word(),
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value<'a>, PdfError> {
        let depth = depth.checked_sub(1).ok_or(PdfError::Depth { object: self.object })?;
        self.take(2);
        let mut members = Vec::new();
        loop {
            self.past(b" ");
            if self.past(b">>") {
                break;
            }
            let key = self.name()?;
            self.past(b" ");
            members.push((key, self.value(depth)?));
        }
        let mut keys: Vec<&[u8]> = members.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
            Some(key) => Err(PdfError::KeyTwice { object: self.object, key: shown(key) }),
            None => Ok(Value::Dict(members)),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, PdfError> {
        let depth = depth.checked_sub(1).ok_or(PdfError::Depth { object: self.object })?;
        self.take(1);
        let mut items = Vec::new();
        loop {
            self.past(b" ");
            if self.past(b"]") {
                return Ok(Value::Array(items));
            }
            items.push(self.value(depth)?);
        }
    }

    /// What ends by itself: the next byte must be one that ends it.
    fn ended<T>(&self, value: T) -> Result<T, PdfError> {
        match self.rest {
            [] | [b' ' | b'\n' | b'/' | b'<' | b'>' | b'[' | b']' | b'(', ..] => Ok(value),
            _ => self.syntax(),
        }
    }

    fn name(&mut self) -> Result<&'a [u8], PdfError> {
        if !self.past(b"/") {
            return self.syntax();
        }
        let regular = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+-:*".contains(byte);
        let name = if self.rest.starts_with(JSON_TYPE) {
            self.take(JSON_TYPE.len())
        } else {
            let end = self.rest.iter().position(|byte| !regular(byte)).unwrap_or(self.rest.len());
            self.take(end)
        };
        if name.is_empty() || name.len() > NAME_MAX {
            return self.syntax();
        }
        if FORBIDDEN.binary_search(&name).is_ok() {
            return Err(PdfError::Forbidden { object: self.object, name: shown(name) });
        }
        self.names.add(name);
        self.ended(name)
    }

    fn digits(&mut self) -> Result<(), PdfError> {
        let end = self.rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        self.take(end);
        if (1..=DIGITS_MAX).contains(&end) { Ok(()) } else { self.syntax() }
    }

    fn number_or_reference(&mut self) -> Result<Value<'a>, PdfError> {
        let start = self.rest;
        self.past(b"-");
        self.digits()?;
        let written = |reader: &Self| start.get(..start.len() - reader.rest.len()).unwrap_or_default();
        if let Some(to) = integer(written(self)).filter(|to| *to > 0)
            && self.past(b" 0 R")
        {
            if to > self.objects {
                return Err(PdfError::Reference { object: self.object, to });
            }
            return self.ended(Value::Ref(to));
        }
        if self.past(b".") {
            self.digits()?;
        }
        self.ended(Value::Number(written(self)))
    }

    fn word(&mut self) -> Result<Value<'a>, PdfError> {
        let known: [&[u8]; 3] = [b"true", b"false", b"null"];
        if known.iter().any(|word| self.past(word)) { self.ended(Value::Word) } else { self.syntax() }
    }

    /// A string of pairs of hexadecimal digits.
    fn hex(&mut self) -> Result<Value<'a>, PdfError> {
        let Some(end) = self.rest.iter().position(|byte| *byte == b'>') else { return self.syntax() };
        let written = self.rest.get(..=end).unwrap_or_default();
        let digits = written.get(1..end).unwrap_or_default();
        if digits.len() % 2 != 0 || !digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) {
            return self.syntax();
        }
        self.take(written.len());
        Ok(Value::Text(written))
    }

    /// A string of printable ASCII: parentheses are balanced or escaped.
    fn text(&mut self) -> Result<Value<'a>, PdfError> {
        let start = self.rest;
        let mut open = 0_usize;
        loop {
            match self.rest {
                [b'(', ..] => open += 1,
                [b')', ..] => open -= 1,
                [b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'(' | b')' | b'\\', ..] => drop(self.take(1)),
                [b'\\', b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] => drop(self.take(3)),
                [b'\\', ..] => return self.syntax(),
                [b' '..=b'~', ..] => {}
                _ => return self.syntax(),
            }
            self.take(1);
            if open == 0 {
                return Ok(Value::Text(start.get(..start.len() - self.rest.len()).unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read_whole(text: &str) -> Result<String, PdfError> {
        let (value, rest) = read(text.as_bytes(), 7, 3, &mut NameCounts::default())?;
        assert!(rest.is_empty(), "{text} leaves bytes");
        Ok(format!("{value:?}"))
    }

    #[test]
    fn no_forbidden_name_is_read() {
        assert!(FORBIDDEN.is_sorted(), "it is searched in halves");
        for name in FORBIDDEN.map(shown) {
            for text in [format!("/{name}"), format!("[<</{name}[]>>]")] {
                assert_eq!(read_whole(&text), Err(PdfError::Forbidden { object: 7, name: name.clone() }), "{text}");
            }
            assert!(read_whole(&format!("[({name})/{name}x]")).is_ok(), "{name} in a string, and as part of a name");
        }
    }

    #[test]
    fn values_are_read_by_the_grammar() {
        for good in [
            "<<>>",
            "<< /K 1 /L [ 2 ] >>",
            "[1 0 R 2 0 R]",
            "[1 0 2 0 3 0 R]",
            "[-0.50 007 1234567890123456.1234567890123456]",
            "[(a(b)\\)\\\\c\\052)<00FF><>]",
            "[true false/null null]",
            "/application#2Fjson",
            "/A.b_c+d-e:f*9",
            &["[".repeat(16), "]".repeat(16)].concat(),
        ] {
            assert!(read_whole(good).is_ok(), "{good}: {:?}", read_whole(good));
        }
        for bad in [
            "",
            " 1",
            "<<",
            "<</K>>",
            "<</K 1/L>>",
            "<<1 2>>",
            "[1 0 R2]",
            "[0 0 R]",
            "[1 1 R]",
            "[01 0 R]",
            "[1 0 Rx]",
            "[.5]",
            "[5.]",
            "[--1]",
            "[+1]",
            "[12345678901234567]",
            "[1.12345678901234567]",
            "[truefalse]",
            "[True]",
            "/",
            "/A#42",
            "/application#2Fjsonp",
            "/application#2fjson",
            "(a",
            "(a))",
            "(\\q)",
            "(\\400)",
            "(\\18)",
            "(\t)",
            "(\u{e9})",
            "<0>",
            "<0f>",
            "<0 0>",
            "<00",
            "[1  2]",
            "[1\t2]",
            "[1\n2]",
            "[1%\n2]",
            "{1}",
            "]",
            ">>",
            "[4 0 R]",
        ] {
            let read = read(bad.as_bytes(), 7, 3, &mut NameCounts::default());
            assert!(!read.is_ok_and(|(_, rest)| rest.is_empty()), "{bad} was read");
        }
    }
}
