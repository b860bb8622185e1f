//! The rig itself, live.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use k8s_openapi::{
    api::{
        authentication::v1::SelfSubjectReview,
        core::v1::{ConfigMap, Namespace, Node, Pod, PodStatus, Secret},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use plumbline_tests::{Component, ControlPlane, Options, eventually};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

const SOON: Duration = Duration::from_mins(1);

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - {name: setup, image: "registry.example:5000/setup:1.0"}
      containers:
      - {name: web, image: "registry.example/web"}
"#;

#[tokio::test]
async fn a_deployment_runs_on_the_nodes() {
    let plane = ControlPlane::start(Options::default().nodes(2)).await.unwrap();
    plane.apply(DEPLOYMENT).await.unwrap();
    let pods = running_pods(plane.admin_client(), 3).await.unwrap();
    for pod in &pods {
        let node = pod.spec.as_ref().unwrap().node_name.as_deref();
        assert!(matches!(node, Some("node-0" | "node-1")), "{node:?}");
        let status = pod.status.as_ref().unwrap();
        assert!(status.pod_ip.as_ref().unwrap().starts_with("10."), "{status:?}");
        assert!(
            status.host_ip.as_ref().unwrap().starts_with("172.16."),
            "{status:?}"
        );
        assert_eq!(
            images(status),
            ["registry.example/web", "registry.example:5000/setup"]
        );
    }
}

#[tokio::test]
async fn added_nodes_take_pods() {
    let mut plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    assert_eq!(plane.add_nodes(2).await.unwrap(), ["node-1", "node-2"]);
    let nodes: Api<Node> = Api::all(plane.admin_client());
    for node in nodes.list(&ListParams::default()).await.unwrap() {
        assert_eq!(node.spec.and_then(|spec| spec.taints), None);
    }
}

#[tokio::test]
async fn a_service_account_is_itself_and_no_more() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let created = plane
        .kubectl(["create", "serviceaccount", "viewer"])
        .await
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let client = plane.service_account_client("default", "viewer").await.unwrap();

    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .unwrap();
    let user = review
        .status
        .and_then(|status| status.user_info)
        .and_then(|user| user.username);
    assert_eq!(user.as_deref(), Some("system:serviceaccount:default:viewer"));

    let secrets: Api<Secret> = Api::default_namespaced(client);
    let refused = secrets.list(&ListParams::default()).await.unwrap_err();
    assert!(
        matches!(&refused, kube::Error::Api(status) if status.code == 403),
        "{refused}"
    );
}

#[tokio::test]
async fn a_deleted_namespace_goes_away() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let namespaces: Api<Namespace> = Api::all(plane.admin_client());
    namespaces
        .create(&PostParams::default(), &named("short-lived"))
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(plane.admin_client(), "short-lived");
    eventually("the namespace has its root CA", SOON, || async {
        Ok(maps.get_opt("kube-root-ca.crt").await?)
    })
    .await
    .unwrap();

    namespaces
        .delete("short-lived", &DeleteParams::default())
        .await
        .unwrap();
    eventually("the namespace is gone", SOON, || async {
        Ok(namespaces.get_opt("short-lived").await?.is_none().then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_restarted_api_server_keeps_its_data_and_port() {
    let mut plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    let (url, pid) = (plane.server_url(), plane.pid(Component::ApiServer));
    let namespaces: Api<Namespace> = Api::all(plane.admin_client());
    namespaces
        .create(&PostParams::default(), &named("kept"))
        .await
        .unwrap();

    plane.restart(Component::ApiServer).await.unwrap();
    assert_eq!(plane.server_url(), url);
    assert_ne!(plane.pid(Component::ApiServer), pid);
    namespaces.get("kept").await.unwrap();

    plane.restart(Component::Etcd).await.unwrap();
    namespaces.get("kept").await.unwrap();

    // The other components have found it again.
    plane.apply(DEPLOYMENT).await.unwrap();
    running_pods(plane.admin_client(), 3).await.unwrap();
}

#[tokio::test]
async fn a_component_can_be_left_out_and_started_later() {
    let options = Options::default().nodes(1).without(Component::Scheduler);
    let mut plane = ControlPlane::start(options).await.unwrap();
    assert_eq!(plane.pid(Component::Scheduler), None);
    plane.apply(DEPLOYMENT).await.unwrap();
    plane.start_component(Component::Scheduler).await.unwrap();
    running_pods(plane.admin_client(), 3).await.unwrap();
}

#[tokio::test]
async fn two_run_side_by_side() {
    let start = || ControlPlane::start(Options::default().nodes(1));
    let (one, other) = futures::try_join!(start(), start()).unwrap();
    let namespaces: Api<Namespace> = Api::all(one.admin_client());
    namespaces
        .create(&PostParams::default(), &named("only-here"))
        .await
        .unwrap();
    let namespaces: Api<Namespace> = Api::all(other.admin_client());
    assert!(namespaces.get_opt("only-here").await.unwrap().is_none());
}

#[tokio::test]
async fn a_flag_reaches_the_api_server() {
    let options = Options::default()
        .without(Component::ControllerManager)
        .without(Component::Scheduler)
        .without(Component::Kwok)
        .flag(Component::ApiServer, "--anonymous-auth=false");
    let plane = ControlPlane::start(options).await.unwrap();
    let mut config = kube::Config::new(plane.server_url().parse().unwrap());
    config.accept_invalid_certs = true;
    let refused = Client::try_from(config)
        .unwrap()
        .apiserver_version()
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, kube::Error::Api(status) if status.code == 401),
        "{refused}"
    );
}

#[tokio::test]
async fn the_store_has_a_size() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let size = plane.etcd_size().await.unwrap();
    assert!(0 < size.used && size.used <= size.file, "{size:?}");
}

