// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVerifier, Proof} from "../interfaces/IVerifier.sol";
import {PublicVector} from "./PublicVector.sol";

/// @title Groth16 proofs of one transaction, checked as one.
/// @notice Proof i holds iff e(A_i, B_i) = e(alpha, beta) e(X_i, gamma) e(C_i, delta), where alpha, beta, gamma, delta
/// and the points that make X_i of the signals are its circuit's. All are raised to random powers s_i and multiplied:
/// a pairing for each proof, and one for each beta, gamma and delta, whose other points add up. The argument is in
/// docs/protocol.md.
/// @dev The precompiles refuse coordinates that are not reduced, points off the curve and, in G2, outside the subgroup;
/// every point of a proof goes into one as it is. Where one refuses there is nothing to say which proof it was.
library CombinedProofs {
    /// @dev Words of a claim: verifier, digest, z, y, then the proof's a, b, c.
    uint256 private constant CLAIM = 12;
    uint256 private constant PROOF = 4;
    /// @dev Words of a circuit's sums: verifier, then over its claims s, s digest, s z, s y, and s C.
    uint256 private constant SUMS = 7;
    /// @dev Words of a pair of points.
    uint256 private constant PAIR = 6;
    /// @dev Pairs that a circuit has of its own at the most.
    uint256 private constant FIXED = 3;

    // Where a verification key has what.
    uint256 private constant ALPHA = 0;
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;
    uint256 private constant IC = 14;

    /// @dev What precompiles get, some times their prices: one that refuses uses up all it gets. Where prices are
    /// higher than that nothing is combined.
    uint256 private constant ADD_GAS = 1_000;
    uint256 private constant MULTIPLY_GAS = 20_000;
    uint256 private constant PAIRING_GAS = 100_000;

    /// @return Room for claims.
    function room(uint256 count) internal pure returns (uint256[] memory) {
        return new uint256[](CLAIM * count);
    }

    /// @notice Writes down that a proof is to be checked.
    /// @param signals Reduced.
    function put(uint256[] memory claims, uint256 i, IVerifier verifier, uint256[3] memory signals, Proof calldata p)
        internal
        pure
    {
        claims[CLAIM * i] = uint160(address(verifier));
        for (uint256 k = 0; k < 3; ++k) {
            claims[CLAIM * i + 1 + k] = signals[k];
        }
        require(CLAIM * (i + 1) <= claims.length);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            calldatacopy(add(add(claims, 32), mul(add(mul(CLAIM, i), PROOF), 32)), p, 256)
        }
    }

    /// @notice Reads what `put` wrote down.
    function claimAt(uint256[] memory claims, uint256 i)
        internal
        pure
        returns (IVerifier verifier, uint256[3] memory signals)
    {
        verifier = IVerifier(address(uint160(claims[CLAIM * i])));
        for (uint256 k = 0; k < 3; ++k) {
            signals[k] = claims[CLAIM * i + 1 + k];
        }
    }

    /// @return That every proof holds. False where one does not, or where it cannot be said of all at once.
    function hold(uint256[] memory claims) internal view returns (bool) {
        return holdAt(claims, powers(claims));
    }

    /// @return s The powers that claims are raised to: the first to 1, as none can hide it if it alone is false; each
    /// other to keccak256(keccak256(claims), its place) mod r, which nobody knows before all verifiers, signals and
    /// points are fixed.
    function powers(uint256[] memory claims) internal pure returns (uint256[] memory s) {
        s = new uint256[](claims.length / CLAIM);
        bytes32 seed;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            seed := keccak256(add(claims, 32), mul(mload(claims), 32))
        }
        if (s.length != 0) s[0] = 1;
        for (uint256 i = 1; i < s.length; ++i) {
            s[i] = uint256(keccak256(abi.encode(seed, i))) % PublicVector.R;
        }
    }

    /// @param s Powers, reduced: the answer is worth nothing if whoever made the proofs could know them.
    function holdAt(uint256[] memory claims, uint256[] memory s) internal view returns (bool) {
        uint256 n = s.length;
        uint256[] memory sums = new uint256[](SUMS * n);
        uint256[] memory pairs = new uint256[](PAIR * (1 + FIXED) * n);
        bool ok = true;
        for (uint256 i = 0; ok && i < n; ++i) {
            uint256 claim = _at(claims, CLAIM * i);
            uint256 circuit = _sumsOf(sums, _read(claim, 0));
            uint256 pair = _at(pairs, PAIR * i);
            _addScalars(circuit, claim, s[i]);
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                mcopy(add(pair, 64), add(claim, mul(add(PROOF, 2), 32)), 128)
            }
            ok = _accumulate(pair, claim + 32 * PROOF, s[i])
                && _accumulate(circuit + 32 * 5, claim + 32 * (PROOF + 6), s[i]);
        }
        uint256 count = n;
        for (uint256 g = 0; ok && g < sums.length && sums[g] != 0; g += SUMS) {
            (ok, count) = _addCircuit(pairs, n, count, _at(sums, g));
        }
        return ok && _isOne(pairs, count);
    }

    /// @return Place in memory of the sums of a verifier's circuit.
    function _sumsOf(uint256[] memory sums, uint256 verifier) private pure returns (uint256) {
        uint256 g = 0;
        while (sums[g] != 0 && sums[g] != verifier) {
            g += SUMS;
        }
        sums[g] = verifier;
        return _at(sums, g);
    }

    /// @dev Adds s times (1, digest, z, y).
    function _addScalars(uint256 circuit, uint256 claim, uint256 s) private pure {
        uint256 r = PublicVector.R;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let sum := add(circuit, 32)
            mstore(sum, addmod(mload(sum), s, r))
            for { let k := 32 } lt(k, 128) { k := add(k, 32) } {
                mstore(add(sum, k), addmod(mload(add(sum, k)), mulmod(s, mload(add(claim, k)), r), r))
            }
        }
    }

    /// @dev Adds what a circuit's proofs have in common, on the other side of the equation: so all of it is negated.
    function _addCircuit(uint256[] memory pairs, uint256 first, uint256 count, uint256 circuit)
        private
        view
        returns (bool ok, uint256)
    {
        uint256 key = _at(IVerifier(address(uint160(_read(circuit, 0)))).verificationKey());
        uint256 pair;
        (pair, count) = _pairWith(pairs, first, count, key + 32 * BETA);
        ok = _accumulate(pair, key + 32 * ALPHA, PublicVector.R - _read(circuit, 1));

        (pair, count) = _pairWith(pairs, first, count, key + 32 * GAMMA);
        for (uint256 k = 0; k < 4; ++k) {
            ok = ok && _accumulate(pair, key + 32 * (IC + 2 * k), PublicVector.R - _read(circuit, 1 + k));
        }

        (pair, count) = _pairWith(pairs, first, count, key + 32 * DELTA);
        // Reduced, as it comes out of a precompile.
        uint256 y = _read(circuit, 6);
        if (y != 0) _write(circuit, 6, PublicVector.Q - y);
        ok = ok && _accumulate(pair, circuit + 32 * 5, 1);
        return (ok, count);
    }

    /// @return pair Place in memory of the pair, of those from `first` on, that has this point of G2; a new one with 0
    /// if there is none. @return Number of pairs.
    function _pairWith(uint256[] memory pairs, uint256 first, uint256 count, uint256 g2)
        private
        pure
        returns (uint256 pair, uint256)
    {
        for (uint256 i = first; i < count; ++i) {
            pair = _at(pairs, PAIR * i);
            bool same;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                same := eq(keccak256(add(pair, 64), 128), keccak256(g2, 128))
            }
            if (same) return (pair, count);
        }
        pair = _at(pairs, PAIR * count);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mcopy(add(pair, 64), g2, 128)
        }
        return (pair, count + 1);
    }

    /// @dev Adds `scalar` times a point of G1 to the one at `sum`.
    function _accumulate(uint256 sum, uint256 point, uint256 scalar) private view returns (bool ok) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let m := mload(64)
            ok := 1
            mcopy(m, point, 64)
            if iszero(eq(scalar, 1)) {
                mstore(add(m, 64), scalar)
                ok := staticcall(MULTIPLY_GAS, 7, m, 96, m, 64)
            }
            mcopy(add(m, 64), sum, 64)
            if ok { ok := staticcall(ADD_GAS, 6, m, 128, sum, 64) }
        }
    }

    /// @return ok That the product of the first pairings is one.
    function _isOne(uint256[] memory pairs, uint256 count) private view returns (bool ok) {
        uint256 size = 32 * PAIR * count;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let m := mload(64)
            mstore(m, 0)
            ok := staticcall(mul(PAIRING_GAS, count), 8, add(pairs, 32), size, m, 32)
            ok := and(ok, eq(mload(m), 1))
        }
    }

    function _at(uint256[] memory words, uint256 i) private pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := add(add(words, 32), mul(i, 32))
        }
    }

    function _at(uint256[22] memory words) private pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := words
        }
    }

    function _read(uint256 place, uint256 i) private pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := mload(add(place, mul(i, 32)))
        }
    }

    function _write(uint256 place, uint256 i, uint256 word) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(add(place, mul(i, 32)), word)
        }
    }
}
