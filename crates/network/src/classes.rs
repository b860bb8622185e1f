//! Classes of pods: pods that no policy can tell apart are one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use plumbline_inventory::Name;
use plumbline_inventory::entries::Protocol;
use plumbline_inventory::labels::Labels;
use roaring::RoaringBitmap;

use crate::connections::Connections;

/// The number of a class. It is given anew once the class has gone.
pub(crate) type ClassId = u32;

/// Ports by name, in order.
pub(crate) type NamedPorts = Box<[(Name, Protocol, u16)]>;

/// What pods of one class have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    pub(crate) namespace: Name,
    /// Those labels that some selector reads.
    pub(crate) labels: Labels,
    /// Those ports that some policy means by name.
    pub(crate) ports: NamedPorts,
    /// On the network of the node: outside of every policy.
    pub(crate) host_network: bool,
}

impl Class {
    /// The ports of this name.
    pub(crate) fn port(&self, protocol: Option<Protocol>, name: &str) -> Connections {
        named(&self.ports, protocol, name)
    }
}

/// The ports of this name among `ports`: of one protocol, or of any.
pub(crate) fn named(ports: &NamedPorts, protocol: Option<Protocol>, name: &str) -> Connections {
    ports
        .iter()
        .filter(|(known, of, _)| **known == *name && protocol.is_none_or(|protocol| protocol == *of))
        .fold(Connections::none(), |all, (_, protocol, port)| {
            all.union(&Connections::ports(*protocol, *port, *port))
        })
}

/// What became of the classes since they were last settled.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Classes that came.
    pub(crate) added: RoaringBitmap,
    /// Classes that went. Their numbers are given anew only after [`Classes::forget`].
    pub(crate) removed: RoaringBitmap,
    /// The namespaces of both.
    pub(crate) namespaces: BTreeSet<Name>,
}

/// All classes, each with the number of those that count on it.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    slots: Vec<Option<(Arc<Class>, u32)>>,
    free: Vec<ClassId>,
    by_content: HashMap<Arc<Class>, ClassId>,
    by_namespace: BTreeMap<Name, RoaringBitmap>,
    /// Those that came since this was last settled.
    added: RoaringBitmap,
    /// Those that nobody may count on any more.
    idle: RoaringBitmap,
}

impl Classes {
    /// The class of this content, counted on once more.
    pub(crate) fn acquire(&mut self, class: Class) -> ClassId {
        if let Some(id) = self.by_content.get(&class) {
            self.slots[*id as usize]
                .as_mut()
                .expect("classes by content exist")
                .1 += 1;
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as ClassId - 1
        });
        let class = Arc::new(class);
        self.by_namespace
            .entry(Name::clone(&class.namespace))
            .or_default()
            .insert(id);
        self.slots[id as usize] = Some((Arc::clone(&class), 1));
        self.by_content.insert(class, id);
        self.added.insert(id);
        id
    }

    /// Counts on a class once less. It goes when the changes are settled.
    pub(crate) fn release(&mut self, id: ClassId) {
        let (_, users) = self.slots[id as usize]
            .as_mut()
            .expect("what is released was acquired");
        *users -= 1;
        if *users == 0 {
            self.idle.insert(id);
        }
    }

    /// Lets go of classes that nobody counts on; tells which classes came and which went.
    pub(crate) fn settle(&mut self) -> Settled {
        let mut removed = RoaringBitmap::new();
        let mut namespaces = BTreeSet::new();
        for id in std::mem::take(&mut self.idle) {
            if let Some((class, _)) = self.slots[id as usize].take_if(|(_, users)| *users == 0) {
                self.by_content.remove(&class);
                let of_namespace = self
                    .by_namespace
                    .get_mut(&class.namespace)
                    .expect("it was put there");
                of_namespace.remove(id);
                if of_namespace.is_empty() {
                    self.by_namespace.remove(&class.namespace);
                }
                removed.insert(id);
                namespaces.insert(Name::clone(&class.namespace));
            }
        }
        let added = std::mem::take(&mut self.added) - &removed;
        let of_added = added.iter().map(|id| Name::clone(&self.expect(id).namespace));
        namespaces.extend(of_added);
        Settled {
            added,
            removed,
            namespaces,
        }
    }

    /// The numbers of these classes may be given anew.
    pub(crate) fn forget(&mut self, removed: &RoaringBitmap) {
        self.free.extend(removed);
    }

    pub(crate) fn get(&self, id: ClassId) -> Option<&Class> {
        self.slots.get(id as usize)?.as_ref().map(|(class, _)| &**class)
    }

    /// The class of a number that is in use.
    pub(crate) fn expect(&self, id: ClassId) -> &Class {
        self.get(id).expect("the class exists")
    }

    /// Every class, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        let classes = (0..).zip(&self.slots);
        classes.filter_map(|(id, slot)| Some((id, &*slot.as_ref()?.0)))
    }

    /// The number that no class has reached.
    pub(crate) fn end(&self) -> ClassId {
        self.slots.len() as ClassId
    }

    /// Namespaces with their classes, ordered by name.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = (&Name, &RoaringBitmap)> {
        self.by_namespace.iter()
    }

    /// The classes of a namespace.
    pub(crate) fn of_namespace(&self, namespace: &str) -> Option<&RoaringBitmap> {
        self.by_namespace.get(namespace)
    }
}
