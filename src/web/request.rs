//! What handlers take from a request: who asks, a JSON body, a version.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, IF_MATCH};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::App;
use super::budget::Allowance;
use super::problem::Problem;
use crate::ledger::json;
use crate::service::{Actor, Error};

/// Who asks, by the bearer token; nobody's token is the public.
pub(crate) struct Asker(pub(crate) Actor);

impl FromRequestParts<App> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers);
        if token.is_none() && parts.headers.contains_key(AUTHORIZATION) {
            return Err(Error::Unauthenticated.into());
        }
        Ok(Self(app.service.authenticate(token)?))
    }
}

/// Who asks, by a token that must be there: before the body of a stranger is read.
pub(crate) struct Known(pub(crate) Actor);

impl FromRequestParts<App> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Asker::from_request_parts(parts, app).await? {
            Asker(Actor::Public) => Err(Error::Unauthenticated.into()),
            Asker(actor) => Ok(Self(actor)),
        }
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

/// The parameters after the question mark.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(params)| Self(params)).map_err(|rejection| Problem::unreadable(rejection.body_text()))
    }
}

/// The one variable part of a path.
pub(crate) struct Segment(pub(crate) String);

impl FromRequestParts<App> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let segment = Path::<String>::from_request_parts(parts, app).await;
        segment.map(|Path(text)| Self(text)).map_err(|rejection| Problem::unreadable(rejection.body_text()))
    }
}

/// The body's bytes, within the limits of the listener: the one place where a body is read.
pub(crate) struct Body(pub(crate) Bytes);

impl FromRequest<App> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (allowance, body) = allowed(request)?;
        allowance.read(body).await.map(Self)
    }
}

/// A request's body, and what it may take.
fn allowed(request: Request) -> Result<(Allowance, axum::body::Body), Problem> {
    let allowance = request.extensions().get::<Allowance>().cloned();
    // A route with a body outside the limits would be a mistake of the router.
    Ok((allowance.ok_or_else(Problem::internal)?, request.into_body()))
}

/// A JSON body, in any order and spacing: for what nobody signs. A member twice is refused.
pub(crate) struct JsonBody(pub(crate) Value);

impl FromRequest<App> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (allowance, body) = allowed(request)?;
        let bytes = allowance.read(body).await?;
        allowance.take_for_json(&bytes)?;
        json::parse(&bytes).map(Self).map_err(|error| Problem::unreadable(error.to_string()))
    }
}

/// The version that a change was made from: `If-Match: "<version>"`.
pub(crate) struct ReadVersion(pub(crate) u64);

impl FromRequestParts<App> for ReadVersion {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let value = parts.headers.get(IF_MATCH).and_then(|value| value.to_str().ok());
        let version = value.and_then(|text| text.trim_matches('"').parse().ok());
        version.map(Self).ok_or_else(Problem::version_missing)
    }
}
