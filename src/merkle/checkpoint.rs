//! Checkpoints: what a log states about itself, as the text of a signed note (C2SP tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use super::encoding::{decode_hash, encode_hash, has_only_note_characters, parse_decimal};
use super::hash::Hash;
use super::note::{NoteError, NoteSigner, SignedNote};

/// A tree head: the log's origin, the number of its leaves, and the root over them.
///
/// Written as three lines, and read from exactly these three. Extension lines, which C2SP tlog-checkpoint allows and does
/// not recommend, are refused: nobody can audit them, our logs have none, and a text with some is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

/// Why a text is no checkpoint, or a checkpoint cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not three lines, each of them ended.
    #[error("a checkpoint is three lines: origin, size and root")]
    Lines,
    /// The origin is empty or has a control character.
    #[error("the origin is not a line of text")]
    Origin,
    /// The size is no decimal without leading zeros, or over 64 bits.
    #[error("the size is not a decimal number in its one form")]
    Size,
    /// The root is no hash in canonical base64.
    #[error("the root is not the base64 of 32 bytes")]
    Root,
    /// The signing key belongs to another log.
    #[error("the key {key:?} does not sign for the origin {origin:?}")]
    ForeignKey {
        /// The name of the key.
        key: String,
        /// The origin of the checkpoint.
        origin: String,
    },
    /// The origin is too long for a note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Checkpoint {
    /// A checkpoint from its parts.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if origin.is_empty() || origin.contains('\n') || !has_only_note_characters(origin) {
            return Err(CheckpointError::Origin);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Which log this is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of that size.
    pub fn root(&self) -> &Hash {
        &self.root
    }
}

/// Makes the note of a checkpoint, signed by the key whose name is its origin.
///
/// A log never signs two inconsistent checkpoints: the caller has made durable what it is about to sign.
pub fn sign_checkpoint(checkpoint: &Checkpoint, signer: &NoteSigner) -> Result<SignedNote, CheckpointError> {
    let key = signer.verifier_key().name();
    if key != checkpoint.origin {
        return Err(CheckpointError::ForeignKey { key: key.to_owned(), origin: checkpoint.origin.clone() });
    }
    let text = checkpoint.to_string();
    let signature = signer.sign(&text);
    Ok(SignedNote::new(text, vec![signature])?)
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a note, with its final newline (C2SP tlog-checkpoint, "Note text").
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.splitn(4, '\n').collect();
        let [origin, size, root] = lines[..] else { return Err(CheckpointError::Lines) };
        let size = parse_decimal(size).ok_or(CheckpointError::Size)?;
        let root = decode_hash(root).ok_or(CheckpointError::Root)?;
        Self::new(origin, size, root)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, encode_hash(&self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::empty_root;
    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_example_of_the_specification() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        let checkpoint: Checkpoint = text.parse().unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(encode_hash(checkpoint.root()), ROOT);
        assert_eq!(checkpoint.to_string(), text);
    }

    #[test]
    fn a_checkpoint_has_one_form() {
        use CheckpointError::{Lines, Origin, Root, Size};
        for (text, expected) in [
            (String::new(), Lines),
            ("\n".to_owned(), Lines),
            ("a\n1\n".to_owned(), Lines),
            (format!("a\n1\n{ROOT}"), Lines),
            (format!("a\n1\n{ROOT}\n\n"), Lines),
            (format!("a\n1\n{ROOT}\nextension\n"), Lines),
            (format!("\na\n1\n{ROOT}\n"), Lines),
            (format!("\n1\n{ROOT}\n"), Origin),
            (format!("a\r\n1\n{ROOT}\n"), Origin),
            (format!("a\n\n{ROOT}\n"), Size),
            (format!("a\n01\n{ROOT}\n"), Size),
            (format!("a\n+1\n{ROOT}\n"), Size),
            (format!("a\n-1\n{ROOT}\n"), Size),
            (format!("a\n 1\n{ROOT}\n"), Size),
            (format!("a\n1\r\n{ROOT}\n"), Size),
            (format!("a\n18446744073709551616\n{ROOT}\n"), Size),
            ("a\n1\n\n".to_owned(), Root),
            ("a\n1\nAAAA\n".to_owned(), Root),
            (format!("a\n1\n{}\n", ROOT.replace("I=", "J=")), Root),
            (format!("a\n1\n{}\n", ROOT.replace('=', "")), Root),
            (format!("a\n1\n{ROOT} \n"), Root),
        ] {
            assert_eq!(text.parse::<Checkpoint>(), Err(expected), "{text:?}");
        }
        assert_eq!(Checkpoint::new("a\nb", 0, empty_root()), Err(Origin));
    }

    #[test]
    fn only_the_key_named_like_the_origin_signs() {
        let checkpoint = Checkpoint::new("example.com/log", 0, empty_root()).unwrap();
        let signer = |name| NoteSigner::from_seed(name, &[1; 32]).unwrap();
        let note = sign_checkpoint(&checkpoint, &signer("example.com/log")).unwrap();
        assert_eq!(note.text().parse(), Ok(checkpoint.clone()));
        assert!(note.verify(&[signer("example.com/log").verifier_key().clone()]).is_ok());
        let refused = sign_checkpoint(&checkpoint, &signer("example.com/log2"));
        assert!(matches!(refused, Err(CheckpointError::ForeignKey { .. })));
    }

    #[test]
    fn printing_and_parsing_are_inverse() {
        bolero::check!().with_iterations(2000).with_type::<(String, u64, [u8; 32])>().for_each(
            |(origin, size, root)| {
                if let Ok(checkpoint) = Checkpoint::new(origin, *size, Hash::from(*root)) {
                    assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint.clone()));
                    let theirs = tlog_tiles::Checkpoint::from_bytes(checkpoint.to_string().as_bytes());
                    assert!(theirs.is_ok_and(|theirs| theirs.size() == *size && theirs.hash().0 == *root));
                }
                for text in [origin.clone(), format!("{origin}\n{ROOT}\n"), format!("a\n{origin}\n{ROOT}\n")] {
                    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
                        assert_eq!(checkpoint.to_string(), text);
                    }
                }
            },
        );
    }
}
