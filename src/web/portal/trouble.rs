//! What goes wrong in the portal, as a page that says what to do next.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

use super::super::problem::RETRY_AFTER_S;
use super::page::Page;
use super::visit::Visit;
use crate::ledger::fields::FieldErrors;
use crate::service::Error;

/// Why there is no page as it was asked for.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// A use case refused.
    Refused(Arc<Error>),
    /// The form came from another site, or from a page that is too old.
    Stale,
    /// The form cannot be read.
    Unreadable,
    /// The form is too large.
    TooLarge,
    /// The role may not do this.
    NotYours,
    /// There is no such page.
    Nowhere,
    /// The address is asked in another way than this.
    NotThisWay,
    /// It took too long.
    TooSlow,
    /// This client asks too often.
    TooOften,
    /// Too much is under way.
    Busy,
    /// Something failed, and the log says what.
    Broken,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Refused(Arc::new(error))
    }
}

impl Trouble {
    /// What a refusal is to who reads pages; none for what is told to programs alone. A host that is not ours (421) gets no
    /// page of ours.
    pub(super) const fn of_status(status: StatusCode) -> Option<Self> {
        Some(match status {
            StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::Unreadable,
            StatusCode::NOT_FOUND => Self::Nowhere,
            StatusCode::METHOD_NOT_ALLOWED => Self::NotThisWay,
            StatusCode::REQUEST_TIMEOUT => Self::TooSlow,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::TOO_MANY_REQUESTS => Self::TooOften,
            StatusCode::INTERNAL_SERVER_ERROR => Self::Broken,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => Self::Busy,
            _ => return None,
        })
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::NotThisWay => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Stale | Self::NotYours => StatusCode::FORBIDDEN,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(error) => match &**error {
                Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Unreadable(_) => StatusCode::BAD_REQUEST,
                Error::Unauthenticated => StatusCode::UNAUTHORIZED,
                Error::Forbidden => StatusCode::FORBIDDEN,
                Error::NotFound(_) => StatusCode::NOT_FOUND,
                Error::Erased(_) => StatusCode::GONE,
                Error::Conflict(_) | Error::ConflictOfInterest(_) => StatusCode::CONFLICT,
                Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// Title and text.
    fn keys(&self) -> (&'static str, &'static str) {
        match self {
            Self::Stale => ("layout-trouble-stale", "layout-trouble-stale-text"),
            Self::NotYours => ("layout-trouble-forbidden", "layout-trouble-forbidden-text"),
            Self::Unreadable => ("layout-trouble-unreadable", "layout-trouble-unreadable-text"),
            Self::TooLarge => ("layout-trouble-large", "layout-trouble-large-text"),
            Self::Nowhere => ("layout-trouble-nowhere", "layout-trouble-nowhere-text"),
            Self::NotThisWay => ("layout-trouble-way", "layout-trouble-way-text"),
            Self::TooSlow => ("layout-trouble-slow", "layout-trouble-slow-text"),
            Self::TooOften => ("layout-trouble-often", "layout-trouble-often-text"),
            Self::Busy => ("layout-trouble-busy", "layout-trouble-busy-text"),
            Self::Broken => ("layout-trouble-internal", "layout-trouble-internal-text"),
            Self::Refused(error) => match &**error {
                Error::Invalid(_) => ("layout-trouble-invalid", "layout-trouble-invalid-text"),
                Error::Unreadable(_) => ("layout-trouble-unreadable", "layout-trouble-unreadable-text"),
                Error::Unauthenticated | Error::Forbidden | Error::ConflictOfInterest(_) => {
                    ("layout-trouble-forbidden", "layout-trouble-forbidden-text")
                }
                Error::NotFound(_) => ("layout-trouble-missing", "layout-trouble-missing-text"),
                Error::Erased(_) => ("layout-trouble-erased", "layout-trouble-erased-text"),
                Error::Conflict(_) => ("layout-trouble-conflict", "layout-trouble-conflict-text"),
                Error::TooLarge { .. } => ("layout-trouble-large", "layout-trouble-large-text"),
                Error::ReadOnly => ("layout-trouble-read-only", "layout-trouble-read-only-text"),
                Error::Internal(_) => ("layout-trouble-internal", "layout-trouble-internal-text"),
                _ => ("layout-trouble-busy", "layout-trouble-busy-text"),
            },
        }
    }

    /// What the person can use of the inside of it.
    fn details(&self, visit: &Visit) -> Vec<String> {
        let Self::Refused(error) = self else { return Vec::new() };
        match &**error {
            Error::Invalid(FieldErrors(errors)) => errors
                .iter()
                .map(|error| match visit.words.tag() {
                    "en" => error.problem.to_string(),
                    _ => error.problem.zh(),
                })
                .collect(),
            Error::Conflict(detail) | Error::CannotIssue(detail) => vec![detail.clone()],
            _ => Vec::new(),
        }
    }

    /// The page. The inside of a failure is for the log alone.
    pub(super) fn page(&self, visit: &Visit) -> Response {
        if let Self::Refused(error) = self
            && let Error::Internal(detail) | Error::Unavailable(detail) | Error::NoRoom(detail) = &**error
        {
            tracing::error!(detail, "a page could not be made");
        }
        let wait = self.passes().then_some(RETRY_AFTER_S);
        let mut response = match self.html(visit, wait) {
            Some(html) => (self.status(), axum::response::Html(html)).into_response(),
            None => self.status().into_response(),
        };
        if let Some(wait) = wait {
            response.headers_mut().insert(RETRY_AFTER, wait.into());
        }
        response
    }

    /// Whether it passes by itself, and soon.
    fn passes(&self) -> bool {
        match self {
            Self::Refused(error) => matches!(**error, Error::Overloaded),
            Self::TooOften | Self::Busy => true,
            _ => false,
        }
    }

    /// The page's text; `wait` is after how many seconds it is worth trying again.
    pub(super) fn html(&self, visit: &Visit, wait: Option<u32>) -> Option<String> {
        let (title, text) = self.keys();
        let wait = wait.map(|seconds| visit.words.with1("layout-trouble-wait", "seconds", seconds));
        TroublePage { page: visit.page(title, ""), text, wait, details: self.details(visit) }.render().ok()
    }
}

/// The answer is made by [`super::guard`], which knows language and person.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "portal/trouble.html")]
struct TroublePage {
    page: Page,
    text: &'static str,
    wait: Option<String>,
    details: Vec<String>,
}
