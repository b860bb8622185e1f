//! What becomes of random input.

mod bytes;
mod network;
mod objects;

pub use network::network;

use plumbline_inventory::lean::Object;
use plumbline_inventory::{InputState, Inventory, ObjectId};
use plumbline_rbac::{Rbac, Request, ResourceRequest, Subject, User, recognised};

use bytes::Bytes;
use objects::{GROUPS, KINDS, NAMES, NAMESPACES, RESOURCES, SUBJECTS, URLS, VERBS};

/// Events enough to get anywhere.
const MOST_EVENTS: usize = 300;

/// Takes `data` for events and questions.
///
/// # Panics
///
/// If the engine does, or if following changes does not lead to where reading everything leads.
pub fn rbac(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut inventory = if bytes.byte() % 2 == 0 {
        Inventory::live()
    } else {
        Inventory::offline()
    };
    let mut rbac = Rbac::of(&inventory);
    for _ in 0..MOST_EVENTS {
        if bytes.is_empty() {
            break;
        }
        event(&mut bytes, &mut inventory);
        if bytes.below(8) == 0 {
            follow(&mut inventory, &mut rbac);
            ask(&mut bytes, &rbac);
        }
    }
    follow(&mut inventory, &mut rbac);
    assert_eq!(rbac, Rbac::of(&inventory));
    look_at_everything(&inventory, &rbac);
    ask(&mut bytes, &rbac);
}

fn event(bytes: &mut Bytes<'_>, inventory: &mut Inventory) {
    match bytes.below(16) {
        0 => {
            let ids: Vec<ObjectId> = inventory.access_objects().collect();
            if !ids.is_empty() {
                let at = bytes.below(ids.len());
                inventory.delete(&ids[at]);
            }
        }
        1 => {
            let kind = bytes.pick(KINDS);
            inventory.begin_relist(kind);
            if bytes.below(2) == 0 {
                inventory.end_relist(kind);
            }
        }
        2 => inventory.set_input(bytes.pick(KINDS), InputState::Forbidden),
        3 => {
            // Anything at all.
            let kind = bytes.pick(KINDS);
            if let Ok(object) = Object::from_json(kind, &bytes.text()) {
                inventory.apply(object);
            }
        }
        _ => {
            let (kind, json) = objects::object(bytes);
            match Object::from_json(kind, &json.to_string()) {
                Ok(object) => inventory.apply(object),
                Err(error) => {
                    let id = ObjectId {
                        kind,
                        namespace: kind.is_namespaced().then(|| "shop".into()),
                        name: "a".into(),
                    };
                    inventory.apply_undecodable(id, error);
                }
            }
        }
    }
}

fn follow(inventory: &mut Inventory, rbac: &mut Rbac) {
    let dirty = inventory.take_dirty();
    rbac.update(inventory, &dirty);
}

/// Asks both ways round.
fn ask(bytes: &mut Bytes<'_>, rbac: &Rbac) {
    let user = User {
        name: bytes.word(SUBJECTS).into(),
        groups: bytes.words(SUBJECTS, 3).into_iter().map(Into::into).collect(),
    };
    let words = [
        bytes.word(VERBS),
        bytes.word(GROUPS),
        bytes.word(RESOURCES),
        bytes.word(&["", "exec", "scale", "token", "approval"]),
        bytes.word(NAMES),
        bytes.word(NAMESPACES),
        bytes.word(URLS),
    ];
    let [verb, group, resource, subresource, name, namespace, path] = words.each_ref().map(String::as_str);
    let request = if bytes.below(4) == 0 {
        Request::NonResource { verb, path }
    } else {
        Request::Resource(ResourceRequest {
            verb,
            group,
            resource,
            subresource,
            name,
            namespace,
        })
    };
    let allowed = rbac.authorize(&user, &request).is_some();
    let holders = rbac.who_can(&request).subjects;
    let among = user
        .subjects()
        .any(|s| holders.iter().any(|holder| holder.subject.identity() == s));
    let master = user.groups.iter().any(|group| &**group == "system:masters");
    assert_eq!(allowed, among || master, "{user:?} {request:?}");
}

fn look_at_everything(inventory: &Inventory, rbac: &Rbac) {
    for subject in rbac.subjects() {
        let _ = rbac.risks(subject);
        for path in rbac.paths(subject) {
            assert!((1..=4).contains(&path.steps.len()));
        }
        assert_eq!(subject.identity(), *subject);
        if let Some(user) = subject.user_name() {
            assert_eq!(Subject::of_user_name(&user), *subject);
        }
    }
    let latent: Vec<_> = rbac.latent_roles().collect();
    for (role, _) in rbac.roles() {
        assert_eq!(latent.contains(&role), !rbac.is_granted(role), "{role}");
        let _ = (rbac.role_risks(role), rbac.foreign_parts(role));
        let _ = recognised::role(role, inventory.role(role).expect("it is read from there"));
    }
    let _ = rbac.dormant().count();
    for (_, problems) in rbac.problems() {
        let _: Vec<String> = problems.iter().map(ToString::to_string).collect();
    }
}
