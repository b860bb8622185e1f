//! Which templates decide on a workload.

use std::sync::Arc;

use serde_json::json;

use super::{cluster, deciding, dirtied, shop, workload};
use crate::facts::Pod;
use crate::inventory::Inventory;
use crate::kind::Kind;
use crate::template::Template;
use crate::testing::{Manifest, live, written};
use crate::views::WorkloadView;

fn pod<'a>(inventory: &'a Inventory, name: &str) -> &'a Pod {
    let mut pods = shop(inventory).workloads().flat_map(WorkloadView::pods);
    pods.find(|(pod, _)| ***pod == *name).expect("it is live").1
}

/// A Deployment that is now `web:2`, with a `ReplicaSet` for each of the images.
fn rollout(images: &[&str]) -> Vec<Manifest> {
    let deployment = live(Kind::Deployment, "web").image("web:2");
    let replicas = |image: &&str| live(Kind::ReplicaSet, image).image(image).owned_by(&deployment);
    let mut objects: Vec<_> = images.iter().map(replicas).collect();
    objects.push(deployment.clone());
    objects
}

#[test]
fn without_live_pods_the_template_of_a_deployment_decides() {
    let objects = rollout(&["web:1"]);
    let inventory = cluster(&objects.iter().collect::<Vec<_>>());
    assert_eq!(deciding(workload(&inventory, "web")), ["web:2: 0"]);
}

#[test]
fn live_pods_of_a_deployment_decide_instead_of_its_template() {
    let objects = rollout(&["web:2"]);
    // What admission has made of it differs from what is written: that is what runs.
    let pod = live(Kind::Pod, "a").image("mirror/web:2").owned_by(&objects[0]);
    let inventory = cluster(&[&objects[0], &objects[1], &pod]);
    assert_eq!(deciding(workload(&inventory, "web")), ["mirror/web:2: 1"]);
}

#[test]
fn old_pods_of_a_deployment_decide_beside_its_template() {
    let objects = rollout(&["web:1"]);
    let pod = live(Kind::Pod, "a").image("web:1").owned_by(&objects[0]);
    let inventory = cluster(&[&objects[0], &objects[1], &pod]);
    assert_eq!(deciding(workload(&inventory, "web")), ["web:1: 1", "web:2: 0"]);
}

#[test]
fn old_and_new_pods_of_a_deployment_decide_together() {
    let objects = rollout(&["web:1", "web:2"]);
    let old = live(Kind::Pod, "old").image("web:1").owned_by(&objects[0]);
    let new = live(Kind::Pod, "new").image("web:2").owned_by(&objects[1]);
    let inventory = cluster(&[&old, &new, &objects[0], &objects[1], &objects[2]]);
    assert_eq!(deciding(workload(&inventory, "web")), ["web:1: 1", "web:2: 1"]);
}

#[test]
fn live_pods_of_the_update_revision_decide_for_a_stateful_set() {
    let set = live(Kind::StatefulSet, "db")
        .image("db:2")
        .set("status.updateRevision", "db-2");
    let of_revision = |name: &str, revision: &str| {
        let pod = live(Kind::Pod, name).image("mirror/db").owned_by(&set);
        pod.label("controller-revision-hash", revision)
    };
    let old = cluster(&[&set, &of_revision("db-0", "db-1")]);
    assert_eq!(deciding(workload(&old, "db")), ["db:2: 0", "mirror/db: 1"]);
    let new = cluster(&[&set, &of_revision("db-0", "db-1"), &of_revision("db-1", "db-2")]);
    assert_eq!(deciding(workload(&new, "db")), ["mirror/db: 2"]);
    let unreported = set.clone().set("status", json!(null));
    let unknown = cluster(&[&unreported, &of_revision("db-0", "db-2")]);
    assert_eq!(deciding(workload(&unknown, "db")), ["db:2: 0", "mirror/db: 1"]);
}

#[test]
fn live_pods_of_the_template_generation_decide_for_a_daemon_set() {
    let set = live(Kind::DaemonSet, "agent")
        .image("agent:2")
        .annotation("deprecated.daemonset.template.generation", "2");
    let of_generation = |generation: &str| {
        let pod = live(Kind::Pod, "agent-a").image("mirror/agent").owned_by(&set);
        pod.label("pod-template-generation", generation)
    };
    let old = cluster(&[&set, &of_generation("1")]);
    assert_eq!(
        deciding(workload(&old, "agent")),
        ["agent:2: 0", "mirror/agent: 1"]
    );
    let new = cluster(&[&set, &of_generation("2")]);
    assert_eq!(deciding(workload(&new, "agent")), ["mirror/agent: 1"]);
}

#[test]
fn live_pods_of_a_job_of_the_present_template_decide_for_a_cron_job() {
    let cron_job = live(Kind::CronJob, "nightly").image("backup:2");
    let of_job = |image: &str| {
        let job = live(Kind::Job, "nightly-1").image(image).owned_by(&cron_job);
        let pod = live(Kind::Pod, "nightly-1-a")
            .image("mirror/backup")
            .owned_by(&job);
        cluster(&[&cron_job, &job, &pod])
    };
    let old = of_job("backup:1");
    assert_eq!(
        deciding(workload(&old, "nightly")),
        ["backup:2: 0", "mirror/backup: 1"]
    );
    let new = of_job("backup:2");
    assert_eq!(deciding(workload(&new, "nightly")), ["mirror/backup: 1"]);
}

