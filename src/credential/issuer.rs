//! Who issues: the site that publishes certificates, and the DID under which its keys are found (FORMATS sections 14, 15).

use std::fmt;
use std::str::FromStr;

use core::net::{Ipv4Addr, Ipv6Addr};
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};

use crate::ledger::CertificateNumber;
use crate::ledger::entry::{FormError, MAX_LIST};
use crate::ledger::forms::forms;
use crate::standard::serde_as_text;

/// Longest site, in characters.
const MAX_SITE: usize = 200;
/// Longest label of a domain name (RFC 1035).
const MAX_LABEL: usize = 63;
/// What stands before an Ed25519 public key in a Multikey (multicodec `ed25519-pub`).
const ED25519_PUB: [u8; 2] = [0xed, 0x01];

/// The address under which certificates are verified: a scheme and a host, as `https://ledger.example.cn`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(String);

impl Site {
    /// The site as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a certificate is verified: the `id` of its credential.
    pub fn certificate_url(&self, number: &CertificateNumber) -> String {
        format!("{}/v/{number}", self.0)
    }

    /// Where a status list is served: the `id` of its credential.
    pub fn list_url(&self, list: u32) -> String {
        format!("{}/status/{list}", self.0)
    }

    /// The site and the number of a certificate's address: the inverse of [`Site::certificate_url`].
    pub fn of_certificate_url(url: &str) -> Result<(Self, CertificateNumber), FormError> {
        let (site, number) = url.rsplit_once("/v/").ok_or(FormError)?;
        Ok((site.parse()?, number.parse()?))
    }

    /// The site and the number of a status list's address: the inverse of [`Site::list_url`].
    pub fn of_list_url(url: &str) -> Result<(Self, u32), FormError> {
        let (site, number) = url.rsplit_once("/status/").ok_or(FormError)?;
        let list = decimal(number).and_then(|list| u32::try_from(list).ok());
        let list = list.filter(|list| (1..=MAX_LIST).contains(list)).ok_or(FormError)?;
        Ok((site.parse()?, list))
    }

    /// The host of a site whose DID is a `did:web`: `https` and a domain name other than `localhost`.
    fn did_web_host(&self) -> Option<&str> {
        let host = self.0.strip_prefix("https://")?;
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        (is_domain_name(name) && name != "localhost").then_some(host)
    }
}

impl FromStr for Site {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(FormError)?;
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of an address in brackets are its own.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let good_port = port.is_none_or(|port| decimal(port).is_some_and(|port| (1..=65_535).contains(&port)));
        if text.len() <= MAX_SITE && is_host(host) && good_port { Ok(Self(text.to_owned())) } else { Err(FormError) }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(Site);

forms! {
    Site: "must be https:// or http:// and a host in lower case, with a port or without, and no path", "应为 https:// 或 http:// 加小写主机名，可带端口，不带路径";
}

/// A decimal number without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address);
    }
    is_domain_name(host) || host.parse::<Ipv4Addr>().is_ok()
}

/// Labels of small letters, digits and inner hyphens; the last one is no number, which would be an address.
fn is_domain_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// The issuer's decentralised identifier: `did:web` where others can find its document, else `did:key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did(String);

impl Did {
    /// The DID under which a site's credentials by this key are issued.
    pub fn of(site: &Site, key: &VerifyingKey) -> Self {
        match site.did_web_host() {
            Some(host) => Self(format!("did:web:{}", host.replace(':', "%3A"))),
            None => Self(format!("did:key:{}", multikey(key))),
        }
    }

    /// The DID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a key of this DID.
    pub fn verification_method(&self, key: &VerifyingKey) -> String {
        format!("{}#{}", self.0, multikey(key))
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The DID document of a site (`/.well-known/did.json`): every key that signs its credentials. None where the site's
/// DID is a `did:key`, which is its own document.
pub fn did_document(site: &Site, keys: &[VerifyingKey]) -> Option<Value> {
    let did = Did(format!("did:web:{}", site.did_web_host()?.replace(':', "%3A")));
    let methods: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({
                "controller": did.as_str(), "id": did.verification_method(key), "publicKeyMultibase": multikey(key),
                "type": "Multikey",
            })
        })
        .collect();
    let names: Vec<String> = keys.iter().map(|key| did.verification_method(key)).collect();
    Some(json!({
        "@context": ["https://www.w3.org/ns/did/v1", super::context::MULTIKEY_V1],
        "assertionMethod": names, "id": did.as_str(), "verificationMethod": methods,
    }))
}

