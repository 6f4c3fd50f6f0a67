//! Answers the requests of the bus from memory: the poller cache, and the settings of the agent while it runs.

use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::{
    broker::RpcRequest,
    config::duration,
    intake::{self, AgentSetting, Asked, GET, Get, PollStanding, RequestFault, SET, Set},
    job::ReplyTo,
    observe::log,
    publish::{Message, contract},
    state::State,
};

/// Polls that are listed of one poller; one poller may have ten thousand.
const MOST_LISTED: usize = 1_000;

/// Who answers.
pub(crate) struct Desk {
    /// The cache.
    pub(crate) state: State,
    /// The timetable.
    pub(crate) timetable: mpsc::Sender<Asked>,
}

impl Desk {
    /// Answers until nobody asks any more.
    pub(crate) async fn serve(self, mut requests: mpsc::Receiver<RpcRequest>) {
        while let Some(request) = requests.recv().await {
            let answered = match request.routing_key.as_str() {
                GET => self.get(&request.body).await.map(Answer::Value),
                SET => self.set(&request.body).await.map(Answer::Value),
                _ => self.cached(&request).await,
            };
            match (&request.reply_to, answered) {
                (Some(reply), answered) => {
                    // The broker's connection may have gone meanwhile, and the caller's queue with it.
                    let _ = request.answer.send(message(answered, reply));
                }
                (None, Err(fault)) => {
                    tracing::warn!(routing_key = request.routing_key, %fault, "a request without reply_to");
                }
                (None, Ok(_)) => {}
            }
        }
    }

    async fn cached(&self, request: &RpcRequest) -> Result<Answer, RequestFault> {
        let wanted = intake::parse_request(&request.routing_key, &request.body)?;
        match self.state.cached(&wanted.id, wanted.latest_only).await {
            Ok(entries) => Ok(Answer::Cached { id: wanted.id, entries }),
            Err(error) => {
                tracing::error!(%error, id = wanted.id, "a cache request cannot be answered");
                Err(internal("the cache cannot be read"))
            }
        }
    }

    async fn get(&self, body: &[u8]) -> Result<Value, RequestFault> {
        match Get::parse(body)? {
            Get::Agent => self.settings().await,
            Get::One(AgentSetting::LogLevel) => Ok(log::level().into()),
            Get::One(AgentSetting::Paused) => self.pause(None).await.map(Value::from),
            Get::Poller(poller) => {
                let (tell, told) = oneshot::channel();
                let polls = self.ask(Asked::Look(poller, tell), told).await??;
                let listed: Vec<Value> = polls.iter().take(MOST_LISTED).map(standing).collect();
                Ok(json!({ "polls": polls.len(), "list": listed }))
            }
        }
    }

    async fn set(&self, body: &[u8]) -> Result<Value, RequestFault> {
        match Set::parse(body)? {
            Set::Agent { log_level, paused } => {
                if let Some(level) = log_level {
                    if !log::set_level(level) {
                        return Err(internal("the log's level cannot be set"));
                    }
                    tracing::info!(level = level.as_str(), "the log's level was set");
                }
                if paused.is_some() {
                    self.pause(paused).await?;
                }
                self.settings().await
            }
            Set::Poller(change) => {
                let (tell, told) = oneshot::channel();
                let polls = self.ask(Asked::Change(change, tell), told).await??;
                Ok(json!({ "polls": polls }))
            }
        }
    }

    async fn settings(&self) -> Result<Value, RequestFault> {
        Ok(json!({ "logLevel": log::level(), "paused": self.pause(None).await? }))
    }

    async fn pause(&self, pause: Option<bool>) -> Result<bool, RequestFault> {
        let (tell, told) = oneshot::channel();
        self.ask(Asked::Pause(pause, tell), told).await
    }

    async fn ask<T>(&self, asked: Asked, told: oneshot::Receiver<T>) -> Result<T, RequestFault> {
        // Without a timetable the agent stops, and the answer is the same as to a request that came later.
        let _ = self.timetable.send(asked).await;
        told.await.map_err(|_| RequestFault::stopping())
    }
}

/// What is answered.
enum Answer {
    Value(Value),
    Cached { id: String, entries: Vec<String> },
}

fn message(answered: Result<Answer, RequestFault>, reply: &ReplyTo) -> Message {
    let fault = match answered {
        Ok(Answer::Value(value)) => return contract::setting_answer(&value, reply),
        Ok(Answer::Cached { id, entries }) if entries.is_empty() => {
            return contract::no_cache_record(&id, reply);
        }
        Ok(Answer::Cached { id, entries }) => match contract::cache_answer(&entries, reply) {
            Ok(message) => return message,
            Err(error) => {
                tracing::error!(%error, id, "a cache entry is no JSON");
                internal("the cache entry is damaged")
            }
        },
        Err(fault) => fault,
    };
    contract::error_event(fault.name, &fault.message, Some(fault.status), reply)
}

fn standing(poll: &PollStanding) -> Value {
    let mut value = Map::new();
    value.insert("workItemId".to_owned(), poll.work_item_id.as_str().into());
    value.insert("every".to_owned(), poll.every.map(duration::print).into());
    value.insert("paused".to_owned(), poll.paused.into());
    value.insert("next".to_owned(), poll.next.map(contract::rfc3339_millis).into());
    value.insert("changed".to_owned(), poll.changed.into());
    if let Some(until) = poll.until {
        value.insert("until".to_owned(), contract::rfc3339_millis(until).into());
    }
    Value::Object(value)
}

fn internal(message: &str) -> RequestFault {
    RequestFault { name: "InternalError", message: message.to_owned(), status: 500 }
}
