//! A mailbox of files forgets: what is old by the clock, and the letters to somebody who is erased.

use std::path::Path;
use std::sync::Weak;
use std::time::Duration;

use super::super::Service;
use super::super::error::Error;
use super::{Post, sweep};

/// How often old letters are looked for, also while none is written.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

impl Service {
    /// Removes old letters for as long as the service runs.
    pub(in super::super) async fn run_mailbox(service: Weak<Self>) {
        while let Some(running) = service.upgrade() {
            if let Post::Files(dir) = running.settings.letters.post.clone() {
                drop(tokio::task::spawn_blocking(move || sweep(&dir)).await);
            }
            drop(running);
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    }

    /// Removes the letters to somebody's address. What a crash leaves of them goes with its time.
    pub(in super::super) async fn forget_letters(&self, addresses: Vec<String>) -> Result<(), Error> {
        let Post::Files(dir) = self.settings.letters.post.clone() else { return Ok(()) };
        let forget_all = move || addresses.iter().for_each(|address| forget(&dir, address));
        tokio::task::spawn_blocking(forget_all).await.map_err(Error::internal)
    }
}

fn forget(dir: &Path, address: &str) {
    let letters = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path());
    for path in letters.filter(|path| path.extension().is_some_and(|extension| extension == "eml")) {
        let is_theirs = std::fs::read(&path).is_ok_and(|bytes| is_to(&String::from_utf8_lossy(&bytes), address));
        if is_theirs && let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(%error, "a letter to somebody who was erased cannot be removed");
        }
    }
}

/// Whether a letter's head names this address as whom it is to.
fn is_to(letter: &str, address: &str) -> bool {
    let head = letter.split("\r\n\r\n").next().unwrap_or_default();
    let to = head.lines().filter_map(|line| line.strip_prefix("To: "));
    to.map(|to| to.trim().trim_start_matches('<').trim_end_matches('>')).any(|to| to.eq_ignore_ascii_case(address))
}

#[cfg(test)]
mod tests {
    use super::super::{Letter, LetterSettings};
    use super::*;

    #[test]
    fn letters_to_who_is_erased_go_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let post = Post::Files(dir.path().to_owned());
        let settings = LetterSettings { post: post.clone(), from: None, site: None };
        for to in ["Wang@example.org", "li.wang@example.org"] {
            let text = "wang@example.org\r\n\r\nTo: wang@example.org".into();
            let letter = Letter { to: to.into(), subject: "学时".into(), text };
            post.deliver(&letter.message(&settings).unwrap()).unwrap();
        }
        let letters = || {
            std::fs::read_dir(dir.path()).unwrap().filter(|f| f.as_ref().unwrap().path().extension().unwrap() == "eml")
        };
        assert_eq!(letters().count(), 2);
        forget(dir.path(), "wang@example.org");
        let left = letters().next().unwrap().unwrap().path();
        assert_eq!(letters().count(), 1);
        assert!(is_to(&std::fs::read_to_string(left).unwrap(), "li.wang@example.org"));
    }
}
