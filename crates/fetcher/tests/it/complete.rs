use std::collections::{BTreeMap, BTreeSet};

use tagmill_fetcher::Config;
use tagmill_model::{Flags, Item, ItemId, MediaKind, MediaPath, Outcome};
use tagmill_store::{Batch, Failure, Store};
use tagmill_testboard::{Board, WorldConfig};

use crate::common::*;

#[tokio::test]
async fn every_item_arrives_as_it_is() {
    let board = start(open_board(hard_world(400)));
    let place = Place::new();
    let report = place.fetch(&board).await.unwrap();

    assert_complete(&place.rows().await, board.world());
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!((report.listed, report.saved, report.already_known), (400, 400, 0));
    assert_eq!((report.failed, report.malformed, report.skipped), (0, 0, 0));
    assert_eq!((report.newest, report.oldest), (board.world().newest(), board.world().ids().next()));
    let newest = board.world().newest().unwrap();
    assert_eq!(place.coverage().await, [interval(1, newest.0)].into_iter().collect());
    let stats = board.stats();
    assert_eq!((stats.info_requests, stats.requests), (400, report.requests));
    assert!(stats.peak_concurrency <= 8, "{stats:?}");
    // Batches of fifty.
    assert_eq!(report.commits, 8);
}

#[tokio::test]
async fn twice_is_once() {
    let board = start(open_board(hard_world(300)));
    let place = Place::new();
    place.fetch(&board).await.unwrap();
    let before = place.rows().await;

    board.reset_stats();
    let report = place.fetch(&board).await.unwrap();
    assert_eq!(place.rows().await, before);
    assert_eq!((report.saved, report.commits, report.requests), (0, 0, 1));
    assert_eq!((board.stats().info_requests, board.stats().listing_requests), (0, 1));
}

#[tokio::test]
async fn small_boards_lose_nothing() {
    for items in [0, 1, 2, 119, 120, 121] {
        let board = start(open_board(hard_world(items)));
        let place = Place::new();
        let report = place.fetch(&board).await.unwrap();
        assert_eq!(report.saved, items);
        assert_complete(&place.rows().await, board.world());
    }
}

#[tokio::test]
async fn a_board_need_not_begin_with_one() {
    let board = start(open_board(WorldConfig { first_id: 100_000, ..hard_world(150) }));
    let place = Place::new();
    place.fetch(&board).await.unwrap();
    assert_complete(&place.rows().await, board.world());

    board.reset_stats();
    place.fetch(&board).await.unwrap();
    assert_eq!(board.stats().requests, 1);
}

#[tokio::test]
async fn new_items_come_on_top() {
    let place = Place::new();
    let board = start(open_board(hard_world(300)));
    place.fetch(&board).await.unwrap();
    let old: BTreeSet<ItemId> = board.world().ids().collect();

    let board = start(open_board(hard_world(700)));
    let report = place.fetch(&board).await.unwrap();
    assert_eq!(report.saved, 400);
    assert!(asked_infos(&board, 0).iter().all(|id| !old.contains(id)));
    assert_eq!(place.rows().await.into_keys().collect::<Vec<_>>(), board.world().ids().collect::<Vec<_>>());
    let newest = board.world().newest().unwrap();
    assert_eq!(place.coverage().await, [interval(1, newest.0)].into_iter().collect());
}

#[tokio::test]
async fn holes_are_filled_and_nothing_else() {
    let board = start(open_board(hard_world(500)));
    let place = Place::new();
    let mut store = Store::open(&place.database()).await.unwrap();
    let scanned = [interval(60, 61), interval(100, 220), interval(230, 230), interval(300, 400)];
    let mut batch = Batch::new(Flags::EVERY_CLASS);
    batch.scanned.extend(scanned);
    store.commit(batch).await.unwrap();
    store.close().await.unwrap();

    place.fetch(&board).await.unwrap();
    let is_missing = |id: &ItemId| !scanned.iter().any(|interval| interval.contains(*id));
    let expected: Vec<ItemId> = board.world().ids().filter(is_missing).collect();
    assert_eq!(place.rows().await.into_keys().collect::<Vec<_>>(), expected);
    assert_eq!(board.stats().info_requests, expected.len() as u64);
    let newest = board.world().newest().unwrap();
    assert_eq!(place.coverage().await, [interval(1, newest.0)].into_iter().collect());
}

