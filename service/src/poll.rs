//! A poll: who wants to eat what. Facts in the stream `poll-<id>`, and three
//! readings of the same stream, each stricter than the one before.

use rewind::{Envelope, Event, Rejection, Reverted, SingleStreamProjection, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

// Events.

/// What may be voted for.
pub const CHOICES: [&str; 5] = ["ice cream", "hot dogs", "chips", "steak", "salad"];

/// What happens in a poll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum PollEvent {
    /// A user voted. Whether the vote counts is for each projection to say.
    VoteCast {
        /// Who votes.
        user: String,
        /// For what.
        choice: String,
    },
    /// No later vote counts.
    VotingStopped,
}

impl Event for PollEvent {
    const CATEGORY: &'static str = "poll";
}

// Projections.

/// The state of a poll.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// How many votes count for each choice.
    pub votes: BTreeMap<String, u64>,
    /// How many votes count in all.
    pub total: u64,
    /// Whether voting was stopped: before, the totals are unfinished.
    pub finished: bool,
    /// Who has voted, where a second vote of a user does not count.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub voters: BTreeSet<String>,
}

/// Every vote counts.
#[derive(Debug)]
pub struct BasicSum;

/// A user's first vote counts.
#[derive(Debug)]
pub struct OneVoteSum;

/// A user's first vote counts, and only for a valid choice.
#[derive(Debug)]
pub struct ValidChoiceSum;

impl SingleStreamProjection for BasicSum {
    type Event = PollEvent;
    type Row = Poll;
    const NAME: &'static str = "basic-sum";

    fn table() -> Option<Table<Poll>> {
        Some(Poll::table("basic_sum"))
    }

    fn apply(poll: &mut Poll, event: &Envelope<PollEvent>) -> Result<(), Rejection> {
        poll.apply(&event.data, |_, _, _| true);
        Ok(())
    }

    fn revert(poll: &mut Poll, event: &Envelope<PollEvent>) -> Result<Reverted, Rejection> {
        Ok(match &event.data {
            // Once voting was stopped, the row does not tell which votes came
            // before that and count.
            PollEvent::VoteCast { choice, .. } if !poll.finished => poll.uncount(choice),
            PollEvent::VoteCast { .. } | PollEvent::VotingStopped => Reverted::FoldAgain,
        })
    }
}

impl SingleStreamProjection for OneVoteSum {
    type Event = PollEvent;
    type Row = Poll;
    const NAME: &'static str = "one-vote-sum";

    fn table() -> Option<Table<Poll>> {
        Some(Poll::table("one_vote_sum"))
    }

    fn apply(poll: &mut Poll, event: &Envelope<PollEvent>) -> Result<(), Rejection> {
        poll.apply(&event.data, |voters, user, _| voters.insert(user.into()));
        Ok(())
    }
}

impl SingleStreamProjection for ValidChoiceSum {
    type Event = PollEvent;
    type Row = Poll;
    const NAME: &'static str = "valid-choice-sum";

    fn table() -> Option<Table<Poll>> {
        Some(Poll::table("valid_choice_sum"))
    }

    fn apply(poll: &mut Poll, event: &Envelope<PollEvent>) -> Result<(), Rejection> {
        // A first vote for nonsense is the user's first vote all the same.
        poll.apply(&event.data, |voters, user, choice| {
            voters.insert(user.into()) && CHOICES.contains(&choice)
        });
        Ok(())
    }
}

impl Poll {
    /// What PostgreSQL shows of a poll.
    fn table(name: &'static str) -> Table<Self> {
        Table::named(name)
            .column("total", |_, poll: &Self| poll.total)
            .column("finished", |_, poll: &Self| poll.finished)
            .column("votes", |_, poll: &Self| json!(poll.votes))
            .column("voters", |_, poll: &Self| json!(poll.voters))
    }

    /// Folds an event in, counting the votes that `counts` says count.
    fn apply(
        &mut self,
        event: &PollEvent,
        counts: impl Fn(&mut BTreeSet<String>, &str, &str) -> bool,
    ) {
        match event {
            PollEvent::VoteCast { user, choice } => {
                if !self.finished && counts(&mut self.voters, user, choice) {
                    *self.votes.entry(choice.clone()).or_default() += 1;
                    self.total += 1;
                }
            }
            PollEvent::VotingStopped => self.finished = true,
        }
    }

