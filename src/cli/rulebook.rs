//! `rulebook`: checks a rulebook file, or shows the rules in words.

use std::path::PathBuf;

use clap::Subcommand;

use super::{EXIT_FAILED, EXIT_OK, Failure, Outcome, read_input, say};
use crate::standard::rulebook::RULEBOOK_MAX_BYTES;
use crate::standard::{Rulebook, RulebookVersion};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "例 Example:\n  cqo-ledger rulebook check ./ledger/rulebook.toml\n  cqo-ledger rulebook show --version 2026.1"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 检查规则文件 | Check a rulebook file; every error with its line
    Check {
        /// 文件 | The file
        file: PathBuf,
    },
    /// 显示规则 | Show every key with value and clause
    Show {
        /// 文件，默认为内置规则 | The file; by default the built-in rulebook
        file: Option<PathBuf>,
        /// 版本，默认为最新 | The version; by default the latest
        #[arg(long)]
        version: Option<String>,
    },
}

pub(super) fn run(args: Args) -> Outcome {
    match args.command {
        Command::Check { file } => match Rulebook::parse(&read_text(&file)?) {
            Ok(rulebook) => {
                let versions: Vec<String> = rulebook.editions().iter().map(|e| e.version.to_string()).collect();
                say(format!("规则文件有效 the rulebook is valid: {}", versions.join(", ")));
                for (version, key) in rulebook.without_effect() {
                    say(format!("注意 note: {version} {key}: 目前不起作用 nothing in this program reads it yet"));
                }
                Ok(EXIT_OK)
            }
            Err(errors) => {
                say(format!("规则文件有误 the rulebook is not valid:\n{errors}"));
                Ok(EXIT_FAILED)
            }
        },
        Command::Show { file, version } => {
            let rulebook = match file {
                Some(file) => Rulebook::parse(&read_text(&file)?).map_err(Failure::misuse)?,
                None => Rulebook::embedded(),
            };
            let edition = match version {
                None => rulebook.latest(),
                Some(text) => {
                    let version: RulebookVersion = text.parse().map_err(Failure::misuse)?;
                    let missing = || Failure::misuse(format!("there is no version {version}"));
                    rulebook.edition(&version).ok_or_else(missing)?
                }
            };
            say(edition.show());
            Ok(EXIT_OK)
        }
    }
}

fn read_text(file: &std::path::Path) -> Result<String, Failure> {
    String::from_utf8(read_input(file, RULEBOOK_MAX_BYTES)?).map_err(Failure::misuse)
}
