//! Organised activities that wait for the certifying body's word.

use askama::Template;
use axum::response::Response;

use super::super::extract::Path;
use super::super::page::Page;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::service::{Action, Error, Subject, WaitingActivity};
use crate::standard::annual::Record;

/// Most activities on the page.
const MAX_WAITING: usize = 200;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/body/activities", Gate::May(Action::ReadClaims), list),
        Route::post("/body/activities/{entry}/confirm", Gate::May(Action::ReviewClaims), confirm),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/activities.html")]
pub(super) struct ActivitiesPage {
    pub(super) page: Page,
    pub(super) may_confirm: bool,
    pub(super) rows: Vec<WaitingView>,
}

pub(super) struct WaitingView {
    pub(super) entry: String,
    pub(super) href: String,
    pub(super) name: String,
    pub(super) employer: String,
    pub(super) topic: String,
    pub(super) held: String,
    pub(super) attendees: String,
    pub(super) evidence: String,
    pub(super) recorder: String,
    pub(super) is_conflicted: bool,
}

async fn list(visit: Visit) -> Result<Response, Trouble> {
    let waiting = visit.app.service.waiting_activities(&visit.actor, MAX_WAITING).await?;
    let mut page = visit.page("cqos-activities-title", "/body/cqos");
    page.lead = visit.words.say("cqos-activities-lead");
    let rows = waiting.into_iter().filter_map(|one| view(&visit, one)).collect();
    visit.draw(&ActivitiesPage { page, may_confirm: visit.actor.may(Action::ReviewClaims), rows })
}

async fn confirm(visit: Visit, Path(entry): Path<String>) -> Result<Response, Trouble> {
    let entry = entry.parse().map_err(|_| Error::NotFound("entry"))?;
    visit.app.service.confirm_activity(&visit.actor, entry).await?;
    Ok(visit.lead_with("/body/activities", "cqos-confirmed"))
}

fn view(visit: &Visit, waiting: WaitingActivity) -> Option<WaitingView> {
    let WaitingActivity { cqo, said, is_conflicted } = waiting;
    let (Record::Activity(activity), Subject::Topic(topic)) = (said.record, said.subject) else { return None };
    let words = visit.words;
    Some(WaitingView {
        entry: said.last.to_string(),
        href: format!("/body/cqos/{}", said.learner),
        name: cqo.name,
        employer: cqo.employer.map(|employer| employer.name).unwrap_or_default(),
        topic,
        held: words.day(activity.date),
        attendees: words.number(activity.attendees),
        evidence: words.number(activity.evidence),
        recorder: visit.app.service.organisation_name(&said.recorder).unwrap_or_default(),
        is_conflicted,
    })
}
