//! Authorities of a live committee killed, stopped, slowed and started again while the load goes on, as events on the timeline.
//!
//! What the Astro paper shows of broadcast against consensus in its section VI-D is shown here of our own committees: whoever
//! stops, the others settle on, as long as a quorum is left.
//!
//! | file | what it holds |
//! |---|---|
//! | `spec.rs` | what goes wrong when, as it is written |
//! | `crew.rs` | who does it |

pub mod crew;
pub mod spec;

pub use crew::Crew;
pub use spec::{Fault, FaultError, steps};
