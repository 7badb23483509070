//! Backups: a consistent copy of a store, made while it runs, without its lock and without a word to it.
//!
//! ```text
//! BACKUP/manifest.json   what belongs to the backup, up to which commit; replaced at once, last
//! BACKUP/files/<sha256>  the files, each under its digest
//! BACKUP/LOCK            held while a backup is made
//! ```
//!
//! The consistent point is the mark, which is read first: everything up to its sequence number is durable and never changes
//! again. A running store advances it within a second or so; that is waited for, so a backup has every commit that was
//! acknowledged before it began. It goes on without after [`MARK_WAIT`], as with a store that is not running, and says what
//! is lacking: commits of the last second before a crash are in the first backup after the next start. A file under its digest is never overwritten, so what the manifest before names stays whole until the new one
//! stands: a crash at any moment leaves the backup before, or the new one. A finished segment that is there already is
//! not copied again. The index is not backed up: it is built anew.
//!
//! Keys are not here: whoever has a copy of the journal must not have them with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::files::{DirLock, create_dir, is_in_use, read_if_there, remove_dir, sync_dir, write_atomic};
use super::journal::{UpToMark, last_whole, segments_up_to};
use super::mark::{Mark, StoreId};
use crate::merkle::{Checkpoint, Hash};

const MANIFEST: &str = "manifest.json";
const FILES: &str = "files";
const LOCK: &str = "LOCK";
const MANIFEST_FORMAT: &str = "cqo-ledger/backup/v1";

/// The store's files, by their names in a data directory.
const STORE_FORMAT_NAME: &str = "store/FORMAT";
const STORE_MARK_NAME: &str = "store/mark";
const SEGMENTS_NAME: &str = "store/journal/";
/// What else of a data directory is backed up.
const OTHER_NAMES: [&str; 2] = ["rulebook.toml", "service.json"];

/// How long the mark of a running store is waited for: several times as long as a healthy one takes.
const MARK_WAIT: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const MARK_POLL: Duration = Duration::from_millis(20);

/// What to do about a damaged backup: said with every such error.
const ADVICE: &str =
    "use another backup; to mend this one while the ledger is well, remove the file and run `backup` again";

/// Hears how many bytes of how many are done.
type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// What belongs to a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// The store's id.
    pub store: String,
    /// The ledger's name, once it has a checkpoint.
    pub origin: Option<String>,
    /// The last commit in the backup.
    pub sequence: u64,
    /// The journal's chained digest there.
    pub digest: Hash,
    /// The text of the last checkpoint that was about to be signed.
    pub checkpoint: Option<String>,
    /// When the backup was made.
    pub created: String,
    /// Its files.
    pub files: Vec<ManifestFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its place in a data directory.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its digest, which is also its name in the backup.
    pub sha256: Hash,
}

/// A backup that was made.
#[derive(Debug)]
pub struct BackedUp {
    /// What belongs to it.
    pub manifest: Manifest,
    /// Bytes that were copied.
    pub copied_bytes: u64,
    /// Bytes that were there already.
    pub kept_bytes: u64,
    /// Commits that were there when it began, and that the mark did not reach in time.
    pub lacking: u64,
}

