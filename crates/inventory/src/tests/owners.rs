//! Which workload a pod counts for.

use serde_json::json;

use super::{cluster, dirtied, roots, shop, workload};
use crate::kind::Kind;
use crate::testing::{Manifest, live};

/// A Deployment, its `ReplicaSet`, and a pod of that.
fn web() -> [Manifest; 3] {
    let deployment = live(Kind::Deployment, "web").image("web:1");
    let replicas = live(Kind::ReplicaSet, "web-1")
        .image("web:1")
        .owned_by(&deployment);
    let pod = live(Kind::Pod, "web-1-a").image("web:1").owned_by(&replicas);
    [deployment, replicas, pod]
}

#[test]
fn a_pod_of_a_replica_set_counts_for_the_deployment() {
    let [deployment, replicas, pod] = web();
    let inventory = cluster(&[&deployment, &replicas, &pod]);
    assert_eq!(roots(&inventory), ["Deployment web: 1"]);
}

#[test]
fn a_pod_of_a_job_counts_for_the_cron_job() {
    let cron_job = live(Kind::CronJob, "nightly").image("backup:1");
    let job = live(Kind::Job, "nightly-1").image("backup:1").owned_by(&cron_job);
    let pod = live(Kind::Pod, "nightly-1-a").image("backup:1").owned_by(&job);
    let inventory = cluster(&[&pod, &job, &cron_job]);
    assert_eq!(roots(&inventory), ["CronJob nightly: 1"]);
}

#[test]
fn the_order_in_which_owners_arrive_makes_no_difference() {
    let objects = web();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let inventory = cluster(&order.map(|at| &objects[at]));
        assert_eq!(roots(&inventory), ["Deployment web: 1"], "{order:?}");
    }
}

#[test]
fn an_owner_that_arrives_takes_the_pod_over_and_both_are_dirty() {
    let [_, replicas, pod] = web();
    let mut inventory = cluster(&[&pod]);
    assert_eq!(roots(&inventory), ["Pod web-1-a: 1"]);
    inventory.apply(replicas.object());
    assert_eq!(roots(&inventory), ["ReplicaSet web-1: 1"]);
    assert_eq!(dirtied(&mut inventory), ["Pod web-1-a", "ReplicaSet web-1"]);
}

#[test]
fn pods_outlive_an_owner_that_is_deleted_first() {
    let [deployment, replicas, pod] = web();
    let mut inventory = cluster(&[&deployment, &replicas, &pod]);
    inventory.delete(&deployment.id());
    assert_eq!(roots(&inventory), ["ReplicaSet web-1: 1"]);
    inventory.delete(&replicas.id());
    assert_eq!(roots(&inventory), ["Pod web-1-a: 1"]);
    inventory.delete(&pod.id());
    assert_eq!(roots(&inventory), Vec::<String>::new());
}

#[test]
fn an_owner_made_anew_under_the_old_name_is_another_one() {
    let [deployment, replicas, pod] = web();
    let mut inventory = cluster(&[&deployment, &replicas, &pod]);
    inventory.apply(deployment.uid("another").object());
    assert_eq!(roots(&inventory), ["ReplicaSet web-1: 1", "Deployment web: 0"]);
}

#[test]
fn an_owner_is_its_kind_its_name_and_its_uid() {
    let [deployment, ..] = web();
    let copy = live(Kind::Deployment, "copy")
        .image("web:1")
        .uid("Deployment web");
    let of_both = live(Kind::ReplicaSet, "of-web")
        .image("web:1")
        .owned_by(&deployment);
    for objects in [[&deployment, &copy, &of_both], [&copy, &of_both, &deployment]] {
        let inventory = cluster(&objects);
        assert_eq!(roots(&inventory), ["Deployment copy: 0", "Deployment web: 0"]);
    }
    let inventory = cluster(&[&copy, &of_both]);
    assert_eq!(roots(&inventory), ["ReplicaSet of-web: 0", "Deployment copy: 0"]);
}

#[test]
fn an_owner_that_is_named_otherwise_under_the_same_uid_owns_no_more() {
    for (field, value) in [("kind", "Node"), ("name", "other"), ("apiVersion", "v1")] {
        let [deployment, replicas, pod] = web();
        let mut json = replicas.json()["metadata"]["ownerReferences"].clone();
        json[0][field] = value.into();
        let renamed = replicas.clone().set("metadata.ownerReferences", json);
        let mut inventory = cluster(&[&deployment, &replicas, &pod]);
        inventory.apply(renamed.object());
        assert_eq!(
            roots(&inventory),
            ["ReplicaSet web-1: 1", "Deployment web: 0"],
            "another {field}"
        );
        assert_eq!(
            dirtied(&mut inventory),
            ["Pod web-1-a", "ReplicaSet web-1", "Deployment web"]
        );
        // What is counted is where it is looked for.
        inventory.delete(&pod.id());
        assert_eq!(roots(&inventory), ["ReplicaSet web-1: 0", "Deployment web: 0"]);
        inventory.apply(pod.object());
        inventory.apply(replicas.object());
        assert_eq!(roots(&inventory), ["Deployment web: 1"], "{field} as it was");
    }
}