#[tokio::test]
async fn a_failed_start_shows_the_log() {
    let options = Options::default().flag(Component::ApiServer, "--no-such-flag=1");
    let Err(error) = ControlPlane::start(options).await else {
        panic!("started")
    };
    let error = format!("{error:#}");
    assert!(error.contains("kube-apiserver ended with exit status"), "{error}");
    assert!(error.contains("unknown flag: --no-such-flag"), "{error}");
    fs::remove_dir_all(kept_folder(&error)).unwrap();
}

#[tokio::test]
async fn a_drop_leaves_nothing() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let folder = folder(&plane.admin_kubeconfig());
    let pids: Vec<u32> = Component::ALL
        .into_iter()
        .filter_map(|component| plane.pid(component))
        .collect();
    assert_eq!(pids.len(), Component::ALL.len());
    drop(plane);
    for pid in pids {
        assert_eq!(kill(Pid::from_raw(pid as i32), None), Err(Errno::ESRCH));
    }
    assert_eq!(processes_in(&folder), Vec::<u32>::new());
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_panic_leaves_nothing_but_the_logs() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async move {
        let plane = ControlPlane::start(Options::default()).await.unwrap();
        send.send(folder(&plane.admin_kubeconfig())).unwrap();
        panic!("on purpose");
    });
    let folder = receive.await.unwrap();
    assert!(test.await.unwrap_err().is_panic());
    assert_eq!(processes_in(&folder), Vec::<u32>::new());
    assert!(folder.join("kube-apiserver.log").exists());
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_killed_test_leaves_nothing() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT] {
        let mut holder = Command::new(env!("CARGO_BIN_EXE_plumbline-controlplane"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let kubeconfig = line.strip_prefix("export KUBECONFIG=").unwrap();
        let folder = folder(Path::new(kubeconfig));
        // The components and the shell that watches over them.
        assert_eq!(processes_in(&folder).len(), Component::ALL.len() + 1);

        kill(Pid::from_raw(holder.id().unwrap() as i32), signal).unwrap();
        holder.wait().await.unwrap();
        eventually(&format!("nothing is left after {signal}"), SOON, || async {
            Ok((processes_in(&folder).is_empty() && !folder.exists()).then_some(()))
        })
        .await
        .unwrap();
    }
}

/// The repositories in the `imageID`s of a pod, each of which must have a digest.
fn images(status: &PodStatus) -> Vec<&str> {
    let containers = status
        .container_statuses
        .iter()
        .chain(&status.init_container_statuses)
        .flatten();
    containers
        .filter_map(|container| Some(container.image_id.split_once("@sha256:")?.0))
        .collect()
}

fn named(name: &str) -> Namespace {
    Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        ..Default::default()
    }
}

async fn running_pods(client: Client, count: usize) -> anyhow::Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::default_namespaced(client);
    eventually(&format!("{count} pods run"), SOON, || async {
        let pods = pods.list(&ListParams::default()).await?.items;
        let running =
            |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
        Ok((pods.len() == count && pods.iter().all(running)).then_some(pods))
    })
    .await
}

/// The folder of the control plane that has this kubeconfig.
fn folder(kubeconfig: &Path) -> PathBuf {
    kubeconfig
        .ancestors()
        .nth(2)
        .expect("kubeconfigs lie two levels deep")
        .to_owned()
}

/// The folder in `the end of <folder>/<component>.log`.
fn kept_folder(error: &str) -> PathBuf {
    let (_, rest) = error.split_once("the end of ").expect("the error shows a log");
    let (log, _) = rest.split_once(".log").expect("the error names the log");
    Path::new(log)
        .parent()
        .expect("the log is in a folder")
        .to_owned()
}

/// The ids of all processes whose command line names `folder`, as that of every component does.
fn processes_in(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().expect("temporary folders have plain names");
    let named = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(folder))
    };
    let entries = fs::read_dir("/proc").expect("these tests need Linux");
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(named)
        .collect()
}
