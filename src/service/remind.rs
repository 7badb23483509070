//! Reminders of the annual requirement (9.4.1.2): a letter at set distances from the last day on which something missing
//! can be made up. The home page reminds from the same days on ([`Service::deadline`]).
//!
//! The letter that was sent is written down before it goes out: a crash in between loses one reminder, and never sends
//! one twice. Whoever needs none is not written down, so that a correction that takes hours away is still told of.

use std::str::FromStr;
use std::sync::Weak;
use std::time::Duration;

use super::Service;
use super::access::{AccountId, Actor};
use super::error::Error;
use super::letters::{Letter, Post};
use super::standing::{CqoYear, StandingState};
use super::tables::{REMINDED, RemindedRow};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::Shortfall;
use crate::standard::{CreditHours, Day, day_of};
use crate::store::Commit;

/// Letters of one round; the next round sends more.
const MAX_LETTERS: usize = 500;
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
    /// So many days are left; 0 on the day itself.
    pub days_left: i64,
    /// The distance that is reached, in days.
    pub distance: u16,
    /// No nearer distance follows.
    pub is_last: bool,
}

/// Who is to be reminded of what.
struct Reminder {
    account: AccountId,
    to: String,
    name: String,
    deadline: Deadline,
    lacks: Vec<Shortfall>,
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

    /// Sends what is due now; returns how many letters went out.
    pub async fn remind_round(&self) -> Result<usize, Error> {
        if self.settings.letters.post == Post::Nowhere || self.settings.reminder_days.0.is_empty() {
            return Ok(0);
        }
        Self::apart(async {
            let (today, mut sent) = (day_of(self.clock.now()).map_err(Error::internal)?, 0);
            for (account, login, learners) in self.learners_accounts() {
                if sent == MAX_LETTERS {
                    break;
                }
                let Some(reminder) = self.reminder(account, login, &learners, today).await? else { continue };
                sent += usize::from(self.remind(reminder).await?);
            }
            Ok(sent)
        })
        .await
    }

    /// What an account is to be reminded of today, sent before or not.
    async fn reminder(
        &self,
        account: AccountId,
        login: String,
        learners: &[LearnerId],
        today: Day,
    ) -> Result<Option<Reminder>, Error> {
        // Other sign-in names are no addresses.
        if login.parse::<lettre::Address>().is_err() {
            return Ok(None);
        }
        let Some((year, name)) = self.year_of_account(learners).await? else { return Ok(None) };
        let Some(deadline) = self.deadline(&year, today) else { return Ok(None) };
        let lacks = year.standing.shortfalls().collect();
        Ok(Some(Reminder { account, to: login, name, deadline, lacks }))
    }

    /// What there is to remind of today in a year: nothing while it is far from its end, complete or over.
    pub fn deadline(&self, year: &CqoYear, today: Day) -> Option<Deadline> {
        let due = year.standing.due().filter(|_| year.state == StandingState::Open)?;
        let (days_left, distances) = (today.days_until(due), &self.settings.reminder_days);
        let distance = distances.reached(days_left)?;
        Some(Deadline { due, days_left, distance, is_last: distances.0.iter().min() == Some(&distance) })
    }

