//! The portal: pages for people who sign in, rendered here, working without scripts.

mod form;
mod page;
mod parts;
mod words;

#[cfg(test)]
mod gallery;
