//! What is worth a second look in a claim: shown to the claimant before it is submitted, and to the reviewer again.
//!
//! One pure function over plain facts. A notice never blocks: a lecture in the morning and another in the afternoon overlap and are
//! both right. Whether hours count is decided when a year is counted, in `standard`.

use unicode_normalization::UnicodeNormalization as _;

use super::ClaimId;
use super::said::{ClaimKind, Said};
use crate::ledger::entry::{CourseCode, EntryId};
use crate::merkle::Hash;
use crate::standard::annual::Span;
use crate::standard::rulebook::Repeat;
use crate::standard::{CreditHours, Day, Edition, StudyForm};

/// Most notices of one claim.
pub const MAX_NOTICES: usize = 50;

/// What something else is, that a claim is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An entry, on the chain or on its way.
    Entry(EntryId),
    /// Another claim.
    Claim(ClaimId),
}

/// What else is known of the learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Where it is from.
    pub(super) source: Source,
    /// Study or activity.
    pub(super) kind: ClaimKind,
    /// The form of study; none for an activity.
    pub(super) form: Option<StudyForm>,
    /// The title, or what the activity was about.
    pub(super) title: String,
    /// Who held it, where that is known: entries do not say.
    pub(super) organiser: Option<String>,
    /// First and last day.
    pub(super) days: (Day, Day),
    /// SHA-256 of its evidence.
    pub(super) evidence: Vec<Hash>,
    /// What courses are told apart by when a year is counted; none of an activity.
    pub(super) course: Option<CourseCode>,
    /// Whether it counts, or may come to.
    pub(super) standing: Standing,
}

/// What became of something else of the learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It counts, or may come to.
    Stands,
    /// A claim that was rejected.
    Rejected,
    /// An entry that was voided.
    Voided,
}

/// Where an evidence file of a claim was used before, by somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedElsewhere {
    /// The file.
    pub(super) file: Hash,
    /// The other person's claim or entry.
    pub(super) with: Source,
}

/// All that a claim is held against.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    /// Today, in UTC+8.
    pub(super) today: Day,
    /// The rulebook in force on the claim's last day.
    pub(super) edition: &'a Edition,
    /// The days of the year that the claim would be counted in, `ce.year`.
    pub(super) year: Span,
    /// The registered name of the organisation whose code stands beside the organiser; none where there is none.
    pub(super) registered: Option<&'a str>,
    /// Other entries and claims of the learner.
    pub(super) known: &'a [Known],
    /// Claims and entries of others with the same evidence.
    pub(super) elsewhere: &'a [UsedElsewhere],
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The claimant, who learns nothing of anybody else.
    Claimant,
    /// Somebody who reviews.
    Reviewer,
}

/// One thing that is worth a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It lies in the same days as something else of the learner.
    Overlap {
        /// With what.
        with: Source,
        /// Its title.
        title: String,
        /// Its first and last day.
        days: (Day, Day),
    },
    /// The same course in the same year, or one of the same title. (`ce.repeat`)
    Repeated {
        /// What.
        with: Source,
        /// Its title.
        title: String,
        /// Its first and last day.
        days: (Day, Day),
        /// It is one course for sure, so that one of the two counts nothing.
        is_one_course: bool,
    },
    /// The same was rejected, or recorded and voided.
    RefusedBefore {
        /// What.
        with: Source,
        /// Its title.
        title: String,
        /// Its first and last day.
        days: (Day, Day),
        /// It was an entry, and was voided.
        was_voided: bool,
    },
    /// The code that stands beside the organiser is another organisation's.
    OtherOrganiser {
        /// The registered name of that one; for reviewers only.
        registered: Option<String>,
    },
    /// An evidence file that this learner has used before.
    EvidenceAgain {
        /// The file.
        file: Hash,
        /// Where.
        with: Source,
        /// The title there.
        title: String,
    },
    /// An evidence file that somebody else has used.
    EvidenceOfAnother {
        /// The file.
        file: Hash,
        /// The other person's claim or entry; for reviewers only.
        with: Option<Source>,
    },
    /// It is not over yet.
    Future {
        /// The last day.
        last_day: Day,
    },
    /// More hours than count on its days. (`hour.daily_cap`)
    AboveDailyCap {
        /// What is claimed.
        hours: CreditHours,
        /// How many days it took.
        days: u32,
        /// What counts of each at most.
        cap: CreditHours,
    },
    /// Fewer attendees than an activity needs to count. (`ce.activity.min_attendees`)
    FewAttendees {
        /// How many are needed.
        needed: u16,
    },
}

