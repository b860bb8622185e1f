//! SE-02b.

use std::collections::BTreeSet;

use plumbline_inventory::Kind;
use plumbline_inventory::literal_secrets::LiteralSecret;
use plumbline_inventory::views::{NamespaceView, WorkloadView};

use crate::infrastructure::is_named_image;
use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Manifests in repositories hold no secrets as text: a tool seals them, or fetches them from elsewhere.
    ///
    /// ## Why it matters
    ///
    /// Whoever can read a repository, a fork or a backup of it has every secret that was ever committed, for as long
    /// as its history is kept.
    ///
    /// ## How it decides
    ///
    /// Secrets are never read: neither their values nor their annotations. What the manifests of workloads came from
    /// is told by the workloads. Text is taken for a secret as SE-02a does.
    ///
    /// - `Fail`, reason `PlaintextApplied`: `kubectl.kubernetes.io/last-applied-configuration` of a workload holds a
    ///   secret of a known format: the file that was applied had it as text.
    /// - `Fail`, reason `PlaintextInRepository`: the template of a workload that Argo CD or a Kustomization of Flux
    ///   manages holds a secret as text: so does the repository that it comes from. Argo CD is recognised by
    ///   `argocd.argoproj.io/instance` or `argocd.argoproj.io/tracking-id`, Flux by
    ///   `kustomize.toolkit.fluxcd.io/name`. Helm releases are left out: their values may come from anywhere.
    /// - `NeedsAttestation`: nothing says so. That no other repository holds secrets, the API does not show. The
    ///   message names the tools that run here and seal secrets or fetch them: Sealed Secrets, SOPS Secrets Operator,
    ///   External Secrets, Secrets Store CSI Driver, Vault Secrets Operator, the injectors of Vault and Bank-Vaults,
    ///   1Password, Infisical.
    ///
    /// The numbers count workloads that Argo CD or Flux manages or that were applied with a secret, and the cluster
    /// as one.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: Deployment
    /// metadata: {labels: {kustomize.toolkit.fluxcd.io/name: shop}}
    /// spec: {template: {spec: {containers: [{env: [{name: DB_PASSWORD, value: hunter2}]}]}}}   # Fail
    /// ```
    ///
    /// ## How to fix
    ///
    /// Put the value into a Secret that is in the repository in sealed form only (`kubeseal`, `sops`) or that an
    /// operator makes from an external store, refer to it, and change the value: it stays in the history.
    id: "SE-02b",
    slug: "secrets-in-source",
    title: "Secrets in source code are hidden with a sealing tool",
    section: Secrets,
    level: Required,
    severity: High,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("comes from a file with a secret as text", "come from files with secrets as text"),
    remediation: "Keep the secret in the repository in sealed form only, or fetch it from an external store, and replace its value.",
    references: [],
    systems: [],
    checks: [Check::Workload(check), Check::Cluster(note)],
}

/// Where literals of `kubectl apply` are found, as [`LiteralSecret::place`] has it.
const APPLIED: &str = "annotation kubectl.kubernetes.io/last-applied-configuration";

/// Images of tools that keep secrets out of repositories.
const TOOLS: &[(&str, &str)] = &[
    ("sealed-secrets-controller", "Sealed Secrets"),
    ("sealed-secrets", "Sealed Secrets"),
    ("sops-secrets-operator", "SOPS Secrets Operator"),
    ("external-secrets", "External Secrets"),
    ("secrets-store-csi-driver", "Secrets Store CSI Driver"),
    ("csi-secrets-store/driver", "Secrets Store CSI Driver"),
    ("vault-secrets-operator", "Vault Secrets Operator"),
    ("vault-k8s", "Vault Agent Injector"),
    ("vault-secrets-webhook", "Bank-Vaults"),
    ("onepassword-operator", "1Password"),
    ("infisical/kubernetes-operator", "Infisical"),
];

