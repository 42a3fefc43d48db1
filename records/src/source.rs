//! What all readers do with bytes: look for marks of encodings, count lines, keep no more than there is room for.

/// UTF-8 needs no byte order mark, and Windows writes one.
const BOM: &[u8] = b"\xEF\xBB\xBF";

pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

pub fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}

pub fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Appends as much of `bytes` as leaves `kept` at `most` bytes; whether that was all.
pub fn keep(kept: &mut Vec<u8>, bytes: &[u8], most: usize) -> bool {
    let room = most.saturating_sub(kept.len());
    kept.extend(bytes.iter().take(room));
    bytes.len() <= room
}
