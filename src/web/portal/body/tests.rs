//! The pages drawn with people who do well and badly: `CQO_GALLERY=DIR` leaves them in `DIR`, to be looked at.

use askama::Template;
use uuid::Uuid;

use super::super::form::Form;
use super::super::page::{Page, Standing, Who, role_in_words, ways_of};
use super::super::parts::Pager;
use super::super::words::Words;
use super::super::year::{YearView, short_in_words};
use super::activities::{ActivitiesView, WaitingView};
use super::cqo::{CqoPage, LABELS, TermPage, TermView};
use super::cqos::{Asked, cqos_page};
use crate::ledger::entry::{EntryId, LearnerId};
use crate::service::{Cqo, CqoRow, CqoYear, OrganisationCount, Overview, Said, StandingState, StateCounts, Subject};
use crate::standard::annual::{self, Activity, Amount, Course, Record, ShortYear, Span, Study, Terms, Year};
use crate::standard::{CreditHours, Rulebook, StudyForm};
use crate::web::language::Language;

const RECORDER: &str = "91340100234567890P";

fn page(words: Words, role: &str, here: &'static str, address: &str) -> Page {
    let mut page = Page::new(words, address).titled("cqos-title");
    let role_name = role_in_words(words, role);
    let standing = Standing {
        value: "0".into(), role: role_name, organisation: "云岭质量人才认定中心（示例）".into()
    };
    page.person = Some(Who { name: "欧阳𫖮".into(), role: standing, others: Vec::new() });
    (page.nav, page.here, page.csrf) = (ways_of(words, role), here, "csrf".into());
    page
}

fn said(nth: u64, title: &str, record: Record) -> Said {
    let entry: EntryId =
        Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + u128::from(nth)).try_into().unwrap();
    let subject = match &record {
        Record::Study(study) => Subject::Course(study.course.code.parse().unwrap(), title.into()),
        Record::Activity(_) => Subject::Topic(title.into()),
    };
    Said {
        entry,
        last: entry,
        learner: learner(1),
        recorder: RECORDER.parse().unwrap(),
        subject,
        reviewed_by: None,
        record,
        height: 1_042 + nth,
        index: 3,
        sealed_at: "2026-11-22T08:00:00.123Z".parse().unwrap(),
        declined: None,
    }
}

fn day(text: &str) -> crate::standard::Day {
    text.parse().unwrap()
}

fn learner(nth: u128) -> LearnerId {
    Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + nth).try_into().unwrap()
}

fn study(code: &str, form: StudyForm, days: (&str, &str), hundredths: u32) -> Record {
    Record::Study(Study {
        course: Course { recorder: RECORDER.parse().unwrap(), code: code.into() },
        form,
        days: Span::new(days.0.parse().unwrap(), days.1.parse().unwrap()).unwrap(),
        hours: CreditHours::from_hundredths(hundredths),
        completes: true,
    })
}

fn held(attendees: u32, evidence: usize) -> Record {
    Record::Activity(Activity { date: "2026-06-01".parse().unwrap(), attendees, evidence, confirmed: false })
}

fn year(year: i16, state: StandingState, entries: Vec<Said>) -> CqoYear {
    let rules = Rulebook::embedded();
    let records: Vec<Record> = entries.iter().map(|said| said.record.clone()).collect();
    let last = format!("{year}-12-31").parse().unwrap();
    let period = annual::years(&rules, &Terms::default(), last, last).pop().unwrap();
    let standing = annual::count(rules.latest(), period, &records, CreditHours::ZERO);
    CqoYear { state, standing, entries, voided: Vec::new() }
}

fn this_year() -> CqoYear {
    let entries = vec![
        said(1, "质量法律法规与主体责任", study("QM-1", StudyForm::Online, ("2026-03-01", "2026-03-01"), 200)),
        said(2, "质量法律法规与主体责任", study("QM-1", StudyForm::Online, ("2026-04-01", "2026-04-01"), 200)),
        said(3, "卓越绩效评价准则 GB/T 19580", study("QM-2", StudyForm::Lecture, ("2026-05-06", "2026-05-06"), 850)),
        said(4, "长三角质量创新学术交流会", study("EX-1", StudyForm::Exchange, ("2026-06-01", "2026-06-01"), 700)),
        said(5, "质量月班组长培训", held(3, 0)),
    ];
    year(2026, StandingState::Open, entries)
}

fn fell_short() -> ShortYear {
    let missing = Amount { hours: CreditHours::from_hundredths(350), activities: 1 };
    ShortYear {
        period: this_year().standing.period,
        due: "2026-12-31".parse().unwrap(),
        version: "2026.1".parse().unwrap(),
        missing,
        left: missing,
        must_be_made_up: true,
    }
}

