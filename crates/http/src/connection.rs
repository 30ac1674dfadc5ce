use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use url::{Host, Url};

use crate::{Config, Error};

/// The connection pools behind a client.
///
/// Plain HTTP to this machine needs neither root certificates, which cost time to load and may not be there at all, nor
/// the proxy that the environment names. All else gets both, made when it is first asked for.
#[derive(Debug)]
pub(crate) struct Connections {
    local: reqwest::Client,
    outside: OnceCell<reqwest::Client>,
    config: Config,
}

impl Connections {
    pub(crate) fn new(config: &Config) -> Result<Connections, Error> {
        let tls = tls(|builder| Ok(builder.with_root_certificates(RootCertStore::empty())))?;
        let local =
            builder(config, tls).no_proxy().build().map_err(|source| Error::Tls { source: source.into() })?;
        Ok(Connections { local, outside: OnceCell::new(), config: config.clone() })
    }

    pub(crate) async fn to(&self, url: &Url) -> Result<&reqwest::Client, Error> {
        if url.scheme() == "http" && is_loopback(url) {
            return Ok(&self.local);
        }
        self.outside
            .get_or_try_init(async || {
                let tls = tls(BuilderVerifierExt::with_platform_verifier)?;
                builder(&self.config, tls).build().map_err(|source| Error::Tls { source: source.into() })
            })
            .await
    }
}

fn builder(config: &Config, tls: ClientConfig) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(&config.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(config.connect_timeout)
        .read_timeout(config.stall_timeout)
        .pool_max_idle_per_host(config.max_in_flight);
    match config.request_timeout {
        Some(timeout) => builder.timeout(timeout),
        None => builder,
    }
}

type Verifying = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;
type Verified = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

/// TLS with ring, which builds without cmake, named here so that no process-wide default is needed.
fn tls(verify: impl FnOnce(Verifying) -> Result<Verified, rustls::Error>) -> Result<ClientConfig, Error> {
    let error = |source: rustls::Error| Error::Tls { source: source.into() };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(error)?;
    Ok(verify(builder).map_err(error)?.with_no_client_auth())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
