//! Finds libtorch, or installs it into `.libtorch/` from the wheels of PyPI's torch.
//!
//! What cargo builds against afterwards is the folder `LIBTORCH` of `.cargo/config.toml`, or a LIBTORCH of the user's own.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo::{check, root};

/// The one libtorch that the pinned tch builds against.
const VERSION: &str = "2.11.0";

/// The wheels, pinned by hash. PyPI's torch for Linux is a CUDA build whose CPU library wants two small CUDA libraries,
/// but no GPU.
const REQUIREMENTS: &str = include_str!("setup/libtorch.txt");
const UNPACK: &str = include_str!("setup/unpack.py");
const PROBE: &str = include_str!("setup/probe.cpp");

/// The wheels' tags: any of them, so that pip takes each file whatever Python runs it.
const PLATFORMS: [&str; 4] =
    ["manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];

pub(crate) fn run() -> Result<()> {
    let installed = root().join(".libtorch");
    if let Some(own) = own_libtorch(&installed) {
        verify(&own)
            .with_context(|| format!("LIBTORCH is set to `{}`, which cannot be used", own.display()))?;
        println!("libtorch {VERSION}: yours, at {}", own.display());
        return Ok(());
    }
    if installed.exists() {
        check_version(&installed)
            .with_context(|| format!("remove `{}` and run `cargo xtask setup` again", installed.display()))?;
    } else {
        install(&installed)?;
    }
    println!("libtorch {VERSION}: ready, at {}", installed.display());
    Ok(())
}

/// A LIBTORCH that is not the one that `.cargo/config.toml` sets for every command of cargo's.
fn own_libtorch(installed: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("LIBTORCH").filter(|path| !path.is_empty()).map(PathBuf::from)?;
    (path != installed).then_some(path)
}

/// Everything happens in a folder of another name: whatever interrupts it, `.libtorch` is whole or not there.
fn install(folder: &Path) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "no libtorch is known for this kind of machine: install libtorch {VERSION} yourself and set LIBTORCH to its folder"
    );
    let python = python()?;
    let compiler = compiler()?;
    let part = root().join(".libtorch.part");
    clear(&part)?;
    let wheels = part.join("wheels");
    fs::create_dir_all(&wheels).with_context(|| format!("cannot create `{}`", wheels.display()))?;

    println!("libtorch {VERSION}: fetching 544 MB from PyPI");
    let requirements = part.join("libtorch.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]);
    pip.args([
        "--no-cache-dir",
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        "--abi",
        "cp311",
        "--abi",
        "none",
    ]);
    for platform in PLATFORMS {
        pip.args(["--platform", platform]);
    }
    pip.arg("--dest").arg(&wheels).arg("--requirement").arg(&requirements);
    check(&mut pip)
        .context("pip could not fetch libtorch: is the network there, and 1.1 GB of free disk?")?;

    println!("libtorch {VERSION}: unpacking");
    check(Command::new(&python).args(["-c", UNPACK]).arg(&wheels).arg(&part).arg(VERSION))
        .context("the wheels could not be unpacked: is there 1.1 GB of free disk?")?;
    fs::remove_dir_all(&wheels)?;
    fs::remove_file(&requirements)?;

    check_version(&part)?;
    link_and_run(&part, &compiler)?;
    fs::rename(&part, folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

fn clear(part: &Path) -> Result<()> {
    match fs::remove_dir_all(part) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", part.display()))
        }
        _ => Ok(()),
    }
}

fn verify(folder: &Path) -> Result<()> {
    check_version(folder)?;
    link_and_run(folder, &compiler()?)
}

/// Reads the version as torch-sys does: `build-version`, up to a `+`.
fn check_version(folder: &Path) -> Result<()> {
    let file = folder.join("build-version");
    let found = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let found = found.trim().split('+').next().unwrap_or_default();
    ensure!(found == VERSION, "it holds libtorch {found}, but tagmill builds against {VERSION} alone");
    ensure!(
        folder.join("lib/libtorch_cpu.so").exists() || !cfg!(target_os = "linux"),
        "it has no lib/libtorch_cpu.so"
    );
    Ok(())
}

/// Compiles a C++ program against the headers, links it against the libraries, and runs it.
fn link_and_run(folder: &Path, compiler: &Path) -> Result<()> {
    let work = std::env::temp_dir().join(format!("tagmill-setup-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("cannot create `{}`", work.display()))?;
    let result = probe(folder, compiler, &work);
    clear(&work)?;
    result.context("libtorch does not link and run")
}

fn probe(folder: &Path, compiler: &Path, work: &Path) -> Result<()> {
    let (source, program) = (work.join("probe.cpp"), work.join("probe"));
    let (include, lib) = (folder.join("include"), folder.join("lib"));
    fs::write(&source, PROBE)?;
    let mut compile = Command::new(compiler);
    compile.args(["-std=c++17", "-O0", "-o"]).arg(&program).arg(&source).arg("-I").arg(&include);
    compile.arg("-L").arg(&lib).args(["-ltorch_cpu", "-lc10"]).arg(format!("-Wl,-rpath,{}", lib.display()));
    check(&mut compile)?;
    let output = Command::new(&program).env_remove("LD_LIBRARY_PATH").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the probe failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    ensure!(said.trim() == VERSION, "the probe was built against libtorch {}", said.trim());
    Ok(())
}

fn python() -> Result<PathBuf> {
    let found =
        ["python3", "python"].map(PathBuf::from).into_iter().find(|python| answers(python, &["--version"]));
    let Some(python) = found else {
        bail!(
            "python3 is not installed: install it with pip (on Debian `apt install python3-pip`), or set LIBTORCH to a libtorch {VERSION} of your own"
        );
    };
    ensure!(
        answers(&python, &["-m", "pip", "--version"]),
        "`{}` has no pip: install it (on Debian `apt install python3-pip`), or set LIBTORCH to a libtorch {VERSION} of your own",
        python.display()
    );
    Ok(python)
}

fn compiler() -> Result<PathBuf> {
    let candidates = std::env::var_os("CXX").into_iter().chain(["c++", "g++", "clang++"].map(Into::into));
    candidates
        .map(PathBuf::from)
        .find(|compiler| answers(compiler, &["--version"]))
        .context("no C++ compiler is installed: install one (on Debian `apt install g++`), or set CXX")
}

fn answers(program: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments);
    command.output().is_ok_and(|output| output.status.success())
}
