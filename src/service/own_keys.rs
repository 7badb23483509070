//! The keys that the service itself signs entries with: which of those at hand works now, and whose it is.
//!
//! Several can be at hand while one replaces another (`key rotate`). The published register decides, so nothing is ever signed
//! under a key that does not work yet or any more.

use ed25519_dalek::SigningKey;

use super::Service;
use super::error::Error;
use crate::ledger::entry::{Body, Entry, EntryId, Kind, Origin, Owner};
use crate::ledger::keys::{Alg, KeyId, Role};
use crate::ledger::signed::SignedEntry;
use crate::standard::{RulebookVersion, day_of};

/// What the ledger's own issuer key signs.
pub const ISSUER_KINDS: &[Kind] = &[Kind::Certificate, Kind::Status];
/// What the certifying body's recorder key signs.
pub const RECORDER_KINDS: &[Kind] = &[Kind::Activity, Kind::Correction, Kind::Study];

/// Who signs what the certifying body records itself, such as the claims that it accepted, and by which rules.
#[derive(Clone)]
pub(super) struct BodyRecorder {
    pub(super) key: SigningKey,
    /// The certifying body, by the name of its key.
    pub(super) owner: Owner,
    pub(super) rulebook: RulebookVersion,
}

impl BodyRecorder {
    /// An entry of the certifying body, signed.
    pub(super) fn sign(&self, ledger: &Origin, id: EntryId, body: Body) -> SignedEntry {
        let (ledger, recorder) = (ledger.clone(), self.owner.code.clone());
        SignedEntry::sign(Entry { id, ledger, recorder, rulebook: self.rulebook, body }, &[&self.key])
    }
}

impl Service {
    /// Who records for the certifying body now: the first key at hand that works as its recorder's in the published register.
    pub(super) fn body_recorder(&self) -> Result<BodyRecorder, Error> {
        let none = |en: &str, zh: &str| Error::CannotRecord(format!("{zh} {en}"));
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        let (key, _, owner) = self.working_key(&self.recorder_keys, Role::Recorder, RECORDER_KINDS).ok_or_else(|| {
            none(
                "no file holds a working recorder key of the certifying body: `key rotate --role recorder` registers one",
                "认定主体没有有效的记录密钥，请运行 key rotate --role recorder 登记",
            )
        })?;
        if !self.directory().is_certifying_body(&owner.code) {
            return Err(none(
                "the organisation of keys/recorder.key is not registered as a certifying body",
                "keys/recorder.key 所属的机构未登记为认定主体",
            ));
        }
        let today = day_of(self.clock.now()).map_err(Error::internal)?;
        let edition =
            self.rulebook.in_effect(today).ok_or_else(|| none("no rulebook is in effect", "没有生效的规则"))?;
        Ok(BodyRecorder { key, owner, rulebook: edition.version })
    }

    /// Whether the certifying body can record now, and why not.
    pub fn records_for_the_body(&self) -> Result<(), Error> {
        self.body_recorder().map(drop)
    }

    /// The first of these keys that works for exactly these kinds in the published register, with its id and owner.
    pub(super) fn working_key(
        &self,
        at_hand: &[SigningKey],
        role: Role,
        kinds: &[Kind],
    ) -> Option<(SigningKey, KeyId, Owner)> {
        let (keys, published) = (self.keys(), self.published());
        let in_force = keys.within(published.total());
        at_hand.iter().find_map(|key| {
            let id = KeyId::of(&Alg::Ed25519, key.verifying_key().as_bytes());
            let known = keys.register.key(id).ok()?;
            let works = known.role == role && known.kinds == kinds && known.added < in_force && known.ended.is_none();
            works.then(|| (key.clone(), id, known.owner.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// Whose key records for the certifying body, by its seed; none where nothing can be recorded.
    fn records(world: &World) -> Option<u8> {
        let recorder = match world.service().body_recorder() {
            Ok(recorder) => recorder,
            Err(Error::CannotRecord(why)) => {
                assert!(why.contains("key rotate --role recorder"), "{why}");
                return None;
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(recorder.owner.code, authority().code);
        [BODY_KEY, NEXT_BODY_KEY].into_iter().find(|seed| key(*seed) == recorder.key)
    }

    #[tokio::test]
    async fn the_body_records_with_the_key_that_the_published_register_has() {
        let mut world = World::new().await;
        assert_eq!(records(&world), None, "none is registered");
        for (entry, before, after) in [
            (add_body_key(NEXT_BODY_KEY), None, Some(NEXT_BODY_KEY)),
            (add_body_key(BODY_KEY), Some(NEXT_BODY_KEY), Some(BODY_KEY)),
            (retire_key(BODY_KEY), Some(NEXT_BODY_KEY), Some(NEXT_BODY_KEY)),
            (retire_key(NEXT_BODY_KEY), None, None),
        ] {
            world.accept(&authority(), &[&entry]).await;
            assert_eq!(records(&world), before, "accepted, not sealed: an addition waits, an end does not");
            world.seal().await.unwrap().unwrap();
            assert_eq!(records(&world), after);
        }
    }

    #[tokio::test]
    async fn what_the_body_signs_is_its_own_entry() {
        let world = World::recording().await;
        let recorder = world.service().body_recorder().unwrap();
        let study = provider_a().study();
        let signed = recorder.sign(&study.ledger, new_id(), study.body.clone());
        assert_eq!((&signed.entry().recorder, &signed.entry().body), (&authority().code, &study.body));
        assert_eq!(signed.entry().rulebook, study.rulebook);
    }
}
