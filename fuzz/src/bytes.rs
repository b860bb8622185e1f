//! Choices, out of bytes. When they run out, every choice is the first.

use serde_json::{Map, Value, json};

/// What is left of the input.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Up to 255 bytes, as text as far as they are.
    pub(crate) fn text(&mut self) -> String {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    /// One of these words; now and then another, or something put together from two.
    pub(crate) fn word(&mut self, words: &[&str]) -> String {
        match self.byte() {
            0..=239 => self.pick(words).to_owned(),
            240..=247 => format!("{}/{}", self.pick(words), self.pick(words)),
            248..=251 => format!("{}*", self.pick(words)),
            _ => {
                let mut text = self.text();
                text.truncate(text.floor_char_boundary(8));
                text
            }
        }
    }

    pub(crate) fn words(&mut self, words: &[&str], most: usize) -> Vec<String> {
        (0..self.below(most + 1)).map(|_| self.word(words)).collect()
    }

    /// A value where it has no place.
    pub(crate) fn nonsense(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(self.byte()),
            3 => json!(-1.5),
            4 => json!(self.text()),
            5 => json!([self.text(), null]),
            6 => json!({ self.text(): self.text() }),
            _ => Value::Object(Map::new()),
        }
    }
}
