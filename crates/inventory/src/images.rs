//! Which images run: the digests that kubelets report, and what workloads say came of a scan of what they were built
//! from.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::Inventory;
use crate::labels::Labels;
use crate::lean;
use crate::names::{Name, Pool};
use crate::roots::{LocalKey, RootKey};

/// The image that a container of a pod runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunningImage {
    /// The container.
    pub container: Name,
    /// The digest that its runtime reports, as `sha256:…`. Which of them it is (of an index, a manifest or a
    /// configuration) depends on the runtime.
    pub digest: Name,
}

/// What a workload says came of a scan of the Dockerfile of one of its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum DockerfileScan {
    Failed,
    Passed,
}

/// Annotations that say so are `dockerfile-scan.<domain>/<container>`.
const SCAN: &str = "dockerfile-scan.";

impl DockerfileScan {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "failed" => Some(Self::Failed),
            "passed" => Some(Self::Passed),
            _ => None,
        }
    }

    /// What `annotations` say of each container: of one that is named twice the worse counts.
    fn all(annotations: &Labels) -> BTreeMap<&str, Self> {
        let mut all = BTreeMap::new();
        for (key, value) in annotations.iter() {
            let container = key
                .strip_prefix(SCAN)
                .and_then(|key| key.split_once('/'))
                .map(|(_, container)| container);
            if let (Some(container), Some(scan)) = (container, Self::parse(value)) {
                let known = all.entry(container).or_insert(scan);
                *known = scan.min(*known);
            }
        }
        all
    }
}

/// A digest that a workload runs, and what it says of it: by container, mostly nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    digest: Name,
    scans: Box<[(Name, DockerfileScan)]>,
}

/// The digests of a namespace's root workloads.
pub(crate) type Uses = BTreeMap<LocalKey, Box<[Use]>>;

/// Digests that run, in namespaces in scope or not.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// By digest, how many root workloads of which namespaces run it.
    users: BTreeMap<Name, BTreeMap<Name, u32>>,
    /// What workloads say of it.
    scans: BTreeMap<Name, BTreeMap<(RootKey, Name), DockerfileScan>>,
}

impl Images {
    fn add(&mut self, root: &RootKey, uses: &[Use]) {
        for Use { digest, scans } in uses {
            let namespaces = self.users.entry(Name::clone(digest)).or_default();
            *namespaces.entry(Name::clone(&root.namespace)).or_default() += 1;
            if !scans.is_empty() {
                let said = self.scans.entry(Name::clone(digest)).or_default();
                said.extend(
                    scans
                        .iter()
                        .map(|(container, scan)| ((root.clone(), Name::clone(container)), *scan)),
                );
            }
        }
    }

    fn remove(&mut self, root: &RootKey, uses: &[Use]) {
        for Use { digest, scans } in uses {
            let namespaces = self.users.get_mut(digest).expect("what is used has a user");
            let count = namespaces.get_mut(&root.namespace).expect("it is used here");
            *count -= 1;
            if *count == 0 {
                namespaces.remove(&root.namespace);
            }
            if namespaces.is_empty() {
                self.users.remove(digest);
            }
            if let Some(said) = self.scans.get_mut(digest) {
                for (container, _) in scans {
                    said.remove(&(root.clone(), Name::clone(container)));
                }
                if said.is_empty() {
                    self.scans.remove(digest);
                }
            }
        }
    }
}

impl Inventory {
    /// Digests of images that run in namespaces in scope, ordered.
    pub fn images(&self) -> impl Iterator<Item = &Name> {
        self.images.users.keys().filter(|digest| self.runs(digest))
    }

    /// The key of a digest that runs in a namespace in scope, shared.
    pub fn image(&self, digest: &str) -> Option<&Name> {
        let (digest, _) = self.images.users.get_key_value(digest)?;
        self.runs(digest).then_some(digest)
    }

    fn runs(&self, digest: &str) -> bool {
        let users = self.images.users.get(digest);
        users.is_some_and(|users| users.keys().any(|namespace| self.namespace(namespace).is_some()))
    }

    /// What workloads that run an image say came of a scan of its Dockerfile: workload, container and answer, ordered.
    pub fn dockerfile_scans(&self, digest: &str) -> impl Iterator<Item = (&RootKey, &Name, DockerfileScan)> {
        let said = self.images.scans.get(digest).into_iter().flatten();
        said.filter(|((root, _), _)| self.namespace(&root.namespace).is_some())
            .map(|((root, container), scan)| (root, container, *scan))
    }

