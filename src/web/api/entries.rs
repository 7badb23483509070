//! Submitting entries, and reading them and their proofs.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::budget::ChangesNothing;
use super::super::problem::Problem;
use super::super::request::{Asker, Body, JsonBody, Known, Params, Segment};
use super::{JSON, PRIVATE, answer, private_json};
use crate::ledger::bundle::MAX_BUNDLE_ENTRIES;
use crate::ledger::entry::EntryId;
use crate::ledger::fields::{FieldErrors, Fields, Problem as FieldProblem};
use crate::ledger::receipt::SignedReceipt;
use crate::merkle::Hash;
use crate::service::{EntryOutcome, EntryResult, EntryView, Error, MAX_SUBMISSION, Submitted};

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct SubmitQuery {
    /// `sealed`: answer when the entries are in a block, or when the service's longest wait is over.
    wait: Option<String>,
}

/// What became of a request. All that is acknowledged here is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmitAnswer {
    /// One result for each entry, in their order.
    results: Vec<ResultAnswer>,
    /// The signed receipt of this request; before it, none; after it, the earlier ones of entries known already.
    #[schema(value_type = Vec<Object>)]
    receipts: Vec<SignedReceipt>,
    /// Whether all acknowledged entries are in a published block now.
    sealed: bool,
}

/// What became of one entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultAnswer {
    /// The entry's id, as far as it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    id: Option<EntryId>,
    /// `accepted`, `duplicate` or `rejected`.
    status: &'static str,
    /// The commitment that stands, or will stand, in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    commitment: Option<Hash>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// Submit one signed entry, or an array of up to 1000. 提交学时记录
///
/// Each entry must be canonical (RFC 8785) and is verified over the bytes received. A single entry that is rejected is
/// answered with a problem document; of an array, each entry has its own result.
#[utoipa::path(
    post, path = "/api/v1/entries", tag = "entries", security(("token" = [])), params(SubmitQuery),
    request_body(content = Value, content_type = "application/json", description = "one signed entry (proofs/schemas/signed-entry.schema.json), or an array of them"),
    responses(
        (status = 200, body = SubmitAnswer, description = "each entry's result; durable when answered"),
        (status = 201, body = SubmitAnswer, description = "a single entry was accepted"),
        (status = 400, body = Problem, content_type = "application/problem+json"), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"), (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 507, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn submit(
    State(app): State<App>,
    Known(actor): Known,
    Params(query): Params<SubmitQuery>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let is_array = body.first() == Some(&b'[');
    let wait = match query.wait.as_deref() {
        None => false,
        Some("sealed") => true,
        Some(_) => return Err(Error::field("wait", FieldProblem::Choice("sealed".into())).into()),
    };
    let entries = if is_array { split(&body)? } else { vec![body.to_vec()] };
    drop(body);
    let started = std::time::Instant::now();
    let mut submitted = app.service.submit(&actor, entries).await?;
    app.metrics.submitted(&submitted, started.elapsed());
    if !is_array && let Some(result) = submitted.results.pop_if(|result| is_rejected(result)) {
        return Err(render_result(result).problem.unwrap_or_else(Problem::internal));
    }
    let created = !is_array && submitted.results.iter().all(|r| matches!(r.outcome, EntryOutcome::Accepted(_)));
    let sealed = match (wait, submitted.sealed_at_total) {
        (true, Some(total)) => app.service.wait_sealed(total).await,
        (_, Some(total)) => app.service.published().total() >= total,
        (_, None) => false,
    };
    let answer = private_json(&render(submitted, sealed));
    Ok(if created { (StatusCode::CREATED, answer).into_response() } else { answer })
}

/// The exact bytes of each element of a JSON array.
fn split(body: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    let unreadable = |error: String| Problem::unreadable(error);
    let text = std::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
    let mut items = Elements(Vec::new());
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_seq(&mut items).and_then(|()| reader.end());
    if items.0.len() > MAX_SUBMISSION {
        return Err(Error::TooLarge { what: "the number of entries in one request", limit: MAX_SUBMISSION }.into());
    }
    read.map_err(|error| unreadable(error.to_string()))?;
    Ok(items.0)
}

/// The bytes of the elements of an array, up to one more than there may be.
struct Elements(Vec<Vec<u8>>);

impl<'de> Visitor<'de> for &mut Elements {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while self.0.len() <= MAX_SUBMISSION
            && let Some(element) = elements.next_element::<&RawValue>()?
        {
            self.0.push(element.get().as_bytes().to_vec());
        }
        Ok(())
    }
}

