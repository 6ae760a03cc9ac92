//! A history that somebody reads, page by page, and a certificate out of it.

use super::around::Around;
use super::ballot::is_proved;
use super::book::Turn;
use quittance_net::frame::{
    CertificateView, HISTORY_CERTIFICATE, HISTORY_QUERY_BYTES, HISTORY_RECEIVED, HISTORY_SENT, Header, HistoryItem,
    HistoryPageView, HistoryQuery, Kind, U64,
};

/// Zeros behind a question, which the answer may be as long as: none, some, as many as may be.
const ZEROS: [usize; 3] = [0, 300, 1_368];

/// See the module's docs.
#[derive(Debug)]
pub struct Inquiry {
    authority: usize,
    account: usize,
    what: u8,
    nonce: u64,
    /// Where the next page begins; 0: with the newest payment.
    from: u64,
    /// The sequence number of the payment seen last.
    last: Option<u64>,
}

impl Inquiry {
    /// A question about an account, to an authority: any.
    pub fn new(around: &mut Around) -> Self {
        let authority = around.chance.below(around.member_count());
        let account = around.chance.below(around.ground.accounts.len());
        let what = *around.chance.pick(&[HISTORY_SENT, HISTORY_SENT, HISTORY_RECEIVED]);
        Self { authority, account, what, nonce: around.chance.bits(), from: 0, last: None }
    }

    /// Asks for the next page, or now and then for a certificate, or for what is at no such place.
    pub fn ask(&self, place: usize, around: &mut Around) {
        let address = around.ground.accounts[self.account];
        let shard = around.ground.shard_of(self.authority, &address);
        let header = Header::new(Kind::HistoryQuery, shard.0, around.ground.context.network.tag());
        let (what, sequence) = match around.chance.below(4) {
            0 => (HISTORY_CERTIFICATE, around.chance.below(self.last.map_or(12, small)) as u64),
            _ => (self.what, 0),
        };
        let is_wild = around.chance.once_in(12);
        let from = if is_wild { 8 * around.chance.below(4_000) as u64 } else { self.from };
        let query = HistoryQuery {
            header,
            account: address,
            nonce: U64::new(self.nonce),
            from: U64::new(if what == HISTORY_CERTIFICATE && self.what == HISTORY_RECEIVED { 0 } else { from }),
            stop: U64::new(0),
            sequence: U64::new(sequence),
            what,
            padding: [0; 15],
        };
        let mut datagram = bytemuck::bytes_of(&query).to_vec();
        datagram.resize(HISTORY_QUERY_BYTES + *around.chance.pick(&ZEROS), 0);
        around.ask(place, self.authority, self.account, datagram);
    }

    /// A page came: it must go on where the one before ended, down to the first payment. Returns whether it is all read.
    ///
    /// # Errors
    /// It does not.
    pub fn read(&mut self, authority: usize, page: &HistoryPageView<'_>, around: &Around) -> Result<bool, String> {
        let address = &around.ground.accounts[self.account];
        let is_own = authority == self.authority
            && page.head.account == *address
            && page.head.nonce.get() == self.nonce
            && page.head.what == self.what
            && (self.from == 0 || page.head.from.get() == self.from)
            && !(page.items.is_empty() && page.head.next.get() != 0);
        if !is_own {
            return Ok(false);
        }
        if self.what == HISTORY_SENT {
            self.check_order(page.items).map_err(|wrong| {
                format!("authority {authority} leaves out payments of account {}: {wrong}", self.account)
            })?;
        }
        self.from = page.head.next.get();
        if self.from == 0 && self.what == HISTORY_SENT && self.last.is_some_and(|last| last > 0) {
            let last = self.last.expect("it was looked at");
            return Err(format!("authority {authority} ends {}'s history with payment {last}", self.account));
        }
        Ok(self.from == 0)
    }

    fn check_order(&mut self, items: &[HistoryItem]) -> Result<(), String> {
        for item in items {
            let sequence = item.sequence.get();
            if self.last.is_some_and(|last| last != sequence + 1) {
                return Err(format!("{sequence} follows {:?}", self.last));
            }
            self.last = Some(sequence);
        }
        Ok(())
    }
}

/// A certificate came out of an honest authority's history.
///
/// # Errors
/// It proves nothing, or another payment than is known.
pub fn check_certificate(authority: usize, view: &CertificateView<'_>, around: &mut Around) -> Result<Turn, String> {
    let body = &view.head.body;
    let account = around.ground.account(&body.sender).ok_or("a certificate of nobody")?;
    let turn = (account, body.sequence.get());
    if !is_proved(view, around) {
        return Err(format!("authority {authority}'s certificate of {account}'s {} proves nothing", turn.1));
    }
    match around.book.certificate_of(turn) {
        Some(certificate) if certificate.body == *body => Ok(turn),
        _ => Err(format!("authority {authority} has another certificate of {account}'s {}", turn.1)),
    }
}

fn small(number: u64) -> usize {
    usize::try_from(number + 1).expect("a world has few payments")
}
