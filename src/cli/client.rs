//! Talking to a running service: addresses, tokens, and problem documents made readable.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Failure;
use super::data_dir::DataDir;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;
/// The longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which service, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ServiceArgs {
    /// 服务的数据目录（运营者） | The service's data directory: takes address and operator's token from it
    #[arg(long, env = "CQO_DATA")]
    data: Option<PathBuf>,
    /// 服务地址 | The service's address, as http://127.0.0.1:8080
    #[arg(long, env = "CQO_URL")]
    url: Option<String>,
    /// 令牌文件 | A file that holds the API token
    #[arg(long, env = "CQO_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

impl ServiceArgs {
    /// The client these flags describe.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let dir = self.data.as_deref().map(DataDir::new);
        let url = match (&self.url, &dir) {
            (Some(url), _) => url.clone(),
            (None, Some(dir)) => dir.url()?,
            (None, None) => return Err(Failure::misuse("name the service: --url, or --data of a running one")),
        };
        let token = match (&self.token_file, &dir) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| Failure::misuse(format!("{}: {error}", path.display())))?;
                Some(read_token(path, text.trim_end())?)
            }
            // The operator's token goes to the directory's own service, and nowhere else.
            (None, Some(dir)) if self.url.is_none() => Some(dir.token()?),
            _ => None,
        };
        Ok(Client::new(&url, token))
    }

    /// The data directory, where one was named.
    pub(super) fn dir(&self) -> Option<DataDir> {
        self.data.as_deref().map(DataDir::new)
    }
}

/// A token file holds the token alone.
fn read_token(path: &std::path::Path, text: &str) -> Result<String, Failure> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(text.to_owned());
    }
    Err(Failure::misuse(format!(
        "{}: 文件中应只有令牌本身（cqo_ 开头），可用 token create --out 生成 the file must hold the token alone: make it with `token create --out`",
        path.display()
    )))
}

/// A blocking HTTP client of one service.
#[derive(Clone)]
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// What a service answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn new(url: &str, token: Option<String>) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
        Self { agent: config.into(), base: url.trim_end_matches('/').to_owned(), token }
    }

    /// `GET path`.
    pub(super) fn get(&self, path: &str) -> Result<Answer, Failure> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.read(path, request.call())
    }

    /// `POST path` with a JSON body.
    pub(super) fn post(&self, path: &str, body: &[u8]) -> Result<Answer, Failure> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.read(path, request.send(body))
    }

    /// `DELETE path`.
    pub(super) fn delete(&self, path: &str) -> Result<Answer, Failure> {
        let mut request = self.agent.delete(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.read(path, request.call())
    }

    fn read(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer, Failure> {
        let fail = |error: ureq::Error| Failure::new(format!("{}{path}: {error}", self.base));
        let mut answer = answer.map_err(fail)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(fail)?;
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// The body of a good answer; of any other, what the problem document says.
    pub(super) fn good(self) -> Result<Vec<u8>, Failure> {
        if (200..300).contains(&self.status) { Ok(self.body) } else { Err(Failure::new(self.problem())) }
    }

    /// The JSON of a good answer.
    pub(super) fn json(self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.good()?).map_err(Failure::new)
    }

    /// Whether it is a problem document of this `type`.
    pub(super) fn is_problem(&self, kind: &str) -> bool {
        serde_json::from_slice(&self.body).is_ok_and(|problem: Value| problem["type"] == kind)
    }

    /// What the problem document of any other answer says.
    pub(super) fn problem(&self) -> String {
        match serde_json::from_slice(&self.body) {
            Ok(problem) => format!("HTTP {}: {}", self.status, explain(&problem)),
            Err(_) => format!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body)),
        }
    }
}

/// A problem document in a few lines.
pub(super) fn explain(problem: &Value) -> String {
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![format!("{} {}", text("title"), text("title_en"))];
    lines.extend(problem["detail"].as_str().map(str::to_owned));
    for error in problem["errors"].as_array().into_iter().flatten() {
        let part = |name: &str| error[name].as_str().unwrap_or_default();
        lines.push(format!("  {}: {} / {}", part("field"), part("message"), part("message_en")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever answers at the other end, there is a sentence for it, no longer than a few times what it said.
    #[test]
    fn any_answer_is_explained() {
        let good =
            br#"{"title":"t","title_en":"e","detail":"d","errors":[{"field":"f","message":"m","message_en":"n"}]}"#;
        bolero::check!().with_iterations(1_000).with_type::<(u16, Vec<u8>, Vec<(u8, u8)>)>().for_each(
            |(status, noise, patches)| {
                let mut changed = good.to_vec();
                for (at, byte) in patches {
                    let at = usize::from(*at) % changed.len();
                    changed[at] = *byte;
                }
                for body in [noise.clone(), changed] {
                    let len = body.len();
                    if let Err(failure) = (Answer { status: *status, body }).json() {
                        assert!(failure.message.len() <= 200 + 20 * len, "{}", failure.message);
                    }
                }
            },
        );
    }
}
