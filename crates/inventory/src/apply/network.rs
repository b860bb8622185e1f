//! Events of the objects that say who may talk to whom, and who leads traffic in.

use crate::entries::Facts;
use crate::facts::{ClusterPolicyFacts, NetworkPolicyFacts};
use crate::inventory::{Inventory, ObjectId};
use crate::kind::Kind;
use crate::lean;
use crate::names::Name;

impl Inventory {
    pub(super) fn apply_network_policy(&mut self, id: &ObjectId, policy: lean::NetworkPolicy) {
        let facts = NetworkPolicyFacts {
            unknown_version: unknown_version(id.kind, policy.api_version.as_deref()),
            spec: self.policy_specs.intern(policy.spec),
        };
        self.put_local(id, facts, |ns| &mut ns.network_policies);
    }

    pub(super) fn apply_cluster_policy(&mut self, id: &ObjectId, policy: lean::ClusterPolicy) {
        let facts = ClusterPolicyFacts {
            unknown_version: unknown_version(id.kind, policy.api_version.as_deref()),
            spec: policy.spec.into(),
        };
        self.put_global(id, facts, |inventory| {
            inventory.cluster_policies.entry(id.kind).or_default()
        });
    }

    pub(super) fn apply_service(&mut self, id: &ObjectId, service: &lean::Service) {
        let facts = self.entries().service(service);
        self.put_local(id, facts, |ns| &mut ns.services);
    }

    pub(super) fn apply_ingress(&mut self, id: &ObjectId, ingress: &lean::Ingress) {
        let facts = self.entries().ingress(ingress);
        self.put_local(id, facts, |ns| &mut ns.ingresses);
    }

    pub(super) fn apply_gateway(&mut self, id: &ObjectId, gateway: &lean::Gateway) {
        let facts = self.entries().gateway(gateway);
        self.put_local(id, facts, |ns| &mut ns.gateways);
    }

    pub(super) fn apply_route(&mut self, id: &ObjectId, route: &lean::Route) {
        let facts = self.entries().route(route);
        self.put_local(id, facts, |ns| ns.routes.entry(id.kind).or_default());
    }

    fn entries(&mut self) -> Facts<'_> {
        Facts {
            names: &mut self.names,
            label_sets: &mut self.label_sets,
        }
    }
}

/// The version of an object, if its fields are those of another version than the ones we know.
fn unknown_version(kind: Kind, api_version: Option<&str>) -> Option<Name> {
    let api_version = api_version?;
    let version = api_version.rsplit('/').next().unwrap_or_default();
    (!kind.versions().contains(&version)).then(|| Name::from(api_version))
}
