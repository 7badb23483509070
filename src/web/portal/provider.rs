//! A training provider's pages: its learners, what it recorded of them, and corrections.
//!
//! The provider's private key is never here. A correction goes out as a file, is signed by `cqo-ledger sign` where the key is, and
//! comes back; what a page shows of an entry is what the ledger has, with every correction beside what it corrects.

use std::collections::HashMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::entry_said::{EntrySaid, Place};
use super::extract::{Path, Query, entry_id};
use super::form::Form;
use super::learner::attachment;
use super::page::Page;
use super::parts::{Choice, Pager};
use super::posted::Posted;
use super::route::{Gate, Route};
use super::trouble::Trouble;
use super::visit::Visit;
use super::words::Words;
use super::{entry_change as change, entry_said as said};
use crate::ledger::entry::{EntryId, LearnerId, Record};
use crate::ledger::fields::{FieldErrors, Problem};
use crate::service::{Action, Error, History, LearnerLine};
use crate::standard::CreditCode;

/// The way in the navigation that all of this belongs to.
const HERE: &str = "/provider";

/// The routes of a provider's staff.
pub(super) fn routes() -> Vec<Route> {
    let gate = Gate::May(Action::CorrectEntries);
    vec![
        Route::get("/provider", gate, learners),
        Route::get("/provider/learners/{id}", gate, learner),
        Route::get("/provider/entries/{id}", gate, entry),
        Route::get("/provider/entries/{id}/proof", gate, proof),
        Route::post("/provider/entries/{id}/draft", gate, draft),
        Route::post("/provider/entries/{id}/corrections", gate, send).with_files(),
    ]
}

#[derive(Template)]
#[template(path = "portal/provider/learners.html")]
struct LearnersPage {
    page: Page,
    name: String,
    learners: Vec<LearnerLine>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "portal/provider/learner.html")]
struct LearnerPage {
    page: Page,
    entries: Vec<EntryLine>,
    pager: Pager,
}

struct EntryLine {
    id: EntryId,
    title: String,
    days: String,
    worth: String,
    place: Place,
    outcome: Option<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "portal/provider/entry.html")]
struct EntryPage {
    page: Page,
    form: Form,
    said: EntrySaid,
    correctable: Option<Correctable>,
    reasons: Vec<Choice>,
    forms: Vec<Choice>,
    draft_address: String,
    send_address: String,
}

/// What can be corrected of an entry.
struct Correctable {
    is_study: bool,
}

type Asked = Query<HashMap<String, String>>;

/// The page of a list that is asked for, from 1.
fn page_number(asked: &HashMap<String, String>) -> usize {
    asked.get("page").and_then(|page| page.parse().ok()).unwrap_or(1)
}

fn pager(address: String, page: usize, pages: usize, rows: usize) -> Pager {
    let [page, pages, rows] = [page, pages, rows].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
    Pager { address, page, pages, rows }
}

fn organisation(visit: &Visit) -> Result<&CreditCode, Error> {
    visit.actor.person().map(|person| &person.organisation).ok_or(Error::Forbidden)
}

async fn learners(visit: Visit, Query(asked): Asked) -> Result<Response, Trouble> {
    let name = asked.get("name").map(|name| name.trim().to_owned()).unwrap_or_default();
    let found = visit.app.service.find_learners(&visit.actor, organisation(&visit)?, &name, page_number(&asked))?;
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("name", &name).finish();
    let mut page = visit.page("provider-title", HERE);
    page.lead = visit.words.say("provider-lead");
    visit.draw(&LearnersPage {
        page,
        name,
        learners: found.learners,
        pager: pager(format!("/provider?{query}&page="), found.page, found.pages, found.total),
    })
}

async fn learner(visit: Visit, Path(id): Path<String>, Query(asked): Asked) -> Result<Response, Trouble> {
    let id: LearnerId = id.parse().map_err(|_| Error::NotFound("learner"))?;
    let found = visit.app.service.recorded_entries(&visit.actor, id, page_number(&asked)).await?;
    let mut page = visit.page("provider-title", HERE);
    page.title = found.learner.name;
    visit.draw(&LearnerPage {
        page,
        entries: found.entries.iter().filter_map(|history| line(visit.words, history)).collect(),
        pager: pager(format!("/provider/learners/{id}?page="), found.page, found.pages, found.total),
    })
}

