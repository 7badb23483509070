//! Who sees which entries, and what their proofs show.

use super::super::testing::*;
use super::super::{Actor, Error};
use crate::ledger::verify::Step;

#[tokio::test]
async fn others_entries_do_not_exist() {
    let mut world = World::new().await;
    let (a, b) = (provider_a(), provider_b());
    let entry = a.signed_study();
    let id = entry.entry().id;
    world.accept(&a, &[&entry]).await;
    let service = world.service();
    assert!(matches!(service.proof(&a.actor(), &[id]).await, Err(Error::Conflict(_))), "not sealed yet");
    assert!(service.entry(&a.actor(), id).await.unwrap().position.is_none());
    world.seal().await.unwrap().unwrap();
    let unknown = new_id();
    for (actor, id) in [(b.actor(), id), (a.actor(), unknown), (Actor::Operator, unknown)] {
        assert!(matches!(service.entry(&actor, id).await, Err(Error::NotFound("entry"))), "{actor}");
        assert!(matches!(service.proof(&actor, &[id]).await, Err(Error::NotFound("entry"))), "{actor}");
    }
    assert!(matches!(service.entry(&Actor::Public, id).await, Err(Error::NotFound("entry"))));
    assert!(matches!(service.submit(&Actor::Public, bytes_of(&[&entry])).await, Err(Error::Unauthenticated)));
    for actor in [a.actor(), Actor::Operator] {
        let view = service.entry(&actor, id).await.unwrap();
        let position = view.position.unwrap();
        assert_eq!((position.height, position.index, view.signed.bytes()), (3, 0, entry.bytes()));
        service.proof(&actor, &[id, id]).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_compromised_key_signed_from_a_height_on_no_longer_verifies() {
    let mut world = World::new().await;
    let a = provider_a();
    let (before, after) = (a.signed_study(), a.signed_study());
    let mut heights = Vec::new();
    for entry in [&before, &after] {
        world.accept(&a, &[entry]).await;
        heights.push(world.seal().await.unwrap().unwrap().height);
    }
    world.settle().await;
    world.accept(&authority(), &[&revoke_key(a.key, Some(heights[1]))]).await;
    world.seal().await.unwrap().unwrap();
    world.verify_chain().await;
    assert_eq!(world.failed_steps(&[before.entry().id]).await, []);
    assert_eq!(world.failed_steps(&[after.entry().id]).await, [Step::Signatures]);
    world.refuse(&a, &a.signed_study(), "signatures").await;
}
