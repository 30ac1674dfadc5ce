//! What a person at a terminal can do about an error.

use tagmill_cli::{dataset_hint, pixels_hint, split_hint};
use tagmill_fetcher::api::pr0gramm::LoginError;
use tagmill_model::staging::StagingError;

/// The hint for an error of a command, where there is one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref() {
        of_fetcher(error)
    } else if let Some(error) = error.downcast_ref() {
        of_preparer(error)
    } else if let Some(error) = error.downcast_ref() {
        of_importer(error)
    } else if let Some(error) = error.downcast_ref() {
        of_login(error)
    } else if let Some(error) = error.downcast_ref() {
        of_tally(error)
    } else if let Some(error) = error.downcast_ref() {
        of_hugging_face(error)
    } else if let Some(error) = error.downcast_ref() {
        of_exporter(error)
    } else if let Some(error) = error.downcast_ref() {
        of_store(error)
    } else if let Some(error) = error.downcast_ref() {
        pixels_hint(error)
    } else if let Some(error) = error.downcast_ref() {
        split_hint(error)
    } else if let Some(error) = error.downcast_ref() {
        dataset_hint(error)
    } else {
        of_downloader(error.downcast_ref()?)
    }
}

fn of_fetcher(error: &tagmill_fetcher::Error) -> Option<&'static str> {
    use tagmill_fetcher::Error;
    match error {
        Error::Store(error) => of_store(error),
        Error::Unreachable { .. } => Some("check --api-url and the network; what was fetched is kept"),
        Error::FlagsNotAllowed { .. } => {
            Some("without an account only `--flags sfw` is allowed; with one, run `tagmill login` first")
        }
        Error::NotLoggedIn { .. } => {
            Some("run `tagmill login`, or give another session by --cookies or TAGMILL_COOKIE")
        }
        Error::KeyRefused { .. } => Some("check --login, and the key in TAGMILL_API_KEY or --api-key-file"),
        Error::BadSearch { .. } => Some("see docs/fetch.md, or docs/boards.md, for what can be searched for"),
        Error::Board { .. } | Error::Stuck { .. } | Error::TooManyFailures { .. } => {
            Some("what was fetched is kept; run the same command again later to go on")
        }
        _ => None,
    }
}

fn of_login(error: &LoginError) -> Option<&'static str> {
    match error {
        LoginError::WrongPassword => {
            Some("check both; after several wrong ones the board wants some minutes of rest")
        }
        LoginError::WrongCaptcha => Some("run it again for other pictures"),
        LoginError::NoSession => Some("check --api-url"),
        LoginError::Request(_) => Some("check --api-url and the network, or wait some minutes"),
        LoginError::Banned { .. } | LoginError::Refused { .. } => None,
    }
}

fn of_preparer(error: &tagmill_preparer::Error) -> Option<&'static str> {
    use tagmill_preparer::Error;
    match error {
        Error::Store(error) => of_store(error),
        Error::Dataset(error) => dataset_hint(error),
        Error::NoRows { items: 0, .. } => {
            Some("the database is empty: run `tagmill fetch` or `tagmill import` first")
        }
        Error::NoRows { .. } => Some("fetch more items, or loosen --min-tags, --min-confidence or --flags"),
        Error::NotIncremental { .. } => Some("run it without --incremental, once, to make the table anew"),
        _ => None,
    }
}

fn of_importer(error: &tagmill_importer::Error) -> Option<&'static str> {
    use tagmill_importer::Error;
    match error {
        Error::Store(tagmill_store::Error::OtherOrigin { .. }) => {
            Some("import into a --data-dir of its own; that of a board is filled by `tagmill fetch`")
        }
        Error::Store(error) => of_store(error),
        Error::Nested { .. } => {
            Some("import a folder that lies elsewhere, or choose another --data-dir for what is made of it")
        }
        Error::MissingColumns { .. } => Some(
            "the first line names the columns, with commas, semicolons or tabs between them; docs/import.md has examples",
        ),
        Error::Endless { .. } => {
            Some("a cell with quotes in it wants each of them doubled, and one around it")
        }
        Error::Nothing { .. } => Some(
            "docs/import.md says what is read; --untagged takes pictures without tags, --rejects FILE lists what was left out",
        ),
        Error::DiskFull { .. } => Some("make room and run the same command again; what was imported is kept"),
        Error::Source { .. } | Error::OtherKind { .. } | Error::Write { .. } => None,
    }
}

