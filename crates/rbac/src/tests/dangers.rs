//! Which rules are dangerous, how they are bound, and what names have to do with it.

use plumbline_inventory::lean::Rule;
use plumbline_inventory::testing::Manifest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::oracle::rule_allows;
use super::{alice, cluster_role, everywhere, in_shop, live, role};
use crate::danger::{Found, Reach, Target, targets};
use crate::{Danger, DangerSet, Rbac, ResourceRequest, Severity, Subject};

fn of_alice(rbac: &Rbac) -> Vec<String> {
    let line = |risk: crate::Risk<'_>| {
        let latent = if risk.is_effective() { "" } else { " (half)" };
        format!(
            "{} {} {:?}{:?}{latent}",
            risk.grant.binding.name,
            risk.danger.reason(),
            risk.rules,
            risk.names
        )
    };
    rbac.risks(&Subject::User("alice".into()))
        .into_iter()
        .map(line)
        .collect()
}

/// What alice has by these rules, everywhere.
fn everywhere_by(rules: Value) -> Vec<String> {
    of_alice(&live(&[
        cluster_role("r", rules),
        everywhere("all", "r", alice()),
    ]))
}

/// What alice has by these rules, in a namespace.
fn in_shop_by(rules: Value) -> Vec<String> {
    of_alice(&live(&[
        cluster_role("r", rules),
        in_shop("shop", "ClusterRole", "r", alice()),
    ]))
}

fn rule(verbs: &[&str], group: &str, resource: &str) -> Value {
    json!({ "verbs": verbs, "apiGroups": [group], "resources": [resource] })
}

fn named(mut rule: Value, names: &[&str]) -> Value {
    rule["resourceNames"] = json!(names);
    rule
}

#[test]
fn each_way_to_read_secrets_is_one() {
    for verb in ["get", "list", "watch", "*"] {
        let found = everywhere_by(json!([rule(&[verb], "", "secrets")]));
        assert!(
            found.contains(&"all ReadSecrets [0][]".to_owned()),
            "{verb}: {found:?}"
        );
    }
    assert_eq!(
        everywhere_by(json!([rule(&["create", "delete"], "", "secrets")])),
        Vec::<String>::new()
    );
    assert_eq!(
        everywhere_by(json!([rule(&["get"], "apps", "secrets")])),
        Vec::<String>::new()
    );
}

#[test]
fn names_do_not_keep_a_list_from_disclosing() {
    let found = everywhere_by(json!([named(rule(&["list"], "", "secrets"), &["token"])]));
    assert_eq!(found, ["all ReadSecrets [0][\"token\"]"]);
}

#[test]
fn names_keep_a_post_from_creating_and_a_put_not() {
    let create = named(rule(&["create"], "", "pods"), &["web"]);
    assert_eq!(everywhere_by(json!([create])), Vec::<String>::new());
    let patch = named(rule(&["patch"], "", "pods"), &["web", "db"]);
    let found = everywhere_by(json!([create, patch]));
    assert_eq!(found, ["all CreatePods [0][\"web\"]"]);
    let other = named(rule(&["patch"], "", "pods"), &["db"]);
    assert_eq!(everywhere_by(json!([create, other])), Vec::<String>::new());
    let exec = named(rule(&["create"], "", "pods/exec"), &["web"]);
    assert_eq!(everywhere_by(json!([exec])), ["all ExecIntoPods [0][\"web\"]"]);
    let token = named(rule(&["create"], "", "serviceaccounts/token"), &["web"]);
    assert_eq!(everywhere_by(json!([token])), ["all CreateTokens [0][\"web\"]"]);
    let events = named(rule(&["deletecollection"], "", "events"), &["web"]);
    assert_eq!(everywhere_by(json!([events])), Vec::<String>::new());
}

