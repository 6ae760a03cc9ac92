//! A wallet's folder, and commands on it.

use super::{Committee, Relay};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A wallet in a folder of its own.
pub(crate) struct Wallet {
    folder: TempDir,
    /// By which it finds its committee, once it has one.
    network: Vec<String>,
    /// How many authorities that has.
    authority_count: usize,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Wallet {
    /// A place for a wallet that is not there yet.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), network: Vec::new(), authority_count: 0 }
    }

    /// A wallet with accounts that each have this at the network's start, and the genesis file's text.
    pub(crate) fn with_accounts(count: u64, funding: u64) -> (Self, Vec<String>, String) {
        let wallet = Self::new();
        let genesis =
            wallet.run(&["create-accounts", &count.to_string(), "--funding", &funding.to_string(), "--header"]).ok();
        let accounts = genesis.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        (wallet, accounts, genesis)
    }

    /// The same keys and book, in another folder: a careless owner's second wallet.
    pub(crate) fn twin(&self) -> Self {
        let twin = Self { folder: tempfile::tempdir().unwrap(), network: self.network.clone(), ..*self };
        std::fs::create_dir(twin.path()).unwrap();
        set_mode(&twin.path(), 0o700);
        for name in ["keys", "book"] {
            std::fs::copy(self.path().join(name), twin.path().join(name)).unwrap();
        }
        twin
    }

    /// From now on its commands know this committee.
    pub(crate) fn join(&mut self, committee: &Committee) {
        (self.network, self.authority_count) = (committee.options(), committee.count());
    }

    /// From now on its commands reach this committee through a relay.
    pub(crate) fn join_through(&mut self, relay: &Relay, committee: &Committee) {
        self.join(committee);
        self.network = committee.options_of(relay.committee_file());
    }

    /// From now on the book must know the network: no genesis file is given any more.
    pub(crate) fn forget_genesis(&mut self) {
        self.network.truncate(2);
    }

    /// The wallet's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("wallet")
    }

    /// A place beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file beside it, for its owner alone.
    pub(crate) fn write_beside(&self, name: &str, text: &str) -> String {
        let path = self.beside(name);
        std::fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        path.to_str().unwrap().to_owned()
    }

    /// Runs a command to its end. Whatever it is, it must print no secret.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let said = Said::of(self.command(arguments).output().unwrap());
        for secret in self.secrets() {
            assert!(!said.out.contains(&secret) && !said.err.contains(&secret), "{arguments:?} prints a secret");
        }
        said
    }

    /// The secrets in the keys file, as text; none if it is sealed, spoiled, or not there.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path().join("keys")).unwrap_or_default();
        let lines = text.lines().skip(2).filter(|line| !line.starts_with("digest "));
        lines.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
    }

    /// Runs a command with `--json`: the exit code and the one object that it printed.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let said = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(said.out.lines().count(), 1, "one object and nothing else: {said:?}");
        (said.code.unwrap(), serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}")))
    }

    /// Starts a command.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-wallet"));
        command.args(arguments).arg("--wallet").arg(self.path()).args(&self.network);
        command.env_remove("QUITTANCE_WALLET").env_remove("QUITTANCE_PASSPHRASE_FILE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Pays, and expects it to be final.
    #[track_caller]
    pub(crate) fn pay(&self, amount: u64, from: &str, to: &str, options: &[&str]) -> Value {
        let amount = amount.to_string();
        let (code, paid) = self.json(&[&["pay", &amount, "--from", from, "--to", to], options].concat());
        assert_eq!(code, 0, "{paid}");
        paid
    }

    /// What each authority says that an account has: (balance, next sequence number), or `None` where it is silent.
    #[track_caller]
    pub(crate) fn answers(&self, account: &str) -> Vec<Option<(i64, u64)>> {
        let (_, asked) = self.json(&["balance", account, "--quorum", "--timeout", "3s"]);
        let authorities = asked["authorities"].as_array().or(asked["details"]["authorities"].as_array());
        let answer = |answer: &Value| Some((answer["balance"].as_i64()?, answer["next_sequence"].as_u64()?));
        authorities.unwrap_or_else(|| panic!("{asked}")).iter().map(answer).collect()
    }

    /// Waits until all authorities say this. A credit takes a moment from one shard to another.
    #[track_caller]
    pub(crate) fn await_answers(&self, account: &str, balance: i64, next_sequence: u64) {
        self.await_honest(account, balance, next_sequence, None);
    }

    /// The same of all but one.
    #[track_caller]
    pub(crate) fn await_honest(&self, account: &str, balance: i64, next_sequence: u64, without: Option<usize>) {
        let wanted = vec![Some((balance, next_sequence)); self.authority_count];
        let deadline = std::time::Instant::now() + super::PATIENCE;
        loop {
            let mut answers = self.answers(account);
            if let Some(odd) = without {
                answers[odd] = wanted[odd];
            }
            if answers == wanted {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{account} has {answers:?}, and should have {wanted:?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a command printed that did what it should.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What a command said that ended with this code.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }
}

/// Changes who may read it.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}
