//! Reminders of the annual requirement (9.4.1.2): a letter at set distances from the last day on which something missing
//! can be made up, and one notice of each year that ended short (`ce.shortfall_action`). The home page reminds from the
//! same days on ([`Service::deadline`]).
//!
//! The letter that was sent is written down before it goes out: a crash in between loses it, and never sends one twice.
//! One that is known not to have been delivered is tried again each hour, a bounded number of times, unless it was refused for good. Whoever needs none is
//! not written down, so that a correction that takes hours away is still told of.

mod letter;
#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::sync::Weak;
use std::time::Duration;

use super::Service;
use super::access::{AccountId, Actor};
use super::error::Error;
use super::letters::{Delivery, Post};
use super::standing::{CqoRecord, CqoYear, StandingState};
use super::tables::{REMINDED, RemindedRow};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::{Ending, ShortYear, Shortfall};
use crate::standard::{Day, day_of};
use crate::store::Commit;

/// Letters of one round; the next round sends more.
const MAX_LETTERS: usize = 500;
/// How often a letter that cannot be delivered is tried, an hour apart: a day of trouble is survived.
const MAX_TRIES: u16 = 24;
/// So many letters in a row that cannot be delivered now end a round: it is the mail server, not the letters.
const MAX_FAILED: usize = 5;
/// So many days after a year that ended short a letter tells of it: what was claimed in its last days is reviewed and
/// sealed by then, and still counts.
const SETTLED_DAYS: i64 = 30;
/// For so many days a year that ended short is told of where nothing has to be made up, and a letter is sent.
const TOLD_DAYS: i64 = 365;
/// The distance that stands for the notice: the year is over.
const NOTICE: u16 = 0;
/// How often it is looked whether somebody is to be reminded, by the service's clock.
const INTERVAL_MS: i64 = 3_600_000;
/// How often it is looked whether that time has passed.
const PAUSE: Duration = Duration::from_secs(60);

/// Days before the last day at which a reminder goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReminderDays(Vec<u16>);

impl Default for ReminderDays {
    fn default() -> Self {
        Self(vec![90, 30, 7])
    }
}

/// As the configuration has it: numbers with commas between them, or `off`.
impl FromStr for ReminderDays {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "off" {
            return Ok(Self(Vec::new()));
        }
        let days = text.split(',').map(|days| days.trim().parse().map_err(drop));
        days.collect::<Result<_, ()>>().ok().and_then(Self::new).ok_or(())
    }
}

impl ReminderDays {
    /// The most distances.
    pub const MAX: usize = 10;

    fn new(days: Vec<u16>) -> Option<Self> {
        let fits = days.len() <= Self::MAX && days.iter().all(|days| (1..=365).contains(days));
        fits.then_some(Self(days))
    }

    /// The distance that is reached when so many days are left: the smallest of those that are not below.
    fn reached(&self, days_left: i64) -> Option<u16> {
        let reached = |distance: &u16| (0..=i64::from(*distance)).contains(&days_left);
        self.0.iter().copied().filter(reached).min()
    }
}

/// The last day of an open year, when it is as near as one of [`ReminderDays`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The last day on which something missing can be made up.
    pub due: Day,
    /// What ends with it.
    pub ending: Ending,
    /// So many days are left; 0 on the day itself.
    pub days_left: i64,
    /// The distance that is reached, in days.
    pub distance: u16,
    /// No nearer distance follows.
    pub is_last: bool,
}

/// A letter that is due.
struct Reminder {
    account: AccountId,
    to: String,
    name: String,
    about: About,
}

/// What it is about.
enum About {
    /// Something is missing, and can still be made up in its year.
    Deadline(Deadline, Vec<Shortfall>),
    /// A year ended short.
    Short(ShortYear),
}

