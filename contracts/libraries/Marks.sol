// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Layout} from "./Layout.sol";
import {Parameters, RiskParameters} from "./RiskParameters.sol";

/// @title From a feed's answer to the marks of a round.
/// @notice Assets round down, liabilities up. A price is in cash base units per base unit of the asset, scaled by 2^32.
library Marks {
    /// @dev Prices live in [PRICE_MIN, PRICE_END).
    uint256 internal constant PRICE_MIN = 1 << 16;
    uint256 internal constant PRICE_END = 1 << 60;
    /// @dev With feeds of at most 18 decimals and assets of at most 8, an answer this large is far above PRICE_END.
    uint256 internal constant ANSWER_END = 1 << 128;

    /// @notice floor(answer / 10^feedDecimals * 10^cashDecimals * 2^32 / 10^assetDecimals), rounded once; PRICE_END
    /// when the price is PRICE_END or more.
    /// @dev Needs cashDecimals <= 8, assetDecimals + feedDecimals <= 26: neither side overflows.
    function priceDown(uint256 answer, uint256 feedDecimals, uint256 assetDecimals, uint256 cashDecimals)
        internal
        pure
        returns (uint256 price)
    {
        if (answer >= ANSWER_END) return PRICE_END;
        price = (answer * 10 ** cashDecimals << 32) / 10 ** (feedDecimals + assetDecimals);
        if (price > PRICE_END) price = PRICE_END;
    }

    /// @notice The marks of an asset: price, u, v, ut, vt, sell, buy, kSell, kBuy, ui, vi; kappa is 0, see
    /// `Concentration`.
    /// @param price As `priceDown` gives it, below PRICE_END. Below PRICE_MIN, collateral is worth 0 and liabilities
    /// are valued at PRICE_MIN.
    /// @param low, high Prices that value new risk, below PRICE_END: collateral at `low`, liabilities at `high`.
    /// @param p Ordered parameters: then no mark reaches 2^64.
    function all(uint256 price, uint256 low, uint256 high, Parameters memory p)
        internal
        pure
        returns (uint64[12] memory m)
    {
        (uint256 asset, uint256 liability) = sides(price);
        m[Layout.MARK_PRICE] = uint64(liability);
        m[Layout.MARK_COLLATERAL_VALUE] = timesDown(asset, p.collateralFactor);
        m[Layout.MARK_LIABILITY_VALUE] = timesUp(liability, p.liabilityFactor);
        m[Layout.MARK_TARGET_COLLATERAL_VALUE] = timesDown(asset, p.targetCollateralFactor);
        m[Layout.MARK_TARGET_LIABILITY_VALUE] = timesUp(liability, p.targetLiabilityFactor);
        m[Layout.MARK_SELL] = timesDown(asset, RiskParameters.ONE - p.penalty);
        m[Layout.MARK_BUY] = timesUp(liability, RiskParameters.ONE + p.penalty);
        m[Layout.MARK_K_SELL] = timesDown(p.depth, RiskParameters.ONE - p.penalty - p.targetCollateralFactor);
        m[Layout.MARK_K_BUY] = timesDown(p.depth, p.targetLiabilityFactor - RiskParameters.ONE - p.penalty);
        (asset,) = sides(low);
        (, liability) = sides(high);
        m[Layout.MARK_INITIAL_COLLATERAL_VALUE] = timesDown(asset, p.initialCollateralFactor);
        m[Layout.MARK_INITIAL_LIABILITY_VALUE] = timesUp(liability, p.initialLiabilityFactor);
    }

    /// @notice The marks that the market sells by alone: price, sell, buy; as in `all`, and widened as in `hold`.
    /// @param points 0: not.
    function sale(uint256 price, uint256 penalty, uint256 points)
        internal
        pure
        returns (uint64 mark, uint64 sell, uint64 buy)
    {
        (uint256 asset, uint256 liability) = sides(price);
        mark = uint64(liability);
        sell = timesDown(asset, RiskParameters.ONE - penalty);
        buy = timesUp(liability, RiskParameters.ONE + penalty);
        if (points != 0) (sell, buy) = (lessDown(sell, points), moreUp(buy, points));
    }

    /// @notice The maintenance marks u and v alone; as in `all`.
    function maintenance(uint256 price, Parameters memory p) internal pure returns (uint64 u, uint64 v) {
        (uint256 asset, uint256 liability) = sides(price);
        u = timesDown(asset, p.collateralFactor);
        v = timesUp(liability, p.liabilityFactor);
    }

    /// @notice The marks of a held asset: no new risk, last in line when a position is sold, and worth less, or owed
    /// for more, by so many points; never less than 1 where a coefficient was not 0, or a partial became a close.
    function hold(uint64[12] memory m, uint256 points) internal pure {
        m[Layout.MARK_INITIAL_COLLATERAL_VALUE] = 0;
        m[Layout.MARK_INITIAL_LIABILITY_VALUE] = type(uint64).max;
        m[Layout.MARK_K_SELL] = last(m[Layout.MARK_K_SELL]);
        m[Layout.MARK_K_BUY] = last(m[Layout.MARK_K_BUY]);
        if (points == 0) return;
        m[Layout.MARK_COLLATERAL_VALUE] = lessDown(m[Layout.MARK_COLLATERAL_VALUE], points);
        m[Layout.MARK_TARGET_COLLATERAL_VALUE] = lessDown(m[Layout.MARK_TARGET_COLLATERAL_VALUE], points);
        m[Layout.MARK_SELL] = lessDown(m[Layout.MARK_SELL], points);
        m[Layout.MARK_LIABILITY_VALUE] = moreUp(m[Layout.MARK_LIABILITY_VALUE], points);
        m[Layout.MARK_TARGET_LIABILITY_VALUE] = moreUp(m[Layout.MARK_TARGET_LIABILITY_VALUE], points);
        m[Layout.MARK_BUY] = moreUp(m[Layout.MARK_BUY], points);
    }

    /// @notice x less so many points of a hundred.
    function lessDown(uint256 x, uint256 points) internal pure returns (uint64) {
        return uint64(x * (100 - points) / 100);
    }

    /// @notice x over what `lessDown` leaves of one; at most 2^64 - 1.
    function moreUp(uint256 x, uint256 points) internal pure returns (uint64) {
        uint256 more = (x * 100 + 99 - points) / (100 - points);
        return more > type(uint64).max ? type(uint64).max : uint64(more);
    }

    /// @dev A 256th, at least 1 where it is not 0.
    function last(uint256 k) private pure returns (uint64) {
        return uint64(k == 0 || k >= 256 ? k / 256 : 1);
    }

    /// @dev The price that values collateral, and the price that values liabilities.
    function sides(uint256 price) private pure returns (uint256 asset, uint256 liability) {
        return price < PRICE_MIN ? (0, PRICE_MIN) : (price, price);
    }

    /// @dev floor(x * factor / 10^4)
    function timesDown(uint256 x, uint256 factor) private pure returns (uint64) {
        return uint64(x * factor / RiskParameters.ONE);
    }

    /// @dev ceil(x * factor / 10^4)
    function timesUp(uint256 x, uint256 factor) private pure returns (uint64) {
        return uint64((x * factor + RiskParameters.ONE - 1) / RiskParameters.ONE);
    }
}
