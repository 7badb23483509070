//! Figures for monitoring, in the OpenMetrics text format. docs/RUNBOOK.md says what each is for; a test holds the two
//! together.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::App;
use super::accept::ConnectionFigures;
use super::machine::{Machine, Watched};
use crate::service::{EntryOutcome, NotReady, Service, Submitted};

/// Upper bounds of the request duration buckets, in seconds.
const DURATION_BUCKETS_S: [f64; 9] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What became of an entry.
const ACCEPTED: &str = "accepted";
const DUPLICATE: &str = "duplicate";
const REJECTED: &str = "rejected";

type Whole = Gauge<u64, AtomicU64>;
type Real = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// Makes the histogram of a route.
#[derive(Debug, Clone)]
struct Durations;

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(DURATION_BUCKETS_S)
    }
}

/// All figures of one process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, Durations>,
    submissions: Histogram,
    entries: Family<OutcomeLabels, Counter>,
    now: Now,
    watched: Watched,
}

/// What is read when somebody asks.
#[derive(Default)]
struct Now {
    height: Whole,
    sealed: Whole,
    last_block: Real,
    pending: Whole,
    oldest_pending: Real,
    seal_by: Real,
    ready: Whole,
    not_ready: Family<ReasonLabels, Whole>,
    journal: Whole,
    index: Whole,
    free: Whole,
    size: Whole,
    resident: Whole,
    cpu: Counter<f64, AtomicU64>,
    open_fds: Whole,
    max_fds: Whole,
}

impl Metrics {
    /// The figures of a service, and of the directories it keeps its data in.
    pub(super) fn new(service: &Service, connections: &ConnectionFigures, watched: Watched) -> Self {
        let this = Self {
            registry: Registry::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(Durations),
            submissions: Histogram::new(DURATION_BUCKETS_S),
            entries: Family::default(),
            now: Now::default(),
            watched,
        };
        this.now.seal_by.set(seconds(service.settings().seal_by_ms));
        // Outcomes that did not happen yet are zeros, so that rates have a beginning.
        for outcome in [ACCEPTED, DUPLICATE, REJECTED] {
            drop(this.entries.get_or_create(&OutcomeLabels { outcome }));
        }
        this.registered(service, connections)
    }

