use tagmill_fetcher::api::pr0gramm;
use tagmill_fetcher::{Config, Error, run};
use tagmill_http::Url;
use tagmill_model::Flags;
use tagmill_testboard::{Mishap, Script, Target, When};
use tokio_util::sync::CancellationToken;

use crate::common::*;

#[tokio::test]
async fn nobody_there() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let config = place.config(&board);
    let url = board.api_url();
    drop(board);
    let error = fetch(config).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    let text = chain(&error);
    assert!(text.starts_with(&format!("cannot reach the board at `{url}`: gave up after ")), "{text}");
}

#[tokio::test]
async fn classes_that_are_not_for_everybody() {
    let board =
        start(tagmill_testboard::Config { anonymous_flags: Flags::SFW, ..open_board(hard_world(10)) });
    let place = Place::new();
    let error = place.fetch(&board).await.unwrap_err();
    assert!(matches!(error, Error::FlagsNotAllowed { flags: Flags::EVERY_CLASS, .. }), "{error:?}");
    let text = chain(&error);
    let told = "the board does not show content of class `sfw,nsfw,nsfl,nsfp,pol` to this visitor: `";
    assert!(text.starts_with(told), "{text}");
    assert!(text.ends_with("answered `nsflRequired` (Diese Inhalte sind nicht freigegeben)"), "{text}");
    // A refusal stands: it is not asked for again.
    assert_eq!(board.stats().requests, 1);
}

#[tokio::test]
async fn not_a_board() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let elsewhere = Url::parse(&board.media_url()).unwrap();
    let error = fetch(Config { api_url: elsewhere, ..place.config(&board) }).await.unwrap_err();
    assert!(matches!(error, Error::Board { .. }), "{error:?}");

    let script = Script::new().on(Target::Any, When::Always, Mishap::Html);
    let board = start(tagmill_testboard::Config { script, ..open_board(hard_world(10)) });
    let error = place.fetch(&board).await.unwrap_err();
    assert!(chain(&error).contains("did not answer in json"), "{}", chain(&error));
    // Nothing that was no listing is taken for an empty one.
    assert!(place.coverage().await.is_empty());
}

#[tokio::test]
async fn a_database_that_is_in_use() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let store = tagmill_store::Store::open(&place.database()).await.unwrap();
    let error = place.fetch(&board).await.unwrap_err();
    assert!(matches!(error, Error::Store(tagmill_store::Error::InUse { .. })), "{error:?}");
    assert_eq!(board.stats().requests, 0);
    drop(store);
}

#[tokio::test]
async fn a_configuration_that_cannot_work() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let good = place.config(&board);
    let bad = [
        Config { workers: 0, ..good.clone() },
        Config { batch_size: 0, ..good.clone() },
        Config { flags: Some(Flags::empty()), ..good.clone() },
        Config { api_url: Url::parse("mailto:board@example.org").unwrap(), ..good.clone() },
    ];
    for config in bad {
        let error = run(config, &(), &CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, Error::InvalidConfig { .. }), "{error:?}");
    }
    assert!(!place.database().exists());
}

#[test]
fn the_public_board_is_asked_politely() {
    let public = Config::new(Url::parse(pr0gramm::KIND.public_api).unwrap(), "items.db");
    assert!(public.http.rate.unwrap().per_second <= 2.0);
    assert!(public.http.max_in_flight <= 4);
    assert_eq!(public.flags, None);
    let own = Config::new(Url::parse("http://127.0.0.1:8080/api").unwrap(), "items.db");
    assert!(own.http.rate.is_none());
    assert_eq!((own.workers, own.batch_size), (30, 5_000));
}
