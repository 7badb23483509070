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
use super::super::year::{YearRow, YearView, name_of, short_in_words};
use super::certificates::{CertificateRow, rows};
use crate::ledger::entry::LearnerId;
use crate::service::claims::{ClaimLine, ClaimState};
use crate::service::remind::Deadline;
use crate::service::{CqoRecord, CqoYear, Error, Said, Service, StandingState as State, Subject};
use crate::standard::Day;
use crate::standard::annual::{Ending, Year};

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
    let (mut claims, mut certificates) = (Vec::new(), Vec::new());
    for learner in &learners {
        claims.extend(service.own_claims(&visit.actor, *learner).await?);
        certificates.extend(service.certificates(&visit.actor, *learner).await?);
    }
    // What is claimed of a year is told in that year, before anything of it is on the chain.
    claims.retain(|claim| claim.state != ClaimState::Withdrawn);
    let since = claims.iter().map(|claim| claim.days.1).min();
    let record = service.cqo_since(&visit.actor, *learner, since).await?;
    let reminders = reminders(visit.words, service, &record, &claims)?;
    claims.retain(|claim| !is_recorded(claim, &record));
    let recorder = |said: &Said| service.organisation_name(&said.recorder).unwrap_or_default();
    let certifiable = certifiable(visit.words, &record);
    let mut years = record.years.iter().map(|year| {
        let is_of = |claim: &&ClaimLine| year.standing.period.days.contains(claim.days.1);
        let of_year = claims.iter().filter(is_of);
        YearView::new(visit.words, year, &recorder, "/my/entries")
            .with(of_year.map(|claim| claim_row(visit.words, claim)))
    });
    let Some(year) = years.next() else { return visit.draw(&Nobody { page }) };
    // An empty year in which nothing was due has nothing to tell.
    let was_due = record.years.iter().skip(1).map(|year| !matches!(year.state, State::NoTerm | State::NotDue));
    let earlier = years.zip(was_due).filter(|(year, was_due)| *was_due || !year.rows.is_empty());
    let earlier = earlier.map(|(year, _)| year).collect();
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

/// Whether a claim is an entry already, on whatever days it is said to be now, and be it voided: the entry is told then.
fn is_recorded(claim: &ClaimLine, record: &CqoRecord) -> bool {
    let said = |year: &CqoYear, id| {
        let voided = year.voided.iter().map(|voided| &voided.said);
        year.entries.iter().chain(voided).any(|said| said.entry == id)
    };
    claim.entry.is_some_and(|entry| record.years.iter().any(|year| said(year, entry)))
}

/// What there is to do or to know, what presses first.
fn reminders(
    words: Words,
    service: &Service,
    record: &CqoRecord,
    claims: &[ClaimLine],
) -> Result<Vec<Reminder>, Error> {
    let today = service.today()?;
    let deadline = record.years.first().and_then(|year| Some((year, service.deadline(year, today)?)));
    let short = Service::short_to_tell(&record.short, today).map(|short| Reminder {
        tone: Tone::Error,
        text: short_in_words(words, short),
        href: "",
        link: String::new(),
    });
    let hurry = deadline.map(|(year, deadline)| hurry(words, year, deadline));
    Ok(returned(words, claims).into_iter().chain(short).chain(hurry).collect())
}

fn claim_row(words: Words, claim: &ClaimLine) -> YearRow {
    let state = state_in_words(words, claim.state, None, false);
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
        voided: String::new(),
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
    let text = match deadline.ending {
        Ending::Year => {
            let name = name_of(words, year.standing.year());
            words.with2("learner-hurry", "year", name, "days", deadline.days_left)
        }
        Ending::Certificate => {
            words.with2("learner-hurry-certificate", "day", deadline.due, "days", deadline.days_left)
        }
    };
    let tone = if deadline.is_last { Tone::Error } else { Tone::Warn };
    Reminder { tone, text, href: "", link: String::new() }
}

/// The calendar years that something is on the chain of, the newest first.
fn certifiable(words: Words, record: &CqoRecord) -> Vec<Choice> {
    let ended = record.years.iter().flat_map(|year| &year.entries).map(|said| said.record.last_day());
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
