//! Limits of a listener: size, time, concurrency and rate. Above them the answer is a refusal, before memory grows.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::ConnectInfo;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_governor::GovernorError;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use super::accept::client_of;
use super::budget::{Budgets, within_budget};
use super::host::{for_own_host, own_host};
use super::problem::Problem;
use super::request::bearer;
use super::share::{Shares, within_share};
use super::tries::{Tries, within_tries};
use crate::credential::Site;
use crate::service::Service;

/// Where a proxy says whom it asks for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How often clients that were not seen lately are forgotten.
const FORGET_CLIENTS_EVERY: Duration = Duration::from_secs(60);

/// What one listener bears.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_max: usize,
    /// How long a request body may take however small it is, in milliseconds.
    pub body_grace_ms: u64,
    /// How many bytes of a body bring a second more: the slowest pace.
    pub body_pace_bytes_per_s: u32,
    /// Bytes of all request bodies, and of what is made of them, at once; above them the answer is 503. What one request
    /// may take is allowed in any case.
    pub bodies_max: usize,
    /// Bytes of all large answers that are not sent yet; above them the answer is 503, unless something was changed for it.
    pub answers_max: usize,
    /// The longest time of one request, in milliseconds.
    pub request_max_ms: u64,
    /// Requests under way at once; the next one is refused with 503.
    pub in_flight_max: usize,
    /// Of these, requests of one client (by token, else by address); the next one is refused with 503.
    pub in_flight_per_client_max: usize,
    /// Requests a second of one client (by token, else by address; of IPv6, one /64 network), over time; 0 for no limit.
    pub rate_per_second: u32,
    /// Requests that one client may make at once before the rate counts.
    pub rate_burst: u32,
    /// Look-ups of attestations a minute of one client, whose burst is as many, and besides them as many tries to sign in
    /// that fail; 0 for no limit. Names, numbers and passwords must not be guessed.
    pub lookups_per_minute: u32,
    /// Complaints that one client may file within an hour; 0 for no limit. Somebody answers each of them.
    pub complaints_per_hour: u32,
    /// Reverse proxies whose `X-Forwarded-For` is believed: behind them, the rate counts by the client's own address.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where people find this service, when that is known: requests for another host are refused.
    pub site: Option<Site>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_max: 4 * 1024 * 1024,
            body_grace_ms: 5_000,
            body_pace_bytes_per_s: 16 * 1024,
            bodies_max: 64 * 1024 * 1024,
            answers_max: 128 * 1024 * 1024,
            request_max_ms: 30_000,
            in_flight_max: 128,
            in_flight_per_client_max: 64,
            rate_per_second: 100,
            rate_burst: 1_000,
            lookups_per_minute: 60,
            complaints_per_hour: 5,
            trusted_proxies: Vec::new(),
            site: None,
        }
    }
}

impl Limits {
    /// Puts the limits, and the headers that every answer has, around a router.
    pub(super) fn around(&self, router: Router, service: &Arc<Service>) -> Router {
        let header =
            |name: HeaderName, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
        let router = router
            .layer(axum::middleware::from_fn_with_state(Budgets::new(self), within_budget))
            .layer(TimeoutLayer::with_status_code(
                axum::http::StatusCode::REQUEST_TIMEOUT,
                Duration::from_millis(self.request_max_ms),
            ))
            .layer(axum::middleware::map_response(explain_timeout))
            .layer(
                ServiceBuilder::new()
                    .layer(HandleErrorLayer::new(|_| async { Problem::overloaded() }))
                    .layer(LoadShedLayer::new())
                    .layer(GlobalConcurrencyLimitLayer::new(self.in_flight_max)),
            );
        let client = self.client(service);
        let shares = Shares::new(client.clone(), self.in_flight_per_client_max);
        let router = router
            .layer(axum::middleware::from_fn_with_state(shares, within_share))
            .layer(axum::middleware::from_fn_with_state(own_host(self.site.as_ref()), for_own_host));
        self.rated(router, client)
            .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
            .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .layer(header(X_FRAME_OPTIONS, "DENY"))
            .layer(header(REFERRER_POLICY, "no-referrer"))
            .layer(header(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'; frame-ancestors 'none'"))
    }

    /// Puts the rate of look-ups around their routes.
    pub(super) fn around_lookups<S: Clone + Send + Sync + 'static>(
        &self,
        router: Router<S>,
        service: &Arc<Service>,
    ) -> Router<S> {
        match Duration::from_secs(60).checked_div(self.lookups_per_minute) {
            Some(period) => rated(router, self.client(service), period, self.lookups_per_minute),
            None => router,
        }
    }

    /// Puts the rate of tries around their routes: as many that fail as there are look-ups.
    pub(super) fn around_tries<S: Clone + Send + Sync + 'static>(
        &self,
        router: Router<S>,
        service: &Arc<Service>,
    ) -> Router<S> {
        let Some(period) = Duration::from_secs(60).checked_div(self.lookups_per_minute) else { return router };
        let tries = Tries::new(self.client(service), self.lookups_per_minute, period);
        router.layer(axum::middleware::from_fn_with_state(tries, within_tries))
    }

    /// Who requests count for.
    pub(super) fn client(&self, service: &Arc<Service>) -> Client {
        Client { service: Arc::clone(service), trusted: self.trusted_proxies.clone().into() }
    }

    fn rated(&self, router: Router, client: Client) -> Router {
        match Duration::from_secs(1).checked_div(self.rate_per_second) {
            Some(period) => rated(router, client, period, self.rate_burst),
            None => router,
        }
    }
}

