//! Runs a model to its end, or to the first thing that goes wrong.

use core::fmt::Debug;
use core::hash::Hash;
use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;

/// Visits every state that can be reached, and prints how many there are.
///
/// # Panics
/// If what should always hold does not in one of them, or what should be possible happens in none. The way there is printed.
pub(crate) fn exhaust<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let start = Instant::now();
    let properties = model.properties();
    // What goes wrong may go on for ever.
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    for property in properties.iter().filter(|property| property.expectation.discovery_is_failure()) {
        if let Some(path) = checker.discovery(property.name) {
            panic!("{name}: not \"{}\": {}", property.name, listed(&path.into_actions()));
        }
    }
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    println!("{name}: {states} states, {steps} steps, depth {}, {:.1?}", checker.max_depth(), start.elapsed());
    checker.assert_properties();
}

/// Asserts that a model with a mutant violates each of these properties, and prints how.
pub(crate) fn assert_found<M>(mutant: &str, model: &M, properties: &[&'static str])
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    for property in properties {
        let steps = violation(model.clone(), property);
        let steps = steps.unwrap_or_else(|| panic!("{mutant} is not found: {property}"));
        println!("{mutant}: not \"{property}\": {steps}");
    }
}

/// Goes breadth first until what this property says does not hold, and returns the steps to there: few, though not always the
/// fewest. `None` if it holds in every state.
fn violation<M>(model: M, property: &'static str) -> Option<String>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    assert!(
        model.property(property).expectation.discovery_is_failure(),
        "{property}: not a thing that can be violated"
    );
    let until = HasDiscoveries::AnyOf([property].into());
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    Some(listed(&checker.discovery(property)?.into_actions()))
}

fn listed(steps: &[impl Debug]) -> String {
    steps.iter().map(|step| format!("{step:?}")).collect::<Vec<_>>().join(", ")
}
