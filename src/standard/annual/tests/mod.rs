//! The annual requirement as tables: what is recorded, one line a record, and what it comes to.

mod recertification;
mod years;

use std::fmt::Write as _;

use super::*;
use crate::standard::Rulebook;

const ITERATIONS: usize = 2_000;

/// Two recorders, A and B, whose codes are right.
const RECORDERS: [&str; 2] = ["91340100MA2TCEXB4E", "91340100234567890P"];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// `2026-03-01`, or `2026-03-01..2026-03-04`.
fn span(text: &str) -> Span {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Span::new(day(first), day(last)).unwrap()
}

fn hours(text: &str) -> CreditHours {
    text.parse().unwrap()
}

/// The default rules with some keys changed, as `carry_over_max = "2.00"; year = "certificate"`.
fn changed(changes: &str) -> String {
    let mut text = include_str!("../../rulebook.toml").to_owned();
    for change in changes.split(';').map(str::trim).filter(|change| !change.is_empty()) {
        let key = change.split_once('=').unwrap().0;
        let line = text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        text = text.replacen(&line, change, 1);
    }
    text
}

fn rulebook(changes: &str) -> Rulebook {
    Rulebook::parse(&changed(changes)).unwrap()
}

fn edition(changes: &str) -> Edition {
    rulebook(changes).latest().clone()
}

/// None, or several with spaces between them.
fn terms(text: Option<&str>) -> Terms {
    Terms::union(text.unwrap_or_default().split_whitespace().map(span))
}

/// The year of this name, as the rules and terms make it.
fn period(rules: &Rulebook, year: Year, terms: &Terms) -> Period {
    let all = years(rules, terms, day("2015-01-01"), day("2040-12-31"));
    all.into_iter().find(|period| period.year == year).unwrap()
}

/// A record: `online C1 2026-03-01 2.00`, with `!` after a course that is completed and `B:` before one that the
/// other recorder names, or `activity 2026-03-01 5 1 yes` with attendees, evidence files, and whether it is confirmed.
fn record(line: &str) -> Record {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["activity", date, attendees, evidence, confirmed] => Record::Activity(Activity {
            date: day(date),
            attendees: attendees.parse().unwrap(),
            evidence: evidence.parse().unwrap(),
            confirmed: confirmed == "yes",
        }),
        [form, course, days, recorded] => {
            let (at, name) = course.strip_prefix("B:").map_or((0, course), |name| (1, name));
            let code = name.trim_end_matches('!').to_owned();
            Record::Study(Study {
                course: Course { recorder: RECORDERS[at].parse().unwrap(), code },
                form: form.parse().unwrap(),
                days: span(days),
                hours: hours(recorded),
                completes: name.ends_with('!'),
            })
        }
        _ => unreachable!("{line}"),
    }
}

fn records(lines: &[&str]) -> Vec<Record> {
    lines.iter().map(|line| record(line)).collect()
}

/// `counted/required`, then what is carried, missing and surplus where there is any, then each record's reasons.
fn told(standing: &Standing) -> String {
    let HourTally { required, counted, carried, surplus, .. } = standing.hours;
    let mut text = format!("{counted}/{required} {}/{}", standing.activities.counted, standing.activities.required);
    let mut add = |label: &str, value: CreditHours| {
        if value > CreditHours::ZERO {
            write!(text, " {label} {value}").unwrap();
        }
    };
    add("carried", carried);
    add("surplus", surplus);
    for shortfall in standing.shortfalls() {
        match shortfall {
            Shortfall::Hours(hours) => write!(text, " short {hours}").unwrap(),
            Shortfall::Activities(number) => write!(text, " lacks {number}").unwrap(),
        }
    }
    for (at, counted) in standing.records.iter().enumerate().filter(|(_, counted)| !counted.is_whole()) {
        match counted {
            Counted::Study { lost, .. } => {
                lost.iter().for_each(|loss| write!(text, " #{at}-{} {:?}", loss.hours, loss.why).unwrap());
            }
            Counted::Activity { lacks } => write!(text, " #{at} {lacks:?}").unwrap(),
        }
    }
    text
}