/// What is worth a second look in what is claimed, with this evidence; the gravest first.
pub(super) fn notices(said: &Said, evidence: &[Hash], facts: &Facts<'_>, reader: Reader) -> Vec<Notice> {
    let mut found = Vec::new();
    for used in facts.elsewhere {
        let with = (reader == Reader::Reviewer).then_some(used.with);
        let notice = Notice::EvidenceOfAnother { file: used.file, with };
        // Two others are one thing to the claimant.
        if !found.contains(&notice) {
            found.push(notice);
        }
    }
    let (first_day, last_day) = said.days();
    if last_day > facts.today {
        found.push(Notice::Future { last_day });
    }
    if let (Some(organiser), Some(registered)) = (said.organiser(), facts.registered)
        && !alike(organiser, registered)
    {
        let registered = (reader == Reader::Reviewer).then(|| registered.to_owned());
        found.push(Notice::OtherOrganiser { registered });
    }
    let (standing, refused): (Vec<&Known>, _) =
        facts.known.iter().partition(|known| known.standing == Standing::Stands);
    found.extend(refused.into_iter().filter(|known| is_again(said, evidence, known)).map(|known| {
        let was_voided = known.standing == Standing::Voided;
        Notice::RefusedBefore { with: known.source, title: known.title.clone(), days: known.days, was_voided }
    }));
    for known in &standing {
        found.extend(evidence.iter().filter(|file| known.evidence.contains(file)).map(|file| Notice::EvidenceAgain {
            file: *file,
            with: known.source,
            title: known.title.clone(),
        }));
    }
    for known in standing {
        let (with, title, days) = (known.source, known.title.clone(), known.days);
        if is_repeated(said, known, facts) {
            let is_one_course = said.course().is_some_and(|course| Some(course) == known.course);
            found.push(Notice::Repeated { with, title, days, is_one_course });
        } else if overlaps(said, known) {
            found.push(Notice::Overlap { with, title, days });
        }
    }
    match said {
        Said::Study(study) => {
            let cap = facts.edition.hour.daily_cap;
            let days = u32::try_from(first_day.days_until(last_day) + 1).unwrap_or(1);
            if u64::from(study.hours.hundredths()) > u64::from(cap.hundredths()) * u64::from(days) {
                found.push(Notice::AboveDailyCap { hours: study.hours, days, cap });
            }
        }
        Said::Activity(activity) => {
            let needed = facts.edition.ce.activity.min_attendees;
            if activity.attendees < needed.into() {
                found.push(Notice::FewAttendees { needed });
            }
        }
    }
    found.truncate(MAX_NOTICES);
    found
}

/// The same text or the same evidence as what was refused, whenever that was.
fn is_again(said: &Said, evidence: &[Hash], known: &Known) -> bool {
    let same_organiser = match (said.organiser(), &known.organiser) {
        (Some(one), Some(other)) => alike(one, other),
        _ => true,
    };
    let same_text = said.kind() == known.kind && same_organiser && alike(said.title(), &known.title);
    same_text || evidence.iter().any(|file| known.evidence.contains(file))
}

