//! A form that was sent: its fields as texts, its files as bytes.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::super::App;
use super::super::pages::multipart;

/// Most fields of one form.
const MAX_FIELDS: usize = 500;
/// The field that holds the token of the session.
pub(super) const CSRF: &str = "csrf";

/// A form that was sent. [`super::guard`] reads it and checks its token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posted {
    fields: Vec<(String, String)>,
    files: Vec<PostedFile>,
}

/// A file of a form.
#[derive(Debug, Clone)]
pub(crate) struct PostedFile {
    /// The field.
    pub(crate) field: String,
    /// The name that the browser gave it.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

impl Posted {
    /// Reads a body by its content type; none when it is of neither form, or has more fields than any form here.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let posted = match multipart::boundary(content_type) {
            Some(boundary) => Self::of_parts(multipart::parts(body, &boundary)?)?,
            None => {
                let fields = form_urlencoded::parse(body).take(MAX_FIELDS + 1).map(|(k, v)| (k.into(), plain(&v)));
                Self { fields: fields.collect(), files: Vec::new() }
            }
        };
        (posted.fields.len() + posted.files.len() <= MAX_FIELDS).then_some(posted)
    }

    fn of_parts(parts: Vec<multipart::Part<'_>>) -> Option<Self> {
        let mut posted = Self::default();
        for part in parts {
            match part.file_name {
                // A field for a file that was left empty.
                Some(name) if name.is_empty() && part.bytes.is_empty() => {}
                Some(name) => posted.files.push(PostedFile { field: part.name, name, bytes: part.bytes.to_vec() }),
                None => posted.fields.push((part.name, plain(std::str::from_utf8(part.bytes).ok()?))),
            }
        }
        Some(posted)
    }

    /// The text of a field, without the spaces around it; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The text of a field as it was typed: for passwords.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field that can be chosen several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    /// All fields but the token, to fill the form with again. Passwords are among them: no page fills those in.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().filter(|(name, _)| name != CSRF).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The files of a field.
    pub(crate) fn files<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a PostedFile> {
        self.files.iter().filter(move |file| file.field == field)
    }

    /// The named fields as a JSON object, for a use case that reads one: those that are not empty.
    pub(crate) fn object(&self, names: &[&str]) -> Map<String, Value> {
        let given = names.iter().filter(|name| !self.text(name).is_empty());
        given.map(|name| ((*name).to_owned(), self.text(name).into())).collect()
    }
}

/// Forms send the ends of lines as CR LF, whatever was typed.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

