//! What Kubernetes' authorizer does, case by case.

use plumbline_inventory::testing::written;
use plumbline_inventory::{Kind, ObjectId};
use serde_json::{Value, json};

use super::{alice, ask, by, cluster_role, everywhere, in_shop, live, may, offline, role, user};
use crate::{Lack, Problem, Rbac, Request, ResourceRequest, Subject, User};

/// Alice has this rule everywhere.
fn with(rule: &Value) -> Rbac {
    live(&[cluster_role("r", json!([rule])), everywhere("b", "r", alice())])
}

/// Alice has a rule for these resources of the core group.
fn resources(resources: &[&str]) -> Rbac {
    with(&json!({ "verbs": ["get"], "apiGroups": [""], "resources": resources }))
}

#[test]
fn verb_group_and_resource_are_exact_or_a_star() {
    let exact = with(&json!({ "verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"] }));
    assert!(may(&exact, ask("get", "apps", "deployments")));
    assert!(!may(&exact, ask("list", "apps", "deployments")));
    assert!(!may(&exact, ask("get", "", "deployments")));
    assert!(!may(&exact, ask("get", "apps", "deployment")));
    assert!(!may(&exact, ask("GET", "apps", "deployments")));

    let stars = with(&json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }));
    assert!(may(
        &stars,
        ask("juggle", "circus.example", "balls")
            .subresource("red")
            .name("x")
    ));
    let partial = with(&json!({ "verbs": ["g*"], "apiGroups": ["app*"], "resources": ["deploy*"] }));
    assert!(!may(&partial, ask("get", "apps", "deployments")));
}

#[test]
fn a_star_is_every_subresource_and_pods_star_is_none() {
    let exec = ask("get", "", "pods").subresource("exec");
    assert!(may(&resources(&["*"]), exec));
    assert!(!may(&resources(&["pods"]), exec));
    assert!(may(&resources(&["pods/exec"]), exec));
    assert!(!may(&resources(&["pods/exec"]), ask("get", "", "pods")));
    assert!(!may(&resources(&["pods/*"]), exec));
    assert!(!may(&resources(&["pods/*"]), ask("get", "", "pods")));
    assert!(!may(&resources(&["*/*"]), exec));
    assert!(may(&resources(&["*/exec"]), exec));
    assert!(!may(&resources(&["*/exec"]), ask("get", "", "pods")));
    assert!(!may(&resources(&["*/ex", "*/xec", "/exec"]), exec));
}

#[test]
fn names_are_exact_and_a_request_without_a_name_has_none() {
    let named = with(&json!({
        "verbs": ["get", "list", "create"], "apiGroups": [""], "resources": ["secrets", "pods/exec"],
        "resourceNames": ["token", "*"],
    }));
    assert!(may(&named, ask("get", "", "secrets").name("token")));
    assert!(!may(&named, ask("get", "", "secrets").name("tok")));
    // A POST to the collection has no name; a list has one by `metadata.name=token`.
    assert!(!may(&named, ask("create", "", "secrets")));
    assert!(!may(&named, ask("list", "", "secrets")));
    assert!(may(&named, ask("list", "", "secrets").name("token")));
    // A star is a name like any other.
    assert!(!may(&named, ask("get", "", "secrets").name("other")));
    // A POST to a named subresource, and a create by PUT.
    assert!(may(
        &named,
        ask("create", "", "pods").subresource("exec").name("token")
    ));
    assert!(may(&named, ask("create", "", "secrets").name("token")));
}