fn is_rejected(result: &EntryResult) -> bool {
    matches!(result.outcome, EntryOutcome::Rejected(_))
}

fn render(submitted: Submitted, sealed: bool) -> SubmitAnswer {
    SubmitAnswer {
        results: submitted.results.into_iter().map(render_result).collect(),
        receipts: submitted.receipts,
        sealed,
    }
}

fn render_result(result: EntryResult) -> ResultAnswer {
    let (status, commitment, problem) = match result.outcome {
        EntryOutcome::Accepted(commitment) => ("accepted", Some(commitment), None),
        EntryOutcome::Duplicate(commitment) => ("duplicate", Some(commitment), None),
        EntryOutcome::Rejected(error) => ("rejected", None, Some(Problem::from(error))),
    };
    ResultAnswer { id: result.id, status, commitment, problem }
}

/// An entry with its salt, commitment and place on the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryAnswer {
    /// The signed entry, as it was received.
    #[schema(value_type = Object)]
    signed: Value,
    /// The salt of its commitment: whoever has entry and salt can recompute it.
    salt: String,
    /// The commitment.
    commitment: String,
    /// `pending` or `sealed`.
    state: &'static str,
    /// 存证编号: `<height>-<index>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation_number: Option<String>,
    /// Height of its block.
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<u64>,
    /// Its place in the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// 学时上链时间: the time of its block.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_at: Option<String>,
    /// The entry that corrects it.
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected_by: Option<String>,
}

/// Read an entry. For its recorder and the operator; to others it does not exist. 查询学时记录
#[utoipa::path(
    get, path = "/api/v1/entries/{id}", tag = "entries", security(("token" = [])),
    params(("id" = String, Path, description = "the entry's id")),
    responses((status = 200, body = EntryAnswer), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json", description = "erased for good"))
)]
pub(crate) async fn read(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let view = app.service.entry(&actor, entry_id(&id)?).await?;
    Ok(private_json(&render_entry(&view)))
}

fn render_entry(view: &EntryView) -> EntryAnswer {
    let position = view.position;
    EntryAnswer {
        signed: view.signed.to_value(),
        salt: view.salt.reveal(),
        commitment: view.commitment.to_string(),
        state: if position.is_some() { "sealed" } else { "pending" },
        attestation_number: position.map(|p| format!("{}-{}", p.height, p.index)),
        block: position.map(|p| p.height),
        index: position.map(|p| p.index),
        sealed_at: position.map(|p| p.sealed_at.to_string()),
        corrected_by: view.corrected_by.map(|id| id.to_string()),
    }
}

/// The proof bundle of one sealed entry. 下载存证证明
#[utoipa::path(
    get, path = "/api/v1/entries/{id}/proof", tag = "entries", security(("token" = [])),
    params(("id" = String, Path, description = "the entry's id")),
    responses(
        (status = 200, body = Value, description = "a proof bundle (proofs/schemas/proof.schema.json)"),
        (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json", description = "erased for good"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "not in a block yet"),
    )
)]
pub(crate) async fn proof(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(id): Segment,
) -> Result<Response, Problem> {
    let id = entry_id(&id)?;
    let bundle = app.service.proof(&actor, &[id]).await?;
    let mut response = answer(JSON, PRIVATE, bundle);
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.proof.json\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Ids of entries.
#[derive(Debug, ToSchema)]
pub(crate) struct ProofsRequest {
    /// Up to 10000 ids.
    #[allow(dead_code, reason = "only described: the form is read by `Fields`")]
    entries: Vec<String>,
}

/// One proof bundle of several sealed entries. 下载多条记录的存证证明
#[utoipa::path(
    post, path = "/api/v1/proofs", tag = "entries", security(("token" = [])), request_body = ProofsRequest,
    responses(
        (status = 200, body = Value, description = "a proof bundle"), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json", description = "erased for good"), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn proofs(
    State(app): State<App>,
    Known(actor): Known,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    let ids = Fields::of(body, "", &mut errors).and_then(|mut fields| {
        let ids: Option<Vec<EntryId>> = fields.list("entries", 1, MAX_BUNDLE_ENTRIES);
        fields.finish();
        ids
    });
    let ids = ids.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))?;
    let bundle = app.service.proof(&actor, &ids).await?;
    Ok((Extension(ChangesNothing), answer(JSON, PRIVATE, bundle)).into_response())
}

fn entry_id(text: &str) -> Result<EntryId, Problem> {
    text.parse().map_err(|_| Problem::not_found("entry"))
}
