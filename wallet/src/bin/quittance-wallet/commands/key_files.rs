//! `import-key` and `export-key`: secrets that come and go.

use crate::console::{Console, Report};
use crate::fault::Fault;
use crate::files;
use crate::keys::{self, PassphraseSource, Secret, Secrets};
use crate::options::{Common, ExportKeyOptions, ImportKeyOptions};
use crate::wallet::{self, Wallet};
use quittance_engine::address;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Imported {
    added: Vec<String>,
    known: Vec<String>,
}

#[derive(Serialize)]
struct Exported {
    account: String,
    file: String,
    sealed: bool,
}

pub(crate) fn import_key(common: &Common, options: &ImportKeyOptions, console: &Console) -> Result<(), Fault> {
    let source = PassphraseSource { file: options.from_passphrase_file.clone() };
    let (secrets, _) = keys::read(&options.file, &source, "the file")?;
    if let Some(bad) = secrets.all().iter().find(|secret| secret.key().is_none()) {
        return Err(Fault::Damaged {
            path: options.file.clone(),
            what: format!("the secret of {} is another account's; nothing was added", address::encode(&bad.address())),
        });
    }
    let wallet = Wallet::open_or_make(common, console)?;
    let mut vault = wallet.vault(common)?;
    let own: BTreeSet<_> = vault.secrets().all().iter().map(Secret::address).collect();
    let (known, new): (Vec<Secret>, Vec<Secret>) =
        secrets.all().iter().cloned().partition(|secret| own.contains(&secret.address()));
    if !new.is_empty() {
        vault.add(&new)?;
    }
    let shown = |secrets: &[Secret]| secrets.iter().map(|secret| address::encode(&secret.address())).collect();
    console.report(&Imported { added: shown(&new), known: shown(&known) })
}

pub(crate) fn export_key(common: &Common, options: &ExportKeyOptions, console: &Console) -> Result<(), Fault> {
    let wallet = Wallet::open(common, console)?;
    let account = wallet::own_account(&wallet.book, &options.address)?;
    let vault = wallet.vault(common)?;
    // It signs for the account, or this fails.
    vault.key(&account)?;
    let secret = vault.secrets().of(&account).expect("its key was just made of it");
    let bytes = keys::write_file(&options.out, &Secrets::new(vec![secret.clone()]), vault.passphrase())?;
    files::create(&options.out, &bytes, 0o600)?;
    console.report(&Exported {
        account: address::encode(&account),
        file: options.out.display().to_string(),
        sealed: vault.passphrase().is_some(),
    })
}

impl Report for Imported {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.added.iter().map(|account| format!("added {account}")).collect();
        lines.extend(self.known.iter().map(|account| format!("the wallet has {account} already")));
        if !self.added.is_empty() {
            lines.push("now run `recover --rebuild`: an account pays when its earlier payments are known".to_owned());
        }
        lines.join("\n")
    }
}

impl Report for Exported {
    fn text(&self) -> String {
        let seal =
            if self.sealed { "sealed with the wallet's passphrase" } else { "not sealed: whoever reads it can spend" };
        format!(
            "the secret of {} is in {}, {seal}\nlet only one wallet pay from an account: two would get in each other's way",
            self.account, self.file
        )
    }
}
