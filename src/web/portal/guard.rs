//! What stands before every handler of the portal: session, gate, where a form comes from, and its token. Nothing is
//! reached past it: [`super::routers`] puts it around every row of the table.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;
use tracing::Instrument as _;

use super::super::App;
use super::super::budget::Allowance;
use super::super::language::Language;
use super::super::pages::{OPENER_POLICY, PAGE_POLICY, RESOURCE_POLICY};
use super::posted::{CSRF, Posted};
use super::route::Gate;
use super::trouble::Trouble;
use super::visit::{Visit, see_other};
use crate::service::Error;
use crate::service::accounts::Stage;

/// Where a browser says that a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Around one row of the table.
pub(super) async fn guard(
    State((app, gate, form_max)): State<(App, Gate, usize)>,
    request: Request,
    next: Next,
) -> Response {
    let client = app.client.key(request.headers(), request.extensions());
    let visit = Visit::of(&app, request.uri(), request.headers(), client.to_string());
    let asked = Language::asked(request.uri().query().unwrap_or_default());
    let mut response = match admit(&visit, gate, form_max, request).await {
        Ok(mut request) => {
            request.extensions_mut().insert(visit.clone());
            answer(request, next).await
        }
        Err(refusal) => refusal,
    };
    if let Some(trouble) = response.extensions_mut().remove::<Trouble>() {
        response = trouble.page(&visit);
    }
    dress(response, asked)
}

/// The handler's answer. What a form asks for comes to its end in a task of its own, also when nobody waits for the answer
/// any more: what is in the store and what is in memory must not part.
async fn answer(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let task = tokio::spawn(next.run(request).in_current_span());
    task.await.unwrap_or_else(|error| Trouble::from(Error::internal(error)).into_response())
}

/// The request on its way to the handler, its form read; or the answer to who does not get there.
async fn admit(visit: &Visit, gate: Gate, form_max: usize, request: Request) -> Result<Request, Response> {
    if let Some(refusal) = turned_away(visit, gate, request.method()) {
        return Err(refusal);
    }
    match *request.method() {
        Method::POST => read_form(visit, form_max, request).await.map_err(IntoResponse::into_response),
        _ => Ok(request),
    }
}

/// The answer to who does not get through the gate.
fn turned_away(visit: &Visit, gate: Gate, method: &Method) -> Option<Response> {
    let half_way = || visit.session().map(|session| way_on(&session.stage));
    let signed_in = visit.actor.person().is_some();
    match gate {
        Gate::Public => None,
        Gate::HalfWay if visit.session().is_some() => None,
        Gate::SignedIn if signed_in => None,
        Gate::May(action) if visit.actor.may(action) && signed_in => None,
        Gate::May(_) if signed_in => Some(Trouble::NotYours.into_response()),
        _ => Some(match half_way() {
            Some(to) => see_other(to),
            None => see_other(&sign_in(visit, method)),
        }),
    }
}

/// Where a session that is half-way goes next.
pub(super) const fn way_on(stage: &Stage) -> &'static str {
    match stage {
        Stage::SecondFactor => "/sign-in/code",
        Stage::Enrol(_) => "/sign-in/factor",
        Stage::NewPassword => "/sign-in/password",
        Stage::In => "/home",
    }
}

/// The sign-in page, which leads back to the page that was asked for. Not to what was searched for there: names stand in
/// addresses of searches, and an address that is sent once more is logged once more.
fn sign_in(visit: &Visit, method: &Method) -> String {
    match *method {
        Method::GET | Method::HEAD => {
            let query: String =
                form_urlencoded::Serializer::new(String::new()).append_pair("next", visit.path()).finish();
            format!("/sign-in?{query}")
        }
        _ => "/sign-in".to_owned(),
    }
}

/// Reads a form that comes from a page of ours and, where there is a session, holds its token.
async fn read_form(visit: &Visit, form_max: usize, request: Request) -> Result<Request, Trouble> {
    let (mut parts, body) = request.into_parts();
    if !is_from_here(&parts.headers, &parts.uri) {
        return Err(Trouble::Stale);
    }
    let allowance = parts.extensions.get::<Allowance>().cloned().ok_or(Trouble::Unreadable)?;
    let body = allowance.read_at_most(body, form_max).await;
    let body = body.map_err(|problem| Trouble::of_status(problem.status()).unwrap_or(Trouble::Unreadable))?;
    let posted = Posted::read(&parts.headers, &body).ok_or(Trouble::Unreadable)?;
    if let Some(session) = visit.session() {
        let same: bool = posted.raw(CSRF).as_bytes().ct_eq(session.csrf.as_bytes()).into();
        if !same {
            return Err(Trouble::Stale);
        }
    }
    parts.extensions.insert(posted);
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}

/// Whether a form was sent by a page of this site: browsers say so in `Sec-Fetch-Site`, older ones in `Origin` alone.
fn is_from_here(headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin";
    }
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| headers.get(HOST).and_then(|value| value.to_str().ok()));
    let origin = headers.get(ORIGIN).and_then(|value| value.to_str().ok()).and_then(|text| text.split_once("://"));
    host.zip(origin).is_some_and(|(host, (_, origin))| host.eq_ignore_ascii_case(origin))
}

/// What every answer of the portal has: it is one person's, loads nothing from elsewhere, and tells no other site where it is.
pub(super) fn dress(mut response: Response, asked: Option<Language>) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (VARY, "accept-language, cookie"),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (REFERRER_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(language) = asked {
        headers.append(SET_COOKIE, HeaderValue::from_static(language.cookie()));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::never_panics;

    #[test]
    fn only_a_page_of_this_site_sends_forms() {
        for (site, origin, host, expected) in [
            (Some("same-origin"), None, "a.cn", true),
            (Some("same-site"), Some("https://a.cn"), "a.cn", false),
            (Some("cross-site"), Some("https://a.cn"), "a.cn", false),
            (Some("none"), None, "a.cn", false),
            (None, Some("https://a.cn"), "a.cn", true),
            (None, Some("http://A.cn:8080"), "a.cn:8080", true),
            (None, Some("https://b.cn"), "a.cn", false),
            (None, Some("null"), "a.cn", false),
            (None, None, "a.cn", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            headers.extend(site.map(|site| (FETCH_SITE, HeaderValue::from_static(site))));
            headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
            assert_eq!(is_from_here(&headers, &Uri::from_static("/sign-in")), expected, "{site:?} {origin:?}");
        }
    }

    /// A form is taken from no header but one that names this site.
    #[test]
    fn any_origin_is_here_or_elsewhere() {
        let own = Uri::from_static("/sign-in");
        never_panics(b"https://a.cn:8080", |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let host = HeaderValue::from_static("a.cn:8080");
            let headers = HeaderMap::from_iter([(HOST, host.clone()), (ORIGIN, value.clone())]);
            let ends = bytes.to_ascii_lowercase().ends_with(b"://a.cn:8080");
            assert!(ends || !is_from_here(&headers, &own), "{bytes:?}");
            let headers = HeaderMap::from_iter([(HOST, host), (FETCH_SITE, value)]);
            assert_eq!(is_from_here(&headers, &own), bytes == b"same-origin", "{bytes:?}");
        });
    }
}
