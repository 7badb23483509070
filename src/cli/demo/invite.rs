//! Organisations and accounts: registered and invited by the operator, joined by everybody with the one-time code.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::Failure;
use super::super::client::Client;
use super::cast::Account;
use super::draw::Year;
use super::fill::put;
use super::people::{AUTHORITY_NAME, authority_code, large_employers};
use super::portal::Visitor;

/// The password of every account of a demo. It belongs to data that are all invented; the product itself has no default
/// password, and makes no account by itself.
pub(super) const PASSWORD: &str = "Yunling-2026";
/// How many join at once: each costs a hash that is slow on purpose.
const AT_ONCE: usize = 4;

/// Registers the employers and the authority, so that people can have roles within them.
pub(super) fn register_organisations(operator: &Client) -> Result<(), Failure> {
    for (name, code) in large_employers()? {
        put(operator, "/api/v1/organisations", &json!({"code": code, "name": name, "roles": ["employer"]}))?;
    }
    let authority = json!({"code": authority_code()?, "name": AUTHORITY_NAME, "roles": ["competent_authority"]});
    put(operator, "/api/v1/organisations", &authority).map(drop)
}

/// Invites all, and joins as each of those who join.
pub(super) fn invite(operator: &Client, url: &str, accounts: &[Account], year: &Year) -> Result<(), Failure> {
    at_once(AT_ONCE, accounts, |account| {
        let answer = put(operator, "/api/v1/accounts", &invitation(account, year))?;
        let code = answer["code"].as_str().ok_or_else(|| Failure::new("no one-time code was answered"))?;
        if account.joins { Visitor::new(url).join(code, PASSWORD) } else { Ok(()) }
    })
}

fn invitation(account: &Account, year: &Year) -> Value {
    let grants: Value = account
        .grants
        .iter()
        .map(|(role, organisation)| json!({"role": role.as_str(), "organisation": organisation}))
        .collect();
    let mut invitation = json!({"login": account.login, "name": account.name, "grants": grants});
    if let Some(person) = account.learner {
        invitation["learners"] = json!([year.people[person].id.to_string()]);
    }
    invitation
}

/// Does the same work for all items in several threads, each taking what comes next.
pub(super) fn at_once<T: Sync>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let left = Mutex::new(items.iter());
    let take = || left.lock().ok().and_then(|mut left| left.next());
    let run = || {
        while let Some(item) = take() {
            work(item)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let end = |thread: std::thread::ScopedJoinHandle<'_, Result<(), Failure>>| {
            thread.join().unwrap_or_else(|_| Err(Failure::new("a thread of the demo ended early")))
        };
        // All of them are waited for, whatever the first one says.
        let ends: Vec<Result<(), Failure>> = running.into_iter().map(end).collect();
        ends.into_iter().collect()
    })
}
