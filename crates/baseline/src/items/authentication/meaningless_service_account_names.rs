//! AU-03b.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Kind, Name};
use plumbline_rbac::Subject;

use crate::items::item;
use crate::{Check, Context, Findings, ObjectRef};

item! {
    /// ## What it checks
    ///
    /// The names of service accounts say what the accounts are for.
    ///
    /// ## Why it matters
    ///
    /// Audit logs and role bindings know an account by its name. Behind `app-sa` or `default` nobody sees which
    /// program acted, and nobody dares to take a right away from it.
    ///
    /// ## How it decides
    ///
    /// The namespace fails if one of its service accounts, or one that an active workload there names, does.
    ///
    /// - `Fail`, reason `DefaultServiceAccountUsed`: an active workload runs as `default`. The account itself is
    ///   in every namespace and fails only if something uses it. Mirror pods have no account.
    /// - `Fail`, reason `MeaninglessName`: the name consists of meaningless words only. It is split at `-` and
    ///   `.`; digits at the end of a word, words of digits, and a random suffix (five characters, or eight to ten,
    ///   of those that Kubernetes makes up names from, or six and more hexadecimal ones, with a digit among them)
    ///   are left out. The meaningless words are `a`, `abc`, `account`, `accounts`, `acct`, `any`, `app`,
    ///   `application`, `applications`, `apps`, `appsa`, `appuser`, `asdf`, `bar`, `baz`, `container`, `default`,
    ///   `demo`, `dummy`, `example`, `foo`, `generic`, `k8s`, `kube`, `kubernetes`, `my`, `myaccount`, `myapp`,
    ///   `mysa`, `myservice`, `myserviceaccount`, `myuser`, `name`, `namespace`, `new`, `object`, `old`, `our`,
    ///   `pod`, `pods`, `qwerty`, `robot`, `sa`, `sample`, `sas`, `service`, `serviceaccount`, `serviceaccounts`,
    ///   `services`, `some`, `something`, `svc`, `svcaccount`, `temp`, `temporary`, `test`, `testaccount`,
    ///   `testapp`, `testing`, `tests`, `testsa`, `testuser`, `the`, `thing`, `tmp`, `user`, `username`, `users`,
    ///   `v`, `workload`, `workloads`, `x`, `xx`, `xxx`, `y`, `z`.
    /// - One meaningful word is enough: `payments-sa` and `test-runner` pass. Whether it is the right word, nobody
    ///   can tell.
    /// - `NotApplicable`: no service account but an unused `default`.
    ///
    /// What an account is for does not show either where it acts for several systems and nobody is named as its
    /// owner:
    ///
    /// - `Fail`, reason `GrantsInUnrelatedNamespaces`: role bindings give the account roles in two or more namespaces
    ///   that are related neither to its own nor to each other, and the account names no owner. Namespaces are
    ///   related if the first of `spec.systemLabels` among their labels has the same value; one that has none is
    ///   related to itself only. An owner is named by a label or annotation of the account:
    ///   `app.kubernetes.io/part-of`, `app.kubernetes.io/managed-by`, or any key whose last word is `owner` or `team`
    ///   (`owner`, `example.com/team`, `service-owner`). Rights in all namespaces at once, and accounts that do not
    ///   exist, are the business of AZ-02.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: ServiceAccount
    /// metadata: {name: my-app-sa-2}        # Fail
    /// ---
    /// kind: ServiceAccount
    /// metadata: {name: invoice-mailer}     # Pass
    /// ```
    ///
    /// ## How to fix
    ///
    /// Create an account named after the program and its task, bind the same roles to it, change
    /// `serviceAccountName`, and delete the old account. Give an account that has to act in many namespaces an owner,
    /// as a label.
    id: "AU-03b",
    slug: "meaningless-service-account-names",
    title: "Service account names reflect what the account is for",
    section: Authentication,
    level: Required,
    severity: Low,
    class: A,
    scope: Namespace,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<15>(&[
        Kind::Namespace, Kind::ServiceAccount,
        Kind::Role, Kind::RoleBinding, Kind::ClusterRole, Kind::ClusterRoleBinding,
    ]),
    optional: &[],
    failing: ("has service accounts whose purpose does not show", "have service accounts whose purpose does not show"),
    remediation: "Name the service account after the program and its task, move the workload and its role bindings to it, and label the account with its owner.",
    references: ["kube-linter default-service-account"],
    systems: [],
    checks: [Check::Namespace(check)],
}

