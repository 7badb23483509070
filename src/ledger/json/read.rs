//! Reading canonical JSON (RFC 8785) in one pass: what is not canonical is noticed where it stands.

use std::borrow::Cow;

use super::value::Json;
use super::{JsonError, MAX_DEPTH, MAX_INTEGER};

/// Reads bytes that must be canonical. String contents are left to [`super::check_string`].
pub fn parse_canonical(bytes: &[u8]) -> Result<Json<'_>, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Syntax(error.to_string()))?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(1)?;
    if reader.at == text.len() { Ok(value) } else { Err(reader.unexpected()) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'{') => self.nested(depth).and_then(|depth| self.object(depth)),
            Some(b'[') => self.nested(depth).and_then(|depth| self.array(depth)),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.unexpected()),
        }
    }

    /// Enters an object or array at this depth.
    fn nested(&mut self, depth: usize) -> Result<usize, JsonError> {
        self.at += 1;
        if depth > MAX_DEPTH { Err(JsonError::Depth) } else { Ok(depth + 1) }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            self.need(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            let start = self.at;
            let name = self.string()?;
            // The order of their bytes differs from the RFC's, of UTF-16 code units, only for names that no schema here
            // knows, so such a document is refused either way.
            if members.last().is_some_and(|(last, _)| *last >= name) {
                return Err(JsonError::NotCanonical(start));
            }
            self.need(b':')?;
            members.push((name, self.value(depth)?));
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            self.need(b',')?;
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.need(b'"')?;
        let start = self.at;
        let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
        let rest = &self.text.as_bytes()[start..];
        self.at += rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
        let head = &self.text[start..self.at];
        if self.take(b'"') {
            return Ok(Cow::Borrowed(head));
        }
        let mut text = head.to_owned();
        while !self.take(b'"') {
            text.push(self.escape()?);
            let from = self.at;
            let rest = &self.text.as_bytes()[from..];
            self.at += rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
            text.push_str(&self.text[from..self.at]);
        }
        Ok(Cow::Owned(text))
    }

    /// An escape, in the only form that the RFC writes: short where there is one, `\u00..` in lower case for the other
    /// control characters, and none for anything else.
    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let unescaped = |bytes: &[u8]| match bytes {
            [b'\\', b'"', ..] => Some(('"', 2)),
            [b'\\', b'\\', ..] => Some(('\\', 2)),
            [b'\\', b'b', ..] => Some(('\u{8}', 2)),
            [b'\\', b't', ..] => Some(('\t', 2)),
            [b'\\', b'n', ..] => Some(('\n', 2)),
            [b'\\', b'f', ..] => Some(('\u{c}', 2)),
            [b'\\', b'r', ..] => Some(('\r', 2)),
            [b'\\', b'u', b'0', b'0', tens @ (b'0' | b'1'), ones @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                let ones = if *ones < b'a' { ones - b'0' } else { ones - b'a' + 10 };
                let code = (tens - b'0') * 16 + ones;
                let has_short_form = matches!(code, 8 | 9 | 10 | 12 | 13);
                (!has_short_form).then_some((char::from(code), 6))
            }
            _ => None,
        };
        let (character, len) = unescaped(&self.text.as_bytes()[start..]).ok_or_else(|| self.unexpected())?;
        self.at += len;
        Ok(character)
    }

    fn integer(&mut self) -> Result<Json<'a>, JsonError> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.bytes().position(|byte| !is_part(&byte)).unwrap_or(rest.len());
        let written = &rest[..len];
        let digits = written.strip_prefix('-').unwrap_or(written);
        let is_canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'))
            && written != "-0";
        let number = written.parse().ok().filter(|number: &i64| is_canonical && number.unsigned_abs() <= MAX_INTEGER);
        self.at += len;
        number.map(Json::Integer).ok_or_else(|| JsonError::Number(written.chars().take(MAX_SHOWN_NUMBER).collect()))
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn need(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// What stands here belongs to no canonical document.
    fn unexpected(&self) -> JsonError {
        match self.peek() {
            None => JsonError::Syntax(format!("it ends at byte {}", self.at)),
            Some(_) => JsonError::NotCanonical(self.at),
        }
    }
}

