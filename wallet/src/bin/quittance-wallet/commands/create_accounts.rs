//! `create-accounts`: new accounts, and the lines that a genesis file has for them.

use crate::console::{self, Console, Report};
use crate::fault::Fault;
use crate::keys::Secret;
use crate::options::{Common, CreateAccountsOptions};
use crate::wallet::Wallet;
use quittance_engine::types::{Address, Amount};
use quittance_engine::{address, genesis};
use quittance_wallet::book::Record;
use serde::Serialize;
use zeroize::Zeroizing;

/// Steps of the bar: more would cost more than a key.
const BAR_STEP: u64 = 256;

#[derive(Serialize)]
struct Created {
    accounts: Vec<String>,
    funding: u64,
    genesis_lines: Vec<String>,
}

pub(crate) fn create_accounts(
    common: &Common,
    options: &CreateAccountsOptions,
    console: &Console,
) -> Result<(), Fault> {
    check_supply(options)?;
    let mut wallet = Wallet::open_or_make(common, console)?;
    let mut vault = wallet.vault(common)?;
    let secrets = draw(options.count, console)?;
    let accounts: Vec<Address> = secrets.iter().map(Secret::address).collect();
    // First the keys: an account that the book knows can be paid.
    vault.add(&secrets)?;
    let records: Vec<Record> = accounts.iter().map(|address| Record::Account { address: *address }).collect();
    wallet.store.append(&records)?;
    say(options, console, &accounts)
}

fn check_supply(options: &CreateAccountsOptions) -> Result<(), Fault> {
    let supply = options.funding.0.checked_mul(options.count).filter(|supply| *supply <= genesis::SUPPLY_MAX);
    supply.map(drop).ok_or_else(|| {
        Fault::Usage(format!(
            "{} accounts of {} would hold more than {}, the most that a network can hold; lower --funding",
            options.count,
            options.funding,
            genesis::SUPPLY_MAX
        ))
    })
}

fn draw(count: u64, console: &Console) -> Result<Vec<Secret>, Fault> {
    let bar = console.bar("new accounts", count);
    // All at once: what grows leaves secrets behind.
    let mut secrets = Vec::with_capacity(usize::try_from(count).expect("at most a million"));
    for number in 0..count {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        secrets.push(Secret::from_seed(seed));
        if number % BAR_STEP == 0 {
            bar.set_position(number);
        }
    }
    bar.finish_and_clear();
    Ok(secrets)
}

fn say(options: &CreateAccountsOptions, console: &Console, accounts: &[Address]) -> Result<(), Fault> {
    let line = |account: &Address| genesis::line(account, options.funding);
    if console.is_json() {
        let Amount(funding) = options.funding;
        return console.report(&Created {
            accounts: accounts.iter().map(address::encode).collect(),
            funding,
            genesis_lines: accounts.iter().map(line).collect(),
        });
    }
    let mut text = String::new();
    if options.header {
        text += genesis::FIRST_LINE;
        text.push('\n');
    }
    for account in accounts {
        text += &line(account);
        text.push('\n');
    }
    console::print(text.as_bytes())
}

impl Report for Created {
    fn text(&self) -> String {
        self.genesis_lines.join("\n")
    }
}
