//! Eight points of the curve -x^2 + y^2 = 1 + d x^2 y^2 side by side.
//!
//! The formulas are those of Hisil, Wong, Carter and Dawson, "Twisted Edwards curves revisited" (2008), sections 3.1 and 3.3,
//! for a = -1. They are complete here, because -1 is a square mod p and d is not: the identity, equal points, opposite points
//! and points of small order need no case of their own, so the lanes never part ways.
//!
//! A point is kept as (Y - X, Y + X, Z, T) with x = X/Z, y = Y/Z, T = XY/Z. Additions want exactly these two sums, and
//! doubling does as well: from m = Y - X and p = Y + X it takes 4XY = p^2 - m^2, 2(X^2 + Y^2) = p^2 + m^2 and Y^2 - X^2 = pm.

use core::arch::x86_64::{_mm512_alignr_epi64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_setzero_si512};

use super::field::{Factor, Field8, LIMB_COUNT, Loose8, TWICE_P, Wide8};
use super::lanes::{LANE_COUNT, LaneMask, load_quads, quads, splat, store_quad};

/// 2d, where d = -121665/121666 (RFC 8032, section 5.1).
pub(super) const TWICE_D: [u64; LIMB_COUNT] =
    [0x6_9b94_26b2_f159, 0x3_5050_762a_dd7a, 0x3_cf44_c003_8052, 0x6_738c_c740_7977, 0x2_406d_9dc5_6dff];

/// Eight points in extended coordinates.
#[derive(Clone, Copy)]
pub(super) struct Point8 {
    /// Y - X.
    y_minus_x: Field8,
    /// Y + X.
    y_plus_x: Field8,
    z: Field8,
    /// XY / Z.
    t: Field8,
}

/// Eight affine points in the form that is cheapest to add: (y + x, y - x, 2dxy), "Niels" form.
///
/// With `T = Loose8` some lanes have been negated and the value can only be added.
#[derive(Clone, Copy)]
pub(super) struct Niels8<T: Factor = Field8> {
    y_plus_x: Field8,
    y_minus_x: Field8,
    xy2d: T,
}

/// Eight points in extended coordinates with 2dT in place of T, as an addition wants its second operand.
///
/// With `T = Loose8` some lanes have been negated and the value can only be added.
#[derive(Clone, Copy)]
pub(super) struct Cached8<T: Factor = Field8> {
    y_minus_x: Field8,
    y_plus_x: Field8,
    z: Field8,
    t2d: T,
}

/// One affine point in memory: the reduced limbs of y + x, of y - x, of 2dxy, and a word that is 0. Two cache lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(128))]
pub(crate) struct NielsRow([[u64; 4]; 4]);

/// One point in memory: the reduced limbs of Y - X, Y + X, Z and T (or 2dT, if a [`Cached8`] was stored).
///
/// 160 octets, aligned so that no load of 32 crosses a cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(32))]
pub(crate) struct PointRow([[u64; 4]; 5]);

impl NielsRow {
    /// x = 0, y = 1.
    pub(crate) const IDENTITY: Self = Self([[1, 0, 0, 0], [0, 1, 0, 0], [0; 4], [0; 4]]);

    /// The row as plain words, without its alignment: for memory where every octet counts.
    pub(super) fn quads(&self) -> &[[u64; 4]; 4] {
        &self.0
    }

    /// The reverse of [`NielsRow::quads`].
    pub(super) fn from_quads(quads: &[[u64; 4]; 4]) -> Self {
        Self(*quads)
    }

    /// Word `index` of the 16: limb i of y + x at i, of y - x at 5 + i, of 2dxy at 10 + i.
    #[inline]
    pub(super) fn word(&self, index: usize) -> u64 {
        self.0[index / 4][index % 4]
    }
}

impl PointRow {
    /// X = 0, Y = Z = 1, and T = 0 = 2dT.
    pub(crate) const IDENTITY: Self = Self([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0; 4], [0; 4]]);
}

