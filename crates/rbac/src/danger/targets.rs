//! Which requests a danger consists in.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Danger;
use Danger as D;
use Reach::{Cluster, Namespace, System};

/// The namespace of the cluster's own workloads.
pub(crate) const KUBE_SYSTEM: &str = "kube-system";

/// Where a right has to be granted to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everywhere only: the resource is in no namespace, so that a role binding grants nothing.
    Cluster,
    /// In a namespace too.
    Namespace,
    /// In namespace kube-system, or everywhere.
    System,
}

/// Requests that a danger consists in.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The danger.
    pub danger: Danger,
    /// Any of these verbs.
    pub verbs: &'static [&'static str],
    /// The API group.
    pub group: &'static str,
    /// A resource or `resource/subresource`; [`Target::ANY`] for whatever the group has.
    pub resource: &'static str,
    /// Where it does something.
    pub reach: Reach,
}

impl Target {
    /// Any resource of a group that the rule names itself.
    pub const ANY: &'static str = "*";
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch"];
/// What is dangerous to take away, too.
const ALTER: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const REPLACE: &[&str] = &["update", "patch", "delete", "deletecollection"];
const MODIFY: &[&str] = &["update", "patch"];
const CREATE: &[&str] = &["create"];
/// Up to 1.34 a web socket was opened by `get`.
const CONNECT: &[&str] = &["create", "get"];
/// The methods of HTTP.
const REQUEST: &[&str] = &["get", "create", "update", "patch", "delete"];
const DELETE: &[&str] = &["delete", "deletecollection"];

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
const POLICY: &str = "policy.networking.k8s.io";
const OWN: &str = "compliance.plumbline.dev";

const fn target(
    danger: Danger,
    verbs: &'static [&'static str],
    group: &'static str,
    resource: &'static str,
    reach: Reach,
) -> Target {
    Target {
        danger,
        verbs,
        group,
        resource,
        reach,
    }
}

/// The requests that dangers consist in; none for dangers that are a matter of how a rule is written.
#[cfg(test)]
pub(crate) fn targets() -> &'static [Target] {
    TARGETS
}

/// Targets by their resource: a rule has few resources, and most of them are nobody's target.
static BY_RESOURCE: LazyLock<HashMap<&'static str, Vec<&'static Target>>> = LazyLock::new(|| {
    let mut by_resource = HashMap::<_, Vec<_>>::new();
    for target in TARGETS {
        by_resource.entry(target.resource).or_default().push(target);
    }
    by_resource
});

/// The targets that a rule for these resources may be about.
pub(super) fn targets_of(resources: &[String]) -> Vec<&'static Target> {
    if resources.iter().any(|resource| resource.starts_with('*')) {
        return TARGETS.iter().collect();
    }
    let words = resources.iter().map(String::as_str).chain([Target::ANY]);
    words
        .filter_map(|word| BY_RESOURCE.get(word))
        .flatten()
        .copied()
        .collect()
}

