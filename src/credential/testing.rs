//! What the tests of several modules share: a certificate and a status list with everything in them, and keys.

use ed25519_dalek::SigningKey;

use super::{HourCertificate, Row, RowForm, StatusList};
use crate::ledger::entry::{Learner, Owner};
use crate::merkle::Hash;
use crate::standard::{CreditHours, StudyForm};

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A certificate with a row of each form.
pub(crate) fn certificate() -> HourCertificate {
    let forms = StudyForm::ALL.iter().map(|form| RowForm::Study(*form)).chain([RowForm::Activity]);
    HourCertificate {
        number: "XS-2026-340100-7K3M9QX2AB-4".parse().unwrap(),
        site: "https://ledger.example.cn".parse().unwrap(),
        origin: "ledger.example.cn/cqo:1~a".parse().unwrap(),
        issuer: Owner { code: "91340100600037341K".parse().unwrap(), name: "某某质量协会".into() },
        issued: "2026-11-22T08:00:00.123Z".parse().unwrap(),
        learner: Learner { id: "019a0b1c-2d3e-7f40-8a5b-00000000000a".parse().unwrap(), name: "𠮷田 李雷".into() },
        employer: Some("合肥某某公司".into()),
        id_number: Some("3*************123X".parse().unwrap()),
        span: ("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap()),
        rulebook: "2026.1".parse().unwrap(),
        minutes: 45,
        rows: (0..).zip(forms).map(|(i, form)| row(i, form)).collect(),
        list: 3,
        index: 94_567,
    }
}

/// A row whose numbers follow from its place.
pub(crate) fn row(i: u32, form: RowForm) -> Row {
    let activity = form == RowForm::Activity;
    Row {
        commitment: Hash::of(&[&i.to_be_bytes()]),
        title: format!("质量管理 \"第{i}课\" \\ Course"),
        course_code: (!activity).then(|| format!("QM-{i}").parse().unwrap()),
        provider: "甲；形式说明 乙；培训机构".into(),
        form,
        form_reason: (form == RowForm::Study(StudyForm::Other)).then(|| "现场；形式说明 观摩".into()),
        first_day: "2026-03-02".parse().unwrap(),
        last_day: if activity { "2026-03-02" } else { "2026-03-06" }.parse().unwrap(),
        hours: (!activity).then_some(CreditHours::from_hundredths(125 + i)),
        attendees: activity.then_some(30),
        height: 1_042,
        index: i.into(),
        sealed_at: "2026-03-07T01:02:03.004Z".parse().unwrap(),
    }
}

pub(crate) fn status_list() -> StatusList {
    let moment = |text: &str| text.parse().unwrap();
    let mut list = StatusList::new(
        "https://ledger.example.cn".parse().unwrap(),
        3,
        moment("2026-11-22T08:00:00.000Z"),
        moment("2026-11-23T08:00:00.000Z"),
    );
    list.set(0);
    list.set(94_568);
    list
}
