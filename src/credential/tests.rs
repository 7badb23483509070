//! Certificates and lists as a whole: written, signed, read back, changed.

use serde_json::{Value, json};

use super::context::Contexts;
use super::flat::Terms;
use super::testing::{certificate, key, row, status_list};
use super::{CredentialError, HourCertificate, HourCredential, RowForm, SignedStatusList, proof, rows};
use crate::ledger::json as rules;
use crate::ledger::testing::{BUNDLE, never_panics};
use crate::ledger::verify::{FileKind, ProvenEntry, Question, verify_file};
use crate::standard::StudyForm;

#[test]
fn what_is_signed_reads_back_and_both_proofs_hold() {
    let minimal = HourCertificate {
        employer: None,
        id_number: None,
        rows: vec![row(1, RowForm::Activity)],
        site: "http://127.0.0.1:8080".parse().unwrap(),
        ..certificate()
    };
    let only_id = HourCertificate { employer: None, ..certificate() };
    for certificate in [certificate(), minimal, only_id] {
        let bytes = certificate.sign(&key()).unwrap();
        let read = HourCredential::from_bytes(&bytes).unwrap();
        assert_eq!(*read.certificate(), certificate);
        assert!(read.adds_up());
        assert_eq!(*read.key(), key().verifying_key());
        assert_eq!((read.verify_jcs(), read.verify_rdfc()), (Ok(()), Ok(())));
    }
    let list = status_list();
    let read = SignedStatusList::from_bytes(&list.sign(&key()).unwrap()).unwrap();
    assert_eq!(*read.list(), list);
    assert_eq!((read.verify_jcs(), read.verify_rdfc()), (Ok(()), Ok(())));
}

#[test]
fn the_document_is_that_of_the_formats() {
    let value: Value = serde_json::from_slice(&certificate().sign(&key()).unwrap()).unwrap();
    for (pointer, expected) in [
        ("/id", "https://ledger.example.cn/v/XS-2026-340100-7K3M9QX2AB-4"),
        ("/issuer/id", "did:web:ledger.example.cn"),
        ("/credentialStatus/id", "https://ledger.example.cn/status/3#94567"),
        ("/credentialSubject/activityEndDate", "2026-12-31T00:00:00+08:00"),
        ("/credentialSubject/result/0/value", "6.35"),
        ("/credentialSubject/result/1/value", "1"),
        (
            "/credentialSubject/achievement/criteria/narrative",
            "1 学时 = 45 分钟（规则 2026.1）。所列学时自上链时间起未被篡改；不证明其内容属实。",
        ),
        ("/evidence/0/description", "课程 QM-0；培训机构 甲；形式说明 乙；培训机构；2026-03-02 至 2026-03-06"),
        ("/evidence/0/narrative", "1.25 学时；上链时间 2026-03-07T01:02:03.004Z；存证编号 1042-0"),
        (
            "/evidence/0/id",
            "urn:cqo-ledger:ledger.example.cn%2Fcqo%3A1~a:df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119",
        ),
        (
            "/evidence/4/description",
            "课程 QM-4；培训机构 甲；形式说明 乙；培训机构；2026-03-02 至 2026-03-06；形式说明 现场；形式说明 观摩",
        ),
        ("/evidence/5/genre", "activity"),
        ("/evidence/5/description", "培训机构 甲；形式说明 乙；培训机构；2026-03-02；参加人数 30"),
        ("/evidence/5/narrative", "组织培训活动 1 次；上链时间 2026-03-07T01:02:03.004Z；存证编号 1042-5"),
        ("/proof/0/created", "2026-11-22T08:00:00.123Z"),
        ("/proof/1/cryptosuite", "eddsa-rdfc-2022"),
    ] {
        assert_eq!(value.pointer(pointer), Some(&expected.into()), "{pointer}");
    }
}

