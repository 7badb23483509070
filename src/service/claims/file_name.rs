//! Names of evidence files, made safe: what a stranger's computer called a file is shown, and offered as a name again, so
//! nothing of it may lead anywhere or look like something else.

use unicode_normalization::UnicodeNormalization as _;

use super::file_type::FileType;
use crate::ledger::json::{TextError, check_string};

/// Longest name of a file with its ending, in characters.
pub const MAX_FILE_NAME: usize = 80;
/// What a file is called that had no name.
const NAMELESS: &str = "evidence";

/// A name that no file system and no header reads otherwise: no path, no control or invisible characters, and the ending of
/// what the file is.
pub(super) fn safe_name(given: &str, kind: FileType) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = match last.rsplit_once('.') {
        Some((stem, ending)) if known_ending(ending) => stem,
        _ => last,
    };
    let unsafe_char = |c: char| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '%' | ';') || forbidden(c);
    // Composed first, since some characters are others in disguise (U+037E is a semicolon), and again at the end, when what
    // stood between two characters is gone.
    let clean: String = stem.nfc().filter(|c| !unsafe_char(*c)).nfc().collect();
    let edge = |c: char| c.is_whitespace() || c == '.';
    let room = MAX_FILE_NAME - 1 - kind.as_str().len();
    let short: String = clean.trim_matches(edge).chars().take(room).collect();
    let stem = short.trim_end_matches(edge);
    let stem = if stem.is_empty() { NAMELESS } else { stem };
    format!("{stem}.{kind}")
}

/// Endings that are put in order rather than kept as a part of the name.
fn known_ending(ending: &str) -> bool {
    ["pdf", "png", "jpg", "jpeg"].contains(&ending.to_ascii_lowercase().as_str())
}

/// What the rules for text refuse: control, invisible and bidirectional control characters.
fn forbidden(c: char) -> bool {
    matches!(check_string(c.encode_utf8(&mut [0; 4]), false), Err(TextError::Character(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_people_gave_them_and_lose_what_leads_elsewhere() {
        for (given, safe) in [
            ("结业证书.pdf", "结业证书.pdf"),
            ("IMG 0042.JPEG", "IMG 0042.pdf"),
            ("C:\\Users\\wei\\结业证书.PDF", "结业证书.pdf"),
            ("../../etc/passwd", "passwd.pdf"),
            ("报告 v1.2", "报告 v1.2.pdf"),
            ("photo.exe", "photo.exe.pdf"),
            ("evil\u{202e}fdp.exe", "evilfdp.exe.pdf"),
            ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie x.pdf"),
            ("...", "evidence.pdf"),
            ("", "evidence.pdf"),
            (" .pdf", "evidence.pdf"),
            ("a\"b<c>|?*.png", "abc.pdf"),
            ("e\u{301}.pdf", "é.pdf"),
            ("\u{37e}a\u{37e}\u{301}.pdf", "á.pdf"),
        ] {
            assert_eq!(safe_name(given, FileType::Pdf), safe, "{given:?}");
        }
        assert_eq!(safe_name(&"长".repeat(300), FileType::Jpeg).chars().count(), MAX_FILE_NAME);
    }

    #[test]
    fn every_safe_name_is_safe_again_and_within_its_limit() {
        bolero::check!().with_type::<String>().with_iterations(2_000).for_each(|given| {
            let safe = safe_name(given, FileType::Png);
            assert!(safe.chars().count() <= MAX_FILE_NAME && safe.ends_with(".png"), "{safe:?}");
            assert_eq!(check_string(&safe, false), Ok(()), "{safe:?}");
            assert_eq!(safe_name(&safe, FileType::Png), safe);
        });
    }
}
