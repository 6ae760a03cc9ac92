//! What a profile would change, and what stands in its way.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cores_plan::CoresPlan;
use crate::cpu_list::CpuList;
use crate::knob::{Knob, State, Target};
use crate::profile::Profile;
use crate::report::FORMAT_VERSION;
use crate::survey::Ground;

/// With more different values of one kind than this, the text tells how many there are; JSON lists each.
const VALUES_LISTED_MAX: usize = 4;

/// The JSON object of `plan` and `check`.
#[derive(Serialize)]
struct PlanObject<'a> {
    format_version: u32,
    profile: Profile,
    cores: &'a CoresPlan,
    interfaces: &'a [String],
    counts: BTreeMap<&'static str, usize>,
    knobs: &'a [Knob],
}

/// Every knob as one JSON object, indented, without a line break at its end: `format_version`, `profile`, `cores`,
/// `interfaces`, `counts` by state, and `knobs`, an entry each with `name`, `target`, `stage`, `state`, `detail`,
/// `current`, `wanted` and `place`.
#[must_use]
pub fn plan_json(ground: &Ground<'_>, knobs: &[Knob]) -> String {
    let object = PlanObject {
        format_version: FORMAT_VERSION,
        profile: ground.profile,
        cores: &ground.cores,
        interfaces: &ground.nics,
        counts: counts(knobs),
        knobs,
    };
    serde_json::to_string_pretty(&object).expect("the object has only text keys")
}

/// What would change, with its reasons and risks; then what only a person can change, and what nobody can.
#[must_use]
pub fn plan_text(ground: &Ground<'_>, knobs: &[Knob]) -> String {
    let mut text = head(ground);
    let drifting = groups(knobs, "drift");
    text += &title("TO CHANGE, by quittance-tune apply", &drifting);
    for group in &drifting {
        text += &group_line(group);
        let kind = group[0].kind;
        text += &format!("      why:  {}\n      risk: {}\n", kind.why, kind.risk);
    }
    text + &others(knobs)
}

/// Whether the machine is as the profile wants it: what drifts, a line each, and how many of each state there are.
#[must_use]
pub fn check_text(ground: &Ground<'_>, knobs: &[Knob]) -> String {
    let drifting = groups(knobs, "drift");
    let mut text = head(ground) + &title("DRIFT", &drifting);
    text.extend(drifting.iter().map(|group| group_line(group)));
    let words = counts(knobs).into_iter().map(|(state, count)| format!("{count} {state}"));
    text + &others(knobs) + "\nSTATES  " + &words.collect::<Vec<_>>().join(", ") + "\n"
}

/// The cores that an authority would be given, and what to say to it.
pub(super) fn cores_lines(cores: &CoresPlan) -> String {
    let node = cores.node_index.map(|node| format!(", near memory node {node}")).unwrap_or_default();
    let journal = cores.journal_core_index.map_or_else(|| "none".to_owned(), |core| core.to_string());
    let CoresPlan { shards, house_keeping, idle_siblings, .. } = cores;
    if shards.is_empty() {
        return "  not exposed\n".to_owned();
    }
    format!(
        "  shards {shards}, journal {journal}, house-keeping {house_keeping}, idle siblings {idle_siblings}{node}\n  \
         quittance-authority run {}\n",
        cores.options()
    )
}

fn head(ground: &Ground<'_>) -> String {
    let nics = if ground.nics.is_empty() { "none".to_owned() } else { ground.nics.join(", ") };
    format!("PROFILE {}, interfaces {nics}\n\nAUTHORITY'S CORES\n{}", ground.profile, cores_lines(&ground.cores))
}

/// The states that `apply` leaves alone, each with its title.
fn others(knobs: &[Knob]) -> String {
    let titles = [
        ("advice", "BY HAND: boot line, unit or card"),
        ("owned_by_other", "SET BY OTHERS"),
        ("immovable", "NOBODY CAN MOVE"),
        ("unreadable", "UNREADABLE"),
        ("reported", "TOLD, never changed"),
    ];
    let mut text = String::new();
    for (state, words) in titles {
        let found = groups(knobs, state);
        if !found.is_empty() {
            text += &title(words, &found);
            text.extend(found.iter().map(|group| group_line(group)));
        }
    }
    text
}

