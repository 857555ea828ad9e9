//! Standard input, the only way in for codes and licences.

use crate::exit::{Exit, Failure, OrExit as _};
use secrecy::SecretString;
use std::io::{IsTerminal as _, Read, Write as _};

/// Most bytes that are read: a licence has less than 2 KiB.
const INPUT_MAX: u64 = 64 * 1024;

/// Reads standard input to its end.
///
/// # Errors
/// `Usage` when it is too long or no text.
pub(super) fn read(what: &str) -> Result<SecretString, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let _ = writeln!(std::io::stderr().lock(), "{what}, then Ctrl-D:");
    }
    bounded(stdin.lock())
}

fn bounded(input: impl Read) -> Result<SecretString, Failure> {
    // The room is exact, so that no copy is left behind by growing.
    let mut text = String::with_capacity(INPUT_MAX as usize + 1);
    input
        .take(INPUT_MAX + 1)
        .read_to_string(&mut text)
        .or_exit(Exit::Usage, "could not read standard input as text")?;
    if text.len() as u64 > INPUT_MAX {
        return Err(Failure::new(Exit::Usage, "standard input is longer than 64 KiB"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn input_is_text_of_bounded_length() {
        assert_eq!(bounded("K7QP-M2RX\n".as_bytes()).expect("text").expose_secret(), "K7QP-M2RX\n");
        assert!(bounded(&[0xff, 0xfe][..]).is_err());
        assert!(bounded(std::io::repeat(b'x')).is_err());
    }
}
