//! `POST /api/v1/verify`: the server's own check, for browsers that cannot do it themselves. What it answers is the
//! operator's word. Nothing is kept, and nothing of a document is logged.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::super::App;
use super::super::budget::ChangesNothing;
use super::super::problem::Problem;
use super::super::request::Body;
use super::multipart;
use crate::credential::verify::{File, Question, verify_files};
use crate::merkle::{Hash, TrustPolicy};
use crate::service::clock::{Clock as _, SystemClock};

/// Checks under way at once. Anybody may ask, and one takes up to a second of a core: the rest of the service goes first.
const CHECKS_MAX: usize = 2;
/// Files of one request.
const FILES_MAX: usize = 40;

/// The places for checks under way.
#[derive(Clone)]
pub(crate) struct Checks(Arc<Semaphore>);

impl Default for Checks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CHECKS_MAX)))
    }
}

/// Check files on the server, by the policy it suggests: the operator's word. 由服务器核验
///
/// The body is one file as it is, or `multipart/form-data` with several. They are checked together, as `cqo-ledger verify
/// --json` does, and the answer is the same. Nothing is kept.
#[utoipa::path(
    post, path = "/api/v1/verify", tag = "chain",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "a file, or multipart/form-data with up to 40"),
    responses(
        (status = 200, body = Value, description = "what `cqo-ledger verify --json` prints, and the policy's SHA-256"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn check(State(app): State<App>, headers: HeaderMap, Body(body): Body) -> Result<Response, Problem> {
    let boundary = multipart::boundary(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()));
    // The place is held by the work itself: who hangs up does not make room for another.
    let place = Arc::clone(&app.checks.0).try_acquire_owned().map_err(|_| Problem::overloaded())?;
    let policy = app.service.suggested_policy();
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        let files = match &boundary {
            None => vec![("body".to_owned(), &body[..])],
            Some(boundary) => {
                let unreadable =
                    || Problem::unreadable("the body is not multipart/form-data as RFC 7578 has it".into());
                let parts = multipart::parts(&body, boundary).ok_or_else(unreadable)?;
                parts.into_iter().map(|part| (part.file_name.unwrap_or(part.name), part.bytes)).collect()
            }
        };
        if files.len() > FILES_MAX {
            return Err(Problem::too_large(format!("at most {FILES_MAX} files are checked together")));
        }
        Ok(report(&files, &policy))
    });
    let report = work.await.map_err(|_| Problem::internal())??;
    Ok((Extension(ChangesNothing), [(CACHE_CONTROL, "no-store")], axum::Json(report)).into_response())
}

/// What `verify --json` says of these files.
fn report(files: &[(String, &[u8])], policy: &str) -> Value {
    let trusted = TrustPolicy::parse(policy.as_bytes()).ok();
    let question = Question { policy: trusted.as_ref(), at: None, leaf: None, status: &[], now: SystemClock.now() };
    let files: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes: Ok(bytes) }).collect();
    let mut report = verify_files(&files, question).to_value();
    report["by"] = "operator".into();
    report["policy"] = json!({"sha256": Hash::of(&[policy.as_bytes()])});
    report
}
