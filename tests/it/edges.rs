//! The direction of the imports: what docs/ARCHITECTURE.md draws, read off the source.

use std::path::{Path, PathBuf};

/// Each module, and the modules it may use. Nothing points up.
const ALLOWED: &[(&str, &[&str])] = &[
    ("merkle", &[]),
    ("standard", &[]),
    ("ledger", &["merkle", "standard"]),
    ("credential", &["ledger", "standard", "merkle"]),
    ("document", &["credential", "ledger", "standard", "merkle"]),
    ("store", &["merkle"]),
    ("service", &["store", "document", "credential", "ledger", "standard", "merkle"]),
    ("web", &["service", "credential", "ledger", "standard", "merkle"]),
    ("cli", &["web", "service", "store", "document", "credential", "ledger", "standard", "merkle"]),
    // Whoever checks a file must not need the server's code.
    ("cli/verify.rs", &["credential", "ledger", "standard", "merkle"]),
    ("cli/audit", &["ledger", "standard", "merkle"]),
];

/// What does no input or output, and knows no clock.
const PURE: &[&str] = &["merkle", "standard", "ledger", "credential"];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "stdin()",
    "stdout()",
    "stderr()",
    "std::time::",
    "std::thread",
    "tokio::",
    "getrandom::",
    "now_v7",
];

#[test]
fn no_import_points_the_wrong_way() {
    let modules: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).filter(|name| !name.contains('/')).collect();
    let mut seen = 0;
    for (path, text) in sources() {
        let Some((module, allowed)) = rule(&path) else { continue };
        assert!(!text.contains("crate::{"), "{path}: one module a line, so that this test can read it");
        for used in modules.iter().filter(|used| **used != module && text.contains(&format!("crate::{used}"))) {
            seen += 1;
            assert!(allowed.contains(used), "{path} must not use `{used}`");
        }
    }
    assert!(seen > 20, "only {seen} imports were found: is the test looking in the right place?");
}

#[test]
fn the_pure_modules_do_no_input_or_output() {
    for (path, text) in sources() {
        let Some((module, _)) = rule(&path) else { continue };
        if PURE.contains(&module) {
            // Tests may read vectors.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in IMPURE {
                assert!(!text.contains(word), "{path} must not use {word}");
            }
        }
    }
}

/// The module of a file and the rule for it: the most particular one.
fn rule(path: &str) -> Option<(&'static str, &'static [&'static str])> {
    let found = ALLOWED.iter().filter(|(name, _)| path.starts_with(name)).max_by_key(|(name, _)| name.len())?;
    Some((found.0.split('/').next()?, found.1))
}

/// Every source file below `src`, as a path from there, without its comment lines.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                files.push((path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), code.join("\n")));
            }
        }
    }
    files
}
