//! Certificates put together from votes: what fits, and what comes back.

use super::shapes::{Random, Shape, swept};
use crate::frame::{
    CERTIFICATE_HEAD_BYTES, CertificateHead, FRAME_BYTES_MAX, Frame, Kind, ORDER_BYTES, PATH_LEVELS_MAX, PROOF_BYTES,
    VOTES_MAX, certificate_bytes, encode_certificate, parse,
};

/// Vote frames with paths of these levels.
fn vote_frames(levels: &[u8]) -> Vec<Vec<u8>> {
    let mut random = Random(6);
    levels.iter().map(|levels| Shape::Reply(Kind::Vote, *levels).frame(&mut random)).collect()
}

/// What a certificate repeats of a vote frame.
fn proof_bytes(frame: &[u8]) -> &[u8] {
    let Ok(Frame::Vote(vote)) = parse(frame) else { panic!("no vote") };
    vote.proof_bytes
}

fn head(vote_count: usize) -> CertificateHead {
    let votes = vec![0; vote_count];
    let frame = Shape::Certificate(votes).frame(&mut Random(7));
    bytemuck::pod_read_unaligned(&frame[..CERTIFICATE_HEAD_BYTES])
}

/// Puts a certificate together from vote frames and reads the same votes out of it; returns its length.
fn assert_round_trip(levels: &[u8]) -> usize {
    let frames = vote_frames(levels);
    let votes: Vec<&[u8]> = frames.iter().map(|frame| proof_bytes(frame)).collect();
    let head = head(levels.len());
    let mut out = [0xee; FRAME_BYTES_MAX];
    let length = encode_certificate(&head, &votes, &mut out).expect("it fits a frame");
    assert!(out[length..].iter().all(|byte| *byte == 0xee), "written behind the certificate");

    let Ok(Frame::Certificate(certificate)) = parse(&out[..length]) else { panic!("{levels:?}: no certificate") };
    assert_eq!(bytemuck::bytes_of(certificate.head), bytemuck::bytes_of(&head));
    let parsed: Vec<Vec<u8>> = certificate
        .votes()
        .map(|vote| [bytemuck::bytes_of(vote.proof), bytemuck::cast_slice(vote.path)].concat())
        .collect();
    assert_eq!(parsed, votes, "{levels:?}");
    length
}

#[test]
fn a_certificate_gives_back_the_votes_it_was_made_of() {
    for levels in [&[0][..], &[6], &[2, 1], &[0, 6, 3], &[1, 0, 5, 0, 4], &[6, 6, 6, 6], &[3, 3, 3, 3, 3, 3, 3, 2]] {
        assert_round_trip(levels);
    }
}

#[test]
fn a_certificate_of_four_authorities_fits_a_frame_with_the_longest_paths() {
    let most = u8::try_from(PATH_LEVELS_MAX).unwrap();
    assert_eq!(assert_round_trip(&[most; 3]), 952);
}

#[test]
fn a_certificate_of_the_largest_committee_fits_a_frame_with_empty_paths() {
    assert_eq!(assert_round_trip(&[0; VOTES_MAX]), 1_456);
    assert!(certificate_bytes(VOTES_MAX + 1, 0) > FRAME_BYTES_MAX);
}

#[test]
fn the_paths_that_a_frame_has_room_for_shrink_as_the_votes_grow() {
    // Votes of 2f + 1 authorities, and the levels which then fit.
    for (vote_count, level_count) in [(3, 6), (5, 5), (7, 3), (9, 2), (11, 1), (13, 0), (15, 0), (17, 0)] {
        let length = assert_round_trip(&vec![level_count; vote_count]);
        let level_count = usize::from(level_count);
        assert_eq!(length, certificate_bytes(vote_count, level_count));
        assert!(level_count == PATH_LEVELS_MAX || certificate_bytes(vote_count, level_count + 1) > FRAME_BYTES_MAX);
    }
}

#[test]
fn a_buffer_too_short_for_a_certificate_gives_none() {
    let frames = vote_frames(&[2, 0, 1]);
    let votes: Vec<&[u8]> = frames.iter().map(|frame| proof_bytes(frame)).collect();
    let head = head(votes.len());
    let length = certificate_bytes(3, 1);
    for room in swept(0..length) {
        assert_eq!(encode_certificate(&head, &votes, &mut vec![0; room]), None, "room for {room}");
    }
    assert_eq!(encode_certificate(&head, &votes, &mut vec![0; length]), Some(length));
}

#[test]
fn a_request_is_at_least_as_long_as_any_unproven_reply_to_it() {
    let shortest_certificate = certificate_bytes(1, 0);
    assert_eq!(shortest_certificate, CERTIFICATE_HEAD_BYTES + PROOF_BYTES);
    let requests = [ORDER_BYTES, shortest_certificate, crate::frame::QUERY_BYTES];
    let replies = [crate::frame::INFO_BYTES, crate::frame::REJECTION_HEAD_BYTES];
    assert!(requests.iter().all(|request| replies.iter().all(|reply| reply <= request)));
}
