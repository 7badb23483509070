//! Signed notes: a text, and signatures of named keys over it (C2SP signed-note).
//!
//! A [`SignedNote`] was only read. Whoever relies on its text asks for a [`VerifiedNote`], which nothing but
//! [`SignedNote::verify`] makes. Ed25519 is always verified strictly (`verify_strict`), and weak keys are refused.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::cosignature;
use super::encoding::{decode_base64, encode_base64, has_only_note_characters};
use super::hash::Hash;

/// The longest text of a note.
pub const MAX_NOTE_TEXT_LEN: usize = 64 * 1024;
/// The most signatures on a note; C2SP signed-note asks for at least 16.
pub const MAX_NOTE_SIGNATURES: usize = 100;
/// The longest signature line with its newline: room for post-quantum signatures of nearly 5 kB.
pub const MAX_SIGNATURE_LINE_LEN: usize = 8 * 1024;
/// The longest note: what the other limits add up to.
pub const MAX_NOTE_LEN: usize = MAX_NOTE_TEXT_LEN + 1 + MAX_NOTE_SIGNATURES * MAX_SIGNATURE_LINE_LEN;

/// The length of an Ed25519 seed, and of a public key.
const KEY_LEN: usize = ed25519_dalek::PUBLIC_KEY_LENGTH;
/// The first four bytes of a hash over name, type and key.
const KEY_ID_LEN: usize = 4;
const SIGNATURE_LINE_START: &str = "\u{2014} ";

/// What a key signs, and how (C2SP signed-note, "Signature types"). Only these two are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Type `0x01`: Ed25519 over the note's text.
    Ed25519,
    /// Type `0x04`: a timestamped Ed25519 cosignature of a checkpoint (C2SP tlog-cosignature).
    CosignatureV1,
}

impl KeyKind {
    /// The signature type identifier byte.
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A public key with its name and purpose, written `<name>+<hex key id>+<base64(type || public key)>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: VerifyingKey,
}

/// Why a name or key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not `<name>+<8 hex digits>+<base64>` in its canonical form.
    #[error("not a verifier key: expected <name>+<8 hex digits>+<base64>")]
    Malformed,
    /// Empty, or with a space, a control character or `+`.
    #[error("a key's name is not empty and has no space, control character or plus sign")]
    Name,
    /// Another signature type than `0x01` and `0x04`.
    #[error("unsupported key type 0x{0:02x}")]
    UnsupportedKind(u8),
    /// The bytes are no Ed25519 public key, or one of small order, under which anything can be signed.
    #[error("not a usable Ed25519 public key")]
    PublicKey,
    /// The key id is not the one of this name, type and key.
    #[error("the key id does not belong to this name and key")]
    KeyId,
}

impl VerifierKey {
    /// A key from its parts.
    pub fn new(name: &str, kind: KeyKind, public: &[u8; KEY_LEN]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let public = VerifyingKey::from_bytes(public).map_err(|_| KeyError::PublicKey)?;
        // Of two encodings of one point only the canonical one is a key.
        if public.is_weak() || public.to_edwards().compress().as_bytes() != public.as_bytes() {
            return Err(KeyError::PublicKey);
        }
        Ok(Self { name: name.to_owned(), kind, public })
    }

    /// The key's name; a log's is its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; KEY_LEN] {
        self.public.as_bytes()
    }

    /// `SHA-256(name || 0x0A || type || public key)[:4]` (C2SP signed-note, "Signatures").
    pub fn key_id(&self) -> [u8; KEY_ID_LEN] {
        let hash = Hash::of(&[self.name.as_bytes(), b"\n", &[self.kind.byte()], self.public.as_bytes()]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        [a, b, c, d]
    }

    /// Strict verification of the bare Ed25519 signature.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.public.verify_strict(message, &signature).is_ok())
    }

    /// Whether a signature line claims to be this key's.
    fn is_named_by(&self, signature: &NoteSignature) -> bool {
        self.name == signature.name && self.key_id() == signature.key_id
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Base64 has plus signs too: split at the first two only.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        let key = decode_base64(key).ok_or(KeyError::Malformed)?;
        let (kind, public) = key.split_first().ok_or(KeyError::Malformed)?;
        let kind = KeyKind::from_byte(*kind).ok_or(KeyError::UnsupportedKind(*kind))?;
        let key = Self::new(name, kind, public.try_into().map_err(|_| KeyError::PublicKey)?)?;
        if hex::encode(key.key_id()) == id { Ok(key) } else { Err(KeyError::KeyId) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = encode_base64(&[&[self.kind.byte()], self.public.as_bytes().as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.key_id()))
    }
}

/// Signs notes with a key of type `0x01`, as a log does. A cosigner is another type, so that neither does the other's work.
///
/// The private key is zeroised on drop and never printed.
pub struct NoteSigner {
    private: SigningKey,
    verifier: VerifierKey,
}

impl NoteSigner {
    /// The signer of the Ed25519 key that grows from `seed`; the caller zeroises its own copy.
    pub fn from_seed(name: &str, seed: &[u8; KEY_LEN]) -> Result<Self, KeyError> {
        let (private, verifier) = key_pair(name, KeyKind::Ed25519, seed)?;
        Ok(Self { private, verifier })
    }

    /// The public half.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature line for a note's text, which includes its final newline.
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature::by(&self.verifier, self.private.sign(text.as_bytes()).to_bytes().to_vec())
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier)
    }
}

pub(super) fn key_pair(name: &str, kind: KeyKind, seed: &[u8; KEY_LEN]) -> Result<(SigningKey, VerifierKey), KeyError> {
    let private = SigningKey::from_bytes(seed);
    let verifier = VerifierKey::new(name, kind, private.verifying_key().as_bytes())?;
    Ok((private, verifier))
}

/// One signature line: `— <name> <base64(key id || signature)>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; KEY_ID_LEN],
    signature: Vec<u8>,
}