fn stands(rules: &str, year: Year, term: Option<&str>, before: &str, lines: &[&str]) -> String {
    let (rules, terms) = (rulebook(rules), terms(term));
    told(&count(rules.latest(), period(&rules, year, &terms), &records(lines), hours(before)))
}

/// The default rules, the year 2026, no term.
fn in_2026(lines: &[&str]) -> String {
    stands("", Year::Calendar(2026), None, "0.00", lines)
}

/// The hours that count in 2026, and every reason why others do not.
fn hours_and_reasons(rules: &str, lines: &[&str]) -> String {
    let text = stands(rules, Year::Calendar(2026), None, "0.00", lines);
    let (total, rest) = text.split_once('/').unwrap();
    let reasons = rest.find('#').map_or(String::new(), |at| format!(" {}", &rest[at..]));
    format!("{total}{reasons}")
}

const HELD: &str = "activity 2026-05-01 5 1 yes";

#[test]
fn ten_hours_and_an_activity_are_due() {
    for (lines, expected) in [
        (&[][..], "0.00/10.00 0/1 short 10.00 lacks 1"),
        (&["online C1 2026-03-01 8.00", "lecture C2 2026-03-02 1.99"], "9.99/10.00 0/1 short 0.01 lacks 1"),
        (&["online C1 2026-03-01 8.00", "lecture C2 2026-03-02 2.00"], "10.00/10.00 0/1 lacks 1"),
        (&["online C1 2026-03-01 8.00", "lecture C2 2026-03-02 1.99", HELD], "9.99/10.00 1/1 short 0.01"),
        (&["online C1 2026-03-01 8.00", "lecture C2 2026-03-02 2.00", HELD], "10.00/10.00 1/1"),
        (&["online C1 2026-03-01 8.00", "other C2 2026-03-02 2.01", HELD, HELD], "10.01/10.00 2/1 surplus 0.01"),
    ] {
        assert_eq!(in_2026(lines), expected, "{lines:?}");
    }
    let year = period(&rulebook(""), Year::Calendar(2026), &Terms::default());
    let standing = count(&edition(""), year, &records(&[HELD]), CreditHours::ZERO);
    assert_eq!(standing.due(), Some(day("2026-12-31")));
    assert!(!standing.is_met());
    assert_eq!(standing.period.coverage, Coverage::NoTerm);
    assert_eq!(standing.version.to_string(), "2026.1");
}

#[test]
fn an_entry_belongs_to_the_year_of_its_last_day() {
    let lines = ["online C1 2026-12-31..2027-01-01 4.00", "online C2 2025-12-31..2026-01-01 10.00"];
    for (year, expected) in [
        (2025, "0.00/10.00 0/1 short 10.00 lacks 1 #0-4.00 OutsidePeriod #1-10.00 OutsidePeriod"),
        (2026, "10.00/10.00 0/1 lacks 1 #0-4.00 OutsidePeriod"),
        (2027, "4.00/10.00 0/1 short 6.00 lacks 1 #1-10.00 OutsidePeriod"),
    ] {
        assert_eq!(stands("", Year::Calendar(year), None, "0.00", &lines), expected, "{year}");
    }
}