#[test]
fn the_empty_name_is_a_name_too() {
    let empty = with(&json!({
        "verbs": ["list"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": [""],
    }));
    assert!(may(&empty, ask("list", "", "secrets")));
    assert!(!may(&empty, ask("list", "", "secrets").name("token")));
}

#[test]
fn urls_are_exact_or_a_prefix() {
    let get = |path| Request::NonResource { verb: "get", path };
    let urls = |urls: &[&str]| with(&json!({ "verbs": ["get"], "nonResourceURLs": urls }));
    assert!(may(&urls(&["/healthz"]), get("/healthz")));
    assert!(!may(&urls(&["/healthz"]), get("/healthz/etcd")));
    assert!(may(&urls(&["/healthz/*"]), get("/healthz/etcd")));
    assert!(!may(&urls(&["/healthz/*"]), get("/healthz")));
    assert!(may(&urls(&["/health*"]), get("/healthz/etcd")));
    assert!(may(&urls(&["/health**"]), get("/healthz")));
    assert!(!may(&urls(&["/*/etcd"]), get("/healthz/etcd")));
    assert!(may(&urls(&["*"]), get("/metrics")));
    let post = Request::NonResource {
        verb: "post",
        path: "/healthz",
    };
    assert!(!may(&urls(&["*"]), post));
    assert!(!may(&urls(&["*"]), ask("get", "", "pods")));
    assert!(!may(&resources(&["*"]), get("/metrics")));
}

#[test]
fn urls_count_through_cluster_role_bindings_only() {
    let healthz = Request::NonResource {
        verb: "get",
        path: "/healthz",
    };
    let rules = json!([{ "verbs": ["*"], "nonResourceURLs": ["*"] }]);
    let bound = |binding| live(&[cluster_role("r", rules.clone()), binding]);
    assert!(may(&bound(everywhere("b", "r", alice())), healthz));
    assert!(!may(&bound(in_shop("b", "ClusterRole", "r", alice())), healthz));
}

#[test]
fn a_role_binding_narrows_a_cluster_role_to_its_namespace() {
    let pods = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods", "nodes"] }]);
    let narrowed = live(&[cluster_role("r", pods), in_shop("b", "ClusterRole", "r", alice())]);
    assert!(may(&narrowed, ask("get", "", "pods")));
    assert!(!may(&narrowed, ask("get", "", "pods").namespace("bank")));
    assert!(!may(&narrowed, ResourceRequest::new("get", "", "pods")));
    assert!(!may(&narrowed, ResourceRequest::new("get", "", "nodes")));
}

#[test]
fn a_role_is_of_its_own_namespace() {
    let pods = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]);
    let rbac = live(&[
        role("r", pods),
        in_shop("b", "Role", "r", alice()),
        in_shop("other", "Role", "r", alice()).namespace("bank"),
    ]);
    assert!(may(&rbac, ask("get", "", "pods")));
    assert!(!may(&rbac, ask("get", "", "pods").namespace("bank")));
}

/// The secrets reader is bound to these subjects, everywhere or in `shop`.
fn reads_secrets(binding: Kind, subjects: Value) -> Rbac {
    let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] }]);
    let binding = match binding {
        Kind::RoleBinding => in_shop("b", "ClusterRole", "r", subjects),
        _ => everywhere("b", "r", subjects),
    };
    live(&[cluster_role("r", rules), binding])
}

fn reads(rbac: &Rbac, name: &str, groups: &[&str]) -> bool {
    by(rbac, &user(name, groups), ask("get", "", "secrets")).is_some()
}

#[test]
fn a_service_account_is_a_user_of_a_certain_name() {
    const WEB: &str = "system:serviceaccount:shop:web";
    let account = json!([{ "kind": "ServiceAccount", "namespace": "shop", "name": "web" }]);
    let as_user = json!([{ "kind": "User", "name": WEB }]);
    for subjects in [account, as_user] {
        let rbac = reads_secrets(Kind::ClusterRoleBinding, subjects);
        assert!(reads(&rbac, WEB, &[]));
        assert!(!reads(&rbac, "web", &[]));
        assert!(!reads(&rbac, "system:serviceaccount:bank:web", &[]));
        let web = Subject::service_account("shop", "web");
        assert_eq!(rbac.grants(&web).count(), 1);
        assert_eq!(rbac.subjects().collect::<Vec<_>>(), [&web]);
    }
}

#[test]
fn who_has_the_same_user_name_is_the_same() {
    let parts = ["", "a", "b:c", ":"];
    for (namespace, name) in parts.iter().flat_map(|ns| parts.map(|name| (*ns, name))) {
        let account = Subject::service_account(namespace, name);
        let user = account.user_name().unwrap();
        assert_eq!(account.identity(), Subject::of_user_name(&user), "{account}");
        assert_eq!(
            Subject::User(user.clone()).identity(),
            Subject::of_user_name(&user)
        );
        assert_eq!(account.identity().user_name(), Some(user));
    }
}

#[test]
fn a_service_account_without_namespace_is_one_of_the_bindings() {
    let subjects = json!([{ "kind": "ServiceAccount", "name": "web" }]);
    let local = reads_secrets(Kind::RoleBinding, subjects.clone());
    assert!(reads(&local, "system:serviceaccount:shop:web", &[]));
    let global = reads_secrets(Kind::ClusterRoleBinding, subjects);
    assert!(!reads(&global, "system:serviceaccount:shop:web", &[]));
    assert!(!reads(&global, "system:serviceaccount::web", &[]));
    let problems: Vec<_> = global.problems().flat_map(|(_, problems)| problems).collect();
    assert_eq!(problems, [&Problem::SubjectWithoutNamespace { subject: 0 }]);
}

