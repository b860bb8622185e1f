//! Reading a cluster, once.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use futures::{StreamExt, stream};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::{Client, Config};
use plumbline_api::{API_VERSION, baseline::DEFAULT_BASELINE};
use plumbline_inventory::lean::{Meta, Object};
use plumbline_inventory::{InputState, Inventory, Kind, ServerVersion};
use plumbline_operator::{anonymous, version};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// How long the API server may take for its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

/// How long it may take for a page of a list.
const PAGE_TIME: Duration = Duration::from_mins(1);

/// Objects in a page of a list.
const PAGE: u32 = 500;

/// Kinds that are listed at the same time.
const AT_ONCE: usize = 4;

/// Times that a list is begun anew because its pages expired.
const ATTEMPTS: usize = 3;

/// A connection to a cluster that answers.
pub(crate) struct Cluster {
    client: Client,
    config: Config,
    version: Option<ServerVersion>,
    /// What to call it.
    pub(crate) name: String,
}

/// What came of reading a cluster.
pub(crate) struct Survey {
    /// What is known of it.
    pub(crate) inventory: Inventory,
    /// What could not be read for other reasons than that it is forbidden or absent.
    pub(crate) errors: Vec<String>,
    /// Kinds that could be read in the one namespace only.
    pub(crate) narrowed: Vec<Kind>,
}

/// What a cluster has.
pub(crate) struct Snapshot {
    /// Objects of every kind that items read.
    pub(crate) objects: Vec<Value>,
    /// What is known beside them, without any object.
    pub(crate) known: Inventory,
    /// What could not be read for other reasons than that it is forbidden or absent.
    pub(crate) errors: Vec<String>,
}

/// Why a kind could not be listed.
enum Failure {
    Forbidden,
    Absent,
    Other(String),
}

/// An object as listed, or what is wrong with it.
type Listed = Result<Object, Box<(Meta, String)>>;

/// Runs `task` to its end.
pub(crate) fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(task)
}

impl Cluster {
    /// Connects to the cluster of a context, by default the current one.
    pub(crate) async fn connect(context: Option<&str>) -> Result<Self> {
        Self::connect_as(context, None).await
    }

    /// The same as another user, by the right to impersonate.
    pub(crate) async fn connect_as(context: Option<&str>, user: Option<&str>) -> Result<Self> {
        let mut config = match context {
            Some(context) => {
                let options = KubeConfigOptions {
                    context: Some(context.to_owned()),
                    ..Default::default()
                };
                Config::from_kubeconfig(&options)
                    .await
                    .map_err(|error| anyhow!("{}", one_line(&error)))?
            }
            None => Config::infer().await.map_err(|_| no_cluster())?,
        };
        config.connect_timeout = Some(FIRST_ANSWER);
        if let Some(user) = user {
            config.auth_info.impersonate = Some(user.to_owned());
        }
        let address = config.cluster_url.to_string();
        let address = address.trim_end_matches('/');
        let context = context
            .map(str::to_owned)
            .or_else(|| Kubeconfig::read().ok()?.current_context);
        let name = match context {
            Some(context) => format!("{context} ({address})"),
            None => address.to_owned(),
        };
        let client = Client::try_from(config.clone())
            .map_err(|error| anyhow!("cluster {name}: {}", one_line(&error)))?;
        match tokio::time::timeout(FIRST_ANSWER, version::ask(&client)).await {
            Err(_) => bail!("cluster {name} cannot be reached: no answer within {FIRST_ANSWER:?}"),
            Ok(Err(kube::Error::Api(status))) if status.code == 401 => {
                bail!(
                    "cluster {name} does not accept the credentials: {}",
                    status.message
                )
            }
            // A server that refuses to tell its version is there all the same.
            Ok(answer @ (Ok(_) | Err(kube::Error::Api(_)))) => Ok(Self {
                client,
                config,
                version: answer.unwrap_or_default(),
                name,
            }),
            Ok(Err(error)) => bail!("cluster {name} cannot be reached: {}", root_cause(&error)),
        }
    }

    /// Reads objects of `kinds`. Those that may be listed in `namespace` only are read there.
    pub(crate) async fn survey(
        &self,
        kinds: impl IntoIterator<Item = Kind>,
        namespace: Option<&str>,
    ) -> Result<Survey> {
        let mut survey = Survey {
            inventory: Inventory::live(),
            errors: Vec::new(),
            narrowed: Vec::new(),
        };
        survey.inventory.set_server_version(self.version);
        let mut lists = stream::iter(kinds)
            .map(|kind| async move { (kind, self.list(kind, namespace, decode).await) })
            .buffered(AT_ONCE);
        while let Some((kind, list)) = lists.next().await {
            survey.take(kind, list);
        }
        drop(lists);
        if let Some(namespace) = namespace
            && survey.inventory.namespace(namespace).is_none()
        {
            bail!(
                "cluster {} has no namespace {namespace} that could be read",
                self.name
            );
        }
        Ok(survey)
    }

