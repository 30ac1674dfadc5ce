//! A server whose every byte the test decides, for what no well-behaved server would send.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagmill_http::{Config, Pause, Retry, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// What to send, and what becomes of the connection.
#[derive(Clone)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
    barrier: Option<Arc<Barrier>>,
}

#[derive(Clone, Copy)]
enum Then {
    KeepAlive,
    Close,
    Silence,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        Reply { bytes: [head.as_bytes(), body].concat(), then: Then::KeepAlive, barrier: None }
    }

    pub(crate) fn json(body: &str) -> Reply {
        Reply::new(200, "content-type: application/json\r\n", body)
    }

    pub(crate) fn html(status: u16) -> Reply {
        Reply::new(status, "content-type: text/html\r\n", "<!doctype html><p>no</p>")
    }

    /// These bytes, and then the end of the connection.
    pub(crate) fn raw(bytes: &str) -> Reply {
        Reply { bytes: bytes.as_bytes().to_vec(), then: Then::Close, barrier: None }
    }

    /// Sends nothing more, and leaves the connection open.
    pub(crate) fn then_silence(self) -> Reply {
        Reply { then: Then::Silence, ..self }
    }

    /// Sends nothing before as many requests are here as the barrier counts.
    pub(crate) fn after(self, barrier: &Arc<Barrier>) -> Reply {
        Reply { barrier: Some(barrier.clone()), ..self }
    }
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

pub(crate) struct Server {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// `answer` gets the number of the request, from 0, and its path.
    pub(crate) async fn start(answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), seen.clone());
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, log.clone(), answer.clone()));
            }
        });
        Server { url, seen, accepting: accepting.abort_handle() }
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<impl Fn(usize, &str) -> Reply + Send + Sync>,
) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(Seen { head: head.clone(), body, at: Instant::now() });
            log.len() - 1
        };
        let reply = answer(number, head.split(' ').nth(1).unwrap_or_default());
        if let Some(barrier) = &reply.barrier {
            barrier.wait().await;
        }
        if stream.write_all(&reply.bytes).await.is_err() {
            return;
        }
        match reply.then {
            Then::KeepAlive => {}
            Then::Close => return,
            // Ends when the client hangs up.
            Then::Silence => drop(stream.read(&mut [0]).await),
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

/// Delays short enough for a test, limits long enough for a busy machine.
pub(crate) fn config() -> Config {
    Config {
        retry: Retry {
            max_tries: 3,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(4),
            ..Retry::default()
        },
        pause: Pause {
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(4),
            ..Pause::default()
        },
        ..Config::default()
    }
}