fn check(workload: WorkloadView<'_>, _: &Context<'_>, findings: &mut Findings) {
    let applied = workload
        .annotation_secrets()
        .iter()
        .chain(&workload.own_template().annotation_secrets)
        .filter(|secret| *secret.place == *APPLIED);
    let mut any = false;
    for secret in applied {
        any = true;
        findings.object("PlaintextApplied", secret.to_string());
    }
    let Some(manager) = manager(workload) else {
        if !any {
            findings.not_applicable();
        }
        return;
    };
    let template = workload.own_template();
    let told =
        |secret: &LiteralSecret| format!("{secret}, and {manager} takes the manifest from a repository");
    for container in &template.containers {
        for secret in &container.literal_secrets {
            findings.container(&container.name, "PlaintextInRepository", told(secret));
        }
    }
    let annotated = template.annotation_secrets.iter();
    for secret in annotated.filter(|secret| *secret.place != *APPLIED) {
        findings.object("PlaintextInRepository", format!("the pod's {}", told(secret)));
    }
}

/// What takes the manifest of a workload from a repository.
fn manager(workload: WorkloadView<'_>) -> Option<&'static str> {
    let (labels, annotations) = (workload.labels(), workload.annotations());
    let has = |key: &str| labels.get(key).is_some() || annotations.get(key).is_some();
    if has("argocd.argoproj.io/instance") || has("argocd.argoproj.io/tracking-id") {
        Some("Argo CD")
    } else if has("kustomize.toolkit.fluxcd.io/name") {
        Some("Flux")
    } else {
        None
    }
}

/// Says which tools there are.
fn note(context: &Context<'_>, findings: &mut Findings) {
    findings.evaluate(1);
    let workloads = context.inventory.namespaces().flat_map(NamespaceView::workloads);
    let mut tools = BTreeSet::new();
    for workload in workloads.filter(WorkloadView::is_active) {
        for container in &workload.own_template().containers {
            let tool = TOOLS
                .iter()
                .find(|(name, _)| is_named_image(&container.image, name));
            tools.extend(tool.map(|(_, tool)| *tool));
        }
    }
    let tools: Vec<&str> = tools.into_iter().collect();
    findings.note(match tools.as_slice() {
        [] => "no tool that seals or fetches secrets is recognised".to_owned(),
        some => format!("tools that seal or fetch secrets: {}", some.join(", ")),
    });
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{Cases, evaluate, inventory};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a workload from a repository whose secret is one, a literal that comes from elsewhere, and a tool", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {kustomize.toolkit.fluxcd.io/name: shop}}
spec: {template: {spec: {containers: [{name: web, image: 'web:1', env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: p}}}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: chart, namespace: shop, annotations: {meta.helm.sh/release-name: chart}}
spec: {template: {spec: {containers: [{name: web, image: 'web:1', env: [{name: DB_PASSWORD, value: hunter2}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sealed-secrets-controller, namespace: kube-system}
spec: {template: {spec: {containers: [{name: controller, image: 'docker.io/bitnami/sealed-secrets-controller:0.32.2'}]}}}"),
        ],
        fail: &[
            ("literals in what Argo CD and Flux take from repositories", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, annotations: {argocd.argoproj.io/tracking-id: 'shop:apps/Deployment:shop/web'}}
spec: {template: {spec: {containers: [{name: web, image: 'web:1', env: [{name: DB_PASSWORD, value: hunter2}]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop, labels: {kustomize.toolkit.fluxcd.io/name: shop}}
spec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: init, image: 'i:1', args: [--db-password, hunter2]}], containers: [{name: report, image: 'r:1'}]}}}}}",
            &["Deployment web/web: PlaintextInRepository", "CronJob report/init: PlaintextInRepository"]),
            ("a file that was applied with a token in it", "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{\"env\":[{\"name\":\"T\",\"value\":\"ghp_aBcD1234eFgH5678iJkL9012mNoP3456qRsT\"}]}'
spec: {template: {spec: {containers: [{name: web, image: 'web:1'}]}}}",
            &["Deployment web: PlaintextApplied"]),
        ],
        ..Cases::NONE
    };

    #[test]
    fn no_finding_holds_a_value() {
        for (name, manifests, _) in CASES.fail {
            for finding in evaluate(&super::ITEM, &inventory(manifests), &Parameters::default()).findings {
                for value in ["hunter2", "ghp_"] {
                    assert!(!finding.message.contains(value), "{name}: {}", finding.message);
                }
            }
        }
    }
}
