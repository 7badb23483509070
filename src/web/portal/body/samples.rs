//! Audit samples for the certifying body's people: announcing one, and which entries were drawn.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::super::extract::Path;
use super::super::form::Form;
use super::super::page::Page;
use super::super::parts::Choice;
use super::super::posted::Posted;
use super::super::route::{Gate, Route};
use super::super::sample_view::{SampleView, kind_in_words};
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::service::samples::{DrawnEntry, SampleId, SampleKind};
use crate::service::{Action, Error};
use crate::standard::calendar_year_of;

const HERE: &str = "/body/samples";
const NUMBERS: [&str; 3] = ["year", "size", "blocks_ahead"];
const LABELS: [(&str, &str); 4] = [
    ("year", "body-sample-year"),
    ("kind", "body-sample-kind"),
    ("size", "body-sample-size"),
    ("blocks_ahead", "body-sample-blocks-ahead"),
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/body/samples", Gate::May(Action::ReadClaims), list),
        Route::post("/body/samples", Gate::May(Action::DrawSamples), announce),
        Route::get("/body/samples/{id}", Gate::May(Action::ReadClaims), show),
    ]
}

#[derive(Template)]
#[template(path = "portal/body/samples.html")]
struct SamplesPage {
    page: Page,
    form: Form,
    kinds: Vec<Choice>,
    can_announce: bool,
    samples: Vec<SampleView>,
}

#[derive(Template)]
#[template(path = "portal/body/sample.html")]
struct SamplePage {
    page: Page,
    sample: SampleView,
    drawn: Vec<Line>,
}

/// An entry that was drawn.
struct Line {
    /// The attestation number 存证编号.
    attestation: String,
    sealed: String,
    /// Empty when the learner was erased.
    name: String,
    learner: String,
    entry: String,
}

async fn list(visit: Visit) -> Result<Response, Trouble> {
    // The year of the newest block, of everything in it: what is asked for most.
    let year = calendar_year_of(visit.app.service.published().tip.time).map(|year| year.to_string());
    let usual = [("year", year.unwrap_or_default()), ("kind", SampleKind::All.as_str().to_owned())];
    samples_page(&visit, StatusCode::OK, Form::new(visit.words, &LABELS).filled(usual))
}

fn samples_page(visit: &Visit, status: StatusCode, form: Form) -> Result<Response, Trouble> {
    let samples = visit.app.service.list_samples();
    let kind = |kind: &SampleKind| Choice::new(kind.as_str(), kind_in_words(visit.words, *kind));
    visit.draw_as(
        status,
        &SamplesPage {
            page: visit.page("body-samples", HERE),
            form,
            kinds: SampleKind::ALL.iter().map(kind).collect(),
            can_announce: visit.actor.may(Action::DrawSamples),
            samples: samples.iter().map(|sample| SampleView::of(visit.words, sample)).collect(),
        },
    )
}

async fn announce(visit: Visit, posted: Posted) -> Result<Response, Trouble> {
    match visit.app.service.announce_sample(&visit.actor, read_form(&posted).into()).await {
        Ok(sample) => Ok(visit.lead_with(&format!("{HERE}/{}", sample.id), "body-sample-announced")),
        Err(Error::Invalid(errors)) => {
            let form = Form::new(visit.words, &LABELS).filled(posted.filled()).wrong(&errors);
            samples_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
        Err(error) => Err(error.into()),
    }
}

/// Numbers as numbers; what is none stays a text, which the use case refuses by its field.
fn read_form(posted: &Posted) -> Map<String, Value> {
    let mut object = posted.object(&["kind"]);
    for (name, value) in posted.object(&NUMBERS) {
        let number = value.as_str().and_then(|text| text.parse::<u32>().ok());
        object.insert(name, number.map_or(value, Value::from));
    }
    object
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id: SampleId = id.parse().map_err(|_| Error::NotFound("sample"))?;
    let sample = SampleView::of(visit.words, &visit.app.service.sample(id)?);
    let drawn = visit.app.service.drawn_entries(&visit.actor, id).await?;
    let line = |drawn: &DrawnEntry| Line {
        attestation: format!("{}-{}", drawn.position.height, drawn.position.index),
        sealed: visit.words.instant(drawn.position.sealed_at),
        name: drawn.name.clone().unwrap_or_default(),
        learner: drawn.learner.to_string(),
        entry: drawn.entry.to_string(),
    };
    visit.draw(&SamplePage { page: visit.page("body-sample", HERE), sample, drawn: drawn.iter().map(line).collect() })
}
