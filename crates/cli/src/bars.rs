use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use tagmill_model::Progress;

/// How often a run that nobody watches says how far it is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// A bar on a terminal; elsewhere a plain line now and then.
pub(crate) struct Bars {
    multi: MultiProgress,
    interactive: bool,
    phase: Mutex<Option<Phase>>,
}

struct Phase {
    name: &'static str,
    bar: ProgressBar,
    last_line: Instant,
}

impl Bars {
    pub(crate) fn new(multi: MultiProgress, interactive: bool) -> Bars {
        Bars { multi, interactive, phase: Mutex::new(None) }
    }

    fn phase(&self) -> MutexGuard<'_, Option<Phase>> {
        // A bar has no state that a panic elsewhere could have left half-made.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn start(&self, name: &'static str, total: Option<u64>) {
        self.finish();
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(bar_style()),
            None => ProgressBar::new_spinner().with_style(spinner_style()),
        };
        let bar = if self.interactive {
            let bar = self.multi.add(bar);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            bar
        };
        bar.set_prefix(name);
        *self.phase() = Some(Phase { name, bar, last_line: Instant::now() });
    }

    fn advance(&self, n: u64) {
        let mut phase = self.phase();
        let Some(phase) = phase.as_mut() else { return };
        phase.bar.inc(n);
        if !self.interactive && phase.last_line.elapsed() >= PLAIN_INTERVAL {
            phase.last_line = Instant::now();
            phase.tell();
        }
    }

    fn note(&self, text: &str) {
        if let Some(phase) = self.phase().as_ref() {
            phase.bar.set_message(text.to_owned());
        }
    }

    fn finish(&self) {
        if let Some(phase) = self.phase().take() {
            // Finishing moves the bar to its end, which may have been an estimate.
            let done = phase.bar.position();
            phase.bar.finish_and_clear();
            if done > 0 {
                phase.tell_end(done);
            }
        }
    }
}

impl Phase {
    fn tell(&self) {
        let done = self.bar.position();
        let per_second = done as f64 / self.bar.elapsed().as_secs_f64().max(1e-3);
        let mut line = format!("{}: {}", self.name, HumanCount(done));
        if let Some(total) = self.bar.length() {
            let left = total.saturating_sub(done) as f64 / per_second.max(1e-9);
            let eta = HumanDuration(Duration::from_secs_f64(left.min(1e9)));
            line += &format!(" of {}, {}/s, {eta} left", HumanCount(total), rate(per_second));
        } else {
            line += &format!(", {}/s", rate(per_second));
        }
        let message = self.bar.message();
        if !message.is_empty() {
            line += &format!(", {message}");
        }
        tracing::info!(phase = self.name, done, per_second, "{line}");
    }

    fn tell_end(&self, done: u64) {
        let elapsed = self.bar.elapsed();
        let per_second = rate(done as f64 / elapsed.as_secs_f64().max(1e-3));
        let seconds = elapsed.as_secs_f64();
        tracing::info!("{}: {} in {seconds:.1} s, {per_second}/s", self.name, HumanCount(done));
    }
}

fn rate(per_second: f64) -> String {
    match per_second {
        slow if slow < 10.0 => format!("{slow:.1}"),
        fast => HumanCount(fast as u64).to_string(),
    }
}

fn bar_style() -> ProgressStyle {
    style(
        "{prefix:>12} {bar:32} {percent:>3} %  {human_pos} of {human_len}  {per_second_rounded}/s  {eta} left  {msg}",
    )
}

fn spinner_style() -> ProgressStyle {
    style("{prefix:>12} {spinner} {human_pos}  {per_second_rounded}/s  {elapsed}  {msg}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates above are well-formed")
        .with_key("per_second_rounded", |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            // An unwritable bar is not worth a word.
            let _ = out.write_str(&rate(state.per_sec()));
        })
        .progress_chars("━╸─")
}
