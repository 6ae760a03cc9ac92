//! One file for each command: what it does, and all that it says.

mod balance;
mod create_accounts;
mod export_certificate;
mod history;
mod key_files;
mod passphrase;
mod pay;
mod receive;
mod recover;
mod shell;
mod status;

use crate::console::Console;
use crate::fault::Fault;
use crate::options::{Act, CommandLine};

/// Does what the command line says.
///
/// # Errors
/// What ended it before it was done.
pub(crate) fn run(line: &CommandLine, console: &Console) -> Result<(), Fault> {
    let common = &line.common;
    match &line.act {
        Act::CreateAccounts(options) => create_accounts::create_accounts(common, options, console),
        Act::Balance(options) => balance::balance(common, options, console),
        Act::Pay(options) => pay::pay(common, options, console),
        Act::Receive(options) => receive::receive(common, options, console),
        Act::History(options) => history::history(common, options, console),
        Act::Status => status::status(common, console),
        Act::Recover(options) => recover::recover(common, options, console),
        Act::ExportCertificate(options) => export_certificate::export_certificate(common, options, console),
        Act::ImportKey(options) => key_files::import_key(common, options, console),
        Act::ExportKey(options) => key_files::export_key(common, options, console),
        Act::Passphrase(options) => passphrase::passphrase(common, &options.act, console),
        Act::Completions { shell } => shell::completions(*shell),
        Act::Man { out } => shell::man(out.as_deref(), console),
    }
}