#[test]
fn groups_are_those_that_the_user_has() {
    let group = |name: &str| json!([{ "kind": "Group", "name": name }]);
    for name in [
        "system:authenticated",
        "system:serviceaccounts",
        "system:serviceaccounts:shop",
    ] {
        let rbac = reads_secrets(Kind::ClusterRoleBinding, group(name));
        let web = User::of(&Subject::service_account("shop", "web"));
        assert!(reads(&rbac, "whoever", &[name]));
        assert!(by(&rbac, &web, ask("get", "", "secrets")).is_some(), "{name}");
        assert!(!reads(&rbac, name, &[]), "a user named as the group");
    }
    let anonymous = reads_secrets(Kind::ClusterRoleBinding, group("system:unauthenticated"));
    let nobody = User::of(&Subject::User("system:anonymous".into()));
    assert!(by(&anonymous, &nobody, ask("get", "", "secrets")).is_some());
    let somebody = User::of(&Subject::User("alice".into()));
    assert_eq!(by(&anonymous, &somebody, ask("get", "", "secrets")), None);
}

#[test]
fn masters_are_not_asked() {
    let rbac = live(&[]);
    let masters = user("whoever", &["system:masters"]);
    assert_eq!(
        by(&rbac, &masters, ask("get", "", "secrets")).as_deref(),
        Some("superuser")
    );
    assert_eq!(
        by(&rbac, &user("system:masters", &[]), ask("get", "", "secrets")),
        None
    );
}

#[test]
fn the_kind_of_a_subject_decides_and_its_group_does_not() {
    let subjects = json!([
        { "kind": "User", "apiGroup": "circus.example", "name": "alice" },
        { "kind": "user", "name": "bob" },
        { "kind": "Robot", "name": "carol" },
        { "kind": "ServiceAccount", "apiGroup": "rbac.authorization.k8s.io", "namespace": "shop", "name": "web" },
    ]);
    let rbac = reads_secrets(Kind::ClusterRoleBinding, subjects);
    assert!(reads(&rbac, "alice", &[]));
    assert!(!reads(&rbac, "bob", &[]));
    assert!(!reads(&rbac, "carol", &[]));
    assert!(reads(&rbac, "system:serviceaccount:shop:web", &[]));
    let problems: Vec<String> = rbac
        .problems()
        .flat_map(|(_, all)| all)
        .map(Problem::to_string)
        .collect();
    assert_eq!(
        problems,
        [
            "subjects[0]: a subject of group \"circus.example\"",
            "subjects[1]: a subject of kind \"user\"",
            "subjects[2]: a subject of kind \"Robot\"",
            "subjects[3]: a subject of group \"rbac.authorization.k8s.io\"",
        ]
    );
}

#[test]
fn the_kind_of_a_role_decides_and_its_group_does_not() {
    let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] }]);
    let all = |binding| {
        live(&[
            cluster_role("r", rules.clone()),
            role("r", rules.clone()),
            binding,
        ])
    };
    let foreign = json!({ "kind": "ClusterRole", "apiGroup": "circus.example", "name": "r" });
    let rbac = all(everywhere("b", "r", alice()).set("roleRef", foreign));
    assert!(may(&rbac, ask("get", "", "secrets")));
    assert_eq!(rbac.problems().count(), 1);
    for reference in [
        json!({ "kind": "Role", "name": "r" }),
        json!({ "kind": "clusterrole", "name": "r" }),
        json!({ "name": "r" }),
        Value::Null,
    ] {
        let rbac = all(everywhere("b", "r", alice()).set("roleRef", reference.clone()));
        assert!(!may(&rbac, ask("get", "", "secrets")), "{reference}");
        assert_eq!(rbac.problems().count(), 1, "{reference}");
    }
}

