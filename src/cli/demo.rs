//! `demo`: a ledger with the last year and this one so far in it, invented, and a portal with everybody at work.
//!
//! Nothing here has a way of its own into the ledger: it is founded as `init` does it, served as `serve` does it, and
//! everything in it came over HTTP: entries through the public interface, signed with the providers' own keys ([`fill`]);
//! accounts by invitation, and all else through the portal's own forms ([`stage`]). What comes out is checked with the
//! code of `verify` ([`samples`]).

mod body;
mod cast;
mod certificate;
mod claims;
mod draw;
mod evidence;
mod fill;
mod invite;
mod people;
mod portal;
mod random;
mod samples;
mod so_far;
mod stage;

use std::path::{Path, PathBuf};
use std::pin::pin;

use super::client::Client;
use super::config::{self, Flags};
use super::data_dir::DataDir;
use super::{EXIT_OK, Failure, Outcome, log, say, serve};
use crate::service::accounts::SecondFactor;
use crate::service::clock::{Clock as _, SystemClock};
use crate::standard::{Day, calendar_year_of, day_of};

/// The name of the demo's ledger.
const ORIGIN: &str = "ledger.example.org/cqo";
/// The first year that can be invented.
const FIRST_YEAR: i16 = 2000;
/// Another default than that of a ledger in earnest: nobody needs a second factor to look around, and nothing is refused for
/// its rate, because all that is filled in comes from one address.
const DEFAULTS: [(&str, &str); 4] =
    [("lookups_per_minute", "0"), ("complaints_per_hour", "0"), ("rate_per_second", "0"), ("second_factor", "off")];
/// What 10 hours are in half hours (9.4.1.2).
const REQUIRED_HALF_HOURS: usize = 20;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger demo --data ./demo-data --listen 127.0.0.1:8080\n人员、机构与学时均为虚构；目录中已有账本时只启动服务。\nAll people, organisations and hours are invented. A directory that holds a ledger already is only served."
)]
pub(super) struct Args {
    /// 数据目录 | The data directory
    // Not from CQO_DATA: whoever has set that up for a real ledger does not want invented people in it.
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
    /// 首席质量官人数 | How many CQOs to invent
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=25_000))]
    learners: u16,
    /// 年份，默认为上一年 | The year to invent; by default the last full one
    #[arg(long)]
    year: Option<i16>,
    /// 随机种子 | The same seed invents the same year
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(args: &Args) -> Outcome {
    let config = config::read_without_file(&args.flags, &args.data, &DEFAULTS)?;
    // The demo's own lines are for people, and a line a request would bury them.
    log::start(config.log_format, "warn");
    let runtime = serve::runtime()?;
    // The address first: one that is taken must not leave a half-made ledger behind.
    let listener = runtime.block_on(serve::bind(config.listen)).map_err(|failure| {
        Failure::new(format!(
            "{}\n换一个端口 choose another: cqo-ledger demo --listen 127.0.0.1:0（0 为任意空闲端口 any free port）",
            failure.message
        ))
    })?;
    let dir = DataDir::new(&args.data);
    let is_new = !dir.keys().exists() && !dir.store().exists();
    let year = choose_year(args.year)?;
    if is_new {
        let founding = super::init::founding(ORIGIN, people::body_code()?.as_str(), people::BODY_NAME.to_owned())?;
        super::init::found(&args.data, &founding)?;
    }
    runtime.block_on(async {
        let settings = config.settings(listener.local_addr().map_err(Failure::new)?)?;
        let service = dir.open_service(config.store_options(), settings).await?;
        let policy = service.suggested_policy();
        let running = serve::start(&dir, service, listener, &config).await?;
        let url = running.url.clone();
        let mut stopped = pin!(running.until_stopped());
        if is_new {
            let with_portal = config.second_factor == SecondFactor::Off;
            let today = day_of(SystemClock.now()).map_err(Failure::new)?;
            let plan =
                Plan { dir: dir.clone(), data: args.data.clone(), url: url.clone(), policy, year, today, with_portal };
            let (seed, learners) = (args.seed, usize::from(args.learners));
            let work = tokio::task::spawn_blocking(move || plan.carry_out(seed, learners));
            tokio::select! {
                done = work => done.map_err(Failure::new)?.map_err(|failure| incomplete(&args.data, &failure))?,
                ended = &mut stopped => {
                    ended?;
                    return Err(incomplete(&args.data, &Failure::new("stopped")));
                }
            }
        } else {
            say_existing(&args.data);
        }
        say(format!("ready {url}"));
        stopped.await
    })?;
    Ok(EXIT_OK)
}

