//! Against a kernel whose answers are written here octet by octet, from its headers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use rustix::io::Errno;

use super::*;

/// The family's number in these answers.
const FAMILY: u16 = 0x15;

/// Gives recorded answers, each with the number of the question that was asked last, and keeps the questions.
#[derive(Clone, Default)]
struct Recorded(Rc<Tape>);

#[derive(Default)]
struct Tape {
    asked: RefCell<Vec<Vec<u8>>>,
    answers: RefCell<VecDeque<Vec<u8>>>,
}

impl Kernel for Recorded {
    fn send(&self, request: &[u8]) -> Result<(), Errno> {
        self.0.asked.borrow_mut().push(request.to_vec());
        Ok(())
    }

    fn receive(&self) -> Result<Vec<u8>, Errno> {
        let mut answer = self.0.answers.borrow_mut().pop_front().ok_or(Errno::TIMEDOUT)?;
        let asked = self.0.asked.borrow();
        // An answer that carries a number of its own is one to another question.
        if answer.len() >= 12 && answer[8..12] == [0; 4] {
            answer[8..12].copy_from_slice(&asked.last().expect("a question comes first")[8..12]);
        }
        Ok(answer)
    }
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_ne_bytes())
}

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&[kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(body);
    bytes
}

/// An answer with these attributes.
fn told(attributes: &[Vec<u8>]) -> Vec<u8> {
    message(FAMILY, 0, &[&[0x12, 1, 0, 0][..], &attributes.concat()].concat())
}

/// A refusal with the error's number, the request's header, and words.
fn refused(number: i32, words: Option<&str>) -> Vec<u8> {
    let mut body = (-number).to_ne_bytes().to_vec();
    body.extend_from_slice(&[0; 16]);
    let words = words.map(|words| attribute(1, format!("{words}\0").as_bytes()));
    let flags = 0x100 | if words.is_some() { 0x200 } else { 0 };
    message(2, flags, &[body, words.unwrap_or_default()].concat())
}

fn done() -> Vec<u8> {
    refused(0, None)
}

/// An interface room whose family is found, and then these answers.
fn with(answers: Vec<Vec<u8>>) -> (Ethtool, Recorded) {
    let tape = Recorded::default();
    let named = told(&[attribute(2, b"ethtool\0"), attribute(1, &FAMILY.to_ne_bytes())]);
    tape.0.answers.borrow_mut().extend([named].into_iter().chain(answers));
    (Ethtool::over(Box::new(tape.clone())).expect("the family is named"), tape)
}

fn read(setting: NicSetting, answer: Vec<u8>) -> Result<NicValue, NicError> {
    with(vec![answer]).0.read("eth0", setting)
}

/// The attributes of the last question, after the header that names the interface.
fn written(tape: &Recorded) -> (u8, Vec<u8>) {
    let asked = tape.0.asked.borrow();
    let last = asked.last().unwrap();
    let header = [attribute(2, b"eth0\0"), number(3, 2)].concat();
    let header = attribute(0x8001, &header);
    let rest = last[20..].strip_prefix(&header[..]).expect("the header comes first");
    assert_eq!(u32::from_ne_bytes(last[..4].try_into().unwrap()) as usize, last.len());
    assert_eq!(last[4..8], [FAMILY.to_ne_bytes(), 5_u16.to_ne_bytes()].concat(), "a request that wants an answer");
    (last[16], rest.to_vec())
}

#[test]
fn the_family_is_asked_for_by_name_and_its_number_used_after() {
    let (ethtool, tape) = with(vec![refused(19, None)]);
    assert_eq!(ethtool.read("eth0", NicSetting::ChannelsRx), Err(NicError::Gone));
    let asked = tape.0.asked.borrow();
    assert_eq!(asked[0][4..6], 0x10_u16.to_ne_bytes());
    assert_eq!(asked[0][16..20], [3, 1, 0, 0]);
    assert_eq!(asked[0][20..], attribute(2, b"ethtool\0"));
    assert_eq!(asked[1][4..6], FAMILY.to_ne_bytes());
}

#[test]
fn a_kernel_without_the_family_has_no_such_settings() {
    let tape = Recorded::default();
    tape.0.answers.borrow_mut().push_back(refused(2, None));
    assert_eq!(Ethtool::over(Box::new(tape)).err(), Some(NicError::NotSupported));
}

