//! Complaints of anybody: filing one, and reading what became of it with its number and code.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::case_view::{CaseView, subjects};
use super::super::form::Form;
use super::super::page::Page;
use super::super::parts::Choice;
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::service::complaints::CaseCode;
use crate::service::{Actor, Error};

const FIELDS: [&str; 4] = ["subject", "text", "name", "contact"];
const LABELS: [(&str, &str); 6] = [
    ("subject", "cases-subject"),
    ("text", "cases-text"),
    ("name", "cases-name"),
    ("contact", "cases-contact"),
    ("number", "cases-number"),
    ("code", "cases-code"),
];

/// What anybody may ask about complaints. Both forms are at the rate of look-ups: one writes, the other could be guessed at.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/complaints", Gate::Public, show),
        Route::post("/complaints", Gate::Public, send).rated(),
        Route::get("/complaints/state", Gate::Public, show_state),
        Route::post("/complaints/state", Gate::Public, send_state).rated(),
    ]
}

#[derive(Template)]
#[template(path = "portal/cases/complaint.html")]
struct ComplaintPage {
    page: Page,
    form: Form,
    subjects: Vec<Choice>,
    phone: String,
    email: String,
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
    let profile = visit.app.service.footer().profile;
    let page = visit.page("cases-complain", "");
    let [phone, email] = [&profile.phone, &profile.email].map(|text| text.clone().unwrap_or_default());
    visit.draw_as(status, &ComplaintPage { page, form, subjects: subjects(visit.words), phone, email })
}

/// Whoever is signed in complains as anybody: the account is not noted. The code is shown in the answer itself and nowhere
/// else, so this form leads nowhere.
async fn send(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    match visit.app.service.file_complaint(&Actor::Public, posted.object(&FIELDS).into()).await {
        Ok(new) => {
            let page = visit.page("cases-filed", "");
            visit.draw(&FiledPage { page, number: new.number.to_string(), code: new.code.shown() })
        }
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &LABELS).filled(posted.filled()).wrong(&errors);
            complaint_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_state(visit: Visit) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS);
    visit.draw(&StatePage { page: visit.page("cases-look-up", ""), form })
}

/// Number and code come in the body of a form, never in an address that a log or a history would keep.
async fn send_state(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let code = CaseCode::typed(posted.text("code"));
    match visit.app.service.case_by_code(posted.text("number"), &code).await {
        Ok(case) => {
            let case = CaseView::of(visit.words, &case);
            visit.draw(&FoundPage { page: visit.page("cases-look-up", ""), case })
        }
        Err(Error::NotFound(_)) => {
            let form = Form::new(visit.words, &LABELS).filled([("number", posted.text("number"))]);
            let form = form.wrong_with("code", "cases-code-not-valid");
            visit.draw_as(StatusCode::UNPROCESSABLE_ENTITY, &StatePage { page: visit.page("cases-look-up", ""), form })
        }
        Err(error) => Err(error.into()),
    }
}