impl Point8 {
    /// The identity in every lane.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn identity() -> Self {
        let (zero, one) = (Field8::zero(), Field8::one());
        Self { y_minus_x: one, y_plus_x: one, z: one, t: zero }
    }

    /// P + Q for affine Q: 7 products.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn add_niels<T: Factor>(&self, q: &Niels8<T>) -> Self {
        let a = self.y_minus_x.product(&q.y_minus_x);
        let b = self.y_plus_x.product(&q.y_plus_x);
        let c = self.t.product(&q.xy2d);
        let d = self.z.widened().doubled::<1>();
        Self::completed(&b.minus(&a), &d.minus(&c), &d.plus(&c), &b.plus(&a))
    }

    /// P + Q: 8 products.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn add_cached<T: Factor>(&self, q: &Cached8<T>) -> Self {
        let a = self.y_minus_x.product(&q.y_minus_x);
        let b = self.y_plus_x.product(&q.y_plus_x);
        let c = self.t.product(&q.t2d);
        let d = self.z.product(&q.z).doubled::<1>();
        Self::completed(&b.minus(&a), &d.minus(&c), &d.plus(&c), &b.plus(&a))
    }

    /// P + Q: 9 products. Keep a [`Cached8`] of what is added more than once.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn add(&self, q: &Self) -> Self {
        self.add_cached(&q.cached())
    }

    /// 2P: 3 squares, 5 products.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn double(&self) -> Self {
        let [e, f, g, h] = self.doubling_factors();
        Self::completed(&e, &f, &g, &h)
    }

    /// 2^`count` P. Only the last doubling computes T: the others do without.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn double_times(&self, count: usize) -> Self {
        let mut point = *self;
        for _ in 1..count {
            let [e, f, g, h] = point.doubling_factors();
            point = Self { t: point.t, ..Self::completed_without_t(&e, &f, &g, &h) };
        }
        if count == 0 { point } else { point.double() }
    }

    /// Lane i takes the point of lane i + `COUNT` (mod 8).
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn rotated<const COUNT: i32>(&self) -> Self {
        Self {
            y_minus_x: rotated::<COUNT>(&self.y_minus_x),
            y_plus_x: rotated::<COUNT>(&self.y_plus_x),
            z: rotated::<COUNT>(&self.z),
            t: rotated::<COUNT>(&self.t),
        }
    }

    /// Q in the lanes of `mask`, P in the others.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn select(mask: LaneMask, p: &Self, q: &Self) -> Self {
        Self {
            y_minus_x: Field8::select(mask, &p.y_minus_x, &q.y_minus_x),
            y_plus_x: Field8::select(mask, &p.y_plus_x, &q.y_plus_x),
            z: Field8::select(mask, &p.z, &q.z),
            t: Field8::select(mask, &p.t, &q.t),
        }
    }

    /// The lanes that hold the identity: X = 0 and Y = Z, which is not 0.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn is_identity(&self) -> LaneMask {
        let x_is_zero = self.y_plus_x.equals(&self.y_minus_x);
        // Where X = 0, Y + X is Y. All zero is no point and comes of no sum; if it ever did, it must not pass a signature.
        x_is_zero & self.y_plus_x.equals(&self.z) & !self.z.is_zero()
    }

    /// The lanes whose point has an order that divides 8.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn is_small_order(&self) -> LaneMask {
        self.double_times(3).is_identity()
    }

    /// The form to add several times: one product now, one less for each addition.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn cached(&self) -> Cached8 {
        let t2d = self.t.mul(&Field8::splat(TWICE_D));
        Cached8 { y_minus_x: self.y_minus_x, y_plus_x: self.y_plus_x, z: self.z, t2d }
    }

    /// 2Z: its inverse times [`Point8::twice_x`] and [`Point8::twice_y`] are the affine coordinates. Never 0.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn twice_z(&self) -> Field8 {
        self.z.add(&self.z)
    }

    /// 2X.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn twice_x(&self) -> Field8 {
        self.y_plus_x.sub(&self.y_minus_x)
    }

    /// 2Y.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn twice_y(&self) -> Field8 {
        self.y_plus_x.add(&self.y_minus_x)
    }

    /// One point per lane, from anywhere.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn load(rows: [&PointRow; LANE_COUNT]) -> Self {
        let [y_minus_x, y_plus_x, z, t] = load_point_rows(rows);
        Self { y_minus_x, y_plus_x, z, t }
    }

    /// Lane i takes `rows[indices[i]]`.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn gather(rows: &[PointRow], indices: [usize; LANE_COUNT]) -> Self {
        Self::load(indices.map(|index| &rows[index]))
    }

    /// The reverse of [`Point8::gather`]. Where two indices are the same, the higher lane is left there.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn scatter(&self, rows: &mut [PointRow], indices: [usize; LANE_COUNT]) {
        scatter_point_rows([&self.y_minus_x, &self.y_plus_x, &self.z, &self.t], rows, indices);
    }

    /// E = p^2 - m^2, F = 4Z^2 - 2pm, G = 2pm, H = p^2 + m^2, from which [`Point8::completed`] makes 2P.
    ///
    /// The paper's section 3.3 has E = 2XY, F = G - 2Z^2, G = Y^2 - X^2, H = -(X^2 + Y^2). These are twice that, with the
    /// signs of F and H turned: all four products change sign and stay the same point.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn doubling_factors(&self) -> [Field8; 4] {
        let m_squared = self.y_minus_x.squared();
        let p_squared = self.y_plus_x.squared();
        let pm_twice = self.y_plus_x.product(&self.y_minus_x).doubled::<1>();
        let z_squared_4_times = self.z.squared().doubled::<2>();
        [
            p_squared.minus(&m_squared),
            z_squared_4_times.minus(&pm_twice),
            pm_twice.reduced(),
            p_squared.plus(&m_squared),
        ]
    }

    /// X = EF, Y = GH, Z = FG, T = EH: the last step of addition and doubling.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn completed(e: &Field8, f: &Field8, g: &Field8, h: &Field8) -> Self {
        Self { t: e.mul(h), ..Self::completed_without_t(e, f, g, h) }
    }

    /// The same with T = 0.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn completed_without_t(e: &Field8, f: &Field8, g: &Field8, h: &Field8) -> Self {
        let x: Wide8 = e.product(f);
        let y: Wide8 = g.product(h);
        Self { y_minus_x: y.minus(&x), y_plus_x: y.plus(&x), z: f.mul(g), t: Field8::zero() }
    }
}

