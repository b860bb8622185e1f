//! AZ-02.

use plumbline_inventory::{Component, Kind};
use plumbline_rbac::{Danger, Risk};

use crate::items::item;
use crate::paths::leads;
use crate::rights::{grounds, lower, severity_of, unbound};
use crate::{Check, Context, Findings, ObjectRef, RoleView, SubjectView};

item! {
    /// ## What it checks
    ///
    /// Nobody has rights with which to become more than they are, or to switch off what protects the cluster.
    ///
    /// ## Why it matters
    ///
    /// Most rights in a cluster are harmless, and some are all rights in disguise: whoever creates pods runs code
    /// as any service account of the namespace, whoever lists secrets has their content, whoever writes a webhook
    /// reads and changes what everybody else writes. An attacker with one workload has what its account has.
    ///
    /// ## How it decides
    ///
    /// Who may do what is decided as the API server's RBAC authorizer does. Each subject that a binding names is
    /// an object: a service account in its namespace's report with everything that it has; a user or group in the
    /// report of each namespace that has a role binding for it, and in the cluster's for its cluster role
    /// bindings. A cluster report counts a group that is bound in three namespaces three times.
    ///
    /// `Fail` for each dangerous right that a binding gives, with the danger as its reason:
    ///
    /// - all rights: `EveryRight`, `WildcardVerbs`, `WildcardResources`, `WildcardGroups`;
    /// - what workloads have: `ReadSecrets`, `CreatePods`, `CreatePodControllers`, `ExecIntoPods`,
    ///   `AttachToPods`, `ForwardPorts`, `AddEphemeralContainers`, `ProxyToPods`, `CreateTokens`,
    ///   `WritePodStatus`, `CreatePersistentVolumes`;
    /// - what others have: `EscalateRoles`, `BindRoles`, `WriteBindings`, `WriteRoles`, `CertificateApproval`;
    /// - what nodes have: `ProxyToNodes`, `WriteNodes`;
    /// - what guards the cluster: `WriteMutatingWebhooks`, `WriteValidatingWebhooks`, `WriteMutatingPolicies`,
    ///   `WriteValidatingPolicies`, `WritePolicyEngines`, `WriteNamespaces`, `WriteNetworkPolicies`,
    ///   `WriteApiServices`, `WriteCustomResourceDefinitions`, `WriteSystemConfigMaps`, `WriteEndpoints`,
    ///   `DeleteEvents`;
    /// - what this operator goes by: `ApproveWaivers`, `AttestItems`, `WriteBaselines`.
    ///
    /// A right is one step less severe within a namespace, for objects of certain names, or for a service account
    /// that does not exist (reason `DormantGrant`: whoever creates the account has the right), and one step more
    /// for everybody (`system:authenticated` and the like). What takes two rights of which the subject has one is
    /// `LatentGrant`. A binding to a role that does not exist is `MissingRole`.
    ///
    /// A right that makes somebody else of whoever has it is told with where it leads, the shortest path first, in at
    /// most four steps: `may create pods in shop → runs as ServiceAccount shop/deployer → has every right`. A path ends
    /// at all rights, or at critical or highly severe ones in every namespace, if the subject has no such itself. It
    /// goes by pods and workloads (any account of the namespace), shells, debug containers, kubelets and volumes of
    /// nodes (accounts that something runs as), tokens, impersonation, `bind` and `escalate`, client certificates,
    /// and mutating webhooks and policies. It is words beside the finding, and changes nothing of its severity.
    ///
    /// A role with such rights that nobody is bound to, directly or by aggregation, is an object of its own:
    /// `LatentGrant`, one step less severe, for a manifest often brings a role without its binding.
    ///
    /// Each kube-apiserver whose flags can be seen (its mirror pod in `kube-system`) is an object, too:
    /// `AlwaysAllow`, `RbacOff` and `AbacOn` by `--authorization-mode`. The file behind `--authorization-config`
    /// cannot be seen, and a control plane without mirror pods says nothing of its flags.
    ///
    /// Kubernetes' and kubeadm's own roles by their own bindings are left out, recognised by what they say and
    /// not by their names; a default role that has been changed or added to, and any other binding to one, count
    /// like any others. Roles that a vendor keeps are said to be so. Impersonation is AZ-05.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// rules:
    /// - {apiGroups: [""], resources: [secrets], verbs: [list]}                # Fail: the list has their content
    /// - {apiGroups: [""], resources: [configmaps], verbs: [get], resourceNames: [checkout]}    # Pass
    /// ```
    ///
    /// ## How to fix
    ///
    /// Grant verbs on resources that are used, by a Role in the namespace, for objects by name where there are
    /// few. Controllers that need such rights belong into a namespace of their own, with a waiver that says so.
    id: "AZ-02",
    slug: "excessive-rbac-rights",
    title: "RBAC is on and grants least privilege inside the project's namespace",
    section: Authorization,
    level: Required,
    severity: Critical,
    class: A,
    scope: Subject,
    empty: NotApplicable,
    since: "0.1",
    reads: &[
        Kind::ServiceAccount, Kind::Role, Kind::RoleBinding, Kind::ClusterRole, Kind::ClusterRoleBinding,
    ],
    optional: &[Kind::Pod],
    failing: ("has dangerous rights", "have dangerous rights"),
    remediation: "Grant only the verbs and resources that are used, by a Role in the namespace, and by resourceNames where objects are few.",
    references: [
        "CIS 5.1.1", "CIS 5.1.2", "CIS 5.1.3", "CIS 5.1.4", "CIS 5.1.8", "CIS 5.1.9", "CIS 5.1.10", "CIS 5.1.11",
        "CIS 5.1.12", "CIS 5.1.13", "Trivy KSV-0041", "Trivy KSV-0042", "Trivy KSV-0044", "Trivy KSV-0045",
        "Trivy KSV-0046", "Trivy KSV-0047", "Trivy KSV-0048", "Trivy KSV-0049", "Trivy KSV-0050",
        "Trivy KSV-0051", "Trivy KSV-0052", "Trivy KSV-0053", "Trivy KSV-0054", "Trivy KSV-0055",
        "Trivy KSV-0056", "Trivy KSV-0111", "Trivy KSV-0112", "Trivy KSV-0113", "Trivy KSV-0114",
        "Trivy KSV-0115", "Trivy KCV-0007", "Trivy KCV-0008", "Trivy KCV-0009", "Kubescape C-0002",
        "Kubescape C-0007", "Kubescape C-0015", "Kubescape C-0031", "Kubescape C-0035", "Kubescape C-0037",
        "Kubescape C-0063", "Kubescape C-0088", "Kubescape C-0118", "Kubescape C-0119", "Kubescape C-0120",
        "Kubescape C-0185", "Kubescape C-0186", "Kubescape C-0187", "Kubescape C-0188", "Kubescape C-0191",
        "Kubescape C-0262", "Kubescape C-0265", "Kubescape C-0267", "Kubescape C-0272", "Kubescape C-0278",
        "Kubescape C-0279", "Kubescape C-0280", "Kubescape C-0281", "Kubescape C-0282",
        "kube-linter access-to-secrets", "kube-linter access-to-create-pods",
        "kube-linter cluster-admin-role-binding", "kube-linter wildcard-in-rules", "Checkov CKV_K8S_49",
        "Checkov CKV_K8S_155", "Checkov CKV_K8S_156", "Checkov CKV_K8S_157", "Checkov CKV_K8S_158",
    ],
    systems: [],
    checks: [Check::Subject(check), Check::UnboundRole(check_unbound), Check::ClusterObjects(check_modes)],
}

