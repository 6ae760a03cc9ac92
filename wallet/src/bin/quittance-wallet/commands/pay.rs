//! `pay`: an order, its certificate, and finality.

use crate::carrying::{self, End, Settled};
use crate::console::{Console, Report};
use crate::driver::Driver;
use crate::fault::Fault;
use crate::inquiry::{self, Patience};
use crate::options::{Common, PayOptions};
use crate::quantity::Payee;
use crate::wallet::{self, Wallet};
use crate::{certificates, files};
use quittance_engine::address;
use quittance_engine::types::{Address, Amount, Digest, Sequence, TimeMs};
use quittance_net::frame::{RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY};
use quittance_wallet::certificate::Certificate;
use quittance_wallet::client::{Answer, Inquiry, OperationId, PayError, Payment, ReceiveError, Standing};
use serde::Serialize;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A payment that is final.
#[derive(Serialize)]
struct Paid {
    amount: u64,
    from: String,
    to: String,
    sequence: u64,
    digest: String,
    confirmed_by: Vec<u8>,
    not_confirmed_by: Vec<u8>,
    /// Until the certificate.
    certified_ms: Option<f64>,
    /// Until finality.
    elapsed_ms: f64,
    certificate_file: Option<String>,
    /// A redemption's claim, where no file was asked for.
    certificate: Option<String>,
    #[serde(skip)]
    silent_names: Vec<String>,
}

/// A payment that is certified, and that its recipient carries on.
#[derive(Serialize)]
struct Certified {
    amount: u64,
    from: String,
    to: String,
    sequence: u64,
    digest: String,
    elapsed_ms: f64,
    certificate_file: Option<String>,
    /// Where no file was asked for.
    certificate: Option<String>,
}

pub(crate) fn pay(common: &Common, options: &PayOptions, console: &Console) -> Result<(), Fault> {
    let wallet = Wallet::open(common, console)?;
    let from = wallet::own_account(&wallet.book, &options.from)?;
    if let Some(out) = &options.out
        && files::exists(out)?
    {
        return Err(Fault::Usage(format!(
            "{}: it exists, and is never overwritten: choose another name",
            out.display()
        )));
    }
    let key = wallet.vault(common)?.key(&from)?;
    let mut driver = Driver::new(common, console, wallet)?;
    check_pending(&driver, &from)?;
    let payment = payment(options, &driver)?;
    if !options.no_check && options.with.is_empty() {
        check(&mut driver, &from, options.amount)?;
    }
    let now_ns = driver.now_ns();
    let started = if options.certify_only {
        driver.client.certify(now_ns, &from, payment, &key, &mut driver.roots)
    } else {
        driver.client.pay(now_ns, &from, payment, &key, &mut driver.roots)
    };
    let operation = started.map_err(|error| refusal(&from, error))?;
    let sequence = driver.client.book().account(&from).map(|account| account.next_sequence()).unwrap_or_default();
    finish(options, &mut driver, &from, sequence, operation)
}

fn check_pending(driver: &Driver<'_>, from: &Address) -> Result<(), Fault> {
    let pending = driver.client.book().account(from).and_then(|account| account.pending());
    match pending {
        None => Ok(()),
        Some(pending) => Err(pending_fault(from, pending.body.sequence.get(), pending.body.amount.get())),
    }
}

fn pending_fault(from: &Address, sequence: u64, amount: u64) -> Fault {
    let from = address::encode(from);
    Fault::pending(
        format!(
            "an earlier order is pending: payment {sequence} of {amount} units from {from}. It is finished first, since \
             authorities may have voted for it: run `recover {from}`, then pay again. Nothing new was signed"
        ),
        json!({ "account": from, "sequence": sequence, "amount": amount, "signed": false }),
    )
}

fn payment(options: &PayOptions, driver: &Driver<'_>) -> Result<Payment, Fault> {
    let (recipient, recipient_kind) = match options.to {
        Payee::Account(address) => (address, RECIPIENT_ACCOUNT),
        Payee::Primary(address) => (address, RECIPIENT_PRIMARY),
    };
    let network = driver.terms().network();
    let funding = options.with.iter().map(|path| certificates::read(path, network)).collect::<Result<_, _>>()?;
    Ok(Payment {
        recipient,
        recipient_kind,
        amount: options.amount,
        user_data: options.memo.unwrap_or_default(),
        expiry: expiry(options)?,
        funding,
    })
}

fn expiry(options: &PayOptions) -> Result<TimeMs, Fault> {
    let Some(span) = options.expires_in else { return Ok(TimeMs(u64::MAX)) };
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_1970 = since_1970
        .map_err(|_| Fault::Usage("the clock is before 1970; set it, or leave out --expires-in".to_owned()))?;
    Ok(TimeMs(u64::try_from((since_1970 + span).as_millis()).unwrap_or(u64::MAX)))
}

