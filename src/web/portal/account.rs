//! One's own account: roles, password, second factor, sessions.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::form::Form;
use super::page::{Page, role_in_words};
use super::posted::Posted;
use super::public::not_the_same;
use super::route::{Gate, Route};
use super::trouble::Trouble;
use super::visit::{Visit, right_try};
use crate::ledger::fields::FieldErrors;
use crate::service::accounts::AccountHome;
use crate::service::{AccountRole, Action, Error};

/// The routes of everybody who is signed in.
pub(super) fn routes() -> Vec<Route> {
    let own = Gate::May(Action::OwnAccount);
    vec![
        Route::get("/home", Gate::SignedIn, home),
        Route::post("/role", Gate::SignedIn, switch_role),
        Route::get("/account", own, show),
        Route::post("/account/password", own, change_password).tried(),
        Route::post("/account/factor", own, begin_factor).tried(),
        Route::post("/account/factor/drop", own, drop_factor).tried(),
        Route::post("/account/sessions/end", own, end_session),
    ]
}

const LABELS: [(&str, &str); 4] = [
    ("old", "account-old-password"),
    ("password", "account-new-password"),
    ("again", "account-password-again"),
    ("factor", "account-second-factor"),
];

#[derive(Template)]
#[template(path = "portal/account/account.html")]
struct AccountPage {
    page: Page,
    form: Form,
    home: AccountHome,
    roles: Vec<(String, String)>,
    this_session: String,
    password_since: String,
    sessions: Vec<SessionLine>,
}

struct SessionLine {
    id: String,
    agent: String,
    since: String,
    seen: String,
}

/// Leads everybody to the page that their role begins with.
async fn home(visit: Visit) -> Response {
    let role = visit.actor.person().map(|person| person.role);
    visit.lead(match role {
        Some(AccountRole::Learner) => "/my",
        Some(AccountRole::ProviderStaff) => "/provider",
        Some(AccountRole::Employer) => "/employer",
        Some(_) => super::home::PATH,
        None => "/account",
    })
}

/// Acts in another of the account's roles.
async fn switch_role(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let grant = posted.text("role").parse().map_err(|_| Error::NotFound("role"))?;
    let token = visit.app.service.switch_role(visit.token(), grant)?;
    Ok(visit.with_token(visit.lead("/home"), &token))
}

/// A browser and its system by the names that people know them by; what names itself otherwise is shown as it does.
fn device(agent: &str) -> String {
    // The first that fits: every browser claims to be the older ones as well.
    const BROWSERS: [(&str, &str); 7] = [
        ("MicroMessenger/", "WeChat"),
        ("Edg", "Microsoft Edge"),
        ("QQBrowser/", "QQ Browser"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("HarmonyOS", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        _ => agent.to_owned(),
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    account_page(&visit, StatusCode::OK, None)
}

fn account_page(visit: &Visit, status: StatusCode, errors: Option<&FieldErrors>) -> Result<Response, Trouble> {
    let (service, words) = (&visit.app.service, visit.words);
    let home = service.own_account(&visit.actor)?;
    let form = Form::new(words, &LABELS);
    let roles = home.account.grants.iter().map(|grant| {
        let organisation = service.organisation_name(&grant.organisation).unwrap_or_default();
        (role_in_words(words, grant.role.as_str()), organisation)
    });
    let line = |session: &crate::service::accounts::Session| SessionLine {
        id: session.id.to_string(),
        agent: device(&session.agent),
        since: words.instant(session.since),
        seen: words.instant(session.last_seen),
    };
    visit.draw_as(
        status,
        &AccountPage {
            page: visit.page("account-title", "/account"),
            form: if let Some(errors) = errors { form.wrong(errors) } else { form },
            roles: roles.collect(),
            this_session: visit.session().map(|session| session.id.to_string()).unwrap_or_default(),
            password_since: home.password_since.map(|since| words.instant(since)).unwrap_or_default(),
            sessions: home.sessions.iter().map(line).collect(),
            home,
        },
    )
}

/// Shows the page again with what was wrong, or lets another failure be what it is.
fn again(visit: &Visit, error: Error) -> Result<Response, Trouble> {
    match error {
        Error::Invalid(errors) => account_page(visit, StatusCode::UNPROCESSABLE_ENTITY, Some(&errors)),
        error => Err(error.into()),
    }
}

async fn change_password(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let changed = match posted.raw("password") == posted.raw("again") {
        true => visit.app.service.change_password(visit.token(), posted.raw("old"), posted.raw("password")).await,
        false => Err(not_the_same()),
    };
    match changed {
        Ok(signed_in) => {
            let led = visit.lead_with("/account", "account-password-changed");
            Ok(right_try(visit.with_token(led, &signed_in.token), signed_in.account))
        }
        Err(error) => again(&visit, error),
    }
}

async fn begin_factor(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    match visit.app.service.begin_factor(&visit.actor, visit.token(), posted.raw("password")).await {
        Ok(token) => Ok(own_try(&visit, visit.with_token(visit.lead("/sign-in/factor"), &token))),
        Err(error) => again(&visit, error),
    }
}

async fn drop_factor(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    match visit.app.service.drop_factor(&visit.actor, visit.token(), posted.raw("password")).await {
        Ok(()) => Ok(own_try(&visit, visit.lead_with("/account", "account-factor-dropped"))),
        Err(error) => again(&visit, error),
    }
}

/// The answer to who knew the password of their own account.
fn own_try(visit: &Visit, response: Response) -> Response {
    match visit.actor.person() {
        Some(person) => right_try(response, person.account),
        None => response,
    }
}

async fn end_session(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let id = posted.text("session").parse().map_err(|_| Error::NotFound("session"))?;
    visit.app.service.end_session(&visit.actor, id).await?;
    Ok(visit.lead_with("/account", "account-session-ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_name_that_people_know() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0";
        let telephone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
        for (agent, name) in
            [(edge, "Microsoft Edge · Windows"), (telephone, "Safari · iPhone"), ("curl/8.5", "curl/8.5")]
        {
            assert_eq!(device(agent), name);
        }
    }
}
