//! Checksums of files, by the hash of the TLS library that is here anyway.

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use std::io::Read;

/// SHA-256 of bytes that come in pieces.
pub(crate) struct Sha256(Box<dyn rustls::crypto::hash::Context>);

impl Sha256 {
    /// Of no bytes yet.
    pub(crate) fn start() -> Self {
        let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("a TLS 1.3 suite is one");
        Self(suite.common.hash_provider.start())
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum, in hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// SHA-256 of what is left to read, in hexadecimal digits.
pub(crate) fn sha256(mut from: impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::start();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finish())
}