#[test]
fn channels_are_read_with_their_most() {
    let answer = || told(&[attribute(0x8001, &[]), number(2, 8), number(5, 16), number(6, 3), number(9, 4)]);
    assert_eq!(read(NicSetting::ChannelsCombined, answer()), Ok(NicValue::Number { current: 4, max: Some(16) }));
    assert_eq!(read(NicSetting::ChannelsRx, answer()), Ok(NicValue::Number { current: 3, max: Some(8) }));
    assert_eq!(read(NicSetting::ChannelsTx, answer()), Err(NicError::NotSupported));
}

#[test]
fn rings_are_read_with_their_most_and_none_where_that_is_zero() {
    let answer = || told(&[number(2, 4096), number(6, 512), number(5, 0), number(9, 0)]);
    assert_eq!(read(NicSetting::RingRx, answer()), Ok(NicValue::Number { current: 512, max: Some(4096) }));
    assert_eq!(read(NicSetting::RingTx, answer()), Err(NicError::NotSupported));
}

#[test]
fn coalescing_is_read_where_the_driver_has_it() {
    let answer = || told(&[number(2, 50), attribute(11, &[1])]);
    assert_eq!(read(NicSetting::CoalesceRxUsecs, answer()), Ok(NicValue::number(50)));
    assert_eq!(read(NicSetting::CoalesceAdaptiveRx, answer()), Ok(NicValue::switch(true)));
    assert_eq!(read(NicSetting::CoalesceTxUsecs, answer()), Err(NicError::NotSupported));
}

#[test]
fn numbers_and_switches_are_written_in_the_width_of_their_kind() {
    let cases: [(NicSetting, NicValue, u8, Vec<u8>); 5] = [
        (NicSetting::ChannelsCombined, NicValue::number(4), 18, number(9, 4)),
        (NicSetting::ChannelsTx, NicValue::number(2), 18, number(7, 2)),
        (NicSetting::RingTx, NicValue::number(1024), 16, number(9, 1024)),
        (NicSetting::CoalesceTxUsecs, NicValue::number(8), 20, number(6, 8)),
        (NicSetting::CoalesceAdaptiveRx, NicValue::switch(false), 20, attribute(11, &[0])),
    ];
    for (setting, value, command, attributes) in cases {
        let (ethtool, tape) = with(vec![done()]);
        assert_eq!(ethtool.write("eth0", setting, &value), Ok(()), "{setting}");
        assert_eq!(written(&tape), (command, attributes), "{setting}");
    }
}

#[test]
fn a_value_of_another_kind_than_its_setting_never_reaches_the_kernel() {
    let text = NicValue::Text("sd".to_owned());
    let cases = [
        (NicSetting::RingRx, NicValue::switch(true)),
        (NicSetting::CoalesceAdaptiveRx, NicValue::number(1)),
        (NicSetting::Feature("rx-gro"), NicValue::number(1)),
        (NicSetting::RssTable, NicValue::number(1)),
        (NicSetting::ChannelsRx, text),
    ];
    for (setting, value) in cases {
        let (ethtool, tape) = with(vec![done()]);
        assert_eq!(ethtool.write("eth0", setting, &value), Err(NicError::Io(Errno::INVAL)), "{setting}");
        assert_eq!(tape.0.asked.borrow().len(), 1, "{setting}");
    }
}

/// A set of bits; each with a name, and whether it is set, where the set has a mask.
fn bits(kind: u16, masked: bool, bits: &[(&str, bool)]) -> Vec<u8> {
    let listed: Vec<u8> = bits
        .iter()
        .flat_map(|(name, is_set)| {
            let name = attribute(2, format!("{name}\0").as_bytes());
            let mark = if masked && *is_set { attribute(3, &[]) } else { Vec::new() };
            attribute(0x8001, &[number(1, 7), name, mark].concat())
        })
        .collect();
    let mask = if masked { Vec::new() } else { attribute(1, &[]) };
    attribute(kind | 0x8000, &[mask, number(2, 64), attribute(0x8003, &listed)].concat())
}

fn features() -> Vec<u8> {
    told(&[
        bits(2, true, &[("rx-gro", true), ("rx-gro-list", true), ("tx-lockless", false), ("rx-hashing", true)]),
        bits(3, false, &[("rx-gro", true)]),
        bits(4, false, &[("rx-gro", true), ("tx-lockless", true), ("rx-hashing", true)]),
        bits(5, false, &[("rx-hashing", true)]),
    ])
}

#[test]
fn a_feature_is_on_off_or_fixed_and_an_unknown_name_is_none() {
    let feature = |name| read(NicSetting::Feature(name), features());
    assert_eq!(feature("rx-gro"), Ok(NicValue::Bool { on: true, fixed: false }));
    assert_eq!(feature("rx-gro-list"), Ok(NicValue::Bool { on: false, fixed: false }));
    assert_eq!(feature("tx-lockless"), Ok(NicValue::Bool { on: true, fixed: true }), "not among what can move");
    assert_eq!(feature("rx-hashing"), Ok(NicValue::Bool { on: true, fixed: true }), "held by the kernel");
    assert_eq!(feature("rx-gr"), Err(NicError::NotSupported));
}

