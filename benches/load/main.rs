//! How fast the ledger is, in one run on one machine: what it costs to check signatures and nothing else, and how close
//! the whole service comes to that.
//!
//! The service runs as a process of its own, so that its processor time can be told from the generator's. Entries are
//! signed beforehand. An entry counts when its request was answered, that is when it is durable.
//!
//! Run with `cargo bench --bench load -- --help`.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cqo_ledger::ledger::entry::{Body, Entry, EntryId, KeyChange, Kind, Learner, LearnerId, Origin, Owner, Study};
use cqo_ledger::ledger::json::canonical;
use cqo_ledger::ledger::keys::{Alg, Role};
use cqo_ledger::ledger::signed::SignedEntry;
use cqo_ledger::ledger::verify::{FileKind, Question, exit_status, verify_file, verify_together};
use cqo_ledger::merkle::TrustPolicy;
use cqo_ledger::service::keyfile;
use cqo_ledger::standard::{CreditCode, CreditHours, Rulebook, StudyForm};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use uuid::Uuid;

mod certificates;
mod machine;
mod server;

use machine::{busy_seconds, bytes_below, cpu_seconds, memory_mib};
use server::{Connection, Server};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A key, a message and its signature.
type RawJob = (VerifyingKey, Vec<u8>, Signature);

const PROGRAM: &str = env!("CARGO_BIN_EXE_cqo-ledger");
const ORIGIN: &str = "load.example.org/cqo";
/// The authority's and the providers' invented codes, without their check character.
const AUTHORITY_CODE: &str = "51990000500000009";
const PROVIDER_CODES: [&str; 4] = ["91990000MA0000101", "91990000MA0000102", "91990000MA0000103", "91990000MA0000104"];
const LEARNERS_PER_PROVIDER: usize = 250;
/// Entries of a request, keep-alive connections, and how many of a hundred entries go this way.
const PHASES: [(usize, usize, usize); 3] = [(1, 64, 10), (100, 8, 30), (1_000, 4, 60)];
/// How long signatures alone are checked each time, over how many messages, and how often the clock is read.
const RAW_TIME: Duration = Duration::from_secs(2);
const RAW_MESSAGES: usize = 20_000;
const RAW_STRIDE: usize = 64;
/// Most learners of a request.
const MAX_REGISTRY_BATCH: usize = 1_000;
/// How many entries are read back after each phase.
const READ_BACK: usize = 25;
/// Entries of the bundle that is verified.
const BUNDLE_ENTRIES: usize = 20;
const LIBRARY_RUNS: u32 = 300;
const PROCESS_RUNS: u32 = 30;
const START_RUNS: u32 = 3;
const HELP: &str = "cargo bench --bench load -- [--entries 100000 | --certificates 40000]\n\nFounds a ledger in a temporary directory, loads it over HTTP, and prints a table in Markdown. With --certificates, so many learners finish a course, and their certificates are issued.";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // cargo says `--bench`; without it this was started by `cargo test --all-targets`, which is no time to measure.
    if !arguments.iter().any(|argument| argument == "--bench") || arguments.iter().any(|a| a == "--help") {
        println!("{HELP}");
        return Ok(());
    }
    let number = |flag: &str| -> Outcome<Option<usize>> {
        let Some(at) = arguments.iter().position(|argument| argument == flag) else { return Ok(None) };
        Ok(Some(arguments.get(at + 1).ok_or("a flag needs a number")?.parse()?))
    };
    let home = tempfile::tempdir()?;
    let data = home.path().join("ledger");
    match number("--certificates")? {
        Some(wanted) => Bench::found(&data, wanted.div_ceil(PROVIDER_CODES.len()))?.certificates(wanted),
        None => Bench::found(&data, LEARNERS_PER_PROVIDER)?.measure(number("--entries")?.unwrap_or(100_000)),
    }
}

