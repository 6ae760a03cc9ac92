//! The report for programs.

use serde::Serialize;

use crate::cores_plan::CoresPlan;
use crate::finding::Finding;
use crate::machine::Machine;

/// The version of the JSON object's shape. It is raised when a field is renamed, removed or changes its meaning; new
/// fields may come without it.
pub const FORMAT_VERSION: u32 = 1;

/// The JSON object: `format_version`, then the fields of [`Machine`], then `cores_plan`, then `findings`.
///
/// Names are those of the Rust fields, unit last: `_bytes`, `_khz`, `_mbps`, `_count`, `_index` (the kernel's own
/// numbers). Cores in sets are arrays of numbers. What the machine does not expose is `null`; every field is always
/// there.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What the machine is; its fields stand beside this object's own.
    #[serde(flatten)]
    pub machine: &'a Machine,
    /// The cores that an authority would be given.
    pub cores_plan: CoresPlan,
    /// What was found on it, heaviest first.
    pub findings: &'a [Finding],
}

/// The report as one JSON object, indented, without a line break at its end.
pub fn json(machine: &Machine, findings: &[Finding]) -> String {
    let report =
        Report { format_version: FORMAT_VERSION, machine, cores_plan: CoresPlan::of_machine(machine), findings };
    serde_json::to_string_pretty(&report).expect("the report has only text keys and no map that could refuse")
}
