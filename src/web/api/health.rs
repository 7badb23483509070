//! Whether the service lives, and whether it takes entries.

use axum::extract::State;
use axum::response::Response;

use super::super::App;
use super::super::problem::Problem;
use super::{PRIVATE, TEXT, answer};

/// The process lives. 存活
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> Response {
    answer(TEXT, PRIVATE, "ok\n")
}

/// Entries are taken. 就绪
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 507, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    match app.service.not_ready() {
        None => Ok(answer(TEXT, PRIVATE, "ready\n")),
        Some(not_ready) => Err(not_ready.into()),
    }
}