/// A ledger with its providers, served by a process of its own.
struct Bench {
    data: PathBuf,
    server: Server,
    operator: String,
    providers: Vec<Provider>,
    cores: usize,
}

struct Provider {
    code: CreditCode,
    key: SigningKey,
    token: String,
    learners: Vec<Learner>,
}

/// What one phase of ingest took.
struct Phase {
    size: usize,
    connections: usize,
    entries: usize,
    wall_s: f64,
    server_s: f64,
    generator_s: f64,
    /// What part of the cores others took meanwhile.
    others: f64,
    /// Raw checks right before and right after.
    raw: [Raw; 2],
    after: After,
}

/// What the ledger takes up after a phase.
struct After {
    total: u64,
    /// Memory of the server in MiB: now, and the most so far.
    memory_mib: (f64, f64),
    journal_bytes: u64,
    index_bytes: u64,
}

/// What checking signatures and nothing else yielded.
#[derive(Clone, Copy)]
struct Raw {
    per_s: f64,
    cpu_s: f64,
    others: f64,
}

impl Phase {
    /// Raw checks a second around this phase, by the clock on the wall: what disturbs the phase disturbs them too.
    fn raw_per_s(&self) -> f64 {
        self.raw.iter().map(|raw| raw.per_s).sum::<f64>() / count(self.raw.len())
    }

    /// The processor time of one raw check around this phase: what others do hardly changes it.
    fn raw_cpu_s(&self) -> f64 {
        self.raw.iter().map(|raw| raw.cpu_s).sum::<f64>() / count(self.raw.len())
    }
}

impl Bench {
    fn found(data: &Path, learners_per_provider: usize) -> Outcome<Self> {
        let authority_code = CreditCode::with_check(AUTHORITY_CODE)?;
        let founded = Command::new(PROGRAM)
            .args(["init", "--origin", ORIGIN, "--owner-name", "负载测试", "--owner-code", authority_code.as_str()])
            .arg("--data")
            .arg(data)
            .stdout(Stdio::null())
            .status()?;
        if !founded.success() {
            return Err("init failed".into());
        }
        let server = Server::start(data)?;
        let operator = std::fs::read_to_string(data.join("keys/operator.token"))?.trim_end().to_owned();
        let authority = keyfile::read(&data.join("keys/authority.key"))?;
        let mut providers = Vec::new();
        for (number, body) in PROVIDER_CODES.iter().enumerate() {
            let code = CreditCode::with_check(body)?;
            let name = format!("负载机构{number}");
            let post = |path: &str, value: &Value| server.post(&operator, path, value.to_string().as_bytes());
            post("/api/v1/organisations", &json!({"code": code, "name": name, "roles": ["provider"]}))?;
            let token = post("/api/v1/tokens", &json!({"organisation": code}))?;
            let token = token["token"].as_str().ok_or("no token")?.to_owned();
            let key = keyfile::generate()?;
            let change = KeyChange::Add {
                alg: Alg::Ed25519,
                public: key.verifying_key().as_bytes().to_vec(),
                kinds: vec![Kind::Study],
                owner: Owner { code: code.clone(), name },
                role: Role::Recorder,
            };
            let add = entry(&authority_code, Body::Key(change))?;
            server.post(&operator, "/api/v1/entries?wait=sealed", SignedEntry::sign(add, &[&authority]).bytes())?;
            let learners: Vec<Learner> = (0..learners_per_provider)
                .map(|i| Ok(Learner { id: LearnerId::try_from(Uuid::now_v7())?, name: format!("学员{i}") }))
                .collect::<Outcome<_>>()?;
            for some in learners.chunks(MAX_REGISTRY_BATCH) {
                let list: Value = some.iter().map(|l| json!({"id": l.id.to_string(), "name": l.name})).collect();
                server.post(&token, "/api/v1/learners", list.to_string().as_bytes())?;
            }
            let course = json!({"code": "QM-03", "title": "质量战略管理", "hours": 200});
            server.post(&token, "/api/v1/courses", course.to_string().as_bytes())?;
            providers.push(Provider { code, key, token, learners });
        }
        let cores = std::thread::available_parallelism()?.get();
        Ok(Self { data: data.to_owned(), server, operator, providers, cores })
    }

