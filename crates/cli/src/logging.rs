use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends what the crates tell to stderr, above the bars. The libraries below tagmill speak only when something is wrong.
pub(crate) fn install(level: LevelFilter, bars: &MultiProgress) {
    let colour =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Messages read alone; their fields are for who looks closer.
    let is_close = level >= LevelFilter::DEBUG;
    let fields = debug_fn(move |writer, field, value| match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if is_close => write!(writer, "{name}={value:?}"),
        _ => Ok(()),
    });
    let fields = if is_close { fields.delimited(" ") } else { fields.delimited("") };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(AboveBars(bars.clone()))
        .with_timer(Seconds)
        .with_ansi(colour)
        .with_target(is_close)
        .fmt_fields(fields);
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("tagmill", level);
    // Fails only where a subscriber is installed already, as in a test that runs two sessions: that one stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// UTC to the second: `2026-11-22T22:48:47Z`.
struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        let mut precise = String::new();
        SystemTime.format_time(&mut Writer::new(&mut precise))?;
        write!(writer, "{}Z", precise.split('.').next().unwrap_or_default())
    }
}

/// Writes whole lines to stderr while the bars stand aside.
struct AboveBars(MultiProgress);

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = &'a AboveBars;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
