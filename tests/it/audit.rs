//! `cqo-ledger audit` against the real service, and against a file server that shows a chain with one thing wrong.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, LazyLock, Mutex};

use cqo_ledger::ledger::block::Block;
use cqo_ledger::merkle::{
    BatchTree, Checkpoint, Frontier, Hash, NoteSigner, decode_bundle, encode_bundle, leaf_hash, sign_checkpoint,
};
use cqo_ledger::service::keyfile;
use serde_json::Value;
use tempfile::TempDir;

use super::server::{Ledger, ORIGIN, array, run, stderr, stdout, text};

/// Blocks of the captured chain: more than a tile of them, so that there are full tiles and partial ones.
const SIZE: usize = 310;
/// Blocks of the chain as it was audited earlier.
const EARLIER: usize = 300;

/// A chain that a real service made, and the key that signs its checkpoints.
static CHAIN: LazyLock<Chain> = LazyLock::new(|| Chain::capture(&ledger_of(SIZE)));

/// A service whose chain has at least `size` blocks, one entry in each.
pub(crate) fn ledger_of(size: usize) -> Ledger {
    let ledger = Ledger::start_with(&["--seal-interval-ms", "1", "--batch-max", "1", "--rate-per-second", "0"]);
    let provider = ledger.provider(2);
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &array(&provider.signed(size)));
    assert_eq!((answer.status, &answer.json()["sealed"]), (200, &Value::Bool(true)), "{}", answer.text());
    ledger
}

/// Everything a chain is made of. It can be changed, and served as if it were true.
#[derive(Clone)]
struct Chain {
    blocks: Vec<Block>,
    batches: Vec<Vec<Hash>>,
    /// The key register of each block.
    registers: Vec<Vec<u8>>,
    seed: [u8; 32],
}

/// What a server answers, by path.
type Site = BTreeMap<String, Vec<u8>>;

impl Chain {
    fn capture(ledger: &Ledger) -> Self {
        let texts: Vec<String> =
            [ledger.get("/tile/entries/000").body, ledger.get(&format!("/tile/entries/001.p/{}", SIZE - 256)).body]
                .iter()
                .flat_map(|bundle| {
                    decode_bundle(bundle)
                        .unwrap()
                        .into_iter()
                        .map(|text| String::from_utf8(text.to_vec()).unwrap())
                        .collect::<Vec<_>>()
                })
                .collect();
        let body = |path: String| {
            let answer = ledger.get(&path);
            assert_eq!(answer.status, 200, "{path}");
            answer.body
        };
        Self {
            blocks: texts.iter().map(|text| text.parse().unwrap()).collect(),
            batches: (0..SIZE).map(|height| hashes(&body(format!("/batch/{height}")))).collect(),
            registers: (0..SIZE).map(|height| body(format!("/keys/{height}"))).collect(),
            seed: keyfile::read(&ledger.data().join("keys/checkpoint.key")).unwrap().to_bytes(),
        }
    }

    /// The chain's first `size` blocks.
    fn first(&self, size: usize) -> Self {
        let mut chain = self.clone();
        chain.blocks.truncate(size);
        chain.batches.truncate(size);
        chain.registers.truncate(size);
        chain
    }

    /// Changes a block, and all that follows from it: the links of the later ones.
    fn rewrite(mut self, height: usize, change: impl Fn(&mut Block)) -> Self {
        change(&mut self.blocks[height]);
        for next in height + 1..self.blocks.len() {
            self.blocks[next].previous = self.blocks[next - 1].digest();
        }
        self
    }

    /// Puts another batch in a block, with the root and the totals that belong to it.
    fn rebatch(mut self, height: usize, batch: Vec<Hash>) -> Self {
        let (added, root) = (batch.len() as u64 - 1, root_of(&batch));
        self.batches[height] = batch;
        for later in height..self.blocks.len() {
            self.blocks[later].total += added;
        }
        self.rewrite(height, |block| (block.root, block.entries) = (root, block.entries + added))
    }