impl FromRequestParts<App> for Posted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(parts.extensions.remove::<Self>().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::ledger::testing::never_panics;

    fn read(content_type: &'static str, body: impl AsRef<[u8]>) -> Option<Posted> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Posted::read(&headers, body.as_ref())
    }

    #[test]
    fn a_form_is_read_in_both_of_its_shapes() {
        let posted = read("application/x-www-form-urlencoded", "csrf=1&a=+x%2By+&b=1&b=2&t=yes&e=").unwrap();
        assert_eq!((posted.text("a"), posted.raw("a"), posted.text("none")), ("x+y", " x+y ", ""));
        assert_eq!(posted.all("b").collect::<Vec<_>>(), ["1", "2"]);
        assert!(posted.ticked("t") && !posted.ticked("a"));
        assert_eq!(posted.filled().count(), 5);
        assert_eq!(Value::from(posted.object(&["a", "e", "none"])), serde_json::json!({"a": "x+y"}));

        let body = "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n1\r\n--b\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"a.pdf\"\r\n\r\n%PDF\r\n--b\r\n\
            Content-Disposition: form-data; name=\"g\"; filename=\"\"\r\n\r\n\r\n--b--";
        let posted = read("multipart/form-data; boundary=b", body).unwrap();
        assert_eq!(posted.text("csrf"), "1");
        let file = posted.files("f").next().unwrap();
        assert_eq!((file.name.as_str(), file.bytes.as_slice()), ("a.pdf", &b"%PDF"[..]));
        assert_eq!(posted.files("g").count(), 0, "left empty");
    }

    const URLENCODED: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=b-7";

    /// A form as it was filled in: fields, and files with the name that the browser gives each.
    type Filled = (Vec<(String, String)>, Vec<(String, String, Vec<u8>)>);

    /// A name as browsers write it: none of what would end it.
    fn name(text: &str) -> String {
        text.replace(['"', '\r', '\n'], "")
    }

    /// As a browser writes a form of files, or nothing where the boundary stands in one: browsers draw another one then.
    fn multipart_of((fields, files): &Filled) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let mut part = |head: String, bytes: &[u8]| {
            let clash = bytes.windows(5).any(|window| window == b"--b-7");
            body.extend(format!("--b-7\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
            (!clash).then_some(())
        };
        for (field, value) in fields {
            part(format!("name=\"{}\"", name(field)), value.as_bytes())?;
        }
        for (field, file, bytes) in files {
            let head =
                format!("name=\"{}\"; filename=\"{}\"\r\nContent-Type: application/pdf", name(field), name(file));
            part(head, bytes)?;
        }
        body.extend(b"--b-7--\r\n");
        Some(body)
    }

    /// Whatever is filled in, in whatever fields, comes out as it went in, but for the ends of lines.
    #[test]
    fn every_form_that_a_browser_writes_is_read_as_it_was_filled_in() {
        bolero::check!().with_iterations(1_000).with_type::<Filled>().for_each(|form| {
            let (fields, files) = form;
            let urlencoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let read_fields = read(URLENCODED, urlencoded.as_bytes()).unwrap().fields;
            let as_typed = fields.iter().map(|(field, value)| (field.clone(), plain(value)));
            assert_eq!(read_fields, as_typed.collect::<Vec<_>>());
            let Some(body) = multipart_of(form) else { return };
            let posted = read(MULTIPART, &body).unwrap();
            let as_typed = fields.iter().map(|(field, value)| (name(field), plain(value)));
            assert_eq!(posted.fields, as_typed.collect::<Vec<_>>());
            let chosen = files.iter().filter(|(_, file, bytes)| !name(file).is_empty() || !bytes.is_empty());
            let chosen = chosen.map(|(field, file, bytes)| (name(field), name(file), bytes.clone()));
            let uploaded = posted.files.iter().map(|file| (file.field.clone(), file.name.clone(), file.bytes.clone()));
            assert!(uploaded.eq(chosen), "{:?} is not {files:?}", posted.files);
        });
    }

    /// What comes from elsewhere is read or refused, and what is read of it is no more than was sent: three bytes at most for
    /// one that is no text.
    #[test]
    fn any_bytes_are_a_form_or_none() {
        let form: Filled = (
            vec![(CSRF.into(), "1".into()), ("text".into(), "九月 +&=%\r\n--b".into())],
            vec![("file".into(), "证书.pdf".into(), b"%PDF-1.7".to_vec())],
        );
        let urlencoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.0).finish();
        for (kind, good) in [(URLENCODED, urlencoded.into_bytes()), (MULTIPART, multipart_of(&form).unwrap())] {
            assert!(read(kind, &good).is_some_and(|posted| posted.fields.len() == 2), "{kind}");
            never_panics(&good, |bytes| {
                let Some(posted) = read(kind, bytes) else { return };
                let of_fields = posted.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
                let of_files = posted.files.iter().map(|file| file.field.len() + file.name.len() + file.bytes.len());
                assert!(of_fields + of_files.sum::<usize>() <= 3 * bytes.len(), "{kind}: {bytes:?}");
                assert!(posted.fields.len() + posted.files.len() <= MAX_FIELDS);
                let object = posted.object(&["text", "csrf"]);
                assert!(object.values().all(|value| value.as_str().is_some_and(|text| text == text.trim())));
            });
        }
    }

    #[test]
    fn what_is_no_form_of_ours_is_refused() {
        assert!(read("multipart/form-data; boundary=b", "no parts").is_none());
        assert!(read(URLENCODED, "a=1&".repeat(MAX_FIELDS + 1)).is_none());
        let many: Filled = (vec![("a".into(), "1".into()); MAX_FIELDS + 1], Vec::new());
        assert!(read(MULTIPART, multipart_of(&many).unwrap()).is_none());
    }
}
