//! Status lists: which certificates are revoked, as a Bitstring Status List credential (FORMATS section 16).

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::context::CREDENTIALS_V2;
use super::hour::MAX_INDEX;
use super::proof::ProofError;
use super::secured::{self, Secured, fixed, read_proofs};
use super::{CredentialError, Did, Site};
use crate::ledger::fields::{Fields, Problem};
use crate::ledger::keys::KeyId;
use crate::merkle::Hash;
use crate::standard::UnixMillis;

/// What tells a status list from any other file.
pub const STATUS_LIST_MARK: &str = r#""BitstringStatusListCredential""#;
/// The bits of a list.
pub const BITS: u32 = MAX_INDEX + 1;
/// The bytes of a list.
const BYTES: usize = 16_384;
/// The flags of a gzip header that RFC 1952 keeps for later.
const RESERVED_FLAGS: u8 = 0xe0;

/// One edition of a status list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList {
    /// The site that serves it.
    pub site: Site,
    /// Its number.
    pub number: u32,
    /// From when it holds.
    pub valid_from: UnixMillis,
    /// Until when it holds.
    pub valid_until: UnixMillis,
    bits: Vec<u8>,
}

impl StatusList {
    /// A list in which nothing is revoked.
    pub fn new(site: Site, number: u32, valid_from: UnixMillis, valid_until: UnixMillis) -> Self {
        Self { site, number, valid_from, valid_until, bits: vec![0; BYTES] }
    }

    /// Sets the bit of an index: revoked. An index beyond the list is none of a certificate and changes nothing.
    pub fn set(&mut self, index: u32) {
        let (byte, bit) = place(index);
        if let Some(byte) = self.bits.get_mut(byte) {
            *byte |= bit;
        }
    }

    /// Whether the bit of an index is set. An index beyond the list is no sound certificate's, and counts as set.
    pub fn is_set(&self, index: u32) -> bool {
        let (byte, bit) = place(index);
        self.bits.get(byte).is_none_or(|byte| byte & bit != 0)
    }

    /// The address of the list: the `id` of its credential.
    pub fn url(&self) -> String {
        self.site.list_url(self.number)
    }

    /// Signs the list: the exact bytes of `status.json`. What could not be read back is refused.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, CredentialError> {
        let did = Did::of(&self.site, &key.verifying_key());
        let bytes = secured::sign(self.to_value(&did), &did, self.valid_from, key)?;
        SignedStatusList::from_bytes(&bytes)?;
        Ok(bytes)
    }

    fn to_value(&self, did: &Did) -> Value {
        let id = self.url();
        json!({
            "@context": contexts(),
            "credentialSubject": {
                "encodedList": encode(&self.bits), "id": format!("{id}#list"), "statusPurpose": "revocation",
                "type": "BitstringStatusList",
            },
            "id": id, "issuer": did.as_str(), "type": types(),
            "validFrom": self.valid_from.to_string(), "validUntil": self.valid_until.to_string(),
        })
    }
}

fn contexts() -> Value {
    json!([CREDENTIALS_V2])
}

fn types() -> Value {
    json!(["VerifiableCredential", "BitstringStatusListCredential"])
}

/// The byte of an index and the bit in it: index 0 is the highest bit of the first byte.
fn place(index: u32) -> (usize, u8) {
    let byte = usize::try_from(index / 8).unwrap_or(usize::MAX);
    (byte, 0x80 >> (index % 8))
}

/// `u`, and base64url without padding of the gzip of all bits.
fn encode(bits: &[u8]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail.
    let gzip = gzip.write_all(bits).and_then(|()| gzip.finish()).unwrap_or_default();
    format!("u{}", URL_SAFE_NO_PAD.encode(gzip))
}

/// The inverse of [`encode`]: one gzip member of exactly the bytes of a list, and nothing after it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let gzip = URL_SAFE_NO_PAD.decode(text.strip_prefix('u')?).ok()?;
    if gzip.get(3)? & RESERVED_FLAGS != 0 {
        return None;
    }
    let mut decoder = GzDecoder::new(&gzip[..]);
    let mut bits = Vec::with_capacity(BYTES + 1);
    // One byte more than there may be: no list makes its reader inflate without end.
    let limit = u64::try_from(BYTES).ok()? + 1;
    decoder.by_ref().take(limit).read_to_end(&mut bits).ok()?;
    (bits.len() == BYTES && decoder.into_inner().is_empty()).then_some(bits)
}

/// A status list as read back. Its form is right; whether its proofs are is told by [`SignedStatusList::verify_jcs`] and
/// [`SignedStatusList::verify_rdfc`].
#[derive(Debug, Clone)]
pub struct SignedStatusList {
    list: StatusList,
    secured: Secured,
}

impl SignedStatusList {
    /// Reads the exact bytes of `status.json`; all bad fields are reported together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CredentialError> {
        let (list, secured) = Secured::read(bytes, |value, errors| Fields::of(value, "", errors).and_then(read))?;
        Ok(Self { list, secured })
    }

    /// What it says.
    pub const fn list(&self) -> &StatusList {
        &self.list
    }

    /// The public key of its proofs.
    pub const fn key(&self) -> &VerifyingKey {
        self.secured.key()
    }

    /// The id of that key in the key register.
    pub fn key_id(&self) -> KeyId {
        self.secured.key_id()
    }

    /// SHA-256 of its exact bytes.
    pub const fn digest(&self) -> &Hash {
        self.secured.digest()
    }

    /// Checks the `eddsa-jcs-2022` proof.
    pub fn verify_jcs(&self) -> Result<(), ProofError> {
        self.secured.verify_jcs()
    }

    /// Checks the `eddsa-rdfc-2022` proof.
    pub fn verify_rdfc(&self) -> Result<(), ProofError> {
        self.secured.verify_rdfc()
    }
}

