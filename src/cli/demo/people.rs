//! Invented people, employers, providers and courses. Whoever finds a namesake here has found a coincidence: towns are
//! made up, and credit codes lie in a region (99) that GB/T 2260 does not have.

use uuid::Builder;

use super::super::Failure;
use super::random::Random;
use crate::ledger::entry::LearnerId;
use crate::service::registry::Employment;
use crate::standard::{CreditCode, Day, StudyForm};

/// The first digits of every invented code: an enterprise (91) in a region that does not exist.
const EMPLOYER_CODE_PREFIX: &str = "91990000MA";
/// The same of a public institution (12) and of a social organisation (51, 52).
const BODY_CODE: &str = "51990000500000001";
const PROVIDER_CODES: [&str; 3] = ["12990000400000011", "52990000300000022", "91990000MA0000033"];

/// The authority that supervises the body, a state organ (11).
const AUTHORITY_CODE: &str = "11990000600000044";

/// The authority's name.
pub(super) const AUTHORITY_NAME: &str = "云岭市市场监督管理局（示例）";
/// The certifying body's name.
pub(super) const BODY_NAME: &str = "云岭质量人才认定中心（示例）";
/// The providers' names.
pub(super) const PROVIDER_NAMES: [&str; 3] =
    ["云岭质量学院（示例）", "青澜质量技术培训中心（示例）", "望川企业管理咨询有限公司（示例）"];
/// How the learners are spread over the providers, in per cent.
pub(super) const PROVIDER_SHARES: [usize; 3] = [45, 33, 22];

/// A course as it is registered: code, title, half hours, and the form it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct CourseSeed {
    /// The provider's code.
    pub(super) code: &'static str,
    /// The title.
    pub(super) title: &'static str,
    /// Its length in half credit hours.
    pub(super) half_hours: usize,
}

const fn course(code: &'static str, title: &'static str, half_hours: usize) -> CourseSeed {
    CourseSeed { code, title, half_hours }
}

/// The courses that are studied online or in class: the fifteen of a CQO's plan, and a day's class of several topics.
pub(super) const COURSES: [CourseSeed; 16] = [
    course("QM-01", "质量法律法规与主体责任", 4),
    course("QM-02", "首席质量官制度与岗位职责", 2),
    course("QM-03", "质量战略管理", 4),
    course("QM-04", "企业质量文化建设", 3),
    course("QM-05", "质量经济性分析", 4),
    course("QM-06", "品牌建设与管理", 3),
    course("QM-07", "卓越绩效评价准则 GB/T 19580", 8),
    course("QM-08", "GB/T 19001 与风险思维", 4),
    course("QM-09", "国家质量基础设施 (NQI)", 2),
    course("QM-10", "标准体系构建与制修订", 4),
    course("QM-11", "质量改进工具", 8),
    course("QM-12", "供应链质量管理", 3),
    course("QM-13", "数字化质量管理", 3),
    course("QM-14", "质量安全事故案例", 2),
    course("QM-15", "诚信与利益冲突", 1),
    course("QM-99", "首席质量官能力提升集中培训", 16),
];

/// What is recorded for the other forms of 9.4.1.2. The length is that of the longest entry.
pub(super) const OTHER_COURSES: [CourseSeed; 6] = [
    course("EX-01", "质量管理学术交流年会", 16),
    course("EX-02", "标杆企业质量经验交流会", 16),
    course("PUB-01", "质量专业期刊论文", 16),
    course("PUB-02", "质量管理案例成果发布", 16),
    course("OT-01", "团体标准起草工作", 16),
    course("OT-02", "质量奖现场评审实践", 16),
];

/// What form entries of [`StudyForm::Other`] give as their reason.
pub(super) const OTHER_REASONS: [&str; 2] =
    ["参与标准起草，由起草单位出具证明", "担任质量奖评审员，由组织单位出具证明"];

/// The courses that entries of this form name.
pub(super) fn courses_of(form: StudyForm) -> &'static [CourseSeed] {
    match form {
        StudyForm::Online | StudyForm::Lecture => &COURSES,
        StudyForm::Exchange => &OTHER_COURSES[0..2],
        StudyForm::Publication => &OTHER_COURSES[2..4],
        StudyForm::Other => &OTHER_COURSES[4..6],
    }
}

