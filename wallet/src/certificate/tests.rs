use super::*;
use crate::check::RootVerifier;
use crate::fixture::{Fixture, body};

const PAYER: Address = [1; 32];
const PAYEE: Address = [2; 32];

fn checked(fixture: &Fixture, certificate: &Certificate) -> Result<(), CertificateError> {
    certificate.check(&fixture.terms, &mut RootVerifier::new(&fixture.terms, [9; 32]))
}

/// The certificate with a byte of its frame changed.
fn altered(fixture: &Fixture, certificate: &Certificate, place: usize) -> Option<Certificate> {
    let mut frame = certificate.placeless_frame().to_vec();
    frame[place] ^= 1;
    Certificate::from_frame(fixture.terms.network(), &frame)
}

#[test]
fn a_quorum_by_weight_proves_a_payment_and_less_does_not() {
    let fixture = Fixture::new(&[3, 1, 1, 2], 1);
    let order = body(PAYER, PAYEE, 5, 0);
    assert_eq!(checked(&fixture, &fixture.certificate(&order, &[0, 3])), Ok(()), "5 of 7");
    let short = checked(&fixture, &fixture.certificate(&order, &[1, 2, 3]));
    assert_eq!(short, Err(CertificateError::NoQuorum { weight: 4, quorum: 5 }));
    let twice = checked(&fixture, &fixture.certificate(&order, &[3, 0, 3]));
    assert_eq!(twice, Err(CertificateError::RepeatedVoter(3)));
}

#[test]
fn no_byte_of_a_certificate_can_be_changed_unnoticed() {
    let fixture = Fixture::new(&[1; 4], 1);
    let certificate = fixture.certificate(&body(PAYER, PAYEE, 5, 0), &[0, 1, 3]);
    assert_eq!(checked(&fixture, &certificate), Ok(()));
    // The shard in the header is for the way.
    for place in (0..certificate.byte_count()).filter(|place| !(6..8).contains(place)) {
        let is_good = altered(&fixture, &certificate, place).is_some_and(|altered| checked(&fixture, &altered).is_ok());
        assert!(!is_good, "byte {place}");
    }
}

#[test]
fn another_committees_votes_prove_nothing() {
    let (fixture, other) = (Fixture::new(&[1; 4], 1), Fixture::new(&[1; 4], 50));
    let foreign = other.certificate(&body(PAYER, PAYEE, 5, 0), &[0, 1, 3]);
    assert_eq!(checked(&fixture, &foreign), Err(CertificateError::Vote(0)));
}

#[test]
fn a_frame_to_any_authority_reads_back_as_the_same_certificate() {
    let fixture = Fixture::new(&[1; 4], 1);
    let certificate = fixture.certificate(&body(PAYER, PAYEE, 5, 0), &[0, 1, 3]);
    for authority in fixture.terms.authorities() {
        let frame = certificate.frame(&fixture.terms, authority);
        assert_eq!(Certificate::from_frame(fixture.terms.network(), &frame), Some(certificate.clone()));
    }
    assert!(certificate.pays(&PAYEE) && !certificate.pays(&PAYER));
}

#[test]
fn its_text_reads_back_also_as_mail_leaves_it() {
    let fixture = Fixture::new(&[1; 4], 1);
    let network = fixture.terms.network();
    let certificate = fixture.certificate(&body(PAYER, PAYEE, 5, 0), &[0, 1, 3]);
    let text = certificate.export(network);
    assert!(text.starts_with("quittance-certificate 1\nnetwork 0707"));
    assert_eq!(Certificate::import(&text, network), Ok(certificate.clone()));
    let mailed = text.replace('\n', " \r\n") + "\r\n\r\n";
    assert_eq!(Certificate::import(&mailed, network), Ok(certificate));
}

#[test]
fn faults_of_a_text_name_their_line() {
    let fixture = Fixture::new(&[1; 4], 1);
    let network = fixture.terms.network();
    let text = fixture.certificate(&body(PAYER, PAYEE, 5, 0), &[0, 1, 3]).export(network);
    let lines: Vec<&str> = text.lines().collect();
    let import = |lines: &[&str]| Certificate::import(&lines.join("\n"), network).unwrap_err();
    let with = |index: usize, line: &'static str| {
        let mut lines = lines.clone();
        lines[index] = line;
        lines
    };
    assert_eq!(import(&[]), ArmourError::FirstLine);
    assert_eq!(import(&with(0, "quittance-certificate 2")), ArmourError::FirstLine);
    assert_eq!(import(&with(1, "network 12")), ArmourError::NetworkLine);
    let other = NetworkId([8; 32]);
    let elsewhere = Certificate::import(&text, &other).unwrap_err();
    assert_eq!(elsewhere, ArmourError::OtherNetwork { found: *network, expected: other });
    assert_eq!(import(&with(4, "00xy")), ArmourError::Digits { line: 5 });
    assert_eq!(import(&lines[..lines.len() - 1]), ArmourError::Frame { line: lines.len() - 1 });
    let long: Vec<&str> = lines[..2].iter().copied().chain(std::iter::repeat_n(lines[2], 47)).collect();
    assert_eq!(import(&long), ArmourError::Long { line: 49 });
}