    /// Everything that a service of this chain serves for its checkpoint.
    fn site(&self) -> Site {
        let texts: Vec<String> = self.blocks.iter().map(Block::to_string).collect();
        let mut site = Site::new();
        let mut levels = vec![texts.iter().map(|text| leaf_hash(text.as_bytes())).collect::<Vec<_>>()];
        let root = root_of_leaves(&levels[0]);
        while levels.last().unwrap().len() >= 256 {
            let next = levels.last().unwrap().chunks_exact(256).map(root_of_leaves).collect();
            levels.push(next);
        }
        for (level, all) in levels.iter().enumerate() {
            for (index, tile) in all.chunks(256).enumerate() {
                site.insert(tile_path(&level.to_string(), index, tile.len()), bytes(tile));
            }
        }
        for (index, bundle) in texts.chunks(256).enumerate() {
            site.insert(tile_path("entries", index, bundle.len()), encode_bundle(bundle).unwrap());
        }
        for (height, (batch, register)) in self.batches.iter().zip(&self.registers).enumerate() {
            site.insert(format!("/batch/{height}"), bytes(batch));
            site.insert(format!("/keys/{height}"), register.clone());
        }
        let checkpoint = Checkpoint::new(ORIGIN, texts.len() as u64, root).unwrap();
        let signer = NoteSigner::from_seed(ORIGIN, &self.seed).unwrap();
        site.insert("/checkpoint".into(), sign_checkpoint(&checkpoint, &signer).unwrap().to_string().into_bytes());
        site
    }
}

fn tile_path(kind: &str, index: usize, width: usize) -> String {
    let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
    format!("/tile/{kind}/{index:03}{partial}")
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|chunk| Hash::try_from(chunk).unwrap()).collect()
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn root_of_leaves(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

fn root_of(batch: &[Hash]) -> Hash {
    let leaves: Vec<Hash> = batch.iter().map(|commitment| leaf_hash(commitment.as_bytes())).collect();
    BatchTree::from_leaves(&leaves).unwrap().root()
}

/// A file server that serves what it is given, and remembers what it was asked. It ends with the test binary.
struct Files {
    url: String,
    site: Arc<Mutex<Site>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    fn serve(site: Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (site, asked) = (Arc::new(Mutex::new(site)), Arc::new(Mutex::new(Vec::new())));
        let (files, log) = (Arc::clone(&site), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away is its own business.
                drop(answer(stream.unwrap(), &files, &log));
            }
        });
        Self { url, site, asked }
    }

    fn show(&self, site: Site) {
        *self.site.lock().unwrap() = site;
        self.asked.lock().unwrap().clear();
    }

    fn asked(&self) -> HashSet<String> {
        self.asked.lock().unwrap().iter().cloned().collect()
    }
}

/// Answers one request. A body that begins with `HTTP/1.1` is an answer of its own making.
fn answer(stream: TcpStream, site: &Mutex<Site>, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let path = lines.next().unwrap()?.split(' ').nth(1).unwrap().to_owned();
    while !lines.next().unwrap()?.is_empty() {}
    let body = site.lock().unwrap().get(&path).cloned();
    asked.lock().unwrap().push(path);
    let mut stream = stream;
    match body {
        Some(raw) if raw.starts_with(b"HTTP/1.1") => stream.write_all(&raw),
        Some(body) => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
            stream.write_all(&body)
        }
        None => write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    }
}

/// A place for a mirror and a policy that trusts the captured chain's key.
struct Auditor {
    dir: TempDir,
}

impl Auditor {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = NoteSigner::from_seed(ORIGIN, &CHAIN.seed).unwrap();
        std::fs::write(dir.path().join("policy.txt"), format!("log {}\nquorum none\n", key.verifier_key())).unwrap();
        Self { dir }
    }

    fn mirror(&self) -> PathBuf {
        self.dir.path().join("mirror")
    }

    fn policy(&self) -> PathBuf {
        self.dir.path().join("policy.txt")
    }

    fn audit(&self, url: &str) -> Audit {
        Audit::of(&run(&["audit", url, "--json", "--mirror", text(&self.mirror()), "--policy", text(&self.policy())]))
    }

    /// What the mirror holds, but for evidence.
    fn contents(&self) -> Site {
        let entries = std::fs::read_dir(self.mirror()).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .map(|path| (text(&path).to_owned(), std::fs::read(path).unwrap()))
            .collect()
    }

    /// The checkpoints that were kept as evidence.
    fn evidence(&self) -> Vec<Vec<u8>> {
        let dir = self.mirror().join("evidence");
        let entries = std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                assert!(text(&path).ends_with("Z-checkpoint"), "{}", path.display());
                std::fs::read(path).unwrap()
            })
            .collect()
    }
}

