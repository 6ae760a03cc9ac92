//! Netlink's attributes: length and kind, 16 bits each in the machine's byte order, then the value, padded to four
//! octets.

use super::numbers::{ATTRIBUTE_IS_NEST, ATTRIBUTE_KIND};

/// Length and kind.
const HEADER_BYTES: usize = 4;

/// The kernel's answer breaks off, or a value has not the length of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel's answer cannot be read")]
pub(super) struct Malformed;

/// Attributes as they came.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Kind and value of each. What cannot be read ends them, with [`Malformed`].
    pub(super) fn each(self) -> impl Iterator<Item = Result<(u16, &'a [u8]), Malformed>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let taken = split(rest);
            rest = taken.map_or(&[], |(_, _, rest)| rest);
            Some(taken.map(|(kind, value, _)| (kind, value)))
        })
    }

    /// The values of all attributes of this kind.
    pub(super) fn all(self, kind: u16) -> impl Iterator<Item = Result<&'a [u8], Malformed>> {
        self.each().filter_map(move |attribute| match attribute {
            Ok((found, value)) => (found == kind).then_some(Ok(value)),
            Err(malformed) => Some(Err(malformed)),
        })
    }

    /// The value of the first attribute of this kind.
    pub(super) fn find(self, kind: u16) -> Result<Option<&'a [u8]>, Malformed> {
        self.all(kind).next().transpose()
    }

    /// The attributes within one of this kind; none where there is no such.
    pub(super) fn nest(self, kind: u16) -> Result<Self, Malformed> {
        Ok(Self(self.find(kind)?.unwrap_or_default()))
    }

    pub(super) fn u8(self, kind: u16) -> Result<Option<u8>, Malformed> {
        Ok(self.fixed(kind)?.map(u8::from_ne_bytes))
    }

    pub(super) fn u16(self, kind: u16) -> Result<Option<u16>, Malformed> {
        Ok(self.fixed(kind)?.map(u16::from_ne_bytes))
    }

    pub(super) fn u32(self, kind: u16) -> Result<Option<u32>, Malformed> {
        Ok(self.fixed(kind)?.map(u32::from_ne_bytes))
    }

    /// A number that comes in 32 bits, or in 64 where it must (`NLA_UINT`).
    pub(super) fn uint(self, kind: u16) -> Result<Option<u64>, Malformed> {
        match self.find(kind)? {
            Some(value) if value.len() == 8 => Ok(self.fixed(kind)?.map(u64::from_ne_bytes)),
            _ => Ok(self.u32(kind)?.map(u64::from)),
        }
    }

    /// A text, without the zero at its end.
    pub(super) fn text(self, kind: u16) -> Result<Option<&'a str>, Malformed> {
        let Some(value) = self.find(kind)? else { return Ok(None) };
        let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text).map(Some).map_err(|_| Malformed)
    }

    fn fixed<const N: usize>(self, kind: u16) -> Result<Option<[u8; N]>, Malformed> {
        self.find(kind)?.map(|value| value.try_into().map_err(|_| Malformed)).transpose()
    }
}

/// The first attribute's kind and value, and what follows it.
fn split(bytes: &[u8]) -> Result<(u16, &[u8], &[u8]), Malformed> {
    let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(Malformed)?;
    let [length_low, length_high, kind_low, kind_high] = *header;
    let length = usize::from(u16::from_ne_bytes([length_low, length_high]));
    let kind = u16::from_ne_bytes([kind_low, kind_high]) & ATTRIBUTE_KIND;
    let value = bytes.get(HEADER_BYTES..length).ok_or(Malformed)?;
    // The last one need not be padded.
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Ok((kind, value, rest))
}

/// Appends attributes to a message.
pub(super) struct Builder<'a>(&'a mut Vec<u8>);

impl<'a> Builder<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn flag(&mut self, kind: u16) {
        self.bytes(kind, &[]);
    }

    pub(super) fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    pub(super) fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    pub(super) fn text(&mut self, kind: u16, text: &str) {
        self.append(kind, |bytes| {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        });
    }

    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.append(kind, |bytes| bytes.extend_from_slice(value));
    }

    /// An attribute made of those that `fill` appends.
    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Builder<'_>)) {
        self.append(kind | ATTRIBUTE_IS_NEST, |bytes| fill(&mut Builder(bytes)));
    }

    fn append(&mut self, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0, 0]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        fill(self.0);
        let length = u16::try_from(self.0.len() - start).expect("what is written is bounded well below 64 KiB");
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length 8, kind 9, value 5; length 7, kind 2, "lo"; in the byte order of this machine.
    fn recorded() -> Vec<u8> {
        let words = [8_u16.to_ne_bytes(), 9_u16.to_ne_bytes()].concat();
        let name = [7_u16.to_ne_bytes(), 2_u16.to_ne_bytes()].concat();
        [words, 5_u32.to_ne_bytes().to_vec(), name, b"lo\0\0".to_vec()].concat()
    }

    #[test]
    fn attributes_are_written_as_the_kernel_lays_them_out() {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes).u32(9, 5);
        Builder::new(&mut bytes).text(2, "lo");
        assert_eq!(bytes, recorded());
    }

    #[test]
    fn attributes_are_found_by_kind_and_padding_is_passed_over() {
        let bytes = recorded();
        let attributes = Attributes::new(&bytes);
        assert_eq!(attributes.u32(9), Ok(Some(5)));
        assert_eq!(attributes.text(2), Ok(Some("lo")));
        assert_eq!(attributes.u32(3), Ok(None));
        assert_eq!(attributes.u8(9), Err(Malformed), "a value of another length is none of its kind");
    }

    #[test]
    fn an_attribute_cut_short_anywhere_is_malformed_and_never_read_beyond() {
        let bytes = recorded();
        for length in 1..bytes.len() - 1 {
            let read: Result<Vec<_>, _> = Attributes::new(&bytes[..length]).each().collect();
            let whole = length == 8;
            assert_eq!(read.is_ok(), whole, "{length} octets");
        }
    }

    #[test]
    fn a_length_below_its_own_header_ends_the_attributes() {
        for length in 0_u16..4 {
            let bytes = [length.to_ne_bytes(), [1, 0]].concat();
            let read: Vec<_> = Attributes::new(&bytes).each().collect();
            assert_eq!(read, [Err(Malformed)], "length {length}");
        }
    }

    #[test]
    fn nests_are_read_back_with_their_mark_taken_off() {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes).nest(3, |inner| {
            inner.flag(1);
            inner.u8(2, 7);
        });
        let inner = Attributes::new(&bytes).nest(3).unwrap();
        assert_eq!(inner.find(1), Ok(Some(&[][..])));
        assert_eq!(inner.u8(2), Ok(Some(7)));
        assert_eq!(u16::from_ne_bytes([bytes[2], bytes[3]]), 0x8003);
    }

    #[test]
    fn a_number_of_either_width_is_read() {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes).u32(1, 48);
        Builder::new(&mut bytes).bytes(2, &(1_u64 << 40).to_ne_bytes());
        assert_eq!(Attributes::new(&bytes).uint(1), Ok(Some(48)));
        assert_eq!(Attributes::new(&bytes).uint(2), Ok(Some(1 << 40)));
    }
}
