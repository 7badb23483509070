//! The certifying body's profile 认定主体: what chapter 7 of the standard asks of it, and how it is reached.
//!
//! It is about an organisation and public, so it stands in the store as it is. Every edition is kept, with who wrote it and
//! when. Code and name [7.1] are the registry's: the ledger's owner has one name, not two.
//!
//! Deliberately absent: whether the authority document is genuine. The profile says what the body declares.

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Service;
use super::access::{Action, Actor};
use super::error::Error;
use super::registry::{Organisation, OrganisationRole};
use super::tables::{BODY, BodyRow};
use crate::ledger::fields::{FieldErrors, Fields, Problem, check_text};
use crate::standard::{CreditCode, Day, UnixMillis, choice, day_of};
use crate::store::{Commit, MAX_SCAN_ROWS, Store};

/// The longest name, number or region, in characters.
pub const MAX_PROFILE_LINE: usize = 100;
/// The longest text of the declaration, in characters.
pub const MAX_DECLARATION: usize = 2_000;
/// Days before the authority document expires from which that is said, and from which it is pressing.
pub const EXPIRY_WARNINGS: [u16; 2] = [90, 30];

choice! {
    /// What chapter 7 asks of a certifying body.
    pub enum BodyClause {
        /// A legal person with a unified social credit code.
        LegalPerson = "7.1", "法人资格";
        /// Authorised, by a document with a last day.
        Authority = "7.2", "授权文件";
        /// Supervised by a named body.
        Supervision = "7.3", "监督单位";
        /// Venue, equipment and resources.
        Resources = "7.4", "场地、设备与资源";
    }
}

/// The document that authorises the body [7.2].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityDocument {
    /// Its number.
    pub number: String,
    /// Who issued it.
    pub issuer: String,
    /// The first day on which it holds.
    pub from: Day,
    /// The last day on which it holds.
    pub until: Day,
}

/// Who supervises the body [7.3].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisingBody {
    /// Its name.
    pub name: String,
    /// Its credit code.
    pub code: CreditCode,
}

/// What the body declares of itself. What is not filled in yet is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// [7.2]
    pub authority: Option<AuthorityDocument>,
    /// [7.3]
    pub supervisor: Option<SupervisingBody>,
    /// Where it works [7.4].
    pub venue: Option<String>,
    /// What it works with [7.4].
    pub equipment: Option<String>,
    /// Whom and what it can count on [7.4].
    pub resources: Option<String>,
    /// The filing number of the site 网站备案号.
    pub icp: Option<String>,
    /// The filing number as a blockchain information service 区块链信息服务备案编号.
    pub blockchain: Option<String>,
    /// The telephone for complaints.
    pub phone: Option<String>,
    /// The e-mail address for complaints.
    pub email: Option<String>,
    /// Where it certifies.
    pub region: Option<String>,
}

/// The body as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifyingBody {
    /// Its code and its name [7.1].
    pub organisation: Organisation,
    /// Counts the editions of the profile; 0 before the first.
    pub edition: u64,
    /// Since when the profile says this.
    pub since: Option<UnixMillis>,
    /// What it declares.
    pub profile: Profile,
}

/// What stands under every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// The body's name.
    pub name: String,
    /// Filing numbers and contact are in here.
    pub profile: Arc<Profile>,
}

/// An edition of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileEdition {
    /// Counted from 1.
    pub edition: u64,
    /// When it was written.
    pub at: UnixMillis,
    /// By whom, as the record of what happened names it.
    pub by: String,
    /// What it says.
    pub profile: Profile,
}

/// Something that the body has to see to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyAlert {
    /// A clause that nothing, or not all, is filled in for.
    Incomplete(BodyClause),
    /// The authority document holds from a later day on only [7.2].
    NotYet {
        /// That day.
        from: Day,
    },
    /// The authority document expires soon [7.2].
    Expiring {
        /// Its last day.
        until: Day,
        /// So many days are left, the last day not counted.
        days_left: i64,
        /// The warning that this is: one of [`EXPIRY_WARNINGS`].
        within: u16,
    },
    /// The authority document has expired [7.2].
    Expired {
        /// Its last day.
        until: Day,
    },
}

impl BodyAlert {
    /// The clause that asks for it.
    pub const fn clause(&self) -> BodyClause {
        match self {
            Self::Incomplete(clause) => *clause,
            Self::NotYet { .. } | Self::Expiring { .. } | Self::Expired { .. } => BodyClause::Authority,
        }
    }
}

/// The profile in force, in memory.
#[derive(Debug)]
pub(super) struct Body {
    edition: u64,
    since: Option<UnixMillis>,
    profile: Arc<Profile>,
}

