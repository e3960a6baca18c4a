// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracles} from "../interfaces/IOracles.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Layout} from "./Layout.sol";
import {RiskParameters} from "./RiskParameters.sol";

/// @title What initial margins charge for a position that is large for its market.
library Concentration {
    /// @dev Bounds of a factor that is not 0, in 1/10^4.
    uint256 private constant LEAST = 10_000;
    uint256 private constant MOST = 80_000;
    /// @dev Bound on kappa at deployment: room for a rising price, or a falling depth, by a factor of 256.
    uint256 private constant DEPLOYED_END = 1 << 56;

    /// @notice Whether a deployment may have the factor at what its oracles read: an asset without a price or a depth
    /// says nothing.
    function deployable(uint256 factor, IOracles oracles, IRounds.AssetConfig[] memory assets)
        internal
        view
        returns (bool)
    {
        if (factor == 0) return true;
        if (factor < LEAST || factor > MOST) return false;
        IOracles.Reading[7] memory readings = oracles.peek();
        for (uint256 i = 0; i < assets.length; ++i) {
            uint256 depth = assets[i].parameters.depth;
            if (depth != 0 && kappaUp(readings[i].price, factor, depth) >= DEPLOYED_END) return false;
        }
        return true;
    }

    /// @notice Adds kappa to the marks of an asset. Where it is no word, and where there is no depth: no new risk on
    /// the asset, and no charge.
    /// @param factor 0: off.
    function charge(uint64[12] memory m, uint256 factor, uint256 depth) internal pure {
        if (factor == 0) return;
        uint256 kappa = depth == 0 ? type(uint256).max : kappaUp(m[Layout.MARK_PRICE], factor, depth);
        if (kappa <= type(uint64).max) {
            m[Layout.MARK_CONCENTRATION] = uint64(kappa);
        } else {
            m[Layout.MARK_INITIAL_COLLATERAL_VALUE] = 0;
            m[Layout.MARK_INITIAL_LIABILITY_VALUE] = type(uint64).max;
        }
    }

    /// @notice ceil(price * factor * 2^47 / (10^4 * depth))
    /// @dev A price of at most 2^60 and a factor below 2^17 keep it from overflowing.
    /// @param depth Not 0.
    function kappaUp(uint256 price, uint256 factor, uint256 depth) private pure returns (uint256) {
        unchecked {
            depth *= RiskParameters.ONE;
            return ((price * factor << 47) + depth - 1) / depth;
        }
    }
}
