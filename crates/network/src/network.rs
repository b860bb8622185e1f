//! The network: kept up to date with an inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plumbline_inventory::labels::Labels;
use plumbline_inventory::template::{Role, Template};
use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId, RootKey, Topic};
use roaring::RoaringBitmap;

use crate::classes::{Class, ClassId, Classes, NamedPorts, Settled};
use crate::compile::{Compiler, cluster_policy, network_policy};
use crate::plugins::Plugins;
use crate::policy::{Direction, Policy, Rule, Stage, Tier};
use crate::problem::Problem;
use crate::profiles::{Profile, ProfileId, ProfileKey, Profiles};
use crate::ranges::ClusterRanges;
use crate::routes::Routes;
use crate::selections::{NamespaceLabels, Selections};
use crate::touched::Touched;
use crate::verdict::Judge;

/// The label that the API server gives every namespace: its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A name that no namespace can have: that of the namespace of [`OUTSIDER`].
const NOWHERE: &str = "(ingress controller)";

/// The class of a pod that nobody has labelled, in a namespace that nobody knows: what any pod of the cluster may
/// do, it may. It stands for controllers that lead traffic in.
pub(crate) const OUTSIDER: ClassId = 0;

/// Who may talk to whom.
#[derive(Debug)]
pub struct Network {
    pub(crate) classes: Classes,
    pub(crate) selections: Selections,
    pub(crate) profiles: Profiles,
    /// What decides on each class, for egress and ingress.
    governed: BTreeMap<ClassId, [Governed; 2]>,
    pub(crate) workloads: BTreeMap<RootKey, Box<[Member]>>,
    namespaces: NamespaceLabels,
    policies: BTreeMap<ObjectId, Known>,
    /// Policies in the order in which they are asked.
    order: BTreeMap<(Tier, ObjectId), (Serial, Arc<Policy>)>,
    by_serial: BTreeMap<Serial, Arc<Policy>>,
    serials: Serial,
    /// Names of ports that policies read, and how often.
    port_names: BTreeMap<Name, u32>,
    /// The network plugins that there are.
    pub(crate) plugins: Plugins,
    /// Routes, with the namespaces beside their own that they lead to or hang in.
    pub(crate) routes: Routes,
    /// Addresses that are the cluster's own.
    pub(crate) ranges: ClusterRanges,
    /// What is wrong with policies of the whole cluster.
    cluster_problems: Vec<Problem>,
}

/// What decides on a class in one direction.
#[derive(Debug)]
struct Governed {
    profile: ProfileId,
    /// The policies that select it, in the order in which they are asked.
    policies: Box<[Serial]>,
}

/// The number of a policy as it was compiled: what is compiled again gets another one.
type Serial = u64;

/// A policy, and what is wrong with it.
#[derive(Debug)]
struct Known {
    serial: Serial,
    policy: Option<Arc<Policy>>,
    problems: Vec<String>,
}

/// Pods of a workload that are alike.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) labels: Arc<Labels>,
    pub(crate) template: Arc<Template>,
    pub(crate) class: ClassId,
}

/// Keys of pod labels that are read, by namespace.
type KeysRead = BTreeMap<Name, BTreeSet<Box<str>>>;

/// What an update has to look at.
#[derive(Default)]
struct Work {
    namespaces: BTreeSet<Name>,
    workloads: BTreeSet<RootKey>,
    policies: BTreeSet<ObjectId>,
    routes: BTreeSet<ObjectId>,
    /// Whether nodes have changed.
    nodes: bool,
    /// Classes whose policies may be others than before.
    affected: RoaringBitmap,
}

impl Default for Network {
    /// The network of nothing.
    fn default() -> Self {
        let mut network = Self {
            classes: Classes::default(),
            selections: Selections::default(),
            profiles: Profiles::default(),
            governed: BTreeMap::new(),
            workloads: BTreeMap::new(),
            namespaces: BTreeMap::from([(
                NOWHERE.into(),
                Labels::default().with(NAME_LABEL, &NOWHERE.into()),
            )]),
            policies: BTreeMap::new(),
            order: BTreeMap::new(),
            by_serial: BTreeMap::new(),
            serials: 0,
            port_names: BTreeMap::new(),
            plugins: Plugins::default(),
            routes: Routes::default(),
            ranges: ClusterRanges::default(),
            cluster_problems: Vec::new(),
        };
        network.classes.acquire(Class {
            namespace: NOWHERE.into(),
            labels: Labels::default(),
            ports: Box::default(),
            host_network: false,
        });
        network
    }
}

