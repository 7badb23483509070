//! Erasing the words of a complaint. Everything else about complaints is in the portal.

use axum::extract::{Path, State};
use axum::response::Response;
use utoipa::ToSchema;

use super::super::App;
use super::super::problem::Problem;
use super::super::request::Known;
use super::private_json;

/// What remains of a complaint.
#[derive(Debug, ToSchema, serde::Serialize)]
pub(crate) struct ErasedCaseBody {
    /// Its number.
    number: String,
    /// How far it had come.
    state: String,
    /// When the erasure was recorded.
    erased_at: Option<String>,
}

/// Erase the words of a complaint for good. 永久删除投诉内容
///
/// Number, subject and steps stay. A dispute is answered 409: its words go when its learner is erased. Erasing again changes
/// nothing.
#[utoipa::path(
    delete, path = "/api/v1/cases/{number}", tag = "registry", security(("token" = [])), params(("number" = String, Path, description = "the complaint's number, as TS-2026-7K3M9QX2AB-S")),
    responses((status = 200, body = ErasedCaseBody, description = "erased, and nothing can undo it"), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    Known(actor): Known,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let erased = app.to_the_end(|service| async move { service.erase_case(&actor, &number).await }).await?;
    Ok(private_json(&ErasedCaseBody {
        number: erased.number.to_string(),
        state: erased.state.to_string(),
        erased_at: erased.erased_at.map(|at| at.to_string()),
    }))
}
