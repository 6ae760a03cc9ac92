//! A network namespace with a pair of virtual interfaces, `v0` and `v1`, gone when it is dropped.

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The interface that is changed.
pub(crate) const NIC: &str = "v0";

/// Queues of each interface in each direction.
pub(crate) const QUEUE_COUNT: u32 = 4;

/// `ip` answers at once.
const IP_WAIT_MAX: Duration = Duration::from_secs(10);

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Namespace(String);

impl Namespace {
    /// # Errors
    /// Why there can be none here.
    pub(crate) fn with_veth() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("a network namespace takes root".to_owned());
        }
        if Command::new("ip").arg("-V").output().is_err() {
            return Err("`ip` of iproute2 is not here".to_owned());
        }
        let name = format!("quittance-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &name])?;
        // From here on it is taken away again, whatever comes.
        let namespace = Self(name);
        let queues = QUEUE_COUNT.to_string();
        let ends = ["numtxqueues", &queues, "numrxqueues", &queues];
        let pair = [&["link", "add", NIC][..], &ends, &["type", "veth", "peer", "name", "v1"], &ends];
        namespace.ip(&pair.concat())?;
        namespace.ip(&["link", "set", NIC, "up"])?;
        namespace.ip(&["link", "set", "v1", "up"])?;
        Ok(namespace)
    }

    /// Runs `ip` on what is within.
    pub(crate) fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", self.name()], arguments].concat())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(reason) = ip(&["netns", "delete", &self.0]) {
            eprintln!("{} is left over: {reason}", self.0);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(arguments);
    let output = ran_within(command, IP_WAIT_MAX);
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("ip {}: {said}", arguments.join(" ")))
}

/// Runs a command to its end, or kills it when it takes too long.
pub(crate) fn ran_within(mut command: Command, wait_max: Duration) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the command can be started");
    kill_after(&mut child, wait_max);
    child.wait_with_output().expect("a child's output can be read")
}

fn kill_after(child: &mut Child, wait_max: Duration) {
    let start = Instant::now();
    while child.try_wait().expect("a child can be waited for").is_none() {
        if start.elapsed() > wait_max {
            child.kill().expect("a child of ours can be killed");
            panic!("not done within {wait_max:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}