impl Niels8 {
    /// The identity in every lane.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn identity() -> Self {
        Self { y_plus_x: Field8::one(), y_minus_x: Field8::one(), xy2d: Field8::zero() }
    }

    /// The points with these affine coordinates.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn from_affine(x: &Field8, y: &Field8) -> Self {
        let xy2d = x.mul(y).mul(&Field8::splat(TWICE_D));
        Self { y_plus_x: y.add(x), y_minus_x: y.sub(x), xy2d }
    }

    /// Takes the parts as they are: y + x, y - x, 2dxy.
    #[inline]
    pub(super) fn from_parts(y_plus_x: Field8, y_minus_x: Field8, xy2d: Field8) -> Self {
        Self { y_plus_x, y_minus_x, xy2d }
    }

    /// The negative in the lanes of `negative`. No arithmetic but one subtraction: the first two parts change places.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn signed(&self, negative: LaneMask) -> Niels8<Loose8> {
        Niels8 {
            y_plus_x: Field8::select(negative, &self.y_plus_x, &self.y_minus_x),
            y_minus_x: Field8::select(negative, &self.y_minus_x, &self.y_plus_x),
            xy2d: self.xy2d.signed(negative),
        }
    }

    /// Q in the lanes of `mask`, P in the others.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn select(mask: LaneMask, p: &Self, q: &Self) -> Self {
        Self {
            y_plus_x: Field8::select(mask, &p.y_plus_x, &q.y_plus_x),
            y_minus_x: Field8::select(mask, &p.y_minus_x, &q.y_minus_x),
            xy2d: Field8::select(mask, &p.xy2d, &q.xy2d),
        }
    }

    /// One point per lane, from anywhere.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn load(rows: [&NielsRow; LANE_COUNT]) -> Self {
        let [w0, w1, w2, w3] = load_quads(rows.map(|row| &row.0[0]));
        let [w4, w5, w6, w7] = load_quads(rows.map(|row| &row.0[1]));
        let [w8, w9, w10, w11] = load_quads(rows.map(|row| &row.0[2]));
        let [w12, w13, w14, _] = load_quads(rows.map(|row| &row.0[3]));
        Self {
            y_plus_x: Field8::from_limbs([w0, w1, w2, w3, w4]),
            y_minus_x: Field8::from_limbs([w5, w6, w7, w8, w9]),
            xy2d: Field8::from_limbs([w10, w11, w12, w13, w14]),
        }
    }

    /// One row per lane.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn to_rows(self) -> [NielsRow; LANE_COUNT] {
        let [a0, a1, a2, a3, a4] = self.y_plus_x.into_limbs();
        let [b0, b1, b2, b3, b4] = self.y_minus_x.into_limbs();
        let [c0, c1, c2, c3, c4] = self.xy2d.into_limbs();
        let parts = [
            quads([a0, a1, a2, a3]),
            quads([a4, b0, b1, b2]),
            quads([b3, b4, c0, c1]),
            quads([c2, c3, c4, _mm512_setzero_si512()]),
        ];
        let mut rows = [NielsRow::IDENTITY; LANE_COUNT];
        for (lane, row) in rows.iter_mut().enumerate() {
            for (words, part) in row.0.iter_mut().zip(&parts) {
                store_quad(part[lane], words);
            }
        }
        rows
    }
}