/// How an audit ended.
#[derive(Debug)]
struct Audit {
    status: i32,
    report: Value,
}

impl Audit {
    fn of(output: &Output) -> Self {
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|_| panic!("{}{}", stdout(output), stderr(output)));
        Self { status: output.status.code().unwrap(), report }
    }

    /// Every step and its state.
    fn steps(&self) -> Vec<(&str, &str)> {
        let steps = self.report["steps"].as_array().unwrap();
        steps.iter().map(|step| (step["step"].as_str().unwrap(), step["state"].as_str().unwrap())).collect()
    }

    fn detail(&self, name: &str) -> &str {
        let steps = self.report["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap()["detail"].as_str().unwrap()
    }

    /// The steps that failed.
    fn failed(&self) -> Vec<&str> {
        self.steps().into_iter().filter(|step| step.1 == "failed").map(|step| step.0).collect()
    }

    #[track_caller]
    fn assert_passed(&self) {
        assert!(self.status == 0 && self.steps().iter().all(|step| step.1 == "passed"), "{self:#?}");
    }
}

#[test]
fn a_healthy_chain_passes_and_so_does_what_is_added_to_it() {
    let ledger = Ledger::start();
    let (provider, mirror, policy) = (ledger.provider(2), ledger.path("mirror"), ledger.policy());
    let args = ["audit", ledger.url(), "--mirror", text(&mirror), "--policy", text(&policy)];
    for (count, size) in [(3, 4), (0, 4), (40, 5)] {
        if count > 0 {
            let body = array(&provider.signed(count));
            assert_eq!(ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", &body).status, 200);
        }
        let output = run(&args);
        let said = stdout(&output);
        assert!(output.status.success(), "{said}{}", stderr(&output));
        assert_eq!(said.matches("  通过 passed | ").count(), 6, "{said}");
        assert!(said.contains(&format!("{size} in all")) && said.ends_with("全部通过 passed\n"), "{said}");
    }
    let total: u64 = 5 + 3 + 40;
    assert_eq!(std::fs::metadata(mirror.join("commitments")).unwrap().len(), 32 * total);
    assert_eq!(std::fs::read(mirror.join("keys.json")).unwrap(), ledger.get("/keys/4").body);
    assert_eq!(std::fs::read(mirror.join("checkpoint")).unwrap(), ledger.get("/checkpoint").body);
    assert_eq!(std::fs::read(mirror.join("blocks")).unwrap(), ledger.get("/tile/entries/000.p/5").body);
}

#[test]
fn without_a_policy_nobody_is_trusted() {
    let (auditor, files) = (Auditor::new(), Files::serve(CHAIN.first(5).site()));
    let mirror = auditor.mirror();
    let args = ["audit", &files.url, "--mirror", text(&mirror)];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(3));
    let said = stdout(&output);
    assert!(said.contains("无法核验 could not be checked | 检查点签名 checkpoint"), "{said}");
    assert_eq!(said.matches("通过 passed | ").count(), 5, "{said}");
    // A bad chain is a failure all the same.
    files.show(CHAIN.first(3).site());
    assert_eq!(run(&args).status.code(), Some(1));
    // And a checkpoint that nobody checked takes no trusted one's place.
    files.show(CHAIN.first(5).site());
    auditor.audit(&files.url).assert_passed();
    let mut unsigned = CHAIN.first(5);
    unsigned.seed = [9; 32];
    files.show(unsigned.site());
    let before = auditor.contents();
    assert_eq!(run(&args).status.code(), Some(3));
    assert!(auditor.contents() == before);
}

#[test]
fn the_second_audit_reads_only_what_is_new() {
    let (auditor, files) = (Auditor::new(), Files::serve(CHAIN.first(EARLIER).site()));
    auditor.audit(&files.url).assert_passed();
    let whole = files.asked();
    for path in ["/tile/entries/000", "/tile/entries/001.p/44", "/tile/0/000", "/tile/0/001.p/44", "/tile/1/000.p/1"] {
        assert!(whole.contains(path), "{path}");
    }
    assert_eq!(whole.iter().filter(|path| path.starts_with("/batch/")).count(), EARLIER);

    files.show(CHAIN.site());
    auditor.audit(&files.url).assert_passed();
    let mut expected: HashSet<String> = (EARLIER..SIZE).map(|height| format!("/batch/{height}")).collect();
    // The wider partial tiles, and for the consistency proof the hash of the full one below.
    expected.extend(["/checkpoint", "/tile/1/000.p/1", "/tile/0/001.p/54", "/tile/entries/001.p/54"].map(String::from));
    expected.insert(format!("/keys/{}", SIZE - 1));
    assert_eq!(files.asked(), expected);

    files.show(CHAIN.site());
    auditor.audit(&files.url).assert_passed();
    assert_eq!(files.asked(), HashSet::from(["/checkpoint".into()]));
}

