//! The files of a `multipart/form-data` body (RFC 7578, RFC 2046 section 5.1), as browsers and curl write it: no preamble,
//! no nesting, no transfer encoding. The body is in memory already, and its parts are parts of it.

/// The longest boundary. (RFC 2046, 5.1.1)
const BOUNDARY_MAX: usize = 70;

/// The boundary that a content type names; none for anything but `multipart/form-data`.
pub(crate) fn boundary(content_type: Option<&str>) -> Option<String> {
    let mut parts = content_type?.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("boundary"));
    // One that is missing or too long is nobody's: then the body has no parts.
    let boundary = named.map_or("", |(_, value)| value.trim_matches('"'));
    Some(if boundary.len() <= BOUNDARY_MAX { boundary } else { "" }.to_owned())
}

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// The field's name.
    pub(crate) name: String,
    /// The file's name, where it is a file.
    pub(crate) file_name: Option<String>,
    /// What it holds.
    pub(crate) bytes: &'a [u8],
}

/// Every part; none when the body is not of this form.
pub(crate) fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    if boundary.is_empty() {
        return None;
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let mut parts = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let (head, content) = split_at(part, b"\r\n\r\n")?;
        let (content, after) = split_at(content, delimiter.as_bytes())?;
        let (name, file_name) = names(std::str::from_utf8(head).ok()?)?;
        parts.push(Part { name, file_name, bytes: content });
        rest = after;
    }
    rest.starts_with(b"--").then_some(parts)
}

fn split_at<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// The names in the head of a part: of the field, and of the file where it is one.
fn names(head: &str) -> Option<(String, Option<String>)> {
    let line = head
        .lines()
        .find(|line| line.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("content-disposition:")))?;
    let parameter = |name: &str| {
        let (_, value) = line.split_once(&format!(" {name}=\""))?;
        Some(value.split_once('"')?.0.to_owned())
    };
    Some((parameter("name")?, parameter("filename")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::never_panics;

    /// What a content type names is a boundary that a body can have, and what is found of a body lies in it, in its order.
    #[test]
    fn any_bytes_have_parts_or_none() {
        never_panics(b"multipart/form-data; charset=x; boundary=\"a b\"", |bytes| {
            let named = boundary(std::str::from_utf8(bytes).ok());
            assert!(named.is_none_or(|boundary| boundary.len() <= BOUNDARY_MAX));
        });
        let good = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nx\r\n--b\r\n\
            Content-Disposition: form-data; name=\"g\"\r\n\r\n\r\n--b--\r\n";
        assert_eq!(parts(good, "b").map(|parts| parts.len()), Some(2));
        never_panics(good, |bytes| {
            let mut rest = bytes;
            for part in parts(bytes, "b").unwrap_or_default() {
                let end = part.bytes.as_ptr_range().end.addr() - rest.as_ptr().addr();
                assert!(end <= rest.len() && rest[..end].ends_with(part.bytes));
                rest = &rest[end..];
            }
        });
    }

    #[test]
    fn the_parts_of_a_form_are_found() {
        assert_eq!(boundary(Some("multipart/form-data; boundary=\"a b\"")).as_deref(), Some("a b"));
        assert_eq!(boundary(Some("Multipart/Form-Data; charset=x; Boundary=ab")).as_deref(), Some("ab"));
        assert_eq!(boundary(Some("multipart/form-data")).as_deref(), Some(""));
        assert_eq!(boundary(Some("application/json")), None);
        let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"证书.json\"\r\nContent-Type: application/json\r\n\r\n{\r\n--c}\r\n--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n\r\n--b--\r\n";
        let expected = [
            Part { name: "file".into(), file_name: Some("证书.json".into()), bytes: b"{\r\n--c}" },
            Part { name: "x".into(), file_name: None, bytes: b"" },
        ];
        assert_eq!(parts(body.as_bytes(), "b").unwrap(), expected);
        assert_eq!(parts(b"--b--", "b").unwrap(), []);
        for bad in [
            "",
            "x",
            "--b",
            "--b\r\n\r\n\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n",
            "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n--b\r",
            "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n--b--",
        ] {
            assert_eq!(parts(bad.as_bytes(), "b"), None, "{bad:?}");
        }
        assert_eq!(parts(b"--\r\n", ""), None);
    }
}