    /// Digests of images that some workload in scope says something of, ordered.
    pub fn images_with_dockerfile_scans(&self) -> impl Iterator<Item = &Name> {
        let said = self.images.scans.keys();
        said.filter(|digest| self.dockerfile_scans(digest).next().is_some())
    }

    /// Digests that run in a namespace, whether that is in scope or not.
    pub fn images_of(&self, namespace: &str) -> BTreeSet<Name> {
        let uses = self.namespaces.get(namespace).into_iter();
        let uses = uses.flat_map(|ns| ns.images.values().flatten());
        uses.map(|one| Name::clone(&one.digest)).collect()
    }

    /// Looks again at which images `root` runs and what it says of them.
    pub(crate) fn note_images(&mut self, namespace: &Name, root: &LocalKey) {
        let uses = self.uses(namespace, root);
        let Some(ns) = self.namespaces.get_mut(namespace) else {
            return;
        };
        let known = ns.images.get(root).map(|known| &**known).unwrap_or_default();
        if *known == *uses {
            return;
        }
        let before = ns.images.remove(root).unwrap_or_default();
        let key = RootKey {
            namespace: Name::clone(namespace),
            kind: root.0,
            name: Name::clone(&root.1),
        };
        self.images.remove(&key, &before);
        self.images.add(&key, &uses);
        let same = |one: &Use, others: &[Use]| others.contains(one);
        let changed = before
            .iter()
            .filter(|one| !same(one, &uses))
            .chain(uses.iter().filter(|one| !same(one, &before)));
        self.dirty
            .images
            .extend(changed.map(|one| Name::clone(&one.digest)));
        if !uses.is_empty() {
            let ns = self.namespaces.get_mut(namespace).expect("it was there");
            ns.images.insert(root.clone(), uses);
        }
    }

    /// What a workload runs: one entry for each digest, ordered.
    fn uses(&self, namespace: &str, root: &LocalKey) -> Box<[Use]> {
        let workload = self
            .namespace_in_any_state(namespace)
            .and_then(|namespace| namespace.workload(root.0, &root.1));
        let Some(workload) = workload else {
            return Box::default();
        };
        let said = DockerfileScan::all(workload.annotations());
        let mut uses: BTreeMap<&Name, BTreeMap<&Name, DockerfileScan>> = BTreeMap::new();
        for RunningImage { container, digest } in workload.running_images() {
            let scans = uses.entry(digest).or_default();
            scans.extend(said.get(&**container).map(|scan| (container, *scan)));
        }
        let scans = |scans: BTreeMap<&Name, DockerfileScan>| {
            let scans = scans.into_iter();
            scans
                .map(|(container, scan)| (Name::clone(container), scan))
                .collect()
        };
        uses.into_iter()
            .map(|(digest, of)| Use {
                digest: Name::clone(digest),
                scans: scans(of),
            })
            .collect()
    }
}

/// What the containers of a pod run, as far as the kubelet says; ordered.
pub(crate) fn running(status: &lean::PodStatus, names: &mut Pool<str>) -> Vec<RunningImage> {
    let statuses = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .chain(&status.ephemeral_container_statuses);
    let mut running: Vec<RunningImage> = statuses
        .filter_map(|status| {
            Some(RunningImage {
                digest: names.intern(digest(&status.image_id)?),
                container: names.intern(status.name.as_str()),
            })
        })
        .collect();
    running.sort();
    running.dedup();
    running
}

