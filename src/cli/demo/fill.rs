//! Brings an invented year into a running ledger over HTTP: registry, keys, tokens, entries, corrections.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::client::{Client, explain};
use super::super::data_dir::DataDir;
use super::super::{Failure, say};
use super::ORIGIN;
use super::draw::{Fix, Recorded, Year};
use super::people::{BODY_NAME, COURSES, OTHER_COURSES, PROVIDER_NAMES, Person, body_code, provider_codes};
use crate::ledger::block::Block;
use crate::ledger::entry::{Body, Correction, Entry, EntryId, KeyChange, Kind, Learner, Origin, Owner, Record};
use crate::ledger::keys::{Alg, Role};
use crate::ledger::signed::SignedEntry;
use crate::merkle::Hash;
use crate::service::keyfile;
use crate::standard::{CreditCode, RulebookVersion};

/// Most entries of one request of the demo.
const MAX_ENTRIES: usize = 100;
/// Most learners of one request.
const MAX_LEARNERS: usize = 500;
/// How often is asked whether all is sealed.
const POLL: Duration = Duration::from_millis(50);
/// The longest wait for the next block.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is in the ledger now, and who can ask for it.
pub(super) struct Filled {
    /// The providers' clients, with their tokens.
    pub(super) providers: Vec<Client>,
    /// Entries on the chain, of each year.
    pub(super) entries: Vec<usize>,
}

/// One provider: its code, its own key, its token.
struct Provider {
    code: CreditCode,
    key: SigningKey,
    client: Client,
}

/// Brings all of the years in, which are of the same people, and waits until they are sealed.
pub(super) fn fill(dir: &DataDir, data: &Path, url: &str, years: [&Year; 2]) -> Result<Filled, Failure> {
    let operator = Client::new(url, Some(dir.token()?));
    let ledger = Ledger { origin: ORIGIN.parse().map_err(Failure::new)?, rulebook: dir.rulebook_version()? };
    let providers = enrol(&ledger, dir, data, url, &operator)?;
    for (number, provider) in providers.iter().enumerate() {
        register(provider, years[0].people.iter().filter(|person| person.provider == number))?;
    }
    let mut entries = Vec::with_capacity(years.len());
    for year in years {
        let commitments = record_year(&ledger, &providers, year)?;
        for (number, provider) in providers.iter().enumerate() {
            let fixes: Vec<&Fix> = year.fixes.iter().filter(|fix| year.people[fix.person].provider == number).collect();
            correct(&ledger, provider, year, &fixes, &commitments)?;
        }
        entries.push(commitments.len() + year.fixes.len());
    }
    for (number, provider) in providers.iter().enumerate() {
        for year in years {
            wait_sealed(&provider.client, last_of(year, number))?;
        }
    }
    Ok(Filled { providers: providers.into_iter().map(|provider| provider.client).collect(), entries })
}

/// How many blocks the chain has.
pub(super) fn blocks(url: &str) -> Result<u64, Failure> {
    Ok(tip(&Client::new(url, None))?.height + 1)
}

/// What every entry of a ledger says of it.
struct Ledger {
    origin: Origin,
    rulebook: RulebookVersion,
}

impl Ledger {
    fn sign(&self, id: EntryId, recorder: &CreditCode, body: Body, key: &SigningKey) -> SignedEntry {
        let (ledger, rulebook) = (self.origin.clone(), self.rulebook);
        SignedEntry::sign(Entry { id, ledger, recorder: recorder.clone(), rulebook, body }, &[key])
    }
}

