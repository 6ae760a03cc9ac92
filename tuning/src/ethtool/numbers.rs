//! The kernel's numbers. From `include/uapi/linux/netlink.h`, `genetlink.h`, `ethtool.h`, `ethtool_netlink.h` and, from
//! Linux 6.14 on, `ethtool_netlink_generated.h`. They are part of the kernel's promise to programs and never change.

/// `NLMSG_ERROR`: a refusal, or, with error 0, word that a request was carried out.
pub(super) const MESSAGE_ERROR: u16 = 2;

/// `NLM_F_REQUEST`.
pub(super) const MESSAGE_IS_REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: answer even if there is nothing to say.
pub(super) const MESSAGE_WANTS_ACK: u16 = 0x4;
/// `NLM_F_CAPPED`: of the request only the header is repeated.
pub(super) const MESSAGE_IS_CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: attributes follow.
pub(super) const MESSAGE_HAS_ATTRIBUTES: u16 = 0x200;

/// `NLMSGERR_ATTR_MSG`: words, a text with an end.
pub(super) const REFUSAL_WORDS: u16 = 1;

/// `NLA_F_NESTED`.
pub(super) const ATTRIBUTE_IS_NEST: u16 = 0x8000;
/// `NLA_TYPE_MASK`: what remains without that and the mark of network byte order.
pub(super) const ATTRIBUTE_KIND: u16 = 0x3fff;

