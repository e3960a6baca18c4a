// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVerifier, Proof} from "../interfaces/IVerifier.sol";
import {PublicVector} from "./PublicVector.sol";

/// @title Proofs about a public vector.
library Proofs {
    /// @param d The public vector, of reduced elements, with room for the digest at its end.
    /// @param digest Reduced.
    function verify(IVerifier verifier, uint256[] memory d, uint256 digest, Proof calldata p)
        internal
        view
        returns (bool)
    {
        // The generated verifier negates a's y without this check; the precompile makes it for every other word. A
        // proof that only the chain takes would be one that no auditor can check.
        if (p.a[1] >= PublicVector.Q) return false;
        d[d.length - 1] = digest;
        (uint256 z, uint256 y) = PublicVector.evaluate(d);
        try verifier.verifyProof(p.a, p.b, p.c, [digest, z, y]) returns (bool valid) {
            return valid;
        } catch {
            return false;
        }
    }
}
