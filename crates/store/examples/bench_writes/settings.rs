//! Part `settings`: what each pragma of the writing connection does.

use std::path::Path;

use crate::job::{self, Job};
use crate::report::{self, count, median, megabytes, ratio};
use crate::rows::{Board, Order};
use crate::sides::{CHOSEN, CHOSEN_PAGE, PLAIN, Rows, Side};
use crate::trace::Written;
use crate::turns::{self, Contender};
use crate::{Failed, Options};

/// As the fetcher commits.
const BATCH: usize = 5_000;

/// Runs of which the middle one counts.
const ROUNDS: usize = 3;

/// Settings that differ from those that were chosen: how they are called, pragmas that come after, page size.
///
/// `mmap_size` and `temp_store` were here once: they change neither what is written nor how fast.
const OTHERS: [(&str, &str, u32); 12] = [
    ("synchronous FULL", "PRAGMA synchronous = FULL;", CHOSEN_PAGE),
    ("wal_autocheckpoint 1,000", "PRAGMA wal_autocheckpoint = 1000;", CHOSEN_PAGE),
    ("wal_autocheckpoint 8,192", "PRAGMA wal_autocheckpoint = 8192;", CHOSEN_PAGE),
    ("cache_size 2 MB", "PRAGMA cache_size = -2048;", CHOSEN_PAGE),
    ("cache_size 8 MB", "PRAGMA cache_size = -8192;", CHOSEN_PAGE),
    ("cache_size 128 MB", "PRAGMA cache_size = -131072;", CHOSEN_PAGE),
    ("page_size 4 KB", "", 4_096),
    ("page_size 8 KB", "", 8_192),
    ("page_size 32 KB", "", 32_768),
    ("journal_mode DELETE", "PRAGMA journal_mode = DELETE;", CHOSEN_PAGE),
    ("DELETE, synchronous FULL", "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;", CHOSEN_PAGE),
    ("plain: WAL and nothing else", "", 4_096),
];

/// Measured: new rows, and then rows that are there already.
struct Measured {
    /// Rows a second of these settings to those of the chosen ones.
    ratios: [f64; 2],
    written: Option<[Written; 2]>,
}

pub(crate) async fn run(options: &Options, board: &Board, traceable: bool) -> Result<(), Failed> {
    let new = Rows::batches(board, &Order::Falling.ids(1, options.rows), BATCH, 0);
    let existing = Rows::batches(board, &Order::Random.ids(1, options.rows)[..options.rows / 2], BATCH, 1);
    report::heading("Settings of the writing connection");
    report::text(&format!(
        "{} new rows, the newest first as boards list them, then {} of them again in random order, which is the worst \
         that a refresh can be. {} rows a commit, each sorted, by rusqlite's prepared statement so that only settings \
         differ. Speed is rows a second to those of the chosen settings, which ran in turns with each other setting; \
         times include the checkpoint on closing; the middle one of {ROUNDS} runs. KB are what is written to database and \
         log for each row; syncs, and operations of the modelled RAID5, are for a commit; the peak is how large the log \
         ever was.",
        count(options.rows as f64),
        count(options.rows as f64 / 2.0),
        count(BATCH as f64),
    ));
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    let written = match traceable {
        true => Some(trace(options, CHOSEN, CHOSEN_PAGE, folder.path()).await?),
        false => None,
    };
    rows.push(row("chosen", &Measured { ratios: [1.0, 1.0], written }, options));
    for (name, pragmas, page_size) in OTHERS {
        let pragmas = match name {
            plain if plain.starts_with("plain") => PLAIN.to_owned(),
            _ => format!("{CHOSEN} {pragmas}"),
        };
        let mut ratios: [Vec<f64>; 2] = Default::default();
        for _ in 0..ROUNDS {
            let seconds = seconds(&pragmas, page_size, [&new, &existing], folder.path()).await?;
            for (ratios, [chosen, other]) in ratios.iter_mut().zip(seconds) {
                ratios.push(chosen / other);
            }
        }
        let written = match traceable {
            true => Some(trace(options, &pragmas, page_size, folder.path()).await?),
            false => None,
        };
        rows.push(row(name, &Measured { ratios: ratios.map(median), written }, options));
    }
    let mut head = vec![
        "setting",
        "new, speed",
        "existing, speed",
        "new, KB a row",
        "existing, KB a row",
        "new, syncs",
        "existing, syncs",
        "new, RAID5",
        "existing, RAID5",
        "log's peak, MB",
    ];
    if !traceable {
        head.truncate(3);
    }
    report::table(&head, &rows);
    Ok(())
}

/// How long the chosen settings and the others took, for each kind of rows.
async fn seconds(
    pragmas: &str,
    page_size: u32,
    kinds: [&[Rows]; 2],
    folder: &Path,
) -> Result<[[f64; 2]; 2], Failed> {
    let mut contenders = Vec::new();
    for (name, pragmas, page_size) in [("chosen", CHOSEN, CHOSEN_PAGE), ("other", pragmas, page_size)] {
        let path = folder.join(format!("{name}.db"));
        Side::Loop.create(&path, page_size).await?;
        contenders.push(Contender { side: Side::Loop, pragmas: pragmas.to_owned(), path });
    }
    let mut seconds = [[0.0; 2]; 2];
    for (seconds, batches) in seconds.iter_mut().zip(kinds) {
        let times =
            turns::take(&contenders, batches.len(), |side, batch| side.part_of(&batches[batch])).await?;
        *seconds = [times[0].all(), times[1].all()];
    }
    contenders.iter().try_for_each(|contender| std::fs::remove_file(&contender.path))?;
    Ok(seconds)
}

async fn trace(
    options: &Options,
    pragmas: &str,
    page_size: u32,
    folder: &Path,
) -> Result<[Written; 2], Failed> {
    let path = folder.join("traced.db");
    Side::Loop.create(&path, page_size).await?;
    let new = Job {
        side: Side::Loop,
        path: path.clone(),
        pragmas: pragmas.to_owned(),
        batch: BATCH,
        order: Order::Falling,
        first_id: 1,
        items: options.rows,
        edition: 0,
    };
    let existing = Job { order: Order::Random, edition: 1, ..new.clone() };
    let written = [job::traced(&new)?.1, job::traced(&existing)?.1];
    std::fs::remove_file(&path)?;
    Ok(written)
}

fn row(name: &str, measured: &Measured, options: &Options) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    row.extend(measured.ratios.map(ratio));
    if let Some(written) = &measured.written {
        let rows = options.rows as f64;
        let kilobytes = |of: &Written| format!("{:.2}", (of.database + of.log) as f64 / rows / 1e3);
        let syncs = |of: &Written| format!("{:.1}", of.syncs as f64 / (rows / BATCH as f64));
        let operations = |of: &Written| count(of.raid.all() as f64 / (rows / BATCH as f64));
        row.extend(written.iter().map(kilobytes));
        row.extend(written.iter().map(syncs));
        row.extend(written.iter().map(operations));
        row.push(megabytes(written.iter().map(|of| of.log_peak).max().unwrap_or(0) as f64));
    }
    row
}
