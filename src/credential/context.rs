//! JSON-LD over pinned contexts: a document's canonical N-Quads (RDFC-1.0), with nothing dropped on the way.
//!
//! Contexts come from a table and are never fetched. A term, type or relative address that they do not define is
//! refused: a processor drops it in silence, and then a signature would not cover it.

use oxjsonld::{JsonLdParser, JsonLdRemoteDocument};
use oxrdf::dataset::CanonicalizationAlgorithm;
use oxrdf::{Dataset, GraphName, Literal, NamedNode, NamedOrBlankNode, Quad, Term};
use serde_json::{Value, json};

use super::flat::Terms;

/// The address of the VC 2.0 context.
pub const CREDENTIALS_V2: &str = "https://www.w3.org/ns/credentials/v2";
/// The address of the Open Badges 3.0.3 context.
pub const OPEN_BADGES_V3: &str = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json";
/// The address of the Data Integrity context.
pub const DATA_INTEGRITY_V2: &str = "https://w3id.org/security/data-integrity/v2";
/// The address of the Multikey context.
pub const MULTIKEY_V1: &str = "https://w3id.org/security/multikey/v1";

/// What a term that no context defines becomes: nothing may begin with it in the end.
const UNKNOWN_TERM: &str = "cqo-ledger-unknown-term:";
/// What a relative address becomes.
const RELATIVE: &str = "cqo-ledger-relative://address/";

/// Contexts by their addresses. A document that names any other is refused.
pub type Table = &'static [(&'static str, &'static str)];

/// What documents and their proofs are read with.
#[derive(Debug, Clone, Copy)]
pub enum Contexts {
    /// A JSON-LD processor, over these contexts.
    Table(Table),
    /// What the pinned contexts say of our own kinds of document: more than ten times as fast, and only for a document whose
    /// every member this module's closed schemas wrote or read.
    Own,
}

/// The contexts that this program pins (FORMATS section 15).
const PINNED: Table = &[
    (CREDENTIALS_V2, include_str!("contexts/credentials-v2.json")),
    (OPEN_BADGES_V3, include_str!("contexts/ob-v3p0-context-3.0.3.json")),
    (DATA_INTEGRITY_V2, include_str!("contexts/security-data-integrity-v2.json")),
    (MULTIKEY_V1, include_str!("contexts/security-multikey-v1.json")),
];

impl Contexts {
    /// The contexts that this program pins (FORMATS section 15).
    pub const PINNED: Self = Self::Table(PINNED);

    /// The canonical N-Quads of a document without its proofs.
    pub fn document(self, document: &Value) -> Result<String, ContextError> {
        self.quads(Terms::of_document, document)
    }

    /// The canonical N-Quads of a proof without its value, which names the contexts of its document.
    pub fn proof(self, proof: &Value) -> Result<String, ContextError> {
        self.quads(Terms::of_proof, proof)
    }

    fn quads(self, terms: fn(&Value) -> Option<&'static Terms>, value: &Value) -> Result<String, ContextError> {
        match self {
            Self::Table(table) => canonical_quads(table, value),
            Self::Own => match terms(value).and_then(|terms| terms.canonical_quads(value)) {
                Some(quads) => Ok(quads),
                None => canonical_quads(PINNED, value),
            },
        }
    }
}

fn get(contexts: Table, address: &str) -> Option<&'static str> {
    contexts.iter().find(|(known, _)| *known == address).map(|(_, text)| *text)
}

/// Why a document has no canonical N-Quads that say all it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// A `@context` that is missing, or no array of addresses from the table.
    #[error("@context must be an array of known addresses, found {0}")]
    Context(String),
    /// A member or type that no context defines.
    #[error("no context defines the term `{0}`")]
    UnknownTerm(String),
    /// An address that is relative, or none at all.
    #[error("`{0}` is no absolute address")]
    Address(String),
    /// Not JSON-LD.
    #[error("not JSON-LD: {0}")]
    Syntax(String),
}

/// The canonical N-Quads of a document.
fn canonical_quads(contexts: Table, document: &Value) -> Result<String, ContextError> {
    let mut document = document.clone();
    if document.get("@context").is_none() {
        return Err(ContextError::Context("none".into()));
    }
    mark(contexts, &mut document)?;
    let bytes = serde_json::to_vec(&document).map_err(|error| ContextError::Syntax(error.to_string()))?;
    // Lenient: otherwise it drops addresses of a wrong form in silence. They are checked below instead.
    let parser = JsonLdParser::new()
        .lenient()
        .with_base_iri(RELATIVE)
        .map_err(|error| ContextError::Syntax(error.to_string()))?
        .for_slice(&bytes)
        .with_load_document_callback(move |address, _| {
            let document = get(contexts, address).ok_or("an unknown context")?.as_bytes().to_vec();
            Ok(JsonLdRemoteDocument { document, document_url: address.to_owned() })
        });
    let mut dataset = Dataset::new();
    for quad in parser {
        let quad = quad.map_err(|error| ContextError::Syntax(error.to_string()))?;
        check(&quad)?;
        dataset.insert(&quad);
    }
    dataset.canonicalize(CanonicalizationAlgorithm::Rdfc10 {
        hash_algorithm: oxrdf::dataset::CanonicalizationHashAlgorithm::Sha256,
    });
    let mut lines: Vec<String> = dataset.iter().map(|quad| format!("{quad} .\n")).collect();
    lines.sort_unstable();
    Ok(lines.concat())
}

