//! Bytes in flight: how much memory the bodies of all requests, and all answers that are not yet sent, may hold.
//!
//! Each request takes from the budget as its body arrives, never by what it announces, and gives everything back when
//! it is answered. Above the budget the answer is 503, for whoever asks then; what is under way goes on.
//!
//! An answer takes from a budget of its own until its last byte is with the kernel. One that finds no room is refused
//! only when nothing was changed for it: what is durable is never answered 503. Such an answer stays charged to its
//! request's body, which it grew from.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::limits::Limits;
use super::problem::Problem;

/// What a value of a parsed JSON document takes beyond its text, in bytes: a node, and its part of a list that grew.
const JSON_VALUE_BYTES: usize = 64;
/// Values of one JSON body: a thousand learners with fifty employers each stay below.
const JSON_VALUES_MAX: usize = 300_000;
/// Answers up to this size are not counted: a connection's own buffers hold as much.
const ANSWER_UNCOUNTED: u64 = 16 * 1024;

/// The budgets of one listener.
#[derive(Clone)]
pub(super) struct Budgets {
    body_max: usize,
    body_grace: Duration,
    body_pace: u32,
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

impl Budgets {
    pub(super) fn new(limits: &Limits) -> Self {
        // One request must fit, or it would be told to come again for ever.
        let one = limits.body_max + JSON_VALUES_MAX * JSON_VALUE_BYTES;
        Self::exactly(limits, limits.bodies_max.max(one))
    }

    fn exactly(limits: &Limits, bodies_max: usize) -> Self {
        Self {
            body_max: limits.body_max,
            body_grace: Duration::from_millis(limits.body_grace_ms),
            body_pace: limits.body_pace_bytes_per_s.max(1),
            bodies: Arc::new(Semaphore::new(bodies_max.min(Semaphore::MAX_PERMITS))),
            answers: Arc::new(Semaphore::new(limits.answers_max.min(Semaphore::MAX_PERMITS))),
        }
    }
}

/// Around every request: gives it an [`Allowance`], and counts its answer until it is sent.
pub(super) async fn within_budget(State(budgets): State<Budgets>, mut request: Request, next: Next) -> Response {
    // Nothing here decompresses: a small body that becomes a huge one has no way in.
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Problem::unsupported_encoding().into_response();
    }
    let changes_nothing = request.method().is_safe();
    let allowance = Allowance { budgets, taken: Arc::default() };
    request.extensions_mut().insert(allowance.clone());
    let response = next.run(request).await;
    let may_refuse = changes_nothing || response.extensions().get::<ChangesNothing>().is_some();
    // It lives until here: what was made of the body may live as long as its request is worked on.
    counted(response, allowance, may_refuse)
}

/// Put into the answer of a request that changes nothing although its method is no safe one: it may be asked again.
#[derive(Clone)]
pub(super) struct ChangesNothing;

fn counted(response: Response, allowance: Allowance, may_refuse: bool) -> Response {
    let size = response.body().size_hint().lower();
    if size <= ANSWER_UNCOUNTED {
        return response;
    }
    let answers = Arc::clone(&allowance.budgets.answers);
    let charge = match u32::try_from(size).ok().and_then(|size| answers.try_acquire_many_owned(size).ok()) {
        Some(permit) => Charge::Answers { _permit: permit },
        None if may_refuse => return Problem::overloaded().into_response(),
        None => Charge::Bodies { _allowance: allowance },
    };
    response.map(|body| Body::new(Counted { body, charge: Arc::new(charge) }))
}

