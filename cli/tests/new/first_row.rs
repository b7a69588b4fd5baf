//! From an empty folder to the first row of one's own, as the new README tells it.

use crate::made::{Made, ended};
use rewind_cli::client::Client;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Instant,
};

const EVENT: &str = "application/cloudevents+json";

/// The running system of a repository. It ends with the test.
struct Running(Child);

impl Running {
    fn start(made: &Made) -> (Self, Client) {
        let mut command = Command::new(made.program());
        command.args(["--port", "0"]).current_dir(made.dir());
        let mut running = Self(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
        let greeting = lines.next().unwrap().unwrap();
        let url = greeting.split(' ').find(|word| word.starts_with("http://"));
        let client = Client::new(url.expect("a URL"));
        let proposed: Vec<String> = lines
            .by_ref()
            .map(|line| line.unwrap())
            .take_while(|line| !line.starts_with("Ctrl-C"))
            .collect();
        let proposed = proposed.join("\n");
        assert!(proposed.contains("/projections/ratings"), "{proposed}");
        assert!(!proposed.contains("cart"), "{proposed}");
        // A full pipe would block it.
        std::thread::spawn(move || lines.for_each(drop));
        (running, client)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The body of the README's call that sends an event of this type.
fn event(readme: &str, event_type: &str) -> Value {
    let call = readme.lines().find(|line| line.contains(event_type));
    let body = call.unwrap().split('\'').nth(3).unwrap();
    serde_json::from_str(body).unwrap()
}

/// Lines of code, without blanks and comments.
fn lines(code: &str) -> usize {
    let lines = code.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_folder_becomes_a_system_with_a_row_of_ones_own() {
    let begun = Instant::now();
    let made = Made::new();
    let readme = made.read("README.md");
    // What the user writes.
    let (own, registered) = (made.code(0), made.code(1));
    let before = made.read("service/src/lib.rs");
    made.write("service/src/review.rs", &own);
    made.write("service/src/lib.rs", &registered);
    let is_added = |line: &&str| !before.lines().any(|was| was.trim() == line.trim());
    let added: Vec<&str> = registered.lines().filter(is_added).collect();

    made.cargo(&["build"]);
    let built = begun.elapsed();
    let (_running, client) = Running::start(&made);
    let sent = Instant::now();
    for (event_type, row, state) in [
        (
            "review-written",
            "/projections/ratings/lamp?at_least=1",
            json!({"reviews": 1, "stars": 5}),
        ),
        (
            "item-received",
            "/projections/stock/lamp?at_least=1",
            json!({"pieces": 3}),
        ),
    ] {
        let event = event(&readme, event_type);
        client.post_ok("/events", EVENT, &event, 202).await.unwrap();
        let row = client.get_ok(row).await.unwrap();
        assert_eq!(row["state"], state);
        if event_type == "review-written" {
            println!(
                "from `rewind new` to the first row of one's own: {:.1} s, of them {:.1} s of cargo; from its event {} ms",
                begun.elapsed().as_secs_f64(),
                built.as_secs_f64(),
                sent.elapsed().as_millis()
            );
            println!(
                "lines for it: {} for the event and the row, {} to register them",
                lines(&own),
                lines(&added.join("\n"))
            );
        }
    }
    // An event that does not fit is refused at the door, by the new enum.
    let mut wrong = event(&readme, "review-written");
    wrong["data"]["stars"] = "many".into();
    let answer = client.post("/events", EVENT, wrong.to_string()).await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status, &answer.body["field"]),
        (422, &json!("data.stars"))
    );

    let mut verify = Command::new(made.program());
    let (code, said, errors) = ended(verify.arg("verify").current_dir(made.dir()));
    assert!(
        code == 0 && said.contains("No violation."),
        "{said}{errors}"
    );
    // The demonstration is about another domain.
    let mut demo = Command::new(made.program());
    let (code, said, errors) = ended(demo.arg("demo").current_dir(made.dir()));
    assert!(
        code == 1 && errors.contains("another domain"),
        "{said}{errors}"
    );

    let tested = made.cargo(&["test"]);
    for test in [
        "an_event_becomes_a_row",
        "a_sale_that_is_taken_back_never_was",
    ] {
        assert!(tested.contains(&format!("{test} ... ok")), "{tested}");
    }
    // What is deployed.
    made.cargo(&["build", "--package", "functions"]);
    assert!(made.cargo(&["fmt", "--all", "--check"]).is_empty());
}
