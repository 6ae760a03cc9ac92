//! What of our changes still stands, place by place.

use std::collections::{BTreeMap, BTreeSet};

use crate::changes::record::{Event, Record};
use crate::controls::Place;
use crate::notation::Notation;

/// Changes of one place that nobody has undone, with what to do about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// The knob's name.
    pub knob: String,
    /// Whose it is.
    pub target: String,
    /// Where.
    pub place: Place,
    /// How it is written.
    pub notation: Notation,
    /// The first of the changes.
    pub undoes_from: u64,
    /// The last of them: later ones are undone first.
    pub last: u64,
    /// What to set back: what was there before the first change of an unbroken row of ours.
    pub restore: String,
    /// The values that count as ours.
    pub ours: Vec<String>,
}

/// One change that was begun.
struct Change {
    intent: u64,
    knob: String,
    target: String,
    notation: Notation,
    old: String,
    new: String,
    /// What was read after the write; `None` where the write was refused, or the run was killed around it.
    read_back: Option<String>,
}

/// What stands of the changes with a number of at least `from`, made on this boot and in this namespace, the latest
/// first.
#[must_use]
pub fn outstanding(records: &[Record], boot_id: Option<&str>, netns: Option<&str>, from: u64) -> Vec<Outstanding> {
    let mut chains: BTreeMap<Place, Vec<Change>> = BTreeMap::new();
    let mut undoing: BTreeMap<u64, (Place, u64)> = BTreeMap::new();
    let mut is_here = false;
    for record in records {
        match &record.event {
            Event::Started { boot_id: boot, netns: name, .. } => {
                is_here = boot.as_deref() == boot_id && name.as_deref() == netns;
            }
            _ if !is_here => {}
            Event::Intent { undoes_from: Some(first), place, .. } => {
                undoing.insert(record.sequence, (place.clone(), *first));
            }
            Event::Intent { knob, target, place, notation, old, new, .. } => {
                let change = Change {
                    intent: record.sequence,
                    knob: knob.clone(),
                    target: target.clone(),
                    notation: *notation,
                    old: old.clone(),
                    new: new.clone(),
                    read_back: None,
                };
                chains.entry(place.clone()).or_default().push(change);
            }
            Event::Done { intent, read_back } => match undoing.remove(intent) {
                Some((place, first)) => forget(&mut chains, &place, first),
                None => note(&mut chains, *intent, read_back),
            },
            Event::Settled { place, undoes_from, .. } => forget(&mut chains, place, *undoes_from),
            Event::Refused { .. } | Event::Confirmed { .. } | Event::Ended { .. } => {}
        }
    }
    let mut standing: Vec<Outstanding> =
        chains.into_iter().filter_map(|(place, chain)| of_chain(place, &chain, from)).collect();
    standing.sort_by_key(|outstanding| std::cmp::Reverse(outstanding.last));
    standing
}

/// The places that the kernel has said will not move, on this boot and in this namespace.
#[must_use]
pub fn immovable(records: &[Record], boot_id: Option<&str>, netns: Option<&str>) -> BTreeSet<Place> {
    let mut tried: BTreeMap<u64, &Place> = BTreeMap::new();
    let mut immovable = BTreeSet::new();
    let mut is_here = false;
    for record in records {
        match &record.event {
            Event::Started { boot_id: boot, netns: name, .. } => {
                is_here = boot.as_deref() == boot_id && name.as_deref() == netns;
            }
            Event::Intent { place, .. } if is_here => {
                tried.insert(record.sequence, place);
            }
            Event::Refused { intent, is_final: true, .. } => {
                immovable.extend(tried.get(intent).map(|place| (*place).clone()));
            }
            _ => {}
        }
    }
    immovable
}

fn forget(chains: &mut BTreeMap<Place, Vec<Change>>, place: &Place, from: u64) {
    if let Some(chain) = chains.get_mut(place) {
        chain.retain(|change| change.intent < from);
    }
}

fn note(chains: &mut BTreeMap<Place, Vec<Change>>, intent: u64, read_back: &str) {
    let mut changes = chains.values_mut().flat_map(|chain| chain.iter_mut());
    if let Some(change) = changes.find(|change| change.intent == intent) {
        change.read_back = Some(read_back.to_owned());
    }
}

/// Walks back from the last change as long as each found what the one before it had left.
fn of_chain(place: Place, chain: &[Change], from: u64) -> Option<Outstanding> {
    let chain: Vec<&Change> = chain.iter().filter(|change| change.intent >= from).collect();
    let last = *chain.last()?;
    let notation = last.notation;
    let mut first = last;
    for earlier in chain.iter().rev().skip(1) {
        if !earlier.left(&first.old) {
            break;
        }
        first = earlier;
    }
    let mut ours = vec![last.new.clone()];
    ours.extend(last.read_back.clone());
    // Unless the last write is known to have happened, what the one before it left may stand.
    let before = chain.iter().rev().nth(1).filter(|before| before.left(&last.old));
    if last.read_back.is_none() && before.is_some() {
        ours.push(last.old.clone());
    }
    Some(Outstanding {
        knob: last.knob.clone(),
        target: last.target.clone(),
        place,
        notation,
        undoes_from: chain.first()?.intent,
        last: last.intent,
        restore: first.old.clone(),
        ours,
    })
}

impl Change {
    /// Whether this change may have left this value.
    fn left(&self, value: &str) -> bool {
        let left = self.read_back.as_deref().unwrap_or(&self.new);
        self.notation.same(left, value) || self.notation.same(&self.old, value) && self.read_back.is_none()
    }
}
