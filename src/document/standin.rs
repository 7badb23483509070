use crate::ledger::entry::*;
use crate::merkle::Hash;
use crate::standard::*;
pub enum RowForm {
    Study(StudyForm),
    Activity,
}
pub struct Row {
    pub commitment: Hash,
    pub title: String,
    pub course_code: Option<CourseCode>,
    pub provider: String,
    pub form: RowForm,
    pub form_reason: Option<String>,
    pub first_day: Day,
    pub last_day: Day,
    pub hours: Option<CreditHours>,
    pub attendees: Option<u32>,
    pub height: u64,
    pub index: u64,
    pub sealed_at: UnixMillis,
}
pub struct Site(pub String);
impl Site {
    pub fn certificate_url(&self, n: &str) -> String {
        format!("{}/v/{n}", self.0)
    }
}
pub struct HourCertificate {
    pub number: String,
    pub site: Site,
    pub origin: Origin,
    pub issuer: Owner,
    pub issued: UnixMillis,
    pub learner: Learner,
    pub employer: Option<String>,
    pub id_number: Option<String>,
    pub span: (Day, Day),
    pub rulebook: RulebookVersion,
    pub minutes: u32,
    pub rows: Vec<Row>,
    pub list: u32,
    pub index: u32,
}
impl HourCertificate {
    pub fn total(&self) -> u64 {
        self.rows.iter().filter_map(|r| r.hours).map(|h| u64::from(h.hundredths())).sum()
    }
    pub fn activities(&self) -> usize {
        self.rows.iter().filter(|r| matches!(r.form, RowForm::Activity)).count()
    }
}
