//! Random bytes for a number of seconds: what can be done without libFuzzer.

use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().expect("a number"));
    let seconds = arguments.next().expect("how many seconds");
    let mut state = arguments.next().unwrap_or(0);
    println!("seed {state}");
    let mut roll = || {
        // SplitMix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let began = Instant::now();
    let mut rounds = 0_u64;
    while began.elapsed() < Duration::from_secs(seconds) {
        let length = roll() % 4096;
        let data: Vec<u8> = (0..length)
            .flat_map(|_| roll().to_le_bytes().into_iter().take(1))
            .collect();
        plumbline_fuzz::rbac(&data);
        plumbline_fuzz::network(&data);
        rounds += 1;
    }
    println!("{rounds} rounds");
}
