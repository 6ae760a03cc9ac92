//! Where and how the measurement was built and run.

/// The processor's name, if the machine tells (`model name` in `/proc/cpuinfo`).
pub fn cpu_model() -> Option<String> {
    model_in(&std::fs::read_to_string("/proc/cpuinfo").ok()?)
}

fn model_in(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

/// Whether the compiler might use AVX-512 IFMA everywhere, as with `-C target-cpu=native` on a machine that has it. Our
/// vector backend does not need that; ed25519-dalek's does.
pub const fn target_features_native() -> bool {
    cfg!(target_feature = "avx512ifma")
}

/// The instructions that curve25519-dalek 5 computes with, beneath ed25519-dalek and beneath our portable backend; `None`
/// where that cannot be known.
///
/// Its build script admits AVX-512 if the compiler has `avx512ifma` and `avx512vl`, and AVX2 on every 64-bit x86; of
/// these it takes at run time what the machine has. Where a builder chose by `--cfg curve25519_dalek_...`, this does not apply.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
pub fn dalek_backend() -> Option<&'static str> {
    if is_chosen_by_builder() {
        return None;
    }
    let with_avx512 = cfg!(all(target_feature = "avx512ifma", target_feature = "avx512vl"));
    let has_avx512 = || is_x86_feature_detected!("avx512ifma") && is_x86_feature_detected!("avx512vl");
    let name = if with_avx512 && has_avx512() {
        "avx512ifma"
    } else if is_x86_feature_detected!("avx2") {
        "avx2"
    } else {
        "serial"
    };
    Some(name)
}

/// As above: nothing is known of other processors.
#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
pub fn dalek_backend() -> Option<&'static str> {
    None
}

/// A builder sets these for all crates alike, so that they are seen here.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
#[allow(unexpected_cfgs, reason = "they are another library's")]
const fn is_chosen_by_builder() -> bool {
    cfg!(any(
        curve25519_dalek_backend = "fiat",
        curve25519_dalek_backend = "serial",
        curve25519_dalek_backend = "simd",
        curve25519_dalek_backend = "avx512",
        curve25519_dalek_bits = "32",
        curve25519_dalek_bits = "64"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_name_is_what_stands_behind_the_first_colon() {
        let cpuinfo =
            "processor\t: 0\nmodel\t\t: 2\nmodel name\t: Maker: Model 9 @ 2.6 GHz\nflags : avx2\nmodel name\t: other\n";
        assert_eq!(model_in(cpuinfo).as_deref(), Some("Maker: Model 9 @ 2.6 GHz"));
        assert_eq!(model_in("processor : 0\n"), None);
    }
}
