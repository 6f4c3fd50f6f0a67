use std::path::PathBuf;

use rackpoll_model::Secret;

use super::{Name, optional_name};
use crate::config::{
    fault::{Findings, Place},
    host::Host,
    raw::Table,
    secret::{self, Surroundings},
};

/// Where messages go.
#[derive(Debug, Clone)]
pub struct Bus {
    /// First word of the exchanges' names: `on`.
    pub prefix: Name,
    /// Which broker.
    pub broker: Broker,
}

/// The broker.
#[derive(Debug, Clone)]
pub enum Broker {
    /// MQTT 5 inside the agent, on 127.0.0.1.
    Embedded {
        /// Where it listens.
        port: u16,
    },
    /// AMQP 0-9-1: RabbitMQ.
    Amqp {
        /// Where and as whom.
        server: Server,
        /// Virtual host, `/` unless the URL names one.
        vhost: String,
    },
    /// MQTT 5.
    Mqtt {
        /// Where and as whom.
        server: Server,
    },
}

/// A broker on the network.
#[derive(Debug, Clone)]
pub struct Server {
    /// Tried in this order; never empty. Name or address without brackets, and port.
    pub hosts: Vec<(String, u16)>,
    /// User and password, where there are any. AMQP without a user is `guest`, as RabbitMQ and RackHD have it.
    pub login: Option<(String, Secret)>,
    /// `amqps` and `mqtts` only.
    pub tls: Option<Tls>,
}

/// What secures a connection to a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the authorities to trust; the system's where there is none.
    pub ca_file: Option<PathBuf>,
    /// PEM files with the agent's own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What tells apart the four protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scheme {
    name: &'static str,
    port: u16,
    tls: bool,
    amqp: bool,
}

/// With the ports that IANA assigns.
const SCHEMES: [Scheme; 4] = [
    Scheme { name: "amqp", port: 5672, tls: false, amqp: true },
    Scheme { name: "amqps", port: 5671, tls: true, amqp: true },
    Scheme { name: "mqtt", port: 1883, tls: false, amqp: false },
    Scheme { name: "mqtts", port: 8883, tls: true, amqp: false },
];

const EMBEDDED_PORT: u16 = 1883;

pub(super) fn check(mut table: Table, surroundings: &Surroundings<'_>, findings: &mut Findings) -> Bus {
    let prefix = optional_name(&mut table, "prefix", findings).map(|(_, name)| name);
    let prefix = prefix.unwrap_or_else(|| Name::made_from("on"));
    let embedded_port = table.whole("embedded-port", 1..=65_535, findings);
    let port = embedded_port.and_then(|port| u16::try_from(port).ok()).unwrap_or(EMBEDDED_PORT);
    let place = table.place.clone();
    let urls = table.texts("url", findings);
    let password = table.take("password");
    let password_place = password.as_ref().map(|node| node.place.clone());
    let password = password.and_then(|node| secret::read("password", node, surroundings, findings));
    let ca_file = file(&mut table, "ca-file", findings);
    let certificate = file(&mut table, "certificate-file", findings);
    let key = file(&mut table, "key-file", findings);
    table.refuse_rest("[bus]", findings);

    let embedded = Bus { prefix: prefix.clone(), broker: Broker::Embedded { port } };
    let urls = match urls {
        None => Vec::new(),
        Some(urls) if urls.is_empty() => {
            findings.fault(&place, "`url` is an empty list");
            return embedded;
        }
        Some(urls) => urls,
    };
    let no_network = urls.is_empty() || matches!(urls.as_slice(), [(_, url)] if url == "embedded");
    if no_network {
        for (key, there) in [
            ("password", password_place.as_ref()),
            ("ca-file", ca_file.as_ref().map(|(place, _)| place)),
            ("certificate-file", certificate.as_ref().map(|(place, _)| place)),
            ("key-file", key.as_ref().map(|(place, _)| place)),
        ] {
            if let Some(place) = there {
                findings.fault(place, format!("`{key}` means nothing for the embedded broker"));
            }
        }
        return embedded;
    }

    let mut parsed = Vec::with_capacity(urls.len());
    for (place, url) in urls {
        match read(&place, &url, findings) {
            Ok(url) => parsed.push((place, url)),
            Err(why) => findings.fault_with_hint(
                &place,
                format!("`url` {why}"),
                "write \"amqp://user@host/vhost\", amqps, mqtt, mqtts, or \"embedded\"",
            ),
        }
    }
    let Some((first_place, first)) = parsed.first().cloned() else { return embedded };
    let mut hosts = Vec::new();
    for (place, url) in &parsed {
        if (url.scheme, &url.user, &url.vhost) != (first.scheme, &first.user, &first.vhost) {
            findings.fault(place, "all of `url` have to agree in protocol, user and virtual host");
        }
        hosts.extend(url.hosts.iter().cloned());
    }
    let url_password = parsed.into_iter().find_map(|(place, url)| Some((place, url.password?)));
    let password = match (password, url_password) {
        (Some(_), Some((place, _))) => {
            findings.fault(&place, "`url` holds a password, and `password` is given too");
            None
        }
        (password, None) => password,
        (None, Some((_, password))) => Some(password),
    };
    let identity = match (certificate, key) {
        (Some((_, certificate)), Some((_, key))) => Some((certificate, key)),
        (Some((place, _)), None) => {
            findings.fault(&place, "`certificate-file` needs `key-file`");
            None
        }
        (None, Some((place, _))) => {
            findings.fault(&place, "`key-file` needs `certificate-file`");
            None
        }
        (None, None) => None,
    };
    let tls = Tls { ca_file: ca_file.map(|(_, file)| file), identity };
    if !first.scheme.tls && (tls.ca_file.is_some() || tls.identity.is_some()) {
        findings.fault_with_hint(
            &first_place,
            format!("{}:// is not encrypted, and files for TLS are given", first.scheme.name),
            format!("did you mean {}s://?", first.scheme.name),
        );
    }
    let login = match (first.user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => {
            if password_place.is_none() {
                findings.fault(&first_place, "`url` names a user, and there is no `password`");
            }
            None
        }
        (None, Some(_)) => {
            let place = password_place.as_ref().unwrap_or(&first_place);
            findings.fault_with_hint(
                place,
                "there is a password and no user",
                "put the user into the URL: user@host",
            );
            None
        }
        (None, None) if first.scheme.amqp => Some(("guest".to_owned(), Secret::from("guest"))),
        (None, None) => None,
    };
    let server = Server { hosts, login, tls: first.scheme.tls.then_some(tls) };
    let broker =
        if first.scheme.amqp { Broker::Amqp { server, vhost: first.vhost } } else { Broker::Mqtt { server } };
    Bus { prefix, broker }
}

