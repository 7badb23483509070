//! Canonical N-Quads (RDFC-1.0) of our own kinds of document, without a JSON-LD processor: some ten times as fast.
//!
//! A document of a closed shape needs little of JSON-LD: each member is one property, and the flat contexts in `contexts/`
//! say which. Whatever else a document has, this module gives no answer, and the processor of [`super::context`] is asked,
//! over the published contexts. Terms have no scopes here, so only a document that a closed schema of ours wrote or read may
//! come here. The tests hold all answers against the processor's.

use std::collections::HashMap;
use std::sync::LazyLock;

use oxrdf::vocab::rdf;
use oxrdf::{LiteralRef, NamedNodeRef};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::context::{CREDENTIALS_V2, OPEN_BADGES_V3};
use crate::merkle::Hash;

/// The contexts of an hour certificate, and those of a status list.
const OF_HOURS: &[&str] = &[CREDENTIALS_V2, OPEN_BADGES_V3];
const OF_LIST: &[&str] = &[CREDENTIALS_V2];

// A file that is none has no terms, and then the processor does it all.
static HOURS: LazyLock<Terms> = LazyLock::new(|| Terms::parse(include_str!("contexts/flat-hours.json")));
static LIST: LazyLock<Terms> = LazyLock::new(|| Terms::parse(include_str!("contexts/flat-list.json")));
static PROOF: LazyLock<Terms> = LazyLock::new(|| Terms::parse(include_str!("contexts/flat-proof.json")));

/// Terms by their names.
pub(super) struct Terms(HashMap<String, Term>);

/// The address of a term, and what its values are.
struct Term {
    address: String,
    values: Values,
}

enum Values {
    Text,
    Typed(String),
    Address,
    Term,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "@context")]
    terms: HashMap<String, Definition>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Definition {
    Plain(String),
    Typed {
        #[serde(rename = "@id")]
        address: String,
        #[serde(rename = "@type")]
        values: String,
    },
}

impl Terms {
    fn parse(text: &str) -> Self {
        let term = |definition| match definition {
            Definition::Plain(address) => Term { address, values: Values::Text },
            Definition::Typed { address, values } => {
                let values = match values.as_str() {
                    "@id" => Values::Address,
                    "@vocab" => Values::Term,
                    _ => Values::Typed(values),
                };
                Term { address, values }
            }
        };
        let file = serde_json::from_str(text).unwrap_or(File { terms: HashMap::new() });
        let terms = file.terms.into_iter().map(|(name, definition)| (name, term(definition)));
        // The two keywords are known to whoever reads a node.
        Self(terms.filter(|(_, term)| !term.address.starts_with('@')).collect())
    }

    /// The terms of a document, by the contexts that it names.
    pub(super) fn of_document(document: &Value) -> Option<&'static Self> {
        let kinds = [(OF_HOURS, &HOURS), (OF_LIST, &LIST)];
        kinds.into_iter().find(|(names, _)| names_contexts(document, names)).map(|(_, terms)| &**terms)
    }

    /// The terms of a proof, which names the contexts of its document.
    pub(super) fn of_proof(proof: &Value) -> Option<&'static Self> {
        [OF_HOURS, OF_LIST].iter().any(|names| names_contexts(proof, names)).then(|| &*PROOF)
    }

    /// The canonical N-Quads of a document; none if it has what a closed shape has not.
    pub(super) fn canonical_quads(&self, document: &Value) -> Option<String> {
        let mut quads = Quads { terms: self, all: Vec::new(), blanks: 0 };
        quads.node(document.as_object()?)?;
        quads.all.sort_unstable();
        quads.all.dedup();
        quads.canonical()
    }

    fn get(&self, name: &str) -> Option<&Term> {
        self.0.get(name)
    }

    /// An address that stands for itself: absolute, without a term for its scheme, without dots to resolve.
    fn check_address(&self, text: &str) -> Option<()> {
        let (scheme, _) = text.split_once(':')?;
        let dots = text.contains("/.") || text.contains(":.");
        (self.get(scheme).is_none() && !dots && NamedNodeRef::new(text).is_ok()).then_some(())
    }
}

fn names_contexts(document: &Value, names: &[&str]) -> bool {
    document["@context"].as_array().is_some_and(|found| found.iter().eq(names.iter().copied()))
}

