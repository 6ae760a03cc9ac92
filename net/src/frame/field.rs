//! Little-endian numbers of alignment 1, so that a frame can be viewed wherever it lies in a receive buffer.

use bytemuck::{Pod, Zeroable};
use core::fmt;

macro_rules! little_endian {
    ($(#[$doc:meta])* $name:ident, $number:ty, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Stores a number.
            #[inline]
            pub const fn new(number: $number) -> Self {
                Self(number.to_le_bytes())
            }

            /// The number stored.
            #[inline]
            pub const fn get(self) -> $number {
                <$number>::from_le_bytes(self.0)
            }
        }

        impl From<$number> for $name {
            fn from(number: $number) -> Self {
                Self::new(number)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.get().fmt(f)
            }
        }
    };
}

little_endian!(
    /// 16 bits, little-endian, alignment 1.
    U16, u16, 2
);
little_endian!(
    /// 64 bits, little-endian, alignment 1.
    U64, u64, 8
);
little_endian!(
    /// 128 bits, two's complement, little-endian, alignment 1.
    I128, i128, 16
);
