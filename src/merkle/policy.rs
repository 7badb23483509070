//! Trust policies: which logs are believed, and which witnesses must have cosigned (C2SP tlog-policy).
//!
//! A policy comes from elsewhere than the thing that is checked with it. With `quorum none` no witness is asked, and the
//! operator could show others another chain: [`JudgedCheckpoint::quorum_is_none`] tells callers, who must say so plainly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::encoding::parse_decimal;
use super::note::{KeyError, KeyKind, NoteError, SignedNote, VerifiedNote, VerifierKey};

/// The longest policy file: room for far more than the 32 logs, witnesses and groups that C2SP tlog-policy asks for.
pub const MAX_POLICY_LEN: usize = 64 * 1024;

/// The quorum that asks for no witness.
const NO_QUORUM: &str = "none";

/// A trust policy. Printing keeps the meaning and the order of witnesses and groups, not comments or spacing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    logs: Vec<LogEntry>,
    /// Witnesses and groups as defined: members come before the groups that name them.
    members: Vec<Member>,
    /// The place in `members` that must have cosigned; nothing for `none`.
    quorum: Option<usize>,
}

/// `log <vkey> [<url>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LogEntry {
    key: VerifierKey,
    url: Option<String>,
}

/// What a group or the quorum can name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    rule: Rule,
}

/// When a member counts as having cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// `witness <name> <vkey> [<url>]`: with a cosignature of this key.
    Witness { key: Box<VerifierKey>, url: Option<String> },
    /// `group <name> all|any|<k> <name>...`: with this many of these members.
    Group { threshold: usize, of: Vec<usize> },
}

