//! The administrator's pages: accounts and organisations; and the auditor's: who has which rights, and what happened.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::did::did_in_words;
use super::extract::{Path, Query};
use super::form::Form;
use super::page::{Page, role_in_words};
use super::parts::{Choice, Pager};
use super::posted::Posted;
use super::route::{Gate, Route};
use super::trouble::Trouble;
use super::visit::Visit;
use crate::ledger::fields::FieldErrors;
use crate::service::accounts::{AccountState, AccountView, Invited, MAX_GRANTS};
use crate::service::registry::OrganisationRole;
use crate::service::{AccountId, AccountRole, Action, Error, Happened};

/// Accounts of one page.
const PAGE_ROWS: usize = 50;
/// Events of one page.
const EVENT_ROWS: u64 = 100;
const ACCOUNTS: &str = "/admin/accounts";
const ORGANISATIONS: &str = "/admin/organisations";
const EVENTS: &str = "/admin/events";

/// The routes of administrator and auditor.
pub(super) fn routes() -> Vec<Route> {
    let (read, write) = (Gate::May(Action::ReadAccounts), Gate::May(Action::WriteAccounts));
    let organisations = Gate::May(Action::WriteOrganisations);
    vec![
        Route::get(ACCOUNTS, read, list),
        Route::get("/admin/accounts/new", write, new),
        Route::post(ACCOUNTS, write, invite),
        Route::get("/admin/accounts/{id}", read, show),
        Route::post("/admin/accounts/{id}/roles", write, change),
        Route::post("/admin/accounts/{id}/code", write, code),
        Route::post("/admin/accounts/{id}/code/withdraw", write, withdraw_code),
        Route::post("/admin/accounts/{id}/factor", write, take_factor_off),
        Route::post("/admin/accounts/{id}/end", write, end),
        Route::get(ORGANISATIONS, organisations, list_organisations),
        Route::post(ORGANISATIONS, organisations, put_organisation),
        Route::get(EVENTS, Gate::May(Action::ReadEvents), events),
    ]
}

const LABELS: [(&str, &str); 12] = [
    ("login", "account-login"),
    ("name", "account-name"),
    ("grants", "account-roles"),
    ("role", "account-role"),
    ("organisation", "account-organisation"),
    ("learners", "account-learners"),
    ("employers", "account-employer"),
    ("send", "account-send"),
    ("code", "account-credit-code"),
    ("roles", "account-organisation-roles"),
    ("own_password", "account-own-password"),
    ("own_code", "account-own-code"),
];

#[derive(Template)]
#[template(path = "portal/admin/accounts.html")]
struct AccountsPage {
    page: Page,
    accounts: Vec<Line>,
    pager: Pager,
    search: String,
    may_invite: bool,
}

struct Line {
    id: String,
    name: String,
    login: String,
    roles: Vec<String>,
    tone: &'static str,
    state: String,
    last: String,
}

#[derive(Template)]
#[template(path = "portal/admin/invite.html")]
struct InvitePage {
    page: Page,
    form: Form,
    roles: Vec<Choice>,
    organisations: Vec<Choice>,
    has_factor: bool,
}

#[derive(Template)]
#[template(path = "portal/admin/invited.html")]
struct InvitedPage {
    page: Page,
    invited: Invited,
    until: String,
    join_at: String,
}

#[derive(Template)]
#[template(path = "portal/admin/account.html")]
struct AccountPage {
    page: Page,
    form: Form,
    account: AccountView,
    tone: &'static str,
    state: String,
    created: String,
    last: String,
    grants: Vec<(String, String, String, String)>,
    roles: Vec<Choice>,
    organisations: Vec<Choice>,
    may_write: bool,
    /// Whether it is the account of who looks: rights are given by another administrator.
    own: bool,
    /// Whether whoever looks has a second factor to show again.
    has_factor: bool,
    ended: bool,
    code_until: String,
    learners: String,
    roles_at: String,
    code_at: String,
    withdraw_at: String,
    factor_at: String,
    end_at: String,
}

#[derive(Template)]
#[template(path = "portal/admin/organisations.html")]
struct OrganisationsPage {
    page: Page,
    form: Form,
    organisations: Vec<(String, String, String)>,
    roles: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "portal/admin/events.html")]
struct EventsPage {
    page: Page,
    events: Vec<EventLine>,
    older: Option<u64>,
    newer: Option<u64>,
}

