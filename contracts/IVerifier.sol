// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A Groth16 verifier of one circuit, generated from its key.
interface IVerifier {
    /// @param signals digest, z, y of the public vector.
    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[3] calldata signals
    ) external view returns (bool);

    /// @return Hash of the verification key.
    function keyHash() external view returns (bytes32);

    /// @return Steps of one batch.
    function steps() external view returns (uint256);

    /// @return Slots of a sweep's window; 0 for `resolve`.
    function window() external view returns (uint256);
}