impl Network {
    /// The network of a cluster.
    pub fn of(inventory: &Inventory) -> Self {
        let mut network = Self::default();
        let namespaces = inventory
            .namespaces()
            .map(|namespace| Name::clone(namespace.name()));
        let policies = inventory
            .cluster_policies()
            .map(|(kind, name, _)| cluster_id(kind, name));
        network.renew(
            inventory,
            Work {
                namespaces: namespaces.collect(),
                policies: policies.collect(),
                nodes: true,
                ..Work::default()
            },
        );
        network
    }

    /// Follows a change of the cluster: afterwards the network is that of the inventory as it is now. Tells where
    /// what can be asked of a namespace may have another answer.
    pub fn update(&mut self, inventory: &Inventory, dirty: &Dirty) -> Touched {
        let mut work = Work {
            workloads: dirty.roots.clone(),
            policies: dirty
                .objects
                .iter()
                .filter(|id| is_policy(id.kind))
                .cloned()
                .collect(),
            routes: dirty
                .objects
                .iter()
                .filter(|id| id.kind.is_route())
                .cloned()
                .collect(),
            ..Work::default()
        };
        for Topic { kind, namespace } in &dirty.topics {
            match (kind, namespace) {
                (Kind::Namespace, Some(namespace)) => {
                    work.namespaces.insert(Name::clone(namespace));
                }
                (Kind::Node, _) => work.nodes = true,
                _ => {}
            }
        }
        // Offline a namespace is there as soon as something is in it.
        let news = work.workloads.iter().map(|key| &key.namespace);
        let news: Vec<Name> = news
            .filter(|name| !self.namespaces.contains_key(*name))
            .cloned()
            .collect();
        work.namespaces.extend(news);
        let mut touched = self.renew(inventory, work);
        self.routes.look_into(dirty, &mut touched.namespaces);
        touched
    }

    fn renew(&mut self, inventory: &Inventory, mut work: Work) -> Touched {
        for namespace in work.namespaces.clone() {
            self.renew_namespace(inventory, &namespace, &mut work);
        }
        let mut told = Touched::default();
        for route in &work.routes {
            self.routes.renew(inventory, route, &mut told.namespaces);
        }
        if work.nodes {
            self.ranges = ClusterRanges::of(inventory);
        }
        let changed_ports = self.renew_policies(inventory, &mut work);
        self.renew_workloads(inventory, &changed_ports, &work);
        let enforcement = self.enforcement();
        for key in work.workloads.iter().filter(|key| key.kind == Kind::DaemonSet) {
            self.plugins.renew(inventory, key);
        }
        told.everywhere |= enforcement != self.enforcement();

        let Settled {
            added,
            removed,
            mut namespaces,
        } = self.classes.settle();
        told.namespaces.append(&mut namespaces.clone());
        namespaces.extend(work.namespaces.iter().cloned());
        let mut touched = &added | &removed;
        for namespace in &work.namespaces {
            touched |= self.classes.of_namespace(namespace).cloned().unwrap_or_default();
        }
        for id in &removed {
            self.leave(id);
        }
        let changed = self
            .selections
            .refresh(&touched, &namespaces, &self.classes, &self.namespaces);
        work.affected |= &touched;
        work.affected -= &removed;
        for id in &work.policies {
            if let Some(policy) = self.policies.get(id).and_then(|known| known.policy.as_ref()) {
                work.affected |= self.selections.members(policy.subject);
            }
        }
        let mut anew = self.govern(&work.affected);
        let judge = Judge {
            classes: &self.classes,
            selections: &self.selections,
        };
        anew |= self.profiles.judge(&judge, &changed, !touched.is_empty());
        let of_anew = anew
            .iter()
            .filter(|class| *class != OUTSIDER)
            .map(|class| Name::clone(&self.classes.expect(class).namespace));
        told.namespaces.extend(of_anew);
        self.classes.forget(&removed);
        let of_policies = work.policies.iter().filter_map(|id| id.namespace.clone());
        told.namespaces.extend(of_policies);
        if work.policies.iter().any(|id| id.namespace.is_none()) {
            let before = std::mem::take(&mut self.cluster_problems);
            self.cluster_problems = self.problems_of_cluster();
            told.everywhere |= before != self.cluster_problems;
        }
        told
    }

