//! Which workloads run as which service account.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::Inventory;
use crate::kind::Kind;
use crate::names::Name;
use crate::roots::LocalKey;
use crate::views::{NamespaceView, WorkloadView};

/// The service accounts of a namespace's root workloads, by workload and by account: to look for those that share
/// one would else mean to compare each with each.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    of: BTreeMap<LocalKey, BTreeSet<Name>>,
    users: BTreeSet<(Name, LocalKey)>,
}

impl Accounts {
    /// `root` runs as `accounts` from now on; as none of them if it is gone.
    fn set(&mut self, root: LocalKey, accounts: BTreeSet<Name>) {
        if self.of.get(&root).is_some_and(|known| *known == accounts) {
            return;
        }
        for account in self.of.remove(&root).into_iter().flatten() {
            self.users.remove(&(account, root.clone()));
        }
        if !accounts.is_empty() {
            let users = accounts
                .iter()
                .map(|account| (Name::clone(account), root.clone()));
            self.users.extend(users);
            self.of.insert(root, accounts);
        }
    }

    fn users(&self, account: &str) -> impl Iterator<Item = &LocalKey> + use<'_> {
        let account = Name::from(account);
        let first = (Name::clone(&account), (Kind::ALL[0], Name::from("")));
        self.users
            .range(first..)
            .take_while(move |(user_of, _)| *user_of == account)
            .map(|(_, root)| root)
    }
}

impl Inventory {
    /// Looks again at which accounts `root` runs as.
    pub(crate) fn note_accounts(&mut self, namespace: &Name, root: &LocalKey) {
        let accounts = self
            .namespace_in_any_state(namespace)
            .and_then(|namespace| namespace.workload(root.0, &root.1))
            .map(|workload| workload.service_accounts().into_iter().cloned().collect())
            .unwrap_or_default();
        if let Some(ns) = self.namespaces.get_mut(namespace) {
            ns.accounts.set(root.clone(), accounts);
        }
    }
}

impl<'a> NamespaceView<'a> {
    /// Root workloads that run as `account`, active or not, ordered by kind and name.
    pub fn users(self, account: &str) -> impl Iterator<Item = WorkloadView<'a>> + use<'a> {
        self.content
            .accounts
            .users(account)
            .filter_map(move |(kind, name)| self.workload(*kind, name))
    }
}

impl<'a> WorkloadView<'a> {
    /// The service accounts that its pods run as: one, unless a rollout is changing it.
    pub fn service_accounts(&self) -> BTreeSet<&'a Name> {
        let deciding = self.deciding().into_iter();
        deciding
            .map(|deciding| &deciding.template.service_account)
            .collect()
    }
}