/// Backs up the data directory `data`, whose store may be running, to `to`. `created` is when, for people.
pub fn backup(data: &Path, to: &Path, created: &str, progress: Progress<'_>) -> Result<BackedUp, StoreError> {
    let store = data.join("store");
    let format_path = store.join("FORMAT");
    // Nothing is made anywhere before it is sure that there is something to back up.
    let id =
        StoreId::read(&format_path)?.ok_or_else(|| refused(&store, "there is no store", "name a data directory"))?;
    refuse_strange_directory(to)?;
    create_dir(&to.join(FILES)).map_err(StoreError::io("create", to))?;
    let _lock = DirLock::take(to)?;
    let before = read_manifest_if_there(to)?;

    let journal = store.join("journal");
    let (mark, lacking) = wait_for_mark(&store, &journal, id)?;
    if let Some(before) = &before {
        refuse_other_history(to, before, id, &mark)?;
    }
    let segments = segments_up_to(&journal, &mark)?;
    let total: u64 = segments.iter().filter_map(|(_, path)| path.metadata().ok()).map(|file| file.len()).sum();
    let mut copy = Copy { to, files: Vec::new(), copied_bytes: 0, kept_bytes: 0 };
    let mut walk = UpToMark::new(id, &mark, before.as_ref().map_or(0, |before| before.sequence));
    let mut done = 0;
    for (first, path) in &segments {
        // The writer may append while this reads: what comes in beyond the mark is cut off here, torn or whole.
        let bytes = std::fs::read(path).map_err(StoreError::io("read", path))?;
        let len = walk.segment(path, &bytes, *first)?;
        copy.add(segment_name(*first), &bytes[..len])?;
        done += bytes.len() as u64;
        progress(done.min(total), total);
    }
    let digest_before = walk.finish(&journal)?;
    if let Some(before) = before.as_ref().filter(|before| before.sequence > 0)
        && digest_before != Some(before.digest)
    {
        return Err(other_history(to, before));
    }
    copy.add_file(STORE_FORMAT_NAME, &format_path)?;
    copy.add(STORE_MARK_NAME.into(), &mark.encode())?;
    for name in OTHER_NAMES {
        copy.add_file(name, &data.join(name))?;
    }
    let Copy { files, copied_bytes, kept_bytes, .. } = copy;
    let checkpoint = mark.anchor.map(|anchor| anchor.checkpoint);
    let origin = checkpoint.as_deref().and_then(|text| text.parse::<Checkpoint>().ok());
    let manifest = Manifest {
        format: MANIFEST_FORMAT.into(),
        store: id.to_string(),
        origin: origin.map(|checkpoint| checkpoint.origin().to_owned()),
        sequence: mark.sequence,
        digest: mark.digest,
        checkpoint,
        created: created.to_owned(),
        files,
    };
    // A crash before this leaves the backup before, with files beside it that the next one uses or removes.
    let path = to.join(MANIFEST);
    write_atomic(&path, &manifest.encode()).map_err(StoreError::io("write", &path))?;
    // A crash after this leaves files that only the manifest before named.
    sweep(to, &manifest)?;
    Ok(BackedUp { manifest, copied_bytes, kept_bytes, lacking })
}

/// Reads the mark, once it knows all that is in the journal now, and says how many commits it lacks all the same.
fn wait_for_mark(store: &Path, journal: &Path, id: StoreId) -> Result<(Mark, u64), StoreError> {
    let (path, began) = (store.join("mark"), Instant::now());
    let last = last_whole(journal, id)?;
    loop {
        // Asked before the mark is read: a store that is closed in between has written it.
        let hopeless = began.elapsed() >= MARK_WAIT || !is_in_use(store);
        let mark = Mark::read(&path, id)?;
        let lacking = last.saturating_sub(mark.sequence);
        if lacking == 0 || hopeless {
            return Ok((mark, lacking));
        }
        std::thread::sleep(MARK_POLL);
    }
}

/// Checks a backup without restoring it: every digest, and the journal from its first byte to the mark.
pub fn check_backup(from: &Path, progress: Progress<'_>) -> Result<Manifest, StoreError> {
    let manifest = read_manifest_if_there(from)?.ok_or_else(|| {
        refused(
            &from.join(MANIFEST),
            "the file is missing: here is no backup that was finished",
            "name another directory",
        )
    })?;
    let total = manifest.files.iter().map(|file| file.size).sum();
    let mut done = 0;
    let mut seen = |file: &ManifestFile, progress: &mut dyn FnMut(u64, u64)| {
        done += file.size;
        progress(done, total);
    };
    let (format, mark) = (manifest.file(from, STORE_FORMAT_NAME)?, manifest.file(from, STORE_MARK_NAME)?);
    read_file(from, format)?;
    read_file(from, mark)?;
    let store = StoreId::read(&path_of(from, format))?.filter(|id| id.to_string() == manifest.store);
    let store = store.ok_or_else(|| not_one_backup(from))?;
    let known = Mark::read(&path_of(from, mark), store)?;
    if (known.sequence, known.digest) != (manifest.sequence, manifest.digest) {
        return Err(not_one_backup(from));
    }
    let mut walk = UpToMark::new(store, &known, 0);
    for file in &manifest.files {
        let bytes = read_file(from, file)?;
        if let Some(first) = segment_of(&file.name) {
            let len = walk.segment(&path_of(from, file), &bytes, first)?;
            if len != bytes.len() {
                return Err(not_one_backup(from));
            }
        }
        seen(file, progress);
    }
    walk.finish(from)?;
    Ok(manifest)
}