/// Where a course counts once in a year: of one form, organiser and title; of an entry, which names no organiser, the same title is
/// enough.
fn is_repeated(said: &Said, known: &Known, facts: &Facts<'_>) -> bool {
    let same_form = match known.source {
        Source::Claim(_) => said.form() == known.form,
        Source::Entry(_) => true,
    };
    let same_organiser = match (said.organiser(), &known.organiser) {
        (Some(one), Some(other)) => alike(one, other),
        _ => true,
    };
    said.kind() == ClaimKind::Study
        && known.kind == ClaimKind::Study
        && same_form
        && same_organiser
        && facts.edition.ce.repeat == Repeat::Once
        && facts.year.contains(known.days.1)
        && alike(said.title(), &known.title)
}

/// A publication takes no days: it appears on one.
fn overlaps(said: &Said, known: &Known) -> bool {
    let takes_days = |form: Option<StudyForm>| form != Some(StudyForm::Publication);
    let ((first, last), (from, to)) = (said.days(), known.days);
    takes_days(said.form()) && takes_days(known.form) && first <= to && from <= last
}

/// The same but for spaces, case and width.
fn alike(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

/// A name without what people type one way or the other: spaces, case, and the full width of brackets and letters.
pub(super) fn plain(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::standard::Rulebook;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn file(name: &str) -> Hash {
        Hash::of(&[name.as_bytes()])
    }

    fn claim_id(n: u64) -> ClaimId {
        let mut bytes = *Uuid::from_u64_pair(0x7000, n).as_bytes();
        (bytes[6], bytes[8]) = (0x70, 0x80);
        Uuid::from_bytes(bytes).try_into().unwrap()
    }

    fn entry_id() -> EntryId {
        claim_id(7).uuid().try_into().unwrap()
    }

    /// One letter for each notice, with what it is about.
    fn short(notices: &[Notice]) -> String {
        let of = |with: &Source| if matches!(with, Source::Entry(_)) { "entry" } else { "claim" };
        let each = notices.iter().map(|notice| match notice {
            Notice::Overlap { with, .. } => format!("overlap {}", of(with)),
            Notice::Repeated { with, is_one_course: true, .. } => format!("one course {}", of(with)),
            Notice::Repeated { with, .. } => format!("repeated {}", of(with)),
            Notice::RefusedBefore { was_voided: true, .. } => "voided".into(),
            Notice::RefusedBefore { .. } => "rejected".into(),
            Notice::OtherOrganiser { registered } => format!("organiser {}", registered.is_some()),
            Notice::EvidenceAgain { with, .. } => format!("again {}", of(with)),
            Notice::EvidenceOfAnother { with, .. } => format!("another {}", with.is_some()),
            Notice::Future { .. } => "future".into(),
            Notice::AboveDailyCap { days, .. } => format!("cap {days}"),
            Notice::FewAttendees { needed } => format!("few {needed}"),
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn lecture(changes: Value) -> Said {
        let mut input = json!({
            "kind": "study", "form": "lecture", "title": "卓越绩效 准则", "organiser": "省质量协会",
            "first_day": "2026-06-01", "last_day": "2026-06-02", "hours": "16",
        });
        for (name, change) in changes.as_object().unwrap() {
            match change {
                Value::Null => drop(input.as_object_mut().unwrap().remove(name)),
                change => input[name] = change.clone(),
            }
        }
        Said::read(input, &Rulebook::embedded()).unwrap()
    }

    fn activity(attendees: &str) -> Said {
        let input = json!({
            "kind": "activity", "topic": "质量月", "place": "合肥", "date": "2026-06-02", "attendees": attendees,
            "attendees_digest": "a".repeat(64),
        });
        Said::read(input, &Rulebook::embedded()).unwrap()
    }

    fn known(source: Source, form: StudyForm, title: &str, organiser: Option<&str>, days: (&str, &str)) -> Known {
        Known {
            source,
            kind: ClaimKind::Study,
            form: Some(form),
            title: title.into(),
            organiser: organiser.map(Into::into),
            days: (day(days.0), day(days.1)),
            evidence: vec![file("photo")],
            course: None,
            standing: Standing::Stands,
        }
    }

    /// What is told of a claim where nothing else is known but this.
    fn facts<'a>(rulebook: &'a Rulebook, known: &'a [Known]) -> Facts<'a> {
        Facts {
            today: day("2026-06-10"),
            edition: &rulebook.editions()[0],
            year: Span::new(day("2026-01-01"), day("2026-12-31")).unwrap(),
            registered: None,
            known,
            elsewhere: &[],
        }
    }

    #[test]
    fn each_notice_comes_for_its_reason_alone() {
        let rulebook = Rulebook::embedded();
        let (claim, entry) = (Source::Claim(claim_id(1)), Source::Entry(entry_id()));
        let (form, spring, june) = (StudyForm::Lecture, ("2026-03-01", "2026-03-02"), ("2026-06-02", "2026-06-05"));
        let body = Some("省质量协会");
        let cases: &[(&str, Said, Vec<Known>, &str)] = &[
            ("nothing", lecture(json!({})), vec![], ""),
            ("today is no future", lecture(json!({"last_day": "2026-06-10"})), vec![], ""),
            ("tomorrow", lecture(json!({"last_day": "2026-06-11"})), vec![], "future"),
            ("the cap of two days", lecture(json!({"hours": "16.01"})), vec![], "cap 2"),
            ("one day", lecture(json!({"last_day": "2026-06-01", "hours": "8.5"})), vec![], "cap 1"),
            ("last day", lecture(json!({})), vec![known(entry, form, "别的", None, june)], "overlap entry"),
            (
                "the day after",
                lecture(json!({})),
                vec![known(entry, form, "别的", None, ("2026-06-03", "2026-06-03"))],
                "",
            ),
            ("a claim", lecture(json!({})), vec![known(claim, form, "别的", body, june)], "overlap claim"),
            (
                "the same course",
                lecture(json!({})),
                vec![known(claim, form, "卓越绩效准则", body, spring)],
                "repeated claim",
            ),
            (
                "and the same days",
                lecture(json!({})),
                vec![known(claim, form, "卓越绩效准则", body, june)],
                "repeated claim",
            ),
            (
                "another organiser",
                lecture(json!({})),
                vec![known(claim, form, "卓越绩效准则", Some("市协会"), spring)],
                "",
            ),
            (
                "another form",
                lecture(json!({})),
                vec![known(claim, StudyForm::Other, "卓越绩效准则", body, spring)],
                "",
            ),
            (
                "another year",
                lecture(json!({})),
                vec![known(claim, form, "卓越绩效准则", body, ("2025-03-01", "2025-03-02"))],
                "",
            ),
            (
                "an entry's title",
                lecture(json!({})),
                vec![known(entry, StudyForm::Online, "卓越绩效准则", None, spring)],
                "repeated entry",
            ),
            (
                "a paper in those days",
                lecture(json!({})),
                vec![known(claim, StudyForm::Publication, "别的", body, june)],
                "",
            ),
            (
                "a paper",
                lecture(json!({"form": "publication", "hours": null})),
                vec![known(claim, form, "别的", body, june)],
                "",
            ),
            ("four people", activity("4"), vec![], "few 5"),
            (
                "five people and a lecture",
                activity("5"),
                vec![known(entry, form, "质量月", None, june)],
                "overlap entry",
            ),
        ];
        for (what, said, known, expected) in cases {
            let facts = facts(&rulebook, known);
            for reader in [Reader::Claimant, Reader::Reviewer] {
                assert_eq!(short(&notices(said, &[file("other")], &facts, reader)), *expected, "{what}");
            }
        }
    }

    #[test]
    fn evidence_of_another_tells_the_claimant_that_and_the_reviewer_which() {
        let rulebook = Rulebook::embedded();
        let elsewhere = [1, 2].map(|n| UsedElsewhere { file: file("photo"), with: Source::Claim(claim_id(n)) });
        let spring = ("2026-03-01", "2026-03-02");
        let known = [known(Source::Claim(claim_id(3)), StudyForm::Other, "别的", None, spring)];
        let facts = Facts { elsewhere: &elsewhere, ..facts(&rulebook, &known) };
        let told = |reader| short(&notices(&lecture(json!({})), &[file("photo")], &facts, reader));
        assert_eq!(told(Reader::Claimant), "another false, again claim");
        assert_eq!(told(Reader::Reviewer), "another true, another true, again claim");
    }

    #[test]
    fn there_are_never_more_than_a_page_shows() {
        let rulebook = Rulebook::embedded();
        let one = known(Source::Entry(entry_id()), StudyForm::Other, "别的", None, ("2026-06-01", "2026-06-01"));
        let known = vec![one; 2 * MAX_NOTICES];
        let facts = facts(&rulebook, &known);
        assert_eq!(notices(&lecture(json!({})), &[], &facts, Reader::Claimant).len(), MAX_NOTICES);
    }

    /// What was rejected or voided does not overlap and is no repetition: it is told when it comes again.
    #[test]
    fn what_was_refused_is_told_when_the_same_comes_again() {
        let rulebook = Rulebook::embedded();
        let (form, long_ago) = (StudyForm::Lecture, ("2024-03-01", "2024-03-01"));
        let refused = |source, standing, title: &str, organiser| {
            [Known { standing, ..known(source, form, title, organiser, long_ago) }]
        };
        let (claim, entry) = (Source::Claim(claim_id(1)), Source::Entry(entry_id()));
        let body = Some("省质量协会");
        for (known, evidence, expected) in [
            (refused(claim, Standing::Rejected, "卓越绩效准则", body), "other", "rejected"),
            (refused(claim, Standing::Rejected, "卓越绩效准则", Some("市协会")), "other", ""),
            (refused(claim, Standing::Rejected, "别的", Some("市协会")), "photo", "rejected"),
            (refused(entry, Standing::Voided, "卓越绩效 准则", None), "other", "voided"),
            (refused(entry, Standing::Voided, "别的", None), "photo", "voided"),
            (refused(entry, Standing::Voided, "别的", None), "other", ""),
        ] {
            for reader in [Reader::Claimant, Reader::Reviewer] {
                let told = notices(&lecture(json!({})), &[file(evidence)], &facts(&rulebook, &known), reader);
                assert_eq!(short(&told), expected, "{known:?} {evidence}");
            }
        }
    }

    /// A repetition is one by the rulebook: where courses count once, in the year that they are counted in.
    #[test]
    fn a_repetition_is_told_where_the_rulebook_counts_once() {
        let once = Rulebook::embedded();
        let mut every = once.clone().editions()[0].clone();
        every.ce.repeat = Repeat::EachTime;
        let said = lecture(json!({}));
        let spring = ("2026-03-01", "2026-03-02");
        let same = Known {
            course: said.course(),
            ..known(Source::Entry(entry_id()), StudyForm::Lecture, "卓越绩效准则", None, spring)
        };
        let known = [same];
        let of_certificate = Span::new(day("2026-04-01"), day("2027-03-31")).unwrap();
        for (facts, expected) in [
            (facts(&once, &known), "one course entry"),
            (Facts { edition: &every, ..facts(&once, &known) }, ""),
            (Facts { year: of_certificate, ..facts(&once, &known) }, ""),
        ] {
            assert_eq!(short(&notices(&said, &[], &facts, Reader::Claimant)), expected);
        }
    }

    #[test]
    fn a_code_that_is_another_organisations_is_told() {
        let rulebook = Rulebook::embedded();
        let said = lecture(json!({"organiser_code": "91110000600037341L"}));
        for (registered, claimant, reviewer) in
            [(None, "", ""), (Some("省质量 协会"), "", ""), (Some("认定主体"), "organiser false", "organiser true")]
        {
            let facts = Facts { registered, ..facts(&rulebook, &[]) };
            assert_eq!(short(&notices(&said, &[], &facts, Reader::Claimant)), claimant);
            assert_eq!(short(&notices(&said, &[], &facts, Reader::Reviewer)), reviewer);
        }
    }
}
