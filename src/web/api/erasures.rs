//! Erasing learners, and listing what was erased.

use std::str::FromStr;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Asker, JsonBody, Known, Params};
use super::private_json;
use crate::ledger::fields::Problem as FieldProblem;
use crate::service::Error;
use crate::service::erasure::ErasedKind;
use crate::service::registry::MAX_PAGE;
use crate::standard::UnknownWord;

/// Who is to be erased.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct ErasuresBody {
    /// Up to 1000 ids of learners.
    learners: Vec<String>,
}

/// What remains of a learner, an account or a complaint: one of the three is named.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: it is written by the service")]
pub(crate) struct TombstoneBody {
    /// The learner's id; it is never given again.
    learner: Option<String>,
    /// The account's id.
    account: Option<String>,
    /// The complaint's number.
    case: Option<String>,
    /// When the erasure was recorded.
    erased_at: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct TombstonesQuery {
    /// Of what: `learners` when it is left out, `accounts` or `cases`.
    of: Option<String>,
    /// The last id or number of the page before.
    after: Option<String>,
    /// How many, at most 1000.
    limit: Option<usize>,
}

/// A page of all tombstones of one kind, by id or number. 已删除的学员、账号与投诉列表
#[utoipa::path(
    get, path = "/api/v1/erasures", tag = "registry", security(("token" = [])), params(TombstonesQuery),
    responses((status = 200, body = Vec<TombstoneBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(actor): Asker,
    Params(query): Params<TombstonesQuery>,
) -> Result<Response, Problem> {
    let of = query.of.as_deref().map_or(Ok(ErasedKind::Learners), str::parse);
    let of = of.map_err(|UnknownWord { expected, .. }| Error::field("of", FieldProblem::Choice(expected)))?;
    let (service, limit) = (&app.service, query.limit.unwrap_or(MAX_PAGE));
    let tombstones = match of {
        ErasedKind::Learners => service.learner_tombstones(&actor, after(&query, "learner")?, limit).await?,
        ErasedKind::Accounts => service.account_tombstones(&actor, after(&query, "account")?, limit).await?,
        ErasedKind::Cases => service.case_tombstones(&actor, after(&query, "case")?.as_ref(), limit).await?,
    };
    Ok(private_json(&tombstones))
}

/// The last row of the page before.
fn after<T: FromStr>(query: &TombstonesQuery, what: &'static str) -> Result<Option<T>, Error> {
    query.after.as_deref().map(|text| text.parse().map_err(|_| Error::NotFound(what))).transpose()
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