#[test]
fn a_feature_is_wished_for_by_name_with_a_mark_only_to_switch_it_on() {
    for (on, mark) in [(true, attribute(3, &[])), (false, Vec::new())] {
        let (ethtool, tape) = with(vec![features(), done()]);
        assert_eq!(ethtool.write("eth0", NicSetting::Feature("rx-gro-list"), &NicValue::switch(on)), Ok(()));
        let bit = attribute(0x8001, &[attribute(2, b"rx-gro-list\0"), mark].concat());
        assert_eq!(written(&tape), (12, attribute(0x8003, &attribute(0x8003, &bit))));
    }
}

#[test]
fn a_fixed_feature_is_said_to_be_fixed_and_not_asked_for() {
    let (ethtool, tape) = with(vec![features(), features()]);
    let write = |on| ethtool.write("eth0", NicSetting::Feature("tx-lockless"), &NicValue::switch(on));
    assert_eq!(write(false), Err(NicError::Fixed));
    assert_eq!(write(true), Ok(()), "it is on already");
    assert!(tape.0.asked.borrow()[1..].iter().all(|question| question[16] == 11));
}

#[test]
fn the_hashed_fields_are_letters_both_ways() {
    let answer = |mask: u32| told(&[attribute(0x8008, &number(6, mask))]);
    let text = |letters: &str| Ok(NicValue::Text(letters.to_owned()));
    assert_eq!(read(NicSetting::RssHashUdp4, answer(0x30)), text("sd"));
    assert_eq!(read(NicSetting::RssHashUdp4, answer(0xf0)), text("sdfn"));
    assert_eq!(read(NicSetting::RssHashUdp4, answer(0x130)), text("sd+0x100"));
    assert_eq!(read(NicSetting::RssHashUdp4, told(&[])), Err(NicError::NotSupported));
    let (ethtool, tape) = with(vec![done()]);
    assert_eq!(ethtool.write("eth0", NicSetting::RssHashUdp4, &NicValue::Text("sdfn".to_owned())), Ok(()));
    assert_eq!(written(&tape), (48, attribute(0x8008, &number(6, 0xf0))));
    for wrong in ["sx", "ss", "sd+0x100"] {
        let refused = ethtool.write("eth0", NicSetting::RssHashUdp4, &NicValue::Text(wrong.to_owned()));
        assert_eq!(refused, Err(NicError::Io(Errno::INVAL)), "{wrong}");
    }
}

fn table(queues: &[u32]) -> Vec<u8> {
    attribute(4, &queues.iter().flat_map(|queue| queue.to_ne_bytes()).collect::<Vec<_>>())
}

#[test]
fn a_table_that_goes_round_is_told_by_its_count_and_any_other_slot_by_slot() {
    let text = |table: &str| Ok(NicValue::Text(table.to_owned()));
    let read = |queues: &[u32]| read(NicSetting::RssTable, told(&[table(queues)]));
    assert_eq!(read(&[0, 1, 2, 0, 1, 2, 0, 1]), text("equal 3"));
    assert_eq!(read(&[0, 0, 0, 0]), text("equal 1"));
    assert_eq!(read(&[0, 1, 2, 0, 1, 2, 1, 0]), text("0 1 2 0 1 2 1 0"));
    assert_eq!(read(&[u32::MAX, 0]), text("4294967295 0"));
    assert_eq!(read(&[]), Err(NicError::NotSupported));
}

#[test]
fn a_table_is_written_for_as_many_slots_as_there_are() {
    for (text, queues) in [("equal 3", [0, 1, 2, 0]), ("3 1 0 0", [3, 1, 0, 0])] {
        let (ethtool, tape) = with(vec![told(&[table(&[0, 1, 0, 1])]), done()]);
        assert_eq!(ethtool.write("eth0", NicSetting::RssTable, &NicValue::Text(text.to_owned())), Ok(()));
        assert_eq!(written(&tape), (48, table(&queues)));
    }
    for wrong in ["0 1 0", "equal 0", "equal", "", "equal 2 0", "0 1 -1 0"] {
        let (ethtool, _) = with(vec![told(&[table(&[0, 1, 0, 1])])]);
        let refused = ethtool.write("eth0", NicSetting::RssTable, &NicValue::Text(wrong.to_owned()));
        assert_eq!(refused, Err(NicError::Io(Errno::INVAL)), "{wrong}");
    }
}

