//! How fast certificates are printed: PDFs a second on one core, after the first, and their size.
//!
//! Run with `cargo bench --bench paper`.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on says so")]

use std::time::{Duration, Instant};

use cqo_ledger::document::{Fonts, Language, hour_certificate};

#[path = "../examples/paper/specimen.rs"]
mod specimen;

/// How long each kind is printed.
const TIME: Duration = Duration::from_secs(3);
/// The sizes of a credential of eight rows and of its proof bundle, about.
const CREDENTIAL: usize = 6_000;
const PROOF: usize = 30_000;

fn main() {
    let start = Instant::now();
    let fonts = Fonts::load(None).unwrap();
    println!("fonts read in {} ms", start.elapsed().as_millis());
    println!("| certificate | PDFs a second and core | ms each | KiB |\n|---|---|---|---|");
    let (credential, proof) = (attachment(CREDENTIAL), attachment(PROOF));
    for (name, language, certificate) in [
        ("1 row", Language::Chinese, specimen::certificate(1, "欧阳翚")),
        ("8 rows", Language::Chinese, specimen::certificate(8, "欧阳翚")),
        ("8 rows, rare characters", Language::Chinese, specimen::certificate(8, "欧阳㛃𬭎")),
        ("8 rows, English edition", Language::English, specimen::certificate(8, "欧阳翚")),
        ("6 rows, Latin letters only", Language::English, specimen::latin(6)),
        ("everything as long as it may be", Language::Chinese, specimen::long()),
        ("40 rows", Language::Chinese, specimen::certificate(40, "欧阳翚")),
        ("1,000 rows", Language::Chinese, specimen::certificate(1_000, "欧阳翚")),
    ] {
        let print = || hour_certificate(&fonts, language, &certificate, &credential, &proof).unwrap().len();
        let size = print();
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < TIME {
            print();
            count += 1;
        }
        let each = start.elapsed().as_secs_f64() / f64::from(count);
        println!("| {name} | {:.0} | {:.2} | {} |", 1.0 / each, 1_000.0 * each, size / 1_024);
    }
}

/// Bytes that compress about as well as JSON full of digests.
fn attachment(size: usize) -> Vec<u8> {
    (0_u64..)
        .flat_map(|at| format!("{{\"hash\":\"{:016x}\"}}", at.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes())
        .take(size)
        .collect()
}