    /// Everything in a namespace that came, left or was labelled otherwise has to be looked at.
    fn renew_namespace(&mut self, inventory: &Inventory, name: &Name, work: &mut Work) {
        let view = inventory.namespace(name);
        if let Some(view) = view {
            self.namespaces.insert(Name::clone(name), labels_of(view));
            work.workloads
                .extend(view.workloads().map(|workload| workload.key()));
            work.policies
                .extend(view.network_policies().map(|(policy, _)| policy_id(name, policy)));
            work.routes.extend(view.routes().map(|(kind, route, _)| ObjectId {
                kind,
                namespace: Some(Name::clone(name)),
                name: Name::clone(route),
            }));
        } else {
            self.namespaces.remove(name);
        }
        let first = RootKey {
            namespace: Name::clone(name),
            kind: Kind::ALL[0],
            name: "".into(),
        };
        let known = self.workloads.range(first..).map(|(key, _)| key);
        work.workloads
            .extend(known.take_while(|key| key.namespace == *name).cloned());
        let known = self
            .policies
            .range(policy_id(name, &"".into())..)
            .map(|(id, _)| id);
        let known =
            known.take_while(|id| id.kind == Kind::NetworkPolicy && id.namespace.as_ref() == Some(name));
        work.policies.extend(known.cloned());
        work.routes.extend(self.routes.of_namespace(name).cloned());
    }

    /// Compiles policies again; tells names of ports that are read and were not, or are no longer.
    fn renew_policies(&mut self, inventory: &Inventory, work: &mut Work) -> BTreeSet<Name> {
        let mut changed_ports = BTreeSet::new();
        for id in &work.policies {
            let new = self.compile(inventory, id);
            for name in new
                .iter()
                .filter_map(|known| known.policy.as_ref())
                .flat_map(|policy| policy.port_names())
            {
                let readers = self.port_names.entry(Name::clone(name)).or_default();
                *readers += 1;
                if *readers == 1 {
                    changed_ports.insert(Name::clone(name));
                }
            }
            if let Some(known) = self.policies.remove(id) {
                self.drop_policy(known, &mut work.affected, &mut changed_ports);
            }
            if let Some(known) = new {
                if let Some(policy) = &known.policy {
                    let place = (policy.tier, id.clone());
                    self.order.insert(place, (known.serial, Arc::clone(policy)));
                    self.by_serial.insert(known.serial, Arc::clone(policy));
                }
                self.policies.insert(id.clone(), known);
            }
        }
        changed_ports
    }

    fn compile(&mut self, inventory: &Inventory, id: &ObjectId) -> Option<Known> {
        let mut compiler = Compiler::new(&mut self.selections);
        let (policy, mut problems) = if let Some(namespace) = &id.namespace {
            let facts = inventory.namespace(namespace)?.network_policy(&id.name)?;
            if let Some(version) = &facts.unknown_version {
                (None, vec![unknown_version(version)])
            } else {
                let policy = network_policy(&mut compiler, id, &facts.spec);
                compiler.finish(policy)
            }
        } else {
            let facts = inventory.cluster_policy(id.kind, &id.name)?;
            if let Some(version) = &facts.unknown_version {
                (None, vec![unknown_version(version)])
            } else {
                let policy = cluster_policy(&mut compiler, id, &facts.spec);
                compiler.finish(policy)
            }
        };
        problems.dedup();
        self.serials += 1;
        Some(Known {
            serial: self.serials,
            policy: policy.map(Arc::new),
            problems,
        })
    }

    fn drop_policy(
        &mut self,
        known: Known,
        affected: &mut RoaringBitmap,
        changed_ports: &mut BTreeSet<Name>,
    ) {
        let Some(policy) = known.policy else {
            return;
        };
        *affected |= self.selections.members(policy.subject);
        for name in policy.port_names() {
            let readers = self.port_names.get_mut(name).expect("it was counted");
            *readers -= 1;
            if *readers == 0 {
                self.port_names.remove(name);
                changed_ports.insert(Name::clone(name));
            }
        }
        for id in &policy.selections {
            self.selections.release(*id);
        }
        self.by_serial.remove(&known.serial);
        self.order.remove(&(policy.tier, policy.id.clone()));
    }