/// A policy file that is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {reason}")]
pub struct PolicyParseError {
    /// The line, counted from 1; after the last one for what is missing.
    pub line: usize,
    /// What is wrong there.
    pub reason: PolicyLineError,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyLineError {
    /// The file is longer than [`MAX_POLICY_LEN`].
    #[error("the policy is larger than {MAX_POLICY_LEN} bytes")]
    TooLarge,
    /// A control character other than tab and newline, or, outside comments, text that is not UTF-8.
    #[error("a character that is not allowed")]
    Character,
    /// The first word is none of `log`, `witness`, `group`, `quorum`.
    #[error("expected log, witness, group or quorum, found {0:?}")]
    Keyword(String),
    /// Words are missing or left over.
    #[error("expected {0}")]
    Form(&'static str),
    /// The verifier key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A log's key is not of type `0x01`, or a witness's not of type `0x04`.
    #[error("a log needs a key of type 0x01, a witness one of type 0x04")]
    WrongKeyKind,
    /// The public key stands in the policy already.
    #[error("the same public key twice")]
    DuplicateKey,
    /// The name is taken by a witness or group, or is `none`.
    #[error("the name {0:?} is taken")]
    DuplicateName(String),
    /// No line before this one defines the name.
    #[error("no witness or group {0:?} is defined before this line")]
    UnknownName(String),
    /// The name is a member of a group already.
    #[error("{0:?} is a member of a group already")]
    MemberTwice(String),
    /// The threshold is not `all`, `any` or a number from 1 to the number of members.
    #[error("the threshold must be all, any or a number from 1 to the number of members")]
    Threshold,
    /// There was a quorum line before.
    #[error("a second quorum line")]
    SecondQuorum,
    /// The file ends without a quorum line.
    #[error("no quorum line")]
    NoQuorum,
}

impl TrustPolicy {
    /// Reads a policy file (C2SP tlog-policy, "Policy file syntax and structure").
    ///
    /// Two rules are stricter than the specification: a key may not stand both for a log and for a witness, because one
    /// key never does another's work; and outside comments only UTF-8 is read.
    pub fn parse(policy: &[u8]) -> Result<Self, PolicyParseError> {
        if policy.len() > MAX_POLICY_LEN {
            return Err(PolicyParseError { line: 1, reason: PolicyLineError::TooLarge });
        }
        let mut parser = Parser::default();
        let mut line = 0;
        for text in policy.split(|byte| *byte == b'\n') {
            line += 1;
            parser.read_line(text).map_err(|reason| PolicyParseError { line, reason })?;
        }
        let quorum = parser.quorum.ok_or(PolicyParseError { line, reason: PolicyLineError::NoQuorum })?;
        Ok(Self { logs: parser.logs, members: parser.members, quorum })
    }

    /// The keys of the logs that are believed.
    pub fn logs(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter().map(|log| &log.key)
    }

    /// Whether the policy asks for no witness at all.
    pub fn quorum_is_none(&self) -> bool {
        self.quorum.is_none()
    }

    /// Judges a checkpoint as served: signed by a log of this policy, and cosigned by its quorum.
    ///
    /// The signature of any key that the policy names must hold; the others are ignored.
    pub fn judge(&self, note: &SignedNote) -> Result<JudgedCheckpoint, PolicyError> {
        let checkpoint: Checkpoint = note.text().parse()?;
        let origin = checkpoint.origin();
        if !self.logs().any(|log| log.name() == origin) {
            return Err(PolicyError::UnknownLog { origin: origin.to_owned() });
        }
        let verified = match note.verify(&self.keys()) {
            Err(NoteError::NoKnownSignature) => return Err(PolicyError::NotSignedByLog),
            other => other?,
        };
        let log = self.logs().find(|log| log.name() == origin && has_signed(&verified, log));
        let log = log.ok_or(PolicyError::NotSignedByLog)?.clone();
        let cosignatures = self.cosignatures(&verified);
        if !self.quorum_is_met(&cosignatures) {
            let cosigned_by = cosignatures.into_iter().map(|by| by.witness).collect();
            return Err(PolicyError::QuorumNotMet { cosigned_by });
        }
        Ok(JudgedCheckpoint { checkpoint, log, cosignatures, quorum_is_none: self.quorum_is_none() })
    }

    fn keys(&self) -> Vec<VerifierKey> {
        self.logs().chain(self.members.iter().filter_map(Member::witness_key)).cloned().collect()
    }

    /// One cosignature for each witness that made any: the latest.
    fn cosignatures(&self, verified: &VerifiedNote) -> Vec<WitnessCosignature> {
        let latest = |member: &Member| {
            let key = member.witness_key()?;
            let by_key = verified.signatures().iter().filter(|by| by.key() == key);
            let timestamp = by_key.filter_map(|by| by.timestamp()).max()?;
            Some(WitnessCosignature { witness: member.name.clone(), timestamp })
        };
        self.members.iter().filter_map(latest).collect()
    }

    fn quorum_is_met(&self, cosignatures: &[WitnessCosignature]) -> bool {
        let Some(quorum) = self.quorum else { return true };
        let mut has_witnessed: Vec<bool> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            has_witnessed.push(match &member.rule {
                Rule::Witness { .. } => cosignatures.iter().any(|by| by.witness == member.name),
                Rule::Group { threshold, of } => of.iter().filter(|place| has_witnessed[**place]).count() >= *threshold,
            });
        }
        has_witnessed[quorum]
    }
}

impl Member {
    fn witness_key(&self) -> Option<&VerifierKey> {
        match &self.rule {
            Rule::Witness { key, .. } => Some(key),
            Rule::Group { .. } => None,
        }
    }
}

fn has_signed(verified: &VerifiedNote, key: &VerifierKey) -> bool {
    verified.signatures().iter().any(|by| by.key() == key)
}

impl FromStr for TrustPolicy {
    type Err = PolicyParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for TrustPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        for log in &self.logs {
            writeln!(f, "log {}{}", log.key, url(&log.url))?;
        }
        for member in &self.members {
            match &member.rule {
                Rule::Witness { key, url: at } => writeln!(f, "witness {} {key}{}", member.name, url(at))?,
                Rule::Group { threshold, of } => {
                    write!(f, "group {} {threshold}", member.name)?;
                    of.iter().try_for_each(|place| write!(f, " {}", self.members[*place].name))?;
                    writeln!(f)?;
                }
            }
        }
        writeln!(f, "quorum {}", self.quorum.map_or(NO_QUORUM, |place| &self.members[place].name))
    }
}

