//! All CQOs by how they stand: figures, a chart by employer, the list, and the same list as XLSX.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::super::form::Form;
use super::super::page::Page;
use super::super::parts::{Bar, Chart, Choice, Pager, Piece};
use super::super::route::{Gate, Route};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use super::super::words::Words;
use super::super::year::{missing, name_of, state_of, to_make_up};
use crate::service::{Action, CqoRow, Filter, OrganisationCount, Overview, StandingState, StateCounts};
use crate::standard::annual::Shortfall;
use crate::standard::{CreditCode, CreditHours};

/// CQOs on one page.
pub(in super::super) const PER_PAGE: usize = 50;
/// Employers in the chart.
const IN_CHART: usize = 12;
/// How many years back the filter offers.
const YEARS_BACK: i16 = 5;
/// What the filter calls no choice.
const ALL: &str = "all";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

const LABELS: [(&str, &str); 4] =
    [("year", "cqos-year"), ("state", "cqos-state"), ("employer", "cqos-employer"), ("name", "cqos-name")];

pub(super) fn routes() -> Vec<Route> {
    let watches = Gate::May(Action::ReadClaims);
    vec![Route::get("/body/cqos", watches, list), Route::get("/body/cqos.xlsx", watches, sheet)]
}

/// What is asked for in the address.
pub(in super::super) struct Asked {
    pub(in super::super) filter: Filter,
    /// Counted from 1.
    pub(in super::super) page: usize,
    form: Form,
    /// All of it but the page, to be asked again.
    query: String,
}

#[derive(Template)]
#[template(path = "portal/body/cqos.html")]
pub(super) struct CqosPage {
    page: Page,
    form: Form,
    years: Vec<Choice>,
    states: Vec<Choice>,
    figures: Vec<(&'static str, String, String)>,
    /// How many have no level certificate registered, and where those are listed; empty where there are none.
    unregistered: String,
    unregistered_href: String,
    /// Of how many nothing can be read; empty where all can.
    unreadable: String,
    chart: Chart,
    chart_note: String,
    /// Which versions of the rulebook decided.
    decided_by: String,
    rows: Vec<RowView>,
    pager: Pager,
    download: String,
}

/// A CQO as the list shows one.
pub(in super::super) struct RowView {
    pub(in super::super) href: String,
    pub(in super::super) name: String,
    pub(in super::super) employer: String,
    pub(in super::super) tone: &'static str,
    pub(in super::super) state: String,
    pub(in super::super) hours: String,
    pub(in super::super) activities: String,
    pub(in super::super) missing: String,
    /// What has to be made up before recertification; empty for nothing.
    pub(in super::super) make_up: String,
}

async fn list(visit: Visit) -> Result<Response, Trouble> {
    let asked = Asked::of(&visit);
    let overview = visit.app.service.standings(&visit.actor, &asked.filter, asked.skip(), PER_PAGE).await?;
    let this_year = visit.app.service.today()?.year();
    visit.draw(&cqos_page(visit.page("cqos-title", "/body/cqos"), asked, &overview, this_year))
}

pub(super) fn cqos_page(mut page: Page, asked: Asked, overview: &Overview, this_year: i16) -> CqosPage {
    let words = page.words;
    page.lead = words.say("cqos-lead");
    let employers = overview.organisations.len();
    let more = employers > IN_CHART;
    let chart_note = more.then(|| words.with2("cqos-chart-more", "shown", IN_CHART, "count", employers));
    let versions: BTreeSet<String> = overview.rows.iter().map(|row| row.version.to_string()).collect();
    let versions: Vec<String> = versions.into_iter().collect();
    let (no_term, unreadable) = (overview.states.no_term, overview.unreadable);
    let some = |key: &str, count: usize| if count > 0 { words.with1(key, "count", count) } else { String::new() };
    CqosPage {
        page,
        unregistered: some("cqos-unregistered", no_term),
        unregistered_href: format!("/body/cqos?year={}&state={}", overview.year, StandingState::NoTerm.as_str()),
        unreadable: some("cqos-unreadable", unreadable),
        decided_by: words.with1("cqos-decided-by", "version", versions.join(", ")),
        years: years(words, this_year, overview.year),
        states: states(words),
        figures: figures(words, &overview.states),
        chart: chart(words, overview),
        chart_note: chart_note.unwrap_or_default(),
        pager: asked.pager("/body/cqos", overview.total),
        download: format!("/body/cqos.xlsx?{}", asked.query),
        rows: overview.rows.iter().map(|row| RowView::of(words, "/body/cqos", row)).collect(),
        form: asked.form.filled([("year", overview.year.to_string())]),
    }
}

async fn sheet(visit: Visit) -> Result<Response, Trouble> {
    let asked = Asked::of(&visit);
    let bytes = visit.app.service.standings_sheet(&visit.actor, &asked.filter).await?;
    let headers = [(CONTENT_TYPE, XLSX), (CONTENT_DISPOSITION, "attachment; filename=\"cqos.xlsx\"")];
    Ok((headers, bytes).into_response())
}

impl Asked {
    /// Reads the query. What makes no sense is not asked for: an address is no form that could be corrected.
    pub(in super::super) fn of(visit: &Visit) -> Self {
        Self::read(visit.words, visit.address())
    }