#[test]
fn what_is_missing_makes_a_binding_dormant() {
    let account = json!([{ "kind": "ServiceAccount", "name": "web" }]);
    let binding = in_shop("b", "Role", "r", account);
    let asleep = live(std::slice::from_ref(&binding));
    let dormant: Vec<_> = asleep.dormant().collect();
    let role_id = ObjectId {
        kind: Kind::Role,
        namespace: Some("shop".into()),
        name: "r".into(),
    };
    let web = Subject::service_account("shop", "web");
    assert_eq!(dormant.len(), 1);
    assert_eq!(*dormant[0].binding, binding.id());
    assert_eq!(
        dormant[0].lacks,
        [Lack::Role(role_id), Lack::ServiceAccount(web.clone())]
    );
    assert_eq!(asleep.grants(&web).count(), 0);

    let account = written(Kind::ServiceAccount, "web").namespace("shop");
    let awake = live(&[binding, role("r", json!([])), account]);
    assert_eq!(awake.dormant().count(), 0);
    assert_eq!(awake.grants(&web).count(), 1);
}

#[test]
fn rules_with_nothing_in_them_allow_nothing() {
    let rbac = live(&[
        cluster_role(
            "r",
            json!([{}, { "verbs": ["*"] }, { "verbs": ["*"], "apiGroups": ["*"] }]),
        ),
        cluster_role("null", Value::Null),
        everywhere("b", "r", alice()),
    ]);
    assert!(!may(&rbac, ask("get", "", "pods")));
    assert!(!may(&rbac, ask("get", "", "")));
    assert!(!may(
        &rbac,
        Request::NonResource {
            verb: "get",
            path: "/"
        }
    ));
    let problems: Vec<String> = rbac
        .problems()
        .flat_map(|(_, all)| all)
        .map(Problem::to_string)
        .collect();
    assert_eq!(
        problems,
        [
            "rules[0]: verbs are missing",
            "rules[0]: apiGroups are missing",
            "rules[0]: resources are missing",
            "rules[1]: apiGroups are missing",
            "rules[1]: resources are missing",
            "rules[2]: resources are missing",
        ]
    );
}

#[test]
fn equal_rules_are_kept_once() {
    let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]);
    let same = |namespace: &str| role("chart", rules.clone()).namespace(namespace);
    let rbac = live(&[
        same("a"),
        same("b"),
        same("c"),
        cluster_role("chart", rules.clone()),
    ]);
    assert_eq!(rbac.roles().count(), 4);
    assert_eq!(rbac.rule_lists(), 1);
}

/// A cluster role that is put together from those with the label `part: <part>`.
fn aggregated(name: &str, part: &str) -> plumbline_inventory::testing::Manifest {
    let selectors = json!([{ "matchLabels": { "part": part } }]);
    written(Kind::ClusterRole, name).set("aggregationRule.clusterRoleSelectors", selectors)
}

fn reading(name: &str, resource: &str) -> plumbline_inventory::testing::Manifest {
    cluster_role(
        name,
        json!([{ "verbs": ["get"], "apiGroups": [""], "resources": [resource] }]),
    )
}

#[test]
fn offline_aggregated_roles_are_put_together_and_live_they_are_believed() {
    let objects = [
        aggregated("whole", "whole").set("rules", reading("", "configmaps").json()["rules"].clone()),
        aggregated("middle", "middle").label("part", "whole"),
        reading("pods", "pods").label("part", "middle"),
        reading("secrets", "secrets").label("part", "whole"),
        reading("nodes", "nodes").label("part", "else"),
        everywhere("b", "whole", alice()),
    ];
    let readable = |rbac: &Rbac| {
        ["configmaps", "nodes", "pods", "secrets"].map(|resource| may(rbac, ask("get", "", resource)))
    };
    // The controller would replace what is written.
    assert_eq!(readable(&offline(&objects)), [false, false, true, true]);
    assert_eq!(readable(&live(&objects)), [true, false, false, false]);
}

#[test]
fn roles_are_put_together_through_any_number_of_others() {
    for names in [["a", "b", "c", "d"], ["d", "c", "b", "a"], ["b", "d", "a", "c"]] {
        let mut objects = vec![reading("pods", "pods").label("part", names[3])];
        objects.push(aggregated(names[0], names[0]));
        objects.extend(
            names
                .windows(2)
                .map(|pair| aggregated(pair[1], pair[1]).label("part", pair[0])),
        );
        objects.push(everywhere("b", names[0], alice()));
        assert!(may(&offline(&objects), ask("get", "", "pods")), "{names:?}");
    }
}

#[test]
fn roles_that_aggregate_each_other_have_the_same_rules() {
    let rbac = offline(&[
        aggregated("a", "a").label("part", "b"),
        aggregated("b", "b").label("part", "a"),
        aggregated("self", "self").label("part", "self"),
        reading("pods", "pods").label("part", "a"),
        everywhere("b", "b", alice()),
    ]);
    assert!(may(&rbac, ask("get", "", "pods")));
    let self_made = ObjectId {
        kind: Kind::ClusterRole,
        namespace: None,
        name: "self".into(),
    };
    assert!(rbac.rules(&self_made).unwrap().written().is_empty());
}

