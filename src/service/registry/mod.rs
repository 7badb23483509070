//! The one registry: organisations, learners, courses and API tokens.
//!
//! Rows are in the store; what every request needs of them is in memory, in `Directory`. Names of learners are nowhere
//! on the disk but encrypted.

mod courses;
mod directory;
mod learners;
mod organisations;
mod reading;
mod rows;
mod tokens;

pub use courses::Course;
pub use learners::{Employment, Learner, MAX_EMPLOYERS};
pub use organisations::{Organisation, OrganisationRole};
pub use reading::MAX_REGISTRY_BATCH;
pub use tokens::{NewToken, TOKEN_PREFIX};

pub(super) use directory::Directory;
pub(super) use learners::{LearnerPayload, read_employment, serving};
pub(super) use reading::visible;
pub(super) use rows::{all_rows, damaged};

/// Most rows of one page of a listing.
pub const MAX_PAGE: usize = 1_000;
