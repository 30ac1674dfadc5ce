//! Reading a source and its pictures, many at once, in the order of the source.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;
use tagmill_model::picture::Limits;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::media::{self, Hash, How, Looked, NotPlaced};
use crate::source::{Entry, Pictures, Reading};
use crate::{Error, Fault, Placing, Reason};

/// Things of a source that are read before any is passed on: enough to keep all cores busy, few enough to stop soon.
const AT_ONCE: usize = 256;

/// What to do with pictures.
pub(crate) struct Work {
    pub(crate) media_dir: PathBuf,
    pub(crate) placing: Placing,
    pub(crate) untagged: bool,
    pub(crate) limits: Limits,
    pub(crate) cancel: CancellationToken,
}

/// What has become of one thing of a source.
pub(crate) struct Done {
    pub(crate) faults: Vec<Fault>,
    pub(crate) is_video: bool,
    pub(crate) is_other: bool,
    /// A picture that stands in the media folder.
    pub(crate) picture: Option<Taken>,
    /// A picture that is left out for having no tags, unless an earlier run took it for those that it had.
    pub(crate) untagged: Option<Taken>,
}

/// A picture that was taken.
pub(crate) struct Taken {
    pub(crate) entry: Entry,
    pub(crate) looked: Looked,
    /// How it came into the media folder; `None` where another of the same contents was put there.
    pub(crate) how: Option<How>,
}

impl Work {
    /// Passes on all of a source. Ends early where it is cancelled, or nobody listens any more.
    pub(crate) fn run<P: Pictures>(&self, mut source: P, done: &Sender<Vec<Done>>) -> Result<(), Error> {
        loop {
            let mut raws = Vec::new();
            while raws.len() < AT_ONCE {
                let Some(raw) = source.next()? else { break };
                raws.push(raw);
            }
            if raws.is_empty() {
                return Ok(());
            }
            let look = |raw| (!self.cancel.is_cancelled()).then(|| self.look(source.read(raw)));
            let Some(mut chunk) = raws.into_par_iter().map(look).collect::<Option<Vec<Done>>>() else {
                return Ok(());
            };
            self.place(&mut chunk)?;
            if self.cancel.is_cancelled() || done.blocking_send(chunk).is_err() {
                return Ok(());
            }
        }
    }

    /// Looks at the picture itself.
    fn look(&self, reading: Reading) -> Done {
        let Reading { entry, faults, is_video, is_other } = reading;
        let mut done = Done { faults, is_video, is_other, picture: None, untagged: None };
        let Some(entry) = entry else { return done };
        let is_left_out = entry.tags.is_empty() && !self.untagged;
        match media::look(&entry.path, &self.limits) {
            Ok(looked) if is_left_out => done.untagged = Some(Taken { entry, looked, how: None }),
            Ok(looked) => done.picture = Some(Taken { entry, looked, how: None }),
            Err(_) if is_left_out => done.faults.push(Fault::new(entry.name, Reason::Untagged, "")),
            Err((reason, detail)) => done.faults.push(Fault::new(entry.name, reason, detail)),
        }
        done
    }

    /// Puts the pictures into the media folder, those of the same contents once.
    fn place(&self, chunk: &mut [Done]) -> Result<(), Error> {
        let mut copies: HashMap<Hash, Vec<&mut Done>> = HashMap::new();
        for done in chunk {
            if let Some(hash) = done.picture.as_ref().map(|taken| taken.looked.hash) {
                copies.entry(hash).or_default().push(done);
            }
        }
        copies
            .into_values()
            .collect::<Vec<_>>()
            .into_par_iter()
            .try_for_each(|copies| self.place_one_of(copies))
    }

    /// Files of the same contents: the first that can be had is put into the media folder, and those before it are left out.
    fn place_one_of(&self, copies: Vec<&mut Done>) -> Result<(), Error> {
        for done in copies {
            let Some(Taken { entry, looked, how }) = &mut done.picture else { continue };
            match media::place(looked, &entry.path, &self.media_dir, self.placing) {
                Ok(placed) => {
                    *how = Some(placed);
                    return Ok(());
                }
                Err(NotPlaced::Bad(reason, detail)) => {
                    done.faults.push(Fault::new(entry.name.clone(), reason, detail));
                    done.picture = None;
                }
                Err(NotPlaced::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }
}