/// What activities that CQOs organise are about.
pub(super) const TOPICS: [&str; 10] = [
    "全员质量意识提升培训",
    "QC 小组活动方法与实战",
    "质量月专题讲座",
    "过程审核与分层审核培训",
    "供应商质量改进研讨",
    "质量事故案例复盘",
    "测量系统分析培训",
    "新版标准宣贯",
    "客户投诉处理与 8D 方法",
    "首件检验与防错方法培训",
];

/// Surnames with how often they are drawn: common ones often, the rare and the compound ones seldom.
const SURNAMES: [(&str, usize); 60] = [
    ("王", 72),
    ("李", 71),
    ("张", 68),
    ("刘", 54),
    ("陈", 45),
    ("杨", 31),
    ("赵", 23),
    ("黄", 23),
    ("周", 21),
    ("吴", 20),
    ("徐", 17),
    ("孙", 15),
    ("胡", 13),
    ("朱", 13),
    ("高", 12),
    ("林", 12),
    ("何", 12),
    ("郭", 11),
    ("马", 11),
    ("罗", 10),
    ("梁", 9),
    ("宋", 8),
    ("郑", 8),
    ("谢", 8),
    ("韩", 8),
    ("唐", 7),
    ("冯", 7),
    ("于", 7),
    ("董", 7),
    ("萧", 6),
    ("程", 6),
    ("曹", 6),
    ("袁", 5),
    ("邓", 5),
    ("许", 5),
    ("傅", 5),
    ("沈", 5),
    ("曾", 5),
    ("彭", 5),
    ("吕", 5),
    ("苏", 4),
    ("卢", 4),
    ("蒋", 4),
    ("蔡", 4),
    ("贾", 3),
    ("丁", 3),
    ("尉迟", 1),
    ("欧阳", 3),
    ("上官", 1),
    ("司马", 1),
    ("诸葛", 1),
    ("令狐", 1),
    ("逄", 1),
    ("禤", 1),
    ("亓", 1),
    ("麴", 1),
    ("郄", 1),
    ("妫", 1),
    ("璩", 1),
    ("仉", 1),
];

/// Characters of given names.
const GIVEN: [&str; 64] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀", "霞",
    "平", "刚", "桂", "英", "华", "玉", "兰", "萍", "红", "建", "文", "辉", "力", "志", "永", "健", "世", "广", "海",
    "山", "仁", "波", "宁", "贵", "福", "生", "龙", "元", "全", "国", "胜", "学", "祥", "才", "发", "武", "新", "利",
    "清", "飞", "彬", "富", "顺", "信", "子",
];

/// Rare characters of given names; most lie beyond the basic plane of Unicode, as some people's names do.
const RARE: [&str; 9] = ["𬭎", "𫖮", "𬱖", "𬍛", "𫟹", "𣲗", "𠅤", "䶮", "堃"];

/// Names with parts joined by a middle dot.
const DOTTED_FIRST: [&str; 8] =
    ["阿卜杜拉", "古丽娜尔", "迪丽努尔", "买买提江", "热依汗古丽", "阿依努尔", "巴合提", "斯琴高娃"];
const DOTTED_LAST: [&str; 6] = ["艾尔肯", "吐尔逊", "阿不都热依木", "努尔兰", "买合木提", "依明江"];
/// Names of other peoples, without a surname.
const ETHNIC: [&str; 8] = ["扎西顿珠", "格桑卓玛", "次仁央金", "巴特尔", "乌云其木格", "阿木古郎", "岩温罕", "金成哲"];

/// How many in a thousand have a rare character, a dotted name, a name without a surname.
const RARE_PER_MILLE: usize = 12;
const DOTTED_PER_MILLE: usize = 16;
const ETHNIC_PER_MILLE: usize = 14;

/// Towns that no map has.
const TOWNS: [&str; 12] =
    ["云岭", "青澜", "望川", "临溪湾", "朔原", "南屏岭", "星港", "梧桐渡", "白鹭洲", "锦河", "松原岭", "沧浪浦"];
