//! Sessions: in memory alone, so that a restart signs everybody out and no journal keeps a token.
//!
//! A session is known by the digest of its token; whoever reads the memory of the service finds no token in it. The token
//! is drawn anew whenever the rights of the session grow: at sign-in, after the second factor, when the role changes.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::access::AccountId;
use super::super::error::Error;
use super::super::random_bytes;
use super::factor::Enrolment;
use super::password::ProtectionLevel;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// Sessions of one account at once; the oldest ends when there is another one.
const MAX_SESSIONS: usize = 10;
/// Sessions of one account at once that wait for the second factor. They are counted apart: whoever knows the password alone
/// ends nobody's session with it.
const MAX_HALF_WAY: usize = 3;
/// How long a session waits for the second factor, in milliseconds.
const HALF_WAY_MS: i64 = 5 * 60_000;
/// Sessions in all; above them nobody is signed in.
const MAX_ALL_SESSIONS: usize = 100_000;
/// How much of a browser's own description is kept, in characters.
const MAX_AGENT: usize = 200;

/// How far somebody has come in signing in.
#[derive(Clone)]
pub enum Stage {
    /// The password was right, and a code of the second factor is missing.
    SecondFactor,
    /// A second factor has to be set up first.
    Enrol(Enrolment),
    /// The password is too old and has to be changed first.
    NewPassword,
    /// Signed in.
    In,
}

/// One session.
#[derive(Clone)]
pub struct Session {
    /// What it is listed and ended by; no secret.
    pub id: Uuid,
    /// Whose.
    pub account: AccountId,
    /// Which of the account's grants it acts in.
    pub grant: usize,
    /// How far the sign-in has come.
    pub stage: Stage,
    /// Whether its password is weaker than the rules ask now: chosen at a lower level of protection.
    pub weak: bool,
    /// What its forms must hold.
    pub csrf: String,
    /// When it began.
    pub since: UnixMillis,
    /// Its last request.
    pub last_seen: UnixMillis,
    /// What the browser says it is.
    pub agent: String,
    /// What is shown on the next page, once: a catalogue's key.
    pub notice: Option<&'static str>,
}

/// The token of a session: the value of its cookie.
pub struct SessionToken(String);

impl SessionToken {
    /// The value of the cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn draw() -> Result<Self, Error> {
        Ok(Self(hex::encode(random_bytes::<32>()?)))
    }

    fn digest(token: &str) -> Hash {
        Hash::of(&[token.as_bytes()])
    }
}

/// All sessions.
#[derive(Default)]
pub(in crate::service) struct Sessions {
    by_token: HashMap<Hash, Session>,
}

impl Sessions {
    /// Begins a session.
    pub(super) fn begin(
        &mut self,
        account: AccountId,
        stage: Stage,
        weak: bool,
        agent: &str,
        now: UnixMillis,
        level: ProtectionLevel,
    ) -> Result<SessionToken, Error> {
        self.by_token.retain(|_, session| session.lives(now, level));
        self.make_room(account, matches!(stage, Stage::SecondFactor));
        if self.by_token.len() >= MAX_ALL_SESSIONS {
            return Err(Error::Overloaded);
        }
        let agent = agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect();
        let session = Session {
            id: Uuid::now_v7(),
            account,
            grant: 0,
            stage,
            weak,
            csrf: hex::encode(random_bytes::<16>()?),
            since: now,
            last_seen: now,
            agent,
            notice: None,
        };
        let token = SessionToken::draw()?;
        self.by_token.insert(SessionToken::digest(&token.0), session);
        Ok(token)
    }

    /// The session of a token, which this request keeps alive.
    pub(super) fn seen(&mut self, token: &str, now: UnixMillis, level: ProtectionLevel) -> Option<Session> {
        let digest = SessionToken::digest(token);
        let session = self.by_token.get_mut(&digest)?;
        if !session.lives(now, level) {
            self.by_token.remove(&digest);
            return None;
        }
        session.last_seen = session.last_seen.max(now);
        let seen = session.clone();
        session.notice = None;
        Some(seen)
    }

