//! Catching the panics of sled without a word on standard error.
//!
//! sled panics at files that are damaged. Here that is an error like any other, answered by building the index anew; the
//! trace that Rust prints for a panic would read as a crash of the service. Every other panic is printed as always.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// How the names of sled's own threads begin.
const SLED_THREADS: [&str; 2] = ["sled-", "log flusher"];

thread_local! {
    /// Whether a panic on this thread is caught and told by [`catch`].
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `operation`; a panic in it is an error with the panic's message, and nothing is printed.
pub(super) fn catch<T>(operation: impl FnOnce() -> T) -> Result<T, String> {
    hush_once();
    let before = CAUGHT.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(operation));
    CAUGHT.set(before);
    outcome.map_err(|payload| message(&*payload))
}

/// Puts a hook before the one that prints: it passes on every panic but those that are caught here.
fn hush_once() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            let of_sled = thread.name().is_some_and(|name| SLED_THREADS.iter().any(|begin| name.starts_with(begin)));
            // A thread that is ending has no cell any more, and is in no operation.
            let caught = CAUGHT.try_with(Cell::get).unwrap_or(false);
            if of_sled || caught {
                tracing::debug!(%panic, "sled panicked");
            } else {
                print(panic);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_message_and_only_while_it_is_caught() {
        assert_eq!(catch(|| 7), Ok(7));
        assert_eq!(catch(|| -> u8 { panic!("page {} is torn", 3) }), Err("page 3 is torn".into()));
        assert!(!CAUGHT.get());
        let inner = catch(|| (catch(|| -> u8 { panic!("inner") }), CAUGHT.get()));
        assert_eq!(inner, Ok((Err("inner".into()), true)));
    }
}
