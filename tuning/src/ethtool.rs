//! Settings of network interfaces, through the kernel's `ethtool` family of generic netlink: one question, one answer.
//!
//! The crates that speak it can read, but of what is set here only the channels (`ethtool` 0.3), and they bring an
//! asynchronous runtime. So the messages are our own, and `netlink-sys` gives the socket: it is what lets the kernel
//! add words to its refusals without unsafe code here.
//!
//! A receive queue's hash is written by netlink from Linux 6.17 on. Before, only an ioctl does it, which passes a
//! pointer; such a kernel has no such setting for us.
//!
//! | file | what it holds |
//! |---|---|
//! | `numbers.rs` | the kernel's numbers for messages and attributes |
//! | `attributes.rs`, `message.rs` | netlink's layout, written and read with bounds |
//! | `socket.rs` | the socket, and the seam at which tests put a kernel of their own |
//! | `counts.rs`, `features.rs`, `receive_hash.rs` | the settings |
//!
//! Source: kernel `Documentation/networking/ethtool-netlink.rst`, `Documentation/userspace-api/netlink/intro.rst`.

mod attributes;
mod counts;
mod features;
mod message;
mod numbers;
mod receive_hash;
mod socket;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fmt;

use rustix::io::Errno;

use crate::nic_control::{NicControl, NicError, NicSetting, NicValue};
use attributes::Attributes;
use message::{Answer, Request};
use socket::{Kernel, Socket};

/// An interface's name has at most this many octets (`IFNAMSIZ` with its end).
const NAME_BYTES_MAX: usize = 15;

/// So many answers to earlier questions are passed over. There is one at most: of a question that timed out.
const STALE_ANSWER_COUNT_MAX: usize = 4;

/// The interfaces of one network namespace: that of the thread which opened this.
pub struct Ethtool {
    kernel: Box<dyn Kernel>,
    family_id: u16,
    sequence: Cell<u32>,
}

impl Ethtool {
    /// Opens a socket in the calling thread's network namespace and asks the kernel for its `ethtool` family. Needs no
    /// privilege; to write settings takes `CAP_NET_ADMIN`.
    ///
    /// # Errors
    /// [`NicError::NotSupported`]: the kernel has no `ethtool` family (before Linux 5.6, or built without it).
    /// [`NicError::Io`]: no socket is to be had, or the kernel did not answer.
    pub fn open() -> Result<Self, NicError> {
        Self::over(Box::new(Socket::open().map_err(NicError::Io)?))
    }

    fn over(kernel: Box<dyn Kernel>) -> Result<Self, NicError> {
        let mut ethtool = Self { kernel, family_id: numbers::CONTROLLER_ID, sequence: Cell::new(0) };
        ethtool.family_id = ethtool.family()?;
        Ok(ethtool)
    }

    /// What the kernel calls the family this time.
    fn family(&self) -> Result<u16, NicError> {
        let mut request = self.request(numbers::CONTROLLER_GET_FAMILY);
        request.attributes().text(numbers::CONTROLLER_FAMILY_NAME, numbers::FAMILY_NAME);
        let answered = self.ask(request).map_err(|error| match error {
            NicError::Io(Errno::NOENT) | NicError::Refused { errno: Errno::NOENT, .. } => NicError::NotSupported,
            other => other,
        })?;
        Attributes::new(&answered).u16(numbers::CONTROLLER_FAMILY_ID)?.ok_or(NicError::Io(Errno::BADMSG))
    }

    /// The attributes of the kernel's answer to a question about `nic`.
    fn get(&self, nic: &str, command: u8) -> Result<Vec<u8>, NicError> {
        self.ask(self.request_about(nic, command, 0)?)
    }

    /// Sends the attributes that `fill` writes, and waits until the kernel says that it is done.
    fn set(&self, nic: &str, command: u8, fill: impl FnOnce(&mut attributes::Builder<'_>)) -> Result<(), NicError> {
        let mut request = self.request_about(nic, command, numbers::FLAG_OMIT_REPLY)?;
        fill(&mut request.attributes());
        request.acknowledge();
        self.ask(request).map(drop)
    }

    fn request(&self, command: u8) -> Request {
        self.sequence.set(self.sequence.get().wrapping_add(1));
        Request::new(self.family_id, self.sequence.get(), command)
    }

    fn request_about(&self, nic: &str, command: u8, flags: u32) -> Result<Request, NicError> {
        // The kernel would say that the name is malformed; but then there is no such interface.
        if nic.is_empty() || nic.len() > NAME_BYTES_MAX || nic.contains('\0') {
            return Err(NicError::Gone);
        }
        let mut request = self.request(command);
        // Every question of the family has its header as first attribute.
        request.attributes().nest(numbers::HEADER, |header| {
            header.text(numbers::HEADER_DEV_NAME, nic);
            if flags != 0 {
                header.u32(numbers::HEADER_FLAGS, flags);
            }
        });
        Ok(request)
    }

    /// The attributes of the answer; empty when it says only that the request was carried out.
    fn ask(&self, request: Request) -> Result<Vec<u8>, NicError> {
        self.kernel.send(&request.finish()).map_err(NicError::Io)?;
        for _ in 0..=STALE_ANSWER_COUNT_MAX {
            let datagram = self.kernel.receive().map_err(NicError::Io)?;
            match message::answer(&datagram, self.sequence.get())? {
                Answer::Attributes(attributes) => return Ok(attributes.to_vec()),
                Answer::Done => return Ok(Vec::new()),
                Answer::Refused { errno, reason } => return Err(refusal(errno, reason)),
                Answer::OfAnotherQuestion => {}
            }
        }
        Err(NicError::Io(Errno::BADMSG))
    }
}

impl fmt::Debug for Ethtool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ethtool").field("family_id", &self.family_id).finish_non_exhaustive()
    }
}

impl NicControl for Ethtool {
    fn read(&self, nic: &str, setting: NicSetting) -> Result<NicValue, NicError> {
        match setting {
            NicSetting::Feature(name) => self.feature(nic, name),
            NicSetting::RssHashUdp4 => self.hash_udp4(nic),
            NicSetting::RssTable => self.hash_table(nic),
            counted => self.count(nic, counted),
        }
    }

    fn write(&self, nic: &str, setting: NicSetting, value: &NicValue) -> Result<(), NicError> {
        match (setting, value) {
            (NicSetting::Feature(name), NicValue::Bool { on, .. }) => self.set_feature(nic, name, *on),
            (NicSetting::RssHashUdp4, NicValue::Text(letters)) => self.set_hash_udp4(nic, letters),
            (NicSetting::RssTable, NicValue::Text(table)) => self.set_hash_table(nic, table),
            (counted, value) => self.set_count(nic, counted, value),
        }
    }
}

fn refusal(errno: Errno, reason: Option<String>) -> NicError {
    match (errno, reason) {
        (Errno::OPNOTSUPP, _) => NicError::NotSupported,
        (Errno::NODEV, _) => NicError::Gone,
        (errno, Some(reason)) => NicError::Refused { errno, reason },
        (errno, None) => NicError::Io(errno),
    }
}

/// The kernel's answer cannot be read, or lacks what it must hold.
impl From<attributes::Malformed> for NicError {
    fn from(_: attributes::Malformed) -> Self {
        Self::Io(Errno::BADMSG)
    }
}
