//! The board as a server on this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::handler::Handler;
use tagmill_model::Flags;
use tokio::sync::oneshot;

use crate::world::{World, WorldConfig};

mod account;
mod answer;
mod api;
mod danbooru;
mod form;
mod listener;
mod login;
mod media;
mod mishap;
mod service;
mod session;
mod stats;

pub use account::{Account, Sessions};
pub use mishap::{Mishap, Mishaps, RateLimit, Rule, Script, Target, When};
pub use stats::{GRACE, Stats};

use account::Register;
use listener::{BoardListener, Line};
use mishap::Prompter;
use stats::Ledger;

/// Everything about a board that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The posts.
    pub world: WorldConfig,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Content classes that may be asked for without a `me` cookie. The real board's: SFW alone.
    pub anonymous_flags: Flags,
    /// Content classes that may be asked for with a `me` cookie, where any is a session. The real board's: all, for an
    /// account of verified age.
    pub account_flags: Flags,
    /// Who can log in.
    pub accounts: Vec<Account>,
    /// Which `me` cookies are sessions.
    pub sessions: Sessions,
    /// Every n-th answer of the API to a request with a live session carries a new `me` cookie for it.
    pub refresh_cookie: Option<u64>,
    /// Refuse requests without a `User-Agent`, as the real board's proxy does.
    pub require_user_agent: bool,
    /// What goes wrong by chance.
    pub mishaps: Mishaps,
    /// What goes wrong for sure.
    pub script: Script,
    /// Keep path and query of every request, for [`Board::requests`]. Grows without end: for tests.
    pub keep_requests: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            world: WorldConfig::default(),
            port: 0,
            anonymous_flags: Flags::SFW,
            account_flags: Flags::EVERY_CLASS,
            accounts: Vec::new(),
            sessions: Sessions::Any,
            refresh_cookie: None,
            require_user_agent: true,
            mishaps: Mishaps::default(),
            script: Script::default(),
            keep_requests: false,
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/api/items/get`.
    ItemsGet,
    /// `/api/items/info`.
    ItemsInfo,
    /// `/api/user/captcha`.
    Captcha,
    /// `/api/user/login`.
    Login,
    /// `/api/user/loggedin`.
    LoggedIn,
    /// `/posts.json`, of Danbooru's kind.
    Posts,
    /// `/posts/<id>.json`.
    Post,
    /// A path that has the form of a media path.
    Media,
    /// Anywhere else.
    Other,
}

/// A board that is running. It has a thread of its own, so that it serves whatever its owner's runtime does; dropping it
/// stops it at once.
#[derive(Debug)]
pub struct Board {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What all requests share.
struct Shared {
    world: World,
    config: Config,
    ledger: Mutex<Ledger>,
    desk: Mutex<Desk>,
    register: Mutex<Register>,
}

/// What decides on mishaps.
struct Desk {
    prompter: Prompter,
    bucket: Bucket,
    requests: Vec<String>,
}

/// The state of a [`RateLimit`].
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// How long a graceful stop waits for answers that trickle.
const PATIENCE: Duration = Duration::from_secs(5);

impl Board {
    /// Starts a board. It accepts connections when this returns.
    ///
    /// # Errors
    /// Where the port is taken, or the system has no thread or socket left.
    pub fn start(config: Config) -> io::Result<Board> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let world = World::new(config.world.clone());
        let desk = Desk {
            prompter: Prompter::new(config.script.clone()),
            bucket: Bucket {
                tokens: config.mishaps.rate_limit.map_or(0.0, |limit| f64::from(limit.burst)),
                filled: Instant::now(),
            },
            requests: Vec::new(),
        };
        let ledger = Mutex::new(Ledger::new(world.config().first_id));
        let register = Mutex::new(Register::new(&config));
        let shared = Arc::new(Shared { world, config, ledger, desk: Mutex::new(desk), register });
        // Pictures are drawn on threads of their own, no more than can draw at once.
        let drawers = std::thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(drawers)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("testboard".to_owned()).spawn(move || {
            runtime.block_on(serve(listener, served, stopped));
            // Pictures that are being drawn are for nobody now.
            runtime.shutdown_background();
        })?;
        Ok(Board { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the API is: `http://127.0.0.1:<port>/api`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// Where the API of Danbooru's kind is: `http://127.0.0.1:<port>`.
    pub fn danbooru_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the media are: `http://127.0.0.1:<port>`, to be followed by a slash and a post's path.
    pub fn media_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the counts are, as JSON: `http://127.0.0.1:<port>/__stats`. A POST to `/__stats/reset` starts them anew.
    pub fn stats_url(&self) -> String {
        format!("http://{}/__stats", self.address)
    }

    /// The posts.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.shared.ledger().snapshot()
    }

    /// Starts the counts anew. Scripts and chance go on where they were.
    pub fn reset_stats(&self) {
        self.shared.ledger().reset();
    }

    /// Path and query of every request since the start, where [`Config::keep_requests`] says so.
    pub fn requests(&self) -> Vec<String> {
        self.shared.desk().requests.clone()
    }

    /// The characters in the picture of a captcha; `None` where it is spent, or no captcha of this board.
    pub fn captcha_answer(&self, token: &str) -> Option<String> {
        self.shared.register().captcha_answer(token).map(str::to_owned)
    }

    /// Stops: no new connections, requests at work are answered first, for five seconds at most.
    pub async fn stop(mut self) {
        self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            // A panic on the board's thread has been printed there.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// Stops without waiting for requests at work.
impl Drop for Board {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Counts are whole after every line, so a panic elsewhere does not spoil them.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Whether one more request is within the limit.
    fn admits(&mut self, limit: RateLimit, now: Instant) -> bool {
        let earned = now.duration_since(self.filled).as_secs_f64() * limit.per_second;
        self.filled = now;
        self.tokens = (self.tokens + earned).min(f64::from(limit.burst.max(1)));
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}

/// Serves until told to stop, which a dropped sender does too, but without grace.
async fn serve(listener: TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let listener = BoardListener::new(listener, Arc::clone(&shared));
    let app = service::answer.with_state(shared).into_make_service_with_connect_info::<Line>();
    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        // Both a message and a dropped sender mean the same here.
        let _ = closed.await;
    });
    let server = std::future::IntoFuture::into_future(server);
    tokio::pin!(server);
    tokio::select! {
        // Serving does not end by itself.
        _ = &mut server => {}
        message = stopped => if message.is_ok() {
            drop(close);
            // Whoever still reads after that is cut off.
            let _ = tokio::time::timeout(PATIENCE, server).await;
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let limit = RateLimit { per_second: 2.0, burst: 3, retry_after: None };
        let start = Instant::now();
        let mut bucket = Bucket { tokens: 3.0, filled: start };
        let mut admitted = |millis: u64| bucket.admits(limit, start + Duration::from_millis(millis));
        assert_eq!([0, 0, 0, 0].map(&mut admitted), [true, true, true, false]);
        assert_eq!([400, 500, 500, 1_000].map(&mut admitted), [false, true, false, true]);
    }
}