/// As in a database of the original, which knows no intervals.
#[tokio::test]
async fn items_that_are_there_are_not_asked_for() {
    let board = start(open_board(hard_world(300)));
    let complete = Place::new();
    complete.fetch(&board).await.unwrap();

    // A second database with what half of the requests brought.
    let place = Place::new();
    let half = Config { limit: Some(150), ..place.config(&board) };
    fetch(half).await.unwrap();
    let known = place.rows().await;
    assert_eq!(known.len(), 150);
    execute(&place, "DELETE FROM scanned").await;

    let from = board.requests().len();
    let report = place.fetch(&board).await.unwrap();
    assert_eq!((report.already_known, report.saved), (150, 150));
    assert!(asked_infos(&board, from).iter().all(|id| !known.contains_key(id)));
    assert_eq!(place.rows().await, complete.rows().await);
}

#[tokio::test]
async fn more_classes_mean_more_items_later() {
    let board = start(open_board(hard_world(300)));
    let place = Place::new();
    fetch(Config { flags: Some(Flags::SFW), ..place.config(&board) }).await.unwrap();
    let safe = place.rows().await;
    assert!(safe.values().all(|row| row.flags == Flags::SFW));

    let from = board.requests().len();
    place.fetch(&board).await.unwrap();
    assert!(asked_infos(&board, from).iter().all(|id| !safe.contains_key(id)));
    assert_complete(&place.rows().await, board.world());
}

#[tokio::test]
async fn a_limit_stops_and_the_next_run_goes_on() {
    let board = start(open_board(hard_world(290)));
    let place = Place::new();
    let mut newest_first: Vec<ItemId> = board.world().ids().collect();
    newest_first.reverse();
    for done in [50, 100, 150, 200, 250, 290] {
        let report = fetch(Config { limit: Some(50), ..place.config(&board) }).await.unwrap();
        assert_eq!(report.outcome, Outcome::Completed);
        let expected: BTreeSet<ItemId> = newest_first[..done].iter().copied().collect();
        assert_eq!(place.rows().await.into_keys().collect::<BTreeSet<_>>(), expected);
    }
    assert_eq!(board.stats().info_requests, 290);
    assert_complete(&place.rows().await, board.world());

    let grown = start(open_board(hard_world(400)));
    for _ in 0..4 {
        fetch(Config { limit: Some(30), ..place.config(&grown) }).await.unwrap();
    }
    assert_eq!(grown.stats().info_requests, 110);
    assert_eq!(place.rows().await.len(), 400);
}

#[tokio::test]
async fn videos_can_wait() {
    let board = start(open_board(WorldConfig { video_share: 0.4, ..hard_world(200) }));
    let place = Place::new();
    let pictures = Config { images_only: true, ..place.config(&board) };
    let report = fetch(pictures.clone()).await.unwrap();
    let rows = place.rows().await;
    assert_eq!(rows.len(), 200);
    for row in rows.values() {
        let kind = MediaPath::parse(&row.image).unwrap().kind();
        assert_eq!(row.tags_data.is_some(), kind == MediaKind::Image, "{}", row.image);
    }
    let videos = rows.values().filter(|row| row.tags_data.is_none()).count() as u64;
    assert!(videos > 40);
    assert_eq!((report.saved, report.skipped), (200 - videos, videos));
    assert_eq!(board.stats().info_requests, 200 - videos);

    let report = fetch(pictures).await.unwrap();
    assert_eq!((report.saved, report.skipped, report.requests), (0, 0, 1));
}

