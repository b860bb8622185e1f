//! What rights are dangerous, and why.

mod find;
mod set;
mod targets;

pub use find::{Dangers, Found};
pub use set::DangerSet;
pub use targets::{Reach, Target};

pub(crate) use find::{dangers_of_each, together};
pub(crate) use targets::KUBE_SYSTEM;
#[cfg(test)]
pub(crate) use targets::targets;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// One step less.
    #[must_use]
    pub fn lower(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }
}

macro_rules! dangers {
    ($($name:ident: $severity:ident, $why:literal;)*) => {
        /// A right that is dangerous. The names are the reasons that findings have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::doc_markdown)] // sentences of findings
        pub enum Danger {
            $(#[doc = $why] $name,)*
        }

        impl Danger {
            /// All, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason in findings.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// How bad it is for whoever has it everywhere, for objects of all names.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// Why it is dangerous, in a sentence.
            pub const fn why(self) -> &'static str {
                match self {
                    $(Self::$name => $why,)*
                }
            }
        }
    };
}

dangers! {
    EveryRight: Critical, "Whoever has every verb on every resource of every group administers what the binding covers.";
    WildcardVerbs: Medium, "`*` as a verb grants verbs that nobody thought of, `escalate`, `bind` and `impersonate` among them.";
    WildcardResources: High, "`*` as a resource grants everything in its groups: all subresources, and what will be added.";
    WildcardGroups: Medium, "`*` as an API group grants resources of this name in every group that will ever be installed.";
    ReadSecrets: Critical, "`get`, `list` and `watch` each show the content of secrets, tokens and passwords among it.";
    CreatePods: High, "Whoever creates a pod runs code as any service account of its namespace, and mounts any of its secrets.";
    CreatePodControllers: High, "Whoever writes a workload has pods created, which run as any service account of the namespace.";
    ExecIntoPods: High, "A shell in a pod has its service account, its secrets and its network.";
    AttachToPods: High, "Whoever attaches to a process in a pod reads what it prints and types what it reads.";
    ForwardPorts: Medium, "A forwarded port reaches what the pod serves, past network policies.";
    AddEphemeralContainers: High, "A debug container runs code of its author's choice inside of a pod, as its service account.";
    ProxyToPods: Medium, "The API server hands requests on to pods and services, past network policies.";
    ProxyToNodes: Critical, "The API of a kubelet runs commands in every pod on its node; not even admission or audit sees it.";
    CreateTokens: Critical, "Whoever creates a token for a service account is that account.";
    EscalateRoles: Critical, "`escalate` lets its holder write rights into a role that it does not have itself.";
    BindRoles: Critical, "`bind` lets its holder give anybody a role with rights that it does not have itself.";
    WriteBindings: High, "Whoever writes bindings hands on all rights that it has, and lasting ones.";
    WriteRoles: Medium, "Whoever writes roles changes what others may, and can add to `admin`, `edit` and `view` by a label.";
    CertificateApproval: Critical, "Whoever approves a certificate request for clients of the API server is whoever the certificate names.";
    SignerApproval: Critical, "The right to approve for a signer is the other half of the right to approve certificate requests.";
    WriteMutatingWebhooks: Critical, "A mutating webhook reads and changes every object that anybody writes.";
    WriteValidatingWebhooks: High, "A validating webhook reads every object that anybody writes; without it nothing refuses bad ones.";
    WriteMutatingPolicies: Critical, "A mutating admission policy changes objects that others write.";
    WriteValidatingPolicies: High, "Whoever writes validating admission policies or their bindings takes away what refuses bad objects.";
    CreatePersistentVolumes: High, "A persistent volume of type hostPath opens the file system of a node.";
    WriteNamespaces: High, "The labels of a namespace say how strict pod security is in it.";
    WriteSystemConfigMaps: High, "Config maps in kube-system configure DNS, the proxy and, on some clouds, who is an administrator.";
    WriteNodes: High, "Whoever writes nodes or their status draws pods, and the secrets of these pods, to a node of its choice.";
    WritePodStatus: Medium, "A false status of a pod takes it out of its services, or a foreign address into them.";
    WriteApiServices: Critical, "An APIService sends requests for a whole group, with the credentials in them, to a server of one's choice.";
    WriteCustomResourceDefinitions: High, "The conversion webhook of a custom resource reads and changes all its objects.";
    WriteEndpoints: Medium, "Whoever writes endpoints sends the traffic of a service somewhere else.";
    WriteNetworkPolicies: Medium, "Whoever writes network policies opens what they close.";
    DeleteEvents: Medium, "Whoever deletes events takes away the traces of what happened.";
    ApproveWaivers: High, "Who may create an approval decides which findings of this operator are accepted.";
    AttestItems: High, "An attestation makes items pass that this operator cannot decide.";
    WriteBaselines: High, "The baseline says what this operator checks.";
    WritePolicyEngines: High, "Whoever writes the policies of a policy engine, or exceptions to them, decides what is refused.";
    ImpersonateUsers: Critical, "Whoever impersonates a user has all its rights.";
    ImpersonateGroups: Critical, "Whoever impersonates a group has all its rights; `system:masters` is one.";
    ImpersonateServiceAccounts: Critical, "Whoever impersonates a service account has all its rights.";
    ImpersonateExtras: Medium, "The extra fields of a user, such as its scopes, decide what authorizers and webhooks allow it.";
    ImpersonateUids: Medium, "The uid of a user is what some authorizers and audit logs know it by.";
    ImpersonateUserInfo: High, "Constrained impersonation of users and groups, for the verbs that `impersonate-on:user-info:` names.";
    ImpersonateServiceAccount: High, "Constrained impersonation of service accounts, for the verbs that `impersonate-on:serviceaccount:` names.";
    ImpersonateArbitraryNode: High, "Constrained impersonation of any node, for the verbs that `impersonate-on:arbitrary-node:` names.";
    ImpersonateAssociatedNode: Medium, "Constrained impersonation of the node that one's pod is on, for the verbs that `impersonate-on:associated-node:` names.";
    ImpersonateOnUserInfo: High, "The other half of constrained impersonation of users: what may be done with it.";
    ImpersonateOnServiceAccount: High, "The other half of constrained impersonation of service accounts: what may be done with it.";
    ImpersonateOnArbitraryNode: High, "The other half of constrained impersonation of any node: what may be done with it.";
    ImpersonateOnAssociatedNode: Medium, "The other half of constrained impersonation of one's own node: what may be done with it.";
}

