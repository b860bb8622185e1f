//! What the operator makes of it: what counts, what does not, and when.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use plumbline_api::conditions::{self, ConditionType};
use plumbline_api::{ItemStatus, ReportStatus};
use plumbline_inventory::digest::spec_digest;
use plumbline_tests::{Operator, Reports, item};

use super::*;

const SHOP: Option<&str> = Some("shop");
const WAIVERS: &str = "/apis/compliance.plumbline.dev/v1alpha1/namespaces/shop/compliancewaivers";
const IN_SHOP: &str = "/apis/compliance.plumbline.dev/v1alpha1/namespaces/shop/complianceapprovals";

/// A namespace with a privileged Deployment and one beside it.
fn shop() -> String {
    let deployment = |name: &str| {
        let container = json!({
            "name": "main", "image": "registry.example/agent:1.0", "securityContext": { "privileged": true },
        });
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "shop" },
            "spec": {
                "selector": { "matchLabels": { "app": name } },
                "template": { "metadata": { "labels": { "app": name } }, "spec": { "containers": [container] } },
            },
        })
    };
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    let items = json!([namespace, deployment("agent"), deployment("web")]);
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// A waiver of WL-04 that `mallory` asks for, for these Deployments until then.
fn waiver(name: &str, workloads: &[&str], expires: Timestamp) -> Value {
    let workloads: Vec<Value> = workloads
        .iter()
        .map(|name| json!({ "kind": "Deployment", "name": name }))
        .collect();
    let spec = json!({
        "items": ["WL-04"], "scope": { "workloads": workloads }, "reason": "an agent of the node",
        "requestedBy": "mallory", "expires": expires,
    });
    object("ComplianceWaiver", name, &spec)
}

/// A cluster with the install, its operator as it is installed, and the users of these tests.
struct Story {
    plane: ControlPlane,
    operator: Operator,
    reports: Reports,
    alice: Client,
    mallory: Client,
}

impl Story {
    async fn begin() -> Result<Self> {
        let plane = guarded(Options::default().nodes(1)).await?;
        plane.apply(&shop()).await?;
        // Times are in seconds: what was made in that of the guard proves nothing.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let operator = Self::operator(&plane).await?;
        let reports = plane.reports();
        reports.until_complete().await?;
        let (alice, mallory) = (
            plane.user_client("alice").await?,
            plane.user_client("mallory").await?,
        );
        Ok(Self {
            plane,
            operator,
            reports,
            alice,
            mallory,
        })
    }

    async fn operator(plane: &ControlPlane) -> Result<Operator> {
        let kubeconfig = plane
            .service_account_kubeconfig("plumbline-system", "plumbline")
            .await?;
        Operator::start_as(plane, &kubeconfig, "plumbline-0").await
    }

    async fn ask(&self, waiver: &Value) -> Result<Value> {
        send(&self.mallory, "POST", WAIVERS, waiver).await?.success()
    }

    /// Approves `waiver` as it reads, in the name of who sends it.
    async fn approve(&self, client: &Client, by: &str, name: &str, waiver: &Value) -> Result<()> {
        let approval = approval_for(name, by, waiver);
        send(client, "POST", IN_SHOP, &approval).await?.success()?;
        Ok(())
    }

