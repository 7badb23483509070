//! What people read of a year, and the learner's page drawn of invented ones (`CQO_GALLERY`, as in [`super::super::gallery`]).

use askama::Template;

use super::super::gallery::{leave, page};
use super::super::page::{Page, Tone};
use super::super::parts::Choice;
use super::*;
use crate::ledger::entry::{CourseCode, EntryId, LearnerId};
use crate::standard::annual::{Activity, Course, Study, Terms, count, years};
use crate::standard::{CreditCode, Rulebook, UnixMillis};
use crate::web::language::Language;

const WORDS: [Words; 2] = [Words::new(Language::Chinese), Words::new(Language::English)];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn hours(hundredths: u32) -> CreditHours {
    CreditHours::from_hundredths(hundredths)
}

fn said(nth: u64, subject: Subject, record: Record) -> Said {
    let id = |at: u64| format!("01970000-0000-7000-8000-{at:012}");
    Said {
        entry: id(nth).parse::<EntryId>().unwrap(),
        last: id(if nth == 3 { 9 } else { nth }).parse::<EntryId>().unwrap(),
        learner: id(0).parse::<LearnerId>().unwrap(),
        recorder: CreditCode::with_check("91990000MA0000033").unwrap(),
        subject,
        reviewed_by: None,
        record,
        height: 1_000 + nth,
        index: nth,
        sealed_at: "2026-11-22T08:04:00.000Z".parse::<UnixMillis>().unwrap(),
        declined: None,
    }
}

fn study(nth: u64, title: &str, form: StudyForm, last: &str, hundredths: u32) -> Said {
    let code: CourseCode = format!("QM-{nth}").parse().unwrap();
    let record = Study {
        course: Course { recorder: CreditCode::with_check("91990000MA0000033").unwrap(), code: code.to_string() },
        form,
        days: Span::day(day(last)),
        hours: hours(hundredths),
        completes: true,
    };
    said(nth, Subject::Course(code, title.into()), Record::Study(record))
}

fn activity(nth: u64, attendees: u32, confirmed: bool) -> Said {
    let record = Activity { date: day("2026-09-15"), attendees, evidence: 1, confirmed };
    said(nth, Subject::Topic("质量月全员培训：从一次返工说起".into()), Record::Activity(record))
}

/// The year 2026 of a certificate of these days; of none where they are empty.
fn year_of(term: &str, entries: Vec<Said>, state: StandingState) -> CqoYear {
    let records: Vec<Record> = entries.iter().map(|said| said.record.clone()).collect();
    let rulebook = Rulebook::embedded();
    let span = |days: (&str, &str)| Span::new(day(days.0), day(days.1)).unwrap();
    let terms = Terms::union(term.split_once("..").map(span));
    let period = years(&rulebook, &terms, day("2026-01-01"), day("2026-12-31")).pop().unwrap();
    let standing = count(rulebook.latest(), period, &records, CreditHours::ZERO);
    CqoYear { state, standing, entries, voided: Vec::new() }
}

fn year(entries: Vec<Said>, state: StandingState) -> CqoYear {
    year_of("2025-01-01..2027-12-31", entries, state)
}

fn full() -> CqoYear {
    let entries = vec![
        study(1, "卓越绩效评价准则 GB/T 19580", StudyForm::Online, "2026-03-02", 400),
        study(2, "质量改进工具", StudyForm::Lecture, "2026-04-18", 400),
        study(3, "标杆企业质量经验交流会", StudyForm::Exchange, "2026-06-20", 600),
        activity(4, 42, true),
    ];
    year(entries, StandingState::Met)
}

fn short() -> CqoYear {
    let entries = vec![
        study(1, "首席质量官能力提升集中培训", StudyForm::Lecture, "2026-03-02", 850),
        study(2, "质量安全事故案例", StudyForm::Online, "2026-05-11", 50),
        activity(4, 3, false),
    ];
    year(entries, StandingState::Open)
}

fn view(words: Words, year: &CqoYear) -> YearView {
    YearView::new(words, year, &|_| "望川企业管理咨询有限公司（示例）".to_owned(), "/my/entries")
}

