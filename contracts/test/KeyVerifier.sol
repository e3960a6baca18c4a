// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What tells a key, whichever it was made with, as verifiers do.
contract KeyVerifier {
    uint256[22] private _key;

    constructor(uint256[22] memory key) {
        _key = key;
    }

    function verificationKey() external view returns (uint256[22] memory) {
        return _key;
    }
}
