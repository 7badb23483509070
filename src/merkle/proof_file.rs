//! Proof files: an index, an inclusion path and a checkpoint in one text that can be checked offline (C2SP tlog-proof).

use std::fmt;
use std::str::FromStr;

use super::checkpoint::Checkpoint;
use super::encoding::{decode_base64, decode_hash, encode_base64, encode_hash, parse_decimal};
use super::hash::Hash;
use super::note::{MAX_NOTE_LEN, SignedNote};
use super::tree::MAX_PATH_LEN;

/// The longest `extra` data.
pub const MAX_PROOF_EXTRA_LEN: usize = 64 * 1024;
/// The longest proof file: the longest note, extra data in base64, and room for the index and the path.
pub const MAX_PROOF_FILE_LEN: usize = MAX_NOTE_LEN + 2 * MAX_PROOF_EXTRA_LEN;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof that something is in a log, as read from a `.tlog-proof` file: nothing of it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data for the application, which no signature covers; ours is the block's text.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// The hashes from the leaf's sibling up to the root's child.
    pub path: Vec<Hash>,
    /// The checkpoint as the log served it, with its cosignatures: a signed note, byte for byte.
    pub checkpoint: String,
}

/// Why a text is no proof file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// The file, its extra data or its path is over a limit.
    #[error("the proof file is too large")]
    TooLarge,
    /// The first line is another.
    #[error("the first line is not {FIRST_LINE:?}")]
    FirstLine,
    /// The extra data is no canonical base64.
    #[error("the extra line is not base64")]
    Extra,
    /// The index line is missing, or no decimal in its one form.
    #[error("the index line is missing or not a decimal number in its one form")]
    Index,
    /// A line of the path is no hash in canonical base64.
    #[error("a line of the path is not the base64 of 32 bytes")]
    Path,
    /// No signed checkpoint stands after an empty line.
    #[error("no signed checkpoint follows the path")]
    Checkpoint,
}