/// Words in the names of companies.
const BRANDS: [&str; 16] = [
    "恒远", "瑞丰", "启明", "安泰", "宏图", "金诚", "华盛", "卓越", "同创", "佳和", "博瑞", "天工", "众志", "润泽",
    "新锐", "鼎信",
];
/// What companies do.
const TRADES: [&str; 14] = [
    "精密机械",
    "食品",
    "汽车零部件",
    "电子科技",
    "医疗器械",
    "建材",
    "纺织",
    "化工",
    "装备制造",
    "电缆",
    "家居",
    "新能源",
    "包装材料",
    "仪器仪表",
];

/// Large companies, which several CQOs serve: town, brand and trade by their places in the lists.
const LARGE: [[usize; 3]; 6] = [[0, 0, 0], [1, 1, 1], [2, 2, 11], [3, 8, 2], [7, 5, 8], [10, 11, 3]];

/// One invented CQO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// The learner's id.
    pub(super) id: LearnerId,
    /// The name.
    pub(super) name: String,
    /// Which provider registers the person.
    pub(super) provider: usize,
    /// Employers, the present one last.
    pub(super) employers: Vec<Employment>,
}

/// The certifying body's credit code.
pub(super) fn body_code() -> Result<CreditCode, Failure> {
    CreditCode::with_check(BODY_CODE).map_err(Failure::new)
}

/// The competent authority's credit code.
pub(super) fn authority_code() -> Result<CreditCode, Failure> {
    CreditCode::with_check(AUTHORITY_CODE).map_err(Failure::new)
}

/// The providers' credit codes.
pub(super) fn provider_codes() -> Result<Vec<CreditCode>, Failure> {
    PROVIDER_CODES.iter().map(|body| CreditCode::with_check(body).map_err(Failure::new)).collect()
}

/// Draws one person, registered at the beginning of `year`.
pub(super) fn draw_person(random: &mut Random, provider: usize, year: i16) -> Result<Person, Failure> {
    let name = draw_name(random);
    let employers = draw_employers(random, year)?;
    let first = Day::new(year, 1, 1).map_err(Failure::new)?;
    Ok(Person { id: LearnerId::try_from(draw_uuid(random, first)?).map_err(Failure::new)?, name, provider, employers })
}

/// A UUID of version 7 from some moment of `day`.
pub(super) fn draw_uuid(random: &mut Random, day: Day) -> Result<uuid::Uuid, Failure> {
    /// The milliseconds of a working day from 8 to 20 hours.
    const OPENS_MS: usize = 8 * 3_600_000;
    const CLOSES_MS: usize = 20 * 3_600_000;
    let begins = u64::try_from(day.begins().map_err(Failure::new)?.millis()).map_err(Failure::new)?;
    let at = begins + random.between(OPENS_MS, CLOSES_MS) as u64;
    Ok(Builder::from_unix_timestamp_millis(at, &random.bytes()).into_uuid())
}