#[test]
fn a_chain_grows_over_the_edge_of_a_tile() {
    let (auditor, files) = (Auditor::new(), Files::serve(CHAIN.first(1).site()));
    for size in [1, 2, 3, 255, 256, 257, SIZE] {
        files.show(CHAIN.first(size).site());
        auditor.audit(&files.url).assert_passed();
    }
}

#[test]
fn the_copy_is_what_the_service_serves() {
    let ledger = ledger_of(SIZE);
    let size: usize = ledger.get("/checkpoint").text().lines().nth(1).unwrap().parse().unwrap();
    let copy = Chain::capture(&ledger).first(SIZE);
    for (path, body) in copy.site() {
        if path != "/checkpoint" || size == SIZE {
            assert!(ledger.get(&path).body == body, "{path}");
        }
    }
}

/// Audits `bad` in a new mirror, or after an audit of the chain of `earlier` blocks, and expects exactly one failed step.
#[track_caller]
fn assert_caught(name: &str, earlier: Option<usize>, bad: Site, step: &str) -> Audit {
    let (auditor, files) = (Auditor::new(), Files::serve(Site::new()));
    if let Some(size) = earlier {
        files.show(CHAIN.first(size).site());
        auditor.audit(&files.url).assert_passed();
    } else {
        std::fs::create_dir(auditor.mirror()).unwrap();
    }
    let before = auditor.contents();
    let checkpoint = bad["/checkpoint"].clone();
    files.show(bad);
    let audit = auditor.audit(&files.url);
    assert_eq!((audit.status, audit.failed()), (1, vec![step]), "{name}: {audit:#?}");
    assert_eq!(auditor.evidence(), vec![checkpoint], "{name}");
    let mut after = auditor.contents();
    if earlier.is_none() {
        after.retain(|_, bytes| !bytes.is_empty());
    }
    assert!(after == before, "{name}: the mirror changed");
    // Once the chain is whole again, the mirror goes on.
    files.show(CHAIN.site());
    auditor.audit(&files.url).assert_passed();
    audit
}

/// The site of the whole chain with one answer changed.
fn with(path: &str, change: impl Fn(&mut Vec<u8>)) -> Site {
    let mut site = CHAIN.site();
    change(site.get_mut(path).unwrap());
    site
}

fn replace(text: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let at = text.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    text[at..at + from.len()].copy_from_slice(to.as_bytes());
}