fn title(words: &str, groups: &[Vec<&Knob>]) -> String {
    format!("\n{words}: {}\n", groups.iter().map(Vec::len).sum::<usize>())
}

/// The knobs in this state, those of one kind and detail together, in the order of the plan.
fn groups<'k>(knobs: &'k [Knob], state: &str) -> Vec<Vec<&'k Knob>> {
    let mut groups: Vec<Vec<&Knob>> = Vec::new();
    for knob in knobs.iter().filter(|knob| knob.state.word() == state) {
        let same = |group: &&mut Vec<&Knob>| group[0].kind.name == knob.kind.name && group[0].state == knob.state;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(knob),
            None => groups.push(vec![knob]),
        }
    }
    groups
}

/// One line for each different change of the group, or one for all where they are many; then the detail.
fn group_line(group: &[&Knob]) -> String {
    let mut changes: BTreeMap<(&Option<String>, &Option<String>), Vec<&Target>> = BTreeMap::new();
    for knob in group {
        changes.entry((&knob.current, &knob.wanted)).or_default().push(&knob.target);
    }
    let name = group[0].kind.name;
    let mut text = String::new();
    if changes.len() > VALUES_LISTED_MAX {
        let targets: Vec<&Target> = group.iter().map(|knob| &knob.target).collect();
        let first = group[0];
        let example = format!("{}: {}", first.target, arrow(&first.current, &first.wanted));
        text += &format!("  {name:<28} {}: {} values, {example}; --json lists all\n", compact(&targets), group.len());
    } else {
        for ((current, wanted), targets) in changes {
            text += &format!("  {name:<28} {}: {}\n", compact(&targets), arrow(current, wanted));
        }
    }
    if let Some(detail) = group[0].state.detail() {
        let label = match group[0].state {
            State::Advice(_) => "do",
            State::OwnedByOther(_) => "by",
            _ => "for",
        };
        text += &format!("      {label}: {detail}\n");
    }
    text
}

fn arrow(current: &Option<String>, wanted: &Option<String>) -> String {
    let current = current.as_deref().unwrap_or("-");
    let current = if current.is_empty() { "nothing" } else { current };
    match wanted {
        Some(wanted) => format!("{current} -> {wanted}"),
        None => current.to_owned(),
    }
}

/// Many targets of one kind in few words.
fn compact(targets: &[&Target]) -> String {
    let numbers = |number: fn(&Target) -> Option<usize>| -> Option<CpuList> {
        targets.iter().map(|target| number(target)).collect::<Option<Vec<usize>>>().map(CpuList::from_iter)
    };
    if let Some(cores) = numbers(|target| if let Target::Core(core) = target { Some(*core) } else { None }) {
        return named("core", &cores);
    }
    if let Some(irqs) = numbers(|target| if let Target::Irq(irq) = target { Some(*irq) } else { None }) {
        return named("irq", &irqs);
    }
    if let Some(cores) = numbers(|target| if let Target::IdleState { core, .. } = target { Some(*core) } else { None })
    {
        let states =
            numbers(|target| if let Target::IdleState { idle_state, .. } = target { Some(*idle_state) } else { None });
        return format!("{} {}", named("core", &cores), named("state", &states.unwrap_or_default()));
    }
    if let Some(queues) = queues(targets) {
        return queues;
    }
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn named(word: &str, numbers: &CpuList) -> String {
    if numbers.len() == 1 { format!("{word} {numbers}") } else { format!("{word}s {numbers}") }
}

fn queues(targets: &[&Target]) -> Option<String> {
    let mut by_nic: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for target in targets {
        let Target::Queue { nic, direction, queue } = target else { return None };
        by_nic.entry((nic, direction)).or_default().push(*queue);
    }
    let words = by_nic
        .into_iter()
        .map(|((nic, direction), queues)| format!("{nic} {direction} {}", queues.into_iter().collect::<CpuList>()));
    Some(words.collect::<Vec<_>>().join(", "))
}

fn counts(knobs: &[Knob]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for knob in knobs {
        *counts.entry(knob.state.word()).or_default() += 1;
    }
    counts
}
