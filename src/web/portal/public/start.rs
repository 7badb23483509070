//! `/`: what this is, and the ways in.

use askama::Template;
use axum::response::Response;

use super::super::page::Page;
use super::super::trouble::Trouble;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "portal/start.html")]
struct StartPage {
    page: Page,
}

/// The page.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    visit.draw(&StartPage { page: visit.page("start-title", "") })
}