#[derive(Debug, Clone)]
struct Url {
    scheme: Scheme,
    hosts: Vec<(String, u16)>,
    user: Option<String>,
    password: Option<Secret>,
    vhost: String,
}

/// `scheme://[user[:password]@]host[:port][,host[:port]…][/vhost]`. What is wrong never quotes the URL: it may hold a password.
fn read(place: &Place, text: &str, findings: &mut Findings) -> Result<Url, String> {
    let (scheme, rest) = text.split_once("://").ok_or("is no URL")?;
    let scheme = SCHEMES.into_iter().find(|known| known.name == scheme).ok_or_else(|| {
        // What stands before :// may be a login, where something is amiss.
        let is_word =
            !scheme.is_empty() && scheme.len() < 10 && scheme.bytes().all(|b| b.is_ascii_lowercase());
        if is_word {
            format!("has the unknown protocol {scheme:?}")
        } else {
            "has an unknown protocol".to_owned()
        }
    })?;
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    if path.contains(['?', '#']) || authority.contains(['?', '#']) {
        return Err("takes no parameters after ? or #".to_owned());
    }
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
        None => (None, None),
        Some((user, password)) => {
            let user =
                decode(user).filter(|user| !user.is_empty()).ok_or("has a user that cannot be read")?;
            let password = decode(password).ok_or("has a password that cannot be read")?;
            (Some(user), (!password.is_empty()).then(|| Secret::new(password.into_bytes())))
        }
    };
    if password.is_some() {
        findings.warn(
            place,
            "the password is written into `url`",
            Some(
                "give it as `password` = { env = \"..\" }, { file = \"..\" } or { credential = \"..\" }"
                    .to_owned(),
            ),
        );
    }
    let mut servers = Vec::new();
    for host in hosts.split(',') {
        let host = Host::parse(host).map_err(|fault| format!("is wrong: {fault}"))?;
        let target = host.target(scheme.port);
        servers.push((target.name, target.port));
    }
    let vhost = decode(path).ok_or("has a virtual host that cannot be read")?;
    if !scheme.amqp && !vhost.is_empty() {
        return Err("has a path, which MQTT does not know".to_owned());
    }
    let vhost = if vhost.is_empty() { "/".to_owned() } else { vhost };
    Ok(Url { scheme, hosts: servers, user, password, vhost })
}

/// Undoes `%2F` and its like.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push((digit(rest.next())? << 4) | digit(rest.next())?);
    }
    String::from_utf8(bytes).ok()
}

/// A file that has to be there.
fn file(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<(Place, PathBuf)> {
    let (place, text) = table.text(key, findings)?;
    let path = secret::beside(&place, &text);
    if let Err(error) = std::fs::File::open(&path) {
        findings.fault(&place, format!("`{key}` {} cannot be read: {error}", path.display()));
    }
    Some((place, path))
}
