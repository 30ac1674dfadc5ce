use clap::Args;
use tagmill_cli::{CacheArgs, Exit, GlobalArgs, Session};
use tagmill_trainer::validate::{Config, run as validate};

use super::DeviceArgs;
use crate::hint::hint;

mod table;

/// Judge a tagger on the items that it has never seen
///
/// Beside each figure stands the prior's: what guessing every tag by its frequency gets. Items that the run has seen in its
/// training are refused. A page with curves, tags and pictures (report.html), and tables per tag and per item go to validation/ in
/// the run's folder.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Name of the run: the folder below models/
    #[arg(long, value_name = "NAME", default_value = tagmill_cli::DEFAULT_RUN)]
    run: String,
    /// How often to draw the items anew for the 95 % intervals; 0 for no intervals
    #[arg(long, value_name = "N", default_value_t = 1000)]
    resamples: usize,
    /// Seed of these draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(crate) fn run(args: &ValidateArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("validate", global, hint);
    let data = global.data();
    let config = Config {
        cache: args.cache.folder(&data),
        resamples: args.resamples,
        seed: args.seed,
        device: args.device.device,
        threads: args.device.threads(),
        ..Config::new(data.dataset(), data.media(), data.run(&args.run))
    };
    let page = config.page();
    let result = validate(config, session.progress(), session.cancel());
    if !session.json()
        && let Ok(report) = &result
        && let Some(table) = table::table(report)
    {
        session.print(&table);
        session.print(&format!("curves, tags and pictures: {}\n", page.display()));
    }
    session.finish(result.map_err(Into::into))
}
