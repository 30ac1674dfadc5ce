//! The board as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::client::{body, client, ids};

/// The binary at work; it ends with this value.
struct Process {
    child: Child,
    api_url: String,
}

impl Process {
    fn start(options: &Value) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tagmill-testboard"))
            .arg(options.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Process { child, api_url: ready["api_url"].as_str().unwrap().to_owned() }
    }

    async fn json(&self, path: &str) -> Value {
        body(client().get(format!("{}/{path}", self.api_url)).send().await.unwrap()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

#[tokio::test]
async fn options_make_the_board() {
    let before = now();
    let board = Process::start(&json!({
        "items": 20, "seed": 2, "first_id": 1_000, "gap_share": 0, "video_share": 1, "newest_age": 3_600,
        "anonymous_flags": 31, "accounts": [{ "name": "a", "password": "b", "verified": true }],
        "sessions": "logged_in",
    }));
    let after = now();
    let page = board.json("items/get?flags=31&newer=0").await;
    assert_eq!(ids(&page), (1_000..1_020).collect::<Vec<_>>());
    let items = page["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["image"].as_str().unwrap().ends_with(".mp4")));
    let created = items[19]["created"].as_i64().unwrap();
    assert!((before..=after).contains(&(created + 3_600)), "{created}");
    let known = client().get(format!("{}/user/loggedin", board.api_url)).header("cookie", "me=x");
    assert_eq!(body(known.send().await.unwrap()).await["loggedIn"], false);
}

#[test]
fn unknown_options_are_refused() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tagmill-testboard")).arg(r#"{"itemz":5}"#).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("itemz"));
}
