// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ITransactVerifier, IWindowVerifier} from "../interfaces/IVerifier.sol";

/// @title A verifier for tests that accepts a proof iff it repeats the signals that the settlement derives,
/// so that a test states which signals it expects.
/// @notice accepted iff b = [[digest, z], [y, mode]] and mode = 1; mode 2 reverts, anything else is refused.
contract StubVerifier is ITransactVerifier, IWindowVerifier {
    error Refused();

    uint256 public immutable steps;
    uint256 public immutable window;
    uint256 public immutable depth;

    constructor(uint256 steps_, uint256 window_, uint256 depth_) {
        steps = steps_;
        window = window_;
        depth = depth_;
    }

    function emptyRoot() external pure returns (uint256) {
        return 1000;
    }

    function keyHash() external pure returns (bytes32) {
        return bytes32(uint256(1));
    }

    /// @dev Its alpha is no point, so that proofs are looked at one by one.
    function verificationKey() external pure returns (uint256[22] memory key) {
        (key[0], key[1]) = (1, 1);
    }

    function verifyProof(
        uint256[2] calldata,
        uint256[2][2] calldata b,
        uint256[2] calldata,
        uint256[3] calldata signals
    ) external pure returns (bool) {
        if (b[1][1] == 2) revert Refused();
        return b[1][1] == 1 && b[0][0] == signals[0] && b[0][1] == signals[1] && b[1][0] == signals[2];
    }
}
