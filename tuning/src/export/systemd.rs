//! Drop-ins for systemd.

use crate::cores_plan::CoresPlan;
use crate::export::authority_cores;
use crate::finding::OPEN_FILES_COUNT_MIN;

pub(super) fn systemd(cores: &CoresPlan) -> String {
    let own = authority_cores(cores);
    let house_keeping = &cores.house_keeping;
    let memory = cores.node_index.map(|node| format!("NUMAPolicy=bind\nNUMAMask={node}\n")).unwrap_or_default();
    format!(
        "# /etc/systemd/system/quittance-authority@.service.d/50-tune.conf
# Start it with: quittance-authority run {options}
[Service]
AllowedCPUs={own}
CPUAffinity={own}
{memory}LimitMEMLOCK=infinity
LimitNOFILE={OPEN_FILES_COUNT_MIN}
MemorySwapMax=0

# /etc/systemd/system/system.slice.d/50-quittance.conf
# The same for user.slice and init.scope: everything else stays on the house-keeping cores. The authority's unit then
# needs a slice of its own beside them (Slice=quittance.slice), for a unit has no more cores than its slice.
[Slice]
AllowedCPUs={house_keeping}
",
        options = cores.options()
    )
}
