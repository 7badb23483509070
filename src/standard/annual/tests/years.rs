//! Which years there are, of whatever certificates and rules.

use super::*;

/// Each year with what is covered of it: `2026 2026-01-01..2026-12-31 whole`.
fn all_years(rules: &Rulebook, term: &str, first: &str, last: &str) -> Vec<String> {
    let years = years(rules, &terms(Some(term)), day(first), day(last));
    years.iter().map(described).collect()
}

fn described(period: &Period) -> String {
    let days = |days: &Span| format!("{}..{}", days.first(), days.last());
    let name = match period.year {
        Year::Calendar(year) => year.to_string(),
        Year::Certificate { first, nth } => format!("{nth} of {first}"),
    };
    let coverage = match &period.coverage {
        Coverage::NoTerm => "no term".to_owned(),
        Coverage::Whole => "whole".to_owned(),
        Coverage::Outside => "outside".to_owned(),
        Coverage::Part(covered) => covered.iter().map(days).collect::<Vec<_>>().join(" and "),
    };
    format!("{name} {} {coverage}", days(&period.days))
}

/// The default rules until a day, and from it on those with a change.
fn two_editions(first: &str, from: &str, then: &str) -> Rulebook {
    let second = changed(then).replace("2026-01-01", from).replace("2026.1", "2026.2");
    Rulebook::parse(&format!("{}\n{second}", changed(first))).unwrap()
}

#[test]
fn calendar_years_are_covered_by_every_term_together() {
    for (term, expected) in [
        ("", ["2025 2025-01-01..2025-12-31 no term", "2026 2026-01-01..2026-12-31 no term"]),
        // Recertified without a gap, no day of the year is uncovered.
        (
            "2023-07-03..2026-07-02 2026-07-03..2029-07-02",
            ["2025 2025-01-01..2025-12-31 whole", "2026 2026-01-01..2026-12-31 whole"],
        ),
        (
            "2023-07-03..2026-07-02 2026-07-05..2029-07-04",
            [
                "2025 2025-01-01..2025-12-31 whole",
                "2026 2026-01-01..2026-12-31 2026-01-01..2026-07-02 and 2026-07-05..2026-12-31",
            ],
        ),
        // Noted by two bodies under two names, and overlapping.
        (
            "2026-03-01..2028-12-31 2025-07-01..2026-05-31",
            ["2025 2025-01-01..2025-12-31 2025-07-01..2025-12-31", "2026 2026-01-01..2026-12-31 whole"],
        ),
        ("2027-01-01..2029-12-31", ["2025 2025-01-01..2025-12-31 outside", "2026 2026-01-01..2026-12-31 outside"]),
    ] {
        assert_eq!(all_years(&rulebook(""), term, "2025-02-28", "2026-11-22"), expected, "{term}");
    }
}

#[test]
fn days_between_two_terms_ask_for_nothing() {
    let term = Some("2023-07-03..2026-07-02 2026-09-01..2029-08-31");
    let lines = ["online C1 2026-07-02 2.00", "online C2 2026-08-31 2.00", "online C3 2026-09-01 2.00"];
    // 183 and 122 days of 365 are 8.36 hours.
    let expected = "4.00/8.50 0/1 short 4.50 lacks 1 #1-2.00 OutsidePeriod";
    assert_eq!(stands("", Year::Calendar(2026), term, "0.00", &lines), expected);
}

#[test]
fn certificate_years_count_from_the_day_of_issue() {
    let rules = rulebook("year = \"certificate\"");
    for (term, first, last, expected) in [
        (
            "2026-11-22..2029-11-21",
            "2026-11-22",
            "2029-11-22",
            &[
                "1 of 2026-11-22 2026-11-22..2027-11-21 whole",
                "2 of 2026-11-22 2027-11-22..2028-11-21 whole",
                "3 of 2026-11-22 2028-11-22..2029-11-21 whole",
                "2029 2029-11-22..2029-12-31 outside",
            ][..],
        ),
        // A certificate of 29 February.
        (
            "2024-02-29..2028-02-28",
            "2024-02-29",
            "2028-02-28",
            &[
                "1 of 2024-02-29 2024-02-29..2025-02-28 whole",
                "2 of 2024-02-29 2025-03-01..2026-02-28 whole",
                "3 of 2024-02-29 2026-03-01..2027-02-28 whole",
                "4 of 2024-02-29 2027-03-01..2028-02-28 whole",
            ],
        ),
        // What was recorded before the first day is in a year that ends with the day before it.
        (
            "2026-07-03..2029-07-02",
            "2026-03-01",
            "2026-11-22",
            &["2026 2026-01-01..2026-07-02 outside", "1 of 2026-07-03 2026-07-03..2027-07-02 whole"],
        ),
        // Ended in its first year, and nothing followed.
        (
            "2025-07-03..2025-12-31",
            "2025-07-03",
            "2026-11-22",
            &["1 of 2025-07-03 2025-07-03..2026-07-02 2025-07-03..2025-12-31", "2026 2026-07-03..2026-12-31 outside"],
        ),
        // A new one begins within a year of the one before.
        (
            "2024-03-01..2025-09-30 2025-10-15..2028-10-14",
            "2025-03-01",
            "2025-10-15",
            &[
                "2 of 2024-03-01 2025-03-01..2025-10-14 2025-03-01..2025-09-30",
                "1 of 2025-10-15 2025-10-15..2026-10-14 whole",
            ],
        ),
        ("", "2026-03-01", "2026-03-01", &["2026 2026-01-01..2026-12-31 no term"]),
    ] {
        assert_eq!(all_years(&rules, term, first, last), expected, "{term}");
    }
}

