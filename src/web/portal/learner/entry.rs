//! `/my/entries/{id}`: what an entry says, where it stands on the chain, what corrected it, and disputing it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::super::extract::{Path, entry_id};
use super::super::form::Form;
use super::super::page::Page;
use super::super::parts::Happening;
use super::super::posted::Posted;
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::words::Words;
use super::super::year::{Clause, form_key, notes};
use super::certificates::attachment;
use crate::ledger::entry::{Body, Correction, CorrectionReason, EntryId, Record, Reviewer};
use crate::service::complaints::{CaseState, CaseSummary};
use crate::service::{EntryView, Error};

/// Corrections of corrections that are followed: more than anybody makes of one entry.
const MAX_CORRECTIONS: usize = 50;

const LABELS: [(&str, &str); 1] = [("text", "learner-dispute-field")];

#[derive(Template)]
#[template(path = "portal/learner/entry.html")]
struct EntryPage {
    page: Page,
    facts: Vec<Fact>,
    notes: Vec<Clause>,
    tone: &'static str,
    state: String,
    attested: Vec<Fact>,
    commitment: String,
    proof: String,
    happened: Vec<Happening>,
    disputes: Vec<DisputeLine>,
    may_dispute: bool,
    dispute_action: String,
    form: Form,
}

/// A fact of a list of them.
struct Fact {
    name: String,
    text: String,
}

/// A dispute of the entry.
struct DisputeLine {
    href: String,
    text: String,
    tone: &'static str,
    state: String,
}

/// The page.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS);
    draw(&visit, entry_id(&id)?, StatusCode::OK, form).await
}

/// The proof of what the entry says in the end: it, and every correction of it that is on the chain.
pub(super) async fn proof(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = entry_id(&id)?;
    let chain = chain(&visit, id).await?;
    // The entry itself also where it is not sealed: the use case says so.
    let corrections = chain.iter().skip(1).filter(|view| view.position.is_some());
    let ids: Vec<EntryId> = corrections.map(|view| view.signed.entry().id).chain([id]).collect();
    let bytes = visit.app.service.proof(&visit.actor, &ids).await?;
    Ok(attachment("application/json", &format!("{id}.proof.json"), bytes))
}

