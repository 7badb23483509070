//! One CQO: every year with what counted and why, and the validity of the level certificate.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::super::extract::Path;
use super::super::form::Form;
use super::super::page::Page;
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::year::YearView;
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::FieldErrors;
use crate::service::{Action, CqoRecord, CqoYear, Error, Said, Term};

pub(super) const LABELS: [(&str, &str); 2] = [("first_day", "cqos-term-first"), ("last_day", "cqos-term-last")];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/body/cqos/{learner}", Gate::May(Action::ReadClaims), show),
        Route::post("/body/cqos/{learner}/term", Gate::May(Action::WriteTerms), put_term),
        Route::post("/body/cqos/{learner}/term/remove", Gate::May(Action::WriteTerms), remove_term),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/cqo.html")]
pub(super) struct CqoPage {
    pub(super) page: Page,
    pub(super) form: Form,
    pub(super) employer: String,
    pub(super) providers: String,
    pub(super) learners: Vec<String>,
    pub(super) term: String,
    /// Where the form of the term is sent; empty for those who may not.
    pub(super) term_address: String,
    /// Whether somebody else has to note the term.
    pub(super) is_conflicted: bool,
    pub(super) version: u64,
    pub(super) years: Vec<YearView>,
}

async fn show(visit: Visit, Path(learner): Path<String>) -> Result<Response, Trouble> {
    draw(&visit, StatusCode::OK, read_id(&learner)?, None).await
}

async fn put_term(visit: Visit, Path(learner): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let (learner, input) = (read_id(&learner)?, Value::from(posted.object(&["first_day", "last_day"])));
    match visit.app.service.put_term(&visit.actor, learner, version(&posted), input).await {
        Ok(_) => Ok(visit.lead_with(&format!("/body/cqos/{learner}"), "cqos-term-saved")),
        Err(Error::Invalid(errors)) => {
            draw(&visit, StatusCode::UNPROCESSABLE_ENTITY, learner, Some((&posted, &errors))).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn remove_term(visit: Visit, Path(learner): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let learner = read_id(&learner)?;
    visit.app.service.put_term(&visit.actor, learner, version(&posted), Value::Null).await?;
    Ok(visit.lead_with(&format!("/body/cqos/{learner}"), "cqos-term-removed"))
}

async fn draw(
    visit: &Visit,
    status: StatusCode,
    learner: LearnerId,
    wrong: Option<(&Posted, &FieldErrors)>,
) -> Result<Response, Trouble> {
    let CqoRecord { cqo, term, conflict, years } = visit.app.service.cqo(&visit.actor, learner).await?;
    let words = visit.words;
    let mut page = visit.page("cqos-cqo", "/body/cqos");
    page.title.clone_from(&cqo.name);
    let may_write = visit.actor.may(Action::WriteTerms) && conflict.is_none();
    let of_term = term.map_or(learner, |term| term.learner);
    let organisation = |code| visit.app.service.organisation_name(code).unwrap_or_default();
    let providers: Vec<String> = cqo.providers.iter().map(organisation).collect();
    let days = |term: &Term| words.days(term.days.first(), term.days.last());
    visit.draw_as(
        status,
        &CqoPage {
            page,
            form: form(visit, term, wrong),
            employer: cqo.employer.map_or_else(|| words.say("cqos-no-employer"), |employer| employer.name),
            providers: providers.join(", "),
            learners: cqo.learners.iter().map(ToString::to_string).collect(),
            term: term.as_ref().map_or_else(|| words.say("cqos-term-none"), days),
            term_address: if may_write { format!("/body/cqos/{of_term}/term") } else { String::new() },
            is_conflicted: conflict.is_some(),
            version: term.map_or(0, |term| term.version),
            years: views(visit, &years),
        },
    )
}

/// The years as a reader sees them who has no page of each entry.
pub(in super::super) fn views(visit: &Visit, years: &[CqoYear]) -> Vec<YearView> {
    let recorder = |said: &Said| visit.app.service.organisation_name(&said.recorder).unwrap_or_default();
    years.iter().map(|year| YearView::new(visit.words, year, &recorder, "")).collect()
}

fn form(visit: &Visit, term: Option<Term>, wrong: Option<(&Posted, &FieldErrors)>) -> Form {
    let form = Form::new(visit.words, &LABELS);
    match (wrong, term) {
        (Some((posted, errors)), _) => form.filled(posted.filled()).wrong(errors),
        (None, Some(term)) => {
            let (first, last) = (term.days.first().to_string(), term.days.last().to_string());
            form.filled([("first_day", first), ("last_day", last)])
        }
        (None, None) => form,
    }
}

/// The version that the form was made from; none that there is, where it is missing.
fn version(posted: &Posted) -> u64 {
    posted.text("version").parse().unwrap_or(u64::MAX)
}

pub(in super::super) fn read_id(text: &str) -> Result<LearnerId, Error> {
    text.parse().map_err(|_| Error::NotFound("learner"))
}
