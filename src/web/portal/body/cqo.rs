//! One CQO: every year with what counted and why, and the validity of each level certificate.

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
use super::super::words::Words;
use super::super::year::{YearView, short_in_words};
use crate::ledger::entry::LearnerId;
use crate::ledger::fields::FieldErrors;
use crate::service::{Action, CqoRecord, CqoYear, Error, Said, Term, TermChange, TermEdition};
use crate::standard::annual::Span;

pub(super) const LABELS: [(&str, &str); 2] = [("first_day", "cqos-term-first"), ("last_day", "cqos-term-last")];

pub(super) fn routes() -> Vec<Route> {
    let writes = Gate::May(Action::WriteTerms);
    vec![
        Route::get("/body/cqos/{learner}", Gate::May(Action::ReadClaims), show),
        Route::post("/body/cqos/{learner}/term", writes, add_term),
        Route::get("/body/cqos/{learner}/term/{number}", writes, show_term),
        Route::post("/body/cqos/{learner}/term/{number}", writes, correct_term),
        Route::post("/body/cqos/{learner}/term/{number}/remove", writes, remove_term),
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
    pub(super) terms: Vec<TermView>,
    /// How they came to be noted, the newest first: when, and what.
    pub(super) editions: Vec<(String, String)>,
    /// Where the form of the next term is sent; empty for those who may not.
    pub(super) term_address: String,
    /// Whether somebody else has to note the term.
    pub(super) is_conflicted: bool,
    pub(super) version: u64,
    /// The years that ended short, and what of them has to be made up.
    pub(super) short: Vec<String>,
    pub(super) years: Vec<YearView>,
}

/// The validity of a certificate.
pub(super) struct TermView {
    pub(super) days: String,
    /// Where it is corrected; empty for those who may not.
    pub(super) href: String,
}

/// The page on which a term is corrected.
#[derive(Template)]
#[template(path = "portal/body/term.html")]
pub(super) struct TermPage {
    pub(super) page: Page,
    pub(super) form: Form,
    pub(super) address: String,
    pub(super) back: String,
    pub(super) version: u64,
}

async fn show(visit: Visit, Path(learner): Path<String>) -> Result<Response, Trouble> {
    draw(&visit, StatusCode::OK, read_id(&learner)?, None).await
}

async fn add_term(visit: Visit, Path(learner): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let learner = read_id(&learner)?;
    match visit.app.service.put_term(&visit.actor, learner, None, version(&posted), days(&posted)).await {
        Ok(()) => Ok(visit.lead_with(&format!("/body/cqos/{learner}"), "cqos-term-saved")),
        Err(Error::Invalid(errors)) => {
            draw(&visit, StatusCode::UNPROCESSABLE_ENTITY, learner, Some((&posted, &errors))).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_term(visit: Visit, Path(term): Path<(String, String)>) -> Result<Response, Trouble> {
    draw_term(&visit, StatusCode::OK, &term, None).await
}

async fn correct_term(visit: Visit, Path(term): Path<(String, String)>, posted: Posted) -> Result<Response, Trouble> {
    let (learner, number) = read_term(&term)?;
    match visit.app.service.put_term(&visit.actor, learner, Some(number), version(&posted), days(&posted)).await {
        Ok(()) => Ok(visit.lead_with(&format!("/body/cqos/{learner}"), "cqos-term-saved")),
        Err(Error::Invalid(errors)) => {
            draw_term(&visit, StatusCode::UNPROCESSABLE_ENTITY, &term, Some((&posted, &errors))).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn remove_term(visit: Visit, Path(term): Path<(String, String)>, posted: Posted) -> Result<Response, Trouble> {
    let (learner, number) = read_term(&term)?;
    visit.app.service.put_term(&visit.actor, learner, Some(number), version(&posted), Value::Null).await?;
    Ok(visit.lead_with(&format!("/body/cqos/{learner}"), "cqos-term-removed"))
}

async fn draw(
    visit: &Visit,
    status: StatusCode,
    learner: LearnerId,
    wrong: Option<(&Posted, &FieldErrors)>,
) -> Result<Response, Trouble> {
    let record = visit.app.service.cqo(&visit.actor, learner).await?;
    let CqoRecord { cqo, terms, term_editions, next_term: (next, version), conflict, short, years } = record;
    let words = visit.words;
    let mut page = visit.page("cqos-cqo", "/body/cqos");
    page.title.clone_from(&cqo.name);
    let may_write = visit.actor.may(Action::WriteTerms) && conflict.is_none();
    let organisation = |code| visit.app.service.organisation_name(code).unwrap_or_default();
    let providers: Vec<String> = cqo.providers.iter().map(organisation).collect();
    let form = Form::new(words, &LABELS);
    let form = match wrong {
        Some((posted, errors)) => form.filled(posted.filled()).wrong(errors),
        None => form,
    };
    visit.draw_as(
        status,
        &CqoPage {
            page,
            form,
            employer: cqo.employer.map_or_else(|| words.say("cqos-no-employer"), |employer| employer.name),
            providers: providers.join(", "),
            learners: cqo.learners.iter().map(ToString::to_string).collect(),
            terms: terms.iter().map(|term| TermView::of(words, term, may_write)).collect(),
            editions: term_editions.iter().map(|edition| edition_in_words(words, edition)).collect(),
            term_address: if may_write { format!("/body/cqos/{next}/term") } else { String::new() },
            is_conflicted: conflict.is_some(),
            version,
            short: short.iter().map(|short| short_in_words(words, short)).collect(),
            years: views(visit, &years, super::entries::HERE),
        },
    )
}

async fn draw_term(
    visit: &Visit,
    status: StatusCode,
    term: &(String, String),
    wrong: Option<(&Posted, &FieldErrors)>,
) -> Result<Response, Trouble> {
    let (learner, number) = read_term(term)?;
    let record = visit.app.service.cqo(&visit.actor, learner).await?;
    if let Some(why) = record.conflict {
        return Err(Error::ConflictOfInterest(why).into());
    }
    let is_it = |term: &&Term| (term.learner, term.number) == (learner, number);
    let term = record.terms.iter().find(is_it).ok_or(Error::NotFound("term"))?;
    let form = Form::new(visit.words, &LABELS);
    let form = match wrong {
        Some((posted, errors)) => form.filled(posted.filled()).wrong(errors),
        None => {
            let (first, last) = (term.days.first().to_string(), term.days.last().to_string());
            form.filled([("first_day", first), ("last_day", last)])
        }
    };
    let mut page = visit.page("cqos-term-correct", "/body/cqos");
    page.lead.clone_from(&record.cqo.name);
    let back = format!("/body/cqos/{learner}");
    let address = format!("{back}/term/{number}");
    visit.draw_as(status, &TermPage { page, form, address, back, version: term.version })
}

impl TermView {
    fn of(words: Words, term: &Term, may_write: bool) -> Self {
        let href = format!("/body/cqos/{}/term/{}", term.learner, term.number);
        Self { days: in_words(words, term.days), href: if may_write { href } else { String::new() } }
    }
}

fn in_words(words: Words, days: Span) -> String {
    words.days(days.first(), days.last())
}

/// When, and what was changed.
fn edition_in_words(words: Words, edition: &TermEdition) -> (String, String) {
    let days = |days| in_words(words, days);
    let what = match edition.change {
        TermChange::Added(after) => words.with1("cqos-term-added", "days", days(after)),
        TermChange::Corrected { before, after } => {
            words.with2("cqos-term-corrected", "before", days(before), "after", days(after))
        }
        TermChange::Removed(before) => words.with1("cqos-term-taken-away", "days", days(before)),
    };
    (words.instant(edition.at), what)
}

/// The years as somebody else than the CQO sees them; `entries` is where the page of each entry is, empty for those who have none.
pub(in super::super) fn views(visit: &Visit, years: &[CqoYear], entries: &str) -> Vec<YearView> {
    let recorder = |said: &Said| visit.app.service.organisation_name(&said.recorder).unwrap_or_default();
    years.iter().map(|year| YearView::new(visit.words, year, &recorder, entries)).collect()
}

fn days(posted: &Posted) -> Value {
    Value::from(posted.object(&["first_day", "last_day"]))
}

/// The version that the form was made from; none that there is, where it is missing.
fn version(posted: &Posted) -> u64 {
    posted.text("version").parse().unwrap_or(u64::MAX)
}

fn read_term((learner, number): &(String, String)) -> Result<(LearnerId, usize), Error> {
    Ok((read_id(learner)?, number.parse().map_err(|_| Error::NotFound("term"))?))
}

pub(in super::super) fn read_id(text: &str) -> Result<LearnerId, Error> {
    text.parse().map_err(|_| Error::NotFound("learner"))
}
