//! Writes specimen certificates as PDF, to look at: `cargo run --example paper -- target/specimens`.

#![allow(clippy::unwrap_used, reason = "an example that cannot go on says so")]

use std::path::PathBuf;

use cqo_ledger::document::{Fonts, Language, hour_certificate};

mod specimen;

const CREDENTIAL: &[u8] = br#"{"specimen":"credential"}"#;
const PROOF: &[u8] = br#"{"specimen":"proof"}"#;

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/specimens".to_owned()));
    std::fs::create_dir_all(&directory).unwrap();
    let fonts = Fonts::load(None).unwrap();
    for (name, certificate) in [
        ("one", specimen::certificate(1, "王𫖯䶮𫠠")),
        ("eight", specimen::certificate(8, "欧阳㛃𬭎")),
        ("nine", specimen::certificate(9, "欧阳翚")),
        ("forty", specimen::certificate(40, "欧阳翚")),
        ("thousand", specimen::certificate(1_000, "欧阳翚")),
        ("latin", specimen::latin(6)),
        ("long", specimen::long()),
    ] {
        for (edition, language) in [("zh", Language::Chinese), ("en", Language::English)] {
            let pdf = hour_certificate(&fonts, language, &certificate, CREDENTIAL, PROOF).unwrap();
            std::fs::write(directory.join(format!("{name}.{edition}.pdf")), pdf).unwrap();
        }
    }
}
