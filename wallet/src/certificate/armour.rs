//! A certificate as text, for a file or a mail.
//!
//! Three parts, a line each or more: [`FIRST_LINE`]; `network` and the network's id, 64 hexadecimal digits; then the
//! certificate's frame in hexadecimal digits, 64 to a line. Nothing follows. Line ends may be CR LF, and what surrounds a line
//! may be blank: mail does that to text.

use super::Certificate;
use quittance_engine::network::NetworkId;
use quittance_net::frame::FRAME_BYTES_MAX;

/// How the text starts.
pub const FIRST_LINE: &str = "quittance-certificate 1";
/// Bytes of the frame in one line.
const LINE_BYTES: usize = 32;
const LINE_COUNT_MAX: usize = FRAME_BYTES_MAX.div_ceil(LINE_BYTES);

/// Why a text is no certificate of this network. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArmourError {
    /// It starts otherwise.
    #[error("line 1: a certificate starts with `{FIRST_LINE}`")]
    FirstLine,
    /// The second line does not name a network.
    #[error("line 2: expected `network` and 64 hexadecimal digits")]
    NetworkLine,
    /// It is of another network.
    #[error("line 2: the certificate is of network {}, and this one is {}", hex::encode(.found.0), hex::encode(.expected.0))]
    OtherNetwork {
        /// The certificate's.
        found: NetworkId,
        /// Ours.
        expected: NetworkId,
    },
    /// A line is not hexadecimal digits.
    #[error("line {line}: expected hexadecimal digits, two for each byte, at most 64 of them")]
    Digits {
        /// Which.
        line: usize,
    },
    /// There is more than the longest certificate has.
    #[error("line {line}: no certificate is so long")]
    Long {
        /// Where it becomes too long.
        line: usize,
    },
    /// The bytes are not those of a certificate's frame.
    #[error("the bytes of lines 3 to {line} are no certificate: a line may be missing or changed")]
    Frame {
        /// The last line.
        line: usize,
    },
}

impl Certificate {
    /// The certificate as text: see the module's docs.
    pub fn export(&self, network: &NetworkId) -> String {
        let mut text = format!("{FIRST_LINE}\nnetwork {}\n", hex::encode(network.0));
        for line in self.placeless_frame().chunks(LINE_BYTES) {
            text.push_str(&hex::encode(line));
            text.push('\n');
        }
        text
    }

    /// Reads the text back. Whether the certificate proves anything is for [`Certificate::check`].
    ///
    /// # Errors
    /// See [`ArmourError`].
    pub fn import(text: &str, expected: &NetworkId) -> Result<Self, ArmourError> {
        let mut lines = text.lines().map(str::trim);
        if lines.next() != Some(FIRST_LINE) {
            return Err(ArmourError::FirstLine);
        }
        let found = lines.next().and_then(network).ok_or(ArmourError::NetworkLine)?;
        if found != *expected {
            return Err(ArmourError::OtherNetwork { found, expected: *expected });
        }
        let (mut frame, mut last) = (Vec::with_capacity(FRAME_BYTES_MAX), 2);
        for (index, digits) in lines.enumerate() {
            let line = index + 3;
            if digits.is_empty() {
                continue;
            }
            if frame.len() + LINE_BYTES > LINE_COUNT_MAX * LINE_BYTES {
                return Err(ArmourError::Long { line });
            }
            let bytes = hex::decode(digits).ok().filter(|bytes| bytes.len() <= LINE_BYTES);
            frame.extend(bytes.ok_or(ArmourError::Digits { line })?);
            last = line;
        }
        // Only the spelling that `export` writes: one certificate, one text.
        let certificate = Self::from_frame(expected, &frame).filter(|certificate| certificate.frame == frame);
        certificate.ok_or(ArmourError::Frame { line: last })
    }
}

fn network(line: &str) -> Option<NetworkId> {
    let mut id = [0; 32];
    hex::decode_to_slice(line.strip_prefix("network ")?, &mut id).ok()?;
    Some(NetworkId(id))
}
