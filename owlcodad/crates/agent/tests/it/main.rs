//! Conversations over a real store and a real pipeline; only the model server is scripted.

#[cfg(test)]
mod endings;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod turns;
#[cfg(test)]
mod watching;
#[cfg(test)]
mod world;
