//! Pages of memory, and who makes large ones of small ones.
//!
//! The authority's arenas are touched at start and stay. A kernel that gathers small pages into large ones behind its
//! back stops threads to do so; where programs ask for it themselves, nobody else pays.

use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::notation::Notation;
use crate::size::format_bytes;

const SOURCE: &str = "Documentation/admin-guide/mm/transhuge.rst";
const OTHERS: &str = "the boot option transparent_hugepage=; tuned; database start scripts";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "mm.transparent_huge_pages",
        what: "when ordinary memory is given huge pages by itself",
        why: "the kernel may stop a thread to compact memory for a huge page that nobody asked for",
        risk: "programs that gain from huge pages and do not ask for them get slower",
        source: SOURCE,
        kernel: "2.6.38",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("sys/kernel/mm/transparent_hugepage/enabled"),
        notation: Notation::Choice,
        want: |ask| if ask.reading.text.contains("[always]") { Wanted::exactly("madvise") } else { Wanted::Keep },
    },
    Kind {
        name: "mm.transparent_huge_pages_defrag",
        what: "whether a thread that touches memory is stopped to make a huge page",
        why: "compaction takes milliseconds, in the middle of whatever the thread was doing",
        risk: "fewer huge pages where memory is scattered",
        source: SOURCE,
        kernel: "2.6.38",
        others: OTHERS,
        scope: Scope::Host,
        at: At::File("sys/kernel/mm/transparent_hugepage/defrag"),
        notation: Notation::Choice,
        want: |ask| {
            let stops_anyone = ask.reading.text.contains("[always]");
            ask.by_profile(
                if stops_anyone { Wanted::exactly("madvise") } else { Wanted::Keep },
                Wanted::exactly("never"),
                if stops_anyone { Wanted::exactly("madvise") } else { Wanted::Keep },
            )
        },
    },
    Kind {
        name: "mm.huge_pages",
        what: "pages reserved as huge ones",
        why: "reserved pages that no program takes are memory that no program has; the authority takes none",
        risk: "none; told only",
        source: "Documentation/admin-guide/mm/hugetlbpage.rst",
        kernel: "2.6",
        others: "the boot option hugepages=; virtual machine managers; databases; DPDK",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: reserved,
    },
    Kind {
        name: "vm.swap",
        what: "whether memory can be moved out to a disk",
        why: "an account whose page was swapped out makes its payment wait for the disk",
        risk: "without it the kernel ends a program where it would have swapped",
        source: "swapoff(8); systemd.resource-control(5): MemorySwapMax=",
        kernel: "2.6",
        others: "fstab, systemd swap units, zram generators",
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: swap,
    },
];

fn reserved(ask: &Ask<'_>) -> Wanted {
    let pools = ask.ground.machine.memory.huge_pages.as_deref().unwrap_or_default();
    let idle: u64 = pools.iter().filter_map(|pool| pool.free_count?.checked_mul(pool.page_bytes)).sum();
    match idle {
        0 => Wanted::Fine("none idle".to_owned()),
        idle => Wanted::Reported(format!("{} reserved and not taken by any program", format_bytes(idle))),
    }
}

fn swap(ask: &Ask<'_>) -> Wanted {
    match ask.ground.machine.memory.swap_total_bytes {
        None => Wanted::Absent,
        Some(0) => Wanted::Fine("none".to_owned()),
        Some(bytes) => Wanted::Advice {
            current: format_bytes(bytes),
            wanted: "none for the authority".to_owned(),
            remedy: "MemorySwapMax=0 in the authority's unit, or swapoff -a".to_owned(),
        },
    }
}
