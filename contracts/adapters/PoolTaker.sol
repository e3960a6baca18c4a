// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IUniswapV3SwapCallback} from "@uniswap/v3-core/contracts/interfaces/callback/IUniswapV3SwapCallback.sol";
import {IUniswapV3Pool} from "@uniswap/v3-core/contracts/interfaces/IUniswapV3Pool.sol";

import {IMarket, ITaker} from "../interfaces/IMarket.sol";
import {IVault} from "../interfaces/IVault.sol";
import {TickPrice} from "../libraries/TickPrice.sol";

/// @title The protocol's own taker: sells what the backstop holds of an asset into a Uniswap v3 pool, or buys there
/// what it is short of, for whoever calls.
/// @notice The caller gets a fixed tip; all that the pool pays beyond the auction's price and the tip is the
/// backstop's. The pool has to pay at least both, and may not be worse than its own time-weighted price by more than a
/// tolerance: so a push within a block leaves whoever pushed it nothing of the surplus, and a push over the window no
/// more than the auction would have left any taker.
/// @dev Nothing stays here between two calls but what somebody sent, and a part of cash that is no whole unit of the
/// rollup; the next call gives both to the backstop. Tokens that call back cannot use a call in between: the vault's
/// lock spans the fill, the surplus is given before the tip.
contract PoolTaker is ITaker, IUniswapV3SwapCallback {
    using SafeERC20 for IERC20;

    uint32 private constant WINDOW_LEAST = 60;
    uint256 private constant ONE = 1e4;
    /// @dev Of the time-weighted price: the scale at which it is counted.
    uint256 private constant PRICE_ONE = 1e36;
    /// @dev Limits of a pool's price, exclusive.
    uint160 private constant ROOT_MIN = 4295128739;
    uint160 private constant ROOT_MAX = 1461446703485210103287273052203988822378723970342;

    struct Config {
        address market;
        /// Of the asset's token and that of cash.
        address pool;
        uint8 asset;
        /// Seconds of the time-weighted price, which the pool has to remember.
        uint32 window;
        /// How much worse than it the pool may be, fee and impact included; in 1/10^4, below 10^4.
        uint16 tolerance;
        /// Of the caller, in token units of cash.
        uint256 tip;
        /// The least fill, in token units of cash: whoever splits a lot gets no more tips than its cash has of these.
        uint256 least;
    }

    /// @param surplus Given to the backstop, in token units of cash.
    event Ran(address indexed caller, uint256 units, uint256 surplus);

    error InvalidConfig(string what);
    error NotVault();
    error NotPool();
    /// @notice The pool gives less, or asks for more, than its time-weighted price and the tolerance allow.
    error PoolPushed(uint256 cash, uint256 bound);
    /// @notice The pool gives less than the fill and the tip cost, or asks for more than the fill pays less the tip.
    error PoolDoesNotPay(uint256 cash, uint256 bound);
    error FillTooSmall(uint256 cash, uint256 least);
    /// @notice The pool has no liquidity for so much.
    error PoolTooShallow();

    IMarket private immutable MARKET;
    IVault private immutable VAULT;
    IUniswapV3Pool private immutable POOL;
    IERC20 private immutable CASH;
    IERC20 private immutable TOKEN;
    uint8 private immutable ASSET;
    bool private immutable IS_TOKEN0;
    uint32 private immutable WINDOW;
    uint16 private immutable TOLERANCE;
    uint256 private immutable TIP;
    uint256 private immutable LEAST;
    /// @dev Token units of cash that are one unit of the rollup.
    uint256 private immutable CASH_UNIT;

    constructor(Config memory c) {
        MARKET = IMarket(c.market);
        VAULT = IVault(MARKET.vault());
        POOL = IUniswapV3Pool(c.pool);
        (address cash, uint8 cashTokenDecimals, uint8 cashDecimals,,,) = VAULT.assetInfo(0);
        (address token,,,,,) = VAULT.assetInfo(c.asset);
        if (c.asset == 0 || token == address(0)) revert InvalidConfig("asset");
        (address token0, address token1) = (POOL.token0(), POOL.token1());
        IS_TOKEN0 = token == token0;
        if ((IS_TOKEN0 ? token1 : token0) != cash || (!IS_TOKEN0 && token != token1)) revert InvalidConfig("pool");
        if (c.window < WINDOW_LEAST) revert InvalidConfig("window");
        if (c.tolerance >= ONE) revert InvalidConfig("tolerance");
        (ASSET, WINDOW, TOLERANCE, TIP, LEAST) = (c.asset, c.window, c.tolerance, c.tip, c.least);
        (CASH, TOKEN) = (IERC20(cash), IERC20(token));
        CASH_UNIT = cashTokenDecimals > cashDecimals ? 10 ** (cashTokenDecimals - cashDecimals) : 1;
    }

    /// @notice Takes units of the oldest lots and trades them with the pool. Anyone.
    /// @param units As `IMarket.take`.
    /// @param recipient Of the tip.
    /// @return surplus As in `Ran`.
    function run(uint256 units, address recipient) external returns (uint256 surplus) {
        (bool sells,,) = MARKET.quote(ASSET, units);
        // What it costs is compared with what the pool pays, not with a limit.
        MARKET.take(ASSET, units, sells ? type(uint256).max : 0, address(this), hex"01");
        surplus = CASH.balanceOf(address(this)) - TIP;
        surplus -= surplus % CASH_UNIT;
        if (surplus > 0) {
            CASH.forceApprove(address(VAULT), surplus);
            VAULT.donate(0, surplus);
        }
        emit Ran(msg.sender, units, surplus);
        if (TIP > 0) CASH.safeTransfer(recipient, TIP);
    }

    /// @inheritdoc ITaker
    function onTake(uint8, bool sells, uint256 out, uint256 owed, bytes calldata) external {
        if (msg.sender != address(VAULT)) revert NotVault();
        if ((sells ? owed : out) < LEAST) revert FillTooSmall(sells ? owed : out, LEAST);
        uint256 units = sells ? out : owed;
        uint256 fair = Math.mulDiv(units, _meanPrice(), PRICE_ONE);
        // A sale pays in all the units, a purchase takes out all of them.
        bool zeroForOne = sells == IS_TOKEN0;
        (int256 amount0, int256 amount1) = POOL.swap(
            address(this),
            zeroForOne,
            sells ? int256(units) : -int256(units),
            zeroForOne ? ROOT_MIN + 1 : ROOT_MAX - 1,
            ""
        );
        (int256 ofAsset, int256 ofCash) = IS_TOKEN0 ? (amount0, amount1) : (amount1, amount0);
        if (ofAsset != (sells ? int256(units) : -int256(units))) revert PoolTooShallow();
        uint256 cash = uint256(sells ? -ofCash : ofCash);
        uint256 bound;
        if (sells) {
            bound = Math.mulDiv(fair, ONE - TOLERANCE, ONE, Math.Rounding.Ceil);
            if (cash < bound) revert PoolPushed(cash, bound);
            if (cash < owed + TIP) revert PoolDoesNotPay(cash, owed + TIP);
        } else {
            bound = Math.mulDiv(fair, ONE + TOLERANCE, ONE);
            if (cash > bound) revert PoolPushed(cash, bound);
            if (cash + TIP > out) revert PoolDoesNotPay(cash, out > TIP ? out - TIP : 0);
        }
        (sells ? CASH : TOKEN).forceApprove(address(VAULT), owed);
    }

    /// @inheritdoc IUniswapV3SwapCallback
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        if (msg.sender != address(POOL)) revert NotPool();
        (int256 ofAsset, int256 ofCash) = IS_TOKEN0 ? (amount0, amount1) : (amount1, amount0);
        if (ofAsset > 0) TOKEN.safeTransfer(msg.sender, uint256(ofAsset));
        if (ofCash > 0) {
            uint256 most = CASH.balanceOf(address(this));
            if (uint256(ofCash) > most) revert PoolDoesNotPay(uint256(ofCash), most);
            CASH.safeTransfer(msg.sender, uint256(ofCash));
        }
    }

    function config() external view returns (Config memory) {
        return Config(address(MARKET), address(POOL), ASSET, WINDOW, TOLERANCE, TIP, LEAST);
    }

    /// @return Token units of cash for one of the asset, times `PRICE_ONE`, as the geometric mean over the window.
    function _meanPrice() private view returns (uint256) {
        uint32[] memory ago = new uint32[](2);
        ago[0] = WINDOW;
        (int56[] memory sums,) = POOL.observe(ago);
        int256 sum = int256(sums[1]) - int256(sums[0]);
        int256 window = int256(uint256(WINDOW));
        int256 tick = sum / window;
        if (sum < 0 && sum % window != 0) --tick;
        return TickPrice.timesDown(IS_TOKEN0 ? tick : -tick, PRICE_ONE, 1);
    }
}
