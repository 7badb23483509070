//! The certifying body's profile for its people: what it says, what is to be seen to, and writing the next edition.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::body_view::{BodyView, alert_in_words};
use super::super::form::Form;
use super::super::page::{Page, role_in_words};
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::service::body::{Profile, ProfileEdition};
use crate::service::{AccountId, Action, Error};

const HERE: &str = "/body/profile";
const FIELDS: [&str; 14] = [
    "authority_number",
    "authority_issuer",
    "authority_from",
    "authority_until",
    "supervisor_name",
    "supervisor_code",
    "venue",
    "equipment",
    "resources",
    "region",
    "icp",
    "blockchain",
    "phone",
    "email",
];
const LABELS: [(&str, &str); 14] = [
    ("authority_number", "body-authority-number"),
    ("authority_issuer", "body-authority-issuer"),
    ("authority_from", "body-authority-from"),
    ("authority_until", "body-authority-until"),
    ("supervisor_name", "body-supervisor-name"),
    ("supervisor_code", "body-supervisor-code"),
    ("venue", "body-venue"),
    ("equipment", "body-equipment"),
    ("resources", "body-resources"),
    ("region", "body-region"),
    ("icp", "body-icp"),
    ("blockchain", "body-blockchain"),
    ("phone", "body-phone"),
    ("email", "body-email"),
];

/// The profile is public; what is to be seen to, and who wrote what, is told by role. Writing it is the administrator's.
pub(super) fn routes() -> Vec<Route> {
    let write = Gate::May(Action::WriteBody);
    vec![
        Route::get("/body/profile", Gate::SignedIn, show),
        Route::get("/body/profile/edit", write, show_form),
        Route::post("/body/profile/edit", write, send),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/profile.html")]
struct ProfilePage {
    page: Page,
    body: BodyView,
    can_write: bool,
    editions: Vec<EditionLine>,
}

#[derive(Template)]
#[template(path = "portal/body/profile_edit.html")]
struct EditPage {
    page: Page,
    form: Form,
    name: String,
    code: String,
    base: String,
}

/// One edition of the list.
struct EditionLine {
    edition: u64,
    at: String,
    by: String,
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let (service, words) = (&visit.app.service, visit.words);
    let body = service.certifying_body(&visit.actor)?;
    let mut page = visit.page("body-profile", HERE);
    // Who may not see to it is not told of it.
    let alerts = service.body_alerts(&visit.actor).unwrap_or_default();
    page.notices.extend(alerts.iter().map(|alert| alert_in_words(words, alert)));
    let editions = service.profile_editions(&visit.actor).await.unwrap_or_default();
    visit.draw(&ProfilePage {
        page,
        body: BodyView::of(words, &body),
        can_write: visit.actor.may(Action::WriteBody),
        editions: editions.iter().map(|edition| EditionLine::of(&visit, edition)).collect(),
    })
}

impl EditionLine {
    fn of(visit: &Visit, edition: &ProfileEdition) -> Self {
        let by = match edition.by.split_once(':') {
            None => visit.words.say("cases-by-operator"),
            Some((role, account)) => {
                let name = account.parse::<AccountId>().ok().and_then(|id| visit.app.service.account_name(id));
                let role = role_in_words(visit.words, role);
                name.map_or_else(|| role.clone(), |name| format!("{name} · {role}"))
            }
        };
        Self { edition: edition.edition, at: visit.words.instant(edition.at), by }
    }
}

async fn show_form(visit: Visit) -> Result<Response, Trouble> {
    let body = visit.app.service.certifying_body(&visit.actor)?;
    let form = Form::new(visit.words, &LABELS).filled(written(&body.profile));
    edit_page(&visit, StatusCode::OK, form, body.edition.to_string())
}

fn edit_page(visit: &Visit, status: StatusCode, form: Form, base: String) -> Result<Response, Trouble> {
    let organisation = visit.app.service.certifying_body(&visit.actor)?.organisation;
    let (name, code) = (organisation.name, organisation.code.to_string());
    visit.draw_as(status, &EditPage { page: visit.page("body-edit", HERE), form, name, code, base })
}

/// The fields of the form, as the profile has them.
fn written(profile: &Profile) -> Vec<(&'static str, String)> {
    let authority = profile.authority.as_ref();
    let supervisor = profile.supervisor.as_ref();
    let values = [
        authority.map(|document| document.number.clone()),
        authority.map(|document| document.issuer.clone()),
        authority.map(|document| document.from.to_string()),
        authority.map(|document| document.until.to_string()),
        supervisor.map(|one| one.name.clone()),
        supervisor.map(|one| one.code.to_string()),
        profile.venue.clone(),
        profile.equipment.clone(),
        profile.resources.clone(),
        profile.region.clone(),
        profile.icp.clone(),
        profile.blockchain.clone(),
        profile.phone.clone(),
        profile.email.clone(),
    ];
    FIELDS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
}

async fn send(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let base = posted.text("base").parse().map_err(|_| Error::NotFound("edition"))?;
    match visit.app.service.put_profile(&visit.actor, base, posted.object(&FIELDS).into()).await {
        Ok(_) => Ok(visit.lead_with(HERE, "body-saved")),
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &LABELS).filled(posted.filled()).wrong(&errors);
            edit_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form, base.to_string())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_form_has_its_label() {
        assert_eq!(FIELDS, LABELS.map(|(name, _)| name));
    }
}
