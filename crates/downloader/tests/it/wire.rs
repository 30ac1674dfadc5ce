//! What the board of the other tests does not send: files of megabytes that change or lie, and a look at the request's
//! headers.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tagmill_downloader::{Config, Hosts, Reason, Report, Source, run};
use tagmill_http::{Cookie, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const SIZE: usize = 3 << 20;

fn picture() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..SIZE).map(|at| (at / 7) as u8).collect();
    bytes[..12].copy_from_slice(b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01");
    bytes
}

/// How one connection is answered.
#[derive(Debug, Clone, Default)]
struct Answer {
    /// The body ends here, wherever it began.
    until: usize,
    /// The name of this version; with it, `Range` is honoured.
    version: Option<&'static str>,
    /// Where a part begins, if not where it was asked for.
    misplaced: Option<usize>,
    /// Keep the connection open when the body has ended before its length.
    hang: bool,
    /// Another status than the range's.
    status: Option<&'static str>,
    /// What the body begins with in place of a picture.
    body: Option<&'static [u8]>,
    /// More header lines.
    lines: &'static str,
    /// Without a length.
    unannounced: bool,
}

fn until(until: usize) -> Answer {
    Answer { until, ..Answer::default() }
}

fn version(version: &'static str, until: usize) -> Answer {
    Answer { until, version: Some(version), ..Answer::default() }
}

/// What the host saw and did.
#[derive(Debug, Default)]
struct Seen {
    heads: Vec<String>,
    sent: usize,
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

async fn serve(listener: TcpListener, answers: Vec<Answer>, seen: Arc<Mutex<Seen>>) {
    let mut open = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let is_current = answer.version.is_some() && header(&head, "if-range") == answer.version;
        let asked = header(&head, "range").filter(|_| is_current);
        let asked =
            asked.map(|range| range["bytes=".len()..].trim_end_matches('-').parse::<usize>().unwrap());
        let from = answer.misplaced.or(asked).unwrap_or(0);
        let mut lines = match asked {
            Some(_) if from >= SIZE => "416 Range Not Satisfiable".to_owned(),
            Some(_) => format!("206 Partial Content\r\ncontent-range: bytes {from}-{}/{SIZE}", SIZE - 1),
            None => answer.status.unwrap_or("200 OK").to_owned(),
        };
        if let Some(version) = answer.version {
            lines = format!("{lines}\r\netag: {version}");
        }
        if !answer.unannounced {
            lines = format!("{lines}\r\ncontent-length: {}", SIZE.saturating_sub(from));
        }
        let answer_head = format!("HTTP/1.1 {lines}\r\n{}connection: close\r\n\r\n", answer.lines);
        stream.write_all(answer_head.as_bytes()).await.unwrap();
        seen.lock().unwrap().heads.push(head);
        let mut body = picture();
        if let Some(other) = answer.body {
            body[..other.len()].copy_from_slice(other);
        }
        // The client may hang up when it has seen enough.
        for piece in body.get(from..answer.until).unwrap_or_default().chunks(1 << 16) {
            if stream.write_all(piece).await.is_err() {
                break;
            }
            seen.lock().unwrap().sent += piece.len();
        }
        if answer.hang {
            open.push(stream);
        }
    }
}

struct Fixture {
    config: Config,
    url: Url,
    seen: Arc<Mutex<Seen>>,
    folder: tempfile::TempDir,
}

impl Fixture {
    async fn run(&self) -> Report {
        run(self.config.clone(), &(), &CancellationToken::new()).await.unwrap()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("media/2024/a b.jpg")
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("media/2024/a b.jpg.part")
    }

    #[track_caller]
    fn is_whole(&self) {
        assert!(fs::read(self.file()).unwrap() == picture(), "the file differs");
        assert!(!self.part().exists());
    }

    /// What each request asked for, and from which version.
    fn ranges(&self) -> Vec<Option<(String, String)>> {
        let seen = self.seen.lock().unwrap();
        let range = |head: &String| {
            Some((
                header(head, "range")?.to_owned(),
                header(head, "if-range").unwrap_or("no validator").to_owned(),
            ))
        };
        seen.heads.iter().map(range).collect()
    }
}

async fn fixture(answers: &[Answer]) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/media", listener.local_addr().unwrap()).parse().unwrap();
    let seen = Arc::default();
    tokio::spawn(serve(listener, answers.to_vec(), Arc::clone(&seen)));
    let dataset = folder.path().join("dataset.csv");
    fs::write(&dataset, "id,image\n7,2024/a b.jpg\n").unwrap();
    let mut config =
        Config::new(Source::Dataset(dataset), folder.path().join("media"), Hosts::one(url.clone()));
    config.http.retry.first_delay = Duration::from_millis(1);
    config.http.retry.max_tries = 3;
    config.http.cookie = Some(Cookie::new(&url, "me=s3cret"));
    Fixture { config, url, seen, folder }
}

