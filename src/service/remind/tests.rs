//! Who is reminded when, and what becomes of letters that are not delivered.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::super::access::AccountRole;
use super::super::accounts::Again;
use super::super::clock::Clock as _;
use super::super::letters::MailServer;
use super::super::testing::*;
use super::*;
use crate::standard::CreditHours;

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
    let invited = world.service().invite(&Actor::Operator, Again::default(), input).await.unwrap();
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

/// 2026-11-22 is 39 days before the year's end; thirty days after it comes the notice that it ended short.
#[tokio::test]
async fn whoever_falls_short_is_reminded_once_a_distance_over_restarts() {
    let (mut world, mailbox) = world_with_mail().await;
    note(&world, provider_a().learner.id, "2026-01-01", "2028-12-31").await;
    join_learner(&world, "wang@example.org", provider_a().learner.id).await;
    join_learner(&world, "no-address", provider_b().learner.id).await;
    let mut letters = 0;
    for (days, sent) in
        [(0, 1), (1, 0), (7, 0), (1, 1), (22, 0), (1, 1), (6, 0), (1, 0), (1, 0), (28, 0), (1, 1), (1, 0)]
    {
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

/// A mail server that refuses: no letter is tried twice, and none of them ends the round for the others.
#[tokio::test]
async fn a_letter_that_is_refused_is_not_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, greeted) = (format!("smtp://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&greeted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream.unwrap().write_all(b"554 never\r\n"));
        }
    });
    let mut world = World::new().await;
    world.settings.letters.post = Post::Server(MailServer::new(&url, None).unwrap());
    world.reopen().await.unwrap();
    for (login, who) in [("a@example.org", provider_a()), ("b@example.org", provider_b())] {
        join_learner(&world, login, who.learner.id).await;
        note(&world, who.learner.id, "2026-01-01", "2028-12-31").await;
    }
    let before = greeted.load(Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(world.service().remind_round().await.unwrap(), 0);
        assert_eq!(greeted.load(Ordering::SeqCst) - before, 2);
    }
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