/// Lays a backup out as the store of the data directory `data`, where nothing is yet. Check it first; the digests are checked
/// here again, byte for byte as they are written.
///
/// `service.json` stays behind: it says where the service listened that is gone, and would send commands there.
pub fn lay_out_backup(from: &Path, manifest: &Manifest, data: &Path, progress: Progress<'_>) -> Result<(), StoreError> {
    create_dir(&data.join(SEGMENTS_NAME)).map_err(StoreError::io("create", data))?;
    let total = manifest.files.iter().map(|file| file.size).sum();
    let mut done = 0;
    // `FORMAT` last, as when a store is made: without it, what a crash left here is no store.
    let (format, others): (Vec<_>, Vec<_>) = manifest.files.iter().partition(|file| file.name == STORE_FORMAT_NAME);
    for file in others.into_iter().chain(format) {
        let bytes = read_file(from, file)?;
        if file.name != OTHER_NAMES[1] {
            let path = data.join(&file.name);
            write_atomic(&path, &bytes).map_err(StoreError::io("write", &path))?;
        }
        done += file.size;
        progress(done, total);
    }
    Ok(())
}

/// Files on their way into a backup.
struct Copy<'a> {
    to: &'a Path,
    files: Vec<ManifestFile>,
    copied_bytes: u64,
    kept_bytes: u64,
}

impl Copy<'_> {
    /// Takes in a file if it is there.
    fn add_file(&mut self, name: &str, path: &Path) -> Result<(), StoreError> {
        read_if_there(path)?.map_or(Ok(()), |bytes| self.add(name.to_owned(), &bytes))
    }

    fn add(&mut self, name: String, bytes: &[u8]) -> Result<(), StoreError> {
        let file = ManifestFile { name, size: bytes.len() as u64, sha256: Hash::of(&[bytes]) };
        let path = path_of(self.to, &file);
        // Whole or not there at all, since files come into being by a rename. What rots later, `check_backup` finds.
        if path.metadata().is_ok_and(|there| there.len() == file.size) {
            self.kept_bytes += file.size;
        } else {
            write_atomic(&path, bytes).map_err(StoreError::io("write", &path))?;
            self.copied_bytes += file.size;
        }
        self.files.push(file);
        Ok(())
    }
}

/// The manifest and its digest, as they stand in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    manifest: Manifest,
    /// SHA-256 of the manifest as compact JSON.
    sha256: Hash,
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let signed = Signed { manifest: self.clone(), sha256: self.own_digest() };
        let mut bytes = serde_json::to_vec_pretty(&signed).expect("strings and numbers are always JSON");
        bytes.push(b'\n');
        bytes
    }

    fn own_digest(&self) -> Hash {
        Hash::of(&[&serde_json::to_vec(self).expect("strings and numbers are always JSON")])
    }

    /// Reads a manifest back: nothing in it may have changed, and no name may lead out of a data directory.
    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let Signed { manifest, sha256 } =
            serde_json::from_slice(bytes).map_err(|_| "it is not the manifest of a backup, or damaged")?;
        if sha256 != manifest.own_digest() {
            return Err("its checksum does not match");
        }
        if manifest.format != MANIFEST_FORMAT {
            return Err("it was written by another version of this program");
        }
        let mut names = BTreeSet::new();
        match manifest.files.iter().all(|file| is_known_name(&file.name) && names.insert(&file.name)) {
            true => Ok(manifest),
            false => Err("it names files that are not those of a data directory"),
        }
    }

    fn file(&self, from: &Path, name: &str) -> Result<&ManifestFile, StoreError> {
        self.files.iter().find(|file| file.name == name).ok_or_else(|| not_one_backup(from))
    }
}

