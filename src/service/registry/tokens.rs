//! API tokens: made, ended, and held against what a request brings.

use std::fmt;

use serde::Serialize;

use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{TOKENS, TokenRow};
use super::super::{Service, random_bytes};
use crate::ledger::fields::Problem;
use crate::merkle::Hash;
use crate::standard::CreditCode;
use crate::store::Commit;

/// What an API token begins with.
pub const TOKEN_PREFIX: &str = "cqo_";

/// What a secret is compared with where no token has the id; there is no row for it to let in.
pub(super) const NOBODYS_SECRET: Hash = Hash::ZERO;

/// A new API token: the secret is shown this once.
#[derive(Clone, Serialize)]
pub struct NewToken {
    /// The public part, to end it by.
    pub id: String,
    /// The whole token.
    pub token: String,
    /// Whose it is.
    pub organisation: CreditCode,
}

/// Without the secret: what is printed of it may come into a log.
impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, token: _, organisation } = self;
        f.debug_struct("NewToken").field("id", id).field("organisation", organisation).finish_non_exhaustive()
    }
}

impl Service {
    /// Makes an API token for an organisation that is registered as one that records.
    pub async fn create_token(&self, actor: &Actor, organisation: &CreditCode) -> Result<NewToken, Error> {
        self.allow(actor, Action::WriteTokens)?;
        if self.directory().organisation(organisation).is_none() {
            return Err(Error::NotFound("organisation"));
        }
        if !self.directory().records(organisation) {
            let problem = Problem::mismatch(
                "is registered neither as a provider nor as a certifying body",
                "既未登记为培训机构，也未登记为认定主体",
            );
            return Err(Error::field("organisation", problem));
        }
        let id = hex::encode(random_bytes::<8>()?);
        let secret = hex::encode(random_bytes::<32>()?);
        let row = TokenRow {
            organisation: organisation.clone(),
            secret_sha256: Hash::of(&[secret.as_bytes()]),
            created_at: self.clock.now(),
            ended_at: None,
        };
        let event = self.event(actor, "create_token", format!("{id} of {organisation}"));
        self.store.commit(Commit::new(event).when(TOKENS.absent(&id)).write(TOKENS.put(&id, &row)?)).await?;
        self.directory_mut().tokens.insert(id.clone(), row);
        let token = format!("{TOKEN_PREFIX}{id}_{secret}");
        Ok(NewToken { id, token, organisation: organisation.clone() })
    }

    /// Ends an API token.
    pub async fn end_token(&self, actor: &Actor, id: &str) -> Result<(), Error> {
        self.allow(actor, Action::WriteTokens)?;
        let row = TOKENS.get(&*self.store, id).await?.ok_or(Error::NotFound("token"))?;
        let ended = TokenRow { ended_at: Some(self.clock.now()), ..row.value };
        let commit = Commit::new(self.event(actor, "end_token", id.to_owned()))
            .when(TOKENS.at_version(id, row.version))
            .write(TOKENS.put(id, &ended)?);
        self.store.commit(commit).await?;
        self.directory_mut().tokens.insert(id.to_owned(), ended);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::*;

    #[tokio::test]
    async fn a_token_speaks_for_its_organisation_until_it_ends() {
        let mut world = World::new().await;
        let a = provider_a();
        let token = world.service().create_token(&Actor::Operator, &a.code).await.unwrap();
        for _ in 0..2 {
            let service = world.service();
            assert_eq!(service.authenticate(Some(&token.token)).unwrap(), a.actor());
            assert_eq!(service.authenticate(Some("the operator's token")).unwrap(), Actor::Operator);
            assert_eq!(service.authenticate(None).unwrap(), Actor::Public);
            for bad in ["", "cqo_", "the operator's token ", &format!("{}0", token.token), &token.token[1..]] {
                assert!(matches!(service.authenticate(Some(bad)), Err(Error::Unauthenticated)), "{bad}");
            }
            world.reopen().await.unwrap();
        }
        let nobody = crate::standard::CreditCode::with_check("91340100MA2N0000C").unwrap();
        let unknown = world.service().create_token(&Actor::Operator, &nobody).await;
        assert!(matches!(unknown, Err(Error::NotFound("organisation"))));
        assert!(matches!(world.service().create_token(&a.actor(), &a.code).await, Err(Error::Forbidden)));
        world.service().end_token(&Actor::Operator, &token.id).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(world.service().authenticate(Some(&token.token)), Err(Error::Unauthenticated)));
            world.reopen().await.unwrap();
        }
    }
}