    fn measure(mut self, entries: usize) -> Outcome<()> {
        let mut out = std::io::stdout();
        writeln!(out, "signing {entries} entries beforehand ({} cores) ...", self.cores)?;
        let signed = self.sign_all(entries)?;
        let bytes = signed.iter().map(|one| one.bytes().len()).sum::<usize>() / signed.len().max(1);
        let jobs = self.raw_jobs(&signed)?;
        let mut raw = self.raw_checks(&jobs)?;
        let mut phases = Vec::new();
        let mut rest = signed.as_slice();
        for (number, (size, connections, percent)) in PHASES.into_iter().enumerate() {
            let last = number + 1 == PHASES.len();
            let share = if last { rest.len() } else { entries * percent / 100 / size * size };
            let (now, later) = rest.split_at(share.min(rest.len()));
            rest = later;
            writeln!(out, "{share} entries, {size} a request (server process {}) ...", self.server.child.id())?;
            let mut phase = self.ingest(now, size, connections, raw)?;
            raw = self.raw_checks(&jobs)?;
            phase.raw[1] = raw;
            phases.push(phase);
        }
        let (library, process) = self.verify_bundle(&signed)?;
        let total = self.server.total()?;
        let start = self.start_up()?;

        report_phases(&mut out, &phases, self.cores)?;
        report_room(&mut out, &phases)?;
        writeln!(out, "\n| what | figure |\n|---|---|")?;
        writeln!(out, "| signed entry, mean | {bytes} bytes |")?;
        writeln!(out, "| verify a bundle of {BUNDLE_ENTRIES} entries, in process | {:.2} ms |", library * 1e3)?;
        writeln!(out, "| the same, `cqo-ledger verify`, start to end | {:.1} ms |", process * 1e3)?;
        writeln!(out, "| `serve` to `ready` at {total} entries | {start:.2} s |")?;
        Ok(())
    }

    /// Neighbouring entries are of one provider, in steps of the largest request.
    fn sign_all(&self, entries: usize) -> Outcome<Vec<SignedEntry>> {
        let step = PHASES[PHASES.len() - 1].0;
        self.sign_in_parts(entries, |i| {
            let provider = i / step % self.providers.len();
            (provider, i % self.providers[provider].learners.len(), true)
        })
    }

    /// Signs on all cores: `of` names provider and learner of each entry, and whether it finishes the course.
    fn sign_in_parts(
        &self,
        entries: usize,
        of: impl Fn(usize) -> (usize, usize, bool) + Sync,
    ) -> Outcome<Vec<SignedEntry>> {
        let share = entries.div_ceil(self.cores).max(1);
        let sign = |i: usize| -> Outcome<SignedEntry> {
            let (provider, learner, completes) = of(i);
            let provider = &self.providers[provider];
            let body = Body::Study(provider.learners[learner].clone(), Study { completes, ..study()? });
            Ok(SignedEntry::sign(entry(&provider.code, body)?, &[&provider.key]))
        };
        let sign = |range: std::ops::Range<usize>| range.map(sign).collect::<Outcome<Vec<_>>>();
        let parts = std::thread::scope(|scope| {
            let work: Vec<_> = (0..entries)
                .step_by(share)
                .map(|from| {
                    scope.spawn({
                        let sign = &sign;
                        move || sign(from..(from + share).min(entries))
                    })
                })
                .collect();
            work.into_iter().map(|thread| thread.join().map_err(|_| "a thread ended early")).collect::<Vec<_>>()
        });
        let mut all = Vec::with_capacity(entries);
        for part in parts {
            all.extend(part??);
        }
        Ok(all)
    }

