//! The keys that sign checkpoints, and how one is replaced by another.
//!
//! For a while both sign every checkpoint, so that those who trust the old key and those who trust the new one are served by
//! the same note. The row of the ledger says which public keys sign; the private ones are found by what they are, not by
//! the names of their files, so no order of renames can make the wrong key sign.

use ed25519_dalek::SigningKey;

use super::error::Error;
use super::ledger_row::change;
use super::tables::{CheckpointKeyRow, CheckpointKeyState, LedgerRow};
use crate::ledger::entry::Origin;
use crate::merkle::{KeyKind, NoteSigner, VerifierKey};
use crate::standard::UnixMillis;
use crate::store::{Commit, Store};

/// Whose signatures a checkpoint bears: one, and another while it replaces the first.
pub(super) type Signers = (NoteSigner, Vec<NoteSigner>);

impl LedgerRow {
    /// The keys that have ever signed checkpoints of this ledger.
    pub(super) fn verifier_keys(&self) -> Result<Vec<VerifierKey>, Error> {
        self.checkpoint_keys.iter().map(|key| key.verifier(&self.origin)).collect()
    }

    /// Those who sign now, out of the private keys at hand: the current key, then the next one.
    pub(super) fn signers(&self, origin: &Origin, at_hand: &[SigningKey]) -> Result<Signers, Error> {
        let mut signers = Vec::new();
        for state in [CheckpointKeyState::Current, CheckpointKeyState::Next] {
            for key in self.checkpoint_keys.iter().filter(|key| key.state == state) {
                let private = at_hand.iter().find(|private| key.public == public_of(private)).ok_or_else(|| {
                    Error::Unavailable(format!(
                        "no file holds the checkpoint key {}, which must sign for this ledger: neither checkpoint.key nor checkpoint-next.key",
                        key.public
                    ))
                })?;
                signers.push(NoteSigner::from_seed(origin.as_str(), private.as_bytes()).map_err(Error::internal)?);
            }
        }
        let mut signers = signers.into_iter();
        let first = signers.next().ok_or_else(|| Error::Unavailable("the ledger names no checkpoint key".into()))?;
        Ok((first, signers.collect()))
    }

    fn in_state(&self, state: CheckpointKeyState) -> Option<&CheckpointKeyRow> {
        self.checkpoint_keys.iter().find(|key| key.state == state)
    }
}

impl CheckpointKeyRow {
    /// A key that signs from now on.
    pub(super) fn new(key: &SigningKey, state: CheckpointKeyState) -> Self {
        Self { public: public_of(key), state }
    }

    fn verifier(&self, origin: &str) -> Result<VerifierKey, Error> {
        let mut public = [0; 32];
        hex::decode_to_slice(&self.public, &mut public).map_err(Error::internal)?;
        VerifierKey::new(origin, KeyKind::Ed25519, &public).map_err(Error::internal)
    }
}

/// How far the replacement of the checkpoint key is, on a stopped ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointRotation {
    /// One key signs, and `key` is it.
    Alone,
    /// Another one signs alone.
    AnotherAlone,
    /// Two sign, and `key` is the one to come.
    Overlap,
    /// Two sign, and `key` is not the one to come.
    AnotherOverlap,
}

/// How far the replacement is, as seen by the holder of `key`.
pub async fn checkpoint_rotation(store: &dyn Store, key: Option<&SigningKey>) -> Result<CheckpointRotation, Error> {
    let (row, _) = LedgerRow::read(store).await?;
    let is = |state| row.in_state(state).zip(key).is_some_and(|(known, key)| known.public == public_of(key));
    Ok(match row.in_state(CheckpointKeyState::Next) {
        Some(_) if is(CheckpointKeyState::Next) => CheckpointRotation::Overlap,
        Some(_) => CheckpointRotation::AnotherOverlap,
        None if is(CheckpointKeyState::Current) => CheckpointRotation::Alone,
        None => CheckpointRotation::AnotherAlone,
    })
}

