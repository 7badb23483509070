//! The few written forms that C2SP formats share: decimal numbers, base64, and text without control characters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hash::Hash;

/// An ASCII decimal without sign, space or leading zero (other than `0` itself).
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// RFC 4648 section 4, with padding; only the one canonical form is decoded.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// RFC 4648 section 4, with padding.
pub(super) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A hash in base64, as C2SP texts write it.
pub(super) fn decode_hash(text: &str) -> Option<Hash> {
    Hash::try_from(decode_base64(text)?.as_slice()).ok()
}

/// A hash in base64, as C2SP texts write it.
pub(super) fn encode_hash(hash: &Hash) -> String {
    encode_base64(hash.as_bytes())
}

/// No ASCII control character below U+0020, except newline (C2SP signed-note, "Format").
pub(super) fn has_only_note_characters(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_one_form() {
        for (text, expected) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1 ", None),
            ("١", None),
        ] {
            assert_eq!(parse_decimal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn base64_has_one_form() {
        assert_eq!(decode_base64("AQ=="), Some(vec![1]));
        for bad in ["AQ", "AQ=", "AR==", "AQ==\n", "A Q==", "_w==", "AQ==AQ=="] {
            assert_eq!(decode_base64(bad), None, "{bad:?}");
        }
    }
}