/// Asks whether a quorum would vote for it: an order that is signed and refused blocks its account until it is not.
fn check(driver: &mut Driver<'_>, from: &Address, amount: Amount) -> Result<(), Fault> {
    // What the book knew by itself: the answers teach it more.
    let own_next = driver.client.book().account(from).map(|account| account.next_sequence()).unwrap_or_default();
    let inquiry = inquiry::inquire(driver, &[*from], Patience::Certainty)?.remove(0);
    let terms = driver.terms();
    if inquiry.weight(terms) < terms.quorum() {
        return Err(too_few(driver, &inquiry));
    }
    if let Some((_, next)) = inquiry.agreed.filter(|(_, next)| *next > own_next) {
        return Err(behind(from, own_next, next));
    }
    if let Some(digest) = inquiry.blocked_by(terms, inquiry::own_pending(&driver.client, from).as_ref()) {
        return Err(blocked(from, &digest));
    }
    if inquiry.spendable < amount {
        return Err(Fault::refused(
            format!(
                "a quorum would vote for at most {} units, and this is {amount}; no order was signed. Money that someone has paid \
                 you comes with his certificate: `receive` it, or spend it at once with --with FILE",
                inquiry.spendable
            ),
            json!({ "signed": false, "why": "funds", "spendable": inquiry.spendable }),
        ));
    }
    Ok(())
}

fn too_few(driver: &Driver<'_>, inquiry: &Inquiry) -> Fault {
    let standing = |answer: &Option<Answer>| if answer.is_some() { Standing::Answered } else { Standing::Silent };
    let standings: Vec<Standing> = inquiry.answers.iter().map(standing).collect();
    Fault::pending(
        format!(
            "too few authorities answer to make a payment now, and no order was signed:{}\nTry again when they answer; with \
             --no-check the order is signed and kept, and `recover` finishes it",
            carrying::standings_text(driver, &standings)
        ),
        json!({ "signed": false, "authorities": carrying::standings_value(&standings) }),
    )
}

fn behind(from: &Address, own: Sequence, theirs: Sequence) -> Fault {
    let from = address::encode(from);
    Fault::refused(
        format!(
            "the authorities have settled {} payments of {from}, and this wallet knows {}: someone else pays with the same key. \
             Run `recover {from} --rebuild`, then pay again. No order was signed",
            theirs.0, own.0
        ),
        json!({ "signed": false, "account": from, "why": "overtaken", "next_sequence": theirs.0 }),
    )
}

fn blocked(from: &Address, digest: &Digest) -> Fault {
    let (from, digest) = (address::encode(from), hex::encode(digest));
    Fault::refused(
        format!(
            "authorities have voted for another order of {from}, {digest}, which is not in this wallet's book, so a second one would \
             find no quorum. Someone else pays with the same key, or a lost book had it: finish it there with `recover`, then run \
             `recover {from} --rebuild` here. No order was signed"
        ),
        json!({ "signed": false, "account": from, "why": "conflict", "other": digest }),
    )
}

/// Why nothing was signed.
fn refusal(from: &Address, error: PayError) -> Fault {
    match error {
        PayError::Pending { sequence, amount, .. } => pending_fault(from, sequence.0, amount.0),
        PayError::SequenceExhausted => Fault::refused(error.to_string(), json!({ "signed": false })),
        PayError::UnknownAccount { .. } => {
            Fault::Usage(format!("{} is not in this wallet; `status` lists what is", address::encode(from)))
        }
        PayError::Funding { index, error: ReceiveError::Certificate(error) } => Fault::refused(
            format!("--with, number {}: it proves nothing: {error}; nothing was signed", index + 1),
            json!({ "signed": false, "why": "certificate" }),
        ),
        PayError::Funding { index, error } => {
            Fault::Usage(format!("--with, number {}: {error}; nothing was signed", index + 1))
        }
        _ => Fault::Usage(format!("{error}; nothing was signed")),
    }
}

fn finish(
    options: &PayOptions,
    driver: &mut Driver<'_>,
    from: &Address,
    sequence: Sequence,
    operation: OperationId,
) -> Result<(), Fault> {
    match carrying::carry(driver, &[operation]) {
        Ok(mut ends) => match ends.remove(0) {
            End::Settled(settled) => report(options, driver, from, sequence, &settled),
            End::Certified(elapsed) => report_certified(options, driver, from, sequence, elapsed),
            End::Refused(refused) => Err(Fault::refused(
                carrying::refused_text(from, sequence.0, &refused),
                carrying::refused_value(from, sequence.0, &refused),
            )),
            End::Waiting(standings) => Err(waiting(driver, from, sequence, &standings)),
        },
        Err(Fault::Interrupted) => Err(interrupted(from, sequence, options.amount)),
        Err(fault) => Err(fault),
    }
}

fn report(
    options: &PayOptions,
    driver: &Driver<'_>,
    from: &Address,
    sequence: Sequence,
    settled: &Settled,
) -> Result<(), Fault> {
    let certificate = certificate(driver, from, sequence);
    let text = write_out(options, driver, certificate, "final")?;
    let is_claim = matches!(options.to, Payee::Primary(_)) && options.out.is_none();
    let missing: Vec<u8> =
        driver.terms().authorities().filter(|authority| !settled.receipts.contains(authority)).collect();
    driver.console.report(&Paid {
        amount: options.amount.0,
        from: address::encode(from),
        to: certificates::recipient(certificate.body()),
        sequence: sequence.0,
        digest: hex::encode(certificate.digest()),
        confirmed_by: settled.receipts.iter().copied().collect(),
        silent_names: missing.iter().map(|authority| driver.name(*authority)).collect(),
        not_confirmed_by: missing,
        certified_ms: settled.certified.map(|certified| certified.as_secs_f64() * 1e3),
        elapsed_ms: settled.elapsed.as_secs_f64() * 1e3,
        certificate_file: options.out.as_ref().map(|out| out.display().to_string()),
        certificate: is_claim.then_some(text),
    })
}

