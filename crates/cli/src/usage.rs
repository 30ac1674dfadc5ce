//! What this process used of the machine, where the system tells (Linux).

use std::fs;

/// Ticks a second in `/proc`, whatever the kernel's own clock: part of Linux's interface on all but Alpha and Itanium.
const TICKS_A_SECOND: f64 = 100.0;

/// CPU time of all threads, in user mode and in the kernel, in seconds.
pub(crate) fn cpu_seconds() -> Option<f64> {
    cpu_in(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// The most memory this process ever held.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    peak_memory_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// What this process caused to be written to disks, sooner or later.
pub(crate) fn written_bytes() -> Option<u64> {
    written_in(&fs::read_to_string("/proc/self/io").ok()?)
}

fn cpu_in(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some((user + system) as f64 / TICKS_A_SECOND)
}

fn peak_memory_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn written_in(io: &str) -> Option<u64> {
    io.lines().find_map(|line| line.strip_prefix("write_bytes:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 120 0 0 0 250 75 9 9 20 0 3 0 100 1 2 3";
        assert_eq!(cpu_in(stat), Some(3.25));
        assert_eq!(peak_memory_in("VmPeak:\t  900 kB\nVmHWM:\t  12 kB\nVmRSS:\t 8 kB\n"), Some(12_288));
        assert_eq!(
            written_in("wchar: 9\nread_bytes: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n"),
            Some(4096)
        );
    }

    #[test]
    fn what_it_does_not_understand_is_unknown() {
        assert_eq!(cpu_in("7 (a) S 1 7 7"), None);
        assert_eq!(peak_memory_in("VmHWM:\t  12 MB\n"), None);
        assert_eq!(written_in(""), None);
    }
}
