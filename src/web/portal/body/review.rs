//! The review of claims: the queue, and one claim with its evidence beside it.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::super::claim_words::{
    BESIDE_POLICY, Badge, EarlierLine, Fact, FileLine, NoticeLine, claim_id, earlier, facts, file_id, files, history,
    kind_in_words, notices, serve, state_in_words,
};
use super::super::extract::{Path, Query};
use super::super::form::Form;
use super::super::page::{Page, Tone};
use super::super::parts::{Choice, Happening, Pager};
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::words::Words;
use super::conflict_in_words;
use crate::service::claims::{Claim, ClaimFilter, ClaimId, ClaimKind, ClaimLine, ClaimState};
use crate::service::registry::OrganisationRole;
use crate::service::{Action, Error};
use crate::standard::StudyForm;

const HERE: &str = "/body/review";
/// Claims on one page of the queue.
const PER_PAGE: usize = 30;
/// What the form sends where everything is asked for.
const ALL: &str = "all";

/// The routes of the review.
pub(super) fn routes() -> Vec<Route> {
    let (read, review) = (Gate::May(Action::ReadClaims), Gate::May(Action::ReviewClaims));
    vec![
        Route::get("/body/review", read, queue),
        Route::get("/body/review/{id}", read, show),
        Route::get("/body/review/{id}/files/{file}", read, file),
        Route::post("/body/review/{id}/accept", review, accept),
        Route::post("/body/review/{id}/return", review, send_back),
        Route::post("/body/review/{id}/reject", review, reject),
        Route::post("/body/review/{id}/declare", review, declare),
    ]
}

const FILTER_LABELS: [(&str, &str); 5] = [
    ("state", "review-state"),
    ("what", "claims-kind"),
    ("employer", "review-employer"),
    ("year", "review-year"),
    ("notices", "review-with-notices"),
];
const LABELS: [(&str, &str); 3] =
    [("reason", "review-reason"), ("last_day", "claims-last-day"), ("decision", "review-decision")];

#[derive(Template)]
#[template(path = "portal/body/review.html")]
struct QueuePage {
    page: Page,
    form: Form,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    employers: Vec<Choice>,
    years: Vec<Choice>,
    lines: Vec<Line>,
    pager: Pager,
    /// Whether it is asked for less than everything that waits.
    narrowed: bool,
}

struct Line {
    href: String,
    name: String,
    title: String,
    kind: String,
    days: String,
    hours: String,
    state: Badge,
    submitted: String,
    noticed: bool,
}

#[derive(Template)]
#[template(path = "portal/body/review_claim.html")]
struct ClaimPage {
    page: Page,
    form: Form,
    claim: Claim,
    base: String,
    employers: Vec<String>,
    state: Badge,
    facts: Vec<Fact>,
    files: Vec<FileLine>,
    notices: Vec<NoticeLine>,
    history: Vec<Happening>,
    earlier: Vec<EarlierLine>,
    conflict: Option<String>,
    /// Whether this reader decides, and there is something to decide.
    decides: bool,
    sealed: Option<(u64, String)>,
    /// The page of the entry that it became, and what is to be done there.
    entry: Option<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
struct QueueQuery {
    /// A state's word; `all` for every one. What waits, where it is left out.
    #[serde(default)]
    state: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    employer: String,
    #[serde(default)]
    year: String,
    #[serde(default)]
    notices: String,
    #[serde(default)]
    page: Option<usize>,
}

impl QueueQuery {
    /// What is asked for. A word that is none asks for nothing: an old address leads to the whole queue.
    fn filter(&self) -> ClaimFilter {
        let state = match self.state.as_str() {
            ALL => None,
            word => Some(word.parse().unwrap_or(ClaimState::Submitted)),
        };
        let kind = (self.what == "activity").then_some(ClaimKind::Activity);
        ClaimFilter {
            state,
            kind,
            form: self.what.parse().ok(),
            employer: self.employer.parse().ok(),
            year: self.year.parse().ok(),
            with_notices: self.notices == "yes",
        }
    }

    /// The address of the pages of the same queue.
    fn address(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields() {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        format!("{HERE}?{query}{}page=", if query.is_empty() { "" } else { "&" })
    }

    fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("state", &self.state),
            ("what", &self.what),
            ("employer", &self.employer),
            ("year", &self.year),
            ("notices", &self.notices),
        ]
    }

