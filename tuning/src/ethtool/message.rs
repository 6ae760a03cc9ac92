//! Netlink's messages: a header of sixteen octets, the family's of four, then attributes.

use rustix::io::Errno;

use super::attributes::{Attributes, Builder, Malformed};
use super::numbers;

/// Length and sequence number 32 bits, kind and flags 16 bits, the sender 32 bits.
const HEADER_BYTES: usize = 16;

/// Command and version 8 bits, 16 bits reserved.
const FAMILY_HEADER_BYTES: usize = 4;

/// The error itself, before the request's header in a refusal.
const ERROR_BYTES: usize = 4;

/// The largest error number that the kernel returns (`MAX_ERRNO`).
const ERRNO_MAX: i32 = 4095;

/// A question to a family.
pub(super) struct Request(Vec<u8>);

impl Request {
    pub(super) fn new(family_id: u16, sequence: u32, command: u8) -> Self {
        let mut bytes = vec![0; HEADER_BYTES + FAMILY_HEADER_BYTES];
        bytes[4..6].copy_from_slice(&family_id.to_ne_bytes());
        bytes[6..8].copy_from_slice(&numbers::MESSAGE_IS_REQUEST.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes[16] = command;
        bytes[17] = numbers::FAMILY_VERSION;
        Self(bytes)
    }

    /// Appends attributes.
    pub(super) fn attributes(&mut self) -> Builder<'_> {
        Builder::new(&mut self.0)
    }

    /// Has the kernel answer when it is done.
    pub(super) fn acknowledge(&mut self) {
        let flags = numbers::MESSAGE_IS_REQUEST | numbers::MESSAGE_WANTS_ACK;
        self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
    }

    /// The octets to send.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).expect("attributes are bounded below 64 KiB");
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// What a datagram of the kernel's says to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    /// The attributes of the answer.
    Attributes(&'a [u8]),
    /// The request was carried out.
    Done,
    /// It was not.
    Refused {
        errno: Errno,
        /// The words that came with it.
        reason: Option<String>,
    },
    /// The datagram answers an earlier question.
    OfAnotherQuestion,
}

/// The answer to question `sequence` in a datagram. Of several messages the first that answers it counts.
pub(super) fn answer(datagram: &[u8], sequence: u32) -> Result<Answer<'_>, Malformed> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = Message::first(rest)?;
        if message.sequence == sequence {
            return message.answer();
        }
        rest = rest.get(message.length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(Answer::OfAnotherQuestion)
}

struct Message<'a> {
    length: usize,
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    fn first(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let length = usize::try_from(word(bytes, 0)?).map_err(|_| Malformed)?;
        let body = bytes.get(HEADER_BYTES..length).ok_or(Malformed)?;
        Ok(Self { length, kind: half(bytes, 4)?, flags: half(bytes, 6)?, sequence: word(bytes, 8)?, body })
    }

    fn answer(self) -> Result<Answer<'a>, Malformed> {
        if self.kind == numbers::MESSAGE_ERROR {
            return self.refusal();
        }
        self.body.get(FAMILY_HEADER_BYTES..).map(Answer::Attributes).ok_or(Malformed)
    }

    fn refusal(self) -> Result<Answer<'a>, Malformed> {
        let error = i32::from_ne_bytes(array(self.body, 0)?);
        if error == 0 {
            return Ok(Answer::Done);
        }
        let number = error.checked_neg().filter(|number| (1..=ERRNO_MAX).contains(number)).ok_or(Malformed)?;
        // Words that cannot be read do not make the refusal unknown.
        let reason = self.words().ok().flatten().map(str::to_owned);
        Ok(Answer::Refused { errno: Errno::from_raw_os_error(number), reason })
    }

    /// What the kernel adds to the error; it follows the request's header, or all of the request.
    fn words(&self) -> Result<Option<&'a str>, Malformed> {
        if self.flags & numbers::MESSAGE_HAS_ATTRIBUTES == 0 {
            return Ok(None);
        }
        let is_capped = self.flags & numbers::MESSAGE_IS_CAPPED != 0;
        let repeated = if is_capped {
            HEADER_BYTES
        } else {
            usize::try_from(word(self.body, ERROR_BYTES)?).map_err(|_| Malformed)?.next_multiple_of(4)
        };
        let attributes = self.body.get(ERROR_BYTES..).and_then(|body| body.get(repeated..)).ok_or(Malformed)?;
        Attributes::new(attributes).text(numbers::REFUSAL_WORDS)
    }
}

fn word(bytes: &[u8], offset: usize) -> Result<u32, Malformed> {
    array(bytes, offset).map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], offset: usize) -> Result<u16, Malformed> {
    array(bytes, offset).map(u16::from_ne_bytes)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Malformed> {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().ok_or(Malformed)
}
