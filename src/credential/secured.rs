//! The two proofs that every credential of ours carries, and who made them (FORMATS section 15).

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde_json::{Value, json};

use super::CredentialError;
use super::context::Contexts;
use super::issuer::{Did, multikey, read_base58, read_multikey};
use super::proof::{self, ProofError, Suite};
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::json::{self, Json};
use crate::ledger::keys::{Alg, KeyId, PublicKey};
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// Largest credential, in bytes.
pub const MAX_CREDENTIAL: usize = 1024 * 1024;

/// The suites of the two proofs, in their order.
const SUITES: [Suite; 2] = [Suite::EddsaJcs2022, Suite::EddsaRdfc2022];

/// Adds both proofs to a document: the canonical bytes.
pub(super) fn sign(
    mut document: Value,
    did: &Did,
    created: UnixMillis,
    key: &SigningKey,
) -> Result<Vec<u8>, CredentialError> {
    let method = did.verification_method(&key.verifying_key());
    let proofs = SUITES
        .iter()
        .map(|suite| {
            proof::prove(Contexts::Own, &document, options(*suite, &document["@context"], created, &method), key)
        })
        .collect::<Result<Vec<_>, _>>()?;
    document["proof"] = proofs.into();
    let bytes = json::canonical(&document);
    if bytes.len() > MAX_CREDENTIAL { Err(CredentialError::TooLarge(MAX_CREDENTIAL)) } else { Ok(bytes) }
}

/// A proof without its value.
fn options(suite: Suite, context: &Value, created: UnixMillis, method: &str) -> Value {
    let mut options = json!({
        "created": created.to_string(), "cryptosuite": suite.as_str(), "proofPurpose": "assertionMethod",
        "type": "DataIntegrityProof", "verificationMethod": method,
    });
    if suite == Suite::EddsaJcs2022 {
        options["@context"] = context.clone();
    }
    options
}

/// A credential that was read back: its exact bytes' digest, and what is needed to check its proofs.
#[derive(Debug, Clone)]
pub(super) struct Secured {
    document: Value,
    proofs: [Value; 2],
    key: VerifyingKey,
    digest: Hash,
}

impl Secured {
    /// Reads the exact bytes of a credential: `read` takes its members, and finds the key of its proofs. All bad fields are
    /// reported together.
    pub(super) fn read<T>(
        bytes: &[u8],
        read: impl FnOnce(Json<'_>, &mut FieldErrors) -> Option<(T, VerifyingKey)>,
    ) -> Result<(T, Self), CredentialError> {
        if bytes.len() > MAX_CREDENTIAL {
            return Err(CredentialError::TooLarge(MAX_CREDENTIAL));
        }
        let value = json::parse_canonical(bytes)?;
        let mut errors = FieldErrors::default();
        let read = read(value, &mut errors).and_then(|(said, key)| Some((said, Self::new(bytes, key)?)));
        read.filter(|_| errors.0.is_empty()).ok_or(CredentialError::Fields(errors))
    }

    /// Takes the proofs' form and key from what was read; `bytes` are canonical and of an object.
    fn new(bytes: &[u8], key: VerifyingKey) -> Option<Self> {
        let mut document: Value = serde_json::from_slice(bytes).ok()?;
        let proofs = document.as_object_mut()?.remove("proof")?;
        let proofs = serde_json::from_value::<[Value; 2]>(proofs).ok()?;
        Some(Self { document, proofs, key, digest: Hash::of(&[bytes]) })
    }

    pub(super) const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    pub(super) fn key_id(&self) -> KeyId {
        KeyId::of(&Alg::Ed25519, self.key.as_bytes())
    }

    pub(super) const fn digest(&self) -> &Hash {
        &self.digest
    }

    pub(super) fn verify_jcs(&self) -> Result<(), ProofError> {
        proof::verify(Contexts::Own, &self.document, &self.proofs[0], &self.key)
    }

    pub(super) fn verify_rdfc(&self) -> Result<(), ProofError> {
        proof::verify(Contexts::Own, &self.document, &self.proofs[1], &self.key)
    }
}

/// Reads the member `proof`: exactly two proofs, by one key of the issuer's DID.
pub(super) fn read_proofs(
    fields: &mut Fields<'_, '_>,
    context: &Value,
    created: Option<UnixMillis>,
    did: Option<&str>,
) -> Option<VerifyingKey> {
    let path = fields.path_of("proof");
    let proofs = fields.array("proof", SUITES.len(), SUITES.len())?;
    let mut keys = Vec::new();
    for (i, (proof, suite)) in proofs.into_iter().zip(SUITES).enumerate() {
        let path = format!("{path}[{i}]");
        keys.push(read_proof(proof, &path, suite, context, created, did, fields.errors()));
    }
    let key = keys.first().copied().flatten();
    if keys.iter().all(Option::is_some) && keys.iter().any(|other| *other != key) {
        fields.note("proof", Problem::mismatch("must be two proofs of one key", "两个证明应出自同一密钥"));
        return None;
    }
    key
}

fn read_proof(
    proof: Json<'_>,
    path: &str,
    suite: Suite,
    context: &Value,
    created: Option<UnixMillis>,
    did: Option<&str>,
    errors: &mut FieldErrors,
) -> Option<VerifyingKey> {
    let mut fields = Fields::of(proof, path, errors)?;
    if suite == Suite::EddsaJcs2022 {
        fixed(&mut fields, "@context", context);
    }
    if let Some((text, created)) = fields.string("created").zip(created)
        && text != created.to_string()
    {
        fields.note("created", Problem::mismatch("must be that of validFrom", "应与 validFrom 相同"));
    }
    fixed(&mut fields, "cryptosuite", &suite.as_str().into());
    fixed(&mut fields, "proofPurpose", &"assertionMethod".into());
    fixed(&mut fields, "type", &"DataIntegrityProof".into());
    if let Some(value) = fields.string("proofValue")
        && read_base58::<{ ed25519_dalek::SIGNATURE_LENGTH }>(&value).is_none()
    {
        let problem = Problem::form("must be z and base58btc of 64 bytes", "应为 z 加 64 字节的 base58btc");
        fields.note("proofValue", problem);
    }
    let key = fields.string("verificationMethod").and_then(|method| {
        let key = method.rsplit_once('#').and_then(|(before, key)| {
            did.is_none_or(|did| did == before).then_some(())?;
            good_key(key)
        });
        if key.is_none() {
            fields.note(
                "verificationMethod",
                Problem::form(
                    "must be the issuer's id, # and the Multikey of a sound Ed25519 key",
                    "应为签发机构的 id、# 与有效的 Ed25519 公钥（Multikey）",
                ),
            );
        }
        key
    });
    fields.finish();
    key
}

/// The key of a Multikey, unless it is weak or written in another way than ours.
fn good_key(text: &str) -> Option<VerifyingKey> {
    let Ok(PublicKey::Ed25519(key)) = PublicKey::new(&Alg::Ed25519, &read_multikey(text)?) else { return None };
    (multikey(&key) == text).then_some(*key)
}

/// Notes a member that is not exactly this value.
pub(super) fn fixed(fields: &mut Fields<'_, '_>, name: &str, expected: &Value) {
    if let Some(value) = fields.value(name)
        && value != Json::from(expected.clone())
    {
        let form = serde_json::to_string(expected).unwrap_or_default();
        fields.note(name, Problem::form(format!("must be exactly {form}"), format!("应恰为 {form}")));
    }
}
