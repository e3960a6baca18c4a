// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IUniswapV3Pool} from "@uniswap/v3-core/contracts/interfaces/IUniswapV3Pool.sol";

import {ISource} from "../interfaces/ISource.sol";
import {TickPrice} from "../libraries/TickPrice.sol";

/// @title The geometric mean of a Uniswap v3 pool's price over the window that ends now.
/// @dev The quote currency is the pool's other token. A pool that does not remember the whole window gives no answer:
/// see `increaseObservationCardinalityNext` of the pool.
contract UniswapV3Source is ISource {
    uint32 private constant WINDOW_LEAST = 60;
    uint8 private constant DECIMALS = 18;

    error InvalidPool();

    IUniswapV3Pool public immutable pool;
    /// @notice The asset's token.
    address public immutable token;
    /// @notice Seconds.
    uint32 public immutable window;
    bool private immutable IS_TOKEN0;
    uint256 private immutable NUMERATOR;
    uint256 private immutable DENOMINATOR;

    constructor(IUniswapV3Pool pool_, address token_, uint32 window_) {
        (address token0, address token1) = (pool_.token0(), pool_.token1());
        if (window_ < WINDOW_LEAST || (token_ != token0 && token_ != token1)) revert InvalidPool();
        (pool, token, window, IS_TOKEN0) = (pool_, token_, window_, token_ == token0);
        uint256 decimals_ = IERC20Metadata(token_).decimals();
        uint256 quoteDecimals = IERC20Metadata(token_ == token0 ? token1 : token0).decimals();
        if (decimals_ > 18 || quoteDecimals > 18) revert InvalidPool();
        (NUMERATOR, DENOMINATOR) = (10 ** (DECIMALS + decimals_), 10 ** quoteDecimals);
    }

    /// @inheritdoc ISource
    function decimals() external pure returns (uint8) {
        return DECIMALS;
    }

    /// @inheritdoc ISource
    function timeWeighted() external pure returns (bool) {
        return true;
    }

    /// @inheritdoc ISource
    function read()
        external
        view
        returns (uint256 price, uint256 confidence, uint256 time, uint256 currentDecimals)
    {
        uint32[] memory ago = new uint32[](2);
        ago[0] = window;
        (int56[] memory sums,) = pool.observe(ago);
        int256 tick = _meanTickDown(int256(sums[1]) - int256(sums[0]));
        price = TickPrice.timesDown(IS_TOKEN0 ? tick : -tick, NUMERATOR, DENOMINATOR);
        return (price, 0, block.timestamp, DECIMALS);
    }

    /// @dev The sums wrap at 56 bits as the pool's do, after ten million years.
    function _meanTickDown(int256 sum) private view returns (int256 tick) {
        int256 seconds_ = int256(uint256(window));
        tick = sum / seconds_;
        if (sum < 0 && sum % seconds_ != 0) --tick;
    }
}
