//! A committee of real processes, and a wallet beside it.

use crate::binaries::binaries;
use quittance_bench::ports::find_rows;
use quittance_bench::process::AuthorityProcess;
use quittance_bench::scene::HOST;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// A wallet with accounts, and the network's public files.
pub(crate) struct Wallet(TempDir);

impl Wallet {
    /// So many accounts, each with this at the network's start.
    pub(crate) fn make(count: u64, funding: u64) -> Self {
        let wallet = Self(tempfile::tempdir().unwrap());
        let (count, funding) = (count.to_string(), funding.to_string());
        let mut command = Command::new(binaries(&["quittance-engine", "quittance-wallet"]).join("quittance-wallet"));
        command
            .args(["create-accounts", &count, "--funding", &funding, "--header", "--wallet"])
            .arg(wallet.path("wallet"));
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(wallet.path("genesis.txt"), made.stdout).unwrap();
        wallet
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file for its owner alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A copy of the wallet's folder, for another machine.
    pub(crate) fn copy(&self, name: &str) -> String {
        let copy = self.path(name);
        std::fs::create_dir(&copy).unwrap();
        for file in ["keys", "book"] {
            std::fs::copy(self.path("wallet").join(file), copy.join(file)).unwrap();
        }
        copy.to_str().unwrap().to_owned()
    }

    /// Every account's address, in the order in which they were made.
    pub(crate) fn accounts(&self) -> Vec<String> {
        let keys = std::fs::read_to_string(self.path("wallet").join("keys")).unwrap();
        let lines = keys.lines().skip(2).filter(|line| !line.starts_with("digest "));
        lines.map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    /// How long the book's file is.
    pub(crate) fn book_bytes(&self) -> u64 {
        std::fs::metadata(self.path("wallet").join("book")).unwrap().len()
    }

    /// Runs a command of the wallet with `--json`: its exit code, and the object that it printed.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let mut command = Command::new(binaries(&["quittance-engine", "quittance-wallet"]).join("quittance-wallet"));
        command.args(arguments).arg("--json").args(self.network()).arg("--wallet").arg(self.path("wallet"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}")))
    }

    fn network(&self) -> [OsString; 4] {
        let [committee, genesis] = ["committee.toml", "genesis.txt"].map(|name| self.path(name).into_os_string());
        ["--committee".into(), committee, "--genesis".into(), genesis]
    }
}

/// One committee at a time: together they would look for the same ports, and take the machine from each other.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Four authorities, in memory.
pub(crate) struct Network(Vec<Option<AuthorityProcess>>, #[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Network {
    /// Four that serve this wallet's genesis file, with so many shards and such weights.
    pub(crate) fn start(wallet: &Wallet, shards: [u16; 4], weights: [u64; 4]) -> Self {
        let authority = binaries(&["quittance-engine", "quittance-wallet"]).join("quittance-authority");
        let turn = turn();
        let ports = find_rows(HOST, 4, *shards.iter().max().unwrap()).unwrap();
        let mut committee = String::new();
        for index in 0..4 {
            let (port, shards) = (ports[index].to_string(), shards[index].to_string());
            let mut command = Command::new(&authority);
            command.args(["generate", "--host", "127.0.0.1", "--port", &port, "--shards", &shards, "--out"]);
            let made = command.arg(wallet.path(&format!("authority-{index}.toml"))).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let table = String::from_utf8(made.stdout).unwrap();
            committee += &table.replace("weight = 1", &format!("weight = {}", weights[index]));
        }
        std::fs::write(wallet.path("committee.toml"), committee).unwrap();
        let start = |index: usize| {
            let private = wallet.path(&format!("authority-{index}.toml"));
            let mut arguments: Vec<OsString> = vec!["run".into(), "--authority".into(), private.into()];
            arguments.extend(wallet.network());
            arguments.extend(["--volatile", "--json", "--exit-with-parent"].map(OsString::from));
            AuthorityProcess::start(index, &authority, &arguments).unwrap()
        };
        let mut processes: Vec<AuthorityProcess> = (0..4).map(start).collect();
        processes.iter_mut().for_each(|process| _ = process.await_ready(&mut || Ok(())).unwrap());
        Self(processes.into_iter().map(Some).collect(), turn)
    }

    /// Stops one of them.
    pub(crate) fn stop(&mut self, index: usize) {
        self.0[index].take().unwrap().stop();
    }

    /// Runs `attach` to its end: exit code, the object that it printed (null if none), standard error.
    pub(crate) fn attach(&self, wallet: &Wallet, options: &[&str]) -> (i32, Value, String) {
        end(self.start_attach(wallet, options))
    }

    /// Starts `attach`.
    pub(crate) fn start_attach(&self, wallet: &Wallet, options: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-bench"));
        command
            .arg("attach")
            .args(options)
            .arg("--json")
            .args(wallet.network())
            .env("QUITTANCE_WALLET", wallet.path("wallet"));
        command.env_remove("QUITTANCE_PASSPHRASE_FILE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Waits for a bench's end: exit code, the object that it printed (null if none), standard error.
pub(crate) fn end(child: Child) -> (i32, Value, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let json = serde_json::from_slice(&stdout).unwrap_or(Value::Null);
    (status.code().unwrap(), json, String::from_utf8(stderr).unwrap())
}

/// Merges folders into a new one: exit code, and what was said.
pub(crate) fn merge(folders: &[&str], out: &Path) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-bench"));
    let output = command.arg("merge").args(folders).arg("--out").arg(out).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}