impl Body {
    pub(super) async fn load(store: &dyn Store) -> Result<Self, Error> {
        Ok(match BODY.last(store).await? {
            None => Self { edition: 0, since: None, profile: Arc::default() },
            Some((edition, row)) => Self { edition, since: Some(row.value.at), profile: Arc::new(row.value.profile) },
        })
    }
}

impl Service {
    /// The certifying body as everybody may know it.
    pub fn certifying_body(&self, actor: &Actor) -> Result<CertifyingBody, Error> {
        self.allow(actor, Action::ReadChain)?;
        let body = self.body.read().unwrap_or_else(PoisonError::into_inner);
        let organisation = self.owner_organisation();
        let profile = Profile::clone(&body.profile);
        Ok(CertifyingBody { organisation, edition: body.edition, since: body.since, profile })
    }

    /// What stands under every page: from memory, since every page asks.
    pub fn footer(&self) -> Footer {
        let body = self.body.read().unwrap_or_else(PoisonError::into_inner);
        Footer { name: self.owner_organisation().name, profile: Arc::clone(&body.profile) }
    }

    /// Writes the next edition of the profile, made from the edition `base`: whoever was overtaken is told, and
    /// overwrites nobody.
    pub async fn put_profile(&self, actor: &Actor, base: u64, input: Value) -> Result<CertifyingBody, Error> {
        self.allow(actor, Action::WriteBody)?;
        let profile = read_profile(input)?;
        let (edition, at) = (base + 1, self.clock.now());
        let _one_at_a_time = self.registry.lock().await;
        if base != self.body.read().unwrap_or_else(PoisonError::into_inner).edition {
            return Err(Error::Conflict("changed by somebody else in the meantime".into()));
        }
        let row = BodyRow { at, by: actor.to_string(), profile: profile.clone() };
        let commit = Commit::new(self.event(actor, "put_profile", edition.to_string()))
            .when(BODY.absent(&edition))
            .write(BODY.put(&edition, &row)?);
        self.store.commit(commit).await?;
        {
            let mut body = self.body.write().unwrap_or_else(PoisonError::into_inner);
            body.edition = edition;
            body.since = Some(at);
            body.profile = Arc::new(profile);
        }
        self.certifying_body(actor)
    }

