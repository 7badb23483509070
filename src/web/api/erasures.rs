//! Erasing learners, and listing who was.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Asker, JsonBody, Known, Params};
use super::private_json;
use super::registry::learner_id;
use crate::service::registry::MAX_PAGE;

/// Who is to be erased.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct ErasuresBody {
    /// Up to 1000 ids of learners.
    learners: Vec<String>,
}

/// What remains of a learner.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: it is written by the service")]
pub(crate) struct TombstoneBody {
    /// The learner's id; it is never given again.
    learner: String,
    /// When the erasure was recorded.
    erased_at: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct TombstonesQuery {
    /// The last learner of the page before.
    after: Option<String>,
    /// How many, at most 1000.
    limit: Option<usize>,
}

/// A page of all tombstones, by learner. 已删除的学员列表
#[utoipa::path(
    get, path = "/api/v1/erasures", tag = "registry", security(("token" = [])), params(TombstonesQuery),
    responses((status = 200, body = Vec<TombstoneBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(actor): Asker,
    Params(query): Params<TombstonesQuery>,
) -> Result<Response, Problem> {
    let after = query.after.as_deref().map(learner_id).transpose()?;
    Ok(private_json(&app.service.tombstones(&actor, after, query.limit.unwrap_or(MAX_PAGE)).await?))
}

/// Erase learners for good: all of them, or none. 永久删除学员
///
/// Names and all contents of their entries can be read by nobody afterwards. Commitments, blocks and times stay on the
/// chain, and proofs that were handed out before still verify. Erasing again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/erasures", tag = "registry", security(("token" = [])), request_body = ErasuresBody,
    responses((status = 200, body = Vec<TombstoneBody>, description = "erased, and nothing can undo it"), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    Ok(private_json(&app.to_the_end(|service| async move { service.erase_learners(&actor, body).await }).await?))
}
