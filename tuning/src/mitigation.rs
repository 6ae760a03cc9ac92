//! What the kernel does about the processor's faults, which costs time at every system call.

use std::collections::BTreeMap;
use std::path::Path;

use crate::sysroot::Sysroot;

/// What the kernel says of each known fault of the processor below `sysroot` (`/` for this machine), by the fault's name:
/// `Not affected`, `Vulnerable`, `Mitigation: ...`. From `sys/devices/system/cpu/vulnerabilities`; `None` when not exposed.
pub fn mitigations(sysroot: &Path) -> Option<BTreeMap<String, String>> {
    let sysroot = Sysroot::new(sysroot);
    let folder = "sys/devices/system/cpu/vulnerabilities";
    let names = sysroot.names(folder)?;
    let state = |name: String| sysroot.word(&format!("{folder}/{name}")).map(|state| (name, state));
    Some(names.into_iter().filter_map(state).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_fault_has_its_state_and_a_hidden_folder_is_none() {
        let root = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(mitigations(root.path()), None);
        let folder = root.path().join("sys/devices/system/cpu/vulnerabilities");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("meltdown"), "Mitigation: PTI\n").expect("a file");
        fs::write(folder.join("srbds"), "Not affected\n").expect("a file");
        let found = mitigations(root.path()).expect("they are exposed");
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("meltdown".to_owned(), "Mitigation: PTI".to_owned()), ("srbds".to_owned(), "Not affected".to_owned())]
        );
    }
}
