//! `tagmill download`, killed at random moments and run again, leaves nothing but whole files and fetches no byte twice but
//! what was on its way.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tagmill_model::ItemId;
use tagmill_testboard::{Board, Config, Endpoint, Format, Mishap, Script, Target, When, WorldConfig};

use crate::support::{Workplace, moments, wait_for};

const KILLS: usize = 20;
const WORKERS: u64 = 4;

/// Most of a file, so that files are large enough to be written piece by piece.
const PADDING: usize = 2 << 20;

/// A body comes in ten pieces.
const PIECE: u64 = PADDING as u64 / 10;

fn board() -> Board {
    let slow = Mishap::SlowBody { pause: Duration::from_millis(10) };
    Board::start(Config {
        world: WorldConfig {
            items: 50,
            padding: PADDING,
            sfw_share: 1.0,
            odd_share: 0.0,
            ..WorldConfig::default()
        },
        script: Script::new().on(Target::Endpoint(Endpoint::Media), When::Always, slow),
        keep_requests: true,
        ..Config::default()
    })
    .unwrap()
}

/// The pictures of the board by path.
fn pictures(board: &Board) -> BTreeMap<String, ItemId> {
    let world = board.world();
    let pictures = world.ids().filter(|id| world.media(*id).unwrap().format != Format::Mp4);
    pictures.map(|id| (world.item(id).unwrap().listing.image, id)).collect()
}

/// How many pictures are there; each that is, is whole.
fn sound(media: &Path, board: &Board, pictures: &BTreeMap<String, ItemId>) -> usize {
    let there = pictures.iter().filter(|(path, _)| media.join(path).exists());
    there
        .map(|(path, id)| {
            let found = std::fs::read(media.join(path)).unwrap();
            assert!(found == board.world().media_bytes(*id).unwrap(), "{path} differs");
        })
        .count()
}

#[test]
fn killed_again_and_again_no_file_is_less_than_whole_and_parts_are_resumed() {
    let (workplace, board) = (Workplace::new(), board());
    let fetched = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    let database = std::fs::read(workplace.database()).unwrap();
    let pictures = pictures(&board);
    let total: u64 = pictures.values().map(|id| board.world().media_bytes(*id).unwrap().len() as u64).sum();
    let media = workplace.path("media");
    let workers = WORKERS.to_string();
    let media_url = board.media_url();
    let arguments = ["download", "--media-url", &media_url, "--workers", &workers];

    let before = board.stats().bytes_sent;
    let mut had = 0;
    for bytes in moments(total / KILLS as u64).take(KILLS) {
        let target = board.stats().bytes_sent + bytes;
        let mut command = workplace.command(&arguments);
        let mut download = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&board, &mut download, |board| board.stats().bytes_sent >= target);
        download.kill().unwrap();
        download.wait().unwrap();
        let has = sound(&media, &board, &pictures);
        assert!(has >= had);
        had = has;
    }
    assert!((5..pictures.len()).contains(&had), "{had} of {}", pictures.len());

    let resumed = workplace.run(&arguments);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_eq!(sound(&media, &board, &pictures), pictures.len());
    let stats = board.stats();
    assert!(stats.range_answers >= 10, "{stats:?}");
    // A kill loses what was on its way: at most a piece that was sent and one that was received, of each worker.
    let (sent, lost) = (stats.bytes_sent - before, KILLS as u64 * WORKERS * 2 * PIECE);
    assert!(sent <= total + lost + (1 << 20), "{sent} bytes were sent for {total}");
    assert_eq!(std::fs::read(workplace.database()).unwrap(), database, "the database changed");
}