struct EventLine {
    sequence: u64,
    at: String,
    actor: String,
    name: String,
    action: String,
    subject: String,
    hash: String,
}

impl EventLine {
    /// The beginning of the hash: enough to tell two apart at a glance.
    fn short_hash(&self) -> &str {
        self.hash.get(..12).unwrap_or(&self.hash)
    }
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    #[serde(default)]
    search: String,
    page: Option<u64>,
}

async fn list(visit: Visit, Query(query): Query<ListQuery>) -> Result<Response, Trouble> {
    let search = query.search.trim().to_lowercase();
    let found = |account: &AccountView| {
        account.name.to_lowercase().contains(&search) || account.login.to_lowercase().contains(&search)
    };
    let all: Vec<AccountView> = visit.app.service.accounts(&visit.actor)?.into_iter().filter(found).collect();
    let pages = all.len().div_ceil(PAGE_ROWS).max(1) as u64;
    let page = query.page.unwrap_or(1).clamp(1, pages);
    let first = usize::try_from(page - 1).map_err(Error::internal)? * PAGE_ROWS;
    let words = visit.words;
    let line = |account: &AccountView| Line {
        id: account.id.to_string(),
        name: account.name.clone(),
        login: account.login.clone(),
        roles: account.grants.iter().map(|grant| role_in_words(words, grant.role.as_str())).collect(),
        tone: tone_of(account.state),
        state: words.say(state_key(account.state)),
        last: account.last_sign_in.map(|at| words.instant(at)).unwrap_or_default(),
    };
    let accounts = all.iter().skip(first).take(PAGE_ROWS).map(line).collect();
    let kept = form_urlencoded::Serializer::new(String::new()).append_pair("search", &query.search).finish();
    let pager = Pager { address: format!("{ACCOUNTS}?{kept}&page="), page, pages, rows: all.len() as u64 };
    let may_invite = visit.actor.may(Action::WriteAccounts);
    let page = visit.page("account-list", ACCOUNTS);
    visit.draw(&AccountsPage { page, accounts, pager, search: query.search, may_invite })
}

const fn tone_of(state: AccountState) -> &'static str {
    match state {
        AccountState::Invited => "warn",
        AccountState::Active => "good",
        AccountState::Ended => "idle",
    }
}

const fn state_key(state: AccountState) -> &'static str {
    match state {
        AccountState::Invited => "account-state-invited",
        AccountState::Active => "account-state-active",
        AccountState::Ended => "account-state-ended",
    }
}

fn role_choices(visit: &Visit) -> Vec<Choice> {
    let choice = |role: &AccountRole| Choice::new(role.as_str(), role_in_words(visit.words, role.as_str()));
    AccountRole::ALL.iter().map(choice).collect()
}

fn organisation_choices(visit: &Visit) -> Result<Vec<Choice>, Error> {
    let all = visit.app.service.organisations(&visit.actor);
    let all = match all {
        // An auditor reads accounts, and who they belong to by their names alone.
        Err(Error::Forbidden) => Vec::new(),
        other => other?,
    };
    Ok(all.into_iter().map(|one| Choice::new(one.code.to_string(), format!("{} {}", one.name, one.code))).collect())
}

async fn new(visit: Visit) -> Result<Response, Trouble> {
    invite_page(&visit, StatusCode::OK, Form::new(visit.words, &LABELS))
}

fn invite_page(visit: &Visit, status: StatusCode, form: Form) -> Result<Response, Trouble> {
    let (roles, organisations) = (role_choices(visit), organisation_choices(visit)?);
    let page = visit.page("account-invite", ACCOUNTS);
    visit.draw_as(status, &InvitePage { page, form, roles, organisations, has_factor: has_factor(visit)? })
}

/// Whether whoever asks shows a code of a second factor again, besides the password.
fn has_factor(visit: &Visit) -> Result<bool, Error> {
    Ok(visit.app.service.own_account(&visit.actor)?.account.second_factor)
}

/// The roles of a form, as pairs of `role` and `organisation` in their order; rows without a role are left out.
fn grants_of(posted: &Posted) -> Value {
    let pairs = posted.all("role").zip(posted.all("organisation")).filter(|(role, _)| !role.is_empty());
    let grant = |(role, organisation): (&str, &str)| match (role, organisation) {
        // A CQO's is the certifying body's, whatever the list shows beside the role.
        ("learner", _) | (_, "") => json!({"role": role}),
        (role, code) => json!({"role": role, "organisation": code}),
    };
    pairs.take(MAX_GRANTS + 1).map(grant).collect()
}