/// An entry as a line of the list: by what it says in the end, or, where that is nothing, by what it said at first.
fn line(words: Words, history: &History) -> Option<EntryLine> {
    let first = &history.first().view;
    let record = history.says().or_else(|| first.signed.entry().record())?;
    Some(EntryLine {
        id: first.signed.entry().id,
        title: said::title(&record).to_owned(),
        days: said::days(words, &record),
        worth: said::worth(words, &record),
        place: said::place(words, first.position),
        outcome: said::outcome(words, history),
    })
}

async fn entry(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let history = visit.app.service.history(&visit.actor, entry_id(&id)?).await?;
    show(&visit, &history, change::now(visit.words, &history))
}

/// The page of an entry; with mistakes in the form it is a refusal.
fn show(visit: &Visit, history: &History, form: Form) -> Result<Response, Trouble> {
    let words = visit.words;
    let said = EntrySaid::of(words, history, "/provider/entries")?;
    let correctable = history.says().filter(|_| organisation(visit).is_ok_and(|own| history.is_correctable_by(own)));
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let template = EntryPage {
        page: said.head(visit.page("provider-entry-title", HERE)),
        form,
        correctable: correctable.map(|now| Correctable { is_study: matches!(now, Record::Study(_)) }),
        reasons: change::reasons(words),
        forms: change::forms(words),
        draft_address: format!("{}/draft", said.address),
        send_address: format!("{}/corrections", said.address),
        said,
    };
    visit.draw_as(status, &template)
}

/// The proof of an entry with those of its corrections that are on the chain and this provider's.
async fn proof(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let history = visit.app.service.history(&visit.actor, entry_id(&id)?).await?;
    let own = organisation(&visit)?;
    let sealed = history.versions().filter(|version| version.view.position.is_some());
    let entries = sealed.map(|version| version.view.signed.entry()).filter(|entry| entry.recorder == *own);
    let ids: Vec<EntryId> = entries.map(|entry| entry.id).collect();
    let bytes = visit.app.service.proof(&visit.actor, &ids).await?;
    Ok(attachment("application/json", &format!("{}.proof.json", history.first().view.signed.entry().id), bytes))
}

/// The correction to be signed, as a file. Nothing has changed by it: it counts when it comes back.
async fn draft(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let (service, id) = (&visit.app.service, entry_id(&id)?);
    let history = service.history(&visit.actor, id).await?;
    let typed = || change::blank(visit.words).filled(posted.filled());
    let Some(record) = history.says() else {
        return show(&visit, &history, typed().wrong_with("entry", "provider-error-not-yours"));
    };
    let wanted = match change::wanted(&record, &posted) {
        Ok(wanted) => wanted,
        Err(unread) => return show(&visit, &history, typed().wrong_with(unread.field, unread.key)),
    };
    match service.draft_correction(&visit.actor, id, wanted).await {
        Ok(bytes) => Ok(attachment("application/json", "correction.json", bytes)),
        Err(Error::Invalid(errors)) => show(&visit, &history, typed().wrong(&change::by_field(errors))),
        Err(Error::Conflict(_)) => show(&visit, &history, typed().wrong_with("entry", "provider-error-not-yours")),
        Err(error) => Err(error.into()),
    }
}

/// Takes the signed correction in.
async fn send(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let (service, id) = (visit.app.service.clone(), entry_id(&id)?);
    let sent = match posted.files("file").next() {
        Some(sent) => service.submit_correction(&visit.actor, id, &sent.bytes).await,
        None => Err(Error::Invalid(FieldErrors::one("file", Problem::Missing))),
    };
    match sent {
        Ok(_) => Ok(visit.lead_with(&format!("/provider/entries/{id}"), "provider-sent")),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => {
            let history = service.history(&visit.actor, id).await?;
            let form = change::now(visit.words, &history);
            show(
                &visit,
                &history,
                match error {
                    Error::Invalid(errors) => form.wrong(&change::by_field(errors)),
                    _ => form.wrong_with("entry", "provider-error-not-yours"),
                },
            )
        }
        Err(error) => Err(error.into()),
    }
}
