use super::*;
use crate::verify::table::table;
use serde_json::Value;

const IFMA: Name = Name::Ours(BackendKind::Ifma);
const PORTABLE: Name = Name::Ours(BackendKind::Portable);

/// Three rounds for every cell, the second of them on a machine that is for a while ten times slower.
fn series(with_ifma: bool) -> Vec<Series> {
    let ours = [(IFMA, 2.0), (PORTABLE, 8.0)].into_iter().skip(usize::from(!with_ifma));
    let contenders: Vec<_> = ours.chain([(Name::Dalek, 12.0)]).collect();
    let mut all = Vec::new();
    for (set, batch_items) in cells() {
        for (name, us) in &contenders {
            let us = if set.is_hinted() { us / 2.0 } else { *us };
            if *name != Name::Dalek || !set.is_hinted() {
                all.push(Series { set, batch_items, name: *name, us_by_round: vec![us, us * 10.0, us * 1.5] });
            }
        }
    }
    all
}

fn report(with_ifma: bool) -> VerifyReport {
    VerifyReport::new("quittance-bench verify".to_owned(), 3, 3, &series(with_ifma))
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_median_is_the_middle_one_whatever_the_order() {
    assert_eq!(median(vec![7.0]), 7.0);
    assert_eq!(median(vec![9.0, 1.0, 4.0]), 4.0);
    assert_eq!(median(vec![9.0, 1.0, 4.0, 6.0]), 5.0);
}

#[test]
fn ratios_are_of_times_in_the_same_round() {
    let mut series = series(true);
    // ed25519-dalek: 12, 120, 18. Ours is slow in another round: the medians' ratio would be 18 / 3 = 6.
    let ours = series.iter_mut().find(|one| one.set == KeySet::Accounts && one.batch_items == 256 && one.name == IFMA);
    ours.unwrap().us_by_round = vec![3.0, 60.0, 2.0];
    assert_eq!(ratio(&series, KeySet::Accounts, 256), 4.0);
}

#[test]
fn every_set_has_a_ratio_for_every_batch_size_and_single_calls_one() {
    let report = report(true);
    let sizes = ["8", "16", "64", "256", "1024"];
    let sets = ["accounts", "accounts_hinted", "committee"];
    let mut expected: Vec<_> = sets.iter().flat_map(|set| sizes.map(|size| format!("{set}_{size}"))).collect();
    expected.push("single".to_owned());
    expected.sort();
    assert_eq!(report.ratios.keys().cloned().collect::<Vec<_>>(), expected);
    assert_eq!(report.ratios["accounts_256"], 6.0);
    assert_eq!(report.ratios["accounts_hinted_256"], 12.0, "against ed25519-dalek without hints");
    assert_eq!((report.ratios["single"], report.ratios["committee_1024"]), (6.0, 6.0));
}

#[test]
fn without_the_vector_backend_ratios_are_of_the_portable_one() {
    let report = report(false);
    assert_eq!((report.backend, report.ratios["accounts_1024"]), ("portable", 1.5));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(keys(&json["us"]["accounts_1024"]), ["dalek", "portable"]);
    assert!(table(&report).contains("portable/s"));
}

/// The names are published: scripts read them.
#[test]
fn the_json_object_keeps_its_names() {
    let mut report = report(true);
    (report.cpu, report.dalek_backend) = (Some("a processor".to_owned()), Some("avx2"));
    let json = serde_json::to_value(&report).unwrap();
    let expected = [
        "backend",
        "command",
        "core",
        "cpu",
        "dalek_backend",
        "keys",
        "message_bytes",
        "per_s",
        "pool",
        "ratios",
        "rounds",
        "target_features_native",
        "us",
        "version",
    ];
    let mut found = keys(&json);
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(keys(&json["us"]).len(), 3 * BATCH_SIZES.len());
    assert_eq!(json["us"]["accounts_256"], serde_json::json!({ "ifma": 3.0, "portable": 12.0, "dalek": 18.0 }));
    assert_eq!(json["us"]["accounts_hinted_256"], serde_json::json!({ "ifma": 1.5, "portable": 6.0 }));
    assert_eq!(json["per_s"]["committee_1"]["portable"], 1_000_000.0 / 12.0);
    assert_eq!((&json["backend"], &json["core"], &json["rounds"]), (&"ifma".into(), &3.into(), &3.into()));
    assert_eq!((&json["message_bytes"], &json["pool"]), (&ORDER_MESSAGE_BYTES.into(), &POOL_ITEMS.into()));
    assert!(json["target_features_native"].is_boolean());
}

#[test]
fn the_table_shows_what_a_person_needs() {
    let text = table(&report(true));
    let needed = [
        "core 3",
        "4,096",
        "3 rounds",
        "ifma us",
        "dalek us",
        "ifma/s",
        "dalek/ifma",
        "12.00",
        "333,333",
        "6.00",
        "repeat with: quittance-bench verify",
    ];
    for part in needed {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}