fn check(subject: &SubjectView<'_>, context: &Context<'_>, findings: &mut Findings) {
    for binding in &subject.bindings {
        if let Some(role) = context.rbac.missing_role(binding) {
            let message =
                format!("{role} does not exist: whoever creates it decides what the subject may do");
            findings.grant_at(
                crate::Severity::Low,
                binding,
                subject.subject,
                Some(role),
                "MissingRole",
                message,
            );
        }
    }
    let risks = context
        .rbac
        .risks_by(subject.subject, &subject.grants)
        .into_iter();
    for risk in risks.filter(|risk| !risk.danger.is_impersonation()) {
        if !context.is_stock(&risk.grant) {
            tell(&risk, subject, context, findings);
        }
    }
}

fn tell(risk: &Risk<'_>, subject: &SubjectView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let mut severity = severity_of(risk, subject.subject);
    let mut reason = risk.danger.reason();
    let mut remark = String::new();
    if !risk.is_effective() {
        reason = "LatentGrant";
        remark = format!(
            "; {reason_of} does nothing without {other}",
            reason_of = risk.danger.reason(),
            other = other_half(risk.danger)
        );
    } else if context.rbac.is_missing(subject.subject) {
        reason = "DormantGrant";
        severity = lower(severity);
        remark = format!(
            "; {}, once somebody creates the service account",
            risk.danger.reason()
        );
    }
    let about = context.about_role(risk.grant.role);
    let (grounds, why, path) = (
        grounds(risk),
        risk.danger.why(),
        leads(risk, subject.subject, context),
    );
    let message = format!("{grounds}{remark}{about}: {why}{path}");
    findings.grant_at(
        severity,
        risk.grant.binding,
        subject.subject,
        Some(risk.grant.role),
        reason,
        message,
    );
}

