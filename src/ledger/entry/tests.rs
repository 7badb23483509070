//! Every field of an entry at its bounds, and every kind read back from what it writes.

use super::super::testing::{
    activity, add_key, all_kinds, issued, list, read_entry, revocation, revoke_key, study, supersede, void, with,
};
use super::*;

type Change = fn(&mut Value);

/// Each change of a good entry, with the bad fields that it must leave; none where the entry stays good.
fn check(good: &Value, cases: &[(Change, &str)]) {
    for (change, expected) in cases {
        let value = with(good.clone(), change);
        let found = read_entry(value.clone()).map(|entry| assert_eq!(entry.to_value(), value)).err();
        assert_eq!(found.unwrap_or_default(), *expected, "{value}");
    }
}

#[test]
fn members_of_every_entry() {
    check(
        &study(),
        &[
            (|_| (), ""),
            (|e| e["id"] = "019a0b1c-2d3e-4f40-8a5b-000000000001".into(), "id form"),
            (|e| e["id"] = "019a0b1c-2d3e-7f40-ca5b-000000000001".into(), "id form"),
            (|e| e["id"] = "019A0B1C-2D3E-7F40-8A5B-000000000001".into(), "id form"),
            (|e| e["id"] = "019a0b1c2d3e7f408a5b000000000001".into(), "id form"),
            (|e| e["id"] = 1.into(), "id type"),
            (|e| e["ledger"] = "a".into(), ""),
            (|e| e["ledger"] = "a".repeat(200).into(), ""),
            (|e| e["ledger"] = "a".repeat(201).into(), "ledger form"),
            (|e| e["ledger"] = "example.org/".into(), "ledger form"),
            (|e| e["ledger"] = "Example.org".into(), "ledger form"),
            (|e| e["ledger"] = "".into(), "ledger form"),
            (|e| e["recorder"] = "91110000MA0000000J".into(), "recorder form"),
            (|e| e["recorder"] = "91A10000MA0000000H".into(), "recorder form"),
            (|e| e["rulebook"] = "2026.999".into(), ""),
            (|e| e["rulebook"] = "2026.1000".into(), "rulebook form"),
            (|e| e["rulebook"] = "2026.01".into(), "rulebook form"),
            (|e| e["kind"] = "exam".into(), "kind choice"),
            (|e| e["extra"] = 1.into(), "extra unknown"),
            (|e| drop(e.as_object_mut().unwrap().remove("recorder")), "recorder missing"),
            (|e| *e = json!([]), "document type"),
        ],
    );
}

#[test]
fn study_entries() {
    check(
        &study(),
        &[
            (|e| e["hours"] = 1.into(), ""),
            (|e| e["hours"] = 10_000.into(), ""),
            (|e| e["hours"] = 0.into(), "hours range"),
            (|e| e["hours"] = 10_001.into(), "hours range"),
            (|e| e["hours"] = (-1).into(), "hours range"),
            (|e| e["hours"] = "1".into(), "hours type"),
            (|e| e["completes"] = false.into(), ""),
            (|e| e["completes"] = 1.into(), "completes type"),
            (|e| e["course"]["code"] = "A".repeat(64).into(), ""),
            (|e| e["course"]["code"] = "A".repeat(65).into(), "course.code form"),
            (|e| e["course"]["code"] = "a b".into(), "course.code form"),
            (|e| e["course"]["title"] = "质".repeat(200).into(), ""),
            (|e| e["course"]["title"] = "质".repeat(201).into(), "course.title length"),
            (|e| e["course"]["title"] = "".into(), "course.title length"),
            (|e| e["course"]["x"] = 1.into(), "course.x unknown"),
            (|e| e["evidence"] = json!([]), ""),
            (|e| e["evidence"] = (0..20).map(|i| format!("{i:064x}")).collect(), ""),
            (|e| e["evidence"] = (0..21).map(|i| format!("{i:064x}")).collect(), "evidence length"),
            (|e| e["evidence"] = json!(["2".repeat(64), "1".repeat(64)]), "evidence not_ascending"),
            (|e| e["evidence"] = json!(["1".repeat(64), "1".repeat(64)]), "evidence not_ascending"),
            (|e| e["evidence"][1] = "F".repeat(64).into(), "evidence[1] form"),
            (|e| e["form"] = "tv".into(), "form choice"),
            (|e| e["form_reason"] = "现场".into(), "form_reason not_allowed_here"),
            (|e| e["form"] = "other".into(), "form_reason missing"),
            (|e| e["reviewed_by"] = "clerk".into(), ""),
            (|e| e["reviewed_by"] = "supervisor".into(), ""),
            (|e| e["reviewed_by"] = "expert".into(), "reviewed_by choice"),
            (|e| e["reviewed_by"] = "Clerk".into(), "reviewed_by choice"),
            (|e| e["reviewed_by"] = Value::Null, "reviewed_by type"),
            (|e| e["reviewed_by"] = json!(["clerk"]), "reviewed_by type"),
        ],
    );
    let other = with(study(), |e| {
        e["form"] = "other".into();
        e["form_reason"] = "现场".into();
    });
    check(&other, &[(|_| (), ""), (|e| e["form_reason"] = " x".into(), "form_reason space_at_edge")]);
}