    /// Reads objects of `kinds` as they are, and what else items read.
    pub(crate) async fn snapshot(&self, kinds: impl IntoIterator<Item = Kind>) -> Snapshot {
        let mut snapshot = Snapshot {
            objects: Vec::new(),
            known: Inventory::live(),
            errors: Vec::new(),
        };
        snapshot.known.set_server_version(self.version);
        for kind in kinds {
            let state = match self.list(kind, None, whole).await {
                Ok((objects, _)) => {
                    snapshot.objects.extend(objects);
                    InputState::Synced
                }
                Err(Failure::Forbidden) => InputState::Forbidden,
                Err(Failure::Absent) => InputState::Absent,
                Err(Failure::Other(error)) => {
                    let plural = kind.plural();
                    snapshot
                        .errors
                        .push(format!("{plural} cannot be listed: {error}"));
                    InputState::Failing
                }
            };
            snapshot.known.set_input(kind, state);
        }
        self.ask_anonymously(&mut snapshot.known).await;
        snapshot
    }

    /// Notes what is answered to whoever has no credentials.
    pub(crate) async fn ask_anonymously(&self, inventory: &mut Inventory) {
        inventory.set_anonymous_requests(anonymous::ask(&self.config).await);
    }

    /// Objects of `kind`, as `read` makes them, and whether only those of `namespace` may be seen; in the first
    /// version that is served.
    async fn list<T>(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        read: fn(Kind, &RawValue) -> T,
    ) -> Result<(Vec<T>, bool), Failure> {
        let mut answer = Err(Failure::Absent);
        for version in kind.versions() {
            answer = self.list_version(kind, version, namespace, read).await;
            if !matches!(answer, Err(Failure::Absent)) {
                break;
            }
        }
        answer
    }

    async fn list_version<T>(
        &self,
        kind: Kind,
        version: &str,
        namespace: Option<&str>,
        read: fn(Kind, &RawValue) -> T,
    ) -> Result<(Vec<T>, bool), Failure> {
        let root = if kind.group().is_empty() { "api" } else { "apis" };
        let everywhere = format!("/{root}/{}/{}", kind.api_version_in(version), kind.plural());
        match (self.list_at(kind, &everywhere, read).await, namespace) {
            (Ok(objects), _) => Ok((objects, false)),
            (Err(Failure::Forbidden), Some(namespace)) if kind == Kind::Namespace => {
                let object = self.get(&format!("/api/v1/namespaces/{namespace}")).await?;
                Ok((vec![read(kind, &object)], true))
            }
            (Err(Failure::Forbidden), Some(namespace)) if kind.is_namespaced() => {
                let (root, plural) = everywhere.rsplit_once('/').expect("a path has parts");
                let path = format!("{root}/namespaces/{namespace}/{plural}");
                let there = self.list_at(kind, &path, read).await?;
                Ok((there, true))
            }
            (Err(failure), _) => Err(failure),
        }
    }

