//! The language of a page: Chinese, unless somebody asks for English.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;

/// The language of a page. Every page has both; this one is seen first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The tag of the page.
    pub(super) const fn tag(self) -> &'static str {
        self.choose("zh-CN", "en")
    }

    /// One of two texts.
    pub(super) const fn choose(self, chinese: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }

    /// By `?lang=`, else by what the browser prefers.
    fn of(query: &str, headers: &HeaderMap) -> Self {
        let asked = query.split('&').find_map(|part| part.strip_prefix("lang="));
        match asked {
            Some("en") => Self::English,
            Some("zh") => Self::Chinese,
            _ => {
                Self::preferred(headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default())
            }
        }
    }

    /// The first of the two in the browser's list, which browsers write in the order of preference.
    fn preferred(list: &str) -> Self {
        let known = list.split(',').find_map(|tag| match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        });
        known.unwrap_or(Self::Chinese)
    }
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query().unwrap_or_default(), &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_is_chinese_unless_english_is_asked_for() {
        for (query, accept, expected) in [
            ("", "", Language::Chinese),
            ("", "en-GB,en;q=0.9", Language::English),
            ("", "zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("", "de, en;q=0.5", Language::English),
            ("", "fr", Language::Chinese),
            ("", "é,è", Language::Chinese),
            ("lang=en", "zh-CN", Language::English),
            ("x=1&lang=zh", "en", Language::Chinese),
            ("lang=fr", "en", Language::English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_bytes(accept.as_bytes()).unwrap());
            assert_eq!(Language::of(query, &headers), expected, "?{query} {accept}");
        }
    }
}