#[test]
fn what_is_in_no_namespace_takes_a_cluster_role_binding() {
    for (verb, group, resource, reason) in [
        ("get", "", "nodes/proxy", "ProxyToNodes"),
        ("impersonate", "", "users", "ImpersonateUsers"),
        ("impersonate", "", "groups", "ImpersonateGroups"),
        (
            "escalate",
            "rbac.authorization.k8s.io",
            "clusterroles",
            "EscalateRoles",
        ),
        ("create", "", "persistentvolumes", "CreatePersistentVolumes"),
        (
            "patch",
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations",
            "WriteMutatingWebhooks",
        ),
    ] {
        let rules = json!([rule(&[verb], group, resource)]);
        assert_eq!(everywhere_by(rules.clone()), [format!("all {reason} [0][]")]);
        assert_eq!(in_shop_by(rules), Vec::<String>::new());
    }
}

#[test]
fn what_looks_like_it_and_works_in_a_namespace() {
    for (verb, group, resource, reason) in [
        ("impersonate", "", "serviceaccounts", "ImpersonateServiceAccounts"),
        // Asked in the namespace of the binding to be.
        ("bind", "rbac.authorization.k8s.io", "clusterroles", "BindRoles"),
        // A namespace is in itself.
        ("patch", "", "namespaces", "WriteNamespaces"),
        ("escalate", "rbac.authorization.k8s.io", "roles", "EscalateRoles"),
    ] {
        assert_eq!(
            in_shop_by(json!([rule(&[verb], group, resource)])),
            [format!("shop {reason} [0][]")]
        );
    }
}

#[test]
fn config_maps_are_dangerous_in_kube_system() {
    let rules = json!([rule(&["update"], "", "configmaps")]);
    assert_eq!(everywhere_by(rules.clone()), ["all WriteSystemConfigMaps [0][]"]);
    assert_eq!(in_shop_by(rules.clone()), Vec::<String>::new());
    let binding = in_shop("b", "ClusterRole", "r", alice()).namespace("kube-system");
    let found = of_alice(&live(&[cluster_role("r", rules), binding]));
    assert_eq!(found, ["b WriteSystemConfigMaps [0][]"]);
}

#[test]
fn every_right_is_told_of_once_and_impersonation_besides() {
    let everything = json!([rule(&["*"], "*", "*")]);
    let found = everywhere_by(everything.clone());
    assert_eq!(found[0], "all EveryRight [0][]");
    assert!(
        found[1..].iter().all(|line| line.contains(" Impersonate")),
        "{found:?}"
    );
    assert_eq!(
        in_shop_by(everything),
        [
            "shop EveryRight [0][]",
            "shop ImpersonateServiceAccounts [0][]",
            "shop ImpersonateServiceAccount [0][]"
        ]
    );
}

#[test]
fn extra_fields_have_keys() {
    let group = "authentication.k8s.io";
    let of = |resource| everywhere_by(json!([rule(&["impersonate"], group, resource)]));
    assert_eq!(of("userextras/scopes"), ["all ImpersonateExtras [0][]"]);
    assert_eq!(
        of("*"),
        [
            "all WildcardResources [0][]",
            "all ImpersonateExtras [0][]",
            "all ImpersonateUids [0][]"
        ]
    );
    // The authorizer is asked for `userextras/<key>`, which this is not.
    assert_eq!(of("userextras"), Vec::<String>::new());
}

#[test]
fn halves_do_something_together() {
    const GROUP: &str = "certificates.k8s.io";
    let approval = rule(&["update"], GROUP, "certificatesigningrequests/approval");
    let signer = named(
        rule(&["approve"], GROUP, "signers"),
        &["kubernetes.io/kube-apiserver-client"],
    );
    assert_eq!(
        everywhere_by(json!([approval])),
        ["all CertificateApproval [0][] (half)"]
    );
    let half = "all SignerApproval [0][\"kubernetes.io/kube-apiserver-client\"] (half)";
    assert_eq!(everywhere_by(json!([signer])), [half]);
    assert_eq!(
        everywhere_by(json!([approval, signer])),
        ["all CertificateApproval [0][]"]
    );
    // Through two bindings, one of them to a group that everybody is in.
    let everybody = json!([{ "kind": "Group", "name": "system:authenticated" }]);
    let rbac = live(&[
        cluster_role("approval", json!([approval])),
        cluster_role("signer", json!([signer])),
        everywhere("a", "approval", alice()),
        everywhere("s", "signer", everybody),
    ]);
    assert_eq!(of_alice(&rbac), ["a CertificateApproval [0][]"]);
}

