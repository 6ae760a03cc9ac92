//! Committees of every size that there can be: one real authority among them, and the others' keys.

use crate::harness::{Authority, Setup};
use crate::make::vote_leaf;
use quittance_engine::reject::Reject;
use quittance_net::frame::FRAME_BYTES_MAX;

#[test]
fn committees_of_one_to_twenty_five_vote_and_settle() {
    for authorities in [1, 2, 3, 4, 7, 10, 13, 16, 19, 22, 25] {
        let authority = Authority::start(Setup { authorities, payer_count: 2, ..Setup::default() });
        let (network, payers) = (&authority.network, &authority.payers);
        assert_eq!((network.committee.members().len(), network.secrets.len()), (authorities, authorities));
        let body = payers[0].pays(&payers[1].address, 5, 0);
        let mut client = authority.client();
        let own = client.ask(&network.order(&payers[0], body)).vote();
        // Its own and those of the last ones: the highest index is among them, and just enough weight.
        let quorum = usize::try_from(network.committee.quorum()).unwrap();
        let bare = |voter| network.sign_leaves(voter, &[vote_leaf(&network.digest(&body))]).remove(0);
        let others = authorities + 1 - quorum..authorities;
        let votes: Vec<Vec<u8>> = std::iter::once(own).chain(others.map(bare)).collect();
        if quorum > 1 {
            let short = network.certificate(&body, &votes[1..]);
            client.ask(&short).assert_refused(Reject::NoQuorum.detail(quorum as u64 - 1));
        }
        let certificate = network.certificate(&body, &votes);
        assert!(certificate.len() <= FRAME_BYTES_MAX, "{authorities} authorities: {} bytes", certificate.len());
        client.ask(&certificate).assert_receipt();
        assert_eq!(client.account(&payers[0].address).next_sequence, 1);
        drop(client);
        authority.finish();
    }
}