    /// The same for the form, which shows what is asked for where nothing was said.
    fn filled(&self) -> [(&'static str, String); 5] {
        self.fields().map(|(name, value)| {
            let unsaid = match name {
                "state" => ClaimState::Submitted.as_str(),
                "notices" => "",
                _ => ALL,
            };
            (name, if value.is_empty() { unsaid } else { value }.to_owned())
        })
    }
}

async fn queue(visit: Visit, Query(query): Query<QueueQuery>) -> Result<Response, Trouble> {
    let (service, words, filter) = (&visit.app.service, visit.words, query.filter());
    let nth = query.page.unwrap_or(1).max(1);
    let found = service.claim_queue(&visit.actor, &filter, nth, PER_PAGE).await?;
    let pages = found.total.div_ceil(PER_PAGE).max(1);
    let pager =
        Pager { address: query.address(), page: nth.min(pages) as u64, pages: pages as u64, rows: found.total as u64 };
    let lines = found.lines.iter().map(|claim| line(words, claim)).collect();
    let narrowed = filter != QueueQuery::default().filter();
    let form = Form::new(words, &FILTER_LABELS).filled(query.filled());
    visit.draw(&QueuePage {
        page: visit.page("review-title", HERE),
        form,
        states: states(&visit),
        kinds: kinds(&visit),
        employers: employers(&visit)?,
        years: years(&visit)?,
        lines,
        pager,
        narrowed,
    })
}

fn line(words: Words, claim: &ClaimLine) -> Line {
    Line {
        href: format!("{HERE}/{}", claim.id),
        name: claim.learner_name.clone(),
        title: claim.title.clone(),
        kind: kind_in_words(words, claim.kind, claim.form),
        days: words.days(claim.days.0, claim.days.1),
        hours: claim.hours.map(|hours| words.hours(hours)).unwrap_or_default(),
        state: state_in_words(words, claim.state, claim.amended, claim.on_chain),
        submitted: claim.submitted_at.map(|at| words.instant(at)).unwrap_or_default(),
        noticed: claim.noticed,
    }
}

/// All of them, and then each.
fn all(visit: &Visit, each: impl Iterator<Item = Choice>) -> Vec<Choice> {
    std::iter::once(Choice::new(ALL, visit.words.say("review-all"))).chain(each).collect()
}

fn states(visit: &Visit) -> Vec<Choice> {
    let seen = ClaimState::ALL.iter().filter(|state| **state != ClaimState::Draft);
    let own = seen.map(|state| Choice::new(state.as_str(), state_in_words(visit.words, *state, None, false).text));
    own.chain([Choice::new(ALL, visit.words.say("review-all-states"))]).collect()
}

fn kinds(visit: &Visit) -> Vec<Choice> {
    let forms = StudyForm::ALL.iter().filter(|form| **form != StudyForm::Online);
    let study = forms.map(|form| Choice::new(form.as_str(), kind_in_words(visit.words, ClaimKind::Study, Some(*form))));
    let activity = Choice::new("activity", kind_in_words(visit.words, ClaimKind::Activity, None));
    all(visit, study.chain([activity]))
}

fn employers(visit: &Visit) -> Result<Vec<Choice>, Trouble> {
    let known = visit.app.service.organisations(&visit.actor)?;
    let employers = known.into_iter().filter(|one| one.roles.contains(&OrganisationRole::Employer));
    Ok(all(visit, employers.map(|one| Choice::new(one.code.to_string(), one.name))))
}

fn years(visit: &Visit) -> Result<Vec<Choice>, Trouble> {
    let years = visit.app.service.claim_years(&visit.actor)?;
    let choice = |year: i16| Choice::new(year.to_string(), visit.words.with1("review-year-of", "year", year));
    Ok(all(visit, years.into_iter().map(choice)))
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let page = visit.page("review-one", HERE);
    claim_page(&visit, StatusCode::OK, page, id, Form::new(visit.words, &LABELS)).await
}

async fn claim_page(
    visit: &Visit,
    status: StatusCode,
    mut page: Page,
    id: ClaimId,
    form: Form,
) -> Result<Response, Trouble> {
    let (service, words, base) = (&visit.app.service, visit.words, format!("{HERE}/{id}"));
    let claim = service.claim(&visit.actor, id).await?;
    page.lead = words.with1("claims-number", "number", id.to_string());
    let reviews = visit.actor.may(Action::ReviewClaims) && claim.state == ClaimState::Submitted;
    let conflict = claim.conflict.filter(|_| reviews).map(|conflict| conflict_in_words(words, conflict));
    let view = ClaimPage {
        page,
        form,
        employers: claim.employers.iter().map(|one| one.name.clone()).collect(),
        state: state_in_words(words, claim.state, claim.amended, claim.position.is_some()),
        facts: facts(words, &claim.said),
        files: files(words, &claim.files, &base),
        notices: notices(words, &claim, HERE, super::entries::HERE),
        history: history(words, &claim.history, |account| service.account_name(account)),
        earlier: earlier(words, &claim.earlier, &base),
        decides: reviews && conflict.is_none(),
        conflict,
        sealed: claim.position.map(|position| (position.height, words.instant(position.sealed_at))),
        // On its way there is no entry yet to be read.
        entry: claim.entry.zip(claim.position).map(|(entry, _)| {
            let corrects = visit.actor.may(Action::CorrectForBody);
            let key = if corrects { "review-correct-entry" } else { "review-show-entry" };
            (format!("{}/{entry}", super::entries::HERE), words.say(key))
        }),
        base,
        claim,
    };
    let mut response = visit.draw_as(status, &view)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(BESIDE_POLICY));
    Ok(response)
}

