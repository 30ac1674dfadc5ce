//! Writes into binaries, tests and examples where libtorch lies, so that they run without LD_LIBRARY_PATH.

fn main() {
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    // `$ORIGIN` is the folder of the binary: target/release, or deps/ and examples/ below it. These let a checkout
    // move; the absolute path after them serves a LIBTORCH of the user's own, and target folders elsewhere.
    for rpath in ["$ORIGIN/../../.libtorch/lib", "$ORIGIN/../../../.libtorch/lib", &folder] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{rpath}");
    }
}
