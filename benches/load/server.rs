//! The service as a process of its own, and connections to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Outcome, PROGRAM};

/// The service under load, ended when this is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Outcome<Self> {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--rate-per-second", "0", "--metrics-public", "--data"])
            .arg(data);
        let child = command.env("RUST_LOG", "warn").stdout(Stdio::piped()).spawn()?;
        let mut server = Self { child, address: String::new() };
        let mut line = String::new();
        BufReader::new(server.child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let url = line.trim_end().strip_prefix("ready http://").ok_or("the service did not start")?;
        server.address = url.to_owned();
        Ok(server)
    }

    /// SIGTERM, as an operator would.
    pub(crate) fn stop(&mut self) -> Outcome<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> Outcome<Vec<u8>> {
        let request =
            ureq::get(format!("http://{}{path}", self.address)).header("authorization", format!("Bearer {token}"));
        Ok(request.call()?.body_mut().read_to_vec()?)
    }

    pub(crate) fn post(&self, token: &str, path: &str, body: &[u8]) -> Outcome<Value> {
        let request =
            ureq::post(format!("http://{}{path}", self.address)).header("authorization", format!("Bearer {token}"));
        let answer = request.content_type("application/json").send(body)?.body_mut().read_to_vec()?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// How many entries are sealed.
    pub(crate) fn total(&self) -> Outcome<u64> {
        let page: Value = serde_json::from_slice(
            &ureq::get(format!("http://{}/api/v1/blocks?limit=1", self.address)).call()?.body_mut().read_to_vec()?,
        )?;
        let text = page["blocks"][0]["text"].as_str().ok_or("no block")?;
        Ok(text.lines().find_map(|line| line.strip_prefix("total ")).ok_or("no total")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One keep-alive connection, as plain as it can be, so that the generator costs little.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and reads the whole answer, in which nothing may be rejected.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Outcome<()> {
        const REJECTED: &[u8] = b"\"rejected\"";
        self.stream.write_all(request)?;
        let (mut filled, mut body) = (0, None);
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..])?;
            if read == 0 {
                return Err("the service hung up".into());
            }
            filled += read;
            if body.is_none() {
                body = body_range(&self.buffer[..filled])?;
            }
            if let Some((from, length)) = body
                && filled >= from + length
            {
                let good = self.buffer.starts_with(b"HTTP/1.1 20");
                // The results stand before the receipts; a rejected one shows in the first part of the answer.
                let rejected = self.buffer[from..filled].windows(REJECTED.len()).any(|window| window == REJECTED);
                return match good && !rejected {
                    true => Ok(()),
                    false => Err(String::from_utf8_lossy(&self.buffer[..filled.min(2_000)]).into()),
                };
            }
        }
    }
}

/// Where the body begins and how long it is, once the head is there.
fn body_range(bytes: &[u8]) -> Outcome<Option<(usize, usize)>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END.len()).position(|window| window == END) else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    Ok(Some((end + END.len(), length.ok_or("an answer without a length")?.parse()?)))
}
