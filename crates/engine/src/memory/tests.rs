use plumbline_api::conditions::Reason as _;
use plumbline_baseline::{Item, find};

use super::*;

const ITEM: &str = "WL-04";

fn item() -> &'static Item {
    find(ITEM).expect("it is in the baseline")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

/// The state of the item: its status and, if it fails, how many objects do.
fn state(status: ItemStatus, failing: u32) -> ItemState {
    ItemState {
        item: item(),
        status,
        reason: "Reason",
        message: String::new(),
        evaluated: 7,
        failing,
        waived: 0,
        of_system: 0,
        inactive: 0,
        pods: 0,
        findings: failing,
        digest: u64::from(failing),
        namespaces: Vec::new(),
        sample: Vec::new(),
        missing: Vec::new(),
        cause: Some("Deployment shop/web".to_owned()),
    }
}

fn pass() -> ItemState {
    state(ItemStatus::Pass, 0)
}

fn fail() -> ItemState {
    state(ItemStatus::Fail, 1)
}

/// The memory of a cluster that was there before, and passes since second 0.
fn passing() -> Memory {
    let mut memory = Memory::new(Home::Cluster, true);
    memory.observe(&[pass()], at(0));
    memory
}

/// When the item got its status, in seconds, and its drift.
fn look(memory: &mut Memory, state: ItemState, second: i64) -> (i64, Drift) {
    let settling = memory.observe(&[state], at(second));
    let aged = settling.items[0];
    (aged.since.duration_since(at(0)).as_secs(), aged.drift)
}

/// Transitions as `second: from > to`.
fn history(memory: &Memory) -> Vec<String> {
    let line = |told: &Transition| {
        let second = told.time.0.duration_since(at(0)).as_secs();
        format!("{second}: {} > {}", told.from, told.to)
    };
    memory.history.iter().map(line).collect()
}

/// The report that was stored at `second`.
fn baseline(generation: i64) -> BaselineRef {
    BaselineRef {
        name: "default".to_owned(),
        uid: "u".to_owned(),
        generation,
    }
}

fn stored(memory: &mut Memory, state: &ItemState, second: i64) -> ReportStatus {
    let settling = memory.observe(std::slice::from_ref(state), at(second));
    let aged = settling.items[0];
    let result = serde_json::json!({
        "id": ITEM, "status": state.status, "since": Time(aged.since), "drift": aged.drift, "evaluated": 7,
        "failing": state.failing, "waived": 0, "inactive": 0, "pods": 0, "findings": state.failing, "more": 0,
    });
    ReportStatus {
        baseline: Some(baseline(1)),
        last_evaluated: Some(Time(at(second))),
        items: vec![serde_json::from_value(result).expect("a result")],
        reference: memory.reference.clone(),
        history: memory.history.clone(),
        ..ReportStatus::default()
    }
}

#[test]
fn a_status_shows_at_once_and_is_history_when_it_has_held() {
    let mut memory = passing();
    let settling = memory.observe(&[fail()], at(100));
    assert_eq!(settling.items[0].since, at(100));
    assert_eq!(settling.next, Some(at(110)));
    assert_eq!(memory.observe(&[fail()], at(109)).transitions, []);
    let settling = memory.observe(&[fail()], at(110));
    assert_eq!(settling.transitions, memory.history);
    assert_eq!(settling.next, None);
    assert_eq!(history(&memory), ["100: Pass > Fail"]);
    assert_eq!(memory.history[0].cause, "Deployment shop/web");
    assert_eq!(memory.observe(&[fail()], at(120)).transitions, [], "told once");
}

#[test]
fn a_flap_leaves_no_trace() {
    let mut memory = passing();
    assert_eq!(look(&mut memory, fail(), 100), (100, Drift::None));
    assert_eq!(look(&mut memory, pass(), 109), (0, Drift::None));
    assert_eq!(look(&mut memory, pass(), 200), (0, Drift::None));
    assert_eq!(history(&memory), Vec::<String>::new());
}

