// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVerifier, Proof} from "../interfaces/IVerifier.sol";
import {PublicVector} from "./PublicVector.sol";

/// @title Groth16 proofs of one transaction, checked as one.
/// @notice Proof i holds iff e(A_i, B_i) = e(alpha, beta) e(X_i, gamma) e(C_i, delta), where alpha, beta, gamma, delta
/// and the points that make X_i of the signals are its circuit's. All are raised to random powers s_i and multiplied:
/// a pairing for each proof, and one for each beta, gamma and circuit, whose other points add up. Circuits of one
/// ceremony share alpha, beta and gamma. The argument is in docs/protocol.md.
/// @dev The precompiles refuse coordinates that are not reduced, points off the curve and, in G2, outside the subgroup;
/// every point of a proof goes into one as it is. Where one refuses there is nothing to say which proof it was.
library CombinedProofs {
    /// @dev Words of a claim: verifier, digest, z, y, then the proof's a, b, c.
    uint256 private constant CLAIM = 12;
    uint256 private constant A = 4;
    uint256 private constant B = 6;
    uint256 private constant C = 10;
    /// @dev Words of a circuit's sums: verifier, then over its claims s, s digest, s z, s y, and s C; the place of its
    /// key; and, of the circuits with its alpha and beta at the first, s over all their claims.
    uint256 private constant SUMS = 9;
    uint256 private constant SUM_C = 5;
    uint256 private constant KEY_AT = 7;
    uint256 private constant SUM_ALPHA = 8;
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
        require(CLAIM * (i + 1) <= claims.length);
        uint256 word = uint160(address(verifier));
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let claim := add(add(claims, 32), mul(mul(CLAIM, i), 32))
            mstore(claim, word)
            mcopy(add(claim, 32), signals, 96)
            calldatacopy(add(claim, mul(A, 32)), p, 256)
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
        // Places in memory from here on; all loops are within what was taken of it.
        unchecked {
            uint256 first = _first(sums);
            uint256 end = _sum(_first(claims), _first(s), n, first);
            if (end == 0 || !_readKeys(first, end)) return false;

            uint256[] memory pairs = new uint256[](PAIR * (n + FIXED * (end - first) / (32 * SUMS)));
            uint256 pair = _putProofs(_first(claims), _first(s), n, _first(pairs));
            if (pair == 0) return false;
            uint256 own = pair;
            for (uint256 circuit = first; circuit < end; circuit += 32 * SUMS) {
                pair = _addCircuit(own, pair, circuit);
                if (pair == 0) return false;
            }
            return _isOne(pairs, pair);
        }
    }

    /// @dev Adds up what each circuit's claims are raised to.
    /// @return end Behind the last circuit's sums; 0 where a proof has no points.
    function _sum(uint256 claim, uint256 s, uint256 n, uint256 first) private view returns (uint256 end) {
        unchecked {
            end = first;
            for (uint256 last = s + 32 * n; s < last; s += 32) {
                uint256 verifier = _read(claim, 0);
                uint256 circuit = first;
                while (circuit < end && _read(circuit, 0) != verifier) circuit += 32 * SUMS;
                if (circuit == end) {
                    _write(circuit, 0, verifier);
                    end += 32 * SUMS;
                }
                _addScalars(circuit, claim, _read(s, 0));
                if (!_accumulate(circuit + 32 * SUM_C, claim + 32 * C, _read(s, 0))) return 0;
                claim += 32 * CLAIM;
            }
        }
    }

    /// @dev Puts down the pairs of the proofs' own: s A, B.
    /// @return Behind the last pair; 0 where a proof has no points.
    function _putProofs(uint256 claim, uint256 s, uint256 n, uint256 pair) private view returns (uint256) {
        unchecked {
            for (uint256 last = s + 32 * n; s < last; s += 32) {
                if (!_accumulate(pair, claim + 32 * A, _read(s, 0))) return 0;
                _copy(pair + 64, claim + 32 * B, 128);
                (claim, pair) = (claim + 32 * CLAIM, pair + 32 * PAIR);
            }
            return pair;
        }
    }

    /// @dev Adds s times (1, digest, z, y).
    function _addScalars(uint256 circuit, uint256 claim, uint256 s) private pure {
        uint256 r = PublicVector.R;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            function addTo(sum, scalar, modulus) {
                mstore(sum, addmod(mload(sum), scalar, modulus))
            }
            addTo(add(circuit, 32), s, r)
            addTo(add(circuit, 64), mulmod(s, mload(add(claim, 32)), r), r)
            addTo(add(circuit, 96), mulmod(s, mload(add(claim, 64)), r), r)
            addTo(add(circuit, 128), mulmod(s, mload(add(claim, 96)), r), r)
        }
    }

    /// @dev Reads the circuits' keys, and adds up s where alpha and beta are the same.
    /// @return Whether all have one.
    function _readKeys(uint256 first, uint256 end) private view returns (bool) {
        unchecked {
            for (uint256 circuit = first; circuit < end; circuit += 32 * SUMS) {
                uint256 key = _keyOf(_read(circuit, 0));
                if (key == 0) return false;
                _write(circuit, KEY_AT, key);
                // At the latest its own.
                uint256 like = first;
                while (!_same(_read(like, KEY_AT), key, 32 * GAMMA)) like += 32 * SUMS;
                _write(like, SUM_ALPHA, addmod(_read(like, SUM_ALPHA), _read(circuit, 1), PublicVector.R));
            }
            return true;
        }
    }

    /// @dev Adds what a circuit's proofs have in common, on the other side of the equation: so all of it is negated.
    /// @param own The first of the pairs that circuits have. @param end Behind the last.
    /// @return Behind the last now; 0 where the key has no points.
    function _addCircuit(uint256 own, uint256 end, uint256 circuit) private view returns (uint256) {
        unchecked {
            uint256 key = _read(circuit, KEY_AT);
            uint256 pair;
            // None where a circuit before it has them.
            uint256 s = _read(circuit, SUM_ALPHA);
            if (s != 0) {
                (pair, end) = _pairWith(own, end, key + 32 * BETA);
                if (!_accumulate(pair, key + 32 * ALPHA, PublicVector.R - s)) return 0;
            }

            (pair, end) = _pairWith(own, end, key + 32 * GAMMA);
            uint256 point = key + 32 * IC;
            for (uint256 sum = circuit + 32; sum < circuit + 32 * SUM_C; sum += 32) {
                if (!_accumulate(pair, point, PublicVector.R - _read(sum, 0))) return 0;
                point += 64;
            }

            // A pair of its own: circuits with one delta would not be sound, so there are none to add to.
            uint256 q = PublicVector.Q;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                let sum := add(circuit, mul(SUM_C, 32))
                // Reduced, as it comes out of a precompile.
                let y := mload(add(sum, 32))
                mstore(end, mload(sum))
                mstore(add(end, 32), mul(sub(q, y), iszero(iszero(y))))
                mcopy(add(end, 64), add(key, mul(DELTA, 32)), 128)
            }
            return end + 32 * PAIR;
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
        unchecked {
            for (pair = own; pair < end; pair += 32 * PAIR) {
                if (_same(pair + 64, g2, 128)) return (pair, end);
            }
            _copy(pair + 64, g2, 128);
            return (pair, end + 32 * PAIR);
        }
    }

    /// @dev Adds `scalar` times a point of G1 to the one at `sum`.
    function _accumulate(uint256 sum, uint256 point, uint256 scalar) private view returns (bool ok) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let m := mload(64)
            mcopy(m, point, 64)
            switch scalar
            case 1 {
                mcopy(add(m, 64), sum, 64)
                ok := staticcall(ADD_GAS, 6, m, 128, sum, 64)
            }
            default {
                mstore(add(m, 64), scalar)
                switch or(mload(sum), mload(add(sum, 32)))
                case 0 {
                    // What is added to nothing needs no adding.
                    ok := staticcall(MULTIPLY_GAS, 7, m, 96, sum, 64)
                }
                default {
                    ok := staticcall(MULTIPLY_GAS, 7, m, 96, m, 64)
                    mcopy(add(m, 64), sum, 64)
                    ok := and(ok, staticcall(ADD_GAS, 6, m, 128, sum, 64))
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

    function _write(uint256 place, uint256 i, uint256 word) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(add(place, mul(i, 32)), word)
        }
    }

    function _copy(uint256 to, uint256 from, uint256 size) private pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mcopy(to, from, size)
        }
    }

    /// @return same Whether so many bytes are the same at both places: by keccak256, as the powers rest on it too.
    function _same(uint256 a, uint256 b, uint256 size) private pure returns (bool same) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            same := eq(keccak256(a, size), keccak256(b, size))
        }
    }
}