/// The digest in an `imageID`: `docker.io/library/nginx@sha256:…`, `docker-pullable://nginx@sha256:…`,
/// `docker://sha256:…`, or nothing but the digest. There is none while the image is being pulled.
fn digest(image_id: &str) -> Option<&str> {
    let digest = image_id.rsplit(['@', '/']).next()?;
    let (algorithm, hex) = digest.split_once(':')?;
    let is_hex = hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex && !algorithm.is_empty()).then_some(digest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::Kind;
    use crate::testing::{Manifest, live};

    fn sha(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn pod(name: &str, digit: char) -> Manifest {
        let status = json!({ "name": "main", "imageID": format!("docker.io/library/nginx@{}", sha(digit)) });
        live(Kind::Pod, name).push("status.containerStatuses", status)
    }

    fn images(inventory: &Inventory) -> Vec<&str> {
        inventory.images().map(|digest| &**digest).collect()
    }

    fn dirty(inventory: &mut Inventory) -> Vec<String> {
        let images = inventory.take_dirty().images;
        images.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_digest_is_what_stands_last() {
        let sha = sha('a');
        for prefix in ["docker.io/nginx@", "docker-pullable://nginx@", "docker://", ""] {
            assert_eq!(digest(&format!("{prefix}{sha}")), Some(&*sha), "{prefix}");
        }
        for none in ["", "docker.io/library/nginx:1.29", "nginx@sha256:", "sha256:xyz"] {
            assert_eq!(digest(none), None, "{none}");
        }
    }

    #[test]
    fn a_digest_comes_with_its_first_pod_and_goes_with_its_last() {
        let mut inventory = Inventory::live();
        inventory.apply(live(Kind::Namespace, "shop").object());
        let replicas = live(Kind::ReplicaSet, "web");
        inventory.apply(replicas.object());
        for name in ["web-1", "web-2"] {
            inventory.apply(pod(name, 'a').owned_by(&replicas).object());
        }
        assert_eq!(dirty(&mut inventory), [sha('a')]);
        // Another replica of a workload that is known to run it is no news.
        inventory.apply(pod("web-3", 'a').owned_by(&replicas).object());
        assert_eq!(dirty(&mut inventory), Vec::<String>::new());
        inventory.apply(pod("web-3", 'b').owned_by(&replicas).object());
        assert_eq!(images(&inventory), [sha('a'), sha('b')]);
        assert_eq!(dirty(&mut inventory), [sha('b')]);
        for name in ["web-1", "web-2"] {
            inventory.delete(&pod(name, 'a').id());
        }
        assert_eq!(images(&inventory), [sha('b')]);
        assert_eq!(dirty(&mut inventory), [sha('a')]);
        let ended = pod("web-3", 'b')
            .owned_by(&replicas)
            .set("status.phase", "Succeeded");
        inventory.apply(ended.object());
        assert_eq!(images(&inventory), Vec::<&str>::new());
        assert!(inventory.images.users.is_empty());
    }

    #[test]
    fn nothing_runs_in_a_namespace_that_is_not_in_scope() {
        let mut inventory = Inventory::live();
        inventory.apply(pod("web", 'a').object());
        assert_eq!(images(&inventory), Vec::<&str>::new());
        inventory.apply(live(Kind::Namespace, "shop").object());
        assert_eq!(images(&inventory), [sha('a')]);
        assert_eq!(
            inventory.images_of("shop").len(),
            1,
            "what to look at again when a namespace changes"
        );
    }

    #[test]
    fn workloads_say_of_their_containers_what_came_of_a_scan() {
        let mut inventory = Inventory::live();
        inventory.apply(live(Kind::Namespace, "shop").object());
        let said = |word: &str| pod("web", 'a').annotation("dockerfile-scan.example.com/main", word);
        inventory.apply(said("failed").object());
        let sha = sha('a');
        let scans = |inventory: &Inventory| -> Vec<DockerfileScan> {
            inventory.dockerfile_scans(&sha).map(|(.., scan)| scan).collect()
        };
        assert_eq!(scans(&inventory), [DockerfileScan::Failed]);
        inventory.take_dirty();
        let both = said("failed").annotation("dockerfile-scan.other.example.com/main", "passed");
        inventory.apply(both.object());
        assert_eq!(scans(&inventory), [DockerfileScan::Failed], "the worse counts");
        assert_eq!(dirty(&mut inventory), Vec::<String>::new());
        inventory.apply(said("passed").object());
        assert_eq!(scans(&inventory), [DockerfileScan::Passed]);
        assert_eq!(dirty(&mut inventory), std::slice::from_ref(&sha));
        assert_eq!(inventory.images_with_dockerfile_scans().count(), 1);
        for nothing in ["perhaps", ""] {
            inventory.apply(said(nothing).object());
            assert_eq!(scans(&inventory), [], "{nothing}");
        }
        let another = pod("web", 'a').annotation("dockerfile-scan.example.com/other", "failed");
        inventory.apply(another.object());
        assert_eq!(scans(&inventory), [], "of a container that is not there");
    }
}
