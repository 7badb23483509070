//! Status lists, and the document of the issuer's DID: public, for everybody's verifier.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Params, Segment};
use super::{BRIEF, JSON, answer, json_text};
use crate::ledger::fields::Problem as FieldProblem;
use crate::service::Error;
use crate::standard::UnixMillis;

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct StatusQuery {
    /// A moment of the past, as `2026-11-22T08:00:00.000Z`: the edition that held then.
    timestamp: Option<String>,
}

impl StatusQuery {
    fn moment(&self) -> Result<Option<UnixMillis>, Problem> {
        let read = |text: &String| {
            text.parse().map_err(|_| {
                let problem = FieldProblem::form(
                    "must be a moment in UTC, as 2026-11-22T08:00:00.000Z",
                    "应为 UTC 时间，如 2026-11-22T08:00:00.000Z",
                );
                Problem::from(Error::field("timestamp", problem))
            })
        };
        self.timestamp.as_ref().map(read).transpose()
    }
}

/// The newest edition of a status list, or that of a moment. 证书状态列表
#[utoipa::path(
    get, path = "/status/{list}", tag = "certificates", params(("list" = u32, Path, description = "the list's number"), StatusQuery),
    responses((status = 200, body = Value, description = "a Bitstring Status List credential (proofs/FORMATS.md section 16)"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn status_list(
    State(app): State<App>,
    Segment(list): Segment,
    Params(query): Params<StatusQuery>,
) -> Result<Response, Problem> {
    Ok(answer(JSON, BRIEF, app.service.status_list(number(&list)?, query.moment()?).await?))
}

/// The proof that the edition is recorded on the chain. 状态列表的存证证明
#[utoipa::path(
    get, path = "/status/{list}/proof", tag = "certificates", params(("list" = u32, Path, description = "the list's number"), StatusQuery),
    responses((status = 200, body = Value, description = "a proof bundle"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json", description = "not in a block yet"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn status_list_proof(
    State(app): State<App>,
    Segment(list): Segment,
    Params(query): Params<StatusQuery>,
) -> Result<Response, Problem> {
    Ok(answer(JSON, BRIEF, app.service.status_list_proof(number(&list)?, query.moment()?).await?))
}

/// The issuer's DID document, where the site's DID is a `did:web`. 签发机构的 DID 文档
#[utoipa::path(
    get, path = "/.well-known/did.json", tag = "certificates",
    responses((status = 200, body = Value), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn did(State(app): State<App>) -> Result<Response, Problem> {
    let document = app.service.did_document().ok_or_else(|| Problem::not_found("DID document"))?;
    Ok(json_text(document.to_string()))
}

fn number(text: &str) -> Result<u32, Problem> {
    let number: u32 = text.parse().map_err(|_| Problem::not_found("status list"))?;
    if number.to_string() == text { Ok(number) } else { Err(Problem::not_found("status list")) }
}