#[test]
fn a_refusal_is_told_in_the_kernels_words() {
    let (ethtool, _) = with(vec![refused(22, Some("requested channel count exceeds maximum"))]);
    let error = ethtool.write("eth0", NicSetting::ChannelsRx, &NicValue::number(99)).unwrap_err();
    assert!(error.to_string().ends_with(": requested channel count exceeds maximum"), "{error}");
    let (ethtool, _) = with(vec![refused(1, None)]);
    let error = ethtool.write("eth0", NicSetting::ChannelsRx, &NicValue::number(1)).unwrap_err();
    assert_eq!(error, NicError::Io(Errno::PERM));
}

#[test]
fn words_behind_a_repeated_request_are_found() {
    let mut body = (-22_i32).to_ne_bytes().to_vec();
    // The request is repeated whole: its header says 24 octets, of which 16 are the header.
    body.extend_from_slice(&24_u32.to_ne_bytes());
    body.extend_from_slice(&[0xff; 20]);
    body.extend_from_slice(&attribute(1, b"too many\0"));
    let error = read(NicSetting::RingRx, message(2, 0x200, &body)).unwrap_err();
    assert_eq!(error, NicError::Refused { errno: Errno::INVAL, reason: "too many".to_owned() });
}

#[test]
fn what_a_driver_lacks_and_what_is_gone_are_told_apart() {
    assert_eq!(read(NicSetting::RingRx, refused(95, Some("no rings"))), Err(NicError::NotSupported));
    assert_eq!(read(NicSetting::RingRx, refused(19, None)), Err(NicError::Gone));
    let (ethtool, tape) = with(vec![]);
    for name in ["", "a-name-of-sixteen", "a\0b"] {
        assert_eq!(ethtool.read(name, NicSetting::RingRx), Err(NicError::Gone), "{name:?}");
    }
    assert_eq!(tape.0.asked.borrow().len(), 1);
}

#[test]
fn an_answer_to_an_earlier_question_is_passed_over_a_few_times() {
    let mut stale = told(&[number(6, 1)]);
    stale[8..12].copy_from_slice(&9_999_u32.to_ne_bytes());
    let fresh = || told(&[number(2, 8), number(6, 2)]);
    let (ethtool, _) = with(vec![stale.clone(), fresh()]);
    let expected = Ok(NicValue::Number { current: 2, max: Some(8) });
    assert_eq!(ethtool.read("eth0", NicSetting::ChannelsRx), expected);
    let (ethtool, _) = with([vec![stale.clone(); 5], vec![fresh()]].concat());
    assert_eq!(ethtool.read("eth0", NicSetting::ChannelsRx), Err(NicError::Io(Errno::BADMSG)));
    let mut second = fresh();
    second[8..12].copy_from_slice(&2_u32.to_ne_bytes());
    let (ethtool, _) = with(vec![[stale, second].concat()]);
    assert_eq!(ethtool.read("eth0", NicSetting::ChannelsRx), expected, "both in one datagram");
}

#[test]
fn an_answer_cut_short_anywhere_is_an_error_and_no_panic() {
    let whole = features();
    for length in 0..whole.len() {
        let mut cut = whole[..length].to_vec();
        assert!(read(NicSetting::Feature("rx-hashing"), cut.clone()).is_err(), "{length} octets");
        // The same with a length that fits what is left: now the attributes within must catch it.
        let Some(field) = cut.first_chunk_mut::<4>() else { continue };
        *field = u32::try_from(length).unwrap().to_ne_bytes();
        let (attributes, told) =
            (cut.get(20..).unwrap_or_default().to_vec(), read(NicSetting::Feature("rx-hashing"), cut));
        assert!(told.is_err() || ends_between(&attributes), "{length} octets");
    }
}

/// Whether the octets end where an attribute does: then the rest may as well never have been sent.
fn ends_between(attributes: &[u8]) -> bool {
    let mut position = 0;
    while position < attributes.len() {
        position += usize::from(u16::from_ne_bytes([attributes[position], attributes[position + 1]]));
    }
    position == attributes.len()
}

#[test]
fn an_error_number_that_no_kernel_returns_is_not_taken() {
    for number in [i32::MAX, 4096, -5] {
        assert_eq!(read(NicSetting::RingRx, refused(number, None)), Err(NicError::Io(Errno::BADMSG)), "{number}");
    }
    let mut least = refused(1, None);
    least[16..20].copy_from_slice(&i32::MIN.to_ne_bytes());
    assert_eq!(read(NicSetting::RingRx, least), Err(NicError::Io(Errno::BADMSG)));
}
