//! Reading a chain from a server that nobody vouches for: every answer has a limit, none is followed elsewhere.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroU8;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::Failure;
use super::check::TILE_HEIGHT;
use super::report::{Stop, both, failed};
use crate::ledger::block::MAX_BLOCK;
use crate::ledger::bundle::MAX_BUNDLE;
use crate::merkle::{
    Hash, MAX_NOTE_LEN, NodeId, ProofPlan, TILE_WIDTH, TileKind, TilePath, decode_bundle, frontier_nodes, node_hash,
};

/// The longest wait for one answer, from the connection to its last byte.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often one address is asked before the server counts as out of reach.
const MAX_ATTEMPTS: u32 = 5;
/// The first pause before asking again; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server's `Retry-After` can ask for.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Statuses that say "later", not "no": trouble of the server, and no fault of the chain.
const TRY_AGAIN: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// The largest key register, in bytes: a proof bundle has to hold it.
const MAX_REGISTER_LEN: usize = MAX_BUNDLE;
/// The bytes of a hash or a commitment.
const HASH_LEN: u64 = 32;
/// The bytes before each block text in a bundle.
const LENGTH_LEN: u64 = 2;
/// Hash tiles kept for the consistency proof: two nodes on each of 63 levels touch no more.
const MAX_CACHED_TILES: usize = 128;
/// The pause between two changes of the progress line.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);

/// The server of a chain.
pub(super) struct Source {
    agent: ureq::Agent,
    base: String,
    progress: Progress,
    tiles: HashMap<TilePath, Vec<Hash>>,
}

