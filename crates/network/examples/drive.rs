//! The fuzz driver with plain random numbers, for compilers that cannot fuzz: `drive SECONDS [SEED]`.

#[path = "../fuzz/drive.rs"]
mod drive;

use std::time::{Duration, Instant};

/// Xorshift: the same seed gives the same run on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[allow(clippy::print_stdout)] // it is a program of its own
fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().expect("a number"));
    let time = Duration::from_secs(arguments.next().unwrap_or(10));
    let first = arguments.next().unwrap_or(1);
    let start = Instant::now();
    let (mut seed, mut steps) = (first, 0);
    while seed == first || start.elapsed() < time {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let length = 200 + random.next() % 3000;
        let bytes: Vec<u8> = (0..length).map(|_| (random.next() >> 24) as u8).collect();
        let seed_now = seed;
        let result = std::panic::catch_unwind(|| drive::drive(&bytes));
        let Ok(more) = result else {
            println!("seed {seed_now} fails: drive 0 {seed_now}");
            std::process::exit(1);
        };
        steps += more;
        seed += 1;
    }
    println!(
        "seeds {first} to {seed}: {steps} changed clusters in {:?}, nothing to complain about",
        start.elapsed()
    );
}
