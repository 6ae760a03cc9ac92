//! Sizes as the kernel writes them and as people read them. Both count in powers of 1024.

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// The octets meant by a sysfs or procfs size: `48K`, `2048 kB`, `1M`, `512`. The kernel's `kB` is 1024 octets.
/// `None` when the text is no size or does not fit 64 bits.
pub fn parse_size_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.strip_prefix(digits)?.trim();
    let factor_bytes: u64 = match unit {
        "" | "B" => 1,
        "K" | "kB" | "KB" | "KiB" => 1 << 10,
        "M" | "MB" | "MiB" => 1 << 20,
        "G" | "GB" | "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor_bytes)
}

/// `size_bytes` in the largest unit that keeps it at 1 or more, with one decimal unless it is whole: `48 KiB`,
/// `23.5 GiB`.
pub fn format_bytes(size_bytes: u64) -> String {
    let mut unit_index = 0;
    let mut unit_bytes: u64 = 1;
    while unit_index + 1 < UNITS.len() && size_bytes / unit_bytes >= 1024 {
        unit_index += 1;
        unit_bytes *= 1024;
    }
    let (whole, rest) = (size_bytes / unit_bytes, size_bytes % unit_bytes);
    let unit = UNITS[unit_index];
    match u128::from(rest) * 10 / u128::from(unit_bytes) {
        0 => format!("{whole} {unit}"),
        tenths => format!("{whole}.{tenths} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_sysfs_and_procfs_are_read() {
        assert_eq!(parse_size_bytes("48K\n"), Some(49_152));
        assert_eq!(parse_size_bytes("  24684092 kB"), Some(25_276_510_208));
        assert_eq!(parse_size_bytes("32M"), Some(33_554_432));
        assert_eq!(parse_size_bytes("1G"), Some(1_073_741_824));
        assert_eq!(parse_size_bytes("512"), Some(512));
    }

    #[test]
    fn text_that_is_no_size_is_none() {
        for text in ["", "K", "unknown", "-1", "1.5M", "4 pages", "99999999999999999999", "18446744073709551615K"] {
            assert_eq!(parse_size_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_written_with_their_unit() {
        assert_eq!(format_bytes(0), "0 B");
        assert_eq!(format_bytes(1023), "1023 B");
        assert_eq!(format_bytes(49_152), "48 KiB");
        assert_eq!(format_bytes(25_276_510_208), "23.5 GiB");
        assert_eq!(format_bytes(u64::MAX), "16777215.9 TiB");
    }
}
