//! The journal's reader on bytes it never wrote. A digest over everything keeps noise from what is behind it, so groups
//! are changed and sealed again, as a writer that errs, or somebody with the disk in hand, would do it.

use std::num::NonZeroU8;

use super::format::{
    BODY_LEN_AT, GROUP_HEAD_LEN, GroupBuilder, HASH_LEN, HEADER_LEN, ack, find_record, group_len, header, is_ack,
    parse_group, parse_header,
};
use crate::merkle::Hash;
use crate::store::event::{Event, EventHead};
use crate::store::mark::StoreId;
use crate::store::{RowKey, Write, fuzz_iterations};

const STORE: StoreId = StoreId([7; 16]);

fn group() -> Vec<u8> {
    let mut builder = GroupBuilder::new(STORE);
    builder.begin(EventHead::default(), Hash::ZERO);
    let key = |n| RowKey::encoded(NonZeroU8::MIN, |out| out.push(n));
    for n in 0..3 {
        let text = format!("word {n}");
        let digest = (n == 1).then_some(Hash::ZERO);
        let event = Event { actor: text.clone(), action: text.clone(), subject: text, digest, at_ms: i64::from(n) };
        builder.push(&event, &[Write::Put(key(n), vec![n; 40]), Write::Delete(key(n + 1))]);
    }
    builder.finish().0.to_vec()
}

/// Reads everything that can be read of a group.
fn read(bytes: &[u8]) -> bool {
    let Ok(group) = parse_group(bytes, STORE) else { return false };
    assert!(group.len <= bytes.len());
    let mut within = true;
    let visited = group.visit_writes(&mut |_, _, value| {
        within &= value.is_none_or(|(offset, value)| bytes[offset..].starts_with(value));
    });
    assert!(within, "a value is not where it is said to be");
    match group.events() {
        Some(events) => {
            assert!(
                visited.is_some()
                    && events.len() as u64 == group.last_sequence.wrapping_sub(group.first_sequence).wrapping_add(1)
            );
            true
        }
        None => false,
    }
}

#[test]
fn any_bytes_are_read_as_a_journal_or_refused() {
    let good = group();
    assert!(read(&good));
    let segment = [header(STORE, 1, Hash::ZERO).0, good.clone(), ack(STORE, 3, Hash::ZERO)].concat();
    bolero::check!().with_iterations(fuzz_iterations()).with_type::<(Vec<u8>, Vec<(u16, u8)>, bool)>().for_each(
        |(noise, patches, is_resealed)| {
            let mut bytes = segment.clone();
            for (at, byte) in patches {
                let at = usize::from(*at) % bytes.len();
                bytes[at] = *byte;
            }
            for bytes in [&bytes, noise] {
                let _ = parse_header(bytes, STORE);
                let _ = group_len(bytes, STORE);
                let _ = is_ack(bytes, STORE);
                let found = find_record(bytes, 0, STORE);
                assert!(found.is_none_or(|at| at < bytes.len()));
            }
            let group = &mut bytes[HEADER_LEN..HEADER_LEN + good.len()];
            if *is_resealed {
                let (sealed, digest) = group.split_at_mut(good.len() - HASH_LEN);
                let len = u32::try_from(sealed.len() - GROUP_HEAD_LEN).unwrap();
                sealed[BODY_LEN_AT..BODY_LEN_AT + 4].copy_from_slice(&len.to_be_bytes());
                digest.copy_from_slice(Hash::of(&[sealed]).as_bytes());
            }
            read(group);
        },
    );
}
