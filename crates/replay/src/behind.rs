//! One event behind: each is handed on once the next one, or the end of the log, has named its hash. Until then, whoever changed it is
//! not yet found out, and who stops there would never be told.

/// The event that was read last, and its envelope.
pub(crate) struct Behind<R> {
    last: Option<R>,
    envelope: Vec<u8>,
}

impl<R> Default for Behind<R> {
    fn default() -> Self {
        Self { last: None, envelope: vec![] }
    }
}

impl<R> Behind<R> {
    /// Takes the next one, which names the hash of the one before: that is handed on.
    pub(crate) fn take<E>(
        &mut self,
        one: R,
        envelope: &[u8],
        hand: impl FnOnce(R, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end(hand)?;
        self.last = Some(one);
        self.envelope.clear();
        self.envelope.extend_from_slice(envelope);
        Ok(())
    }

    /// Hands on the last one: the log ends there.
    pub(crate) fn end<E>(&mut self, hand: impl FnOnce(R, &[u8]) -> Result<(), E>) -> Result<(), E> {
        self.last.take().map_or(Ok(()), |last| hand(last, &self.envelope))
    }
}
