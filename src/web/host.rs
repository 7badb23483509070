//! Which host this service answers for, where it knows its own name.
//!
//! A page of ours under somebody else's name would be a stage for a forgery, and a name that a stranger points at this
//! address (DNS rebinding) would make its pages ours in a browser's eyes. So another host is refused with 421. Whoever
//! works on this very machine under a name or an address of the machine itself, as the operator's commands and monitoring
//! do, is answered: no other machine's browser can come that way.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::credential::Site;

/// The host of the site, with its port where it has one; none where every host is answered.
pub(super) type OwnHost = Option<Arc<str>>;

/// The host of a site's address.
pub(super) fn own_host(site: Option<&Site>) -> OwnHost {
    site.and_then(|site| site.as_str().split_once("://")).map(|(_, host)| Arc::from(host))
}

/// Around every request within the limits.
pub(super) async fn for_own_host(State(own): State<OwnHost>, request: Request, next: Next) -> Response {
    let Some(own) = own else { return next.run(request).await };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    match asked(request.uri().authority(), request.headers()) {
        Some(host) if is_own(&own, &host, peer) => next.run(request).await,
        _ => Problem::misdirected().into_response(),
    }
}

/// The host that a request names (RFC 9112, 3.2): in its target, else in its one `Host`.
fn asked(target: Option<&Authority>, headers: &HeaderMap) -> Option<Authority> {
    let mut named = headers.get_all(HOST).iter();
    match (target, named.next(), named.next()) {
        (Some(target), ..) => Some(target.clone()),
        (None, Some(one), None) => Authority::try_from(one.as_bytes()).ok(),
        _ => None,
    }
}

fn is_own(own: &str, asked: &Authority, peer: Option<IpAddr>) -> bool {
    if without_default_port(own).eq_ignore_ascii_case(without_default_port(asked.as_str())) {
        return true;
    }
    let Some(peer) = peer.map(|peer| peer.to_canonical()) else { return false };
    let host = asked.host().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        // Also under an address of the machine's own that is no loopback: the one that it asks from is the one asked.
        Ok(ip) => ip.to_canonical() == peer || (ip.to_canonical().is_loopback() && peer.is_loopback()),
        Err(_) => host == "localhost" && peer.is_loopback(),
    }
}

/// Browsers leave the scheme's own port out; other clients may write it.
fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_own_host_and_the_machine_itself_are_answered() {
        let (here, there) = (Some("127.0.0.1"), Some("203.0.113.9"));
        for (own, host, peer, expected) in [
            ("cqo.example.cn", "cqo.example.cn", there, true),
            ("cqo.example.cn", "CQO.Example.cn:443", there, true),
            ("cqo.example.cn:8443", "cqo.example.cn:8443", there, true),
            ("cqo.example.cn:8443", "cqo.example.cn", there, false),
            ("cqo.example.cn", "evil.example", there, false),
            ("cqo.example.cn", "evil.example", here, false),
            ("cqo.example.cn", "cqo.example.cn.evil.example", there, false),
            ("cqo.example.cn", "127.0.0.1:8080", here, true),
            ("cqo.example.cn", "localhost:8080", here, true),
            ("cqo.example.cn", "[::1]:8080", Some("::1"), true),
            ("cqo.example.cn", "127.0.0.1:8080", there, false),
            ("cqo.example.cn", "127.0.0.1:8080", None, false),
            ("cqo.example.cn", "192.0.2.1", here, false),
            ("cqo.example.cn", "192.0.2.1:8080", Some("::ffff:192.0.2.1"), true),
            ("cqo.example.cn", "192.0.2.1:8080", there, false),
            ("cqo.example.cn", "localhost", there, false),
        ] {
            let asked = Authority::try_from(host).unwrap();
            let peer = peer.map(|ip| ip.parse().unwrap());
            assert_eq!(is_own(own, &asked, peer), expected, "{own} {host} {peer:?}");
        }
    }

    #[tokio::test]
    async fn another_host_is_refused_before_anything_is_done() {
        use tower::ServiceExt as _;
        let router = |own: OwnHost| {
            let routes = axum::Router::new().route("/", axum::routing::get(|| async { "here" }));
            routes.layer(axum::middleware::from_fn_with_state(own, for_own_host))
        };
        for (site, host, status) in [
            (None, "b.cn", 200),
            (Some("https://a.cn"), "a.cn", 200),
            (Some("https://a.cn:8443"), "a.cn:8443", 200),
            (Some("https://a.cn"), "b.cn", 421),
        ] {
            let site: Option<Site> = site.map(|site| site.parse().unwrap());
            let own = own_host(site.as_ref());
            let request = Request::get("/").header(HOST, host).body(axum::body::Body::empty()).unwrap();
            assert_eq!(router(own).oneshot(request).await.unwrap().status().as_u16(), status, "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let headers = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            headers
        };
        let name = |target: Option<&str>, hosts: &[&'static str]| {
            let target = target.map(|text| Authority::try_from(text).unwrap());
            asked(target.as_ref(), &headers(hosts)).map(|host| host.to_string())
        };
        assert_eq!(name(None, &["a.cn"]).as_deref(), Some("a.cn"));
        assert_eq!(name(Some("b.cn"), &["a.cn"]).as_deref(), Some("b.cn"), "the target goes first");
        assert_eq!(name(None, &[]), None);
        assert_eq!(name(None, &["a.cn", "b.cn"]), None, "two are none");
        assert_eq!(name(None, &["a b"]), None);
    }
}