/// What the lines so far have defined.
#[derive(Default)]
struct Parser {
    logs: Vec<LogEntry>,
    members: Vec<Member>,
    places: BTreeMap<String, usize>,
    grouped: BTreeSet<usize>,
    public_keys: BTreeSet<[u8; 32]>,
    quorum: Option<Option<usize>>,
}

impl Parser {
    fn read_line(&mut self, line: &[u8]) -> Result<(), PolicyLineError> {
        // C2SP tlog-policy, "Character set".
        if line.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err(PolicyLineError::Character);
        }
        let line = line.trim_ascii_start();
        if line.starts_with(b"#") {
            return Ok(());
        }
        let line = std::str::from_utf8(line).map_err(|_| PolicyLineError::Character)?;
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            ["log", key] => self.read_log(key, None),
            ["log", key, url] => self.read_log(key, Some(url)),
            ["log", ..] => Err(PolicyLineError::Form("log <vkey> [<url>]")),
            ["witness", name, key] => self.read_witness(name, key, None),
            ["witness", name, key, url] => self.read_witness(name, key, Some(url)),
            ["witness", ..] => Err(PolicyLineError::Form("witness <name> <vkey> [<url>]")),
            ["group", name, threshold, first, ref others @ ..] => self.read_group(name, threshold, first, others),
            ["group", ..] => Err(PolicyLineError::Form("group <name> all|any|<k> <name>...")),
            ["quorum", name] => self.read_quorum(name),
            ["quorum", ..] => Err(PolicyLineError::Form("quorum <name>|none")),
            [keyword, ..] => Err(PolicyLineError::Keyword(keyword.to_owned())),
        }
    }

    fn read_log(&mut self, key: &str, url: Option<&str>) -> Result<(), PolicyLineError> {
        let key = self.read_key(key, KeyKind::Ed25519)?;
        self.logs.push(LogEntry { key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn read_witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), PolicyLineError> {
        let key = Box::new(self.read_key(key, KeyKind::CosignatureV1)?);
        self.define(name, Rule::Witness { key, url: url.map(str::to_owned) })
    }

    fn read_group(&mut self, name: &str, threshold: &str, first: &str, others: &[&str]) -> Result<(), PolicyLineError> {
        let mut of = Vec::new();
        for member in [first].iter().chain(others) {
            let place = self.place(member)?;
            // Each name once in all groups, so that a witness counts in only one way.
            if !self.grouped.insert(place) {
                return Err(PolicyLineError::MemberTwice((*member).to_owned()));
            }
            of.push(place);
        }
        let threshold = match threshold {
            "all" => of.len(),
            "any" => 1,
            number => parse_decimal(number).and_then(|k| k.try_into().ok()).ok_or(PolicyLineError::Threshold)?,
        };
        if !(1..=of.len()).contains(&threshold) {
            return Err(PolicyLineError::Threshold);
        }
        self.define(name, Rule::Group { threshold, of })
    }

    fn read_quorum(&mut self, name: &str) -> Result<(), PolicyLineError> {
        if self.quorum.is_some() {
            return Err(PolicyLineError::SecondQuorum);
        }
        self.quorum = Some(if name == NO_QUORUM { None } else { Some(self.place(name)?) });
        Ok(())
    }

    /// Keys are the same if their public keys are, whatever their names (C2SP tlog-policy, "Public key representation").
    fn read_key(&mut self, key: &str, kind: KeyKind) -> Result<VerifierKey, PolicyLineError> {
        let key: VerifierKey = key.parse()?;
        if key.kind() != kind {
            return Err(PolicyLineError::WrongKeyKind);
        }
        if self.public_keys.insert(*key.public_key()) { Ok(key) } else { Err(PolicyLineError::DuplicateKey) }
    }

    fn define(&mut self, name: &str, rule: Rule) -> Result<(), PolicyLineError> {
        if name == NO_QUORUM || self.places.contains_key(name) {
            return Err(PolicyLineError::DuplicateName(name.to_owned()));
        }
        self.places.insert(name.to_owned(), self.members.len());
        self.members.push(Member { name: name.to_owned(), rule });
        Ok(())
    }

    fn place(&self, name: &str) -> Result<usize, PolicyLineError> {
        self.places.get(name).copied().ok_or_else(|| PolicyLineError::UnknownName(name.to_owned()))
    }
}

/// Why a policy does not believe a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The note's text is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The policy names no log of this origin.
    #[error("the policy does not name the log {origin:?}")]
    UnknownLog {
        /// The origin that the checkpoint claims.
        origin: String,
    },
    /// The log of that origin has not signed, or with a key that the policy does not name.
    #[error("no key that the policy names for this log has signed the checkpoint")]
    NotSignedByLog,
    /// The signature of a key that the policy names fails.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The log has signed, and too few witnesses have cosigned.
    #[error("the cosignatures do not make the quorum of the policy")]
    QuorumNotMet {
        /// The witnesses that did, by the policy's names.
        cosigned_by: Vec<String>,
    },
}

