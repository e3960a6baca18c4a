// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The public vector D of a batch, bound to its proof by evaluation at a random point.
library PublicVector {
    /// @dev Order of the BN254 scalar field.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @dev Order of the BN254 base field, that of the coordinates of points.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    /// @notice Copies the elements into `d[offset]` and on.
    function put(uint256[] memory d, uint256 offset, uint256[] calldata elements) internal pure {
        require(offset + elements.length <= d.length);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            calldatacopy(add(add(d, 32), mul(offset, 32)), elements.offset, mul(elements.length, 32))
        }
    }

    /// @notice z = keccak256(d) mod r and y = sum D_i z^i mod r.
    /// @param d D followed by what is hashed with it but is no term of y: its digest, and what else the proof is bound
    /// to.
    /// @param extra How many words follow D.
    function evaluate(uint256[] memory d, uint256 extra) internal pure returns (uint256 z, uint256 y) {
        uint256 r = R;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let first := add(d, 32)
            let length := mload(d)
            z := mod(keccak256(first, mul(length, 32)), r)
            // Horner, from the last element of D down to the first.
            for { let p := add(first, mul(sub(length, extra), 32)) } gt(p, first) {} {
                p := sub(p, 32)
                y := addmod(mulmod(y, z, r), mload(p), r)
            }
        }
    }
}
