//! What an event makes dirty, and what a listing takes away.

use serde_json::json;

use super::{cluster, dirtied, roots};
use crate::inventory::{InputState, Inventory};
use crate::kind::Kind;
use crate::testing::{Manifest, live};

#[test]
fn a_heartbeat_dirties_nothing() {
    let node = live(Kind::Node, "n").set("status.nodeInfo.kubeletVersion", "v1.37.2");
    let pod = live(Kind::Pod, "web")
        .image("web:1")
        .set("status.phase", "Running");
    let mut inventory = cluster(&[&node, &pod]);
    let ready = json!([{ "type": "Ready", "lastHeartbeatTime": "2026-11-24T10:00:00Z" }]);
    inventory.apply(node.set("status.conditions", ready.clone()).object());
    inventory.apply(
        pod.set("status.conditions", ready)
            .set("metadata.resourceVersion", "17")
            .object(),
    );
    assert_eq!(dirtied(&mut inventory), Vec::<String>::new());
}

#[test]
fn a_restart_dirties_nothing() {
    let status = |restarts: u32| json!([{ "name": "main", "restartCount": restarts, "user": { "linux": { "uid": 0 } } }]);
    let pod = live(Kind::Pod, "web").image("web:1");
    let mut inventory = cluster(&[&pod.clone().set("status.containerStatuses", status(0))]);
    inventory.apply(pod.set("status.containerStatuses", status(1)).object());
    assert_eq!(dirtied(&mut inventory), Vec::<String>::new());
}

#[test]
fn scaling_dirties_nothing_but_to_zero_and_from_zero() {
    let deployment = live(Kind::Deployment, "web").image("web:1");
    let replicas = live(Kind::ReplicaSet, "web-1")
        .image("web:1")
        .owned_by(&deployment);
    let scaled = |count: u32| {
        let note = replicas
            .clone()
            .annotation("deployment.kubernetes.io/desired-replicas", &count.to_string());
        [
            deployment.clone().set("spec.replicas", count),
            note.set("spec.replicas", count),
        ]
    };
    let [deployment, replicas] = scaled(1);
    let mut inventory = cluster(&[&deployment, &replicas]);
    let mut scale = |count: u32| {
        for object in scaled(count) {
            inventory.apply(object.object());
        }
        dirtied(&mut inventory)
    };
    assert_eq!(scale(5), Vec::<String>::new());
    assert_eq!(scale(0), ["Deployment web"]);
    assert_eq!(scale(3), ["Deployment web"]);
}

#[test]
fn what_changes_in_the_middle_is_looked_at_in_the_root() {
    let deployment = live(Kind::Deployment, "web").image("web:1");
    let replicas = live(Kind::ReplicaSet, "web-1").owned_by(&deployment);
    let mut inventory = cluster(&[&deployment, &replicas.clone().image("web:1")]);
    inventory.apply(replicas.image("web:2").object());
    assert_eq!(dirtied(&mut inventory), ["Deployment web"]);
}

#[test]
fn an_object_that_still_does_not_decode_is_no_news() {
    let pod = live(Kind::Pod, "web").image("web:1");
    let mut inventory = cluster(&[&pod]);
    let mut break_it = |error: &str| {
        inventory.apply_undecodable(pod.id(), error.to_owned());
        dirtied(&mut inventory)
    };
    assert_eq!(break_it("spec: wrong"), ["Pod web", "Pod"]);
    assert_eq!(break_it("spec: wrong"), Vec::<String>::new());
    assert_eq!(break_it("status: wrong"), ["Pod"]);
    assert_eq!(inventory.coverage(Kind::Pod).undecodable, 1);
    inventory.apply(pod.object());
    assert_eq!(dirtied(&mut inventory), ["Pod web", "Pod"]);
    assert_eq!(inventory.coverage(Kind::Pod).undecodable, 0);
}

#[test]
fn a_listing_takes_away_what_it_does_not_contain() {
    let [kept, gone] = ["kept", "gone"].map(|name| live(Kind::Pod, name).image("web:1"));
    let mut inventory = cluster(&[&kept, &gone]);
    inventory.apply_undecodable(live(Kind::Pod, "broken").id(), "spec: wrong".to_owned());
    inventory.begin_relist(Kind::Pod);
    inventory.apply(kept.object());
    assert_eq!(roots(&inventory), ["Pod gone: 1", "Pod kept: 1"]);
    inventory.end_relist(Kind::Pod);
    assert_eq!(roots(&inventory), ["Pod kept: 1"]);
    assert_eq!(inventory.undecodable().count(), 0);
}

#[test]
fn a_listing_that_is_begun_again_has_to_bring_everything_again() {
    let [first, second] = ["first", "second"].map(|name| live(Kind::Pod, name).image("web:1"));
    let mut inventory = cluster(&[&first, &second]);
    inventory.begin_relist(Kind::Pod);
    inventory.apply(first.object());
    inventory.begin_relist(Kind::Pod);
    assert_eq!(roots(&inventory).len(), 2, "nothing is lost before the end");
    inventory.apply(second.object());
    inventory.end_relist(Kind::Pod);
    assert_eq!(roots(&inventory), ["Pod second: 1"]);
}

