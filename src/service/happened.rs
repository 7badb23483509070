//! The record of what happened, for who audits: every commit's event, the newest first.

use super::Service;
use super::access::{AccountId, Action, Actor};
use super::error::Error;
use crate::standard::UnixMillis;

/// Most events of one page.
pub const MAX_EVENTS_PAGE: u64 = 500;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Its number, without a gap.
    pub sequence: u64,
    /// When.
    pub at: UnixMillis,
    /// Who: a role and an account's id, or an organisation, the operator, the public.
    pub actor: String,
    /// The name of the account's person, where it is still known.
    pub name: Option<String>,
    /// What was done: a word of the program's own.
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// The hash of the record, which the next one names.
    pub hash: String,
}

impl Service {
    /// At most `limit` events before the number `before`, the newest first, and the number of the last there is.
    pub async fn events(&self, actor: &Actor, before: Option<u64>, limit: u64) -> Result<(Vec<Happened>, u64), Error> {
        self.allow(actor, Action::ReadEvents)?;
        let last = self.store.health().sequence;
        let end = before.unwrap_or(last + 1).clamp(1, last + 1);
        let first = end.saturating_sub(limit.min(MAX_EVENTS_PAGE)).max(1);
        let wanted = usize::try_from(end - first).map_err(Error::internal)?;
        let records = if wanted == 0 { Vec::new() } else { self.store.events(first, wanted).await? };
        let told = records.iter().rev().map(|record| {
            Ok(Happened {
                sequence: record.sequence,
                at: UnixMillis::new(record.event.at_ms).map_err(Error::internal)?,
                name: self.name_of_actor(&record.event.actor),
                actor: record.event.actor.clone(),
                action: record.event.action.clone(),
                subject: record.event.subject.clone(),
                hash: record.hash().to_string(),
            })
        });
        Ok((told.collect::<Result<_, Error>>()?, last))
    }

    fn name_of_actor(&self, actor: &str) -> Option<String> {
        let (_, id) = actor.split_once(':')?;
        self.account_name(id.parse::<AccountId>().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::World;
    use super::*;

    #[tokio::test]
    async fn events_are_told_page_by_page_the_newest_first() {
        let world = World::new().await;
        let service = world.service();
        let (page, last) = service.events(&Actor::Operator, None, 3).await.unwrap();
        assert_eq!(page.iter().map(|event| event.sequence).collect::<Vec<_>>(), [last, last - 1, last - 2]);
        let (older, _) = service.events(&Actor::Operator, Some(last - 2), MAX_EVENTS_PAGE + 1).await.unwrap();
        assert_eq!(older.last().map(|event| (event.sequence, event.action.as_str())), Some((1, "found")));
        assert_eq!(older.len() + 3, usize::try_from(last).unwrap());
        assert!(service.events(&Actor::Operator, Some(1), 3).await.unwrap().0.is_empty());
        assert!(service.events(&Actor::Public, None, 3).await.is_err());
    }
}