#[test]
fn whatever_is_served_wrong_is_caught_and_named() {
    let partial = format!("/tile/0/001.p/{}", SIZE - 256);
    let (entries, tip) = (format!("/tile/entries/001.p/{}", SIZE - 256), format!("/keys/{}", SIZE - 1));
    let one = |path: &str, raw: &str| with(path, |body| *body = raw.as_bytes().to_vec());
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /moved\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut moved = one("/tile/entries/000", redirect);
    moved.insert("/moved".into(), CHAIN.site()["/tile/entries/000"].clone());
    let cases: Vec<(&str, Site, &str)> = vec![
        ("block text", with("/tile/entries/000", |body| replace(body, "height 77\n", "height 78\n")), "blocks"),
        ("text of the last block", with(&entries, |body| *body.iter_mut().rev().nth(3).unwrap() ^= 1), "blocks"),
        ("root in a block", with("/tile/entries/000", |body| replace(body, "root ", "root\n")), "blocks"),
        ("entries tile cut short", with(&entries, |body| body.truncate(body.len() - 1)), "blocks"),
        (
            "entries tile without its last block",
            with(&entries, |body| {
                let len = CHAIN.blocks[SIZE - 1].to_string().len() + 2;
                body.truncate(body.len() - len);
            }),
            "blocks",
        ),
        ("entries tile too large", with("/tile/entries/000", |body| body.resize(1 << 20, 0)), "blocks"),
        (
            "no entries tile",
            {
                let mut site = CHAIN.site();
                site.remove("/tile/entries/000");
                site
            },
            "blocks",
        ),
        ("entries tile elsewhere", moved, "blocks"),
        ("bit in a full tile", with("/tile/0/000", |body| body[4_000] ^= 1), "tiles"),
        ("bit in a partial tile", with(&partial, |body| body[0] ^= 0x80), "tiles"),
        ("bit in an upper tile", with("/tile/1/000.p/1", |body| body[31] ^= 1), "tiles"),
        ("truncated full tile", with("/tile/0/000", |body| body.truncate(8_160)), "tiles"),
        ("truncated partial tile", with(&partial, |body| body.truncate(31)), "tiles"),
        ("too long tile", with(&partial, |body| body.push(0)), "tiles"),
        (
            "element of the key register dropped",
            with(&tip, |body| {
                let elements: Vec<Value> = serde_json::from_slice(body).unwrap();
                *body = serde_json::to_vec(&elements[..elements.len() - 1]).unwrap();
            }),
            "keys",
        ),
        ("key register with a space", with(&tip, |body| body.insert(1, b' ')), "keys"),
        (
            "batch swapped",
            {
                let mut site = CHAIN.site();
                let other = site["/batch/8"].clone();
                site.insert("/batch/7".into(), other);
                site
            },
            "batches",
        ),
        ("bit in a batch", with("/batch/309", |body| body[0] ^= 1), "batches"),
        ("truncated batch", with("/batch/5", |body| body.truncate(16)), "batches"),
        ("batch too large", with("/batch/5", |body| body.resize(64, 0)), "batches"),
        ("not a note", with("/checkpoint", |body| body.truncate(40)), "checkpoint"),
        (
            "bit in the signature",
            with("/checkpoint", |body| {
                let at = body.len() - 20;
                body[at] = if body[at] == b'A' { b'B' } else { b'A' };
            }),
            "checkpoint",
        ),
        ("another size", with("/checkpoint", |body| replace(body, "\n310\n", "\n999\n")), "checkpoint"),
    ];
    for (name, site, step) in cases {
        assert_caught(name, None, site, step);
    }
}

/// A chain that is sound in itself, under the checkpoint of another one.
fn not_of_the_checkpoint() -> Site {
    let mut site =
        CHAIN.clone().rewrite(SIZE - 1, |block| block.time = "2199-01-01T00:00:00.000Z".parse().unwrap()).site();
    site.insert("/checkpoint".into(), CHAIN.site()["/checkpoint"].clone());
    site
}

#[test]
fn a_chain_that_breaks_its_own_rules_is_caught_though_it_is_signed() {
    let chain = || CHAIN.clone();
    let fresh = |n: u8| Hash::of(&[&[n]]);
    let mut twice_in_one = CHAIN.batches[SIZE - 1].clone();
    twice_in_one.push(twice_in_one[0]);
    let swapped = chain().rebatch(20, vec![CHAIN.batches[20][0], fresh(1), fresh(2)]);
    let mut swapped_site = swapped.site();
    swapped_site.insert("/batch/20".into(), bytes(&[CHAIN.batches[20][0], fresh(2), fresh(1)]));
    let mut foreign = chain();
    foreign.seed = [7; 32];
    let mut short_register = chain();
    let elements: Vec<Value> = serde_json::from_slice(&CHAIN.registers[SIZE - 1]).unwrap();
    let digest = Hash::of(&[&serde_json::to_vec(&elements[1..]).unwrap()]);
    short_register.registers[SIZE - 1] = serde_json::to_vec(&elements[1..]).unwrap();
    let cases: Vec<(&str, Site, &str)> = vec![
        ("signed by another key", foreign.site(), "checkpoint"),
        (
            "commitment of an earlier block again",
            chain().rebatch(SIZE - 1, vec![CHAIN.batches[4][0]]).site(),
            "batches",
        ),
        ("commitment twice in a batch", chain().rebatch(SIZE - 1, twice_in_one).site(), "batches"),
        ("commitments of a batch swapped", swapped_site, "batches"),
        ("total", chain().rewrite(60, |block| block.total += 1).site(), "blocks"),
        ("time going back", chain().rewrite(60, |block| block.time = CHAIN.blocks[1].time).site(), "blocks"),
        ("height", chain().rewrite(60, |block| block.height = 61).site(), "blocks"),
        ("link", chain().rewrite(SIZE - 1, |block| block.previous = Hash::ZERO).site(), "blocks"),
        ("origin", chain().rewrite(0, |block| block.origin = "elsewhere".parse().unwrap()).site(), "blocks"),
        ("register of no prefix", chain().rewrite(60, |block| block.keys = fresh(3)).site(), "keys"),
        ("register that shrinks", chain().rewrite(60, |block| block.keys = CHAIN.blocks[0].keys).site(), "keys"),
        (
            "register that grows by more than entries",
            chain().rewrite(1, |block| block.keys = CHAIN.blocks[SIZE - 1].keys).site(),
            "keys",
        ),
        (
            "block 0 with more than its own key",
            chain().rewrite(0, |block| block.keys = CHAIN.blocks[1].keys).site(),
            "keys",
        ),
        ("block 0 with another entry", chain().rebatch(0, vec![CHAIN.batches[0][0], fresh(4)]).site(), "keys"),
        (
            "register without its first element",
            short_register.rewrite(SIZE - 1, |block| block.keys = digest).site(),
            "keys",
        ),
        ("sound blocks of another chain than the checkpoint's", not_of_the_checkpoint(), "blocks"),
        ("empty chain", chain().first(0).site(), "checkpoint"),
    ];
    for (name, site, step) in cases {
        assert_caught(name, None, site, step);
    }
}