    pub(super) fn read(words: Words, address: &str) -> Self {
        let query = address.split_once('?').map_or("", |(_, query)| query);
        let mut asked =
            Self { filter: Filter::default(), page: 1, form: Form::new(words, &LABELS), query: String::new() };
        let mut kept = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let text = Some(value.trim().to_owned()).filter(|text| !text.is_empty() && text != ALL);
            match &*name {
                "year" => asked.filter.year = text.and_then(|text| text.parse().ok()),
                "state" => asked.filter.state = text.and_then(|text| text.parse().ok()),
                "employer" => asked.filter.employer = text,
                "name" => asked.filter.name = text,
                "page" => {
                    asked.page = value.parse().unwrap_or(1).max(1);
                    continue;
                }
                _ => continue,
            }
            kept.append_pair(&name, value.trim());
            asked.form = asked.form.filled([(name, value.trim())]);
        }
        if asked.filter.state.is_none() {
            asked.form = asked.form.filled([("state", ALL)]);
        }
        asked.query = kept.finish();
        asked
    }

    /// How many rows stand on the pages before.
    pub(in super::super) fn skip(&self) -> usize {
        (self.page - 1).saturating_mul(PER_PAGE)
    }

    pub(in super::super) fn pager(&self, path: &str, total: usize) -> Pager {
        let and = if self.query.is_empty() { "" } else { "&" };
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let pages = total.div_ceil(PER_PAGE).max(1);
        Pager {
            address: format!("{path}?{}{and}page=", self.query),
            page: number(self.page.min(pages)),
            pages: number(pages),
            rows: number(total),
        }
    }
}

impl RowView {
    /// A row whose name leads to the person's page below `path`.
    pub(in super::super) fn of(words: Words, path: &str, row: &CqoRow) -> Self {
        let (hours, activities) = (row.hours, row.activities);
        let counted = hours.counted.checked_add(hours.carried).unwrap_or(hours.counted);
        let due = (hours.missing > CreditHours::ZERO).then_some(Shortfall::Hours(hours.missing));
        let due = due.into_iter().chain((activities.missing > 0).then_some(Shortfall::Activities(activities.missing)));
        let (tone, state) = state_of(row.state);
        let first = row.cqo.learners.first().map(ToString::to_string).unwrap_or_default();
        Self {
            href: format!("{path}/{first}"),
            name: row.cqo.name.clone(),
            employer: row.cqo.employer.as_ref().map(|one| one.name.clone()).unwrap_or_default(),
            tone,
            state: words.say(state),
            hours: format!("{} / {}", words.hours(counted), words.hours(hours.required)),
            activities: format!("{} / {}", words.number(activities.counted), words.number(activities.required)),
            missing: missing(words, due, activities.required).unwrap_or_default(),
            make_up: to_make_up(words, &row.blocking).unwrap_or_default(),
        }
    }
}

/// The year that is shown, and those around today's.
fn years(words: Words, this_year: i16, shown: i16) -> Vec<Choice> {
    let mut years: Vec<i16> = (0..=YEARS_BACK).map(|back| this_year - back).chain([shown]).collect();
    years.sort_unstable();
    years.dedup();
    let name = |year: i16| name_of(words, crate::standard::annual::Year::Calendar(year));
    years.into_iter().rev().map(|year| Choice::new(year.to_string(), name(year))).collect()
}

fn states(words: Words) -> Vec<Choice> {
    let all = std::iter::once(Choice::new(ALL, words.say("cqos-all")));
    all.chain(StandingState::ALL.iter().map(|state| Choice::new(state.as_str(), words.say(state_of(*state).1))))
        .collect()
}

/// Tone, words and number of each figure.
fn figures(words: Words, states: &StateCounts) -> Vec<(&'static str, String, String)> {
    let all = std::iter::once(("plain", words.say("cqos-people"), words.number(states.total())));
    let each =
        |state: &StandingState| (state_of(*state).0, words.say(state_of(*state).1), words.number(states.of(*state)));
    all.chain(StandingState::ALL.iter().map(each)).collect()
}

/// The employers with the most CQOs.
fn chart(words: Words, overview: &Overview) -> Chart {
    // From good to bad, and only the states that there are.
    let order =
        [StandingState::Met, StandingState::Open, StandingState::Short, StandingState::NoTerm, StandingState::NotDue];
    let seen: Vec<StandingState> = order.into_iter().filter(|state| overview.states.of(*state) > 0).collect();
    let bar = |one: &OrganisationCount| {
        let label = one.name.clone().unwrap_or_else(|| words.say("cqos-no-employer"));
        let piece = |state: &StandingState| Piece {
            tone: state_of(*state).0,
            what: words.say(state_of(*state).1),
            count: u64::try_from(one.states.of(*state)).unwrap_or(u64::MAX),
        };
        let asked = one.code.as_ref().map(CreditCode::as_str).or(one.name.as_deref());
        let href = asked.map(|asked| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("year", &overview.year.to_string()).append_pair("employer", asked);
            format!("/body/cqos?{}", query.finish())
        });
        Bar { label, href: href.unwrap_or_default(), pieces: seen.iter().map(piece).collect() }
    };
    let bars = overview.organisations.iter().take(IN_CHART).map(bar).collect();
    Chart { caption: words.say("cqos-chart"), bars, shares: false }
}