#[test]
fn an_activity_needs_attendees_evidence_and_confirmation() {
    for (line, rules, expected) in [
        ("activity 2026-01-01 5 1 yes", "", "1/1"),
        ("activity 2026-12-31 4 1 yes", "", "0/1 lacks 1 #0 [TooFewAttendees { found: 4, needed: 5 }]"),
        ("activity 2026-05-01 5 0 yes", "", "0/1 lacks 1 #0 [NoEvidence]"),
        ("activity 2026-05-01 5 1 no", "", "0/1 lacks 1 #0 [NotConfirmed]"),
        ("activity 2025-12-31 5 1 yes", "", "0/1 lacks 1 #0 [OutsidePeriod]"),
        (
            "activity 2027-01-01 0 0 no",
            "",
            "0/1 lacks 1 #0 [OutsidePeriod, TooFewAttendees { found: 0, needed: 5 }, NoEvidence, NotConfirmed]",
        ),
        (
            "activity 2026-05-01 1 0 no",
            "min_attendees = 1; evidence_required = false; confirmed_by_body = false",
            "1/1",
        ),
        (HELD, "required_activities = 2", "1/2 lacks 1"),
        (HELD, "required_activities = 0", "1/0"),
    ] {
        let text = stands(rules, Year::Calendar(2026), None, "0.00", &[line]);
        assert_eq!(text.replace(" short 10.00", ""), format!("0.00/10.00 {expected}"), "{line}");
    }
}

#[test]
fn of_one_day_eight_hours_count() {
    for (lines, counted) in [
        (&["online C1 2026-03-01 8.00"][..], "8.00"),
        (&["online C1 2026-03-01 8.01"], "8.00 #0-0.01 DailyCap"),
        (&["online C1 2026-03-01..2026-03-02 16.01"], "16.00 #0-0.01 DailyCap"),
        (&["online C1 2026-03-01 5.00", "lecture C2 2026-03-01 6.00"], "8.00 #0-3.00 DailyCap"),
        // The longer one finds its place around the shorter, in whatever order they come.
        (&["online C1 2026-03-01..2026-03-02 8.00", "lecture C2 2026-03-01 8.00"], "16.00"),
        (&["online C1 2026-03-01..2026-03-02 8.00", "lecture C2 2026-03-02 8.00"], "16.00"),
        (
            &["online C1 2026-03-01..2026-03-03 12.00", "lecture C2 2026-03-02 8.00", "other C3 2026-03-03 8.00"],
            "24.00 #2-4.00 DailyCap",
        ),
        // Each year has its own eight hours of the day they share.
        (&["online C1 2025-12-31..2026-01-01 20.00"], "16.00 #0-4.00 DailyCap"),
    ] {
        assert_eq!(hours_and_reasons("", lines), counted, "{lines:?}");
    }
}

#[test]
fn a_course_counts_once_a_year() {
    let twice = ["online C1 2026-03-01 1.00", "online C1! 2026-03-02 1.00", "online C1! 2026-03-03 1.00"];
    for (rules, lines, expected) in [
        ("", &twice[..], "2.00 #2-1.00 RepeatedCourse"),
        ("repeat = \"each_time\"", &twice, "3.00"),
        // Not finished, it goes on counting.
        ("", &["online C1 2026-03-01 1.00", "online C1 2026-03-05 1.00"], "2.00"),
        // The same code of another recorder is another course.
        ("", &["online C1! 2026-03-01 1.00", "online B:C1! 2026-03-05 1.00"], "2.00"),
        // Finished in another year, it counts again.
        ("", &["online C1! 2025-12-31 1.00", "online C1! 2026-03-05 1.00"], "1.00 #0-1.00 OutsidePeriod"),
        // Of one day, what does not finish the course comes first, and of two that do the longer counts.
        ("", &["online C1! 2026-03-01 1.00", "online C1 2026-03-01 1.00"], "2.00"),
        ("", &["online C1! 2026-03-01 1.00", "online C1! 2026-03-01 2.00"], "2.00 #0-1.00 RepeatedCourse"),
        // The same publication, under the same code, is published once.
        ("", &["publication P1! 2026-03-01 2.00", "publication P1! 2026-04-01 2.00"], "2.00 #1-2.00 RepeatedCourse"),
    ] {
        assert_eq!(hours_and_reasons(rules, lines), expected, "{lines:?}");
    }
}