impl FromStr for TlogProof {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_PROOF_FILE_LEN {
            return Err(ProofFileError::TooLarge);
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofFileError::Checkpoint)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofFileError::FirstLine);
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(parse_extra).transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(ProofFileError::Index)?;
        // One more than allowed is enough to know that there are too many.
        let path = lines.take(MAX_PATH_LEN + 1).map(|line| decode_hash(line).ok_or(ProofFileError::Path));
        let path = path.collect::<Result<Vec<_>, _>>()?;
        if path.len() > MAX_PATH_LEN {
            return Err(ProofFileError::TooLarge);
        }
        let note = SignedNote::parse(checkpoint.as_bytes()).map_err(|_| ProofFileError::Checkpoint)?;
        note.text().parse::<Checkpoint>().map_err(|_| ProofFileError::Checkpoint)?;
        Ok(Self { extra, index, path, checkpoint: checkpoint.to_owned() })
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, ProofFileError> {
    let extra = line.strip_prefix("extra ").and_then(decode_base64).ok_or(ProofFileError::Extra)?;
    if extra.len() <= MAX_PROOF_EXTRA_LEN { Ok(extra) } else { Err(ProofFileError::TooLarge) }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", encode_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", encode_hash(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::sign_checkpoint;
    use super::super::note::NoteSigner;
    use super::super::tree::empty_root;
    use super::*;

    fn checkpoint() -> String {
        let signer = NoteSigner::from_seed("example.com/log", &[1; 32]).unwrap();
        sign_checkpoint(&Checkpoint::new("example.com/log", 9, empty_root()).unwrap(), &signer).unwrap().to_string()
    }

    const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn proof_files_known() {
        let checkpoint = checkpoint();
        for (extra, index, hashes, text) in [
            (None, 0, 0, "c2sp.org/tlog-proof@v1\nindex 0\n\n".to_owned()),
            (None, 73_894, 1, format!("c2sp.org/tlog-proof@v1\nindex 73894\n{HASH}\n\n")),
            (Some(&b"age\0"[..]), 1, 2, format!("c2sp.org/tlog-proof@v1\nextra YWdlAA==\nindex 1\n{HASH}\n{HASH}\n\n")),
            (Some(b""), 1, 0, "c2sp.org/tlog-proof@v1\nextra \nindex 1\n\n".to_owned()),
        ] {
            let text = format!("{text}{checkpoint}");
            let proof = TlogProof {
                extra: extra.map(<[u8]>::to_vec),
                index,
                path: vec![empty_root(); hashes],
                checkpoint: checkpoint.clone(),
            };
            assert_eq!(proof.to_string(), text);
            assert_eq!(text.parse(), Ok(proof));
        }
    }

    #[test]
    fn a_proof_file_has_one_form() {
        use ProofFileError::{Checkpoint as NoCheckpoint, Extra, FirstLine, Index, Path, TooLarge};
        let checkpoint = checkpoint();
        let long = format!("index 1\n{}", format!("{HASH}\n").repeat(MAX_PATH_LEN + 1));
        let big = format!("extra {}\nindex 1\n", encode_base64(&vec![0; MAX_PROOF_EXTRA_LEN + 1]));
        for (head, expected) in [
            ("", Index),
            ("extra YWdl\n", Index),
            ("extra YWdl\nextra YWdl\nindex 1\n", Index),
            ("index 1\nextra YWdl\n", Path),
            ("extra YWd\nindex 1\n", Extra),
            ("extra  YWdl\nindex 1\n", Extra),
            ("extra\nindex 1\n", Index),
            ("index 01\n", Index),
            ("index -1\n", Index),
            ("index  1\n", Index),
            ("index 1 \n", Index),
            ("index\n", Index),
            ("Index 1\n", Index),
            ("index 18446744073709551616\n", Index),
            ("index 1\nindex 1\n", Path),
            ("index 1\nAAAA\n", Path),
            ("index 1\n\n", NoCheckpoint),
            ("index 1\r\n", Index),
            (&long, TooLarge),
            (&big, TooLarge),
        ] {
            let text = format!("{FIRST_LINE}\n{head}\n{checkpoint}");
            assert_eq!(text.parse::<TlogProof>(), Err(expected), "{head:?}");
        }
        let tail = format!("\nindex 1\n\n{checkpoint}");
        for (text, expected) in [
            (String::new(), NoCheckpoint),
            (format!("c2sp.org/tlog-proof@v2{tail}"), FirstLine),
            (format!(" {FIRST_LINE}{tail}"), FirstLine),
            (format!("\n{FIRST_LINE}{tail}"), FirstLine),
            (format!("{FIRST_LINE}\nindex 1\n{checkpoint}"), Path),
            (format!("{FIRST_LINE}\nindex 1\n\n"), NoCheckpoint),
            (format!("{FIRST_LINE}{tail}\n"), NoCheckpoint),
            (format!("{FIRST_LINE}{}", tail.trim_end()), NoCheckpoint),
        ] {
            assert_eq!(text.parse::<TlogProof>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn printing_and_parsing_are_inverse() {
        let checkpoint = checkpoint();
        bolero::check!().with_iterations(2000).with_type::<(Option<Vec<u8>>, u64, Vec<[u8; 32]>)>().for_each(
            |(extra, index, path)| {
                let path = path.iter().take(MAX_PATH_LEN).copied().map(Hash::from).collect();
                let proof = TlogProof { extra: extra.clone(), index: *index, path, checkpoint: checkpoint.clone() };
                assert_eq!(proof.to_string().parse(), Ok(proof));
            },
        );
    }

    #[test]
    fn any_text_is_refused_or_printed_back() {
        let checkpoint = checkpoint();
        bolero::check!().with_iterations(2000).with_type::<(String, bool)>().for_each(|(text, framed)| {
            let text = if *framed { format!("{FIRST_LINE}\n{text}\n\n{checkpoint}") } else { text.clone() };
            if let Ok(proof) = text.parse::<TlogProof>() {
                assert_eq!(proof.to_string(), text);
            }
        });
    }
}
