//! How paths to more rights are told.

use plumbline_rbac::{Becomes, Danger, Path, Risk, Standing, Step, Subject};

use crate::context::Context;
use crate::rights::few;

/// The most characters that a path repeats of a name, enough for every name that people give.
const NAME: usize = 80;

/// Where a right of a subject leads, the shortest path first: `; path: may create pods in shop → runs as
/// ServiceAccount shop/deployer → has every right`. Nothing if it leads no further.
pub(crate) fn leads(risk: &Risk<'_>, subject: &Subject, context: &Context<'_>) -> String {
    let paths = context.rbac.paths_by(subject, risk.grant.binding, risk.danger);
    let paths: Vec<String> = paths
        .iter()
        .map(|path| format!("; path: {}", told(path)))
        .collect();
    paths.concat()
}

fn told(path: &Path) -> String {
    let mut words = Vec::new();
    for step in &path.steps {
        let place = match &step.binding.namespace {
            Some(namespace) => format!("in {}", cut(namespace)),
            None => "everywhere".to_owned(),
        };
        words.push(format!("{} {place}", may(step.danger)));
        if let Becomes::Subject(subject) = &step.becomes {
            words.push(format!("{} {}", becomes(step), cut(&subject.to_string())));
        }
    }
    words.push(match path.standing {
        Standing::Administrator => "has every right".to_owned(),
        Standing::Critical | Standing::High => {
            let rights: Vec<&str> = path.rights.iter().map(Danger::reason).collect();
            format!("has {} everywhere", few(rights.into_iter()))
        }
    });
    words.join(" → ")
}

/// What whoever takes a step may do.
fn may(danger: Danger) -> &'static str {
    match danger {
        Danger::CreatePods => "may create pods",
        Danger::CreatePodControllers => "may write workloads",
        Danger::ExecIntoPods => "may run commands in pods",
        Danger::AddEphemeralContainers => "may add debug containers to pods",
        Danger::ProxyToNodes => "may reach the kubelets of all nodes",
        Danger::CreatePersistentVolumes => "may mount the disks of nodes",
        Danger::CreateTokens => "may create tokens",
        Danger::EscalateRoles => "may add any right to a role that it has",
        Danger::BindRoles => "may bind itself to any role",
        Danger::CertificateApproval => "may approve certificates of anybody",
        Danger::WriteMutatingWebhooks => "may change whatever others write, by a webhook",
        Danger::WriteMutatingPolicies => "may change whatever others write, by a policy",
        Danger::ImpersonateUsers => "may impersonate users",
        Danger::ImpersonateGroups => "may impersonate groups",
        Danger::ImpersonateServiceAccounts => "may impersonate service accounts",
        other => other.reason(),
    }
}

/// How a step makes somebody else of whoever takes it.
fn becomes(step: &Step) -> &'static str {
    match step.danger {
        Danger::CreatePods
        | Danger::CreatePodControllers
        | Danger::ExecIntoPods
        | Danger::AddEphemeralContainers
        | Danger::ProxyToNodes
        | Danger::CreatePersistentVolumes => "runs as",
        _ => "acts as",
    }
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use plumbline_rbac::Rbac;

    use super::*;
    use crate::testing::inventory;

    const CLUSTER: &str = "
{apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer, namespace: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: NAME, namespace: shop}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: pods}
rules: [{apiGroups: [''], resources: [pods], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: impersonator}
rules: [{apiGroups: [''], resources: [groups, users], verbs: [impersonate]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [''], resources: [secrets], verbs: [get]}
- {apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: pods, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pods}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ROLE}
subjects: [{kind: ServiceAccount, namespace: shop, name: NAME}]
";

    fn alice(role: &str, account: &str) -> String {
        let inventory = inventory(&CLUSTER.replace("ROLE", role).replace("NAME", account));
        let rbac = Rbac::of(&inventory);
        let alice = Subject::User("alice".into());
        let risks = rbac.risks(&alice);
        assert_eq!(risks.len(), 1);
        let context = Context {
            inventory: &inventory,
            rbac: &rbac,
            network: &plumbline_network::Network::of(&inventory),
            parameters: &crate::Parameters::default(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        leads(&risks[0], &alice, &context)
    }

    #[test]
    fn a_path_is_told_step_by_step() {
        assert_eq!(
            alice("impersonator", "deployer"),
            "; path: may create pods in shop → runs as ServiceAccount shop/deployer → may impersonate groups \
             everywhere → has every right"
        );
        assert_eq!(
            alice("pods", "deployer"),
            "; path: may create pods in shop → runs as ServiceAccount \
             shop/deployer → has CreatePods everywhere"
        );
    }

    #[test]
    fn a_name_that_is_too_long_is_cut() {
        let told = alice("pods", &"x".repeat(253));
        assert!(
            told.contains(&format!("ServiceAccount shop/{}…", "x".repeat(60))),
            "{told}"
        );
        assert!(told.len() < 200, "{told}");
    }

    #[test]
    fn what_leads_nowhere_is_not_told() {
        assert_eq!(alice("none", "deployer"), "");
    }
}
