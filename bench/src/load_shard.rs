//! Which part of the load this machine makes, where several make it together.
//!
//! Part i of n has every account whose place leaves i over n, and its part of the rate. A scheduler that starts n copies of
//! one program tells each its number by environment variables; `auto` reads them. Pure: the environment is an argument.

use core::fmt;
use core::str::FromStr;

/// Most load machines of one run.
pub const LOAD_SHARD_COUNT_MAX: u32 = 4_096;

/// Schedulers that number their processes from 0: the variable with the number, the one with the count, and who sets them.
/// Kubernetes and Nomad tell no count; their jobs set the second variable themselves, or the option says the count.
const SCHEDULERS: [(&str, &str, &str); 5] = [
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT", "a Kubernetes Indexed Job"),
    ("NOMAD_ALLOC_INDEX", "NOMAD_ALLOC_COUNT", "Nomad"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "Open MPI"),
    ("PMI_RANK", "PMI_SIZE", "MPICH and others that speak PMI"),
    ("SLURM_PROCID", "SLURM_NTASKS", "Slurm"),
];

/// One part of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadShard {
    index: u32,
    count: u32,
}

/// What the option says: `2/8`, `auto/8` or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadShardChoice {
    /// This one.
    Fixed(LoadShard),
    /// The scheduler knows which, and of how many if the count is not here.
    Auto(Option<u32>),
}

/// Why it is no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadShardError {
    /// The text has another form.
    #[error("`{0}` is no part of a load: give 0/4 for the first of four, auto/4, or auto")]
    Form(String),
    /// The numbers do not fit.
    #[error("part {index} of {count}: parts count from 0, and there are 1 to {LOAD_SHARD_COUNT_MAX}")]
    Range {
        /// The part.
        index: u32,
        /// Of so many.
        count: u32,
    },
    /// No scheduler left its number.
    #[error("no scheduler says which part this is ({}); give it as 0/4", names())]
    NoScheduler,
    /// The number is there, and not of how many.
    #[error("{0} is set, and {1} is not: give the count as auto/4, or set it")]
    NoCount(&'static str, &'static str),
    /// A variable holds no number.
    #[error("{0} is `{1}`, which is no number")]
    NoNumber(&'static str, String),
    /// The option and the scheduler count differently.
    #[error("the option says {given} parts, and {name} says {told}")]
    Counts {
        /// By the option.
        given: u32,
        /// By the scheduler.
        told: u32,
        /// Its variable.
        name: &'static str,
    },
}

impl LoadShard {
    /// All of the load.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// # Errors
    /// [`LoadShardError::Range`].
    pub fn new(index: u32, count: u32) -> Result<Self, LoadShardError> {
        let is_one = (1..=LOAD_SHARD_COUNT_MAX).contains(&count) && index < count;
        if is_one { Ok(Self { index, count }) } else { Err(LoadShardError::Range { index, count }) }
    }

    /// Which part, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether the account at this place among all is this part's.
    pub fn has(self, place: u32) -> bool {
        place % self.count == self.index
    }

    /// This part of a number: all parts add up to it exactly, and no two differ by more than one.
    pub fn share_of(self, whole: u64) -> u64 {
        whole / u64::from(self.count) + u64::from(u64::from(self.index) < whole % u64::from(self.count))
    }
}

impl fmt::Display for LoadShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for LoadShardChoice {
    type Err = LoadShardError;

    fn from_str(text: &str) -> Result<Self, LoadShardError> {
        let form = || LoadShardError::Form(text.to_owned());
        let number = |text: &str| text.parse::<u32>().map_err(|_| form());
        match text.split_once('/') {
            None if text == "auto" => Ok(Self::Auto(None)),
            None => Err(form()),
            Some(("auto", count)) => {
                let count = number(count)?;
                LoadShard::new(0, count).map(|_| Self::Auto(Some(count)))
            }
            Some((index, count)) => LoadShard::new(number(index)?, number(count)?).map(Self::Fixed),
        }
    }
}

