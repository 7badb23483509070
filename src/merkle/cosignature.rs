//! Cosignatures: what a witness says about a checkpoint, and when (C2SP tlog-cosignature, Ed25519, `cosignature/v1`).

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};

use super::note::{KeyError, KeyKind, NoteSignature, VerifierKey, key_pair};

/// The latest time a cosignature can carry.
pub const MAX_COSIGNATURE_TIMESTAMP: u64 = i64::MAX as u64;

/// Why a cosignature cannot be made, or does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// The time is after [`MAX_COSIGNATURE_TIMESTAMP`].
    #[error("a cosignature's time is at most 2^63 - 1 seconds")]
    Timestamp,
    /// The signature is not this key's over this checkpoint.
    #[error("the cosignature does not verify")]
    Invalid,
}

/// Cosigns checkpoints with a key of type `0x04`, which does nothing else.
///
/// The private key is zeroised on drop and never printed.
pub struct Cosigner {
    private: SigningKey,
    verifier: VerifierKey,
}

impl Cosigner {
    /// The cosigner of the Ed25519 key that grows from `seed`; the caller zeroises its own copy.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let (private, verifier) = key_pair(name, KeyKind::CosignatureV1, seed)?;
        Ok(Self { private, verifier })
    }

    /// The public half.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature line for a checkpoint's text, with its final newline, at `timestamp` in POSIX seconds.
    ///
    /// It states that the checkpoint is consistent with all this cosigner has seen of the log: the caller has made sure.
    pub fn cosign(&self, text: &str, timestamp: u64) -> Result<NoteSignature, CosignatureError> {
        let message = signed_message(text, timestamp)?;
        let signature = self.private.sign(&message).to_bytes();
        Ok(NoteSignature::by(&self.verifier, [timestamp.to_be_bytes().as_slice(), &signature].concat()))
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.verifier)
    }
}

/// Verifies the cosignature of `key` on a checkpoint's text and returns its time in POSIX seconds.
pub fn verify_cosignature(key: &VerifierKey, text: &str, line: &NoteSignature) -> Result<u64, CosignatureError> {
    if key.kind() != KeyKind::CosignatureV1 || key.name() != line.name() || key.key_id() != line.key_id() {
        return Err(CosignatureError::Invalid);
    }
    let (timestamp, signature) = line.signature().split_first_chunk().ok_or(CosignatureError::Invalid)?;
    let timestamp = u64::from_be_bytes(*timestamp);
    let message = signed_message(text, timestamp)?;
    if key.verifies(&message, signature) { Ok(timestamp) } else { Err(CosignatureError::Invalid) }
}

/// Two header lines, then the whole note body (C2SP tlog-cosignature, "Ed25519 signed message").
fn signed_message(text: &str, timestamp: u64) -> Result<Vec<u8>, CosignatureError> {
    if timestamp > MAX_COSIGNATURE_TIMESTAMP {
        return Err(CosignatureError::Timestamp);
    }
    Ok(format!("cosignature/v1\ntime {timestamp}\n{text}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::note::{NoteError, NoteSigner, SignedNote};
    use super::*;

    const TEXT: &str = "example.com/log\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n";

    fn cosigner() -> Cosigner {
        Cosigner::from_seed("witness.example.com/w1", &[7; 32]).unwrap()
    }

    #[test]
    fn a_cosignature_returns_its_time() {
        for timestamp in [0, 1_679_315_147, MAX_COSIGNATURE_TIMESTAMP] {
            let line = cosigner().cosign(TEXT, timestamp).unwrap();
            assert_eq!(line.signature().len(), 72);
            assert_eq!(verify_cosignature(cosigner().verifier_key(), TEXT, &line), Ok(timestamp));
        }
        assert_eq!(cosigner().cosign(TEXT, MAX_COSIGNATURE_TIMESTAMP + 1), Err(CosignatureError::Timestamp));
    }

    #[test]
    fn it_holds_for_one_text_time_key_and_kind() {
        let line = cosigner().cosign(TEXT, 1_679_315_147).unwrap();
        let key = cosigner().verifier_key().clone();
        let other_text = TEXT.replace("\n1\n", "\n2\n");
        assert_eq!(verify_cosignature(&key, &other_text, &line), Err(CosignatureError::Invalid));
        for at in [0, 7, 8, 71] {
            let mut changed = line.signature().to_vec();
            changed[at] ^= 1;
            assert!(verify_cosignature(&key, TEXT, &NoteSignature::by(&key, changed)).is_err(), "byte {at}");
        }
        for len in [0, 7, 8, 71] {
            let short = NoteSignature::by(&key, line.signature()[..len].to_vec());
            assert_eq!(verify_cosignature(&key, TEXT, &short), Err(CosignatureError::Invalid), "{len} bytes");
        }
        let same_bytes = VerifierKey::new(key.name(), KeyKind::Ed25519, key.public_key()).unwrap();
        let stranger = Cosigner::from_seed(key.name(), &[8; 32]).unwrap();
        for other in [&same_bytes, stranger.verifier_key()] {
            assert_eq!(verify_cosignature(other, TEXT, &line), Err(CosignatureError::Invalid));
            let renamed = NoteSignature::by(other, line.signature().to_vec());
            assert!(verify_cosignature(other, TEXT, &renamed).is_err());
        }
    }

    #[test]
    fn the_signed_message_is_that_of_the_specification() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let message = signed_message(text, 1_679_315_147).unwrap();
        let expected = format!("cosignature/v1\ntime 1679315147\n{text}");
        assert_eq!(message, expected.as_bytes());
        let key = cosigner().private.verifying_key();
        let line = cosigner().cosign(text, 1_679_315_147).unwrap();
        let signature = ed25519_dalek::Signature::from_slice(&line.signature()[8..]).unwrap();
        assert!(key.verify_strict(expected.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn a_cosignature_is_not_a_plain_signature_of_the_same_key() {
        let plain = NoteSigner::from_seed("witness.example.com/w1", &[7; 32]).unwrap();
        assert_ne!(plain.verifier_key().key_id(), cosigner().verifier_key().key_id());
        let forged =
            NoteSignature::by(plain.verifier_key(), cosigner().cosign(TEXT, 1).unwrap().signature()[8..].to_vec());
        let note = SignedNote::new(TEXT.to_owned(), vec![forged]).unwrap();
        assert_eq!(note.verify(&[plain.verifier_key().clone()]), Err(NoteError::InvalidSignature));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", cosigner()), format!("Cosigner({})", cosigner().verifier_key()));
    }
}
