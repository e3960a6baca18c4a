// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVerifier, Proof} from "../interfaces/IVerifier.sol";
import {PublicVector} from "./PublicVector.sol";

/// @title Proofs, each by its own verifier.
library Proofs {
    /// @param signals digest, z, y of the public vector.
    function verify(IVerifier verifier, uint256[3] memory signals, Proof calldata p) internal view returns (bool) {
        // The generated verifier negates a's y without this check; the precompile makes it for every other word. A
        // proof that only the chain takes would be one that no auditor can check.
        if (p.a[1] >= PublicVector.Q) return false;
        try verifier.verifyProof(p.a, p.b, p.c, signals) returns (bool valid) {
            return valid;
        } catch {
            return false;
        }
    }
}
