//! The one integration binary: every test here looks at the product from outside.

mod demo;