#[test]
fn a_status_passed_through_within_the_hold_is_left_out() {
    let mut memory = passing();
    look(&mut memory, state(ItemStatus::Unknown, 0), 100);
    look(&mut memory, fail(), 105);
    look(&mut memory, fail(), 114);
    assert_eq!(history(&memory), Vec::<String>::new());
    look(&mut memory, fail(), 115);
    assert_eq!(history(&memory), ["105: Pass > Fail"]);
}

#[test]
fn the_first_status_is_no_event() {
    let mut memory = Memory::new(Home::Cluster, true);
    look(&mut memory, fail(), 0);
    look(&mut memory, fail(), 100);
    assert_eq!(history(&memory), Vec::<String>::new());
}

#[test]
fn drift_opens_when_it_has_held_and_closes_at_once() {
    let mut memory = passing();
    assert_eq!(look(&mut memory, fail(), 100).1, Drift::None);
    assert_eq!(look(&mut memory, fail(), 109).1, Drift::None);
    assert_eq!(look(&mut memory, fail(), 110).1, Drift::Regressed);
    assert_eq!(look(&mut memory, pass(), 111).1, Drift::None);
}

#[test]
fn drift_says_in_which_direction() {
    let drift_of = |before: ItemState, after: ItemState| {
        let mut memory = Memory::new(Home::Cluster, true);
        look(&mut memory, before, 0);
        look(&mut memory, after.clone(), 100);
        look(&mut memory, after, 110).1
    };
    assert_eq!(drift_of(pass(), fail()), Drift::Regressed);
    assert_eq!(drift_of(fail(), pass()), Drift::Improved);
    assert_eq!(drift_of(fail(), state(ItemStatus::Unknown, 0)), Drift::Improved);
    assert_eq!(drift_of(fail(), state(ItemStatus::Fail, 2)), Drift::Changed);
    assert_eq!(
        drift_of(pass(), state(ItemStatus::NotApplicable, 0)),
        Drift::Changed
    );
    let other_objects = ItemState { digest: 99, ..fail() };
    assert_eq!(drift_of(fail(), other_objects), Drift::Changed);
}

#[test]
fn failing_objects_are_compared_with_the_reference() {
    let mut memory = Memory::new(Home::Cluster, true);
    memory.observe(&[state(ItemStatus::Fail, 5)], at(0));
    let settling = memory.observe(&[state(ItemStatus::Fail, 2)], at(1));
    assert_eq!(settling.items[0].failing_change, Some(-3));
}

#[test]
fn the_reference_of_what_was_there_before_is_taken_at_once() {
    let memory = passing();
    let reference = memory.reference.expect("it is taken");
    assert_eq!(
        (reference.kind, reference.time),
        (ReferenceKind::Initial, Time(at(0)))
    );
    assert_eq!(reference.items[0].digest, "0000000000000000");
}

#[test]
fn the_reference_of_what_appears_later_is_taken_when_it_has_held() {
    let mut memory = Memory::new(Home::Namespace("shop".into()), false);
    let settling = memory.observe(&[fail()], at(0));
    assert_eq!((memory.reference.as_ref(), settling.next), (None, Some(at(10))));
    assert_eq!(settling.items[0].failing_change, None);
    memory.observe(&[pass()], at(9));
    assert_eq!(memory.reference, None);
    memory.observe(&[pass()], at(10));
    let reference = memory.reference.as_ref().expect("it is taken");
    assert_eq!(reference.items[0].status, ItemStatus::Pass);
}

#[test]
fn a_new_baseline_takes_the_reference_anew_unless_somebody_has_pinned_it() {
    let mut memory = passing();
    memory.rebase();
    assert_eq!(memory.reference, None);
    memory.observe(&[fail()], at(100));
    let reference = memory.reference.as_mut().expect("it is taken at once");
    assert_eq!(reference.items[0].status, ItemStatus::Fail);
    reference.kind = ReferenceKind::Pin;
    memory.rebase();
    assert!(memory.reference.is_some(), "it is pinned");
}

fn pin(second: i64, by: &str) -> Pin {
    Pin {
        time: Time(at(second)),
        by: by.to_owned(),
    }
}

