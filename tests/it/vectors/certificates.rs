//! Certificates and status lists: good ones, and each wrong in one way. A dishonest issuer can sign and seal whatever it
//! likes, so most of the broken ones are well signed and on the chain.

use cqo_ledger::credential::context::Contexts;
use cqo_ledger::credential::proof::{Suite, prove};
use cqo_ledger::credential::{HourCertificate, MaskedIdNumber, StatusList, multikey, rows};
use cqo_ledger::ledger::CertificateNumber;
use cqo_ledger::ledger::entry::{Learner, Owner};
use cqo_ledger::ledger::verify::{FileKind, ProvenEntry, Question, verify_file};
use cqo_ledger::merkle::Hash;
use serde_json::{Value, json};

use super::{Case, Places, Vectors, bytes, changed, flip};
use crate::chain::*;
use crate::pdf::{edition, written};
use crate::pdf_breaks::breaks;

const SITE: &str = "https://ledger.example.org";
/// When a verifier is asked, unless the case says otherwise.
pub(super) const NOW: &str = "2026-11-22T12:00:00.000Z";
const LIST: &str = "good/status.json";
const CERTIFICATE: [&str; 2] = ["good/certificate.json", "good/certificate.proof.json"];
/// The index of the certificates in their list, unless the case says otherwise.
const INDEX: u32 = 7;
/// An index whose bit is set.
const REVOKED: u32 = 99;

struct Keys {
    authority: Key,
    r1: Key,
    r2: Key,
    issuer: Key,
    second: Key,
    foreign: Key,
    stranger: Key,
}

fn keys() -> Keys {
    Keys {
        authority: Key::new("authority"),
        r1: Key::new("recorder 1"),
        r2: Key::new("recorder 2"),
        issuer: Key::new("issuer"),
        second: Key::new("issuer, second key"),
        foreign: Key::new("issuer of another organisation"),
        stranger: Key::new("stranger"),
    }
}

/// An `add` for an owner of a name of its own.
fn adds(number: u64, key: &Key, role: &str, owner: &str) -> Value {
    let name = match owner {
        R1 => "甲质量培训学院",
        R2 => "乙质量培训中心",
        _ => "某某市质量协会",
    };
    with(add(number, key, role, owner), |e| e["owner"]["name"] = name.into())
}

/// Hours of two learners and of a namesake, by two recorders, with a superseding and a voiding correction in block 3.
fn hours(k: &Keys) -> Chain {
    let mut chain = Chain::new();
    chain.seal(vec![sign(&adds(1, &k.authority, "authority", AUTHORITY), &[&k.authority])]);
    let added = [
        adds(2, &k.r1, "recorder", R1),
        adds(3, &k.r2, "recorder", R2),
        adds(4, &k.issuer, "issuer", AUTHORITY),
        adds(5, &k.second, "issuer", AUTHORITY),
        adds(6, &k.foreign, "issuer", R2),
    ];
    chain.seal(added.iter().map(|entry| sign(entry, &[&k.authority])).collect());
    let other = with(study(0x24, R2, 0, 75), |e| {
        e["form"] = "other".into();
        e["form_reason"] = "现场见习；形式说明 二".into();
    });
    let namesake = with(study(0x25, R1, 0, 300), |e| e["learner"]["id"] = uuid(0xb000).into());
    chain.seal(vec![
        sign(&study(0x20, R1, 0, 150), &[&k.r1]),
        sign(&study(0x21, R1, 0, 200), &[&k.r1]),
        sign(&study(0x22, R1, 1, 1_000), &[&k.r1]),
        sign(&activity(0x23, R1, 0), &[&k.r1]),
        sign(&other, &[&k.r2]),
        sign(&namesake, &[&k.r1]),
        sign(&study(0x26, R1, 0, 900), &[&k.r1]),
    ]);
    let supersede = correction(0x30, R1, chain.item(2, 1), Some(125));
    let void = correction(0x31, AUTHORITY, chain.item(2, 6), None);
    chain.seal(vec![sign(&supersede, &[&k.r1]), sign(&void, &[&k.authority])]);
    chain
}

/// Everything of the learner in [`hours`]: 1.50 + 0.75 + 1.25 hours, one activity, one entry voided.
const WHOLE: &[(usize, usize)] = &[(2, 0), (2, 1), (2, 3), (2, 4), (2, 6), (3, 0), (3, 1)];
const HOURS: u64 = 350;

