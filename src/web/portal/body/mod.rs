//! The certifying body's pages.

mod activities;
mod cases;
mod cqo;
mod cqos;
mod entries;
mod profile;
mod review;
mod samples;
#[cfg(test)]
mod tests;

pub(super) use cqo::{read_id, views};
pub(super) use cqos::{Asked, PER_PAGE, RowView};

use super::route::Route;
use super::words::Words;
use crate::service::claims::ReviewConflict;

/// The routes of the certifying body and of those who watch it.
pub(super) fn routes() -> Vec<Route> {
    let watched = [cqos::routes(), cqo::routes(), entries::routes(), activities::routes(), review::routes()];
    let own = [cases::routes(), profile::routes(), samples::routes()];
    watched.into_iter().chain(own).flatten().collect()
}

/// Why somebody has to leave something to others.
fn conflict_in_words(words: Words, conflict: ReviewConflict) -> String {
    words.say(match conflict {
        ReviewConflict::OwnClaim => "review-conflict-own-claim",
        ReviewConflict::OwnOrganisation => "review-conflict-own-organisation",
        ReviewConflict::OwnEvent => "review-conflict-own-event",
        ReviewConflict::OwnDecision => "review-conflict-own-decision",
        ReviewConflict::Declared => "review-conflict-declared",
    })
}
