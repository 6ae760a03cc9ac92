//! What the programs really take.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Options of `quittance-authority run`, from its source: that program is another package's, and may not be built.
pub(crate) fn run_options() -> Vec<String> {
    let source = authority_source("options.rs");
    let fields = ["NetworkOptions", "RunOptions"].map(|group| {
        let (_, after) = source.split_once(&format!("struct {group} {{")).unwrap_or_else(|| panic!("{group} is gone"));
        let (body, _) = after.split_once("\n}").expect("a struct ends");
        body.to_owned()
    });
    let names = fields.iter().flat_map(|body| body.lines()).filter_map(|line| line.trim().strip_prefix("pub(crate) "));
    names.filter_map(|field| field.split_once(':')).map(|(name, _)| format!("--{}", name.replace('_', "-"))).collect()
}

/// The exit codes of the authority that its help documents, each with what is said of it.
pub(crate) fn exit_codes() -> Vec<(u8, String)> {
    let source = authority_source("options.rs");
    let (_, after) = source.split_once("Exit codes:\n").expect("exit codes are documented");
    let (table, _) = after.split_once("\";").expect("a text ends");
    let lines = table.lines().filter_map(|line| {
        let (code, words) = line.trim_start().split_once(' ')?;
        Some((code.parse().ok()?, words.trim().to_owned()))
    });
    lines.collect()
}

fn authority_source(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src/bin/quittance-authority");
    fs::read_to_string(folder.join(file)).expect("the authority's source is beside this package's")
}

/// The help of a subcommand of `quittance-tune`; `None` when it has no such.
pub(crate) fn tune_help(subcommand: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_quittance-tune");
    let output = Command::new(program).args([subcommand, "--help"]).output().expect("the command can be started");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("help is UTF-8"))
}

/// Whether an option stands in a help text as a word of its own.
pub(crate) fn has_option(help: &str, option: &str) -> bool {
    help.split(|letter: char| letter.is_whitespace() || letter == ',' || letter == '=').any(|word| word == option)
}
