//! The types of the room, with places at which another thread may come first.
//!
//! Inside are the types that the program uses: under shuttle one thread runs at a time, on one thread of the machine, so
//! nothing but the order of acts is decided here. Outside of [`super::schedules`] there are no such places.
//!
//! One mistake can be planted without touching the code: in a thread that is [`hasty`], what is handed over becomes visible only
//! after the wake-up that announces it, as if the two lines stood in the wrong order.

use crossbeam::channel::{self, RecvTimeoutError, TryRecvError, TrySendError};
use crossbeam::{queue, sync};
use quittance_net::transport;
use shuttle::current::{TaskId, try_get_current_task};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicUsize, Ordering};
use std::time::Duration;

/// What a hasty thread has not made visible yet.
type Late = Vec<Box<dyn FnOnce()>>;

thread_local! {
    static HASTY: RefCell<HashMap<TaskId, Late>> = RefCell::new(HashMap::new());
}

/// Plants a mistake: from now on, whatever this thread hands over comes after the wake-up that announces it.
pub(crate) fn hasty() {
    let task = try_get_current_task().expect("mistakes are planted under schedules only");
    HASTY.with_borrow_mut(|hasty| hasty.insert(task, Late::new()));
}

/// Before each schedule: no thread is hasty.
pub(super) fn nobody_is_hasty() {
    HASTY.with_borrow_mut(HashMap::clear);
}

/// Does it now, or after this thread's next wake-up.
fn hand_over(act: impl FnOnce() + 'static) {
    let left = HASTY.with_borrow_mut(|hasty| {
        match try_get_current_task().and_then(|task| hasty.get_mut(&task)) {
            Some(late) => late.push(Box::new(act)),
            None => return Some(act),
        }
        None
    });
    if let Some(act) = left {
        act();
    }
}

/// A wake-up was given.
fn catch_up() {
    let task = try_get_current_task();
    let late = HASTY.with_borrow_mut(|hasty| task.and_then(|task| hasty.get_mut(&task)).map(std::mem::take));
    for act in late.into_iter().flatten() {
        point();
        act();
    }
}

/// Another thread may come first.
pub(crate) fn point() {
    if try_get_current_task().is_some() {
        shuttle::sync::atomic::AtomicBool::new(false).load(Ordering::SeqCst);
    }
}

/// A sleep that only a wake-up ends; one that came before ends it at once.
#[derive(Clone, Debug)]
pub(crate) struct Sleep(Arc<(shuttle::sync::Mutex<bool>, shuttle::sync::Condvar)>);

impl Sleep {
    pub(crate) fn new() -> Self {
        Self(Arc::new((shuttle::sync::Mutex::new(false), shuttle::sync::Condvar::new())))
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker::Scheduled(self.clone())
    }

    pub(crate) fn sleep(&self) {
        let (is_woken, condition) = &*self.0;
        let mut is_woken = is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = condition.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }

