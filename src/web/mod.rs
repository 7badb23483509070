//! HTTP: the router on one screen, problem documents, limits, and the description of the API generated from the code.
//!
//! Handlers parse, call one use case, and render. Nothing here knows a rule or a table.

mod accept;
mod api;
mod budget;
mod host;
mod language;
mod limits;
mod machine;
mod metrics;
mod observe;
mod pages;
pub mod permissions;
mod portal;
mod problem;
mod reader;
mod request;
mod share;
mod stream;
mod tries;
mod turns;

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use tracing::Instrument as _;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use accept::{ConnectionFigures, ServerSettings, listen, serve};
pub use limits::Limits;
pub use machine::Watched;
pub use problem::PROBLEM_TYPES;

use crate::service::{Error, Service};
use metrics::Metrics;

/// Where the types of problem documents are explained: `docs/API.md`, by anchor.
pub const PROBLEM_BASE: &str = "urn:cqo-ledger:problem:";

/// What every handler has.
#[derive(Clone)]
pub(crate) struct App {
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    checks: pages::check::Checks,
    client: limits::Client,
    turns: Arc<turns::AllTurns>,
}

impl App {
    /// Runs a use case that writes in a task of its own, so that it comes to its end when nobody waits for the answer
    /// any more: what is in the store and what is in memory must not part.
    async fn to_the_end<T, F>(&self, work: impl FnOnce(Arc<Service>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let task = tokio::spawn(work(Arc::clone(&self.service)).in_current_span());
        task.await.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
    }
}

/// The two listeners: the public one, and the one for the operator's monitoring.
pub struct Routers {
    /// Everything but the metrics.
    pub public: Router,
    /// `/metrics` alone.
    pub metrics: Router,
    /// What the public listener tells the metrics.
    pub connections: ConnectionFigures,
}

/// Builds both routers over one service. Must be called within a tokio runtime.
pub fn routers(service: Arc<Service>, limits: &Limits, watched: Watched) -> Routers {
    let connections = ConnectionFigures::default();
    let metrics = Arc::new(Metrics::new(&service, &connections, watched));
    let app = App {
        service: Arc::clone(&service),
        metrics,
        checks: pages::check::Checks::default(),
        client: limits.client(&service),
        turns: Arc::new(turns::AllTurns::new(limits)),
    };
    let (paths, mut api) = described().split_for_parts();
    let (lookups, lookups_api) = lookups().split_for_parts();
    api.merge(lookups_api);
    let [portal, rated, tried] = portal::routers(&app);
    let rated = limits.around_lookups(lookups.merge(rated), &service);
    let paths = paths.merge(portal).merge(rated).merge(limits.around_tries(tried, &service));
    let (health, health_api) = health().split_for_parts();
    api.merge(health_api);
    let description = documented(api).to_pretty_json().unwrap_or_default();
    let public = paths
        .merge(pages::router())
        .route("/openapi.json", get(move || async move { api::json_text(description) }))
        .fallback(|| async { problem::Problem::not_found("resource").into_response() })
        .method_not_allowed_fallback(|| async { problem::Problem::method_not_allowed().into_response() })
        .with_state(app.clone());
    // Whoever asks whether the service lives is answered when it is busy, too.
    let health = health
        .method_not_allowed_fallback(|| async { problem::Problem::method_not_allowed().into_response() })
        .with_state(app.clone());
    let metrics = Router::new().route("/metrics", get(metrics::render)).with_state(app.clone());
    // Refusals by the limits are pages for who reads pages, and are counted and logged, too.
    let for_people = axum::middleware::from_fn_with_state(app.clone(), portal::for_people);
    let observed = axum::middleware::from_fn_with_state(app, observe::observe);
    let public = limits.around(public, &service).layer(for_people).merge(health).layer(observed);
    Routers { public, metrics, connections }
}

/// Every documented route within the limits, once.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(api::entries::submit))
        .routes(routes!(api::entries::read))
        .routes(routes!(api::entries::proof))
        .routes(routes!(api::entries::proofs))
        .routes(routes!(api::registry::list_organisations, api::registry::put_organisation))
        .routes(routes!(api::registry::list_learners, api::registry::register_learners))
        .routes(routes!(api::registry::read_learner, api::registry::change_learner))
        .routes(routes!(api::erasures::list, api::erasures::erase))
        .routes(routes!(api::cases::erase))
        .routes(routes!(api::accounts::list, api::accounts::invite))
        .routes(routes!(api::accounts::new_code, api::accounts::withdraw_code))
        .routes(routes!(api::accounts::end))
        .routes(routes!(api::accounts::erase))
        .routes(routes!(api::accounts::take_factor_off))
        .routes(routes!(api::registry::list_courses, api::registry::put_courses))
        .routes(routes!(api::registry::create_token))
        .routes(routes!(api::registry::end_token))
        .routes(routes!(api::chain::list_blocks))
        .routes(routes!(api::chain::block))
        .routes(routes!(api::chain::block_proof))
        .routes(routes!(api::chain::checkpoint))
        .routes(routes!(api::chain::tile))
        .routes(routes!(api::chain::batch))
        .routes(routes!(api::chain::key_register))
        .routes(routes!(api::chain::policy))
        .routes(routes!(pages::check::check))
        .routes(routes!(api::certificates::list, api::certificates::issue))
        .routes(routes!(api::certificates::read))
        .routes(routes!(api::certificates::credential))
        .routes(routes!(api::certificates::proof))
        .routes(routes!(api::certificates::pdf))
        .routes(routes!(api::certificates::pdf_proof))
        .routes(routes!(api::certificates::revoke))
        .routes(routes!(api::certificates::replace))
        .routes(routes!(api::status::status_list))
        .routes(routes!(api::status::status_list_proof))
        .routes(routes!(api::status::did))
}