/// The year asked for, which must be over: an entry of a day to come is refused.
fn choose_year(asked: Option<i16>) -> Result<i16, Failure> {
    let this_year = calendar_year_of(SystemClock.now()).map_err(Failure::new)?;
    match asked {
        None => Ok(this_year - 1),
        Some(year) if (FIRST_YEAR..this_year).contains(&year) => Ok(year),
        Some(year) => Err(Failure::misuse(format!("--year: {year} is not from {FIRST_YEAR} to {}", this_year - 1))),
    }
}

fn incomplete(data: &Path, failure: &Failure) -> Failure {
    let data = data.display();
    Failure::new(format!(
        "{}\n演示数据不完整，删除 {data} 后重试 the demo is not complete: remove {data} and start again",
        failure.message
    ))
}

fn say_existing(data: &Path) {
    say(format!("{} 已有账本，只启动服务 already holds a ledger: only serving it", data.display()));
    if !samples::policy_file(data).exists() {
        say("其中没有演示样例 it holds no samples of a finished demo");
    }
    if let Ok(sign_ins) = std::fs::read_to_string(stage::sign_ins_file(data)) {
        say(format!("\n{sign_ins}"));
    }
}

/// What the work needs to know.
struct Plan {
    dir: DataDir,
    data: PathBuf,
    url: String,
    policy: String,
    year: i16,
    today: Day,
    /// Whether people's work is done at the portal, too. Nobody does it for staff who need a second factor.
    with_portal: bool,
}

impl Plan {
    /// Draws the years, brings them in over HTTP, and checks what comes out.
    fn carry_out(self, seed: u64, learners: usize) -> Result<(), Failure> {
        let started = std::time::Instant::now();
        say(format!("虚构 {} 年：{learners} 名首席质量官 inventing {}: {learners} CQOs", self.year, self.year));
        let mut year = draw::draw_year(seed, learners, self.year)?;
        let cast = cast::assign(&mut year, self.today)?;
        let this_year = so_far::draw_so_far(seed, year.people.clone(), &cast, self.today)?;
        let years = [&year, &this_year];
        let filled = fill::fill(&self.dir, &self.data, &self.url, years)?;
        let accounts = match self.with_portal {
            true => {
                let stage = stage::Stage { url: &self.url, years, cast: &cast, seed, today: self.today };
                stage.fill(&Client::new(&self.url, Some(self.dir.token()?)))?
            }
            false => Vec::new(),
        };
        let sample = samples::write(&self.data, &self.policy, &filled, &year, self.year)?;
        samples::recheck(&self.data, &self.url, &filled, &year, &self.policy)?;
        for ((year, number), entries) in years.iter().zip([self.year, self.today.year()]).zip(&filled.entries) {
            summarise(year, *entries, number);
        }
        say(format!("\n区块 blocks                   {}", fill::blocks(&self.url)?));
        say(format!("用时 took {:.1} s", started.elapsed().as_secs_f64()));
        self.say_next(&sample)?;
        self.say_sign_ins(&accounts)
    }

