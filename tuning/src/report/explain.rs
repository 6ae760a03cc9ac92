//! What a knob is and why.

use serde::Serialize;

use crate::kind::Kind;
use crate::stage::Stage;

#[derive(Serialize)]
struct Explained {
    name: &'static str,
    stage: &'static str,
    what: &'static str,
    why: &'static str,
    risk: &'static str,
    source: &'static str,
    minimum_kernel: &'static str,
    set_by_others: &'static str,
    kept_in: Option<String>,
}

impl Explained {
    fn of(stage: &Stage, kind: &Kind) -> Self {
        Self {
            name: kind.name,
            stage: stage.name,
            what: kind.what,
            why: kind.why,
            risk: kind.risk,
            source: kind.source,
            minimum_kernel: kind.kernel,
            set_by_others: kind.others,
            kept_in: kind.at.pattern(),
        }
    }
}

/// The kinds as text, a paragraph each.
#[must_use]
pub fn explain_text(kinds: &[(&'static Stage, &'static Kind)]) -> String {
    let paragraph = |(stage, kind): &(&'static Stage, &'static Kind)| {
        let told = Explained::of(stage, kind);
        let kept = told.kept_in.unwrap_or_else(|| "nothing that can be written".to_owned());
        format!(
            "{}  (stage {})\n  what:    {}\n  why:     {}\n  risk:    {}\n  source:  {}\n  kernel:  {}\n  others:  {}\n  kept in: {kept}\n",
            told.name, told.stage, told.what, told.why, told.risk, told.source, told.minimum_kernel, told.set_by_others
        )
    };
    kinds.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

/// The kinds as a JSON array.
#[must_use]
pub fn explain_json(kinds: &[(&'static Stage, &'static Kind)]) -> String {
    let told: Vec<Explained> = kinds.iter().map(|(stage, kind)| Explained::of(stage, kind)).collect();
    serde_json::to_string_pretty(&told).expect("the objects have only text keys")
}