/// What anybody may look up, at a rate of its own.
fn lookups() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(api::attestations::attestation))
        .routes(routes!(api::attestations::proof))
        .routes(routes!(api::attestations::certificate))
        .routes(routes!(api::attestations::search))
}

/// What the macros cannot say: the wildcard's path as OpenAPI writes it, and the refusals that every route within the
/// limits knows.
fn documented(mut api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let paths = std::mem::take(&mut api.paths.paths);
    api.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    for (path, item) in &mut api.paths.paths {
        if ["/healthz", "/readyz"].contains(&path.as_str()) {
            continue;
        }
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            for (status, words) in [
                ("408", "too slow"),
                ("415", "a compressed body"),
                ("429", "too often"),
                ("503", "too much under way, or unavailable"),
            ] {
                let problem = utoipa::openapi::Ref::from_schema_name("Problem");
                let content = utoipa::openapi::ContentBuilder::new().schema(Some(problem)).build();
                let response = utoipa::openapi::ResponseBuilder::new().description(words);
                let response = response.content("application/problem+json", content).build();
                operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
            }
        }
    }
    api
}

/// The routes outside all limits.
fn health() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(api::health::healthz)).routes(routes!(api::health::readyz))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "cqo-ledger",
        description = "首席质量官培训学时存证服务。签名的学时记录进入默克尔批次，批次根进入只增不改的链，任何人可离线核验。\n\n\
            Signed CQO training hours, sealed into Merkle batches on an append-only chain. Formats: proofs/FORMATS.md.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&BearerToken),
    tags(
        (name = "entries", description = "学时记录 signed hour entries and their proofs"),
        (name = "registry", description = "登记 organisations, learners, courses, tokens"),
        (name = "accounts", description = "账号 accounts of the portal"),
        (name = "certificates", description = "学时证明 hour certificates, status lists, and what is known of documents"),
        (name = "chain", description = "链 the public chain: blocks, checkpoint, tiles, batches, key registers"),
        (name = "health", description = "运行状态 whether the service lives and takes entries"),
    )
)]
struct Description;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}
