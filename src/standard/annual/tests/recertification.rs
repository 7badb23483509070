//! What a shortfall leaves to be made up before recertification.

use super::*;

/// What stands short on a day, and what of it is left: `2024 short 10.00 lacks 1 left 4.00 0`.
fn short_on(rules: &str, term: &str, today: &str, lines: &[&str]) -> Vec<String> {
    let (rules, terms, records) = (rulebook(rules), terms(Some(term)), records(lines));
    let years = years(&rules, &terms, day("2023-01-01"), day(today));
    let (mut surplus, mut standings) = (CreditHours::ZERO, Vec::new());
    let of = |period: &Period| -> Vec<Record> {
        records.iter().filter(|record| period.days.contains(record.last_day())).cloned().collect()
    };
    for period in years {
        let records = of(&period);
        let standing = count(rules.latest(), period, &records, surplus);
        surplus = standing.hours.surplus;
        standings.push((standing, records));
    }
    let judged: Vec<Judged<'_>> =
        standings.iter().map(|(standing, records)| Judged { edition: rules.latest(), standing, records }).collect();
    let told = |year: &ShortYear| {
        let Year::Calendar(name) = year.period.year else { unreachable!() };
        let (missing, left) = (year.missing, year.left);
        let blocks = if year.blocks() { "blocks" } else { "free" };
        format!("{name} {} {} left {} {} {blocks}", missing.hours, missing.activities, left.hours, left.activities)
    };
    short_years(&judged, &terms, day(today)).iter().map(told).collect()
}

#[test]
fn what_later_years_have_beyond_their_need_makes_up_for_shortfalls_the_oldest_first() {
    let term = "2023-01-01..2026-12-31";
    let of = |year: u16, hours: &str| format!("online C{year} {year}-03-01..{year}-03-09 {hours}");
    let held = |year: u16| format!("activity {year}-05-01 5 1 yes");
    let [full23, full24] = [of(2023, "10.00"), of(2024, "10.00")];
    let [held23, held24, held25] = [2023, 2024, 2025].map(held);
    let [less24, more25, much25, less25] = [of(2024, "7.00"), of(2025, "12.00"), of(2025, "30.00"), of(2025, "9.00")];
    for (rules, today, lines, expected) in [
        ("", "2024-12-31", &[&full23, &held23][..], &[][..]),
        ("", "2025-01-01", &[&full23, &held23], &["2024 10.00 1 left 10.00 1 blocks"]),
        ("", "2025-01-01", &[&full23, &held23, &less24, &held24], &["2024 3.00 0 left 3.00 0 blocks"]),
        // Two of the twelve hours are more than this year needs; its activity is needed for itself.
        ("", "2025-06-01", &[&full23, &held23, &less24, &more25, &held25], &["2024 3.00 1 left 1.00 1 blocks"]),
        (
            "",
            "2025-06-01",
            &[&full23, &held23, &less24, &more25, &held25, &held25],
            &["2024 3.00 1 left 1.00 0 blocks"],
        ),
        // The oldest first, and what was made up still ended short.
        (
            "",
            "2025-06-01",
            &[&held23, &held24, &less24, &much25, &held25],
            &["2023 10.00 0 left 0.00 0 free", "2024 3.00 0 left 0.00 0 free"],
        ),
        // What an earlier year has too much makes up for nothing that came after it.
        (
            "",
            "2026-06-01",
            &[&full23, &held23, &of(2024, "30.00"), &held24, &less25, &held25],
            &["2025 1.00 0 left 1.00 0 blocks"],
        ),
        // What was carried over is used.
        (
            "carry_over_max = \"2.00\"",
            "2026-06-01",
            &[&held23, &full24, &held24, &of(2023, "9.00"), &more25, &held25, &of(2026, "8.00")],
            &["2023 1.00 0 left 1.00 0 blocks"],
        ),
        // A notice alone blocks nothing.
        ("shortfall_action = \"notice\"", "2025-01-01", &[&full23, &held23], &["2024 10.00 1 left 0.00 0 free"]),
    ] {
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        assert_eq!(short_on(rules, term, today, &lines), expected, "{rules} {today} {lines:?}");
    }
}

#[test]
fn a_shortfall_can_be_made_up_after_the_certificate_ended() {
    let held = "activity 2026-05-01 5 1 yes";
    let (before, after) = ("online C1 2026-07-02 4.00", "online C2 2026-07-03 1.00");
    for (term, lines, expected) in [
        // 183 days: 5.50 hours.
        ("2026-01-01..2026-07-02", &[held, before][..], &["2026 1.50 0 left 1.50 0 blocks"][..]),
        ("2026-01-01..2026-07-02", &[held, before, after], &["2026 1.50 0 left 0.50 0 blocks"]),
        (
            "2026-01-01..2026-07-02",
            &[held, before, after, "online C3 2027-02-01 0.50"],
            &["2026 1.50 0 left 0.00 0 free"],
        ),
        // A course that was finished within the term does not count again after it.
        (
            "2026-01-01..2026-07-02",
            &[held, "online C1! 2026-07-01 4.00", "online C1! 2026-08-01 4.00"],
            &["2026 1.50 0 left 1.50 0 blocks"],
        ),
        // What was done before the certificate makes up for nothing of its first year.
        ("2026-07-03..2026-12-31", &["online C1 2026-07-02 8.00"], &["2026 5.00 0 left 5.00 0 blocks"]),
        // Whoever was certified again had nothing to make up.
        ("2026-01-01..2026-07-02 2027-01-01..2029-12-31", &[], &["2026 5.50 1 left 0.00 0 free"]),
    ] {
        assert_eq!(short_on("", term, "2027-03-01", lines), expected, "{term} {lines:?}");
    }
    assert!(short_on("", "", "2027-03-01", &[]).is_empty(), "nothing is due of whom no certificate is known");
}
