// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Risk parameters of one asset. Factors and penalty in 1/10^4, depth in the asset's base units.
struct Parameters {
    uint16 collateralFactor;
    uint16 liabilityFactor;
    uint16 targetCollateralFactor;
    uint16 targetLiabilityFactor;
    uint16 initialCollateralFactor;
    uint16 initialLiabilityFactor;
    uint16 penalty;
    uint64 depth;
}

/// @title What risk parameters may be, and how far one change may move them.
library RiskParameters {
    uint256 internal constant ONE = 10_000;
    /// @dev 4.0, of target and maintenance. With a price below 2^60 a factor of 16 bits keeps every mark below 2^64.
    uint256 internal constant FACTOR_MAX = 4 * ONE;
    /// @dev 5 points.
    uint256 internal constant FACTOR_STEP = 500;
    /// @dev 5 points: the least margin with which a position may be taken on.
    uint256 internal constant TARGET_GAP = 500;
    /// @dev 10 points.
    uint256 internal constant PENALTY_MAX = 1_000;
    /// @dev With a target of at most 4.0 it keeps kSell and kBuy below 2^64.
    uint256 internal constant DEPTH_MAX = 1 << 62;

    /// @notice Whether the orderings hold that keep a liquidation of a solvent account from making bad debt and new
    /// risk away from one, targets are apart, penalty and depth are bounded, and every mark computed from them fits 64
    /// bits.
    function ordered(Parameters memory p) internal pure returns (bool) {
        if (p.targetLiabilityFactor > FACTOR_MAX) return false;
        if (p.penalty > PENALTY_MAX || p.depth > DEPTH_MAX) return false;
        if (uint256(p.targetCollateralFactor) + TARGET_GAP > p.targetLiabilityFactor) return false;
        if (p.initialCollateralFactor > p.targetCollateralFactor) return false;
        if (p.targetCollateralFactor > p.collateralFactor) return false;
        if (uint256(p.collateralFactor) + p.penalty > ONE) return false;
        if (p.initialLiabilityFactor < p.targetLiabilityFactor) return false;
        if (p.targetLiabilityFactor < p.liabilityFactor) return false;
        return p.liabilityFactor >= ONE + p.penalty;
    }

    /// @notice Whether one change may lead from `from` to `to`: each factor by 5 points at most, depth to no less than
    /// half (rounded down) and no more than twice (at least 1, so that a depth of 0 is not for ever).
    function withinStep(Parameters memory from, Parameters memory to) internal pure returns (bool) {
        uint256 depthMax = from.depth == 0 ? 1 : 2 * uint256(from.depth);
        return near(from.collateralFactor, to.collateralFactor) && near(from.liabilityFactor, to.liabilityFactor)
            && near(from.targetCollateralFactor, to.targetCollateralFactor)
            && near(from.targetLiabilityFactor, to.targetLiabilityFactor)
            && near(from.initialCollateralFactor, to.initialCollateralFactor)
            && near(from.initialLiabilityFactor, to.initialLiabilityFactor) && near(from.penalty, to.penalty)
            && to.depth >= from.depth / 2 && to.depth <= depthMax;
    }

    function near(uint256 from, uint256 to) private pure returns (bool) {
        return from > to ? from - to <= FACTOR_STEP : to - from <= FACTOR_STEP;
    }
}
