use super::file::{DATA_KEYS, State};
use super::rewrite::Step;
use super::*;

/// The length of a record.
const RECORD: usize = 88;

fn entry() -> EntryId {
    Uuid::now_v7().try_into().unwrap()
}

/// One entry, whose salt tells whether a key is the one it was.
fn entry_one() -> EntryId {
    "019ab000-0000-7000-8000-0000000000aa".parse().unwrap()
}

fn learner() -> LearnerId {
    Uuid::now_v7().try_into().unwrap()
}

fn id(learner: LearnerId) -> DataKeyId {
    learner.into()
}

/// A vault with keys of `N` learners.
fn vault_of<const N: usize>() -> (tempfile::TempDir, Vault, [LearnerId; N]) {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::create_in(dir.path()).unwrap();
    let learners = std::array::from_fn(|_| learner());
    for learner in learners {
        vault.create(&[id(learner)]).unwrap();
    }
    (dir, vault, learners)
}

/// Written by the first version of this module: file, salts and payload must come out the same for ever.
#[test]
fn what_the_first_version_wrote_is_read() {
    const FILE: &str = "63716f2d6c65646765722f646174612d6b6579732f76310a00000000000000000000000000000000\
        b8f62aa5e7772d5fc9cfffae5ff9fdc3df52881c3b45ca9bb2247475c844ebc3cc9b57cb959f365bfe70dad53574e7c4cc415d1c3e7b2f05\
        717c11b0e414bc8844ea56bbd8857bc7019ab000000070008000000000000001cfe48da03baad39f03db71558a4ba127a1b5846f6143a9ae\
        1290f52010b864bd964eb54543e77a6cc3f5c36000457ebf846f23924b868bafeec8c68acc3d5e7021dff492eeadc05b";
    const SEALED: &str = "f775cf6b2cf1c9f400b79639c8e8ddceb3862d149c580d8ae9167826f66271361a204693f0e1d6e96ce3fbf0b30e";
    let dir = tempfile::tempdir().unwrap();
    let master: Vec<u8> = (0..32).collect();
    file::write_new(&dir.path().join("master"), hex::encode(master).as_bytes()).unwrap();
    file::write_new(&dir.path().join(DATA_KEYS), &hex::decode(FILE).unwrap()).unwrap();
    let learner: LearnerId = "019ab000-0000-7000-8000-000000000001".parse().unwrap();
    let entry = entry_one();
    let holds = |vault: &Vault| {
        vault.settle([id(learner)]).unwrap();
        let salts = [id(learner), DataKeyId::LEDGER].map(|id| vault.salt(id, entry).unwrap().reveal());
        assert_eq!(salts[0], "412777d8eee4f4fa730182beb0bfb88fdfc422d7ec6cf834b23bce3c25e6c5d4");
        assert_eq!(salts[1], "a5dd2561028f500919083b2c997cfc6d052ac386d6ec5eb38c3b67664bc3945e");
        assert_eq!(vault.decrypt(id(learner), b"row", &hex::decode(SEALED).unwrap()).unwrap(), "张伟".as_bytes());
    };
    let vault = Vault::open(dir.path()).unwrap();
    holds(&vault);
    // An old file is appended to as it is, and becomes a new one when it is written anew.
    let another = Uuid::now_v7().try_into().unwrap();
    vault.create(&[id(another)]).unwrap();
    holds(&Vault::open(dir.path()).unwrap());
    vault.erase([another]).unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    holds(&vault);
    assert!(matches!(vault.key(id(another)), Err(VaultError::NoKey)));
}

#[test]
fn what_one_key_encrypts_only_it_decrypts_for_the_same_row() {
    let (_dir, vault, [a, b]) = vault_of();
    let sealed = vault.encrypt(id(a), b"row", "张伟".as_bytes()).unwrap();
    assert_eq!(vault.decrypt(id(a), b"row", &sealed).unwrap(), "张伟".as_bytes());
    assert!(vault.decrypt(id(b), b"row", &sealed).is_err());
    assert!(vault.decrypt(id(a), b"other", &sealed).is_err());
    assert!(matches!(vault.salt(id(learner()), entry()), Err(VaultError::NoKey)));
}

