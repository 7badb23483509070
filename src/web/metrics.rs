//! Figures for monitoring, in the Prometheus text format.

use std::sync::atomic::AtomicU64;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::App;
use crate::service::{EntryOutcome, Submitted};

/// Upper bounds of the request duration buckets, in seconds.
const DURATION_BUCKETS_S: [f64; 9] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: OutcomeLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelValue)]
enum OutcomeLabel {
    Accepted,
    Duplicate,
    Rejected,
}

/// All figures of one process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    entries: Family<OutcomeLabels, Counter>,
    height: Gauge<u64, AtomicU64>,
    sealed: Gauge<u64, AtomicU64>,
    ready: Gauge<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("cqo_ledger");
        let requests = Family::<RequestLabels, Counter>::default();
        let durations = Histogram::new(DURATION_BUCKETS_S);
        let entries = Family::<OutcomeLabels, Counter>::default();
        let (height, sealed, ready) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("requests", "HTTP requests answered", requests.clone());
        registry.register("request_duration_seconds", "Time to answer", durations.clone());
        registry.register("entries", "Submitted entries by outcome", entries.clone());
        registry.register("block_height", "Height of the published tip", height.clone());
        registry.register("sealed_entries", "Entries in published blocks", sealed.clone());
        registry.register("ready", "1 while entries are taken", ready.clone());
        Self { registry, requests, durations, entries, height, sealed, ready }
    }
}

impl Metrics {
    /// Counts what became of a submission.
    pub(super) fn submitted(&self, submitted: &Submitted) {
        for result in &submitted.results {
            let outcome = match result.outcome {
                EntryOutcome::Accepted(_) => OutcomeLabel::Accepted,
                EntryOutcome::Duplicate(_) => OutcomeLabel::Duplicate,
                EntryOutcome::Rejected(_) => OutcomeLabel::Rejected,
            };
            self.entries.get_or_create(&OutcomeLabels { outcome }).inc();
        }
    }
}

/// Counts every request by its route's template, never by its address: addresses hold ids.
pub(super) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = known_method(request.method()).to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    app.metrics.durations.observe(started.elapsed().as_secs_f64());
    let labels = RequestLabels { method, route, status: response.status().as_u16() };
    app.metrics.requests.get_or_create(&labels).inc();
    response
}

/// A client can write any word for a method; only known ones become a label.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// `GET /metrics`.
pub(super) async fn render(State(app): State<App>) -> Response {
    let published = app.service.published();
    app.metrics.height.set(published.height());
    app.metrics.sealed.set(published.total());
    app.metrics.ready.set(u64::from(app.service.not_ready().is_none()));
    let mut text = String::new();
    match encode(&mut text, &app.metrics.registry) {
        Ok(()) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => super::problem::Problem::internal().into_response(),
    }
}
