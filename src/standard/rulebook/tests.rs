//! What a rulebook accepts, what it says of what it refuses, and that its keys, its file and its types agree.

use std::collections::BTreeSet;

use super::*;
use crate::standard::CreditHours;

/// The head of an edition, which is not among [`KEYS`].
const HEAD: [&str; 3] = ["version", "effective_from", "title"];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The embedded text with one line replaced, which must be there once.
fn with(line: &str, replacement: &str) -> String {
    let (line, replacement) = (format!("\n{line}\n"), format!("\n{replacement}\n"));
    assert_eq!(EMBEDDED.matches(&line).count(), 1, "{line}");
    EMBEDDED.replace(&line, &replacement)
}

/// The embedded text, and a second edition like it with this version and date.
fn two_editions(version: &str, effective_from: &str) -> String {
    let second = EMBEDDED
        .replace("\"2026.1\"", &format!("\"{version}\""))
        .replace("\"2026-01-01\"", &format!("\"{effective_from}\""));
    format!("{EMBEDDED}\n{second}")
}

/// The line of the only place where this text begins a line.
fn line_of(start: &str, text: &str) -> usize {
    let lines: Vec<_> = (1..).zip(text.lines()).filter(|(_, line)| line.starts_with(start)).collect();
    assert_eq!(lines.len(), 1, "{start}");
    lines[0].0
}

fn errors(text: &str) -> String {
    Rulebook::parse(text).unwrap_err().to_string()
}

#[test]
fn the_embedded_rulebook_holds_the_defaults() {
    let rulebook = Rulebook::embedded();
    let edition = rulebook.latest();
    assert_eq!(edition.version.to_string(), "2026.1");
    let values: Vec<_> = KEYS.iter().map(|key| format!("{} {}", key.path, key.value(edition))).collect();
    assert_eq!(
        values,
        [
            "hour.minutes 45",
            "hour.rounding 0.10",
            "hour.daily_cap 8.00",
            "ce.year calendar",
            "ce.required_hours 10.00",
            "ce.required_activities 1",
            "ce.carry_over_max 0.00",
            "ce.teach_factor_percent 0",
            "ce.repeat once",
            "ce.shortfall_action notice_and_block",
            "ce.partial.rounding 0.50",
            "ce.partial.activity_min_days 183",
            "ce.activity.min_attendees 5",
            "ce.activity.evidence_required true",
            "ce.activity.confirmed_by_body true",
            "ce.conversion.half_day 3.00",
            "ce.conversion.full_day 6.00",
            "ce.conversion.paper 5.00",
            "ce.conversion.exchange_and_publication_max 5.00",
            "issue.trigger course_completed",
            "eligibility.basic any_one",
            "eligibility.aaaaa.prior_level none",
            "sla.review_working_days 10",
            "sla.supplement_days 30",
            "panel.min_members 3",
            "panel.odd true",
            "scoring.aggregate mean",
            "award.cap applied_eligible_scored",
            "award.lower_needs_consent true",
            "certificate.validity_years 3",
            "recert.window_months 6",
            "recert.after.suspended_years 1",
            "recert.after.discontinued_years 1",
            "recert.after.withdrawn_years 1",
            "recert.after.voided_years 1",
            "recert.after.expired_years 0",
            "recert.after.reinstatement true",
        ]
    );
}

#[test]
fn file_and_key_list_name_the_same_keys() {
    fn leaves(table: &toml::Table, above: &str, found: &mut BTreeSet<String>) {
        for (key, value) in table {
            match value {
                toml::Value::Table(inner) => leaves(inner, &format!("{above}{key}."), found),
                _ => assert!(found.insert(format!("{above}{key}"))),
            }
        }
    }
    let document: toml::Table = EMBEDDED.parse().unwrap();
    let mut in_file = BTreeSet::new();
    leaves(document["edition"][0].as_table().unwrap(), "", &mut in_file);
    let listed: BTreeSet<_> = HEAD.iter().copied().chain(KEYS.iter().map(|key| key.path)).map(str::to_owned).collect();
    assert_eq!(in_file, listed);
    assert_eq!(listed.len(), HEAD.len() + KEYS.len());
}

