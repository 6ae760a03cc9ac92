use super::*;
use crate::drive::{Driver, Outcome, Pace};
use crate::fake::{FakeWorld, Fixture, Lie};

fn run(fixture: &Fixture, model: &Model, world: &mut FakeWorld<'_>) -> Audit {
    let Fixture { accounts, terms, directory, .. } = fixture;
    let questions = Questions { addresses: accounts.addresses(), terms, directory, settings: fixture.settings() };
    audit(0, model, questions, world, &mut || Ok(())).unwrap()
}

#[test]
fn untouched_accounts_agree_with_an_untouched_model() {
    let fixture = Fixture::new(4, false, 600, 10);
    let model = Model::after(&fixture.workload.plan, &[Outcome::Unsent; 10]);
    let audit = run(&fixture, &model, &mut fixture.world());
    assert_eq!((audit.ok, audit.accounts, audit.unanswered, audit.rounds), (true, 600, 0, 1));
    assert_eq!(audit.total, audit.expected_total);
}

/// The payment is said to be settled, but the authority never applied it.
#[test]
fn a_payment_that_was_not_applied_is_seen_though_the_total_is_right() {
    let fixture = Fixture::new(4, false, 20, 10);
    let mut outcomes = [Outcome::Lost; 10];
    outcomes[3] = Outcome::Settled;
    let audit = run(&fixture, &Model::after(&fixture.workload.plan, &outcomes), &mut fixture.world());
    assert_eq!((audit.ok, audit.mismatches, audit.unanswered), (false, 2, 0));
    assert_eq!(audit.rounds, AUDIT_ROUND_COUNT_MAX, "it was asked again before it was believed");
    assert_eq!(audit.total, audit.expected_total);
}

#[test]
fn another_sequence_number_is_a_mismatch_though_every_balance_is_right() {
    let fixture = Fixture::new(4, false, 20, 10);
    let mut world = fixture.world();
    world.lie = Some(Lie::NextSequence);
    let audit = run(&fixture, &Model::after(&fixture.workload.plan, &[Outcome::Unsent; 10]), &mut world);
    assert_eq!((audit.ok, audit.mismatches), (false, 20));
}

#[test]
fn no_two_questions_of_an_audit_share_a_nonce() {
    let mut nonces: Vec<u64> = Vec::new();
    for round in 1..=AUDIT_ROUND_COUNT_MAX {
        for account in [0, 1, NOBODY - 1] {
            nonces.extend([0, 1, u32::try_from(WINDOW).unwrap() - 1].map(|slot| nonce(round, account, slot)));
        }
    }
    let count = nonces.len();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), count);
}

#[test]
fn lost_questions_are_asked_again() {
    let fixture = Fixture::new(4, false, 600, 10);
    let model = Model::after(&fixture.workload.plan, &[Outcome::Unsent; 10]);
    let mut world = fixture.world();
    world.loss_percent = 30;
    let audit = run(&fixture, &model, &mut world);
    assert!(audit.ok, "{audit:?}");
}

/// Shards pass credits on after the receipt: an account that is not yet credited is no fault.
#[test]
fn a_credit_that_is_still_under_way_is_waited_for() {
    let fixture = Fixture::new(4, false, 40, 100);
    let mut world = fixture.world();
    world.credit_delay_ns = 3_000_000;
    let Fixture { workload, terms, directory, .. } = &fixture;
    let mut driver = Driver::new(workload, terms, directory, fixture.settings(), [1; 32]);
    let tally = driver.phase(0..100, Pace::Window { count: 16 }, &mut world, &mut || Ok(())).unwrap();
    assert_eq!(tally.settled, 100);
    let audit = run(&fixture, &Model::after(&workload.plan, driver.outcomes()), &mut world);
    assert_eq!((audit.ok, audit.rounds), (true, 2), "{audit:?}");
}

#[test]
fn audits_together_are_good_only_if_each_is() {
    let good = Audit { ok: true, accounts: 5, total: 9, expected_total: 9, ..Audit::default() };
    let bad = Audit { ok: false, accounts: 5, unanswered: 5, expected_total: 9, ..Audit::default() };
    assert!(Audit::of_all(&[good, good]).ok);
    assert!(!Audit::of_all(&[good, bad]).ok);
    assert!(!Audit::of_all(&[]).ok);
    assert_eq!(Audit::of_all(&[good, bad]).accounts, 10);
}
