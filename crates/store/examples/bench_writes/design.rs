//! Part `design`: one row an item with its tags as JSON, beside a row a tag as in the original.

use std::path::{Path, PathBuf};

use crate::job::{self, Done, Job};
use crate::report::{self, count, less, median, megabytes};
use crate::rows::{Board, Order, TAGS_AN_ITEM};
use crate::sides::{CHOSEN, CHOSEN_PAGE, PLAIN, Rows, Side, fill};
use crate::trace::Written;
use crate::turns::{self, Contender};
use crate::{Failed, Options, raid};

/// Figures are given for so many items.
const UNIT: usize = 5_000;

/// Runs of which the middle one counts.
const ROUNDS: usize = 3;

const DESIGNS: [Design; 3] = [Design::TagsTable, Design::TagsTableAndJson, Design::Json];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    TagsTable,
    TagsTableAndJson,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settings {
    /// What SQLite does of itself, in WAL mode.
    Plain,
    Chosen,
}

impl Settings {
    fn page_size(self) -> u32 {
        match self {
            Settings::Plain => 4_096,
            Settings::Chosen => CHOSEN_PAGE,
        }
    }

    fn pragmas(self) -> &'static str {
        match self {
            Settings::Plain => PLAIN,
            Settings::Chosen => CHOSEN,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Settings::Plain => "plain",
            Settings::Chosen => "ours",
        }
    }
}

impl Design {
    fn side(self, settings: Settings) -> Side {
        match (self, settings) {
            (Design::TagsTable, _) => Side::TagsTable,
            (Design::TagsTableAndJson, _) => Side::TagsTableAndJson,
            // `Store` cannot be had with other settings.
            (Design::Json, Settings::Plain) => Side::Loop,
            (Design::Json, Settings::Chosen) => Side::Store,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Design::TagsTable => "tags table",
            Design::TagsTableAndJson => "tags table and JSON",
            Design::Json => "JSON",
        }
    }
}

/// All that was measured of one design, of `UNIT` items.
struct Measured {
    settings: Settings,
    commit: usize,
    design: Design,
    seconds: f64,
    /// What strace saw, and how many units that were.
    traced: Option<(Done, Written)>,
    units: f64,
}

pub(crate) async fn run(options: &Options, board: &Board, traceable: bool) -> Result<(), Failed> {
    let (before, items) = (options.rows * 5 / 2, options.rows / 2 / UNIT * UNIT);
    report::heading("One row an item with JSON, beside a table of tags");
    report::text(&format!(
        "{} new items with {TAGS_AN_ITEM} tags each, ids rising, into a database that holds {} already. Tags table: \
         `tags (id, item_id, tag, confidence)` with indexes on item_id and on tag, and `items` with indexes on created, \
         flags and promoted; and JSON: the original's, which keeps the tags' JSON in `items` as well. JSON: tagmill's \
         one row an item. The tables of tags are written by rusqlite's prepared statements with all rows sorted, which \
         is the best that can be done for them; JSON by `Store`, with plain settings by rusqlite. Settings: plain is \
         WAL and nothing else (4 KB pages, synchronous FULL, a checkpoint each 1,000 pages), ours is what `Store` sets. \
         Figures are for {} items. Seconds include the checkpoint on closing, and are the middle one of {ROUNDS} runs in \
         which the designs took turns.",
        count(items as f64),
        count(before as f64),
        count(UNIT as f64),
    ));
    let folder = tempfile::tempdir()?;
    let ids = Order::Rising.ids(before as i64 + 1, items);
    let mut all = Vec::new();
    for settings in [Settings::Plain, Settings::Chosen] {
        let mut templates = Vec::new();
        for design in DESIGNS {
            let path = folder.path().join(format!("{} {}.db", design.name(), settings.name()));
            let side = design.side(settings);
            side.create(&path, settings.page_size()).await?;
            fill(side, &path, board, &Order::Rising.ids(1, before)).await?;
            templates.push(path);
        }
        for commit in [100, UNIT] {
            let batches = Rows::batches(board, &ids, commit, 0);
            let seconds = seconds(settings, &batches, &templates, folder.path()).await?;
            for (at, design) in DESIGNS.into_iter().enumerate() {
                let traced = match traceable {
                    true => Some(trace(settings, commit, design, &templates[at], &ids, folder.path())?),
                    false => None,
                };
                let units = ids.len() as f64 / UNIT as f64;
                let seconds = seconds[at] / units;
                all.push(Measured { settings, commit, design, seconds, traced, units });
            }
        }
        templates.iter().try_for_each(std::fs::remove_file)?;
    }
    show(&all);
    claims(&all);
    Ok(())
}

async fn seconds(
    settings: Settings,
    batches: &[Rows],
    templates: &[PathBuf],
    folder: &Path,
) -> Result<[f64; 3], Failed> {
    let mut runs: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let mut contenders = Vec::new();
        for (design, template) in DESIGNS.into_iter().zip(templates) {
            let path = folder.join(format!("{}.db", design.name()));
            copy(template, &path)?;
            contenders.push(Contender {
                side: design.side(settings),
                pragmas: settings.pragmas().to_owned(),
                path,
            });
        }
        let times =
            turns::take(&contenders, batches.len(), |side, batch| side.part_of(&batches[batch])).await?;
        for (runs, times) in runs.iter_mut().zip(&times) {
            runs.push(times.all());
        }
    }
    Ok(runs.map(median))
}

