/// Where a session's random numbers come from; handed in, so that tests can repeat a run.
///
/// Session ids, RAKP's random numbers and the IVs of AES-CBC come from it: outside tests it must be a source fit for
/// cryptography.
pub trait Random: Send {
    /// Fills all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<R: Random + ?Sized> Random for Box<R> {
    fn fill(&mut self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}
