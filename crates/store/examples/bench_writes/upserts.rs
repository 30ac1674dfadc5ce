//! Part `upserts`: the store's batch upsert beside a hand-written loop over a prepared statement and a query a row.

use std::path::Path;
use std::time::Duration;

use crate::report::{self, count, median, ratio};
use crate::rows::{Board, Order, text_bytes};
use crate::sides::{CHOSEN, CHOSEN_PAGE, Rows, Side, fill};
use crate::turns::{self, Contender};
use crate::{Failed, Options};

/// At these batch sizes the store is to be as good as [`TARGET`] of the loop. 5,000 is the fetcher's own.
const JUDGED: [usize; 2] = [2_000, 5_000];
const TARGET: f64 = 0.95;

const OTHER_SIZES: [usize; 3] = [100, 500, 1_000];

/// Figures are the middle ones of stretches of so many rows, or of whole batches at least: what else the machine does
/// for a moment then spoils few of them.
const STRETCH: usize = 5_000;

struct Case {
    page_size: u32,
    batch: usize,
    order: Order,
    /// Whether the rows are there already.
    existing: bool,
}

pub(crate) async fn run(options: &Options, board: &Board) -> Result<(), Failed> {
    report::heading("The store's upsert beside a prepared statement and a query a row");
    report::text(&format!(
        "{} rows of {} bytes of text a case; all sides write into the table that `Store` made, with its pragmas, one \
         transaction a batch, and take turns batch by batch. Times are of the commits alone: the checkpoint on closing \
         is the same for all. Figures are the middle ones of stretches of {} rows. Loop: rusqlite, a prepared statement \
         executed for each row, sorted by id as the store sorts, on the thread that has the rows. Thread: the same loop \
         on a thread of its own, as an asynchronous program needs it and as sqlx has it. Unsorted: the loop without \
         sorting. Queries: a sqlx query for each row, unsorted, {} rows.",
        count(options.rows as f64),
        text_bytes(&board.item(1_000_000, 0)),
        count(STRETCH as f64),
        count(2.0 * STRETCH as f64),
    ));
    let mut table = Vec::new();
    let mut judged = Vec::new();
    for case in cases(options) {
        let measured = measure(options, board, &case).await?;
        if JUDGED.contains(&case.batch) {
            judged.push((case.page_size, case.batch, measured.ratios[0]));
        }
        table.push(measured.row(&case));
    }
    let head = [
        "case",
        "store, rows/s",
        "loop, rows/s",
        "store / loop",
        "store / thread",
        "unsorted / loop",
        "queries / store",
    ];
    report::table(&head, &table);
    for batch in JUDGED {
        for page_size in [CHOSEN_PAGE, 4_096] {
            let of: Vec<f64> = judged
                .iter()
                .filter(|(page, size, _)| *page == page_size && *size == batch)
                .map(|(_, _, ratio)| *ratio)
                .collect();
            let lowest = of.iter().copied().fold(f64::INFINITY, f64::min);
            let middle = median(of);
            let verdict = if middle >= TARGET { "met" } else { "missed" };
            report::text(&format!(
                "Target, store at least {TARGET} of the loop at {} rows a batch, {} KB pages: {verdict}; {middle:.2} in \
                 the middle of all cases, {lowest:.2} in the worst.",
                count(batch as f64),
                page_size >> 10
            ));
        }
    }
    Ok(())
}

fn cases(options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    for (page_size, sizes) in [
        (CHOSEN_PAGE, if options.quick { JUDGED.to_vec() } else { [&OTHER_SIZES[..], &JUDGED].concat() }),
        (4_096, JUDGED.to_vec()),
    ] {
        for batch in sizes {
            for existing in [false, true] {
                for order in [Order::Rising, Order::Falling, Order::Random] {
                    // Small random batches wait for the disk, whoever writes them.
                    if order == Order::Random && !JUDGED.contains(&batch) {
                        continue;
                    }
                    cases.push(Case { page_size, batch, order, existing });
                }
            }
        }
    }
    cases
}

struct Measured {
    store: f64,
    by_loop: f64,
    /// Store to loop, store to thread, unsorted to loop.
    ratios: [f64; 3],
    queries_to_store: Option<f64>,
}

impl Measured {
    fn row(&self, case: &Case) -> Vec<String> {
        let rows = if case.existing { "existing" } else { "new" };
        let name =
            format!("{} KB, {} {} {rows}", case.page_size >> 10, count(case.batch as f64), case.order.name());
        let mut row = vec![name, count(self.store), count(self.by_loop)];
        row.extend(self.ratios.map(ratio));
        row.push(self.queries_to_store.map_or_else(|| "-".to_owned(), ratio));
        row
    }
}

async fn measure(options: &Options, board: &Board, case: &Case) -> Result<Measured, Failed> {
    let folder = tempfile::tempdir()?;
    let template = folder.path().join("template.db");
    Side::Store.create(&template, case.page_size).await?;
    if case.existing {
        let ids = Order::Rising.ids(1, options.rows);
        fill(Side::Loop, &template, board, &ids).await?;
    }
    let batches = Rows::batches(board, &case.order.ids(1, options.rows), case.batch, 1);
    let sides = [Side::Store, Side::Loop, Side::LoopOnThread, Side::LoopUnsorted];
    let [store, by_loop, thread, unsorted] = stretches(sides, &batches, &template, folder.path()).await?;
    let few = (2 * STRETCH).div_ceil(case.batch).min(batches.len());
    let queries_to_store = if case.existing {
        None
    } else {
        let sides = [Side::Store, Side::Queries];
        let [store, queries] = stretches(sides, &batches[..few], &template, folder.path()).await?;
        Some(ratios(&queries, &store))
    };
    Ok(Measured {
        ratios: [ratios(&store, &by_loop), ratios(&store, &thread), ratios(&unsorted, &by_loop)],
        store: median(store),
        by_loop: median(by_loop),
        queries_to_store,
    })
}

/// The middle one of the ratios of one side's speeds to another's.
fn ratios(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).map(|(of, to)| of / to).collect())
}

/// Writes the batches on every side, each into a copy of `template`; rows a second of each stretch.
async fn stretches<const N: usize>(
    sides: [Side; N],
    batches: &[Rows],
    template: &Path,
    folder: &Path,
) -> Result<[Vec<f64>; N], Failed> {
    let mut contenders = Vec::new();
    for (at, side) in sides.into_iter().enumerate() {
        let path = folder.join(format!("{at}.db"));
        std::fs::copy(template, &path)?;
        contenders.push(Contender { side, pragmas: CHOSEN.to_owned(), path });
    }
    let times = turns::take(&contenders, batches.len(), |side, batch| side.part_of(&batches[batch])).await?;
    let stretch = STRETCH.div_ceil(batches[0].len());
    Ok(std::array::from_fn(|side| {
        let stretches = batches.chunks(stretch).zip(times[side].commits.chunks(stretch));
        let speed = |(rows, times): (&[Rows], &[Duration])| {
            rows.iter().map(Rows::len).sum::<usize>() as f64 / times.iter().sum::<Duration>().as_secs_f64()
        };
        stretches.map(speed).collect()
    }))
}
