//! The console's files are in the program: it is built again when one changes.

fn main() {
    println!("cargo::rerun-if-changed=console");
}
