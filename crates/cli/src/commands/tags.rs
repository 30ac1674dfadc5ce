use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use anyhow::{Context, Result};
use clap::Args;
use console::Term;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_model::{Flags, Outcome, printable};
use tagmill_preparer::TagRules;
use tagmill_preparer::tags::Normalise;
use tagmill_preparer::tally::{self, Config, Media, Report};

use super::runtime;
use crate::hint::hint;

mod chart;

/// What fits on a terminal without scrolling far.
const TOP_ON_TERMINAL: usize = 50;

/// Count the tags in items.db, or what occurs beside one
///
/// All tags as the board has them, straight from the JSON, those too that `prepare` drops. A tag counts once an item. On a
/// terminal it draws a chart of the commonest; elsewhere it prints one tag a line, the commonest first. The database is
/// only read.
#[derive(Debug, Args)]
pub(crate) struct TagsArgs {
    /// Only the N commonest [default: 50 on a terminal, else all]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Print all tags as CSV: tag,items,share, or with --co tag,together,items,share,lift
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Count what occurs together with this tag: on how many of its items, on which share of them, and how much likelier
    /// than anywhere (lift)
    #[arg(long, value_name = "TAG")]
    co: Option<String>,
    /// Take tags as they were typed, rather than trimmed, lower-cased and normalised as `prepare` does
    #[arg(long)]
    raw: bool,
    /// Leave out videos
    #[arg(long)]
    images_only: bool,
    /// Content classes to count, by the board's flags: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    #[arg(long, value_name = "CLASSES", default_value = "all")]
    flags: Flags,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
}

pub(crate) fn run(args: &TagsArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("tags", global, hint).with_data_on_stdout();
    let result = count(args, global, &session).and_then(|mut report| {
        let is_terminal = io::stdout().is_terminal() && !args.csv && !session.json();
        report.truncate(args.top.unwrap_or(if is_terminal { TOP_ON_TERMINAL } else { usize::MAX }));
        if !session.json() && report.outcome == Outcome::Completed {
            let form = match (args.csv, is_terminal) {
                (true, _) => Form::Csv,
                (false, true) => Form::Chart(Term::stdout().size().1.into()),
                (false, false) => Form::Plain,
            };
            print(&report, form)?;
        }
        Ok(report)
    });
    session.finish(result)
}

fn count(args: &TagsArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    let config = Config {
        threads: args.threads,
        normalise: if args.raw { Normalise::NOTHING } else { TagRules::default().normalise },
        classes: args.flags,
        media: if args.images_only { Media::Images } else { Media::All },
        beside: args.co.clone(),
        ..Config::new(global.data().database())
    };
    Ok(runtime()?.block_on(tally::run(config, session.progress(), session.cancel()))?)
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Csv,
    /// With the width of the terminal, in columns.
    Chart(usize),
    /// `uniq -c`'s form, for other programs.
    Plain,
}

/// A reader that went away, as `head` does, is no error; a full disk is.
fn print(report: &Report, form: Form) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = match form {
        Form::Csv => csv(report, &mut out),
        Form::Chart(columns) => out.write_all(chart::chart(report, columns).as_bytes()),
        Form::Plain => plain(report, &mut out),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

fn plain(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for tag in &report.tags {
        writeln!(out, "{:>8} {}", tag.items, printable(&tag.tag))?;
    }
    for tag in report.beside.iter().flat_map(|beside| &beside.others) {
        let (share, name) = (tag.share * 100.0, printable(&tag.tag));
        writeln!(out, "{:>8} {share:>6.2}% {:>9.2} {name}", tag.together, tag.lift)?;
    }
    Ok(())
}

fn csv(report: &Report, out: impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    match &report.beside {
        None => {
            csv.write_record(["tag", "items", "share"])?;
            for tag in &report.tags {
                csv.write_record([&tag.tag, &tag.items.to_string(), &format!("{:.8}", tag.share)])?;
            }
        }
        Some(beside) => {
            csv.write_record(["tag", "together", "items", "share", "lift"])?;
            for tag in &beside.others {
                let numbers = [tag.together.to_string(), tag.items.to_string()];
                let ratios = [format!("{:.8}", tag.share), format!("{:.4}", tag.lift)];
                csv.write_record([&tag.tag, &numbers[0], &numbers[1], &ratios[0], &ratios[1]])?;
            }
        }
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use tagmill_preparer::tally::{Beside, TagCount, Together};

    use super::*;

    pub(super) fn counts(tags: &[(&str, u64)]) -> Report {
        let tag = |(tag, items): &(&str, u64)| TagCount {
            tag: (*tag).to_owned(),
            items: *items,
            share: *items as f64 / 2000.0,
        };
        Report {
            outcome: Outcome::Completed,
            items_read: 2000,
            items_left_out: 0,
            items_without_tags: 0,
            items_malformed: 0,
            malformed: Vec::new(),
            items_counted: 2000,
            unreadable_tags: 0,
            uses: 0,
            distinct_tags: tags.len() as u64,
            tags: tags.iter().map(tag).collect(),
            beside: None,
        }
    }

    pub(super) fn beside(tags: &[(&str, u64)]) -> Report {
        let other = |(tag, together): &(&str, u64)| Together {
            tag: (*tag).to_owned(),
            together: *together,
            items: 2 * together,
            share: *together as f64 / 1000.0,
            lift: 1.5,
        };
        let others = tags.iter().map(other).collect();
        let beside = Beside { tag: "katze".to_owned(), items: 1000, others };
        Report { beside: Some(beside), ..counts(&[]) }
    }

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        let report = counts(&[("rote katze", 1500), ("a,b", 2), ("\"a\"\n", 1)]);
        insta::assert_snapshot!(text(|out| csv(&report, out)), @r#"
        tag,items,share
        rote katze,1500,0.75000000
        "a,b",2,0.00100000
        """a""
        ",1,0.00050000
        "#);
        insta::assert_snapshot!(text(|out| csv(&beside(&[("hund", 250)]), out)), @r"
        tag,together,items,share,lift
        hund,250,500,0.25000000,1.5000
        ");
    }

    #[test]
    fn plain_is_one_tag_a_line_whatever_is_in_it() {
        let report = counts(&[("rote katze", 1500), ("a\u{1b}[2Jb\nc", 2), ("a\u{202e}b", 1)]);
        insta::assert_snapshot!(text(|out| plain(&report, out)), @r"
            1500 rote katze
               2 a\u{1b}[2Jb\u{a}c
               1 a\u{202e}b
        ");
        insta::assert_snapshot!(text(|out| plain(&beside(&[("hund", 250)]), out)), @"     250  25.00%      1.50 hund");
    }
}