/// What one request may take of the budget of bodies.
#[derive(Clone)]
pub(super) struct Allowance {
    budgets: Budgets,
    taken: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Allowance {
    /// The whole of a body within size, pace and budget.
    pub(super) async fn read(&self, body: Body) -> Result<Bytes, Problem> {
        self.read_at_most(body, self.budgets.body_max).await
    }

    /// The same, where less than the largest body is expected.
    pub(super) async fn read_at_most(&self, body: Body, max: usize) -> Result<Bytes, Problem> {
        let max = max.min(self.budgets.body_max);
        let too_large = || Problem::too_large(format!("a request body has at most {max} bytes"));
        let size = body.size_hint();
        if size.lower() > max as u64 {
            return Err(too_large());
        }
        let started = Instant::now();
        let mut frames = body.into_data_stream();
        // Memory follows what has arrived: the announced length is only a word.
        let mut read = Vec::new();
        while let Some(frame) = self.next_in_time(&mut frames, started, read.len()).await? {
            if frame.len() > max - read.len() {
                return Err(too_large());
            }
            self.take(frame.len())?;
            read.extend_from_slice(&frame);
        }
        Ok(read.into())
    }

    /// The next part of a body that keeps the pace: a time of grace, and a second more for every so many bytes.
    async fn next_in_time(
        &self,
        frames: &mut axum::body::BodyDataStream,
        started: Instant,
        read: usize,
    ) -> Result<Option<Bytes>, Problem> {
        let earned_ms = read as u64 * 1_000 / u64::from(self.budgets.body_pace);
        let deadline = started + self.budgets.body_grace + Duration::from_millis(earned_ms);
        match tokio::time::timeout_at(deadline, frames.next()).await {
            Err(_) => Err(Problem::timeout()),
            Ok(None) => Ok(None),
            Ok(Some(Ok(frame))) => Ok(Some(frame)),
            Ok(Some(Err(_))) => Err(Problem::unreadable("the request body ends early or is framed wrongly".into())),
        }
    }

    /// Takes what a JSON document of this text may come to when it is parsed, or refuses it before that.
    pub(super) fn take_for_json(&self, text: &[u8]) -> Result<(), Problem> {
        // Each value but the first follows one of these; within strings they count too, which no form here comes near.
        let values = 1 + text.iter().filter(|&&byte| matches!(byte, b',' | b'[' | b'{' | b':')).count();
        if values > JSON_VALUES_MAX {
            return Err(Problem::too_large(format!("a JSON body has at most {JSON_VALUES_MAX} values")));
        }
        self.take(values * JSON_VALUE_BYTES)
    }

    fn take(&self, bytes: usize) -> Result<(), Problem> {
        let bytes = u32::try_from(bytes).map_err(|_| Problem::overloaded())?;
        let more = Arc::clone(&self.budgets.bodies).try_acquire_many_owned(bytes).map_err(|_| Problem::overloaded())?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.as_mut() {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}

/// What an answer takes until it is gone.
enum Charge {
    Answers { _permit: OwnedSemaphorePermit },
    Bodies { _allowance: Allowance },
}

/// A body that is charged until its last byte is sent, or its connection is gone.
struct Counted {
    body: Body,
    charge: Arc<Charge>,
}

/// Bytes on their way. hyper drops a body as soon as it has taken the last of it, long before that is written: so the
/// charge goes with the bytes.
struct Charged {
    bytes: Bytes,
    _charge: Arc<Charge>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        frame.map_ok(|frame| {
            frame.map_data(|bytes| Bytes::from_owner(Charged { bytes, _charge: Arc::clone(&self.charge) }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use axum::{Extension, Router};
    use tower::ServiceExt as _;

    use super::*;

    fn allowance(limits: &Limits) -> Allowance {
        Allowance { budgets: Budgets::exactly(limits, limits.bodies_max), taken: Arc::default() }
    }

    fn limits() -> Limits {
        Limits { body_max: 100, bodies_max: 150, ..Limits::default() }
    }

    #[tokio::test]
    async fn a_body_takes_what_arrives_and_gives_it_back() {
        let first = allowance(&limits());
        let bodies = Arc::clone(&first.budgets.bodies);
        assert_eq!(first.read(Body::from(vec![b'x'; 100])).await.unwrap().len(), 100);
        let second = Allowance { taken: Arc::default(), ..first.clone() };
        assert_eq!(second.read(Body::from(vec![b'x'; 51])).await.unwrap_err().status(), 503);
        assert_eq!(second.read(Body::from(vec![b'x'; 101])).await.unwrap_err().status(), 413);
        assert_eq!(second.read(Body::from(vec![b'x'; 50])).await.unwrap().len(), 50);
        assert_eq!(bodies.available_permits(), 0);
        drop((first, second));
        assert_eq!(bodies.available_permits(), 150);
    }

    #[tokio::test]
    async fn a_json_body_is_charged_for_its_values_before_it_is_parsed() {
        let roomy = allowance(&Limits::default());
        assert!(roomy.take_for_json(b"{\"a\":[1,2]}").is_ok());
        let many = vec![b','; JSON_VALUES_MAX];
        assert_eq!(roomy.take_for_json(&many).unwrap_err().status(), 413);
        assert_eq!(allowance(&limits()).take_for_json(b"[1,2,3]").unwrap_err().status(), 503);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_keep_the_pace_is_given_up() {
        let limits = Limits { body_grace_ms: 1_000, body_pace_bytes_per_s: 10, body_max: 1_000, ..Limits::default() };
        for (pause_ms, status) in [(90, 200), (300, 408)] {
            let drip = futures_util::stream::iter(0..40).then(move |_| async move {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                Ok::<_, axum::Error>(Bytes::from_static(b"x"))
            });
            let read = allowance(&limits).read(Body::from_stream(drip)).await;
            assert_eq!(read.map_or_else(|problem| problem.status().as_u16(), |_| 200), status, "{pause_ms} ms");
        }
    }

    #[tokio::test]
    async fn a_large_answer_is_counted_until_it_is_gone() {
        let limits = Limits { answers_max: 100_000, ..Limits::default() };
        let allowance = allowance(&limits);
        let answer = |body: Body| counted(Response::new(body), allowance.clone(), true);
        let large = || Body::from(vec![0; 60_000]);
        let first = answer(large());
        assert_eq!(answer(large()).status(), 503);
        assert_eq!(answer(Body::from("small")).status(), 200);
        // As hyper does it: the body is dropped when its last bytes are taken, and they wait to be written.
        let taken = taken(first).await;
        assert_eq!((taken.len(), answer(large()).status().as_u16()), (60_000, 503));
        drop(taken);
        assert_eq!(answer(large()).status(), 200);
    }

    /// The only frame of an answer, whose body is gone.
    async fn taken(answer: Response) -> Bytes {
        let mut body = answer.into_body();
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap().unwrap();
        assert!(body.is_end_stream());
        frame.into_data().unwrap()
    }

    #[tokio::test]
    async fn what_was_changed_is_answered_however_little_room_there_is() {
        let limits = Limits { answers_max: 10, ..limits() };
        let budgets = Budgets::exactly(&limits, limits.bodies_max);
        let bodies = Arc::clone(&budgets.bodies);
        let large = |Extension(allowance): Extension<Allowance>, body: Body| async move {
            allowance.read(body).await.unwrap();
            vec![0_u8; 60_000]
        };
        let router = Router::new()
            .route("/", get(large).post(large))
            .route(
                "/read",
                post(move |allowance, body| async move { (Extension(ChangesNothing), large(allowance, body).await) }),
            )
            .layer(axum::middleware::from_fn_with_state(budgets, within_budget));
        let ask = |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::from(vec![0; 100])).unwrap();
            router.clone().oneshot(request)
        };
        assert_eq!(ask("GET", "/").await.unwrap().status(), 503);
        assert_eq!(ask("POST", "/read").await.unwrap().status(), 503);
        assert_eq!(bodies.available_permits(), 150);
        let answer = ask("POST", "/").await.unwrap();
        assert_eq!(answer.status(), 200);
        let taken = taken(answer).await;
        assert_eq!((taken.len(), bodies.available_permits()), (60_000, 50), "its body is charged until it is sent");
        drop(taken);
        assert_eq!(bodies.available_permits(), 150);
    }
}
