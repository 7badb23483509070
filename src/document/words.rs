//! The words on a certificate in its two editions (proofs/FORMATS.md section 14: the labels on paper).
//!
//! The data are the same in both. Nothing here says that hours are true, that anybody passed an examination, or that
//! the draft standard asks for these fields: it prescribes none.

use super::Language;
use crate::credential::{HourCertificate, MaskedIdNumber, Row, RowForm};
use crate::standard::{Day, DayError, StudyForm, TotalHours, UnixMillis, day_of};

/// The fixed texts of an edition.
pub(super) struct Words {
    /// The document's language, RFC 3066.
    pub(super) code: &'static str,
    /// The language of the line under the title.
    pub(super) other_code: &'static str,
    pub(super) title: &'static str,
    pub(super) other_title: &'static str,
    pub(super) number: &'static str,
    pub(super) name: &'static str,
    pub(super) issuer: &'static str,
    pub(super) date: &'static str,
    pub(super) span: &'static str,
    pub(super) address: &'static str,
    pub(super) digest: &'static str,
    pub(super) rows: &'static str,
    pub(super) check: &'static str,
    pub(super) columns: [&'static str; 7],
    pub(super) total: &'static str,
    pub(super) activity: &'static str,
    pub(super) scan: &'static str,
    pub(super) code_image: &'static str,
    /// What the attached files are.
    pub(super) credential: &'static str,
    pub(super) proof: &'static str,
    pub(super) colon: &'static str,
    /// What the chain shows, and what it does not; how to check.
    pub(super) statement: &'static str,
    pub(super) how: &'static str,
}

const CHINESE: Words = Words {
    code: "zh-CN",
    other_code: "en",
    title: "首席质量官培训学时证明",
    other_title: "Certificate of Chief Quality Officer Training Hours",
    number: "证书编号",
    name: "姓名",
    issuer: "签发机构",
    date: "签发日期",
    span: "起止日期",
    address: "核验网址",
    digest: "凭证摘要",
    rows: "学时明细",
    check: "签发与核验",
    columns: ["课程", "培训机构", "形式", "学习日期", "学时", "上链时间\n（北京时间）", "存证编号"],
    total: "合计学时",
    activity: "组织培训活动",
    scan: "扫码核验",
    code_image: "核验二维码",
    credential: "本证明的凭证，已签名",
    proof: "凭证与所列学时记录的证明包",
    colon: "：",
    statement: "本证明表明所列学时记录上链后未被篡改，不证明内容属实。",
    how: "可扫码或访问核验网址核验，也可用本文件所附的 credential.json 与 proof.json 离线核验；签发后的更正与撤销以核验结果为准。",
};

const ENGLISH: Words = Words {
    code: "en",
    other_code: "zh-CN",
    title: "Certificate of\nChief Quality Officer Training Hours",
    other_title: "首席质量官培训学时证明",
    number: "Certificate No.",
    name: "Name",
    issuer: "Issued by",
    date: "Date of issue",
    span: "Period",
    address: "Verify at",
    digest: "Digest",
    rows: "Training hours",
    check: "Issue and verification",
    columns: [
        "Course",
        "Provider",
        "Form",
        "Dates",
        "Credit hours",
        "Time on chain\n(Beijing time)",
        "Attestation number",
    ],
    total: "Total credit hours",
    activity: "Organised activity",
    scan: "Scan to verify",
    code_image: "QR code for verification",
    credential: "the signed credential of this certificate",
    proof: "the proof bundle of the credential and of the listed hours",
    colon: ": ",
    statement: "This certificate shows that the listed records of hours have not been altered since they were sealed on the chain; it \
                does not prove that what they say is true. ",
    how: "Verify it by the QR code or the address above, or offline with the attached files credential.json and proof.json. \
          Verification also shows corrections and revocation after issue.",
};

impl Words {
    /// The texts of an edition.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        }
    }
}