#[test]
fn history_cannot_change_once_it_was_audited() {
    // Sound in itself from block 0 on, and signed by the right key; only somebody who was there before can tell.
    let other = |height: usize, size: usize| CHAIN.first(size).rebatch(height, vec![Hash::of(&[b"never recorded"])]);
    let cases = [
        ("last block dropped", CHAIN.first(SIZE - 1), "shrank from 310 to 309 blocks"),
        ("fork of the same size", other(100, SIZE), "both checkpoints are signed by the ledger's key"),
        ("fork in the last block", other(SIZE - 1, SIZE), "both checkpoints are signed by the ledger's key"),
        ("smaller fork", other(100, 200), "both checkpoints are signed by the ledger's key"),
    ];
    for (name, chain, says) in cases {
        let audit = assert_caught(name, Some(SIZE), chain.site(), "consistency");
        assert!(audit.detail("consistency").contains(says), "{name}: {audit:#?}");
        // To those who were not there it looks like a sound chain.
        let (newcomer, files) = (Auditor::new(), Files::serve(chain.site()));
        newcomer.audit(&files.url).assert_passed();
    }
    for height in [0, 100, EARLIER - 1] {
        // The fork is larger than what was audited.
        let bad = if height == 0 {
            CHAIN.clone().rewrite(0, |block| block.time = "2020-01-01T00:00:00.000Z".parse().unwrap())
        } else {
            other(height, SIZE)
        };
        let audit = assert_caught("larger fork", Some(EARLIER), bad.site(), "consistency");
        assert!(audit.detail("consistency").contains("fork: "), "{height}: {audit:#?}");
    }
}

/// The chain with a register whose last two elements changed places after the earlier audit: sound in itself, and with new
/// blocks that name it, but no continuation of the old one.
fn reordered_register() -> Site {
    let mut chain = CHAIN.clone();
    let mut elements: Vec<Value> = serde_json::from_slice(&CHAIN.registers[SIZE - 1]).unwrap();
    elements.swap(1, 2);
    let register = serde_json::to_vec(&elements).unwrap();
    let digest = Hash::of(&[&register]);
    chain.registers[SIZE - 1] = register;
    for height in EARLIER..SIZE {
        chain = chain.rewrite(height, |block| block.keys = digest);
    }
    chain.site()
}

