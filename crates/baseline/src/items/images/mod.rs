//! Images: what containers are made of.

pub mod latest_tag;