/// The sentence of the certificate: parts, and whether each is set in bold.
pub(super) fn body(language: Language, certificate: &HourCertificate) -> Vec<(String, bool)> {
    let (first, last) = certificate.span;
    let (first, last) = (long_day(language, first), long_day(language, last));
    let plain = |text: &str| (text.to_owned(), false);
    let strong = |text: &str| (text.to_owned(), true);
    let total = total(certificate).to_string();
    let activities = certificate.activities();
    let mut parts = Vec::new();
    match language {
        Language::Chinese => {
            parts.extend([plain("兹证明 "), strong(&certificate.learner.name)]);
            if let Some(number) = certificate.id_number.as_ref().map(MaskedIdNumber::as_str) {
                parts.push((format!("（证件号码：{number}）"), false));
            }
            if let Some(employer) = &certificate.employer {
                parts.extend([plain("，所在组织："), strong(employer)]);
            }
            parts.push((
                format!("，于 {first} 至 {last} 期间的培训学时已在首席质量官培训学时存证账本上链，合计 "),
                false,
            ));
            parts.extend([strong(&total), plain(" 学时")]);
            if activities > 0 {
                parts.extend([plain("，组织培训活动 "), strong(&activities.to_string()), plain(" 次")]);
            }
            parts.push(plain("。"));
        }
        Language::English => {
            parts.extend([plain("This is to certify that the training hours of "), strong(&certificate.learner.name)]);
            if let Some(number) = certificate.id_number.as_ref().map(MaskedIdNumber::as_str) {
                parts.push((format!(" (ID\u{a0}number:\u{a0}{number})"), false));
            }
            if let Some(employer) = &certificate.employer {
                parts.extend([plain(", employer: "), strong(employer)]);
            }
            parts.push((
                format!(
                    ", for the period from {first} to {last} have been sealed on the chain of the ledger of chief quality \
                     officers’ training hours: "
                ),
                false,
            ));
            parts.extend([strong(&total), plain(" credit hours in all")]);
            if activities > 0 {
                parts.extend([plain("; activities organised: "), strong(&activities.to_string())]);
            }
            parts.push(plain("."));
        }
    }
    parts
}

/// What a credit hour is, by which rulebook.
pub(super) fn credit_hour(language: Language, certificate: &HourCertificate) -> String {
    let (minutes, rulebook) = (certificate.minutes, &certificate.rulebook);
    match language {
        Language::Chinese => format!("1 学时 = {minutes} 分钟（规则 {rulebook}）。"),
        Language::English => format!("1 credit hour = {minutes} minutes (rulebook {rulebook}). "),
    }
}

/// How a row's hours were earned.
pub(super) fn form(language: Language, form: RowForm) -> &'static str {
    match (form, language) {
        (RowForm::Activity, _) => Words::of(language).activity,
        (RowForm::Study(form), Language::Chinese) => form.chinese(),
        (RowForm::Study(form), Language::English) => match form {
            StudyForm::Lecture => "Training lecture",
            StudyForm::Exchange => "Academic exchange",
            StudyForm::Publication => "Publication",
            StudyForm::Online => "Online course",
            StudyForm::Other => "Other",
        },
    }
}

/// What is said of a row beside its title: the course's code, why the form is `other`, how many took part.
pub(super) fn details(language: Language, row: &Row) -> String {
    let code = row.course_code.as_ref().map(ToString::to_string);
    let reason = row.form_reason.as_ref().map(|reason| match language {
        Language::Chinese => format!("形式说明：{reason}"),
        Language::English => format!("Form: {reason}"),
    });
    let attendees = row.attendees.map(|attendees| match language {
        Language::Chinese => format!("参加人数 {attendees}"),
        Language::English => format!("{attendees} attended"),
    });
    let parts: Vec<String> = [code, reason, attendees].into_iter().flatten().collect();
    parts.join(" · ")
}

/// The days of a row.
pub(super) fn days(language: Language, row: &Row) -> String {
    let (first, last) = (row.first_day, row.last_day);
    match language {
        _ if first == last => first.to_string(),
        Language::Chinese => format!("{first}\n至 {last}"),
        Language::English => format!("{first}\nto {last}"),
    }
}

/// The hours of a row; an activity has none.
pub(super) fn hours(row: &Row) -> String {
    row.hours.map_or_else(|| "–".to_owned(), |hours| hours.to_string())
}

/// The sum of the hours, with two decimals.
pub(super) fn total(certificate: &HourCertificate) -> TotalHours {
    certificate.rows.iter().filter_map(|row| row.hours).sum()
}

/// The number of a page.
pub(super) fn page(language: Language, page: usize, pages: usize) -> String {
    match language {
        Language::Chinese => format!("第 {page} 页 / 共 {pages} 页"),
        Language::English => format!("Page {page} of {pages}"),
    }
}

/// A day in words.
pub(super) fn long_day(language: Language, day: Day) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, date) = (day.year(), day.date());
    let month = usize::try_from(date.month()).unwrap_or_default();
    match language {
        Language::Chinese => format!("{year}年{month}月{}日", date.day()),
        Language::English => format!("{}\u{a0}{} {year}", date.day(), MONTHS.get(month.wrapping_sub(1)).unwrap_or(&"")),
    }
}

/// A moment of the chain in Beijing time (UTC+8): its day, and its time to the second.
pub(super) fn beijing(moment: UnixMillis) -> Result<(Day, String), DayError> {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    const AHEAD_SECONDS: i64 = 8 * 60 * 60;
    let second = (moment.millis().div_euclid(1_000) + AHEAD_SECONDS).rem_euclid(DAY_SECONDS);
    Ok((day_of(moment)?, format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)))
}
