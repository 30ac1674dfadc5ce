use std::time::Duration;

/// Reads a time span of an argument: `7d`, `12h`, `1day 6h`.
///
/// # Errors
/// How to write one.
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("write a time span as 7d, 12h or `1day 6h`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for wrong in ["", "7", "0s", "-1d", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