impl LoadShardChoice {
    /// The part that is meant; `environment` looks a variable up.
    ///
    /// # Errors
    /// [`LoadShardError`], if `auto` finds nothing, or nonsense.
    pub fn resolve(self, environment: impl Fn(&str) -> Option<String>) -> Result<LoadShard, LoadShardError> {
        let given = match self {
            Self::Fixed(shard) => return Ok(shard),
            Self::Auto(given) => given,
        };
        let number = |name: &'static str| {
            let parse = |text: String| text.parse::<u32>().map_err(|_| LoadShardError::NoNumber(name, text));
            environment(name).map(parse).transpose()
        };
        for (index_name, count_name, _) in SCHEDULERS {
            let Some(index) = number(index_name)? else { continue };
            return match (given, number(count_name)?) {
                (Some(given), Some(told)) if given != told => {
                    Err(LoadShardError::Counts { given, told, name: count_name })
                }
                (Some(count), _) | (None, Some(count)) => LoadShard::new(index, count),
                (None, None) => Err(LoadShardError::NoCount(index_name, count_name)),
            };
        }
        Err(LoadShardError::NoScheduler)
    }
}

/// The variables that are looked for, with who sets them.
fn names() -> String {
    SCHEDULERS.map(|(index, _, who)| format!("{index} of {who}")).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn resolve(text: &str, variables: &[(&str, &str)]) -> Result<LoadShard, LoadShardError> {
        let map: BTreeMap<_, _> = variables.iter().copied().collect();
        text.parse::<LoadShardChoice>()?.resolve(|name| map.get(name).map(ToString::to_string))
    }

    #[test]
    fn a_part_is_given_or_taken_from_every_scheduler() {
        assert_eq!(resolve("2/8", &[("SLURM_PROCID", "5")]), LoadShard::new(2, 8));
        for (index, count, _) in SCHEDULERS {
            assert_eq!(resolve("auto", &[(index, "3"), (count, "4")]), LoadShard::new(3, 4), "{index}");
            assert_eq!(resolve("auto/4", &[(index, "3")]), LoadShard::new(3, 4), "{index}");
            assert_eq!(resolve("auto", &[(index, "3")]), Err(LoadShardError::NoCount(index, count)));
            let other = Err(LoadShardError::Counts { given: 5, told: 4, name: count });
            assert_eq!(resolve("auto/5", &[(index, "3"), (count, "4")]), other);
        }
    }

    #[test]
    fn what_makes_no_part_is_refused_with_a_reason() {
        for text in ["", "3", "a/b", "1/", "/4", "auto/x", "-1/4"] {
            assert_eq!(resolve(text, &[]), Err(LoadShardError::Form(text.to_owned())));
        }
        for (text, index, count) in [("4/4", 4, 4), ("0/0", 0, 0), ("0/5000", 0, 5_000)] {
            assert_eq!(resolve(text, &[]), Err(LoadShardError::Range { index, count }));
        }
        assert_eq!(resolve("auto", &[]), Err(LoadShardError::NoScheduler));
        let none = LoadShardError::NoNumber("SLURM_PROCID", "x".to_owned());
        assert_eq!(resolve("auto", &[("SLURM_PROCID", "x")]), Err(none));
        assert!(LoadShardError::NoScheduler.to_string().contains("JOB_COMPLETION_INDEX of a Kubernetes Indexed Job"));
    }

    #[test]
    fn parts_share_all_accounts_and_the_whole_rate_and_nothing_twice() {
        for count in 1..=7 {
            let parts: Vec<LoadShard> = (0..count).map(|index| LoadShard::new(index, count).unwrap()).collect();
            for place in 0..100 {
                assert_eq!(parts.iter().filter(|part| part.has(place)).count(), 1);
            }
            for whole in [0, 1, 6, 100_003] {
                let shares: Vec<u64> = parts.iter().map(|part| part.share_of(whole)).collect();
                assert_eq!(shares.iter().sum::<u64>(), whole);
                assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
            }
        }
        assert!(LoadShard::WHOLE.has(7) && LoadShard::WHOLE.share_of(9) == 9);
    }
}
