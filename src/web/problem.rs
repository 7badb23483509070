//! RFC 9457 problem documents: the one place where errors become status codes and sentences.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::PROBLEM_BASE;
use crate::service::Error;

/// When to come back after a 503 or 507, in seconds.
pub(super) const RETRY_AFTER_S: u32 = 1;
/// The type of a problem document's content.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Every problem type, its status, and its title in Chinese and English. Types are for ever.
pub const PROBLEM_TYPES: &[(&str, u16, &str, &str)] = &[
    ("unreadable", 400, "请求内容无法读取", "The request cannot be read"),
    ("unauthenticated", 401, "需要有效的访问令牌", "A valid API token is needed"),
    ("forbidden", 403, "此令牌无权进行该操作", "Not allowed for this token"),
    ("conflict-of-interest", 403, "须回避", "A conflict of interest"),
    ("not-found", 404, "没有找到", "Not found"),
    ("method-not-allowed", 405, "此地址不支持该方法", "Method not allowed here"),
    ("timeout", 408, "请求超时", "The request took too long"),
    ("conflict", 409, "与已有内容冲突", "In conflict with what is there"),
    ("erased", 410, "已删除", "Erased for good"),
    ("version-missing", 428, "缺少版本号（If-Match）", "The version read before is needed (If-Match)"),
    ("too-large", 413, "请求内容过大", "Too much in one request"),
    ("unsupported-encoding", 415, "不接受压缩的请求内容", "A compressed request body is not taken"),
    ("misdirected", 421, "此网站不提供该域名的服务", "This host is not served here"),
    ("invalid", 422, "部分内容不符合要求", "Some fields are not valid"),
    ("rate-limited", 429, "请求过于频繁", "Too many requests"),
    ("internal", 500, "服务内部错误", "Internal failure"),
    ("cannot-issue", 503, "现在不能签发或打印证书", "Certificates cannot be issued or printed now"),
    ("cannot-record", 503, "现在不能以认定主体名义记录", "Nothing can be recorded for the certifying body now"),
    ("unavailable", 503, "服务暂不可用", "Not available now"),
    (
        "read-only",
        503,
        "只读：恢复后尚未确认最新检查点",
        "Read-only: the newest checkpoint was not confirmed after the restore",
    ),
    ("no-room", 507, "磁盘空间或系统资源不足", "Not enough disk space or system resources"),
    ("overloaded", 503, "服务繁忙，请稍后再试", "Too much is waiting: try again shortly"),
];

/// A problem document. Titles and messages are in Chinese first, with English beside them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A stable URI that names the kind of problem.
    r#type: String,
    /// The kind of problem, in Chinese.
    title: &'static str,
    /// The kind of problem, in English.
    title_en: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Every bad field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// When to come back, in seconds, where that helps.
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

/// One bad field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Where: members joined by dots, indices in brackets.
    field: String,
    /// A stable code.
    code: &'static str,
    /// What is wrong, in Chinese.
    message: String,
    /// What is wrong, in English.
    message_en: String,
}

impl Problem {
    fn of(kind: &str, detail: Option<String>) -> Self {
        let known = PROBLEM_TYPES.iter().find(|(name, ..)| *name == kind);
        let (name, status, title, title_en) =
            known.copied().unwrap_or(("internal", 500, "服务内部错误", "Internal failure"));
        let retry_after_s = matches!(status, 429 | 503 | 507).then_some(RETRY_AFTER_S);
        let r#type = format!("{PROBLEM_BASE}{name}");
        Self { r#type, title, title_en, status, detail, errors: Vec::new(), retry_after_s }
    }

    /// Nothing here under this name.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::of("not-found", Some(format!("there is no such {what}")))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::of("method-not-allowed", None)
    }

    pub(crate) fn unreadable(detail: String) -> Self {
        Self::of("unreadable", Some(detail))
    }

    pub(crate) fn version_missing() -> Self {
        Self::of("version-missing", None)
    }

