//! Signals, turned into events for a main thread.

use crate::fault::Fault;
use crossbeam::channel::Sender;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGUSR1.
    Report,
    /// SIGINT, SIGTERM.
    Stop,
}

/// Listens from now on, on a thread of its own, and makes an event of each signal.
pub(crate) fn listen<E: Send + 'static>(events: Sender<E>, event: fn(i32) -> E) -> Result<(), Fault> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).map_err(Fault::Signals)?;
    let forward = move || {
        for signal in signals.forever() {
            if events.send(event(signal)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(forward).map_err(Fault::Signals)?;
    Ok(())
}

/// From now on the end of the process that started this one comes as a SIGTERM. That it ended before is not seen.
pub(crate) fn end_with_parent() -> Result<(), Fault> {
    let set = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    set.map_err(|error| Fault::Signals(error.into()))
}

/// What one of the signals listened for asks for.
pub(crate) fn request(signal: i32) -> Request {
    if signal == SIGUSR1 { Request::Report } else { Request::Stop }
}

/// From now on a panic of any thread ends the process. What other threads share with the one that panicked may be half
/// changed, and an authority that goes on with half its shards would keep its clients waiting for nothing.
pub(crate) fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        eprintln!("quittance-authority: this is a fault of ours and ends the process; please report the message above");
        std::process::abort();
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const CHILD: &str = "QUITTANCE_TEST_PANICKING_CHILD";
    const SIGABRT: i32 = 6;

    #[test]
    fn a_panic_of_any_thread_ends_the_process() {
        if std::env::var_os(CHILD).is_some() {
            end_on_panic();
            let _ = std::thread::spawn(|| panic!("planted")).join();
            return;
        }
        let own = std::env::current_exe().unwrap();
        let name = "signals::tests::a_panic_of_any_thread_ends_the_process";
        let output = Command::new(own).args([name, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert_eq!(output.status.signal(), Some(SIGABRT), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("planted") && errors.contains("please report"), "{errors}");
    }

    #[test]
    fn only_sigusr1_asks_for_a_report() {
        assert_eq!(request(SIGUSR1), Request::Report);
        assert_eq!((request(SIGINT), request(SIGTERM)), (Request::Stop, Request::Stop));
    }
}