#[test]
fn nonces_differ_across_draws_and_supplies() {
    let mut supplies = [Nonces::new(), Nonces::new()];
    let drawn: std::collections::HashSet<[u8; 24]> =
        (0..400).map(|i| supplies[i % 2].draw().unwrap().0).chain([Nonce::draw().unwrap().0]).collect();
    assert_eq!(drawn.len(), 401);
}

#[test]
fn after_a_failed_write_no_key_is_made_until_the_vault_is_opened_again() {
    let (dir, vault, [known]) = vault_of();
    let fresh = learner();
    let read_only = std::fs::File::open(dir.path().join(DATA_KEYS)).unwrap();
    vault.file.lock().unwrap().state = State::Whole(read_only);
    assert!(matches!(vault.create(&[id(fresh)]), Err(VaultError::Io { what: "write", .. })));
    assert!(matches!(vault.create(&[id(fresh)]), Err(VaultError::Failed)));
    assert!(matches!(vault.erase([known]), Err(VaultError::Failed)));
    assert!(matches!(vault.salt(id(fresh), entry()), Err(VaultError::NoKey)), "a key that is not durable is not used");
    vault.create(&[DataKeyId::LEDGER]).unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    vault.create(&[id(fresh)]).unwrap();
    vault.salt(id(fresh), entry()).unwrap();
}

/// Whatever a power cut makes of an append that nobody was told of, the keys before it are there and the file goes on.
#[test]
fn a_torn_end_that_nobody_needs_is_cut_off() {
    let (dir, vault, [kept]) = vault_of();
    let path = dir.path().join(DATA_KEYS);
    let whole = std::fs::read(&path).unwrap();
    let orphans = [learner(), learner()];
    vault.create(&orphans.map(id)).unwrap();
    let salt = vault.salt(id(kept), entry_one()).unwrap();
    let appended = std::fs::read(&path).unwrap()[whole.len()..].to_vec();
    assert_eq!(appended.len(), 2 * RECORD);
    let (first, second) = appended.split_at(RECORD);
    let (zeros, half) = (vec![0; RECORD], &second[..50]);
    let ends: [&[&[u8]]; 6] =
        [&[half], &[&zeros], &[&zeros, &zeros], &[&zeros, second], &[first, &zeros], &[&zeros, half]];
    for end in ends {
        std::fs::write(&path, [&whole, end.concat().as_slice()].concat()).unwrap();
        let vault = Vault::open(dir.path()).unwrap();
        assert!(matches!(vault.create(&[id(learner())]), Err(VaultError::Failed)), "not before it is settled");
        vault.settle([id(kept)]).unwrap();
        assert_eq!(vault.salt(id(kept), entry_one()).unwrap(), salt);
        let fresh = learner();
        vault.create(&[id(fresh)]).unwrap();
        let again = Vault::open(dir.path()).unwrap();
        again.settle([id(kept), id(fresh)]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len() % RECORD, whole.len() % RECORD);
    }
}

/// The same bytes, when a registered learner's key is in them or behind them, are damage and left as they are.
#[test]
fn a_record_that_is_needed_is_never_cut_off() {
    let (dir, vault, [a, b]) = vault_of();
    drop(vault);
    let path = dir.path().join(DATA_KEYS);
    let whole = std::fs::read(&path).unwrap();
    let (a_at, b_at) = (whole.len() - 2 * RECORD, whole.len() - RECORD);
    let refused = |bytes: Vec<u8>, needed: &[LearnerId]| {
        std::fs::write(&path, &bytes).unwrap();
        let vault = Vault::open(dir.path()).unwrap();
        let error = vault.settle(needed.iter().map(|learner| id(*learner))).unwrap_err();
        assert!(matches!(&error, VaultError::Damaged { path: named, .. } if *named == path), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is left as it was found");
    };
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at + 20] ^= 1;
        bytes
    };
    refused(flipped(b_at), &[a, b]);
    refused(flipped(a_at), &[a, b]);
    refused(flipped(a_at), &[b]);
    refused(flipped(a_at - RECORD), &[]);
    refused(whole[..b_at].to_vec(), &[a, b]);
    refused(whole[..b_at + 87].to_vec(), &[a, b]);
    refused([&whole[..b_at], &[0; RECORD]].concat(), &[a, b]);
    // Nobody needs b: the same file is a torn end.
    std::fs::write(&path, flipped(b_at)).unwrap();
    Vault::open(dir.path()).unwrap().settle([id(a)]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole[..b_at]);
}

