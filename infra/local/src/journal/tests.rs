use super::*;

struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("local-journal-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn entry(shard: &str, sequence: u32) -> Entry<'static> {
    Entry {
        shard: format!("shard-{shard}").into(),
        sequence: format!("{sequence:04}").into(),
        key: format!("key-{shard}").into(),
        hash: None,
        data: "ZGF0YQ==".into(),
    }
}

fn finished(of: &[(&str, u32)]) -> BTreeMap<String, String> {
    of.iter()
        .map(|(shard, sequence)| (format!("shard-{shard}"), format!("{sequence:04}")))
        .collect()
}

fn left_in(folder: &Path, consumers: &[&str]) -> Vec<String> {
    let consumers: Vec<String> = consumers.iter().map(|name| (*name).to_owned()).collect();
    let (_, earlier) = Journal::open(folder).unwrap();
    let mut left = Vec::new();
    for file in earlier.files() {
        left.extend(
            earlier
                .unfinished(file, &consumers)
                .unwrap()
                .into_iter()
                .map(|entry| entry.sequence.into_owned()),
        );
    }
    left
}

#[test]
fn what_was_put_is_found_again_in_order() {
    let folder = Temporary::new();
    let (mut journal, _) = Journal::with_segments_of(&folder.0, 200).unwrap();
    for sequence in 1..=20 {
        journal.append(&[entry("a", sequence)]).unwrap();
    }
    assert!(
        fs::read_dir(&folder.0).unwrap().count() > 5,
        "several segments were expected"
    );
    let expected: Vec<String> = (1..=20).map(|sequence| format!("{sequence:04}")).collect();
    assert_eq!(left_in(&folder.0, &["one"]), expected);
}

#[test]
fn a_torn_last_line_is_left_out() {
    let folder = Temporary::new();
    let (mut journal, _) = Journal::open(&folder.0).unwrap();
    journal.append(&[entry("a", 1), entry("a", 2)]).unwrap();
    let path = folder.0.join("00000001-00000000.jsonl");
    let whole = fs::read(&path).unwrap();
    for length in whole.len() / 2 + 1..whole.len() - 1 {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(
            left_in(&folder.0, &["one"]),
            ["0001"],
            "cut to {length} bytes"
        );
    }
}

#[test]
fn a_broken_line_in_the_middle_is_an_error() {
    let folder = Temporary::new();
    fs::write(
        folder.0.join("00000001-00000000.jsonl"),
        "{\"shard\":\nnonsense\n{}\n",
    )
    .unwrap();
    let (_, earlier) = Journal::open(&folder.0).unwrap();
    let file = earlier.files().next().unwrap();
    assert!(earlier.unfinished(file, &[]).is_err());
}

#[test]
fn segments_that_all_consumers_finished_are_removed() {
    let folder = Temporary::new();
    let (mut journal, _) = Journal::with_segments_of(&folder.0, 1).unwrap();
    for sequence in 1..=4 {
        journal
            .append(&[entry(
                if sequence % 2 == 0 { "even" } else { "odd" },
                sequence,
            )])
            .unwrap();
    }
    journal.trim(&finished(&[("odd", 1)]));
    assert_eq!(left_in(&folder.0, &["one"]), ["0002", "0003", "0004"]);
    journal.trim(&finished(&[("odd", 3)]));
    assert_eq!(left_in(&folder.0, &["one"]), ["0002", "0004"]);
    journal.trim(&finished(&[("odd", 3), ("even", 4)]));
    assert_eq!(left_in(&folder.0, &["one"]), [""; 0]);
}

#[test]
fn a_journal_goes_on_after_it_was_emptied() {
    let folder = Temporary::new();
    let (mut journal, _) = Journal::open(&folder.0).unwrap();
    journal.append(&[entry("a", 1)]).unwrap();
    journal.trim(&finished(&[("a", 1)]));
    journal.append(&[entry("a", 2)]).unwrap();
    assert_eq!(left_in(&folder.0, &["one"]), ["0002"]);
}

#[test]
fn what_every_consumer_finished_is_not_put_again() {
    let folder = Temporary::new();
    let (mut journal, _) = Journal::open(&folder.0).unwrap();
    journal
        .append(&[entry("a", 1), entry("a", 2), entry("b", 3)])
        .unwrap();
    let all = BTreeMap::from([
        ("one".to_owned(), finished(&[("a", 2), ("b", 3)])),
        ("two".to_owned(), finished(&[("a", 1)])),
    ]);
    journal.save(&all, true);
    assert_eq!(left_in(&folder.0, &["one"]), [""; 0]);
    assert_eq!(left_in(&folder.0, &["one", "two"]), ["0002", "0003"]);
    // A consumer that the template gained since has finished nothing.
    assert_eq!(
        left_in(&folder.0, &["one", "new"]),
        ["0001", "0002", "0003"]
    );
}

#[test]
fn the_progress_of_one_run_says_nothing_about_another() {
    let folder = Temporary::new();
    let (mut first, _) = Journal::open(&folder.0).unwrap();
    first.append(&[entry("a", 9)]).unwrap();
    first.save(
        &BTreeMap::from([("one".to_owned(), finished(&[("a", 9)]))]),
        true,
    );
    let (mut second, earlier) = Journal::open(&folder.0).unwrap();
    // A clock that went back gives the second run lower sequence numbers than the first had.
    second.append(&[entry("a", 1)]).unwrap();
    earlier.remove().unwrap();
    assert_eq!(left_in(&folder.0, &["one"]), ["0001"]);
}

#[test]
fn removing_what_was_put_again_begins_at_the_newest() {
    let folder = Temporary::new();
    let (mut journal, _) = Journal::with_segments_of(&folder.0, 1).unwrap();
    for sequence in 1..=3 {
        journal.append(&[entry("a", sequence)]).unwrap();
    }
    let (_, earlier) = Journal::open(&folder.0).unwrap();
    // The oldest file cannot be removed: whatever came after it must be gone before it is tried.
    let oldest = earlier.files().next().unwrap().to_owned();
    fs::remove_file(&oldest).unwrap();
    fs::create_dir(&oldest).unwrap();
    assert!(earlier.remove().is_err());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}