/// The operator registers the organisations and makes tokens; each provider makes its own key, and the authority adds
/// it. Keys and tokens are kept in `providers/`, as a provider would keep them at home.
fn enrol(ledger: &Ledger, dir: &DataDir, data: &Path, url: &str, operator: &Client) -> Result<Vec<Provider>, Failure> {
    let body = body_code()?;
    put(operator, "/api/v1/organisations", &json!({"code": body, "name": BODY_NAME, "roles": ["certifying_body"]}))?;
    let home = data.join("providers");
    std::fs::DirBuilder::new().mode(0o700).create(&home).map_err(Failure::new)?;
    let authority = keyfile::read(&dir.authority_key()).map_err(Failure::new)?;
    let (mut providers, mut additions) = (Vec::new(), Vec::new());
    for (number, (code, name)) in (1..).zip(provider_codes()?.into_iter().zip(PROVIDER_NAMES)) {
        put(operator, "/api/v1/organisations", &json!({"code": code, "name": name, "roles": ["provider"]}))?;
        let key = keyfile::generate().map_err(Failure::new)?;
        keyfile::write(&home.join(format!("{number}.key")), &key).map_err(Failure::new)?;
        let answer = put(operator, "/api/v1/tokens", &json!({"organisation": code}))?;
        let token = answer["token"].as_str().ok_or_else(|| Failure::new("no token was answered"))?.to_owned();
        write_token(&home.join(format!("{number}.token")), &token)?;
        let change = KeyChange::Add {
            alg: Alg::Ed25519,
            public: key.verifying_key().as_bytes().to_vec(),
            kinds: vec![Kind::Activity, Kind::Correction, Kind::Study],
            owner: Owner { code: code.clone(), name: name.to_owned() },
            role: Role::Recorder,
        };
        let id = EntryId::try_from(Uuid::now_v7()).map_err(Failure::new)?;
        additions.push(ledger.sign(id, &body, Body::Key(change), &authority));
        providers.push(Provider { code, key, client: Client::new(url, Some(token)) });
    }
    submit(operator, &additions)?;
    // A key works from the block after the one that holds it.
    wait_sealed(operator, additions.last().map(|addition| addition.entry().id))?;
    Ok(providers)
}

/// A provider registers its courses and its learners.
fn register<'a>(provider: &Provider, people: impl Iterator<Item = &'a Person>) -> Result<(), Failure> {
    const HUNDREDTHS_OF_HALF: usize = 50;
    let courses: Value = COURSES
        .iter()
        .chain(&OTHER_COURSES)
        .map(|course| {
            json!({"code": course.code, "title": course.title, "hours": course.half_hours * HUNDREDTHS_OF_HALF})
        })
        .collect();
    put(&provider.client, "/api/v1/courses", &courses)?;
    let learners: Vec<Value> = people.map(learner_value).collect();
    for page in learners.chunks(MAX_LEARNERS) {
        put(&provider.client, "/api/v1/learners", &Value::from(page))?;
    }
    Ok(())
}

fn learner_value(person: &Person) -> Value {
    let employers: Value = person
        .employers
        .iter()
        .map(|employment| {
            let mut value = json!({"name": employment.name, "from": employment.from});
            if let Some(code) = &employment.code {
                value["code"] = code.as_str().into();
            }
            if let Some(to) = employment.to {
                value["to"] = to.to_string().into();
            }
            value
        })
        .collect();
    json!({"id": person.id.to_string(), "name": person.name, "employers": employers})
}