    /// The state of an object and the reason for it, once it has this one.
    async fn until(&self, path: &str, wanted: (&str, &str)) -> Result<Value> {
        let admin = self.plane.admin_client();
        eventually(&format!("{path}: {wanted:?}"), SOON, || async {
            let object = get(&admin, path).await?;
            let conditions = object["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let told = conditions
                .iter()
                .any(|condition| condition["type"] == wanted.0 && condition["reason"] == wanted.1);
            Ok(told.then_some(object))
        })
        .await
    }

    async fn until_failing(&self, failing: i32, waived: i32) -> Result<ReportStatus> {
        self.reports
            .until(
                SHOP,
                &format!("WL-04 fails {failing}, waived {waived}"),
                |status| {
                    let item = item(status, "WL-04");
                    (item.failing, item.waived) == (failing, waived)
                },
            )
            .await
    }
}

fn approval_for(name: &str, by: &str, waiver: &Value) -> Value {
    object(
        "ComplianceApproval",
        name,
        &json!({
            "waiver": { "name": waiver["metadata"]["name"], "uid": waiver["metadata"]["uid"] },
            "specDigest": spec_digest(&waiver["spec"]),
            "approvedBy": by,
        }),
    )
}

fn in_days(days: i64) -> Timestamp {
    let at = Timestamp::now() + SignedDuration::from_hours(24 * days);
    Timestamp::from_second(at.as_second()).expect("in range")
}

#[tokio::test]
async fn a_waiver_counts_while_it_is_approved_as_it_reads() -> Result<()> {
    let story = Story::begin().await?;
    let waived = item(&story.until_failing(2, 0).await?, "WL-04").status;
    assert_eq!(waived, ItemStatus::Fail);

    let one = story.ask(&waiver("agent", &["agent"], in_days(90))).await?;
    let path = format!("{WAIVERS}/agent");
    let told = story.until(&path, ("Active", "ApprovalMissing")).await?;
    assert_eq!(told["status"]["state"], "Pending");
    story.approve(&story.alice, "alice", "agent", &one).await?;
    let told = story.until(&path, ("Active", "Approved")).await?;
    assert_eq!(
        (&told["status"]["state"], &told["status"]["covered"]),
        (&json!("Active"), &json!(1))
    );
    let status = story.until_failing(1, 1).await?;
    assert_eq!(item(&status, "WL-04").status, ItemStatus::Fail);
    let sample = &item(&status, "WL-04").sample;
    let accepted = sample
        .iter()
        .find(|finding| finding.name == "agent")
        .and_then(|it| it.waived.as_deref());
    assert_eq!(accepted, Some("ComplianceWaiver/shop/agent"));

    // The rest as well, by another waiver that overlaps: nothing is counted twice.
    let both = story.ask(&waiver("both", &["agent", "web"], in_days(90))).await?;
    story.approve(&story.alice, "alice", "both", &both).await?;
    let status = story.until_failing(0, 2).await?;
    assert_eq!(item(&status, "WL-04").status, ItemStatus::Waived);
    assert_eq!(item(&status, "WL-04").reason, "Accepted");
    let counts = status.waivers.clone().unwrap_or_default();
    assert_eq!((counts.active, counts.pending), (2, 0));

    // What is edited is not what was approved: an expiry that is lengthened, for one.
    let longer = json!({ "spec": { "expires": in_days(180) } });
    let longer = send(&story.mallory, "PATCH", &format!("{WAIVERS}/both"), &longer)
        .await?
        .success()?;
    story
        .until(&format!("{WAIVERS}/both"), ("Active", "ApprovalOutdated"))
        .await?;
    story
        .until(&format!("{IN_SHOP}/both"), ("Honoured", "WaiverChanged"))
        .await?;
    story.until_failing(1, 1).await?;
    story
        .approve(&story.alice, "alice", "both-again", &longer)
        .await?;
    story.until_failing(0, 2).await?;

    // What is made anew under its name is another.
    send(&story.mallory, "DELETE", &path, &Value::Null)
        .await?
        .success()?;
    story.ask(&waiver("agent", &["agent"], in_days(90))).await?;
    story
        .until(&format!("{IN_SHOP}/agent"), ("Honoured", "WaiverNotFound"))
        .await?;
    story.until(&path, ("Active", "ApprovalOutdated")).await?;

    // A restart changes nothing of that, and writes nothing.
    // What has held for ten seconds is history: after that there is nothing more to say.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let versions = story.reports.versions().await?;
    story.operator.terminate().await?;
    let operator = Story::operator(&story.plane).await?;
    story.reports.until_complete().await?;
    eventually("it leads again", SOON, || async {
        Ok((operator.metric("plumbline_leader").await? == Some(1.0)).then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(story.reports.versions().await?, versions);
    Ok(())
}

#[tokio::test]
async fn what_is_not_approved_by_somebody_else_for_this_waiver_does_not_count() -> Result<()> {
    let story = Story::begin().await?;
    // For oneself.
    let mut own = waiver("own", &["agent"], in_days(90));
    own["spec"]["requestedBy"] = json!("alice");
    let own = story.ask(&own).await?;
    story.approve(&story.alice, "alice", "own", &own).await?;
    let told = story
        .until(&format!("{WAIVERS}/own"), ("Active", "SelfApproved"))
        .await?;
    assert_eq!(told["status"]["state"], "Rejected");
    // For too long.
    let long = story.ask(&waiver("long", &["agent"], in_days(500))).await?;
    story.approve(&story.alice, "alice", "long", &long).await?;
    story
        .until(&format!("{WAIVERS}/long"), ("Active", "TooLong"))
        .await?;
    // In another namespace.
    let far = story.ask(&waiver("far", &["agent"], in_days(90))).await?;
    let approval = approval_for("far", "alice", &far);
    send(&story.alice, "POST", APPROVALS, &approval)
        .await?
        .success()?;
    story
        .until(&format!("{APPROVALS}/far"), ("Honoured", "WaiverNotFound"))
        .await?;
    story
        .until(&format!("{WAIVERS}/far"), ("Active", "ApprovalMissing"))
        .await?;
    // For items that there are none of, and for objects that there are none of.
    let mut odd = waiver("odd", &["nobody"], in_days(90));
    odd["spec"]["items"] = json!(["WL-04", "WL-99"]);
    let odd = story.ask(&odd).await?;
    story.approve(&story.alice, "alice", "odd", &odd).await?;
    let told = story
        .until(&format!("{WAIVERS}/odd"), ("Active", "Unused"))
        .await?;
    assert_eq!(told["status"]["state"], "Unused");
    story
        .until(&format!("{WAIVERS}/odd"), ("Valid", "UnknownItem"))
        .await?;
    let status = story
        .reports
        .until(SHOP, "two are rejected, one pends, one is unused", |status| {
            let counts = status.waivers.clone().unwrap_or_default();
            (counts.rejected, counts.pending, counts.unused) == (2, 1, 1)
        })
        .await?;
    assert_eq!(
        (item(&status, "WL-04").failing, item(&status, "WL-04").waived),
        (2, 0)
    );
    Ok(())
}

#[tokio::test]
async fn an_expiry_takes_effect_though_nothing_else_happens() -> Result<()> {
    let story = Story::begin().await?;
    let short = Timestamp::from_second(Timestamp::now().as_second() + 12)?;
    let brief = story.ask(&waiver("brief", &["agent"], short)).await?;
    story.approve(&story.alice, "alice", "brief", &brief).await?;
    story.until_failing(1, 1).await?;
    // It is about to expire, and everybody is told.
    let cluster = story
        .reports
        .until(None, "the report warns", |status| {
            conditions::find(&status.conditions, ConditionType::Expiring).is_some()
        })
        .await?;
    assert_eq!(cluster.waivers.unwrap_or_default().expiring_soon, 1);
    story.until_failing(2, 0).await?;
    let late = Timestamp::now().duration_since(short);
    assert!(late < SignedDuration::from_secs(5), "{late:?}");
    story
        .until(&format!("{WAIVERS}/brief"), ("Active", "Expired"))
        .await?;
    let admin = story.plane.admin_client();
    eventually("an Event tells of it", SOON, || async {
        let events = get(&admin, "/apis/events.k8s.io/v1/namespaces/shop/events").await?;
        let events = events["items"].as_array().cloned().unwrap_or_default();
        Ok(events
            .iter()
            .any(|event| event["reason"] == "WaiverExpired")
            .then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn what_is_approved_without_the_guard_stays_without_effect() -> Result<()> {
    let story = Story::begin().await?;
    let bob = story.plane.user_client("bob").await?;
    let asked = story.ask(&waiver("agent", &["agent"], in_days(90))).await?;
    let weak = r#"{"spec":{"validationActions":["Warn"]}}"#;
    let binding = "validatingadmissionpolicybinding";
    kubectl(
        &story.plane,
        &[
            "patch",
            binding,
            "plumbline-approved-by",
            "--type=merge",
            "-p",
            weak,
        ],
    )
    .await?;
    story
        .reports
        .until(None, "the report says so", |status| {
            let unguarded = conditions::find(&status.conditions, ConditionType::Unguarded);
            unguarded.is_some_and(|condition| condition.reason == "PolicyNotEnforced")
        })
        .await?;
    // Bob, in the name of Alice.
    let forged = approval_for("forged", "alice", &asked);
    let forged = &forged;
    eventually("the guard is down", SOON, || async {
        let answer = send(&bob, "POST", IN_SHOP, forged).await?;
        Ok((answer.code == 201).then_some(()))
    })
    .await?;
    story
        .until(&format!("{IN_SHOP}/forged"), ("Honoured", "Unguarded"))
        .await?;
    let told = story
        .until(&format!("{WAIVERS}/agent"), ("Active", "ApprovalUnguarded"))
        .await?;
    assert_eq!(told["status"]["state"], "Rejected");
    kubectl(&story.plane, &["apply", "-k", &config("policies")]).await?;
    story
        .reports
        .until(None, "the guard stands again", |status| {
            conditions::find(&status.conditions, ConditionType::Unguarded).is_none()
        })
        .await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    story
        .until(&format!("{IN_SHOP}/forged"), ("Honoured", "Unguarded"))
        .await?;
    story.until_failing(2, 0).await?;
    // Made again, it counts.
    eventually("bob is refused again", SOON, || async {
        let trial = format!("{IN_SHOP}?dryRun=All");
        let answer = send(&bob, "POST", &trial, &approval_for("again", "alice", &asked)).await?;
        Ok((answer.code == 403).then_some(()))
    })
    .await?;
    story.approve(&story.alice, "alice", "again", &asked).await?;
    story.until_failing(1, 1).await?;
    Ok(())
}

#[tokio::test]
async fn an_attestation_decides_where_evidence_does_not() -> Result<()> {
    let story = Story::begin().await?;
    story
        .reports
        .until(None, "AZ-01 waits for somebody's word", |status| {
            item(status, "AZ-01").status == ItemStatus::NeedsAttestation
        })
        .await?;
    let mut word = attestation("model", "alice");
    word["spec"]["items"] = json!(["AZ-01", "WL-04"]);
    word["spec"]["validUntil"] = json!(in_days(90));
    send(&story.alice, "POST", ATTESTATIONS, &word).await?.success()?;
    let path = format!("{ATTESTATIONS}/model");
    let told = story.until(&path, ("Active", "Accepted")).await?;
    assert_eq!(told["status"]["state"], "Active");
    // Nobody attests what the API decides.
    story.until(&path, ("Valid", "UnknownItem")).await?;
    let status = story
        .reports
        .until(None, "AZ-01 is attested", |status| {
            item(status, "AZ-01").status == ItemStatus::Attested
        })
        .await?;
    assert!(
        item(&status, "AZ-01").message.contains("alice"),
        "{}",
        item(&status, "AZ-01").message
    );
    assert_eq!(item(&status, "WL-04").status, ItemStatus::Fail);
    assert_eq!(
        story
            .operator
            .metric("plumbline_attestations{state=\"active\"}")
            .await?,
        Some(1.0)
    );
    // Evidence that says otherwise wins: most bindings give everything.
    let bindings: Vec<Value> = (0..20)
        .map(|n| {
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": { "name": format!("everything-{n}") },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": format!("u{n}") }],
            })
        })
        .collect();
    story
        .plane
        .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": bindings }).to_string())
        .await?;
    let status = story
        .reports
        .until(None, "AZ-01 is contradicted", |status| {
            item(status, "AZ-01").status == ItemStatus::Fail
        })
        .await?;
    assert_eq!(item(&status, "AZ-01").reason, "AttestationContradicted");
    story.until(&path, ("Active", "Contradicted")).await?;
    Ok(())
}