fn of_tally(error: &tagmill_preparer::tally::Error) -> Option<&'static str> {
    use tagmill_preparer::tally::Error;
    match error {
        Error::Store(error) => of_store(error),
        Error::UnknownTag { .. } => {
            Some("`tagmill tags` lists them all; with --raw a tag must be as it was typed")
        }
    }
}

fn of_hugging_face(error: &tagmill_model::export::hugging_face::Error) -> Option<&'static str> {
    use tagmill_model::export::hugging_face::Error;
    match error {
        Error::Dataset(error) => dataset_hint(error),
        Error::Meta { .. } | Error::OtherTable { .. } => {
            Some("run `tagmill prepare` again to make both anew, or move dataset.meta.json away")
        }
        Error::NoRows { .. } => {
            Some("`--flags` says which content classes are handed on: sfw alone by default")
        }
        Error::Staging(StagingError::NotEmpty { .. }) => {
            Some("name another folder, or replace README.md and data/ in this one by `--force`")
        }
        Error::Staging(StagingError::InTheWay { .. }) => Some("move it away, or name another folder"),
        Error::Staging(StagingError::Io { .. }) | Error::Io { .. } => None,
    }
}

fn of_exporter(error: &tagmill_exporter::Error) -> Option<&'static str> {
    use tagmill_exporter::Error;
    match error {
        Error::NoRun { .. } => Some("run `tagmill train` first, or check the run's name and --data-dir"),
        Error::EarlierRun { .. } => Some("train it anew"),
        Error::Malformed { .. } | Error::Network { .. } => {
            Some("the run is not as `tagmill train` left it: put that file back, or train anew")
        }
        Error::IntoARun { .. } => Some("name another folder"),
        Error::Staging(StagingError::NotEmpty { .. }) => {
            Some("name another folder, or replace what an export wrote into this one by `--force`")
        }
        Error::Staging(StagingError::InTheWay { .. }) => Some("move it away, or name another folder"),
        Error::Architecture { .. } | Error::Read { .. } | Error::Staging(StagingError::Io { .. }) => None,
    }
}

fn of_downloader(error: &tagmill_downloader::Error) -> Option<&'static str> {
    use tagmill_downloader::Error;
    match error {
        Error::Items(error) => of_store(error),
        Error::Dataset(error) => dataset_hint(error),
        Error::Unreachable { .. } => Some("check --media-url and the network; what was saved is kept"),
        Error::TurnedAway { .. } => {
            Some("wait, then run it again with fewer --workers; what was saved is kept")
        }
        Error::DiskFull { .. } => Some("make room and run the same command again; what was saved is kept"),
        Error::LowOnSpace { .. } => {
            Some("make room, or lower --min-free, and run the same command again; what was saved is kept")
        }
        Error::TooManyFailures { .. } => {
            Some("check --media-url and what the host wants; `--max-failures 1` goes on whatever fails")
        }
        Error::InUse { .. } => Some("wait until the other program has ended, or work in another --data-dir"),
        _ => None,
    }
}

fn of_store(error: &tagmill_store::Error) -> Option<&'static str> {
    use tagmill_store::Error;
    match error {
        Error::NotFound { .. } => Some("run `tagmill fetch` or `tagmill import` first, or check --data-dir"),
        Error::NotADatabase { .. } | Error::NoItemsTable { .. } | Error::MissingColumn { .. } => {
            Some("check --data-dir; to start afresh, move that file away")
        }
        Error::OtherOrigin { .. } => Some("keep each board's items in a --data-dir of their own"),
        Error::NewerSchema { .. } => Some("a newer tagmill made it: use that one"),
        Error::InUse { .. } => Some("wait until the other program has ended, or work in another --data-dir"),
        Error::DiskFull { .. } => {
            Some("make room and run the same command again; what was committed is kept")
        }
        Error::Corrupt { .. } => Some("keep a copy, then try `sqlite3 items.db .recover`"),
        _ => None,
    }
}
