use super::*;
use rewind::testing::gateway;

fn capture(cents: u64) -> PaymentAction {
    let order = "7".into();
    PaymentAction::Capture { order, cents }
}

fn authorise(cents: u64) -> PaymentAction {
    let order = "7".into();
    PaymentAction::Authorise { order, cents }
}

fn post(path: &str, body: serde_json::Value) -> Request {
    Request::post(path, &body).unwrap()
}

#[test]
fn authorised_money_confirms_a_payment_and_a_refusal_fails_it() {
    let confirm = Emit::command("7", &PaymentCommand::ConfirmPayment).unwrap();
    gateway::<Provider>(&authorise(700))
        .then_request(post("/authorisations", json!({"order": "7", "cents": 700})))
        .answered(201, json!({"id": "a1"}))
        .then([confirm])
        .undone([post("/voids", json!({"order": "7"}))]);
    let fail = |reason: &str| {
        let reason = reason.into();
        Emit::command("7", &PaymentCommand::FailPayment { reason }).unwrap()
    };
    gateway::<Provider>(&authorise(700))
        .answered(402, json!({"reason": "no such card"}))
        .then([fail("no such card")]);
    gateway::<Provider>(&authorise(700))
        .answered(400, json!(null))
        .then([fail("the provider has answered 400")]);
}

#[test]
fn a_wrong_price_is_corrected_by_the_difference() {
    let captured = || gateway::<Provider>(&capture(700)).answered(201, json!({}));
    captured()
        .then([])
        .corrected_to(
            &capture(650),
            [post("/refunds", json!({"order": "7", "cents": 50}))],
        )
        .corrected_to(
            &capture(800),
            [post("/captures", json!({"order": "7", "cents": 100}))],
        )
        .undone([post("/refunds", json!({"order": "7", "cents": 700}))]);
    let again = post("/authorisations", json!({"order": "7", "cents": 650}));
    gateway::<Provider>(&authorise(700))
        .answered(201, json!({}))
        .corrected_to(&authorise(650), [again]);
}

#[test]
fn what_the_provider_refuses_after_all_stalls() {
    let refused = Provider::answered(
        &capture(700),
        &Answer {
            status: 409,
            body: json!({}),
        },
    );
    assert!(refused.unwrap_err().reason.contains("409"));
}
