use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Where the model computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The first CUDA device where there is one, else Apple's GPU, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// Apple's GPU, through Metal Performance Shaders.
    Mps,
}

impl Device {
    pub(crate) fn resolve(self) -> Result<tch::Device, Error> {
        if matches!(self, Device::Auto | Device::Cuda) {
            load_cuda();
        }
        match self {
            Device::Cpu => Ok(tch::Device::Cpu),
            Device::Cuda if tch::Cuda::is_available() => Ok(tch::Device::Cuda(0)),
            Device::Cuda => Err(Error::NoDevice { device: "CUDA device" }),
            Device::Mps if tch::utils::has_mps() => Ok(tch::Device::Mps),
            Device::Mps => Err(Error::NoDevice { device: "GPU of Apple's" }),
            Device::Auto if tch::Cuda::is_available() => Ok(tch::Device::Cuda(0)),
            Device::Auto if tch::utils::has_mps() => Ok(tch::Device::Mps),
            Device::Auto => Ok(tch::Device::Cpu),
        }
    }
}

/// Loads libtorch's part for CUDA, where it lies beside the part for the CPU: no symbol of it is named here, so the linker has
/// left it out. libtorch finds it when CUDA is asked for the first time, and remembers the answer for good.
fn load_cuda() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        if let Some(library) = beside_libtorch(&maps).filter(|library| library.exists())
            && let Err(error) = open_for_good(&library)
        {
            tracing::warn!("cannot load `{}`: {error}", library.display());
        }
    });
}

/// Where libtorch's part for CUDA has to be, from the files that this process has in memory.
fn beside_libtorch(maps: &str) -> Option<PathBuf> {
    let files = maps.lines().filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    let mut cpu = files.filter(|file| file.file_name().is_some_and(|name| name == "libtorch_cpu.so"));
    Some(cpu.next()?.with_file_name("libtorch_cuda.so"))
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "to load a library runs its initialisers; these are libtorch's own")]
fn open_for_good(library: &Path) -> Result<(), libloading::Error> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the file is part of the libtorch that this process runs on already.
    let library = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_GLOBAL) }?;
    std::mem::forget(library);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn open_for_good(_: &Path) -> Result<(), std::convert::Infallible> {
    Ok(())
}

/// Whether the CPU multiplies matrices of 16-bit floats by itself (Intel's AMX), where the system tells (Linux).
pub(crate) fn cpu_has_amx() -> bool {
    has_flag(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default(), "amx_bf16")
}

fn has_flag(cpuinfo: &str, flag: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| flags.split_whitespace().any(|word| word == flag))
}

/// Sets how many threads libtorch computes with, for this whole process; `None` leaves it as it is, one a core.
pub(crate) fn use_threads(threads: Option<usize>) {
    if let Some(threads) = threads {
        tch::set_num_threads(threads.max(1) as i32);
    }
}

/// Has each of rayon's threads compute alone what it computes with libtorch.
///
/// OpenMP, which divides libtorch's work, keeps threads for each thread that ever asked it for help. Once these are more than
/// there are cores, all of them sleep whenever they wait, instead of looking for work for a moment, and a training of small
/// pictures, which waits thousands of times a second, takes twice as long.
pub(crate) fn keep_rayon_to_itself() {
    let threads = tch::get_num_threads();
    rayon::broadcast(|_| {
        // A thread that was never asked has no number yet, and would take the common one after all.
        tch::get_num_threads();
        tch::set_num_threads(1);
    });
    // A thread that has none of its own takes the number that was set last.
    tch::set_num_threads(threads);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuda_is_looked_for_beside_libtorch() {
        let maps = "55d0-55d1 r-xp 00000000 fe:00 1 /usr/bin/tagmill-train\n\
                    7f00-7f01 rw-p 00000000 00:00 0\n\
                    7f02-7f03 r-xp 00000000 fe:00 2 /opt/torch lib/libtorch_cpu.so\n";
        assert_eq!(beside_libtorch(maps), Some("/opt/torch lib/libtorch_cuda.so".into()));
        assert_eq!(beside_libtorch("7f00-7f01 r-xp 00000000 fe:00 1 /lib/libc.so.6\n"), None);
        // This process itself runs on a libtorch.
        #[cfg(target_os = "linux")]
        {
            tch::set_num_threads(tch::get_num_threads());
            assert!(beside_libtorch(&fs::read_to_string("/proc/self/maps").unwrap()).is_some());
        }
    }

    #[test]
    fn rayon_computes_alone_and_nobody_else_does() {
        let threads = tch::get_num_threads();
        keep_rayon_to_itself();
        assert!(rayon::broadcast(|_| tch::get_num_threads()).iter().all(|threads| *threads == 1));
        assert_eq!(tch::get_num_threads(), threads);
        assert_eq!(std::thread::spawn(tch::get_num_threads).join().unwrap(), threads);
    }

    #[test]
    fn flags_are_words() {
        let cpuinfo = "processor : 0\nflags\t\t: fpu amx_tile amx_bf16 avx2\n";
        assert!(has_flag(cpuinfo, "amx_bf16"));
        assert!(!has_flag(cpuinfo, "amx"));
        assert!(!has_flag("", "amx_bf16"));
    }
}