impl Niels8<Loose8> {
    /// The same point in every lane, negated in the lanes of `negative`.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn broadcast(row: &NielsRow, negative: LaneMask) -> Self {
        let mut y_plus_x = [_mm512_setzero_si512(); LIMB_COUNT];
        let mut y_minus_x = y_plus_x;
        let mut xy2d = y_plus_x;
        for limb in 0..LIMB_COUNT {
            let (plus, minus, product) = (splat(row.word(limb)), splat(row.word(5 + limb)), splat(row.word(10 + limb)));
            y_plus_x[limb] = _mm512_mask_blend_epi64(negative, plus, minus);
            y_minus_x[limb] = _mm512_mask_blend_epi64(negative, minus, plus);
            xy2d[limb] = _mm512_mask_sub_epi64(product, negative, splat(TWICE_P[limb]), product);
        }
        Self {
            y_plus_x: Field8::from_limbs(y_plus_x),
            y_minus_x: Field8::from_limbs(y_minus_x),
            xy2d: Loose8::from_limbs(xy2d),
        }
    }
}

impl Cached8 {
    /// The negative in the lanes of `negative`.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn signed(&self, negative: LaneMask) -> Cached8<Loose8> {
        Cached8 {
            y_minus_x: Field8::select(negative, &self.y_minus_x, &self.y_plus_x),
            y_plus_x: Field8::select(negative, &self.y_plus_x, &self.y_minus_x),
            z: self.z,
            t2d: self.t2d.signed(negative),
        }
    }

    /// Lane i takes `rows[indices[i]]`, which a [`Cached8`] was scattered to.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn gather(rows: &[PointRow], indices: [usize; LANE_COUNT]) -> Self {
        let [y_minus_x, y_plus_x, z, t2d] = load_point_rows(indices.map(|index| &rows[index]));
        Self { y_minus_x, y_plus_x, z, t2d }
    }

    /// The reverse of [`Cached8::gather`]. Where two indices are the same, the higher lane is left there.
    #[inline]
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn scatter(&self, rows: &mut [PointRow], indices: [usize; LANE_COUNT]) {
        scatter_point_rows([&self.y_minus_x, &self.y_plus_x, &self.z, &self.t2d], rows, indices);
    }
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn load_point_rows(rows: [&PointRow; LANE_COUNT]) -> [Field8; 4] {
    let [w0, w1, w2, w3] = load_quads(rows.map(|row| &row.0[0]));
    let [w4, w5, w6, w7] = load_quads(rows.map(|row| &row.0[1]));
    let [w8, w9, w10, w11] = load_quads(rows.map(|row| &row.0[2]));
    let [w12, w13, w14, w15] = load_quads(rows.map(|row| &row.0[3]));
    let [w16, w17, w18, w19] = load_quads(rows.map(|row| &row.0[4]));
    [
        Field8::from_limbs([w0, w1, w2, w3, w4]),
        Field8::from_limbs([w5, w6, w7, w8, w9]),
        Field8::from_limbs([w10, w11, w12, w13, w14]),
        Field8::from_limbs([w15, w16, w17, w18, w19]),
    ]
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn scatter_point_rows(parts: [&Field8; 4], rows: &mut [PointRow], indices: [usize; LANE_COUNT]) {
    let [[a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4], [c0, c1, c2, c3, c4], [d0, d1, d2, d3, d4]] =
        parts.map(|part| part.into_limbs());
    let parts = [
        quads([a0, a1, a2, a3]),
        quads([a4, b0, b1, b2]),
        quads([b3, b4, c0, c1]),
        quads([c2, c3, c4, d0]),
        quads([d1, d2, d3, d4]),
    ];
    for (lane, index) in indices.into_iter().enumerate() {
        for (words, part) in rows[index].0.iter_mut().zip(&parts) {
            store_quad(part[lane], words);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
fn rotated<const COUNT: i32>(x: &Field8) -> Field8 {
    let mut limbs = x.into_limbs();
    for limb in &mut limbs {
        *limb = _mm512_alignr_epi64::<COUNT>(*limb, *limb);
    }
    Field8::from_limbs(limbs)
}

#[cfg(test)]
#[path = "point_tests.rs"]
mod tests;
