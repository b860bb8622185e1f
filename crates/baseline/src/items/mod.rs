//! The items, one file each, and the registry.
//!
//! An item's file holds, in this order: its documentation and metadata, its check, its cases.

pub mod audit_and_logging;
pub mod authentication;
pub mod authorization;
pub mod cluster_configuration;
pub mod images;
pub mod network;
pub mod operating_system;
pub mod planned;
pub mod secrets;
pub mod workloads;

use std::collections::BTreeSet;

use plumbline_inventory::Kind;

use crate::item::Item;

/// Declares an item: documentation as a doc comment, then every field of [`Item`] in order.
///
/// A field that is left out does not compile. The documentation has the headings *What it checks*, *Why it
/// matters*, *How it decides*, *Examples* and *How to fix*.
macro_rules! item {
    (
        $(#[doc = $doc:literal])+
        id: $id:literal,
        slug: $slug:literal,
        title: $title:literal,
        section: $section:ident,
        level: $level:ident,
        severity: $severity:ident,
        class: $class:ident,
        scope: $scope:ident,
        empty: $empty:ident,
        since: $since:literal,
        reads: $reads:expr,
        optional: $optional:expr,
        failing: ($one:literal, $many:literal),
        remediation: $remediation:literal,
        references: [$($reference:literal),* $(,)?],
        systems: [$($system:literal),* $(,)?],
        checks: [$($check:expr),+ $(,)?],
    ) => {
        $(#[doc = $doc])+
        #[allow(clippy::doc_markdown)] // the names of products are prose here
        pub static ITEM: $crate::Item = $crate::Item {
            id: $id,
            slug: $slug,
            title: $title,
            section: $crate::Section::$section,
            level: $crate::Level::$level,
            severity: $crate::Severity::$severity,
            class: $crate::Class::$class,
            scope: $crate::Scope::$scope,
            empty: $crate::Empty::$empty,
            since: $since,
            reads: $reads,
            optional: $optional,
            failing: $crate::Phrase { one: $one, many: $many },
            remediation: $remediation,
            references: &[$($reference),*],
            systems: &[$($system),*],
            docs: concat!($($doc, "\n"),+),
            checks: &[$($check),+],
            #[cfg(test)]
            cases: tests::CASES,
        };
    };
}
pub(crate) use item;

/// Every item of the baseline, in the order of the checklist.
pub static ITEMS: [&Item; 79] = [
    &planned::AU_01,
    &planned::AU_02,
    &authentication::shared_user_accounts::ITEM,
    &authentication::meaningless_service_account_names::ITEM,
    &authorization::no_role_model::ITEM,
    &authorization::excessive_rbac_rights::ITEM,
    &authorization::shared_service_account::ITEM,
    &authorization::unapproved_production_access::ITEM,
    &authorization::impersonation_allowed::ITEM,
    &authorization::anonymous_access::ITEM,
    &authorization::unapproved_anonymous_exceptions::ITEM,
    &authorization::admin_access_without_pam::ITEM,
    &authorization::shared_namespace::ITEM,
    &authorization::maintainer_of_many_namespaces::ITEM,
    &authorization::rbac_not_audited::ITEM,
    &planned::SE_01,
    &secrets::literal_secrets_in_manifests::ITEM,
    &secrets::secrets_in_source::ITEM,
    &planned::CC_01,
    &planned::CC_02,
    &planned::CC_03,
    &planned::CC_04,
    &cluster_configuration::sensitive_workloads_unsandboxed::ITEM,
    &planned::CC_06,
    &planned::AL_01,
    &planned::AL_02,
    &planned::AL_03,
    &planned::AL_04,
    &audit_and_logging::events_not_sent_to_siem::ITEM,
    &audit_and_logging::audit_log_kept_in_cluster::ITEM,
    &planned::AL_07,
    &planned::AL_08,
    &operating_system::direct_node_access::ITEM,
    &operating_system::unhardened_os::ITEM,
    &operating_system::os_not_scanned::ITEM,
    &planned::OS_04,
    &network::namespace_without_network_policy::ITEM,
    &network::open_network_between_namespaces::ITEM,
    &planned::NW_02,
    &network::published_infrastructure_interface::ITEM,
    &network::infrastructure_on_shared_nodes::ITEM,
    &network::ingress_without_waf::ITEM,
    &network::no_dmz_nodes::ITEM,
    &workloads::runs_as_root::ITEM,
    &workloads::run_as_user_unset::ITEM,
    &workloads::privilege_escalation_allowed::ITEM,
    &workloads::privileged_container::ITEM,
    &workloads::writable_root_filesystem::ITEM,
    &workloads::host_pid_or_ipc::ITEM,
    &workloads::host_network::ITEM,
    &workloads::unsafe_sysctls::ITEM,
    &workloads::host_path_volume::ITEM,
    &workloads::missing_resource_limits::ITEM,
    &planned::WL_10B,
    &workloads::excessive_capabilities::ITEM,
    &workloads::default_namespace_used::ITEM,
    &workloads::no_kernel_confinement_profile::ITEM,
    &planned::WL_14,
    &planned::IM_01,
    &planned::IM_02,
    &planned::IM_03,
    &planned::IM_04A,
    &planned::IM_04B,
    &planned::IM_05,
    &planned::IM_06,
    &planned::IM_07,
    &planned::IM_08,
    &images::no_dockerignore::ITEM,
    &planned::IM_10,
    &planned::IM_11A,
    &planned::IM_11B,
    &planned::IM_12,
    &images::latest_tag::ITEM,
    &planned::IM_14,
    &planned::IM_15,
    &planned::IM_16,
    &images::dockerfile_not_scanned::ITEM,
    &planned::IM_18,
    &planned::IM_19,
];

/// The item of this id or slug, whatever the case of its letters.
pub fn find(id_or_slug: &str) -> Option<&'static Item> {
    ITEMS
        .into_iter()
        .find(|item| item.id.eq_ignore_ascii_case(id_or_slug) || item.slug.eq_ignore_ascii_case(id_or_slug))
}

/// Kinds that items cannot do without, and those by which people decide: what is watched, and what the operator's
/// role grants.
pub fn required_kinds() -> BTreeSet<Kind> {
    ITEMS
        .into_iter()
        .flat_map(|item| item.reads)
        .copied()
        .chain([Kind::Namespace])
        .chain(Kind::DECISIONS.iter().copied())
        .collect()
}

/// Kinds that sharpen a verdict, and are watched if somebody grants them.
pub fn optional_kinds() -> BTreeSet<Kind> {
    let required = required_kinds();
    ITEMS
        .into_iter()
        .flat_map(|item| item.optional)
        .copied()
        .filter(|kind| !required.contains(kind))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::Empty;

    #[derive(Deserialize)]
    struct Checklist {
        items: Vec<Entry>,
    }

    #[derive(Deserialize)]
    struct Entry {
        id: String,
        slug: String,
        level: String,
        class: String,
        scope: String,
        severity: String,
        title: String,
        empty: Option<String>,
        #[serde(default)]
        systems: Vec<String>,
    }

    #[test]
    fn the_registry_is_the_checklist() {
        let checklist: Checklist = serde_saphyr::from_str(include_str!("../../items.yaml")).unwrap();
        assert_eq!(checklist.items.len(), ITEMS.len());
        for (entry, item) in checklist.items.iter().zip(ITEMS) {
            assert_eq!(entry.id, item.id);
            assert_eq!(entry.slug, item.slug);
            assert_eq!(entry.title, item.title);
            assert_eq!(entry.level, item.level.as_str(), "{}", item.id);
            assert_eq!(entry.class, item.class.as_str(), "{}", item.id);
            assert_eq!(entry.scope, item.scope.as_str(), "{}", item.id);
            assert_eq!(entry.severity, item.severity.as_str(), "{}", item.id);
            let empty = entry.empty.as_deref().unwrap_or(Empty::NotApplicable.as_str());
            assert_eq!(empty, item.empty.as_str(), "{}", item.id);
            assert_eq!(entry.systems, item.systems, "{}", item.id);
        }
    }

    #[test]
    fn ids_and_slugs_are_unique() {
        let ids: BTreeSet<_> = ITEMS.iter().map(|item| item.id).collect();
        let slugs: BTreeSet<_> = ITEMS.iter().map(|item| item.slug).collect();
        assert_eq!((ids.len(), slugs.len()), (ITEMS.len(), ITEMS.len()));
    }

    #[test]
    fn every_implemented_item_is_whole() {
        for item in ITEMS.into_iter().filter(|item| item.is_implemented()) {
            let headings = [
                "## What it checks",
                "## Why it matters",
                "## How it decides",
                "## Examples",
                "## How to fix",
            ];
            let mut rest = item.docs;
            for heading in headings {
                let (_, after) = rest
                    .split_once(heading)
                    .unwrap_or_else(|| panic!("{}: no {heading:?} in its place", item.id));
                rest = after;
            }
            assert!(!item.remediation.is_empty(), "{}", item.id);
            let alone = [
                "AZ-04", "AZ-06b", "AZ-07", "AZ-09", "SE-02b", "AL-05", "AL-06", "NW-05", "IM-17", "OS-03",
            ];
            let has_peers = !alone.contains(&item.id);
            assert_eq!(has_peers, !item.references.is_empty(), "{}", item.id);
            assert!(!item.reads.is_empty(), "{} reads nothing", item.id);
            assert!(!item.cases.pass.is_empty(), "{} has no case that passes", item.id);
            // An audit that is not there leaves its item unknown, by what it reads; what lies in the layers of an
            // image, and what scanners found on nodes, nobody reads yet.
            let can_fail = !item.cases.fail.is_empty() || ["AZ-09", "IM-09", "OS-02"].contains(&item.id);
            assert!(can_fail, "{} has no case that fails", item.id);
        }
    }

    #[test]
    fn every_case_of_every_item_holds() {
        for item in ITEMS.into_iter().filter(|item| item.is_implemented()) {
            crate::testing::run(item);
        }
    }
}
