//! Courses of providers, each with every version that it had.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{COURSES, CourseRow, CourseVersionRow};
use super::MAX_PAGE;
use super::reading::read_batch;
use super::rows::damaged;
use crate::ledger::entry::{CourseCode, MAX_TITLE};
use crate::ledger::fields::{FieldErrors, Fields};
use crate::standard::{CreditCode, CreditHours, MAX_ENTRY_HOURS};
use crate::store::Commit;

/// A course of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Course {
    /// Whose course it is.
    pub provider: CreditCode,
    /// The provider's code of it.
    pub code: CourseCode,
    /// Its title in the newest version.
    pub title: String,
    /// Its credit hours in the newest version.
    pub hours: CreditHours,
    /// How many versions there are; a new title or other hours make a new one.
    pub version: usize,
}

impl Service {
    /// Registers courses of the asking provider; a new title or other hours make a new version.
    pub async fn put_courses(&self, actor: &Actor, input: Value) -> Result<Vec<Course>, Error> {
        self.allow(actor, Action::WriteRegistry)?;
        let mut courses = read_batch(input, |item, path, errors| self.read_course(actor, item, path, errors))?;
        let _one_at_a_time = self.registry.lock().await;
        let mut rows: HashMap<(String, String), CourseRow> = HashMap::new();
        for course in &mut courses {
            let key = (course.provider.to_string(), course.code.to_string());
            let mut row = match rows.remove(&key) {
                Some(row) => row,
                None => match COURSES.get(&*self.store, &key).await? {
                    Some(row) => row.value,
                    None => CourseRow { versions: Vec::new() },
                },
            };
            if row.versions.last().is_none_or(|last| last.title != course.title || last.hours != course.hours) {
                let since = self.clock.now();
                row.versions.push(CourseVersionRow { title: course.title.clone(), hours: course.hours, since });
            }
            course.version = row.versions.len();
            rows.insert(key, row);
        }
        let mut commit = Commit::new(self.event(actor, "put_courses", format!("{} courses", rows.len())));
        for (key, row) in &rows {
            commit = commit.write(COURSES.put(key, row)?);
        }
        self.store.commit(commit).await?;
        let mut directory = self.directory_mut();
        for course in &courses {
            let key = (course.provider.clone(), course.code.clone());
            let titles = &rows[&(course.provider.to_string(), course.code.to_string())].versions;
            directory.courses.insert(key, titles.iter().map(|version| version.title.clone()).collect());
        }
        Ok(courses)
    }

    /// A page of a provider's courses, after the code `after`.
    pub async fn courses(
        &self,
        actor: &Actor,
        provider: &CreditCode,
        after: Option<&CourseCode>,
        limit: usize,
    ) -> Result<Vec<Course>, Error> {
        self.allow(actor, Action::ReadRegistry)?;
        if !actor.owns(provider) {
            return Err(Error::Forbidden);
        }
        let mut range = COURSES.prefix(&provider.to_string());
        if let Some(code) = after {
            range = range.after(COURSES.row_key(&(provider.to_string(), code.to_string())));
        }
        let rows = COURSES.scan(&*self.store, range, limit.min(MAX_PAGE)).await?;
        rows.into_iter()
            .map(|((_, code), row)| {
                let version = row.value.versions.len();
                let newest = row.value.versions.into_iter().next_back().ok_or_else(|| damaged("no version"))?;
                let code = code.parse().map_err(damaged)?;
                Ok(Course { provider: provider.clone(), code, title: newest.title, hours: newest.hours, version })
            })
            .collect()
    }

    fn read_course(&self, actor: &Actor, item: Value, path: &str, errors: &mut FieldErrors) -> Option<Course> {
        let mut fields = Fields::of(item, path, errors)?;
        let code = fields.parsed("code");
        let title = fields.text("title", MAX_TITLE);
        let hours = fields
            .integer("hours", 1, u64::from(MAX_ENTRY_HOURS.hundredths()))
            .and_then(|hours| u32::try_from(hours).ok())
            .map(CreditHours::from_hundredths);
        let provider = self.read_provider(actor, &mut fields);
        fields.finish();
        Some(Course { provider: provider?, code: code?, title: title?, hours: hours?, version: 0 })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::*;

    #[tokio::test]
    async fn another_title_or_other_hours_make_another_version_of_a_course() {
        let mut world = World::new().await;
        let (service, a) = (world.service(), provider_a());
        let course = |title: &str, hours: u32| json!({"code": "QM-300", "title": title, "hours": hours});
        for (title, hours, version) in
            [("六西格玛", 800, 1), ("六西格玛", 800, 1), ("六西格玛", 900, 2), ("六西格玛管理", 900, 3)]
        {
            let courses = service.put_courses(&a.actor(), course(title, hours)).await.unwrap();
            assert_eq!(courses[0].version, version, "{title} {hours}");
        }
        let listed = service.courses(&a.actor(), &a.code, None, 10).await.unwrap();
        assert_eq!(listed.iter().map(|course| course.version).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(service.courses(&a.actor(), &a.code, Some(&listed[0].code), 10).await.unwrap(), listed[1..]);
        // Study under an earlier title was study of this course.
        for title in ["六西格玛", "六西格玛管理"] {
            let mut entry = a.study();
            study_of(&mut entry).course_code = "QM-300".parse().unwrap();
            study_of(&mut entry).course_title = title.into();
            world.accept(&a, &[&a.sign(entry)]).await;
        }
    }
}
