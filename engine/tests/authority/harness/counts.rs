//! Counters as the operator is shown them.

use serde_json::Value;
use std::collections::BTreeMap;

/// Every counter of all shards together, by name: `protocol.rejects.busy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<String, u64>);

/// What depends on how requests fall into batches, and on how often a test looks.
const NOT_COMPARED: [&str; 5] = ["vote_roots_known", "vote_roots_unknown", "roots_checked", "roots_signed", "queries"];

impl Counts {
    /// Reads a `counters` event.
    pub(crate) fn read(event: &Value) -> Self {
        let mut counts = Self::default();
        for shard in event["shards"].as_array().unwrap() {
            counts.add("", shard);
        }
        counts
    }

    fn add(&mut self, path: &str, value: &Value) {
        let count = match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.add(&path, value);
                }
                return;
            }
            // What this authority does not have.
            Value::Null => return,
            Value::Number(count) => count.as_u64().unwrap(),
            Value::String(amount) => amount.parse().unwrap(),
            other => panic!("{path} is {other}"),
        };
        *self.0.entry(path.to_owned()).or_default() += count;
    }

    /// One counter.
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> u64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no counter is called {name}"))
    }

    /// All counters together whose name starts so.
    pub(crate) fn sum(&self, start: &str) -> u64 {
        let sum = self.0.iter().filter(|(name, _)| name.starts_with(start)).map(|(_, count)| count).sum();
        assert!(self.0.keys().any(|name| name.starts_with(start)), "no counter starts with {start}");
        sum
    }

    /// What the protocol, and empty datagrams, counted since `before`: by name, without `protocol.`.
    pub(crate) fn growth_since(&self, before: &Self) -> BTreeMap<String, u64> {
        let grown = |(name, count): (&String, &u64)| {
            let by = count.checked_sub(before.get(name)).unwrap();
            let name =
                name.strip_prefix("protocol.").or_else(|| name.strip_prefix("transport.empty_").map(|_| "empty"));
            let name = name.filter(|name| by > 0 && !NOT_COMPARED.contains(name))?;
            Some((name.to_owned(), by))
        };
        self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "index" | "core")).filter_map(grown).collect()
    }
}
