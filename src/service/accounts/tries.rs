//! Wrong tries, counted at three doors apart, so that whoever fails at one of them shuts nobody out of another.
//!
//! At the sign-in page a name is locked for the client that was wrong too often with it (GB/T 22239: lockout after failures),
//! and for every client only after many more: a stranger at one address keeps nobody out, and guesses that come from many
//! addresses still find an end. Clients that signed in to that name before go on even then. The other doors are reached past
//! a right password alone: a code of the second factor is counted by account, a password that is asked for again by session.
//!
//! Names that nobody has are counted as those that somebody has.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::access::AccountId;
use super::super::error::Error;
use super::super::random_bytes;
use super::normal;
use super::password::ProtectionLevel;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// After so many wrong passwords of one name from all clients together, clients that never signed in to it are locked out.
pub const FAILURES_OF_A_NAME_MAX: u32 = 50;
/// Keys that each count remembers; the oldest are forgotten above it.
const MAX_TRIED: usize = 10_000;
/// How long a client is remembered that signed in to a name, in milliseconds.
const WELCOME_MS: i64 = 30 * 24 * 3_600_000;

/// Where a try is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Door<'a> {
    /// A password at the sign-in page, and the address or network that it comes from.
    Street { login: &'a str, client: &'a str },
    /// A code of the second factor of an account.
    Factor(AccountId),
    /// A password that a session is asked for again.
    Inside(Uuid),
}

/// How a try stands before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    /// It may be made.
    Counted,
    /// It may be made, and if it is wrong, the door is locked.
    Last,
    /// It may not be made.
    Locked,
}

/// All tries. What somebody typed by mistake, a password perhaps, is not kept: every key is a digest under a key of this run.
#[derive(Default)]
pub(super) struct Tries {
    /// By name and client, by account, by session.
    doors: Counts<(Hash, Hash)>,
    /// By name, over all clients.
    names: Counts<Hash>,
    /// Who signed in where, and when.
    welcome: HashMap<(Hash, Hash), UnixMillis>,
    key: Option<[u8; 16]>,
}

impl Tries {
    /// Counts a try before anybody knows whether it is a right one, so that many at once are no more than so many: a
    /// right one is forgotten again. Answers how it stands; at a locked door nothing is tried at all.
    pub(super) fn begin(&mut self, door: Door<'_>, now: UnixMillis, level: ProtectionLevel) -> Result<Try, Error> {
        let place = self.place(door)?;
        let (lock_ms, most) = (level.lock_ms(), level.failures_max());
        let name = self.counted_name(door, place, now);
        let all_locked = name.is_some_and(|name| self.names.is_locked(&name, now, lock_ms, FAILURES_OF_A_NAME_MAX));
        if all_locked || self.doors.is_locked(&place, now, lock_ms, most) {
            return Ok(Try::Locked);
        }
        let of_name = name.map(|name| self.names.count(name, now, lock_ms));
        let last = self.doors.count(place, now, lock_ms) == most || of_name == Some(FAILURES_OF_A_NAME_MAX);
        Ok(if last { Try::Last } else { Try::Counted })
    }

    /// Takes a try back that was not judged.
    pub(super) fn take_back(&mut self, door: Door<'_>, now: UnixMillis) -> Result<(), Error> {
        let place = self.place(door)?;
        self.doors.take_back(&place);
        if let Some(name) = self.counted_name(door, place, now) {
            self.names.take_back(&name);
        }
        Ok(())
    }

    /// Forgets the tries at a door after a right one. What others tried with the same name stays counted.
    pub(super) fn right(&mut self, door: Door<'_>, now: UnixMillis) -> Result<(), Error> {
        let place = self.place(door)?;
        self.doors.by_key.remove(&place);
        if let Some(name) = self.counted_name(door, place, now) {
            self.names.take_back(&name);
        }
        if matches!(door, Door::Street { .. }) {
            make_room(&mut self.welcome, &place, |at| *at);
            self.welcome.insert(place, now);
        }
        Ok(())
    }

    /// Opens every door of an account whose owner has chosen a password anew; who signed in with the old one is a stranger.
    pub(super) fn forget(&mut self, login: &str, account: AccountId) -> Result<(), Error> {
        let name = self.digest("name", normal(login).as_bytes())?;
        let (factor, _) = self.place(Door::Factor(account))?;
        self.names.by_key.remove(&name);
        self.doors.by_key.retain(|(first, _), _| *first != name && *first != factor);
        self.welcome.retain(|(first, _), _| *first != name);
        Ok(())
    }

    /// The name that a try counts for over all clients: not that of a client that signed in to it before.
    fn counted_name(&self, door: Door<'_>, place: (Hash, Hash), now: UnixMillis) -> Option<Hash> {
        let is_welcome = self.welcome.get(&place).is_some_and(|at| now.millis() - at.millis() < WELCOME_MS);
        (matches!(door, Door::Street { .. }) && !is_welcome).then_some(place.0)
    }

    fn place(&mut self, door: Door<'_>) -> Result<(Hash, Hash), Error> {
        Ok(match door {
            Door::Street { login, client } => {
                (self.digest("name", normal(login).as_bytes())?, self.digest("client", client.as_bytes())?)
            }
            Door::Factor(account) => (self.digest("factor", account.uuid().as_bytes())?, Hash::ZERO),
            Door::Inside(session) => (self.digest("inside", session.as_bytes())?, Hash::ZERO),
        })
    }

