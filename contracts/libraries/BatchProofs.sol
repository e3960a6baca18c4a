// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVerifier} from "../interfaces/IVerifier.sol";
import {CombinedProofs} from "./CombinedProofs.sol";
import {Proofs} from "./Proofs.sol";
import {PublicVector} from "./PublicVector.sol";

/// @title The proofs of a settlement's batches: checked at once where there is one, else in the end, as one.
library BatchProofs {
    using CombinedProofs for uint256[];
    using PublicVector for uint256[];

    /// @dev Words that a public vector is hashed with: the digest and the era.
    uint256 internal constant BOUND = 2;

    /// @return Room for the claims of several batches; none for one.
    function room(uint256 batches) internal pure returns (uint256[] memory) {
        return CombinedProofs.room(batches > 1 ? batches : 0);
    }

    /// @notice Checks the proof of a settlement's only batch, or takes down what it has to show. It is bound to the
    /// era, so that a handover voids all that was proven before it.
    /// @param d The public vector, with room for what it is hashed with.
    function prove(
        uint256[] memory claims,
        uint256 number,
        IVerifier verifier,
        uint256[] memory d,
        ISettlement.Batch calldata batch,
        uint256 era
    ) internal view {
        (d[d.length - 2], d[d.length - 1]) = (batch.digest, era);
        (uint256 z, uint256 y) = d.evaluate(BOUND);
        if (claims.length != 0) claims.put(number, verifier, [batch.digest, z, y], batch.proof);
        else if (!Proofs.verify(verifier, [batch.digest, z, y], batch.proof)) revert ISettlement.InvalidProof(number);
    }

    /// @notice Checks what was taken down. Where all as one does not hold, each proof is checked by itself, to say
    /// which is false: so whatever combining makes of them, they are taken where every proof's own verifier takes it.
    function settle(uint256[] memory claims, ISettlement.Batch[] calldata batches) internal view {
        if (claims.length == 0 || claims.hold()) return;
        for (uint256 i = 0; i < batches.length; ++i) {
            (IVerifier verifier, uint256[3] memory signals) = claims.claimAt(i);
            if (!Proofs.verify(verifier, signals, batches[i].proof)) revert ISettlement.InvalidProof(i);
        }
    }
}
