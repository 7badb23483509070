//! Complaints and disputes for the certifying body's people: the queue, and answering one.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::case_view::{CaseView, kind_in_words, state_in_words, subject_in_words, subjects, tone_of};
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
use crate::service::complaints::{Case, CaseFilter, CaseKind, CaseNumber, CaseState, CaseSummary};
use crate::service::{AccountId, Action, Error};

const HERE: &str = "/body/cases";
const PER_PAGE: usize = 50;
/// What the filter calls no choice.
const ALL: &str = "all";
const FILTERS: [(&str, &str); 3] = [("kind", "cases-kind"), ("state", "cases-state"), ("subject", "cases-subject")];
const LABELS: [(&str, &str); 1] = [("answer", "cases-answer")];

/// What the body's people may ask about cases.
pub(super) fn routes() -> Vec<Route> {
    let (read, handle) = (Gate::May(Action::ReadCases), Gate::May(Action::HandleCases));
    vec![
        Route::get("/body/cases", read, list),
        Route::get("/body/cases/{number}", read, show),
        Route::post("/body/cases/{number}/take-up", handle, take_up),
        Route::post("/body/cases/{number}/answer", handle, answer),
        Route::post("/body/cases/{number}/declare", handle, declare),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/cases.html")]
struct CasesPage {
    page: Page,
    form: Form,
    kinds: Vec<Choice>,
    states: Vec<Choice>,
    subjects: Vec<Choice>,
    lines: Vec<Line>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "portal/body/case.html")]
struct CasePage {
    page: Page,
    form: Form,
    case: CaseView,
    version: u64,
    /// The entry that a dispute is about; empty for a complaint.
    entry: String,
    /// Whose dispute it is: name and id; none of a complaint, and of a learner who was erased.
    learner: Option<(String, String)>,
    /// Whether this person may do something with it now.
    can_take_up: bool,
    can_answer: bool,
    /// Why this person must not, where they otherwise might.
    conflict: Option<String>,
    /// What this person wrote and can no longer send: it is theirs to take along.
    kept: String,
}

/// One case of the list.
struct Line {
    number: String,
    kind: String,
    subject: String,
    filed: String,
    since: String,
    tone: &'static str,
    state: String,
}

/// The filter, as words of the code lists; what is none of them filters nothing.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    page: String,
}

async fn list(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Trouble> {
    let words = visit.words;
    let filter = CaseFilter {
        kind: asked.kind.parse().ok(),
        state: asked.state.parse().ok(),
        subject: asked.subject.parse().ok(),
    };
    let cases = visit.app.service.list_cases(&visit.actor, filter)?;
    let given = [("kind", &asked.kind), ("state", &asked.state), ("subject", &asked.subject)];
    let address: String = given.iter().fold("/body/cases?".to_owned(), |address, (name, value)| {
        let pair: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        format!("{address}{name}={pair}&")
    });
    let pages = cases.len().div_ceil(PER_PAGE).max(1);
    let page = asked.page.parse().unwrap_or(1).clamp(1, pages);
    let lines = cases.iter().skip((page - 1) * PER_PAGE).take(PER_PAGE).map(|case| Line::of(words, case));
    let pager =
        Pager { address: format!("{address}page="), page: page as u64, pages: pages as u64, rows: cases.len() as u64 };
    let chosen = given.map(|(name, value)| (name, if value.is_empty() { ALL } else { value.as_str() }));
    visit.draw(&CasesPage {
        form: Form::new(words, &FILTERS).filled(chosen),
        kinds: with_all(words, CaseKind::ALL.iter().map(|kind| (kind.as_str(), kind_in_words(words, *kind)))),
        states: with_all(words, CaseState::ALL.iter().map(|state| (state.as_str(), state_in_words(words, *state)))),
        subjects: with_all(words, subjects(words).iter().map(|choice| (&*choice.value, choice.text.clone()))),
        lines: lines.collect(),
        pager,
        page: visit.page("layout-nav-cases", HERE),
    })
}

/// The choices of a filter, and the one that filters nothing.
fn with_all<'a>(words: Words, choices: impl Iterator<Item = (&'a str, String)>) -> Vec<Choice> {
    let all = Choice::new(ALL, words.say("cases-all"));
    std::iter::once(all).chain(choices.map(|(value, text)| Choice::new(value, text))).collect()
}

