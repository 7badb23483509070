//! Signing in, step by step, and out.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::extract::Query;
use super::super::form::Form;
use super::super::guard::way_on;
use super::super::page::Page;
use super::super::posted::Posted;
use super::super::qr::{Qr, qr};
use super::super::trouble::Trouble;
use super::super::visit::{Visit, right_try};
use crate::ledger::fields::FieldErrors;
use crate::service::Error;
use crate::service::accounts::{MAX_LOGIN, SignedIn, Stage};

const LABELS: [(&str, &str); 3] =
    [("login", "account-login"), ("password", "account-password"), ("code", "account-code")];
const NEW_PASSWORD_LABELS: [(&str, &str); 3] =
    [("old", "account-old-password"), ("password", "account-new-password"), ("again", "account-password-again")];

#[derive(Template)]
#[template(path = "portal/public/sign_in.html")]
struct SignInPage {
    page: Page,
    form: Form,
    next: String,
}

#[derive(Template)]
#[template(path = "portal/public/code.html")]
struct CodePage {
    page: Page,
    form: Form,
}

#[derive(Template)]
#[template(path = "portal/public/factor.html")]
struct FactorPage {
    page: Page,
    form: Form,
    qr: Qr,
    secret: String,
    may_leave: bool,
}

#[derive(Template)]
#[template(path = "portal/public/recovery.html")]
struct RecoveryPage {
    page: Page,
    codes: Vec<String>,
    onward: &'static str,
}

#[derive(Template)]
#[template(path = "portal/public/new_password.html")]
struct NewPasswordPage {
    page: Page,
    form: Form,
    level: u64,
    sorts: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

/// The sign-in page; who is signed in already is led on.
pub(super) async fn show(visit: Visit, Query(Next { next }): Query<Next>) -> Result<Response, Trouble> {
    if let Some(session) = visit.session() {
        return Ok(visit.lead(way_on(&session.stage)));
    }
    let page = visit.page("account-sign-in", "");
    visit.draw(&SignInPage { page, form: Form::new(visit.words, &LABELS), next })
}

/// Name and password.
pub(super) async fn send(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let service = &visit.app.service;
    let next = posted.text("next").to_owned();
    match service.sign_in(posted.text("login"), posted.raw("password"), visit.caller()).await {
        Ok(signed_in) => {
            // The session that this browser had before ends with it.
            service.sign_out(visit.token()).await?;
            Ok(onward(&visit, &signed_in, &next))
        }
        Err(Error::Invalid(errors)) => {
            let login: String = posted.text("login").chars().take(MAX_LOGIN).collect();
            let form = Form::new(visit.words, &LABELS).filled([("login", login)]).wrong(&errors);
            let page = visit.page("account-sign-in", "");
            visit.draw_as(StatusCode::UNPROCESSABLE_ENTITY, &SignInPage { page, form, next })
        }
        Err(error) => Err(error.into()),
    }
}

/// Leads a session that has grown to where it goes next.
fn onward(visit: &Visit, signed_in: &SignedIn, next: &str) -> Response {
    let to = match &signed_in.stage {
        Stage::In if !next.is_empty() => next,
        stage => way_on(stage),
    };
    right_try(visit.with_token(visit.lead(to), &signed_in.token), signed_in.account)
}

/// The second factor's page.
pub(super) async fn show_code(visit: Visit) -> Result<Response, Trouble> {
    code_page(&visit, StatusCode::OK, None)
}

fn code_page(visit: &Visit, status: StatusCode, errors: Option<&FieldErrors>) -> Result<Response, Trouble> {
    let form = Form::new(visit.words, &LABELS);
    let form = if let Some(errors) = errors { form.wrong(errors) } else { form };
    visit.draw_as(status, &CodePage { page: visit.page("account-second-factor", ""), form })
}

/// A code of the second factor.
pub(super) async fn send_code(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    match visit.app.service.second_factor(visit.token(), posted.text("code")).await {
        Ok(signed_in) => Ok(onward(&visit, &signed_in, "")),
        Err(Error::Invalid(errors)) => code_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(&errors)),
        Err(error) => Err(error.into()),
    }
}

