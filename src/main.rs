//! The `rewind` command for the domain in `service/`.

fn main() -> std::process::ExitCode {
    rewind_cli::run(service::service)
}
