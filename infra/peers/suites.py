"""Which of Rewind's tests run on which engine, and why the others do not."""


class Suite:
    """The test files of `shared/rewind-aws` that an engine is tested with."""

    def __init__(self, tests, seeds, not_here):
        self.tests = tests
        # How many seeds of the fault harness fit in half a minute.
        self.seeds = seeds
        # The test's name, and what of the engine it meets.
        self.not_here = not_here

    def commands(self):
        """The commands that run them, each with what it leaves out."""
        test = ["cargo", "test", "--locked", "--package", "rewind-aws"]
        files = [part for name in self.tests for part in ("--test", name)]
        skipped = [part for name in self.not_here for part in ("--skip", name)]
        yield [*test, "--no-fail-fast", *files, "--", *skipped]
        yield ["env", f"REWIND_SEEDS={self.seeds}", *test, "--test", "faults"]


# What is stored and read back: the contract of both tables.
TABLES = [
    "event_store",
    "sequencer",
    "projector",
    "reversal",
    "reversal_chain",
    "compare",
    "audit",
    "interleaving",
    "puts",
    "hostile_rows",
]
# What is put on a stream and read from it.
STREAMS = ["reactor", "health", "playback"]

SUITES = {
    "ministack": Suite(
        tests=[*TABLES, *STREAMS],
        seeds=4,
        not_here={
            # DynamoDB refuses an attribute of a map that has no name. The engine
            # stores it, so that nothing is refused and nothing stalls.
            "a_stream_stalls_at_the_event_that_the_store_does_not_take": "stores an attribute without a name",
            # The test gives an invocation 1.5 s, in which it has to send a page. The
            # engine, in Python, takes longer for that on a busy machine.
            "a_rival_takes_over_and_the_deadline_ends_an_invocation": "answers too slowly",
            # `capacity` is left out whole: it counts write units. The engine counts
            # one for each statement of a batch, whatever its size.
        },
    ),
    "kinesis-local": Suite(tests=STREAMS, seeds=6, not_here={}),
}