/// A checkpoint that a policy believes; only [`TrustPolicy::judge`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedCheckpoint {
    checkpoint: Checkpoint,
    log: VerifierKey,
    cosignatures: Vec<WitnessCosignature>,
    quorum_is_none: bool,
}

/// The valid cosignature of a witness that the policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessCosignature {
    /// The witness, by the policy's name for it.
    pub witness: String,
    /// When it cosigned, in POSIX seconds, by its own word.
    pub timestamp: u64,
}

impl JudgedCheckpoint {
    /// What the log has signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The key that the log signed with.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// All witnesses of the policy that cosigned, in the policy's order, whether the quorum needed them or not.
    pub fn cosignatures(&self) -> &[WitnessCosignature] {
        &self.cosignatures
    }

    /// No witness was asked for: the operator could show others another chain, and every verifier must say so.
    pub fn quorum_is_none(&self) -> bool {
        self.quorum_is_none
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::sign_checkpoint;
    use super::super::cosignature::Cosigner;
    use super::super::note::{NoteSignature, NoteSigner};
    use super::super::tree::empty_root;
    use super::*;

    const ORIGIN: &str = "example.com/log";

    fn log(seed: u8) -> NoteSigner {
        NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn witness(seed: u8) -> Cosigner {
        Cosigner::from_seed(&format!("witness.example/{seed}"), &[seed; 32]).unwrap()
    }

    /// A policy text in which `L1`.. stand for the keys of logs and `W1`.. for those of witnesses.
    fn with_keys(text: &str) -> String {
        let mut text = text.to_owned();
        for seed in 1..=9 {
            text = text.replace(&format!("<L{seed}>"), &log(seed).verifier_key().to_string());
            text = text.replace(&format!("<W{seed}>"), &witness(seed + 10).verifier_key().to_string());
        }
        text
    }

    fn policy(text: &str) -> TrustPolicy {
        with_keys(text).parse().unwrap()
    }

    /// The example of C2SP tlog-policy, "Example policy".
    const EXAMPLE: &str = "log <L1>\n\nwitness X1 <W1>\nwitness X2 <W2>\nwitness X3 <W3>\ngroup X-witnesses 2 X1 X2 X3\n\n\
                           witness Y1 <W4>\nwitness Y2 <W5>\nwitness Y3 <W6>\ngroup Y-witnesses any Y1 Y2 Y3\n\n\
                           group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";

    #[test]
    fn what_the_specification_allows_is_read_and_printed() {
        for (text, printed) in [
            ("quorum none", "quorum none\n"),
            ("log <L1>\nquorum none\n", "log <L1>\nquorum none\n"),
            (
                "\n \t\n# a \u{e9}\n\t # b\n \tlog\t <L1>  https://a/ \nquorum\tnone\t\n",
                "log <L1> https://a/\nquorum none\n",
            ),
            ("log <L1>\nlog <L2> url\nquorum none\n", "log <L1>\nlog <L2> url\nquorum none\n"),
            ("quorum none\nlog <L1>\n", "log <L1>\nquorum none\n"),
            ("witness a <W1> url\nlog <L1>\nquorum a\n", "log <L1>\nwitness a <W1> url\nquorum a\n"),
            ("witness all <W1>\ngroup any all all\nquorum any", "witness all <W1>\ngroup any 1 all\nquorum any\n"),
            (
                EXAMPLE,
                "log <L1>\nwitness X1 <W1>\nwitness X2 <W2>\nwitness X3 <W3>\ngroup X-witnesses 2 X1 X2 X3\n\
                 witness Y1 <W4>\nwitness Y2 <W5>\nwitness Y3 <W6>\ngroup Y-witnesses 1 Y1 Y2 Y3\n\
                 group X-and-Y 2 X-witnesses Y-witnesses\nquorum X-and-Y\n",
            ),
        ] {
            let policy = policy(text);
            assert_eq!(policy.to_string(), with_keys(printed));
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert!(TrustPolicy::parse(b"# \xff\xfe\nquorum none\n").is_ok(), "comments are opaque octets");
    }

    #[test]
    fn what_the_specification_forbids_is_refused_with_its_line() {
        use PolicyLineError::*;
        let name = str::to_owned;
        let same_key = VerifierKey::new("other", KeyKind::Ed25519, log(1).verifier_key().public_key()).unwrap();
        let cosigning = VerifierKey::new("other", KeyKind::CosignatureV1, log(1).verifier_key().public_key()).unwrap();
        let renamed = VerifierKey::new("o", KeyKind::CosignatureV1, witness(11).verifier_key().public_key()).unwrap();
        for (text, line, reason) in [
            ("", 1, NoQuorum),
            ("log <L1>\n# quorum none\n", 3, NoQuorum),
            ("quorum none\nquorum none\n", 2, SecondQuorum),
            ("quorum a\n", 1, UnknownName(name("a"))),
            ("quorum a\nwitness a <W1>\n", 1, UnknownName(name("a"))),
            ("quorum\n", 1, Form("quorum <name>|none")),
            ("quorum none none\n", 1, Form("quorum <name>|none")),
            ("quorum none # comment\n", 1, Form("quorum <name>|none")),
            ("Quorum none\n", 1, Keyword(name("Quorum"))),
            ("quorum\u{a0}none\n", 1, Keyword(name("quorum\u{a0}none"))),
            ("quorum none\r\n", 1, Character),
            ("quorum none\u{b}\n", 1, Character),
            ("# \u{7f}\n", 1, Character),
            ("log\n", 1, Form("log <vkey> [<url>]")),
            ("log <L1> url url\n", 1, Form("log <vkey> [<url>]")),
            ("log a+b+c\n", 1, Key(KeyError::Malformed)),
            ("log <W1>\n", 1, WrongKeyKind),
            ("log <L1>\nlog <L1>\n", 2, DuplicateKey),
            (&format!("log <L1>\nlog {same_key}\n"), 2, DuplicateKey),
            (&format!("log <L1>\nwitness a {cosigning}\n"), 2, DuplicateKey),
            ("witness a\n", 1, Form("witness <name> <vkey> [<url>]")),
            ("witness a <W1> url url\n", 1, Form("witness <name> <vkey> [<url>]")),
            ("witness a <L1>\n", 1, WrongKeyKind),
            ("\nwitness none <W1>\n", 2, DuplicateName(name("none"))),
            ("witness a <W1>\nwitness a <W2>\n", 2, DuplicateName(name("a"))),
            ("witness a <W1>\nwitness b <W1>\n", 2, DuplicateKey),
            (&format!("witness a <W1>\nwitness b {renamed}\n"), 2, DuplicateKey),
            ("witness a <W1>\ngroup a any a\n", 2, DuplicateName(name("a"))),
            ("witness a <W1>\ngroup none any a\n", 2, DuplicateName(name("none"))),
            ("group g any\n", 1, Form("group <name> all|any|<k> <name>...")),
            ("group g any g\n", 1, UnknownName(name("g"))),
            ("witness a <W1>\ngroup g any a b\nwitness b <W2>\n", 2, UnknownName(name("b"))),
            ("group g any none\n", 1, UnknownName(name("none"))),
            ("witness a <W1>\ngroup g any a a\n", 2, MemberTwice(name("a"))),
            ("witness a <W1>\ngroup g any a\ngroup h any a\n", 3, MemberTwice(name("a"))),
            ("witness a <W1>\ngroup g any a\ngroup h any g a\n", 3, MemberTwice(name("a"))),
            ("witness a <W1>\ngroup g 0 a\n", 2, Threshold),
            ("witness a <W1>\ngroup g 2 a\n", 2, Threshold),
            ("witness a <W1>\ngroup g 01 a\n", 2, Threshold),
            ("witness a <W1>\ngroup g most a\n", 2, Threshold),
        ] {
            assert_eq!(with_keys(text).parse::<TrustPolicy>(), Err(PolicyParseError { line, reason }), "{text:?}");
        }
        let error = "quorum none\nquorum none".parse::<TrustPolicy>().unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the policy: a second quorum line");
        for (bytes, reason) in [(&b"quorum \xff"[..], Character), (&[b'#'; MAX_POLICY_LEN + 1], TooLarge)] {
            assert_eq!(TrustPolicy::parse(bytes), Err(PolicyParseError { line: 1, reason }));
        }
    }

    fn note(signer: &NoteSigner, witnesses: &[u8]) -> SignedNote {
        let checkpoint = Checkpoint::new(ORIGIN, 0, empty_root()).unwrap();
        let note = sign_checkpoint(&checkpoint, signer).unwrap();
        witnesses.iter().fold(note, |note, seed| {
            let line = witness(seed + 10).cosign(note.text(), u64::from(*seed)).unwrap();
            note.with_signature(line).unwrap()
        })
    }

    #[test]
    fn the_quorum_decides() {
        let any = "log <L1>\nwitness a <W1>\nwitness b <W2>\ngroup g any a b\nquorum g\n";
        let all = "log <L1>\nwitness a <W1>\nwitness b <W2>\ngroup g all a b\nquorum g\n";
        let one = "log <L1>\nwitness a <W1>\nwitness b <W2>\nquorum a\n";
        let none = "log <L1>\nwitness a <W1>\nquorum none\n";
        for (text, witnesses, met) in [
            (none, &[][..], true),
            (none, &[1, 2, 3], true),
            (one, &[1], true),
            (one, &[2], false),
            (one, &[], false),
            (any, &[2], true),
            (any, &[3], false),
            (all, &[1, 2], true),
            (all, &[1, 1], false),
            (all, &[2, 3, 4], false),
            (EXAMPLE, &[1, 2, 4], true),
            (EXAMPLE, &[6, 3, 1], true),
            (EXAMPLE, &[1, 2, 3], false),
            (EXAMPLE, &[1, 4, 5, 6], false),
            (EXAMPLE, &[1, 1, 4], false),
            (EXAMPLE, &[1, 2, 3, 4, 5, 6], true),
        ] {
            let policy = policy(text);
            match policy.judge(&note(&log(1), witnesses)) {
                Ok(judged) => {
                    assert!(met, "{text} with {witnesses:?}");
                    assert_eq!(judged.quorum_is_none(), text == none);
                    assert_eq!((judged.checkpoint().origin(), judged.log()), (ORIGIN, log(1).verifier_key()));
                }
                Err(PolicyError::QuorumNotMet { .. }) => assert!(!met, "{text} with {witnesses:?}"),
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn who_cosigned_is_kept() {
        let judged = policy(EXAMPLE).judge(&note(&log(1), &[6, 2, 9, 1])).unwrap();
        let seen: Vec<_> = judged.cosignatures().iter().map(|by| (by.witness.as_str(), by.timestamp)).collect();
        assert_eq!(seen, [("X1", 1), ("X2", 2), ("Y3", 6)]);
        let missed = policy(EXAMPLE).judge(&note(&log(1), &[6, 9, 1]));
        assert_eq!(missed, Err(PolicyError::QuorumNotMet { cosigned_by: vec!["X1".to_owned(), "Y3".to_owned()] }));
        // A second cosignature of a witness counts once, with the later time.
        let twice = note(&log(1), &[1]);
        let later = witness(11).cosign(twice.text(), 5).unwrap();
        let one = policy("log <L1>\nwitness a <W1>\nquorum a\n");
        let judged = one.judge(&twice.with_signature(later).unwrap()).unwrap();
        assert_eq!(judged.cosignatures(), [WitnessCosignature { witness: "a".to_owned(), timestamp: 5 }]);
    }

    #[test]
    fn only_a_log_of_the_policy_is_believed() {
        let text = note(&log(1), &[]).text().to_owned();
        let other = NoteSigner::from_seed("example.com/other", &[8; 32]).unwrap();
        let other_text = text.replace(ORIGIN, "example.com/other");
        let policy =
            policy(&format!("log <L1>\nlog <L2>\nlog {}\nwitness a <W1>\nquorum none\n", other.verifier_key()));
        let signed = |text: &str, lines: &[NoteSignature]| SignedNote::new(text.to_owned(), lines.to_vec()).unwrap();
        let cosigned = witness(11).cosign(&text, 1).unwrap();
        let broken = witness(11).cosign(&other_text, 1).unwrap();
        let unknown = |origin: &str| Err(PolicyError::UnknownLog { origin: origin.to_owned() });
        for (note, expected) in [
            (signed(&text, &[log(1).sign(&text)]), Ok(())),
            (signed(&text, &[log(2).sign(&text)]), Ok(())),
            (signed(&text, &[log(3).sign(&text), log(2).sign(&text)]), Ok(())),
            (signed(&other_text, &[other.sign(&other_text)]), Ok(())),
            (signed(&text, &[log(3).sign(&text)]), Err(PolicyError::NotSignedByLog)),
            (signed(&text, &[other.sign(&text)]), Err(PolicyError::NotSignedByLog)),
            (signed(&text, std::slice::from_ref(&cosigned)), Err(PolicyError::NotSignedByLog)),
            (signed(&other_text, &[log(1).sign(&other_text)]), Err(PolicyError::NotSignedByLog)),
            (signed(&text, &[log(1).sign(&other_text)]), Err(NoteError::InvalidSignature.into())),
            (signed(&text, &[log(1).sign(&text), log(2).sign("")]), Err(NoteError::InvalidSignature.into())),
            (signed(&text, &[log(1).sign(&text), broken]), Err(NoteError::InvalidSignature.into())),
            (signed("x\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", &[log(1).sign("")]), unknown("x")),
            (signed("x\n", &[log(1).sign("x\n")]), Err(CheckpointError::Lines.into())),
        ] {
            assert_eq!(policy.judge(&note).map(|_| ()), expected, "{note}");
        }
        let empty: TrustPolicy = "quorum none\n".parse().unwrap();
        assert_eq!(empty.judge(&signed(&text, &[log(1).sign(&text)])).map(|_| ()), unknown(ORIGIN));
    }

    #[test]
    fn thirty_two_of_each_are_supported() {
        let mut text = String::new();
        for seed in 0..32_u8 {
            let log = NoteSigner::from_seed("log", &[seed + 100; 32]).unwrap();
            let witness = witness(seed + 150);
            text += &format!("log {} https://log.example.com/some/path\n", log.verifier_key());
            text += &format!("witness w{seed} {} https://witness.example.com/some/path\n", witness.verifier_key());
            text += &format!("group g{seed} 1 w{seed}\n");
        }
        let policy: TrustPolicy = format!("{text}quorum g31\n").parse().unwrap();
        assert_eq!(policy.to_string().parse(), Ok(policy));
    }

    #[test]
    fn any_bytes_are_refused_or_keep_their_meaning() {
        let lines: Vec<String> = with_keys(EXAMPLE).lines().map(str::to_owned).collect();
        bolero::check!().with_iterations(2000).with_type::<(Vec<u8>, Vec<u8>)>().for_each(|(order, noise)| {
            let _ = TrustPolicy::parse(noise);
            let mut text = String::from_utf8_lossy(noise).into_owned();
            for pick in order {
                text += &format!("\n{}", lines[usize::from(*pick) % lines.len()]);
            }
            for text in [text, format!("{}\nquorum none", lines.join("\n").replace("quorum", "#"))] {
                if let Ok(policy) = text.parse::<TrustPolicy>() {
                    assert_eq!(policy.to_string().parse(), Ok(policy));
                }
            }
        });
    }
}
