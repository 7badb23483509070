//! A client's share of the requests under way: one client, however slow or many-handed, leaves places for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::limits::{Client, ClientKey};
use super::problem::Problem;

/// The shares of one listener.
#[derive(Clone)]
pub(super) struct Shares {
    client: Client,
    most: usize,
    taken: Taken,
}

/// How many places each client has taken; who has none is not in it.
type Taken = Arc<Mutex<HashMap<ClientKey, usize>>>;

impl Shares {
    pub(super) fn new(client: Client, most: usize) -> Self {
        Self { client, most: most.max(1), taken: Arc::default() }
    }

    fn take(&self, key: ClientKey) -> Option<Place> {
        let mut taken = lock(&self.taken);
        let places = taken.entry(key.clone()).or_insert(0);
        if *places >= self.most {
            return None;
        }
        *places += 1;
        Some(Place { taken: Arc::clone(&self.taken), key })
    }
}

/// Around every request: a place of the client's share until it is answered.
pub(super) async fn within_share(State(shares): State<Shares>, request: Request, next: Next) -> Response {
    let key = shares.client.key(request.headers(), request.extensions());
    match shares.take(key) {
        Some(_place) => next.run(request).await,
        None => Problem::overloaded().into_response(),
    }
}

/// A place, given back when it is dropped: also when the client hangs up.
struct Place {
    taken: Taken,
    key: ClientKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(places) = taken.get_mut(&self.key) {
            *places -= 1;
            if *places == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

fn lock(taken: &Mutex<HashMap<ClientKey, usize>>) -> MutexGuard<'_, HashMap<ClientKey, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
