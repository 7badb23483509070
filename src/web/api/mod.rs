//! The JSON interface, by subject.

pub(super) mod accounts;
pub(super) mod attestations;
pub(super) mod cases;
pub(super) mod certificates;
pub(super) mod chain;
pub(super) mod entries;
pub(super) mod erasures;
pub(super) mod health;
pub(super) mod registry;
pub(super) mod status;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// What never changes may be kept for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// What changes with every block may be kept for a second.
const BRIEF: &str = "public, max-age=1";
/// What is one person's is kept nowhere.
const PRIVATE: &str = "no-store";

const JSON: &str = "application/json";
const PDF: &str = "application/pdf";
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

fn answer(content_type: &'static str, cache: &'static str, body: impl Into<axum::body::Body>) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, cache)], body.into()).into_response()
}

/// A JSON document that is text already.
pub(super) fn json_text(text: String) -> Response {
    answer(JSON, BRIEF, text)
}

/// A JSON document for one asker.
fn private_json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer(JSON, PRIVATE, bytes),
        Err(_) => super::problem::Problem::internal().into_response(),
    }
}
