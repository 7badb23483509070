//! Claims in words, for the claimant's pages and the reviewer's: states, facts, notices, files, history.

use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::entry_said::reason_in_words;
use super::page::role_in_words;
use super::parts::Happening;
use super::words::Words;
use crate::ledger::fields::{FieldError, FieldErrors};
use crate::service::claims::{
    Amount, Claim, ClaimEvent, ClaimId, ClaimKind, ClaimState, ClaimVersion, Evidence, EvidenceFile, FileId, FileType,
    HistoryStep, Notice, Said, Source,
};
use crate::service::{AccountId, Error};
use crate::standard::StudyForm;

/// What an evidence file may do in the browser that shows it: nothing, and be shown in a page of this site alone.
const FILE_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";
/// What a page with evidence beside it may load: as any page, and files of this site in frames.
pub(super) const BESIDE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; font-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
const BYTES_PER_KIB: usize = 1024;

/// A state in a word.
pub(super) struct Badge {
    pub(super) tone: &'static str,
    pub(super) text: String,
}

/// A fact with the key of its name.
pub(super) type Fact = (&'static str, String);

/// Something that is worth a second look.
pub(super) struct NoticeLine {
    pub(super) text: String,
    /// Where the other thing is to be seen; empty for nowhere.
    pub(super) href: String,
}

/// An evidence file.
pub(super) struct FileLine {
    pub(super) id: String,
    pub(super) name: String,
    /// What it is, and how large.
    pub(super) about: String,
    pub(super) href: String,
    pub(super) is_picture: bool,
    pub(super) sha256: String,
}

/// What a claim said before.
pub(super) struct EarlierLine {
    pub(super) submitted: String,
    pub(super) facts: Vec<Fact>,
    pub(super) files: Vec<FileLine>,
}

/// The claim that an address names; what is no number of one names none.
pub(super) fn claim_id(text: &str) -> Result<ClaimId, Error> {
    text.parse().map_err(|_| Error::NotFound("claim"))
}

/// The file that an address or a form names.
pub(super) fn file_id(text: &str) -> Result<FileId, Error> {
    text.parse().map_err(|_| Error::NotFound("file"))
}

/// How far a claim has come; once it is accepted, how far its entry has, and what was made of it since.
pub(super) fn state_in_words(words: Words, state: ClaimState, amended: Option<ClaimEvent>, on_chain: bool) -> Badge {
    let (tone, key) = match state {
        ClaimState::Accepted if amended == Some(ClaimEvent::Voided) => ("bad", "claims-state-voided"),
        ClaimState::Accepted if amended.is_some() => ("warn", "claims-state-corrected"),
        ClaimState::Draft => ("idle", "claims-state-draft"),
        ClaimState::Submitted => ("plain", "claims-state-submitted"),
        ClaimState::Returned => ("warn", "claims-state-returned"),
        ClaimState::Accepted if on_chain => ("chain", "claims-state-on-chain"),
        ClaimState::Accepted => ("good", "claims-state-accepted"),
        ClaimState::Rejected => ("bad", "claims-state-rejected"),
        ClaimState::Withdrawn => ("idle", "claims-state-withdrawn"),
    };
    Badge { tone, text: words.say(key) }
}

/// What is claimed, in a word.
pub(super) fn kind_in_words(words: Words, kind: ClaimKind, form: Option<StudyForm>) -> String {
    words.say(match (kind, form) {
        (ClaimKind::Activity, _) => "claims-kind-activity",
        (_, Some(StudyForm::Lecture)) => "claims-kind-lecture",
        (_, Some(StudyForm::Exchange)) => "claims-kind-exchange",
        (_, Some(StudyForm::Publication)) => "claims-kind-publication",
        (_, Some(StudyForm::Online)) => "claims-kind-online",
        (_, Some(StudyForm::Other) | None) => "claims-kind-other",
    })
}

/// What a claim says, fact by fact.
pub(super) fn facts(words: Words, said: &Said) -> Vec<Fact> {
    let mut facts = vec![("claims-kind", kind_in_words(words, said.kind(), said.form()))];
    match said {
        Said::Study(study) => {
            facts.extend(study.form_reason.clone().map(|reason| ("claims-form-reason", reason)));
            let organiser = match &study.organiser_code {
                Some(code) => format!("{} ({code})", study.organiser),
                None => study.organiser.clone(),
            };
            let hours = words.hours_and_unit(study.hours);
            let hours = match study.amount {
                Amount::Hours => hours,
                Amount::Days { half, full } => {
                    words.with("claims-hours-of-days", &[("half", &half), ("full", &full), ("hours", &hours)])
                }
                Amount::Papers(count) => words.with2("claims-hours-of-papers", "count", count, "hours", hours),
            };
            facts.extend([
                ("claims-title", study.title.clone()),
                ("claims-organiser", organiser),
                ("claims-days", words.days(study.first_day, study.last_day)),
                ("claims-hours", hours),
            ]);
        }
        Said::Activity(activity) => facts.extend([
            ("claims-topic", activity.topic.clone()),
            ("claims-place", activity.place.clone()),
            ("claims-date", words.day(activity.date)),
            ("claims-attendees", words.with1("claims-people", "count", activity.attendees)),
            ("claims-list-digest", activity.attendees_digest.to_string()),
        ]),
    }
    facts
}

/// Notices in words; claims are to be seen below `claims`, and entries below `entries`, which is empty where they are not.
pub(super) fn notices(words: Words, claim: &Claim, claims: &str, entries: &str) -> Vec<NoticeLine> {
    let link = |id: &ClaimId| format!("{claims}/{id}");
    let from = |with: &Source| match with {
        Source::Claim(id) => link(id),
        Source::Entry(_) if entries.is_empty() => String::new(),
        Source::Entry(id) => format!("{entries}/{id}"),
    };
    let file = |digest| {
        let known = claim.files.iter().find(|file| file.sha256 == digest);
        known.map(|file| file.name.clone()).unwrap_or_default()
    };
    let of = |with: &Source| match with {
        Source::Claim(_) => words.say("claims-a-claim"),
        Source::Entry(_) => words.say("claims-an-entry"),
    };
    let line = |notice: &Notice| match notice {
        Notice::Overlap { with, title, days } => NoticeLine {
            text: words.with(
                "claims-notice-overlap",
                &[("of", &of(with)), ("title", title), ("days", &words.days(days.0, days.1))],
            ),
            href: from(with),
        },
        Notice::Repeated { with, title, days, is_one_course } => NoticeLine {
            text: words.with(
                if *is_one_course { "claims-notice-one-course" } else { "claims-notice-repeated" },
                &[("of", &of(with)), ("title", title), ("days", &words.days(days.0, days.1))],
            ),
            href: from(with),
        },
        Notice::RefusedBefore { with, title, days, was_voided } => NoticeLine {
            text: words.with2(
                if *was_voided { "claims-notice-voided" } else { "claims-notice-rejected" },
                "title",
                title.as_str(),
                "days",
                words.days(days.0, days.1),
            ),
            href: from(with),
        },
        Notice::OtherOrganiser { registered } => NoticeLine {
            text: match registered {
                Some(name) => words.with1("claims-notice-organiser-is", "name", name.as_str()),
                None => words.say("claims-notice-organiser"),
            },
            href: String::new(),
        },
        Notice::EvidenceAgain { file: digest, with, title } => NoticeLine {
            text: words
                .with("claims-notice-evidence-again", &[("file", &file(*digest)), ("of", &of(with)), ("title", title)]),
            href: from(with),
        },
        Notice::EvidenceOfAnother { file: digest, with } => NoticeLine {
            text: words.with1("claims-notice-evidence-of-another", "file", file(*digest)),
            href: with.as_ref().map(from).unwrap_or_default(),
        },
        Notice::Future { last_day } => {
            NoticeLine { text: words.with1("claims-notice-future", "day", *last_day), href: String::new() }
        }
        Notice::AboveDailyCap { hours, days, cap } => NoticeLine {
            text: words.with("claims-notice-cap", &[("hours", hours), ("days", days), ("cap", cap)]),
            href: String::new(),
        },
        Notice::FewAttendees { needed } => {
            NoticeLine { text: words.with1("claims-notice-few", "needed", *needed), href: String::new() }
        }
    };
    claim.notices.iter().map(line).collect()
}

/// Evidence files, to be had below `base`.
pub(super) fn files(words: Words, files: &[EvidenceFile], base: &str) -> Vec<FileLine> {
    let line = |file: &EvidenceFile| FileLine {
        id: file.id.to_string(),
        name: file.name.clone(),
        about: words.with2(
            "claims-file-about",
            "kind",
            words.say(match file.kind {
                FileType::Pdf => "claims-file-pdf",
                FileType::Png | FileType::Jpeg => "claims-file-picture",
            }),
            "size",
            file.bytes.div_ceil(BYTES_PER_KIB),
        ),
        href: format!("{base}/files/{}", file.id),
        is_picture: file.kind != FileType::Pdf,
        sha256: file.sha256.to_string(),
    };
    files.iter().map(line).collect()
}

/// What a claim said when it was submitted before, the newest first.
pub(super) fn earlier(words: Words, versions: &[ClaimVersion], base: &str) -> Vec<EarlierLine> {
    let line = |version: &ClaimVersion| EarlierLine {
        submitted: version.submitted_at.map(|at| words.instant(at)).unwrap_or_default(),
        facts: facts(words, &version.said),
        files: files(words, &version.files, base),
    };
    versions.iter().rev().map(line).collect()
}

/// What happened to a claim, first to last.
pub(super) fn history(
    words: Words,
    steps: &[HistoryStep],
    name_of: impl Fn(AccountId) -> Option<String>,
) -> Vec<Happening> {
    let happening = |step: &HistoryStep| {
        let (tone, key) = match step.event {
            ClaimEvent::Begun => ("idle", "claims-event-begun"),
            ClaimEvent::Submitted => ("idle", "claims-event-submitted"),
            ClaimEvent::Returned => ("warn", "claims-event-returned"),
            ClaimEvent::Accepted => ("good", "claims-event-accepted"),
            ClaimEvent::Rejected => ("bad", "claims-event-rejected"),
            ClaimEvent::Withdrawn => ("idle", "claims-event-withdrawn"),
            ClaimEvent::NotRecorded => ("bad", "claims-event-not-recorded"),
            ClaimEvent::Declared => ("warn", "claims-event-declared"),
            ClaimEvent::Corrected => ("warn", "claims-event-corrected"),
            ClaimEvent::Voided => ("bad", "claims-event-voided"),
            ClaimEvent::NotCorrected => ("bad", "claims-event-not-corrected"),
        };
        let role = step.role.map(|role| role_in_words(words, role.as_str()));
        let name = step.account.and_then(&name_of);
        let when: Vec<String> = [words.instant(step.at)].into_iter().chain(role).chain(name).collect();
        let detail = match step.event {
            ClaimEvent::Corrected | ClaimEvent::Voided => correction_reason(words, step.reason.as_deref()),
            _ => step.reason.clone().unwrap_or_default(),
        };
        Happening { when: when.join(" · "), what: words.say(key), detail, tone }
    };
    steps.iter().map(happening).collect()
}

/// Why an entry was corrected: a word of the code list.
fn correction_reason(words: Words, reason: Option<&str>) -> String {
    let reason = reason.and_then(|reason| reason.parse().ok());
    reason.map(|reason| reason_in_words(words, reason)).unwrap_or_default()
}

/// What keeps a claim from being submitted, in words: evidence is all that can be missing of one that was saved.
pub(super) fn missing(words: Words, errors: &FieldErrors) -> Vec<String> {
    let text = |error: &FieldError| {
        let problem = if words.tag() == "en" { error.problem.to_string() } else { error.problem.zh() };
        words.with2("layout-mistake", "field", words.say("claims-evidence"), "problem", problem)
    };
    errors.0.iter().map(text).collect()
}

/// An evidence file as it is, for a browser that shows it and does nothing else with it.
pub(super) fn serve(evidence: Evidence) -> Response {
    let Evidence { file, bytes } = evidence;
    let name = percent_encoded(&file.name);
    let disposition = format!("inline; filename*=UTF-8''{name}");
    let disposition = HeaderValue::try_from(disposition).unwrap_or(HeaderValue::from_static("inline"));
    let fixed = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(CONTENT_TYPE, file.kind.media_type()),
        (CONTENT_DISPOSITION, disposition),
        fixed(CONTENT_SECURITY_POLICY, FILE_POLICY),
        fixed(X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    (StatusCode::OK, headers, bytes).into_response()
}

/// As an extended value of a header. (RFC 8187, section 3.2)
fn percent_encoded(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}
