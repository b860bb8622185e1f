//! What can be done with rights, in one step.

use plumbline_inventory::{Name, ObjectId};

use crate::danger::{Danger, DangerSet};
use crate::rbac::{Grant, Rbac};
use crate::request::{Request, ResourceRequest};
use crate::subject::{MASTERS, Subject, User};

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
/// Signs certificates that the API server takes for a user.
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// Has every right in every cluster.
const ADMINISTRATOR: &str = "cluster-admin";

/// A step, and the grant that makes it possible.
pub(super) struct Move<'a> {
    pub(super) danger: Danger,
    pub(super) grant: Grant<'a>,
    pub(super) goal: Goal,
}

/// Whom a step leads to. Names that are empty are all names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Administrator,
    Accounts {
        namespace: Option<Name>,
        names: Vec<Name>,
        /// Those only that some workload runs as.
        used: bool,
    },
    Users {
        names: Vec<Name>,
    },
    Groups {
        names: Vec<Name>,
    },
}

/// The moves of a subject by what its own bindings in a namespace give, or those everywhere, in a fixed order, those
/// that lead furthest first. Rights that go together with these may also be a group's that the subject is always in,
/// and of those in other namespaces the ones that it has `elsewhere`.
///
/// Constrained impersonation is not among them: it lends single verbs, and makes nobody somebody else.
pub(super) fn of<'a>(
    rbac: &'a Rbac,
    subject: &Subject,
    place: Option<&'a Name>,
    elsewhere: DangerSet,
) -> Vec<Move<'a>> {
    let own: Vec<Grant<'a>> = rbac.grants_at(subject, place).collect();
    let user = User::of(subject);
    let everywhere = place.and(Some(None));
    let all: Vec<Grant<'a>> = [Some(place), everywhere]
        .into_iter()
        .flatten()
        .flat_map(|place| grants_of(rbac, &user, place))
        .collect();
    let held = all.iter().map(dangers).fold(elsewhere, DangerSet::union);
    if own.is_empty() || !held.iter().any(leads_on) {
        return Vec::new();
    }
    let rights = Rights {
        rbac,
        user,
        place,
        own,
        all,
        held,
    };
    let mut moves = Vec::new();
    if place.is_none() {
        rights.to_everything(&mut moves);
        rights.by_certificates(&mut moves);
    }
    rights.by_roles(&mut moves);
    rights.by_each_grant(&mut moves);
    moves
}

/// The rights in a place that make a difference to what rights everywhere lead to.
pub(super) fn matter_elsewhere(rbac: &Rbac, subject: &Subject, place: Option<&Name>) -> DangerSet {
    let held = rbac.grants_at(subject, place).map(|grant| dangers(&grant));
    let held = held.fold(DangerSet::default(), DangerSet::union);
    let matter = [
        Danger::CreatePods,
        Danger::CreatePodControllers,
        Danger::ImpersonateServiceAccounts,
    ];
    matter
        .into_iter()
        .filter(|danger| held.contains(*danger))
        .collect()
}

/// Everything that a user has by bindings in a place.
pub(super) fn grants_of<'a>(rbac: &'a Rbac, user: &User, place: Option<&'a Name>) -> Vec<Grant<'a>> {
    user.subjects()
        .filter(|subject| !matches!(subject, Subject::User(name) if name.is_empty()))
        .flat_map(|subject| rbac.grants_at(&subject, place).collect::<Vec<_>>())
        .collect()
}

fn dangers(grant: &Grant<'_>) -> DangerSet {
    grant.rules.dangers().within(grant.namespace()).all()
}

/// Whether a right can be the one that makes a move.
fn leads_on(danger: Danger) -> bool {
    matches!(
        danger,
        Danger::CreatePods
            | Danger::CreatePodControllers
            | Danger::ExecIntoPods
            | Danger::AddEphemeralContainers
            | Danger::ProxyToNodes
            | Danger::CreateTokens
            | Danger::EscalateRoles
            | Danger::BindRoles
            | Danger::CertificateApproval
            | Danger::WriteMutatingWebhooks
            | Danger::WriteMutatingPolicies
            | Danger::ImpersonateUsers
            | Danger::ImpersonateGroups
            | Danger::ImpersonateServiceAccounts
    )
}

