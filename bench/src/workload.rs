//! All that a run needs of its payments, made before the measurement starts.
//!
//! | file | what it holds |
//! |---|---|
//! | `workload/asker.rs` | a client that asks for balances beside the payments |
//! | `workload/report.rs`, `workload/table.rs` | what a workload was, and what came of it besides payments |

pub mod asker;
pub mod report;
pub mod table;
#[cfg(test)]
mod tests;

use crate::digest_table::DigestTable;
use crate::orders::Orders;
use crate::plan::Plan;
use crate::votes::SimulatedVotes;

/// Payments, signed ahead.
#[derive(Debug)]
pub struct Workload {
    /// Who pays whom how much.
    pub plan: Plan,
    /// The signed orders.
    pub orders: Orders,
    /// Votes of authorities that do not run.
    pub votes: SimulatedVotes,
    /// From digest to payment.
    pub table: DigestTable,
}

impl Workload {
    /// The payment whose order has this digest.
    pub fn payment(&self, digest: &[u8; 32]) -> Option<u32> {
        self.table.find(digest, self.orders.digests())
    }
}
