//! What a program writes, as strace sees it.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::raid::{self, Operations};
use crate::{Failed, fail};

const CALLS: &str = "trace=openat,pwrite64,write,fdatasync,fsync,ftruncate";

/// What went to the files of one database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Bytes to the database itself.
    pub(crate) database: u64,
    /// Bytes to its log: `-wal`, or `-journal` where there is no write-ahead log.
    pub(crate) log: u64,
    /// How far the log ever reached, in bytes.
    pub(crate) log_peak: u64,
    /// Pages to both.
    pub(crate) pages: u64,
    /// Calls of fsync and fdatasync, for folders too.
    pub(crate) syncs: u64,
    pub(crate) raid: Operations,
}

/// Whether strace is here and may be used.
pub(crate) fn available() -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet(Command::new("strace").args(["-f", "-o", "/dev/null", "true"])).is_ok_and(|status| status.success())
}

/// Runs this program again with `arguments`, traced; its standard output and what it wrote to the database.
pub(crate) fn run(arguments: &[&str], database: &Path) -> Result<(String, Written), Failed> {
    let trace = database.with_extension("strace");
    // Without --seccomp-bpf every call would stop the program twice, those that nobody asked for included.
    let output = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-y", "-s", "0", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return fail(format!("the traced program ended with {}", output.status));
    }
    let text = std::fs::read_to_string(&trace)?;
    std::fs::remove_file(&trace)?;
    let name = database.to_str().ok_or("the temporary folder's name is not UTF-8")?;
    Ok((String::from_utf8(output.stdout)?, sum(&text, name)))
}

/// A call that changes a file.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Write { offset: u64, length: u64 },
    Truncate { length: u64 },
    Sync,
}

fn sum(trace: &str, database: &str) -> Written {
    let mut written = Written::default();
    let mut files: HashMap<&str, raid::File> = HashMap::new();
    let folder = Path::new(database).parent().and_then(Path::to_str).unwrap_or_default();
    for (path, change) in trace.lines().filter_map(parse) {
        let Some(suffix) = path.strip_prefix(database) else {
            written.syncs += u64::from(path == folder && change == Change::Sync);
            continue;
        };
        let file = files.entry(suffix).or_default();
        match change {
            Change::Write { offset, length } => {
                file.write(offset, length);
                // SQLite writes pages whole, and headers of 12 to 32 bytes in the log.
                written.pages += u64::from(length >= 512);
                match suffix {
                    "" => written.database += length,
                    "-wal" | "-journal" => {
                        written.log += length;
                        written.log_peak = written.log_peak.max(offset + length);
                    }
                    _ => {}
                }
            }
            Change::Truncate { length } => file.truncate(length),
            Change::Sync => {
                written.syncs += 1;
                written.raid += file.sync();
            }
        }
    }
    files.values_mut().for_each(|file| written.raid += file.sync());
    written
}

/// `PID CALL(DESCRIPTOR<PATH>, ARGUMENTS) = RESULT`, or `<unfinished ...>` where another thread came between; the line
/// that then resumes the call says nothing new.
fn parse(line: &str) -> Option<(&str, Change)> {
    let (call, arguments) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    let (path, arguments) = arguments.split_once('<')?.1.split_once('>')?;
    let numbers = arguments.split([')', '<']).next()?;
    let mut numbers = numbers.split(", ").filter_map(|number| number.trim().parse().ok());
    let change = match call {
        "pwrite64" => Change::Write { length: numbers.next()?, offset: numbers.next()? },
        "ftruncate" => Change::Truncate { length: numbers.next()? },
        "fsync" | "fdatasync" => Change::Sync,
        // `write` has no offset: SQLite does not use it where it has pwrite64. `openat` is for whoever reads a trace.
        _ => return None,
    };
    Some((path, change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_strace() {
        let write = |offset, length| Some(("/t/items.db-wal", Change::Write { offset, length }));
        assert_eq!(
            parse(r#"15010 pwrite64(5</t/items.db-wal>, ""..., 16384, 56) = 16384"#),
            write(56, 16384)
        );
        assert_eq!(
            parse(r#"15010 pwrite64(5</t/items.db-wal>, ""..., 24, 32 <unfinished ...>"#),
            write(32, 24)
        );
        assert_eq!(parse("15010 <... pwrite64 resumed>)      = 24"), None);
        assert_eq!(
            parse("7 ftruncate(5</t/items.db>, 8192)  = 0"),
            Some(("/t/items.db", Change::Truncate { length: 8192 }))
        );
        assert_eq!(parse("7 fdatasync(5</t/items.db>)       = 0"), Some(("/t/items.db", Change::Sync)));
        assert_eq!(
            parse(r#"7 openat(AT_FDCWD</t>, "/t/items.db", O_RDWR|O_CREAT, 0644) = 5</t/items.db>"#),
            None
        );
        assert_eq!(parse("7 +++ exited with 0 +++"), None);
    }

    #[test]
    fn counts_each_file_of_the_database() {
        let trace = r#"
1 pwrite64(5</t/a.db-wal>, ""..., 32, 0) = 32
1 pwrite64(5</t/a.db-wal>, ""..., 4096, 32) = 4096
1 fdatasync(5</t/a.db-wal>) = 0
1 pwrite64(4</t/a.db>, ""..., 4096, 0) = 4096
1 fdatasync(4</t/a.db>) = 0
1 ftruncate(5</t/a.db-wal>, 0) = 0
1 fsync(6</t>) = 0
1 pwrite64(9</t/b.db>, ""..., 4096, 0) = 4096
"#;
        let expected = Written {
            database: 4096,
            log: 4128,
            log_peak: 4128,
            pages: 2,
            syncs: 3,
            raid: Operations { reads: 4, writes: 4, blocks: 3 },
        };
        assert_eq!(sum(trace, "/t/a.db"), expected);
    }
}
