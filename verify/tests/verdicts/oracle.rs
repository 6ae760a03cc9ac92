//! The acceptance rule, written down once more from its words, slowly, sharing no code with what it checks.
//!
//! Its own integers, field and curve: the extended-coordinate formulas of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2
//! (Hisil, Wong, Carter, Dawson, "Twisted Edwards curves revisited", 2008, section 3.1), complete, one bit at a time. The
//! challenge stays a 512-bit integer: no reduction mod L that could be wrong. Only SHA-512 is borrowed.

use sha2::{Digest, Sha512};

/// An integer below 2^256, least significant word first.
type Words = [u64; 4];

/// p = 2^255 - 19.
pub(crate) const P: Words = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];

/// L, as a number (RFC 8032, section 5.1).
pub(crate) const L: Words = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

/// Why the rule refuses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyVerdict {
    Good,
    NotCanonical,
    NotOnCurve,
    SmallOrder,
}

pub(crate) fn judge_key(encoding: &[u8; 32]) -> KeyVerdict {
    match decode(encoding) {
        Decoded::NotCanonical => KeyVerdict::NotCanonical,
        Decoded::NotOnCurve => KeyVerdict::NotOnCurve,
        Decoded::Point(a) if a.times_eight().is_identity() => KeyVerdict::SmallOrder,
        Decoded::Point(_) => KeyVerdict::Good,
    }
}

/// The verdict of the rule on a signature by any 32 bytes.
pub(crate) fn accepts(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let r: &[u8; 32] = signature[..32].try_into().unwrap();
    let s: &[u8; 32] = signature[32..].try_into().unwrap();
    if judge_key(key) != KeyVerdict::Good || !less(&words(s), &L) {
        return false;
    }
    let (Decoded::Point(a), Decoded::Point(r_point)) = (decode(key), decode(r)) else {
        return false;
    };
    let k: [u8; 64] = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize().into();
    let difference = base_point().times(s).plus(&r_point.negated()).plus(&a.times(&k).negated());
    difference.times_eight().is_identity()
}

pub(crate) enum Decoded {
    NotCanonical,
    NotOnCurve,
    Point(Point),
}

/// Decodes a point, refusing every encoding that re-encoding would not give back (RFC 8032, section 5.1.3).
pub(crate) fn decode(encoding: &[u8; 32]) -> Decoded {
    let mut y = words(encoding);
    let negative = y[3] >> 63 == 1;
    y[3] &= u64::MAX >> 1;
    if !less(&y, &P) {
        return Decoded::NotCanonical;
    }
    let y = Field(y);
    let y_squared = y.times(y);
    let x_squared = y_squared.minus(Field::ONE).times(d().times(y_squared).plus(Field::ONE).inverted());
    let Some(x) = x_squared.root() else {
        return Decoded::NotOnCurve;
    };
    if negative && x.0 == [0; 4] {
        return Decoded::NotCanonical;
    }
    let x = if (x.0[0] & 1 == 1) == negative { x } else { Field::ZERO.minus(x) };
    Decoded::Point(Point { x, y, z: Field::ONE, t: x.times(y) })
}

/// The x coordinate of the point that this encodes, if it is a canonical encoding of one.
pub(crate) fn x_of(encoding: &[u8; 32]) -> Option<[u8; 32]> {
    match decode(encoding) {
        Decoded::Point(point) => Some(bytes(&point.x.0)),
        Decoded::NotCanonical | Decoded::NotOnCurve => None,
    }
}

/// Extended coordinates: x/z, y/z, t = xy/z.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

impl Point {
    const IDENTITY: Self = Self { x: Field::ZERO, y: Field::ONE, z: Field::ONE, t: Field::ZERO };

    fn plus(&self, other: &Self) -> Self {
        let a = self.x.times(other.x);
        let b = self.y.times(other.y);
        let c = self.t.times(d()).times(other.t);
        let d = self.z.times(other.z);
        let e = self.x.plus(self.y).times(other.x.plus(other.y)).minus(a).minus(b);
        let (f, g, h) = (d.minus(c), d.plus(c), b.plus(a));
        Self { x: e.times(f), y: g.times(h), z: f.times(g), t: e.times(h) }
    }

    fn negated(&self) -> Self {
        Self { x: Field::ZERO.minus(self.x), t: Field::ZERO.minus(self.t), ..*self }
    }

    /// Double and add, most significant bit first.
    fn times(&self, scalar: &[u8]) -> Self {
        let mut product = Self::IDENTITY;
        for bit in (0..8 * scalar.len()).rev() {
            product = product.plus(&product);
            if scalar[bit / 8] >> (bit % 8) & 1 == 1 {
                product = product.plus(self);
            }
        }
        product
    }

