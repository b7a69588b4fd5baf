//! `rewind new` and `rewind upgrade`: a repository of one's own, from an empty
//! folder to the first row, and on to a newer template.

mod deployed;
mod first_row;
mod made;
mod packaged;
mod refused;
mod upgraded;
