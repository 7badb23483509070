//! One request of somebody to the portal: who it is, in which language, and the answers that every page gives.

use std::convert::Infallible;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::super::App;
use super::super::language::Language;
use super::super::tries::RightTry;
use super::page::{Foot, Page, Standing, Tone, Who, role_in_words, ways_of};
use super::posted::Posted;
use super::trouble::Trouble;
use super::words::Words;
use crate::service::accounts::{Again, Caller, Session, SessionToken, Visitor};
use crate::service::{AccountId, Actor};

/// The session's cookie on a plain connection, and on an encrypted one, where browsers hold the name to its rules.
const PLAIN: &str = "cqo";
const SECURE: &str = "__Host-cqo";

/// One request.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) app: App,
    pub(crate) words: Words,
    /// Who acts: the public, as long as nobody is signed in.
    pub(crate) actor: Actor,
    visitor: Option<Visitor>,
    token: Option<String>,
    /// Path and query.
    address: String,
    /// What the browser says it is.
    pub(crate) agent: String,
    /// The address or network that it comes from.
    client: String,
}

impl Visit {
    pub(super) fn of(app: &App, uri: &Uri, headers: &HeaderMap, client: String) -> Self {
        let token = cookie(headers, cookie_name(app)).map(str::to_owned);
        let visitor = token.as_deref().and_then(|token| app.service.visitor(token));
        let actor = visitor.as_ref().and_then(|visitor| visitor.actor.clone()).unwrap_or(Actor::Public);
        let words = Words::new(Language::of(uri.query().unwrap_or_default(), headers));
        let address = uri.path_and_query().map(|address| address.as_str()).filter(|address| is_here(address));
        let address = address.unwrap_or("/").to_owned();
        let agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Self { app: app.clone(), words, actor, visitor, token, address, agent, client }
    }

    /// The session, where there is one, also a half-way one.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.visitor.as_ref().map(|visitor| &visitor.session)
    }

    /// The token of the session; empty without one, which no session has.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// The name of who is signed in, or about to be.
    pub(crate) fn name(&self) -> &str {
        self.visitor.as_ref().map_or("", |visitor| &visitor.name)
    }

    /// Where a sign-in comes from.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller { client: &self.client, agent: &self.agent }
    }

    /// What is shown again with a form that asks for it.
    pub(crate) fn again<'a>(&'a self, posted: &'a Posted) -> Again<'a> {
        Again { token: self.token(), password: posted.raw("own_password"), code: posted.text("own_code") }
    }

    /// Path and query of the request.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The path of the request.
    pub(super) fn path(&self) -> &str {
        self.address.split('?').next().unwrap_or_default()
    }

    /// A page with all that stands around it; `here` is the path of the way in the navigation that it belongs to.
    pub(crate) fn page(&self, title: &str, here: &'static str) -> Page {
        let mut page = Page::new(self.words, self.address.clone()).titled(title);
        page.here = here;
        page.foot = self.foot();
        let Some(visitor) = &self.visitor else { return page };
        page.csrf = visitor.session.csrf.clone();
        if let Some(person) = self.actor.person() {
            page.person = Some(self.who(visitor));
            page.nav = ways_of(self.words, person.role.as_str());
        }
        match visitor.session.notice {
            Some(notice) => {
                let text = self.words.say(notice);
                page.notice(Tone::Success, text)
            }
            None => page,
        }
    }

    fn who(&self, visitor: &Visitor) -> Who {
        let standing = |place: usize, grant: &crate::service::accounts::Grant| Standing {
            value: place.to_string(),
            role: role_in_words(self.words, grant.role.as_str()),
            organisation: self.app.service.organisation_name(&grant.organisation).unwrap_or_default(),
        };
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (place, grant) in &visitor.grants {
            let list = if *place == visitor.session.grant { &mut own } else { &mut others };
            list.push(standing(*place, grant));
        }
        let none = || Standing { value: String::new(), role: String::new(), organisation: String::new() };
        Who { name: visitor.name.clone(), role: own.pop().unwrap_or_else(none), others }
    }

    fn foot(&self) -> Foot {
        let footer = self.app.service.footer();
        let filings = [&footer.profile.icp, &footer.profile.blockchain];
        let filing: Vec<&str> = filings.into_iter().filter_map(|filing| filing.as_deref()).collect();
        Foot { body: footer.name, filing: filing.join(" · "), complaints: "/complaints" }
    }

    /// Draws a page.
    pub(crate) fn draw(&self, template: &impl Template) -> Result<Response, Trouble> {
        self.draw_as(StatusCode::OK, template)
    }

    /// Draws a page under another status: 422 where a form has to be corrected.
    pub(crate) fn draw_as(&self, status: StatusCode, template: &impl Template) -> Result<Response, Trouble> {
        let html = template.render().map_err(crate::service::Error::internal)?;
        Ok((status, axum::response::Html(html)).into_response())
    }

    /// Leads on after a form was taken.
    pub(crate) fn lead(&self, to: &str) -> Response {
        see_other(to)
    }

    /// Leads on, and shows a notice there: a key of the catalogue.
    pub(crate) fn lead_with(&self, to: &str, notice: &'static str) -> Response {
        if let Some(session) = self.session() {
            self.app.service.note_for(session, notice);
        }
        see_other(to)
    }

    /// Gives the browser the token of a session that began or was renewed.
    pub(crate) fn with_token(&self, mut response: Response, token: &SessionToken) -> Response {
        let secure = if is_secure(&self.app) { "; Secure" } else { "" };
        let name = cookie_name(&self.app);
        let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}", token.as_str());
        if let Ok(value) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
        response
    }

    /// Has the browser forget the session.
    pub(crate) fn without_token(&self, mut response: Response) -> Response {
        let secure = if is_secure(&self.app) { "; Secure" } else { "" };
        let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", cookie_name(&self.app));
        if let Ok(value) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
        response
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| {
            let client = app.client.key(&parts.headers, &parts.extensions);
            Self::of(app, &parts.uri, &parts.headers, client.to_string())
        }))
    }
}

