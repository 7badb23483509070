//! Certificates on paper, read by other people's programs: qpdf, poppler, and a decoder of QR codes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cqo_ledger::credential::HourCertificate;
use cqo_ledger::document::{Fonts, Language, hour_certificate};
use cqo_ledger::merkle::Hash;

use super::server::{stderr, stdout, text};

#[path = "../../examples/paper/specimen.rs"]
mod specimen;

const CREDENTIAL: &[u8] = "{\"specimen\":\"credential 凭证\"}".as_bytes();
const PROOF: &[u8] = &[b'p'; 70_000];

/// Runs a program; one that is missing is a failure, not a test left out.
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: run `./dev test`, which installs it"));
    assert!(output.status.success(), "{program} {args:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

static FONTS: LazyLock<Fonts> = LazyLock::new(|| Fonts::load(None).unwrap());

fn print(language: Language, certificate: &HourCertificate) -> Vec<u8> {
    hour_certificate(&FONTS, language, certificate, CREDENTIAL, PROOF).unwrap()
}

/// Prints a certificate into a file of a directory of its own.
fn printed(dir: &Path, language: Language, certificate: &HourCertificate) -> PathBuf {
    let path = dir.join("certificate.pdf");
    std::fs::write(&path, print(language, certificate)).unwrap();
    path
}

/// Text as a reader copies it, without the spaces and line ends that the layout puts in.
fn copied(path: &Path) -> String {
    run("pdftotext", &["-raw", text(path), "-"]).split_whitespace().collect()
}

#[test]
fn a_certificate_is_a_sound_pdf_with_embedded_fonts_and_both_files_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    for language in [Language::Chinese, Language::English] {
        let path = printed(dir.path(), language, &specimen::certificate(40, "欧阳㛃𬭎𫠠"));
        run("qpdf", &["--check", text(&path)]);
        let fonts = run("pdffonts", &[text(&path)]);
        let rows: Vec<&str> = fonts.lines().skip(2).collect();
        assert!(rows.len() >= 3, "{fonts}");
        assert!(rows.iter().all(|row| row.contains(" yes yes yes ")), "embedded, a subset, with Unicode: {fonts}");
        let info = run("pdfinfo", &[text(&path)]);
        for says in ["Tagged:          yes", "(A4)", "JavaScript:      no", "PDF version:     1.7"] {
            assert!(info.contains(says), "{says}: {info}");
        }
        assert!(run("pdfdetach", &["-list", text(&path)]).starts_with("2 embedded files"));
        run("pdfdetach", &["-saveall", "-o", text(dir.path()), text(&path)]);
        assert_eq!(std::fs::read(dir.path().join("credential.json")).unwrap(), CREDENTIAL);
        assert_eq!(std::fs::read(dir.path().join("proof.json")).unwrap(), PROOF);
        let marks = std::fs::read(&path).unwrap();
        let count = |mark: &[u8]| marks.windows(mark.len()).filter(|window| *window == mark).count();
        assert_eq!(["startxref", "%%EOF", "/Prev ", "/ObjStm"].map(|mark| count(mark.as_bytes())), [1, 1, 0, 0]);
        for mark in ["pdfaid:part>3", "pdfaid:conformance>A", "pdfuaid:part>1"] {
            assert_eq!(count(mark.as_bytes()), 1, "{mark}");
        }
    }
}

#[test]
fn what_is_printed_can_be_copied_in_reading_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = printed(dir.path(), Language::Chinese, &specimen::certificate(8, "欧阳㛃𬭎𫠠"));
    let copied = copied(&path);
    let mut rest = copied.as_str();
    for part in [
        "首席质量官培训学时证明",
        "兹证明欧阳㛃𬭎𫠠（证件号码：4*************1234），所在组织：示范精密制造（深圳）有限公司，于2026年9月1日至2026年10月26日",
        "合计66.00学时",
        "培训机构：示范质量培训中心",
        "《质量强国建设纲要》解读与企业落实",
        "签发机构",
        "示范市质量协会",
        "https://cqo.example.cn/v/XS-2026-340100-7K3M9QX2AB-4",
        "1学时=45分钟",
        "上链后未被篡改，不证明内容属实",
    ] {
        let part: String = part.split_whitespace().collect();
        let at = rest.find(&part).unwrap_or_else(|| panic!("{part} is not in what follows: {rest}"));
        rest = &rest[at + part.len()..];
    }
    for claim in ["考核合格", "认证", "附录C"] {
        assert!(!copied.contains(claim), "{claim}");
    }
}

#[test]
fn every_page_has_the_number_and_repeats_the_head() {
    let dir = tempfile::tempdir().unwrap();
    for (language, rows, pages, head, last) in [
        (Language::Chinese, 1, 1..=1, "存证编号", "第1页/共1页"),
        (Language::Chinese, 9, 1..=1, "存证编号", "第1页/共1页"),
        (Language::English, 9, 1..=1, "Creditho", "Page1of1"),
        (Language::Chinese, 40, 2..=3, "存证编号", "页/共"),
        (Language::English, 40, 2..=3, "Creditho", "Page1of"),
        (Language::Chinese, 1_000, 36..=60, "存证编号", "第1页/共"),
    ] {
        let path = printed(dir.path(), language, &specimen::certificate(rows, "欧阳翚"));
        let output = run("pdftotext", &["-raw", text(&path), "-"]);
        let each: Vec<String> =
            output.split_terminator('\u{c}').map(|page| page.split_whitespace().collect()).collect();
        assert!(pages.contains(&each.len()), "{rows} rows on {} pages", each.len());
        assert!(each.concat().contains(last), "{last}");
        for page in &each {
            assert!(page.contains("XS-2026-340100-7K3M9QX2AB-4") && page.contains(head), "{page}");
        }
    }
}

