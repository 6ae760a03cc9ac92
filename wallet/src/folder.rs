//! What lies in a wallet's folder, by name.

/// The accounts' secrets: see [`keys`](crate::keys).
pub const KEYS_NAME: &str = "keys";

/// What the wallet must not forget: see [`book`](crate::book).
pub const BOOK_NAME: &str = "book";

/// Whoever signs or writes holds an exclusive `flock` on this file: two that sign at once could sign for one sequence number.
pub const LOCK_NAME: &str = "lock";
