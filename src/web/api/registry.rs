//! Organisations, learners, courses and API tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Asker, JsonBody, Known, Params, ReadVersion, Segment};
use super::private_json;
use crate::ledger::entry::{CourseCode, LearnerId};
use crate::ledger::fields::{FieldErrors, Fields, Problem as FieldProblem};
use crate::service::registry::MAX_PAGE;
use crate::service::{Actor, Error, Service};
use crate::standard::CreditCode;

/// An organisation, as it is registered.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct OrganisationBody {
    /// 统一社会信用代码, 18 characters.
    code: String,
    /// Its name.
    name: String,
    /// `certifying_body`, `provider`, `employer`, `competent_authority`.
    roles: Vec<String>,
}

/// A learner, as it is registered. `version` is only in answers.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct LearnerBody {
    /// A UUID of version 7 that the provider draws.
    id: String,
    /// The name.
    name: String,
    /// The provider's credit code; a provider's token need not say it.
    provider: Option<String>,
    /// Employers: `name`, `code`, `from`, `to`.
    #[schema(value_type = Vec<Object>)]
    employers: Option<Vec<Value>>,
}

/// A course, as it is registered. `version` is only in answers.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct CourseBody {
    /// The provider's code of the course.
    code: String,
    /// The title.
    title: String,
    /// Credit hours, in hundredths.
    hours: u32,
    /// The provider's credit code; a provider's token need not say it.
    provider: Option<String>,
}

/// Whose token is made.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct TokenBody {
    /// The organisation's credit code.
    organisation: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct PageQuery {
    /// The provider's credit code; a provider's token need not say it.
    provider: Option<String>,
    /// The last id or code of the page before.
    after: Option<String>,
    /// How many, at most 1000.
    limit: Option<usize>,
}

impl PageQuery {
    fn provider(&self, actor: &Actor) -> Result<CreditCode, Problem> {
        match (&self.provider, actor) {
            (None, Actor::Recorder(code)) => Ok(code.clone()),
            (None, Actor::Public) => Err(Error::Unauthenticated.into()),
            (None, Actor::Operator | Actor::Person(_)) => Err(bad_query("provider", FieldProblem::Missing)),
            (Some(text), _) => text.parse().map_err(|_| {
                bad_query("provider", FieldProblem::form("must be a credit code", "应为统一社会信用代码"))
            }),
        }
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(MAX_PAGE).min(MAX_PAGE)
    }
}

fn bad_query(field: &str, problem: FieldProblem) -> Problem {
    Error::field(field, problem).into()
}

/// All organisations. 机构列表
#[utoipa::path(
    get, path = "/api/v1/organisations", tag = "registry", security(("token" = [])),
    responses((status = 200, body = Vec<OrganisationBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list_organisations(State(app): State<App>, Asker(actor): Asker) -> Result<Response, Problem> {
    Ok(private_json(&app.service.organisations(&actor)?))
}

/// Register an organisation, or change its name and roles. 登记机构
#[utoipa::path(
    post, path = "/api/v1/organisations", tag = "registry", security(("token" = [])), request_body = OrganisationBody,
    responses((status = 200, body = OrganisationBody), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn put_organisation(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    Ok(private_json(&app.to_the_end(|service| async move { service.put_organisation(&actor, body).await }).await?))
}

/// A page of a provider's learners, by id. 学员列表
#[utoipa::path(
    get, path = "/api/v1/learners", tag = "registry", security(("token" = [])), params(PageQuery),
    responses((status = 200, body = Vec<LearnerBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list_learners(
    State(app): State<App>,
    Asker(actor): Asker,
    Params(query): Params<PageQuery>,
) -> Result<Response, Problem> {
    let provider = query.provider(&actor)?;
    let after = match &query.after {
        Some(id) => Some(learner_id(id)?),
        None => None,
    };
    Ok(private_json(&app.service.learners(&actor, &provider, after, query.limit()).await?))
}

/// Register one learner, or an array of up to 1000. 登记学员
#[utoipa::path(
    post, path = "/api/v1/learners", tag = "registry", security(("token" = [])), request_body = Vec<LearnerBody>,
    responses((status = 200, body = Vec<LearnerBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn register_learners(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    Ok(private_json(&app.to_the_end(|service| async move { service.register_learners(&actor, body).await }).await?))
}

/// One learner. 查询学员
#[utoipa::path(
    get, path = "/api/v1/learners/{id}", tag = "registry", security(("token" = [])), params(("id" = String, Path, description = "the learner's id")),
    responses((status = 200, body = LearnerBody), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json", description = "erased for good"))
)]
pub(crate) async fn read_learner(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    Ok(private_json(&app.service.learner(&actor, learner_id(&id)?).await?))
}

/// Change a learner from the version that was read (`If-Match`). 更正学员信息
#[utoipa::path(
    put, path = "/api/v1/learners/{id}", tag = "registry", security(("token" = [])), request_body = LearnerBody,
    params(("id" = String, Path, description = "the learner's id"), ("If-Match" = String, Header, description = "the version that was read")),
    responses((status = 200, body = LearnerBody), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json", description = "erased for good"), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"), (status = 428, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn change_learner(
    State(app): State<App>,
    Known(actor): Known,
    Segment(id): Segment,
    ReadVersion(version): ReadVersion,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let id = learner_id(&id)?;
    let change = |service: Arc<Service>| async move { service.change_learner(&actor, id, version, body).await };
    Ok(private_json(&app.to_the_end(change).await?))
}

/// A page of a provider's courses, by code. 课程列表
#[utoipa::path(
    get, path = "/api/v1/courses", tag = "registry", security(("token" = [])), params(PageQuery),
    responses((status = 200, body = Vec<CourseBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list_courses(
    State(app): State<App>,
    Asker(actor): Asker,
    Params(query): Params<PageQuery>,
) -> Result<Response, Problem> {
    let provider = query.provider(&actor)?;
    let after: Option<CourseCode> = match &query.after {
        Some(code) => Some(code.parse().map_err(|_| Problem::not_found("course"))?),
        None => None,
    };
    Ok(private_json(&app.service.courses(&actor, &provider, after.as_ref(), query.limit()).await?))
}

/// Register one course, or an array of up to 1000; a new title or other hours make a new version. 登记课程
#[utoipa::path(
    post, path = "/api/v1/courses", tag = "registry", security(("token" = [])), request_body = Vec<CourseBody>,
    responses((status = 200, body = Vec<CourseBody>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn put_courses(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    Ok(private_json(&app.to_the_end(|service| async move { service.put_courses(&actor, body).await }).await?))
}

/// Make an API token; it is shown this once. 签发访问令牌
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "registry", security(("token" = [])), request_body = TokenBody,
    responses((status = 201, body = Value), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn create_token(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    let code = Fields::of(body, "", &mut errors).and_then(|mut fields| {
        let code: Option<CreditCode> = fields.parsed("organisation");
        fields.finish();
        code
    });
    let code = code.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))?;
    let token = app.to_the_end(|service| async move { service.create_token(&actor, &code).await }).await?;
    Ok((StatusCode::CREATED, private_json(&token)).into_response())
}

/// End an API token. 停用访问令牌
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "registry", security(("token" = [])), params(("id" = String, Path, description = "the token's public part")),
    responses((status = 204), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn end_token(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    app.to_the_end(|service| async move { service.end_token(&actor, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn learner_id(text: &str) -> Result<LearnerId, Problem> {
    text.parse().map_err(|_| Problem::not_found("learner"))
}