#[test]
fn exchange_and_publication_are_converted_and_limited() {
    let free = "exchange_and_publication_max = \"90.00\"";
    for (rules, lines, expected) in [
        ("", &["exchange E1 2026-03-01 5.00"][..], "5.00"),
        ("", &["exchange E1 2026-03-01 5.01"], "5.00 #0-0.01 JointMaximum"),
        ("", &["exchange E1 2026-03-01 7.00"], "5.00 #0-1.00 ExchangeDays #0-1.00 JointMaximum"),
        ("", &["publication P1 2026-03-01 5.01"], "5.00 #0-0.01 Publication"),
        (
            "",
            &["publication P1 2026-03-01 6.00", "exchange E1 2026-03-02 3.00"],
            "5.00 #0-1.00 Publication #1-3.00 JointMaximum",
        ),
        ("", &["exchange E1 2026-03-01 3.00", "publication P1 2026-03-02 5.00"], "5.00 #1-3.00 JointMaximum"),
        ("", &["exchange E1 2026-03-01 6.00", "lecture C1 2026-04-01 5.00"], "10.00 #0-1.00 JointMaximum"),
        (
            free,
            &["exchange E1 2026-03-01 6.00", "exchange E2 2026-03-02..2026-03-03 13.00"],
            "18.00 #1-1.00 ExchangeDays",
        ),
        // Worth six hours each, and of one day eight count.
        (
            free,
            &["exchange E1 2026-03-01 7.00", "exchange E2 2026-03-01 3.00"],
            "8.00 #0-1.00 ExchangeDays #1-1.00 DailyCap",
        ),
        (free, &["publication P1 2026-03-01 5.00", "publication P2 2026-03-02 5.00"], "10.00"),
        // What is measured in time never makes way for what is not.
        ("", &["exchange E1 2026-03-01 6.00", "lecture C1 2026-03-01 6.00"], "8.00 #0-4.00 DailyCap"),
        // And moves to another of its days to make room.
        ("", &["lecture C1 2026-03-01..2026-03-02 8.00", "exchange E1 2026-03-01 5.00"], "13.00"),
    ] {
        assert_eq!(hours_and_reasons(rules, lines), expected, "{lines:?}");
    }
}

#[test]
fn part_years_are_prorated_by_days() {
    for (rules, term, expected) in [
        ("", "2026-01-01..2026-12-31", "10.00 1 2026-12-31"),
        ("", "2025-07-01..2028-06-30", "10.00 1 2026-12-31"),
        // 183 days of 365 are 5.01 hours, 182 are 4.98.
        ("", "2026-07-02..2029-07-01", "5.50 1 2026-12-31"),
        ("", "2026-07-03..2029-07-02", "5.00 0 2026-12-31"),
        ("", "2023-07-03..2026-07-02", "5.50 1 2026-07-02"),
        ("", "2023-07-02..2026-07-01", "5.00 0 2026-07-01"),
        ("", "2026-01-02..2028-12-31", "10.00 1 2026-12-31"),
        ("", "2026-12-31..2029-12-30", "0.50 0 2026-12-31"),
        ("", "2026-03-01..2026-03-01", "0.50 0 2026-03-01"),
        ("rounding = \"0.10\"; required_hours = \"10.00\"", "2026-12-31..2029-12-30", "0.50 0 2026-12-31"),
        ("required_hours = \"10.25\"", "2026-01-02..2028-12-31", "10.25 1 2026-12-31"),
        ("activity_min_days = 182", "2026-07-03..2029-07-02", "5.00 1 2026-12-31"),
        ("", "2027-01-01..2029-12-31", "0.00 0 -"),
        ("", "2022-01-01..2025-12-31", "0.00 0 -"),
    ] {
        let year = period(&rulebook(rules), Year::Calendar(2026), &terms(Some(term)));
        let standing = count(&edition(rules), year, &[], CreditHours::ZERO);
        let due = standing.due().map_or("-".to_owned(), |day| day.to_string());
        assert_eq!(format!("{} {} {due}", standing.hours.required, standing.activities.required), expected, "{term}");
    }
    // A leap year has a day more: 183 of 366 days are exactly 5 hours.
    let half = stands("", Year::Calendar(2028), Some("2028-07-02..2031-07-01"), "0.00", &[]);
    assert_eq!(half, "0.00/5.00 0/1 short 5.00 lacks 1");
}

