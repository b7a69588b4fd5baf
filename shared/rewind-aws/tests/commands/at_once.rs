//! A command is decided on what has happened, and stands right behind it.

use crate::{
    bank::{Bank, applied, ask, loaded, rejected, unkeyed},
    domain::AccountCommand::{Close, Deposit, Open, Panic, Touch, Transfer, Withdraw},
    meter::Meter,
};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_http_client::Builder;
use rewind::{StreamName, command::Refusal};
use rewind_aws::{
    command::commands::{Answer, Failure},
    wiring::Clients,
};
use serde_json::json;

#[tokio::test]
async fn what_is_decided_is_recorded_and_published() {
    let mut bank = Bank::start().await;
    let commands = bank.commands();
    let open = Open {
        email: "a@b".into(),
    };
    let opened = applied(&commands, &unkeyed("1", &open)).await;
    assert_eq!(opened[0].event_type(), "opened");
    let deposit = unkeyed("1", &Deposit { cents: 5 });
    let deposited = applied(&commands, &deposit).await;
    let [deposited] = &deposited[..] else {
        panic!("{deposited:?}");
    };
    assert_eq!(deposited.version, 2);
    assert_eq!(deposited.event.time, "2026-11-29T09:00:00Z");
    assert_eq!(deposited.event.extension("commandid"), Some(&*deposit.id));
    let not_enough = ask(&commands, &unkeyed("1", &Withdraw { cents: 6 })).await;
    assert_eq!(
        not_enough.unwrap(),
        Answer::Rejected(Refusal {
            name: "not-enough".into(),
            reason: "only 5 cents are there".into(),
            data: json!({"there": 5}),
        })
    );
    let recorded = bank.recorded("account-1").await;
    assert_eq!(recorded.len(), 2);
    let published = bank.published().await;
    let published: Vec<_> = published["account-1"].values().cloned().collect();
    assert_eq!(published, recorded);
    // Accepted, and nothing had to happen.
    assert_eq!(applied(&commands, &unkeyed("1", &Touch {})).await, []);
}