/// What becomes of the pod `web` if `news` arrives while a listing of pods is under way that does not contain it.
fn pods_after(pod: &Manifest, news: &Manifest) -> Vec<String> {
    let mut inventory = cluster(&[pod]);
    inventory.begin_relist(Kind::Pod);
    inventory.apply(news.object());
    inventory.end_relist(Kind::Pod);
    roots(&inventory)
}

#[test]
fn news_of_another_object_keeps_no_pod_that_a_listing_does_not_contain() {
    let pod = live(Kind::Pod, "web").image("web:1").set("spec.nodeName", "win");
    let node = live(Kind::Node, "win").set("status.nodeInfo.operatingSystem", "windows");
    assert_eq!(pods_after(&pod, &node), Vec::<String>::new());
    let default = json!({ "type": "Container", "default": { "cpu": "1" } });
    let limits = live(Kind::LimitRange, "l").push("spec.limits", default);
    let manifest = pod.set("metadata.uid", json!(null));
    assert_eq!(pods_after(&manifest, &limits), Vec::<String>::new());
}

#[test]
fn a_kind_that_is_refused_is_forgotten_and_half_a_listing_with_it() {
    let pod = live(Kind::Pod, "web").image("web:1");
    let mut inventory = cluster(&[&pod]);
    inventory.set_input(Kind::Pod, InputState::Forbidden);
    assert_eq!(roots(&inventory), Vec::<String>::new());
    inventory.begin_relist(Kind::Pod);
    inventory.apply(pod.object());
    inventory.set_input(Kind::Pod, InputState::Forbidden);
    assert_eq!(roots(&inventory), Vec::<String>::new());
    assert_eq!(inventory.coverage(Kind::Pod).objects, 0);
}

#[test]
fn a_kind_that_cannot_be_reached_is_remembered() {
    let pod = live(Kind::Pod, "web").image("web:1");
    let mut inventory = cluster(&[&pod]);
    inventory.set_input(Kind::Pod, InputState::Failing);
    assert_eq!(roots(&inventory), ["Pod web: 1"]);
}

#[test]
fn a_namespace_leaves_when_it_is_being_deleted_and_what_is_in_it_with_it() {
    let pod = live(Kind::Pod, "web").image("web:1");
    let mut inventory = cluster(&[&pod]);
    let terminating = live(Kind::Namespace, "shop").set("metadata.deletionTimestamp", "2026-11-24T10:00:00Z");
    inventory.apply(terminating.object());
    assert!(inventory.namespace("shop").is_none());
    assert_eq!(inventory.namespaces().count(), 0);
}

#[test]
fn nothing_is_kept_of_what_is_gone() {
    let objects: Vec<Manifest> = Kind::ALL.iter().map(|kind| live(*kind, "x")).collect();
    let mut inventory = Inventory::live();
    for object in &objects {
        inventory.apply(object.object());
    }
    for object in &objects {
        assert_eq!(inventory.coverage(object.kind()).objects, 1, "{}", object.kind());
        inventory.delete(&object.id());
        assert_eq!(inventory.coverage(object.kind()).objects, 0, "{}", object.kind());
    }
    assert!(inventory.namespaces.is_empty());
    for object in &objects {
        inventory.delete(&object.id());
    }
}

#[test]
fn of_roles_and_bindings_the_very_objects_are_named() {
    let rules = |verb: &str| json!([{ "verbs": [verb], "apiGroups": [""], "resources": ["pods"] }]);
    let role = live(Kind::Role, "r").set("rules", rules("get"));
    let account = live(Kind::ServiceAccount, "web");
    let mut inventory = Inventory::live();
    let mut objects = |change: &dyn Fn(&mut Inventory)| {
        change(&mut inventory);
        let objects = inventory.take_dirty().objects;
        objects.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(objects(&|i| i.apply(role.object())), ["Role shop/r"]);
    assert_eq!(objects(&|i| i.apply(role.object())), Vec::<String>::new());
    let changed = role.clone().set("rules", rules("list"));
    assert_eq!(objects(&|i| i.apply(changed.object())), ["Role shop/r"]);
    let broken = |i: &mut Inventory| i.apply_undecodable(role.id(), "rules: broken".to_owned());
    assert_eq!(objects(&broken), ["Role shop/r"]);
    assert_eq!(objects(&broken), Vec::<String>::new());
    assert_eq!(
        objects(&|i| i.apply(account.object())),
        ["ServiceAccount shop/web"]
    );
    let gone = |i: &mut Inventory| {
        i.begin_relist(Kind::ServiceAccount);
        i.end_relist(Kind::ServiceAccount);
    };
    assert_eq!(objects(&gone), ["ServiceAccount shop/web"]);
    let pod = live(Kind::Pod, "web").image("web:1");
    assert_eq!(objects(&|i| i.apply(pod.object())), Vec::<String>::new());
}