    async fn list_at<T>(
        &self,
        kind: Kind,
        path: &str,
        read: fn(Kind, &RawValue) -> T,
    ) -> Result<Vec<T>, Failure> {
        #[derive(Deserialize)]
        struct Page {
            metadata: Position,
            items: Option<Vec<Box<RawValue>>>,
        }
        #[derive(Deserialize)]
        struct Position {
            #[serde(rename = "continue")]
            next: Option<String>,
        }
        let mut failure = Failure::Absent;
        'attempt: for _ in 0..ATTEMPTS {
            let mut objects = Vec::new();
            let mut parameters = ListParams::default().limit(PAGE);
            loop {
                let request = Request::new(path)
                    .list(&parameters)
                    .expect("parameters are valid");
                let page: Page = match in_time(self.client.request(request)).await {
                    Ok(page) => page,
                    Err(kube::Error::Api(status)) if status.code == 410 => {
                        failure = Failure::Other("the pages of the list expire too soon".to_owned());
                        continue 'attempt;
                    }
                    Err(error) => return Err(Failure::of(&error)),
                };
                let items = page.items.into_iter().flatten();
                objects.extend(items.map(|object| read(kind, &object)));
                match page.metadata.next.filter(|next| !next.is_empty()) {
                    Some(next) => parameters = parameters.continue_token(&next),
                    None => return Ok(objects),
                }
            }
        }
        Err(failure)
    }

    async fn get(&self, path: &str) -> Result<Box<RawValue>, Failure> {
        let (root, name) = path.rsplit_once('/').expect("a path has parts");
        let request = Request::new(root)
            .get(name, &kube::api::GetParams::default())
            .expect("a name is valid");
        in_time(self.client.request(request))
            .await
            .map_err(|error| Failure::of(&error))
    }

    /// The baseline `default`, if the cluster has one.
    pub(crate) async fn baseline(&self) -> Result<Option<Value>> {
        let path = format!("/apis/{API_VERSION}/compliancebaselines/{DEFAULT_BASELINE}");
        match self.get(&path).await {
            Ok(object) => Ok(Some(serde_json::from_str(object.get())?)),
            Err(Failure::Absent) => Ok(None),
            Err(Failure::Forbidden) => bail!("ComplianceBaseline {DEFAULT_BASELINE} may not be read"),
            Err(Failure::Other(error)) => {
                bail!("ComplianceBaseline {DEFAULT_BASELINE} cannot be read: {error}")
            }
        }
    }

    /// The client, for whoever reads our own kinds.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }
}

impl Survey {
    fn take(&mut self, kind: Kind, list: Result<(Vec<Listed>, bool), Failure>) {
        let (objects, narrowed) = match list {
            Ok(listed) => listed,
            Err(Failure::Forbidden) => return self.inventory.set_input(kind, InputState::Forbidden),
            Err(Failure::Absent) => return self.inventory.set_input(kind, InputState::Absent),
            Err(Failure::Other(error)) => {
                self.errors
                    .push(format!("{} cannot be listed: {error}", kind.plural()));
                return self.inventory.set_input(kind, InputState::Failing);
            }
        };
        if narrowed {
            self.narrowed.push(kind);
        }
        self.inventory.begin_relist(kind);
        for object in objects {
            match object {
                Ok(object) => self.inventory.apply(object),
                Err(undecodable) => {
                    let (meta, error) = *undecodable;
                    let id = self.inventory.id_of(kind, &meta);
                    self.errors.push(format!("{id} cannot be read: {error}"));
                    self.inventory.apply_undecodable(id, error);
                }
            }
        }
        self.inventory.end_relist(kind);
    }
}

impl Failure {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 403 => Self::Forbidden,
            kube::Error::Api(status) if status.code == 404 => Self::Absent,
            kube::Error::Api(status) => Self::Other(status.message.clone()),
            error => Self::Other(root_cause(error)),
        }
    }
}

async fn in_time<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    match tokio::time::timeout(PAGE_TIME, request).await {
        Ok(answer) => answer,
        Err(_) => Err(kube::Error::Service("no answer in time".into())),
    }
}

/// An object as it is, with the words that elements of a list lack, and without what nobody reads.
fn whole(kind: Kind, json: &RawValue) -> Value {
    let mut object: Value = serde_json::from_str(json.get()).expect("the page that it is from was JSON");
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.as_str().into();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}

fn decode(kind: Kind, json: &RawValue) -> Listed {
    #[derive(Default, Deserialize)]
    struct Identified {
        metadata: Identity,
    }
    #[derive(Default, Deserialize)]
    struct Identity {
        name: String,
        namespace: Option<String>,
    }
    Object::from_json(kind, json.get()).map_err(|error| {
        let Identified { metadata } = serde_json::from_str(json.get()).unwrap_or_default();
        let meta = Meta {
            name: metadata.name,
            namespace: metadata.namespace,
            ..Meta::default()
        };
        Box::new((meta, error))
    })
}

/// What to say when neither a kubeconfig nor a pod's own account names a cluster.
fn no_cluster() -> anyhow::Error {
    let why = Kubeconfig::read().map_or_else(
        |error| one_line(&error),
        |_| "the kubeconfig has no current context that is complete".to_owned(),
    );
    anyhow!("no cluster to read: {why}; name one with --context, or let plumbline check read files with -f")
}

/// An error with its causes, in one line.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    plain(&line)
}

/// The innermost cause: what the operating system or the TLS library said.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    plain(&cause.to_string())
}

/// A message in one line, without the number of the operating system's error.
fn plain(message: &str) -> String {
    let line = message.replace('\n', " ");
    line.split(" (os error").next().unwrap_or_default().to_owned()
}
