//! The certifying body's pages.

mod activities;
mod cases;
mod cqo;
mod cqos;
mod profile;
mod review;
mod samples;
#[cfg(test)]
mod tests;

pub(super) use cqo::{read_id, views};
pub(super) use cqos::{Asked, PER_PAGE, RowView};

use super::route::Route;

/// The routes of the certifying body and of those who watch it.
pub(super) fn routes() -> Vec<Route> {
    let watched = [cqos::routes(), cqo::routes(), activities::routes(), review::routes()];
    let own = [cases::routes(), profile::routes(), samples::routes()];
    watched.into_iter().chain(own).flatten().collect()
}
