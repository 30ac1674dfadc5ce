//! Stopped anywhere and run again, an import ends as one that was not stopped.

use std::sync::atomic::{AtomicU64, Ordering};

use tagmill_importer::{Config, Report, run};
use tagmill_model::{Outcome, Progress};
use tokio_util::sync::CancellationToken;

use crate::common::{Place, counts, import};

const PICTURES: u32 = 1500;

/// Pictures, a third of them copies of others far away, some of them left out.
fn place() -> Place {
    let place = Place::new();
    for n in 0..PICTURES {
        let seed = if n % 3 == 0 { n / 7 } else { n };
        let name = format!("{}/{n:05}.png", n % 5);
        match n % 11 {
            0 => place.picture(&name, seed),
            _ => place.tagged(&name, seed, &format!("tag {}, tag {}", n % 13, n % 17)),
        }
    }
    place
}

/// Cancels when the import has come so far for the `n`-th time.
struct CancelAt(AtomicU64, CancellationToken);

impl Progress for CancelAt {
    fn advance(&self, _: u64) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.cancel();
        }
    }
}

async fn cancelled_at(config: &Config, n: u64) -> Report {
    let cancel = CancellationToken::new();
    run(config.clone(), &CancelAt(AtomicU64::new(n), cancel.clone()), &cancel).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_then_resumed_is_straight_through() {
    let (disturbed, undisturbed) = (place(), place());
    let straight = import(&undisturbed.config()).await.unwrap();
    let [taken, new, .., duplicates] = counts(&straight);
    assert!(taken > 1300 && duplicates > 100, "{straight}");
    let config =
        Config { batch_size: 100, rejects: Some(disturbed.data("rejects.csv")), ..disturbed.config() };
    for n in 1..=3 {
        let report = cancelled_at(&config, n).await;
        assert_eq!(report.outcome, Outcome::Cancelled);
        assert!(report.to_string().starts_with("cancelled: "), "{report}");
        counts(&report);
        // Each row has its medium, as `rows` asserts, and no list is half written.
        assert!(disturbed.rows().await.len() < new as usize);
        assert!(!disturbed.data("rejects.csv").exists());
    }
    let resumed = import(&config).await.unwrap();
    assert!(resumed.known > 0 && resumed.new > 0, "{resumed}");
    assert_eq!(disturbed.rows().await, undisturbed.rows().await);
    assert_eq!(disturbed.media(), undisturbed.media());
    assert_eq!(disturbed.rows().await.len() as u64, new);

    // Before it began.
    let cancel = CancellationToken::new();
    cancel.cancel();
    let report = run(config, &(), &cancel).await.unwrap();
    assert_eq!((report.outcome, report.pictures), (Outcome::Cancelled, 0));
}

#[test]
fn dropped_then_resumed_is_straight_through() {
    let (disturbed, undisturbed) = (place(), place());
    for n in 1..=3 {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let config = Config { batch_size: 50, ..disturbed.config() };
        runtime.block_on(async {
            let far = CancellationToken::new();
            let progress = CancelAt(AtomicU64::new(n), far.clone());
            let never = CancellationToken::new();
            tokio::select! {
                biased;
                () = far.cancelled() => {}
                _ = run(config, &progress, &never) => panic!("the run was not dropped"),
            }
        });
        // Waits for its threads.
        drop(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        import(&disturbed.config()).await.unwrap();
        import(&undisturbed.config()).await.unwrap();
        assert_eq!(disturbed.rows().await, undisturbed.rows().await);
        assert_eq!(disturbed.media(), undisturbed.media());
    });
}
