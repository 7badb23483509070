//! The JSON rules of proofs/FORMATS.md section 2: canonical by RFC 8785, integers only, bounded depth, no invisible text.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

mod read;
mod value;

pub use read::parse_canonical;
pub use value::Json;

/// How deep objects and arrays may nest; the outermost is 1.
pub const MAX_DEPTH: usize = 8;
/// The largest magnitude of a number, 2^53-1: what every JSON library holds exactly.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why bytes are not a JSON document of version 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8, not JSON, or nested beyond what any reader should try.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
    /// A fraction, an exponent, `-0`, or a magnitude above [`MAX_INTEGER`].
    #[error("{0} is not an integer of magnitude up to 2^53-1")]
    Number(String),
    /// What stands at this byte stands in no canonical document: a space, a member twice or out of order, another escape.
    #[error("not canonical JSON (RFC 8785) from byte {0} on")]
    NotCanonical(usize),
}

/// What is wrong with a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A control, invisible or bidirectional control character, or a noncharacter.
    #[error("contains the character U+{0:04X}, which is not allowed")]
    Character(u32),
    /// Not in Unicode normal form C.
    #[error("is not in Unicode normal form NFC")]
    NotNfc,
}

/// Parses JSON in any order and spacing: for what nobody signed yet. A member twice is refused, and so are numbers and
/// depths that the canonical form would refuse.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let Once(value) = serde_json::from_slice(bytes).map_err(|error| JsonError::Syntax(error.to_string()))?;
    check_structure(&value, 1)?;
    Ok(value)
}

/// A value in which every member stands once.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor).map(Self)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which every member stands once")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Once(value) = members.next_value()?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(map.into())
    }
}

/// The canonical bytes of a value whose numbers are integers within [`MAX_INTEGER`].
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    // Writing into memory fails only for numbers that are not finite, which neither `Value` nor `Json` can hold.
    serde_json_canonicalizer::to_vec(value).expect("a JSON value has a canonical form")
}

fn check_structure(value: &Value, depth: usize) -> Result<(), JsonError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(n), _) if n <= MAX_INTEGER => Ok(()),
            (_, Some(n)) if n.unsigned_abs() <= MAX_INTEGER => Ok(()),
            _ => Err(JsonError::Number(number.to_string())),
        },
        _ if depth > MAX_DEPTH => Err(JsonError::Depth),
        Value::Array(items) => items.iter().try_for_each(|item| check_structure(item, depth + 1)),
        Value::Object(members) => members.values().try_for_each(|item| check_structure(item, depth + 1)),
    }
}

/// Checks the characters of a string; `allow_newline` is for the members that hold whole texts.
pub fn check_string(text: &str, allow_newline: bool) -> Result<(), TextError> {
    // Most texts are numbers, names and days in ASCII: nothing else is asked of these.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    if let Some(bad) = text.chars().find(|&c| is_forbidden(c) && !(allow_newline && c == '\n')) {
        return Err(TextError::Character(u32::from(bad)));
    }
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Ok(()),
        IsNormalized::Maybe if text.nfc().eq(text.chars()) => Ok(()),
        _ => Err(TextError::NotNfc),
    }
}

fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    matches!(code,
        0x00..=0x1f | 0x7f..=0x9f
        | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe007f
        | 0xfdd0..=0xfdef)
        || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_signed_may_be_in_any_order_but_has_each_member_once() {
        assert_eq!(parse(br#" {"b": [null, true, -1, "x"], "a": {}} "#).unwrap()["b"][2], -1);
        for bad in [r#"{"a":1,"a":1}"#, r#"[{"a":{"b":1,"b":2}}]"#, "1.5", "1e2", "[[[[[[[[[]]]]]]]]]", "{} x", ""] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn invisible_characters_and_other_normal_forms_are_refused() {
        for good in ["张伟", "𠮷野家", "阿依古丽·买买提", "O'Neil", "a b", "\u{e000}", "\u{fe00}"] {
            assert_eq!(check_string(good, false), Ok(()), "{good}");
        }
        for bad in ["\u{200b}", "\u{202e}", "\u{feff}", "\u{fdd0}", "\u{1fffe}", "\u{10ffff}", "\u{7f}", "\u{e0041}"] {
            assert!(matches!(check_string(bad, true), Err(TextError::Character(_))), "{bad:?}");
        }
        assert_eq!(check_string("e\u{301}", false), Err(TextError::NotNfc));
        assert_eq!(check_string("\u{f900}", false), Err(TextError::NotNfc));
        assert_eq!(check_string("a\n", false), Err(TextError::Character(10)));
        assert_eq!(check_string("a\n", true), Ok(()));
    }
}
