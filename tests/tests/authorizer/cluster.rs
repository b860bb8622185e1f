//! Objects to and from the API server.

use std::collections::HashSet;
use std::time::Duration;

use kube::Client;
use plumbline_inventory::lean::{Object, Rule};
use plumbline_inventory::{Inventory, Kind, ObjectId};
use plumbline_rbac::{Rbac, Subject, User};
use plumbline_tests::eventually;
use serde_json::{Value, json};

use crate::Drawn;
use crate::questions::Question;

const SOON: Duration = Duration::from_mins(2);

/// Creates an object.
pub(crate) async fn apply(client: &Client, (kind, object): &Drawn) {
    let mut object = object.clone();
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.as_str().into();
    let uri = path(*kind, object["metadata"]["namespace"].as_str());
    let body = object.to_string().into_bytes();
    let request = http::Request::post(uri)
        .header("content-type", "application/json")
        .body(body);
    let created = client.request::<Value>(request.expect("a valid request")).await;
    if let Err(error) = created {
        panic!("{object}: {error}");
    }
}

fn path(kind: Kind, namespace: Option<&str>) -> String {
    let root = match kind.group() {
        "" => "/api/v1".to_owned(),
        _ => format!("/apis/{}", kind.api_version()),
    };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{}", kind.plural()),
        None => format!("{root}/{}", kind.plural()),
    }
}

/// All objects that have to do with access, as the API server lists them.
pub(crate) struct Lists(Vec<Drawn>);

impl Lists {
    async fn read(client: &Client) -> anyhow::Result<Self> {
        let mut objects = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_access()) {
            let request = http::Request::get(path(kind, None)).body(Vec::new())?;
            let mut list: Value = client.request(request).await?;
            let items = list["items"].take();
            let Value::Array(items) = items else {
                anyhow::bail!("{kind}: no items")
            };
            objects.extend(items.into_iter().map(|item| (kind, item)));
        }
        Ok(Self(objects))
    }

    /// The same objects in an inventory.
    pub(crate) fn inventory(&self, mut inventory: Inventory) -> Inventory {
        for (kind, object) in &self.0 {
            inventory.apply(Object::from_value(*kind, object).expect("it decodes"));
        }
        inventory
    }

    /// Whether the controller has done its work: aggregated roles have the rules that we expect.
    fn is_aggregated(&self) -> bool {
        let live = self.inventory(Inventory::live());
        let expected = Rbac::of(&self.inventory(Inventory::offline()));
        let set = |rules: &[Rule]| rules.iter().cloned().collect::<HashSet<Rule>>();
        expected.roles().all(|(id, rules)| {
            live.role(id)
                .is_some_and(|role| set(&role.rules) == set(rules.written()))
        })
    }
}

/// Waits until nothing changes any more and the API server's authorizer has seen it all.
pub(crate) async fn settle(client: &Client) -> Lists {
    eventually("aggregated roles are as expected", SOON, || async {
        Ok(Lists::read(client).await?.is_aggregated().then_some(()))
    })
    .await
    .unwrap();
    // What comes last says that everything before has come: each kind is watched by itself.
    let rules = json!([{ "verbs": ["last"], "apiGroups": ["last"], "resources": ["last"] }]);
    let user = json!([{ "kind": "User", "name": "last" }]);
    let metadata = json!({ "name": "last" });
    let local = json!({ "name": "last", "namespace": "kube-system" });
    let reference = |kind: &str| json!({ "kind": kind, "name": "last" });
    for object in [
        (Kind::ClusterRole, json!({ "metadata": metadata, "rules": rules })),
        (Kind::Role, json!({ "metadata": local, "rules": rules })),
        (
            Kind::ClusterRoleBinding,
            json!({ "metadata": metadata, "roleRef": reference("ClusterRole"), "subjects": user }),
        ),
        (
            Kind::RoleBinding,
            json!({
                "metadata": local, "roleRef": reference("Role"),
                "subjects": [{ "kind": "User", "name": "last-local" }],
            }),
        ),
    ] {
        apply(client, &object).await;
    }
    for name in ["last", "last-local"] {
        let question = Question {
            user: User::of(&Subject::User(name.into())),
            verb: "last".into(),
            group: "last".into(),
            resource: "last".into(),
            namespace: "kube-system".into(),
            ..Question::default()
        };
        eventually("the authorizer knows the last objects", SOON, || async {
            Ok(question.review(client).await.allowed.then_some(()))
        })
        .await
        .unwrap();
    }
    Lists::read(client).await.unwrap()
}

/// The identity of a cluster role.
pub(crate) fn cluster_role(name: &str) -> ObjectId {
    ObjectId {
        kind: Kind::ClusterRole,
        namespace: None,
        name: name.into(),
    }
}
