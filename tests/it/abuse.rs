//! The service under abuse, from outside: hostile connections, heads, bodies and numbers of them. All the while a
//! neighbour at another address gets its answers and the memory stays bounded; afterwards everything is free again.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::server::{Ledger, Provider, campaign};

/// What the server may hold in memory under any of these attacks, in KiB. Idle it holds some 35 MiB.
const RSS_MAX_KIB: u64 = 200 * 1024;
/// What it may hold with ten thousand connections open.
const CROWD_RSS_MAX_KIB: u64 = 400 * 1024;
/// The neighbour's address; the attacks come from 127.0.0.1.
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long any single answer may take on a machine that is busy with these tests.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections of the crowd, where the machine allows as many descriptors.
const CROWD: usize = 10_000;

/// A ledger with short limits, and a neighbour who uses it all the time.
struct Siege {
    ledger: Ledger,
    provider: Provider,
    sockets_before: usize,
    rss_max_kib: u64,
    over: Arc<AtomicBool>,
    neighbour: Option<JoinHandle<usize>>,
}

impl Siege {
    fn start(options: &[&str]) -> Self {
        let usual = ["--seal-interval-ms=20", "--rate-per-second=0", "--header-read-ms=600", "--idle-ms=900"];
        let name = |option: &str| option.split('=').next().map(str::to_owned);
        let is_other = |usual: &&&str| options.iter().all(|option| name(option) != name(usual));
        let ledger = Ledger::start_with(&[usual.iter().filter(is_other).copied().collect(), options.to_vec()].concat());
        let provider = ledger.provider(2);
        let over = Arc::new(AtomicBool::new(false));
        let (address, told) = (address_of(&ledger), Arc::clone(&over));
        let (arrived, arrival) = std::sync::mpsc::channel();
        let neighbour = std::thread::spawn(move || live_beside(address, &told, &arrived));
        // However short the attack is, the neighbour is there before it.
        arrival.recv().expect("the neighbour has an answer");
        let sockets_before = sockets(&ledger);
        Self { ledger, provider, sockets_before, rss_max_kib: RSS_MAX_KIB, over, neighbour: Some(neighbour) }
    }

    fn address(&self) -> SocketAddr {
        address_of(&self.ledger)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and returns everything that comes back until the connection ends.
    fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may have answered and closed before it has read all.
        drop(stream.write_all(bytes));
        answer_of(&mut stream)
    }

    /// Sends a request with a body as the provider.
    fn post(&self, path: &str, headers: &str, body: &[u8]) -> String {
        let head = self.head("POST", path, &format!("content-length: {}\r\n{headers}", body.len()));
        self.send(&[head.as_bytes(), body].concat())
    }

