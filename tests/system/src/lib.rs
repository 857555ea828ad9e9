//! System tests on the real stack; they are in `tests/`.