    fn digest(&mut self, what: &str, of: &[u8]) -> Result<Hash, Error> {
        let key = match self.key {
            Some(key) => key,
            None => *self.key.insert(random_bytes()?),
        };
        Ok(Hash::of(&[&key, what.as_bytes(), b"\n", of]))
    }
}

/// How often in a row something was tried, and when last.
struct Counts<K> {
    by_key: HashMap<K, (u32, UnixMillis)>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { by_key: HashMap::new() }
    }
}

impl<K: Copy + Eq + std::hash::Hash> Counts<K> {
    fn is_locked(&self, key: &K, now: UnixMillis, lock_ms: i64, most: u32) -> bool {
        let recent = |last: &UnixMillis| now.millis() - last.millis() < lock_ms;
        self.by_key.get(key).is_some_and(|(count, last)| *count >= most && recent(last))
    }

    fn count(&mut self, key: K, now: UnixMillis, lock_ms: i64) -> u32 {
        make_room(&mut self.by_key, &key, |(_, last)| *last);
        let (count, last) = self.by_key.entry(key).or_insert((0, now));
        if now.millis() - last.millis() >= lock_ms {
            *count = 0;
        }
        (*count, *last) = (*count + 1, now);
        *count
    }

    fn take_back(&mut self, key: &K) {
        if let Some((count, _)) = self.by_key.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Forgets the oldest where a new key finds no place.
fn make_room<K: Copy + Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, key: &K, at: impl Fn(&V) -> UnixMillis) {
    if map.len() >= MAX_TRIED && !map.contains_key(key) {
        let oldest = map.iter().min_by_key(|(_, value)| at(value)).map(|(key, _)| *key);
        oldest.map(|oldest| map.remove(&oldest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: ProtectionLevel = ProtectionLevel::Two;

    fn at(ms: i64) -> UnixMillis {
        UnixMillis::new(ms).unwrap()
    }

    fn street<'a>(login: &'a str, client: &'a str) -> Door<'a> {
        Door::Street { login, client }
    }

    #[test]
    fn who_is_wrong_too_often_locks_a_name_for_one_client_alone() {
        let mut tries = Tries::default();
        let mut outcomes = |client: &str, ms| tries.begin(street("Wang ", client), at(ms), LEVEL).unwrap();
        let stranger: Vec<Try> = (0..6).map(|ms| outcomes("192.0.2.1", ms)).collect();
        assert_eq!(stranger[..4], [Try::Counted; 4]);
        assert_eq!(stranger[4..], [Try::Last, Try::Locked]);
        assert_eq!(outcomes("192.0.2.2", 6), Try::Counted, "the owner, elsewhere");
        assert_eq!(outcomes("192.0.2.1", 4 + LEVEL.lock_ms()), Try::Counted, "after its time");
    }

    #[test]
    fn guesses_from_many_clients_find_an_end_but_not_for_who_signed_in_before() {
        let mut tries = Tries::default();
        let owner = street("wang", "198.51.100.1");
        tries.begin(owner, at(0), LEVEL).unwrap();
        tries.right(owner, at(0)).unwrap();
        let clients: Vec<String> = (0..20).map(|i| format!("192.0.2.{i}")).collect();
        let mut made = 0;
        for _ in 0..LEVEL.failures_max() {
            for client in &clients {
                made += u32::from(tries.begin(street("wang", client), at(1), LEVEL).unwrap() != Try::Locked);
                // The owner's own sign-ins give nobody a guess more.
                tries.begin(owner, at(1), LEVEL).unwrap();
                tries.right(owner, at(1)).unwrap();
            }
        }
        assert_eq!(made, FAILURES_OF_A_NAME_MAX);
        assert_eq!(tries.begin(street("wang", "203.0.113.9"), at(2), LEVEL).unwrap(), Try::Locked);
        assert_eq!(tries.begin(street("li", "203.0.113.9"), at(2), LEVEL).unwrap(), Try::Counted, "another name");
        assert_eq!(tries.begin(owner, at(2), LEVEL).unwrap(), Try::Counted);
        tries.forget("wang", AccountId::try_from(Uuid::now_v7()).unwrap()).unwrap();
        assert!(tries.welcome.is_empty(), "who signed in with the old password is a stranger with the new one");
    }

    #[test]
    fn a_door_that_is_locked_locks_no_other_and_a_new_password_opens_those_of_the_account() {
        let account = AccountId::try_from(Uuid::now_v7()).unwrap();
        let session = Uuid::now_v7();
        let doors = [street("wang", "a"), Door::Factor(account), Door::Inside(session)];
        for locked in doors {
            let mut tries = Tries::default();
            while tries.begin(locked, at(0), LEVEL).unwrap() != Try::Locked {}
            let open = |tries: &mut Tries, door| tries.begin(door, at(1), LEVEL).unwrap() != Try::Locked;
            let others = doors.iter().filter(|door| open(&mut tries, **door)).count();
            assert_eq!(others, 2, "{locked:?}");
            tries.forget("WANG", account).unwrap();
            assert_eq!(open(&mut tries, locked), !matches!(locked, Door::Inside(_)), "{locked:?}");
        }
    }
}
