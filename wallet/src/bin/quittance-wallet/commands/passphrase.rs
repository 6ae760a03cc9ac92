//! `passphrase`: sealing the keys, and unsealing them.

use crate::console::{Console, Report};
use crate::fault::Fault;
use crate::keys::PassphraseSource;
use crate::options::{Common, NewPassphraseOptions, PassphraseAct};
use crate::wallet::Wallet;
use serde::Serialize;

#[derive(Serialize)]
struct Resealed {
    sealed: bool,
}

pub(crate) fn passphrase(common: &Common, act: &PassphraseAct, console: &Console) -> Result<(), Fault> {
    let wallet = Wallet::open(common, console)?;
    let mut vault = wallet.vault(common)?;
    if vault.secrets().all().is_empty() {
        return Err(Fault::Usage("the wallet has no keys to seal; make some with `create-accounts`".to_owned()));
    }
    let passphrase = match (act, vault.passphrase().is_some()) {
        (PassphraseAct::Set(_), true) => {
            return Err(Fault::Usage(
                "the keys have a passphrase already; `passphrase change` gives them another".to_owned(),
            ));
        }
        (PassphraseAct::Change(_) | PassphraseAct::Remove, false) => {
            return Err(Fault::Usage("the keys have no passphrase; `passphrase set` gives them one".to_owned()));
        }
        (PassphraseAct::Set(options) | PassphraseAct::Change(options), _) => Some(new_source(options).ask_new()?),
        (PassphraseAct::Remove, true) => None,
    };
    vault.reseal(passphrase)?;
    console.report(&Resealed { sealed: vault.passphrase().is_some() })
}

fn new_source(options: &NewPassphraseOptions) -> PassphraseSource {
    PassphraseSource { file: options.new_passphrase_file.clone() }
}

impl Report for Resealed {
    fn text(&self) -> String {
        if self.sealed {
            "the keys are sealed; nobody can give the passphrase back to you, and older copies of the file are not sealed by it"
        } else {
            "the keys are no longer sealed: whoever reads the file can spend"
        }
        .to_owned()
    }
}
