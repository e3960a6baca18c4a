// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Seven 64-bit values in two words, asset 1 in the lowest lane.
library Lanes {
    /// @dev Lanes 0 and 2 of a word, and the bit above each.
    uint256 private constant EVEN = type(uint64).max | uint256(type(uint64).max) << 128;
    uint256 private constant ABOVE = 1 << 64 | 1 << 192;

    function pack(uint64[7] memory values) internal pure returns (uint256[2] memory words) {
        for (uint256 i = 0; i < 7; ++i) {
            words[i / 4] |= uint256(values[i]) << (64 * (i % 4));
        }
    }

    function unpack(uint256[2] memory words) internal pure returns (uint64[7] memory values) {
        for (uint256 i = 0; i < 7; ++i) {
            values[i] = uint64(words[i / 4] >> (64 * (i % 4)));
        }
    }

    /// @notice Writes the seven values into `d[offset]` to `d[offset + 6]`.
    function spread(uint256[2] memory words, uint256[] memory d, uint256 offset) internal pure {
        require(offset + 7 <= d.length);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let to := add(add(d, 32), mul(offset, 32))
            let low := mload(words)
            let high := mload(add(words, 32))
            let mask := 0xffffffffffffffff
            mstore(to, and(low, mask))
            mstore(add(to, 32), and(shr(64, low), mask))
            mstore(add(to, 64), and(shr(128, low), mask))
            mstore(add(to, 96), shr(192, low))
            mstore(add(to, 128), and(high, mask))
            mstore(add(to, 160), and(shr(64, high), mask))
            mstore(add(to, 192), and(shr(128, high), mask))
        }
    }

    /// @notice Whether a >= b in every lane.
    function allAtLeast(uint256[2] memory a, uint256[2] memory b) internal pure returns (bool) {
        return atLeast(a[0], b[0]) && atLeast(a[1], b[1]);
    }

    /// @dev Every second lane at a time, so that each has room for a bit above it: 2^64 + a - b keeps that bit iff a >=
    /// b, and never borrows from the next lane.
    function atLeast(uint256 a, uint256 b) private pure returns (bool) {
        unchecked {
            uint256 even = (a & EVEN | ABOVE) - (b & EVEN);
            uint256 odd = (a >> 64 & EVEN | ABOVE) - (b >> 64 & EVEN);
            return even & odd & ABOVE == ABOVE;
        }
    }
}