/// The Multikey of a public key: `z` and base58btc of `0xed 0x01` and the key.
pub fn multikey(key: &VerifyingKey) -> String {
    let bytes = [&ED25519_PUB[..], key.as_bytes()].concat();
    format!("z{}", bs58::encode(bytes).into_string())
}

/// The 32 bytes of a Multikey's public key: the inverse of [`multikey`].
pub(super) fn read_multikey(text: &str) -> Option<[u8; 32]> {
    let bytes: [u8; 34] = read_base58(text)?;
    bytes.strip_prefix(&ED25519_PUB)?.try_into().ok()
}

/// Reads exactly `N` bytes of multibase base58btc.
pub(super) fn read_base58<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = bs58::decode(text.strip_prefix('z')?).onto(&mut bytes).ok()?;
    (length == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::key;
    use super::*;
    use crate::ledger::testing::never_panics;

    #[test]
    fn what_is_a_site_and_its_did() {
        let did_key = format!("did:key:{}", multikey(&key().verifying_key()));
        for (text, did) in [
            ("https://ledger.example.cn", "did:web:ledger.example.cn"),
            ("https://ledger.example.cn:8443", "did:web:ledger.example.cn%3A8443"),
            ("https://1.a", "did:web:1.a"),
            ("http://ledger.example.cn", did_key.as_str()),
            ("https://localhost", &did_key),
            ("https://localhost:8443", &did_key),
            ("https://127.0.0.1", &did_key),
            ("https://[::1]:80", &did_key),
            ("https://[2001:db8::1]", &did_key),
        ] {
            let site: Site = text.parse().unwrap();
            assert_eq!(site.to_string(), text);
            assert_eq!(Did::of(&site, &key().verifying_key()).as_str(), did, "{text}");
            let has_document =
                did_document(&site, &[key().verifying_key()]).is_some_and(|document| document["id"] == did);
            assert_eq!(has_document, did != did_key, "{text}");
            let number: CertificateNumber = "XS-2026-340100-7K3M9QX2AB-4".parse().unwrap();
            let url = site.certificate_url(&number);
            assert_eq!(Site::of_certificate_url(&url), Ok((site.clone(), number)));
            assert_eq!(Site::of_list_url(&site.list_url(MAX_LIST)), Ok((site, MAX_LIST)));
        }
        for text in [
            "",
            "https://",
            "ledger.example.cn",
            "ftp://a.cn",
            "https://A.cn",
            "https://a.cn/",
            "https://a.cn/x",
            "https://a..cn",
            "https://-a.cn",
            "https://a-.cn",
            "https://a_b.cn",
            "https://a.cn:",
            "https://a.cn:0",
            "https://a.cn:080",
            "https://a.cn:65536",
            "https://a.cn:+80",
            "https://a.1",
            "https://256.1.1.1",
            "https://[::01]",
            "https://[::1",
            "https://u@a.cn",
            "https://a.cn.",
            "https://例.cn",
        ] {
            assert_eq!(text.parse::<Site>(), Err(FormError), "{text}");
        }
        assert!(format!("https://{}.cn", ["a"; 95].join(".")).parse::<Site>().is_ok());
        assert!(format!("https://{}.cn", ["a"; 97].join(".")).parse::<Site>().is_err());
        for list in ["0", "1000001", "01", "+1", ""] {
            assert!(Site::of_list_url(&format!("https://a.cn/status/{list}")).is_err(), "{list}");
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic() {
        never_panics("https://[::1]:80/v/XS-2026-340100-7K3M9QX2AB-4".as_bytes(), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let _ = (text.parse::<Site>(), Site::of_certificate_url(&text), Site::of_list_url(&text));
            let _ = (read_multikey(&text), text.parse::<CertificateNumber>());
            let _ = text.parse::<super::super::MaskedIdNumber>();
        });
    }
}
