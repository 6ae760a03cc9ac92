//! What the library's client must not have: the clock, the sockets and the book's file.

use crate::console::Console;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::network_files;
use crate::options::Common;
use crate::sockets::Sockets;
use crate::wallet::Wallet;
use quittance_engine::types::Peer;
use quittance_wallet::book::{Book, Record};
use quittance_wallet::check::RootVerifier;
use quittance_wallet::client::{Client, Event, Patience};
use quittance_wallet::terms::Terms;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The longest sleep: how late a signal that came just before it is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// Before something is asked the first time again. Authorities on one continent have answered by then.
const RESEND_FIRST: Duration = Duration::from_millis(250);
const RESEND_LONGEST: Duration = Duration::from_secs(4);
/// A client ends what it was asked by itself; this is for the case that it does not.
const OVERTIME: Duration = Duration::from_secs(10);

/// A client at work.
pub(crate) struct Driver<'a> {
    pub(crate) client: Client,
    pub(crate) console: &'a Console,
    pub(crate) roots: RootVerifier,
    /// Where records go; `None` for questions whose answers are not kept.
    wallet: Option<Wallet>,
    sockets: Sockets,
    interrupt: Interrupt,
    started: Instant,
    timeout: Duration,
    echoes: Vec<Echo>,
    /// What was already said about sending.
    complaints: BTreeSet<String>,
}

/// When an authority was first asked anything, and how long it took to answer.
#[derive(Clone, Copy, Debug, Default)]
struct Echo {
    asked: Option<Instant>,
    round_trip: Option<Duration>,
}

impl<'a> Driver<'a> {
    /// For an open wallet: its book changes, on disk.
    ///
    /// # Errors
    /// [`Fault::Usage`] about the network's files; [`Fault::Machine`].
    pub(crate) fn new(common: &Common, console: &'a Console, mut wallet: Wallet) -> Result<Self, Fault> {
        let book = core::mem::take(&mut wallet.book);
        Self::with(common, console, book, Some(wallet))
    }

    /// For questions that change no book.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn asking(common: &Common, console: &'a Console, book: Book) -> Result<Self, Fault> {
        Self::with(common, console, book, None)
    }

    fn with(common: &Common, console: &'a Console, book: Book, wallet: Option<Wallet>) -> Result<Self, Fault> {
        let terms = network_files::terms(common, &book)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce)?;
        let patience = Patience {
            resend_first_ns: nanoseconds(RESEND_FIRST.min(common.timeout / 4)),
            resend_longest_ns: nanoseconds(RESEND_LONGEST),
            give_up_ns: nanoseconds(common.timeout),
        };
        let client = Client::new(terms.clone(), book, patience).map_err(|fault| Fault::Usage(fault.to_string()))?;
        Ok(Self {
            roots: RootVerifier::new(&terms, seed),
            sockets: Sockets::open(network_files::peers(&terms))?,
            interrupt: Interrupt::catch()?,
            started: Instant::now(),
            timeout: common.timeout,
            echoes: vec![Echo::default(); terms.authority_count()],
            complaints: BTreeSet::new(),
            client: client.with_nonces_from(u64::from_le_bytes(nonce)),
            console,
            wallet,
        })
    }

    /// The client's time.
    pub(crate) fn now_ns(&self) -> u64 {
        nanoseconds(self.started.elapsed())
    }

    /// The terms.
    pub(crate) fn terms(&self) -> &Terms {
        self.client.terms()
    }

    /// An authority, for people.
    pub(crate) fn name(&self, authority: u8) -> String {
        network_files::name(self.terms(), authority)
    }

    /// How long an authority took from the first question to its first answer.
    pub(crate) fn round_trip(&self, authority: u8) -> Option<Duration> {
        self.echoes[usize::from(authority)].round_trip
    }

    /// Drives the client until `hear` breaks. It is called with each event, and with `None` once a turn.
    ///
    /// # Errors
    /// [`Fault::File`] of the book; [`Fault::Interrupted`]; [`Fault::Machine`].
    pub(crate) fn run<T>(
        &mut self,
        mut hear: impl FnMut(&mut Client, Option<Event>) -> ControlFlow<T>,
    ) -> Result<T, Fault> {
        let mut deadline = Instant::now() + self.timeout + OVERTIME;
        loop {
            self.let_out()?;
            while let Some(event) = self.client.poll_event() {
                self.complain(&event);
                // The client's own patience starts anew when something comes of it.
                deadline = Instant::now() + self.timeout + OVERTIME;
                if let ControlFlow::Break(result) = hear(&mut self.client, Some(event)) {
                    return Ok(result);
                }
            }
            if let ControlFlow::Break(result) = hear(&mut self.client, None) {
                return Ok(result);
            }
            if self.interrupt.is_raised() {
                return Err(Fault::Interrupted);
            }
            if Instant::now() > deadline {
                return Err(Fault::pending(
                    "the authorities' answers come to no end; try again".to_owned(),
                    Value::Null,
                ));
            }
            self.take_in()?;
        }
    }

    /// Writes down what must be, until nothing more must be, and sends what may then leave.
    fn let_out(&mut self) -> Result<(), Fault> {
        loop {
            let records: Vec<Record> = core::iter::from_fn(|| self.client.poll_record()).collect();
            if records.is_empty() {
                break;
            }
            if let Some(wallet) = &mut self.wallet {
                wallet.store.append(&records)?;
            }
            self.client.recorded();
        }
        while let Some(transmit) = self.client.poll_transmit() {
            if let Some(source) = self.client.terms().directory().source(transmit.to) {
                self.echoes[usize::from(source.authority)].asked.get_or_insert_with(Instant::now);
            }
            if let Err(error) = self.sockets.send(transmit.to, &transmit.bytes) {
                self.complain_once(format!("nothing can be sent to {}: {error}", transmit.to));
            }
        }
        Ok(())
    }

    fn take_in(&mut self) -> Result<(), Fault> {
        let now_ns = self.now_ns();
        let due = self.client.poll_timeout().map(|due_ns| Duration::from_nanos(due_ns.saturating_sub(now_ns)));
        self.sockets.wait(due.unwrap_or(SLEEP_MAX).min(SLEEP_MAX))?;
        let now_ns = self.now_ns();
        let (client, roots, echoes) = (&mut self.client, &mut self.roots, &mut self.echoes);
        self.sockets.receive(|peer, datagram| {
            note_echo(client, echoes, peer);
            client.receive(now_ns, peer, datagram, roots);
        });
        if self.client.poll_timeout().is_some_and(|due_ns| due_ns <= now_ns) {
            self.client.tick(now_ns);
        }
        Ok(())
    }

    fn complain(&mut self, event: &Event) {
        if let Event::Faulty { authority, fault } = event {
            let name = self.name(*authority);
            self.complain_once(format!(
                "{name}, or someone in its place, sends what no honest one does ({fault}); it is not believed"
            ));
        }
    }

    fn complain_once(&mut self, complaint: String) {
        if !self.complaints.contains(&complaint) {
            self.console.notice(&complaint);
            self.complaints.insert(complaint);
        }
    }
}

fn note_echo(client: &Client, echoes: &mut [Echo], peer: Peer) {
    if let Some(source) = client.terms().directory().source(peer) {
        let echo = &mut echoes[usize::from(source.authority)];
        echo.round_trip = echo.round_trip.or(echo.asked.map(|asked| asked.elapsed()));
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
