//! Somebody who reads: anybody's history, page by page, and what authorities hold of accounts.

use super::around::Around;
use super::inquiry::{Inquiry, check_certificate};
use super::trace::Event;
use quittance_net::frame::{self, Frame, Header, Kind, Query, U64};

/// See the module's docs.
#[derive(Debug)]
pub struct Reader {
    /// His place in the network.
    place: usize,
    inquiry: Option<Inquiry>,
}

impl Reader {
    /// One who has read nothing yet.
    pub fn new(place: usize) -> Self {
        Self { place, inquiry: None }
    }

    /// Where he is in the network.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Asks.
    pub fn act(&mut self, around: &mut Around) -> bool {
        around.trace.event(Event::Payer, [self.place as u64, u64::MAX - 1, 0]);
        if around.chance.once_in(2) {
            self.query(around);
        } else {
            let inquiry = self.inquiry.take().filter(|_| !around.chance.once_in(8));
            let inquiry = inquiry.unwrap_or_else(|| Inquiry::new(around));
            inquiry.ask(self.place, around);
            self.inquiry = Some(inquiry);
        }
        true
    }

    /// A datagram comes.
    ///
    /// # Errors
    /// What it shows to be wrong.
    pub fn receive(&mut self, authority: usize, datagram: &[u8], around: &mut Around) -> Result<(), String> {
        if authority >= around.ground.honest_count {
            return Ok(());
        }
        match frame::parse(datagram) {
            Ok(Frame::HistoryPage(page)) => {
                let Some(inquiry) = &mut self.inquiry else { return Ok(()) };
                if inquiry.read(authority, &page, around)? {
                    around.faults.histories_read += 1;
                    self.inquiry = None;
                }
                Ok(())
            }
            Ok(Frame::Certificate(certificate)) => check_certificate(authority, &certificate, around).map(drop),
            _ => Ok(()),
        }
    }

    fn query(&self, around: &mut Around) {
        let authority = around.chance.below(around.member_count());
        let account = around.chance.below(around.ground.accounts.len());
        let address = around.ground.accounts[account];
        let shard = around.ground.shard_of(authority, &address);
        let header = Header::new(Kind::Query, shard.0, around.ground.context.network.tag());
        let nonce = U64::new(around.chance.bits());
        let query = Query { header, account: address, nonce, padding: [0; 96] };
        around.ask(self.place, authority, account, bytemuck::bytes_of(&query).to_vec());
    }
}