#[test]
fn every_key_shows_its_own_value() {
    // Swapping two getters of the list would show one key's value under another key's name.
    for key in KEYS {
        let name = key.path.rsplit('.').next().unwrap();
        let section = format!("[edition.{}]", key.path.strip_suffix(&format!(".{name}")).unwrap());
        let (before, after) = EMBEDDED.split_once(&section).unwrap();
        let (skipped, rest) = after.split_once(&format!("\n{name} = ")).unwrap();
        let (old, rest) = rest.split_once('\n').unwrap();
        let new = another_value(key.path, old);
        let changed = Rulebook::parse(&format!("{before}{section}{skipped}\n{name} = {new}\n{rest}")).unwrap();
        let embedded = Rulebook::embedded();
        for each in KEYS {
            let differs = each.value(changed.latest()) != each.value(embedded.latest());
            assert_eq!(differs, each.path == key.path, "{} {}", key.path, each.path);
        }
        assert_eq!(key.value(changed.latest()), new.trim_matches('"'));
    }
}

/// A value other than the embedded one, of the same type and within limits.
fn another_value(path: &str, old: &str) -> String {
    match (path, old) {
        (_, "true") => "false".to_owned(),
        ("ce.year", _) => "\"certificate\"".to_owned(),
        ("ce.repeat", _) => "\"each_time\"".to_owned(),
        ("ce.shortfall_action", _) => "\"notice\"".to_owned(),
        ("issue.trigger", _) => "\"entry_sealed\"".to_owned(),
        ("eligibility.basic", _) => "\"all\"".to_owned(),
        ("eligibility.aaaaa.prior_level", _) => "\"aaaa\"".to_owned(),
        ("scoring.aggregate", _) => "\"trimmed\"".to_owned(),
        ("award.cap", _) => "\"eligible_scored\"".to_owned(),
        (_, hours) if hours.starts_with('"') => "\"0.75\"".to_owned(),
        (_, count) => (count.parse::<u16>().unwrap() + 1).to_string(),
    }
}