    /// Changes a session under another token; the old token ends with it.
    pub(super) fn renew(&mut self, token: &str, change: impl FnOnce(&mut Session)) -> Result<SessionToken, Error> {
        let fresh = SessionToken::draw()?;
        let mut session = self.by_token.remove(&SessionToken::digest(token)).ok_or(Error::Unauthenticated)?;
        session.csrf = hex::encode(random_bytes::<16>()?);
        let was_half_way = session.is_half_way();
        change(&mut session);
        if was_half_way && !session.is_half_way() {
            self.make_room(session.account, false);
        }
        self.by_token.insert(SessionToken::digest(&fresh.0), session);
        Ok(fresh)
    }

    /// Ends the sessions of an account that were idle longest, of those that are half-way or of the others, so that there is
    /// place for one more.
    fn make_room(&mut self, account: AccountId, half_way: bool) {
        let most = if half_way { MAX_HALF_WAY } else { MAX_SESSIONS };
        let own = self.of(account).filter(|(_, session)| session.is_half_way() == half_way);
        let mut own: Vec<(UnixMillis, Hash)> = own.map(|(token, session)| (session.last_seen, *token)).collect();
        own.sort();
        for (_, oldest) in own.iter().rev().skip(most - 1) {
            self.by_token.remove(oldest);
        }
    }

    /// Notes what the next page of a session shows.
    pub(super) fn note(&mut self, id: Uuid, notice: &'static str) {
        if let Some(session) = self.by_token.values_mut().find(|session| session.id == id) {
            session.notice = Some(notice);
        }
    }

    /// Ends the session of a token; answers whose it was.
    pub(super) fn end(&mut self, token: &str) -> Option<AccountId> {
        self.by_token.remove(&SessionToken::digest(token)).map(|session| session.account)
    }

    /// Ends those sessions of an account that are `chosen`; answers how many.
    pub(super) fn end_of(&mut self, account: AccountId, chosen: impl Fn(&Session) -> bool) -> usize {
        let before = self.by_token.len();
        self.by_token.retain(|_, session| session.account != account || !chosen(session));
        before - self.by_token.len()
    }

    /// The living sessions of an account, the newest first.
    pub(super) fn list(&self, account: AccountId, now: UnixMillis, level: ProtectionLevel) -> Vec<Session> {
        let mut own: Vec<Session> =
            self.of(account).map(|(_, session)| session.clone()).filter(|s| s.lives(now, level)).collect();
        own.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
        own
    }

    fn of(&self, account: AccountId) -> impl Iterator<Item = (&Hash, &Session)> {
        self.by_token.iter().filter(move |(_, session)| session.account == account)
    }
}

impl Session {
    fn lives(&self, now: UnixMillis, level: ProtectionLevel) -> bool {
        let idle = now.millis() - self.last_seen.millis();
        let age = now.millis() - self.since.millis();
        let longest = if self.is_half_way() { HALF_WAY_MS } else { level.session_ms() };
        idle <= level.idle_ms() && age <= longest
    }

