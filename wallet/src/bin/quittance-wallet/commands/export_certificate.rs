//! `export-certificate`: the proof of a payment.

use crate::console::{Console, Report};
use crate::fault::Fault;
use crate::options::{Common, ExportCertificateOptions};
use crate::{certificates, files, network_files, wallet};
use quittance_engine::address;
use quittance_engine::types::{Address, Sequence};
use quittance_wallet::book::Book;
use quittance_wallet::certificate::Certificate;
use serde::Serialize;

#[derive(Serialize)]
struct Exported {
    from: String,
    to: String,
    amount: u64,
    sequence: u64,
    file: Option<String>,
    certificate: Option<String>,
}

pub(crate) fn export_certificate(
    common: &Common,
    options: &ExportCertificateOptions,
    console: &Console,
) -> Result<(), Fault> {
    let book = wallet::read_book(common)?;
    let sender = wallet::any_account(&book, &options.address)?;
    let certificate =
        find(&book, &sender, Sequence(options.sequence)).ok_or_else(|| missing(&book, &sender, options))?;
    let text = certificate.export(&network_files::network(common, &book)?);
    if let Some(out) = &options.out {
        files::create(out, text.as_bytes(), certificates::FILE_MODE)?;
    }
    console.report(&Exported {
        from: address::encode(&sender),
        to: certificates::recipient(certificate.body()),
        amount: certificate.amount().0,
        sequence: options.sequence,
        file: options.out.as_ref().map(|out| out.display().to_string()),
        certificate: options.out.is_none().then_some(text),
    })
}

/// A payment that an account of this wallet made, or received.
fn find<'a>(book: &'a Book, sender: &Address, sequence: Sequence) -> Option<&'a Certificate> {
    let sent = book.account(sender).and_then(|account| account.sent().get(&sequence));
    let mut accounts = book.accounts().map(|(_, account)| account);
    sent.or_else(|| {
        accounts.find_map(|account| account.received().get(&(*sender, sequence))).map(|received| &received.certificate)
    })
}

fn missing(book: &Book, sender: &Address, options: &ExportCertificateOptions) -> Fault {
    let (shown, sequence) = (address::encode(sender), options.sequence);
    let pending = book.account(sender).and_then(|account| account.pending());
    if pending.is_some_and(|pending| pending.body.sequence.get() == sequence) {
        return Fault::Usage(format!(
            "payment {sequence} of {shown} is pending and has no certificate yet; run `recover {shown}`"
        ));
    }
    Fault::Usage(format!(
        "the book has no payment {sequence} of {shown}; `history {shown}` lists what it has, and `recover {shown} --rebuild` asks \
         the authorities for more"
    ))
}

impl Report for Exported {
    fn text(&self) -> String {
        match (&self.file, &self.certificate) {
            (Some(file), _) => format!("the certificate of payment {} of {} is in {file}", self.sequence, self.from),
            (None, certificate) => certificate.as_deref().unwrap_or_default().trim_end().to_owned(),
        }
    }
}
