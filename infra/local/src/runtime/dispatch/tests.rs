use super::super::outcome::Reply;
use super::*;
use crate::activity::Activity;

fn invocation() -> (Invocation, oneshot::Receiver<Reply>) {
    invocation_by(By::Trigger)
}

fn invocation_by(by: By) -> (Invocation, oneshot::Receiver<Reply>) {
    Invocation::new(by, "{}".into(), Activity::default().begin())
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

/// A function with a process for each of these, all of them at work.
fn working(by: &[By]) -> (Dispatch, Vec<Arc<Process>>) {
    let mut dispatch = Dispatch::new(3);
    let processes = by.iter().map(|by| {
        let process = dispatch.place(invocation_by(*by).0).unwrap();
        assert!(matches!(dispatch.ask(&process), Work::Assigned));
        process
    });
    let processes = processes.collect();
    (dispatch, processes)
}

#[tokio::test]
async fn a_caller_does_not_wait_for_the_processes_of_triggers_nor_a_trigger_for_those_of_callers() {
    for (busy, other) in [(By::Trigger, By::Caller), (By::Caller, By::Trigger)] {
        let (mut dispatch, processes) = working(&[busy; 4]);
        assert!(dispatch.place(invocation_by(busy).0).is_none());
        let started = (0..5).map(|_| dispatch.place(invocation_by(other).0));
        let started: Vec<_> = started.flatten().collect();
        assert_eq!(started.len(), 4);
        for process in &started {
            // The one that waits longest is not of those who have room.
            assert!(matches!(dispatch.ask(process), Work::Assigned));
            assert_eq!(process.works_for(), Some(other));
        }
        let answered = |process: &Arc<Process>| {
            let request_id = process.fetch().unwrap().request_id;
            process.answer(&request_id, Outcome::Success("1".into()));
        };
        answered(&started[0]);
        assert!(matches!(dispatch.ask(&started[0]), Work::Assigned));
        assert_eq!(started[0].works_for(), Some(other));
        answered(&started[1]);
        assert!(matches!(dispatch.ask(&started[1]), Work::Wait { .. }));
        answered(&processes[0]);
        assert!(matches!(dispatch.ask(&processes[0]), Work::Assigned));
        assert_eq!(processes[0].works_for(), Some(busy));
    }
}

#[tokio::test]
async fn what_waits_goes_on_when_a_process_ends_that_worked_for_its_like() {
    let (mut dispatch, processes) = working(&[By::Trigger; 4]);
    assert!(dispatch.place(invocation().0).is_none());
    assert!(dispatch.place(invocation().0).is_none());
    let for_caller = dispatch.place(invocation_by(By::Caller).0).unwrap();
    assert!(matches!(dispatch.ask(&for_caller), Work::Assigned));
    let answer = for_caller.fetch().unwrap().request_id;
    for_caller.answer(&answer, Outcome::Success("1".into()));
    let Work::Wait { assigned, .. } = dispatch.ask(&for_caller) else {
        panic!("triggers have all of their processes");
    };
    // The idle process takes over, although it had worked for a caller.
    assert!(matches!(
        dispatch.exited(&processes[0], "killed"),
        Restart::Nothing
    ));
    assigned.await.unwrap();
    assert_eq!(for_caller.works_for(), Some(By::Trigger));
    // Behind it none is idle, so another one is started.
    processes[1].has_answered.store(true, Ordering::Relaxed);
    let Restart::Now(next) = dispatch.exited(&processes[1], "killed") else {
        panic!("another process was expected");
    };
    assert!(matches!(dispatch.ask(&next), Work::Assigned));
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
    assert!(matches!(
        answer.try_recv(),
        Ok(Reply::Ended(Outcome::Failure(_)))
    ));
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
    assert!(matches!(
        answer.try_recv(),
        Ok(Reply::Ended(Outcome::Failure(_)))
    ));
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