/// Rights that do nothing one without the other; the first is the one that findings name.
const HALVES: &[(Danger, Danger)] = &[
    (Danger::CertificateApproval, Danger::SignerApproval),
    (Danger::ImpersonateUserInfo, Danger::ImpersonateOnUserInfo),
    (
        Danger::ImpersonateServiceAccount,
        Danger::ImpersonateOnServiceAccount,
    ),
    (
        Danger::ImpersonateArbitraryNode,
        Danger::ImpersonateOnArbitraryNode,
    ),
    (
        Danger::ImpersonateAssociatedNode,
        Danger::ImpersonateOnAssociatedNode,
    ),
];

impl Danger {
    /// The right without which this one does nothing.
    pub fn other_half(self) -> Option<Self> {
        HALVES.iter().find_map(|&(one, other)| match self {
            danger if danger == one => Some(other),
            danger if danger == other => Some(one),
            _ => None,
        })
    }

    /// Whether it is the half of a right that findings do not name when the right is whole.
    pub fn is_second_half(self) -> bool {
        HALVES.iter().any(|&(_, other)| self == other)
    }

    /// Whether it is a way to be somebody else by the API server's own means (item AZ-05).
    pub fn is_impersonation(self) -> bool {
        self >= Self::ImpersonateUsers
    }

    /// Whether it takes a server that knows constrained impersonation: on by default from Kubernetes 1.36, in
    /// 1.35 if the feature is switched on.
    pub fn is_constrained_impersonation(self) -> bool {
        self >= Self::ImpersonateUserInfo
    }
}