    #[rustfmt::skip]
    fn registered(mut self, service: &Service, connections: &ConnectionFigures) -> Self {
        let (figures, now) = (service.figures(), &self.now);
        let ledger = self.registry.sub_registry_with_prefix("cqo_ledger");
        ledger.register("build", "The program", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        ledger.register("requests", "HTTP requests answered", self.requests.clone());
        ledger.register("request_duration_seconds", "Time to answer", self.durations.clone());
        ledger.register("submission_duration_seconds", "Time until a submission was durable", self.submissions.clone());
        ledger.register("open_connections", "Connections that are open now", connections.open.clone());
        ledger.register("refused_connections", "Connections refused for want of a place", connections.refused.clone());
        ledger.register("entries", "Submitted entries by outcome", self.entries.clone());
        ledger.register("pending_entries", "Entries accepted and not in a block yet", now.pending.clone());
        ledger.register("oldest_pending_age_seconds", "Age of the oldest of them", now.oldest_pending.clone());
        ledger.register("seal_by_seconds", "The age at which receipts promise a block", now.seal_by.clone());
        ledger.register("seal_duration_seconds", "Time to seal one block", figures.seal_seconds.clone());
        ledger.register("certificates_issued", "Certificates issued", figures.certificates_issued.clone());
        ledger.register("certificates_refused", "Certificates that were due and could not be issued", figures.certificates_refused.clone());
        ledger.register("block_height", "Height of the published tip", now.height.clone());
        ledger.register("sealed_entries", "Entries in published blocks", now.sealed.clone());
        ledger.register("last_block_timestamp_seconds", "Time of the published tip", now.last_block.clone());
        ledger.register("ready", "1 while entries are taken", now.ready.clone());
        ledger.register("not_ready", "1 for the reason why no entries are taken", now.not_ready.clone());
        ledger.register("store_sync_duration_seconds", "Time to write and sync one group of commits", figures.store.sync_seconds.clone());
        ledger.register("store_group_commits", "Commits of one group", figures.store.group_commits.clone());
        ledger.register("store_index_rebuilt", "1 when this start had to build the index anew", figures.store.index_rebuilt.clone());
        ledger.register("store_journal_bytes", "Size of the journal", now.journal.clone());
        ledger.register("store_index_bytes", "Size of the index", now.index.clone());
        ledger.register("data_free_bytes", "Free space of the data directory's file system", now.free.clone());
        ledger.register("data_size_bytes", "Size of the data directory's file system", now.size.clone());
        // By the names that every process has.
        self.registry.register("process_resident_memory_bytes", "Resident memory", now.resident.clone());
        self.registry.register("process_cpu_seconds", "Processor time, user and system", now.cpu.clone());
        self.registry.register("process_open_fds", "Open file descriptors", now.open_fds.clone());
        self.registry.register("process_max_fds", "Most file descriptors that may be open", now.max_fds.clone());
        self
    }

    /// Counts what became of a submission.
    pub(super) fn submitted(&self, submitted: &Submitted, elapsed: Duration) {
        self.submissions.observe(elapsed.as_secs_f64());
        for result in &submitted.results {
            let outcome = match result.outcome {
                EntryOutcome::Accepted(_) => ACCEPTED,
                EntryOutcome::Duplicate(_) => DUPLICATE,
                EntryOutcome::Rejected(_) => REJECTED,
            };
            self.entries.get_or_create(&OutcomeLabels { outcome }).inc();
        }
    }

    /// Counts an answer by its route's template, never by its address: addresses hold ids.
    pub(super) fn answered(&self, method: &'static str, route: String, status: u16, elapsed: Duration) {
        self.requests.get_or_create(&RequestLabels { method, route: route.clone(), status }).inc();
        self.durations.get_or_create(&RouteLabels { route }).observe(elapsed.as_secs_f64());
    }
}

impl Now {
    async fn look(&self, service: &Service, machine: Machine) {
        let published = service.published();
        self.height.set(published.height());
        self.sealed.set(published.total());
        self.last_block.set(seconds(published.tip.time.millis()));
        // A store that cannot be read says so elsewhere; the figures stay as they were.
        if let Ok(pending) = service.pending().await {
            self.pending.set(pending.entries);
            self.oldest_pending.set(seconds(pending.oldest_age_ms));
        }
        let reason = service.not_ready_because().map(|(reason, _)| reason);
        self.ready.set(u64::from(reason.is_none()));
        for known in NotReady::ALL {
            let labels = ReasonLabels { reason: known.as_str() };
            self.not_ready.get_or_create(&labels).set(u64::from(reason == Some(known)));
        }
        self.journal.set(machine.journal_bytes);
        self.index.set(machine.index_bytes);
        self.free.set(machine.data_free_bytes);
        self.size.set(machine.data_size_bytes);
        self.resident.set(machine.resident_bytes);
        self.cpu.inner().store(machine.cpu_seconds.to_bits(), std::sync::atomic::Ordering::Relaxed);
        self.open_fds.set(machine.open_fds);
        self.max_fds.set(machine.max_fds);
    }
}

/// Milliseconds as seconds, exact for any time until the year 285,000.
#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// `GET /metrics`.
pub(super) async fn render(State(app): State<App>) -> Response {
    let watched = app.metrics.watched.clone();
    let machine = tokio::task::spawn_blocking(move || Machine::look(&watched)).await.unwrap_or_default();
    app.metrics.now.look(&app.service, machine).await;
    let mut text = String::new();
    match encode(&mut text, &app.metrics.registry) {
        Ok(()) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => super::problem::Problem::internal().into_response(),
    }
}
