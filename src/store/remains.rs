//! What a disk may hold after a power cut, worked out from what was done to it. For tests.
//!
//! Names and contents that were synced are there. Of later writes there is any subset, in any order, each whole or torn; of
//! new names and renames any subset. Of writes whose fsync failed there is any subset, which no later fsync mends.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::tape::DiskOp;

/// A small generator of numbers (xorshift): the seed, which must not be 0, gives the same run again.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// The units in which a torn write survives: bytes, and the sectors of disks.
const TEAR_BYTES: [usize; 3] = [1, 16, 512];

/// The files below a directory, by their path from there.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A name stands for a directory, or for a file by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(usize),
}

/// A change of names that is not durable yet.
#[derive(Debug, Clone)]
enum NameChange {
    Link(PathBuf, Node),
    Rename(PathBuf, PathBuf, Node),
    Unlink(PathBuf),
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

/// A file: what is surely on the disk, and what may be.
#[derive(Debug, Clone, Default)]
struct Contents {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// What a disk may hold.
pub(crate) struct Remains<'a> {
    random: &'a mut Random,
    contents: Vec<Contents>,
    /// Names as the running program sees them.
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    pending: Vec<NameChange>,
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, new) => {
                let end = offset + new.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(new);
            }
            Self::SetLen(len) => bytes.resize(*len, 0),
        }
    }

    /// Applies what survives of it.
    fn apply_torn(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        let Self::Write(offset, new) = self else { return self.apply(bytes) };
        let unit = TEAR_BYTES[random.below(TEAR_BYTES.len())];
        let pieces = new.len().div_ceil(unit).max(1);
        let (from, to) = match random.below(3) {
            0 => (0, random.below(pieces + 1)),
            1 => (random.below(pieces + 1), pieces),
            _ => (0, pieces),
        };
        let holes = random.below(3) == 0;
        // The length can survive without what it is the length of.
        if random.below(2) == 0 {
            bytes.resize(bytes.len().max(offset + new.len()), 0);
        }
        for (nth, piece) in new.chunks(unit).enumerate() {
            if nth >= from && nth < to && !(holes && random.below(2) == 0) {
                Self::Write(offset + nth * unit, piece.to_vec()).apply(bytes);
            }
        }
    }
}

impl Contents {
    /// What a cut leaves: any of the changes, in any order, torn or whole.
    fn survive(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let manner = random.below(4);
        let mut changes: Vec<&Change> = self.pending.iter().collect();
        if manner == 3 {
            shuffle(&mut changes, random);
        }
        for change in changes {
            match manner {
                0 => {}
                1 => change.apply(&mut bytes),
                _ if random.below(3) == 0 => {}
                _ if random.below(2) == 0 => change.apply(&mut bytes),
                _ => change.apply_torn(&mut bytes, random),
            }
        }
        bytes
    }

    fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for nth in (1..items.len()).rev() {
        items.swap(nth, random.below(nth + 1));
    }
}