impl Line {
    fn of(words: Words, case: &CaseSummary) -> Self {
        Self {
            number: case.number.to_string(),
            kind: kind_in_words(words, case.kind),
            subject: subject_in_words(words, case.subject),
            filed: words.instant(case.filed_at),
            since: words.instant(case.since),
            tone: tone_of(case.state),
            state: state_in_words(words, case.state),
        }
    }
}

async fn show(visit: Visit, Path(number): Path<String>) -> Result<Response, Trouble> {
    let case = visit.app.service.case(&visit.actor, &read(&number)?).await?;
    case_page(&visit, StatusCode::OK, page(&visit), Form::new(visit.words, &LABELS), &case).await
}

fn page(visit: &Visit) -> Page {
    visit.page("cases-case", HERE)
}

async fn case_page(
    visit: &Visit,
    status: StatusCode,
    page: Page,
    form: Form,
    case: &Case,
) -> Result<Response, Trouble> {
    let (service, words, summary) = (&visit.app.service, visit.words, &case.summary);
    let waits = summary.state != CaseState::Answered && case.words.is_some();
    let conflict = match waits {
        true => service.conflict_in_case(&visit.actor, &summary.number).await?,
        false => None,
    };
    let can_answer = visit.actor.may(Action::HandleCases) && conflict.is_none() && waits;
    let learner = match summary.learner {
        Some(id) => service.learner(&visit.actor, id).await.ok().map(|learner| (learner.name, id.to_string())),
        None => None,
    };
    let mut view = CaseView::of(words, case);
    for (shown, step) in view.steps.iter_mut().zip(&case.history) {
        let account = step.account.as_ref().and_then(|account| account.parse::<AccountId>().ok());
        if let Some(name) = account.and_then(|account| service.account_name(account)) {
            shown.detail = format!("{} · {name}", shown.detail);
        }
    }
    view.steps.extend(case.declared.iter().map(|(at, account)| Happening {
        when: words.instant(*at),
        what: words.say("cases-declared-part"),
        detail: service.account_name(*account).unwrap_or_default(),
        tone: "warn",
    }));
    visit.draw_as(
        status,
        &CasePage {
            page,
            kept: if can_answer { String::new() } else { form.value("answer").to_owned() },
            form,
            case: view,
            version: summary.version,
            entry: summary.entry.map(|entry| entry.to_string()).unwrap_or_default(),
            learner,
            can_take_up: can_answer && summary.state == CaseState::Received,
            can_answer,
            conflict: conflict.map(|conflict| conflict_in_words(words, conflict)),
        },
    )
}

async fn take_up(visit: Visit, Path(number): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let number = read(&number)?;
    match visit.app.service.take_up_case(&visit.actor, &number, version(&posted)).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{number}"), "cases-taken-up")),
        Err(error) => refused(&visit, &number, &posted, error).await,
    }
}

async fn answer(visit: Visit, Path(number): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let (service, number) = (&visit.app.service, read(&number)?);
    let input = posted.object(&["answer"]).into();
    match service.answer_case(&visit.actor, &number, version(&posted), input).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{number}"), "cases-answered")),
        Err(error) => refused(&visit, &number, &posted, error).await,
    }
}

/// Whoever has a part in it says so, and is shown no form from then on.
async fn declare(visit: Visit, Path(number): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let number = read(&number)?;
    match visit.app.service.declare_part_in_case(&visit.actor, &number, version(&posted)).await {
        Ok(_) => Ok(visit.lead_with(&format!("{HERE}/{number}"), "cases-declared")),
        Err(error) => refused(&visit, &number, &posted, error).await,
    }
}

/// The case as it is now, with what stood in the way; what was written is kept.
async fn refused(visit: &Visit, number: &CaseNumber, posted: &Posted, error: Error) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS).filled(posted.filled());
    let (status, page, form) = match error {
        Error::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, page(visit), form.wrong(&errors)),
        // The page itself says why.
        Error::ConflictOfInterest(_) => (StatusCode::CONFLICT, page(visit), form),
        Error::Conflict(_) => {
            (StatusCode::CONFLICT, page(visit).notice(Tone::Warn, visit.words.say("cases-stale")), form)
        }
        error => return Err(error.into()),
    };
    let case = visit.app.service.case(&visit.actor, number).await?;
    case_page(visit, status, page, form, &case).await
}

fn read(number: &str) -> Result<CaseNumber, Error> {
    number.parse().map_err(|_| Error::NotFound("case"))
}

/// The version that the page was made from; none that there is, where it is missing.
fn version(posted: &Posted) -> u64 {
    posted.text("version").parse().unwrap_or_default()
}