/// Ids of learners, however they are separated.
fn learners_of(posted: &Posted) -> Value {
    let ids = posted.text("learners").split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    ids.filter(|id| !id.is_empty()).map(Value::from).collect()
}

async fn invite(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let mut input = Value::Object(posted.object(&["login", "name"]));
    input["grants"] = grants_of(&posted);
    input["learners"] = learners_of(&posted);
    input["send"] = posted.ticked("send").into();
    if !posted.text("employers").is_empty() {
        let mut employer = json!({"name": posted.text("employers"), "from": today(&visit)});
        if !posted.text("employer_code").is_empty() {
            employer["code"] = posted.text("employer_code").into();
        }
        input["employers"] = json!([employer]);
    }
    match visit.app.service.invite(&visit.actor, visit.again(&posted), input).await {
        Ok(invited) => invited_page(&visit, invited),
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &LABELS).filled(posted.filled()).wrong(&errors);
            invite_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
        Err(error) => Err(error.into()),
    }
}

fn today(visit: &Visit) -> String {
    visit.app.service.today().map(|day| day.to_string()).unwrap_or_default()
}

/// The code is shown here, this once, to be printed; or it is on its way.
fn invited_page(visit: &Visit, invited: Invited) -> Result<Response, Trouble> {
    let until = visit.words.instant(invited.expires_at);
    let site = visit.app.service.settings().letters.site.clone().unwrap_or_default();
    let join_at = format!("{site}/join");
    visit.draw(&InvitedPage { page: visit.page("account-invited", ACCOUNTS), invited, until, join_at })
}

fn id_of(text: &str) -> Result<AccountId, Error> {
    text.parse().map_err(|_| Error::NotFound("account"))
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    account_page(&visit, StatusCode::OK, id_of(&id)?, None)
}

fn account_page(
    visit: &Visit,
    status: StatusCode,
    id: AccountId,
    errors: Option<&FieldErrors>,
) -> Result<Response, Trouble> {
    let (service, words) = (&visit.app.service, visit.words);
    let account = service.account(&visit.actor, id)?;
    let form = Form::new(words, &LABELS);
    let grant = |grant: &crate::service::accounts::Grant| {
        let organisation = service.organisation_name(&grant.organisation).unwrap_or_default();
        let role = role_in_words(words, grant.role.as_str());
        (grant.role.to_string(), grant.organisation.to_string(), role, organisation)
    };
    let learners: Vec<String> = account.learners.iter().map(ToString::to_string).collect();
    visit.draw_as(
        status,
        &AccountPage {
            page: visit.page("account-one", ACCOUNTS),
            form: if let Some(errors) = errors { form.wrong(errors) } else { form },
            tone: tone_of(account.state),
            state: words.say(state_key(account.state)),
            created: words.instant(account.created_at),
            last: account.last_sign_in.map(|at| words.instant(at)).unwrap_or_default(),
            grants: account.grants.iter().map(grant).collect(),
            roles: role_choices(visit),
            organisations: organisation_choices(visit)?,
            may_write: visit.actor.may(Action::WriteAccounts),
            own: visit.actor.person().is_some_and(|person| person.account == id),
            has_factor: has_factor(visit)?,
            code_until: account.code_until.map(|until| words.instant(until)).unwrap_or_default(),
            ended: account.state == AccountState::Ended,
            learners: learners.join("\n"),
            roles_at: format!("{ACCOUNTS}/{id}/roles"),
            withdraw_at: format!("{ACCOUNTS}/{id}/code/withdraw"),
            code_at: format!("{ACCOUNTS}/{id}/code"),
            factor_at: format!("{ACCOUNTS}/{id}/factor"),
            end_at: format!("{ACCOUNTS}/{id}/end"),
            account,
        },
    )
}

async fn change(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = id_of(&id)?;
    let version = posted.text("version").parse().map_err(|_| Trouble::Unreadable)?;
    let input = json!({"grants": grants_of(&posted), "learners": learners_of(&posted)});
    match visit.app.service.change_account(&visit.actor, visit.again(&posted), id, version, input).await {
        Ok(_) => Ok(visit.lead_with(&format!("{ACCOUNTS}/{id}"), "account-changed")),
        Err(Error::Invalid(errors)) => account_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, id, Some(&errors)),
        Err(error) => Err(error.into()),
    }
}

