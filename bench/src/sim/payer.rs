//! An honest payer, and his wallet: he pays what he has, now and then with what he was paid just now, hands certificates to
//! those whom he paid, is impatient, and goes on after every crash. One who has lost his disk begins with his key alone.
//!
//! Two of them may be one owner with two wallets and one key. Then one of two orders may win, or neither.

use super::around::Around;
use super::book::Book;
use super::ground::{OPENING, key_of};
use super::trace::Event as Happened;
use super::wallet::{Crash, Owner, Roots, Wallet};
use quittance_engine::reject::Reject;
use quittance_engine::types::{Address, Amount, Sequence, TimeMs};
use quittance_net::frame::{self, Frame, RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY};
use quittance_wallet::book::Account;
use quittance_wallet::certificate::Certificate;
use quittance_wallet::client::{Client, Event, HistoryAsk, OperationId, PayError, Payment, Rebuilt, Refused};
use quittance_wallet::mutant::Planted;
use std::collections::BTreeSet;

/// How long a process is down at most, and how much less an owner uses his second wallet: turns.
const DOWN_TURNS: usize = 120;
const SECOND_PAUSE_TURNS: usize = 1_200;
/// Certificates that he was handed and has not looked at.
const MAIL_COUNT_MAX: usize = 8;
/// Of these, how many he keeps for his next payment.
const POUCH_COUNT_MAX: usize = 3;

/// What he does when all is at rest: his book is held against the authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audit {
    Open,
    Rebuilding(OperationId),
    Inquiring(OperationId),
    Done,
}

/// See the module's docs.
#[derive(Debug)]
pub struct Payer {
    account: usize,
    place: usize,
    /// The second wallet of an owner who has two: he uses it less.
    is_second: bool,
    owner: Owner,
    wallet: Wallet,
    /// The payment under way.
    paying: Option<OperationId>,
    /// Whether it has said why it ended without being final.
    has_word: bool,
    rebuilding: Option<OperationId>,
    /// With nothing in their way authorities said that his order's number is used, and nobody has the votes any longer.
    is_unprovable: bool,
    pouch: Vec<Certificate>,
    audit: Audit,
    /// Payments of his that a rebuild did not find, and said so: by sender and number.
    missing: BTreeSet<(Address, Sequence)>,
    /// Nothing new is begun before this turn; a process that is down stays so.
    asleep_until: u64,
    now: u64,
}

impl Payer {
    /// The owner of an account, with a wallet at a place of the network.
    pub fn new(around: &Around, account: usize, place: usize, planted: Planted) -> Self {
        Self {
            account,
            place,
            is_second: account != place,
            owner: Owner(around.notary.signer(&around.keys, key_of(account))),
            wallet: Wallet::new(around, account, place, planted),
            paying: None,
            has_word: false,
            rebuilding: None,
            is_unprovable: false,
            pouch: Vec::new(),
            audit: Audit::Open,
            missing: BTreeSet::new(),
            asleep_until: 0,
            now: 0,
        }
    }

    /// Whose it is.
    pub fn account(&self) -> usize {
        self.account
    }

    /// Where his wallet is in the network.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Whether nothing is under way; or what is cannot end, because authorities voted for another order of his.
    pub fn is_done(&self, book: &Book) -> bool {
        let Some(own) = self.wallet.book() else { return false };
        let is_settled = match own.pending() {
            None => true,
            Some(pending) => {
                let turn = (self.account, pending.body.sequence.get());
                match book.certificate_of(turn) {
                    None => book.is_split(turn, &pending.digest),
                    Some(_) => self.is_unprovable,
                }
            }
        };
        is_settled && self.wallet.is_synced() && self.rebuilding.is_none()
    }

    /// Whether he has seen, with all at rest, that his book is right.
    pub fn has_audited(&self) -> bool {
        self.audit == Audit::Done
    }

    /// What he waits for, in words.
    pub fn describe(&self) -> String {
        let own = self.wallet.book();
        let pending = own.and_then(|own| own.pending()).map(|pending| pending.body.sequence.get());
        let Self { place, paying, rebuilding, audit, .. } = self;
        format!("{place}: pending {pending:?}, paying {paying:?}, rebuilding {rebuilding:?}, audit {audit:?}")
    }

