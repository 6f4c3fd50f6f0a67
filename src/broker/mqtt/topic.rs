//! Routing keys as MQTT topics and back (contract.md, section 10): `on.task` + `ipmi.command.power.<graphId>` is
//! `on/task/ipmi/command/power/<graphId>`.

use crate::publish::{Exchange, Message};

/// Longest topic that is published or answered to. MQTT allows 65,535 bytes; the longest key of the contract, with
/// three names of 64 characters and a UUID, has 260.
const LONGEST_TOPIC: usize = 1024;

/// Why a routing key or a topic is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTopic {
    /// Not text.
    #[error("it is not UTF-8")]
    NotText,
    /// Longer than anything the contract has.
    #[error("it is longer than 1,024 bytes")]
    TooLong,
    /// Two separators in a row, one at an end, or nothing at all.
    #[error("it has an empty word")]
    EmptyWord,
    /// A character that means something to MQTT, or a dot inside a topic level, or a control character.
    #[error("it has a character that no routing key may have: {0:?}")]
    Character(char),
    /// Not below our prefix, or a broker's own topic (`$SYS`).
    #[error("it is outside of the agent's topics")]
    Foreign,
}

/// The topic that a message goes out on.
///
/// # Errors
/// A routing key that is no topic: publishing it would make the broker end the connection, again and again.
pub(super) fn of_message(prefix: &str, message: &Message) -> Result<String, BadTopic> {
    let exchange = match message.exchange {
        Exchange::Task => "task",
        Exchange::Events => "events",
        Exchange::Reply => {
            check_response_topic(&message.routing_key)?;
            return Ok(message.routing_key.clone());
        }
    };
    let mut topic = format!("{prefix}/{exchange}");
    for word in message.routing_key.split('.') {
        check_word(word)?;
        topic.push('/');
        topic.push_str(word);
    }
    if topic.len() > LONGEST_TOPIC {
        return Err(BadTopic::TooLong);
    }
    Ok(topic)
}

/// The routing key, with dots, of a message that came in below `<prefix>/task/`.
///
/// # Errors
/// Topics that no routing key has: other bytes than text, empty levels, dots inside a level, wildcards.
pub fn routing_key(prefix: &str, topic: &[u8]) -> Result<String, BadTopic> {
    below(prefix, "task", topic)
}

/// The routing key of a request, below `<prefix>/task/` or `<prefix>/configuration/`.
///
/// # Errors
/// As with [`routing_key`].
pub(super) fn request_key(prefix: &str, topic: &[u8]) -> Result<String, BadTopic> {
    below(prefix, "task", topic).or_else(|_| below(prefix, "configuration", topic))
}

fn below(prefix: &str, exchange: &str, topic: &[u8]) -> Result<String, BadTopic> {
    if topic.len() > LONGEST_TOPIC {
        return Err(BadTopic::TooLong);
    }
    let topic = std::str::from_utf8(topic).map_err(|_| BadTopic::NotText)?;
    let levels = topic
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('/')?.strip_prefix(exchange)?.strip_prefix('/'))
        .ok_or(BadTopic::Foreign)?;
    levels.split('/').try_for_each(check_word)?;
    Ok(levels.replace('/', "."))
}

/// The routing key of an event below `<prefix>/events/`; `None` for anything else.
pub(super) fn event_key(prefix: &str, topic: &[u8]) -> Option<String> {
    let topic = std::str::from_utf8(topic).ok().filter(|topic| topic.len() <= LONGEST_TOPIC)?;
    let levels = topic.strip_prefix(prefix)?.strip_prefix("/events/")?;
    levels.split('/').try_for_each(check_word).ok()?;
    Some(levels.replace('/', "."))
}