#[tokio::test]
async fn any_number_of_processes_decide_about_one_aggregate() {
    let bank = Bank::start().await;
    let open = Open {
        email: "a@b".into(),
    };
    applied(&bank.commands(), &unkeyed("1", &open)).await;
    applied(&bank.commands(), &unkeyed("1", &Deposit { cents: 60 })).await;
    let processes: Vec<_> = (0..8).map(|_| bank.commands()).collect();
    let asked = processes.iter().map(|commands| async move {
        let mut taken = 0;
        for _ in 0..20 {
            match ask(commands, &unkeyed("1", &Withdraw { cents: 1 })).await {
                Ok(Answer::Applied(_)) => taken += 1,
                Ok(Answer::Rejected(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        taken
    });
    let taken: u64 = futures::future::join_all(asked).await.into_iter().sum();
    assert_eq!(taken, 60, "exactly what was there");
    let (state, _) = loaded(&bank.commands(), "1").await;
    assert_eq!(state["cents"], 0);
    bank.recorded("account-1").await;
}

#[tokio::test]
async fn an_expected_version_is_held_to() {
    let bank = Bank::start().await;
    let commands = bank.commands();
    let open = Open {
        email: "a@b".into(),
    };
    applied(&commands, &unkeyed("1", &open)).await;
    let mut deposit = unkeyed("1", &Deposit { cents: 5 });
    deposit.expected = Some(7);
    let stream = StreamName::new("account-1").unwrap();
    let not_there = Answer::NotThere {
        stream,
        expected: 7,
        actual: 1,
    };
    assert_eq!(ask(&commands, &deposit).await.unwrap(), not_there);
    deposit.expected = Some(1);
    applied(&commands, &deposit).await;
    deposit.expected = Some(1);
    let again = ask(&commands, &deposit).await.unwrap();
    assert!(
        matches!(again, Answer::NotThere { actual: 2, .. }),
        "{again:?}"
    );
}

#[tokio::test]
async fn several_streams_change_together_or_not_at_all() {
    let bank = Bank::start().await;
    let commands = bank.commands();
    for (id, email) in [("1", "a@b"), ("2", "c@d")] {
        let email = email.to_string();
        applied(&commands, &unkeyed(id, &Open { email })).await;
    }
    applied(&commands, &unkeyed("1", &Deposit { cents: 10 })).await;
    let transfer = |cents, at| Transfer {
        to: "2".into(),
        cents,
        at,
    };
    let moved = applied(&commands, &unkeyed("1", &transfer(4, Some(1)))).await;
    let moved: Vec<_> = moved
        .iter()
        .map(|e| (e.stream().as_str(), e.version))
        .collect();
    assert_eq!(moved, [("account-1", 3), ("account-2", 2)]);
    let stale = ask(&commands, &unkeyed("1", &transfer(1, Some(1)))).await;
    let stream = StreamName::new("account-2").unwrap();
    assert_eq!(
        stale.unwrap(),
        Answer::NotThere {
            stream,
            expected: 1,
            actual: 2
        }
    );
    // Both ways at once, over and over: no transaction is torn.
    let back = |cents| Transfer {
        to: "1".into(),
        cents,
        at: None,
    };
    let both = (0..10).map(|nth| {
        let commands = bank.commands();
        let command = match nth % 2 {
            0 => unkeyed("1", &transfer(1, None)),
            _ => unkeyed("2", &back(1)),
        };
        async move { ask(&commands, &command).await.unwrap() }
    });
    futures::future::join_all(both).await;
    let cents = |id: &'static str| async {
        let commands = bank.commands();
        loaded(&commands, id).await.0["cents"].as_u64().unwrap()
    };
    assert_eq!(cents("1").await + cents("2").await, 10);
}

#[tokio::test]
async fn what_cannot_be_decided_is_no_outcome() {
    let bank = Bank::start().await;
    let commands = bank.commands();
    let open = Open {
        email: "a@b".into(),
    };
    applied(&commands, &unkeyed("1", &open)).await;
    let failure = ask(&commands, &unkeyed("1", &Panic {})).await.unwrap_err();
    assert!(matches!(&failure, Failure::Broken(why) if why.reason.contains("as it was told")));
    assert_eq!(
        rejected(&commands, &unkeyed("2", &Close {})).await,
        "not-open"
    );
    assert_eq!(bank.recorded("account-1").await.len(), 1);
}

#[tokio::test]
async fn a_warm_aggregate_takes_two_reads_and_two_writes_at_most() {
    let bank = Bank::start().await;
    let meter = Meter::around(Builder::new().build_http());
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(meter.clone())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
        .load();
    let config = config.await;
    let system = &bank.aws.system;
    let dynamodb = config.to_builder().endpoint_url(system.dynamodb_endpoint());
    let kinesis = config.to_builder().endpoint_url(system.kinesis_endpoint());
    let (dynamodb, kinesis) = (
        Clients::new(dynamodb.build()),
        Clients::new(kinesis.build()),
    );
    let commands = rewind_aws::command::commands::Commands::new(
        crate::domain::service(),
        dynamodb.event_store(system.table("EventsTable").unwrap()),
        dynamodb.data_store(system.table("DataTable").unwrap()),
        kinesis.stream_named(system.stream("EventsStream").unwrap()),
    );
    let open = Open {
        email: "a@b".into(),
    };
    applied(&commands, &unkeyed("1", &open)).await;
    meter.take();
    for nth in 0..10 {
        applied(&commands, &unkeyed("1", &Deposit { cents: 1 })).await;
        let reading = meter.take();
        assert_eq!(reading.requests["Query"], 1, "{reading:?}");
        assert_eq!(reading.requests["BatchExecuteStatement"], 1);
        let key = crate::bank::keyed(&format!("k{nth}"), "1", &Deposit { cents: 1 });
        applied(&commands, &key).await;
        let reading = meter.take();
        assert_eq!(reading.requests["Query"], 1, "{reading:?}");
        assert_eq!(reading.requests["ExecuteTransaction"], 1);
        let others = reading
            .requests
            .keys()
            .filter(|name| !["Query", "ExecuteTransaction", "PutRecords"].contains(&name.as_str()));
        assert_eq!(others.count(), 0, "{reading:?}");
    }
}
