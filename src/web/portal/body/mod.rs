//! The certifying body's pages.

mod activities;
mod cqo;
mod cqos;
mod review;
#[cfg(test)]
mod tests;

pub(super) use cqo::{read_id, views};
pub(super) use cqos::{Asked, PER_PAGE, RowView};

use super::route::Route;

/// The routes of the certifying body and of those who watch it.
pub(super) fn routes() -> Vec<Route> {
    [cqos::routes(), cqo::routes(), activities::routes(), review::routes()].into_iter().flatten().collect()
}