    pub(crate) fn too_large(detail: String) -> Self {
        Self::of("too-large", Some(detail))
    }

    pub(crate) fn unsupported_encoding() -> Self {
        Self::of("unsupported-encoding", None)
    }

    pub(crate) fn misdirected() -> Self {
        Self::of("misdirected", None)
    }

    pub(crate) fn timeout() -> Self {
        Self::of("timeout", None)
    }

    pub(crate) fn overloaded() -> Self {
        Self::of("overloaded", None)
    }

    /// Too often: there is room for one more after this time.
    pub(crate) fn rate_limited(wait_s: u64) -> Self {
        let wait_s = u32::try_from(wait_s).unwrap_or(u32::MAX).max(RETRY_AFTER_S);
        Self { retry_after_s: Some(wait_s), ..Self::of("rate-limited", None) }
    }

    pub(crate) fn internal() -> Self {
        Self::of("internal", None)
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(errors) => {
                let errors = errors.0.into_iter().map(|error| FieldProblem {
                    field: error.field,
                    code: error.problem.code(),
                    message: error.problem.zh(),
                    message_en: error.problem.to_string(),
                });
                Self { errors: errors.collect(), ..Self::of("invalid", None) }
            }
            Error::Unreadable(detail) => Self::of("unreadable", Some(detail)),
            Error::Unauthenticated => Self::of("unauthenticated", None),
            Error::Forbidden => Self::of("forbidden", None),
            Error::NotFound(what) => Self::not_found(what),
            error @ Error::Erased(_) => Self::of("erased", Some(error.to_string())),
            Error::Conflict(detail) => Self::of("conflict", Some(detail)),
            error @ Error::ConflictOfInterest(_) => Self::of("conflict-of-interest", Some(error.to_string())),
            error @ Error::TooLarge { .. } => Self::of("too-large", Some(error.to_string())),
            Error::CannotIssue(detail) => Self::of("cannot-issue", Some(detail)),
            Error::CannotRecord(detail) => Self::of("cannot-record", Some(detail)),
            Error::Overloaded => Self::of("overloaded", None),
            error @ Error::FullUntil(_) => Self::of("overloaded", Some(error.to_string())),
            Error::ReadOnly => Self::of("read-only", None),
            Error::Unavailable(detail) => {
                tracing::error!(detail, "not available");
                Self::of("unavailable", None)
            }
            Error::NoRoom(detail) => {
                tracing::error!(detail, "there is no room");
                Self::of("no-room", None)
            }
            // The inside of a failure is for the log, not for the asker.
            Error::Internal(detail) => {
                tracing::error!(detail, "internal failure");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after_s) = (self.status(), self.retry_after_s);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = retry_after_s {
            headers.insert(header::RETRY_AFTER, wait.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_type_of_its_own_status() {
        let cases = [
            (Error::Unreadable(String::new()), 400),
            (Error::Unauthenticated, 401),
            (Error::Forbidden, 403),
            (Error::NotFound("entry"), 404),
            (Error::Erased("entry"), 410),
            (Error::Conflict(String::new()), 409),
            (Error::ConflictOfInterest(crate::service::claims::ReviewConflict::OwnClaim), 403),
            (Error::TooLarge { what: "x", limit: 1 }, 413),
            (Error::Invalid(crate::ledger::fields::FieldErrors::default()), 422),
            (Error::Internal(String::new()), 500),
            (Error::Unavailable(String::new()), 503),
            (Error::CannotIssue(String::new()), 503),
            (Error::CannotRecord(String::new()), 503),
            (Error::Overloaded, 503),
            (Error::FullUntil("2026-11-22T16:00:00.000Z".parse().unwrap()), 503),
            (Error::ReadOnly, 503),
            (Error::NoRoom(String::new()), 507),
        ];
        for (error, status) in cases {
            assert_eq!(Problem::from(error).into_response().status().as_u16(), status);
        }
        let mut names: Vec<&str> = PROBLEM_TYPES.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROBLEM_TYPES.len());
    }
}
