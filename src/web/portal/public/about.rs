//! Who runs this: the certifying body's profile, for everybody.

use askama::Template;
use axum::response::Response;

use super::super::body_view::BodyView;
use super::super::page::Page;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;

#[derive(Template)]
#[template(path = "portal/body/about.html")]
struct AboutPage {
    page: Page,
    body: BodyView,
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/about", Gate::Public, show)]
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let body = visit.app.service.certifying_body(&visit.actor)?;
    visit.draw(&AboutPage { page: visit.page("body-about", ""), body: BodyView::of(visit.words, &body) })
}
