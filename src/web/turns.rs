//! How often one client may do what people do once in a while: file a complaint, or type a wrong code. Above it the answer is
//! a page with what was typed, so the handler asks, and not a layer around it.
//!
//! A turn is counted before anybody knows how it ends, so that many at once are no more than so many; what came to nothing
//! gives its turn back. Everything is in memory: a restart forgets it.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::App;
use super::limits::{ClientKey, Limits};

/// The time within which turns are counted.
const WINDOW: Duration = Duration::from_secs(60 * 60);
/// Clients that are remembered; the one that was not seen for longest is forgotten above it.
const MAX_CLIENTS: usize = 10_000;
/// Wrong numbers and codes of cases that one client may type within an hour. A code has a hundred random bits, so this is no
/// wall against guessing but its end: whoever meets it guesses.
const WRONG_CODES_PER_HOUR: u32 = 20;

/// The turns of one listener.
#[derive(Debug)]
pub(crate) struct AllTurns {
    /// Complaints that were filed.
    pub(crate) complaints: Turns,
    /// Numbers and codes of cases that were wrong.
    pub(crate) wrong_codes: Turns,
}

impl AllTurns {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { complaints: Turns::new(limits.complaints_per_hour), wrong_codes: Turns::new(WRONG_CODES_PER_HOUR) }
    }
}

/// Turns of one kind, by client.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Most turns of one client within an hour; 0 for no limit.
    most: u32,
    /// When each client took its turns, the oldest first; who took none lately is not in it.
    taken: Mutex<HashMap<ClientKey, VecDeque<Instant>>>,
}

/// A turn that was taken.
#[derive(Debug)]
pub(crate) struct Turn {
    client: ClientKey,
    at: Instant,
}

impl Turns {
    fn new(most: u32) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// Most turns of one client within an hour.
    pub(crate) const fn most(&self) -> u32 {
        self.most
    }

    /// Takes a turn; or how long it takes until there is one.
    pub(crate) fn take(&self, client: ClientKey, now: Instant) -> Result<Turn, Duration> {
        let turn = Turn { client: client.clone(), at: now };
        if self.most == 0 {
            return Ok(turn);
        }
        let mut taken = self.lock();
        taken.retain(|_, times| {
            times.retain(|at| now.saturating_duration_since(*at) < WINDOW);
            !times.is_empty()
        });
        if taken.len() >= MAX_CLIENTS && !taken.contains_key(&client) {
            let last = |times: &VecDeque<Instant>| times.back().copied();
            let oldest = taken.iter().min_by_key(|(_, times)| last(times)).map(|(client, _)| client.clone());
            oldest.map(|client| taken.remove(&client));
        }
        let times = taken.entry(client).or_default();
        match times.front() {
            Some(first) if times.len() >= usize::try_from(self.most).unwrap_or(usize::MAX) => {
                Err(WINDOW.saturating_sub(now.saturating_duration_since(*first)))
            }
            _ => {
                times.push_back(now);
                Ok(turn)
            }
        }
    }

    /// Gives a turn back that came to nothing.
    pub(crate) fn give_back(&self, turn: &Turn) {
        let mut taken = self.lock();
        if let Some(times) = taken.get_mut(&turn.client)
            && let Some(place) = times.iter().rposition(|at| *at == turn.at)
        {
            times.remove(place);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientKey, VecDeque<Instant>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who a request counts for, as its rate does.
impl FromRequestParts<App> for ClientKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(app.client.key(&parts.headers, &parts.extensions))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(n: u32) -> ClientKey {
        ClientKey::Address(Some(IpAddr::from(n.to_be_bytes())))
    }

    #[test]
    fn a_client_has_so_many_turns_within_any_hour() {
        let (turns, start) = (Turns::new(2), Instant::now());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        for (minute, who, expected) in [
            (0, 1, Ok(())),
            (20, 1, Ok(())),
            (20, 1, Err(40)),
            (59, 1, Err(1)),
            (59, 2, Ok(())),
            (60, 1, Ok(())),
            (61, 1, Err(19)),
            (80, 1, Ok(())),
        ] {
            let taken = turns.take(client(who), after(minute)).map(drop);
            assert_eq!(taken, expected.map_err(|minutes: u64| Duration::from_secs(60 * minutes)), "{minute} {who}");
        }
    }

    #[test]
    fn what_came_to_nothing_does_not_count_and_nothing_counts_without_a_limit() {
        let (turns, now) = (Turns::new(1), Instant::now());
        for _ in 0..3 {
            let turn = turns.take(client(1), now).unwrap();
            turns.give_back(&turn);
        }
        let turn = turns.take(client(1), now).unwrap();
        turns.give_back(&Turn { client: client(2), at: now });
        turns.give_back(&Turn { client: client(1), at: now + WINDOW });
        assert!(turns.take(client(1), now).is_err());
        turns.give_back(&turn);
        assert!(turns.take(client(1), now).is_ok());
        let free = Turns::new(0);
        assert!((0..1_000).all(|_| free.take(client(1), now).is_ok()));
    }

    #[test]
    fn so_many_clients_are_remembered_and_the_oldest_goes_first() {
        let (turns, start) = (Turns::new(1), Instant::now());
        let clients = u32::try_from(MAX_CLIENTS).unwrap();
        for n in 0..=clients {
            turns.take(client(n), start + Duration::from_millis(u64::from(n))).unwrap();
        }
        assert_eq!(turns.lock().len(), MAX_CLIENTS);
        let now = start + WINDOW / 2;
        assert!(turns.take(client(clients), now).is_err());
        assert!(turns.take(client(0), now).is_ok(), "forgotten");
        let next = turns.take(client(clients), start + 2 * WINDOW);
        assert!(next.is_ok() && turns.lock().len() == 1, "an hour later nobody is remembered");
    }
}
