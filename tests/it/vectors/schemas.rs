//! The schemas of proofs/schemas against the vectors: they accept whatever is good, and refuse what they can see.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{directory, on_disk, python};

/// What is wrong in a way that no schema can see: calendar, order, what two members say together, bytes and points.
const BLIND: &[&str] = &[
    "certificate-did-key-of-a-domain",
    "certificate-did-of-another-site",
    "certificate-entries-of-two-ledgers",
    "certificate-entry-doubled",
    "certificate-learner-twice",
    "certificate-list-of-another-site",
    "certificate-member-twice",
    "certificate-name-right-to-left",
    "certificate-number-after-every-year",
    "certificate-number-of-another-region",
    "certificate-number-of-another-year",
    "certificate-over-1-mib",
    "certificate-row-at-a-height-beyond-the-integers",
    "certificate-row-ends-before-it-begins",
    "certificate-row-of-367-days",
    "certificate-span-ends-before-it-begins",
    "certificate-two-numbers",
    "certificate-with-a-newline",
    "list-by-the-did-of-another-site",
    "list-cut-short",
    "list-ends-before-it-begins",
    "list-not-compressed",
    "list-of-16383-bytes",
    "list-of-16385-bytes",
    "list-of-64-mib",
    "list-of-two-members",
    "list-with-bytes-after-the-end",
    "proof-key-is-weak",
    "proof-of-another-day",
    "proof-value-cut-short",
    "proofs-by-two-keys",
];

/// The schema of a file: of the three that are files by themselves.
fn schema_of(text: &str) -> &'static str {
    if text.contains("\"OpenBadgeCredential\"") {
        "certificate"
    } else if text.contains("\"BitstringStatusListCredential\"") {
        "status"
    } else {
        "proof"
    }
}

/// What the schemas say of files: the first thing wrong, or null.
fn judged(files: &[(&'static str, String)]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let asked: Vec<Value> = files.iter().map(|(schema, name)| json!([schema, directory().join(name)])).collect();
    let mut child = python()
        .arg(root.join("tests/it/schemas.py"))
        .arg(root.join("proofs/schemas"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&asked).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_schemas_accept_what_is_good_and_refuse_what_they_can_see() {
    let files: Vec<(&'static str, String)> = ["good", "broken"]
        .iter()
        .flat_map(|folder| on_disk(&directory().join(folder)).into_iter().map(move |name| format!("{folder}/{name}")))
        .filter(|name| name.ends_with(".json"))
        .filter_map(|name| {
            let text = std::fs::read_to_string(directory().join(&name)).ok()?;
            serde_json::from_str::<Value>(&text).ok().map(|_| (schema_of(&text), name))
        })
        .collect();
    let (mut wrong, mut blind) = (Vec::new(), Vec::new());
    for ((schema, name), problem) in files.iter().zip(judged(&files)) {
        let form = name.strip_prefix("broken/form-").and_then(|name| name.strip_suffix(".json"));
        match form.filter(|_| *schema != "proof") {
            Some(form) if problem.is_null() => blind.push(form),
            // The good, and what is well formed and wrong in another step.
            None if (*schema != "proof" || name.starts_with("good/")) && !problem.is_null() => {
                wrong.push(format!("{name}: {problem}"));
            }
            _ => (),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    blind.sort_unstable();
    assert_eq!(blind, BLIND);
    for schema in ["certificate", "status", "proof"] {
        assert!(files.iter().filter(|(known, _)| *known == schema).count() > 20, "{schema}");
    }
}
