//! `layout`: docs against structures. `golden`: bytes written out. `refusals`: what is no frame, and why. `canonicity`:
//! one byte string per value, and no input that panics. `certificates`: how they are put together. `shapes`: frames to
//! test with.

mod canonicity;
mod certificates;
mod golden;
mod layout;
mod refusals;
mod shapes;