/// Setting up a second factor.
pub(super) async fn show_factor(visit: Visit) -> Result<Response, Trouble> {
    factor_page(&visit, StatusCode::OK, None)
}

fn factor_page(visit: &Visit, status: StatusCode, errors: Option<&FieldErrors>) -> Result<Response, Trouble> {
    let Some(Stage::Enrol(enrolment)) = visit.session().map(|session| &session.stage) else {
        return Ok(visit.lead("/home"));
    };
    let code = qr(&enrolment.url(visit.name())?);
    let qr = code.ok_or_else(|| Error::Internal("an address is too long for a QR code".into()))?;
    let form = Form::new(visit.words, &LABELS);
    let form = if let Some(errors) = errors { form.wrong(errors) } else { form };
    let page = visit.page("account-set-factor", "");
    let may_leave = visit.session().is_some_and(|session| visit.app.service.may_leave_factor(session));
    visit.draw_as(status, &FactorPage { page, form, qr, secret: in_groups(enrolment.secret()), may_leave })
}

/// A secret as people type it, in groups of four.
fn in_groups(secret: &str) -> String {
    let groups: Vec<&str> = secret.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// A first code confirms the second factor; the recovery codes are shown this once.
pub(super) async fn send_factor(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    match visit.app.service.confirm_factor(visit.token(), posted.text("code")).await {
        Ok((signed_in, codes)) => {
            let page = visit.page("account-recovery", "");
            let codes = codes.iter().map(ToString::to_string).collect();
            let shown = visit.draw(&RecoveryPage { page, codes, onward: way_on(&signed_in.stage) })?;
            Ok(right_try(visit.with_token(shown, &signed_in.token), signed_in.account))
        }
        Err(Error::Invalid(errors)) => factor_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(&errors)),
        Err(error) => Err(error.into()),
    }
}

/// Leaves the setting up of a second factor that is not required.
pub(super) async fn leave_factor(visit: Visit) -> Result<Response, Trouble> {
    let signed_in = visit.app.service.leave_factor(visit.token())?;
    let to = if matches!(signed_in.stage, Stage::In) { "/account" } else { way_on(&signed_in.stage) };
    Ok(visit.with_token(visit.lead(to), &signed_in.token))
}

/// Changing a password that is too old or, by the rules of now, too weak.
pub(super) async fn show_password(visit: Visit) -> Result<Response, Trouble> {
    new_password_page(&visit, StatusCode::OK, Form::new(visit.words, &NEW_PASSWORD_LABELS))
}

fn new_password_page(visit: &Visit, status: StatusCode, form: Form) -> Result<Response, Trouble> {
    let level = visit.app.service.settings().accounts.level;
    let (level, sorts) = (level.min_password() as u64, level.min_sorts() as u64);
    visit.draw_as(status, &NewPasswordPage { page: visit.page("account-aged-password", ""), form, level, sorts })
}

/// The new password.
pub(super) async fn send_password(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let changed = match posted.raw("password") == posted.raw("again") {
        true => visit.app.service.change_password(visit.token(), posted.raw("old"), posted.raw("password")).await,
        false => Err(not_the_same()),
    };
    match changed {
        Ok(signed_in) => Ok(onward(&visit, &signed_in, "")),
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &NEW_PASSWORD_LABELS).wrong(&errors);
            new_password_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
        Err(error) => Err(error.into()),
    }
}

/// Both fields of a new password must hold the same.
pub(in super::super) fn not_the_same() -> Error {
    Error::field("again", crate::service::accounts::passwords_differ())
}

/// Ends the session.
pub(super) async fn sign_out(visit: Visit) -> Result<Response, Trouble> {
    visit.app.service.sign_out(visit.token()).await?;
    Ok(visit.without_token(visit.lead("/sign-in")))
}