fn draw_name(random: &mut Random) -> String {
    let pick = |random: &mut Random, list: &[&'static str]| random.pick(list).copied().unwrap_or_default();
    let kind = random.below(1_000);
    if kind < DOTTED_PER_MILLE {
        return format!("{}·{}", pick(random, &DOTTED_FIRST), pick(random, &DOTTED_LAST));
    }
    if kind < DOTTED_PER_MILLE + ETHNIC_PER_MILLE {
        return pick(random, &ETHNIC).to_owned();
    }
    let weights = SURNAMES.map(|(_, weight)| weight);
    let surname = random.weighted(&weights).map_or("", |i| SURNAMES[i].0);
    let mut given = pick(random, &GIVEN).to_owned();
    if kind >= 1_000 - RARE_PER_MILLE {
        given.push_str(pick(random, &RARE));
    } else if random.percent(68) {
        given.push_str(pick(random, &GIVEN));
    }
    format!("{surname}{given}")
}

/// One to four employers without a gap of more than a year; the last one lasts.
fn draw_employers(random: &mut Random, year: i16) -> Result<Vec<Employment>, Failure> {
    /// How many employers people have had: 1 to 4, in per cent.
    const COUNTS: [usize; 4] = [38, 36, 19, 7];
    /// Years with one employer.
    const STAY_YEARS: (usize, usize) = (2, 8);
    let count = random.weighted(&COUNTS).unwrap_or(0) + 1;
    let stays: Vec<usize> = (0..count).map(|_| random.between(STAY_YEARS.0, STAY_YEARS.1)).collect();
    let mut from_year = year - i16::try_from(stays.iter().sum::<usize>()).map_err(Failure::new)?;
    let mut employers = Vec::with_capacity(count);
    for (i, stay) in stays.iter().enumerate() {
        let from = draw_day(random, from_year, 1, 6)?;
        from_year += i16::try_from(*stay).map_err(Failure::new)?;
        // A job ends in the second half of the year before the next one begins.
        let to = if i + 1 < count { Some(draw_day(random, from_year - 1, 7, 12)?) } else { None };
        let (name, code) = draw_employer(random)?;
        employers.push(Employment { name, code, from, to });
    }
    Ok(employers)
}

/// A company: what its name says, its code says too, so that the same company always has the same code.
fn draw_employer(random: &mut Random) -> Result<(String, Option<CreditCode>), Failure> {
    /// So many in a hundred serve one of [`LARGE`].
    const OF_LARGE: usize = 22;
    let mut at = [random.below(TOWNS.len()), random.below(BRANDS.len()), random.below(TRADES.len())];
    if random.percent(OF_LARGE) {
        at = random.pick(&LARGE).copied().unwrap_or(at);
    }
    let (name, code) = employer(at)?;
    // Some employers' codes are not known to the provider.
    Ok((name, Some(code).filter(|_| random.percent(85) || LARGE.contains(&at))))
}

/// The company of a town, a brand and a trade, by their places in the lists.
fn employer([town, brand, trade]: [usize; 3]) -> Result<(String, CreditCode), Failure> {
    let name = format!("{}{}{}有限公司（示例）", TOWNS[town], BRANDS[brand], TRADES[trade]);
    let code = CreditCode::with_check(&format!("{EMPLOYER_CODE_PREFIX}{town:02}{brand:02}{trade:03}"));
    Ok((name, code.map_err(Failure::new)?))
}

/// Name and credit code of each of [`LARGE`].
pub(super) fn large_employers() -> Result<Vec<(String, CreditCode)>, Failure> {
    LARGE.into_iter().map(employer).collect()
}

/// A day of some months of a year; every month has 28 days here.
pub(super) fn draw_day(random: &mut Random, year: i16, first_month: usize, last_month: usize) -> Result<Day, Failure> {
    const DAYS: usize = 28;
    let month = i8::try_from(random.between(first_month, last_month)).map_err(Failure::new)?;
    let date = i8::try_from(random.between(1, DAYS)).map_err(Failure::new)?;
    Day::new(year, month, date).map_err(Failure::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::MAX_NAME;
    use crate::ledger::fields::check_text;

    #[test]
    fn names_are_what_the_ledger_takes_and_not_only_of_the_basic_plane() {
        let mut random = Random::new(7);
        let names: Vec<String> = (0..5_000).map(|_| draw_name(&mut random)).collect();
        for name in &names {
            assert!(check_text(name, MAX_NAME).is_ok(), "{name}");
            assert!((2..=14).contains(&name.chars().count()), "{name}");
        }
        assert!(names.iter().any(|name| name.chars().any(|c| u32::from(c) > 0xFFFF)));
        assert!(names.iter().any(|name| name.contains('·')));
        assert!(names.iter().any(|name| name.starts_with("欧阳")));
        for each in RARE.iter().chain(&GIVEN) {
            assert_eq!(each.chars().count(), 1, "{each}");
        }
    }

    #[test]
    fn employers_follow_each_other_and_the_last_one_lasts() {
        let mut random = Random::new(8);
        for _ in 0..2_000 {
            let employers = draw_employers(&mut random, 2025).unwrap();
            assert!(employers.last().unwrap().to.is_none());
            for pair in employers.windows(2) {
                assert!(pair[0].from < pair[0].to.unwrap() && pair[0].to.unwrap() < pair[1].from);
            }
        }
    }

    #[test]
    fn organisations_have_right_codes_and_courses_different_ones() {
        let mut codes = provider_codes().unwrap();
        codes.push(body_code().unwrap());
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), PROVIDER_NAMES.len() + 1);
        let mut courses: Vec<&str> = COURSES.iter().chain(&OTHER_COURSES).map(|course| course.code).collect();
        courses.sort_unstable();
        courses.dedup();
        assert_eq!(courses.len(), COURSES.len() + OTHER_COURSES.len());
    }
}
