//! Invented certificates: of any number of rows, with rare characters, and with everything as long as it may be.

use cqo_ledger::credential::{HourCertificate, Row, RowForm};
use cqo_ledger::ledger::entry::{Learner, Owner};
use cqo_ledger::merkle::Hash;
use cqo_ledger::standard::{CreditHours, StudyForm, UnixMillis};

const CHINESE_TITLES: [&str; 8] = [
    "首席质量官职责与质量战略",
    "《质量强国建设纲要》解读与企业落实",
    "全面质量管理（TQM）与卓越绩效模式",
    "质量成本管理与经济性分析",
    "六西格玛与统计过程控制（SPC）",
    "供应链质量管理与检验检测",
    "质量数字化：MES、QMS 与区块链存证",
    "产品质量法律责任与召回案例研讨",
];
const ENGLISH_TITLES: [&str; 3] = [
    "Juran’s Quality Handbook in practice: planning, control and improvement",
    "Six Sigma — statistical process control (SPC)",
    "Wirtschaftlichkeit, Verantwortung, AVOWED WIDTHS",
];

/// A certificate of so many rows for a learner, with Chinese data.
pub(crate) fn certificate(rows: usize, name: &str) -> HourCertificate {
    HourCertificate {
        number: "XS-2026-340100-7K3M9QX2AB-4".parse().unwrap(),
        site: "https://cqo.example.cn".parse().unwrap(),
        origin: "ledger.example.cn/cqo".parse().unwrap(),
        issuer: Owner { code: "91340100600037341K".parse().unwrap(), name: "示范市质量协会".to_owned() },
        issued: "2026-11-22T02:32:05.123Z".parse().unwrap(),
        learner: Learner { id: "019a0b1c-2d3e-7f40-8a5b-00000000000a".parse().unwrap(), name: name.to_owned() },
        employer: Some("示范精密制造（深圳）有限公司".to_owned()),
        id_number: Some("4*************1234".parse().unwrap()),
        span: ("2026-09-01".parse().unwrap(), "2026-10-26".parse().unwrap()),
        rulebook: "2026.1".parse().unwrap(),
        minutes: 45,
        rows: (0..u32::try_from(rows).unwrap())
            .map(|at| row(at, pick(&CHINESE_TITLES, at), "示范质量培训中心"))
            .collect(),
        list: 3,
        index: 94_567,
    }
}

/// A certificate all of whose data are in Latin letters.
pub(crate) fn latin(rows: u32) -> HourCertificate {
    let row = |at| row(at, pick(&ENGLISH_TITLES, at), "Example Quality Institute (Shenzhen) Co., Ltd.");
    HourCertificate {
        employer: Some("Example Precision Manufacturing (Shenzhen) Co., Ltd.".to_owned()),
        rows: (0..rows).map(row).collect(),
        ..certificate(0, "Wilhelmina Vandenberg-O’Connor")
    }
}

/// A certificate with a name of 100 characters, and titles and organisations of 200.
pub(crate) fn long() -> HourCertificate {
    let of = |text: &str, length| text.chars().cycle().take(length).collect::<String>();
    let mut certificate = certificate(4, &of("阿不都热西提·", 100));
    certificate.employer = Some(of("超长企业名称（示范）", 200));
    certificate.issuer.name = of("超长协会名称", 200);
    certificate.rows[0].title = of("超长的课程名称，", 200);
    certificate.rows[0].provider = of("某某培训机构、", 200);
    certificate.rows[1].title = of("Verantwortungsbewusstsein", 200);
    certificate
}

fn pick(titles: &[&'static str], at: u32) -> &'static str {
    titles[usize::try_from(at).unwrap() % titles.len()]
}

fn row(at: u32, title: &str, provider: &str) -> Row {
    let form = if at % 9 == 8 { RowForm::Activity } else { RowForm::Study(StudyForm::ALL[(at % 5) as usize]) };
    let study = form != RowForm::Activity;
    Row {
        commitment: Hash::of(&[&at.to_be_bytes()]),
        title: title.to_owned(),
        course_code: study.then(|| format!("CQO-{}", 101 + at).parse().unwrap()),
        provider: provider.to_owned(),
        form,
        form_reason: (form == RowForm::Study(StudyForm::Other)).then(|| "企业内训".to_owned()),
        first_day: "2026-09-01".parse().unwrap(),
        last_day: if study && !at.is_multiple_of(3) { "2026-09-05" } else { "2026-09-01" }.parse().unwrap(),
        hours: study.then(|| CreditHours::from_hundredths(600 + 150 * (at % 4))),
        attendees: (!study).then_some(35),
        height: 128_734,
        index: u64::from(at) * 3,
        sealed_at: UnixMillis::new(1_790_000_000_123 + i64::from(at) * 8_461_000).unwrap(),
    }
}
