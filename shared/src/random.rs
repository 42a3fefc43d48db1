//! Randomness from the operating system, for keys, salts and ids.

/// `N` unpredictable bytes.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done then.
#[expect(clippy::expect_used, reason = "a process without randomness must not go on")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
