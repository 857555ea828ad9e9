//! Mail: the text, and the providers that take it.
