//! The learner's pages: the year at a glance, every entry with its proof, certificates.

mod certificates;
mod claim_form;
mod claims;
mod entry;
mod home;

pub(super) use certificates::attachment;
pub(super) use entry::reason_key;

use super::{Gate, Route};
use crate::service::Action;

/// The routes of a learner.
pub(super) fn routes() -> Vec<Route> {
    let own = vec![
        Route::get("/my", Gate::May(Action::ReadOwnRecord), home::show),
        Route::get("/my/entries/{id}", Gate::May(Action::ReadOwnRecord), entry::show),
        Route::get("/my/entries/{id}/proof", Gate::May(Action::ReadOwnRecord), entry::proof),
        Route::post("/my/entries/{id}/dispute", Gate::May(Action::ReadOwnRecord), entry::dispute),
        Route::post("/my/certificates", Gate::May(Action::ReadOwnRecord), certificates::make).rated(),
        Route::get("/my/certificates/{number}/{file}", Gate::May(Action::ReadOwnRecord), certificates::download),
    ];
    own.into_iter().chain(claims::routes()).collect()
}