    /// Finds the classes of pods: of workloads that have changed, and of those with labels or ports that are read
    /// now and were not.
    fn renew_workloads(&mut self, inventory: &Inventory, changed_ports: &BTreeSet<Name>, work: &Work) {
        let mut keys = KeysRead::default();
        for key in &work.workloads {
            let members: Box<[Member]> = inventory
                .workload(key)
                .map(|workload| self.members_of(&workload, &mut keys))
                .unwrap_or_default();
            let before = if members.is_empty() {
                self.workloads.remove(key)
            } else {
                self.workloads.insert(key.clone(), members)
            };
            for member in before.iter().flatten() {
                self.classes.release(member.class);
            }
        }
        for key in self.told_apart_anew(changed_ports) {
            let Some(mut members) = self.workloads.remove(&key) else {
                continue;
            };
            for member in &mut members {
                let class = self.class_of(&key.namespace, &member.labels, &member.template, &mut keys);
                let before = std::mem::replace(&mut member.class, self.classes.acquire(class));
                self.classes.release(before);
            }
            self.workloads.insert(key, members);
        }
    }

    /// Workloads with labels or ports that are read now and were not, or are no longer.
    fn told_apart_anew(&mut self, changed_ports: &BTreeSet<Name>) -> BTreeSet<RootKey> {
        let changed_keys = self.selections.take_changed_keys();
        let has =
            |members: &[Member], key: &str| members.iter().any(|member| member.labels.get(key).is_some());
        let mut anew = BTreeSet::new();
        for (namespace, key) in &changed_keys {
            let workloads: Box<dyn Iterator<Item = (&RootKey, &[Member])>> = match namespace {
                Some(namespace) => Box::new(self.workloads_of(namespace)),
                None => Box::new(self.workloads.iter().map(|(key, members)| (key, &**members))),
            };
            let concerned = workloads.filter(|(_, members)| has(members, key));
            anew.extend(concerned.map(|(key, _)| key.clone()));
        }
        if !changed_ports.is_empty() {
            let listens =
                |member: &Member| ports_of(&member.template).any(|(name, _, _)| changed_ports.contains(name));
            let concerned = self
                .workloads
                .iter()
                .filter(|(_, members)| members.iter().any(listens));
            anew.extend(concerned.map(|(key, _)| key.clone()));
        }
        anew
    }

    fn members_of(&mut self, workload: &WorkloadView<'_>, keys: &mut KeysRead) -> Box<[Member]> {
        let mut members: Vec<Member> = Vec::new();
        for (labels, template) in pods_of(workload) {
            let known = members
                .iter()
                .any(|m| Arc::ptr_eq(&m.labels, labels) && Arc::ptr_eq(&m.template, template));
            if !known {
                let class = self.class_of(workload.namespace().name(), labels, template, keys);
                members.push(Member {
                    labels: Arc::clone(labels),
                    template: Arc::clone(template),
                    class: self.classes.acquire(class),
                });
            }
        }
        members.into()
    }

    fn class_of(&self, namespace: &Name, labels: &Labels, template: &Template, keys: &mut KeysRead) -> Class {
        if template.host_network {
            return Class {
                namespace: Name::clone(namespace),
                labels: Labels::default(),
                ports: Box::default(),
                host_network: true,
            };
        }
        let ports = ports_of(template).filter(|(name, _, _)| self.port_names.contains_key(*name));
        let ports: BTreeSet<_> = ports
            .map(|(name, protocol, port)| (Name::clone(name), protocol, port))
            .collect();
        let read = keys.entry(Name::clone(namespace)).or_insert_with(|| {
            let read = self.selections.keys_read_in(namespace);
            read.into_iter().map(Box::from).collect()
        });
        Class {
            namespace: Name::clone(namespace),
            labels: labels.only(|key| read.contains(key)),
            ports: ports.into_iter().collect(),
            host_network: false,
        }
    }

