//! A learner's claims: written, evidenced, checked, submitted, followed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::claim_words::{
    Badge, EarlierLine, Fact, FileLine, NoticeLine, claim_id, earlier, facts, file_id, files, history, kind_in_words,
    missing, notices, serve, state_in_words,
};
use super::super::extract::{Path, Query};
use super::super::form::Form;
use super::super::page::{Page, Tone};
use super::super::parts::{Happening, Pager};
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::words::Words;
use super::claim_form::{What, filled, typed, typed_form};
use crate::ledger::entry::LearnerId;
use crate::service::claims::{Claim, ClaimId, ClaimLine, MAX_EVIDENCE_FILES};
use crate::service::{Action, Error};

const HERE: &str = "/my/claims";
/// Where one's own entries are to be seen.
const ENTRIES: &str = "/my/entries";
/// Claims on one page of the list.
const PER_PAGE: usize = 30;

/// The routes of claims.
pub(super) fn routes() -> Vec<Route> {
    let (read, write) = (Gate::May(Action::ReadOwnRecord), Gate::May(Action::WriteClaims));
    vec![
        Route::get("/my/claims", read, list),
        Route::get("/my/claims/new", write, show_new),
        Route::post("/my/claims/new", write, begin).with_files(),
        Route::get("/my/claims/{id}", read, show),
        Route::get("/my/claims/{id}/edit", write, show_edit),
        Route::post("/my/claims/{id}/edit", write, change).with_files(),
        Route::post("/my/claims/{id}/evidence", write, add_evidence).with_files().rated(),
        Route::post("/my/claims/{id}/evidence/remove", write, remove_evidence).rated(),
        Route::get("/my/claims/{id}/files/{file}", read, file),
        Route::get("/my/claims/{id}/check", read, check),
        Route::post("/my/claims/{id}/submit", write, submit),
        Route::post("/my/claims/{id}/withdraw", write, withdraw),
    ]
}

const FILE_LABELS: [(&str, &str); 1] = [("file", "claims-file")];

#[derive(Template)]
#[template(path = "portal/learner/claims.html")]
struct ListPage {
    page: Page,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    href: String,
    title: String,
    kind: String,
    days: String,
    hours: String,
    state: Badge,
    changed: String,
}

#[derive(Template)]
#[template(path = "portal/learner/claim_kinds.html")]
struct KindsPage {
    page: Page,
    /// Where each leads, its name, and what belongs to it.
    kinds: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "portal/learner/claim_form.html")]
struct FormPage {
    page: Page,
    form: Form,
    what: What,
    action: String,
    back: String,
    /// Sent back, so that a change names what it was made from.
    version: u64,
}

#[derive(Template)]
#[template(path = "portal/learner/claim.html")]
struct ClaimPage {
    page: Page,
    form: Form,
    claim: Claim,
    base: String,
    title: String,
    state: Badge,
    facts: Vec<Fact>,
    files: Vec<FileLine>,
    room_for_files: bool,
    most_files: u64,
    notices: Vec<NoticeLine>,
    history: Vec<Happening>,
    earlier: Vec<EarlierLine>,
    /// Block and time, once it is on the chain.
    sealed: Option<(u64, String)>,
}