    /// Tells where people sign in, and writes it down for the next start.
    fn say_sign_ins(&self, accounts: &[cast::Account]) -> Result<(), Failure> {
        if !self.with_portal {
            say("启用了动态验证码，因此没有演示账号 a second factor is asked for, so there are no demo accounts");
            return Ok(());
        }
        let text = stage::sign_ins(accounts);
        let file = stage::sign_ins_file(&self.data);
        std::fs::write(&file, &text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        say(format!("登录门户 sign in to the portal: {}/sign-in\n{text}\n", self.url));
        Ok(())
    }

    fn say_next(&self, sample: &samples::Sample) -> Result<(), Failure> {
        let program = std::env::args().next().unwrap_or_else(|| "cqo-ledger".to_owned());
        let data = std::fs::canonicalize(&self.data).map_err(Failure::new)?;
        let file = |path: &str| quoted(&data.join(path));
        let (program, url) = (quoted(Path::new(&program)), &self.url);
        say("\n接下来可以 what to try next:");
        say(format!("  # 离线核验 {} 的一年 check one CQO's year offline", sample.name));
        say(format!("  {program} verify --policy {} {}", file("samples/policy.txt"), file("samples/year.proof.json")));
        say(format!("  {program} verify --policy {} {}", file("samples/policy.txt"), file("samples/entry.proof.json")));
        say(format!("  {program} verify --policy {} {}", file("samples/policy.txt"), file("samples/block.tlog-proof")));
        say(format!("  # 其年度学时证明（{} 行）的离线核验 the certificate of that year", sample.certificate.rows));
        let checked = |document: &str| {
            let samples =
                ["policy.txt", "status.json", document, &format!("{}.proof.json", document.trim_end_matches(".json"))]
                    .map(|name| file(&format!("samples/{name}")));
            let [policy, status, document, proof] = samples;
            say(format!("  {program} verify --policy {policy} --status {status} {document} {proof}"));
        };
        checked("certificate.json");
        match &sample.certificate.no_papers {
            None => ["certificate.pdf", "certificate.en.pdf"].into_iter().for_each(checked),
            Some(why) => say(format!("  # 没有 PDF 样例 no sample PDFs: {why}")),
        }
        say(format!("  curl {} > {}", sample.certificate.list, file("samples/status.json")));
        say("  # 二维码指向的地址，与核验页 where its QR code leads, and the page that checks files in the browser");
        say(format!("  {}", sample.certificate.address));
        say(format!("  {url}/verify"));
        say("  # 审计整条链，再次运行只读取新增部分 audit the whole chain; again, only what is new");
        say(format!("  {program} audit {url} --mirror {} --policy {}", file("mirror"), file("samples/policy.txt")));
        say("  # 只用 openssl 手工核验检查点签名 the checkpoint's signature by hand, with openssl alone");
        say(format!("  sh {}", file("samples/by-hand.sh")));
        say("  # 链与接口 the chain, and the interface");
        say(format!("  curl {url}/checkpoint"));
        say(format!("  curl '{url}/api/v1/blocks?limit=3'"));
        say(format!("  curl {url}/openapi.json"));
        say(format!(
            "  curl -H \"Authorization: Bearer $(cat {})\" {url}/api/v1/entries/{}\n",
            file(&format!("providers/{}.token", sample.provider + 1)),
            sample.entry
        ));
        Ok(())
    }
}

fn summarise(year: &draw::Year, entries: usize, number: i16) {
    let cqos = year.people.len();
    let met = year.half_hours.iter().filter(|&&half| half >= REQUIRED_HALF_HOURS).count();
    let half_hours: usize = year.half_hours.iter().sum();
    let mean_hundredths = (half_hours * 50).checked_div(cqos).unwrap_or(0);
    let corrections = year.fixes.len();
    say(format!("\n{number} 年 the year {number}"));
    say(format!("  首席质量官 CQOs             {cqos}"));
    say(format!("  记录 entries                {entries}（其中更正 corrections {corrections}）"));
    say(format!("  学时 credit hours           {}.{}", half_hours / 2, half_hours % 2 * 5));
    say(format!("  人均 mean of a CQO          {}.{:02}", mean_hundredths / 100, mean_hundredths % 100));
    let share = (met * 1_000).checked_div(cqos).unwrap_or(0);
    say(format!("  满 10 学时 with 10 hours    {}.{} %", share / 10, share % 10));
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_only_when_a_shell_would_split_it() {
        for (path, text) in [("/a/b-c_1.txt", "/a/b-c_1.txt"), ("/a b", "'/a b'"), ("/it's", r"'/it'\''s'")] {
            assert_eq!(quoted(Path::new(path)), text);
        }
    }

    #[test]
    fn only_a_year_that_is_over_can_be_invented() {
        let last = choose_year(None).unwrap();
        assert_eq!(choose_year(Some(last)).unwrap(), last);
        assert!(choose_year(Some(last + 1)).is_err());
        assert!(choose_year(Some(FIRST_YEAR - 1)).is_err());
    }
}