impl Service {
    /// Reminds every hour until the service is dropped.
    pub(super) async fn run_reminders(service: Weak<Self>) {
        let mut last = None;
        loop {
            let Some(now) = service.upgrade() else { return };
            let moment = now.clock.now().millis();
            if last.is_none_or(|last| moment - last >= INTERVAL_MS || moment < last) {
                last = Some(moment);
                if let Err(error) = now.remind_round().await {
                    tracing::warn!(%error, "reminding stopped; it is tried again in an hour");
                }
            }
            drop(now);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends what is due now, one letter after the other; returns how many were delivered. What fails for one account
    /// is logged, and keeps no other one from being reminded.
    pub async fn remind_round(&self) -> Result<usize, Error> {
        if self.settings.letters.post == Post::Nowhere {
            return Ok(0);
        }
        Self::apart(async {
            let today = day_of(self.clock.now()).map_err(Error::internal)?;
            let (mut tried, mut sent, mut failed) = (0, 0, 0);
            for (account, login, learners) in self.learners_accounts() {
                let reminders = self.reminders(account, login, &learners, today).await;
                for reminder in reminders.unwrap_or_else(|error| passed_over(account, &error)) {
                    match self.remind(&reminder).await {
                        Ok(None) => {}
                        Ok(Some(Delivery::Done)) => (tried, sent, failed) = (tried + 1, sent + 1, 0),
                        Ok(Some(Delivery::Later)) => (tried, failed) = (tried + 1, failed + 1),
                        Ok(Some(Delivery::Refused)) => tried += 1,
                        Err(error) => drop(passed_over(account, &error)),
                    }
                    if tried == MAX_LETTERS || failed == MAX_FAILED {
                        return Ok(sent);
                    }
                }
            }
            Ok(sent)
        })
        .await
    }

    /// What an account is to be told by letter today, told before or not.
    async fn reminders(
        &self,
        account: AccountId,
        login: String,
        learners: &[LearnerId],
        today: Day,
    ) -> Result<Vec<Reminder>, Error> {
        // Other sign-in names are no addresses.
        if login.parse::<lettre::Address>().is_err() {
            return Ok(Vec::new());
        }
        let Some(record) = self.record_of_account(learners).await? else { return Ok(Vec::new()) };
        let open = record.years.first().and_then(|year| {
            let deadline = self.deadline(year, today)?;
            Some(About::Deadline(deadline, year.standing.shortfalls().collect()))
        });
        let recent = |short: &ShortYear| (SETTLED_DAYS..=TOLD_DAYS).contains(&short.due.days_until(today));
        let short = Self::short_to_tell(&record.short, today).filter(|short| recent(short)).cloned().map(About::Short);
        let reminder = |about| Reminder { account, to: login.clone(), name: record.cqo.name.clone(), about };
        Ok(short.chain(open).map(reminder).collect())
    }

    /// What there is to remind of today in a year: nothing while it is far from its end, complete or over.
    pub fn deadline(&self, year: &CqoYear, today: Day) -> Option<Deadline> {
        let (due, ending) = year.standing.period.end().filter(|_| year.state == StandingState::Open)?;
        let (days_left, distances) = (today.days_until(due), &self.settings.reminder_days);
        let distance = distances.reached(days_left)?;
        Some(Deadline { due, ending, days_left, distance, is_last: distances.0.iter().min() == Some(&distance) })
    }

    /// The years that ended short of which a CQO is told: as long as they block recertification, and the others for a
    /// while.
    pub fn short_to_tell(short: &[ShortYear], today: Day) -> impl Iterator<Item = &ShortYear> {
        let is_recent = move |short: &ShortYear| short.due.days_until(today) <= TOLD_DAYS;
        short.iter().filter(move |short| short.blocks() || (!short.must_be_made_up && is_recent(short)))
    }

    /// How the person of an account stands; nothing for one who was erased in between.
    async fn record_of_account(&self, learners: &[LearnerId]) -> Result<Option<CqoRecord>, Error> {
        let known = learners.iter().find(|learner| self.directory().learner(**learner).is_some());
        let Some(learner) = known else { return Ok(None) };
        match self.cqo(&Actor::Operator, *learner).await {
            Ok(record) => Ok(Some(record)),
            Err(Error::Erased(_) | Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes down that a letter goes out, and sends it; what became of it, and nothing where it was delivered before, or
    /// was tried often enough.
    async fn remind(&self, reminder: &Reminder) -> Result<Option<Delivery>, Error> {
        let (due, distance) = reminder.occasion();
        let key = (reminder.account.uuid(), due.to_string());
        let before = REMINDED.get(&*self.store, &key).await?;
        let again = before.as_ref().filter(|row| row.value.distance <= distance);
        if again.is_some_and(|row| !row.value.undelivered || row.value.failed >= MAX_TRIES) {
            return Ok(None);
        }
        let failed = again.map_or(0, |row| row.value.failed);
        let row = RemindedRow { distance, at: self.clock.now(), failed, undelivered: false };
        let condition = match &before {
            Some(before) => REMINDED.at_version(&key, before.version),
            None => REMINDED.absent(&key),
        };
        let event = self.event(&Actor::Operator, "remind", reminder.subject());
        let commit = Commit::new(event).when(condition).write(REMINDED.put(&key, &row)?);
        let version = self.store.commit(commit).await?.sequence;
        let delivery = self.deliver_letter(reminder.letter()).await;
        let failed = match delivery {
            Delivery::Done => return Ok(Some(delivery)),
            Delivery::Later => failed + 1,
            Delivery::Refused => MAX_TRIES,
        };
        let row = RemindedRow { failed, undelivered: true, ..row };
        let event = self.event(&Actor::Operator, "remind", format!("{}: not delivered", reminder.subject()));
        let commit = Commit::new(event).when(REMINDED.at_version(&key, version)).write(REMINDED.put(&key, &row)?);
        self.store.commit(commit).await?;
        Ok(Some(delivery))
    }
}

/// Nothing, of an account that has to wait for the next round.
fn passed_over(account: AccountId, error: &Error) -> Vec<Reminder> {
    tracing::warn!(%account, %error, "an account was not reminded; it is tried again in an hour");
    Vec::new()
}

impl Reminder {
    /// The last day of what it is about, and the distance from it.
    const fn occasion(&self) -> (Day, u16) {
        match &self.about {
            About::Deadline(deadline, _) => (deadline.due, deadline.distance),
            About::Short(short) => (short.due, NOTICE),
        }
    }

    /// As the record of what happened names it.
    fn subject(&self) -> String {
        match self.occasion() {
            (due, NOTICE) => format!("{} that the year to {due} ended short", self.account),
            (due, distance) => format!("{} {distance} days before {due}", self.account),
        }
    }
}