#[derive(Template)]
#[template(path = "portal/learner/claim_check.html")]
struct CheckPage {
    page: Page,
    base: String,
    version: u64,
    facts: Vec<Fact>,
    files: Vec<FileLine>,
    notices: Vec<NoticeLine>,
    missing: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    #[serde(default)]
    page: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct NewQuery {
    #[serde(default)]
    what: String,
    /// `activity` where the way in is from the year's tick.
    #[serde(default)]
    kind: String,
}

impl NewQuery {
    fn what(&self) -> Option<What> {
        What::read(&self.what).or_else(|| (self.kind == "activity").then_some(What::Activity))
    }
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Result<Response, Trouble> {
    let service = &visit.app.service;
    let mut claims = Vec::new();
    for learner in learners(&visit) {
        claims.extend(service.own_claims(&visit.actor, learner).await?);
    }
    claims.sort_by_key(|line| std::cmp::Reverse((line.days.1, line.id)));
    let pages = claims.len().div_ceil(PER_PAGE).max(1);
    let nth = query.page.unwrap_or(1).clamp(1, pages);
    let shown = claims.iter().skip((nth - 1) * PER_PAGE).take(PER_PAGE);
    let lines = shown.map(|claim| line(visit.words, claim)).collect();
    let pager =
        Pager { address: format!("{HERE}?page="), page: nth as u64, pages: pages as u64, rows: claims.len() as u64 };
    visit.draw(&ListPage { page: visit.page("claims-list-title", HERE), lines, pager })
}

fn line(words: Words, claim: &ClaimLine) -> Line {
    Line {
        href: format!("{HERE}/{}", claim.id),
        title: claim.title.clone(),
        kind: kind_in_words(words, claim.kind, claim.form),
        days: words.days(claim.days.0, claim.days.1),
        hours: claim.hours.map(|hours| words.hours(hours)).unwrap_or_default(),
        state: state_in_words(words, claim.state, claim.amended, claim.on_chain),
        changed: words.instant(claim.changed_at),
    }
}

/// The learners that this person is.
fn learners(visit: &Visit) -> Vec<LearnerId> {
    visit.actor.person().map(|person| person.learners.clone()).unwrap_or_default()
}

async fn show_new(visit: Visit, Query(query): Query<NewQuery>) -> Result<Response, Trouble> {
    let Some(what) = query.what() else {
        let kind = |what: What| {
            let (name, text) = what.keys();
            (format!("{HERE}/new?what={}", what.word()), visit.words.say(name), visit.words.say(text))
        };
        let kinds = What::ALL.into_iter().map(kind).collect();
        let mut page = visit.page("claims-new", HERE);
        page.lead = visit.words.say("claims-new-text");
        return visit.draw(&KindsPage { page, kinds });
    };
    new_page(&visit, StatusCode::OK, what, Form::new(visit.words, what.labels()))
}

fn new_page(visit: &Visit, status: StatusCode, what: What, form: Form) -> Result<Response, Trouble> {
    let mut page = visit.page(what.keys().0, HERE);
    page.lead = visit.words.say(what.keys().1);
    let (action, back) = (format!("{HERE}/new?what={}", what.word()), format!("{HERE}/new"));
    visit.draw_as(status, &FormPage { page, form, what, action, back, version: 0 })
}

async fn begin(visit: Visit, Query(query): Query<NewQuery>, posted: Posted) -> Result<Response, Trouble> {
    let what = query.what().ok_or(Error::NotFound("kind of claim"))?;
    let learner = learners(&visit).into_iter().next().ok_or(Error::NotFound("learner"))?;
    let input = typed(what, &posted);
    match visit.app.service.begin_claim(&visit.actor, learner, input.clone().into()).await {
        Ok(claim) => Ok(visit.lead_with(&format!("{HERE}/{}", claim.id), "claims-saved")),
        Err(Error::Invalid(errors)) => {
            let form = typed_form(&visit, what, &input).wrong(&errors);
            new_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, what, form)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_edit(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let claim = visit.app.service.claim(&visit.actor, id).await?;
    if !claim.state.is_open() {
        return Ok(visit.lead(&format!("{HERE}/{id}")));
    }
    let what = What::of(&claim.said);
    let form = Form::new(visit.words, what.labels()).filled(filled(&claim.said));
    edit_page(&visit, StatusCode::OK, id, what, form, claim.version)
}

fn edit_page(
    visit: &Visit,
    status: StatusCode,
    id: ClaimId,
    what: What,
    form: Form,
    version: u64,
) -> Result<Response, Trouble> {
    let mut page = visit.page("claims-edit", HERE);
    page.lead = visit.words.say(what.keys().0);
    let (action, back) = (format!("{HERE}/{id}/edit"), format!("{HERE}/{id}"));
    visit.draw_as(status, &FormPage { page, form, what, action, back, version })
}

/// The version that a form was made from; one that is no number fits nothing.
fn version_of(posted: &Posted) -> u64 {
    posted.text("version").parse().unwrap_or_default()
}

async fn change(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let service = &visit.app.service;
    let what = What::of(&service.claim(&visit.actor, id).await?.said);
    let (input, version) = (typed(what, &posted), version_of(&posted));
    match service.change_claim(&visit.actor, id, version, input.clone().into()).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), "claims-saved")),
        Err(Error::Invalid(errors)) => {
            let form = typed_form(&visit, what, &input).wrong(&errors);
            edit_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, id, what, form, version)
        }
        Err(error) => again(&visit, id, error).await,
    }
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let claim = visit.app.service.claim(&visit.actor, id).await?;
    let form = Form::new(visit.words, &FILE_LABELS);
    let page = visit.page("claims-one", HERE);
    claim_page(&visit, StatusCode::OK, page, claim, form)
}

