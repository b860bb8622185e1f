//! A faulty network between a client and the API server.

use std::{convert::Infallible, error::Error, fmt, net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::{Stream, StreamExt as _, stream};
use kube::{Client, Config};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    controlplane::ControlPlane,
    kubeconfig::{self, Credential},
};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer comes, and no more of one that has begun.
    Stall,
    /// The answer is an internal error; one that has begun breaks off.
    Break,
    /// The answer is a refusal, as by an API server that has not read its roles yet; one that has begun breaks off.
    Forbid,
    /// The answer has the second text wherever the first one stands, which is as long.
    Garble(&'static str, &'static str),
}

/// An HTTP server in front of the API server that hands everything on, who is asking included, until it is told
/// to do otherwise.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    faults: watch::Sender<Faults>,
    server: JoinHandle<()>,
}

/// Why a request does not pass.
#[derive(Debug, PartialEq, Eq)]
struct OnPurpose(Fault);

impl fmt::Display for OnPurpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}, on purpose", self.0)
    }
}

impl Error for OnPurpose {}

/// Which paths, by a part of them, have which fault.
type Faults = Vec<(String, Fault)>;

#[derive(Clone)]
struct Shared {
    client: Client,
    faults: watch::Receiver<Faults>,
}

impl Proxy {
    /// Starts a proxy without faults.
    pub async fn start(plane: &ControlPlane) -> anyhow::Result<Self> {
        // Nobody's client: what the request brings says who asks.
        let mut config = Config::new(plane.server_url().parse()?);
        config.accept_invalid_certs = true;
        config.read_timeout = Some(Duration::from_mins(10));
        let client = Client::try_from(config)?;
        let (faults, receiver) = watch::channel(Faults::new());
        let shared = Shared {
            client,
            faults: receiver,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let router = Router::new().fallback(forward).with_state(shared);
        let server = tokio::spawn(async move {
            // It ends with the proxy.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, faults, server })
    }

    /// Lets every request whose path contains `path` go wrong, those under way included.
    pub fn inject(&self, path: &str, fault: Fault) {
        self.faults
            .send_modify(|faults| faults.push((path.to_owned(), fault)));
    }

    /// Ends every fault.
    pub fn heal(&self) {
        self.faults.send_modify(Vec::clear);
    }

    /// The kubeconfig of an existing `ServiceAccount` that goes through this proxy.
    pub async fn kubeconfig(
        &self,
        plane: &ControlPlane,
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<PathBuf> {
        let token = plane.service_account_token(namespace, name).await?;
        let path = plane
            .work
            .kubeconfig(&format!("{namespace}.{name}.{}", self.port));
        let url = format!("http://127.0.0.1:{}", self.port);
        kubeconfig::write(&path, &url, plane.ca_pem(), &Credential::Token(&token))?;
        Ok(path)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(mut shared): State<Shared>, request: Request) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let response = match pass(&mut shared, &path, request).await {
        Ok(response) => response,
        Err(error) => {
            let forbidden = error.downcast_ref() == Some(&OnPurpose(Fault::Forbid));
            let code = if forbidden {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            };
            (code, format!("{error:#}")).into_response()
        }
    };
    Ok(response)
}

async fn pass(shared: &mut Shared, path: &str, request: Request) -> anyhow::Result<Response> {
    until_passable(&mut shared.faults, path).await?;
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    head.headers.remove(header::HOST);
    let request = Request::from_parts(head, body.to_vec().into());
    let response = shared
        .client
        .send(request)
        .await
        .context("the API server does not answer")?;
    until_passable(&mut shared.faults, path).await?;
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::TRANSFER_ENCODING);
    let frames = frames(Body::new(body), path.to_owned(), shared.faults.clone());
    Ok(Response::from_parts(head, Body::from_stream(frames)))
}

fn fault_of(path: &str, faults: &Faults) -> Option<Fault> {
    let fault = faults.iter().find(|(part, _)| path.contains(part));
    fault.map(|(_, fault)| *fault)
}

/// Waits while `path` is stalled; an error if it is broken.
async fn until_passable(faults: &mut watch::Receiver<Faults>, path: &str) -> anyhow::Result<()> {
    let settled = faults
        .wait_for(|faults| fault_of(path, faults) != Some(Fault::Stall))
        .await?;
    match fault_of(path, &settled) {
        None | Some(Fault::Garble(..)) => Ok(()),
        Some(fault) => Err(OnPurpose(fault).into()),
    }
}

/// A part of an answer as `path` has it.
fn garbled(frame: Bytes, path: &str, faults: &Faults) -> Bytes {
    let Some(Fault::Garble(from, to)) = fault_of(path, faults) else {
        return frame;
    };
    String::from_utf8_lossy(&frame).replace(from, to).into()
}

/// The parts of an answer as they come, as long as there is no fault.
fn frames(
    body: Body,
    path: String,
    faults: watch::Receiver<Faults>,
) -> impl Stream<Item = anyhow::Result<Bytes>> {
    let state = Some((body.into_data_stream(), faults));
    stream::unfold(state, move |state| {
        let path = path.clone();
        async move {
            let (mut body, mut faults) = state?;
            loop {
                if let Err(error) = until_passable(&mut faults, &path).await {
                    return Some((Err(error), None));
                }
                tokio::select! {
                    frame = body.next() => {
                        let frame = frame?.map_err(Into::into);
                        let frame = frame.map(|frame| garbled(frame, &path, &faults.borrow()));
                        return Some((frame, Some((body, faults))));
                    }
                    changed = faults.changed() => {
                        if changed.is_err() {
                            return None;
                        }
                    }
                }
            }
        }
    })
}
