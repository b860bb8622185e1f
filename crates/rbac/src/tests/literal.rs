//! The compiled form says what the rules say, read literally.

use std::collections::BTreeMap;

use plumbline_inventory::testing::Manifest;
use plumbline_inventory::{Inventory, lean};
use proptest::collection::vec;
use proptest::prelude::*;

use super::oracle::{Objects, rule_allows};
use super::random::{object, question, rule};
use super::{filled, live};
use crate::{Rbac, Reason};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_compiled_rule_allows_what_the_written_one_does(rule in rule(), questions in vec(question(), 1..20)) {
        let rbac = live(&[super::cluster_role("r", serde_json::json!([rule]))]);
        let rules = rbac.roles().next().unwrap().1;
        let written: lean::Rule = serde_json::from_value(rule).unwrap();
        for question in questions {
            let request = question.request();
            prop_assert_eq!(rules.compiled()[0].allows(&request), rule_allows(&written, &request), "{:?}", request);
        }
    }

    #[test]
    fn the_engine_allows_what_the_authorizer_does(
        objects in vec(object(), 0..40),
        questions in vec(question(), 1..30),
        offline in any::<bool>(),
    ) {
        let objects: BTreeMap<_, _> = objects.into_iter().map(|object| (object.id(), object)).collect();
        let objects: Vec<_> = objects.into_values().collect();
        let inventory = if offline { Inventory::offline() } else { Inventory::live() };
        let rbac = Rbac::of(&filled(inventory, &objects));
        let literal = Objects::new(objects.iter().map(Manifest::object));
        let literal = if offline { literal.aggregated() } else { literal };
        for question in questions {
            let (user, request) = (question.user(), question.request());
            let reason = rbac.authorize(&user, &request);
            prop_assert_eq!(reason.is_some(), literal.allows(&user, &request), "{:?} {:?}", user, request);
            if let Some(Reason::Rule { grant, rule }) = reason {
                prop_assert!(rule_allows(&grant.rules.written()[rule], &request));
            }
            // The other way round: somebody among those who can is this user, exactly if it may.
            let holders = rbac.who_can(&request).subjects;
            let among = user.subjects().any(|s| holders.iter().any(|holder| holder.subject.identity() == s));
            prop_assert_eq!(among, reason.is_some());
        }
    }
}
