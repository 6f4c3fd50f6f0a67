//! The machine's full name, as words of routing keys.

/// The full name of this machine: its own, or the first name that /etc/hosts has for that with a dot in it.
pub fn host_name() -> String {
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    full_name(&own, &hosts)
}

fn full_name(own: &str, hosts: &str) -> String {
    let full = hosts.lines().find_map(|line| {
        let names: Vec<&str> = line.split('#').next()?.split_whitespace().skip(1).collect();
        let full = names.first().filter(|name| name.contains('.'))?;
        names.contains(&own).then(|| (*full).to_owned())
    });
    let name = if own.contains('.') { own.to_owned() } else { full.unwrap_or_else(|| own.to_owned()) };
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let words =
        name.split('.').filter(|word| !word.is_empty()).map(|word| word.chars().map(letter).collect());
    let name = words.collect::<Vec<String>>().join(".");
    if name.is_empty() { "localhost".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_name_is_found_and_safe_in_a_routing_key() {
        let hosts = "127.0.0.1 localhost\n10.0.0.5 poll1.dc.example.org poll1 # here\n10.0.0.6 poll2\n";
        for (own, full) in [
            ("poll1", "poll1.dc.example.org"),
            ("poll2", "poll2"),
            ("poll3.example.org", "poll3.example.org"),
            ("", "localhost"),
            ("a b#*.", "a_b__"),
        ] {
            assert_eq!(full_name(own, hosts), full, "{own}");
        }
    }
}
