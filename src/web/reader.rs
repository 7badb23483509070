//! Who reads a refusal: somebody in a browser, who needs words and a way on, or a program, which needs a problem document.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// How the addresses begin that programs ask: the interface, the log's files, and what is asked to see whether all is well.
const FOR_PROGRAMS: [&str; 12] = [
    "api",
    "batch",
    "checkpoint",
    "healthz",
    "keys",
    "metrics",
    "openapi.json",
    "policy",
    "readyz",
    "status",
    "tile",
    ".well-known",
];
const PAGE: (&str, &str) = ("text", "html");
const DOCUMENTS: [(&str, &str); 2] = [("application", "problem+json"), ("application", "json")];

/// Whether a refusal is read by somebody in a browser: at an address that no program asks, and where pages are preferred.
pub(super) fn reads_pages(path: &str, headers: &HeaderMap) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let begins_with_it = path.starts_with('/') && !path.starts_with("//");
    !(begins_with_it && FOR_PROGRAMS.contains(&first)) && prefers_pages(headers)
}

/// Whether pages are preferred to documents (RFC 9110, 12.5.1): browsers name `text/html`, programs say `*/*` or nothing. Of
/// two that are liked as much, what is named more closely goes first.
fn prefers_pages(headers: &HeaderMap) -> bool {
    let ranges: Vec<Range> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::read)
        .collect();
    let page = liking(&ranges, PAGE);
    page.0 > 0 && DOCUMENTS.iter().all(|document| page > liking(&ranges, *document))
}

/// How much a kind of content is liked, in thousandths, and how closely it was named: by the closest range that has it.
fn liking(ranges: &[Range], (kind, form): (&str, &str)) -> (u16, u8) {
    let fitting = ranges.iter().filter_map(|range| Some((range.closeness(kind, form)?, range.liked)));
    fitting.max().map_or((0, 0), |(closeness, liked)| (liked, closeness))
}

/// One range of an `Accept` header, without parameters but its weight.
struct Range {
    kind: String,
    form: String,
    liked: u16,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, form) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let liked = weight.map_or(Some(1_000), thousandths)?;
        Some(Self { kind: kind.to_ascii_lowercase(), form: form.to_ascii_lowercase(), liked })
    }

    /// How closely this range names a kind of content; none where it does not have it.
    fn closeness(&self, kind: &str, form: &str) -> Option<u8> {
        match (self.kind.as_str(), self.form.as_str()) {
            ("*", "*") => Some(1),
            (this, "*") if this == kind => Some(2),
            (this, that) if (this, that) == (kind, form) => Some(3),
            _ => None,
        }
    }
}

/// A weight (RFC 9110, 12.4.2): 0 to 1 with up to three digits after the point.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let is_one_digit = matches!(whole, "0" | "1");
    if !is_one_digit || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{whole}{part:0<3}").parse().ok()?;
    (thousandths <= 1_000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::permissions::{self, Side};
    use super::*;

    fn accepting(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn browsers_prefer_pages_and_programs_documents() {
        for (accept, expected) in [
            // Chromium, Firefox, Safari, an old one, and lynx.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
                true,
            ),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/png,image/svg+xml,*/*;q=0.8", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/html, application/xhtml+xml, image/jxr, */*", true),
            ("text/html, text/plain, text/sgml, text/css, */*;q=0.01", true),
            ("TEXT/HTML", true),
            ("text/*", true),
            ("text/html;level=1", true),
            ("text/html ; q=0.3 , application/json;q=0.2", true),
            ("*/*, text/html", true),
            // curl, wget and libraries; scripts of pages.
            ("*/*", false),
            ("", false),
            ("application/json, text/plain, */*", false),
            ("application/problem+json", false),
            ("application/json", false),
            ("text/html;q=0.5, application/json", false),
            ("text/html, application/json", false),
            ("text/html;q=0", false),
            ("text/html;q=0.000, */*", false),
            ("text/html;q=2", false),
            ("text/html;q=", false),
            ("text/html;q=0.1234", false),
            ("text/html;q=1.5", false),
            ("image/avif,image/webp,*/*;q=0.8", false),
            ("html", false),
            (";;,q=,/", false),
            ("文/页", false),
        ] {
            assert_eq!(prefers_pages(&accepting(&[accept])), expected, "{accept}");
        }
        assert!(!prefers_pages(&HeaderMap::new()));
        assert!(prefers_pages(&accepting(&["application/xml;q=0.9", "text/html"])), "two lines are one list");
    }

    #[test]
    fn no_route_of_the_interface_is_read_in_a_browser_and_every_page_is() {
        let browser = accepting(&["text/html,*/*;q=0.8"]);
        for row in permissions::table() {
            assert_eq!(reads_pages(row.path, &browser), row.side == Side::Portal, "{}", row.path);
        }
        for (path, expected) in [
            ("/api", false),
            ("/api/v1/nothing", false),
            ("/tile/8/x", false),
            ("/metrics", false),
            ("/apis", true),
            ("/v/XS-1", true),
            ("//api", true),
            ("*", true),
            ("", true),
        ] {
            assert_eq!(reads_pages(path, &browser), expected, "{path}");
            assert!(!reads_pages(path, &accepting(&["*/*"])), "{path}");
        }
    }
}