    /// Does the next thing that there is to do. Returns whether there was any.
    ///
    /// # Errors
    /// What his wallet does wrong.
    pub fn act(&mut self, turn: u64, around: &mut Around) -> Result<bool, String> {
        self.now = turn;
        if self.wallet.client().is_none() {
            if turn < self.asleep_until {
                return Ok(false);
            }
            self.wallet.open(around)?;
            return Ok(true);
        }
        // What is written and not synced is where it hurts.
        let rate = if self.wallet.is_synced() { 1 } else { 16 };
        if around.chance.happens(rate * around.swarm.payer_crash) {
            self.crash(around);
            return Ok(true);
        }
        if around.is_calm && !self.wallet.is_leisurely() {
            self.stop(Crash::Killed, around);
            return Ok(true);
        }
        if self.listen(around)? || self.wallet.step(around)? {
            return Ok(true);
        }
        if turn < self.asleep_until {
            return Ok(false);
        }
        let has_begun = if around.is_audit { self.audit(around)? } else { self.begin(around)? };
        let pause = if self.is_second { SECOND_PAUSE_TURNS } else { around.swarm.pause_turns };
        self.asleep_until = turn + around.chance.below(if around.is_calm { 20 } else { pause }) as u64;
        if has_begun {
            around.trace.event(Happened::Payer, [self.place as u64, 1 << 33, 0]);
        }
        Ok(has_begun)
    }

    /// A datagram comes.
    ///
    /// # Errors
    /// What it shows to be wrong.
    pub fn receive(
        &mut self,
        (authority, shard): (usize, u16),
        datagram: &[u8],
        around: &mut Around,
    ) -> Result<(), String> {
        self.check_refusal(authority, datagram, around)?;
        let from = around.ground.wallet_terms.directory().address(authority, shard);
        self.wallet.receive(from, datagram, around);
        Ok(())
    }

    /// His book holds all there is, and comes to what the authorities hold.
    ///
    /// # Errors
    /// It does not.
    pub fn check_end(&self, (balance, next): (i128, u64), around: &Around) -> Result<(), String> {
        let wrong =
            |what: String| Err(format!("wallet {} of account {}, at the end: {what}", self.place, self.account));
        let Some(own) = self.wallet.book() else { return wrong("it is down".to_owned()) };
        let address = &around.ground.accounts[self.account];
        let mut unproven = 0;
        for (turn, certificate) in around.book.certificates() {
            let (sequence, body) = (Sequence(turn.1), &certificate.body);
            let key = (body.sender, sequence);
            let (is_told, amount) = (self.missing.contains(&key), i128::from(body.amount.get()));
            let has_sent = own.sent().get(&sequence).map(Certificate::digest) == Some(&certificate.digest);
            if turn.0 == self.account && !has_sent {
                unproven -= amount;
                if !is_told {
                    return wrong(format!("its book lacks its payment {}", turn.1));
                }
            }
            let is_paid = body.recipient == *address && body.recipient_kind == RECIPIENT_ACCOUNT;
            if is_paid && !own.received().contains_key(&key) {
                unproven += amount;
                if !is_told {
                    return wrong(format!("its book lacks payment {} of account {}", turn.1, turn.0));
                }
            }
        }
        let known = own.balance().map(|known| (known.balance.0, known.next_sequence.0));
        let money = i128::from(OPENING) + self.received() - self.spent() + unproven;
        let is_next = own.next_sequence().0 == next || own.pending().is_some() && self.is_unprovable;
        if known != Some((balance, next)) || money != balance || !is_next {
            let number = own.next_sequence().0;
            return wrong(format!(
                "authorities hold {balance} and expect {next}; its book says {known:?}, its certificates {money}, and its \
                 next is {number}"
            ));
        }
        Ok(())
    }

    /// Events. Returns whether there were any.
    fn listen(&mut self, around: &mut Around) -> Result<bool, String> {
        let mut has_heard = false;
        while let Some(event) = self.wallet.poll_event(around)? {
            has_heard = true;
            self.hear(event, around)?;
        }
        Ok(has_heard)
    }

