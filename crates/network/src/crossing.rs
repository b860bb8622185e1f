//! Connections between namespaces: which there are, how many, and a number that tells whether they have changed.

use std::collections::{BTreeMap, HashMap};

use plumbline_inventory::Name;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::connections::Connections;
use crate::network::{Network, OUTSIDER};
use crate::partition::Partition;
use crate::policy::Direction;

/// Which namespaces may open connections to which others.
///
/// Where everybody may talk to everybody there are as many edges as pairs of namespaces. They are kept as blocks,
/// of all sources and all destinations of one kind, and spelled out one source at a time.
#[derive(Debug)]
pub struct Crossing {
    /// By number, in order.
    namespaces: Vec<Name>,
    blocks: Vec<Block>,
    /// Connections by number; number 0 is none.
    connections: Vec<Connections>,
}

/// All of these namespaces may open these connections to all of those.
#[derive(Debug)]
struct Block {
    from: RoaringBitmap,
    to: RoaringBitmap,
    connections: usize,
}

/// Some pod of one namespace may open these connections to some pod of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceEdge {
    /// The namespace of the source.
    pub from: Name,
    /// The namespace of the destination.
    pub to: Name,
    /// What is allowed.
    pub connections: Connections,
}

impl std::fmt::Display for NamespaceEdge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} => {} : {}", self.from, self.to, self.connections)
    }
}

impl Network {
    /// Which namespaces may open connections to which others.
    pub fn crossing(&self) -> Crossing {
        let names = self
            .classes
            .namespaces()
            .filter(|(_, classes)| !classes.contains(OUTSIDER));
        let by_namespace: Vec<(&Name, &RoaringBitmap)> = names.collect();
        let mut namespace_of = vec![None; self.classes.end() as usize];
        for (number, (_, classes)) in (0..).zip(&by_namespace) {
            for class in *classes {
                namespace_of[class as usize] = Some(number);
            }
        }
        let mut draft = Draft {
            egress: Camps::of(self, Direction::Egress),
            namespace_of,
            blocks: BTreeMap::new(),
        };
        for ingress in Camps::of(self, Direction::Ingress).camps {
            draft.add(&ingress);
        }
        draft.finish(
            by_namespace
                .into_iter()
                .map(|(name, _)| Name::clone(name))
                .collect(),
        )
    }
}

/// Classes of which the same is said.
struct Camp<'a> {
    classes: RoaringBitmap,
    says: &'a Partition<RoaringBitmap, Connections>,
}

/// All classes, in camps.
struct Camps<'a> {
    camps: Vec<Camp<'a>>,
    /// The camp of each class by its number.
    of_class: Vec<usize>,
}

impl<'a> Camps<'a> {
    fn of(network: &'a Network, direction: Direction) -> Self {
        let mut alike: HashMap<Outline<'a>, Vec<usize>> = HashMap::new();
        let mut camps: Vec<Camp<'a>> = Vec::new();
        let mut of_class = vec![0; network.classes.end() as usize];
        for profile in network.profiles.of(direction) {
            let says = &profile.verdict.classes;
            let known = alike.entry(outline(says)).or_default();
            let at = known
                .iter()
                .copied()
                .find(|at| camps[*at].says == says)
                .unwrap_or_else(|| {
                    known.push(camps.len());
                    camps.push(Camp {
                        classes: RoaringBitmap::new(),
                        says,
                    });
                    camps.len() - 1
                });
            camps[at].classes |= &profile.classes;
            profile
                .classes
                .iter()
                .for_each(|class| of_class[class as usize] = at);
        }
        Self { camps, of_class }
    }
}

/// What partitions that are equal have in common, and few others have.
type Outline<'a> = (&'a Connections, Vec<(&'a Connections, u64, Option<u32>)>);

fn outline(says: &Partition<RoaringBitmap, Connections>) -> Outline<'_> {
    let parts = says.parts().iter();
    (
        says.rest(),
        parts
            .map(|(part, connections)| (connections, part.len(), part.min()))
            .collect(),
    )
}

/// Blocks that are being collected: destinations by connections and sources.
struct Draft<'a> {
    egress: Camps<'a>,
    /// The number of the namespace of each class.
    namespace_of: Vec<Option<u32>>,
    blocks: BTreeMap<(Connections, Vec<u32>), RoaringBitmap>,
}

