//! The command line.

use crate::quantity::{self, Payee};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use quittance_engine::types::Amount;
use std::path::PathBuf;
use std::time::Duration;

/// What a command's end means to whoever started it. Short lines: they are shown as they are on narrow terminals, too.
pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  refused by the committee (funds, a conflict, a payment that overtook
     this one), or not even tried because it would be; or a certificate
     that was given proves nothing: forged, altered, of too few votes
  2  the command line, or a file that it names, is wrong (also: another
     network's certificate, or one that pays someone else); nothing was done
  3  the machine's or a file's fault: the message names the remedy
  4  too few authorities answered, or the command was interrupted: the
     message names the silent ones, and says whether an order is pending;
     such an order is kept, and `recover` goes on with it
  5  the wallet cannot be used: damaged, in use by another command, or
     sealed with another passphrase";

/// Pays and is paid through a committee of Quittance authorities.
///
/// A wallet is a folder: the file `keys` has the accounts' secrets, and the file `book` has every order that they signed, the
/// certificates that came of them, and those received. An order is in the book, on disk, before anyone sees it; a pending one
/// is finished, never replaced: so nothing is ever paid twice, whenever a command is killed. Keep a copy of `keys`; the
/// authorities give the rest back (`recover --rebuild`).
#[derive(Debug, Parser)]
#[command(name = "quittance-wallet", version, after_long_help = EXIT_CODES, max_term_width = 120)]
pub(crate) struct CommandLine {
    /// What holds for all commands.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) act: Act,
}

/// Options of all commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The wallet's folder; made when its first account is. [default: ~/.quittance]
    #[arg(long, global = true, value_name = "DIR", env = "QUITTANCE_WALLET")]
    pub(crate) wallet: Option<PathBuf>,
    /// The committee file: the authorities' keys and where they listen.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) committee: Option<PathBuf>,
    /// The genesis file, whose digest names the network. Needed once: the wallet then belongs to that network.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,
    /// A file whose first line is the wallet's passphrase; without it, a terminal is asked.
    #[arg(long, global = true, value_name = "FILE", env = "QUITTANCE_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// How long to wait for authorities, or for another command that uses the wallet: 500ms, 10s, 2m.
    #[arg(long, global = true, value_name = "SPAN", default_value = "10s", value_parser = quantity::span)]
    pub(crate) timeout: Duration,
    /// Print one JSON object instead of text, also where the command fails.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Make new accounts, and print the lines that a genesis file has for them.
    #[command(after_long_help = EXIT_CODES)]
    CreateAccounts(CreateAccountsOptions),
    /// Say what an account has.
    ///
    /// What this wallet's book knows of it; with --quorum, what the authorities say, for any account.
    #[command(after_long_help = EXIT_CODES)]
    Balance(BalanceOptions),
    /// Pay, and wait until it is settled.
    ///
    /// The order is signed, kept, and sent to all authorities; their votes make a certificate, which proves the payment; a
    /// quorum's receipts are finality. An account pays one payment at a time: one that is pending is finished first (`recover`).
    #[command(after_long_help = EXIT_CODES)]
    Pay(PayOptions),
    /// Take a certificate that someone gave you: check it, keep it, and carry it to all authorities.
    #[command(after_long_help = EXIT_CODES)]
    Receive(ReceiveOptions),
    /// List an account's payments, made and received.
    #[command(after_long_help = EXIT_CODES)]
    History(HistoryOptions),
    /// Show the wallet's accounts and how the authorities are doing.
    #[command(after_long_help = EXIT_CODES)]
    Status,
    /// Finish what is pending; with --rebuild, get the book back from the authorities with the keys alone.
    #[command(after_long_help = EXIT_CODES)]
    Recover(RecoverOptions),
    /// Write the certificate of a payment, made or received: the proof of it.
    #[command(after_long_help = EXIT_CODES)]
    ExportCertificate(ExportCertificateOptions),
    /// Add the accounts of a keys file to the wallet; `recover --rebuild` then gets their payments.
    #[command(after_long_help = EXIT_CODES)]
    ImportKey(ImportKeyOptions),
    /// Write one account's secret to a keys file of its own, sealed with the wallet's passphrase if there is one.
    ///
    /// Whoever has that file can spend. An account that two wallets pay from at the same time gets in its own way.
    #[command(after_long_help = EXIT_CODES)]
    ExportKey(ExportKeyOptions),
    /// Seal the keys with a passphrase, change it, or take it off.
    #[command(after_long_help = EXIT_CODES)]
    Passphrase(PassphraseOptions),
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command.
    Man {
        /// The folder to write them to.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Options of `create-accounts`.
#[derive(Debug, Args)]
pub(crate) struct CreateAccountsOptions {
    /// How many.
    #[arg(value_name = "N", value_parser = clap::value_parser!(u64).range(1..=crate::keys::ACCOUNTS_MAX as u64))]
    pub(crate) count: u64,
    /// What each of them shall have at the network's start.
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = quantity::funding, allow_hyphen_values = true)]
    pub(crate) funding: Amount,
    /// Print the genesis file's first line before them.
    #[arg(long)]
    pub(crate) header: bool,
}

/// Options of `balance`.
#[derive(Debug, Args)]
pub(crate) struct BalanceOptions {
    /// The account; of the wallet's own, the first 8 characters or more will do.
    pub(crate) address: String,
    /// Ask all authorities, and say what a quorum of them agrees on.
    #[arg(long)]
    pub(crate) quorum: bool,
}