/// `GENL_ID_CTRL`: the family that names the others.
pub(super) const CONTROLLER_ID: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
pub(super) const CONTROLLER_GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`, 16 bits.
pub(super) const CONTROLLER_FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
pub(super) const CONTROLLER_FAMILY_NAME: u16 = 2;

/// `ETHTOOL_GENL_NAME`.
pub(super) const FAMILY_NAME: &str = "ethtool";
/// `ETHTOOL_GENL_VERSION`; the controller takes it, too.
pub(super) const FAMILY_VERSION: u8 = 1;

/// `ETHTOOL_A_*_HEADER`: the first attribute of every message of the family.
pub(super) const HEADER: u16 = 1;
/// `ETHTOOL_A_HEADER_DEV_NAME`.
pub(super) const HEADER_DEV_NAME: u16 = 2;
/// `ETHTOOL_A_HEADER_FLAGS`, 32 bits.
pub(super) const HEADER_FLAGS: u16 = 3;
/// `ETHTOOL_FLAG_OMIT_REPLY`: say that it is done, not what it is now.
pub(super) const FLAG_OMIT_REPLY: u32 = 2;

/// `ETHTOOL_MSG_FEATURES_GET`.
pub(super) const FEATURES_GET: u8 = 11;
/// `ETHTOOL_MSG_FEATURES_SET`.
pub(super) const FEATURES_SET: u8 = 12;
/// `ETHTOOL_A_FEATURES_HW`: what may be moved, among all that there are.
pub(super) const FEATURES_MOVABLE: u16 = 2;
/// `ETHTOOL_A_FEATURES_WANTED`.
pub(super) const FEATURES_WANTED: u16 = 3;
/// `ETHTOOL_A_FEATURES_ACTIVE`.
pub(super) const FEATURES_ACTIVE: u16 = 4;
/// `ETHTOOL_A_FEATURES_NOCHANGE`: what nobody may move.
pub(super) const FEATURES_FIXED: u16 = 5;

/// `ETHTOOL_A_BITSET_NOMASK`: there when only the bits that are set are listed.
pub(super) const BITSET_NOMASK: u16 = 1;
/// `ETHTOOL_A_BITSET_BITS`: the bits one by one, with their names.
pub(super) const BITSET_BITS: u16 = 3;
/// `ETHTOOL_A_BITSET_BITS_BIT`.
pub(super) const BITSET_BIT: u16 = 1;
/// `ETHTOOL_A_BITSET_BIT_NAME`.
pub(super) const BIT_NAME: u16 = 2;
/// `ETHTOOL_A_BITSET_BIT_VALUE`: there when the bit is set.
pub(super) const BIT_VALUE: u16 = 3;

/// `ETHTOOL_MSG_RINGS_GET`.
pub(super) const RINGS_GET: u8 = 15;
/// `ETHTOOL_MSG_RINGS_SET`.
pub(super) const RINGS_SET: u8 = 16;
/// `ETHTOOL_A_RINGS_RX_MAX`.
pub(super) const RINGS_RX_MAX: u16 = 2;
/// `ETHTOOL_A_RINGS_TX_MAX`.
pub(super) const RINGS_TX_MAX: u16 = 5;
/// `ETHTOOL_A_RINGS_RX`.
pub(super) const RINGS_RX: u16 = 6;
/// `ETHTOOL_A_RINGS_TX`.
pub(super) const RINGS_TX: u16 = 9;

/// `ETHTOOL_MSG_CHANNELS_GET`.
pub(super) const CHANNELS_GET: u8 = 17;
/// `ETHTOOL_MSG_CHANNELS_SET`.
pub(super) const CHANNELS_SET: u8 = 18;
/// `ETHTOOL_A_CHANNELS_RX_MAX`.
pub(super) const CHANNELS_RX_MAX: u16 = 2;
/// `ETHTOOL_A_CHANNELS_TX_MAX`.
pub(super) const CHANNELS_TX_MAX: u16 = 3;
/// `ETHTOOL_A_CHANNELS_COMBINED_MAX`.
pub(super) const CHANNELS_COMBINED_MAX: u16 = 5;
/// `ETHTOOL_A_CHANNELS_RX_COUNT`.
pub(super) const CHANNELS_RX: u16 = 6;
/// `ETHTOOL_A_CHANNELS_TX_COUNT`.
pub(super) const CHANNELS_TX: u16 = 7;
/// `ETHTOOL_A_CHANNELS_COMBINED_COUNT`.
pub(super) const CHANNELS_COMBINED: u16 = 9;

/// `ETHTOOL_MSG_COALESCE_GET`.
pub(super) const COALESCE_GET: u8 = 19;
/// `ETHTOOL_MSG_COALESCE_SET`.
pub(super) const COALESCE_SET: u8 = 20;
/// `ETHTOOL_A_COALESCE_RX_USECS`.
pub(super) const COALESCE_RX_USECS: u16 = 2;
/// `ETHTOOL_A_COALESCE_TX_USECS`.
pub(super) const COALESCE_TX_USECS: u16 = 6;
/// `ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX`, 8 bits.
pub(super) const COALESCE_ADAPTIVE_RX: u16 = 11;

/// `ETHTOOL_MSG_RSS_GET` (Linux 6.2).
pub(super) const RSS_GET: u8 = 38;
/// `ETHTOOL_MSG_RSS_SET` (Linux 6.17).
pub(super) const RSS_SET: u8 = 48;
/// `ETHTOOL_A_RSS_INDIR`: a queue of 32 bits for each slot.
pub(super) const RSS_TABLE: u16 = 4;
/// `ETHTOOL_A_RSS_FLOW_HASH` (Linux 6.17).
pub(super) const RSS_FLOW_HASH: u16 = 8;
/// `ETHTOOL_A_FLOW_UDP4`: a mask of [`HASH_FIELDS`].
pub(super) const FLOW_UDP4: u16 = 6;

/// `RXH_*`: what of a packet is hashed, with the letter that ethtool(8) gives it.
pub(super) const HASH_FIELDS: [(char, u32); 8] = [
    ('m', 1 << 1),
    ('v', 1 << 2),
    ('t', 1 << 3),
    ('s', 1 << 4),
    ('d', 1 << 5),
    ('f', 1 << 6),
    ('n', 1 << 7),
    ('r', 1 << 31),
];