#[test]
fn a_missing_key_is_named_with_its_section() {
    let head = HEAD.iter().map(|name| (*name, "edition"));
    let keys = KEYS.iter().map(|key| key.path.rsplit_once('.').unwrap()).map(|(section, name)| (name, section));
    for (name, section) in head.chain(keys) {
        let header = if section == "edition" { "[[edition]]".to_owned() } else { format!("[edition.{section}]") };
        let (before, after) = EMBEDDED.split_once(&header).unwrap();
        let removed = after.replacen(&format!("\n{name} = "), "\n# = ", 1);
        let text = format!("{before}{header}{removed}");
        let line = line_of(&header, &text);
        let key = if section == "edition" { section.to_owned() } else { format!("edition.{section}") };
        assert_eq!(errors(&text), format!("line {line}, column 1: {key}: missing field `{name}`"));
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    for (after, key) in [
        ("[edition.hour]", "edition.hour.minuts"),
        ("[edition.ce]", "edition.ce.minuts"),
        ("[edition.ce.partial]", "edition.ce.partial.minuts"),
        ("[edition.ce.activity]", "edition.ce.activity.minuts"),
        ("[edition.ce.conversion]", "edition.ce.conversion.minuts"),
        ("[edition.issue]", "edition.issue.minuts"),
        ("[edition.eligibility]", "edition.eligibility.minuts"),
        ("[edition.eligibility.aaaaa]", "edition.eligibility.aaaaa.minuts"),
        ("[edition.sla]", "edition.sla.minuts"),
        ("[edition.panel]", "edition.panel.minuts"),
        ("[edition.scoring]", "edition.scoring.minuts"),
        ("[edition.award]", "edition.award.minuts"),
        ("[edition.certificate]", "edition.certificate.minuts"),
        ("[edition.recert]", "edition.recert.minuts"),
        ("[edition.recert.after]", "edition.recert.after.minuts"),
        ("[[edition]]", "edition.minuts"),
    ] {
        let text = with(after, &format!("{after}\n  minuts = 45"));
        let start = format!("line {}, column 3: {key}: unknown field `minuts`, expected ", line_of("  minuts", &text));
        assert!(errors(&text).starts_with(&start), "{}", errors(&text));
    }
    let text = format!("minuts = 45\n{EMBEDDED}");
    assert_eq!(errors(&text), "line 1, column 1: minuts: unknown field `minuts`, expected `edition`");
}

#[test]
fn a_value_of_another_type_or_form_is_refused_with_its_key() {
    for (line, bad, key, reason) in [
        ("minutes = 45", "minutes = \"45\"", "hour.minutes", "invalid type: string \"45\", expected u16"),
        ("minutes = 45", "minutes = 45.0", "hour.minutes", "invalid type: floating point `45.0`, expected u16"),
        ("minutes = 45", "minutes = -1", "hour.minutes", "invalid value: integer `-1`, expected u16"),
        ("minutes = 45", "minutes = 65536", "hour.minutes", "invalid value: integer `65536`, expected u16"),
        ("odd = true", "odd = 1", "panel.odd", "invalid type: integer `1`, expected a boolean"),
        (
            "daily_cap = \"8.00\"",
            "daily_cap = \"8\"",
            "hour.daily_cap",
            "expected credit hours with exactly two decimals, as `1.50`",
        ),
        ("daily_cap = \"8.00\"", "daily_cap = 800", "hour.daily_cap", "invalid type: integer `800`, expected a string"),
        ("year = \"calendar\"", "year = \"Calendar\"", "ce.year", "`Calendar` is not one of: calendar, certificate"),
        ("year = \"calendar\"", "year = \"\\n\"", "ce.year", "`\u{20}` is not one of: calendar, certificate"),
        (
            "version = \"2026.1\"",
            "version = \"2026.01\"",
            "version",
            "expected a version as `2026.1`: a year of four digits, a point, and a number from 0 to 999",
        ),
        (
            "effective_from = \"2026-01-01\"",
            "effective_from = \"2026-02-29\"",
            "effective_from",
            "expected a date of the calendar as `2026-11-22`",
        ),
    ] {
        let text = with(line, bad);
        let column = bad.find('=').unwrap() + 3;
        let place = format!("line {}, column {column}", line_of(bad, &text));
        assert_eq!(errors(&text), format!("{place}: edition.{key}: {reason}"));
    }
}

#[test]
fn keys_that_are_set_and_have_no_effect_are_named() {
    let named = |rulebook: &Rulebook| {
        let found = rulebook.without_effect();
        found.iter().map(|(version, key)| format!("{version} {key}")).collect::<Vec<_>>()
    };
    assert!(named(&Rulebook::embedded()).is_empty());
    for (line, set, expected) in [
        ("teach_factor_percent = 0", "teach_factor_percent = 50", &["2026.1 ce.teach_factor_percent"][..]),
        ("rounding = \"0.10\"", "rounding = \"0.20\"", &["2026.1 hour.rounding"]),
        ("min_members = 3", "min_members = 5", &["2026.1 panel.min_members"]),
        ("window_months = 6", "window_months = 3", &["2026.1 recert.window_months"]),
        ("minutes = 45", "minutes = 50", &[]),
        ("required_hours = \"10.00\"", "required_hours = \"12.00\"", &[]),
        ("trigger = \"course_completed\"", "trigger = \"entry_sealed\"", &[]),
    ] {
        assert_eq!(named(&Rulebook::parse(&with(line, set)).unwrap()), expected, "{set}");
    }
}

#[test]
fn limits_include_their_ends() {
    for (line, name, inside, outside) in [
        ("minutes = 45", "minutes", ["30", "120"], ["29", "121"]),
        ("rounding = \"0.10\"", "rounding", ["\"0.01\"", "\"1.00\""], ["\"0.00\"", "\"1.01\""]),
        ("daily_cap = \"8.00\"", "daily_cap", ["\"0.50\"", "\"24.00\""], ["\"0.49\"", "\"24.01\""]),
        ("required_hours = \"10.00\"", "required_hours", ["\"0.50\"", "\"200.00\""], ["\"0.49\"", "\"200.01\""]),
        ("required_activities = 1", "required_activities", ["0", "12"], ["13", "13"]),
        ("carry_over_max = \"0.00\"", "carry_over_max", ["\"0.00\"", "\"100.00\""], ["\"100.01\"", "\"100.01\""]),
        ("teach_factor_percent = 0", "teach_factor_percent", ["0", "200"], ["201", "201"]),
        ("rounding = \"0.50\"", "rounding", ["\"0.01\"", "\"1.00\""], ["\"0.00\"", "\"1.01\""]),
        ("activity_min_days = 183", "activity_min_days", ["1", "366"], ["0", "367"]),
        ("min_attendees = 5", "min_attendees", ["1", "1000"], ["0", "1001"]),
        ("half_day = \"3.00\"", "half_day", ["\"0.00\"", "\"100.00\""], ["\"100.01\"", "\"100.01\""]),
        ("full_day = \"6.00\"", "full_day", ["\"0.00\"", "\"100.00\""], ["\"100.01\"", "\"100.01\""]),
        ("paper = \"5.00\"", "paper", ["\"0.00\"", "\"100.00\""], ["\"100.01\"", "\"100.01\""]),
        ("review_working_days = 10", "review_working_days", ["1", "60"], ["0", "61"]),
        ("supplement_days = 30", "supplement_days", ["1", "180"], ["0", "181"]),
        ("min_members = 3", "min_members", ["3", "15"], ["2", "16"]),
        ("validity_years = 3", "validity_years", ["1", "10"], ["0", "11"]),
        ("window_months = 6", "window_months", ["1", "24"], ["0", "25"]),
        ("suspended_years = 1", "suspended_years", ["0", "10"], ["11", "11"]),
        ("discontinued_years = 1", "discontinued_years", ["0", "10"], ["11", "11"]),
        ("withdrawn_years = 1", "withdrawn_years", ["0", "10"], ["11", "11"]),
        ("voided_years = 1", "voided_years", ["0", "10"], ["11", "11"]),
        ("expired_years = 0", "expired_years", ["0", "10"], ["11", "11"]),
    ] {
        for value in inside {
            assert!(Rulebook::parse(&with(line, &format!("{name} = {value}"))).is_ok(), "{name} {value}");
        }
        for value in outside {
            let error = errors(&with(line, &format!("{name} = {value}")));
            assert!(error.contains(&format!(".{name}: {} is not from ", value.trim_matches('"'))), "{error}");
        }
    }
}

#[test]
fn all_values_out_of_limits_are_reported_together() {
    let text = two_editions("2026.1", "2026-01-01")
        .replace("minutes = 45", "minutes = 0")
        .replace("paper = \"5.00\"", "paper = \"100.01\"")
        .replace("title = \"", "title = \"\\t");
    let rulebook_errors = Rulebook::parse(&text).unwrap_err();
    let keys: Vec<_> =
        rulebook_errors.to_string().lines().map(|line| line.split(": ").nth(1).unwrap().to_owned()).collect();
    let each = ["edition.title", "edition.hour.minutes", "edition.ce.conversion.paper"];
    let second = ["edition.version", "edition.effective_from"];
    assert_eq!(keys, [&each[..], &second[..], &each[..]].concat());

    let lines_in_edition = EMBEDDED.lines().count() + 1;
    let places: Vec<_> = rulebook_errors
        .as_slice()
        .iter()
        .filter_map(|error| if let RulebookError::OutOfLimits { at, .. } = error { Some(at.line) } else { None })
        .collect();
    assert_eq!(places.len(), 4);
    assert_eq!((places[0] + lines_in_edition, places[1] + lines_in_edition), (places[2], places[3]));
}

#[test]
fn editions_are_ordered_and_their_versions_differ() {
    for (version, date, expected) in [
        ("2026.2", "2026-01-02", None),
        ("2025.9", "2026-01-02", None),
        ("2026.1", "2027-01-01", Some("edition.version: 2026.1 is the version of an earlier edition too")),
        (
            "2026.2",
            "2026-01-01",
            Some("edition.effective_from: 2026-01-01 is not after 2026-01-01, the date of the edition before"),
        ),
        (
            "2026.2",
            "2025-12-31",
            Some("edition.effective_from: 2025-12-31 is not after 2026-01-01, the date of the edition before"),
        ),
    ] {
        let result = Rulebook::parse(&two_editions(version, date)).map_err(|errors| errors.to_string());
        match expected {
            None => assert!(result.is_ok(), "{result:?}"),
            Some(message) => assert_eq!(result.unwrap_err().split_once(": ").unwrap().1, message),
        }
    }
}

#[test]
fn the_edition_in_effect_changes_at_its_date() {
    let rulebook = Rulebook::parse(&two_editions("2027.1", "2027-03-01")).unwrap();
    for (on, version) in [
        ("2025-12-31", None),
        ("2026-01-01", Some("2026.1")),
        ("2027-02-28", Some("2026.1")),
        ("2027-03-01", Some("2027.1")),
        ("2199-12-31", Some("2027.1")),
    ] {
        assert_eq!(rulebook.in_effect(day(on)).map(|edition| edition.version.to_string()).as_deref(), version, "{on}");
    }
    let latest = rulebook.latest();
    assert_eq!(latest.version.to_string(), "2027.1");
    assert_eq!(rulebook.edition(&latest.version), Some(latest));
    assert_eq!(rulebook.edition(&"2026.2".parse().unwrap()), None);
    assert_eq!(rulebook.editions().len(), 2);
}

#[test]
fn what_is_no_rulebook_is_refused() {
    for (text, message) in [
        ("", "the rulebook has no [[edition]]"),
        ("# only a comment", "the rulebook has no [[edition]]"),
        ("edition = []", "the rulebook has no [[edition]]"),
        ("edition = 3", "line 1, column 11: edition: invalid type: integer `3`, expected a sequence"),
        ("a = 1\na = 2", "line 2, column 1: duplicate key"),
    ] {
        assert_eq!(errors(text), message, "{text}");
    }
    assert!(errors("[[edition]]\nversion = ").starts_with("line 2, column 11: "));
    let long = format!("{EMBEDDED}{}", "#".repeat(RULEBOOK_MAX_BYTES));
    assert_eq!(Rulebook::parse(&long).unwrap_err().as_slice(), [RulebookError::TooLong { found: long.len() }]);
}

#[test]
fn titles_are_one_line() {
    let line = EMBEDDED.lines().find(|line| line.starts_with("title = ")).unwrap();
    for (title, good) in
        [("规".repeat(100), true), ("规".repeat(101), false), (String::new(), false), ("a\\nb".to_owned(), false)]
    {
        assert_eq!(Rulebook::parse(&with(line, &format!("title = \"{title}\""))).is_ok(), good, "{title}");
    }
}

#[test]
fn the_rules_are_shown_with_clause_chinese_and_english() {
    let text = Rulebook::embedded().latest().show();
    assert!(text.starts_with(
        "规则版本 rulebook 2026.1\n名称 title: 首席质量官能力水平认定（征求意见稿）默认规则\n生效日期 in effect from: 2026-01-01\n\n\
         hour.minutes = 45  条款 clause 9.4.1.2\n    每学时分钟数\n    minutes in one credit hour\n"
    ));
    assert!(text.contains("\nce.year = calendar  条款 clause 9.4.1.2\n    年度口径：自然年\n    what each year is\n"));
    for key in KEYS {
        let value = key.value(Rulebook::embedded().latest());
        assert!(text.contains(&format!("\n{} = {value}  条款 clause {}\n", key.path, key.clause)), "{}", key.path);
        assert!(text.contains(key.chinese) && text.contains(key.english), "{}", key.path);
    }
    assert!(!text.contains("认证"), "a state-regulated term");
    assert!(!EMBEDDED.contains("认证"), "a state-regulated term");
}

#[test]
fn hours_are_hundredths() {
    let rulebook = Rulebook::embedded();
    assert_eq!(rulebook.latest().ce.required_hours, CreditHours::from_hundredths(1_000));
    assert_eq!(rulebook.latest().hour.rounding, CreditHours::from_hundredths(10));
}

#[test]
fn no_text_makes_the_parser_panic() {
    bolero::check!().with_type::<String>().with_iterations(2_000).for_each(|text| {
        let _ = Rulebook::parse(text).map_err(|errors| errors.to_string());
    });
}

#[test]
fn no_damage_to_the_embedded_text_makes_the_parser_panic() {
    bolero::check!().with_type::<(u16, u8, String)>().with_iterations(500).for_each(|(start, len, text)| {
        let from = EMBEDDED.ceil_char_boundary(usize::from(*start) % EMBEDDED.len());
        let to = EMBEDDED.ceil_char_boundary((from + usize::from(*len)).min(EMBEDDED.len()));
        let damaged = format!("{}{text}{}", &EMBEDDED[..from], &EMBEDDED[to..]);
        let _ = Rulebook::parse(&damaged).map_err(|errors| errors.to_string());
    });
}
