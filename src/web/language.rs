//! The language of a page: Chinese, unless somebody asks for English.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;

/// The cookie that remembers which language was asked for.
const COOKIE_NAME: &str = "lang=";

/// The language of a page. Every page has both; Chinese is seen first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// Both, in the order in which they are offered.
    pub(crate) const ALL: [Self; 2] = [Self::Chinese, Self::English];

    /// The tag of the page.
    pub(crate) const fn tag(self) -> &'static str {
        self.choose("zh-CN", "en")
    }

    /// The tag of its own name in the switch: another than [`Language::tag`], by which style.css hides the other language.
    pub(crate) const fn script(self) -> &'static str {
        self.choose("zh-Hans", "en-GB")
    }

    /// The word in `?lang=` and in the cookie.
    pub(crate) const fn word(self) -> &'static str {
        self.choose("zh", "en")
    }

    /// One of two texts.
    pub(super) const fn choose(self, chinese: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }

    /// The value of `set-cookie` that remembers it for a year. The word is no secret, so that a plain connection carries it too.
    pub(crate) const fn cookie(self) -> &'static str {
        self.choose(
            "lang=zh; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
            "lang=en; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
        )
    }

    /// What `?lang=` asks for, which is worth remembering.
    pub(crate) fn asked(query: &str) -> Option<Self> {
        query.split('&').find_map(|part| part.strip_prefix(COOKIE_NAME)).and_then(Self::of_word)
    }

    /// By `?lang=`, else by the cookie, else by what the browser prefers.
    pub(crate) fn of(query: &str, headers: &HeaderMap) -> Self {
        let preferred =
            || Self::preferred(headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default());
        Self::asked(query).or_else(|| Self::remembered(headers)).unwrap_or_else(preferred)
    }

    fn remembered(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = cookies.flat_map(|value| value.split(';')).map(str::trim);
        cookies.find_map(|cookie| cookie.strip_prefix(COOKIE_NAME)).and_then(Self::of_word)
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.word() == word)
    }

    /// The first of the two in the browser's list, which browsers write in the order of preference.
    fn preferred(list: &str) -> Self {
        let known = list.split(',').find_map(|tag| Self::of_word(&tag.trim().get(..2)?.to_ascii_lowercase()));
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
    use crate::ledger::testing::never_panics;

    #[test]
    fn a_page_is_chinese_unless_english_is_asked_for() {
        for (query, cookie, accept, expected) in [
            ("", "", "", Language::Chinese),
            ("", "", "en-GB,en;q=0.9", Language::English),
            ("", "", "zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("", "", "de, en;q=0.5", Language::English),
            ("", "", "fr", Language::Chinese),
            ("", "", "é,è", Language::Chinese),
            ("lang=en", "lang=zh", "zh-CN", Language::English),
            ("x=1&lang=zh", "", "en", Language::Chinese),
            ("lang=fr", "", "en", Language::English),
            ("", "a=b; lang=en", "zh", Language::English),
            ("", "lang=zh", "en", Language::Chinese),
            ("", "lang=fr; xlang=zh", "en", Language::English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_bytes(accept.as_bytes()).unwrap());
            headers.insert(COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
            assert_eq!(Language::of(query, &headers), expected, "?{query} {cookie} {accept}");
        }
    }

    /// Whatever stands in address and headers, there is a language, and English only where somebody wrote `en`.
    #[test]
    fn any_request_has_a_language() {
        for good in [&b"de, en-GB;q=0.9"[..], b"a=b; lang=en"] {
            never_panics(good, |bytes| {
                let text = String::from_utf8_lossy(bytes);
                let value = HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static(""));
                for name in [ACCEPT_LANGUAGE, COOKIE] {
                    let language = Language::of(&text, &HeaderMap::from_iter([(name, value.clone())]));
                    assert!(language == Language::Chinese || text.to_ascii_lowercase().contains("en"), "{text:?}");
                }
            });
        }
    }

    #[test]
    fn the_cookie_says_what_is_read_back() {
        for language in Language::ALL {
            let pair = language.cookie().split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_static(pair));
            assert_eq!(Language::of("", &headers), language);
        }
    }
}
