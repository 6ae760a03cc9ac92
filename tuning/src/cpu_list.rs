//! The kernel's notation for a set of cores: `0-3,8,10-11`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Core indices must be below this: the most the kernel can be built for on x86-64 (`NR_CPUS`). It bounds what one
/// range such as `0-4000000000` may make us allocate.
pub const CORE_COUNT_MAX: usize = 8192;

/// A set of core indices, ascending and without repeats. In JSON an array of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CpuList(Vec<usize>);

/// Why a text is not a list of cores.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuListError {
    /// A part between commas is neither a number nor two numbers joined by `-`.
    #[error("`{0}` is neither a core nor a range of cores; write for example 0-3,8")]
    NotARange(String),
    /// A range ends before it starts.
    #[error("the range {first}-{last} ends before it starts")]
    Backwards {
        /// Where the range starts.
        first: usize,
        /// Where it ends.
        last: usize,
    },
    /// A core index is at or above [`CORE_COUNT_MAX`].
    #[error("core {0} is beyond the {CORE_COUNT_MAX} that Linux can have")]
    Beyond(usize),
}

impl CpuList {
    /// Whether `core_index` is in the set.
    pub fn contains(&self, core_index: usize) -> bool {
        self.0.binary_search(&core_index).is_ok()
    }

    /// The indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    /// The indices, ascending, as a slice.
    pub fn as_slice(&self) -> &[usize] {
        &self.0
    }

    /// How many cores the set holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<usize> for CpuList {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut indices: Vec<usize> = indices.into_iter().collect();
        indices.sort_unstable();
        indices.dedup();
        Self(indices)
    }
}

/// Reads the kernel's notation. Blank text is the empty set: that is how sysfs writes "none".
impl FromStr for CpuList {
    type Err = CpuListError;

    fn from_str(text: &str) -> Result<Self, CpuListError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // One bit per possible core: overlapping ranges, however many, cost no more memory than one.
        let mut present = vec![false; CORE_COUNT_MAX];
        for part in text.trim().split(',') {
            let (first, last) = range(part)?;
            present[first..=last].fill(true);
        }
        Ok(present.iter().enumerate().filter_map(|(index, set)| set.then_some(index)).collect())
    }
}

/// Both ends of one part, in order and below [`CORE_COUNT_MAX`].
fn range(part: &str) -> Result<(usize, usize), CpuListError> {
    let part = part.trim();
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (index(first, part)?, index(last, part)?);
    if first > last {
        return Err(CpuListError::Backwards { first, last });
    }
    if last >= CORE_COUNT_MAX {
        return Err(CpuListError::Beyond(last));
    }
    Ok((first, last))
}

/// Digits only: `usize`'s own parser would let `+3` through.
fn index(digits: &str, part: &str) -> Result<usize, CpuListError> {
    let refusal = || CpuListError::NotARange(part.to_owned());
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refusal());
    }
    // No digits at all, or too many for a `usize`, is refused by the parser.
    digits.parse().map_err(|_| refusal())
}

/// Writes the kernel's notation, runs joined: `0-3,8`. The empty set is `none`.
impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.pad("none");
        }
        let runs: Vec<String> = self.0.chunk_by(|left, right| left + 1 == *right).map(run).collect();
        f.pad(&runs.join(","))
    }
}

fn run(indices: &[usize]) -> String {
    match indices {
        [first, .., last] => format!("{first}-{last}"),
        _ => indices.iter().map(usize::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_cores_are_read() {
        let list: CpuList = "0-3,8,10-11\n".parse().unwrap();
        assert_eq!(list.as_slice(), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(list.to_string(), "0-3,8,10-11");
        assert!(list.contains(8) && !list.contains(9));
    }

    #[test]
    fn blank_text_is_the_empty_set() {
        assert_eq!("\n".parse::<CpuList>(), Ok(CpuList::default()));
        assert_eq!(CpuList::default().to_string(), "none");
    }

    #[test]
    fn overlap_and_disorder_are_sorted_away() {
        let list: CpuList = "5,0-2,1-3".parse().unwrap();
        assert_eq!(list.as_slice(), [0, 1, 2, 3, 5]);
        assert_eq!([7, 1, 7, 2].into_iter().collect::<CpuList>().to_string(), "1-2,7");
    }

    #[test]
    fn text_that_is_no_list_is_refused_with_its_part() {
        for part in ["x", "1-", "-1", "+3", "1-2-3", "(null)", "0x3", "99999999999999999999999"] {
            assert_eq!(part.parse::<CpuList>(), Err(CpuListError::NotARange(part.to_owned())), "{part}");
        }
        assert_eq!("1,,2".parse::<CpuList>(), Err(CpuListError::NotARange(String::new())));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        assert_eq!("3-1".parse::<CpuList>(), Err(CpuListError::Backwards { first: 3, last: 1 }));
    }

    #[test]
    fn a_core_beyond_the_bound_is_refused_before_it_is_allocated() {
        assert_eq!("0-4000000000".parse::<CpuList>(), Err(CpuListError::Beyond(4_000_000_000)));
        assert_eq!("8192".parse::<CpuList>(), Err(CpuListError::Beyond(8192)));
        assert_eq!("8191".parse::<CpuList>().unwrap().as_slice(), [8191]);
    }
}