    fn times_eight(&self) -> Self {
        self.times(&[8])
    }

    fn is_identity(&self) -> bool {
        self.x == Field::ZERO && self.y == self.z
    }
}

/// y = 4/5, x even.
fn base_point() -> Point {
    let y = Field([4, 0, 0, 0]).times(Field([5, 0, 0, 0]).inverted());
    let Decoded::Point(base) = decode(&bytes(&y.0)) else { panic!("the base point is on the curve") };
    base
}

/// d = -121665/121666, computed once: it is in every addition.
fn d() -> Field {
    static D: std::sync::OnceLock<Field> = std::sync::OnceLock::new();
    *D.get_or_init(|| Field::ZERO.minus(Field([121_665, 0, 0, 0])).times(Field([121_666, 0, 0, 0]).inverted()))
}

/// A number mod p, always less than p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field(Words);

impl Field {
    const ZERO: Self = Self([0; 4]);
    const ONE: Self = Self([1, 0, 0, 0]);

    fn plus(self, other: Self) -> Self {
        let (sum, carry) = add(&self.0, &other.0);
        assert!(!carry, "two numbers below 2^255");
        Self(if less(&sum, &P) { sum } else { subtract(&sum, &P) })
    }

    fn minus(self, other: Self) -> Self {
        self.plus(if other == Self::ZERO { other } else { Self(subtract(&P, &other.0)) })
    }

    /// Schoolbook product, then 2^256 = 38 mod p until it fits.
    fn times(self, other: Self) -> Self {
        let mut product = [0_u64; 8];
        for (i, a) in self.0.iter().enumerate() {
            let mut carry = 0_u128;
            for (j, b) in other.0.iter().enumerate() {
                carry += u128::from(*a) * u128::from(*b) + u128::from(product[i + j]);
                product[i + j] = low(carry);
                carry >>= 64;
            }
            product[i + 4] = low(carry);
        }
        let mut folded: Words = product[..4].try_into().unwrap();
        let mut carry = 0_u128;
        for (word, high) in folded.iter_mut().zip(&product[4..]) {
            carry += u128::from(*word) + 38 * u128::from(*high);
            *word = low(carry);
            carry >>= 64;
        }
        while carry != 0 {
            let (sum, overflow) = add(&folded, &[38 * low(carry), 0, 0, 0]);
            folded = sum;
            carry = u128::from(overflow);
        }
        while !less(&folded, &P) {
            folded = subtract(&folded, &P);
        }
        Self(folded)
    }

    fn power(self, exponent: &Words) -> Self {
        let mut power = Self::ONE;
        for bit in (0..256).rev() {
            power = power.times(power);
            if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
                power = power.times(self);
            }
        }
        power
    }

    /// Fermat: x^(p-2).
    fn inverted(self) -> Self {
        self.power(&subtract(&P, &[2, 0, 0, 0]))
    }

    /// A square root, if there is one: x^((p+3)/8), or that times 2^((p-1)/4) (RFC 8032, section 5.1.3, step 3).
    fn root(self) -> Option<Self> {
        let eighth = shifted_right(&add(&P, &[3, 0, 0, 0]).0, 3);
        let quarter = shifted_right(&subtract(&P, &Self::ONE.0), 2);
        let candidate = self.power(&eighth);
        let other = candidate.times(Self([2, 0, 0, 0]).power(&quarter));
        [candidate, other].into_iter().find(|root| root.times(*root) == self)
    }
}

pub(crate) fn words(bytes: &[u8; 32]) -> Words {
    core::array::from_fn(|index| u64::from_le_bytes(bytes[8 * index..8 * index + 8].try_into().unwrap()))
}

pub(crate) fn bytes(words: &Words) -> [u8; 32] {
    core::array::from_fn(|index| words[index / 8].to_le_bytes()[index % 8])
}

pub(crate) fn add(a: &Words, b: &Words) -> (Words, bool) {
    let mut carry = 0_u128;
    let sum = core::array::from_fn(|index| {
        carry += u128::from(a[index]) + u128::from(b[index]);
        let word = low(carry);
        carry >>= 64;
        word
    });
    (sum, carry != 0)
}

pub(crate) fn subtract(a: &Words, b: &Words) -> Words {
    let mut borrow = false;
    core::array::from_fn(|index| {
        let (word, first) = a[index].overflowing_sub(b[index]);
        let (word, second) = word.overflowing_sub(u64::from(borrow));
        borrow = first || second;
        word
    })
}

fn less(a: &Words, b: &Words) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn shifted_right(words: &Words, bits: u32) -> Words {
    core::array::from_fn(|index| {
        let above = words.get(index + 1).copied().unwrap_or(0);
        words[index] >> bits | above << (64 - bits)
    })
}

fn low(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).unwrap()
}