    fn wake(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_one();
        catch_up();
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Waker {
    Kernel(transport::Waker),
    Scheduled(Sleep),
}

impl Waker {
    pub(crate) fn wake(&self) {
        match self {
            Self::Kernel(waker) => waker.wake(),
            Self::Scheduled(sleep) => sleep.wake(),
        }
    }
}

pub(crate) struct Parker {
    real: sync::Parker,
    unparker: Unparker,
}

#[derive(Clone, Debug)]
pub(crate) struct Unparker {
    real: sync::Unparker,
    /// Under a schedule.
    sleep: Option<Sleep>,
}

impl Parker {
    pub(crate) fn new() -> Self {
        let real = sync::Parker::new();
        let unparker = Unparker { real: real.unparker().clone(), sleep: try_get_current_task().map(|_| Sleep::new()) };
        Self { real, unparker }
    }

    pub(crate) fn unparker(&self) -> &Unparker {
        &self.unparker
    }

    /// Under a schedule the time is never over.
    pub(crate) fn park_timeout(&self, at_most: Duration) {
        match &self.unparker.sleep {
            Some(sleep) => sleep.sleep(),
            None => self.real.park_timeout(at_most),
        }
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) {
        match &self.sleep {
            Some(sleep) => sleep.wake(),
            None => self.real.unpark(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct ArrayQueue<T> {
    real: Arc<queue::ArrayQueue<T>>,
    /// Items of hasty threads, which have their place and are not there yet.
    late_count: Arc<AtomicUsize>,
}

impl<T: 'static> ArrayQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { real: Arc::new(queue::ArrayQueue::new(capacity)), late_count: Arc::default() }
    }

    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        if try_get_current_task().is_none() {
            return self.real.push(item);
        }
        point();
        if self.real.len() + self.late_count.load(Ordering::Relaxed) >= self.real.capacity() {
            return Err(item);
        }
        self.late_count.fetch_add(1, Ordering::Relaxed);
        let (queue, late_count) = (Arc::clone(&self.real), Arc::clone(&self.late_count));
        hand_over(move || {
            late_count.fetch_sub(1, Ordering::Relaxed);
            assert!(queue.push(item).is_ok(), "its place was kept");
        });
        Ok(())
    }

    pub(crate) fn pop(&self) -> Option<T> {
        point();
        self.real.pop()
    }

    pub(crate) fn len(&self) -> usize {
        self.real.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.real.capacity()
    }
}

macro_rules! atomic {
    ($name:ident, $of:ty) => {
        #[derive(Debug, Default)]
        pub(crate) struct $name(Arc<atomic::$name>);

        impl $name {
            pub(crate) fn new(value: $of) -> Self {
                Self(Arc::new(atomic::$name::new(value)))
            }

            pub(crate) fn load(&self, order: Ordering) -> $of {
                point();
                self.0.load(order)
            }

            pub(crate) fn store(&self, value: $of, order: Ordering) {
                point();
                let word = Arc::clone(&self.0);
                hand_over(move || word.store(value, order));
            }
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicU64, u64);

impl AtomicBool {
    /// Others may come between this and what follows from it.
    pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
        point();
        let before = self.0.swap(value, order);
        point();
        before
    }
}

impl AtomicU64 {
    pub(crate) fn fetch_add(&self, more: u64, order: Ordering) -> u64 {
        point();
        self.0.fetch_add(more, order)
    }
}

/// A channel's sender. There is one receiver.
pub(crate) struct OrderSender<T> {
    real: channel::Sender<T>,
    sleep: Option<Sleep>,
}

pub(crate) struct OrderReceiver<T> {
    real: channel::Receiver<T>,
    sleep: Option<Sleep>,
}

/// A channel that holds so many orders.
pub(crate) fn bounded_orders<T>(count_max: usize) -> (OrderSender<T>, OrderReceiver<T>) {
    let (sender, receiver) = channel::bounded(count_max);
    let sleep = try_get_current_task().map(|_| Sleep::new());
    (OrderSender { real: sender, sleep: sleep.clone() }, OrderReceiver { real: receiver, sleep })
}

impl<T> OrderSender<T> {
    pub(crate) fn try_send(&self, order: T) -> Result<(), TrySendError<T>> {
        point();
        let sent = self.real.try_send(order);
        self.sleep.iter().for_each(Sleep::wake);
        sent
    }
}

impl<T> OrderReceiver<T> {
    pub(crate) fn recv(&self) -> Result<T, channel::RecvError> {
        let Some(sleep) = &self.sleep else { return self.real.recv() };
        loop {
            point();
            match self.real.try_recv() {
                Ok(order) => return Ok(order),
                Err(TryRecvError::Empty) => sleep.sleep(),
                Err(TryRecvError::Disconnected) => return Err(channel::RecvError),
            }
        }
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        point();
        self.real.try_recv()
    }

    /// Under a schedule the time is never over.
    pub(crate) fn recv_timeout(&self, at_most: Duration) -> Result<T, RecvTimeoutError> {
        match &self.sleep {
            Some(_) => self.recv().map_err(|_| RecvTimeoutError::Disconnected),
            None => self.real.recv_timeout(at_most),
        }
    }
}
