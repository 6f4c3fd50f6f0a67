//! An SNMP agent that does everything wrong that agents and networks do wrong: each fault ends in the right answer or in the
//! right error, within the deadline.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod faulty;

use std::time::Duration;

use faulty::{Answer, Faulty, Kind, Request, TREE, by_name, counters, names};
use rackpoll_model::{Fault, FaultKind, OidWalk, Reading, Secret, SnmpCredential, SnmpRequest, Value};
use rackpoll_snmp::{SnmpDevice, SnmpSockets};
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(8);

fn device(agent: &Faulty) -> SnmpDevice {
    SnmpDevice::new(&SnmpSockets::new(), agent.address, SnmpCredential::V2c(Secret::from(faulty::COMMUNITY)))
}

async fn ask(device: &mut SnmpDevice, oids: &[&str]) -> Result<Vec<OidWalk>, Fault> {
    let begun = Instant::now();
    let request = SnmpRequest::Oids(oids.iter().map(|oid| (*oid).to_owned()).collect());
    let reading = device.poll(&request, begun + DEADLINE).await;
    assert!(begun.elapsed() < DEADLINE + Duration::from_millis(500), "{:?}", begun.elapsed());
    match reading? {
        Reading::Oids(walks) => Ok(walks),
        other => panic!("{other:?}"),
    }
}

/// Both columns, whole and without an error.
async fn right(agent: &Faulty) {
    right_from(&mut device(agent)).await;
}

async fn right_from(device: &mut SnmpDevice) {
    let walks = ask(device, &[names(), counters()]).await.unwrap();
    for (walk, column) in walks.iter().zip([names(), counters()]) {
        assert_eq!(walk.error, None);
        let expected: Vec<_> =
            TREE.iter().filter(|varbind| varbind.oid.is_within(&column.parse().unwrap())).cloned().collect();
        assert_eq!(expected.len(), 40);
        assert_eq!(walk.varbinds, expected, "{column}");
    }
}

/// Nothing, and why.
async fn nothing(agent: &Faulty, kind: FaultKind, words: &str) {
    let fault = ask(&mut device(agent), &[names(), counters()]).await.unwrap_err();
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.message.contains(words), "{fault}");
}

#[tokio::test]
async fn the_fake_is_right_where_it_does_nothing_wrong() {
    let agent = Faulty::start(|request, honest| {
        assert!(!request.oids.is_empty());
        vec![honest]
    })
    .await;
    right(&agent).await;
    assert!(agent.count(Kind::GetBulk) > 2 && agent.count(Kind::GetNext) == 0);
}

#[tokio::test]
async fn a_single_number_is_a_tree_too() {
    let agent = Faulty::start(|_, honest| vec![honest]).await;
    let walks = ask(&mut device(&agent), &[".1", "0", "2"]).await.unwrap();
    assert_eq!((walks[0].varbinds.len(), &walks[0].error), (TREE.len(), &None));
    for walk in &walks[1..] {
        assert_eq!(walk.error.as_ref().map(|fault| fault.kind), Some(FaultKind::NoSuchObject), "{walk:?}");
    }
}

#[tokio::test]
async fn every_second_datagram_is_lost() {
    let mut number = 0;
    let agent = Faulty::start(move |_, honest| {
        number += 1;
        if number % 2 == 1 { vec![] } else { vec![honest] }
    })
    .await;
    right(&agent).await;
}

#[tokio::test]
async fn every_answer_is_late() {
    let agent = Faulty::start(|_, honest| vec![honest.after(400)]).await;
    right(&agent).await;
}

#[tokio::test]
async fn every_answer_comes_twice() {
    let agent = Faulty::start(|_, honest| vec![honest.clone(), honest.clone(), honest.after(30)]).await;
    right(&agent).await;
}

#[tokio::test]
async fn answers_to_other_requests_are_nothing() {
    let both = |request: &Request, honest: Answer| {
        let stranger = Answer::to(request).with_id(request.id.wrapping_add(1)).with(&by_name(names(), 7));
        vec![stranger, honest]
    };
    right(&Faulty::start(both).await).await;
    let only = |request: &Request, honest: Answer| vec![honest.with_id(request.id ^ 0x55)];
    nothing(&Faulty::start(only).await, FaultKind::Timeout, "no answer").await;
}

#[tokio::test]
async fn answers_may_come_from_another_address() {
    right(&Faulty::start(|_, honest| vec![honest.sent_elsewhere()]).await).await;
}

