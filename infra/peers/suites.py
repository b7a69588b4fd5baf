"""Which of Rewind's tests run on which engine, and why the others do not."""


class Suite:
    """The test files of `shared/rewind-aws` that an engine is tested with."""

    def __init__(self, tests, not_here):
        self.tests = tests
        # The test's name, and what of the engine it meets.
        self.not_here = not_here

    def commands(self):
        """The commands that run them, each with what it leaves out."""
        tests = [part for name in self.tests for part in ("--test", name)]
        skipped = [part for name in self.not_here for part in ("--skip", name)]
        yield ["cargo", "test", "--locked", "--no-fail-fast", "-p", "rewind-aws", *tests, "--", *skipped]


SUITES = {
    "ministack": Suite(tests=["event_store", "sequencer"], not_here={}),
    "kinesis-local": Suite(tests=["playback"], not_here={}),
}
