//! Which knobs a command is about.

/// Patterns with `*` for any run of characters, over knobs' names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these; all where there is none.
    pub only: Vec<String>,
    /// Not these, whatever `only` says.
    pub skip: Vec<String>,
}

impl Selection {
    /// Whether a knob of this name is chosen.
    #[must_use]
    pub fn admits(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        (self.only.is_empty() || any(&self.only)) && !any(&self.skip)
    }

    /// The patterns that no name matches: misspelt, most likely.
    #[must_use]
    pub fn idle_patterns(&self, names: &[&str]) -> Vec<String> {
        let idle = |pattern: &&String| !names.iter().any(|name| matches(pattern, name));
        self.only.iter().chain(&self.skip).filter(idle).cloned().collect()
    }
}

/// Whether the pattern covers the whole name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let (last, middle) = parts.split_last().expect("a split has a part");
    for part in middle {
        let Some(start) = left.find(part) else { return false };
        left = &left[start + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_any_run() {
        for (pattern, name, covers) in [
            ("net.core.*", "net.core.rmem_max", true),
            ("*mem*", "net.core.rmem_max", true),
            ("*", "", true),
            ("a*b*c", "a-b-bc", true),
            ("a*bc*c", "abc", false),
            ("net.core", "net.core.rmem_max", false),
            ("*max", "net.core.rmem_maximum", false),
        ] {
            assert_eq!(matches(pattern, name), covers, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_skipped_is_not_chosen_whatever_else_is_said() {
        let selection = Selection { only: vec!["net.*".into()], skip: vec!["*backlog".into()] };
        assert!(selection.admits("net.core.rmem_max"));
        assert!(!selection.admits("net.core.netdev_max_backlog") && !selection.admits("cpu.governor"));
        assert_eq!(selection.idle_patterns(&["net.core.rmem_max"]), ["*backlog"]);
    }
}