impl Draft<'_> {
    /// What may be opened to these destinations. Most let in few: those are looked at, and not everybody.
    fn add(&mut self, to: &Camp<'_>) {
        for (part, connections) in to
            .says
            .parts()
            .iter()
            .filter(|(_, connections)| !connections.is_empty())
        {
            let mut left = part.clone();
            while let Some(first) = left.min() {
                let camp = self.egress.of_class[first as usize];
                let sources = &left & &self.egress.camps[camp].classes;
                left -= &sources;
                self.meet(&sources, camp, to, connections);
            }
        }
        let connections = to.says.rest();
        if connections.is_empty() {
            return;
        }
        for camp in 0..self.egress.camps.len() {
            let parts = to.says.parts().iter();
            let sources = parts.fold(self.egress.camps[camp].classes.clone(), |rest, (part, _)| {
                rest - part
            });
            self.meet(&sources, camp, to, connections);
        }
    }

    /// What sources of one camp may open to destinations that let them in this far.
    fn meet(&mut self, sources: &RoaringBitmap, camp: usize, to: &Camp<'_>, let_in: &Connections) {
        let says = self.egress.camps[camp].says;
        let mut rest = to.classes.clone();
        for (part, let_out) in says.parts() {
            self.block(sources, &(&to.classes & part), let_out, let_in);
            rest -= part;
        }
        self.block(sources, &rest, says.rest(), let_in);
    }

    fn block(
        &mut self,
        from: &RoaringBitmap,
        to: &RoaringBitmap,
        let_out: &Connections,
        let_in: &Connections,
    ) {
        if from.is_empty() || to.is_empty() || let_out.is_empty() {
            return;
        }
        let connections = let_out.intersection(let_in);
        if connections.is_empty() {
            return;
        }
        let (from, to) = (self.namespaces(from), self.namespaces(to));
        let is_crossing = from.len() > 1 || from != to;
        if is_crossing && !from.is_empty() {
            let key = (connections, from.iter().collect());
            *self.blocks.entry(key).or_default() |= to;
        }
    }

    fn namespaces(&self, classes: &RoaringBitmap) -> RoaringBitmap {
        classes
            .iter()
            .filter_map(|class| self.namespace_of[class as usize])
            .collect()
    }

    fn finish(self, namespaces: Vec<Name>) -> Crossing {
        let mut connections = vec![Connections::none()];
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for ((allowed, from), to) in self.blocks {
            // In the order of connections: equal ones come one after the other.
            if connections.last() != Some(&allowed) {
                connections.push(allowed);
            }
            blocks.push(Block {
                from: from.into_iter().collect(),
                to,
                connections: connections.len() - 1,
            });
        }
        Crossing {
            namespaces,
            blocks,
            connections,
        }
    }
}

impl Crossing {
    /// Hands every edge to `sink`, ordered by source and destination.
    pub fn for_each(&self, mut sink: impl FnMut(&Name, &Name, &Connections)) {
        let mut by_source: Vec<Vec<&Block>> = vec![Vec::new(); self.namespaces.len()];
        for block in &self.blocks {
            for from in &block.from {
                by_source[from as usize].push(block);
            }
        }
        let mut known = Known::of(&self.connections);
        let mut row = vec![0_usize; self.namespaces.len()];
        for (from, blocks) in by_source.iter().enumerate() {
            row.fill(0);
            for block in blocks {
                for to in &block.to {
                    let cell = &mut row[to as usize];
                    *cell = known.union(*cell, block.connections);
                }
            }
            row[from] = 0;
            for (to, connections) in row
                .iter()
                .enumerate()
                .filter(|(_, connections)| **connections != 0)
            {
                sink(
                    &self.namespaces[from],
                    &self.namespaces[to],
                    &known.all[*connections],
                );
            }
        }
    }

    /// Every edge, ordered by source and destination.
    pub fn edges(&self) -> Vec<NamespaceEdge> {
        let mut edges = Vec::new();
        self.for_each(|from, to, connections| {
            edges.push(NamespaceEdge {
                from: Name::clone(from),
                to: Name::clone(to),
                connections: connections.clone(),
            });
        });
        edges
    }

    /// How many edges `counts` holds for, and a number that tells sets of edges apart. It is the same on every
    /// machine and in every version, whatever the order in which the cluster came to be.
    pub fn fingerprint(&self, counts: impl Fn(&str, &str) -> bool) -> (u64, u64) {
        let (mut number, mut sum) = (0_u64, 0_u64);
        let mut texts: HashMap<Connections, u64> = HashMap::new();
        self.for_each(|from, to, connections| {
            if !counts(from, to) {
                return;
            }
            let what = *texts
                .entry(connections.clone())
                .or_insert_with(|| xxh3_64(connections.to_string().as_bytes()));
            let mut bytes = [0; 24];
            bytes[..8].copy_from_slice(&xxh3_64(from.as_bytes()).to_le_bytes());
            bytes[8..16].copy_from_slice(&xxh3_64(to.as_bytes()).to_le_bytes());
            bytes[16..].copy_from_slice(&what.to_le_bytes());
            number += 1;
            // A sum, so that the hash of a set does not ask for an order.
            sum = sum.wrapping_add(xxh3_64(&bytes));
        });
        (number, sum)
    }
}

/// Sets of connections by number, and which number the union of two has.
struct Known {
    all: Vec<Connections>,
    numbers: HashMap<Connections, usize>,
    unions: HashMap<(usize, usize), usize>,
}

impl Known {
    fn of(connections: &[Connections]) -> Self {
        Self {
            all: connections.to_vec(),
            numbers: connections.iter().cloned().zip(0..).collect(),
            unions: HashMap::new(),
        }
    }

    fn union(&mut self, a: usize, b: usize) -> usize {
        if a == b || a == 0 {
            return b;
        }
        if let Some(known) = self.unions.get(&(a, b)) {
            return *known;
        }
        let union = self.all[a].union(&self.all[b]);
        let number = *self.numbers.entry(union.clone()).or_insert_with(|| {
            self.all.push(union);
            self.all.len() - 1
        });
        self.unions.insert((a, b), number);
        number
    }
}