/// Puts before every `@context` one that gives unknown terms a name, so that they are seen instead of dropped.
fn mark(contexts: Table, value: &mut Value) -> Result<(), ContextError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| mark(contexts, item)),
        Value::Object(members) => members.iter_mut().try_for_each(|(name, value)| {
            if name != "@context" {
                return mark(contexts, value);
            }
            let mut list = match value.take() {
                Value::Array(list) => list,
                one => vec![one],
            };
            if let Some(other) = list.iter().find(|item| item.as_str().and_then(|item| get(contexts, item)).is_none()) {
                return Err(ContextError::Context(other.to_string()));
            }
            list.insert(0, json!({"@vocab": UNKNOWN_TERM}));
            *value = list.into();
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn check(quad: &Quad) -> Result<(), ContextError> {
    check_name(&quad.predicate)?;
    if let NamedOrBlankNode::NamedNode(name) = &quad.subject {
        check_name(name)?;
    }
    if let GraphName::NamedNode(name) = &quad.graph_name {
        check_name(name)?;
    }
    match &quad.object {
        Term::NamedNode(name) => check_name(name),
        Term::Literal(literal) => match literal.language() {
            Some(tag) if Literal::new_language_tagged_literal("", tag).is_err() => {
                Err(ContextError::Syntax(format!("`{tag}` is no language")))
            }
            _ => check_name(&literal.datatype().into_owned()),
        },
        Term::BlankNode(_) => Ok(()),
    }
}

fn check_name(name: &NamedNode) -> Result<(), ContextError> {
    let name = name.as_str();
    match (name.strip_prefix(UNKNOWN_TERM), name.strip_prefix(RELATIVE)) {
        (Some(term), _) => Err(ContextError::UnknownTerm(term.to_owned())),
        (_, Some(address)) => Err(ContextError::Address(address.to_owned())),
        _ if NamedNode::new(name).is_err() => Err(ContextError::Address(name.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Hash;

    #[test]
    fn the_contexts_are_the_published_ones() {
        let expected = [
            (CREDENTIALS_V2, "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"),
            (OPEN_BADGES_V3, "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84"),
            (DATA_INTEGRITY_V2, "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4"),
            (MULTIKEY_V1, "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597"),
        ];
        let pinned = PINNED.iter().map(|(address, text)| (*address, Hash::of(&[text.as_bytes()]).to_string()));
        assert!(pinned.eq(expected.map(|(address, hash)| (address, hash.to_owned()))));
    }

    #[test]
    fn what_no_context_defines_is_refused() {
        let good = json!({
            "@context": [CREDENTIALS_V2], "type": ["VerifiableCredential"], "id": "urn:uuid:1", "issuer": "did:web:a",
            "credentialSubject": {"id": "urn:uuid:2"}, "evidence": [{"type": ["https://example.org/Seen"]}],
        });
        assert!(canonical_quads(PINNED, &good).is_ok());
        for (pointer, name, new, expected) in [
            ("", "hours", json!("1.25"), "no context defines the term `hours`"),
            ("/credentialSubject", "hours", json!(1), "no context defines the term `hours`"),
            ("/credentialSubject", "hours", json!({"id": "urn:uuid:3"}), "no context defines the term `hours`"),
            ("/credentialSubject", "type", json!(["Person"]), "no context defines the term `Person`"),
            ("/evidence/0", "type", json!("Evidence"), "no context defines the term `Evidence`"),
            ("", "issuer", json!("somebody"), "`somebody` is no absolute address"),
            ("", "id", json!("credentials/1"), "`credentials/1` is no absolute address"),
            ("", "id", json!("http://a b/"), "`http://a b/` is no absolute address"),
            ("", "issuer", json!("http://a b/"), "`http://a b/` is no absolute address"),
            ("", "issuer", json!("a b"), "`a b` is no absolute address"),
            ("/credentialSubject", "id", json!("a:<b>"), "`a:<b>` is no absolute address"),
            ("/evidence/0", "type", json!("http://a b/"), "`http://a b/` is no absolute address"),
            ("", "http://a b/", json!("x"), "`http://a b/` is no absolute address"),
            (
                "",
                "@context",
                json!([CREDENTIALS_V2, "https://example.org/"]),
                "@context must be an array of known addresses, found \"https://example.org/\"",
            ),
            (
                "",
                "@context",
                json!([CREDENTIALS_V2, {"hours": "https://example.org/"}]),
                "@context must be an array of known addresses, found {\"hours\":\"https://example.org/\"}",
            ),
            ("/credentialSubject", "@context", json!(null), "@context must be an array of known addresses, found null"),
            ("", "@context", json!([]), "no context defines the term"),
        ] {
            let mut bad = good.clone();
            bad.pointer_mut(pointer).unwrap()[name] = new.clone();
            let error = canonical_quads(PINNED, &bad).map_err(|error| error.to_string());
            assert!(
                error.as_ref().is_err_and(|error| error.starts_with(expected)),
                "{pointer} {name} {new}: {error:?}"
            );
        }
    }
}
