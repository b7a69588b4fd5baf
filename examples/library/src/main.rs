//! The `rewind` command for the library: `cargo run -p library`.

fn main() -> std::process::ExitCode {
    rewind_cli::run(library::service)
}
