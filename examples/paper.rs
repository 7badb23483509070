//! Writes sample certificates.
use cqo_ledger::document::standin::*;
use cqo_ledger::document::{Fonts, Language, hour_certificate};
use cqo_ledger::ledger::entry::{Learner, Owner};
use cqo_ledger::standard::{CreditHours, StudyForm, UnixMillis};

fn row(at: usize, title: &str, provider: &str) -> Row {
    Row {
        commitment: cqo_ledger::merkle::Hash::of(&[b"x"]),
        title: title.into(),
        course_code: Some(format!("CQO-{}", 101 + at).parse().unwrap()),
        provider: provider.into(),
        form: if at % 7 == 3 { RowForm::Activity } else { RowForm::Study(StudyForm::ALL[at % 5]) },
        form_reason: (at % 5 == 4).then(|| "企业内训".into()),
        first_day: "2026-09-01".parse().unwrap(),
        last_day: if at % 3 == 0 { "2026-09-01" } else { "2026-09-05" }.parse().unwrap(),
        hours: (at % 7 != 3).then(|| CreditHours::from_hundredths(800 + 150 * (at as u32 % 4))),
        attendees: (at % 7 == 3).then_some(35),
        height: 128_734,
        index: at as u64 * 3,
        sealed_at: UnixMillis::new(1_792_100_000_123 + at as i64 * 86_461_000).unwrap(),
    }
}

fn main() {
    let fonts = Fonts::load(None).unwrap();
    let titles = [
        "首席质量官职责与质量战略",
        "《质量强国建设纲要》解读与企业落实",
        "全面质量管理（TQM）与卓越绩效模式",
        "质量成本管理与经济性分析",
        "六西格玛与统计过程控制（SPC）",
        "供应链质量管理与检验检测认证",
        "质量数字化：MES、QMS 与区块链存证",
        "产品质量法律责任与召回案例研讨",
    ];
    let english = [
        "Juran’s Quality Handbook in practice: planning, control and improvement",
        "Six Sigma — statistical process control (SPC)",
        "AVATAR To Va Wo: Kerning",
    ];
    let make = |rows: usize, name: &str, employer: &str, long: bool, en: bool| HourCertificate {
        number: "XS-2026-340100-7K3M9QX2AB-9".into(),
        site: Site("https://cqo.example.cn".into()),
        origin: "ledger.example.org/cqo".parse().unwrap(),
        issuer: Owner {
            code: "52340100MJA0000017".parse().unwrap_or_else(|_| "91990000MA0000101X".parse().unwrap()),
            name: "示范市质量协会".into(),
        },
        issued: UnixMillis::new(1_795_330_325_000).unwrap(),
        learner: Learner { id: "0192f0c1-2345-7000-8000-000000000001".parse().unwrap(), name: name.into() },
        employer: Some(employer.into()),
        id_number: Some("4*************1234".into()),
        span: ("2026-09-01".parse().unwrap(), "2026-10-26".parse().unwrap()),
        rulebook: "2026.1".parse().unwrap(),
        minutes: 45,
        rows: (0..rows)
            .map(|at| {
                if long && at == 0 {
                    row(at, &"超长课程名称".repeat(33), &"某某培训机构、".repeat(28))
                } else if en {
                    row(at, english[at % 3], "Example Quality Institute (Shenzhen) Co., Ltd.")
                } else {
                    row(at, titles[at % 8], "示范质量培训中心")
                }
            })
            .collect(),
        list: 0,
        index: 5,
    };
    for (name, language, certificate) in [
        ("sample", Language::Chinese, make(8, "欧阳㛃𬭎", "示范精密制造（深圳）有限公司", false, false)),
        ("sample.en", Language::English, make(8, "欧阳㛃𬭎", "示范精密制造（深圳）有限公司", false, false)),
        (
            "latin",
            Language::English,
            make(
                6,
                "Wilhelmina Vandenberg-O’Connor",
                "Example Precision Manufacturing (Shenzhen) Co., Ltd.",
                false,
                true,
            ),
        ),
        ("one", Language::Chinese, make(1, "王𫖯䶮", "示范精密制造（深圳）有限公司", false, false)),
        ("forty", Language::Chinese, make(40, "欧阳翚", "示范精密制造（深圳）有限公司", false, false)),
        ("forty.en", Language::English, make(40, "欧阳翚", "示范精密制造（深圳）有限公司", false, false)),
        ("thousand", Language::Chinese, make(1000, "欧阳翚", "示范精密制造（深圳）有限公司", false, false)),
        (
            "long",
            Language::Chinese,
            make(
                5,
                &"阿不都热西提·".repeat(15).chars().take(100).collect::<String>(),
                &"超长企业名称".repeat(33),
                true,
                false,
            ),
        ),
        (
            "long.en",
            Language::English,
            make(
                5,
                &"Adolph Blaine Charles ".repeat(5).chars().take(100).collect::<String>(),
                &"超长企业名称".repeat(33),
                true,
                false,
            ),
        ),
    ] {
        let pdf =
            hour_certificate(&fonts, language, &certificate, br#"{"credential":true}"#, br#"{"proof":true}"#).unwrap();
        std::fs::write(format!("target/{name}.pdf"), pdf).unwrap();
    }
}
