//! AU-03a.

use std::collections::BTreeSet;

use plumbline_inventory::{Kind, ObjectId};
use plumbline_rbac::subject::MASTERS;
use plumbline_rbac::{Level, Subject};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Nobody is given rights under a user name that several people can go by.
    ///
    /// ## Why it matters
    ///
    /// The audit log knows a person by the user name. Behind `admin` or `developer` nobody sees who acted, and the
    /// credentials of such an account stay valid when one of those who know them leaves.
    ///
    /// ## How it decides
    ///
    /// Looked at are the users that role bindings and cluster role bindings name. Groups are left out: who is in
    /// them is the business of the identity provider. So are the components of the control plane, the subjects in
    /// `spec.trustedControllers`, and the bindings that Kubernetes and kubeadm bring, recognised by content.
    ///
    /// - `Fail`, reason `GenericUserName`: a user whose name consists of generic words only is bound to a role that
    ///   lets it do more than read, or read secrets. Case does not matter; what an identity provider puts before a
    ///   name (up to the last `:`, `/` or `#`) and what follows `@` do not count. The name is split at `-`, `_` and
    ///   `.`, and digits at the end of a word are left out. A name of digits only is personal. The generic words
    ///   are `account`, `admin`, `administrator`, `administrators`, `admins`, `build`, `builder`, `cd`, `ci`,
    ///   `cluster`, `common`, `default`, `demo`, `deploy`, `deployer`, `dev`, `developer`, `developers`, `devops`,
    ///   `devs`, `generic`, `guest`, `k8s`, `kube`, `kubernetes`, `operations`, `operator`, `ops`, `qa`, `root`,
    ///   `shared`, `staging`, `superuser`, `support`, `sysadmin`, `team`, `temp`, `test`, `tester`, `testing`,
    ///   `user`, `users`.
    /// - `Fail`, reason `SharedAdministrator`: a cluster role binding names the user `kubernetes-admin` or the group
    ///   `system:masters`, whatever role it binds. The binding `cluster-admin` as Kubernetes makes it is left out.
    /// - `NeedsAttestation`: neither is found. Whether each account belongs to one person the API does not show.
    ///
    /// A binding whose role does not exist grants nothing and is left out; so is one in a namespace that is being
    /// deleted. The numbers count the bindings of users, and the cluster as one.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: RoleBinding
    /// roleRef: {kind: ClusterRole, name: edit}
    /// subjects:
    /// - {kind: User, name: "oidc:developer"}     # Fail
    /// - {kind: User, name: "oidc:a.lovelace"}    # says whose it is
    /// ```
    ///
    /// ## How to fix
    ///
    /// Bind a group of the identity provider, or each person by their own user name, and take the shared name out
    /// of the binding. Keep `kubernetes-admin` and certificates of `system:masters` for emergencies.
    id: "AU-03a",
    slug: "shared-user-accounts",
    title: "User accounts are personal",
    section: Authentication,
    level: Required,
    severity: Medium,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::RIGHTS,
    optional: &[],
    failing: ("is for a shared account", "are for shared accounts"),
    remediation: "Bind a group of the identity provider, or each person by their own user name, instead of an account that people share.",
    references: ["CIS 5.1.7", "Kubescape C-0246"],
    systems: [],
    checks: [Check::Cluster(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut looked_at = BTreeSet::new();
    // Users come before groups.
    let users = context.rbac.users_and_groups();
    for user in users.take_while(|subject| matches!(subject, Subject::User(_))) {
        if user.is_of_people() && !context.parameters.trusts(user) {
            check_user(user, context, &mut looked_at, findings);
        }
    }
    let masters = Subject::Group(MASTERS.into());
    for binding in bindings(&masters, context).filter(|binding| binding.namespace.is_none()) {
        looked_at.insert(binding);
        shared_administrator(binding, &masters, context, findings);
    }
    findings.evaluate(1 + looked_at.len() as u32);
    findings.note(format!("{} bindings of users looked at", looked_at.len()));
}

fn check_user<'a>(
    user: &'a Subject,
    context: &Context<'a>,
    looked_at: &mut BTreeSet<&'a ObjectId>,
    findings: &mut Findings,
) {
    let Subject::User(name) = user else { return };
    let is_generic = is_generic(name);
    for binding in bindings(user, context) {
        looked_at.insert(binding);
        if **name == *"kubernetes-admin" && binding.namespace.is_none() {
            shared_administrator(binding, user, context, findings);
        } else if is_generic && context.rbac.level(binding) > Level::View {
            let role = context.rbac.role_of(binding);
            let message = format!("user name {name} is nobody's own");
            findings.grant(binding, user, role, "GenericUserName", message);
        }
    }
}

fn shared_administrator(
    binding: &ObjectId,
    subject: &Subject,
    context: &Context<'_>,
    findings: &mut Findings,
) {
    let message = format!("{subject} is for the administrator whom kubeadm sets up, and for emergencies");
    let role = context.rbac.role_of(binding);
    findings.grant(binding, subject, role, "SharedAdministrator", message);
}