    /// Every edition of the profile, newest first, for those who write it or watch who does.
    pub async fn profile_editions(&self, actor: &Actor) -> Result<Vec<ProfileEdition>, Error> {
        self.allow_one_of(actor, [Action::ReadEvents, Action::WriteBody])?;
        let rows = BODY.scan_back(&*self.store, BODY.all(), MAX_SCAN_ROWS).await?;
        let read = |(edition, row): (u64, crate::store::Versioned<BodyRow>)| {
            let BodyRow { at, by, profile } = row.value;
            ProfileEdition { edition, at, by, profile }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// What the body has to see to, most pressing first, for the certifying body's own people.
    pub fn body_alerts(&self, actor: &Actor) -> Result<Vec<BodyAlert>, Error> {
        self.allow_one_of(actor, [Action::ReadCases, Action::WriteBody])?;
        let today = day_of(self.clock.now()).map_err(Error::internal)?;
        let body = self.body.read().unwrap_or_else(PoisonError::into_inner);
        Ok(body.profile.alerts(today))
    }

    /// For reading what whoever may do any of this has to see; a restored ledger answers too.
    fn allow_one_of(&self, actor: &Actor, actions: [Action; 2]) -> Result<(), Error> {
        match actions.iter().any(|action| actor.may(*action)) {
            true => Ok(()),
            false => self.allow(actor, actions[0]),
        }
    }

    /// The ledger's owner, as the registry knows it now.
    fn owner_organisation(&self) -> Organisation {
        let known = self.directory().organisation(&self.owner.code).cloned();
        known.unwrap_or_else(|| Organisation {
            code: self.owner.code.clone(),
            name: self.owner.name.clone(),
            roles: vec![OrganisationRole::CertifyingBody],
        })
    }
}

impl Profile {
    /// What is to be seen to on `today`: the authority document first, then what is not filled in, by clause.
    pub fn alerts(&self, today: Day) -> Vec<BodyAlert> {
        let incomplete = [
            (self.authority.is_none(), BodyClause::Authority),
            (self.supervisor.is_none(), BodyClause::Supervision),
            ([&self.venue, &self.equipment, &self.resources].iter().any(|text| text.is_none()), BodyClause::Resources),
        ];
        let incomplete = incomplete.into_iter().filter(|(is_so, _)| *is_so);
        let document = self.authority.as_ref().and_then(|document| document.alert(today));
        document.into_iter().chain(incomplete.map(|(_, clause)| BodyAlert::Incomplete(clause))).collect()
    }
}

impl AuthorityDocument {
    fn alert(&self, today: Day) -> Option<BodyAlert> {
        let (from, until) = (self.from, self.until);
        let days_left = today.days_until(until);
        if days_left < 0 {
            return Some(BodyAlert::Expired { until });
        }
        if today < from {
            return Some(BodyAlert::NotYet { from });
        }
        let within = EXPIRY_WARNINGS.into_iter().filter(|within| days_left <= i64::from(*within)).min()?;
        Some(BodyAlert::Expiring { until, days_left, within })
    }
}

/// Reads a flat object, as a form sends it. Members that are absent are not filled in; the parts of one thing come together.
fn read_profile(input: Value) -> Result<Profile, Error> {
    let mut errors = FieldErrors::default();
    let profile = Fields::of(input, "", &mut errors).map(|mut fields| {
        let profile = Profile {
            authority: read_authority(&mut fields),
            supervisor: read_supervisor(&mut fields),
            venue: declaration(&mut fields, "venue"),
            equipment: declaration(&mut fields, "equipment"),
            resources: declaration(&mut fields, "resources"),
            icp: line(&mut fields, "icp"),
            blockchain: line(&mut fields, "blockchain"),
            phone: phone(&mut fields),
            email: email(&mut fields),
            region: line(&mut fields, "region"),
        };
        fields.finish();
        profile
    });
    profile.filter(|_| errors.0.is_empty()).ok_or(Error::Invalid(errors))
}

fn read_authority(fields: &mut Fields<'_, '_>) -> Option<AuthorityDocument> {
    let names = ["authority_number", "authority_issuer", "authority_from", "authority_until"];
    if !names.iter().any(|name| fields.has(name)) {
        return None;
    }
    let number = fields.text("authority_number", MAX_PROFILE_LINE);
    let issuer = fields.text("authority_issuer", MAX_PROFILE_LINE);
    let (from, until) = (fields.parsed("authority_from"), fields.parsed("authority_until"));
    if from.zip(until).is_some_and(|(from, until): (Day, Day)| until < from) {
        fields.note("authority_until", Problem::mismatch("is before the first day", "早于起始日期"));
    }
    Some(AuthorityDocument { number: number?, issuer: issuer?, from: from?, until: until? })
}

fn read_supervisor(fields: &mut Fields<'_, '_>) -> Option<SupervisingBody> {
    if !["supervisor_name", "supervisor_code"].iter().any(|name| fields.has(name)) {
        return None;
    }
    let (name, code) = (fields.text("supervisor_name", MAX_PROFILE_LINE), fields.parsed("supervisor_code"));
    Some(SupervisingBody { name: name?, code: code? })
}

fn line(fields: &mut Fields<'_, '_>, name: &str) -> Option<String> {
    if fields.has(name) { fields.text(name, MAX_PROFILE_LINE) } else { None }
}

fn declaration(fields: &mut Fields<'_, '_>, name: &str) -> Option<String> {
    if fields.has(name) { paragraphs(fields, name, MAX_DECLARATION) } else { None }
}

/// A text that may have several lines.
pub(super) fn paragraphs(fields: &mut Fields<'_, '_>, name: &str, max: usize) -> Option<String> {
    let text = fields.lines(name)?;
    match check_text(&text, max) {
        Ok(()) => Some(text),
        Err(problem) => {
            fields.note(name, problem);
            None
        }
    }
}

fn phone(fields: &mut Fields<'_, '_>) -> Option<String> {
    let text = line(fields, "phone")?;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-() ,/".contains(&byte));
    if plain && digits >= 5 {
        return Some(text);
    }
    fields.note("phone", Problem::form("must be a telephone number", "应为电话号码"));
    None
}

fn email(fields: &mut Fields<'_, '_>) -> Option<String> {
    let text = line(fields, "email")?;
    if text.parse::<lettre::Address>().is_ok() {
        return Some(text);
    }
    fields.note("email", Problem::form("must be an e-mail address", "应为电子邮箱地址"));
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::AccountRole;
    use super::super::testing::*;
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn whole() -> Value {
        json!({
            "authority_number": "皖市监授〔2026〕3号", "authority_issuer": "安徽省市场监督管理局",
            "authority_from": "2026-01-01", "authority_until": "2027-02-20",
            "supervisor_name": "安徽省市场监督管理局", "supervisor_code": provider_a().code.as_str(),
            "venue": "合肥市质量路1号\n三层", "equipment": "计算机 40 台", "resources": "专家 30 人",
            "icp": "皖ICP备2026000001号", "phone": "0551-6260 0000", "email": "tousu@body.example.cn",
        })
    }

    /// Days before and after each bound, and what is said on them.
    #[test]
    fn the_authority_document_warns_before_it_expires_and_says_when_it_has() {
        let profile = read_profile(whole()).unwrap();
        let until = day("2027-02-20");
        for (today, expected) in [
            ("2025-12-31", Some(BodyAlert::NotYet { from: day("2026-01-01") })),
            ("2026-11-21", None),
            ("2026-11-22", Some(BodyAlert::Expiring { until, days_left: 90, within: 90 })),
            ("2027-01-20", Some(BodyAlert::Expiring { until, days_left: 31, within: 90 })),
            ("2027-01-21", Some(BodyAlert::Expiring { until, days_left: 30, within: 30 })),
            ("2027-02-20", Some(BodyAlert::Expiring { until, days_left: 0, within: 30 })),
            ("2027-02-21", Some(BodyAlert::Expired { until })),
        ] {
            assert_eq!(profile.alerts(day(today)), Vec::from_iter(expected), "{today}");
        }
        let clauses: Vec<BodyClause> = Profile::default().alerts(until).iter().map(BodyAlert::clause).collect();
        assert_eq!(clauses, [BodyClause::Authority, BodyClause::Supervision, BodyClause::Resources]);
        let no_venue = Profile { venue: None, ..profile };
        assert_eq!(no_venue.alerts(day("2026-06-01")), [BodyAlert::Incomplete(BodyClause::Resources)]);
    }

    #[test]
    fn what_is_no_profile_is_refused_by_field() {
        for (member, bad, field) in [
            ("authority_number", Value::Null, "authority_number"),
            ("authority_until", json!("2025-12-31"), "authority_until"),
            ("authority_until", json!("2026-02-30"), "authority_until"),
            ("supervisor_code", json!("91340100MA2N0000A0"), "supervisor_code"),
            ("venue", json!(""), "venue"),
            ("venue", json!("x".repeat(MAX_DECLARATION + 1)), "venue"),
            ("phone", json!("电话"), "phone"),
            ("email", json!("nobody"), "email"),
            ("icp", json!("a\nb"), "icp"),
            ("rank", json!("first"), "rank"),
        ] {
            let mut input = whole();
            input[member] = bad;
            assert_eq!(fields_of(&read_profile(input).unwrap_err()), [field], "{member}");
        }
        let mut input = whole();
        input.as_object_mut().unwrap().remove("authority_issuer");
        assert_eq!(fields_of(&read_profile(input).unwrap_err()), ["authority_issuer"]);
        assert_eq!(read_profile(json!({})).unwrap(), Profile::default());
    }

    #[tokio::test]
    async fn every_edition_is_kept_and_nobody_overwrites_one_they_did_not_see() {
        let mut world = World::new().await;
        let service = world.service();
        let administrator = person(AccountRole::Administrator, &[]);
        assert_eq!(service.certifying_body(&Actor::Public).unwrap().edition, 0);
        service.put_profile(&administrator, 0, json!({"region": "安徽省"})).await.unwrap();
        let second = service.put_profile(&administrator, 1, whole()).await.unwrap();
        assert!(matches!(service.put_profile(&administrator, 1, json!({})).await, Err(Error::Conflict(_))));
        for refused in [Actor::Public, person(AccountRole::Clerk, &[]), person(AccountRole::Auditor, &[])] {
            let outcome = service.put_profile(&refused, 2, json!({})).await;
            assert!(matches!(outcome, Err(Error::Forbidden | Error::Unauthenticated)), "{refused}");
        }
        drop(service);
        world.reopen().await.unwrap();
        let service = world.service();
        assert_eq!(service.certifying_body(&Actor::Public).unwrap(), second);
        let footer = service.footer();
        assert_eq!((footer.name.as_str(), footer.profile.icp.as_deref()), ("认定主体", Some("皖ICP备2026000001号")));
        let editions = service.profile_editions(&person(AccountRole::Auditor, &[])).await.unwrap();
        let seen: Vec<_> = editions.iter().map(|edition| (edition.edition, edition.by.clone())).collect();
        assert_eq!(seen, [(2, administrator.to_string()), (1, administrator.to_string())]);
        assert!(service.profile_editions(&Actor::Public).await.is_err());
        let alerts = service.body_alerts(&person(AccountRole::Clerk, &[])).unwrap();
        assert!(matches!(alerts[..], [BodyAlert::Expiring { days_left: 90, .. }]), "{alerts:?}");
        assert!(service.body_alerts(&Actor::Public).is_err());
    }
}
