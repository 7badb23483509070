//! The languages held against each other, and the catalogues against their uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

const CHINESE: Words = Words::new(Language::Chinese);
const ENGLISH: Words = Words::new(Language::English);

/// The names of a catalogue's variables, by key. A message begins at the start of a line and goes on in indented ones.
fn messages(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut messages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut open = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            assert!(messages.insert(key, BTreeSet::new()).is_none(), "{key} is there twice");
            open = key;
        }
        let names = line
            .split('$')
            .skip(1)
            .map(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).next().unwrap_or_default());
        messages.entry(open).or_default().extend(names);
    }
    messages.remove("");
    messages
}

/// The files below a directory of the repository with one of these endings.
fn files(dir: &str, ending: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().ends_with(ending) && !is_of_tests(&path) {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

fn is_of_tests(path: &Path) -> bool {
    ["tests", "gallery"].contains(&path.file_stem().unwrap().to_str().unwrap())
}

/// What is between double quotes in code, tests and comments left out.
fn literals(code: &str) -> BTreeSet<String> {
    let code: String = code
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    code.replace("\\\"", "").replace("'\"'", "").split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The parts of a template that are code.
fn code_of(template: &str) -> String {
    let mut code = String::new();
    for (opens, closes) in [("{{", "}}"), ("{%", "%}")] {
        let inside = template.split(opens).skip(1).filter_map(|part| part.split_once(closes));
        code.extend(inside.map(|(inside, _)| format!("{inside}\n")));
    }
    code
}

/// Every text between quotes in the portal's code and templates, with the file that has it.
fn uses() -> Vec<(String, String)> {
    let code = files("src/web/portal", ".rs");
    let templates = files("templates/portal", ".html").into_iter().map(|(path, text)| (path, code_of(&text)));
    let all = code.into_iter().chain(templates);
    all.flat_map(|(path, text)| literals(&text).into_iter().map(move |literal| (path.clone(), literal))).collect()
}

/// Whether a text has the shape of a key: `subject-thing`.
fn is_key(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.split_once('-').is_some_and(|(subject, thing)| {
        SUBJECTS.iter().any(|known| known.name == subject) && !thing.is_empty() && thing.chars().all(fits)
    })
}

#[test]
fn the_catalogues_can_be_read_and_every_file_is_one_of_them() {
    for subject in &SUBJECTS {
        for text in [subject.chinese, subject.english] {
            if let Err((_, errors)) = FluentResource::try_new(text.to_owned()) {
                panic!("{}: {errors:?}", subject.name);
            }
            for key in messages(text).keys() {
                assert!(key.starts_with(&format!("{}-", subject.name)), "{key} is not of {}", subject.name);
            }
        }
    }
    for language in ["zh-CN", "en"] {
        let names: BTreeSet<String> = files(&format!("locales/{language}"), "")
            .iter()
            .map(|(path, _)| Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, SUBJECTS.iter().map(|subject| subject.name.to_owned()).collect(), "{language}");
    }
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_variables() {
    for subject in &SUBJECTS {
        let [chinese, english] = [messages(subject.chinese), messages(subject.english)];
        for key in chinese.keys().chain(english.keys()) {
            assert_eq!(chinese.get(key), english.get(key), "{key}: Chinese left, English right");
        }
    }
}

#[test]
fn every_key_that_is_used_exists_and_every_key_that_exists_is_used() {
    let known: BTreeSet<&str> = SUBJECTS.iter().flat_map(|subject| messages(subject.chinese).into_keys()).collect();
    let uses = uses();
    assert!(uses.len() > 50, "only {} texts were found: is the test looking in the right place?", uses.len());
    for (path, text) in &uses {
        assert!(!is_key(text) || known.contains(text.as_str()), "{path}: no catalogue has {text}");
    }
    let mut used: BTreeSet<String> = uses.into_iter().map(|(_, text)| text).collect();
    for (begins, ends) in BUILT {
        used.extend(ends.iter().map(|end| format!("{begins}{end}")));
    }
    let idle: Vec<&&str> = known.iter().filter(|key| !used.contains(**key)).collect();
    assert!(idle.is_empty(), "nobody uses {idle:?}");
}

#[test]
fn no_page_has_words_of_its_own() {
    let chinese = |text: &str| {
        text.chars().any(|c| ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c))
    };
    for (path, text) in files("templates/portal", ".html") {
        assert!(!chinese(&text), "{path}");
    }
    for (path, text) in files("src/web/portal", ".rs") {
        for literal in literals(&text) {
            assert!(!chinese(&literal), "{path}: {literal}");
        }
    }
}

#[test]
fn days_hours_and_numbers_are_written_as_the_language_writes_them() {
    let day = |text: &str| text.parse::<Day>().unwrap();
    let hours = |hundredths| CreditHours::from_hundredths(hundredths);
    for (hundredths, expected) in
        [(0, "0"), (50, "0.5"), (150, "1.5"), (1_000, "10"), (1_005, "10.05"), (12_345_670, "123,456.7")]
    {
        assert_eq!(CHINESE.hours(hours(hundredths)), expected);
    }
    assert_eq!(CHINESE.hours_and_unit(hours(150)), "1.5 学时");
    assert_eq!(ENGLISH.hours_and_unit(hours(100)), "1 credit hour");
    assert_eq!(ENGLISH.hours_and_unit(hours(150)), "1.5 credit hours");
    assert_eq!(CHINESE.day(day("2026-11-07")), "2026年11月7日");
    assert_eq!(ENGLISH.day(day("2026-11-27")), "27 November 2026");
    for (first, last, chinese, english) in [
        ("2026-11-07", "2026-11-07", "2026年11月7日", "7 November 2026"),
        ("2026-11-07", "2026-11-08", "2026年11月7日至8日", "7 to 8 November 2026"),
        ("2026-11-30", "2026-12-01", "2026年11月30日至12月1日", "30 November to 1 December 2026"),
        ("2025-11-07", "2026-11-07", "2025年11月7日至2026年11月7日", "7 November 2025 to 7 November 2026"),
    ] {
        let days = |words: Words| words.days(day(first), day(last));
        assert_eq!([CHINESE, ENGLISH].map(days), [chinese, english]);
    }
    let instant = |text: &str| text.parse::<UnixMillis>().unwrap();
    assert_eq!(CHINESE.instant(instant("2026-11-27T16:04:59.999Z")), "2026年11月28日 00:04");
    assert_eq!(ENGLISH.instant(instant("2026-11-27T08:04:00.000Z")), "27 November 2026, 16:04");
    for (number, expected) in [(0_u64, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(ENGLISH.number(number), expected);
    }
    assert_eq!(grouped("-1234.5".into()), "-1,234.5");
}

#[test]
fn a_missing_key_is_shown_in_brackets() {
    assert_eq!(CHINESE.say("layout-of-nobody"), "[layout-of-nobody]");
    assert_eq!(ENGLISH.with1("nothing", "n", 1_u64), "[nothing]");
}
