//! The RBAC engine answers what the API server answers.
//!
//! `PLUMBLINE_SAR_COUNT` questions (100,000 by default), drawn with `PLUMBLINE_SAR_SEED` (printed; the time by
//! default), are put to a real API server as `SubjectAccessReview`s, over random roles and bindings and over those
//! that every cluster starts with.

#![allow(clippy::print_stdout)] // seed and counts, for whoever wants to repeat or to believe it

mod cluster;
mod defaults;
mod dice;
mod objects;
mod questions;

use std::time::{Instant, SystemTime};

use futures::{StreamExt as _, stream};
use kube::Client;
use plumbline_inventory::{Inventory, Kind};
use plumbline_rbac::{Rbac, Reason};
use plumbline_tests::{Component, ControlPlane, Options};
use serde_json::Value;

use cluster::{apply, settle};
use dice::Dice;
use questions::Question;

/// As many as keep the API server busy.
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_agrees_with_the_api_server() {
    let count = number("PLUMBLINE_SAR_COUNT").unwrap_or(100_000) as usize;
    let seed = number("PLUMBLINE_SAR_SEED").unwrap_or_else(now);
    println!("PLUMBLINE_SAR_SEED={seed}");
    let mut dice = Dice::new(seed);

    // RBAC alone: the node authorizer would answer for nodes.
    let options = Options::default()
        .without(Component::Scheduler)
        .without(Component::Kwok)
        .flag(Component::ApiServer, "--authorization-mode=RBAC")
        // It costs, and nobody else is to be treated fairly.
        .flag(Component::ApiServer, "--enable-priority-and-fairness=false");
    let plane = ControlPlane::start(options).await.unwrap();
    let client = plane.admin_client();
    for object in objects::random(&mut dice) {
        apply(&client, &object).await;
    }
    let lists = settle(&client).await;
    let rbac = Rbac::of(&lists.inventory(Inventory::live()));
    println!(
        "{} roles, {} different lists of rules",
        rbac.roles().count(),
        rbac.rule_lists()
    );

    let drawn: Vec<Question> = (0..count).map(|_| Question::draw(&mut dice, &rbac)).collect();
    let began = Instant::now();
    let counts = ask(&client, &rbac, &drawn).await;
    println!("{counts:?} in {:?}", began.elapsed());
    assert_eq!(counts.allowed + counts.denied, count);
    assert!(counts.allowed * 10 >= count, "too few are allowed: {counts:?}");
    assert!(counts.denied * 10 >= count, "too few are denied: {counts:?}");
    assert!(counts.named * 20 >= count, "too few have names: {counts:?}");
    assert!(
        counts.by_name * 200 >= count,
        "too few are allowed by name: {counts:?}"
    );
    assert!(counts.urls * 50 >= count, "too few are for URLs: {counts:?}");
}

/// Puts every question to both.
///
/// # Panics
///
/// If they disagree on any.
async fn ask(client: &Client, rbac: &Rbac, questions: &[Question]) -> Counts {
    let mut counts = Counts::default();
    let mut answers = stream::iter(questions)
        .map(|question| async move { (question, question.review(client).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((question, status)) = answers.next().await {
        let reason = rbac.authorize(&question.user, &question.request());
        assert!(
            reason.is_some() == status.allowed,
            "{question:?}\nthe API server: {status:?}\nthe engine: {reason:#?}\nwhat the user has:\n{}",
            what_the_user_has(rbac, question),
        );
        counts.add(question, reason);
    }
    counts
}

fn what_the_user_has(rbac: &Rbac, question: &Question) -> String {
    let mut lines = Vec::new();
    for subject in question.user.subjects() {
        for grant in rbac.grants(&subject) {
            let rules = grant.rules.written();
            lines.push(format!(
                "{subject}: {} > {}: {rules:?}",
                grant.binding, grant.role
            ));
        }
    }
    lines.join("\n")
}

/// What the questions were like.
#[derive(Debug, Default)]
struct Counts {
    allowed: usize,
    denied: usize,
    /// With the name of an object.
    named: usize,
    /// Allowed by a rule for certain names.
    by_name: usize,
    subresources: usize,
    urls: usize,
    superuser: usize,
}

impl Counts {
    fn add(&mut self, question: &Question, reason: Option<Reason<'_>>) {
        self.allowed += usize::from(reason.is_some());
        self.denied += usize::from(reason.is_none());
        self.named += usize::from(!question.name.is_empty());
        self.subresources += usize::from(!question.subresource.is_empty());
        self.urls += usize::from(question.path.is_some());
        match reason {
            Some(Reason::Superuser) => self.superuser += 1,
            Some(Reason::Rule { grant, rule }) => {
                self.by_name += usize::from(!grant.rules.compiled()[rule].names().is_empty());
            }
            None => {}
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("it is later than 1970").as_secs()
}

/// An object and its kind.
type Drawn = (Kind, Value);
