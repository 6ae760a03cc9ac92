//! What hostile sources send, and how much of it.

use core::str::FromStr;

/// How many tricks there are.
pub const TRICK_COUNT: usize = 4;

/// Most datagrams of one trick, in percent of the honest orders: a hundred to each is a flood, and enough of one.
const PERCENT_MAX: u32 = 10_000;
const MILLION: u32 = 1_000_000;

/// What a stranger sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// An honest order with a bit of its signature flipped. It passes all cheap checks, and so it is the dearest thing that a
    /// stranger can send.
    BadSignature,
    /// Noise, frames cut short, and replies, which only authorities send. All of it gets silence.
    Garbage,
    /// An honest order or certificate of a while ago, as it was.
    Replay,
    /// An honest order that another shard is asked for.
    WrongShard,
}

impl Trick {
    /// Every trick.
    pub const ALL: [Self; TRICK_COUNT] = [Self::BadSignature, Self::Garbage, Self::Replay, Self::WrongShard];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::Garbage => "garbage",
            Self::Replay => "replay",
            Self::WrongShard => "wrong-shard",
        }
    }
}

/// How many datagrams of each trick come to how many honest orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mix([Rhythm; TRICK_COUNT]);

/// `count` to every `of` orders, as evenly as whole numbers allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    count: u32,
    of: u32,
    /// What was left at the last order, below `of`.
    rest: u32,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { count: 0, of: MILLION, rest: 0 }
    }
}

impl Rhythm {
    /// How many are due with one more honest order.
    pub(super) fn step(&mut self) -> u32 {
        let sum = self.rest + self.count;
        self.rest = sum % self.of;
        sum / self.of
    }

    /// Of a million orders.
    pub fn ppm(&self) -> u32 {
        let ppm = u64::from(self.count) * u64::from(MILLION) / u64::from(self.of);
        u32::try_from(ppm).expect("PERCENT_MAX bounds it")
    }
}

impl Mix {
    /// A bad signature after every `every`th honest order, and nothing else.
    pub fn bad_every(every: u32) -> Self {
        assert!(every > 0, "the options have bounds");
        let mut mix = Self::default();
        mix.0[Trick::BadSignature as usize] = Rhythm { count: 1, of: every, rest: 0 };
        mix
    }

    /// The tricks that occur, each with its rhythm.
    pub fn tricks(&self) -> impl Iterator<Item = (Trick, Rhythm)> {
        Trick::ALL.into_iter().zip(self.0).filter(|(_, rhythm)| rhythm.count > 0)
    }
}

/// What is wrong with `KIND=PERCENT,...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// No equals sign.
    #[error("`{0}` is not KIND=PERCENT, such as bad-signature=5%")]
    Form(String),
    /// Another word.
    #[error("there is no `{0}`: it is bad-signature, garbage, replay or wrong-shard")]
    Trick(String),
    /// The same word again.
    #[error("`{0}` occurs twice")]
    Repeated(String),
    /// See the fault.
    #[error("`{0}`: {1}")]
    Percent(String, PercentError),
}

/// What is wrong with a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// No number.
    #[error("not a number with at most four decimals")]
    Form,
    /// Too much.
    #[error("more than {0} percent")]
    Range(u32),
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix = Self::default();
        let mut seen = [false; TRICK_COUNT];
        for part in text.split(',') {
            let (name, percent) = part.split_once('=').ok_or_else(|| MixError::Form(part.to_owned()))?;
            let trick = Trick::ALL.into_iter().find(|trick| trick.name() == name);
            let trick = trick.ok_or_else(|| MixError::Trick(name.to_owned()))?;
            if core::mem::replace(&mut seen[trick as usize], true) {
                return Err(MixError::Repeated(name.to_owned()));
            }
            let count =
                ppm_of_percent(percent, PERCENT_MAX).map_err(|fault| MixError::Percent(part.to_owned(), fault))?;
            mix.0[trick as usize] = Rhythm { count, of: MILLION, rest: 0 };
        }
        Ok(mix)
    }
}

/// `12.5` or `12.5%` as 125,000, of a million. Digits and a point only; no number is rounded.
///
/// # Errors
/// [`PercentError`].
pub fn ppm_of_percent(text: &str, percent_max: u32) -> Result<u32, PercentError> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 4 {
        return Err(PercentError::Form);
    }
    let range = PercentError::Range(percent_max);
    let whole: u32 = whole.parse().map_err(|_| range)?;
    let decimals: u32 = format!("{decimals:0<4}").parse().expect("four digits are a number");
    let ppm = whole.checked_mul(10_000).and_then(|whole| whole.checked_add(decimals));
    ppm.filter(|ppm| *ppm <= percent_max * 10_000).ok_or(range)
}

// What is left of one order and what comes with the next stay within 32 bits.
const _: () = assert!(PERCENT_MAX as u64 * 10_000 + MILLION as u64 <= u32::MAX as u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_exact_or_refused() {
        let read = |text| ppm_of_percent(text, 40);
        for (text, ppm) in [("0", 0), ("12.5", 125_000), ("5%", 50_000), ("0.0001%", 1), ("40", 400_000)] {
            assert_eq!(read(text), Ok(ppm), "{text}");
        }
        for text in ["", "%", "-1", "+1", "1e3", ".5", "5.", "1.23456", "x", "5%%", "1,5", "nan"] {
            assert_eq!(read(text), Err(PercentError::Form), "{text}");
        }
        for text in ["40.0001", "41", "99999999999"] {
            assert_eq!(read(text), Err(PercentError::Range(40)), "{text}");
        }
    }

    #[test]
    fn a_mix_is_read_as_it_is_written() {
        let mix: Mix = "bad-signature=5%,garbage=200,wrong-shard=0.5%".parse().unwrap();
        let shares: Vec<_> = mix.tricks().map(|(trick, rhythm)| (trick, rhythm.ppm())).collect();
        assert_eq!(shares, [(Trick::BadSignature, 50_000), (Trick::Garbage, 2_000_000), (Trick::WrongShard, 5_000)]);
    }

    #[test]
    fn a_mix_that_is_none_is_refused_with_what_is_wrong() {
        let fault = |text: &str| text.parse::<Mix>().unwrap_err();
        assert_eq!(fault("replay"), MixError::Form("replay".into()));
        assert_eq!(fault("replay=1,"), MixError::Form(String::new()));
        assert_eq!(fault("spam=1"), MixError::Trick("spam".into()));
        assert_eq!(fault("replay=1,replay=2"), MixError::Repeated("replay".into()));
        assert_eq!(fault("replay=-1"), MixError::Percent("replay=-1".into(), PercentError::Form));
        assert_eq!(fault("replay=10001"), MixError::Percent("replay=10001".into(), PercentError::Range(PERCENT_MAX)));
    }

    #[test]
    fn a_rhythm_keeps_its_share_and_never_bunches() {
        for (text, expected) in [("5", 500), ("0.01", 1), ("100", 10_000), ("250", 25_000), ("33.3333", 3_333)] {
            let mix: Mix = format!("replay={text}").parse().unwrap();
            let (_, mut rhythm) = mix.tricks().next().unwrap();
            let steps: Vec<u32> = (0..10_000).map(|_| rhythm.step()).collect();
            assert_eq!(steps.iter().sum::<u32>(), expected, "{text}");
            assert!(steps.iter().max().unwrap() - steps.iter().min().unwrap() <= 1, "{text}");
        }
        let (_, mut rhythm) = Mix::bad_every(3).tricks().next().unwrap();
        assert_eq!([(); 7].map(|()| rhythm.step()), [0, 0, 1, 0, 0, 1, 0]);
    }
}