fn check(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let users = users(namespace);
    let existing = namespace.service_accounts().map(|(name, _)| name);
    let mut in_scope = false;
    for account in existing.filter(|name| !users.contains_key(*name) && ***name != *"default") {
        in_scope = true;
        check_account(namespace, account, None, findings);
    }
    for (account, user) in &users {
        in_scope = true;
        check_account(namespace, account, Some(user), findings);
    }
    in_scope |= check_grants(namespace, context, findings);
    if !in_scope {
        findings.not_applicable();
    }
}

/// Looks for accounts with grants in unrelated namespaces, and tells whether there are any.
fn check_grants(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) -> bool {
    let mut found = false;
    for account in context.rbac.bound_service_accounts(namespace.name()) {
        let Subject::ServiceAccount { name, .. } = account else {
            continue;
        };
        let facts = context.inventory.service_account(namespace.name(), name);
        if facts.is_none_or(|facts| facts.owner.is_some()) {
            continue;
        }
        let strangers = unrelated(namespace.name(), account, context);
        if let [first, second, ..] = strangers.as_slice() {
            found = true;
            let message =
                format!("has grants in namespaces {first} and {second}, and nothing says whose it is");
            findings.other(object(namespace, name), "GrantsInUnrelatedNamespaces", message);
        }
    }
    found
}

/// One namespace of each system in which `account` has grants, that of its own `home` left out.
fn unrelated<'a>(home: &Name, account: &Subject, context: &Context<'a>) -> Vec<&'a Name> {
    let system = |namespace: &'a Name| {
        let named = context.parameters.system_of(namespace, context.inventory);
        named.ok_or(namespace)
    };
    let own = context.parameters.system_of(home, context.inventory);
    let mut known = BTreeSet::new();
    let places = context.rbac.grants(account).filter_map(|grant| grant.namespace());
    places
        .filter(|place| *place != home && (own.is_none() || system(place).ok() != own))
        .filter(|place| known.insert(system(place)))
        .collect()
}

fn object(namespace: NamespaceView<'_>, account: &Name) -> ObjectRef {
    ObjectRef {
        namespace: Some(Name::clone(namespace.name())),
        kind: Kind::ServiceAccount,
        name: Name::clone(account),
    }
}

/// Accounts that active workloads run as, with the first of these.
fn users(namespace: NamespaceView<'_>) -> BTreeMap<&Name, String> {
    let mut users = BTreeMap::new();
    for workload in namespace.workloads() {
        if !workload.is_active() || workload.is_mirror_pod() {
            continue;
        }
        for deciding in workload.deciding() {
            users
                .entry(&deciding.template.service_account)
                .or_insert_with(|| format!("{} {}", workload.kind(), workload.name()));
        }
    }
    users
}

fn check_account(namespace: NamespaceView<'_>, name: &Name, user: Option<&String>, findings: &mut Findings) {
    let object = object(namespace, name);
    match user {
        Some(user) if **name == *"default" => {
            findings.other(object, "DefaultServiceAccountUsed", format!("{user} runs as it"));
        }
        _ if is_meaningless(name) => {
            findings.other(
                object,
                "MeaninglessName",
                format!("name {name} says nothing about its use"),
            );
        }
        _ => {}
    }
}

/// Words that say nothing about what an account is for; the documentation lists them.
const MEANINGLESS: [&str; 76] = [
    "a",
    "abc",
    "account",
    "accounts",
    "acct",
    "any",
    "app",
    "application",
    "applications",
    "apps",
    "appsa",
    "appuser",
    "asdf",
    "bar",
    "baz",
    "container",
    "default",
    "demo",
    "dummy",
    "example",
    "foo",
    "generic",
    "k8s",
    "kube",
    "kubernetes",
    "my",
    "myaccount",
    "myapp",
    "mysa",
    "myservice",
    "myserviceaccount",
    "myuser",
    "name",
    "namespace",
    "new",
    "object",
    "old",
    "our",
    "pod",
    "pods",
    "qwerty",
    "robot",
    "sa",
    "sample",
    "sas",
    "service",
    "serviceaccount",
    "serviceaccounts",
    "services",
    "some",
    "something",
    "svc",
    "svcaccount",
    "temp",
    "temporary",
    "test",
    "testaccount",
    "testapp",
    "testing",
    "tests",
    "testsa",
    "testuser",
    "the",
    "thing",
    "tmp",
    "user",
    "username",
    "users",
    "v",
    "workload",
    "workloads",
    "x",
    "xx",
    "xxx",
    "y",
    "z",
];

fn is_meaningless(name: &str) -> bool {
    let mut words: Vec<&str> = name.split(['-', '.']).filter(|word| !word.is_empty()).collect();
    if words.len() > 1 {
        words.pop_if(|last| is_random(last));
    }
    words.iter().all(|word| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        letters.is_empty() || MEANINGLESS.contains(word) || MEANINGLESS.contains(&letters)
    })
}

