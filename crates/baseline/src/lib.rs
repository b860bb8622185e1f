//! What is asked: the catalogue of 79 items and their checks. Pure.
