//! Requests that are answered from memory (contract.md, section 4).

use serde_json::Value;

/// Longest id that is looked for; those of results without a `workItemId` (`unknown.metric.<name>`) are the longest there are.
const LONGEST_ID: usize = 256;
/// A request is an id and a flag.
const LARGEST_BODY: usize = 4_096;

/// `methods.requestPollerCache`: what a poller found out lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRequest {
    /// The `workItemId`, or `unknown.…`.
    pub id: String,
    /// Only the last result.
    pub latest_only: bool,
}

/// Why a request cannot be read; becomes an `ErrorEvent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct RequestFault {
    /// The error's name on the bus.
    pub name: &'static str,
    /// One sentence for a person.
    pub message: String,
    /// As HTTP counts.
    pub status: u16,
}

impl RequestFault {
    /// The agent stops.
    pub fn stopping() -> Self {
        Self { name: "ShuttingDownError", message: "the agent is stopping".to_owned(), status: 503 }
    }
}

/// Reads `{"value": "<id>", "options": {"latestOnly": true}}`.
///
/// # Errors
/// What the caller has to change.
pub fn parse(routing_key: &str, body: &[u8]) -> Result<CacheRequest, RequestFault> {
    if routing_key != "methods.requestPollerCache" {
        return Err(RequestFault {
            name: "NotFoundError",
            message: "there is no such method; methods.requestPollerCache, methods.get and methods.set are"
                .to_owned(),
            status: 404,
        });
    }
    if body.len() > LARGEST_BODY {
        return Err(bad(format!("the request has more than {LARGEST_BODY} bytes")));
    }
    let body: Value = serde_json::from_slice(body).map_err(|fault| {
        bad(format!("the request is not JSON (line {}, column {})", fault.line(), fault.column()))
    })?;
    let id = match body.get("value") {
        Some(Value::String(id)) if (1..=LONGEST_ID).contains(&id.len()) => id.clone(),
        Some(Value::String(_)) => return Err(bad(format!("`value` has to be 1 to {LONGEST_ID} bytes long"))),
        Some(_) => return Err(bad("`value` has to be a text: the poller's id")),
        None => return Err(bad("`value` is missing: the poller's id")),
    };
    let options = match body.get("options") {
        None | Some(Value::Null) => None,
        Some(Value::Object(options)) => Some(options),
        Some(_) => return Err(bad("`options` has to be an object")),
    };
    let latest_only = match options.and_then(|options| options.get("latestOnly")) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(latest_only)) => *latest_only,
        Some(_) => return Err(bad("`options.latestOnly` has to be true or false")),
    };
    Ok(CacheRequest { id, latest_only })
}

fn bad(message: impl Into<String>) -> RequestFault {
    RequestFault { name: "BadRequestError", message: message.into(), status: 400 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "methods.requestPollerCache";

    fn request(id: &str, latest_only: bool) -> CacheRequest {
        CacheRequest { id: id.to_owned(), latest_only }
    }

    #[test]
    fn what_rackhd_sends() {
        for (body, expected) in [
            (r#"{"value":"5858c89bca4349fa0409ba8e"}"#, request("5858c89bca4349fa0409ba8e", false)),
            (r#"{"value":"a","options":{"latestOnly":true}}"#, request("a", true)),
            (r#"{"value":"a","options":{"latestOnly":false}}"#, request("a", false)),
            (r#"{"value":"unknown.ipmi.power","options":{}}"#, request("unknown.ipmi.power", false)),
            (r#"{"value":"a","options":null,"more":1}"#, request("a", false)),
        ] {
            assert_eq!(parse(KEY, body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn what_nobody_should_send() {
        for (body, word) in [
            ("", "JSON"),
            ("{", "JSON"),
            ("[]", "missing"),
            ("7", "missing"),
            ("{}", "missing"),
            (r#"{"value":7}"#, "text"),
            (r#"{"value":""}"#, "long"),
            (r#"{"value":"a","options":[]}"#, "object"),
            (r#"{"value":"a","options":{"latestOnly":1}}"#, "true or false"),
        ] {
            let fault = parse(KEY, body.as_bytes()).unwrap_err();
            assert_eq!((fault.name, fault.status), ("BadRequestError", 400), "{body}");
            assert!(fault.message.contains(word), "{body}: {fault}");
        }
        assert_eq!(parse(KEY, &[b' '; LARGEST_BODY + 1]).unwrap_err().status, 400);
        assert_eq!(parse("methods.other", br#"{"value":"a"}"#).unwrap_err().status, 404);
    }
}