/// A suffix as Kubernetes makes them up (`rand.SafeEncodeString`, template hashes), or a piece of a hash.
fn is_random(word: &str) -> bool {
    let safe = |c: char| "bcdfghjklmnpqrstvwxz2456789".contains(c);
    let has_digit = word.contains(|c: char| c.is_ascii_digit());
    let made_up = matches!(word.len(), 5 | 8..=10) && word.chars().all(safe);
    let hexadecimal = word.len() >= 6 && word.chars().all(|c| c.is_ascii_hexdigit());
    has_digit && (made_up || hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cases;

    /// Three namespaces, and a role in each that `binder` has.
    macro_rules! binder {
        ($account:literal, $bank:literal, $shop:literal) => {
            concat!(
                "{apiVersion: v1, kind: ServiceAccount, metadata: {name: binder, namespace: tools", $account, "}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {app.kubernetes.io/part-of: ", $bank, "}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {app.kubernetes.io/part-of: ", $shop, "}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: tools, labels: {app.kubernetes.io/part-of: tools}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}, rules: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r, namespace: bank}, roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: binder, namespace: tools}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r, namespace: shop}, roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: User, name: 'system:serviceaccount:tools:binder'}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r, namespace: tools}, roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: binder}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: r}, roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: binder, namespace: tools}]}"
            )
        };
    }

    pub(super) const CASES: Cases = Cases {
        pass: &[
            (
                "grants in namespaces of two systems, with an owner as a label",
                binder!(", labels: {example.com/service-owner: ops}", "bank", "shop"),
            ),
            (
                "an owner as an annotation",
                binder!(", annotations: {team: ops}", "bank", "shop"),
            ),
            (
                "grants in two namespaces of one system",
                binder!("", "shop", "shop"),
            ),
            (
                "grants in one namespace of another system besides those of its own",
                binder!("", "bank", "tools"),
            ),
            (
                "names that say something, and a default that nothing uses",
                "
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: invoice-mailer, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {serviceAccountName: payments-sa, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stopped, namespace: shop}
spec: {replicas: 0, template: {spec: {containers: [{name: a, image: 'a:1'}]}}}",
            ),
        ],
        fail: &[
            (
                "grants in namespaces of two systems, and no owner but an empty one",
                binder!(", labels: {team: ''}", "bank", "shop"),
                &["ServiceAccount binder: GrantsInUnrelatedNamespaces"],
            ),
            (
                "grants in two namespaces of which nobody knows the system",
                binder!("", "''", "''"),
                &["ServiceAccount binder: GrantsInUnrelatedNamespaces"],
            ),
            (
                "a workload that names no account runs as default",
                "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}",
                &["ServiceAccount default: DefaultServiceAccountUsed"],
            ),
            (
                "meaningless names, of accounts that exist and of ones that are only named",
                "
{apiVersion: v1, kind: ServiceAccount, metadata: {name: my-sa, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {serviceAccountName: test-2, containers: [{name: a, image: 'a:1'}]}",
                &[
                    "ServiceAccount my-sa: MeaninglessName",
                    "ServiceAccount test-2: MeaninglessName",
                ],
            ),
        ],
        not_applicable: &[(
            "nothing but a default that nothing uses, mirror pods aside",
            "
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: etcd-cp, namespace: shop, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: a, image: 'a:1'}]}",
        )],
        ..Cases::NONE
    };

    #[test]
    fn one_meaningful_word_is_enough() {
        for name in [
            "sa",
            "test",
            "tmp",
            "app",
            "service",
            "account",
            "user",
            "my-sa",
            "app-1",
            "app1",
            "sa-2",
            "my-app-sa",
            "service-account-7f9c4",
            "app-6d4cf56db6",
            "test.user",
            "123",
            "app-deadbeef01",
            "k8s-sa",
            "foo-bar",
            "workload-v2",
            "test-user-x7k2p",
        ] {
            assert!(is_meaningless(name), "{name}");
        }
        for name in [
            "payments",
            "payments-sa",
            "test-runner",
            "app-mailer",
            "s3-sa",
            "ec2",
            "x7k2p",
            "grafana",
            "deployer",
            "build-bot",
            "app-grpcs",
            "user-service-db",
            "coredns",
            "nginx-ingress",
            "node-exporter",
            "sap",
        ] {
            assert!(!is_meaningless(name), "{name}");
        }
    }

    #[test]
    fn the_list_is_published_and_in_order() {
        assert!(MEANINGLESS.is_sorted());
        for word in MEANINGLESS {
            assert!(
                ITEM.docs.contains(&format!("`{word}`")),
                "{word} is not in the documentation"
            );
        }
    }
}