    fn hear(&mut self, event: Event, around: &mut Around) -> Result<(), String> {
        match event {
            Event::Certified { .. } => self.hand_over(around),
            Event::Settled { operation, .. } if self.paying == Some(operation) => self.paying = None,
            Event::Refused { operation, refused } if self.paying == Some(operation) => {
                self.has_word = true;
                match refused {
                    Refused::Overtaken { .. } => {
                        around.faults.wallets_overtaken += 1;
                        if around.chance.once_in(2) {
                            self.rebuild(around)?;
                        }
                    }
                    Refused::Conflict { .. } => around.faults.wallets_blocked += 1,
                    Refused::Code { refusal, .. } => {
                        around.faults.orders_refused += 1;
                        self.is_unprovable = around.is_calm && refusal.code == Reject::SequenceBehind;
                    }
                }
            }
            Event::Waiting { operation, .. } if self.paying == Some(operation) => {
                (self.has_word, around.faults.orders_given_up) = (true, around.faults.orders_given_up + 1);
            }
            Event::Rebuilt { operation, rebuilt } => self.rebuilt(operation, &rebuilt, around)?,
            Event::Inquired { operation, inquiry } if self.audit == Audit::Inquiring(operation) => {
                self.audit = if inquiry.agreed.is_some() { Audit::Done } else { Audit::Open };
            }
            Event::Ended { operation } if self.paying == Some(operation) => {
                self.paying = None;
                if !self.has_word {
                    return Err(format!("wallet {}: a payment ends without a word", self.place));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Pays, or does something else that owners do.
    fn begin(&mut self, around: &mut Around) -> Result<bool, String> {
        let has_pending = self.wallet.book().is_some_and(|own| own.pending().is_some());
        if self.rebuilding.is_some() {
            return Ok(false);
        }
        if has_pending && self.paying.is_none() {
            return self.resume(around).map(|()| true);
        }
        if around.is_calm {
            return Ok(false);
        }
        if self.wallet.is_bare() {
            return self.rebuild(around).map(|()| true);
        }
        if let Some(paying) = self.paying {
            return self.grow_impatient(paying, around);
        }
        match around.chance.below(24) {
            0 => self.inquire(around),
            1 => self.read_page(around),
            2..8 if !around.mail[self.account].is_empty() => self.open_mail(around),
            _ => self.pay(around),
        }
    }

    /// He waits; or tries to pay once more, which he must not; or stops waiting.
    fn grow_impatient(&mut self, paying: OperationId, around: &mut Around) -> Result<bool, String> {
        match around.chance.below(64) {
            0 => {
                // The operation may be about to be told that its order was overtaken; then another one may be signed.
                let Some(pending) = self.wallet.book().and_then(|own| own.pending()).map(|pending| pending.digest)
                else {
                    return Ok(false);
                };
                let payment = self.payment(1, around);
                match self.order(payment, around) {
                    Err(PayError::Pending { digest, .. }) if digest == pending => Ok(true),
                    other => Err(format!("wallet {}: a second order beside a pending one: {other:?}", self.place)),
                }
            }
            1 => {
                self.has_word = true;
                self.running().stop(paying);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn resume(&mut self, around: &Around) -> Result<(), String> {
        let (now_ns, address) = (around.now_ns, around.ground.accounts[self.account]);
        let resumed = self.running().resume(now_ns, &address);
        self.paying = Some(resumed.map_err(|error| format!("wallet {}: {error}", self.place))?);
        self.has_word = false;
        Ok(())
    }

    fn rebuild(&mut self, around: &Around) -> Result<(), String> {
        let (now_ns, address) = (around.now_ns, around.ground.accounts[self.account]);
        let rebuilding = self.running().rebuild(now_ns, &address);
        self.rebuilding = Some(rebuilding.map_err(|error| format!("wallet {}: {error}", self.place))?);
        Ok(())
    }

    /// Histories were read. Gaps that remain must be told.
    fn rebuilt(&mut self, operation: OperationId, rebuilt: &Rebuilt, around: &mut Around) -> Result<(), String> {
        if self.rebuilding == Some(operation) {
            self.rebuilding = None;
        }
        let own = self.wallet.book().ok_or("a wallet that is down speaks")?;
        let gaps = (0..own.next_sequence().0).map(Sequence).filter(|number| !own.sent().contains_key(number));
        let untold = gaps.clone().find(|gap| !rebuilt.missing.contains(gap));
        if let Some(gap) = untold.filter(|_| own.pending().is_none()) {
            return Err(format!(
                "wallet {}: its payment {} is missing, and a rebuild does not say so",
                self.place, gap.0
            ));
        }
        let is_whole = rebuilt.is_complete && rebuilt.missing.is_empty() && gaps.count() == 0;
        let address = around.ground.accounts[self.account];
        let sent = rebuilt.missing.iter().map(|number| (address, *number));
        self.missing = sent.chain(rebuilt.missing_received.iter().copied()).collect();
        let is_known = own.balance().is_some_and(|known| known.next_sequence == own.next_sequence());
        if self.wallet.is_bare() && (is_whole || rebuilt.is_complete && is_known) {
            around.faults.wallets_rebuilt += 1;
            self.wallet.was_rebuilt();
        }
        if self.audit == Audit::Rebuilding(operation) {
            self.audit = Audit::Open;
            if rebuilt.is_complete {
                let (now_ns, address) = (around.now_ns, around.ground.accounts[self.account]);
                let inquiring = self.running().inquire(now_ns, &address);
                self.audit = Audit::Inquiring(inquiring.map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    }

    /// Begins to compare his book with what the authorities hold.
    fn audit(&mut self, around: &Around) -> Result<bool, String> {
        if self.audit != Audit::Open {
            return Ok(false);
        }
        self.rebuild(around)?;
        self.audit = self.rebuilding.map_or(Audit::Open, Audit::Rebuilding);
        Ok(true)
    }

    /// Anybody's account.
    fn inquire(&mut self, around: &mut Around) -> Result<bool, String> {
        let account = around.ground.accounts[around.chance.below(around.ground.accounts.len())];
        let begun = self.running().inquire(around.now_ns, &account);
        begun.map(|_| true).map_err(|error| error.to_string())
    }

    fn read_page(&mut self, around: &mut Around) -> Result<bool, String> {
        let authority = u8::try_from(around.chance.below(around.member_count())).expect("7 members at most");
        let account = around.ground.accounts[around.chance.below(around.ground.accounts.len())];
        let ask = HistoryAsk { authority, account, is_received: around.chance.once_in(2), from: 0 };
        let begun = self.running().history_page(around.now_ns, ask);
        begun.map(|_| true).map_err(|error| error.to_string())
    }

    /// A certificate that somebody handed to him: kept and carried at once, kept for his next payment, or thrown away. On its
    /// way it may have been changed.
    fn open_mail(&mut self, around: &mut Around) -> Result<bool, String> {
        let Some(mut certificate) = around.mail[self.account].pop_front() else { return Ok(false) };
        if around.chance.once_in(8) {
            let mut bytes = certificate.placeless_frame().to_vec();
            let at = around.chance.below(bytes.len());
            bytes[at] ^= 1 << around.chance.below(8);
            let changed = Certificate::from_frame(&around.ground.context.network, &bytes);
            let Some(changed) = changed else { return Ok(true) };
            certificate = changed;
            around.faults.certificates_changed += 1;
        }
        match around.chance.below(4) {
            0 => {}
            1 => {
                let now_ns = around.now_ns;
                // A changed one is refused; if it is taken, it is held against its votes when it is written.
                _ = self.running().receive_certificate(now_ns, certificate, &mut Roots(around));
            }
            _ if self.pouch.len() < POUCH_COUNT_MAX => self.pouch.push(certificate),
            _ => {}
        }
        Ok(true)
    }

    /// He makes an order of what he knows that he has.
    fn pay(&mut self, around: &mut Around) -> Result<bool, String> {
        let funding = core::mem::take(&mut self.pouch);
        let is_new = |certificate: &&Certificate| {
            let key = (certificate.body().sender, certificate.sequence());
            self.wallet.book().is_some_and(|own| !own.received().contains_key(&key))
        };
        let mut fresh: Vec<&Certificate> = funding.iter().filter(is_new).collect();
        fresh.dedup_by_key(|certificate| *certificate.digest());
        let handed: i128 = fresh.iter().map(|certificate| i128::from(certificate.amount().0)).sum();
        // What a quorum told may have it already.
        let handed = if self.has_gaps() { 0 } else { handed };
        let available = self.money() + handed;
        let Ok(available) = u64::try_from(available) else { return Ok(false) };
        if available == 0 {
            return Ok(false);
        }
        let mut payment = self.payment(available, around);
        around.faults.chained_payments += u64::from(!funding.is_empty());
        payment.funding = funding;
        match self.order(payment, around) {
            Ok(operation) => {
                (self.paying, self.has_word) = (Some(operation), false);
                Ok(true)
            }
            // What he was handed had been changed on its way, or was no money of his.
            Err(PayError::Funding { .. }) => Ok(true),
            Err(error) => Err(format!("wallet {} does not pay: {error}", self.place)),
        }
    }

    /// Mostly to those who pay on, and little to those who do not: a world whose money is gone stands still.
    fn payment(&self, available: u64, around: &mut Around) -> Payment {
        let is_redemption = around.chance.once_in(16);
        let is_final = is_redemption || around.chance.once_in(16);
        let most = if is_final { 2 } else { *around.chance.pick(&[5, 50, 500, 2_000]) };
        let most = usize::try_from(available.min(most)).expect("2,000 at most");
        let recipients = if is_final { around.ground.accounts.len() } else { around.ground.payer_count };
        Payment {
            amount: Amount(1 + around.chance.below(most) as u64),
            recipient: around.ground.accounts[around.chance.below(recipients)],
            recipient_kind: if is_redemption { RECIPIENT_PRIMARY } else { RECIPIENT_ACCOUNT },
            user_data: [0; 32],
            expiry: TimeMs(u64::MAX),
            funding: Vec::new(),
        }
    }

    /// The wallet signs; the world is told what there is to be voted for.
    fn order(&mut self, payment: Payment, around: &mut Around) -> Result<OperationId, PayError> {
        let (now_ns, address) = (around.now_ns, around.ground.accounts[self.account]);
        let client = self.wallet.client().expect("only who is up pays");
        let operation = client.pay(now_ns, &address, payment, &self.owner, &mut Roots(around))?;
        let own = self.wallet.book().expect("he has this account");
        let pending = own.pending().expect("it was signed just now");
        around.book.make(&around.ground, &pending.body, true);
        Ok(operation)
    }

    /// Whom he paid gets the certificate, now and then.
    fn hand_over(&self, around: &mut Around) {
        let pending = self.wallet.book().and_then(|own| own.pending_certificate());
        let Some(certificate) = pending.filter(|certificate| certificate.body().recipient_kind == RECIPIENT_ACCOUNT)
        else {
            return;
        };
        let recipient = around.ground.account(&certificate.body().recipient).filter(|to| *to < around.mail.len());
        if let Some(mail) = recipient.map(|recipient| &mut around.mail[recipient])
            && mail.len() < MAIL_COUNT_MAX
        {
            around.faults.certificates_handed += 1;
            mail.push_back(certificate.clone());
        }
    }

    /// Whether there are payments of his whose certificates he lacks: lost everywhere, or made by his other wallet.
    fn has_gaps(&self) -> bool {
        let has_gap = |own: &Account| own.sent().len() as u64 != own.next_sequence().0;
        !self.missing.is_empty() || self.wallet.book().is_some_and(has_gap)
    }

    /// What he has, by his certificates; or, if he lacks some, what a quorum told.
    fn money(&self) -> i128 {
        if !self.has_gaps() {
            return i128::from(OPENING) + self.received() - self.spent();
        }
        let own = self.wallet.book();
        let told = own.and_then(|own| own.balance().filter(|known| known.next_sequence == own.next_sequence()));
        told.map_or(0, |known| known.balance.0)
    }

    fn received(&self) -> i128 {
        let own = self.wallet.book();
        let received = own.iter().flat_map(|own| own.received().values());
        received.map(|received| i128::from(received.certificate.amount().0)).sum()
    }

    fn spent(&self) -> i128 {
        let own = self.wallet.book();
        own.iter().flat_map(|own| own.sent().values()).map(|sent| i128::from(sent.amount().0)).sum()
    }

    /// What no honest authority says of an honest order.
    fn check_refusal(&self, authority: usize, datagram: &[u8], around: &Around) -> Result<(), String> {
        let Ok(Frame::Rejection(view)) = frame::parse(datagram) else { return Ok(()) };
        let pending = self.wallet.book().and_then(|own| own.pending());
        let own = pending.filter(|pending| pending.digest == view.head.subject);
        let Some(own) = own.filter(|_| authority < around.ground.honest_count) else { return Ok(()) };
        let turn = (self.account, own.body.sequence.get());
        match Reject::from_code(view.head.code) {
            Some(Reject::Conflict) if around.book.signed_count(turn) > 1 => Ok(()),
            Some(Reject::Conflict | Reject::BadSignature | Reject::BadVote | Reject::NoQuorum) => {
                let code = view.head.code;
                Err(format!("authority {authority} refuses an honest payer's request with code {code}"))
            }
            _ => Ok(()),
        }
    }

    fn stop(&mut self, crash: Crash, around: &mut Around) {
        self.wallet.crash(crash, around);
        (self.paying, self.rebuilding) = (None, None);
        self.pouch.clear();
    }

    fn running(&mut self) -> &mut Client {
        self.wallet.client().expect("only who is up acts")
    }

    fn crash(&mut self, around: &mut Around) {
        around.faults.payer_crashes += 1;
        let crash = match around.chance.below(32) {
            0 => Crash::DiskLost,
            1..16 => Crash::PowerCut,
            _ => Crash::Killed,
        };
        around.faults.wallets_lost += u64::from(crash == Crash::DiskLost);
        self.stop(crash, around);
        self.asleep_until = self.now + around.chance.below(DOWN_TURNS) as u64;
    }
}
