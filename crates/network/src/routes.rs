//! Routes of the Gateway API that lead from one namespace into another.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId};

/// Routes, each with the namespaces beside its own that its backends or its gateways are in. Those that stay in
/// their own namespace are left out.
#[derive(Debug, Default)]
pub(crate) struct Routes(BTreeMap<ObjectId, BTreeSet<Name>>);

impl Routes {
    /// Looks at a route again; what it led into before and leads into now goes to `touched`.
    pub(crate) fn renew(&mut self, inventory: &Inventory, route: &ObjectId, touched: &mut BTreeSet<Name>) {
        let own = route.namespace.as_ref().expect("routes are in namespaces");
        let facts = inventory
            .namespace(own)
            .and_then(|namespace| namespace.route(route.kind, &route.name));
        let foreign: BTreeSet<Name> = facts
            .into_iter()
            .flat_map(|route| {
                let gateways = route
                    .gateways
                    .iter()
                    .filter_map(|(namespace, _)| namespace.clone());
                let backends = route
                    .backends
                    .iter()
                    .filter_map(|backend| backend.namespace.clone());
                gateways.chain(backends)
            })
            .filter(|namespace| namespace != own)
            .collect();
        touched.insert(Name::clone(own));
        touched.extend(foreign.iter().cloned());
        let before = if foreign.is_empty() {
            self.0.remove(route)
        } else {
            self.0.insert(route.clone(), foreign)
        };
        touched.extend(before.into_iter().flatten());
    }

    /// Adds the namespaces of routes that lead into a namespace in which something changed that they look at.
    pub(crate) fn look_into(&self, dirty: &Dirty, touched: &mut BTreeSet<Name>) {
        if self.0.is_empty() {
            return;
        }
        let mut changed: BTreeSet<&Name> = dirty.roots.iter().map(|root| &root.namespace).collect();
        let topics = dirty
            .topics
            .iter()
            .filter(|topic| matches!(topic.kind, Kind::Namespace | Kind::Service | Kind::Gateway));
        changed.extend(topics.filter_map(|topic| topic.namespace.as_ref()));
        changed.extend(touched.iter());
        let led = self
            .0
            .iter()
            .filter(|(_, foreign)| foreign.iter().any(|namespace| changed.contains(namespace)))
            .filter_map(|(route, _)| route.namespace.clone());
        let led: Vec<Name> = led.collect();
        touched.extend(led);
    }

    /// Routes of a namespace that lead out of it.
    pub(crate) fn of_namespace<'a>(&'a self, namespace: &'a Name) -> impl Iterator<Item = &'a ObjectId> {
        self.0
            .keys()
            .filter(move |route| route.namespace.as_ref() == Some(namespace))
    }

    /// Routes of other namespaces that lead into one.
    pub(crate) fn leading_into<'a>(&'a self, namespace: &'a Name) -> impl Iterator<Item = &'a ObjectId> {
        self.0
            .iter()
            .filter(move |(_, foreign)| foreign.contains(namespace))
            .map(|(route, _)| route)
    }
}
