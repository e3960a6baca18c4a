// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {RiskParameters} from "./RiskParameters.sol";

/// @notice Both ends of a way, as marks: a sale falls from `start` to `end`, a purchase rises.
struct Way {
    uint256 start;
    uint256 end;
}

/// @title The way of an auction's price: its ends, its price at a clock, and how long it takes.
/// @notice Equal to protocol/auction-terms.ts to the last bit; docs/market.md has the formulas. Ends and prices are
/// rounded in the backstop's favor.
library Ways {
    /// @notice The whole way, as a clock counts it.
    uint256 internal constant WAY = 1 << 32;
    uint256 private constant WAY_BITS = 32;
    uint256 private constant PREMIUM_BITS = 16;
    uint256 private constant PREMIUM_MOST = (1 << PREMIUM_BITS) / 5;
    uint256 private constant DURATION_LEAST = 600;
    uint256 private constant DURATION_MOST = 7_200;
    /// @dev Six hours, which the quantile is for.
    uint256 private constant QUANTILE_SECONDS = 21_600;

    /// @param sells Whether the backstop does; else it buys.
    /// @param price, sell, buy Of the round. @param premium In 1/2^16 of the mark.
    /// @param floorDiscount In 1/10^4 of the mark.
    function wayOf(
        bool sells,
        uint256 price,
        uint256 sell,
        uint256 buy,
        uint256 premium,
        uint256 floorDiscount
    ) internal pure returns (Way memory way) {
        uint256 above = Math.ceilDiv(price * premium, 1 << PREMIUM_BITS);
        uint256 beyond = price * floorDiscount / RiskParameters.ONE;
        if (sells) (way.start, way.end) = (price + above, sell > beyond ? sell - beyond : 0);
        else (way.start, way.end) = (price - above, buy + beyond);
    }

    /// @notice The price at a clock: of a sale rounded up, of a purchase down.
    function priceAt(Way memory way, uint256 clock) internal pure returns (uint256) {
        if (clock > WAY) clock = WAY;
        return way.start > way.end
            ? way.start - ((way.start - way.end) * clock >> WAY_BITS)
            : way.start + ((way.end - way.start) * clock >> WAY_BITS);
    }

    /// @notice The last point of a way at which its price is not worse for the backstop than `price`; its beginning
    /// where none is.
    function pointOf(Way memory way, uint256 price) internal pure returns (uint256) {
        bool falls = way.start > way.end;
        if (falls ? way.start < price : price < way.start) return 0;
        uint256 length = falls ? way.start - way.end : way.end - way.start;
        uint256 passed = falls ? way.start - price : price - way.start;
        return passed >= length ? WAY : ((passed + 1 << WAY_BITS) - 1) / length;
    }

    /// @notice The share of a way that so many seconds are, rounded down.
    function shareDown(uint256 time, uint256 duration) internal pure returns (uint256) {
        return (time << WAY_BITS) / duration;
    }

    /// @notice The quantile of six hours brought to `maxAge` seconds by the square root of time, in 1/2^16, rounded up.
    /// @param quantile Times 2^48.
    function premiumUp(uint256 quantile, uint256 maxAge) internal pure returns (uint256) {
        uint256 root = _rootUp(Math.ceilDiv(maxAge << 2 * PREMIUM_BITS, QUANTILE_SECONDS));
        return Math.min(PREMIUM_MOST, Math.ceilDiv(quantile * root, 1 << 48));
    }

    /// @notice The root that `durationUp` multiplies by: of the time between blocks over the variance.
    /// @param s5 Variance of an hour, times 2^48. @param blockTime In milliseconds.
    function paceUp(uint256 s5, uint256 blockTime) internal pure returns (uint256) {
        return _rootUp(Math.ceilDiv(18 * blockTime << 112, 5 * Math.max(1, s5)));
    }

    /// @notice Seconds of the whole way, rounded up, between ten minutes and two hours.
    function durationUp(Way memory way, uint256 price, uint256 pace) internal pure returns (uint256) {
        uint256 length = way.start > way.end ? way.start - way.end : way.end - way.start;
        return Math.max(DURATION_LEAST, Math.min(DURATION_MOST, Math.ceilDiv(length * pace, price << 32)));
    }

    function _rootUp(uint256 value) private pure returns (uint256 root) {
        root = Math.sqrt(value);
        if (root * root != value) ++root;
    }
}
