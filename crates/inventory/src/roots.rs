//! Root owners: which workload a pod counts for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::facts::{Controller, Owner, Pod, Uid};
use crate::images::RunningImage;
use crate::inventory::Namespace;
use crate::kind::Kind;
use crate::names::Name;
use crate::store::Store;
use crate::template::Template;

/// A root workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootKey {
    /// Its namespace.
    pub namespace: Name,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
}

/// An object within a namespace.
pub(crate) type LocalKey = (Kind, Name);

/// The pods of a root workload, grouped by what makes them alike.
#[derive(Debug, Default)]
pub struct Root {
    /// Live pods.
    pub live: Vec<LiveGroup>,
    /// Pods that have ended and are still listed.
    pub terminated: u32,
}

/// Live pods of one root that have the same template, parent and revision, and run the same images.
#[derive(Debug)]
pub struct LiveGroup {
    /// What their specs say.
    pub template: Arc<Template>,
    /// Their direct owner.
    pub parent: Option<Owner>,
    /// The revision that they say they were made from.
    pub revision: Option<Name>,
    /// What their containers run.
    pub images: Arc<[RunningImage]>,
    /// How many there are.
    pub pods: u32,
}

impl Root {
    fn attach(&mut self, pod: &Pod) {
        if pod.terminated {
            self.terminated += 1;
            return;
        }
        match self.live.iter_mut().find(|group| group.holds(pod)) {
            Some(group) => group.pods += 1,
            None => self.live.push(LiveGroup {
                template: Arc::clone(&pod.admitted),
                parent: pod.owner.clone(),
                revision: revision_of(pod).map(Name::from),
                images: Arc::clone(&pod.images),
                pods: 1,
            }),
        }
    }

    fn detach(&mut self, pod: &Pod) {
        if pod.terminated {
            self.terminated -= 1;
            return;
        }
        let at = self.live.iter().position(|group| group.holds(pod));
        let at = at.expect("a pod is detached from the root that it was attached to");
        self.live[at].pods -= 1;
        if self.live[at].pods == 0 {
            self.live.swap_remove(at);
        }
    }

    /// How many pods are live.
    pub fn live_pods(&self) -> u32 {
        self.live.iter().map(|group| group.pods).sum()
    }
}

impl LiveGroup {
    fn holds(&self, pod: &Pod) -> bool {
        Arc::ptr_eq(&self.template, &pod.admitted)
            && self.parent == pod.owner
            && self.revision.as_deref() == revision_of(pod)
            && Arc::ptr_eq(&self.images, &pod.images)
    }
}

impl Namespace {
    /// The root owner of an object: the last one that its controller references reach.
    pub(crate) fn root_of(&self, key: &LocalKey) -> LocalKey {
        let owner = match key.0 {
            Kind::Pod => self.pods.get(&key.1).and_then(|pod| pod.owner.as_ref()),
            _ => self
                .controller(key)
                .and_then(|controller| controller.owner.as_ref()),
        };
        self.walk(key, owner)
    }

    /// The root owner of a pod that may have been taken out already.
    pub(crate) fn root_of_pod(&self, name: &Name, pod: &Pod) -> LocalKey {
        self.walk(&(Kind::Pod, Name::clone(name)), pod.owner.as_ref())
    }

