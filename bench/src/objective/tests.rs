//! What an objective says, and what is no objective.

use super::*;
use serde_json::{Value, json};

fn objective(text: &str) -> Objective {
    text.parse().unwrap()
}

/// A report with these latencies' count.
fn report(count: u64) -> Value {
    let latency = json!({"count": count, "p50": 100.0, "p90": 200.0, "p99": 900.0, "p99_9": 1500.0, "max": 9000.0});
    let spans = json!({"order_vote": latency, "certificate_receipt": latency, "order_receipt": latency});
    json!({
        "payments": 40_000, "lost": 4, "rejected": 0, "settled_per_s": 100_000.0,
        "authority_cpu_ns_per_payment": 8_500.0, "latency_us": spans,
    })
}

fn met(text: &str, report: &Value) -> bool {
    objective(text).judge(report).met
}

/// Where a text is wrong, and how.
fn wrong(text: &str) -> (usize, Fault) {
    let ParseError { at, fault, .. } = text.parse::<Objective>().unwrap_err();
    (at, fault)
}

#[test]
fn an_objective_has_all_its_terms_in_their_order_and_units() {
    let objective = objective("order_receipt.p99.9<2ms, loss=0,settled_per_s>=1e5,cpu<9000ns,loss%<=0.1%");
    let told: Vec<_> =
        objective.terms().iter().map(|term| (term.metric.to_string(), term.relation, term.bound)).collect();
    let named = |name: &str, relation, bound| (name.to_owned(), relation, bound);
    assert_eq!(
        told,
        [
            named("order_receipt.p99.9", Relation::Below, 2_000.0),
            named("loss", Relation::Equal, 0.0),
            named("settled_per_s", Relation::AtLeast, 100_000.0),
            named("cpu", Relation::Below, 9.0),
            named("loss%", Relation::AtMost, 0.1),
        ]
    );
    assert_eq!(objective.terms()[1].text, "loss=0");
}

#[test]
fn every_metric_is_read_back_from_its_name() {
    let spans = Span::ALL.into_iter().flat_map(|span| {
        let of_span = move |since| Statistic::ALL.map(move |statistic| Metric::Latency { span, statistic, since });
        [of_span(Since::Schedule), of_span(Since::Send)].concat()
    });
    let plain = [Metric::Loss, Metric::LossPercent, Metric::Rejected, Metric::SettledPerS, Metric::Cpu];
    for metric in spans.chain(plain) {
        assert_eq!(metric.to_string().parse(), Ok(metric));
    }
}

#[test]
fn a_time_without_a_unit_is_refused_where_the_unit_should_stand() {
    assert_eq!(wrong("order_receipt.p99<2"), (19, Fault::NoUnit));
    assert_eq!(wrong("loss=0,cpu<9"), (12, Fault::NoUnit));
    assert_eq!(wrong("cpu<9min"), (5, Fault::UnknownUnit("min".to_owned())));
    let text = "order_receipt.p99<2".parse::<Objective>().unwrap_err().to_string();
    assert_eq!(text, format!("{}\n  order_receipt.p99<2\n  {}^", Fault::NoUnit, " ".repeat(19)));
}