/// Kind, second and author of the reference, and the status in it.
fn reference(memory: &Memory) -> (ReferenceKind, i64, Option<&str>, ItemStatus) {
    let reference = memory.reference.as_ref().expect("there is one");
    let second = reference.time.0.duration_since(at(0)).as_secs();
    let by = reference.by.as_deref();
    (reference.kind, second, by, reference.items[0].status)
}

#[test]
fn a_pin_takes_the_present_state_at_once_and_leaves_time_and_history_alone() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    assert_eq!(look(&mut memory, fail(), 110), (100, Drift::Regressed));
    memory.pin(Some(&pin(115, "alice")));
    assert_eq!(look(&mut memory, fail(), 120), (100, Drift::None));
    assert_eq!(
        reference(&memory),
        (ReferenceKind::Pin, 115, Some("alice"), ItemStatus::Fail)
    );
    assert_eq!(history(&memory), ["100: Pass > Fail"]);
    look(&mut memory, pass(), 200);
    assert_eq!(look(&mut memory, pass(), 210), (200, Drift::Improved));
    // A later pin takes the place of this one.
    memory.pin(Some(&pin(300, "bob")));
    assert_eq!(look(&mut memory, pass(), 301), (200, Drift::None));
    assert_eq!(
        reference(&memory),
        (ReferenceKind::Pin, 300, Some("bob"), ItemStatus::Pass)
    );
    assert_eq!(history(&memory), ["100: Pass > Fail", "200: Fail > Pass"]);
}

#[test]
fn a_pin_shows_what_had_not_held_yet_as_it_is() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    memory.pin(Some(&pin(101, "alice")));
    assert_eq!(look(&mut memory, fail(), 102), (100, Drift::None));
    assert_eq!(look(&mut memory, fail(), 110), (100, Drift::None));
    assert_eq!(history(&memory), ["100: Pass > Fail"], "it happened all the same");
}

#[test]
fn what_is_pinned_can_be_taken_before_the_report_is_made() {
    let mut memory = passing();
    memory.pin(Some(&pin(100, "alice")));
    memory.take_pin(&[fail()]);
    memory.take_pin(&[pass()]);
    assert_eq!(
        reference(&memory).3,
        ItemStatus::Fail,
        "the state at the time of the pin"
    );
}

#[test]
fn without_a_pin_the_next_evaluation_is_the_reference() {
    let mut memory = passing();
    memory.pin(Some(&pin(100, "alice")));
    look(&mut memory, pass(), 100);
    look(&mut memory, fail(), 200);
    assert_eq!(look(&mut memory, fail(), 210), (200, Drift::Regressed));
    memory.pin(None);
    assert_eq!(look(&mut memory, fail(), 220), (200, Drift::None));
    assert_eq!(
        reference(&memory),
        (ReferenceKind::Initial, 220, None, ItemStatus::Fail)
    );
    // Nothing was pinned: nothing to let go of.
    memory.pin(None);
    look(&mut memory, fail(), 230);
    assert_eq!(reference(&memory).1, 220);
}

#[test]
fn a_pin_is_taken_once_over_a_restart_and_one_that_nobody_saw_is_taken_after_it() {
    let alice = pin(50, "alice");
    let mut memory = passing();
    memory.pin(Some(&alice));
    let pinned = stored(&mut memory, &pass(), 50);
    let restored = |generation, pin: Option<&Pin>, stored: &ReportStatus| {
        let mut memory = Memory::restore(Home::Cluster, &baseline(generation), pin, stored);
        look(&mut memory, fail(), 1000);
        let drift = look(&mut memory, fail(), 1010).1;
        let (kind, second, by, _) = reference(&memory);
        (kind, second, by.map(str::to_owned), drift)
    };
    let by = |name: &str| Some(name.to_owned());
    // Whatever else of the baseline has changed.
    for generation in [1, 2] {
        assert_eq!(
            restored(generation, Some(&alice), &pinned),
            (ReferenceKind::Pin, 50, by("alice"), Drift::Regressed)
        );
    }
    for other in [pin(60, "alice"), pin(50, "bob")] {
        let (kind, _, who, drift) = restored(2, Some(&other), &pinned);
        assert_eq!(
            (kind, who, drift),
            (ReferenceKind::Pin, Some(other.by), Drift::None)
        );
    }
    assert_eq!(
        restored(2, None, &pinned),
        (ReferenceKind::Initial, 1000, None, Drift::None)
    );
    let never = stored(&mut passing(), &pass(), 50);
    assert_eq!(
        restored(2, Some(&alice), &never),
        (ReferenceKind::Pin, 50, by("alice"), Drift::None)
    );
    // A report that is younger than the pin has a reference of its own, and keeps it.
    assert_eq!(
        restored(1, Some(&alice), &never),
        (ReferenceKind::Initial, 0, None, Drift::Regressed)
    );
}

