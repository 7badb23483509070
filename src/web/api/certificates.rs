//! Hour certificates: issuing on request, reading, revoking, replacing.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Asker, JsonBody, Known, Params, Segment};
use super::registry::learner_id;
use super::{JSON, PDF, PRIVATE, answer, private_json};
use crate::ledger::CertificateNumber;
use crate::ledger::fields::Problem as FieldProblem;
use crate::service::{Certificate, CertificateState, Error, PaperDigest, PaperLanguage, Scope};

/// For whom, and of what: a year, or the days of a span.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct CertificateRequest {
    /// The learner's id.
    learner: String,
    /// A calendar year.
    year: Option<i16>,
    /// The first day of a span, instead of a year.
    first_day: Option<String>,
    /// Its last day.
    last_day: Option<String>,
}

/// Why a certificate is revoked.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "only described: the form is read by `Fields`")]
pub(crate) struct RevocationRequest {
    /// `error`, `fraud`, `replaced` or `other`; `corrected` is said by corrections alone.
    reason: String,
}

/// A certificate, as far as it is told apart from its documents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CertificateAnswer {
    /// 证书编号.
    #[schema(value_type = String)]
    number: CertificateNumber,
    /// The learner's id.
    learner: String,
    /// `course` with its code, `entry`, `year`, or `span`.
    #[schema(value_type = Object)]
    scope: Value,
    /// When it was issued.
    issued_at: String,
    /// SHA-256 of `certificate.json`.
    sha256: String,
    /// The number of its status list.
    status_list: u32,
    /// Its index in that list.
    status_index: u32,
    /// `in_force`, `corrected` or `revoked`.
    state: &'static str,
    /// Why it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Since when it is no longer in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Whether its entry is in a block: only then are its documents handed out.
    sealed: bool,
    /// The attestation number 存证编号 of its entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation: Option<String>,
    /// When its entry was sealed 上链时间.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_at: Option<String>,
    /// PDFs that were handed out.
    #[schema(value_type = Vec<Object>)]
    pdfs: Vec<PaperDigest>,
    /// The certificate that it took the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// The certificate in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// Where a new one can be asked for: an entry that it holds was corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<String>,
}

impl From<Certificate> for CertificateAnswer {
    fn from(certificate: Certificate) -> Self {
        let offer = certificate.offers_replacement();
        let (state, reason, since) = state_in_words(certificate.state);
        let Certificate { number, learner, scope, course, issued_at, sha256, status, position, papers, .. } =
            certificate;
        let scope = match scope {
            Scope::Course { .. } => json!({"kind": "course", "course": course}),
            Scope::Entry { entry } => json!({"kind": "entry", "entry": entry}),
            Scope::Year { year } => json!({"kind": "year", "year": year}),
            Scope::Span { first_day, last_day } => {
                json!({"kind": "span", "first_day": first_day, "last_day": last_day})
            }
        };
        Self {
            learner: learner.to_string(),
            scope,
            issued_at: issued_at.to_string(),
            sha256: sha256.to_string(),
            status_list: status.0,
            status_index: status.1,
            state,
            reason,
            since,
            sealed: position.is_some(),
            attestation: position.map(|position| format!("{}-{}", position.height, position.index)),
            sealed_at: position.map(|position| position.sealed_at.to_string()),
            pdfs: papers,
            replaces: certificate.replaces,
            replaced_by: certificate.replaced_by,
            replacement: offer.then(|| format!("/api/v1/certificates/{number}/replacement")),
            number,
        }
    }
}

