//! `/my`: how the year stands, what is missing and by when, what was recorded, and certificates.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;

use super::super::claim_words::{kind_in_words, state_in_words};
use super::super::page::{Page, Tone};
use super::super::parts::Choice;
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::words::Words;
use super::super::year::{YearRow, YearView, last_day, name_of};
use super::certificates::{CertificateRow, rows};
use crate::ledger::entry::LearnerId;
use crate::service::claims::{ClaimLine, ClaimState};
use crate::service::remind::Deadline;
use crate::service::{CqoRecord, CqoYear, Said, Subject};
use crate::standard::Day;
use crate::standard::annual::Year;

#[derive(Template)]
#[template(path = "portal/learner/home.html")]
pub(super) struct Home {
    pub(super) page: Page,
    pub(super) year: YearView,
    pub(super) reminders: Vec<Reminder>,
    pub(super) certificates: Vec<CertificateRow>,
    pub(super) certifiable: Vec<Choice>,
    pub(super) earlier: Vec<YearView>,
}

/// Before anybody registered the person as a learner.
#[derive(Template)]
#[template(path = "portal/learner/nobody.html")]
struct Nobody {
    page: Page,
}

/// Something to do, or to know.
pub(super) struct Reminder {
    pub(super) tone: Tone,
    pub(super) text: String,
    /// Where it can be done; empty for nowhere.
    pub(super) href: &'static str,
    pub(super) link: String,
}

/// The page.
pub(super) async fn show(visit: Visit) -> Result<Response, Trouble> {
    let service = &visit.app.service;
    let learners = visit.actor.person().map(|person| person.learners.clone()).unwrap_or_default();
    let page = visit.page("layout-nav-home", "/my");
    let Some(learner) = learners.first() else { return visit.draw(&Nobody { page }) };
    let record = service.cqo(&visit.actor, *learner).await?;
    let (mut claims, mut certificates) = (Vec::new(), Vec::new());
    for learner in &learners {
        claims.extend(service.own_claims(&visit.actor, *learner).await?);
        certificates.extend(service.certificates(&visit.actor, *learner).await?);
    }
    let deadline = record.years.first().zip(Some(service.today()?));
    let deadline = deadline.and_then(|(year, today)| Some((year, service.deadline(year, today)?)));
    let reminders = returned(visit.words, &claims).into_iter();
    let reminders = reminders.chain(deadline.map(|(year, deadline)| hurry(visit.words, year, deadline))).collect();
    let recorder = |said: &Said| service.organisation_name(&said.recorder).unwrap_or_default();
    let certifiable = certifiable(visit.words, &record);
    let mut years = record.years.iter().map(|year| {
        let of_year = claims.iter().filter(|claim| is_of(claim, year));
        YearView::new(visit.words, year, &recorder, "/my/entries")
            .with(of_year.map(|claim| claim_row(visit.words, claim)))
    });
    let Some(year) = years.next() else { return visit.draw(&Nobody { page }) };
    let earlier = years.collect();
    let lead = lead(visit.words, &record);
    let certificates = rows(visit.words, certificates, &titles(&record));
    let page = Page { lead, ..page };
    visit.draw(&Home { page, year, reminders, certificates, certifiable, earlier })
}

fn lead(words: Words, record: &CqoRecord) -> String {
    match &record.cqo.employer {
        Some(employer) => words.with2("learner-home-lead", "name", &record.cqo.name, "employer", &employer.name),
        None => record.cqo.name.clone(),
    }
}

/// Whether a claim belongs to a year and is not one of its entries already.
fn is_of(claim: &ClaimLine, year: &CqoYear) -> bool {
    let recorded = claim.entry.is_some_and(|entry| year.entries.iter().any(|said| said.entry == entry));
    claim.state != ClaimState::Withdrawn && !recorded && year.standing.period.days.contains(claim.days.1)
}

fn claim_row(words: Words, claim: &ClaimLine) -> YearRow {
    let state = state_in_words(words, claim.state, false);
    let form = kind_in_words(words, claim.kind, claim.form);
    let detail = claim.organiser.as_ref().map_or(form.clone(), |organiser| format!("{form} · {organiser}"));
    YearRow {
        href: format!("/my/claims/{}", claim.id),
        title: claim.title.clone(),
        detail,
        days: words.days(claim.days.0, claim.days.1),
        hours: claim.hours.map(|hours| words.hours(hours)).unwrap_or_default(),
        counted: String::new(),
        notes: Vec::new(),
        tone: state.tone,
        state: state.text,
        place: String::new(),
        proof: String::new(),
        last_day: claim.days.1,
    }
}

fn returned(words: Words, claims: &[ClaimLine]) -> Option<Reminder> {
    let returned = claims.iter().filter(|claim| claim.state == ClaimState::Returned).count();
    (returned > 0).then(|| Reminder {
        tone: Tone::Warn,
        text: words.with1("learner-returned", "count", returned),
        href: "/my/claims",
        link: words.say("learner-returned-link"),
    })
}

/// The days that are left, from the first distance of `reminder_days` on; from the last one on it presses.
fn hurry(words: Words, year: &CqoYear, deadline: Deadline) -> Reminder {
    let name = name_of(words, year.standing.year());
    let text = words.with2("learner-hurry", "year", name, "days", deadline.days_left);
    let tone = if deadline.is_last { Tone::Error } else { Tone::Warn };
    Reminder { tone, text, href: "", link: String::new() }
}

/// The calendar years that something is on the chain of, the newest first.
fn certifiable(words: Words, record: &CqoRecord) -> Vec<Choice> {
    let ended = record.years.iter().flat_map(|year| &year.entries).map(last_day);
    let years: BTreeSet<i16> = ended.map(Day::year).collect();
    let offer = |year: i16| {
        let name = name_of(words, Year::Calendar(year));
        Choice::new(year.to_string(), words.with1("learner-certify-year", "year", name))
    };
    years.into_iter().rev().take(MAX_OFFERS).map(offer).collect()
}

/// Most years that are offered at once.
const MAX_OFFERS: usize = 3;

/// The learner's titles of courses, by learner and code.
fn titles(record: &CqoRecord) -> Vec<(LearnerId, String, String)> {
    let entries = record.years.iter().flat_map(|year| &year.entries);
    let title = |said: &Said| match &said.subject {
        Subject::Course(code, title) => Some((said.learner, code.to_string(), title.clone())),
        Subject::Topic(_) => None,
    };
    entries.filter_map(title).collect()
}
