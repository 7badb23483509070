//! What an organisation sees of the CQOs who serve it: how they stand, and nothing that changes anything.

use askama::Template;
use axum::response::Response;

use super::body::{Asked, PER_PAGE, RowView, read_id, views};
use super::extract::Path;
use super::page::Page;
use super::parts::Pager;
use super::route::{Gate, Route};
use super::trouble::Trouble;
use super::visit::Visit;
use super::year::YearView;
use crate::service::Action;

/// The routes of employers.
pub(super) fn routes() -> Vec<Route> {
    let own = Gate::May(Action::ReadEmployees);
    vec![Route::get("/employer", own, list), Route::get("/employer/{learner}", own, show)]
}

#[derive(Template)]
#[template(path = "portal/employer/list.html")]
struct EmployeesPage {
    page: Page,
    rows: Vec<RowView>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "portal/employer/cqo.html")]
struct EmployeePage {
    page: Page,
    years: Vec<YearView>,
}

async fn list(visit: Visit) -> Result<Response, Trouble> {
    let asked = Asked::of(&visit);
    let overview = visit.app.service.standings(&visit.actor, &asked.filter, asked.skip(), PER_PAGE).await?;
    let mut page = visit.page("cqos-employees-title", "/employer");
    page.lead = visit.words.say("cqos-employees-lead");
    let rows = overview.rows.iter().map(|row| RowView::of(visit.words, "/employer", row)).collect();
    visit.draw(&EmployeesPage { page, rows, pager: asked.pager("/employer", overview.total) })
}

async fn show(visit: Visit, Path(learner): Path<String>) -> Result<Response, Trouble> {
    let record = visit.app.service.cqo(&visit.actor, read_id(&learner)?).await?;
    let mut page = visit.page("cqos-cqo", "/employer");
    page.title = record.cqo.name;
    visit.draw(&EmployeePage { page, years: views(&visit, &record.years, "") })
}
