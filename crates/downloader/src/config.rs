use std::path::PathBuf;

use tagmill_http::Redirects;
use tagmill_model::Flags;

use crate::hosts::{Hosts, Members, Variant};

/// What to download, from where and to where.
#[derive(Debug, Clone)]
pub struct Config {
    /// What says which media there are.
    pub source: Source,
    /// The folder that mirrors the media host's paths; made where it is not there.
    pub media_dir: PathBuf,
    /// Where the files lie.
    pub hosts: Hosts,
    /// Which rendition of them. One other than the medium itself takes a source with a database, and a folder of its own.
    pub variant: Variant,
    /// Where the board's listing says where they are.
    pub members: Members,
    /// Downloads under way at once. Twenty keep a host busy whose answers take some ten milliseconds.
    pub workers: usize,
    /// Videos as well as pictures. Off, because a tagger learns from pictures.
    pub include_videos: bool,
    /// Only items all of whose content classes are among these, by flags and, in a dataset, by tags. All by default.
    pub classes: Flags,
    /// Only items that were uploaded then or later, Unix seconds.
    pub since: Option<i64>,
    /// Only the first so many files of the source, present or not.
    pub limit: Option<u64>,
    /// Ask again for files of which the host said in an earlier run that it does not have them.
    pub retry_failed: bool,
    /// Take files all the same whose host says, in an `X-Robots-Tag` or a `tdm-reservation`, that they are not for training.
    pub ignore_opt_out: bool,
    /// The largest file that is taken, in bytes. A board's pictures are well under 20 MB; what is far larger is a fault
    /// or an attack on the disk.
    pub max_bytes: u64,
    /// The largest share of the last 200 files that may fail, from 0 to 1; a run with more stops and says why. A cookie
    /// or a host that is wrong must not cost a million requests. At 1, no share is too large.
    pub max_failure_rate: f64,
    /// Decode each picture that arrives, to its last pixel, before it gets its name.
    pub verify: bool,
    /// Decode the pictures that are there already, too, and fetch those anew that are bad. The bad ones are kept in
    /// `.tagmill/quarantine/`.
    pub verify_existing: bool,
    /// Have each file and its name on the disk itself before the next is counted, so that not even a power cut takes one.
    pub durable: bool,
    /// Bytes that must stay free on the disk; a run stops before it takes them.
    pub min_free: u64,
    /// Send the cookie of [`Config::http`] to where it belongs. Off, because media hosts need none.
    pub send_cookie: bool,
    /// How the hosts are asked: one pace, one gate and one bandwidth for all of them together. Its bound on requests under
    /// way is [`Config::workers`].
    pub http: tagmill_http::Config,
}

/// What says which media there are. Neither is ever changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A `dataset.csv`: only what training needs.
    Dataset(PathBuf),
    /// An items database: all that was fetched.
    Items(PathBuf),
    /// Only what training needs, looked up in the database, which alone knows where a variant lies.
    DatasetOf {
        /// A `dataset.csv`.
        dataset: PathBuf,
        /// The items database that it was made of.
        items: PathBuf,
    },
}

impl Config {
    /// All settings but these three at their defaults.
    pub fn new(source: Source, media_dir: PathBuf, hosts: Hosts) -> Config {
        Config {
            source,
            media_dir,
            hosts,
            variant: Variant::Image,
            members: Members::default(),
            workers: 20,
            include_videos: false,
            classes: Flags::EVERY_CLASS,
            since: None,
            limit: None,
            retry_failed: false,
            ignore_opt_out: false,
            max_bytes: 100 << 20,
            max_failure_rate: 0.5,
            verify: false,
            verify_existing: false,
            durable: false,
            min_free: 1_000_000_000,
            send_cookie: false,
            // A large file over a slow line may take long; the watchdog ends one that stands still.
            http: tagmill_http::Config {
                request_timeout: None,
                redirects: Redirects::SameOrigin,
                ..tagmill_http::Config::default()
            },
        }
    }
}
