//! A random secret a test, and the search for it in all that the agent left.

use std::{fmt::Write, fs, path::Path};

/// Sixteen characters that stand nowhere else on this machine: short enough for an IPMI password.
pub fn random_secret() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system's randomness");
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Ends the test where one of `secrets` stands in `text`, plain, or as base64 or hexadecimal of it.
pub fn assert_absent(secrets: &[&str], place: &str, text: &[u8]) {
    for secret in secrets {
        for (form, spelt) in spellings(secret) {
            let found = text.windows(spelt.len()).position(|window| window == spelt);
            if let Some(at) = found {
                let from = at.saturating_sub(120);
                panic!(
                    "a secret, as {form}, in {place}, after: {}",
                    String::from_utf8_lossy(&text[from..at])
                );
            }
        }
    }
}

/// The same for every file below `folder`, except those that are named: the configuration itself holds secrets.
pub fn assert_absent_below(secrets: &[&str], folder: &Path, except: &[&Path]) {
    let mut seen = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() && !except.contains(&path.as_path()) {
                seen += 1;
                assert_absent(
                    secrets,
                    &path.display().to_string(),
                    &fs::read(&path).expect("a readable file"),
                );
            }
        }
    }
    assert!(seen > 0, "there was nothing to search below {}", folder.display());
}

fn spellings(secret: &str) -> [(&'static str, Vec<u8>); 3] {
    use base64::Engine;
    let hexadecimal = secret.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    // Without padding and the last group, which depend on what follows.
    let encoded =
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(&secret.as_bytes()[..secret.len() / 3 * 3]);
    [
        ("plain text", secret.as_bytes().to_vec()),
        ("base64", encoded.into_bytes()),
        ("hexadecimal", hexadecimal.into_bytes()),
    ]
}

#[test]
fn a_secret_is_found_in_each_spelling() {
    use base64::Engine;
    let secret = random_secret();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&secret);
    let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for text in [secret.clone(), encoded, hexadecimal] {
        let found =
            std::panic::catch_unwind(|| assert_absent(&[&secret], "a test", format!("x{text}y").as_bytes()));
        assert!(found.is_err(), "not found: {text}");
    }
    assert_absent(&[&secret], "a test", b"nothing here");
}
