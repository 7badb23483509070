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
mod entry_change;
mod entry_said;
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
use route::{Rate, Route};

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

/// The routes behind their gates, by rate: the usual one, that of look-ups, that of tries to get in.
pub(super) fn routers(app: &App) -> [Router<App>; 3] {
    let [mut usual, mut lookups, mut tries] = [(); 3].map(|()| Router::new());
    for route in routes() {
        let guard = axum::middleware::from_fn_with_state((app.clone(), route.gate, route.form_max), guard::guard);
        let router = match route.rate {
            Rate::Usual => &mut usual,
            Rate::Lookups => &mut lookups,
            Rate::Tries => &mut tries,
        };
        *router = std::mem::take(router).route(route.path, route.handler.route_layer(guard));
    }
    [usual, lookups, tries]
}
