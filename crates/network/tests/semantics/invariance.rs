//! What must not matter does not.

use plumbline_inventory::Kind;
use plumbline_inventory::testing::{Manifest, written};
use plumbline_network::Network;
use proptest::prelude::*;
use serde_json::Value;

use crate::literal::cases;
use crate::{key, offline, random, told};

fn what(objects: &[Manifest], of: &[Manifest]) -> Vec<String> {
    let workloads: Vec<_> = of
        .iter()
        .filter(|object| object.kind() == Kind::Pod)
        .map(key)
        .collect();
    told(&Network::of(&offline(objects)), &workloads)
}

/// The policy with the rules of one direction in two halves.
fn split(policy: &Manifest) -> Option<[Manifest; 2]> {
    let spec = &policy.json()["spec"];
    let direction = ["ingress", "egress"]
        .into_iter()
        .find(|d| spec[d].as_array().is_some_and(|rules| rules.len() > 1))?;
    let types = match &spec["policyTypes"] {
        // What the API server fills in depends on the rules, of which each half has fewer.
        Value::Null if spec["egress"] != Value::Array(Vec::new()) => serde_json::json!(["Ingress", "Egress"]),
        Value::Null => serde_json::json!(["Ingress"]),
        types => types.clone(),
    };
    let rules = spec[direction].as_array().unwrap();
    let name = &policy.id().name;
    Some([(0, &rules[..1]), (1, &rules[1..])].map(|(half, rules)| {
        written(Kind::NetworkPolicy, &format!("{name}-{half}"))
            .namespace(policy.id().namespace.as_deref().unwrap())
            .set("spec", spec.clone())
            .set("spec.policyTypes", types.clone())
            .set(&format!("spec.{direction}"), Value::Array(rules.to_vec()))
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(150)))]

    #[test]
    fn the_order_of_documents(objects in random::cluster(), seed in any::<u64>()) {
        let mut shuffled = objects.clone();
        shuffled.sort_by_key(|object| {
            let text = format!("{seed}{object:?}");
            text.bytes().fold(seed, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte))
        });
        prop_assert_eq!(what(&objects, &objects), what(&shuffled, &objects));
    }

    #[test]
    fn whether_rules_are_in_one_policy_or_in_two(objects in random::cluster()) {
        let mut halves = Vec::new();
        for object in &objects {
            match (object.kind() == Kind::NetworkPolicy).then(|| split(object)).flatten() {
                Some(two) => halves.extend(two),
                None => halves.push(object.clone()),
            }
        }
        let without_problems = |told: Vec<String>| told.into_iter().filter(|line| !line.contains("NetworkPolicy")).collect::<Vec<_>>();
        prop_assert_eq!(without_problems(what(&objects, &objects)), without_problems(what(&halves, &objects)));
    }
}
