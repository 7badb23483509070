//! The portal: pages for people who sign in, rendered here, working without scripts.
//!
//! One table of routes says what there is and who may come in; router, the test of every route by every role, and
//! docs/PERMISSIONS.md are made of it.

mod account;
mod admin;
mod body;
mod body_view;
mod case_view;
mod claim_words;
mod did;
mod disputes;
mod employer;
mod extract;
mod form;
mod guard;
mod home;
mod learner;
mod page;
mod parts;
mod posted;
mod provider;
mod public;
mod qr;
mod refusal;
mod route;
mod sample_view;
mod trouble;
mod visit;
mod words;
mod year;

#[cfg(test)]
mod gallery;

use axum::Router;

use super::App;
pub(super) use refusal::for_people;
pub(super) use route::Gate;
use route::Route;

/// Every route of the portal.
pub(super) fn routes() -> Vec<Route> {
    [
        public::routes(),
        account::routes(),
        home::routes(),
        admin::routes(),
        body::routes(),
        employer::routes(),
        provider::routes(),
        learner::routes(),
        disputes::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The routes behind their gates: those at the usual rate, and those at the rate of look-ups.
pub(super) fn routers(app: &App) -> (Router<App>, Router<App>) {
    let (mut usual, mut rated) = (Router::new(), Router::new());
    for route in routes() {
        let guard = axum::middleware::from_fn_with_state((app.clone(), route.gate), guard::guard);
        let router = if route.rated { &mut rated } else { &mut usual };
        *router = std::mem::take(router).route(route.path, route.handler.route_layer(guard));
    }
    (usual, rated)
}