#[test]
fn a_year_says_what_is_missing_and_by_when() {
    let nothing = |state| year(Vec::new(), state);
    let some = |hundredths, state| year(vec![study(1, "x", StudyForm::Online, "2026-03-02", hundredths)], state);
    for (year, chinese, english) in [
        (
            short(),
            "还差 1.5 学时；尚未组织质量专业培训活动；请在 2026年12月31日（含当日）之前完成。",
            "1.5 credit hours are missing; no training activity has been organised yet. Please complete by 31 December 2026, \
             that day included.",
        ),
        (
            year_of("2024-07-03..2026-07-02", Vec::new(), StandingState::Open),
            "还差 5.5 学时；尚未组织质量专业培训活动；认定证书有效期于 2026年7月2日届满，请在该日（含当日）之前完成。",
            "5.5 credit hours are missing; no training activity has been organised yet. The level certificate expires on \
             2 July 2026: please complete by then, that day included.",
        ),
        (
            year_of("2024-07-03..2026-07-02", Vec::new(), StandingState::Short),
            "还差 5.5 学时；尚未组织质量专业培训活动；认定证书有效期已于 2026年7月2日届满。",
            "5.5 credit hours are missing; no training activity has been organised yet. The level certificate expired on \
             2 July 2026.",
        ),
        (
            year_of("", Vec::new(), StandingState::NoTerm),
            "还差 10 学时；尚未组织质量专业培训活动。尚未登记认定证书有效期；登记后按年度要求考核。",
            "10 credit hours are missing; no training activity has been organised yet. No level certificate is registered \
             yet; once its validity is, the annual requirement applies.",
        ),
        (
            year_of("", full().entries, StandingState::NoTerm),
            "已够一个整年度的要求。尚未登记认定证书有效期；登记后按年度要求考核。",
            "Enough for a whole year. No level certificate is registered yet; once its validity is, the annual requirement \
             applies.",
        ),
        (full(), "本年度的学时和活动要求均已完成。", "Hours and activity of this year are complete."),
        (
            some(800, StandingState::Short),
            "还差 2 学时；尚未组织质量专业培训活动；该年度已结束。",
            "2 credit hours are missing; no training activity has been organised yet. The year is over.",
        ),
        (
            nothing(StandingState::NotDue),
            "认定证书有效期不含本年度，没有要求。",
            "The level certificate covers no day of this year: nothing is due.",
        ),
    ] {
        assert_eq!(WORDS.map(|words| sentence(words, &year)), [chinese, english]);
    }
}

#[test]
fn every_line_of_an_explanation_has_its_key_of_the_rulebook() {
    let short = view(WORDS[1], &short());
    let lines: Vec<String> = short.clauses.iter().map(|clause| format!("{} {}", clause.key, clause.text)).collect();
    assert_eq!(
        lines,
        [
            "ce.required_hours 9.4.1.2: 10 credit hours required, 8.5 counted",
            "hour.daily_cap 0.5 credit hours not counted: more than counts of one day",
            "ce.required_activities 9.4.1.2: 1 activities required, 0 counted",
        ]
    );
    let row = |title: &str| short.rows.iter().find(|row| row.title.starts_with(title)).unwrap();
    let notes = |title| row(title).notes.iter().map(|note| note.key).collect::<Vec<_>>();
    assert_eq!(notes("质量月"), ["ce.activity.min_attendees", "ce.activity.confirmed_by_body"]);
    assert_eq!(notes("首席"), ["hour.daily_cap"]);
    assert_eq!((row("首席").hours.as_str(), row("首席").counted.as_str()), ("8.5", "8 counted"));
    assert_eq!(row("质量月").counted, "Not counted");
    assert_eq!(short.ring.done, hours(850));
    assert!(short.rows.is_sorted_by(|a, b| a.last_day >= b.last_day), "the newest first");
}

/// As in `learner/home.rs`, of invented people.
#[derive(Template)]
#[template(path = "portal/learner/home.html")]
struct Home {
    page: Page,
    year: YearView,
    reminders: Vec<Reminder>,
    certificates: Vec<Certificate>,
    certifiable: Vec<Choice>,
    earlier: Vec<YearView>,
}

struct Reminder {
    tone: Tone,
    text: String,
    href: &'static str,
    link: String,
}

struct Certificate {
    number: String,
    about: String,
    issued: String,
    tone: &'static str,
    state: String,
    note: String,
    files: Vec<Choice>,
}