    /// Whether it waits for the second factor: the password alone was right.
    fn is_half_way(&self) -> bool {
        matches!(self.stage, Stage::SecondFactor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: ProtectionLevel = ProtectionLevel::Two;

    fn at(ms: i64) -> UnixMillis {
        UnixMillis::new(ms).unwrap()
    }

    fn account() -> AccountId {
        Uuid::now_v7().try_into().unwrap()
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_after_its_longest_time() {
        let idle = LEVEL.idle_ms();
        let mut sessions = Sessions::default();
        let token = sessions.begin(account(), Stage::In, false, "Chromium\n", at(0), LEVEL).unwrap();
        let seen = sessions.seen(token.as_str(), at(idle), LEVEL).unwrap();
        assert_eq!((seen.agent.as_str(), seen.last_seen), ("Chromium", at(idle)));
        assert!(sessions.seen(token.as_str(), at(2 * idle + 1), LEVEL).is_none());
        assert!(sessions.seen(token.as_str(), at(idle), LEVEL).is_none(), "once ended, it stays so");

        let token = sessions.begin(account(), Stage::In, false, "", at(0), LEVEL).unwrap();
        let mut now = 0;
        while now + idle <= LEVEL.session_ms() {
            now += idle;
            assert!(sessions.seen(token.as_str(), at(now), LEVEL).is_some());
        }
        assert!(sessions.seen(token.as_str(), at(LEVEL.session_ms() + 1), LEVEL).is_none());
    }

    #[test]
    fn a_token_that_was_renewed_ends_and_its_form_token_with_it() {
        let mut sessions = Sessions::default();
        let old = sessions.begin(account(), Stage::SecondFactor, false, "", at(0), LEVEL).unwrap();
        let csrf = sessions.seen(old.as_str(), at(1), LEVEL).unwrap().csrf;
        let new = sessions.renew(old.as_str(), |session| session.stage = Stage::In).unwrap();
        assert!(sessions.seen(old.as_str(), at(1), LEVEL).is_none());
        let session = sessions.seen(new.as_str(), at(1), LEVEL).unwrap();
        assert!(matches!(session.stage, Stage::In) && session.csrf != csrf);
        assert!(sessions.renew(old.as_str(), |_| ()).is_err());
    }

    #[test]
    fn who_knows_the_password_alone_ends_no_session_and_waits_not_long() {
        let one = account();
        let mut sessions = Sessions::default();
        let real: Vec<SessionToken> =
            (0..MAX_SESSIONS).map(|_| sessions.begin(one, Stage::In, false, "", at(0), LEVEL).unwrap()).collect();
        let half: Vec<SessionToken> = (1..=MAX_HALF_WAY as i64 + 1)
            .map(|ms| sessions.begin(one, Stage::SecondFactor, false, "", at(ms), LEVEL).unwrap())
            .collect();
        assert!(real.iter().all(|token| sessions.seen(token.as_str(), at(9), LEVEL).is_some()));
        assert!(sessions.seen(half[0].as_str(), at(9), LEVEL).is_none(), "the oldest of those half-way");
        sessions.renew(half[1].as_str(), |session| session.stage = Stage::In).unwrap();
        let inside = sessions.list(one, at(9), LEVEL).iter().filter(|session| !session.is_half_way()).count();
        assert_eq!(inside, MAX_SESSIONS, "one has made room for the one that grew");
        assert!(sessions.seen(half[2].as_str(), at(3 + HALF_WAY_MS), LEVEL).is_some());
        assert!(sessions.seen(half[2].as_str(), at(4 + HALF_WAY_MS), LEVEL).is_none());
    }

    #[test]
    fn sessions_of_an_account_are_listed_ended_and_bounded() {
        let (one, other) = (account(), account());
        let mut sessions = Sessions::default();
        let theirs = sessions.begin(other, Stage::In, false, "", at(0), LEVEL).unwrap();
        let mine: Vec<SessionToken> = (0..MAX_SESSIONS as i64 + 1)
            .map(|ms| sessions.begin(one, Stage::In, false, "", at(ms), LEVEL).unwrap())
            .collect();
        let list = sessions.list(one, at(20), LEVEL);
        assert_eq!(list.len(), MAX_SESSIONS);
        assert!(sessions.seen(mine[0].as_str(), at(20), LEVEL).is_none(), "the oldest has made room");
        let keep = list[0].id;
        assert_eq!(sessions.end_of(one, |session| session.id != keep), MAX_SESSIONS - 1);
        assert_eq!(sessions.list(one, at(20), LEVEL).len(), 1);
        assert!(sessions.seen(theirs.as_str(), at(20), LEVEL).is_some());
        assert_eq!(sessions.end(theirs.as_str()), Some(other));
    }
}
