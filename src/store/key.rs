//! Typed keys as bytes that sort the same way.
//!
//! Every encoding says where it ends, so keys can be put together to tuples, and a tuple sorts by its first part, then by
//! its second. Integers are big-endian. A text is its UTF-8 with each zero byte as `00 FF`, then `00 00`.

use std::num::NonZeroU8;

use uuid::Uuid;

use super::RowKey;
use crate::merkle::Hash;

/// A key of a table. `a < b` exactly if the encoding of `a` sorts before that of `b`.
pub trait Key: Sized {
    /// Appends the encoding.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes one key from the front of `bytes`; `None` when there is none.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

/// Something that can be looked up in a table whose key is `K`: a `K`, or a `str` where that is `String`.
pub trait AsKey<K> {
    /// Appends the encoding that the `K` would have.
    fn encode_as(&self, out: &mut Vec<u8>);
}

impl<K: Key> AsKey<K> for K {
    fn encode_as(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

impl AsKey<String> for str {
    fn encode_as(&self, out: &mut Vec<u8>) {
        encode_str(self, out);
    }
}

/// The beginning of a tuple key: all rows that share it lie together.
pub trait KeyPrefix<K> {
    /// Appends the encoding.
    fn encode_prefix(&self, out: &mut Vec<u8>);
}

impl<A: Key, B> KeyPrefix<(A, B)> for A {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

impl<A: Key, B, C> KeyPrefix<(A, B, C)> for A {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

impl<A: Key, B: Key, C> KeyPrefix<(A, B, C)> for (A, B) {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

impl Key for () {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

/// Unsigned integers, big-endian.
macro_rules! integer_keys {
    ($($integer:ty),*) => { $(
        impl Key for $integer {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                take(bytes).map(Self::from_be_bytes)
            }
        }
    )* };
}

integer_keys!(u8, u16, u32, u64, u128);

impl Key for Uuid {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes).map(Self::from_bytes)
    }
}

impl Key for Hash {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        take::<32>(bytes).map(Self::from)
    }
}

impl Key for String {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_str(self, out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            match take::<1>(bytes)? {
                [0] => match take::<1>(bytes)? {
                    [0] => return Self::from_utf8(text).ok(),
                    [0xFF] => text.push(0),
                    _ => return None,
                },
                [byte] => text.push(byte),
            }
        }
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
        self.2.encode(out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?, C::decode(bytes)?))
    }
}

impl RowKey {
    /// The row of `table` whose key `encode` appends.
    pub(super) fn encoded(table: NonZeroU8, encode: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::with_capacity(40);
        bytes.push(table.get());
        encode(&mut bytes);
        Self(bytes)
    }

    /// The typed key, if these bytes are exactly one.
    pub(super) fn decoded<K: Key>(&self) -> Option<K> {
        let mut bytes = self.key();
        K::decode(&mut bytes).filter(|_| bytes.is_empty())
    }
}

fn encode_str(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk::<N>()?;
    *bytes = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn encoded<K: Key>(key: &K) -> Vec<u8> {
        let mut out = Vec::new();
        key.encode(&mut out);
        out
    }

    /// Every key comes back from its bytes, alone and with something behind it, and each pair sorts as its bytes do.
    fn holds_for<K: Key + Ord + Debug>(keys: &[K]) {
        for a in keys {
            let bytes = encoded(a);
            assert_eq!(K::decode(&mut &bytes[..]).as_ref(), Some(a));
            let pair = [bytes, vec![1, 2]].concat();
            let mut rest = &pair[..];
            assert_eq!((K::decode(&mut rest).as_ref(), rest), (Some(a), &[1, 2][..]));
            for b in keys {
                assert_eq!(a.cmp(b), encoded(a).cmp(&encoded(b)), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn keys_sort_as_their_bytes_and_come_back() {
        let texts: Vec<String> =
            ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "b", "学时", "𬭎", "\u{FF}"].map(String::from).to_vec();
        let numbers = [0, 1, 255, 256, u64::MAX - 1, u64::MAX];
        let uuids = numbers.map(|n| Uuid::from_u128(u128::from(n) << 60));
        let hashes = numbers.map(|n| Hash::of(&[&n.to_be_bytes()]));
        holds_for(&[()]);
        holds_for(&numbers);
        holds_for(&numbers.map(u128::from));
        holds_for(&uuids);
        holds_for(&hashes);
        holds_for(&texts);
        let pairs =
            |texts: &[String]| texts.iter().flat_map(|a| texts.iter().map(|b| (a.clone(), b.clone()))).collect();
        let pairs: Vec<(String, String)> = pairs(&texts);
        holds_for(&pairs);
        holds_for(&texts.iter().flat_map(|a| uuids.map(|b| (a.clone(), b, 7_u32))).collect::<Vec<_>>());
        bolero::check!().with_type::<(String, String, u64)>().with_iterations(500).for_each(|(a, b, n)| {
            holds_for(&[(a.clone(), *n), (b.clone(), *n), (a.clone(), 7), (format!("{a}{b}"), 7)]);
        });
    }

    #[test]
    fn what_is_not_a_key_is_not_read() {
        assert_eq!(u64::decode(&mut &[0; 7][..]), None);
        for bad in [&b"a"[..], b"a\0", b"a\0\x01", b"\xFF\0\0"] {
            assert_eq!(String::decode(&mut &bad[..]), None);
        }
        let nine = RowKey::new(NonZeroU8::MIN, &[0; 9]);
        assert_eq!(nine.decoded::<u64>(), None);
    }

    /// A key that is read has only one way to be written, or two rows could be one.
    #[test]
    fn any_bytes_are_no_key_or_written_back() {
        fn tried<K: Key>(bytes: &[u8]) {
            let row = RowKey::encoded(NonZeroU8::MIN, |out| out.extend_from_slice(bytes));
            if let Some(key) = row.decoded::<K>() {
                assert_eq!(RowKey::encoded(NonZeroU8::MIN, |out| key.encode(out)), row);
            }
        }
        let iterations = crate::store::fuzz_iterations();
        bolero::check!().with_iterations(iterations).with_type::<Vec<u8>>().for_each(|bytes| {
            let padded: Vec<u8> = bytes.iter().copied().chain([0; 48]).collect();
            let ended = [bytes.as_slice(), &[0, 0]].concat();
            for bytes in [bytes, &ended, &padded[..8].to_vec(), &padded[..16].to_vec(), &padded[..32].to_vec()] {
                tried::<()>(bytes);
                tried::<u64>(bytes);
                tried::<u128>(bytes);
                tried::<Uuid>(bytes);
                tried::<Hash>(bytes);
                tried::<String>(bytes);
                tried::<(String, Uuid)>(bytes);
                tried::<(u64, String)>(bytes);
            }
        });
    }
}