    fn head(&self, method: &str, path: &str, headers: &str) -> String {
        let token = &self.provider.token;
        format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {token}\r\n{headers}\r\n"
        )
    }

    /// The attack is over: the neighbour was served, memory was bounded, nothing is left open, and work goes on.
    fn end(mut self) {
        let peak = status_kib(&self.ledger, "VmHWM");
        assert!(peak <= self.rss_max_kib, "{peak} KiB were held, more than {}", self.rss_max_kib);
        self.over.store(true, Ordering::SeqCst);
        let answers = self.neighbour.take().unwrap().join().expect("the neighbour is served all the time");
        assert!(answers > 0, "the neighbour never came to ask");
        let entry = self.provider.sign(self.provider.study());
        let answer = self.ledger.post_as(&self.provider.token, "/api/v1/entries?wait=sealed", entry.bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
        eventually("connections are freed", || sockets(&self.ledger) <= self.sockets_before);
        let log = self.ledger.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

fn address_of(ledger: &Ledger) -> SocketAddr {
    ledger.url().trim_start_matches("http://").parse().unwrap()
}

/// Asks over and over, each time over a new connection, and tells of each answer; returns how often there was one.
fn live_beside(server: SocketAddr, over: &AtomicBool, answered: &Sender<()>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut answers = 0;
        while !over.load(Ordering::SeqCst) {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((NEIGHBOUR, 0).into()).unwrap();
            let ask = async {
                let mut stream = socket.connect(server).await?;
                stream.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.map(|_| answer)
            };
            let answer = tokio::time::timeout(PATIENCE, ask).await.expect("in time").unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            answers += 1;
            let _ = answered.send(());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        answers
    })
}

/// Everything until the connection ends; one that is reset has said what it said.
fn answer_of(stream: &mut TcpStream) -> String {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("neither an answer nor an end: {error}"),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

fn status_kib(ledger: &Ledger, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", ledger.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn sockets(ledger: &Ledger) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", ledger.pid())).unwrap();
    open.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Drips `text` over and over, a byte every 50 ms, until the server ends it; returns what it said.
async fn drip(server: SocketAddr, head: String, text: &'static [u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(server).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let dripping = async {
        for byte in text.iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = reader.read_to_end(&mut answer) => {}
        () = dripping => {}
        () = tokio::time::sleep(PATIENCE) => panic!("a drip was borne for {PATIENCE:?}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn heads_that_drip_and_connections_that_rest_are_closed() {
    let siege = Siege::start(&[]);
    let server = siege.address();
    runtime().block_on(async {
        let drips: Vec<_> = (0..campaign(300, 900))
            .map(|_| tokio::spawn(drip(server, "GET /checkpoint HTTP/1.1\r\n".into(), b"x-slow: 1\r\n")))
            .collect();
        for drip in drips {
            assert_eq!(drip.await.unwrap(), "", "a head that never ends has no answer");
        }
    });
    // Nothing sent at all; and a rest after an answer.
    let mut silent = siege.connect();
    let mut resting = siege.connect();
    resting.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert_eq!(answer_of(&mut silent), "");
    assert_eq!(status_of(&answer_of(&mut resting)), 200);
    siege.end();
}

#[test]
fn a_kept_connection_outlives_the_time_of_a_head_at_rest_and_at_work() {
    let siege = Siege::start(&["--idle-ms=60000"]);
    let (mut resting, mut busy) = (siege.connect(), siege.connect());
    assert_eq!(ask_kept(&mut resting), 200);
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(ask_kept(&mut busy), 200, "after {:?}", started.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ask_kept(&mut resting), 200);
    // A later head has no more time than the first one had.
    for stream in [&mut resting, &mut busy] {
        stream.write_all(b"GET /checkpoint HTTP/1.1\r\nhost").unwrap();
        assert_eq!(answer_of(stream), "", "a head that never ends has no answer");
    }
    siege.end();
}

/// Asks over a connection that stays open; returns the status.
fn ask_kept(stream: &mut TcpStream) -> u16 {
    stream.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = String::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "it was closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return status_of(&answer);
        }
    }
}

#[test]
fn a_request_may_be_worked_on_for_longer_than_a_head_may_take() {
    let ledger = Ledger::start_with(&["--seal-interval-ms=1000", "--header-read-ms=100", "--idle-ms=100"]);
    let provider = ledger.provider(2);
    let entry = provider.sign(provider.study());
    let started = Instant::now();
    let answer = ledger.post_as(&provider.token, "/api/v1/entries?wait=sealed", entry.bytes());
    assert_eq!(answer.status, 201, "{} after {:?}", answer.text(), started.elapsed());
}