fn range(from: usize, version: &str) -> Option<(String, String)> {
    Some((format!("bytes={from}-"), version.to_owned()))
}

#[tokio::test]
async fn a_large_file_streams_to_the_disk_and_only_whole_under_its_name() {
    let fixture = fixture(&[until(2 << 20), until(SIZE)]).await;
    let report = fixture.run().await;
    assert_eq!((report.saved, report.bytes, report.mislabelled), (1, SIZE as u64, 0), "{report:?}");
    fixture.is_whole();
    // Without a name for the version, the rest could be another's: the whole was asked for again.
    assert_eq!(fixture.ranges(), [None, None]);
    for head in &fixture.seen.lock().unwrap().heads {
        assert!(head.starts_with("GET /media/2024/a%20b.jpg HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains("s3cret") && head.contains("user-agent: tagmill/"), "{head}");
    }
}

#[tokio::test]
async fn a_cookie_is_sent_when_asked_for() {
    let mut fixture = fixture(&[until(SIZE)]).await;
    fixture.config.send_cookie = true;
    assert_eq!(fixture.run().await.saved, 1);
    assert!(fixture.seen.lock().unwrap().heads[0].contains("cookie: me=s3cret"));
}

#[tokio::test]
async fn what_broke_off_goes_on_where_it_ended() {
    // First in memory, then on the disk.
    let fixture = fixture(&[version("\"1\"", 5000), version("\"1\"", 2 << 20), version("\"1\"", SIZE)]).await;
    let report = fixture.run().await;
    assert_eq!((report.saved, report.bytes, report.received), (1, SIZE as u64, SIZE as u64), "{report:?}");
    fixture.is_whole();
    assert_eq!(fixture.ranges(), [None, range(5000, "\"1\""), range(2 << 20, "\"1\"")]);
    assert_eq!(fixture.seen.lock().unwrap().sent, SIZE, "bytes were sent twice");
}

#[tokio::test]
async fn a_later_run_fetches_the_rest_of_a_part() {
    let hang = Answer { hang: true, ..version("\"1\"", 2 << 20) };
    let fixture = fixture(&[hang, version("\"1\"", SIZE)]).await;
    let cancel = CancellationToken::new();
    let mut running = Box::pin(run(fixture.config.clone(), &(), &cancel));
    while fs::metadata(fixture.part()).map_or(0, |part| part.len()) < 2 << 20 {
        tokio::select! {
            biased;
            report = &mut running => panic!("{report:?}"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    cancel.cancel();
    let report = running.await.unwrap();
    assert_eq!((report.saved, report.failed), (0, 0));
    assert!(!fixture.file().exists());

    let report = fixture.run().await;
    assert_eq!((report.saved, report.bytes, report.received), (1, SIZE as u64, 1 << 20), "{report:?}");
    fixture.is_whole();
    assert_eq!(fixture.ranges(), [None, range(2 << 20, "\"1\"")]);
    assert_eq!(fixture.seen.lock().unwrap().sent, SIZE, "bytes were sent twice");
}

#[tokio::test]
async fn a_file_that_changed_is_fetched_anew() {
    let fixture = fixture(&[version("\"1\"", 2 << 20), version("\"2\"", SIZE)]).await;
    let report = fixture.run().await;
    assert_eq!((report.saved, report.bytes, report.received), (1, SIZE as u64, (SIZE + (2 << 20)) as u64));
    fixture.is_whole();
    assert_eq!(fixture.ranges(), [None, range(2 << 20, "\"1\"")]);
}

#[tokio::test]
async fn a_part_of_another_place_is_never_put_together() {
    let misplaced = Answer { misplaced: Some(1 << 20), ..version("\"1\"", SIZE) };
    let fixture = fixture(&[version("\"1\"", 2 << 20), misplaced, version("\"1\"", SIZE)]).await;
    assert_eq!(fixture.run().await.saved, 1);
    fixture.is_whole();
    assert_eq!(fixture.ranges(), [None, range(2 << 20, "\"1\""), None]);
}

#[tokio::test]
async fn a_part_beyond_the_end_is_dropped() {
    let fixture = fixture(&[version("\"1\"", SIZE), version("\"1\"", SIZE)]).await;
    fs::create_dir_all(fixture.part().parent().unwrap()).unwrap();
    fs::write(fixture.part(), vec![7; SIZE + 1]).unwrap();
    fs::create_dir_all(fixture.folder.path().join("media/.tagmill")).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or("null".to_owned(), |id| format!("{:?}", id.trim()));
    let line = format!(
        "{{\"path\":\"2024/a b.jpg\",\"url\":\"{}/2024/a%20b.jpg\",\"validator\":\"\\\"1\\\"\",\"boot\":{boot}}}\n",
        fixture.url
    );
    fs::write(fixture.folder.path().join("media/.tagmill/parts.jsonl"), line).unwrap();
    assert_eq!(fixture.run().await.saved, 1);
    fixture.is_whole();
    assert_eq!(fixture.ranges(), [range(SIZE + 1, "\"1\""), None]);
}

#[tokio::test]
async fn a_weak_name_of_a_version_is_none() {
    let fixture = fixture(&[version("W/\"1\"", 2 << 20), until(SIZE)]).await;
    assert_eq!(fixture.run().await.saved, 1);
    assert_eq!(fixture.ranges(), [None, None]);
}

#[tokio::test]
async fn a_file_that_does_not_say_how_large_it_is_stops_at_the_limit() {
    let mut fixture = fixture(&[Answer { unannounced: true, ..version("\"1\"", SIZE) }]).await;
    fixture.config.max_bytes = 2 << 20;
    let report = fixture.run().await;
    assert_eq!(report.failures[0].detail.rsplit_once('`').unwrap().1, " is larger than 2097152 bytes");
    assert_eq!(fs::read_dir(fixture.folder.path().join("media/2024")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_redirect_is_followed_at_home_and_nowhere_else() {
    let away =
        Answer { status: Some("302 Found"), lines: "location: http://169.254.169.254/a.jpg\r\n", ..until(0) };
    let refused = fixture(&[away]).await;
    let report = refused.run().await;
    assert_eq!(report.failed_by_reason.get(&Reason::Redirected), Some(&1), "{report:?}");
    assert!(
        report.failures[0].detail.ends_with(" redirects to `http://169.254.169.254/a.jpg`"),
        "{report:?}"
    );

    let home = Answer { status: Some("302 Found"), lines: "location: /media/other.jpg\r\n", ..until(0) };
    let followed = fixture(&[home, until(SIZE)]).await;
    assert_eq!(followed.run().await.saved, 1);
    followed.is_whole();
    assert!(followed.seen.lock().unwrap().heads[1].starts_with("GET /media/other.jpg "));
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is() {
    let lines = "x-robots-tag: noindex, noai\r\n";
    let opted_out = fixture(&[Answer { lines, ..until(SIZE) }]).await;
    let report = opted_out.run().await;
    assert_eq!((report.saved, report.failed_by_reason.get(&Reason::OptedOut)), (0, Some(&1)), "{report:?}");
    assert_eq!(report.failures[0].detail, "the host sends `x-robots-tag: noai`");
    assert_eq!(opted_out.seen.lock().unwrap().heads.len(), 1, "it was asked more than once");
    assert!(!opted_out.folder.path().join("media/2024").exists());

    let mut ignored = fixture(&[Answer { lines, ..until(SIZE) }]).await;
    ignored.config.ignore_opt_out = true;
    let report = ignored.run().await;
    assert_eq!((report.saved, report.failed), (1, 0), "{report:?}");
}

#[tokio::test]
async fn a_file_of_another_format_is_saved_and_reported() {
    let mislabelled = fixture(&[until(SIZE)]).await;
    fs::write(mislabelled.folder.path().join("dataset.csv"), "id,image\n7,a.webp\n").unwrap();
    let report = mislabelled.run().await;
    assert_eq!((report.saved, report.mislabelled), (1, 1), "{report:?}");
    assert_eq!(
        (report.mislabelled_files[0].path.as_str(), report.mislabelled_files[0].format),
        ("a.webp", "jpg")
    );
    assert!(fs::read(mislabelled.folder.path().join("media/a.webp")).unwrap() == picture());
}

#[tokio::test]
async fn what_is_no_medium_reaches_no_disk() {
    let unknown = Answer { body: Some(b"\x1f\x8b compressed, or whatever it is"), ..until(SIZE) };
    let fixture = fixture(&[unknown.clone(), unknown.clone(), unknown]).await;
    let report = fixture.run().await;
    assert_eq!(report.failed_by_reason.get(&Reason::NoMedium), Some(&1), "{report:?}");
    assert!(report.failures[0].detail.ends_with("answered with bytes of no known picture or video format"));
    assert!(!fixture.part().parent().unwrap().exists());
}

#[tokio::test]
async fn a_cap_on_bytes_a_second_is_kept() {
    let mut fixture = fixture(&[until(SIZE)]).await;
    fixture.config.http.bandwidth = Some(10 << 20);
    let report = fixture.run().await;
    assert_eq!(report.saved, 1);
    // 3 MB at 10 MB/s, less one burst: no machine is too slow for this, only a cap that is not kept is too fast.
    assert!(report.elapsed_ms >= 240, "{report:?}");
}