/// Subject or object: as it is written, or the number of a blank node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Written(String),
    Blank(usize),
}

/// What a document says; predicates without their angle brackets.
struct Quads<'a> {
    terms: &'a Terms,
    all: Vec<(Name, &'a str, Name)>,
    blanks: usize,
}

impl<'a> Quads<'a> {
    /// Takes in what an object says, and gives its name.
    fn node(&mut self, members: &'a Map<String, Value>) -> Option<Name> {
        let subject = match members.get("id") {
            Some(id) => self.address(id)?,
            None => {
                self.blanks += 1;
                Name::Blank(self.blanks - 1)
            }
        };
        for (name, value) in members {
            match name.as_str() {
                "@context" | "id" => {}
                "type" => self.property(&subject, rdf::TYPE.as_str(), &Values::Term, value)?,
                name => {
                    let term = self.terms.get(name)?;
                    self.property(&subject, &term.address, &term.values, value)?;
                }
            }
        }
        Some(subject)
    }

    fn property(&mut self, subject: &Name, predicate: &'a str, values: &Values, value: &'a Value) -> Option<()> {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            let object = match (item, values) {
                // Contexts of its own, or nothing: not ours.
                (Value::Object(members), Values::Text | Values::Typed(_) | Values::Address) => {
                    let ours = !members.is_empty() && !members.contains_key("@context");
                    ours.then(|| self.node(members))??
                }
                (Value::String(text), Values::Text) => written(LiteralRef::new_simple_literal(text)),
                (Value::String(text), Values::Typed(kind)) => typed(text, kind),
                (Value::Bool(value), Values::Typed(kind)) => typed(if *value { "true" } else { "false" }, kind),
                (item, Values::Address) => self.address(item)?,
                (Value::String(term), Values::Term) => bracketed(&self.terms.get(term)?.address),
                _ => return None,
            };
            self.all.push((subject.clone(), predicate, object));
        }
        Some(())
    }

    fn address(&self, value: &Value) -> Option<Name> {
        let text = value.as_str()?;
        self.terms.check_address(text)?;
        Some(bracketed(text))
    }

    /// RDFC-1.0 where the first-degree hashes (section 4.6) of all blank nodes differ: they alone give the labels, in
    /// their order (section 4.4.3, step 4).
    fn canonical(&self) -> Option<String> {
        let mut hashes: Vec<(Hash, usize)> = (0..self.blanks).map(|blank| (self.first_degree(blank), blank)).collect();
        hashes.sort_unstable_by_key(|(hash, _)| *hash.as_bytes());
        if hashes.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let mut labels = vec![String::new(); self.blanks];
        for (place, (_, blank)) in hashes.into_iter().enumerate() {
            labels[blank] = format!("_:c14n{place}");
        }
        Some(self.lines(self.all.iter(), |blank| &labels[blank]))
    }

    fn first_degree(&self, blank: usize) -> Hash {
        let named = Name::Blank(blank);
        let mentions = self.all.iter().filter(|(subject, _, object)| [subject, object].contains(&&named));
        Hash::of(&[self.lines(mentions, |other| if other == blank { "_:a" } else { "_:z" }).as_bytes()])
    }

    /// The quads as sorted lines, with these labels for blank nodes.
    fn lines<'q, 'l>(
        &self,
        quads: impl Iterator<Item = &'q (Name, &'a str, Name)>,
        label: impl Fn(usize) -> &'l str,
    ) -> String
    where
        'a: 'q,
    {
        let shown = |name: &'q Name| -> &str {
            match name {
                Name::Written(text) => text,
                Name::Blank(blank) => label(*blank),
            }
        };
        let line = |(subject, predicate, object): &'q (Name, &'a str, Name)| {
            [shown(subject), " <", predicate, "> ", shown(object), " .\n"].concat()
        };
        let mut lines: Vec<String> = quads.map(line).collect();
        lines.sort_unstable();
        lines.concat()
    }
}

fn bracketed(address: &str) -> Name {
    Name::Written(["<", address, ">"].concat())
}

fn typed(text: &str, kind: &str) -> Name {
    written(LiteralRef::new_typed_literal(text, NamedNodeRef::new_unchecked(kind)))
}

fn written(literal: LiteralRef<'_>) -> Name {
    Name::Written(literal.to_string())
}
