//! Data Integrity proofs with Ed25519: the suites `eddsa-jcs-2022` and `eddsa-rdfc-2022`
//! ([vc-di-eddsa](https://www.w3.org/TR/vc-di-eddsa/)), over any document.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::Value;

use super::context::{ContextError, Contexts};
use super::issuer::read_base58;
use crate::ledger::json;
use crate::merkle::Hash;

/// How a document becomes the bytes that are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// `eddsa-jcs-2022`: canonical JSON (RFC 8785).
    EddsaJcs2022,
    /// `eddsa-rdfc-2022`: canonical RDF (RDFC-1.0).
    EddsaRdfc2022,
}

impl Suite {
    /// The name in `cryptosuite`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EddsaRdfc2022 => "eddsa-rdfc-2022",
        }
    }

    fn of(proof: &Value) -> Result<Self, ProofError> {
        let suites = [Self::EddsaJcs2022, Self::EddsaRdfc2022];
        let named = &proof["cryptosuite"];
        suites.into_iter().find(|suite| named == suite.as_str()).ok_or_else(|| ProofError::Suite(named.to_string()))
    }
}

/// Why a proof could not be made, or is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Neither of the two suites.
    #[error("the cryptosuite {0} is unknown")]
    Suite(String),
    /// The document is no JSON-LD document over the contexts.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// A proof whose `@context` is not that of the document.
    #[error("the proof's @context is not that of the document")]
    OtherContext,
    /// No `z` and base58btc of 64 bytes.
    #[error("the proofValue is not of the required form")]
    Value,
    /// The signature does not verify.
    #[error("the signature is not valid")]
    Signature,
}

/// What is signed: the canonical proof without its value, and the canonical document without proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    /// The canonical proof configuration.
    pub proof: Vec<u8>,
    /// The canonical document.
    pub document: Vec<u8>,
}

impl Canonical {
    /// The canonical forms of a document without `proof` and of a proof, whose `proofValue` is left out.
    pub fn of(contexts: Contexts, document: &Value, proof: &Value) -> Result<Self, ProofError> {
        let suite = Suite::of(proof)?;
        let mut config = proof.clone();
        if let Some(members) = config.as_object_mut() {
            members.remove("proofValue");
        }
        Ok(match suite {
            Suite::EddsaJcs2022 => Self { proof: json::canonical(&config), document: json::canonical(document) },
            Suite::EddsaRdfc2022 => {
                config["@context"] = document["@context"].clone();
                Self {
                    proof: contexts.proof(&config)?.into_bytes(),
                    document: contexts.document(document)?.into_bytes(),
                }
            }
        })
    }

    /// The 64 bytes that are signed: both hashes, the proof's first.
    pub fn hashes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(Hash::of(&[&self.proof]).as_bytes());
        bytes[32..].copy_from_slice(Hash::of(&[&self.document]).as_bytes());
        bytes
    }
}

/// Makes a proof of a document without `proof`: `options` are the proof without its value, and name the suite.
pub fn prove(contexts: Contexts, document: &Value, options: Value, key: &SigningKey) -> Result<Value, ProofError> {
    let hashes = Canonical::of(contexts, document, &options)?.hashes();
    let mut proof = options;
    proof["proofValue"] = format!("z{}", bs58::encode(key.sign(&hashes).to_bytes()).into_string()).into();
    Ok(proof)
}

/// Checks a proof of a document without `proof`.
pub fn verify(contexts: Contexts, document: &Value, proof: &Value, key: &VerifyingKey) -> Result<(), ProofError> {
    // A proof may leave its context out, which is then the document's.
    if proof.get("@context").is_some_and(|context| *context != document["@context"]) {
        return Err(ProofError::OtherContext);
    }
    let signature: [u8; 64] = proof["proofValue"].as_str().and_then(read_base58).ok_or(ProofError::Value)?;
    let hashes = Canonical::of(contexts, document, proof)?.hashes();
    key.verify_strict(&hashes, &Signature::from_bytes(&signature)).map_err(|_| ProofError::Signature)
}

#[cfg(test)]
mod tests {
    use super::super::context::CREDENTIALS_V2;
    use super::super::issuer::{multikey, read_base58};
    use super::*;

    /// The context that the W3C's vectors name besides.
    const CONTEXTS: Contexts = Contexts::Table(&[
        (CREDENTIALS_V2, include_str!("contexts/credentials-v2.json")),
        ("https://www.w3.org/ns/credentials/examples/v2", include_str!("vectors/credentials-examples-v2.json")),
    ]);