/// Every value that is no object and no array, by its JSON pointer.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| leaves(item, &format!("{at}/{i}"), found)),
        Value::Object(members) => members.iter().for_each(|(name, item)| {
            leaves(item, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => found.push(at.to_owned()),
    }
}

fn changes(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Bool(value) => vec![(!value).into()],
        Value::String(text) => {
            let mut last = text.clone();
            let swapped = if last.pop() == Some('1') { '2' } else { '1' };
            last.push(swapped);
            vec![format!("{text}x").into(), last.into()]
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_change_of_any_field_breaks_both_proofs_each_by_itself() {
    for bytes in [certificate().sign(&key()).unwrap(), status_list().sign(&key()).unwrap()] {
        let signed: Value = serde_json::from_slice(&bytes).unwrap();
        let mut pointers = Vec::new();
        leaves(&signed, "", &mut pointers);
        assert!(pointers.len() > 20);
        for pointer in &pointers {
            for change in changes(signed.pointer(pointer).unwrap()) {
                let mut changed = signed.clone();
                *changed.pointer_mut(pointer).unwrap() = change;
                let bytes = rules::canonical(&changed);
                let holds = HourCredential::from_bytes(&bytes)
                    .is_ok_and(|c| c.verify_jcs().and(c.verify_rdfc()).is_ok())
                    || SignedStatusList::from_bytes(&bytes).is_ok_and(|l| l.verify_jcs().and(l.verify_rdfc()).is_ok());
                assert!(!holds, "{pointer}");
                let proofs = changed.as_object_mut().unwrap().remove("proof").unwrap();
                for (i, proof) in proofs.as_array().unwrap().iter().enumerate() {
                    if pointer.starts_with("/proof/") && !pointer.starts_with(&format!("/proof/{i}/")) {
                        continue;
                    }
                    let checked = proof::verify(Contexts::PINNED, &changed, proof, &key().verifying_key());
                    assert!(checked.is_err(), "{pointer} {}", proof["cryptosuite"]);
                }
            }
        }
    }
}

#[test]
fn another_key_of_the_same_form_does_not_verify() {
    let other = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
    let mut signed: Value = serde_json::from_slice(&certificate().sign(&key()).unwrap()).unwrap();
    let method =
        super::Did::of(&certificate().site, &other.verifying_key()).verification_method(&other.verifying_key());
    for i in 0..2 {
        signed["proof"][i]["verificationMethod"] = method.clone().into();
    }
    let read = HourCredential::from_bytes(&rules::canonical(&signed)).unwrap();
    assert!(read.verify_jcs().is_err() && read.verify_rdfc().is_err());
}

/// The names of the bad fields after a change of the signed document.
fn bad_fields(change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_slice(&certificate().sign(&key()).unwrap()).unwrap();
    change(&mut value);
    names(HourCredential::from_bytes(&rules::canonical(&value)).map(|_| ()))
}

fn names(read: Result<(), CredentialError>) -> String {
    match read {
        Err(CredentialError::Fields(errors)) => {
            let mut names: Vec<String> = errors.0.iter().map(|e| format!("{} {}", e.field, e.problem.code())).collect();
            names.sort();
            names.join(", ")
        }
        other => format!("{other:?}"),
    }
}

/// Sets the value at a JSON pointer.
fn set(pointer: &'static str, new: impl Into<Value>) -> impl FnOnce(&mut Value) {
    let new = new.into();
    move |value| *value.pointer_mut(pointer).unwrap() = new
}

#[test]
fn every_bad_field_has_its_name() {
    let long = "长".repeat(201);
    for (pointer, new, expected) in [
        ("/@context/1", json!("https://example.org/"), "@context form"),
        ("/type", json!(["OpenBadgeCredential", "VerifiableCredential"]), "type form"),
        ("/name", json!("证书"), "name form"),
        ("/validFrom", json!("2026-11-22T08:00:00Z"), "validFrom form"),
        ("/validFrom", json!("2026-11-22T08:00:00.124Z"), "proof[0].created mismatch, proof[1].created mismatch"),
        ("/id", json!("https://ledger.example.cn/v/XS-2026-340100-7K3M9QX2AB-5"), "id form"),
        ("/id", json!("https://ledger.example.cn/x/v/XS-2026-340100-7K3M9QX2AB-4"), "id form"),
        (
            "/id",
            json!("http://ledger.example.cn/v/XS-2026-340100-7K3M9QX2AB-4"),
            "credentialStatus.statusListCredential form, issuer.id mismatch",
        ),
        ("/issuer/otherIdentifier/0/identifier", json!("91110000600037341L"), "id mismatch"),
        (
            "/issuer/id",
            json!("did:web:other.example.cn"),
            "proof[0].verificationMethod form, proof[1].verificationMethod form",
        ),
        ("/issuer/name", json!(long), "issuer.name length"),
        (
            "/issuer/otherIdentifier/0/identifier",
            json!("91110000600037341X"),
            "issuer.otherIdentifier[0].identifier form",
        ),
        ("/issuer/otherIdentifier", json!([]), "issuer.otherIdentifier length"),
        ("/issuer/type", json!("Profile"), "issuer.type form"),
        ("/credentialSubject/name", json!(" 李雷"), "credentialSubject.name space_at_edge"),
        ("/credentialSubject/name", json!("李\u{200b}雷"), "credentialSubject.name text"),
        ("/credentialSubject/id", json!("urn:uuid:019A0B1C-2d3e-7f40-8a5b-00000000000a"), "credentialSubject.id form"),
        (
            "/credentialSubject/id",
            json!("urn:uuid:019a0b1c-2d3e-7f40-8a5b-00000000000b"),
            "credentialSubject.identifier[0].identityHash mismatch",
        ),
        ("/credentialSubject/identifier/0/hashed", json!(true), "credentialSubject.identifier[0].hashed form"),
        (
            "/credentialSubject/identifier/0/identityType",
            json!("ext:employer"),
            "credentialSubject.identifier[0].identityType choice",
        ),
        (
            "/credentialSubject/identifier/2/identityType",
            json!("ext:employer"),
            "credentialSubject.identifier[2].identityType choice",
        ),
        (
            "/credentialSubject/identifier/2/identityHash",
            json!("34010019900101123X"),
            "credentialSubject.identifier[2].identityHash form",
        ),
        ("/credentialSubject/activityStartDate", json!("2026-01-01"), "credentialSubject.activityStartDate form"),
        (
            "/credentialSubject/activityEndDate",
            json!("2025-12-31T00:00:00+08:00"),
            "credentialSubject.activityEndDate mismatch",
        ),
        ("/credentialSubject/result/0/value", json!("6.3"), "credentialSubject.result[0].value form"),
        ("/credentialSubject/result/0/value", json!("100000.01"), "credentialSubject.result[0].value form"),
        ("/credentialSubject/result/1/value", json!("1001"), "credentialSubject.result[1].value form"),
        ("/credentialSubject/result/1/value", json!("01"), "credentialSubject.result[1].value form"),
        ("/credentialSubject/result/1/value", json!(1), "credentialSubject.result[1].value type"),
        ("/credentialSubject/achievement/name", json!("证书"), "credentialSubject.achievement.name form"),
        (
            "/credentialSubject/achievement/humanCode",
            json!("XS-2026-340100-7K3M9QX2AC-3"),
            "credentialSubject.achievement.humanCode mismatch",
        ),
        (
            "/credentialSubject/achievement/criteria/narrative",
            json!("1 学时 = 045 分钟（规则 2026.1）。所列学时自上链时间起未被篡改；不证明其内容属实。"),
            "credentialSubject.achievement.criteria.narrative form",
        ),
        ("/evidence", json!([]), "evidence length"),
        ("/evidence/0", json!("x"), "evidence[0] type"),
        ("/evidence/0/genre", json!("reading"), "evidence[0].genre choice"),
        ("/evidence/0/genre", json!("activity"), "evidence[0].description form, evidence[0].narrative form"),
        ("/evidence/0/genre", json!("other"), "evidence[0].description form"),
        (
            "/evidence/0/description",
            json!("课程 QM 0；培训机构 甲；2026-03-02 至 2026-03-06"),
            "evidence[0].description form",
        ),
        (
            "/evidence/0/description",
            json!("课程 QM-0；培训机构 甲；2026-03-02 至 2026-03-01"),
            "evidence[0].description form",
        ),
        (
            "/evidence/0/description",
            json!("课程 QM-0；培训机构 甲；2025-01-01 至 2026-01-03"),
            "evidence[0].description form",
        ),
        ("/evidence/5/description", json!("培训机构 甲；2026-03-02；参加人数 0"), "evidence[5].description form"),
        ("/evidence/5/description", json!("培训机构 甲；2026-03-02；参加人数 100001"), "evidence[5].description form"),
        (
            "/evidence/5/narrative",
            json!("组织培训活动 1 次；上链时间 2026-03-07T01:02:03.004Z；存证编号 1042-65536"),
            "evidence[5].narrative form",
        ),
        (
            "/evidence/0/narrative",
            json!("0.00 学时；上链时间 2026-03-07T01:02:03.004Z；存证编号 1042-0"),
            "evidence[0].narrative form",
        ),
        (
            "/evidence/0/narrative",
            json!("1.25 学时；上链时间 2026-03-07T01:02:03.004Z；存证编号 1042-00"),
            "evidence[0].narrative form",
        ),
        ("/credentialStatus/id", json!("https://ledger.example.cn/status/3#94568"), "credentialStatus.id form"),
        ("/credentialStatus/statusListIndex", json!("131072"), "credentialStatus.statusListIndex range"),
        (
            "/credentialStatus/statusListCredential",
            json!("https://ledger.example.cn/status/03"),
            "credentialStatus.statusListCredential form",
        ),
        ("/credentialStatus/statusPurpose", json!("suspension"), "credentialStatus.statusPurpose form"),
        ("/proof", json!([]), "proof length"),
        ("/proof/0/proofValue", json!("z111"), "proof[0].proofValue form"),
        ("/proof/1/cryptosuite", json!("eddsa-jcs-2022"), "proof[1].cryptosuite form"),
        ("/proof/1/verificationMethod", json!("did:web:ledger.example.cn#z6Mk"), "proof[1].verificationMethod form"),
    ] {
        assert_eq!(bad_fields(set(pointer, new.clone())), expected, "{pointer} {new}");
    }
    let together = bad_fields(|value| {
        value["extra"] = 1.into();
        value["evidence"][1]["hours"] = 1.into();
        value["proof"][1]["@context"] = value["@context"].clone();
        value["evidence"][2]["id"] = value["evidence"][1]["id"].clone();
        value["evidence"][3]["id"] = format!("urn:cqo-ledger:other:{}", "a".repeat(64)).into();
        value["credentialSubject"].as_object_mut().unwrap().remove("identifier");
    });
    assert_eq!(
        together,
        "credentialSubject.identifier missing, evidence[1].hours unknown, evidence[2].id mismatch, evidence[3].id mismatch, \
         extra unknown, proof[1].@context unknown"
    );
}

#[test]
fn a_weak_key_and_two_keys_are_refused() {
    // The identity of the curve: every signature by it could be made by anybody.
    let weak = bs58::encode([&[0xed, 1, 1][..], &[0; 31]].concat()).into_string();
    let both = bad_fields(|value| {
        for i in 0..2 {
            value["proof"][i]["verificationMethod"] = format!("did:web:ledger.example.cn#z{weak}").into();
        }
    });
    assert_eq!(both, "proof[0].verificationMethod form, proof[1].verificationMethod form");
    let other = super::multikey(&ed25519_dalek::SigningKey::from_bytes(&[8; 32]).verifying_key());
    let two = bad_fields(set("/proof/1/verificationMethod", format!("did:web:ledger.example.cn#{other}")));
    assert_eq!(two, "proof mismatch");
}

/// The year of a number begins at 16:00 UTC.
#[test]
fn the_year_of_a_number_is_that_of_the_day_of_issue() {
    for (issued, expected) in [
        ("2025-12-31T15:59:59.999Z", "id mismatch"),
        ("2025-12-31T16:00:00.000Z", "Ok(())"),
        ("2026-12-31T15:59:59.999Z", "Ok(())"),
        ("2026-12-31T16:00:00.000Z", "id mismatch"),
        ("9999-12-31T16:00:00.000Z", "id mismatch"),
    ] {
        let certificate = HourCertificate { issued: issued.parse().unwrap(), ..certificate() };
        assert_eq!(names(certificate.sign(&key()).map(|_| ())), expected, "{issued}");
    }
}

/// What is just within the limits is read.
#[test]
fn the_greatest_that_may_stand_there_is_read() {
    for (pointer, new) in [
        ("/credentialSubject/activityEndDate", "2026-01-01T00:00:00+08:00"),
        ("/credentialSubject/result/0/value", "100000.00"),
        ("/credentialSubject/result/1/value", "1000"),
        ("/evidence/0/description", "课程 QM-0；培训机构 甲；2025-01-01 至 2026-01-02"),
        ("/evidence/0/narrative", "100.00 学时；上链时间 2026-03-07T01:02:03.004Z；存证编号 9007199254740991-65535"),
        ("/evidence/5/description", "培训机构 甲；2026-03-02；参加人数 100000"),
    ] {
        assert_eq!(bad_fields(set(pointer, new)), "Ok(())", "{pointer} {new}");
    }
}

#[test]
fn what_could_not_be_read_back_is_not_signed() {
    let good = certificate();
    for (bad, expected) in [
        (HourCertificate { rows: Vec::new(), ..good.clone() }, "evidence length"),
        (HourCertificate { minutes: 0, ..good.clone() }, "credentialSubject.achievement.criteria.narrative form"),
        (HourCertificate { index: 131_072, ..good.clone() }, "credentialStatus.statusListIndex range"),
        (HourCertificate { list: 0, ..good.clone() }, "credentialStatus.statusListCredential form"),
        (HourCertificate { number: "XS-2025-340100-7K3M9QX2AB-H".parse().unwrap(), ..good.clone() }, "id mismatch"),
        (
            HourCertificate { span: (good.span.1, good.span.0), ..good.clone() },
            "credentialSubject.activityEndDate mismatch",
        ),
        (
            HourCertificate { employer: Some(String::new()), ..good.clone() },
            "credentialSubject.identifier[1].identityHash length",
        ),
    ] {
        assert_eq!(names(bad.sign(&key()).map(|_| ())), expected);
    }
    let mut without_reason = good;
    without_reason.rows[4].form_reason = None;
    assert_eq!(names(without_reason.sign(&key()).map(|_| ())), "evidence[4].description form");
    let mut list = status_list();
    list.valid_until = list.valid_from;
    assert_eq!(names(list.sign(&key()).map(|_| ())), "validUntil mismatch");
}

/// Both canonical forms of a signed document's proofs, as a JSON-LD processor has them: those that are signed must be these.
fn check_own_form(bytes: &[u8]) {
    let mut document: Value = serde_json::from_slice(bytes).unwrap();
    let proofs = document.as_object_mut().unwrap().remove("proof").unwrap();
    let mut config = proofs[1].clone();
    config.as_object_mut().unwrap().remove("proofValue");
    config["@context"] = document["@context"].clone();
    let own = Terms::of_document(&document).and_then(|terms| terms.canonical_quads(&document));
    assert_eq!(own, Some(Contexts::PINNED.document(&document).unwrap()));
    let own = Terms::of_proof(&config).and_then(|terms| terms.canonical_quads(&config));
    assert_eq!(own, Some(Contexts::PINNED.proof(&config).unwrap()));
}

#[test]
fn the_quads_of_our_own_documents_are_those_of_a_processor() {
    let one = |change: fn(&mut HourCertificate)| {
        let mut certificate = certificate();
        change(&mut certificate);
        certificate.sign(&key()).unwrap()
    };
    for bytes in [
        one(|_| {}),
        one(|certificate| certificate.employer = None),
        one(|certificate| certificate.id_number = None),
        one(|certificate| certificate.site = "http://localhost:1".parse().unwrap()),
        one(|certificate| certificate.learner.name = "\"<>\\ _:b @id https://example.org/".into()),
        status_list().sign(&key()).unwrap(),
    ] {
        check_own_form(&bytes);
    }
}

/// Certificates with drawn texts, rows, and parts left out.
#[test]
fn the_quads_of_drawn_certificates_are_those_of_a_processor() {
    bolero::check!().with_iterations(60).with_type::<([String; 4], [u32; 8], u8, u8)>().for_each(
        |(texts, numbers, length, parts)| {
            let text = |i: usize| {
                let fit = texts[i].chars().filter(|c| *c != '\u{2028}').take(40).collect::<String>();
                format!("名{fit}")
            };
            let mut drawn = certificate();
            (drawn.learner.name, drawn.issuer.name) = (text(0), text(1));
            drawn.employer = (parts & 1 == 0).then(|| text(2));
            drawn.id_number = drawn.id_number.filter(|_| parts & 2 == 0);
            drawn.index = numbers[0] % 131_072;
            let forms = || StudyForm::ALL.iter().map(|form| RowForm::Study(*form)).chain([RowForm::Activity]).cycle();
            drawn.rows = (numbers[1] / 2..)
                .zip(forms().skip(usize::from(*parts)))
                .take(usize::from(length % 9))
                .map(|(i, form)| row(i % 1_000, form))
                .collect();
            for drawn_row in &mut drawn.rows {
                drawn_row.title = text(3);
            }
            // Whether it could be signed is not asked here: its form is the same either way.
            let document = drawn.to_value(&key().verifying_key());
            let own = Terms::of_document(&document).and_then(|terms| terms.canonical_quads(&document));
            assert_eq!(own, Some(Contexts::PINNED.document(&document).unwrap()));
        },
    );
}

/// A document that is not quite ours: what is said of it without a processor is what a processor says, or nothing.
#[test]
fn of_other_documents_nothing_wrong_is_said() {
    let good = certificate().to_value(&key().verifying_key());
    for (pointer, name, new, answers) in [
        ("/credentialSubject", "name", json!("a\u{7f}\u{1}\u{fffe}\n\t\r\u{8}\u{c}"), true),
        ("/credentialSubject", "name", json!(["乙", "甲", "乙"]), true),
        ("/evidence/1", "id", good["evidence"][0]["id"].clone(), true),
        ("", "evidence", json!([]), true),
        ("/evidence/1", "id", json!("urn:a/../b"), false),
        ("/evidence/1", "id", json!("urn:../b"), false),
        ("/evidence/1", "id", json!("name:b"), false),
        ("/evidence/1", "id", json!("_:b"), false),
        ("/evidence/1", "id", json!("a b"), false),
        ("/evidence/1", "id", json!(["urn:b"]), false),
        ("/evidence/1", "name", json!(1), false),
        ("/evidence/1", "name", json!(true), false),
        ("/evidence/1", "name", json!(null), false),
        ("/evidence/1", "name", json!([["x"]]), false),
        ("/evidence/1", "name", json!({}), false),
        ("/evidence/1", "name", json!({"@context": null}), false),
        ("/evidence/1", "name", json!({"@value": "x"}), false),
        ("/evidence/1", "hours", json!("1.25"), false),
        ("/evidence/1", "type", json!("id"), false),
        ("/evidence/1", "type", json!("https://example.org/Seen"), false),
        ("", "@context", json!([super::context::OPEN_BADGES_V3]), false),
        ("", "@context", json!(super::context::CREDENTIALS_V2), false),
        // Two blank nodes that nothing tells apart but their neighbours.
        ("/credentialSubject", "identifier", json!([{"type": "IdentityObject"}, {"type": "IdentityObject"}]), false),
    ] {
        let mut document = good.clone();
        document.pointer_mut(pointer).unwrap()[name] = new.clone();
        let own = Terms::of_document(&document).and_then(|terms| terms.canonical_quads(&document));
        assert_eq!(own.is_some(), answers, "{pointer} {name} {new}");
        if own.is_some() {
            assert_eq!(own, Contexts::PINNED.document(&document).ok(), "{pointer} {name} {new}");
        }
        assert_eq!(Contexts::Own.document(&document), Contexts::PINNED.document(&document), "{pointer} {name} {new}");
    }
}

/// The largest certificate is within the limits of what is read.
#[test]
fn a_thousand_rows_fit() {
    let mut large = certificate();
    large.rows = (0..1_000).map(|i| row(i, RowForm::Study(StudyForm::Other))).collect();
    let bytes = large.sign(&key()).unwrap();
    let read = HourCredential::from_bytes(&bytes).unwrap();
    assert_eq!((read.verify_jcs(), read.verify_rdfc()), (Ok(()), Ok(())));
    large.rows.push(row(1_000, RowForm::Activity));
    assert_eq!(names(large.sign(&key()).map(|_| ())), "evidence length");
}

#[test]
fn rows_are_what_the_entries_say_in_the_end() {
    let report = verify_file(FileKind::Proof, BUNDLE, Question::default());
    let mut register = crate::ledger::keys::KeyRegister::default();
    for element in crate::ledger::bundle::Bundle::from_bytes(BUNDLE).unwrap().keys {
        register.push(&element).unwrap();
    }
    let of = |name: &str| -> Vec<ProvenEntry> {
        let said =
            |entry: &&ProvenEntry| entry.signed.entry().learner().is_some_and(|learner| name.contains(&learner.name));
        report.entries.iter().filter(said).cloned().collect()
    };
    let shown = |entries: &[ProvenEntry]| {
        let rows = rows(entries, &register)?;
        Ok::<_, crate::ledger::verify::Message>(
            rows.iter().map(|row| row.attestation_number()).collect::<Vec<_>>().join(" "),
        )
    };
    // Superseded twice, voided, and one as it was.
    assert_eq!(shown(&of("李雷 李磊")).unwrap(), "3-3 4-0");
    assert_eq!(shown(&of("韩梅梅")).unwrap(), "2-2 2-4");
    let row = &rows(&of("韩梅梅"), &register).unwrap()[1];
    assert_eq!((row.form, row.provider.as_str()), (RowForm::Activity, "某某质量协会"));
    let mut without_target = of("李雷 李磊");
    without_target.remove(0);
    assert!(shown(&without_target).unwrap_err().en.contains("the target of correction"));
    assert!(shown(&report.entries).unwrap_err().en.contains("is no study, activity or correction entry"));
}

#[test]
fn arbitrary_bytes_are_read_or_refused() {
    let good = certificate().sign(&key()).unwrap();
    never_panics(&good, |bytes| {
        if let Ok(read) = HourCredential::from_bytes(bytes) {
            let mut again = read.certificate().to_value(read.key());
            let value: Value = serde_json::from_slice(bytes).unwrap();
            again["proof"] = value["proof"].clone();
            again["credentialSubject"]["result"] = value["credentialSubject"]["result"].clone();
            assert_eq!(rules::canonical(&again), bytes);
        }
    });
    never_panics(&status_list().sign(&key()).unwrap(), |bytes| {
        let _ = SignedStatusList::from_bytes(bytes);
    });
}
