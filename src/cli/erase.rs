//! `learner erase` and `learner erased`: erasing people for good, and the list of all that was erased.

use std::io::{BufRead as _, Write as _};

use serde_json::{Value, json};

use super::client::Client;
use super::{EXIT_OK, Failure, Outcome, say};

/// What must be typed to go on.
const CONSENT: [&str; 2] = ["删除", "erase"];

/// What an erasure does and does not do, before it is done.
const EFFECT: &str = "\
  · 姓名、任职经历和全部学时记录内容将永久无法读取，编号不能再登记；此操作不可撤销。
  · 链上的承诺值、区块与时间、记录编号和学员编号保留；已发出的证明仍可核验。
  · 密钥备份到期（默认 30 天）之后，删除才算彻底完成。
  · Names, employers and all contents of their entries can never be read again, and their ids never registered again. This cannot be undone.
  · Commitments, blocks and times, and the ids of entries and learners stay on the chain; proofs that were handed out still verify.
  · Backups of the keys hold them until they expire (30 days by default); only then is the erasure complete.";

/// Erases learners, after asking.
pub(super) fn erase(client: &Client, ids: &[String], yes: bool) -> Outcome {
    if !yes {
        say(format!("将永久删除 {} 名学员 about to erase for good:", ids.len()));
        for id in ids {
            say(format!("  {id}"));
        }
        say(EFFECT);
        confirm()?;
    }
    let body = json!({"learners": ids}).to_string();
    let tombstones = client.post("/api/v1/erasures", body.as_bytes())?.json()?;
    for tombstone in tombstones.as_array().into_iter().flatten() {
        let text = |name: &str| tombstone[name].as_str().unwrap_or_default();
        say(format!("已删除 erased {} {}", text("learner"), text("erased_at")));
    }
    Ok(EXIT_OK)
}

fn confirm() -> Result<(), Failure> {
    let mut out = std::io::stdout();
    drop(write!(out, "确认请输入“删除” type `erase` to go on: ").and_then(|()| out.flush()));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::new)?;
    match CONSENT.contains(&line.trim()) {
        true => Ok(()),
        false => Err(Failure::misuse("未确认，没有删除任何内容 not confirmed: nothing was erased")),
    }
}

/// Prints every tombstone, as `restore --erased` takes them: of learners, accounts and complaints.
pub(super) fn list(client: &Client) -> Outcome {
    let mut all: Vec<Value> = Vec::new();
    for (kind, member) in [("learners", "learner"), ("accounts", "account"), ("cases", "case")] {
        let mut after = String::new();
        loop {
            let Value::Array(page) = client.get(&format!("/api/v1/erasures?of={kind}{after}"))?.json()? else {
                return Err(Failure::new("服务的回答不是列表 the service's answer is no list"));
            };
            let Some(last) = page.last() else { break };
            after = format!("&after={}", last[member].as_str().unwrap_or_default());
            all.extend(page);
        }
    }
    say(serde_json::to_string_pretty(&all).map_err(Failure::new)?);
    Ok(EXIT_OK)
}