fn trace(
    settings: Settings,
    commit: usize,
    design: Design,
    template: &Path,
    ids: &[i64],
    folder: &Path,
) -> Result<(Done, Written), Failed> {
    let path = folder.join("traced.db");
    copy(template, &path)?;
    job::traced(&Job {
        side: design.side(settings),
        path,
        pragmas: settings.pragmas().to_owned(),
        batch: commit,
        order: Order::Rising,
        first_id: ids[0],
        items: ids.len(),
        edition: 0,
    })
}

/// A copy that is on the disk, so that no later sync has to wait for it.
fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::copy(from, to)?;
    std::fs::File::open(to)?.sync_all()?;
    Ok(())
}

fn show(all: &[Measured]) {
    let name = |of: &Measured| {
        format!("{}, {} a commit, {}", of.settings.name(), count(of.commit as f64), of.design.name())
    };
    let work = all.iter().map(|of| {
        let mut row = vec![name(of), format!("{:.3}", of.seconds)];
        if let Some((done, _)) = &of.traced {
            let each = |number: u64| count(number as f64 / of.units);
            row.extend([each(done.statements), each(done.rows), each(done.index_entries)]);
            row.push(megabytes(done.size as f64));
        }
        row
    });
    let mut head = vec![
        "settings, commit, design",
        "seconds",
        "SQL statements",
        "rows",
        "index entries",
        "database at last, MB",
    ];
    if all.iter().any(|of| of.traced.is_none()) {
        head.truncate(2);
    }
    report::table(&head, &work.collect::<Vec<_>>());
    let disk: Vec<Vec<String>> = all
        .iter()
        .filter_map(|of| {
            let (_, written) = of.traced.as_ref()?;
            let each = |number: u64| number as f64 / of.units;
            Some(vec![
                name(of),
                count(each(written.pages)),
                megabytes(each(written.database)),
                megabytes(each(written.log)),
                megabytes(written.log_peak as f64),
                format!("{:.1}", each(written.syncs)),
                count(each(written.raid.blocks)),
                count(each(written.raid.reads)),
                count(each(written.raid.writes)),
            ])
        })
        .collect();
    if !disk.is_empty() {
        report::text(raid::MODEL);
        let head = [
            "settings, commit, design",
            "pages",
            "database, MB",
            "log, MB",
            "log's peak, MB",
            "syncs",
            "4 KB blocks",
            "RAID5 reads",
            "RAID5 writes",
        ];
        report::table(&head, &disk);
    }
}

/// What is said of the design, beside what was counted.
fn claims(all: &[Measured]) {
    let find = |settings, commit, design| {
        all.iter().find(|of| of.settings == settings && of.commit == commit && of.design == design)
    };
    let comparisons = [
        find(Settings::Chosen, UNIT, Design::TagsTable),
        find(Settings::Plain, UNIT, Design::TagsTableAndJson),
        find(Settings::Plain, 100, Design::TagsTableAndJson),
    ];
    let Some(ours) = find(Settings::Chosen, UNIT, Design::Json) else { return };
    let row = |label: &str, counted: &dyn Fn(&Measured) -> Option<f64>, times: bool| {
        let mut row = vec![label.to_owned()];
        for theirs in comparisons {
            let pair = theirs.and_then(|theirs| Some((counted(theirs)?, counted(ours)?)));
            row.push(match pair {
                Some((theirs, ours)) if times => format!("{:.1} times fewer", theirs / ours),
                Some((theirs, ours)) => less(ours, theirs),
                None => "not counted".to_owned(),
            });
        }
        row
    };
    let done =
        |count: fn(&Done) -> u64| move |of: &Measured| of.traced.as_ref().map(|(done, _)| count(done) as f64);
    let written = |count: fn(&Written) -> u64| {
        move |of: &Measured| of.traced.as_ref().map(|(_, written)| count(written) as f64)
    };
    report::text(
        "The claims, of JSON with our settings and 5,000 items a commit, against three others: the design alone (a table \
         of tags instead of the JSON, with our settings and 5,000 a commit), the original (table and JSON, plain \
         settings, 5,000 a commit), and the original as a fetcher would write it that commits 100 items at a time.",
    );
    let rows = [
        row(
            "20 times fewer operations: rows, or statements where each is one",
            &done(|done| done.rows),
            true,
        ),
        row(
            "20 times fewer operations: rows and index entries",
            &done(|done| done.rows + done.index_entries),
            true,
        ),
        row("20 times fewer operations: SQL statements as executed", &done(|done| done.statements), true),
        row("40 % less time a batch: seconds", &|of| Some(of.seconds), false),
        row("95 % less disk I/O: bytes written", &written(|written| written.database + written.log), false),
        row(
            "95 % less disk I/O: 4 KB blocks that reach the array",
            &written(|written| written.raid.blocks),
            false,
        ),
        row("95 % less disk I/O: RAID5 reads", &written(|written| written.raid.reads), false),
        row("95 % less disk I/O: RAID5 operations", &written(|written| written.raid.all()), false),
        row("95 % less disk I/O: syncs", &written(|written| written.syncs), false),
    ];
    report::table(&["claim: counted", "design alone", "the original", "the original, 100 a commit"], &rows);
}
