//! What the board of the other tests does not send: files of megabytes, and a look at the request's headers.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagmill_downloader::{Config, Reason, Source, run};
use tagmill_http::{Cookie, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const SIZE: usize = 3 << 20;

fn picture() -> Vec<u8> {
    (0..SIZE).map(|at| (at / 7) as u8).collect()
}

/// Answers each connection with these header lines and the next of these numbers of bytes of a picture.
async fn serve(listener: TcpListener, sizes: Vec<usize>, lines: String, heads: Arc<Mutex<Vec<String>>>) {
    for size in sizes {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        heads.lock().unwrap().push(String::from_utf8(head).unwrap());
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{lines}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // The client may hang up when it has seen enough.
        let _ = stream.write_all(&picture()[..size]).await;
    }
}

struct Fixture {
    config: Config,
    heads: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
}

/// A picture that is announced whole.
fn announced() -> String {
    format!("content-length: {SIZE}\r\n")
}

async fn fixture(sizes: &[usize], lines: &str) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/media", listener.local_addr().unwrap()).parse().unwrap();
    let heads = Arc::default();
    tokio::spawn(serve(listener, sizes.to_vec(), lines.to_owned(), Arc::clone(&heads)));
    let dataset = folder.path().join("dataset.csv");
    fs::write(&dataset, "id,image\n7,2024/a b.jpg\n").unwrap();
    let mut config = Config::new(Source::Dataset(dataset), folder.path().join("media"), url.clone());
    config.http.retry.first_delay = Duration::from_millis(1);
    config.http.cookie = Some(Cookie::new(&url, "me=s3cret"));
    Fixture { config, heads, folder }
}

#[tokio::test]
async fn a_large_file_streams_to_the_disk_and_only_whole_under_its_name() {
    let fixture = fixture(&[2 << 20, SIZE], &announced()).await;
    let report = run(fixture.config, &(), &CancellationToken::new()).await.unwrap();
    assert_eq!((report.saved, report.bytes), (1, SIZE as u64), "{report:?}");
    assert!(
        fs::read(fixture.folder.path().join("media/2024/a b.jpg")).unwrap() == picture(),
        "the file differs"
    );
    assert_eq!(fs::read_dir(fixture.folder.path().join("media/2024")).unwrap().count(), 1);
    let heads = fixture.heads.lock().unwrap();
    assert_eq!(heads.len(), 2);
    for head in heads.iter() {
        assert!(head.starts_with("GET /media/2024/a%20b.jpg HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains("s3cret") && head.contains("user-agent: tagmill/"), "{head}");
    }
}

#[tokio::test]
async fn a_file_that_does_not_say_how_large_it_is_stops_at_the_limit() {
    let mut fixture = fixture(&[SIZE], "").await;
    fixture.config.max_bytes = 2 << 20;
    let report = run(fixture.config, &(), &CancellationToken::new()).await.unwrap();
    assert_eq!(report.failures[0].detail.rsplit_once('`').unwrap().1, " is larger than 2097152 bytes");
    assert_eq!(fs::read_dir(fixture.folder.path().join("media/2024")).unwrap().count(), 0);
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is() {
    let lines = format!("{}x-robots-tag: noindex, noai\r\n", announced());
    let Fixture { config, heads, folder } = fixture(&[SIZE], &lines).await;
    let report = run(config, &(), &CancellationToken::new()).await.unwrap();
    assert_eq!((report.saved, report.failed_by_reason.get(&Reason::OptedOut)), (0, Some(&1)), "{report:?}");
    assert_eq!(report.failures[0].detail, "the host sends `x-robots-tag: noai`");
    assert_eq!(heads.lock().unwrap().len(), 1, "it was asked more than once");
    assert!(!folder.path().join("media/2024").exists());

    let Fixture { config, folder, .. } = fixture(&[SIZE], &lines).await;
    let config = Config { ignore_opt_out: true, ..config };
    let report = run(config, &(), &CancellationToken::new()).await.unwrap();
    assert_eq!((report.saved, report.failed), (1, 0), "{report:?}");
    drop(folder);
}
