//! Histograms as other implementations read them.
//!
//! `golden/hdr/java.hgrm` is what the Java tools make of the folder's `latency.hlog` (Debian's libhdrhistogram-java 2.1.11):
//!
//! ```text
//! java -cp /usr/share/java/hdrhistogram.jar org.HdrHistogram.HistogramLogProcessor -i latency.hlog \
//!     -tag open_loop.order_receipt.from_schedule -outputValueUnitRatio 1000 -o java
//! ```
//!
//! `golden/hdr/python.hlog` was written by the Python package hdrhistogram 0.10.8: see `read_back.py`.

use crate::made;
use quittance_bench::output::Folder;
use quittance_bench::output::series;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn a_distribution_is_letter_by_letter_that_of_the_java_tools() {
    let folder = tempfile::tempdir().unwrap();
    made::write(folder.path(), &made::report());
    let ours = fs::read_to_string(folder.path().join("open_loop.order_receipt.from_schedule.hgrm")).unwrap();
    // Two lines are about the log.
    let theirs = include_str!("../golden/hdr/java.hgrm").split_inclusive('\n').skip(2);
    assert_eq!(ours, theirs.collect::<String>());
}

/// Runs only where Python has the package: `pip install hdrhistogram`. QUITTANCE_PYTHON names another interpreter.
#[test]
fn the_python_package_reads_the_same_percentiles() {
    let python = std::env::var("QUITTANCE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import hdrh.histogram"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no package hdrhistogram; `pip install hdrhistogram`, or set QUITTANCE_PYTHON");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    made::write(folder.path(), &made::report());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/read_back.py");
    let output = Command::new(&python).arg(script).arg("read").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = Folder::read(folder.path()).unwrap();
    for series in series::ALL {
        let ours = (series.of)(&folder.recording.phases[0]).histogram();
        let theirs = &theirs[format!("open_loop.{}", series.name)];
        assert_eq!((&theirs["count"], &theirs["max"]), (&ours.len().into(), &ours.max().into()), "{}", series.name);
        for (quantile, percentile) in [(0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (1.0, "100")] {
            assert_eq!(theirs[percentile], ours.value_at_quantile(quantile), "{} {percentile}", series.name);
        }
    }
}