/// All providers at once, each in the order of days, each import in requests of its own. Answers every commitment.
fn record_year(ledger: &Ledger, providers: &[Provider], year: &Year) -> Result<HashMap<EntryId, Hash>, Failure> {
    let outcomes: Vec<Result<_, Failure>> = std::thread::scope(|scope| {
        let work: Vec<_> = (0..)
            .zip(providers)
            .map(|(number, provider)| scope.spawn(move || record(ledger, provider, number, year)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<_, Failure>>| {
            thread.join().unwrap_or_else(|_| Err(Failure::new("a provider's thread ended early")))
        };
        work.into_iter().map(join).collect()
    });
    let mut commitments = HashMap::new();
    for outcome in outcomes {
        let one: HashMap<EntryId, Hash> = outcome?;
        commitments.extend(one);
    }
    Ok(commitments)
}

fn record(ledger: &Ledger, provider: &Provider, number: usize, year: &Year) -> Result<HashMap<EntryId, Hash>, Failure> {
    let mut commitments = HashMap::new();
    for import in year.imports.iter().filter(|import| import.provider == number) {
        for page in import.entries.chunks(MAX_ENTRIES) {
            let signed: Vec<SignedEntry> = page.iter().map(|one| sign_record(ledger, provider, year, one)).collect();
            commitments.extend(submit(&provider.client, &signed)?);
        }
    }
    say(format!("  {}: {} 条 entries", PROVIDER_NAMES.get(number).unwrap_or(&""), commitments.len()));
    Ok(commitments)
}

fn sign_record(ledger: &Ledger, provider: &Provider, year: &Year, recorded: &Recorded) -> SignedEntry {
    let learner = learner(&year.people[recorded.person]);
    let body = match recorded.record.clone() {
        Record::Study(study) => Body::Study(learner, study),
        Record::Activity(activity) => Body::Activity(learner, activity),
    };
    ledger.sign(recorded.id, &provider.code, body, &provider.key)
}

fn learner(person: &Person) -> Learner {
    Learner { id: person.id, name: person.name.clone() }
}

fn correct(
    ledger: &Ledger,
    provider: &Provider,
    year: &Year,
    fixes: &[&Fix],
    commitments: &HashMap<EntryId, Hash>,
) -> Result<(), Failure> {
    let mut signed = Vec::with_capacity(fixes.len());
    for fix in fixes {
        let commitment = commitments.get(&fix.target).ok_or_else(|| Failure::new("a corrected entry is missing"))?;
        let correction = Correction {
            target: fix.target,
            target_commitment: *commitment,
            reason: fix.reason,
            replacement: fix.replacement.clone(),
        };
        let body = Body::Correction(learner(&year.people[fix.person]), correction);
        signed.push(ledger.sign(fix.id, &provider.code, body, &provider.key));
    }
    for page in signed.chunks(MAX_ENTRIES) {
        submit(&provider.client, page)?;
    }
    Ok(())
}

/// Submits signed entries as one array; every one must be accepted. Answers their commitments.
fn submit(client: &Client, signed: &[SignedEntry]) -> Result<HashMap<EntryId, Hash>, Failure> {
    let mut body = vec![b'['];
    for (i, one) in signed.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        body.extend_from_slice(one.bytes());
    }
    body.push(b']');
    let answer = client.post("/api/v1/entries", &body)?.json()?;
    let mut commitments = HashMap::with_capacity(signed.len());
    for result in answer["results"].as_array().into_iter().flatten() {
        if result["status"] != "accepted" {
            return Err(Failure::new(format!("an entry was not accepted: {}", explain(&result["problem"]))));
        }
        let text = |name: &str| result[name].as_str().unwrap_or_default();
        let id = text("id").parse().map_err(Failure::new)?;
        commitments.insert(id, text("commitment").parse().map_err(Failure::new)?);
    }
    if commitments.len() != signed.len() {
        return Err(Failure::new("the answer is not about every entry"));
    }
    Ok(commitments)
}

/// The entry that a provider submits last.
fn last_of(year: &Year, provider: usize) -> Option<EntryId> {
    let fixed = year.fixes.iter().rfind(|fix| year.people[fix.person].provider == provider).map(|fix| fix.id);
    let imports = year.imports.iter().filter(|import| import.provider == provider);
    fixed.or(imports.flat_map(|import| &import.entries).last().map(|entry| entry.id))
}

/// Waits until an entry is in a block, and with it everything that was submitted before it. (The service's own entries of
/// certificates come in between, so that a count of entries would say nothing.)
fn wait_sealed(client: &Client, last: Option<EntryId>) -> Result<(), Failure> {
    let Some(last) = last else { return Ok(()) };
    let started = Instant::now();
    while client.get(&format!("/api/v1/entries/{last}"))?.json()?["state"] != "sealed" {
        if started.elapsed() > PATIENCE {
            return Err(Failure::new("no block was sealed for a long time"));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// The newest block.
fn tip(client: &Client) -> Result<Block, Failure> {
    let page = client.get("/api/v1/blocks?limit=1")?.json()?;
    page["blocks"][0]["text"].as_str().unwrap_or_default().parse().map_err(Failure::new)
}

/// Sends JSON, and reads the JSON of a good answer.
pub(super) fn put(client: &Client, path: &str, value: &Value) -> Result<Value, Failure> {
    client.post(path, value.to_string().as_bytes())?.json()
}

fn write_token(path: &Path, token: &str) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| writeln!(file, "{token}")).map_err(Failure::new)
}
