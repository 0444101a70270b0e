//! The record of calls as somebody relies on it.

mod strict;