/// Files a dispute.
pub(super) async fn dispute(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = entry_id(&id)?;
    let request = json!({"entry": id, "text": posted.text("text")});
    match visit.app.service.file_dispute(&visit.actor, request).await {
        Ok(_) => Ok(visit.lead_with(&format!("/my/entries/{id}"), "learner-dispute-sent")),
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &LABELS).filled(posted.filled()).wrong(&errors);
            draw(&visit, id, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The entry, and what corrects it, one after the other.
async fn chain(visit: &Visit, id: EntryId) -> Result<Vec<EntryView>, Error> {
    let mut chain = vec![visit.app.service.entry(&visit.actor, id).await?];
    while let Some(by) = chain.last().and_then(|view| view.corrected_by).filter(|_| chain.len() < MAX_CORRECTIONS) {
        let by = EntryId::try_from(by).map_err(|_| Error::NotFound("entry"))?;
        chain.push(visit.app.service.entry(&visit.actor, by).await?);
    }
    Ok(chain)
}

async fn draw(visit: &Visit, id: EntryId, status: StatusCode, form: Form) -> Result<Response, Trouble> {
    let words = visit.words;
    let chain = chain(visit, id).await?;
    let first = chain.first().ok_or(Error::NotFound("entry"))?;
    let last = chain.last().unwrap_or(first);
    let record = said_in_the_end(&chain);
    let original = first.signed.entry().record();
    let title = record.as_ref().or(original.as_ref()).map(title_of).unwrap_or_default();
    let disputes: Vec<CaseSummary> =
        visit.app.service.own_disputes(&visit.actor)?.into_iter().filter(|case| case.entry == Some(id)).collect();
    let (tone, state) = state_of(first, last);
    let mut page = visit.page("learner-entry-says", "/my");
    page.title = title;
    let entry = EntryPage {
        facts: facts(visit, first, record.as_ref().or(original.as_ref())),
        notes: counted(visit, id).await,
        tone,
        state: words.say(state),
        attested: attested(words, id, first),
        commitment: first.commitment.to_string(),
        proof: format!("/my/entries/{id}/proof"),
        happened: chain.iter().map(|view| happening(words, view)).collect(),
        may_dispute: disputes.iter().all(|case| case.state == CaseState::Answered),
        disputes: disputes.iter().rev().map(|case| dispute_line(words, case)).collect(),
        dispute_action: format!("/my/entries/{id}/dispute"),
        form,
        page,
    };
    visit.draw_as(status, &entry)
}

/// What stands in the end: what the last correction on the chain puts in its place; nothing when it voids it.
fn said_in_the_end(chain: &[EntryView]) -> Option<Record> {
    let last = chain.iter().rev().find(|view| view.position.is_some()).or(chain.first())?;
    match &last.signed.entry().body {
        Body::Correction(_, Correction { replacement, .. }) => replacement.clone(),
        _ => last.signed.entry().record(),
    }
}

fn title_of(record: &Record) -> String {
    match record {
        Record::Study(study) => study.course_title.clone(),
        Record::Activity(activity) => activity.topic.clone(),
    }
}

fn state_of(first: &EntryView, last: &EntryView) -> (&'static str, &'static str) {
    match (first.position, last.position) {
        (None, _) => ("warn", "learner-entry-waiting"),
        (Some(_), Some(_)) if first.corrected_by.is_some() => ("warn", "annual-corrected"),
        _ => ("chain", "annual-on-chain"),
    }
}

fn facts(visit: &Visit, first: &EntryView, record: Option<&Record>) -> Vec<Fact> {
    let words = visit.words;
    let mut facts = Vec::new();
    let mut fact = |key: &str, text: String| facts.push(Fact { name: words.say(key), text });
    let reviewed_by = match record {
        Some(Record::Study(study)) => {
            fact("learner-entry-form", words.say(form_key(study.form)));
            fact("learner-entry-days", words.days(study.first_day, study.last_day));
            fact("learner-entry-hours", words.hours(study.hours));
            study.reviewed_by
        }
        Some(Record::Activity(activity)) => {
            fact("learner-entry-form", words.say("annual-form-activity"));
            fact("learner-entry-days", words.day(activity.date));
            fact("learner-entry-attendees", words.number(activity.attendees));
            activity.reviewed_by
        }
        None => None,
    };
    let recorder = &first.signed.entry().recorder;
    fact(
        "learner-entry-recorder",
        visit.app.service.organisation_name(recorder).unwrap_or_else(|| recorder.to_string()),
    );
    match reviewed_by {
        Some(Reviewer::Clerk) => fact("learner-entry-reviewed", words.say("learner-entry-reviewed-clerk")),
        Some(Reviewer::Supervisor) => fact("learner-entry-reviewed", words.say("learner-entry-reviewed-supervisor")),
        None => {}
    }
    facts
}

/// Why the entry does not count in its year, or not whole. The page is drawn without it when that cannot be told.
async fn counted(visit: &Visit, id: EntryId) -> Vec<Clause> {
    let learners = visit.actor.person().map(|person| person.learners.clone()).unwrap_or_default();
    for learner in learners {
        let Ok(record) = visit.app.service.cqo(&visit.actor, learner).await else { continue };
        for year in &record.years {
            let place = year.entries.iter().position(|said| said.entry == id);
            if let Some(counted) = place.and_then(|place| year.standing.records.get(place)) {
                return notes(visit.words, counted);
            }
        }
    }
    Vec::new()
}

fn attested(words: Words, id: EntryId, view: &EntryView) -> Vec<Fact> {
    let Some(position) = view.position else { return Vec::new() };
    [
        ("learner-entry-number", format!("{}-{}", position.height, position.index)),
        ("learner-entry-block", words.number(position.height)),
        ("learner-entry-time", words.instant(position.sealed_at)),
        ("learner-entry-id", id.to_string()),
    ]
    .map(|(key, text)| Fact { name: words.say(key), text })
    .into()
}

/// The entry's or a correction's own step.
fn happening(words: Words, view: &EntryView) -> Happening {
    let when = match view.position {
        Some(position) => words.instant(position.sealed_at),
        None => words.say("learner-entry-waiting"),
    };
    let number = view.position.map(|position| format!("{}-{}", position.height, position.index));
    let sealed = |number: &String| words.with1("learner-entry-happened-sealed", "number", number);
    let (what, detail, tone) = match &view.signed.entry().body {
        Body::Correction(_, Correction { reason, replacement, .. }) => {
            let key = match replacement {
                Some(_) => "learner-entry-happened-corrected",
                None => "learner-entry-happened-voided",
            };
            let what = words.with1(key, "reason", words.say(reason_key(*reason)));
            let waiting = || words.say("learner-entry-happened-waiting");
            (what, number.as_ref().map_or_else(waiting, sealed), "warn")
        }
        _ => match &number {
            Some(number) => (sealed(number), String::new(), "good"),
            None => (words.say("learner-entry-pending"), String::new(), "idle"),
        },
    };
    Happening { when, what, detail, tone }
}

/// The words of a correction's reason.
pub(in super::super) const fn reason_key(reason: CorrectionReason) -> &'static str {
    match reason {
        CorrectionReason::Hours => "learner-correction-hours",
        CorrectionReason::Dates => "learner-correction-dates",
        CorrectionReason::Course => "learner-correction-course",
        CorrectionReason::Name => "learner-correction-name",
        CorrectionReason::Duplicate => "learner-correction-duplicate",
        CorrectionReason::NotAttended => "learner-correction-not-attended",
        CorrectionReason::Fraud => "learner-correction-fraud",
        CorrectionReason::Other => "learner-correction-other",
    }
}

fn dispute_line(words: Words, case: &CaseSummary) -> DisputeLine {
    let (key, tone) = match case.state {
        CaseState::Received => ("learner-dispute-received", "idle"),
        CaseState::InProgress => ("learner-dispute-in-progress", "warn"),
        CaseState::Answered => ("learner-dispute-answered", "good"),
    };
    DisputeLine {
        href: format!("/my/disputes/{}", case.number),
        text: words.with2("learner-dispute-since", "number", case.number.to_string(), "time", case.since),
        tone,
        state: words.say(key),
    }
}