#[test]
fn constrained_impersonation_takes_both_halves() {
    const GROUP: &str = "authentication.k8s.io";
    let who = rule(&["impersonate:user-info"], GROUP, "users");
    let what = rule(&["impersonate-on:user-info:list"], "", "pods");
    assert_eq!(
        everywhere_by(json!([who])),
        ["all ImpersonateUserInfo [0][] (half)"]
    );
    assert_eq!(
        everywhere_by(json!([what])),
        ["all ImpersonateOnUserInfo [0][] (half)"]
    );
    assert_eq!(
        everywhere_by(json!([who, what])),
        ["all ImpersonateUserInfo [0][]"]
    );
    let other = rule(&["impersonate-on:serviceaccount:list"], "", "pods");
    assert_eq!(everywhere_by(json!([who, other])).len(), 2);
    // `*` is every verb, also of this kind; alone it is not told of.
    let every = rule(&["*"], "", "services");
    assert_eq!(
        everywhere_by(json!([who, every])),
        ["all WildcardVerbs [1][]", "all ImpersonateUserInfo [0][]"]
    );
    assert_eq!(everywhere_by(json!([every])), ["all WildcardVerbs [0][]"]);
}

#[test]
fn ones_own_node_is_asked_for_by_a_star() {
    const GROUP: &str = "authentication.k8s.io";
    let of = |names: &[&str]| {
        let who = named(rule(&["impersonate:associated-node"], GROUP, "nodes"), names);
        everywhere_by(json!([
            who,
            rule(&["impersonate-on:associated-node:get"], "", "pods")
        ]))
    };
    let half = "all ImpersonateOnAssociatedNode [1][] (half)";
    assert_eq!(of(&[]), ["all ImpersonateAssociatedNode [0][]"]);
    assert_eq!(of(&["*"]), ["all ImpersonateAssociatedNode [0][\"*\"]"]);
    assert_eq!(of(&["node-1"]), [half]);
}

#[test]
fn where_and_for_what_it_is_makes_it_less_bad() {
    let severities = |rules: Value, shop: bool| {
        let binding = if shop {
            in_shop("b", "ClusterRole", "r", alice())
        } else {
            everywhere("b", "r", alice())
        };
        let rbac = live(&[cluster_role("r", rules), binding]);
        rbac.risks(&Subject::User("alice".into()))
            .iter()
            .map(crate::Risk::severity)
            .collect::<Vec<_>>()
    };
    let secrets = rule(&["get"], "", "secrets");
    assert_eq!(severities(json!([secrets]), false), [Severity::Critical]);
    assert_eq!(severities(json!([secrets]), true), [Severity::High]);
    assert_eq!(
        severities(json!([named(secrets, &["token"])]), true),
        [Severity::Medium]
    );
    let groups = rule(&["impersonate"], "", "groups");
    assert_eq!(
        severities(json!([named(groups.clone(), &["dev"])]), false),
        [Severity::High]
    );
    assert_eq!(
        severities(json!([named(groups, &["system:masters"])]), false),
        [Severity::Critical]
    );
}

#[test]
fn roles_have_dangers_that_nobody_has() {
    let secrets = json!([rule(&["get"], "", "pods"), rule(&["get"], "", "secrets")]);
    let roles: [Manifest; 2] = [cluster_role("r", secrets.clone()), role("r", secrets)];
    let rbac = live(&roles);
    for role in &roles {
        assert_eq!(rbac.role_risks(&role.id()), [(Danger::ReadSecrets, vec![1])]);
    }
}

