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
    uint256 private constant A = 4;
    uint256 private constant C = 10;
    /// @dev Words of a circuit's sums: verifier, then over its claims s, s digest, s z, s y, and s C.
    uint256 private constant SUMS = 7;
    uint256 private constant SUM_C = 5;
    /// @dev Words of a pair of points.
    uint256 private constant PAIR = 6;
    /// @dev Pairs that a circuit has of its own at the most.
    uint256 private constant FIXED = 3;

    // Words of a verification key, and where it has what.
    uint256 private constant KEY = 22;
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
            calldatacopy(add(add(claims, 32), mul(add(mul(CLAIM, i), A), 32)), p, 256)
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
        uint256 r = PublicVector.R;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(0, keccak256(add(claims, 32), mul(mload(claims), 32)))
            let count := mload(s)
            if count { mstore(add(s, 32), 1) }
            for { let i := 1 } lt(i, count) { i := add(i, 1) } {
                mstore(32, i)
                mstore(add(s, mul(add(i, 1), 32)), mod(keccak256(0, 64), r))
            }
        }
    }

    /// @param s Powers of the claims, reduced: the answer is worth nothing if whoever made the proofs could know them.
    function holdAt(uint256[] memory claims, uint256[] memory s) internal view returns (bool) {
        uint256 n = s.length;
        require(claims.length == CLAIM * n);
        uint256[] memory sums = new uint256[](SUMS * n);
        uint256[] memory pairs = new uint256[](PAIR * (1 + FIXED) * n);
        // Places in memory from here on; all loops are within what was taken of it above.
        unchecked {
            uint256 claim = _first(claims);
            uint256 pair = _first(pairs);
            for (uint256 i = 0; i < n; ++i) {
                uint256 circuit = _sumsOf(_first(sums), _read(claim, 0));
                _addScalars(circuit, claim, s[i]);
                // solhint-disable-next-line no-inline-assembly
                assembly ("memory-safe") {
                    mcopy(add(pair, 64), add(claim, 192), 128)
                }
                if (!_accumulate(pair, claim + 32 * A, s[i])) return false;
                if (!_accumulate(circuit + 32 * SUM_C, claim + 32 * C, s[i])) return false;
                (claim, pair) = (claim + 32 * CLAIM, pair + 32 * PAIR);
            }
            // Now behind the pairs of the proofs; those of circuits follow.
            uint256 own = pair;
            uint256 end = _first(sums) + 32 * sums.length;
            for (uint256 circuit = _first(sums); circuit < end && _read(circuit, 0) != 0; circuit += 32 * SUMS) {
                pair = _addCircuit(own, pair, circuit);
                if (pair == 0) return false;
            }
            return _isOne(pairs, pair);
        }
    }

    /// @return circuit The sums of a verifier's circuit, which are begun where there are none.
    function _sumsOf(uint256 first, uint256 verifier) private pure returns (uint256 circuit) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            circuit := first
            for {} 1 { circuit := add(circuit, mul(SUMS, 32)) } {
                let v := mload(circuit)
                if or(iszero(v), eq(v, verifier)) { break }
            }
            mstore(circuit, verifier)
        }
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
    /// @param own The first of the pairs that circuits have. @param end Behind the last.
    /// @return Behind the last now; 0 where there is no key, or it has no points.
    function _addCircuit(uint256 own, uint256 end, uint256 circuit) private view returns (uint256) {
        unchecked {
            uint256 key = _keyOf(_read(circuit, 0));
            if (key == 0) return 0;
            uint256 pair;
            (pair, end) = _pairWith(own, end, key + 32 * BETA);
            if (!_accumulate(pair, key + 32 * ALPHA, PublicVector.R - _read(circuit, 1))) return 0;

            (pair, end) = _pairWith(own, end, key + 32 * GAMMA);
            for (uint256 k = 0; k < 4; ++k) {
                if (!_accumulate(pair, key + 32 * (IC + 2 * k), PublicVector.R - _read(circuit, 1 + k))) return 0;
            }

            (pair, end) = _pairWith(own, end, key + 32 * DELTA);
            // Reduced, as it comes out of a precompile.
            uint256 y = _read(circuit, SUM_C + 1);
            if (y != 0) y = PublicVector.Q - y;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                mstore(add(circuit, mul(add(SUM_C, 1), 32)), y)
            }
            return _accumulate(pair, circuit + 32 * SUM_C, 1) ? end : 0;
        }
    }

    /// @return key The key that a verifier tells, or 0.
    function _keyOf(uint256 verifier) private view returns (uint256 key) {
        bytes4 selector = IVerifier.verificationKey.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            key := mload(64)
            mstore(64, add(key, mul(KEY, 32)))
            mstore(0, selector)
            let ok := staticcall(gas(), verifier, 0, 4, key, mul(KEY, 32))
            if iszero(and(ok, eq(returndatasize(), mul(KEY, 32)))) { key := 0 }
        }
    }

    /// @return pair The one of the pairs that has this point of G2; a new one with 0 if there is none.
    /// @return Behind the last pair.
    function _pairWith(uint256 own, uint256 end, uint256 g2) private pure returns (uint256 pair, uint256) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            pair := own
            for {} lt(pair, end) { pair := add(pair, mul(PAIR, 32)) } {
                let differs := xor(mload(add(pair, 64)), mload(g2))
                differs := or(differs, xor(mload(add(pair, 96)), mload(add(g2, 32))))
                differs := or(differs, xor(mload(add(pair, 128)), mload(add(g2, 64))))
                differs := or(differs, xor(mload(add(pair, 160)), mload(add(g2, 96))))
                if iszero(differs) { break }
            }
            if eq(pair, end) {
                mcopy(add(pair, 64), g2, 128)
                end := add(end, mul(PAIR, 32))
            }
        }
        return (pair, end);
    }

    /// @dev Adds `scalar` times a point of G1 to the one at `sum`.
    function _accumulate(uint256 sum, uint256 point, uint256 scalar) private view returns (bool ok) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let m := mload(64)
            mcopy(m, point, 64)
            mcopy(add(m, 64), sum, 64)
            let fresh := iszero(or(mload(add(m, 64)), mload(add(m, 96))))
            switch eq(scalar, 1)
            case 1 { ok := staticcall(ADD_GAS, 6, m, 128, sum, 64) }
            default {
                // What is added to nothing needs no adding.
                let to := m
                if fresh { to := sum }
                let after_ := mload(add(m, 64))
                mstore(add(m, 64), scalar)
                ok := staticcall(MULTIPLY_GAS, 7, m, 96, to, 64)
                if and(ok, iszero(fresh)) {
                    mstore(add(m, 64), after_)
                    ok := staticcall(ADD_GAS, 6, m, 128, sum, 64)
                }
            }
        }
    }

    /// @return ok That the product of the pairings up to `end` is one.
    function _isOne(uint256[] memory pairs, uint256 end) private view returns (bool ok) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let first := add(pairs, 32)
            let size := sub(end, first)
            mstore(0, 0)
            ok := staticcall(mul(PAIRING_GAS, div(size, mul(PAIR, 32))), 8, first, size, 0, 32)
            ok := and(ok, eq(mload(0), 1))
        }
    }

    function _first(uint256[] memory words) private pure returns (uint256 place) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            place := add(words, 32)
        }
    }

    function _read(uint256 place, uint256 i) private pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := mload(add(place, mul(i, 32)))
        }
    }
}