    /// Finds the policies that select these classes; tells which classes have come under other rules.
    fn govern(&mut self, affected: &RoaringBitmap) -> RoaringBitmap {
        let mut changed = RoaringBitmap::new();
        let none = || <[Vec<Serial>; 2]>::default();
        let mut selecting: BTreeMap<ClassId, [Vec<Serial>; 2]> =
            affected.iter().map(|id| (id, none())).collect();
        for (serial, policy) in self.order.values() {
            let subject = self.selections.members(policy.subject);
            if subject.is_disjoint(affected) {
                continue;
            }
            for class in subject & affected {
                let lists = selecting.get_mut(&class).expect("it is affected");
                for (list, direction) in lists.iter_mut().zip(Direction::BOTH) {
                    if policy.rules(direction).is_some() {
                        list.push(*serial);
                    }
                }
            }
        }
        for (class, [egress, ingress]) in selecting {
            let governed =
                [(Direction::Egress, egress), (Direction::Ingress, ingress)].map(|(direction, policies)| {
                    let key = self.profile_key(class, direction, &policies);
                    Governed {
                        profile: self.profiles.join(key, class),
                        policies: policies.into(),
                    }
                });
            let now = [governed[0].profile, governed[1].profile];
            for (before, now) in self
                .governed
                .insert(class, governed)
                .into_iter()
                .flatten()
                .zip(now)
            {
                if before.profile != now {
                    self.profiles.leave(before.profile, class);
                    changed.insert(class);
                }
            }
        }
        changed
    }

    fn profile_key(&self, class: ClassId, direction: Direction, policies: &[Serial]) -> ProfileKey {
        let policies = policies.iter().map(|serial| self.policy_of(*serial));
        let rules =
            policies.filter_map(|policy| Some((policy.tier.stage(), Arc::clone(policy.rules(direction)?))));
        let rules: Box<[(Stage, Arc<[Rule]>)]> = rules.collect();
        let mut each = rules.iter().flat_map(|(_, rules)| rules.iter());
        let reads_ports = direction == Direction::Ingress && each.any(|rule| !rule.ports.names.is_empty());
        ProfileKey {
            direction,
            ports: if reads_ports {
                self.classes.expect(class).ports.clone()
            } else {
                NamedPorts::default()
            },
            rules,
        }
    }

    fn leave(&mut self, class: ClassId) {
        for governed in self.governed.remove(&class).into_iter().flatten() {
            self.profiles.leave(governed.profile, class);
        }
    }

    /// What is wrong with policies, ordered by object.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self
            .policies
            .iter()
            .flat_map(|(id, known)| problems_of(id, known))
            .chain(self.shared_priorities().map(|(id, message)| Problem {
                object: id.clone(),
                message,
            }))
            .collect();
        problems.sort();
        problems
    }

    /// What is wrong with the policies of a namespace, ordered by object.
    pub fn problems_in(&self, namespace: &Name) -> Vec<Problem> {
        let first = policy_id(namespace, &"".into());
        let known = self.policies.range(first..);
        let here = known
            .take_while(|(id, _)| id.kind == Kind::NetworkPolicy && id.namespace.as_ref() == Some(namespace));
        here.flat_map(|(id, known)| problems_of(id, known)).collect()
    }

    /// What is wrong with policies of the whole cluster.
    pub fn cluster_problems(&self) -> &[Problem] {
        &self.cluster_problems
    }

    fn problems_of_cluster(&self) -> Vec<Problem> {
        // The kinds of these policies stand side by side.
        let known = self
            .policies
            .range(cluster_id(Kind::AdminNetworkPolicy, &"".into())..);
        let of_cluster = known.take_while(|(id, _)| id.kind.is_cluster_policy());
        let mut problems: Vec<Problem> = of_cluster
            .flat_map(|(id, known)| problems_of(id, known))
            .collect();
        problems.extend(self.shared_priorities().map(|(id, message)| Problem {
            object: id.clone(),
            message,
        }));
        problems.sort();
        problems
    }

    /// Policies of which the API does not say which one is asked first.
    fn shared_priorities(&self) -> impl Iterator<Item = (&ObjectId, String)> {
        let of_cluster = || {
            let admin = self
                .order
                .keys()
                .take_while(|(tier, _)| matches!(tier, Tier::Admin(_)));
            let baseline = self
                .order
                .keys()
                .rev()
                .take_while(|(tier, _)| matches!(tier, Tier::Baseline(_)));
            admin.chain(baseline.collect::<Vec<_>>().into_iter().rev())
        };
        let pairs = of_cluster().zip(of_cluster().skip(1));
        let shared = pairs.filter(|((first, _), (second, _))| first == second);
        shared.map(|((_, first), (_, second))| {
            (second, format!("spec.priority: is that of {first} too; which of them counts is not defined, here {first} does"))
        })
    }

    /// The profile of a class in one direction.
    pub(crate) fn profile(&self, class: ClassId, direction: Direction) -> &Profile {
        self.profiles.expect(self.governed(class, direction).profile)
    }

    fn governed(&self, class: ClassId, direction: Direction) -> &Governed {
        let [egress, ingress] = &self.governed[&class];
        match direction {
            Direction::Egress => egress,
            Direction::Ingress => ingress,
        }
    }

    /// The workloads of a namespace.
    pub(crate) fn workloads_of(&self, namespace: &Name) -> impl Iterator<Item = (&RootKey, &[Member])> {
        let first = RootKey {
            namespace: Name::clone(namespace),
            kind: Kind::ALL[0],
            name: "".into(),
        };
        let known = self
            .workloads
            .range(first..)
            .map(|(key, members)| (key, &**members));
        known.take_while(move |(key, _)| key.namespace == *namespace)
    }

    /// The policies that select a class in one direction, in the order in which they are asked.
    pub(crate) fn deciding(&self, class: ClassId, direction: Direction) -> Vec<&Policy> {
        let serials = self.governed(class, direction).policies.iter();
        serials.map(|serial| self.policy_of(*serial)).collect()
    }

    fn policy_of(&self, serial: Serial) -> &Policy {
        &self.by_serial[&serial]
    }

    /// The policies of a namespace, ordered by name.
    pub(crate) fn policies_in(&self, namespace: &Name) -> impl Iterator<Item = &Policy> {
        let first = policy_id(namespace, &"".into());
        let known = self.policies.range(first..);
        let here = known.take_while(move |(id, _)| {
            id.kind == Kind::NetworkPolicy && id.namespace.as_ref() == Some(namespace)
        });
        here.filter_map(|(_, known)| known.policy.as_deref())
    }

    /// Policies in the order in which they are asked.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.order.values().map(|(_, policy)| &**policy)
    }
}

