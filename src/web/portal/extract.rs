//! What a page reads of an address. What cannot be read is a page that says so, as everywhere in the portal.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::super::App;
use super::trouble::Trouble;
use crate::ledger::entry::EntryId;
use crate::service::Error;

/// The places of a path that are left open.
pub(crate) struct Path<T>(pub(crate) T);

/// The query of an address.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Trouble> {
        let path = axum::extract::Path::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(read)| Self(read)).map_err(|_| Error::NotFound("page").into())
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Trouble> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(read)| Self(read)).map_err(|_| Trouble::Unreadable)
    }
}

/// An entry that a path names. What is no id is an entry that is not there.
pub(crate) fn entry_id(text: &str) -> Result<EntryId, Error> {
    text.parse().map_err(|_| Error::NotFound("entry"))
}