#[test]
fn pods_that_have_ended_decide_nothing() {
    let objects = rollout(&["web:1"]);
    let pod = live(Kind::Pod, "a")
        .image("web:1")
        .owned_by(&objects[0])
        .set("status.phase", "Failed");
    let inventory = cluster(&[&objects[0], &objects[1], &pod]);
    assert_eq!(deciding(workload(&inventory, "web")), ["web:2: 0"]);
    let alone = live(Kind::Pod, "alone")
        .image("web:1")
        .set("status.phase", "Succeeded");
    let inventory = cluster(&[&alone]);
    assert!(!workload(&inventory, "alone").is_active());
}

fn limits_of_new_containers() -> Manifest {
    let default = json!({ "type": "Container", "default": { "cpu": "1", "memory": "1Gi" } });
    live(Kind::LimitRange, "defaults").push("spec.limits", default)
}

/// Whether the only container has a limit for memory.
fn is_limited(template: &Template) -> bool {
    template.containers[0].limits != crate::template::Limits::default()
}

#[test]
fn a_template_is_what_limit_ranges_make_of_it() {
    let deployment = live(Kind::Deployment, "web").image("web:1");
    let limits = limits_of_new_containers();
    for objects in [[&deployment, &limits], [&limits, &deployment]] {
        let inventory = cluster(&objects);
        assert!(is_limited(workload(&inventory, "web").own_template()));
    }
    let mut inventory = cluster(&[&deployment, &limits]);
    inventory.delete(&limits.id());
    assert!(!is_limited(workload(&inventory, "web").own_template()));
    assert_eq!(dirtied(&mut inventory), ["Deployment web", "LimitRange"]);
}

#[test]
fn a_pod_that_was_admitted_is_as_it_is_and_a_manifest_is_yet_to_be_defaulted() {
    let limits = limits_of_new_containers();
    let live_pod = live(Kind::Pod, "live").image("web:1");
    let manifest = written(Kind::Pod, "manifest").namespace("shop").image("web:1");
    for objects in [[&limits, &live_pod, &manifest], [&live_pod, &manifest, &limits]] {
        let inventory = cluster(&objects);
        assert!(!is_limited(workload(&inventory, "live").own_template()));
        assert!(is_limited(workload(&inventory, "manifest").own_template()));
        assert_eq!(workload(&inventory, "manifest").live_pods(), 1);
    }
}

#[test]
fn a_pod_is_windows_by_its_node_unless_it_says_otherwise() {
    let node = live(Kind::Node, "win").set("status.nodeInfo.operatingSystem", "windows");
    let plain = live(Kind::Pod, "plain")
        .image("web:1")
        .set("spec.nodeName", "win");
    let linux = live(Kind::Pod, "linux")
        .image("web:1")
        .set("spec.nodeName", "win");
    let linux = linux.set("spec.os.name", "linux");
    for objects in [[&node, &plain, &linux], [&plain, &linux, &node]] {
        let mut inventory = cluster(&objects);
        assert!(pod(&inventory, "plain").admitted.is_windows());
        assert!(!pod(&inventory, "linux").admitted.is_windows());
        inventory.delete(&node.id());
        assert!(!pod(&inventory, "plain").admitted.is_windows());
        assert_eq!(dirtied(&mut inventory), ["Pod linux", "Pod plain", "Node"]);
    }
}

#[test]
fn the_random_name_of_the_token_volume_splits_no_template() {
    let deployment = live(Kind::Deployment, "web").image("web:1");
    let with_token = |name: &str, suffix: &str| {
        let volume = format!("kube-api-access-{suffix}");
        let mount = json!({ "name": volume, "mountPath": "/var/run/secrets", "readOnly": true });
        live(Kind::Pod, name)
            .owned_by(&deployment)
            .push(
                "spec.containers",
                json!({ "name": "web", "image": "web:1", "volumeMounts": [mount] }),
            )
            .push(
                "spec.volumes",
                json!({ "name": volume, "projected": { "sources": [{ "serviceAccountToken": {} }] } }),
            )
    };
    let inventory = cluster(&[&deployment, &with_token("a", "x7k2p"), &with_token("b", "qq81m")]);
    let [a, b] = ["a", "b"].map(|name| &pod(&inventory, name).template);
    assert!(Arc::ptr_eq(a, b));
    assert_eq!(deciding(workload(&inventory, "web")), ["web:1: 2"]);
}

#[test]
fn the_claims_of_a_stateful_set_split_no_template() {
    let set = live(Kind::StatefulSet, "db").image("db:1");
    let replica = |name: &str| {
        let claim = json!({ "claimName": format!("data-{name}") });
        let pod = live(Kind::Pod, name).image("db:1").owned_by(&set);
        pod.push(
            "spec.volumes",
            json!({ "name": "data", "persistentVolumeClaim": claim }),
        )
    };
    let inventory = cluster(&[&set, &replica("db-0"), &replica("db-1")]);
    let [a, b] = ["db-0", "db-1"].map(|name| &pod(&inventory, name).template);
    assert!(Arc::ptr_eq(a, b));
    assert_eq!(a.claims[0].name_for("db-1"), "data-db-1");
}

#[test]
fn templates_that_nobody_has_any_more_are_let_go() {
    let mut inventory = cluster(&[]);
    for at in 0..5000 {
        inventory.apply(live(Kind::Deployment, "web").image(&format!("web:{at}")).object());
    }
    assert!(
        inventory.templates.len() <= 1025,
        "{} kept",
        inventory.templates.len()
    );
    assert!(inventory.names.len() <= 2100, "{} kept", inventory.names.len());
    assert_eq!(deciding(workload(&inventory, "web")), ["web:4999: 0"]);
}
