//! The command, run as a person runs it.

use crate::common::{bench, bench_json};
use crate::{made, schema};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn exit_code(arguments: &[&str]) -> (i32, String) {
    let output = bench(arguments.iter().map(|argument| (*argument).to_owned()));
    let texts = [output.stdout, output.stderr].map(|octets| String::from_utf8(octets).unwrap()).concat();
    (output.status.code().unwrap(), texts)
}

#[test]
fn a_real_run_leaves_a_folder_that_its_schema_describes_and_makes_its_page_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let arguments = ["run", "--volatile", "--accounts", "300", "--payments", "900", "--tries", "60", "--out"];
    let (code, printed, stderr) = bench_json(arguments.map(str::to_owned).into_iter().chain([text(&out)]));
    assert_eq!(code, 0, "{stderr}");
    let result: Value = serde_json::from_slice(&fs::read(out.join("result.json")).unwrap()).unwrap();
    assert_eq!(schema::faults(&result), Vec::<String>::new());
    let mut expected = printed;
    (expected["schema"], expected["recorded"]) = (json!(1), result["recorded"].clone());
    assert_eq!(result, expected, "the file has what the command printed");

    let fingerprint: Value = serde_json::from_slice(&fs::read(out.join("fingerprint.json")).unwrap()).unwrap();
    assert_eq!((&fingerprint["command"], &fingerprint["transport"]), (&result["command"], &result["transport"]));
    for name in ["latency.hlog", "timeline.hlog", "timeline.csv", "report.html"] {
        assert!(out.join(name).is_file(), "{name}");
    }

    let page = fs::read_to_string(out.join("report.html")).unwrap();
    fs::remove_file(out.join("report.html")).unwrap();
    let (code, path) = exit_code(&["report", &text(&out)]);
    assert_eq!((code, path.trim()), (0, text(&out.join("report.html")).as_str()));
    assert_eq!(fs::read_to_string(path.trim()).unwrap(), page);

    let (code, why) = exit_code(&["run", "--out", &text(&out)]);
    assert!(code == 2 && why.contains("is not empty"), "nothing may be overwritten: {code} {why}");
}

#[test]
fn what_holds_no_results_is_wrong_usage_and_what_is_damaged_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (code, why) = exit_code(&["report", &text(folder.path())]);
    assert!(code == 2 && why.contains("does not hold results"), "{code} {why}");
    let out = folder.path().join("made");
    made::write(&out, &made::report());
    fs::write(out.join("latency.hlog"), "").unwrap();
    let (code, why) = exit_code(&["report", &text(&out)]);
    assert!(code == 3 && why.contains("is damaged"), "{code} {why}");
}

#[test]
fn shares_are_merged_and_a_missing_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shares = [0, 1].map(|index| folder.path().join(format!("share-{index}")));
    for (index, share) in shares.iter().enumerate() {
        let mut report = made::report();
        report["load_shard"] = json!({"index": index, "count": 2, "start_at": "2026-01-01T00:00:00Z"});
        made::write(share, &report);
    }
    let [one, other] = shares.map(|share| text(&share));
    let out = text(&folder.path().join("both"));
    let (code, why) = exit_code(&["merge", &one, &one, "--out", &out]);
    assert!(code == 1 && why.contains("both share 0"), "{code} {why}");
    let (code, page) = exit_code(&["merge", &other, &one, "--out", &out]);
    assert!(code == 0 && Path::new(page.trim()).is_file(), "{code} {page}");
    let merged: Value = serde_json::from_slice(&fs::read(Path::new(&out).join("result.json")).unwrap()).unwrap();
    assert_eq!(schema::faults(&merged), Vec::<String>::new());
    assert_eq!(merged["settled"], 2 * made::PAYMENT_COUNT);
    let (code, why) = exit_code(&["merge", &out, &one, "--out", &text(&folder.path().join("again"))]);
    assert!(code == 1 && why.contains("which share"), "{code} {why}");
}

#[test]
fn the_examples_that_lie_beside_the_sources_are_read_and_shown() {
    for (name, says) in [("search", "74,717 payments per second meet"), ("kill", "kill authority 1")] {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("example").join(name);
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(example).unwrap().map(Result::unwrap) {
            if entry.file_name() != "report.html" {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        let output = bench(["report".to_owned(), folder.path().to_str().unwrap().to_owned()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
        assert!(page.contains(says), "{name}");
    }
}