#[test]
fn a_reference_that_is_not_the_controller_owns_nothing() {
    let deployment = live(Kind::Deployment, "web").image("web:1");
    let pod = live(Kind::Pod, "debug").image("web:1").owned_by(&deployment);
    let pod = pod.set(
        "metadata.ownerReferences",
        json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "Deployment web" }]),
    );
    let inventory = cluster(&[&deployment, &pod]);
    assert_eq!(roots(&inventory), ["Pod debug: 1", "Deployment web: 0"]);
}

#[test]
fn a_node_ends_the_walk_at_its_mirror_pod_and_is_named() {
    let node = live(Kind::Node, "worker-1");
    let pod = live(Kind::Pod, "etcd-worker-1")
        .image("etcd:3")
        .owned_by(&node)
        .annotation("kubernetes.io/config.mirror", "hash");
    let inventory = cluster(&[&node, &pod]);
    let mirror = workload(&inventory, "etcd-worker-1");
    assert!(mirror.is_mirror_pod());
    assert_eq!(mirror.external_owner().as_deref(), Some("Node worker-1"));
}

#[test]
fn an_owner_of_an_unknown_kind_is_named_and_ends_the_walk() {
    let rollout = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "checkout", "uid": "r", "controller": true });
    let replicas = live(Kind::ReplicaSet, "checkout-1").image("checkout:1");
    let replicas = replicas.push("metadata.ownerReferences", rollout);
    let pod = live(Kind::Pod, "checkout-1-a")
        .image("checkout:1")
        .owned_by(&replicas);
    let inventory = cluster(&[&replicas, &pod]);
    assert_eq!(roots(&inventory), ["ReplicaSet checkout-1: 1"]);
    let owner = workload(&inventory, "checkout-1").external_owner();
    assert_eq!(owner.as_deref(), Some("Rollout checkout"));
}

#[test]
fn an_owner_in_another_namespace_owns_nothing() {
    let [deployment, replicas, _] = web();
    let mut inventory = cluster(&[&deployment.namespace("elsewhere")]);
    inventory.apply(replicas.object());
    assert_eq!(roots(&inventory), ["ReplicaSet web-1: 0"]);
}

/// Controllers `0`, `1` … each owned by the next, and the last by the first; a pod of `0`.
fn ring(length: usize) -> Vec<Manifest> {
    let plain: Vec<_> = (0..length)
        .map(|at| live(Kind::ReplicaSet, &at.to_string()).image("web:1"))
        .collect();
    let mut ring: Vec<_> = (0..length)
        .map(|at| plain[at].clone().owned_by(&plain[(at + 1) % length]))
        .collect();
    ring.push(live(Kind::Pod, "pod").image("web:1").owned_by(&plain[0]));
    ring
}

#[test]
fn owners_in_a_loop_hide_nothing() {
    for length in 1..=9 {
        let ring = ring(length);
        let mut inventory = cluster(&ring.iter().collect::<Vec<_>>());
        assert_eq!(roots(&inventory), ["ReplicaSet 0: 1"], "a loop of {length}");
        inventory.delete(&ring[0].id());
        let last = format!("ReplicaSet {}: 0", length - 1);
        let rest = if length == 1 {
            vec!["Pod pod: 1"]
        } else {
            vec!["Pod pod: 1", &last]
        };
        assert_eq!(roots(&inventory)[0], rest[0], "a loop of {length} that is broken");
        assert_eq!(shop(&inventory).workloads().count(), rest.len());
    }
}

#[test]
fn what_leads_into_a_loop_counts_for_the_first_of_it() {
    let [_, _, pod] = web();
    let mut objects = ring(3);
    objects.push(
        live(Kind::ReplicaSet, "web-1")
            .image("web:1")
            .owned_by(&objects[2]),
    );
    objects.push(pod);
    let inventory = cluster(&objects.iter().rev().collect::<Vec<_>>());
    assert_eq!(roots(&inventory), ["ReplicaSet 0: 2"]);
}

#[test]
fn a_chain_of_owners_may_be_long() {
    let mut chain = vec![live(Kind::ReplicaSet, "0").image("web:1")];
    for at in 1..40 {
        let next = live(Kind::ReplicaSet, &at.to_string())
            .image("web:1")
            .owned_by(&chain[at - 1]);
        chain.push(next);
    }
    chain.push(live(Kind::Pod, "pod").image("web:1").owned_by(&chain[39]));
    let inventory = cluster(&chain.iter().rev().collect::<Vec<_>>());
    assert_eq!(roots(&inventory), ["ReplicaSet 0: 1"]);
}