#[test]
fn only_what_lies_within_the_term_counts() {
    let lines = [
        "online C1 2026-06-30 2.00",
        "online C2 2026-06-30..2026-07-01 2.00",
        "online C3 2026-12-31 3.00",
        "activity 2026-06-30 9 1 yes",
        "activity 2026-07-01 9 1 yes",
    ];
    assert_eq!(
        stands("", Year::Calendar(2026), Some("2026-07-01..2029-06-30"), "0.00", &lines),
        "5.00/5.50 1/1 short 0.50 #0-2.00 OutsidePeriod #3 [OutsidePeriod]"
    );
    assert_eq!(
        stands("", Year::Calendar(2026), Some("2027-01-01..2029-12-31"), "9.00", &lines[..1]),
        "0.00/0.00 0/0 #0-2.00 OutsidePeriod"
    );
}

#[test]
fn surplus_is_carried_over_as_far_as_the_rulebook_lets_it() {
    let seven = ["online C1 2026-03-01 7.00"];
    for (rules, before, expected) in [
        ("", "5.00", "7.00/10.00 0/1 short 3.00 lacks 1"),
        ("carry_over_max = \"2.00\"", "5.00", "7.00/10.00 0/1 carried 2.00 short 1.00 lacks 1"),
        ("carry_over_max = \"2.00\"", "1.50", "7.00/10.00 0/1 carried 1.50 short 1.50 lacks 1"),
        ("carry_over_max = \"4.00\"", "5.00", "7.00/10.00 0/1 carried 3.00 lacks 1"),
        // What is not needed is neither carried nor carried on.
        ("carry_over_max = \"4.00\"; required_hours = \"7.00\"", "5.00", "7.00/7.00 0/1 lacks 1"),
        ("carry_over_max = \"4.00\"; required_hours = \"6.00\"", "5.00", "7.00/6.00 0/1 surplus 1.00 lacks 1"),
    ] {
        assert_eq!(stands(rules, Year::Calendar(2026), None, before, &seven), expected, "{rules}");
    }
}

/// Any record of the first days of January 2026, small enough that all rules meet.
type Seed = (u8, u8, u8, u8, u16);

fn drawn((form, course, first, length, recorded): Seed) -> Record {
    let first = first % 6 + 1;
    let last = (first + length % 3).min(6);
    let days =
        Span::new(Day::new(2026, 1, first.cast_signed()).unwrap(), Day::new(2026, 1, last.cast_signed()).unwrap());
    Record::Study(Study {
        course: Course { recorder: RECORDERS[0].parse().unwrap(), code: format!("C{}", course % 8) },
        form: StudyForm::ALL[usize::from(form) % StudyForm::ALL.len()],
        days: days.unwrap(),
        hours: CreditHours::from_hundredths(u32::from(recorded % 1_200) + 1),
        completes: course >= 128,
    })
}

/// Rules under which no limit hides another.
const TIGHT: &str = "daily_cap = \"8.00\"; exchange_and_publication_max = \"15.00\"";

fn counted(rules: &Edition, records: &[Record]) -> Standing {
    count(rules, period(&rulebook(""), Year::Calendar(2026), &Terms::default()), records, CreditHours::ZERO)
}

#[test]
fn what_counts_and_what_is_lost_add_up_whatever_the_order() {
    let rules = edition(TIGHT);
    bolero::check!().with_type::<(Vec<Seed>, u8)>().with_iterations(ITERATIONS).for_each(|(seeds, turn)| {
        let mut records: Vec<Record> = seeds.iter().take(12).copied().map(drawn).collect();
        let standing = counted(&rules, &records);
        for (record, counted) in records.iter().zip(&standing.records) {
            let (Record::Study(study), Counted::Study { hours, lost }) = (record, counted) else { unreachable!() };
            let lost: u32 = lost.iter().map(|loss| loss.hours.hundredths()).sum();
            assert_eq!(hours.hundredths() + lost, study.hours.hundredths());
        }
        let turn = usize::from(*turn) % records.len().max(1);
        records.rotate_left(turn);
        records.reverse();
        assert_eq!(counted(&rules, &records).hours, standing.hours);
    });
}