/// How much of a number an error repeats.
const MAX_SHOWN_NUMBER: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{canonical, check_structure};
    use super::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        for good in
            [r#"{"a":1,"b":[true,null,"é"]}"#, "[]", "{}", r#""𠮷""#, "-1", "0", "9007199254740991", r#""\n\u0001""#]
        {
            assert!(parse_canonical(good.as_bytes()).is_ok(), "{good}");
        }
        type Expected = fn(&JsonError) -> bool;
        let cases: [(&str, Expected); 20] = [
            (r#"{"b":1,"a":1}"#, |e| matches!(e, JsonError::NotCanonical(7))),
            (r#"{"a":1,"a":1}"#, |e| matches!(e, JsonError::NotCanonical(7))),
            (r#"{"a": 1}"#, |e| matches!(e, JsonError::NotCanonical(5))),
            (r#""\u00e9""#, |e| matches!(e, JsonError::NotCanonical(1))),
            (r#""\u000a""#, |e| matches!(e, JsonError::NotCanonical(1))),
            (r#""\u001F""#, |e| matches!(e, JsonError::NotCanonical(1))),
            (r#""\/""#, |e| matches!(e, JsonError::NotCanonical(1))),
            (r#""\ud800""#, |e| matches!(e, JsonError::NotCanonical(1))),
            ("\"\u{1}\"", |e| matches!(e, JsonError::NotCanonical(1))),
            ("1.0", |e| matches!(e, JsonError::Number(_))),
            ("1e2", |e| matches!(e, JsonError::Number(_))),
            ("-0", |e| matches!(e, JsonError::Number(_))),
            ("01", |e| matches!(e, JsonError::Number(_))),
            ("-", |e| matches!(e, JsonError::Number(_))),
            ("9007199254740992", |e| matches!(e, JsonError::Number(_))),
            ("123456789012345678901234567890", |e| matches!(e, JsonError::Number(_))),
            ("[[[[[[[[[]]]]]]]]]", |e| matches!(e, JsonError::Depth)),
            ("{}x", |e| matches!(e, JsonError::NotCanonical(2))),
            ("[1,]", |e| matches!(e, JsonError::NotCanonical(3))),
            ("", |e| matches!(e, JsonError::Syntax(_))),
        ];
        for (bad, is_expected) in cases {
            let error = parse_canonical(bad.as_bytes()).unwrap_err();
            assert!(is_expected(&error), "{bad}: {error:?}");
        }
        assert!(parse_canonical(&[b'"', 0xff, b'"']).is_err());
        assert!(parse_canonical("[".repeat(100_000).as_bytes()).is_err());
    }

    /// What a general reader and the canonicalizer say of the same bytes: the value, if the bytes are its canonical form.
    fn by_others(bytes: &[u8]) -> Option<Json<'static>> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        check_structure(&value, 1).ok()?;
        (canonical(&value) == bytes).then(|| value.into())
    }

    #[test]
    fn the_same_is_read_as_by_a_general_reader_and_the_canonicalizer() {
        let seeds = [
            r#"{"b":1,"a":[{"d":"\u0007\u000a\"\\/é𠮷\u007f","c":-5}],"":null}"#,
            r#"{"entry":{"completes":true,"hours":200},"signatures":[{"alg":"Ed25519"}]}"#,
            r#"["\b\f\n\r\t\u001f","a\"b\\c",-9007199254740991,false,{"é":{},"\u0001":[]}]"#,
        ];
        for seed in seeds {
            let bytes = canonical(&serde_json::from_str::<Value>(seed).unwrap());
            assert!(by_others(&bytes).is_some());
            for at in 0..=bytes.len() {
                assert_eq!(parse_canonical(&bytes[..at]).ok(), by_others(&bytes[..at]));
                for other in b"\"\\{}[]:,-019.eEu/ \x00\x1f\x7f\xc3na" {
                    for skip in [0, 1] {
                        let tail = bytes.get(at + skip..).unwrap_or_default();
                        let changed = [&bytes[..at], &[*other], tail].concat();
                        assert_eq!(parse_canonical(&changed).ok(), by_others(&changed), "{:?}", changed.escape_ascii());
                    }
                }
            }
        }
        bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
            assert_eq!(parse_canonical(bytes).ok(), by_others(bytes));
        });
    }
}
