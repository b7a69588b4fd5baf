//! Every shape in which events of this domain were ever stored is still read.

use rewind::testing::golden;

const SHAPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");

#[test]
fn every_stored_shape_is_still_read() {
    golden::check(SHAPES, &service::service());
}
