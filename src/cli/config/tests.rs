//! Reading the configuration, without a process around it: what can be said without the environment.

use super::*;

fn from(text: &str, flags: &[(&'static str, &str)]) -> Result<Effective, String> {
    let flags = Flags(flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect());
    let (path, mut complaints) = (PathBuf::from("a.toml"), Vec::new());
    let values = file::read(&path, text, &mut complaints);
    resolve(&flags, values, Some(path), complaints).map_err(|failure| failure.message)
}

#[test]
fn the_sample_names_every_key_with_its_default() {
    let sample = include_str!("../../../dist/config.toml");
    let effective = from(sample, &[]).map_err(|message| panic!("{message}")).unwrap();
    for (key, value) in &effective.values {
        assert!(matches!(value.origin, Origin::File(..)), "{} is not in the sample", key.name);
        assert_eq!(value.text, key.default.unwrap_or("/var/lib/cqo-ledger"), "{}", key.name);
        assert!(sample.contains(key.chinese) && sample.contains(key.english), "{} is not explained", key.name);
        if let Kind::Number(bounds) = &key.kind {
            let bounds = format!("{} .. {}", bounds.start(), bounds.end());
            assert!(sample.contains(&bounds), "{}: {bounds}", key.name);
        }
    }
}

#[test]
fn every_error_names_place_key_and_what_is_expected() {
    for (text, expected) in [
        (
            "data = \"d\"\nseal_intervall_ms = 5\n",
            ["第 2 行第 1 列", "seal_intervall_ms", "nearest is seal_interval_ms"],
        ),
        ("data = \"d\"\nbatch_max = 0\n", ["line 2, column 13", "batch_max", "from 1 to 10000"]),
        ("data = \"d\"\nbatch_max = \"9\"\n", ["line 2, column 13", "batch_max", "without quotation marks"]),
        ("data = \"d\"\nlisten = 80\n", ["line 2, column 10", "listen", "in quotation marks"]),
        ("data = \"d\"\n\n[web]\nlisten = 80\n", ["line 3", "web", "there is no such key"]),
        ("data = \n", ["line 1", "TOML", "cannot be read"]),
        ("log_level = \"loud\"\n", ["line 1", "log_level", "error, warn, info"]),
        ("listen = \"127.0.0.1:1\"\n", ["data", "没有设置", "CQO_DATA"]),
        ("data = \"d\"\nseal_interval_ms = 60_000\nseal_by_ms = 60_000\n", ["line 3", "seal_by_ms", "above"]),
        ("data = \"d\"\ntrusted_proxies = \"127.0.0.1\"\n", ["site", "Secure", "trusted_proxies"]),
        ("data = \"d\"\nsite = \"auto\"\ntrusted_proxies = \"127.0.0.1\"\n", ["line 2", "site", "letters"]),
        ("data = \"d\"\nwait_max_ms = 0x9000\n", ["line 2", "wait_max_ms", "below"]),
    ] {
        let message = from(text, &[]).map(|_| ()).expect_err(text);
        for part in expected {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

#[test]
fn an_address_that_nobody_was_told_is_spoken_of() {
    for (site, notes) in
        [("site = \"auto\"\n", 1), ("", 1), ("site = \"https://a.cn\"\ntrusted_proxies = \"127.0.0.1\"\n", 0)]
    {
        let effective = from(&format!("data = \"d\"\n{site}"), &[]).map_err(|message| panic!("{message}")).unwrap();
        assert_eq!(effective.notes().len(), notes, "{site}");
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let message = from("lisen = 1\nbatch_max = 0\nlog_format = \"xml\"\n", &[]).map(|_| ()).unwrap_err();
    assert_eq!(message.lines().count(), 1 + 4, "{message}");
}

#[test]
fn a_flag_goes_before_the_file() {
    let text = "data = \"d\"\nbatch_max = 7\nqueue_max = 8\n";
    let Config { batch_max, queue_max, in_flight_max, .. } = from(text, &[("batch_max", "9")]).ok().unwrap().config;
    assert_eq!((batch_max, queue_max, in_flight_max), (9, 8, 128));
}

#[test]
fn the_defaults_are_those_of_service_and_web() {
    let config = from("data = \"d\"\n", &[]).ok().unwrap().config;
    let settings = config.settings("127.0.0.1:8080".parse().unwrap()).unwrap();
    let issue = settings.issue.clone().unwrap();
    assert_eq!((issue.site.as_str(), issue.status_valid_ms), ("http://127.0.0.1:8080", 24 * 3_600_000));
    let letters = settings.letters.clone();
    assert_eq!(letters.post, Post::Files("d/mailbox".into()));
    assert_eq!((letters.from, letters.site.as_deref()), (None, Some("http://127.0.0.1:8080")));
    let expected = Settings { issue: Some(issue), letters: settings.letters.clone(), ..Settings::default() };
    assert_eq!(format!("{settings:?}"), format!("{expected:?}"));
    assert_eq!(format!("{:?}", config.limits()), format!("{:?}", Limits::default()));
    assert_eq!(format!("{:?}", config.server()), format!("{:?}", ServerSettings::default()));
    assert_eq!(config.store_options().cache_bytes, Options::default().cache_bytes);
}