fn is_known_name(name: &str) -> bool {
    [STORE_FORMAT_NAME, STORE_MARK_NAME].contains(&name) || OTHER_NAMES.contains(&name) || segment_of(name).is_some()
}

fn segment_name(first: u64) -> String {
    format!("{SEGMENTS_NAME}{first:020}.log")
}

/// The first sequence number of the segment with this name.
fn segment_of(name: &str) -> Option<u64> {
    let first = name.strip_prefix(SEGMENTS_NAME)?.strip_suffix(".log")?.parse().ok()?;
    (segment_name(first) == name).then_some(first)
}

fn path_of(backup: &Path, file: &ManifestFile) -> PathBuf {
    backup.join(FILES).join(file.sha256.to_string())
}

/// Reads a file of a backup, which must be exactly what the manifest says.
fn read_file(from: &Path, file: &ManifestFile) -> Result<Vec<u8>, StoreError> {
    let path = path_of(from, file);
    let damaged = |detail: &str| refused(&path, &format!("{detail} (it is {})", file.name), ADVICE);
    let bytes = read_if_there(&path)?.ok_or_else(|| damaged("the file is missing"))?;
    if bytes.len() as u64 != file.size || Hash::of(&[&bytes]) != file.sha256 {
        return Err(damaged("its digest is not the one that the manifest names"));
    }
    Ok(bytes)
}

fn read_manifest_if_there(backup: &Path) -> Result<Option<Manifest>, StoreError> {
    let path = backup.join(MANIFEST);
    let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
    Manifest::decode(&bytes).map(Some).map_err(|detail| refused(&path, detail, ADVICE))
}

/// A directory that holds anything but a backup, or the beginning of one, is not written to.
fn refuse_strange_directory(to: &Path) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io("list", to))?,
    };
    for entry in entries {
        let name = entry.map_err(StoreError::io("list", to))?.file_name();
        // A file system of its own has `lost+found` from the beginning.
        if ![MANIFEST, "manifest.tmp", FILES, LOCK, "lost+found"].iter().any(|known| name == *known) {
            return Err(refused(to, "it holds something else than a backup", "name a directory for backups alone"));
        }
    }
    Ok(())
}

/// A backup is continued by its own store only, and never taken back.
fn refuse_other_history(to: &Path, before: &Manifest, id: StoreId, mark: &Mark) -> Result<(), StoreError> {
    if before.store != id.to_string() {
        return Err(refused(to, "it is the backup of another ledger", "name a directory of this ledger's own"));
    }
    if before.sequence > mark.sequence { Err(other_history(to, before)) } else { Ok(()) }
}

fn other_history(to: &Path, before: &Manifest) -> StoreError {
    let detail = format!("it holds commits up to {} that this ledger does not have", before.sequence);
    refused(to, &detail, "keep it: it may be newer than the ledger; back up to another directory")
}

fn not_one_backup(from: &Path) -> StoreError {
    refused(&from.join(MANIFEST), "the files that it names do not belong together", ADVICE)
}

fn refused(path: &Path, detail: &str, advice: &'static str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail: detail.into(), advice }
}

/// Removes the files that the manifest does not name.
fn sweep(to: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let dir = to.join(FILES);
    let named: BTreeSet<String> = manifest.files.iter().map(|file| file.sha256.to_string()).collect();
    for entry in std::fs::read_dir(&dir).map_err(StoreError::io("list", &dir))? {
        let entry = entry.map_err(StoreError::io("list", &dir))?;
        if !entry.file_name().to_str().is_some_and(|name| named.contains(name)) {
            remove_dir(&entry.path())?;
        }
    }
    sync_dir(&dir).map_err(StoreError::io("write", &dir))
}
