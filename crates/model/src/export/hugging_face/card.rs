//! The dataset card: what the hub reads of its YAML head, and what people read below.
//! <https://huggingface.co/docs/hub/datasets-cards>

use super::facts::Facts;
use super::shards::COLUMNS;
use super::{Config, Report};
use crate::Flags;
use crate::card::{inline, settings, yaml};

/// Reasons that a picture may not be for everyone; politics alone is none.
const ADULT: Flags = Flags::NSFW.union(Flags::NSFL).union(Flags::NSFP);

pub(super) fn card(config: &Config, facts: Option<&Facts>, report: &Report) -> String {
    let parts = [
        head(config, report),
        introduction(config, report),
        content(config, report),
        splits(config, report),
        columns(),
        origin(facts),
        license(config),
        PEOPLE.to_owned(),
    ];
    parts.join("\n")
}

fn head(config: &Config, report: &Report) -> String {
    let license = config.license.as_ref().map_or("unknown".to_owned(), ToString::to_string);
    let title = yaml(&config.title);
    let size = size_category(report.train.rows + report.test.rows);
    let mut head = format!(
        "---\nlicense: {license}\npretty_name: {title}\ntask_categories:\n- image-classification\n\
         task_ids:\n- multi-label-image-classification\nsize_categories:\n- {size}\n\
         tags:\n- multi-label\n- image-tagging\n- imageboard\n"
    );
    if config.classes.intersects(ADULT) {
        head += "- not-for-all-audiences\n";
    }
    head += "configs:\n- config_name: default\n  data_files:\n";
    for (side, files) in [("train", report.train), ("test", report.test)] {
        if files.files > 0 {
            head += &format!("  - split: {side}\n    path: data/{side}-*.parquet\n");
        }
    }
    head + "---\n"
}

/// The hub's own names of sizes.
fn size_category(rows: u64) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        10_000_000..100_000_000 => "10M<n<100M",
        _ => "100M<n<1B",
    }
}

fn introduction(config: &Config, report: &Report) -> String {
    let (rows, tags) = (report.train.rows + report.test.rows, report.train.tags + report.test.tags);
    let mean = tags as f64 / rows.max(1) as f64;
    format!(
        "# {title}\n\n\
         {rows} items of an imageboard with the tags that its users gave them, {mean:.1} an item on average: for training\n\
         and judging taggers, which give a picture several labels at once.\n\n\
         The pictures are not part of it. `image_path` says where each lies on the board's media host, and their rights are\n\
         their owners'.\n",
        title = config.title.replace(['\n', '\r'], " "),
    )
}

fn content(config: &Config, report: &Report) -> String {
    let mut text = "## Content notice\n\n".to_owned();
    if config.classes == Flags::SFW {
        text += "Only items that the board classes as safe for work, and whose tags name no other class. Nobody has looked at\n\
                 them one by one: people class and tag as they like, so some will be wrong, rude or worse.\n";
    } else {
        text += &format!(
            "**Items of these classes: {}.** Pictures behind it may show nudity, violence and death, and tags are as rude as\n\
             the people who typed them.\n",
            config.classes
        );
    }
    if !report.left_out.is_empty() {
        text += "\nLeft out of it:\n\n| class or reason | items |\n|---|---:|\n";
        for (class, count) in &report.left_out {
            text += &format!("| {class} | {count} |\n");
        }
    }
    text
}

fn splits(config: &Config, report: &Report) -> String {
    let mut text = "## Splits\n\n| split | items | tags | files |\n|---|---:|---:|---:|\n".to_owned();
    for (side, files) in [("train", report.train), ("test", report.test)] {
        text += &format!("| {side} | {} | {} | {} |\n", files.rows, files.tags, files.files);
    }
    let split = config.split;
    text += &format!(
        "\nA hash of an item's id and the seed {} decides, so that an item stays on its side when the dataset grows; {} % of\n\
         all items test. Hold out validation items from train.\n\n\
         ```python\nfrom datasets import load_dataset\n\n\
         dataset = load_dataset(\"parquet\", data_files={{",
        split.seed,
        (split.test_fraction * 1000.0).round() / 10.0,
    );
    let sides =
        [("train", report.train), ("test", report.test)].into_iter().filter(|(_, files)| files.files > 0);
    let files: Vec<String> =
        sides.map(|(side, _)| format!("\"{side}\": \"data/{side}-*.parquet\"")).collect();
    text + &files.join(", ") + "})\n```\n"
}

fn columns() -> String {
    let mut text = "## Columns\n\n| column | type | meaning |\n|---|---|---|\n".to_owned();
    for (column, kind, meaning) in COLUMNS {
        text += &format!("| `{column}` | {kind} | {meaning} |\n");
    }
    text + "\n`tags` and `confidences` are two lists of one length: `confidences[i]` belongs to `tags[i]`. A confidence is no\n\
            probability: it mostly says how many people looked. That an item lacks a tag does not say that the tag is wrong for it.\n"
}

fn origin(facts: Option<&Facts>) -> String {
    let mut text = "## How it was made\n\n".to_owned();
    let Some(facts) = facts else {
        return text + "From a table of which nothing is recorded but its rows.\n";
    };
    let Facts { generator, source_items, rows, vocabulary, sha256, .. } = facts;
    text += &format!(
        "{} read {source_items} items of the board and made a table of {rows}, with {} different tags (SHA-256 `{}`).\n",
        inline(generator),
        vocabulary.0,
        inline(sha256),
    );
    let settings = settings(&facts.settings);
    if !settings.is_empty() {
        text += "\n| setting | value |\n|---|---|\n";
        for (name, value) in settings {
            text += &format!("| {} | {} |\n", inline(&name), inline(&value));
        }
    }
    if !facts.rejects.is_empty() {
        text += "\nItems that did not get into the table:\n\n| reason | items |\n|---|---:|\n";
        for (reason, count) in &facts.rejects {
            text += &format!("| {} | {count} |\n", inline(reason));
        }
    }
    text
}

fn license(config: &Config) -> String {
    let text = match &config.license {
        Some(license) => {
            format!("`{license}`, for the table. It says nothing on the pictures, which are not part of it.")
        }
        None => "Unknown: whoever made this dataset named none. Ask before you use it for more than looking."
            .to_owned(),
    };
    format!("## Licence\n\n{text}\n")
}

const PEOPLE: &str = "## People in it, and how to get out

There are no user names and no comments in it, and nothing says who posted, tagged or voted. Tags are free text, though, and
pictures may show people: a tag may name somebody.

Whoever wants an item out of it, because it shows them, is theirs, or should not be spread, opens a discussion on this
dataset with the item's `id` and need not give a reason. It is then left out of the next version.
";