    /// The very messages that the service will check.
    fn raw_jobs(&self, signed: &[SignedEntry]) -> Outcome<Vec<RawJob>> {
        let mut jobs = Vec::new();
        for one in signed.iter().take(RAW_MESSAGES) {
            let signature = one.signatures().first().ok_or("no signature")?;
            let provider = self.providers.iter().find(|p| p.code == one.entry().recorder).ok_or("whose is it?")?;
            let mut message = format!("cqo-ledger/entry/v1\n{ORIGIN}\nEd25519\n{}\n", signature.key).into_bytes();
            message.extend(canonical(&one.entry().to_value()));
            jobs.push((provider.key.verifying_key(), message, Signature::from_slice(&signature.bytes)?));
        }
        Ok(jobs)
    }

    /// (a) Signature checks on all cores for a while. Done anew around every phase: one short sample on shared cores
    /// says more about the neighbours than about the machine.
    fn raw_checks(&self, jobs: &[RawJob]) -> Outcome<Raw> {
        let (busy, own, started) = (busy_seconds()?, cpu_seconds("self")?, Instant::now());
        let check = || -> Outcome<usize> {
            let mut done = 0;
            for (key, message, signature) in jobs.iter().cycle() {
                key.verify_strict(message, signature)?;
                done += 1;
                if done % RAW_STRIDE == 0 && started.elapsed() >= RAW_TIME {
                    break;
                }
            }
            Ok(done)
        };
        let parts: Vec<Outcome<usize>> = std::thread::scope(|scope| {
            let work: Vec<_> = (0..self.cores).map(|_| scope.spawn(check)).collect();
            work.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a thread ended early".into()))).collect()
        });
        let wall_s = started.elapsed().as_secs_f64();
        let own = cpu_seconds("self")? - own;
        let others = ((busy_seconds()? - busy - own) / (wall_s * count(self.cores))).max(0.0);
        let done = count(parts.into_iter().sum::<Outcome<usize>>()?);
        Ok(Raw { per_s: done / wall_s, cpu_s: own / done, others })
    }

    /// (b) Ingest over HTTP. Requests are made before the clock starts; connections take them one after the other.
    fn ingest(&self, entries: &[SignedEntry], size: usize, connections: usize, raw: Raw) -> Outcome<Phase> {
        let requests = self.requests(entries, size);
        let before = self.server.total()?;
        let (server, generator) = (cpu_seconds(&self.server.child.id().to_string())?, cpu_seconds("self")?);
        let busy = busy_seconds()?;
        let started = Instant::now();
        self.submit(&requests, connections)?;
        let wall_s = started.elapsed().as_secs_f64();
        let generator_s = cpu_seconds("self")? - generator;
        let ours = generator_s + cpu_seconds(&self.server.child.id().to_string())? - server;
        let others = ((busy_seconds()? - busy - ours) / (wall_s * count(self.cores))).max(0.0);
        // The server's work on these entries is over when they are sealed.
        while self.server.total()? < before + entries.len() as u64 {
            std::thread::sleep(Duration::from_millis(100));
        }
        let server_s = cpu_seconds(&self.server.child.id().to_string())? - server;
        self.read_back(entries)?;
        let raw = [raw; 2];
        let after = self.after()?;
        Ok(Phase { size, connections, entries: entries.len(), wall_s, server_s, generator_s, others, raw, after })
    }

    fn requests(&self, entries: &[SignedEntry], size: usize) -> Vec<Vec<u8>> {
        // A request holds one provider's entries; the providers take turns.
        let lists: Vec<Vec<&SignedEntry>> =
            self.providers.iter().map(|p| entries.iter().filter(|e| e.entry().recorder == p.code).collect()).collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let mut requests = Vec::new();
        for from in (0..longest).step_by(size) {
            for (provider, list) in self.providers.iter().zip(&lists) {
                if from < list.len() {
                    requests.push(self.request(provider, &list[from..(from + size).min(list.len())]));
                }
            }
        }
        requests
    }