fn problems_of<'a>(id: &'a ObjectId, known: &'a Known) -> impl Iterator<Item = Problem> + 'a {
    known.problems.iter().map(|message| Problem {
        object: id.clone(),
        message: message.clone(),
    })
}

fn is_policy(kind: Kind) -> bool {
    kind == Kind::NetworkPolicy || kind.is_cluster_policy()
}

fn policy_id(namespace: &Name, name: &Name) -> ObjectId {
    ObjectId {
        kind: Kind::NetworkPolicy,
        namespace: Some(Name::clone(namespace)),
        name: Name::clone(name),
    }
}

fn cluster_id(kind: Kind, name: &Name) -> ObjectId {
    ObjectId {
        kind,
        namespace: None,
        name: Name::clone(name),
    }
}

fn unknown_version(version: &str) -> String {
    format!("apiVersion: {version} is not known; the policy is not evaluated")
}

/// The API server gives every namespace its name as a label; a manifest need not have it.
fn labels_of(namespace: NamespaceView<'_>) -> Labels {
    let labels = namespace.facts().map(|facts| &*facts.labels);
    let none = Labels::default();
    labels.unwrap_or(&none).with(NAME_LABEL, namespace.name())
}

/// The pods of a workload: those that are live, else those that it would make. A Job that has finished makes none,
/// and a `PodTemplate` makes none by itself.
fn pods_of<'a>(workload: &WorkloadView<'a>) -> Vec<(&'a Arc<Labels>, &'a Arc<Template>)> {
    let live: Vec<_> = workload
        .pods()
        .map(|(_, pod)| (&pod.labels, &pod.template))
        .collect();
    let makes_pods = match workload.kind() {
        Kind::Pod | Kind::PodTemplate => false,
        Kind::Job => workload.is_active(),
        // One that is scaled to zero may be scaled up at any time.
        _ => true,
    };
    if live.is_empty() && makes_pods {
        return vec![(workload.pod_labels(), workload.own_template())];
    }
    live
}

/// Named ports that a pod of this template listens on; an init container that ends before listens on none.
pub(crate) fn ports_of(
    template: &Template,
) -> impl Iterator<Item = (&Name, plumbline_inventory::entries::Protocol, u16)> {
    let containers = template.containers.iter();
    let running = containers.filter(|container| matches!(container.role, Role::Main | Role::Sidecar));
    running
        .flat_map(|container| &container.ports)
        .filter_map(|port| Some((port.name.as_ref()?, port.protocol, port.port)))
}