fn read(mut fields: Fields<'_, '_>) -> Option<(StatusList, VerifyingKey)> {
    fixed(&mut fields, "@context", &contexts());
    fixed(&mut fields, "type", &types());
    let address = fields.string("id").and_then(|id| {
        let address = Site::of_list_url(&id).ok();
        if address.is_none() {
            let problem =
                Problem::form("must be a site, /status/ and the number of a list", "应为网址、/status/ 与状态列表编号");
            fields.note("id", problem);
        }
        address.zip(Some(id))
    });
    let bits = read_subject(&mut fields, address.as_ref().map(|(_, id)| id.as_str()));
    let valid_from: Option<UnixMillis> = fields.parsed("validFrom");
    let valid_until: Option<UnixMillis> = fields.parsed("validUntil");
    if valid_from.zip(valid_until).is_some_and(|(from, until)| until <= from) {
        fields.note("validUntil", Problem::mismatch("must be after validFrom", "应晚于 validFrom"));
    }
    let did = fields.string("issuer");
    let key = read_proofs(&mut fields, &contexts(), valid_from, did.as_deref());
    if let Some((((site, _), _), (key, did))) = address.as_ref().zip(key.zip(did))
        && Did::of(site, &key).as_str() != did
    {
        let problem = Problem::mismatch(
            "must be the DID of the site in id, or of the key of the proofs",
            "应为 id 中网址或证明密钥所对应的 DID",
        );
        fields.note("issuer", problem);
    }
    fields.finish();
    let ((site, number), _) = address?;
    let list = StatusList { site, number, valid_from: valid_from?, valid_until: valid_until?, bits: bits? };
    Some((list, key?))
}

fn read_subject(fields: &mut Fields<'_, '_>, id: Option<&str>) -> Option<Vec<u8>> {
    let path = fields.path_of("credentialSubject");
    let value = fields.value("credentialSubject")?;
    let mut fields = Fields::of(value, &path, fields.errors())?;
    let bits = fields.string("encodedList").and_then(|text| {
        let bits = decode(&text);
        if bits.is_none() {
            let problem = Problem::form(
                "must be u and base64url without padding of one gzip member of 16,384 bytes",
                "应为 u 加不带填充的 base64url，内容为恰好 16,384 字节的一个 gzip",
            );
            fields.note("encodedList", problem);
        }
        bits
    });
    match id {
        Some(id) => fixed(&mut fields, "id", &Value::from(format!("{id}#list"))),
        None => drop(fields.string("id")),
    }
    fixed(&mut fields, "statusPurpose", &"revocation".into());
    fixed(&mut fields, "type", &"BitstringStatusList".into());
    fields.finish();
    bits
}

#[cfg(test)]
mod tests {
    use super::super::testing::status_list;
    use super::*;

    fn gzip(bits: &[u8]) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&encode(bits)[1..]).unwrap()
    }

    fn read(gzip: &[u8]) -> Option<Vec<u8>> {
        decode(&format!("u{}", URL_SAFE_NO_PAD.encode(gzip)))
    }

    #[test]
    fn index_0_is_the_highest_bit_of_the_first_byte() {
        let list = status_list();
        assert_eq!((list.bits[0], list.bits[94_568 / 8]), (0x80, 0x80));
        for (index, set) in [(0, true), (1, false), (94_567, false), (94_568, true), (MAX_INDEX, false), (BITS, true)] {
            assert_eq!(list.is_set(index), set, "{index}");
        }
        assert_eq!(decode(&encode(&list.bits)), Some(list.bits));
    }

    #[test]
    fn only_one_gzip_member_of_exactly_the_bytes_of_a_list_is_read() {
        let good = gzip(&[0; BYTES]);
        assert_eq!(read(&good), Some(vec![0; BYTES]));
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        for (bad, why) in [
            (gzip(&[0; BYTES - 1]), "too short"),
            (gzip(&[0; BYTES + 1]), "too long"),
            (gzip(&vec![0; 64 * 1024 * 1024]), "a bomb"),
            ([&good[..], &good].concat(), "two members"),
            ([&good[..], &[0]].concat(), "a byte after it"),
            (good[..good.len() - 1].to_vec(), "cut off"),
            (changed(good.len() - 5, 1), "another checksum"),
            (changed(good.len() - 1, 1), "another length"),
            (changed(3, 0x20), "a reserved flag"),
            (changed(2, 7), "another method"),
            (Vec::new(), "nothing"),
        ] {
            assert_eq!(read(&bad), None, "{why}");
        }
        let text = encode(&[0; BYTES]);
        for bad in [text[1..].to_owned(), format!("{text}="), text.replacen('u', "z", 1), format!("{text}\n")] {
            assert_eq!(decode(&bad), None, "{bad}");
        }
    }
}