#[test]
fn what_a_shortfall_leaves_is_said_with_what_follows_from_it() {
    let short = |must_be_made_up, left| ShortYear {
        period: short().standing.period,
        due: day("2026-12-31"),
        version: "2026.1".parse().unwrap(),
        missing: Amount { hours: hours(150), activities: 1 },
        left,
        must_be_made_up,
    };
    let some = Amount { hours: hours(50), activities: 0 };
    for (year, expected) in [
        (
            short(true, some),
            "2026 年度未达标（还差 1.5 学时；还差 1 次质量专业培训活动）。再认定前须补足，目前还差 0.5 学时；此后超出当年要求的学时和活动可用于补足。",
        ),
        (
            short(true, Amount::default()),
            "2026 年度未达标（还差 1.5 学时；还差 1 次质量专业培训活动），已补足，不影响再认定。",
        ),
        (
            short(false, Amount::default()),
            "2026 年度未达标（还差 1.5 学时；还差 1 次质量专业培训活动），不影响再认定。",
        ),
    ] {
        assert_eq!(short_in_words(WORDS[0], &year), expected);
    }
    let all = [short(true, some), short(true, some)];
    assert_eq!(to_make_up(WORDS[0], &all).unwrap(), "再认定前须补足：还差 1 学时");
    assert_eq!(to_make_up(WORDS[0], &all[..0]), None);
}

#[test]
fn what_was_voided_is_struck_out_with_its_reason() {
    let said = study(3, "质量改进工具", StudyForm::Lecture, "2026-04-18", 400);
    let voided = Voided { said, reason: crate::ledger::entry::CorrectionReason::NotAttended };
    let year = CqoYear { voided: vec![voided], ..short() };
    let view = view(WORDS[0], &year);
    let row = view.rows.iter().find(|row| !row.voided.is_empty()).unwrap();
    let told = (row.title.as_str(), row.voided.as_str(), row.counted.as_str(), row.state.as_str());
    assert_eq!(told, ("质量改进工具", "作废原因：未参加", "未计入", "已作废"));
    assert!(row.href.ends_with("000000000003"), "{}", row.href);
    assert_eq!(view.ring.done, hours(850));
}

fn home(words: Words, empty: bool) -> Home {
    let mut page = page(words, "learner");
    page.here = "/my";
    page.notices.clear();
    page.lead = words.with2("learner-home-lead", "name", "欧阳𫖮", "employer", "恒远精密机械（云岭）有限公司");
    let claim = |title: &str, tone, key: &str, last| YearRow {
        href: "/my/claims/1".into(),
        title: title.into(),
        detail: words.say("annual-form-lecture"),
        days: words.day(day(last)),
        hours: "2".into(),
        counted: String::new(),
        notes: Vec::new(),
        voided: String::new(),
        tone,
        state: words.say(key),
        place: String::new(),
        proof: String::new(),
        last_day: day(last),
    };
    let claims = [
        claim("全国质量创新大会", "plain", "claims-state-draft", "2026-11-12"),
        claim("省质量协会年会", "bad", "claims-state-returned", "2026-10-30"),
        claim("团体标准宣贯", "warn", "claims-state-submitted", "2026-10-11"),
    ];
    let file = |key: &str| Choice::new("/x", words.say(key));
    let certificate = |about: &str, tone, state: &str, note: &str, ready: bool| Certificate {
        number: "XS-2026-340100-7K3M9QX2AB-4".into(),
        about: about.into(),
        issued: words.instant("2026-11-22T08:04:00.000Z".parse::<UnixMillis>().unwrap()),
        tone,
        state: words.say(state),
        note: note.into(),
        files: ["learner-file-pdf", "learner-file-pdf-en", "learner-file-json", "learner-file-proof"]
            .into_iter()
            .filter(|_| ready)
            .map(file)
            .collect(),
    };
    let name = name_of(words, Year::Calendar(2026));
    Home {
        year: if empty {
            view(words, &year(Vec::new(), StandingState::Open))
        } else {
            view(words, &short()).with(claims)
        },
        reminders: vec![Reminder {
            tone: Tone::Warn,
            text: words.with1("learner-returned", "count", 1_usize),
            href: "/my/claims",
            link: words.say("learner-returned-link"),
        }],
        certificates: if empty {
            Vec::new()
        } else {
            vec![
                certificate(&name, "good", "learner-certificate-valid", "", false),
                certificate("质量改进工具", "good", "learner-certificate-valid", "", true),
                certificate(
                    "质量战略管理",
                    "warn",
                    "learner-certificate-corrected",
                    &words.say("learner-certificate-corrected-note"),
                    true,
                ),
            ]
        },
        certifiable: vec![Choice::new("2026", words.with1("learner-certify-year", "year", &name))],
        earlier: if empty { Vec::new() } else { vec![view(words, &full()), view(words, &short())] },
        page,
    }
}

#[test]
fn the_learners_page_is_drawn_in_both_languages() {
    for words in WORDS {
        for (name, empty) in [("home", false), ("home-empty", true)] {
            let html = home(words, empty).render().unwrap();
            assert!(!html.contains('['), "a key has no words: {html}");
            leave(name, words.language(), html);
        }
    }
}