/// Begins the overlap: from the next start on `next` signs beside the current key.
pub async fn begin_checkpoint_rotation(store: &dyn Store, next: &SigningKey, now: UnixMillis) -> Result<(), Error> {
    let (mut row, version) = LedgerRow::read(store).await?;
    if row.in_state(CheckpointKeyState::Next).is_some() {
        return Err(Error::Conflict("another checkpoint key is on its way already".into()));
    }
    // A key that signed before must not come back, and no other key may do this work.
    if row.checkpoint_keys.iter().any(|key| key.public == public_of(next)) {
        return Err(Error::Conflict("this key has been a checkpoint key before".into()));
    }
    row.checkpoint_keys.push(CheckpointKeyRow::new(next, CheckpointKeyState::Next));
    row.write(store, version, change("begin_checkpoint_rotation", public_of(next), now)).await
}

/// Ends the overlap: from the next start on the new key signs alone.
pub async fn finish_checkpoint_rotation(store: &dyn Store, now: UnixMillis) -> Result<(), Error> {
    let (mut row, version) = LedgerRow::read(store).await?;
    let next = row.in_state(CheckpointKeyState::Next).map(|key| key.public.clone());
    let next = next.ok_or_else(|| Error::Conflict("no checkpoint key is on its way".into()))?;
    for key in &mut row.checkpoint_keys {
        key.state = match key.state {
            CheckpointKeyState::Next => CheckpointKeyState::Current,
            CheckpointKeyState::Current | CheckpointKeyState::Retired => CheckpointKeyState::Retired,
        };
    }
    row.write(store, version, change("finish_checkpoint_rotation", next, now)).await
}

/// Leaves a record that the operator's token was replaced. The token itself is in no store.
pub async fn note_new_operator_token(store: &dyn Store, now: UnixMillis) -> Result<(), Error> {
    store.commit(Commit::new(change("replace_operator_token", "operator".into(), now))).await?;
    Ok(())
}

fn public_of(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tables::LEDGER;
    use crate::store::{MemoryDisk, Table, Write};

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn now() -> UnixMillis {
        UnixMillis::new(0).unwrap()
    }

    async fn found(store: &dyn Store) {
        // As ledgers were founded before keys could be replaced: schema 1, one key.
        let text = format!(r#"{{"origin":"example.com/log","checkpoint_key":"{}"}}"#, public_of(&key(1)));
        let bytes = [&[1], text.as_bytes()].concat();
        let commit = Commit::new(change("found", String::new(), now()));
        store.commit(commit.write(Write::Put(LEDGER.row_key(&()), bytes))).await.unwrap();
    }

    #[tokio::test]
    async fn an_older_ledger_gets_a_second_key_and_then_that_one_alone() {
        let store = MemoryDisk::new().open();
        found(&store).await;
        let origin: Origin = "example.com/log".parse().unwrap();
        let signing = async |at_hand: &[SigningKey]| {
            let (row, _) = LedgerRow::read(&store).await.unwrap();
            let (first, others) = row.signers(&origin, at_hand)?;
            let keys = std::iter::once(&first).chain(&others);
            Ok::<_, Error>(keys.map(|key| *key.verifier_key().public_key()).collect::<Vec<_>>())
        };
        let [old, new] = [1, 2].map(|seed| key(seed).verifying_key().to_bytes());
        assert_eq!(signing(&[key(2), key(1)]).await.unwrap(), [old]);
        assert!(signing(&[key(2)]).await.is_err());
        assert!(begin_checkpoint_rotation(&store, &key(1), now()).await.is_err());
        begin_checkpoint_rotation(&store, &key(2), now()).await.unwrap();
        assert!(begin_checkpoint_rotation(&store, &key(3), now()).await.is_err());
        assert_eq!(signing(&[key(2), key(1)]).await.unwrap(), [old, new]);
        assert!(signing(&[key(1)]).await.is_err() && signing(&[key(2)]).await.is_err());
        finish_checkpoint_rotation(&store, now()).await.unwrap();
        assert!(finish_checkpoint_rotation(&store, now()).await.is_err());
        assert_eq!(signing(&[key(1), key(2)]).await.unwrap(), [new]);
        assert_eq!(LedgerRow::read(&store).await.unwrap().0.verifier_keys().unwrap().len(), 2);
        // A program of before does not know such a row, and must not write one key of it back.
        let before: Table<(), String> = Table::new(LEDGER.id(), "ledger");
        assert!(matches!(before.get(&store, &()).await, Err(crate::store::StoreError::Format { .. })));
    }
}