fn claim_page(
    visit: &Visit,
    status: StatusCode,
    mut page: Page,
    claim: Claim,
    form: Form,
) -> Result<Response, Trouble> {
    let (words, base) = (visit.words, format!("{HERE}/{}", claim.id));
    let me = |account| (visit.actor.person()?.account == account).then(|| visit.name().to_owned());
    page.lead = words.with1("claims-number", "number", claim.id.to_string());
    let view = ClaimPage {
        page,
        form,
        title: claim.said.title().to_owned(),
        state: state_in_words(words, claim.state, claim.amended, claim.position.is_some()),
        facts: facts(words, &claim.said),
        files: files(words, &claim.files, &base),
        room_for_files: claim.files.len() < MAX_EVIDENCE_FILES,
        most_files: MAX_EVIDENCE_FILES as u64,
        notices: notices(words, &claim, HERE, ENTRIES),
        history: history(words, &claim.history, me),
        earlier: earlier(words, &claim.earlier, &base),
        sealed: claim.position.map(|position| (position.height, words.instant(position.sealed_at))),
        base,
        claim,
    };
    visit.draw_as(status, &view)
}

/// The claim again with what was wrong, or as it is now when somebody else was faster.
async fn again(visit: &Visit, id: ClaimId, error: Error) -> Result<Response, Trouble> {
    let mut page = visit.page("claims-one", HERE);
    let form = Form::new(visit.words, &FILE_LABELS);
    let (status, form) = match error {
        Error::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, form.wrong(&errors)),
        Error::Conflict(_) => {
            page = page.notice(Tone::Warn, visit.words.say("claims-stale"));
            (StatusCode::CONFLICT, form)
        }
        error => return Err(error.into()),
    };
    let claim = visit.app.service.claim(&visit.actor, id).await?;
    claim_page(visit, status, page, claim, form)
}

async fn add_evidence(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let Some(file) = posted.files("file").next() else {
        let missing = Error::field("file", crate::ledger::fields::Problem::Missing);
        return again(&visit, id, missing).await;
    };
    match visit.app.service.add_evidence(&visit.actor, id, &file.name, &file.bytes).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), "claims-file-added")),
        Err(error) => again(&visit, id, error).await,
    }
}

async fn remove_evidence(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let file = file_id(posted.text("file"))?;
    match visit.app.service.remove_evidence(&visit.actor, id, file).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), "claims-file-removed")),
        Err(error) => again(&visit, id, error).await,
    }
}

async fn file(visit: Visit, Path((id, file)): Path<(String, String)>) -> Result<Response, Trouble> {
    Ok(serve(visit.app.service.evidence(&visit.actor, claim_id(&id)?, file_id(&file)?).await?))
}

async fn check(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let claim = visit.app.service.claim(&visit.actor, id).await?;
    if !claim.state.is_open() {
        return Ok(visit.lead(&format!("{HERE}/{id}")));
    }
    let (words, base) = (visit.words, format!("{HERE}/{id}"));
    let mut page = visit.page("claims-check", HERE);
    page.lead = words.say("claims-check-text");
    visit.draw(&CheckPage {
        page,
        version: claim.version,
        facts: facts(words, &claim.said),
        files: files(words, &claim.files, &base),
        notices: notices(words, &claim, HERE, ENTRIES),
        missing: missing(words, &claim.missing),
        base,
    })
}

async fn submit(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    match visit.app.service.submit_claim(&visit.actor, id, version_of(&posted)).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), "claims-submitted")),
        Err(error) => again(&visit, id, error).await,
    }
}

async fn withdraw(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    match visit.app.service.withdraw_claim(&visit.actor, id, version_of(&posted)).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), "claims-withdrawn")),
        Err(error) => again(&visit, id, error).await,
    }
}