#[test]
fn days_of_study() {
    for (first, last, expected) in [
        ("2026-03-02", "2026-03-02", ""),
        ("2026-03-02", "2027-03-03", ""),
        ("2026-03-02", "2027-03-04", "last_day mismatch"),
        ("2026-03-02", "2026-03-01", "last_day mismatch"),
        ("2024-02-29", "2025-03-01", ""),
        ("1900-01-01", "1900-01-01", ""),
        ("2199-12-31", "2199-12-31", ""),
        ("1899-12-31", "1900-01-01", "first_day form"),
        ("2199-12-31", "2200-01-01", "last_day form"),
        ("2025-02-29", "2025-03-01", "first_day form"),
    ] {
        let value = with(study(), |e| {
            e["first_day"] = first.into();
            e["last_day"] = last.into();
        });
        assert_eq!(read_entry(value).err().unwrap_or_default(), expected, "{first} {last}");
    }
}

#[test]
fn names() {
    let refused = [
        ("", "length"),
        (" 李雷", "space_at_edge"),
        ("李雷\u{3000}", "space_at_edge"),
        ("李\u{200b}雷", "text"),
        ("李\u{200d}雷", "text"),
        ("李\u{202e}雷", "text"),
        ("李\u{feff}雷", "text"),
        ("李\u{ad}雷", "text"),
        ("李\n雷", "text"),
        ("\u{e0041}", "text"),
        ("\u{fdd0}", "text"),
        ("\u{10ffff}", "text"),
        ("e\u{301}", "text"),
    ];
    for name in ["李雷", "𠮷田𬭎", "阿依古丽·买买提", "O'Neil", "é"] {
        let value = with(study(), |e| e["learner"]["name"] = name.into());
        assert_eq!(read_entry(value).unwrap().learner().unwrap().name, name);
    }
    for (name, code) in refused {
        let value = with(study(), |e| e["learner"]["name"] = name.into());
        assert_eq!(read_entry(value), Err(format!("learner.name {code}")), "{name:?}");
    }
    for (length, good) in [(100, true), (101, false)] {
        let value = with(study(), |e| e["learner"]["name"] = "𠮷".repeat(length).into());
        assert_eq!(read_entry(value).is_ok(), good, "{length} characters");
    }
}

#[test]
fn activity_entries() {
    check(
        &activity(),
        &[
            (|_| (), ""),
            (|e| e["attendees"] = 100_000.into(), ""),
            (|e| e["attendees"] = 100_001.into(), "attendees range"),
            (|e| e["attendees"] = 0.into(), "attendees range"),
            (|e| e["attendees_digest"] = "a".repeat(63).into(), "attendees_digest form"),
            (|e| e["date"] = "2026-9-15".into(), "date form"),
            (|e| e["topic"] = "".into(), "topic length"),
            (|e| e["reviewed_by"] = "clerk".into(), ""),
            (|e| e["reviewed_by"] = "".into(), "reviewed_by choice"),
            (|e| e["reviewed_by"] = 1.into(), "reviewed_by type"),
            (|e| e["hours"] = 1.into(), "hours unknown"),
        ],
    );
}

#[test]
fn correction_entries() {
    check(
        &void(),
        &[
            (|_| (), ""),
            (|e| e["replacement"] = json!({}), "replacement not_allowed_here"),
            (|e| e["action"] = "supersede".into(), "replacement missing"),
            (|e| e["action"] = "undo".into(), "action choice"),
            (|e| e["reason"] = "mood".into(), "reason choice"),
            (|e| e["target"]["commitment"] = "c".into(), "target.commitment form"),
            (|e| e["target"]["x"] = 1.into(), "target.x unknown"),
            (|e| e["reviewed_by"] = "clerk".into(), "reviewed_by unknown"),
        ],
    );
    check(
        &supersede(),
        &[
            (|_| (), ""),
            (|e| e["replacement"]["kind"] = "key".into(), "replacement.kind choice"),
            (|e| e["replacement"]["hours"] = 0.into(), "replacement.hours range"),
            (|e| e["replacement"]["learner"] = 0.into(), "replacement.learner unknown"),
            (|e| e["replacement"]["course"]["code"] = "".into(), "replacement.course.code form"),
            (|e| e["replacement"]["reviewed_by"] = "supervisor".into(), ""),
            (|e| e["replacement"]["reviewed_by"] = "auditor".into(), "replacement.reviewed_by choice"),
            (|e| e["replacement"]["reviewed_by"] = true.into(), "replacement.reviewed_by type"),
            (|e| e["reviewed_by"] = "clerk".into(), "reviewed_by unknown"),
        ],
    );
}

