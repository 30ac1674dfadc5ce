//! The page in Debian's chromium. Where there is none, a message says so and the tests pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scraper::Html;
use tagmill_report::{Page, render};
use tempfile::TempDir;

use crate::{hostile, only, sample};

/// As `--blink-settings` counts them.
#[derive(Clone, Copy)]
enum Scheme {
    Dark = 0,
    Light = 1,
}

/// A browser with a folder of its own, so that any number can run at once.
struct Browser {
    program: PathBuf,
    folder: TempDir,
}

impl Browser {
    fn find() -> Option<Browser> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&folders)
            .map(|folder| folder.join("chromium"))
            .find(|program| program.is_file());
        if program.is_none() {
            println!("skipped: there is no `chromium` on PATH");
        }
        Some(Browser { program: program?, folder: tempfile::tempdir().unwrap() })
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Opens a page; a browser that hangs is ended after three minutes.
    fn open(&self, page: &Path, scheme: Scheme, options: &[&str]) -> Output {
        let output = Command::new("timeout")
            .args(["--kill-after=5", "180"])
            .arg(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .args(["--enable-logging=stderr", "--v=0"])
            .arg(format!("--user-data-dir={}", self.folder.path().join("profile").display()))
            .arg(format!("--blink-settings=preferredColorScheme={}", scheme as u8))
            .args(options)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The page in a frame of this width: a window of a browser without a screen is 500 pixels wide or more.
    fn framed(&self, page: &Page, width: u32, script: &str) -> PathBuf {
        let page = render(page).replace('&', "&amp;").replace('"', "&quot;");
        let frame = format!(
            "<!DOCTYPE html><meta charset=utf-8><body style='margin:0'>\
             <iframe style='width:{width}px;height:1600px;border:0;display:block' srcdoc=\"{page}\"></iframe>\
             <pre id=seen></pre><script>{script}</script>"
        );
        self.write(&format!("frame-{width}.html"), &frame)
    }
}

/// What the browser said to the console.
fn console(output: &Output) -> Vec<String> {
    let log = String::from_utf8_lossy(&output.stderr);
    log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect()
}

fn probed(browser: &Browser, page: &Page, width: u32) -> BTreeMap<String, String> {
    let page = browser.framed(page, width, include_str!("probe.js"));
    let size = format!("--window-size={},1700", width.max(500));
    let output = browser.open(&page, Scheme::Light, &["--dump-dom", &size]);
    assert_eq!(console(&output), [""; 0]);
    let seen = only(&Html::parse_document(&String::from_utf8_lossy(&output.stdout)), "#seen");
    let parted = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    seen.lines().filter_map(parted).collect()
}

#[test]
fn nothing_is_wider_than_the_screen() {
    let Some(browser) = Browser::find() else { return };
    let endless = hostile::page(&"w".repeat(300));
    let page = sample::page();
    for (page, width) in
        [(&page, 320), (&page, 390), (&page, 768), (&page, 1280), (&endless, 390), (&endless, 1280)]
    {
        let seen = probed(&browser, page, width);
        assert_eq!((&*seen["overflow"], &*seen["beyond"], &*seen["pinned"]), ("0", "", "true"), "{width}");
    }
}

#[test]
fn the_table_sorts_and_searches_and_veils_lift() {
    let Some(browser) = Browser::find() else { return };
    let seen = probed(&browser, &sample::page(), 1280);
    let expected = [
        ("falling-8", "true ,,,,,,,,descending 8"),
        ("rising-8", "true ,,,,,,,,ascending 8"),
        ("falling-1", "true ,descending,,,,,,, 1"),
        ("rising-1", "true ,ascending,,,,,,, 1"),
        ("falling-3", "true ,,,descending,,,,, 3"),
        ("rising-3", "true ,,,ascending,,,,, 3"),
        ("names", "true"),
        ("ties", "true"),
        ("stable", "true"),
        ("search-<b>", "true 0 0 of 300 tags"),
        ("search-", "true 300 300 tags"),
        ("veiled", "4"),
        ("veiled-but-one", "3"),
        ("veiled-with-switch", "0"),
    ];
    for (name, value) in expected {
        assert_eq!(seen[name], value, "{name}");
    }
    for name in ["search-KATZE", "search-brücke"] {
        assert!(seen[name].starts_with("true ") && !seen[name].starts_with("true 0 "), "{}", seen[name]);
    }
}

#[test]
fn the_page_runs_under_its_own_policy() {
    let Some(browser) = Browser::find() else { return };
    let text = render(&sample::page());
    let page = browser.write("page.html", &text);
    let output = browser.open(&page, Scheme::Light, &["--dump-dom"]);
    assert_eq!(console(&output), [""; 0]);
    let html = Html::parse_document(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(only(&html, "#tag-tools:not([hidden]) > #tag-count"), "300 tags");

    // The guard of the guard: a script that is not the page's does not run, and the console says so.
    let page =
        browser.write("page.html", &text.replace("</body>", "<script>document.title = 'x'</script></body>"));
    let output = browser.open(&page, Scheme::Light, &["--dump-dom"]);
    assert_eq!(console(&output).len(), 1);
}

#[test]
fn it_is_light_in_the_light_and_dark_in_the_dark() {
    let Some(browser) = Browser::find() else { return };
    for width in [390, 1280] {
        let page = browser.framed(&sample::page(), width, "");
        for (scheme, expected) in [(Scheme::Dark, 0.0..70.0), (Scheme::Light, 185.0..256.0)] {
            let picture = browser.folder.path().join("picture.png");
            let options = [
                format!("--window-size={},1600", width.max(500)),
                format!("--screenshot={}", picture.display()),
            ];
            browser.open(&page, scheme, &options.each_ref().map(String::as_str));
            let image = image::open(&picture).unwrap().crop_imm(0, 0, width, 1600).into_luma8();
            let mean = image.pixels().map(|pixel| f64::from(pixel[0])).sum::<f64>() / image.len() as f64;
            assert!(expected.contains(&mean), "{mean} at {width}");
            // Something is drawn: letters are as far from the ground as the other scheme is.
            let ends =
                image.pixels().fold((255, 0), |(low, high), pixel| (pixel[0].min(low), pixel[0].max(high)));
            assert!(ends.0 < 50 && ends.1 > 200, "{ends:?} at {width}");
        }
    }
}
