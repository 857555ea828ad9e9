//! Manifests with this stack's ports in them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Copies the YAML files of a folder and replaces every `${NAME}`. A name without a value is an error, so that a new one
/// in the sources is not applied as text.
pub(crate) fn render(from: &Path, to: &Path, values: &BTreeMap<&str, String>) -> io::Result<()> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let path = file?.path();
        let (true, Some(name)) = (path.extension().is_some_and(|end| end == "yaml"), path.file_name()) else {
            continue;
        };
        let text = replace(&fs::read_to_string(&path)?, values)
            .map_err(|unknown| io::Error::other(format!("{}: nothing is known of ${{{unknown}}}", path.display())))?;
        fs::write(to.join(name), text)?;
    }
    Ok(())
}

fn replace(text: &str, values: &BTreeMap<&str, String>) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // Comments may speak of placeholders.
        if line.trim_start().starts_with('#') {
            done.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or("an open bracket")?;
            done.push_str(before);
            done.push_str(values.get(name).ok_or_else(|| name.to_owned())?);
            rest = after;
        }
        done.push_str(rest);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_unknown_ones_refused() {
        let values = BTreeMap::from([("PORT", "8443".to_owned())]);
        assert_eq!(replace("# ${ANY}\nport: ${PORT}\n", &values).unwrap(), "# ${ANY}\nport: 8443\n");
        assert_eq!(replace("port: ${OTHER}\n", &values).unwrap_err(), "OTHER");
    }
}