fn number(nth: u8) -> CertificateNumber {
    CertificateNumber::new(2026, &AUTHORITY[2..8], [nth, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap()
}

/// What an honest issuer would certify of these entries.
fn certificate(chain: &Chain, places: &[(usize, usize)], nth: u8) -> HourCertificate {
    let bundle = bytes(&chain.bundle(places));
    let report = verify_file(FileKind::Proof, &bundle, Question::default());
    let entries: Vec<ProvenEntry> = report.entries;
    let last = entries.last().unwrap().signed.entry().learner().unwrap();
    HourCertificate {
        number: number(nth),
        site: SITE.parse().unwrap(),
        origin: ORIGIN.parse().unwrap(),
        issuer: Owner { code: AUTHORITY.parse().unwrap(), name: "某某市质量协会".into() },
        issued: "2026-11-22T08:03:30.000Z".parse().unwrap(),
        learner: Learner { id: last.id, name: last.name.clone() },
        employer: Some("某某制造有限公司".into()),
        id_number: Some(MaskedIdNumber::of("340104199003071234").unwrap()),
        span: ("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap()),
        rulebook: "2026.1".parse().unwrap(),
        minutes: 45,
        rows: rows(&entries, report.register.as_ref().unwrap()).unwrap(),
        list: 1,
        index: INDEX,
    }
}

/// The document without proofs, as this key would issue it.
fn unsigned(certificate: &HourCertificate, key: &Key) -> Value {
    certificate.to_value(&key.signing().verifying_key())
}

/// The document with both proofs by a key, whatever it says. What RDF cannot express has an old second proof.
fn secured(document: &Value, key: &Key) -> Value {
    let did = document["issuer"]["id"].as_str().or(document["issuer"].as_str()).unwrap();
    let method = format!("{did}#{}", multikey(&key.signing().verifying_key()));
    let proof = |suite: Suite| {
        let mut options = json!({
            "created": document["validFrom"], "cryptosuite": suite.as_str(), "proofPurpose": "assertionMethod",
            "type": "DataIntegrityProof", "verificationMethod": method,
        });
        if suite == Suite::EddsaJcs2022 {
            options["@context"] = document["@context"].clone();
        }
        prove(Contexts::PINNED, document, options.clone(), key.signing()).unwrap_or_else(|_| {
            options["proofValue"] = format!("z{}", "2".repeat(86)).into();
            options
        })
    };
    let proofs = [proof(Suite::EddsaJcs2022), proof(Suite::EddsaRdfc2022)];
    with(document.clone(), |document| document["proof"] = json!(proofs))
}

fn sha256(document: &[u8]) -> Hash {
    Hash::of(&[document])
}

/// A certificate that was issued: its bytes, the chain with its entry in the last block, and the places of its bundle.
struct Issued {
    credential: Vec<u8>,
    chain: Chain,
    places: Places,
}

impl Issued {
    fn bundle(&self) -> Value {
        self.chain.bundle(&self.places)
    }

    /// The same after more blocks.
    fn later(mut self, blocks: Vec<Vec<Value>>) -> Self {
        blocks.into_iter().for_each(|signed| self.chain.seal(signed));
        self
    }
}

/// Signs and seals.
fn issue(chain: &Chain, document: &Value, places: &[(usize, usize)], nth: u8, key: &Key) -> Issued {
    let credential = bytes(&secured(document, key));
    seal(chain, credential, places, nth, &[key])
}

/// Seals the certificate entry of these bytes.
fn seal(chain: &Chain, credential: Vec<u8>, places: &[(usize, usize)], nth: u8, keys: &[&Key]) -> Issued {
    let mut chain = chain.clone();
    let entry = issued_entry(0x100 + u64::from(nth), "credential", &number(nth), &sha256(&credential));
    let entry = with(entry, |entry| {
        if let [key] = keys
            && key.id() == Key::new("issuer of another organisation").id()
        {
            entry["recorder"] = R2.into();
        }
    });
    let place = (chain.blocks.len(), 0);
    chain.seal(vec![sign(&entry, keys)]);
    Issued { credential, chain, places: places.iter().copied().chain([place]).collect() }
}

impl Vectors {
    /// Puts a certificate and its bundle.
    fn put_issued(&mut self, name: &str, issued: &Issued) -> [String; 2] {
        let files = [format!("{name}.json"), format!("{name}.proof.json")];
        self.put(&files[0], issued.credential.clone());
        self.put(&files[1], bytes(&issued.bundle()));
        files
    }

    /// A run over certificates, with the good list.
    fn run(&mut self, says: &str, files: &[&str], exit: u8, failed: Option<&'static str>) -> &mut Case {
        self.case(says, files, exit, failed).status(&[LIST]).now(NOW)
    }

    /// A certificate and its bundle that end with 0.
    fn good_issued(&mut self, name: &str, says: &str, issued: &Issued) -> &mut Case {
        let files = self.put_issued(&format!("good/{name}"), issued);
        self.run(says, &[&files[0], &files[1]], 0, None)
    }

    /// A certificate and its bundle of which one step fails.
    fn broken_issued(&mut self, step: &'static str, name: &str, issued: &Issued) -> &mut Case {
        let files = self.put_issued(&format!("broken/{step}-{name}"), issued);
        self.run(&name.replace('-', " "), &[&files[0], &files[1]], 1, Some(step))
    }

    /// A certificate changed after it was issued, with the good certificate's bundle.
    fn tampered(&mut self, step: &'static str, name: &str, bytes: Vec<u8>) -> &mut Case {
        let file = format!("broken/{step}-{name}.json");
        self.put(&file, bytes);
        self.run(&name.replace('-', " "), &[&file, CERTIFICATE[1]], 1, Some(step))
    }

    /// A PDF of which a step fails, alone.
    fn broken_pdf(&mut self, step: &'static str, name: &str, bytes: Vec<u8>) {
        let file = format!("broken/{step}-{name}.pdf");
        self.put(&file, bytes);
        self.run(&name.replace('-', " "), &[&file], 1, Some(step));
    }

    /// A list, with the good certificate and its bundle.
    fn with_list(
        &mut self,
        folder: &str,
        name: &str,
        bytes: Vec<u8>,
        exit: u8,
        failed: Option<&'static str>,
    ) -> &mut Case {
        let file = format!("{folder}/{name}.json");
        self.put(&file, bytes);
        self.case(&name.replace('-', " "), &CERTIFICATE, exit, failed).status(&[&file]).now(NOW)
    }
}

/// A list with one bit set.
fn list(number: u32, from: &str, until: &str, set: u32) -> StatusList {
    let mut list = StatusList::new(SITE.parse().unwrap(), number, from.parse().unwrap(), until.parse().unwrap());
    list.set(set);
    list
}

/// After the block of the certificates, before those that follow it.
const FROM: &str = "2026-11-22T08:04:30.000Z";
const UNTIL: &str = "2026-11-23T08:00:00.000Z";

fn signed_list(list: &StatusList, key: &Key) -> Vec<u8> {
    list.sign(key.signing()).unwrap()
}

pub(super) fn add_all(v: &mut Vectors) {
    let k = keys();
    let chain = hours(&k);
    v.put(LIST, signed_list(&list(1, FROM, UNTIL, REVOKED), &k.issuer));
    let whole = certificate(&chain, WHOLE, 1);
    let issued = issue(&chain, &unsigned(&whole, &k.issuer), WHOLE, 1, &k.issuer);
    good(v, &k, &chain, &whole, &issued);
    moments(v);
    wrong_forms(v, &k, &chain, &whole, &issued);
    tampered(v, &k, &whole, &issued);
    not_issued(v, &k, &chain, &whole, &issued);
    wrong_issuers(v, &k, &chain, &whole);
    wrong_evidence(v, &k, &chain, &whole);
    not_in_force(v, &k, &chain, &whole);
    lists(v, &k, &chain, &whole);
    pdfs(v, &k, &chain);
}

fn good(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate, issued: &Issued) {
    v.good_issued("certificate", "a certificate, its bundle and a status list", issued).hours(&[("李雷", HOURS)]);
    let [certificate, bundle] = CERTIFICATE;
    v.run("the same in another order", &[bundle, certificate], 0, None).hours(&[("李雷", HOURS)]);
    v.run("the same with the bundle twice", &[certificate, bundle, bundle], 0, None).hours(&[("李雷", HOURS)]);
    v.run("the same certificate twice", &[certificate, bundle, certificate], 0, None);
    v.case("the same with the list among the files", &[LIST, certificate, bundle], 0, None).now(NOW);
    v.run("the same without a policy", &CERTIFICATE, 3, None).policy(None);
    v.run("a certificate alone", &[certificate], 3, None);
    v.run("a certificate and an empty file", &[certificate, bundle, "unreadable/empty.proof.json"], 2, None);
    v.case("a certificate and its bundle without a list", &CERTIFICATE, 3, None).now(NOW);
    v.case("a certificate's bundle alone", &[bundle], 3, None).now(NOW).hours(&[("李雷", HOURS)]);
    v.case("a status list alone", &[LIST], 3, None).now(NOW);
    v.case("a bundle given as a status list", &CERTIFICATE, 2, None).status(&[bundle]).now(NOW);

    let plain = HourCertificate { employer: None, id_number: None, ..whole.clone() };
    let plain = HourCertificate { number: number(2), ..plain };
    let plain = issue(chain, &unsigned(&plain, &k.issuer), WHOLE, 2, &k.issuer);
    v.good_issued("certificate-plain", "without employer and ID number", &plain);
    v.run(
        "two certificates of the same hours, which count once",
        &["good/certificate-plain.json", "good/certificate-plain.proof.json", certificate],
        3,
        None,
    );
    // A second certificate, issued after the first on the same chain, holds one entry of it and one more learner's none.
    let mut after = issued.chain.clone();
    after.seal(vec![sign(&study(0x40, R2, 0, 25), &[&k.r2])]);
    let some: &[(usize, usize)] = &[(2, 0), (5, 0)];
    let second =
        HourCertificate { issued: "2026-11-22T08:06:00.000Z".parse().unwrap(), ..self::certificate(&after, some, 3) };
    let second = issue(&after, &unsigned(&second, &k.issuer), some, 3, &k.issuer);
    v.good_issued("certificate-second", "a second certificate of the same learner", &second).hours(&[("李雷", 175)]);
    let both = [certificate, bundle, "good/certificate-second.json", "good/certificate-second.proof.json"];
    v.run("an entry in two certificates counts once", &both, 0, None).hours(&[("李雷", HOURS + 25)]);

    let local = HourCertificate { site: "http://localhost:8080".parse().unwrap(), number: number(4), ..whole.clone() };
    let mut local_list = StatusList::new(local.site.clone(), 1, FROM.parse().unwrap(), UNTIL.parse().unwrap());
    local_list.set(REVOKED);
    let local = issue(chain, &unsigned(&local, &k.issuer), WHOLE, 4, &k.issuer);
    v.put("good/status-did-key.json", signed_list(&local_list, &k.issuer));
    v.good_issued("certificate-did-key", "a site without a domain", &local).status(&["good/status-did-key.json"]);
    v.run(
        "the list of another site",
        &["good/certificate-did-key.json", "good/certificate-did-key.proof.json"],
        3,
        None,
    );

    let only: &[(usize, usize)] = &[(2, 3)];
    let activity = issue(chain, &unsigned(&self::certificate(chain, only, 5), &k.issuer), only, 5, &k.issuer);
    v.good_issued("certificate-activity", "an activity and no hours", &activity).hours(&[("李雷", 0)]);

    let corrected: &[(usize, usize)] = &[(2, 1), (3, 0)];
    let superseding = self::certificate(chain, corrected, 6);
    let superseding = issue(chain, &unsigned(&superseding, &k.issuer), corrected, 6, &k.issuer);
    v.good_issued("certificate-superseding", "a superseding correction counts", &superseding).hours(&[("李雷", 125)]);

    let retire = sign(&end(0x90, "retire", &k.issuer, AUTHORITY), &[&k.authority]);
    let retired = HourCertificate { number: number(7), ..whole.clone() };
    let retired = issue(chain, &unsigned(&retired, &k.issuer), WHOLE, 7, &k.issuer).later(vec![vec![retire]]);
    v.put("good/status-second-key.json", signed_list(&list(1, FROM, UNTIL, REVOKED), &k.second));
    v.good_issued("certificate-key-retired", "the issuer's key was retired later", &retired)
        .status(&["good/status-second-key.json"]);
    let files = ["good/certificate-key-retired.json", "good/certificate-key-retired.proof.json"];
    v.run("a list by a key that was retired", &files, 3, None);

    let neighbour = HourCertificate { number: number(8), index: REVOKED - 1, ..whole.clone() };
    let neighbour = issue(chain, &unsigned(&neighbour, &k.issuer), WHOLE, 8, &k.issuer);
    v.good_issued("certificate-neighbour", "the bit beside it is set", &neighbour);

    // The chain says which edition the retired key signed.
    let entry = listed_entry(0x91, 1, &sha256(&v.files[LIST].clone()));
    let recorded = retired_and_recorded(k, chain, whole, &entry);
    let place = (5, 0);
    v.put("good/status.proof.json", bytes(&recorded.chain.bundle(&[place])));
    v.put_issued("good/certificate-list-recorded", &recorded);
    v.run(
        "a list by a retired key, whose edition is on the chain",
        &["good/certificate-list-recorded.json", "good/certificate-list-recorded.proof.json", "good/status.proof.json"],
        0,
        None,
    );
    v.case("a bundle of a list's entry", &["good/status.proof.json"], 0, None).now(NOW).hours(&[]);
    v.case("a list and the bundle of its entry", &["good/status.proof.json", LIST], 0, None).now(NOW);
}

/// The list's entry in block 5, the end of the issuer's key in block 6.
fn retired_and_recorded(k: &Keys, chain: &Chain, whole: &HourCertificate, entry: &Value) -> Issued {
    let retire = sign(&end(0x90, "retire", &k.issuer, AUTHORITY), &[&k.authority]);
    let certificate = HourCertificate { number: number(9), ..whole.clone() };
    issue(chain, &unsigned(&certificate, &k.issuer), WHOLE, 9, &k.issuer)
        .later(vec![vec![sign(entry, &[&k.issuer])], vec![retire]])
}

/// The same files at other moments.
fn moments(v: &mut Vectors) {
    let cases: &[(&str, &'static str, u8, Option<&'static str>)] = &[
        ("asked at the first moment of the list", FROM, 0, None),
        ("asked when the list is not valid yet", "2026-11-22T08:04:29.999Z", 3, None),
        ("asked at the moment of the certificate's block", "2026-11-22T08:04:00.123Z", 3, None),
        ("asked before the certificate's block", "2026-11-22T08:04:00.122Z", 1, Some("chain")),
        ("asked at the last moment of the list", "2026-11-23T07:59:59.999Z", 0, None),
        ("asked when the list is no longer valid", UNTIL, 3, None),
    ];
    for (says, at, exit, failed) in cases {
        v.run(says, &CERTIFICATE, *exit, *failed).at(at);
    }
    v.run("a stale list", &CERTIFICATE, 3, None).now("2026-12-24T12:00:00.000Z");
}

type Change = fn(&mut Value);

/// Well signed and sealed, and yet not of the form.
fn wrong_forms(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate, issued: &Issued) {
    let good = unsigned(whole, &k.issuer);
    let cases: &[(&str, Change)] = &[
        ("certificate-context-appended", |d| {
            d["@context"].as_array_mut().unwrap().push("https://w3id.org/security/data-integrity/v2".into());
        }),
        ("certificate-context-replaced", |d| d["@context"][1] = "https://example.org/context.json".into()),
        ("certificate-context-of-its-own", |d| d["@context"][1] = json!({"hours": "https://example.org/hours"})),
        ("certificate-unknown-term", |d| d["level"] = "5A".into()),
        ("certificate-unknown-term-inside", |d| d["evidence"][0]["hours"] = "1.50".into()),
        ("certificate-of-another-type", |d| d["type"].as_array_mut().unwrap().push("LevelCredential".into())),
        ("certificate-number-check", |d| {
            for place in ["id", "humanCode"] {
                let text = if place == "id" { &mut d["id"] } else { &mut d["credentialSubject"]["achievement"][place] };
                let (head, _) = text.as_str().unwrap().rsplit_once('-').unwrap();
                *text = format!("{head}-*").into();
            }
        }),
        ("certificate-two-numbers", |d| {
            d["credentialSubject"]["achievement"]["humanCode"] = number(77).to_string().into();
        }),
        ("certificate-entry-doubled", |d| {
            let first = d["evidence"][0].clone();
            d["evidence"].as_array_mut().unwrap().push(first);
        }),
        ("certificate-entries-of-two-ledgers", |d| {
            super::edit(&mut d["evidence"][1]["id"], "example.org", "example.net")
        }),
        ("certificate-no-rows", |d| d["evidence"] = json!([])),
        ("certificate-row-of-another-form", |d| d["evidence"][0]["genre"] = "tv".into()),
        ("certificate-hours-without-decimals", |d| {
            super::edit(&mut d["evidence"][0]["narrative"], "1.50 学时", "1.5 学时")
        }),
        ("certificate-total-without-decimals", |d| d["credentialSubject"]["result"][0]["value"] = "3.5".into()),
        ("certificate-total-missing", |d| drop(d["credentialSubject"]["result"].as_array_mut().unwrap().remove(0))),
        ("certificate-claims-truth", |d| {
            super::edit(&mut d["credentialSubject"]["achievement"]["criteria"]["narrative"], "；不证明其内容属实", "");
        }),
        ("certificate-of-another-title", |d| d["name"] = "首席质量官认定证书".into()),
        ("certificate-learner-twice", |d| {
            d["credentialSubject"]["identifier"][0]["identityHash"] = uuid(0xb000).into()
        }),
        ("certificate-id-number-not-masked", |d| {
            d["credentialSubject"]["identifier"][2]["identityHash"] = "340104199003071234".into();
        }),
        ("certificate-name-right-to-left", |d| d["credentialSubject"]["name"] = "李\u{202e}雷".into()),
        ("certificate-index-beyond-the-list", |d| {
            d["credentialStatus"]["statusListIndex"] = "131072".into();
            d["credentialStatus"]["id"] = format!("{SITE}/status/1#131072").into();
        }),
        ("certificate-list-of-another-site", |d| {
            d["credentialStatus"]["statusListCredential"] = "https://example.net/status/1".into();
            d["credentialStatus"]["id"] = "https://example.net/status/1#7".into();
        }),
        ("certificate-without-a-list", |d| drop(d.as_object_mut().unwrap().remove("credentialStatus"))),
        ("certificate-did-of-another-site", |d| d["issuer"]["id"] = "did:web:example.net".into()),
        ("certificate-issued-without-a-moment", |d| d["validFrom"] = "2026-11-22".into()),
        // The year of the number begins a millisecond later.
        ("certificate-number-of-another-year", |d| d["validFrom"] = "2025-12-31T15:59:59.999Z".into()),
        ("certificate-number-after-every-year", |d| d["validFrom"] = "9999-12-31T16:00:00.000Z".into()),
        ("certificate-number-of-another-region", |d| d["issuer"]["otherIdentifier"][0]["identifier"] = R1.into()),
        ("certificate-span-ends-before-it-begins", |d| {
            d["credentialSubject"]["activityEndDate"] = "2025-12-31T00:00:00+08:00".into();
        }),
        ("certificate-row-ends-before-it-begins", |d| {
            super::edit(&mut d["evidence"][0]["description"], "2026-03-06", "2026-03-01");
        }),
        ("certificate-row-of-367-days", |d| {
            super::edit(&mut d["evidence"][0]["description"], "2026-03-06", "2027-03-04");
        }),
        ("certificate-row-at-index-65536", |d| super::edit(&mut d["evidence"][0]["narrative"], "2-0", "2-65536")),
        ("certificate-row-at-a-height-beyond-the-integers", |d| {
            super::edit(&mut d["evidence"][0]["narrative"], "2-0", "9007199254740992-0");
        }),
        ("certificate-row-of-100-01-hours", |d| super::edit(&mut d["evidence"][0]["narrative"], "1.50", "100.01")),
        ("certificate-row-of-0-00-hours", |d| super::edit(&mut d["evidence"][0]["narrative"], "1.50", "0.00")),
        ("certificate-row-of-a-course-code-with-a-space", |d| {
            super::edit(&mut d["evidence"][0]["description"], "QM-101", "QM 101");
        }),
        ("certificate-row-of-a-provider-of-201", |d| {
            super::edit(&mut d["evidence"][0]["description"], "甲质量培训学院", &"甲".repeat(201));
        }),
        ("certificate-row-of-a-title-of-201", |d| d["evidence"][0]["name"] = "长".repeat(201).into()),
        ("certificate-row-of-a-reason-of-201", |d| {
            let reason = "见".repeat(201);
            super::edit(&mut d["evidence"][2]["description"], "现场见习；形式说明 二", &reason);
        }),
        ("certificate-row-with-a-reason-too-many", |d| {
            let text = d["evidence"][0]["description"].as_str().unwrap().to_owned();
            d["evidence"][0]["description"] = format!("{text}；形式说明 现场").into();
        }),
        ("certificate-activity-of-nobody", |d| super::edit(&mut d["evidence"][1]["description"], "人数 30", "人数 0")),
        ("certificate-activity-of-100001", |d| {
            super::edit(&mut d["evidence"][1]["description"], "人数 30", "人数 100001");
        }),
        ("certificate-activity-with-hours", |d| {
            super::edit(&mut d["evidence"][1]["narrative"], "组织培训活动 1 次", "1.00 学时");
        }),
        ("certificate-total-of-100000-01", |d| d["credentialSubject"]["result"][0]["value"] = "100000.01".into()),
        ("certificate-of-1001-activities", |d| d["credentialSubject"]["result"][1]["value"] = "1001".into()),
        ("certificate-activities-with-a-leading-zero", |d| d["credentialSubject"]["result"][1]["value"] = "01".into()),
        ("certificate-list-of-number-1000001", |d| {
            d["credentialStatus"]["statusListCredential"] = format!("{SITE}/status/1000001").into();
            d["credentialStatus"]["id"] = format!("{SITE}/status/1000001#7").into();
        }),
        ("certificate-hour-of-1000-minutes", |d| {
            super::edit(&mut d["credentialSubject"]["achievement"]["criteria"]["narrative"], "45", "1000");
        }),
        ("certificate-identities-in-another-order", |d| {
            d["credentialSubject"]["identifier"].as_array_mut().unwrap().swap(1, 2);
        }),
        ("certificate-did-key-of-a-domain", |d| {
            let key = Key::new("issuer").signing().verifying_key();
            d["issuer"]["id"] = format!("did:key:{}", multikey(&key)).into();
        }),
    ];
    for (name, change) in cases {
        let document = with(good.clone(), change);
        v.broken_issued("form", name, &issue(chain, &document, WHOLE, 1, &k.issuer));
    }
    let document: Value = serde_json::from_slice(&issued.credential).unwrap();
    let other = secured(&good, &k.second);
    let proofs: Vec<(&str, Value)> = vec![
        ("jcs-proof-stripped", with(document.clone(), |d| drop(d["proof"].as_array_mut().unwrap().remove(0)))),
        ("rdfc-proof-stripped", with(document.clone(), |d| drop(d["proof"].as_array_mut().unwrap().remove(1)))),
        ("proofs-swapped", with(document.clone(), |d| d["proof"].as_array_mut().unwrap().swap(0, 1))),
        (
            "proof-thrice",
            with(document.clone(), |d| {
                let first = d["proof"][0].clone();
                d["proof"].as_array_mut().unwrap().push(first);
            }),
        ),
        ("proofs-by-two-keys", with(document.clone(), |d| d["proof"][1] = other["proof"][1].clone())),
        (
            "proof-of-another-purpose",
            with(document.clone(), |d| d["proof"][0]["proofPurpose"] = "authentication".into()),
        ),
        ("proof-of-another-day", with(document.clone(), |d| d["proof"][1]["created"] = FROM.into())),
        (
            "proof-value-cut-short",
            with(document.clone(), |d| {
                let text = d["proof"][0]["proofValue"].as_str().unwrap().to_owned();
                d["proof"][0]["proofValue"] = text[..text.len() - 2].into();
            }),
        ),
        (
            "proof-key-is-weak",
            with(document.clone(), |d| {
                let weak = bs58::encode([&[0xed, 0x01, 1][..], &[0; 31]].concat()).into_string();
                for proof in d["proof"].as_array_mut().unwrap() {
                    proof["verificationMethod"] = format!("did:web:ledger.example.org#z{weak}").into();
                }
            }),
        ),
    ];
    for (name, document) in proofs {
        v.broken_issued("form", name, &seal(chain, bytes(&document), WHOLE, 1, &[&k.issuer]));
    }
    let text = String::from_utf8(issued.credential.clone()).unwrap();
    v.tampered("form", "certificate-with-a-newline", format!("{text}\n").into_bytes());
    let member = "\"genre\":\"lecture\"";
    assert!(text.contains(member));
    v.tampered(
        "form",
        "certificate-member-twice",
        text.replacen(member, &format!("{member},{member}"), 1).into_bytes(),
    );
    v.tampered("form", "certificate-over-1-mib", [text.as_bytes(), &vec![b' '; 1_048_576]].concat());
}

/// The good certificate with something changed after it was signed.
fn tampered(v: &mut Vectors, k: &Keys, whole: &HourCertificate, issued: &Issued) {
    let document: Value = serde_json::from_slice(&issued.credential).unwrap();
    let cases: &[(&str, Change)] = &[
        ("hours-changed", |d| super::edit(&mut d["evidence"][0]["narrative"], "1.50", "9.50")),
        ("name-changed", |d| d["credentialSubject"]["name"] = "韩梅梅".into()),
        ("total-changed", |d| d["credentialSubject"]["result"][0]["value"] = "13.50".into()),
        ("employer-changed", |d| d["credentialSubject"]["identifier"][1]["identityHash"] = "另一公司".into()),
        ("employer-dropped", |d| drop(d["credentialSubject"]["identifier"].as_array_mut().unwrap().remove(1))),
        ("span-changed", |d| d["credentialSubject"]["activityStartDate"] = "2025-01-01T00:00:00+08:00".into()),
        ("row-dropped", |d| drop(d["evidence"].as_array_mut().unwrap().remove(1))),
        ("index-changed", |d| {
            d["credentialStatus"]["statusListIndex"] = "8".into();
            d["credentialStatus"]["id"] = format!("{SITE}/status/1#8").into();
        }),
        ("issuer-changed", |d| d["issuer"]["name"] = "另一协会".into()),
        ("jcs-value-changed", |d| {
            let value = d["proof"][0]["proofValue"].as_str().unwrap().to_owned();
            let other = if value.ends_with('2') { "3" } else { "2" };
            d["proof"][0]["proofValue"] = format!("{}{other}", &value[..value.len() - 1]).into();
        }),
        ("values-swapped", |d| {
            let values: Vec<Value> = (0..2).map(|i| d["proof"][i]["proofValue"].clone()).collect();
            d["proof"][0]["proofValue"] = values[1].clone();
            d["proof"][1]["proofValue"] = values[0].clone();
        }),
    ];
    for (name, change) in cases {
        v.tampered("proof", name, changed(&document, change));
    }
    let stolen = secured(&unsigned(whole, &k.issuer), &k.stranger);
    let by_another_key = with(document.clone(), |d| {
        for i in 0..2 {
            d["proof"][i]["verificationMethod"] = stolen["proof"][i]["verificationMethod"].clone();
        }
    });
    v.tampered("proof", "of-another-key", bytes(&by_another_key));
    let value = |d: &mut Value| {
        let value = d["proof"][1]["proofValue"].as_str().unwrap().to_owned();
        let other = if value.ends_with('2') { "3" } else { "2" };
        d["proof"][1]["proofValue"] = format!("{}{other}", &value[..value.len() - 1]).into();
    };
    v.tampered("proof_rdfc", "value-changed", changed(&document, value)).without_rdf("issued");
}

fn not_issued(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate, issued: &Issued) {
    let forged = HourCertificate { employer: Some("另一公司".into()), ..whole.clone() };
    v.tampered("issued", "signed-again-under-the-number", bytes(&secured(&unsigned(&forged, &k.issuer), &k.issuer)));
    let late = HourCertificate { issued: "2026-11-22T08:04:00.124Z".parse().unwrap(), ..whole.clone() };
    v.broken_issued("issued", "after-it-was-sealed", &issue(chain, &unsigned(&late, &k.issuer), WHOLE, 1, &k.issuer));
    let new_year = HourCertificate { issued: "2025-12-31T16:00:00.000Z".parse().unwrap(), ..whole.clone() };
    let new_year = issue(chain, &unsigned(&new_year, &k.issuer), WHOLE, 1, &k.issuer);
    v.good_issued("certificate-new-year", "issued in the first moment of the year of its number", &new_year);
    let at_once = HourCertificate { issued: "2026-11-22T08:04:00.123Z".parse().unwrap(), ..whole.clone() };
    let at_once = issue(chain, &unsigned(&at_once, &k.issuer), WHOLE, 1, &k.issuer);
    v.good_issued("certificate-at-once", "issued at the very moment of its block", &at_once);
    let others = ["good/certificate.json", "good/certificate-activity.proof.json"];
    v.run("another certificate's proof", &others, 3, None);
    let mut without =
        Issued { credential: issued.credential.clone(), chain: issued.chain.clone(), places: WHOLE.to_vec() };
    v.put_issued("good/certificate-entry-missing", &without);
    let files = ["good/certificate-entry-missing.json", "good/certificate-entry-missing.proof.json"];
    v.run("a bundle without the certificate entry", &files, 3, None).hours(&[("李雷", HOURS)]);
    // The number's entry is that of a PDF: it says nothing about the credential.
    without.chain = chain.clone();
    let entry = issued_entry(0x101, "pdf", &number(1), &sha256(&issued.credential));
    without.chain.seal(vec![sign(&entry, &[&k.issuer])]);
    without.places.push((4, 0));
    v.put_issued("good/certificate-entry-of-a-pdf", &without);
    let files = ["good/certificate-entry-of-a-pdf.json", "good/certificate-entry-of-a-pdf.proof.json"];
    v.run("a certificate entry for a PDF", &files, 3, None);
    let other_number = issued_entry(0x101, "credential", &number(66), &sha256(&issued.credential));
    without.chain = chain.clone();
    without.chain.seal(vec![sign(&other_number, &[&k.issuer])]);
    v.put_issued("good/certificate-entry-of-another-number", &without);
    let files =
        ["good/certificate-entry-of-another-number.json", "good/certificate-entry-of-another-number.proof.json"];
    v.run("a certificate entry for another number", &files, 3, None);
    // A bundle that fails serves nobody.
    let spoilt = changed(&issued.bundle(), |b| flip(&mut b["entries"][0]["salt"]));
    v.put("broken/batch-of-a-certificate.proof.json", spoilt);
    v.run(
        "a bundle that fails",
        &["good/certificate.json", "broken/batch-of-a-certificate.proof.json"],
        1,
        Some("batch"),
    );
}

fn wrong_issuers(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate) {
    let document = unsigned(whole, &k.issuer);
    let credential = || bytes(&secured(&document, &k.issuer));
    v.broken_issued("issuer", "sealed-by-another-key", &seal(chain, credential(), WHOLE, 1, &[&k.second]));
    v.broken_issued("issuer", "sealed-by-two-keys", &seal(chain, credential(), WHOLE, 1, &[&k.issuer, &k.second]));
    let strange = bytes(&secured(&document, &k.stranger));
    v.broken_issued("issuer", "signed-by-a-stranger", &seal(chain, strange, WHOLE, 1, &[&k.issuer]));
    let recorder = bytes(&secured(&document, &k.r1));
    v.broken_issued("issuer", "signed-by-a-recorder", &seal(chain, recorder, WHOLE, 1, &[&k.issuer]));
    let name = with(document.clone(), |d| d["issuer"]["name"] = "某某省质量协会".into());
    v.broken_issued("issuer", "of-another-name", &issue(chain, &name, WHOLE, 1, &k.issuer));
    let foreign = bytes(&secured(&document, &k.foreign));
    v.broken_issued("issuer", "of-another-organisation", &seal(chain, foreign, WHOLE, 1, &[&k.foreign]));
    let revoke = |from: Option<u64>| {
        let entry = with(end(0x90, "revoke", &k.issuer, AUTHORITY), |e| {
            e["reason"] = "compromised".into();
            if let Some(from) = from {
                e["compromised_from"] = from.into();
            }
        });
        sign(&entry, &[&k.authority])
    };
    let issued = issue(chain, &document, WHOLE, 1, &k.issuer).later(vec![vec![revoke(Some(4))]]);
    v.broken_issued("signatures", "issuer-key-compromised-by-then", &issued);
    v.put("good/issuer-key-compromised.proof.json", bytes(&issued.chain.bundle(&[(2, 2)])));
    v.run(
        "the issuer's key compromised by then, as another bundle tells",
        &[CERTIFICATE[0], CERTIFICATE[1], "good/issuer-key-compromised.proof.json"],
        1,
        Some("issuer"),
    );
    let second = "good/status-second-key.json";
    let later = issue(chain, &document, WHOLE, 1, &k.issuer).later(vec![vec![revoke(Some(5))]]);
    v.good_issued("certificate-key-compromised-later", "the issuer's key was compromised later", &later)
        .status(&[second]);
    let lost = issue(chain, &document, WHOLE, 1, &k.issuer).later(vec![vec![revoke(None)]]);
    v.good_issued("certificate-key-revoked", "the issuer's key was revoked, compromised from no block", &lost)
        .status(&[second]);
    let files = ["good/certificate-key-revoked.json", "good/certificate-key-revoked.proof.json"];
    v.run("a list by a key that was revoked", &files, 1, Some("issuer"));
    let mut early = chain.clone();
    early.seal(vec![revoke(None)]);
    v.broken_issued("signatures", "issuer-key-revoked-earlier", &issue(&early, &document, WHOLE, 1, &k.issuer));
}

/// Certificates that say something else than the entries in their bundle.
fn wrong_evidence(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate) {
    let good = unsigned(whole, &k.issuer);
    let cases: &[(&str, Change)] = &[
        ("hours-of-a-row", |d| super::edit(&mut d["evidence"][0]["narrative"], "1.50", "2.50")),
        ("hours-of-a-row-and-total", |d| {
            super::edit(&mut d["evidence"][0]["narrative"], "1.50", "2.50");
            d["credentialSubject"]["result"][0]["value"] = "4.50".into();
        }),
        ("wrong-total", |d| d["credentialSubject"]["result"][0]["value"] = "3.60".into()),
        ("wrong-activities", |d| d["credentialSubject"]["result"][1]["value"] = "2".into()),
        ("row-dropped", |d| drop(d["evidence"].as_array_mut().unwrap().remove(1))),
        ("row-dropped-and-total", |d| {
            d["evidence"].as_array_mut().unwrap().remove(0);
            d["credentialSubject"]["result"][0]["value"] = "2.00".into();
        }),
        ("rows-in-another-order", |d| d["evidence"].as_array_mut().unwrap().swap(0, 1)),
        ("title-of-a-row", |d| d["evidence"][0]["name"] = "卓越绩效".into()),
        ("form-of-a-row", |d| d["evidence"][0]["genre"] = "online".into()),
        ("provider-of-a-row", |d| super::edit(&mut d["evidence"][0]["description"], "甲质量", "丙质量")),
        ("days-of-a-row", |d| super::edit(&mut d["evidence"][0]["description"], "2026-03-06", "2026-03-07")),
        // The last values that step `form` lets pass.
        ("row-of-366-days", |d| super::edit(&mut d["evidence"][0]["description"], "2026-03-06", "2027-03-03")),
        ("row-at-index-65535", |d| super::edit(&mut d["evidence"][0]["narrative"], "2-0", "2-65535")),
        ("row-of-100-hours", |d| super::edit(&mut d["evidence"][0]["narrative"], "1.50", "100.00")),
        ("activity-of-100000", |d| super::edit(&mut d["evidence"][1]["description"], "人数 30", "人数 100000")),
        ("total-of-100000", |d| d["credentialSubject"]["result"][0]["value"] = "100000.00".into()),
        ("activities-1000", |d| d["credentialSubject"]["result"][1]["value"] = "1000".into()),
        ("reason-of-a-row", |d| super::edit(&mut d["evidence"][2]["description"], "见习", "参观")),
        ("time-of-a-row", |d| super::edit(&mut d["evidence"][0]["narrative"], "08:02:00.123Z", "08:01:00.123Z")),
        ("attestation-number-of-a-row", |d| super::edit(&mut d["evidence"][0]["narrative"], "2-0", "2-1")),
        ("commitment-of-a-row", |d| flip(&mut d["evidence"][0]["id"])),
        ("name-of-the-learner", |d| d["credentialSubject"]["name"] = "李蕾".into()),
        ("another-learner", |d| {
            d["credentialSubject"]["id"] = format!("urn:uuid:{}", uuid(0xa001)).into();
            d["credentialSubject"]["identifier"][0]["identityHash"] = uuid(0xa001).into();
        }),
        ("span-begins-too-late", |d| d["credentialSubject"]["activityStartDate"] = "2026-04-01T00:00:00+08:00".into()),
        ("span-ends-too-early", |d| d["credentialSubject"]["activityEndDate"] = "2026-09-14T00:00:00+08:00".into()),
        ("another-rulebook", |d| {
            super::edit(&mut d["credentialSubject"]["achievement"]["criteria"]["narrative"], "2026.1", "2025.1");
        }),
    ];
    for (name, change) in cases {
        let document = with(good.clone(), change);
        v.broken_issued("evidence", name, &issue(chain, &document, WHOLE, 1, &k.issuer));
    }
    let with_places = |places: &[(usize, usize)]| issue(chain, &good, places, 1, &k.issuer);
    let of = |left_out: &[(usize, usize)], added: &[(usize, usize)]| {
        let mut places: Places = WHOLE.iter().filter(|place| !left_out.contains(place)).chain(added).copied().collect();
        places.sort_unstable();
        with_places(&places)
    };
    v.broken_issued("evidence", "entry-dropped-from-the-bundle", &of(&[(2, 0)], &[]));
    v.broken_issued("evidence", "entry-of-a-namesake", &of(&[], &[(2, 5)]));
    v.broken_issued("evidence", "entry-of-another-learner", &of(&[], &[(2, 2)]));
    v.broken_issued("evidence", "key-entry-in-the-bundle", &of(&[], &[(1, 0)]));
    // What it says of a corrected entry, while the bundle holds the correction.
    let uncorrected = |places: &[(usize, usize)]| unsigned(&certificate(chain, places, 1), &k.issuer);
    let superseded = uncorrected(&[(2, 0), (2, 1), (2, 3), (2, 4), (2, 6), (3, 1)]);
    v.broken_issued("evidence", "superseded-entry-counted", &issue(chain, &superseded, WHOLE, 1, &k.issuer));
    let voided = uncorrected(&[(2, 0), (2, 1), (2, 3), (2, 4), (2, 6), (3, 0)]);
    v.broken_issued("evidence", "voided-entry-counted", &issue(chain, &voided, WHOLE, 1, &k.issuer));
    // The same with the correction left out of the bundle, which alone cannot tell.
    let hidden: &[(usize, usize)] = &[(2, 0), (2, 1)];
    let silent = issue(chain, &uncorrected(hidden), hidden, 1, &k.issuer);
    v.good_issued("certificate-correction-hidden", "a correction left out of the bundle", &silent)
        .hours(&[("李雷", HOURS)]);
    v.put("good/correction.proof.json", bytes(&chain.bundle(&[(3, 0)])));
    v.run(
        "that correction shown in another bundle",
        &[
            "good/certificate-correction-hidden.json",
            "good/certificate-correction-hidden.proof.json",
            "good/correction.proof.json",
        ],
        1,
        Some("in_force"),
    );
    v.run(
        "a correction of an entry that is superseded anyway",
        &[CERTIFICATE[0], CERTIFICATE[1], "good/correction.proof.json"],
        3,
        None,
    );
    let targetless: &[(usize, usize)] = &[(2, 0), (3, 0)];
    let one = unsigned(&certificate(chain, &[(2, 0)], 1), &k.issuer);
    v.broken_issued("evidence", "correction-without-its-target", &issue(chain, &one, targetless, 1, &k.issuer));
    let mut twice = chain.clone();
    let pdf = issued_entry(0x110, "pdf", &number(1), &sha256(b"a PDF"));
    twice.seal(vec![sign(&pdf, &[&k.issuer])]);
    let places: Places = WHOLE.iter().copied().chain([(4, 0)]).collect();
    v.broken_issued("evidence", "entry-of-a-pdf-in-the-bundle", &issue(&twice, &good, &places, 1, &k.issuer));
    let mut bad = chain.clone();
    let usurped = correction(0x111, R2, chain.item(2, 0), None);
    bad.seal(vec![sign(&usurped, &[&k.r2])]);
    let places: Places = WHOLE.iter().copied().chain([(4, 0)]).collect();
    v.broken_issued("evidence", "correction-that-does-not-hold", &issue(&bad, &good, &places, 1, &k.issuer));
}

fn not_in_force(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate) {
    let revoked = HourCertificate { number: number(20), index: REVOKED, ..whole.clone() };
    v.broken_issued("in_force", "revoked", &issue(chain, &unsigned(&revoked, &k.issuer), WHOLE, 20, &k.issuer));
    let mut without = |says: &str, index: u32, exit: u8, failed| {
        let certificate = HourCertificate { number: number(20 + index as u8), index, ..whole.clone() };
        let issued = issue(chain, &unsigned(&certificate, &k.issuer), WHOLE, 20 + index as u8, &k.issuer);
        let name = format!("certificate-index-{index}");
        let files = v.put_issued(&format!("good/{name}"), &issued);
        v.run(says, &[&files[0], &files[1]], exit, failed);
    };
    without("the first bit of the list", 0, 0, None);
    let last = HourCertificate { number: number(50), index: 131_071, ..whole.clone() };
    let last = issue(chain, &unsigned(&last, &k.issuer), WHOLE, 50, &k.issuer);
    v.good_issued("certificate-last-index", "the last bit of the list", &last);
    let set = signed_list(&list(1, FROM, UNTIL, 131_071), &k.issuer);
    v.put("good/status-last-bit.json", set);
    v.run(
        "the last bit of the list is set",
        &["good/certificate-last-index.json", "good/certificate-last-index.proof.json"],
        1,
        Some("in_force"),
    )
    .status(&["good/status-last-bit.json"]);
    // A correction after the certificate was issued.
    let void = correction(0x95, R1, chain.item(2, 0), None);
    let corrected =
        issue(chain, &unsigned(whole, &k.issuer), WHOLE, 1, &k.issuer).later(vec![vec![sign(&void, &[&k.r1])]]);
    v.put("good/corrected-later.proof.json", bytes(&corrected.chain.bundle(&[(5, 0)])));
    v.run(
        "an entry corrected later, as another bundle tells",
        &[CERTIFICATE[0], CERTIFICATE[1], "good/corrected-later.proof.json"],
        1,
        Some("in_force"),
    );
    v.put("good/status-newer-revoked.json", signed_list(&list(1, "2026-11-22T10:00:00.000Z", UNTIL, INDEX), &k.issuer));
    let newer = "good/status-newer-revoked.json";
    v.case("the newer of two lists has the bit set", &CERTIFICATE, 1, Some("in_force")).status(&[LIST, newer]).now(NOW);
    v.case("the same in another order", &CERTIFICATE, 1, Some("in_force")).status(&[newer, LIST]).now(NOW);
    v.run("asked before the newer list", &CERTIFICATE, 0, None).status(&[newer, LIST]).at("2026-11-22T09:00:00.000Z");
    v.put(
        "good/status-newest-clear.json",
        signed_list(&list(1, "2026-11-22T11:00:00.000Z", UNTIL, REVOKED), &k.issuer),
    );
    v.case("a still newer list has it clear", &CERTIFICATE, 0, None)
        .status(&[newer, "good/status-newest-clear.json", LIST])
        .now(NOW);
    v.case("a set bit and no bundle", &[CERTIFICATE[0], "good/issuer-key.proof.json"], 1, Some("in_force"))
        .status(&[newer])
        .now(NOW);
    v.put("good/issuer-key.proof.json", bytes(&chain.bundle(&[(1, 2)])));
}

fn lists(v: &mut Vectors, k: &Keys, chain: &Chain, whole: &HourCertificate) {
    let good = list(1, FROM, UNTIL, REVOKED);
    let document: Value = serde_json::from_slice(&signed_list(&good, &k.issuer)).unwrap();
    let plain = with(document.clone(), |d| drop(d.as_object_mut().unwrap().remove("proof")));
    let encoded = |bytes: &[u8]| {
        use base64::Engine as _;
        format!("u{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    };
    let gzip = |length: usize| {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; length]).unwrap();
        encoder.finish().unwrap()
    };
    let with_bits = |bits: String| with(plain.clone(), |d| d["credentialSubject"]["encodedList"] = bits.into());
    let forms: Vec<(&str, Value)> = vec![
        ("list-of-16383-bytes", with_bits(encoded(&gzip(16_383)))),
        ("list-of-16385-bytes", with_bits(encoded(&gzip(16_385)))),
        ("list-of-64-mib", with_bits(encoded(&gzip(64 << 20)))),
        ("list-with-bytes-after-the-end", with_bits(encoded(&[gzip(16_384), vec![0]].concat()))),
        ("list-of-two-members", with_bits(encoded(&[gzip(8_192), gzip(8_192)].concat()))),
        ("list-cut-short", with_bits(encoded(&gzip(16_384)[..20]))),
        ("list-padded", with_bits(format!("{}=", encoded(&gzip(16_384))))),
        ("list-not-compressed", with_bits(encoded(&vec![0; 16_384]))),
        ("list-ends-before-it-begins", with(plain.clone(), |d| d["validUntil"] = d["validFrom"].clone())),
        ("list-without-an-end", with(plain.clone(), |d| drop(d.as_object_mut().unwrap().remove("validUntil")))),
        ("list-to-suspend", with(plain.clone(), |d| d["credentialSubject"]["statusPurpose"] = "suspension".into())),
        (
            "list-of-number-0",
            with(plain.clone(), |d| {
                d["id"] = format!("{SITE}/status/0").into();
                d["credentialSubject"]["id"] = format!("{SITE}/status/0#list").into();
            }),
        ),
        (
            "list-of-number-1000001",
            with(plain.clone(), |d| {
                d["id"] = format!("{SITE}/status/1000001").into();
                d["credentialSubject"]["id"] = format!("{SITE}/status/1000001#list").into();
            }),
        ),
        ("list-by-the-did-of-another-site", with(plain.clone(), |d| d["issuer"] = "did:web:example.net".into())),
        (
            "list-with-a-context-more",
            with(plain.clone(), |d| {
                d["@context"].as_array_mut().unwrap().push("https://w3id.org/security/data-integrity/v2".into());
            }),
        ),
    ];
    for (name, document) in forms {
        v.with_list("broken", &format!("form-{name}"), bytes(&secured(&document, &k.issuer)), 1, Some("form"));
    }
    let cleared = changed(&document, |d| d["credentialSubject"]["encodedList"] = encoded(&gzip(16_384)).into());
    v.with_list("broken", "proof-list-cleared", cleared, 1, Some("proof"));
    let prolonged = changed(&document, |d| d["validUntil"] = "2027-11-22T08:00:00.000Z".into());
    v.with_list("broken", "proof-list-prolonged", prolonged, 1, Some("proof"));
    let later = list(1, "2026-11-22T12:00:00.001Z", UNTIL, INDEX);
    v.with_list("good", "status-of-the-future", signed_list(&later, &k.issuer), 3, None);
    v.with_list("good", "status-of-a-stranger", signed_list(&good, &k.stranger), 3, None);
    v.with_list("good", "status-of-another-issuer", signed_list(&good, &k.foreign), 3, None);
    v.with_list("good", "status-of-a-recorder", signed_list(&good, &k.r1), 3, None);
    v.with_list("good", "status-of-another-number", signed_list(&list(2, FROM, UNTIL, INDEX), &k.issuer), 3, None);
    v.with_list(
        "good",
        "status-without-end",
        signed_list(&list(1, "2026-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", REVOKED), &k.issuer),
        0,
        None,
    );
    v.case("the lists of two issuers", &CERTIFICATE, 0, None)
        .status(&["good/status-of-another-issuer.json", LIST])
        .now(NOW);
    // The key was compromised before the edition went on the chain.
    let file = signed_list(&list(1, FROM, UNTIL, 5), &k.issuer);
    let entry = listed_entry(0x96, 1, &sha256(&file));
    let revoke = with(end(0x97, "revoke", &k.issuer, AUTHORITY), |e| e["compromised_from"] = 6.into());
    let issued = issue(chain, &unsigned(whole, &k.issuer), WHOLE, 1, &k.issuer)
        .later(vec![vec![sign(&entry, &[&k.issuer])], vec![sign(&revoke, &[&k.authority])]]);
    v.put("good/status-before-compromise.json", file);
    v.put("good/status-before-compromise.proof.json", bytes(&issued.chain.bundle(&[(5, 0)])));
    v.good_issued(
        "certificate-list-before-compromise",
        "a list whose edition was on the chain before its key was compromised",
        &issued,
    );
    let case = v.cases.last_mut().unwrap();
    case.status = vec!["good/status-before-compromise.json".into()];
    case.files.push("good/status-before-compromise.proof.json".into());
    v.run(
        "a revoked key's list whose edition is not on the chain",
        &["good/certificate-list-before-compromise.json", "good/certificate-list-before-compromise.proof.json"],
        1,
        Some("issuer"),
    );
}

/// Longest broken PDF that is kept here, in bytes; what is larger is tried beside the reader.
const MAX_PDF_KEPT: usize = 100_000;

/// PDFs of our writer with a small certificate in them, and every way to break one.
fn pdfs(v: &mut Vectors, k: &Keys, chain: &Chain) {
    let only: &[(usize, usize)] = &[(2, 3)];
    let certificate = certificate(chain, only, 60);
    let issued = issue(chain, &unsigned(&certificate, &k.issuer), only, 60, &k.issuer);
    let (credential, bundle) = (issued.credential.clone(), bytes(&issued.bundle()));
    let pdf = written(&credential, &bundle);
    let english = edition("credit hours 0.00", "en", &credential, &bundle);
    assert_ne!(english, pdf);
    let printed = |number: u64, pdfs: &[&[u8]]| {
        let mut chain = issued.chain.clone();
        let entries =
            (number..).zip(pdfs).map(|(number, pdf)| issued_entry(number, "pdf", &self::number(60), &sha256(pdf)));
        chain.seal(entries.map(|entry| sign(&entry, &[&k.issuer])).collect());
        bytes(&chain.bundle(&(0..pdfs.len()).map(|index| (5, index)).collect::<Places>()))
    };
    let file = "good/certificate.pdf";
    v.put(file, pdf.clone());
    v.put("good/certificate.pdf.proof.json", printed(0x120, &[&pdf]));
    v.put("good/certificate-another.pdf.proof.json", printed(0x121, &[b"another edition"]));
    let hours = [("李雷", 0)];
    v.run("a PDF and the bundle of its digest", &[file, "good/certificate.pdf.proof.json"], 0, None).hours(&hours);
    let second = "good/certificate-en.pdf";
    v.put(second, english.clone());
    v.put("good/certificate-en.pdf.proof.json", printed(0x122, &[&english]));
    v.put("good/certificate-both.pdf.proof.json", printed(0x123, &[&pdf, &english]));
    v.run("the English edition and the bundle of its digest", &[second, "good/certificate-en.pdf.proof.json"], 0, None)
        .hours(&hours);
    v.run(
        "the English edition and the bundle of the Chinese one",
        &[second, "good/certificate.pdf.proof.json"],
        3,
        None,
    );
    let both = [file, second, "good/certificate-both.pdf.proof.json"];
    v.run("both editions, whose hours count once", &both, 0, None).hours(&hours);
    v.run("a PDF without the bundle of its digest", &[file], 3, None).hours(&hours);
    v.run("a PDF and the bundle of another PDF", &[file, "good/certificate-another.pdf.proof.json"], 3, None);
    // Each certificate here was sealed in a block 4 of its own: the operator showed two chains.
    v.run("a PDF and a certificate of another chain", &[file, CERTIFICATE[0], CERTIFICATE[1]], 1, Some("one_chain"));
    v.case("a PDF and no list", &[file, "good/certificate.pdf.proof.json"], 3, None).now(NOW);
    v.run("a PDF without a policy", &[file, "good/certificate.pdf.proof.json"], 3, None).policy(None);
    v.run("the bundle of a PDF alone", &["good/certificate.pdf.proof.json"], 0, None).hours(&[]);
    v.put("good/certificate-in-pdf.json", credential.clone());
    v.put("good/certificate-in-pdf.proof.json", bundle.clone());
    let all =
        [file, "good/certificate.pdf.proof.json", "good/certificate-in-pdf.json", "good/certificate-in-pdf.proof.json"];
    v.run("a PDF beside the files that are in it", &all, 0, None).hours(&hours);

    let tampered = String::from_utf8(credential.clone()).unwrap().replace("某某制造", "另外制造").into_bytes();
    let attached: [(&'static str, &str, Vec<u8>); 4] = [
        ("proof", "pdf-holds-a-changed-certificate", written(&tampered, &bundle)),
        ("form", "pdf-holds-them-the-wrong-way-round", written(&bundle, &credential)),
        ("form", "pdf-holds-no-certificate", written(b"{}", &bundle)),
        ("form", "pdf-holds-no-bundle", written(&credential, b"{}")),
    ];
    for (step, name, pdf) in attached {
        v.broken_pdf(step, name, pdf);
    }
    let another = written(&credential, &v.files[CERTIFICATE[1]].clone());
    v.put("good/certificate-with-another-bundle.pdf", another);
    v.run("a PDF that holds another certificate's bundle", &["good/certificate-with-another-bundle.pdf"], 3, None);
    let revoked = HourCertificate { index: REVOKED, ..certificate };
    let revoked = issue(chain, &unsigned(&revoked, &k.issuer), only, 60, &k.issuer);
    v.broken_pdf("in_force", "pdf-revoked", written(&revoked.credential, &bytes(&revoked.bundle())));
    for (name, broken) in breaks(&pdf) {
        if broken.starts_with(b"%PDF-") && broken.len() <= MAX_PDF_KEPT {
            v.broken_pdf("form", &format!("pdf-{}", name.replace([' ', '/'], "-").replace(',', "")), broken);
        }
    }
}
