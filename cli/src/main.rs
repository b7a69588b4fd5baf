//! The `rewind` command without a domain: it makes repositories.

fn main() -> std::process::ExitCode {
    rewind_cli::run_without_domain()
}
