use super::*;
use crate::activity::Activity;

fn invocation() -> (Invocation, oneshot::Receiver<Outcome>) {
    Invocation::new("{}".into(), Activity::default().begin())
}

/// A function with this many processes, all of them idle.
fn idle(count: usize) -> (Dispatch, Vec<Arc<Process>>, Vec<Work>) {
    let mut dispatch = Dispatch::new(3);
    let processes: Vec<_> = (0..count).map(|_| dispatch.add_process()).collect();
    let waits = processes.iter().map(|process| dispatch.ask(process));
    let waits = waits.collect();
    (dispatch, processes, waits)
}

#[tokio::test]
async fn a_process_is_started_for_each_waiting_invocation_up_to_four() {
    let mut dispatch = Dispatch::new(3);
    let started = (0..6).map(|_| dispatch.place(invocation().0).is_some());
    assert_eq!(
        started.collect::<Vec<_>>(),
        [true, true, true, true, false, false]
    );
}

#[tokio::test]
async fn the_last_idle_process_works_first_and_one_is_never_reaped() {
    let (mut dispatch, processes, _waits) = idle(3);
    assert!(dispatch.place(invocation().0).is_none());
    assert!(processes[2].fetch().is_some());
    // The working process is not in the list of idle ones.
    assert!(!dispatch.reap(&processes[2]));
    assert!(dispatch.reap(&processes[0]));
    assert!(dispatch.reap(&processes[1]));
    let (mut dispatch, processes, _waits) = idle(2);
    assert!(dispatch.reap(&processes[0]));
    assert!(!dispatch.reap(&processes[1]));
}

#[tokio::test]
async fn an_invocation_that_a_dead_process_never_fetched_goes_to_another_one() {
    let (mut dispatch, processes, _waits) = idle(1);
    let (first, mut answer) = invocation();
    dispatch.place(first);
    let Restart::Now(next) = dispatch.exited(&processes[0], "killed") else {
        panic!("another process was expected");
    };
    assert!(answer.try_recv().is_err());
    assert!(matches!(dispatch.ask(&next), Work::Assigned));
    assert!(next.fetch().is_some());
    // This one has fetched it, so its end is the invocation's.
    dispatch.exited(&next, "killed");
    assert!(matches!(answer.try_recv(), Ok(Outcome::Failure(_))));
}

#[tokio::test]
async fn a_function_that_cannot_start_fails_what_waits_and_pauses_longer_each_time() {
    let mut dispatch = Dispatch::new(3);
    let (waiting, mut answer) = invocation();
    let mut process = dispatch.place(waiting).unwrap();
    let first = dispatch.first();
    let mut pauses = Vec::new();
    for _ in 0..10 {
        process = match dispatch.exited(&process, "exit status: 3") {
            Restart::Now(process) => process,
            Restart::After(pause) => {
                pauses.push(pause.as_millis());
                dispatch.end_pause().unwrap()
            }
            Restart::Nothing => panic!("a start was expected"),
        };
    }
    assert!(matches!(answer.try_recv(), Ok(Outcome::Failure(_))));
    let expected = FirstStart::Failed("exit status: 3".to_owned());
    assert_eq!(*first.borrow(), expected);
    assert_eq!(
        pauses,
        [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]
    );
}

#[tokio::test]
async fn a_stop_kills_all_processes_and_starts_none() {
    let (mut dispatch, processes, _waits) = idle(2);
    let live = dispatch.stop();
    assert!(processes.iter().all(|process| process.is_leaving()));
    let (late, mut answer) = invocation();
    assert!(dispatch.place(late).is_none());
    assert!(answer.try_recv().is_err());
    for process in &processes {
        let restart = dispatch.exited(process, "killed");
        assert!(matches!(restart, Restart::Nothing));
    }
    assert_eq!(*live.borrow(), 0);
}
