//! What each payment waits for, and what waits for it, where no arithmetic says so.

const NONE: u32 = u32::MAX;

/// By payment: 16 bytes, and 8 more once a payment is paid from what another brings.
#[derive(Debug)]
pub(super) struct Links {
    senders: Vec<u32>,
    sequences: Vec<u32>,
    predecessors: Vec<u32>,
    successors: Vec<u32>,
    /// Both empty where nothing is paid from what another payment brings.
    funders: Vec<u32>,
    funded: Vec<u32>,
    /// By account: the sequence number of its next payment, while payments are added.
    next_sequences: Vec<u32>,
    /// By payer: his last payment.
    last_of_payer: Vec<u32>,
}

impl Links {
    /// None yet. `payer_count`: how many do one thing at a time each; an account that pays by itself is a payer.
    pub(super) fn new(account_count: u32, payer_count: u32, payment_count: u32, has_funders: bool) -> Self {
        let room = payment_count as usize;
        let funding = || if has_funders { vec![NONE; room] } else { Vec::new() };
        Self {
            senders: Vec::with_capacity(room),
            sequences: Vec::with_capacity(room),
            predecessors: Vec::with_capacity(room),
            successors: vec![NONE; room],
            funders: funding(),
            funded: funding(),
            next_sequences: vec![0; account_count as usize],
            last_of_payer: vec![NONE; payer_count as usize],
        }
    }

    /// Adds a payment: the next one of `payer`, from his account `sender`, paid from what `funder` brings, if that is needed.
    /// Returns its index.
    pub(super) fn add(&mut self, payer: u32, sender: u32, funder: Option<u32>) -> u32 {
        let payment = u32::try_from(self.senders.len()).expect("PAYMENT_COUNT_MAX bounds them");
        let before = core::mem::replace(&mut self.last_of_payer[payer as usize], payment);
        if before != NONE {
            self.successors[before as usize] = payment;
        }
        if let Some(funder) = funder {
            assert!(funder < payment && funder != before, "what brings the money is another payment, and comes first");
            assert_eq!(self.funded[funder as usize], NONE, "nothing is spent twice");
            self.funded[funder as usize] = payment;
            self.funders[payment as usize] = funder;
        }
        let sequence = &mut self.next_sequences[sender as usize];
        self.senders.push(sender);
        self.sequences.push(*sequence);
        self.predecessors.push(before);
        *sequence += 1;
        payment
    }

    /// How many payments there are so far.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.senders.len()).expect("PAYMENT_COUNT_MAX bounds them")
    }

    pub(super) fn account_count(&self) -> u32 {
        u32::try_from(self.next_sequences.len()).expect("made for a 32-bit count")
    }

    pub(super) fn sender(&self, payment: u32) -> u32 {
        self.senders[payment as usize]
    }

    pub(super) fn sequence(&self, payment: u32) -> u64 {
        u64::from(self.sequences[payment as usize])
    }

    pub(super) fn predecessor(&self, payment: u32) -> Option<u32> {
        some(self.predecessors[payment as usize])
    }

    pub(super) fn successor(&self, payment: u32) -> Option<u32> {
        some(self.successors[payment as usize])
    }

    pub(super) fn has_funders(&self) -> bool {
        !self.funders.is_empty()
    }

    pub(super) fn funder(&self, payment: u32) -> Option<u32> {
        self.funders.get(payment as usize).copied().and_then(some)
    }

    /// A planted bug: nothing waits for its money.
    #[cfg(test)]
    pub(super) fn forget_funders(&mut self) {
        self.funders.fill(NONE);
        self.funded.fill(NONE);
    }

    pub(super) fn funded(&self, payment: u32) -> Option<u32> {
        self.funded.get(payment as usize).copied().and_then(some)
    }
}

fn some(payment: u32) -> Option<u32> {
    (payment != NONE).then_some(payment)
}
