// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

struct Proof {
    uint256[2] a;
    uint256[2][2] b;
    uint256[2] c;
}

/// @title A Groth16 verifier of one circuit, generated from its key.
interface IVerifier {
    /// @param signals digest, z, y of the public vector.
    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[3] calldata signals
    ) external view returns (bool);

    /// @return The verification key: alpha, beta, gamma, delta, then the points for 1, digest, z and y. Of a point of
    /// G2 the imaginary parts come first.
    function verificationKey() external view returns (uint256[22] memory);

    /// @return keccak256 of the verification key's words.
    function keyHash() external view returns (bytes32);

    /// @return Steps of one batch.
    function steps() external view returns (uint256);
}

/// @title The verifier of `sweep` or `resolve`.
interface IWindowVerifier is IVerifier {
    /// @return Slots of a sweep's window; 0 for `resolve`.
    function window() external view returns (uint256);
}

/// @title The verifier of `transact` or `exit`.
interface ITreeVerifier is IVerifier {
    /// @return Levels of the 4-ary tree of accounts.
    function depth() external view returns (uint256);
}

/// @title The verifier of `transact`.
interface ITransactVerifier is ITreeVerifier {
    /// @return The root of a tree without accounts.
    function emptyRoot() external view returns (uint256);
}