#[test]
fn another_master_key_is_refused() {
    let (dir, _, [_]) = vault_of();
    let (other, _, [_]) = vault_of();
    std::fs::copy(other.path().join("master"), dir.path().join("master")).unwrap();
    assert!(matches!(Vault::open(dir.path()), Err(VaultError::Damaged { .. })));
}

#[test]
fn an_erased_key_is_gone_and_the_others_are_as_they_were() {
    let (dir, vault, [gone, also, kept]) = vault_of();
    let (old_master, old_keys) =
        (std::fs::read(dir.path().join("master")).unwrap(), std::fs::read(dir.path().join(DATA_KEYS)).unwrap());
    let sealed = vault.encrypt(id(kept), b"row", b"x").unwrap();
    vault.erase([gone, also, learner()]).unwrap();
    for vault in [vault, Vault::open(dir.path()).unwrap()] {
        vault.settle([id(kept)]).unwrap();
        assert_eq!(vault.decrypt(id(kept), b"row", &sealed).unwrap(), b"x");
        assert!([gone, also].iter().all(|gone| matches!(vault.key(id(*gone)), Err(VaultError::NoKey))));
        let fresh = learner();
        vault.create(&[id(fresh)]).unwrap();
    }
    assert_ne!(std::fs::read(dir.path().join("master")).unwrap(), old_master);
    // The old key file opens nothing any more.
    std::fs::write(dir.path().join(DATA_KEYS), old_keys).unwrap();
    assert!(matches!(Vault::open(dir.path()), Err(VaultError::Damaged { .. })));
    assert_eq!(names(dir.path()), ["data-keys", "master"]);
}

/// Stopped after every step, the start finds every key that should be there; a key that was told to be erased never.
#[test]
fn a_rewrite_cut_short_anywhere_is_finished_or_undone() {
    use Step::{Finished, Named, NewKeys, NewMaster, OldOverwritten, SwitchDurable, Switched};
    for step in [NewMaster, NewKeys, Named, Switched, SwitchDurable, OldOverwritten, Finished] {
        let (dir, vault, [gone, kept]) = vault_of();
        let at = entry_one();
        let salt = vault.salt(id(kept), at).unwrap();
        vault.file.lock().unwrap().stop.after = Some(step);
        assert!(matches!(vault.erase([gone]), Err(VaultError::Io { what: "rewrite", .. })), "{step:?}");
        let switched = !matches!(step, NewMaster | NewKeys | Named);
        // The running vault: as before, or stopped.
        assert_eq!(vault.create(&[id(learner())]).is_err(), switched, "{step:?}");
        drop(vault);
        // Opened twice: what the first left must be sound too.
        for _ in 0..2 {
            let vault = Vault::open(dir.path()).unwrap();
            vault.settle([id(kept)]).unwrap();
            assert_eq!(vault.salt(id(kept), at).unwrap(), salt);
            assert_eq!(vault.key(id(gone)).is_err(), switched, "{step:?}");
            assert_eq!(names(dir.path()), ["data-keys", "master"], "{step:?}");
        }
        let vault = Vault::open(dir.path()).unwrap();
        vault.erase([gone]).unwrap();
        let vault = Vault::open(dir.path()).unwrap();
        vault.settle([id(kept)]).unwrap();
        assert!(vault.key(id(gone)).is_err());
    }
}

/// After an attempt that failed before the switch, the next one succeeds without a restart.
#[test]
fn an_erasure_that_failed_can_be_asked_for_again() {
    let (dir, vault, [gone, kept]) = vault_of();
    vault.file.lock().unwrap().stop.after = Some(Step::NewKeys);
    vault.erase([gone]).unwrap_err();
    vault.key(id(gone)).unwrap();
    vault.file.lock().unwrap().stop.after = None;
    vault.erase([gone]).unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    vault.settle([id(kept)]).unwrap();
    assert!(vault.key(id(gone)).is_err());
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
