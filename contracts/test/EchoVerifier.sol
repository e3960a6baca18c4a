// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ITransactVerifier, IWindowVerifier} from "../interfaces/IVerifier.sol";

/// @title A verifier for tests of the node: it accepts a proof iff it repeats the signals that the contract derives, so
/// that all but the proving itself is as it is in earnest.
contract EchoVerifier is ITransactVerifier, IWindowVerifier {
    uint256 public immutable steps;
    uint256 public immutable window;
    uint256 public immutable depth;
    uint256 public immutable emptyRoot;

    constructor(uint256 steps_, uint256 window_, uint256 depth_, uint256 emptyRoot_) {
        steps = steps_;
        window = window_;
        depth = depth_;
        emptyRoot = emptyRoot_;
    }

    function keyHash() external pure returns (bytes32) {
        return bytes32(uint256(1));
    }

    /// @dev Its alpha is no point, so that proofs are looked at one by one.
    function verificationKey() external pure returns (uint256[22] memory key) {
        (key[0], key[1]) = (1, 1);
    }

    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata,
        uint256[2] calldata c,
        uint256[3] calldata signals
    ) external pure returns (bool) {
        return a[0] == signals[0] && a[1] == signals[1] && c[0] == signals[2];
    }
}