#[test]
fn a_phone_reads_the_code_of_short_and_long_addresses() {
    let dir = tempfile::tempdir().unwrap();
    for (rows, host) in [(8, 0), (1, 40), (1, 90), (1, 130), (1, 165)] {
        let mut certificate = specimen::certificate(rows, "欧阳翚");
        if host > 0 {
            let labels = ["quality-ledger-of-training-hours."; 6].concat();
            certificate.site = format!("https://{}.cn", &labels[..host].trim_end_matches(['.', '-'])).parse().unwrap();
        }
        let path = printed(dir.path(), Language::Chinese, &certificate);
        let prefix = dir.path().join("page");
        // What a phone is held over: the lower part of the page, inside the ornament, at 300 dots an inch.
        let part = ["-x", "220", "-y", "2100", "-W", "2040", "-H", "1180"];
        run("pdftoppm", &[&["-r", "300", "-gray", "-singlefile"], &part[..], &[text(&path), text(&prefix)]].concat());
        let (width, height, pixels) = grey(&std::fs::read(dir.path().join("page.pgm")).unwrap());
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
        let read = |grid: &rqrr::Grid<_>| grid.decode().map_or_else(|error| error.to_string(), |(_, content)| content);
        let codes: Vec<String> = image.detect_grids().iter().map(read).collect();
        let address = certificate.site.certificate_url(&certificate.number);
        let says = format!("{address}#{}", Hash::of(&[CREDENTIAL]));
        assert!(codes.contains(&says), "an address of {} characters: {codes:?}, not {says}", address.len());
    }
}

/// The size and the pixels of a binary PGM file.
fn grey(file: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut parts = file.splitn(4, |byte| byte.is_ascii_whitespace());
    let mut part = || std::str::from_utf8(parts.next().unwrap()).unwrap().to_owned();
    assert_eq!(part(), "P5");
    let (width, height): (usize, usize) = (part().parse().unwrap(), part().parse().unwrap());
    (width, height, file[file.len() - width * height..].to_vec())
}

#[test]
fn whatever_is_long_wraps_inside_the_frame() {
    let dir = tempfile::tempdir().unwrap();
    let kinds = [specimen::long(), specimen::latin(6)];
    for (language, certificate) in
        [Language::Chinese, Language::English].iter().flat_map(|language| kinds.iter().map(|each| (*language, each)))
    {
        let path = printed(dir.path(), language, certificate);
        let boxes = run("pdftotext", &["-bbox", text(&path), "-"]);
        let edge = |word: &str, name: &str| -> f32 {
            let (_, rest) = word.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let words: Vec<&str> = boxes.lines().filter(|line| line.contains("<word ")).collect();
        assert!(words.len() > 50, "{}", words.len());
        for word in words {
            assert!(edge(word, "xMin") > 60.0 && edge(word, "xMax") < 536.0 && edge(word, "yMax") < 796.0, "{word}");
        }
    }
}

#[test]
fn the_same_certificate_gives_the_same_bytes_in_every_process() {
    let certificate = specimen::certificate(40, "欧阳㛃𬭎");
    let first = print(Language::Chinese, &certificate);
    assert!(first == print(Language::Chinese, &certificate), "twice in one process");
    if let Some(path) = std::env::var_os("CQO_PRINT_TO") {
        std::fs::write(path, &first).unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other.pdf");
    let name = "paper::the_same_certificate_gives_the_same_bytes_in_every_process";
    let ran =
        Command::new(std::env::current_exe().unwrap()).args([name, "--exact"]).env("CQO_PRINT_TO", &other).output();
    assert!(ran.unwrap().status.success());
    assert!(first == std::fs::read(&other).unwrap(), "in another process");
    assert!(first != print(Language::English, &certificate), "the editions differ");
}

#[test]
fn a_character_that_no_font_has_is_named() {
    for name in ["欧阳㛃", "𬭎", "王𫖯䶮", "𠮷田", "𫠠", "阿不都热西提·艾力", "O’Connor"] {
        assert_eq!(FONTS.covers(name), Ok(()), "{name}");
    }
    for character in ['\u{1E900}', '\u{E000}', '\u{F0000}'] {
        let certificate = specimen::certificate(1, &format!("王{character}"));
        let error = hour_certificate(&FONTS, Language::Chinese, &certificate, CREDENTIAL, PROOF);
        let error = error.map(|pdf| pdf.len()).unwrap_err();
        let code = format!("U+{:04X}", u32::from(character));
        assert!(error.to_string().contains(&code) && error.zh().contains(&code), "{error} {}", error.zh());
        assert_eq!(FONTS.covers(&certificate.learner.name).unwrap_err().character, character);
    }
}
