//! What is refused beside the portal's routes, or before one is reached: no such address, another method, too large, too
//! slow, too often, too much under way. Programs are told by a problem document; for who reads pages, the same answer is a
//! page that says what to do next.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, RETRY_AFTER, VARY,
};
use axum::middleware::Next;
use axum::response::Response;

use super::super::App;
use super::super::language::Language;
use super::super::pages::HTML;
use super::super::problem::PROBLEM_JSON;
use super::super::reader::reads_pages;
use super::guard::dress;
use super::trouble::Trouble;
use super::visit::Visit;

/// Around all limits and routes.
pub(in super::super) async fn for_people(State(app): State<App>, request: Request, next: Next) -> Response {
    if !reads_pages(request.uri().path(), request.headers()) {
        return next.run(request).await;
    }
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let response = next.run(request).await;
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == PROBLEM_JSON);
    match Trouble::of_status(response.status()).filter(|_| is_problem) {
        Some(trouble) => {
            let asked = Language::asked(uri.query().unwrap_or_default());
            // Who it is is looked up only now: a page that is shown takes the session's notice with it.
            // A refusal counts nothing, so it does not matter which client it is for.
            page_instead(response, &trouble, &Visit::of(&app, &uri, &headers, String::new()), asked)
        }
        None => response,
    }
}

/// The same answer with a page for its body: status, `Allow`, `Retry-After` and what else it says stay.
fn page_instead(response: Response, trouble: &Trouble, visit: &Visit, asked: Option<Language>) -> Response {
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(html) = trouble.html(visit, wait) else { return response };
    let (mut parts, _) = response.into_parts();
    for name in [CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY] {
        parts.headers.remove(name);
    }
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    parts.headers.insert(VARY, HeaderValue::from_static("accept, accept-language, cookie"));
    dress(Response::from_parts(parts, Body::from(html)), asked)
}
