//! Reminders of the annual requirement (9.4.1.2): a letter at set distances from the last day on which something missing
//! can be made up, and one notice of each year that ended short (`ce.shortfall_action`). The home page reminds from the
//! same days on ([`Service::deadline`]).
//!
//! The letter that was sent is written down before it goes out: a crash in between loses it, and never sends one twice.
//! One that is known not to have been delivered is tried again each hour, a bounded number of times. Whoever needs none is
//! not written down, so that a correction that takes hours away is still told of.

use std::str::FromStr;
use std::sync::Weak;
use std::time::Duration;

use super::Service;
use super::access::{AccountId, Actor};
use super::error::Error;
use super::letters::{Letter, Post};
use super::standing::{CqoRecord, CqoYear, StandingState};
use super::tables::{REMINDED, RemindedRow};
use crate::ledger::entry::LearnerId;
use crate::standard::annual::{Ending, ShortYear, Shortfall};
use crate::standard::{CreditHours, Day, day_of};
use crate::store::Commit;

/// Letters of one round; the next round sends more.
const MAX_LETTERS: usize = 500;
/// How often a letter that cannot be delivered is tried, an hour apart: a day of trouble is survived.
const MAX_TRIES: u16 = 24;
/// So many letters in a row that cannot be delivered end a round: it is the mail server, not the letters.
const MAX_FAILED: usize = 5;
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
        if self.letters.post == Post::Nowhere {
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
                        Ok(Some(true)) => (tried, sent, failed) = (tried + 1, sent + 1, 0),
                        Ok(Some(false)) => (tried, failed) = (tried + 1, failed + 1),
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
        let recent = |short: &ShortYear| short.due.days_until(today) <= TOLD_DAYS;
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

    /// Writes down that a letter goes out, and sends it; whether it was delivered, and nothing where it was before, or
    /// was tried often enough.
    async fn remind(&self, reminder: &Reminder) -> Result<Option<bool>, Error> {
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
        let is_delivered = self.deliver_letter(reminder.letter()).await;
        if !is_delivered {
            let row = RemindedRow { failed: failed + 1, undelivered: true, ..row };
            let event = self.event(&Actor::Operator, "remind", format!("{}: not delivered", reminder.subject()));
            let commit = Commit::new(event).when(REMINDED.at_version(&key, version)).write(REMINDED.put(&key, &row)?);
            self.store.commit(commit).await?;
        }
        Ok(Some(is_delivered))
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

    fn letter(&self) -> Letter {
        let (subject, text) = match &self.about {
            About::Deadline(deadline, lacks) => deadline_letter(deadline, lacks),
            About::Short(short) => short_letter(short),
        };
        Letter { to: self.to.clone(), subject, text: text.replace("{name}", &self.name) }
    }
}

fn deadline_letter(deadline: &Deadline, lacks: &[Shortfall]) -> (String, String) {
    let (ending_zh, ending_en) = match deadline.ending {
        Ending::Year => ("年度结束", "when the year ends"),
        Ending::Certificate => ("认定证书有效期届满", "when your level certificate expires"),
    };
    let text = include_str!("letters/reminder.txt")
        .replace("{due}", &deadline.due.to_string())
        .replace("{days}", &deadline.days_left.to_string())
        .replace("{ending_zh}", ending_zh)
        .replace("{ending_en}", ending_en);
    (
        format!("首席质量官继续教育：还有 {0} 天 / CQO training: {0} days left", deadline.days_left),
        with_lacks(&text, lacks),
    )
}

fn short_letter(short: &ShortYear) -> (String, String) {
    let (ending_zh, ending_en) = match short.period.end() {
        Some((_, Ending::Certificate)) => ("认定证书有效期届满", "your level certificate expired"),
        _ => ("年度已结束", "the year is over"),
    };
    let (follows_zh, follows_en) = if short.blocks() {
        ("再认定前须补足；此后超出当年要求的学时和活动可用于补足。", MADE_UP)
    } else {
        ("", "")
    };
    let text = include_str!("letters/shortfall.txt")
        .replace("{due}", &short.due.to_string())
        .replace("{ending_zh}", ending_zh)
        .replace("{ending_en}", ending_en)
        .replace("{follows_zh}", follows_zh)
        .replace("{follows_en}", follows_en);
    let lacks: Vec<Shortfall> = short.missing.shortfalls().collect();
    ("首席质量官继续教育：年度未达标 / CQO training: a year fell short".into(), with_lacks(&text, &lacks))
}

/// What has to be done about it, in English.
const MADE_UP: &str =
    "It has to be made up before recertification: what you do beyond the need of a later year counts. ";

fn with_lacks(text: &str, lacks: &[Shortfall]) -> String {
    let said = |words: fn(&Shortfall) -> String| {
        lacks.iter().map(|lack| format!("    {}", words(lack))).collect::<Vec<_>>().join("\n")
    };
    text.replace("{lacks_zh}", &said(in_chinese)).replace("{lacks_en}", &said(in_english))
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

    use super::super::access::AccountRole;
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
        let invited =
            world.service().invite(&Actor::Operator, crate::service::accounts::Again::default(), input).await.unwrap();
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

    /// Notes the validity of a level certificate.
    async fn note(world: &World, learner: LearnerId, first: &str, last: &str) {
        let clerk = person(AccountRole::Clerk, &[]);
        let days = json!({"first_day": first, "last_day": last});
        world.service().put_term(&clerk, learner, None, 0, days).await.unwrap();
    }

    /// 2026-11-22 is 39 days before the year's end; after it comes the notice that it ended short.
    #[tokio::test]
    async fn whoever_falls_short_is_reminded_once_a_distance_over_restarts() {
        let (mut world, mailbox) = world_with_mail().await;
        note(&world, provider_a().learner.id, "2026-01-01", "2028-12-31").await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        join_learner(&world, "no-address", provider_b().learner.id).await;
        let mut letters = 0;
        for (days, sent) in [(0, 1), (1, 0), (7, 0), (1, 1), (22, 0), (1, 1), (6, 0), (1, 0), (1, 1), (1, 0)] {
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
    async fn nobody_is_told_of_a_year_before_a_certificate_is_registered() {
        let (world, _mailbox) = world_with_mail().await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        for days in [0, 39, 40] {
            world.clock.advance(days * 86_400_000);
            assert_eq!(world.service().remind_round().await.unwrap(), 0, "{days}");
        }
    }

    /// Of the years that ended short before this one only the last is written of; the page tells of all.
    #[tokio::test]
    async fn a_notice_is_written_once_of_each_year() {
        let (world, mailbox) = world_with_mail().await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        note(&world, provider_a().learner.id, "2024-01-01", "2026-12-31").await;
        for (sent, what) in [(2, "the notice of 2025, and the reminder of 2026"), (0, "again")] {
            assert_eq!(world.service().remind_round().await.unwrap(), sent, "{what}");
        }
        assert_eq!(mailbox.count(2).await, 2);
    }

    #[tokio::test]
    async fn a_letter_that_is_not_delivered_is_tried_again_and_no_more_once_it_is() {
        let (world, mailbox) = world_with_mail().await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        note(&world, provider_a().learner.id, "2026-01-01", "2028-12-31").await;
        std::fs::remove_dir(mailbox.0.path()).unwrap();
        for _ in 0..3 {
            assert_eq!(world.service().remind_round().await.unwrap(), 0);
        }
        std::fs::create_dir(mailbox.0.path()).unwrap();
        for sent in [1, 0] {
            assert_eq!(world.service().remind_round().await.unwrap(), sent);
        }
        assert_eq!(mailbox.count(1).await, 1);
    }

    #[tokio::test]
    async fn a_letter_that_is_never_delivered_is_given_up() {
        let (world, mailbox) = world_with_mail().await;
        join_learner(&world, "wang@example.org", provider_a().learner.id).await;
        note(&world, provider_a().learner.id, "2026-01-01", "2028-12-31").await;
        std::fs::remove_dir(mailbox.0.path()).unwrap();
        for _ in 0..MAX_TRIES {
            assert_eq!(world.service().remind_round().await.unwrap(), 0);
        }
        std::fs::create_dir(mailbox.0.path()).unwrap();
        assert_eq!(world.service().remind_round().await.unwrap(), 0);
        // The next distance is another letter.
        world.clock.advance(9 * 86_400_000);
        assert_eq!(world.service().remind_round().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_fails_for_one_account_keeps_no_other_from_being_reminded() {
        let (world, mailbox) = world_with_mail().await;
        let (a, b) = (provider_a().learner.id, provider_b().learner.id);
        for (login, learner) in [("a@example.org", a), ("b@example.org", b)] {
            join_learner(&world, login, learner).await;
            note(&world, learner, "2026-01-01", "2028-12-31").await;
        }
        // Whichever account is first: what is noted of either is damaged in turn.
        for (damaged, sent) in [(a, 1), (b, 0)] {
            let service = world.service();
            const OF_SCHEMA_1: crate::store::Table<uuid::Uuid, crate::store::WithTail<()>> =
                crate::store::Table::new(27, "terms");
            let row = crate::store::WithTail { head: (), tail: b"damaged".to_vec() };
            let commit = Commit::new(service.event(&Actor::Operator, "put_term", damaged.to_string()));
            service.store.commit(commit.write(OF_SCHEMA_1.put(&damaged.uuid(), &row).unwrap())).await.unwrap();
            service.standings.forget(damaged);
            assert_eq!(service.remind_round().await.unwrap(), sent);
        }
        assert_eq!(mailbox.count(1).await, 1);
    }

    /// What the home page reminds of, day by day: of a certificate that ends on 2 July, its end and not the year's.
    #[tokio::test]
    async fn a_deadline_names_the_day_that_counts() {
        let world = World::new().await;
        let (a, b) = (provider_a().learner.id, provider_b().learner.id);
        note(&world, a, "2024-01-01", "2027-07-02").await;
        note(&world, b, "2024-01-01", "2028-12-31").await;
        let told = async |learner| {
            let (service, today) = (world.service(), world.service().today().unwrap());
            let year = service.standing(&Actor::Operator, learner).await.unwrap();
            service.deadline(&year, today).map_or_else(String::new, |deadline| {
                let Deadline { due, ending, days_left, distance, is_last } = deadline;
                format!("{due} {ending:?} {days_left} {distance} {is_last}")
            })
        };
        for (days, of_a, of_b) in [
            (0, "2026-12-31 Year 39 90 false", "2026-12-31 Year 39 90 false"),
            (39, "2026-12-31 Year 0 7 true", "2026-12-31 Year 0 7 true"),
            (1, "", ""),
            (172, "2027-07-02 Certificate 10 30 false", ""),
            (10, "2027-07-02 Certificate 0 7 true", ""),
            // It is over, though the year is not.
            (1, "", ""),
        ] {
            world.clock.advance(days * 86_400_000);
            let day = world.service().today().unwrap();
            assert_eq!((told(a).await.as_str(), told(b).await.as_str()), (of_a, of_b), "{day}");
        }
    }

    #[tokio::test]
    async fn nobody_is_reminded_without_mail_or_without_distances() {
        let mut world = World::new().await;
        note(&world, provider_a().learner.id, "2026-01-01", "2028-12-31").await;
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
            about: About::Deadline(
                Deadline {
                    due: "2026-07-02".parse().unwrap(),
                    ending: Ending::Certificate,
                    days_left: 30,
                    distance: 30,
                    is_last: false,
                },
                vec![Shortfall::Hours(CreditHours::from_hundredths(150)), Shortfall::Activities(1)],
            ),
        };
        let letter = reminder.letter();
        for part in [
            "王芳",
            "2026-07-02（还有 30 天）",
            "认定证书有效期届满",
            "    还差 1.5 学时\n    还差 1 次",
            "    1.5 credit hours\n",
        ] {
            assert!(letter.text.contains(part), "{part} is not in {}", letter.text);
        }
        assert!(!letter.text.replace("{site}", "").contains('{'), "{}", letter.text);
    }
}
