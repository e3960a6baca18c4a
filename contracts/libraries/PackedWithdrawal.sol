// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A withdrawal in one word: recipient (160 bits), in full (1), claimed (1), asset (3), amount (64), epoch (27).
/// @dev An epoch of `EPOCH_END` or more does not fit and is kept beside it.
library PackedWithdrawal {
    uint256 internal constant IN_FULL = 1 << 160;
    uint256 internal constant CLAIMED = 1 << 161;
    uint256 internal constant EPOCH_END = (1 << 27) - 1;

    /// @param extra Recipient, and `IN_FULL` or not.
    function pack(uint256 extra, uint256 asset_, uint256 amount_, uint256 epoch_) internal pure returns (uint256) {
        return extra | asset_ << 162 | amount_ << 165 | (epoch_ < EPOCH_END ? epoch_ : EPOCH_END) << 229;
    }

    function recipient(uint256 word) internal pure returns (address) {
        return address(uint160(word));
    }

    function inFull(uint256 word) internal pure returns (bool) {
        return word & IN_FULL != 0;
    }

    function claimed(uint256 word) internal pure returns (bool) {
        return word & CLAIMED != 0;
    }

    function asset(uint256 word) internal pure returns (uint8) {
        return uint8(word >> 162 & 7);
    }

    function amount(uint256 word) internal pure returns (uint64) {
        return uint64(word >> 165);
    }

    /// @return `EPOCH_END`: see beside it.
    function epoch(uint256 word) internal pure returns (uint256) {
        return word >> 229;
    }
}