/// Options of `pay`.
#[derive(Debug, Args)]
pub(crate) struct PayOptions {
    /// Units, above zero; digits may be separated by _.
    #[arg(value_parser = quantity::amount, allow_hyphen_values = true)]
    pub(crate) amount: Amount,
    /// The paying account, of this wallet; its first 8 characters or more will do.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: String,
    /// Who is paid: an account's address, or `primary:` and 64 hexadecimal digits for an address on the primary ledger (a
    /// redemption, whose certificate is the claim there).
    #[arg(long, value_name = "ADDRESS", value_parser = quantity::payee)]
    pub(crate) to: Payee,
    /// Up to 32 bytes of text for the payee; everyone can read it.
    #[arg(long, value_name = "TEXT", value_parser = quantity::memo)]
    pub(crate) memo: Option<[u8; 32]>,
    /// Have authorities vote for it for no longer than this: 90s, 10m, 24h. [default: no end]
    ///
    /// Think twice: if some authorities have voted when the time is over and the others refuse, no certificate can be made, and
    /// the account cannot pay any more, because no authority ever votes for a second order of one sequence number. Without an
    /// end, a payment that is pending can always be finished later. A certified payment settles whenever it comes.
    #[arg(long, value_name = "SPAN", value_parser = quantity::span)]
    pub(crate) expires_in: Option<Duration>,
    /// Spend what this certificate gives the paying account, even before any authority has heard of it: it is sent ahead of
    /// the order. May be repeated.
    #[arg(long = "with", value_name = "FILE")]
    pub(crate) with: Vec<PathBuf>,
    /// Do not ask first whether a quorum would vote for it.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Stop at the certificate, and print it: whoever is paid carries it to the authorities.
    ///
    /// The payment can no longer be stopped, and is settled as soon as the payee's `receive` or `pay --with`, or `recover` here,
    /// has brought the certificate to the authorities. The account pays nothing else before `recover` has seen that.
    #[arg(long)]
    pub(crate) certify_only: bool,
    /// Write the payment's certificate to this new file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `receive`.
#[derive(Debug, Args)]
pub(crate) struct ReceiveOptions {
    /// The certificate, as `export-certificate` or `pay --out` wrote it; `-` for standard input.
    #[arg(value_name = "CERTIFICATE-FILE")]
    pub(crate) certificate: PathBuf,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryOptions {
    /// The account; of the wallet's own, the first 8 characters or more will do.
    pub(crate) address: String,
    /// Ask the authorities rather than the book: for any account.
    #[arg(long)]
    pub(crate) remote: bool,
}

/// Options of `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverOptions {
    /// This account alone; its first 8 characters or more will do. Without it, all.
    pub(crate) address: Option<String>,
    /// Get the book back from the authorities: every payment made and received, with its certificate, checked. For a lost book,
    /// an imported key, or an account that another wallet paid from.
    #[arg(long)]
    pub(crate) rebuild: bool,
}

/// Options of `export-certificate`.
#[derive(Debug, Args)]
pub(crate) struct ExportCertificateOptions {
    /// The account that paid; of the wallet's own, the first 8 characters or more will do.
    pub(crate) address: String,
    /// The payment's sequence number.
    pub(crate) sequence: u64,
    /// Write it to this new file instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `import-key`.
#[derive(Debug, Args)]
pub(crate) struct ImportKeyOptions {
    /// A keys file: another wallet's, or what `export-key` wrote.
    pub(crate) file: PathBuf,
    /// A file whose first line is that file's passphrase, if it is sealed.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_passphrase_file: Option<PathBuf>,
}

/// Options of `export-key`.
#[derive(Debug, Args)]
pub(crate) struct ExportKeyOptions {
    /// The account; its first 8 characters or more will do.
    pub(crate) address: String,
    /// The new file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Options of `passphrase`.
#[derive(Debug, Args)]
pub(crate) struct PassphraseOptions {
    /// What to do.
    #[command(subcommand)]
    pub(crate) act: PassphraseAct,
}

/// What to do with the passphrase.
#[derive(Debug, Subcommand)]
pub(crate) enum PassphraseAct {
    /// Seal keys that have no passphrase yet.
    Set(NewPassphraseOptions),
    /// Seal them with another one.
    Change(NewPassphraseOptions),
    /// Keep them readable to whoever can read the file.
    Remove,
}

/// Options of `passphrase set` and `passphrase change`.
#[derive(Debug, Args)]
pub(crate) struct NewPassphraseOptions {
    /// A file whose first line is the new passphrase; without it, a terminal is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
}

impl Common {
    /// The wallet's folder.
    ///
    /// # Errors
    /// What to say to someone who has no home.
    pub(crate) fn folder(&self) -> Result<PathBuf, String> {
        let home = || std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let folder = self.wallet.clone().filter(|folder| !folder.as_os_str().is_empty());
        folder
            .or_else(|| home().map(|home| home.join(".quittance")))
            .ok_or_else(|| "there is no home folder; say where the wallet is with --wallet DIR".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn exit_codes_are_in_the_help_of_every_command_that_can_fail_in_its_own_way() {
        let command = CommandLine::command();
        let quiet = ["completions", "man", "help"];
        for sub in command.get_subcommands().filter(|sub| !quiet.contains(&sub.get_name())) {
            let help = sub.clone().render_long_help().to_string();
            assert!(help.contains("Exit codes:"), "{}", sub.get_name());
        }
    }

    #[test]
    fn the_help_says_why_orders_do_not_expire_by_default() {
        let mut command = CommandLine::command();
        let pay = command.find_subcommand_mut("pay").unwrap();
        assert!(pay.render_long_help().to_string().contains("the account cannot pay any more"));
    }
}