/// The bindings of a subject that somebody has made.
fn bindings<'a>(subject: &'a Subject, context: &Context<'a>) -> impl Iterator<Item = &'a ObjectId> {
    let context = *context;
    let bindings = context.rbac.bindings_naming(subject);
    bindings.filter(move |binding| context.is_made(binding))
}

/// Words that name nobody; the documentation lists them.
const GENERIC: [&str; 42] = [
    "account",
    "admin",
    "administrator",
    "administrators",
    "admins",
    "build",
    "builder",
    "cd",
    "ci",
    "cluster",
    "common",
    "default",
    "demo",
    "deploy",
    "deployer",
    "dev",
    "developer",
    "developers",
    "devops",
    "devs",
    "generic",
    "guest",
    "k8s",
    "kube",
    "kubernetes",
    "operations",
    "operator",
    "ops",
    "qa",
    "root",
    "shared",
    "staging",
    "superuser",
    "support",
    "sysadmin",
    "team",
    "temp",
    "test",
    "tester",
    "testing",
    "user",
    "users",
];

fn is_generic(user: &str) -> bool {
    let name = user.rsplit([':', '/', '#']).next().unwrap_or(user);
    let name = name.split('@').next().unwrap_or(name).to_lowercase();
    let mut words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let is_personal = words.clone().all(is_number);
    let is_known = |word: &str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        letters.is_empty() || GENERIC.contains(&word) || GENERIC.contains(&letters)
    };
    !is_personal && words.all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("personal names, numbers among them, and groups", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admins}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: 'oidc:a.lovelace@example.com'}, {kind: User, name: '0042'}, {kind: Group, name: admin}]"),
            ("a generic name that may only look, or that is bound to nothing that exists", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: lookers}
roleRef: {kind: ClusterRole, name: view}
subjects: [{kind: User, name: test}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: nothing, namespace: shop}
roleRef: {kind: Role, name: gone}
subjects: [{kind: User, name: test}]"),
            ("what Kubernetes and kubeadm bring, and the users of components", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-admin}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'system:masters'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'kubeadm:cluster-admins'}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'kubeadm:cluster-admins'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: more}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: 'system:kube-scheduler'}, {kind: User, name: 'system:node:admin'}]"),
            ("a controller that the baseline trusts, and a service account of that name", "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deploy, namespace: shop}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: User, name: build-ci}, {kind: ServiceAccount, name: admin}]"),
            ("nothing is bound to anybody", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
        ],
        fail: &[
            ("generic names, however an identity provider writes them", "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: developers, namespace: shop}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: User, name: 'oidc:Developer'}, {kind: User, name: 'shared-dev-2@example.com'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: root}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: 'https://login.example.com/realms/main#root'}]",
            &["RoleBinding developers: GenericUserName", "RoleBinding developers: GenericUserName",
              "ClusterRoleBinding root: GenericUserName"]),
            ("a role that reads secrets, or opens a shell by get", "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: secrets, namespace: shop}
rules: [{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [db]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: shell, namespace: shop}
rules: [{verbs: [get], apiGroups: [''], resources: [pods/exec]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: one, namespace: shop}
roleRef: {kind: Role, name: secrets}
subjects: [{kind: User, name: ci}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: two, namespace: shop}
roleRef: {kind: Role, name: shell}
subjects: [{kind: User, name: ci}]",
            &["RoleBinding one: GenericUserName", "RoleBinding two: GenericUserName"]),
            ("kubernetes-admin and system:masters, whatever they are bound to", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {kind: ClusterRole, name: view}
subjects: [{kind: User, name: kubernetes-admin}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {kind: ClusterRole, name: view}
subjects: [{kind: Group, name: 'system:masters'}]",
            &["ClusterRoleBinding a: SharedAdministrator", "ClusterRoleBinding b: SharedAdministrator"]),
            ("a default binding that somebody has changed", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-admin}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'system:masters'}, {kind: User, name: test1}]",
            &["ClusterRoleBinding cluster-admin: SharedAdministrator", "ClusterRoleBinding cluster-admin: GenericUserName"]),
        ],
        parameters: Some(|| Parameters {
            trusted_controllers: [Subject::User("build-ci".into())].into(),
            ..Parameters::default()
        }),
        ..Cases::NONE
    };

    #[test]
    fn one_word_that_names_somebody_is_enough() {
        for name in [
            "admin",
            "CI",
            "test-user-2",
            "oidc:admin@corp.example",
            "kube_admin",
            "dev.ops",
            "root0",
        ] {
            assert!(is_generic(name), "{name}");
        }
        for name in [
            "alice",
            "1234",
            "00-42",
            "",
            "admin-alice",
            "dev.lovelace",
            "test@alice:bob",
            "citizen",
        ] {
            assert!(!is_generic(name), "{name}");
        }
    }

    #[test]
    fn the_list_is_published_and_in_order() {
        assert!(GENERIC.is_sorted());
        for word in GENERIC {
            assert!(
                ITEM.docs.contains(&format!("`{word}`")),
                "{word} is not in the documentation"
            );
        }
    }
}
