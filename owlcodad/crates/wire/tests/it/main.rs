//! What the room as a whole promises: golden translations and properties.

mod golden;
mod limits;
mod messages;
mod messages_properties;
mod properties;
mod quirks;
mod reshape;
