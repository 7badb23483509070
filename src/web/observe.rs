//! What is noted about every request: one count, one time, one log line, under an id that the client gets back.
//!
//! A line has the route's template, never the path, the query, a name or a token: addresses hold ids of people.

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use super::App;

/// The id of a request: the client's, if it has the form of one.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The longest id that is taken from a client.
const MAX_ID_CHARS: usize = 64;
/// What is asked every few seconds, and logged only at debug.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Counts and logs a request, and gives its id back.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let traceparent = request.headers().get(TRACEPARENT).filter(|value| trace_id(value).is_some()).cloned();
    let id = request_id(request.headers());
    // At the level of errors, so that every line of the request has the id, whatever is filtered.
    let span = tracing::error_span!("request", request_id = %id);
    let started = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    let duration_ms = u32::try_from(elapsed.as_micros()).map_or(f64::MAX, f64::from) / 1_000.0;
    let bytes = response.body().size_hint().exact();
    span.in_scope(|| match PROBES.contains(&route.as_str()) {
        true => tracing::debug!(method, route, status, duration_ms, bytes, "request"),
        false => tracing::info!(method, route, status, duration_ms, bytes, "request"),
    });
    app.metrics.answered(method, route, status, elapsed);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(traceparent) = traceparent {
        headers.insert(TRACEPARENT, traceparent);
    }
    response
}

/// The client's id, else its trace's, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let fits = |id: &&str| {
        (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let own = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(fits);
    let of_trace = || headers.get(TRACEPARENT).and_then(trace_id);
    own.or_else(of_trace).map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}

/// The trace id of a well-formed `traceparent`: version, 32 digits, 16 digits, flags. (W3C Trace Context, 3.2)
fn trace_id(value: &HeaderValue) -> Option<&str> {
    let parts: Vec<&str> = value.to_str().ok()?.split('-').collect();
    let [version, trace, parent, flags] = parts[..] else { return None };
    let hex = |part: &str, len| part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    let good = version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (good && nonzero(trace) && nonzero(parent)).then_some(trace)
}

/// A client can write any word for a method; only known ones become a label.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_an_id_is_taken() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for (id, traceparent, expected) in [
            ("abc-1", trace, Some("abc-1")),
            ("张伟", trace, Some("4bf92f3577b34da6a3ce929d0e0e4736")),
            ("a b", trace, Some("4bf92f3577b34da6a3ce929d0e0e4736")),
            ("a b", zero, None),
            ("", "00-4bf9-00f067aa0ba902b7-01", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
            headers.insert(TRACEPARENT, HeaderValue::from_str(traceparent).unwrap());
            let found = request_id(&headers);
            assert_eq!(expected.unwrap_or(&found), found);
            assert!(expected.is_some() || found.len() == 32, "a new one: {found}");
        }
    }
}