#[tokio::test]
async fn too_big_is_asked_for_in_smaller_parts() {
    let agent = Faulty::start(|request, honest| {
        if request.repetitions > 3 { vec![Answer::to(request).refused(1, 0)] } else { vec![honest] }
    })
    .await;
    let mut device = device(&agent);
    right_from(&mut device).await;
    let refused = agent.refused();
    right_from(&mut device).await;
    assert!(agent.refused() <= refused + 2, "what was learned is remembered");
    let never = Faulty::start(|request, _| vec![Answer::to(request).refused(1, 0)]).await;
    let walks = ask(&mut self::device(&never), &[names()]).await.unwrap();
    let fault = walks[0].error.clone().unwrap();
    assert_eq!((fault.kind, walks[0].varbinds.len()), (FaultKind::Refused, 0), "{fault}");
    assert!(fault.message.contains("tooBig"), "{fault}");
}

#[tokio::test]
async fn answers_that_get_lost_for_their_size_are_asked_for_in_smaller_parts() {
    let agent = Faulty::start(|_, honest| if honest.size() > 300 { vec![] } else { vec![honest] }).await;
    right(&agent).await;
}

#[tokio::test]
async fn loops_are_seen() {
    // After the tenth name comes the fifth.
    let agent = Faulty::start(|request, honest| {
        let from_the_tenth = request.oids[0] >= by_name(names(), 10).oid;
        vec![if from_the_tenth { Answer::to(request).with(&by_name(names(), 5)) } else { honest }]
    })
    .await;
    let walks = ask(&mut device(&agent), &[names(), counters()]).await.unwrap();
    let fault = walks[0].error.clone().unwrap();
    assert_eq!(fault.kind, FaultKind::BadAnswer);
    assert!(fault.message.contains("a walk would never end"), "{fault}");
    assert!(walks[0].varbinds.len() >= 10, "what came before stays");
}

#[tokio::test]
async fn a_repeated_oid_ends_the_walk() {
    let agent = Faulty::start(|request, _| {
        let varbind = TREE.iter().find(|varbind| varbind.oid >= request.oids[0]).unwrap();
        vec![Answer::to(request).with(varbind)]
    })
    .await;
    let walks = ask(&mut device(&agent), &[names()]).await.unwrap();
    assert_eq!(walks[0].varbinds, [by_name(names(), 1)]);
    let fault = walks[0].error.clone().unwrap();
    assert!(fault.kind == FaultKind::BadAnswer && fault.message.contains("follows itself"), "{fault}");
}

#[tokio::test]
async fn an_agent_that_makes_up_oids_for_ever_is_stopped() {
    let agent = Faulty::start(|request, _| {
        let mut answer = Answer::to(request);
        let mut oid = request.oids[0].clone();
        for _ in 0..request.repetitions.max(1) {
            oid = match oid.after(&names().parse().unwrap()) {
                Some([]) | None => oid.join(&[1]),
                Some(numbers) => names().parse::<rackpoll_model::Oid>().unwrap().join(&[numbers[0] + 1]),
            };
            answer = answer.with(&rackpoll_model::VarBind { oid: oid.clone(), value: Value::Integer(1) });
        }
        vec![answer]
    })
    .await;
    let walks = ask(&mut device(&agent), &[names()]).await.unwrap();
    let fault = walks[0].error.clone().unwrap();
    assert!(walks[0].varbinds.len() <= 100_000, "{}", walks[0].varbinds.len());
    // A slow machine gets there by its deadline first.
    assert!(matches!(fault.kind, FaultKind::BadAnswer | FaultKind::Timeout), "{fault}");
}

#[tokio::test]
async fn answers_without_variables() {
    let never = Faulty::start(|request, _| vec![Answer::to(request)]).await;
    nothing(&never, FaultKind::BadAnswer, "without any variable").await;
    let bulk = Faulty::start(|request, honest| {
        vec![if request.kind == Kind::GetBulk { Answer::to(request) } else { honest }]
    })
    .await;
    right(&bulk).await;
}

#[tokio::test]
async fn agents_without_get_bulk_are_asked_one_by_one_and_remembered() {
    let silent = |request: &Request, honest: Answer| {
        if request.kind == Kind::GetBulk { vec![] } else { vec![honest] }
    };
    let refusing = |request: &Request, honest: Answer| {
        vec![if request.kind == Kind::GetBulk { Answer::to(request).refused(5, 1) } else { honest }]
    };
    for agent in [Faulty::start(silent).await, Faulty::start(refusing).await] {
        let mut device = device(&agent);
        right_from(&mut device).await;
        let tried = agent.count(Kind::GetBulk);
        assert!(tried > 0);
        right_from(&mut device).await;
        assert_eq!(agent.count(Kind::GetBulk), tried, "it was asked in bulk again");
    }
}