impl<'a> Remains<'a> {
    /// A disk on which these files are durable.
    pub(crate) fn of(files: &Files, random: &'a mut Random) -> Self {
        let mut contents = Vec::new();
        let mut names = BTreeMap::new();
        for (path, bytes) in files {
            for dir in path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
                names.insert(dir.to_owned(), Node::Dir);
            }
            names.insert(path.clone(), Node::File(contents.len()));
            contents.push(Contents { durable: bytes.clone(), pending: Vec::new() });
        }
        Self { random, contents, live: names.clone(), durable: names, pending: Vec::new() }
    }

    /// Does what the tape says; `root` is where it was recorded.
    pub(crate) fn play(&mut self, root: &Path, ops: &[DiskOp]) {
        let inner = |path: &Path| path.strip_prefix(root).unwrap().to_owned();
        for op in ops {
            match op {
                DiskOp::MakeDir(path) => self.link(inner(path), Node::Dir),
                DiskOp::Open { path, truncate } => self.open(inner(path), *truncate),
                DiskOp::Write { path, offset, bytes } => {
                    let at = usize::try_from(*offset).unwrap();
                    self.file(&inner(path)).pending.push(Change::Write(at, bytes.clone()));
                }
                DiskOp::SetLen { path, len } => {
                    let len = usize::try_from(*len).unwrap();
                    self.file(&inner(path)).pending.push(Change::SetLen(len));
                }
                DiskOp::Sync(path) => self.file(&inner(path)).sync(),
                DiskOp::SyncFailed(path) => self.sync_failed(&inner(path)),
                DiskOp::Rename { from, to } => self.rename(inner(from), inner(to)),
                DiskOp::SyncDir(path) => self.sync_dir(&inner(path)),
                DiskOp::Remove(path) => self.remove(&inner(path)),
            }
        }
    }

    fn link(&mut self, path: PathBuf, node: Node) {
        self.live.insert(path.clone(), node);
        self.pending.push(NameChange::Link(path, node));
    }

    fn open(&mut self, path: PathBuf, truncate: bool) {
        if !self.live.contains_key(&path) {
            self.contents.push(Contents::default());
            self.link(path, Node::File(self.contents.len() - 1));
        } else if truncate {
            self.file(&path).pending.push(Change::SetLen(0));
        }
    }

    fn rename(&mut self, from: PathBuf, to: PathBuf) {
        let node = self.live.remove(&from).unwrap();
        self.live.insert(to.clone(), node);
        self.pending.push(NameChange::Rename(from, to, node));
    }

    fn remove(&mut self, path: &Path) {
        let below: Vec<PathBuf> = self.live.keys().filter(|name| name.starts_with(path)).cloned().collect();
        for name in below {
            self.live.remove(&name);
            self.pending.push(NameChange::Unlink(name));
        }
    }

    fn file(&mut self, path: &Path) -> &mut Contents {
        match self.live.get(path) {
            Some(Node::File(number)) => &mut self.contents[*number],
            other => panic!("{}: {other:?}", path.display()),
        }
    }

    fn sync_failed(&mut self, path: &Path) {
        let Some(Node::File(number)) = self.live.get(path).copied() else { panic!("{}", path.display()) };
        let contents = &mut self.contents[number];
        contents.durable = contents.survive(self.random);
        contents.pending.clear();
    }

    fn sync_dir(&mut self, dir: &Path) {
        let inside = |change: &NameChange| match change {
            NameChange::Link(path, _) | NameChange::Rename(_, path, _) | NameChange::Unlink(path) => {
                path.parent() == Some(dir)
            }
        };
        for change in self.pending.extract_if(.., |change| inside(change)) {
            change.apply(&mut self.durable);
        }
    }

    /// The power is cut.
    pub(crate) fn cut(mut self) -> Files {
        let manner = self.random.below(3);
        for change in &self.pending {
            if manner == 1 || (manner == 2 && self.random.below(2) == 0) {
                change.apply(&mut self.durable);
            }
        }
        let has_place = |path: &Path| {
            path.ancestors().skip(1).all(|dir| dir.as_os_str().is_empty() || self.durable.get(dir) == Some(&Node::Dir))
        };
        let mut files = Files::new();
        for (path, node) in &self.durable {
            if let Node::File(number) = node
                && has_place(path)
            {
                files.insert(path.clone(), self.contents[*number].survive(self.random));
            }
        }
        files
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Link(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
            Self::Unlink(path) => drop(names.remove(path)),
        }
    }
}

/// Every file below `dir`.
pub(crate) fn read_files(dir: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![dir.to_owned()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Writes them below another one.
pub(crate) fn write_files(dir: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// A directory in memory where there is one: nothing here needs a real disk.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// The simulated disk forgets what it may: without that the test above would show nothing.
#[test]
fn the_simulated_disk_keeps_what_was_synced_and_may_lose_the_rest() {
    let root = Path::new("/r");
    let path = |name: &str| root.join(name);
    let open = |name: &str| DiskOp::Open { path: path(name), truncate: false };
    let write = |name: &str, offset, bytes: &[u8]| DiskOp::Write { path: path(name), offset, bytes: bytes.into() };
    let images = |ops: &[DiskOp]| -> std::collections::BTreeSet<String> {
        let image = |seed| {
            let mut random = Random(seed);
            let mut remains = Remains::of(&Files::new(), &mut random);
            remains.play(root, ops);
            let files = remains.cut();
            let text = |(path, bytes): (&PathBuf, &Vec<u8>)| {
                format!("{}={}", path.display(), String::from_utf8_lossy(bytes).replace('\0', "."))
            };
            files.iter().map(text).collect::<Vec<_>>().join(" ")
        };
        (1..400).map(image).collect()
    };
    let synced = [open("f"), write("f", 0, b"ab"), DiskOp::Sync(path("f")), DiskOp::SyncDir(root.into())];
    assert!(images(&synced).iter().eq(["f=ab"]));
    let nameless = images(&synced[..3]);
    assert!(nameless.iter().eq(["", "f=ab"]), "{nameless:?}");
    let torn = images(&[&synced[..], &[write("f", 2, b"cd"), write("f", 0, b"AB")]].concat());
    for one in ["f=ab", "f=abcd", "f=ABcd", "f=AB", "f=abc", "f=ab..", "f=ab.d", "f=Ab"] {
        assert!(torn.contains(one), "{one}: {torn:?}");
    }
    let renamed =
        [open("t"), write("t", 0, b"n"), DiskOp::Sync(path("t")), DiskOp::Rename { from: path("t"), to: path("f") }];
    let renamed = images(&[&synced[..], &renamed].concat());
    assert!(renamed.iter().eq(["f=ab", "f=ab t=n", "f=n"]), "{renamed:?}");
    let failed = [write("f", 0, b"X"), DiskOp::SyncFailed(path("f")), DiskOp::Sync(path("f"))];
    assert!(images(&[&synced[..], &failed].concat()).iter().eq(["f=Xb", "f=ab"]));
}
