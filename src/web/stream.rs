//! The bytes of one connection, with a bound on how long a request's head may take to arrive and an answer may be
//! refused. How long a connection may rest between requests is hyper's to watch, and a body's pace is the extractor's.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Whether a request of this connection is being answered; only then may its bytes take as long as they like.
#[derive(Debug, Clone, Default)]
pub(super) struct Answering(Arc<AtomicBool>);

impl Answering {
    /// A head has arrived whole.
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// The answer is made; the next head may begin.
    pub(super) fn end(&self) {
        self.0.store(false, Ordering::Release);
    }

    fn is_now(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A stream that gives up on a peer that drips its head or does not take its answer.
pub(super) struct ImpatientStream {
    stream: TcpStream,
    answering: Answering,
    head: Alarm,
    write: Alarm,
}

impl ImpatientStream {
    /// The first head must be there `head` after the connection; later ones, `head` after their first byte (or their
    /// next one, if they began before the answer to the one before was written). A write must get a byte out within
    /// `write`.
    pub(super) fn new(stream: TcpStream, answering: Answering, head: Duration, write: Duration) -> Self {
        let mut head = Alarm::after(head);
        head.start();
        Self { stream, answering, head, write: Alarm::after(write) }
    }

    fn written(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        // Who has an answer to write has had the head. A request that is answered at once begins and ends without a read
        // between, so this alone tells of it; and while an answer is taken slowly the next head is not late.
        self.head.stop();
        if wrote.is_ready() {
            self.write.stop();
            return wrote;
        }
        self.write.start();
        self.write.poll(cx).map(Err)
    }
}

impl AsyncRead for ImpatientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.answering.is_now() {
            self.head.stop();
            return read;
        }
        if buffer.filled().len() > before {
            self.head.start();
        }
        // Also when there are bytes to read: a drip that always has one ready must not hold the alarm up.
        match self.head.poll(cx) {
            Poll::Ready(late) => Poll::Ready(Err(late)),
            Poll::Pending => read,
        }
    }
}

impl AsyncWrite for ImpatientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A time limit that can be started and stopped; its timer is made once.
struct Alarm {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Alarm {
    fn after(after: Duration) -> Self {
        Self { after, sleep: None, is_running: false }
    }

    /// Starts it, unless it runs already.
    fn start(&mut self) {
        if !std::mem::replace(&mut self.is_running, true) {
            let deadline = Instant::now() + self.after;
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(deadline),
                none => *none = Some(Box::pin(tokio::time::sleep_until(deadline))),
            }
        }
    }

    fn stop(&mut self) {
        self.is_running = false;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.sleep {
            Some(sleep) if self.is_running => sleep.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into()),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(60);

    /// Our end with these times, and the peer's.
    async fn pair(head: Duration, write: Duration) -> (ImpatientStream, Answering, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let answering = Answering::default();
        let stream = ImpatientStream::new(listener.accept().await.unwrap().0, answering.clone(), head, write);
        (stream, answering, peer)
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let (mut stream, _, _peer) = pair(LATE, SOON).await;
        let error = stream.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_head_has_its_time_and_what_follows_it_has_not() {
        let (mut stream, answering, mut peer) = pair(SOON, LATE).await;
        answering.begin();
        tokio::time::sleep(2 * SOON).await;
        peer.write_all(b"a body").await.unwrap();
        let mut bytes = [0; 6];
        stream.read_exact(&mut bytes).await.unwrap();
        // Between requests nothing is late; the first byte of the next head starts its time.
        answering.end();
        assert!(tokio::time::timeout(2 * SOON, stream.read(&mut bytes)).await.is_err());
        peer.write_all(b"G").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 1);
        assert_eq!(stream.read(&mut bytes).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_head_that_is_answered_at_once_has_come() {
        let (mut stream, answering, mut peer) = pair(SOON, LATE).await;
        let mut bytes = [0; 1];
        // At rest between requests, and then a head that does not end.
        for _ in 0..2 {
            peer.write_all(b"G").await.unwrap();
            assert_eq!(stream.read(&mut bytes).await.unwrap(), 1);
            answering.begin();
            answering.end();
            stream.write_all(b"an answer").await.unwrap();
            assert!(tokio::time::timeout(2 * SOON, stream.read(&mut bytes)).await.is_err());
        }
        peer.write_all(b"G").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 1);
        assert_eq!(stream.read(&mut bytes).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_head_that_came_early_waits_for_the_answer_before_it() {
        let (mut stream, _, mut peer) = pair(SOON, LATE).await;
        peer.write_all(b"GG").await.unwrap();
        let mut bytes = [0; 1];
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 1);
        // The answer fills every buffer, and is taken only after the head's time.
        let unread = vec![0; 64 << 20];
        let mut answer = Box::pin(stream.write_all(&unread));
        assert!(tokio::time::timeout(2 * SOON, answer.as_mut()).await.is_err());
        drop(answer);
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 1);
    }
}
