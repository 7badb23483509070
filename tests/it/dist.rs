//! The files in `dist/` and the tables of the runbook, held against what the real binary says.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::server::{Ledger, array, run, stdout};

/// The repository's file.
fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Everything in `text` that is written like a metric of this program.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("cqo_ledger_") || word.starts_with("process_"));
    ours.filter(|word| !word.ends_with('_')).map(str::to_owned).collect()
}

#[test]
fn dashboard_alerts_and_runbook_speak_of_the_metrics_there_are() {
    let ledger = Ledger::start_with(&["--metrics-public", "--seal-interval-ms", "20"]);
    let provider = ledger.provider(2);
    ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&provider.signed(1)));
    let text = ledger.get("/metrics").text();
    let families: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect();
    let series: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
        .collect();

    let runbook = file("docs/RUNBOOK.md");
    let table = runbook.split("## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    let documented: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        .map(str::to_owned)
        .collect();
    // The table has names as queries have them; a histogram by its family.
    let expected: BTreeSet<String> = families
        .iter()
        .map(|name| {
            let suffix = ["_total", "_info"].iter().find(|suffix| series.contains(&format!("{name}{suffix}")));
            suffix.map_or(name.clone(), |suffix| format!("{name}{suffix}"))
        })
        .collect();
    assert_eq!(documented, expected, "the table of metrics in docs/RUNBOOK.md");

    for name in ["dist/grafana/cqo-ledger.json", "dist/prometheus/alerts.yml"] {
        let named = metrics_in(&file(name));
        assert!(named.len() > 5, "{name}: {named:?}");
        let missing: Vec<&String> = named.iter().filter(|metric| !series.contains(*metric)).collect();
        assert!(missing.is_empty(), "{name} speaks of {missing:?}");
    }
}

#[test]
fn every_alert_has_its_section_in_the_runbook() {
    let (alerts, runbook) = (file("dist/prometheus/alerts.yml"), file("docs/RUNBOOK.md"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in &names {
        assert!(runbook.contains(&format!("\n### {name}\n")), "{name} has no section");
        let anchor = format!("docs/RUNBOOK.md#{}", name.to_lowercase());
        assert!(alerts.contains(&anchor), "{name} does not point to {anchor}");
    }
    assert_eq!(alerts.matches("docs/RUNBOOK.md#").count(), names.len());
}

#[test]
fn the_dashboard_is_chinese_with_english_beside_it() {
    let dashboard: Value = serde_json::from_str(&file("dist/grafana/cqo-ledger.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 12);
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(!panel["title"].as_str().unwrap().is_ascii(), "{panel}");
        let description = panel["description"].as_str().unwrap_or_default();
        assert!(description.is_ascii() && description.len() > 10, "{panel}");
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
    }
}

#[test]
fn every_command_that_can_be_pasted_exists_with_its_flags() {
    let help = stdout(&run(&["--help"]));
    let commands: BTreeSet<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let mut tried = 0;
    for name in ["docs/RUNBOOK.md", "dist/cqo-ledger.service", "dist/cqo-ledger-backup.service", "dist/Containerfile"] {
        for line in pasted(name, &file(name)) {
            let Some(words) = command_in(&line) else { continue };
            assert!(commands.contains(words[0].as_str()), "{name}: {line}");
            let help = full_help(&words[0]);
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                tried += 1;
                assert!(
                    help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
                    "{name}: {flag}: {line}"
                );
            }
        }
    }
    assert!(tried > 20, "only {tried} flags were found: is the test looking in the right place?");
}

/// The lines that people or machines run.
fn pasted(name: &str, text: &str) -> Vec<String> {
    let mut inside = !name.ends_with(".md");
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// The words of the call of this program in a line, from the command on.
fn command_in(line: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_program =
        |word: &str| word == "cqo-ledger" || word.ends_with("/cqo-ledger") || word.ends_with("cqo-ledger.new");
    let is_command = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase());
    let start = words.windows(2).position(|pair| is_program(pair[0]) && is_command(pair[1]))? + 1;
    let call = words[start..].iter().take_while(|word| !["|", ">", "&&", "&", ";"].contains(word));
    Some(call.map(|word| word.trim_end_matches([';', '`']).to_owned()).collect())
}

/// The help of a command and of those below it.
fn full_help(command: &str) -> String {
    let mut help = stdout(&run(&[command, "--help"]));
    let below: Vec<String> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .take_while(|line| !line.starts_with("Options:"))
        .filter_map(|line| Some(line.strip_prefix("  ")?.split(' ').next()?.to_owned()))
        .collect();
    for sub in below {
        help += &stdout(&run(&[command, &sub, "--help"]));
    }
    help
}

#[test]
fn every_link_in_the_runbook_leads_somewhere() {
    let runbook = file("docs/RUNBOOK.md");
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    let anchors: BTreeSet<String> =
        runbook.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#'))).collect();
    for target in runbook.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        match target.strip_prefix('#') {
            Some(anchor) => assert!(anchors.contains(anchor), "#{anchor} is no heading: {anchors:?}"),
            None => assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(target).exists(), "{target}"),
        }
    }
}
