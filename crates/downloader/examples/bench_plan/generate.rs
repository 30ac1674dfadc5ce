//! A database, a table and folders of the board's size, made once.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use tagmill_model::{Flags, Item, ItemId};
use tagmill_store::{Batch, Store};

use super::Failed;

/// Rows a commit.
const BATCH: i64 = 5_000;

/// As the board's: a day's folder and sixteen hexadecimal digits.
fn path(number: i64, folders: i64) -> String {
    let day = number % folders;
    let name = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("2024/{:02}/{:02}/{name:016x}.jpg", day / 31 + 1, day % 31 + 1)
}

/// Rows of about 1.2 KB, as the board's.
pub(super) fn database(file: &Path, items: i64) -> Result<(), Failed> {
    if file.exists() {
        return Ok(());
    }
    let unfinished = file.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    let tags = "{\"id\":123456,\"confidence\":0.456789,\"tag\":\"ein Wort\"},".repeat(12);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut store = Store::open(&unfinished).await?;
        for first in (1..=items).step_by(BATCH as usize) {
            let ids = first..(first + BATCH).min(items + 1);
            let item = |id: i64| Item {
                flags: Flags::SFW,
                created: id,
                item_data: format!(
                    "{{\"id\":{id},\"thumb\":\"{}\",\"pad\":\"{}\"}}",
                    path(id, 365),
                    "x".repeat(350)
                ),
                tags_data: Some(format!("[{}]", tags.trim_end_matches(','))),
                ..Item::new(ItemId(id), path(id, 365))
            };
            store.commit(Batch { items: ids.map(item).collect(), ..Batch::new(Flags::SFW) }).await?;
        }
        store.close().await
    })?;
    Ok(fs::rename(unfinished, file)?)
}

/// Twelve tags a row, and room for as many more.
pub(super) fn table(file: &Path, rows: i64) -> Result<(), Failed> {
    if file.exists() {
        return Ok(());
    }
    let unfinished = file.with_extension("unfinished");
    let mut table = BufWriter::new(File::create(&unfinished)?);
    write!(table, "id,image,created,width,height,flags,is_nsfw,is_nsfl,is_nsfp,is_pol")?;
    for tag in 1..=24 {
        write!(table, ",tag{tag},confidence{tag}")?;
    }
    let tags = ",ein wort,0.45678".repeat(12) + &",".repeat(24);
    for id in 1..=rows {
        write!(table, "\n{id},{},{id},1052,1480,1,false,false,false,false{tags}", path(id, 365))?;
    }
    writeln!(table)?;
    table.flush()?;
    Ok(fs::rename(unfinished, file)?)
}

/// Empty files.
pub(super) fn files(root: &Path, files: i64, folders: i64) -> Result<(), Failed> {
    if root.exists() {
        return Ok(());
    }
    let unfinished = root.with_extension("unfinished");
    for number in 0..files {
        let file = unfinished.join(path(number, folders));
        if number < folders {
            fs::create_dir_all(file.parent().ok_or("a path has a folder")?)?;
        }
        File::create(file)?;
    }
    Ok(fs::rename(unfinished, root)?)
}