fn overview() -> Overview {
    let names = ["欧阳明远", "张伟", "王芳芳", "李静", "𫖮文博"];
    let employers = ["恒远精密机械（云岭）有限公司", "云岭乳业集团股份有限公司"];
    let states =
        [StandingState::Short, StandingState::Open, StandingState::NoTerm, StandingState::Met, StandingState::NotDue];
    let counted = this_year().standing;
    let row = |(nth, name): (usize, &&str)| CqoRow {
        cqo: Cqo {
            learners: vec![learner(nth as u128)],
            name: (*name).into(),
            providers: vec![RECORDER.parse().unwrap()],
            employer: Some(crate::service::registry::Employment {
                name: employers[nth % 2].into(),
                code: None,
                from: "2020-01-01".parse().unwrap(),
                to: None,
            }),
        },
        year: Year::Calendar(2026),
        state: states[nth],
        hours: counted.hours,
        activities: counted.activities,
        due: counted.due(),
        has_term: nth != 2,
        version: counted.version,
        blocking: if nth == 0 { vec![fell_short()] } else { Vec::new() },
    };
    let count = |name: Option<&str>, short, open, met| OrganisationCount {
        code: None,
        name: name.map(str::to_owned),
        states: StateCounts { short, open, no_term: 2, met, not_due: 1 },
    };
    Overview {
        year: 2026,
        rows: names.iter().enumerate().map(row).collect(),
        total: 1_234,
        states: StateCounts { short: 100, open: 600, no_term: 100, met: 400, not_due: 34 },
        unreadable: 1,
        organisations: vec![
            count(Some(employers[0]), 3, 12, 20),
            count(Some(employers[1]), 0, 4, 9),
            count(None, 1, 2, 0),
        ],
    }
}

fn write(name: &str, language: Language, template: &impl Template) {
    let html = template.render().unwrap();
    assert!(!html.contains("[cqos-") && !html.contains("[annual-") && !html.contains("[layout-"), "{name}: no words");
    assert!(!html.contains(" style=") && !html.contains("<script"), "{name}");
    if let Some(dir) = std::env::var_os("CQO_GALLERY") {
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.{}.html", language.word())), html).unwrap();
    }
}

#[test]
fn every_page_is_drawn_in_both_languages() {
    for language in Language::ALL {
        let words = Words::new(language);
        let address = "/body/cqos?year=2026&employer=恒远&page=2";
        let list = |overview: &Overview| {
            cqos_page(page(words, "clerk", "/body/cqos", address), Asked::read(words, address), overview, 2026)
        };
        write("cqos", language, &list(&overview()));
        write("cqos-empty", language, &list(&Overview { rows: Vec::new(), total: 0, ..overview() }));
        let years = [this_year(), year(2025, StandingState::Short, Vec::new())];
        let term = |href: &str| TermView { days: words.days(day("2024-07-03"), day("2027-07-02")), href: href.into() };
        let cqo = |term_address: &str, is_conflicted| CqoPage {
            page: page(words, "clerk", "/body/cqos", "/body/cqos/1"),
            form: Form::new(words, &LABELS),
            employer: "恒远精密机械（云岭）有限公司".into(),
            providers: "云岭质量学院（示例）".into(),
            learners: vec![learner(1).to_string()],
            terms: vec![term(""), term(if term_address.is_empty() { "" } else { "/body/cqos/1/term/2" })],
            editions: vec![("2026-11-22".into(), words.with1("cqos-term-added", "days", "2024"))],
            short: vec![short_in_words(words, &fell_short())],
            term_address: term_address.into(),
            is_conflicted,
            version: 1,
            years: years
                .iter()
                .map(|year| YearView::new(words, year, &|_| "云岭质量学院（示例）".into(), "/body/entries"))
                .collect(),
        };
        write("cqo", language, &cqo("/body/cqos/1/term", false));
        let term = TermPage {
            page: page(words, "clerk", "/body/cqos", "/body/cqos/1/term/1"),
            form: Form::new(words, &LABELS),
            address: "/body/cqos/1/term/1".into(),
            back: "/body/cqos/1".into(),
            version: 1,
        };
        write("term", language, &term);
        write("cqo-auditor", language, &cqo("", false));
        write("cqo-conflicted", language, &cqo("", true));
        let waiting = |is_conflicted| WaitingView {
            entry: learner(9).to_string(),
            href: "/body/cqos/1".into(),
            name: "张伟".into(),
            employer: "云岭乳业集团股份有限公司".into(),
            topic: "质量月班组长培训".into(),
            held: words.day("2026-06-01".parse::<crate::standard::Day>().unwrap()),
            attendees: "42".into(),
            evidence: "2".into(),
            recorder: "云岭质量学院（示例）".into(),
            is_conflicted,
            declined: None,
            typed: None,
        };
        let activities = |rows| ActivitiesView {
            page: page(words, "clerk", "/body/cqos", "/body/activities"),
            form: Form::new(words, &LABELS),
            year: "all".into(),
            state: "all",
            years: Vec::new(),
            states: Vec::new(),
            may_confirm: true,
            is_asked_for: true,
            pager: Pager { address: "/body/activities?page=".into(), page: 1, pages: 2, rows: 51 },
            rows,
        };
        write("activities", language, &activities(vec![waiting(false), waiting(true)]));
        write("activities-empty", language, &activities(Vec::new()));
    }
}

#[test]
fn an_address_is_read_and_asked_again() {
    let words = Words::new(Language::Chinese);
    for (address, page, query) in [
        ("/body/cqos", 1, "?page="),
        ("/body/cqos?page=0", 1, "?page="),
        ("/body/cqos?page=3&lang=en&x=1", 3, "?page="),
        ("/body/cqos?year=2025&state=short&name=%E5%BC%A0", 1, "?year=2025&state=short&name=%E5%BC%A0&page="),
        ("/body/cqos?year=MMXXV&state=all", 1, "?year=MMXXV&state=all&page="),
    ] {
        let asked = Asked::read(words, address);
        assert_eq!((asked.page, asked.pager("", 0).address.as_str()), (page, query), "{address}");
    }
    let asked = Asked::read(words, "/body/cqos?year=2025&state=short&employer=+&name=%E5%BC%A0");
    assert_eq!((asked.filter.year, asked.filter.state), (Some(2025), Some(StandingState::Short)));
    assert_eq!((asked.filter.employer, asked.filter.name.as_deref()), (None, Some("张")));
}
