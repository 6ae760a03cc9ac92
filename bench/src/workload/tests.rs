use crate::accounts::Accounts;
use crate::audit::{Questions, audit};
use crate::drive::{Driver, Outcome, Pace, Tally};
use crate::fake::{FakeWorld, Fixture, Shun};
use crate::model::Model;
use crate::plan::{Draft, Operation, Plan};
use clap::Parser;
use quittance_engine::network::NetworkId;

const ACCOUNTS: u32 = 60;
const PAYMENTS: u32 = 180;

/// The plan that these options of the command make.
fn plan(options: &str, accounts: &Accounts, network: &NetworkId) -> Plan {
    let fixed = format!("quittance-bench --shards 2 --accounts {} --payments {PAYMENTS} {options}", accounts.count());
    let options = crate::options::Cli::parse_from(fixed.split_whitespace()).run;
    let shard_of = |account| network.shard_of(accounts.address(account), 2);
    Draft::new(&options, PAYMENTS).unwrap().complete(2, shard_of).unwrap()
}

fn fixture(options: &str, live: bool) -> Fixture {
    Fixture::of_plan(4, live, ACCOUNTS, |accounts, network| plan(options, accounts, network))
}

fn settle<'a>(fixture: &'a Fixture, world: &mut FakeWorld<'_>) -> (Driver<'a>, Tally) {
    let Fixture { workload, terms, directory, .. } = fixture;
    let mut driver = Driver::new(workload, terms, directory, fixture.settings(), [1; 32]);
    let tally = driver.phase(0..PAYMENTS, Pace::Window { count: 16 }, world, &mut || Ok(())).unwrap();
    assert_eq!(tally.ended(), u64::from(PAYMENTS));
    (driver, tally)
}

/// Whether every authority's accounts are as in the model.
fn is_audited(fixture: &Fixture, model: &Model, world: &mut FakeWorld<'_>) -> bool {
    let Fixture { accounts, terms, directory, .. } = fixture;
    let questions = Questions { addresses: accounts.addresses(), terms, directory, settings: fixture.settings() };
    (0..terms.live_count).all(|authority| audit(authority, model, questions, world, &mut || Ok(())).unwrap().ok)
}

const WORKLOADS: [&str; 5] = [
    "--workload uniform",
    "--workload zipf --zipf-exponent 1.2",
    "--workload smallbank",
    "--workload smallbank --cross-shard 40",
    "--workload chained --chain-length 6",
];

#[test]
fn every_workload_settles_over_a_lossy_wire_and_the_audit_agrees() {
    for options in WORKLOADS {
        for (live, loss_percent, credit_delay_ns) in [(false, 0, 3_000_000), (true, 15, 0)] {
            let fixture = fixture(options, live);
            let mut world = fixture.world();
            (world.loss_percent, world.credit_delay_ns) = (loss_percent, credit_delay_ns);
            let (driver, tally) = settle(&fixture, &mut world);
            assert_eq!((tally.settled, tally.lost()), (u64::from(PAYMENTS), 0), "{options} {live} {loss_percent}");
            world.loss_percent = 0;
            let model = Model::after(&fixture.workload.plan, driver.outcomes());
            assert!(is_audited(&fixture, &model, &mut world), "{options} {live} {loss_percent}");
        }
    }
}

/// Planted: the model forgets the money of one kind of operation, of all kinds in turn.
#[test]
fn a_model_that_forgets_an_operation_fails_the_audit() {
    let fixture = fixture("--workload smallbank", false);
    let mut world = fixture.world();
    let (driver, _) = settle(&fixture, &mut world);
    let (plan, outcomes) = (&fixture.workload.plan, driver.outcomes());
    let bank = plan.bank().unwrap();
    for forgotten in Operation::ALL {
        let model = Model::after_moving(plan, outcomes, |payment| bank.operation(payment) != forgotten);
        // A question moves nothing.
        let is_right = forgotten == Operation::Balance;
        assert_eq!(is_audited(&fixture, &model, &mut world), is_right, "{forgotten:?}");
    }
}

/// In a time that is counted and not measured: each way takes 10 us, and all else half a microsecond.
#[test]
fn a_hop_of_a_chain_takes_one_round_trip() {
    let elapsed_ns = |options| {
        let fixture = fixture(options, false);
        let mut world = fixture.world();
        let Fixture { workload, terms, directory, .. } = &fixture;
        let mut driver = Driver::new(workload, terms, directory, fixture.settings(), [1; 32]);
        let tally = driver.phase(0..50, Pace::Window { count: 16 }, &mut world, &mut || Ok(())).unwrap();
        assert_eq!((tally.settled, tally.order_retries), (50, 0));
        tally.elapsed_ns()
    };
    let (round_trip_ns, hops) = (20_000, 50);
    let chained = elapsed_ns("--workload chained --chain-length 50");
    // An order each, the last certificate, and the loop's own time.
    assert!(chained < (hops + 1) * round_trip_ns * 5 / 4, "{chained}");
    assert!(chained > (hops + 1) * round_trip_ns);
}

/// One account's orders are never answered: what it would have paid on is lost with it, to the end of the chain and beyond, and
/// nothing else is.
#[test]
fn a_broken_chain_loses_what_comes_after_and_nothing_else() {
    let fixture = fixture("--workload chained --chain-length 6", false);
    let plan = &fixture.workload.plan;
    let mut world = fixture.world();
    world.shunned = Some((*fixture.accounts.address(8), Shun::Silence));
    let (driver, tally) = settle(&fixture, &mut world);
    // Account 8 is the third of the second circle.
    let is_after = |payment: u32| payment / 6 % 10 == 1 && (payment >= 60 || payment % 6 >= 2);
    for payment in 0..PAYMENTS {
        let expected = if is_after(payment) { Outcome::Lost } else { Outcome::Settled };
        assert_eq!(driver.outcomes()[payment as usize], expected, "{payment}");
    }
    assert_eq!((tally.lost_order, tally.blocked), (1, 3 + 2 * 6));
    assert!(is_audited(&fixture, &Model::after(plan, driver.outcomes()), &mut world));
}

#[test]
fn options_of_another_workload_are_refused() {
    let fault = |options: &str| {
        let words = ["quittance-bench"].into_iter().chain(options.split_whitespace());
        let options = crate::options::Cli::parse_from(words).run;
        Draft::new(&options, PAYMENTS).map(|_| ()).unwrap_err().to_string()
    };
    assert!(fault("--zipf-exponent 1").contains("--workload zipf"));
    assert!(fault("--workload zipf --chain-length 3").contains("--workload chained"));
    assert!(fault("--workload chained --cross-shard 1 --shards 2").contains("--workload smallbank"));
    assert!(fault("--workload smallbank --cross-shard 1").contains("--shards"));
    assert!(fault("--workload chained --accounts 5").contains("--chain-length"));
}

#[test]
fn values_out_of_range_are_refused_on_the_command_line() {
    for options in [
        "--workload smallbank --cross-shard 41 --shards 2",
        "--workload zipf --zipf-exponent 6",
        "--workload zipf --zipf-exponent nan",
        "--workload zipf --zipf-exponent=-1",
        "--workload chained --chain-length 1",
        "--hostile spam=1",
        "--hostile replay=1 --bad-every 5",
    ] {
        let words = ["quittance-bench"].into_iter().chain(options.split_whitespace());
        assert!(crate::options::Cli::try_parse_from(words).is_err(), "{options}");
    }
}