#[test]
fn every_danger_has_requests_or_is_found_otherwise() {
    let with_targets: DangerSet = targets().iter().map(|target| target.danger).collect();
    let without: Vec<Danger> = Danger::ALL
        .iter()
        .copied()
        .filter(|danger| !with_targets.contains(*danger))
        .collect();
    assert_eq!(without.len(), 4 + 1 + 4, "{without:?}");
    for danger in Danger::ALL {
        assert!(danger.why().ends_with('.'));
        assert_eq!(
            danger.other_half().and_then(Danger::other_half),
            danger.other_half().map(|_| *danger)
        );
    }
}

/// Whether the rules, read literally, allow a request of the target.
fn by_hand(rules: &[Rule], target: &Target, all_names: bool) -> bool {
    let (resource, subresource) = target.resource.split_once('/').unwrap_or((target.resource, ""));
    let allowed = |verb: &str, name: &str| {
        let request = ResourceRequest {
            verb,
            group: target.group,
            resource,
            subresource,
            name,
            namespace: "",
        };
        rules.iter().any(|rule| rule_allows(rule, &request.into()))
    };
    let names = if all_names {
        vec!["unheard-of"]
    } else {
        vec!["unheard-of", "web", "db", "*"]
    };
    target.verbs.iter().any(|verb| {
        let unnamed =
            subresource.is_empty() && matches!(*verb, "create" | "list" | "watch" | "deletecollection");
        if target.danger == Danger::ImpersonateAssociatedNode {
            return allowed(verb, "*");
        }
        let creates = *verb == "create" && subresource.is_empty();
        unnamed && allowed(verb, "")
            || names.iter().any(|name| {
                let by_put = allowed("update", name) || allowed("patch", name);
                allowed(verb, name) && (!creates || by_put) && *verb != "deletecollection"
            })
    })
}

/// A rule out of the words of the targets.
fn any_rule() -> impl Strategy<Value = Value> {
    let targets: Vec<&Target> = targets()
        .iter()
        .filter(|target| target.resource != Target::ANY)
        .collect();
    let names = prop_oneof![Just(vec![]), subsequence(vec!["web", "db", "*", ""], 1..3)];
    (
        vec(select(targets), 1..4),
        any::<prop::sample::Index>(),
        names,
        0..12_usize,
    )
        .prop_map(|(targets, verb, names, star)| {
            let words = |of: &dyn Fn(&Target) -> String, at: usize| -> Vec<String> {
                let star = (star == at).then(|| "*".to_owned());
                targets.iter().map(|target| of(target)).chain(star).collect()
            };
            json!({
                "verbs": words(&|target| (*verb.get(target.verbs)).to_owned(), 0),
                "apiGroups": words(&|target| target.group.to_owned(), 1),
                "resources": words(&|target| target.resource.to_owned(), 2),
                "resourceNames": names,
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn dangers_are_what_the_rules_allow(rules in vec(any_rule(), 1..4)) {
        let rbac = live(&[cluster_role("r", json!(rules))]);
        let compiled = rbac.roles().next().unwrap().1;
        let written = compiled.written();
        let shop = "shop".into();
        let found: [(Found, &dyn Fn(Reach) -> bool); 2] = [
            (compiled.dangers().within(None), &|_| true),
            (compiled.dangers().within(Some(&shop)), &|reach| reach == Reach::Namespace),
        ];
        for (found, reaches) in found {
            for danger in Danger::ALL {
                let mine = targets().iter().filter(|target| target.danger == *danger && reaches(target.reach));
                let mine: Vec<&Target> = mine.filter(|target| target.resource != Target::ANY).collect();
                // Policy engines and extra fields are found by words that have no end.
                if mine.is_empty() || *danger == Danger::ImpersonateUserInfo {
                    continue;
                }
                let any = mine.iter().any(|target| by_hand(written, target, false));
                prop_assert_eq!(found.all().contains(*danger), any, "{:?} in {:?}", danger, written);
                let full = mine.iter().any(|target| by_hand(written, target, true));
                prop_assert_eq!(found.full.contains(*danger), full, "{:?} for all in {:?}", danger, written);
            }
        }
    }
}