#[tokio::test]
async fn one_broken_object_does_not_take_the_rest() {
    let agent = Faulty::start(|request, honest| {
        let broken = honest.mentions(&by_name(names(), 20).oid);
        vec![if broken { Answer::to(request).refused(5, 1) } else { honest }]
    })
    .await;
    let walks = ask(&mut device(&agent), &[names(), counters()]).await.unwrap();
    assert_eq!(walks[0].varbinds.len(), 19, "everything before it");
    let fault = walks[0].error.clone().unwrap();
    assert!(fault.kind == FaultKind::Refused && fault.message.contains("genErr"), "{fault}");
    assert_eq!((walks[1].varbinds.len(), &walks[1].error), (40, &None), "the other oid");
}

#[tokio::test]
async fn a_value_that_cannot_be_decoded_takes_only_itself() {
    let agent = Faulty::start(|_, honest| vec![honest.damaging(&by_name(counters(), 20).oid)]).await;
    let walks = ask(&mut device(&agent), &[names(), counters()]).await.unwrap();
    assert_eq!((walks[0].varbinds.len(), &walks[0].error), (40, &None));
    assert_eq!(walks[1].varbinds.len(), 39);
    let fault = walks[1].error.clone().unwrap();
    assert_eq!(fault.kind, FaultKind::BadAnswer);
    assert!(fault.message.contains(&by_name(counters(), 20).oid.to_string()), "{fault}");
}

#[tokio::test]
async fn garbage_is_nothing_unless_it_is_all_there_is() {
    let both =
        |request: &Request, honest: Answer| vec![Answer::to(request).garbage(), honest.clone().cut(), honest];
    right(&Faulty::start(both).await).await;
    nothing(
        &Faulty::start(|request, _| vec![Answer::to(request).garbage()]).await,
        FaultKind::Timeout,
        "no answer",
    )
    .await;
    let cut = Faulty::start(|_, honest| vec![honest.cut()]).await;
    nothing(&cut, FaultKind::BadAnswer, "cannot be decoded").await;
}

#[tokio::test]
async fn a_silent_agent_is_given_up_at_the_deadline() {
    let agent = Faulty::start(|_, _| vec![]).await;
    nothing(&agent, FaultKind::Timeout, "no answer within the deadline").await;
}

async fn asked(agent: &Faulty, request: SnmpRequest) -> Vec<OidWalk> {
    match device(agent).poll(&request, Instant::now() + DEADLINE).await.unwrap() {
        Reading::Oids(walks) => walks,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn variables_are_got_together_and_one_by_one_where_that_goes_wrong() {
    let oids: Vec<String> = (1..=40).map(|index| by_name(names(), index).oid.to_string()).collect();
    let missing = format!("{}.99", names());
    let request = SnmpRequest::Get([oids.clone(), vec![missing.clone()]].concat());
    let right = Faulty::start(|_, honest| vec![honest]).await;
    let too_big = Faulty::start(|request, honest| {
        if request.oids.len() > 3 { vec![Answer::to(request).refused(1, 0)] } else { vec![honest] }
    })
    .await;
    for (agent, requests) in [(&right, 3..=3), (&too_big, 14..=44)] {
        let walks = asked(agent, request.clone()).await;
        for (index, (oid, walk)) in (1..).zip(oids.iter().zip(&walks)) {
            assert_eq!((&walk.source, &walk.error), (oid, &None));
            assert_eq!(walk.varbinds, [by_name(names(), index)]);
        }
        let last = walks.last().unwrap();
        assert_eq!((&last.source, last.varbinds.len()), (&missing, 0));
        assert_eq!(last.error.as_ref().unwrap().kind, FaultKind::NoSuchObject);
        assert!(requests.contains(&agent.count(Kind::Get)), "{}", agent.count(Kind::Get));
    }
}

#[tokio::test]
async fn bulk_takes_the_first_variables_of_each() {
    let agent = Faulty::start(|_, honest| vec![honest]).await;
    let walks = asked(&agent, SnmpRequest::Bulk(vec![names().into(), counters().into()], 3)).await;
    for (walk, column) in walks.iter().zip([names(), counters()]) {
        assert_eq!(walk.error, None);
        assert_eq!(walk.varbinds, [1, 2, 3].map(|index| by_name(column, index)));
    }
    assert_eq!(agent.count(Kind::GetBulk), 2);
}

#[tokio::test]
async fn columns_of_a_table_come_side_by_side() {
    let agent = Faulty::start(|_, honest| vec![honest]).await;
    let walks = asked(&agent, SnmpRequest::Table("1.3.6.1.2.1.2.2".into(), vec![10, 2, 7])).await;
    let [walk] = walks.as_slice() else { panic!("{walks:?}") };
    assert_eq!((walk.source.as_str(), &walk.error), ("1.3.6.1.2.1.2.2", &None));
    assert_eq!(walk.varbinds, &TREE[..80], "in the order of the tree");
}
