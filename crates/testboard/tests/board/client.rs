//! A board and a client without manners: no retries, no waiting.

use std::sync::LazyLock;

use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tagmill_model::Flags;
use tagmill_testboard::{Board, Config, Mishap, Script, Target, When, WorldConfig};

/// Posts whose JSON has its usual shape, all of them visible.
pub(crate) fn config(items: u64) -> Config {
    Config {
        world: WorldConfig { seed: 3, items, odd_share: 0.0, ..WorldConfig::default() },
        anonymous_flags: Flags::EVERY_CLASS,
        ..Config::default()
    }
}

/// A board on which one mishap meets every request.
pub(crate) fn always(mishap: Mishap) -> Board {
    start(Config { script: Script::new().on(Target::Any, When::Always, mishap), ..config(50) })
}

pub(crate) fn start(config: Config) -> Board {
    Board::start(config).unwrap()
}

/// Made once, as it reads the system's certificates. Keeps no connections: they would belong to another test's runtime.
pub(crate) fn client() -> Client {
    static CLIENT: LazyLock<Client> =
        LazyLock::new(|| builder().user_agent("tests").pool_max_idle_per_host(0).build().unwrap());
    CLIENT.clone()
}

/// A client needs a provider of cryptography, even where it never uses it.
pub(crate) fn builder() -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

pub(crate) fn api(board: &Board, path: &str) -> RequestBuilder {
    client().get(format!("{}/{path}", board.api_url()))
}

pub(crate) fn media(board: &Board, path: &str) -> RequestBuilder {
    client().get(format!("{}/{path}", board.media_url()))
}

/// Status and body, where that is JSON.
pub(crate) async fn json(board: &Board, path: &str) -> (StatusCode, Value) {
    let response = api(board, path).send().await.unwrap();
    let status = response.status();
    (status, body(response).await)
}

pub(crate) async fn body(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// The ids on a page, in its order.
pub(crate) fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

/// The path of some picture of the board.
pub(crate) fn picture(board: &Board) -> String {
    let world = board.world();
    let id = world.ids().find(|id| world.media(*id).unwrap().format.mime_type() == "image/jpeg").unwrap();
    world.listing(id).unwrap().image
}
