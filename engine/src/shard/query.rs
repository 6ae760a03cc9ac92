//! Queries: what this authority holds of an account.

use super::Shard;
use crate::reject::Reject;
use crate::types::Peer;
use quittance_net::frame::{Header, I128, Info, Kind, Query, U64};

impl Shard {
    /// Answers at once. The answer is not signed and not longer than the question.
    pub(super) fn receive_query(&mut self, peer: Peer, query: &Query) {
        self.counters.queries += 1;
        if let Err(refusal) = self.check_address(&query.header, &query.account) {
            return self.refuse(peer, query.account, refusal);
        }
        let Some(slot) = self.arena.find(&query.account) else {
            return self.refuse(peer, query.account, Reject::UnknownAccount.into());
        };
        let account = self.slot(slot);
        let info = Info {
            header: Header::new(Kind::Info, self.shard.0, self.network_tag),
            account: account.address,
            nonce: query.nonce,
            balance: I128::new(account.balance.0),
            next_sequence: U64::new(account.next_sequence.0),
            pending: account.pending,
            last_confirmed: account.last_confirmed,
            padding: [0; 8],
        };
        self.reply_info(peer, info);
    }
}
