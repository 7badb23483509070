//! The first page of those who have no other: what waits for them, in the role of this session.

use askama::Template;
use axum::response::Response;

use super::body_view::alert_in_words;
use super::page::Page;
use super::route::{Gate, Route};
use super::trouble::Trouble;
use super::visit::Visit;
use super::words::Words;
use super::year::{missing, short_in_words};
use crate::service::todo::{Task, ToDo};
use crate::service::{AccountRole, Action};
use crate::standard::annual::{Amount, Ending};

/// Where this page is.
pub(super) const PATH: &str = "/todo";

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get(PATH, Gate::May(Action::OwnAccount), show)]
}

#[derive(Template)]
#[template(path = "portal/home.html")]
struct HomePage {
    page: Page,
    tasks: Vec<TaskView>,
    /// The key of what a role is told that has nothing to do here; empty for others.
    told: &'static str,
}

/// Something that waits.
struct TaskView {
    tone: &'static str,
    text: String,
    /// Since when; empty where that is not known.
    since: String,
    /// Where it is done; empty where this person cannot do it.
    href: &'static str,
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let todo = visit.app.service.todo(&visit.actor).await?;
    let role = visit.actor.person().map(|person| person.role);
    let can_write = visit.actor.may(Action::WriteBody);
    visit.draw(&HomePage {
        page: visit.page("home-title", PATH),
        tasks: todo.iter().map(|todo| TaskView::of(visit.words, todo, can_write)).collect(),
        told: role.map_or("", told),
    })
}

impl TaskView {
    fn of(words: Words, todo: &ToDo, can_write: bool) -> Self {
        let count = todo.count;
        let (tone, text, href) = match &todo.what {
            Task::Requirement { hours, activities, required_activities, due, ending, days_left } => {
                let lacks = Amount { hours: *hours, activities: *activities }.shortfalls();
                let lacks = missing(words, lacks, *required_activities).unwrap_or_default();
                let key = match ending {
                    Ending::Year => "home-requirement",
                    Ending::Certificate => "home-requirement-certificate",
                };
                ("warn", words.with(key, &[("missing", &lacks), ("day", due), ("days", days_left)]), "/my")
            }
            Task::Shortfall(short) => ("bad", short_in_words(words, short), "/my"),
            Task::Terms => ("plain", words.with1("home-terms", "count", count), "/body/cqos?state=no_term"),
            Task::Returned => ("warn", words.with1("home-returned", "count", count), "/my/claims"),
            Task::Claims => ("warn", words.with1("home-claims", "count", count), "/body/review"),
            Task::Cases => ("warn", words.with1("home-cases", "count", count), "/body/cases"),
            Task::Activities => ("warn", words.with1("home-activities", "count", count), "/body/activities"),
            Task::Body(alert) => {
                let notice = alert_in_words(words, alert);
                (notice.tone.name(), notice.text, if can_write { "/body/profile/edit" } else { "/body/profile" })
            }
            Task::Invitations => ("plain", words.with1("home-invitations", "count", count), "/admin/accounts"),
            Task::Employees => ("warn", words.with1("home-employees", "count", count), "/employer"),
        };
        Self { tone, text, since: todo.since.map(|since| words.instant(since)).unwrap_or_default(), href }
    }
}

/// What is plainly told to a role whose work is not here, or who only watches.
const fn told(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Expert | AccountRole::PanelLeader => "home-not-built",
        AccountRole::Auditor | AccountRole::CompetentAuthority => "home-watches",
        _ => "",
    }
}