#[test]
fn heads_that_are_too_large_or_malformed_are_refused() {
    let siege = Siege::start(&[]);
    let many: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let large = format!("x-large: {}\r\n", "y".repeat(64 * 1024));
    let path = format!("/{}", "p".repeat(64 * 1024));
    for (what, head) in [
        ("many", siege.head("GET", "/policy", &many)),
        ("large", siege.head("GET", "/policy", &large)),
        ("path", siege.head("GET", &path, "")),
    ] {
        let status = status_of(&siege.send(head.as_bytes()));
        assert!([431, 414].contains(&status), "{what}: {status}");
    }
    let good = "GET /checkpoint HTTP/1.1\r\nhost: a\r\n\r\n";
    // What comes back: these statuses, in this order; 0 for an end without a word.
    let cases: &[(&str, Vec<u8>, &[u16])] = &[
        ("zeros", vec![0; 4096], &[400]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[]),
        ("version", b"GET / HTTP/9.9\r\nhost: a\r\n\r\n".to_vec(), &[400]),
        ("zero in the path", b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), &[400]),
        ("zero in a header", b"GET / HTTP/1.1\r\nhost: a\0\r\n\r\n".to_vec(), &[400]),
        ("space in a name", b"GET / HTTP/1.1\r\nhost : a\r\n\r\n".to_vec(), &[400]),
        ("no path", b"GET\r\n\r\n".to_vec(), &[400]),
        ("two lengths", b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx".to_vec(), &[400]),
        ("a length below zero", b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_vec(), &[400]),
        ("not chunked", b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n".to_vec(), &[400]),
        ("good, then garbage", [good.as_bytes(), b"\0\0garbage\r\n\r\n"].concat(), &[200, 400]),
        (
            "absolute",
            b"GET http://evil.example/checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec(),
            &[200],
        ),
        (
            "connect",
            b"CONNECT evil.example:443 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec(),
            &[404, 405, 400],
        ),
        ("star", b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec(), &[404, 405, 400]),
    ];
    for (what, bytes, expected) in cases {
        let answer = siege.send(bytes);
        let statuses: Vec<u16> = answer.split("HTTP/1.1 ").skip(1).map(|text| text[..3].parse().unwrap()).collect();
        let fits = match *what {
            "connect" | "star" => statuses.len() == 1 && expected.contains(&statuses[0]),
            _ => statuses == *expected,
        };
        assert!(fits, "{what}: {statuses:?} in {answer}");
    }
    // A flood of good requests, sent without reading any answer.
    let mut flood = siege.connect();
    flood.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let requests = good.repeat(1_000);
    for _ in 0..campaign(20, 200) {
        if flood.write_all(requests.as_bytes()).is_err() {
            break;
        }
    }
    drop(flood);
    siege.end();
}

#[test]
fn bodies_that_drip_swell_or_nest_are_refused() {
    let siege = Siege::start(&["--body-grace-ms=400", "--bodies-max-bytes=4194304", "--in-flight-per-client-max=128"]);
    let server = siege.address();
    let head = siege.head("POST", "/api/v1/entries", "content-length: 100000\r\n");
    runtime().block_on(async {
        let drips: Vec<_> = (0..campaign(60, 120)).map(|_| tokio::spawn(drip(server, head.clone(), b"["))).collect();
        for drip in drips {
            let answer = drip.await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("problem:timeout"), "{answer}");
        }
    });
    // Announced, and never sent: refused by the announcement.
    let announced = siege.head("POST", "/api/v1/learners", "content-length: 1000000000000\r\n");
    assert_eq!(status_of(&siege.send(announced.as_bytes())), 413);
    // Endless, in chunks.
    let mut endless = siege.connect();
    let head = siege.head("POST", "/api/v1/learners", "transfer-encoding: chunked\r\n");
    endless.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let sent = (0..10_000).take_while(|_| endless.write_all(&chunk).is_ok()).count();
    assert!(sent < 1_000, "an endless body was read on");
    // Without a token nothing of a body is read at all.
    let stranger = "POST /api/v1/entries HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1000\r\n\r\n[";
    assert_eq!(status_of(&siege.send(stranger.as_bytes())), 401);
    for path in ["/api/v1/learners", "/api/v1/entries", "/api/v1/proofs"] {
        for (what, body, statuses) in [
            ("deep", "[".repeat(100_000), &[400][..]),
            ("deep objects", "{\"a\":".repeat(100_000), &[400]),
            ("values", format!("[{}[]]", "[],".repeat(1_000_000)), &[413]),
            ("numbers", format!("[{}1]", "1,".repeat(2_000_000)), &[413]),
            ("a long string", format!("[\"{}\"]", "x".repeat(3_000_000)), &[200, 422]),
            ("a long number", "9".repeat(1_000_000), &[400]),
            ("not UTF-8", "\u{fffd}".repeat(1_000), &[400]),
        ] {
            let status = status_of(&siege.post(path, "", body.as_bytes()));
            assert!(statuses.contains(&status), "{path}, {what}: {status}");
        }
        let bomb = siege.post(path, "content-encoding: gzip\r\n", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03");
        assert_eq!(status_of(&bomb), 415, "{bomb}");
        assert!(bomb.contains("unsupported-encoding"), "{bomb}");
    }
    siege.end();
}

#[test]
fn bodies_beyond_the_budget_of_all_are_told_to_come_again() {
    // No budget is below what one request may take, some 23 MB: so five bodies of 4 MB find room, and the sixth does not.
    let siege = Siege::start(&["--bodies-max-bytes=1048576", "--body-grace-ms=20000"]);
    let part = vec![b' '; 4_000_000];
    let head = siege.head("POST", "/api/v1/learners", &format!("content-length: {}\r\n", part.len() + 1));
    let mut under_way: Vec<TcpStream> = (0..5).map(|_| siege.connect()).collect();
    for stream in &mut under_way {
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&part).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    let refused = siege.post("/api/v1/learners", "", &part);
    assert_eq!(status_of(&refused), 503, "{refused}");
    assert!(refused.contains("retry-after: 1") && refused.contains("problem:overloaded"), "{refused}");
    // What is under way goes on, and its bytes are free again when it is answered.
    for mut stream in under_way {
        stream.write_all(b" ").unwrap();
        assert_eq!(status_of(&answer_of(&mut stream)), 400);
    }
    assert_eq!(status_of(&siege.post("/api/v1/learners", "", &part)), 400);
    siege.end();
}

#[test]
fn ten_thousand_connections_are_borne() {
    let limit = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    let crowd = CROWD.min(limit.map_or(CROWD, |limit| (limit as usize).saturating_sub(2_000)));
    if crowd < CROWD {
        println!("only {crowd} connections: the limit of open files is {limit:?}");
    }
    let mut siege =
        Siege::start(&["--connections-max=11000", "--connections-per-client-max=10500", "--header-read-ms=60000"]);
    siege.rss_max_kib = CROWD_RSS_MAX_KIB;
    let held = open_crowd(siege.address(), crowd);
    eventually("all are held", || sockets(&siege.ledger) >= crowd);
    // One of them speaks at last, and is heard.
    let mut last = held.into_iter().next_back().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    last.set_nonblocking(false).unwrap();
    last.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(status_of(&answer_of(&mut last)), 200);
    siege.end();
}

#[test]
fn one_client_cannot_take_all_connections() {
    let siege = Siege::start(&["--connections-max=400", "--connections-per-client-max=100", "--header-read-ms=60000"]);
    let held = open_crowd(siege.address(), 600);
    eventually("those above the limit are closed", || sockets(&siege.ledger) <= siege.sockets_before + 110);
    let refused = siege.send(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 503"), "{refused}");
    let log = siege.ledger.log();
    let told = log.lines().find(|line| line.contains("too many connections")).expect("it is told");
    assert!(!told.contains("127.0.0.1"), "a client is named: {told}");
    drop(held);
    eventually("there is a place again", || {
        siege.send(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").starts_with("HTTP/1.1 200")
    });
    siege.end();
}

#[test]
fn one_client_cannot_take_all_places() {
    let siege = Siege::start(&["--in-flight-max=20", "--in-flight-per-client-max=10", "--body-grace-ms=20000"]);
    let head = siege.head("POST", "/api/v1/entries", "content-length: 1000\r\n");
    let mut under_way: Vec<TcpStream> = (0..15).map(|_| siege.connect()).collect();
    for stream in &mut under_way {
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"[").unwrap();
    }
    // Time to arrive: whoever asks while there is still a place takes it from one of these.
    std::thread::sleep(Duration::from_millis(500));
    let refused = || status_of(&siege.post("/api/v1/learners", "", b"[]")) == 503;
    eventually("its places are taken", refused);
    // From the same address, without the token that took them.
    let public = siege.send(b"GET /checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!(status_of(&public), 200, "{public}");
    // Who hangs up gives the place back.
    drop(under_way);
    eventually("there is a place again", || status_of(&siege.post("/api/v1/learners", "", b"[]")) == 422);
    siege.end();
}

/// Opens connections that say nothing.
fn open_crowd(server: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(server).unwrap()).collect()
}

#[test]
fn wanting_descriptors_end_nothing_but_the_accepting() {
    let ledger = Ledger::start();
    let pid = Pid::from_raw(i32::try_from(ledger.pid()).unwrap());
    let usual = prlimit(pid, Resource::Nofile, Rlimit { current: None, maximum: None })
        .unwrap_or_else(|_| getrlimit(Resource::Nofile));
    let open = std::fs::read_dir(format!("/proc/{}/fd", ledger.pid())).unwrap().count() as u64;
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(open + 4), maximum: usual.maximum }).unwrap();
    let held = open_crowd(address_of(&ledger), 20);
    eventually("it is told", || ledger.log().contains("cannot accept connections"));
    std::thread::sleep(Duration::from_secs(1));
    let told = ledger.log().matches("cannot accept connections").count();
    assert!(told < 50, "{told} attempts in a second: a hot loop");
    // Descriptors are free again, and it goes on by itself.
    drop(held);
    assert_eq!(ledger.get("/checkpoint").status, 200);
}

/// Told to stop, it takes nobody new, ends what is under way, and does not wait for those who only hold a connection.
#[test]
fn a_stop_waits_for_answers_and_for_nobody_else() {
    let ledger = Ledger::start_with(&["--seal-interval-ms=1000"]);
    let provider = ledger.provider(2);
    let held = open_crowd(address_of(&ledger), 50);
    let entry = provider.sign(provider.study());
    let body = entry.bytes().to_vec();
    let head = format!(
        "POST /api/v1/entries?wait=sealed HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        provider.token,
        body.len()
    );
    let mut waiting = TcpStream::connect(address_of(&ledger)).unwrap();
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    waiting.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let pid = Pid::from_raw(i32::try_from(ledger.pid()).unwrap()).unwrap();
    let started = Instant::now();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(status_of(&answer_of(&mut waiting)), 201);
    // Ended, and not yet waited for by its parent, which is this test.
    let status = format!("/proc/{}/status", ledger.pid());
    eventually("the end", || std::fs::read_to_string(&status).unwrap().contains("State:\tZ"));
    assert!(started.elapsed() < Duration::from_secs(8), "it waited for those who say nothing");
    drop(held);
}
