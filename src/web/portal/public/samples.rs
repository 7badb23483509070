//! Audit samples for everybody: what was announced, what was drawn from, what was drawn, and how to draw it again.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;

use super::super::extract::Path;
use super::super::page::Page;
use super::super::route::{Gate, Route};
use super::super::sample_view::SampleView;
use super::super::trouble::Trouble;
use super::super::visit::Visit;
use crate::service::Error;
use crate::service::samples::SampleId;

#[derive(Template)]
#[template(path = "portal/samples/list.html")]
struct SamplesPage {
    page: Page,
    samples: Vec<SampleView>,
}

#[derive(Template)]
#[template(path = "portal/samples/sample.html")]
struct SamplePage {
    page: Page,
    sample: SampleView,
    /// Where this service is reached, for the commands.
    site: String,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/samples", Gate::Public, list),
        Route::get("/samples/{id}", Gate::Public, show),
        Route::get("/samples/{id}/population.txt", Gate::Public, population).rated(),
    ]
}

async fn list(visit: Visit) -> Result<Response, Trouble> {
    let samples = visit.app.service.list_samples();
    let samples = samples.iter().map(|sample| SampleView::of(visit.words, sample)).collect();
    visit.draw(&SamplesPage { page: visit.page("body-samples", ""), samples })
}

async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let sample = visit.app.service.sample(read(&id)?)?;
    let site = visit.app.service.settings().letters.site.clone().unwrap_or_default();
    let sample = SampleView::of(visit.words, &sample);
    visit.draw(&SamplePage { page: visit.page("body-sample", ""), sample, site })
}

/// One member a line, a part of them at a time: a large population is never in memory as a whole.
async fn population(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let (service, id) = (visit.app.service, read(&id)?);
    service.sample(id)?;
    let parts = try_unfold((service, 0), move |(service, part)| async move {
        let members =
            service.sample_population(id, part).await.map_err(|error| std::io::Error::other(error.to_string()))?;
        let lines = members.map(|members| {
            let lines: String = members.iter().map(|member| format!("{}\n", member.hash())).collect();
            (Bytes::from(lines), (service, part + 1))
        });
        Ok::<_, std::io::Error>(lines)
    });
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(parts)).into_response())
}

fn read(id: &str) -> Result<SampleId, Error> {
    id.parse().map_err(|_| Error::NotFound("sample"))
}
