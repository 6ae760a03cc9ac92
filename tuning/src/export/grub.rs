//! The boot line.

use crate::cores_plan::CoresPlan;

pub(super) fn grub(cores: &CoresPlan) -> String {
    let reserved = cores.reserved();
    if reserved.is_empty() {
        return "# The authority has no core to itself on this machine: there is nothing to isolate.\n".to_owned();
    }
    let house_keeping = &cores.house_keeping;
    format!(
        "# /etc/default/grub.d/50-quittance.cfg; then update-grub (or grub2-mkconfig) and boot.
# nohz_full and rcu_nocbs need a kernel built with CONFIG_NO_HZ_FULL and CONFIG_RCU_NOCB_CPU.
GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=managed_irq,domain,{reserved} nohz_full={reserved} \
         rcu_nocbs={reserved} irqaffinity={house_keeping}\"
"
    )
}
