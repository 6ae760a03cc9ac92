//! Credits from one shard to another: made and applied by the engine's own types, over a link that loses, repeats and
//! reorders, between two shards that crash.
//!
//! # The model
//! - Credits are under way until they are lost; they arrive in any order, as often as one likes, or never. What was acknowledged
//!   is never taken from the link: an acknowledgement arrives as often and as late as one likes, and nothing makes it.
//! - Each shard writes down what it does. Records become durable one at a time, so any prefix of them can be what a crash
//!   leaves. Either crashes at any point, without limit; that both do is one crash after the other. (In one process both
//!   always do. Here each must bear it that the other goes on.)
//! - A payment whose record a crash undoes may be followed by another, whose credit has the same number.
//! - The source takes snapshots at any point. Records before a complete one are gone.
//! - When a credit was lost, or the destination crashed, the source learns of it at some point and sends everything
//!   unacknowledged again. A source that restarts does so by itself.
//! - The cap on unacknowledged credits is the model's own: as many as the engine's would take too many states. The destination
//!   has room for new accounts throughout.
//!
//! From each state everything must be able to arrive: [`Channel::settled`] goes on from it with no more payments, crashes and
//! losses until nothing is left to do, and all durable credits must be applied and acknowledged by then.
//!
//! # What is found
//! With four payments and a cap of two, nothing: 668,520 states. The larger trial has a cap of three (2,239,000 states, 28 s on
//! one core):
//!
//! ```sh
//! cargo test -p quittance-engine --test model channel -- --ignored --nocapture
//! ```
//!
//! Each [`Mutant`] is found.

mod destination;
mod source;
mod tests;

use destination::Destination;
use quittance_engine::credit::Credit;
use source::Source;
use stateright::{Model, Property};
use std::collections::BTreeSet;

/// What the shards may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A credit leaves before its payment is durable.
    SendsBeforeDurable,
    /// A credit is acknowledged when it is applied.
    AcksBeforeDurable,
    /// Any later credit is applied as if it were the next.
    TakesGaps,
    /// The last credit is applied again.
    TakesDuplicates,
    /// What was lost is never sent again.
    NoResend,
    /// After a restart all that is unacknowledged counts as handed over, and is not sent again.
    NoResendAfterRestart,
    /// A snapshot lacks the credits that are unacknowledged.
    TruncatesUnacknowledged,
    /// Acknowledgements are not written down.
    AcksUnrecorded,
}

/// A shard finds that something cannot be, and ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// An acknowledgement of a credit that was never made.
    ForeignAck,
    /// Records that do not fit the state that those before them left.
    Contradiction,
}

/// How much happens.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Payments ever made, those included that a crash undoes.
    payments_max: u64,
    /// The cap on unacknowledged credits.
    unacknowledged_max: usize,
    mutant: Option<Mutant>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    source: Source,
    destination: Destination,
    payment_count: u64,
    /// In the order of their numbers; of one number in that of their payments.
    credits: Vec<Credit>,
    acks: BTreeSet<u64>,
    /// Whether the source is to learn that credits may be lost.
    is_link_lost: bool,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Pay,
    HandOver,
    /// The credit with this subscript arrives, and may arrive again.
    Deliver(usize),
    /// The credit with this subscript arrives no more.
    Lose(usize),
    Acknowledge,
    DeliverAck(u64),
    Resend,
    SyncSource,
    SyncDestination,
    TakeSnapshot,
    CrashSource,
    CrashDestination,
}

/// More steps than there are records to sync and credits to send, and to send again.
const SETTLE_STEPS_MAX: usize = 1_000;

impl Channel {
    fn step(&self, state: &mut State, action: Action) -> Result<(), Fault> {
        let mutant = self.mutant;
        let State { source, destination, payment_count, credits, acks, is_link_lost, .. } = state;
        match action {
            Action::Pay => {
                *payment_count += 1;
                source.pay(*payment_count);
            }
            Action::HandOver => {
                let credit = source.peek(mutant).expect("it is there: the action says so");
                source.advance();
                if let Err(place) = credits.binary_search_by_key(&key(&credit), key) {
                    credits.insert(place, credit);
                }
            }
            Action::Deliver(index) => destination.receive(&credits[index], mutant),
            Action::Lose(index) => {
                credits.remove(index);
                *is_link_lost = true;
            }
            Action::Acknowledge => _ = acks.insert(destination.ack(mutant)),
            Action::DeliverAck(number) => source.receive_ack(number, mutant)?,
            Action::Resend => {
                source.resend();
                *is_link_lost = false;
            }
            Action::SyncSource => source.sync(),
            Action::SyncDestination => destination.sync(),
            Action::TakeSnapshot => source.take_snapshot(mutant),
            Action::CrashSource => {
                source.crash(mutant)?;
                *is_link_lost = false;
            }
            Action::CrashDestination => {
                destination.crash()?;
                *is_link_lost = true;
            }
        }
        Ok(())
    }

