//! What a check may look at besides the object that it is about.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_inventory::facts::{NodeFacts, Pod};
use plumbline_inventory::images::DockerfileScan;
use plumbline_inventory::views::WorkloadView;
use plumbline_inventory::{Inventory, Name, ObjectId, RootKey};
use plumbline_network::Network;
use plumbline_rbac::{Grant, Rbac, Rules, Subject};

use crate::parameters::Parameters;
use crate::units::{Home, Unit};

/// The cluster around an object, and the baseline.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What is known of the cluster.
    pub inventory: &'a Inventory,
    /// Who may do what in it.
    pub rbac: &'a Rbac,
    /// Who may talk to whom in it.
    pub network: &'a Network,
    /// What the baseline leaves to those who use it.
    pub parameters: &'a Parameters,
    /// Waivers that name [`ANONYMOUS_ACCESS`], ordered.
    pub exceptions: &'a [Exception],
    /// The time of the evaluation. What a check says of it must hold until the time that it gives to
    /// [`Findings::valid_until`](crate::Findings::valid_until), word for word.
    pub now: Timestamp,
}

/// The item whose exceptions are looked at by an item of their own.
pub const ANONYMOUS_ACCESS: &str = "AZ-06a";

/// A waiver as the one who evaluates has judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The waiver.
    pub id: ObjectId,
    /// Whether it is approved, in force, and some finding needs it; else why not, in `CamelCase` and in words.
    pub fault: Option<(&'static str, String)>,
}

/// A subject of RBAC as one report sees it.
///
/// A service account is in the report of its namespace with everything that it has. Users and groups are in the
/// report of each namespace that has a role binding for them, with what they have by those, and in the cluster's
/// with what they have by cluster role bindings.
#[derive(Debug)]
pub struct SubjectView<'a> {
    /// Who it is.
    pub subject: &'a Subject,
    /// Whose report it is in.
    pub home: &'a Home,
    /// The bindings that name it, ordered; at least one.
    pub bindings: Vec<&'a ObjectId>,
    /// What it has by those of them whose role exists, in the same order.
    pub grants: Vec<Grant<'a>>,
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// Its name.
    pub name: &'a Name,
    /// What is known of it.
    pub facts: &'a NodeFacts,
}

impl<'a> NodeView<'a> {
    /// Live pods on it with the workloads that they count for, ordered. Left out are those of a `DaemonSet`, mirror
    /// pods, and those of namespaces that are not in scope. What else is asked of the workload than its name may
    /// change unnoticed.
    pub fn pods(&self, inventory: &'a Inventory) -> impl Iterator<Item = (RootKey, &'a Pod)> + use<'a> {
        inventory.pods_on(self.name).map(|(root, _, pod)| (root, pod))
    }
}

/// An image that runs.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    /// Its digest.
    pub digest: &'a Name,
}

impl<'a> ImageView<'a> {
    /// What workloads that run it say came of a scan of its Dockerfile: workload, container and answer, ordered.
    pub fn dockerfile_scans(
        &self,
        inventory: &'a Inventory,
    ) -> impl Iterator<Item = (&'a RootKey, &'a Name, DockerfileScan)> + use<'a> {
        inventory.dockerfile_scans(self.digest)
    }
}

/// A role.
#[derive(Clone, Copy, Debug)]
pub struct RoleView<'a> {
    /// Its identity.
    pub id: &'a ObjectId,
    /// The rules in force.
    pub rules: &'a Arc<Rules>,
}