async fn code(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = id_of(&id)?;
    match visit.app.service.new_code(&visit.actor, visit.again(&posted), id, posted.ticked("send")).await {
        Ok(invited) => invited_page(&visit, invited),
        Err(Error::Invalid(errors)) => account_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, id, Some(&errors)),
        Err(error) => Err(error.into()),
    }
}

async fn withdraw_code(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id = id_of(&id)?;
    visit.app.service.withdraw_code(&visit.actor, id).await?;
    Ok(visit.lead_with(&format!("{ACCOUNTS}/{id}"), "account-code-withdrawn"))
}

async fn take_factor_off(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let id = id_of(&id)?;
    match visit.app.service.take_factor_off(&visit.actor, visit.again(&posted), id).await {
        Ok(_) => Ok(visit.lead_with(&format!("{ACCOUNTS}/{id}"), "account-factor-taken-off")),
        Err(Error::Invalid(errors)) => account_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, id, Some(&errors)),
        Err(error) => Err(error.into()),
    }
}

async fn end(visit: Visit, Path(id): Path<String>, posted: Posted) -> Result<Response, Trouble> {
    let (id, ended) = (id_of(&id)?, posted.ticked("ended"));
    visit.app.service.end_account(&visit.actor, id, ended).await?;
    let notice = if ended { "account-ended" } else { "account-resumed" };
    Ok(visit.lead_with(&format!("{ACCOUNTS}/{id}"), notice))
}

const ORGANISATION_ROLES: [(OrganisationRole, &str); 4] = [
    (OrganisationRole::CertifyingBody, "account-organisation-body"),
    (OrganisationRole::Provider, "account-organisation-provider"),
    (OrganisationRole::Employer, "account-organisation-employer"),
    (OrganisationRole::CompetentAuthority, "account-organisation-authority"),
];

async fn list_organisations(visit: Visit) -> Result<Response, Trouble> {
    organisations_page(&visit, StatusCode::OK, Form::new(visit.words, &LABELS))
}

fn organisations_page(visit: &Visit, status: StatusCode, form: Form) -> Result<Response, Trouble> {
    let words = visit.words;
    let named = |role: &OrganisationRole| {
        let key = ORGANISATION_ROLES.iter().find(|(known, _)| known == role).map(|(_, key)| *key);
        key.map(|key| words.say(key)).unwrap_or_default()
    };
    let all = visit.app.service.organisations(&visit.actor)?;
    let line = |one: crate::service::registry::Organisation| {
        let roles: Vec<String> = one.roles.iter().map(named).collect();
        (one.name, one.code.to_string(), roles.join(" · "))
    };
    let page = visit.page("account-organisations", ORGANISATIONS);
    let roles = ORGANISATION_ROLES.iter().map(|(role, key)| Choice::new(role.as_str(), words.say(key))).collect();
    let organisations = all.into_iter().map(line).collect();
    visit.draw_as(status, &OrganisationsPage { page, form, organisations, roles })
}

async fn put_organisation(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    let mut input = Value::Object(posted.object(&["code", "name"]));
    input["roles"] = posted.all("roles").map(Value::from).collect();
    match visit.app.service.put_organisation(&visit.actor, input).await {
        Ok(_) => Ok(visit.lead_with(ORGANISATIONS, "account-organisation-kept")),
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &LABELS).filled(posted.filled()).wrong(&errors);
            organisations_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize)]
struct EventsQuery {
    before: Option<u64>,
}

/// The record of what happened, the newest first. Who is named is named by account, and told by name where it is known.
async fn events(visit: Visit, Query(query): Query<EventsQuery>) -> Result<Response, Trouble> {
    let (service, words) = (&visit.app.service, visit.words);
    let (events, last) = service.events(&visit.actor, query.before, EVENT_ROWS).await?;
    let older = events.last().map(|record| record.sequence).filter(|sequence| *sequence > 1);
    let first = events.first().map_or(0, |record| record.sequence);
    let newer = (first < last).then(|| (first + EVENT_ROWS + 1).min(last + 1));
    let line = |event: Happened| EventLine {
        sequence: event.sequence,
        at: words.instant(event.at),
        actor: event.actor,
        name: event.name.unwrap_or_default(),
        action: did_in_words(words, &event.action),
        subject: event.subject,
        hash: event.hash,
    };
    let lines = events.into_iter().map(line).collect();
    visit.draw(&EventsPage { page: visit.page("account-events", EVENTS), events: lines, older, newer })
}