#[test]
fn a_year_ends_as_it_was_begun_when_the_rules_change() {
    let (calendar, certificate) = ("", "year = \"certificate\"");
    let term = "2025-07-03..2028-07-02";
    for (rules, expected) in [
        // The year of the certificate goes on where the calendar year stopped, and is prorated.
        (
            two_editions(calendar, "2027-01-01", certificate),
            [
                "2026 2026-01-01..2026-12-31 whole",
                "2 of 2025-07-03 2027-01-01..2027-07-02 2027-01-01..2027-07-02",
                "3 of 2025-07-03 2027-07-03..2028-07-02 whole",
            ],
        ),
        (
            two_editions(certificate, "2027-03-01", calendar),
            [
                "1 of 2025-07-03 2025-07-03..2026-07-02 whole",
                "2 of 2025-07-03 2026-07-03..2027-07-02 whole",
                "2027 2027-07-03..2027-12-31 2027-07-03..2027-12-31",
            ],
        ),
    ] {
        let all = all_years(&rules, term, "2026-07-02", "2027-12-31");
        assert_eq!(all, expected);
    }
    let standing = |period: Period| count(&edition(""), period, &[], CreditHours::ZERO);
    let rules = two_editions(calendar, "2027-01-01", certificate);
    let part = years(&rules, &terms(Some(term)), day("2027-01-01"), day("2027-01-01")).pop().unwrap();
    // 183 of 365 days.
    assert_eq!(standing(part).hours.required, hours("5.50"));
}

#[test]
fn every_day_lies_in_one_year() {
    let rules = [
        rulebook(""),
        rulebook("year = \"certificate\""),
        two_editions("", "2027-04-01", "year = \"certificate\""),
        two_editions("year = \"certificate\"", "2027-04-01", ""),
    ];
    bolero::check!().with_type::<(u8, Vec<(u16, u16)>, u16)>().with_iterations(ITERATIONS).for_each(
        |(which, drawn, at)| {
            let rules = &rules[usize::from(*which) % rules.len()];
            let on = |days: u16| {
                let days = jiff::Span::new().days(i32::from(days % 4_000));
                let date = day("2022-01-01").date().checked_add(days).unwrap();
                Day::new(date.year(), date.month(), date.day()).unwrap()
            };
            let spans = drawn
                .iter()
                .take(4)
                .filter_map(|(first, length)| Span::new(on(*first), on(first % 4_000 + length % 900)).ok());
            let terms = Terms::union(spans);
            let all = years(rules, &terms, day("2022-01-01"), day("2034-12-31"));
            for pair in all.windows(2) {
                assert_eq!(pair[0].days.last().next(), Ok(pair[1].days.first()), "{all:?}");
            }
            let names: std::collections::BTreeSet<Year> = all.iter().map(|period| period.year).collect();
            assert_eq!(names.len(), all.len(), "{all:?}");
            // Whoever asks for one day finds the same year.
            let found = years(rules, &terms, on(*at), on(*at));
            assert!(all.contains(&found[0]) && found.len() == 1 && found[0].days.contains(on(*at)), "{found:?}");
        },
    );
}

#[test]
fn the_end_of_a_year_is_that_of_the_certificate_where_it_comes_first() {
    for (term, expected) in [
        ("", "2026-12-31 Year"),
        ("2024-07-03..2026-07-02", "2026-07-02 Certificate"),
        ("2024-07-03..2026-12-31", "2026-12-31 Year"),
        ("2024-07-03..2026-07-02 2026-07-03..2029-07-02", "2026-12-31 Year"),
    ] {
        let (last, ending) = period(&rulebook(""), Year::Calendar(2026), &terms(Some(term))).end().unwrap();
        assert_eq!(format!("{last} {ending:?}"), expected, "{term}");
    }
    assert_eq!(period(&rulebook(""), Year::Calendar(2026), &terms(Some("2027-01-01..2029-12-31"))).end(), None);
}

#[test]
fn exchange_and_publication_are_limited_to_their_share_of_a_part_year() {
    let lines = ["publication P1 2026-08-01 5.00", "exchange E1 2026-09-01 5.00"];
    for (term, expected) in [
        // 184 of 365 days: 5.05 hours due, and 2.53 of them.
        ("2026-07-01..2029-06-30", "3.00/5.50 0/1 short 2.50 lacks 1 #0-2.00 JointMaximum #1-5.00 JointMaximum"),
        ("2026-01-01..2028-12-31", "5.00/10.00 0/1 short 5.00 lacks 1 #1-5.00 JointMaximum"),
    ] {
        assert_eq!(stands("", Year::Calendar(2026), Some(term), "0.00", &lines), expected, "{term}");
    }
}
