use std::time::{SystemTime, UNIX_EPOCH};

/// The time, as items and failures note it: Unix seconds, UTC; 0 where the clock stands before 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
