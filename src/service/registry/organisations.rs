//! Organisations: who is registered, under what name, and what each is here.

use serde::Serialize;
use serde_json::Value;

use super::super::Service;
use super::super::access::{Action, Actor};
use super::super::error::Error;
use super::super::tables::{ORGANISATIONS, OrganisationRow};
use super::reading::visible;
use crate::ledger::entry::MAX_TITLE;
use crate::ledger::fields::{FieldErrors, Fields, Problem};
use crate::ledger::forms::forms;
use crate::standard::{CreditCode, choice};
use crate::store::Commit;

choice! {
    /// What an organisation is here.
    pub enum OrganisationRole {
        /// Runs certification (chapter 7).
        CertifyingBody = "certifying_body", "认定主体";
        /// Records hours.
        Provider = "provider", "培训机构";
        /// Where CQOs serve.
        Employer = "employer", "所在组织";
        /// Supervises a certifying body (7.3).
        CompetentAuthority = "competent_authority", "行政主管部门";
    }
}

forms! {
    OrganisationRole: "must be certifying_body, provider, employer or competent_authority", "应为 certifying_body、provider、employer 或 competent_authority";
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// Its unified social credit code.
    pub code: CreditCode,
    /// Its name.
    pub name: String,
    /// What it is here.
    pub roles: Vec<OrganisationRole>,
}

impl Service {
    /// Registers an organisation, or changes its name and roles. What it is not any more nobody does for it: sessions in such
    /// a role end, and its tokens are nobody's when it records nothing any more. Who runs the ledger stays a certifying body.
    pub async fn put_organisation(&self, actor: &Actor, input: Value) -> Result<Organisation, Error> {
        self.allow(actor, Action::WriteOrganisations)?;
        let organisation = read_organisation(input)?;
        if organisation.code == self.owner.code && !organisation.roles.contains(&OrganisationRole::CertifyingBody) {
            let problem = Problem::mismatch(
                "must keep certifying_body: it runs this ledger",
                "运行本账本的机构须保留认定主体身份",
            );
            return Err(Error::field("roles", problem));
        }
        let _one_at_a_time = self.registry.lock().await;
        let code = organisation.code.as_str();
        let before = ORGANISATIONS.get(&*self.store, organisation.code.as_str()).await?;
        let condition = before
            .as_ref()
            .map_or_else(|| ORGANISATIONS.absent(code), |row| ORGANISATIONS.at_version(code, row.version));
        let row = OrganisationRow {
            name: organisation.name.clone(),
            roles: organisation.roles.clone(),
            registered_at: before.map_or_else(|| self.clock.now(), |row| row.value.registered_at),
        };
        let event = self.event(actor, "put_organisation", organisation.code.to_string());
        let commit = Commit::new(event).when(condition).write(ORGANISATIONS.put(organisation.code.as_str(), &row)?);
        self.store.commit(commit).await?;
        self.directory_mut().put_organisation(organisation.clone());
        self.end_sessions_out_of_force(&organisation.code);
        Ok(organisation)
    }

    /// The name of a registered organisation, which is no secret.
    pub fn organisation_name(&self, code: &CreditCode) -> Option<String> {
        self.directory().organisation(code).map(|organisation| organisation.name.clone())
    }

    /// All organisations, by credit code.
    pub fn organisations(&self, actor: &Actor) -> Result<Vec<Organisation>, Error> {
        self.allow(actor, Action::ReadOrganisations)?;
        let mut list: Vec<Organisation> = self.directory().organisations.values().cloned().collect();
        list.sort_by(|a, b| a.code.cmp(&b.code));
        Ok(list)
    }
}

fn read_organisation(input: Value) -> Result<Organisation, FieldErrors> {
    let mut errors = FieldErrors::default();
    let read = (|| {
        let mut fields = Fields::of(input, "", &mut errors)?;
        let code = fields.parsed("code");
        let name = visible(&mut fields, MAX_TITLE);
        let roles: Option<Vec<OrganisationRole>> = fields.list("roles", 1, OrganisationRole::ALL.len());
        fields.finish();
        let mut roles = roles?;
        roles.sort_unstable();
        roles.dedup();
        Some(Organisation { code: code?, name: name?, roles })
    })();
    read.filter(|_| errors.0.is_empty()).ok_or(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_needs_a_right_code_and_a_role() {
        let good = serde_json::json!({"code": "91110000600037341L", "name": "合肥质量学院", "roles": ["provider", "provider"]});
        let read = read_organisation(good.clone()).unwrap();
        assert_eq!(read.roles, [OrganisationRole::Provider]);
        // A variation of an ideograph is a name like any other.
        let varied = serde_json::json!({"code": "91110000600037341L", "name": "葛\u{e0100}", "roles": ["provider"]});
        assert!(read_organisation(varied).is_ok());
        for (member, bad) in [
            ("code", Value::from("911100006000373410")),
            ("name", Value::from(" 空格")),
            ("name", Value::from("\u{fe00}\u{e0100}")),
            ("name", Value::from("\u{3164}")),
            ("roles", serde_json::json!([])),
            ("roles", serde_json::json!(["king"])),
            ("more", Value::from(1)),
        ] {
            let mut input = good.clone();
            input[member] = bad;
            let errors = read_organisation(input).unwrap_err();
            assert!(errors.0.iter().all(|error| error.field.starts_with(member)), "{member}: {errors}");
        }
    }
}