    /// How the person of an account stands in the year of today; nothing for one who was erased in between.
    async fn year_of_account(&self, learners: &[LearnerId]) -> Result<Option<(CqoYear, String)>, Error> {
        let known = learners.iter().find_map(|learner| {
            let name = self.directory().learner(*learner).map(|(_, name)| name.clone())?;
            Some((*learner, name))
        });
        let Some((learner, name)) = known else { return Ok(None) };
        match self.standing(&Actor::Operator, learner, None).await {
            Ok(year) => Ok(Some((year, name))),
            Err(Error::Erased(_) | Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes down that a reminder goes out, and sends it; whether it had not been sent before.
    async fn remind(&self, reminder: Reminder) -> Result<bool, Error> {
        let Deadline { due, distance, .. } = reminder.deadline;
        let key = (reminder.account.uuid(), due.to_string());
        let before = REMINDED.get(&*self.store, &key).await?;
        if before.as_ref().is_some_and(|row| row.value.distance <= distance) {
            return Ok(false);
        }
        let row = RemindedRow { distance, at: self.clock.now() };
        let subject = format!("{} {distance} days before {due}", reminder.account);
        let commit = Commit::new(self.event(&Actor::Operator, "remind", subject));
        let condition = match before {
            Some(before) => REMINDED.at_version(&key, before.version),
            None => REMINDED.absent(&key),
        };
        self.store.commit(commit.when(condition).write(REMINDED.put(&key, &row)?)).await?;
        self.send_letter(reminder.letter());
        Ok(true)
    }
}

impl Reminder {
    fn letter(&self) -> Letter {
        let lacks = |words: fn(&Shortfall) -> String| {
            self.lacks.iter().map(|lack| format!("    {}", words(lack))).collect::<Vec<_>>().join("\n")
        };
        let text = include_str!("letters/reminder.txt")
            .replace("{name}", &self.name)
            .replace("{due}", &self.deadline.due.to_string())
            .replace("{days}", &self.deadline.days_left.to_string())
            .replace("{lacks_zh}", &lacks(in_chinese))
            .replace("{lacks_en}", &lacks(in_english));
        let subject = format!("首席质量官继续教育：还有 {0} 天 / CQO training: {0} days left", self.deadline.days_left);
        Letter { to: self.to.clone(), subject, text }
    }
}

fn in_chinese(lack: &Shortfall) -> String {
    match lack {
        Shortfall::Hours(hours) => format!("还差 {} 学时", plain(*hours)),
        Shortfall::Activities(count) => format!("还差 {count} 次质量专业培训活动"),
    }
}

fn in_english(lack: &Shortfall) -> String {
    match lack {
        Shortfall::Hours(hours) => format!("{} credit hours", plain(*hours)),
        Shortfall::Activities(count) => format!("{count} training activities organised by you"),
    }
}

/// Hours without zeros that say nothing: `1.5`.
fn plain(hours: CreditHours) -> String {
    let text = hours.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::clock::Clock as _;
    use super::super::testing::*;
    use super::*;

    /// A directory of letters.
    struct Mailbox(tempfile::TempDir);

    impl Mailbox {
        /// How many letters there are, once those under way have come.
        async fn count(&self, expected: usize) -> usize {
            let count = || std::fs::read_dir(self.0.path()).unwrap().count();
            until("the letters have come", async || count() >= expected).await;
            count()
        }
    }

    /// An account of a learner that has joined.
    async fn join_learner(world: &World, login: &str, learner: LearnerId) {
        let grant = json!({"role": "learner", "organisation": authority().code});
        let input = json!({"login": login, "name": "王芳", "grants": [grant], "learners": [learner]});
        let invited = world.service().invite(&Actor::Operator, input).await.unwrap();
        world.service().join(&invited.code.unwrap().to_string(), "Qiyuan-2026").await.unwrap();
    }

    async fn world_with_mail() -> (World, Mailbox) {
        let mut world = World::new().await;
        let mailbox = Mailbox(crate::store::remains::scratch());
        world.settings.letters.post = Post::Files(mailbox.0.path().to_owned());
        world.reopen().await.unwrap();
        (world, mailbox)
    }

    #[test]
    fn a_distance_is_reached_from_its_day_on_until_the_next() {
        let days = ReminderDays::default();
        for (left, reached) in [
            (91, None),
            (90, Some(90)),
            (31, Some(90)),
            (30, Some(30)),
            (8, Some(30)),
            (7, Some(7)),
            (0, Some(7)),
            (-1, None),
        ] {
            assert_eq!(days.reached(left), reached, "{left}");
        }
        assert_eq!(ReminderDays::new(Vec::new()).unwrap().reached(1), None);
        assert_eq!("90, 30,7".parse(), Ok(days));
        assert_eq!("off".parse(), Ok(ReminderDays::new(Vec::new()).unwrap()));
        for bad in ["", "0", "366", "7,", "a", "-1", "1,2,3,4,5,6,7,8,9,10,11"] {
            assert_eq!(bad.parse::<ReminderDays>(), Err(()), "{bad}");
        }
    }

    /// 2026-11-22 is 39 days before the year's end.
    #[tokio::test]
    async fn whoever_falls_short_is_reminded_once_a_distance_over_restarts() {
        let (mut world, mailbox) = world_with_mail().await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        join_learner(&world, "no-address", provider_b().learner.id).await;
        let mut letters = 0;
        for (days, sent) in [(0, 1), (1, 0), (7, 0), (1, 1), (22, 0), (1, 1), (6, 0), (1, 0), (1, 0)] {
            world.clock.advance(days * 86_400_000);
            world.reopen().await.unwrap();
            let service = world.service();
            let day = day_of(world.clock.now()).unwrap();
            assert_eq!(service.remind_round().await.unwrap(), sent, "{day}");
            assert_eq!(service.remind_round().await.unwrap(), 0, "{day}, again");
            letters += sent;
            assert_eq!(mailbox.count(letters).await, letters, "{day}");
        }
    }

    #[tokio::test]
    async fn nobody_is_reminded_without_mail_or_without_distances() {
        let mut world = World::new().await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        assert_eq!(world.service().remind_round().await.unwrap(), 0);
        let mailbox = crate::store::remains::scratch();
        world.settings.letters.post = Post::Files(mailbox.path().to_owned());
        world.settings.reminder_days = ReminderDays::new(Vec::new()).unwrap();
        world.reopen().await.unwrap();
        assert_eq!(world.service().remind_round().await.unwrap(), 0);
    }

    #[test]
    fn a_letter_says_in_both_languages_what_is_missing() {
        let reminder = Reminder {
            account: AccountId::try_from(uuid::Uuid::now_v7()).unwrap(),
            to: "wang@example.org".into(),
            name: "王芳".into(),
            deadline: Deadline {
                due: "2026-12-31".parse().unwrap(),
                days_left: 30,
                distance: 30,
                is_last: false,
            },
            lacks: vec![Shortfall::Hours(CreditHours::from_hundredths(150)), Shortfall::Activities(1)],
        };
        let letter = reminder.letter();
        for part in ["王芳", "2026-12-31（还有 30 天）", "    还差 1.5 学时\n    还差 1 次", "    1.5 credit hours\n"]
        {
            assert!(letter.text.contains(part), "{part} is not in {}", letter.text);
        }
        assert!(!letter.text.replace("{site}", "").contains('{'), "{}", letter.text);
    }
}