#[test]
fn key_entries() {
    check(
        &add_key(),
        &[
            (|_| (), ""),
            (|e| e["key"]["public"] = "ab".repeat(31).into(), "key.public form"),
            (|e| e["key"]["public"] = "ab".repeat(33).into(), "key.public form"),
            (|e| e["key"]["public"] = "AB".repeat(32).into(), "key.public form"),
            (|e| e["key"] = json!({"alg": "ML-DSA-44", "public": "ab".repeat(256)}), ""),
            (|e| e["key"] = json!({"alg": "ML-DSA-44", "public": "ab".repeat(257)}), "key.public form"),
            (|e| e["key"]["alg"] = "a b".into(), "key.alg form"),
            (|e| e["kinds"] = json!([]), "kinds mismatch"),
            (|e| e["kinds"] = json!(["key"]), "kinds mismatch"),
            (|e| e["kinds"] = json!(["study", "activity"]), "kinds not_ascending"),
            (|e| e["kinds"] = json!(["activity", "correction", "study"]), ""),
            (|e| e["role"] = "receipt".into(), "kinds mismatch"),
            (|e| e["role"] = "boss".into(), "role choice"),
            (|e| e["owner"]["name"] = "".into(), "owner.name length"),
            (|e| e["reason"] = "lost".into(), "reason unknown"),
        ],
    );
    check(
        &revoke_key(),
        &[
            (|_| (), ""),
            (|e| e["compromised_from"] = 9_007_199_254_740_991_u64.into(), ""),
            (|e| e["compromised_from"] = 9_007_199_254_740_992_u64.into(), "compromised_from range"),
            (|e| e["action"] = "retire".into(), "compromised_from unknown"),
            (|e| e["reason"] = "mood".into(), "reason choice"),
            (|e| e["target"] = "d".into(), "target form"),
        ],
    );
}

#[test]
fn certificate_entries() {
    check(
        &issued(),
        &[
            (|_| (), ""),
            (|e| e["document"] = "pdf".into(), ""),
            (|e| e["document"] = "paper".into(), "document choice"),
            (|e| e["number"] = "XS-2026-340100-7K3M9QX2AB-5".into(), "number form"),
            (|e| e["sha256"] = "E".repeat(64).into(), "sha256 form"),
            (|e| e["learner"] = json!({}), "learner unknown"),
            (|e| e["reviewed_by"] = "clerk".into(), "reviewed_by unknown"),
            (|e| drop(e.as_object_mut().unwrap().remove("sha256")), "sha256 missing"),
        ],
    );
}

#[test]
fn status_entries() {
    check(
        &list(),
        &[
            (|_| (), ""),
            (|e| e["list"] = 1_000_000.into(), ""),
            (|e| e["list"] = 1_000_001.into(), "list range"),
            (|e| e["list"] = 0.into(), "list range"),
            (|e| e["sha256"] = "e".into(), "sha256 form"),
            (|e| e["action"] = "suspend".into(), "action choice, list unknown, sha256 unknown"),
            (|e| e["number"] = "XS-2026-340100-7K3M9QX2AB-4".into(), "number unknown"),
        ],
    );
    check(
        &revocation(),
        &[
            (|_| (), ""),
            (|e| e["reason"] = "corrected".into(), ""),
            (|e| e["reason"] = "mood".into(), "reason choice"),
            (|e| e["number"] = 4.into(), "number type"),
            (|e| e["list"] = 1.into(), "list unknown"),
        ],
    );
}

#[test]
fn all_bad_fields_are_reported_together() {
    let value = with(study(), |e| {
        e["id"] = 1.into();
        e["hours"] = 0.into();
        e["learner"]["name"] = "".into();
        e["course"] = json!({"code": "a b"});
        e["extra"] = 1.into();
    });
    let expected = "course.code form, course.title missing, extra unknown, hours range, id type, learner.name length";
    assert_eq!(read_entry(value), Err(expected.into()));
}

#[test]
fn reading_and_writing_are_inverse() {
    for value in all_kinds() {
        assert_eq!(read_entry(value.clone()).unwrap().to_value(), value);
    }
    bolero::check!().with_iterations(1_000).with_type::<(u8, String, u32, bool)>().for_each(
        |(kind, text, number, flag)| {
            let kinds = all_kinds();
            let value = with(kinds[usize::from(*kind) % kinds.len()].clone(), |e| {
                for (name, new) in [("topic", json!(text)), ("hours", json!(number)), ("completes", json!(flag))] {
                    if e.get(name).is_some() {
                        e[name] = new;
                    }
                }
            });
            if let Ok(entry) = read_entry(value.clone()) {
                assert_eq!(entry.to_value(), value);
            }
        },
    );
}
