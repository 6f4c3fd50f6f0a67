//! An agent in memory: a tree of values that answers the questions as walks do.

use std::{collections::BTreeMap, time::Instant};

use rackpoll_model::{Fault, FaultKind, Metric, MetricReading, MetricRequest, Oid, OidWalk, Value, VarBind};

use crate::{
    metric::{Answers, Manner, Memory, questions, reading},
    names::builtin,
};

/// What the device has, by names such as `ifName.1`, and what it breaks off at.
#[derive(Clone, Default)]
pub(super) struct Agent {
    pub(super) tree: BTreeMap<Oid, Value>,
    broken: Vec<Oid>,
    /// Every oid that was asked for, with the manner.
    pub(super) asked: Vec<(Oid, Manner)>,
}

/// A built-in name with an index behind it.
pub(super) fn oid(name: &str) -> Oid {
    let (name, index) = name.split_once('.').unwrap_or((name, ""));
    let index: Vec<u32> =
        index.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().unwrap()).collect();
    builtin::oid(name).join(&index)
}

pub(super) fn text(text: &str) -> Value {
    Value::OctetString(text.as_bytes().into())
}

impl Agent {
    pub(super) fn new(values: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self::default().with(values)
    }

    pub(super) fn with(mut self, values: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.tree.extend(values.into_iter().map(|(name, value)| (oid(name), value)));
        self
    }

    pub(super) fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            let root = oid(name);
            self.tree.retain(|oid, _| !oid.is_within(&root));
        }
        self
    }

    /// The walk of this column ends with an error after its first row.
    pub(super) fn breaking_at(mut self, name: &str) -> Self {
        self.broken.push(oid(name));
        self
    }

    pub(super) fn walk(&self, root: &Oid, manner: Manner) -> OidWalk {
        let below = self.tree.range(root.clone()..).take_while(|(oid, _)| oid.is_within(root));
        let mut varbinds: Vec<VarBind> = below
            .filter(|&(oid, _)| manner == Manner::Instances || oid != root)
            .map(|(oid, value)| VarBind { oid: oid.clone(), value: value.clone() })
            .collect();
        let mut error = None;
        if self.broken.contains(root) {
            varbinds.truncate(1);
            error = Some(Fault::new(FaultKind::Timeout, "no answer"));
        } else if varbinds.is_empty() && manner == Manner::Instances {
            error = Some(Fault::new(FaultKind::NoSuchObject, "no such object"));
        }
        OidWalk { source: root.to_string(), root: root.clone(), varbinds, error }
    }

    /// Asks and answers until there are no more questions.
    pub(super) fn answers(&mut self, request: &MetricRequest, at: Instant) -> Answers {
        let mut answers = Answers::default();
        for _ in 0..10 {
            let questions = questions(request, &answers).unwrap();
            if questions.roots.is_empty() {
                return answers;
            }
            let walks = questions.roots.iter().map(|root| self.walk(root, questions.manner)).collect();
            self.asked.extend(questions.roots.into_iter().map(|root| (root, questions.manner)));
            answers.put(walks, at);
        }
        panic!("{}: no end of questions", request.metric);
    }

    pub(super) fn poll_at(
        &mut self,
        request: &MetricRequest,
        memory: &mut Memory,
        at: Instant,
    ) -> Result<MetricReading, Fault> {
        let answers = self.answers(request, at);
        reading(request, &answers, memory)
    }

    /// One poll by itself, without an error.
    pub(super) fn poll(&mut self, metric: Metric) -> rackpoll_model::MetricResult {
        let reading = self.poll_at(&metric.into(), &mut Memory::default(), Instant::now()).unwrap();
        assert_eq!(reading.errors, []);
        reading.result
    }

    pub(super) fn has_been_asked(&self, name: &str) -> bool {
        self.asked.iter().any(|(asked, _)| *asked == oid(name))
    }
}
