//! What policies select: sets of classes, each computed once however many policies select the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plumbline_inventory::Name;
use plumbline_inventory::labels::{Labels, Selector};
use roaring::RoaringBitmap;

use crate::classes::{Class, ClassId, Classes};

/// The number of a selection. It is given anew once the selection has gone.
pub(crate) type SelectionId = u32;

/// Namespaces that pods are selected from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// One, by name: that of the policy.
    Namespace(Name),
    /// Those with such labels.
    Labelled(Selector),
}

/// Labels of namespaces by their names.
pub(crate) type NamespaceLabels = BTreeMap<Name, Labels>;

/// Pods that are selected by their labels and those of their namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pods {
    pub(crate) scope: Scope,
    pub(crate) selector: Selector,
}

impl Pods {
    fn select(&self, class: &Class, namespaces: &NamespaceLabels) -> bool {
        self.in_scope(&class.namespace, namespaces) && self.of_namespace(class)
    }

    fn in_scope(&self, name: &Name, namespaces: &NamespaceLabels) -> bool {
        match &self.scope {
            Scope::Namespace(namespace) => namespace == name,
            Scope::Labelled(selector) => namespaces
                .get(name)
                .is_some_and(|labels| selector.matches(labels)),
        }
    }

    fn keys_read(&self) -> impl Iterator<Item = KeyRead> {
        let namespace = match &self.scope {
            Scope::Namespace(namespace) => Some(namespace),
            Scope::Labelled(_) => None,
        };
        self.selector
            .keys()
            .map(move |key| (namespace.cloned(), key.into()))
    }

    /// Whether a class of a namespace in scope is selected.
    fn of_namespace(&self, class: &Class) -> bool {
        !class.host_network && self.selector.matches(&class.labels)
    }
}

/// The key of a pod label, and the namespace in whose pods it is read; `None` are those of all namespaces.
pub(crate) type KeyRead = (Option<Name>, Box<str>);

#[derive(Debug)]
struct Selection {
    pods: Pods,
    members: RoaringBitmap,
    users: u32,
}

/// All selections, each with the number of policies that count on it.
#[derive(Debug, Default)]
pub(crate) struct Selections {
    slots: Vec<Option<Selection>>,
    free: Vec<SelectionId>,
    by_content: HashMap<Pods, SelectionId>,
    by_namespace: BTreeMap<Name, BTreeSet<SelectionId>>,
    /// Those that look at namespaces by their labels.
    labelled: BTreeSet<SelectionId>,
    /// Those that have not been computed yet.
    fresh: BTreeSet<SelectionId>,
    /// Keys of pod labels that are read, and how often.
    keys: BTreeMap<KeyRead, u32>,
    /// Keys that are read and were not, or are no longer.
    changed_keys: BTreeSet<KeyRead>,
}