#[test]
fn what_is_no_term_is_refused_at_the_spot() {
    assert_eq!(wrong(""), (0, Fault::Empty));
    assert_eq!(wrong("loss=0,,cpu<1us"), (7, Fault::Empty));
    assert_eq!(wrong("loss=0, lost<3"), (8, Fault::UnknownMetric("lost".to_owned())));
    assert_eq!(wrong("order_receipt.p98<1ms"), (13, Fault::UnknownStatistic));
    assert_eq!(wrong("order_receipt<1ms"), (13, Fault::UnknownStatistic));
    assert_eq!(wrong("order_receipt.p99@receive<1ms"), (17, Fault::UnknownSince));
    assert_eq!(wrong("loss@send<1"), (4, Fault::UnknownSince));
    assert_eq!(wrong("loss"), (4, Fault::NoRelation));
    assert_eq!(wrong("cpu=9us"), (3, Fault::MeasureEqual));
    assert_eq!(wrong("loss<"), (5, Fault::NoNumber));
    for number in ["-1", "nan", "inf", "one", "1.2.3"] {
        assert_eq!(wrong(&format!("loss<{number}")), (5, Fault::NoNumber), "{number}");
    }
    assert_eq!(wrong("settled_per_s>5ms"), (15, Fault::NeedlessUnit));
    assert_eq!(wrong("loss=1%"), (6, Fault::NeedlessUnit));
    let many = vec!["loss=0"; TERM_COUNT_MAX + 1].join(",");
    assert_eq!(wrong(&many), (7 * TERM_COUNT_MAX, Fault::TooMany));
}

#[test]
fn each_term_is_met_or_missed_by_its_own_figure() {
    let report = report(40_000);
    for text in ["order_vote.p99.9<2ms", "order_receipt.max<9.1ms", "cpu<=8.5us", "settled_per_s>99999", "loss<=4"] {
        assert!(met(text, &report), "{text}");
    }
    for text in ["order_receipt.p99.9<1500us", "loss=0", "loss%<0.01%", "cpu<8.5us", "settled_per_s>=100001"] {
        assert!(!met(text, &report), "{text}");
    }
    let judgement = objective("rejected=0,loss=0").judge(&report);
    assert_eq!(judgement.terms.iter().map(|term| term.met).collect::<Vec<_>>(), [true, false]);
    assert_eq!(judgement.lines(), ["met: rejected=0 (0)", "MISSED: loss=0 (4)"]);
}

#[test]
fn a_quantile_with_fewer_than_ten_samples_beyond_it_is_never_met() {
    for (statistic, needed) in [("p50", 20), ("p90", 100), ("p99", 1_000), ("p99.9", 10_000), ("max", 1)] {
        let text = format!("order_receipt.{statistic}<1s");
        assert!(met(&text, &report(needed)), "{text}");
        let judgement = objective(&text).judge(&report(needed - 1));
        assert!(!judgement.met && judgement.terms[0].measured.is_none(), "{judgement:?}");
        assert!(judgement.lines()[0].contains("too few samples"), "{:?}", judgement.lines());
    }
}

#[test]
fn what_the_report_lacks_is_not_measured_and_not_met() {
    let mut report = report(40_000);
    report["authority_cpu_ns_per_payment"] = Value::Null;
    let judgement = objective("cpu<1s,order_receipt.p50@send<1s").judge(&report);
    assert!(!judgement.met && judgement.terms.iter().all(|term| !term.met));
    let reasons: Vec<_> = judgement.terms.iter().filter_map(|term| term.not_measured.as_deref()).collect();
    assert!(reasons[0].contains("authority_cpu_ns_per_payment") && reasons[1].contains("latency_from_send_us"));
    report["authority_cpu_ns_per_payment"] = 0.0.into();
    assert!(!met("cpu<1s", &report), "nothing settled: no payment cost nothing");
    report["latency_from_send_us"] = report["latency_us"].clone();
    assert!(met("order_receipt.p50@send<1s", &report));
}

#[test]
fn a_judged_report_is_the_report_with_one_more_field() {
    let plain = report(40_000);
    let unjudged = serde_json::to_value(Judged::new(&plain, None)).unwrap();
    assert_eq!(unjudged, plain);
    let objective = objective("settled_per_s>=1e12");
    let judged = Judged::new(&plain, Some(&objective));
    assert!(judged.is_missed());
    let mut judged = serde_json::to_value(judged).unwrap();
    assert_eq!((&judged["objective"]["met"], &judged["objective"]["terms"][0]["bound"]), (&false.into(), &1e12.into()));
    judged.as_object_mut().unwrap().remove("objective");
    assert_eq!(judged, plain);
}