/// The payment is certified, and nobody has been given the certificate but whoever reads this.
fn report_certified(
    options: &PayOptions,
    driver: &Driver<'_>,
    from: &Address,
    sequence: Sequence,
    elapsed: Duration,
) -> Result<(), Fault> {
    let certificate = certificate(driver, from, sequence);
    let text = write_out(options, driver, certificate, "certified")?;
    driver.console.report(&Certified {
        amount: options.amount.0,
        from: address::encode(from),
        to: certificates::recipient(certificate.body()),
        sequence: sequence.0,
        digest: hex::encode(certificate.digest()),
        elapsed_ms: elapsed.as_secs_f64() * 1e3,
        certificate_file: options.out.as_ref().map(|out| out.display().to_string()),
        certificate: options.out.is_none().then_some(text),
    })
}

fn certificate<'a>(driver: &'a Driver<'_>, from: &Address, sequence: Sequence) -> &'a Certificate {
    let account = driver.client.book().account(from);
    account.and_then(|account| account.sent().get(&sequence)).expect("what is final or certified has a certificate")
}

/// Writes the certificate to the file asked for. Returns its text.
fn write_out(
    options: &PayOptions,
    driver: &Driver<'_>,
    certificate: &Certificate,
    state: &str,
) -> Result<String, Fault> {
    let text = certificate.export(driver.terms().network());
    if let Some(out) = &options.out {
        let written = files::create(out, text.as_bytes(), certificates::FILE_MODE);
        written.inspect_err(|_| {
            driver.console.notice(&format!(
                "payment {} is {state}; only its certificate could not be written: `export-certificate` writes it elsewhere",
                certificate.sequence().0
            ));
        })?;
    }
    Ok(text)
}

fn waiting(driver: &Driver<'_>, from: &Address, sequence: Sequence, standings: &[Standing]) -> Fault {
    let is_certified =
        driver.client.book().account(from).is_some_and(|account| account.pending_certificate().is_some());
    let state = if is_certified {
        "is certified, so it cannot be stopped any more, but a quorum has not confirmed it"
    } else {
        "is pending: too few authorities have voted for it"
    };
    let shown = address::encode(from);
    Fault::pending(
        format!(
            "payment {} of {shown} {state}:{}\nIt is kept, and goes on with `recover {shown}`; until then the account pays nothing else",
            sequence.0,
            carrying::standings_text(driver, standings)
        ),
        json!({
            "signed": true,
            "account": shown,
            "sequence": sequence.0,
            "certified": is_certified,
            "authorities": carrying::standings_value(standings),
        }),
    )
}

fn interrupted(from: &Address, sequence: Sequence, amount: Amount) -> Fault {
    let from = address::encode(from);
    Fault::pending(
        format!(
            "interrupted: payment {} of {amount} units from {from} is pending. It is kept, and goes on with `recover {from}`; until \
             then the account pays nothing else",
            sequence.0
        ),
        json!({ "signed": true, "account": from, "sequence": sequence.0, "amount": amount }),
    )
}

impl Report for Paid {
    fn text(&self) -> String {
        let Self { amount, from, to, sequence, elapsed_ms, .. } = self;
        let confirmed = self.confirmed_by.len();
        let all = confirmed + self.not_confirmed_by.len();
        let mut text = format!(
            "paid {amount} from {from}\n     to {to}\npayment {sequence}, final after {elapsed_ms:.0} ms, confirmed by {confirmed} of {all} authorities"
        );
        for name in &self.silent_names {
            text += &format!("\n  {name} has not confirmed it; it is told with the next payment");
        }
        if let Some(file) = &self.certificate_file {
            text += &format!("\nits certificate is in {file}");
        }
        if let Some(certificate) = &self.certificate {
            text += &format!("\nthe claim, for the primary ledger:\n{}", certificate.trim_end());
        }
        text
    }
}

impl Report for Certified {
    /// The certificate alone where no file takes it: it can be piped to a file, or into `receive -`.
    fn text(&self) -> String {
        let Self { amount, from, to, sequence, elapsed_ms, .. } = self;
        match (&self.certificate, &self.certificate_file) {
            (Some(certificate), _) => certificate.trim_end().to_owned(),
            (None, file) => format!(
                "certified {amount} from {from}\n          to {to}\npayment {sequence}, certified after {elapsed_ms:.0} ms; its certificate \
                 is in {}\nGive it to whoever is paid: `receive` or `pay --with` brings it to the authorities, and so does \
                 `recover {from}` here, which is to be run before that account pays again",
                file.as_deref().unwrap_or_default()
            ),
        }
    }
}