#[test]
fn another_record_never_lowers_the_total() {
    let rules = edition(TIGHT);
    bolero::check!().with_type::<(Vec<Seed>, Seed)>().with_iterations(ITERATIONS).for_each(|(seeds, more)| {
        let mut records: Vec<Record> = seeds.iter().take(12).copied().map(drawn).collect();
        let before = counted(&rules, &records).hours.counted;
        let mut more = drawn(*more);
        // Whoever says that a course was finished earlier says that what came after it was a repetition.
        if let Record::Study(study) = &mut more {
            study.completes = false;
        }
        records.push(more);
        assert!(counted(&rules, &records).hours.counted >= before);
    });
}

/// The most that the limits allow, found without placing anything: by the cheapest way to cut every path from the
/// entries over their days to the end (max-flow min-cut), over all sets of days.
fn most_by_cuts(records: &[Record], cap: u32, joint: u32) -> u32 {
    let date = |date: i8| Day::new(2026, 1, date).unwrap();
    let worth = |study: &Study| match study.form {
        StudyForm::Exchange => study.hours.hundredths().min(study.days.count() * 600),
        StudyForm::Publication => study.hours.hundredths().min(500),
        _ => study.hours.hundredths(),
    };
    let cheapest = |entries: &[&Study]| {
        let cut = |days: u32| {
            let lies_within =
                |study: &&&Study| (1..=6).all(|each| !study.days.contains(date(each)) || days >> each & 1 == 1);
            let outside = entries.iter().filter(|study| !lies_within(study)).map(|study| worth(study));
            days.count_ones() * cap + outside.sum::<u32>()
        };
        (0..64).map(|days| cut(days << 1)).min().unwrap()
    };
    let all: Vec<&Study> = records.iter().filter_map(Record::study).collect();
    let converted = |study: &&&Study| matches!(study.form, StudyForm::Exchange | StudyForm::Publication);
    let timed: Vec<&Study> = all.iter().filter(|study| !converted(study)).copied().collect();
    cheapest(&timed) + (cheapest(&all) - cheapest(&timed)).min(joint)
}

#[test]
fn no_way_to_place_the_hours_counts_more() {
    let rules = edition(&format!("{TIGHT}; repeat = \"each_time\""));
    bolero::check!().with_type::<Vec<Seed>>().with_iterations(ITERATIONS / 2).for_each(|seeds| {
        let records: Vec<Record> = seeds.iter().take(12).copied().map(drawn).collect();
        let expected = most_by_cuts(&records, 800, 1_500);
        assert_eq!(counted(&rules, &records).hours.counted.hundredths(), expected, "{records:?}");
    });
}

#[test]
fn every_reason_names_a_key_of_the_rulebook() {
    let keys: Vec<&str> = crate::standard::rulebook::KEYS.iter().map(|key| key.path).collect();
    let why = [
        Why::OutsidePeriod,
        Why::RepeatedCourse,
        Why::ExchangeDays,
        Why::Publication,
        Why::DailyCap,
        Why::JointMaximum,
    ];
    let lacks =
        [Lack::OutsidePeriod, Lack::TooFewAttendees { found: 0, needed: 5 }, Lack::NoEvidence, Lack::NotConfirmed];
    let due = [Shortfall::Hours(CreditHours::ZERO), Shortfall::Activities(0)];
    let named = why.map(Why::key).into_iter().chain(lacks.map(Lack::key)).chain(due.map(Shortfall::key));
    named.for_each(|key| assert!(keys.contains(&key), "{key}"));
}
