// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Prices from Uniswap v3's ticks: base units of token1 per base unit of token0 are 1.0001 to the power of the
/// tick.
library TickPrice {
    uint256 internal constant ONE = 1 << 128;
    /// @dev floor(2^128 / 1.0001)
    uint256 private constant BASE = 340248342086729790484326174814286782777;
    uint256 private constant TICK_END = 1 << 20;

    error TickOutOfRange(int256 tick);

    /// @notice 2^128 * 1.0001^-n, for n below 2^20, rounded down at each of at most 40 multiplications: the relative
    /// error is below 2^-100 for ticks that leave so many bits, and one unit of the last place otherwise.
    function inversePowerDown(uint256 n) internal pure returns (uint256 result) {
        if (n >= TICK_END) revert TickOutOfRange(int256(n));
        result = ONE;
        for (uint256 base = BASE; n != 0; n >>= 1) {
            if (n & 1 != 0) result = result * base >> 128;
            base = base * base >> 128;
        }
    }

    /// @notice 1.0001^tick * numerator / denominator, rounded down.
    /// @dev Needs numerator <= 10^36, denominator <= 10^18: nothing overflows.
    function timesDown(int256 tick, uint256 numerator, uint256 denominator) internal pure returns (uint256) {
        if (tick < 0) return inversePowerDown(uint256(-tick)) * numerator / (denominator << 128);
        uint256 inverse = inversePowerDown(uint256(tick));
        if (inverse == 0) revert TickOutOfRange(tick);
        return (numerator << 128) / (inverse * denominator);
    }
}
