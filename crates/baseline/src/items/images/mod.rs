//! Images: what containers are made of.

pub mod dockerfile_not_scanned;
pub mod latest_tag;
pub mod no_dockerignore;