impl<'a> Context<'a> {
    /// `subject` as the report of `home` sees it; `None` if it is not in there.
    pub fn subject(&self, subject: &'a Subject, home: &'a Home) -> Option<SubjectView<'a>> {
        let of_account = matches!(subject, Subject::ServiceAccount { .. });
        if of_account && self.home_of(subject) != *home {
            return None;
        }
        if home
            .namespace()
            .is_some_and(|name| self.inventory.namespace(name).is_none())
        {
            return None;
        }
        let bindings: Vec<&ObjectId> = if of_account {
            self.rbac.bindings_naming(subject).collect()
        } else {
            self.rbac.bindings_naming_at(subject, home.namespace()).collect()
        };
        if bindings.is_empty() {
            return None;
        }
        let grants = bindings.iter().filter_map(|binding| self.rbac.grant(binding));
        Some(SubjectView {
            subject,
            home,
            grants: grants.collect(),
            bindings,
        })
    }

    /// Whether a binding is in scope: everywhere, or in a namespace that is.
    pub fn is_in_scope(&self, binding: &ObjectId) -> bool {
        let namespace = binding.namespace.as_ref();
        namespace.is_none_or(|name| self.inventory.namespace(name).is_some())
    }

    /// The report that lists a service account: that of its namespace, or the cluster's if that is not in scope.
    fn home_of(&self, account: &Subject) -> Home {
        match account {
            Subject::ServiceAccount { namespace, .. } if self.inventory.namespace(namespace).is_some() => {
                Home::Namespace(namespace.clone())
            }
            _ => Home::Cluster,
        }
    }

    /// Everything in `home` that is evaluated by itself, ordered. Roles that somebody is bound to are left out.
    pub fn units(&self, home: &Home) -> Vec<Unit> {
        let mut units = vec![Unit::Whole];
        if let Home::Namespace(name) = home {
            let Some(namespace) = self.inventory.namespace(name) else {
                return Vec::new();
            };
            let workload =
                |workload: WorkloadView<'_>| Unit::Workload(workload.kind(), workload.name().clone());
            units.extend(namespace.workloads().map(workload));
        }
        if *home == Home::Cluster {
            let nodes = self.inventory.nodes();
            units.extend(nodes.map(|(name, _)| Unit::Node(Name::clone(name))));
            let images = self.inventory.images();
            units.extend(images.map(|digest| Unit::Image(Name::clone(digest))));
        }
        let subjects = self.subjects_near(home);
        let here = subjects
            .into_iter()
            .filter(|subject| self.subject(subject, home).is_some());
        units.extend(here.map(|subject| Unit::Subject(Arc::new(subject))));
        let roles = self.rbac.roles_of_place(home.namespace());
        let unbound = roles.filter(|role| !self.rbac.is_granted(role));
        units.extend(unbound.map(|role| Unit::UnboundRole(role.name.clone())));
        units
    }

    /// Subjects that the report of `home` may list.
    fn subjects_near(&self, home: &Home) -> BTreeSet<Subject> {
        let bindings = self.rbac.bindings_of_place(home.namespace());
        let named = bindings.flat_map(|binding| self.rbac.bound_subjects(binding));
        let mut subjects: BTreeSet<Subject> = named.map(Subject::identity).collect();
        match home {
            Home::Namespace(name) => subjects.extend(self.rbac.bound_service_accounts(name).cloned()),
            // A service account of a namespace that does not exist is listed here, however it is bound.
            Home::Cluster => {
                let accounts = self.rbac.subjects().filter(|subject| {
                    matches!(subject, Subject::ServiceAccount { namespace, .. }
                        if self.inventory.namespace(namespace).is_none())
                });
                subjects.extend(accounts.cloned());
            }
        }
        subjects
    }

    /// The reports that list `subject`, ordered.
    pub fn homes_of(&self, subject: &Subject) -> Vec<Home> {
        if matches!(subject, Subject::ServiceAccount { .. }) {
            let bound = self.rbac.bindings_naming(subject).next().is_some();
            return bound.then(|| self.home_of(subject)).into_iter().collect();
        }
        let mut homes: Vec<Home> = self
            .rbac
            .bindings_naming(subject)
            .filter_map(|binding| match &binding.namespace {
                None => Some(Home::Cluster),
                Some(namespace) => {
                    let in_scope = self.inventory.namespace(namespace).is_some();
                    in_scope.then(|| Home::Namespace(namespace.clone()))
                }
            })
            .collect();
        homes.sort();
        homes.dedup();
        homes
    }
}
