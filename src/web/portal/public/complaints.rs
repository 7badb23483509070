//! Complaints of anybody: filing one, and reading what became of it with its number and code.

use std::time::{Duration, Instant};

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;

use super::super::super::limits::ClientKey;
use super::super::case_view::{CaseView, subjects};
use super::super::form::Form;
use super::super::page::{Page, Tone};
use super::super::parts::Choice;
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::service::complaints::CaseCode;
use crate::service::{Actor, Error};
use crate::standard::UnixMillis;

const FIELDS: [&str; 4] = ["subject", "text", "name", "contact"];
const LABELS: [(&str, &str); 6] = [
    ("subject", "cases-subject"),
    ("text", "cases-text"),
    ("name", "cases-name"),
    ("contact", "cases-contact"),
    ("number", "cases-number"),
    ("code", "cases-code"),
];

/// What a clock on a page leaves out, in milliseconds: a moment is told by the minute, and nobody shall come a moment early.
const ALMOST_A_MINUTE_MS: i64 = 59_999;

/// What anybody may ask about complaints. Neither form is at the rate of look-ups: filing and guessing have narrower bounds of
/// their own (`web/turns.rs`), and who meets one is answered by a page that keeps what was typed.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/complaints", Gate::Public, show),
        Route::post("/complaints", Gate::Public, send),
        Route::get("/complaints/state", Gate::Public, show_state),
        Route::post("/complaints/state", Gate::Public, send_state),
    ]
}

#[derive(Template)]
#[template(path = "portal/cases/complaint.html")]
struct ComplaintPage {
    page: Page,
    form: Form,
    subjects: Vec<Choice>,
    elsewhere: Option<Elsewhere>,
}

/// Where else one can complain: at the certifying body, by whatever ways its profile names.
struct Elsewhere {
    text: String,
    name: String,
    phone: String,
    email: String,
    /// Where it works, for letters.
    place: String,
}

#[derive(Template)]
#[template(path = "portal/cases/filed.html")]
struct FiledPage {
    page: Page,
    number: String,
    code: String,
}

#[derive(Template)]
#[template(path = "portal/cases/state.html")]
struct StatePage {
    page: Page,
    form: Form,
}

#[derive(Template)]
#[template(path = "portal/cases/found.html")]
struct FoundPage {
    page: Page,
    case: CaseView,
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    complaint_page(&visit, StatusCode::OK, Form::new(visit.words, &LABELS))
}

fn complaint_page(visit: &Visit, status: StatusCode, form: Form) -> Result<Response, Trouble> {
    let page = visit.page("cases-complain", "");
    let elsewhere = Elsewhere::of(visit, "cases-complain-also");
    let elsewhere = Some(elsewhere).filter(|ways| !ways.phone.is_empty() || !ways.email.is_empty());
    visit.draw_as(status, &ComplaintPage { page, form, subjects: subjects(visit.words), elsewhere })
}

impl Elsewhere {
    fn of(visit: &Visit, text: &str) -> Self {
        let footer = visit.app.service.footer();
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            text: visit.words.say(text),
            name: footer.name.clone(),
            phone: said(&footer.profile.phone),
            email: said(&footer.profile.email),
            place: said(&footer.profile.venue),
        }
    }
}

/// Whoever is signed in complains as anybody: the account is not noted. The code is shown in the answer itself and nowhere
/// else, so this form leads nowhere.
async fn send(visit: Visit, client: ClientKey, posted: Posted) -> Result<Response, Trouble> {
    let turns = &visit.app.turns.complaints;
    let form = || Form::new(visit.words, &LABELS).filled(posted.filled());
    let turn = match turns.take(client, Instant::now()) {
        Ok(turn) => turn,
        Err(wait) => return not_now(&visit, StatusCode::TOO_MANY_REQUESTS, form(), wait),
    };
    let filed = visit.app.service.file_complaint(&Actor::Public, posted.object(&FIELDS).into()).await;
    if filed.is_err() {
        turns.give_back(&turn);
    }
    match filed {
        Ok(new) => {
            let page = visit.page("cases-filed", "");
            visit.draw(&FiledPage { page, number: new.number.to_string(), code: new.code.shown() })
        }
        Err(Error::Invalid(errors)) => complaint_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form().wrong(&errors)),
        Err(Error::FullUntil(until)) => {
            let wait = until.millis().saturating_sub(visit.app.service.now().millis());
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default());
            not_now(&visit, StatusCode::SERVICE_UNAVAILABLE, form(), wait)
        }
        Err(error) => Err(error.into()),
    }
}

/// The form again, with what was typed: when it can be sent, and where else one can complain meanwhile.
fn not_now(visit: &Visit, status: StatusCode, form: Form, wait: Duration) -> Result<Response, Trouble> {
    let at = when(visit, wait);
    let text = match status {
        StatusCode::TOO_MANY_REQUESTS => {
            visit.words.with2("cases-too-many", "most", visit.app.turns.complaints.most(), "at", at)
        }
        _ => visit.words.with1("cases-full", "at", at),
    };
    let page = visit.page("cases-complain", "").notice(Tone::Error, text);
    let elsewhere = Some(Elsewhere::of(visit, "cases-elsewhere"));
    let page = ComplaintPage { page, form, subjects: subjects(visit.words), elsewhere };
    Ok(retry_after(visit.draw_as(status, &page)?, wait))
}

/// The moment after this time, in words.
fn when(visit: &Visit, wait: Duration) -> String {
    let now = visit.app.service.now();
    let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    let at = now.millis().saturating_add(wait).saturating_add(ALMOST_A_MINUTE_MS);
    visit.words.instant(UnixMillis::new(at).unwrap_or(now))
}

/// (RFC 9110, section 10.2.3)
fn retry_after(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

async fn show_state(visit: Visit) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS);
    visit.draw(&StatePage { page: visit.page("cases-look-up", ""), form })
}

/// Number and code come in the body of a form, never in an address that a log or a history would keep. Only wrong ones
/// count against whoever types them.
async fn send_state(visit: Visit, client: ClientKey, posted: Posted) -> Result<Response, Trouble> {
    let (turns, number) = (&visit.app.turns.wrong_codes, posted.text("number"));
    let form = || Form::new(visit.words, &LABELS).filled([("number", number)]);
    let page = || visit.page("cases-look-up", "");
    let turn = match turns.take(client, Instant::now()) {
        Ok(turn) => turn,
        Err(wait) => {
            let text = visit.words.with1("cases-too-many-codes", "at", when(&visit, wait));
            let page = StatePage { page: page().notice(Tone::Error, text), form: form() };
            return Ok(retry_after(visit.draw_as(StatusCode::TOO_MANY_REQUESTS, &page)?, wait));
        }
    };
    let found = visit.app.service.case_by_code(number, &CaseCode::typed(posted.text("code"))).await;
    if !matches!(found, Err(Error::NotFound(_))) {
        turns.give_back(&turn);
    }
    match found {
        Ok(case) => visit.draw(&FoundPage { page: page(), case: CaseView::of(visit.words, &case) }),
        Err(Error::NotFound(_)) => {
            let form = form().wrong_with("code", "cases-code-not-valid");
            visit.draw_as(StatusCode::UNPROCESSABLE_ENTITY, &StatePage { page: page(), form })
        }
        Err(error) => Err(error.into()),
    }
}