    /// The next thing to do when nothing goes wrong any more. In the end that is nothing.
    fn next_good(&self, state: &State) -> Option<Action> {
        let next_index = state.credits.iter().position(|credit| credit.number == state.destination.next_number());
        let steps = [
            state.source.is_behind().then_some(Action::SyncSource),
            state.destination.is_behind().then_some(Action::SyncDestination),
            next_index.map(Action::Deliver),
            state.source.peek(self.mutant).map(|_| Action::HandOver),
            self.may_resend(state).then_some(Action::Resend),
        ];
        steps.into_iter().flatten().next()
    }

    fn may_resend(&self, state: &State) -> bool {
        state.is_link_lost && self.mutant != Some(Mutant::NoResend)
    }

    /// The state when all that is under way has arrived.
    fn settled(&self, state: &State) -> Result<State, Fault> {
        let mut state = state.clone();
        let mut step_count = 0;
        while let Some(action) = self.next_good(&state) {
            self.step(&mut state, action)?;
            step_count += 1;
            assert!(step_count < SETTLE_STEPS_MAX, "each good step leaves less to do");
        }
        let number = state.destination.ack(self.mutant);
        self.step(&mut state, Action::DeliverAck(number))?;
        Ok(state)
    }

    fn arrives(&self, state: &State) -> bool {
        state.fault.is_some() || self.settled(state).is_ok_and(|settled| settled.has_all())
    }
}

impl State {
    /// Whether every durable credit is applied, durably, and acknowledged.
    fn has_all(&self) -> bool {
        self.source.unacknowledged_count() == 0
            && self.destination.durable_count() == self.source.durable_payments().count()
    }

    /// Whether what is applied is a beginning of the durable credits: each once, and in order.
    fn applies_once_in_order(&self) -> bool {
        let mut due = self.source.durable_payments();
        self.destination.payments().all(|payment| due.next() == Some(payment))
    }
}

impl Model for Channel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.fault.is_some() {
            return;
        }
        let State { source, destination, .. } = state;
        let may_pay = state.payment_count < self.payments_max && source.has_room(self.unacknowledged_max);
        actions.extend(may_pay.then_some(Action::Pay));
        actions.extend(source.peek(self.mutant).map(|_| Action::HandOver));
        actions.extend((0..state.credits.len()).flat_map(|index| [Action::Deliver(index), Action::Lose(index)]));
        actions.extend(state.acks.iter().map(|number| Action::DeliverAck(*number)));
        actions.extend(self.may_resend(state).then_some(Action::Resend));
        actions.extend(source.is_behind().then_some(Action::SyncSource));
        actions.extend(destination.is_behind().then_some(Action::SyncDestination));
        actions.extend(source.may_snapshot().then_some(Action::TakeSnapshot));
        actions.extend([Action::Acknowledge, Action::CrashSource, Action::CrashDestination]);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        if let Err(fault) = self.step(&mut next, action) {
            next.fault = Some(fault);
        }
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each durable credit is applied once, in order, and no other", |_, state: &State| {
                state.applies_once_in_order()
            }),
            Property::always("what the source forgot is applied, durably", |_, state: &State| {
                state.source.forgotten_count() <= state.destination.durable_count()
            }),
            Property::always("no more credits than the cap are unacknowledged", |model: &Self, state: &State| {
                state.source.unacknowledged_count() <= model.unacknowledged_max
            }),
            Property::always(
                "no more credits than the cap are applied and not durable",
                |model: &Self, state: &State| state.destination.volatile_count() <= model.unacknowledged_max,
            ),
            Property::always("no shard finds that something cannot be", |_, state: &State| state.fault.is_none()),
            Property::always("everything durable arrives if nothing more goes wrong", Self::arrives),
            Property::sometimes("all payments are made, applied and acknowledged", |model: &Self, state: &State| {
                state.source.durable_payments().count() as u64 == model.payments_max && state.has_all()
            }),
            Property::sometimes("a payment has the number of one that a crash undid", |_, state: &State| {
                state.source.has_reused_number() && state.source.forgotten_count() > 0
            }),
            Property::sometimes("a credit is in a snapshot and in no record", |_, state: &State| {
                state.source.relies_on_snapshot()
            }),
            Property::sometimes("as many credits as the cap are unacknowledged", |model: &Self, state: &State| {
                state.source.unacknowledged_count() == model.unacknowledged_max
            }),
        ]
    }
}

fn key(credit: &Credit) -> (u64, u64) {
    (credit.number, source::payment(credit))
}