impl NoteSignature {
    pub(super) fn by(key: &VerifierKey, signature: Vec<u8>) -> Self {
        Self { name: key.name.clone(), key_id: key.key_id(), signature }
    }

    /// The name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that is said to have signed.
    pub fn key_id(&self) -> [u8; KEY_ID_LEN] {
        self.key_id
    }

    /// What follows the key id.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    /// Reads a line without its newline.
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let malformed = NoteError::MalformedSignature;
        // Strictly shorter than the limit: the newline counts.
        if line.len() >= MAX_SIGNATURE_LINE_LEN {
            return Err(malformed);
        }
        let (name, payload) =
            line.strip_prefix(SIGNATURE_LINE_START).and_then(|rest| rest.split_once(' ')).ok_or(malformed)?;
        let payload = decode_base64(payload).ok_or(malformed)?;
        let (key_id, signature) = payload.split_first_chunk().ok_or(malformed)?;
        if signature.is_empty() || !is_key_name(name) {
            return Err(malformed);
        }
        Ok(Self { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    /// Writes the line without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = encode_base64(&[self.key_id.as_slice(), &self.signature].concat());
        write!(f, "{SIGNATURE_LINE_START}{} {payload}", self.name)
    }
}

/// A note that was read or put together, and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Why a note cannot be read or trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note, its text or its number of signatures is over a limit.
    #[error("the note is too large")]
    TooLarge,
    /// The text is not UTF-8 lines without control characters, the last one ended.
    #[error("the note's text is malformed")]
    MalformedText,
    /// A line after the last empty one is no signature, or there is none.
    #[error("the note's signature lines are malformed")]
    MalformedSignature,
    /// A signature line names a known key, and its signature is not that key's over this text.
    #[error("the signature of a known key does not verify")]
    InvalidSignature,
    /// Two known keys share a name and a key id: it cannot be told whose the signature is.
    #[error("a signature names two known keys at once")]
    AmbiguousKey,
    /// None of the signatures is by a known key.
    #[error("no known key has signed the note")]
    NoKnownSignature,
}

