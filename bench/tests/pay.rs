//! The wallet's command, timed: real processes, real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod common;

use common::bench_json;

#[test]
fn payments_become_final_and_each_step_takes_longer_than_the_one_before() {
    let (code, json, stderr) = bench_json(["pay", "--payments", "12"].map(String::from));
    assert_eq!(code, 0, "{stderr}\n{json}");
    assert_eq!((&json["payments"], &json["balances_ok"]), (&12.into(), &true.into()), "{json}");
    let ms = |span: &str, quantile: &str| json[span][quantile].as_f64().unwrap();
    for quantile in ["p50", "p90", "p99", "max"] {
        let steps = ["certified_ms", "final_ms", "command_ms"].map(|span| ms(span, quantile));
        assert!(0.0 < steps[0] && steps[0] < steps[1] && steps[1] < steps[2], "{quantile}: {json}");
    }
    assert_eq!(json["disk_flush_us"]["count"], 200, "{json}");
}