#[test]
fn the_time_of_a_pin_is_no_time_of_an_item() {
    let mut memory = passing();
    memory.pin(Some(&pin(-99_999, "alice")));
    look(&mut memory, pass(), 50);
    let stored = stored(&mut memory, &fail(), 100);
    let pin = pin(-99_999, "alice");
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), Some(&pin), &stored);
    assert_eq!(look(&mut memory, pass(), 105), (100, Drift::None));
}

#[test]
fn history_is_bounded_and_keeps_the_last() {
    for (home, most) in [(Home::Cluster, 50), (Home::Namespace("shop".into()), 10)] {
        let mut memory = Memory::new(home, true);
        for change in 0..120 {
            let now = if change % 2 == 0 { pass() } else { fail() };
            look(&mut memory, now.clone(), change * 100);
            look(&mut memory, now, change * 100 + 10);
        }
        assert_eq!(memory.history.len(), most);
        assert_eq!(
            history(&memory).last().expect("there is one"),
            "11900: Pass > Fail"
        );
    }
}

#[test]
fn an_unchanged_status_keeps_its_time_over_a_restart() {
    let stored = stored(&mut passing(), &pass(), 50);
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, pass(), 1000), (0, Drift::None));
    assert_eq!(memory.reference, stored.reference);
}

#[test]
fn history_goes_on_after_a_restart() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    let stored = stored(&mut memory, &fail(), 110);
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, pass(), 1000), (1000, Drift::None));
    look(&mut memory, pass(), 1010);
    assert_eq!(history(&memory), ["100: Pass > Fail", "1000: Fail > Pass"]);
}

#[test]
fn a_change_that_had_not_held_at_a_restart_still_becomes_history() {
    let mut memory = passing();
    let stored = stored(&mut memory, &fail(), 100);
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, fail(), 103), (100, Drift::None));
    assert_eq!(look(&mut memory, fail(), 113), (100, Drift::Regressed));
    assert_eq!(history(&memory), ["100: Pass > Fail"]);
}

#[test]
fn a_flap_over_a_restart_leaves_no_trace() {
    let mut memory = passing();
    let stored = stored(&mut memory, &fail(), 100);
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, pass(), 105), (0, Drift::None));
    look(&mut memory, pass(), 200);
    assert_eq!(history(&memory), Vec::<String>::new());
}

#[test]
fn drift_that_was_shown_is_shown_after_a_restart() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    look(&mut memory, fail(), 110);
    let unknown = state(ItemStatus::Unknown, 0);
    let stored = stored(&mut memory, &unknown, 120);
    assert_eq!(stored.items[0].drift, Drift::Regressed);
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, unknown, 121), (120, Drift::Regressed));
}

#[test]
fn a_reference_of_another_baseline_is_dropped() {
    let stored = stored(&mut passing(), &pass(), 50);
    let replaced = BaselineRef {
        uid: "v".to_owned(),
        ..baseline(1)
    };
    for other in [baseline(2), replaced] {
        let memory = Memory::restore(Home::Cluster, &other, None, &stored);
        assert_eq!(memory.reference, None);
    }
}

#[test]
fn items_that_are_no_more_are_passed_over() {
    let mut stored = stored(&mut passing(), &pass(), 50);
    stored.items[0].id = "WL-99".to_owned();
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, fail(), 1000).0, 1000);
}

