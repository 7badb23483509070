//! The pages of a learner.

mod claims;

use super::route::Route;

/// The routes of learners.
pub(super) fn routes() -> Vec<Route> {
    claims::routes()
}