impl Selections {
    /// The selection of these pods, counted on once more.
    pub(crate) fn acquire(&mut self, pods: Pods) -> SelectionId {
        if let Some(id) = self.by_content.get(&pods) {
            self.slots[*id as usize]
                .as_mut()
                .expect("selections by content exist")
                .users += 1;
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as SelectionId - 1
        });
        for read in pods.keys_read() {
            let readers = self.keys.entry(read.clone()).or_default();
            *readers += 1;
            if *readers == 1 {
                toggle(&mut self.changed_keys, read);
            }
        }
        match &pods.scope {
            Scope::Namespace(name) => self.by_namespace.entry(Name::clone(name)).or_default().insert(id),
            Scope::Labelled(_) => self.labelled.insert(id),
        };
        self.by_content.insert(pods.clone(), id);
        self.slots[id as usize] = Some(Selection {
            pods,
            members: RoaringBitmap::new(),
            users: 1,
        });
        self.fresh.insert(id);
        id
    }

    /// Counts on a selection once less.
    pub(crate) fn release(&mut self, id: SelectionId) {
        let slot = &mut self.slots[id as usize];
        let selection = slot.as_mut().expect("what is released was acquired");
        selection.users -= 1;
        let Some(Selection { pods, .. }) = slot.take_if(|selection| selection.users == 0) else {
            return;
        };
        for read in pods.keys_read() {
            let readers = self.keys.get_mut(&read).expect("it was counted");
            *readers -= 1;
            if *readers == 0 {
                self.keys.remove(&read);
                toggle(&mut self.changed_keys, read);
            }
        }
        match &pods.scope {
            Scope::Namespace(name) => {
                let of_namespace = self.by_namespace.get_mut(name).expect("it was put there");
                of_namespace.remove(&id);
                if of_namespace.is_empty() {
                    self.by_namespace.remove(name);
                }
            }
            Scope::Labelled(_) => {
                self.labelled.remove(&id);
            }
        }
        self.by_content.remove(&pods);
        self.fresh.remove(&id);
        self.free.push(id);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_content.len()
    }

    /// Keys of labels of pods in this namespace that some selector reads.
    pub(crate) fn keys_read_in(&self, namespace: &Name) -> BTreeSet<&str> {
        let of = |namespace: Option<Name>| {
            let first: KeyRead = (namespace.clone(), "".into());
            let known = self.keys.range(first..).map(|(read, _)| read);
            known
                .take_while(move |read| read.0 == namespace)
                .map(|(_, key)| &**key)
        };
        of(None).chain(of(Some(Name::clone(namespace)))).collect()
    }

    /// Keys of pod labels that are read and were not, or are no longer, since this was last asked.
    pub(crate) fn take_changed_keys(&mut self) -> BTreeSet<KeyRead> {
        std::mem::take(&mut self.changed_keys)
    }

    /// Whether every pod of every namespace is selected.
    pub(crate) fn is_everything(&self, id: SelectionId) -> bool {
        let pods = &self.slots[id as usize]
            .as_ref()
            .expect("the selection exists")
            .pods;
        pods.selector.is_empty() && matches!(&pods.scope, Scope::Labelled(selector) if selector.is_empty())
    }

    /// Whether it selects in one namespace by name only.
    pub(crate) fn is_local(&self, id: SelectionId) -> bool {
        let selection = self.slots[id as usize].as_ref().expect("the selection exists");
        matches!(selection.pods.scope, Scope::Namespace(_))
    }

    /// The classes that are selected.
    pub(crate) fn members(&self, id: SelectionId) -> &RoaringBitmap {
        &self.slots[id as usize]
            .as_ref()
            .expect("the selection exists")
            .members
    }

    /// Looks again at whether `touched` classes are selected, and at every class for selections that are new;
    /// tells which selections have changed.
    pub(crate) fn refresh(
        &mut self,
        touched: &RoaringBitmap,
        touched_namespaces: &BTreeSet<Name>,
        classes: &Classes,
        namespaces: &NamespaceLabels,
    ) -> BTreeSet<SelectionId> {
        let mut changed = BTreeSet::new();
        let fresh = std::mem::take(&mut self.fresh);
        let local = touched_namespaces
            .iter()
            .filter_map(|namespace| self.by_namespace.get(namespace));
        let known: Vec<SelectionId> = self.labelled.iter().chain(local.flatten()).copied().collect();
        for id in known.into_iter().filter(|id| !fresh.contains(id)) {
            let selection = self.slots[id as usize]
                .as_mut()
                .expect("indexed selections exist");
            if selection.look_again(touched, classes, namespaces) {
                changed.insert(id);
            }
        }
        for id in fresh {
            let selection = self.slots[id as usize].as_mut().expect("fresh selections exist");
            selection.compute(classes, namespaces);
            changed.insert(id);
        }
        changed
    }
}

impl Selection {
    fn compute(&mut self, classes: &Classes, namespaces: &NamespaceLabels) {
        let pods = &self.pods;
        let selected = |id: &ClassId| pods.of_namespace(classes.expect(*id));
        self.members = match &pods.scope {
            Scope::Namespace(namespace) => {
                let there = classes.of_namespace(namespace).into_iter().flatten();
                there.filter(selected).collect()
            }
            Scope::Labelled(selector) => {
                let in_scope = namespaces.iter().filter(|(_, labels)| selector.matches(labels));
                let there = in_scope.filter_map(|(name, _)| classes.of_namespace(name));
                there
                    .flat_map(|classes| classes.iter().filter(selected))
                    .collect()
            }
        };
    }

    fn look_again(
        &mut self,
        touched: &RoaringBitmap,
        classes: &Classes,
        namespaces: &NamespaceLabels,
    ) -> bool {
        let mut changed = false;
        for id in touched {
            let selected = classes
                .get(id)
                .is_some_and(|class| self.pods.select(class, namespaces));
            changed |= if selected {
                self.members.insert(id)
            } else {
                self.members.remove(id)
            };
        }
        changed
    }
}

/// What is changed back has not changed.
fn toggle(changed: &mut BTreeSet<KeyRead>, read: KeyRead) {
    if !changed.remove(&read) {
        changed.insert(read);
    }
}