#[test]
fn a_lost_history_ends_with_the_next_difference() {
    let mut memory = Memory::lost(Home::Cluster);
    look(&mut memory, pass(), 0);
    assert!(memory.history_lost);
    look(&mut memory, fail(), 100);
    look(&mut memory, fail(), 110);
    assert!(!memory.history_lost);
}

#[test]
fn a_lost_history_ends_with_a_new_baseline() {
    let mut memory = Memory::lost(Home::Cluster);
    memory.rebase();
    assert!(!memory.history_lost);
}

#[test]
fn a_lost_history_ends_with_a_pin() {
    let mut memory = Memory::lost(Home::Cluster);
    memory.pin(Some(&pin(0, "alice")));
    memory.take_pin(&[pass()]);
    assert!(!memory.history_lost);
}

#[test]
fn a_lost_history_stays_lost_over_a_restart() {
    let mut stored = stored(&mut passing(), &pass(), 50);
    stored.conditions = vec![DriftedReason::HistoryLost.condition("", None, &Time(at(0)))];
    assert!(Memory::restore(Home::Cluster, &baseline(1), None, &stored).history_lost);
    assert!(!Memory::restore(Home::Cluster, &baseline(2), None, &stored).history_lost);
}

#[test]
fn times_are_cut_down_to_the_second() {
    let mut memory = passing();
    let now = at(100) + SignedDuration::from_millis(900);
    assert_eq!(memory.observe(&[fail()], now).items[0].since, at(100));
}

#[test]
fn a_clock_that_is_set_back_does_no_harm() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    look(&mut memory, fail(), -5000);
    assert_eq!(look(&mut memory, fail(), 110), (100, Drift::Regressed));
}

#[test]
fn what_happens_while_the_clock_is_back_is_told_in_its_order() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    look(&mut memory, fail(), 110);
    // The clock goes back by a minute, and the item is repaired.
    assert_eq!(look(&mut memory, fail(), 50), (100, Drift::Regressed));
    assert_eq!(look(&mut memory, pass(), 55), (55, Drift::None));
    let settling = memory.observe(&[pass()], at(60));
    assert_eq!(
        (settling.next, settling.transitions.len()),
        (Some(at(65)), 0),
        "ten seconds are ten seconds"
    );
    look(&mut memory, pass(), 65);
    // It fails again, before the time at which it did the first time.
    look(&mut memory, fail(), 90);
    assert_eq!(look(&mut memory, fail(), 100), (90, Drift::Regressed));
    assert_eq!(
        history(&memory),
        ["100: Pass > Fail", "55: Fail > Pass", "90: Pass > Fail"]
    );
}

#[test]
fn what_had_not_held_when_the_clock_went_back_holds_when_it_has_caught_up() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    let settling = memory.observe(&[fail()], at(45));
    assert_eq!((settling.items[0].since, settling.next), (at(100), Some(at(110))));
    assert_eq!(look(&mut memory, fail(), 110), (100, Drift::Regressed));
    assert_eq!(history(&memory), ["100: Pass > Fail"]);
}

#[test]
fn a_new_report_has_its_reference_in_the_end_though_the_clock_goes_back() {
    let mut memory = Memory::new(Home::Namespace("shop".into()), false);
    memory.observe(&[fail()], at(100));
    let settling = memory.observe(&[pass()], at(45));
    assert_eq!((memory.reference.as_ref(), settling.next), (None, Some(at(110))));
    look(&mut memory, pass(), 110);
    assert_eq!(reference(&memory).3, ItemStatus::Pass);
    assert_eq!(history(&memory), Vec::<String>::new());
}

#[test]
fn a_restart_after_the_clock_went_back_tells_nothing_twice() {
    let mut memory = passing();
    look(&mut memory, fail(), 100);
    look(&mut memory, fail(), 110);
    let stored = stored(&mut memory, &fail(), 60);
    let mut memory = Memory::restore(Home::Cluster, &baseline(1), None, &stored);
    assert_eq!(look(&mut memory, fail(), 65), (100, Drift::Regressed));
    assert_eq!(look(&mut memory, fail(), 200), (100, Drift::Regressed));
    assert_eq!(history(&memory), ["100: Pass > Fail"]);
}
