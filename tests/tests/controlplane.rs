//! The rig itself, live.

use std::time::Instant;

use plumbline_tests::{ControlPlane, Options};

#[tokio::test]
async fn it_starts() {
    let start = Instant::now();
    let plane = ControlPlane::start(Options::default().nodes(3)).await.unwrap();
    eprintln!("start {:?}", start.elapsed());
    let start = Instant::now();
    drop(plane);
    eprintln!("drop {:?}", start.elapsed());
}
