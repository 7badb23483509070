//! Organised activities that wait for the certifying body's word: page by page, confirmed or declined.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::super::extract::{Path, Query, entry_id};
use super::super::form::Form;
use super::super::page::{Page, Tone};
use super::super::parts::{Choice, Pager};
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::ledger::entry::EntryId;
use crate::service::{Action, ActivityFilter, Error, Subject, WaitingActivity};
use crate::standard::annual::Record;

const HERE: &str = "/body/activities";
/// Activities on one page.
const PER_PAGE: usize = 50;
/// What the filter calls no choice.
const ALL: &str = "all";
const DECLINED: &str = "declined";
const LABELS: [(&str, &str); 3] = [("year", "cqos-year"), ("state", "cqos-state"), ("reason", "cqos-decline-reason")];

pub(super) fn routes() -> Vec<Route> {
    let review = Gate::May(Action::ReviewClaims);
    vec![
        Route::get("/body/activities", Gate::May(Action::ReadClaims), list),
        Route::post("/body/activities/{entry}/confirm", review, confirm),
        Route::post("/body/activities/{entry}/decline", review, decline),
        Route::post("/body/activities/{entry}/undo", review, undo),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/activities.html")]
pub(super) struct ActivitiesView {
    pub(super) page: Page,
    pub(super) form: Form,
    /// The filter, which a decision brings along.
    pub(super) year: String,
    /// The same.
    pub(super) state: &'static str,
    pub(super) years: Vec<Choice>,
    pub(super) states: Vec<Choice>,
    pub(super) may_confirm: bool,
    /// Whether the rules ask for it at all.
    pub(super) is_asked_for: bool,
    pub(super) rows: Vec<WaitingView>,
    pub(super) pager: Pager,
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
    /// Why it was declined; nothing of one that waits.
    pub(super) declined: Option<String>,
    /// What was typed, and was no reason.
    pub(super) typed: Option<String>,
}

/// The filter; what is none of the choices filters nothing.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    year: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
}

impl Asked {
    /// As a decision's form brings it along.
    fn of(posted: &Posted) -> Self {
        let [year, state, page] = ["year", "state", "page"].map(|name| posted.text(name).to_owned());
        Self { year, state, page }
    }

    fn filter(&self) -> ActivityFilter {
        ActivityFilter { year: self.year.parse().ok(), declined: self.state == DECLINED }
    }

    fn nth(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }

    /// The values of the filter's choices: the year, and the state.
    fn choices(&self) -> (String, &'static str) {
        let ActivityFilter { year, declined } = self.filter();
        (year.map_or_else(|| ALL.to_owned(), |year| year.to_string()), if declined { DECLINED } else { ALL })
    }

    fn address(&self) -> String {
        let (year, state) = self.choices();
        format!("{HERE}?year={year}&state={state}&page={}", self.nth())
    }
}

async fn list(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS);
    draw(&visit, StatusCode::OK, &asked, page(&visit), form, None).await
}

fn page(visit: &Visit) -> Page {
    visit.page("cqos-activities-title", "/body/cqos")
}

/// The list; `wrong` is what was typed as a reason, and for which activity.
async fn draw(
    visit: &Visit,
    status: StatusCode,
    asked: &Asked,
    mut page: Page,
    form: Form,
    wrong: Option<(EntryId, &str)>,
) -> Result<Response, Trouble> {
    let (service, words) = (&visit.app.service, visit.words);
    let (filter, nth) = (asked.filter(), asked.nth());
    let found = service.activities(&visit.actor, filter, (nth - 1).saturating_mul(PER_PAGE), PER_PAGE).await?;
    let pages = found.total.div_ceil(PER_PAGE).max(1);
    let is_asked_for = service.confirms_activities()?;
    page.lead = words.say(if is_asked_for { "cqos-activities-lead" } else { "cqos-activities-not-asked" });
    HERE.clone_into(&mut page.address);
    let (year, state) = asked.choices();
    let known =
        found.years.iter().map(|year| Choice::new(year.to_string(), words.with1("review-year-of", "year", *year)));
    let view = ActivitiesView {
        page,
        year: year.clone(),
        state,
        form: form.filled([("year", year.clone()), ("state", state.to_owned())]),
        years: [Choice::new(ALL, words.say("review-all"))].into_iter().chain(known).collect(),
        states: vec![
            Choice::new(ALL, words.say("cqos-activities-waiting")),
            Choice::new(DECLINED, words.say("cqos-activities-declined")),
        ],
        may_confirm: visit.actor.may(Action::ReviewClaims),
        is_asked_for,
        rows: found.rows.into_iter().filter_map(|one| row(visit, one, wrong)).collect(),
        pager: Pager {
            address: format!("{HERE}?year={year}&state={state}&page="),
            page: nth.min(pages) as u64,
            pages: pages as u64,
            rows: found.total as u64,
        },
    };
    visit.draw_as(status, &view)
}

async fn confirm(visit: Visit, Path(entry): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let entry = entry_id(&entry)?;
    let outcome = visit.app.service.confirm_activity(&visit.actor, entry).await;
    decided(&visit, &Asked::of(&posted), (entry, ""), outcome, "cqos-confirmed").await
}

async fn decline(visit: Visit, Path(entry): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let entry = entry_id(&entry)?;
    let typed = posted.text("reason").replace('\r', "");
    let outcome = visit.app.service.decline_activity(&visit.actor, entry, json!({"reason": typed})).await;
    decided(&visit, &Asked::of(&posted), (entry, &typed), outcome, "cqos-declined").await
}

async fn undo(visit: Visit, Path(entry): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let entry = entry_id(&entry)?;
    let outcome = visit.app.service.undo_decline(&visit.actor, entry).await;
    decided(&visit, &Asked::of(&posted), (entry, ""), outcome, "cqos-undone").await
}

/// Leads back to the part of the list that was looked at, or shows it with what stood in the way; what was typed is kept.
async fn decided(
    visit: &Visit,
    asked: &Asked,
    (entry, typed): (EntryId, &str),
    outcome: Result<(), Error>,
    notice: &'static str,
) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS);
    let kept = Some((entry, typed)).filter(|_| !typed.is_empty());
    match outcome {
        Ok(()) => Ok(visit.lead_with(&asked.address(), notice)),
        Err(Error::Invalid(errors)) => {
            let (page, form) = (page(visit), form.wrong(&errors));
            draw(visit, StatusCode::UNPROCESSABLE_ENTITY, asked, page, form, Some((entry, typed))).await
        }
        // The row itself says why.
        Err(Error::ConflictOfInterest(_)) => draw(visit, StatusCode::CONFLICT, asked, page(visit), form, kept).await,
        Err(Error::Conflict(_)) => {
            let page = page(visit).notice(Tone::Warn, visit.words.say("cqos-activity-stale"));
            draw(visit, StatusCode::CONFLICT, asked, page, form, kept).await
        }
        Err(error) => Err(error.into()),
    }
}

fn row(visit: &Visit, waiting: WaitingActivity, wrong: Option<(EntryId, &str)>) -> Option<WaitingView> {
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
        declined: said.declined,
        typed: wrong.filter(|(entry, _)| *entry == said.last).map(|(_, typed)| typed.to_owned()),
    })
}