fn other_half(danger: Danger) -> &'static str {
    danger.other_half().map_or("another right", Danger::reason)
}

fn check_unbound(role: &RoleView<'_>, context: &Context<'_>, findings: &mut Findings) {
    unbound(role, context, |danger| !danger.is_impersonation(), findings);
}

/// Looks at how each kube-apiserver authorizes whose flags can be seen, each an object of its own.
fn check_modes(context: &Context<'_>, findings: &mut Findings) {
    for (pod, flags) in context.inventory.components(Component::ApiServer) {
        // What a file of authorizers says cannot be seen.
        if flags.get("authorization-config").is_some() {
            continue;
        }
        findings.evaluate(1);
        // The default of kube-apiserver itself; every installer sets another.
        let modes = flags.get("authorization-mode").unwrap_or("AlwaysAllow");
        let has = |mode: &str| modes.split(',').any(|word| word.trim() == mode);
        let object = ObjectRef {
            namespace: Some("kube-system".into()),
            kind: Kind::Pod,
            name: pod.clone(),
        };
        let told = format!("kube-apiserver authorizes by {modes}");
        if has("AlwaysAllow") {
            findings.other(
                object,
                "AlwaysAllow",
                format!("{told}: everybody may do everything"),
            );
        } else if !has("RBAC") {
            findings.other(
                object,
                "RbacOff",
                format!("{told}: roles and bindings do nothing"),
            );
        } else if has("ABAC") {
            findings.other(
                object,
                "AbacOn",
                format!("{told}: a file on its disk gives rights besides"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("harmless rights, by name or by verb, and a pattern that matches nothing", "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {apiGroups: [''], resources: [configmaps], verbs: [get], resourceNames: [checkout]}
- {apiGroups: [''], resources: ['pods/*'], verbs: ['create']}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch]}
- {apiGroups: [''], resources: [secrets], verbs: [deletecollection], resourceNames: [checkout]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]"),
            ("cluster-scoped rights by a role binding do nothing", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nodes}
rules: [{apiGroups: [''], resources: [nodes, nodes/proxy, persistentvolumes], verbs: [get, create, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: nodes, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nodes}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]"),
            ("an API server that goes by RBAC", "
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'a:1', command: [kube-apiserver, '--authorization-mode=Node,RBAC']}]}"),
            ("kubeadm's own binding of cluster-admin, by what it says", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cluster-admin, labels: {kubernetes.io/bootstrapping: rbac-defaults}}
rules:
- {apiGroups: ['*'], resources: ['*'], verbs: ['*']}
- {nonResourceURLs: ['*'], verbs: ['*']}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: kubeadm:cluster-admins}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'kubeadm:cluster-admins'}]"),
        ],
        fail: &[
            ("each way to read secrets, and list with a name too", "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: secrets, namespace: shop}
rules: [{apiGroups: [''], resources: [secrets], verbs: [list], resourceNames: [checkout]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: secrets, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: secrets}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: watcher}
rules: [{apiGroups: ['*'], resources: [secrets], verbs: [watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: watcher}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: watcher}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: dev}]",
            &["RoleBinding secrets: ReadSecrets, medium", "ClusterRoleBinding watcher: ReadSecrets",
              "ClusterRoleBinding watcher: WildcardGroups, medium"]),
            ("the same cluster role is worse by a cluster role binding", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: exec}