    /// Follows owners to the last one. The API server does not refuse owners in a loop: the first in order of
    /// those in it counts as the last one then, so that nothing hides by owning itself.
    fn walk<'a>(&'a self, from: &LocalKey, mut owner: Option<&'a Owner>) -> LocalKey {
        let mut at = None;
        // Brent: a loop brings the walk back to a place that is noted after ever more steps.
        let (mut noted, mut steps, mut note_at) = (None, 0_u32, 1);
        while let Some(next) = owner.and_then(|owner| self.owning(owner)) {
            at = Some(next);
            if noted == at {
                return self.first_in_loop(next);
            }
            steps += 1;
            if steps == note_at {
                (noted, steps, note_at) = (at, 0, note_at * 2);
            }
            owner = self.controllers[&next.0]
                .get(next.1)
                .and_then(|controller| controller.owner.as_ref());
        }
        at.map_or_else(|| from.clone(), |(kind, name)| (kind, Name::clone(name)))
    }

    fn first_in_loop(&self, start: (Kind, &Name)) -> LocalKey {
        let (mut first, mut at) = (start, start);
        loop {
            let owner = self.controllers[&at.0].get(at.1).and_then(|it| it.owner.as_ref());
            at = owner
                .and_then(|owner| self.owning(owner))
                .expect("a loop goes on for ever");
            first = first.min(at);
            if at == start {
                return (first.0, Name::clone(first.1));
            }
        }
    }

    /// The controller that `owner` means: kind, name and uid are all its own.
    fn owning(&self, owner: &Owner) -> Option<(Kind, &Name)> {
        let kind = owner.known?;
        let (name, controller) = self.controllers.get(&kind)?.entry(&owner.name)?;
        (controller.uid == Some(owner.uid)).then_some((kind, name))
    }

    /// The controller that made `group`.
    pub(crate) fn parent_of(&self, group: &LiveGroup) -> Option<&Controller> {
        let (kind, name) = self.owning(group.parent.as_ref()?)?;
        self.controllers[&kind].get(name)
    }

    pub(crate) fn controller(&self, (kind, name): &LocalKey) -> Option<&Controller> {
        self.controllers.get(kind)?.get(name)
    }

    /// Counts a pod for its root, and tells which that is.
    pub(crate) fn attach(&mut self, name: &Name) -> LocalKey {
        let pod = self.pods.get(name).expect("a pod is attached after it was put");
        let root = self.root_of_pod(name, pod);
        self.roots.entry(root.clone()).or_default().attach(pod);
        root
    }

    /// Counts a pod that was `before` for the root that it has now; tells both roots.
    pub(crate) fn pod_changed(&mut self, key: &LocalKey, before: &Pod) -> [LocalKey; 2] {
        let root = self.root_of_pod(&key.1, before);
        self.detach(&root, before);
        let owner = self.pods.get(&key.1).and_then(Pod::owner_uid);
        if before.owner_uid() != owner {
            self.unlink(key, before.owner_uid());
            self.link(key, owner);
        }
        [root, self.attach(&key.1)]
    }

    /// Counts a pod for `root` no longer.
    pub(crate) fn detach(&mut self, root: &LocalKey, pod: &Pod) {
        let pods = self
            .roots
            .get_mut(root)
            .expect("a pod is detached from the root that it was attached to");
        pods.detach(pod);
        if pods.live.is_empty() && pods.terminated == 0 {
            self.roots.remove(root);
        }
    }

    /// Notes who owns an object.
    pub(crate) fn link(&mut self, key: &LocalKey, owner: Option<Uid>) {
        if let Some(owner) = owner {
            self.children.insert((owner, key.clone()));
        }
    }

    /// Forgets who owns an object.
    pub(crate) fn unlink(&mut self, key: &LocalKey, owner: Option<Uid>) {
        if let Some(owner) = owner {
            self.children.remove(&(owner, key.clone()));
        }
    }

    fn children(&self, owner: Uid) -> impl Iterator<Item = &LocalKey> {
        let first = (owner, (Kind::ALL[0], Name::from("")));
        self.children
            .range(first..)
            .take_while(move |(uid, _)| *uid == owner)
            .map(|(_, child)| child)
    }

    /// Changes who owns whom: takes the pods under `uids` out, lets `change` happen, puts them back where they
    /// belong now. Tells every root that this may have touched.
    pub(crate) fn rearrange(
        &mut self,
        key: &LocalKey,
        uids: [Option<Uid>; 2],
        change: impl FnOnce(&mut Self),
    ) -> BTreeSet<LocalKey> {
        let descendants = self.descendants(uids);
        let mut touched = BTreeSet::from([key.clone(), self.root_of(key)]);
        for (kind, name) in &descendants {
            if *kind == Kind::Pod {
                let pod = self
                    .pods
                    .get(name)
                    .expect("children are objects that exist")
                    .clone();
                let root = self.root_of_pod(name, &pod);
                self.detach(&root, &pod);
                touched.insert(root);
            }
        }
        change(self);
        for descendant in &descendants {
            if descendant.0 == Kind::Pod {
                touched.insert(self.attach(&descendant.1));
            }
        }
        touched.insert(self.root_of(key));
        touched.extend(descendants);
        touched
    }

    /// Pods that `uid` owns, directly or not, ordered by name.
    pub(crate) fn owned_pods(&self, uid: Option<Uid>) -> Vec<(&Name, &Pod)> {
        let owned = self.descendants([uid, None]);
        let pods = owned.iter().take_while(|(kind, _)| *kind == Kind::Pod);
        pods.filter_map(|(_, name)| self.pods.entry(name)).collect()
    }

    /// Everything that `uids` own, directly or not.
    fn descendants(&self, uids: [Option<Uid>; 2]) -> BTreeSet<LocalKey> {
        let mut found = BTreeSet::new();
        let mut pending: Vec<Uid> = uids.into_iter().flatten().collect();
        while let Some(uid) = pending.pop() {
            for child in self.children(uid) {
                if found.insert(child.clone()) {
                    pending.extend(self.controller(child).and_then(|controller| controller.uid));
                }
            }
        }
        found
    }

    /// Whether nothing is known of the namespace.
    pub(crate) fn is_empty(&self) -> bool {
        self.object.is_none()
            && self.pods.is_empty()
            && self.controllers.values().all(Store::is_empty)
            && self.service_accounts.is_empty()
            && self.limit_ranges.is_empty()
            && self.claims.is_empty()
            && self.services.is_empty()
            && self.ingresses.is_empty()
            && self.gateways.is_empty()
            && self.routes.values().all(Store::is_empty)
            && self.config_maps.is_empty()
            && self.roles.is_empty()
            && self.role_bindings.is_empty()
            && self.network_policies.is_empty()
    }

    /// Names of objects of `kind` that the listing `epoch` did not confirm.
    pub(crate) fn stale(&self, kind: Kind, epoch: u32) -> Vec<Name> {
        fn names<T>(store: &Store<T>, epoch: u32) -> Vec<Name> {
            store.stale(epoch).cloned().collect()
        }
        match kind {
            Kind::Pod => names(&self.pods, epoch),
            Kind::ServiceAccount => names(&self.service_accounts, epoch),
            Kind::LimitRange => names(&self.limit_ranges, epoch),
            Kind::PersistentVolumeClaim => names(&self.claims, epoch),
            Kind::Service => names(&self.services, epoch),
            Kind::Ingress => names(&self.ingresses, epoch),
            Kind::Gateway => names(&self.gateways, epoch),
            kind if kind.is_route() => self
                .routes
                .get(&kind)
                .map_or_else(Vec::new, |store| names(store, epoch)),
            Kind::ConfigMap => names(&self.config_maps, epoch),
            Kind::Role => names(&self.roles, epoch),
            Kind::RoleBinding => names(&self.role_bindings, epoch),
            Kind::NetworkPolicy => names(&self.network_policies, epoch),
            _ => self
                .controllers
                .get(&kind)
                .map_or_else(Vec::new, |store| names(store, epoch)),
        }
    }
}

/// The label by which pods of a `StatefulSet` or `DaemonSet` name the template that they were made from.
fn revision_of(pod: &Pod) -> Option<&str> {
    match pod.owner.as_ref()?.known? {
        Kind::StatefulSet => pod.labels.get("controller-revision-hash"),
        // The daemon set controller compares this one as well as its hash (`IsPodUpdated`), and only this one
        // can be compared with the DaemonSet itself: the hash is in a ControllerRevision.
        Kind::DaemonSet => pod.labels.get("pod-template-generation"),
        _ => None,
    }
}