    /// Sends all requests over so many connections.
    fn submit(&self, requests: &[Vec<u8>], connections: usize) -> Outcome<()> {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let outcomes: Vec<Outcome<()>> = std::thread::scope(|scope| {
            let work = || -> Outcome<()> {
                let mut connection = Connection::open(&self.server.address)?;
                loop {
                    let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(request) = requests.get(place) else { return Ok(()) };
                    connection.exchange(request)?;
                }
            };
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|_| Err("a connection's thread ended".into())))
                .collect()
        });
        outcomes.into_iter().collect()
    }

    fn after(&self) -> Outcome<After> {
        Ok(After {
            total: self.server.total()?,
            memory_mib: memory_mib(self.server.child.id())?,
            journal_bytes: bytes_below(&self.data.join("store/journal"))?,
            index_bytes: bytes_below(&self.data.join("store/index"))?,
        })
    }

    fn request(&self, provider: &Provider, part: &[&SignedEntry]) -> Vec<u8> {
        let mut body = Vec::new();
        if let [one] = part {
            body.extend_from_slice(one.bytes());
        } else {
            for (i, one) in part.iter().enumerate() {
                body.push(if i == 0 { b'[' } else { b',' });
                body.extend_from_slice(one.bytes());
            }
            body.push(b']');
        }
        let mut request = format!(
            "POST /api/v1/entries HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.server.address,
            provider.token,
            body.len()
        )
        .into_bytes();
        request.extend(body);
        request
    }

    /// A sample must be there, byte by byte, and in a block.
    fn read_back(&self, entries: &[SignedEntry]) -> Outcome<()> {
        for one in entries.iter().step_by((entries.len() / READ_BACK).max(1)) {
            let path = format!("/api/v1/entries/{}", one.entry().id);
            let answer: Value = serde_json::from_slice(&self.server.get(&self.operator, &path)?)?;
            if answer["state"] != "sealed" || canonical(&answer["signed"]) != one.bytes() {
                return Err(format!("{path} is not what was submitted").into());
            }
        }
        Ok(())
    }

    /// (c) Seconds to verify a bundle: by the library, and by the program from start to end.
    fn verify_bundle(&self, signed: &[SignedEntry]) -> Outcome<(f64, f64)> {
        let learner = self.providers[0].learners[0].id;
        let ids: Vec<String> = signed
            .iter()
            .filter(|one| one.entry().learner().is_some_and(|l| l.id == learner))
            .map(|one| one.entry().id.to_string())
            .take(BUNDLE_ENTRIES)
            .collect();
        let proof =
            self.server.post(&self.operator, "/api/v1/proofs", json!({"entries": ids}).to_string().as_bytes())?;
        let bundle = canonical(&proof);
        let policy_text = self.server.get(&self.operator, "/policy")?;
        let policy = TrustPolicy::parse(&policy_text)?;
        let question = Question { policy: Some(&policy), at: None, leaf: None };
        let started = Instant::now();
        for _ in 0..LIBRARY_RUNS {
            let report = verify_file(FileKind::Proof, &bundle, question);
            let joint = verify_together(std::slice::from_ref(&report));
            if exit_status(&[report], &joint, false) != 3 {
                return Err("the bundle does not verify".into());
            }
        }
        let library = started.elapsed().as_secs_f64() / f64::from(LIBRARY_RUNS);
        let (policy_file, file) = (self.data.join("policy.txt"), self.data.join("entry.proof.json"));
        std::fs::write(&policy_file, policy_text)?;
        std::fs::write(&file, bundle)?;
        let started = Instant::now();
        for _ in 0..PROCESS_RUNS {
            let mut command = Command::new(PROGRAM);
            command.arg("verify").arg("--policy").arg(&policy_file).arg(&file).stdout(Stdio::null());
            if command.status()?.code() != Some(3) {
                return Err("the bundle does not verify".into());
            }
        }
        Ok((library, started.elapsed().as_secs_f64() / f64::from(PROCESS_RUNS)))
    }

    /// (d) Seconds from starting `serve` on the full ledger until it says ready, after an orderly stop.
    fn start_up(&mut self) -> Outcome<f64> {
        let mut sum = 0.0;
        for _ in 0..START_RUNS {
            self.server.stop()?;
            let started = Instant::now();
            self.server = Server::start(&self.data)?;
            sum += started.elapsed().as_secs_f64();
        }
        Ok(sum / f64::from(START_RUNS))
    }
}

