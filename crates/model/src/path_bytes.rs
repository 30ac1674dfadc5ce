use std::path::PathBuf;

/// A path of the bytes that it has on this system, UTF-8 or not.
#[cfg(unix)]
pub fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

/// A path of UTF-8. What is not leads nowhere, and whoever goes there tells so.
#[cfg(not(unix))]
pub fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