/// The state, the reason of a revocation, and since when.
pub(super) fn state_in_words(state: CertificateState) -> (&'static str, Option<&'static str>, Option<String>) {
    match state {
        CertificateState::InForce => ("in_force", None, None),
        CertificateState::Corrected { at } => ("corrected", None, Some(at.to_string())),
        CertificateState::Revoked { reason, at } => ("revoked", Some(reason.as_str()), Some(at.to_string())),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct IssueQuery {
    /// `sealed`: answer when its entry is in a block, or when the service's longest wait is over.
    wait: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct CertificatesQuery {
    /// The learner's id.
    learner: String,
}

/// Issue a certificate for a year or a span. 签发学时证明
#[utoipa::path(
    post, path = "/api/v1/certificates", tag = "certificates", security(("token" = [])), params(IssueQuery), request_body = CertificateRequest,
    responses((status = 201, body = CertificateAnswer), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json", description = "no sealed entry counts, or names differ"))
)]
pub(crate) async fn issue(
    State(app): State<App>,
    Known(actor): Known,
    Params(query): Params<IssueQuery>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let wait = wants_wait(&query)?;
    let work = |service: std::sync::Arc<crate::service::Service>| async move {
        let issued = service.issue(&actor, body).await?;
        answered(&service, &actor, issued, wait).await
    };
    let issued = app.to_the_end(work).await?;
    Ok((StatusCode::CREATED, private_json(&CertificateAnswer::from(issued))).into_response())
}

/// What is told once it is sealed, where that is waited for.
async fn answered(
    service: &crate::service::Service,
    actor: &crate::service::Actor,
    issued: Certificate,
    wait: bool,
) -> Result<Certificate, Error> {
    match wait && service.wait_issued(&issued.number).await? {
        true => service.certificate(actor, &issued.number).await,
        false => Ok(issued),
    }
}

fn wants_wait(query: &IssueQuery) -> Result<bool, Problem> {
    match query.wait.as_deref() {
        None => Ok(false),
        Some("sealed") => Ok(true),
        Some(_) => Err(Error::field("wait", FieldProblem::Choice("sealed".into())).into()),
    }
}

/// All certificates of a learner. 学员的学时证明列表
#[utoipa::path(
    get, path = "/api/v1/certificates", tag = "certificates", security(("token" = [])), params(CertificatesQuery),
    responses((status = 200, body = Vec<CertificateAnswer>), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(actor): Asker,
    Params(query): Params<CertificatesQuery>,
) -> Result<Response, Problem> {
    let all = app.service.certificates(&actor, learner_id(&query.learner)?).await?;
    Ok(private_json(&all.into_iter().map(CertificateAnswer::from).collect::<Vec<_>>()))
}

/// One certificate. 学时证明
#[utoipa::path(
    get, path = "/api/v1/certificates/{number}", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号")),
    responses((status = 200, body = CertificateAnswer), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn read(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    Ok(private_json(&CertificateAnswer::from(app.service.certificate(&actor, &number(&text)?).await?)))
}

/// The credential, byte for byte: `certificate.json`. 下载证书凭证
#[utoipa::path(
    get, path = "/api/v1/certificates/{number}/credential", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号")),
    responses((status = 200, body = Value, description = "a W3C Verifiable Credential (proofs/FORMATS.md section 14)"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json", description = "not in a block yet"), (status = 410, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn credential(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    let number = number(&text)?;
    let bytes = app.service.credential(&actor, &number).await?;
    Ok(file(JSON, &format!("{number}.json"), bytes))
}

/// The proof bundle of a certificate: the same bytes for ever. 下载证书的存证证明
#[utoipa::path(
    get, path = "/api/v1/certificates/{number}/proof", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号")),
    responses((status = 200, body = Value, description = "a proof bundle (proofs/FORMATS.md section 10)"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json", description = "not in a block yet"), (status = 410, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn proof(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    let number = number(&text)?;
    let bytes = app.service.certificate_proof(&actor, &number).await?;
    Ok(file(JSON, &format!("{number}.proof.json"), bytes))
}

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct PaperQuery {
    /// `zh` (by default) or `en`.
    lang: Option<String>,
}

impl PaperQuery {
    fn language(&self) -> Result<PaperLanguage, Problem> {
        let text = self.lang.as_deref().unwrap_or("zh");
        text.parse().map_err(|_| Error::field("lang", FieldProblem::Choice("zh, en".into())).into())
    }
}

/// The certificate on paper, rendered for this answer, with credential and proof attached. 下载 PDF 证书
#[utoipa::path(
    get, path = "/api/v1/certificates/{number}/pdf", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号"), PaperQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/pdf"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json", description = "not in a block yet"), (status = 410, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn pdf(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(text): Segment,
    Params(query): Params<PaperQuery>,
) -> Result<Response, Problem> {
    let (number, language) = (number(&text)?, query.language()?);
    let name = match language {
        PaperLanguage::Zh => format!("{number}.pdf"),
        PaperLanguage::En => format!("{number}.en.pdf"),
    };
    let work = |service: std::sync::Arc<crate::service::Service>| async move {
        service.paper(&actor, &number, language).await
    };
    Ok(file(PDF, &name, app.to_the_end(work).await?))
}

/// The proof that the newest PDF in a language was issued. 下载 PDF 的存证证明
#[utoipa::path(
    get, path = "/api/v1/certificates/{number}/pdf/proof", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号"), PaperQuery),
    responses((status = 200, body = Value, description = "a proof bundle"), (status = 404, body = Problem, content_type = "application/problem+json", description = "also when none was handed out yet"), (status = 409, body = Problem, content_type = "application/problem+json", description = "not in a block yet"), (status = 410, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn pdf_proof(
    State(app): State<App>,
    Asker(actor): Asker,
    Segment(text): Segment,
    Params(query): Params<PaperQuery>,
) -> Result<Response, Problem> {
    let (number, language) = (number(&text)?, query.language()?);
    let bytes = app.service.paper_proof(&actor, &number, language).await?;
    Ok(file(JSON, &format!("{number}.{language}.pdf.proof.json"), bytes))
}

/// Revoke a certificate. 撤销学时证明
#[utoipa::path(
    post, path = "/api/v1/certificates/{number}/revocation", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号")), request_body = RevocationRequest,
    responses((status = 200, body = CertificateAnswer), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    Known(actor): Known,
    Segment(text): Segment,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let number = number(&text)?;
    let work =
        |service: std::sync::Arc<crate::service::Service>| async move { service.revoke(&actor, &number, body).await };
    Ok(private_json(&CertificateAnswer::from(app.to_the_end(work).await?)))
}

/// Issue a new certificate of the same scope, of what its entries say now. 换发学时证明
#[utoipa::path(
    post, path = "/api/v1/certificates/{number}/replacement", tag = "certificates", security(("token" = [])), params(("number" = String, Path, description = "证书编号"), IssueQuery),
    responses((status = 201, body = CertificateAnswer), (status = 401, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 410, body = Problem, content_type = "application/problem+json"), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn replace(
    State(app): State<App>,
    Known(actor): Known,
    Segment(text): Segment,
    Params(query): Params<IssueQuery>,
) -> Result<Response, Problem> {
    let (number, wait) = (number(&text)?, wants_wait(&query)?);
    let work = |service: std::sync::Arc<crate::service::Service>| async move {
        let issued = service.replace(&actor, &number).await?;
        answered(&service, &actor, issued, wait).await
    };
    Ok((StatusCode::CREATED, private_json(&CertificateAnswer::from(app.to_the_end(work).await?))).into_response())
}

fn number(text: &str) -> Result<CertificateNumber, Problem> {
    text.parse().map_err(|_| Problem::not_found("certificate"))
}

/// One person's file, under a name to save it by.
pub(super) fn file(content_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let mut response = answer(content_type, PRIVATE, bytes);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}