/// Whether an answer may be published on this topic, which is the caller's own choice.
///
/// # Errors
/// Whatever a broker would end our connection for, and its own topics.
pub fn check_response_topic(topic: &str) -> Result<(), BadTopic> {
    if topic.is_empty() {
        return Err(BadTopic::EmptyWord);
    }
    if topic.len() > LONGEST_TOPIC {
        return Err(BadTopic::TooLong);
    }
    if topic.starts_with('$') {
        return Err(BadTopic::Foreign);
    }
    match topic.chars().find(|&c| matches!(c, '+' | '#') || c.is_control()) {
        Some(c) => Err(BadTopic::Character(c)),
        None => Ok(()),
    }
}

fn check_word(word: &str) -> Result<(), BadTopic> {
    if word.is_empty() {
        return Err(BadTopic::EmptyWord);
    }
    match word.chars().find(|&c| matches!(c, '.' | '/' | '+' | '#') || c.is_control()) {
        Some(c) => Err(BadTopic::Character(c)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::MessageKind;

    fn message(exchange: Exchange, routing_key: &str) -> Message {
        Message {
            exchange,
            routing_key: routing_key.into(),
            kind: MessageKind::Result,
            correlation: None,
            body: Vec::new(),
        }
    }

    #[test]
    fn contract_topics() {
        let graph = "4a2c6e2e-3a3d-4f6e-9d11-6d0a0b0c0d0e";
        assert_eq!(
            of_message("on", &message(Exchange::Task, &format!("ipmi.command.power.result.{graph}"))),
            Ok(format!("on/task/ipmi/command/power/result/{graph}"))
        );
        assert_eq!(
            of_message("lab", &message(Exchange::Events, "polleralert.sdr.updated.information.p1@bmc-7.n1")),
            Ok("lab/events/polleralert/sdr/updated/information/p1@bmc-7/n1".into())
        );
        assert_eq!(of_message("on", &message(Exchange::Reply, "my/own.topic")), Ok("my/own.topic".into()));
        assert_eq!(
            routing_key("on", format!("on/task/run/snmp/command/{graph}").as_bytes()),
            Ok(format!("run.snmp.command.{graph}"))
        );
    }

    #[test]
    fn what_would_end_the_connection_is_never_published() {
        for (key, why) in [
            ("ipmi.command.power.result.#", BadTopic::Character('#')),
            ("ipmi.command.+.result.x", BadTopic::Character('+')),
            ("ipmi.command.a/b.result.x", BadTopic::Character('/')),
            ("ipmi.command..result.x", BadTopic::EmptyWord),
            ("", BadTopic::EmptyWord),
            ("ipmi.command.power.result.a\0b", BadTopic::Character('\0')),
        ] {
            assert_eq!(of_message("on", &message(Exchange::Task, key)), Err(why), "{key:?}");
        }
        let long = "x".repeat(2000);
        assert_eq!(of_message("on", &message(Exchange::Task, &long)), Err(BadTopic::TooLong));
        assert_eq!(of_message("on", &message(Exchange::Reply, &long)), Err(BadTopic::TooLong));
        assert_eq!(of_message("on", &message(Exchange::Reply, "a/#")), Err(BadTopic::Character('#')));
        assert_eq!(of_message("on", &message(Exchange::Reply, "$SYS/x")), Err(BadTopic::Foreign));
    }

    #[test]
    fn topics_that_forge_words_are_refused() {
        for (topic, why) in [
            (&b"on/task/ipmi/command/power/a.b"[..], BadTopic::Character('.')),
            (b"on/task/ipmi/command//x", BadTopic::EmptyWord),
            (b"on/task/ipmi/command/power/", BadTopic::EmptyWord),
            (b"on/task/", BadTopic::EmptyWord),
            (b"on/events/x", BadTopic::Foreign),
            (b"onx/task/x", BadTopic::Foreign),
            (b"on/task/ipmi/command/power/\xff", BadTopic::NotText),
        ] {
            assert_eq!(routing_key("on", topic), Err(why), "{}", topic.escape_ascii());
        }
    }
}
