//! Hashes, and how they are written.

#[cfg(feature = "dataset")]
pub(crate) use sha256::Hashing;
#[cfg(feature = "dataset")]
pub use sha256::{sha256, sha256_of_file};

/// Bytes as lower-case hexadecimal digits, two each: how hashes are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(feature = "dataset")]
mod sha256 {
    use std::fs::File;
    use std::io::{self, Write};
    use std::path::Path;

    use sha2::{Digest, Sha256};

    use super::hex;

    /// SHA-256 of bytes, in [`hex`].
    pub fn sha256(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }

    /// SHA-256 of a file, in [`hex`], and its length in bytes.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or read.
    pub fn sha256_of_file(path: &Path) -> io::Result<(String, u64)> {
        let mut hashing = Hashing::new(io::sink());
        io::copy(&mut File::open(path)?, &mut hashing)?;
        let (_, hash, length) = hashing.finish();
        Ok((hash, length))
    }

    /// Hashes and counts what passes through to a writer.
    pub(crate) struct Hashing<W> {
        inner: W,
        bytes: u64,
        hash: Sha256,
    }

    impl<W> Hashing<W> {
        pub(crate) fn new(inner: W) -> Hashing<W> {
            Hashing { inner, bytes: 0, hash: Sha256::new() }
        }

        /// The writer, the SHA-256 in hex, and the number of bytes.
        pub(crate) fn finish(self) -> (W, String, u64) {
            (self.inner, hex(&self.hash.finalize()), self.bytes)
        }
    }

    impl<W: Write> Write for Hashing<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.inner.write(bytes)?;
            self.hash.update(&bytes[..written]);
            self.bytes += written as u64;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.inner.flush()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_two_digits() {
        assert_eq!(hex(&[0, 9, 0xab, 0xff]), "0009abff");
        assert_eq!(hex(&[]), "");
    }

    #[cfg(feature = "dataset")]
    #[test]
    fn a_file_has_the_hash_of_its_bytes() {
        const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), OF_ABC);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_of_file(&path).unwrap(), (OF_ABC.to_owned(), 3));
        assert!(sha256_of_file(&folder.path().join("none")).is_err());
    }
}