impl SignedNote {
    /// Puts a note together from a text, with its final newline, and at least one signature.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if text.len() > MAX_NOTE_TEXT_LEN || signatures.len() > MAX_NOTE_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        if !text.ends_with('\n') || !has_only_note_characters(&text) {
            return Err(NoteError::MalformedText);
        }
        if signatures.is_empty() || signatures.iter().any(|line| line.to_string().len() >= MAX_SIGNATURE_LINE_LEN) {
            return Err(NoteError::MalformedSignature);
        }
        Ok(Self { text, signatures })
    }

    /// Reads a note (C2SP signed-note, "Format"); printing it gives the same bytes back.
    pub fn parse(note: &[u8]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_LEN {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::MalformedText)?;
        // The text may have empty lines itself: the last one parts it from the signatures.
        let (text, lines) = note.rfind("\n\n").map(|at| note.split_at(at + 1)).ok_or(NoteError::MalformedText)?;
        let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::MalformedSignature)?;
        // One more than allowed is enough to know that there are too many.
        let signatures = lines.split('\n').take(MAX_NOTE_SIGNATURES + 1).map(str::parse).collect::<Result<_, _>>()?;
        Self::new(text.to_owned(), signatures)
    }

    /// The text with its final newline. Nobody vouches for it yet.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same note with one more signature, at the end: how cosignatures are added.
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, NoteError> {
        self.signatures.push(signature);
        Self::new(self.text, self.signatures)
    }

    /// Verifies the signatures of `keys` (C2SP signed-note, "Signatures").
    ///
    /// Signatures of unknown keys are ignored, even if they share a name or an id with a known one; one that names a known
    /// key and fails condemns the note; without a signature of a known key there is no verified note.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<VerifiedNote, NoteError> {
        let mut signatures = Vec::new();
        for line in &self.signatures {
            let mut candidates = keys.iter().filter(|key| key.is_named_by(line));
            let Some(key) = candidates.next() else { continue };
            if candidates.any(|other| other != key) {
                return Err(NoteError::AmbiguousKey);
            }
            let timestamp = match key.kind {
                KeyKind::Ed25519 if key.verifies(self.text.as_bytes(), &line.signature) => None,
                KeyKind::Ed25519 => return Err(NoteError::InvalidSignature),
                KeyKind::CosignatureV1 => {
                    let time = cosignature::verify_cosignature(key, &self.text, line);
                    Some(time.map_err(|_| NoteError::InvalidSignature)?)
                }
            };
            signatures.push(VerifiedSignature { key: key.clone(), timestamp });
        }
        if signatures.is_empty() {
            return Err(NoteError::NoKnownSignature);
        }
        Ok(VerifiedNote { text: self.text.clone(), signatures })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A note with the valid signature of at least one known key; only [`SignedNote::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote {
    text: String,
    signatures: Vec<VerifiedSignature>,
}

/// A signature that a known key made over the note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    key: VerifierKey,
    timestamp: Option<u64>,
}

impl VerifiedNote {
    /// The text with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The verified signatures, in the note's order; a key that signed twice is there twice.
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }
}

impl VerifiedSignature {
    /// The key that signed.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// When a cosigner signed, in POSIX seconds, by its own word; `None` for plain signatures.
    pub fn timestamp(&self) -> Option<u64> {
        self.timestamp
    }
}

/// Not empty, no Unicode space, no plus sign (C2SP signed-note, "Format"), and nothing that no note can carry.
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && has_only_note_characters(name) && !name.chars().any(|char| char.is_whitespace() || char == '+')
}

#[cfg(test)]
mod tests {
    use super::super::cosignature::Cosigner;
    use super::*;

    const GO_KEY: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    /// Two checkpoints that Go's checksum database published.
    const GO_NOTES: [&str; 2] = [
        "go.sum database tree\n15081221\nBoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=\n\n\u{2014} sum.golang.org \
         Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=\n",
        "go.sum database tree\n63096908\n8lHrQPRYe4KT4WQ9/Qk8/taKnD6IRHbFgfN7vQE2Y54=\n\n\u{2014} sum.golang.org \
         Az3gri/oVBN1jAhNZ/iS+W31psFAWRT20/GyrhpU6taFwulQGetBkH5S7wpGXdS935jiIGiUUAXBVHzT/P6fYhqAmAk=\n",
    ];

    // The example of Go's package golang.org/x/mod/sumdb/note.
    const PETER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETER_PRIVATE: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PETER_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                              then you don't know what your problem is.\n";
    const PETER_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdn\
                              gotpRZb6KE6RyyBwJnAM=";

    fn peter() -> NoteSigner {
        let key = decode_base64(PETER_PRIVATE.splitn(5, '+').last().unwrap()).unwrap();
        NoteSigner::from_seed("PeterNeumann", key[1..].try_into().unwrap()).unwrap()
    }

    fn signer(name: &str, seed: u8) -> NoteSigner {
        NoteSigner::from_seed(name, &[seed; 32]).unwrap()
    }

    #[test]
    fn known_verifier_keys_are_read_and_printed() {
        for (text, name, id) in [
            ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "example.com/foo", "530d903a"),
            (GO_KEY, "sum.golang.org", "033de0ae"),
            (PETER_KEY, "PeterNeumann", "c74f20a3"),
        ] {
            let key: VerifierKey = text.parse().unwrap();
            assert_eq!((key.name(), key.kind(), hex::encode(key.key_id())), (name, KeyKind::Ed25519, id.to_owned()));
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn verifier_keys_have_one_form() {
        let upper_id = GO_KEY.replace("033de0ae", "033DE0AE");
        let other_id = GO_KEY.replace("033de0ae", "033de0af");
        let other_name = GO_KEY.replace("golang", "go-lang");
        let spaced = GO_KEY.replace("sum.", "sum\u{a0}.");
        let control = GO_KEY.replace("sum.", "sum\u{1}");
        let nameless = &GO_KEY["sum.golang.org".len()..];
        let with_key = |bytes: &[u8]| format!("a+00000000+{}", encode_base64(bytes));
        let (ecdsa, short, long) = (with_key(&[2; 33]), with_key(&[1; 32]), with_key(&[1; 34]));
        let mut identity = [0; 33];
        identity[..2].copy_from_slice(&[1, 1]);
        for (text, expected) in [
            ("", KeyError::Malformed),
            ("a+b", KeyError::Malformed),
            ("a+00000000+", KeyError::Malformed),
            (&GO_KEY[..GO_KEY.len() - 1], KeyError::Malformed),
            (&format!("{GO_KEY}\n"), KeyError::Malformed),
            (nameless, KeyError::Name),
            (&spaced, KeyError::Name),
            (&control, KeyError::Name),
            (&ecdsa, KeyError::UnsupportedKind(2)),
            (&short, KeyError::PublicKey),
            (&long, KeyError::PublicKey),
            (&with_key(&identity), KeyError::PublicKey),
            (&upper_id, KeyError::KeyId),
            (&other_id, KeyError::KeyId),
            (&other_name, KeyError::KeyId),
        ] {
            assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text:?}");
        }
        assert_eq!(NoteSigner::from_seed("a+b", &[1; 32]).err(), Some(KeyError::Name));
    }

    #[test]
    fn the_example_of_gos_package_is_signed_alike() {
        assert_eq!(peter().verifier_key().to_string(), PETER_KEY);
        assert_eq!(peter().sign(PETER_TEXT).to_string(), PETER_LINE);
        let note = SignedNote::parse(format!("{PETER_TEXT}\n{PETER_LINE}\n").as_bytes()).unwrap();
        let verified = note.verify(&[PETER_KEY.parse().unwrap()]).unwrap();
        assert_eq!(verified.text(), PETER_TEXT);
        assert_eq!(verified.signatures()[0].key().to_string(), PETER_KEY);
    }

    #[test]
    fn checkpoints_of_gos_checksum_database_verify() {
        for text in GO_NOTES {
            let note = SignedNote::parse(text.as_bytes()).unwrap();
            assert_eq!(note.to_string(), text);
            assert!(note.verify(&[GO_KEY.parse().unwrap()]).is_ok());
            let changed = SignedNote::parse(text.replace("\n15", "\n16").replace("\n63", "\n64").as_bytes()).unwrap();
            assert_eq!(changed.verify(&[GO_KEY.parse().unwrap()]), Err(NoteError::InvalidSignature));
        }
    }

    #[test]
    fn a_note_has_one_form() {
        let line = signer("a", 1).sign("x\n").to_string();
        let good = format!("x\n\n{line}\n");
        for good in [&good, &format!("\n\n{line}\n"), &format!("x\n\ny\n\n\n{line}\n{line}\n")] {
            assert_eq!(SignedNote::parse(good.as_bytes()).unwrap().to_string(), **good);
        }
        let (text, signature) = (NoteError::MalformedText, NoteError::MalformedSignature);
        for (bad, expected) in [
            (String::new(), text),
            ("x\n".to_owned(), text),
            (format!("x\n{line}\n"), text),
            (format!("\n{line}\n"), text),
            (good.replacen('x', "\u{1}", 1), text),
            (good.replacen('x', "x\r", 1), text),
            (good.replacen('x', "\t", 1), text),
            ("x\n\n".to_owned(), signature),
            ("x\n\n\n".to_owned(), signature),
            (good.trim_end().to_owned(), signature),
            (format!("{good}\n"), signature),
            (format!("{good}y\n"), signature),
            (good.replace('\u{2014}', "-"), signature),
            (good.replace("\u{2014} ", "\u{2014}"), signature),
            (good.replace(" a ", " "), signature),
            (good.replace(" a ", "  "), signature),
            (good.replace(" a ", " a  "), signature),
            (good.replace(" a ", " a b "), signature),
            (good.replace(" a ", " a+b "), signature),
            (good.replace(" a ", " a\u{2003}b "), signature),
            (good.replace('=', ""), signature),
            ("x\n\n\u{2014} a AAAAAA==\n".to_owned(), signature),
            ("x\n\n\u{2014} a \n".to_owned(), signature),
        ] {
            assert_eq!(SignedNote::parse(bad.as_bytes()), Err(expected), "{bad:?}");
        }
        assert_eq!(SignedNote::parse(b"\xff\n\n\xe2\x80\x94 a AAAAAAE=\n"), Err(text));
    }

    #[test]
    fn limits() {
        let line = signer("a", 1).sign("x\n");
        let with_signatures = |count| SignedNote::new("x\n".to_owned(), vec![line.clone(); count]);
        let with_text = |len: usize| SignedNote::new("x".repeat(len - 1) + "\n", vec![line.clone()]);
        let with_signature = |len| {
            SignedNote::new("x\n".to_owned(), vec![NoteSignature::by(signer("a", 1).verifier_key(), vec![0; len])])
        };
        for (note, expected) in [
            (with_signatures(0), Some(NoteError::MalformedSignature)),
            (with_signatures(16), None),
            (with_signatures(MAX_NOTE_SIGNATURES), None),
            (with_signatures(MAX_NOTE_SIGNATURES + 1), Some(NoteError::TooLarge)),
            (with_text(MAX_NOTE_TEXT_LEN), None),
            (with_text(MAX_NOTE_TEXT_LEN + 1), Some(NoteError::TooLarge)),
            (with_signature(5 * 1024), None),
            (with_signature(6 * 1024), Some(NoteError::MalformedSignature)),
        ] {
            assert_eq!(note.as_ref().err(), expected.as_ref());
            if let Ok(note) = note {
                assert_eq!(SignedNote::parse(note.to_string().as_bytes()), Ok(note));
            }
        }
        let many = format!("x\n\n{}", format!("{line}\n").repeat(MAX_NOTE_SIGNATURES + 1));
        assert_eq!(SignedNote::parse(many.as_bytes()), Err(NoteError::TooLarge));
        assert_eq!(SignedNote::parse(&vec![b'x'; MAX_NOTE_LEN + 1]), Err(NoteError::TooLarge));
        let full = with_signatures(MAX_NOTE_SIGNATURES).unwrap();
        assert_eq!(full.with_signature(line.clone()), Err(NoteError::TooLarge));
    }

    #[test]
    fn known_keys_decide() {
        let (log, other, stranger) = (signer("log", 1), signer("other", 2), signer("log", 3));
        let witness = Cosigner::from_seed("witness", &[4; 32]).unwrap();
        let text = "log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        let failing = |signer: &NoteSigner| signer.sign("something else\n");
        // One that shares the known key's name, and one that shares its id, but not both.
        let same_name = NoteSignature { key_id: [9; 4], ..log.sign(text) };
        let same_id = NoteSignature { name: "logg".to_owned(), ..failing(&log) };
        let stamped = witness.cosign(text, 77).unwrap();
        let badly_stamped = witness.cosign("log\n1\n", 77).unwrap();
        let keys = [log.verifier_key().clone(), other.verifier_key().clone(), witness.verifier_key().clone()];
        let seen = |lines: &[NoteSignature]| {
            let note = SignedNote::new(text.to_owned(), lines.to_vec()).unwrap();
            let verified = note.verify(&keys)?;
            Ok(verified.signatures().iter().map(|by| (by.key().name().to_owned(), by.timestamp())).collect::<Vec<_>>())
        };
        let by = |name: &str, time| (name.to_owned(), time);
        for (lines, expected) in [
            (vec![log.sign(text)], Ok(vec![by("log", None)])),
            (vec![log.sign(text), stamped.clone()], Ok(vec![by("log", None), by("witness", Some(77))])),
            (vec![stranger.sign(text), log.sign(text)], Ok(vec![by("log", None)])),
            (vec![log.sign(text), same_name.clone(), same_id.clone()], Ok(vec![by("log", None)])),
            (vec![log.sign(text), failing(&other)], Err(NoteError::InvalidSignature)),
            (vec![failing(&other), log.sign(text)], Err(NoteError::InvalidSignature)),
            (vec![log.sign(text), badly_stamped], Err(NoteError::InvalidSignature)),
            (vec![log.sign(text), failing(&log)], Err(NoteError::InvalidSignature)),
            (vec![same_name, same_id, stranger.sign(text)], Err(NoteError::NoKnownSignature)),
        ] {
            assert_eq!(seen(&lines), expected, "{lines:?}");
        }
        let note = SignedNote::new(text.to_owned(), vec![log.sign(text)]).unwrap();
        assert_eq!(note.verify(&[]), Err(NoteError::NoKnownSignature));
        // The same key given twice is no ambiguity.
        assert!(note.verify(&[keys[0].clone(), keys[0].clone()]).is_ok());
    }

    /// With the neutral point as `R` the equation `R = S*B - k*A` can hold for a whole key, and `verify` accepts it;
    /// strict verification (and so every browser and OpenSSL) does not.
    #[test]
    fn verification_is_strict() {
        let key = signer("a", 1).verifier_key().clone();
        let mut crafted = [0; 64];
        crafted[0] = 1;
        hex::decode_to_slice("51085d9a0ea1f2f1a07abdf6477fad764f69e1d195cad92fbe3a8cec71d49f07", &mut crafted[32..])
            .unwrap();
        let loose = ed25519_dalek::Verifier::verify(&key.public, b"x\n", &Signature::from_bytes(&crafted));
        assert!(loose.is_ok(), "the crafted signature is worth testing");
        let note = SignedNote::new("x\n".to_owned(), vec![NoteSignature::by(&key, crafted.to_vec())]).unwrap();
        assert_eq!(note.verify(&[key]), Err(NoteError::InvalidSignature));
    }

    /// Key ids are short: these two keys of one name were found within seconds.
    #[test]
    fn two_known_keys_of_one_name_and_id_are_ambiguous() {
        let [one, two] = [32_003_u32, 82_289].map(|number| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            NoteSigner::from_seed("log", &seed).unwrap()
        });
        let (first, second) = (one.verifier_key().clone(), two.verifier_key().clone());
        assert!(first.key_id() == second.key_id() && first != second);
        let note = SignedNote::new("x\n".to_owned(), vec![one.sign("x\n")]).unwrap();
        assert!(note.verify(std::slice::from_ref(&first)).is_ok());
        assert_eq!(note.verify(std::slice::from_ref(&second)), Err(NoteError::InvalidSignature));
        assert_eq!(note.verify(&[first, second]), Err(NoteError::AmbiguousKey));
    }

    #[test]
    fn secrets_are_not_printed() {
        let signer = signer("log", 1);
        assert_eq!(format!("{signer:?}"), format!("NoteSigner({})", signer.verifier_key()));
    }

    /// `signed_note` (a port of Go's `note`) reads and verifies what we write, and we what it writes.
    #[test]
    fn another_implementation_agrees() {
        use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

        let ours = SignedNote::new(PETER_TEXT.to_owned(), vec![peter().sign(PETER_TEXT)]).unwrap();
        let theirs = Note::from_bytes(ours.to_string().as_bytes()).unwrap();
        let verifier = StandardVerifier::new(&peter().verifier_key().to_string()).unwrap();
        let (verified, unknown) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
        assert_eq!((verified.len(), unknown.len()), (1, 0));

        let mut theirs = Note::new(PETER_TEXT.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&StandardSigner::new(PETER_PRIVATE).unwrap()]).unwrap();
        let parsed = SignedNote::parse(&theirs.to_bytes()).unwrap();
        assert_eq!(parsed, ours);
        assert!(parsed.verify(&[peter().verifier_key().clone()]).is_ok());
    }

    /// What we read, the other implementation reads as well, and writes the same way.
    #[test]
    fn any_bytes_are_refused_or_printed_back() {
        let line = signer("a", 1).sign("x\n").to_string();
        bolero::check!().with_iterations(2000).with_type::<(Vec<u8>, Vec<u8>, bool)>().for_each(
            |(head, tail, valid)| {
                let middle = if *valid { format!("\n\n{line}\n") } else { "\n\n\u{2014} ".to_owned() };
                for bytes in
                    [head.clone(), [head, middle.as_bytes(), tail].concat(), [head, middle.as_bytes()].concat()]
                {
                    if let Ok(note) = SignedNote::parse(&bytes) {
                        assert_eq!(note.to_string().as_bytes(), bytes);
                        assert_eq!(signed_note::Note::from_bytes(&bytes).unwrap().to_bytes(), bytes);
                    }
                }
            },
        );
    }

    #[test]
    fn any_text_is_refused_or_printed_back_as_a_key() {
        bolero::check!().with_iterations(2000).with_type::<(String, bool, [u8; 32])>().for_each(
            |(text, cosigns, seed)| {
                if let Ok(key) = text.parse::<VerifierKey>() {
                    assert_eq!(key.to_string(), *text);
                }
                let kind = if *cosigns { KeyKind::CosignatureV1 } else { KeyKind::Ed25519 };
                if let Ok((_, key)) = key_pair(text, kind, seed) {
                    assert_eq!(key.to_string().parse(), Ok(key));
                }
            },
        );
    }

    #[test]
    fn any_text_can_be_signed_and_read_back() {
        bolero::check!().with_iterations(500).with_type::<(String, u8)>().for_each(|(text, seed)| {
            let (text, signer) = (format!("{text}\n"), signer("log", *seed));
            if let Ok(note) = SignedNote::new(text.clone(), vec![signer.sign(&text)]) {
                assert_eq!(SignedNote::parse(note.to_string().as_bytes()).as_ref(), Ok(&note));
                assert!(note.verify(&[signer.verifier_key().clone()]).is_ok());
            }
        });
    }
}
