//! `receive`: a certificate that someone gave us.

use crate::carrying::{self, End};
use crate::certificates;
use crate::console::{Console, Report};
use crate::driver::Driver;
use crate::fault::Fault;
use crate::options::{Common, ReceiveOptions};
use crate::quantity;
use crate::wallet::Wallet;
use quittance_engine::address;
use quittance_net::frame::RECIPIENT_PRIMARY;
use quittance_wallet::certificate::Certificate;
use quittance_wallet::client::ReceiveError;
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Received {
    amount: u64,
    from: String,
    to: String,
    sequence: u64,
    memo: Option<String>,
    confirmed_by: Vec<u8>,
    not_confirmed_by: Vec<u8>,
    elapsed_ms: f64,
}

pub(crate) fn receive(common: &Common, options: &ReceiveOptions, console: &Console) -> Result<(), Fault> {
    let wallet = Wallet::open(common, console)?;
    let mut driver = Driver::new(common, console, wallet)?;
    let certificate = certificates::read(&options.certificate, driver.terms().network())?;
    let now_ns = driver.now_ns();
    let begun = driver.client.receive_certificate(now_ns, certificate.clone(), &mut driver.roots);
    let operation = begun.map_err(|error| refused(options, &certificate, error))?;
    match carrying::carry(&mut driver, &[operation])?.remove(0) {
        End::Settled(settled) => console.report(&Received {
            amount: certificate.amount().0,
            from: address::encode(&certificate.body().sender),
            to: certificates::recipient(certificate.body()),
            sequence: certificate.sequence().0,
            memo: quantity::shown_memo(&certificate.body().user_data),
            not_confirmed_by: driver.terms().authorities().filter(|index| !settled.receipts.contains(index)).collect(),
            confirmed_by: settled.receipts.into_iter().collect(),
            elapsed_ms: settled.elapsed.as_secs_f64() * 1e3,
        }),
        End::Certified(_) => unreachable!("a certificate is carried to finality"),
        End::Refused(refused) => {
            let (sender, sequence) = (&certificate.body().sender, certificate.sequence().0);
            Err(Fault::refused(
                carrying::refused_text(sender, sequence, &refused),
                carrying::refused_value(sender, sequence, &refused),
            ))
        }
        End::Waiting(standings) => Err(Fault::pending(
            format!(
                "the certificate is good and kept, but a quorum has not confirmed it:{}\nRun `receive` again when they answer",
                carrying::standings_text(&driver, &standings)
            ),
            json!({ "kept": true, "authorities": carrying::standings_value(&standings) }),
        )),
    }
}

fn refused(options: &ReceiveOptions, certificate: &Certificate, error: ReceiveError) -> Fault {
    let file = options.certificate.display();
    match error {
        ReceiveError::NotOurs if certificate.body().recipient_kind == RECIPIENT_PRIMARY => {
            Fault::Usage(format!("{file}: it is a redemption: its claim is made on the primary ledger, with this file"))
        }
        ReceiveError::NotOurs => Fault::Usage(format!(
            "{file}: it pays {}, which is not in this wallet",
            certificates::recipient(certificate.body())
        )),
        ReceiveError::Certificate(error) => Fault::refused(
            format!("{file}: it proves nothing: {error}; you have not been paid by it"),
            json!({ "kept": false, "why": "certificate" }),
        ),
        ReceiveError::Start(error) => Fault::Usage(error.to_string()),
    }
}

impl Report for Received {
    fn text(&self) -> String {
        let Self { amount, from, to, sequence, .. } = self;
        let memo = self.memo.as_ref().map(|memo| format!("\nmemo: {memo}")).unwrap_or_default();
        let confirmed = self.confirmed_by.len();
        let all = confirmed + self.not_confirmed_by.len();
        format!(
            "received {amount} from {from}\n         to {to}\nthe payer's payment {sequence}, confirmed by {confirmed} of {all} authorities{memo}"
        )
    }
}