/// The table of ingest, and of the raw checks around it.
fn report_phases(out: &mut impl std::io::Write, phases: &[Phase], cores: usize) -> Outcome<()> {
    writeln!(
        out,
        "\n| a request | connections | entries | entries/s | server CPU µs/entry | generator CPU µs/entry | others' CPU | raw checks/s around it | entries/s of raw | generator's share left out | raw CPU of server CPU |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    for phase in phases {
        let n = count(phase.entries);
        let (rate, raw) = (n / phase.wall_s, phase.raw_per_s());
        let own_rate = n / (phase.wall_s - phase.generator_s / count(cores));
        writeln!(
            out,
            "| {} | {} | {} | {rate:.0} | {:.0} | {:.1} | {:.0} % | {:.0}, {:.0} | {:.0} % | {:.0} % | {:.0} % |",
            phase.size,
            phase.connections,
            phase.entries,
            phase.server_s / n * 1e6,
            phase.generator_s / n * 1e6,
            phase.others * 100.0,
            phase.raw[0].per_s,
            phase.raw[1].per_s,
            rate / raw * 100.0,
            own_rate / raw * 100.0,
            phase.raw_cpu_s() / (phase.server_s / n) * 100.0
        )?;
    }
    writeln!(
        out,
        "\n| raw `verify_strict`, {cores} threads | checks/s | CPU µs each | others' CPU |\n|---|---|---|---|"
    )?;
    let before = phases.first().map(|phase| ("before the first phase", phase.raw[0]));
    let after = phases.iter().map(|phase| ("after a phase", phase.raw[1]));
    for (when, raw) in before.into_iter().chain(after) {
        writeln!(out, "| {when} | {:.0} | {:.1} | {:.0} % |", raw.per_s, raw.cpu_s * 1e6, raw.others * 100.0)?;
    }
    Ok(())
}

/// The table of what the ledger takes up.
fn report_room(out: &mut impl std::io::Write, phases: &[Phase]) -> Outcome<()> {
    writeln!(
        out,
        "\n| entries | memory MiB | most so far | journal bytes an entry | index bytes an entry |\n|---|---|---|---|---|"
    )?;
    for After { total, memory_mib: (now, most), journal_bytes, index_bytes } in phases.iter().map(|phase| &phase.after)
    {
        let (journal, index) = (journal_bytes / total.max(&1), index_bytes / total.max(&1));
        writeln!(out, "| {total} | {now:.0} | {most:.0} | {journal} | {index} |")?;
    }
    Ok(())
}

fn entry(recorder: &CreditCode, body: Body) -> Outcome<Entry> {
    let ledger: Origin = ORIGIN.parse()?;
    let id = EntryId::try_from(Uuid::now_v7())?;
    Ok(Entry { id, ledger, recorder: recorder.clone(), rulebook: Rulebook::embedded().latest().version, body })
}

fn study() -> Outcome<Study> {
    Ok(Study {
        completes: true,
        course_code: "QM-03".parse()?,
        course_title: "质量战略管理".to_owned(),
        evidence: vec![cqo_ledger::merkle::Hash::of(&[b"evidence"])],
        first_day: "2026-03-02".parse()?,
        last_day: "2026-03-03".parse()?,
        form: StudyForm::Online,
        form_reason: None,
        hours: CreditHours::from_hundredths(200),
        reviewed_by: None,
    })
}

/// A count as a number to divide by; exact up to four thousand million, far above any run.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
