//! Files from memory over loopback, as cheaply as one thread can: what `cargo xtask bench download` downloads.
//!
//! `GET /small/<name>.jpg` is 100 KB, `GET /large/<name>.jpg` 5 MB; each begins and ends as a JPEG. Prints its address, and
//! ends when its standard input does.
#![allow(clippy::print_stdout, reason = "its address is what it has to say")]

use std::io::Read;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SMALL: usize = 100_000;
const LARGE: usize = 5_000_000;

/// Whole answers, heads and all, so that each is one write.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        let answers = Arc::new(Answers { small: answer(SMALL), large: answer(LARGE) });
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                // Whoever hangs up has seen enough.
                let _ = serve(stream, &answers).await;
            });
        }
    })
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(1024);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let answer = match () {
            () if request.starts_with(b"GET /small/") => &answers.small,
            () if request.starts_with(b"GET /large/") => &answers.large,
            () => return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
        };
        stream.write_all(answer).await?;
    }
}

fn answer(length: usize) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: {length}\r\netag: \"{length}\"\r\naccept-ranges: bytes\r\n\r\n"
    )
    .into_bytes();
    let start = answer.len();
    answer.extend((0..length).map(|at| (at / 7) as u8));
    answer[start..start + 12].copy_from_slice(b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01");
    let end = answer.len();
    answer[end - 2..].copy_from_slice(b"\xff\xd9");
    answer
}
