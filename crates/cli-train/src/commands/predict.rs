use std::path::PathBuf;

use clap::Args;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_trainer::predict::{Config, Prediction, Report, run as predict, stream};

use super::DeviceArgs;
use crate::hint::hint;

/// Tag pictures
///
/// Prints a line a picture, its likeliest tags with their scores. Folders are searched with all below them.
#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Pictures, and folders of pictures
    #[arg(required = true, value_name = "PATH")]
    inputs: Vec<PathBuf>,
    /// Name of the run: the folder below models/
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_RUN)]
    run: String,
    /// How many tags to name for a picture
    #[arg(long, value_name = "K", default_value_t = 5)]
    top: usize,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(crate) fn run(args: &PredictArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("predict", global, hint).with_data_on_stdout();
    let config = Config {
        top: args.top,
        device: args.device.device,
        threads: args.device.threads(),
        ..Config::new(global.data().run(&args.run), args.inputs.clone())
    };
    let result = match session.json() {
        true => predict(config, session.progress(), session.cancel()),
        false => {
            let mut print = |prediction| session.print(&line(&prediction));
            stream(config, &mut print, session.progress(), session.cancel())
        }
    };
    if let Ok(Report { failures, .. }) = &result {
        for failure in failures {
            session.warn(&format!("`{}` could not be used: {}", failure.path.display(), failure.detail));
        }
    }
    session.finish(result.map_err(Into::into))
}

/// `photo.jpg: sky 0.93, sea 0.71`.
fn line(prediction: &Prediction) -> String {
    let tags: Vec<String> =
        prediction.tags.iter().map(|tag| format!("{} {:.2}", tag.name, tag.score)).collect();
    format!("{}: {}", prediction.path.display(), tags.join(", "))
}
