//! Mailboxes under many schedules: whoever asks finds an answer that is no older than the question, whatever came between.

use super::*;
use crate::run::control::{Control, Followed, Order};
use crate::sync::schedules::{Sleep, finds, holds, point, spawn, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const QUESTIONS: u64 = 2;

/// What the two threads share.
struct Shared {
    control: Control,
    mailbox: Mailbox<u64>,
    /// Questions answered, or so the thread believes.
    told: AtomicU64,
}

/// A thread that answers as those of shards do: between two sleeps, all that it was told to.
fn tell(shared: &Shared, sleep: &Sleep, put: fn(&Mailbox<u64>, u64)) {
    let mut followed = Followed::default();
    loop {
        match shared.control.order(&mut followed) {
            Order::GoOn => sleep.sleep(),
            Order::Report => {}
            Order::Tell(question) => {
                put(&shared.mailbox, question);
                shared.told.store(question, Ordering::SeqCst);
            }
            Order::Stop => return,
        }
    }
}

/// Two questions in a row; the answer to the first may still lie there when the second is answered.
fn scenario(put: fn(&Mailbox<u64>, u64)) {
    let shared = Arc::new(Shared { control: Control::default(), mailbox: Mailbox::new(), told: AtomicU64::new(0) });
    let sleep = Sleep::new();
    let waker = sleep.waker();
    let teller = spawn({
        let shared = Arc::clone(&shared);
        move || tell(&shared, &sleep, put)
    });
    let mut found = 0;
    for _ in 0..QUESTIONS {
        shared.control.ask_for_reports();
        shared.control.ask_for_samples();
        waker.wake();
        point();
        found = shared.mailbox.take().map_or(found, |answer| *answer);
    }
    while found < QUESTIONS {
        let is_told = shared.told.load(Ordering::SeqCst) == QUESTIONS;
        match shared.mailbox.take() {
            Some(answer) => {
                assert!(*answer > found, "an answer came twice, or an old one after a newer");
                found = *answer;
            }
            None => assert!(!is_told, "the newest answer was lost"),
        }
        yield_now();
    }
    shared.control.stop();
    waker.wake();
    teller.join().unwrap();
}

/// Leaves what was not taken where it is.
fn put_if_empty(mailbox: &Mailbox<u64>, answer: u64) {
    let _ = mailbox.0.push(Box::new(answer));
}

#[test]
fn whoever_asks_finds_an_answer_no_older_than_the_question() {
    holds(|| scenario(Mailbox::put));
}

#[test]
fn a_mailbox_that_keeps_the_old_is_found_out() {
    finds("the newest answer was lost", || scenario(put_if_empty));
}