#[test]
fn an_invalid_selector_is_named_and_leaves_what_is_written() {
    let selectors = json!([{ "matchExpressions": [{ "key": "part", "operator": "Like" }] }]);
    let broken = reading("broken", "pods").set("aggregationRule.clusterRoleSelectors", selectors);
    let rbac = offline(&[
        broken,
        reading("secrets", "secrets").label("part", "x"),
        written(Kind::ClusterRole, "none").set("aggregationRule", json!({})),
        everywhere("b", "broken", alice()),
    ]);
    assert!(may(&rbac, ask("get", "", "pods")));
    assert!(!may(&rbac, ask("get", "", "secrets")));
    let problems: Vec<String> = rbac
        .problems()
        .flat_map(|(_, all)| all)
        .map(Problem::to_string)
        .collect();
    assert_eq!(
        problems,
        [
            "aggregationRule.clusterRoleSelectors[0]: part: unknown operator \"Like\"",
            "aggregationRule: clusterRoleSelectors are missing",
        ]
    );
}

#[test]
fn a_role_is_latent_unless_somebody_has_its_rules() {
    let names = |rbac: &Rbac| -> Vec<String> { rbac.latent_roles().map(|id| id.name.to_string()).collect() };
    let objects = [
        reading("bound", "pods"),
        reading("loose", "pods"),
        reading("part", "pods").label("part", "middle"),
        aggregated("middle", "middle").label("part", "whole"),
        aggregated("whole", "whole"),
        everywhere("b", "bound", alice()),
        everywhere("nobody", "loose", json!([])),
    ];
    assert_eq!(names(&offline(&objects)), ["loose", "middle", "part", "whole"]);
    let mut objects = objects.to_vec();
    objects.push(everywhere("w", "whole", alice()));
    assert_eq!(names(&offline(&objects)), ["loose"]);
    assert_eq!(names(&live(&objects)), ["loose"]);
}

#[test]
fn who_can_lists_subjects_as_they_are_bound() {
    let dev = json!([{ "kind": "Group", "name": "dev" }, { "kind": "User", "name": "alice" }]);
    let named = json!([{
        "verbs": ["get", "deletecollection"], "apiGroups": [""], "resources": ["secrets"],
        "resourceNames": ["token"],
    }]);
    let rbac = live(&[
        reading("reader", "secrets"),
        role("one", named),
        everywhere("all", "reader", dev),
        in_shop("here", "ClusterRole", "reader", alice()),
        in_shop(
            "narrow",
            "Role",
            "one",
            json!([{ "kind": "ServiceAccount", "name": "web" }]),
        ),
        in_shop("dangling", "Role", "none", alice()),
    ]);
    let lines = |request: ResourceRequest<'_>| {
        let answer = rbac.who_can(&request.into());
        [answer.subjects, answer.limited].map(|holders| {
            let line = |holder: &crate::Holder| {
                let via: Vec<String> = holder
                    .via
                    .iter()
                    .map(|via| format!("{}{:?}", via.binding.name, via.names))
                    .collect();
                format!("{}: {}", holder.subject, via.join(" "))
            };
            holders.iter().map(line).collect::<Vec<_>>()
        })
    };
    let everywhere = ["User alice: all[]", "Group dev: all[]"]
        .map(str::to_owned)
        .to_vec();
    let here = ["User alice: here[] all[]", "Group dev: all[]"]
        .map(str::to_owned)
        .to_vec();
    let web = |names: &str| vec![format!("ServiceAccount shop/web: narrow{names}")];
    assert_eq!(
        lines(ResourceRequest::new("get", "", "secrets")),
        [everywhere, vec![]]
    );
    assert_eq!(
        lines(ask("get", "", "secrets")),
        [here.clone(), web("[\"token\"]")]
    );
    assert_eq!(
        lines(ask("get", "", "secrets").name("other")),
        [here.clone(), vec![]]
    );
    let named = [here, web("[]")].concat();
    assert_eq!(lines(ask("get", "", "secrets").name("token")), [named, vec![]]);
    // What is deleted as a collection has no name.
    assert_eq!(
        lines(ask("deletecollection", "", "secrets")),
        [vec![], Vec::<String>::new()]
    );
}