impl Source {
    /// Prepares to read from `url`; nothing is asked yet.
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Failure::misuse(format!("{url}: the address must start with http:// or https://")));
        }
        // A redirect is no answer: what is audited is this server, and not one it names.
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .build();
        Ok(Self {
            agent: config.into(),
            base: url.trim_end_matches('/').to_owned(),
            progress: Progress::new(),
            tiles: HashMap::new(),
        })
    }

    /// The checkpoint as served. A server without one is no ledger, which says nothing about any chain.
    pub(super) fn checkpoint(&mut self) -> Result<Vec<u8>, Stop> {
        match self.answer("checkpoint", MAX_NOTE_LEN as u64)? {
            (200, body) => Ok(body),
            (status, _) => {
                Err(Stop::Interrupted(Failure::misuse(format!("{}/checkpoint: HTTP {status}; no ledger?", self.base))))
            }
        }
    }

    /// The block texts of an entries tile, as many as it is wide.
    pub(super) fn texts(&mut self, tile: &TilePath) -> Result<Vec<Vec<u8>>, Stop> {
        let width = width(tile);
        let bytes = self.get(&tile.to_string(), width * (LENGTH_LEN + MAX_BLOCK as u64))?;
        let texts = decode_bundle(&bytes).map_err(|error| wrong(tile, error))?;
        match texts.len() as u64 == width {
            true => Ok(texts.into_iter().map(<[u8]>::to_vec).collect()),
            false => Err(wrong(tile, format!("{} blocks, not {width}", texts.len()))),
        }
    }

    /// The hashes of a tile, as many as it is wide.
    pub(super) fn hashes(&mut self, tile: &TilePath) -> Result<Vec<Hash>, Stop> {
        let expected = width(tile) * HASH_LEN;
        let bytes = self.get(&tile.to_string(), expected)?;
        split_hashes(&bytes, expected).map_err(|error| wrong(tile, error))
    }

    /// The commitments of a batch of `entries`.
    pub(super) fn batch(&mut self, height: u64, entries: u64) -> Result<Vec<Hash>, Stop> {
        let path = format!("batch/{height}");
        let expected = entries * HASH_LEN;
        let bytes = self.get(&path, expected)?;
        split_hashes(&bytes, expected).map_err(|error| wrong(path, error))
    }

    /// The key register of a block.
    pub(super) fn register(&mut self, height: u64) -> Result<Vec<u8>, Stop> {
        self.get(&format!("keys/{height}"), MAX_REGISTER_LEN as u64)
    }

    /// The consistency proof from `old_size` to `new_size`, from the hash tiles of the tree of `new_size`.
    pub(super) fn consistency_proof(&mut self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, Stop> {
        let plan = ProofPlan::consistency(old_size, new_size).map_err(|error| wrong("tile", error))?;
        let nodes = plan.nodes().into_iter().map(|node| self.node(node, new_size)).collect::<Result<Vec<_>, _>>()?;
        plan.combine(&nodes).map_err(|error| wrong("tile", error))
    }

    /// The root that the hash tiles of the tree of `size` lead to.
    pub(super) fn root(&mut self, size: u64) -> Result<Hash, Stop> {
        let nodes = frontier_nodes(size).map_err(|error| wrong("tile", error))?;
        let roots = nodes.into_iter().map(|node| self.node(node, size)).collect::<Result<Vec<_>, _>>()?;
        let root = roots.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
        root.ok_or_else(|| wrong("tile", "an empty tree"))
    }

    /// The root of a complete subtree: a hash of a tile, or folded from adjacent ones of one tile.
    fn node(&mut self, node: NodeId, size: u64) -> Result<Hash, Stop> {
        let (level, folds) = (node.level / TILE_HEIGHT, node.level % TILE_HEIGHT);
        let first = node.index << folds;
        let complete = size >> (level * TILE_HEIGHT);
        let tile = tile(TileKind::Hashes { level }, first / TILE_WIDTH, complete)?;
        if !self.tiles.contains_key(&tile) {
            if self.tiles.len() >= MAX_CACHED_TILES {
                self.tiles.clear();
            }
            let hashes = self.hashes(&tile)?;
            self.tiles.insert(tile, hashes);
        }
        let start = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        let part = self.tiles.get(&tile).and_then(|hashes| hashes.get(start..start.checked_add(1 << folds)?));
        let mut part = part.ok_or_else(|| wrong(tile, "the tile is too narrow"))?.to_vec();
        while part.len() > 1 {
            part = part.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(part[0])
    }

    /// `GET path`, of which the answer must be there and have at most `limit` bytes.
    fn get(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, Stop> {
        self.progress.show(path);
        match self.answer(path, limit)? {
            (200, body) => Ok(body),
            (status @ 300..=399, _) => Err(wrong(path, format!("HTTP {status}: redirects are not followed"))),
            (status, _) => Err(wrong(path, format!("HTTP {status}, though the checkpoint promises it"))),
        }
    }

    /// Asks until there is an answer that is not "later".
    fn answer(&self, path: &str, limit: u64) -> Result<(u16, Vec<u8>), Stop> {
        let url = format!("{}/{path}", self.base);
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let reason = match self.agent.get(&url).call() {
                Ok(mut answer) => {
                    let status = answer.status().as_u16();
                    let later = TRY_AGAIN.contains(&status);
                    let named = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                    match answer.body_mut().with_config().limit(limit).read_to_vec() {
                        // What an error page says is not read.
                        _ if later => {
                            pause = named.map_or(pause, Duration::from_secs);
                            format!("HTTP {status}")
                        }
                        _ if status != 200 => return Ok((status, Vec::new())),
                        Ok(body) => return Ok((status, body)),
                        Err(ureq::Error::BodyExceedsLimit(_)) => {
                            return Err(wrong(path, format!("more than the {limit} bytes it can have")));
                        }
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            if attempt >= MAX_ATTEMPTS {
                return Err(Stop::Interrupted(Failure::misuse(format!("{url}: 无法读取 unreachable: {reason}"))));
            }
            sleep(pause.min(MAX_PAUSE));
            pause *= 2;
            attempt += 1;
        }
    }
}

/// The tile of this kind and index, as wide as a level with `complete` positions makes it.
pub(super) fn tile(kind: TileKind, index: u64, complete: u64) -> Result<TilePath, Stop> {
    let width = complete.saturating_sub(index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH);
    // 256 does not fit, and a full tile names no width.
    let partial = u8::try_from(width).ok().and_then(NonZeroU8::new);
    TilePath::new(kind, index, partial).map_err(|error| wrong("tile", error))
}

/// An answer that is not what the chain promises.
pub(super) fn wrong(path: impl std::fmt::Display, error: impl std::fmt::Display) -> Stop {
    failed(format!("/{path} 的内容不对：{error}"), format!("/{path}: {error}"))
}

fn width(tile: &TilePath) -> u64 {
    let positions = tile.positions();
    positions.end - positions.start
}

fn split_hashes(bytes: &[u8], expected: u64) -> Result<Vec<Hash>, String> {
    if bytes.len() as u64 != expected {
        return Err(format!("{} bytes, not {expected}", bytes.len()));
    }
    Ok(bytes.as_chunks().0.iter().map(|chunk: &[u8; 32]| Hash::from(*chunk)).collect())
}

/// One line on a terminal that says what is being read.
struct Progress {
    is_terminal: bool,
    shown: Option<Instant>,
    requests: u64,
}

impl Progress {
    fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), shown: None, requests: 0 }
    }

    fn show(&mut self, path: &str) {
        self.requests += 1;
        if self.is_terminal && self.shown.is_none_or(|shown| shown.elapsed() >= PROGRESS_PAUSE) {
            self.shown = Some(Instant::now());
            let message = both("读取", "reading");
            drop(write!(std::io::stderr(), "\r\x1b[K{message} {} | /{path}", self.requests));
        }
    }
}

impl Drop for Progress {
    /// Leaves the terminal's line empty.
    fn drop(&mut self) {
        if self.shown.is_some() {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}