    /// Takes a vote back that counts.
    fn uncount(&mut self, choice: &str) -> Reverted {
        // A row that lacks the vote is wrong, and a fold mends it.
        let Some(count) = self.votes.get_mut(choice) else {
            return Reverted::FoldAgain;
        };
        *count -= 1;
        // Without the vote, its choice would not be in the row.
        self.votes.retain(|_, count| *count > 0);
        self.total -= 1;
        Reverted::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::{self, Given, given};

    fn vote(user: &str, choice: &str) -> PollEvent {
        PollEvent::VoteCast {
            user: user.into(),
            choice: choice.into(),
        }
    }

    fn votes() -> Given<PollEvent> {
        given([
            vote("ann", "chips"),
            vote("bob", "gravel"),
            vote("ann", "steak"),
            vote("bob", "steak"),
            PollEvent::VotingStopped,
            vote("cid", "chips"),
        ])
    }

    fn poll(votes: &[(&str, u64)], voters: &[&str]) -> Poll {
        Poll {
            votes: votes
                .iter()
                .map(|(choice, count)| ((*choice).into(), *count))
                .collect(),
            total: votes.iter().map(|(_, count)| count).sum(),
            finished: true,
            voters: voters.iter().map(ToString::to_string).collect(),
        }
    }

    fn unfinished(poll: Poll) -> Poll {
        Poll {
            finished: false,
            ..poll
        }
    }

    #[test]
    fn every_vote_counts_until_voting_is_stopped() {
        votes().then_row::<BasicSum>(poll(&[("chips", 1), ("gravel", 1), ("steak", 2)], &[]));
    }

    #[test]
    fn a_second_vote_of_a_user_does_not_count() {
        let expected = poll(&[("chips", 1), ("gravel", 1)], &["ann", "bob"]);
        votes().then_row::<OneVoteSum>(expected);
    }

    #[test]
    fn a_vote_for_nonsense_does_not_count() {
        votes().then_row::<ValidChoiceSum>(poll(&[("chips", 1)], &["ann", "bob"]));
    }

    #[test]
    fn totals_are_unfinished_before_voting_is_stopped() {
        given([vote("ann", "chips")]).then_row::<BasicSum>(unfinished(poll(&[("chips", 1)], &[])));
    }

    #[test]
    fn a_reversed_vote_does_not_count() {
        let lunch = || {
            given([
                vote("ann", "chips"),
                vote("bob", "steak"),
                vote("cid", "chips"),
            ])
        };
        let expected = unfinished(poll(&[("chips", 1), ("steak", 1)], &[]));
        lunch().reversed("poll-1", 1).then_row::<BasicSum>(expected);
        let expected = unfinished(poll(&[("chips", 2)], &[]));
        lunch().reversed("poll-1", 2).then_row::<BasicSum>(expected);
    }

    #[test]
    fn reversing_the_reversal_counts_the_vote_again() {
        let restored = votes().reversed("poll-1", 1).reversed("poll-1", 7);
        restored.then_row::<BasicSum>(poll(&[("chips", 1), ("gravel", 1), ("steak", 2)], &[]));
        let expected = poll(&[("chips", 1), ("gravel", 1)], &["ann", "bob"]);
        restored.then_row::<OneVoteSum>(expected);
    }

    #[test]
    fn reversing_a_vote_that_came_too_late_changes_nothing() {
        let expected = poll(&[("chips", 1), ("gravel", 1), ("steak", 2)], &[]);
        votes().reversed("poll-1", 6).then_row::<BasicSum>(expected);
    }

    #[test]
    fn reversing_a_vote_of_a_finished_poll_takes_it_out_of_the_totals() {
        let expected = poll(&[("gravel", 1), ("steak", 2)], &[]);
        votes().reversed("poll-1", 1).then_row::<BasicSum>(expected);
    }

    #[test]
    fn reversing_the_end_of_voting_lets_later_votes_count() {
        let expected = poll(&[("chips", 2), ("gravel", 1), ("steak", 2)], &[]);
        votes()
            .reversed("poll-1", 5)
            .then_row::<BasicSum>(unfinished(expected));
    }

    #[test]
    fn only_a_vote_of_an_unfinished_poll_is_taken_back_without_a_fold() {
        let history = given([vote("ann", "chips"), PollEvent::VotingStopped]);
        let [vote, stopped] = [0, 1].map(|nth| testing::envelope(&history.events()[nth]));
        let finished = || poll(&[("chips", 2)], &[]);
        let mut row = unfinished(finished());
        assert_eq!(BasicSum::revert(&mut row, &vote), Ok(Reverted::Done));
        assert_eq!(row, unfinished(poll(&[("chips", 1)], &[])));
        for event in [&vote, &stopped] {
            let mut row = finished();
            assert_eq!(BasicSum::revert(&mut row, event), Ok(Reverted::FoldAgain));
            assert_eq!(row, finished());
        }
    }

    #[test]
    fn reversing_a_first_vote_lets_the_second_count() {
        let reversed = votes().reversed("poll-1", 1);
        let expected = poll(&[("gravel", 1), ("steak", 1)], &["ann", "bob"]);
        reversed.then_row::<OneVoteSum>(expected);
        let expected = poll(&[("steak", 1)], &["ann", "bob"]);
        reversed.then_row::<ValidChoiceSum>(expected);
    }
}