async fn file(visit: Visit, Path((id, file)): Path<(String, String)>) -> Result<Response, Trouble> {
    Ok(serve(visit.app.service.evidence(&visit.actor, claim_id(&id)?, file_id(&file)?).await?))
}

/// Leads back to the queue, or shows the claim again with what stood in the way; what was typed is kept.
async fn decided(
    visit: &Visit,
    id: ClaimId,
    posted: &Posted,
    outcome: Result<Claim, Error>,
    notice: &'static str,
) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS).filled(posted.filled());
    let page = visit.page("review-one", HERE);
    let (status, page, form) = match outcome {
        Ok(_) => return Ok(visit.lead_with(HERE, notice)),
        Err(Error::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, page, form.wrong(&errors)),
        // The page itself says why.
        Err(Error::ConflictOfInterest(_)) => (StatusCode::CONFLICT, page, form),
        Err(Error::Conflict(_)) => {
            (StatusCode::CONFLICT, page.notice(Tone::Warn, visit.words.say("review-stale")), form)
        }
        Err(Error::CannotRecord(detail)) => {
            tracing::warn!(detail, "a claim cannot be accepted");
            let text = visit.words.say("review-cannot-record");
            (StatusCode::SERVICE_UNAVAILABLE, page.notice(Tone::Error, text), form)
        }
        Err(error) => return Err(error.into()),
    };
    claim_page(visit, status, page, id, form).await
}

fn version_of(posted: &Posted) -> u64 {
    posted.text("version").parse().unwrap_or_default()
}

async fn accept(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let outcome = visit.app.service.accept_claim(&visit.actor, id, version_of(&posted)).await;
    decided(&visit, id, &posted, outcome, "review-accepted").await
}

/// Somebody has a part in it: the page says so from now on, and shows them no form.
async fn declare(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    match visit.app.service.declare_part_in_claim(&visit.actor, id, version_of(&posted)).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{id}"), "review-declared")),
        outcome => decided(&visit, id, &posted, outcome, "review-declared").await,
    }
}

async fn send_back(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let reason = json!({"reason": posted.text("reason").replace('\r', "")});
    let outcome = visit.app.service.return_claim(&visit.actor, id, version_of(&posted), reason).await;
    decided(&visit, id, &posted, outcome, "review-returned").await
}

async fn reject(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = claim_id(&id)?;
    let reason = json!({"reason": posted.text("reason").replace('\r', "")});
    let outcome = visit.app.service.reject_claim(&visit.actor, id, version_of(&posted), reason).await;
    decided(&visit, id, &posted, outcome, "review-rejected").await
}
