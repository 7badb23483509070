//! Joining by a one-time code, and asking for another one.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tracing::Instrument as _;

use super::super::extract::Query;
use super::super::form::Form;
use super::super::page::Page;
use super::super::posted::Posted;
use super::super::trouble::Trouble;
use super::super::visit::{Visit, right_try};
use super::sign_in::not_the_same;
use crate::service::Error;

const LABELS: [(&str, &str); 4] = [
    ("code", "account-one-time-code"),
    ("password", "account-new-password"),
    ("again", "account-password-again"),
    ("login", "account-login"),
];

#[derive(Template)]
#[template(path = "portal/public/join.html")]
struct JoinPage {
    page: Page,
    form: Form,
    /// Whose code it is: name and sign-in name. None as long as no good code was typed.
    holder: Option<(String, String)>,
    code: String,
    level: u64,
    sorts: u64,
}

#[derive(Template)]
#[template(path = "portal/public/joined.html")]
struct JoinedPage {
    page: Page,
}

#[derive(Template)]
#[template(path = "portal/public/forgot.html")]
struct ForgotPage {
    page: Page,
    form: Form,
    sent: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    code: String,
}

/// The page for a code.
pub(super) async fn show(visit: Visit, Query(Given { code }): Query<Given>) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS).filled([("code", code.as_str())]);
    join_page(&visit, StatusCode::OK, form, &code, false)
}

fn join_page(
    visit: &Visit,
    status: StatusCode,
    form: Form,
    code: &str,
    with_holder: bool,
) -> Result<Response, Trouble> {
    let service = &visit.app.service;
    let level = service.settings().accounts.level;
    let holder = if with_holder { service.code_holder(code) } else { None };
    visit.draw_as(
        status,
        &JoinPage {
            page: visit.page("account-join", ""),
            form,
            holder,
            code: code.to_owned(),
            level: level.min_password() as u64,
            sorts: level.min_sorts() as u64,
        },
    )
}

/// A code alone is looked up; a code with a password joins.
pub(super) async fn send(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let (service, code) = (&visit.app.service, posted.text("code"));
    let form = Form::new(visit.words, &LABELS).filled([("code", code)]);
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(account) = service.account_of_code(code) else {
        return join_page(&visit, wrong, form.wrong_with("code", "account-code-not-valid"), code, false);
    };
    if posted.raw("password").is_empty() {
        return Ok(right_try(join_page(&visit, StatusCode::OK, form, code, true)?, account));
    }
    let joined = match posted.raw("password") == posted.raw("again") {
        true => service.join(code, posted.raw("password")).await,
        false => Err(not_the_same()),
    };
    match joined {
        Ok(()) => Ok(right_try(visit.draw(&JoinedPage { page: visit.page("account-joined", "") })?, account)),
        Err(Error::Invalid(errors)) => join_page(&visit, wrong, form.wrong(&errors), code, true),
        Err(error) => Err(error.into()),
    }
}

/// The page for who has forgotten the password.
pub(super) async fn show_forgot(visit: Visit) -> Result<Response, Trouble> {
    let page = visit.page("account-forgot", "");
    visit.draw(&ForgotPage { page, form: Form::new(visit.words, &LABELS), sent: false })
}

/// Sends a code, where the name is known. The answer is the same where it is not, and comes as soon.
pub(super) async fn send_forgot(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let (service, login) = (Arc::clone(&visit.app.service), posted.text("login").to_owned());
    let reset = async move {
        if let Err(error) = service.ask_for_reset(&login).await {
            tracing::error!(%error, "a reset could not be sent");
        }
    };
    tokio::spawn(reset.in_current_span());
    let page = visit.page("account-forgot", "");
    visit.draw(&ForgotPage { page, form: Form::new(visit.words, &LABELS), sent: true })
}