#[tokio::test]
async fn comments_only_on_request() {
    let board = start(open_board(hard_world(60)));
    let (without, with) = (Place::new(), Place::new());
    without.fetch(&board).await.unwrap();
    assert!(without.rows().await.values().all(|row| row.comments_data.is_none()));

    fetch(Config { comments: true, ..with.config(&board) }).await.unwrap();
    let stored: BTreeMap<ItemId, usize> = with
        .rows()
        .await
        .into_iter()
        .map(|(id, row)| {
            let comments: Vec<serde_json::Value> = serde_json::from_str(&row.comments_data.unwrap()).unwrap();
            (id, comments.len())
        })
        .collect();
    assert!(stored.values().any(|comments| *comments > 0));
    // Where the odd shape of an answer leaves the member out, it has none.
    let has_all =
        |id: ItemId| stored[&id] == 0 || stored[&id] == board.world().item(id).unwrap().comments.len();
    assert!(board.world().ids().all(has_all));
}

#[tokio::test]
async fn an_item_that_failed_and_is_gone_is_forgotten() {
    let board = start(open_board(hard_world(300)));
    let place = Place::new();
    place.fetch(&board).await.unwrap();
    let gap = (200..).map(ItemId).find(|id| !board.world().exists(*id)).unwrap();
    fail(&place, gap, Flags::NSFW).await;

    // A listing of other classes would not show it in any case.
    board.reset_stats();
    fetch(Config { flags: Some(Flags::SFW), ..place.config(&board) }).await.unwrap();
    assert_eq!(board.stats().requests, 1);

    // The board says more than once that there is no such item, and is then believed.
    board.reset_stats();
    place.fetch(&board).await.unwrap();
    assert_eq!((board.stats().listing_requests, board.stats().info_requests), (1, 1));
    place.fetch(&board).await.unwrap();
    assert_eq!((board.stats().listing_requests, board.stats().info_requests), (2, 1));
    let report = fetch(Config { retry_failed: true, ..place.config(&board) }).await.unwrap();
    assert_eq!((report.failed, board.stats().info_requests), (1, 2));
}

/// As if the item had been listed once, and its tags had failed.
async fn fail(place: &Place, id: ItemId, flags: Flags) {
    let mut store = Store::open(&place.database()).await.unwrap();
    let mut batch = Batch::new(Flags::EVERY_CLASS);
    batch.items.push(Item { id, flags, ..bare_item() });
    batch.failures.push(Failure { id, reason: "status 500".to_owned(), attempts: 3, failed_at: 1 });
    store.commit(batch).await.unwrap();
    store.close().await.unwrap();
}

fn bare_item() -> Item {
    Item {
        flags: Flags::SFW,
        item_data: "{}".to_owned(),
        ..Item::new(ItemId(0), "2024/01/01/0123456789abcdef.jpg")
    }
}

#[tokio::test]
async fn a_run_can_be_spawned() {
    let board = start(open_board(hard_world(10)));
    let place = Place::new();
    let config = place.config(&board);
    let report = tokio::spawn(async move { fetch(config).await }).await.unwrap().unwrap();
    assert_eq!(report.to_string(), "10 items saved; 11 requests, 1 commit");
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!((&report["outcome"], &report["saved"]), (&"completed".into(), &10.into()));
}

#[tokio::test]
async fn progress_counts_every_item() {
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Default)]
    struct Counter {
        total: AtomicU64,
        done: AtomicU64,
        finished: AtomicU64,
    }
    impl tagmill_model::Progress for Counter {
        fn start(&self, phase: &'static str, total: Option<u64>) {
            assert_eq!(phase, "fetching");
            self.total.store(total.unwrap(), Ordering::Relaxed);
        }
        fn advance(&self, n: u64) {
            self.done.fetch_add(n, Ordering::Relaxed);
        }
        fn finish(&self) {
            self.finished.fetch_add(1, Ordering::Relaxed);
        }
    }

    let board: Board = start(open_board(hard_world(500)));
    let (place, counter) = (Place::new(), Counter::default());
    let cancel = tokio_util::sync::CancellationToken::new();
    tagmill_fetcher::run(place.config(&board), &counter, &cancel).await.unwrap();
    assert_eq!((counter.done.into_inner(), counter.finished.into_inner()), (500, 1));
    let total = counter.total.into_inner();
    // An estimate: gaps are not spread evenly.
    assert!((300..800).contains(&total), "{total}");
}