/// One request each `period` over time, and `burst` at once.
fn rated<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    client: Client,
    period: Duration,
    burst: u32,
) -> Router<S> {
    let config =
        GovernorConfigBuilder::default().key_extractor(client).period(period).burst_size(burst.max(1)).finish();
    // A period and a burst above zero always make a configuration.
    let Some(config) = config else { return router };
    let limiter = Arc::clone(config.limiter());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_CLIENTS_EVERY).await;
            limiter.retain_recent();
        }
    });
    router.layer(GovernorLayer::new(config).error_handler(|error| match error {
        // Whole seconds, cut off: there is certainly room in the one after.
        GovernorError::TooManyRequests { wait_time, .. } => Problem::rate_limited(wait_time + 1).into_response(),
        _ => Problem::internal().into_response(),
    }))
}

/// The timeout layer answers with an empty body; people get a problem document.
async fn explain_timeout(response: Response) -> Response {
    let is_bare = !response.headers().contains_key(axum::http::header::CONTENT_TYPE);
    match response.status() {
        axum::http::StatusCode::REQUEST_TIMEOUT if is_bare => Problem::timeout().into_response(),
        _ => response,
    }
}

/// Who a request counts for: a known token's owner, or else an address. What a stranger writes into the header makes no new client.
#[derive(Clone)]
pub(super) struct Client {
    service: Arc<Service>,
    trusted: Arc<[IpAddr]>,
}

/// What rate, share and turns count by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ClientKey {
    Known(String),
    Address(Option<IpAddr>),
}

/// As tries to sign in are counted by: an address or a network, or whose token it is.
impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(actor) => write!(f, "token {actor}"),
            Self::Address(Some(address)) => write!(f, "{address}"),
            Self::Address(None) => f.write_str("unknown"),
        }
    }
}

impl Client {
    /// Who this request counts for.
    pub(super) fn key(&self, headers: &HeaderMap, extensions: &Extensions) -> ClientKey {
        if let Some(token) = bearer(headers)
            && let Ok(actor) = self.service.authenticate(Some(token))
        {
            return ClientKey::Known(actor.to_string());
        }
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        address_key(peer, &self.trusted, headers)
    }
}

impl KeyExtractor for Client {
    type Key = ClientKey;

    fn extract<T>(&self, request: &Request<T>) -> Result<ClientKey, GovernorError> {
        Ok(self.key(request.headers(), request.extensions()))
    }
}

/// The key of who shows no token: its address, or its network, as connections are counted.
fn address_key(peer: Option<IpAddr>, trusted: &[IpAddr], headers: &HeaderMap) -> ClientKey {
    ClientKey::Address(peer.map(|peer| client_of(behind(peer, trusted, headers))))
}

/// The client behind trusted proxies. Each proxy adds its peer at the end, so the list is believed from there, as far as
/// those who added are trusted; what a client wrote itself stands before that.
fn behind(peer: IpAddr, trusted: &[IpAddr], headers: &HeaderMap) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    let mut client = peer;
    for part in lines.iter().flat_map(|line| line.split(',')).rev() {
        // Something that is no address was not added by a proxy of this kind: nothing before it is believed.
        let Ok(address) = part.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !trusted.contains(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::never_panics;

    #[test]
    fn a_forwarded_address_counts_only_as_far_as_proxies_are_trusted() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("127.0.0.1"), ip("10.0.0.1")];
        for (peer, lines, client) in [
            ("127.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["198.51.100.1", "203.0.113.9, 10.0.0.1"], "203.0.113.9"),
            ("127.0.0.1", &["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("203.0.113.7", &["198.51.100.1"], "203.0.113.7"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            assert_eq!(behind(ip(peer), &trusted, &headers), ip(client), "{peer} {lines:?}");
        }
    }

    /// Whatever a client writes, it is somebody behind the last proxy that is trusted, and a stranger is itself.
    #[test]
    fn any_forwarded_header_names_a_client_or_none() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (proxy, stranger) = (ip("127.0.0.1"), ip("203.0.113.7"));
        never_panics(b"198.51.100.1, 2001:db8::7, ::ffff:203.0.113.9,127.0.0.1", |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let headers = HeaderMap::from_iter([(FORWARDED_FOR, value)]);
            assert_eq!(behind(stranger, &[proxy], &headers), stranger);
            let named = behind(proxy, &[proxy], &headers);
            let text = String::from_utf8_lossy(bytes);
            let mut parts = text.split(',').filter_map(|part| part.trim().parse::<IpAddr>().ok());
            assert!(named == proxy || parts.any(|part| part.to_canonical() == named), "{text:?}: {named}");
        });
    }

    #[test]
    fn an_ipv6_network_has_one_rate_and_a_proxy_is_trusted_by_its_whole_address() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("2001:db8::1")];
        let key = |peer: &str, forwarded: &'static str| {
            let headers = HeaderMap::from_iter([(FORWARDED_FOR, HeaderValue::from_static(forwarded))]);
            address_key(Some(ip(peer)), &trusted, &headers)
        };
        assert_eq!(key("2001:db8::7", ""), key("2001:db8::ffff:8", ""), "direct, one network");
        assert_ne!(key("2001:db8:0:1::7", ""), key("2001:db8:0:2::7", ""), "direct, two networks");
        assert_eq!(key("2001:db8::1", "2001:db8:5::1"), key("2001:db8::1", "2001:db8:5::2"), "behind a proxy");
        assert_ne!(key("2001:db8::1", "192.0.2.1"), key("2001:db8::1", "192.0.2.2"), "IPv4 hosts");
        assert_eq!(key("2001:db8::2", "192.0.2.1"), key("2001:db8::2", ""), "a neighbour of the proxy is not trusted");
    }
}
