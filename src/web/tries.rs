//! Tries to get in, by who makes them: those that fail are counted, those that succeed are not. So an office behind one
//! address signs in together, and whoever guesses there is slowed down.
//!
//! It is the outer one of three bounds. A name is locked for a client after a few wrong tries, and for strangers after fifty from
//! all (`service/accounts/tries.rs`); passwords are hashed a few at once (`service/accounts/hashing.rs`). Tries under way are not counted until they are answered: how many
//! there are of one client is bounded by its share ([`super::share`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::limits::{Client, ClientKey};
use super::problem::Problem;
use crate::service::AccountId;

/// Put into the answer of a try that was a right one, with the account that it was for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RightTry(pub(crate) AccountId);

/// The tries of one listener.
#[derive(Clone)]
pub(super) struct Tries {
    client: Client,
    pace: Pace,
    spent: Arc<Mutex<HashMap<Payer, Instant>>>,
}

/// Who a try counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Payer {
    Client(ClientKey),
    /// Right tries count here, so that nobody has passwords hashed without end by knowing one.
    Account(AccountId),
}

/// How many at once, and how long until there is room for one more. (The generic cell rate algorithm: of each payer the
/// moment is known at which nothing of the allowance will be used up any more.)
#[derive(Debug, Clone, Copy)]
struct Pace {
    period: Duration,
    burst: u32,
}

impl Pace {
    /// How long until there is room for one; none where there is room now.
    fn wait(self, even: Option<Instant>, now: Instant) -> Option<Duration> {
        let spent = even?.saturating_duration_since(now);
        spent.checked_sub(self.period * (self.burst - 1)).filter(|wait| !wait.is_zero())
    }

    /// The moment after one more, beyond the allowance as well: who had several under way pays for all.
    fn after_one(self, even: Option<Instant>, now: Instant) -> Instant {
        even.map_or(now, |even| even.max(now)) + self.period
    }
}

impl Tries {
    /// So many a minute, and as many at once.
    pub(super) fn new(client: Client, per_minute: u32, period: Duration) -> Self {
        Self { client, pace: Pace { period, burst: per_minute.max(1) }, spent: Arc::default() }
    }

    /// How long this payer waits for room.
    fn wait(&self, payer: &Payer) -> Option<Duration> {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        self.pace.wait(spent.get(payer).copied(), Instant::now())
    }

    fn count(&self, payer: Payer) {
        let now = Instant::now();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if !spent.contains_key(&payer) {
            // Each has cost a hashing or a look-up: there are never many.
            spent.retain(|_, even| *even > now);
        }
        let even = self.pace.after_one(spent.get(&payer).copied(), now);
        spent.insert(payer, even);
    }
}

/// Around every try: refused where too many have failed, and counted by its answer.
pub(super) async fn within_tries(State(tries): State<Tries>, request: Request, next: Next) -> Response {
    let client = Payer::Client(tries.client.key(request.headers(), request.extensions()));
    if let Some(wait) = tries.wait(&client) {
        return Problem::rate_limited(wait.as_secs() + 1).into_response();
    }
    let mut unjudged = Unjudged { tries, payer: Some(client) };
    let response = next.run(request).await;
    if let Some(RightTry(account)) = response.extensions().get() {
        unjudged.was_right(*account);
    }
    response
}

/// A try under way. One whose client hangs up before it is answered counts as one that failed.
struct Unjudged {
    tries: Tries,
    payer: Option<Payer>,
}

impl Unjudged {
    /// The account pays instead of the client, as long as it can.
    fn was_right(&mut self, account: AccountId) {
        let account = Payer::Account(account);
        if self.tries.wait(&account).is_none() {
            self.payer = Some(account);
        }
    }
}

impl Drop for Unjudged {
    fn drop(&mut self) {
        if let Some(payer) = self.payer.take() {
            self.tries.count(payer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { period: Duration::from_secs(20), burst: 3 };

    /// Seconds at which one more is counted, and how long somebody waits at a second after that.
    #[test]
    fn so_many_at_once_and_one_more_each_period() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        for (counted, asked, wait) in [
            (&[][..], 0, None),
            (&[0, 0], 0, None),
            (&[0, 0, 0], 0, Some(20)),
            (&[0, 0, 0], 5, Some(15)),
            (&[0, 0, 0], 20, None),
            (&[0, 0, 0, 20], 20, Some(20)),
            (&[0, 30, 60, 90], 90, None),
            (&[0, 0, 0, 0, 0], 0, Some(60)),
            (&[0, 0, 0], 1_000, None),
            (&[0, 0, 0, 1_000, 1_000], 1_000, None),
        ] {
            let even = counted.iter().fold(None, |even, second| Some(PACE.after_one(even, at(*second))));
            let found = PACE.wait(even, at(asked)).map(|wait| wait.as_secs());
            assert_eq!(found, wait, "{counted:?}, asked at {asked}");
        }
    }
}
