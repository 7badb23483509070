//! Where letters wait until they have left: a few are on their way at once, so that a mail server that is slow or hangs
//! takes neither its own patience nor the threads that others need, and one that says "later" is asked again.
//!
//! It is in memory alone: what waits at a stop is lost, and whoever got no letter asks for another.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Message;
use tokio::sync::Semaphore;

use super::server::Undelivered;
use super::{Letter, LetterSettings};

/// Letters on their way at once. Mail servers bear a few connections of one client, and each takes a thread.
const AT_ONCE: usize = 2;
/// Letters that wait; the next one is dropped. More than one round of reminders.
const WAITING_MAX: usize = 2_000;
/// When a letter is tried again that may pass later. Servers that do not know a sender say "later" for some minutes.
const TRY_AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(600)];

/// What became of a letter that was tried once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Delivery {
    /// It was delivered.
    Done,
    /// Not now: another try may do better.
    Later,
    /// Not this letter, however often.
    Refused,
}

/// The office of one service.
pub(in super::super) struct PostOffice {
    settings: LetterSettings,
    counters: Semaphore,
    room: Arc<Semaphore>,
}

impl PostOffice {
    pub(in super::super) fn new(settings: LetterSettings) -> Self {
        Self { settings, counters: Semaphore::new(AT_ONCE), room: Arc::new(Semaphore::new(WAITING_MAX)) }
    }

    /// Takes a letter, and sees to it beside whatever goes on. Must be called within a tokio runtime.
    pub(super) fn take(self: &Arc<Self>, letter: Letter) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!("a letter was dropped: too many wait for the mail server");
            return;
        };
        let office = Arc::clone(self);
        tokio::spawn(async move {
            let _place = place;
            // Not the address, and not the text: either may be personal.
            if let Err(undelivered) = office.send(letter).await {
                tracing::warn!(error = undelivered.what, "a letter could not be delivered");
            }
        });
    }

    /// Tries a letter once.
    pub(super) async fn deliver(&self, letter: Letter) -> Delivery {
        let sent = match self.written(&letter) {
            Ok(message) => self.try_once(&message).await,
            Err(unwritten) => Err(unwritten),
        };
        let Err(undelivered) = sent else { return Delivery::Done };
        tracing::warn!(error = undelivered.what, "a letter could not be delivered");
        if undelivered.may_pass { Delivery::Later } else { Delivery::Refused }
    }

    fn written(&self, letter: &Letter) -> Result<Arc<Message>, Undelivered> {
        let message = letter.message(&self.settings);
        message.map(Arc::new).map_err(|what| Undelivered { what, may_pass: false })
    }

    async fn send(&self, letter: Letter) -> Result<(), Undelivered> {
        let message = self.written(&letter)?;
        for pause in TRY_AGAIN_AFTER {
            match self.try_once(&message).await {
                Err(undelivered) if undelivered.may_pass => {
                    tracing::info!(error = undelivered.what, "a letter is tried again later");
                    tokio::time::sleep(pause).await;
                }
                settled => return settled,
            }
        }
        self.try_once(&message).await
    }

    async fn try_once(&self, message: &Arc<Message>) -> Result<(), Undelivered> {
        let lost = |error: &dyn std::fmt::Display| Undelivered { what: error.to_string(), may_pass: false };
        let _counter = self.counters.acquire().await.map_err(|error| lost(&error))?;
        let (post, message) = (self.settings.post.clone(), Arc::clone(message));
        tokio::task::spawn_blocking(move || post.deliver(&message)).await.map_err(|error| lost(&error))?
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{MailServer, Post};
    use super::*;

    fn letter() -> Letter {
        Letter { to: "wang@example.org".into(), subject: "学时".into(), text: "您好".into() }
    }

    /// An office whose mail server greets everybody with `words` and says no more; how often it did.
    fn greeted(words: &'static str) -> (PostOffice, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (url, greeted) = (format!("smtp://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&greeted);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                drop(stream.unwrap().write_all(words.as_bytes()));
            }
        });
        let post = Post::Server(MailServer::new(&url, None).unwrap());
        (PostOffice::new(LetterSettings { post, ..LetterSettings::default() }), greeted)
    }

    /// With a clock of its own, which goes on when nothing else does: nobody waits for the minutes.
    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_is_refused_is_not() {
        for (words, tries) in [("421 later\r\n", 3), ("554 never\r\n", 1), ("", 3), ("no mail here\r\n", 3)] {
            let (office, greeted) = greeted(words);
            let undelivered = office.send(letter()).await.unwrap_err();
            assert_eq!(greeted.load(Ordering::SeqCst), tries, "{words}: {}", undelivered.what);
            assert!(!undelivered.what.contains("later"), "the server's words are not repeated");
            let once = if tries == 1 { Delivery::Refused } else { Delivery::Later };
            assert_eq!(office.deliver(letter()).await, once, "{words}");
        }
        let (office, greeted) = greeted("421 later\r\n");
        let unwritable = Letter { to: "nobody".into(), ..letter() };
        assert!(!office.send(unwritable).await.unwrap_err().may_pass);
        assert_eq!(greeted.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_server_that_hangs_holds_a_few_letters_and_the_others_wait_elsewhere() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let held = Arc::new(Mutex::new(Vec::new()));
        let holds = Arc::clone(&held);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                holds.lock().unwrap().push(stream.unwrap());
            }
        });
        let post = Post::Server(MailServer::new(&url, None).unwrap());
        let office = Arc::new(PostOffice::new(LetterSettings { post, ..LetterSettings::default() }));
        for _ in 0..20 {
            office.take(letter());
        }
        let count = || held.lock().unwrap().len();
        while count() < AT_ONCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(office.room.available_permits(), WAITING_MAX - 20);
        assert_eq!(office.counters.available_permits(), 0);
        assert_eq!(count(), AT_ONCE);
        // The server is gone: those on their way fail, and this test's end does not wait for its patience.
        held.lock().unwrap().clear();
    }

    #[tokio::test]
    async fn a_letter_that_finds_no_room_is_dropped() {
        let office = Arc::new(PostOffice::new(LetterSettings::default()));
        let all = Arc::clone(&office.room).try_acquire_many_owned(WAITING_MAX as u32).unwrap();
        office.take(letter());
        drop(all);
        assert_eq!(office.room.available_permits(), WAITING_MAX);
    }
}
