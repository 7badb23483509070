//! JSON-LD over pinned contexts: a document's canonical N-Quads (RDFC-1.0), with nothing dropped on the way.
//!
//! Contexts come from a table and are never fetched. A term, type or relative address that they do not define is
//! refused: a processor drops it in silence, and then a signature would not cover it.

use oxjsonld::{JsonLdParser, JsonLdRemoteDocument};
use oxrdf::dataset::CanonicalizationAlgorithm;
use oxrdf::{Dataset, GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use serde_json::{Value, json};

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

/// A table of contexts by their addresses. A document that names any other is refused.
#[derive(Debug, Clone, Copy)]
pub struct Contexts(pub &'static [(&'static str, &'static str)]);

impl Contexts {
    /// The contexts that this program pins (FORMATS section 15).
    pub const PINNED: Self = Self(&[
        (CREDENTIALS_V2, include_str!("contexts/credentials-v2.json")),
        (OPEN_BADGES_V3, include_str!("contexts/ob-v3p0-context-3.0.3.json")),
        (DATA_INTEGRITY_V2, include_str!("contexts/security-data-integrity-v2.json")),
        (MULTIKEY_V1, include_str!("contexts/security-multikey-v1.json")),
    ]);

    fn get(self, address: &str) -> Option<&'static str> {
        self.0.iter().find(|(known, _)| *known == address).map(|(_, text)| *text)
    }
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
pub fn canonical_quads(contexts: Contexts, document: &Value) -> Result<String, ContextError> {
    let mut document = document.clone();
    if document.get("@context").is_none() {
        return Err(ContextError::Context("none".into()));
    }
    mark(contexts, &mut document)?;
    let bytes = serde_json::to_vec(&document).map_err(|error| ContextError::Syntax(error.to_string()))?;
    let parser = JsonLdParser::new()
        .with_base_iri(RELATIVE)
        .map_err(|error| ContextError::Syntax(error.to_string()))?
        .for_slice(&bytes)
        .with_load_document_callback(move |address, _| {
            let document = contexts.get(address).ok_or("an unknown context")?.as_bytes().to_vec();
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
fn mark(contexts: Contexts, value: &mut Value) -> Result<(), ContextError> {
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
            if let Some(other) = list.iter().find(|item| item.as_str().and_then(|item| contexts.get(item)).is_none()) {
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
        Term::Literal(literal) => check_name(&literal.datatype().into_owned()),
        Term::BlankNode(_) => Ok(()),
    }
}

fn check_name(name: &NamedNode) -> Result<(), ContextError> {
    let name = name.as_str();
    match (name.strip_prefix(UNKNOWN_TERM), name.strip_prefix(RELATIVE)) {
        (Some(term), _) => Err(ContextError::UnknownTerm(term.to_owned())),
        (_, Some(address)) => Err(ContextError::Address(address.to_owned())),
        _ => Ok(()),
    }
}