#[test]
fn what_was_audited_is_not_served_anew_in_another_form() {
    let partial = format!("/tile/0/001.p/{}", SIZE - 256);
    let entries = format!("/tile/entries/001.p/{}", SIZE - 256);
    let tip = format!("/keys/{}", SIZE - 1);
    for (name, site, step) in [
        ("bit in a tile of the proof", with(&partial, |body| body[0] ^= 1), "consistency"),
        ("no tile for the proof", with("/tile/1/000.p/1", Vec::clear), "consistency"),
        ("audited block in the partial tile", with(&entries, |body| body[20] ^= 1), "blocks"),
        ("new block", with(&entries, |body| *body.iter_mut().rev().nth(3).unwrap() ^= 1), "blocks"),
        ("new hash", with(&partial, |body| *body.last_mut().unwrap() ^= 1), "consistency"),
        ("register", with(&tip, |body| replace(body, "authority", "recorders")), "keys"),
        ("register in another order", reordered_register(), "keys"),
        ("sound blocks of another chain than the checkpoint's", not_of_the_checkpoint(), "consistency"),
        ("commitment", with("/batch/305", |body| body[3] ^= 1), "batches"),
        ("commitment of an audited block", CHAIN.clone().rebatch(305, vec![CHAIN.batches[9][0]]).site(), "batches"),
    ] {
        let audit = assert_caught(name, Some(EARLIER), site, step);
        // A server that contradicts its own checkpoint has proven no fork.
        assert!(!audit.detail(step).contains("fork"), "{name}: {audit:#?}");
    }
}

#[test]
fn an_audit_that_broke_off_leaves_the_earlier_state() {
    let (auditor, files) = (Auditor::new(), Files::serve(CHAIN.first(1).site()));
    auditor.audit(&files.url).assert_passed();
    // As if the machine had stopped just before the checkpoint was replaced.
    let append = |name: &str, bytes: &[u8]| {
        std::fs::OpenOptions::new().append(true).open(auditor.mirror().join(name)).unwrap().write_all(bytes).unwrap();
    };
    append("blocks", &CHAIN.site()["/tile/entries/000"][400..]);
    append("commitments", &[7; 33]);
    std::fs::write(auditor.mirror().join("keys.json"), &CHAIN.registers[SIZE - 1]).unwrap();
    std::fs::write(auditor.mirror().join("checkpoint.tmp"), b"half a no").unwrap();
    files.show(CHAIN.site());
    auditor.audit(&files.url).assert_passed();
    let first = std::fs::read(auditor.mirror().join("blocks")).unwrap();
    assert_eq!(first.len(), CHAIN.blocks.iter().map(|block| block.to_string().len() + 2).sum::<usize>());
    // The same without an earlier state.
    std::fs::remove_file(auditor.mirror().join("checkpoint")).unwrap();
    auditor.audit(&files.url).assert_passed();
    assert!(std::fs::read(auditor.mirror().join("blocks")).unwrap() == first);
}

#[test]
fn trouble_here_is_not_blamed_on_the_chain() {
    let files = Files::serve(CHAIN.first(3).site());
    let audit = |auditor: &Auditor, url: &str| {
        run(&["audit", url, "--mirror", text(&auditor.mirror()), "--policy", text(&auditor.policy())])
    };
    let assert_misuse = |auditor: &Auditor, url: &str, says: &str| {
        let output = audit(auditor, url);
        assert_eq!(output.status.code(), Some(2), "{says}: {}", stdout(&output));
        assert!(stderr(&output).contains(says), "{says}: {}", stderr(&output));
        assert_eq!(auditor.evidence(), Vec::<Vec<u8>>::new());
    };
    let auditor = Auditor::new();
    assert_misuse(&auditor, "ledger.example.org", "http://");
    assert_misuse(&auditor, "http://127.0.0.1:1", "unreachable");
    assert_misuse(&auditor, &format!("{}/nothing/here", files.url), "no ledger");
    let damages: [(&str, Damage); 5] = [
        ("blocks", |path| std::fs::write(path, b"\x00\x01x").unwrap()),
        ("blocks", |path| flip(path, 900)),
        ("commitments", |path| flip(path, 40)),
        ("keys.json", |path| flip(path, 40)),
        ("checkpoint", |path| flip(path, 30)),
    ];
    for (name, damage) in damages {
        let auditor = Auditor::new();
        assert_eq!(audit(&auditor, &files.url).status.code(), Some(0));
        damage(&auditor.mirror().join(name));
        assert_misuse(&auditor, &files.url, "the mirror is damaged");
    }
    let auditor = Auditor::new();
    std::fs::create_dir(auditor.mirror()).unwrap();
    let lock = std::fs::File::create(auditor.mirror().join("lock")).unwrap();
    lock.lock().unwrap();
    assert_misuse(&auditor, &files.url, "another audit");
    std::fs::write(auditor.policy(), "quorum").unwrap();
    assert_misuse(&auditor, &files.url, "not a sound trust policy");
}

/// Something that happens to a file.
type Damage = fn(&Path);

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
