//! One entry for the certifying body's people: what it says, what corrected it, and, where the body recorded it itself, correcting it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::entry_change as change;
use super::super::entry_said::EntrySaid;
use super::super::extract::{Path, entry_id};
use super::super::form::Form;
use super::super::learner::attachment;
use super::super::page::{Page, Tone};
use super::super::parts::Choice;
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::conflict_in_words;
use crate::ledger::entry::{EntryId, Record};
use crate::service::claims::BodyEntry;
use crate::service::{Action, Error};

/// Where the pages of entries are.
pub(super) const HERE: &str = "/body/entries";
/// The way in the navigation that they belong to.
const WAY: &str = "/body/cqos";

pub(super) fn routes() -> Vec<Route> {
    let read = Gate::May(Action::ReadClaims);
    vec![
        Route::get("/body/entries/{id}", read, show),
        Route::get("/body/entries/{id}/proof", read, proof),
        Route::post("/body/entries/{id}/correct", Gate::May(Action::CorrectForBody), correct),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/entry.html")]
struct EntryPage {
    page: Page,
    form: Form,
    said: EntrySaid,
    /// The page of the claim that it was; empty where it was none.
    claim: String,
    /// Why this reader must not correct it.
    conflict: Option<String>,
    /// What this reader may correct.
    correctable: Option<Correctable>,
    reasons: Vec<Choice>,
    forms: Vec<Choice>,
    correct_address: String,
}

/// What can be corrected of an entry, as it was read.
struct Correctable {
    is_study: bool,
    seen: EntryId,
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let entry = visit.app.service.body_entry(&visit.actor, entry_id(&id)?).await?;
    let form = change::now(visit.words, &entry.history);
    draw(&visit, StatusCode::OK, page(&visit), form, &entry)
}

fn page(visit: &Visit) -> Page {
    visit.page("review-entry-title", WAY)
}

fn draw(visit: &Visit, status: StatusCode, page: Page, form: Form, entry: &BodyEntry) -> Result<Response, Trouble> {
    let (words, history) = (visit.words, &entry.history);
    let said = EntrySaid::of(words, history, HERE)?;
    let corrects = entry.is_correctable && visit.actor.may(Action::CorrectForBody);
    let may = corrects && entry.conflict.is_none();
    let says = history.says().filter(|_| may);
    let seen = history.last().view.signed.entry().id;
    let template = EntryPage {
        page: said.head(page),
        form,
        claim: entry.claim.map(|claim| format!("/body/review/{claim}")).unwrap_or_default(),
        conflict: entry.conflict.map(|conflict| conflict_in_words(words, conflict)),
        correctable: says.map(|now| Correctable { is_study: matches!(now, Record::Study(_)), seen }),
        reasons: change::reasons(words),
        forms: change::forms(words),
        correct_address: format!("{}/correct", said.address),
        said,
    };
    visit.draw_as(status, &template)
}

/// The proof of an entry with all corrections that are on the chain.
async fn proof(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let history = visit.app.service.history(&visit.actor, entry_id(&id)?).await?;
    let first = history.first();
    // The entry itself also where it is not sealed: the use case says so.
    let others = history.versions().skip(1).filter(|version| version.view.position.is_some());
    let ids: Vec<EntryId> = std::iter::once(first).chain(others).map(|one| one.view.signed.entry().id).collect();
    let bytes = visit.app.service.proof(&visit.actor, &ids).await?;
    Ok(attachment("application/json", &format!("{}.proof.json", first.view.signed.entry().id), bytes))
}

/// Corrects or voids the entry, in the name of the certifying body.
async fn correct(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let (service, words, id) = (visit.app.service.clone(), visit.words, entry_id(&id)?);
    let entry = service.body_entry(&visit.actor, id).await?;
    let typed = || change::blank(words).filled(posted.filled());
    let Some(record) = entry.history.says() else { return stale(&visit, typed(), &entry) };
    let wrong = |form: Form| draw(&visit, StatusCode::UNPROCESSABLE_ENTITY, page(&visit), form, &entry);
    let input = match change::wanted(&record, &posted) {
        Ok(input) => input,
        Err(unread) => return wrong(typed().wrong_with(unread.field, unread.key)),
    };
    let notice = if input.changes.is_some() { "review-entry-corrected" } else { "review-entry-voided" };
    let seen = entry_id(posted.text("seen"))?;
    match service.correct_for_body(&visit.actor, id, seen, input).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), notice)),
        Err(Error::Invalid(errors)) => wrong(typed().wrong(&change::by_field(errors))),
        Err(Error::Conflict(_)) => {
            let now = service.body_entry(&visit.actor, id).await?;
            stale(&visit, typed(), &now)
        }
        // The page itself says why.
        Err(Error::ConflictOfInterest(_)) => draw(&visit, StatusCode::CONFLICT, page(&visit), typed(), &entry),
        Err(error) => Err(error.into()),
    }
}

fn stale(visit: &Visit, form: Form, entry: &BodyEntry) -> Result<Response, Trouble> {
    let page = page(visit).notice(Tone::Warn, visit.words.say("review-entry-stale"));
    draw(visit, StatusCode::CONFLICT, page, form, entry)
}
