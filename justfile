# The commands that people type. `just` is optional: each recipe is short
# enough to be typed, and CONTRIBUTING.md lists them all.

set positional-arguments

# Lists the recipes.
default:
    @just --list --unsorted

# Runs the local system, or a verb: `just run verify`.
run *arguments:
    cargo run -- "$@"

# Runs the demonstration, which checks its own numbers.
demo:
    cargo run -- demo

# Runs all tests, or those that the arguments name.
test *arguments:
    cargo test --workspace "$@"

# Checks what a commit must pass beside the tests: format, lints, documentation.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Runs so many seeds of the fault harness, from the first on.
faults seeds="200":
    REWIND_SEEDS={{ seeds }} cargo test -p rewind-aws --test faults -- --nocapture

# Builds the functions as they are deployed, with the tools in .venv.
sam-build:
    PATH="$PWD/.venv/bin:$PATH" SAM_CLI_TELEMETRY=0 sam build

# Measures Rewind beside its baselines, and writes benches/results.md.
bench *arguments:
    cargo build --release -p benches -p example -p functions
    -cargo build --release --manifest-path benches/peers/dynamo-es/Cargo.toml
    -npm install --silent --no-package-lock --prefix benches/peers/node
    -python3 -m pip install --quiet -r benches/peers/python/requirements.txt
    cargo run --release -p benches --bin bench -- --out benches/results.md "$@"

# Counts the instructions of the hot paths: needs Valgrind and gungraun-runner.
instructions:
    cargo bench -p instructions --bench hot