static TARGETS: &[Target] = &[
    target(D::ReadSecrets, READ, "", "secrets", Namespace),
    target(D::CreatePods, CREATE, "", "pods", Namespace),
    target(
        D::CreatePodControllers,
        WRITE,
        "",
        "replicationcontrollers",
        Namespace,
    ),
    target(D::CreatePodControllers, WRITE, "apps", "deployments", Namespace),
    target(D::CreatePodControllers, WRITE, "apps", "daemonsets", Namespace),
    target(D::CreatePodControllers, WRITE, "apps", "statefulsets", Namespace),
    target(D::CreatePodControllers, WRITE, "apps", "replicasets", Namespace),
    target(D::CreatePodControllers, WRITE, "batch", "jobs", Namespace),
    target(D::CreatePodControllers, WRITE, "batch", "cronjobs", Namespace),
    target(D::ExecIntoPods, CONNECT, "", "pods/exec", Namespace),
    target(D::AttachToPods, CONNECT, "", "pods/attach", Namespace),
    target(D::ForwardPorts, CONNECT, "", "pods/portforward", Namespace),
    target(
        D::AddEphemeralContainers,
        MODIFY,
        "",
        "pods/ephemeralcontainers",
        Namespace,
    ),
    target(D::ProxyToPods, REQUEST, "", "pods/proxy", Namespace),
    target(D::ProxyToPods, REQUEST, "", "services/proxy", Namespace),
    target(D::ProxyToNodes, REQUEST, "", "nodes/proxy", Cluster),
    target(D::CreateTokens, CREATE, "", "serviceaccounts/token", Namespace),
    target(D::EscalateRoles, &["escalate"], RBAC, "roles", Namespace),
    target(D::EscalateRoles, &["escalate"], RBAC, "clusterroles", Cluster),
    // Asked in the namespace of the binding, for cluster roles too.
    target(D::BindRoles, &["bind"], RBAC, "roles", Namespace),
    target(D::BindRoles, &["bind"], RBAC, "clusterroles", Namespace),
    target(D::WriteBindings, WRITE, RBAC, "rolebindings", Namespace),
    target(D::WriteBindings, WRITE, RBAC, "clusterrolebindings", Cluster),
    target(D::WriteRoles, WRITE, RBAC, "roles", Namespace),
    target(D::WriteRoles, WRITE, RBAC, "clusterroles", Cluster),
    target(
        D::CertificateApproval,
        MODIFY,
        CERTIFICATES,
        "certificatesigningrequests/approval",
        Cluster,
    ),
    target(D::SignerApproval, &["approve"], CERTIFICATES, "signers", Cluster),
    target(
        D::WriteMutatingWebhooks,
        ALTER,
        ADMISSION,
        "mutatingwebhookconfigurations",
        Cluster,
    ),
    target(
        D::WriteValidatingWebhooks,
        ALTER,
        ADMISSION,
        "validatingwebhookconfigurations",
        Cluster,
    ),
    target(
        D::WriteMutatingPolicies,
        ALTER,
        ADMISSION,
        "mutatingadmissionpolicies",
        Cluster,
    ),
    target(
        D::WriteMutatingPolicies,
        ALTER,
        ADMISSION,
        "mutatingadmissionpolicybindings",
        Cluster,
    ),
    target(
        D::WriteValidatingPolicies,
        ALTER,
        ADMISSION,
        "validatingadmissionpolicies",
        Cluster,
    ),
    target(
        D::WriteValidatingPolicies,
        ALTER,
        ADMISSION,
        "validatingadmissionpolicybindings",
        Cluster,
    ),
    target(
        D::CreatePersistentVolumes,
        CREATE,
        "",
        "persistentvolumes",
        Cluster,
    ),
    // A namespace is in itself: `/api/v1/namespaces/shop` is asked in shop.
    target(D::WriteNamespaces, MODIFY, "", "namespaces", Namespace),
    target(D::WriteSystemConfigMaps, ALTER, "", "configmaps", System),
    target(D::WriteNodes, WRITE, "", "nodes", Cluster),
    target(D::WriteNodes, MODIFY, "", "nodes/status", Cluster),
    target(D::WritePodStatus, MODIFY, "", "pods/status", Namespace),
    target(
        D::WriteApiServices,
        ALTER,
        "apiregistration.k8s.io",
        "apiservices",
        Cluster,
    ),
    target(
        D::WriteCustomResourceDefinitions,
        ALTER,
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        Cluster,
    ),
    target(
        D::WriteEndpoints,
        WRITE,
        "discovery.k8s.io",
        "endpointslices",
        Namespace,
    ),
    target(D::WriteEndpoints, WRITE, "", "endpoints", Namespace),
    target(
        D::WriteNetworkPolicies,
        ALTER,
        "networking.k8s.io",
        "networkpolicies",
        Namespace,
    ),
    target(
        D::WriteNetworkPolicies,
        ALTER,
        POLICY,
        "adminnetworkpolicies",
        Cluster,
    ),
    target(
        D::WriteNetworkPolicies,
        ALTER,
        POLICY,
        "baselineadminnetworkpolicies",
        Cluster,
    ),
    target(
        D::WriteNetworkPolicies,
        ALTER,
        POLICY,
        "clusternetworkpolicies",
        Cluster,
    ),
    target(D::DeleteEvents, DELETE, "", "events", Namespace),
    target(D::DeleteEvents, DELETE, "events.k8s.io", "events", Namespace),
    target(D::ApproveWaivers, CREATE, OWN, "complianceapprovals", Namespace),
    target(
        D::ApproveWaivers,
        CREATE,
        OWN,
        "clustercomplianceapprovals",
        Cluster,
    ),
    target(D::AttestItems, WRITE, OWN, "complianceattestations", Cluster),
    // One that is created beside others changes nobody's verdict: it has reports of its own.
    target(D::WriteBaselines, REPLACE, OWN, "compliancebaselines", Cluster),
    target(D::WritePolicyEngines, ALTER, "kyverno.io", Target::ANY, Namespace),
    target(
        D::WritePolicyEngines,
        ALTER,
        "policies.kyverno.io",
        Target::ANY,
        Namespace,
    ),
    target(
        D::WritePolicyEngines,
        ALTER,
        "policies.kubewarden.io",
        Target::ANY,
        Namespace,
    ),
    target(
        D::WritePolicyEngines,
        ALTER,
        "templates.gatekeeper.sh",
        Target::ANY,
        Cluster,
    ),
    target(
        D::WritePolicyEngines,
        ALTER,
        "constraints.gatekeeper.sh",
        Target::ANY,
        Cluster,
    ),
    target(
        D::WritePolicyEngines,
        ALTER,
        "mutations.gatekeeper.sh",
        Target::ANY,
        Cluster,
    ),
    target(
        D::WritePolicyEngines,
        ALTER,
        "config.gatekeeper.sh",
        Target::ANY,
        Namespace,
    ),
    target(D::ImpersonateUsers, &["impersonate"], "", "users", Cluster),
    target(D::ImpersonateGroups, &["impersonate"], "", "groups", Cluster),
    target(
        D::ImpersonateServiceAccounts,
        &["impersonate"],
        "",
        "serviceaccounts",
        Namespace,
    ),
    target(
        D::ImpersonateUids,
        &["impersonate"],
        AUTHENTICATION,
        "uids",
        Cluster,
    ),
    target(
        D::ImpersonateUserInfo,
        &["impersonate:user-info"],
        AUTHENTICATION,
        "users",
        Cluster,
    ),
    target(
        D::ImpersonateUserInfo,
        &["impersonate:user-info"],
        AUTHENTICATION,
        "groups",
        Cluster,
    ),
    target(
        D::ImpersonateUserInfo,
        &["impersonate:user-info"],
        AUTHENTICATION,
        "uids",
        Cluster,
    ),
    target(
        D::ImpersonateServiceAccount,
        &["impersonate:serviceaccount"],
        AUTHENTICATION,
        "serviceaccounts",
        Namespace,
    ),
    target(
        D::ImpersonateArbitraryNode,
        &["impersonate:arbitrary-node"],
        AUTHENTICATION,
        "nodes",
        Cluster,
    ),
    target(
        D::ImpersonateAssociatedNode,
        &["impersonate:associated-node"],
        AUTHENTICATION,
        "nodes",
        Cluster,
    ),
];

/// The verbs of extra fields; their resource is `userextras/<key>`, whatever the key.
pub(super) const EXTRAS: &[(Danger, &str)] = &[
    (D::ImpersonateExtras, "impersonate"),
    (D::ImpersonateUserInfo, "impersonate:user-info"),
];

/// What the verbs of the second halves of constrained impersonation begin with; what they are about is whatever
/// is done by it.
pub(super) const IMPERSONATE_ON: &[(Danger, &str)] = &[
    (D::ImpersonateOnUserInfo, "impersonate-on:user-info:"),
    (D::ImpersonateOnServiceAccount, "impersonate-on:serviceaccount:"),
    (D::ImpersonateOnArbitraryNode, "impersonate-on:arbitrary-node:"),
    (D::ImpersonateOnAssociatedNode, "impersonate-on:associated-node:"),
];