rules: [{apiGroups: [''], resources: [pods/exec], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: here, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: exec}
subjects: [{kind: ServiceAccount, name: debug}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: debug, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everywhere}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: exec}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}]",
            &["RoleBinding here: ExecIntoPods, medium", "ClusterRoleBinding everywhere: ExecIntoPods, high"]),
            ("all rights are one finding, everybody's are worse, and a name like a default's proves nothing", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'system:helper', labels: {kubernetes.io/bootstrapping: rbac-defaults}}
rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'system:helper', labels: {kubernetes.io/bootstrapping: rbac-defaults}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:helper'}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: mallory}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: forward}
rules: [{apiGroups: [''], resources: [pods/portforward], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: forward}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: forward}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:authenticated'}]",
            &["ClusterRoleBinding system:helper: EveryRight", "ClusterRoleBinding forward: ForwardPorts, high"]),
            ("a role that nobody is bound to, by aggregation neither, and half of a right", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: part, labels: {aggregate: 'yes'}}
rules: [{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: whole}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {aggregate: 'yes'}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: approver}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: whole}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]",
            &["ClusterRole reader: LatentGrant, high", "ClusterRoleBinding approver: LatentGrant, high"]),
            ("an account and a role that do not exist yet", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: tokens}
rules: [{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: tokens}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tokens}
subjects: [{kind: ServiceAccount, name: ghost, namespace: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gone, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: gone}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]",
            &["ClusterRoleBinding tokens: DormantGrant, high", "RoleBinding gone: MissingRole, low"]),
            ("API servers that do not go by RBAC, or by more than it", "
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'a:1', command: [kube-apiserver, --authorization-mode=Node]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'a:1', command: [kube-apiserver, --authorization-mode, 'Node,RBAC,ABAC']}]}
---
apiVersion: v1
kind: Pod
metadata: {name: three, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'a:1', command: [kube-apiserver, --authorization-mode=AlwaysAllow]}]}",
            &["Pod one: RbacOff", "Pod two: AbacOn", "Pod three: AlwaysAllow"]),
            ("a default role that somebody has added to, by its own binding", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'system:discovery', labels: {kubernetes.io/bootstrapping: rbac-defaults}}
rules:
- {nonResourceURLs: [/api, /api/*, /apis, /apis/*, /healthz, /livez, /openapi, /openapi/*, /readyz, /version, /version/], verbs: [get]}
- {apiGroups: [''], resources: [secrets], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'system:discovery', labels: {kubernetes.io/bootstrapping: rbac-defaults}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:discovery'}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:authenticated'}]",
            &["ClusterRoleBinding system:discovery: ReadSecrets"]),
        ],
        not_applicable: &[
            ("nobody is bound to anything, and the role that there is grants nothing dangerous", "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]"),
        ],
        ..Cases::NONE
    };
}
