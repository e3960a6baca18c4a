// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVerifier, Proof} from "../interfaces/IVerifier.sol";
import {CombinedProofs} from "../libraries/CombinedProofs.sol";
import {Proofs} from "../libraries/Proofs.sol";

/// @title Proofs of any number and origin, combined, for tests.
contract CombinedHarness {
    using CombinedProofs for uint256[];

    struct Claim {
        IVerifier verifier;
        /// Reduced.
        uint256[3] signals;
        Proof proof;
    }

    function hold(Claim[] calldata claims) external view returns (bool) {
        return _words(claims).hold();
    }

    function powers(Claim[] calldata claims) external pure returns (uint256[] memory) {
        return _words(claims).powers();
    }

    function holdAt(Claim[] calldata claims, uint256[] calldata s) external view returns (bool) {
        return _words(claims).holdAt(s);
    }

    /// @return Which of the proofs their own verifiers take.
    function each(Claim[] calldata claims) external view returns (bool[] memory) {
        bool[] memory held = new bool[](claims.length);
        for (uint256 i = 0; i < claims.length; ++i) {
            // A precompile that refuses uses up what it gets.
            held[i] = this.one{gas: 400_000}(claims[i]);
        }
        return held;
    }

    function one(Claim calldata claim) external view returns (bool) {
        return Proofs.verify(claim.verifier, claim.signals, claim.proof);
    }

    /// @return together Gas of checking them as one. @return apart Gas of checking them one by one.
    function gasOf(Claim[] calldata claims) external view returns (uint256 together, uint256 apart) {
        uint256[] memory words = _words(claims);
        uint256 before = gasleft();
        require(words.hold());
        together = before - gasleft();
        for (uint256 i = 0; i < claims.length; ++i) {
            (IVerifier verifier, uint256[3] memory signals) = words.claimAt(i);
            before = gasleft();
            require(Proofs.verify(verifier, signals, claims[i].proof));
            apart += before - gasleft();
        }
    }

    function _words(Claim[] calldata claims) private pure returns (uint256[] memory words) {
        words = CombinedProofs.room(claims.length);
        for (uint256 i = 0; i < claims.length; ++i) {
            words.put(i, claims[i].verifier, claims[i].signals, claims[i].proof);
        }
    }
}