/// 303: whatever was asked by, what follows is read by GET.
pub(super) fn see_other(to: &str) -> Response {
    // What comes from a form must not lead elsewhere.
    let to = HeaderValue::try_from(if is_here(to) { to } else { "/" }).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// The answer to a try to get in that was a right one: it does not count against who asks ([`super::super::tries`]).
pub(super) fn right_try(mut response: Response, account: AccountId) -> Response {
    response.extensions_mut().insert(RightTry(account));
    response
}

/// Whether an address is a path of this site's own, as a browser reads it.
fn is_here(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    is_path && !address.contains(|c: char| c == '\\' || c.is_control())
}

/// Whether people come to this service by an encrypted connection.
fn is_secure(app: &App) -> bool {
    app.service.settings().letters.site.as_deref().is_some_and(|site| site.starts_with("https://"))
}

fn cookie_name(app: &App) -> &'static str {
    if is_secure(app) { SECURE } else { PLAIN }
}

/// A cookie of a request.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::never_panics;

    #[test]
    fn a_form_leads_nowhere_else() {
        for (to, expected) in [
            ("/my?year=2026", "/my?year=2026"),
            ("https://evil.example", "/"),
            ("//evil.example", "/"),
            ("/\\evil", "/"),
            ("/\t/evil.example", "/"),
            ("", "/"),
        ] {
            assert_eq!(see_other(to).headers()[LOCATION], expected, "{to}");
        }
    }

    /// Whatever a form says to lead to, it is a path here; whatever a browser sends as cookies, one is a part of it.
    #[test]
    fn any_address_leads_here_and_any_cookie_is_a_part_of_what_was_sent() {
        never_panics(b"/my?year=2026&lang=zh", |bytes| {
            let answer = see_other(&String::from_utf8_lossy(bytes));
            let to = answer.headers()[LOCATION].as_bytes();
            assert!(to.starts_with(b"/") && !to.starts_with(b"//"), "{to:?}");
            assert!(!to.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\'), "{to:?}");
        });
        never_panics(b"lang=zh; cqo=abc; __Host-cqo=def", |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let headers = HeaderMap::from_iter([(COOKIE, value)]);
            for name in [PLAIN, SECURE] {
                let Some(found) = cookie(&headers, name) else { continue };
                let pair = format!("{name}={found}");
                assert!(bytes.windows(pair.len()).any(|window| window == pair.as_bytes()), "{bytes:?}: {pair}");
                assert!(!found.contains(';'));
            }
        });
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("lang=zh; cqo=abc"));
        assert_eq!((cookie(&headers, "cqo"), cookie(&headers, "cq")), (Some("abc"), None));
    }
}