struct Rights<'a> {
    rbac: &'a Rbac,
    user: User,
    place: Option<&'a Name>,
    /// In the place, by bindings that name the subject itself.
    own: Vec<Grant<'a>>,
    /// In the place and everywhere, also by those that name its groups.
    all: Vec<Grant<'a>>,
    held: DangerSet,
}

impl<'a> Rights<'a> {
    fn has(&self, danger: Danger) -> bool {
        self.held.contains(danger)
    }

    /// The grant that allows exactly this.
    fn may<'r>(&self, request: impl Into<Request<'r>>) -> Option<Grant<'a>> {
        match self.rbac.authorize(&self.user, &request.into())? {
            crate::Reason::Rule { grant, .. } => Some(grant),
            crate::Reason::Superuser => None,
        }
    }

    /// The first grant that allows one of these verbs on something of the resource, everywhere.
    fn may_some(&self, verbs: &[&str], group: &str, resource: &str) -> Option<Grant<'a>> {
        let allows = |grant: &Grant<'_>| {
            let requests = verbs
                .iter()
                .map(|verb| ResourceRequest::new(verb, group, resource));
            requests
                .into_iter()
                .any(|request| grant.rules.compiled().iter().any(|rule| rule.is_about(&request)))
        };
        self.all
            .iter()
            .copied()
            .find(|grant| grant.namespace().is_none() && allows(grant))
    }

    fn to_everything(&self, moves: &mut Vec<Move<'a>>) {
        let mut add = |danger, grant: Option<Grant<'a>>| {
            moves.extend(grant.map(|grant| Move {
                danger,
                grant,
                goal: Goal::Administrator,
            }));
        };
        if self.has(Danger::ImpersonateGroups) && self.has_somebody_to_impersonate() {
            let masters = ResourceRequest::new("impersonate", "", "groups").name(MASTERS);
            add(Danger::ImpersonateGroups, self.may(masters));
        }
        if self.has(Danger::BindRoles) && self.creates_bindings("clusterrolebindings", "") {
            let bind = ResourceRequest::new("bind", RBAC, "clusterroles").name(ADMINISTRATOR);
            add(Danger::BindRoles, self.may(bind));
        }
        if self.has(Danger::EscalateRoles) {
            add(
                Danger::EscalateRoles,
                self.may_extend_own_roles("clusterroles", None),
            );
        }
        if self.has(Danger::WriteMutatingWebhooks) {
            let grant = self.may_some(
                &["create", "update", "patch"],
                ADMISSION,
                "mutatingwebhookconfigurations",
            );
            add(Danger::WriteMutatingWebhooks, grant);
        }
        if self.has(Danger::WriteMutatingPolicies) {
            let grant = self.may_some(
                &["create", "update", "patch"],
                ADMISSION,
                "mutatingadmissionpolicies",
            );
            add(Danger::WriteMutatingPolicies, grant);
        }
    }

    /// A group is impersonated by somebody: a user has to be named as well.
    fn has_somebody_to_impersonate(&self) -> bool {
        self.has(Danger::ImpersonateUsers) || self.has(Danger::ImpersonateServiceAccounts)
    }

    fn creates_bindings(&self, resource: &str, namespace: &str) -> bool {
        self.may(ResourceRequest::new("create", RBAC, resource).namespace(namespace))
            .is_some()
    }

    /// A role that the subject has, everywhere or in a namespace, and may write anything into.
    fn may_extend_own_roles(&self, resource: &str, namespace: Option<&Name>) -> Option<Grant<'a>> {
        let there = namespace.map_or("", |namespace| namespace);
        let own = self
            .all
            .iter()
            .filter(|grant| grant.role.namespace.as_ref() == namespace);
        let ask = |verb, role: &'a ObjectId| {
            self.may(
                ResourceRequest::new(verb, RBAC, resource)
                    .namespace(there)
                    .name(&role.name),
            )
        };
        own.filter(|grant| namespace.is_some() || grant.namespace().is_none())
            .find_map(|grant| {
                let writes = ask("update", grant.role).or_else(|| ask("patch", grant.role));
                writes.and_then(|_| ask("escalate", grant.role))
            })
    }

    /// Whoever may request and approve a certificate is whoever it names; `system:masters` is refused.
    fn by_certificates(&self, moves: &mut Vec<Move<'a>>) {
        if !(self.has(Danger::CertificateApproval) && self.has(Danger::SignerApproval)) {
            return;
        }
        let requests = ResourceRequest::new("create", CERTIFICATES, "certificatesigningrequests");
        let signer = ResourceRequest::new("approve", CERTIFICATES, "signers").name(CLIENT_SIGNER);
        let any = ResourceRequest::new("approve", CERTIFICATES, "signers").name("kubernetes.io/*");
        if self.may(requests).is_none() || self.may(signer).or_else(|| self.may(any)).is_none() {
            return;
        }
        let danger = Danger::CertificateApproval;
        let approves = |grant: &&Grant<'_>| {
            grant
                .rules
                .dangers()
                .within(grant.namespace())
                .all()
                .contains(danger)
        };
        let grant = self.all.iter().find(approves).copied();
        for goal in [
            Goal::Groups { names: Vec::new() },
            Goal::Users { names: Vec::new() },
            Goal::Accounts {
                namespace: None,
                names: Vec::new(),
                used: false,
            },
        ] {
            moves.extend(grant.map(|grant| Move { danger, grant, goal }));
        }
    }

    /// Whoever has every right in a namespace has its service accounts.
    fn by_roles(&self, moves: &mut Vec<Move<'a>>) {
        if !(self.has(Danger::BindRoles) || self.has(Danger::EscalateRoles)) {
            return;
        }
        let there = self.place.map_or("", |namespace| namespace);
        let goal = Goal::Accounts {
            namespace: self.place.cloned(),
            names: Vec::new(),
            used: false,
        };
        let bind = ResourceRequest::new("bind", RBAC, "clusterroles")
            .namespace(there)
            .name(ADMINISTRATOR);
        if let Some(grant) = self.may(bind)
            && self.creates_bindings("rolebindings", there)
        {
            moves.push(Move {
                danger: Danger::BindRoles,
                grant,
                goal: goal.clone(),
            });
        }
        if self.place.is_some()
            && let Some(grant) = self.may_extend_own_roles("roles", self.place)
        {
            moves.push(Move {
                danger: Danger::EscalateRoles,
                grant,
                goal,
            });
        }
    }

    /// Moves that take one right.
    fn by_each_grant(&self, moves: &mut Vec<Move<'a>>) {
        for grant in &self.own {
            for danger in dangers(grant).iter() {
                moves.extend(self.goal(*grant, danger).map(|goal| Move {
                    danger,
                    grant: *grant,
                    goal,
                }));
            }
        }
    }

    fn goal(&self, grant: Grant<'_>, danger: Danger) -> Option<Goal> {
        let namespace = || grant.namespace().cloned();
        let names = || names(grant, danger);
        let accounts = |namespace, names, used| {
            Some(Goal::Accounts {
                namespace,
                names,
                used,
            })
        };
        match danger {
            Danger::CreateTokens | Danger::ImpersonateServiceAccounts => {
                accounts(namespace(), names(), false)
            }
            Danger::CreatePods | Danger::CreatePodControllers => accounts(namespace(), Vec::new(), false),
            Danger::ExecIntoPods | Danger::AddEphemeralContainers => accounts(namespace(), Vec::new(), true),
            Danger::ProxyToNodes => accounts(None, Vec::new(), true),
            // A volume opens a node to whoever may mount it in a pod, and with the node all pods that are on it.
            Danger::CreatePersistentVolumes
                if self.has(Danger::CreatePods) || self.has(Danger::CreatePodControllers) =>
            {
                accounts(None, Vec::new(), true)
            }
            Danger::ImpersonateUsers => Some(Goal::Users { names: names() }),
            Danger::ImpersonateGroups if self.has_somebody_to_impersonate() => {
                Some(Goal::Groups { names: names() })
            }
            _ => None,
        }
    }
}

/// The only objects for which a grant has a danger; empty for all.
fn names(grant: Grant<'_>, danger: Danger) -> Vec<Name> {
    let namespace = grant.namespace();
    if grant.rules.dangers().within(namespace).full.contains(danger) {
        return Vec::new();
    }
    let rules = grant.rules.with_danger(danger, namespace);
    let mut names: Vec<Name> = rules
        .flat_map(|at| grant.rules.compiled()[at].names().iter().cloned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
