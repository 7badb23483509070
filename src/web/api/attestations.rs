//! Attestations 存证查询: is this on the chain, since when, and does it hold? Public; no answer holds a name.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::budget::ChangesNothing;
use super::super::problem::Problem;
use super::super::request::{JsonBody, Params, Segment};
use super::certificates::state_in_words;
use super::{JSON, PRIVATE, answer, private_json};
use crate::ledger::entry::MAX_NAME;
use crate::ledger::fields::{FieldErrors, Fields};
use crate::service::{Attestation, DIGEST_DIGITS, Error};

/// What is known.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttestationAnswer {
    /// `entry`, `credential`, `pdf`, `status_list`, `revocation` or `key`.
    kind: &'static str,
    /// 存证编号: block height and position.
    attestation: String,
    /// The height of its block.
    height: u64,
    /// Its position in the batch.
    index: u64,
    /// 上链时间: the block's time.
    sealed_at: String,
    /// `in_force`, `corrected` or `revoked`, now.
    state: &'static str,
    /// Why it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Since when it is no longer in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// The certificate's number, of its documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// SHA-256 of the credential, where it was asked for by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl From<Attestation> for AttestationAnswer {
    fn from(attestation: Attestation) -> Self {
        let Attestation { kind, position, state, number, sha256 } = attestation;
        let (state, reason, since) = state_in_words(state);
        Self {
            kind: kind.as_str(),
            attestation: format!("{}-{}", position.height, position.index),
            height: position.height,
            index: position.index,
            sealed_at: position.sealed_at.to_string(),
            state,
            reason,
            since,
            number: number.map(|number| number.to_string()),
            sha256: sha256.map(|digest| digest.to_string()),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct DigestQuery {
    /// The first 16 hexadecimal digits of the credential's SHA-256.
    digest: String,
}

/// A certificate's number and the full name on it.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct SearchRequest {
    /// 证书编号.
    number: String,
    /// 姓名.
    name: String,
}

/// Look up the SHA-256 of a document, a commitment, or an attestation number. 存证查询
#[utoipa::path(
    get, path = "/api/v1/attestations/{what}", tag = "certificates", params(("what" = String, Path, description = "64 hexadecimal digits, or `<height>-<index>`")),
    responses((status = 200, body = AttestationAnswer), (status = 404, body = Problem, content_type = "application/problem+json", description = "not known"))
)]
pub(crate) async fn attestation(State(app): State<App>, Segment(what): Segment) -> Result<Response, Problem> {
    Ok(private_json(&AttestationAnswer::from(app.service.attestation(&what).await?)))
}

/// The proof that a PDF was issued, by the PDF's SHA-256. 凭 PDF 的摘要取得存证证明
#[utoipa::path(
    get, path = "/api/v1/attestations/{what}/proof", tag = "certificates", params(("what" = String, Path, description = "SHA-256 of a PDF, 64 hexadecimal digits")),
    responses((status = 200, body = Value, description = "a proof bundle of the PDF's `certificate` entry alone"), (status = 404, body = Problem, content_type = "application/problem+json", description = "no PDF that is known"))
)]
pub(crate) async fn proof(State(app): State<App>, Segment(what): Segment) -> Result<Response, Problem> {
    Ok(answer(JSON, PRIVATE, app.service.paper_by_digest(&what).await?))
}

/// Look up a certificate by its number, with what only its holder has. 凭证书编号与摘要查询
#[utoipa::path(
    get, path = "/api/v1/attestations/certificates/{number}", tag = "certificates", params(("number" = String, Path, description = "证书编号"), DigestQuery),
    responses((status = 200, body = AttestationAnswer), (status = 404, body = Problem, content_type = "application/problem+json", description = "unknown number, or not its digest"))
)]
pub(crate) async fn certificate(
    State(app): State<App>,
    Segment(number): Segment,
    Params(query): Params<DigestQuery>,
) -> Result<Response, Problem> {
    let digest = query.digest.get(..DIGEST_DIGITS).filter(|_| query.digest.len() == DIGEST_DIGITS).unwrap_or_default();
    Ok(private_json(&AttestationAnswer::from(app.service.attested_certificate(&number, digest).await?)))
}

/// Look up a certificate by its number and the full name on it. 凭证书编号与姓名查询
#[utoipa::path(
    post, path = "/api/v1/attestations/search", tag = "certificates", request_body = SearchRequest,
    responses((status = 200, body = AttestationAnswer), (status = 404, body = Problem, content_type = "application/problem+json", description = "unknown number, or another name"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn search(State(app): State<App>, JsonBody(body): JsonBody) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    let read = Fields::of(body, "", &mut errors).and_then(|mut fields| {
        let (number, name) = (fields.string("number"), fields.text("name", MAX_NAME));
        fields.finish();
        number.zip(name)
    });
    let (number, name) = read.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))?;
    let found = app.service.search_certificate(&number, &name).await?;
    Ok((Extension(ChangesNothing), private_json(&AttestationAnswer::from(found))).into_response())
}
