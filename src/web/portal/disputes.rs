//! A learner's disputes: what became of them. They are filed on the page of the entry.

use askama::Template;
use axum::response::Response;

use super::case_view::{CaseView, state_in_words, tone_of};
use super::extract::Path;
use super::page::Page;
use super::route::{Gate, Route};
use super::trouble::Trouble;
use super::visit::Visit;
use crate::service::complaints::{CaseNumber, CaseSummary};
use crate::service::{Action, Error};

const HERE: &str = "/my";

/// What a learner may ask about disputes.
pub(super) fn routes() -> Vec<Route> {
    let own = Gate::May(Action::ReadOwnRecord);
    vec![Route::get("/my/disputes", own, list), Route::get("/my/disputes/{number}", own, show)]
}

#[derive(Template)]
#[template(path = "portal/cases/disputes.html")]
struct DisputesPage {
    page: Page,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "portal/cases/dispute.html")]
struct DisputePage {
    page: Page,
    case: CaseView,
}

/// One dispute of the list.
struct Line {
    number: String,
    filed: String,
    since: String,
    tone: &'static str,
    state: String,
}

async fn list(visit: Visit) -> Result<Response, Trouble> {
    let disputes = visit.app.service.own_disputes(&visit.actor)?;
    let line = |case: &CaseSummary| Line {
        number: case.number.to_string(),
        filed: visit.words.instant(case.filed_at),
        since: visit.words.instant(case.since),
        tone: tone_of(case.state),
        state: state_in_words(visit.words, case.state),
    };
    let lines = disputes.iter().map(line).collect();
    visit.draw(&DisputesPage { page: visit.page("cases-own-disputes", HERE), lines })
}

async fn show(visit: Visit, Path(number): Path<String>) -> Result<Response, Trouble> {
    let number: CaseNumber = number.parse().map_err(|_| Error::NotFound("case"))?;
    let case = visit.app.service.own_dispute(&visit.actor, &number).await?;
    let case = CaseView::of(visit.words, &case);
    visit.draw(&DisputePage { page: visit.page("cases-kind-dispute", HERE), case })
}