    struct Vector {
        config: &'static str,
        canonical_config: &'static str,
        config_hash: &'static str,
        canonical_document: &'static str,
        document_hash: &'static str,
        both_hashes: &'static str,
        signature_hex: &'static str,
        signature: &'static str,
        signed: &'static str,
    }

    macro_rules! vector {
        ($dir:literal, $suffix:literal) => {
            Vector {
                config: include_str!(concat!("vectors/", $dir, "/proofConfig", $suffix, ".json")),
                canonical_config: include_str!(concat!("vectors/", $dir, "/proofCanon", $suffix, ".txt")),
                config_hash: include_str!(concat!("vectors/", $dir, "/proofHash", $suffix, ".txt")),
                canonical_document: include_str!(concat!("vectors/", $dir, "/canonDoc", $suffix, ".txt")),
                document_hash: include_str!(concat!("vectors/", $dir, "/docHash", $suffix, ".txt")),
                both_hashes: include_str!(concat!("vectors/", $dir, "/combinedHash", $suffix, ".txt")),
                signature_hex: include_str!(concat!("vectors/", $dir, "/sigHex", $suffix, ".txt")),
                signature: include_str!(concat!("vectors/", $dir, "/sigBTC58", $suffix, ".txt")),
                signed: include_str!(concat!("vectors/", $dir, "/signed", $suffix, ".json")),
            }
        };
    }

    fn signing_key() -> SigningKey {
        let pair: Value = serde_json::from_str(include_str!("vectors/keyPair.json")).unwrap();
        let secret: [u8; 34] = read_base58(pair["privateKeyMultibase"].as_str().unwrap()).unwrap();
        let key = SigningKey::from_bytes(secret[2..].try_into().unwrap());
        assert_eq!(multikey(&key.verifying_key()), pair["publicKeyMultibase"]);
        key
    }

    #[test]
    fn the_vectors_of_the_w3c_byte_for_byte() {
        let document: Value = serde_json::from_str(include_str!("vectors/unsigned.json")).unwrap();
        let key = signing_key();
        for vector in [vector!("eddsa-jcs-2022", "JCS"), vector!("eddsa-rdfc-2022", "DataInt")] {
            let config: Value = serde_json::from_str(vector.config).unwrap();
            let canonical = Canonical::of(CONTEXTS, &document, &config).unwrap();
            assert_eq!(String::from_utf8(canonical.proof.clone()).unwrap(), vector.canonical_config);
            assert_eq!(String::from_utf8(canonical.document.clone()).unwrap(), vector.canonical_document);
            assert_eq!(Hash::of(&[&canonical.proof]).to_string(), vector.config_hash.trim());
            assert_eq!(Hash::of(&[&canonical.document]).to_string(), vector.document_hash.trim());
            assert_eq!(hex::encode(canonical.hashes()), vector.both_hashes.trim());
            let proof = prove(CONTEXTS, &document, config, &key).unwrap();
            assert_eq!(proof["proofValue"], vector.signature.trim());
            let signature: [u8; 64] = read_base58(vector.signature.trim()).unwrap();
            assert_eq!(hex::encode(signature), vector.signature_hex.trim());
            let mut signed: Value = serde_json::from_str(vector.signed).unwrap();
            let expected = signed.as_object_mut().unwrap().remove("proof").unwrap();
            assert_eq!((&signed, &expected["proofValue"]), (&document, &proof["proofValue"]));
            assert_eq!(verify(CONTEXTS, &signed, &expected, &key.verifying_key()), Ok(()));
        }
    }

    #[test]
    fn a_proof_of_another_suite_context_or_form_is_refused() {
        let mut signed: Value = serde_json::from_str(vector!("eddsa-jcs-2022", "JCS").signed).unwrap();
        let good = signed.as_object_mut().unwrap().remove("proof").unwrap();
        let key = signing_key().verifying_key();
        for (name, new, expected) in [
            ("cryptosuite", "ecdsa-rdfc-2019".into(), ProofError::Suite("\"ecdsa-rdfc-2019\"".into())),
            ("cryptosuite", Value::Null, ProofError::Suite("null".into())),
            ("@context", serde_json::json!([CREDENTIALS_V2]), ProofError::OtherContext),
            ("proofValue", "u1234".into(), ProofError::Value),
            ("proofValue", Value::Null, ProofError::Value),
            ("created", "2023-02-24T23:36:39Z".into(), ProofError::Signature),
        ] {
            let mut bad = good.clone();
            bad[name] = new;
            assert_eq!(verify(CONTEXTS, &signed, &bad, &key), Err(expected), "{name}");
        }
    }
}
