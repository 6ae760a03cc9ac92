//! Certificates in files, and what they say.

use crate::fault::Fault;
use quittance_engine::address;
use quittance_engine::network::NetworkId;
use quittance_net::frame::{OrderBody, RECIPIENT_PRIMARY};
use quittance_wallet::certificate::Certificate;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Anyone may read a certificate: it proves a payment and gives no power over money.
pub(crate) const FILE_MODE: u32 = 0o644;
/// A certificate's text is less than half as long.
const TEXT_BYTES_MAX: u64 = 16 * 1024;

/// Reads a certificate from a file, or from standard input if its name is `-`. What it proves is checked elsewhere.
///
/// # Errors
/// [`Fault::File`]; [`Fault::Usage`] if it is no certificate of this network.
pub(crate) fn read(path: &Path, network: &NetworkId) -> Result<Certificate, Fault> {
    let text = read_text(path).map_err(Fault::file(path, "; it should be a certificate"))?;
    Certificate::import(&text, network).map_err(|fault| Fault::Usage(format!("{}: {fault}", path.display())))
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        io::stdin().take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Who is paid, as `--to` has it.
pub(crate) fn recipient(body: &OrderBody) -> String {
    if body.recipient_kind == RECIPIENT_PRIMARY {
        format!("primary:{}", hex::encode(body.recipient))
    } else {
        address::encode(&body.recipient)
    }
}
