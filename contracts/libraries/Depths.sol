// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {RiskParameters} from "./RiskParameters.sol";
import {TickPrice} from "./TickPrice.sol";

interface IUniswapV3Observer {
    function observe(uint32[] calldata secondsAgos)
        external
        view
        returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulativeX128s);
}

/// @title The size that would move the market by 100 % at the slope of today.
/// @notice Equal to protocol/depth.ts to the last bit.
library Depths {
    uint256 internal constant HOUR = 1 hours;
    uint256 private constant GAS = 300_000;
    uint256 private constant OVERHEAD = 10_000;
    /// @dev A word of a pool: the harmonic mean of its liquidity from bit 24, 2^23 plus its mean tick below.
    uint256 private constant TICK_ZERO = 1 << 23;
    uint256 private constant TICK_END = 887_273;

    error TooLittleGas();

    /// @notice Harmonic-mean liquidity and mean tick of a pool over the last `window` seconds; 0 where it does not say.
    function read(address pool, uint32 window) internal view returns (uint256 word) {
        uint32[] memory ago = new uint32[](2);
        ago[0] = window;
        bytes memory question = abi.encodeCall(IUniswapV3Observer.observe, (ago));
        // Nobody can starve the pool: what is left to it is what it may need.
        if (gasleft() < GAS * 64 / 63 + OVERHEAD) revert TooLittleGas();
        uint256[8] memory r;
        bool ok;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            ok := staticcall(GAS, pool, add(question, 32), mload(question), r, 256)
            ok := and(ok, eq(returndatasize(), 256))
        }
        if (!ok || r[0] != 64 || r[1] != 160 || r[2] != 2 || r[5] != 2) return 0;
        int256 moved = int256(int56(int256(r[4]))) - int256(int56(int256(r[3])));
        int256 tick = moved / int256(uint256(window));
        if (moved < 0 && moved % int256(uint256(window)) != 0) --tick;
        uint256 perLiquidity;
        unchecked {
            perLiquidity = uint160(r[7]) - uint160(r[6]);
        }
        perLiquidity &= type(uint160).max;
        if (perLiquidity == 0 || tick <= -int256(TICK_END) || tick >= int256(TICK_END)) return 0;
        uint256 liquidity = uint256(window) * type(uint160).max / (perLiquidity << 32);
        if (liquidity == 0 || liquidity > type(uint128).max) return 0;
        return liquidity << 24 | uint256(tick + int256(TICK_ZERO));
    }

    /// @notice Base units of the asset that at the slope of the pool move its price by 100 %, times a share.
    /// @param word As `read` gives it, not 0. @param share In 1/10^4.
    /// @dev Needs decimals <= 8, tokenDecimals <= 36: neither side overflows.
    function ofPoolDown(uint256 word, bool token1, uint256 share, uint256 decimals, uint256 tokenDecimals)
        internal
        pure
        returns (uint256)
    {
        int256 tick = int256(word & ((1 << 24) - 1)) - int256(TICK_ZERO);
        // 2^96 times the root of 1.0001 to the power of minus the tick's size: at least 2^32.
        uint256 root = Math.sqrt(TickPrice.inversePowerDown(uint256(tick < 0 ? -tick : tick)) << 64);
        if (root == 0) return 0;
        uint256 liquidity = word >> 24;
        // Half of liquidity over the root of the price, or half of their product: below 2^191.
        uint256 amount = (tick < 0) == token1 ? Math.mulDiv(liquidity, root, 1 << 97) : (liquidity << 95) / root;
        return amount * share * 10 ** decimals / (RiskParameters.ONE * 10 ** tokenDecimals);
    }

    /// @notice The depth that the market asks for, in base units.
    /// @param configured That of the deployment. @param offered By the pool, or in calm as in stress.
    function wanted(uint256 configured, uint256 offered, uint256 most) internal pure returns (uint256) {
        uint256 least = leastUp(configured);
        if (offered > most) offered = most;
        return offered < least ? least : offered;
    }

    /// @notice 1/16 of the configured depth: never 0 where that is not.
    function leastUp(uint256 configured) internal pure returns (uint256) {
        return Math.ceilDiv(configured, 16);
    }

    /// @notice The depth from now on: only what is 10 % away moves it, an hour after the last move at the earliest, by
    /// a factor of two at the most.
    /// @param changedAt The time of the last move; 0: there was none.
    function next(uint256 depth, uint256 aim, uint256 changedAt, uint256 time) internal pure returns (uint256) {
        uint256 away = aim > depth ? aim - depth : depth - aim;
        if (time < changedAt + HOUR || away * 10 < depth || away == 0) return depth;
        if (aim > 2 * depth) return 2 * depth;
        uint256 half = Math.ceilDiv(depth, 2);
        return aim < half ? half : aim;
    }

    /// @notice The least gap at which new collateral is worth no more than selling all that is held would bring, in
    /// whole points.
    function gapUp(uint256 collateralFactor, uint256 penalty, uint256 holdings, uint256 depth)
        internal
        pure
        returns (uint256)
    {
        if (depth == 0 || holdings == 0) return 0;
        uint256 most = (RiskParameters.ONE - penalty) * depth / (depth + holdings);
        return collateralFactor <= most ? 0 : Math.ceilDiv(collateralFactor - most, 100) * 100;
    }
}
