//! Accounts, as the operator's program makes them: the first administrator, and many at once.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Asker, JsonBody, Known, Segment};
use super::private_json;
use crate::service::AccountId;
use crate::service::accounts::{AccountView, Again, Invited};

/// An account to be made.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct AccountBody {
    /// The sign-in name: best an e-mail address.
    login: String,
    /// The person's name.
    name: String,
    /// Roles: `role` (`learner`, `provider_staff`, `employer`, `clerk`, `expert`, `panel_leader`, `supervisor`, `auditor`,
    /// `competent_authority`, `administrator`) and `organisation`, a credit code.
    #[schema(value_type = Vec<Object>)]
    grants: Vec<serde_json::Value>,
    /// For the role `learner`: the ids of the learners that are this person. Without any, a new one is registered.
    learners: Option<Vec<String>>,
    /// Employers of a learner who is registered anew: `name`, `code`, `from`, `to`.
    #[schema(value_type = Vec<Object>)]
    employers: Option<Vec<serde_json::Value>>,
    /// Whether the one-time code goes by letter; else it is in the answer.
    send: Option<bool>,
}

/// An account with its new one-time code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitedAnswer {
    #[schema(value_type = Object)]
    account: AccountView,
    /// The code, this once; none where a letter brings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Until when it can be used.
    expires_at: String,
}

impl From<Invited> for InvitedAnswer {
    fn from(invited: Invited) -> Self {
        let code = invited.code.map(|code| code.to_string());
        Self { account: invited.account, code, expires_at: invited.expires_at.to_string() }
    }
}

/// All accounts. 账号列表
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "accounts", security(("token" = [])),
    responses((status = 200, body = Vec<Object>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(State(app): State<App>, Asker(actor): Asker) -> Result<Response, Problem> {
    Ok(private_json(&app.service.accounts(&actor)?))
}

/// Make an account and its one-time code. 新建账号
#[utoipa::path(
    post, path = "/api/v1/accounts", tag = "accounts", security(("token" = [])), request_body = AccountBody,
    responses((status = 201, body = InvitedAnswer), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn invite(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let invited = app.to_the_end(|service| async move { service.invite(&actor, Again::default(), body).await }).await?;
    Ok((StatusCode::CREATED, private_json(&InvitedAnswer::from(invited))).into_response())
}

/// Give an account a new one-time code, on paper. 发放新的一次性代码
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/code", tag = "accounts", security(("token" = [])), params(("id" = String, Path, description = "the account's id")),
    responses((status = 201, body = InvitedAnswer), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn new_code(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let id = account_id(&id)?;
    let invited = app
        .to_the_end(move |service| async move { service.new_code(&actor, Again::default(), id, false).await })
        .await?;
    Ok((StatusCode::CREATED, private_json(&InvitedAnswer::from(invited))).into_response())
}

/// Take back the one-time code of an account that is on its way. 收回一次性代码
#[utoipa::path(
    delete, path = "/api/v1/accounts/{id}/code", tag = "accounts", security(("token" = [])), params(("id" = String, Path, description = "the account's id")),
    responses((status = 204), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn withdraw_code(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let id = account_id(&id)?;
    app.to_the_end(move |service| async move { service.withdraw_code(&actor, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take the second factor off an account whose owner has lost it. 解除动态验证码
#[utoipa::path(
    delete, path = "/api/v1/accounts/{id}/factor", tag = "accounts", security(("token" = [])), params(("id" = String, Path, description = "the account's id")),
    responses((status = 204), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn take_factor_off(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let id = account_id(&id)?;
    app.to_the_end(move |service| async move { service.take_factor_off(&actor, Again::default(), id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End an account. 停用账号
#[utoipa::path(
    delete, path = "/api/v1/accounts/{id}", tag = "accounts", security(("token" = [])), params(("id" = String, Path, description = "the account's id")),
    responses((status = 204), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn end(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let id = account_id(&id)?;
    app.to_the_end(move |service| async move { service.end_account(&actor, id, true).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Erase an account that has ended, for good. 永久删除已停用的账号
#[utoipa::path(
    delete, path = "/api/v1/accounts/{id}/data", tag = "accounts", security(("token" = [])), params(("id" = String, Path, description = "the account's id")),
    responses((status = 204), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn erase(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    let id = account_id(&id)?;
    app.to_the_end(move |service| async move { service.erase_account(&actor, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn account_id(text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|_| Problem::not_found("account"))
}
